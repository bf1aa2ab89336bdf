package identity

import (
	"maps"
	"reflect"
	"slices"

	validation "github.com/pocketbase/ozzo-validation/v4"
	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"

	"anteroom/collections"
	"anteroom/hooks/kernel"
)

// The doors of PocketBase itself. Before everybody else's hooks, so that nothing happens behind a closed one.
const outermost = -100

const refreshKey = "anteroom.refresh"

func bindPocketBaseDoors(d *door) {
	app := d.app
	app.OnServe().BindFunc(func(se *core.ServeEvent) error {
		se.Router.Bind(&hook.Handler[*core.RequestEvent]{Id: "identity.closed", Priority: outermost, Func: d.refuseReplaced})
		se.Router.Bind(&hook.Handler[*core.RequestEvent]{Id: "identity.backup", Priority: outermost, Func: d.checkBackupToken})
		return se.Next()
	})
	app.OnRecordAuthWithPasswordRequest().Bind(&hook.Handler[*core.RecordAuthWithPasswordRequestEvent]{
		Id: "identity.password", Priority: outermost, Func: d.authWithPassword})
	app.OnRecordAuthRefreshRequest().Bind(&hook.Handler[*core.RecordAuthRefreshRequestEvent]{
		Id: "identity.refresh", Priority: outermost, Func: markRefresh})
	app.OnRecordAuthRequest().Bind(&hook.Handler[*core.RecordAuthRequestEvent]{
		Id: "identity.issue", Priority: outermost, Func: d.issue})
	app.OnFileTokenRequest().Bind(&hook.Handler[*core.FileTokenRequestEvent]{
		Id: "identity.filetoken", Priority: outermost, Func: d.issueFileToken})
	app.OnFileDownloadRequest().Bind(&hook.Handler[*core.FileDownloadRequestEvent]{
		Id: "identity.file", Priority: outermost, Func: d.checkFileToken})
	app.OnCollectionValidate(collections.PortalUsers, collections.Staff).BindFunc(refuseOtherSignIns)
	app.OnCollectionValidate(collections.Owners).BindFunc(keepOtherSignInsOff)
}

// replaced are endpoints of PocketBase that ours stand for, or that nobody offers. They are closed for every auth
// collection: they tell who exists, mail inside the request, or sign in past the conditions. An owner who has lost the
// password sets another one on the machine (anteroom superuser update).
var replaced = map[string]bool{
	"POST /api/collections/{collection}/auth-with-otp":          true,
	"POST /api/collections/{collection}/request-otp":            true,
	"POST /api/collections/{collection}/request-password-reset": true,
	"POST /api/collections/{collection}/confirm-password-reset": true,
	"POST /api/collections/{collection}/request-verification":   true,
	"POST /api/collections/{collection}/confirm-verification":   true,
	"POST /api/collections/{collection}/request-email-change":   true,
	"POST /api/collections/{collection}/confirm-email-change":   true,
	"POST /api/collections/{collection}/impersonate/{id}":       true,
}

func (d *door) refuseReplaced(e *core.RequestEvent) error {
	name := e.Request.PathValue("collection")
	if replaced[e.Request.Pattern] && d.isOurs(name) || e.Request.Pattern == oauthPath && !d.hasProviders(name) {
		return kernel.Refuse(e, closedWay())
	}
	if e.Request.Pattern == oauthPath {
		if !kernel.SendsJSON(e.Request) {
			return kernel.Refuse(e, kernel.NotJSON())
		}
		if err := d.limitOAuth(e); err != nil {
			return kernel.Refuse(e, kernel.AsError(err))
		}
	}
	return e.Next()
}

// hasProviders tells whether somebody may sign in to a collection elsewhere.
func (d *door) hasProviders(collection string) bool {
	c, err := d.app.FindCachedCollectionByNameOrId(collection)
	return err == nil && c.Name == collections.PortalUsers && c.OAuth2.Enabled
}

// authWithPassword is the door of the SDK and of the dashboard. The check is ours: the limits, the queue for
// hashing and the audit line hold at every password form. PocketBase then answers, through issue.
func (d *door) authWithPassword(e *core.RecordAuthWithPasswordRequestEvent) error {
	p, err := d.provePassword(e.RequestEvent, e.Collection, e.Identity, e.Password)
	if err != nil {
		return kernel.Refuse(e.RequestEvent, kernel.AsError(err))
	}
	e.Record = p.account
	if err := apis.RecordAuthResponse(e.RequestEvent, p.account, string(ByPassword), nil); err != nil {
		return err
	}
	d.forgetFailures(p)
	return nil
}

// markRefresh tells issue that the caller keeps the session that checkSession has found alive. Without the mark, a
// refresh looks like an impersonation: both come without a method.
func markRefresh(e *core.RecordAuthRefreshRequestEvent) error {
	e.Set(refreshKey, liveSession(e.RequestEvent))
	return e.Next()
}

// issue runs inside every answer of PocketBase that would carry an auth token. What is neither a marked refresh nor
// a method that SignIn knows gets none.
//
// The session's row and what PocketBase does to answer share one transaction. PocketBase keeps its answer back until
// the commit, so a later hook that fails leaves neither row nor answer.
func (d *door) issue(e *core.RecordAuthRequestEvent) error {
	if x, _ := e.Get(refreshKey).(*session); x != nil {
		return d.reissue(e, x)
	}
	a, err := d.attemptOf(e)
	if err != nil {
		return kernel.Refuse(e.RequestEvent, kernel.AsError(err))
	}
	var opened *Opened
	outer := e.App
	err = d.pass(e.RequestEvent, a, func() error {
		return outer.RunInTransaction(func(tx core.App) (err error) {
			e.App = tx
			defer func() { e.App = outer }() // hooks around this one must not see a finished transaction
			if opened, err = SignIn(tx, a); err != nil {
				return err
			}
			e.Token = opened.AccessToken
			if opened.DeviceToken != "" {
				setDeviceCookie(e.RequestEvent, opened.DeviceToken, collections.Settings(tx).RememberDays)
			}
			return e.Next()
		})
	})
	if err != nil && !e.Written() {
		return kernel.Refuse(e.RequestEvent, kernel.AsError(err))
	}
	return err
}

