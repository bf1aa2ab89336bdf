package identity

import (
	"testing"
	"time"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
)

// Clients and staff have sessions of one kind: every limit is tried for both, against the clock.

// signedInAs opens a session of either kind with everything that a sign-in of ours gives.
func (c *clinic) signedInAs(s side, headers ...string) LoginData {
	c.Helper()
	first := c.do("POST", "/api/collections/"+s.collection+"/auth-with-password", "", m{"identity": s.email, "password": password})
	return data[LoginData](c, c.do("POST", auth+"login", "", m{"mfaToken": mfaToken(c, first), "mfaCode": c.later(), "method": "totp", "rememberDevice": true}, headers...))
}

func eachKind(t *testing.T, do func(t *testing.T, c *clinic, s side, page string)) {
	for _, x := range []struct {
		side
		page string
	}{{adaSide, kernel.Portal + "/test/me"}, {deeSide, kernel.Desk + "/test/me"}} {
		t.Run(x.collection, func(t *testing.T) {
			c := newClinic(t)
			c.withTOTP(x.collection, x.id)
			do(t, c, x.side, x.page)
		})
	}
}

func (c *clinic) lives(page, token string) bool {
	c.Helper()
	return c.do("GET", page, token, nil, "X-Background", "1").Status == 200
}

// What a page does by itself keeps no session open, and what a person does keeps it open up to the idle limit.
func TestIdleLimitOfEverybody(t *testing.T) {
	eachKind(t, func(t *testing.T, c *clinic, s side, page string) {
		for name, x := range map[string]struct {
			send     func(in *LoginData)
			activity bool
		}{
			"a request": {func(in *LoginData) { c.do("GET", page, in.Tokens.AccessToken, nil) }, true},
			"typing": {func(in *LoginData) {
				c.do("POST", auth+"session/extend", in.Tokens.AccessToken, m{}, "X-Background", "1")
			}, true},
			"a list of sessions":     {func(in *LoginData) { c.do("GET", auth+"sessions", in.Tokens.AccessToken, nil) }, true},
			"polling":                {func(in *LoginData) { c.do("GET", page, in.Tokens.AccessToken, nil, "X-Background", "1") }, false},
			"the session's own page": {func(in *LoginData) { c.do("GET", auth+"session", in.Tokens.AccessToken, nil) }, false},
			"a stream": {func(in *LoginData) {
				c.do("POST", "/api/realtime", in.Tokens.AccessToken, m{"clientId": "x", "subscriptions": []string{}})
			}, false},
			"a stream of notices": {func(in *LoginData) {
				c.want(c.do("GET", kernel.Portal+"/notifications/stream", in.Tokens.AccessToken, nil), 200, "")
			}, false},
			"a token for files": {func(in *LoginData) { c.do("POST", "/api/files/token", in.Tokens.AccessToken, nil) }, false},
			"PocketBase's new token": {func(in *LoginData) {
				c.want(c.do("POST", "/api/collections/"+s.collection+"/auth-refresh", in.Tokens.AccessToken, nil), 200, "")
			}, false},
			"our new token":            {func(in *LoginData) { in.Tokens = data[Tokens](t, c.refresh(in.Tokens.RefreshToken)) }, false},
			"a public route":           {func(in *LoginData) { c.do("GET", kernel.Portal+"/test/public", in.Tokens.AccessToken, nil) }, false},
			"nothing at all, no sound": {func(*LoginData) {}, false},
		} {
			in := c.signedInAs(s)
			c.advance(8 * time.Minute)
			x.send(&in)
			c.advance(7*time.Minute - 2*time.Second)
			if !c.lives(page, in.Tokens.AccessToken) {
				t.Errorf("%s: ended early", name)
			}
			c.advance(2 * time.Second)
			if c.lives(page, in.Tokens.AccessToken) != x.activity {
				t.Errorf("%s is activity: %v, want %v", name, !x.activity, x.activity)
			}
			if !x.activity {
				c.want(c.refresh(in.Tokens.RefreshToken), 401, "SESSION_ENDED")
			}
		}
	})
}

