package identity

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
)

const passkeys = auth + "passkeys"

func (c *clinic) ask(path, token string, body any) asked {
	c.Helper()
	return data[asked](c, c.do("POST", passkeys+path, token, body))
}

// addPasskey registers a passkey for who is signed in.
func (c *clinic) addPasskey(a *authenticator, token string) Passkey {
	c.Helper()
	answer := c.do("POST", passkeys+"/register/finish", token, a.create(c.ask("/register/begin", token, m{})))
	c.want(answer, 201, "")
	return data[Passkey](c, answer)
}

func (c *clinic) finish(body m, headers ...string) answer {
	c.Helper()
	return c.do("POST", passkeys+"/authenticate/finish", "", body, headers...)
}

// byPasskey signs in, or tries to.
func (c *clinic) byPasskey(a *authenticator, k *devicePasskey) answer {
	c.Helper()
	return c.finish(a.get(c.ask("/authenticate/begin", "", m{}), k))
}

// untouched is what a refused passkey must leave alone.
func (c *clinic) untouched() string {
	c.Helper()
	all := c.everything()
	for _, table := range []string{"passkey_credentials", "remembered_devices"} {
		rows, err := c.app.FindAllRecords(table)
		ok(c, err)
		for _, r := range rows {
			all += string(must(json.Marshal(must(r.DBExport(c.app)))))
		}
	}
	return all + fmt.Sprint(c.count("outbox", "TRUE"))
}

func (c *clinic) lines(action audit.Action) int {
	c.Helper()
	return c.count("portal_audit_log", "action = {:a}", string(action))
}

// A passkey is added and signs in, past the second factor that a password would need.
func TestPasskey(t *testing.T) {
	for _, x := range []struct{ collection, id, email, format string }{{"portal_users", adaLogin, ada, "none"}, {"staff", deeStaff, dee, "packed"}} {
		t.Run(x.collection, func(t *testing.T) {
			c, a := newClinic(t), newAuthenticator(t)
			a.format = x.format
			token := c.sdkToken(x.collection, x.email)
			begun := c.ask("/register/begin", token, m{})
			o := begun.Options
			if o.RP.ID != "portal.example" || o.RP.Name != "Juniper House" || o.User.Name != x.email || o.Attestation != "none" || len(o.PubKeyCredParams) != 3 ||
				o.AuthenticatorSelection.ResidentKey != "required" || o.AuthenticatorSelection.UserVerification != "required" || o.Timeout != 300_000 {
				t.Errorf("%+v", o)
			}
			if strings.Contains(o.User.ID, x.id) || len(o.User.ID) < 40 {
				t.Errorf("user handle %q", o.User.ID)
			}
			body := a.create(begun)
			body["name"] = " My\nphone "
			added := data[Passkey](t, c.do("POST", passkeys+"/register/finish", token, body))
			if added.Name != "My phone" || added.DeviceType != "synced" || fmt.Sprint(added.Transports) != "[hybrid internal]" || added.LastUsedAt != nil || !added.CreatedAt.Equal(c.now()) && time.Since(added.CreatedAt) > time.Minute {
				t.Errorf("%+v", added)
			}
			c.withTOTP(x.collection, x.id)
			c.want(c.sdk(x.collection, x.email, password), 401, "MFA_REQUIRED")

			ask := c.ask("/authenticate/begin", "", m{})
			if len(ask.Options.AllowCredentials) != 0 || ask.Options.UserVerification != "required" || ask.Options.RPID != "portal.example" {
				t.Errorf("%+v", ask.Options)
			}
			signed := a.get(ask, a.keys[0])
			signed["rememberDevice"] = true
			answer := c.finish(signed)
			in := data[LoginData](t, answer)
			if in.User.ID != x.id || !in.Session.Remembered || answer.cookie(t, "__Host-anteroom_device") == "" {
				t.Errorf("%+v", in)
			}
			if method := c.find("portal_sessions", in.Session.ID).GetString("method"); method != string(ByPasskey) {
				t.Error(method)
			}
			c.want(c.finish(signed), 401, "PASSKEY_INVALID") // a challenge is answered once
			list := data[struct{ Passkeys []Passkey }](t, c.do("GET", passkeys, in.Tokens.AccessToken, nil)).Passkeys
			if len(list) != 1 || list[0].LastUsedAt == nil {
				t.Errorf("%+v", list)
			}
			if n := c.count("passkey_challenges", "TRUE"); n != 0 {
				t.Errorf("%d challenges are left", n)
			}
			if c.lines(audit.AddPasskey) != 1 || c.lines(audit.ListPasskeys) != 1 {
				t.Error("audit lines are missing")
			}
		})
	}
}