// attemptOf reads what PocketBase's own sign-in does not know from the body. The query is never read: it is logged.
func (d *door) attemptOf(e *core.RecordAuthRequestEvent) (*Attempt, error) {
	var in struct {
		RememberDevice bool   `json:"rememberDevice"`
		MFACode        string `json:"mfaCode"`
		Method         string `json:"method"`
	}
	if err := e.BindBody(&in); err != nil {
		return nil, kernel.Invalid("MALFORMED", "We could not read what was sent.").Because(err)
	}
	code := factorCode{MFACode: in.MFACode, Method: in.Method}
	bad := kernel.Invalid("", "We could not read the code.")
	if code.check(bad); bad.HasFields() {
		return nil, bad
	}
	a := &Attempt{Account: e.Record, Method: Method(e.AuthMethod), Second: code.second(), IP: e.RealIP(), Agent: e.Request.UserAgent(),
		Remember: in.RememberDevice, Device: deviceToken(e.RequestEvent)}
	if link, _ := e.Get(linkKey).(*core.ExternalAuth); link != nil && a.Method == ByOAuth {
		a.Provider, a.Spend = link.Provider(), spendLink(link.Id)
	}
	return a, nil
}

// reissue gives a new token for the same session. It is no activity and moves no limit.
func (d *door) reissue(e *core.RecordAuthRequestEvent, x *session) (err error) {
	if d.sessionFor(x.id, e.Record) != x {
		return kernel.Refuse(e.RequestEvent, sessionEnded())
	}
	if e.Token, _, err = accessToken(e.App, e.Record, x); err != nil {
		return err
	}
	return e.Next()
}

// issueFileToken binds the dashboard's file tokens to the session. Portal users have none: what they download comes
// from routes that ask whose it is.
func (d *door) issueFileToken(e *core.FileTokenRequestEvent) (err error) {
	x := liveSession(e.RequestEvent)
	if x == nil {
		return kernel.Refuse(e.RequestEvent, sessionEnded())
	}
	if !kernel.ActorFrom(e.RequestEvent).IsStaff() {
		return kernel.Refuse(e.RequestEvent, kernel.Forbidden("", "Files are downloaded from their own addresses."))
	}
	if e.Token, err = fileToken(e.App, e.Record, x); err != nil {
		return err
	}
	return e.Next()
}

// checkFileToken runs after PocketBase's own rules, which know nothing of sessions.
func (d *door) checkFileToken(e *core.FileDownloadRequestEvent) error {
	if !e.FileField.Protected {
		return e.Next()
	}
	if !d.carriesFileToken(e.RequestEvent) {
		return kernel.Refuse(e.RequestEvent, kernel.NotFound())
	}
	return e.Next()
}

// carriesFileToken tells whether the address carries a file token of a session that lives.
func (d *door) carriesFileToken(e *core.RequestEvent) bool {
	token := e.Request.URL.Query().Get("token")
	account, err := e.App.FindAuthRecordByToken(token, core.TokenTypeFile)
	return err == nil && d.sessionFor(claimsOf(token).Session, account) != nil
}

// checkBackupToken does the same for backups, which PocketBase gives to the bearer of an owner's file token without
// asking any hook.
func (d *door) checkBackupToken(e *core.RequestEvent) error {
	if e.Request.Pattern == "GET /api/backups/{key}" && !d.carriesFileToken(e) {
		return kernel.Refuse(e, sessionEnded())
	}
	return e.Next()
}

// refuseOtherSignIns keeps PocketBase's own second factors, one-time passwords and login alerts off: they answer or mail
// inside the sign-in transaction, and tell strangers who exists. Providers are those of the environment, for portal users.
func refuseOtherSignIns(e *core.CollectionEvent) error {
	if err := e.Next(); err != nil {
		return err
	}
	elsewhere := e.Collection.OAuth2.Enabled && (e.Collection.Name != collections.PortalUsers || !reflect.DeepEqual(e.Collection.OAuth2, providersOf(kernel.ConfigOf(e.App))))
	on := map[string]bool{"mfa": e.Collection.MFA.Enabled, "otp": e.Collection.OTP.Enabled, "oauth2": elsewhere, "authAlert": e.Collection.AuthAlert.Enabled}
	refused := validation.Errors{}
	for _, name := range slices.Sorted(maps.Keys(on)) {
		if on[name] {
			refused[name] = validation.NewError("validation_closed", "Anteroom signs people in itself: this stays off.")
		}
	}
	if len(refused) > 0 {
		return refused
	}
	return nil
}

// keepOtherSignInsOff is the same for the owners' collection. PocketBase itself makes it, with alerts on, before any of
// our migrations runs: what cannot be refused there is put right.
func keepOtherSignInsOff(e *core.CollectionEvent) error {
	c := e.Collection
	c.MFA.Enabled, c.OTP.Enabled, c.OAuth2.Enabled, c.AuthAlert.Enabled = false, false, false, false
	return e.Next()
}
