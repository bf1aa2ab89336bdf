package hooks_test

import (
	"anteroom/hooks/forms"
	"anteroom/hooks/kernel"
	"archive/zip"
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"github.com/pocketbase/dbx"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"anteroom/hooks/phi"
	"anteroom/hooks/testkit"
)

// sealedWhat says what an encrypted field holds, for the table in docs/security.md.
var sealedWhat = map[string]string{
	"account_history.reason":           "why the clinic changed a sign-in",
	"appointment_history.reason":       "why a visit was moved or ended",
	"appointments.cancellation_reason": "why a visit was cancelled",
	"appointments.decline_reason":      "why the clinic declined, for staff",
	"appointments.guest_name":          "who comes with a client, without a record of their own",
	"appointments.message_to_client":   "what the clinic wrote about a visit",
	"appointments.patient_notes":       "what the client wrote about a visit",
	"appointments.reason_for_visit":    "why the client comes",
	"appointments.staff_notes":         "what staff noted about a visit",
	"appointments.telehealth_link":     "the address of a visit by video",
	"break_glass.reason":               "why somebody broke the glass",
	"clients.allergies":                "allergies",
	"clients.medical_history":          "conditions, medicines, operations",
	"form_submissions.responses":       "answers of a signed form",
	"form_submissions.score":           "its score",
	"form_submissions.signature":       "the signature, as text or picture",
	"form_submissions.signer_name":     "the name that was signed with",
	"idempotency_keys.response":        "a kept answer, for a day",
	"invoice_items.description":        "what is charged for",
	"invoices.notes":                   "notes on a bill",
	"mfa_factors.secret":               "the secret of an authenticator app",
	"outbox.payload":                   "mails and messages until they have left",
	"portal_forms.draft":               "answers that are not signed yet",
	"portal_notifications.message":     "what a client is told",
	"portal_notifications.title":       "its title",
	"treatment_notes.body":             "what a clinician noted about care",
	"treatment_notes.title":            "its title",
	"uploads.reason":                   "why staff let a file in or kept it out",
	"uploads.name":                     "what the sender called a file",
}

// TestInventoryOfEncryptedFields: docs/security.md names every encrypted field there is, with whose key it is under.
func TestInventoryOfEncryptedFields(t *testing.T) {
	c := testkit.New(t)
	var want []string
	for _, col := range everyCollection(t, c) {
		for _, f := range col.Fields {
			sealed, ok := f.(*phi.EncryptedField)
			if !ok {
				continue
			}
			name := col.Name + "." + sealed.Name
			if sealedWhat[name] == "" {
				t.Errorf("%s is in no inventory", name)
			}
			key := "the client's"
			if sealed.Owner == "" {
				key = "the clinic's"
			}
			want = append(want, "| `"+name+"` | "+sealedWhat[name]+" | "+key+" |")
			if !sealed.Hidden {
				t.Errorf("%s is not hidden", name)
			}
		}
	}
	slices.Sort(want)
	text, err := os.ReadFile("../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	got := regexp.MustCompile("(?m)^\\| `\\w+\\.\\w+` \\| .* \\| the (?:client|clinic)'s \\|$").FindAllString(string(text), -1)
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("docs/security.md lists\n%s\nand the schema holds\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if len(want) != len(sealedWhat) {
		t.Error("the inventory names fields that do not exist")
	}
}

// aviary plants strings that nothing else could have written, and finds them again.
type aviary struct {
	planted []string
	plain   map[string]bool // identity, which the inventory says lies readable in the database
}

func (a *aviary) one() string {
	a.planted = append(a.planted, fmt.Sprintf("zkanari%03dqvx", len(a.planted)))
	return a.planted[len(a.planted)-1]
}

func (a *aviary) many(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = a.one()
	}
	return out
}

func (a *aviary) identity() string {
	s := a.one()
	a.plain[s] = true
	return s
}

var bird = regexp.MustCompile(`(?i)zkanari[0-9]{3}qvx`)

// disguises are the string as it is and as encodings would write it, wherever in a text it stands.
var disguises = func() []string {
	raw := []byte("zkanari")
	out := []string{"zkanari", "ZKANARI", hex.EncodeToString(raw), strings.ToUpper(hex.EncodeToString(raw)), "z\x00k\x00a\x00n\x00a\x00r\x00i"}
	for shift := range 3 { // base64 of the string depends on where it begins
		text := base64.StdEncoding.EncodeToString(append(make([]byte, shift), raw...))
		from := []int{0, 2, 3}[shift]
		out = append(out, text[from:from+6])
	}
	return out
}()