// refusals are the steps of sections 7.1 and 7.2, each spoilt once.
var refusals = map[string]func(a *authenticator){
	"another origin":         func(a *authenticator) { a.origin = "https://portal.example.evil" },
	"origin without TLS":     func(a *authenticator) { a.origin = "http://portal.example" },
	"origin at another port": func(a *authenticator) { a.origin = "https://portal.example:8443" },
	"a host below":           func(a *authenticator) { a.origin = "https://a.portal.example" },
	"in a foreign frame":     func(a *authenticator) { a.spoilClient = func(c m) { c["crossOrigin"] = true } },
	"below another page":     func(a *authenticator) { a.spoilClient = func(c m) { c["topOrigin"] = "https://evil.example" } },
	"another type":           func(a *authenticator) { a.spoilClient = func(c m) { c["type"] = "payment.get" } },
	"another challenge":      func(a *authenticator) { a.spoilClient = func(c m) { c["challenge"] = b64(make([]byte, 32)) } },
	"no challenge":           func(a *authenticator) { a.spoilClient = func(c m) { c["challenge"] = "" } },
	"another relying party":  func(a *authenticator) { a.spoilAuth = func(d []byte) { d[0] ^= 1 } },
	"nobody present":         func(a *authenticator) { a.flags &^= flagUP },
	"nobody verified":        func(a *authenticator) { a.flags &^= flagUV },
	"copied and not to be":   func(a *authenticator) { a.flags &^= flagBE },
	"client data after signing": func(a *authenticator) {
		a.spoilAnswer = func(r, _ m) { r["clientDataJSON"] = r["clientDataJSON"].(string) + "IA" }
	},
	"ids that differ":            func(a *authenticator) { a.spoilAnswer = func(_, w m) { w["rawId"] = b64([]byte("another")) } },
	"another kind of credential": func(a *authenticator) { a.spoilAnswer = func(_, w m) { w["type"] = "password" } },
	"an id that is too long": func(a *authenticator) {
		a.spoilAnswer = func(_, w m) { w["id"], w["rawId"] = b64(make([]byte, 1024)), b64(make([]byte, 1024)) }
	},
}

func TestRegistrationRefusals(t *testing.T) {
	more := map[string]func(a *authenticator){
		"an attestation nobody asked for": func(a *authenticator) { a.format = "fido-u2f" },
		"key data cut short":              func(a *authenticator) { a.spoilAuth = func(d []byte) { d[54] = 0xff } },
		"an algorithm not offered": func(a *authenticator) {
			a.spoilAuth = func(d []byte) { d[55+16+4] = 0x28 } // ESP256; before it stand id and {1: 2, 3:
		},
	}
	c := newClinic(t)
	token := c.in(ada).Tokens.AccessToken
	before := c.untouched()
	for _, table := range []map[string]func(*authenticator){refusals, more} {
		for name, spoil := range table {
			if name == "client data after signing" {
				continue // attestation none signs nothing
			}
			t.Run(name, func(t *testing.T) {
				a := newAuthenticator(t)
				spoil(a)
				body := a.create(c.ask("/register/begin", token, m{}))
				c.want(c.do("POST", passkeys+"/register/finish", token, body), 400, "PASSKEY_INVALID")
				if c.untouched() != before {
					t.Error("something changed")
				}
			})
		}
	}
	a := newAuthenticator(t)
	begin := func() asked { return c.ask("/register/begin", token, m{}) }
	finish := func(token string, body m) answer { return c.do("POST", passkeys+"/register/finish", token, body) }

	c.want(finish(c.in(bo).Tokens.AccessToken, a.create(begin())), 400, "PASSKEY_INVALID")                      // somebody else's challenge
	c.want(finish(c.in(ada).Tokens.AccessToken, a.create(begin())), 400, "PASSKEY_INVALID")                     // another session's
	c.want(finish(token, a.create(c.ask("/authenticate/begin", "", m{}))), 400, "PASSKEY_INVALID")              // one to sign in
	c.want(c.finish(a.get(begin(), a.keys[0])), 401, "PASSKEY_INVALID")                                         // and one to register
	c.want(finish(token, m{"challengeId": "made up", "credential": a.create(begin())}), 400, "PASSKEY_INVALID") // none at all
	late := a.create(begin())
	c.advance(challengeLasts)
	c.want(finish(token, late), 400, "PASSKEY_INVALID")
	long := a.create(begin())
	long["name"] = strings.Repeat("ñ", 81)
	c.want(finish(token, long), 400, "VALIDATION_ERROR")
	c.advance(6 * time.Minute)
	c.want(c.do("POST", passkeys+"/register/begin", token, m{}), 403, "REAUTHENTICATION_REQUIRED")
	c.want(c.do("POST", passkeys+"/register/begin", "", m{}), 401, "SIGN_IN_REQUIRED")
	if n := c.count("passkey_credentials", "TRUE"); n != 0 {
		t.Errorf("%d passkeys were added", n)
	}
	if n := c.count("outbox", "TRUE"); n != 0 {
		t.Errorf("%d letters were written", n)
	}
}

