package privacy_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/subscriptions"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
	"anteroom/hooks/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

type m = map[string]any

const (
	benEmail = "ben@clinic.example"
	benStaff = "staffben0000000"
	glass    = kernel.Desk + "/break-glass"
	crisis   = "Uma called in a crisis, nobody of her team is here."
)

var (
	anaActor = kernel.Actor{Kind: kernel.KindStaff, ID: testkit.AnaStaff, Role: kernel.RoleClinician}
	roles    = map[string]string{kernel.RoleAdmin: testkit.AdminEmail, kernel.RoleClinician: testkit.AnaEmail, kernel.RoleFrontDesk: testkit.DeskEmail, kernel.RoleBilling: testkit.BillingEmail}
)

// clinic has Ben with a login: he treats Bo, Ana treats Ada.
func clinic(t testing.TB) *testkit.Clinic {
	t.Helper()
	c := testkit.New(t)
	c.Add(t, "staff", m{"id": benStaff, "email": benEmail, "password": testkit.Password, "verified": true, "first_name": "Ben", "last_name": "Carter", "role": "clinician", "is_active": true})
	ben := c.Find(t, "clinicians", testkit.Ben)
	ben.Set("staff", benStaff)
	if err := c.App.Save(ben); err != nil {
		t.Fatal(err)
	}
	return c
}

func rows(name string) string { return "/api/collections/" + name + "/records" }

func visit(client, clinician, status string, days int) m {
	return m{"client": client, "clinician": clinician, "service": testkit.Therapy, "location": testkit.Location, "start_time": testkit.Monday.AddDate(0, 0, days),
		"status": status, "service_location": "in_office", "requested_via": "phone", "reason_for_visit": "SECRET-REASON"}
}

func request(client, clinician string) m {
	r := visit(client, clinician, "requested", 8)
	r["requested_via"], r["client_requested"], r["submitted_at"] = "portal", true, testkit.Monday
	delete(r, "start_time")
	r["preferences"] = []map[string]string{{"date": "2026-12-15", "time": "10:00"}}
	return r
}

func seen(t testing.TB, c *testkit.Clinic, email, path string) []m {
	t.Helper()
	var list struct{ Items []m }
	if r := c.Do(t, "GET", path, c.As(t, email), nil); r.Status == 200 {
		r.Into(t, &list)
	}
	return list.Items
}

// untouched runs what must be refused and shows that nothing changed.
func untouched(t *testing.T, c *testkit.Clinic, do func()) {
	t.Helper()
	c.Deliver()
	before := c.Snapshot(t)
	do()
	if c.Deliver(); c.Snapshot(t) != before {
		t.Error("a refused attempt changed something")
	}
}

func breakGlass(t testing.TB, c *testkit.Clinic, email, client string, minutes int) string {
	t.Helper()
	r := c.Do(t, "POST", glass, c.As(t, email), m{"clientId": client, "reason": "  " + crisis + " ", "minutes": minutes})
	if r.Status != 201 {
		t.Fatalf("%d %s", r.Status, r.Body)
	}
	var made struct{ ID, ClientID string }
	r.Data(t, &made)
	return made.ID
}

func TestBreakGlass(t *testing.T) {
	c := clinic(t)
	ana := c.As(t, testkit.AnaEmail)
	path := rows("clients") + "/" + testkit.Uma
	if r := c.Do(t, "GET", path, ana, nil); r.Status != 404 {
		t.Fatal("Ana reaches Uma before", r.Status)
	}
	id := breakGlass(t, c, testkit.AnaEmail, testkit.Uma, 60)
	if r := c.Do(t, "GET", path, ana, nil); r.Status != 200 {
		t.Error("the glass opens nothing:", r.Status, string(r.Body))
	}
	if r := c.Do(t, "GET", path, c.As(t, benEmail), nil); r.Status != 404 {
		t.Error("it opens for others:", r.Status)
	}
	if r := c.Do(t, "PATCH", path, ana, m{"allergies": "Penicillin"}); r.Status != 200 {
		t.Error("it does not let write:", r.Status, string(r.Body))
	}
	row := c.Find(t, "break_glass", id)
	if row.GetString("reason") != crisis || row.GetString("staff") != testkit.AnaStaff || !row.GetDateTime("until").Time().Equal(kernel.Now(c.App).Add(time.Hour).Truncate(time.Millisecond)) && row.GetDateTime("until").Time().Sub(testkit.Monday) < 59*time.Minute {
		t.Error(row.GetString("reason"), row.GetString("until"))
	}
	if n := c.Count(t, "portal_audit_log", "action = 'BREAK_GLASS' AND client_id = {:c} AND actor_id = {:a} AND json_extract(details, '$.minutes') = 60 AND json_extract(details, '$.breakGlass') = {:g}",
		dbx.Params{"c": testkit.Uma, "a": testkit.AnaStaff, "g": id}); n != 1 {
		t.Error("lines:", n)
	}
	// the privacy officer hears of it, and the mail names no client
	if n := c.Count(t, "staff_notifications", "staff = {:s} AND notification_type = 'break_glass' AND resource_id = {:g}", dbx.Params{"s": testkit.Admin, "g": id}); n != 1 {
		t.Error("notices:", n)
	}
	mails := c.Mails(t, testkit.AdminEmail)
	if len(mails) != 1 {
		t.Fatal("mails:", len(mails))
	}
	if raw, _ := json.Marshal(mails[0]); !strings.Contains(string(raw), "Ana Reyes") || strings.Contains(string(raw), "Uma") || strings.Contains(string(raw), "Dahl") || strings.Contains(string(raw), "crisis, nobody") {
		t.Errorf("the mail: %s", raw)
	}
	untouched(t, c, func() {
		c.Do(t, "POST", glass, ana, m{"clientId": testkit.Uma, "reason": crisis, "minutes": 10}).Refused(t, 409, "ALREADY_REACHED")
		c.Do(t, "POST", glass, ana, m{"clientId": "nobody000000000", "reason": crisis, "minutes": 10}).Refused(t, 404, "NOT_FOUND")
		c.Do(t, "POST", glass+"/"+id+"/end", c.As(t, benEmail), m{}).Refused(t, 404, "NOT_FOUND")
	})
	// what was done under it is counted, once the log marks it
	line := audit.EntryFor(anaActor, audit.ViewPHI, audit.Client, testkit.Uma)
	line.Client, line.Details = testkit.Uma, audit.Details{"breakGlass": id}
	if err := audit.Read(c.App, line); err != nil {
		t.Fatal(err)
	}
	var list struct {
		Items []struct {
			ID, Reason string
			Client     struct{ FirstName string }
			Staff      struct{ Name string }
			Looks      int
			EndedAt    *time.Time
		}
	}
	c.Do(t, "GET", glass+"?open=true", c.As(t, testkit.AdminEmail), nil).Data(t, &list)
	if len(list.Items) != 1 || list.Items[0].Reason != crisis || list.Items[0].Client.FirstName != "Uma" || list.Items[0].Staff.Name != "Ana Reyes" || list.Items[0].Looks < 1 || list.Items[0].EndedAt != nil {
		t.Errorf("%+v", list)
	}
	if c.Do(t, "GET", glass, c.As(t, benEmail), nil).Data(t, &list); len(list.Items) != 0 {
		t.Error("Ben sees Ana's", list)
	}
	if r := c.Do(t, "POST", glass+"/"+id+"/end", ana, m{}); r.Status != 200 {
		t.Fatal(string(r.Body))
	}
	if r := c.Do(t, "GET", path, ana, nil); r.Status != 404 {
		t.Error("it opens after its end:", r.Status)
	}
	untouched(t, c, func() {
		c.Do(t, "POST", glass+"/"+id+"/end", ana, m{}).Refused(t, 409, "BREAK_GLASS_OVER")
	})
	if c.Do(t, "GET", glass+"?open=true", c.As(t, testkit.AdminEmail), nil).Data(t, &list); len(list.Items) != 0 {
		t.Error("still open:", list)
	}
}

