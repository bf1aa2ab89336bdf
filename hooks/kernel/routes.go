package kernel

import (
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"

	"anteroom/collections"
)

// Base paths of the API.
const (
	Portal = "/api/v1/portal"
	Desk   = "/api/v1/desk"
)

// Access says who may call a route. Every route declares one.
type Access int

const (
	Public    Access = iota + 1 // nobody needs to be signed in; a dead token counts as none
	SignedIn                    // a live session of a portal user
	ForClient                   // the same, acting for a client in X-Client-Id or the session's default
	Staff                       // a live session of staff, in one of Roles (all when empty), or of the owner
	AnySignIn                   // a live session of whomever: one's own password, factors and sessions
)

// KeyMode says what a POST does with Idempotency-Key.
type KeyMode int

const (
	KeyOff KeyMode = iota
	KeyOptional
	KeyRequired
)

// Route declares one endpoint. The table of all routes is what the owner matrix, the OpenAPI test and the session
// middleware read, so a route that is not declared here does not exist.
type Route struct {
	Method, Path string // full path, parameters as {id}
	Access       Access
	Area         Area     // ForClient: which scopes reach it
	Roles        []string // Staff
	Officer      bool     // Staff: whoever the clinic named its privacy officer too, whatever their role
	Owns         string   // collection whose id {id} is; the owner matrix puts another client's id there
	Key          KeyMode
	Limit        string // name of a limit in clinic_settings; counted per login, or per address when public
	MaxBody      int64  // bytes; 0: 1 MiB
	Do           func(*Call) (*Reply, error)
}

const defaultMaxBody = 1 << 20

const routesKey = "anteroom.routes"

type routeTable struct {
	mu        sync.RWMutex
	list      []Route
	byPattern map[string]Route
}

func tableOf(app core.App) *routeTable {
	return app.Store().GetOrSet(routesKey, func() any { return &routeTable{byPattern: map[string]Route{}} }).(*routeTable)
}

// Handle declares routes. Call it while binding hooks; they are served once the server starts.
func Handle(app core.App, routes ...Route) {
	t := tableOf(app)
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, r := range routes {
		if r.Access == 0 || r.Do == nil || (r.Access == Staff) != strings.HasPrefix(r.Path, Desk) {
			panic("kernel: route without an audience, a handler, or in the wrong place: " + r.Method + " " + r.Path)
		}
		t.list = append(t.list, r)
		t.byPattern[r.Method+" "+r.Path] = r
	}
}

// Routes lists every declared route, for tests and documents.
func Routes(app core.App) []Route {
	t := tableOf(app)
	t.mu.RLock()
	defer t.mu.RUnlock()
	return slices.Clone(t.list)
}

// RouteOf finds the declared route of a request.
func RouteOf(e *core.RequestEvent) (Route, bool) {
	t := tableOf(e.App)
	t.mu.RLock()
	defer t.mu.RUnlock()
	r, ok := t.byPattern[e.Request.Pattern]
	return r, ok
}

func bindRoutes(app core.App) {
	app.OnServe().BindFunc(func(se *core.ServeEvent) error {
		// what a middleware refuses before a route is reached (a body too large, a panic) is said in our envelope too
		se.Router.Bind(&hook.Handler[*core.RequestEvent]{Id: "kernel.envelope", Priority: -98000, Func: func(e *core.RequestEvent) error {
			err := e.Next()
			if err == nil || e.Written() || !strings.HasPrefix(e.Request.URL.Path, "/api/v1/") {
				return err
			}
			return AsError(err).Write(e)
		}})
		for _, r := range Routes(se.App) {
			se.Router.Route(r.Method, r.Path, func(e *core.RequestEvent) error { return serve(e, r) })
		}
		// what nobody declared is said in our envelope, not by the page's fallback (which is a GET, so the mux wants
		// these by method too)
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
			se.Router.Route(method, "/api/v1/{path...}", func(e *core.RequestEvent) error { return NotFound().Write(e) })
		}
		return se.Next()
	})
}

// Call is one request to a declared route.
type Call struct {
	*core.RequestEvent
	Route  Route
	Actor  Actor
	Caller *Caller // nil on public routes without a session
	Grant  Grant   // ForClient: the row of client_access it acts through
}

// Client is whom a ForClient request acts for.
func (c *Call) Client() string { return c.Actor.Client }

// ID is the {id} of the path.
func (c *Call) ID() string { return c.Request.PathValue("id") }

// Reply is what a handler answers with: Data in the envelope, or Stream for anything that is not JSON.
type Reply struct {
	Status  int
	Data    any
	Meta    *Meta
	Message string
	Stream  func(e *core.RequestEvent) error
}

