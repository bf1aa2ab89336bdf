package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync/atomic"
	"time"
	"unicode"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/filesystem"
	"golang.org/x/text/unicode/norm"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
	"anteroom/hooks/phi"
)

// Kind is what the bytes of a file are, as a media type.
type Kind string

// Kinds that Accept knows. SVG, TIFF, HEIC, archives and office files are none: nobody here can draw them anew or look
// into them.
const (
	JPEG Kind = "image/jpeg"
	PNG  Kind = "image/png"
	WebP Kind = "image/webp"
	GIF  Kind = "image/gif" // its first frame
	PDF  Kind = "application/pdf"
)

// Images are the kinds that are drawn anew.
var Images = []Kind{JPEG, PNG, WebP, GIF}

func (k Kind) image() bool { return slices.Contains(Images, k) }

// Offer is a file that somebody sends.
type Offer struct {
	Client   string
	Purpose  string // Purpose…
	Name     string // what the sender calls it; kept for people, sealed
	Reader   io.Reader
	Size     int64 // bytes, when the sender says; 0: unknown. It is believed when it is too much, and never else
	Kinds    []Kind
	MaxBytes int64

	Square int          // pictures: cut to a square of so many pixels; 0 leaves their shape
	Action audit.Action // of the row's audit line; empty: UPLOAD_FILE
	// With is saved in the same transaction as the row: what the file is for.
	With func(tx core.App, u *collections.Upload) error
}

// Limits of what is worked on at the same moment.
const (
	atOnce       = 2         // pictures and PDFs; each may take a processor and 200 MB
	maxInMemory  = 160 << 20 // bytes of files that are arriving
	patience     = 15 * time.Second
	storing      = time.Minute
	quickAnswer  = 5 * time.Second // how long the sender waits for the scanner
	maxNameBytes = 255
)

var (
	working   = make(chan struct{}, atOnce)
	inMemory  atomic.Int64
	errTooBig = errors.New("more bytes than allowed")
)

// Accept takes one file in: it reads at most MaxBytes, recognises the type by the bytes, draws pictures anew, looks
// through PDFs, seals and stores what is kept, and asks the scanner. The row comes back with what is known by then; a file
// that waits for the scanner or for the staff is accepted, and cannot be fetched yet (Upload.MayBeFetched).
//
// A refusal is a *kernel.Error and leaves nothing: 400 FILE_EMPTY, FILE_TYPE, FILE_BROKEN, IMAGE_TOO_LARGE, FILE_ACTIVE,
// FILE_LOCKED, FILE_INFECTED (its row stays, without bytes), 413 BODY_TOO_LARGE, 503 STORAGE_UNAVAILABLE and BUSY.
func Accept(app core.App, actor kernel.Actor, o Offer) (*collections.Upload, error) {
	if app.IsTransactional() {
		return nil, errInTransaction
	}
	data, release, err := o.read()
	defer release()
	if err != nil {
		return nil, err
	}
	kind := kindOf(data)
	switch {
	case len(data) == 0:
		return nil, kernel.Invalid("FILE_EMPTY", "This file is empty.")
	case !slices.Contains(o.Kinds, kind):
		return nil, kernel.Invalid("FILE_TYPE", "This kind of file cannot be taken. "+inWords(o.Kinds))
	}
	kept, err := o.clean(data, kind)
	if err != nil {
		return nil, err
	}
	u, err := o.store(app, actor, kept)
	if err != nil {
		return nil, err
	}
	if u.Scan() != collections.ScanPending {
		return u, nil
	}
	scannerOf(app).once(u.Id, quickAnswer)
	r, err := app.FindRecordById(collections.Uploads, u.Id)
	if err != nil {
		return nil, err
	}
	if u = collections.AsUpload(r); u.Scan() == collections.ScanBlocked {
		return nil, kernel.Invalid("FILE_INFECTED", "The virus scanner found something in this file. It was not kept.")
	}
	return u, nil
}