func TestBreakGlassLimits(t *testing.T) {
	c := clinic(t)
	ana := c.As(t, testkit.AnaEmail)
	closed := c.Find(t, "clients", testkit.Cleo)
	closed.Set("status", "inactive")
	if err := c.App.Save(closed); err != nil {
		t.Fatal(err)
	}
	untouched(t, c, func() {
		c.Do(t, "POST", glass, ana, m{"clientId": testkit.Cleo, "reason": crisis, "minutes": 10}).Refused(t, 409, "CLIENT_INACTIVE")
		c.Do(t, "POST", glass, ana, m{"clientId": testkit.Uma, "reason": strings.Repeat("x", 1001), "minutes": 10}).Refused(t, 400, "")
		c.Do(t, "POST", glass, ana, m{"clientId": testkit.Uma, "reason": crisis, "minutes": 1 << 40}).Refused(t, 400, "")
		c.Do(t, "POST", glass, ana, m{"clientId": testkit.Uma, "reason": crisis, "minutes": -5}).Refused(t, 400, "")
	})
	for range 10 {
		id := breakGlass(t, c, testkit.AnaEmail, testkit.Uma, 240)
		if r := c.Do(t, "POST", glass+"/"+id+"/end", c.As(t, testkit.AdminEmail), m{}); r.Status != 200 {
			t.Fatal(string(r.Body))
		}
	}
	untouched(t, c, func() {
		c.Do(t, "POST", glass, ana, m{"clientId": testkit.Uma, "reason": crisis, "minutes": 10}).Refused(t, 429, "")
	})
	breakGlass(t, c, benEmail, testkit.Uma, 10) // counted for each
	c.Advance(24 * time.Hour)
	c.Fresh(t, testkit.AnaEmail)
	breakGlass(t, c, testkit.AnaEmail, testkit.Uma, 10)
}

// API rules compare with the machine's clock; the clinic's own has the last word.
func TestReachFollowsTheClinicsClock(t *testing.T) {
	c := clinic(t)
	c.Add(t, "appointments", visit(testkit.Uma, testkit.Ben, "confirmed", 2))
	breakGlass(t, c, testkit.AnaEmail, testkit.Uma, 240)
	member := c.Add(t, "care_team", m{"client": testkit.Cleo, "clinician": testkit.Ana, "role": "member", "until": testkit.Monday.Add(time.Hour)})
	paths := map[string]int{rows("clients"): 3, rows("appointments"): 1, rows("care_team"): 3}
	for path, want := range paths {
		if got := len(seen(t, c, testkit.AnaEmail, path)); got != want {
			t.Errorf("%s: %d, want %d", path, got, want)
		}
	}
	c.Advance(5 * time.Hour) // the machine's clock says nothing has ended
	ana := c.Fresh(t, testkit.AnaEmail)
	for path, want := range map[string]int{rows("clients"): 1, rows("appointments"): 0, rows("care_team"): 1} {
		if got := len(seen(t, c, testkit.AnaEmail, path)); got != want {
			t.Errorf("%s after the end: %d, want %d", path, got, want)
		}
	}
	if r := c.Do(t, "GET", rows("clients")+"/"+testkit.Uma, ana, nil); r.Status != 404 {
		t.Error(r.Status)
	}
	if r := c.Do(t, "GET", rows("break_glass")+"?expand=client", ana, nil); r.Status != 200 || bytes.Contains(r.Body, []byte("Dahl")) {
		t.Errorf("expanded after the end: %s", r.Body)
	}
	if r := c.Do(t, "PATCH", rows("clients")+"/"+testkit.Cleo, ana, m{"allergies": "x"}); r.Status != 404 {
		t.Error("writes after the end:", r.Status, member.Id)
	}
}

