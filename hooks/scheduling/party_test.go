package scheduling_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pocketbase/dbx"

	"anteroom/hooks/kernel"
	"anteroom/hooks/scheduling"
	"anteroom/hooks/testkit"
)

const (
	partiesAt   = kernel.Portal + "/group-bookings"
	massage     = "servicemassage0"
	partyMonday = "2026-12-21T10:00"
)

// partyClinic has Ana and Ben at work, and a service that clients book, with a deposit.
func partyClinic(t testing.TB) *testkit.Clinic {
	t.Helper()
	c := newClinic(t)
	open(t, c, testkit.Ana, testkit.Ben)
	c.Add(t, "services", map[string]any{"id": massage, "name": "Massage", "duration": 50, "post_treatment_time": 10, "price_cents": 9000, "currency": "usd", "booking_mode": "instant",
		"service_locations": []string{"in_office"}, "clinicians": []string{testkit.Ana, testkit.Ben}, "is_active": true, "deposit_required": true, "deposit_cents": 2000})
	return c
}

func partyOf(mode string, members ...map[string]any) map[string]any {
	return map[string]any{"locationId": testkit.Location, "startTime": partyMonday, "mode": mode, "payerClientId": testkit.Ada, "members": members}
}

func memberOf(client, service string) map[string]any {
	return map[string]any{"clientId": client, "serviceId": service}
}

func guest(name, service string) map[string]any {
	return map[string]any{"firstName": name, "serviceId": service}
}

