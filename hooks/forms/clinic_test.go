package forms_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"image"
	"image/color"
	"image/png"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/forms"
	"anteroom/hooks/kernel"
	"anteroom/hooks/outbox"
	"anteroom/hooks/phi"
	"anteroom/hooks/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

const portal = kernel.Portal + "/forms"

// desk is a clinic with one PHQ-9 and one consent form assigned to Ada, and one of each to Bo.
type desk struct {
	*testkit.Clinic
	t                   *testing.T
	templates           map[string]string
	phq, consent, bosPQ string
	ada                 string // token
}

func open(t *testing.T) *desk {
	t.Helper()
	d := &desk{Clinic: testkit.New(t), t: t}
	var err error
	if d.templates, err = forms.ImportBuiltIn(d.App); err != nil {
		t.Fatal(err)
	}
	d.phq = d.assigned(testkit.Ada, "phq-9")
	d.consent = d.assigned(testkit.Ada, "consent-to-treatment")
	d.bosPQ = d.assigned(testkit.Bo, "phq-9")
	d.ada = d.As(t, testkit.AdaEmail)
	return d
}

func (d *desk) assigned(client, slug string) string {
	return d.Add(d.t, "portal_forms", map[string]any{"client": client, "template": d.templates[slug], "due_date": "2026-12-20"}).Id
}

func (d *desk) form(id string) *collections.PortalForm {
	return collections.AsPortalForm(d.Find(d.t, "portal_forms", id))
}

// raw runs SQL past every hook.
func (d *desk) raw(sql string, params dbx.Params) error {
	_, err := d.App.NonconcurrentDB().NewQuery(sql).Bind(params).Execute()
	return err
}

type answers map[string]any

func code(c string) map[string]string { return map[string]string{"code": c} }

// low is a whole PHQ-9 with a total of 7.
func low() answers {
	return answers{"/44250-9": code("LA6569-3"), "/44255-8": code("LA6570-1"), "/44259-0": code("LA6568-5"), "/44254-1": code("LA6571-9"),
		"/44251-7": code("LA6568-5"), "/44258-2": code("LA6568-5"), "/44252-5": code("LA6568-5"), "/44253-3": code("LA6569-3")}
}

func agreed() answers {
	return answers{"video.agree": true, "video.place": "Boulder, Colorado", "contact.ways": []any{code("email"), code("phone")}, "contact.voicemail": false,
		"agreement.questions": true, "agreement.treatment": code("agree")}
}

// ink is a small signature as a browser sends it.
func ink() string {
	m := image.NewNRGBA(image.Rect(0, 0, 300, 90))
	for x := 40; x < 260; x++ {
		for d := range 3 {
			m.Set(x, 40+d+x%11, color.NRGBA{29, 26, 22, 255})
		}
	}
	var b bytes.Buffer
	_ = png.Encode(&b, m)
	return "data:image/png;base64," + base64.StdEncoding.EncodeToString(b.Bytes())
}

func (d *desk) submit(form string, body map[string]any) *testkit.Response {
	d.t.Helper()
	return d.Do(d.t, "POST", portal+"/"+form+"/submit", d.ada, body)
}

func (d *desk) submitted(form string, body map[string]any) (id, sha256 string) {
	d.t.Helper()
	r := d.submit(form, body)
	var out struct{ SubmissionID, SHA256, Status, PDFURL string }
	r.Data(d.t, &out)
	if r.Status != http.StatusCreated || out.Status != "COMPLETED" || out.PDFURL != portal+"/"+form+"/pdf" || len(out.SHA256) != 64 {
		d.t.Fatalf("%d %s", r.Status, r.Body)
	}
	return out.SubmissionID, out.SHA256
}

type viewed struct {
	Form struct {
		ID, FormType, FormTitle, Status, DueDate, ClientID string
		AssignedDate                                       time.Time
		CompletedDate                                      *time.Time
		IsOverdue                                          bool
		SignersLeft, Answered, Questions, EstimatedMinutes int
	}
	Questionnaire     map[string]any
	TemplateVersion   string
	Responses         map[string]any
	DraftVersion      int
	AttestationText   string
	SignatureRequired bool
	Signers           []struct {
		Role, Name string
		SignedAt   *time.Time
	}
	Submission *struct {
		SubmissionID, PDFURL, SHA256 string
		SubmittedAt                  time.Time
	}
}

func (d *desk) view(form string) viewed {
	d.t.Helper()
	var v viewed
	d.Do(d.t, "GET", portal+"/"+form, d.ada, nil).Data(d.t, &v)
	return v
}

func TestListOfForms(t *testing.T) {
	d := open(t)
	late := d.Find(t, "portal_forms", d.phq)
	late.Set("due_date", "2026-12-06") // yesterday in Boulder
	if err := d.App.Save(late); err != nil {
		t.Fatal(err)
	}
	d.submitted(d.consent, map[string]any{"responses": agreed(), "signature": ink(), "attestation": true})
	var out struct {
		Forms      []map[string]any
		Pagination kernel.Pagination
	}
	d.Do(t, "GET", portal, d.ada, nil).Data(t, &out)
	if len(out.Forms) != 2 || out.Pagination.Total != 2 {
		t.Fatalf("%+v", out)
	}
	first, last := out.Forms[0], out.Forms[1]
	if first["id"] != d.phq || first["status"] != "pending" || first["isOverdue"] != true || first["signersLeft"] != 1.0 || first["formType"] != "assessment" ||
		first["clientId"] != testkit.Ada || first["dueDate"] != "2026-12-06" || first["questions"] != 10.0 {
		t.Errorf("to do: %v", first)
	}
	if last["id"] != d.consent || last["status"] != "completed" || last["isOverdue"] != false || last["signersLeft"] != 0.0 || last["completedDate"] == nil {
		t.Errorf("done: %v", last)
	}
	d.Do(t, "GET", portal+"?status=completed&limit=1", d.ada, nil).Data(t, &out)
	if len(out.Forms) != 1 || out.Pagination.Total != 1 || out.Forms[0]["id"] != d.consent {
		t.Errorf("completed: %+v", out)
	}
	refused := d.Do(t, "GET", portal+"?status=withdrawn", d.ada, nil).Refused(t, 400, "")
	if refused.Details.Fields["status"].Code != "option" {
		t.Errorf("%+v", refused)
	}
	if n := d.Count(t, "portal_audit_log", "action = 'LIST_FORMS' AND actor_id = {:u}", dbx.Params{"u": testkit.AdaLogin}); n != 2 {
		t.Errorf("%d lines of reading the list, want 2", n)
	}
}

