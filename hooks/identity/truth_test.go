package identity

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/logger"

	"anteroom/collections"
	"anteroom/hooks/kernel"
)

// The truth table of signing in: every first proof with every second one, at every door, against a model of a few lines
// that knows nothing of the code. What opens is counted in rows: sessions, and lines of the audit log that say LOGIN.

const (
	right, wrongOne, missing, anothers = "right", "wrong", "missing", "somebody else's"

	replayed, otherMethod, expired, otherProof = "replayed", "of another method", "of an expired proof", "of another waiting proof"

	noFactor, justTOTP, justSMS, justEmail, smsAndEmail, withRecovery, required = "none", "totp", "sms", "email", "sms and email", "totp and recovery", "required by the clinic"
)

var (
	truthFirst  = []string{right, wrongOne, missing, anothers}
	truthSetups = []string{noFactor, justTOTP, justSMS, justEmail, smsAndEmail, withRecovery, required}
	truthShown  = []string{right, wrongOne, missing, replayed, anothers, otherMethod, expired, otherProof}
)

// isSent tells whether the factor of a set-up is a code that is sent for one proof.
func isSent(setup string) bool {
	return setup == justSMS || setup == justEmail || setup == smsAndEmail || setup == required
}

// onlyMails tells whether the set-up's one factor goes to the mailbox.
func onlyMails(setup string) bool { return setup == justEmail || setup == required }

// kind is what the model knows of a door.
type kind struct {
	alongside   bool // the code comes along with the first proof; else with the token of one that waits
	namesItself bool // the first proof says whose it is: a link, a provider's word
	byMail      bool // the first proof is a mail
	ofSession   bool // what waits belongs to the caller's own session
}

// opens is the model: who has no factor shows none; a code that is sent counts for the proof it was sent for, so it
// cannot come along with a first proof; a mail and another mail to the same box are one proof.
func (k kind) opens(first, setup, shown string) bool {
	switch {
	case k.byMail && onlyMails(setup):
		return false
	case first == anothers && k.namesItself && setup == noFactor: // it is simply them
		return true
	case first == anothers && shown == anothers: // both are of one person, who is let in where their proof waits
		return !k.ofSession && setup != noFactor && !isSent(setup) && (k.namesItself || !k.alongside)
	case first != right:
		return false
	case setup == noFactor:
		return true
	case shown == right:
		return !k.alongside || !isSent(setup)
	case shown == otherProof: // what was not sent for a proof belongs to the account
		return !isSent(setup)
	}
	return false
}

// truthOfReset is the model of a mailed link: only what the account itself set up is asked for, and never a code that goes
// to the link's own mailbox.
func truthOfReset(first, setup, shown string) bool {
	needs := setup != noFactor && setup != required
	switch {
	case first == anothers: // a link sets the password of its own account
		return !needs || shown == anothers && !isSent(setup)
	case first != right:
		return false
	case !needs:
		return true
	case setup == justEmail:
		return false
	}
	return shown == right || shown == otherProof && !isSent(setup)
}

// side is one of the two accounts of a table.
type side struct{ collection, id, email, secret string }

var (
	adaSide = side{collections.PortalUsers, adaLogin, ada, totpSecret}
	boSide  = side{collections.PortalUsers, boLogin, bo, "KRSXG5CTMVRXEZLUKN2HE2LOM4QHG33N"}
	deeSide = side{collections.Staff, deeStaff, dee, "MFRGGZDFMZTWQ2LKNNWG23TPOBYXE43U"}
	ownSide = side{collections.Owners, ownerID, owner, "NBSWY3DPEB3W64TMMQQGC3TEEBXW66JA"}

	truthSides = []side{adaSide, boSide, deeSide, ownSide}
)

// truthDoor is a way in. A door of somebody else's is one more row of truthDoors.
type truthDoor struct {
	kind
	name   string
	who    side
	model  func(first, setup, shown string) bool     // instead of the kind's
	start  func(c *truthClinic, s side) answer       // a right first proof without a second one
	first  func(c *truthClinic, x truthTry) answer   // the first proof of a try, alone
	try    func(c *truthClinic, x truthTry) []answer // nil: first, then the code with the token that waits
	counts string                                    // the audit lines of what it opens; only LOGIN opens a session
}

func (d truthDoor) opens(first, setup, shown string) bool {
	if d.model != nil {
		return d.model(first, setup, shown)
	}
	return d.kind.opens(first, setup, shown)
}

