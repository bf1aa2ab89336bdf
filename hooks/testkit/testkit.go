// Package testkit gives every test a real clinic: the real database with its migrations, every hook of
// hooks.Register, the real router, and a handful of people. A clinic is furnished once per test binary and copied
// per test, so that a test starts in milliseconds and can break whatever it likes.
package testkit

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
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
	_ "github.com/pocketbase/pocketbase/migrations" // PocketBase's own tables

	"anteroom/hooks"
	"anteroom/hooks/kernel"
	"anteroom/hooks/outbox"
	"anteroom/hooks/phi"
	_ "anteroom/pb_migrations"
)

// Password signs in everybody in the clinic.
const Password = "Quiet-Harbour-42"

// WebhookSecret signs events for the test processor.
const WebhookSecret = "whsec_testkit"

// Ids of the furnished people and things: fixed, so that tests read well. Ada and Bo are adult clients with a login
// each and know nothing of each other. Cleo is a child for whom Ada acts. Uma is known to the clinic and not
// registered.
const (
	Ada       = "clientada000000"
	Bo        = "clientbo0000000"
	Cleo      = "clientcleo00000"
	Uma       = "clientuma000000"
	AdaLogin  = "loginada0000000"
	BoLogin   = "loginbo00000000"
	Owner     = "ownerowner00000"
	Location  = "location0000000"
	Ana       = "clinicianana000"
	Ben       = "clinicianben000"
	AnaStaff  = "staffana0000000"
	DeskStaff = "staffdesk000000"
	Admin     = "staffadmin00000"
	Billing   = "staffbilling000"
	Therapy   = "servicetherapy0" // 50 minutes and 10 after, on request
	Zone      = "America/Denver"
)

// E-mail addresses that sign in.
const (
	AdaEmail     = "ada@mail.example"
	BoEmail      = "bo@mail.example"
	UmaEmail     = "uma@mail.example"
	AnaEmail     = "ana@clinic.example"
	DeskEmail    = "desk@clinic.example"
	AdminEmail   = "admin@clinic.example"
	BillingEmail = "billing@clinic.example"
	OwnerEmail   = "owner@clinic.example"
)

// Monday is the instant at which every clinic's clock starts: Monday, 7 December 2026, 9:00 in Boulder.
var Monday = time.Date(2026, 12, 7, 16, 0, 0, 0, time.UTC)

// Clinic is one furnished app with its router.
type Clinic struct {
	App     core.App
	Handler http.Handler
	Keyring *phi.Keyring
	tokens  map[string]string
	mu      sync.Mutex
}

var template = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "anteroom-template")
	if err != nil {
		return "", err
	}
	app, _, err := open(dir, kernel.Config{}, nil)
	if err != nil {
		return "", err
	}
	if err := app.RunAllMigrations(); err != nil {
		return "", err
	}
	if err := furnish(app); err != nil {
		return "", err
	}
	if err := mutate(app, os.Getenv("ANTEROOM_MUTANT")); err != nil {
		return "", err
	}
	return dir, terminate(app)
})

// Main furnishes the template, runs the tests and removes it. Use it as TestMain where leftovers matter.
func Main(m *testing.M) {
	code := m.Run()
	if dir, err := template(); err == nil {
		_ = os.RemoveAll(dir)
	}
	os.Exit(code)
}

// New gives a furnished clinic of its own to one test.
func New(t testing.TB) *Clinic { return With(t, nil) }

// With is New with a changed configuration.
func With(t testing.TB, change func(*kernel.Config)) *Clinic {
	t.Helper()
	return furnished(t, nil, change)
}

// WithPages is New with a web app.
func WithPages(t testing.TB, pages fs.FS) *Clinic {
	t.Helper()
	return furnished(t, pages, nil)
}

func furnished(t testing.TB, pages fs.FS, change func(*kernel.Config)) *Clinic {
	t.Helper()
	from, err := template()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "data")
	if err := copyFiles(from, dir); err != nil {
		t.Fatal(err)
	}
	cfg := kernel.Config{Mode: kernel.Dev, Version: "test", PublicURL: "http://portal.example", StripeWebhookSecret: WebhookSecret}
	if change != nil {
		change(&cfg)
	}
	app, ring, err := open(dir, cfg, pages)
	if err != nil {
		t.Fatal(err)
	}
	c := &Clinic{App: app, Keyring: ring, tokens: map[string]string{}}
	t.Cleanup(func() {
		if err := terminate(app); err != nil {
			t.Errorf("end the clinic: %v", err)
		}
	})
	kernel.SetNow(app, Monday)
	if c.Handler, err = router(app); err != nil {
		t.Fatal(err)
	}
	return c
}