// seenIn tells which birds a file shows. A name in base64 cannot be told apart, so it counts as "some".
func seenIn(raw []byte) []string {
	var out []string
	for _, b := range bird.FindAll(raw, -1) {
		if s := strings.ToLower(string(b)); !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	for _, d := range disguises[2:] {
		if bytes.Contains(raw, []byte(d)) {
			out = append(out, "some, encoded")
		}
	}
	return out
}

// recorder answers for a service on the internet and keeps what it was sent.
type recorder struct {
	mu   sync.Mutex
	sent bytes.Buffer
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	r.mu.Lock()
	fmt.Fprintf(&r.sent, "%s %s %v\n%s\n", req.Method, req.URL, req.Header, body)
	text, _ := url.QueryUnescape(string(body))
	r.sent.WriteString(text)
	r.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	switch {
	case strings.Contains(req.URL.Path, "payment_intents"):
		_, _ = io.WriteString(w, `{"id":"pi_1","object":"payment_intent","client_secret":"pi_1_secret_x","status":"requires_payment_method","amount":4500,"currency":"usd","livemode":false}`)
	case strings.Contains(req.URL.Path, "customers"):
		_, _ = io.WriteString(w, `{"id":"cus_1","object":"customer","livemode":false}`)
	default:
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"sid":"SM1","status":"queued"}`)
	}
}

// TestCanaries plants two hundred strings as people would, through the portal, the desk and the dashboard, and then
// looks for them in everything that outlives a request: the databases and their logs, storage, backups, keys, mails,
// text messages, what went to the payment processor, the program's own log.
func TestCanaries(t *testing.T) {
	outside := &recorder{}
	internet := httptest.NewServer(outside)
	t.Cleanup(internet.Close)
	var console bytes.Buffer
	previous := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&console, nil)))
	t.Cleanup(func() { slog.SetDefault(previous) })

	c := testkit.With(t, func(cfg *kernel.Config) {
		cfg.StripeSecretKey, cfg.StripePublishableKey, cfg.StripeWebhookSecret, cfg.StripeAPIBase = "sk_test_1", "pk_test_1", testkit.WebhookSecret, internet.URL
		cfg.TwilioAccountSID, cfg.TwilioAuthToken, cfg.TwilioFrom, cfg.TwilioAPIBase = "AC"+strings.Repeat("0", 32), "x", "+13035550100", internet.URL
	})
	a := &aviary{plain: map[string]bool{}}
	plantEverywhere(t, c, a)
	if len(a.planted) < 200 {
		t.Fatalf("only %d strings were planted", len(a.planted))
	}
	c.Deliver()
	if err := c.App.CreateBackup(t.Context(), "canaries.zip"); err != nil {
		t.Fatal(err)
	}

	// that what is looked for was kept: who holds the keys reads it
	if kept := seenIn([]byte((&stage{Clinic: c}).opened(t))); len(kept) < 180 {
		t.Errorf("only %d of %d planted strings were kept", len(kept), len(a.planted))
	}

	look := func(where string, raw []byte, identityMayBe bool) {
		for _, s := range seenIn(raw) {
			if !identityMayBe || !a.plain[s] {
				t.Errorf("%s holds %s", where, s)
			}
		}
	}
	look("what left for the internet", outside.sent.Bytes(), false)
	look("the program's log", console.Bytes(), false)
	dir := c.App.DataDir()
	for _, root := range []string{dir, dir + ".keys"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			raw, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			name, _ := filepath.Rel(filepath.Dir(dir), path)
			look(name, raw, strings.HasPrefix(d.Name(), "data.db"))
			look("the name of "+name, []byte(name), false)
			if strings.HasSuffix(path, ".zip") {
				z, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
				if err != nil {
					return err
				}
				for _, f := range z.File {
					r, err := f.Open()
					if err != nil {
						return err
					}
					inner, err := io.ReadAll(r)
					if err != nil {
						return err
					}
					look(name+": "+f.Name, inner, strings.HasPrefix(f.Name, "data.db"))
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	// and of the database, that identity lies in the columns of the inventory and nowhere else
	for _, where := range columnsWith(t, c, "zkanari") {
		if !slices.Contains([]string{"clients.first_name", "clients.last_name", "clients.preferred_name", "clients.address", "clients.emergency_contact"}, where) {
			t.Errorf("%s holds a planted string", where)
		}
	}
}

// columnsWith searches every column of every table.
func columnsWith(t *testing.T, c *testkit.Clinic, text string) []string {
	t.Helper()
	var out []string
	var tables []string
	db := c.App.ConcurrentDB()
	if err := db.NewQuery("SELECT name FROM sqlite_master WHERE type = 'table'").Column(&tables); err != nil {
		t.Fatal(err)
	}
	for _, table := range tables {
		var columns []string
		if err := db.NewQuery("SELECT name FROM pragma_table_info({:t})").Bind(dbx.Params{"t": table}).Column(&columns); err != nil {
			t.Fatal(err)
		}
		for _, column := range columns {
			var n int
			if err := db.NewQuery("SELECT count(*) FROM [[" + table + "]] WHERE CAST([[" + column + "]] AS TEXT) LIKE '%" + text + "%'").Row(&n); err != nil {
				t.Fatal(err)
			}
			if n > 0 {
				out = append(out, table+"."+column)
			}
		}
	}
	return out
}

func plantEverywhere(t *testing.T, c *testkit.Clinic, a *aviary) {
	t.Helper()
	const portal, desk = kernel.Portal, kernel.Desk
	ada := c.As(t, testkit.AdaEmail)
	admin, ana, front, money, owner := c.As(t, testkit.AdminEmail), c.As(t, testkit.AnaEmail), c.As(t, testkit.DeskEmail), c.As(t, testkit.BillingEmail), c.As(t, testkit.OwnerEmail)
	record := func(collection, id string) string { return "/api/collections/" + collection + "/records/" + id }
	yes := func(r *testkit.Response) *testkit.Response {
		t.Helper()
		if r.Status >= 300 {
			t.Fatalf("%d %s", r.Status, r.Body)
		}
		return r
	}

	// identity, readable by intent
	yes(c.Do(t, "PATCH", record("clients", testkit.Uma), front, map[string]any{"first_name": a.identity(), "last_name": a.identity(), "preferred_name": a.identity(),
		"address": map[string]string{"street": a.identity()}, "emergency_contact": map[string]string{"name": a.identity()}}))

	// the record
	yes(c.Do(t, "PATCH", record("clients", testkit.Ada), ana, map[string]any{"medical_history": map[string]any{"conditions": a.many(20)},
		"allergies": a.many(10)}))
	for _, kind := range []string{"progress", "intake", "psychotherapy", "other"} {
		yes(c.Do(t, "POST", "/api/collections/treatment_notes/records", ana, map[string]any{"client": testkit.Ada, "clinician": testkit.Ana, "author": testkit.AnaStaff,
			"kind": kind, "status": "draft", "noted_at": testkit.Monday, "title": a.one(), "body": strings.Join(a.many(4), " ")}))
	}

	// visits
	for i := range 4 {
		var made struct{ RequestID string }
		yes(c.Do(t, "POST", portal+"/appointments/request", ada, map[string]any{"appointmentType": testkit.Therapy, "serviceLocation": "IN_OFFICE",
			"reasonForVisit": a.one(), "notes": a.one(), "preferredDate1": fmt.Sprintf("2026-12-%d", 14+i), "preferredTime1": "10:00", "clinicianId": testkit.Ana},
			"Idempotency-Key", fmt.Sprint("visit", i))).Data(t, &made)
		if i < 2 {
			yes(c.Do(t, "POST", desk+"/requests/"+made.RequestID+"/decline", front, map[string]any{"reason": a.one(), "messageToClient": a.one()}))
			continue
		}
		yes(c.Do(t, "POST", desk+"/requests/"+made.RequestID+"/confirm", front, map[string]any{"preference": 1, "clinicianId": testkit.Ana, "note": a.one()}))
		yes(c.Do(t, "PATCH", record("appointments", made.RequestID), ana, map[string]any{"staff_notes": a.one()}))
	}

	// forms
	items := []map[string]any{}
	answers, draft := map[string]any{}, map[string]any{}
	for i := range 50 {
		items = append(items, map[string]any{"linkId": fmt.Sprint("q", i), "text": "Question", "type": "text"})
		answers[fmt.Sprint("q", i)], draft[fmt.Sprint("q", i)] = a.one(), a.one()
	}
	if _, err := forms.ImportBuiltIn(c.App); err != nil {
		t.Fatal(err)
	}
	template := importQuestionnaire(t, c, items)
	for _, what := range []string{"signed", "drafted"} {
		form := c.Add(t, "portal_forms", map[string]any{"client": testkit.Ada, "template": template}).Id
		yes(c.Do(t, "PATCH", portal+"/forms/"+form, ada, map[string]any{"responses": draft, "draftVersion": 0}))
		if what == "signed" {
			yes(c.Do(t, "POST", portal+"/forms/"+form+"/submit", ada, map[string]any{"responses": answers, "attestation": true, "signature": map[string]string{"typed": "Ada Lovell"}}))
		}
	}

	// money
	lines := []map[string]any{}
	for _, what := range a.many(20) {
		lines = append(lines, map[string]any{"description": what, "quantity": 1, "unitCents": 225})
	}
	var bill struct{ ID string }
	yes(c.Do(t, "POST", desk+"/invoices", money, map[string]any{"clientId": testkit.Ada, "items": lines, "dueOn": "2026-12-31"})).Data(t, &bill)
	yes(c.Do(t, "POST", portal+"/payments/intent", ada, map[string]any{"invoiceId": bill.ID}, "Idempotency-Key", "pay"))

	// what the desk says of accounts
	for _, act := range []string{"sign-out", "force-password-change", "suspend", "resume"} {
		yes(c.Do(t, "POST", desk+"/portal-users/"+testkit.BoLogin+"/"+act, front, map[string]any{"reason": a.one()}))
	}

	// what is refused, mistyped and searched for leaves no trace either
	for _, bad := range []func(s string) *testkit.Response{
		func(s string) *testkit.Response {
			return c.Do(t, "POST", portal+"/appointments/request", ada, `{"reasonForVisit":"`+s)
		},
		func(s string) *testkit.Response {
			return c.Do(t, "POST", portal+"/appointments/request", ada, map[string]any{"serviceLocation": s})
		},
		func(s string) *testkit.Response { return c.Do(t, "GET", portal+"/appointments/"+s, ada, nil) },
		func(s string) *testkit.Response { return c.Do(t, "GET", portal+"/appointments?status="+s, ada, nil) },
		func(s string) *testkit.Response {
			return c.Do(t, "GET", "/api/collections/clients/records?filter=(last_name='"+s+"')", front, nil)
		},
		func(s string) *testkit.Response {
			return c.Do(t, "GET", "/api/collections/clients/records?sort="+s, owner, nil)
		},
		func(s string) *testkit.Response { return c.Do(t, "GET", record("clients", s), admin, nil) },
		func(s string) *testkit.Response {
			return c.Do(t, "PATCH", record("clients", testkit.Bo), front, map[string]any{"date_of_birth": s})
		},
		func(s string) *testkit.Response {
			return c.Do(t, "POST", portal+"/auth/login", "", map[string]any{"email": s + "@mail.example", "password": s})
		},
		func(s string) *testkit.Response {
			return c.Do(t, "POST", portal+"/auth/register", "", map[string]any{"email": s + "@mail.example", "password": s + "-Aa1", "firstName": s, "lastName": s, "dateOfBirth": "1990-01-01"})
		},
		func(s string) *testkit.Response {
			return c.Do(t, "GET", "/"+s+"?"+s+"="+s, "", nil, "User-Agent", "Mozilla", "Referer", "https://portal.example/"+s)
		},
		func(s string) *testkit.Response { return c.Do(t, "POST", portal+"/"+s, "", nil) },
	} {
		bad(a.one())
	}
}

// importQuestionnaire makes a form of the clinic's own.
func importQuestionnaire(t *testing.T, c *testkit.Clinic, items []map[string]any) string {
	t.Helper()
	raw, err := json.Marshal(map[string]any{"resourceType": "Questionnaire", "status": "active", "name": "Own", "title": "Own", "version": "1", "url": "http://clinic.example/own", "item": items})
	if err != nil {
		t.Fatal(err)
	}
	return c.Add(t, "form_templates", map[string]any{"slug": "own", "title": "Own", "form_type": "intake", "version": "1", "is_active": true, "signature_required": true,
		"attestation_text": "True.", "questionnaire": string(raw)}).Id
}
