package scheduling_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pocketbase/dbx"

	"anteroom/collections"
	"anteroom/hooks/kernel"
	"anteroom/hooks/scheduling"
	"anteroom/hooks/testkit"
)

// What somebody tries who means no good, or who mistypes.

// raw writes past every rule, as a damaged file would be.
func raw(t testing.TB, c *testkit.Clinic, statement string, params dbx.Params) {
	t.Helper()
	if _, err := c.App.NonconcurrentDB().NewQuery(statement).Bind(params).Execute(); err != nil {
		t.Fatal(err)
	}
}

// TestFarAwayTimesAreNotLookedAt: whoever asks for the year 9000 is answered by the bounds alone. The calendar, whose
// rules would be followed until then while everybody waits for the writer, is not even read.
func TestFarAwayTimesAreNotLookedAt(t *testing.T) {
	c := openClinic(t)
	ada, desk := c.As(t, testkit.AdaEmail), c.As(t, testkit.DeskEmail)
	raw(t, c, "UPDATE shifts SET rrule = 'unreadable'", nil)
	far := booking("9000-01-06T17:00:00Z", nil)
	if f := c.Do(t, http.MethodPost, visits, ada, far).Refused(t, http.StatusBadRequest, "TOO_FAR"); f.Details.Fields["startTime"].Code != "too_far" {
		t.Errorf("%+v", f)
	}
	far["clientId"] = testkit.Ada
	c.Do(t, http.MethodPost, deskBooking, desk, far).Refused(t, http.StatusBadRequest, "TOO_FAR")
	for token, path := range map[string]string{ada: visits, desk: kernel.Desk} {
		var out scheduling.Availability
		got := c.Do(t, http.MethodGet, path+"/availability?serviceId="+testkit.Therapy+"&from=9000-01-01&to=9000-02-28", token, nil)
		if got.Status != http.StatusOK {
			t.Fatalf("%d %s", got.Status, got.Body)
		}
		if got.Data(t, &out); len(out.Days) != 59 || out.NextAvailable != nil {
			t.Errorf("%d days, next %v", len(out.Days), out.NextAvailable)
		}
	}
	c.Do(t, http.MethodGet, kernel.Desk+"/calendar?from=9000-01-01&to=9000-01-31", desk, nil).Refused(t, http.StatusBadRequest, "RANGE_TOO_LARGE")
}

// TestShiftsBeginInOurTimes: a mistyped century would be followed day by day in every question.
func TestShiftsBeginInOurTimes(t *testing.T) {
	c := newClinic(t)
	for _, day := range []string{"0026-12-01", "1026-12-01", "9026-12-01"} {
		got := c.Do(t, http.MethodPost, "/api/collections/shifts/records", c.As(t, testkit.AdminEmail), map[string]any{"clinician": testkit.Ana,
			"location": testkit.Location, "first_day": day, "rrule": "FREQ=DAILY", "starts_at": "09:00", "ends_at": "17:00", "is_active": true})
		if got.Status != http.StatusBadRequest || !strings.Contains(string(got.Body), "first_day") {
			t.Errorf("%s: %d %s", day, got.Status, got.Body)
		}
	}
}

// TestPartyFollowsTheRulesOfEachVisit: that a visit begins where the one before it ends waives the grid, and nothing else.
func TestPartyFollowsTheRulesOfEachVisit(t *testing.T) {
	c := partyClinic(t)
	withBen := guest("Zoe", massage)
	withBen["practitionerId"] = testkit.Ben
	withAna := memberOf(testkit.Ada, massage)
	withAna["practitionerId"] = testkit.Ana
	raw(t, c, "DELETE FROM shifts WHERE clinician = {:ben}", dbx.Params{"ben": testkit.Ben})
	c.Do(t, http.MethodPost, partiesAt, c.As(t, testkit.AdaEmail), partyOf("sequence", withAna, withBen)).Refused(t, http.StatusBadRequest, "SERVICE_NOT_BOOKABLE")
	open(t, c, testkit.Ben)

	// Ana takes nobody new. She knows Ada, and not whom Ada brings.
	change(t, c, c.Find(t, "clinicians", testkit.Ana), map[string]any{"is_accepting_new_patients": false})
	withBen["clientId"], withBen["firstName"] = testkit.Ada, ""
	newcomer := guest("Zoe", massage)
	newcomer["practitionerId"] = testkit.Ana
	c.Do(t, http.MethodPost, partiesAt, c.As(t, testkit.AdaEmail), partyOf("sequence", withBen, newcomer)).Refused(t, http.StatusBadRequest, "CLINICIAN_NOT_ACCEPTING")
	if n := c.Count(t, "appointments", "", nil); n != 0 {
		t.Errorf("%d visits", n)
	}
}

