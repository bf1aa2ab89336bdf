package scheduling_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	validation "github.com/pocketbase/ozzo-validation/v4"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/kernel"
	"anteroom/hooks/testkit"
)

// visitIn makes an appointment of Ada's in a status, by the way that leads there.
func visitIn(t testing.TB, c *testkit.Clinic, status collections.AppointmentStatus) *core.Record {
	t.Helper()
	switch status {
	case collections.AppointmentRequested:
		return c.Find(t, "appointments", ask(t, c, nil))
	case collections.AppointmentArrived, collections.AppointmentInProgress:
		r := c.Find(t, "appointments", book(t, c, begun).Id)
		for _, s := range []collections.AppointmentStatus{collections.AppointmentArrived, collections.AppointmentInProgress} {
			r.Set("status", string(s))
			if err := kernel.SaveAs(c.App, deskActor(), r); err != nil {
				t.Fatal(err)
			}
			if s == status {
				break
			}
		}
		return c.Find(t, "appointments", r.Id)
	}
	return c.Find(t, "appointments", book(t, c, map[string]any{"status": string(status)}).Id)
}

// begun is a visit that began ten minutes ago: only then can somebody have missed it.
var begun = map[string]any{"start_time": testkit.Monday.Add(-10 * time.Minute)}

// remove takes a test's visit out of everybody's way, past every rule.
func remove(t testing.TB, c *testkit.Clinic, id string) {
	t.Helper()
	if _, err := c.App.DB().NewQuery("DELETE FROM appointments WHERE id = {:id}").Bind(dbx.Params{"id": id}).Execute(); err != nil {
		t.Fatal(err)
	}
}

// TestMovesThroughEveryDoor tries every pair of statuses: legal moves succeed for the clinic and for nobody else,
// all others succeed for nobody, the database included.
func TestMovesThroughEveryDoor(t *testing.T) {
	c := newClinic(t)
	desk := c.As(t, testkit.DeskEmail)
	billing := kernel.Actor{Kind: kernel.KindStaff, ID: testkit.Billing, Role: kernel.RoleBilling}
	reason := map[string]any{"decline_reason": "We are full."}
	for _, from := range collections.AppointmentStatuses() {
		for _, to := range collections.AppointmentStatuses() {
			if from == to {
				continue
			}
			t.Run(string(from)+" to "+string(to), func(t *testing.T) {
				enter := func() *core.Record {
					if to == collections.AppointmentNoShow && from.Booked() {
						return c.Find(t, "appointments", book(t, c, map[string]any{"status": string(from), "start_time": begun["start_time"]}).Id)
					}
					return visitIn(t, c, from)
				}
				r := enter()
				defer remove(t, c, r.Id)
				before := settled(t, c)
				try := func(a kernel.Actor) error {
					r := c.Find(t, "appointments", r.Id)
					r.Set("status", string(to))
					r.Set("decline_reason", reason["decline_reason"])
					return kernel.SaveAs(c.App, a, r)
				}
				for _, a := range []kernel.Actor{kernel.System(), {Kind: kernel.KindProcessor}, {Kind: kernel.KindGuest}, adaActor(), billing} {
					var fields validation.Errors
					if err := try(a); !errors.As(err, &fields) || fields["status"] == nil {
						t.Errorf("%s %s: got %v", a.Kind, a.Role, err)
					}
				}
				if settled(t, c) != before {
					t.Fatal("a refused move changed something")
				}

				_, raw := c.App.DB().NewQuery("UPDATE appointments SET status = {:to} WHERE id = {:id}").Bind(dbx.Params{"to": string(to), "id": r.Id}).Execute()
				if (raw == nil) != from.MayBecome(to) {
					t.Errorf("the database says %v, the table of moves %v", raw, from.MayBecome(to))
				}
				if raw == nil { // put it back for the next door; no move leads back
					remove(t, c, r.Id)
					r = enter()
					defer remove(t, c, r.Id)
				}

				got := c.Do(t, http.MethodPatch, records+"/"+r.Id, desk, map[string]any{"status": to})
				if to == collections.AppointmentDeclined && from.MayBecome(to) {
					if got.Status != http.StatusBadRequest || !strings.Contains(string(got.Body), "decline_reason") {
						t.Errorf("declined without a reason: %d %s", got.Status, got.Body)
					}
					if err := try(deskActor()); err != nil { // the field is hidden from the record API
						t.Error(err)
					}
					return
				}
				if (got.Status == http.StatusOK) != from.MayBecome(to) {
					t.Errorf("the record API answers %d %s", got.Status, got.Body)
				}
				if got.Status != http.StatusOK {
					if code := object(t, got.Body)["data"].(map[string]any)["status"]; code == nil {
						t.Errorf("the record API does not say which field: %s", got.Body)
					}
				}
			})
		}
	}
}

