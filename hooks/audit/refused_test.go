package audit

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"

	"anteroom/hooks/kernel"
)

// Every refusal of a route of ours leaves one line and nothing else.
func TestRefusalsOfOurRoutes(t *testing.T) {
	app := newApp(t)
	routes := map[string]error{
		"absent":      kernel.NotFound(),
		"forbidden":   kernel.Forbidden("ROLE", "Not you."),
		"invalid":     kernel.Invalid("PAST", "That day is over."),
		"conflict":    kernel.Conflict("SLOT_UNAVAILABLE", "Taken."),
		"too-many":    kernel.RateLimited("", time.Minute),
		"broken":      errors.New("our fault"),
		"unavailable": kernel.Unavailable("AUDIT_UNAVAILABLE", "Later."),
	}
	for name, err := range routes {
		kernel.Handle(app, kernel.Route{Method: "GET", Path: kernel.Portal + "/" + name + "/{id}", Access: kernel.Public, Owns: "portal_forms",
			Do: func(*kernel.Call) (*kernel.Reply, error) { return nil, err }})
	}
	kernel.Handle(app,
		kernel.Route{Method: "GET", Path: kernel.Portal + "/mine", Access: kernel.ForClient, Do: func(*kernel.Call) (*kernel.Reply, error) { return kernel.OK("x"), nil }},
		kernel.Route{Method: "GET", Path: kernel.Portal + "/open", Access: kernel.Public, Do: func(*kernel.Call) (*kernel.Reply, error) { return kernel.OK("x"), nil }},
		kernel.Route{Method: "POST", Path: kernel.Portal + "/login", Access: kernel.Public, Do: func(c *kernel.Call) (*kernel.Reply, error) {
			entry := EntryFor(c.Actor, Login, PortalUser, "")
			entry.ErrorCode = "UNAUTHORIZED/WRONG_PASSWORD"
			if err := Refused(c.RequestEvent, entry); err != nil {
				return nil, err
			}
			return nil, kernel.Unauthorized("WRONG_PASSWORD", "That did not match.")
		}},
	)
	base := serve(t, app) + kernel.Portal
	get := func(path string, want int) []row {
		t.Helper()
		return newLines(t, app, func() {
			code, _ := call(t, "GET", base+path, "", nil)
			equal(t, path, code, want)
		})
	}
	for path, want := range map[string]struct {
		status int
		line   string
	}{
		"/absent/abcdefgh1234567":    {404, `guest  ACCESS_REFUSED FORM abcdefgh1234567 refused NOT_FOUND {"route":"GET /api/v1/portal/absent/{id}","status":404}`},
		"/forbidden/abcdefgh1234567": {403, `guest  ACCESS_REFUSED FORM abcdefgh1234567 refused FORBIDDEN/ROLE {"route":"GET /api/v1/portal/forbidden/{id}","status":403}`},
		"/invalid/abcdefgh1234567":   {400, `guest  ACCESS_REFUSED FORM abcdefgh1234567 refused VALIDATION_ERROR/PAST {"route":"GET /api/v1/portal/invalid/{id}","status":400}`},
		"/conflict/abcdefgh1234567":  {409, `guest  ACCESS_REFUSED FORM abcdefgh1234567 refused CONFLICT/SLOT_UNAVAILABLE {"route":"GET /api/v1/portal/conflict/{id}","status":409}`},
		"/too-many/abcdefgh1234567":  {429, `guest  ACCESS_REFUSED FORM abcdefgh1234567 refused RATE_LIMITED {"route":"GET /api/v1/portal/too-many/{id}","status":429}`},
		"/mine":                      {401, `guest  ACCESS_REFUSED   refused UNAUTHORIZED/SIGN_IN_REQUIRED {"route":"GET /api/v1/portal/mine","status":401}`},
		// an id that is no id may be anybody's text: it is not kept
		"/absent/Anna%20Test%20is%20ill": {404, `guest  ACCESS_REFUSED FORM  refused NOT_FOUND {"route":"GET /api/v1/portal/absent/{id}","status":404}`},
	} {
		got := get(path, want.status)
		if len(got) != 1 {
			t.Fatalf("%s: %d lines", path, len(got))
		}
		l := got[0]
		equal(t, path, strings.Join([]string{l.ActorKind, l.ActorID, l.Action, l.ResourceType, l.ResourceID, l.Result, l.ErrorCode, l.Details}, " "), want.line)
		equal(t, "address", l.IP, "127.0.0.1")
	}
	for path, status := range map[string]int{"/broken/abcdefgh1234567": 500, "/unavailable/abcdefgh1234567": 503, "/open": 200, "/no-such-route": 404} {
		equal(t, path, len(get(path, status)), 0)
	}

	// a handler that says more is the only one to speak
	got := newLines(t, app, func() {
		code, _ := call(t, "POST", base+"/login", "", nil)
		equal(t, "login", code, 401)
	})
	equal(t, "login", actions(got), "LOGIN")
	equal(t, "login", got[0].Result+" "+got[0].ErrorCode, "refused UNAUTHORIZED/WRONG_PASSWORD")

	// the answer to a refusal does not depend on the log
	repair := breakLog(t, app)
	equal(t, "without a log", len(get("/absent/abcdefgh1234567", 404)), 0)
	code, _ := call(t, "POST", base+"/login", "", nil)
	if code < 400 {
		t.Errorf("login without a log: %d", code)
	}
	repair()
	verify(t, app)
}

