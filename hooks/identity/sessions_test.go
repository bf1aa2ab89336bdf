package identity

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"

	"anteroom/collections"
	"anteroom/hooks/kernel"
)

func TestIdleLimit(t *testing.T) {
	c := newClinic(t)
	s := c.in(ada)
	token := s.Tokens.AccessToken
	for range 3 {
		c.advance(14 * time.Minute)
		if c.me(token) != 200 {
			t.Fatal("ended although somebody was active")
		}
	}
	c.advance(15*time.Minute - time.Second)
	if !SessionsOf(c.app).Live(s.Session.ID) {
		t.Fatal("ended a second early")
	}
	c.advance(time.Second)
	c.want(c.do("GET", kernel.Portal+"/test/me", token, nil), 401, "SESSION_ENDED")
	c.tidy()
	if row := collections.AsPortalSession(c.find("portal_sessions", s.Session.ID)); row.RevokeReason() != collections.EndedIdle {
		t.Fatal(row.RevokeReason())
	}
	if c.me(token) != 401 {
		t.Fatal("came back")
	}
}

func TestWhatIsNoActivity(t *testing.T) {
	c := newClinic(t)
	for _, x := range []struct {
		name     string
		send     func(token string)
		activity bool
	}{
		{"a request", func(k string) { c.me(k) }, true},
		{"extend", func(k string) { c.do("POST", auth+"session/extend", k, m{}) }, true},
		{"extend in the background", func(k string) { c.do("POST", auth+"session/extend", k, m{}, "X-Background", "1") }, true},
		{"a record list", func(k string) { c.do("GET", "/api/collections/clients/records", k, nil) }, true},
		{"background", func(k string) { c.me(k, "X-Background", "1") }, false},
		{"session", func(k string) { c.want(c.do("GET", auth+"session", k, nil), 200, "") }, false},
		{"auth-refresh", func(k string) { c.want(c.do("POST", "/api/collections/staff/auth-refresh", k, nil), 200, "") }, false},
		{"realtime", func(k string) { c.do("POST", "/api/realtime", k, m{"clientId": "x", "subscriptions": []string{}}) }, false},
		{"file token", func(k string) { c.want(c.do("POST", "/api/files/token", k, nil), 200, "") }, false},
		{"a public route", func(k string) { c.do("GET", kernel.Portal+"/test/public", k, nil) }, false},
		{"a page", func(k string) { c.do("GET", "/login", k, nil) }, false},
	} {
		t.Run(x.name, func(t *testing.T) {
			token := c.sdkToken("staff", dee)
			c.advance(10 * time.Minute)
			x.send(token)
			c.advance(10 * time.Minute)
			a := c.do("GET", "/api/collections/clients/records", token, nil)
			if (a.Status == 200) != x.activity {
				t.Fatalf("after twenty minutes: %d", a.Status)
			}
		})
	}
}

func TestAbsoluteLimit(t *testing.T) {
	c := newClinic(t)
	s := c.in(ada)
	token := s.Tokens.AccessToken
	for range 48 { // always active, and renewed
		if c.me(token) != 200 {
			t.Fatal("ended early")
		}
		a := c.do("POST", "/api/collections/portal_users/auth-refresh", token, nil)
		c.want(a, 200, "")
		var out struct{ Token string }
		a.into(t, &out)
		if claimsOf(out.Token).Session != s.Session.ID {
			t.Fatal("another session")
		}
		token = out.Token
		c.advance(10*time.Minute - time.Second)
	}
	c.advance(48*time.Second - 2*time.Second) // two seconds are left
	if life := claimsOf(token).Expires - time.Now().Unix(); life > 10*60+48 {
		t.Fatalf("the last token lives %d s, past the session", life)
	}
	if c.me(token) != 200 {
		t.Fatal("ended early")
	}
	c.advance(2 * time.Second)
	c.want(c.do("GET", kernel.Portal+"/test/me", token, nil), 401, "SESSION_ENDED")
	c.want(c.do("POST", "/api/collections/portal_users/auth-refresh", token, nil), 401, "SESSION_ENDED")
	c.want(c.do("POST", auth+"refresh-token", "", m{"refreshToken": s.Tokens.RefreshToken}), 401, "SESSION_ENDED")
	c.tidy()
	if row := collections.AsPortalSession(c.find("portal_sessions", s.Session.ID)); row.RevokeReason() != collections.EndedAbsolute {
		t.Fatal(row.RevokeReason())
	}
}

