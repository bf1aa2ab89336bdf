package identity

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"anteroom/collections"
	"anteroom/hooks/kernel"
)

var sixDigits = regexp.MustCompile(`(?m)^\d{6}$`)

// letter gives code and link of the newest mail.
func (c *clinic) letter(to string) (code, link string) {
	c.Helper()
	mails := c.mail(to)
	if len(mails) == 0 {
		c.Fatal("no mail to", to)
	}
	_, rest, _ := strings.Cut(mails[0].Text, "?token=")
	link, _, _ = strings.Cut(rest, "\n")
	return sixDigits.FindString(mails[0].Text), link
}

const umaMail = "uma@mail.example"

func (c *clinic) verify(body m) answer {
	c.Helper()
	return c.do("POST", auth+"verify-email", "", body)
}

func other(code string) string {
	if code[0] == '9' {
		return "0" + code[1:]
	}
	return string(code[0]+1) + code[1:]
}

func TestVerifyEmail(t *testing.T) {
	for _, how := range []string{"code", "link"} {
		t.Run(how, func(t *testing.T) {
			c := newClinic(t)
			c.want(c.register(umaForm()), 201, "")
			code, link := c.letter(umaMail)
			if len(code) != 6 || len(link) != 43 {
				t.Fatal(code, link)
			}
			if n := c.count("account_tokens", "code_hash LIKE '%' || {:a} || '%' OR link_hash = {:b}", code, link); n != 0 {
				t.Error("a secret is stored")
			}
			body := m{"email": "UMA@mail.example ", "code": code}
			if how == "link" {
				body = m{"token": link}
			}
			got := data[map[string]bool](t, c.verify(body))
			if !got["verified"] {
				t.Fatal(got)
			}
			u := collections.AsPortalUser(must(collections.LoginByEmail(c.app, "portal_users", umaMail)))
			if !u.Verified() || u.Status() != collections.AccountActive || u.PendingClient() != "" {
				t.Errorf("%v", u.PublicExport())
			}
			if n := c.count("client_access", "portal_user = {:a} AND client = {:b} AND relationship = 'self' AND scope = 'all' AND expires_at = ''", u.Id, uma); n != 1 {
				t.Error("no access")
			}
			if n := c.count("portal_audit_log", "action IN ('VERIFY_EMAIL', 'CREATE_CLIENT_ACCESS') AND actor_kind = 'client' AND actor_id = {:a}", u.Id); n != 2 {
				t.Error("audit lines:", n)
			}
			if login := data[LoginData](t, c.login(umaMail, password)); login.User.ClientID != uma {
				t.Errorf("%+v", login)
			}
			c.want(c.verify(m{"email": umaMail, "code": code}), 400, "CODE_INVALID") // once
			c.want(c.verify(m{"token": link}), 400, "CODE_INVALID")
		})
	}
}

func TestVerifyEmailRefusals(t *testing.T) {
	c := newClinic(t)
	c.want(c.register(umaForm()), 201, "")
	code, link := c.letter(umaMail)
	unknown := c.verify(m{"email": "nobody@mail.example", "code": "123456"})
	c.want(unknown, 400, "CODE_INVALID")
	same := func(name string, a answer) {
		t.Helper()
		if a.Status != unknown.Status || a.Body != unknown.Body {
			t.Errorf("%s: %d %s", name, a.Status, a.Body)
		}
	}
	same("wrong", c.verify(m{"email": umaMail, "code": other(code)}))
	same("not digits", c.verify(m{"email": umaMail, "code": "abc"}))
	same("somebody verified", c.verify(m{"email": ada, "code": code}))
	same("forged link", c.verify(m{"token": link[:42] + "_"}))
	same("a reset link's place", c.verify(m{"token": "x"}))
	c.want(c.verify(m{"email": umaMail}), 400, "VALIDATION_ERROR")
	c.want(c.verify(m{}), 400, "VALIDATION_ERROR")

	c.advance(30 * time.Minute)
	same("expired code", c.verify(m{"email": umaMail, "code": code}))
	c.advance(23*time.Hour + 29*time.Minute)
	if c.count("portal_users", "verified = TRUE") != 2 {
		t.Fatal("somebody was verified")
	}
	c.advance(time.Minute)
	same("expired link", c.verify(m{"token": link}))
}