// A clinician asks about clients out of reach by every detour that PocketBase offers.
func TestFiltersTellNothingOutOfReach(t *testing.T) {
	c := clinic(t)
	c.Add(t, "treatment_notes", m{"client": testkit.Bo, "clinician": testkit.Ben, "author": benStaff, "kind": "psychotherapy", "status": "signed", "title": "PSY", "body": "SECRET-NOTE"})
	c.Add(t, "treatment_notes", m{"client": testkit.Ada, "clinician": testkit.Ana, "author": testkit.AnaStaff, "kind": "psychotherapy", "status": "signed", "title": "PSY", "body": "SECRET-NOTE"})
	c.Add(t, "break_glass", m{"client": testkit.Uma, "staff": benStaff, "reason": crisis, "until": testkit.Monday.Add(time.Hour)})
	c.Add(t, "appointments", visit(testkit.Ada, testkit.Ana, "confirmed", 1))
	c.Add(t, "appointments", visit(testkit.Bo, testkit.Ben, "confirmed", 1))
	for _, x := range []struct {
		email, collection, filter string
		want                      int // rows; -1: refused
	}{
		{testkit.AnaEmail, "clients", "first_name ~ 'o'", 0},
		{testkit.AnaEmail, "clients", "id = '" + testkit.Bo + "' || first_name = 'Ada'", 1},
		{testkit.AnaEmail, "appointments", "client.last_name != ''", 1}, // and by this the lines below prove something
		{testkit.AnaEmail, "appointments", "clinician.last_name = 'Carter' && client.first_name != ''", 0},
		// what other rows say about these: PocketBase compares all of them, those out of reach too
		{testkit.AnaEmail, "clinicians", "appointments_via_clinician.client.first_name != 'Bo'", -1},
		{testkit.AnaEmail, "clients", "appointments_via_client.clinician.appointments_via_clinician.client.email !~ 'b%'", -1},
		{testkit.AnaEmail, "clients", "id != '' && (care_team_via_client.clinician.last_name:lower ?= 'carter')", -1},
		{testkit.AnaEmail, "clients", "treatment_notes_via_client.kind != 'psychotherapy'", -1},
		{testkit.AdminEmail, "staff", "break_glass_via_staff.client.first_name ?= 'Uma'", -1},
		{testkit.AnaEmail, "clients", "medical_history != ''", -1},
		{testkit.AnaEmail, "clients", "break_glass_via_client.reason != ''", -1},
		{testkit.AnaEmail, "care_team", "client.medical_history ~ 'a'", -1},
		{testkit.DeskEmail, "clients", "treatment_notes_via_client.id = ''", -1},
		{testkit.BillingEmail, "clients", "treatment_notes_via_client.id = ''", -1},
		{testkit.BillingEmail, "clients", "strftime('%Y', form_submissions_via_client.created) = ''", -1},
		{testkit.DeskEmail, "clients", "treatment_notes_via_client.body != ''", -1},
	} {
		r := c.Do(t, "GET", rows(x.collection)+"?filter="+url.QueryEscape(x.filter), c.As(t, x.email), nil)
		var list struct{ TotalItems int }
		if r.Status == 200 {
			r.Into(t, &list)
		}
		if x.want < 0 && r.Status == 200 || x.want >= 0 && (r.Status != 200 || list.TotalItems != x.want) {
			t.Errorf("%s asks %s for %s: %d, %d rows, want %d", x.email, x.collection, x.filter, r.Status, list.TotalItems, x.want)
		}
	}
	for _, sort := range []string{"treatment_notes_via_client.body", "-medical_history", "break_glass_via_client.reason", "treatment_notes_via_client.kind", "id,-form_submissions_via_client.created"} {
		if r := c.Do(t, "GET", rows("clients")+"?sort="+sort, c.As(t, testkit.DeskEmail), nil); r.Status == 200 {
			t.Errorf("sorted by %s", sort)
		}
	}
	for _, email := range []string{testkit.DeskEmail, testkit.BillingEmail, testkit.AnaEmail, testkit.AdminEmail, benEmail} {
		for _, expand := range []string{"treatment_notes_via_client", "care_team_via_client.clinician.treatment_notes_via_clinician", "break_glass_via_client.client"} {
			r := c.Do(t, "GET", rows("clients")+"?expand="+expand, c.As(t, email), nil)
			if bytes.Contains(r.Body, []byte("SECRET-NOTE")) || bytes.Contains(r.Body, []byte(`"psychotherapy"`)) {
				t.Errorf("%s expands %s: %s", email, expand, r.Body)
			}
		}
	}
	if r := c.Do(t, "GET", rows("care_team")+"?expand=clinician.care_team_via_clinician.client", c.As(t, testkit.AnaEmail), nil); bytes.Contains(r.Body, []byte("Marsh")) {
		t.Errorf("Bo is expanded: %s", r.Body)
	}
}

