package identity

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"image/png"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"

	"anteroom/collections"
	"anteroom/hooks/kernel"
)

// factorRows is all rows of what somebody signs in with, to see that a refusal touched nothing.
func (c *clinic) factorRows() string {
	c.Helper()
	var b strings.Builder
	for _, table := range []string{"mfa_factors", "recovery_codes", "remembered_devices", "portal_users", "staff", "portal_sessions"} {
		rows, err := c.app.FindAllRecords(table)
		ok(c, err)
		for _, r := range rows {
			raw, err := json.Marshal(must(r.DBExport(c.app)))
			ok(c, err)
			b.Write(raw)
		}
	}
	return b.String()
}

// codeFor puts a known code in the place of the newest one that was sent for a purpose: a text message is not read here.
func (c *clinic) codeFor(account string, purpose collections.TokenPurpose) string {
	c.Helper()
	open := must(collections.OpenAccountTokens(c.app, account, purpose))
	if len(open) == 0 {
		c.Fatal("no code was sent for ", purpose)
	}
	open[0].Set("code_hash", codeHash(open[0].Id, "424242"))
	ok(c, c.app.Save(open[0]))
	return "424242"
}

func shown(secret string, at time.Time) string {
	return must(totp.GenerateCodeCustom(secret, at, totp.ValidateOpts{Period: 30, Digits: otp.DigitsSix}))
}

type enabledAnswer struct {
	Enabled       bool
	RecoveryCodes []string
}

// enableTOTP sets an authenticator up as the page does, and gives its secret and the recovery codes.
func (c *clinic) enableTOTP(token string) (secret string, codes []string) {
	c.Helper()
	secret = data[struct{ Secret string }](c, c.do("POST", auth+"mfa/totp/setup", token, m{})).Secret
	return secret, data[enabledAnswer](c, c.do("POST", auth+"mfa/totp/enable", token, m{"code": shown(secret, c.now())})).RecoveryCodes
}

func (c *clinic) mfa(token string) FactorsInfo {
	c.Helper()
	return data[FactorsInfo](c, c.do("GET", auth+"mfa", token, nil))
}

