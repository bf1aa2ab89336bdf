package scheduling

import (
	"testing"
	"time"

	"anteroom/collections"
)

func TestInstantOfClocksThatAreTurned(t *testing.T) {
	for _, c := range []struct {
		zone, day, wall, want, problem string
	}{
		{"America/New_York", "2026-12-03", "14:30", "2026-12-03T19:30:00Z", ""},
		{"America/New_York", "2027-03-14", "01:59", "2027-03-14T06:59:00Z", ""},
		{"America/New_York", "2027-03-14", "02:00", "", "time"},
		{"America/New_York", "2027-03-14", "02:30", "", "time"},
		{"America/New_York", "2027-03-14", "03:00", "2027-03-14T07:00:00Z", ""},
		{"America/New_York", "2027-11-07", "01:30", "2027-11-07T05:30:00Z", ""}, // shown twice: the first
		{"America/New_York", "2027-11-07", "00:59", "2027-11-07T04:59:00Z", ""},
		{"America/New_York", "2027-11-07", "02:00", "2027-11-07T07:00:00Z", ""},
		{"America/Denver", "2027-03-14", "02:30", "", "time"},
		{"America/Phoenix", "2027-03-14", "02:30", "2027-03-14T09:30:00Z", ""},     // Arizona does not turn its clocks
		{"Australia/Lord_Howe", "2026-10-04", "02:15", "", "time"},                 // half an hour is skipped
		{"Australia/Lord_Howe", "2027-04-04", "01:45", "2027-04-03T14:45:00Z", ""}, // and shown twice
		{"Africa/Cairo", "2027-04-30", "00:30", "", "time"},                        // midnight itself is skipped
		{"Pacific/Apia", "2011-12-30", "10:00", "", "time"},                        // the whole day was
		{"Asia/Kolkata", "2026-12-03", "14:30", "2026-12-03T09:00:00Z", ""},        // half an hour off
		{"UTC", "2028-02-29", "00:00", "2028-02-29T00:00:00Z", ""},                 // a leap day
		{"UTC", "2027-02-29", "10:00", "", "date"},                                 // not one
		{"UTC", "2027-02-30", "10:00", "", "date"}, {"UTC", "2027-13-01", "10:00", "", "date"}, {"UTC", "27-01-01", "10:00", "", "date"},
		{"UTC", "", "10:00", "", "date"}, {"UTC", "2027-01-01T00:00:00Z", "10:00", "", "date"}, {"UTC", " 2027-01-01", "10:00", "", "date"},
		{"UTC", "2027-01-01", "24:00", "", "time"}, {"UTC", "2027-01-01", "9:30", "", "time"}, {"UTC", "2027-01-01", "12:60", "", "time"},
		{"UTC", "2027-01-01", "", "", "time"}, {"UTC", "2027-01-01", "12:30:00", "", "time"}, {"UTC", "2027-01-01", "2:30 pm", "", "time"},
	} {
		zone, err := time.LoadLocation(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		got, err := instantOf(collections.Preference{Date: c.day, Time: c.wall}, zone)
		if c.problem != "" {
			if codeOf(err, c.problem) == "" {
				t.Errorf("%s %s %s: got %v and %v, want a problem of the %s", c.zone, c.day, c.wall, got, err, c.problem)
			}
			continue
		}
		if err != nil || got.Format(time.RFC3339) != c.want {
			t.Errorf("%s %s %s: got %s and %v, want %s", c.zone, c.day, c.wall, got.Format(time.RFC3339), err, c.want)
		}
	}
}

// Whatever is accepted shows on the clocks of the place exactly as it was asked for.
func FuzzInstantOf(f *testing.F) {
	f.Add("2027-03-14", "02:30", "America/New_York")
	f.Add("2027-11-07", "01:30", "America/New_York")
	f.Add("2026-10-04", "02:15", "Australia/Lord_Howe")
	f.Fuzz(func(t *testing.T, day, wall, name string) {
		zone, err := collections.Zone(name)
		if err != nil {
			return
		}
		at, err := instantOf(collections.Preference{Date: day, Time: wall}, zone)
		if err != nil {
			return
		}
		if got := at.In(zone); got.Format(dayForm) != day || got.Format(wallForm) != wall || got.Second() != 0 {
			t.Fatalf("%q %q in %s became %s", day, wall, name, got)
		}
		// of two instants that show the same, the first
		if before := at.Add(-time.Hour).In(zone); before.Format(dayForm) == day && before.Format(wallForm) == wall {
			t.Fatalf("%q %q in %s became the second of two", day, wall, name)
		}
	})
}

func TestSpanInWords(t *testing.T) {
	denver, err := time.LoadLocation("America/Denver")
	if err != nil {
		t.Fatal(err)
	}
	at := func(s string) time.Time {
		v, err := time.ParseInLocation("2006-01-02 15:04", s, denver)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, c := range []struct {
		start, end, en, es string
	}{
		{"2026-12-03 14:30", "2026-12-03 15:20", "Thursday, December 3, 2:30 to 3:20 pm", "jueves 3 de diciembre, 2:30 a 3:20 p. m."},
		{"2026-12-03 11:30", "2026-12-03 12:20", "Thursday, December 3, 11:30 am to 12:20 pm", "jueves 3 de diciembre, 11:30 a. m. a 12:20 p. m."},
		{"2026-12-03 00:00", "2026-12-03 00:30", "Thursday, December 3, 12:00 to 12:30 am", "jueves 3 de diciembre, 12:00 a 12:30 a. m."},
		{"2027-01-06 09:00", "2027-01-06 09:50", "Wednesday, January 6, 2027, 9:00 to 9:50 am", "miércoles 6 de enero de 2027, 9:00 a 9:50 a. m."},
		{"2026-12-05 23:30", "2026-12-06 00:20", "Saturday, December 5, 11:30 pm to 12:20 am", "sábado 5 de diciembre, 11:30 p. m. a 12:20 a. m."},
		{"2026-12-05 09:00", "2026-12-05 21:00", "Saturday, December 5, 9:00 am to 9:00 pm", "sábado 5 de diciembre, 9:00 a. m. a 9:00 p. m."},
	} {
		if got := spanInWords(english, at(c.start), at(c.end), 2026); got != c.en {
			t.Errorf("got %q, want %q", got, c.en)
		}
		if got := spanInWords(spanish, at(c.start), at(c.end), 2026); got != c.es {
			t.Errorf("got %q, want %q", got, c.es)
		}
	}
}

func TestLanguageOf(t *testing.T) {
	for header, want := range map[string]string{
		"": english, "es": spanish, "es-MX,es;q=0.9,en;q=0.8": spanish, "en-US,en;q=0.9,es;q=0.8": english, "fr": english,
		"fr, es;q=0.5": spanish, "es;q=0, en": english, "not a header;;;": english, "*": english, "es-419": spanish,
	} {
		if got := languageOf(header); got != want {
			t.Errorf("Accept-Language %q: got %s, want %s", header, got, want)
		}
	}
}

func TestSpanOfDates(t *testing.T) {
	for name, c := range map[string]struct {
		query map[string]string
		want  span
		bad   string
	}{
		"none":     {nil, span{from: "0000", to: "9999", fromDay: "0000", lastDay: "9999"}, ""},
		"days":     {map[string]string{"startDate": "2026-12-03", "endDate": "2026-12-04"}, span{true, "2026-12-02 00:00:00.000Z", "2026-12-06 00:00:00.000Z", "2026-12-03", "2026-12-04"}, ""},
		"instants": {map[string]string{"from": "2026-12-03T10:00:00-07:00", "to": "2026-12-03T18:00:00Z"}, span{true, "2026-12-03 17:00:00.000Z", "2026-12-03 18:00:00.001Z", "0000", "9999"}, ""},
		"no date":  {map[string]string{"startDate": "yesterday"}, span{}, "startDate"},
		"no day":   {map[string]string{"to": "2026-02-30"}, span{}, "to"},
	} {
		got, err := spanOf(func(k string) string { return c.query[k] })
		if c.bad != "" {
			if err == nil || !hasField(err, c.bad) {
				t.Errorf("%s: got %v, want a problem of %s", name, err, c.bad)
			}
			continue
		}
		if err != nil || got != c.want {
			t.Errorf("%s: got %+v %v, want %+v", name, got, err, c.want)
		}
	}
}
