package site_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/pocketbase/pocketbase/core"

	"anteroom/hooks/kernel"
	"anteroom/hooks/testkit"
)

func TestHeadersOfEveryKindOfAnswer(t *testing.T) {
	c := testkit.New(t)
	for path, want := range map[string]map[string]string{
		"/api/v1/portal/config": {"X-Frame-Options": "DENY", "Cache-Control": "public, max-age=60", "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'"},
		"/api/v1/portal/nope":   {"X-Frame-Options": "DENY", "Cache-Control": "no-store"},
		"/brand.css":            {"X-Frame-Options": "SAMEORIGIN", "Content-Type": "text/css; charset=utf-8"},
		"/_/":                   {"X-Frame-Options": "SAMEORIGIN"},
	} {
		got := c.Do(t, "GET", path, "", nil)
		for name, value := range want {
			if got.Header.Get(name) != value {
				t.Errorf("%s: %s is %q, want %q", path, name, got.Header.Get(name), value)
			}
		}
		for name, value := range map[string]string{"X-Content-Type-Options": "nosniff", "X-XSS-Protection": "0", "Referrer-Policy": "strict-origin-when-cross-origin"} {
			if got.Header.Get(name) != value {
				t.Errorf("%s: %s is %q, want %q", path, name, got.Header.Get(name), value)
			}
		}
	}
}

// TestHeadersByKind: every kind of answer, good and bad, carries what it must.
func TestHeadersByKind(t *testing.T) {
	c := testkit.WithPages(t, fstest.MapFS{"index.html": {Data: []byte("<!doctype html><title>app</title>")}, "assets/a-1.js": {Data: []byte("1")}})
	c.App.OnRecordsListRequest("rooms").BindFunc(func(*core.RecordsListRequestEvent) error { panic("secret of the server") })
	ada, desk, owner := c.As(t, testkit.AdaEmail), c.As(t, testkit.DeskEmail), c.As(t, testkit.OwnerEmail)
	c.App.OnRecordCreate("portal_sessions").BindFunc(func(*core.RecordEvent) error { panic("secret of the server") })
	const (
		apiPolicy = "default-src 'none'; frame-ancestors 'none'"
		referrer  = "strict-origin-when-cross-origin"
		noStore   = "no-store"
	)
	for _, x := range []struct {
		kind, method, path, token string
		status                    int
		cache, referrer           string
		api                       bool
	}{
		{"page", "GET", "/", "", 200, "no-cache", referrer, false},
		{"page inside the app", "GET", "/appointments/abc", "", 200, "no-cache", referrer, false},
		{"page of a mailed link", "GET", "/invitation?token=abc", "", 200, "no-cache", "no-referrer", false},
		{"page that signs in by a link", "GET", "/sign-in/link?token=abc", "", 200, "no-cache", "no-referrer", false},
		{"page of the second window", "GET", "/sign-in/elsewhere/done", "", 200, noStore, referrer, false},
		{"asset", "GET", "/assets/a-1.js", "", 200, "public, max-age=31536000, immutable", referrer, false},
		{"asset that is gone", "GET", "/assets/b.js", "", 404, noStore, referrer, false},
		{"brand", "GET", "/brand.css", "", 200, "no-cache", referrer, false},
		{"health", "GET", "/healthz", "", 200, noStore, referrer, false},
		{"readiness", "GET", "/readyz", "", 200, noStore, referrer, false},
		{"API, public", "GET", "/api/v1/portal/config", "", 200, "public, max-age=60", referrer, true},
		{"API, signed in", "GET", "/api/v1/portal/profile", ada, 200, noStore, referrer, true},
		{"API, of staff", "GET", "/api/v1/desk/day", desk, 200, noStore, referrer, true},
		{"API, nobody signed in", "GET", "/api/v1/portal/profile", "", 401, noStore, referrer, true},
		{"API, not there", "GET", "/api/v1/portal/nope", "", 404, noStore, referrer, true},
		{"API, another method", "PUT", "/api/v1/portal/config", "", 404, noStore, referrer, true},
		{"API, a panic", "POST", "/api/v1/portal/auth/login", "", 500, noStore, referrer, true},
		{"record API", "GET", "/api/collections/locations/records", desk, 200, noStore, referrer, true},
		{"record API, refused", "GET", "/api/collections/clients/records", ada, 403, noStore, referrer, true},
		{"record API, a panic", "GET", "/api/collections/rooms/records", owner, 500, noStore, referrer, true},
		{"PocketBase's health", "GET", "/api/health", "", 200, noStore, referrer, true},
		{"PocketBase, not there", "GET", "/api/nope", "", 404, noStore, referrer, true},
		{"settings", "GET", "/api/settings", owner, 200, noStore, referrer, true},
		{"file that is not there", "GET", "/api/files/form_pdfs/x/y?token=abc", "", 404, noStore, "no-referrer", true},
	} {
		var in any
		if x.method == "POST" {
			in = map[string]string{"email": testkit.BoEmail, "password": testkit.Password}
		}
		got := c.Do(t, x.method, x.path, x.token, in)
		h := got.Header
		if got.Status != x.status {
			t.Errorf("%s: %d %.300s", x.kind, got.Status, got.Body)
		}
		if strings.Contains(string(got.Body), "secret of") || strings.Contains(string(got.Body), ".go:") {
			t.Errorf("%s tells of the server: %s", x.kind, got.Body)
		}
		want := map[string]string{"X-Content-Type-Options": "nosniff", "X-DNS-Prefetch-Control": "on", "X-XSS-Protection": "0", "Cross-Origin-Opener-Policy": "same-origin",
			"Permissions-Policy": "camera=(), microphone=(), geolocation=(), browsing-topics=()", "X-Frame-Options": "SAMEORIGIN", "Referrer-Policy": x.referrer}
		if x.cache != "" {
			want["Cache-Control"] = x.cache
		}
		if x.api {
			want["X-Frame-Options"], want["Content-Security-Policy"] = "DENY", apiPolicy
			want["X-Robots-Tag"], want["Cross-Origin-Resource-Policy"] = "noindex", "same-origin"
		}
		for name, value := range want {
			if h.Get(name) != value {
				t.Errorf("%s: %s is %q, want %q", x.kind, name, h.Get(name), value)
			}
		}
		if csp := h.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src") || strings.Contains(csp, "unsafe") || strings.Contains(csp, "*") {
			t.Errorf("%s: policy %q", x.kind, csp)
		}
	}
}