// An authenticator counts from its first code on; with it come ten recovery codes, and everything else is signed out.
func TestSetUpTOTP(t *testing.T) {
	c := newClinic(t)
	elsewhere, token := c.in(ada).Tokens.AccessToken, c.in(ada).Tokens.AccessToken
	bos := c.in(bo).Tokens.AccessToken
	setup := data[struct{ Secret, OtpauthURL, QrPng string }](t, c.do("POST", auth+"mfa/totp/setup", token, m{}))
	u := must(url.Parse(setup.OtpauthURL))
	if !regexp.MustCompile(`^[A-Z2-7]{32}$`).MatchString(setup.Secret) || u.Scheme != "otpauth" || u.Host != "totp" || u.Path != "/Juniper House:"+ada ||
		u.Query().Get("secret") != setup.Secret || u.Query().Get("issuer") != "Juniper House" {
		t.Fatal(setup.OtpauthURL)
	}
	raw := must(base64.StdEncoding.DecodeString(strings.TrimPrefix(setup.QrPng, "data:image/png;base64,")))
	if _, err := png.Decode(bytes.NewReader(raw)); err != nil {
		t.Fatal(err)
	}
	if c.mfa(token).Enabled || c.count("portal_users", "mfa_enabled = TRUE") != 0 {
		t.Fatal("a set-up counts before its first code")
	}
	c.want(c.login(ada, password), 200, "") // pending
	if n := c.count("mfa_factors", "secret LIKE '%'||{:a}||'%'", setup.Secret); n != 0 {
		t.Fatal("the secret lies in clear")
	}
	before := c.factorRows()
	c.want(c.do("POST", auth+"mfa/totp/enable", token, m{"code": "000000"}), 400, "CODE_INVALID")
	c.want(c.do("POST", auth+"mfa/totp/enable", token, m{}), 400, "")
	if c.factorRows() != before {
		t.Fatal("a wrong code changed something")
	}
	code := shown(setup.Secret, c.now())
	on := data[enabledAnswer](t, c.do("POST", auth+"mfa/totp/enable", token, m{"code": code}))
	seen := map[string]bool{}
	for _, x := range on.RecoveryCodes {
		if !regexp.MustCompile(`^([0-9A-HJKMNP-TV-Z]{4}-){2}[0-9A-HJKMNP-TV-Z]{4}$`).MatchString(x) || seen[x] {
			t.Fatal("not a code of sixty bits: ", x)
		}
		seen[x] = true
	}
	if !on.Enabled || len(seen) != 10 {
		t.Fatalf("%+v", on)
	}
	if c.me(elsewhere) != 401 || c.me(token) != 200 || c.me(bos) != 200 {
		t.Fatal("all other sessions of the account end, and no more than those")
	}
	if reason := c.count("portal_sessions", "revoke_reason = 'credentials' AND owner = {:a}", adaLogin); reason != 2 {
		t.Fatal(reason, "sessions ended for that reason")
	}
	c.want(c.do("POST", auth+"mfa/totp/enable", token, m{"code": code}), 400, "CODE_INVALID") // enabled already
	c.want(c.do("POST", auth+"mfa/totp/setup", token, m{}), 409, "MFA_ENABLED_ALREADY")
	c.want(c.do("POST", auth+"login", "", m{"email": ada, "password": password, "mfaCode": code}), 401, "MFA_INVALID") // its step is used up
	user := collections.AsPortalUser(c.find("portal_users", adaLogin))
	if !user.MFAEnabled() || user.GetString("mfa_method") != "totp" {
		t.Fatal("the account does not say it")
	}
	info := c.mfa(token)
	if !info.Enabled || info.Policy != "optional" || len(info.Factors) != 1 || info.Factors[0].Method != "totp" || info.Factors[0].EnabledAt.IsZero() || info.RecoveryCodesLeft != 10 {
		t.Fatalf("%+v", info)
	}
	if got := c.mail(ada)[0]; got.Subject != "A second step was turned on at Juniper House" || strings.Contains(got.Text, setup.Secret) {
		t.Fatal(got.Subject)
	}
	for _, action := range []string{"SET_UP_MFA", "ENABLE_MFA", "RENEW_RECOVERY_CODES"} {
		if n := c.count("portal_audit_log", "action = {:a} AND actor_id = {:b}", action, adaLogin); n != 1 {
			t.Error(n, "lines of", action)
		}
	}

	spelled := strings.ToLower(strings.NewReplacer("-", " ", "0", "o", "1", "l").Replace(on.RecoveryCodes[0]))
	with := func(code string) answer {
		return c.do("POST", auth+"login", "", m{"email": ada, "password": password, "mfaCode": code})
	}
	c.want(with(spelled), 200, "")
	c.want(with(on.RecoveryCodes[0]), 401, "MFA_INVALID")
	if got := c.mail(ada)[0]; got.Subject != "A recovery code was used at Juniper House" {
		t.Fatal(got.Subject)
	}
	if left := c.mfa(token).RecoveryCodesLeft; left != 9 {
		t.Fatal(left)
	}
}

// A set-up that nobody finished is gone after a quarter of an hour, or when another one begins.
func TestUnfinishedTOTP(t *testing.T) {
	c := newClinic(t)
	token := c.in(ada).Tokens.AccessToken
	setup := func() string {
		return data[struct{ Secret string }](t, c.do("POST", auth+"mfa/totp/setup", token, m{})).Secret
	}
	enable := func(secret string) answer {
		return c.do("POST", auth+"mfa/totp/enable", token, m{"code": shown(secret, c.now())})
	}
	c.want(c.do("POST", auth+"mfa/totp/enable", token, m{"code": "123456"}), 400, "CODE_INVALID") // nothing was begun
	first := setup()
	second := setup()
	c.want(enable(first), 400, "CODE_INVALID")
	if n := c.count("mfa_factors", "owner = {:a}", adaLogin); n != 1 {
		t.Fatal(n, "set-ups wait")
	}
	c.advance(setupLasts - 2*time.Minute)
	c.me(token)
	c.advance(2*time.Minute - time.Second)
	c.me(token)
	c.advance(time.Second)
	c.want(enable(second), 400, "CODE_INVALID")
	c.want(c.do("POST", auth+"mfa/totp/setup", token, m{}), 403, "REAUTHENTICATION_REQUIRED")
	c.want(c.do("POST", auth+"reauthenticate", token, m{"password": password}), 200, "")
	third := setup()
	c.advance(9 * time.Minute)
	c.want(enable(third), 200, "")
}

