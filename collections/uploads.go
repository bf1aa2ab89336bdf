package collections

import (
	"time"

	"github.com/pocketbase/pocketbase/core"
)

// Uploads is the name of the collection.
const Uploads = "uploads"

// Scan is what is known about the content of a file.
type Scan string

const (
	ScanPending    Scan = "pending"     // the scanner has not answered yet
	ScanClean      Scan = "clean"       // the scanner found nothing, or the portal drew the picture anew itself
	ScanNotScanned Scan = "not_scanned" // there is no scanner: staff decide
	ScanBlocked    Scan = "blocked"     // found bad, or turned away by staff; its bytes are gone
)

// Upload is one file that somebody gave the clinic about a client. Its bytes are sealed under the client's key.
type Upload struct{ core.BaseRecordProxy }

// AsUpload wraps a record of the collection.
func AsUpload(r *core.Record) *Upload {
	u := &Upload{}
	u.SetProxyRecord(r)
	return u
}

// NewUpload makes an unsaved row.
func NewUpload(app core.App, client, purpose string) (*Upload, error) {
	c, err := app.FindCachedCollectionByNameOrId(Uploads)
	if err != nil {
		return nil, err
	}
	u := AsUpload(core.NewRecord(c))
	u.Set("client", client)
	u.Set("purpose", purpose)
	return u, nil
}

func (u *Upload) Client() string       { return u.GetString("client") }
func (u *Upload) Purpose() string      { return u.GetString("purpose") }
func (u *Upload) UploadedBy() string   { return u.GetString("uploaded_by") } // kind:id
func (u *Upload) Name() string         { return u.GetString("name") }
func (u *Upload) MIME() string         { return u.GetString("mime") }
func (u *Upload) Size() int            { return u.GetInt("size") }
func (u *Upload) Scan() Scan           { return Scan(u.GetString("scan")) }
func (u *Upload) Finding() string      { return u.GetString("finding") }
func (u *Upload) Released() bool       { return !u.GetDateTime("released_at").IsZero() }
func (u *Upload) Removed() bool        { return !u.GetDateTime("removed_at").IsZero() }
func (u *Upload) ScannedAt() time.Time { return u.GetDateTime("scanned_at").Time() }

// MayBeFetched tells whether anybody may have the bytes.
func (u *Upload) MayBeFetched() bool {
	return !u.Removed() && (u.Scan() == ScanClean || u.Scan() == ScanNotScanned && u.Released())
}