func TestViewOfAForm(t *testing.T) {
	d := open(t)
	v := d.view(d.phq)
	if v.Form.FormTitle != "How you've been feeling (PHQ-9)" || v.SignatureRequired || v.TemplateVersion != "1" || v.DraftVersion != 0 || len(v.Responses) != 0 ||
		v.Questionnaire["resourceType"] != "Questionnaire" || v.AttestationText != "I am Ada Lovell. I have answered these questions myself, as well as I can." ||
		len(v.Signers) != 1 || v.Signers[0].Role != "self" || v.Signers[0].SignedAt != nil || v.Submission != nil {
		t.Errorf("%+v", v)
	}
	if v := d.view(d.consent); !v.SignatureRequired || v.Form.FormType != "consent" || v.Form.EstimatedMinutes < 2 {
		t.Errorf("%+v", v)
	}
	if n := d.Count(t, "portal_audit_log", "action = 'VIEW_FORM' AND resource_id = {:id} AND client_id = {:c}", dbx.Params{"id": d.phq, "c": testkit.Ada}); n != 1 {
		t.Errorf("%d lines, want 1", n)
	}
}

func TestDraftSurvivesAndCounts(t *testing.T) {
	d := open(t)
	var saved struct {
		DraftVersion int
		SavedAt      time.Time
	}
	d.Do(t, "PATCH", portal+"/"+d.phq, d.ada, map[string]any{"draftVersion": 0, "responses": answers{"/44250-9": code("LA6569-3")}}).Data(t, &saved)
	if saved.DraftVersion != 1 || !saved.SavedAt.Equal(kernel.Now(d.App).Truncate(time.Second)) && time.Since(saved.SavedAt) > 0 && saved.SavedAt.IsZero() {
		t.Errorf("%+v", saved)
	}
	v := d.view(d.phq)
	if v.DraftVersion != 1 || v.Form.Status != "in_progress" || v.Form.Answered != 1 || v.Form.Questions != 10 ||
		v.Responses["/44250-9"].(map[string]any)["display"] != "Several days" {
		t.Errorf("%+v", v)
	}
	// The column holds nothing readable.
	var cell string
	if err := d.App.ConcurrentDB().NewQuery("SELECT draft FROM portal_forms WHERE id = {:id}").Bind(dbx.Params{"id": d.phq}).Row(&cell); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(cell, "e1.") || strings.Contains(cell, "LA6569") {
		t.Errorf("the draft is stored as %.40q", cell)
	}
	// Everything cleared is a draft too.
	d.Do(t, "PATCH", portal+"/"+d.phq, d.ada, map[string]any{"draftVersion": 1, "responses": answers{}}).Data(t, &saved)
	if v := d.view(d.phq); saved.DraftVersion != 2 || v.Form.Answered != 0 || len(v.Responses) != 0 {
		t.Errorf("%+v", v)
	}
}

