package identity

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
	"anteroom/hooks/outbox"
)

// How long what was mailed may be used, and how often a code may be tried.
const (
	linkLife  = 24 * time.Hour
	codeLife  = 30 * time.Minute
	resetLife = 30 * time.Minute
	codeTries = 5

	codeTriesInAll = 30 // of one login, however many codes were mailed: then only links count
)

// Topics of the outbox: a letter to whoever has an address, if anybody does.
const (
	topicVerify = "identity_verify"
	topicReset  = "identity_reset"
)

// letterRequest names an account by its address, or by the hash of a link that was mailed to it and is dead by now: the
// fresh one goes to the address that the account has today.
type letterRequest struct {
	Email string `json:"email,omitempty"`
	Link  string `json:"link,omitempty"`
}

// account finds who is meant. It answers sql.ErrNoRows when nobody is.
func (in letterRequest) account(app core.App, purpose collections.TokenPurpose) (*core.Record, error) {
	if in.Link == "" {
		return collections.LoginByEmail(app, collections.PortalUsers, in.Email)
	}
	t, err := collections.AccountTokenByLink(app, purpose, in.Link)
	if err != nil {
		return nil, err
	}
	return app.FindRecordById(collections.PortalUsers, t.User())
}

// askForLetter queues the question, not the mail: whether somebody has the address is found out after the answer has
// left, so that neither its body nor its time can tell.
func (d *door) askForLetter(c *kernel.Call, topic string) (*kernel.Reply, error) {
	var in struct{ Email, Token string }
	if err := c.Bind(&in); err != nil {
		return nil, err
	}
	ask := letterRequest{Email: collections.NormalEmail(in.Email)}
	bad := kernel.Invalid("", "Enter an email address, like name@example.com.")
	if in.Token != "" {
		ask = letterRequest{Link: linkHash(in.Token)}
		requireText(bad, "token", in.Token, 200)
	} else {
		requireText(bad, "email", ask.Email, 255)
	}
	if bad.HasFields() {
		return nil, bad
	}
	if err := limitAttempts(c.App, c.Response.Header(), topic, ask.Email+ask.Link, collections.Settings(c.App).Limit(collections.LimitSendMail)); err != nil {
		return nil, err
	}
	if err := outbox.Job(c.App, topic, "", ask); err != nil {
		return nil, err
	}
	return kernel.OK(map[string]bool{"sent": true}), nil
}

func (d *door) resendVerification(c *kernel.Call) (*kernel.Reply, error) {
	return d.askForLetter(c, topicVerify)
}

func (d *door) forgotPassword(c *kernel.Call) (*kernel.Reply, error) {
	return d.askForLetter(c, topicReset)
}

// letter is the work of a queued question. purpose is that of the links which it answers with.
func (d *door) letter(purpose collections.TokenPurpose, send func(tx core.App, u *collections.PortalUser) error) outbox.JobFunc {
	return func(app core.App, payload []byte) error {
		var in letterRequest
		if err := json.Unmarshal(payload, &in); err != nil {
			return err
		}
		return app.RunInTransaction(func(tx core.App) error {
			r, err := in.account(tx, purpose)
			if errors.Is(err, sql.ErrNoRows) {
				return nil
			}
			if err != nil {
				return err
			}
			return send(tx, collections.AsPortalUser(r))
		})
	}
}

// sendVerification mails a code and a link to a login that still has to prove its address. Both replace what was
// mailed before. A login whose password is void gets the link that sets one instead.
func sendVerification(tx core.App, u *collections.PortalUser) error {
	if u.Verified() || u.Status() != collections.AccountPending {
		return nil
	}
	if u.PasswordVoid() {
		return mailReset(tx, u)
	}
	code, err := newCode()
	if err != nil {
		return err
	}
	t, link, err := newToken(tx, u, collections.TokenVerifyEmail, linkLife, code)
	if err != nil {
		return err
	}
	w, s := wordsFor(u.Language()), collections.Settings(tx)
	return outbox.Mail(tx, outbox.Message{Topic: "verify_email", To: u.Email(), Language: w.language,
		Subject: fmt.Sprintf(w.verifySubject, s.ClinicName), Text: w.verifyText, Code: code,
		Link: "/verify-email?token=" + link, LinkLabel: w.verifyLabel, Cause: "verify:" + t.Id})
}