// read takes the bytes into memory, where alone they may be in the clear. What arrives at the same time shares a bound.
func (o Offer) read() (data []byte, release func(), err error) {
	taken := int64(0)
	release = func() { inMemory.Add(-taken) }
	if o.Size > o.MaxBytes {
		return nil, release, tooLarge()
	}
	const step = 256 << 10
	for {
		if int64(len(data)) == int64(cap(data)) {
			more := max(step, int64(len(data)))
			taken += more
			if inMemory.Add(more) > maxInMemory {
				return nil, release, busy()
			}
			data = append(make([]byte, 0, int64(len(data))+more), data...)
		}
		n, err := o.Reader.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		switch {
		case int64(len(data)) > o.MaxBytes:
			return nil, release, tooLarge()
		case errors.Is(err, io.EOF):
			return data, release, nil
		case err != nil:
			return nil, release, kernel.AsError(err)
		}
	}
}

// clean gives what may be kept of a file.
func (o Offer) clean(data []byte, kind Kind) (drawn, error) {
	select {
	case working <- struct{}{}:
		defer func() { <-working }()
	case <-time.After(patience):
		return drawn{}, busy()
	}
	if kind.image() {
		return redraw(data, kind, o.Square, false)
	}
	return drawn{bytes: data, kind: kind}, checkPDF(data)
}

const storingKey = "@storing"

func (o Offer) store(app core.App, actor kernel.Actor, kept drawn) (*collections.Upload, error) {
	u, err := collections.NewUpload(app, o.Client, o.Purpose)
	if err != nil {
		return nil, err
	}
	ring, err := phi.KeyringOf(app)
	if err != nil {
		return nil, err
	}
	u.Id = core.GenerateDefaultRandomId()
	u.Set("uploaded_by", by(actor))
	u.Set("name", CleanName(o.Name))
	u.Set("mime", string(kept.kind))
	u.Set("size", len(kept.bytes))
	u.Set("width", kept.width)
	u.Set("height", kept.height)
	u.Set("file", phi.NewSealedFile(ring, o.Client, Place(u.Record), &filesystem.BytesReader{Bytes: kept.bytes}, int64(len(kept.bytes))))
	u.SetRaw(withKey, o.With)
	if o.Action == "" {
		o.Action = audit.UploadFile
	}
	audit.As(u.Record, o.Action)
	kernel.Stamp(u.Record, actor)
	ctx, cancel := context.WithTimeout(context.Background(), storing)
	defer cancel()
	if err := app.SaveWithContext(ctx, u.Record); err != nil {
		switch storing, _ := u.GetRaw(storingKey).(bool); {
		case errors.Is(err, phi.ErrErased):
			return nil, kernel.NotFound().Because(err)
		case storing:
			return nil, storageDown(err)
		}
		return nil, err
	}
	return u, nil
}

// by names an actor in a column: kind:id.
func by(a kernel.Actor) string {
	if a.ID == "" {
		return a.Kind
	}
	return a.Kind + ":" + a.ID
}

// kindOf recognises a file by its first bytes alone (WHATWG MIME Sniffing, as net/http does it).
func kindOf(data []byte) Kind {
	return Kind(strings.SplitN(http.DetectContentType(data), ";", 2)[0])
}

func inWords(kinds []Kind) string {
	switch {
	case slices.Equal(kinds, Images):
		return "Send a picture: JPEG, PNG, WebP or GIF."
	case slices.Equal(kinds, []Kind{PDF}):
		return "Send a PDF."
	}
	return "Send a picture (JPEG, PNG, WebP or GIF) or a PDF."
}

// CleanName makes a sender's name for a file fit to be shown: the last part of a path, composed, without control
// characters and those that turn the direction of text around, at most 255 bytes.
func CleanName(name string) string {
	name = strings.ToValidUTF8(name, "")
	name = path.Base(strings.ReplaceAll(name, `\`, "/"))
	name = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == unicode.ReplacementChar || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r) {
			return -1
		}
		return r
	}, norm.NFC.String(name))
	name = strings.Trim(name, " .")
	if len(name) > maxNameBytes {
		end := path.Ext(name)
		if len(end) > 16 {
			end = ""
		}
		name = strings.ToValidUTF8(name[:maxNameBytes-len(end)], "") + end
	}
	if name == "" || name == "/" {
		return "file"
	}
	return name
}

func tooLarge() *kernel.Error {
	return kernel.AsError(fmt.Errorf("%w: %w", errTooBig, &http.MaxBytesError{}))
}

func busy() *kernel.Error {
	return kernel.Unavailable("BUSY", "Many files are arriving at this moment. Please try again in a moment.")
}
