package kernel

import "strings"

// Device reads from a browser's own words what a person recognises in a list of their sign-ins. Browsers name their
// ancestors too, so the order matters. It is never trusted for anything.
func Device(agent string) (kind, system, browser string) {
	first := func(table [][2]string) string {
		for _, row := range table {
			if strings.Contains(agent, row[0]) {
				return row[1]
			}
		}
		return ""
	}
	system = first([][2]string{{"iPhone", "iOS"}, {"iPad", "iPadOS"}, {"Android", "Android"}, {"Windows", "Windows"},
		{"CrOS", "ChromeOS"}, {"Mac OS X", "macOS"}, {"Linux", "Linux"}})
	browser = first([][2]string{{"Edg", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser", "Samsung Internet"}, {"Firefox/", "Firefox"},
		{"FxiOS", "Firefox"}, {"CriOS", "Chrome"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"}})
	switch {
	case strings.Contains(agent, "iPad"), system == "Android" && !strings.Contains(agent, "Mobile"):
		kind = "tablet"
	case system == "iOS", system == "Android":
		kind = "mobile"
	case system != "":
		kind = "desktop"
	}
	return kind, system, browser
}
