package forms

import (
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/filesystem"

	"anteroom/collections"
	"anteroom/hooks/kernel"
	"anteroom/hooks/outbox"
	"anteroom/hooks/phi"
)

const jobDocument = "form_pdf"

type documentJob struct {
	Submission string `json:"submission"`
}

func bindDocuments(app core.App) {
	phi.SealedFiles(app, collections.FormPDFs, "file", func(r *core.Record) string { return placeOf(collections.AsFormPDF(r)) })
	app.OnRecordUpdateExecute(collections.FormPDFs).Bind(inTransaction(freezeDocument))
	app.OnRecordDelete(collections.FormPDFs).BindFunc(refuseDeletion("The document of a signed form cannot be deleted."))
	app.OnServe().BindFunc(func(se *core.ServeEvent) error {
		if err := orderMissingDocuments(se.App); err != nil {
			return err
		}
		return se.Next()
	})
}

// freezeDocument: a document is made once.
func freezeDocument(e *core.RecordEvent) error {
	was, err := e.App.FindRecordById(collections.FormPDFs, e.Record.Id)
	if err != nil {
		return err
	}
	if collections.AsFormPDF(was).Status() == collections.PDFReady {
		return invalid("file", "kept", "The document of a signed form cannot be changed.")
	}
	return e.Next()
}

// orderDocument writes the document's row and the job that makes it, in the transaction of the signature.
func orderDocument(tx core.App, s *collections.FormSubmission) error {
	p, err := collections.NewFormPDF(tx, s)
	if err != nil {
		return err
	}
	if err := tx.Save(p); err != nil {
		return err
	}
	return outbox.Job(tx, jobDocument, "form_pdf:"+s.Id, documentJob{s.Id})
}

// orderMissingDocuments asks again, at every start, for what is still not there: the outbox may have given up, or its
// row may be gone. Asking twice makes one document.
func orderMissingDocuments(app core.App) error {
	missing, err := app.FindAllRecords(collections.FormPDFs, dbx.HashExp{"status": string(collections.PDFRendering)})
	if err != nil {
		return err
	}
	for _, r := range missing {
		id := collections.AsFormPDF(r).Submission()
		cause := "form_pdf:" + id + ":" + instantText(kernel.Now(app))
		if err := outbox.Job(app, jobDocument, cause, documentJob{id}); err != nil {
			return err
		}
	}
	return nil
}

// makeDocument is the job: it renders, seals and stores the document of one submission, once.
func makeDocument(app core.App, payload []byte) error {
	var job documentJob
	if err := json.Unmarshal(payload, &job); err != nil {
		return fmt.Errorf("document job: %w", err)
	}
	p, err := collections.PDFOf(app, job.Submission)
	if err != nil {
		return fmt.Errorf("document row: %w", err)
	}
	if p.Status() == collections.PDFReady {
		return nil
	}
	r, err := app.FindRecordById(collections.FormSubmissions, job.Submission)
	if err != nil {
		return fmt.Errorf("submission: %w", err)
	}
	d, err := documentOf(app, collections.AsFormSubmission(r))
	if err != nil {
		return err
	}
	pdf, err := RenderPDF(d)
	if err != nil {
		return err
	}
	ring, err := phi.KeyringOf(app)
	if err != nil {
		return err
	}
	file := phi.NewSealedFile(ring, p.Client(), placeOf(p), &filesystem.BytesReader{Bytes: pdf}, int64(len(pdf)))
	sum := sha256.Sum256(pdf)
	p.SetReady(file, hex.EncodeToString(sum[:]), len(pdf))
	return kernel.SaveAs(app, kernel.System(), p.Record)
}

// placeOf binds the sealed file to its row.
func placeOf(p *collections.FormPDF) string { return "form_pdfs|" + p.Id + "|file" }

// openDocument gives the document's bytes, and an error when they are not those that were made.
func openDocument(app core.App, p *collections.FormPDF) ([]byte, error) {
	pdf, err := phi.OpenSealedFile(app, p.Client(), placeOf(p), p.FileKey())
	if err != nil {
		return nil, fmt.Errorf("open document %s: %w", p.Id, err)
	}
	if sum := sha256.Sum256(pdf); hex.EncodeToString(sum[:]) != p.Hash() {
		return nil, fmt.Errorf("document %s is not the one that was made", p.Id)
	}
	return pdf, nil
}

var errRecordDiffers = errors.New("the stored submission does not have the hash it was signed with")

// documentOf gathers what is printed, from frozen rows, and refuses to print what does not match its hash.
func documentOf(app core.App, s *collections.FormSubmission) (Document, error) {
	var d Document
	t, err := collections.FindFormTemplate(app, s.Template())
	if err != nil {
		return d, fmt.Errorf("template: %w", err)
	}
	q, err := ParseQuestionnaire(t.Questionnaire())
	if err != nil {
		return d, fmt.Errorf("template %s: %w", t.Id, err)
	}
	responses, err := phi.Text(s.Record, "responses")
	if err != nil {
		return d, fmt.Errorf("responses: %w", err)
	}
	name, err := phi.Text(s.Record, "signer_name")
	if err != nil {
		return d, fmt.Errorf("signer: %w", err)
	}
	signature, err := storedSignature(s)
	if err != nil {
		return d, err
	}
	hash, err := evidenceOf(s, t.Hash(), name, json.RawMessage(responses)).Hash()
	if err != nil {
		return d, err
	}
	if hash != s.RecordHash() || signature != nil && signature.Hash() != s.GetString("signature_sha256") {
		return d, errRecordDiffers
	}
	// Attached documents were checked when the form was signed.
	sheet, err := q.Check([]byte(responses), Submit, func(string) bool { return true })
	if err != nil {
		return d, errors.New("the stored answers no longer fit their questionnaire")
	}
	c, err := app.FindRecordById(collections.Clients, s.Client())
	if err != nil {
		return d, fmt.Errorf("client: %w", err)
	}
	settings := collections.Settings(app)
	return Document{ID: s.Id, Clinic: settings.ClinicName, Zone: settings.Zone(), Title: q.Title, TemplateID: t.Id,
		TemplateVersion: s.TemplateVersion(), Client: c.GetString("first_name") + " " + c.GetString("last_name"),
		DateOfBirth: c.GetString("date_of_birth"), Sheet: sheet, Attestation: attestationFor(s.Attestation(), name),
		Signer: name, SignerRole: s.SignerRole(), Signature: signature, SignedAt: s.SubmittedAt(), RecordHash: hash}, nil
}

func storedSignature(s *collections.FormSubmission) (*Signature, error) {
	content, err := phi.Text(s.Record, "signature")
	if err != nil {
		return nil, fmt.Errorf("signature: %w", err)
	}
	switch s.SignatureKind() {
	case collections.SignatureNone:
		return nil, nil
	case collections.SignatureTyped:
		return &Signature{Typed: content}, nil
	}
	file, err := base64.StdEncoding.DecodeString(content)
	if err != nil {
		return nil, fmt.Errorf("signature: %w", err)
	}
	return &Signature{PNG: file}, nil
}

// documentReady gives the row of a submission's document; nil while it is being made.
func documentReady(app core.App, submission string) (*collections.FormPDF, error) {
	p, err := collections.PDFOf(app, submission)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil || p.Status() != collections.PDFReady {
		return nil, err
	}
	return p, nil
}
