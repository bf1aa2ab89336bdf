package identity

import (
	"testing"
	"time"

	"anteroom/hooks/kernel"
)

type sessionList struct {
	Sessions []SessionEntry
	Devices  []DeviceEntry
}

func (c *clinic) signedIn(token string, headers ...string) sessionList {
	c.Helper()
	return data[sessionList](c, c.do("GET", auth+"sessions", token, nil, headers...))
}

const firefox = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"

// The list holds what lives, of one's own account, seen from where one is.
func TestListOfSessions(t *testing.T) {
	c := newClinic(t)
	c.withTOTP("portal_users", adaLogin)
	c.in(bo)
	in := func(headers ...string) (LoginData, answer) {
		t.Helper()
		c.advance(time.Minute)
		a := c.do("POST", auth+"login", "", m{"email": ada, "password": password, "mfaCode": c.code(), "rememberDevice": true}, headers...)
		return data[LoginData](t, a), a
	}
	here, a := in("User-Agent", firefox, "address", "198.51.100.7")
	far, _ := in("address", "203.0.113.9")
	near, _ := in("address", "198.51.100.99")
	gone, _ := in()
	c.want(c.do("POST", auth+"logout", gone.Tokens.AccessToken, m{}), 200, "")
	cookie := a.cookie(t, "__Host-anteroom_device")
	seen := map[string]SessionEntry{}
	list := c.signedIn(here.Tokens.AccessToken, "address", "198.51.100.7", "Cookie", cookie)
	for _, x := range list.Sessions {
		seen[x.ID] = x
	}
	if len(seen) != 3 || len(list.Devices) != 4 {
		t.Fatalf("%+v", list)
	}
	mine := seen[here.Session.ID]
	if !mine.Current || mine.Device != "desktop" || mine.OS != "Windows" || mine.Browser != "Firefox" || mine.IPAddress != "198.51.100.7" ||
		mine.Place != "this_network" || mine.Method != "password" || !mine.Remembered || mine.CreatedAt.IsZero() || mine.LastActivity.Before(mine.CreatedAt) {
		t.Errorf("%+v", mine)
	}
	if x := seen[far.Session.ID]; x.Current || x.Place != "other_network" {
		t.Errorf("%+v", x)
	}
	if x := seen[near.Session.ID]; x.Current || x.Place != "this_network" {
		t.Errorf("%+v", x)
	}
	current := 0
	for _, x := range list.Devices {
		if x.Current {
			current++
		}
		if !x.ExpiresAt.After(x.CreatedAt) || x.CreatedAt.Before(monday) || x.LastUsedAt == nil {
			t.Errorf("%+v", x)
		}
	}
	if current != 1 {
		t.Error(current, "browsers are this one")
	}
	if c.count("portal_audit_log", "action = 'LIST_SESSIONS' AND actor_id = {:a}", adaLogin) != 1 {
		t.Error("no line")
	}
	// an idle one is not listed, before anybody has noted that it is over
	c.advance(14 * time.Minute)
	c.me(here.Tokens.AccessToken)
	c.advance(2 * time.Minute)
	if list := c.signedIn(here.Tokens.AccessToken); len(list.Sessions) != 1 || list.Sessions[0].ID != here.Session.ID {
		t.Fatalf("%+v", list.Sessions)
	}
	c.advance(13 * time.Minute)
	c.me(here.Tokens.AccessToken)
}

func TestPlaceOf(t *testing.T) {
	for _, x := range []struct {
		a, b string
		same bool
	}{
		{"198.51.100.7", "198.51.100.250", true}, {"198.51.100.7", "198.51.101.7", false}, {"::ffff:198.51.100.7", "198.51.100.8", true},
		{"2001:db8:1:2::1", "2001:db8:1:ffff::9", true}, {"2001:db8:1::1", "2001:db8:2::1", false}, {"fe80::1%eth0", "fe80::2", true},
		{"198.51.100.7", "2001:db8::1", false}, {"", "", false}, {"nonsense", "nonsense", false},
	} {
		if got := placeOf(x.a, x.b) == "this_network"; got != x.same {
			t.Errorf("%s seen from %s: %v", x.a, x.b, got)
		}
	}
}

