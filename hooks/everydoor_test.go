package hooks_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pocketbase/dbx"

	"anteroom/hooks/kernel"
	"anteroom/hooks/testkit"
)

// unwritten are the requests that may succeed without a line, and why.
var unwritten = map[string]string{
	"GET /api/v1/portal/config":                            "what everybody sees before signing in",
	"GET /api/v1/portal/services":                          "the public catalogue",
	"GET /api/v1/portal/services/{id}":                     "the public catalogue",
	"GET /api/v1/portal/providers":                         "the public catalogue",
	"GET /api/v1/portal/providers/{id}":                    "the public catalogue",
	"GET /api/v1/portal/packages":                          "the public catalogue",
	"GET /api/v1/portal/packages/{id}":                     "the public catalogue",
	"GET /api/v1/portal/locations":                         "the public catalogue",
	"GET /api/v1/portal/locations/{id}":                    "the public catalogue",
	"POST /api/v1/portal/auth/passkeys/authenticate/begin": "a number to sign, for whoever signs in",
	"GET /api/health":                                      "says that the server answers, and nothing else",
	"GET /api/collections/staff/auth-methods":              "says how one signs in",
}

// ownersRoutes are PocketBase's own, as somebody asks for them. What is closed or unknown there is refused, which is
// written too.
var ownersRoutes = []string{
	"GET /api/settings", "PATCH /api/settings", "POST /api/settings/test/s3", "POST /api/settings/test/email", "POST /api/settings/apple/generate-client-secret",
	"GET /api/collections", "POST /api/collections", "GET /api/collections/clients", "PATCH /api/collections/letters", "DELETE /api/collections/letters",
	"DELETE /api/collections/clients/truncate", "PUT /api/collections/import", "GET /api/collections/meta/scaffolds",
	"GET /api/collections/meta/oauth2-providers", "POST /api/collections/meta/dry-run-view",
	"GET /api/collections/clients/records", "GET /api/collections/clients/records/" + testkit.Bo, "POST /api/collections/locations/records",
	"PATCH /api/collections/locations/records/" + testkit.Location, "DELETE /api/collections/locations/records/nobodynobody000",
	"GET /api/collections/locations/records", "GET /api/collections/services/records/" + testkit.Therapy,
	"GET /api/logs", "GET /api/logs/stats", "GET /api/logs/nothere00000000",
	"GET /api/backups", "POST /api/backups", "POST /api/backups/upload", "GET /api/backups/x.zip", "GET /api/backups/x.zip?token", "DELETE /api/backups/x.zip", "POST /api/backups/x.zip/restore",
	"GET /api/crons", "POST /api/crons/anteroom_forget_idempotency_keys", "POST /api/crons/nothing",
	"POST /api/files/token", "GET /api/files/clients/" + testkit.Bo + "/nothing.png",
	"POST /api/batch", "POST /api/realtime", "GET /api/health", "POST /api/sql",
	"GET /api/collections/staff/auth-methods", "POST /api/collections/staff/auth-refresh", "POST /api/collections/staff/request-otp",
	"POST /api/collections/staff/auth-with-otp", "POST /api/collections/staff/request-password-reset", "POST /api/collections/staff/confirm-password-reset",
	"POST /api/collections/staff/request-verification", "POST /api/collections/staff/confirm-verification", "POST /api/collections/staff/request-email-change",
	"POST /api/collections/staff/confirm-email-change", "POST /api/collections/staff/impersonate/" + testkit.Admin,
}

