package scheduling_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	ics "github.com/arran4/golang-ical"
	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/hooks/kernel"
	"anteroom/hooks/scheduling"
	"anteroom/hooks/testkit"
)

const deskVisits = kernel.Desk + "/appointments"

// as sends a request and reads the appointment it answers with.
func as(t testing.TB, c *testkit.Clinic, method, path, email string, body any) scheduling.Appointment {
	t.Helper()
	var out scheduling.Appointment
	c.Do(t, method, path, c.As(t, email), body).Data(t, &out)
	return out
}

// tomorrow is a confirmed visit of Ada's with Ana, 23 hours from now: too late to call off for nothing.
func tomorrow(t testing.TB, c *testkit.Clinic) string {
	t.Helper()
	return book(t, c, map[string]any{"start_time": testkit.Monday.Add(23 * time.Hour)}).Id
}

func TestCancelFromThePortal(t *testing.T) {
	c := newClinic(t)
	id := book(t, c, nil).Id
	everybodySignsIn(t, c)
	before := settled(t, c)
	for _, reason := range []string{"", "   ", strings.Repeat("x", 501)} {
		for _, call := range [][2]string{{http.MethodPost, visits + "/" + id + "/cancel"}, {http.MethodDelete, visits + "/" + id}} {
			got := c.Do(t, call[0], call[1], c.As(t, testkit.AdaEmail), map[string]any{"reason": reason}).Refused(t, http.StatusBadRequest, "VALIDATION_ERROR")
			if got.Details.Fields["reason"].Message == "" {
				t.Errorf("%q: %+v", reason, got)
			}
		}
	}
	if settled(t, c) != before {
		t.Fatal("a refused cancellation changed something")
	}
	item := as(t, c, http.MethodDelete, visits+"/"+id, testkit.AdaEmail, map[string]any{"reason": " I found somebody closer to home. "})
	if item.Status != "cancelled" || item.CanCancel || item.LateFeeCents != 0 {
		t.Errorf("%+v", item)
	}
	r := c.Find(t, "appointments", id)
	if r.GetString("cancellation_reason") != "I found somebody closer to home." || r.GetString("cancelled_by") != testkit.AdaLogin || r.GetInt("late_fee_cents") != 0 {
		t.Errorf("%s by %s, %d", r.GetString("cancellation_reason"), r.GetString("cancelled_by"), r.GetInt("late_fee_cents"))
	}
	var raw string
	if err := c.App.DB().NewQuery("SELECT cancellation_reason || (SELECT group_concat(reason) FROM appointment_history) FROM appointments WHERE id = {:id}").
		Bind(dbx.Params{"id": id}).Row(&raw); err != nil || strings.Contains(raw, "somebody") {
		t.Errorf("the reason lies open: %s %v", raw, err)
	}
	mail := c.Mails(t, testkit.AdaEmail)[0]
	if !strings.Contains(mail.Text, "It was cancelled in the portal.") || strings.Contains(mail.Text, "fee") || strings.Contains(mail.Text, "somebody") {
		t.Error(mail.Text)
	}
	if n := c.Count(t, "staff_notifications", "notification_type = 'appointment_cancelled_by_client' AND resource_id = {:id} AND staff IN ('', {:ana})",
		dbx.Params{"id": id, "ana": testkit.AnaStaff}); n != 2 {
		t.Errorf("%d of the clinic hear it, want the desk and Ana", n)
	}
	if n := audited(t, c, "CANCEL_APPOINTMENT", id); n != 1 {
		t.Errorf("%d audit lines", n)
	}
	again := c.Do(t, http.MethodPost, visits+"/"+id+"/cancel", c.As(t, testkit.AdaEmail), map[string]any{"reason": "x"})
	again.Refused(t, http.StatusConflict, "ILLEGAL_MOVE")
	if d := details(t, again); d["from"] != "cancelled" || d["to"] != "cancelled" {
		t.Errorf("%v", d)
	}
}

func details(t testing.TB, r *testkit.Response) map[string]any {
	t.Helper()
	d, _ := object(t, r.Body)["error"].(map[string]any)["details"].(map[string]any)
	return d
}

// A request is withdrawn at any time and without a word; it was in nobody's calendar.
func TestWithdrawARequest(t *testing.T) {
	c := newClinic(t)
	settings(t, c, map[string]any{"late_cancel": "refuse", "free_cancel_hours": 720})
	id := ask(t, c, nil)
	if item := as(t, c, http.MethodPost, visits+"/"+id+"/cancel", testkit.AdaEmail, map[string]any{}); item.Status != "cancelled" {
		t.Errorf("%+v", item)
	}
	mail := c.Mails(t, testkit.AdaEmail)[0]
	if mail.Subject != "Your request is withdrawn" || len(mail.Attachments) != 0 {
		t.Errorf("%+v", mail)
	}
	got := c.Do(t, http.MethodPost, requests+"/"+id+"/confirm", c.As(t, testkit.DeskEmail), map[string]any{"preference": 1})
	got.Refused(t, http.StatusConflict, "ALREADY_DECIDED")
}

