package scheduling_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pocketbase/dbx"

	"anteroom/collections"
	"anteroom/hooks/kernel"
	"anteroom/hooks/scheduling"
	"anteroom/hooks/testkit"
)

const (
	waiting     = kernel.Portal + "/waitlist"
	deskWaiting = kernel.Desk + "/waitlist"
)

// open gives a clinician a shift from nine to five each working day.
func open(t testing.TB, c *testkit.Clinic, clinicians ...string) {
	t.Helper()
	for _, id := range clinicians {
		c.Add(t, "shifts", map[string]any{"clinician": id, "location": testkit.Location, "first_day": "2026-12-01", "rrule": "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
			"starts_at": "09:00", "ends_at": "17:00", "is_active": true})
	}
}

// join puts somebody on the waitlist through the portal.
func join(t testing.TB, c *testkit.Clinic, email string, body map[string]any, headers ...string) scheduling.WaitlistEntry {
	t.Helper()
	b := map[string]any{"serviceId": testkit.Therapy, "clinicianId": testkit.Ana}
	for k, v := range body {
		b[k] = v
	}
	got := c.Do(t, http.MethodPost, waiting, c.As(t, email), b, headers...)
	if got.Status != http.StatusCreated {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	var out scheduling.WaitlistEntry
	got.Data(t, &out)
	return out
}

// cancelled books Uma's visit with Ana on Monday the 21st at ten and calls it off at the desk, so that the time is free.
func cancelled(t testing.TB, c *testkit.Clinic, changes map[string]any) {
	t.Helper()
	values := map[string]any{"client": testkit.Uma}
	for k, v := range changes {
		values[k] = v
	}
	visit := book(t, c, values)
	visit.Set("status", "cancelled")
	if err := kernel.SaveAs(c.App, deskActor(), visit); err != nil {
		t.Fatal(err)
	}
	c.Deliver()
}

func entry(t testing.TB, c *testkit.Clinic, id string) *collections.WaitlistEntry {
	t.Helper()
	return collections.AsWaitlistEntry(c.Find(t, "waitlist_entries", id))
}

func answer(t testing.TB, c *testkit.Clinic, email, id, how string) *testkit.Response {
	t.Helper()
	return c.Do(t, http.MethodPost, waiting+"/"+id+"/"+how, c.As(t, email), map[string]any{})
}

func tend(t testing.TB, c *testkit.Clinic) {
	t.Helper()
	if err := scheduling.TendWaitlist(c.App); err != nil {
		t.Fatal(err)
	}
	c.Deliver()
}

func TestFreedTimeGoesAlongTheLine(t *testing.T) {
	c := newClinic(t)
	open(t, c, testkit.Ana)
	first := join(t, c, testkit.AdaEmail, nil)
	c.Advance(time.Minute)
	second := join(t, c, testkit.BoEmail, nil)
	cancelled(t, c, nil)

	one, two := entry(t, c, first.ID), entry(t, c, second.ID)
	if one.Status() != collections.WaitlistOffered || two.Status() != collections.WaitlistWaiting {
		t.Fatalf("first %s, second %s", one.Status(), two.Status())
	}
	offer := one.Offer()
	if !offer.Start.Equal(at("2026-12-21T17:00:00Z")) || offer.Clinician != testkit.Ana || !offer.HoldEnd.Equal(at("2026-12-21T18:00:00Z")) ||
		offer.Expires.Sub(kernel.Now(c.App)).Round(time.Minute) != 2*time.Hour {
		t.Errorf("%+v", offer)
	}
	mails := c.Mails(t, testkit.AdaEmail)
	if len(mails) == 0 || mails[0].Subject != "A time has opened" || !strings.Contains(mails[0].Text, "Monday, December 21, 10:00 to 10:50 am (MST)") ||
		strings.Contains(mails[0].Text, "Reyes") || strings.Contains(mails[0].Text, "therapy") {
		t.Errorf("%+v", mails)
	}
	if n := c.Count(t, "portal_notifications", "client = {:c} AND notification_type = 'waitlist_offer'", dbx.Params{"c": testkit.Ada}); n != 1 {
		t.Errorf("%d notices", n)
	}
	// nobody else's: the desk finds it taken too
	taken, err := collections.NewAppointment(c.App)
	if err != nil {
		t.Fatal(err)
	}
	for f, v := range map[string]any{"client": testkit.Uma, "clinician": testkit.Ana, "service": testkit.Therapy, "location": testkit.Location, "status": "confirmed",
		"service_location": "in_office", "start_time": offer.Start} {
		taken.Set(f, v)
	}
	if err := kernel.SaveAs(c.App, deskActor(), taken.Record); err == nil || !strings.Contains(err.Error(), "taken") {
		t.Errorf("the desk booked what is offered: %v", err)
	}
	answer(t, c, testkit.BoEmail, first.ID, "accept").Refused(t, http.StatusNotFound, "")

	// nobody answers: the next is asked, and the first is not asked again
	c.Advance(2*time.Hour + time.Minute)
	tend(t, c)
	one, two = entry(t, c, first.ID), entry(t, c, second.ID)
	if one.Status() != collections.WaitlistWaiting || two.Status() != collections.WaitlistOffered || !two.Offer().Start.Equal(offer.Start) {
		t.Fatalf("first %s, second %s %+v", one.Status(), two.Status(), two.Offer())
	}
	c.Fresh(t, testkit.AdaEmail)
	answer(t, c, testkit.AdaEmail, first.ID, "accept").Refused(t, http.StatusConflict, "OFFER_EXPIRED")

	// the second says no at once, and nobody is left to ask
	c.Fresh(t, testkit.BoEmail)
	if got := answer(t, c, testkit.BoEmail, second.ID, "decline"); got.Status != http.StatusOK {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	c.Deliver()
	if n := c.Count(t, "waitlist_entries", "status = 'offered'", nil); n != 0 {
		t.Errorf("%d offers stand", n)
	}
	for action, want := range map[string]int{"JOIN_WAITLIST": 1, "OFFER_WAITLIST_TIME": 1, "END_WAITLIST_OFFER": 1} {
		if n := audited(t, c, action, first.ID); n != want {
			t.Errorf("%d lines %s", n, action)
		}
	}
}

func TestAcceptedOfferIsBookedOnce(t *testing.T) {
	c := newClinic(t)
	open(t, c, testkit.Ana)
	e := join(t, c, testkit.AdaEmail, nil)
	cancelled(t, c, map[string]any{"start_time": kernel.Now(c.App).Truncate(time.Minute).Add(2 * time.Hour)}) // within every notice
	if entry(t, c, e.ID).Status() != collections.WaitlistOffered {
		t.Fatal("nothing was offered")
	}
	var wg sync.WaitGroup
	ids := make([]string, 50)
	for i := range ids {
		wg.Go(func() {
			got := answer(t, c, testkit.AdaEmail, e.ID, "accept")
			if got.Status != http.StatusOK {
				t.Errorf("%d %s", got.Status, got.Body)
				return
			}
			var out struct{ Appointment scheduling.Appointment }
			got.Data(t, &out)
			ids[i] = out.Appointment.ID
		})
	}
	wg.Wait()
	for _, id := range ids {
		if id != ids[0] || id == "" {
			t.Fatalf("two visits: %v", ids)
		}
	}
	if n := c.Count(t, "appointments", "client = {:c} AND status = 'scheduled' AND booking_type = 'waitlist' AND requested_via = 'portal'", dbx.Params{"c": testkit.Ada}); n != 1 {
		t.Errorf("%d visits", n)
	}
	if w := entry(t, c, e.ID); w.Status() != collections.WaitlistBooked || w.Appointment() != ids[0] {
		t.Errorf("%s %s", w.Status(), w.Appointment())
	}
}

func TestWhatSuitsAnEntry(t *testing.T) {
	for name, x := range map[string]struct {
		wish    map[string]any
		given   func(c *testkit.Clinic)
		offered bool
	}{
		"any":               {nil, nil, true},
		"its day":           {map[string]any{"days": []int{1}}, nil, true},
		"another day":       {map[string]any{"days": []int{0, 2}}, nil, false},
		"its hours":         {map[string]any{"from": "10:00", "to": "10:50"}, nil, true},
		"too early for it":  {map[string]any{"from": "10:30"}, nil, true}, // half past ten is open too
		"after its hours":   {map[string]any{"to": "09:30"}, nil, false},
		"past its last day": {map[string]any{"expiresOn": "2026-12-20"}, nil, false},
		"on its last day":   {map[string]any{"expiresOn": "2026-12-21"}, nil, true},
		"by video":          {map[string]any{"serviceLocation": "TELEHEALTH"}, nil, true},
		"another clinician": {map[string]any{"clinicianId": testkit.Ben}, nil, false},
		"anybody":           {map[string]any{"clinicianId": ""}, nil, true},
		"busy then": {nil, func(c *testkit.Clinic) {
			book(t, c, map[string]any{"clinician": testkit.Ben, "start_time": at("2026-12-21T16:30:00Z")})
			book(t, c, map[string]any{"clinician": testkit.Ben, "start_time": at("2026-12-21T17:30:00Z")})
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClinic(t)
			open(t, c, testkit.Ana)
			e := join(t, c, testkit.AdaEmail, x.wish)
			if x.given != nil {
				x.given(c)
			}
			cancelled(t, c, nil)
			if got := entry(t, c, e.ID).Status() == collections.WaitlistOffered; got != x.offered {
				t.Errorf("offered %v: %+v", got, entry(t, c, e.ID).Offer())
			}
		})
	}
}

// TestTwoFreeTimes: each of two entries has one, and never the same.
func TestTwoFreeTimes(t *testing.T) {
	c := newClinic(t)
	open(t, c, testkit.Ana)
	one := join(t, c, testkit.AdaEmail, nil)
	two := join(t, c, testkit.BoEmail, nil)
	cancelled(t, c, nil)
	cancelled(t, c, map[string]any{"start_time": at("2026-12-21T20:00:00Z")})
	a, b := entry(t, c, one.ID), entry(t, c, two.ID)
	if a.Status() != collections.WaitlistOffered || b.Status() != collections.WaitlistOffered || a.Offer().Start.Before(b.Offer().HoldEnd) && b.Offer().Start.Before(a.Offer().HoldEnd) {
		t.Errorf("%+v %+v", a.Offer(), b.Offer())
	}
}

// TestTooLateToOffer: with less than half an hour to answer nobody is asked.
func TestTooLateToOffer(t *testing.T) {
	c := newClinic(t)
	open(t, c, testkit.Ana)
	e := join(t, c, testkit.AdaEmail, map[string]any{"to": "11:00"})
	visit := book(t, c, map[string]any{"client": testkit.Uma, "start_time": kernel.Now(c.App).Truncate(time.Minute).Add(time.Hour)})
	c.Advance(5 * time.Minute)
	visit.Set("status", "cancelled")
	if err := kernel.SaveAs(c.App, deskActor(), visit); err != nil {
		t.Fatal(err)
	}
	c.Deliver()
	if o := entry(t, c, e.ID).Offer(); !o.Start.IsZero() && o.Expires.Sub(kernel.Now(c.App)) < 30*time.Minute {
		t.Errorf("%+v", o)
	}
}

// TestHoursThatOpen: a break that is gone and a new shift free time too.
func TestHoursThatOpen(t *testing.T) {
	c := newClinic(t)
	open(t, c, testkit.Ana)
	away := c.Add(t, "breaks", map[string]any{"clinician": testkit.Ana, "first_day": "2026-12-01", "last_day": "2027-12-31", "is_active": true})
	e := join(t, c, testkit.AdaEmail, nil)
	c.Deliver()
	if entry(t, c, e.ID).Status() != collections.WaitlistWaiting {
		t.Fatal("offered without a cause")
	}
	change(t, c, away, map[string]any{"is_active": false})
	c.Deliver()
	if entry(t, c, e.ID).Status() != collections.WaitlistOffered {
		t.Error("nothing was offered")
	}
	other := join(t, c, testkit.BoEmail, map[string]any{"clinicianId": testkit.Ben})
	open(t, c, testkit.Ben)
	c.Deliver()
	if entry(t, c, other.ID).Status() != collections.WaitlistOffered {
		t.Error("a new shift was not offered")
	}
}

// TestAcceptsAgainstTheClock: an answer, the end of the offer and the desk at once make one visit at that time at most.
func TestAcceptsAgainstTheClock(t *testing.T) {
	c := newClinic(t)
	open(t, c, testkit.Ana)
	e := join(t, c, testkit.AdaEmail, nil)
	cancelled(t, c, nil)
	offer := entry(t, c, e.ID).Offer()
	ada := adaActor()
	c.As(t, testkit.AdaEmail)
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() { answer(t, c, testkit.AdaEmail, e.ID, "accept") })
		wg.Go(func() { answer(t, c, testkit.AdaEmail, e.ID, "decline") })
		wg.Go(func() {
			a, err := collections.NewAppointment(c.App)
			if err != nil {
				t.Error(err)
				return
			}
			for f, v := range map[string]any{"client": testkit.Uma, "clinician": testkit.Ana, "service": testkit.Therapy, "location": testkit.Location, "status": "confirmed",
				"service_location": "in_office", "start_time": offer.Start} {
				a.Set(f, v)
			}
			_ = kernel.SaveAs(c.App, deskActor(), a.Record) // one of them wins; which, is not said
		})
	}
	wg.Wait()
	if n := c.Count(t, "appointments", "clinician = {:a} AND start_time = '2026-12-21 17:00:00.000Z' AND status IN ('scheduled','confirmed')", dbx.Params{"a": testkit.Ana}); n != 1 {
		t.Errorf("%d visits at one time", n)
	}
	w := entry(t, c, e.ID)
	booked := c.Count(t, "appointments", "client = {:a} AND status = 'scheduled'", dbx.Params{"a": ada.Client})
	if (w.Status() == collections.WaitlistBooked) != (booked == 1) {
		t.Errorf("the entry is %s with %d visits", w.Status(), booked)
	}
}