// A line about a refusal outlives the transaction that is given up, and does not wait for it.
func TestRefusedInsideATransaction(t *testing.T) {
	app := newApp(t)
	before := len(lines(t, app))
	err := app.RunInTransaction(func(tx core.App) error {
		create(t, tx, "locations", map[string]any{"name": "x", "time_zone": "UTC"})
		e := &core.RequestEvent{App: tx}
		ok(t, Refused(e, EntryFor(desk, Login, Staff, "")))
		return errors.New("given up")
	})
	contains(t, "transaction", err, "given up")
	got := lines(t, app)[before:]
	equal(t, "lines", actions(got), "LOGIN")
	equal(t, "result", got[0].Result, "refused")
	equal(t, "rows", count(t, app, "locations"), 0)
}

// Refusals of PocketBase's own API, and of middlewares that end a request before its route.
func TestRefusalsOfPocketBase(t *testing.T) {
	app := newApp(t)
	anna := newClient(t, app, "Anna")
	billing := staffToken(t, app, "billing")
	base := serve(t, app, func(se *core.ServeEvent) {
		se.Router.Bind(&hook.Handler[*core.RequestEvent]{Priority: -1005, Func: func(e *core.RequestEvent) error {
			if e.Request.URL.Query().Has("dead") {
				return kernel.Refuse(e, kernel.Unauthorized("SESSION_ENDED", "Sign in again."))
			}
			return e.Next()
		}})
	})
	for name, c := range map[string]struct {
		method, path, token string
		status              int
		line                string
	}{
		"a guest at a closed rule": {"GET", "/api/collections/portal_sessions/records", "", 403, "guest ACCESS_REFUSED SESSION 403"},
		"a guest at a record":      {"GET", "/api/collections/clients/records/" + anna.Id, "", 404, "guest ACCESS_REFUSED CLIENT 404"},
		"staff at a closed rule":   {"POST", "/api/collections/portal_users/records", billing, 403, "staff ACCESS_REFUSED PORTAL_USER 403"},
		"a dead session":           {"GET", "/api/collections/clients/records?dead", "", 401, "guest ACCESS_REFUSED CLIENT UNAUTHORIZED/SESSION_ENDED"},
		"a path that never was":    {"GET", "/api/nothing/here", "", 404, ""},
		"health":                   {"GET", "/api/health", "", 200, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := newLines(t, app, func() {
				code, _ := call(t, c.method, base+c.path, c.token, nil)
				equal(t, "status", code, c.status)
			})
			if c.line == "" {
				equal(t, "lines", len(got), 0)
				return
			}
			if len(got) != 1 {
				t.Fatalf("%d lines", len(got))
			}
			equal(t, "line", fmt.Sprint(got[0].ActorKind, " ", got[0].Action, " ", got[0].ResourceType, " ", got[0].ErrorCode), c.line)
		})
	}
}

// A stranger cannot fill the disk with refusals; what is not written is counted.
func TestRefusalsAreBounded(t *testing.T) {
	app := newApp(t)
	kernel.Handle(app, kernel.Route{Method: "GET", Path: kernel.Portal + "/absent", Access: kernel.Public,
		Do: func(*kernel.Call) (*kernel.Reply, error) { return nil, kernel.NotFound() }})
	url := serve(t, app) + kernel.Portal + "/absent"
	kernel.SetNow(app, time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	got := newLines(t, app, func() {
		for range quotaLines + 25 {
			code, _ := call(t, "GET", url, "", nil)
			equal(t, "status", code, 404)
		}
	})
	equal(t, "lines", len(got), quotaLines)
	kernel.Advance(app, quotaWindow)
	got = newLines(t, app, func() { call(t, "GET", url, "", nil) })
	equal(t, "lines", len(got), 1)
	equal(t, "details", strings.Contains(got[0].Details, `"unwrittenBefore":25`), true)
	// a person is not counted with the address
	got = newLines(t, app, func() { call(t, "GET", url, "token", nil) })
	equal(t, "lines", len(got), 1)

	q := &quota{used: map[string]*quotaUse{}}
	now := time.Now()
	for i := range quotaKeys + 5 {
		q.take(fmt.Sprint(i), now)
	}
	if len(q.used) > quotaKeys {
		t.Errorf("%d keys are remembered", len(q.used))
	}
}
