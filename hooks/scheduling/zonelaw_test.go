package scheduling_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	ics "github.com/arran4/golang-ical"
	"github.com/pocketbase/dbx"

	"anteroom/collections/zones"
	"anteroom/hooks/kernel"
	"anteroom/hooks/scheduling"
	"anteroom/hooks/testkit"
)

const zoneChanges = kernel.Desk + "/zone-changes"

// agreedAs writes what the clocks showed when a visit was agreed, as older zone data would have left it.
func agreedAs(t testing.TB, c *testkit.Clinic, id, date, wall string) {
	t.Helper()
	if _, err := c.App.DB().NewQuery("UPDATE appointments SET local_date = {:d}, local_start = {:w} WHERE id = {:id}").
		Bind(dbx.Params{"d": date, "w": wall, "id": id}).Execute(); err != nil {
		t.Fatal(err)
	}
}

type changed struct {
	ZoneData     struct{ Version, Source, Machine string }
	Total        int
	Appointments []struct {
		ID          string
		Client      struct{ Name string }
		Agreed, Now struct {
			Date, Time string
			UTCOffset  int
		}
	}
}

func changesFor(t testing.TB, c *testkit.Clinic, email string) (out changed) {
	t.Helper()
	got := c.Do(t, http.MethodGet, zoneChanges, c.As(t, email), nil)
	if got.Status != http.StatusOK {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	got.Data(t, &out)
	return out
}

// TestVisitsWhoseClocksWereChanged are found when they are to come, and nothing else is.
func TestVisitsWhoseClocksWereChanged(t *testing.T) {
	c := newClinic(t)
	mine := book(t, c, nil).Id // 10:00 in Boulder
	bens := book(t, c, map[string]any{"client": testkit.Bo, "clinician": testkit.Ben}).Id
	past := book(t, c, map[string]any{"status": "completed", "start_time": at("2026-11-23T17:00:00Z")}).Id
	over := book(t, c, map[string]any{"start_time": at("2026-12-22T17:00:00Z")})
	over.Set("status", "cancelled")
	if err := kernel.SaveAs(c.App, deskActor(), over); err != nil {
		t.Fatal(err)
	}
	same := book(t, c, map[string]any{"start_time": at("2026-12-23T17:00:00Z")}).Id
	for _, id := range []string{mine, bens, past, over.Id} {
		agreedAs(t, c, id, "2026-12-21", "11:00")
	}

	list := changesFor(t, c, testkit.DeskEmail)
	if list.Total != 2 || len(list.Appointments) != 2 || list.ZoneData.Version != zones.Version() || list.ZoneData.Source != zones.Source() {
		t.Fatalf("%+v", list)
	}
	if a := list.Appointments[0]; a.ID != mine || a.Agreed.Time != "11:00" || a.Agreed.UTCOffset != -360 || a.Now.Time != "10:00" ||
		a.Now.Date != "2026-12-21" || a.Now.UTCOffset != -420 || a.Client.Name != "Ada Lovell" {
		t.Errorf("%+v", a)
	}
	if own := changesFor(t, c, testkit.AnaEmail); own.Total != 1 || own.Appointments[0].ID != mine {
		t.Errorf("a clinician sees their own: %+v", own)
	}
	if n := c.Count(t, "portal_audit_log", "action = 'LIST_ZONE_CHANGES' AND client_id = {:c}", dbx.Params{"c": testkit.Ada}); n != 2 {
		t.Errorf("%d audit lines, want 2", n)
	}
	c.Do(t, http.MethodGet, zoneChanges, c.As(t, testkit.BillingEmail), nil).Refused(t, http.StatusForbidden, "ROLE")

	before := settled(t, c)
	for id, reason := range map[string]string{past: "NOTHING_CHANGED", over.Id: "NOTHING_CHANGED", same: "NOTHING_CHANGED"} {
		c.Do(t, http.MethodPost, zoneChanges+"/"+id, c.As(t, testkit.DeskEmail), map[string]any{"keep": "wall"}).Refused(t, http.StatusConflict, reason)
	}
	c.Do(t, http.MethodPost, zoneChanges+"/"+mine, c.As(t, testkit.DeskEmail), map[string]any{"keep": "both"}).Refused(t, http.StatusBadRequest, "VALIDATION_ERROR")
	c.Do(t, http.MethodPost, zoneChanges+"/"+mine, c.As(t, testkit.AnaEmail), map[string]any{"keep": "wall"}).Refused(t, http.StatusForbidden, "ROLE")
	c.Do(t, http.MethodPost, zoneChanges, c.As(t, testkit.DeskEmail), map[string]any{"keep": "wall", "ids": []string{}}).Refused(t, http.StatusBadRequest, "VALIDATION_ERROR")
	if settled(t, c) != before {
		t.Error("a refusal changed something")
	}
}

// TestSavingSomethingElseHidesNoChange: only a new time or place makes the clock time follow.
func TestSavingSomethingElseHidesNoChange(t *testing.T) {
	c := newClinic(t)
	r := book(t, c, nil)
	if r.GetInt("utc_offset") != -420 {
		t.Errorf("the distance from UTC is %d", r.GetInt("utc_offset"))
	}
	agreedAs(t, c, r.Id, "2026-12-21", "11:00")
	for _, values := range []map[string]any{{"staff_notes": "Called."}, {"duration": 60}, {"clinician": testkit.Ben}, {"status": "arrived"}} {
		r := c.Find(t, "appointments", r.Id)
		for k, v := range values {
			r.Set(k, v)
		}
		if err := kernel.SaveAs(c.App, deskActor(), r); err != nil {
			t.Fatal(err)
		}
		if now := c.Find(t, "appointments", r.Id); now.GetString("local_start") != "11:00" || now.GetInt("utc_offset") != -420 {
			t.Errorf("%v rewrote the clock time to %s", values, now.GetString("local_start"))
		}
	}
	moved := book(t, c, map[string]any{"start_time": at("2026-12-22T17:00:00Z")})
	agreedAs(t, c, moved.Id, "2026-12-22", "11:00")
	moved = c.Find(t, "appointments", moved.Id)
	moved.Set("start_time", at("2026-12-22T18:00:00Z"))
	moved.Set("@scheduling.keep", "instant") // what a request could send decides nothing
	if err := kernel.SaveAs(c.App, deskActor(), moved); err != nil {
		t.Fatal(err)
	}
	if now := c.Find(t, "appointments", moved.Id); now.GetString("local_start") != "11:00" || now.GetDateTime("start_time").Time() != at("2026-12-22T18:00:00Z") {
		t.Errorf("a moved visit is on today's clocks: %s", now.GetString("local_start"))
	}
}

// TestWhatStaysIsNoQuestionOfHours: a visit that was agreed outside the hours can keep either of its times.
func TestWhatStaysIsNoQuestionOfHours(t *testing.T) {
	c := newClinic(t)
	c.Add(t, "shifts", map[string]any{"clinician": testkit.Ana, "location": testkit.Location, "first_day": "2026-01-01", "rrule": "FREQ=DAILY", "starts_at": "08:00", "ends_at": "17:00", "is_active": true})
	for day, keep := range map[string]string{"2026-12-21": "wall", "2026-12-22": "instant"} {
		night, _ := time.Parse(time.DateOnly, day)
		id := book(t, c, map[string]any{"start_time": night.Add(27 * time.Hour)}).Id // 20:00
		agreedAs(t, c, id, day, "21:00")
		if got := c.Do(t, http.MethodPost, zoneChanges+"/"+id, c.As(t, testkit.DeskEmail), map[string]any{"keep": keep}); got.Status != http.StatusOK {
			t.Errorf("%s: %d %s", keep, got.Status, got.Body)
		}
	}
}

// TestKeepingTheClockTime moves the instant, and all that hangs on a change of a visit.
func TestKeepingTheClockTime(t *testing.T) {
	c := newClinic(t)
	id := book(t, c, nil).Id
	agreedAs(t, c, id, "2026-12-21", "11:00")
	c.Do(t, http.MethodPost, zoneChanges+"/"+id, c.As(t, testkit.DeskEmail), map[string]any{"keep": "wall"})
	now := c.Find(t, "appointments", id)
	if now.GetDateTime("start_time").Time() != at("2026-12-21T18:00:00Z") || now.GetString("local_start") != "11:00" || now.GetInt("ics_sequence") != 1 ||
		now.GetDateTime("hold_end").Time() != at("2026-12-21T19:00:00Z") {
		t.Fatalf("%v", now.PublicExport())
	}
	told(t, c, id, "stays as agreed: Monday, December 21, 11:00 to 11:50 am (MST)", at("2026-12-21T18:00:00Z"))
	if list := changesFor(t, c, testkit.DeskEmail); list.Total != 0 {
		t.Errorf("%+v", list)
	}
}

func TestKeepingTheMoment(t *testing.T) {
	c := newClinic(t)
	id := book(t, c, nil).Id
	agreedAs(t, c, id, "2026-12-21", "11:00")
	c.Do(t, http.MethodPost, zoneChanges+"/"+id, c.As(t, testkit.AdminEmail), map[string]any{"keep": "instant"})
	now := c.Find(t, "appointments", id)
	if now.GetDateTime("start_time").Time() != at("2026-12-21T17:00:00Z") || now.GetString("local_start") != "10:00" || now.GetInt("utc_offset") != -420 || now.GetInt("ics_sequence") != 1 {
		t.Fatalf("%v", now.PublicExport())
	}
	told(t, c, id, "now shows another time for it: Monday, December 21, 10:00 to 10:50 am (MST)", at("2026-12-21T17:00:00Z"))
	c.Do(t, http.MethodPost, zoneChanges+"/"+id, c.As(t, testkit.AdminEmail), map[string]any{"keep": "instant"}).Refused(t, http.StatusConflict, "NOTHING_CHANGED")
}

// told looks for the letter, its calendar file, the notice and the history of a decision about the clocks.
func told(t *testing.T, c *testkit.Clinic, id, words string, start time.Time) {
	t.Helper()
	settled(t, c)
	mails := c.Mails(t, testkit.AdaEmail)
	if len(mails) != 1 || !strings.Contains(mails[0].Text, "The region has changed its clocks.") || !strings.Contains(mails[0].Text, words) {
		t.Fatalf("%+v", mails)
	}
	e := event(t, mails[0].Attachments[0].ContentBase64)
	if got := value(e, ics.ComponentPropertyDtStart); got != start.Format("20060102T150405Z") || value(e, ics.ComponentPropertySequence) != "1" {
		t.Errorf("the calendar says %s", got)
	}
	if n := c.Count(t, "portal_notifications", "client = {:c} AND notification_type = 'appointment_changed'", dbx.Params{"c": testkit.Ada}); n != 1 {
		t.Errorf("%d notices", n)
	}
	h, err := c.App.FindFirstRecordByFilter("appointment_history", "appointment = {:id} && actor_kind = 'staff'", dbx.Params{"id": id})
	if err != nil || !strings.HasPrefix(h.GetString("reason"), "The region changed its clocks") {
		t.Errorf("history %v %v", h, err)
	}
	if n := audited(t, c, "UPDATE_APPOINTMENT", id) + audited(t, c, "RESCHEDULE_APPOINTMENT", id); n != 1 {
		t.Errorf("%d audit lines", n)
	}
}

// TestARequestKeepsTheTimeAskedFor: it is a time on the clock, and nobody is told, because nothing the client said changes.
func TestARequestKeepsTheTimeAskedFor(t *testing.T) {
	c := newClinic(t)
	id := ask(t, c, nil)
	if _, err := c.App.DB().NewQuery("UPDATE appointments SET start_time = '2026-12-21 16:00:00.000Z' WHERE id = {:id}").Bind(dbx.Params{"id": id}).Execute(); err != nil {
		t.Fatal(err)
	}
	settled(t, c)
	mails := len(c.Mails(t, testkit.AdaEmail))
	c.Do(t, http.MethodPost, zoneChanges+"/"+id, c.As(t, testkit.DeskEmail), map[string]any{"keep": "instant"}).Refused(t, http.StatusConflict, "ASKED_BY_THE_CLOCK")
	if got := c.Do(t, http.MethodPost, zoneChanges+"/"+id, c.As(t, testkit.DeskEmail), map[string]any{"keep": "wall"}); got.Status != http.StatusOK {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	r := c.Find(t, "appointments", id)
	if r.GetDateTime("start_time").Time() != at("2026-12-21T17:00:00Z") || r.GetString("status") != "requested" {
		t.Errorf("%v", r.PublicExport())
	}
	settled(t, c)
	if n := len(c.Mails(t, testkit.AdaEmail)); n != mails {
		t.Errorf("%d mails more", n-mails)
	}
	r.Set("start_time", at("2026-12-24T17:00:00Z"))
	if err := kernel.SaveAs(c.App, deskActor(), r); err == nil {
		t.Error("a request was moved without its client")
	}
}

// TestManyClocksAtOnce: visits that all move by an hour do not meet on the way; what cannot move says why and keeps no other.
func TestManyClocksAtOnce(t *testing.T) {
	c := newClinic(t)
	var ids []string
	for _, hour := range []string{"17", "18", "19"} { // 10, 11, 12 in Boulder
		id := book(t, c, map[string]any{"start_time": at("2026-12-21T" + hour + ":00:00Z")}).Id
		agreedAs(t, c, id, "2026-12-21", map[string]string{"17": "11:00", "18": "12:00", "19": "13:00"}[hour])
		ids = append(ids, id)
	}
	// 2:30 on 14 March 2027 does not exist in Boulder; 23 December at 11:00 is somebody else's
	gap := book(t, c, map[string]any{"start_time": at("2027-03-14T10:30:00Z")}).Id
	agreedAs(t, c, gap, "2027-03-14", "02:30")
	taken := book(t, c, map[string]any{"start_time": at("2026-12-23T17:00:00Z")}).Id
	agreedAs(t, c, taken, "2026-12-23", "11:00")
	book(t, c, map[string]any{"client": testkit.Bo, "start_time": at("2026-12-23T18:00:00Z")})

	got := c.Do(t, http.MethodPost, zoneChanges, c.As(t, testkit.DeskEmail), map[string]any{"keep": "wall", "ids": append(ids, gap, taken, "nobodysvisit000")})
	var out struct {
		Done    []string
		Refused []struct{ ID, Reason, Message string }
	}
	got.Data(t, &out)
	if len(out.Done) != 3 || out.Done[0] != ids[2] {
		t.Fatalf("%s", got.Body)
	}
	want := map[string]string{gap: "NONEXISTENT_TIME", taken: "SLOT_UNAVAILABLE", "nobodysvisit000": "NOT_FOUND"}
	for _, r := range out.Refused {
		if want[r.ID] != r.Reason || r.Message == "" {
			t.Errorf("%+v", r)
		}
		delete(want, r.ID)
	}
	if len(want) != 0 {
		t.Errorf("not said: %v", want)
	}
	for i, id := range ids {
		if start := c.Find(t, "appointments", id).GetDateTime("start_time").Time(); start != at("2026-12-21T18:00:00Z").Add(time.Duration(i)*time.Hour) {
			t.Errorf("visit %d is at %s", i, start)
		}
	}
	if a := c.Find(t, "appointments", gap); a.GetString("local_start") != "02:30" || a.GetDateTime("start_time").Time() != at("2027-03-14T10:30:00Z") {
		t.Error("a refused visit was changed")
	}
}

// TestStaffAreToldOncePerZoneData when the server starts.
func TestStaffAreToldOncePerZoneData(t *testing.T) {
	c := newClinic(t)
	id := book(t, c, nil).Id
	tell := func(want int) {
		t.Helper()
		if err := scheduling.TellOfClockChanges(c.App); err != nil {
			t.Fatal(err)
		}
		if n := c.Count(t, "staff_notifications", "notification_type = 'zone_changes' AND staff = '' AND link = '#/zone-changes'", nil); n != want {
			t.Errorf("staff have %d notices, want %d", n, want)
		}
	}
	tell(0)
	agreedAs(t, c, id, "2026-12-21", "11:00")
	tell(1)
	tell(1)
}
