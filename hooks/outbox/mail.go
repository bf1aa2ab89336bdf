package outbox

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"html/template"
	"io"
	"net"
	"net/mail"
	"net/url"
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
	Logo        []byte // PNG, which HTML shows as cid:clinic-logo; empty: the clinic has none
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
	foot := letterhead(app, s, cfg, lang)

	var text strings.Builder
	text.WriteString(m.Text)
	if m.Code != "" {
		text.WriteString("\n\n" + m.Code)
	}
	if link != "" {
		text.WriteString("\n\n" + m.LinkLabel + ":\n" + link)
	}
	text.WriteString("\n\n--\n" + strings.Join(foot.Clinic, "\n") + "\n\n" + strings.Join(foot.Safety, "\n") + "\n")

	accent := s.AccentColor
	if accent == "" {
		accent = "#1c5f73"
	}
	logo := logoOf(app, s)
	var html bytes.Buffer
	err := layout.Execute(&html, map[string]any{"Lang": lang, "Clinic": s.ClinicName, "Accent": accent, "Subject": m.Subject,
		"Paragraphs": strings.Split(m.Text, "\n\n"), "Code": m.Code, "Link": link, "Label": m.LinkLabel, "Foot": foot, "Logo": logoSource(logo)})
	if err != nil { // the template is ours and its data are strings
		panic(err)
	}
	return Mailing{ID: id, From: mail.Address{Name: s.ClinicName, Address: cfg.Sender()}, To: mail.Address{Address: m.To},
		Subject: m.Subject, Text: text.String(), HTML: html.String(), Logo: logo, Attachments: m.Attachments,
		Headers: map[string]string{
			"Message-ID":               "<" + id + "@anteroom>",
			"Auto-Submitted":           "auto-generated",
			"X-Auto-Response-Suppress": "All",
		}}
}

// foot is what answers "is this really my clinic?": who writes and how to reach them, and what a swindler's mail could
// not say truthfully.
type foot struct {
	Clinic []string // name, address, phone
	Safety []string
}

// letterhead gathers it. A mail without an address is still a mail: an error is the operator's.
func letterhead(app core.App, s *collections.ClinicSettings, cfg kernel.Config, lang string) foot {
	address, phone := "", s.Phone
	place, err := collections.MainLocation(app)
	if err != nil {
		app.Logger().Error("read the clinic's address for a mail", "error", err)
	}
	if place != nil {
		address, phone = place.Address().Line(), cmp.Or(phone, place.Phone())
	}
	w := footWords[lang]
	f := foot{Safety: []string{w.secrets, fmt.Sprintf(w.sender, s.ClinicName)}}
	for _, line := range []string{s.ClinicName, address, phone} {
		if line != "" {
			f.Clinic = append(f.Clinic, line)
		}
	}
	if u, err := url.Parse(cfg.PublicURL); err == nil && u.Host != "" {
		f.Safety = append([]string{fmt.Sprintf(w.host, u.Host)}, f.Safety...)
	}
	return f
}

var footWords = map[string]struct{ host, secrets, sender string }{
	"en": {"Links in this email lead to %s and nowhere else.", "We never ask for your password or a code by email or phone.",
		"%s sent this email through its client portal. On purpose, it says nothing about your health. If you did not expect it, call us."},
	"es": {"Los enlaces de este correo llevan a %s y a ningún otro lugar.", "Nunca le pediremos su contraseña ni un código por correo o por teléfono.",
		"%s envió este correo desde su portal de clientes. A propósito, no dice nada sobre su salud. Si no lo esperaba, llámenos."},
}

// A logo travels inside the mail, because mail programs load nothing from elsewhere before they are asked to.
const (
	logoName = "clinic-logo"
	logoMost = 200 << 10 // bytes; a larger one would weigh more than the mail is worth
)

// logoOf reads the clinic's logo, or gives nothing: then the mark in the clinic's colour stands in its place.
func logoOf(app core.App, s *collections.ClinicSettings) []byte {
	if s.Logo == "" {
		return nil
	}
	raw, err := readLogo(app, s)
	if err != nil {
		app.Logger().Error("read the clinic's logo for a mail", "error", err)
		return nil
	}
	if len(raw) > logoMost {
		return nil
	}
	return raw
}

func readLogo(app core.App, s *collections.ClinicSettings) ([]byte, error) {
	c, err := app.FindCachedCollectionByNameOrId(collections.ClinicSettingsName)
	if err != nil {
		return nil, err
	}
	files, err := app.NewFilesystem()
	if err != nil {
		return nil, err
	}
	defer func() { _ = files.Close() }()
	r, err := files.GetReader(c.BaseFilesPath() + "/" + s.ID + "/" + s.Logo)
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	return io.ReadAll(io.LimitReader(r, logoMost+1))
}

func logoSource(logo []byte) template.URL {
	if len(logo) == 0 {
		return ""
	}
	return "cid:" + logoName
}

// layout carries its style inline, because mail programs read nothing else. It loads nothing from anywhere.
var layout = template.Must(template.New("mail").Parse(`<!doctype html>
<html lang="{{.Lang}}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{{.Subject}}</title></head>
<body style="margin:0;background:#f5f7f9;color:#17222b;font:17px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif">
<div style="max-width:560px;margin:0 auto;padding:32px 20px">
<p style="margin:0 0 20px;font-weight:600">{{if .Logo}}<img src="{{.Logo}}" alt="" height="32" style="height:32px;width:auto;vertical-align:middle;margin-right:10px">{{else}}<span style="display:inline-block;width:14px;height:18px;border-radius:7px 7px 2px 2px;background:{{.Accent}};vertical-align:-3px;margin-right:10px"></span>{{end}}{{.Clinic}}</p>
<div style="background:#fff;border:1px solid #dfe5ea;border-radius:18px;padding:24px">
{{range .Paragraphs}}<p style="margin:0 0 16px;white-space:pre-line">{{.}}</p>
{{end}}{{if .Code}}<p style="margin:0 0 16px;font:600 28px/1.4 ui-monospace,Consolas,monospace;letter-spacing:4px">{{.Code}}</p>
{{end}}{{if .Link}}<p style="margin:24px 0 8px"><a href="{{.Link}}" style="display:inline-block;background:{{.Accent}};color:#fff;text-decoration:none;font-weight:600;padding:13px 22px;border-radius:12px">{{.Label}}</a></p>
<p style="margin:0;font-size:14px;color:#51616d;word-break:break-all">{{.Link}}</p>
{{end}}</div>
<p style="margin:20px 0 12px;font-size:14px;color:#51616d">{{range $i, $line := .Foot.Clinic}}{{if $i}}<br>{{end}}{{$line}}{{end}}</p>
{{range .Foot.Safety}}<p style="margin:0 0 6px;font-size:14px;color:#51616d">{{.}}</p>
{{end}}</div></body></html>
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
	if len(m.Logo) > 0 {
		err := msg.EmbedReader("logo.png", bytes.NewReader(m.Logo), smtp.WithFileContentType("image/png"), smtp.WithFileContentID("<"+logoName+">"))
		if err != nil {
			return err
		}
	}
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
