package scheduling_test

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/kernel"
	"anteroom/hooks/scheduling"
	"anteroom/hooks/testkit"
)

const adasPhone = "+13035550123"

// reachable gives Ada a proven number and her wish to be sent text messages.
func reachable(t testing.TB, c *testkit.Clinic) {
	t.Helper()
	r := c.Find(t, "clients", testkit.Ada)
	collections.AsClient(r).ProvePhone(adasPhone)
	change(t, c, r, map[string]any{"sms_opt_in": true})
}

func remind(t testing.TB, c *testkit.Clinic) {
	t.Helper()
	if err := scheduling.Remind(c.App); err != nil {
		t.Fatal(err)
	}
}

// ticks moves the clock in steps from one instant to another and reminds at each.
func ticks(t testing.TB, c *testkit.Clinic, from, until time.Time, step time.Duration) {
	t.Helper()
	for now := from; !now.After(until); now = now.Add(step) {
		kernel.SetNow(c.App, now)
		remind(t, c)
	}
}

// reminded lists what was sent of a visit, as "minutes channel instant".
func reminded(t testing.TB, c *testkit.Clinic, visit string) []string {
	t.Helper()
	rows, err := c.App.FindRecordsByFilter("appointment_reminders", "appointment = {:a}", "", 0, 0, dbx.Params{"a": visit})
	if err != nil {
		t.Fatal(err)
	}
	minute := func(r *core.Record) time.Time { return r.GetDateTime("sent_at").Time().Truncate(time.Minute) }
	slices.SortStableFunc(rows, func(a, b *core.Record) int {
		return cmp.Or(minute(a).Compare(minute(b)), strings.Compare(a.GetString("channel"), b.GetString("channel")))
	})
	out := []string{}
	for _, r := range rows {
		out = append(out, fmt.Sprintf("%d %s %s", r.GetInt("minutes_before"), r.GetString("channel"),
			minute(r).Format("01-02T15:04Z")))
	}
	return out
}

