package outbox

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"html/template"
	"net"
	"net/mail"
	"strings"
	"time"

	"github.com/pocketbase/pocketbase/core"
	smtp "github.com/wneessen/go-mail"

	"anteroom/collections"
	"anteroom/hooks/kernel"
)

// Mailing is a mail ready to be sent.
type Mailing struct {
	ID          string
	From, To    mail.Address
	Subject     string
	Text, HTML  string
	Headers     map[string]string
	Attachments []Attachment
}

// compose puts a message into the clinic's layout. It works on every delivery anew, so a changed name or colour
// holds for what still waits.
func compose(app core.App, id string, m Message) Mailing {
	s := collections.Settings(app)
	cfg := kernel.ConfigOf(app)
	link := m.Link
	if strings.HasPrefix(link, "/") {
		link = cfg.PublicURL + link
	}
	lang := m.Language
	if lang == "" {
		lang = "en"
	}
	foot := map[string]string{
		"en": "This mail was sent by %s through its client portal. It holds no health details on purpose. If you did not expect it, call us.",
		"es": "Este correo lo envió %s desde su portal de clientes. A propósito no contiene datos de salud. Si no lo esperaba, llámenos.",
	}[lang]
	foot = fmt.Sprintf(foot, s.ClinicName)
	if s.Phone != "" {
		foot += " " + s.Phone
	}

	var text strings.Builder
	text.WriteString(m.Text)
	if m.Code != "" {
		text.WriteString("\n\n" + m.Code)
	}
	if link != "" {
		text.WriteString("\n\n" + m.LinkLabel + ":\n" + link)
	}
	text.WriteString("\n\n--\n" + foot + "\n")

	accent := s.AccentColor
	if accent == "" {
		accent = "#1c5f73"
	}
	var html bytes.Buffer
	err := layout.Execute(&html, map[string]any{"Lang": lang, "Clinic": s.ClinicName, "Accent": accent, "Subject": m.Subject,
		"Paragraphs": strings.Split(m.Text, "\n\n"), "Code": m.Code, "Link": link, "Label": m.LinkLabel, "Foot": foot})
	if err != nil { // the template is ours and its data are strings
		panic(err)
	}
	from := cfg.MailFrom
	if from == "" {
		from = "portal@localhost.example"
	}
	return Mailing{ID: id, From: mail.Address{Name: s.ClinicName, Address: from}, To: mail.Address{Address: m.To},
		Subject: m.Subject, Text: text.String(), HTML: html.String(), Attachments: m.Attachments,
		Headers: map[string]string{
			"Message-ID":               "<" + id + "@anteroom>",
			"Auto-Submitted":           "auto-generated",
			"X-Auto-Response-Suppress": "All",
		}}
}

// layout carries its style inline, because mail programs read nothing else. It loads nothing from anywhere.
var layout = template.Must(template.New("mail").Parse(`<!doctype html>
<html lang="{{.Lang}}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{{.Subject}}</title></head>
<body style="margin:0;background:#f5f7f9;color:#17222b;font:17px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif">
<div style="max-width:560px;margin:0 auto;padding:32px 20px">
<p style="margin:0 0 20px;font-weight:600"><span style="display:inline-block;width:14px;height:18px;border-radius:7px 7px 2px 2px;background:{{.Accent}};vertical-align:-3px;margin-right:10px"></span>{{.Clinic}}</p>
<div style="background:#fff;border:1px solid #dfe5ea;border-radius:18px;padding:24px">
{{range .Paragraphs}}<p style="margin:0 0 16px;white-space:pre-line">{{.}}</p>
{{end}}{{if .Code}}<p style="margin:0 0 16px;font:600 28px/1.4 ui-monospace,Consolas,monospace;letter-spacing:4px">{{.Code}}</p>
{{end}}{{if .Link}}<p style="margin:24px 0 8px"><a href="{{.Link}}" style="display:inline-block;background:{{.Accent}};color:#fff;text-decoration:none;font-weight:600;padding:13px 22px;border-radius:12px">{{.Label}}</a></p>
<p style="margin:0;font-size:14px;color:#51616d;word-break:break-all">{{.Link}}</p>
{{end}}</div>
<p style="margin:20px 0 0;font-size:14px;color:#51616d">{{.Foot}}</p>
</div></body></html>
`))

