package collections

import (
	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"
)

// FormTemplates is the name of the collection.
const FormTemplates = "form_templates"

// Kinds of forms.
const (
	FormConsent    = "consent"
	FormIntake     = "intake"
	FormAssessment = "assessment"
	FormOther      = "other"
)

// FormTypes are all kinds of forms.
var FormTypes = []string{FormConsent, FormIntake, FormAssessment, FormOther}

// FormTemplate is one version of a questionnaire. Once it has been assigned it never changes: what changes is a new
// version, under the same slug.
type FormTemplate struct{ core.BaseRecordProxy }

// AsFormTemplate wraps a record of the collection.
func AsFormTemplate(r *core.Record) *FormTemplate {
	t := &FormTemplate{}
	t.SetProxyRecord(r)
	return t
}

// NewFormTemplate makes an empty template.
func NewFormTemplate(app core.App) (*FormTemplate, error) {
	c, err := app.FindCachedCollectionByNameOrId(FormTemplates)
	if err != nil {
		return nil, err
	}
	return AsFormTemplate(core.NewRecord(c)), nil
}

// FindFormTemplate gives one by id.
func FindFormTemplate(app core.App, id string) (*FormTemplate, error) {
	r, err := app.FindRecordById(FormTemplates, id)
	if err != nil {
		return nil, err
	}
	return AsFormTemplate(r), nil
}

// FormTemplateVersions lists every version of a slug, the latest first.
func FormTemplateVersions(app core.App, slug string) ([]*FormTemplate, error) {
	rows := []*core.Record{}
	err := app.RecordQuery(FormTemplates).AndWhere(dbx.HashExp{"slug": slug}).OrderBy("created DESC", "rowid DESC").All(&rows)
	if err != nil {
		return nil, err
	}
	out := make([]*FormTemplate, len(rows))
	for i, r := range rows {
		out[i] = AsFormTemplate(r)
	}
	return out, nil
}

// FormTemplateAssigned tells whether a template has ever been assigned.
func FormTemplateAssigned(app core.App, id string) (bool, error) {
	n, err := app.CountRecords(PortalForms, dbx.HashExp{"template": id})
	return n > 0, err
}

func (t *FormTemplate) Slug() string                { return t.GetString("slug") }
func (t *FormTemplate) SetSlug(s string)            { t.Set("slug", s) }
func (t *FormTemplate) Title() string               { return t.GetString("title") }
func (t *FormTemplate) SetTitle(s string)           { t.Set("title", s) }
func (t *FormTemplate) SetDescription(s string)     { t.Set("description", s) }
func (t *FormTemplate) SetFormType(kind string)     { t.Set("form_type", kind) }
func (t *FormTemplate) Version() string             { return t.GetString("version") }
func (t *FormTemplate) SetVersion(v string)         { t.Set("version", v) }
func (t *FormTemplate) SetMinutes(n int)            { t.Set("estimated_minutes", n) }
func (t *FormTemplate) NeedsSignature() bool        { return t.GetBool("signature_required") }
func (t *FormTemplate) SetNeedsSignature(b bool)    { t.Set("signature_required", b) }
func (t *FormTemplate) Attestation() string         { return t.GetString("attestation_text") }
func (t *FormTemplate) SetAttestation(s string)     { t.Set("attestation_text", s) }
func (t *FormTemplate) Active() bool                { return t.GetBool("is_active") }
func (t *FormTemplate) SetActive(b bool)            { t.Set("is_active", b) }
func (t *FormTemplate) SetLanguage(s string)        { t.Set("language", s) }
func (t *FormTemplate) Questionnaire() []byte       { return []byte(t.GetString("questionnaire")) }
func (t *FormTemplate) SetQuestionnaire(raw []byte) { t.Set("questionnaire", types.JSONRaw(raw)) }
func (t *FormTemplate) Hash() string                { return t.GetString("questionnaire_sha256") }
func (t *FormTemplate) SetHash(sha256 string)       { t.Set("questionnaire_sha256", sha256) }
