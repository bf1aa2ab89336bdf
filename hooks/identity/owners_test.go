package identity

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"anteroom/collections"
)

const settingsOfServer = "/api/settings"

// The owner signs in through the pipeline, and gets a session with its line, its limits and its end.
func TestOwnerSignIn(t *testing.T) {
	c := newClinic(t)
	token := c.sdkToken(collections.Owners, owner)
	c.want(c.do("GET", settingsOfServer, token, nil), 200, "")
	sid := claimsOf(token).Session
	if c.count("portal_sessions", "id = {:a} AND owner_collection = '_superusers' AND owner = {:b} AND method = 'password'", sid, ownerID) != 1 ||
		c.count("portal_audit_log", "action = 'LOGIN' AND actor_kind = 'owner' AND actor_id = {:a} AND session_id = {:b} AND result = 'ok'", ownerID, sid) != 1 {
		t.Error("no session, or no line")
	}
	c.advance(14 * time.Minute)
	c.want(c.do("GET", settingsOfServer, token, nil), 200, "") // activity
	c.advance(14 * time.Minute)
	a := c.do("POST", "/api/collections/_superusers/auth-refresh", token, nil) // none
	c.want(a, 200, "")
	var out struct{ Token string }
	a.into(t, &out)
	if claimsOf(out.Token).Session != sid {
		t.Error("a refresh left the session")
	}
	c.advance(time.Minute)
	c.want(c.do("GET", settingsOfServer, out.Token, nil), 401, "SESSION_ENDED")

	token = c.sdkToken(collections.Owners, owner)
	for range 8*6 - 1 {
		c.advance(10 * time.Minute)
		c.want(c.do("GET", settingsOfServer, token, nil), 200, "")
	}
	c.want(c.do("POST", "/api/collections/_superusers/auth-refresh", token, nil), 200, "")
	c.advance(10 * time.Minute)
	c.want(c.do("GET", settingsOfServer, token, nil), 401, "SESSION_ENDED")

	for range 5 {
		c.want(c.sdk(collections.Owners, owner, "Wrong-Harbour-42"), 401, "INVALID_CREDENTIALS")
	}
	c.want(c.sdk(collections.Owners, owner, password), 403, "ACCOUNT_LOCKED")
	if n := c.count("portal_audit_log", "action = 'LOGIN' AND resource_type = 'OWNER' AND resource_id = {:a} AND result = 'refused'", ownerID); n != 5 {
		t.Error("lines of refusals:", n)
	}
	c.want(c.sdk("staff", dee, password), 200, "") // counters of one's own
}

// A token that PocketBase mints for an owner, now or before the upgrade, opens nothing; what needs nobody stays open.
func TestOwnersTokenWithoutSession(t *testing.T) {
	c := newClinic(t)
	account := c.find(collections.Owners, ownerID)
	staffs := c.sdkToken("staff", dee)
	x := c.door.sessions.get(claimsOf(staffs).Session)
	foreign, _, err := accessToken(c.app, account, x) // a live session, but somebody else's
	ok(t, err)
	for what, token := range map[string]string{"as before the upgrade": must(account.NewAuthToken()), "of the installer": must(account.NewStaticAuthToken(time.Hour)), "of another session": foreign} {
		for _, path := range []string{settingsOfServer, "/api/collections", "/api/backups", "/api/logs", "/api/collections/clients/records", "/api/v1/desk/test/me"} {
			if a := c.do("GET", path, token, nil); a.Status != 401 || a.reason() != "SESSION_ENDED" {
				t.Errorf("%s: %s: %d %s", what, path, a.Status, a.Body)
			}
		}
		for _, path := range []string{"/api/collections/_superusers/auth-refresh", "/api/files/token", "/api/realtime"} {
			if a := c.do("POST", path, token, m{}); a.Status != 401 {
				t.Errorf("%s: %s: %d %s", what, path, a.Status, a.Body)
			}
		}
		c.want(c.do("POST", "/api/collections/_superusers/auth-with-password", token, m{"identity": owner, "password": password}), 200, "")
	}
	installer := newRecord(c, collections.Owners, m{"email": "__pbinstaller@example.com", "password": password})
	ok(t, c.app.Save(installer))
	c.want(c.sdk(collections.Owners, "__pbinstaller@example.com", password), 403, "ACCOUNT_SUSPENDED")
}