// open makes an app on a directory with everything registered, exactly as the program does.
func open(dir string, cfg kernel.Config, pages fs.FS) (core.App, *phi.Keyring, error) {
	ring, err := phi.OpenKeyring(filepath.Join(dir+".keys", "keys.db"), bytes.Repeat([]byte{7}, 32))
	if err != nil {
		return nil, nil, err
	}
	app := core.NewBaseApp(core.BaseAppConfig{DataDir: dir, DBConnect: kernel.DBConnect,
		DataMaxOpenConns: kernel.MaxConnections, DataMaxIdleConns: kernel.MaxConnections})
	hooks.Register(app, hooks.Options{Config: cfg, Keyring: ring, Public: pages})
	return app, ring, app.Bootstrap()
}

// router builds the handler that apis.Serve would listen with.
func router(app core.App) (http.Handler, error) {
	r, err := apis.NewRouter(app)
	if err != nil {
		return nil, err
	}
	var handler http.Handler
	event := &core.ServeEvent{App: app, Router: r, Server: &http.Server{ReadHeaderTimeout: 10 * time.Second}}
	err = app.OnServe().Trigger(event, func(e *core.ServeEvent) error {
		handler, err = e.Router.BuildMux()
		return err
	})
	return handler, err
}

func terminate(app core.App) error {
	return app.OnTerminate().Trigger(&core.TerminateEvent{App: app}, func(e *core.TerminateEvent) error { return e.App.ResetBootstrapState() })
}

func copyFiles(from, to string) error {
	for _, pair := range [][2]string{{from, to}, {from + ".keys", to + ".keys"}} {
		if err := os.MkdirAll(pair[1], 0o700); err != nil {
			return err
		}
		entries, err := os.ReadDir(pair[0])
		if err != nil {
			return err
		}
		for _, e := range entries {
			if e.IsDir() {
				continue
			}
			raw, err := os.ReadFile(filepath.Join(pair[0], e.Name()))
			if err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(pair[1], e.Name()), raw, 0o600); err != nil {
				return err
			}
		}
	}
	return nil
}

// Add writes a record as the system, with every hook and rule.
func (c *Clinic) Add(t testing.TB, collection string, values map[string]any) *core.Record {
	t.Helper()
	r, err := add(c.App, collection, values)
	if err != nil {
		t.Fatalf("add to %s: %v", collection, err)
	}
	return r
}

func add(app core.App, collection string, values map[string]any) (*core.Record, error) {
	col, err := app.FindCachedCollectionByNameOrId(collection)
	if err != nil {
		return nil, err
	}
	r := core.NewRecord(col)
	for k, v := range values {
		r.Set(k, v)
	}
	return r, kernel.SaveAs(app, kernel.System(), r)
}

// Find loads a record or fails the test.
func (c *Clinic) Find(t testing.TB, collection, id string) *core.Record {
	t.Helper()
	r, err := c.App.FindRecordById(collection, id)
	if err != nil {
		t.Fatalf("find %s %s: %v", collection, id, err)
	}
	return r
}