// TestEveryDoorIsOnRecord: whoever asks for whatever, through our routes or PocketBase's own, leaves exactly one line of a
// refusal, or at least one of what was done, with their own id; and a success without a line is in the table above.
func TestEveryDoorIsOnRecord(t *testing.T) {
	c := testkit.With(t, func(cfg *kernel.Config) { cfg.PublicURL = "https://portal.example" }) // passkeys want a domain
	bos := belongings(t, c, testkit.Bo, testkit.BoLogin)
	c.Add(t, "client_access", map[string]any{"client": testkit.Cleo, "portal_user": testkit.BoLogin, "relationship": "guardian", "scope": "all"})
	idOf := map[string]string{"": "", testkit.BoEmail: testkit.BoLogin, testkit.AdminEmail: testkit.Admin, testkit.AnaEmail: testkit.AnaStaff, testkit.OwnerEmail: ownersID(t, c)}
	for email := range idOf {
		if email != "" {
			c.As(t, email)
		}
	}
	type seen struct {
		Seq      int64  `db:"seq"`
		Action   string `db:"action"`
		Actor    string `db:"actor_id"`
		Kind     string `db:"actor_kind"`
		Result   string `db:"result"`
		Details  string `db:"details"`
		Resource string `db:"resource_id"`
	}
	tried, ofDone, ofRefused := 0, 0, 0
	ask := func(name, method, path, email string, body any) {
		t.Helper()
		c.Advance(3 * time.Second) // refusals are bounded by the minute
		c.Deliver()
		before := c.Count(t, "portal_audit_log", "", nil)
		token := signedInAs(t, c, email)
		if strings.Contains(path, "?token=") {
			token = "" // as a link in a browser
		}
		got := c.Do(t, method, path, token, body, "Idempotency-Key", fmt.Sprint("key-", tried))
		tried++
		var lines []seen
		if err := c.App.ConcurrentDB().NewQuery("SELECT seq, action, actor_id, actor_kind, result, details, resource_id FROM portal_audit_log WHERE seq > {:s} ORDER BY seq").
			Bind(dbx.Params{"s": before}).All(&lines); err != nil {
			t.Fatal(err)
		}
		refused, done := 0, 0
		for _, l := range lines {
			if l.Actor != idOf[email] && (email != "" || l.Kind == kernel.KindStaff) {
				continue
			}
			if l.Result == "ok" {
				done++
			} else {
				refused++
			}
			if strings.Contains(l.Details, "?") || strings.Contains(l.Details, testkit.Bo) && !strings.Contains(name, "access") {
				t.Errorf("%s: details hold what was asked: %s", name, l.Details)
			}
		}
		what := fmt.Sprintf("%s %s as %q: %d, lines %+v", method, path, email, got.Status, lines)
		switch {
		case got.Status >= 500:
			t.Errorf("%s %s", what, got.Body)
		case got.Status >= 400:
			if refused != 1 {
				t.Errorf("%d refusals: %s", refused, what)
			}
			ofRefused++
		case unwritten[name] != "" && email == "":
			if len(lines) != 0 {
				t.Errorf("a line where none is needed: %s", what)
			}
		case done == 0 || refused > 0:
			t.Errorf("%d done, %d refused: %s", done, refused, what)
		default:
			ofDone++
		}
	}
	for _, r := range kernel.Routes(c.App) {
		name := r.Method + " " + r.Path
		if strings.HasSuffix(r.Path, "/passkeys/register/begin") {
			continue // the row in belongings is no real passkey; TestPasskeys and others ask it with one
		}
		if strings.HasSuffix(r.Path, "/auth/logout") || strings.HasSuffix(r.Path, "/auth/logout-all") {
			continue // last, below
		}
		id := bos[r.Owns]
		switch r.Owns {
		case "services":
			id = testkit.Therapy
		case "clinicians":
			id = testkit.Ana
		case "locations":
			id = testkit.Location
		}
		path, body := strings.Replace(r.Path, "{id}", id, 1), any(nil)
		if r.Method != http.MethodGet {
			body = map[string]any{}
		}
		ask(name, r.Method, path, "", body)
		switch r.Access {
		case kernel.Staff:
			ask(name, r.Method, path, testkit.BoEmail, body)
			ask(name, r.Method, path, testkit.AdminEmail, body)
			ask(name, r.Method, path, testkit.OwnerEmail, body)
		case kernel.SignedIn, kernel.ForClient, kernel.AnySignIn:
			if r.Method == http.MethodDelete || strings.Contains(r.Path, "close") {
				continue // would end what the others need
			}
			ask(name, r.Method, path, testkit.BoEmail, body)
			if r.Access == kernel.ForClient {
				ask(name, r.Method, path, testkit.AdminEmail, body)
			}
		}
	}
	if err := c.App.CreateBackup(t.Context(), "x.zip"); err != nil { // the dashboard makes none
		t.Fatal(err)
	}
	for _, route := range ownersRoutes {
		method, path, _ := strings.Cut(route, " ")
		body := any(nil)
		if method != http.MethodGet && method != http.MethodDelete {
			body = map[string]any{}
		}
		switch route {
		case "PATCH /api/settings":
			body = map[string]any{"meta": map[string]any{"appName": "Canary Clinic", "appURL": "https://canary.example", "senderName": "x", "senderAddress": "x@canary.example"}}
		case "POST /api/collections":
			body = map[string]any{"name": "letters", "type": "base", "fields": []any{map[string]any{"name": "canary", "type": "text"}}}
		case "POST /api/collections/locations/records":
			body = map[string]any{"name": "Canary place", "time_zone": "UTC"}
		}
		for _, email := range []string{testkit.AdminEmail, testkit.OwnerEmail} {
			if at, withToken := strings.CutSuffix(path, "?token"); withToken {
				var file struct{ Token string }
				c.Do(t, "POST", "/api/files/token", c.As(t, email), nil).Into(t, &file)
				ask(route, method, at+"?token="+file.Token, email, body)
				continue
			}
			ask(route, method, path, email, body)
		}
	}
	if ofDone < 60 || ofRefused < 200 {
		t.Errorf("only %d successes and %d refusals of %d", ofDone, ofRefused, tried)
	}
	if n := c.Count(t, "portal_audit_log", "details LIKE '%anary%' OR resource_id LIKE '%anary%'", nil); n != 0 {
		t.Errorf("%d lines hold what was sent", n)
	}
	for action, details := range map[string]string{"CHANGE_SETTINGS": `%"meta.appName"%`, "CREATE_COLLECTION": "", "DELETE_COLLECTION": "",
		"DELETE_BACKUP": "%", "DOWNLOAD_BACKUP": "%", "VIEW_SERVER_LOG": "%", "RUN_CRON": "%", "LIST_BACKUPS": "%", "VIEW_SETTINGS": "%", "ISSUE_FILE_TOKEN": "%"} {
		if n := c.Count(t, "portal_audit_log", "action = {:a} AND actor_kind = 'owner' AND result = 'ok' AND details LIKE {:d}", dbx.Params{"a": action, "d": details}); n == 0 {
			t.Errorf("no line %s", action)
		}
	}
}

func signedInAs(t *testing.T, c *testkit.Clinic, email string) string {
	t.Helper()
	if email == "" {
		return ""
	}
	return c.As(t, email)
}

func ownersID(t *testing.T, c *testkit.Clinic) string {
	t.Helper()
	r, err := c.App.FindAuthRecordByEmail("_superusers", testkit.OwnerEmail)
	if err != nil {
		t.Fatal(err)
	}
	return r.Id
}
