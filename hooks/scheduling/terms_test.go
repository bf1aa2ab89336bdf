package scheduling_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"anteroom/hooks/scheduling"
	"anteroom/hooks/testkit"
)

// bookingTermsAnswer is what availability says of a visit before it is booked.
type bookingTermsAnswer struct {
	FreeCancelHours, LateFeeCents, GraceMinutes, DepositCents, SeriesMax int
	LateCancel                                                           string
	RequestHolds                                                         bool
}

// TestTermsBeforeBooking: what a visit costs once it is late is said before it is booked, and is then what it costs.
func TestTermsBeforeBooking(t *testing.T) {
	c := partyClinic(t)
	settings(t, c, map[string]any{"late_cancel": "fee", "late_fee_cents": 5000, "free_cancel_hours": 24, "cancel_grace_minutes": 15, "request_holds": true})
	change(t, c, c.Find(t, "services", massage), map[string]any{"series_max": 6})
	ada := c.As(t, testkit.AdaEmail)
	see := func(day, lang string) (terms bookingTermsAnswer, first scheduling.Slot) {
		var out struct {
			Terms         bookingTermsAnswer
			NextAvailable scheduling.Slot
		}
		c.Do(t, http.MethodGet, availability+"?serviceId="+massage+"&from="+day+"&to="+day, ada, nil, "Accept-Language", lang).Data(t, &out)
		return out.Terms, out.NextAvailable
	}
	want := bookingTermsAnswer{FreeCancelHours: 24, LateFeeCents: 5000, GraceMinutes: 15, DepositCents: 2000, SeriesMax: 6, LateCancel: "fee", RequestHolds: true}
	terms, slot := see("2026-12-21", "en")
	if terms != want || slot.FreeUntil != "Sunday, December 20 at 9:00 am" {
		t.Errorf("%+v %q", terms, slot.FreeUntil)
	}
	if _, slot := see("2026-12-21", "es"); slot.FreeUntil != "el domingo 20 de diciembre a las 9:00 a. m." {
		t.Errorf("%q", slot.FreeUntil)
	}
	var made struct{ Appointment scheduling.Appointment }
	c.Do(t, http.MethodPost, visits, ada, map[string]any{"serviceId": massage, "locationId": testkit.Location, "startTime": slot.StartTime}).Data(t, &made)
	if a := made.Appointment; a.FeeAfterDeadline != 5000 || a.LateFeeCents != 0 || a.CancellationDeadlineDisplay != slot.FreeUntil {
		t.Errorf("%+v", a)
	}
	// the service's own fee goes before the clinic's, and a fee of nothing is none
	change(t, c, c.Find(t, "services", massage), map[string]any{"late_fee_cents": 7500})
	if terms, _ := see("2026-12-21", "en"); terms.LateFeeCents != 7500 {
		t.Errorf("%+v", terms)
	}
	settings(t, c, map[string]any{"late_cancel": "refuse"})
	if terms, _ := see("2026-12-21", "en"); terms.LateCancel != "refuse" || terms.LateFeeCents != 0 {
		t.Errorf("%+v", terms)
	}
	if a := heard(t, c, made.Appointment.ID); a.FeeAfterDeadline != 0 {
		t.Errorf("%+v", a)
	}
	// where it is always free, and where it is too soon, there is no time until which it would be
	settings(t, c, map[string]any{"late_cancel": "free"})
	if terms, slot := see("2026-12-21", "en"); terms.LateCancel != "free" || slot.FreeUntil != "" {
		t.Errorf("%+v %q", terms, slot.FreeUntil)
	}
	settings(t, c, map[string]any{"late_cancel": "fee", "free_cancel_hours": 720})
	if _, slot := see("2026-12-21", "en"); slot.FreeUntil != "" {
		t.Errorf("%q", slot.FreeUntil)
	}
}

// TestClocksAreWrittenByTheServer: of the history, of the grace, and of when one may check in.
func TestClocksAreWrittenByTheServer(t *testing.T) {
	c := partyClinic(t)
	settings(t, c, map[string]any{"late_cancel": "fee", "late_fee_cents": 5000, "free_cancel_hours": 720, "cancel_grace_minutes": 30})
	ada := c.As(t, testkit.AdaEmail)
	var made struct{ Appointment scheduling.Appointment }
	c.Do(t, http.MethodPost, visits, ada, map[string]any{"serviceId": massage, "locationId": testkit.Location, "startTime": partyMonday}).Data(t, &made)
	id := made.Appointment.ID
	if made.Appointment.CancellationDeadlineDisplay != "Monday, December 7 at 9:30 am" || made.Appointment.LateFeeCents != 0 {
		t.Errorf("the grace: %+v", made.Appointment)
	}
	c.Do(t, http.MethodPost, visits+"/"+id+"/reschedule", ada, map[string]any{"startTime": "2026-12-21T13:00"})
	var history struct{ Events []map[string]string }
	c.Do(t, http.MethodGet, visits+"/"+id+"/history", ada, nil, "Accept-Language", "es").Data(t, &history)
	last := history.Events[len(history.Events)-1]
	if last["atDisplay"] != "lunes 7 de diciembre, 9:00 a. m." || last["fromDisplay"] != "lunes 21 de diciembre, 10:00 a. m." || last["toDisplay"] != "lunes 21 de diciembre, 1:00 p. m." {
		t.Errorf("%v", last)
	}
	early := c.Do(t, http.MethodPost, visits+"/"+id+"/check-in", ada, nil)
	early.Refused(t, http.StatusConflict, "TOO_EARLY")
	if d := details(t, early); d["opensAtDisplay"] != "Monday, December 21 at 12:00 am" {
		t.Errorf("%v", d)
	}
}

