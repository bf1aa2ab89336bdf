package hooks_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/hooks/kernel"
	"anteroom/hooks/testkit"
)

const inventoryFile = "../docs/routes.md"

// endpoint is one method and pattern of the server, PocketBase's own included.
type endpoint struct{ method, pattern string }

// everyEndpoint walks the router that the server listens with. PocketBase keeps a group's children to itself, and
// shows no list of them.
func everyEndpoint(t *testing.T, app core.App) []endpoint {
	t.Helper()
	r, err := apis.NewRouter(app)
	if err != nil {
		t.Fatal(err)
	}
	event := &core.ServeEvent{App: app, Router: r, Server: &http.Server{ReadHeaderTimeout: time.Second}}
	if err := app.OnServe().Trigger(event, func(*core.ServeEvent) error { return nil }); err != nil {
		t.Fatal(err)
	}
	var out []endpoint
	var walk func(group reflect.Value, prefix string)
	walk = func(group reflect.Value, prefix string) {
		prefix += group.FieldByName("Prefix").String()
		children := group.FieldByName("children")
		for i := range children.Len() {
			child := children.Index(i).Elem().Elem()
			if child.FieldByName("children").IsValid() {
				walk(child, prefix)
				continue
			}
			e := endpoint{child.FieldByName("Method").String(), prefix + child.FieldByName("Path").String()}
			if e.method == "" {
				e.method = "any"
			}
			out = append(out, e)
		}
	}
	walk(reflect.ValueOf(r.RouterGroup).Elem(), "")
	slices.SortStableFunc(out, func(a, b endpoint) int { return strings.Compare(a.method+a.pattern, b.method+b.pattern) })
	out = slices.Compact(out)
	if len(out) < 120 {
		t.Fatalf("only %d routes: the walk no longer sees them all", len(out))
	}
	return out
}

// asker is a column of the table: who asks, and about whose row.
type asker struct {
	name, email string
	about       string // the client whose ids go into paths
	header      string // X-Client-Id
}

var everyAsker = []asker{
	{"nobody", "", testkit.Bo, ""},
	{"client", testkit.AdaEmail, testkit.Ada, ""},
	{"other client", testkit.AdaEmail, testkit.Bo, testkit.Bo},
	{"for billing", "payer@mail.example", testkit.Bo, testkit.Bo},
	{"clinician, own", testkit.AnaEmail, testkit.Ada, ""},
	{"clinician, other", "cam@clinic.example", testkit.Bo, ""},
	{"front desk", testkit.DeskEmail, testkit.Bo, ""},
	{"billing", testkit.BillingEmail, testkit.Bo, ""},
	{"admin", testkit.AdminEmail, testkit.Bo, ""},
	{"owner", testkit.OwnerEmail, testkit.Bo, ""},
}

// stage is a clinic for one asker.
type stage struct {
	*testkit.Clinic
	ids map[string]string
}

func newStage(t *testing.T, v asker) *stage {
	t.Helper()
	// the demo, because it has every route there is; its schema is fixed as in production
	c := testkit.With(t, func(cfg *kernel.Config) { cfg.Mode, cfg.PublicURL = kernel.Demo, "https://portal.example" })
	login := map[string]string{testkit.Ada: testkit.AdaLogin, testkit.Bo: testkit.BoLogin}[v.about]
	s := &stage{c, belongings(t, c, v.about, login)}
	s.ids["clients"] = v.about
	s.ids["services"], s.ids["clinicians"], s.ids["locations"] = testkit.Therapy, testkit.Ana, testkit.Location
	s.ids["request"] = c.Add(t, "appointments", map[string]any{"client": v.about, "service": testkit.Therapy, "location": testkit.Location,
		"status": "requested", "service_location": "in_office", "requested_via": "phone",
		"preferences": []map[string]string{{"date": "2026-12-21", "time": "10:00"}}, "reason_for_visit": "x"}).Id
	if v.name == "clinician, other" { // treats nobody
		c.Add(t, "staff", map[string]any{"id": "staffcam0000000", "email": v.email, "password": testkit.Password, "verified": true,
			"first_name": "Cam", "last_name": "Cole", "role": kernel.RoleClinician, "is_active": true})
		c.Add(t, "clinicians", map[string]any{"staff": "staffcam0000000", "first_name": "Cam", "last_name": "Cole", "is_active": true})
	}
	if v.name == "for billing" {
		c.Add(t, "portal_users", map[string]any{"id": "payerpayerpayer", "email": v.email, "password": testkit.Password, "verified": true, "account_status": "active"})
		c.Add(t, "client_access", map[string]any{"client": testkit.Bo, "portal_user": "payerpayerpayer", "relationship": "billing", "scope": "billing"})
	}
	return s
}

// authCollections are the collections that PocketBase's sign-in routes exist for; its other routes about a collection
// are asked about clients.
var authCollections = []string{"portal_users", "staff", core.CollectionNameSuperusers}

// address fills a pattern's parameters in, once for each collection that matters.
func (s *stage) addresses(e endpoint, owns string) []string {
	path := strings.NewReplacer("{path...}", "some/where", "{$}", "", "{jobId}", "nojob", "{key}", "none.zip", "{recordId}", s.ids["clients"],
		"{filename}", "none.txt").Replace(e.pattern)
	switch {
	case strings.Contains(path, "{collection}/records"), strings.Contains(path, "/files/"):
		path = strings.NewReplacer("{collection}", "clients", "{id}", s.ids["clients"]).Replace(path)
	case perCollection(e):
		path = strings.Replace(path, "{id}", s.ids["portal_users"], 1)
		var out []string
		for _, name := range authCollections {
			out = append(out, strings.Replace(path, "{collection}", name, 1))
		}
		return out
	case strings.Contains(path, "{collection}"):
		path = strings.Replace(path, "{collection}", "clients", 1)
	}
	id := s.ids[owns]
	if strings.Contains(path, "/requests/{id}") {
		id = s.ids["request"]
	}
	if id == "" {
		id = "unknownunknown0"
	}
	return []string{strings.Replace(path, "{id}", id, 1)}
}