// A number or an address becomes a factor by the code that was sent to it.
func TestSetUpByCode(t *testing.T) {
	for _, x := range []struct {
		method  string
		body    m
		purpose collections.TokenPurpose
		hint    string
	}{
		{"sms", m{"phone": "+13035550134"}, collections.TokenFactorSMS, "•• 34"},
		{"email", m{}, collections.TokenFactorEmail, "a•••@mail.example"},
	} {
		t.Run(x.method, func(t *testing.T) {
			c := newClinic(t)
			elsewhere, token := c.in(ada).Tokens.AccessToken, c.in(ada).Tokens.AccessToken
			setup := func() answer { return c.do("POST", auth+"mfa/"+x.method+"/setup", token, x.body) }
			enable := func(code string) answer { return c.do("POST", auth+"mfa/"+x.method+"/enable", token, m{"code": code}) }
			if got := data[struct {
				Sent      bool
				ExpiresIn int
			}](t, setup()); !got.Sent || got.ExpiresIn != 600 {
				t.Fatal(got)
			}
			first := c.codeFor(adaLogin, x.purpose)
			if x.method == "email" {
				c.want(setup(), 200, "")
				first = sixDigits.FindString(c.mail(ada)[0].Text)
			}
			c.advance(factorCodeLasts)
			c.want(enable(first), 400, "CODE_INVALID") // too old
			c.want(c.do("POST", auth+"reauthenticate", token, m{"password": password}), 200, "")
			c.want(setup(), 200, "")
			code := c.codeFor(adaLogin, x.purpose)
			before := c.factorRows()
			for range codeTries {
				c.want(enable("000000"), 400, "CODE_INVALID")
			}
			c.want(enable(code), 400, "CODE_INVALID") // tried too often
			if c.factorRows() != before {
				t.Fatal("something changed")
			}
			c.want(setup(), 200, "")
			on := data[enabledAnswer](t, enable(c.codeFor(adaLogin, x.purpose)))
			if len(on.RecoveryCodes) != 10 || c.me(elsewhere) != 401 || c.me(token) != 200 {
				t.Fatal("what follows a first factor did not")
			}
			c.want(setup(), 409, "MFA_ENABLED_ALREADY")
			info := c.mfa(token)
			if len(info.Factors) != 1 || info.Factors[0].Hint != x.hint || c.find("portal_users", adaLogin).GetString("mfa_method") != x.method {
				t.Fatalf("%+v", info)
			}
			mfaToken(t, c.login(ada, password))
			// a second factor brings no codes of its own
			if _, codes := c.enableTOTP(token); codes != nil {
				t.Fatal("the recovery codes were made anew")
			}
			if c.mfa(token).RecoveryCodesLeft != 10 {
				t.Fatal("the recovery codes went")
			}
		})
	}
}

// Codes that are sent are counted, and tries over all codes: who sits at somebody's desk does not guess on.
func TestSetUpCodesAreLimited(t *testing.T) {
	c := newClinic(t)
	token := c.in(ada).Tokens.AccessToken
	for range 5 {
		c.want(c.do("POST", auth+"mfa/email/setup", token, m{}), 200, "")
	}
	c.want(c.do("POST", auth+"mfa/sms/setup", token, m{"phone": "+13035550134"}), 429, "RATE_LIMITED")
	r := must(collections.OpenAccountTokens(c.app, adaLogin, collections.TokenFactorEmail))[0]
	r.Set("attempts", 0)
	ok(c, c.app.Save(r))
	old := must(collections.NewAccountToken(c.app, c.find("portal_users", adaLogin), collections.TokenFactorEmail, c.now()))
	old.Set("attempts", codeTriesInAll)
	old.MarkUsed(c.now())
	ok(c, c.app.Save(old))
	c.want(c.do("POST", auth+"mfa/email/enable", token, m{"code": c.codeFor(adaLogin, collections.TokenFactorEmail)}), 400, "CODE_INVALID")
	ok(c, c.app.Delete(old))
	c.want(c.do("POST", auth+"mfa/email/enable", token, m{"code": "424242"}), 200, "")
}

