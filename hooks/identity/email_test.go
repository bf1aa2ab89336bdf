package identity

import (
	"strings"
	"testing"
	"time"

	"anteroom/collections"
	"anteroom/hooks/kernel"
)

const adaNew = "ada.new@mail.example"

// codes gives the code of the newest mail at each of two addresses.
func (c *clinic) codes(to, old string) (string, string) {
	c.Helper()
	code, _ := c.letter(to)
	oldCode, _ := c.letter(old)
	return code, oldCode
}

func (c *clinic) askEmail(token, to string) answer {
	c.Helper()
	return c.do("POST", auth+"change-email", token, m{"email": to})
}

func (c *clinic) confirmEmail(token, code, oldCode string) answer {
	c.Helper()
	return c.do("POST", auth+"change-email/confirm", token, m{"code": code, "oldCode": oldCode})
}

func TestChangeEmail(t *testing.T) {
	c := newClinic(t)
	c.withTOTP("portal_users", adaLogin)
	here := c.do("POST", auth+"login", "", m{"email": ada, "password": password, "mfaCode": c.code(), "rememberDevice": true})
	in, cookie := data[LoginData](t, here), here.cookie(t, "__Host-anteroom_device")
	elsewhere := data[LoginData](t, c.login(ada, password, "Cookie", cookie))
	bos := c.in(bo)
	c.askLink(ada)
	_, link := c.letter(ada)
	token := in.Tokens.AccessToken

	sent := data[struct {
		Sent      bool
		ExpiresIn int
	}](t, c.askEmail(token, " ADA.New@mail.example "))
	if !sent.Sent || sent.ExpiresIn != 1800 {
		t.Errorf("%+v", sent)
	}
	code, oldCode := c.codes(adaNew, ada)
	if len(code) != 6 || len(oldCode) != 6 || strings.Contains(c.mail(ada)[0].Text, adaNew) {
		t.Fatal(code, oldCode, c.mail(ada)[0].Text)
	}
	pending := data[struct {
		Pending *struct {
			Email     string
			ExpiresAt time.Time
		}
	}](t, c.do("GET", auth+"change-email", token, nil))
	if pending.Pending == nil || pending.Pending.Email != adaNew || pending.Pending.ExpiresAt.After(c.now().Add(emailChangeLife)) {
		t.Errorf("%+v", pending.Pending)
	}
	c.want(c.login(adaNew, password), 401, "INVALID_CREDENTIALS") // not yet

	got := data[ChangedEmail](t, c.confirmEmail(token, code, oldCode[:3]+" "+oldCode[3:]))
	if got.Email != adaNew || got.ExpiresIn <= 0 || c.me(got.AccessToken) != 200 {
		t.Fatalf("%+v", got)
	}
	if c.me(token) == 200 || c.me(elsewhere.Tokens.AccessToken) != 401 || c.me(bos.Tokens.AccessToken) != 200 {
		t.Error("the old tokens and other sessions must end, and nobody else's")
	}
	if tokens := data[Tokens](t, c.refresh(in.Tokens.RefreshToken)); c.me(tokens.AccessToken) != 200 {
		t.Error("the refresh token of the kept session died")
	}
	c.want(c.useLink(m{"token": link}), 400, "LINK_INVALID") // what was mailed to the old address
	c.advance(time.Minute)
	c.want(c.login(adaNew, password, "Cookie", cookie), 401, "MFA_REQUIRED") // no device is remembered
	c.want(c.do("POST", auth+"login", "", m{"email": adaNew, "password": password, "mfaCode": c.code()}), 200, "")
	c.want(c.login(ada, password), 401, "INVALID_CREDENTIALS")
	for _, to := range []string{ada, adaNew} {
		if s := c.mail(to)[0].Subject; s != "Your email for Juniper House was changed" {
			t.Errorf("%s hears: %s", to, s)
		}
	}
	if u := collections.AsPortalUser(c.find("portal_users", adaLogin)); !u.MaySignIn() || c.find("clients", adaClient).GetString("email") != ada {
		t.Error("the login must stay open, and the clinic's record as it is")
	}
	if n := c.count("staff_notifications", "notification_type = 'login_email_changed' AND resource_id = {:a}", adaLogin); n != 1 {
		t.Error("the desk was told", n, "times")
	}
	if n := c.count("portal_audit_log", "action IN ('ASK_CHANGE_EMAIL', 'CHANGE_EMAIL') AND result = 'ok' AND actor_kind = 'client' AND actor_id = {:a}", adaLogin); n != 2 {
		t.Error("audit lines:", n)
	}
	c.want(c.confirmEmail(got.AccessToken, code, oldCode), 400, "CODE_INVALID") // once
	if a := c.do("GET", auth+"change-email", got.AccessToken, nil); !strings.Contains(a.Body, `"data":{}`) {
		t.Error(a.Body)
	}
}

