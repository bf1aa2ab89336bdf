package identity_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pquerna/otp/totp"

	"anteroom/hooks/identity"
	"anteroom/hooks/kernel"
	"anteroom/hooks/testkit"
)

// Every answer below is held against docs/openapi.yaml by the kit, with all domains bound.
func TestAnswersKeepTheContract(t *testing.T) {
	const auth = "/api/v1/portal/auth/"
	type m = map[string]any
	c := testkit.New(t)
	post := func(path, token string, body any) *testkit.Response {
		return c.Do(t, http.MethodPost, auth+path, token, body)
	}
	login := func(email, password string) *testkit.Response {
		return post("login", "", m{"email": email, "password": password})
	}
	type tokens struct{ AccessToken, RefreshToken string }
	var in struct{ Tokens tokens }

	post("register", "", m{"email": testkit.UmaEmail}).Refused(t, 400, "VALIDATION_ERROR")
	form := m{"email": testkit.UmaEmail, "password": testkit.Password, "firstName": "Uma", "lastName": "Dahl", "dateOfBirth": "1977-07-08"}
	post("register", "", form).Refused(t, 400, "IDENTITY_NOT_CONFIRMED")
	form["dateOfBirth"] = "1977-07-07"
	if r := post("register", "", form); r.Status != 201 {
		t.Fatal(r.Status, string(r.Body))
	}
	post("register", "", form).Refused(t, 409, "ALREADY_REGISTERED")
	post("register", "", form).Refused(t, 429, "RATE_LIMITED")
	login(testkit.UmaEmail, testkit.Password).Refused(t, 403, "EMAIL_NOT_VERIFIED")
	post("resend-verification", "", m{"email": testkit.UmaEmail}).Data(t, &struct{ Sent bool }{})
	post("verify-email", "", m{"email": testkit.UmaEmail, "code": "wrong"}).Refused(t, 400, "CODE_INVALID")
	post("verify-email", "", m{"token": link(t, c)}).Data(t, &struct{ Verified bool }{})
	login(testkit.UmaEmail, testkit.Password).Data(t, &in)
	c.Do(t, http.MethodGet, auth+"session", in.Tokens.AccessToken, nil).Data(t, &m{})
	post("session/extend", in.Tokens.AccessToken, nil).Data(t, &m{})
	var fresh tokens
	post("refresh-token", "", m{"refreshToken": in.Tokens.RefreshToken}).Data(t, &fresh)
	factorAnswers(t, c, fresh.AccessToken)
	post("logout", fresh.AccessToken, nil).Data(t, &m{})
	post("logout", fresh.AccessToken, nil).Refused(t, 401, "SESSION_ENDED")
	post("refresh-token", "", m{"refreshToken": fresh.RefreshToken}).Refused(t, 401, "SESSION_ENDED")
	login(testkit.UmaEmail, testkit.Password).Data(t, &in)
	post("refresh-token", "", m{"refreshToken": in.Tokens.RefreshToken}).Data(t, &fresh)
	post("refresh-token", "", m{"refreshToken": in.Tokens.RefreshToken}).Refused(t, 401, "REFRESH_REUSED")
	login(testkit.UmaEmail, testkit.Password).Data(t, &in)
	post("change-password", in.Tokens.AccessToken, m{"currentPassword": "Wrong-Harbour-42", "newPassword": "Changed-Harbour-43"}).Refused(t, 400, "WRONG_PASSWORD")
	post("change-password", in.Tokens.AccessToken, m{"currentPassword": testkit.Password, "newPassword": "Changed-Harbour-43"}).Data(t, &m{})
	post("forgot-password", "", m{"email": testkit.UmaEmail}).Data(t, &struct{ Sent bool }{})
	reset := link(t, c)
	post("reset-password", "", m{"token": reset, "password": "short"}).Refused(t, 400, "VALIDATION_ERROR")
	post("reset-password", "", m{"token": reset, "password": "Another-Harbour-43"}).Data(t, &struct{ Reset bool }{})
	post("reset-password", "", m{"token": reset, "password": "Another-Harbour-43"}).Refused(t, 400, "LINK_INVALID")
	for range 5 {
		login(testkit.UmaEmail, testkit.Password).Refused(t, 401, "INVALID_CREDENTIALS")
	}
	login(testkit.UmaEmail, "Another-Harbour-43").Refused(t, 403, "ACCOUNT_LOCKED")
	c.Do(t, http.MethodGet, auth+"session", "", nil).Refused(t, 401, "SIGN_IN_REQUIRED")
	mailLinksAndAddresses(t, c)
}