func TestDeskRoutesStayWithinReach(t *testing.T) {
	c := clinic(t)
	ofBo := c.Add(t, "appointments", request(testkit.Bo, testkit.Ben)).Id
	open := request(testkit.Uma, "")
	delete(open, "clinician")
	ofUma := c.Add(t, "appointments", open).Id
	forAna := c.Add(t, "appointments", request(testkit.Uma, testkit.Ana)).Id
	ofAda := c.Add(t, "appointments", request(testkit.Ada, testkit.Ben)).Id
	list := func(email string) (ids []string, total int) {
		var data struct {
			Requests   []struct{ ID string }
			Pagination struct{ Total int }
		}
		c.Do(t, "GET", kernel.Desk+"/requests", c.As(t, email), nil).Data(t, &data)
		for _, r := range data.Requests {
			ids = append(ids, r.ID)
		}
		return ids, data.Pagination.Total
	}
	if ids, total := list(testkit.DeskEmail); len(ids) != 4 || total != 4 {
		t.Error("the desk sees", ids, total)
	}
	ids, total := list(testkit.AnaEmail)
	if slices.Sort(ids); total != 2 || !slices.Equal(ids, slices.Sorted(slices.Values([]string{forAna, ofAda}))) {
		t.Error("Ana sees", ids, total)
	}
	var found struct {
		Requests   []struct{ ID string }
		Pagination struct{ Total int }
	}
	c.Do(t, "GET", kernel.Desk+"/requests?locationId="+testkit.Location, c.As(t, testkit.AnaEmail), nil).Data(t, &found)
	if found.Pagination.Total != 2 {
		t.Error("of a place:", found)
	}
	ana := c.As(t, testkit.AnaEmail)
	untouched(t, c, func() {
		for _, id := range []string{ofBo, ofUma} {
			c.Do(t, "POST", kernel.Desk+"/requests/"+id+"/confirm", ana, m{"preference": 1, "clinicianId": testkit.Ana}).Refused(t, 404, "NOT_FOUND")
			c.Do(t, "POST", kernel.Desk+"/requests/"+id+"/decline", ana, m{"reason": "x"}).Refused(t, 404, "NOT_FOUND")
		}
	})
	c.Add(t, "appointments", visit(testkit.Bo, testkit.Ben, "confirmed", 1))
	c.Add(t, "appointments", visit(testkit.Ada, testkit.Ana, "confirmed", 1))
	for email, want := range map[string]int{testkit.DeskEmail: 2, testkit.AnaEmail: 1, benEmail: 1} {
		var day struct{ Appointments []m }
		if c.Do(t, "GET", kernel.Desk+"/day?date=2026-12-08", c.As(t, email), nil).Data(t, &day); len(day.Appointments) != want {
			t.Errorf("%s sees %d visits of the day, want %d", email, len(day.Appointments), want)
		}
	}
	// one who is asked by name answers, in and out of reach: no puts nobody on a team, yes does
	other := c.Add(t, "appointments", request(testkit.Cleo, testkit.Ana)).Id
	if r := c.Do(t, "POST", kernel.Desk+"/requests/"+other+"/decline", ana, m{"reason": "Full.", "messageToClient": "Sorry."}); r.Status != 200 {
		t.Errorf("declining: %d %s", r.Status, r.Body)
	}
	if r := c.Do(t, "GET", rows("clients")+"/"+testkit.Cleo, ana, nil); r.Status != 404 {
		t.Error("declining opened the record")
	}
	if r := c.Do(t, "POST", kernel.Desk+"/requests/"+forAna+"/confirm", ana, m{"startTime": "2026-12-22T17:00:00Z"}); r.Status != 200 {
		t.Errorf("confirming: %d %s", r.Status, r.Body)
	}
	if r := c.Do(t, "GET", rows("clients")+"/"+testkit.Uma, ana, nil); r.Status != 200 {
		t.Error("confirming opened nothing")
	}
}

// What PocketBase's broker sends: staff hear of the rows they would be shown, and of no encrypted field.
func TestLiveEventsStayWithinReach(t *testing.T) {
	c := clinic(t)
	heard := func(staff string, topics ...string) chan subscriptions.Message {
		client := subscriptions.NewDefaultClient()
		client.Set(apis.RealtimeClientAuthKey, c.Find(t, "staff", staff))
		client.Subscribe(topics...)
		c.App.SubscriptionsBroker().Register(client)
		return client.Channel()
	}
	topics := []string{"appointments/*", "clients/*", "treatment_notes/*"}
	desk, ana, ben := heard(testkit.DeskStaff, topics...), heard(testkit.AnaStaff, append(topics, "clients/"+testkit.Uma)...), heard(benStaff, topics...)
	next := func(from chan subscriptions.Message) string {
		select {
		case msg := <-from:
			return msg.Name + " " + string(msg.Data)
		case <-time.After(300 * time.Millisecond):
			return ""
		}
	}
	c.Add(t, "appointments", visit(testkit.Bo, testkit.Ben, "confirmed", 1))
	if got := next(desk); !strings.Contains(got, "appointments/") || strings.Contains(got, "SECRET") {
		t.Errorf("the desk hears %q", got)
	}
	if got := next(ben); !strings.Contains(got, "appointments/") || strings.Contains(got, "SECRET") {
		t.Errorf("Ben hears %q", got)
	}
	if got := next(ana); got != "" {
		t.Errorf("Ana hears of Bo: %s", got)
	}
	uma := func() {
		r := c.Find(t, "clients", testkit.Uma)
		r.Set("preferred_name", r.GetString("preferred_name")+"U")
		if err := c.App.Save(r); err != nil {
			t.Fatal(err)
		}
	}
	if uma(); next(ana) != "" {
		t.Error("Ana hears of Uma")
	}
	breakGlass(t, c, testkit.AnaEmail, testkit.Uma, 60)
	if uma(); next(ana) == "" {
		t.Error("Ana hears nothing of Uma under a broken glass")
	}
	for next(ana) != "" { // the other topic
	}
	c.Advance(2 * time.Hour)
	if uma(); next(ana) != "" {
		t.Error("Ana hears of Uma after it ended")
	}
	for next(desk) != "" || next(ben) != "" { // what else they heard
	}
	n := note("psychotherapy", "signed")
	n["client"], n["author"], n["clinician"] = testkit.Ada, testkit.AnaStaff, testkit.Ana
	c.Add(t, "care_team", m{"client": testkit.Ada, "clinician": testkit.Ben, "role": "member"})
	c.Add(t, "treatment_notes", n)
	if got := next(ana); !strings.Contains(got, "treatment_notes/") || strings.Contains(got, "SECRET") {
		t.Errorf("its author hears %q", got)
	}
	if next(ben) != "" || next(desk) != "" {
		t.Error("somebody else hears of a psychotherapy note")
	}
}

