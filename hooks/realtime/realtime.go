// Package realtime tells portal users what changed, over the protocol of PocketBase's SDK, which needs no change.
//
// It owns GET and POST /api/realtime. Every connection starts here. On POST, staff, owners and the exact list
// ["@oauth2"] are handed to PocketBase's broker, whose rules then apply; portal users stay with this hub. A domain
// calls Publish to name a collection whose changes are told; it owns what the item looks like.
//
// What it promises:
//   - a portal user hears only of clients they may act for, asked of client_access at the moment of delivery;
//   - whose access to a client began, changed or ended hears that, and no more of it;
//   - only committed changes are heard, and an item is read at delivery, so that it agrees with the endpoint;
//   - an item that is shown has its line in the audit log first, as at the endpoint;
//   - a write costs its writer one look at its own row and one channel send, however many are connected;
//   - a connection has one identity and dies with its session; who does not read is dropped.
//
// It may read client_access and the published collections, and writes nothing but audit lines. What must never happen: an item to
// somebody the endpoint would refuse, a writer who waits for a reader, a connection that outlives its session.
//
// The protocol (SDK 0.26 and later): GET opens an event stream without identity. The first event, PB_CONNECT,
// carries the connection's id, as every message does. POST {clientId, subscriptions} with the token binds the
// identity and replaces the list of topics. A message is named exactly as the topic was subscribed, options included.
// A stream that ends is opened again by the SDK within two seconds.
package realtime

import (
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"

	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
)

// Sessions is what the hub must know of sign-ins: whether one lives, and when one ends.
type Sessions interface {
	Live(sid string) bool
	OnEnd(func(sid, reason string))
}

// Topic is a collection whose changes portal users hear of.
type Topic struct {
	Collection string
	Area       kernel.Area // scopes of client_access that reach it

	// Field naming the one portal user who may hear of a row; empty: everybody who may act for its client.
	User string

	// Item makes the endpoint's own item of a row. It runs outside any request and transaction.
	Item func(app core.App, r *core.Record) (any, error)

	// View is what the audit log calls being shown the item.
	View audit.Action
}

// limits bound what connections may cost. Tests change them before the server starts.
type limits struct {
	mailbox    int           // messages a reader may lag behind
	write      time.Duration // one write into the socket
	bind       time.Duration // from GET to the first accepted POST
	life       time.Duration // a connection ends after this plus up to a third, so that not all come back at once
	heartbeat  time.Duration
	perOwner   int // connections of one login
	perAddress int // a whole clinic may sit behind one
	total      int
}

var defaultLimits = limits{mailbox: 64, write: 5 * time.Second, bind: 15 * time.Second, life: 30 * time.Minute,
	heartbeat: 30 * time.Second, perOwner: 20, perAddress: 1000, total: 20000}

type hub struct {
	app      core.App
	sessions Sessions
	limits   limits

	changes  chan change   // in the order in which writers finished
	overflow chan struct{} // a change was lost
	stop     chan struct{}
	stopOnce sync.Once
	running  sync.WaitGroup // connections and the deliverer

	listening atomic.Int64 // bound connections of portal users

	mu         sync.RWMutex
	closed     bool
	topics     map[string]Topic
	conns      map[string]*conn
	byOwner    connIndex // "client:ID", "staff:ID", "owner:ID"
	bySession  connIndex
	perAddress map[string]int
}

const hubKey = "anteroom.realtime"

func hubOf(app core.App) *hub {
	return app.Store().GetOrSet(hubKey, func() any {
		return &hub{app: app, limits: defaultLimits, changes: make(chan change, 4096), overflow: make(chan struct{}, 1),
			stop: make(chan struct{}), topics: map[string]Topic{}, conns: map[string]*conn{},
			byOwner: connIndex{}, bySession: connIndex{}, perAddress: map[string]int{}}
	}).(*hub)
}

// Publish lets portal users hear of a collection's changes. Call it while binding hooks, before or after Bind.
// It panics on an incomplete topic and on one that is named twice: that is a fault of the program.
func Publish(app core.App, t Topic) {
	h := hubOf(app)
	h.mu.Lock()
	_, twice := h.topics[t.Collection]
	h.topics[t.Collection] = t
	h.mu.Unlock()
	if t.Collection == "" || t.Item == nil || t.View == "" || twice {
		panic("realtime: a topic without a collection, an item or an audit action, or published twice: " + t.Collection)
	}
	h.watch(t)
}

// Bind takes over /api/realtime once the server starts, and ends every connection when it stops.
func Bind(app core.App, sessions Sessions) {
	h := hubOf(app)
	h.sessions = sessions
	h.watchAccess()
	sessions.OnEnd(func(sid, _ string) { h.endSession(sid) })
	app.OnServe().BindFunc(func(se *core.ServeEvent) error {
		// After the route's own middlewares and instead of its action: a second registration of the same route
		// would make the mux panic.
		se.Router.Bind(&hook.Handler[*core.RequestEvent]{Id: "anteroomRealtime", Priority: 100, Func: h.serve})
		h.running.Add(1)
		go h.deliver()
		return se.Next()
	})
	app.OnTerminate().Bind(&hook.Handler[*core.TerminateEvent]{Id: "anteroomRealtime", Priority: -11000, // before the server waits for its requests
		Func: func(e *core.TerminateEvent) error {
			h.close()
			return e.Next()
		}})
}

func (h *hub) serve(e *core.RequestEvent) error {
	switch e.Request.Pattern {
	case "POST /api/realtime":
		return h.subscribe(e)
	case "GET /api/realtime":
		if e.Request.Method != http.MethodGet { // the mux sends HEAD here too
			return kernel.Refuse(e, &kernel.Error{Status: http.StatusMethodNotAllowed, Code: kernel.CodeValidation, Message: "Use GET."})
		}
		return h.connect(e)
	}
	return e.Next()
}

// close ends every connection and waits for their goroutines, at most for one stuck write.
func (h *hub) close() {
	h.stopOnce.Do(func() {
		h.mu.Lock()
		h.closed = true
		h.mu.Unlock()
		close(h.stop)
		h.end(func(*conn) bool { return true })
	})
	done := make(chan struct{})
	go func() { h.running.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(h.limits.write):
		h.app.Logger().Error("realtime connections did not end in time")
	}
}
