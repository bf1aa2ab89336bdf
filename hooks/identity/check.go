package identity

import (
	"strings"
	"time"

	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"

	"anteroom/collections"
	"anteroom/hooks/kernel"
)

// bindSessionCheck puts the check after PocketBase has loaded the token (-1020) and set the security headers (-1010),
// so that a refusal carries them, and before its rate limits (-1000), so that a dead token does not count as
// signed in.
func bindSessionCheck(d *door) {
	const priority = apis.DefaultSecurityHeadersMiddlewarePriority + 5
	d.app.OnServe().BindFunc(func(se *core.ServeEvent) error {
		se.Router.Bind(&hook.Handler[*core.RequestEvent]{Id: "identity.session", Priority: priority, Func: d.checkSession})
		return se.Next()
	})
}

const sessionKey = "anteroom.session"

// liveSession is the caller's session as the check left it, or nil.
func liveSession(e *core.RequestEvent) *session {
	x, _ := e.Get(sessionKey).(*session)
	return x
}

// checkSession lets a token of ours count only while its session lives and its account is open. Where nobody needs
// to be signed in, a dead token means a guest: the SDK sends whatever it has stored, and somebody whose session
// ended must be able to sign in again. It costs no query: sessions and grants are in memory, and the account is the
// record that PocketBase has loaded for the token.
func (d *door) checkSession(e *core.RequestEvent) error {
	token := bearer(e.Request)
	if token == "" {
		return e.Next()
	}
	c := claimsOf(token)
	if e.Auth == nil {
		// To PocketBase an expired or forged token is a guest, and a guest's list is an empty 200: staff would see an
		// empty clinic instead of the sign-in page.
		if d.isOurs(c.Collection) && !isPublic(e) {
			if c.Expires != 0 && c.Expires <= time.Now().Unix() {
				return kernel.Refuse(e, kernel.Unauthorized("TOKEN_EXPIRED", "Your sign-in needs to be renewed."))
			}
			return kernel.Refuse(e, sessionEnded())
		}
		return e.Next()
	}
	x := d.sessionFor(c.Session, e.Auth)
	public := isPublic(e)
	if x == nil {
		if public {
			e.Auth = nil
			return e.Next()
		}
		return kernel.Refuse(e, sessionEnded())
	}
	if !public {
		if duty := refuseBeforeDuty(e); duty != nil {
			return kernel.Refuse(e, duty)
		}
	}
	if !public && isActivity(e) {
		d.sessions.touch(x)
	}
	e.Set(sessionKey, x)
	caller, err := d.callerOf(e, x)
	if err != nil {
		return kernel.Refuse(e, kernel.Internal(err))
	}
	kernel.SetCaller(e, caller)
	return e.Next()
}

// sessionFor gives the live session that a verified token of this account names. A session is not transferable.
func (d *door) sessionFor(sid string, account *core.Record) *session {
	x := d.sessions.get(sid)
	if x == nil || x.owner != account.Id || x.collection != account.Collection().Name || !maySignIn(account) || d.sessions.over(x) != "" {
		return nil
	}
	return x
}

func (d *door) callerOf(e *core.RequestEvent, x *session) (*kernel.Caller, error) {
	c := &kernel.Caller{Actor: kernel.Actor{ID: x.owner, Session: x.id, IP: e.RealIP(), Agent: cut(e.Request.UserAgent(), 255)}}
	c.Over = func() *kernel.Error {
		if d.sessions.Live(x.id) {
			return nil
		}
		return sessionEnded()
	}
	if c.Kind, c.Role = kindOf(e.Auth); c.Kind != kernel.KindClient {
		return c, nil
	}
	var err error
	c.DefaultClient, err = defaultClient(e.App, x)
	return c, err
}

// defaultClient is whom a request acts for that does not say: the one that sign-in chose, while that access lasts,
// else the first that is left.
func defaultClient(app core.App, x *session) (string, error) {
	grants, err := kernel.Grants(app, x.owner)
	if err != nil || len(grants) == 0 {
		return "", err
	}
	for _, g := range grants {
		if g.Client == x.defaultClient {
			return g.Client, nil
		}
	}
	return grants[0].Client, nil
}

// kindOf tells what kind of actor an account is, and the role of staff.
func kindOf(account *core.Record) (kind, role string) {
	if kind = kinds[account.Collection().Name]; kind == kernel.KindStaff {
		role = collections.AsStaff(account).Role()
	}
	return kind, role
}

// isOurs tells whether a token names an auth collection. All of them need sessions, also one that we do not know.
func (d *door) isOurs(collection string) bool {
	if collection == "" {
		return false
	}
	c, err := d.app.FindCachedCollectionByNameOrId(collection)
	return err == nil && c.IsAuth()
}

// open are the routes of PocketBase that nobody needs to be signed in for.
var open = map[string]bool{
	"GET /api/health":                                       true,
	"GET /api/oauth2-redirect":                              true,
	"POST /api/oauth2-redirect":                             true,
	"GET /api/collections/{collection}/auth-methods":        true,
	"POST /api/collections/{collection}/auth-with-password": true,
	oauthPath: true,
}

// isPublic tells whether a request needs nobody to be signed in: pages and the dashboard's files, routes declared
// public, and the few of PocketBase above.
func isPublic(e *core.RequestEvent) bool {
	if !strings.HasPrefix(e.Request.URL.Path, "/api/") || open[e.Request.Pattern] {
		return true
	}
	r, ok := kernel.RouteOf(e)
	return ok && r.Access == kernel.Public
}

// passive are requests that a page makes by itself.
var passive = map[string]bool{
	"GET " + kernel.Portal + "/auth/session":          true,
	"GET " + kernel.Portal + "/notifications/stream":  true,
	"GET /api/realtime":                               true,
	"POST /api/realtime":                              true,
	"POST /api/files/token":                           true,
	"POST /api/collections/{collection}/auth-refresh": true,
}

func isActivity(e *core.RequestEvent) bool {
	return !passive[e.Request.Pattern] && e.Request.Header.Get("X-Background") != "1"
}