func TestPasskeyRefusals(t *testing.T) {
	more := map[string]func(a *authenticator){
		"a signature of somebody else's": func(a *authenticator) {
			a.keys[0].key = must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
		},
		"a signature that is changed": func(a *authenticator) {
			a.spoilAnswer = func(r, _ m) {
				s := []byte(r["signature"].(string))
				s[len(s)-3] ^= 1
				r["signature"] = string(s)
			}
		},
		"no signature":          func(a *authenticator) { a.spoilAnswer = func(r, _ m) { r["signature"] = "" } },
		"somebody else's name":  func(a *authenticator) { a.keys[0].handle[0] ^= 1 },
		"nobody's name":         func(a *authenticator) { a.keys[0].handle = nil },
		"an unknown credential": func(a *authenticator) { a.keys[0].id[0] ^= 1 },
	}
	c, home := newClinic(t), newAuthenticator(t)
	c.settings(m{"limits": m{collections.LimitSignInSpray: m{"max": 500, "seconds": 900}}})
	c.addPasskey(home, c.in(ada).Tokens.AccessToken)
	before := c.untouched()
	unchanged := func(t *testing.T) {
		t.Helper()
		if c.untouched() != before {
			t.Error("something changed")
		}
	}
	var alike string
	for _, table := range []map[string]func(*authenticator){refusals, more} {
		for name, spoil := range table {
			t.Run(name, func(t *testing.T) {
				a, k := newAuthenticator(t), *home.keys[0]
				k.id, k.handle = append([]byte{}, k.id...), append([]byte{}, k.handle...)
				a.keys = []*devicePasskey{&k}
				spoil(a)
				got := c.byPasskey(a, a.keys[0])
				c.want(got, 401, "PASSKEY_INVALID")
				if alike == "" {
					alike = got.Body
				}
				if got.Body != alike {
					t.Errorf("answers differ: %s and %s", got.Body, alike)
				}
				unchanged(t)
			})
		}
	}
	for i, garbage := range garbageAnswers {
		var body any
		ok(t, json.Unmarshal([]byte(garbage), &body))
		ask := c.ask("/authenticate/begin", "", m{})
		if got := c.finish(m{"challengeId": ask.ChallengeID, "credential": body}); got.Status != 401 || got.Body != alike {
			t.Errorf("%d: %d %s", i, got.Status, got.Body)
		}
		unchanged(t)
	}
	c.want(c.finish(m{"challengeId": 7}), 400, "MALFORMED")
	c.want(c.finish(m{}), 401, "PASSKEY_INVALID")
	late := home.get(c.ask("/authenticate/begin", "", m{}), home.keys[0])
	c.advance(challengeLasts)
	c.want(c.finish(late), 401, "PASSKEY_INVALID")
	unchanged(t)
	c.want(c.byPasskey(home, home.keys[0]), 200, "") // so that the refusals above prove something
}

// What is wrong is counted about the address, and beyond the limit nothing is looked at.
func TestPasskeyFailuresAreCounted(t *testing.T) {
	c, a := newClinic(t), newAuthenticator(t)
	c.settings(m{"limits": m{collections.LimitSignInSpray: m{"max": 5, "seconds": 900}}})
	c.addPasskey(a, c.in(ada).Tokens.AccessToken)
	for range 5 {
		c.want(c.finish(m{"challengeId": "made up", "credential": m{}}), 401, "PASSKEY_INVALID")
	}
	c.want(c.byPasskey(a, a.keys[0]), 429, "SIGN_IN_LIMIT")
	c.want(c.finish(a.get(c.ask("/authenticate/begin", "", m{}), a.keys[0]), "address", "192.0.2.9"), 200, "")
	c.want(c.login(ada, password), 200, "") // the password's door is another
	c.advance(16 * time.Minute)
	c.want(c.byPasskey(a, a.keys[0]), 200, "")
}

