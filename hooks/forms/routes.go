package forms

import (
	"database/sql"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
	"anteroom/hooks/phi"
)

// formItem is an assigned form in a list. Answered and Questions say how far it is filled in.
type formItem struct {
	ID               string     `json:"id"`
	FormType         string     `json:"formType"`
	FormTitle        string     `json:"formTitle"`
	Description      string     `json:"description,omitempty"`
	AssignedDate     time.Time  `json:"assignedDate"`
	DueDate          string     `json:"dueDate,omitempty"` // YYYY-MM-DD
	Status           string     `json:"status"`
	CompletedDate    *time.Time `json:"completedDate,omitempty"`
	IsOverdue        bool       `json:"isOverdue"`
	EstimatedMinutes int        `json:"estimatedMinutes,omitempty"`
	ClientID         string     `json:"clientId"`
	SignersLeft      int        `json:"signersLeft"`
	Answered         int        `json:"answered"`
	Questions        int        `json:"questions"`
}

type formRow struct {
	ID          string         `db:"id"`
	Client      string         `db:"client"`
	Type        string         `db:"form_type"`
	Title       string         `db:"title"`
	Description string         `db:"description"`
	AssignedAt  types.DateTime `db:"assigned_at"`
	DueDate     string         `db:"due_date"`
	Status      string         `db:"status"`
	CompletedAt types.DateTime `db:"completed_at"`
	Minutes     int            `db:"estimated_minutes"`
	Answered    int            `db:"answered"`
	Questions   int            `db:"questions"`
}

// selectItems reads what a list shows. The drafts stay sealed.
func selectItems(app core.App, where dbx.Expression) *dbx.SelectQuery {
	return app.ConcurrentDB().
		Select("f.id", "f.client", "t.form_type", "t.title", "t.description", "f.assigned_at", "f.due_date", "f.status",
			"f.completed_at", "t.estimated_minutes", "f.answered", "f.questions").
		From("portal_forms f").InnerJoin("form_templates t", dbx.NewExp("t.id = f.template")).
		Where(dbx.NewExp("f.status != 'withdrawn'")).AndWhere(where)
}

func (r formRow) item(app core.App) formItem {
	i := formItem{ID: r.ID, FormType: r.Type, FormTitle: r.Title, Description: r.Description, AssignedDate: r.AssignedAt.Time(),
		DueDate: r.DueDate, Status: r.Status, EstimatedMinutes: r.Minutes, ClientID: r.Client, Answered: r.Answered, Questions: r.Questions}
	if collections.FormStatus(r.Status).Open() {
		i.SignersLeft = 1
		today := kernel.Now(app).In(collections.Settings(app).Zone()).Format(time.DateOnly)
		i.IsOverdue = r.DueDate != "" && r.DueDate < today
	}
	if !r.CompletedAt.IsZero() {
		at := r.CompletedAt.Time()
		i.CompletedDate = &at
	}
	return i
}

// heardItem is what realtime tells of a form; nothing of one that was taken back.
func heardItem(app core.App, r *core.Record) (any, error) {
	var row formRow
	err := selectItems(app, dbx.HashExp{"f.id": r.Id}).One(&row)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return row.item(app), nil
}

// list gives the client's forms: what is to be done first, by due date, then what is done, the latest first.
func list(c *kernel.Call) (*kernel.Reply, error) {
	page, err := c.Page()
	if err != nil {
		return nil, err
	}
	where := dbx.HashExp{"f.client": c.Client()}
	if status := c.Request.URL.Query().Get("status"); status != "" {
		if !slices.Contains(collections.FormStatuses, collections.FormStatus(status)) {
			return nil, kernel.Invalid("", "That status does not exist.").Field("status", "option", "Must be pending, in_progress or completed.")
		}
		where["f.status"] = status
	}
	var total int
	if err := selectItems(c.App, where).Select("count(*)").Row(&total); err != nil {
		return nil, err
	}
	rows := []formRow{}
	err = selectItems(c.App, where).
		OrderBy("(f.status = 'completed')", "f.completed_at DESC", "(f.due_date = '')", "f.due_date", "f.assigned_at DESC", "f.id").
		Limit(int64(page.Limit)).Offset(int64(page.Offset)).All(&rows)
	if err != nil {
		return nil, err
	}
	items := make([]formItem, len(rows))
	for i, r := range rows {
		items[i] = r.item(c.App)
	}
	if err := audit.Read(c.App, audit.EntryFor(c.Actor, audit.ListForms, audit.Form, "")); err != nil {
		return nil, err
	}
	return kernel.Listed(map[string]any{"forms": items, "pagination": page.Of(total)}, page, total), nil
}