func OK(data any) *Reply       { return &Reply{Status: http.StatusOK, Data: data} }
func Created(data any) *Reply  { return &Reply{Status: http.StatusCreated, Data: data} }
func Accepted(data any) *Reply { return &Reply{Status: http.StatusAccepted, Data: data} }

// Stream answers with something that is not an envelope: a PDF, a calendar.
func Stream(f func(e *core.RequestEvent) error) *Reply { return &Reply{Stream: f} }

// Say adds the sentence a person may read.
func (r *Reply) Say(message string) *Reply { r.Message = message; return r }

// Pagination is the portal specification's form of a list's figures, Meta the clinic backend specification's; lists carry both.
type Pagination struct {
	Page       int `json:"page"`
	Limit      int `json:"limit"`
	Total      int `json:"total"`
	TotalPages int `json:"totalPages"`
}

type Meta struct {
	Limit  int `json:"limit"`
	Offset int `json:"offset"`
	Total  int `json:"total"`
}

// Page is which part of a list was asked for.
type Page struct{ Number, Limit, Offset int }

// Listed answers a list: data carries its pagination itself, Meta repeats it in limit and offset.
func Listed(data any, p Page, total int) *Reply {
	return &Reply{Status: http.StatusOK, Data: data, Meta: &Meta{Limit: p.Limit, Offset: p.Offset, Total: total}}
}

// Of gives the figures of pagination for a page of a list with that many entries.
func (p Page) Of(total int) Pagination {
	return Pagination{Page: p.Number, Limit: p.Limit, Total: total, TotalPages: (total + p.Limit - 1) / p.Limit}
}

// Page reads page and limit, or limit and offset: 20 by default, at most 100.
func (c *Call) Page() (Page, error) {
	q := c.Request.URL.Query()
	p := Page{Number: 1, Limit: 20}
	bad := Invalid("", "That page of the list does not exist.")
	read := func(name string, low, high int, into *int) {
		if s := q.Get(name); s != "" {
			n, err := strconv.Atoi(s)
			if err != nil || n < low || n > high {
				_ = bad.Field(name, "range", "Must be a whole number from "+strconv.Itoa(low)+" to "+strconv.Itoa(high)+".")
				return
			}
			*into = n
		}
	}
	read("limit", 1, 100, &p.Limit)
	read("page", 1, math.MaxInt32/100, &p.Number)
	p.Offset = (p.Number - 1) * p.Limit
	if q.Get("page") == "" && q.Get("offset") != "" {
		read("offset", 0, math.MaxInt32, &p.Offset)
		p.Number = p.Offset/p.Limit + 1
	}
	if bad.HasFields() {
		return p, bad
	}
	return p, nil
}

// Bind reads a JSON body into v: JSON only (415), within the route's limit (413), one value. An empty body leaves v
// as it is; fields that v does not have are ignored. Whose session has ended meanwhile is refused.
func (c *Call) Bind(v any) error {
	if ct := c.Request.Header.Get("Content-Type"); ct != "" && !isJSON(ct) {
		return NotJSON()
	}
	raw, err := io.ReadAll(c.Request.Body)
	if err != nil {
		return AsError(err)
	}
	if over := refuseOver(c.RequestEvent); over != nil && c.Route.Access != Public {
		return over
	}
	if len(raw) == 0 {
		return nil
	}
	if err := json.Unmarshal(raw, v); err != nil {
		bad := Invalid("MALFORMED", "We could not read what was sent.").Because(err)
		var typ *json.UnmarshalTypeError
		if errors.As(err, &typ) && typ.Field != "" {
			_ = bad.Field(asSent(typ.Field, raw), "type", "This has the wrong kind of value.")
		}
		return bad
	}
	return nil
}

// asSent gives the path of a Go field in the words of the request: the decoder names fields as our structs do, and what
// they embed too.
func asSent(path string, raw []byte) string {
	var names []string
	for _, name := range strings.Split(path, ".") {
		var object map[string]json.RawMessage
		if json.Unmarshal(raw, &object) != nil { // within a list
			names = append(names, name)
			continue
		}
		for key, value := range object {
			if strings.EqualFold(key, name) {
				names, raw = append(names, key), value
				break
			}
		}
	}
	return strings.Join(names, ".")
}

func isJSON(contentType string) bool {
	return strings.HasPrefix(strings.ToLower(contentType), "application/json")
}