// A lock by wrong passwords is about passwords; an account that the clinic has closed is closed.
func TestPasskeyOfALockedAccount(t *testing.T) {
	c, a := newClinic(t), newAuthenticator(t)
	c.addPasskey(a, c.in(ada).Tokens.AccessToken)
	for range 6 {
		c.login(ada, "wrong")
	}
	c.want(c.login(ada, password), 403, "ACCOUNT_LOCKED")
	c.want(c.byPasskey(a, a.keys[0]), 200, "")
	for status, reason := range map[collections.AccountStatus]string{collections.AccountSuspended: "ACCOUNT_SUSPENDED", collections.AccountLocked: "ACCOUNT_LOCKED"} {
		u := c.find("portal_users", adaLogin)
		u.Set("account_status", string(status))
		ok(c, c.app.Save(u))
		before := c.untouched()
		c.want(c.byPasskey(a, a.keys[0]), 403, reason)
		if c.untouched() != before {
			t.Error("something changed")
		}
		u.Set("account_status", string(collections.AccountActive))
		ok(c, c.app.Save(u))
	}
}

// A counter only grows. One that does not is a copied key: nobody gets in, and the person hears of it.
func TestPasskeyCounter(t *testing.T) {
	c, a := newClinic(t), newAuthenticator(t)
	a.count = 5
	c.addPasskey(a, c.in(ada).Tokens.AccessToken)
	k := a.keys[0]
	c.want(c.byPasskey(a, k), 200, "") // 10
	letters := len(c.mail(ada))
	sessions := c.count("portal_sessions", "revoked_at = 0")
	for i, behind := range []uint32{1, 5, 0} { // back, and where it stood
		k.count = 10 - behind - a.count
		c.want(c.byPasskey(a, k), 401, "PASSKEY_INVALID")
		if n := c.lines(audit.PasskeyCloned); n != i+1 {
			t.Errorf("%d lines", n)
		}
		if mails := c.mail(ada); len(mails) != letters+i+1 || !strings.Contains(mails[0].Text, "copied") {
			t.Errorf("%d letters", len(mails)-letters)
		}
	}
	if n := c.count("passkey_credentials", "sign_count = 10"); n != 1 || c.count("portal_sessions", "revoked_at = 0") != sessions {
		t.Error("something changed")
	}
	k.count = 10
	c.want(c.byPasskey(a, k), 200, "") // 15

	// of two that come at once, the one that counts less finds the counter moved
	first, second := a.get(c.ask("/authenticate/begin", "", m{}), k), a.get(c.ask("/authenticate/begin", "", m{}), k)
	older := must(c.door.checkPasskey(raw(t, first)))
	newer := must(c.door.checkPasskey(raw(t, second)))
	spend := func(p proven) error { return p.attempt().Spend(c.app, kernel.Actor{}) }
	ok(t, spend(newer))
	if err := spend(older); !hasReason(err, "PASSKEY_INVALID") {
		t.Error(err)
	}
}

func raw(t testing.TB, body m) (in passkeyAnswer) {
	t.Helper()
	ok(t, json.Unmarshal(must(json.Marshal(body)), &in))
	return in
}

