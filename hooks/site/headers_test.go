package site_test

import (
	"strings"
	"testing"
	"testing/fstest"

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