type signerItem struct {
	Role     string     `json:"role"`
	Name     string     `json:"name,omitempty"`
	SignedAt *time.Time `json:"signedAt,omitempty"`
}

type submissionItem struct {
	SubmissionID string    `json:"submissionId"`
	SubmittedAt  time.Time `json:"submittedAt"`
	PDFURL       string    `json:"pdfUrl"`
	SHA256       string    `json:"sha256"` // of the canonical record
}

type formView struct {
	Form              formItem        `json:"form"`
	Questionnaire     json.RawMessage `json:"questionnaire"`
	TemplateVersion   string          `json:"templateVersion"`
	Responses         json.RawMessage `json:"responses"`
	DraftVersion      int             `json:"draftVersion"`
	AttestationText   string          `json:"attestationText"`
	SignatureRequired bool            `json:"signatureRequired"`
	Signers           []signerItem    `json:"signers"`
	Submission        *submissionItem `json:"submission,omitempty"`
}

func view(c *kernel.Call) (*kernel.Reply, error) {
	f, err := collections.FindPortalForm(c.App, c.Client(), c.ID())
	if err != nil {
		return nil, err
	}
	t, err := collections.FindFormTemplate(c.App, f.Template())
	if err != nil {
		return nil, err
	}
	var row formRow
	if err := selectItems(c.App, dbx.HashExp{"f.id": f.Id}).One(&row); err != nil {
		return nil, err
	}
	v := formView{Form: row.item(c.App), Questionnaire: t.Questionnaire(), TemplateVersion: t.Version(), DraftVersion: f.DraftVersion(),
		SignatureRequired: t.NeedsSignature()}
	if f.Status() == collections.FormCompleted {
		err = v.showSigned(c.App, f)
	} else {
		err = v.showOpen(c, f, t)
	}
	if err != nil {
		return nil, err
	}
	if err := audit.Read(c.App, audit.EntryFor(c.Actor, audit.ViewForm, audit.Form, f.Id)); err != nil {
		return nil, err
	}
	return kernel.OK(v), nil
}

func (v *formView) showSigned(app core.App, f *collections.PortalForm) error {
	s, err := collections.SubmissionOf(app, f.Id)
	if err != nil {
		return err
	}
	responses, err := phi.Text(s.Record, "responses")
	if err != nil {
		return erased(err)
	}
	name, err := phi.Text(s.Record, "signer_name")
	if err != nil {
		return erased(err)
	}
	at := s.SubmittedAt()
	v.Responses = json.RawMessage(responses)
	v.AttestationText = attestationFor(s.Attestation(), name)
	v.Signers = []signerItem{{Role: s.SignerRole(), Name: name, SignedAt: &at}}
	v.Submission = submissionOf(s)
	return nil
}

func (v *formView) showOpen(c *kernel.Call, f *collections.PortalForm, t *collections.FormTemplate) error {
	s := signer{user: c.Actor.ID, role: c.Grant.Relationship}
	name, err := nameOf(c.App, s, c.Client())
	if err != nil {
		return err
	}
	v.AttestationText = attestationFor(t.Attestation(), name)
	v.Signers = []signerItem{{Role: s.role, Name: name}}
	draft, err := phi.Text(f.Record, "draft")
	if err != nil {
		return erased(err)
	}
	if draft == "" {
		q, err := ParseQuestionnaire(t.Questionnaire())
		if err != nil {
			return err
		}
		v.Responses, err = json.Marshal(q.Prefilled())
		return err
	}
	v.Responses = json.RawMessage(draft)
	return nil
}

func submissionOf(s *collections.FormSubmission) *submissionItem {
	return &submissionItem{SubmissionID: s.Id, SubmittedAt: s.SubmittedAt(), PDFURL: kernel.Portal + "/forms/" + s.Form() + "/pdf", SHA256: s.RecordHash()}
}