// The same of passkeys, which want a page with TLS.
func TestPasskeysKeepTheContract(t *testing.T) {
	const path = "/api/v1/portal/auth/passkeys"
	type m = map[string]any
	c, device := testkit.With(t, func(cfg *kernel.Config) { cfg.PublicURL = "https://portal.example" }), identity.NewAuthenticator(t)
	token := c.As(t, testkit.AdaEmail)
	begin := func(what string) (ask json.RawMessage) {
		c.Do(t, http.MethodPost, path+what, token, m{}).Data(t, &ask)
		return ask
	}
	var config struct {
		Features    struct{ Passkeys bool }
		PasskeyRPID string
	}
	if c.Do(t, http.MethodGet, kernel.Portal+"/config", "", nil).Data(t, &config); !config.Features.Passkeys || config.PasskeyRPID != "portal.example" {
		t.Errorf("%+v", config)
	}
	var added identity.Passkey
	r := c.Do(t, http.MethodPost, path+"/register/finish", token, device.Create(begin("/register/begin")))
	if r.Data(t, &added); r.Status != http.StatusCreated {
		t.Error(r.Status)
	}
	c.Do(t, http.MethodPost, path+"/register/finish", token, m{"challengeId": "made up", "credential": m{}}).Refused(t, 400, "PASSKEY_INVALID")
	var in identity.LoginData
	c.Do(t, http.MethodPost, path+"/authenticate/finish", "", device.Get(begin("/authenticate/begin"))).Data(t, &in)
	c.Do(t, http.MethodPost, path+"/authenticate/finish", "", m{"challengeId": "made up", "credential": m{}}).Refused(t, 401, "PASSKEY_INVALID")
	c.Do(t, http.MethodPost, kernel.Portal+"/auth/reauthenticate", in.Tokens.AccessToken, device.Get(begin("/authenticate/begin"))).Data(t, &m{})
	c.Do(t, http.MethodPatch, path+"/"+added.ID, token, m{"name": "Phone"}).Data(t, &m{})
	c.Do(t, http.MethodGet, path, token, nil).Data(t, &m{})
	c.Do(t, http.MethodDelete, path+"/"+added.ID, token, nil).Data(t, &m{})
}

// link is the token of the newest mail to Uma.
func link(t *testing.T, c *testkit.Clinic) string {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); c.Count(t, "outbox", "status = 'waiting'", nil) > 0 && time.Now().Before(end); {
		time.Sleep(2 * time.Millisecond)
	}
	mails := c.Mails(t, testkit.UmaEmail)
	if len(mails) == 0 {
		t.Fatal("no mail")
	}
	_, rest, _ := strings.Cut(mails[0].Text, "?token=")
	token, _, _ := strings.Cut(rest, "\n")
	return token
}

func mailLinksAndAddresses(t *testing.T, c *testkit.Clinic) {
	t.Helper()
	const auth = "/api/v1/portal/auth/"
	type m = map[string]any
	do := func(method, path, token string, body any) *testkit.Response {
		return c.Do(t, method, auth+path, token, body)
	}
	do("POST", "magic-link", "", m{"email": testkit.UmaEmail}).Data(t, &m{})
	do("POST", "magic-link", "", m{}).Refused(t, 400, "VALIDATION_ERROR")
	do("POST", "magic-link/verify", "", m{"token": "made up"}).Refused(t, 400, "LINK_INVALID")
	do("POST", "magic-link/verify", "", m{"email": testkit.UmaEmail, "code": "wrong"}).Refused(t, 400, "CODE_INVALID")
	var in struct {
		Tokens struct{ AccessToken string }
	}
	used := link(t, c)
	do("POST", "magic-link/verify", "", m{"token": used}).Data(t, &in)
	do("POST", "magic-link", "", m{"token": used}).Data(t, &m{})
	token := in.Tokens.AccessToken
	do("GET", "change-email", token, nil).Data(t, &m{})
	do("POST", "change-email", token, m{"email": testkit.UmaEmail}).Refused(t, 400, "VALIDATION_ERROR")
	do("POST", "change-email", token, m{"email": "uma.new@mail.example"}).Data(t, &m{})
	do("GET", "change-email", token, nil).Data(t, &m{})
	do("POST", "change-email/confirm", token, m{"code": "1", "oldCode": "1"}).Refused(t, 400, "CODE_INVALID")
	do("DELETE", "change-email", token, nil).Data(t, &m{})
	do("POST", "change-email", token, m{"email": "uma.new@mail.example"}).Data(t, &m{})
	code := regexp.MustCompile(`(?m)^\d{6}$`)
	var changed struct{ AccessToken string }
	do("POST", "change-email/confirm", token, m{"code": code.FindString(c.Mails(t, "uma.new@mail.example")[0].Text),
		"oldCode": code.FindString(c.Mails(t, testkit.UmaEmail)[0].Text)}).Data(t, &changed)
	c.Advance(11 * time.Minute)
	do("POST", "change-email", changed.AccessToken, m{"email": "uma.third@mail.example"}).Refused(t, 403, "REAUTHENTICATION_REQUIRED")
	do("POST", "close-account", changed.AccessToken, m{"confirm": true}).Refused(t, 403, "REAUTHENTICATION_REQUIRED")
	do("POST", "reauthenticate", changed.AccessToken, m{"password": "Another-Harbour-43"}).Data(t, &m{})
	do("POST", "close-account", changed.AccessToken, m{}).Refused(t, 400, "VALIDATION_ERROR")
	do("POST", "close-account", changed.AccessToken, m{"confirm": true}).Data(t, &m{})
	do("POST", "login", "", m{"email": "uma.new@mail.example", "password": "Another-Harbour-43"}).Refused(t, 403, "ACCOUNT_SUSPENDED")
}