// A hundred requests in a thousand seconds are written down about once a minute, and no record hook is woken.
func TestActivityIsStoredOnceAMinute(t *testing.T) {
	c := newClinic(t)
	s := c.in(ada)
	c.tidy()
	lines := c.count("portal_audit_log", "1 = 1")
	writes := 0
	for range 100 {
		c.advance(10 * time.Second)
		if c.me(s.Tokens.AccessToken) != 200 {
			t.Fatal("ended")
		}
		before := c.find("portal_sessions", s.Session.ID).GetInt("last_activity")
		c.tidy()
		if c.find("portal_sessions", s.Session.ID).GetInt("last_activity") != before {
			writes++
		}
	}
	if writes < 15 || writes > 17 {
		t.Fatalf("%d writes", writes)
	}
	if n := c.count("portal_audit_log", "1 = 1") - lines; n != 100 { // those of the requests
		t.Fatalf("%d audit lines", n)
	}
}

func TestRestartKeepsSessions(t *testing.T) {
	c := newClinic(t)
	lives, ended := c.in(ada), c.in(bo)
	c.want(c.do("POST", auth+"logout", ended.Tokens.AccessToken, m{}), 200, "")
	c.tidy()
	c.advance(50 * time.Second) // less than a minute: only the stop itself stores it
	c.me(lives.Tokens.AccessToken)
	c.restart()
	if !SessionsOf(c.app).Live(lives.Session.ID) || SessionsOf(c.app).Live(ended.Session.ID) || c.me(ended.Tokens.AccessToken) != 401 {
		t.Fatal("a restart changed who is signed in")
	}
	c.advance(14*time.Minute + 30*time.Second) // counted from the last request
	if c.me(lives.Tokens.AccessToken) != 200 {
		t.Fatal("the restart lost the last activity")
	}
	c.advance(16 * time.Minute)
	c.restart()
	if c.me(lives.Tokens.AccessToken) != 401 {
		t.Fatal("a restart revived an idle session")
	}
}

// Every way a session ends, on every kind of door, at once, and nobody else's.
func TestRevocation(t *testing.T) {
	set := func(field string, v any) func(c *clinic, owner, sid string) error {
		return func(c *clinic, owner, _ string) error {
			collection := collections.PortalUsers
			if owner == deeStaff {
				collection = collections.Staff
			}
			r := c.find(collection, owner)
			r.Set(field, v)
			return c.app.Save(r)
		}
	}
	row := func(change func(r *core.Record)) func(c *clinic, owner, sid string) error {
		return func(c *clinic, _, sid string) error {
			r := c.find(collections.PortalSessions, sid)
			change(r)
			return c.app.Save(r)
		}
	}
	for _, x := range []struct {
		name  string
		staff bool
		end   func(c *clinic, owner, sid string) error
	}{
		{"Revoke", false, func(c *clinic, _, sid string) error { return SessionsOf(c.app).Revoke(c.app, sid, "test") }},
		{"RevokeOwner", false, func(c *clinic, owner, _ string) error {
			return SessionsOf(c.app).RevokeOwner(c.app, collections.PortalUsers, owner, "test")
		}},
		{"the row's flag", false, row(func(r *core.Record) { r.Set("revoked_at", 1); r.Set("revoke_reason", "test") })},
		{"the row deleted", false, func(c *clinic, _, sid string) error { return c.app.Delete(c.find(collections.PortalSessions, sid)) }},
		{"another password", false, set("password", "Another-Harbour-43")},
		{"another address", false, set("email", "ada2@mail.example")},
		{"another token key", false, set("tokenKey", strings.Repeat("k", 40))},
		{"suspended", false, set("account_status", "suspended")},
		{"locked", false, set("account_status", "locked")},
		{"unverified", false, set("verified", false)},
		{"staff: Revoke", true, func(c *clinic, _, sid string) error { return SessionsOf(c.app).Revoke(c.app, sid, "test") }},
		{"staff: deactivated", true, set("is_active", false)},
		{"staff: another role", true, set("role", "billing")},
		{"staff: another password", true, set("password", "Another-Harbour-43")},
		{"staff: deleted", true, func(c *clinic, owner, _ string) error { return c.app.Delete(c.find(collections.Staff, owner)) }},
	} {
		t.Run(x.name, func(t *testing.T) {
			c := newClinic(t)
			collection, email, id := collections.PortalUsers, ada, adaLogin
			path := kernel.Portal + "/test/me"
			if x.staff {
				collection, email, id, path = collections.Staff, dee, deeStaff, kernel.Desk+"/test/me"
			}
			token, other := c.sdkToken(collection, email), c.in(bo).Tokens.AccessToken
			sid := claimsOf(token).Session
			var heard atomic.Int32
			SessionsOf(c.app).OnEnd(func(ended, _ string) {
				if ended == sid {
					heard.Add(1)
				}
			})
			c.want(c.do("GET", path, token, nil), 200, "")

			rollback := errors.New("roll back")
			outer := c.app
			err := outer.RunInTransaction(func(tx core.App) error {
				c.app = tx
				defer func() { c.app = outer }()
				if err := x.end(c, id, sid); err != nil {
					return err
				}
				return rollback
			})
			if !errors.Is(err, rollback) || c.do("GET", path, token, nil).Status != 200 || heard.Load() != 0 {
				t.Fatal("a change that was rolled back ended the session", err)
			}

			ok(t, x.end(c, id, sid))
			for _, r := range [][2]string{{"GET", path}, {"GET", "/api/collections/clients/records"}, {"POST", "/api/collections/" + collection + "/auth-refresh"},
				{"POST", "/api/files/token"}, {"POST", "/api/realtime"}, {"GET", "/api/settings"}, {"GET", "/api/nowhere"}} {
				c.want(c.do(r[0], r[1], token, nil), 401, "SESSION_ENDED")
			}
			if SessionsOf(c.app).Live(sid) || heard.Load() != 1 {
				t.Fatalf("live, or told %d times", heard.Load())
			}
			if c.me(other) != 200 {
				t.Fatal("somebody else's session ended")
			}
			if n := c.count("portal_sessions", "id = {:a} AND revoked_at = 0", sid); n != 0 {
				t.Fatal("the row lives")
			}
		})
	}
}

