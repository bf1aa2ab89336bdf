// Package site owns what a browser gets before anybody signs in: the page itself, the clinic's brand, the public
// configuration, and the headers of every answer. It reads clinic_settings and locations and changes nothing.
// What must never happen: a script or style from another origin, personal data in a cacheable answer.
package site

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io/fs"
	"net/http"
	"strings"

	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"

	"anteroom/collections"
	"anteroom/hooks/kernel"
	"anteroom/hooks/outbox"
)

// DefaultAccent is the colour of a clinic that chose none.
const DefaultAccent = "#1c5f73"

// Bind serves the page from public, the brand and the configuration. payments tells the page how money is taken:
// stripe, test or off.
func Bind(app core.App, public fs.FS, payments string) {
	bindHeaders(app)
	kernel.Handle(app, kernel.Route{Method: http.MethodGet, Path: kernel.Portal + "/config", Access: kernel.Public,
		Do: func(c *kernel.Call) (*kernel.Reply, error) { return config(c, payments) }})
	app.OnServe().BindFunc(func(se *core.ServeEvent) error {
		se.Router.GET("/brand.css", brand)
		bindElsewhere(se)
		if public != nil {
			se.Router.GET("/{path...}", page(public)).Bind(apis.Gzip())
		}
		return se.Next()
	})
}

// bindHeaders sets what OWASP advises (clinic backend specification, section 8, corrected: X-XSS-Protection is off, because
// the old filter it turned on could be made to cut pages up). PocketBase's dashboard keeps its own policy, because it needs inline style.
func bindHeaders(app core.App) {
	app.OnServe().BindFunc(func(se *core.ServeEvent) error {
		https := strings.HasPrefix(kernel.ConfigOf(app).PublicURL, "https://")
		portal := policy(kernel.ConfigOf(app).StripePublishableKey != "")
		se.Router.Unbind(apis.DefaultSecurityHeadersMiddlewareId) // PocketBase's set turns an old browser filter on
		se.Router.Bind(&hook.Handler[*core.RequestEvent]{Id: "site.headers", Priority: -99000, Func: func(e *core.RequestEvent) error {
			h := e.Response.Header()
			h.Set("X-Content-Type-Options", "nosniff")
			h.Set("X-XSS-Protection", "0")
			h.Set("X-DNS-Prefetch-Control", "on")
			h.Set("Referrer-Policy", referrerPolicy(e.Request))
			h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), browsing-topics=()")
			h.Set("Cross-Origin-Opener-Policy", "same-origin")
			if https {
				h.Set("Strict-Transport-Security", "max-age=63072000; includeSubDomains; preload")
			}
			path := e.Request.URL.Path
			switch {
			case strings.HasPrefix(path, "/_/"):
				h.Set("X-Frame-Options", "SAMEORIGIN")
				h.Set("X-Robots-Tag", "noindex")
			case strings.HasPrefix(path, "/api/"):
				h.Set("X-Frame-Options", "DENY")
				h.Set("X-Robots-Tag", "noindex")
				h.Set("Cross-Origin-Resource-Policy", "same-origin")
				h.Set("Cache-Control", "no-store") // the few answers that anybody may keep say so themselves
				h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
			default:
				h.Set("X-Frame-Options", "SAMEORIGIN")
				h.Set("Content-Security-Policy", portal)
			}
			return e.Next()
		}})
		return se.Next()
	})
	app.OnFileDownloadRequest().BindFunc(func(e *core.FileDownloadRequestEvent) error {
		if !e.FileField.Protected { // the clinic's logo: PocketBase says for how long
			e.Response.Header().Del("Cache-Control")
		}
		return e.Next()
	})
}

// referrerPolicy: an address with a token in it (the pages that mails link to, downloads) is told to nobody, not even
// to ourselves.
func referrerPolicy(r *http.Request) string {
	if r.URL.Query().Has("token") {
		return "no-referrer"
	}
	return "strict-origin-when-cross-origin"
}

// policy admits our own origin only, and Stripe where the clinic takes money through it. It cannot be limited to the
// payment page: the app is one document, and whoever comes from another page keeps that page's policy. Nothing is
// asked of Stripe before that page opens.
func policy(stripe bool) string {
	script, connect, frame := "'self'", "'self'", "'none'"
	if stripe {
		script += " https://js.stripe.com"
		connect += " https://api.stripe.com"
		frame = "https://js.stripe.com https://hooks.stripe.com"
	}
	return "default-src 'self'; script-src " + script + "; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; connect-src " +
		connect + "; frame-src " + frame + "; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
}