func expect(t testing.TB, c *testkit.Clinic, visit string, want ...string) {
	t.Helper()
	if got := reminded(t, c, visit); !slices.Equal(got, want) {
		t.Errorf("reminded\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestTheWholeLadder(t *testing.T) {
	for zone, says := range map[string]string{"America/Denver": "(MST)", "Australia/Lord_Howe": "(+11)", "America/Vancouver": ""} {
		t.Run(zone, func(t *testing.T) {
			c := newClinic(t)
			reachable(t, c)
			change(t, c, c.Find(t, "locations", testkit.Location), map[string]any{"time_zone": zone})
			visit, start := book(t, c, map[string]any{"status": "scheduled"}).Id, at("2026-12-21T17:00:00Z")
			ticks(t, c, start.Add(-74*time.Hour), start.Add(time.Hour), 15*time.Minute)
			expect(t, c, visit, "4320 email 12-18T17:00Z", "4320 in_app 12-18T17:00Z",
				"1440 email 12-20T17:00Z", "1440 in_app 12-20T17:00Z", "1440 sms 12-20T17:00Z", "120 in_app 12-21T15:00Z", "120 sms 12-21T15:00Z")
			mails, texts := c.Mails(t, testkit.AdaEmail), c.Texts(t, adasPhone)
			if len(mails) != 2 || len(texts) == 0 {
				t.Fatalf("%d mails and %d texts", len(mails), len(texts))
			}
			for _, said := range []string{mails[0].Subject + mails[0].Text, texts[0].Text} {
				for _, private := range []string{"therapy", "Ana", "Reyes", "Ada", "Lovell"} {
					if strings.Contains(said, private) {
						t.Errorf("it says %q: %s", private, said)
					}
				}
				if !strings.Contains(said, "Test Clinic") || !strings.Contains(said, says) || !strings.Contains(said, "http://portal.example/appointments/"+visit+"?confirm=1") {
					t.Errorf("it says\n%s", said)
				}
			}
			if !strings.Contains(mails[0].Text, "Please confirm") || !strings.Contains(mails[0].Text, "1 Main Street") {
				t.Errorf("the mail says\n%s", mails[0].Text)
			}
			if n := c.Count(t, "portal_notifications", "notification_type = 'appointment_reminder' AND client = {:c}", dbx.Params{"c": testkit.Ada}); n != 3 {
				t.Errorf("%d notices, want 3", n)
			}
			if n := c.Count(t, "portal_audit_log", "action = 'REMIND_APPOINTMENT' AND client_id = {:c} AND actor_kind = 'system'", dbx.Params{"c": testkit.Ada}); n != 7 {
				t.Errorf("%d lines, want 7", n)
			}
			if got := c.Find(t, "appointments", visit).GetDateTime("reminder_sent_at").Time().Truncate(time.Minute); !got.Equal(start.Add(-2 * time.Hour)) {
				t.Errorf("the visit says it was reminded of at %v", got)
			}
		})
	}
}

func TestWhoConfirmedIsNotAskedAgain(t *testing.T) {
	c := newClinic(t)
	visit, start := book(t, c, nil).Id, at("2026-12-21T17:00:00Z")
	change(t, c, c.Find(t, "clients", testkit.Ada), map[string]any{"language": "es"})
	kernel.SetNow(c.App, start.Add(-72*time.Hour))
	remind(t, c)
	expect(t, c, visit, "4320 email 12-18T17:00Z", "4320 in_app 12-18T17:00Z")
	m := c.Mails(t, testkit.AdaEmail)[0]
	if strings.Contains(m.Text, "confirme") || strings.Contains(m.Text, "confirm=1") || m.Subject != "Recordatorio: su cita en Test Clinic" {
		t.Errorf("%s\n%s", m.Subject, m.Text)
	}
}

// TestAfterADayOfSilence: what was missed is not made up for, but the latest that is due.
func TestAfterADayOfSilence(t *testing.T) {
	c := newClinic(t)
	reachable(t, c)
	visit, start := book(t, c, nil).Id, at("2026-12-21T17:00:00Z")
	kernel.SetNow(c.App, start.Add(-20*time.Hour))
	remind(t, c)
	remind(t, c)
	expect(t, c, visit, "1440 email 12-20T21:00Z", "1440 in_app 12-20T21:00Z", "1440 sms 12-20T21:00Z")
	kernel.SetNow(c.App, start.Add(time.Minute))
	remind(t, c)
	if got := reminded(t, c, visit); len(got) != 3 {
		t.Errorf("reminded of what has begun: %v", got)
	}
}

func TestAMovedVisitIsRemindedOfAtItsNewTime(t *testing.T) {
	c := newClinic(t)
	visit, start := book(t, c, nil).Id, at("2026-12-21T17:00:00Z")
	ticks(t, c, start.Add(-72*time.Hour), start.Add(-71*time.Hour), 15*time.Minute)
	move := func(to time.Time) {
		t.Helper()
		r := c.Find(t, "appointments", visit)
		r.Set("start_time", to)
		if err := kernel.SaveAs(c.App, deskActor(), r); err != nil {
			t.Fatal(err)
		}
	}
	later := start.Add(10 * 24 * time.Hour)
	move(later)
	ticks(t, c, start.Add(-70*time.Hour), later, time.Hour)
	expect(t, c, visit, "4320 email 12-18T17:00Z", "4320 in_app 12-18T17:00Z", "4320 email 12-28T17:00Z", "4320 in_app 12-28T17:00Z",
		"1440 email 12-30T17:00Z", "1440 in_app 12-30T17:00Z", "120 in_app 12-31T15:00Z")

	// moved to the day after tomorrow less an hour: whoever moved it has just heard of it
	second := book(t, c, map[string]any{"start_time": at("2027-01-18T17:00:00Z")}).Id
	visit = second
	kernel.SetNow(c.App, at("2027-01-04T16:00:00Z"))
	soon := at("2027-01-05T15:00:00Z")
	move(soon)
	ticks(t, c, at("2027-01-04T16:01:00Z"), soon, 30*time.Minute)
	expect(t, c, second, "120 in_app 01-05T13:01Z")
}

func TestNobodyIsRemindedOfWhatIsNotBooked(t *testing.T) {
	c := newClinic(t)
	start := at("2026-12-21T17:00:00Z")
	asked := ask(t, c, nil)
	cancelled := book(t, c, map[string]any{"clinician": testkit.Ben, "client": testkit.Bo, "start_time": start}).Id
	here := book(t, c, map[string]any{"start_time": start.Add(-3 * time.Hour)}).Id
	for _, to := range []map[string]any{{"id": cancelled, "status": "cancelled"}, {"id": here, "status": "arrived"}} {
		r := c.Find(t, "appointments", to["id"].(string))
		r.Set("status", to["status"])
		if err := kernel.SaveAs(c.App, deskActor(), r); err != nil {
			t.Fatal(err)
		}
	}
	ticks(t, c, start.Add(-76*time.Hour), start, time.Hour)
	for _, id := range []string{asked, cancelled, here} {
		expect(t, c, id)
	}
}

func TestQuietHours(t *testing.T) {
	c := newClinic(t)
	reachable(t, c)
	settings(t, c, map[string]any{"quiet_from": "21:00", "quiet_until": "08:00", "reminder_ladder": `[{"minutesBefore":120,"channels":["email","sms","in_app"]}]`})
	nine := book(t, c, map[string]any{"start_time": at("2026-12-21T16:00:00Z")}).Id  // 9:00: 7:00 is quiet, 8:00 is in time
	early := book(t, c, map[string]any{"start_time": at("2026-12-22T15:30:00Z")}).Id // 8:30: 8:00 would be late, so the evening before
	choose(t, c, map[string]any{"quietHours": map[string]string{"from": "07:00", "to": "09:30", "timeZone": "America/Denver"}})
	later := book(t, c, map[string]any{"start_time": at("2026-12-23T18:00:00Z")}).Id // 11:00: 9:00 is quiet for her alone
	ticks(t, c, at("2026-12-21T02:59:00Z"), at("2026-12-23T18:30:00Z"), 10*time.Minute)
	expect(t, c, early, "120 email 12-22T03:59Z", "120 sms 12-22T03:59Z", "120 in_app 12-22T13:39Z")
	expect(t, c, later, "120 in_app 12-23T16:09Z", "120 email 12-23T16:39Z", "120 sms 12-23T16:39Z")
	// for nine, the clinic's hours end at 8:00 and hers at 9:30: too late, so before both begin
	expect(t, c, nine, "120 email 12-21T03:59Z", "120 sms 12-21T03:59Z", "120 in_app 12-21T14:09Z")
}

func choose(t *testing.T, c *testkit.Clinic, body any) map[string]any {
	t.Helper()
	var out map[string]any
	c.Do(t, http.MethodPatch, kernel.Portal+"/notifications/preferences", c.Fresh(t, testkit.AdaEmail), body).Data(t, &out)
	return out
}

func TestQuietNightsOfClockChanges(t *testing.T) {
	zone, err := collections.Zone("America/Denver")
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range map[string]struct {
		due, start, want string
		walls            []string
	}{
		"by day":                                  {"2026-12-21T18:00:00Z", "2026-12-21T20:00:00Z", "2026-12-21T18:00:00Z", []string{"21:00", "08:00"}},
		"to the end":                              {"2026-12-21T14:00:00Z", "2026-12-21T16:00:00Z", "2026-12-21T15:00:00Z", []string{"21:00", "08:00"}},
		"the end itself is not quiet":             {"2026-12-21T15:00:00Z", "2026-12-21T15:30:00Z", "2026-12-21T15:00:00Z", []string{"21:00", "08:00"}},
		"before the beginning":                    {"2026-12-21T13:30:00Z", "2026-12-21T15:59:00Z", "2026-12-21T03:59:00Z", []string{"21:00", "08:00"}},
		"a night of 10 hours: 8:00 is summer":     {"2027-03-14T09:30:00Z", "2027-03-15T09:30:00Z", "2027-03-14T14:00:00Z", []string{"21:00", "08:00"}},
		"a night of 12 hours: 8:00 is winter":     {"2026-11-01T08:30:00Z", "2026-11-02T08:30:00Z", "2026-11-01T15:00:00Z", []string{"21:00", "08:00"}},
		"an end that is shown twice":              {"2026-11-01T07:00:00Z", "2026-11-01T20:00:00Z", "2026-11-01T08:30:00Z", []string{"21:00", "01:30"}},
		"between the two, it is quiet":            {"2026-11-01T07:45:00Z", "2026-11-01T20:00:00Z", "2026-11-01T08:30:00Z", []string{"21:00", "01:30"}},
		"an end that is skipped":                  {"2027-03-14T08:00:00Z", "2027-03-14T20:00:00Z", "2027-03-14T09:00:00Z", []string{"21:00", "02:30"}},
		"a beginning that is skipped":             {"2027-03-14T09:00:00Z", "2027-03-14T20:00:00Z", "2027-03-14T11:00:00Z", []string{"02:30", "05:00"}},
		"out of one into the other and out of it": {"2026-12-21T14:00:00Z", "2026-12-21T20:00:00Z", "2026-12-21T17:00:00Z", []string{"21:00", "08:00", "07:30", "10:00"}},
		"none": {"2026-12-21T14:00:00Z", "2026-12-21T20:00:00Z", "2026-12-21T14:00:00Z", []string{"", ""}},
	} {
		if got := scheduling.Awake(at(v.due), at(v.start), zone, v.walls...); !got.Equal(at(v.want)) {
			t.Errorf("%s: %v, want %s", name, got, v.want)
		}
	}
}

func TestWhoIsRemindedAndHow(t *testing.T) {
	c := newClinic(t)
	reachable(t, c)
	start := at("2026-12-21T17:00:00Z")
	settings(t, c, map[string]any{"reminder_ladder": `[{"minutesBefore":1440,"channels":["email","sms","in_app"]}]`})
	// Ada wants no mails and no texts; her partner hears too; who pays does not
	choose(t, c, map[string]any{"channels": map[string]bool{"email": false}, "byType": map[string]any{"appointment_reminder": map[string]bool{"sms": false}}})
	c.Add(t, "client_access", map[string]any{"client": testkit.Ada, "portal_user": testkit.BoLogin, "relationship": "partner", "scope": "appointments_forms"})
	c.Add(t, "portal_users", map[string]any{"id": "payerpayerpayer", "email": "payer@mail.example", "password": testkit.Password, "verified": true, "account_status": "active"})
	c.Add(t, "client_access", map[string]any{"client": testkit.Ada, "portal_user": "payerpayerpayer", "relationship": "billing", "scope": "billing"})
	adas := book(t, c, nil).Id
	umas := book(t, c, map[string]any{"client": testkit.Uma, "start_time": start.Add(2 * time.Hour)}).Id // no login
	cleos := book(t, c, map[string]any{"client": testkit.Cleo, "clinician": testkit.Ben}).Id
	ticks(t, c, start.Add(-24*time.Hour), start.Add(-20*time.Hour), time.Hour)
	expect(t, c, adas, "1440 email 12-20T17:00Z", "1440 in_app 12-20T17:00Z")
	expect(t, c, umas, "1440 email 12-20T19:00Z")
	expect(t, c, cleos, "1440 in_app 12-20T17:00Z")
	for email, want := range map[string]int{testkit.AdaEmail: 0, testkit.BoEmail: 1, "payer@mail.example": 0, testkit.UmaEmail: 1} {
		n := 0
		for _, m := range c.Mails(t, email) {
			if strings.HasPrefix(m.Subject, "Reminder") {
				n++
			}
		}
		if n != want {
			t.Errorf("%s: %d mails, want %d", email, n, want)
		}
	}
	if texts := c.Texts(t, adasPhone); len(texts) != 0 {
		t.Errorf("%d texts to who wants none", len(texts))
	}
}

// TestTwoServersRemindOnce, and when one comes late the index has the last word.
func TestTwoServersRemindOnce(t *testing.T) {
	c := newClinic(t)
	reachable(t, c)
	visit, start := book(t, c, nil), at("2026-12-21T17:00:00Z")
	kernel.SetNow(c.App, start.Add(-24*time.Hour))
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if err := scheduling.Remind(c.App); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	expect(t, c, visit.Id, "1440 email 12-20T17:00Z", "1440 in_app 12-20T17:00Z", "1440 sms 12-20T17:00Z")
	if mails, texts := c.Mails(t, testkit.AdaEmail), c.Texts(t, adasPhone); len(mails) != 1 || len(texts) != 1 {
		t.Errorf("%d mails and %d texts", len(mails), len(texts))
	}
	row, err := collections.NewAppointmentReminder(c.App, collections.AsAppointment(c.Find(t, "appointments", visit.Id)), 1440, "sms", "", start)
	if err != nil {
		t.Fatal(err)
	}
	if err := kernel.SaveAs(c.App, kernel.System(), row); err == nil {
		t.Error("a second row of one reminder")
	}
}

func TestLaddersThatCannotBeFollowed(t *testing.T) {
	c := newClinic(t)
	for _, ladder := range []string{`{}`, `[{"minutesBefore":1,"channels":["sms"]}]`, `[{"minutesBefore":60,"channels":[]}]`, `[{"minutesBefore":60,"channels":["pigeon"]}]`,
		`[{"minutesBefore":60,"channels":["sms"]},{"minutesBefore":60,"channels":["email"]}]`, `[{"minutesBefore":99999999,"channels":["sms"]}]`} {
		r, err := c.App.FindFirstRecordByFilter("clinic_settings", "id != ''")
		if err != nil {
			t.Fatal(err)
		}
		r.Set("reminder_ladder", ladder)
		if err := kernel.SaveAs(c.App, kernel.System(), r); err == nil {
			t.Errorf("kept: %s", ladder)
		}
	}
	settings(t, c, map[string]any{"reminder_ladder": `[]`}) // no reminders is a choice
	visit, start := book(t, c, nil).Id, at("2026-12-21T17:00:00Z")
	ticks(t, c, start.Add(-73*time.Hour), start, time.Hour)
	expect(t, c, visit)
}
