package audit

import (
	"bufio"
	"encoding/json"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"

	"anteroom/hooks/kernel"
)

// What nobody else wrote down. Hooks and handlers leave the lines of what they know; a request of somebody who is
// signed in that succeeds and left none gets one here, before the first byte of its answer: the owner's settings,
// backups and logs, the dashboard's own questions, a kept answer that is given once more. It names the route as it is
// declared, never the path or the query, because those hold what people typed.

// serverActs are PocketBase's own endpoints whose line has a name of its own.
var serverActs = map[string]Action{
	"GET /api/backups":                                ListBackups,
	"POST /api/backups":                               CreateBackup,
	"GET /api/backups/{key}":                          DownloadBackup,
	"DELETE /api/backups/{key}":                       DeleteBackup,
	"GET /api/logs":                                   ViewServerLog,
	"GET /api/logs/stats":                             ViewServerLog,
	"GET /api/logs/{id}":                              ViewServerLog,
	"GET /api/crons":                                  ListCrons,
	"POST /api/crons/{id}":                            RunCron,
	"GET /api/settings":                               ViewSettings,
	"POST /api/settings/test/s3":                      TestStorage,
	"POST /api/settings/test/email":                   SendTestMail,
	"POST /api/settings/apple/generate-client-secret": MakeClientSecret,
	"POST /api/files/token":                           IssueFileToken,
}

// cannotBeUndone are those whose line is written before they are done, because nothing could take them back if it could
// not be written afterwards. When they fail, a line of the refusal follows.
var cannotBeUndone = []Action{CreateBackup, DeleteBackup, RunCron, SendTestMail, TestStorage}

func bindEveryDoor(app core.App) {
	app.OnServe().BindFunc(func(se *core.ServeEvent) error {
		se.Router.Bind(&hook.Handler[*core.RequestEvent]{Id: "auditAnswers", Priority: -2100, Func: watchAnswer})
		// after the session check (-1005), which knows the caller, and before whoever answers in a handler's place
		se.Router.Bind(&hook.Handler[*core.RequestEvent]{Id: "auditCaller", Priority: -90, Func: noteCaller})
		// the last before the handler: whoever may not do it has been turned away
		se.Router.Bind(&hook.Handler[*core.RequestEvent]{Id: "auditBeforehand", Priority: 900, Func: writeBeforehand})
		return se.Next()
	})
}

const watchedKey = "anteroom.audit.watched"

func watchAnswer(e *core.RequestEvent) error {
	if !strings.HasPrefix(e.Request.URL.Path, "/api/") {
		return e.Next()
	}
	kernel.CountLines(e)
	w := &watched{ResponseWriter: e.Response, event: e}
	e.Response = w
	e.Set(watchedKey, w)
	return e.Next()
}

// noteCaller remembers who asked. Who signs in by this request was a guest when it came, and has the line of the sign-in.
func noteCaller(e *core.RequestEvent) error {
	if w, ok := e.Get(watchedKey).(*watched); ok {
		w.caller = whoDownloads(e)
	}
	return e.Next()
}

// whoDownloads is the caller of a request. Browsers cannot send a token with a link: a download of a backup or of a file
// names its caller by the token in its query, which PocketBase checks in the handler.
func whoDownloads(e *core.RequestEvent) kernel.Actor {
	actor := kernel.ActorFrom(e)
	token := e.Request.URL.Query().Get("token")
	if signedIn(actor) || token == "" || !slices.Contains(byToken, e.Request.Pattern) {
		return actor
	}
	account, err := e.App.FindAuthRecordByToken(token, core.TokenTypeFile)
	if err != nil {
		return actor
	}
	switch account.Collection().Name {
	case core.CollectionNameSuperusers:
		actor.Kind, actor.ID = kernel.KindOwner, account.Id
	case "staff":
		actor.Kind, actor.ID, actor.Role = kernel.KindStaff, account.Id, account.GetString("role")
	case "portal_users":
		actor.Kind, actor.ID = kernel.KindClient, account.Id
	}
	return actor
}

var byToken = []string{"GET /api/backups/{key}", "GET /api/files/{collection}/{recordId}/{filename}"}

func writeBeforehand(e *core.RequestEvent) error {
	act, known := serverActs[e.Request.Pattern]
	if w, ok := e.Get(watchedKey).(*watched); ok && known && slices.Contains(cannotBeUndone, act) && signedIn(w.caller) {
		if err := w.write(http.StatusOK); err != nil {
			return err
		}
	}
	return e.Next()
}

func signedIn(a kernel.Actor) bool { return a.Kind != "" && a.Kind != kernel.KindGuest }

// watched asks for the line before the first byte of an answer that is no refusal.
type watched struct {
	http.ResponseWriter
	event   *core.RequestEvent
	caller  kernel.Actor
	decided bool
	stopped bool // something else was answered
}

func (w *watched) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *watched) WriteHeader(status int) {
	if w.decided || status < http.StatusOK {
		if !w.stopped {
			w.ResponseWriter.WriteHeader(status)
		}
		return
	}
	w.decided = true
	if status < http.StatusBadRequest && signedIn(w.caller) && !w.caller.Lines.Any() {
		if err := w.write(status); err != nil {
			w.stopped = true
			h := w.Header()
			clear(h)
			h.Set("Content-Type", "application/json")
			h.Set("Cache-Control", "no-store")
			h.Set("Retry-After", "5")
			w.ResponseWriter.WriteHeader(http.StatusServiceUnavailable)
			_ = json.NewEncoder(w.ResponseWriter).Encode(err)
			return
		}
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *watched) Write(b []byte) (int, error) {
	if !w.decided {
		w.WriteHeader(http.StatusOK)
	}
	if w.stopped {
		return len(b), nil
	}
	return w.ResponseWriter.Write(b)
}

// FlushError is what http.ResponseController calls: it sends the header too.
func (w *watched) FlushError() error {
	if !w.decided {
		w.WriteHeader(http.StatusOK)
	}
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Hijack would let an answer past the log, so there is none.
func (w *watched) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return nil, nil, http.ErrNotSupported
}

func (w *watched) write(status int) error {
	e := w.event
	action := serverActs[e.Request.Pattern]
	if action == "" {
		action = map[string]Action{kernel.KindOwner: OwnerRequest, kernel.KindStaff: StaffRequest}[w.caller.Kind]
	}
	if action == "" {
		action = ClientRequest
	}
	entry := EntryFor(w.caller, action, "", "")
	entry.Client = kernel.ActsFor(e)
	if c, err := e.App.FindCachedCollectionByNameOrId(e.Request.PathValue("collection")); err == nil {
		entry.ResourceType = ResourceType(c.Name)
	}
	entry.Details = Details{"route": plain(e.Request.Pattern, 200), "status": status}
	return readOrStop(e.App, entry)
}
