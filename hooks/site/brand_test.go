package site

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"
)

// The generator of the design tokens (testdata/tokens.mjs) is the oracle; accents.mjs wrote its answers down.
func TestAccentsAgreeWithTheTokenGenerator(t *testing.T) {
	raw, err := os.ReadFile("testdata/accents.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden map[string]map[string]map[string]string
	if err := json.Unmarshal(raw, &golden); err != nil {
		t.Fatal(err)
	}
	if len(golden) < 70 {
		t.Fatalf("only %d colours in the golden file", len(golden))
	}
	for colour, want := range golden {
		light, dark, err := Accents(colour)
		if err != nil {
			t.Fatal(err)
		}
		for theme, got := range map[string]Accent{"light": light, "dark": dark} {
			w := want[theme]
			expected := Accent{w["wash"], w["tint"], w["tint-2"], w["line"], w["solid"], w["solid-hover"], w["solid-active"], w["on"], w["text"], w["focus"]}
			if got != expected {
				t.Errorf("%s %s:\n got %+v\nwant %+v", colour, theme, got, expected)
			}
		}
	}
}

func TestEveryClinicColourIsReadable(t *testing.T) {
	for r := 0; r < 256; r += 15 {
		for g := 0; g < 256; g += 15 {
			for b := 0; b < 256; b += 15 {
				colour := fmt.Sprintf("#%02x%02x%02x", r, g, b)
				light, dark, err := Accents(colour)
				if err != nil {
					t.Fatal(err)
				}
				for _, p := range []struct {
					what, fg, bg string
					need         float64
				}{
					{"white on solid", light.On, light.Solid, 4.5}, {"white on hover", light.On, light.SolidHover, 4.5},
					{"text on tint", light.Text, light.Tint2, 4.5}, {"text on page", light.Text, lightOn.page, 4.5}, {"focus on page", light.Focus, lightOn.page, 3},
					{"ink on dark solid", dark.On, dark.Solid, 4.5}, {"dark text on tint", dark.Text, dark.Tint2, 4.5}, {"dark focus", dark.Focus, darkOn.surface, 3},
				} {
					if c := Contrast(p.fg, p.bg); c < p.need {
						t.Errorf("%s: %s is %.2f, needs %.1f", colour, p.what, c, p.need)
					}
				}
			}
		}
	}
}

func TestBrandRefusesWhatIsNoColour(t *testing.T) {
	for _, bad := range []string{"", "red", "#12345", "#1234567", "#12345g", "#123456;}body{display:none"} {
		if css, err := brandCSS(bad); err == nil {
			t.Errorf("%q was accepted: %s", bad, css)
		}
	}
}