// As a second factor, a passkey ends the wait of a proof: of its own account, and once.
func TestPasskeyAsSecondFactor(t *testing.T) {
	c, adas, bos := newClinic(t), newAuthenticator(t), newAuthenticator(t)
	c.addPasskey(adas, c.in(ada).Tokens.AccessToken)
	c.addPasskey(bos, c.in(bo).Tokens.AccessToken)
	c.withTOTP("portal_users", adaLogin)
	answer := c.do("POST", auth+"login", "", m{"email": ada, "password": password, "rememberDevice": true})
	token := mfaToken(t, answer)
	if !strings.Contains(answer.Body, `"passkey"`) {
		t.Error("a passkey is not offered")
	}
	ask := func() asked { return c.ask("/authenticate/begin", "", m{"mfaToken": token}) }
	first := ask()
	if len(first.Options.AllowCredentials) != 1 || first.Options.AllowCredentials[0].ID != b64(adas.keys[0].id) {
		t.Fatalf("%+v", first.Options)
	}
	before := c.untouched()
	c.want(c.finish(bos.get(first, bos.keys[0])), 401, "PASSKEY_INVALID")
	bos.keys[0].handle = adas.keys[0].handle
	c.want(c.finish(bos.get(ask(), bos.keys[0])), 401, "PASSKEY_INVALID")
	if c.untouched() != before {
		t.Error("something changed")
	}
	adas.keys[0].handle = nil // an authenticator that was told which key may leave the name out
	one, two := adas.get(ask(), adas.keys[0]), adas.get(ask(), adas.keys[0])
	if !data[LoginData](t, c.finish(one)).Session.Remembered {
		t.Error("the wish that came with the password was lost")
	}
	c.want(c.finish(two), 401, "MFA_EXPIRED")
	c.want(c.withCode(token, c.code(), "totp"), 401, "MFA_EXPIRED")
	c.want(c.do("POST", passkeys+"/authenticate/begin", "", m{"mfaToken": token}), 401, "MFA_EXPIRED")
	c.want(c.do("POST", passkeys+"/authenticate/begin", "", m{"mfaToken": "made up"}), 401, "MFA_EXPIRED")
}

// A passkey freshens the proof of a session, its own account's alone.
func TestReauthenticateByPasskey(t *testing.T) {
	c, adas, bos := newClinic(t), newAuthenticator(t), newAuthenticator(t)
	c.withTOTP("portal_users", adaLogin)
	in := data[LoginData](t, c.do("POST", auth+"login", "", m{"email": ada, "password": password, "mfaCode": c.code()}))
	c.addPasskey(adas, in.Tokens.AccessToken)
	c.addPasskey(bos, c.in(bo).Tokens.AccessToken)
	c.advance(11 * time.Minute)
	again := func(body m) answer { return c.do("POST", auth+"reauthenticate", in.Tokens.AccessToken, body) }
	c.want(c.do("POST", passkeys+"/register/begin", in.Tokens.AccessToken, m{}), 403, "REAUTHENTICATION_REQUIRED")
	c.want(again(bos.get(c.ask("/authenticate/begin", "", m{}), bos.keys[0])), 403, "WRONG_ACCOUNT")
	waiting := mfaToken(t, again(m{"password": password}))
	c.want(c.finish(adas.get(c.ask("/authenticate/begin", "", m{"mfaToken": waiting}), adas.keys[0])), 401, "MFA_EXPIRED") // it opens no session
	c.want(again(adas.get(c.ask("/authenticate/begin", "", m{"mfaToken": waiting}), adas.keys[0])), 200, "")
	c.want(c.do("POST", passkeys+"/register/begin", in.Tokens.AccessToken, m{}), 200, "")
	c.advance(11 * time.Minute)
	c.want(again(adas.get(c.ask("/authenticate/begin", "", m{}), adas.keys[0])), 200, "")
}

// A passkey is one account's: adding it twice, for whomever, is refused.
func TestPasskeyKnown(t *testing.T) {
	c, a := newClinic(t), newAuthenticator(t)
	adas, bos := c.in(ada).Tokens.AccessToken, c.in(bo).Tokens.AccessToken
	c.addPasskey(a, adas)
	begun := c.ask("/register/begin", adas, m{})
	if len(begun.Options.ExcludeCredentials) != 1 || begun.Options.ExcludeCredentials[0].ID != b64(a.keys[0].id) {
		t.Errorf("%+v", begun.Options)
	}
	before := c.untouched()
	c.want(c.do("POST", passkeys+"/register/finish", adas, a.attest(begun, a.keys[0])), 409, "PASSKEY_KNOWN")
	c.want(c.do("POST", passkeys+"/register/finish", bos, a.attest(c.ask("/register/begin", bos, m{}), a.keys[0])), 409, "PASSKEY_KNOWN")
	if c.untouched() != before {
		t.Error("something changed")
	}
	for range mostPasskeys - 1 {
		c.addPasskey(a, adas)
	}
	c.want(c.do("POST", passkeys+"/register/begin", adas, m{}), 409, "PASSKEY_LIMIT")
}