func TestLateCancellations(t *testing.T) {
	c := newClinic(t)
	alwaysOpen(t, c)
	type answer struct {
		Allowed                             bool
		FeeCents                            int
		Reason, Deadline, GraceUntil, Phone string
	}
	ask := func(id string) (out answer) {
		t.Helper()
		c.Do(t, http.MethodGet, visits+"/"+id+"/cancellation", c.As(t, testkit.AdaEmail), nil).Data(t, &out)
		return out
	}
	cancel := func(id string, body map[string]any) *testkit.Response {
		t.Helper()
		body["reason"] = "I am ill."
		return c.Do(t, http.MethodPost, visits+"/"+id+"/cancel", c.As(t, testkit.AdaEmail), body)
	}
	move := func(id string, body map[string]any) *testkit.Response {
		t.Helper()
		body["startTime"] = "2026-12-21T10:00"
		return c.Do(t, http.MethodPost, visits+"/"+id+"/reschedule", c.As(t, testkit.AdaEmail), body)
	}
	id := tomorrow(t, c)
	deadline := "2026-12-07T15:00:00Z"

	settings(t, c, map[string]any{"late_cancel": "refuse", "free_cancel_hours": 24, "phone": "(303) 555-0100"})
	if got := ask(id); got != (answer{Reason: "TOO_LATE", Deadline: deadline, Phone: "(303) 555-0100"}) {
		t.Errorf("%+v", got)
	}
	everybodySignsIn(t, c)
	before := settled(t, c)
	for _, got := range []*testkit.Response{cancel(id, map[string]any{}), move(id, map[string]any{}), cancel(id, map[string]any{"acceptFeeCents": 7500})} {
		said := got.Refused(t, http.StatusConflict, "TOO_LATE")
		if d := details(t, got); d["deadline"] != deadline || d["phone"] != "(303) 555-0100" || !strings.Contains(said.Message, "(303) 555-0100") {
			t.Errorf("%v %s", d, said.Message)
		}
	}
	if settled(t, c) != before {
		t.Fatal("a refused change changed something")
	}

	settings(t, c, map[string]any{"late_cancel": "fee", "late_fee_cents": 5000})
	change(t, c, c.Find(t, "services", testkit.Therapy), map[string]any{"late_fee_cents": 7500}) // the service's own
	if got := ask(id); got != (answer{Allowed: true, FeeCents: 7500, Deadline: deadline}) {
		t.Errorf("%+v", got)
	}
	before = settled(t, c)
	for _, accepted := range []any{nil, 0, 5000, 7501} {
		for _, got := range []*testkit.Response{cancel(id, map[string]any{"acceptFeeCents": accepted}), move(id, map[string]any{"acceptFeeCents": accepted})} {
			got.Refused(t, http.StatusConflict, "FEE_NOT_ACCEPTED")
			if details(t, got)["feeCents"] != 7500.0 {
				t.Errorf("%s", got.Body)
			}
		}
	}
	if settled(t, c) != before {
		t.Fatal("a refused change changed something")
	}
	var moved scheduling.Appointment
	move(id, map[string]any{"acceptFeeCents": 7500}).Data(t, &moved)
	if moved.StartTime != "2026-12-21T17:00:00Z" || moved.LateFeeCents != 0 || c.Find(t, "appointments", id).GetInt("late_fee_cents") != 7500 {
		t.Errorf("%+v", moved)
	}
	if text := c.Mails(t, testkit.AdaEmail)[0].Text; !strings.Contains(text, "A late change fee of $75.00 is due.") || !strings.Contains(text, "It was changed in the portal.") {
		t.Error(text)
	}
	other := tomorrow(t, c)
	cancel(other, map[string]any{"acceptFeeCents": 7500}).Data(t, &moved)
	if text := c.Mails(t, testkit.AdaEmail)[0].Text; !strings.Contains(text, "A late cancellation fee of $75.00 is due.") {
		t.Error(text)
	}
	if n := c.Count(t, "invoices", "client = {:c} AND purpose = 'late_fee' AND total_cents = 7500 AND status = 'open'", dbx.Params{"c": testkit.Ada}); n != 2 {
		t.Errorf("%d invoices, want one for each late change", n)
	}

	settings(t, c, map[string]any{"late_cancel": "free"})
	third := tomorrow(t, c)
	if got := ask(third); got != (answer{Allowed: true, Deadline: deadline}) {
		t.Errorf("%+v", got)
	}
	settings(t, c, map[string]any{"late_cancel": "refuse", "cancel_grace_minutes": 60})
	r := c.Find(t, "appointments", third)
	change(t, c, r, map[string]any{"booked_at": testkit.Monday.Add(-30 * time.Minute)})
	if got := ask(third); got != (answer{Allowed: true, Deadline: deadline, GraceUntil: "2026-12-07T16:30:00Z"}) {
		t.Errorf("%+v", got)
	}
	cancel(third, map[string]any{}).Data(t, &moved)
	if got := ask(third); got.Allowed || got.Reason != "ILLEGAL_MOVE" {
		t.Errorf("%+v", got)
	}
}