// TestPartyCancellation: what calling everybody off would cost is what it then costs.
func TestPartyCancellation(t *testing.T) {
	c := partyClinic(t)
	settings(t, c, map[string]any{"late_cancel": "fee", "late_fee_cents": 5000, "free_cancel_hours": 24, "phone": "(303) 555-0100"})
	p := bookedParty(t, c, partyOf("parallel", memberOf(testkit.Ada, massage), guest("Zoe", massage)))
	type answer struct {
		Allowed                 bool
		FeeCents                int
		Reason, Deadline, Phone string
	}
	ask := func() (out answer) {
		c.Do(t, http.MethodGet, partiesAt+"/"+p.ID+"/cancellation", c.As(t, testkit.AdaEmail), nil).Data(t, &out)
		return out
	}
	cancel := func(accepted int) *testkit.Response {
		return c.Do(t, http.MethodPost, partiesAt+"/"+p.ID+"/cancel", c.As(t, testkit.AdaEmail), map[string]any{"reason": "Ill.", "acceptFeeCents": accepted})
	}
	deadline := "2026-12-20T17:00:00Z"
	if got := ask(); got != (answer{Allowed: true, Deadline: deadline}) {
		t.Errorf("%+v", got)
	}
	c.Do(t, http.MethodGet, partiesAt+"/"+p.ID+"/cancellation", c.As(t, testkit.BoEmail), nil).Refused(t, http.StatusNotFound, "")
	settings(t, c, map[string]any{"free_cancel_hours": 720}) // so that it is late
	if got := ask(); got != (answer{Allowed: true, FeeCents: 10000, Deadline: "2026-11-21T17:00:00Z"}) {
		t.Errorf("%+v", got)
	}
	settings(t, c, map[string]any{"late_cancel": "refuse"})
	if got := ask(); got != (answer{Reason: "TOO_LATE", Deadline: "", Phone: "(303) 555-0100"}) {
		t.Errorf("%+v", got)
	}
	cancel(10000).Refused(t, http.StatusConflict, "TOO_LATE")
	settings(t, c, map[string]any{"late_cancel": "fee"})
	got := cancel(5000)
	got.Refused(t, http.StatusConflict, "FEE_NOT_ACCEPTED")
	if details(t, got)["feeCents"] != 10000.0 {
		t.Errorf("%s", got.Body)
	}
	if got := cancel(10000); got.Status != http.StatusOK {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	if got := ask(); got.Allowed || got.Reason != "ILLEGAL_MOVE" || got.FeeCents != 0 {
		t.Errorf("%+v", got)
	}
}

// TestPartyIsToldTheNextTime: a party that finds its time taken learns when everybody could come, and can.
func TestPartyIsToldTheNextTime(t *testing.T) {
	c := partyClinic(t)
	everybodySignsIn(t, c)
	book(t, c, map[string]any{"client": testkit.Bo, "clinician": testkit.Ben, "status": "confirmed", "start_time": at("2026-12-21T17:00:00Z")})
	for _, mode := range []string{"parallel", "sequence"} {
		body := partyOf(mode, memberOf(testkit.Ada, massage), guest("Zoe", massage))
		if mode == "sequence" { // both with the one who is busy
			for _, m := range body["members"].([]map[string]any) {
				m["practitionerId"] = testkit.Ben
			}
		}
		before := settled(t, c)
		taken := c.Do(t, http.MethodPost, partiesAt, c.As(t, testkit.AdaEmail), body)
		taken.Refused(t, http.StatusConflict, "SLOT_UNAVAILABLE")
		if settled(t, c) != before {
			t.Fatalf("looking for another time left something behind (%s)", mode)
		}
		next, _ := details(t, taken)["nextAvailable"].(map[string]any)
		start, _ := next["startTime"].(string)
		if at(start).Sub(at("2026-12-21T17:00:00Z")) <= 0 || !strings.HasPrefix(start, "2026-12-21T") {
			t.Fatalf("%s: %v", mode, next)
		}
		body["startTime"] = start
		p := bookedParty(t, c, body)
		if p.Appointments[0].StartTime != start {
			t.Errorf("%+v", p.Appointments[0])
		}
		c.Do(t, http.MethodPost, partiesAt+"/"+p.ID+"/cancel", c.As(t, testkit.AdaEmail), map[string]any{"reason": "Another."})
		c.Advance(time.Second)
	}
	// where no time of the next weeks suits, none is named
	body := partyOf("parallel", memberOf(testkit.Ada, massage), guest("Zoe", massage), guest("Max", massage))
	taken := c.Do(t, http.MethodPost, partiesAt, c.As(t, testkit.AdaEmail), body)
	taken.Refused(t, http.StatusConflict, "SLOT_UNAVAILABLE")
	if next, told := details(t, taken)["nextAvailable"]; told {
		t.Errorf("%v", next)
	}
}