func TestRefusedDraftsChangeNothing(t *testing.T) {
	d := open(t)
	d.Do(t, "PATCH", portal+"/"+d.phq, d.ada, map[string]any{"draftVersion": 0, "responses": answers{"/44250-9": code("LA6569-3")}}).Data(t, &struct{}{})
	before := d.Snapshot(t)
	for name, c := range map[string]struct {
		body          any
		status        int
		reason, field string
		code          string
	}{
		"another option":     {map[string]any{"draftVersion": 1, "responses": answers{"/44250-9": code("nope")}}, 400, "", "/44250-9", "option"},
		"another kind":       {map[string]any{"draftVersion": 1, "responses": answers{"/44250-9": 3}}, 400, "", "/44250-9", "type"},
		"unknown question":   {map[string]any{"draftVersion": 1, "responses": answers{"/x": 3}}, 400, "", "/x", "unknown"},
		"a forged total":     {map[string]any{"draftVersion": 1, "responses": answers{"/44261-6": 27}}, 400, "", "/44261-6", "read_only"},
		"old version":        {map[string]any{"draftVersion": 0, "responses": answers{}}, 409, "DRAFT_CONFLICT", "", ""},
		"future version":     {map[string]any{"draftVersion": 7, "responses": answers{}}, 409, "DRAFT_CONFLICT", "", ""},
		"no version":         {map[string]any{"responses": answers{}}, 400, "", "draftVersion", "required"},
		"no responses":       {map[string]any{"draftVersion": 1}, 400, "", "responses", "required"},
		"version as text":    {map[string]any{"draftVersion": "1", "responses": answers{}}, 400, "MALFORMED", "", ""},
		"responses null":     {map[string]any{"draftVersion": 1, "responses": nil}, 400, "", "responses", "required"},
		"responses a list":   {map[string]any{"draftVersion": 1, "responses": []int{}}, 400, "RESPONSES_MALFORMED", "", ""},
		"ciphertext":         {map[string]any{"draftVersion": 1, "responses": "e1.aaaaaaaaaaaaaaaa.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}, 400, "RESPONSES_MALFORMED", "", ""},
		"unreadable mark":    {map[string]any{"draftVersion": 1, "responses": map[string]string{"unreadable": "damaged"}}, 400, "", "unreadable", "unknown"},
		"not JSON":           {"{", 400, "MALFORMED", "", ""},
		"a million levels":   {`{"draftVersion":1,"responses":` + strings.Repeat("[", 500_000) + strings.Repeat("]", 500_000) + `}`, 400, "MALFORMED", "", ""},
		"larger than 1 MiB":  {`{"draftVersion":1,"responses":{"a":"` + strings.Repeat("x", 1<<20) + `"}}`, 413, "BODY_TOO_LARGE", "", ""},
		"larger than a form": {`{"draftVersion":1,"responses":{"a":"` + strings.Repeat("x", 400<<10) + `"}}`, 400, "RESPONSES_MALFORMED", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			refused := d.Do(t, "PATCH", portal+"/"+d.phq, d.ada, c.body).Refused(t, c.status, c.reason)
			if c.field != "" && refused.Details.Fields[c.field].Code != c.code {
				t.Errorf("fields %+v, want %s: %s", refused.Details.Fields, c.field, c.code)
			}
			if after := d.Snapshot(t); after != before {
				t.Error("something changed")
			}
		})
	}
	// The conflict brings what is stored, so that the page can show it.
	var out struct {
		Error struct {
			Details struct {
				Responses    map[string]any
				DraftVersion int
			}
		}
	}
	d.Do(t, "PATCH", portal+"/"+d.phq, d.ada, map[string]any{"draftVersion": 0, "responses": answers{}}).Into(t, &out)
	if out.Error.Details.DraftVersion != 1 || out.Error.Details.Responses["/44250-9"] == nil {
		t.Errorf("%+v", out)
	}
}

func TestManyTabsSaveAtOnce(t *testing.T) {
	d := open(t)
	var wg sync.WaitGroup
	status := make([]int, 20)
	for i := range status {
		wg.Go(func() {
			status[i] = d.Do(t, "PATCH", portal+"/"+d.phq, d.ada, map[string]any{"draftVersion": 0, "responses": answers{"/44250-9": code("LA6569-3")}}).Status
		})
	}
	wg.Wait()
	if got := count(status, 200); got != 1 || count(status, 409) != 19 {
		t.Errorf("statuses %v", status)
	}
	if v := d.form(d.phq).DraftVersion(); v != 1 {
		t.Errorf("version %d", v)
	}
}

func count(list []int, v int) (n int) {
	for _, x := range list {
		if x == v {
			n++
		}
	}
	return n
}

func TestSignedForm(t *testing.T) {
	d := open(t)
	d.Do(t, "PATCH", portal+"/"+d.consent, d.ada, map[string]any{"draftVersion": 0, "responses": answers{"video.agree": true}}).Data(t, &struct{}{})
	id, sha := d.submitted(d.consent, map[string]any{"responses": agreed(), "signature": ink(), "signatureDate": "2026-12-07", "attestation": true})

	s := collections.AsFormSubmission(d.Find(t, "form_submissions", id))
	if s.SignedBy() != testkit.AdaLogin || s.SignerRole() != "self" || s.GetString("signer_name") != "Ada Lovell" || s.SignatureKind() != "drawn" ||
		!s.SubmittedAt().After(testkit.Monday.Add(-time.Second)) || s.ClaimedDate() != "2026-12-07" || s.RecordHash() != sha || s.GetBool("scored") {
		t.Errorf("%v", s.PublicExport())
	}
	if picture, err := base64.StdEncoding.DecodeString(s.GetString("signature")); err != nil || !bytes.HasPrefix(picture, []byte("\x89PNG")) {
		t.Errorf("the signature is no PNG: %v", err)
	}
	for _, column := range []string{"responses", "signature", "signer_name"} {
		var cell string
		if err := d.App.ConcurrentDB().Select(column).From("form_submissions").Where(dbx.HashExp{"id": id}).Row(&cell); err != nil || !strings.HasPrefix(cell, "e1.") {
			t.Errorf("%s is stored as %.20q (%v)", column, cell, err)
		}
	}
	f := d.form(d.consent)
	if f.Status() != collections.FormCompleted || f.GetString("completed_via") != "portal" || !f.GetDateTime("completed_at").Time().Equal(s.SubmittedAt()) ||
		f.GetString("draft") != "null" {
		t.Errorf("assignment: %v, draft %q", f.PublicExport(), f.GetString("draft"))
	}
	v := d.view(d.consent)
	if v.Submission == nil || v.Submission.SHA256 != sha || v.Responses["video.place"] != "Boulder, Colorado" || v.Form.SignersLeft != 0 ||
		v.Signers[0].Name != "Ada Lovell" || v.Signers[0].SignedAt == nil {
		t.Errorf("%+v", v)
	}

	t.Run("its PDF", func(t *testing.T) {
		if r := d.Do(t, "GET", portal+"/"+d.consent+"/pdf", d.ada, nil); r.Status != 200 && (r.Status != 202 || !strings.Contains(string(r.Body), `"status":"rendering"`)) {
			t.Errorf("while it is made: %d %s", r.Status, r.Body)
		}
		r := d.pdf(d.consent)
		if r.Header.Get("Content-Type") != "application/pdf" || r.Header.Get("Cache-Control") != "no-store" ||
			!strings.HasPrefix(r.Header.Get("Content-Disposition"), "attachment;") || strings.Contains(r.Header.Get("Content-Disposition"), "Ada") {
			t.Errorf("%v", r.Header)
		}
		if dir := os.Getenv("FORMS_PDF_DIR"); dir != "" { // to look at it
			if err := os.WriteFile(filepath.Join(dir, "consent.pdf"), r.Body, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		text := textOf(t, r.Body)
		for _, want := range []string{"Test Clinic", "Consent to treatment", "Ada Lovell", "April 27, 1990", "Boulder, Colorado", "• E-mail • Phone call", "I agree", sha, id} {
			if !strings.Contains(text, want) {
				t.Errorf("%q is missing in %s", want, text)
			}
		}
		p, err := collections.PDFOf(d.App, id)
		if err != nil {
			t.Fatal(err)
		}
		stored, err := os.ReadFile(filepath.Join(d.App.DataDir(), "storage", p.FileKey()))
		if err != nil || bytes.HasPrefix(stored, []byte("%PDF")) || bytes.Contains(stored, []byte("Liberation")) {
			t.Errorf("the stored file is not sealed (%v)", err)
		}
		if n := d.Count(t, "portal_audit_log", "action = 'DOWNLOAD_FORM_PDF' AND resource_id = {:id}", dbx.Params{"id": d.consent}); n == 0 {
			t.Error("the download left no line")
		}
	})
	t.Run("who is told", func(t *testing.T) {
		if n := d.Count(t, "portal_notifications", "notification_type = 'form_completed' AND portal_user = {:u}", dbx.Params{"u": testkit.AdaLogin}); n != 1 {
			t.Errorf("%d notices for the client", n)
		}
		if n := d.Count(t, "staff_notifications", "notification_type = 'form_completed' AND staff = {:s}", dbx.Params{"s": testkit.AnaStaff}); n != 1 {
			t.Errorf("%d notices for the lead clinician", n)
		}
		if n := d.Count(t, "staff_notifications", "", nil); n != 1 {
			t.Errorf("%d notices for staff", n)
		}
		mails := d.Mails(t, testkit.AnaEmail)
		if len(mails) != 1 {
			t.Fatalf("%d mails for the clinician", len(mails))
		}
		raw, _ := json.Marshal(mails[0])
		for _, not := range []string{"Ada", "Lovell", "onsent", "Boulder, Colorado", "1990"} {
			if strings.Contains(string(raw), not) {
				t.Errorf("the mail says %q", not)
			}
		}
	})
	t.Run("what is in the audit log", func(t *testing.T) {
		for action, want := range map[string]int{"SUBMIT_FORM": 1, "CREATE_FORM_SUBMISSION": 1, "SAVE_FORM_DRAFT": 1} {
			if n := d.Count(t, "portal_audit_log", "action = {:a} AND actor_id = {:u} AND client_id = {:c} AND result = 'ok'",
				dbx.Params{"a": action, "u": testkit.AdaLogin, "c": testkit.Ada}); n != want {
				t.Errorf("%s: %d lines, want %d", action, n, want)
			}
		}
		if n := d.Count(t, "portal_audit_log", "details LIKE '%Boulder%' OR details LIKE '%Ada%'", nil); n != 0 {
			t.Error("the log holds answers")
		}
	})
}

// pdf downloads a document once it is made.
func (d *desk) pdf(form string) *testkit.Response {
	d.t.Helper()
	for range 200 {
		d.Deliver()
		if r := d.Do(d.t, "GET", portal+"/"+form+"/pdf", d.ada, nil); r.Status == http.StatusOK {
			return r
		}
		time.Sleep(10 * time.Millisecond)
	}
	d.t.Fatal("the document was not made")
	return nil
}

func textOf(t *testing.T, pdf []byte) string {
	t.Helper()
	cmd := exec.Command("pdftotext", "-layout", "-", "-")
	cmd.Stdin = bytes.NewReader(pdf)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("pdftotext: %v", err)
	}
	return strings.Join(strings.Fields(string(out)), " ")
}

func TestScoreIsStored(t *testing.T) {
	d := open(t)
	id, _ := d.submitted(d.phq, map[string]any{"responses": low(), "attestation": true})
	s := d.Find(t, "form_submissions", id)
	if !s.GetBool("scored") || s.GetFloat("score") != 7 || s.GetString("signature_kind") != "none" {
		t.Errorf("%v", s.PublicExport())
	}
	if v := d.view(d.phq); v.Responses["/44261-6"] != 7.0 || v.Form.Answered != 8 || v.Form.Questions != 10 {
		t.Errorf("%+v", v)
	}
	if text := textOf(t, d.pdf(d.phq).Body); !strings.Contains(text, "item total score 7") || !strings.Contains(text, "Over the last 2 weeks") {
		t.Error(text)
	}
}

func TestTypedSignatureOfAParent(t *testing.T) {
	d := open(t)
	cleos := d.assigned(testkit.Cleo, "consent-to-treatment")
	send := func(name string) *testkit.Response {
		return d.Do(t, "POST", portal+"/"+cleos+"/submit", d.ada,
			map[string]any{"responses": agreed(), "signature": map[string]string{"typed": name}, "attestation": true}, "X-Client-Id", testkit.Cleo)
	}
	send("Cleo Lovell").Refused(t, 400, "SIGNATURE_NAME_DIFFERS")
	if r := send("ada  LOVELL"); r.Status != 201 {
		t.Fatalf("%d %s", r.Status, r.Body)
	}
	s, err := collections.SubmissionOf(d.App, cleos)
	if err != nil || s.SignerRole() != "parent" || s.GetString("signer_name") != "Ada Lovell" || s.SignatureKind() != "typed" || s.GetString("signature") != "ada LOVELL" {
		t.Errorf("%v %v", s, err)
	}
	// Without the header the request acts for Ada, and the form is not hers.
	d.Do(t, "GET", portal+"/"+cleos, d.ada, nil).Refused(t, 404, "")
}

func TestRefusedSubmissionsChangeNothing(t *testing.T) {
	d := open(t)
	before := d.Snapshot(t)
	with := func(change func(map[string]any)) map[string]any {
		b := map[string]any{"responses": agreed(), "signature": ink(), "attestation": true}
		change(b)
		return b
	}
	answer := func(linkID string, v any) map[string]any {
		return with(func(b map[string]any) { b["responses"].(answers)[linkID] = v })
	}
	wide := func() string {
		m := image.NewGray(image.Rect(0, 0, 10_000, 10))
		var b bytes.Buffer
		_ = png.Encode(&b, m)
		return base64.StdEncoding.EncodeToString(b.Bytes())
	}
	var blank bytes.Buffer
	_ = png.Encode(&blank, image.NewNRGBA(image.Rect(0, 0, 300, 90)))
	for name, c := range map[string]struct {
		body          any
		status        int
		reason, field string
		code          string
	}{
		"missing answer":        {with(func(b map[string]any) { delete(b["responses"].(answers), "agreement.treatment") }), 400, "", "agreement.treatment", "required"},
		"of another type":       {answer("video.agree", "yes"), 400, "", "video.agree", "type"},
		"not an option":         {answer("agreement.treatment", code("maybe")), 400, "", "agreement.treatment", "option"},
		"too long":              {answer("video.place", strings.Repeat("x", 121)), 400, "", "video.place", "max_length"},
		"unknown":               {answer("video.nope", 1), 400, "", "video.nope", "unknown"},
		"not asked":             {answer("contact.ways", []any{code("email")}), 400, "", "contact.voicemail", "disabled"},
		"exclusive and another": {answer("contact.ways", []any{code("portal"), code("email")}), 400, "", "contact.ways", "option"},
		"a text's answer":       {answer("treatment.what", "x"), 400, "", "treatment.what", "type"},
		"no attestation":        {with(func(b map[string]any) { delete(b, "attestation") }), 400, "ATTESTATION_REQUIRED", "attestation", "required"},
		"attestation false":     {with(func(b map[string]any) { b["attestation"] = false }), 400, "ATTESTATION_REQUIRED", "", ""},
		"attestation as text":   {with(func(b map[string]any) { b["attestation"] = "true" }), 400, "MALFORMED", "", ""},
		"no signature":          {with(func(b map[string]any) { delete(b, "signature") }), 400, "SIGNATURE_BLANK", "", ""},
		"signature null":        {with(func(b map[string]any) { b["signature"] = nil }), 400, "SIGNATURE_BLANK", "", ""},
		"signature empty":       {with(func(b map[string]any) { b["signature"] = "" }), 400, "SIGNATURE_BLANK", "", ""},
		"signature blank":       {with(func(b map[string]any) { b["signature"] = base64.StdEncoding.EncodeToString(blank.Bytes()) }), 400, "SIGNATURE_BLANK", "", ""},
		"signature no image":    {with(func(b map[string]any) { b["signature"] = "aGVsbG8gd29ybGQ=" }), 400, "SIGNATURE_NOT_IMAGE", "", ""},
		"signature ciphertext":  {with(func(b map[string]any) { b["signature"] = "e1.aaaaaaaaaaaaaaaa." + strings.Repeat("A", 60) }), 400, "", "", ""},
		"10,000 pixels wide":    {with(func(b map[string]any) { b["signature"] = wide() }), 400, "SIGNATURE_TOO_LARGE", "", ""},
		"another's name":        {with(func(b map[string]any) { b["signature"] = map[string]string{"typed": "Bo Marsh"} }), 400, "SIGNATURE_NAME_DIFFERS", "", ""},
		"a date that is none":   {with(func(b map[string]any) { b["signatureDate"] = "yesterday" }), 400, "", "signatureDate", "type"},
		"no responses":          {with(func(b map[string]any) { delete(b, "responses") }), 400, "", "responses", "required"},
		"responses a list":      {with(func(b map[string]any) { b["responses"] = []int{1} }), 400, "RESPONSES_MALFORMED", "", ""},
		"100 MB":                {`{"responses":"` + strings.Repeat("x", 2<<20) + `"}`, 413, "BODY_TOO_LARGE", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := d.Do(t, "POST", portal+"/"+d.consent+"/submit", d.ada, c.body)
			refused := r.Refused(t, c.status, c.reason)
			if c.field != "" && refused.Details.Fields[c.field].Code != c.code {
				t.Errorf("fields %+v, want %s: %s", refused.Details.Fields, c.field, c.code)
			}
			if after := d.Snapshot(t); after != before {
				t.Error("something changed")
			}
		})
	}
}

func TestSignedOnceUnderTwentyAtOnce(t *testing.T) {
	d := open(t)
	var wg sync.WaitGroup
	status := make([]int, 20)
	for i := range status {
		wg.Go(func() {
			status[i] = d.submit(d.consent, map[string]any{"responses": agreed(), "signature": ink(), "attestation": true}).Status
		})
	}
	wg.Wait()
	if count(status, 201) != 1 || count(status, 409) != 19 {
		t.Errorf("statuses %v", status)
	}
	for table, want := range map[string]int{"form_submissions": 1, "form_pdfs": 1, "staff_notifications": 1} {
		if n := d.Count(t, table, "", nil); n != want {
			t.Errorf("%s: %d rows, want %d", table, n, want)
		}
	}
	d.submit(d.consent, map[string]any{"responses": agreed(), "signature": ink(), "attestation": true}).Refused(t, 409, "ALREADY_SUBMITTED")
	d.Do(t, "PATCH", portal+"/"+d.consent, d.ada, map[string]any{"draftVersion": 0, "responses": answers{}}).Refused(t, 409, "ALREADY_SUBMITTED")
}

func TestIdempotencyKeyReplays(t *testing.T) {
	d := open(t)
	body := map[string]any{"responses": low(), "attestation": true}
	path := portal + "/" + d.phq + "/submit"
	first := d.Do(t, "POST", path, d.ada, body, "Idempotency-Key", "k1")
	again := d.Do(t, "POST", path, d.ada, body, "Idempotency-Key", "k1")
	if first.Status != 201 || again.Status != 201 || again.Header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("%d, %d %s", first.Status, again.Status, again.Body)
	}
}