// A cancellation that cannot be written down does not happen: not its fee, not its history, not its letters.
func TestCancellationFailsWithItsAuditLine(t *testing.T) {
	c := newClinic(t)
	settings(t, c, map[string]any{"late_cancel": "fee", "late_fee_cents": 5000})
	id := tomorrow(t, c)
	everybodySignsIn(t, c)
	settled(t, c)
	if _, err := c.App.DB().NewQuery("CREATE TRIGGER no_line BEFORE INSERT ON portal_audit_log WHEN NEW.action = 'CANCEL_APPOINTMENT' BEGIN SELECT RAISE(ABORT, 'the disk is full'); END").Execute(); err != nil {
		t.Fatal(err)
	}
	before := settled(t, c)
	body := map[string]any{"reason": "I am ill.", "acceptFeeCents": 5000}
	c.Do(t, http.MethodPost, visits+"/"+id+"/cancel", c.As(t, testkit.AdaEmail), body).Refused(t, http.StatusInternalServerError, "INTERNAL_ERROR")
	if settled(t, c) != before {
		t.Error("half a cancellation was kept")
	}
	if _, err := c.App.DB().NewQuery("DROP TRIGGER no_line").Execute(); err != nil {
		t.Fatal(err)
	}
	as(t, c, http.MethodPost, visits+"/"+id+"/cancel", testkit.AdaEmail, body)
	if n := c.Count(t, "invoices", "purpose = 'late_fee'", nil) + c.Count(t, "appointment_history", "to_status = 'cancelled'", nil); n != 2 {
		t.Errorf("%d rows of fee and history, want 2", n)
	}
}

