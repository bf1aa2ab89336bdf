package identity

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/subscriptions"

	"anteroom/collections"
	"anteroom/hooks/kernel"
)

// provider is an OpenID provider with the authorization code flow and PKCE (RFC 7636): a code is used once, and only
// with the verifier that its challenge was made from.
type provider struct {
	*httptest.Server
	mu    sync.Mutex
	codes map[string]grant
	mode  string // "", "down", "garbage"
}

type grant struct{ sub, email, challenge string }

const verifier = "a-verifier-that-is-long-enough-for-the-rfc-0123456789"

func newProvider(t testing.TB) *provider {
	p := &provider{codes: map[string]grant{}}
	users := map[string]grant{}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.mode == "down" {
			http.Error(w, "maintenance", http.StatusBadGateway)
			return
		}
		if p.mode == "garbage" {
			_, _ = w.Write([]byte("<html>"))
			return
		}
		id, secret, ok := r.BasicAuth()
		if !ok {
			id, secret = r.PostFormValue("client_id"), r.PostFormValue("client_secret")
		}
		g, known := p.codes[r.PostFormValue("code")]
		sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
		if id != "anteroom" || secret != "the provider's secret" || !known || g.challenge != base64.RawURLEncoding.EncodeToString(sum[:]) {
			http.Error(w, `{"error":"invalid_grant"}`, http.StatusBadRequest)
			return
		}
		delete(p.codes, r.PostFormValue("code"))
		users["at-"+g.sub] = g
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(m{"access_token": "at-" + g.sub, "token_type": "Bearer", "expires_in": 60})
	})
	mux.HandleFunc("GET /userinfo", func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		g, ok := users[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
		if !ok {
			http.Error(w, "{}", http.StatusUnauthorized)
			return
		}
		_ = json.NewEncoder(w).Encode(m{"sub": g.sub, "email": g.email, "email_verified": true, "name": "Somebody Else"})
	})
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	return p
}

// code is what the provider sends back through the browser.
func (p *provider) code(sub, email string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	sum := sha256.Sum256([]byte(verifier))
	code := "code-" + sub + "-" + core.GenerateDefaultRandomId()
	p.codes[code] = grant{sub, email, base64.RawURLEncoding.EncodeToString(sum[:])}
	return code
}

// withProvider is a clinic whose operator has configured one, as after a start.
func withProvider(t testing.TB) (*clinic, *provider) {
	c, p := newClinic(t), newProvider(t)
	cfg := kernel.ConfigOf(c.app)
	cfg.OAuth = []kernel.OAuthProvider{{Name: "oidc", DisplayName: "Town ID", ClientID: "anteroom", ClientSecret: "the provider's secret",
		AuthURL: p.URL + "/auth", TokenURL: p.URL + "/token", UserInfoURL: p.URL + "/userinfo"}}
	c.app.Store().Set("anteroom.config", cfg)
	ok(t, doorOf(c.app).offerProviders())
	return c, p
}

func (c *clinic) elsewhere(token, code string, more m) answer {
	c.Helper()
	body := m{"provider": "oidc", "code": code, "codeVerifier": verifier, "redirectURL": "https://portal.example/api/oauth2-redirect"}
	for k, v := range more {
		body[k] = v
	}
	return c.do("POST", "/api/collections/portal_users/auth-with-oauth2", token, body)
}

func (c *clinic) links() int { return c.count("_externalAuths", "TRUE") }