func TestSignedFormIsFrozenThroughEveryDoor(t *testing.T) {
	d := open(t)
	id, _ := d.submitted(d.consent, map[string]any{"responses": agreed(), "signature": ink(), "attestation": true})
	d.pdf(d.consent)
	p, err := collections.PDFOf(d.App, id)
	if err != nil {
		t.Fatal(err)
	}
	for _, who := range []string{testkit.OwnerEmail, testkit.AnaEmail, testkit.AdminEmail} {
		d.As(t, who)
	}
	before := d.Snapshot(t)
	hash := d.Find(t, "form_submissions", id).GetString("record_sha256")
	owner := d.As(t, testkit.OwnerEmail)

	for name, sql := range map[string]string{
		"update":           "UPDATE form_submissions SET signed_by = 'x' WHERE id = {:id}",
		"update in place":  "UPDATE form_submissions SET record_sha256 = record_sha256 WHERE id = {:id}",
		"delete":           "DELETE FROM form_submissions WHERE id = {:id}",
		"delete the PDF":   "DELETE FROM form_pdfs WHERE submission = {:id}",
		"change the PDF":   "UPDATE form_pdfs SET sha256 = '' WHERE submission = {:id}",
		"change the form":  "UPDATE form_templates SET attestation_text = 'x' WHERE id = (SELECT template FROM form_submissions WHERE id = {:id})",
		"remove the form":  "DELETE FROM form_templates WHERE id = (SELECT template FROM form_submissions WHERE id = {:id})",
		"another question": "UPDATE form_templates SET questionnaire = '{}' WHERE id = (SELECT template FROM form_submissions WHERE id = {:id})",
	} {
		if err := d.raw(sql, dbx.Params{"id": id}); err == nil || !strings.Contains(err.Error(), "frozen") {
			t.Errorf("raw SQL, %s: %v", name, err)
		}
	}
	for _, record := range []struct{ collection, id, field string }{
		{"form_submissions", id, "signed_by"}, {"form_pdfs", p.Id, "sha256"}, {"portal_forms", d.consent, "due_date"}, {"form_templates", d.templates["consent-to-treatment"], "slug"},
	} {
		r := d.Find(t, record.collection, record.id)
		r.Set(record.field, "2030-01-01")
		if err := kernel.SaveAs(d.App, kernel.System(), r); err == nil {
			t.Errorf("model hooks let %s.%s change", record.collection, record.field)
		}
		if err := kernel.DeleteAs(d.App, kernel.System(), d.Find(t, record.collection, record.id)); err == nil {
			t.Errorf("model hooks let a row of %s go", record.collection)
		}
		path := "/api/collections/" + record.collection + "/records/" + record.id
		if r := d.Do(t, "PATCH", path, owner, map[string]string{record.field: "2030-01-01"}); r.Status < 400 {
			t.Errorf("the owner's dashboard changed %s: %s", record.collection, r.Body)
		}
		if r := d.Do(t, "DELETE", path, owner, nil); r.Status < 400 {
			t.Errorf("the owner's dashboard deleted from %s", record.collection)
		}
		for _, who := range []string{testkit.AdaEmail, testkit.AnaEmail, testkit.AdminEmail} {
			if r := d.Do(t, "PATCH", path, d.As(t, who), map[string]string{record.field: "2030-01-01"}); r.Status < 400 {
				t.Errorf("%s changed %s", who, record.collection)
			}
		}
	}
	if after := d.Snapshot(t); after != before {
		t.Error("something changed")
	}
	if got := d.Find(t, "form_submissions", id).GetString("record_sha256"); got != hash {
		t.Error("the hash changed")
	}
}

