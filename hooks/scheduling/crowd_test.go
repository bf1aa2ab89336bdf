package scheduling_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/kernel"
	"anteroom/hooks/testkit"
)

const deskBooking = kernel.Desk + "/appointments"

// openClinic is a clinic where therapy is booked online for a deposit, and Ana and Ben work on weekdays.
func openClinic(t testing.TB) *testkit.Clinic {
	t.Helper()
	c := newClinic(t)
	change(t, c, c.Find(t, "services", testkit.Therapy), map[string]any{"booking_mode": "instant", "deposit_required": true, "deposit_cents": 2500, "series_max": 6})
	for _, who := range []string{testkit.Ana, testkit.Ben} {
		c.Add(t, "shifts", map[string]any{"clinician": who, "location": testkit.Location, "first_day": "2026-01-01", "rrule": "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
			"starts_at": "08:00", "ends_at": "18:00", "is_active": true})
	}
	return c
}

// booking is what a page sends to book therapy with Ana at a time.
func booking(start string, changes map[string]any) map[string]any {
	b := map[string]any{"serviceId": testkit.Therapy, "practitionerId": testkit.Ana, "locationId": testkit.Location, "startTime": start, "serviceLocation": "IN_OFFICE"}
	for k, v := range changes {
		if v == nil {
			delete(b, k)
		} else {
			b[k] = v
		}
	}
	return b
}

// person is one of a crowd.
type person struct{ client, token string }

// crowd makes people with a login each, who know nothing of each other.
func crowd(t testing.TB, c *testkit.Clinic, n int) []person {
	t.Helper()
	out := make([]person, n)
	for i := range out {
		email := fmt.Sprintf("crowd%d@mail.example", i)
		out[i].client = c.Add(t, "clients", map[string]any{"email": email, "first_name": "Kim", "last_name": fmt.Sprint("No ", i), "date_of_birth": "1990-01-01",
			"language": "en", "status": "active"}).Id
		login := c.Add(t, "portal_users", map[string]any{"email": email, "password": testkit.Password, "verified": true, "first_name": "Kim",
			"last_name": fmt.Sprint("No ", i), "account_status": "active"}).Id
		c.Add(t, "client_access", map[string]any{"client": out[i].client, "portal_user": login, "relationship": "self", "scope": "all"})
		out[i].token = c.As(t, email)
	}
	return out
}

// outcome counts how attempts at one time ended.
type outcome struct{ won, lost int }

// together lets all begin at the same moment. Whoever loses must be told so, and, through a route of ours, when it could
// be had instead.
func together(t testing.TB, n int, attempt func(i int) *testkit.Response) (o outcome) {
	t.Helper()
	answers := make([]*testkit.Response, n)
	ready := make(chan struct{})
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			<-ready
			answers[i] = attempt(i)
		})
	}
	close(ready)
	all.Wait()
	for i, got := range answers {
		switch {
		case got.Status == http.StatusCreated || got.Status == http.StatusOK:
			o.won++
		case lostFairly(got):
			o.lost++
		default:
			t.Errorf("attempt %d: %d %s", i, got.Status, got.Body)
		}
	}
	return o
}

func lostFairly(got *testkit.Response) bool {
	var e struct {
		Error struct {
			Details struct {
				Reason string           `json:"reason"`
				Next   *json.RawMessage `json:"nextAvailable"`
			} `json:"details"`
		} `json:"error"`
		Data map[string]struct{ Code string } `json:"data"`
	}
	if json.Unmarshal(got.Body, &e) != nil {
		return false
	}
	if got.Status == http.StatusConflict {
		return e.Error.Details.Reason == "SLOT_UNAVAILABLE" && e.Error.Details.Next != nil
	}
	for _, field := range e.Data { // the record API
		if got.Status == http.StatusBadRequest && field.Code == "validation_slot_taken" {
			return true
		}
	}
	return false
}

// saved answers for app.Save, which speaks no HTTP.
func saved(err error) *testkit.Response {
	if err == nil {
		return &testkit.Response{Status: http.StatusCreated}
	}
	e := kernel.AsError(err)
	for _, f := range e.Fields {
		if f.Code == "slot_taken" {
			return &testkit.Response{Status: http.StatusBadRequest, Body: []byte(`{"data":{"x":{"code":"validation_slot_taken"}}}`)}
		}
	}
	return &testkit.Response{Status: e.Status, Body: []byte(err.Error())}
}

