package identity

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
	"anteroom/hooks/notices"
)

// Failures are counted in the table sign_in_failures, so that they survive a restart, by a hash of what was typed,
// so that a stranger's address counts like an account's and neither stands there in clear. They are written outside
// the sign-in transaction, which a failure rolls back. Windows slide: a row keeps the instants of the last failures, and
// no more of them than the limit.

// counter is one thing that is counted: about an account, about an address, or about the whole clinic.
type counter struct {
	key    string
	most   int           // failures in the window after which nobody may try
	window time.Duration // failures older than this do not count
	pause  time.Duration // how long nobody may try then; 0: until a failure has left the window
	lock   lock
	holder string // the collection of the account, where there is a lock
	own    bool   // counts only what the caller's own network did: the answer may tell how much is left

	// spares says who may try nevertheless. Nil: nobody. A counter that has it is the clinic's.
	spares func() (bool, error)
}

// lock is what a counter locks, rather than slowing down the caller.
type lock int

const (
	locksNothing lock = iota
	locksPassword
	locksSecondFactor
)

// state is a counter's row. Instants are milliseconds since 1970, oldest first.
type state struct {
	Key         string `db:"key"`
	Instants    string `db:"instants"`
	LockedUntil int64  `db:"locked_until"`
	at          []int64
}

// countersOf lists what a password sign-in counts: the account's lock, both specifications' limits, the address, and
// the whole clinic.
func countersOf(app core.App, collection, email, ip string) []counter {
	s := collections.Settings(app)
	account, clinic := accountKey(collection, email), s.Limit(collections.LimitSignInClinic)
	here, anywhere := s.Limit(collections.LimitSignInAddress), s.Limit(collections.LimitSignInAccount)
	pause := time.Duration(s.LockoutMinutes) * time.Minute
	return []counter{
		{key: account + "|lock", most: s.LockoutFailures, window: pause, pause: pause, lock: locksPassword, holder: collection},
		{key: account + "|any", most: anywhere.Max, window: anywhere.Window()},
		{key: account + "|" + keyOf("address", kernel.Network(ip)), most: here.Max, window: here.Window(), own: true},
		sprayCounter(s, ip),
		{key: keyOf("clinic"), most: clinic.Max, window: clinic.Window(),
			spares: func() (bool, error) { return signedInFrom(app, collection, email, ip) }},
	}
}

// secondFactorCounters lists what a guess at a second factor counts: the account's second factor, from wherever it is
// guessed at, and the address. A right password leaves them, or whoever has it could go on for ever: only
// clearSecondFactorFailures lifts the lock before its time, when a sign-in is finished with a second factor.
func secondFactorCounters(app core.App, collection, email, ip string) []counter {
	s := collections.Settings(app)
	rule := s.Limit(collections.LimitSecondFactor)
	return []counter{
		{key: secondFactorKey(collection, email), most: rule.Max, window: rule.Window(), pause: rule.Window(), lock: locksSecondFactor, holder: collection},
		sprayCounter(s, ip),
	}
}

// sprayCounter counts one network's failures at many accounts. No account's name begins its key: a sign-in that
// succeeds leaves it, or whoever has one account could go on for ever.
func sprayCounter(s *collections.ClinicSettings, ip string) counter {
	rule := s.Limit(collections.LimitSignInSpray)
	return counter{key: keyOf("spray", kernel.Network(ip)), most: rule.Max, window: rule.Window(), own: true}
}

// knownFor is how long an address from which somebody signed in is known as theirs.
const knownFor = 30 * 24 * time.Hour

// signedInFrom tells whether an account was signed in to from an address lately: while the whole clinic is being guessed
// at, its people go on from where they are known. Nobody's account takes the same look-up.
func signedInFrom(app core.App, collection, email, ip string) (known bool, err error) {
	err = app.ConcurrentDB().NewQuery(`SELECT EXISTS (SELECT 1 FROM portal_sessions WHERE owner_collection = {:collection}
		AND owner = coalesce((SELECT id FROM {{` + collection + `}} WHERE email = {:email}), '') AND ip_address = {:ip} AND started_at > {:from})`).
		Bind(dbx.Params{"collection": collection, "email": email, "ip": ip, "from": kernel.Now(app).Add(-knownFor).Unix()}).Row(&known)
	return known, err
}

// refuseGuessing asks whether the next guess may be made at all, and tells in the answer's headers what is left if it
// should be wrong. Guesses at different accounts are made side by side, so an address and the clinic may pass their
// limits by as many as the hash queue lets them have waiting.
func refuseGuessing(app core.App, h http.Header, counters []counter) error {
	rows, err := statesOf(app.ConcurrentDB(), counters)
	if err != nil {
		return err
	}
	now := kernel.Now(app).UnixMilli()
	for _, c := range counters {
		until := c.closedUntil(rows[c.key], now)
		if until <= now {
			continue
		}
		if c.spares != nil {
			spared, err := c.spares()
			if err != nil {
				return err
			}
			if spared {
				continue
			}
		}
		return c.refusal(h, "SIGN_IN_LIMIT", until-now)
	}
	sayWhatIsLeft(h, counters, rows, now)
	return nil
}