func TestWhoMayBeginWhat(t *testing.T) {
	c := newClinic(t)
	for _, x := range []struct {
		actor kernel.Actor
		may   []collections.AppointmentStatus
	}{
		{adaActor(), nil}, // asking needs preferences: see TestRequestRulesHoldForEverySave
		{deskActor(), []collections.AppointmentStatus{"scheduled", "confirmed"}},
		{kernel.Actor{Kind: kernel.KindOwner, ID: "owner"}, []collections.AppointmentStatus{"scheduled", "confirmed"}},
		{kernel.Actor{Kind: kernel.KindStaff, ID: testkit.Billing, Role: kernel.RoleBilling}, nil},
		{kernel.Actor{Kind: kernel.KindProcessor}, nil},
		{kernel.Actor{Kind: kernel.KindGuest}, nil},
		{kernel.System(), []collections.AppointmentStatus{"scheduled", "confirmed", "completed", "cancelled", "declined", "no_show"}},
	} {
		for _, status := range collections.AppointmentStatuses() {
			if status == collections.AppointmentRequested {
				continue
			}
			a, err := collections.NewAppointment(c.App)
			if err != nil {
				t.Fatal(err)
			}
			for k, v := range map[string]any{"client": testkit.Ada, "clinician": testkit.Ana, "service": testkit.Therapy, "location": testkit.Location,
				"service_location": "in_office", "start_time": at("2026-12-21T17:00:00Z"), "status": string(status)} {
				a.Set(k, v)
			}
			before := settled(t, c)
			err = kernel.SaveAs(c.App, x.actor, a.Record)
			if (err == nil) != slices.Contains(x.may, status) {
				t.Errorf("%s %s begins %s: %v", x.actor.Kind, x.actor.Role, status, err)
			}
			if err != nil && settled(t, c) != before {
				t.Errorf("%s: a refused beginning changed something", status)
			}
			if err == nil {
				remove(t, c, a.Id)
			}
		}
	}
}

