package scheduling_test

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	validation "github.com/pocketbase/ozzo-validation/v4"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/hooks/kernel"
	"anteroom/hooks/scheduling"
	"anteroom/hooks/testkit"
)

const (
	availability     = visits + "/availability"
	deskAvailability = kernel.Desk + "/availability"
)

// shift enters hours of Ana's: Mondays and Tuesdays from nine to noon.
func shift(t testing.TB, c *testkit.Clinic, changes map[string]any) *core.Record {
	t.Helper()
	return c.Add(t, "shifts", with(map[string]any{"clinician": testkit.Ana, "location": testkit.Location, "first_day": "2026-01-01",
		"rrule": "FREQ=WEEKLY;BYDAY=MO,TU", "starts_at": "09:00", "ends_at": "12:00", "is_active": true}, changes))
}

func with(values, changes map[string]any) map[string]any {
	for k, v := range changes {
		values[k] = v
	}
	return values
}

func adaWishes() scheduling.WishFor {
	return scheduling.WishFor{Client: testkit.Ada, Service: testkit.Therapy, Location: testkit.Location, By: adaActor()}
}

// offeredOn are the openings of December 21, on Boulder's clocks.
func offeredOn(t testing.TB, c *testkit.Clinic, w scheduling.WishFor) string {
	t.Helper()
	found, err := scheduling.Openings(c.App, w, at("2026-12-21T07:00:00Z"), at("2026-12-22T07:00:00Z"))
	if err != nil {
		t.Fatal(err)
	}
	zone, _ := time.LoadLocation(testkit.Zone)
	var out []string
	for _, o := range found {
		if err := scheduling.RefuseUnopened(c.App, w, o.Start); err != nil {
			t.Errorf("%s is offered and refused: %v", o.Start, err)
		}
		out = append(out, o.Start.In(zone).Format("15:04"))
	}
	return strings.Join(out, " ")
}