// Whoever is not connected gets nothing, and leaves nothing: neither a stranger nor who has a client's address.
func TestStrangersFromElsewhere(t *testing.T) {
	c, p := withProvider(t)
	before := c.everything()
	for what, a := range map[string]answer{
		"a stranger":                     c.elsewhere("", p.code("stranger", "nobody@mail.example"), nil),
		"the same address":               c.elsewhere("", p.code("other", ada), nil),
		"with data to be made":           c.elsewhere("", p.code("maker", "new@mail.example"), m{"createData": m{"email": "new@mail.example", "verified": true, "account_status": "active"}}),
		"with a token without a session": c.elsewhere(must(c.find("portal_users", adaLogin).NewAuthToken()), p.code("tokens", ada), nil),
	} {
		if a.Status != 403 || a.reason() != "OAUTH_NOT_LINKED" || strings.Contains(a.Body, "eyJ") {
			t.Errorf("%s: %d %s", what, a.Status, a.Body)
		}
	}
	c.want(c.elsewhere("", "no such code", nil), 400, "")
	c.want(c.elsewhere("", p.code("pkce", ada), m{"codeVerifier": "another verifier"}), 400, "")
	for _, mode := range []string{"down", "garbage"} {
		p.mode = mode
		if a := c.elsewhere("", p.code("x", ada), nil); a.Status < 400 || strings.Contains(a.Body, "secret") {
			t.Errorf("%s: %d %s", mode, a.Status, a.Body)
		}
	}
	p.mode = ""
	c.want(c.do("POST", "/api/collections/staff/auth-with-oauth2", "", m{"provider": "oidc", "code": p.code("dee", dee), "codeVerifier": verifier}), 403, "SIGN_IN_METHOD_CLOSED")
	if c.everything() != before || c.links() != 0 {
		t.Error("something was written")
	}
}

// A login is connected by its own person, freshly proven, and then opens by the provider's word and its second factor.
func TestConnectAndSignInElsewhere(t *testing.T) {
	c, p := withProvider(t)
	in, other := c.in(ada), c.in(ada)
	c.advance(11 * time.Minute)
	token := in.Tokens.AccessToken
	c.want(c.elsewhere(token, p.code("ada-there", "ada@elsewhere.example"), nil), 403, "REAUTHENTICATION_REQUIRED")
	c.want(c.do("POST", auth+"reauthenticate", token, m{"password": password}), 200, "")
	sessions := c.count("portal_sessions", "TRUE")
	a := c.elsewhere(token, p.code("ada-there", "ada@elsewhere.example"), m{"createData": m{"email": "evil@mail.example"}})
	c.want(a, 200, "")
	var answered struct{ Token string }
	a.into(t, &answered)
	if claimsOf(answered.Token).Session != in.Session.ID || c.count("portal_sessions", "TRUE") != sessions {
		t.Error("connecting opened another session")
	}
	if c.me(other.Tokens.AccessToken) != 401 {
		t.Error("the other session went on")
	}
	if u := c.find("portal_users", adaLogin); u.Email() != ada || u.GetString("first_name") != "Ada" {
		t.Error("the provider changed the account", u.Email())
	}
	listed := data[struct {
		Links     []Link
		Available []ProviderOffer
	}](t, c.do("GET", auth+"links", token, nil))
	if len(listed.Links) != 1 || listed.Links[0].Name != "Town ID" || len(listed.Available) != 0 {
		t.Errorf("%+v", listed)
	}
	if len(c.mail(ada)) == 0 || !strings.Contains(c.mail(ada)[0].Subject, "A new way to sign in") {
		t.Error("nobody was told")
	}

	c.want(c.elsewhere("", p.code("ada-there", "changed@elsewhere.example"), nil), 200, "")
	bos := c.in(bo).Tokens.AccessToken
	c.want(c.elsewhere(bos, p.code("ada-there", ""), nil), 409, "OAUTH_LINKED_ELSEWHERE")

	c.withTOTP("portal_users", adaLogin)
	waiting := mfaToken(t, c.elsewhere("", p.code("ada-there", ""), nil))
	c.want(c.withCode(waiting, "000000", "totp"), 401, "MFA_INVALID")
	c.want(c.withCode(waiting, c.code(), "totp"), 200, "")

	u := c.find("portal_users", adaLogin)
	u.Set("account_status", "suspended")
	ok(t, c.app.Save(u))
	c.want(c.elsewhere("", p.code("ada-there", ""), nil), 403, "ACCOUNT_SUSPENDED")
	u.Set("account_status", "active")
	ok(t, c.app.Save(u))

	in = data[LoginData](t, c.do("POST", auth+"login", "", m{"mfaToken": mfaToken(t, c.login(ada, password)), "mfaCode": c.later(), "method": "totp"}))
	c.want(c.do("DELETE", auth+"links/google", in.Tokens.AccessToken, nil), 404, "")
	c.want(c.do("DELETE", auth+"links/oidc", bos, nil), 404, "")
	c.want(c.do("DELETE", auth+"links/oidc", in.Tokens.AccessToken, nil), 200, "")
	c.want(c.elsewhere("", p.code("ada-there", ""), nil), 403, "OAUTH_NOT_LINKED")
}

