package desk_test

import (
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/kernel"
	"anteroom/hooks/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

const secret = "CONFIDENTIAL-KNEE"

// visit is an appointment whose reason nobody but its client and the desk's own routes may show.
func visit(t testing.TB, c *testkit.Clinic) *core.Record {
	t.Helper()
	return c.Add(t, "appointments", map[string]any{"client": testkit.Ada, "clinician": testkit.Ana, "service": testkit.Therapy, "location": testkit.Location,
		"start_time": testkit.Monday.AddDate(0, 0, 1), "status": "confirmed", "service_location": "in_office", "reason_for_visit": secret})
}

var staff = map[string]string{"front_desk": testkit.DeskEmail, "clinician": testkit.AnaEmail, "admin": testkit.AdminEmail, "billing": testkit.BillingEmail}

// ---- what the dashboard asks for when it starts

type collection struct {
	Name       string           `json:"name"`
	Fields     []map[string]any `json:"fields"`
	ListRule   *string          `json:"listRule"`
	CreateRule *string          `json:"createRule"`
	UpdateRule *string          `json:"updateRule"`
	DeleteRule *string          `json:"deleteRule"`
}

func collectionsOf(t testing.TB, c *testkit.Clinic, email string) map[string]collection {
	t.Helper()
	r := c.Do(t, "GET", "/api/collections?page=1&perPage=1000", c.As(t, email), nil)
	if r.Status != http.StatusOK {
		t.Fatalf("collections: %d %s", r.Status, r.Body)
	}
	var list struct {
		PerPage int          `json:"perPage"`
		Items   []collection `json:"items"`
	}
	r.Into(t, &list)
	if list.PerPage <= len(list.Items) {
		t.Errorf("a page of %d that holds %d: the SDK would ask for another one for ever", list.PerPage, len(list.Items))
	}
	out := map[string]collection{}
	for _, item := range list.Items {
		out[item.Name] = item
	}
	return out
}

func TestStaffSeeTheCollectionsOfTheirRole(t *testing.T) {
	c := testkit.New(t)
	for role, want := range map[string]struct{ shown, hidden, create []string }{
		"front_desk": {[]string{"appointments", "clients", "invoices", "portal_forms"}, []string{"form_submissions", "stripe_events", "treatment_notes", "break_glass"}, []string{"appointments", "clients", "invoices"}},
		"clinician":  {[]string{"appointments", "clients", "form_submissions", "treatment_notes", "break_glass"}, []string{"invoices", "payments", "stripe_events", "portal_users"}, []string{"appointments", "clients", "treatment_notes"}},
		"admin":      {[]string{"appointments", "clients", "form_submissions", "break_glass", "invoices", "stripe_events"}, nil, []string{"services", "locations"}},
		"billing":    {[]string{"clients", "invoices", "payments"}, []string{"form_submissions", "client_access", "care_team", "treatment_notes", "break_glass", "uploads"}, []string{"invoices"}},
	} {
		got := collectionsOf(t, c, staff[role])
		for _, name := range want.shown {
			if _, shown := got[name]; !shown {
				t.Errorf("%s is not shown %s", role, name)
			}
		}
		for _, name := range append(want.hidden, "portal_sessions", "account_tokens", "outbox", "idempotency_keys", "_superusers", "_externalAuths", "_mfas", "_otps", "_authOrigins") {
			if _, shown := got[name]; shown {
				t.Errorf("%s is shown %s", role, name)
			}
		}
		for _, name := range want.create {
			if got[name].CreateRule == nil {
				t.Errorf("%s is not offered to create %s", role, name)
			}
		}
		if role != "admin" && got["services"].CreateRule != nil {
			t.Errorf("%s is offered to create services", role)
		}
		for name, item := range got {
			checkShape(t, role, name, item)
		}
	}
}

// checkShape: nothing hidden, of the encrypted fields those that the role reads, and of the rules only yes or no.
func checkShape(t *testing.T, role, name string, item collection) {
	t.Helper()
	var shown []string
	for _, f := range item.Fields {
		if f["type"] == "encrypted" {
			shown = append(shown, f["name"].(string))
			if locked := f["readOnly"] == true; locked == slices.Contains(collections.SealedWrittenBy(name, role), f["name"].(string)) || f["kind"] == nil || f["max"] == nil {
				t.Errorf("%s is told of %s.%s as %v", role, name, f["name"], f)
			}
		}
		if f["hidden"] == true || slices.Contains([]any{"password", "tokenKey"}, f["name"]) {
			t.Errorf("%s is told of the field %s.%s", role, name, f["name"])
		}
	}
	if slices.Sort(shown); !slices.Equal(shown, collections.SealedReadBy(name, role)) {
		t.Errorf("%s is told of the encrypted fields %v of %s", role, shown, name)
	}
	for _, rule := range []*string{item.ListRule, item.CreateRule, item.UpdateRule} {
		if rule != nil && *rule != "" {
			t.Errorf("%s is told the rule %q of %s", role, *rule, name)
		}
	}
	if item.DeleteRule != nil {
		t.Errorf("%s is offered to delete %s", role, name)
	}
}

func TestStaffGetOnlyTheHarmlessSettings(t *testing.T) {
	c := testkit.New(t)
	r := c.Do(t, "GET", "/api/settings", c.As(t, testkit.AdminEmail), nil)
	if got := strings.TrimSpace(string(r.Body)); got != `{"meta":{"appName":"Test Clinic","hideControls":false}}` {
		t.Error("settings: ", got)
	}
	for path, want := range map[string]string{"/api/collections/meta/scaffolds": "{}", "/api/collections/meta/oauth2-providers": "[]"} {
		if r := c.Do(t, "GET", path, c.As(t, testkit.DeskEmail), nil); r.Status != http.StatusOK || strings.TrimSpace(string(r.Body)) != want {
			t.Errorf("%s: %d %s", path, r.Status, r.Body)
		}
	}
	for _, path := range []string{"/api/settings", "/api/collections", "/api/collections/meta/scaffolds", "/api/collections/meta/oauth2-providers"} {
		if r := c.Do(t, "GET", path, c.As(t, testkit.AdaEmail), nil); r.Status != http.StatusForbidden {
			t.Errorf("a client gets %s: %d", path, r.Status)
		}
		if r := c.Do(t, "GET", path, "", nil); r.Status != http.StatusUnauthorized {
			t.Errorf("a guest gets %s: %d", path, r.Status)
		}
		if r := c.Do(t, "HEAD", path, c.As(t, testkit.DeskEmail), nil); r.Status != http.StatusForbidden {
			t.Errorf("HEAD %s: %d", path, r.Status)
		}
	}
	var owner map[string]any
	c.Do(t, "GET", "/api/settings", c.As(t, testkit.OwnerEmail), nil).Into(t, &owner)
	if owner["smtp"] == nil {
		t.Error("the owner does not get the settings")
	}
}

// ---- what stays closed

func TestOwnersEndpointsStayClosedForStaff(t *testing.T) {
	c := testkit.New(t)
	before := c.Snapshot(t)
	for _, probe := range [][3]string{
		{"PATCH", "/api/settings", `{"meta":{"appName":"taken over"}}`}, {"POST", "/api/settings/test/s3", `{}`}, {"POST", "/api/settings/test/email", `{}`},
		{"GET", "/api/logs"}, {"GET", "/api/logs/stats"}, {"GET", "/api/crons"}, {"POST", "/api/crons/anteroom_forget_idempotency_keys"},
		{"GET", "/api/backups"}, {"POST", "/api/backups", `{}`}, {"GET", "/api/collections/appointments"},
		{"POST", "/api/collections", `{"name":"mine","type":"base"}`}, {"PATCH", "/api/collections/appointments", `{"listRule":""}`},
		{"DELETE", "/api/collections/appointments"}, {"PUT", "/api/collections/import", `{"collections":[]}`},
		{"GET", "/api/collections/_superusers/records"}, {"POST", "/api/collections/_superusers/records", `{"email":"x@x.example","password":"Long-Enough-42","passwordConfirm":"Long-Enough-42"}`},
		{"GET", "/api/collections/portal_sessions/records"}, {"GET", "/api/collections/account_tokens/records"}, {"GET", "/api/collections/outbox/records"},
		{"GET", "/api/collections/idempotency_keys/records"}, {"GET", "/api/collections/form_pdfs/records"},
	} {
		for role, email := range staff {
			if r := c.Do(t, probe[0], probe[1], c.As(t, email), body(probe[2])); r.Status != http.StatusForbidden {
				t.Errorf("%s, %s %s: %d %s", role, probe[0], probe[1], r.Status, r.Body)
			}
		}
	}
	if after := c.Snapshot(t); after != before {
		t.Error("a refused request touched something")
	}
}

func body(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// TestWaysAroundAreClosedForEverybody, owners included, in every mode and spelling.
func TestWaysAroundAreClosedForEverybody(t *testing.T) {
	for _, mode := range []kernel.Mode{kernel.Production, kernel.Demo, kernel.Dev} {
		c := testkit.With(t, func(cfg *kernel.Config) { cfg.Mode = mode })
		visit(t, c)
		s := c.App.Settings()
		s.Batch.Enabled = true // whatever the settings say
		if err := c.App.Save(s); err != nil {
			t.Fatal(err)
		}
		everybody := []string{c.As(t, testkit.OwnerEmail), c.As(t, testkit.AdminEmail), c.As(t, testkit.AdaEmail), ""} // signing in leaves rows
		before := c.Snapshot(t)
		for _, probe := range [][3]string{
			{"POST", "/api/sql", `{"query":"DELETE FROM appointments"}`},
			{"POST", "/api/collections/meta/dry-run-view", `{"query":"SELECT id, email FROM clients"}`},
			{"DELETE", "/api/collections/appointments/truncate"}, {"DELETE", "/api/collections/clients/truncate"},
			{"POST", "/api/collections/portal_users/impersonate/" + testkit.AdaLogin, `{}`},
			{"POST", "/api/collections/staff/impersonate/" + testkit.Admin, `{}`},
			{"POST", "/api/batch", `{"requests":[{"method":"POST","url":"/api/collections/clients/records","body":{"first_name":"x"}}]}`},
		} {
			for i, token := range everybody {
				if r := c.Do(t, probe[0], probe[1], token, body(probe[2])); r.Status != http.StatusForbidden {
					t.Errorf("%s, caller %d: %s %s: %d %s", mode, i, probe[0], probe[1], r.Status, r.Body)
				}
			}
		}
		for _, path := range []string{"//api/sql", "/api//sql", "/api/sql/", "/api/./sql", "/api/logs/../sql", "/API/SQL"} {
			if r := c.Do(t, "POST", path, everybody[0], `{"query":"DELETE FROM appointments"}`); r.Status < 300 {
				t.Errorf("%s: %d", path, r.Status)
			}
		}
		if after := c.Snapshot(t); after != before {
			t.Errorf("%s: a refused request touched something", mode)
		}
	}
}

func TestSchemaIsFixedOutsideDevelopment(t *testing.T) {
	for mode, allowed := range map[kernel.Mode]bool{kernel.Production: false, kernel.Demo: false, kernel.Dev: true} {
		c := testkit.With(t, func(cfg *kernel.Config) { cfg.Mode = mode })
		owner := c.As(t, testkit.OwnerEmail)
		before := c.Snapshot(t)
		for _, probe := range [][3]string{
			{"POST", "/api/collections", `{"name":"tries","type":"base","fields":[{"name":"a","type":"text"}]}`},
			{"PATCH", "/api/collections/services", `{"listRule":null}`},
			{"PUT", "/api/collections/import", `{"deleteMissing":false,"collections":[{"name":"tries2","type":"base","fields":[{"name":"a","type":"text"}]}]}`},
			{"DELETE", "/api/collections/staff_notifications"},
		} {
			r := c.Do(t, probe[0], probe[1], owner, body(probe[2]))
			if allowed && r.Status >= 300 {
				t.Errorf("%s, %s %s: %d %s", mode, probe[0], probe[1], r.Status, r.Body)
			}
			if !allowed {
				r.Refused(t, http.StatusForbidden, "SCHEMA_FIXED")
			}
		}
		if after := c.Snapshot(t); !allowed && after != before {
			t.Errorf("%s: a refused request touched something", mode)
		}
	}
}

// ---- reading around the rules: every trick answers nothing that is hidden

func TestRecordAPIShowsStaffNothingHidden(t *testing.T) {
	c := testkit.New(t)
	id := visit(t, c).Id
	template := c.Add(t, "form_templates", map[string]any{"slug": "probe", "title": "Probe", "form_type": "intake", "version": "1", "language": "en",
		"questionnaire": `{"resourceType":"Questionnaire","status":"active","title":"Probe","item":[{"linkId":"1","type":"string","text":"?"}]}`, "is_active": true})
	form := c.Add(t, "portal_forms", map[string]any{"client": testkit.Ada, "template": template.Id, "status": "pending", "assigned_at": testkit.Monday,
		"draft": `{"1":"CONFIDENTIAL-DRAFT"}`})
	list := "/api/collections/appointments/records?perPage=5&"
	if r := c.Do(t, "GET", list, c.As(t, testkit.OwnerEmail), nil); !strings.Contains(string(r.Body), secret) {
		t.Fatalf("the owner does not see it either, so this test proves nothing: %s", r.Body)
	}
	for role, email := range staff {
		token := c.As(t, email)
		words := []string{"tokenKey", `"draft"`, "CONFIDENTIAL-DRAFT", "match_key", "mfa_phone", "last_login_ip"}
		if role == "billing" {
			words = append(words, secret, "reason_for_visit")
		}
		if role == "billing" || role == "front_desk" {
			words = append(words, "medical_history", "responses")
		}
		for _, path := range []string{
			list, "/api/collections/appointments/records/" + id, list + "fields=*", list + "fields=id,reason_for_visit,patient_notes,staff_notes",
			list + "expand=client", list + "expand=client.portal_forms_via_client", list + "expand=client.portal%5Fforms%5Fvia%5Fclient",
			list + "expand=portal_forms_via_appointment", "/api/collections/clients/records?expand=portal_forms_via_client,form_submissions_via_client,appointments_via_client",
			"/api/collections/portal_forms/records/" + form.Id, "/api/collections/portal_users/records?fields=*", "/api/collections/staff/records?fields=*",
			list + "filter=" + url.QueryEscape("client.id = '"+testkit.Ada+"'"),
		} {
			r := c.Do(t, "GET", path, token, nil)
			for _, word := range words {
				if strings.Contains(string(r.Body), word) {
					t.Errorf("%s, %s shows %s: %s", role, path, word, r.Body)
				}
			}
			if r.Status != http.StatusOK && r.Status != http.StatusForbidden && r.Status != http.StatusNotFound {
				t.Errorf("%s, %s: %d %s", role, path, r.Status, r.Body)
			}
		}
		for _, filter := range []string{"reason_for_visit ~ '" + secret + "'", "reason_for_visit != ''", "client.medical_history != ''", "client.match_key != ''",
			"@collection.portal_sessions.id != ''", "@collection.form_submissions.id != ''", "client.portal_sessions_via_owner.id != ''"} {
			path := list + "filter=" + url.QueryEscape(filter)
			if r := c.Do(t, "GET", path, token, nil); r.Status != http.StatusBadRequest && r.Status != http.StatusForbidden {
				t.Errorf("%s may filter by %s: %d %s", role, filter, r.Status, r.Body)
			}
		}
		for _, sort := range []string{"reason_for_visit", "-client.medical_history"} {
			if r := c.Do(t, "GET", list+"sort="+sort, token, nil); r.Status != http.StatusBadRequest {
				t.Errorf("%s may sort by %s: %d", role, sort, r.Status)
			}
		}
	}
}

// What another collection's rule hides from a role is not reached through a relation either.
func TestExpandAndFilterDoNotReachAnotherRolesRecords(t *testing.T) {
	c := testkit.New(t)
	c.Add(t, "invoices", map[string]any{"client": testkit.Ada, "number": "PROBE-1", "status": "draft", "currency": "usd"})
	clinician := c.As(t, testkit.AnaEmail)
	for _, path := range []string{"/api/collections/invoices/records", "/api/collections/clients/records?expand=invoices_via_client",
		"/api/collections/clients/records?expand=invoices%5Fvia%5Fclient"} {
		if r := c.Do(t, "GET", path, clinician, nil); strings.Contains(string(r.Body), "PROBE-1") {
			t.Errorf("a clinician reads bills through %s: %s", path, r.Body)
		}
	}
	var found struct {
		Items []struct{ ID string } `json:"items"`
	}
	r := c.Do(t, "GET", "/api/collections/clients/records?filter="+url.QueryEscape("invoices_via_client.number ?= 'PROBE-1'"), clinician, nil)
	if r.Into(t, &found); len(found.Items) != 0 {
		t.Errorf("a clinician finds clients by their bills: %s", r.Body)
	}
	if r := c.Do(t, "GET", "/api/collections/invoices/records", c.As(t, testkit.BillingEmail), nil); !strings.Contains(string(r.Body), "PROBE-1") {
		t.Errorf("billing does not see the bill, so this test proves nothing: %s", r.Body)
	}
}

// ---- the pages

func TestExtensionIsServedFreshAndFromHereOnly(t *testing.T) {
	c := testkit.New(t)
	files, err := os.ReadDir("ext/anteroom")
	if err != nil || len(files) == 0 {
		t.Fatal("the extension is empty: ", err)
	}
	paths := []string{"/_/extensions.js"}
	for _, f := range files {
		paths = append(paths, "/_/extensions/anteroom/"+f.Name())
	}
	for _, path := range paths {
		r := c.Do(t, "GET", path, "", nil)
		if r.Status != http.StatusOK || len(r.Body) == 0 || r.Header.Get("Cache-Control") != "no-cache" {
			t.Errorf("%s: %d, %d bytes, %q", path, r.Status, len(r.Body), r.Header.Get("Cache-Control"))
		}
		if csp := r.Header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'self'") || strings.Contains(csp, "http:") || strings.Contains(csp, "https:") {
			t.Errorf("%s: policy %q", path, csp)
		}
		if strings.Contains(string(r.Body), "innerHTML") || strings.Contains(string(r.Body), "insertAdjacentHTML") {
			t.Errorf("%s writes HTML", path)
		}
	}
	if r := c.Do(t, "GET", "/_/extensions/anteroom/..%2f..%2fdashboard.go", "", nil); r.Status == http.StatusOK {
		t.Error("a file beside the extension is served")
	}
}

// The desk's own arithmetic of zones, in the language it runs in.
func TestWallTimesBecomeInstants(t *testing.T) {
	out, err := exec.Command("node", "testdata/words.mjs").CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
