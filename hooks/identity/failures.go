package identity

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
)

// Failures are counted in the table sign_in_failures, so that they survive a restart, by a hash of what was typed,
// so that a stranger's address counts like an account's and neither stands there in clear. They are written outside
// the sign-in transaction, which a failure rolls back. Windows are fixed: they begin with the first failure.

// counter is one thing that is counted about an account, or about an address.
type counter struct {
	key    string
	most   int           // 0: switched off
	window time.Duration // failures older than this do not count
	pause  time.Duration // how long nobody may try once most is reached; 0: until the window ends
	locks  bool          // the account is locked, rather than the caller slowed down
}

// state is a counter's row. Instants are seconds since 1970.
type state struct {
	Key         string `db:"key"`
	Failures    int    `db:"failures"`
	FirstAt     int64  `db:"first_at"`
	LockedUntil int64  `db:"locked_until"`
}

// countersOf lists what a sign-in counts: the account's lock, both specifications' limits, and the address.
func countersOf(app core.App, collection, email, ip string) []counter {
	s := collections.Settings(app)
	account := accountKey(collection, email)
	here, anywhere := s.Limit(collections.LimitSignInAddress), s.Limit(collections.LimitSignInAccount)
	spray := s.Limit(collections.LimitSignInSpray)
	lock := time.Duration(s.LockoutMinutes) * time.Minute
	return []counter{
		{key: account + "|lock", most: s.LockoutFailures, window: lock, pause: lock, locks: true},
		{key: account + "|any", most: anywhere.Max, window: anywhere.Window()},
		{key: account + "|" + keyOf("address", ip), most: here.Max, window: here.Window()},
		// One password tried on many accounts. No account's name begins this key: a sign-in that succeeds leaves it,
		// or whoever has one account could go on for ever.
		{key: keyOf("spray", ip), most: spray.Max, window: spray.Window()},
	}
}

// refusal says no for the seconds that are left, in the answer's headers too.
func (c counter) refusal(h http.Header, reason string, left int64) *kernel.Error {
	wait := time.Duration(left) * time.Second
	if c.locks {
		e := kernel.Forbidden("ACCOUNT_LOCKED", "Too many tries. For your safety, password sign-in is paused. Try again later, or call us.")
		e.RetryAfter = wait
		return e
	}
	h.Set("RateLimit-Limit", strconv.Itoa(c.most))
	h.Set("RateLimit-Remaining", "0")
	h.Set("RateLimit-Reset", strconv.FormatInt(left, 10))
	return kernel.RateLimited(reason, wait)
}

// refuseGuessing asks whether the next guess may be made at all. Guesses at different accounts are made side by side,
// so an address may pass its limit by as many as the hash queue lets it have waiting.
func refuseGuessing(app core.App, h http.Header, counters []counter) error {
	rows, err := statesOf(app.ConcurrentDB(), counters)
	if err != nil {
		return err
	}
	now := kernel.Now(app).Unix()
	for _, c := range counters {
		if until := rows[c.key].LockedUntil; until > now {
			return c.refusal(h, "SIGN_IN_LIMIT", until-now)
		}
	}
	return nil
}

// countFailure counts one wrong guess. When it locks a known account, the audit log says so in the same commit.
func countFailure(app core.App, counters []counter, by kernel.Actor, account *core.Record) error {
	return app.RunInTransaction(func(tx core.App) error {
		rows, err := statesOf(tx.NonconcurrentDB(), counters)
		if err != nil {
			return err
		}
		now := kernel.Now(tx).Unix()
		for _, c := range counters {
			if c.most <= 0 {
				continue
			}
			s := c.after(rows[c.key], now)
			if err := s.save(tx); err != nil {
				return err
			}
			if c.locks && s.LockedUntil > now && account != nil {
				line := audit.EntryFor(by, audit.AccountLocked, audit.ResourceType(account.Collection().Name), account.Id)
				if err := audit.Append(tx, line); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// after gives the state once one more failure is counted.
func (c counter) after(s state, now int64) state {
	window := int64(c.window / time.Second)
	if s.FirstAt == 0 || s.FirstAt+window <= now || s.LockedUntil != 0 && s.LockedUntil <= now {
		s = state{FirstAt: now} // the window has passed, or the pause has been sat out
	}
	s.Key = c.key
	s.Failures++
	if s.Failures >= c.most && s.LockedUntil == 0 {
		s.LockedUntil = s.FirstAt + window
		if c.pause > 0 {
			s.LockedUntil = now + int64(c.pause/time.Second)
		}
	}
	return s
}

func (s state) save(tx core.App) error {
	_, err := tx.NonconcurrentDB().NewQuery(`INSERT INTO sign_in_failures(key, failures, first_at, locked_until)
		VALUES ({:key}, {:n}, {:first}, {:until}) ON CONFLICT(key) DO UPDATE
		SET failures = excluded.failures, first_at = excluded.first_at, locked_until = excluded.locked_until`).
		Bind(dbx.Params{"key": s.Key, "n": s.Failures, "first": s.FirstAt, "until": s.LockedUntil}).Execute()
	return err
}

func statesOf(db dbx.Builder, counters []counter) (map[string]state, error) {
	keys := make([]any, len(counters))
	for i, c := range counters {
		keys[i] = c.key
	}
	var rows []state
	if err := db.Select("key", "failures", "first_at", "locked_until").From("sign_in_failures").Where(dbx.In("key", keys...)).All(&rows); err != nil {
		return nil, err
	}
	out := make(map[string]state, len(rows))
	for _, r := range rows {
		out[r.Key] = r
	}
	return out, nil
}

// clearFailures forgets everything counted about an account, from every address: the right person has come.
func clearFailures(app core.App, collection, email string) error {
	account := accountKey(collection, email)
	var some bool
	err := app.ConcurrentDB().NewQuery("SELECT EXISTS (SELECT 1 FROM sign_in_failures WHERE key > {:a} AND key < {:b})").
		Bind(dbx.Params{"a": account + "|", "b": account + "}"}).Row(&some)
	if err != nil || !some {
		return err
	}
	_, err = app.NonconcurrentDB().NewQuery("DELETE FROM sign_in_failures WHERE key > {:a} AND key < {:b}").
		Bind(dbx.Params{"a": account + "|", "b": account + "}"}).Execute()
	return err
}

// limitAttempts counts an attempt of a stranger about an address, whatever comes of it, and refuses the one too many.
// The next attempt after a refused one is refused alike until the window ends.
func limitAttempts(app core.App, h http.Header, what, email string, rule collections.LimitRule) error {
	return app.RunInTransaction(func(tx core.App) error { return kernel.LimitLasting(tx, h, rule, what, email) })
}

func forgetFailures(tx core.App, now time.Time) error {
	_, err := tx.NonconcurrentDB().NewQuery("DELETE FROM sign_in_failures WHERE first_at < {:old} AND locked_until < {:now}").
		Bind(dbx.Params{"old": now.Add(-24 * time.Hour).Unix(), "now": now.Unix()}).Execute()
	return err
}

// accountKey names an account, existing or not. All its counters begin with it and "|".
func accountKey(collection, email string) string { return keyOf("account", collection, email) }

// keyOf hashes parts, lengths kept apart.
func keyOf(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write([]byte(p))
		h.Write([]byte{0})
	}
	return hex.EncodeToString(h.Sum(nil))
}
