package identity

import (
	"errors"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
)

// pass runs what a proof opens, with the second factor that it may need: open calls SignIn or requireSecondFactor in a
// transaction of its own. When a factor is missing, the caller is told which there are and gets a token to go on with;
// a wrong one is counted, outside the transaction that it rolled back. Guesses about one account are made one after the
// other, so that none escapes the count.
func (d *door) pass(e *core.RequestEvent, a *Attempt, open func() error) error {
	collection, email := a.Account.Collection().Name, collections.NormalEmail(a.Account.Email())
	counters := secondFactorCounters(d.app, collection, email, a.IP)
	back, err := d.turns.take(e.Request.Context(), keyOf("second factor", collection, email))
	if err != nil {
		return err
	}
	defer back()
	if a.Second != nil {
		if err := refuseGuessing(d.app, e.Response.Header(), counters); err != nil {
			return err
		}
	}
	err = open()
	if err == nil && a.Second != nil { // the person is in: an error is the operator's
		if err := clearSecondFactorFailures(d.app, collection, email); err != nil {
			d.app.Logger().Error("clear second-factor failures", "error", err)
		}
	}
	var refusal *kernel.Error
	if !errors.As(err, &refusal) || refusal.Status >= 500 {
		return err
	}
	switch refusal.Reason {
	case reasonFactorWrong:
		if w := a.Second.waiting; w != nil {
			if err := w.countTry(d.app); err != nil {
				return err
			}
		}
		if err := countFailure(d.app, counters, kernel.ActorFrom(e), a.Account); err != nil {
			return err
		}
	case reasonFactorMissing:
		err := d.app.RunInTransaction(func(tx core.App) error {
			token, err := waitForFactor(tx, a)
			_ = refusal.With("mfaToken", token).With("expiresIn", int(waitFor/time.Second))
			return err
		})
		if err != nil {
			return err
		}
	}
	return d.noteRefused(e, audit.Login, collection, a.Account, refusal)
}

// enter opens a session for a proof and gives the answer that every sign-in of ours gives. It sets the cookie of a
// device that is to be remembered.
func (d *door) enter(e *core.RequestEvent, a *Attempt) (*LoginData, error) {
	a.IP, a.Agent, a.Refresh, a.Device = e.RealIP(), e.Request.UserAgent(), true, deviceToken(e)
	var opened *Opened
	err := d.pass(e, a, func() error {
		return e.App.RunInTransaction(func(tx core.App) (err error) {
			opened, err = SignIn(tx, a)
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	d.welcome(e, a, opened)
	x := sessionOf(opened.Session)
	info, err := d.describe(x, a.Account)
	if err != nil {
		return nil, err
	}
	return &LoginData{User: userOf(a.Account, info), Session: info,
		Tokens: Tokens{opened.AccessToken, opened.RefreshToken, int(opened.Life / time.Second)}}, nil
}

// welcome is what follows a sign-in that has been committed.
func (d *door) welcome(e *core.RequestEvent, a *Attempt, opened *Opened) {
	d.forgetFailures(proof{collection: a.Account.Collection().Name, email: collections.NormalEmail(a.Account.Email())})
	if opened.DeviceToken != "" {
		setDeviceCookie(e, opened.DeviceToken, collections.Settings(d.app).RememberDays)
	}
}

// factorCode is how a second factor travels in a body: beside the first proof, or with the token of one that waits.
type factorCode struct {
	MFAToken string
	MFACode  string
	Method   string
}

// second gives what the body shows, or nil.
func (f factorCode) second() *Second {
	if f.MFACode == "" {
		return nil
	}
	return &Second{Method: collections.FactorMethod(f.Method), Code: f.MFACode}
}

// check judges the form alone.
func (f factorCode) check(bad *kernel.Error) {
	if f.MFAToken != "" {
		requireText(bad, "mfaCode", f.MFACode, 40)
	} else if len(f.MFACode) > 40 {
		_ = bad.Field("mfaCode", "max_length", "That is too long.")
	}
	if len(f.MFAToken) > 100 {
		_ = bad.Field("mfaToken", "max_length", "That is too long.")
	}
	switch collections.FactorMethod(f.Method) {
	case "", collections.MethodTOTP, collections.MethodSMS, collections.MethodEmail, collections.MethodRecovery:
	default:
		_ = bad.Field("method", "option", "Choose one of the ways that are offered.")
	}
}

// continued gives the attempt of a proof that waited for its second factor.
func (f factorCode) continued(app core.App, boundTo string) (*Attempt, error) {
	w, account, err := waitingProof(app, f.MFAToken, boundTo)
	if err != nil {
		return nil, err
	}
	second := f.second()
	second.waiting = w
	return &Attempt{Account: account, Method: Method(w.Method), Second: second, BoundTo: boundTo, Remember: w.wants().Remember,
		Provider: w.wants().Provider}, nil
}
