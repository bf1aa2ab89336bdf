package scheduling_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/kernel"
	"anteroom/hooks/scheduling"
	"anteroom/hooks/testkit"
)

// alwaysOpen lets Ana work around the clock, and clients book her service without asking.
func alwaysOpen(t testing.TB, c *testkit.Clinic) {
	t.Helper()
	for _, clinician := range []string{testkit.Ana, testkit.Ben} {
		for _, half := range [][2]string{{"00:00", "12:00"}, {"12:00", "00:00"}} {
			c.Add(t, "shifts", map[string]any{"clinician": clinician, "location": testkit.Location, "first_day": "2026-01-01", "rrule": "FREQ=DAILY",
				"starts_at": half[0], "ends_at": half[1], "is_active": true})
		}
	}
	change(t, c, c.Find(t, "services", testkit.Therapy), map[string]any{"booking_mode": "instant"})
}

var errOnlyTried = errors.New("only tried")

// tryAs tells what a save would answer, and takes it back.
func tryAs(t testing.TB, c *testkit.Clinic, by kernel.Actor, id string, set func(*core.Record)) (failure error) {
	t.Helper()
	err := c.App.RunInTransaction(func(tx core.App) error {
		r, err := tx.FindRecordById("appointments", id)
		if err != nil {
			return err
		}
		set(r)
		failure = kernel.SaveAs(tx, by, r)
		return errOnlyTried
	})
	if !errors.Is(err, errOnlyTried) {
		t.Fatal(err)
	}
	return failure
}

func reasonIn(err error) string {
	var e *kernel.Error
	if errors.As(err, &e) {
		return e.Reason
	}
	return ""
}