func TestStaffWriteOnlyWhatIsTheirs(t *testing.T) {
	c := newClinic(t)
	desk := c.As(t, testkit.DeskEmail)
	r := visitIn(t, c, collections.AppointmentConfirmed)
	pending := visitIn(t, c, collections.AppointmentRequested)
	c.Add(t, "rooms", map[string]any{"id": "roomroomroom000", "name": "Quiet room", "location": testkit.Location, "kind": "room", "capacity": 1, "is_active": true})
	everybodySignsIn(t, c)
	before := settled(t, c)
	for field, value := range map[string]any{"client": testkit.Bo, "decided_by": testkit.Admin, "decided_at": "2026-12-01 10:00:00.000Z", "hold_end": "2026-12-21 17:10:00.000Z",
		"hold_start": "2026-12-21 16:00:00.000Z", "end_time": "2026-12-21 23:00:00.000Z", "time_zone": "Asia/Tokyo", "local_date": "2026-12-25", "local_start": "23:00",
		"lead_staff": testkit.Admin, "deposit_paid": true, "requested_by": testkit.BoLogin, "created_by": "somebody", "ics_sequence": 9, "submitted_at": "2026-12-01 10:00:00.000Z",
		"cancelled_by": "x", "any_clinician": true, "client_requested": true, "preferences": []map[string]string{{"date": "2026-12-30", "time": "10:00"}},
		"stripe_payment_intent_id": "pi_x", "start_time": "2026-12-01 10:00:00.000Z", "clinician": "nosuchperson000", "service": "nosuchservice00",
		"room": "nosuchroom00000", "duration": 2000, "location": ""} {
		got := c.Do(t, http.MethodPatch, records+"/"+r.Id, desk, map[string]any{field: value})
		if got.Status != http.StatusBadRequest || object(t, got.Body)["data"].(map[string]any)[field] == nil {
			t.Errorf("%s: %d %s", field, got.Status, got.Body)
		}
	}
	for field, value := range map[string]any{"start_time": "2026-12-22 17:00:00.000Z", "clinician": testkit.Ben, "room": "roomroomroom000", "duration": 25} {
		got := c.Do(t, http.MethodPatch, records+"/"+pending.Id, desk, map[string]any{field: value})
		if got.Status != http.StatusBadRequest || object(t, got.Body)["data"].(map[string]any)[field] == nil {
			t.Errorf("%s of a request: %d %s", field, got.Status, got.Body)
		}
	}
	for _, email := range []string{testkit.BillingEmail, testkit.AdaEmail} {
		if got := c.Do(t, http.MethodPatch, records+"/"+r.Id, c.As(t, email), map[string]any{"booking_type": "x"}); got.Status == http.StatusOK {
			t.Errorf("%s writes a visit", email)
		}
	}
	for _, email := range []string{testkit.DeskEmail, testkit.OwnerEmail} {
		if got := c.Do(t, http.MethodDelete, records+"/"+r.Id, c.As(t, email), nil); got.Status == http.StatusNoContent {
			t.Errorf("%s deletes a visit", email)
		}
	}
	if settled(t, c) != before {
		t.Error("a refused write changed something")
	}
	for field, value := range map[string]any{"booking_type": "follow-up", "room": "roomroomroom000"} {
		if got := c.Do(t, http.MethodPatch, records+"/"+r.Id, desk, map[string]any{field: value}); got.Status != http.StatusOK {
			t.Errorf("the desk's own %s is refused: %d %s", field, got.Status, got.Body)
		}
	}
	if now := c.Find(t, "appointments", r.Id); now.GetInt("ics_sequence") != 0 || len(c.Mails(t, testkit.AdaEmail)) != 1 {
		t.Error("the client is told of the room")
	}
}

func TestHistoryIsWrittenByThePortalAlone(t *testing.T) {
	c := newClinic(t)
	r := visitIn(t, c, collections.AppointmentConfirmed)
	everybodySignsIn(t, c)
	before := settled(t, c)
	for _, email := range []string{testkit.AdminEmail, testkit.OwnerEmail} {
		got := c.Do(t, http.MethodPost, "/api/collections/appointment_history/records", c.As(t, email), map[string]any{"appointment": r.Id, "client": testkit.Ada,
			"to_status": "completed", "at": "2026-12-01 10:00:00.000Z"})
		if got.Status < 400 {
			t.Errorf("%s writes history: %d", email, got.Status)
		}
	}
	for _, q := range []string{"UPDATE appointment_history SET to_status = 'completed'", "DELETE FROM appointment_history"} {
		if _, err := c.App.DB().NewQuery(q).Execute(); err == nil {
			t.Errorf("the database lets history change: %s", q)
		}
	}
	if settled(t, c) != before {
		t.Error("a refused write changed something")
	}
}

