package outbox

import (
	"encoding/base64"
	"strings"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/hooks/phi"
)

// Stored is a delivered mail as the development routes show it.
type Stored struct {
	ID          string             `json:"id"`
	To          string             `json:"to"`
	Subject     string             `json:"subject"`
	Text        string             `json:"text"`
	HTML        string             `json:"html"`
	Headers     map[string]string  `json:"headers"`
	Attachments []StoredAttachment `json:"attachments"`
	CreatedAt   time.Time          `json:"createdAt"`
}

// StoredAttachment carries its bytes in base64, as encoding/json writes them.
type StoredAttachment struct {
	FileName      string `json:"fileName"`
	MimeType      string `json:"mimeType"`
	ContentBase64 []byte `json:"contentBase64"`
}

// Mails lists delivered mails, newest first, to one address or to all.
func Mails(app core.App, to string, limit int) ([]Stored, error) {
	filter, params := "kind = 'mail' && status = 'sent'", dbx.Params{}
	if to != "" {
		filter += " && recipient = {:to}"
		params["to"] = to
	}
	rows, err := app.FindRecordsByFilter(Collection, filter, "-created,-@rowid", limit, 0, params)
	if err != nil {
		return nil, err
	}
	out := make([]Stored, 0, len(rows))
	for _, r := range rows {
		var m Message
		if err := phi.Unmarshal(r, "payload", &m); err != nil {
			return nil, err
		}
		c := compose(app, r.Id, m)
		if len(c.Logo) > 0 { // a browser knows no parts of a mail
			c.HTML = strings.ReplaceAll(c.HTML, "cid:"+logoName, "data:image/png;base64,"+base64.StdEncoding.EncodeToString(c.Logo))
		}
		s := Stored{ID: r.Id, To: m.To, Subject: c.Subject, Text: c.Text, HTML: c.HTML, Headers: c.Headers,
			Attachments: []StoredAttachment{}, CreatedAt: r.GetDateTime("created").Time()}
		for _, a := range m.Attachments {
			s.Attachments = append(s.Attachments, StoredAttachment{a.FileName, a.MimeType, a.Content})
		}
		out = append(out, s)
	}
	return out, nil
}

// DeleteMails empties the development mailbox.
func DeleteMails(app core.App) error { return deleteSent(app, kindMail) }

// DeleteTexts forgets what was sent to phones in development.
func DeleteTexts(app core.App) error { return deleteSent(app, kindSMS) }

func deleteSent(app core.App, kind string) error {
	rows, err := app.FindRecordsByFilter(Collection, "kind = {:kind} && status = 'sent'", "", 0, 0, dbx.Params{"kind": kind})
	if err != nil {
		return err
	}
	return app.RunInTransaction(func(tx core.App) error {
		for _, r := range rows {
			if err := tx.Delete(r); err != nil {
				return err
			}
		}
		return nil
	})
}