// NotJSON is 415. Forms of other sites can send every other kind of body without being asked about it first (Fetch,
// CORS-safelisted request headers).
func NotJSON() *Error {
	return &Error{Status: http.StatusUnsupportedMediaType, Code: CodeValidation, Reason: "UNSUPPORTED_MEDIA_TYPE", Message: "Send JSON."}
}

// SendsJSON tells whether a request says that its body is JSON.
func SendsJSON(r *http.Request) bool { return isJSON(r.Header.Get("Content-Type")) }

func serve(e *core.RequestEvent, r Route) error {
	reply, err := answer(e, r)
	if err != nil {
		refused := AsError(err)
		observe(e, r, refused)
		if e.Written() {
			return err
		}
		return refused.Write(e)
	}
	if reply == nil || e.Written() {
		return nil
	}
	return reply.send(e, r)
}

func (r *Reply) send(e *core.RequestEvent, route Route) error {
	h := e.Response.Header()
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store")
	}
	if r.Stream != nil {
		return r.Stream(e)
	}
	return e.JSON(r.Status, r.envelope())
}

type envelope struct {
	Success bool   `json:"success"`
	Message string `json:"message,omitempty"`
	Data    any    `json:"data"`
	Meta    *Meta  `json:"meta,omitempty"`
}

func (r *Reply) envelope() envelope {
	return envelope{Success: true, Message: r.Message, Data: r.Data, Meta: r.Meta}
}

// answer asks, in this order: who, for whom, how often, how much, once only; then the handler.
func answer(e *core.RequestEvent, r Route) (*Reply, error) {
	c := &Call{RequestEvent: e, Route: r, Actor: ActorFrom(e)}
	c.Caller, _ = e.Get(callerKey).(*Caller)
	if err := c.admit(); err != nil {
		return nil, err
	}
	if err := c.limit(); err != nil {
		return nil, err
	}
	maxBody := r.MaxBody
	if maxBody == 0 {
		maxBody = defaultMaxBody
	}
	if e.Request.ContentLength > maxBody {
		return nil, BodyTooLarge()
	}
	e.Request.Body = http.MaxBytesReader(e.Response, e.Request.Body, maxBody)
	if r.Key != KeyOff {
		return c.once()
	}
	return r.Do(c)
}

func (c *Call) admit() error {
	signIn := Unauthorized("SIGN_IN_REQUIRED", "Sign in to go on.")
	switch c.Route.Access {
	case Public:
		return nil
	case AnySignIn:
		if c.Caller == nil {
			return signIn
		}
	case SignedIn, ForClient:
		if c.Caller == nil || c.Actor.Kind != KindClient {
			return signIn
		}
		if c.Route.Access == ForClient {
			return c.actFor()
		}
	case Staff:
		if c.Actor.Kind == KindClient {
			return Forbidden("ROLE", "The desk is for the staff of the clinic.")
		}
		if c.Actor.Kind != KindStaff && c.Actor.Kind != KindOwner {
			return signIn
		}
		if !c.Actor.IsStaff(c.Route.Roles...) && (!c.Route.Officer || !c.isPrivacyOfficer()) {
			return Forbidden("ROLE", "Your role at the clinic does not include this.")
		}
	}
	return nil
}

func (c *Call) isPrivacyOfficer() bool {
	return c.Actor.Kind == KindStaff && c.Actor.ID == collections.Settings(c.App).PrivacyOfficer
}

// actFor decides for whom a request acts. A client one may not act for is as absent as one that does not exist.
func (c *Call) actFor() error {
	wanted := c.Request.Header.Get("X-Client-Id")
	if wanted == "" && c.Request.Method == http.MethodGet {
		wanted = c.Request.URL.Query().Get("clientId") // downloads cannot set headers
	}
	if wanted == "" {
		wanted = c.Caller.DefaultClient
	}
	grants, err := Grants(c.App, c.Caller.ID)
	if err != nil {
		return err
	}
	for _, g := range grants {
		if g.Client == wanted && g.Covers(c.Route.Area) {
			c.Grant, c.Actor.Client = g, g.Client
			c.Set(actsForKey, g.Client)
			return nil
		}
	}
	return NotFound()
}

// Refused is told of every refusal of a declared route that the audit log keeps: who knocked, where, and the code.
type Refused func(e *core.RequestEvent, r Route, refusal *Error)

const refusedKey = "anteroom.refused"

// OnRefused registers the audit log's ear.
func OnRefused(app core.App, f Refused) { app.Store().Set(refusedKey, f) }

func observe(e *core.RequestEvent, r Route, refusal *Error) {
	if f, ok := e.App.Store().Get(refusedKey).(Refused); ok {
		f(e, r, refusal)
	}
}