// TestPartyLettersSayToEachWhatIsTheirs: a login that may act for who pays, and not for whom they bring, hears nothing of
// those; neither by mail, nor in its calendar, nor in the portal.
func TestPartyLettersSayToEachWhatIsTheirs(t *testing.T) {
	c := partyClinic(t)
	settings(t, c, map[string]any{"mail_names_details": true})
	c.Add(t, "client_access", map[string]any{"client": testkit.Ada, "portal_user": testkit.BoLogin, "relationship": "partner", "scope": "all"})
	c.Add(t, "services", map[string]any{"id": "servicesecret00", "name": "Grief counselling", "duration": 50, "booking_mode": "instant",
		"service_locations": []string{"in_office"}, "clinicians": []string{testkit.Ben}, "is_active": true})
	p := bookedParty(t, c, partyOf("parallel", memberOf(testkit.Ada, massage), memberOf(testkit.Cleo, "servicesecret00")))
	said := func(email string) string {
		var all []string
		for _, m := range c.Mails(t, email) {
			all = append(all, m.Subject, m.Text)
			for _, a := range m.Attachments {
				all = append(all, string(a.ContentBase64))
			}
		}
		return strings.Join(all, "\n")
	}
	if bo := said(testkit.BoEmail); !strings.Contains(bo, "Massage") || strings.Contains(bo, "Grief") || strings.Contains(bo, p.Appointments[1].ID) || strings.Contains(bo, "2 visits") {
		t.Errorf("Bo reads: %s", bo)
	}
	if ada := said(testkit.AdaEmail); !strings.Contains(ada, "Massage") || !strings.Contains(ada, "Grief") || !strings.Contains(ada, "2 visits") {
		t.Errorf("Ada reads: %s", ada)
	}
	notice := func(email string) string {
		return string(c.Do(t, http.MethodGet, kernel.Portal+"/notifications", c.As(t, email), nil).Body)
	}
	if bo := notice(testkit.BoEmail); !strings.Contains(bo, "Massage") || strings.Contains(bo, "Grief") {
		t.Errorf("Bo is shown: %s", bo)
	}
	if ada := notice(testkit.AdaEmail); !strings.Contains(ada, "Massage") || !strings.Contains(ada, "Grief") {
		t.Errorf("Ada is shown: %s", ada)
	}
	c.Do(t, http.MethodPost, partiesAt+"/"+p.ID+"/cancel", c.As(t, testkit.AdaEmail), map[string]any{"reason": "We are ill."})
	if bo := said(testkit.BoEmail) + notice(testkit.BoEmail); strings.Contains(bo, "Grief") || strings.Contains(bo, p.Appointments[1].ID) {
		t.Errorf("Bo reads of the cancellation: %s", bo)
	}
}

