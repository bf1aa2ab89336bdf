package identity

import (
	"database/sql"
	"errors"
	"slices"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
)

// Method is how somebody proved who they are.
type Method string

const (
	ByPassword Method = "password" // the sign-in form and the SDK's authWithPassword
	ByMailLink Method = "mail_link"
	ByPasskey  Method = "passkey"
	ByOAuth    Method = "oauth2" // as PocketBase names it
)

var methods = []Method{ByPassword, ByMailLink, ByPasskey, ByOAuth}

// Attempt is a proof that asks for a session, or for what else its proof opens.
type Attempt struct {
	Account  *core.Record // of any auth collection, as it was when the proof was made
	Method   Method
	Second   *Second // nil: none was shown
	Provider string  // by whom it was made, of ByOAuth
	BoundTo  string  // what the proof may open besides a session; empty for a sign-in
	IP       string
	Agent    string
	Refresh  bool   // a refresh token is wanted as well
	Remember bool   // the device need not show a second factor again for some days
	Device   string // the token by which a device says that it is remembered

	// Spend notes what the first proof uses up, in the transaction of what it opens: a passkey's counter.
	Spend func(tx core.App, by kernel.Actor) error

	device *collections.RememberedDevice // of that token, once it has counted
}

// actor is whose proof it is, before there is a session.
func (a *Attempt) actor(account *core.Record) kernel.Actor {
	who := kernel.Actor{ID: account.Id, IP: a.IP, Agent: cut(a.Agent, 255)}
	who.Kind, who.Role = kindOf(account)
	return who
}

// Opened is a new session with its tokens in clear, which exist only here.
type Opened struct {
	Session      *collections.PortalSession
	AccessToken  string
	Life         time.Duration // of the access token
	RefreshToken string        // empty unless wanted
	DeviceToken  string        // empty unless the device was to be remembered
}

// conditions must all hold between a proof and a session, in this order. now is the account as it is inside the
// transaction. The second factor comes last: what it spends is spent for an account that is open.
var conditions = []func(tx core.App, a *Attempt, now *core.Record) error{
	refuseUnknownMethod,
	refuseOutdatedProof,
	refuseUnverified,
	refuseClosedAccount,
	requireSecondFactor,
	spendProof,
}

func spendProof(tx core.App, a *Attempt, now *core.Record) error {
	if a.Spend == nil {
		return nil
	}
	return a.Spend(tx, a.actor(now))
}

func refuseUnknownMethod(_ core.App, a *Attempt, _ *core.Record) error {
	known := slices.Contains(methods, a.Method)
	if a.Method == ByPasskey || a.Method == ByOAuth { // only by their own doors, or after having passed them
		known = a.Spend != nil || a.Second != nil && a.Second.waiting != nil
	}
	if !known {
		return closedWay()
	}
	return nil
}

// refuseOutdatedProof: the password was changed while it was being checked.
func refuseOutdatedProof(_ core.App, a *Attempt, now *core.Record) error {
	if now.TokenKey() != a.Account.TokenKey() {
		return wrongPair()
	}
	return nil
}

func refuseUnverified(_ core.App, _ *Attempt, now *core.Record) error {
	if now.Collection().Name == collections.PortalUsers && !now.Verified() {
		return kernel.Forbidden("EMAIL_NOT_VERIFIED", "Confirm your email first. We can send you a new message.")
	}
	return nil
}

func refuseClosedAccount(_ core.App, _ *Attempt, now *core.Record) error {
	if maySignIn(now) {
		return nil
	}
	if now.Collection().Name == collections.PortalUsers && collections.AsPortalUser(now).Status() == collections.AccountLocked {
		return kernel.Forbidden("ACCOUNT_LOCKED", "For your safety, sign-in is paused. Call us to open it again.")
	}
	return kernel.Forbidden("ACCOUNT_SUSPENDED", "Your account is switched off for now. Call us if you think it should be on.")
}

// maySignIn tells whether an account is open. It is asked at sign-in and, of the record that PocketBase loads
// anyway, at every request. Auth collections that it does not know are closed.
func maySignIn(account *core.Record) bool {
	switch account.Collection().Name {
	case collections.PortalUsers:
		return collections.AsPortalUser(account).MaySignIn()
	case collections.Staff:
		return collections.AsStaff(account).Active()
	case collections.Owners: // not the one that PocketBase makes for its installer
		return account.Email() != core.DefaultInstallerEmail
	}
	return false
}

// shown is what the audit log keeps of a sign-in: by what, and by what second.
func (a *Attempt) shown() audit.Details {
	d := audit.Details{"method": string(a.Method)}
	if a.Provider != "" {
		d["provider"] = a.Provider
	}
	switch {
	case a.device != nil:
		d["second"] = "remembered_device"
	case a.Second != nil:
		d["second"] = string(a.Second.Method)
	}
	return d
}

