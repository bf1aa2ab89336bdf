package identity

import (
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/kernel"
	"anteroom/hooks/outbox"
)

// A first proof waits for its second factor in the table sign_in_attempts, under the hash of a token that only the
// caller has. It is written after the transaction that refused to open, and outlives a restart. It opens one thing once: it
// dies when it is used, after five minutes, after five wrong codes, and when the account changes.

const (
	waitFor   = 5 * time.Minute
	waitTries = 5
	waitCodes = 5
)

// waiting is such a row. Instants are seconds since 1970.
type waiting struct {
	TokenHash  string `db:"token_hash"`
	Collection string `db:"owner_collection"`
	Owner      string `db:"owner"`
	Stamp      string `db:"stamp"`
	Method     string `db:"method"`
	BoundTo    string `db:"bound_to"`
	Wants      string `db:"wants"`
	CodeMethod string `db:"code_method"`
	CodeHash   string `db:"code_hash"`
	CodesSent  int    `db:"codes_sent"`
	Tries      int    `db:"tries"`
	ExpiresAt  int64  `db:"expires_at"`
	UsedAt     int64  `db:"used_at"`
}

// wants is what the proof carries on: the caller's wish, and who made it.
type wants struct {
	Remember bool   `json:"remember,omitempty"`
	Provider string `json:"provider,omitempty"`
}

// waitForFactor keeps a proof and gives the token that continues it.
func waitForFactor(tx core.App, a *Attempt) (token string, err error) {
	secret := make([]byte, 32)
	rand.Read(secret)
	token = base64.RawURLEncoding.EncodeToString(secret)
	w, err := json.Marshal(wants{Remember: a.Remember, Provider: a.Provider})
	if err != nil {
		return "", err
	}
	_, err = tx.NonconcurrentDB().NewQuery(`INSERT INTO sign_in_attempts(token_hash, owner_collection, owner, stamp, method, bound_to, wants, expires_at)
		VALUES ({:t}, {:c}, {:o}, {:s}, {:m}, {:b}, {:w}, {:e})`).
		Bind(dbx.Params{"t": waitingHash(token), "c": a.Account.Collection().Name, "o": a.Account.Id, "s": stampOf(a.Account),
			"m": string(a.Method), "b": a.BoundTo, "w": string(w), "e": kernel.Now(tx).Add(waitFor).Unix()}).Execute()
	return token, err
}

// stampOf changes when the password, the address or the key of an account's tokens does.
func stampOf(account *core.Record) string {
	return hashOf("account stamp", []byte(account.Id), []byte(account.TokenKey()))
}

func waitingHash(token string) string { return hashOf("waiting proof", []byte(token)) }

// waitingProof finds the proof of a token, for what it is bound to, and its account.
func waitingProof(app core.App, token, boundTo string) (*waiting, *core.Record, error) {
	w, account, err := findWaiting(app, token)
	if err == nil && w.BoundTo != boundTo {
		return nil, nil, waitedTooLong()
	}
	return w, account, err
}

// findWaiting refuses what is dead like what never was.
func findWaiting(app core.App, token string) (*waiting, *core.Record, error) {
	var w waiting
	err := app.ConcurrentDB().NewQuery(`SELECT token_hash, owner_collection, owner, stamp, method, bound_to, wants, code_method, code_hash,
		codes_sent, tries, expires_at, used_at FROM sign_in_attempts WHERE token_hash = {:t}`).Bind(dbx.Params{"t": waitingHash(token)}).One(&w)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil, waitedTooLong()
	}
	if err != nil {
		return nil, nil, err
	}
	if w.UsedAt != 0 || w.Tries >= waitTries || kernel.Now(app).Unix() >= w.ExpiresAt {
		return nil, nil, waitedTooLong()
	}
	account, err := app.FindRecordById(w.Collection, w.Owner)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil, waitedTooLong()
	}
	if err != nil {
		return nil, nil, err
	}
	if !sameHash(stampOf(account), w.Stamp) {
		return nil, nil, waitedTooLong()
	}
	return &w, account, nil
}

func (w *waiting) wants() (out wants) {
	_ = json.Unmarshal([]byte(w.Wants), &out) // written by waitForFactor
	return out
}

// spend closes the proof in the transaction of what it opens. One statement decides between two who come at once.
func (w *waiting) spend(tx core.App) error {
	res, err := tx.NonconcurrentDB().NewQuery("UPDATE sign_in_attempts SET used_at = {:now}, code_hash = '' WHERE token_hash = {:t} AND used_at = 0 AND tries < {:most}").
		Bind(dbx.Params{"now": kernel.Now(tx).Unix(), "t": w.TokenHash, "most": waitTries}).Execute()
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 1 {
		return err
	}
	return waitedTooLong()
}