func TestWaitlistRefusals(t *testing.T) {
	c := newClinic(t)
	open(t, c, testkit.Ana)
	everybodySignsIn(t, c)
	c.Add(t, "services", map[string]any{"id": "serviceoff00000", "name": "Off", "duration": 30, "booking_mode": "off", "service_locations": []string{"in_office"},
		"clinicians": []string{testkit.Ana}, "is_active": true})
	before := settled(t, c)
	for name, x := range map[string]struct {
		body  map[string]any
		field string
	}{
		"no service":        {map[string]any{}, "serviceId"},
		"a service off":     {map[string]any{"serviceId": "serviceoff00000"}, "serviceId"},
		"nobody's service":  {map[string]any{"serviceId": "nothere"}, "serviceId"},
		"an unknown person": {map[string]any{"serviceId": testkit.Therapy, "clinicianId": "nothere"}, "clinicianId"},
		"a weekday too far": {map[string]any{"serviceId": testkit.Therapy, "days": []int{7}}, "days"},
		"before Sunday":     {map[string]any{"serviceId": testkit.Therapy, "days": []int{-1}}, "days"},
		"no time":           {map[string]any{"serviceId": testkit.Therapy, "from": "25:00"}, "from"},
		"evening first":     {map[string]any{"serviceId": testkit.Therapy, "from": "17:00", "to": "09:00"}, "to"},
		"a day gone by":     {map[string]any{"serviceId": testkit.Therapy, "expiresOn": "2026-12-06"}, "expiresOn"},
		"no day":            {map[string]any{"serviceId": testkit.Therapy, "expiresOn": "2026-02-30"}, "expiresOn"},
		"nowhere":           {map[string]any{"serviceId": testkit.Therapy, "locationId": "nothere"}, "locationId"},
	} {
		f := c.Do(t, http.MethodPost, waiting, c.As(t, testkit.AdaEmail), x.body).Refused(t, http.StatusBadRequest, "")
		if _, ok := f.Details.Fields[x.field]; !ok {
			t.Errorf("%s: %+v", name, f)
		}
	}
	c.Do(t, http.MethodPost, waiting, c.As(t, testkit.AdaEmail), map[string]any{"serviceId": testkit.Therapy}, "X-Client-Id", testkit.Bo).Refused(t, http.StatusNotFound, "")
	c.Do(t, http.MethodGet, deskWaiting, c.As(t, testkit.BillingEmail), nil).Refused(t, http.StatusForbidden, "")
	if settled(t, c) != before {
		t.Error("a refusal changed something")
	}

	mine := join(t, c, testkit.AdaEmail, nil)
	c.Do(t, http.MethodPost, waiting, c.As(t, testkit.AdaEmail), map[string]any{"serviceId": testkit.Therapy, "clinicianId": testkit.Ana}).Refused(t, http.StatusConflict, "ALREADY_WAITING")
	answer(t, c, testkit.AdaEmail, mine.ID, "accept").Refused(t, http.StatusConflict, "OFFER_EXPIRED")
	answer(t, c, testkit.AdaEmail, mine.ID, "decline").Refused(t, http.StatusConflict, "OFFER_EXPIRED")
	for _, how := range []string{"accept", "decline"} {
		answer(t, c, testkit.BoEmail, mine.ID, how).Refused(t, http.StatusNotFound, "")
	}
	c.Do(t, http.MethodDelete, waiting+"/"+mine.ID, c.As(t, testkit.BoEmail), nil).Refused(t, http.StatusNotFound, "")
	for i := range 9 {
		id := "servicenumber0" + string(rune('0'+i))
		c.Add(t, "services", map[string]any{"id": id, "name": id, "duration": 30, "booking_mode": "request", "service_locations": []string{"in_office"},
			"clinicians": []string{testkit.Ana}, "is_active": true})
		join(t, c, testkit.AdaEmail, map[string]any{"serviceId": id})
	}
	c.Do(t, http.MethodPost, waiting, c.As(t, testkit.AdaEmail), map[string]any{"serviceId": testkit.Therapy, "clinicianId": testkit.Ben}).Refused(t, http.StatusConflict, "TOO_MANY_ENTRIES")
	if got := c.Do(t, http.MethodDelete, waiting+"/"+mine.ID, c.As(t, testkit.AdaEmail), nil); got.Status != http.StatusOK {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	c.Do(t, http.MethodDelete, waiting+"/"+mine.ID, c.As(t, testkit.AdaEmail), nil).Refused(t, http.StatusConflict, "ENDED")

	// moves that nobody makes, through the model
	for _, x := range []struct {
		from, to collections.WaitlistStatus
		by       kernel.Actor
	}{
		{collections.WaitlistWithdrawn, collections.WaitlistWaiting, kernel.System()}, {collections.WaitlistWithdrawn, collections.WaitlistBooked, adaActor()},
	} {
		w := entry(t, c, mine.ID)
		w.SetStatus(x.to)
		if err := kernel.SaveAs(c.App, x.by, w.Record); err == nil {
			t.Errorf("%s became %s", x.from, x.to)
		}
	}
}

func TestTheDeskOffersByHand(t *testing.T) {
	c := newClinic(t)
	open(t, c, testkit.Ana)
	desk := c.As(t, testkit.DeskEmail)
	got := c.Do(t, http.MethodPost, deskWaiting, desk, map[string]any{"clientId": testkit.Ada, "serviceId": testkit.Therapy})
	if got.Status != http.StatusCreated {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	var e scheduling.WaitlistEntry
	got.Data(t, &e)
	path := deskWaiting + "/" + e.ID + "/offer"
	c.Do(t, http.MethodPost, path, desk, map[string]any{"startTime": "2026-12-21T20:00", "practitionerId": testkit.Ana}).Refused(t, http.StatusBadRequest, "")
	c.Do(t, http.MethodPost, path, desk, map[string]any{"startTime": kernel.Now(c.App).Add(40 * time.Minute).Format(time.RFC3339)}).Refused(t, http.StatusConflict, "TOO_LATE_TO_OFFER")
	if got := c.Do(t, http.MethodPost, path, desk, map[string]any{"startTime": "2026-12-21T11:07", "practitionerId": testkit.Ana}); got.Status != http.StatusOK {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	c.Do(t, http.MethodPost, path, desk, map[string]any{"startTime": "2026-12-21T12:00"}).Refused(t, http.StatusConflict, "NOT_WAITING")
	var list struct{ Entries []scheduling.WaitlistEntry }
	c.Do(t, http.MethodGet, deskWaiting+"?locationId="+testkit.Location, desk, nil).Data(t, &list)
	if len(list.Entries) != 1 || list.Entries[0].Offer == nil || list.Entries[0].Offer.Slot.LocalTime != "11:07" {
		t.Errorf("%+v", list)
	}
	if got := answer(t, c, testkit.AdaEmail, e.ID, "accept"); got.Status != http.StatusOK {
		t.Errorf("%d %s", got.Status, got.Body)
	}
}

// TestEntriesEnd: after their last day, and what was offered then goes on.
func TestEntriesEnd(t *testing.T) {
	c := newClinic(t)
	open(t, c, testkit.Ana)
	e := join(t, c, testkit.AdaEmail, map[string]any{"expiresOn": "2026-12-08"})
	c.Advance(30 * time.Hour) // Tuesday afternoon
	tend(t, c)
	if entry(t, c, e.ID).Status() != collections.WaitlistWaiting {
		t.Fatal("it ended on its last day")
	}
	c.Advance(24 * time.Hour)
	tend(t, c)
	if entry(t, c, e.ID).Status() != collections.WaitlistExpired {
		t.Error("it did not end")
	}
	if n := audited(t, c, "EXPIRE_WAITLIST_ENTRY", e.ID); n != 1 {
		t.Errorf("%d lines", n)
	}
}
