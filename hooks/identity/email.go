package identity

import (
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/pocketbase/ozzo-validation/v4/is"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
	"anteroom/hooks/notices"
	"anteroom/hooks/outbox"
)

// Somebody changes the address they sign in with by two codes: one went to the new address, one to the old. Who took
// over a session alone, or reads one of the two mailboxes alone, changes nothing.

const emailChangeLife = 30 * time.Minute

// ChangedEmail is the answer to a changed address. Tokens are signed with a key that the address renews, so the session
// goes on with this one; a refresh token stays good. ExpiresIn is in seconds.
type ChangedEmail struct {
	Email       string `json:"email"`
	AccessToken string `json:"accessToken"`
	ExpiresIn   int    `json:"expiresIn"`
}

func bindEmailChange(d *door) {
	for name := range kinds {
		d.app.OnRecordUpdateExecute(name).BindFunc(judgeCredentials)
	}
	route := func(method, path string, do func(*kernel.Call) (*kernel.Reply, error)) kernel.Route {
		return kernel.Route{Method: method, Path: kernel.Portal + "/auth/change-email" + path, Access: kernel.SignedIn, MaxBody: 16 << 10, Do: do}
	}
	kernel.Handle(d.app,
		route("POST", "", d.evenly(d.askForEmailChange)),
		route("GET", "", pendingEmailChange),
		route("DELETE", "", cancelEmailChange),
		route("POST", "/confirm", d.confirmEmailChange))
}

// askForEmailChange mails the two codes. Whether the address is another login's shows neither in the answer nor in its
// time: that mailbox is told that somebody tried, and its code is in nobody's hands.
func (d *door) askForEmailChange(c *kernel.Call) (*kernel.Reply, error) {
	if err := d.refuseStaleProof(c); err != nil {
		return nil, err
	}
	var in struct{ Email string }
	if err := c.Bind(&in); err != nil {
		return nil, err
	}
	to := collections.NormalEmail(in.Email)
	bad := kernel.Invalid("", "Enter your new email address, like name@example.com.")
	switch requireText(bad, "email", to, 255); {
	case bad.HasFields():
	case is.EmailFormat.Validate(to) != nil:
		_ = bad.Field("email", "format", "Enter an email address, like name@example.com.")
	case to == collections.NormalEmail(c.Auth.Email()):
		_ = bad.Field("email", "same", "That is the address you sign in with already.")
	}
	if bad.HasFields() {
		return nil, bad
	}
	if err := limitAttempts(c.App, c.Response.Header(), "change email", c.Auth.Id, collections.Settings(c.App).Limit(collections.LimitSendMail)); err != nil {
		return nil, err
	}
	err := c.App.RunInTransaction(func(tx core.App) error {
		now, err := stillSignedIn(tx, c.RequestEvent)
		if err != nil {
			return err
		}
		if err := mailEmailCodes(tx, collections.AsPortalUser(now), to); err != nil {
			return err
		}
		return audit.Append(tx, audit.EntryFor(c.Actor, audit.AskChangeOfEmail, audit.PortalUser, now.Id))
	})
	if err != nil {
		return nil, err
	}
	return kernel.OK(map[string]any{"sent": true, "expiresIn": int(emailChangeLife / time.Second)}), nil
}