// attempt knocks. Where no right proof waits, the first proof is wrong, or enough.
func (d truthDoor) attempt(c *truthClinic, x truthTry) []answer {
	c.Helper()
	switch {
	case d.try != nil:
		return d.try(c, x)
	case x.waits == "":
		return []answer{d.first(c, x), c.withCode("no such token", x.code, x.by)}
	}
	return []answer{c.withCode(x.waits, x.code, x.by)}
}

// truthTry is what is shown at a door. Token is of a first proof that waits, empty when none does.
type truthTry struct {
	who                              side
	first, password, code, by, waits string
}

var truthDoors = []truthDoor{
	{name: "auth/login, code alongside", who: adaSide, kind: kind{alongside: true}, start: portalPassword, counts: "LOGIN",
		try: func(c *truthClinic, x truthTry) []answer {
			return []answer{c.do("POST", auth+"login", "", m{"email": x.who.email, "password": x.password, "mfaCode": x.code, "method": x.by})}
		}},
	{name: "auth/login, mfaToken", who: adaSide, start: portalPassword, counts: "LOGIN",
		first: func(c *truthClinic, x truthTry) answer { return c.login(x.who.email, x.password) }},
	{name: "authWithPassword of portal_users", who: adaSide, kind: kind{alongside: true}, start: portalPassword, counts: "LOGIN", try: throughSDK},
	{name: "authWithPassword of staff", who: deeSide, kind: kind{alongside: true}, start: anyPassword, counts: "LOGIN", try: throughSDK},
	{name: "auth/login of staff, mfaToken", who: deeSide, start: anyPassword, counts: "LOGIN",
		first: func(c *truthClinic, x truthTry) answer { return c.sdk("staff", x.who.email, x.password) }},
	{name: "authWithPassword of owners", who: ownSide, kind: kind{alongside: true}, start: anyPassword, counts: "LOGIN", try: throughSDK},
	{name: "auth/login of owners, mfaToken", who: ownSide, start: anyPassword, counts: "LOGIN",
		first: func(c *truthClinic, x truthTry) answer { return c.sdk(x.who.collection, x.who.email, x.password) }},
	{name: "magic-link/verify, link", who: adaSide, kind: kind{namesItself: true, byMail: true}, counts: "LOGIN",
		start: func(c *truthClinic, s side) answer { return c.useLink(m{"token": c.mailed(s)}) },
		first: func(c *truthClinic, x truthTry) answer { return c.useLink(m{"token": c.linkOf(x)}) }},
	{name: "magic-link/verify, code", who: adaSide, kind: kind{byMail: true}, counts: "LOGIN",
		start: func(c *truthClinic, s side) answer {
			c.mailed(s)
			return c.useLink(m{"email": s.email, "code": mailCodes[s.id]})
		},
		first: func(c *truthClinic, x truthTry) answer {
			c.mailed(x.who)
			c.mailed(boSide)
			return c.useLink(m{"email": x.who.email, "code": map[string]string{right: mailCodes[x.who.id], wrongOne: "000000", anothers: mailCodes[boLogin]}[x.first]})
		}},
	{name: "authWithOAuth2, mfaToken", who: adaSide, kind: kind{namesItself: true}, counts: "LOGIN",
		start: func(c *truthClinic, s side) answer { return c.elsewhere("", c.provider.code("of "+s.id, s.email), nil) },
		first: func(c *truthClinic, x truthTry) answer { return c.elsewhere("", c.grantOf(x), nil) }},
	{name: "authWithOAuth2, code alongside", who: adaSide, kind: kind{namesItself: true, alongside: true}, counts: "LOGIN",
		start: func(c *truthClinic, s side) answer { return c.elsewhere("", c.provider.code("of "+s.id, s.email), nil) },
		try: func(c *truthClinic, x truthTry) []answer {
			return []answer{c.elsewhere("", c.grantOf(x), m{"mfaCode": x.code, "method": x.by})}
		}},
	{name: "auth/reset-password", who: adaSide, kind: kind{byMail: true}, start: mailedReset, counts: "RESET_PASSWORD", model: truthOfReset,
		try: func(c *truthClinic, x truthTry) []answer {
			link := map[string]string{right: c.links[x.who.id], wrongOne: "made-up", missing: "", anothers: c.links[boLogin]}[x.first]
			return []answer{c.post("reset-password", m{"token": link, "password": "Another-Harbour-43", "mfaToken": x.waits, "mfaCode": x.code, "method": x.by})}
		}},
	{name: "auth/reauthenticate, code alongside", who: adaSide, kind: kind{alongside: true, ofSession: true}, start: ownPassword, counts: "REAUTHENTICATE",
		try: func(c *truthClinic, x truthTry) []answer {
			return []answer{c.again(x.who, m{"password": x.password, "mfaCode": x.code, "method": x.by})}
		}},
	{name: "auth/reauthenticate, mfaToken", who: adaSide, kind: kind{ofSession: true}, start: ownPassword, counts: "REAUTHENTICATE",
		try: func(c *truthClinic, x truthTry) []answer {
			if x.waits == "" {
				return []answer{c.again(x.who, m{"password": x.password}), c.again(x.who, m{"mfaToken": "no such token", "mfaCode": x.code, "method": x.by})}
			}
			return []answer{c.again(x.who, m{"mfaToken": x.waits, "mfaCode": x.code, "method": x.by})}
		}},
	{name: "auth/reauthenticate of staff, mfaToken", who: deeSide, kind: kind{ofSession: true}, start: ownPassword, counts: "REAUTHENTICATE", try: againWaiting},
	{name: "auth/reauthenticate of owners, mfaToken", who: ownSide, kind: kind{ofSession: true}, start: ownPassword, counts: "REAUTHENTICATE", try: againWaiting},
}

