package identity

import (
	"fmt"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
	"anteroom/hooks/outbox"
)

// ChangedPassword is the answer to a changed password. Tokens are signed with a key that the password renews, so the
// session goes on with this one; a refresh token stays good. ExpiresIn is in seconds.
type ChangedPassword struct {
	Changed     bool   `json:"changed"`
	AccessToken string `json:"accessToken"`
	ExpiresIn   int    `json:"expiresIn"`
}

// keptKey names, on a record that is being saved, the session that survives the change of its password.
const keptKey = "@session"

// changeOwnPassword lets anybody who is signed in choose another password, with the current one as proof: a session
// left open is not enough. A wrong one counts like a failed sign-in. Every other session ends.
func (d *door) changeOwnPassword(c *kernel.Call) (*kernel.Reply, error) {
	var in struct{ CurrentPassword, NewPassword string }
	if err := c.Bind(&in); err != nil {
		return nil, err
	}
	bad := kernel.Invalid("", "Enter your current password and the new one.")
	requireText(bad, "currentPassword", in.CurrentPassword, 4*longest)
	if requireText(bad, "newPassword", in.NewPassword, 4*longest+1); bad.HasFields() {
		return nil, bad
	}
	p, fits, err := d.guess(c.RequestEvent, c.Auth.Collection(), c.Auth.Email(), in.CurrentPassword)
	if err != nil {
		return nil, err
	}
	if !fits {
		wrong := kernel.Invalid("WRONG_PASSWORD", "That is not your current password.").Field("currentPassword", "wrong", "That is not your current password.")
		return nil, d.noteRefused(c.RequestEvent, audit.ChangePassword, c.Auth.Collection().Name, p.account, wrong)
	}
	words, err := personalWords(c.App, p.account)
	if err != nil {
		return nil, err
	}
	if weak := weakness(collections.Settings(c.App), in.NewPassword, words); weak != nil {
		return nil, sayWeak(bad, "newPassword", weak)
	}
	if digest(in.NewPassword) == digest(in.CurrentPassword) {
		return nil, bad.Field("newPassword", "same", "Choose a password that is not the current one.")
	}
	if err := d.setPassword(c.Request.Context(), c.RealIP(), p.account, in.NewPassword); err != nil {
		return nil, err
	}
	x, answer := liveSession(c.RequestEvent), ChangedPassword{Changed: true}
	err = c.App.RunInTransaction(func(tx core.App) error {
		now, err := tx.FindRecordById(p.account.Collection(), p.account.Id)
		if err != nil {
			return err
		}
		if now.TokenKey() != p.account.TokenKey() || !maySignIn(now) {
			return sessionEnded() // changed or closed by somebody else meanwhile
		}
		now.SetRaw(keptKey, x.id)
		audit.As(now, audit.ChangePassword)
		if err := changePassword(tx, c.Actor, now, p.account, in.NewPassword); err != nil {
			return err
		}
		language := ""
		if now.Collection().Name == collections.PortalUsers {
			u := collections.AsPortalUser(now)
			language = u.Language()
			if err := closeTokens(tx, u, collections.TokenResetPassword); err != nil {
				return err
			}
		}
		token, life, err := accessToken(tx, now, x)
		if err != nil {
			return err
		}
		answer.AccessToken, answer.ExpiresIn = token, int(life/time.Second)
		w, s := wordsFor(language), collections.Settings(tx)
		return outbox.Mail(tx, outbox.Message{Topic: "password_changed", To: now.Email(), Language: w.language,
			Subject: fmt.Sprintf(w.changedSubject, s.ClinicName), Text: w.changedHereText})
	})
	if err != nil {
		return nil, err
	}
	d.forgetFailures(p)
	return kernel.OK(answer).Say("Your password is changed. You are signed out everywhere else."), nil
}

// changePassword takes over the hash that was made outside the transaction.
func changePassword(tx core.App, by kernel.Actor, r, hashed *core.Record, typed string) error {
	r.SetRaw(core.FieldNamePassword, hashed.GetRaw(core.FieldNamePassword))
	r.SetRaw(typedKey, typed)
	r.SetIfFieldExists("password_changed_at", kernel.Now(tx))
	r.SetIfFieldExists("force_password_change", false)
	return kernel.SaveAs(tx, by, r)
}
