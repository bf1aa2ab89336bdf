package kernel

import (
	"database/sql"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
)

// LimitLasting counts one more of what parts name, in the caller's transaction, and refuses the one too many until the
// window ends. Unlike the limits of routes these are kept in the database (sign_in_failures, under a hash), because they
// must survive a restart. Windows are fixed: they begin with what is counted first. A transaction that fails counts
// nothing.
func LimitLasting(tx core.App, h http.Header, rule collections.LimitRule, parts ...string) error {
	if rule.Max <= 0 {
		return nil
	}
	raw := make([][]byte, len(parts))
	for i, p := range parts {
		raw[i] = []byte(p)
	}
	key, now, window := HashOf("limit", raw...), Now(tx).Unix(), int64(rule.Window()/time.Second)
	counted := struct {
		N     int   `db:"failures"`
		Since int64 `db:"first_at"`
	}{}
	err := tx.NonconcurrentDB().NewQuery("SELECT failures, first_at FROM sign_in_failures WHERE key = {:k}").Bind(dbx.Params{"k": key}).One(&counted)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if counted.Since+window <= now {
		counted.N, counted.Since = 0, now
	}
	if counted.N >= rule.Max {
		left := counted.Since + window - now
		if h != nil {
			h.Set("RateLimit-Limit", strconv.Itoa(rule.Max))
			h.Set("RateLimit-Remaining", "0")
			h.Set("RateLimit-Reset", strconv.FormatInt(left, 10))
		}
		return RateLimited("", time.Duration(left)*time.Second)
	}
	_, err = tx.NonconcurrentDB().NewQuery(`INSERT INTO sign_in_failures(key, failures, first_at, locked_until)
		VALUES ({:k}, {:n}, {:since}, {:until}) ON CONFLICT(key) DO UPDATE
		SET failures = excluded.failures, first_at = excluded.first_at, locked_until = excluded.locked_until`).
		Bind(dbx.Params{"k": key, "n": counted.N + 1, "since": counted.Since, "until": counted.Since + window}).Execute()
	return err
}
