package identity

import (
	"strings"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/kernel"
)

func (c *clinic) close(token string) answer {
	c.Helper()
	return c.do("POST", auth+"close-account", token, m{"confirm": true})
}

// A closed account is closed at every door, gets no mail that opens anything, and its records stay.
func TestCloseAccount(t *testing.T) {
	c := newClinic(t)
	c.withTOTP("portal_users", adaLogin)
	here := c.do("POST", auth+"login", "", m{"email": ada, "password": password, "mfaCode": c.code(), "rememberDevice": true})
	in, cookie := data[LoginData](t, here), here.cookie(t, "__Host-anteroom_device")
	elsewhere := data[LoginData](t, c.login(ada, password, "Cookie", cookie))
	bos := c.in(bo)
	c.askLink(ada)
	code, link := c.letter(ada)
	c.want(c.post("forgot-password", m{"email": ada}), 200, "")
	_, reset := c.letter(ada)
	cleos, err := c.app.FindFirstRecordByFilter("client_access", "client = {:c}", dbx.Params{"c": cleo})
	ok(t, err)
	scope := func(s string) {
		cleos.Set("scope", s)
		ok(t, c.app.Save(cleos))
	}
	scope("all")
	hers := kernel.Actor{Kind: kernel.KindClient, ID: adaLogin}
	for _, i := range []struct {
		client, link string
		by           kernel.Actor
	}{{adaClient, "hers", hers}, {cleo, "for Cleo", hers}, {adaClient, "clinics", kernel.Actor{Kind: kernel.KindStaff, ID: deeStaff, Role: kernel.RoleFrontDesk}}} {
		ok(t, kernel.SaveAs(c.app, i.by, newRecord(c, "invitations", m{"client": i.client, "email": core.GenerateDefaultRandomId() + "@mail.example",
			"relationship": "partner", "scope": "billing", "expires_at": monday.Add(72 * time.Hour), "invited_by": "somebody", "link_hash": i.link})))
	}
	scope("appointments_forms") // she could not invite for Cleo any more, nor take that back
	token, waiting := in.Tokens.AccessToken, mfaToken(t, c.login(ada, password))

	c.want(c.do("POST", auth+"close-account", token, m{}), 400, "VALIDATION_ERROR")
	c.want(c.do("POST", auth+"close-account", token, m{"confirm": false}), 400, "VALIDATION_ERROR")
	c.want(c.close(""), 401, "SIGN_IN_REQUIRED")
	c.want(c.close(c.sdkToken("staff", dee)), 401, "SIGN_IN_REQUIRED")
	c.advance(11 * time.Minute)
	c.want(c.close(token), 403, "REAUTHENTICATION_REQUIRED")
	c.want(c.do("POST", auth+"reauthenticate", token, m{"password": password, "mfaCode": c.code()}), 200, "")
	if c.count("portal_users", "account_status = 'closed'")+c.count("client_access", "expires_at <> '' AND expires_at <= '"+c.now().Format("2006-01-02 15:04:05.000Z")+"'") != 0 {
		t.Fatal("a refused request closed something")
	}
	clients := c.count("clients", "1 = 1")
	if got := data[map[string]bool](t, c.close(token)); !got["closed"] {
		t.Fatal(got)
	}

	if c.me(token) != 401 || c.me(elsewhere.Tokens.AccessToken) != 401 || c.me(bos.Tokens.AccessToken) != 200 {
		t.Error("her sessions must end, and nobody else's")
	}
	c.want(c.refresh(in.Tokens.RefreshToken), 401, "SESSION_ENDED")
	c.advance(time.Minute)
	for name, a := range map[string]answer{
		"password":                  c.do("POST", auth+"login", "", m{"email": ada, "password": password, "mfaCode": c.code()}),
		"password, remembered":      c.login(ada, password, "Cookie", cookie),
		"the SDK":                   c.do("POST", "/api/collections/portal_users/auth-with-password", "", m{"identity": ada, "password": password, "mfaCode": c.code()}),
		"a passkey or a link to it": c.do("POST", "/api/test/answer/portal_users/"+adaLogin+"/oauth2", "", m{}),
	} {
		if a.Status != 403 {
			t.Errorf("%s: %d %s", name, a.Status, a.Body)
		}
	}
	c.want(c.withCode(waiting, c.code(), "totp"), 401, "")
	c.want(c.useLink(m{"token": link}), 400, "LINK_INVALID")
	c.want(c.useLink(m{"email": ada, "code": code}), 400, "CODE_INVALID")
	c.want(c.post("reset-password", m{"token": reset, "password": "Another-Harbour-43"}), 400, "LINK_INVALID")
	mails := len(c.mail(ada))
	for _, body := range []m{{"email": ada}, {"token": link}, {"token": reset}} {
		for _, path := range []string{"magic-link", "forgot-password", "resend-verification"} {
			c.want(c.post(path, body), 200, "")
		}
	}
	if n := len(c.mail(ada)); n != mails {
		t.Errorf("%d mails to a closed account", n-mails)
	}
	c.want(c.register(m{"email": ada, "password": strangers, "firstName": "Ada", "lastName": "Lovell", "dateOfBirth": "1990-04-27"}), 409, "ALREADY_REGISTERED")

	if s := c.mail(ada)[0].Subject; s != "Your account at Juniper House is closed" {
		t.Error(s)
	}
	if c.count("client_access", "portal_user = {:a} AND (expires_at = '' OR expires_at > {:b})", adaLogin, "2026-12-07 16:30:00.000Z") != 0 || c.count("client_access", "portal_user = {:a}", adaLogin) != 2 ||
		c.count("client_access", "portal_user = {:a} AND expires_at = ''", boLogin) != 1 {
		t.Error("her access must end, the rows stay, and nobody else's end")
	}
	if c.count("invitations", "revoked_at <> ''") != 2 || c.count("invitations", "link_hash = 'clinics' AND revoked_at = ''") != 1 {
		t.Error("her invitations must be revoked, and the clinic's not")
	}
	if c.count("remembered_devices", "owner = {:a} AND revoked_at = ''", adaLogin) != 0 || c.count("account_tokens", "used_at = ''") != 0 {
		t.Error("a device or a link is left")
	}
	if c.count("clients", "1 = 1") != clients || c.count("staff_notifications", "notification_type = 'account_closed' AND resource_id = {:a}", adaLogin) != 1 {
		t.Error("the clinic keeps its records and hears of it once")
	}
	if c.count("portal_audit_log", "action = 'CLOSE_ACCOUNT' AND result = 'ok' AND actor_kind = 'client' AND actor_id = {:a}", adaLogin) != 1 {
		t.Error("no audit line")
	}

	// the clinic opens it again: the login as it was, without access until the clinic gives it
	u := collections.AsPortalUser(c.find("portal_users", adaLogin))
	u.SetStatus(collections.AccountActive)
	ok(t, kernel.SaveAs(c.app, kernel.Actor{Kind: kernel.KindStaff, ID: deeStaff, Role: kernel.RoleAdmin}, u.Record))
	c.advance(time.Minute)
	if in := data[LoginData](t, c.do("POST", auth+"login", "", m{"email": ada, "password": password, "mfaCode": c.code()})); len(in.Session.Clients) != 0 {
		t.Errorf("%+v", in.Session.Clients)
	}
}

