package hooks_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"image"
	"image/png"
	"io/fs"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/hooks/kernel"
	"anteroom/hooks/testkit"
)

// TestNetTraps are the traps of PocketBase at the edge of the server, as in TestTraps.
func TestNetTraps(t *testing.T) {
	for _, x := range netTraps {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			w := &cut{Clinic: testkit.With(t, x.change), t: t}
			w.server = httptest.NewServer(w.Handler)
			defer func() { w.server.CloseClientConnections(); w.server.Close() }()
			x.try(w)
		})
	}
}

// wide is a picture that is small to send and large to unpack.
func wide(t *testing.T) []byte {
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 3000, 3000))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

var netTraps = []trap{
	{"PB18 no small picture is ever made from a large one", nil, func(w *cut) {
		var form bytes.Buffer
		m := multipart.NewWriter(&form)
		part, _ := m.CreateFormFile("logo", "logo.png")
		_, _ = part.Write(wide(w.t))
		_ = m.Close()
		settings, err := w.App.FindFirstRecordByFilter("clinic_settings", "id != ''")
		if err != nil {
			w.t.Fatal(err)
		}
		got := w.ask("PATCH", pb("clinic_settings", "records/"+settings.Id), w.As(w.t, testkit.OwnerEmail), form.String(), "Content-Type", m.FormDataContentType())
		if got.Status != 200 {
			w.t.Fatalf("%d %s", got.Status, got.Body)
		}
		settings = w.Find(w.t, "clinic_settings", settings.Id)
		whole := w.ask("GET", "/api/files/clinic_settings/"+settings.Id+"/"+settings.GetString("logo"), "", nil)
		for _, size := range []string{"100x100", "0x50", "50x50f", "1x1"} {
			thumb := w.ask("GET", "/api/files/clinic_settings/"+settings.Id+"/"+settings.GetString("logo")+"?thumb="+size, "", nil)
			if thumb.Status != 200 || !bytes.Equal(thumb.Body, whole.Body) {
				w.t.Errorf("%s: %d, %d bytes", size, thumb.Status, len(thumb.Body))
			}
		}
		_ = filepath.WalkDir(filepath.Join(w.App.DataDir(), "storage"), func(path string, _ fs.DirEntry, _ error) error {
			if strings.Contains(path, "thumbs_") {
				w.t.Errorf("made: %s", path)
			}
			return nil
		})
	}},
	{"PB28 PB31 guessing is counted for owners too, by ourselves", nil, func(w *cut) {
		if w.App.Settings().RateLimits.Enabled {
			w.t.Error("two limiters would contradict each other")
		}
		for _, who := range []string{"nobody@mail.example", testkit.OwnerEmail} {
			refused := false
			for range 30 {
				got := w.ask("POST", pb(core.CollectionNameSuperusers, "auth-with-password"), "", body{"identity": who, "password": "Wrong-Harbour-42"})
				if got.Status == 200 {
					w.t.Fatal("signed in by a guess")
				}
				refused = refused || got.Status == 429 || got.Status == 403
			}
			if !refused {
				w.t.Errorf("%s: thirty guesses were answered", who)
			}
		}
	}},
	{"PB39 nothing but JSON and uploads, at PocketBase's routes too", nil, func(w *cut) {
		form := "identity=" + testkit.AdaEmail + "&password=" + testkit.Password
		owner := w.As(w.t, testkit.OwnerEmail)
		for _, kind := range []string{"application/x-www-form-urlencoded", "text/plain", "text/plain; charset=utf-8", "application/xml", "application/jsonx", "application/octet-stream", "nonsense;;", ""} {
			w.untouched(func() {
				for _, r := range [][3]string{{"POST", pb("portal_users", "auth-with-password"), ""}, {"POST", kernel.Portal + "/auth/login", ""},
					{"PATCH", pb("clients", "records/"+testkit.Ada), owner}, {"POST", pb("clients", "records"), owner}, {"PATCH", "/api/settings", owner}, {"POST", "/api/realtime", ""},
					{"DELETE", pb("clients", "records/"+testkit.Ada), owner}, {"POST", kernel.Portal + "/stripe/webhook", ""}} {
					w.want(w.ask(r[0], r[1], r[2], form, "Content-Type", kind), 415, "UNSUPPORTED_MEDIA_TYPE")
				}
			})
		}
		for _, kind := range []string{"application/json", "application/json; charset=utf-8"} {
			w.want(w.ask("POST", pb("portal_users", "auth-with-password"), "", body{"identity": testkit.AdaEmail, "password": testkit.Password}, "Content-Type", kind), 200, "")
		}
	}},
	{"PB39 another site's page changes nothing", func(cfg *kernel.Config) { cfg.PublicURL = "https://portal.example" }, func(w *cut) {
		desk, signIn := w.As(w.t, testkit.DeskEmail), body{"identity": testkit.AdaEmail, "password": testkit.Password}
		for _, from := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Sec-Fetch-Site", "cross-site", "Origin", "null"}, {"Origin", "null"},
			{"Origin", "https://evil.example"}, {"Origin", "https://portal.example.evil.example"}, {"Origin", "http://portal.example"}} {
			w.untouched(func() {
				for _, r := range [][3]string{{"POST", pb("portal_users", "auth-with-password"), ""}, {"POST", kernel.Portal + "/auth/login", ""}, {"PATCH", pb("clients", "records/"+testkit.Ada), desk},
					{"DELETE", pb("rooms", "records/x"), desk}, {"POST", "/dev/clock", ""}} {
					w.want(w.ask(r[0], r[1], r[2], signIn, from...), 403, "CROSS_SITE")
				}
			})
		}
		for _, from := range [][]string{{}, {"Sec-Fetch-Site", "same-origin", "Origin", "https://portal.example"}, {"Origin", "https://portal.example"}, {"Origin", "http://example.com"}, {"Sec-Fetch-Site", "none"}} {
			w.want(w.ask("POST", pb("portal_users", "auth-with-password"), "", signIn, from...), 200, "")
		}
		// those whom others send on purpose are not held up here
		back := w.ask("POST", "/api/oauth2-redirect", "", "state=x&code=y", "Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "cross-site", "Origin", "https://appleid.apple.com")
		if back.Status != http.StatusSeeOther {
			w.t.Errorf("the return from a sign-in elsewhere: %d %s", back.Status, back.Body)
		}
		if event := w.ask("POST", kernel.Portal+"/stripe/webhook", "", body{}, "Sec-Fetch-Site", "cross-site"); event.Status == 403 {
			w.t.Errorf("the processor: %d %s", event.Status, event.Body)
		}
		if read := w.ask("GET", kernel.Portal+"/config", "", nil, "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"); read.Status != 200 || read.Header.Get("Access-Control-Allow-Origin") != "" {
			w.t.Errorf("reading without being let read: %d %v", read.Status, read.Header)
		}
	}},
	{"PB40 a commit is on the disk before it is acknowledged", nil, func(w *cut) {
		for name, db := range map[string]dbx.Builder{"write": w.App.NonconcurrentDB(), "read": w.App.ConcurrentDB(), "auxiliary": w.App.AuxNonconcurrentDB()} {
			for pragma, want := range map[string]string{"synchronous": "2", "journal_mode": "wal", "foreign_keys": "1", "busy_timeout": "10000", "recursive_triggers": "1"} {
				var is string
				if err := db.NewQuery("PRAGMA " + pragma).Row(&is); err != nil || is != want {
					w.t.Errorf("%s: %s is %s, want %s (%v)", name, pragma, is, want, err)
				}
			}
		}
	}},
	{"PB41 the clinic never stands still for a backup of PocketBase's", nil, func(w *cut) {
		owner := w.As(w.t, testkit.OwnerEmail)
		if cron := w.App.Settings().Backups.Cron; cron != "" {
			w.t.Error(cron)
		}
		for _, r := range [][2]string{{"POST", "/api/backups"}, {"POST", "/api/backups/upload"}, {"POST", "/api/backups/x/restore"}} {
			w.want(w.ask(r[0], r[1], owner, body{"name": "mine.zip"}), 403, "CLOSED")
		}
		w.want(w.ask("PATCH", "/api/settings", owner, body{"backups": body{"cron": "* * * * *", "cronMaxKeep": 3}}), 403, "FROM_ENVIRONMENT")
		if cron := w.App.Settings().Backups.Cron; cron != "" {
			w.t.Error(cron)
		}
	}},
	{"PB46 nobody is told that a broken server is well", nil, func(w *cut) {
		w.want(w.ask("GET", "/api/health", "", nil), 200, "")
		if err := w.Keyring.Close(); err != nil {
			w.t.Fatal(err)
		}
		// looks are kept; another clinic's first look finds it
		other := testkit.New(w.t)
		if _, err := other.App.NonconcurrentDB().NewQuery("PRAGMA query_only = ON").Execute(); err != nil {
			w.t.Fatal(err)
		}
		if got := other.Do(w.t, "GET", "/api/health", "", nil); got.Status != 503 || !strings.Contains(string(got.Body), `"code":503`) {
			w.t.Errorf("%d %s", got.Status, got.Body)
		}
	}},
	{"PB49 no password of mail or storage is stored or shown", nil, func(w *cut) {
		owner := w.As(w.t, testkit.OwnerEmail)
		for name, in := range map[string]body{
			"mail":    {"smtp": body{"enabled": true, "host": "smtp.example.com", "port": 587, "username": "u", "password": "hunter2hunter2"}},
			"storage": {"s3": body{"enabled": true, "bucket": "b", "region": "r", "endpoint": "https://s3.example.com", "accessKey": "a", "secret": "hunter2hunter2"}},
			"backups": {"backups": body{"cronMaxKeep": 3, "s3": body{"enabled": true, "bucket": "b", "region": "r", "endpoint": "https://s3.example.com", "accessKey": "a", "secret": "hunter2hunter2"}}},
		} {
			w.untouched(func() {
				if got := w.ask("PATCH", "/api/settings", owner, in); got.Status != 403 {
					w.t.Errorf("%s: %d %s", name, got.Status, got.Body)
				}
			})
		}
		// even our own code cannot: memory may hold one, the row does not
		s, err := w.App.Settings().Clone()
		if err != nil {
			w.t.Fatal(err)
		}
		s.SMTP.Password, s.S3.Secret, s.S3.AccessKey, s.Meta.AppName = "hunter2hunter2", "hunter2hunter2", "hunter2hunter2", "Kept"
		if err := w.App.Save(s); err != nil {
			w.t.Fatal(err)
		}
		var stored string
		if err := w.App.ConcurrentDB().NewQuery("SELECT group_concat(value) FROM _params").Row(&stored); err != nil || strings.Contains(stored, "hunter2") || !strings.Contains(stored, "Kept") {
			w.t.Errorf("%v %s", err, stored)
		}
		w.App.Settings().S3.Secret, w.App.Settings().SMTP.Password = "hunter2hunter2", "hunter2hunter2"
		if got := w.ask("GET", "/api/settings", owner, nil); got.Status != 200 || strings.Contains(string(got.Body), "hunter2") {
			w.t.Errorf("%d %s", got.Status, got.Body)
		}
	}},
	{"F26 large, deep and odd JSON is turned away", nil, func(w *cut) {
		owner := w.As(w.t, testkit.OwnerEmail)
		for name, x := range map[string]struct {
			in     string
			status []int
		}{
			"100 kB of password":   {`{"identity":"a","password":"` + strings.Repeat("x", 100<<10) + `"}`, []int{413}},
			"deep":                 {strings.Repeat("[", 30_000) + strings.Repeat("]", 30_000), []int{400}},
			"NaN":                  {`{"identity":NaN}`, []int{400}},
			"cut off":              {`{"identity":"a`, []int{400}},
			"a list":               {`[]`, []int{400}},
			"a number beyond all":  {`{"identity":1e999,"password":1}`, []int{400}},
			"half of a character":  {`{"identity":"\ud800","password":"x"}`, []int{400, 401}},
			"a name said twice":    {`{"identity":"a","identity":"b","password":"x"}`, []int{400, 401}},
			"many names":           {"{" + strings.Repeat(`"a":1,`, 9000) + `"b":1}`, []int{400, 401}},
			"nothing but a string": {`"x"`, []int{400}},
		} {
			w.untouched(func() {
				got := w.ask("POST", pb("portal_users", "auth-with-password"), "", x.in)
				if !strings.Contains(fmt.Sprint(x.status), fmt.Sprint(got.Status)) {
					w.t.Errorf("%s: %d %.200s", name, got.Status, got.Body)
				}
			})
		}
		w.untouched(func() {
			large := `{"last_name":"` + strings.Repeat("x", 5<<20) + `"}`
			w.want(w.ask("PATCH", pb("clients", "records/"+testkit.Ada), owner, large), 413, "BODY_TOO_LARGE")
			w.want(w.ask("PATCH", "/api/settings", owner, large), 413, "BODY_TOO_LARGE")
			w.want(w.ask("POST", "/api/realtime", "", large), 413, "BODY_TOO_LARGE")
			deep := `{"last_name":` + strings.Repeat(`{"a":`, 200_000) + "1" + strings.Repeat("}", 200_000) + "}"
			if got := w.ask("PATCH", pb("clients", "records/"+testkit.Ada), owner, deep); got.Status != 400 {
				w.t.Errorf("deep: %d %.200s", got.Status, got.Body)
			}
		})
		// a body that does not say how long it is
		r, err := http.NewRequest("POST", w.server.URL+pb("portal_users", "auth-with-password"), struct{ *strings.Reader }{strings.NewReader(`{"identity":"` + strings.Repeat("x", 1<<20) + `"}`)})
		if err != nil {
			w.t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.ContentLength = -1
		got, err := http.DefaultClient.Do(r)
		if err == nil {
			_ = got.Body.Close()
			if got.StatusCode != 413 && got.StatusCode != 400 {
				w.t.Errorf("of unknown length: %d", got.StatusCode)
			}
		}
	}},
}

// TestTransactionsHoldNobodyUp (PB42, PB43): one connection writes. Inside a transaction the app that opened it waits
// for itself, and whatever is slow holds up the whole clinic.
func TestTransactionsHoldNobodyUp(t *testing.T) {
	transactions := 0
	for _, s := range program(t) {
		ast.Inspect(s.file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			f, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || f.Sel.Name != "RunInTransaction" || len(call.Args) != 1 {
				return true
			}
			inside, ok := call.Args[0].(*ast.FuncLit)
			if !ok {
				return true
			}
			transactions++
			outer := text(f.X)
			tx := ""
			if names := inside.Type.Params.List[0].Names; len(names) == 1 {
				tx = names[0].Name
			}
			if tx == outer { // the name itself is hidden: nothing outside can be used
				return true
			}
			for _, fault := range outerUses(inside.Body, outer) {
				t.Errorf("%s: a transaction uses %s, which waits for the transaction", s.path, fault)
			}
			for _, path := range s.file.Imports {
				if path.Path.Value == `"net/http"` && usesHTTPClient(inside.Body) {
					t.Errorf("%s: a transaction speaks to the network", s.path)
				}
			}
			return true
		})
	}
	if transactions < 10 {
		t.Fatalf("only %d transactions were looked at", transactions)
	}
}