func TestStaffMoveAVisit(t *testing.T) {
	c := newClinic(t)
	id := visitIn(t, c, collections.AppointmentConfirmed).Id
	got := c.Do(t, http.MethodPatch, records+"/"+id, c.As(t, testkit.DeskEmail), map[string]any{"start_time": "2026-12-22 18:00:00.000Z", "clinician": testkit.Ben})
	if got.Status != http.StatusOK {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	r := c.Find(t, "appointments", id)
	for field, want := range map[string]string{"end_time": "2026-12-22 18:50:00.000Z", "hold_start": "2026-12-22 18:00:00.000Z", "hold_end": "2026-12-22 19:00:00.000Z",
		"local_date": "2026-12-22", "local_start": "11:00", "lead_staff": "", "ics_sequence": "1", "status": "confirmed"} {
		if got := r.GetString(field); got != want {
			t.Errorf("%s is %q, want %q", field, got, want)
		}
	}
	if n := c.Count(t, "appointment_history", "appointment = {:id} AND from_start = '2026-12-21 17:00:00.000Z' AND to_start = '2026-12-22 18:00:00.000Z' AND actor = {:desk}",
		dbx.Params{"id": id, "desk": testkit.DeskStaff}); n != 1 {
		t.Errorf("%d rows of history, want 1", n)
	}
	mails := c.Mails(t, testkit.AdaEmail)
	if len(mails) != 1 || mails[0].Subject != "Your appointment at Test Clinic has changed" || len(mails[0].Attachments) != 1 {
		t.Errorf("mails are %+v", mails)
	}
	if n := c.Count(t, "portal_notifications", "notification_type = 'appointment_changed' AND portal_user = {:u}", dbx.Params{"u": testkit.AdaLogin}); n != 1 {
		t.Errorf("%d notices, want 1", n)
	}

	if got := c.Do(t, http.MethodPatch, records+"/"+id, c.As(t, testkit.DeskEmail), map[string]any{"status": "cancelled"}); got.Status != http.StatusOK {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	r = c.Find(t, "appointments", id)
	if r.GetString("cancelled_by") != testkit.DeskStaff || r.GetString("cancelled_at") == "" || r.GetInt("ics_sequence") != 2 {
		t.Errorf("cancelled by %q at %q, sequence %d", r.GetString("cancelled_by"), r.GetString("cancelled_at"), r.GetInt("ics_sequence"))
	}
	mails = c.Mails(t, testkit.AdaEmail)
	if len(mails) != 2 || !slices.ContainsFunc(mails, func(m mail) bool { return m.Subject == "Your appointment at Test Clinic is cancelled" }) {
		t.Errorf("mails are %+v", mails)
	}
}

// Two saves of what was loaded at one moment: the second would undo the first.
func TestStaleSaveIsRefused(t *testing.T) {
	c := newClinic(t)
	id := visitIn(t, c, collections.AppointmentConfirmed).Id
	first, second := c.Find(t, "appointments", id), c.Find(t, "appointments", id)
	first.Set("staff_notes", "Bring the file.")
	if err := kernel.SaveAs(c.App, deskActor(), first); err != nil {
		t.Fatal(err)
	}
	second.Set("booking_type", "follow-up")
	var fields validation.Errors
	if err := kernel.SaveAs(c.App, deskActor(), second); !errors.As(err, &fields) || fields["status"] == nil {
		t.Errorf("got %v", err)
	}
	if got := c.Find(t, "appointments", id).GetString("staff_notes"); got != "Bring the file." {
		t.Errorf("the note is %q", got)
	}
	first.Set("booking_type", "follow-up") // the same record in memory is up to date
	if err := kernel.SaveAs(c.App, deskActor(), first); err != nil {
		t.Error(err)
	}
}

// A double booking is refused by name through the model, through the record API and, without a name, by the database.
func TestDoubleBookingThroughEveryDoor(t *testing.T) {
	c := newClinic(t)
	c.Add(t, "rooms", map[string]any{"id": "roomroomroom000", "name": "Quiet room", "location": testkit.Location, "kind": "room", "capacity": 1, "is_active": true})
	book(t, c, map[string]any{"room": "roomroomroom000"})
	desk := c.As(t, testkit.DeskEmail)
	values := func(changes map[string]any) map[string]any {
		v := map[string]any{"client": testkit.Bo, "clinician": testkit.Ana, "service": testkit.Therapy, "location": testkit.Location, "status": "scheduled",
			"service_location": "in_office", "start_time": "2026-12-21 17:30:00.000Z", "requested_via": "phone"}
		for k, x := range changes {
			v[k] = x
		}
		return v
	}
	for name, x := range map[string]struct {
		change map[string]any
		field  string
	}{
		"the clinician":              {nil, "clinician"},
		"the clinician's time after": {map[string]any{"start_time": "2026-12-21 17:55:00.000Z"}, "clinician"},
		"the room":                   {map[string]any{"clinician": testkit.Ben, "room": "roomroomroom000"}, "room"},
		"the client":                 {map[string]any{"clinician": testkit.Ben, "client": testkit.Ada}, "client"},
	} {
		t.Run(name, func(t *testing.T) {
			before := settled(t, c)
			a, err := collections.NewAppointment(c.App)
			if err != nil {
				t.Fatal(err)
			}
			for k, v := range values(x.change) {
				a.Set(k, v)
			}
			var fields validation.Errors
			if err := kernel.SaveAs(c.App, deskActor(), a.Record); !errors.As(err, &fields) || fields[x.field] == nil {
				t.Errorf("app.Save: %v", err)
			}
			got := c.Do(t, http.MethodPost, records, desk, values(x.change))
			data, _ := object(t, got.Body)["data"].(map[string]any)
			problem, _ := data[x.field].(map[string]any)
			if got.Status != http.StatusBadRequest || problem["code"] != "validation_slot_taken" {
				t.Errorf("record API: %d %s", got.Status, got.Body)
			}
			if settled(t, c) != before {
				t.Error("a refused booking changed something")
			}
		})
	}
	free := c.Do(t, http.MethodPost, records, desk, values(map[string]any{"start_time": "2026-12-21 18:00:00.000Z"}))
	if free.Status != http.StatusOK {
		t.Fatalf("back to back is refused: %d %s", free.Status, free.Body)
	}
	_, err := c.App.DB().NewQuery("UPDATE appointments SET start_time = '2026-12-21 17:00:00.000Z', hold_start = '2026-12-21 17:00:00.000Z' WHERE client = {:bo}").
		Bind(dbx.Params{"bo": testkit.Bo}).Execute()
	if err == nil || !strings.Contains(err.Error(), "slot: clinician") {
		t.Errorf("raw SQL: %v", err)
	}
}

func TestCatalogueRules(t *testing.T) {
	c := newClinic(t)
	for _, zone := range []string{"", "Local", "Mars/Olympus", "America/denver "} {
		r := c.Find(t, "locations", testkit.Location)
		r.Set("time_zone", zone)
		if err := kernel.SaveAs(c.App, kernel.System(), r); err == nil {
			t.Errorf("a place in the zone %q", zone)
		}
	}
	r := c.Find(t, "services", testkit.Therapy)
	r.Set("duration", 1440)
	if err := kernel.SaveAs(c.App, kernel.System(), r); err == nil {
		t.Error("a service that holds more than a day")
	}
}

// The stored local day and time are those of the place, on both sides of a change of the clocks.
func TestLocalTimesFollowTheClocks(t *testing.T) {
	c := newClinic(t)
	for start, want := range map[string]string{"2027-03-13T17:00:00Z": "2027-03-13 10:00", "2027-03-15T16:00:00Z": "2027-03-15 10:00", "2026-12-22T05:30:00Z": "2026-12-21 22:30"} {
		r := book(t, c, map[string]any{"start_time": at(start)})
		if got := r.GetString("local_date") + " " + r.GetString("local_start"); got != want {
			t.Errorf("%s is %s, want %s", start, got, want)
		}
	}
	// a visit across the change lasts its minutes
	r := book(t, c, map[string]any{"start_time": at("2027-03-14T08:30:00Z")})
	if got := r.GetDateTime("end_time").Time().Sub(at("2027-03-14T08:30:00Z")); got != 50*time.Minute {
		t.Errorf("it lasts %s", got)
	}
}
