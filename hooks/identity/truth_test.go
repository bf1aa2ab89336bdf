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
)

// The truth table of signing in: every first proof with every second one, at every door, against a model of a few lines
// that knows nothing of the code. What opens is counted in rows: sessions, and lines of the audit log that say LOGIN.

const (
	right, wrongOne, missing, anothers = "right", "wrong", "missing", "somebody else's"

	replayed, otherMethod, expired, otherProof = "replayed", "of another method", "of an expired proof", "of another waiting proof"

	noFactor, justTOTP, justSMS, justEmail, withRecovery, required = "none", "totp", "sms", "email", "totp and recovery", "required by the clinic"
)

var (
	truthFirst  = []string{right, wrongOne, missing, anothers}
	truthSetups = []string{noFactor, justTOTP, justSMS, justEmail, withRecovery, required}
	truthShown  = []string{right, wrongOne, missing, replayed, anothers, otherMethod, expired, otherProof}
)

// isSent tells whether the factor of a set-up is a code that is sent for one proof.
func isSent(setup string) bool { return setup == justSMS || setup == justEmail || setup == required }

// truthOf is the model: who has no factor shows none; a code that is sent counts for the proof it was sent for, so it
// cannot come along with a password.
func truthOf(first, setup, shown string, alongside bool) bool {
	switch {
	case first == anothers && shown == anothers: // both are of one person: it is simply them, where their proof waits
		return !alongside && setup != noFactor && !isSent(setup)
	case first != right:
		return false
	case setup == noFactor:
		return true
	case shown == right:
		return !(alongside && isSent(setup))
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
)

// truthDoor is a way in. A door of somebody else's is one more row of truthDoors.
type truthDoor struct {
	name      string
	who       side
	alongside bool // the code comes along with the first proof; else with the token of one that waits
	opens     func(first, setup, shown string) bool
	start     func(c *truthClinic, s side) answer // a right first proof without a second one
	try       func(c *truthClinic, x truthTry) []answer
	counts    string // the audit lines of what it opens
}

// truthTry is what is shown at a door. Token is of a first proof that waits, empty when none does.
type truthTry struct {
	who                              side
	first, password, code, by, waits string
}

var truthDoors = []truthDoor{
	{name: "auth/login, code alongside", who: adaSide, alongside: true, start: portalPassword, counts: "LOGIN",
		opens: func(f, s, x string) bool { return truthOf(f, s, x, true) },
		try: func(c *truthClinic, x truthTry) []answer {
			return []answer{c.do("POST", auth+"login", "", m{"email": x.who.email, "password": x.password, "mfaCode": x.code, "method": x.by})}
		}},
	{name: "auth/login, mfaToken", who: adaSide, start: portalPassword, counts: "LOGIN",
		opens: func(f, s, x string) bool { return truthOf(f, s, x, false) },
		try: func(c *truthClinic, x truthTry) []answer {
			if x.waits == "" { // nothing waits: the first proof is wrong, or enough
				first := c.login(x.who.email, x.password)
				return []answer{first, c.withCode("no such token", x.code, x.by)}
			}
			return []answer{c.withCode(x.waits, x.code, x.by)}
		}},
	{name: "authWithPassword of portal_users", who: adaSide, alongside: true, start: portalPassword, counts: "LOGIN",
		opens: func(f, s, x string) bool { return truthOf(f, s, x, true) }, try: throughSDK},
	{name: "authWithPassword of staff", who: deeSide, alongside: true, start: staffPassword, counts: "LOGIN",
		opens: func(f, s, x string) bool { return truthOf(f, s, x, true) }, try: throughSDK},
	{name: "auth/login of staff, mfaToken", who: deeSide, start: staffPassword, counts: "LOGIN",
		opens: func(f, s, x string) bool { return truthOf(f, s, x, false) },
		try: func(c *truthClinic, x truthTry) []answer {
			if x.waits == "" {
				return []answer{c.sdk("staff", x.who.email, x.password), c.withCode("no such token", x.code, x.by)}
			}
			return []answer{c.withCode(x.waits, x.code, x.by)}
		}},
	{name: "auth/reset-password", who: adaSide, start: mailedLink, counts: "RESET_PASSWORD", opens: truthOfReset,
		try: func(c *truthClinic, x truthTry) []answer {
			link := map[string]string{right: c.links[x.who.id], wrongOne: "made-up", missing: "", anothers: c.links[boLogin]}[x.first]
			return []answer{c.post("reset-password", m{"token": link, "password": "Another-Harbour-43", "mfaToken": x.waits, "mfaCode": x.code, "method": x.by})}
		}},
}

func portalPassword(c *truthClinic, s side) answer { return c.login(s.email, password) }
func staffPassword(c *truthClinic, s side) answer {
	if s.collection == collections.Staff {
		return c.sdk(s.collection, s.email, password)
	}
	return c.login(s.email, password)
}

func mailedLink(c *truthClinic, s side) answer {
	return c.post("reset-password", m{"token": c.links[s.id], "password": "Another-Harbour-43"})
}

func throughSDK(c *truthClinic, x truthTry) []answer {
	return []answer{c.do("POST", "/api/collections/"+x.who.collection+"/auth-with-password", "",
		m{"identity": x.who.email, "password": x.password, "mfaCode": x.code, "method": x.by})}
}

// truthClinic is a clinic whose people have one set-up.
type truthClinic struct {
	*clinic
	setup   string
	sent    int
	links   map[string]string // of resets, by account
	secrets []string          // what must stand nowhere
	codes   []string          // six digits, which must stand in no answer and in no words
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
	}
}

