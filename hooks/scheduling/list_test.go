package scheduling_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pocketbase/dbx"

	"anteroom/hooks/forms"
	"anteroom/hooks/kernel"
	"anteroom/hooks/phi"
	"anteroom/hooks/scheduling"
	"anteroom/hooks/testkit"
)

type listAnswer struct {
	Data struct {
		Appointments []scheduling.Appointment `json:"appointments"`
		Pagination   kernel.Pagination        `json:"pagination"`
	} `json:"data"`
	Meta kernel.Meta `json:"meta"`
}

func list(t testing.TB, c *testkit.Clinic, query string, headers ...string) listAnswer {
	t.Helper()
	got := c.Do(t, http.MethodGet, visits+query, c.As(t, testkit.AdaEmail), nil, headers...)
	if got.Status != http.StatusOK {
		t.Fatalf("%s: %d %s", query, got.Status, got.Body)
	}
	var out listAnswer
	got.Into(t, &out)
	return out
}

func starts(l listAnswer) []string {
	out := []string{}
	for _, a := range l.Data.Appointments {
		out = append(out, a.StartTime[:16]+" "+a.Status)
	}
	return out
}

// a life of visits around Monday, December 7, 16:00 UTC
func visitsOfAdasLife(t testing.TB, c *testkit.Clinic) {
	t.Helper()
	for status, start := range map[string]string{"completed": "2026-11-02T17:00:00Z", "no_show": "2026-11-09T17:00:00Z", "cancelled": "2026-11-16T17:00:00Z",
		"declined": "2026-12-17T17:00:00Z", "scheduled": "2026-12-07T15:30:00Z", "confirmed": "2026-12-22T17:00:00Z"} {
		book(t, c, map[string]any{"status": status, "start_time": at(start)})
	}
	book(t, c, map[string]any{"status": "confirmed", "start_time": at("2026-12-04T17:00:00Z")}) // nobody wrote what came of it
	book(t, c, map[string]any{"client": testkit.Bo, "clinician": testkit.Ben, "start_time": at("2026-12-23T17:00:00Z")})
	ask(t, c, nil)
}

func TestListsOfOneLife(t *testing.T) {
	c := newClinic(t)
	visitsOfAdasLife(t, c)
	for query, want := range map[string][]string{
		"?status=upcoming":  {"2026-12-07T15:30 scheduled", "2026-12-21T17:00 requested", "2026-12-22T17:00 confirmed"}, // the first is going on
		"?status=past":      {"2026-12-04T17:00 confirmed", "2026-11-09T17:00 no_show", "2026-11-02T17:00 completed"},
		"?status=cancelled": {"2026-12-17T17:00 declined", "2026-11-16T17:00 cancelled"},
		"": {"2026-12-22T17:00 confirmed", "2026-12-21T17:00 requested", "2026-12-17T17:00 declined", "2026-12-07T15:30 scheduled",
			"2026-12-04T17:00 confirmed", "2026-11-16T17:00 cancelled", "2026-11-09T17:00 no_show", "2026-11-02T17:00 completed"},
		"?startDate=2026-12-07&endDate=2026-12-21":                                      {"2026-12-21T17:00 requested", "2026-12-17T17:00 declined", "2026-12-07T15:30 scheduled"},
		"?from=2026-12-07&to=2026-12-21":                                                {"2026-12-21T17:00 requested", "2026-12-17T17:00 declined", "2026-12-07T15:30 scheduled"},
		"?status=upcoming&startDate=2026-12-22":                                         {"2026-12-22T17:00 confirmed"},
		"?from=2026-12-21T17:00:00Z&to=" + url.QueryEscape("2026-12-22T10:00:00-07:00"): {"2026-12-22T17:00 confirmed", "2026-12-21T17:00 requested"},
		"?from=2026-12-21T17:00:01Z&to=2026-12-22T16:59:59Z":                            {},
		"?status=past&page=2&limit=2":                                                   {"2026-11-02T17:00 completed"},
		"?status=past&offset=1&limit=1":                                                 {"2026-11-09T17:00 no_show"},
		"?status=past&page=9&limit=2":                                                   {},
		"?status=upcoming&limit=1&page=2":                                               {"2026-12-21T17:00 requested"},
	} {
		if got := starts(list(t, c, query)); !slices.Equal(got, want) {
			t.Errorf("%q gives %v, want %v", query, got, want)
		}
	}
}