func TestClientsMoveTheirVisits(t *testing.T) {
	c := newClinic(t)
	alwaysOpen(t, c)
	settings(t, c, map[string]any{"booking_notice_minutes": 120})
	id := book(t, c, map[string]any{"clinician": testkit.Ana}).Id
	book(t, c, map[string]any{"client": testkit.Bo, "start_time": at("2026-12-22T17:00:00Z")}) // Ana is taken then
	path := visits + "/" + id + "/reschedule"
	ada := c.As(t, testkit.AdaEmail)
	everybodySignsIn(t, c)
	before := settled(t, c)
	got := c.Do(t, http.MethodPost, path, ada, map[string]any{"startTime": "2026-12-22T10:00"})
	got.Refused(t, http.StatusConflict, "SLOT_UNAVAILABLE")
	if next, _ := details(t, got)["nextAvailable"].(map[string]any); next["startTime"] != "2026-12-22T18:00:00Z" {
		t.Errorf("the next is %v", next)
	}
	for body, want := range map[string]string{`{"startTime":"2026-12-01T10:00"}`: "PAST", `{"startTime":"2027-03-14T02:30"}`: "NONEXISTENT_TIME", `{"startTime":"2029-01-01T10:00"}`: "TOO_FAR",
		`{"startTime":"2026-12-07T09:30"}`: "TOO_SOON", `{"startTime":"soon"}`: "VALIDATION_ERROR", `{}`: "VALIDATION_ERROR",
		`{"startTime":"2026-12-23T10:00","practitionerId":"nosuchperson000"}`:          "CLINICIAN_NOT_FOUND",
		`{"startTime":"2026-12-23T10:00","reason":"` + strings.Repeat("x", 501) + `"}`: "VALIDATION_ERROR"} {
		c.Do(t, http.MethodPost, path, ada, []byte(body)).Refused(t, http.StatusBadRequest, want)
	}
	if settled(t, c) != before {
		t.Fatal("a refused move changed something")
	}

	item := as(t, c, http.MethodPost, path, testkit.AdaEmail, map[string]any{"startTime": "2026-12-22T10:00", "practitionerId": testkit.Ben, "reason": "My son is ill."})
	if item.StartTime != "2026-12-22T17:00:00Z" || item.Clinician.ID != testkit.Ben || item.Status != "confirmed" || item.LocalStart != "10:00" {
		t.Errorf("%+v", item)
	}
	mails := c.Mails(t, testkit.AdaEmail)
	first := event(t, mails[0].Attachments[0].ContentBase64)
	as(t, c, http.MethodPost, path, testkit.AdaEmail, map[string]any{"startTime": "2026-12-23T17:00:00Z"})
	second := event(t, c.Mails(t, testkit.AdaEmail)[0].Attachments[0].ContentBase64)
	if a, b := value(first, ics.ComponentPropertyUniqueId), value(second, ics.ComponentPropertyUniqueId); a == "" || a != b {
		t.Errorf("a moved visit is another in the calendar: %q, %q", a, b)
	}
	if a, b := value(first, ics.ComponentPropertySequence), value(second, ics.ComponentPropertySequence); a != "1" || b != "2" {
		t.Errorf("sequences %s and %s", a, b)
	}
	if n := len(c.Mails(t, testkit.AdaEmail)); n != 2 {
		t.Errorf("%d mails", n)
	}
	as(t, c, http.MethodPost, path, testkit.AdaEmail, map[string]any{"startTime": "2026-12-23T17:00:00Z"}) // where it is
	if n := len(c.Mails(t, testkit.AdaEmail)); n != 2 || c.Find(t, "appointments", id).GetInt("ics_sequence") != 2 {
		t.Errorf("a move to where it is tells somebody")
	}
	if n := c.Count(t, "staff_notifications", "notification_type = 'appointment_moved_by_client' AND staff = {:ana}", dbx.Params{"ana": testkit.AnaStaff}); n != 1 {
		t.Errorf("Ana, whose visit it was, hears %d times", n)
	}
	if n := audited(t, c, "RESCHEDULE_APPOINTMENT", id); n != 2 {
		t.Errorf("%d audit lines", n)
	}

	for _, mode := range []map[string]any{{"booking_mode": "request"}, {"booking_mode": "view"}} {
		change(t, c, c.Find(t, "services", testkit.Therapy), mode)
		c.Do(t, http.MethodPost, path, ada, map[string]any{"startTime": "2026-12-24T17:00:00Z"}).Refused(t, http.StatusConflict, "ASK_TO_MOVE")
	}
	change(t, c, c.Find(t, "services", testkit.Therapy), map[string]any{"booking_mode": "instant"})
	change(t, c, c.Find(t, "clinicians", testkit.Ana), map[string]any{"booking_mode": "request"})
	c.Do(t, http.MethodPost, path, ada, map[string]any{"startTime": "2026-12-24T17:00:00Z", "practitionerId": testkit.Ana}).Refused(t, http.StatusConflict, "ASK_TO_MOVE")

	var events struct {
		Events []map[string]string `json:"events"`
	}
	c.Do(t, http.MethodGet, visits+"/"+id+"/history", ada, nil).Data(t, &events)
	want := []map[string]string{{"what": "booked", "by": "system", "toStart": "2026-12-21T17:00:00Z"},
		{"what": "moved", "by": "you", "fromStart": "2026-12-21T17:00:00Z", "toStart": "2026-12-22T17:00:00Z", "reason": "My son is ill."},
		{"what": "moved", "by": "you", "fromStart": "2026-12-22T17:00:00Z", "toStart": "2026-12-23T17:00:00Z"}}
	sameEvents(t, events.Events, want)
}

func sameEvents(t testing.TB, got, want []map[string]string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d events, want %d: %v", len(got), len(want), got)
	}
	for i, e := range got {
		for _, key := range []string{"what", "by", "fromStart", "toStart", "reason"} {
			if e[key] != want[i][key] {
				t.Errorf("event %d: %s is %q, want %q", i, key, e[key], want[i][key])
			}
		}
	}
}

func TestNotesAreTheClientsUntilTheVisit(t *testing.T) {
	c := newClinic(t)
	id := book(t, c, nil).Id
	item := as(t, c, http.MethodPatch, visits+"/"+id, testkit.AdaEmail, map[string]any{"patientNotes": "I come by bus.", "status": "completed", "staffNotes": "x"})
	if item.Notes != "I come by bus." || item.Status != "confirmed" {
		t.Errorf("%+v", item)
	}
	ada := c.As(t, testkit.AdaEmail)
	c.Do(t, http.MethodPatch, visits+"/"+id, ada, map[string]any{"patientNotes": strings.Repeat("ñ", 500)}).Data(t, &item)
	before := settled(t, c)
	got := c.Do(t, http.MethodPatch, visits+"/"+id, ada, map[string]any{"patientNotes": strings.Repeat("ñ", 501)}).Refused(t, http.StatusBadRequest, "")
	if got.Details.Fields["patientNotes"].Code == "" {
		t.Errorf("%+v", got)
	}
	c.Do(t, http.MethodPatch, visits+"/"+id, ada, map[string]any{}).Data(t, &item)
	if settled(t, c) != before {
		t.Error("nothing was asked for, and something changed")
	}
	ongoing := book(t, c, begun).Id
	c.Do(t, http.MethodPatch, visits+"/"+ongoing, ada, map[string]any{"patientNotes": "Too late."}).Refused(t, http.StatusConflict, "ILLEGAL_MOVE")
}

