package identity

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
	"anteroom/hooks/outbox"
)

// A mailed link signs in whoever reads an account's mail: once, within a quarter of an hour, in any browser. The code
// beside it does the same where the mail cannot be opened. The link leads to a page whose button uses it: programs that
// open the links of a mail to look for harm use up nothing. A second factor is asked for as after a password.

const (
	signInLinkLife = 15 * time.Minute
	topicSignIn    = "identity_sign_in"
)

func bindMailLinks(d *door) {
	outbox.OnJob(d.app, topicSignIn, d.letter(collections.TokenSignIn, sendSignInLink))
	public := func(path string, do func(*kernel.Call) (*kernel.Reply, error)) kernel.Route {
		return kernel.Route{Method: "POST", Path: kernel.Portal + "/auth/" + path, Access: kernel.Public, Limit: collections.LimitPublicForms, MaxBody: 16 << 10, Do: d.evenly(do)}
	}
	kernel.Handle(d.app,
		public("magic-link", func(c *kernel.Call) (*kernel.Reply, error) { return d.askForLetter(c, topicSignIn) }),
		public("magic-link/verify", d.signInByMail))
}

// sendSignInLink mails a link and a code to a login that may sign in. Nobody else gets anything.
func sendSignInLink(tx core.App, u *collections.PortalUser) error {
	if !u.MaySignIn() {
		return nil
	}
	code, err := newCode()
	if err != nil {
		return err
	}
	t, link, err := newToken(tx, u, collections.TokenSignIn, signInLinkLife, code)
	if err != nil {
		return err
	}
	w, s := wordsFor(u.Language()), collections.Settings(tx)
	return outbox.Mail(tx, outbox.Message{Topic: "sign_in_link", To: u.Email(), Language: w.language,
		Subject: fmt.Sprintf(w.signInSubject, s.ClinicName), Text: w.signInText, Code: code,
		Link: "/sign-in/link?token=" + link, LinkLabel: w.signInLabel, Cause: "sign-in:" + t.Id})
}

// signInByMail takes the link's token, or the code with the address. What was mailed is spent before anything opens,
// so that of two who use it at once one is let in, and it does not come back when a second factor is missing.
func (d *door) signInByMail(c *kernel.Call) (*kernel.Reply, error) {
	var in struct {
		Email, Code, Token string
		RememberDevice     bool
	}
	if err := c.Bind(&in); err != nil {
		return nil, err
	}
	bad := kernel.Invalid("", "Enter the code from the email.")
	if in.Token != "" {
		requireText(bad, "token", in.Token, 200)
	} else {
		requireText(bad, "email", in.Email, 255)
		requireText(bad, "code", in.Code, 20)
	}
	if bad.HasFields() {
		return nil, bad
	}
	var account *core.Record
	var err error
	if in.Token != "" {
		account, err = spendSignInLink(c.App, in.Token)
	} else {
		account, err = d.spendSignInCode(c, collections.NormalEmail(in.Email), in.Code)
	}
	if err != nil {
		return nil, err
	}
	data, err := d.enter(c.RequestEvent, &Attempt{Account: account, Method: ByMailLink, Remember: in.RememberDevice})
	if err != nil {
		return nil, err
	}
	return kernel.OK(data), nil
}

// spendSignInLink gives the account of a link that is good, once. What is wrong, used, old, made for something else, or
// of an account that may not sign in is refused alike.
func spendSignInLink(app core.App, link string) (account *core.Record, err error) {
	err = app.RunInTransaction(func(tx core.App) error {
		t, err := collections.AccountTokenByLink(tx, collections.TokenSignIn, linkHash(link))
		if errors.Is(err, sql.ErrNoRows) {
			return deadLink()
		}
		if err != nil {
			return err
		}
		if t.Used() || !kernel.Now(tx).Before(t.ExpiresAt()) {
			return deadLink()
		}
		if account, err = tx.FindRecordById(collections.PortalUsers, t.User()); err != nil {
			return err
		}
		if !maySignIn(account) {
			return deadLink()
		}
		t.MarkUsed(kernel.Now(tx))
		return tx.Save(t)
	})
	return account, err
}

// spendSignInCode gives the account whose newest mail holds the code, once. A wrong code counts in the mail's own row
// and over all of the account's mails, and about the caller's address as a wrong password does: a guesser gets no more
// than policy, from one account or from many. It does not count about the account's passwords, or a stranger could
// close them by typing wrong codes; nor does what closed the passwords close this way, which is the way that is left to
// the victim. When the codes are used up, the link still counts.
func (d *door) spendSignInCode(c *kernel.Call, email, code string) (*core.Record, error) {
	counters := mailCodeCounters(c.App, email, c.RealIP())
	back, err := d.turns.take(c.Request.Context(), keyOf("mail code", c.RealIP())) // of many at once, none escapes the count
	if err != nil {
		return nil, err
	}
	defer back()
	if err := refuseGuessing(c.App, c.Response.Header(), counters); err != nil {
		return nil, err
	}
	var account *core.Record
	fits := false
	err = c.App.RunInTransaction(func(tx core.App) error {
		account, err = collections.LoginByEmail(tx, collections.PortalUsers, email)
		if errors.Is(err, sql.ErrNoRows) {
			account = nil
			return nil
		}
		if err != nil || !maySignIn(account) {
			return err
		}
		t, err := tokenOfCode(tx, account.Id, collections.TokenSignIn, 0, func(t *collections.AccountToken) bool {
			return sameHash(t.CodeHash(), codeHash(t.Id, plainCode(code)))
		})
		if err != nil || t == nil {
			return err // nothing fits; a counted try is kept
		}
		fits = true
		t.MarkUsed(kernel.Now(tx))
		return tx.Save(t)
	})
	if err != nil {
		return nil, err
	}
	if fits {
		return account, nil
	}
	if err := countFailure(c.App, counters, kernel.ActorFrom(c.RequestEvent), account); err != nil {
		return nil, err
	}
	return nil, d.noteRefused(c.RequestEvent, audit.Login, collections.PortalUsers, account, wrongMailCode())
}

// mailCodeCounters is what a wrong sign-in counts, without what it counts about the account.
func mailCodeCounters(app core.App, email, ip string) []counter {
	account := accountKey(collections.PortalUsers, email)
	return slices.DeleteFunc(countersOf(app, collections.PortalUsers, email, ip), func(c counter) bool {
		return strings.HasPrefix(c.key, account)
	})
}

func wrongMailCode() *kernel.Error {
	return kernel.Invalid("CODE_INVALID", "That code isn't right or is no longer valid. Use the newest email, or ask for a new one.")
}