func TestChangeEmailRefusals(t *testing.T) {
	c := newClinic(t)
	c.settings(m{"limits": m{collections.LimitSendMail: m{"max": 20, "seconds": 300}}})
	token := c.in(ada).Tokens.AccessToken
	staff := c.sdkToken("staff", dee)
	before := c.everything()
	for email, problem := range map[string]string{"": "required", "ada": "format", "ada@": "format", " Ada@MAIL.example": "same", "a@" + strings.Repeat("x", 260) + ".example": "max_length"} {
		if a := c.askEmail(token, email); a.Status != 400 || !strings.Contains(a.Body, `"email":{"code":"`+problem) {
			t.Errorf("%q: %d %s", email, a.Status, a.Body)
		}
	}
	c.want(c.askEmail("", adaNew), 401, "SIGN_IN_REQUIRED")
	c.want(c.askEmail(staff, adaNew), 401, "SIGN_IN_REQUIRED")
	c.want(c.confirmEmail(token, "123456", "123456"), 400, "CODE_INVALID") // nothing was asked
	c.want(c.confirmEmail(token, "", ""), 400, "VALIDATION_ERROR")
	if c.everything() != before {
		t.Fatal("a refused request changed something")
	}
	c.want(c.askEmail(token, adaNew), 200, "")
	code, oldCode := c.codes(adaNew, ada)
	same := c.confirmEmail(token, other(code), oldCode)
	c.want(same, 400, "CODE_INVALID")
	for name, a := range map[string]answer{"the old one is wrong": c.confirmEmail(token, code, other(oldCode)), "both are": c.confirmEmail(token, other(code), other(oldCode)),
		"exchanged": c.confirmEmail(token, oldCode, code)} {
		if a.Body != same.Body && code != oldCode {
			t.Errorf("%s: %s", name, a.Body)
		}
	}
	bos := c.in(bo).Tokens.AccessToken
	c.want(c.confirmEmail(bos, code, oldCode), 400, "CODE_INVALID") // another login's
	c.want(c.confirmEmail(token, code, other(oldCode)), 400, "CODE_INVALID")
	c.want(c.confirmEmail(token, code, oldCode), 400, "CODE_INVALID") // the sixth, though both are right

	c.want(c.askEmail(token, adaNew), 200, "")
	code, oldCode = c.codes(adaNew, ada)
	if id := data[struct{ ID string }](t, c.do("DELETE", auth+"change-email", token, nil)); id.ID != "pending" {
		t.Error(id)
	}
	c.want(c.confirmEmail(token, code, oldCode), 400, "CODE_INVALID") // called off
	c.want(c.do("DELETE", auth+"change-email", token, nil), 200, "")

	c.want(c.askEmail(token, adaNew), 200, "")
	code, oldCode = c.codes(adaNew, ada)
	c.want(c.askEmail(token, "ada.third@mail.example"), 200, "")
	c.want(c.confirmEmail(token, code, oldCode), 400, "CODE_INVALID") // replaced
	code, oldCode = c.codes("ada.third@mail.example", ada)
	c.advance(14 * time.Minute)
	c.want(c.askEmail(token, adaNew), 403, "REAUTHENTICATION_REQUIRED")
	c.want(c.do("POST", auth+"session/extend", token, nil), 200, "")
	c.advance(10 * time.Minute)
	c.want(c.do("POST", auth+"session/extend", token, nil), 200, "")
	c.advance(6 * time.Minute)
	c.want(c.confirmEmail(token, code, oldCode), 400, "CODE_INVALID") // old
	if c.find("portal_users", adaLogin).Email() != ada {
		t.Fatal("the address was changed")
	}
}

