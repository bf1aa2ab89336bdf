package site

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"html/template"
	"net/http"
	"strings"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"
	"golang.org/x/text/language"

	"anteroom/collections"
	"anteroom/hooks/kernel"
)

// Whoever signs in elsewhere does so in a second window. The provider sends it to PocketBase's return address, which
// hands the answer to the window that waits, and then to a page that says what there is left to do.
//
// The two windows have no hold of each other: Cross-Origin-Opener-Policy same-origin stays on every page, so a provider
// cannot turn the page that waits into something else. So the second window ends by itself, or says that it can be closed.

const (
	returnPath = "/api/oauth2-redirect"
	backPath   = "/sign-in/elsewhere/" // and the outcome: done or failed
)

func bindElsewhere(se *core.ServeEvent) {
	se.Router.Bind(&hook.Handler[*core.RequestEvent]{Id: "site.elsewhere", Func: func(e *core.RequestEvent) error {
		if e.Request.URL.Path == returnPath {
			e.Response = backToPortal{e.Response}
		}
		return e.Next()
	}})
	se.Router.GET(backPath+"{outcome}", backFromElsewhere)
}

// backToPortal turns PocketBase's way to its dashboard into the way to our page: clients know nothing of a dashboard.
type backToPortal struct{ http.ResponseWriter }

func (w backToPortal) WriteHeader(status int) {
	h := w.Header()
	if to := h.Get("Location"); strings.HasSuffix(to, "oauth2-redirect-success") {
		h.Set("Location", backPath+"done")
	} else if to != "" {
		h.Set("Location", backPath+"failed")
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w backToPortal) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// backWords are what the second window says while it is there.
type backWords struct{ Done, Failed, Close string }

var backIn = []struct {
	Tag language.Tag
	backWords
}{
	{language.English, backWords{"That’s all here.", "That did not work, or was cancelled.", "You can close this window and go on where you came from."}},
	{language.Spanish, backWords{"Eso es todo aquí.", "No funcionó o se canceló.", "Puede cerrar esta ventana y seguir donde estaba."}},
}

var backLanguages = language.NewMatcher([]language.Tag{language.English, language.Spanish})

const (
	backStyle = `:root{color-scheme:light dark}body{display:grid;place-content:center;min-height:90vh;margin:1.5rem;font:1.0625rem/1.6 system-ui,sans-serif}h1{margin:0;font-size:1.5rem;line-height:1.3}`
	// Only a window that finished closes itself, where the browser lets it: the words of the others may be all that
	// somebody hears.
	backScript = `window.close()`
)

var (
	backPolicy = "default-src 'none'; style-src " + hashOf(backStyle) + "; script-src " + hashOf(backScript) + "; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	backPage   = template.Must(template.New("").Parse(`<!doctype html>
<html lang="{{.Language}}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{{.Said}} {{.Clinic}}</title>
<style>` + backStyle + `</style>
</head>
<body>
<main>
<p>{{.Clinic}}</p>
<h1>{{.Said}}</h1>
<p>{{.Close}}</p>
</main>
{{if .Done}}<script>` + backScript + `</script>
{{end}}</body>
</html>
`))
)

// hashOf admits one piece of inline code (CSP Level 3, 2.3.1).
func hashOf(code string) string {
	sum := sha256.Sum256([]byte(code))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

func backFromElsewhere(e *core.RequestEvent) error {
	_, i := language.MatchStrings(backLanguages, e.Request.Header.Get("Accept-Language"))
	words := backIn[i]
	said, done := words.Done, true
	switch e.Request.PathValue("outcome") {
	case "done":
	case "failed":
		said, done = words.Failed, false
	default:
		return kernel.NotFound().Write(e)
	}
	var page bytes.Buffer
	err := backPage.Execute(&page, map[string]any{"Language": words.Tag.String(), "Clinic": collections.Settings(e.App).ClinicName,
		"Said": said, "Close": words.Close, "Done": done})
	if err != nil {
		return kernel.Internal(err).Write(e)
	}
	e.Response.Header().Set("Content-Security-Policy", backPolicy)
	e.Response.Header().Set("Cache-Control", "no-store")
	return e.HTML(http.StatusOK, page.String())
}