// One session, all others, one browser, all browsers: one's own, at once.
func TestEndingSessionsAndDevices(t *testing.T) {
	c := newClinic(t)
	c.withTOTP("portal_users", adaLogin)
	in := func() (LoginData, string) {
		t.Helper()
		c.advance(time.Minute)
		a := c.do("POST", auth+"login", "", m{"email": ada, "password": password, "mfaCode": c.code(), "rememberDevice": true})
		return data[LoginData](t, a), a.cookie(t, "__Host-anteroom_device")
	}
	here, cookie := in()
	one, _ := in()
	two, twos := in()
	bos := c.in(bo)
	end := func(what, id string) answer { return c.do("DELETE", auth+what+"/"+id, here.Tokens.AccessToken, nil) }
	before := c.factorRows()
	for _, id := range []string{bos.Session.ID, "nosession000000", "all"} {
		c.want(end("sessions", id), 404, "NOT_FOUND")
	}
	for _, id := range []string{one.Session.ID, "nodevice0000000", "others"} {
		c.want(end("devices", id), 404, "NOT_FOUND")
	}
	c.want(c.do("DELETE", auth+"sessions/others", "", nil), 401, "SIGN_IN_REQUIRED")
	if c.factorRows() != before {
		t.Fatal("something changed")
	}
	c.want(end("sessions", one.Session.ID), 200, "")
	c.want(end("sessions", one.Session.ID), 404, "NOT_FOUND")
	if c.me(one.Tokens.AccessToken) != 401 || c.me(two.Tokens.AccessToken) != 200 || c.me(here.Tokens.AccessToken) != 200 {
		t.Fatal("not that session alone")
	}
	c.want(c.do("POST", auth+"refresh-token", "", m{"refreshToken": one.Tokens.RefreshToken}), 401, "SESSION_ENDED")
	c.want(c.login(ada, password, "Cookie", twos), 200, "")
	c.want(end("sessions", "others"), 200, "")
	if c.me(two.Tokens.AccessToken) != 401 || c.me(here.Tokens.AccessToken) != 200 || c.me(bos.Tokens.AccessToken) != 200 {
		t.Fatal("not all others")
	}
	c.want(c.login(ada, password, "Cookie", twos), 401, "MFA_REQUIRED")
	c.want(c.login(ada, password, "Cookie", cookie), 200, "") // this browser stays remembered
	c.want(c.do("DELETE", auth+"devices/"+c.find("portal_sessions", here.Session.ID).GetString("device"), bos.Tokens.AccessToken, nil), 404, "NOT_FOUND")
	c.want(end("devices", c.find("portal_sessions", here.Session.ID).GetString("device")), 200, "")
	c.want(c.login(ada, password, "Cookie", cookie), 401, "MFA_REQUIRED")
	_, again := in()
	c.want(end("devices", "all"), 200, "")
	c.want(c.login(ada, password, "Cookie", again), 401, "MFA_REQUIRED")
	c.want(end("sessions", here.Session.ID), 200, "") // one's own is a sign-out
	if c.me(here.Tokens.AccessToken) != 401 {
		t.Fatal("still signed in")
	}
	if n := c.count("portal_audit_log", "action = 'FORGET_DEVICE' AND actor_id = {:a}", adaLogin); n != 4 {
		t.Error(n, "lines of forgotten browsers")
	}
	if c.count("portal_audit_log", "action = 'REVOKE_SESSION' AND actor_id = {:a}", adaLogin) < 4 {
		t.Error("lines of ended sessions are missing")
	}
}

// A client's id does not reach a session of staff that has it by chance, nor the other way round.
func TestSessionsOfStaff(t *testing.T) {
	c := newClinic(t)
	token, other := c.sdkToken("staff", dee), c.sdkToken("staff", dee)
	adas := c.in(ada)
	if n := len(c.signedIn(token).Sessions); n != 2 {
		t.Fatal(n)
	}
	c.want(c.do("DELETE", auth+"sessions/"+adas.Session.ID, token, nil), 404, "NOT_FOUND")
	c.want(c.do("DELETE", auth+"sessions/"+claimsOf(token).Session, adas.Tokens.AccessToken, nil), 404, "NOT_FOUND")
	c.want(c.do("DELETE", auth+"sessions/others", token, nil), 200, "")
	if c.desk(other) != 401 || c.desk(token) != 200 || c.me(adas.Tokens.AccessToken) != 200 {
		t.Fatal("not the others of that account alone")
	}
}