// method is how the factor of the set-up is called.
func (c *truthClinic) method() string {
	return map[string]string{justTOTP: "totp", justSMS: "sms", justEmail: "email", withRecovery: "recovery", required: "email"}[c.setup]
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
	code := ""
	switch {
	case c.setup == justTOTP:
		code = shown(s.secret, c.now())
	case c.setup == withRecovery:
		c.sent++
		code = fmt.Sprintf("ABCD-EFGH-%04d", c.sent)
		account := c.find(s.collection, s.id)
		ok(c, c.app.Save(must(collections.NewRecoveryCode(c.app, account, recoveryHash(account, code)))))
	case waits == "" || c.setup == justEmail && d.counts == "RESET_PASSWORD":
		code = "424242" // nothing is sent
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
	if d.counts == "RESET_PASSWORD" {
		for _, id := range []string{adaLogin, boLogin} {
			ok(c, c.app.RunInTransaction(func(tx core.App) (err error) {
				_, c.links[id], err = newToken(tx, collections.AsPortalUser(c.find(collections.PortalUsers, id)), collections.TokenResetPassword, resetLife, "")
				return err
			}))
			c.secrets = append(c.secrets, c.links[id])
		}
	}
	mine := c.waiting(d, d.who)
	switch second {
	case right:
		x.code = c.rightCode(d, d.who, mine)
	case wrongOne:
		x.code = "000000"
	case replayed:
		x.code = c.rightCode(d, d.who, mine)
		if mine != "" && d.counts == "LOGIN" {
			c.want(c.withCode(mine, x.code, x.by), 200, "")
			if !isSent(c.setup) {
				mine = c.waiting(d, d.who)
			}
		} else if mine != "" && c.setup != justEmail { // the code was used to sign in, or for another proof
			used := mfaToken(c, portalPassword(c, d.who))
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

func (c *truthClinic) opened(d truthDoor) (sessions, lines int) {
	c.Helper()
	return c.count("portal_sessions", "TRUE"), c.count("portal_audit_log", "action = {:a} AND result = 'ok'", d.counts)
}

func TestTruthOfSignIn(t *testing.T) {
	for _, setup := range truthSetups {
		t.Run(setup, func(t *testing.T) {
			t.Parallel()
			c := &truthClinic{clinic: newClinic(t), setup: setup, links: map[string]string{}, secrets: []string{password, "Wrong-Harbour-42", "Another-Harbour-43"}}
			c.logEverything()
			if setup == required {
				c.settings(m{"mfa_clients": "required", "mfa_staff": "required"})
			}
			for _, s := range []side{adaSide, boSide, deeSide} {
				c.equip(s)
			}
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
			if cases < 150 || opened < 2 {
				t.Fatal(cases, "cases,", opened, "opened")
			}
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
	sessions, lines := c.opened(d)
	used := c.count("recovery_codes", "used_at != ''")
	answers := d.try(c, x)
	nowSessions, nowLines := c.opened(d)
	want := d.opens(first, c.setup, second)
	wantSessions, wantLines := 0, 0
	if want {
		wantLines = 1
		if d.counts == "LOGIN" {
			wantSessions = 1
		}
	}
	name := fmt.Sprintf("%s: %s first proof, %s second", d.name, first, second)
	if nowSessions-sessions != wantSessions || nowLines-lines != wantLines {
		t.Errorf("%s: %d sessions and %d lines, want %d and %d: %v", name, nowSessions-sessions, nowLines-lines, wantSessions, wantLines, answers)
	}
	if spent := c.count("recovery_codes", "used_at != ''") - used; spent != 0 && !want {
		t.Errorf("%s: a code was spent for nothing", name)
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

// tryClosedDoors knocks at the ways of PocketBase that sign nobody in, with everything right.
func (c *truthClinic) tryClosedDoors(t *testing.T) {
	t.Helper()
	c.rest()
	counted := truthDoors[0]
	sessions, lines := c.opened(counted)
	for _, s := range []side{adaSide, deeSide} {
		base := "/api/collections/" + s.collection + "/"
		for _, path := range []string{"request-otp", "auth-with-otp", "impersonate/" + s.id, "auth-refresh", "request-password-reset", "confirm-password-reset",
			"request-verification", "confirm-verification", "request-email-change", "confirm-email-change"} {
			a := c.do("POST", base+path, "", m{"identity": s.email, "email": s.email, "password": password, "otpId": "x", "token": c.links[adaLogin],
				"passwordConfirm": password, "newEmail": "other@mail.example", "mfaCode": shown(s.secret, c.now())})
			if a.Status < 400 || strings.Contains(a.Body, `"token"`) {
				t.Errorf("%s of %s: %d %s", path, s.collection, a.Status, a.Body)
			}
		}
	}
	if nowSessions, nowLines := c.opened(counted); nowSessions != sessions || nowLines != lines {
		t.Error("a closed door opened")
	}
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