// traces counts what booked visits since left: rows, history, confirmations by mail, deposits asked for.
func traces(t testing.TB, c *testkit.Clinic) (n [4]int) {
	t.Helper()
	n[0] = c.Count(t, "appointments", "status IN ('scheduled','confirmed')", nil)
	n[1] = c.Count(t, "appointment_history", "", nil)
	n[2] = c.Count(t, "outbox", "topic = 'appointment_confirmed' AND kind = 'mail'", nil)
	n[3] = c.Count(t, "invoices", "purpose = 'deposit' AND status = 'open'", nil)
	return n
}

func grew(before, after [4]int) (n [4]int) {
	for i := range n {
		n[i] = after[i] - before[i]
	}
	return n
}

// weekday is a start at nine on the n-th weekday that can be booked, as an instant.
func weekday(n, hour int) string {
	day := time.Date(2026, 12, 9, 0, 0, 0, 0, time.UTC)
	for {
		if wd := day.Weekday(); wd != time.Saturday && wd != time.Sunday {
			if n == 0 {
				return time.Date(day.Year(), day.Month(), day.Day(), hour+7, 0, 0, 0, time.UTC).Format(time.RFC3339) // Denver in winter
			}
			n--
		}
		day = day.AddDate(0, 0, 1)
	}
}

// venue is where a crowd competes: a clinic, its people, and the first day that nobody has asked for yet.
type venue struct {
	*testkit.Clinic
	people []person
	day    int
}

func newVenue(t testing.TB, size int) *venue {
	t.Helper()
	c := openClinic(t)
	return &venue{Clinic: c, people: crowd(t, c, size)}
}

// tidy has therapy need Ana or Ben again, and nothing else.
func (v *venue) tidy(t testing.TB) *venue {
	t.Helper()
	change(t, v.Clinic, v.Find(t, "services", testkit.Therapy), map[string]any{"needs_room": false, "required_equipment": []string{}, "clinicians": []string{testkit.Ana, testkit.Ben}})
	return v
}

// race books one time by everybody at once, on as many days, and wants so many winners each time and one of everything
// for each of them.
func (v *venue) race(t *testing.T, rounds, winners int, body func(i int, start string) map[string]any) {
	t.Helper()
	for range rounds {
		start, before := v.nextDay(), traces(t, v.Clinic)
		o := together(t, len(v.people), func(i int) *testkit.Response {
			return v.Do(t, http.MethodPost, visits, v.people[i].token, body(i, start))
		})
		if o.won != winners || o.lost != len(v.people)-winners {
			t.Fatalf("%s: %d won and %d lost of %d", start, o.won, o.lost, len(v.people))
		}
		if got := grew(before, traces(t, v.Clinic)); got != [4]int{winners, winners, winners, winners} {
			t.Fatalf("%s left visits, history, mails and deposits: %v", start, got)
		}
	}
}

// nextDay is nine o'clock of a day that nobody has asked for yet.
func (v *venue) nextDay() string {
	v.day++
	return weekday(v.day-1, 9)
}

// team adds clinicians who give therapy and work as Ana does, and gives all of them.
func team(t testing.TB, c *testkit.Clinic, n int) []string {
	t.Helper()
	all := []string{testkit.Ana, testkit.Ben}
	for i := range n - len(all) {
		id := c.Add(t, "clinicians", map[string]any{"first_name": "Cy", "last_name": fmt.Sprint("Moss ", i), "is_accepting_new_patients": true,
			"locations": []string{testkit.Location}, "is_active": true}).Id
		c.Add(t, "shifts", map[string]any{"clinician": id, "location": testkit.Location, "first_day": "2026-01-01", "rrule": "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
			"starts_at": "08:00", "ends_at": "18:00", "is_active": true})
		all = append(all, id)
	}
	change(t, c, c.Find(t, "services", testkit.Therapy), map[string]any{"clinicians": all})
	return all
}

