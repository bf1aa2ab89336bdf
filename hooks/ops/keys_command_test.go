package ops_test

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/forms"
	"anteroom/hooks/kernel"
	"anteroom/hooks/ops"
	"anteroom/hooks/phi"
	"anteroom/hooks/testkit"
)

// keys runs "anteroom keys …" in the app.
func keys(t *testing.T, app core.App, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	cmd := ops.KeysCommand(app)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(t.Context())
	return out.String(), err
}

func raw(t *testing.T, app core.App, query string, params dbx.Params) {
	t.Helper()
	if _, err := app.NonconcurrentDB().NewQuery(query).Bind(params).Execute(); err != nil {
		t.Fatal(err)
	}
}

// cared gives Ada a medical history and a signed form with its document. It returns the form's id.
func cared(t *testing.T, c *testkit.Clinic) string {
	t.Helper()
	templates, err := forms.ImportBuiltIn(c.App)
	if err != nil {
		t.Fatal(err)
	}
	ada := c.Find(t, collections.Clients, testkit.Ada)
	ada.Set("medical_history", map[string]any{"note": "only Ada's"})
	if err := c.App.Save(ada); err != nil {
		t.Fatal(err)
	}
	form := c.Add(t, collections.PortalForms, map[string]any{"client": testkit.Ada, "template": templates["phq-9"], "due_date": "2026-12-20"}).Id
	code := func(s string) map[string]string { return map[string]string{"code": s} }
	r := c.Do(t, "POST", kernel.Portal+"/forms/"+form+"/submit", c.As(t, testkit.AdaEmail), map[string]any{"attestation": true, "responses": map[string]any{
		"/44250-9": code("LA6569-3"), "/44255-8": code("LA6570-1"), "/44259-0": code("LA6568-5"), "/44254-1": code("LA6571-9"),
		"/44251-7": code("LA6568-5"), "/44258-2": code("LA6568-5"), "/44252-5": code("LA6568-5"), "/44253-3": code("LA6569-3")}})
	if r.Status != 201 {
		t.Fatalf("%d %s", r.Status, r.Body)
	}
	c.Deliver()
	if r := c.Do(t, "GET", kernel.Portal+"/forms/"+form+"/pdf", c.As(t, testkit.AdaEmail), nil); r.Status != 200 || !bytes.HasPrefix(r.Body, []byte("%PDF")) {
		t.Fatalf("%d %.100s", r.Status, r.Body)
	}
	return form
}

func auditLines(t *testing.T, c *testkit.Clinic, action string) (states []string) {
	t.Helper()
	err := c.App.ConcurrentDB().NewQuery("SELECT json_extract(details, '$.state') FROM portal_audit_log WHERE action = {:a} AND resource_type = 'KEY' ORDER BY seq").
		Bind(dbx.Params{"a": action}).Column(&states)
	if err != nil {
		t.Fatal(err)
	}
	return states
}

