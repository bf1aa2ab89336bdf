package files

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"

	"anteroom/hooks/kernel"
)

// Form is the one file of a multipart/form-data body (RFC 7578), read as it arrives: nothing of it touches a disk. It
// gives its end only when the form ends properly behind it, with no second file.
type Form struct {
	Name   string // what the sender calls the file
	call   *kernel.Call
	reader *multipart.Reader
	part   *multipart.Part
	parts  int
	done   bool
}

const (
	formOverhead = 64 << 10 // bytes of a body beside its file
	maxFormParts = 20
	maxFormName  = 1024 // bytes
)

// FileOf begins to read the field "file" of a request's body.
func FileOf(c *kernel.Call) (*Form, error) {
	kind, _, err := mime.ParseMediaType(c.Request.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		return nil, &kernel.Error{Status: http.StatusUnsupportedMediaType, Code: kernel.CodeValidation, Reason: "UNSUPPORTED_MEDIA_TYPE",
			Message: "Send the file as multipart/form-data."}
	}
	f := &Form{call: c}
	if f.reader, err = c.Request.MultipartReader(); err != nil {
		return nil, malformed(err)
	}
	for {
		part, err := f.next()
		if errors.Is(err, io.EOF) {
			return nil, kernel.Invalid("FILE_EMPTY", "Choose a file.").Field("file", "required", "Choose a file.")
		}
		if err != nil {
			return nil, err
		}
		if part.FormName() != "file" {
			continue
		}
		f.Name, f.part = part.FileName(), part
		if f.Name == "" || len(f.Name) > maxFormName {
			return nil, malformed(errors.New("the file has no name, or no end of one"))
		}
		return f, nil
	}
}

func (f *Form) next() (*multipart.Part, error) {
	if f.parts++; f.parts > maxFormParts {
		return nil, malformed(errors.New("too many parts"))
	}
	part, err := f.reader.NextPart()
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, malformed(err)
	}
	return part, err
}

func (f *Form) Read(p []byte) (int, error) {
	if f.done {
		return 0, io.EOF
	}
	n, err := f.part.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		return n, malformed(err)
	}
	if err != nil {
		f.done = true
		if err := f.finish(); err != nil {
			return n, err
		}
	}
	return n, err
}

// finish wants the proper end of the form, and the sender still to be signed in.
func (f *Form) finish() error {
	for {
		part, err := f.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if part.FormName() == "file" || part.FileName() != "" {
			return malformed(errors.New("a second file"))
		}
	}
	if f.call.Caller != nil && f.call.Caller.Over != nil {
		if over := f.call.Caller.Over(); over != nil {
			return over
		}
	}
	return nil
}

// malformed is what breaks off, or is no form. A body that is too large stays that.
func malformed(err error) *kernel.Error {
	var tooBig *http.MaxBytesError
	if errors.As(err, &tooBig) {
		return kernel.AsError(err)
	}
	return kernel.Invalid("MALFORMED", "We could not read what was sent. Please try again.").Because(err)
}