// text is a name or a chain of names, as written.
func text(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return text(e.X) + "." + e.Sel.Name
	}
	return ""
}

// outerUses finds what is asked of the outer app. Setting e.App to the transaction and back is how it is handed on.
func outerUses(body ast.Node, outer string) (found []string) {
	assigned := false
	ast.Inspect(body, func(n ast.Node) bool {
		if a, ok := n.(*ast.AssignStmt); ok {
			for _, left := range a.Lhs {
				assigned = assigned || text(left) == outer
			}
		}
		return true
	})
	if assigned {
		return nil
	}
	harmless := regexp.MustCompile(`^(Logger|Store|Settings|Cron|IsDev|DataDir)$`) // in memory
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if text(n.X) == outer && !harmless.MatchString(n.Sel.Name) && outer != "" {
				found = append(found, outer+"."+n.Sel.Name)
			}
			if text(n.X) == outer {
				return false
			}
		case *ast.CallExpr:
			for _, a := range n.Args {
				if outer != "" && text(a) == outer {
					found = append(found, outer+" in a call of "+text(n.Fun))
				}
			}
		}
		return true
	})
	return found
}

func usesHTTPClient(body ast.Node) (used bool) {
	ast.Inspect(body, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			switch name := text(s); name {
			case "http.Get", "http.Post", "http.DefaultClient", "http.Client", "http.NewRequest", "http.NewRequestWithContext":
				used = true
			}
		}
		return true
	})
	return used
}

// TestJobsMayOverlap (PB45): PocketBase's clock starts a job each time, whether the last has ended or not, and forgets
// what it missed. Every job of ours is one that may run twice and late.
func TestJobsMayOverlap(t *testing.T) {
	c := testkit.New(t)
	known := map[string]bool{}
	for _, j := range c.App.Cron().Jobs() {
		if !strings.HasPrefix(j.Id(), "anteroom_") {
			continue // PocketBase's own: it deletes old logs and tokens
		}
		known[j.Id()] = true
		done := make(chan struct{})
		for range 2 {
			go func() { j.Run(); done <- struct{}{} }()
		}
		<-done
		<-done
		before := c.Snapshot(t)
		j.Run()
		if c.Snapshot(t) != before {
			t.Errorf("%s changes something when it runs again", j.Id())
		}
	}
	if len(known) < 3 {
		t.Fatalf("jobs: %v", known)
	}
}