func saveDraft(c *kernel.Call) (*kernel.Reply, error) {
	f, err := collections.FindPortalForm(c.App, c.Client(), c.ID())
	if err != nil {
		return nil, err
	}
	var body struct {
		Responses    json.RawMessage `json:"responses"`
		DraftVersion *int            `json:"draftVersion"`
	}
	if err := c.Bind(&body); err != nil {
		return nil, err
	}
	missing := kernel.Invalid("", "Some of what was sent cannot be accepted.")
	if !sent(body.Responses) {
		_ = missing.Field("responses", codeRequired, "Send the answers.")
	}
	if body.DraftVersion == nil {
		_ = missing.Field("draftVersion", codeRequired, "Send the version of the draft that this one is based on.")
	}
	if missing.HasFields() {
		return nil, missing
	}
	f.SetDraft(body.Responses, *body.DraftVersion+1)
	audit.As(f.Record, audit.SaveDraft)
	if err := kernel.SaveAs(c.App, c.Actor, f.Record); err != nil {
		return nil, err
	}
	return kernel.OK(map[string]any{"draftVersion": f.DraftVersion(), "savedAt": f.DraftSavedAt()}), nil
}

// sent tells whether a member of a body is there and not null.
func sent(member json.RawMessage) bool { return len(member) > 0 && string(member) != "null" }

func submit(c *kernel.Call) (*kernel.Reply, error) {
	f, err := collections.FindPortalForm(c.App, c.Client(), c.ID())
	if err != nil {
		return nil, err
	}
	var body struct {
		Responses     json.RawMessage `json:"responses"`
		Signature     json.RawMessage `json:"signature"`
		SignatureDate string          `json:"signatureDate"`
		Attestation   bool            `json:"attestation"`
	}
	if err := c.Bind(&body); err != nil {
		return nil, err
	}
	if !sent(body.Responses) {
		return nil, kernel.Invalid("", "Send the answers.").Field("responses", codeRequired, "Send the answers.")
	}
	s, err := collections.NewFormSubmission(c.App, f)
	if err != nil {
		return nil, err
	}
	s.SetResponses(body.Responses)
	s.SetAttested(body.Attestation)
	s.SetClaimedDate(body.SignatureDate)
	if sent(body.Signature) {
		s.SetSignature("", string(body.Signature), "")
	}
	if err := kernel.SaveAs(c.App, c.Actor, s.Record); err != nil {
		return nil, err
	}
	done := submissionOf(s)
	return kernel.Created(map[string]any{"submissionId": done.SubmissionID, "submittedAt": done.SubmittedAt, "status": "COMPLETED",
		"sha256": done.SHA256, "pdfUrl": done.PDFURL}).Say("Your form was sent."), nil
}

func download(c *kernel.Call) (*kernel.Reply, error) {
	f, err := collections.FindPortalForm(c.App, c.Client(), c.ID())
	if err != nil {
		return nil, err
	}
	s, err := collections.SubmissionOf(c.App, f.Id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, kernel.Conflict("NOT_SIGNED", "This form has not been signed yet.")
	}
	if err != nil {
		return nil, err
	}
	p, err := documentReady(c.App, s.Id)
	if err != nil {
		return nil, err
	}
	if p == nil {
		c.Response.Header().Set("Retry-After", "1")
		return kernel.Accepted(map[string]string{"status": string(collections.PDFRendering)}), nil
	}
	pdf, err := openDocument(c.App, p)
	if err != nil {
		return nil, erased(err)
	}
	if err := audit.Read(c.App, audit.EntryFor(c.Actor, audit.DownloadFormPDF, audit.Form, f.Id)); err != nil {
		return nil, err
	}
	return kernel.Stream(func(e *core.RequestEvent) error {
		e.Response.Header().Set("Content-Disposition", `attachment; filename="form-`+f.Id+`.pdf"`)
		return e.Blob(http.StatusOK, "application/pdf", pdf)
	}), nil
}

// assign asks a client to fill in a form.
func assign(c *kernel.Call) (*kernel.Reply, error) {
	var body struct {
		ClientID   string `json:"clientId"`
		TemplateID string `json:"templateId"`
		DueDate    string `json:"dueDate"`
	}
	if err := c.Bind(&body); err != nil {
		return nil, err
	}
	if err := kernel.RequireReach(c.App, c.Actor, body.ClientID); err != nil {
		return nil, err
	}
	f, err := collections.NewPortalForm(c.App, body.ClientID, body.TemplateID)
	if err != nil {
		return nil, err
	}
	f.SetDueDate(body.DueDate)
	audit.As(f.Record, audit.AssignForm)
	if err := kernel.SaveAs(c.App, c.Actor, f.Record); err != nil {
		return nil, err
	}
	return kernel.Created(map[string]string{"id": f.Id}), nil
}

// erased tells that a record was erased: it is no fault of ours, and will not come back.
func erased(err error) error {
	if errors.Is(err, phi.ErrErased) {
		return kernel.Conflict("RECORD_ERASED", "This record was erased, because the clinic's time for keeping it has ended.").Because(err)
	}
	return err
}
