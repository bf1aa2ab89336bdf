package phi

import (
	"bytes"
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
	"github.com/pocketbase/pocketbase/tools/types"
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

func newKey() []byte {
	key := make([]byte, keySize)
	rand.Read(key)
	return key
}

func newRing(t testing.TB) *Keyring {
	t.Helper()
	ring, err := OpenKeyring(filepath.Join(t.TempDir(), "keys", "keys.db"), newKey())
	ok(t, err)
	t.Cleanup(func() { _ = ring.Close() })
	return ring
}

// newApp is a clinic in miniature: staff, clients with an encrypted field of their own, and notes whose encrypted
// fields come before the relation that owns them.
func newApp(t testing.TB) (*core.BaseApp, *Keyring) {
	t.Helper()
	ring := newRing(t)
	app := startApp(t, filepath.Join(t.TempDir(), "pb_data"), ring)

	staff := core.NewAuthCollection("staff")
	staff.Fields.Add(&core.TextField{Name: "role"})
	ok(t, app.Save(staff))

	anyStaff := types.Pointer(`@request.auth.collectionName = "staff"`)
	clinicians := types.Pointer(`@request.auth.role = "clinician"`)

	clients := core.NewBaseCollection("clients")
	clients.Fields.Add(&core.TextField{Name: "name"})
	ok(t, clients.Fields.AddMarshaledJSON([]byte(`[{"type":"encrypted","name":"medical_history","kind":"json","owner":"id"}]`)))
	clients.ListRule, clients.ViewRule = anyStaff, anyStaff
	ok(t, app.Save(clients))

	notes := core.NewBaseCollection("notes")
	ok(t, notes.Fields.AddMarshaledJSON([]byte(`[
		{"type":"encrypted","name":"body","kind":"text","owner":"client","max":100,"required":true},
		{"type":"encrypted","name":"answers","kind":"json","owner":"client","max":200},
		{"type":"encrypted","name":"memo","kind":"text","owner":""}]`)))
	ok(t, notes.Fields.AddMarshaledJSON([]byte(`{"type":"encrypted","name":"secret","kind":"text","owner":"client","max":2000,"hidden":true}`)))
	notes.Fields.Add(&core.TextField{Name: "plain"},
		&core.RelationField{Name: "client", CollectionId: clients.Id, MaxSelect: 1, Required: true},
		&core.FileField{Name: "pdf", MaxSelect: 1, MaxSize: 1 << 20})
	notes.ListRule, notes.ViewRule, notes.CreateRule, notes.UpdateRule = clinicians, clinicians, clinicians, clinicians
	ok(t, app.Save(notes))
	return app, ring
}

func startApp(t testing.TB, dir string, ring *Keyring) *core.BaseApp {
	t.Helper()
	app := core.NewBaseApp(core.BaseAppConfig{DataDir: dir, DBConnect: func(path string) (*dbx.DB, error) {
		return dbx.Open("sqlite", path+"?_txlock=immediate&_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=foreign_keys(ON)")
	}})
	Bind(app, ring)
	ok(t, app.Bootstrap())
	t.Cleanup(func() { _ = app.ResetBootstrapState() })
	return app
}

func create(t testing.TB, app core.App, collection string, data map[string]any) *core.Record {
	t.Helper()
	r := core.NewRecord(must(app.FindCollectionByNameOrId(collection)))
	r.Load(data)
	ok(t, app.Save(r))
	return r
}

func find(t testing.TB, app core.App, collection, id string) *core.Record {
	t.Helper()
	r, err := app.FindRecordById(collection, id)
	ok(t, err)
	return r
}

// stored is the column itself.
func stored(t testing.TB, app core.App, collection, id, column string) string {
	t.Helper()
	var s string
	ok(t, app.DB().Select(column).From(collection).Where(dbx.HashExp{"id": id}).Row(&s))
	return s
}

func exec(app core.App, query string, params dbx.Params) error {
	_, err := app.NonconcurrentDB().NewQuery(query).Bind(params).Execute()
	return err
}

func keysOf(t testing.TB, ring *Keyring, subject string) int {
	t.Helper()
	var n int
	ok(t, ring.db.QueryRow("SELECT count(*) FROM data_keys WHERE subject = ?", subject).Scan(&n))
	return n
}

func serve(t testing.TB, app core.App) string {
	t.Helper()
	router, err := apis.NewRouter(app)
	ok(t, err)
	mux, err := router.BuildMux()
	ok(t, err)
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return srv.URL
}

func call(t testing.TB, method, url, token string, body any) (int, map[string]any) {
	t.Helper()
	raw := must(json.Marshal(body))
	if body == nil {
		raw = nil
	}
	req := must(http.NewRequest(method, url, bytes.NewReader(raw)))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", token)
	return send(t, req)
}

func send(t testing.TB, req *http.Request) (int, map[string]any) {
	t.Helper()
	res, err := http.DefaultClient.Do(req)
	ok(t, err)
	defer res.Body.Close()
	raw := must(io.ReadAll(res.Body))
	out := map[string]any{}
	if len(raw) > 0 && raw[0] == '{' {
		ok(t, json.Unmarshal(raw, &out))
	}
	return res.StatusCode, out
}

// fieldCode is the code of one field's error in PocketBase's answer.
func fieldCode(answer map[string]any, field string) string {
	data, _ := answer["data"].(map[string]any)
	f, _ := data[field].(map[string]any)
	code, _ := f["code"].(string)
	return code
}

func tokenFor(t testing.TB, app core.App, role string) string {
	t.Helper()
	r := core.NewRecord(must(app.FindCollectionByNameOrId("staff")))
	r.SetEmail(role + "@clinic.example")
	r.SetPassword("correct horse battery")
	r.Set("role", role)
	ok(t, app.Save(r))
	return must(r.NewAuthToken())
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func contains(t testing.TB, what string, err error, part string) {
	t.Helper()
	if !strings.Contains(errText(err), part) {
		t.Errorf("%s: error %q does not say %q", what, errText(err), part)
	}
}

// SealBytes seals plain under the subject's active key, as a cell does. Only tests do so: a rotation of keys finds what
// lies in encrypted columns and in registered files, and nothing else.
func (k *Keyring) SealBytes(subject, place string, plain []byte) (string, error) {
	key, err := k.forWriting(subject)
	if err != nil {
		return "", err
	}
	return key.sealText(plain, bind("bytes", place, key.id)), nil
}

// OpenBytes opens what SealBytes made: ErrDamaged, ErrErased, or an error about keys.db.
func (k *Keyring) OpenBytes(subject, place, sealed string) ([]byte, error) {
	keyID, body, ok := splitSealed(sealed)
	if !ok {
		return nil, ErrDamaged
	}
	key, err := k.known(keyID, subject)
	if err != nil {
		return nil, err
	}
	return key.openText(body, bind("bytes", place, key.id))
}