func TestListLeavesALine(t *testing.T) {
	c := newClinic(t)
	visitsOfAdasLife(t, c)
	list(t, c, "?limit=5")
	if n := c.Count(t, "portal_audit_log", `action = 'LIST_APPOINTMENTS' AND actor_id = {:u} AND client_id = {:c} AND details = '{"count":5}'`,
		dbx.Params{"u": testkit.AdaLogin, "c": testkit.Ada}); n != 1 {
		t.Errorf("%d lines, want 1", n)
	}
}

func TestTotalsAreTrueOnEveryPage(t *testing.T) {
	c := newClinic(t)
	visitsOfAdasLife(t, c)
	for query, want := range map[string]int{"": 8, "?status=upcoming": 3, "?status=past": 3, "?status=cancelled": 2, "?startDate=2026-12-07&endDate=2026-12-21": 3,
		"?status=upcoming&startDate=2026-12-22": 1, "?status=past&endDate=2026-11-05": 1, "?status=cancelled&startDate=2026-12-01": 1} {
		sep := "?"
		if query != "" {
			sep = "&"
		}
		for _, page := range []string{"limit=1", "limit=1&page=2", "limit=2&page=50", "limit=100", "limit=3", "offset=1&limit=2"} {
			got := list(t, c, query+sep+page)
			if got.Data.Pagination.Total != want || got.Meta.Total != want {
				t.Errorf("%s%s%s: total %d and %d, want %d", query, sep, page, got.Data.Pagination.Total, got.Meta.Total, want)
			}
		}
	}
	got := list(t, c, "?limit=3&page=2")
	if got.Data.Pagination != (kernel.Pagination{Page: 2, Limit: 3, Total: 8, TotalPages: 3}) || got.Meta != (kernel.Meta{Limit: 3, Offset: 3, Total: 8}) {
		t.Errorf("%+v %+v", got.Data.Pagination, got.Meta)
	}
}

func TestListRefusesWhatItDoesNotKnow(t *testing.T) {
	c := newClinic(t)
	ada := c.As(t, testkit.AdaEmail)
	for query, field := range map[string]string{"?status=tomorrow": "status", "?startDate=12/01/2026": "startDate", "?to=2026-02-30": "to", "?limit=0": "limit",
		"?limit=101": "limit", "?page=0": "page", "?page=x": "page", "?offset=-1": "offset"} {
		got := c.Do(t, http.MethodGet, visits+query, ada, nil).Refused(t, http.StatusBadRequest, "VALIDATION_ERROR")
		if got.Details.Fields[field].Message == "" {
			t.Errorf("%s: fields are %v", query, got.Details.Fields)
		}
	}
}

func TestListIsLimited(t *testing.T) {
	c := testkit.New(t)
	ada := c.As(t, testkit.AdaEmail)
	for range 30 {
		if got := c.Do(t, http.MethodGet, visits, ada, nil); got.Status != http.StatusOK {
			t.Fatalf("%d %s", got.Status, got.Body)
		}
	}
	c.Do(t, http.MethodGet, visits, ada, nil).Refused(t, http.StatusTooManyRequests, "RATE_LIMITED")
	if got := c.Do(t, http.MethodGet, visits, c.As(t, testkit.BoEmail), nil); got.Status != http.StatusOK {
		t.Errorf("another login is limited too: %d", got.Status)
	}
}