// TestLiveEventsCarryNoEncryptedField: nobody notes that they were shown.
func TestLiveEventsCarryNoEncryptedField(t *testing.T) {
	c := clinic(t)
	owner, err := c.App.FindAuthRecordByEmail(core.CollectionNameSuperusers, testkit.OwnerEmail)
	if err != nil {
		t.Fatal(err)
	}
	for _, who := range []*core.Record{owner, c.Find(t, "staff", testkit.AnaStaff)} {
		client := subscriptions.NewDefaultClient()
		client.Set(apis.RealtimeClientAuthKey, who)
		client.Subscribe("clients/*")
		c.App.SubscriptionsBroker().Register(client)
		ada := c.Find(t, "clients", testkit.Ada)
		ada.Set("medical_history", "SECRET-HISTORY of "+who.Id)
		if err := c.App.Save(ada); err != nil {
			t.Fatal(err)
		}
		select {
		case msg := <-client.Channel():
			if !strings.Contains(string(msg.Data), testkit.Ada) || strings.Contains(string(msg.Data), "SECRET") {
				t.Errorf("%s hears %s", who.Collection().Name, msg.Data)
			}
		case <-time.After(5 * time.Second):
			t.Error("nothing is heard")
		}
	}
}

func TestVisitsBringClinicians(t *testing.T) {
	c := clinic(t)
	on := func(client, clinician string) bool {
		return c.Count(t, "care_team", "client = {:c} AND clinician = {:k} AND (until = '' OR until > {:now})",
			dbx.Params{"c": client, "k": clinician, "now": "2026-12-07 17:00:00.000Z"}) == 1
	}
	c.Add(t, "appointments", request(testkit.Uma, testkit.Ana))
	if on(testkit.Uma, testkit.Ana) {
		t.Error("a request puts nobody on the team")
	}
	c.Add(t, "appointments", visit(testkit.Uma, testkit.Ana, "scheduled", 3))
	if !on(testkit.Uma, testkit.Ana) || c.Count(t, "portal_audit_log", "action = 'JOIN_CARE_TEAM'", nil) != 1 {
		t.Error("a visit puts its clinician on the team, on record")
	}
	team, err := c.App.FindFirstRecordByFilter("care_team", "client = {:c} && clinician = {:k}", dbx.Params{"c": testkit.Uma, "k": testkit.Ana})
	if err != nil {
		t.Fatal(err)
	}
	team.Set("until", testkit.Monday)
	if err := c.App.Save(team); err != nil {
		t.Fatal(err)
	}
	c.Add(t, "appointments", visit(testkit.Uma, testkit.Ana, "confirmed", 4))
	if !on(testkit.Uma, testkit.Ana) || c.Find(t, "care_team", team.Id).GetString("until") != "" {
		t.Error("a membership that ended is opened again")
	}
	// whom a clinician takes in, they lead
	r := c.Do(t, "POST", rows("clients"), c.As(t, testkit.AnaEmail), m{"first_name": "New", "last_name": "Comer", "date_of_birth": "1990-01-01", "status": "active", "language": "en"})
	var made struct{ ID string }
	if r.Into(t, &made); r.Status != 200 || c.Count(t, "care_team", "client = {:c} AND staff = {:s} AND role = 'lead'", dbx.Params{"c": made.ID, "s": testkit.AnaStaff}) != 1 {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	if r := c.Do(t, "GET", rows("clients")+"/"+made.ID, c.As(t, testkit.AnaEmail), nil); r.Status != 200 {
		t.Error("lost sight of", r.Status)
	}
}

func TestNobodyBooksThemselvesIn(t *testing.T) {
	c := clinic(t)
	own := c.Add(t, "appointments", visit(testkit.Uma, testkit.Ana, "scheduled", 3)).Id
	team, err := c.App.FindFirstRecordByFilter("care_team", "client = {:c}", dbx.Params{"c": testkit.Uma})
	if err != nil {
		t.Fatal(err)
	}
	team.Set("until", testkit.Monday)
	if err := c.App.Save(team); err != nil {
		t.Fatal(err)
	}
	ana := c.As(t, testkit.AnaEmail)
	out := func(what string) {
		t.Helper()
		if reach, err := kernel.ReachOf(c.App, anaActor, testkit.Uma); err != nil || reach.By == kernel.ReachByCareTeam {
			t.Errorf("%s: Ana is on Uma's team again, %v", what, err)
		}
	}
	if r := c.Do(t, "PATCH", rows("appointments")+"/"+own, ana, m{"status": "confirmed"}); r.Status != 200 {
		t.Error("her own visit:", r.Status, string(r.Body))
	}
	out("confirming the visit that was hers")
	untouched(t, c, func() {
		for _, try := range []struct {
			method, path string
			body         any
		}{
			{"POST", rows("appointments"), visit(testkit.Uma, testkit.Ana, "confirmed", 5)},
			{"PATCH", rows("care_team") + "/" + team.Id, m{"until": ""}},
			{"POST", rows("care_team"), m{"client": testkit.Bo, "clinician": testkit.Ana, "role": "lead"}},
			{"PATCH", rows("clinicians") + "/" + testkit.Ben, m{"staff": testkit.AnaStaff}},
		} {
			if r := c.Do(t, try.method, try.path, ana, try.body); r.Status < 400 {
				t.Errorf("%s %s: %d %s", try.method, try.path, r.Status, r.Body)
			}
		}
	})
	out("knocking")
	id := breakGlass(t, c, testkit.AnaEmail, testkit.Uma, 60)
	if r := c.Do(t, "POST", rows("appointments"), ana, visit(testkit.Uma, testkit.Ana, "confirmed", 6)); r.Status != 200 {
		t.Error("a visit under a broken glass:", r.Status, string(r.Body))
	}
	if r := c.Do(t, "PATCH", rows("care_team")+"/"+team.Id, ana, m{"until": ""}); r.Status < 400 {
		t.Error("joined under a broken glass:", r.Status)
	}
	asked := request(testkit.Uma, testkit.Ana)
	delete(asked, "client_requested")
	delete(asked, "submitted_at")
	var written struct{ ID string }
	c.Do(t, "POST", rows("appointments"), ana, asked).Into(t, &written)
	if r := c.Do(t, "POST", kernel.Desk+"/requests/"+written.ID+"/confirm", ana, m{"preference": 1}); r.Status != 200 {
		t.Error("a request of her own under a broken glass:", r.Status, string(r.Body))
	}
	out("agreeing to a request that she wrote herself")
	if r := c.Do(t, "POST", glass+"/"+id+"/end", ana, m{}); r.Status != 200 {
		t.Fatal(string(r.Body))
	}
	out("after the glass")
}

func TestGlassesEndWithTheRole(t *testing.T) {
	for what, change := range map[string]m{"suspended": {"is_active": false}, "another role": {"role": "front_desk"}} {
		c := clinic(t)
		id := breakGlass(t, c, testkit.AnaEmail, testkit.Uma, 240)
		ana := c.Find(t, "staff", testkit.AnaStaff)
		ana.Load(change)
		if err := c.App.Save(ana); err != nil {
			t.Fatal(err)
		}
		if !collections.AsBrokenGlass(c.Find(t, "break_glass", id)).Ended() {
			t.Errorf("%s: the glass is still open", what)
		}
		if reach, err := kernel.ReachOf(c.App, anaActor, testkit.Uma); err != nil || reach.OK() {
			t.Error(what, reach, err)
		}
	}
}

func TestFindClients(t *testing.T) {
	c := clinic(t)
	breakGlass(t, c, testkit.AnaEmail, testkit.Uma, 60)
	find := func(email, q string) (out []string) {
		var data struct {
			Clients []struct {
				FirstName, Reach string
				Until            *time.Time
			}
		}
		c.Do(t, "GET", kernel.Desk+"/clients/find?q="+url.QueryEscape(q), c.As(t, email), nil).Data(t, &data)
		for _, x := range data.Clients {
			if out = append(out, x.FirstName+" "+x.Reach); (x.Until != nil) != (x.Reach == "break_glass") {
				t.Errorf("until of %+v", x)
			}
		}
		return out
	}
	for _, x := range []struct {
		email, q string
		want     []string
	}{
		{testkit.AnaEmail, "lov", []string{"Ada care_team", "Cleo none"}},
		{testkit.AnaEmail, "Marsh  Bo", []string{"Bo none"}},
		{testkit.AnaEmail, "1977-07-07", []string{"Uma break_glass"}},
		{testkit.AnaEmail, testkit.BoEmail, []string{"Bo none"}},
		{testkit.AnaEmail, "bo@mail", nil}, // a part of an address would tell the rest
		{testkit.AnaEmail, "%%", nil},
		{testkit.DeskEmail, "uma d", []string{"Uma role"}},
	} {
		if got := find(x.email, x.q); !slices.Equal(got, x.want) {
			t.Errorf("%s looks for %q: %v, want %v", x.email, x.q, got, x.want)
		}
	}
	c.Do(t, "GET", kernel.Desk+"/clients/find?q=a", c.As(t, testkit.DeskEmail), nil).Refused(t, 400, "")
	c.Do(t, "GET", kernel.Desk+"/clients/find?q=ada", c.As(t, testkit.BillingEmail), nil).Refused(t, 403, "ROLE")
	if n := c.Count(t, "portal_audit_log", "action = 'FIND_CLIENTS' AND json_extract(details, '$.count') = 2 AND details NOT LIKE '%lov%'", nil); n != 1 {
		t.Error("lines:", n)
	}
	for range 40 {
		if r := c.Do(t, "GET", kernel.Desk+"/clients/find?q=ada", c.As(t, testkit.DeskEmail), nil); r.Status == 429 {
			return
		}
	}
	t.Error("no limit")
}

// sealedSamples are rows about Ada with a word in each field of the table.
func sealedSamples(t *testing.T, c *testkit.Clinic) map[string]*core.Record {
	t.Helper()
	out := map[string]*core.Record{}
	ada := c.Find(t, "clients", testkit.Ada)
	ada.Load(m{"medical_history": m{"text": "WORD medical_history"}, "allergies": "WORD allergies"})
	if err := c.App.Save(ada); err != nil {
		t.Fatal(err)
	}
	out["clients"] = ada
	v := visit(testkit.Ada, testkit.Ana, "confirmed", 1)
	for _, f := range []string{"reason_for_visit", "patient_notes", "staff_notes", "decline_reason", "message_to_client", "cancellation_reason", "telehealth_link", "guest_name"} {
		v[f] = "WORD " + f
	}
	out["appointments"] = c.Add(t, "appointments", v)
	out["invoices"] = c.Add(t, "invoices", m{"client": testkit.Ada, "status": "draft", "notes": "WORD notes"})
	out["invoice_items"] = c.Add(t, "invoice_items", m{"invoice": out["invoices"].Id, "description": "WORD description", "quantity": 1, "unit_cents": 100})
	return out
}

// TestSealedFieldsByRole asks as every role for every field of the table: shown or not, taken or refused.
func TestSealedFieldsByRole(t *testing.T) {
	c := clinic(t)
	samples := sealedSamples(t, c)
	for role, email := range roles {
		token := c.As(t, email)
		for name, row := range samples {
			path := rows(name) + "/" + row.Id
			got := c.Do(t, "GET", path, token, nil)
			if got.Status != 200 {
				continue // the row itself is not theirs: TestRulesAdmitTheirRoles
			}
			var shown m
			got.Into(t, &shown)
			for _, f := range row.Collection().Fields {
				if f.Type() != "encrypted" {
					continue
				}
				field := f.GetName()
				reads := slices.Contains(collections.SealedReadBy(name, role), field)
				writes := slices.Contains(collections.SealedWrittenBy(name, role), field)
				if _, is := shown[field]; is != reads {
					t.Errorf("%s at %s.%s: shown %v", role, name, field, is)
				}
				if writes {
					continue
				}
				mayChange := c.Do(t, "PATCH", path, token, m{}).Status == 200
				untouched(t, c, func() {
					r := c.Do(t, "PATCH", path, token, m{field: "forged"})
					if said := bytes.Contains(r.Body, []byte("FIELD_READ_ONLY")); said != mayChange || r.Status != 403 && r.Status != 404 {
						t.Errorf("%s forges %s.%s: %d %s", role, name, field, r.Status, r.Body)
					}
				})
				cell := func() (s string) {
					_ = c.App.ConcurrentDB().Select(field).From(name).Where(dbx.HashExp{"id": row.Id}).Row(&s)
					return s
				}
				if was := cell(); reads && mayChange { // what the dashboard sends back is no attempt
					if r := c.Do(t, "PATCH", path, token, m{field: shown[field]}); r.Status != 200 || cell() != was || was == "" {
						t.Errorf("%s sends %s.%s back: %d %s", role, name, field, r.Status, r.Body)
					}
				}
			}
		}
	}
	// written and read back, as JSON and as a form, in which numbers stay as they were typed
	for role, field := range map[string][3]string{kernel.RoleClinician: {"appointments", "reason_for_visit"}, kernel.RoleFrontDesk: {"appointments", "staff_notes"}, kernel.RoleBilling: {"invoices", "notes"}} {
		row, token := samples[field[0]], c.As(t, roles[role])
		path := rows(field[0]) + "/" + row.Id
		var back m
		if r := c.Do(t, "PATCH", path, token, m{field[1]: "by " + role}); r.Status != 200 {
			t.Errorf("%s writes %v: %d %s", role, field, r.Status, r.Body)
		}
		if c.Do(t, "GET", path, token, nil).Into(t, &back); back[field[1]] != "by "+role {
			t.Errorf("%s reads back %v", role, back[field[1]])
		}
		var form bytes.Buffer
		w := multipart.NewWriter(&form)
		_ = w.WriteField(field[1], "12.50")
		_ = w.Close()
		if r := c.Do(t, "PATCH", path, token, form.Bytes(), "Content-Type", w.FormDataContentType()); r.Status != 200 {
			t.Errorf("%s sends a form: %d %s", role, r.Status, r.Body)
		}
		if c.Do(t, "GET", path, token, nil).Into(t, &back); back[field[1]] != "12.50" {
			t.Errorf("%s reads back %v", role, back[field[1]])
		}
	}
	var forged bytes.Buffer
	w := multipart.NewWriter(&forged)
	_ = w.WriteField("medical_history", `"forged"`)
	_ = w.Close()
	untouched(t, c, func() {
		c.Do(t, "PATCH", rows("clients")+"/"+testkit.Ada, c.As(t, testkit.DeskEmail), forged.Bytes(), "Content-Type", w.FormDataContentType()).Refused(t, 403, "FIELD_READ_ONLY")
		c.Do(t, "POST", rows("clients"), c.As(t, testkit.DeskEmail), m{"first_name": "A", "last_name": "B", "date_of_birth": "1990-01-01", "status": "active", "allergies": "x"}).Refused(t, 403, "FIELD_READ_ONLY")
	})
	if r := c.Do(t, "PATCH", rows("clients")+"/"+testkit.Ada, c.As(t, testkit.OwnerEmail), m{"allergies": "by the owner"}); r.Status != 200 || !bytes.Contains(r.Body, []byte("by the owner")) {
		t.Errorf("the owner: %d %s", r.Status, r.Body)
	}
}

// A value that does not open shows so, spoils nothing around it, and stays when a form sends it back.
func TestDamagedValues(t *testing.T) {
	c := clinic(t)
	good := c.Add(t, "appointments", visit(testkit.Ada, testkit.Ana, "confirmed", 1)).Id
	bad := c.Add(t, "appointments", visit(testkit.Ada, testkit.Ana, "confirmed", 2)).Id
	if _, err := c.App.NonconcurrentDB().NewQuery("UPDATE appointments SET reason_for_visit = (SELECT reason_for_visit FROM appointments WHERE id = {:g}) WHERE id = {:b}").
		Bind(dbx.Params{"g": good, "b": bad}).Execute(); err != nil {
		t.Fatal(err)
	}
	stored := func() (s string) {
		_ = c.App.ConcurrentDB().Select("reason_for_visit").From("appointments").Where(dbx.HashExp{"id": bad}).Row(&s)
		return s
	}
	was := stored()
	for _, item := range seen(t, c, testkit.DeskEmail, rows("appointments")) {
		if item["id"] == good && item["reason_for_visit"] != "SECRET-REASON" || item["id"] == bad && fmt.Sprint(item["reason_for_visit"]) != "map[unreadable:damaged]" {
			t.Error(item["id"], item["reason_for_visit"])
		}
	}
	if r := c.Do(t, "PATCH", rows("appointments")+"/"+bad, c.As(t, testkit.DeskEmail), m{"reason_for_visit": m{"unreadable": "damaged"}, "staff_notes": "Note."}); r.Status != 200 || stored() != was {
		t.Errorf("sent back: %d %s, unchanged: %v", r.Status, r.Body, stored() == was)
	}
}

func note(kind, status string) m {
	return m{"client": testkit.Ada, "kind": kind, "status": status, "title": "Session", "body": "SECRET-NOTE"}
}

func TestNotesAreWrittenByTheirAuthor(t *testing.T) {
	c := clinic(t)
	ana := c.As(t, testkit.AnaEmail)
	var made m
	body := note("progress", "draft")
	body["author"], body["signed_at"] = testkit.Admin, testkit.Monday.Add(-time.Hour)
	r := c.Do(t, "POST", rows("treatment_notes"), ana, body)
	if r.Into(t, &made); r.Status != 200 || made["author"] != testkit.AnaStaff || made["clinician"] != testkit.Ana || made["signed_at"] != "" || made["noted_at"] == "" || made["body"] != "SECRET-NOTE" {
		t.Fatalf("%d %s", r.Status, r.Body)
	}
	path := rows("treatment_notes") + "/" + made["id"].(string)
	if r := c.Do(t, "PATCH", path, ana, m{"body": "SECRET-NOTE, longer"}); r.Status != 200 {
		t.Error("a draft is written on:", r.Status, string(r.Body))
	}
	if r := c.Do(t, "PATCH", path, ana, m{"status": "signed"}); r.Status != 200 || c.Find(t, "treatment_notes", made["id"].(string)).GetDateTime("signed_at").IsZero() {
		t.Error("signing:", r.Status, string(r.Body))
	}
	if c.Count(t, "portal_audit_log", "action = 'SIGN_TREATMENT_NOTE' AND client_id = {:c}", dbx.Params{"c": testkit.Ada}) != 1 {
		t.Error("no line of signing")
	}
	untouched(t, c, func() {
		if r := c.Do(t, "PATCH", path, ana, m{"body": "other"}); r.Status != 409 {
			t.Error(r.Status, string(r.Body))
		}
		foreign := note("progress", "draft")
		foreign["client"] = testkit.Bo
		if r := c.Do(t, "POST", rows("treatment_notes"), ana, foreign); r.Status != 404 {
			t.Error("a note about somebody out of reach:", r.Status)
		}
	})
	again := note("progress", "signed")
	again["amends"] = made["id"]
	if r := c.Do(t, "POST", rows("treatment_notes"), ana, again); r.Status != 200 {
		t.Error("amending:", r.Status, string(r.Body))
	}
	// an administrator who treats is a clinician
	if r := c.Do(t, "POST", rows("treatment_notes"), c.As(t, testkit.AdminEmail), note("progress", "draft")); r.Status != 403 {
		t.Error("an administrator who treats nobody:", r.Status)
	}
	c.Add(t, "clinicians", m{"staff": testkit.Admin, "first_name": "Al", "last_name": "Admin", "is_active": true})
	if r := c.Do(t, "POST", rows("treatment_notes"), c.As(t, testkit.AdminEmail), note("progress", "draft")); r.Status != 200 {
		t.Error("an administrator who treats:", r.Status, string(r.Body))
	}
}

func TestWhoReadsNotes(t *testing.T) {
	c := clinic(t)
	c.Add(t, "care_team", m{"client": testkit.Ada, "clinician": testkit.Ben, "role": "member"})
	c.Add(t, "staff", m{"id": "staffzoe0000000", "email": "zoe@clinic.example", "password": testkit.Password, "verified": true, "first_name": "Zoe", "last_name": "New", "role": "clinician", "is_active": true})
	ids := map[string]string{}
	for key, n := range map[string]m{"draft": note("progress", "draft"), "signed": note("progress", "signed"), "psychotherapy": note("psychotherapy", "signed")} {
		n["author"], n["clinician"] = testkit.AnaStaff, testkit.Ana
		ids[key] = c.Add(t, "treatment_notes", n).Id
	}
	breakGlass(t, c, "zoe@clinic.example", testkit.Ada, 60)
	for email, may := range map[string][]string{testkit.AnaEmail: {"draft", "signed", "psychotherapy"}, benEmail: {"signed"}, "zoe@clinic.example": {"signed"},
		testkit.AdminEmail: nil, testkit.DeskEmail: nil, testkit.BillingEmail: nil, testkit.AdaEmail: nil, testkit.OwnerEmail: {"draft", "signed", "psychotherapy"}} {
		if got := len(seen(t, c, email, rows("treatment_notes"))); got != len(may) {
			t.Errorf("%s is listed %d notes, want %v", email, got, may)
		}
		for key, id := range ids {
			r := c.Do(t, "GET", rows("treatment_notes")+"/"+id, c.As(t, email), nil)
			if yes := r.Status == 200 && bytes.Contains(r.Body, []byte("SECRET-NOTE")); yes != slices.Contains(may, key) {
				t.Errorf("%s at the %s note: %d %s", email, key, r.Status, r.Body)
			}
		}
	}
	// whoever leaves the role leaves their notes
	ana := c.Find(t, "staff", testkit.AnaStaff)
	ana.Set("role", "front_desk")
	if err := c.App.Save(ana); err != nil {
		t.Fatal(err)
	}
	c.Fresh(t, testkit.AnaEmail)
	if got := len(seen(t, c, testkit.AnaEmail, rows("treatment_notes"))); got != 0 {
		t.Errorf("a former clinician reads %d notes", got)
	}
}