// Adding and removing a passkey ends what is open elsewhere and is told by mail. A removed one opens nothing.
func TestPasskeyIsAChangeOfCredentials(t *testing.T) {
	c, a := newClinic(t), newAuthenticator(t)
	remember := func() string {
		r := c.do("POST", auth+"login", "", m{"email": ada, "password": password, "mfaCode": c.code(), "rememberDevice": true})
		c.want(r, 200, "")
		c.advance(time.Minute)
		return r.cookie(t, "__Host-anteroom_device")
	}
	c.withTOTP("portal_users", adaLogin)
	cookie := remember()
	here := data[LoginData](t, c.login(ada, password, "Cookie", cookie)).Tokens.AccessToken
	changed := func(elsewhere, other string) {
		t.Helper()
		if c.me(elsewhere) != 401 || c.me(here) != 200 {
			t.Error("the wrong sessions ended")
		}
		c.want(c.login(ada, password, "Cookie", other), 401, "MFA_REQUIRED")
		c.want(c.login(ada, password, "Cookie", cookie), 200, "")
	}
	other := remember()
	elsewhere := data[LoginData](t, c.login(ada, password, "Cookie", other)).Tokens.AccessToken
	added := c.addPasskey(a, here)
	changed(elsewhere, other)
	if mails := c.mail(ada); len(mails) != 2 || !strings.Contains(mails[0].Subject, "passkey was added") {
		t.Errorf("%+v", mails)
	}

	path := passkeys + "/" + added.ID
	bos := c.in(bo).Tokens.AccessToken
	before := c.untouched()
	c.want(c.do("PATCH", path, bos, m{"name": "Mine"}), 404, "NOT_FOUND")
	c.want(c.do("DELETE", path, bos, nil), 404, "NOT_FOUND")
	c.want(c.do("PATCH", path, here, m{"name": " "}), 400, "VALIDATION_ERROR")
	if c.untouched() != before {
		t.Error("something changed")
	}
	if got := data[Passkey](t, c.do("PATCH", path, here, m{"name": "Tablet"})); got.Name != "Tablet" || got.ID != added.ID {
		t.Errorf("%+v", got)
	}
	late := a.get(c.ask("/authenticate/begin", "", m{}), a.keys[0])
	proven := must(c.door.checkPasskey(raw(t, a.get(c.ask("/authenticate/begin", "", m{}), a.keys[0]))))
	other = remember()
	elsewhere = data[LoginData](t, c.login(ada, password, "Cookie", other)).Tokens.AccessToken
	c.want(c.do("DELETE", path, here, nil), 200, "")
	changed(elsewhere, other)
	if mails := c.mail(ada); len(mails) != 3 || !strings.Contains(mails[0].Subject, "passkey was removed") {
		t.Errorf("%+v", mails)
	}
	c.want(c.finish(late), 401, "PASSKEY_INVALID")
	if err := proven.attempt().Spend(c.app, kernel.Actor{}); !hasReason(err, "PASSKEY_INVALID") {
		t.Error("a passkey that was removed after its check still opens something:", err)
	}
	c.want(c.do("DELETE", path, here, nil), 404, "NOT_FOUND")
	c.advance(11 * time.Minute)
	if c.lines(audit.RenamePasskey) != 1 || c.lines(audit.RemovePasskey) != 1 {
		t.Error("audit lines are missing")
	}
}

// To remove a passkey wants a fresh proof; so does nothing about its name.
func TestRemovingAPasskeyWantsAFreshProof(t *testing.T) {
	c, a := newClinic(t), newAuthenticator(t)
	token := c.in(ada).Tokens.AccessToken
	added := c.addPasskey(a, token)
	c.advance(11 * time.Minute)
	c.want(c.do("DELETE", passkeys+"/"+added.ID, token, nil), 403, "REAUTHENTICATION_REQUIRED")
	c.want(c.do("PATCH", passkeys+"/"+added.ID, token, m{"name": "Phone"}), 200, "")
	c.want(c.byPasskey(a, a.keys[0]), 200, "")
}

// Where browsers have no passkeys, the routes say so.
func TestNoPasskeysAtAnIPAddress(t *testing.T) {
	c := newClinic(t)
	token := c.in(ada).Tokens.AccessToken
	cfg := kernel.ConfigOf(c.app)
	cfg.PublicURL = "http://192.0.2.7:8090"
	c.app.Store().Set("anteroom.config", cfg)
	c.want(c.do("POST", passkeys+"/authenticate/begin", "", m{}), 503, "PASSKEYS_UNAVAILABLE")
	c.want(c.do("POST", passkeys+"/register/begin", token, m{}), 503, "PASSKEYS_UNAVAILABLE")
	c.want(c.finish(m{"challengeId": "x", "credential": m{}}), 503, "PASSKEYS_UNAVAILABLE")
	c.want(c.do("GET", passkeys, token, nil), 200, "")
}