// SignIn opens a session for a proven identity, in the caller's transaction: the row, its LOGIN line in the audit
// log and whatever the caller adds commit together. Errors are *kernel.Error when a condition refuses.
func SignIn(tx core.App, a *Attempt) (*Opened, error) {
	if !tx.IsTransactional() {
		return nil, errors.New("identity.SignIn needs a transaction")
	}
	now, err := tx.FindRecordById(a.Account.Collection(), a.Account.Id)
	if err != nil {
		return nil, err
	}
	for _, refuse := range conditions {
		if err := refuse(tx, a, now); err != nil {
			return nil, err
		}
	}
	row, err := collections.NewPortalSession(tx)
	if err != nil {
		return nil, err
	}
	row.Id = core.GenerateDefaultRandomId() // so that its own line can name it
	who := a.actor(now)
	who.Session = row.Id
	at := kernel.Now(tx)
	kind, system, browser := device(a.Agent)
	row.Load(map[string]any{
		"owner_collection": now.Collection().Name, "owner": now.Id, "method": string(a.Method),
		"ip_address": a.IP, "user_agent": who.Agent, "device_type": kind, "device_os": system, "browser": browser,
		"started_at": at.Unix(), "last_activity": at.Unix(), "proven_at": at.Unix(),
		"absolute_until": at.Add(time.Duration(collections.Settings(tx).AbsoluteHours) * time.Hour).Unix()})
	if who.Kind == kernel.KindClient {
		grants, err := kernel.Grants(tx, now.Id)
		if err != nil {
			return nil, err
		}
		if len(grants) > 0 {
			row.Set("default_client", grants[0].Client)
		}
	}
	opened := &Opened{Session: row}
	if a.Refresh {
		t := newRefreshToken(nil)
		row.Set("refresh_family", t.familyHash())
		row.Set("refresh_hash", t.hash())
		opened.RefreshToken = t.String()
	}
	if opened.DeviceToken, err = rememberDevice(tx, a, who, now, row); err != nil {
		return nil, err
	}
	audit.AsWith(row.Record, audit.Login, a.shown())
	if err := kernel.SaveAs(tx, who, row.Record); err != nil {
		return nil, err
	}
	if who.Kind == kernel.KindClient {
		if err := noteLastLogin(tx, now.Id, a.IP, at); err != nil {
			return nil, err
		}
	}
	opened.AccessToken, opened.Life, err = accessToken(tx, now, sessionOf(row))
	return opened, err
}

// noteLastLogin is bookkeeping beside the LOGIN line: plain SQL.
func noteLastLogin(tx core.App, user, ip string, at time.Time) error {
	_, err := tx.NonconcurrentDB().NewQuery("UPDATE portal_users SET last_login = {:at}, last_login_ip = {:ip} WHERE id = {:id}").
		Bind(dbx.Params{"at": at.Format(types.DefaultDateLayout), "ip": ip, "id": user}).Execute()
	return err
}

// proof is a password that was checked.
type proof struct {
	account           *core.Record // nil when nobody has the address
	collection, email string
}

// provePassword checks a password. Whether the address is known shows neither in the answer nor in the work: one
// look-up, one bcrypt, one count. A guess is refused before it is evaluated once the account's limits are reached,
// and guesses about one account are made one after the other, so that none escapes the count.
func (d *door) provePassword(e *core.RequestEvent, c *core.Collection, email, password string) (proof, error) {
	p, fits, err := d.guess(e, c, email, password)
	if err == nil && !fits {
		err = d.noteRefused(e, audit.Login, c.Name, p.account, wrongPair())
	}
	return p, err
}

// guess is the check without its line in the audit log.
func (d *door) guess(e *core.RequestEvent, c *core.Collection, email, password string) (proof, bool, error) {
	ctx, p := e.Request.Context(), proof{collection: c.Name, email: collections.NormalEmail(email)}
	counters := countersOf(d.app, p.collection, p.email, e.RealIP())
	back, err := d.turns.take(ctx, accountKey(p.collection, p.email))
	if err != nil {
		return p, false, err
	}
	defer back()
	if err := refuseGuessing(d.app, e.Response.Header(), counters); err != nil {
		return p, false, err
	}
	p.account, err = collections.LoginByEmail(d.app, c.Name, p.email)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return p, false, err
	}
	hash := ""
	if p.account != nil {
		hash = p.account.GetString(core.FieldNamePassword + ":hash")
	}
	fits, err := d.hashing.fits(ctx, e.RealIP(), c, hash, digest(password))
	if err != nil {
		return p, false, err
	}
	if !fits {
		err = countFailure(d.app, counters, kernel.ActorFrom(e), p.account)
	}
	return p, fits, err
}

// forgetFailures lets a finished sign-in clear what was counted. The person is in: an error is the operator's.
func (d *door) forgetFailures(p proof) {
	if err := clearFailures(d.app, p.collection, p.email); err != nil {
		d.app.Logger().Error("clear sign-in failures", "error", err)
	}
}

// noteRefused writes the line of an evaluated password that was turned away. The account's id is in it when there is
// one; what was typed never is. Attempts that are refused unevaluated have the general line, which has a quota, because
// they cost a stranger nothing.
func (d *door) noteRefused(e *core.RequestEvent, action audit.Action, collection string, account *core.Record, refusal *kernel.Error) error {
	line := audit.EntryFor(kernel.ActorFrom(e), action, audit.ResourceType(collection), "")
	line.ErrorCode = refusal.Code + "/" + refusal.Reason
	if account != nil {
		line.ResourceID = account.Id
	}
	if err := audit.Refused(e, line); err != nil {
		return err
	}
	return refusal
}

func wrongPair() *kernel.Error {
	return kernel.Unauthorized("INVALID_CREDENTIALS", "That email and password don't match.")
}

func closedWay() *kernel.Error {
	return kernel.Forbidden("SIGN_IN_METHOD_CLOSED", "This way of signing in is closed.")
}

func sessionEnded() *kernel.Error {
	return kernel.Unauthorized("SESSION_ENDED", "You were signed out. Sign in again to go on.")
}
