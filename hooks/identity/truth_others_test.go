package identity

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"strings"
	"testing"

	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/kernel"
)

// Passkeys are no column of the table: one of them is two factors under every set-up. What must open nothing at all is
// here too.

const (
	anothersKey, foreignChallenge, othersChallenge, toRegister, newKey = "signed by somebody else's", "for another challenge", "for somebody else's waiting proof", "of a challenge to register", "of an unknown key"

	anothersPasskey = "a passkey of somebody else's"
)

var keysShown = []string{right, newKey, anothersKey, anothersPasskey, replayed, foreignChallenge, othersChallenge, toRegister, expired}

// keyDoor is where a passkey is shown. start gives what waits for it; nil: nothing does.
type keyDoor struct {
	name   string
	who    side
	counts string
	start  func(c *truthClinic, s side) answer
}

var keyDoors = []keyDoor{
	{"a passkey alone", adaSide, "LOGIN", nil},
	{"a passkey of staff", deeSide, "LOGIN", nil},
	{"a passkey of an owner", ownSide, "LOGIN", nil},
	{"a passkey after a password", adaSide, "LOGIN", portalPassword},
	{"a passkey after a mail", adaSide, "LOGIN", func(c *truthClinic, s side) answer { return c.useLink(m{"token": c.mailed(s)}) }},
	{"a passkey after a provider's word", adaSide, "LOGIN", func(c *truthClinic, s side) answer {
		return c.elsewhere("", c.provider.code("of "+s.id, s.email), nil)
	}},
	{"a passkey in the own session", adaSide, "REAUTHENTICATE", nil},
	{"a passkey after the password in the own session", adaSide, "REAUTHENTICATE", ownPassword},
}

// opensByKey is the model of passkeys: the key of the account, for the newest challenge, once.
func opensByKey(d keyDoor, shown string) (want tally) {
	opens := truthDoor{counts: d.counts}
	switch {
	case shown == right:
		return tallyOf(opens, right, true)
	case shown == anothersPasskey && d.start == nil && d.counts == "LOGIN": // it is simply them
		return tallyOf(opens, anothers, true)
	}
	return tally{}
}

func (c *truthClinic) tryPasskeys(t *testing.T) {
	t.Helper()
	for _, d := range keyDoors {
		if d.start != nil && c.setup == noFactor {
			continue // nothing waits
		}
		for _, shown := range keysShown {
			if shown == othersChallenge && d.start == nil {
				continue // a challenge that waits for nobody is nobody's
			}
			c.rest()
			c.openSession(d.who)
			c.openSession(boSide)
			body := c.keyShown(d, shown)
			before := c.tally(d.counts)
			a := c.showKey(d, body)
			got, want := c.tally(d.counts).since(before), opensByKey(d, shown)
			if got != want || (a.Status < 300) != (want != tally{}) {
				t.Errorf("%s, %s, %s: %+v, want %+v: %d %s", c.setup, d.name, shown, got, want, a.Status, a.Body)
			}
			if want == (tally{}) && (strings.Contains(a.Body, "accessToken") || strings.Contains(a.Body, `"token":"`)) {
				t.Errorf("%s, %s: a token in a refusal: %s", d.name, shown, a.Body)
			}
		}
	}
}

func (c *truthClinic) showKey(d keyDoor, body m) answer {
	c.Helper()
	if d.counts == "LOGIN" {
		return c.finish(body)
	}
	return c.again(d.who, body)
}

// keyShown makes what is shown.
func (c *truthClinic) keyShown(d keyDoor, shown string) m {
	c.Helper()
	ask := func(s side) asked {
		c.Helper()
		body := m{}
		if d.start != nil {
			body["mfaToken"] = mfaToken(c, d.start(c, s))
		}
		return c.ask("/authenticate/begin", "", body)
	}
	device, bos := c.devices[d.who.id], c.devices[boLogin]
	key := *device.keys[0]
	switch shown {
	case newKey:
		key.key = must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	case anothersKey:
		key.key = bos.keys[0].key
	case anothersPasskey:
		return bos.get(ask(d.who), bos.keys[0])
	case replayed:
		body := device.get(ask(d.who), &key)
		c.want(c.showKey(d, body), 200, "")
		return body
	case foreignChallenge:
		body := device.get(ask(d.who), &key)
		body["challengeId"] = ask(d.who).ChallengeID
		return body
	case othersChallenge:
		return device.get(ask(boSide), &key)
	case toRegister:
		return device.get(c.ask("/register/begin", c.tokens[d.who.id], m{}), &key)
	case expired:
		body := device.get(ask(d.who), &key)
		c.advance(challengeLasts)
		return body
	}
	return device.get(ask(d.who), &key)
}