// changesOfCredentials is every change of what an account is signed in with. Whoever took the account over would make
// it too, so each of them mails the person: whoever adds a way adds its row.
var changesOfCredentials = map[string]struct {
	do      func(c *clinic, token string)
	to      []string // besides the account's address
	subject string
}{
	"another password by the old one": {func(c *clinic, token string) {
		c.want(c.do("POST", auth+"change-password", token, m{"currentPassword": password, "newPassword": "Other-Harbour-43"}), 200, "")
	}, nil, "Your password for Juniper House was changed"},
	"another password by a mailed link": {func(c *clinic, _ string) {
		c.want(c.post("forgot-password", m{"email": ada}), 200, "")
		_, link := c.letter(ada)
		c.want(c.post("reset-password", m{"token": link, "password": "Other-Harbour-43"}), 200, "")
	}, nil, "Your password for Juniper House was changed"},
	"another password by the owner": {func(c *clinic, _ string) {
		c.want(c.do("PATCH", "/api/collections/portal_users/records/"+adaLogin, c.sdkToken("_superusers", owner),
			m{"password": "Other-Harbour-43", "passwordConfirm": "Other-Harbour-43"}), 200, "")
	}, nil, "The clinic set a new password for you at Juniper House"},
	"another address by its codes": {func(c *clinic, token string) {
		c.want(c.askEmail(token, adaNew), 200, "")
		code, oldCode := c.codes(adaNew, ada)
		c.want(c.confirmEmail(token, code, oldCode), 200, "")
	}, []string{adaNew}, "Your email for Juniper House was changed"},
	"another address by the owner": {func(c *clinic, _ string) {
		c.want(c.do("PATCH", "/api/collections/portal_users/records/"+adaLogin, c.sdkToken("_superusers", owner), m{"email": adaNew}), 200, "")
	}, []string{adaNew}, "Your email for Juniper House was changed"},
	"a recovery code": {func(c *clinic, _ string) {
		c.withTOTP("portal_users", adaLogin)
		ok(c, c.app.Save(newRecord(c, "recovery_codes", m{"owner_collection": "portal_users", "owner": adaLogin,
			"code_hash": recoveryHash(c.find("portal_users", adaLogin), "ABCDE-FGHIJ")})))
		c.want(c.do("POST", auth+"login", "", m{"email": ada, "password": password, "mfaCode": "abcde fghij"}), 200, "")
	}, nil, "A recovery code was used at Juniper House"},
	"the account's end": {func(c *clinic, token string) {
		c.want(c.close(token), 200, "")
	}, nil, "Your account at Juniper House is closed"},
}

func TestEveryChangeOfCredentialsIsMailed(t *testing.T) {
	for name, x := range changesOfCredentials {
		t.Run(name, func(t *testing.T) {
			c := newClinic(t)
			token := c.in(ada).Tokens.AccessToken
			x.do(c, token)
			for _, to := range append([]string{ada}, x.to...) {
				mails := c.mail(to)
				told := 0
				for _, got := range mails {
					if got.Subject == x.subject {
						told++
						if !strings.Contains(got.Text, "call us") {
							t.Error("the mail does not say what to do:", got.Text)
						}
					}
				}
				if told != 1 {
					t.Errorf("%s was told %d times: %+v", to, told, mails)
				}
			}
		})
	}
}

// Every notice has words in every language.
func TestNoticesHaveWords(t *testing.T) {
	for language, words := range noticeWords {
		for n, english := range noticeWords["en"] {
			w, found := words[n]
			if !found || strings.Count(w[0], "%s") != 1 || w[1] == "" || english[1] == "" {
				t.Errorf("%s has no words for %s", language, n)
			}
		}
		if len(words) != len(noticeWords["en"]) {
			t.Errorf("%s: %d notices", language, len(words))
		}
	}
}
