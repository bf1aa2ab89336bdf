package identity

import (
	"strings"
	"sync"
	"testing"
	"time"

	"anteroom/collections"
)

func (c *clinic) askLink(email string) {
	c.Helper()
	c.want(c.post("magic-link", m{"email": email}), 200, "")
}

func (c *clinic) useLink(body m, headers ...string) answer {
	c.Helper()
	return c.do("POST", auth+"magic-link/verify", "", body, headers...)
}

func TestMailLink(t *testing.T) {
	for _, how := range []string{"link", "code"} {
		t.Run(how, func(t *testing.T) {
			c := newClinic(t)
			c.askLink(" ADA@mail.example")
			got := c.mail(ada)[0]
			code, link := c.letter(ada)
			if got.Subject != "Your link to sign in to Juniper House" || len(code) != 6 || !strings.Contains(got.Text, "https://portal.example/sign-in/link?token="+link) || !strings.Contains(got.HTML, ">"+code+"<") {
				t.Fatal(got.Subject, got.Text)
			}
			for _, words := range []string{"We don't know who it was", "once, for 15 minutes", "Never forward"} {
				if !strings.Contains(got.Text, words) {
					t.Error("the mail does not say:", words)
				}
			}
			if n := c.count("account_tokens", "code_hash LIKE '%' || {:a} || '%' OR link_hash = {:b}", code, link); n != 0 {
				t.Error("a secret is stored")
			}
			for range 3 { // what a scanner of links does
				c.do("GET", "/sign-in/link?token="+link, "", nil)
				c.do("GET", auth+"magic-link/verify?token="+link, "", nil)
			}
			body := m{"token": link}
			if how == "code" {
				body = m{"email": "Ada@mail.example ", "code": code[:3] + " " + code[3:]}
			}
			in := data[LoginData](t, c.useLink(body, "User-Agent", "another browser"))
			if in.User.ID != adaLogin || c.me(in.Tokens.AccessToken) != 200 || in.Session.Remembered {
				t.Errorf("%+v", in)
			}
			if c.count("portal_sessions", "id = {:a} AND method = 'mail_link'", in.Session.ID) != 1 || c.count("portal_audit_log", "action = 'LOGIN' AND result = 'ok'") != 1 {
				t.Error("the session does not say how it was opened")
			}
			before := c.everything()
			c.want(c.useLink(m{"token": link}), 400, "LINK_INVALID") // once
			c.want(c.useLink(m{"email": ada, "code": code}), 400, "CODE_INVALID")
			if c.everything() != before {
				t.Error("a used mail changed something")
			}
		})
	}
}

// Wrong, used, replaced, old, made for something else, of somebody else, of a closed account: one answer for links, one
// for codes, and nothing opens.
func TestMailLinkRefusals(t *testing.T) {
	c := newClinic(t)
	c.settings(m{"limits": m{collections.LimitSendMail: m{"max": 20, "seconds": 300}, collections.LimitSignInSpray: m{"max": 100, "seconds": 300}}})
	link0, code0 := c.useLink(m{"token": "made up"}), c.useLink(m{"email": "nobody@mail.example", "code": "123456"})
	c.want(link0, 400, "LINK_INVALID")
	c.want(code0, 400, "CODE_INVALID")
	refused := func(name string, bodies ...m) {
		t.Helper()
		for _, body := range bodies {
			first := link0
			if body["code"] != nil {
				first = code0
			}
			if a := c.useLink(body); a.Status != first.Status || a.Body != first.Body {
				t.Errorf("%s: %d %s", name, a.Status, a.Body)
			}
		}
	}
	c.askLink(ada)
	code, link := c.letter(ada)
	c.askLink(bo)
	boCode, _ := c.letter(bo)
	refused("wrong", m{"token": link[:42] + "_"}, m{"email": ada, "code": other(code)}, m{"email": ada, "code": "abc"})
	if code != boCode { // one in a million
		refused("somebody else's", m{"email": bo, "code": code})
	}
	c.want(c.post("reset-password", m{"token": link, "password": "Another-Harbour-43"}), 400, "LINK_INVALID")
	c.want(c.verify(m{"token": link}), 400, "CODE_INVALID")
	c.want(c.post("forgot-password", m{"email": ada}), 200, "")
	_, reset := c.letter(ada)
	refused("made for something else", m{"token": reset})
	c.askLink(ada)
	code2, link2 := c.letter(ada)
	refused("replaced", m{"token": link}, m{"email": ada, "code": other(code2)})
	c.advance(15 * time.Minute)
	refused("old", m{"token": link2}, m{"email": ada, "code": code2})
	c.askLink(ada)
	code, link = c.letter(ada)
	u := c.find("portal_users", adaLogin)
	u.Set("account_status", "suspended")
	ok(t, c.app.Save(u))
	refused("suspended", m{"token": link}, m{"email": ada, "code": code})
	if n := c.count("portal_sessions", "1 = 1"); n != 0 {
		t.Fatal("sessions:", n)
	}
	for _, body := range []m{{}, {"email": ada}, {"code": code}, {"token": strings.Repeat("x", 201)}, {"email": ada, "code": strings.Repeat("1", 21)}} {
		c.want(c.useLink(body), 400, "VALIDATION_ERROR")
	}
	c.want(c.post("magic-link", m{}), 400, "VALIDATION_ERROR")
	c.want(c.post("magic-link", m{"token": strings.Repeat("x", 201)}), 400, "VALIDATION_ERROR")
}