func TestNobodySignsForAnother(t *testing.T) {
	d := open(t)
	bo := d.As(t, testkit.BoEmail)
	before := d.Snapshot(t)
	for _, r := range []*testkit.Response{
		d.Do(t, "GET", portal+"/"+d.phq, bo, nil),
		d.Do(t, "PATCH", portal+"/"+d.phq, bo, map[string]any{"draftVersion": 0, "responses": answers{}}),
		d.Do(t, "POST", portal+"/"+d.phq+"/submit", bo, map[string]any{"responses": low(), "attestation": true}),
		d.Do(t, "GET", portal+"/"+d.phq+"/pdf", bo, nil),
		d.Do(t, "GET", portal+"/"+d.phq, bo, nil, "X-Client-Id", testkit.Ada),
	} {
		r.Refused(t, 404, "NOT_FOUND")
	}
	if after := d.Snapshot(t); after != before {
		t.Error("something changed")
	}
	// Through the model: the actor must be the person of a session that acts for this client.
	for name, actor := range map[string]kernel.Actor{
		"system":         kernel.System(),
		"staff":          {Kind: kernel.KindStaff, ID: testkit.AnaStaff, Role: kernel.RoleClinician},
		"another client": {Kind: kernel.KindClient, ID: testkit.BoLogin, Client: testkit.Bo},
		"without access": {Kind: kernel.KindClient, ID: testkit.BoLogin, Client: testkit.Ada},
	} {
		s, err := collections.NewFormSubmission(d.App, d.form(d.phq))
		if err != nil {
			t.Fatal(err)
		}
		raw, _ := json.Marshal(low())
		s.SetResponses(raw)
		s.SetAttested(true)
		if err := kernel.SaveAs(d.App, actor, s.Record); err == nil {
			t.Errorf("%s signed for Ada", name)
		}
	}
	if after := d.Snapshot(t); after != before {
		t.Error("something changed")
	}
}

