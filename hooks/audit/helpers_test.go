package audit

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"
	_ "github.com/pocketbase/pocketbase/migrations"
	"github.com/pocketbase/pocketbase/tools/hook"

	"anteroom/hooks/kernel"
	"anteroom/hooks/phi"
	_ "anteroom/pb_migrations"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func contains(t testing.TB, what string, err error, part string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), part) {
		t.Errorf("%s: error %v does not say %q", what, err, part)
	}
}

// newApp is the real schema with the kernel, the encrypted fields and the audit log bound, and no domain.
func newApp(t testing.TB) *core.BaseApp {
	t.Helper()
	app := bareApp(t)
	ok(t, app.RunAllMigrations())
	return app
}

// bareApp has not run its migrations.
func bareApp(t testing.TB) *core.BaseApp {
	t.Helper()
	key := make([]byte, 32)
	rand.Read(key)
	ring, err := phi.OpenKeyring(filepath.Join(t.TempDir(), "keys.db"), key)
	ok(t, err)
	app := core.NewBaseApp(core.BaseAppConfig{
		DataDir: filepath.Join(t.TempDir(), "pb_data"), DBConnect: kernel.DBConnect, DataMaxOpenConns: kernel.MaxConnections})
	kernel.Bind(app, kernel.Config{Mode: kernel.Dev})
	phi.Bind(app, ring)
	Bind(app)
	ok(t, app.Bootstrap())
	t.Cleanup(func() {
		_ = ring.Close()
		_ = app.ResetBootstrapState()
	})
	return app
}

func record(t testing.TB, app core.App, collection string, data map[string]any) *core.Record {
	t.Helper()
	r := core.NewRecord(must(app.FindCollectionByNameOrId(collection)))
	r.Load(data)
	return r
}

func create(t testing.TB, app core.App, collection string, data map[string]any) *core.Record {
	t.Helper()
	r := record(t, app, collection, data)
	ok(t, app.Save(r))
	return r
}

func newClient(t testing.TB, app core.App, name string) *core.Record {
	t.Helper()
	return create(t, app, "clients", map[string]any{"first_name": name, "last_name": "Test", "date_of_birth": "1980-01-02", "status": "active"})
}

func exec(app core.App, query string) error {
	_, err := app.NonconcurrentDB().NewQuery(query).Execute()
	return err
}

func count(t testing.TB, app core.App, from string) (n int) {
	t.Helper()
	ok(t, app.DB().Select("count(*)").From(from).Row(&n))
	return n
}

// row is one line as the table holds it.
type row struct {
	Seq          int64  `db:"seq"`
	At           string `db:"at"`
	ActorKind    string `db:"actor_kind"`
	ActorID      string `db:"actor_id"`
	Role         string `db:"role"`
	Session      string `db:"session_id"`
	Client       string `db:"client_id"`
	Action       string `db:"action"`
	ResourceType string `db:"resource_type"`
	ResourceID   string `db:"resource_id"`
	Result       string `db:"result"`
	ErrorCode    string `db:"error_code"`
	IP           string `db:"ip"`
	Agent        string `db:"agent"`
	Details      string `db:"details"`
}

func lines(t testing.TB, app core.App) []row {
	t.Helper()
	var all []row
	ok(t, app.ConcurrentDB().Select("*").From(table).OrderBy("seq").All(&all))
	return all
}

// newLines are those that do adds.
func newLines(t testing.TB, app core.App, do func()) []row {
	t.Helper()
	before := len(lines(t, app))
	do()
	return lines(t, app)[before:]
}

func actions(rows []row) string {
	var out []string
	for _, r := range rows {
		out = append(out, r.Action)
	}
	return strings.Join(out, " ")
}

func sqlDB(app core.App) Queryer { return app.ConcurrentDB().(*dbx.DB).DB() }

func verify(t testing.TB, app core.App) Head {
	t.Helper()
	head, err := Verify(context.Background(), sqlDB(app))
	ok(t, err)
	return head
}

// breakLog makes every further line fail, until the returned function is called.
func breakLog(t testing.TB, app core.App) func() {
	t.Helper()
	ok(t, exec(app, "CREATE TEMP TRIGGER broken BEFORE INSERT ON portal_audit_log BEGIN SELECT RAISE(ABORT, 'the log is broken'); END"))
	return func() { ok(t, exec(app, "DROP TRIGGER broken")) }
}

var desk = kernel.Actor{Kind: kernel.KindStaff, ID: "staffstaffstaff", Role: kernel.RoleFrontDesk, Session: "sessionsession1", IP: "203.0.113.7", Agent: "Browser/1.0"}

// serve runs the app's own router. A request with an X-Staff header counts as a member of staff with a session.
func serve(t testing.TB, app core.App, routes ...func(*core.ServeEvent)) string {
	t.Helper()
	router, err := apis.NewRouter(app)
	ok(t, err)
	event := &core.ServeEvent{App: app, Router: router}
	var handler http.Handler
	ok(t, app.OnServe().Trigger(event, func(e *core.ServeEvent) error {
		e.Router.Bind(&hook.Handler[*core.RequestEvent]{Priority: -500, Func: func(e *core.RequestEvent) error {
			if e.Request.Header.Get("X-Staff") != "" {
				kernel.SetCaller(e, &kernel.Caller{Actor: desk})
			}
			if e.HasSuperuserAuth() { // as the session check does
				kernel.SetCaller(e, &kernel.Caller{Actor: kernel.Actor{Kind: kernel.KindOwner, ID: e.Auth.Id, IP: e.RealIP()}})
			}
			return e.Next()
		}})
		for _, r := range routes {
			r(e)
		}
		mux, err := e.Router.BuildMux()
		handler = mux
		return err
	}))
	srv := httptest.NewServer(handler)
	t.Cleanup(srv.Close)
	return srv.URL
}

func call(t testing.TB, method, url, token string, body any) (int, map[string]any) {
	t.Helper()
	raw := []byte(nil)
	if body != nil {
		raw = must(json.Marshal(body))
	}
	req := must(http.NewRequest(method, url, bytes.NewReader(raw)))
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", token)
		req.Header.Set("X-Staff", "yes")
	}
	res, err := http.DefaultClient.Do(req)
	ok(t, err)
	defer res.Body.Close()
	answer := map[string]any{}
	text := must(io.ReadAll(res.Body))
	if len(text) > 0 && text[0] == '{' {
		ok(t, json.Unmarshal(text, &answer))
	}
	return res.StatusCode, answer
}

func staffToken(t testing.TB, app core.App, role string) string {
	t.Helper()
	r := record(t, app, "staff", map[string]any{"first_name": "Dee", "last_name": "Desk", "role": role, "is_active": true})
	r.SetEmail(role + "@clinic.example")
	r.SetPassword("correct horse battery")
	ok(t, app.Save(r))
	return must(r.NewAuthToken())
}