// The real schema with its frozen tables: all of it is sealed anew, and as frozen as before.
func TestRotatingTheDataKeys(t *testing.T) {
	c := testkit.New(t)
	form := cared(t, c)
	triggers := func() (out []string) {
		if err := c.App.ConcurrentDB().NewQuery("SELECT name || sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name").Column(&out); err != nil {
			t.Fatal(err)
		}
		return out
	}
	frozen := func() (n int) {
		for _, q := range []string{"UPDATE form_submissions SET responses = responses", "UPDATE form_pdfs SET file = file"} {
			if _, err := c.App.NonconcurrentDB().NewQuery(q).Execute(); err != nil && strings.Contains(err.Error(), "frozen") {
				n++
			}
		}
		return n
	}
	before := triggers()
	out, err := keys(t, c.App, "rotate")
	if err != nil || !strings.Contains(out, "data keys were replaced") || !strings.Contains(out, "1 of 1 files") {
		t.Fatalf("%v\n%s", err, out)
	}
	if after := triggers(); strings.Join(after, "\n") != strings.Join(before, "\n") || frozen() != 2 {
		t.Errorf("triggers:\n%s", strings.Join(after, "\n"))
	}
	if got := strings.Join(auditLines(t, c, "ROTATE_KEYS"), " "); got != "begun done" {
		t.Errorf("audit lines: %s", got)
	}
	s, err := phi.StateOf(c.App)
	if err != nil || s.OldValues != 0 || s.OldKeys != 0 || s.Unfinished {
		t.Errorf("%+v %v", s, err)
	}
	var history struct{ Note string }
	if err := phi.Unmarshal(c.Find(t, collections.Clients, testkit.Ada), "medical_history", &history); err != nil || history.Note != "only Ada's" {
		t.Errorf("%q %v", history.Note, err)
	}
	ada := c.As(t, testkit.AdaEmail)
	if r := c.Do(t, "GET", kernel.Portal+"/forms/"+form, ada, nil); r.Status != 200 || !bytes.Contains(r.Body, []byte("LA6569-3")) {
		t.Errorf("the signed form: %d %s", r.Status, r.Body)
	}
	if r := c.Do(t, "GET", kernel.Portal+"/forms/"+form+"/pdf", ada, nil); r.Status != 200 || !bytes.HasPrefix(r.Body, []byte("%PDF")) {
		t.Errorf("its document: %d", r.Status)
	}
	out, err = keys(t, c.App, "show")
	if err != nil || !strings.Contains(out, c.Keyring.Fingerprint()) || !strings.Contains(out, "0 values, 0 old keys") || strings.Contains(out, "0707") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestRecordsAreErasedOnlyAfterTheirTime(t *testing.T) {
	c := testkit.New(t)
	form := cared(t, c)
	file := filepath.Join(t.TempDir(), "certificate.pdf")
	refused := func(reason string) {
		t.Helper()
		before := c.Snapshot(t)
		for _, yes := range []string{"--yes=true", "--yes=false"} {
			_, err := keys(t, c.App, "destroy", "--client", testkit.Ada, "--certificate", file, yes)
			if err == nil || !strings.Contains(err.Error(), reason) {
				t.Errorf("want %q: %v", reason, err)
			}
		}
		if c.Snapshot(t) != before || len(auditLines(t, c, "DESTROY_KEY")) != 0 {
			t.Error("a refusal changed something")
		}
		if entries, _ := os.ReadDir(filepath.Dir(file)); len(entries) != 0 {
			t.Error("a refusal left a file")
		}
	}
	refused("logins can still act")
	raw(t, c.App, "UPDATE client_access SET expires_at = '2026-12-08 00:00:00.000Z' WHERE client = {:c}", dbx.Params{"c": testkit.Ada})
	c.Advance(48 * time.Hour)
	refused("must be kept until December 7, 2033: the last care was on December 7, 2026")

	year := 365 * 24 * time.Hour
	kernel.SetNow(c.App, testkit.Monday.Add(6*year))
	later := c.Add(t, "invoices", map[string]any{"client": testkit.Ada, "status": "draft", "currency": "usd"}).Id
	raw(t, c.App, "UPDATE invoices SET status = 'open', created = '2026-12-01 00:00:00.000Z', issued_on = '2030-01-01' WHERE id = {:id}", dbx.Params{"id": later})
	refused("invoices of this client are not paid")
	raw(t, c.App, "UPDATE invoices SET status = 'void' WHERE id = {:id}", dbx.Params{"id": later})
	kernel.SetNow(c.App, time.Date(2033, 12, 31, 12, 0, 0, 0, time.UTC))
	refused("must be kept until ") // the invoice counts
	zone := collections.Settings(c.App).Zone()
	kernel.SetNow(c.App, time.Date(2037, 1, 1, 23, 59, 0, 0, zone)) // the last evening of it
	raw(t, c.App, "UPDATE clients SET date_of_birth = '2012-05-05' WHERE id = {:c}", dbx.Params{"c": testkit.Ada})
	refused("must be kept until May 5, 2037") // a minor at that time
	kernel.SetNow(c.App, time.Date(2037, 5, 5, 23, 59, 0, 0, zone))
	refused("must be kept until May 5, 2037")
	kernel.SetNow(c.App, time.Date(2037, 5, 6, 0, 0, 0, 0, zone))

	// what it would do is shown first
	before := c.Snapshot(t)
	out, err := keys(t, c.App, "destroy", "--client", testkit.Ada, "--certificate", file)
	if err == nil || !strings.Contains(out, "form_submissions.responses") || !strings.Contains(out, "form_pdfs.file") || c.Snapshot(t) != before {
		t.Errorf("%v\n%s", err, out)
	}

	// a copy of the data of before
	backup := filepath.Join(t.TempDir(), "backup.db")
	raw(t, c.App, "VACUUM INTO {:f}", dbx.Params{"f": backup})
	column := c.Find(t, collections.Clients, testkit.Ada).Collection()
	cell := func() string {
		db, err := sql.Open("sqlite", backup)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		var s string
		if err := db.QueryRow("SELECT medical_history FROM clients WHERE id = ?", testkit.Ada).Scan(&s); err != nil {
			t.Fatal(err)
		}
		return s
	}
	openBackup := func() (string, error) {
		return phi.OpenCell(column.Id, testkit.Ada, column.Fields.GetByName("medical_history").GetId(), testkit.Ada, cell())
	}
	if s, err := openBackup(); err != nil || !strings.Contains(s, "only Ada's") {
		t.Fatalf("the backup: %q %v", s, err)
	}

	out, err = keys(t, c.App, "destroy", "--client", testkit.Ada, "--certificate", file, "--yes")
	if err != nil || !strings.Contains(out, "are destroyed") {
		t.Fatalf("%v\n%s", err, out)
	}
	pdf, err := os.ReadFile(file)
	if err != nil || !bytes.HasPrefix(pdf, []byte("%PDF")) {
		t.Fatalf("certificate: %v", err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("certificate: %v %v", info.Mode(), err)
	}
	if got := strings.Join(auditLines(t, c, "DESTROY_KEY"), " "); got != "begun done" {
		t.Errorf("audit lines: %s", got)
	}
	if _, err := openBackup(); !errors.Is(err, phi.ErrErased) {
		t.Errorf("the copy of before: %v", err)
	}

	// the portal goes on
	admin := c.As(t, testkit.AdminEmail)
	for _, path := range []string{"/api/collections/clients/records?filter=(id='" + testkit.Ada + "')", "/api/collections/form_submissions/records", "/api/collections/portal_forms/records"} {
		if r := c.Do(t, "GET", path, admin, nil); r.Status != 200 || bytes.Contains(r.Body, []byte("only Ada's")) {
			t.Errorf("%s: %d %s", path, r.Status, r.Body)
		}
	}
	ada := c.Find(t, collections.Clients, testkit.Ada)
	if shown, _ := json.Marshal(ada.Get("medical_history")); string(shown) != `{"unreadable":"erased"}` {
		t.Errorf("shown: %s", shown)
	}
	ada.Set("allergies", []string{"new"})
	if err := c.App.Save(ada); err == nil || !strings.Contains(err.Error(), "erased") {
		t.Errorf("writing: %v", err)
	}
	raw(t, c.App, "UPDATE client_access SET expires_at = '' WHERE client = {:c}", dbx.Params{"c": testkit.Ada})
	token := c.Fresh(t, testkit.AdaEmail)
	for _, path := range []string{"/forms/" + form + "/pdf", "/forms/" + form} {
		c.Do(t, "GET", kernel.Portal+path, token, nil).Refused(t, 409, "RECORD_ERASED")
	}
	for _, path := range []string{"/forms", "/appointments", "/profile"} {
		if r := c.Do(t, "GET", kernel.Portal+path, token, nil); r.Status != 200 {
			t.Errorf("%s: %d %s", path, r.Status, r.Body)
		}
	}

	// again: the certificate alone, and never in place of another file
	if _, err := keys(t, c.App, "destroy", "--client", testkit.Ada, "--certificate", file, "--yes"); err == nil || !strings.Contains(err.Error(), "is there already") {
		t.Errorf("over another file: %v", err)
	}
	if _, err := keys(t, c.App, "destroy", "--client", testkit.Ada, "--certificate", file+"2.pdf", "--yes"); err != nil {
		t.Errorf("once more: %v", err)
	}
	if got := strings.Join(auditLines(t, c, "DESTROY_KEY"), " "); got != "begun done" {
		t.Errorf("audit lines: %s", got)
	}
	if _, err := keys(t, c.App, "destroy", "--client", "nobody", "--certificate", file+"3.pdf", "--yes"); err == nil || !strings.Contains(err.Error(), "no client") {
		t.Errorf("nobody: %v", err)
	}
}

// The process ended after the keys were gone and before that was written down.
func TestAnErasureThatWasInterruptedIsFinished(t *testing.T) {
	c := testkit.New(t)
	cared(t, c)
	if err := c.Keyring.Destroy(testkit.Ada); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "certificate.pdf")
	if _, err := keys(t, c.App, "destroy", "--client", testkit.Ada, "--certificate", file, "--yes"); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(auditLines(t, c, "DESTROY_KEY"), " "); got != "done" {
		t.Errorf("audit lines: %s", got)
	}
	if _, err := os.Stat(file); err != nil {
		t.Error(err)
	}
}

func TestRotatingTheClinicKey(t *testing.T) {
	for name, cfg := range map[string]func(dir string) kernel.Config{
		"default file": func(string) kernel.Config { return kernel.Config{Mode: kernel.Dev} },
		"own file": func(dir string) kernel.Config {
			return kernel.Config{Mode: kernel.Dev, KeyFile: filepath.Join(dir, "own.key")}
		},
		"environment": func(string) kernel.Config {
			return kernel.Config{Mode: kernel.Dev, EncryptionKey: strings.Repeat("ab", 32)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			data, conf := filepath.Join(dir, "data"), cfg(dir)
			ring, err := ops.OpenKeys(conf, data, true)
			if err != nil {
				t.Fatal(err)
			}
			c := testkit.With(t, func(k *kernel.Config) { k.EncryptionKey, k.KeyFile = conf.EncryptionKey, conf.KeyFile })
			app := elsewhere{c.App, data, ring}
			app.bind()
			first := ring.Fingerprint()
			next := filepath.Join(dir, "next.key")

			out, err := keys(t, app, "rotate", "--clinic-key", next)
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			key, err := phi.LoadClinicKey("", next, false)
			if err != nil || ring.Fingerprint() != phi.Fingerprint(key) || ring.Fingerprint() == first {
				t.Errorf("the key in use: %v", err)
			}
			text, _ := os.ReadFile(next)
			if strings.Contains(out, strings.TrimSpace(string(text))) {
				t.Error("the key was shown")
			}
			if info, err := os.Stat(next); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%v %v", info, err)
			}
			if err := ring.Close(); err != nil {
				t.Fatal(err)
			}
			want := map[string]string{"default file": "nothing needs to be set", "own file": "ANTEROOM_KEY_FILE=" + next, "environment": "set PHI_ENCRYPTION_KEY to the content of " + next}[name]
			if !strings.Contains(out, want) {
				t.Errorf("it does not say %q:\n%s", want, out)
			}
			again, err := ops.OpenKeys(conf, data, false)
			if name == "default file" {
				if err != nil {
					t.Fatal(err)
				}
				if kept, _ := filepath.Glob(ops.KeysDir(data) + "/clinic.key.*.old"); len(kept) != 1 {
					t.Errorf("old keys: %v", kept)
				}
				_ = again.Close()
				return
			}
			if !errors.Is(err, phi.ErrWrongClinicKey) {
				t.Errorf("the old key still opens: %v", err)
			}
			if again, err = ops.OpenKeys(kernel.Config{KeyFile: next}, data, false); err != nil {
				t.Fatal(err)
			}
			_ = again.Close()
		})
	}
}

