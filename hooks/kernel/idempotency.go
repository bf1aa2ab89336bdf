package kernel

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
)

// An Idempotency-Key is kept this long, and a request that died half-way blocks its key this long.
const (
	keyKept    = 24 * time.Hour
	keyBlocked = time.Minute
)

// once runs the handler at most once for a login and a key, and replays its first answer after that. Only
// successes are kept: a refusal changed nothing, so the person may correct the request and send it again. The
// unique index on (owner, key) decides between two that arrive together.
func (c *Call) once() (*Reply, error) {
	key := c.Request.Header.Get("Idempotency-Key")
	if key == "" {
		if c.Route.Key == KeyRequired {
			return nil, Invalid("IDEMPOTENCY_KEY_REQUIRED", "This request needs an Idempotency-Key header.")
		}
		return c.Route.Do(c)
	}
	if len(key) > 255 {
		return nil, Invalid("IDEMPOTENCY_KEY_INVALID", "An Idempotency-Key has 1 to 255 characters.")
	}
	body, err := io.ReadAll(c.Request.Body)
	if err != nil {
		return nil, err
	}
	c.Request.Body = io.NopCloser(bytes.NewReader(body))
	owner := c.Actor.Kind + ":" + c.Actor.ID
	fingerprint := hash(c.Request.Method, c.Request.URL.Path, c.Actor.Client, string(body))

	row, first, err := claimKey(c.App, owner, hash(key), fingerprint)
	if err != nil {
		return nil, err
	}
	if !first {
		return replay(row, fingerprint)
	}
	reply, err := c.Route.Do(c)
	if err != nil || reply == nil || reply.Stream != nil {
		if e := c.App.Delete(row); e != nil {
			c.App.Logger().Error("release idempotency key", "error", e)
		}
		return reply, err
	}
	raw, err := json.Marshal(reply.envelope())
	if err != nil {
		return nil, err
	}
	row.Set("status", reply.Status)
	row.Set("response", string(raw))
	if err := c.App.Save(row); err != nil { // the act is done; only its replay is lost
		c.App.Logger().Error("keep idempotent answer", "error", err)
	}
	return reply, nil
}

func claimKey(app core.App, owner, key, fingerprint string) (row *core.Record, first bool, err error) {
	err = app.RunInTransaction(func(tx core.App) error {
		now := Now(tx)
		row, err = tx.FindFirstRecordByFilter("idempotency_keys", "owner = {:o} && key = {:k}", dbx.Params{"o": owner, "k": key})
		if err == nil {
			age := now.Sub(row.GetDateTime("claimed_at").Time())
			if age < keyBlocked || row.GetInt("status") != 0 && age < keyKept {
				return nil
			}
			if err := tx.Delete(row); err != nil {
				return err
			}
		}
		col, err := tx.FindCachedCollectionByNameOrId("idempotency_keys")
		if err != nil {
			return err
		}
		row = core.NewRecord(col)
		row.Set("owner", owner)
		row.Set("key", key)
		row.Set("fingerprint", fingerprint)
		row.Set("claimed_at", now)
		first = true
		return tx.Save(row)
	})
	return row, first, err
}

func replay(row *core.Record, fingerprint string) (*Reply, error) {
	if row.GetString("fingerprint") != fingerprint {
		return nil, Conflict("IDEMPOTENCY_KEY_REUSED", "This key was used for another request.")
	}
	if row.GetInt("status") == 0 {
		return nil, Conflict("IDEMPOTENCY_IN_PROGRESS", "The same request is still being worked on.")
	}
	raw := row.GetString("response")
	if !json.Valid([]byte(raw)) {
		return nil, Internal(errors.New("the kept answer of an idempotent request is unreadable"))
	}
	return Stream(func(e *core.RequestEvent) error {
		e.Response.Header().Set("Idempotent-Replayed", "true")
		return e.Blob(row.GetInt("status"), "application/json", []byte(raw+"\n")) // to the byte as the first answer
	}), nil
}

// showNoAnswer: a kept answer is somebody's record, and PocketBase shows hidden fields to owners without a line in
// the audit log, because the collection belongs to no client.
func showNoAnswer(e *core.RecordEnrichEvent) error {
	if err := e.Next(); err != nil {
		return err
	}
	e.Record.Hide("response")
	return nil
}

// forgetKeys removes what is older than a day. It runs hourly.
func forgetKeys(app core.App) error {
	_, err := app.NonconcurrentDB().NewQuery("DELETE FROM idempotency_keys WHERE claimed_at < {:t}").
		Bind(dbx.Params{"t": Now(app).Add(-keyKept).Format(timeForm)}).Execute()
	return err
}

func hash(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write([]byte(p))
		h.Write([]byte{0})
	}
	return hex.EncodeToString(h.Sum(nil))
}