// races are the ways in which a crowd competes for one thing: each is run so many rounds, where venueOf says.
func races(t *testing.T, rounds int, venueOf func(t *testing.T) *venue) {
	t.Run("a clinician", func(t *testing.T) {
		venueOf(t).race(t, rounds, 1, func(_ int, start string) map[string]any { return booking(start, nil) })
	})
	t.Run("one clinician, at times that overlap, for visits of two lengths", func(t *testing.T) {
		v := venueOf(t)
		long := v.Add(t, "services", map[string]any{"name": "Long talk", "duration": 90, "booking_mode": "instant", "deposit_required": true, "deposit_cents": 100,
			"service_locations": []string{"in_office"}, "clinicians": []string{testkit.Ana}, "is_active": true}).Id
		v.race(t, rounds, 1, func(i int, start string) map[string]any {
			start = at(start).Add(time.Duration(i%4) * 15 * time.Minute).Format(time.RFC3339)
			if i%2 == 0 {
				return booking(start, map[string]any{"serviceId": long})
			}
			return booking(start, nil)
		})
	})
	t.Run("rooms", func(t *testing.T) {
		v := venueOf(t)
		all := team(t, v.Clinic, 6)
		room := v.Add(t, "rooms", map[string]any{"name": "Small", "location": testkit.Location, "kind": "room", "capacity": 1, "is_active": true})
		change(t, v.Clinic, v.Find(t, "services", testkit.Therapy), map[string]any{"needs_room": true})
		body := func(i int, start string) map[string]any {
			return booking(start, map[string]any{"practitionerId": all[i%len(all)]})
		}
		v.race(t, rounds, 1, body)
		change(t, v.Clinic, v.Find(t, "rooms", room.Id), map[string]any{"capacity": 3})
		v.race(t, rounds, 3, body)
	})
	t.Run("equipment", func(t *testing.T) {
		v := venueOf(t)
		all := team(t, v.Clinic, 6)
		v.Add(t, "rooms", map[string]any{"name": "Lamp 1", "location": testkit.Location, "kind": "equipment", "equipment_type": "lamp", "capacity": 1, "is_active": true})
		v.Add(t, "rooms", map[string]any{"name": "Lamp 2", "location": testkit.Location, "kind": "equipment", "equipment_type": "lamp", "capacity": 1, "is_active": true})
		change(t, v.Clinic, v.Find(t, "services", testkit.Therapy), map[string]any{"required_equipment": []string{"lamp"}})
		v.race(t, rounds, 2, func(i int, start string) map[string]any {
			return booking(start, map[string]any{"practitionerId": all[i%len(all)]})
		})
	})
	t.Run("whoever is free", func(t *testing.T) {
		venueOf(t).race(t, rounds, 2, func(_ int, start string) map[string]any {
			return booking(start, map[string]any{"practitionerId": "any"})
		})
	})
	t.Run("one clinician through every door", func(t *testing.T) {
		v := venueOf(t)
		size, desk := len(v.people), v.As(t, testkit.DeskEmail)
		for range rounds {
			start, before := v.nextDay(), traces(t, v.Clinic)
			o := together(t, size, func(i int) *testkit.Response {
				record := map[string]any{"client": v.people[i].client, "clinician": testkit.Ana, "service": testkit.Therapy, "location": testkit.Location,
					"status": "scheduled", "service_location": "in_office", "requested_via": "phone", "start_time": start}
				switch i % 4 {
				case 0:
					return v.Do(t, http.MethodPost, visits, v.people[i].token, booking(start, nil))
				case 1:
					return v.Do(t, http.MethodPost, deskBooking, desk, booking(start, map[string]any{"clientId": v.people[i].client}))
				case 2:
					return v.Do(t, http.MethodPost, records, desk, record)
				}
				col, err := v.App.FindCachedCollectionByNameOrId(collections.Appointments)
				if err != nil {
					return saved(err)
				}
				r := core.NewRecord(col)
				for k, value := range record {
					r.Set(k, value)
				}
				return saved(v.App.Save(r)) // nobody's stamp: as a script of the clinic would
			})
			if o.won != 1 || o.lost != size-1 {
				t.Fatalf("%s: %d won and %d lost of %d", start, o.won, o.lost, size)
			}
			got := grew(before, traces(t, v.Clinic))
			if got[0] != 1 || got[1] != 1 || got[2] > 1 || got[3] > 1 { // a script tells nobody, and only a client's booking asks for a deposit
				t.Fatalf("%s left visits, history, mails and deposits: %v", start, got)
			}
		}
	})
}

// TestTwoHundredBookAtOnce: of everybody who books a time at once, as many win as there is of what they need; the others
// are told so, and what is left behind is one of everything for each who won. The crowd is the same for all.
func TestTwoHundredBookAtOnce(t *testing.T) {
	v := newVenue(t, crowdSize)
	races(t, crowdRounds, func(t *testing.T) *venue { return v.tidy(t) })
}