func TestVerifyTheLinkOutlivesTheCode(t *testing.T) {
	c := newClinic(t)
	c.want(c.register(umaForm()), 201, "")
	_, link := c.letter(umaMail)
	c.advance(24*time.Hour - time.Minute)
	c.want(c.verify(m{"token": link}), 200, "")
}

// Five tries; then even the right code is dead, and a new mail is needed.
func TestCodeTries(t *testing.T) {
	c := newClinic(t)
	c.want(c.register(umaForm()), 201, "")
	code, _ := c.letter(umaMail)
	for range 5 {
		c.want(c.verify(m{"email": umaMail, "code": other(code)}), 400, "CODE_INVALID")
	}
	c.want(c.verify(m{"email": umaMail, "code": code}), 400, "CODE_INVALID")
	c.want(c.do("POST", auth+"resend-verification", "", m{"email": umaMail}), 200, "")
	fresh, _ := c.letter(umaMail)
	c.want(c.verify(m{"email": umaMail, "code": fresh}), 200, "")
}

// A new mail replaces the old one.
func TestResendReplaces(t *testing.T) {
	c := newClinic(t)
	c.want(c.register(umaForm()), 201, "")
	code, link := c.letter(umaMail)
	c.want(c.do("POST", auth+"resend-verification", "", m{"email": "UMA@mail.example"}), 200, "")
	fresh, _ := c.letter(umaMail)
	if fresh != code { // one in a million
		c.want(c.verify(m{"email": umaMail, "code": code}), 400, "CODE_INVALID")
	}
	c.want(c.verify(m{"token": link}), 400, "CODE_INVALID")
	c.want(c.verify(m{"email": umaMail, "code": fresh}), 200, "")
}

// What the registration rested on must still hold when the address is proven.
func TestVerifyAfterTheClinicChangedTheRecord(t *testing.T) {
	for name, change := range map[string]m{"another address": {"email": "else@mail.example"}, "inactive": {"status": "inactive"}} {
		t.Run(name, func(t *testing.T) {
			c := newClinic(t)
			c.want(c.register(umaForm()), 201, "")
			_, link := c.letter(umaMail)
			r := c.find("clients", uma)
			r.Load(change)
			ok(t, c.app.Save(r))
			c.want(c.verify(m{"token": link}), 400, "CODE_INVALID")
			if c.count("client_access", "client = {:a}", uma) != 0 || c.count("portal_users", "email = {:a} AND verified = TRUE", umaMail) != 0 {
				t.Error("access was given")
			}
		})
	}
}

// Asking for a mail tells nothing and mails only whom it should.
func TestLettersLookAlike(t *testing.T) {
	c := newClinic(t)
	c.want(c.register(umaForm()), 201, "")
	c.mail(umaMail)
	suspended := c.find("portal_users", boLogin)
	suspended.Set("account_status", "suspended")
	ok(t, c.app.Save(suspended))
	for _, x := range []struct{ path, email, topic string }{
		{"resend-verification", umaMail, "Confirme"}, {"resend-verification", ada, ""}, {"resend-verification", bo, ""},
		{"resend-verification", "nobody@mail.example", ""}, {"resend-verification", dee, ""},
		{"forgot-password", ada, "Choose a new password"}, {"forgot-password", bo, ""}, {"forgot-password", umaMail, "Elija su contraseña"}, {"resend-verification", umaMail, "Elija su contraseña"},
		{"forgot-password", "nobody@mail.example", ""}, {"forgot-password", dee, ""},
	} {
		before := len(c.mail(x.email))
		rows := c.count("outbox", "kind = 'job'")
		a := c.do("POST", auth+x.path, "", m{"email": x.email})
		if a.Status != 200 || !strings.Contains(a.Body, `"data":{"sent":true}`) {
			t.Errorf("%s %s: %d %s", x.path, x.email, a.Status, a.Body)
		}
		if c.count("outbox", "kind = 'job'") != rows+1 {
			t.Errorf("%s %s: other work", x.path, x.email)
		}
		mails := c.mail(x.email)
		if n := len(mails) - before; (x.topic == "" && n != 0) || (x.topic != "" && (n != 1 || !strings.Contains(mails[0].Subject, x.topic))) {
			t.Errorf("%s %s: %d mails", x.path, x.email, n)
		}
	}
	c.want(c.do("POST", auth+"forgot-password", "", m{}), 400, "VALIDATION_ERROR")
	for _, email := range []string{ada, "nobody@mail.example"} { // both are stopped after five
		var last answer
		for range 5 {
			last = c.do("POST", auth+"forgot-password", "", m{"email": email})
		}
		c.want(last, 429, "RATE_LIMITED")
	}
}