// The address that was proven is the one that codes go to: a changed one is proven anew.
func TestEmailFactorOfAnotherAddress(t *testing.T) {
	c := newClinic(t)
	c.want(c.do("POST", auth+"mfa/email/setup", c.in(ada).Tokens.AccessToken, m{}), 200, "")
	code := sixDigits.FindString(c.mail(ada)[0].Text)
	u := c.find("portal_users", adaLogin)
	u.SetEmail("new@mail.example")
	ok(c, c.app.Save(u))
	token := data[LoginData](t, c.login("new@mail.example", password)).Tokens.AccessToken
	if open := must(collections.OpenAccountTokens(c.app, adaLogin, collections.TokenFactorEmail)); len(open) != 0 {
		t.Error("the code that went to the old address is open")
	}
	c.want(c.do("POST", auth+"mfa/email/enable", token, m{"code": code}), 400, "CODE_INVALID")
}

// Somebody else's set-up is out of reach, and so is one without a fresh proof, or where the clinic offers none.
func TestWhoSetsUp(t *testing.T) {
	c := newClinic(t)
	adas, bos := c.in(ada).Tokens.AccessToken, c.in(bo).Tokens.AccessToken
	secret := data[struct{ Secret string }](t, c.do("POST", auth+"mfa/totp/setup", adas, m{})).Secret
	c.want(c.do("POST", auth+"mfa/totp/enable", bos, m{"code": shown(secret, c.now())}), 400, "CODE_INVALID")
	ways := []string{"totp/setup", "sms/setup", "email/setup"}
	before := c.factorRows()
	for _, path := range append(ways, "totp/enable", "recovery-codes", "disable") {
		c.want(c.do("POST", auth+"mfa/"+path, "", m{"phone": "+13035550134"}), 401, "SIGN_IN_REQUIRED")
	}
	c.settings(m{"mfa_clients": "off"})
	for _, path := range ways {
		c.want(c.do("POST", auth+"mfa/"+path, adas, m{"phone": "+13035550134"}), 403, "MFA_OFF")
	}
	c.want(c.do("POST", auth+"mfa/totp/enable", adas, m{"code": shown(secret, c.now())}), 403, "MFA_OFF")
	c.want(c.do("POST", auth+"mfa/recovery-codes", adas, m{}), 409, "MFA_NOT_ENABLED")
	c.settings(m{"mfa_clients": "optional"})
	c.want(c.do("POST", auth+"mfa/sms/setup", adas, m{}), 400, "")
	c.advance(proofLasts)
	for _, path := range append(ways, "recovery-codes") {
		c.want(c.do("POST", auth+"mfa/"+path, adas, m{"phone": "+13035550134"}), 403, "REAUTHENTICATION_REQUIRED")
	}
	if len(c.factorRows()) != len(before) {
		t.Fatal("something changed")
	}
}