// Plain SQL wakes no hook; an account that it closes is closed at the next request all the same, because the check
// looks at the record that PocketBase has just loaded.
func TestAccountClosedByPlainSQL(t *testing.T) {
	c := newClinic(t)
	client, staff := c.in(ada).Tokens.AccessToken, c.sdkToken("staff", dee)
	for _, q := range []string{"UPDATE portal_users SET account_status = 'locked'", "UPDATE staff SET is_active = FALSE"} {
		_, err := c.app.NonconcurrentDB().NewQuery(q).Execute()
		ok(t, err)
	}
	if c.me(client) != 401 || c.desk(staff) != 401 {
		t.Error("a closed account goes on")
	}
}

// What ended stays ended, and a row can be neither made nor bent by hand.
func TestSessionRowsAreNotForged(t *testing.T) {
	c := newClinic(t)
	s := c.in(ada)
	for field, v := range map[string]any{"owner": boLogin, "absolute_until": 99999999999, "owner_collection": "staff", "refresh_family": "x", "remembered": true} {
		r := c.find(collections.PortalSessions, s.Session.ID)
		r.Set(field, v)
		if c.app.Save(r) == nil {
			t.Errorf("%s was changed", field)
		}
	}
	r := c.find(collections.PortalSessions, s.Session.ID)
	ok(t, SessionsOf(c.app).Revoke(c.app, r.Id, "test"))
	r = c.find(collections.PortalSessions, r.Id)
	r.Set("revoked_at", 0)
	if c.app.Save(r) == nil {
		t.Error("an ended session was revived")
	}
	fresh := core.NewRecord(r.Collection())
	fresh.Load(map[string]any{"owner_collection": "portal_users", "owner": adaLogin, "absolute_until": kernel.Now(c.app).Add(time.Hour).Unix(),
		"last_activity": kernel.Now(c.app).Unix()})
	if c.app.Save(fresh) == nil {
		t.Error("a session was made by hand")
	}
	token := c.sdkToken(core.CollectionNameSuperusers, owner)
	c.want(c.do("POST", "/api/collections/portal_sessions/records", token, m{"owner_collection": "portal_users", "owner": adaLogin}), 400, "")
}