func TestOneAppointmentInFull(t *testing.T) {
	c := newClinic(t)
	a := book(t, c, map[string]any{"service_location": "telehealth", "telehealth_link": "https://video.example/ada", "staff_notes": "difficult",
		"reason_for_visit": "sleep", "patient_notes": "Mornings are best.", "message_to_client": "for later"})
	templates, err := forms.ImportBuiltIn(c.App)
	if err != nil {
		t.Fatal(err)
	}
	form := func(values map[string]any) string {
		all := map[string]any{"client": testkit.Ada, "template": templates["phq-9"], "appointment": a.Id, "status": "pending", "assigned_at": testkit.Monday}
		for k, v := range values {
			all[k] = v
		}
		return c.Add(t, "portal_forms", all).Id
	}
	due := form(nil)
	form(map[string]any{"appointment": ""})

	see := func() scheduling.Appointment {
		t.Helper()
		var item scheduling.Appointment
		got := c.Do(t, http.MethodGet, visits+"/"+a.Id, c.As(t, testkit.AdaEmail), nil)
		got.Data(t, &item)
		for _, secret := range []string{"difficult", "sleep", "for later"} {
			if strings.Contains(string(got.Body), secret) {
				t.Errorf("the client reads %q", secret)
			}
		}
		return item
	}
	got := see()
	want := scheduling.Appointment{ID: a.Id, AppointmentDate: "2026-12-21", StartTime: "2026-12-21T17:00:00Z", EndTime: "2026-12-21T17:50:00Z", Duration: 50,
		AppointmentType: "Individual therapy", ServiceLocation: "TELEHEALTH",
		Clinician: scheduling.Clinician{ID: testkit.Ana, FirstName: "Ana", LastName: "Reyes", Title: "Dr."}, Status: "confirmed", Notes: "Mornings are best.",
		CancellationDeadline: "2026-12-20T17:00:00Z", CancellationDeadlineDisplay: "Sunday, December 20 at 10:00 am", TimeZone: testkit.Zone, LocalStart: "10:00", LocalEnd: "10:50",
		Display: "Monday, December 21, 10:00 to 10:50 am", ServiceID: testkit.Therapy, ClientID: testkit.Ada, FormsDue: []string{due}, CanCancel: true, UpdatedAt: got.UpdatedAt}
	if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if _, err := time.Parse(time.RFC3339, got.UpdatedAt); err != nil {
		t.Error(err)
	}
	if n := audited(t, c, "VIEW_APPOINTMENT", a.Id); n != 1 {
		t.Errorf("%d audit lines, want 1", n)
	}

	for name, x := range map[string]struct {
		before time.Duration
		shown  bool
	}{"16 minutes before": {16 * time.Minute, false}, "15 minutes before": {15 * time.Minute, true}, "at the last minute": {-49 * time.Minute, true}, "when it is over": {-50 * time.Minute, false}} {
		kernel.SetNow(c.App, at("2026-12-21T17:00:00Z").Add(-x.before))
		v := visibleLink(t, c, a.Id)
		if (v == "https://video.example/ada") != x.shown {
			t.Errorf("%s the link is %q", name, v)
		}
	}
}

// visibleLink reads the item as a page would hear it, because a session does not live for two weeks.
func visibleLink(t testing.TB, c *testkit.Clinic, id string) string {
	t.Helper()
	item, err := scheduling.HeardItem(c.App, c.Find(t, "appointments", id))
	if err != nil {
		t.Fatal(err)
	}
	return item.(scheduling.Appointment).TelehealthLink
}

func TestDisplayFollowsTheReader(t *testing.T) {
	c := newClinic(t)
	book(t, c, nil)
	if got := list(t, c, "", "Accept-Language", "es-MX,es;q=0.9").Data.Appointments[0].Display; got != "lunes 21 de diciembre, 10:00 a 10:50 a. m." {
		t.Errorf("in Spanish: %q", got)
	}
	change(t, c, c.Find(t, "clients", testkit.Ada), map[string]any{"language": "es"})
	item, err := scheduling.HeardItem(c.App, c.Find(t, "appointments", list(t, c, "").Data.Appointments[0].ID))
	if err != nil || item.(scheduling.Appointment).Display != "lunes 21 de diciembre, 10:00 a 10:50 a. m." {
		t.Errorf("heard: %+v %v", item, err)
	}
}

func TestNobodySeesAnotherClientsVisits(t *testing.T) {
	c := newClinic(t)
	bos := book(t, c, map[string]any{"client": testkit.Bo, "clinician": testkit.Ben, "patient_notes": "Bo's own words"}).Id
	cleos := book(t, c, map[string]any{"client": testkit.Cleo, "clinician": testkit.Ben, "start_time": at("2026-12-21T20:00:00Z")}).Id
	ada := c.As(t, testkit.AdaEmail)
	if n := len(list(t, c, "").Data.Appointments); n != 0 {
		t.Errorf("Ada sees %d visits, want none", n)
	}
	for _, path := range []string{"/" + bos, "/" + bos + "/ics", "/" + cleos, "/nothingnothing0"} {
		c.Do(t, http.MethodGet, visits+path, ada, nil).Refused(t, http.StatusNotFound, "NOT_FOUND")
		c.Do(t, http.MethodGet, visits+path, ada, nil, "X-Client-Id", testkit.Bo).Refused(t, http.StatusNotFound, "NOT_FOUND")
	}
	if got := c.Do(t, http.MethodGet, visits+"/"+cleos, ada, nil, "X-Client-Id", testkit.Cleo); got.Status != http.StatusOK {
		t.Errorf("for the child: %d %s", got.Status, got.Body)
	}
	if got := list(t, c, "", "X-Client-Id", testkit.Cleo); len(got.Data.Appointments) != 1 || got.Data.Appointments[0].ID != cleos {
		t.Errorf("the child's list is %v", got.Data.Appointments)
	}
}