func againWaiting(c *truthClinic, x truthTry) []answer {
	if x.waits == "" {
		return []answer{c.again(x.who, m{"password": x.password})}
	}
	return []answer{c.again(x.who, m{"mfaToken": x.waits, "mfaCode": x.code, "method": x.by})}
}

func portalPassword(c *truthClinic, s side) answer { return c.login(s.email, password) }

// anyPassword is the password of any collection.
func anyPassword(c *truthClinic, s side) answer {
	if s.collection != collections.PortalUsers {
		return c.sdk(s.collection, s.email, password)
	}
	return c.login(s.email, password)
}

func mailedReset(c *truthClinic, s side) answer {
	return c.post("reset-password", m{"token": c.links[s.id], "password": "Another-Harbour-43"})
}

func ownPassword(c *truthClinic, s side) answer { return c.again(s, m{"password": password}) }

// mailCodes are those beside the links.
var mailCodes = map[string]string{adaLogin: "535353", boLogin: "646464"}

// mailed makes the link and the code that a mail to sign in would hold.
func (c *truthClinic) mailed(s side) (link string) {
	c.Helper()
	ok(c, c.app.RunInTransaction(func(tx core.App) (err error) {
		_, link, err = newToken(tx, collections.AsPortalUser(c.find(s.collection, s.id)), collections.TokenSignIn, signInLinkLife, mailCodes[s.id])
		return err
	}))
	c.secrets = append(c.secrets, link)
	return link
}

func (c *truthClinic) linkOf(x truthTry) string {
	c.Helper()
	switch x.first {
	case right:
		return c.mailed(x.who)
	case anothers:
		return c.mailed(boSide)
	}
	return map[string]string{wrongOne: "made-up", missing: ""}[x.first]
}

// grantOf is the code that a provider sends back.
func (c *truthClinic) grantOf(x truthTry) (code string) {
	switch x.first {
	case right:
		code = c.provider.code("of "+x.who.id, x.who.email)
	case anothers:
		code = c.provider.code("of "+boLogin, ada) // what the provider says of an address means nothing
	default:
		return map[string]string{wrongOne: "made-up", missing: ""}[x.first]
	}
	c.secrets = append(c.secrets, code)
	return code
}

// again proves who somebody is in the session that they have.
func (c *truthClinic) again(s side, body m) answer {
	c.Helper()
	return c.do("POST", auth+"reauthenticate", c.tokens[s.id], body)
}

// openSession opens one past every question, so that a door that needs one can be tried.
func (c *truthClinic) openSession(s side) {
	c.Helper()
	ok(c, c.app.RunInTransaction(func(tx core.App) error {
		opened, err := SignIn(tx, &Attempt{Account: c.find(s.collection, s.id), Method: ByPasskey, Spend: func(core.App, kernel.Actor) error { return nil }})
		if err == nil {
			c.tokens[s.id] = opened.AccessToken
		}
		return err
	}))
}

func throughSDK(c *truthClinic, x truthTry) []answer {
	return []answer{c.do("POST", "/api/collections/"+x.who.collection+"/auth-with-password", "",
		m{"identity": x.who.email, "password": x.password, "mfaCode": x.code, "method": x.by})}
}