// A token that any part of PocketBase could mint by itself is worth nothing.
func TestTokensWithoutASessionOfTheirOwn(t *testing.T) {
	c := newClinic(t)
	bos := claimsOf(c.in(bo).Tokens.AccessToken).Session
	for _, x := range []struct{ collection, id string }{{"portal_users", adaLogin}, {"staff", deeStaff}} {
		r := c.find(x.collection, x.id)
		plain, err := r.NewAuthToken()
		ok(t, err)
		static, err := r.NewStaticAuthToken(time.Hour)
		ok(t, err)
		in := kernel.Now(c.app).Add(time.Hour).Unix()
		unknown, _, err := accessToken(c.app, r, &session{id: "none00000000000", absolute: in})
		ok(t, err)
		borrowed, _, err := accessToken(c.app, r, &session{id: bos, absolute: in})
		ok(t, err)
		file, err := r.NewFileToken()
		ok(t, err)
		for what, token := range map[string]string{"plain": plain, "static": static, "unknown sid": unknown, "somebody else's sid": borrowed, "file": file} {
			for _, route := range [][2]string{{"GET", kernel.Portal + "/test/me"}, {"GET", kernel.Desk + "/test/me"}, {"GET", "/api/collections/clients/records"},
				{"GET", "/api/settings"}, {"GET", "/api/nowhere"}, {"POST", "/api/collections/" + x.collection + "/auth-refresh"},
				{"POST", "/api/files/token"}, {"POST", "/api/realtime"}} {
				if a := c.do(route[0], route[1], token, nil); a.Status != 401 {
					t.Errorf("%s, %s: %s %s: %d %s", x.collection, what, route[0], route[1], a.Status, a.Body)
				}
			}
		}
	}
}

// The SDK sends whatever it has stored: a dead token must not keep anybody from signing in again.
func TestDeadTokenWhereNobodyMustBeSignedIn(t *testing.T) {
	c := newClinic(t)
	s := c.in(ada)
	dead := s.Tokens.AccessToken
	c.want(c.do("POST", auth+"logout", dead, m{}), 200, "")
	pair := m{"email": ada, "password": password}
	for _, x := range []struct {
		method, path string
		body         any
		status       int
	}{
		{"GET", kernel.Portal + "/test/public", nil, 200},
		{"POST", auth + "login", pair, 200},
		{"POST", "/api/collections/portal_users/auth-with-password", m{"identity": ada, "password": password}, 200},
		{"POST", auth + "forgot-password", m{"email": ada}, 200},
		{"POST", auth + "refresh-token", m{"refreshToken": s.Tokens.RefreshToken}, 401},
		{"GET", "/api/collections/staff/auth-methods", nil, 200},
		{"GET", "/api/health", nil, 200},
		{"GET", "/", nil, 404}, // no page is served here
		{"POST", auth + "logout", m{}, 401},
		{"GET", auth + "session", nil, 401},
	} {
		if a := c.do(x.method, x.path, dead, x.body); a.Status != x.status {
			t.Errorf("%s %s: %d %s", x.method, x.path, a.Status, a.Body)
		}
	}
	a := c.do("GET", kernel.Portal+"/test/public", dead, nil)
	if got := data[map[string]string](t, a); got["id"] != "" || got["session"] != "" {
		t.Fatal("a dead token still names somebody", a.Body)
	}
	refusal := c.do("GET", kernel.Portal+"/test/me", dead, nil)
	if refusal.Header.Get("X-Content-Type-Options") != "nosniff" || refusal.Header.Get("Cache-Control") != "no-store" {
		t.Fatal("the refusal lacks headers", refusal.Header)
	}
}

// An expired token of a live session is told apart, so that a page may renew it; a guest's empty list is no answer.
func TestExpiredToken(t *testing.T) {
	c := newClinic(t)
	token := c.sdkToken("staff", dee)
	x := c.door.sessions.get(claimsOf(token).Session)
	short := *c.find("staff", deeStaff).Collection()
	short.AuthToken.Duration = -5
	expired, _, err := signed(c.app, c.find("staff", deeStaff), x, core.TokenTypeAuth, short.AuthToken, map[string]any{})
	ok(t, err)
	c.want(c.do("GET", "/api/collections/clients/records", expired, nil), 401, "TOKEN_EXPIRED")
	c.want(c.do("GET", "/api/collections/clients/records", "Bearer "+expired, nil), 401, "TOKEN_EXPIRED")
	c.want(c.do("GET", "/api/collections/clients/records", token+"x", nil), 401, "SESSION_ENDED") // forged
	c.want(c.do("GET", "/api/collections/clients/records", "Bearer "+token, nil), 200, "")
}