// Challenges that nobody answers are forgotten.
func TestChallengesAreForgotten(t *testing.T) {
	c := newClinic(t)
	c.ask("/authenticate/begin", "", m{})
	c.advance(challengeLasts)
	c.ask("/authenticate/begin", "", m{})
	ok(t, forgetTraces(c.app))
	if n := c.count("passkey_challenges", "TRUE"); n != 1 {
		t.Errorf("%d are left, want 1", n)
	}
}

// BenchmarkPasskeyThatIsNotThere prints what the check of a bad answer takes for a passkey that is known and for one that
// is not: a signature is verified and one account looked up for both.
func BenchmarkPasskeyThatIsNotThere(b *testing.B) {
	c, a := newClinic(b), newAuthenticator(b)
	c.addPasskey(a, c.in(ada).Tokens.AccessToken)
	a.spoilAnswer = func(r, _ m) { r["signature"] = b64(a.keys[0].sign(b, []byte("x"), nil)) }
	stranger := *a.keys[0]
	stranger.id = []byte("a passkey of nobody's")
	c.settings(m{"limits": m{collections.LimitPublicForms: m{"max": 0, "seconds": 60}}})
	for name, key := range map[string]*devicePasskey{"known": a.keys[0], "unknown": &stranger} {
		b.Run(name, func(b *testing.B) {
			for range b.N {
				b.StopTimer()
				in := raw(b, a.get(c.ask("/authenticate/begin", "", m{}), key))
				b.StartTimer()
				if _, err := c.door.checkPasskey(in); !hasReason(err, "PASSKEY_INVALID") {
					b.Fatal(err)
				}
			}
		})
	}
}

var garbageAnswers = []string{
	`null`, `{}`, `[]`, `""`, `7`, `{"id":"AA","rawId":"AA","type":"public-key"}`,
	`{"id":"AA","rawId":"AA","type":"public-key","response":{"clientDataJSON":"","authenticatorData":"","signature":""}}`,
	`{"id":"AA","rawId":"AA","type":"public-key","response":{"clientDataJSON":"bnVsbA","authenticatorData":"AAAA","signature":"AA","userHandle":"AA"}}`,
	`{"id":"=","rawId":"=","type":"public-key","response":{}}`,
	`{"id":"AA","rawId":"AA","type":"public-key","response":{"clientDataJSON":{},"authenticatorData":7}}`,
	`{"id":"AA","rawId":"AA","type":"public-key","response":null,"clientExtensionResults":[[[[[[]]]]]]}`,
	`{"id":"\u0000","rawId":null,"type":["public-key"],"response":"x","authenticatorAttachment":1}`,
}

// Nothing that an authenticator could say opens a session or brings the server down, at either ceremony.
func FuzzPasskeyAnswer(f *testing.F) {
	c, a := newClinic(f), newAuthenticator(f)
	token := c.in(ada).Tokens.AccessToken
	begun := c.ask("/register/begin", token, m{})
	created := a.create(begun)
	for _, s := range garbageAnswers {
		f.Add([]byte(s))
	}
	seed := func(body m) { f.Add(must(json.Marshal(body["credential"]))) }
	seed(created)
	a.format = "packed"
	seed(a.attest(begun, a.keys[0]))
	seed(a.get(c.ask("/authenticate/begin", "", m{}), a.keys[0]))
	account := c.find("portal_users", adaLogin)
	rp := must(relyingParty(c.app))
	f.Fuzz(func(t *testing.T, credential []byte) {
		ask := challenge{Purpose: purposeSignIn, ExpiresAt: c.now().Add(time.Minute).Unix()}
		_, session, err := rp.BeginDiscoverableLogin()
		ok(t, err)
		ask.Session = *session
		id := must(keepChallenge(c.app, ask))
		if p, err := c.door.checkPasskey(passkeyAnswer{id, credential}); !hasReason(err, "PASSKEY_INVALID") {
			t.Fatalf("%+v %v", p, err)
		}
		if key, err := checkRegistration(rp, account, &ask, credential); !hasReason(err, "PASSKEY_INVALID") {
			t.Fatalf("%+v %v", key, err)
		}
	})
}