// TestFlagsAndRulesAgree walks every status, both places, the modes of booking, every late policy, with and without
// grace, on both sides of every boundary: what the flags promise a client succeeds as that client, what they do not is
// refused, at the fee that was shown and at no other; nobody else may do any of it but the desk, which pays nothing.
func TestFlagsAndRulesAgree(t *testing.T) {
	c := newClinic(t)
	alwaysOpen(t, c)
	const free, grace, fee = 24 * time.Hour, 2 * time.Hour, 7500
	acts := map[string]func(*core.Record){
		"cancel":  func(r *core.Record) { r.Set("status", "cancelled"); r.Set("cancellation_reason", "I am ill.") },
		"move":    func(r *core.Record) { r.Set("start_time", r.GetDateTime("start_time").Time().Add(240*time.Hour)) },
		"confirm": func(r *core.Record) { r.Set("status", "confirmed") },
		"arrive":  func(r *core.Record) { r.Set("status", "arrived") },
	}
	leads := map[string]collections.AppointmentStatus{"cancel": collections.AppointmentCancelled, "confirm": collections.AppointmentConfirmed, "arrive": collections.AppointmentArrived}
	strangers := []kernel.Actor{{Kind: kernel.KindGuest}, {Kind: kernel.KindClient, ID: testkit.BoLogin, Client: testkit.Bo},
		{Kind: kernel.KindStaff, ID: testkit.Billing, Role: kernel.RoleBilling}, kernel.System(), {Kind: kernel.KindProcessor}}

	tried, promised := 0, map[string]int{}
	for i, status := range collections.AppointmentStatuses() {
		for j, place := range []string{"in_office", "telehealth"} {
			kernel.SetNow(c.App, testkit.Monday)
			change(t, c, c.Find(t, "services", testkit.Therapy), map[string]any{"booking_mode": "instant"})
			start := at("2027-03-01T17:00:00Z").AddDate(0, 0, 20*i+j) // 10:00 in Boulder
			id := visitAt(t, c, status, place, start)
			for k, mode := range []string{"instant", "request", "view"} {
				change(t, c, c.Find(t, "services", testkit.Therapy), map[string]any{"booking_mode": mode})
				for l, policy := range []string{"refuse", "fee", "free"} {
					for _, withGrace := range []bool{false, true} {
						settings(t, c, map[string]any{"late_cancel": policy, "late_fee_cents": fee, "free_cancel_hours": 24, "cancel_grace_minutes": 0,
							"check_in_minutes": []int{0, 60}[l%2], "booking_notice_minutes": 0, "booking_horizon_days": 700})
						bookedAt := start.Add(-240 * time.Hour)
						if withGrace {
							settings(t, c, map[string]any{"cancel_grace_minutes": 120})
							bookedAt = start.Add(-free - time.Hour) // the grace ends an hour after the deadline
						}
						if _, err := c.App.DB().NewQuery("UPDATE appointments SET booked_at = {:b} WHERE id = {:id}").
							Bind(dbx.Params{"b": bookedAt.Format("2006-01-02 15:04:05.000Z"), "id": id}).Execute(); err != nil {
							t.Fatal(err)
						}
						dayBegins := at(start.Format("2006-01-02") + "T07:00:00Z")
						if start.After(at("2027-03-14T09:00:00Z")) {
							dayBegins = dayBegins.Add(-time.Hour) // summer time
						}
						for m, moment := range []time.Time{start.Add(-free), start.Add(-free + grace - time.Hour), dayBegins, start.Add(-time.Hour), start, start.Add(50 * time.Minute)} {
							if (k > 0 || j > 0 || l == 2 || !status.Booked()) && (m+k+l)%6 != 0 { // the rest of the table, thinned out
								continue
							}
							for _, now := range []time.Time{moment.Add(-time.Minute), moment.Add(time.Second)} {
								kernel.SetNow(c.App, now)
								name := fmt.Sprintf("%s %s %s %s grace %v at %s", status, place, mode, policy, withGrace, now.Sub(start))
								item := heard(t, c, id)
								may := map[string]bool{"cancel": item.CanCancel, "move": item.CanReschedule, "confirm": item.CanConfirm, "arrive": item.CanCheckIn}
								terms, err := scheduling.TermsOf(c.App, c.Find(t, "appointments", id), adaActor())
								if err != nil || terms.FeeCents != item.LateFeeCents || (terms.Cancel == "") != item.CanCancel || (terms.Move == "") != item.CanReschedule ||
									(terms.Confirm == "") != item.CanConfirm || (terms.CheckIn == "") != item.CanCheckIn {
									t.Fatalf("%s: the page is told %+v, the rule %+v, %v", name, item, terms, err)
								}
								for act, set := range acts {
									if leads[act] == status && !may[act] {
										continue // it is there already
									}
									if may[act] {
										promised[act]++
									}
									costs := item.LateFeeCents > 0 && (act == "cancel" || act == "move")
									err := tryAs(t, c, adaActor(), id, func(r *core.Record) { set(r); scheduling.AcceptFee(r, item.LateFeeCents) })
									tried++
									if (err == nil) != may[act] {
										t.Errorf("%s: %s is promised: %v, and the rule says %v", name, act, may[act], err)
									}
									if costs && may[act] {
										for _, other := range []int{0, item.LateFeeCents - 1, item.LateFeeCents + 1} {
											if err := tryAs(t, c, adaActor(), id, func(r *core.Record) { set(r); scheduling.AcceptFee(r, other) }); reasonIn(err) != "FEE_NOT_ACCEPTED" {
												t.Errorf("%s: %s for %d: %v", name, act, other, err)
											}
										}
									}
								}
							}
						}
						if k+l == 0 { // who may not, may never
							for act, set := range acts {
								for _, by := range strangers {
									if leads[act] == status {
										continue
									}
									if err := tryAs(t, c, by, id, set); err == nil {
										t.Errorf("%s: %s %s may %s", status, by.Kind, by.Role, act)
									}
								}
							}
						}
					}
				}
			}
			remove(t, c, id)
		}
	}
	for act := range acts {
		if promised[act] == 0 {
			t.Errorf("%s is never promised, so nothing is proven", act)
		}
	}
	t.Logf("%d attempts, promised %v", tried, promised)
}

func heard(t testing.TB, c *testkit.Clinic, id string) scheduling.Appointment {
	t.Helper()
	item, err := scheduling.HeardItem(c.App, c.Find(t, "appointments", id))
	if err != nil {
		t.Fatal(err)
	}
	return item.(scheduling.Appointment)
}

// visitAt is a visit of Ada's with Ana in a status, at a time.
func visitAt(t testing.TB, c *testkit.Clinic, status collections.AppointmentStatus, place string, start time.Time) string {
	t.Helper()
	values := map[string]any{"start_time": start, "service_location": place, "status": string(status)}
	switch status {
	case collections.AppointmentRequested:
		values["reason_for_visit"], values["requested_via"] = "x", "portal"
		values["preferences"] = []map[string]string{{"date": start.In(boulder(t)).Format("2006-01-02"), "time": start.In(boulder(t)).Format("15:04")}}
	case collections.AppointmentArrived, collections.AppointmentInProgress:
		values["status"] = "confirmed"
	}
	id := book(t, c, values).Id
	for _, next := range []collections.AppointmentStatus{collections.AppointmentArrived, collections.AppointmentInProgress} {
		if status != collections.AppointmentArrived && status != collections.AppointmentInProgress {
			break
		}
		r := c.Find(t, "appointments", id)
		r.Set("status", string(next))
		if err := kernel.SaveAs(c.App, deskActor(), r); err != nil {
			t.Fatal(err)
		}
		if next == status {
			break
		}
	}
	return id
}

