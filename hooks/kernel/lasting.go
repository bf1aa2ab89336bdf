package kernel

import (
	"database/sql"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
)

// LimitLasting counts one more of what parts name, in the caller's transaction, and refuses the one too many, uncounted.
// Unlike the limits of routes these are kept in the database (sign_in_failures, under a hash), because they must survive
// a restart. Windows slide: a row keeps the instants that may still count, and no more of them than the limit. How many
// are left is not told: others may have asked too. A transaction that fails counts nothing.
func LimitLasting(tx core.App, h http.Header, rule collections.LimitRule, parts ...string) error {
	if rule.Max <= 0 {
		return nil
	}
	raw := make([][]byte, len(parts))
	for i, p := range parts {
		raw[i] = []byte(p)
	}
	key, now, window := HashOf("limit", raw...), Now(tx).UnixMilli(), rule.Window().Milliseconds()
	at, err := lastingInstants(tx, key)
	if err != nil {
		return err
	}
	for len(at) > 0 && at[0] <= now-window {
		at = at[1:]
	}
	if len(at) >= rule.Max {
		left := time.Duration(at[len(at)-rule.Max]+window-now) * time.Millisecond
		left = (left + time.Second - 1).Truncate(time.Second) // who comes back then is not refused once more
		if h != nil {
			h.Set("RateLimit-Limit", strconv.Itoa(rule.Max))
			h.Set("RateLimit-Remaining", "0")
			h.Set("RateLimit-Reset", strconv.Itoa(int(left/time.Second)))
		}
		return RateLimited("", left)
	}
	instants, err := json.Marshal(append(at, now))
	if err != nil {
		return err
	}
	_, err = tx.NonconcurrentDB().NewQuery(`INSERT INTO sign_in_failures(key, instants, last_at) VALUES ({:k}, {:at}, {:now})
		ON CONFLICT(key) DO UPDATE SET instants = excluded.instants, last_at = excluded.last_at`).
		Bind(dbx.Params{"k": key, "at": string(instants), "now": now}).Execute()
	return err
}

// lastingInstants are milliseconds since 1970, oldest first; none when nothing was counted.
func lastingInstants(tx core.App, key string) (at []int64, err error) {
	var instants string
	err = tx.NonconcurrentDB().NewQuery("SELECT instants FROM sign_in_failures WHERE key = {:k}").Bind(dbx.Params{"k": key}).Row(&instants)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	err = json.Unmarshal([]byte(instants), &at)
	return at, err
}