// later gives the authenticator's next code.
func (c *clinic) later() string { c.advance(time.Minute); return c.code() }

// Nobody but a person's own session makes a link, whatever the door.
func TestForeignLinks(t *testing.T) {
	c, _ := withProvider(t)
	users := c.find("portal_users", adaLogin).Collection()
	row := m{"collectionRef": users.Id, "recordRef": adaLogin, "provider": "oidc", "providerId": "thief"}
	for _, by := range []kernel.Actor{kernel.System(), {Kind: kernel.KindOwner, ID: "x"}, {Kind: kernel.KindClient, ID: boLogin}, {Kind: kernel.KindStaff, ID: deeStaff, Role: kernel.RoleAdmin}} {
		if err := kernel.SaveAs(c.app, by, newRecord(c, core.CollectionNameExternalAuths, row)); err == nil {
			t.Error(by.Kind, "made a link")
		}
	}
	owners := c.sdkToken(core.CollectionNameSuperusers, owner)
	if a := c.do("POST", "/api/collections/_externalAuths/records", owners, row); a.Status != 403 {
		t.Error(a.Status, a.Body)
	}
	if c.links() != 0 {
		t.Error("a link was made")
	}
	if a := c.do("GET", "/api/collections/portal_users", owners, nil); strings.Contains(a.Body, "provider's secret") {
		t.Error("the owner's page shows the provider's secret")
	}
	if a := c.do("GET", "/api/collections/portal_users/auth-methods", "", nil); a.Status != 200 || strings.Contains(a.Body, "provider's secret") {
		t.Error(a.Status, a.Body)
	}
}

// What the operator takes away is away at the next start, and a start changes nothing that fits.
func TestProvidersFollowTheEnvironment(t *testing.T) {
	c, p := withProvider(t)
	saved := 0
	c.app.OnCollectionAfterUpdateSuccess(collections.PortalUsers).BindFunc(func(e *core.CollectionEvent) error { saved++; return e.Next() })
	ok(t, doorOf(c.app).offerProviders())
	if saved != 0 {
		t.Error("a start wrote what was there")
	}
	cfg := kernel.ConfigOf(c.app)
	cfg.OAuth = nil
	c.app.Store().Set("anteroom.config", cfg)
	ok(t, doorOf(c.app).offerProviders())
	c.want(c.elsewhere("", p.code("x", ada), nil), 403, "SIGN_IN_METHOD_CLOSED")
}

// An address that tries one stranger after another is slowed down before the provider is asked.
func TestStrangersAreLimited(t *testing.T) {
	c, p := withProvider(t)
	for range 20 {
		c.want(c.elsewhere("", p.code("stranger", ""), nil), 403, "OAUTH_NOT_LINKED")
	}
	code := p.code("stranger", "")
	c.want(c.elsewhere("", code, nil), 429, "")
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, unused := p.codes[code]; !unused {
		t.Error("the provider was asked")
	}
}