// factorAnswers sets every second factor up and down again.
func factorAnswers(t *testing.T, c *testkit.Clinic, token string) {
	t.Helper()
	const auth = "/api/v1/portal/auth/"
	type m = map[string]any
	post := func(path string, body any) *testkit.Response { return c.Do(t, http.MethodPost, auth+path, token, body) }
	var setup struct{ Secret string }
	post("mfa/totp/setup", nil).Data(t, &setup)
	post("mfa/totp/enable", m{"code": "000000"}).Refused(t, 400, "CODE_INVALID")
	shown := func() string {
		code, err := totp.GenerateCode(setup.Secret, kernel.Now(c.App))
		if err != nil {
			t.Fatal(err)
		}
		return code
	}
	var on struct{ RecoveryCodes []string }
	post("mfa/totp/enable", m{"code": shown()}).Data(t, &on)
	post("mfa/sms/setup", m{"phone": "+13035550134"}).Data(t, &m{})
	post("mfa/sms/enable", m{"code": "000000"}).Refused(t, 400, "CODE_INVALID")
	post("mfa/email/setup", nil).Data(t, &m{})
	post("mfa/email/enable", m{"code": "000000"}).Refused(t, 400, "CODE_INVALID")
	c.Do(t, http.MethodGet, auth+"mfa", token, nil).Data(t, &m{})
	c.Do(t, http.MethodGet, auth+"sessions", token, nil).Data(t, &m{})
	c.Do(t, http.MethodDelete, auth+"sessions/others", token, nil).Data(t, &m{})
	c.Do(t, http.MethodDelete, auth+"devices/all", token, nil).Data(t, &m{})
	c.Do(t, http.MethodDelete, auth+"devices/nodevice0000000", token, nil).Refused(t, 404, "NOT_FOUND")
	post("mfa/recovery-codes", nil).Data(t, &on)
	post("mfa/disable", m{"method": "totp", "password": testkit.Password}).Refused(t, 401, "MFA_REQUIRED")
	post("mfa/disable", m{"method": "totp", "password": testkit.Password, "mfaCode": on.RecoveryCodes[0]}).Data(t, &m{})
}

// A clinic in production that cannot send does not offer to, and cannot ask for what it could not send.
func TestFactorsThatCannotBeSent(t *testing.T) {
	c := testkit.With(t, func(cfg *kernel.Config) { cfg.Mode = kernel.Production })
	token := c.As(t, testkit.AdaEmail)
	c.Do(t, http.MethodPost, "/api/v1/portal/auth/mfa/sms/setup", token, map[string]string{"phone": "+13035550134"}).Refused(t, 503, "SMS_UNAVAILABLE")
	settings := func() *core.Record {
		r, err := c.App.FindFirstRecordByFilter("clinic_settings", "id != ''")
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	for _, field := range []string{"mfa_clients", "mfa_staff"} {
		r := settings()
		r.Set(field, "required")
		if err := c.App.Save(r); err == nil || !strings.Contains(err.Error(), "SMTP_HOST") {
			t.Error(field, err)
		}
		r = settings()
		r.Set(field, "optional")
		if err := c.App.Save(r); err != nil {
			t.Error(field, err)
		}
	}
	with := testkit.With(t, func(cfg *kernel.Config) { cfg.Mode, cfg.SMTPHost = kernel.Production, "mail.example" })
	r, err := with.App.FindFirstRecordByFilter("clinic_settings", "id != ''")
	if err != nil {
		t.Fatal(err)
	}
	r.Set("mfa_staff", "required")
	if err := with.App.Save(r); err != nil {
		t.Error(err)
	}
}
