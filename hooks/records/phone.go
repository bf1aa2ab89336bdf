package records

import (
	"strings"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
	"anteroom/hooks/outbox"
)

// A client's phone number counts as proven once somebody who acts for them has typed the code that was sent to it. The
// code belongs to the login that asked, to the client it was asked for and to the number it went to.

const (
	phoneCodeLife  = 10 * time.Minute
	phoneCodeTries = 5
)

// sendPhoneCode sends six digits to a number. Nothing about the client changes yet.
func sendPhoneCode(c *kernel.Call) (*kernel.Reply, error) {
	var in struct{ Phone string }
	if err := c.Bind(&in); err != nil {
		return nil, err
	}
	number, err := kernel.PhoneNumber(c.App, in.Phone)
	if err != nil {
		return nil, err
	}
	code, err := kernel.NewCode()
	if err != nil {
		return nil, err
	}
	err = c.App.RunInTransaction(func(tx core.App) error {
		login, err := tx.FindRecordById(collections.PortalUsers, c.Actor.ID)
		if err != nil {
			return err
		}
		t, err := newPhoneToken(tx, c.Actor, login, number, code)
		if err != nil {
			return err
		}
		language, err := languageOf(tx, login, c.Client())
		if err != nil {
			return err
		}
		return outbox.SMSCode(tx, c.Response.Header(), c.Actor.ID, outbox.Text{Topic: "phone_code", To: number, Language: language,
			Code: code, Until: t.ExpiresAt(), Cause: "phone:" + t.Id})
	})
	if err != nil {
		return nil, err
	}
	return kernel.OK(map[string]any{"sent": true, "expiresIn": int(phoneCodeLife / time.Second)}), nil
}

// newPhoneToken makes the row of a code, after closing the login's earlier ones: only the newest counts.
func newPhoneToken(tx core.App, by kernel.Actor, login *core.Record, number, code string) (*collections.AccountToken, error) {
	open, err := collections.OpenAccountTokens(tx, login.Id, collections.TokenPhone)
	if err != nil {
		return nil, err
	}
	for _, t := range open {
		t.MarkUsed(kernel.Now(tx))
		if err := kernel.SaveAs(tx, by, t.Record); err != nil {
			return nil, err
		}
	}
	t, err := collections.NewAccountToken(tx, login, collections.TokenPhone, kernel.Now(tx).Add(phoneCodeLife))
	if err != nil {
		return nil, err
	}
	t.Id = core.GenerateDefaultRandomId()
	t.Set("target", number)
	t.Set("code_hash", phoneCodeHash(t, by.Client, code))
	audit.As(t.Record, audit.SendPhoneCode)
	return t, kernel.SaveAs(tx, by, t.Record)
}

// phoneCodeHash binds a code to its row, the number it went to and the client it is for.
func phoneCodeHash(t *collections.AccountToken, client, code string) string {
	return kernel.HashOf("phone code", []byte(t.Id), []byte(t.Target()), []byte(client), []byte(code))
}

// verifyPhone takes the number over once its code is typed. Wrong, used, too old, tried too often, another client's, never
// asked for: one answer.
func verifyPhone(c *kernel.Call) (*kernel.Reply, error) {
	var in struct{ Code string }
	if err := c.Bind(&in); err != nil {
		return nil, err
	}
	code := strings.Join(strings.Fields(in.Code), "")
	if code == "" {
		return nil, kernel.Invalid("", "Enter the code from the text message.").Field("code", "required", "Enter the code from the text message.")
	}
	proven := ""
	err := c.App.RunInTransaction(func(tx core.App) error {
		number, err := tryPhoneCode(tx, c.Actor, code)
		if err != nil || number == "" {
			return err // a counted try is kept
		}
		r, err := tx.FindRecordById(collections.Clients, c.Client())
		if err != nil {
			return err
		}
		collections.AsClient(r).ProvePhone(number)
		audit.As(r, audit.VerifyPhone)
		proven = number
		return kernel.SaveAs(tx, c.Actor, r)
	})
	if err != nil {
		return nil, err
	}
	if proven == "" {
		return nil, kernel.Invalid("CODE_INVALID", "That code isn't right or is no longer valid. Use the newest message, or ask for a new one.").
			Field("code", "code", "That code isn't right or is no longer valid.")
	}
	return kernel.OK(map[string]any{"phone": proven, "phoneVerified": true}), nil
}

// tryPhoneCode uses up the login's open code when it fits, and gives the number that it proves, or "". A wrong one counts
// as a try.
func tryPhoneCode(tx core.App, by kernel.Actor, code string) (number string, err error) {
	open, err := collections.OpenAccountTokens(tx, by.ID, collections.TokenPhone)
	if err != nil || len(open) == 0 {
		return "", err
	}
	t, now := open[0], kernel.Now(tx)
	if t.Attempts() >= phoneCodeTries || !now.Before(t.ExpiresAt()) {
		return "", nil
	}
	if kernel.SameHash(t.CodeHash(), phoneCodeHash(t, by.Client, code)) {
		t.MarkUsed(now)
		number = t.Target()
	} else {
		t.Set("attempts", t.Attempts()+1)
	}
	return number, kernel.SaveAs(tx, by, t.Record)
}

// languageOf is that of the person who asked, else that of the client.
func languageOf(tx core.App, login *core.Record, client string) (string, error) {
	if l := login.GetString("language"); l != "" {
		return l, nil
	}
	r, err := tx.FindRecordById(collections.Clients, client)
	if err != nil {
		return "", err
	}
	return collections.AsClient(r).Language(), nil
}