// Who turns a factor off shows the password and a factor. The last one takes the recovery codes along.
func TestDisable(t *testing.T) {
	c := newClinic(t)
	token := c.in(ada).Tokens.AccessToken
	secret, codes := c.enableTOTP(token)
	c.want(c.do("POST", auth+"mfa/email/setup", token, m{}), 200, "")
	c.want(c.do("POST", auth+"mfa/email/enable", token, m{"code": c.codeFor(adaLogin, collections.TokenFactorEmail)}), 200, "")
	c.advance(time.Minute)
	disable := func(method, pass, code string) answer {
		return c.do("POST", auth+"mfa/disable", token, m{"method": method, "password": pass, "mfaCode": code})
	}
	bos := c.in(bo).Tokens.AccessToken
	_, bosCodes := c.enableTOTP(bos)
	before := c.factorRows()
	c.want(disable("totp", "wrong", shown(secret, c.now())), 400, "WRONG_PASSWORD")
	c.want(disable("totp", password, "000000"), 401, "MFA_INVALID")
	c.want(disable("totp", password, bosCodes[0]), 401, "MFA_INVALID")
	c.want(disable("totp", "", shown(secret, c.now())), 400, "VALIDATION_ERROR")
	c.want(disable("recovery", password, shown(secret, c.now())), 400, "VALIDATION_ERROR")
	c.want(disable("sms", password, shown(secret, c.now())), 409, "MFA_NOT_ENABLED")
	waiting := mfaToken(t, c.do("POST", auth+"mfa/disable", token, m{"method": "totp", "password": password}))
	c.want(c.withCode(waiting, shown(secret, c.now()), "totp"), 401, "MFA_EXPIRED") // it opens nothing else
	signIn := mfaToken(t, c.login(ada, password))
	c.want(c.do("POST", auth+"mfa/disable", token, m{"method": "totp", "mfaToken": signIn, "mfaCode": shown(secret, c.now()), "codeMethod": "totp"}), 401, "MFA_EXPIRED")
	c.want(c.do("POST", auth+"mfa/disable", bos, m{"method": "totp", "mfaToken": waiting, "mfaCode": shown(secret, c.now()), "codeMethod": "totp"}), 401, "MFA_EXPIRED")
	if c.factorRows() != before {
		t.Fatal("a refusal changed something")
	}
	c.want(c.do("POST", auth+"mfa/challenge", "", m{"mfaToken": waiting, "method": "email"}), 200, "")
	mailed := sixDigits.FindString(c.mail(ada)[0].Text)
	off := c.do("POST", auth+"mfa/disable", token, m{"method": "email", "mfaToken": waiting, "mfaCode": mailed, "codeMethod": "email"})
	if !data[enabledAnswer](t, off).Enabled {
		t.Fatal("one is left")
	}
	if got := c.mail(ada)[0].Subject; got != "A second step was turned off at Juniper House" {
		t.Fatal(got)
	}
	elsewhere := data[LoginData](t, c.do("POST", auth+"login", "", m{"email": ada, "password": password, "mfaCode": codes[0], "rememberDevice": true}))
	if data[enabledAnswer](t, disable("totp", password, codes[1])).Enabled {
		t.Fatal("none is left")
	}
	if c.me(elsewhere.Tokens.AccessToken) != 401 || c.me(token) != 200 {
		t.Fatal("other sessions go on")
	}
	if c.count("recovery_codes", "owner = {:a}", adaLogin) != 0 || c.count("mfa_factors", "owner = {:a}", adaLogin) != 0 ||
		c.count("remembered_devices", "owner = {:a} AND revoked_at = ''", adaLogin) != 0 || collections.AsPortalUser(c.find("portal_users", adaLogin)).MFAEnabled() {
		t.Fatal("something of the factors is left")
	}
	if n := c.count("portal_audit_log", "action = 'DISABLE_MFA' AND actor_id = {:a} AND resource_type = 'MFA_FACTORS'", adaLogin); n != 2 {
		t.Fatal(n)
	}
	c.want(c.login(ada, password), 200, "")
}

// Where the clinic requires a second factor, the last one stays until there is another.
func TestLastFactorOfARequiredOne(t *testing.T) {
	c := newClinic(t)
	token := c.in(ada).Tokens.AccessToken
	_, codes := c.enableTOTP(token)
	c.settings(m{"mfa_clients": "required"})
	before := c.factorRows()
	c.want(c.do("POST", auth+"mfa/disable", token, m{"method": "totp", "password": password, "mfaCode": codes[0]}), 409, "MFA_REQUIRED_BY_CLINIC")
	if c.factorRows() != before {
		t.Fatal("the code was spent, or more")
	}
	c.want(c.do("POST", auth+"mfa/email/setup", token, m{}), 200, "")
	c.want(c.do("POST", auth+"mfa/email/enable", token, m{"code": c.codeFor(adaLogin, collections.TokenFactorEmail)}), 200, "")
	c.want(c.do("POST", auth+"mfa/disable", token, m{"method": "totp", "password": password, "mfaCode": codes[0]}), 200, "")
	if got := c.find("portal_users", adaLogin).GetString("mfa_method"); got != "email" {
		t.Fatal(got)
	}
	// the clinic itself takes away what it likes
	f := must(collections.FactorsOf(c.app, c.find("portal_users", adaLogin)))[0]
	ok(c, kernel.DeleteAs(c.app, kernel.Actor{Kind: kernel.KindStaff, ID: deeStaff, Role: kernel.RoleFrontDesk}, f.ProxyRecord()))
	if c.me(token) != 401 {
		t.Fatal("a reset by the clinic ends every session")
	}
}

