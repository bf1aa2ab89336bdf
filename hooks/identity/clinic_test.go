package identity

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"
	_ "github.com/pocketbase/pocketbase/migrations" // its own tables
	"golang.org/x/crypto/bcrypt"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
	"anteroom/hooks/outbox"
	"anteroom/hooks/phi"
	_ "anteroom/pb_migrations"
)

const (
	password = "Quiet-Harbour-42"
	ada      = "ada@mail.example"
	bo       = "bo@mail.example"
	dee      = "dee@clinic.example"
	owner    = "owner@clinic.example"

	adaClient = "clientada000000"
	boClient  = "clientbo0000000"
	cleo      = "clientcleo00000"
	uma       = "clientuma000000"
	adaLogin  = "loginada0000000"
	boLogin   = "loginbo00000000"
	deeStaff  = "staffdee0000000"
	ownerID   = "ownerowner00000"
)

// monday is when every clinic's clock starts.
var monday = time.Date(2026, 12, 7, 16, 0, 0, 0, time.UTC)

// clinic is a real app with the packages below this one, its migrations and the router that apis.Serve would listen
// with. Ada and Bo have logins, Ada also acts for Cleo; Uma is known and not registered; Dee works at the desk.
type clinic struct {
	testing.TB
	app     core.App
	door    *door
	handler http.Handler
	dir     string
}

var template = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "template")
	if err != nil {
		return "", err
	}
	app, err := boot(dir)
	if err != nil {
		return "", err
	}
	if err := app.RunAllMigrations(); err != nil {
		return "", err
	}
	if err := people(app); err != nil {
		return "", err
	}
	return dir, shut(app)
})