// Who may not sign in gets no mail, and the answer is the same for everybody.
func TestMailLinkGoesToOpenAccountsAlone(t *testing.T) {
	c := newClinic(t)
	c.want(c.register(umaForm()), 201, "")
	u := c.find("portal_users", boLogin)
	u.Set("account_status", "suspended")
	ok(t, c.app.Save(u))
	for email, mails := range map[string]int{ada: 1, bo: 0, umaMail: 0, dee: 0, "nobody@mail.example": 0} {
		before, jobs := len(c.mail(email)), c.count("outbox", "kind = 'job'")
		a := c.post("magic-link", m{"email": email})
		if a.Status != 200 || !strings.Contains(a.Body, `"data":{"sent":true}`) || c.count("outbox", "kind = 'job'") != jobs+1 {
			t.Errorf("%s: %d %s", email, a.Status, a.Body)
		}
		if n := len(c.mail(email)) - before; n != mails {
			t.Errorf("%s: %d mails", email, n)
		}
	}
	for _, email := range []string{ada, "nobody@mail.example"} { // both are stopped after five
		var last answer
		for range 5 {
			last = c.post("magic-link", m{"email": email})
		}
		c.want(last, 429, "RATE_LIMITED")
	}
}

// Of many who use one link at once, one is let in.
func TestMailLinkAtOnce(t *testing.T) {
	for _, how := range []string{"link", "code"} {
		t.Run(how, func(t *testing.T) {
			c := newClinic(t)
			c.askLink(ada)
			code, link := c.letter(ada)
			body := m{"token": link}
			if how == "code" {
				body = m{"email": ada, "code": code}
			}
			var all sync.WaitGroup
			answers := make([]answer, 8)
			for i := range answers {
				all.Go(func() { answers[i] = c.useLink(body) })
			}
			all.Wait()
			in := 0
			for _, a := range answers {
				if a.Status == 200 {
					in++
				} else if a.Status != 400 {
					t.Error(a.Status, a.Body)
				}
			}
			if in != 1 || c.count("portal_sessions", "1 = 1") != 1 {
				t.Fatalf("%d were let in", in)
			}
		})
	}
}

// A guesser at the code gets five tries a mail, thirty in all, and the address's share over many accounts; the victim's
// link works all the same, and so does the password.
func TestGuessingMailCodes(t *testing.T) {
	c := newClinic(t)
	c.settings(m{"limits": m{collections.LimitSendMail: m{"max": 20, "seconds": 300}, collections.LimitPublicForms: m{"max": 0}, collections.LimitSignInSpray: m{"max": 100, "seconds": 300}}})
	for range 6 {
		c.askLink(ada)
		code, _ := c.letter(ada)
		for range 5 {
			c.want(c.useLink(m{"email": ada, "code": other(code)}), 400, "CODE_INVALID")
		}
		c.want(c.useLink(m{"email": ada, "code": code}), 400, "CODE_INVALID") // the sixth, though it is right
	}
	c.askLink(ada)
	code, link := c.letter(ada)
	c.want(c.useLink(m{"email": ada, "code": code}), 400, "CODE_INVALID")
	c.want(c.useLink(m{"token": link}), 200, "")
	c.want(c.login(ada, password), 200, "")
}

func TestGuessingMailCodesOfManyAccounts(t *testing.T) {
	c := newClinic(t)
	c.settings(m{"limits": m{collections.LimitSignInSpray: m{"max": 6, "seconds": 900}}})
	c.askLink(bo)
	code, link := c.letter(bo)
	emails := []string{ada, bo, "nobody@mail.example"}
	for i := range 6 {
		c.want(c.useLink(m{"email": emails[i%3], "code": other(code)}), 400, "CODE_INVALID")
	}
	for _, email := range emails {
		a := c.useLink(m{"email": email, "code": code})
		c.want(a, 429, "SIGN_IN_LIMIT")
		if a.Header.Get("Retry-After") == "" {
			t.Error("it does not say when to try again")
		}
	}
	c.want(c.useLink(m{"token": link}), 200, "") // his own link
}