func TestNewRecoveryCodes(t *testing.T) {
	c := newClinic(t)
	token := c.in(ada).Tokens.AccessToken
	secret, old := c.enableTOTP(token)
	c.advance(time.Minute)
	elsewhere := data[LoginData](t, c.do("POST", auth+"login", "", m{"email": ada, "password": password, "mfaCode": shown(secret, c.now())})).Tokens.AccessToken
	fresh := data[enabledAnswer](t, c.do("POST", auth+"mfa/recovery-codes", token, m{})).RecoveryCodes
	if len(fresh) != 10 || c.count("recovery_codes", "owner = {:a}", adaLogin) != 10 || c.me(elsewhere) != 401 || c.me(token) != 200 {
		t.Fatal(fresh)
	}
	for code, want := range map[string]int{old[0]: 401, fresh[0]: 200} {
		c.want(c.do("POST", auth+"login", "", m{"email": ada, "password": password, "mfaCode": code}), want, "")
	}
	renewed := false
	for _, mail := range c.mail(ada) {
		renewed = renewed || mail.Subject == "New recovery codes at Juniper House"
	}
	if !renewed {
		t.Fatal("nobody was told")
	}
}

// Staff set up theirs at the same addresses.
func TestFactorsOfStaff(t *testing.T) {
	c := newClinic(t)
	token := c.sdkToken("staff", dee)
	secret, codes := c.enableTOTP(token)
	if !c.find("staff", deeStaff).GetBool("mfa_enabled") || len(codes) != 10 {
		t.Fatal("the account does not say it")
	}
	c.want(c.do("POST", auth+"mfa/email/setup", token, m{}), 200, "")
	for range codeTries {
		c.want(c.do("POST", auth+"mfa/email/enable", token, m{"code": "000000"}), 400, "CODE_INVALID")
	}
	if n := must(collections.TriedCodes(c.app, deeStaff, collections.TokenFactorEmail)); n != codeTries {
		t.Fatal(n, "tries of staff are counted")
	}
	c.want(c.do("POST", auth+"mfa/email/enable", token, m{"code": c.codeFor(deeStaff, collections.TokenFactorEmail)}), 400, "CODE_INVALID")
	c.want(c.sdk("staff", dee, password), 401, "MFA_REQUIRED")
	c.advance(time.Minute)
	c.want(c.do("POST", auth+"mfa/disable", token, m{"method": "totp", "password": password, "mfaCode": shown(secret, c.now())}), 200, "")
	if c.find("staff", deeStaff).GetBool("mfa_enabled") {
		t.Fatal("the account still says it")
	}
}

// Of two pages that enable the same set-up at once, one does.
func TestEnableAtOnce(t *testing.T) {
	c := newClinic(t)
	token := c.in(ada).Tokens.AccessToken
	secret := data[struct{ Secret string }](t, c.do("POST", auth+"mfa/totp/setup", token, m{})).Secret
	answers := make(chan answer, 8)
	for range cap(answers) {
		go func() {
			answers <- c.do("POST", auth+"mfa/totp/enable", token, m{"code": shown(secret, c.now())})
		}()
	}
	done := 0
	for range cap(answers) {
		if a := <-answers; a.Status == 200 {
			done++
		}
	}
	if done != 1 || c.count("recovery_codes", "TRUE") != recoveryCodes {
		t.Fatal(done, "enabled it")
	}
}