// TestTheWaitingRoom follows a visit from the door to the end.
func TestTheWaitingRoom(t *testing.T) {
	c := newClinic(t)
	today := book(t, c, map[string]any{"status": "scheduled", "start_time": testkit.Monday.Add(time.Hour)}).Id
	another := book(t, c, map[string]any{"start_time": testkit.Monday.Add(48 * time.Hour)}).Id
	ada := c.As(t, testkit.AdaEmail)
	early := c.Do(t, http.MethodPost, visits+"/"+another+"/check-in", ada, nil)
	early.Refused(t, http.StatusConflict, "TOO_EARLY")
	if d := details(t, early); d["opensAt"] != "2026-12-09T07:00:00Z" {
		t.Errorf("%v", d)
	}
	if item := as(t, c, http.MethodPost, visits+"/"+today+"/confirm", testkit.AdaEmail, nil); item.Status != "confirmed" || item.CanConfirm || !item.CanCheckIn {
		t.Errorf("%+v", item)
	}
	c.Do(t, http.MethodPost, visits+"/"+today+"/confirm", ada, nil).Refused(t, http.StatusConflict, "ILLEGAL_MOVE")

	desk := c.As(t, testkit.DeskEmail)
	c.Do(t, http.MethodPost, deskVisits+"/"+today+"/room-ready", desk, nil).Refused(t, http.StatusConflict, "ILLEGAL_MOVE")
	item := as(t, c, http.MethodPost, visits+"/"+today+"/check-in", testkit.AdaEmail, nil)
	r := c.Find(t, "appointments", today)
	if item.Status != "arrived" || item.WaitingRoomStatus != "arrived" || r.GetString("check_in_time") == "" || item.CanCheckIn || item.CanCancel {
		t.Errorf("%+v", item)
	}
	rows, err := c.App.FindRecordsByFilter("staff_notifications", "notification_type = 'client_arrived'", "", 0, 0)
	if err != nil || len(rows) != 2 || !slices.ContainsFunc(rows, func(r *core.Record) bool { return r.GetString("staff") == testkit.AnaStaff }) {
		t.Errorf("%d rows for the desk and Ana, %v", len(rows), err)
	}
	for _, n := range rows {
		for _, f := range n.Collection().Fields {
			if v := n.GetString(f.GetName()); strings.Contains(v, "Ada") || strings.Contains(v, testkit.Ada) {
				t.Errorf("%s names the client: %s", f.GetName(), v)
			}
		}
	}
	mails := len(c.Mails(t, testkit.AdaEmail))
	for range 2 {
		if item := as(t, c, http.MethodPost, deskVisits+"/"+today+"/room-ready", testkit.DeskEmail, nil); item.WaitingRoomStatus != "room_ready" {
			t.Errorf("%+v", item)
		}
	}
	if n := c.Count(t, "portal_notifications", "notification_type = 'room_ready' AND portal_user = {:u} AND priority = 'urgent'", dbx.Params{"u": testkit.AdaLogin}); n != 1 {
		t.Errorf("%d notices that the room is ready", n)
	}
	if n := len(c.Mails(t, testkit.AdaEmail)); n != mails || c.Find(t, "appointments", today).GetString("room_ready_at") == "" {
		t.Errorf("%d mails about a room", n-mails)
	}
	for _, typed := range []string{"completed", "", "arrived", "room_ready please"} {
		if got := c.Do(t, http.MethodPatch, records+"/"+today, desk, map[string]any{"waiting_room_status": typed}); got.Status != http.StatusBadRequest {
			t.Errorf("somebody types %q: %d %s", typed, got.Status, got.Body)
		}
	}
	for status, what := range map[string]string{"no_show": "TOO_EARLY", "confirmed": "ILLEGAL_MOVE", "completed": "ILLEGAL_MOVE", "cancelled": "ILLEGAL_MOVE"} {
		c.Do(t, http.MethodPost, deskVisits+"/"+today+"/move", desk, map[string]any{"status": status}).Refused(t, http.StatusConflict, what)
	}
	for _, status := range []string{"in_progress", "completed"} {
		if item := as(t, c, http.MethodPost, deskVisits+"/"+today+"/move", testkit.DeskEmail, map[string]any{"status": status}); item.Status != status || item.WaitingRoomStatus != status {
			t.Errorf("%+v", item)
		}
		c.Do(t, http.MethodPost, deskVisits+"/"+today+"/room-ready", desk, nil).Refused(t, http.StatusConflict, "ILLEGAL_MOVE")
	}
	for action, n := range map[string]int{"CONFIRM_APPOINTMENT": 1, "CHECK_IN": 1, "ROOM_READY": 1, "START_VISIT": 1, "COMPLETE_VISIT": 1} {
		if got := audited(t, c, action, today); got != n {
			t.Errorf("%d lines of %s", got, action)
		}
	}
	var events struct {
		Events []map[string]string `json:"events"`
	}
	start := "2026-12-07T17:00:00Z"
	c.Do(t, http.MethodGet, deskVisits+"/"+today+"/history", desk, nil).Data(t, &events)
	var want []map[string]string
	for _, e := range [][2]string{{"booked", "system"}, {"confirmed", "Ada Lovell"}, {"arrived", "Ada Lovell"}, {"in_progress", ""}, {"completed", ""}} {
		if e[1] == "" {
			e[1] = events.Events[3]["by"]
		}
		want = append(want, map[string]string{"what": e[0], "by": e[1], "fromStart": start, "toStart": start})
	}
	delete(want[0], "fromStart")
	sameEvents(t, events.Events, want)
	if by := events.Events[3]["by"]; by == "" || by == "clinic" || by == "system" {
		t.Errorf("the desk reads %q", by)
	}
}

