package scheduling_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	ics "github.com/arran4/golang-ical"

	"anteroom/collections"
	"anteroom/hooks/kernel"
	"anteroom/hooks/scheduling"
	"anteroom/hooks/testkit"
)

var rewrite = flag.Bool("rewrite", false, "write the calendar files that web/src/test/calendar is read from")

// kept is where the files lie that the web app's tests read with ical.js, a library of other people.
const kept = "../../web/src/test/calendar"

// keptEvent is what every reader of a kept file must find in it.
type keptEvent struct {
	File     string `json:"file"`
	UID      string `json:"uid"`
	Method   string `json:"method"`
	Status   string `json:"status"`
	Sequence int    `json:"sequence"`
	Start    string `json:"start"` // UTC
	End      string `json:"end"`
	Summary  string `json:"summary"`
	Location string `json:"location"`
}

// TestCalendarFilesOfMails: a visit that is agreed, moved and cancelled mails three files, one event with rising SEQUENCE, and
// what is mailed is read the same by golang-ical here and by ical.js in web/src/test/calendar.test.ts.
func TestCalendarFilesOfMails(t *testing.T) {
	long := "Clínica Año Nuevo für Kinder & Jugendliche, «Ärzte; Praxis» 診療所 — Straße der Freundschaft, " + strings.Repeat("ü", 18) + "🩺"
	for name, v := range map[string]struct {
		zone, starts, moves string
	}{
		"denver":               {"America/Denver", "2026-12-21T17:00:00Z", "2026-12-22T17:00:00Z"},
		"across-summer-time":   {"America/Denver", "2027-03-14T08:30:00Z", "2027-03-14T09:15:00Z"},    // 1:30; 3:15 on the clocks, 45 minutes later
		"shown-twice":          {"America/Denver", "2026-11-01T07:30:00Z", "2026-11-01T08:30:00Z"},    // 1:30 and 1:30 again
		"vancouver-2026-12":    {"America/Vancouver", "2026-12-15T18:00:00Z", "2026-12-16T18:00:00Z"}, // a zone whose law changed that year
		"lord-howe-half-hours": {"Australia/Lord_Howe", "2027-04-03T14:45:00Z", "2027-04-03T15:15:00Z"},
		"over-new-year":        {"Pacific/Auckland", "2026-12-31T10:40:00Z", "2027-01-01T10:40:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClinic(t)
			kernel.SetNow(c.App, at("2026-10-20T16:00:00Z"))
			settings(t, c, map[string]any{"clinic_name": long})
			change(t, c, c.Find(t, "locations", testkit.Location), map[string]any{"time_zone": v.zone})
			visit := c.Find(t, "appointments", book(t, c, map[string]any{"status": "scheduled", "start_time": at("2027-05-03T17:00:00Z")}).Id)
			// staff agree, move and cancel; imports tell nobody
			step := func(values map[string]any) {
				t.Helper()
				c.Advance(time.Minute)
				r := c.Find(t, "appointments", visit.Id)
				for k, x := range values {
					r.Set(k, x)
				}
				if err := kernel.SaveAs(c.App, deskActor(), r); err != nil {
					t.Fatal(err)
				}
			}
			step(map[string]any{"start_time": at(v.starts)})
			step(map[string]any{"start_time": at(v.moves)})
			step(map[string]any{"status": "cancelled"})
			mails := c.Mails(t, testkit.AdaEmail)
			if len(mails) != 3 {
				t.Fatalf("%d mails, want 3", len(mails))
			}
			var found []keptEvent
			for i := range mails {
				a := mails[len(mails)-1-i].Attachments[0]
				e := event(t, a.ContentBase64)
				if !utf8.Valid(a.ContentBase64) || !everyLineIsUTF8(a.ContentBase64) {
					t.Error("a fold divides a character")
				}
				starts, err := e.GetStartAt()
				if err != nil {
					t.Fatal(err)
				}
				ends, err := e.GetEndAt()
				if err != nil {
					t.Fatal(err)
				}
				seen := keptEvent{UID: e.Id(), Method: "PUBLISH", Status: value(e, ics.ComponentPropertyStatus), Sequence: i + 1,
					Start: starts.UTC().Format(time.RFC3339), End: ends.UTC().Format(time.RFC3339),
					Summary: value(e, ics.ComponentPropertySummary), Location: value(e, ics.ComponentPropertyLocation)}
				want := keptEvent{UID: visit.Id + "@anteroom", Method: "PUBLISH", Status: "CONFIRMED", Sequence: i + 1, Start: v.starts,
					Summary: "Appointment at " + long, Location: "Main Street, 1 Main Street, Boulder, CO 80301"}
				if i > 0 {
					want.Start = v.moves
				}
				want.End = at(want.Start).Add(50 * time.Minute).Format(time.RFC3339)
				if i == 2 {
					want.Status, want.Method, seen.Method = "CANCELLED", "CANCEL", "CANCEL"
				}
				if seen != want {
					t.Errorf("file %d is read as\n%+v, want\n%+v", i+1, seen, want)
				}
				for _, line := range []string{"METHOD:" + want.Method, "SEQUENCE:" + string(rune('1'+i))} {
					if !bytes.Contains(a.ContentBase64, []byte(line+"\r\n")) {
						t.Errorf("file %d has no %s:\n%s", i+1, line, a.ContentBase64)
					}
				}
				if !strings.HasSuffix(a.MimeType, "method="+want.Method) {
					t.Errorf("file %d is sent as %s", i+1, a.MimeType)
				}
				found = append(found, want)
			}
			// the kept files are made of fixed ids and times
			for i, w := range found {
				w.UID, w.File = name+"@anteroom", name+"-"+string(rune('1'+i))+".ics"
				raw := scheduling.CalendarFileOf(name, long, w.Location, w.Sequence, at(w.Start), at(w.End), w.Status == "CANCELLED")
				keep(t, w, raw)
			}
		})
	}
}

func everyLineIsUTF8(raw []byte) bool {
	for _, line := range bytes.Split(raw, []byte("\r\n")) {
		if !utf8.Valid(line) {
			return false
		}
	}
	return true
}

// keep compares a file and what it says with those that are kept, or writes them.
func keep(t *testing.T, w keptEvent, raw []byte) {
	t.Helper()
	says, err := json.MarshalIndent(w, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	says = append(says, '\n')
	for file, text := range map[string][]byte{w.File: raw, strings.TrimSuffix(w.File, ".ics") + ".json": says} {
		path := filepath.Join(kept, file)
		if *rewrite {
			if err := os.MkdirAll(kept, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, text, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if was, err := os.ReadFile(path); err != nil || !bytes.Equal(was, text) {
			t.Errorf("%s is not what is made now (go test ./hooks/scheduling -run TestCalendarFilesOfMails -rewrite): %v", path, err)
		}
	}
}

// TestVancouverKeepsItsInstants: what is agreed by the clock on the wall there becomes an instant by our zone data, and
// the file carries the instant.
func TestVancouverKeepsItsInstants(t *testing.T) {
	zone, err := collections.Zone("America/Vancouver")
	if err != nil {
		t.Fatal(err)
	}
	start := time.Date(2026, 12, 15, 10, 0, 0, 0, zone)
	raw := scheduling.CalendarFileOf("x", "Clinic", "Place", 0, start, start.Add(time.Hour), false)
	if got, err := event(t, raw).GetStartAt(); err != nil || !got.Equal(start) {
		t.Errorf("%v instead of %v: %v", got, start, err)
	}
	if regexp.MustCompile(`TZID|VTIMEZONE`).Match(raw) {
		t.Error("the file leaves the zone to whoever reads it")
	}
}