// A cell that does not open takes itself away and nothing else.
func TestDamagedCellLeavesTheListWhole(t *testing.T) {
	c := newClinic(t)
	a := book(t, c, map[string]any{"patient_notes": "Mornings are best."})
	b := book(t, c, map[string]any{"start_time": at("2026-12-22T17:00:00Z"), "patient_notes": "Call before."})
	_, err := c.App.DB().NewQuery("UPDATE appointments SET patient_notes = (SELECT patient_notes FROM appointments WHERE id = {:b}) WHERE id = {:a}").
		Bind(dbx.Params{"a": a.Id, "b": b.Id}).Execute()
	if err != nil {
		t.Fatal(err)
	}
	got := list(t, c, "?status=upcoming").Data.Appointments
	if len(got) != 2 || got[0].Notes != "" || got[1].Notes != "Call before." {
		t.Errorf("%+v", got)
	}
}

// A cell opened from the row says what the record would say.
func TestCellAgreesWithTheRecord(t *testing.T) {
	c := newClinic(t)
	r := book(t, c, map[string]any{"patient_notes": "Mornings are best."})
	var cell string
	if err := c.App.DB().NewQuery("SELECT patient_notes FROM appointments WHERE id = {:id}").Bind(dbx.Params{"id": r.Id}).Row(&cell); err != nil {
		t.Fatal(err)
	}
	field := r.Collection().Fields.GetByName("patient_notes").GetId()
	if got, err := phi.OpenCell(r.Collection().Id, r.Id, field, testkit.Ada, cell); err != nil || got != "Mornings are best." {
		t.Errorf("%q %v", got, err)
	}
	for name, open := range map[string]func() (string, error){
		"another record": func() (string, error) { return phi.OpenCell(r.Collection().Id, "x", field, testkit.Ada, cell) },
		"another field":  func() (string, error) { return phi.OpenCell(r.Collection().Id, r.Id, "x", testkit.Ada, cell) },
		"another client": func() (string, error) { return phi.OpenCell(r.Collection().Id, r.Id, field, testkit.Bo, cell) },
		"not sealed":     func() (string, error) { return phi.OpenCell(r.Collection().Id, r.Id, field, testkit.Ada, "plain") },
	} {
		if got, err := open(); err == nil || got != "" {
			t.Errorf("%s opens: %q", name, got)
		}
	}
}

// No query of this package reads a table from end to end, however large it is: neither before the planner knows
// anything nor when it has counted. json_each is a list in one row, and has no index.
func TestPlansSeek(t *testing.T) {
	c := testkit.New(t)
	t.Run("empty", func(t *testing.T) { plansSeek(t, c) })

	fill(t, c)
	t.Run("with statistics", func(t *testing.T) { plansSeek(t, c) })
}

// fill writes 200 clients with 50 visits each, past the rules, and lets the planner count them.
func fill(t testing.TB, c *testkit.Clinic) {
	t.Helper()
	for _, statement := range []string{
		`INSERT INTO clients (id, first_name, last_name, date_of_birth) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200)
			SELECT 'many' || i, 'Many', 'Many', '1990-01-01' FROM n`,
		`INSERT INTO appointments (id, client, clinician, service, location, start_time, end_time, hold_start, hold_end, submitted_at, status, local_date)
			WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
			SELECT 'visit' || i, 'many' || (i % 200), '` + testkit.Ana + `', '` + testkit.Therapy + `', '` + testkit.Location + `',
				t, strftime('%Y-%m-%d %H:%M:%fZ', t, '+50 minutes'), t, strftime('%Y-%m-%d %H:%M:%fZ', t, '+60 minutes'), t,
				CASE WHEN i % 50 = 0 THEN 'requested' ELSE 'completed' END, substr(t, 1, 10)
			FROM (SELECT i, strftime('%Y-%m-%d %H:%M:%fZ', '2020-01-01', '+' || (i * 5) || ' hours') AS t FROM n)`,
		`ANALYZE`,
	} {
		if _, err := c.App.NonconcurrentDB().NewQuery(statement).Execute(); err != nil {
			t.Fatal(err)
		}
	}
}