// The list and its buttons are no way around a duty, and a look at it is activity like any other.
func TestDutyBeforeTheList(t *testing.T) {
	c := newClinic(t)
	token := c.in(ada).Tokens.AccessToken
	u := c.find("portal_users", adaLogin)
	u.Set("force_password_change", true)
	ok(c, c.app.Save(u))
	for _, x := range [][2]string{{"GET", "sessions"}, {"DELETE", "sessions/others"}, {"DELETE", "devices/all"}, {"GET", "mfa"}, {"POST", "mfa/totp/setup"},
		{"POST", "mfa/disable"}, {"POST", "mfa/recovery-codes"}, {"POST", "reauthenticate"}} {
		c.want(c.do(x[0], auth+x[1], token, m{}), 403, "PASSWORD_CHANGE_REQUIRED")
	}
	c.want(c.do("POST", auth+"session/extend", token, m{}), 200, "")
	c.want(c.do("POST", "/api/collections/portal_users/auth-refresh", token, nil), 200, "")
	c.want(c.do("GET", kernel.Portal+"/test/public", token, nil), 200, "")
	c.want(c.do("POST", auth+"logout", token, m{}), 200, "")
}

// A proof grows old whatever the session does, and a restart knows how old it is. Only showing it again freshens it.
func TestProofGrowsOld(t *testing.T) {
	c := newClinic(t)
	in := c.in(ada)
	token, refresh := in.Tokens.AccessToken, in.Tokens.RefreshToken
	if want := c.now().Add(proofLasts); in.Session.ProvenUntil.After(want) || in.Session.ProvenUntil.Before(want.Add(-2*time.Second)) {
		t.Fatal(in.Session.ProvenUntil)
	}
	until := func() time.Time {
		return data[struct{ Session SessionInfo }](t, c.do("GET", auth+"session", token, nil)).Session.ProvenUntil
	}
	c.advance(9 * time.Minute)
	c.want(c.do("POST", auth+"session/extend", token, m{}), 200, "")
	c.want(c.do("POST", "/api/collections/portal_users/auth-refresh", token, nil), 200, "")
	pair := data[Tokens](t, c.do("POST", auth+"refresh-token", "", m{"refreshToken": refresh}))
	token = pair.AccessToken
	c.restart()
	if got := until(); !got.Equal(in.Session.ProvenUntil) {
		t.Fatal("freshened without a proof: ", got)
	}
	c.advance(time.Minute)
	c.want(c.do("POST", auth+"mfa/email/setup", token, m{}), 403, "REAUTHENTICATION_REQUIRED")
	c.want(c.do("POST", auth+"reauthenticate", token, m{"password": "wrong"}), 400, "WRONG_PASSWORD")
	c.want(c.do("POST", auth+"mfa/email/setup", token, m{}), 403, "REAUTHENTICATION_REQUIRED")
	c.want(c.do("POST", auth+"reauthenticate", token, m{"password": password}), 200, "")
	c.want(c.do("POST", auth+"mfa/email/setup", token, m{}), 200, "")
}

// A remembered browser is spared the second factor, and nothing else: its sessions end like any other.
func TestRememberedSessionsEndAlike(t *testing.T) {
	c := newClinic(t)
	c.withTOTP("portal_users", adaLogin)
	a := c.do("POST", auth+"login", "", m{"email": ada, "password": password, "mfaCode": c.code(), "rememberDevice": true})
	cookie := a.cookie(t, "__Host-anteroom_device")
	in := func() LoginData { return data[LoginData](t, c.login(ada, password, "Cookie", cookie)) }
	idle := in()
	if !idle.Session.Remembered || idle.Session.AbsoluteExpiresAt.After(c.now().Add(8*time.Hour)) {
		t.Fatalf("%+v", idle.Session)
	}
	c.advance(15 * time.Minute)
	if c.me(idle.Tokens.AccessToken) != 401 {
		t.Fatal("a remembered session outlives the idle limit")
	}
	c.want(c.do("POST", auth+"refresh-token", "", m{"refreshToken": idle.Tokens.RefreshToken}), 401, "SESSION_ENDED")
	long := in()
	for range 47 {
		c.advance(10 * time.Minute)
		if c.me(long.Tokens.AccessToken) != 200 {
			t.Fatal("ended early")
		}
	}
	c.advance(10 * time.Minute)
	if c.me(long.Tokens.AccessToken) != 401 {
		t.Fatal("a remembered session outlives the absolute limit")
	}
}
