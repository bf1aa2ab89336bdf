package site_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/tools/subscriptions"

	"anteroom/hooks/kernel"
	"anteroom/hooks/testkit"
)

func withElsewhere(c *kernel.Config) {
	c.OAuth = []kernel.OAuthProvider{{Name: "oidc", DisplayName: "Town ID", ClientID: "anteroom", ClientSecret: "secret",
		AuthURL: "https://id.example/auth", TokenURL: "https://id.example/token", UserInfoURL: "https://id.example/userinfo"}}
}

// No window of another origin has hold of ours, nor ours of it, whatever may be signed in with.
func TestOpenerPolicy(t *testing.T) {
	for what, c := range map[string]*testkit.Clinic{"without a provider": testkit.New(t), "with one": testkit.With(t, withElsewhere)} {
		for _, path := range []string{"/", "/login", "/settings/security", "/api/oauth2-redirect?state=x", "/sign-in/elsewhere/done", "/sign-in/elsewhere/failed", "/api/v1/portal/config", "/_/"} {
			if got := c.Do(t, "GET", path, "", nil).Header.Get("Cross-Origin-Opener-Policy"); got != "same-origin" {
				t.Errorf("%s, %s: %q", path, what, got)
			}
		}
	}
}

// What a provider sends back ends on our own page, with nothing of the answer in its address.
func TestBackFromElsewhere(t *testing.T) {
	c := testkit.With(t, withElsewhere)
	ask := func() string {
		waiting := subscriptions.NewDefaultClient()
		waiting.Set(apis.RealtimeClientIPKey, "192.0.2.1") // where httptest asks from
		waiting.Subscribe("@oauth2")
		c.App.SubscriptionsBroker().Register(waiting)
		go func() { <-waiting.Channel() }() // ended by the answer, or by what the test discards
		t.Cleanup(waiting.Discard)
		return waiting.Id()
	}
	for query, want := range map[string]string{
		"state=" + ask() + "&code=c":              "/sign-in/elsewhere/done",
		"state=" + ask() + "&error=access_denied": "/sign-in/elsewhere/failed",
		"state=" + ask():                          "/sign-in/elsewhere/failed",
		"state=nobody&code=c":                     "/sign-in/elsewhere/failed",
		"":                                        "/sign-in/elsewhere/failed",
		"code=c&Location=https%3A%2F%2Fevil.example": "/sign-in/elsewhere/failed",
	} {
		got := c.Do(t, "GET", "/api/oauth2-redirect?"+query, "", nil)
		if got.Status != http.StatusTemporaryRedirect || got.Header.Get("Location") != want {
			t.Errorf("%s: %d %s", query, got.Status, got.Header.Get("Location"))
		}
	}
	// Apple answers by a form
	got := c.Do(t, "POST", "/api/oauth2-redirect", "", "state="+ask()+"&code=c", "Content-Type", "application/x-www-form-urlencoded")
	if got.Status != http.StatusSeeOther || got.Header.Get("Location") != "/sign-in/elsewhere/done" {
		t.Errorf("%d %s", got.Status, got.Header.Get("Location"))
	}
}

func TestPagesOfTheSecondWindow(t *testing.T) {
	c := testkit.WithPages(t, fstest.MapFS{"index.html": {Data: []byte("<!doctype html><title>app</title>")}})
	for _, one := range []struct{ outcome, language, says string }{
		{"done", "", "That’s all here."}, {"done", "es-MX,es;q=0.9", "Eso es todo aquí."},
		{"failed", "fr", "That did not work, or was cancelled."}, {"failed", "es", "Puede cerrar esta ventana"},
	} {
		got := c.Do(t, "GET", "/sign-in/elsewhere/"+one.outcome, "", nil, "Accept-Language", one.language)
		page := string(got.Body)
		if got.Status != 200 || !strings.Contains(page, one.says) || strings.Contains(page, "window.close") != (one.outcome == "done") {
			t.Errorf("%v: %d %s", one, got.Status, page)
		}
		policy := got.Header.Get("Content-Security-Policy")
		for _, code := range regexp.MustCompile(`(?s)<(?:style|script)>(.*?)</`).FindAllStringSubmatch(page, -1) {
			sum := sha256.Sum256([]byte(code[1]))
			if !strings.Contains(policy, "'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'") {
				t.Errorf("the policy refuses %s", code[1])
			}
		}
		if strings.Contains(policy, "unsafe") || !strings.Contains(policy, "default-src 'none'") {
			t.Error(policy)
		}
	}
	if got := c.Do(t, "GET", "/sign-in/elsewhere/other", "", nil); got.Status != 404 {
		t.Error(got.Status)
	}
}