// What staff do with their own sign-in, owners do.
func TestOwnersOwnSignIn(t *testing.T) {
	c := newClinic(t)
	token, other := c.sdkToken(collections.Owners, owner), c.sdkToken(collections.Owners, owner)
	for _, path := range []string{"session", "mfa", "passkeys", "sessions"} {
		c.want(c.do("GET", auth+path, token, nil), 200, "")
	}
	var made struct{ Secret string }
	a := c.do("POST", auth+"mfa/totp/setup", token, m{})
	c.want(a, 200, "")
	made.Secret = data[map[string]string](c, a)["secret"]
	a = c.do("POST", auth+"mfa/totp/enable", token, m{"code": shown(made.Secret, c.now())})
	c.want(a, 200, "")
	codes := data[struct{ RecoveryCodes []string }](c, a).RecoveryCodes
	c.want(c.do("GET", settingsOfServer, token, nil), 200, "")
	c.want(c.do("GET", settingsOfServer, other, nil), 401, "SESSION_ENDED")

	refused := c.sdk(collections.Owners, owner, password)
	c.want(refused, 401, "MFA_REQUIRED")
	c.advance(time.Minute)
	c.want(c.do("POST", "/api/collections/_superusers/auth-with-password", "", m{"identity": owner, "password": password, "mfaCode": "000000"}), 401, "MFA_INVALID")
	c.want(c.do("POST", "/api/collections/_superusers/auth-with-password", "", m{"identity": owner, "password": password, "mfaCode": shown(made.Secret, c.now())}), 200, "")
	second := data[LoginData](c, c.withCode(mfaToken(t, c.sdk(collections.Owners, owner, password)), codes[0], "recovery"))
	c.want(c.do("GET", settingsOfServer, second.Tokens.AccessToken, nil), 200, "")

	c.settings(m{"mfa_staff": "required"}) // holds for owners
	c.want(c.do("POST", auth+"mfa/disable", token, m{"method": "totp", "password": password, "mfaCode": codes[1], "codeMethod": "recovery"}), 409, "MFA_REQUIRED_BY_CLINIC")

	c.want(c.do("POST", auth+"mfa/email/setup", token, m{}), 200, "")
	if c.count("account_tokens", "superuser = {:a} AND purpose = 'mfa_email'", ownerID) != 1 {
		t.Error("no code for the owner's address")
	}
	c.want(c.do("POST", auth+"change-password", token, m{"currentPassword": password, "newPassword": "short"}), 400, "")
	a = c.do("POST", auth+"change-password", token, m{"currentPassword": password, "newPassword": "Another-Harbour-43"})
	c.want(a, 200, "")
	c.want(c.do("GET", settingsOfServer, data[ChangedPassword](c, a).AccessToken, nil), 200, "")
	c.want(c.do("GET", settingsOfServer, second.Tokens.AccessToken, nil), 401, "SESSION_ENDED")
	c.want(c.sdk(collections.Owners, owner, password), 401, "INVALID_CREDENTIALS")
}