func TestMissedVisitsAreCounted(t *testing.T) {
	c := newClinic(t)
	ahead := tomorrow(t, c)
	missed := book(t, c, begun).Id
	desk := c.As(t, testkit.DeskEmail)
	before := settled(t, c)
	early := c.Do(t, http.MethodPost, deskVisits+"/"+ahead+"/move", desk, map[string]any{"status": "no_show"})
	early.Refused(t, http.StatusConflict, "TOO_EARLY")
	if d := details(t, early); d["opensAt"] != "2026-12-08T15:00:00Z" {
		t.Errorf("%v", d)
	}
	if settled(t, c) != before {
		t.Error("a refused move changed something")
	}
	if item := as(t, c, http.MethodPost, deskVisits+"/"+missed+"/move", testkit.DeskEmail, map[string]any{"status": "no_show", "reason": "Did not call."}); item.WaitingRoomStatus != "no_show" {
		t.Errorf("%+v", item)
	}
	if n := c.Find(t, "clients", testkit.Ada).GetInt("no_show_count"); n != 1 {
		t.Errorf("%d missed visits", n)
	}
	if n := audited(t, c, "MARK_NO_SHOW", missed); n != 1 {
		t.Errorf("%d audit lines", n)
	}

	other := book(t, c, map[string]any{"start_time": testkit.Monday.Add(-2 * time.Hour)}).Id // the count and the move are one
	if _, err := c.App.DB().NewQuery("CREATE TRIGGER no_count BEFORE UPDATE OF no_show_count ON clients BEGIN SELECT RAISE(ABORT, 'the disk is full'); END").Execute(); err != nil {
		t.Fatal(err)
	}
	before = settled(t, c)
	c.Do(t, http.MethodPost, deskVisits+"/"+other+"/move", desk, map[string]any{"status": "no_show"}).Refused(t, http.StatusInternalServerError, "")
	if settled(t, c) != before {
		t.Error("half a move was kept")
	}
}