// TestMain gives templates a directory of their own, and takes it away.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "anteroom-identity")
	if err == nil {
		err = os.Setenv("TMPDIR", dir)
	}
	if err != nil {
		panic(err)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

func boot(dir string) (core.App, error) {
	ring, err := phi.OpenKeyring(filepath.Join(dir+".keys", "keys.db"), bytes.Repeat([]byte{7}, 32))
	if err != nil {
		return nil, err
	}
	app := core.NewBaseApp(core.BaseAppConfig{DataDir: dir, DBConnect: kernel.DBConnect,
		DataMaxOpenConns: kernel.MaxConnections, DataMaxIdleConns: kernel.MaxConnections})
	kernel.Bind(app, kernel.Config{Mode: kernel.Dev, PublicURL: "https://portal.example"})
	phi.Bind(app, ring)
	audit.Bind(app)
	outbox.Bind(app)
	Bind(app)
	said := func(c *kernel.Call) (*kernel.Reply, error) {
		return kernel.OK(map[string]string{"id": c.Actor.ID, "role": c.Actor.Role, "client": c.Actor.Client, "session": c.Actor.Session}), nil
	}
	kernel.Handle(app,
		kernel.Route{Method: "GET", Path: kernel.Portal + "/test/me", Access: kernel.SignedIn, Do: said},
		kernel.Route{Method: "GET", Path: kernel.Portal + "/test/client", Access: kernel.ForClient, Do: said},
		kernel.Route{Method: "GET", Path: kernel.Portal + "/test/public", Access: kernel.Public, Do: said},
		kernel.Route{Method: "GET", Path: kernel.Desk + "/test/me", Access: kernel.Staff, Do: said},
		kernel.Route{Method: "GET", Path: kernel.Portal + "/notifications/stream", Access: kernel.AnySignIn, Do: said},
	)
	// what a route of PocketBase's that we do not know of might answer; "-" stands for no method
	app.OnServe().BindFunc(func(se *core.ServeEvent) error {
		se.Router.POST("/api/test/answer/{collection}/{id}/{method}", func(e *core.RequestEvent) error {
			r, err := e.App.FindRecordById(e.Request.PathValue("collection"), e.Request.PathValue("id"))
			if err != nil {
				return err
			}
			return apis.RecordAuthResponse(e, r, strings.Trim(e.Request.PathValue("method"), "-"), nil)
		})
		return se.Next()
	})
	return app, app.Bootstrap()
}

func people(app core.App) error {
	for _, name := range []string{collections.PortalUsers, collections.Staff, core.CollectionNameSuperusers} {
		c, err := app.FindCollectionByNameOrId(name)
		if err != nil {
			return err
		}
		c.Fields.GetByName(core.FieldNamePassword).(*core.PasswordField).Cost = bcrypt.MinCost // the real cost is for real guesses
		if err := app.Save(c); err != nil {
			return err
		}
	}
	for _, r := range []struct {
		collection string
		values     map[string]any
	}{
		{"clinic_settings", map[string]any{"clinic_name": "Juniper House", "time_zone": "America/Denver", "password_classes": true}},
		{core.CollectionNameSuperusers, map[string]any{"id": ownerID, "email": owner, "password": password}},
		{"staff", map[string]any{"id": deeStaff, "email": dee, "password": password, "first_name": "Dee", "last_name": "Desk", "role": "front_desk", "is_active": true}},
		{"clients", map[string]any{"id": adaClient, "email": ada, "first_name": "Ada", "last_name": "Lovell", "date_of_birth": "1990-04-27"}},
		{"clients", map[string]any{"id": boClient, "email": bo, "first_name": "Bo", "last_name": "Marsh", "date_of_birth": "1985-01-02"}},
		{"clients", map[string]any{"id": cleo, "first_name": "Cleo", "last_name": "Lovell", "date_of_birth": "2018-05-05"}},
		{"clients", map[string]any{"id": uma, "email": "uma@mail.example", "first_name": "Uma María", "last_name": "Dahl", "date_of_birth": "1977-07-07", "language": "es"}},
		{"portal_users", map[string]any{"id": adaLogin, "email": ada, "password": password, "verified": true, "first_name": "Ada", "last_name": "Lovell", "account_status": "active"}},
		{"portal_users", map[string]any{"id": boLogin, "email": bo, "password": password, "verified": true, "first_name": "Bo", "last_name": "Marsh", "account_status": "active"}},
		{"client_access", map[string]any{"client": adaClient, "portal_user": adaLogin, "relationship": "self", "scope": "all"}},
		{"client_access", map[string]any{"client": cleo, "portal_user": adaLogin, "relationship": "parent", "scope": "appointments_forms"}},
		{"client_access", map[string]any{"client": boClient, "portal_user": boLogin, "relationship": "self", "scope": "all"}},
	} {
		col, err := app.FindCachedCollectionByNameOrId(r.collection)
		if err != nil {
			return err
		}
		rec := core.NewRecord(col)
		for k, v := range r.values {
			rec.Set(k, v)
		}
		if err := app.Save(rec); err != nil {
			return err
		}
	}
	return nil
}

func newClinic(t testing.TB) *clinic {
	t.Helper()
	from, err := template()
	ok(t, err)
	c := &clinic{TB: t, dir: filepath.Join(t.TempDir(), "data")}
	ok(t, os.CopyFS(c.dir, os.DirFS(from)))
	ok(t, os.CopyFS(c.dir+".keys", os.DirFS(from+".keys")))
	c.start(monday)
	t.Cleanup(func() { ok(t, shut(c.app)) })
	return c
}

func (c *clinic) start(now time.Time) {
	c.Helper()
	var err error
	c.app, err = boot(c.dir)
	ok(c, err)
	kernel.SetNow(c.app, now)
	c.door = doorOf(c.app)
	c.door.pace = time.Millisecond
	c.door.hashing = newHashQueue(2)
	r, err := apis.NewRouter(c.app)
	ok(c, err)
	ok(c, c.app.OnServe().Trigger(&core.ServeEvent{App: c.app, Router: r, Server: &http.Server{ReadHeaderTimeout: time.Second}}, func(e *core.ServeEvent) error {
		c.handler, err = e.Router.BuildMux()
		return err
	}))
}

// restart ends the server as a signal would and starts it again on the same directory.
func (c *clinic) restart() {
	c.Helper()
	now := kernel.Now(c.app)
	ok(c, shut(c.app))
	c.start(now)
}

func shut(app core.App) error {
	return app.OnTerminate().Trigger(&core.TerminateEvent{App: app}, func(e *core.TerminateEvent) error { return e.App.ResetBootstrapState() })
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

type answer struct {
	Status int
	Header http.Header
	Body   string
}

// reason is details.reason, or the code.
func (a answer) reason() string {
	var e struct {
		Message string
		Error   struct {
			Code    string
			Details struct{ Reason string }
		}
	}
	_ = json.Unmarshal([]byte(a.Body), &e)
	if e.Error.Details.Reason != "" {
		return e.Error.Details.Reason
	}
	return e.Error.Code
}

func (a answer) into(t testing.TB, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.Body), v); err != nil {
		t.Fatalf("%v in %d %s", err, a.Status, a.Body)
	}
}