// sayWhatIsLeft tells the tightest of the limits on the caller's own network, as after one more failure: only failures
// count. What others did about the account stays untold, because somebody who mistypes is somebody who has an account.
func sayWhatIsLeft(h http.Header, counters []counter, rows map[string]state, now int64) {
	fewest := -1
	for _, c := range counters {
		if !c.own || c.most <= 0 {
			continue
		}
		at := append(c.recent(rows[c.key], now), now)
		if left := max(0, c.most-len(at)); fewest < 0 || left < fewest {
			fewest = left
			c.say(h, left, time.Duration(at[0]+c.window.Milliseconds()-now)*time.Millisecond)
		}
	}
}

// say sets the headers of draft-ietf-httpapi-ratelimit-headers, in whole seconds.
func (c counter) say(h http.Header, left int, reset time.Duration) {
	h.Set("RateLimit-Limit", strconv.Itoa(c.most))
	h.Set("RateLimit-Remaining", strconv.Itoa(left))
	h.Set("RateLimit-Reset", strconv.FormatInt(int64(wholeSeconds(reset)/time.Second), 10))
}

// refusal says no for the milliseconds that are left, in the answer's headers too.
func (c counter) refusal(h http.Header, reason string, left int64) *kernel.Error {
	wait := wholeSeconds(time.Duration(left) * time.Millisecond)
	switch c.lock {
	case locksPassword:
		e := kernel.Forbidden("ACCOUNT_LOCKED", "Too many tries. For your safety, password sign-in is paused. Try again later, or call us.")
		e.RetryAfter = wait
		return e
	case locksSecondFactor:
		reason = "MFA_LIMIT"
	}
	c.say(h, 0, wait)
	return kernel.RateLimited(reason, wait)
}

// recent are the failures that count now.
func (c counter) recent(s state, now int64) []int64 {
	if s.LockedUntil != 0 && s.LockedUntil <= now {
		return nil // the pause has been sat out
	}
	at := s.at
	for len(at) > 0 && at[0] <= now-c.window.Milliseconds() {
		at = at[1:]
	}
	return at[:len(at):len(at)]
}

// closedUntil is the instant from which a try is free again; it has passed when one is.
func (c counter) closedUntil(s state, now int64) int64 {
	if c.most <= 0 || c.pause > 0 {
		return s.LockedUntil
	}
	at := c.recent(s, now)
	if len(at) < c.most {
		return 0
	}
	return at[len(at)-c.most] + c.window.Milliseconds()
}

// after gives the state once one more failure is counted.
func (c counter) after(s state, now int64) state {
	at := append(c.recent(s, now), now)
	next := state{Key: c.key, at: at[max(0, len(at)-c.most):]}
	switch {
	case s.LockedUntil > now:
		next.LockedUntil = s.LockedUntil
	case c.pause > 0 && len(at) >= c.most:
		next.LockedUntil = now + c.pause.Milliseconds()
	}
	return next
}

