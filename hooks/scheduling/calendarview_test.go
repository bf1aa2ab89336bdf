package scheduling_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/pocketbase/dbx"

	"anteroom/hooks/kernel"
	"anteroom/hooks/testkit"
)

const calendar = kernel.Desk + "/calendar"

type span struct{ ClinicianID, Start, End, Reason, Name string }

type calendarPage struct {
	TimeZone, From, To, Now, Today, LocationID string
	Days                                       []struct {
		Date   string
		Clocks []struct {
			At, Wall string
			Minutes  int
			Again    bool
		}
	}
	Clinicians []struct {
		ID, Name, Color string
		Mine, Kept      bool
		Working, Breaks []span
	}
	Closures, Busy, Offers []span
	Rooms                  []struct{ ID, Name string }
	Appointments           []struct {
		ID, Status, LocalStart, Version, UpdatedAt, RoomID string
		EquipmentIDs                                       []string
		Client                                             struct{ ID, Name string }
	}
}

func readCalendar(t *testing.T, c *testkit.Clinic, email, query string) (page calendarPage, body string) {
	t.Helper()
	got := c.Do(t, http.MethodGet, calendar+query, c.As(t, email), nil)
	got.Data(t, &page)
	return page, string(got.Body)
}

func idsOf(p calendarPage) []string {
	out := []string{}
	for _, a := range p.Appointments {
		out = append(out, a.ID)
	}
	return out
}

func TestCalendarShowsAPlace(t *testing.T) {
	c := newClinic(t)
	room := c.Add(t, "rooms", map[string]any{"name": "Quiet room", "location": testkit.Location, "kind": "room", "capacity": 1, "is_active": true}).Id
	c.Add(t, "rooms", map[string]any{"name": "Lamp", "location": testkit.Location, "kind": "equipment", "capacity": 1, "is_active": true})
	first := book(t, c, map[string]any{"room": room}).Id
	later := book(t, c, map[string]any{"client": testkit.Bo, "clinician": testkit.Ben, "start_time": at("2026-12-23T06:30:00Z")}).Id // 23:30 on the 22nd
	next := book(t, c, map[string]any{"client": testkit.Uma, "start_time": at("2026-12-24T17:00:00Z")}).Id
	p, _ := readCalendar(t, c, testkit.DeskEmail, "?from=2026-12-21&to=2026-12-22&locationId="+testkit.Location)
	if p.TimeZone != testkit.Zone || p.From != "2026-12-21" || p.To != "2026-12-22" || p.Today != "2026-12-07" || p.Now != "2026-12-07T16:00:00Z" || p.LocationID != testkit.Location {
		t.Errorf("%+v", p)
	}
	if !slices.Equal(idsOf(p), []string{first, later}) {
		t.Errorf("shows %v, without %s", idsOf(p), next)
	}
	if a := p.Appointments[0]; a.RoomID != room || a.Client.Name != "Ada Lovell" || !strings.HasPrefix(a.Version, a.UpdatedAt[:19]) || len(a.Version) != len("2026-12-07T16:00:00.000Z") || a.EquipmentIDs == nil || a.LocalStart != "10:00" {
		t.Errorf("%+v", a)
	}
	if len(p.Rooms) != 1 || p.Rooms[0].ID != room || len(p.Clinicians) != 2 || p.Clinicians[0].Name != "Ben Carter, LCSW" || p.Clinicians[1].Name != "Dr. Ana Reyes" {
		t.Errorf("%+v %+v", p.Rooms, p.Clinicians)
	}
	if len(p.Days) != 2 || len(p.Days[0].Clocks) != 1 || p.Days[0].Clocks[0].At != "2026-12-21T07:00:00Z" || p.Days[0].Clocks[0].Wall != "00:00" || p.Days[0].Clocks[0].Minutes != 1440 {
		t.Errorf("%+v", p.Days)
	}
	// what began the evening before is still on
	if p, _ = readCalendar(t, c, testkit.DeskEmail, "?from=2026-12-23&to=2026-12-23"); !slices.Equal(idsOf(p), []string{later}) {
		t.Errorf("the night visit is not on the next day: %v", idsOf(p))
	}
	if p, _ = readCalendar(t, c, testkit.DeskEmail, "?from=2026-12-21&to=2026-12-31&clinicianId="+testkit.Ben); !slices.Equal(idsOf(p), []string{later}) || len(p.Clinicians) != 1 {
		t.Errorf("%v", idsOf(p))
	}
	for _, client := range []string{testkit.Ada, testkit.Bo} {
		if c.Count(t, "portal_audit_log", "action = 'VIEW_CALENDAR' AND client_id = {:c}", dbx.Params{"c": client}) == 0 {
			t.Error("no audit line about ", client)
		}
	}
	if n := c.Count(t, "portal_audit_log", "action = 'VIEW_CALENDAR' AND client_id = {:c}", dbx.Params{"c": testkit.Uma}); n != 0 {
		t.Errorf("%d audit lines about Uma, who was not shown", n)
	}
}