// endWaiting closes every proof of an account that waits: what it proved may be what has just been taken away.
func endWaiting(tx core.App, account *core.Record) error {
	_, err := tx.NonconcurrentDB().NewQuery(`UPDATE sign_in_attempts SET used_at = {:now}, code_hash = ''
		WHERE owner_collection = {:c} AND owner = {:o} AND used_at = 0 AND expires_at > {:now}`).
		Bind(dbx.Params{"now": kernel.Now(tx).Unix(), "c": account.Collection().Name, "o": account.Id}).Execute()
	return err
}

// countTry is written outside the transaction that refused.
func (w *waiting) countTry(app core.App) error {
	_, err := app.NonconcurrentDB().NewQuery("UPDATE sign_in_attempts SET tries = tries + 1 WHERE token_hash = {:t}").
		Bind(dbx.Params{"t": w.TokenHash}).Execute()
	return err
}

func waitedTooLong() *kernel.Error {
	return kernel.Unauthorized("MFA_EXPIRED", "That took too long, or there were too many tries. Start again.")
}

// sendFactorCode sends a fresh code for a proof that waits. It replaces the one before, and the tries go on counting.
func (d *door) sendFactorCode(c *kernel.Call) (*kernel.Reply, error) {
	var in struct{ MFAToken, Method string }
	if err := c.Bind(&in); err != nil {
		return nil, err
	}
	w, account, err := findWaiting(c.App, in.MFAToken)
	if err != nil {
		return nil, err
	}
	method := collections.FactorMethod(in.Method)
	may, err := waysAfter(c.App, Method(w.Method), account)
	if err != nil {
		return nil, err
	}
	if method != collections.MethodSMS && method != collections.MethodEmail || !slices.Contains(may.methods, method) {
		return nil, kernel.Invalid("", "Choose how we send you a code.").Field("method", "option", "Choose one of the ways that are offered.")
	}
	// Each token sends a few, but whoever has the password makes as many tokens as they like.
	err = limitAttempts(c.App, c.Response.Header(), "factor code", account.Id, collections.Settings(c.App).Limit(collections.LimitSendMail))
	if err != nil {
		return nil, err
	}
	code, err := newCode()
	if err != nil {
		return nil, err
	}
	err = c.App.RunInTransaction(func(tx core.App) error {
		res, err := tx.NonconcurrentDB().NewQuery(`UPDATE sign_in_attempts SET code_method = {:m}, code_hash = {:h}, codes_sent = codes_sent + 1
			WHERE token_hash = {:t} AND used_at = 0 AND codes_sent < {:most}`).
			Bind(dbx.Params{"m": in.Method, "h": codeHash(w.TokenHash, code), "t": w.TokenHash, "most": waitCodes}).Execute()
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil {
			return err
		} else if n == 0 {
			return kernel.RateLimited("CODES_SENT", time.Duration(w.ExpiresAt-kernel.Now(tx).Unix())*time.Second)
		}
		to := account.Email()
		if method == collections.MethodSMS {
			to = may.factor(method).Phone()
		}
		return sendCode(tx, account, method, to, code, true)
	})
	if err != nil {
		return nil, err
	}
	return kernel.OK(map[string]any{"sent": true, "expiresIn": w.ExpiresAt - kernel.Now(c.App).Unix()}), nil
}

// sendCode writes a code to an account's address or number into the outbox; proven, when it is that of a factor.
func sendCode(tx core.App, account *core.Record, method collections.FactorMethod, to, code string, proven bool) error {
	w, s := wordsFor(account.GetString("language")), collections.Settings(tx)
	if method == collections.MethodSMS {
		return outbox.SMSCode(tx, nil, account.Id, outbox.Text{Topic: "identity_code", To: to, Language: w.language, Code: code, Proven: proven})
	}
	return outbox.Mail(tx, outbox.Message{Topic: "identity_code", To: to, Language: w.language,
		Subject: fmt.Sprintf(w.codeSubject, s.ClinicName), Text: w.codeText, Code: code})
}

// forgetWaiting removes proofs that nobody continued.
func forgetWaiting(tx core.App, now time.Time) error {
	_, err := tx.NonconcurrentDB().NewQuery("DELETE FROM sign_in_attempts WHERE expires_at < {:t}").
		Bind(dbx.Params{"t": now.Add(-time.Hour).Unix()}).Execute()
	return err
}