func TestWhatKeepsATimeFromBeingOffered(t *testing.T) {
	const all = "09:00 09:15 09:30 09:45 10:00 10:15 10:30 10:45 11:00"
	ten := at("2026-12-21T17:00:00Z")
	for name, s := range map[string]struct {
		given func(c *testkit.Clinic)
		wish  func(w *scheduling.WishFor)
		want  string
	}{
		"nothing":              {want: all},
		"a visit of Ana's":     {given: func(c *testkit.Clinic) { book(t, c, map[string]any{"client": testkit.Bo}) }, want: "09:00 11:00"},
		"the visit that moves": {given: func(c *testkit.Clinic) { book(t, c, map[string]any{"id": "visitvisit00000"}) }, wish: func(w *scheduling.WishFor) { w.Except = "visitvisit00000" }, want: all},
		"Ada is with Ben": {given: func(c *testkit.Clinic) {
			c.Add(t, "shifts", map[string]any{"clinician": testkit.Ben, "location": testkit.Location, "first_day": "2026-12-21", "starts_at": "09:00", "ends_at": "12:00", "is_active": true})
			book(t, c, map[string]any{"clinician": testkit.Ben})
		}, wish: func(w *scheduling.WishFor) { w.Clinician = testkit.Ana }, want: "09:00 11:00"},
		"a break": {given: func(c *testkit.Clinic) {
			c.Add(t, "breaks", map[string]any{"clinician": testkit.Ana, "first_day": "2026-12-21", "starts_at": "10:15", "ends_at": "10:30", "is_active": true})
		}, want: "09:00 09:15 10:30 10:45 11:00"},
		"a closure": {given: func(c *testkit.Clinic) {
			c.Add(t, "closures", map[string]any{"name": "Solstice", "first_day": "2026-12-21", "is_active": true})
		}, want: ""},
		"a closure elsewhere": {given: func(c *testkit.Clinic) {
			other := c.Add(t, "locations", map[string]any{"name": "Far", "time_zone": "America/New_York", "is_active": true}).Id
			c.Add(t, "closures", map[string]any{"name": "Solstice", "location": other, "first_day": "2026-12-21", "is_active": true})
		}, want: all},
		"opening hours": {given: func(c *testkit.Clinic) {
			change(t, c, c.Find(t, "locations", testkit.Location), map[string]any{"opening_hours": map[string][]string{"mon": {"08:00-10:30", "10:30-11:00"}}})
		}, want: "09:00 09:15 09:30 09:45 10:00"},
		"a request that holds": {given: func(c *testkit.Clinic) {
			r := c.Find(t, "appointments", ask(t, c, nil))
			change(t, c, r, map[string]any{"holds_slot": true})
		}, wish: func(w *scheduling.WishFor) { w.Client = testkit.Bo; w.By.Client = testkit.Bo }, want: "09:00 11:00"},
		"one's own request that holds": {given: func(c *testkit.Clinic) {
			r := c.Find(t, "appointments", ask(t, c, nil))
			change(t, c, r, map[string]any{"holds_slot": true})
		}, want: all},
		"an offer to somebody": {given: func(c *testkit.Clinic) { offer(t, c, testkit.Bo, ten, time.Hour) }, want: "09:00 11:00"},
		"an offer that ended":  {given: func(c *testkit.Clinic) { offer(t, c, testkit.Bo, ten, -time.Hour) }, want: all},
		"a room that is needed": {given: func(c *testkit.Clinic) {
			room := c.Add(t, "rooms", map[string]any{"name": "Quiet", "location": testkit.Location, "kind": "room", "capacity": 1, "is_active": true}).Id
			change(t, c, c.Find(t, "services", testkit.Therapy), map[string]any{"needs_room": true})
			book(t, c, map[string]any{"client": testkit.Bo, "clinician": testkit.Ben, "room": room})
		}, wish: func(w *scheduling.WishFor) { w.Clinician = testkit.Ana }, want: "09:00 11:00"},
		"a room, by video": {given: func(c *testkit.Clinic) {
			change(t, c, c.Find(t, "services", testkit.Therapy), map[string]any{"needs_room": true})
		}, wish: func(w *scheduling.WishFor) { w.Place = "telehealth" }, want: all},
		"equipment": {given: func(c *testkit.Clinic) {
			lamp := c.Add(t, "rooms", map[string]any{"name": "Lamp 1", "equipment_type": "lamp", "location": testkit.Location, "kind": "equipment", "capacity": 1, "is_active": true}).Id
			change(t, c, c.Find(t, "services", testkit.Therapy), map[string]any{"required_equipment": []string{"Lamp"}})
			book(t, c, map[string]any{"client": testkit.Bo, "clinician": testkit.Ben, "equipment": []string{lamp}})
		}, wish: func(w *scheduling.WishFor) { w.Clinician = testkit.Ana }, want: "09:00 11:00"},
		"equipment nobody has": {given: func(c *testkit.Clinic) {
			change(t, c, c.Find(t, "services", testkit.Therapy), map[string]any{"required_equipment": []string{"Lamp"}})
		}, want: ""},
		"what nobody can": {given: func(c *testkit.Clinic) {
			change(t, c, c.Find(t, "services", testkit.Therapy), map[string]any{"required_capabilities": []string{"EMDR"}})
		}, want: ""},
		"what Ana can": {given: func(c *testkit.Clinic) {
			change(t, c, c.Find(t, "services", testkit.Therapy), map[string]any{"required_capabilities": []string{"EMDR"}})
			change(t, c, c.Find(t, "clinicians", testkit.Ana), map[string]any{"capabilities": []string{"emdr "}})
		}, want: all},
		"a stagger": {given: func(c *testkit.Clinic) {
			change(t, c, c.Find(t, "clinicians", testkit.Ana), map[string]any{"stagger_booking_minutes": 5})
			change(t, c, c.Find(t, "services", testkit.Therapy), map[string]any{"slot_step_minutes": 30})
		}, want: "09:05 09:35 10:05 10:35"},
		"the clinician's mode": {given: func(c *testkit.Clinic) {
			change(t, c, c.Find(t, "clinicians", testkit.Ana), map[string]any{"booking_mode": "view"})
		}, want: ""},
		"a shift of another service": {given: func(c *testkit.Clinic) {
			shift, _ := c.App.FindFirstRecordByFilter("shifts", "id != ''")
			change(t, c, shift, map[string]any{"service_locations": []string{"telehealth"}})
		}, want: ""},
		"the notice": {given: func(c *testkit.Clinic) { settings(t, c, map[string]any{"request_notice_hours": 24 * 20}) }, want: ""},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClinic(t)
			shift(t, c, nil)
			if s.given != nil {
				s.given(c)
			}
			w := adaWishes()
			if s.wish != nil {
				s.wish(&w)
			}
			if got := offeredOn(t, c, w); got != s.want {
				t.Errorf("offered: %s\nwanted:  %s", got, s.want)
			}
		})
	}
}