// Where the clocks are turned back a day has 25 hours and some wall times twice, where they are turned forward 23.
func TestCalendarTellsHowTheClocksGo(t *testing.T) {
	c := newClinic(t)
	p, _ := readCalendar(t, c, testkit.DeskEmail, "?from=2027-11-07&to=2027-11-07")
	if got := p.Days[0].Clocks; len(got) != 3 || got[0].Minutes != 120 || got[1].At != "2027-11-07T08:00:00Z" || got[1].Wall != "01:00" || !got[1].Again ||
		got[1].Minutes != 60 || got[2].At != "2027-11-07T09:00:00Z" || got[2].Wall != "02:00" || got[2].Again || got[2].Minutes != 22*60 {
		t.Errorf("%+v", got)
	}
	p, _ = readCalendar(t, c, testkit.DeskEmail, "?from=2027-03-12&to=2027-03-18")
	if got := p.Days[2].Clocks; len(p.Days) != 7 || p.Days[2].Date != "2027-03-14" || len(got) != 2 || got[0].Minutes != 120 || got[1].At != "2027-03-14T09:00:00Z" || got[1].Wall != "03:00" || got[1].Minutes != 21*60 {
		t.Errorf("%+v", got)
	}
	if got := p.Days[3].Clocks; len(got) != 1 || got[0].At != "2027-03-15T06:00:00Z" {
		t.Errorf("the day after: %+v", got)
	}
	// clocks that skip midnight itself
	cairo := c.Add(t, "locations", map[string]any{"name": "Cairo", "street": "1", "city": "Cairo", "time_zone": "Africa/Cairo", "is_active": true}).Id
	p, _ = readCalendar(t, c, testkit.DeskEmail, "?from=2026-04-24&to=2026-04-24&locationId="+cairo)
	if got := p.Days[0].Clocks; len(got) != 1 || got[0].Wall != "01:00" || got[0].Minutes != 23*60 || got[0].At != "2026-04-23T22:00:00Z" {
		t.Errorf("%+v", got)
	}
}

// A clinician sees their own visits and clients; of the others, that their colleague is taken.
func TestCalendarKeepsToReach(t *testing.T) {
	c := newClinic(t)
	own := book(t, c, map[string]any{"client": testkit.Bo, "start_time": at("2026-12-21T15:00:00Z")}).Id
	book(t, c, map[string]any{"client": testkit.Uma, "clinician": testkit.Ben, "start_time": at("2026-12-21T17:00:00Z")})
	reached := book(t, c, map[string]any{"clinician": testkit.Ben, "start_time": at("2026-12-21T19:00:00Z")}).Id // Ada, whom Ana looks after
	book(t, c, map[string]any{"client": testkit.Uma, "clinician": testkit.Ben, "start_time": at("2026-12-21T21:00:00Z"), "status": "no_show"})
	p, body := readCalendar(t, c, testkit.AnaEmail, "?from=2026-12-21&to=2026-12-21")
	if !slices.Equal(idsOf(p), []string{own, reached}) {
		t.Errorf("%v", idsOf(p))
	}
	if len(p.Busy) != 1 || p.Busy[0] != (span{ClinicianID: testkit.Ben, Start: "2026-12-21T17:00:00Z", End: "2026-12-21T17:50:00Z"}) {
		t.Errorf("busy is %+v", p.Busy)
	}
	for _, secret := range []string{testkit.Uma, "Uma"} {
		if strings.Contains(body, secret) {
			t.Errorf("the calendar says %q", secret)
		}
	}
	if p.Clinicians[0].Mine || !p.Clinicians[1].Mine || p.Clinicians[1].Kept {
		t.Errorf("%+v", p.Clinicians)
	}
	if n := c.Count(t, "portal_audit_log", "action = 'VIEW_CALENDAR' AND client_id = {:c}", dbx.Params{"c": testkit.Uma}); n != 0 {
		t.Error("the log says that Uma was seen")
	}
}