// truthClinic is a clinic whose people have one set-up.
type truthClinic struct {
	*clinic
	provider *provider
	setup    string
	sent     int
	links    map[string]string         // of resets, by account
	tokens   map[string]string         // of sessions, by account
	devices  map[string]*authenticator // with one passkey each, by account
	secrets  []string                  // what must stand nowhere
	codes    []string                  // six digits, which must stand in no answer and in no words
}

func newTruthClinic(t *testing.T, setup string) *truthClinic {
	t.Helper()
	c := &truthClinic{setup: setup, links: map[string]string{}, tokens: map[string]string{}, devices: map[string]*authenticator{},
		secrets: []string{password, "Wrong-Harbour-42", "Bos-Own-Harbour-9", "Another-Harbour-43"}}
	c.clinic, c.provider = withProvider(t)
	c.logEverything()
	for _, s := range truthSides {
		c.openSession(s)
		c.devices[s.id] = newAuthenticator(t)
		c.addPasskey(c.devices[s.id], c.tokens[s.id])
		if s.collection == collections.PortalUsers {
			c.want(c.elsewhere(c.tokens[s.id], c.provider.code("of "+s.id, s.email), nil), 200, "")
		}
	}
	for _, s := range truthSides {
		c.equip(s)
	}
	if setup == required {
		c.settings(m{"mfa_clients": "required", "mfa_staff": "required"})
	}
	return c
}

func (c *truthClinic) equip(s side) {
	c.Helper()
	account := c.find(s.collection, s.id)
	enable := func(method collections.FactorMethod, values m) {
		f := must(collections.NewMFAFactor(c.app, account, method))
		f.Load(values)
		f.Set("enabled_at", c.now())
		ok(c, c.app.Save(f))
	}
	switch c.setup {
	case justTOTP, withRecovery:
		enable(collections.MethodTOTP, m{"secret": s.secret})
		c.secrets = append(c.secrets, s.secret)
	case justSMS:
		enable(collections.MethodSMS, m{"phone": "+13035550134"})
	case justEmail:
		enable(collections.MethodEmail, nil)
	case smsAndEmail:
		enable(collections.MethodSMS, m{"phone": "+13035550134"})
		enable(collections.MethodEmail, nil)
	}
}

// method is how the factor of the set-up is called.
func (c *truthClinic) method() string {
	return map[string]string{justTOTP: "totp", justSMS: "sms", justEmail: "email", smsAndEmail: "sms", withRecovery: "recovery", required: "email"}[c.setup]
}

// waiting gives the token of a right first proof, or "" when it needs nothing more (then it is not made).
func (c *truthClinic) waiting(d truthDoor, s side) string {
	c.Helper()
	if c.setup == noFactor || c.setup == required && d.counts == "RESET_PASSWORD" {
		return ""
	}
	token := mfaToken(c, d.start(c, s))
	c.secrets = append(c.secrets, token)
	return token
}

// rightCode makes a code that counts now.
func (c *truthClinic) rightCode(d truthDoor, s side, waits string) string {
	c.Helper()
	var code string
	switch {
	case c.setup == justTOTP:
		code = shown(s.secret, c.now())
	case c.setup == withRecovery:
		c.sent++
		code = fmt.Sprintf("ABCD-EFGH-%04d", c.sent)
		account := c.find(s.collection, s.id)
		ok(c, c.app.Save(must(collections.NewRecoveryCode(c.app, account, recoveryHash(account, code)))))
	case waits == "":
		code = "424242" // nothing is sent
	case d.byMail && onlyMails(c.setup):
		c.want(c.do("POST", auth+"mfa/challenge", "", m{"mfaToken": waits, "method": "email"}), 400, "VALIDATION_ERROR")
		code = "424242"
	default:
		c.want(c.do("POST", auth+"mfa/challenge", "", m{"mfaToken": waits, "method": c.method()}), 200, "")
		c.sent++
		code = fmt.Sprintf("%06d", 420000+c.sent)
		_, err := c.app.NonconcurrentDB().NewQuery("UPDATE sign_in_attempts SET code_hash = {:h} WHERE token_hash = {:t}").
			Bind(dbx.Params{"h": codeHash(waitingHash(waits), code), "t": waitingHash(waits)}).Execute()
		ok(c, err)
	}
	c.codes = append(c.codes, code)
	return code
}

// rest lets every limit's window pass.
func (c *truthClinic) rest() {
	c.Helper()
	c.advance(16 * time.Minute)
	c.tidy() // what was open has ended, and is counted
	_, err := c.app.NonconcurrentDB().NewQuery("DELETE FROM sign_in_failures").Execute()
	ok(c, err)
}

