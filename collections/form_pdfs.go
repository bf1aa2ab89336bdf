package collections

import (
	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
)

// FormPDFs is the name of the collection: the documents of signed forms. They are made after the signature is on
// record, so they have rows of their own.
const FormPDFs = "form_pdfs"

// PDFStatus is where a document stands. One that cannot be made stays in rendering, where the next start of the
// server finds it.
type PDFStatus string

const (
	PDFRendering PDFStatus = "rendering"
	PDFReady     PDFStatus = "ready"
)

// FormPDF is the document of one submission. Its file is sealed under the client's data key.
type FormPDF struct{ core.BaseRecordProxy }

// AsFormPDF wraps a record of the collection.
func AsFormPDF(r *core.Record) *FormPDF {
	p := &FormPDF{}
	p.SetProxyRecord(r)
	return p
}

// NewFormPDF makes the row of a document that is yet to be made.
func NewFormPDF(app core.App, of *FormSubmission) (*FormPDF, error) {
	c, err := app.FindCachedCollectionByNameOrId(FormPDFs)
	if err != nil {
		return nil, err
	}
	p := AsFormPDF(core.NewRecord(c))
	p.Set("client", of.Client())
	p.Set("submission", of.Id)
	p.Set("status", string(PDFRendering))
	return p, nil
}

// PDFOf finds the document of a submission.
func PDFOf(app core.App, submission string) (*FormPDF, error) {
	r, err := app.FindFirstRecordByFilter(FormPDFs, "submission = {:s}", dbx.Params{"s": submission})
	if err != nil {
		return nil, err
	}
	return AsFormPDF(r), nil
}

func (p *FormPDF) Client() string     { return p.GetString("client") }
func (p *FormPDF) Submission() string { return p.GetString("submission") }
func (p *FormPDF) Status() PDFStatus  { return PDFStatus(p.GetString("status")) }
func (p *FormPDF) Hash() string       { return p.GetString("sha256") }

// FileKey is where the sealed file lies in the storage.
func (p *FormPDF) FileKey() string { return p.BaseFilesPath() + "/" + p.GetString("file") }

// SetReady attaches the sealed file. The hash and the size are those of the document itself.
func (p *FormPDF) SetReady(file any, sha256 string, size int) {
	p.Set("status", string(PDFReady))
	p.Set("file", file)
	p.Set("sha256", sha256)
	p.Set("size", size)
}