func TestTheDeskCancelsFreeUnlessItCharges(t *testing.T) {
	c := newClinic(t)
	settings(t, c, map[string]any{"late_cancel": "refuse", "late_fee_cents": 4000})
	free, charged := tomorrow(t, c), book(t, c, nil).Id
	as(t, c, http.MethodPost, deskVisits+"/"+free+"/move", testkit.DeskEmail, map[string]any{"status": "cancelled", "reason": "Ana is ill."})
	if r := c.Find(t, "appointments", free); r.GetInt("late_fee_cents") != 0 || r.GetString("cancellation_reason") != "Ana is ill." {
		t.Errorf("%v", r)
	}
	if text := c.Mails(t, testkit.AdaEmail)[0].Text; !strings.Contains(text, "The clinic cancelled it.") || strings.Contains(text, "Ana") || strings.Contains(text, "fee") {
		t.Error(text)
	}
	desk := c.As(t, testkit.DeskEmail)
	c.Do(t, http.MethodPost, deskVisits+"/"+charged+"/move", desk, map[string]any{"status": "arrived", "chargeFee": true}).Refused(t, http.StatusBadRequest, "")
	as(t, c, http.MethodPost, deskVisits+"/"+charged+"/move", testkit.DeskEmail, map[string]any{"status": "cancelled", "chargeFee": true})
	if r := c.Find(t, "appointments", charged); r.GetInt("late_fee_cents") != 4000 {
		t.Errorf("%d", r.GetInt("late_fee_cents"))
	}
	settings(t, c, map[string]any{"late_fee_cents": 0})
	none := book(t, c, map[string]any{"start_time": at("2026-12-28T17:00:00Z")}).Id
	got := c.Do(t, http.MethodPost, deskVisits+"/"+none+"/move", desk, map[string]any{"status": "cancelled", "chargeFee": true}).Refused(t, http.StatusBadRequest, "")
	if got.Details.Fields["chargeFee"].Code != "no_fee" {
		t.Errorf("%+v", got)
	}
	c.Do(t, http.MethodPost, deskVisits+"/"+ask(t, c, nil)+"/move", desk, map[string]any{"status": "confirmed"}).Refused(t, http.StatusConflict, "ILLEGAL_MOVE")
	for _, status := range []string{"", "requested", "scheduled", "declined", "x"} {
		c.Do(t, http.MethodPost, deskVisits+"/"+none+"/move", desk, map[string]any{"status": status}).Refused(t, http.StatusBadRequest, "")
	}
}

func TestTheDeskMovesInItsCalendar(t *testing.T) {
	c := newClinic(t)
	for _, clinician := range []string{testkit.Ana, testkit.Ben} {
		c.Add(t, "shifts", map[string]any{"clinician": clinician, "location": testkit.Location, "first_day": "2026-01-01", "rrule": "FREQ=DAILY",
			"starts_at": "09:00", "ends_at": "17:00", "is_active": true})
	}
	id := book(t, c, nil).Id
	path := deskVisits + "/" + id + "/reschedule"
	desk := c.As(t, testkit.DeskEmail)
	seen := heard(t, c, id).UpdatedAt
	c.Advance(2 * time.Second)
	as(t, c, http.MethodPost, path, testkit.DeskEmail, map[string]any{"startTime": "2026-12-21T11:00", "practitionerId": testkit.Ben, "duration": 40, "reason": "Ana is away.", "version": seen})
	r := c.Find(t, "appointments", id)
	if r.GetString("clinician") != testkit.Ben || r.GetString("local_start") != "11:00" || r.GetInt("duration") != 40 || r.GetInt("late_fee_cents") != 0 {
		t.Errorf("%v", r)
	}
	if n := c.Count(t, "appointment_history", "appointment = {:id} AND from_clinician = {:ana} AND to_clinician = {:ben}",
		dbx.Params{"id": id, "ana": testkit.Ana, "ben": testkit.Ben}); n != 1 {
		t.Errorf("%d rows say from whom to whom", n)
	}
	book(t, c, map[string]any{"client": testkit.Bo, "start_time": at("2026-12-22T17:00:00Z"), "clinician": testkit.Ben})
	everybodySignsIn(t, c)
	before := settled(t, c)
	taken := c.Do(t, http.MethodPost, path, desk, map[string]any{"startTime": "2026-12-22T10:00"})
	taken.Refused(t, http.StatusConflict, "SLOT_UNAVAILABLE")
	if next, _ := details(t, taken)["nextAvailable"].(map[string]any); next == nil {
		t.Errorf("%s", taken.Body)
	}
	c.Do(t, http.MethodPost, path, desk, map[string]any{"startTime": "2026-12-23T10:00", "version": "2026-12-07T15:59:00Z"}).Refused(t, http.StatusConflict, "STALE")
	c.Do(t, http.MethodPost, path, desk, map[string]any{"startTime": "2026-12-23T20:00"}).Refused(t, http.StatusBadRequest, "OUTSIDE_HOURS")
	c.Do(t, http.MethodPost, path, desk, map[string]any{"startTime": "2026-12-22T10:00", "outsideHours": true}).Refused(t, http.StatusConflict, "SLOT_UNAVAILABLE")
	if settled(t, c) != before {
		t.Error("a refused move changed something")
	}
	as(t, c, http.MethodPost, path, testkit.DeskEmail, map[string]any{"startTime": "2026-12-23T20:00", "outsideHours": true})
	var events struct {
		Events []map[string]string `json:"events"`
	}
	c.Do(t, http.MethodGet, deskVisits+"/"+id+"/history", desk, nil).Data(t, &events)
	if n := len(events.Events); n != 3 || events.Events[1]["reason"] != "Ana is away." || events.Events[2]["reason"] != "outside working hours" {
		t.Errorf("%v", events)
	}
	events.Events = nil
	c.Do(t, http.MethodGet, visits+"/"+id+"/history", c.As(t, testkit.AdaEmail), nil).Data(t, &events)
	for _, e := range events.Events {
		if e["reason"] != "" || e["by"] != "system" && e["by"] != "clinic" {
			t.Errorf("the client reads the desk's reason: %v", e)
		}
	}
}

