package identity

import (
	"maps"
	"net/http"
	"testing"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"

	"anteroom/collections"
	"anteroom/hooks/kernel"
)

const totpSecret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"

// withTOTP gives an account an authenticator, as the set-up would leave it.
func (c *clinic) withTOTP(collection, id string) {
	c.Helper()
	account := c.find(collection, id)
	f := must(collections.NewMFAFactor(c.app, account, collections.MethodTOTP))
	f.Set("secret", totpSecret)
	f.Set("enabled_at", c.now())
	ok(c, c.app.Save(f))
}

func (c *clinic) now() time.Time { return kernel.Now(c.app) }

// code is what the authenticator shows.
func (c *clinic) code() string {
	c.Helper()
	return must(totp.GenerateCodeCustom(totpSecret, c.now(), totp.ValidateOpts{Period: 30, Digits: otp.DigitsSix}))
}

func mfaToken(t testing.TB, a answer) string {
	t.Helper()
	var body struct {
		Error struct {
			Details struct {
				Reason, MFAToken string
				Methods          []string
			}
		}
	}
	a.into(t, &body)
	if body.Error.Details.Reason != "MFA_REQUIRED" || body.Error.Details.MFAToken == "" {
		t.Fatalf("no second factor was asked for: %s", a.Body)
	}
	return body.Error.Details.MFAToken
}

func (c *clinic) withCode(token, code, method string) answer {
	c.Helper()
	return c.do("POST", auth+"login", "", m{"mfaToken": token, "mfaCode": code, "method": method})
}

// A password opens nothing where a second factor is set up; the token that it gives opens one session with the code.
func TestSecondFactorIsAskedFor(t *testing.T) {
	c := newClinic(t)
	c.withTOTP("portal_users", adaLogin)
	before := c.count("portal_sessions", "TRUE")
	token := mfaToken(t, c.login(ada, password))
	if n := c.count("portal_sessions", "TRUE"); n != before {
		t.Fatal("a password alone opened a session")
	}
	c.want(c.withCode(token, "000000", "totp"), 401, "MFA_INVALID")
	code := c.code()
	c.want(c.withCode(token, code, "totp"), 200, "")
	c.want(c.withCode(token, code, "totp"), 401, "MFA_EXPIRED")
	c.want(c.withCode(mfaToken(t, c.login(ada, password)), code, "totp"), 401, "MFA_INVALID") // a step is used once
	c.advance(time.Minute)
	c.want(c.do("POST", auth+"login", "", m{"email": ada, "password": password, "mfaCode": c.code()}), 200, "")
	if n := c.count("portal_audit_log", "action = 'LOGIN' AND result = 'ok'"); n != 2 {
		t.Fatalf("%d lines say that somebody signed in, want 2", n)
	}
}

// The SDK's door asks for the same.
func TestSecondFactorAtPocketBasesDoor(t *testing.T) {
	c := newClinic(t)
	c.withTOTP("staff", deeStaff)
	c.want(c.sdk("staff", dee, password), 401, "MFA_REQUIRED")
	with := func(code string) answer {
		return c.do("POST", "/api/collections/staff/auth-with-password", "", m{"identity": dee, "password": password, "mfaCode": code})
	}
	c.want(with("000000"), 401, "MFA_INVALID")
	if a := c.do("POST", "/api/collections/staff/auth-with-password?mfaCode="+c.code(), "", m{"identity": dee, "password": password}); a.Status != 401 {
		t.Fatal("a code in the address was read")
	}
	code := c.code()
	c.want(with(code), 200, "")
	c.want(with(code), 401, "MFA_INVALID")
}

// What PocketBase's form does not read itself is refused like what it does: no session, and no fault of ours.
func TestMalformedSecondFactorAtPocketBasesDoor(t *testing.T) {
	c := newClinic(t)
	before := c.count("portal_sessions", "1 = 1")
	for _, x := range []m{{"mfaCode": 123456}, {"mfaCode": []string{"1"}}, {"method": m{}}, {"rememberDevice": "yes"}} {
		body := m{"identity": ada, "password": password}
		maps.Copy(body, x)
		c.want(c.do("POST", "/api/collections/portal_users/auth-with-password", "", body), 400, "MALFORMED")
	}
	if c.count("portal_sessions", "1 = 1") != before {
		t.Error("a session was opened")
	}
}