func TestCallerAndDefaultClient(t *testing.T) {
	c := newClinic(t)
	token := c.in(ada).Tokens.AccessToken
	acts := func(headers ...string) string {
		a := c.do("GET", kernel.Portal+"/test/client", token, nil, headers...)
		if a.Status != 200 {
			return a.reason()
		}
		return data[map[string]string](t, a)["client"]
	}
	for name, got := range map[string]string{"default": acts(), "child": acts("X-Client-Id", cleo), "stranger": acts("X-Client-Id", boClient)} {
		if want := map[string]string{"default": adaClient, "child": cleo, "stranger": "NOT_FOUND"}[name]; got != want {
			t.Errorf("%s: %s", name, got)
		}
	}
	a := c.do("GET", kernel.Desk+"/test/me", c.sdkToken("staff", dee), nil)
	if got := data[map[string]string](t, a); got["id"] != deeStaff || got["role"] != "front_desk" || got["session"] == "" {
		t.Error(got)
	}
	c.want(c.do("GET", kernel.Desk+"/test/me", token, nil), 403, "ROLE")

	// when the default's access ends, the first that is left takes its place
	self, err := c.app.FindFirstRecordByFilter("client_access", "client = {:c}", map[string]any{"c": adaClient})
	ok(t, err)
	ok(t, c.app.Delete(self))
	if got := acts(); got != cleo {
		t.Errorf("after the access ended: %s", got)
	}
	if got := data[SessionInfo](t, c.do("POST", auth+"session/extend", token, m{})); got.DefaultClientID != cleo || len(got.Clients) != 1 {
		t.Errorf("%+v", got)
	}
}

// Revocation against use: whoever asks after it is refused (run with -race).
func TestRevokeWhileInUse(t *testing.T) {
	c := newClinic(t)
	for range 5 {
		s := c.in(ada)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() { c.me(s.Tokens.AccessToken) })
		}
		ok(t, SessionsOf(c.app).Revoke(c.app, s.Session.ID, "test"))
		if c.me(s.Tokens.AccessToken) != 401 {
			t.Fatal("alive after it was ended")
		}
		wg.Wait()
	}
}

// The keeper ends sessions that nobody asks about, and tells who listens: a stream has no requests.
func TestKeeperEndsSilentSessions(t *testing.T) {
	c := newClinic(t)
	s := c.in(ada)
	told := make(chan string, 1)
	SessionsOf(c.app).OnEnd(func(_, reason string) { told <- reason })
	c.advance(16 * time.Minute)
	select {
	case reason := <-told:
		if reason != collections.EndedIdle {
			t.Fatal(reason)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("nobody was told")
	}
	if SessionsOf(c.app).Live(s.Session.ID) {
		t.Fatal("alive")
	}
}

// PocketBase keeps its answer back until the commit: a hook that fails late leaves neither row nor answer.
func TestFailedAnswerLeavesNoSession(t *testing.T) {
	c := newClinic(t)
	var inside, outside core.App
	id := c.app.OnRecordAuthRequest("portal_users").Bind(&hook.Handler[*core.RecordAuthRequestEvent]{Priority: 10, Func: func(e *core.RecordAuthRequestEvent) error {
		inside = e.App
		if err := e.Next(); err != nil {
			return err
		}
		return errors.New("a later hook refuses")
	}})
	c.app.OnRecordAuthRequest("portal_users").Bind(&hook.Handler[*core.RecordAuthRequestEvent]{Priority: -200, Func: func(e *core.RecordAuthRequestEvent) error {
		err := e.Next()
		outside = e.App
		return err
	}})
	a := c.sdk("portal_users", ada, password)
	if a.Status < 400 || strings.Contains(a.Body, "token") {
		t.Fatal("the answer escaped", a.Status, a.Body)
	}
	if !inside.IsTransactional() || outside.IsTransactional() {
		t.Fatal("the transaction was not handed in, or not taken back")
	}
	if n := c.count("portal_sessions", "1 = 1") + c.count("portal_audit_log", "action = 'LOGIN' AND result = 'ok'"); n != 0 {
		t.Fatal("a row survived")
	}
	c.app.OnRecordAuthRequest("portal_users").Unbind(id)
	c.sdkToken("portal_users", ada)
	if c.count("portal_sessions", "1 = 1") != 1 || c.count("portal_audit_log", "action = 'LOGIN' AND result = 'ok' AND actor_id = {:a} AND session_id <> ''", adaLogin) != 1 {
		t.Fatal("no session, or no line")
	}
}