// sendReset mails a link that sets a new password. Who never proved the address proves it by that link, and the
// password of the registration is void from now on: who asks for another may not be who chose it. A closed account
// gets nothing.
func sendReset(tx core.App, u *collections.PortalUser) error {
	pending := u.Status() == collections.AccountPending && !u.Verified() && u.PendingClient() != ""
	if !pending && !u.MaySignIn() {
		return nil
	}
	if pending && !u.PasswordVoid() {
		if err := voidPassword(tx, kernel.System(), u); err != nil {
			return err
		}
	}
	return mailReset(tx, u)
}

// voidPassword makes the password of an unproven login fit nothing, and everything mailed for it dead.
func voidPassword(tx core.App, by kernel.Actor, u *collections.PortalUser) error {
	u.SetRaw(core.FieldNamePassword, &core.PasswordFieldValue{Hash: hashOfNobody(u.Collection())})
	u.Set("force_password_change", true)
	if err := kernel.SaveAs(tx, by, u.Record); err != nil {
		return err
	}
	return closeTokens(tx, u, collections.TokenVerifyEmail)
}

func mailReset(tx core.App, u *collections.PortalUser) error {
	t, link, err := newToken(tx, u, collections.TokenResetPassword, resetLife, "")
	if err != nil {
		return err
	}
	w, s := wordsFor(u.Language()), collections.Settings(tx)
	subject, text := w.resetSubject, w.resetText
	if u.PasswordVoid() {
		subject, text = w.openSubject, w.openText
	}
	return outbox.Mail(tx, outbox.Message{Topic: "reset_password", To: u.Email(), Language: w.language,
		Subject: fmt.Sprintf(subject, s.ClinicName), Text: text,
		Link: "/reset-password?token=" + link, LinkLabel: w.resetLabel, Cause: "reset:" + t.Id})
}

// newToken makes the row of a code or link, after closing those that were open.
func newToken(tx core.App, u *collections.PortalUser, purpose collections.TokenPurpose, life time.Duration, code string) (*collections.AccountToken, string, error) {
	if err := closeTokens(tx, u, purpose); err != nil {
		return nil, "", err
	}
	t, err := collections.NewAccountToken(tx, u.Record, purpose, kernel.Now(tx).Add(life))
	if err != nil {
		return nil, "", err
	}
	link, hash := newLink()
	t.Id = core.GenerateDefaultRandomId()
	t.Set("link_hash", hash)
	if code != "" {
		t.Set("code_hash", codeHash(t.Id, code))
	}
	return t, link, tx.Save(t)
}

// closeAllTokens makes everything dead that was mailed to an account.
func closeAllTokens(tx core.App, account string) error {
	open, err := collections.AllOpenAccountTokens(tx, account)
	if err != nil {
		return err
	}
	for _, t := range open {
		t.MarkUsed(kernel.Now(tx))
		if err := tx.Save(t); err != nil {
			return err
		}
	}
	return nil
}

func closeTokens(tx core.App, u *collections.PortalUser, purpose collections.TokenPurpose) error {
	open, err := collections.OpenAccountTokens(tx, u.Id, purpose)
	if err != nil {
		return err
	}
	for _, t := range open {
		t.MarkUsed(kernel.Now(tx))
		if err := tx.Save(t); err != nil {
			return err
		}
	}
	return nil
}

// verifyEmail proves an address by the mailed code or link, once. Wrong, used, expired, tried too often, unknown
// address: one answer.
func (d *door) verifyEmail(c *kernel.Call) (*kernel.Reply, error) {
	var in struct{ Email, Code, Token string }
	if err := c.Bind(&in); err != nil {
		return nil, err
	}
	if in.Token == "" {
		bad := kernel.Invalid("", "Enter the code from the email.")
		requireText(bad, "email", in.Email, 255)
		if requireText(bad, "code", in.Code, 20); bad.HasFields() {
			return nil, bad
		}
	}
	proven := false
	err := c.App.RunInTransaction(func(tx core.App) error {
		t, err := verificationToken(tx, in.Email, in.Code, in.Token)
		if err != nil || t == nil {
			return err // nothing fits; a counted try is kept
		}
		proven, err = confirmAddress(tx, c.Actor, t)
		return err
	})
	if err != nil {
		return nil, err
	}
	if !proven {
		return nil, kernel.Invalid("CODE_INVALID", "That code isn't right or is no longer valid. Use the newest message, or ask for a new one.")
	}
	return kernel.OK(map[string]bool{"verified": true}), nil
}