// Eight hours are eight hours, remembered or not, renewed or not.
func TestAbsoluteLimitOfEverybody(t *testing.T) {
	eachKind(t, func(t *testing.T, c *clinic, s side, page string) {
		in := c.signedInAs(s)
		if !in.Session.Remembered || !in.Session.AbsoluteExpiresAt.Equal(c.now().Truncate(time.Second).Add(8*time.Hour)) && in.Session.AbsoluteExpiresAt.Sub(c.now()).Round(time.Minute) != 8*time.Hour {
			t.Fatalf("%+v", in.Session)
		}
		for range 47 {
			c.advance(10 * time.Minute)
			c.want(c.do("GET", page, in.Tokens.AccessToken, nil), 200, "")
			in.Tokens = data[Tokens](t, c.refresh(in.Tokens.RefreshToken))
		}
		c.advance(9 * time.Minute)
		if last := data[Tokens](t, c.refresh(in.Tokens.RefreshToken)); last.ExpiresIn > 60 {
			t.Errorf("a token of %d s in the last minute", last.ExpiresIn)
		} else {
			in.Tokens = last
		}
		c.want(c.do("GET", page, in.Tokens.AccessToken, nil), 200, "")
		c.advance(time.Minute)
		c.want(c.do("GET", page, in.Tokens.AccessToken, nil), 401, "SESSION_ENDED")
		c.want(c.refresh(in.Tokens.RefreshToken), 401, "SESSION_ENDED")
		c.tidy()
		if why := collections.AsPortalSession(c.find(collections.PortalSessions, in.Session.ID)).RevokeReason(); why != collections.EndedAbsolute {
			t.Error(why)
		}
	})
}

// A refresh token counts once; the second time ends everything that came of it, and each line says whose it was.
func TestRefreshOfEverybody(t *testing.T) {
	eachKind(t, func(t *testing.T, c *clinic, s side, page string) {
		in := c.signedInAs(s)
		next := data[Tokens](t, c.refresh(in.Tokens.RefreshToken))
		newest := data[Tokens](t, c.refresh(next.RefreshToken))
		kind, role := kernel.KindClient, ""
		if s.collection == collections.Staff {
			kind, role = kernel.KindStaff, kernel.RoleFrontDesk
		}
		if n := c.count("portal_audit_log", "action = {:a} AND actor_kind = {:b} AND role = {:c} AND actor_id = {:d} AND session_id = {:e}",
			string(audit.RefreshToken), kind, role, s.id, in.Session.ID); n != 2 {
			t.Errorf("%d lines name the %s", n, kind)
		}
		c.want(c.refresh(next.RefreshToken), 401, "REFRESH_REUSED")
		c.want(c.refresh(newest.RefreshToken), 401, "SESSION_ENDED")
		c.want(c.do("GET", page, newest.AccessToken, nil), 401, "SESSION_ENDED")
	})
}

// A browser that is remembered is spared the second factor for seven days and not longer, and its sessions end alike.
func TestRememberedBrowserOfEverybody(t *testing.T) {
	eachKind(t, func(t *testing.T, c *clinic, s side, page string) {
		first := c.do("POST", "/api/collections/"+s.collection+"/auth-with-password", "", m{"identity": s.email, "password": password, "mfaCode": c.later(), "rememberDevice": true})
		cookie := first.cookie(t, "__Host-anteroom_device")
		again := func() answer { return c.sdk(s.collection, s.email, password, "Cookie", cookie) }
		a := again()
		c.want(a, 200, "")
		var in struct{ Token string }
		a.into(t, &in)
		c.advance(15 * time.Minute)
		c.want(c.do("GET", page, in.Token, nil), 401, "SESSION_ENDED")
		c.advance(7*24*time.Hour - 16*time.Minute)
		c.want(again(), 200, "")
		c.advance(2 * time.Minute)
		c.want(again(), 401, "MFA_REQUIRED")
	})
}