// errNoSender means that nobody told the program how mail leaves. The mail waits for it.
var errNoSender = errors.New("no mail server is configured: set SMTP_HOST and MAIL_FROM")

// senderFor picks how mail leaves: by SMTP when it is configured. In demo and dev the row itself is the mailbox, kept
// encrypted and readable at /dev/mail. A clinic in production without a mail server keeps its mail waiting, because
// nobody would ever read what was marked as sent.
func senderFor(cfg kernel.Config) func(context.Context, Mailing) error {
	switch {
	case cfg.SMTPHost != "":
		return func(ctx context.Context, m Mailing) error { return sendSMTP(ctx, cfg, m) }
	case cfg.IsLocal():
		return func(context.Context, Mailing) error { return nil }
	}
	return func(context.Context, Mailing) error { return errNoSender }
}

// sendSMTP sends one mail (RFC 5321). Every step has a deadline, and encryption that was asked for is not given up:
// a server that offers none gets no mail, because mails hold sign-in codes.
func sendSMTP(ctx context.Context, cfg kernel.Config, m Mailing) error {
	options := []smtp.Option{smtp.WithPort(cfg.SMTPPort), smtp.WithTimeout(smtpStep), smtp.WithDialContextFunc(breakOff(ctx, cfg))}
	switch cfg.SMTPTLS {
	case kernel.SMTPImplicitTLS:
		options = append(options, smtp.WithSSL())
	case kernel.SMTPPlain:
		options = append(options, smtp.WithTLSPolicy(smtp.NoTLS))
	default:
		options = append(options, smtp.WithTLSPolicy(smtp.TLSMandatory))
	}
	if cfg.SMTPUser != "" {
		options = append(options, smtp.WithSMTPAuth(smtp.SMTPAuthAutoDiscover), smtp.WithUsername(cfg.SMTPUser), smtp.WithPassword(cfg.SMTPPassword))
	}
	client, err := smtp.NewClient(cfg.SMTPHost, options...)
	if err != nil {
		return err
	}
	msg := smtp.NewMsg()
	if err := errors.Join(msg.FromFormat(m.From.Name, m.From.Address), msg.To(m.To.Address)); err != nil {
		return err
	}
	msg.Subject(m.Subject)
	for name, value := range m.Headers {
		msg.SetGenHeader(smtp.Header(name), value)
	}
	msg.SetBodyString(smtp.TypeTextPlain, m.Text)
	msg.AddAlternativeString(smtp.TypeTextHTML, m.HTML)
	for _, a := range m.Attachments {
		if err := msg.AttachReader(a.FileName, bytes.NewReader(a.Content), smtp.WithFileContentType(smtp.ContentType(a.MimeType))); err != nil {
			return err
		}
	}
	return client.DialAndSendWithContext(ctx, msg)
}

// breakOff dials so that a connection ends with ctx, in whatever step it hangs: the program must be able to stop.
func breakOff(ctx context.Context, cfg kernel.Config) smtp.DialContextFunc {
	return func(dial context.Context, network, address string) (net.Conn, error) {
		var d interface {
			DialContext(context.Context, string, string) (net.Conn, error)
		} = &net.Dialer{Timeout: smtpStep}
		if cfg.SMTPTLS == kernel.SMTPImplicitTLS {
			d = &tls.Dialer{NetDialer: &net.Dialer{Timeout: smtpStep}, Config: &tls.Config{ServerName: cfg.SMTPHost, MinVersion: tls.VersionTLS12}}
		}
		conn, err := d.DialContext(dial, network, address)
		if err == nil {
			context.AfterFunc(ctx, func() { _ = conn.Close() })
		}
		return conn, err
	}
}

const smtpStep = 15 * time.Second