func TestWhatARequestCannotSay(t *testing.T) {
	d := open(t)
	id, _ := d.submitted(d.phq, map[string]any{"responses": low(), "attestation": true,
		"signedBy": testkit.BoLogin, "signed_by": testkit.BoLogin, "submittedAt": "2001-01-01T00:00:00Z", "score": 27, "template": "x", "client": testkit.Bo})
	s := collections.AsFormSubmission(d.Find(t, "form_submissions", id))
	if s.SignedBy() != testkit.AdaLogin || s.Client() != testkit.Ada || s.SubmittedAt().Year() != 2026 || s.GetFloat("score") != 7 {
		t.Errorf("%v", s.PublicExport())
	}
}

func TestWithdrawnFormsAreGone(t *testing.T) {
	d := open(t)
	f := d.form(d.phq)
	f.SetStatus(collections.FormWithdrawn)
	if err := kernel.SaveAs(d.App, kernel.System(), f.Record); err != nil {
		t.Fatal(err)
	}
	d.Do(t, "GET", portal+"/"+d.phq, d.ada, nil).Refused(t, 404, "")
	d.submit(d.phq, map[string]any{"responses": low(), "attestation": true}).Refused(t, 404, "")
	f = d.form(d.phq)
	f.SetStatus(collections.FormPending)
	if err := kernel.SaveAs(d.App, kernel.System(), f.Record); err == nil {
		t.Error("a withdrawn form came back")
	}
}

func TestStaleRecordsDoNotOverwriteADraft(t *testing.T) {
	d := open(t)
	stale, once := d.form(d.phq), d.form(d.phq)
	once.SetDraft([]byte(`{"/44250-9":{"code":"LA6569-3"}}`), 1)
	if err := d.App.Save(once); err != nil {
		t.Fatal(err)
	}
	stale.SetDueDate("2027-01-01")
	if err := d.App.Save(stale); err == nil {
		t.Error("a stale record overwrote the draft")
	}
	once.SetDueDate("2027-01-01")
	if err := d.App.Save(once); err != nil {
		t.Errorf("a second save of the same record: %v", err)
	}
	if f := d.form(d.phq); f.DueDate() != "2027-01-01" || f.DraftVersion() != 1 || !strings.Contains(f.GetString("draft"), "LA6569-3") {
		t.Errorf("%v", f.PublicExport())
	}
}

func TestIllegalMoves(t *testing.T) {
	d := open(t)
	for name, change := range map[string]func(f *collections.PortalForm){
		"completed without a signature": func(f *collections.PortalForm) { f.SetCompleted(testkit.Monday, "in_person") },
		"another client":                func(f *collections.PortalForm) { f.Set("client", testkit.Bo) },
		"another template":              func(f *collections.PortalForm) { f.Set("template", d.templates["consent-to-treatment"]) },
		"a draft without its version":   func(f *collections.PortalForm) { f.SetDraft([]byte(`{"/44250-9":{"code":"LA6569-3"}}`), 0) },
		"an unsound draft":              func(f *collections.PortalForm) { f.SetDraft([]byte(`{"/44250-9":7}`), 1) },
	} {
		before := d.Snapshot(t)
		f := d.form(d.phq)
		change(f)
		if err := kernel.SaveAs(d.App, kernel.System(), f.Record); err == nil {
			t.Errorf("%s was saved", name)
		}
		if d.Snapshot(t) != before {
			t.Errorf("%s changed something", name)
		}
	}
	for _, from := range []collections.FormStatus{collections.FormCompleted, collections.FormWithdrawn} {
		for _, to := range []collections.FormStatus{collections.FormPending, collections.FormInProgress, collections.FormCompleted, collections.FormWithdrawn} {
			if from.CanBecome(to) {
				t.Errorf("%s may become %s", from, to)
			}
		}
	}
}

func TestAssigning(t *testing.T) {
	d := open(t)
	const path = kernel.Desk + "/forms/assign"
	body := map[string]any{"clientId": testkit.Ada, "templateId": d.templates["phq-9"], "dueDate": "2026-12-31"}
	var out struct{ ID string }
	r := d.Do(t, "POST", path, d.As(t, testkit.DeskEmail), body)
	r.Data(t, &out)
	f := d.form(out.ID)
	if r.Status != 201 || f.Status() != collections.FormPending || f.GetString("assigned_by") != testkit.DeskStaff || f.DueDate() != "2026-12-31" || f.GetInt("questions") != 10 {
		t.Errorf("%d %v", r.Status, f.PublicExport())
	}
	if n := d.Count(t, "portal_notifications", "notification_type = 'form_assigned' AND link = {:l} AND portal_user = {:u}",
		dbx.Params{"l": "/forms/" + out.ID, "u": testkit.AdaLogin}); n != 1 {
		t.Errorf("%d notices", n)
	}
	if n := d.Count(t, "portal_audit_log", "action = 'ASSIGN_FORM' AND actor_id = {:u} AND client_id = {:c}", dbx.Params{"u": testkit.DeskStaff, "c": testkit.Ada}); n != 1 {
		t.Errorf("%d lines", n)
	}
	var anas struct{ ID string }
	d.Do(t, "POST", path, d.As(t, testkit.AnaEmail), body).Data(t, &anas)
	if d.form(anas.ID).Clinician() != testkit.Ana || f.Clinician() != "" {
		t.Error("the clinician who assigns is the one concerned")
	}
	d.As(t, testkit.BillingEmail)
	before := d.Snapshot(t)
	d.Do(t, "POST", path, d.ada, body).Refused(t, 403, "ROLE")
	d.Do(t, "POST", path, d.As(t, testkit.BillingEmail), body).Refused(t, 403, "ROLE")
	for field, v := range map[string]any{"clientId": "nobody000000000", "templateId": "nothing00000000", "dueDate": "2026-02-30"} {
		bad := map[string]any{"clientId": testkit.Ada, "templateId": d.templates["phq-9"], "dueDate": "2026-12-31"}
		bad[field] = v
		if f := d.Do(t, "POST", path, d.As(t, testkit.DeskEmail), bad).Refused(t, 400, ""); len(f.Details.Fields) != 1 {
			t.Errorf("%s: %+v", field, f)
		}
	}
	if d.Snapshot(t) != before {
		t.Error("something changed")
	}
}