// Whoever may not see a visit may not do anything with it, and learns nothing of it.
func TestNobodyTouchesAnothersVisit(t *testing.T) {
	c := newClinic(t)
	bos := book(t, c, map[string]any{"client": testkit.Bo, "clinician": testkit.Ben}).Id
	cleos := book(t, c, map[string]any{"client": testkit.Cleo, "clinician": testkit.Ben, "start_time": at("2026-12-21T20:00:00Z")}).Id
	grant, err := c.App.FindFirstRecordByFilter("client_access", "client = {:c}", dbx.Params{"c": testkit.Cleo})
	if err != nil {
		t.Fatal(err)
	}
	change(t, c, grant, map[string]any{"scope": "billing"})
	everybodySignsIn(t, c)
	before := settled(t, c)
	for _, call := range []struct{ method, path string }{{"PATCH", ""}, {"DELETE", ""}, {"GET", "/cancellation"}, {"POST", "/cancel"}, {"POST", "/reschedule"}, {"POST", "/confirm"},
		{"POST", "/check-in"}, {"GET", "/history"}} {
		var body any
		if call.method != "GET" {
			body = map[string]any{"reason": "x", "startTime": "2026-12-22T10:00", "patientNotes": "x"}
		}
		ada := c.As(t, testkit.AdaEmail)
		c.Do(t, call.method, visits+"/"+bos+call.path, ada, body).Refused(t, http.StatusNotFound, "NOT_FOUND")
		c.Do(t, call.method, visits+"/"+bos+call.path, ada, body, "X-Client-Id", testkit.Bo).Refused(t, http.StatusNotFound, "NOT_FOUND")
		c.Do(t, call.method, visits+"/"+cleos+call.path, ada, body, "X-Client-Id", testkit.Cleo).Refused(t, http.StatusNotFound, "NOT_FOUND") // who pays sees no visits
		c.Do(t, call.method, visits+"/nosuchvisit0000"+call.path, ada, body).Refused(t, http.StatusNotFound, "NOT_FOUND")
	}
	for _, call := range []struct{ method, path string }{{"POST", "/move"}, {"POST", "/room-ready"}, {"POST", "/reschedule"}, {"GET", "/history"}} {
		body := any(nil)
		if call.method != "GET" {
			body = map[string]any{"status": "arrived", "startTime": "2026-12-22T10:00"}
		}
		c.Do(t, call.method, deskVisits+"/"+bos+call.path, c.As(t, testkit.AnaEmail), body).Refused(t, http.StatusNotFound, "NOT_FOUND") // not of her clients
		c.Do(t, call.method, deskVisits+"/"+bos+call.path, c.As(t, testkit.BillingEmail), body).Refused(t, http.StatusForbidden, "ROLE")
		c.Do(t, call.method, deskVisits+"/nosuchvisit0000"+call.path, c.As(t, testkit.DeskEmail), body).Refused(t, http.StatusNotFound, "NOT_FOUND")
	}
	if settled(t, c) != before {
		t.Error("somebody touched what is not theirs")
	}
}

// The way into a video visit opens when the clinic says, for clients; the desk always sees it.
func TestTheDeskSeesTheWayIntoAVideoVisit(t *testing.T) {
	c := newClinic(t)
	settings(t, c, map[string]any{"telehealth_opens_minutes": 30})
	id := book(t, c, map[string]any{"service_location": "telehealth", "telehealth_link": "https://video.example/ada", "start_time": testkit.Monday.Add(40 * time.Minute)}).Id
	if link := heard(t, c, id).TelehealthLink; link != "" {
		t.Errorf("too early: %s", link)
	}
	var day struct {
		Appointments []scheduling.Appointment `json:"appointments"`
	}
	c.Do(t, http.MethodGet, kernel.Desk+"/day", c.As(t, testkit.DeskEmail), nil).Data(t, &day)
	if len(day.Appointments) != 1 || day.Appointments[0].TelehealthLink == "" {
		t.Errorf("%+v", day)
	}
	c.Advance(11 * time.Minute)
	if link := heard(t, c, id).TelehealthLink; link != "https://video.example/ada" {
		t.Errorf("it is open, and the client sees %q", link)
	}
}