// Another site cannot make a browser connect or sign in with somebody else's account over there:
//   - the provider's answer goes to the one realtime connection whose unguessable id is the state, from the address that
//     opened it (TestAnswerOfAProviderGoesToWhoAsked): an answer that another site plants finds nobody;
//   - the code works only with the verifier that the asking window holds in memory (PKCE, RFC 7636);
//   - what makes a link is a token that no browser sends by itself, of a session that has just proven itself;
//   - the request is JSON, which a form of another site cannot send, and which a browser asks us about first.
func TestAnotherSiteConnectsNothing(t *testing.T) {
	c, p := withProvider(t)
	in := c.in(ada)
	token := in.Tokens.AccessToken
	code := p.code("thief-there", "thief@mail.example")
	fields := url.Values{"provider": {"oidc"}, "code": {code}, "codeVerifier": {verifier}, "redirectURL": {"https://portal.example/api/oauth2-redirect"}}
	before := c.everything()
	for _, kind := range []string{"application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", "application/xml", ""} {
		for _, signedIn := range []string{"", token} {
			r := httptest.NewRequest("POST", "/api/collections/portal_users/auth-with-oauth2", strings.NewReader(fields.Encode()))
			r.Header.Set("Content-Type", kind)
			r.Header.Set("Authorization", signedIn)
			r.Header.Set("Origin", "https://evil.example")
			w := httptest.NewRecorder()
			c.handler.ServeHTTP(w, r)
			if w.Code != 415 {
				t.Errorf("%q: %d %s", kind, w.Code, w.Body)
			}
		}
	}
	if c.everything() != before || c.links() != 0 {
		t.Error("something was written")
	}

	// Whatever a browser sends by itself proves nobody: without the token this is a stranger.
	body := m{"provider": "oidc", "code": code, "codeVerifier": verifier, "redirectURL": "https://portal.example/api/oauth2-redirect"}
	for _, cookie := range []string{"pb_auth=" + token, "Authorization=" + token, "__Host-anteroom_device=" + token} {
		a := c.do("POST", "/api/collections/portal_users/auth-with-oauth2", "", body, "Cookie", cookie, "Origin", "https://evil.example")
		if a.Status != 403 || a.reason() != "OAUTH_NOT_LINKED" || a.Header.Get("Set-Cookie") != "" {
			t.Errorf("%s: %d %s", cookie, a.Status, a.Body)
		}
		body["code"] = p.code("thief-there", "thief@mail.example")
	}
	// A code that was asked for in another window fits no verifier of this one.
	p.mu.Lock()
	p.codes["planted"] = grant{"thief-there", "thief@mail.example", "a challenge that the thief's own window made"}
	p.mu.Unlock()
	c.want(c.elsewhere(token, "planted", nil), 400, "")
	if c.links() != 0 {
		t.Error("connected")
	}
	c.want(c.elsewhere(token, p.code("ada-there", ""), nil), 200, "") // what the page itself sends
}

// The answer of a provider reaches the connection that its state names, once, and from the same address only.
func TestAnswerOfAProviderGoesToWhoAsked(t *testing.T) {
	c, _ := withProvider(t)
	waiting := subscriptions.NewDefaultClient()
	waiting.Set(apis.RealtimeClientIPKey, "192.0.2.1")
	waiting.Subscribe("@oauth2")
	c.app.SubscriptionsBroker().Register(waiting)
	t.Cleanup(waiting.Discard)
	var answers atomic.Int32
	go func() {
		for range waiting.Channel() {
			answers.Add(1)
		}
	}()
	heard := func() int32 { return answers.Load() }
	back := func(query, address string) string {
		a := c.do("GET", "/api/oauth2-redirect?"+query, "", nil, "address", address)
		if a.Status != 307 {
			t.Errorf("%s: %d %s", query, a.Status, a.Body)
		}
		return a.Header.Get("Location")
	}
	for _, query := range []string{"", "code=c", "state=guessed&code=c", "state=" + waiting.Id()[:20] + "&code=c"} {
		if to := back(query, "192.0.2.1"); to == "" || heard() != 0 {
			t.Errorf("%q: %s", query, to)
		}
	}
	if back("state="+waiting.Id()+"&code=c", "198.51.100.7"); heard() != 0 {
		t.Error("an answer from elsewhere was heard")
	}
	waiting.Subscribe("@oauth2") // a wrong answer ends the wait
	for range 2 {
		back("state="+waiting.Id()+"&code=c", "192.0.2.1")
	}
	for until := time.Now().Add(5 * time.Second); heard() == 0 && time.Now().Before(until); {
		time.Sleep(time.Millisecond)
	}
	if heard() != 1 {
		t.Error("heard", heard(), "answers")
	}
}
