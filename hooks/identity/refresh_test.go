package identity

import (
	"encoding/base64"
	"strings"
	"sync"
	"testing"
	"time"

	"anteroom/collections"
)

func (c *clinic) refresh(token string) answer {
	c.Helper()
	return c.do("POST", auth+"refresh-token", "", m{"refreshToken": token})
}

func TestRefreshRotates(t *testing.T) {
	c := newClinic(t)
	s := c.in(ada)
	seen := map[string]bool{s.Tokens.RefreshToken: true}
	token := s.Tokens.RefreshToken
	for range 3 {
		got := data[Tokens](t, c.refresh(token))
		if seen[got.RefreshToken] || got.ExpiresIn != 3600 || claimsOf(got.AccessToken).Session != s.Session.ID {
			t.Fatalf("%+v", got)
		}
		if c.me(got.AccessToken) != 200 {
			t.Fatal("the new token does not work")
		}
		token = got.RefreshToken
		seen[token] = true
	}
	if n := c.count("portal_audit_log", "action = 'REFRESH_TOKEN' AND actor_id = {:a} AND session_id = {:b}", adaLogin, s.Session.ID); n != 3 {
		t.Error("audit lines:", n)
	}
	// refreshing is no activity
	c.advance(10 * time.Minute)
	got := data[Tokens](t, c.refresh(token))
	c.advance(6 * time.Minute)
	c.want(c.refresh(got.RefreshToken), 401, "SESSION_ENDED")
}

// However old the token that comes back, its family ends: here the first of three.
func TestRefreshReuseEndsTheFamily(t *testing.T) {
	c := newClinic(t)
	s, other := c.in(ada), c.in(ada)
	stolen := s.Tokens.RefreshToken
	second := data[Tokens](t, c.refresh(stolen))
	third := data[Tokens](t, c.refresh(second.RefreshToken))
	c.want(c.refresh(stolen), 401, "REFRESH_REUSED")
	c.want(c.refresh(third.RefreshToken), 401, "SESSION_ENDED")
	for _, token := range []string{s.Tokens.AccessToken, second.AccessToken, third.AccessToken} {
		if c.me(token) != 401 {
			t.Error("an access token of the family lives")
		}
	}
	if c.me(other.Tokens.AccessToken) != 200 {
		t.Error("another sign-in of the same person ended")
	}
	row := collections.AsPortalSession(c.find("portal_sessions", s.Session.ID))
	if row.RevokeReason() != collections.EndedReuse || c.count("portal_audit_log", "action = 'REFRESH_TOKEN_REUSED' AND resource_id = {:a}", s.Session.ID) != 1 {
		t.Error(row.RevokeReason())
	}
}

func TestRefreshOfTwoAtOnce(t *testing.T) {
	c := newClinic(t)
	s := c.in(ada)
	var wg sync.WaitGroup
	var mu sync.Mutex
	got := map[string]int{}
	for range 6 {
		wg.Go(func() {
			a := c.refresh(s.Tokens.RefreshToken)
			mu.Lock()
			defer mu.Unlock()
			if a.Status == 200 {
				got["ok"]++
			} else {
				got[a.reason()]++
			}
		})
	}
	wg.Wait()
	if got["ok"] > 1 || got["ok"]+got["REFRESH_REUSED"]+got["SESSION_ENDED"] != 6 || got["REFRESH_REUSED"] == 0 {
		t.Error(got)
	}
	if c.me(s.Tokens.AccessToken) != 401 {
		t.Error("the session survived")
	}
}

// What is no token of ours changes nothing, and what is one dies with its session.
func TestRefreshRefusals(t *testing.T) {
	c := newClinic(t)
	s := c.in(ada)
	raw, err := base64.RawURLEncoding.DecodeString(s.Tokens.RefreshToken)
	ok(t, err)
	otherFamily := newRefreshToken(nil).String()
	for name, token := range map[string]string{"empty": "", "garbage": "x", "long": strings.Repeat("a", 3000), "another family": otherFamily,
		"an access token": s.Tokens.AccessToken, "cut": s.Tokens.RefreshToken[:60], "the family alone": base64.RawURLEncoding.EncodeToString(raw[:familyBytes])} {
		if a := c.refresh(token); a.Status != 401 || a.reason() != "SESSION_ENDED" {
			t.Errorf("%s: %d %s", name, a.Status, a.Body)
		}
	}
	if c.me(s.Tokens.AccessToken) != 200 {
		t.Fatal("a stranger's garbage ended a session")
	}
	u := c.find("portal_users", adaLogin)
	u.Set("account_status", "suspended")
	ok(t, c.app.Save(u))
	c.want(c.refresh(s.Tokens.RefreshToken), 401, "SESSION_ENDED")
	if c.find("portal_sessions", s.Session.ID).GetInt("refresh_rotated_at") != 0 {
		t.Error("rotated for a closed account")
	}
}