func TestCalendarRefusals(t *testing.T) {
	c := newClinic(t)
	book(t, c, nil)
	c.Do(t, http.MethodGet, calendar, c.As(t, testkit.BillingEmail), nil).Refused(t, http.StatusForbidden, "ROLE")
	c.Do(t, http.MethodGet, calendar, c.As(t, testkit.AdaEmail), nil).Refused(t, http.StatusForbidden, "")
	c.Do(t, http.MethodGet, calendar, "", nil).Refused(t, http.StatusUnauthorized, "")
	desk := c.As(t, testkit.DeskEmail)
	for query, want := range map[string]struct {
		status int
		reason string
	}{
		"?from=2026-02-30":                    {http.StatusBadRequest, "VALIDATION_ERROR"},
		"?from=2026-12-21&to=next":            {http.StatusBadRequest, "VALIDATION_ERROR"},
		"?from=2026-12-21&to=2026-12-20":      {http.StatusBadRequest, "VALIDATION_ERROR"},
		"?from=2026-12-01&to=2027-01-12":      {http.StatusBadRequest, "RANGE_TOO_LARGE"},
		"?from=0001-01-01&to=9999-12-31":      {http.StatusBadRequest, "RANGE_TOO_LARGE"},
		"?locationId=nowherenowhere0":         {http.StatusNotFound, "NOT_FOUND"},
		"?from=2026-12-01&locationId='%20OR1": {http.StatusNotFound, "NOT_FOUND"},
	} {
		c.Do(t, http.MethodGet, calendar+query, desk, nil).Refused(t, want.status, want.reason)
	}
	if p, _ := readCalendar(t, c, testkit.DeskEmail, "?from=2026-12-01&to=2027-01-11"); len(p.Days) != 42 {
		t.Errorf("%d days, want six weeks", len(p.Days))
	}
}

// Working time is what the shifts say within the opening hours and without closures; breaks are shown with their names.
func TestCalendarShowsHours(t *testing.T) {
	c := newClinic(t)
	weekly := map[string]any{"location": testkit.Location, "first_day": "2026-01-05", "starts_at": "09:00", "ends_at": "17:00", "is_active": true}
	with := func(changes map[string]any) map[string]any {
		out := map[string]any{}
		for _, m := range []map[string]any{weekly, changes} {
			for k, v := range m {
				out[k] = v
			}
		}
		return out
	}
	c.Add(t, "shifts", with(map[string]any{"clinician": testkit.Ana, "rrule": "FREQ=WEEKLY;BYDAY=MO,SU"}))
	c.Add(t, "shifts", with(map[string]any{"clinician": testkit.Ben, "rrule": "FREQ=WEEKLY;BYDAY=MO", "is_active": false}))
	c.Add(t, "breaks", with(map[string]any{"clinician": testkit.Ana, "rrule": "FREQ=WEEKLY;BYDAY=MO", "starts_at": "12:00", "ends_at": "13:00", "reason": "Lunch", "location": ""}))
	c.Add(t, "breaks", with(map[string]any{"clinician": testkit.Ana, "first_day": "2026-12-14", "reason": "Long over"}))
	c.Add(t, "closures", map[string]any{"name": "Staff day", "first_day": "2026-12-21", "starts_at": "15:00", "ends_at": "17:00", "is_active": true})
	p, _ := readCalendar(t, c, testkit.DeskEmail, "?from=2026-12-21&to=2026-12-22")
	ana, ben := p.Clinicians[1], p.Clinicians[0]
	if !slices.Equal(ana.Working, []span{{Start: "2026-12-21T16:00:00Z", End: "2026-12-21T22:00:00Z"}}) || len(ben.Working) != 0 || !ana.Kept {
		t.Errorf("working is %+v and %+v", ana.Working, ben.Working)
	}
	if !slices.Equal(ana.Breaks, []span{{Start: "2026-12-21T19:00:00Z", End: "2026-12-21T20:00:00Z", Reason: "Lunch"}}) {
		t.Errorf("breaks are %+v", ana.Breaks)
	}
	if !slices.Equal(p.Closures, []span{{Start: "2026-12-21T22:00:00Z", End: "2026-12-22T00:00:00Z", Name: "Staff day"}}) {
		t.Errorf("closures are %+v", p.Closures)
	}
	// in the week in which the clocks go forward, nine o'clock is an hour earlier
	p, _ = readCalendar(t, c, testkit.DeskEmail, "?from=2027-03-08&to=2027-03-14")
	if got := p.Clinicians[1].Working; !slices.Equal(got, []span{{Start: "2027-03-08T16:00:00Z", End: "2027-03-09T00:00:00Z"}, {Start: "2027-03-14T15:00:00Z", End: "2027-03-14T23:00:00Z"}}) {
		t.Errorf("%+v", got)
	}
}

func TestCalendarShowsOffers(t *testing.T) {
	c := newClinic(t)
	offerWith(t, c, testkit.Uma, testkit.Ben, at("2026-12-21T17:00:00Z"), at("2026-12-07T18:00:00Z"))
	offerWith(t, c, testkit.Bo, testkit.Ben, at("2026-12-21T17:00:00Z"), at("2026-12-07T15:00:00Z")) // passed an hour ago
	p, body := readCalendar(t, c, testkit.AnaEmail, "?from=2026-12-21&to=2026-12-21")
	if !slices.Equal(p.Offers, []span{{ClinicianID: testkit.Ben, Start: "2026-12-21T17:00:00Z", End: "2026-12-21T18:00:00Z"}}) {
		t.Errorf("%+v", p.Offers)
	}
	if strings.Contains(body, testkit.Uma) {
		t.Error("the offer says to whom")
	}
}