func mailEmailCodes(tx core.App, u *collections.PortalUser, to string) error {
	code, err1 := newCode()
	oldCode, err2 := newCode()
	other, err3 := loginOf(tx, to)
	err4 := closeTokens(tx, u, collections.TokenChangeEmail)
	t, err5 := collections.NewAccountToken(tx, u.Record, collections.TokenChangeEmail, kernel.Now(tx).Add(emailChangeLife))
	if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
		return err
	}
	t.Id = core.GenerateDefaultRandomId()
	t.Set("target", to)
	t.Set("code_hash", codeHash(t.Id, code))
	t.Set("old_code_hash", codeHash(t.Id, oldCode))
	if err := tx.Save(t); err != nil {
		return err
	}
	w, s := wordsFor(u.Language()), collections.Settings(tx)
	toNew := outbox.Message{Topic: "change_email", To: to, Language: w.language, Subject: fmt.Sprintf(w.newEmailSubject, s.ClinicName),
		Text: w.newEmailText, Code: code, Cause: "new-email:" + t.Id}
	if other != nil {
		its := wordsFor(other.GetString("language"))
		toNew.Language, toNew.Subject, toNew.Text, toNew.Code = its.language, fmt.Sprintf(its.takenSubject, s.ClinicName), its.takenText, ""
	}
	return errors.Join(outbox.Mail(tx, toNew), outbox.Mail(tx, outbox.Message{Topic: "change_email", To: u.Email(), Language: w.language,
		Subject: fmt.Sprintf(w.oldEmailSubject, s.ClinicName), Text: w.oldEmailText, Code: oldCode, Cause: "old-email:" + t.Id}))
}

// loginOf gives the login that has an address, or nil.
func loginOf(app core.App, email string) (*core.Record, error) {
	r, err := collections.LoginByEmail(app, collections.PortalUsers, email)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return r, err
}

// pendingEmailChange tells whether codes are on their way.
func pendingEmailChange(c *kernel.Call) (*kernel.Reply, error) {
	open, err := collections.OpenAccountTokens(c.App, c.Auth.Id, collections.TokenChangeEmail)
	if err != nil {
		return nil, err
	}
	out := map[string]any{}
	if len(open) > 0 && kernel.Now(c.App).Before(open[0].ExpiresAt()) {
		out["pending"] = map[string]any{"email": open[0].Target(), "expiresAt": open[0].ExpiresAt().UTC().Truncate(time.Second)}
	}
	return kernel.OK(out), nil
}

// cancelEmailChange makes the codes dead. Without any it does nothing.
func cancelEmailChange(c *kernel.Call) (*kernel.Reply, error) {
	err := c.App.RunInTransaction(func(tx core.App) error {
		if err := closeTokens(tx, collections.AsPortalUser(c.Auth), collections.TokenChangeEmail); err != nil {
			return err
		}
		return audit.Append(tx, audit.EntryFor(c.Actor, audit.CancelEmailChange, audit.PortalUser, c.Auth.Id))
	})
	if err != nil {
		return nil, err
	}
	return kernel.OK(map[string]string{"id": "pending"}), nil
}

// confirmEmailChange takes both codes. Wrong ones count in the row, whichever of the two was wrong, and the answer does
// not tell which. The clinic's record of the client stays as the clinic keeps it: the desk is told.
func (d *door) confirmEmailChange(c *kernel.Call) (*kernel.Reply, error) {
	var in struct{ Code, OldCode string }
	if err := c.Bind(&in); err != nil {
		return nil, err
	}
	bad := kernel.Invalid("", "Enter the code from each of the two emails.")
	requireText(bad, "code", in.Code, 20)
	if requireText(bad, "oldCode", in.OldCode, 20); bad.HasFields() {
		return nil, bad
	}
	x, answer, changed := liveSession(c.RequestEvent), ChangedEmail{}, false
	err := c.App.RunInTransaction(func(tx core.App) error {
		now, err := stillSignedIn(tx, c.RequestEvent)
		if err != nil {
			return err
		}
		t, err := tokenOfCode(tx, now.Id, collections.TokenChangeEmail, 0, func(t *collections.AccountToken) bool {
			isNew := sameHash(t.CodeHash(), codeHash(t.Id, plainCode(in.Code)))
			return sameHash(t.OldCodeHash(), codeHash(t.Id, plainCode(in.OldCode))) && isNew
		})
		if err != nil || t == nil {
			return err // nothing fits; a counted try is kept
		}
		if other, err := loginOf(tx, t.Target()); err != nil || other != nil {
			return err
		}
		now.SetEmail(t.Target())
		now.SetVerified(true)
		now.SetRaw(provenEmailKey, t.Target())
		now.SetRaw(keptKey, x.id)
		audit.As(now, audit.ChangeEmail)
		if err := kernel.SaveAs(tx, c.Actor, now); err != nil {
			return err
		}
		if err := notices.TellStaff(tx, "", "login_email_changed", staffPage(now), now.Id, "login_email:"+t.Id); err != nil {
			return err
		}
		token, life, err := accessToken(tx, now, x)
		answer, changed = ChangedEmail{now.Email(), token, int(life / time.Second)}, true
		return err
	})
	if err != nil {
		return nil, err
	}
	if !changed {
		return nil, kernel.Invalid("CODE_INVALID", "One of the codes isn't right or is no longer valid. Use the newest email at each address, or start again.")
	}
	return kernel.OK(answer).Say("Your email is changed. Sign in with the new one from now on."), nil
}