func TestVersionsOfATemplate(t *testing.T) {
	d := open(t)
	raw, err := os.ReadFile("builtin/phq-9.json")
	if err != nil {
		t.Fatal(err)
	}
	same, err := forms.ImportQuestionnaire(d.App, raw, forms.Import{Slug: "phq-9"})
	if err != nil || same.New || same.ID != d.templates["phq-9"] {
		t.Errorf("the same questionnaire: %+v %v", same, err)
	}
	changed := bytes.Replace(raw, []byte("Little interest or pleasure in doing things?"), []byte("Little interest?"), 2)
	next, err := forms.ImportQuestionnaire(d.App, changed, forms.Import{Slug: "phq-9"})
	if err != nil || !next.New || next.ID == d.templates["phq-9"] || next.Version != "2" {
		t.Fatalf("another wording: %+v %v", next, err)
	}
	old := collections.AsFormTemplate(d.Find(t, "form_templates", d.templates["phq-9"]))
	if old.Active() || !bytes.Contains(old.Questionnaire(), []byte("pleasure in doing things?")) || old.Version() != "1" {
		t.Error("the assigned version changed")
	}
	if v := d.view(d.phq); v.TemplateVersion != "1" {
		t.Errorf("the assigned form shows version %s", v.TemplateVersion)
	}
	back, err := forms.ExportQuestionnaire(d.App, "phq-9")
	if err != nil || !bytes.Contains(back, []byte("Little interest?")) {
		t.Errorf("export of the slug gives its latest: %v", err)
	}
	back, err = forms.ExportQuestionnaire(d.App, d.templates["phq-9"])
	a, errA := forms.Canonical(json.RawMessage(raw))
	b, errB := forms.Canonical(json.RawMessage(back))
	if err != nil || errA != nil || errB != nil || !bytes.Equal(a, b) {
		t.Error("what was imported does not come back")
	}
	if _, err := forms.ExportQuestionnaire(d.App, "nope"); err == nil {
		t.Error("export of nothing")
	}
	f, err := collections.NewPortalForm(d.App, testkit.Ada, d.templates["phq-9"])
	if err != nil {
		t.Fatal(err)
	}
	if err := kernel.SaveAs(d.App, kernel.System(), f.Record); err == nil {
		t.Error("a retired version was assigned")
	}
	before := d.Snapshot(t)
	for _, bad := range []string{`{}`, `[]`, `{"resourceType":"Questionnaire","status":"active","title":"T","item":[{"linkId":"a","type":"choice"}]}`} {
		if _, err := forms.ImportQuestionnaire(d.App, []byte(bad), forms.Import{}); err == nil {
			t.Errorf("%s was imported", bad)
		}
	}
	if d.Snapshot(t) != before {
		t.Error("a refused import changed something")
	}
}

func TestTemplatesThroughTheModel(t *testing.T) {
	d := open(t)
	spare, err := forms.ImportQuestionnaire(d.App, []byte(`{"resourceType":"Questionnaire","status":"active","title":"Spare","item":[{"linkId":"a","type":"string"}]}`), forms.Import{})
	if err != nil || spare.Slug != "spare" {
		t.Fatalf("%+v %v", spare, err)
	}
	template := collections.AsFormTemplate(d.Find(t, "form_templates", spare.ID))
	template.SetQuestionnaire([]byte(`{"resourceType":"Questionnaire","status":"active","title":"Spare","item":[{"linkId":"a","type":"nope"}]}`))
	if err := d.App.Save(template); err == nil {
		t.Error("an unsound questionnaire was saved")
	}
	template = collections.AsFormTemplate(d.Find(t, "form_templates", spare.ID))
	template.SetHash(strings.Repeat("0", 64))
	if err := d.App.Save(template); err != nil || template.Hash() == strings.Repeat("0", 64) {
		t.Errorf("the hash is the questionnaire's, whatever is set: %s %v", template.Hash(), err)
	}
	d.Add(t, "portal_forms", map[string]any{"client": testkit.Ada, "template": spare.ID})
	template = collections.AsFormTemplate(d.Find(t, "form_templates", spare.ID))
	template.SetQuestionnaire([]byte(`{"resourceType":"Questionnaire","status":"active","title":"Spare","item":[{"linkId":"b","type":"string"}]}`))
	if err := d.App.Save(template); err == nil {
		t.Error("an assigned questionnaire changed")
	}
	template = collections.AsFormTemplate(d.Find(t, "form_templates", spare.ID))
	template.SetTitle("Another title")
	template.SetActive(false)
	if err := d.App.Save(template); err != nil {
		t.Errorf("title and use may change: %v", err)
	}
}