// tryWhatOpensNothing goes through what gives, renews or prepares, with everything right and with something wrong.
func (c *truthClinic) tryWhatOpensNothing(t *testing.T) {
	t.Helper()
	c.rest()
	var renewed *Opened
	ok(t, c.app.RunInTransaction(func(tx core.App) (err error) {
		renewed, err = SignIn(tx, &Attempt{Account: c.find(collections.PortalUsers, adaLogin), Method: ByPasskey, Refresh: true, Spend: func(core.App, kernel.Actor) error { return nil }})
		return err
	}))
	c.openSession(deeSide)
	c.openSession(boSide)
	invitation := func(email string, more m) (link string) {
		body := m{"clientId": uma, "email": email}
		for k, v := range more {
			body[k] = v
		}
		c.want(c.do("POST", kernel.Desk+"/invitations", c.tokens[deeStaff], body), 201, "")
		_, link, found := strings.Cut(c.mail(email)[0].Text, "/invitation?token=")
		if !found {
			t.Fatal(c.mail(email)[0].Text)
		}
		link, _, _ = strings.Cut(link, "\n")
		c.secrets = append(c.secrets, link)
		return link
	}
	c.secrets = append(c.secrets, renewed.RefreshToken)
	first := invitation("uma@mail.example", nil)
	form := func(link, born string) m {
		return m{"token": link, "dateOfBirth": born, "firstName": "Uma", "lastName": "Dahl", "password": "Another-Harbour-43"}
	}
	var fresh Tokens
	bare := must(c.find(collections.PortalUsers, adaLogin).NewAuthToken())
	var second string
	for _, x := range []struct {
		name  string
		ends  int // sessions
		token bool
		do    func() answer
		code  int
	}{
		{"a refresh token", 0, true, func() answer {
			a := c.refresh(renewed.RefreshToken)
			fresh = data[Tokens](t, a)
			return a
		}, 200},
		{"an access token for a refresh token", 0, false, func() answer { return c.refresh(renewed.AccessToken) }, 401},
		{"a made-up refresh token", 0, false, func() answer { return c.refresh(newRefreshToken(nil).String()) }, 401},
		{"auth-refresh", 0, true, func() answer {
			return c.do("POST", "/api/collections/portal_users/auth-refresh", fresh.AccessToken, nil)
		}, 200},
		{"auth-refresh without a session", 0, false, func() answer { return c.do("POST", "/api/collections/portal_users/auth-refresh", bare, nil) }, 401},
		{"a refresh token that was used", 1, false, func() answer { return c.refresh(renewed.RefreshToken) }, 401},
		{"the newest after that", 0, false, func() answer { return c.refresh(fresh.RefreshToken) }, 401},
		{"an invitation with a wrong date", 0, false, func() answer { return c.post("invitations/accept", form(first, "1977-07-08")) }, 400},
		{"a made-up invitation", 0, false, func() answer { return c.post("invitations/accept", form("made-up", "1977-07-07")) }, 400},
		{"an invitation", 0, false, func() answer { return c.post("invitations/accept", form(first, "1977-07-07")) }, 201},
		{"an invitation again", 0, false, func() answer { return c.post("invitations/accept", form(first, "1977-07-07")) }, 400},
		{"joining, signed out", 0, false, func() answer {
			second = invitation(bo, m{"relationship": "partner", "scope": "billing"})
			return c.post("invitations/join", m{"token": second, "dateOfBirth": "1977-07-07"})
		}, 401},
		{"joining", 0, false, func() answer {
			return c.do("POST", auth+"invitations/join", c.tokens[boLogin], m{"token": second, "dateOfBirth": "1977-07-07"})
		}, 201},
		{"asking for a link", 0, false, func() answer { return c.post("magic-link", m{"email": ada}) }, 200},
		{"asking for a password", 0, false, func() answer { return c.post("forgot-password", m{"email": ada}) }, 200},
		{"a link that was never used", 0, false, func() answer { return c.do("GET", "/sign-in/link?token="+c.mailed(adaSide), "", nil) }, 404}, // no page is served here
	} {
		before := c.tally("LOGIN")
		a := x.do()
		if got := c.tally("LOGIN").since(before); a.Status != x.code || got != (tally{live: -x.ends}) {
			t.Errorf("%s: %d, %+v: %s", x.name, a.Status, got, a.Body)
		}
		if x.token != (strings.Contains(a.Body, "eyJ")) {
			t.Errorf("%s: a token, or none: %s", x.name, a.Body)
		}
	}
}