// resetLink asks for a reset and gives the link's token.
func (c *clinic) resetLink(email string) string {
	c.Helper()
	c.want(c.post("forgot-password", m{"email": email}), 200, "")
	_, link := c.letter(email)
	return link
}

// A mailed link does not reach past the second factor.
func TestResetAsksForTheSecondFactor(t *testing.T) {
	const fresh = "Another-Harbour-43"
	c := newClinic(t)
	token := c.in(ada).Tokens.AccessToken
	secret, codes := c.enableTOTP(token)
	c.want(c.do("POST", auth+"mfa/email/setup", token, m{}), 200, "")
	c.want(c.do("POST", auth+"mfa/email/enable", token, m{"code": c.codeFor(adaLogin, collections.TokenFactorEmail)}), 200, "")
	device := c.do("POST", auth+"login", "", m{"email": ada, "password": password, "mfaCode": codes[9], "rememberDevice": true})
	cookie := device.cookie(t, "__Host-anteroom_device")
	c.advance(time.Minute)
	link := c.resetLink(ada)
	reset := func(more m) answer {
		body := m{"token": link, "password": fresh}
		for k, v := range more {
			body[k] = v
		}
		return c.do("POST", auth+"reset-password", "", body, "Cookie", cookie)
	}
	before := c.factorRows()
	asked := reset(nil)
	waiting := mfaToken(t, asked)
	var details struct {
		Error struct{ Details struct{ Methods []string } }
	}
	asked.into(t, &details)
	if got := strings.Join(details.Error.Details.Methods, " "); got != "totp recovery" {
		t.Fatal("offered after a mailed link: ", got)
	}
	c.want(c.do("POST", auth+"mfa/challenge", "", m{"mfaToken": waiting, "method": "email"}), 400, "")
	c.want(c.withCode(waiting, shown(secret, c.now()), "totp"), 401, "MFA_EXPIRED") // it opens no session
	c.want(reset(m{"mfaCode": "000000"}), 401, "MFA_INVALID")
	c.want(reset(m{"mfaToken": mfaToken(t, c.login(ada, password)), "mfaCode": shown(secret, c.now()), "method": "totp"}), 401, "MFA_EXPIRED")
	c.want(reset(m{"mfaToken": waiting, "mfaCode": "000000", "method": "totp"}), 401, "MFA_INVALID")
	c.want(c.do("POST", auth+"reset-password", "", m{"token": link, "password": "short", "mfaToken": waiting, "mfaCode": shown(secret, c.now()), "method": "totp"}), 400, "VALIDATION_ERROR")
	if c.factorRows() != before {
		t.Fatal("a refusal changed something")
	}
	c.want(reset(m{"mfaToken": waiting, "mfaCode": shown(secret, c.now()), "method": "totp"}), 200, "")
	c.want(reset(m{"mfaToken": waiting, "mfaCode": codes[1], "method": "recovery"}), 400, "LINK_INVALID")
	c.want(c.login(ada, fresh, "Cookie", cookie), 401, "MFA_REQUIRED") // the browser is forgotten
	c.want(c.do("POST", auth+"login", "", m{"email": ada, "password": fresh, "mfaCode": shown(secret, c.now())}), 401, "MFA_INVALID")
	link = c.resetLink(ada)
	c.want(reset(m{"mfaCode": codes[0], "password": "Third-Harbour-44"}), 200, "") // a recovery code along with the link
	if c.me(token) != 401 {
		t.Fatal("a session outlived the reset")
	}
}

// The token of one link continues no other.
func TestResetTokenIsBoundToItsLink(t *testing.T) {
	c := newClinic(t)
	c.withTOTP("portal_users", adaLogin)
	c.withTOTP("portal_users", boLogin)
	adas, bos := c.resetLink(ada), c.resetLink(bo)
	waiting := mfaToken(t, c.post("reset-password", m{"token": adas, "password": "Another-Harbour-43"}))
	c.want(c.post("reset-password", m{"token": bos, "password": "Another-Harbour-43", "mfaToken": waiting, "mfaCode": c.code(), "method": "totp"}), 401, "MFA_EXPIRED")
	c.want(c.login(bo, password), 401, "MFA_REQUIRED")
}