func TestDocumentSurvivesACrash(t *testing.T) {
	d := open(t)
	// The job's row is lost, as after a restore; the next start asks again.
	id, _ := d.submitted(d.consent, map[string]any{"responses": agreed(), "signature": ink(), "attestation": true})
	d.pdf(d.consent)
	p, err := collections.PDFOf(d.App, id)
	if err != nil {
		t.Fatal(err)
	}
	made := p.Hash()
	if err := d.raw("DROP TRIGGER form_pdfs_frozen", nil); err != nil {
		t.Fatal(err)
	}
	if err := d.raw("UPDATE form_pdfs SET status = 'rendering', file = '', sha256 = '' WHERE id = {:id}", dbx.Params{"id": p.Id}); err != nil {
		t.Fatal(err)
	}
	if err := d.raw("DELETE FROM outbox", nil); err != nil {
		t.Fatal(err)
	}
	if r := d.Do(t, "GET", portal+"/"+d.consent+"/pdf", d.ada, nil); r.Status != 202 || r.Header.Get("Retry-After") == "" {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	if err := forms.OrderMissingDocuments(d.App); err != nil {
		t.Fatal(err)
	}
	d.pdf(d.consent)
	if p, err = collections.PDFOf(d.App, id); err != nil || p.Hash() != made {
		t.Errorf("made again it is another document: %v", err)
	}
}

func TestDamageIsNotPrinted(t *testing.T) {
	d := open(t)
	id, _ := d.submitted(d.phq, map[string]any{"responses": low(), "attestation": true})
	d.pdf(d.phq)
	p, err := collections.PDFOf(d.App, id)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(d.App.DataDir(), "storage", p.FileKey())
	sealed, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	sealed[len(sealed)/2] ^= 1
	if err := os.WriteFile(file, sealed, 0o600); err != nil {
		t.Fatal(err)
	}
	if r := d.Do(t, "GET", portal+"/"+d.phq+"/pdf", d.ada, nil); r.Status != 500 || bytes.Contains(r.Body, []byte("%PDF")) {
		t.Errorf("a damaged document: %d", r.Status)
	}
	// A submission whose row was changed past the triggers no longer has its hash.
	if err := d.raw("DROP TRIGGER form_submissions_frozen", nil); err != nil {
		t.Fatal(err)
	}
	if err := d.raw("UPDATE form_submissions SET signer_role = 'parent' WHERE id = {:id}", dbx.Params{"id": id}); err != nil {
		t.Fatal(err)
	}
	if err := d.raw("DROP TRIGGER form_pdfs_frozen", nil); err != nil {
		t.Fatal(err)
	}
	if err := d.raw("UPDATE form_pdfs SET status = 'rendering' WHERE id = {:id}", dbx.Params{"id": p.Id}); err != nil {
		t.Fatal(err)
	}
	if err := forms.OrderMissingDocuments(d.App); err != nil {
		t.Fatal(err)
	}
	outbox.Drain(context.Background(), d.App)
	if p, err = collections.PDFOf(d.App, id); err != nil || p.Status() != collections.PDFRendering {
		t.Error("a changed submission was printed")
	}
}

func TestErasedAnswersAreNotShown(t *testing.T) {
	d := open(t)
	d.submitted(d.phq, map[string]any{"responses": low(), "attestation": true})
	ring, err := phi.KeyringOf(d.App)
	if err != nil {
		t.Fatal(err)
	}
	if err := ring.Destroy(testkit.Ada); err != nil {
		t.Fatal(err)
	}
	if r := d.Do(t, "GET", portal, d.ada, nil); r.Status != 200 {
		t.Errorf("the list reads no sealed value: %d %s", r.Status, r.Body)
	}
	if r := d.Do(t, "GET", portal+"/"+d.phq, d.ada, nil); r.Status < 400 || bytes.Contains(r.Body, []byte("LA6569")) {
		t.Errorf("erased answers were shown: %d", r.Status)
	}
}

func TestStaffWhoReadAnswers(t *testing.T) {
	d := open(t)
	id, _ := d.submitted(d.phq, map[string]any{"responses": low(), "attestation": true})
	path := "/api/collections/form_submissions/records/" + id
	d.Add(t, "staff", map[string]any{"id": "staffben0000000", "email": "ben@clinic.example", "password": testkit.Password, "verified": true,
		"first_name": "Ben", "last_name": "Carter", "role": "clinician", "is_active": true})
	for who, may := range map[string]string{testkit.AnaEmail: "answers", testkit.AdminEmail: "answers", "ben@clinic.example": "", testkit.DeskEmail: "", testkit.BillingEmail: "", testkit.AdaEmail: ""} {
		r := d.Do(t, "GET", path, d.As(t, who), nil)
		if (r.Status == 200) != (may != "") {
			t.Errorf("%s: %d %s", who, r.Status, r.Body)
		}
		if got := bytes.Contains(r.Body, []byte("LA6569-3")); got != (may == "answers") {
			t.Errorf("%s sees the answers: %v", who, got)
		}
		if bytes.Contains(r.Body, []byte(`"signature":`)) {
			t.Errorf("%s sees the signature", who)
		}
	}
}

func TestLiveEventsCarryNoAnswers(t *testing.T) {
	d := open(t)
	id, _ := d.submitted(d.phq, map[string]any{"responses": low(), "attestation": true})
	for context, shown := range map[string]bool{core.RequestInfoContextDefault: true, core.RequestInfoContextRealtime: false} {
		r := d.Find(t, "form_submissions", id)
		e := &core.RecordEnrichEvent{App: d.App, RequestInfo: &core.RequestInfo{Auth: d.Find(t, "staff", testkit.AnaStaff), Context: context}}
		e.Record = r
		if err := d.App.OnRecordEnrich().Trigger(e); err != nil {
			t.Fatal(err)
		}
		if _, got := r.PublicExport()["responses"]; got != shown {
			t.Errorf("%s shows answers: %v", context, got)
		}
	}
}

func TestCommands(t *testing.T) {
	d := open(t)
	dir := t.TempDir()
	good, bad, out := filepath.Join(dir, "good.json"), filepath.Join(dir, "bad.json"), filepath.Join(dir, "out.json")
	for file, content := range map[string]string{
		good: `{"resourceType":"Questionnaire","status":"active","name":"Sleep Diary!","item":[{"linkId":"a","type":"time","text":"Slept at"}]}`,
		bad:  `{"resourceType":"Questionnaire","status":"active","title":"T","item":[{"linkId":"a","type":"choice"},{"linkId":"a","type":"string"}]}`,
	} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run := func(args ...string) (string, error) {
		c := forms.Command(d.App)
		var b bytes.Buffer
		c.SetOut(&b)
		c.SetErr(&b)
		c.SetArgs(args)
		c.SilenceUsage, c.SilenceErrors = true, true
		err := c.Execute()
		return b.String(), err
	}
	before := d.Snapshot(t)
	for _, args := range [][]string{{"import"}, {"import", bad}, {"import", good, bad}, {"import", filepath.Join(dir, "none.json")}, {"import", "--type", "poem", good},
		{"import", "--slug", "A B", good}, {"export", "nope", out}, {"export", "phq-9"}} {
		if said, err := run(args...); err == nil {
			t.Errorf("%v: no error, says %s", args, said)
		}
	}
	if _, err := run("import", bad); err == nil || !strings.Contains(err.Error(), "choice item without options") || !strings.Contains(err.Error(), "used twice") {
		t.Errorf("both problems are named: %v", err)
	}
	if d.Snapshot(t) != before {
		t.Error("a failed command changed something")
	}
	if said, err := run("import", "--type", "intake", "--signature", good); err != nil || !strings.Contains(said, "imported sleep-diary, version 1") {
		t.Errorf("%s %v", said, err)
	}
	if said, err := run("import", "--type", "intake", "--signature", good); err != nil || !strings.Contains(said, "unchanged sleep-diary, version 1") {
		t.Errorf("%s %v", said, err)
	}
	if _, err := run("export", "sleep-diary", out); err != nil {
		t.Fatal(err)
	}
	if raw, err := os.ReadFile(out); err != nil || !bytes.Contains(raw, []byte("Slept at")) {
		t.Errorf("%s %v", raw, err)
	}
	if _, err := run("export", "sleep-diary", out); err == nil {
		t.Error("a file was overwritten")
	}
}

func TestRealtimeItemIsTheEndpoints(t *testing.T) {
	d := open(t)
	var out struct{ Forms []json.RawMessage }
	d.Do(t, "GET", portal+"?limit=1", d.ada, nil).Data(t, &out)
	r := d.Find(t, "portal_forms", d.phq)
	item, err := forms.HeardItem(d.App, r)
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := json.Marshal(item)
	var all struct{ Forms []json.RawMessage }
	d.Do(t, "GET", portal, d.ada, nil).Data(t, &all)
	found := false
	for _, f := range all.Forms {
		found = found || bytes.Equal(f, raw)
	}
	if !found {
		t.Errorf("%s is not in the list", raw)
	}
	f := d.form(d.phq)
	f.SetStatus(collections.FormWithdrawn)
	if err := kernel.SaveAs(d.App, kernel.System(), f.Record); err != nil {
		t.Fatal(err)
	}
	if item, err := forms.HeardItem(d.App, f.Record); item != nil || err != nil {
		t.Errorf("a withdrawn form is told as %v, %v", item, err)
	}
}