var placeholder = regexp.MustCompile(`\{:\w+\}`)

func plansSeek(t *testing.T, c *testkit.Clinic) {
	all := map[string][]string{}
	for name, q := range scheduling.Queries() {
		all[name] = plan(t, c, q)
	}
	for name, q := range scheduling.Named() {
		// dbx's own placeholders, as it would send them
		q = placeholder.ReplaceAllString(q, "''")
		all[name] = plan(t, c, strings.NewReplacer("[[", "`", "]]", "`").Replace(q))
	}
	for name, steps := range all {
		for _, step := range steps {
			if strings.Contains(step, "SCAN") && !strings.Contains(step, "VIRTUAL TABLE") && step != "SCAN CONSTANT ROW" {
				t.Errorf("%s: %s", name, strings.Join(steps, "; "))
			}
		}
	}
	if !strings.Contains(all["coming"][0], "idx_appointments_start (start_time>? AND start_time<?)") {
		t.Errorf("reminders do not look at their window alone: %v", all["coming"])
	}
	for _, name := range []string{"total ", "total upcoming", "total past", "total cancelled"} {
		if !strings.Contains(all[name][0], "USING COVERING INDEX idx_appointments_client") {
			t.Errorf("%s does not count from the index: %v", name, all[name])
		}
	}
	for _, name := range []string{"list ", "list upcoming", "list past", "list cancelled", "total ", "total upcoming", "total past", "requests", "day", "free clinician"} {
		t.Logf("%s: %s", name, strings.Join(all[name], "; "))
	}
}

func plan(t *testing.T, c *testkit.Clinic, query string) (steps []string) {
	t.Helper()
	rows, err := c.App.ConcurrentDB().(*dbx.DB).DB().Query("EXPLAIN QUERY PLAN "+query, "", "", "", "", "", "", 20, 0)
	if err != nil {
		t.Fatalf("%v in %s", err, query)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		steps = append(steps, detail)
	}
	if rows.Err() != nil || len(steps) == 0 {
		t.Fatal("no plan", rows.Err())
	}
	return steps
}

// BenchmarkOwnList is the hot path: a page of 20 of a client's 40 visits, through the router, with session, limit,
// audit line and decryption.
func BenchmarkOwnList(b *testing.B) {
	c := newClinic(b)
	for i := range 40 {
		book(b, c, map[string]any{"status": "completed", "start_time": testkit.Monday.AddDate(0, 0, -7*(i+1)), "patient_notes": "Mornings are best, please call before."})
	}
	ada := c.As(b, testkit.AdaEmail)
	if got := c.Do(b, http.MethodGet, visits, ada, nil); !strings.Contains(string(got.Body), `"total":40`) {
		b.Fatalf("%s", got.Body)
	}
	b.ReportAllocs()
	for b.Loop() {
		request := newRequest(visits, ada)
		if w := serve(c, request); w.Code != http.StatusOK {
			b.Fatalf("%d %s", w.Code, w.Body)
		}
	}
}

// BenchmarkListWithStatistics shows what the planner's statistics cost: PocketBase lets SQLite collect them every day.
func BenchmarkListWithStatistics(b *testing.B) {
	c := newClinic(b)
	for i := range 40 {
		book(b, c, map[string]any{"status": "completed", "start_time": testkit.Monday.AddDate(0, 0, -7*(i+1)), "patient_notes": "Mornings are best, please call before."})
	}
	fill(b, c)
	b.ReportAllocs()
	for b.Loop() {
		items, total, err := scheduling.ListOf(c.App, testkit.Ada)
		if err != nil || total != 40 || len(items) != 20 {
			b.Fatal(err, total, len(items))
		}
	}
}

// BenchmarkList is the same without router, session and audit: the queries and the items.
func BenchmarkList(b *testing.B) {
	c := newClinic(b)
	for i := range 40 {
		book(b, c, map[string]any{"status": "completed", "start_time": testkit.Monday.AddDate(0, 0, -7*(i+1)), "patient_notes": "Mornings are best, please call before."})
	}
	b.ReportAllocs()
	for b.Loop() {
		items, total, err := scheduling.ListOf(c.App, testkit.Ada)
		if err != nil || total != 40 || len(items) != 20 {
			b.Fatal(err, total, len(items))
		}
	}
}