// data reads the envelope's data.
func data[T any](t testing.TB, a answer) (v T) {
	t.Helper()
	var e struct {
		Success bool
		Data    json.RawMessage
	}
	a.into(t, &e)
	if !e.Success || a.Status >= 300 {
		t.Fatalf("not a success: %d %s", a.Status, a.Body)
	}
	ok(t, json.Unmarshal(e.Data, &v))
	return v
}

func (c *clinic) do(method, path, token string, body any, headers ...string) answer {
	c.Helper()
	var in io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		ok(c, err)
		in = bytes.NewReader(raw)
	}
	r := httptest.NewRequest(method, path, in)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		r.Header.Set("Authorization", token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "address" {
			r.RemoteAddr = headers[i+1] + ":4711"
			continue
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	c.handler.ServeHTTP(w, r)
	return answer{w.Code, w.Header(), w.Body.String()}
}

func (c *clinic) want(a answer, status int, reason string) {
	c.Helper()
	if a.Status != status || reason != "" && a.reason() != reason {
		c.Fatalf("got %d %s, want %d %s: %s", a.Status, a.reason(), status, reason, a.Body)
	}
}

const auth = kernel.Portal + "/auth/"

type m = map[string]any

func (c *clinic) login(email, pass string, headers ...string) answer {
	c.Helper()
	return c.do("POST", auth+"login", "", m{"email": email, "password": pass}, headers...)
}

// in signs a portal user in through the endpoint.
func (c *clinic) in(email string) LoginData {
	c.Helper()
	return data[LoginData](c, c.login(email, password))
}

// sdk is what authWithPassword sends.
func (c *clinic) sdk(collection, email, pass string, headers ...string) answer {
	c.Helper()
	return c.do("POST", "/api/collections/"+collection+"/auth-with-password", "", m{"identity": email, "password": pass}, headers...)
}

func (c *clinic) sdkToken(collection, email string) string {
	c.Helper()
	a := c.sdk(collection, email, password)
	c.want(a, 200, "")
	var out struct{ Token string }
	a.into(c, &out)
	return out.Token
}

func (c *clinic) me(token string, headers ...string) int {
	c.Helper()
	return c.do("GET", kernel.Portal+"/test/me", token, nil, headers...).Status
}

func (c *clinic) desk(token string) int {
	c.Helper()
	return c.do("GET", kernel.Desk+"/test/me", token, nil).Status
}

func (c *clinic) find(collection, id string) *core.Record {
	c.Helper()
	r, err := c.app.FindRecordById(collection, id)
	ok(c, err)
	return r
}

func (c *clinic) count(table, where string, params ...any) int {
	c.Helper()
	var n int
	p := dbx.Params{}
	for i, v := range params {
		p[string(rune('a'+i))] = v
	}
	ok(c, c.app.ConcurrentDB().NewQuery("SELECT count(*) FROM "+table+" WHERE "+where).Bind(p).Row(&n))
	return n
}

func (c *clinic) advance(d time.Duration) { kernel.Advance(c.app, d) }

func (c *clinic) tidy() {
	c.Helper()
	ok(c, c.door.sessions.tidy())
}

// mail waits for the outbox and gives what lies in the mailbox, newest first.
func (c *clinic) mail(to string) []outbox.Stored {
	c.Helper()
	for end := time.Now().Add(5 * time.Second); c.count("outbox", "status = 'waiting'") > 0; time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			c.Fatal("the outbox does not come to rest")
		}
	}
	list, err := outbox.Mails(c.app, to, 100)
	ok(c, err)
	return list
}

func (c *clinic) settings(values m) {
	c.Helper()
	r, err := c.app.FindFirstRecordByFilter("clinic_settings", "id != ''")
	ok(c, err)
	r.Load(values)
	ok(c, c.app.Save(r))
}

// everything is all rows of what a stranger's request may not touch.
func (c *clinic) everything() string {
	c.Helper()
	var b strings.Builder
	for _, table := range []string{"portal_users", "portal_sessions", "account_tokens", "client_access", "clients", "staff"} {
		rows, err := c.app.FindAllRecords(table)
		ok(c, err)
		for _, r := range rows {
			x, err := r.DBExport(c.app)
			ok(c, err)
			raw, err := json.Marshal(x)
			ok(c, err)
			b.Write(raw)
		}
	}
	return b.String()
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func newRecord(c *clinic, collection string, values m) *core.Record {
	c.Helper()
	r := core.NewRecord(must(c.app.FindCachedCollectionByNameOrId(collection)))
	r.Load(values)
	return r
}