// elsewhere is the clinic's app with the keys of another directory.
type elsewhere struct {
	core.App
	dir  string
	ring *phi.Keyring
}

func (e elsewhere) DataDir() string { return e.dir }
func (e elsewhere) bind()           { e.Store().Set("anteroom/phi/keyring", e.ring) }

// The process ended after keys.db took the new key and before the default file did.
func TestANewClinicKeyThatDidNotReachItsFile(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	ring, err := ops.OpenKeys(kernel.Config{}, data, true)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(ops.KeysDir(data), "clinic.key")
	next, err := phi.LoadClinicKey("", file+".new", true)
	if err != nil {
		t.Fatal(err)
	}
	if err := ring.Close(); err != nil {
		t.Fatal(err)
	}
	before, _ := os.ReadFile(file)
	open := func() { // before keys.db took it: the old key is the right one
		t.Helper()
		if ring, err = ops.OpenKeys(kernel.Config{}, data, false); err != nil {
			t.Fatal(err)
		}
	}
	open()
	if now, _ := os.ReadFile(file); !bytes.Equal(now, before) {
		t.Error("the key in use was replaced")
	}
	if err := errors.Join(ring.RotateClinicKey(next), ring.Close()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		open()
		if ring.Fingerprint() != phi.Fingerprint(next) {
			t.Error("another key")
		}
		if err := ring.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(file + ".new"); !os.IsNotExist(err) {
		t.Error("the pending key is still there")
	}
}