// perCollection tells whether a route exists for every collection of accounts.
func perCollection(e endpoint) bool {
	return strings.Contains(e.pattern, "/collections/{collection}/") && !strings.Contains(e.pattern, "/records")
}

// verdict puts an answer into a word: the table says who is let in, not what a form must hold.
func verdict(status int) string {
	switch {
	case status < 400:
		return "yes"
	case status == http.StatusUnauthorized:
		return "sign in"
	case status == http.StatusForbidden:
		return "no"
	case status == http.StatusNotFound:
		return "none"
	case status == http.StatusMethodNotAllowed:
		return "none"
	case status < 500:
		return "asks" // let in, and asked for more
	}
	return fmt.Sprint(status)
}

// ask sends an empty request. A stream is left after a moment.
func (s *stage) ask(t *testing.T, v asker, method, path string) int {
	t.Helper()
	token := ""
	if v.email != "" {
		token = s.As(t, v.email)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	if method == http.MethodGet && (strings.HasSuffix(path, "/realtime") || strings.HasSuffix(path, "/stream")) {
		cancel()
		ctx, cancel = context.WithTimeout(t.Context(), 300*time.Millisecond)
	}
	defer cancel()
	body := bytes.NewReader(nil)
	if method != http.MethodGet && method != http.MethodHead {
		body = bytes.NewReader([]byte(`{"clientId":"` + v.about + `"}`))
	}
	r := httptest.NewRequestWithContext(ctx, method, path, body)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", "inventory")
	if token != "" {
		r.Header.Set("Authorization", token)
	}
	if v.header != "" {
		r.Header.Set("X-Client-Id", v.header)
	}
	w := httptest.NewRecorder()
	s.Handler.ServeHTTP(w, r)
	return w.Code
}

// lettingIn asks every route as one asker: by route, what became of it.
func lettingIn(t *testing.T, v asker, endpoints []endpoint, owns map[string]string) map[string]string {
	s, out := newStage(t, v), map[string]string{}
	for _, e := range endpoints {
		method := e.method
		if method == "any" {
			method = http.MethodGet
		}
		for i, path := range s.addresses(e, owns[e.method+" "+e.pattern]) {
			name := e.method + " " + e.pattern
			if perCollection(e) {
				name = e.method + " " + strings.Replace(e.pattern, "{collection}", authCollections[i], 1)
			}
			status := s.ask(t, v, method, path+questions[path])
			out[name] = verdict(status)
			if status < 400 && method != http.MethodGet {
				s = newStage(t, v) // what it changed must not decide about the next
			}
		}
	}
	return out
}

// TestEveryRouteIsInTheInventory asks every route of the server as everybody and compares who is let in with the table
// in docs/routes.md. A route that is not in it, one that is gone, and one that lets in somebody else each fail the build.
// With INVENTORY=write it writes the table, to be read before it is committed.
func TestEveryRouteIsInTheInventory(t *testing.T) {
	if testing.Short() {
		t.Skip("asks every route as everybody")
	}
	first := newStage(t, everyAsker[0])
	endpoints := everyEndpoint(t, first.App)
	owns := map[string]string{}
	for _, r := range kernel.Routes(first.App) {
		owns[r.Method+" "+r.Path] = r.Owns
	}
	// what only asks comes first, what ends things last
	order := []string{"GET", "any", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"}
	slices.SortStableFunc(endpoints, func(a, b endpoint) int {
		return slices.Index(order, a.method) - slices.Index(order, b.method)
	})

	columns := make([]map[string]string, len(everyAsker))
	t.Run("asked", func(t *testing.T) {
		for i, v := range everyAsker {
			t.Run(v.name, func(t *testing.T) {
				t.Parallel() // answers to strangers leave at a fixed time
				columns[i] = lettingIn(t, v, endpoints, owns)
			})
		}
	})
	if t.Failed() {
		return
	}

	var b strings.Builder
	b.WriteString("# Routes and who they let in\n\n" +
		"Every route of the server, PocketBase's own included, asked by everybody with an empty request in the demo. A test asks them again and\n" +
		"compares. **yes**: an answer. **asks**: let in, and told what is missing. **sign in**: 401. **no**: 403. **none**: 404, as if it did\n" +
		"not exist. Paths with an id name a row of the client that the column is about: of oneself, or of another client.\n\n")
	names := []string{}
	for _, v := range everyAsker {
		names = append(names, v.name)
	}
	b.WriteString("| route | " + strings.Join(names, " | ") + " |\n|" + strings.Repeat(" --- |", len(names)+1) + "\n")
	sorted := []string{}
	for name := range columns[0] {
		sorted = append(sorted, name)
	}
	slices.SortFunc(sorted, func(a, b string) int {
		_, x, _ := strings.Cut(a, " ")
		_, y, _ := strings.Cut(b, " ")
		if x != y {
			return strings.Compare(x, y)
		}
		return strings.Compare(a, b)
	})
	for _, name := range sorted {
		b.WriteString("| `" + name + "`")
		for _, column := range columns {
			b.WriteString(" | " + column[name])
		}
		b.WriteString(" |\n")
	}

	if os.Getenv("INVENTORY") == "write" {
		if err := os.WriteFile(inventoryFile, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(inventoryFile)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != b.String() {
		t.Errorf("docs/routes.md is not what the server does:\n%s", difference(string(want), b.String()))
	}
}
