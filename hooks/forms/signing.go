package forms

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"time"

	"github.com/pocketbase/dbx"
	validation "github.com/pocketbase/ozzo-validation/v4"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
	"anteroom/hooks/notices"
	"anteroom/hooks/outbox"
	"anteroom/hooks/phi"
)

func bindSigning(app core.App) {
	app.OnRecordCreate(collections.FormSubmissions).BindFunc(sign)
	app.OnRecordCreateExecute(collections.FormSubmissions).Bind(inTransaction(complete))
	app.OnRecordUpdate(collections.FormSubmissions).BindFunc(refuseDeletion("A signed form cannot be changed."))
	app.OnRecordDelete(collections.FormSubmissions).BindFunc(refuseDeletion("A signed form cannot be deleted."))
}

// sign turns what was sent into what is kept. The record comes with the form, the responses, the signature as the API
// spells it, the attestation and the date the person claims; everything else is decided here, whatever was sent: who
// signs is the session's person, when is the server's time, which version is the assignment's.
func sign(e *core.RecordEvent) error {
	s := collections.AsFormSubmission(e.Record)
	actor := kernel.ActorOf(e.Record)
	form, err := collections.FindPortalForm(e.App, s.Client(), s.Form())
	if err != nil {
		return kernel.NotFound().Because(err)
	}
	signer, err := signerOf(e.App, actor, s.Client())
	if err != nil {
		return err
	}
	if form.Status() == collections.FormCompleted {
		return alreadySubmitted()
	}
	t, err := collections.FindFormTemplate(e.App, form.Template())
	if err != nil {
		return err
	}
	sheet, err := checkedAnswers(e.Record, t)
	if err != nil {
		return err
	}
	if !s.Attested() {
		return kernel.Invalid("ATTESTATION_REQUIRED", "Tick the box to confirm before you send the form.").
			Field("attestation", codeRequired, "Tick the box to confirm.")
	}
	if !claimedDate(s.ClaimedDate()) {
		return kernel.Invalid("", "The date of the signature is not a date.").Field("signatureDate", codeType, "Give a date, for example 2026-03-14.")
	}
	if err := takeSignature(s, signer.name, t.NeedsSignature()); err != nil {
		return err
	}
	responses, err := json.Marshal(sheet)
	if err != nil {
		return err
	}
	s.SetResponses(responses)
	s.SetTemplate(t)
	s.Set("attestation_text", t.Attestation())
	s.SetSigner(signer.user, signer.role, signer.name, kernel.Now(e.App))
	s.SetOrigin(actor.IP, actor.Agent)
	s.SetScore(sheet.Score())
	hash, err := evidenceOf(s, t.Hash(), signer.name, responses).Hash()
	if err != nil {
		return err
	}
	s.Set("record_sha256", hash)
	e.Record.SetRaw(sheetKey, sheet)
	return e.Next()
}

// sheetKey carries the checked answers from sign to complete.
const sheetKey = "@sheet"

func checkedAnswers(r *core.Record, t *collections.FormTemplate) (*Sheet, error) {
	q, err := ParseQuestionnaire(t.Questionnaire())
	if err != nil {
		return nil, err
	}
	raw, err := given(r, "responses")
	if err != nil {
		return nil, err
	}
	return q.Check([]byte(raw), Submit, nil)
}

// given reads an encrypted field that was just set. What cannot be stored at all (ciphertext, the mark of an
// unreadable value) is the sender's fault; anything else is the operator's.
func given(r *core.Record, field string) (string, error) {
	text, err := phi.Text(r, field)
	var refused validation.Error
	if errors.As(err, &refused) || errors.Is(err, core.ErrInvalidFieldValue) {
		return "", kernel.Invalid("RESPONSES_MALFORMED", "What was sent cannot be read.").Because(err)
	}
	return text, err
}

// signer is who signs, as the session and client_access know them. A request has no say in it.
type signer struct{ user, name, role string }

func signerOf(app core.App, actor kernel.Actor, client string) (signer, error) {
	if actor.Kind != kernel.KindClient || actor.Client != client {
		return signer{}, kernel.Forbidden("NOT_THE_SIGNER", "Only the person who signs can send a form.")
	}
	grants, err := kernel.Grants(app, actor.ID)
	if err != nil {
		return signer{}, err
	}
	for _, g := range grants {
		if g.Client == client && g.Covers(kernel.AreaVisits) {
			s := signer{user: actor.ID, role: g.Relationship}
			if s.name, err = nameOf(app, s, client); err == nil && s.name == "" {
				err = kernel.Conflict("SIGNER_UNNAMED", "Your account has no name yet. Please call the clinic before you sign.")
			}
			return s, err
		}
	}
	return signer{}, kernel.NotFound()
}

// nameOf is the name a signature stands for: the client's own as the clinic's record has it, or that of the login
// that acts for them.
func nameOf(app core.App, s signer, client string) (string, error) {
	collection, id := "portal_users", s.user
	if s.role == collections.RelationshipSelf {
		collection, id = collections.Clients, client
	}
	r, err := app.FindRecordById(collection, id)
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(r.GetString("first_name") + " " + r.GetString("last_name")), nil
}