func boulder(t testing.TB) *time.Location {
	t.Helper()
	zone, err := collections.Zone(testkit.Zone)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// A deadline of 24 hours before a visit is 24 hours, also over the night in which the clocks go forward: a visit at 10:00
// on that Sunday has its deadline at 9:00 on Saturday.
func TestDeadlinesAreInstants(t *testing.T) {
	c := newClinic(t)
	alwaysOpen(t, c)
	settings(t, c, map[string]any{"late_cancel": "refuse", "free_cancel_hours": 24})
	for _, x := range []struct{ start, deadline, wall string }{
		{"2027-03-14T16:00:00Z", "2027-03-13T16:00:00Z", "09:00"}, // an hour is skipped
		{"2027-11-07T17:00:00Z", "2027-11-06T17:00:00Z", "11:00"}, // an hour comes twice
	} {
		kernel.SetNow(c.App, testkit.Monday)
		id := book(t, c, map[string]any{"start_time": at(x.start)}).Id
		item := heard(t, c, id)
		if item.CancellationDeadline != x.deadline || at(item.CancellationDeadline).In(boulder(t)).Format("15:04") != x.wall || item.LocalStart != "10:00" {
			t.Errorf("the deadline of %s is %s, %s on the clocks", x.start, item.CancellationDeadline, at(item.CancellationDeadline).In(boulder(t)))
		}
		for now, may := range map[time.Time]bool{at(x.deadline).Add(-time.Minute): true, at(x.deadline).Add(time.Second): false} {
			kernel.SetNow(c.App, now)
			err := tryAs(t, c, adaActor(), id, func(r *core.Record) { r.Set("status", "cancelled"); r.Set("cancellation_reason", "x") })
			if (err == nil) != may || heard(t, c, id).CanCancel != may {
				t.Errorf("at %s: %v", now, err)
			}
			if !may && reasonIn(err) != "TOO_LATE" {
				t.Errorf("at %s: %v", now, err)
			}
		}
		for moment, may := range map[time.Time]bool{at(x.deadline): true, at(x.deadline).Add(time.Nanosecond): false} { // to the instant
			if terms, err := scheduling.TermsAt(c.App, c.Find(t, "appointments", id), adaActor(), moment); err != nil || (terms.Cancel == "") != may {
				t.Errorf("at %s: %+v %v", moment, terms, err)
			}
		}
	}
}

// The day of a visit begins when the clocks first show it, whatever is done to them at midnight.
func TestDayBegins(t *testing.T) {
	for _, x := range []struct{ zone, at, want string }{
		{"America/Denver", "2026-12-21T17:00:00Z", "2026-12-21T07:00:00Z"},
		{"America/Denver", "2027-03-14T16:00:00Z", "2027-03-14T07:00:00Z"},
		{"Africa/Cairo", "2026-04-24T10:00:00Z", "2026-04-23T22:00:00Z"},   // no midnight: 00:00 becomes 01:00
		{"America/Havana", "2026-11-01T15:00:00Z", "2026-11-01T04:00:00Z"}, // midnight comes twice
		{"Pacific/Apia", "2011-12-31T05:00:00Z", "2011-12-30T10:00:00Z"},   // the day before never was
		{"Australia/Lord_Howe", "2026-10-04T05:00:00Z", "2026-10-03T13:30:00Z"},
	} {
		zone, err := collections.Zone(x.zone)
		if err != nil {
			t.Fatal(err)
		}
		if got := scheduling.DayBegins(at(x.at), zone).UTC().Format(time.RFC3339); got != x.want {
			t.Errorf("%s on the day of %s: %s, want %s", x.zone, x.at, got, x.want)
		}
	}
}

func TestStartOf(t *testing.T) {
	zone := boulder(t)
	for text, want := range map[string]string{"2026-12-21T17:00:00Z": "2026-12-21T17:00:00Z", "2026-12-21T10:00:00-07:00": "2026-12-21T17:00:00Z",
		"2026-12-21T10:00": "2026-12-21T17:00:00Z", "2027-11-07T01:30": "2027-11-07T07:30:00Z"} {
		got, err := scheduling.StartOf(text, zone)
		if err != nil || got.Format(time.RFC3339) != want {
			t.Errorf("%s: %s %v", text, got, err)
		}
	}
	for text, want := range map[string]string{"": "validation_required", "tomorrow": "validation_instant", "2026-12-21 10:00": "validation_instant", "2026-02-30T10:00": "validation_instant",
		"2026-12-21T9:00": "validation_instant", "2027-03-14T02:30": "validation_nonexistent_time"} {
		if _, err := scheduling.StartOf(text, zone); kernel.AsError(err).Fields["startTime"].Code != want[len("validation_"):] {
			t.Errorf("%q: %v", text, err)
		}
	}
}