// verificationToken finds the token that a link or a code opens, or nil. A wrong code counts as a try.
func verificationToken(tx core.App, email, code, link string) (*collections.AccountToken, error) {
	now := kernel.Now(tx)
	if link != "" {
		t, err := collections.AccountTokenByLink(tx, collections.TokenVerifyEmail, linkHash(link))
		if errors.Is(err, sql.ErrNoRows) {
			return nil, nil
		}
		if err != nil || t.Used() || !now.Before(t.ExpiresAt()) {
			return nil, err
		}
		return t, nil
	}
	login, err := collections.LoginByEmail(tx, collections.PortalUsers, collections.NormalEmail(email))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return tokenOfCode(tx, login.Id, collections.TokenVerifyEmail, linkLife-codeLife, func(t *collections.AccountToken) bool {
		return sameHash(t.CodeHash(), codeHash(t.Id, code))
	})
}

// tokenOfCode gives an account's newest open token of a purpose when the code fits it, or nil. A wrong one counts as a
// try. Codes die sooner than the token's link, by early.
func tokenOfCode(tx core.App, account string, purpose collections.TokenPurpose, early time.Duration, fits func(t *collections.AccountToken) bool) (*collections.AccountToken, error) {
	open, err := collections.OpenAccountTokens(tx, account, purpose)
	if err != nil || len(open) == 0 {
		return nil, err
	}
	t := open[0]
	tried, err := collections.TriedCodes(tx, account, purpose)
	if err != nil {
		return nil, err
	}
	if t.Attempts() >= codeTries || tried >= codeTriesInAll || !kernel.Now(tx).Before(t.ExpiresAt().Add(-early)) {
		return nil, nil
	}
	if fits(t) {
		return t, nil
	}
	t.Set("attempts", t.Attempts()+1)
	return nil, tx.Save(t)
}

// confirmAddress opens the account of a single registration with the password that it chose. It answers false when that
// password is void, or openAccount does.
func confirmAddress(tx core.App, by kernel.Actor, t *collections.AccountToken) (bool, error) {
	r, err := tx.FindRecordById(collections.PortalUsers, t.User())
	if err != nil {
		return false, err
	}
	u := collections.AsPortalUser(r)
	if u.PasswordVoid() {
		return false, nil
	}
	opened, err := openAccount(tx, &by, u)
	if err != nil || !opened {
		return false, err
	}
	audit.As(r, audit.VerifyEmail)
	return true, kernel.SaveAs(tx, by, r)
}

// openAccount lets a login act for the client that its registration named, and marks it proven and open; by becomes
// that login, and the caller saves it. Only now, because only now it is known that the address is theirs. It answers
// false when the clinic has meanwhile changed what the registration rested on.
func openAccount(tx core.App, by *kernel.Actor, u *collections.PortalUser) (bool, error) {
	if u.Status() != collections.AccountPending || u.PendingClient() == "" {
		return false, nil
	}
	client, err := tx.FindRecordById(collections.Clients, u.PendingClient())
	if err != nil {
		return false, err
	}
	known := collections.AsClient(client)
	if !known.Active() || !mayHaveLogin(tx, known) || collections.NormalEmail(client.GetString("email")) != u.Email() {
		return false, nil
	}
	by.Kind, by.ID, by.Client = kernel.KindClient, u.Id, client.Id
	access, err := collections.NewClientAccess(tx, client.Id, u.Id, collections.RelationshipSelf, kernel.ScopeAll)
	if err != nil {
		return false, err
	}
	if err := kernel.SaveAs(tx, *by, access); err != nil {
		return false, err
	}
	if err := closeTokens(tx, u, collections.TokenVerifyEmail); err != nil {
		return false, err
	}
	u.SetVerified(true)
	u.SetStatus(collections.AccountActive)
	u.SetPendingClient("")
	return true, nil
}