func offer(t testing.TB, c *testkit.Clinic, client string, start time.Time, lasts time.Duration) {
	t.Helper()
	offerWith(t, c, client, testkit.Ana, start, kernel.Now(c.App).Add(lasts))
}

// offerWith writes an offer as it would be after the job that makes it, whatever the time is now.
func offerWith(t testing.TB, c *testkit.Clinic, client, clinician string, start, expires time.Time) {
	t.Helper()
	entry := c.Add(t, "waitlist_entries", map[string]any{"client": client, "service": testkit.Therapy, "clinician": clinician, "status": "waiting", "joined_at": kernel.Now(c.App)})
	const form = "2006-01-02 15:04:05.000Z"
	_, err := c.App.DB().NewQuery(`UPDATE waitlist_entries SET status = 'offered', offered_start = {:start}, offered_hold_end = {:end}, offered_clinician = {:who},
		offered_location = {:where}, offer_expires_at = {:expires} WHERE id = {:id}`).Bind(dbx.Params{"id": entry.Id, "start": start.Format(form),
		"end": start.Add(time.Hour).Format(form), "who": clinician, "where": testkit.Location, "expires": expires.Format(form)}).Execute()
	if err != nil {
		t.Fatal(err)
	}
}

func TestWorkingHoursThroughEveryDoor(t *testing.T) {
	c := newClinic(t)
	everybodySignsIn(t, c)
	afternoon := map[string]any{"client": testkit.Ada, "clinician": testkit.Ana, "service": testkit.Therapy, "location": testkit.Location,
		"status": "scheduled", "service_location": "in_office", "requested_via": "phone", "start_time": "2026-12-21 21:00:00.000Z"}
	desk := c.As(t, testkit.DeskEmail)
	// while no hours are entered, the desk decides
	if got := c.Do(t, http.MethodPost, "/api/collections/appointments/records", desk, with(map[string]any{"start_time": "2026-12-22 21:00:00.000Z"}, without(afternoon, "start_time"))); got.Status != http.StatusOK {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	hours := shift(t, c, nil)
	got := c.Do(t, http.MethodPost, "/api/collections/appointments/records", desk, afternoon)
	if got.Status != http.StatusBadRequest || !strings.Contains(string(got.Body), "outside_hours") {
		t.Errorf("record API: %d %s", got.Status, got.Body)
	}
	for _, by := range []kernel.Actor{deskActor(), {Kind: kernel.KindOwner, ID: testkit.Owner}} {
		r := recordOf(t, c, afternoon)
		if err := kernel.SaveAs(c.App, by, r); codeIn(err, "start_time") != "outside_hours" {
			t.Errorf("%s: %v", by.Kind, err)
		}
	}
	if n := c.Count(t, "appointments", "id <> ''", nil); n != 1 {
		t.Errorf("%d visits: a refusal wrote one", n)
	}
	// the desk says that it knows
	r := recordOf(t, c, afternoon)
	r.SetRaw("@scheduling.outside", true)
	if err := kernel.SaveAs(c.App, deskActor(), r); err != nil {
		t.Fatal(err)
	}
	h, err := c.App.FindFirstRecordByFilter("appointment_history", "appointment = {:a}", map[string]any{"a": r.Id})
	if err != nil || h.GetString("reason") != "outside working hours" {
		t.Errorf("the history says %q, %v", h.GetString("reason"), err)
	}
	// what was agreed stays agreed when hours change, and a save that touches nothing of it is no new agreement
	change(t, c, hours, map[string]any{"is_active": false})
	again := c.Find(t, "appointments", r.Id)
	again.Set("staff_notes", "Bring the key.")
	if err := kernel.SaveAs(c.App, deskActor(), again); err != nil {
		t.Error(err)
	}
	again.Set("start_time", "2026-12-21 22:00:00.000Z")
	if err := kernel.SaveAs(c.App, deskActor(), again); codeIn(err, "start_time") != "outside_hours" {
		t.Errorf("moved without hours: %v", err)
	}
}

func without(values map[string]any, name string) map[string]any {
	out := map[string]any{}
	for k, v := range values {
		if k != name {
			out[k] = v
		}
	}
	return out
}

func recordOf(t testing.TB, c *testkit.Clinic, values map[string]any) *core.Record {
	t.Helper()
	col, err := c.App.FindCachedCollectionByNameOrId("appointments")
	if err != nil {
		t.Fatal(err)
	}
	r := core.NewRecord(col)
	r.Load(values)
	return r
}

func codeIn(err error, field string) string {
	var fields validation.Errors
	var v validation.Error
	if errors.As(err, &fields) && errors.As(fields[field], &v) {
		return strings.TrimPrefix(v.Code(), "validation_")
	}
	return ""
}

func TestHoursThatAreRefused(t *testing.T) {
	c := newClinic(t)
	other := c.Add(t, "locations", map[string]any{"name": "Far", "time_zone": "America/New_York", "is_active": true}).Id
	base := map[string]any{"name": "Holiday", "clinician": testkit.Ana, "location": testkit.Location, "first_day": "2026-12-01", "starts_at": "09:00", "ends_at": "12:00"}
	for name, s := range map[string]struct {
		collection  string
		values      map[string]any
		field, code string
	}{
		"no such day":             {"shifts", map[string]any{"first_day": "2026-02-30"}, "first_day", "date"},
		"the last before":         {"shifts", map[string]any{"last_day": "2026-11-30"}, "last_day", "date"},
		"equal times":             {"shifts", map[string]any{"ends_at": "09:00"}, "ends_at", "times"},
		"no end":                  {"breaks", map[string]any{"ends_at": ""}, "ends_at", "required"},
		"no start":                {"closures", map[string]any{"starts_at": ""}, "starts_at", "required"},
		"every hour":              {"breaks", map[string]any{"rrule": "FREQ=HOURLY"}, "rrule", "rrule"},
		"never":                   {"closures", map[string]any{"rrule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"}, "rrule", "rrule"},
		"exceptions":              {"shifts", map[string]any{"exceptions": []string{"Friday"}}, "exceptions", "dates"},
		"exceptions of a kind":    {"shifts", map[string]any{"exceptions": map[string]any{"a": 1}}, "exceptions", "dates"},
		"extra days":              {"shifts", map[string]any{"extra_days": []int{3}}, "extra_days", "dates"},
		"elsewhere":               {"shifts", map[string]any{"location": other}, "location", "clinician_not_at_location"},
		"a pause elsewhere":       {"breaks", map[string]any{"location": other}, "location", "clinician_not_at_location"},
		"opening hours backwards": {"locations", map[string]any{"opening_hours": map[string]any{"mon": []string{"12:00-08:00"}}}, "opening_hours", "opening_hours"},
		"opening hours twice":     {"locations", map[string]any{"opening_hours": map[string]any{"mon": []string{"08:00-12:00", "11:00-13:00"}}}, "opening_hours", "opening_hours"},
		"opening hours of a day":  {"locations", map[string]any{"opening_hours": map[string]any{"monday": []string{"08:00-12:00"}}}, "opening_hours", "opening_hours"},
		"opening hours of a kind": {"locations", map[string]any{"opening_hours": []string{"08:00-12:00"}}, "opening_hours", "opening_hours"},
		"opening hours in words":  {"locations", map[string]any{"opening_hours": map[string]any{"mon": []string{"in the morning"}}}, "opening_hours", "opening_hours"},
	} {
		col, err := c.App.FindCachedCollectionByNameOrId(s.collection)
		if err != nil {
			t.Fatal(err)
		}
		r := core.NewRecord(col)
		if s.collection == "locations" {
			r = c.Find(t, "locations", testkit.Location)
		} else {
			r.Load(base)
		}
		r.Load(s.values)
		if err := kernel.SaveAs(c.App, kernel.System(), r); codeIn(err, s.field) != s.code {
			t.Errorf("%s: %v", name, err)
		}
	}
	// an end before the start is on the next day
	shift(t, c, map[string]any{"starts_at": "22:00", "ends_at": "06:00"})

	// a clinician pauses for themselves alone
	ana := c.As(t, testkit.AnaEmail)
	own := c.Do(t, http.MethodPost, "/api/collections/breaks/records", ana, map[string]any{"clinician": testkit.Ana, "first_day": "2026-12-21"})
	if own.Status != http.StatusOK {
		t.Fatalf("%d %s", own.Status, own.Body)
	}
	id := object(t, own.Body)["id"].(string)
	if got := c.Do(t, http.MethodPost, "/api/collections/breaks/records", ana, map[string]any{"clinician": testkit.Ben, "first_day": "2026-12-21"}); got.Status != http.StatusBadRequest {
		t.Errorf("Ana enters a break for Ben: %d", got.Status)
	}
	if got := c.Do(t, http.MethodPatch, "/api/collections/breaks/records/"+id, ana, map[string]any{"clinician": testkit.Ben}); got.Status != http.StatusBadRequest {
		t.Errorf("Ana hands her break to Ben: %d", got.Status)
	}
}

type availabilityAnswer struct {
	TimeZone, BookingMode string
	Enforced              bool
	Days                  []struct {
		Date  string
		Slots []scheduling.Slot
	}
	NextAvailable *scheduling.Slot
	Clinicians    []struct{ ID string }
}

func TestAvailability(t *testing.T) {
	c := newClinic(t)
	shift(t, c, nil)
	ada, desk := c.As(t, testkit.AdaEmail), c.As(t, testkit.DeskEmail)
	query := url.Values{"serviceId": {testkit.Therapy}, "from": {"2026-12-20"}, "to": {"2026-12-23"}}
	var out availabilityAnswer
	c.Do(t, http.MethodGet, availability+"?"+query.Encode(), ada, nil).Data(t, &out)
	if len(out.Days) != 4 || len(out.Days[0].Slots) != 0 || len(out.Days[1].Slots) != 9 || !out.Enforced || out.BookingMode != "request" {
		t.Fatalf("%+v", out)
	}
	s := out.Days[1].Slots[0]
	if s.StartTime != "2026-12-21T16:00:00Z" || s.EndTime != "2026-12-21T16:50:00Z" || s.LocalDate != "2026-12-21" || s.LocalTime != "09:00" || s.UTCOffset != "-07:00" ||
		s.Display != "Monday, December 21, 9:00 to 9:50 am" || !s.Any || s.ClinicianID != "any" || !slices.Equal(s.ClinicianIDs, []string{testkit.Ana}) || s.Again != "" {
		t.Errorf("%+v", s)
	}
	if out.NextAvailable == nil || out.NextAvailable.StartTime != s.StartTime {
		t.Errorf("next: %+v", out.NextAvailable)
	}
	if audited(t, c, "LIST_AVAILABILITY", "") != 1 {
		t.Error("the look was not written down")
	}
	// an empty range names what comes after it, in the reader's language
	query.Set("clinicianId", testkit.Ana)
	query.Set("to", "2026-12-20")
	c.Do(t, http.MethodGet, availability+"?"+query.Encode(), ada, nil, "Accept-Language", "es").Data(t, &out)
	if len(out.Days) != 1 || out.NextAvailable == nil || out.NextAvailable.Display != "lunes 21 de diciembre, 9:00 a 9:50 a. m." || out.NextAvailable.ClinicianID != testkit.Ana {
		t.Errorf("%+v", out.NextAvailable)
	}
	// the desk keeps no notice
	settings(t, c, map[string]any{"request_notice_hours": 24 * 20})
	c.Do(t, http.MethodGet, deskAvailability+"?clientId="+testkit.Ada+"&"+query.Encode(), desk, nil).Data(t, &out)
	if out.NextAvailable == nil || out.NextAvailable.LocalDate != "2026-12-21" || out.BookingMode != "instant" {
		t.Errorf("desk: %+v", out)
	}
}

func TestAvailabilityIsRefused(t *testing.T) {
	c := newClinic(t)
	shift(t, c, nil)
	far := c.Add(t, "clinicians", map[string]any{"first_name": "Far", "last_name": "Away", "is_active": true}).Id
	bos := book(t, c, map[string]any{"client": testkit.Bo}).Id
	shown := c.Add(t, "services", map[string]any{"name": "Shown", "duration": 30, "booking_mode": "view", "service_locations": []string{"in_office"},
		"clinicians": []string{testkit.Ana}, "is_active": true}).Id
	ada := c.As(t, testkit.AdaEmail)
	for name, s := range map[string]struct {
		changes map[string]string
		status  int
		reason  string
		field   string
	}{
		"a range too large": {map[string]string{"from": "2026-12-01", "to": "2027-02-01"}, 400, "RANGE_TOO_LARGE", "to"},
		"ten thousand days": {map[string]string{"to": "2054-05-08"}, 400, "RANGE_TOO_LARGE", "to"},
		"backwards":         {map[string]string{"from": "2026-12-22", "to": "2026-12-21"}, 400, "", "to"},
		"no date":           {map[string]string{"from": "2026-02-30"}, 400, "", "from"},
		"no service":        {map[string]string{"serviceId": ""}, 404, "SERVICE_NOT_FOUND", ""},
		"unknown service":   {map[string]string{"serviceId": "none"}, 404, "SERVICE_NOT_FOUND", ""},
		"only shown":        {map[string]string{"serviceId": shown}, 400, "SERVICE_NOT_BOOKABLE", "serviceId"},
		"wrong clinician":   {map[string]string{"clinicianId": far}, 400, "CLINICIAN_NOT_FOR_SERVICE", "clinicianId"},
		"unknown clinician": {map[string]string{"clinicianId": "none"}, 400, "CLINICIAN_NOT_FOR_SERVICE", "clinicianId"},
		"unknown place":     {map[string]string{"locationId": "none"}, 400, "", "locationId"},
		"nowhere":           {map[string]string{"serviceLocation": "MOON"}, 400, "", "serviceLocation"},
		"another's visit":   {map[string]string{"except": bos}, 404, "", ""},
	} {
		query := url.Values{"serviceId": {testkit.Therapy}}
		for k, v := range s.changes {
			query.Set(k, v)
		}
		got := c.Do(t, http.MethodGet, availability+"?"+query.Encode(), ada, nil)
		body := string(got.Body)
		if got.Status != s.status || s.reason != "" && !strings.Contains(body, s.reason) || s.field != "" && !strings.Contains(body, `"`+s.field+`":{`) {
			t.Errorf("%s: %d %s", name, got.Status, body)
		}
	}
	if got := c.Do(t, http.MethodGet, availability+"?serviceId="+testkit.Therapy+"&from=2026-12-01&to=2027-01-31", ada, nil); got.Status != 200 {
		t.Errorf("62 days: %d %s", got.Status, got.Body)
	}
}

// What a request keeps, or an offer, no door takes from under it, with hours or without; whom it is kept for may.
func TestATimeThatIsKeptForSomebody(t *testing.T) {
	c := newClinic(t)
	everybodySignsIn(t, c)
	offer(t, c, testkit.Bo, at("2026-12-21T17:00:00Z"), time.Hour)
	for _, s := range []struct {
		client, want string
	}{{testkit.Ada, "slot_taken"}, {testkit.Bo, ""}} {
		r := recordOf(t, c, map[string]any{"client": s.client, "clinician": testkit.Ana, "service": testkit.Therapy, "location": testkit.Location,
			"status": "scheduled", "service_location": "in_office", "requested_via": "phone", "start_time": "2026-12-21 17:30:00.000Z"})
		r.SetRaw("@scheduling.outside", true) // which is about hours, not about others
		if err := kernel.SaveAs(c.App, deskActor(), r); codeIn(err, "start_time") != s.want {
			t.Errorf("for %s: %v", s.client, err)
		}
	}
	// a confirmation is told so, and by whom the time is not: the client who asked for it may have it
	id := ask(t, c, map[string]any{"preferredTime1": "13:00"})
	change(t, c, c.Find(t, "appointments", id), map[string]any{"holds_slot": true})
	other := ask(t, c, map[string]any{"preferredTime1": "13:30"}, "X-Client-Id", testkit.Cleo)
	desk := c.As(t, testkit.DeskEmail)
	if got := c.Do(t, http.MethodPost, requests+"/"+other+"/confirm", desk, map[string]any{"preference": 1}); got.Status != http.StatusConflict || !strings.Contains(string(got.Body), "SLOT_UNAVAILABLE") {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	if got := c.Do(t, http.MethodPost, requests+"/"+id+"/confirm", desk, map[string]any{"preference": 1}); got.Status != http.StatusOK {
		t.Errorf("%d %s", got.Status, got.Body)
	}
}