// countFailure counts one wrong guess. When it locks an account, the audit log says so in the same commit, for an account
// that nobody has too: the work must not tell. When the clinic's limit is reached, the operator and the desk hear of it.
func countFailure(app core.App, counters []counter, by kernel.Actor, account *core.Record) error {
	storm := false
	err := app.RunInTransaction(func(tx core.App) error {
		rows, err := statesOf(tx.NonconcurrentDB(), counters)
		if err != nil {
			return err
		}
		now := kernel.Now(tx).UnixMilli()
		for _, c := range counters {
			if c.most <= 0 {
				continue
			}
			s := c.after(rows[c.key], now)
			if err := s.save(tx); err != nil {
				return err
			}
			storm = storm || c.spares != nil && c.closedUntil(s, now) > now
			if s.LockedUntil > now && rows[c.key].LockedUntil <= now {
				if err := c.noteLock(tx, by, account); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err == nil && storm {
		sayStorm(app)
	}
	return err
}

func (c counter) noteLock(tx core.App, by kernel.Actor, account *core.Record) error {
	line := audit.EntryFor(by, audit.AccountLocked, audit.ResourceType(c.holder), "")
	if account != nil {
		line.ResourceID = account.Id
	}
	if c.lock == locksSecondFactor {
		line.Details = audit.Details{"locked": "second factor"}
	}
	return audit.Append(tx, line)
}

// sayStorm tells the operator and the desk, once an hour, that the whole clinic is being guessed at. The failure is
// counted already: what goes wrong here is the operator's.
func sayStorm(app core.App) {
	cause := "sign_in_storm:" + strconv.FormatInt(kernel.Now(app).Unix()/3600, 10)
	err := app.RunInTransaction(func(tx core.App) error {
		var told bool
		err := tx.NonconcurrentDB().NewQuery("SELECT EXISTS (SELECT 1 FROM staff_notifications WHERE staff = '' AND cause = {:cause})").
			Bind(dbx.Params{"cause": cause}).Row(&told)
		if err != nil || told {
			return err
		}
		app.Logger().Warn("somebody guesses passwords across the clinic: passwords count only from addresses known for their account until it ends")
		return notices.TellStaff(tx, "", "sign_in_storm", "#/collections?collection="+collections.PortalUsers, "", cause)
	})
	if err != nil {
		app.Logger().Error("tell of a sign-in storm", "error", err)
	}
}

func (s state) save(tx core.App) error {
	raw, err := json.Marshal(s.at)
	if err != nil {
		return err
	}
	_, err = tx.NonconcurrentDB().NewQuery(`INSERT INTO sign_in_failures(key, instants, last_at, locked_until)
		VALUES ({:key}, {:at}, {:last}, {:until}) ON CONFLICT(key) DO UPDATE
		SET instants = excluded.instants, last_at = excluded.last_at, locked_until = excluded.locked_until`).
		Bind(dbx.Params{"key": s.Key, "at": string(raw), "last": s.at[len(s.at)-1], "until": s.LockedUntil}).Execute()
	return err
}

func statesOf(db dbx.Builder, counters []counter) (map[string]state, error) {
	keys := make([]any, len(counters))
	for i, c := range counters {
		keys[i] = c.key
	}
	var rows []state
	if err := db.Select("key", "instants", "locked_until").From("sign_in_failures").Where(dbx.In("key", keys...)).All(&rows); err != nil {
		return nil, err
	}
	out := make(map[string]state, len(rows))
	for _, r := range rows {
		if err := json.Unmarshal([]byte(r.Instants), &r.at); err != nil {
			return nil, err
		}
		out[r.Key] = r
	}
	return out, nil
}

// clearFailures forgets the wrong passwords of an account, from every address: the right person has come.
func clearFailures(app core.App, collection, email string) error {
	account := accountKey(collection, email)
	return forgetKeys(app, account+"|", account+"}")
}

// clearSecondFactorFailures forgets the wrong second factors of an account, once a sign-in is finished with a right one.
func clearSecondFactorFailures(app core.App, collection, email string) error {
	key := secondFactorKey(collection, email)
	return forgetKeys(app, key, key+"|")
}

// unlock opens password sign-in and second factors of an account at once. The caller says in the audit log who did it.
func unlock(tx core.App, collection, email string) error {
	email = collections.NormalEmail(email)
	if err := clearFailures(tx, collection, email); err != nil {
		return err
	}
	return clearSecondFactorFailures(tx, collection, email)
}

// forgetKeys deletes the counters from one key up to another, and asks first: most people have none, and the writer is
// one for all.
func forgetKeys(app core.App, from, to string) error {
	span := dbx.Params{"from": from, "to": to}
	var some bool
	err := app.ConcurrentDB().NewQuery("SELECT EXISTS (SELECT 1 FROM sign_in_failures WHERE key >= {:from} AND key < {:to})").Bind(span).Row(&some)
	if err != nil || !some {
		return err
	}
	_, err = app.NonconcurrentDB().NewQuery("DELETE FROM sign_in_failures WHERE key >= {:from} AND key < {:to}").Bind(span).Execute()
	return err
}

// pausedUntil tells until when an account refuses passwords from everywhere; the zero time when it does not.
func pausedUntil(app core.App, collection, email string) (until time.Time) {
	counters := countersOf(app, collection, collections.NormalEmail(email), "")[:2] // the lock, and failures from anywhere
	rows, err := statesOf(app.ConcurrentDB(), counters)
	if err != nil {
		app.Logger().Error("read sign-in failures", "error", err)
		return until
	}
	now := kernel.Now(app)
	for _, c := range counters {
		if at := time.UnixMilli(c.closedUntil(rows[c.key], now.UnixMilli())).UTC(); at.After(now) && at.After(until) {
			until = at
		}
	}
	return until
}

// limitAttempts counts an attempt of a stranger about an address, whatever comes of it, and refuses the one too many,
// uncounted. How many are left is not told: others may have tried.
func limitAttempts(app core.App, h http.Header, what, email string, rule collections.LimitRule) error {
	return app.RunInTransaction(func(tx core.App) error { return kernel.LimitLasting(tx, h, rule, what, email) })
}

// forgetFailures removes what no limit counts any more: no window is longer than a day.
func forgetFailures(tx core.App, now time.Time) error {
	_, err := tx.NonconcurrentDB().NewQuery("DELETE FROM sign_in_failures WHERE last_at < {:old} AND locked_until < {:now}").
		Bind(dbx.Params{"old": now.Add(-24 * time.Hour).UnixMilli(), "now": now.UnixMilli()}).Execute()
	return err
}

// accountKey names an account, existing or not. All its password counters begin with it and "|".
func accountKey(collection, email string) string { return keyOf("account", collection, email) }

func secondFactorKey(collection, email string) string {
	return keyOf("second factor", collection, email)
}

// keyOf hashes parts, lengths kept apart.
func keyOf(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write([]byte(p))
		h.Write([]byte{0})
	}
	return hex.EncodeToString(h.Sum(nil))
}

// wholeSeconds rounds up: who comes back then is not refused once more.
func wholeSeconds(d time.Duration) time.Duration {
	return (d + time.Second - 1).Truncate(time.Second)
}