// prepare makes what is shown. It says false where a door has no such case.
func (c *truthClinic) prepare(d truthDoor, first, second string) (truthTry, bool) {
	c.Helper()
	x := truthTry{who: d.who, first: first, by: c.method(), password: map[string]string{right: password, wrongOne: "Wrong-Harbour-42", anothers: "Bos-Own-Harbour-9"}[first]}
	if d.alongside && (second == expired || second == otherProof) {
		return x, false
	}
	if first != right && first != anothers && second != right && second != missing && second != anothers {
		return x, false // what a right code does not open without a first proof, a worse one does not either
	}
	if d.counts == "RESET_PASSWORD" {
		for _, id := range []string{adaLogin, boLogin} {
			ok(c, c.app.RunInTransaction(func(tx core.App) (err error) {
				_, c.links[id], err = newToken(tx, collections.AsPortalUser(c.find(collections.PortalUsers, id)), collections.TokenResetPassword, resetLife, "")
				return err
			}))
			c.secrets = append(c.secrets, c.links[id])
		}
	}
	if d.ofSession {
		c.openSession(d.who)
		c.openSession(boSide)
	}
	mine := c.waiting(d, d.who)
	switch second {
	case right:
		x.code = c.rightCode(d, d.who, mine)
	case wrongOne:
		x.code = "000000"
	case replayed:
		x.code = c.rightCode(d, d.who, mine)
		if mine != "" && d.counts == "LOGIN" && (!d.byMail || !onlyMails(c.setup)) {
			c.want(c.withCode(mine, x.code, x.by), 200, "")
			if !isSent(c.setup) {
				mine = c.waiting(d, d.who)
			}
		} else if mine != "" && (!d.byMail || !onlyMails(c.setup)) { // the code was used to sign in, or for another proof
			used := mfaToken(c, anyPassword(c, d.who))
			if isSent(c.setup) {
				x.code = c.rightCode(d, d.who, used)
			}
			c.want(c.withCode(used, x.code, x.by), 200, "")
		}
	case anothers:
		x.code = c.rightCode(d, boSide, c.waiting(d, boSide))
	case otherMethod:
		x.code = c.rightCode(d, d.who, mine)
		x.by = map[string]string{"totp": "recovery", "recovery": "totp", "sms": "email", "email": "sms"}[x.by]
	case expired:
		if isSent(c.setup) {
			x.code = c.rightCode(d, d.who, mine)
		}
		c.advance(waitFor)
		if x.code == "" {
			x.code = c.rightCode(d, d.who, mine)
		}
	case otherProof:
		x.code = c.rightCode(d, d.who, c.waiting(d, d.who))
	}
	switch {
	case d.alongside:
	case first == right:
		x.waits = mine
	case first == anothers: // somebody proved who they are, and it is somebody else
		x.waits = c.waiting(d, boSide)
	}
	return x, true
}

// tally is what a try may change: sessions, those of somebody else among them, lines that say so, codes that are spent.
type tally struct{ sessions, live, ofBo, logins, lines, spent int }

func (c *truthClinic) tally(counts string) (n tally) {
	c.Helper()
	ok(c, c.app.ConcurrentDB().NewQuery(`SELECT count(*), coalesce(sum(revoked_at = 0), 0), coalesce(sum(owner = {:bo}), 0),
		(SELECT count(*) FROM portal_audit_log WHERE action = 'LOGIN' AND result = 'ok'), (SELECT count(*) FROM portal_audit_log WHERE action = {:a} AND result = 'ok'),
		(SELECT count(*) FROM recovery_codes WHERE used_at != '') FROM portal_sessions`).
		Bind(dbx.Params{"bo": boLogin, "a": counts}).Row(&n.sessions, &n.live, &n.ofBo, &n.logins, &n.lines, &n.spent))
	return n
}

func (a tally) since(b tally) tally {
	return tally{a.sessions - b.sessions, a.live - b.live, a.ofBo - b.ofBo, a.logins - b.logins, a.lines - b.lines, a.spent - b.spent}
}

// tallyOf is what the model expects of a door that opens, or does not.
func tallyOf(d truthDoor, first string, opens bool) (want tally) {
	switch {
	case !opens:
	case d.counts == "LOGIN":
		want = tally{sessions: 1, live: 1, logins: 1, lines: 1}
		if first == anothers {
			want.ofBo = 1
		}
	default:
		want.lines = 1
	}
	return want
}

