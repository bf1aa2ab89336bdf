package demo

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"
	_ "github.com/pocketbase/pocketbase/migrations"

	"anteroom/hooks"
	"anteroom/hooks/kernel"
	"anteroom/hooks/phi"
	_ "anteroom/pb_migrations"
)

// start furnishes a demo clinic as the program does, without listening.
func start(t *testing.T, dir string) (core.App, http.Handler, func()) {
	t.Helper()
	ring, err := phi.OpenKeyring(filepath.Join(dir+".keys", "keys.db"), bytes.Repeat([]byte{3}, 32))
	if err != nil {
		t.Fatal(err)
	}
	app := core.NewBaseApp(core.BaseAppConfig{DataDir: dir, DBConnect: kernel.DBConnect})
	cfg := kernel.Config{Mode: kernel.Demo, Version: "test", PublicURL: "http://127.0.0.1:8090"}
	if err := Prepare(app, &cfg); err != nil {
		t.Fatal(err)
	}
	hooks.Register(app, hooks.Options{Config: cfg, Keyring: ring})
	Bind(app)
	if err := app.Bootstrap(); err != nil {
		t.Fatal(err)
	}
	if err := app.RunAllMigrations(); err != nil {
		t.Fatal(err)
	}
	r, err := apis.NewRouter(app)
	if err != nil {
		t.Fatal(err)
	}
	var h http.Handler
	if err := app.OnServe().Trigger(&core.ServeEvent{App: app, Router: r, Server: &http.Server{}}, func(e *core.ServeEvent) error {
		h, err = e.Router.BuildMux()
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return app, h, func() {
		if err := app.OnTerminate().Trigger(&core.TerminateEvent{App: app}, func(e *core.TerminateEvent) error { return e.App.ResetBootstrapState() }); err != nil {
			t.Error(err)
		}
	}
}

// TestTheDemoKeepsItsContract: what tools rely on is in demo.json, and a second start reuses it.
func TestTheDemoKeepsItsContract(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "demo")
	app, h, stop := start(t, dir)
	raw, err := os.ReadFile(filepath.Join(dir, "demo.json"))
	if err != nil {
		t.Fatal(err)
	}
	if fi, err := os.Stat(filepath.Join(dir, "demo.json")); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("demo.json holds passwords: %v %v", fi.Mode(), err)
	}
	var d Details
	if err := json.Unmarshal(raw, &d); err != nil {
		t.Fatal(err)
	}
	if len(d.Clients) < 2 || len(d.Unregistered) < 3 || len(d.Strangers) == 0 || d.StripeWebhookSecret == "" || d.BaseURL == "" {
		t.Fatalf("%s", raw)
	}
	waiting, err := app.FindRecordsByFilter("uploads", "scan = 'not_scanned' && mime = 'application/pdf'", "", 0, 0)
	if r, errClient := app.FindRecordById("clients", d.Clients[0].ClientID); err != nil || len(waiting) != 1 || errClient != nil || r.GetString("avatar") == "" {
		t.Errorf("%d files wait for the desk: %v", len(waiting), err)
	}
	roles, child := map[string]bool{}, false
	var emails []string
	for _, s := range d.Staff {
		roles[s.Role] = true
		emails = append(emails, s.Email)
	}
	for _, c := range d.Clients {
		child = child || len(c.ActsFor) > 0
		emails = append(emails, c.Email)
		for collection, filter := range map[string]string{"appointments": "status = 'confirmed'", "portal_forms": "status = 'pending'", "invoices": "status = 'open'", "payments": "status = 'succeeded'"} {
			n, err := app.FindRecordsByFilter(collection, filter+" && client = '"+c.ClientID+"'", "", 0, 0)
			if err != nil || len(n) == 0 {
				t.Errorf("%s has no %s with %s: %v", c.FirstName, collection, filter, err)
			}
		}
	}
	if len(roles) != 4 || !child {
		t.Errorf("roles %v, somebody acts for a child: %v", roles, child)
	}
	for _, e := range append(emails, d.Owner.Email, d.Strangers[0].Email, d.Unregistered[0].Email) {
		if !strings.HasSuffix(e, ".example") {
			t.Errorf("%s could be somebody's", e)
		}
	}
	signIn := func(h http.Handler) int {
		body := strings.NewReader(`{"email":"` + d.Clients[0].Email + `","password":"` + d.Clients[0].Password + `"}`)
		req := httptest.NewRequest("POST", kernel.Portal+"/auth/login", body)
		req.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, req)
		return w.Code
	}
	if code := signIn(h); code != http.StatusOK {
		t.Fatalf("sign in: %d", code)
	}
	before, err := app.CountRecords("appointments")
	if err != nil {
		t.Fatal(err)
	}
	stop()

	app, h, stop = start(t, dir)
	defer stop()
	if n, err := app.CountRecords("appointments"); err != nil || n != before {
		t.Errorf("the second start has %d visits, the first had %d: %v", n, before, err)
	}
	if code := signIn(h); code != http.StatusOK {
		t.Errorf("sign in after the second start: %d", code)
	}
}

func TestTheDemoRefusesARealClinic(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "data.db"), []byte("a clinic"), 0o600); err != nil {
		t.Fatal(err)
	}
	app := core.NewBaseApp(core.BaseAppConfig{DataDir: dir})
	cfg := kernel.Config{Mode: kernel.Demo}
	if err := Prepare(app, &cfg); err == nil {
		t.Fatal("the demo moved into a real clinic")
	}
	if _, err := os.Stat(filepath.Join(dir, "demo.json")); err == nil {
		t.Fatal("a refused start left a file")
	}
}

// TestTheDemoKeepsItsHours: each visit to come could be booked at its own time, had it not been yet.
func TestTheDemoKeepsItsHours(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "demo")
	app, h, stop := start(t, dir)
	defer stop()
	d, err := read(app)
	if err != nil {
		t.Fatal(err)
	}
	ask := func(method, path, token string, body any, into any) {
		t.Helper()
		raw, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		req := httptest.NewRequest(method, path, bytes.NewReader(raw))
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Authorization", token)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, req)
		if err := json.Unmarshal(w.Body.Bytes(), into); err != nil || w.Code != http.StatusOK {
			t.Fatalf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	var session struct{ Token string }
	ask("POST", "/api/collections/staff/auth-with-password", "", map[string]string{"identity": d.Staff[0].Email, "password": d.Staff[0].Password}, &session)

	visits, err := app.FindRecordsByFilter("appointments", "(status = 'confirmed' || status = 'scheduled') && start_time > {:now}", "", 0, 0,
		map[string]any{"now": kernel.Now(app).UTC().Format("2006-01-02 15:04:05.000Z")})
	if err != nil || len(visits) < 8 {
		t.Fatal(len(visits), err)
	}
	for _, v := range visits {
		day := v.GetString("local_date")
		query := url.Values{"clientId": {v.GetString("client")}, "serviceId": {v.GetString("service")}, "clinicianId": {v.GetString("clinician")},
			"locationId": {v.GetString("location")}, "serviceLocation": {strings.ToUpper(v.GetString("service_location"))}, "from": {day}, "to": {day}, "except": {v.Id}}
		var answer json.RawMessage
		ask("GET", kernel.Desk+"/availability?"+query.Encode(), session.Token, nil, &answer)
		if start := v.GetDateTime("start_time").Time().Format("2006-01-02T15:04:05Z"); !strings.Contains(string(answer), `"`+start+`"`) {
			t.Errorf("the visit on %s at %s could not be booked: %s", day, v.GetString("local_start"), answer)
		}
	}
}