// page serves the built app. Names under assets/ carry a hash of their content and are kept for ever; everything
// else is asked for again. A path that is no file is a place inside the app.
func page(public fs.FS) func(*core.RequestEvent) error {
	return func(e *core.RequestEvent) error {
		name := e.Request.PathValue("path")
		if name == "" || !fs.ValidPath(name) {
			name = "index.html"
		}
		if fi, err := fs.Stat(public, name); err != nil || fi.IsDir() {
			if strings.HasPrefix(name, "assets/") || strings.HasPrefix(name, "api/") || strings.HasPrefix(name, "dev/") {
				return kernel.NotFound().Write(e)
			}
			name = "index.html"
		}
		if name == "index.html" {
			if _, err := fs.Stat(public, name); errors.Is(err, fs.ErrNotExist) {
				return e.String(http.StatusServiceUnavailable, "The web app has not been built into pb_public. Run: make web\n")
			}
		}
		if strings.HasPrefix(name, "assets/") {
			e.Response.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		} else {
			e.Response.Header().Set("Cache-Control", "no-cache")
		}
		return e.FileFS(public, name)
	}
}

func brand(e *core.RequestEvent) error {
	css, err := brandCSS(cmp.Or(collections.Settings(e.App).AccentColor, DefaultAccent))
	if err != nil {
		return kernel.Internal(err).Write(e)
	}
	sum := sha256.Sum256([]byte(css))
	tag := `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
	h := e.Response.Header()
	h.Set("ETag", tag)
	h.Set("Cache-Control", "no-cache")
	if e.Request.Header.Get("If-None-Match") == tag {
		return e.NoContent(http.StatusNotModified)
	}
	return e.Blob(http.StatusOK, "text/css; charset=utf-8", []byte(css))
}

// Config is what the page must know before sign-in. It holds nothing about anybody.
type Config struct {
	ClinicName           string         `json:"clinicName"`
	TimeZone             string         `json:"timeZone"`
	Languages            []string       `json:"languages"`
	AccentColor          string         `json:"accentColor"`
	LogoURL              string         `json:"logoUrl,omitempty"`
	Phone                string         `json:"phone,omitempty"`
	Address              *Address       `json:"address,omitempty"`
	Features             Features       `json:"features"`
	PasskeyRPID          string         `json:"passkeyRpId,omitempty"` // the domain on which passkeys work
	StripePublishableKey string         `json:"stripePublishableKey,omitempty"`
	PasswordPolicy       PasswordPolicy `json:"passwordPolicy"`
	CrisisText           string         `json:"crisisText"`
	Demo                 bool           `json:"demo"`
	Version              string         `json:"version"`
}

// Address is where the clinic is.
type Address struct {
	Street  string `json:"street"`
	City    string `json:"city"`
	State   string `json:"state"`
	ZipCode string `json:"zipCode"`
	Country string `json:"country,omitempty"`
}

// Features tells what this clinic's server can do.
type Features struct {
	Passkeys       bool     `json:"passkeys"`
	MagicLink      bool     `json:"magicLink"`
	OAuth          []string `json:"oauth"`
	SMS            bool     `json:"sms"`
	InstantBooking bool     `json:"instantBooking"`
	Payments       string   `json:"payments"`
	WebPush        bool     `json:"webPush"`
}

// PasswordPolicy is what a new password must meet.
type PasswordPolicy struct {
	MinLength int  `json:"minLength"`
	Classes   bool `json:"classes"`
}

func config(c *kernel.Call, payments string) (*kernel.Reply, error) {
	s, cfg := collections.Settings(c.App), kernel.ConfigOf(c.App)
	passkeys := cfg.RelyingParty().ID
	out := Config{ClinicName: s.ClinicName, TimeZone: s.TimeZone, Languages: s.Languages, AccentColor: cmp.Or(s.AccentColor, DefaultAccent),
		Phone: s.Phone, Features: Features{Passkeys: passkeys != "", OAuth: []string{}, SMS: outbox.CanSMS(c.App), Payments: payments},
		PasskeyRPID:          passkeys,
		StripePublishableKey: cfg.StripePublishableKey, PasswordPolicy: PasswordPolicy{s.PasswordLength, s.PasswordClasses},
		CrisisText: s.CrisisText, Demo: cfg.Mode == kernel.Demo, Version: cfg.Version}
	for _, p := range cfg.OAuth {
		out.Features.OAuth = append(out.Features.OAuth, p.Name)
	}
	out.Features.MagicLink = true
	if s.Logo != "" {
		out.LogoURL = "/api/files/clinic_settings/" + s.ID + "/" + s.Logo
	}
	places, err := c.App.FindRecordsByFilter("locations", "is_active = true", "created", 1, 0)
	if err != nil {
		return nil, err
	}
	for _, l := range places {
		out.Address = &Address{Street: l.GetString("street"), City: l.GetString("city"), State: l.GetString("state"),
			ZipCode: l.GetString("zip_code"), Country: l.GetString("country")}
		out.Phone = cmp.Or(out.Phone, l.GetString("phone"))
	}
	c.Response.Header().Set("Cache-Control", "public, max-age=60")
	return kernel.OK(out), nil
}
