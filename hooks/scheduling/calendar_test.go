package scheduling_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	ics "github.com/arran4/golang-ical"

	"anteroom/hooks/testkit"
)

// event parses a calendar with one event.
func event(t testing.TB, raw []byte) *ics.VEvent {
	t.Helper()
	if bytes.Count(raw, []byte("\n")) != bytes.Count(raw, []byte("\r\n")) {
		t.Errorf("lines do not end with CRLF:\n%s", raw)
	}
	for _, line := range strings.Split(string(raw), "\r\n") {
		if len(line) > 75 {
			t.Errorf("a line of %d bytes: %s", len(line), line)
		}
	}
	cal, err := ics.ParseCalendar(bytes.NewReader(raw))
	if err != nil || len(cal.Events()) != 1 {
		t.Fatalf("%v in %s", err, raw)
	}
	return cal.Events()[0]
}

func value(e *ics.VEvent, name ics.ComponentProperty) string {
	if p := e.GetProperty(name); p != nil {
		return p.Value
	}
	return ""
}

func TestCalendarFile(t *testing.T) {
	c := newClinic(t)
	settings(t, c, map[string]any{"clinic_name": "Juniper House; Boulder, \"North\" \\ West"})
	id := book(t, c, nil).Id
	download := func(headers ...string) (*testkit.Response, *ics.VEvent) {
		t.Helper()
		got := c.Do(t, http.MethodGet, visits+"/"+id+"/ics", c.As(t, testkit.AdaEmail), nil, headers...)
		if got.Status != http.StatusOK {
			t.Fatalf("%d %s", got.Status, got.Body)
		}
		return got, event(t, got.Body)
	}
	got, e := download()
	if ct := got.Header.Get("Content-Type"); !strings.HasPrefix(ct, "text/calendar; charset=utf-8") {
		t.Errorf("Content-Type %q", ct)
	}
	if d := got.Header.Get("Content-Disposition"); d != `attachment; filename="appointment.ics"` {
		t.Errorf("Content-Disposition %q", d)
	}
	for name, want := range map[ics.ComponentProperty]string{ics.ComponentPropertyUniqueId: id + "@anteroom", ics.ComponentPropertyDtStart: "20261221T170000Z",
		ics.ComponentPropertyDtEnd: "20261221T175000Z", ics.ComponentPropertySequence: "0", ics.ComponentPropertyStatus: "CONFIRMED",
		ics.ComponentPropertyClass: "PRIVATE", ics.ComponentPropertySummary: "Appointment at Juniper House; Boulder, \"North\" \\ West",
		ics.ComponentPropertyLocation: "Main Street, 1 Main Street, Boulder, CO 80301", ics.ComponentPropertyUrl: "http://portal.example/appointments/" + id,
		ics.ComponentPropertyDescription: "http://portal.example/appointments/" + id} {
		if got := value(e, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if !strings.Contains(string(got.Body), "METHOD:PUBLISH\r\n") || !strings.HasSuffix(got.Header.Get("Content-Type"), "; method=PUBLISH") {
		t.Error("no METHOD")
	}
	refuseDetails(t, string(got.Body))
	if n := audited(t, c, "VIEW_APPOINTMENT", id); n != 1 {
		t.Errorf("%d audit lines, want 1", n)
	}

	if _, e := download("Accept-Language", "es"); !strings.HasPrefix(value(e, ics.ComponentPropertySummary), "Cita en ") {
		t.Errorf("in Spanish: %q", value(e, ics.ComponentPropertySummary))
	}
	desk := c.As(t, testkit.DeskEmail)
	c.Do(t, http.MethodPatch, records+"/"+id, desk, map[string]any{"start_time": "2026-12-22 17:00:00.000Z"})
	if _, e := download(); value(e, ics.ComponentPropertySequence) != "1" || value(e, ics.ComponentPropertyUniqueId) != id+"@anteroom" || value(e, ics.ComponentPropertyDtStart) != "20261222T170000Z" {
		t.Error("a moved visit does not replace its event")
	}
	c.Do(t, http.MethodPatch, records+"/"+id, desk, map[string]any{"status": "cancelled"})
	got, e = download()
	if value(e, ics.ComponentPropertySequence) != "2" || value(e, ics.ComponentPropertyStatus) != "CANCELLED" || value(e, ics.ComponentPropertyDtStart) != "20261222T170000Z" {
		t.Error("a cancelled visit stays in the calendar")
	}
	if !strings.Contains(string(got.Body), "METHOD:CANCEL\r\n") || !strings.HasSuffix(got.Header.Get("Content-Type"), "; method=CANCEL") {
		t.Errorf("a cancellation without its method: %s\n%s", got.Header.Get("Content-Type"), got.Body)
	}
}

func TestCalendarNamesDetailsOnlyWhenTheClinicChoseSo(t *testing.T) {
	c := newClinic(t)
	settings(t, c, map[string]any{"mail_names_details": true})
	id := ask(t, c, nil)
	confirm(t, c, testkit.DeskEmail, id, map[string]any{"preference": 1})
	for _, m := range c.Mails(t, testkit.AdaEmail) {
		if m.Subject == "Your appointment at Test Clinic" {
			if !strings.Contains(m.Text, "Individual therapy with Dr. Ana Reyes") {
				t.Errorf("the mail says\n%s", m.Text)
			}
			if d := value(event(t, m.Attachments[0].ContentBase64), ics.ComponentPropertyDescription); !strings.Contains(d, "Individual therapy with Dr. Ana Reyes") {
				t.Errorf("the event says %q", d)
			}
			if strings.Contains(m.Text+string(m.Attachments[0].ContentBase64), "sleep") {
				t.Error("the reason leaves the clinic")
			}
			return
		}
	}
	t.Error("no mail")
}

func TestVideoVisitHasNoAddress(t *testing.T) {
	c := newClinic(t)
	id := book(t, c, map[string]any{"service_location": "telehealth", "telehealth_link": "https://video.example/secret"}).Id
	got := c.Do(t, http.MethodGet, visits+"/"+id+"/ics", c.As(t, testkit.AdaEmail), nil)
	if l := value(event(t, got.Body), ics.ComponentPropertyLocation); l != "Video visit" {
		t.Errorf("the place is %q", l)
	}
	if strings.Contains(string(got.Body), "video.example") {
		t.Error("the link lies in the calendar")
	}
}

func TestNothingToPutIntoACalendar(t *testing.T) {
	c := newClinic(t)
	ada := c.As(t, testkit.AdaEmail)
	asked := ask(t, c, nil)
	c.Do(t, http.MethodGet, visits+"/"+asked+"/ics", ada, nil).Refused(t, http.StatusConflict, "NOT_BOOKED")
	decline(t, c, testkit.DeskEmail, asked, map[string]any{"reason": "x"})
	c.Do(t, http.MethodGet, visits+"/"+asked+"/ics", ada, nil).Refused(t, http.StatusConflict, "NOT_BOOKED")
}