// staffPage is where the dashboard shows an account.
func staffPage(account *core.Record) string {
	return "/_/#/collections?collection=" + account.Collection().Name + "&recordId=" + account.Id
}

// provenEmailKey names, on a record that is being saved, the new address that its person has proven. A request body
// cannot set it: PocketBase loads only fields that exist.
const provenEmailKey = "@provenEmail"

// judgeCredentials holds, whichever door a change comes through, that an address changes only by its proof or by who
// runs the clinic; that a new address or password makes dead what the old one had opened; and that the person is told.
func judgeCredentials(e *core.RecordEvent) error {
	return kernel.InTransaction(e, func(tx core.App) error {
		r, by := e.Record, kernel.ActorOf(e.Record)
		before, err := tx.FindRecordById(r.Collection(), r.Id)
		if err != nil {
			return err
		}
		moved := before.Email() != r.Email()
		if moved {
			if err := refuseUnprovenEmail(r, by); err != nil {
				return err
			}
		}
		hash := core.FieldNamePassword + ":hash"
		repassworded := before.GetString(hash) != r.GetString(hash)
		if err := e.Next(); err != nil {
			return err
		}
		switch {
		case moved:
			return followNewEmail(tx, by, before, r)
		case repassworded:
			return followNewPassword(tx, by, r)
		}
		return nil
	})
}

func refuseUnprovenEmail(r *core.Record, by kernel.Actor) error {
	proven, _ := r.GetRaw(provenEmailKey).(string)
	switch {
	case r.Collection().Name != collections.PortalUsers: // staff and owners the owner alone writes, by the collections' rules
	case by.Kind == kernel.KindSystem, by.IsStaff(kernel.RoleAdmin):
	case by.Kind == kernel.KindClient && by.ID == r.Id && proven != "" && proven == r.Email():
	default:
		return refused("email", "unproven", "The address changes when its person enters both codes, or when an administrator changes it.")
	}
	return nil
}

// followNewEmail tells both addresses: the old one may be the only one that its person still reads.
func followNewEmail(tx core.App, by kernel.Actor, before, r *core.Record) error {
	if err := closeAllTokens(tx, r.Id); err != nil {
		return err
	}
	if err := forgetDevices(tx, by, r, ""); err != nil {
		return err
	}
	for _, to := range []string{before.Email(), r.Email()} {
		if to == "" {
			continue
		}
		if err := noticeTo(tx, r, to, noticeEmailChanged); err != nil {
			return err
		}
	}
	return nil
}

// followNewPassword closes what a thief may have begun with the old password. A password that somebody else has set is
// told here; who changes it with the old one, or by a mailed link, is told there.
func followNewPassword(tx core.App, by kernel.Actor, r *core.Record) error {
	if r.Collection().Name == collections.PortalUsers {
		if err := closeTokens(tx, collections.AsPortalUser(r), collections.TokenChangeEmail); err != nil {
			return err
		}
	}
	if by.IsStaff() && by.ID != r.Id {
		return noticeOf(tx, r, noticePasswordSet)
	}
	return nil
}
