package identity

import (
	"strings"
	"testing"
	"time"

	"anteroom/collections"
)

const strangers = "Strangers-Door-99"

func (c *clinic) post(path string, body m) answer {
	c.Helper()
	return c.do("POST", auth+path, "", body)
}

// Whoever knows a client's data can register before them. Whichever of the two comes first, and whatever the owner of
// the mailbox does next, the stranger's password never opens the account.
func TestRegistrationOfAStranger(t *testing.T) {
	for name, x := range map[string]struct {
		first, second string // passwords that are registered, one after the other; second may be none
		next          func(c *clinic)
	}{
		"before the client registers":     {strangers, password, func(*clinic) {}},
		"after the client registered":     {password, strangers, func(*clinic) {}},
		"before the client asks anew":     {strangers, "", func(c *clinic) { c.want(c.post("forgot-password", m{"email": umaMail}), 200, "") }},
		"both, then the client asks anew": {strangers, password, func(c *clinic) { c.want(c.post("forgot-password", m{"email": umaMail}), 200, "") }},
		"both, then a new mail is wanted": {password, strangers, func(c *clinic) { c.want(c.post("resend-verification", m{"email": umaMail}), 200, "") }},
		"long before the client registers": {strangers, "", func(c *clinic) {
			c.advance(25 * time.Hour)
			c.want(c.register(umaForm()), 409, "ALREADY_REGISTERED")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClinic(t)
			c.want(c.register(umaForm("password", x.first)), 201, "")
			code, link := c.letter(umaMail)
			if x.second != "" {
				c.want(c.register(umaForm("password", x.second)), 409, "ALREADY_REGISTERED")
			}
			x.next(c)
			mails := c.mail(umaMail)
			none, reset := c.letter(umaMail)
			if len(mails) < 2 || mails[0].Subject != "Elija su contraseña para Juniper House" || none != "" || !strings.Contains(mails[0].Text, "/reset-password?token=") {
				t.Fatalf("%+v", mails)
			}
			u := must(collections.LoginByEmail(c.app, "portal_users", umaMail))
			shut := func() {
				t.Helper()
				for _, body := range []m{{"email": umaMail, "code": code}, {"token": link}, {"token": reset}} {
					c.want(c.verify(body), 400, "CODE_INVALID")
				}
				c.want(c.login(umaMail, strangers), 401, "INVALID_CREDENTIALS")
				c.want(c.login(umaMail, password), 401, "INVALID_CREDENTIALS")
				if c.count("client_access", "client = {:a}", uma) != 0 || c.count("portal_users", "id = {:a} AND verified = TRUE", u.Id) != 0 {
					t.Fatal("the account is open")
				}
			}
			shut()
			weak := c.post("reset-password", m{"token": reset, "password": "Dahl-Harbour-43"})
			c.want(weak, 400, "VALIDATION_ERROR")
			shut()
			c.want(c.post("reset-password", m{"token": reset, "password": "Another-Harbour-43"}), 200, "")
			c.want(c.post("reset-password", m{"token": reset, "password": "Third-Harbour-44"}), 400, "LINK_INVALID")
			c.want(c.verify(m{"token": link}), 400, "CODE_INVALID")
			c.want(c.login(umaMail, strangers), 401, "INVALID_CREDENTIALS")
			if in := data[LoginData](t, c.login(umaMail, "Another-Harbour-43")); in.User.ClientID != uma || in.User.ID != u.Id {
				t.Errorf("%+v", in)
			}
			now := collections.AsPortalUser(c.find("portal_users", u.Id))
			if !now.MaySignIn() || now.PendingClient() != "" || now.GetBool("force_password_change") {
				t.Errorf("%v", now.PublicExport())
			}
			if n := c.count("portal_audit_log", "action IN ('VERIFY_EMAIL', 'RESET_PASSWORD', 'CREATE_CLIENT_ACCESS') AND actor_kind = 'client' AND actor_id = {:a}", u.Id); n != 3 {
				t.Error("audit lines:", n)
			}
			c.want(c.register(umaForm("password", strangers)), 409, "ALREADY_REGISTERED") // an open account is left alone
			c.want(c.login(umaMail, "Another-Harbour-43"), 200, "")
		})
	}
}

// The link that opens the account rests on the clinic's record as the code does.
func TestOpeningAfterTheClinicChangedTheRecord(t *testing.T) {
	c := newClinic(t)
	c.want(c.register(umaForm()), 201, "")
	c.want(c.post("forgot-password", m{"email": umaMail}), 200, "")
	_, reset := c.letter(umaMail)
	r := c.find("clients", uma)
	r.Set("email", "else@mail.example")
	ok(t, c.app.Save(r))
	before := c.everything()
	c.want(c.post("reset-password", m{"token": reset, "password": "Another-Harbour-43"}), 400, "LINK_INVALID")
	if c.everything() != before {
		t.Error("a refused link changed something")
	}
}

// Thirty wrong codes in all, however many mails: then the link alone counts.
func TestCodeTriesInAll(t *testing.T) {
	c := newClinic(t)
	c.settings(m{"limits": m{collections.LimitSendMail: m{"max": 20, "seconds": 300}, collections.LimitPublicForms: m{"max": 0}}})
	c.want(c.register(umaForm()), 201, "")
	for range 6 {
		code, _ := c.letter(umaMail)
		for range 5 {
			c.want(c.verify(m{"email": umaMail, "code": other(code)}), 400, "CODE_INVALID")
		}
		c.want(c.post("resend-verification", m{"email": umaMail}), 200, "")
	}
	c.advance(9 * 24 * time.Hour)
	ok(t, forgetTraces(c.app))
	c.want(c.post("resend-verification", m{"email": umaMail}), 200, "")
	code, link := c.letter(umaMail)
	c.want(c.verify(m{"email": umaMail, "code": code}), 400, "CODE_INVALID")
	c.want(c.verify(m{"token": link}), 200, "")
}

// Not even the owner reads what a code or link was hashed to.
func TestHashesAreNotShown(t *testing.T) {
	c := newClinic(t)
	c.want(c.register(umaForm()), 201, "")
	token := c.sdkToken("_superusers", owner)
	a := c.do("GET", "/api/collections/account_tokens/records", token, nil)
	c.want(a, 200, "")
	hash := must(c.app.FindFirstRecordByFilter("account_tokens", "id != ''"))
	if !strings.Contains(a.Body, hash.Id) || strings.Contains(a.Body, hash.GetString("link_hash")) || strings.Contains(a.Body, hash.GetString("code_hash")) {
		t.Error(a.Body)
	}
}