func TestResetPassword(t *testing.T) {
	c := newClinic(t)
	s := c.in(ada)
	staffToken := c.sdkToken("staff", dee)
	for range 5 {
		c.login(ada, "Wrong-Harbour-42")
	}
	c.want(c.login(ada, password), 403, "ACCOUNT_LOCKED")
	c.want(c.do("POST", auth+"forgot-password", "", m{"email": ada}), 200, "")
	_, first := c.letter(ada)
	c.want(c.do("POST", auth+"forgot-password", "", m{"email": ada}), 200, "")
	_, link := c.letter(ada)
	reset := func(token, pass string) answer {
		return c.do("POST", auth+"reset-password", "", m{"token": token, "password": pass})
	}
	before := c.everything()
	c.want(reset(first, "Another-Harbour-43"), 400, "LINK_INVALID") // replaced by the second
	c.want(reset("forged", "Another-Harbour-43"), 400, "LINK_INVALID")
	c.want(reset("", "Another-Harbour-43"), 400, "VALIDATION_ERROR")
	for pass, code := range map[string]string{"short": "min_length", "quiet-harbour-42": "classes", "Sunshine1234!": "common", "Lovell-Harbour-43": "personal", "Quiet-Harbour-1990": "personal"} {
		if a := reset(link, pass); a.Status != 400 || !strings.Contains(a.Body, `"password":{"code":"`+code) {
			t.Errorf("%s: %d %s", pass, a.Status, a.Body)
		}
	}
	if c.everything() != before {
		t.Fatal("a refused reset changed something")
	}
	got := data[map[string]bool](t, reset(link, "Another-Harbour-43"))
	if !got["reset"] {
		t.Fatal(got)
	}
	if c.me(s.Tokens.AccessToken) != 401 || c.desk(staffToken) != 200 {
		t.Error("her sessions must end, and nobody else's")
	}
	c.want(c.refresh(s.Tokens.RefreshToken), 401, "SESSION_ENDED")
	c.want(reset(link, "Third-Harbour-44"), 400, "LINK_INVALID") // once
	c.want(c.login(ada, password), 401, "INVALID_CREDENTIALS")
	c.want(c.login(ada, "Another-Harbour-43"), 200, "") // the lock is gone too
	if mails := c.mail(ada); mails[0].Subject != "Your password for Juniper House was changed" {
		t.Error(mails[0].Subject)
	}
	if n := c.count("portal_audit_log", "action = 'RESET_PASSWORD' AND resource_id = {:a}", adaLogin); n != 1 {
		t.Error("audit lines:", n)
	}
	if at := c.find("portal_users", adaLogin).GetDateTime("password_changed_at").Time(); kernel.Now(c.app).Sub(at) > 5*time.Second {
		t.Error(at)
	}
}

func TestResetLinkDies(t *testing.T) {
	for name, kill := range map[string]func(c *clinic){
		"after half an hour": func(c *clinic) { c.advance(30 * time.Minute) },
		"with the account": func(c *clinic) {
			u := c.find("portal_users", adaLogin)
			u.Set("account_status", "suspended")
			ok(c, c.app.Save(u))
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClinic(t)
			c.want(c.do("POST", auth+"forgot-password", "", m{"email": ada}), 200, "")
			_, link := c.letter(ada)
			kill(c)
			c.want(c.do("POST", auth+"reset-password", "", m{"token": link, "password": "Another-Harbour-43"}), 400, "LINK_INVALID")
			c.want(c.verify(m{"token": link}), 400, "CODE_INVALID") // nor does it open another door
		})
	}
}

func TestForgetTraces(t *testing.T) {
	c := newClinic(t)
	c.want(c.register(umaForm()), 201, "")
	c.login(ada, "Wrong-Harbour-42")
	ok(t, forgetTraces(c.app))
	if c.count("account_tokens", "1 = 1") != 1 || c.count("sign_in_failures", "1 = 1") == 0 {
		t.Fatal("forgot what still counts")
	}
	c.advance(9 * 24 * time.Hour)
	ok(t, forgetTraces(c.app))
	if c.count("account_tokens", "1 = 1")+c.count("sign_in_failures", "1 = 1") != 0 {
		t.Fatal("kept what no longer counts")
	}
}