// A mailed code belongs to the sign-in it was sent for, and its tries are counted over all codes.
func TestMailedSecondFactor(t *testing.T) {
	c := newClinic(t)
	c.settings(m{"mfa_clients": "required"})
	token, other := mfaToken(t, c.login(ada, password)), mfaToken(t, c.login(ada, password))
	c.want(c.do("POST", auth+"mfa/challenge", "", m{"mfaToken": token, "method": "sms"}), 400, "")
	c.want(c.do("POST", auth+"mfa/challenge", "", m{"mfaToken": "made up", "method": "email"}), 401, "MFA_EXPIRED")
	c.want(c.do("POST", auth+"mfa/challenge", "", m{"mfaToken": token, "method": "email"}), 200, "")
	code := sixDigits.FindString(c.mail(ada)[0].Text)
	c.want(c.withCode(other, code, "email"), 401, "MFA_INVALID")
	for range waitTries - 1 {
		c.want(c.withCode(token, "000001", "email"), 401, "MFA_INVALID")
	}
	c.want(c.withCode(token, code, "email"), 200, "")
	c.want(c.withCode(token, code, "email"), 401, "MFA_EXPIRED")
}

// A remembered browser is not asked again, for its account, until the days are over.
func TestRememberedDevice(t *testing.T) {
	c := newClinic(t)
	c.withTOTP("portal_users", adaLogin)
	c.withTOTP("portal_users", boLogin)
	a := c.do("POST", auth+"login", "", m{"email": ada, "password": password, "mfaCode": c.code(), "rememberDevice": true})
	c.want(a, 200, "")
	cookie := a.cookie(t, "__Host-anteroom_device")
	if !data[LoginData](t, a).Session.Remembered {
		t.Error("the session does not say that it is remembered")
	}
	c.want(c.login(ada, password, "Cookie", cookie), 200, "")
	c.want(c.login(bo, password, "Cookie", cookie), 401, "MFA_REQUIRED")
	c.want(c.login(ada, "wrong", "Cookie", cookie), 401, "INVALID_CREDENTIALS")
	c.advance(7*24*time.Hour + time.Minute)
	c.want(c.login(ada, password, "Cookie", cookie), 401, "MFA_REQUIRED")
}

// What changes an account wants a proof of the last ten minutes.
func TestReauthenticate(t *testing.T) {
	c := newClinic(t)
	c.withTOTP("portal_users", adaLogin)
	in := data[LoginData](t, c.do("POST", auth+"login", "", m{"email": ada, "password": password, "mfaCode": c.code()}))
	token := in.Tokens.AccessToken
	c.advance(11 * time.Minute)
	until := func() time.Time {
		return data[struct{ Session SessionInfo }](t, c.do("GET", auth+"session", token, nil)).Session.ProvenUntil
	}
	if !until().Before(c.now()) {
		t.Fatal("the proof of the sign-in does not grow old")
	}
	c.want(c.do("POST", auth+"reauthenticate", token, m{"password": "wrong"}), 400, "WRONG_PASSWORD")
	waiting := mfaToken(t, c.do("POST", auth+"reauthenticate", token, m{"password": password}))
	c.want(c.withCode(waiting, c.code(), "totp"), 401, "MFA_EXPIRED") // it opens no session
	c.want(c.do("POST", auth+"reauthenticate", token, m{"mfaToken": waiting, "mfaCode": c.code(), "method": "totp"}), 200, "")
	if !until().After(c.now()) {
		t.Fatal("the fresh proof was not noted")
	}
}

// Who has to choose another password can do nothing else.
func TestForcedPasswordChange(t *testing.T) {
	c := newClinic(t)
	token := c.in(ada).Tokens.AccessToken
	u := c.find("portal_users", adaLogin)
	u.Set("force_password_change", true)
	ok(c, c.app.Save(u))
	c.want(c.do("GET", "/api/v1/portal/test/me", token, nil), 403, "PASSWORD_CHANGE_REQUIRED")
	a := c.do("GET", auth+"session", token, nil)
	if got := data[struct{ Session SessionInfo }](t, a).Session.MustDo; len(got) != 1 || got[0] != "change_password" {
		t.Fatal(got)
	}
	changed := data[ChangedPassword](t, c.do("POST", auth+"change-password", token, m{"currentPassword": password, "newPassword": "Other-Harbour-43"}))
	if c.me(changed.AccessToken) != 200 {
		t.Fatal("the way stays closed after the change")
	}
}

// cookie gives a cookie of an answer as a browser would send it back.
func (a answer) cookie(t testing.TB, name string) string {
	t.Helper()
	for _, x := range (&http.Response{Header: a.Header}).Cookies() {
		if x.Name != name {
			continue
		}
		if !x.HttpOnly || x.SameSite != http.SameSiteStrictMode || !x.Secure {
			t.Fatal("a cookie that scripts or other sites could use")
		}
		return x.Name + "=" + x.Value
	}
	t.Fatal("no cookie " + name)
	return ""
}