var dayOrInstant = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}(T[0-9:.]{5,18}(Z|[+-]\d{2}:\d{2})?)?$`)

// claimedDate: the client's clock is no evidence. Its date is kept as it was sent, if it is one.
func claimedDate(s string) bool {
	if s == "" {
		return true
	}
	if !dayOrInstant.MatchString(s) {
		return false
	}
	_, err := time.Parse(time.DateOnly, s[:len(time.DateOnly)])
	return err == nil
}

func takeSignature(s *collections.FormSubmission, name string, needed bool) error {
	sent, err := given(s.Record, "signature")
	if err != nil {
		return err
	}
	if sent == "" {
		if needed {
			return noSignature()
		}
		s.SetSignature(collections.SignatureNone, "", "")
		return nil
	}
	signature, err := ReadSignature(json.RawMessage(sent), name)
	if err != nil {
		return err
	}
	if signature.PNG != nil {
		s.SetSignature(collections.SignatureDrawn, base64.StdEncoding.EncodeToString(signature.PNG), signature.Hash())
	} else {
		s.SetSignature(collections.SignatureTyped, signature.Typed, signature.Hash())
	}
	return nil
}

// attestationFor is the sentence the person reads before signing.
func attestationFor(text, name string) string { return strings.ReplaceAll(text, "{name}", name) }

func evidenceOf(s *collections.FormSubmission, templateHash, name string, responses json.RawMessage) Evidence {
	return Evidence{Form: s.Form(), Template: s.Template(), TemplateVersion: s.TemplateVersion(), TemplateHash: templateHash,
		Client: s.Client(), Responses: responses, Attestation: attestationFor(s.Attestation(), name),
		Signer: s.SignedBy(), SignerName: name, SignerRole: s.SignerRole(), SignedAt: instantText(s.SubmittedAt()),
		SignatureKind: s.SignatureKind(), SignatureHash: s.GetString("signature_sha256")}
}

// complete commits with the signature: the assignment's end, the order for the document, and who is told. The
// assignment is looked at here, where no other submission can come between.
func complete(e *core.RecordEvent) error {
	s := collections.AsFormSubmission(e.Record)
	actor := kernel.ActorOf(e.Record)
	form, err := collections.FindPortalForm(e.App, s.Client(), s.Form())
	if err != nil {
		return kernel.NotFound().Because(err)
	}
	if form.Status() == collections.FormCompleted {
		return alreadySubmitted()
	}
	if err := e.Next(); err != nil {
		return err
	}
	form.SetCompleted(s.SubmittedAt(), "portal")
	if sheet, ok := e.Record.GetRaw(sheetKey).(*Sheet); ok {
		form.SetProgress(sheet.Progress())
	}
	form.ClearDraft()
	audit.As(form.Record, audit.SubmitForm)
	if err := kernel.SaveAs(e.App, actor, form.Record); err != nil {
		return err
	}
	if err := orderDocument(e.App, s); err != nil {
		return err
	}
	return tellOfSubmission(e.App, form)
}

func tellOfSubmission(tx core.App, form *collections.PortalForm) error {
	cause := "form:" + form.Id + ":completed"
	t, err := collections.FindFormTemplate(tx, form.Template())
	if err != nil {
		return err
	}
	err = notices.Tell(tx, form.Client(), kernel.AreaVisits, notices.Notice{Type: collections.NoticeFormCompleted,
		Title: "Form sent", Message: t.Title(), Spanish: notices.Words{Title: "Formulario enviado", Message: t.Title()}, Link: "/forms/" + form.Id, Cause: cause})
	if err != nil {
		return err
	}
	concerned, err := concernedStaff(tx, form)
	if err != nil {
		return err
	}
	for _, staff := range concerned {
		if err := notices.TellStaff(tx, staff.Id, "form_completed", staffLink(form), form.Id, cause); err != nil {
			return err
		}
		err := outbox.Mail(tx, outbox.Message{Topic: "form_completed_staff", To: staff.Email(), Language: "en",
			Subject: "A client sent a form", Text: "A client of yours has filled in and sent a form. Sign in to read it.",
			Link: "/_/", LinkLabel: "Open the dashboard", Cause: cause + ":" + staff.Id})
		if err != nil {
			return err
		}
	}
	if len(concerned) == 0 { // nobody in particular: the desk
		return notices.TellStaff(tx, "", "form_completed", staffLink(form), form.Id, cause)
	}
	return nil
}

// staffLink leads to the signed form in the dashboard. It carries ids only.
func staffLink(form *collections.PortalForm) string {
	return "/_/#/collections?collection=" + collections.PortalForms + "&recordId=" + form.Id
}

// concernedStaff is the clinician who asked for the form, otherwise the leads of the client's care team, as far as
// they have a login.
func concernedStaff(tx core.App, form *collections.PortalForm) ([]*core.Record, error) {
	out := []*core.Record{}
	q := tx.RecordQuery("staff").AndWhere(dbx.HashExp{"staff.is_active": true}).Distinct(true)
	if form.Clinician() != "" {
		q = q.InnerJoin("clinicians c", dbx.NewExp("c.staff = staff.id AND c.id = {:c}", dbx.Params{"c": form.Clinician()}))
	} else {
		q = q.InnerJoin("care_team m", dbx.NewExp("m.staff = staff.id AND m.client = {:client} AND m.role = 'lead' AND (m.until = '' OR m.until > {:now})",
			dbx.Params{"client": form.Client(), "now": kernel.Now(tx).Format(types.DefaultDateLayout)}))
	}
	err := q.All(&out)
	return out, err
}