// resetPassword sets a new password by the mailed link, once, and ends every session (a rule of the account). It also
// opens an account whose registered password is void: the link proves the address in the same act. The
// link is judged before the password, and hashing happens only for a link that is good. The link stands for the first
// factor alone: a second one that the account has set up is asked for as at sign-in, and used up with the link.
func (d *door) resetPassword(c *kernel.Call) (*kernel.Reply, error) {
	var in struct {
		Token, Password string
		factorCode
		passkeyAnswer
	}
	if err := c.Bind(&in); err != nil {
		return nil, err
	}
	bad := kernel.Invalid("", "Choose a new password.")
	requireText(bad, "token", in.Token, 200)
	requireText(bad, "password", in.Password, 4*longest+1)
	if in.check(bad); bad.HasFields() {
		return nil, bad
	}
	_, u, err := resetToken(c.App, in.Token)
	if err != nil {
		return nil, err
	}
	a, err := d.attemptAtReset(c, in.Token, in.factorCode, in.passkeyAnswer)
	if err != nil {
		return nil, err
	}
	if err := d.setPassword(c.Request.Context(), c.RealIP(), u.Record, in.Password); err != nil {
		return nil, err
	}
	if err := refuseWeakPassword(c.App, u.Record); err != nil {
		return nil, err
	}
	email := ""
	set := func(tx core.App) error {
		_, now, err := resetToken(tx, in.Token) // once more: two may use the link at the same time
		if err != nil {
			return err
		}
		if err := requireOwnFactor(tx, a, now.Record); err != nil {
			return err
		}
		email = now.Email()
		by := c.Actor
		by.Kind, by.ID = kernel.KindClient, now.Id
		if now.PasswordVoid() {
			opened, err := openAccount(tx, &by, now)
			if err != nil {
				return err
			}
			if !opened {
				return deadLink()
			}
			if err := audit.Append(tx, audit.EntryFor(by, audit.VerifyEmail, audit.ResourceType(collections.PortalUsers), now.Id)); err != nil {
				return err
			}
		}
		audit.As(now.Record, audit.ResetPassword)
		if err := changePassword(tx, by, now.Record, u.Record, in.Password); err != nil {
			return err
		}
		if err := closeTokens(tx, now, collections.TokenResetPassword); err != nil {
			return err
		}
		w, s := wordsFor(now.Language()), collections.Settings(tx)
		return outbox.Mail(tx, outbox.Message{Topic: "password_changed", To: now.Email(), Language: w.language,
			Subject: fmt.Sprintf(w.changedSubject, s.ClinicName), Text: w.changedText})
	}
	if err := d.pass(c.RequestEvent, a, func() error { return c.App.RunInTransaction(set) }); err != nil {
		return nil, err
	}
	d.forgetFailures(proof{collection: collections.PortalUsers, email: email})
	return kernel.OK(map[string]bool{"reset": true}).Say("Your password is changed. Sign in with it."), nil
}

// resetToken finds the login of an unused link.
func resetToken(app core.App, link string) (*collections.AccountToken, *collections.PortalUser, error) {
	t, err := collections.AccountTokenByLink(app, collections.TokenResetPassword, linkHash(link))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil, deadLink()
	}
	if err != nil {
		return nil, nil, err
	}
	r, err := app.FindRecordById(collections.PortalUsers, t.User())
	if err != nil {
		return nil, nil, err
	}
	u := collections.AsPortalUser(r)
	if t.Used() || !kernel.Now(app).Before(t.ExpiresAt()) || !u.MaySignIn() && !u.PasswordVoid() {
		return nil, nil, deadLink()
	}
	return t, u, nil
}

func deadLink() *kernel.Error {
	return kernel.Invalid("LINK_INVALID", "This link has been used or is too old. We can send a new one to the same address.")
}

// forgetTokens removes what was mailed long ago, but not the wrong tries of a login that still waits for its proof.
func forgetTokens(tx core.App, now time.Time) error {
	_, err := tx.NonconcurrentDB().NewQuery(`DELETE FROM account_tokens WHERE expires_at < {:t} AND NOT
		(attempts > 0 AND portal_user IN (SELECT id FROM portal_users WHERE account_status = 'pending_verification'))`).
		Bind(dbx.Params{"t": now.AddDate(0, 0, -7).Format(types.DefaultDateLayout)}).Execute()
	return err
}
