package identity

import (
	"database/sql"
	"errors"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
)

// What changes an account asks for a proof that is fresh: a session left open on a desk must not be enough to add a
// key of one's own (NIST SP 800-63B-4, section 5.2; OWASP ASVS 5.0, 7.5.1). A sign-in is such a proof.

// proofLasts is how long a proof stays fresh.
const proofLasts = 10 * time.Minute

// refuseStaleProof refuses what changes an account to a session that has not proven lately who it is.
func (d *door) refuseStaleProof(c *kernel.Call) error {
	return d.staleProof(liveSession(c.RequestEvent))
}

func (d *door) staleProof(x *session) error {
	if x != nil && kernel.Now(d.app).Unix() < x.proven.Load()+int64(proofLasts/time.Second) {
		return nil
	}
	return kernel.Forbidden("REAUTHENTICATION_REQUIRED", "Show once more that it's you, then try again.")
}

// stillSignedIn reads the caller's account inside the transaction. Somebody else may have ended the session or changed
// the account since the request came.
func stillSignedIn(tx core.App, e *core.RequestEvent) (*core.Record, error) {
	now, err := tx.FindRecordById(e.Auth.Collection(), e.Auth.Id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, sessionEnded()
	}
	if err != nil {
		return nil, err
	}
	row, err := tx.FindRecordById(collections.PortalSessions, kernel.ActorFrom(e).Session)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, sessionEnded()
	}
	if err != nil {
		return nil, err
	}
	if now.TokenKey() != e.Auth.TokenKey() || !maySignIn(now) || collections.AsPortalSession(row).Revoked() {
		return nil, sessionEnded()
	}
	return now, nil
}

// reauthenticate freshens the proof of the caller's session: by password and second factor, or by passkey. A remembered
// device does not stand for the factor here.
func (d *door) reauthenticate(c *kernel.Call) (*kernel.Reply, error) {
	var in struct {
		Password string
		factorCode
		passkeyAnswer
	}
	if err := c.Bind(&in); err != nil {
		return nil, err
	}
	x := liveSession(c.RequestEvent)
	bound := "session:" + x.id
	bad := kernel.Invalid("", "Enter your password.")
	if in.MFAToken == "" && in.ChallengeID == "" {
		requireText(bad, "password", in.Password, 4*longest)
	}
	if in.check(bad); bad.HasFields() {
		return nil, bad
	}
	var a *Attempt
	var err error
	switch {
	case in.ChallengeID != "":
		a, err = d.provePasskey(c.RequestEvent, in.passkeyAnswer)
	case in.MFAToken != "":
		a, err = in.continued(c.App, bound)
	default:
		a, err = d.proveOwnPassword(c, in.Password)
		if err == nil {
			a.Second = in.second()
		}
	}
	if err != nil {
		return nil, err
	}
	if a.Account.Id != c.Auth.Id || a.Account.Collection().Name != c.Auth.Collection().Name {
		return nil, kernel.Forbidden("WRONG_ACCOUNT", "That belongs to another account.")
	}
	a.BoundTo, a.IP, a.Agent = bound, c.RealIP(), c.Request.UserAgent()
	err = d.pass(c.RequestEvent, a, func() error {
		return c.App.RunInTransaction(func(tx core.App) error { return d.prove(tx, c.Actor, a, x) })
	})
	if err != nil {
		return nil, err
	}
	x.proven.Store(kernel.Now(c.App).Unix())
	return kernel.OK(map[string]time.Time{"provenUntil": time.Unix(x.proven.Load(), 0).Add(proofLasts).UTC()}), nil
}

// prove notes a fresh proof on the session's row, with its line in the audit log.
func (d *door) prove(tx core.App, by kernel.Actor, a *Attempt, x *session) error {
	now, err := tx.FindRecordById(a.Account.Collection(), a.Account.Id)
	if err != nil {
		return err
	}
	if err := refuseOutdatedProof(tx, a, now); err != nil {
		return err
	}
	if err := requireSecondFactor(tx, a, now); err != nil {
		return err
	}
	if err := spendProof(tx, a, now); err != nil {
		return err
	}
	_, err = tx.NonconcurrentDB().NewQuery("UPDATE portal_sessions SET proven_at = {:at} WHERE id = {:id} AND revoked_at = 0").
		Bind(dbx.Params{"at": kernel.Now(tx).Unix(), "id": x.id}).Execute()
	if err != nil {
		return err
	}
	return audit.Append(tx, audit.EntryFor(by, audit.Reauthenticate, audit.Session, x.id))
}

// proveOwnPassword checks the password of who is signed in. A wrong one counts like a failed sign-in.
func (d *door) proveOwnPassword(c *kernel.Call, password string) (*Attempt, error) {
	p, fits, err := d.guess(c.RequestEvent, c.Auth.Collection(), c.Auth.Email(), password)
	if err != nil {
		return nil, err
	}
	if !fits {
		wrong := kernel.Invalid("WRONG_PASSWORD", "That is not your current password.").Field("password", "wrong", "That is not your current password.")
		return nil, d.noteRefused(c.RequestEvent, audit.Reauthenticate, c.Auth.Collection().Name, p.account, wrong)
	}
	return &Attempt{Account: p.account, Method: ByPassword}, nil
}

// dutyPassword is the duty to choose another password, because the clinic asked for it.
const dutyPassword = "change_password"

// duties are what an account has to do before anything else.
func duties(account *core.Record) []string {
	if account != nil && account.GetBool("force_password_change") {
		return []string{dutyPassword}
	}
	return []string{}
}

// duringDuty are the routes that stay open while a duty waits.
var duringDuty = map[string]bool{
	"GET " + kernel.Portal + "/auth/session":          true,
	"POST " + kernel.Portal + "/auth/session/extend":  true,
	"POST " + kernel.Portal + "/auth/logout":          true,
	"POST " + kernel.Portal + "/auth/change-password": true,
	"POST /api/collections/{collection}/auth-refresh": true,
}

// refuseBeforeDuty closes everything else until the duty is done.
func refuseBeforeDuty(e *core.RequestEvent) *kernel.Error {
	if len(duties(e.Auth)) == 0 || duringDuty[e.Request.Pattern] {
		return nil
	}
	return kernel.Forbidden("PASSWORD_CHANGE_REQUIRED", "Choose a new password first. The clinic asked for it.")
}
