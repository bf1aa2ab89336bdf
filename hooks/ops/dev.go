package ops

import (
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"anteroom/hooks/kernel"
	"anteroom/hooks/outbox"
)

// bindDevelopment serves the mailbox, the phone and the clock of demo and dev. Production never registers these routes.
func bindDevelopment(se *core.ServeEvent) {
	// the page reads the server's clock from this header: a moved clock must be believed
	se.Router.BindFunc(func(e *core.RequestEvent) error {
		e.Response.Header().Set("Date", kernel.Now(e.App).Format(http.TimeFormat))
		return e.Next()
	})
	g := se.Router.Group("/dev")
	g.GET("/mail", devMail)
	g.DELETE("/mail", func(e *core.RequestEvent) error {
		if err := outbox.DeleteMails(e.App); err != nil {
			return kernel.Internal(err).Write(e)
		}
		return e.NoContent(http.StatusNoContent)
	})
	g.GET("/sms", devSMS)
	g.DELETE("/sms", func(e *core.RequestEvent) error {
		if err := outbox.DeleteTexts(e.App); err != nil {
			return kernel.Internal(err).Write(e)
		}
		return e.NoContent(http.StatusNoContent)
	})
	g.POST("/clock", devClock)
}

// devMail lists delivered mails, newest first: JSON for tools, a page for people.
func devMail(e *core.RequestEvent) error {
	q := e.Request.URL.Query()
	limit := 100
	if s := q.Get("limit"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > 1000 {
			return kernel.Invalid("", "limit is a number from 1 to 1000.").Write(e)
		}
		limit = n
	}
	mails, err := outbox.Mails(e.App, q.Get("to"), limit)
	if err != nil {
		return kernel.Internal(err).Write(e)
	}
	e.Response.Header().Set("Cache-Control", "no-store")
	if !strings.Contains(e.Request.Header.Get("Accept"), "text/html") {
		return e.JSON(http.StatusOK, mails)
	}
	// the page shows the real HTML of each mail, which carries its style inline as mail must
	e.Response.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'self'")
	var b strings.Builder
	if err := mailPage.Execute(&b, mails); err != nil {
		return kernel.Internal(err).Write(e)
	}
	return e.HTML(http.StatusOK, b.String())
}

// devSMS lists delivered text messages, newest first.
func devSMS(e *core.RequestEvent) error {
	to := e.Request.URL.Query().Get("to")
	if strings.HasPrefix(to, " ") { // a plus that was not escaped is a space in a query
		to = "+" + to[1:]
	}
	texts, err := outbox.Texts(e.App, to, 100)
	if err != nil {
		return kernel.Internal(err).Write(e)
	}
	e.Response.Header().Set("Cache-Control", "no-store")
	return e.JSON(http.StatusOK, texts)
}

var mailPage = template.Must(template.New("dev mail").Funcs(template.FuncMap{"kb": func(b []byte) int { return (len(b) + 1023) / 1024 }}).Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Mail, Anteroom demo</title>
<style>
:root{color-scheme:light dark} body{font:17px/1.5 system-ui,sans-serif;margin:0 auto;max-width:60rem;padding:2rem 1rem}
details{border:1px solid color-mix(in srgb,currentColor 25%,transparent);border-radius:12px;margin:0 0 12px;padding:12px 16px}
summary{cursor:pointer} summary b{margin-right:.5em} small{opacity:.75} iframe{width:100%;height:30rem;border:0;background:#fff;border-radius:8px;margin-top:12px}
a{color:inherit} pre{white-space:pre-wrap;font:inherit}
</style></head><body>
<h1>Mail this demo would have sent</h1>
<p>Newest first. Nothing leaves this machine. Reload to see new mail.</p>
{{range .}}<details><summary><b>{{.Subject}}</b> to {{.To}} <small>{{.CreatedAt.Format "Jan 2, 15:04:05"}} UTC</small></summary>
<pre>{{.Text}}</pre>
{{range .Attachments}}<p>Attached: {{.FileName}} ({{.MimeType}}, {{kb .ContentBase64}} kB)</p>{{end}}
<iframe sandbox srcdoc="{{.HTML}}" title="The mail as a mail program shows it"></iframe></details>
{{else}}<p>No mail yet.</p>{{end}}
</body></html>
`))

// devClock moves the server's clock forward, for tests of idle limits, reminders and deadlines.
func devClock(e *core.RequestEvent) error {
	var body struct {
		AdvanceSeconds *int64 `json:"advanceSeconds"`
	}
	if err := e.BindBody(&body); err != nil || body.AdvanceSeconds == nil || *body.AdvanceSeconds < 0 || *body.AdvanceSeconds > 400*24*3600 {
		return kernel.Invalid("", "Send {\"advanceSeconds\": N}, from 0 to 34,560,000.").Write(e)
	}
	kernel.Advance(e.App, time.Duration(*body.AdvanceSeconds)*time.Second)
	return e.JSON(http.StatusOK, map[string]string{"now": kernel.Now(e.App).Format(time.RFC3339)})
}