func TestTruthOfSignIn(t *testing.T) {
	for _, setup := range truthSetups {
		t.Run(setup, func(t *testing.T) {
			t.Parallel()
			c := newTruthClinic(t, setup)
			cases, opened := 0, 0
			for _, d := range truthDoors {
				for _, first := range truthFirst {
					for _, second := range truthShown {
						if c.tryTruth(t, d, first, second) {
							opened++
						}
						cases++
					}
				}
			}
			if cases < 400 || opened < 5 {
				t.Fatal(cases, "cases,", opened, "opened")
			}
			c.tryPasskeys(t)
			c.tryCrossed(t)
			c.tryWhatOpensNothing(t)
			c.tryClosedDoors(t)
			c.checkSecrets(t)
		})
	}
}

func (c *truthClinic) tryTruth(t *testing.T, d truthDoor, first, second string) bool {
	t.Helper()
	c.rest()
	x, there := c.prepare(d, first, second)
	if !there {
		return false
	}
	before := c.tally(d.counts)
	answers := d.attempt(c, x)
	want := d.opens(first, c.setup, second)
	name := fmt.Sprintf("%s: %s first proof, %s second", d.name, first, second)
	got, wanted := c.tally(d.counts).since(before), tallyOf(d, first, want)
	if want && x.by == "recovery" { // spent for what it opened, and never for nothing
		wanted.spent = 1
	}
	if d.counts == "RESET_PASSWORD" { // a new password ends what is open
		got.live = 0
	}
	if got != wanted {
		t.Errorf("%s: %+v, want %+v: %v", name, got, wanted, answers)
	}
	granted := 0
	for _, a := range answers {
		if a.Status < 300 {
			granted++
		}
		for _, secret := range []string{password, x.password, `"` + x.code + `"`, x.who.secret} {
			if len(secret) > 2 && strings.Contains(a.Body, secret) {
				t.Errorf("%s: the answer holds what was shown: %s", name, a.Body)
			}
		}
		if !want && (strings.Contains(a.Body, "accessToken") || strings.Contains(a.Body, `"token":"`)) {
			t.Errorf("%s: a token in a refusal: %s", name, a.Body)
		}
	}
	if (granted > 0) != want {
		t.Errorf("%s: answered %v", name, answers)
	}
	if want && d.counts == "RESET_PASSWORD" { // back to what everybody has
		for _, id := range []string{adaLogin, boLogin} {
			u := c.find(collections.PortalUsers, id)
			if !u.ValidatePassword(password) {
				u.SetPassword(password)
				ok(c, c.app.Save(u))
			}
		}
	}
	return want
}

// logEverything makes the server log all it ever would.
func (c *truthClinic) logEverything() {
	c.Helper()
	c.app.Settings().Logs.MaxDays, c.app.Settings().Logs.MinLevel = 1, int(slog.LevelDebug)
	ok(c, c.app.Save(c.app.Settings()))
	c.logs().SetLevel(slog.LevelDebug)
}

func (c *truthClinic) logs() *logger.BatchHandler {
	c.Helper()
	h, ours := c.app.Logger().Handler().(*logger.BatchHandler)
	if !ours {
		c.Fatal("the log is not PocketBase's")
	}
	return h
}

// checkSecrets reads everything that was written about all this.
func (c *truthClinic) checkSecrets(t *testing.T) {
	t.Helper()
	c.app.Logger().Debug("the last entry") // requests themselves leave none
	ok(t, c.logs().WriteAll(context.Background()))
	var logs, lines []string
	ok(t, c.app.AuxConcurrentDB().NewQuery("SELECT message || ' ' || data FROM _logs").Column(&logs))
	ok(t, c.app.ConcurrentDB().NewQuery("SELECT action || ' ' || resource_id || ' ' || error_code || ' ' || agent || ' ' || details FROM portal_audit_log").Column(&lines))
	if len(logs) < 1 || len(lines) < 200 {
		t.Fatalf("only %d entries of the log and %d lines", len(logs), len(lines))
	}
	for what, text := range map[string]string{"log": strings.Join(logs, "\n"), "audit log": strings.Join(lines, "\n")} {
		for _, secret := range c.secrets {
			if strings.Contains(text, secret) {
				t.Fatalf("the %s holds a secret: %s", what, secret)
			}
		}
		for _, code := range c.codes {
			if strings.Contains(text, `"`+code+`"`) || strings.Contains(text, "="+code) || strings.Contains(text, " "+code) {
				t.Fatalf("the %s holds a code: %s", what, code)
			}
		}
	}
}
