package audit

import (
	"errors"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"
	"github.com/pocketbase/pocketbase/tools/router"

	"anteroom/hooks/kernel"
)

const toldKey = "anteroom.audit.told"

// Refused writes the line of a request that a handler turns away, when it can say more than the kernel's general
// line (a failed LOGIN, say), which is then left out. It is written in a commit of its own, so that it outlives the
// transaction that is being given up: inside one, right after it has ended.
func Refused(e *core.RequestEvent, entry Entry) error {
	e.Set(toldKey, true)
	if entry.Result == "" {
		entry.Result = ResultRefused
	}
	if tx := e.App.TxInfo(); tx != nil && inTransaction(e.App) {
		app := e.App
		tx.OnComplete(func(error) error { return commitNow(app, entry) })
		return nil
	}
	return commitNow(e.App, entry)
}

// observeRefusal is told by the kernel of every refusal of one of our routes.
func observeRefusal(e *core.RequestEvent, route kernel.Route, refusal *kernel.Error) {
	if refusal.Status >= http.StatusInternalServerError {
		return
	}
	resource := ""
	if route.Owns != "" {
		resource = ResourceType(route.Owns)
	}
	noteRefusal(e, refusal.Status, codeOf(refusal), resource)
}

// bindOtherRefusals hears of requests that end before a route of ours is reached, or at PocketBase's own: a dead
// session, a rule that admits nobody, a record that is not there. It runs outside the session check.
func bindOtherRefusals(app core.App) {
	app.OnServe().BindFunc(func(se *core.ServeEvent) error {
		se.Router.Bind(&hook.Handler[*core.RequestEvent]{Id: "auditRefusals", Priority: -2000, Func: func(e *core.RequestEvent) error {
			err := e.Next()
			if err == nil || !strings.HasPrefix(e.Request.URL.Path, "/api/") {
				return err
			}
			resource := ""
			if c, findErr := e.App.FindCachedCollectionByNameOrId(e.Request.PathValue("collection")); findErr == nil {
				resource = ResourceType(c.Name)
			}
			status, code := meaningOf(err)
			known := signedIn(whoDownloads(e))
			switch {
			case status == http.StatusUnauthorized, status == http.StatusForbidden, status == http.StatusTooManyRequests:
				noteRefusal(e, status, code, resource)
			case status == http.StatusNotFound && resource == "" && (!known || !strings.Contains(e.Request.Pattern, " /api/")):
				// a path that never existed tells nothing about anybody
			case status == http.StatusNotFound, known && status >= http.StatusBadRequest && status < http.StatusInternalServerError:
				noteRefusal(e, status, code, resource)
			}
			return err
		}})
		return se.Next()
	})
}

// meaningOf reads an error on its way to the person: 0 when it is no refusal of ours or PocketBase's.
func meaningOf(err error) (status int, code string) {
	var ours *kernel.Error
	if errors.As(err, &ours) {
		return ours.Status, codeOf(ours)
	}
	var api *router.ApiError
	if errors.As(err, &api) {
		return api.Status, strconv.Itoa(api.Status)
	}
	return 0, ""
}

func codeOf(refusal *kernel.Error) string {
	if refusal.Reason == "" {
		return refusal.Code
	}
	return refusal.Code + "/" + refusal.Reason
}

// recordID is the form of a record's id. Anything else in a path may be anybody's text.
var recordID = regexp.MustCompile(`^[a-z0-9]{15}$`)

// noteRefusal writes the general line. It cannot stop an answer that says no anyway, so an error goes to the log.
func noteRefusal(e *core.RequestEvent, status int, code, resource string) {
	if told, _ := e.Get(toldKey).(bool); told {
		return
	}
	entry := EntryFor(whoDownloads(e), Refusal, resource, "")
	entry.Result, entry.ErrorCode = ResultRefused, code
	if id := e.Request.PathValue("id"); recordID.MatchString(id) {
		entry.ResourceID = id
	}
	// the route as declared: the path itself may hold anything
	entry.Details = Details{"route": plain(e.Request.Pattern, 200), "status": status}

	who := entry.Actor.ID
	if who == "" {
		who = entry.Actor.IP
	}
	unwritten, ok := quotaOf(e.App).take(who, kernel.Now(e.App))
	if !ok {
		return
	}
	if unwritten > 0 {
		entry.Details["unwrittenBefore"] = unwritten
	}
	if err := Refused(e, entry); err != nil {
		e.App.Logger().Error("a refusal could not be written to the audit log", "error", err)
	}
}

// Of the general lines, one person (one address, for guests) gets this many a minute; the rest is counted and the
// number written with the first line afterwards. Without a bound, a stranger could fill the disk with refusals.
const (
	quotaLines  = 60
	quotaWindow = time.Minute
	quotaKeys   = 10_000
)

type quota struct {
	mu   sync.Mutex
	used map[string]*quotaUse
}

type quotaUse struct {
	since     time.Time
	lines     int
	unwritten int
}

const quotaKey = "anteroom.audit.quota"

func quotaOf(app core.App) *quota {
	return app.Store().GetOrSet(quotaKey, func() any { return &quota{used: map[string]*quotaUse{}} }).(*quota)
}

// take tells whether a line may be written, and how many were not since the last one.
func (q *quota) take(who string, now time.Time) (unwritten int, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	u := q.used[who]
	if u == nil {
		if len(q.used) >= quotaKeys { // a bound on memory; what is forgotten here were counts only
			clear(q.used)
		}
		u = &quotaUse{since: now}
		q.used[who] = u
	}
	if now.Sub(u.since) >= quotaWindow || now.Before(u.since) {
		unwritten = u.unwritten
		*u = quotaUse{since: now}
	}
	if u.lines >= quotaLines {
		u.unwritten++
		return 0, false
	}
	u.lines++
	return unwritten, true
}