// Somebody whose password is being guessed at has another way in.
func TestMailLinkWhilePasswordsAreClosed(t *testing.T) {
	for _, how := range []string{"link", "code"} {
		t.Run(how, func(t *testing.T) {
			c := newClinic(t)
			for range 5 {
				c.login(ada, "Wrong-Harbour-42", "address", "203.0.113.9")
			}
			c.want(c.login(ada, password), 403, "ACCOUNT_LOCKED")
			c.askLink(ada)
			code, link := c.letter(ada)
			body := m{"token": link}
			if how == "code" {
				body = m{"email": ada, "code": code}
			}
			c.want(c.useLink(body), 200, "")
		})
	}
}

// A mail alone does not open an account that has a second factor, and a mailed code is not offered as one.
func TestMailLinkWantsTheSecondFactor(t *testing.T) {
	c := newClinic(t)
	c.withTOTP("portal_users", adaLogin)
	c.askLink(ada)
	_, link := c.letter(ada)
	first := c.useLink(m{"token": link, "rememberDevice": true})
	token := mfaToken(t, first)
	if strings.Contains(first.Body, `"email"`) {
		t.Error(first.Body)
	}
	if c.count("portal_sessions", "1 = 1") != 0 || c.count("portal_audit_log", "action = 'LOGIN' AND result = 'ok'") != 0 {
		t.Fatal("the link alone opened a session")
	}
	c.want(c.useLink(m{"token": link}), 400, "LINK_INVALID") // it is spent
	c.want(c.post("mfa/challenge", m{"mfaToken": token, "method": "email"}), 400, "VALIDATION_ERROR")
	c.want(c.withCode(token, "000000", "totp"), 401, "MFA_INVALID")
	if in := data[LoginData](t, c.withCode(token, c.code(), "totp")); !in.Session.Remembered || in.User.ID != adaLogin {
		t.Errorf("%+v", in)
	}
}

// A clinic that asks everybody for a second step does not take two mails for two proofs.
func TestMailLinkWhereASecondStepIsRequired(t *testing.T) {
	c := newClinic(t)
	c.settings(m{"mfa_clients": "required"})
	c.askLink(ada)
	_, link := c.letter(ada)
	a := c.useLink(m{"token": link})
	c.want(a, 401, "MFA_REQUIRED")
	if !strings.Contains(a.Body, "Sign in with your password") {
		t.Error(a.Body)
	}
}

// A dead link of each kind fetches a fresh one, to the address that the account has now, days later too; a token of
// another kind or of nobody gets the same answer and no mail.
func TestDeadLinksFetchFreshOnes(t *testing.T) {
	for path, page := range map[string]string{"magic-link": "/sign-in/link?token=", "forgot-password": "/reset-password?token=", "resend-verification": "/verify-email?token="} {
		t.Run(path, func(t *testing.T) {
			c := newClinic(t)
			email, id := ada, adaLogin
			if path == "resend-verification" {
				c.want(c.register(umaForm()), 201, "")
				email = umaMail
				id = must(collections.LoginByEmail(c.app, "portal_users", umaMail)).Id
			} else {
				c.want(c.post(path, m{"email": email}), 200, "")
			}
			_, dead := c.letter(email)
			c.advance(6 * 24 * time.Hour)
			ok(t, forgetTraces(c.app))
			if path != "resend-verification" { // a proof of an address is of that address
				u := c.find("portal_users", id)
				u.SetEmail("ada.new@mail.example")
				ok(t, c.app.Save(u))
				email = "ada.new@mail.example"
			}
			jobs := c.count("outbox", "kind = 'job'")
			good := c.post(path, m{"token": dead})
			c.want(good, 200, "")
			if c.count("outbox", "kind = 'job'") != jobs+1 {
				t.Error("other work")
			}
			if got := c.mail(email)[0]; !strings.Contains(got.Text, page) || strings.Contains(got.Text, dead) {
				t.Fatal(got.Subject, got.Text)
			}
			all := len(c.mail(""))
			for _, other := range []string{"magic-link", "forgot-password", "resend-verification"} {
				token := dead
				if other == path {
					token = "made up"
				}
				if a := c.post(other, m{"token": token}); a.Status != good.Status || a.Body != good.Body {
					t.Errorf("%s: %d %s", other, a.Status, a.Body)
				}
			}
			if n := len(c.mail("")); n != all {
				t.Errorf("%d mails for tokens that name nobody", n-all)
			}
			c.want(c.post(path, m{"token": "made up"}), 200, "")
			for range 4 {
				c.want(c.post(path, m{"token": dead}), 200, "")
			}
			c.want(c.post(path, m{"token": dead}), 429, "RATE_LIMITED")
		})
	}
}

// What is dead for longer than a week names nobody any more.
func TestDeadLinksAreForgotten(t *testing.T) {
	c := newClinic(t)
	c.askLink(ada)
	_, dead := c.letter(ada)
	c.advance(7*24*time.Hour + 16*time.Minute)
	ok(t, forgetTraces(c.app))
	before := len(c.mail(ada))
	c.want(c.post("magic-link", m{"token": dead}), 200, "")
	if len(c.mail(ada)) != before {
		t.Error("an old link was remembered")
	}
}