func TestHSTSWhereThePortalIsSecure(t *testing.T) {
	for url, want := range map[string]string{"https://portal.example": "max-age=63072000; includeSubDomains; preload", "http://127.0.0.1:8090": ""} {
		c := testkit.With(t, func(cfg *kernel.Config) { cfg.PublicURL = url })
		for _, path := range []string{"/brand.css", "/api/health", "/api/nope", "/healthz", "/_/"} {
			if got := c.Do(t, "GET", path, "", nil).Header.Get("Strict-Transport-Security"); got != want {
				t.Errorf("%s%s: %q", url, path, got)
			}
		}
	}
}

func TestPagesOfTheApp(t *testing.T) {
	c := testkit.WithPages(t, fstest.MapFS{"index.html": {Data: []byte("<!doctype html><title>app</title>")}, "assets/a-1.js": {Data: []byte("1")}})
	for path, want := range map[string]string{"/": "app", "/appointments/abc": "app", "/assets/a-1.js": "1"} {
		got := c.Do(t, "GET", path, "", nil)
		if got.Status != 200 || !strings.Contains(string(got.Body), want) {
			t.Errorf("%s: %d %s", path, got.Status, got.Body)
		}
		csp := got.Header.Get("Content-Security-Policy")
		if !strings.Contains(csp, "script-src 'self';") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: %s", path, csp)
		}
	}
	if h := c.Do(t, "GET", "/assets/a-1.js", "", nil).Header.Get("Cache-Control"); !strings.Contains(h, "immutable") {
		t.Errorf("assets are kept for ever: %q", h)
	}
	if h := c.Do(t, "GET", "/", "", nil).Header.Get("Cache-Control"); h != "no-cache" {
		t.Errorf("the page is asked for again: %q", h)
	}
	for _, path := range []string{"/assets/gone.js", "/dev/nothing", "/api/nothing"} {
		if got := c.Do(t, "GET", path, "", nil); got.Status != 404 {
			t.Errorf("%s: %d", path, got.Status)
		}
	}
}

func TestBrandIsAskedForOnce(t *testing.T) {
	c := testkit.New(t)
	first := c.Do(t, "GET", "/brand.css", "", nil)
	if first.Status != 200 || !strings.Contains(string(first.Body), "--accent-solid:#1c5f73") {
		t.Fatalf("%d %s", first.Status, first.Body)
	}
	if again := c.Do(t, "GET", "/brand.css", "", nil, "If-None-Match", first.Header.Get("ETag")); again.Status != 304 || len(again.Body) > 0 {
		t.Fatalf("%d %s", again.Status, again.Body)
	}
}