func bookedParty(t testing.TB, c *testkit.Clinic, body map[string]any) scheduling.GroupBooking {
	t.Helper()
	got := c.Do(t, http.MethodPost, partiesAt, c.As(t, testkit.AdaEmail), body)
	if got.Status != http.StatusCreated {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	var out scheduling.GroupBooking
	got.Data(t, &out)
	return out
}

func TestPartyAtOnce(t *testing.T) {
	c := partyClinic(t)
	p := bookedParty(t, c, partyOf("parallel", memberOf(testkit.Ada, massage), guest("Zoe", massage)))
	if len(p.Appointments) != 2 || p.TotalCents != 18000 || p.Status != "booked" || p.Deposit == nil || p.Deposit.AmountCents != 4000 {
		t.Fatalf("%+v", p)
	}
	a, b := p.Appointments[0], p.Appointments[1]
	if a.StartTime != b.StartTime || a.Clinician.ID == b.Clinician.ID || a.GroupBookingID != p.ID || b.GuestName != "Zoe" || b.ClientID != testkit.Ada || a.GuestName != "" {
		t.Errorf("%+v %+v", a, b)
	}
	mails := c.Mails(t, testkit.AdaEmail)
	if len(mails) == 0 || !strings.Contains(mails[0].Text, "2 visits") || strings.Contains(mails[0].Text, "Massage") || strings.Contains(mails[0].Text, "Zoe") {
		t.Errorf("%+v", mails)
	}
	booked := 0
	for _, m := range mails {
		if strings.Contains(m.Subject, "appointment") {
			booked++
		}
	}
	if booked != 1 {
		t.Errorf("%d letters about one party", booked)
	}
	if n := c.Count(t, "invoices", "client = {:a} AND purpose = 'group' AND status = 'open' AND total_cents = 4000", dbx.Params{"a": testkit.Ada}); n != 1 || c.Count(t, "invoices", "", nil) != 1 {
		t.Errorf("%d combined invoices of %d", n, c.Count(t, "invoices", "", nil))
	}
	if c.Count(t, "appointments", "guest_name LIKE '%Zoe%'", nil) != 0 {
		t.Error("the guest's name lies readable")
	}
	for action, id := range map[string]string{"BOOK_GROUP": p.ID, "CREATE_APPOINTMENT": a.ID} {
		if n := audited(t, c, action, id); n != 1 {
			t.Errorf("%d lines %s", n, action)
		}
	}

	// one is called off: the party is of those who come, and their deposit alone is owed
	if got := c.Do(t, http.MethodPost, visits+"/"+b.ID+"/cancel", c.As(t, testkit.AdaEmail), map[string]any{"reason": "Zoe is ill."}); got.Status != http.StatusOK {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	var now scheduling.GroupBooking
	c.Do(t, http.MethodGet, partiesAt+"/"+p.ID, c.As(t, testkit.AdaEmail), nil).Data(t, &now)
	if now.TotalCents != 9000 || now.Status != "booked" || now.Deposit == nil || now.Deposit.AmountCents != 2000 {
		t.Errorf("%+v", now)
	}
	got := c.Do(t, http.MethodPost, partiesAt+"/"+p.ID+"/cancel", c.As(t, testkit.AdaEmail), map[string]any{"reason": "We are all ill."})
	if got.Status != http.StatusOK {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	var over scheduling.GroupBooking
	got.Data(t, &over)
	if over.Status != "cancelled" || over.TotalCents != 0 || c.Count(t, "invoices", "status = 'open'", nil) != 0 {
		t.Errorf("%+v", over)
	}
	c.Do(t, http.MethodPost, partiesAt+"/"+p.ID+"/cancel", c.As(t, testkit.AdaEmail), map[string]any{"reason": "Again."}).Refused(t, http.StatusConflict, "")
}

func TestPartyOneAfterTheOther(t *testing.T) {
	c := partyClinic(t)
	same := memberOf(testkit.Ada, massage)
	same["practitionerId"] = testkit.Ana
	next := guest("Zoe", massage)
	next["practitionerId"] = testkit.Ana
	p := bookedParty(t, c, partyOf("sequence", same, next, memberOf(testkit.Cleo, massage)))
	starts := []string{"2026-12-21T17:00:00Z", "2026-12-21T18:00:00Z", "2026-12-21T18:50:00Z"}
	for i, a := range p.Appointments {
		if a.StartTime != starts[i] {
			t.Errorf("%d begins %s, want %s", i, a.StartTime, starts[i])
		}
	}
	if p.Appointments[2].Clinician.ID != testkit.Ben {
		t.Errorf("%+v", p.Appointments[2].Clinician)
	}
}

// TestPartyFindsAWay: who left it open makes room for who did not.
func TestPartyFindsAWay(t *testing.T) {
	c := partyClinic(t)
	wants := guest("Zoe", massage)
	for _, who := range []string{testkit.Ana, testkit.Ben} {
		wants["practitionerId"] = who
		p := bookedParty(t, c, partyOf("parallel", memberOf(testkit.Ada, massage), wants))
		if p.Appointments[1].Clinician.ID != who || p.Appointments[0].Clinician.ID == who {
			t.Errorf("%+v", p.Appointments)
		}
		c.Do(t, http.MethodPost, partiesAt+"/"+p.ID+"/cancel", c.As(t, testkit.AdaEmail), map[string]any{"reason": "Another."})
	}
}

func TestPartyIsAllOrNothing(t *testing.T) {
	c := partyClinic(t)
	everybodySignsIn(t, c)
	settings(t, c, map[string]any{"group_max": 3})
	before := settled(t, c)
	for name, x := range map[string]struct {
		body   map[string]any
		status int
		reason string
	}{
		"three at once with two clinicians": {partyOf("parallel", memberOf(testkit.Ada, massage), guest("Zoe", massage), guest("Max", massage)), 409, "SLOT_UNAVAILABLE"},
		"a service on request":              {partyOf("parallel", memberOf(testkit.Ada, massage), guest("Zoe", testkit.Therapy)), 400, "SERVICE_NOT_BOOKABLE"},
		"somebody else":                     {partyOf("parallel", memberOf(testkit.Ada, massage), memberOf(testkit.Bo, massage)), 400, ""},
		"one alone":                         {partyOf("parallel", memberOf(testkit.Ada, massage)), 400, ""},
		"too many":                          {partyOf("sequence", guest("A", massage), guest("B", massage), guest("C", massage), guest("D", massage)), 400, ""},
		"nobody's name":                     {partyOf("parallel", memberOf(testkit.Ada, massage), guest(" ", massage)), 400, ""},
		"one twice at once":                 {partyOf("parallel", memberOf(testkit.Ada, massage), memberOf(testkit.Ada, massage)), 400, ""},
		"no such mode":                      {partyOf("circle", memberOf(testkit.Ada, massage), guest("Zoe", massage)), 400, ""},
		"the last runs past the evening": {func() map[string]any {
			b := partyOf("sequence", memberOf(testkit.Ada, massage), guest("Zoe", massage))
			b["startTime"] = "2026-12-21T15:45"
			return b
		}(), 400, ""},
		"somebody else pays": {func() map[string]any {
			b := partyOf("parallel", memberOf(testkit.Ada, massage), guest("Zoe", massage))
			b["payerClientId"] = testkit.Bo
			return b
		}(), 400, ""},
	} {
		c.Do(t, http.MethodPost, partiesAt, c.As(t, testkit.AdaEmail), x.body).Refused(t, x.status, x.reason)
		if settled(t, c) != before {
			t.Fatalf("%s left something behind", name)
		}
	}
}

func TestPartiesOfOthers(t *testing.T) {
	c := partyClinic(t)
	// Uma has a login of her own, and Ada may act for her
	c.Add(t, "client_access", map[string]any{"client": testkit.Uma, "portal_user": testkit.AdaLogin, "relationship": "partner", "scope": "all"})
	c.Add(t, "client_access", map[string]any{"client": testkit.Uma, "portal_user": testkit.BoLogin, "relationship": "partner", "scope": "appointments_forms"})
	p := bookedParty(t, c, partyOf("parallel", memberOf(testkit.Ada, massage), memberOf(testkit.Uma, massage)))
	bo := c.As(t, testkit.BoEmail)
	for _, header := range []string{testkit.Bo, testkit.Uma} {
		c.Do(t, http.MethodGet, partiesAt+"/"+p.ID, bo, nil, "X-Client-Id", header).Refused(t, http.StatusNotFound, "")
		c.Do(t, http.MethodPost, partiesAt+"/"+p.ID+"/cancel", bo, map[string]any{"reason": "x"}, "X-Client-Id", header).Refused(t, http.StatusNotFound, "")
		var list struct{ GroupBookings []scheduling.GroupBooking }
		c.Do(t, http.MethodGet, partiesAt, bo, nil, "X-Client-Id", header).Data(t, &list)
		if len(list.GroupBookings) != 0 {
			t.Errorf("%+v", list)
		}
	}
	if got := c.Do(t, http.MethodGet, visits+"/"+p.Appointments[1].ID, bo, nil, "X-Client-Id", testkit.Uma); got.Status != http.StatusOK {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	c.Do(t, http.MethodGet, visits+"/"+p.Appointments[0].ID, bo, nil, "X-Client-Id", testkit.Uma).Refused(t, http.StatusNotFound, "")
	mails := c.Mails(t, testkit.BoEmail)
	if len(mails) != 1 || strings.Contains(mails[0].Text, "2 visits") {
		t.Errorf("%+v", mails)
	}

	// access that ended takes the visit out of the party, and out of what can be cancelled
	access, err := c.App.FindFirstRecordByFilter("client_access", "client = {:c} && portal_user = {:u}", dbx.Params{"c": testkit.Uma, "u": testkit.AdaLogin})
	if err != nil {
		t.Fatal(err)
	}
	change(t, c, access, map[string]any{"expires_at": kernel.Now(c.App).Add(time.Second)})
	c.Advance(time.Minute)
	var now scheduling.GroupBooking
	c.Do(t, http.MethodGet, partiesAt+"/"+p.ID, c.As(t, testkit.AdaEmail), nil).Data(t, &now)
	if len(now.Appointments) != 1 || now.Appointments[0].ClientID != testkit.Ada {
		t.Errorf("%+v", now.Appointments)
	}
	c.Do(t, http.MethodPost, partiesAt+"/"+p.ID+"/cancel", c.As(t, testkit.AdaEmail), map[string]any{"reason": "Ill."})
	if s := c.Find(t, "appointments", p.Appointments[1].ID).GetString("status"); s != "scheduled" {
		t.Errorf("Uma's visit is %s", s)
	}
}

func TestTheDeskBooksAParty(t *testing.T) {
	c := partyClinic(t)
	body := partyOf("parallel", memberOf(testkit.Bo, testkit.Therapy), guest("Zoe", testkit.Therapy))
	body["payerClientId"] = testkit.Bo
	if got := c.Do(t, http.MethodPost, kernel.Desk+"/group-bookings", c.As(t, testkit.DeskEmail), body); got.Status != http.StatusCreated {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	body["payerClientId"] = testkit.Uma // not of Ana's clients
	f := c.Do(t, http.MethodPost, kernel.Desk+"/group-bookings", c.As(t, testkit.AnaEmail), body).Refused(t, http.StatusBadRequest, "")
	if _, ok := f.Details.Fields["payerClientId"]; !ok {
		t.Errorf("%+v", f)
	}
}