// TestRequestsHoldOnlySoMuch: who asks for every hour of a week keeps three of them from others. The rest are asked for,
// and held for nobody.
func TestRequestsHoldOnlySoMuch(t *testing.T) {
	c := newClinic(t)
	open(t, c, testkit.Ana)
	settings(t, c, map[string]any{"request_holds": true})
	var ids []string
	for _, hour := range []string{"09:00", "10:00", "11:00", "12:00", "13:00"} {
		ids = append(ids, ask(t, c, map[string]any{"preferredTime1": hour}))
	}
	held := func() int { return c.Count(t, "appointments", "status = 'requested' AND holds_slot = TRUE", nil) }
	if n := held(); n != 3 {
		t.Fatalf("%d times are held", n)
	}
	got := c.Do(t, http.MethodPost, asking, c.As(t, testkit.AdaEmail), body(map[string]any{"preferredTime1": "14:00"}))
	if !strings.Contains(string(got.Body), "does not hold the times") {
		t.Errorf("%s", got.Body)
	}
	if got := c.Do(t, http.MethodDelete, visits+"/"+ids[0], c.As(t, testkit.AdaEmail), map[string]any{}); got.Status != http.StatusOK {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	ask(t, c, map[string]any{"preferredTime1": "15:00"})
	if n := held(); n != 3 {
		t.Errorf("%d times are held after one was given back", n)
	}
}

// TestOneEntryKeepsNobodyWaiting: what cannot be read of one entry, or ended, keeps nothing from those behind it.
func TestOneEntryKeepsNobodyWaiting(t *testing.T) {
	c := newClinic(t)
	open(t, c, testkit.Ana)
	broken := join(t, c, testkit.AdaEmail, nil)
	c.Advance(time.Minute)
	next := join(t, c, testkit.BoEmail, nil)
	raw(t, c, `UPDATE waitlist_entries SET days = '"never"' WHERE id = {:id}`, dbx.Params{"id": broken.ID})
	cancelled(t, c, nil)
	if s := entry(t, c, next.ID).Status(); s != collections.WaitlistOffered {
		t.Fatalf("the next in line is %s", s)
	}

	lost := c.Add(t, "locations", map[string]any{"name": "Lost", "time_zone": "America/Denver", "is_active": true})
	raw(t, c, `UPDATE locations SET time_zone = 'Nowhere/AtAll' WHERE id = {:id}`, dbx.Params{"id": lost.Id})
	raw(t, c, `UPDATE waitlist_entries SET location = {:at}, expires_on = '2026-12-01' WHERE id = {:id}`, dbx.Params{"at": lost.Id, "id": broken.ID})
	c.Advance(3 * time.Hour)
	if err := scheduling.TendWaitlist(c.App); err == nil {
		t.Error("nobody hears of the broken entry")
	}
	if s := entry(t, c, next.ID).Status(); s != collections.WaitlistWaiting {
		t.Errorf("an offer that is over is %s", s)
	}
}

// TestOffersBeginOnAWholeMinute: what could not be accepted is not offered.
func TestOffersBeginOnAWholeMinute(t *testing.T) {
	c := newClinic(t)
	open(t, c, testkit.Ana)
	e := join(t, c, testkit.AdaEmail, nil)
	for _, start := range []string{"2026-12-21T17:00:30Z", "2026-12-21T17:00:00.5Z"} {
		f := c.Do(t, http.MethodPost, deskWaiting+"/"+e.ID+"/offer", c.As(t, testkit.DeskEmail), map[string]any{"startTime": start, "practitionerId": testkit.Ana}).
			Refused(t, http.StatusBadRequest, "")
		if _, ok := f.Details.Fields["startTime"]; !ok {
			t.Errorf("%s: %+v", start, f)
		}
	}
}

// TestSmallerRoomsKeepTheirVisits: what was agreed stays agreed when a room shrinks. Its visits go on, and no more come.
func TestSmallerRoomsKeepTheirVisits(t *testing.T) {
	c := openClinic(t)
	room := c.Add(t, "rooms", map[string]any{"name": "Hall", "location": testkit.Location, "kind": "room", "capacity": 2, "is_active": true})
	one := book(t, c, map[string]any{"room": room.Id, "status": "scheduled"})
	book(t, c, map[string]any{"room": room.Id, "client": testkit.Bo, "clinician": testkit.Ben})
	change(t, c, c.Find(t, "rooms", room.Id), map[string]any{"capacity": 1})
	desk := c.As(t, testkit.DeskEmail)
	if got := c.Do(t, http.MethodPost, visits+"/"+one.Id+"/confirm", c.As(t, testkit.AdaEmail), map[string]any{}); got.Status != http.StatusOK {
		t.Errorf("confirm: %d %s", got.Status, got.Body)
	}
	if got := c.Do(t, http.MethodPatch, records+"/"+one.Id, desk, map[string]any{"staff_notes": "Asks for water."}); got.Status != http.StatusOK {
		t.Errorf("note: %d %s", got.Status, got.Body)
	}
	if got := c.Do(t, http.MethodPost, deskVisits+"/"+one.Id+"/move", desk, map[string]any{"status": "arrived"}); got.Status != http.StatusOK {
		t.Errorf("arrive: %d %s", got.Status, got.Body)
	}
	third := c.Add(t, "clinicians", map[string]any{"first_name": "Cy", "last_name": "Moss", "locations": []string{testkit.Location}, "is_active": true}).Id
	change(t, c, c.Find(t, "services", testkit.Therapy), map[string]any{"clinicians": []string{testkit.Ana, testkit.Ben, third}})
	f := c.Do(t, http.MethodPost, deskBooking, desk, booking("2026-12-21T17:00:00Z", map[string]any{"clientId": testkit.Uma, "practitionerId": third, "roomId": room.Id})).
		Refused(t, http.StatusConflict, "SLOT_UNAVAILABLE")
	if f.Message == "" {
		t.Errorf("%+v", f)
	}
}

// TestAMoveByTheClinicBringsItsOwnGrace: who is moved by the clinic to a time they did not choose has as long to call it
// off for nothing as who booked just now. Who moves it themselves has not.
func TestAMoveByTheClinicBringsItsOwnGrace(t *testing.T) {
	c := openClinic(t)
	settings(t, c, map[string]any{"late_cancel": "fee", "late_fee_cents": 5000, "free_cancel_hours": 24, "cancel_grace_minutes": 60})
	first := book(t, c, map[string]any{"booked_at": kernel.Now(c.App).Add(-24 * time.Hour)})
	if got := c.Do(t, http.MethodPost, deskVisits+"/"+first.Id+"/reschedule", c.As(t, testkit.DeskEmail), map[string]any{"startTime": "2026-12-08T16:00:00Z"}); got.Status != http.StatusOK {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	var now struct {
		Allowed  bool `json:"allowed"`
		FeeCents int  `json:"feeCents"`
	}
	cost := func() int {
		c.Do(t, http.MethodGet, visits+"/"+first.Id+"/cancellation", c.Fresh(t, testkit.AdaEmail), nil).Data(t, &now)
		return now.FeeCents
	}
	c.Advance(30 * time.Minute)
	if fee := cost(); fee != 0 {
		t.Errorf("it costs %d half an hour after the clinic moved it", fee)
	}
	c.Advance(10 * time.Hour)
	if fee := cost(); fee != 5000 {
		t.Errorf("it costs %d ten hours after the clinic moved it", fee)
	}
	if got := c.Do(t, http.MethodPost, visits+"/"+first.Id+"/reschedule", c.As(t, testkit.AdaEmail), map[string]any{"startTime": "2026-12-08T20:00:00Z", "acceptFeeCents": 5000}); got.Status != http.StatusOK {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	if fee := cost(); fee != 5000 {
		t.Errorf("a client's own late move made a cancellation cost %d", fee)
	}
}

// TestBodiesCarryNoRiders: what rides on a record between our own functions cannot be sent, and what the portal writes
// cannot be typed.
func TestBodiesCarryNoRiders(t *testing.T) {
	c := openClinic(t)
	desk := c.As(t, testkit.DeskEmail)
	visit := map[string]any{"client": testkit.Ada, "clinician": testkit.Ana, "service": testkit.Therapy, "location": testkit.Location, "status": "scheduled",
		"service_location": "in_office", "requested_via": "phone", "start_time": "2026-12-09T06:00:00Z"}
	for _, key := range []string{"outside", "told", "entry", "keep", "acceptedFee", "chargeFee", "series", "partyPlace", "before", "reason"} {
		visit["@scheduling."+key] = true
	}
	if got := c.Do(t, http.MethodPost, records, desk, visit); got.Status != http.StatusBadRequest || !strings.Contains(string(got.Body), "outside_hours") {
		t.Errorf("at eleven at night: %d %s", got.Status, got.Body)
	}
	visit["start_time"] = "2026-12-09T17:00:00Z"
	got := c.Do(t, http.MethodPost, records, desk, visit)
	if got.Status != http.StatusOK || c.Count(t, "outbox", "topic = 'appointment_confirmed'", nil) != 1 {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	id, _ := object(t, got.Body)["id"].(string)
	for field, value := range map[string]any{"guest_name": "Zoe", "guest": true, "deposit_cents": 1, "late_fee_cents": 5000, "booked_at": "2026-12-01 00:00:00.000Z",
		"holds_slot": true, "hold_end": "2026-12-09 17:01:00.000Z", "deposit_paid": true, "booking_type": "instant"} {
		if got := c.Do(t, http.MethodPatch, records+"/"+id, desk, map[string]any{field: value}); got.Status != http.StatusBadRequest && got.Status != http.StatusForbidden || !strings.Contains(string(got.Body), field) {
			t.Errorf("%s: %d %s", field, got.Status, got.Body)
		}
	}
}