// Count counts rows.
func (c *Clinic) Count(t testing.TB, table, where string, params dbx.Params) int {
	t.Helper()
	var n int
	q := "SELECT count(*) FROM " + table
	if where != "" {
		q += " WHERE " + where
	}
	if err := c.App.ConcurrentDB().NewQuery(q).Bind(params).Row(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// Advance moves the clinic's clock.
func (c *Clinic) Advance(d time.Duration) { kernel.Advance(c.App, d) }

// Deliver works off the outbox now.
func (c *Clinic) Deliver() { outbox.Drain(context.Background(), c.App) }

// Mails gives what was delivered to an address, newest first.
func (c *Clinic) Mails(t testing.TB, to string) []outbox.Stored {
	t.Helper()
	c.Deliver()
	m, err := outbox.Mails(c.App, to, 100)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Texts gives the text messages that were delivered to a number, newest first.
func (c *Clinic) Texts(t testing.TB, to string) []outbox.StoredText {
	t.Helper()
	c.Deliver()
	m, err := outbox.Texts(c.App, to, 100)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// As signs somebody in by e-mail (a client, staff or the owner) and gives the token; once per test.
func (c *Clinic) As(t testing.TB, email string) string {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if tok := c.tokens[email]; tok != "" {
		return tok
	}
	collection := "portal_users"
	switch {
	case email == OwnerEmail:
		collection = core.CollectionNameSuperusers
	case strings.HasSuffix(email, "@clinic.example"):
		collection = "staff"
	}
	r := c.Do(t, "POST", "/api/collections/"+collection+"/auth-with-password", "", map[string]string{"identity": email, "password": Password})
	if r.Status != http.StatusOK {
		t.Fatalf("sign in %s: %d %s", email, r.Status, r.Body)
	}
	var out struct {
		Token string `json:"token"`
	}
	r.Into(t, &out)
	c.tokens[email] = out.Token
	return out.Token
}

// Fresh is As with a new session: after the clock moved, the old one may have ended.
func (c *Clinic) Fresh(t testing.TB, email string) string {
	t.Helper()
	c.mu.Lock()
	delete(c.tokens, email)
	c.mu.Unlock()
	return c.As(t, email)
}

// Limit changes one of the clinic's limits, as an admin would in the dashboard.
func (c *Clinic) Limit(t testing.TB, name string, most, seconds int) {
	t.Helper()
	r, err := c.App.FindFirstRecordByFilter("clinic_settings", "id != ''")
	if err != nil {
		t.Fatal(err)
	}
	r.Set("limits", map[string]any{name: map[string]int{"max": most, "seconds": seconds}})
	if err := c.App.Save(r); err != nil {
		t.Fatal(err)
	}
}

// Response is an answer with its body read.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// Do sends a request to the router. body is nothing, a string or []byte sent as it is, or anything that becomes
// JSON. headers are name, value, name, value.
func (c *Clinic) Do(t testing.TB, method, path, token string, body any, headers ...string) *Response {
	t.Helper()
	var reader io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(b)
	case []byte:
		reader = bytes.NewReader(b)
	default:
		raw, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		reader = bytes.NewReader(raw)
	}
	req := httptest.NewRequest(method, path, reader)
	if reader != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		req.Header.Set("Authorization", token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	c.Handler.ServeHTTP(w, req)
	got := &Response{w.Code, w.Header(), w.Body.Bytes()}
	checkContract(t, httptest.NewRequest(method, path, nil), got)
	return got
}

// Into reads the body as JSON.
func (r *Response) Into(t testing.TB, v any) {
	t.Helper()
	if err := json.Unmarshal(r.Body, v); err != nil {
		t.Fatalf("%v in %s", err, r.Body)
	}
}

// Data reads the envelope's data.
func (r *Response) Data(t testing.TB, v any) {
	t.Helper()
	var e struct {
		Success bool            `json:"success"`
		Data    json.RawMessage `json:"data"`
	}
	r.Into(t, &e)
	if !e.Success {
		t.Fatalf("%d: not a success: %s", r.Status, r.Body)
	}
	if err := json.Unmarshal(e.Data, v); err != nil {
		t.Fatalf("%v in %s", err, r.Body)
	}
}

// Failure is the error of the envelope.
type Failure struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Details struct {
		Reason string                       `json:"reason"`
		Fields map[string]kernel.FieldError `json:"fields"`
	} `json:"details"`
}

// Refused checks status and reason (or code when the answer has no reason) and gives the failure.
func (r *Response) Refused(t testing.TB, status int, reason string) Failure {
	t.Helper()
	var e struct {
		Success bool    `json:"success"`
		Message string  `json:"message"`
		Error   Failure `json:"error"`
	}
	r.Into(t, &e)
	got := e.Error.Details.Reason
	if got == "" {
		got = e.Error.Code
	}
	if r.Status != status || reason != "" && got != reason {
		t.Fatalf("got %d %s, want %d %s: %s", r.Status, got, status, reason, r.Body)
	}
	if e.Success || e.Message == "" || e.Error.Message == "" {
		t.Fatalf("a refusal needs a sentence: %s", r.Body)
	}
	return e.Error
}

// Snapshot counts the rows of every table, so that a test can show that a refused request touched nothing. The
// audit log is left out: a refusal leaves its line there.
func (c *Clinic) Snapshot(t testing.TB) string {
	t.Helper()
	var tables []string
	err := c.App.ConcurrentDB().NewQuery("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name").Column(&tables)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, name := range tables {
		switch name {
		case "portal_audit_log", "portal_sessions", "sign_in_failures", "server_heartbeat":
			continue
		}
		rows, err := c.App.ConcurrentDB().NewQuery("SELECT * FROM [[" + name + "]]").Rows()
		if err != nil {
			t.Fatal(err)
		}
		n, sum := 0, 0
		for rows.Next() {
			m := dbx.NullStringMap{}
			if err := rows.ScanMap(m); err != nil {
				t.Fatal(err)
			}
			n++
			for k, v := range m {
				for i, x := range []byte(k + "=" + v.String) {
					sum += (i + 1) * int(x)
				}
			}
		}
		_ = rows.Close()
		fmt.Fprintf(&b, "%s %d %d\n", name, n, sum)
	}
	return b.String()
}