// Where the clinic requires a factor and the account has none, the code would go to the mailbox of the link.
func TestResetWhereAFactorIsRequired(t *testing.T) {
	c := newClinic(t)
	c.settings(m{"mfa_clients": "required"})
	c.want(c.post("reset-password", m{"token": c.resetLink(ada), "password": "Another-Harbour-43"}), 200, "")
	mfaToken(t, c.login(ada, "Another-Harbour-43")) // signing in asks for it
	c.want(c.register(umaForm("password", strangers)), 201, "")
	link := c.resetLink(umaMail)
	c.want(c.post("reset-password", m{"token": link, "password": "Another-Harbour-43"}), 200, "")
	mfaToken(t, c.login(umaMail, "Another-Harbour-43"))
}

// Whatever ends sessions because the password or address changed, makes remembered browsers show their factor again.
func TestChangesForgetDevices(t *testing.T) {
	for name, change := range map[string]func(c *clinic, token string){
		"password by the clinic": func(c *clinic, _ string) {
			u := c.find("portal_users", adaLogin)
			u.Set("password", "Another-Harbour-43")
			ok(c, c.app.Save(u))
		},
		"address": func(c *clinic, _ string) {
			u := c.find("portal_users", adaLogin)
			u.SetEmail("new@mail.example")
			ok(c, c.app.Save(u))
		},
		"suspended": func(c *clinic, _ string) {
			u := c.find("portal_users", adaLogin)
			u.Set("account_status", "suspended")
			ok(c, c.app.Save(u))
		},
		"password by oneself": func(c *clinic, token string) {
			c.want(c.do("POST", auth+"change-password", token, m{"currentPassword": password, "newPassword": "Another-Harbour-43"}), 200, "")
		},
		"a second factor more": func(c *clinic, token string) {
			c.want(c.do("POST", auth+"mfa/email/setup", token, m{}), 200, "")
			c.want(c.do("POST", auth+"mfa/email/enable", token, m{"code": c.codeFor(adaLogin, collections.TokenFactorEmail)}), 200, "")
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClinic(t)
			c.withTOTP("portal_users", adaLogin)
			in := func() LoginData {
				c.advance(time.Minute)
				return data[LoginData](t, c.do("POST", auth+"login", "", m{"email": ada, "password": password, "mfaCode": c.code(), "rememberDevice": true}))
			}
			in()
			here := in()
			change(c, here.Tokens.AccessToken)
			own := 0
			if strings.Contains(name, "oneself") || strings.Contains(name, "factor") {
				own = 1 // the browser at which the person just proved who they are
			}
			if n := c.count("remembered_devices", "revoked_at = ''"); n != own {
				t.Fatal(n, "browsers are remembered")
			}
			if own == 1 && c.count("remembered_devices", "revoked_at = '' AND id = {:a}", c.find("portal_sessions", here.Session.ID).GetString("device")) != 1 {
				t.Fatal("another browser than one's own")
			}
		})
	}
}

// What an account signs in with goes with it.
func TestFactorsOfADeletedAccount(t *testing.T) {
	c := newClinic(t)
	token := c.sdkToken("staff", dee)
	c.enableTOTP(token)
	ok(c, c.app.Delete(c.find("staff", deeStaff)))
	for _, table := range []string{"mfa_factors", "recovery_codes"} {
		if c.count(table, "TRUE") != 0 {
			t.Error("rows are left in", table)
		}
	}
}

// Secrets and hashes are shown to no owner either.
func TestSecretsOfFactorsAreHidden(t *testing.T) {
	c := newClinic(t)
	secret, _ := c.enableTOTP(c.in(ada).Tokens.AccessToken)
	token := c.sdkToken(core.CollectionNameSuperusers, owner)
	for _, table := range []string{"mfa_factors", "recovery_codes"} {
		a := c.do("GET", "/api/collections/"+table+"/records", token, nil)
		c.want(a, 200, "")
		if !strings.Contains(a.Body, adaLogin) || strings.Contains(a.Body, secret) || strings.Contains(a.Body, `"secret"`) || strings.Contains(a.Body, `"code_hash"`) {
			t.Error(table, a.Body)
		}
	}
}