// An address that is another login's: the same answer, no code, and its owner hears of it.
func TestChangeEmailToAnotherLoginsAddress(t *testing.T) {
	c := newClinic(t)
	token := c.in(ada).Tokens.AccessToken
	free := c.askEmail(token, adaNew)
	a := c.askEmail(token, bo)
	if a.Status != 200 || a.Body != free.Body {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	got := c.mail(bo)
	if len(got) != 1 || got[0].Subject != "Someone wanted to use your email for Juniper House" || sixDigits.MatchString(got[0].Text) {
		t.Fatalf("%+v", got)
	}
	_, oldCode := c.codes(ada, ada)
	c.want(c.confirmEmail(token, "000000", oldCode), 400, "CODE_INVALID")

	// taken by somebody else between the mail and the code
	c.want(c.askEmail(token, adaNew), 200, "")
	code, oldCode := c.codes(adaNew, ada)
	u := c.find("portal_users", boLogin)
	u.SetEmail(adaNew)
	ok(t, c.app.Save(u))
	before := c.everything()
	c.want(c.confirmEmail(token, code, oldCode), 400, "CODE_INVALID")
	if c.everything() != before {
		t.Error("a refused change changed something")
	}
}

// A change that was begun ends with the password it was begun with.
func TestANewPasswordEndsAChangeOfEmail(t *testing.T) {
	c := newClinic(t)
	token := c.in(ada).Tokens.AccessToken
	c.want(c.askEmail(token, adaNew), 200, "")
	code, oldCode := c.codes(adaNew, ada)
	changed := data[ChangedPassword](t, c.do("POST", auth+"change-password", token, m{"currentPassword": password, "newPassword": "Other-Harbour-43"}))
	c.want(c.confirmEmail(changed.AccessToken, code, oldCode), 400, "CODE_INVALID")
}

// An address changes by its proof or by who runs the clinic, whichever door, and both addresses hear of it.
func TestEmailThroughTheModel(t *testing.T) {
	for name, x := range map[string]struct {
		by   kernel.Actor
		done bool
	}{
		"the system":    {kernel.System(), true},
		"the owner":     {kernel.Actor{Kind: kernel.KindOwner, ID: "owner"}, true},
		"an admin":      {kernel.Actor{Kind: kernel.KindStaff, ID: deeStaff, Role: kernel.RoleAdmin}, true},
		"the desk":      {kernel.Actor{Kind: kernel.KindStaff, ID: deeStaff, Role: kernel.RoleFrontDesk}, false},
		"a clinician":   {kernel.Actor{Kind: kernel.KindStaff, ID: deeStaff, Role: kernel.RoleClinician}, false},
		"herself":       {kernel.Actor{Kind: kernel.KindClient, ID: adaLogin}, false},
		"somebody else": {kernel.Actor{Kind: kernel.KindClient, ID: boLogin}, false},
		"a guest":       {kernel.Actor{Kind: kernel.KindGuest}, false},
		"the processor": {kernel.Actor{Kind: kernel.KindProcessor}, false},
	} {
		t.Run(name, func(t *testing.T) {
			for _, validated := range []bool{true, false} {
				c := newClinic(t)
				token := c.in(ada).Tokens.AccessToken
				c.askLink(ada)
				c.mail(ada)
				before := c.everything()
				u := c.find("portal_users", adaLogin)
				u.SetEmail(adaNew)
				kernel.Stamp(u, x.by)
				save := c.app.Save
				if !validated {
					save = c.app.SaveNoValidate
				}
				err := save(u)
				if !x.done {
					if err == nil || !strings.Contains(err.Error(), "both codes") || c.everything() != before || len(c.mail(adaNew)) != 0 {
						t.Fatalf("validated %v: %v", validated, err)
					}
					continue
				}
				ok(t, err)
				if c.me(token) != 401 || c.count("account_tokens", "used_at = ''") != 0 {
					t.Error("a session or a link of the old address lives on")
				}
				for _, to := range []string{ada, adaNew} {
					if got := c.mail(to); len(got) == 0 || got[0].Subject != "Your email for Juniper House was changed" {
						t.Error(to, "was not told")
					}
				}
			}
		})
	}
}