// Who may do everything is made, changed and removed by an owner who has just shown who they are, with a password that
// the policy admits, and the change ends sessions.
func TestOwnersWrittenByOwners(t *testing.T) {
	c := newClinic(t)
	token, other := c.sdkToken(collections.Owners, owner), c.sdkToken(collections.Owners, owner)
	const rows = "/api/collections/_superusers/records"
	fresh := m{"email": "Second.Owner@clinic.example", "password": "Another-Harbour-43", "passwordConfirm": "Another-Harbour-43"}
	c.want(c.do("POST", rows, token, m{"email": "x@clinic.example", "password": "password12", "passwordConfirm": "password12"}), 400, "")
	c.want(c.do("POST", rows, token, fresh), 200, "")
	second := must(c.app.FindAuthRecordByEmail(collections.Owners, "second.owner@clinic.example")).Id
	seconds := func() answer { return c.sdk(collections.Owners, "Second.Owner@Clinic.example", "Another-Harbour-43") }
	c.want(seconds(), 200, "")
	c.advance(10 * time.Minute)
	before := c.count(collections.Owners, "TRUE")
	for _, try := range []answer{c.do("POST", rows, token, m{"email": "x@clinic.example", "password": "Another-Harbour-44", "passwordConfirm": "Another-Harbour-44"}),
		c.do("PATCH", rows+"/"+ownerID, token, m{"password": "Another-Harbour-44", "passwordConfirm": "Another-Harbour-44"}), c.do("DELETE", rows+"/"+second, token, nil)} {
		c.want(try, 403, "REAUTHENTICATION_REQUIRED")
	}
	if c.count(collections.Owners, "TRUE") != before {
		t.Error("something was written")
	}
	c.want(c.do("POST", auth+"reauthenticate", token, m{"password": password}), 200, "")
	c.want(c.do("PATCH", rows+"/"+ownerID, token, m{"password": "Another-Harbour-44", "passwordConfirm": "Another-Harbour-44"}), 200, "")
	c.want(c.do("GET", settingsOfServer, other, nil), 401, "SESSION_ENDED")
	c.want(c.do("GET", settingsOfServer, token, nil), 401, "SESSION_ENDED")
	a := seconds()
	c.want(a, 200, "")
	var out struct{ Token string }
	a.into(t, &out)
	c.want(c.do("DELETE", rows+"/"+ownerID, out.Token, nil), 204, "")
	if c.count("portal_sessions", "owner = {:a} AND revoked_at = 0", ownerID) != 0 {
		t.Error("sessions of an owner who is gone")
	}
}

// The machine's command lets an owner back in who has lost the second factor, and opens no other way.
func TestResetOwnersFactors(t *testing.T) {
	c := newClinic(t)
	token := c.sdkToken(collections.Owners, owner)
	c.withTOTP(collections.Owners, ownerID)
	c.want(c.sdk(collections.Owners, owner, password), 401, "MFA_REQUIRED")
	run := func(args ...string) (string, error) {
		cmd, out := OwnersCommand(c.app), &bytes.Buffer{}
		cmd.SetArgs(args)
		cmd.SetOut(out)
		cmd.SetErr(out)
		cmd.SilenceUsage = true
		return out.String(), cmd.Execute()
	}
	before := c.everything()
	if _, err := run("reset-factors", "nobody@clinic.example"); err == nil || !strings.Contains(err.Error(), "no owner") {
		t.Error(err)
	}
	if c.everything() != before {
		t.Error("a refused reset touched something")
	}
	_, err := run("reset-factors", "Owner@clinic.example")
	ok(t, err)
	c.want(c.do("GET", settingsOfServer, token, nil), 401, "SESSION_ENDED")
	c.want(c.sdk(collections.Owners, owner, password), 200, "")
	for _, table := range factorTables {
		if c.count(table, "owner = {:a}", ownerID) != 0 {
			t.Error(table, "is not empty")
		}
	}
	if c.count("portal_audit_log", "action = 'RESET_FACTORS' AND actor_kind = 'system' AND resource_type = 'OWNER' AND resource_id = {:a}", ownerID) != 1 {
		t.Error("no line")
	}
	for _, sub := range OwnersCommand(c.app).Commands() {
		if sub.Name() == "otp" {
			t.Error("PocketBase's one-time passwords are offered")
		}
	}
}
