package ops

import (
	"mime"
	"net/http"
	"strings"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"

	"anteroom/hooks/kernel"
)

// Where requests that change something may come from, and what they may be made of. Any page of the internet can let a
// browser send a form, or a body that says nothing about itself, without being asked first (Fetch, CORS-safelisted
// request headers); JSON and headers of our own it cannot.

// sentByOthers are the requests that other sites make on purpose: the return from a sign-in elsewhere, which Apple sends
// as a form, and the payment processor's signed events.
var sentByOthers = map[string]bool{
	"POST /api/oauth2-redirect":                 true,
	"POST " + kernel.Portal + "/stripe/webhook": true,
}

func bindOrigin(app core.App) {
	app.OnServe().BindFunc(func(se *core.ServeEvent) error {
		own := http.NewCrossOriginProtection()
		origins, _ := se.App.Store().Get(originsKey).([]string)
		for _, origin := range append(origins, kernel.ConfigOf(se.App).PublicURL) {
			if origin == "" {
				continue
			}
			if err := own.AddTrustedOrigin(origin); err != nil {
				return err
			}
		}
		// after the session check, inside the audit log's ear
		se.Router.Bind(&hook.Handler[*core.RequestEvent]{Id: "ops.origin", Priority: -1003, Func: func(e *core.RequestEvent) error {
			if !sentByOthers[e.Request.Pattern] && own.Check(e.Request) != nil {
				return kernel.Refuse(e, kernel.Forbidden("CROSS_SITE", "Another website asked for this. Open the portal itself and try again."))
			}
			return e.Next()
		}})
		se.Router.Bind(&hook.Handler[*core.RequestEvent]{Id: "ops.mediaType", Priority: -1002, Func: refuseOtherMedia})
		se.Router.Bind(&hook.Handler[*core.RequestEvent]{Id: "ops.noThumbs", Priority: -1001, Func: serveOriginals})
		se.Router.Bind(&hook.Handler[*core.RequestEvent]{Id: "ops.tooLarge", Priority: -1001, Func: refuseTooLarge})
		return se.Next()
	})
}

func refuseOtherMedia(e *core.RequestEvent) error {
	switch e.Request.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return e.Next()
	}
	if e.Request.ContentLength == 0 || !strings.HasPrefix(e.Request.URL.Path, "/api/") || e.Request.Pattern == "POST /api/oauth2-redirect" {
		return e.Next()
	}
	switch mediaType(e.Request) {
	case "application/json", "multipart/form-data":
		return e.Next()
	}
	return kernel.Refuse(e, kernel.NotJSON())
}

// mediaType is empty when a request does not say, or says nonsense.
func mediaType(r *http.Request) string {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return kind
}

// serveOriginals: PocketBase makes small pictures on request, and unpacks any picture for that: 31 kB can become a
// gigabyte of memory. Nobody gets one made; the file itself is served, as its rules admit.
func serveOriginals(e *core.RequestEvent) error {
	if strings.HasPrefix(e.Request.URL.Path, "/api/files/") {
		if q := e.Request.URL.Query(); q.Has("thumb") {
			q.Del("thumb")
			e.Request.URL.RawQuery = q.Encode()
		}
	}
	return e.Next()
}
