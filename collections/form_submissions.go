package collections

import (
	"strconv"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"
)

// FormSubmissions is the name of the collection: what was signed, frozen.
const FormSubmissions = "form_submissions"

// Kinds of signature.
const (
	SignatureDrawn = "drawn" // a PNG, base64
	SignatureTyped = "typed" // the signer's name
	SignatureNone  = "none"  // the form asks for none
)

// FormSubmission is a form as it was signed.
type FormSubmission struct{ core.BaseRecordProxy }

// AsFormSubmission wraps a record of the collection.
func AsFormSubmission(r *core.Record) *FormSubmission {
	s := &FormSubmission{}
	s.SetProxyRecord(r)
	return s
}

// NewFormSubmission makes the unsigned submission of a form.
func NewFormSubmission(app core.App, of *PortalForm) (*FormSubmission, error) {
	c, err := app.FindCachedCollectionByNameOrId(FormSubmissions)
	if err != nil {
		return nil, err
	}
	s := AsFormSubmission(core.NewRecord(c))
	s.Set("client", of.Client())
	s.Set("form", of.Id)
	return s, nil
}

// SubmissionOf finds what was signed for a form; sql.ErrNoRows when nothing was.
func SubmissionOf(app core.App, form string) (*FormSubmission, error) {
	r, err := app.FindFirstRecordByFilter(FormSubmissions, "form = {:form}", dbx.Params{"form": form})
	if err != nil {
		return nil, err
	}
	return AsFormSubmission(r), nil
}

func (s *FormSubmission) Client() string                { return s.GetString("client") }
func (s *FormSubmission) Form() string                  { return s.GetString("form") }
func (s *FormSubmission) Template() string              { return s.GetString("template") }
func (s *FormSubmission) TemplateVersion() string       { return s.GetString("template_version") }
func (s *FormSubmission) SignedBy() string              { return s.GetString("signed_by") }
func (s *FormSubmission) SignerRole() string            { return s.GetString("signer_role") }
func (s *FormSubmission) SubmittedAt() time.Time        { return s.GetDateTime("submitted_at").Time() }
func (s *FormSubmission) Attested() bool                { return s.GetBool("attestation") }
func (s *FormSubmission) SetAttested(b bool)            { s.Set("attestation", b) }
func (s *FormSubmission) Attestation() string           { return s.GetString("attestation_text") }
func (s *FormSubmission) SignatureKind() string         { return s.GetString("signature_kind") }
func (s *FormSubmission) ClaimedDate() string           { return s.GetString("signature_date_claimed") }
func (s *FormSubmission) SetClaimedDate(d string)       { s.Set("signature_date_claimed", d) }
func (s *FormSubmission) RecordHash() string            { return s.GetString("record_sha256") }
func (s *FormSubmission) SetResponses(responses []byte) { s.Set("responses", types.JSONRaw(responses)) }
func (s *FormSubmission) SetTemplate(t *FormTemplate) {
	s.Set("template", t.Id)
	s.Set("template_version", t.Version())
}
func (s *FormSubmission) SetSigner(user, role, name string, at time.Time) {
	s.Set("signed_by", user)
	s.Set("signer_role", role)
	s.Set("signer_name", name)
	s.Set("submitted_at", at)
}
func (s *FormSubmission) SetOrigin(ip, agent string) {
	s.Set("ip_address", ip)
	s.Set("user_agent", agent)
}

// SetSignature keeps a signature: the base64 of a PNG, or the typed name.
func (s *FormSubmission) SetSignature(kind, content, sha256 string) {
	s.Set("signature_kind", kind)
	s.Set("signature", content)
	s.Set("signature_sha256", sha256)
}

// SetScore keeps the total; scored is false when nothing that carries a score was answered.
func (s *FormSubmission) SetScore(total float64, scored bool) {
	s.Set("score", "") // encrypted as text, because the column holds ciphertext
	if scored {
		s.Set("score", strconv.FormatFloat(total, 'f', -1, 64))
	}
	s.Set("scored", scored)
}