// tryClosedDoors knocks at the ways of PocketBase that sign nobody in, with everything right: as a guest, as the person
// and as the owner.
func (c *truthClinic) tryClosedDoors(t *testing.T) {
	t.Helper()
	c.rest()
	c.openSession(ownSide)
	owners := c.tokens[ownerID]
	for _, s := range []side{adaSide, deeSide, ownSide} {
		c.openSession(s)
		base := "/api/collections/" + s.collection + "/"
		account := c.find(s.collection, s.id)
		for path, token := range map[string]string{"request-otp": "", "auth-with-otp": "", "impersonate/" + s.id: "", "auth-refresh": "", "request-password-reset": "",
			"confirm-password-reset": must(account.NewPasswordResetToken()), "request-verification": "", "confirm-verification": must(account.NewVerificationToken()),
			"request-email-change": "", "confirm-email-change": must(account.NewEmailChangeToken("other@mail.example")), "auth-with-oauth2": ""} {
			for _, who := range []string{"", c.tokens[s.id], owners} {
				if path == "auth-refresh" && who != "" || path == "auth-with-oauth2" && s == adaSide {
					continue // open, and in the table
				}
				before, accounts := c.tally("LOGIN"), c.count(s.collection, "id = {:a} AND tokenKey = {:b} AND email = {:c}", s.id, account.TokenKey(), s.email)
				a := c.do("POST", base+path, who, m{"identity": s.email, "email": s.email, "password": password, "otpId": "x", "token": token, "duration": 60,
					"passwordConfirm": password, "newEmail": "other@mail.example", "mfaCode": shown(s.secret, c.now()), "method": "totp",
					"provider": "oidc", "code": c.provider.code("of "+s.id, s.email), "codeVerifier": verifier})
				if a.Status < 400 || strings.Contains(a.Body, "eyJ") || c.tally("LOGIN") != before ||
					accounts != 1 || c.count(s.collection, "id = {:a} AND tokenKey = {:b} AND email = {:c}", s.id, account.TokenKey(), s.email) != 1 {
					t.Errorf("%s of %s: %d %s", path, s.collection, a.Status, a.Body)
				}
			}
		}
	}
}

// tryCrossed shows a proof that waits for one thing where another is opened, with the right code or passkey.
func (c *truthClinic) tryCrossed(t *testing.T) {
	t.Helper()
	if c.setup != justTOTP && c.setup != withRecovery {
		return // where codes are sent, the token is asked for them first, and is the same
	}
	starts := map[string]func() answer{
		"a sign-in":          func() answer { return anyPassword(c, adaSide) },
		"the own session":    func() answer { return ownPassword(c, adaSide) },
		"another session":    func() answer { a := ownPassword(c, adaSide); c.openSession(adaSide); return a },
		"a forgotten secret": func() answer { return mailedReset(c, adaSide) },
	}
	shows := map[string]func(token string, d truthDoor) answer{
		"a sign-in": func(token string, d truthDoor) answer {
			return c.withCode(token, c.rightCode(d, adaSide, token), c.method())
		},
		"a sign-in by passkey": func(token string, _ truthDoor) answer {
			return c.finish(c.devices[adaLogin].get(c.ask("/authenticate/begin", "", m{"mfaToken": token}), c.devices[adaLogin].keys[0]))
		},
		"the own session": func(token string, d truthDoor) answer {
			return c.again(adaSide, m{"mfaToken": token, "mfaCode": c.rightCode(d, adaSide, token), "method": c.method()})
		},
	}
	for started, start := range starts {
		for shown, show := range shows {
			if started == shown || started+" by passkey" == shown {
				continue
			}
			c.rest()
			c.openSession(adaSide)
			ok(t, c.app.RunInTransaction(func(tx core.App) (err error) {
				_, c.links[adaLogin], err = newToken(tx, collections.AsPortalUser(c.find(collections.PortalUsers, adaLogin)), collections.TokenResetPassword, resetLife, "")
				return err
			}))
			token := mfaToken(c, start())
			before := c.tally("REAUTHENTICATE")
			a := show(token, truthDoors[0])
			if got := c.tally("REAUTHENTICATE").since(before); a.Status != 401 || got != (tally{}) {
				t.Errorf("what waits for %s, shown for %s: %d %+v %s", started, shown, a.Status, got, a.Body)
			}
		}
	}
}
