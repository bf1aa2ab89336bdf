package ops_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"anteroom/hooks/kernel"
	"anteroom/hooks/ops"
	"anteroom/hooks/testkit"
)

// doors are the two listeners of one clinic.
type doors struct {
	c               *testkit.Clinic
	public, private *httptest.Server
}

func twoDoors(t *testing.T) doors {
	t.Helper()
	c := testkit.With(t, func(cfg *kernel.Config) { cfg.PrivateListen = "127.0.0.1:0" })
	d := doors{c: c, public: httptest.NewServer(c.Handler), private: httptest.NewUnstartedServer(c.Handler)}
	d.private.Config.BaseContext = func(net.Listener) context.Context { return kernel.OnPrivateListener(t.Context()) }
	d.private.Start()
	t.Cleanup(func() {
		for _, s := range []*httptest.Server{d.public, d.private} {
			s.CloseClientConnections()
			s.Close()
		}
	})
	return d
}

type got struct {
	status int
	body   string
}

func (g got) reason() string {
	var e struct {
		Error struct {
			Details struct{ Reason string }
		}
	}
	_ = json.Unmarshal([]byte(g.body), &e)
	return e.Error.Details.Reason
}

// ask uses one client, whose connections are kept alive and used again.
func ask(t *testing.T, base, method, path, token string, body any, headers ...string) got {
	t.Helper()
	var in io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		in = bytes.NewReader(raw)
	}
	r, err := http.NewRequest(method, base+path, in)
	if err != nil {
		t.Fatal(err)
	}
	if in != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		r.Header.Set("Authorization", token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
	}
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	raw, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	return got{a.StatusCode, string(raw)}
}

func TestOwnersComeInPrivately(t *testing.T) {
	d := twoDoors(t)
	owners, err := d.c.App.FindCollectionByNameOrId(core.CollectionNameSuperusers)
	if err != nil {
		t.Fatal(err)
	}
	signIn := map[string]string{"identity": testkit.OwnerEmail, "password": testkit.Password}
	path := "/api/collections/_superusers/auth-with-password"
	in := ask(t, d.private.URL, "POST", path, "", signIn)
	if in.status != 200 {
		t.Fatalf("on the private listener: %+v", in)
	}
	var owner struct{ Token string }
	if err := json.Unmarshal([]byte(in.body), &owner); err != nil {
		t.Fatal(err)
	}
	refused := func(what string, g got) {
		t.Helper()
		if g.status != 403 || g.reason() != "PRIVATE_ONLY" || strings.Contains(g.body, "eyJ") {
			t.Errorf("%s: %d %s", what, g.status, g.body)
		}
	}
	// every way to a token, however the collection is named
	for _, name := range []string{"_superusers", "_SUPERUSERS", owners.Id, "%5fsuperusers"} {
		for _, way := range [][2]string{{"POST", "auth-with-password"}, {"POST", "auth-refresh"}, {"POST", "auth-with-oauth2"}, {"POST", "request-otp"}, {"POST", "auth-with-otp"},
			{"POST", "request-password-reset"}, {"POST", "confirm-password-reset"}, {"POST", "request-verification"}, {"POST", "confirm-verification"},
			{"POST", "request-email-change"}, {"POST", "confirm-email-change"}, {"POST", "impersonate/x"}, {"GET", "auth-methods"}, {"GET", "records"}, {"POST", "records"}} {
			var body any
			if way[0] == "POST" {
				body = signIn
			}
			refused(name+" "+way[1], ask(t, d.public.URL, way[0], "/api/collections/"+name+"/"+way[1], "", body))
		}
	}
	// every use of one; what the request says of itself changes nothing
	var file struct{ Token string }
	if err := json.Unmarshal([]byte(ask(t, d.private.URL, "POST", "/api/files/token", owner.Token, nil).body), &file); err != nil || file.Token == "" {
		t.Fatal("no file token", err)
	}
	host := strings.TrimPrefix(d.private.URL, "http://")
	for _, path := range []string{"/api/collections/clients/records", "/api/collections", "/api/settings", "/api/logs", "/api/backups", kernel.Desk + "/day", kernel.Portal + "/config",
		"/api/health", "/_/", "/", "/api/files/clinic_settings/x/y", "/api/realtime"} {
		refused(path, ask(t, d.public.URL, "GET", path, owner.Token, nil))
		refused(path+" saying it is private", ask(t, d.public.URL, "GET", path, "Bearer "+owner.Token, nil, "Host", host, "X-Forwarded-For", "127.0.0.1", "X-Forwarded-Host", host, "Forwarded", "host="+host))
	}
	refused("a file token at files", ask(t, d.public.URL, "GET", "/api/files/form_pdfs/x/y?token="+file.Token, "", nil))
	refused("a file token at backups", ask(t, d.public.URL, "GET", "/api/backups/x?token="+file.Token, "", nil))
	// there it works, again and again over the same connection, and the other door stays what it is
	for range 3 {
		if g := ask(t, d.private.URL, "GET", "/api/collections/clients/records", owner.Token, nil); g.status != 200 {
			t.Fatalf("the owner on the private listener: %+v", g)
		}
		refused("between", ask(t, d.public.URL, "GET", "/api/collections/clients/records", owner.Token, nil))
	}
	// staff and clients use the public one, and may use the other
	for _, door := range []string{d.public.URL, d.private.URL} {
		for email, path := range map[string]string{testkit.DeskEmail: kernel.Desk + "/day", testkit.AdaEmail: kernel.Portal + "/profile"} {
			if g := ask(t, door, "GET", path, d.c.As(t, email), nil); g.status != 200 {
				t.Errorf("%s: %d %s", path, g.status, g.body)
			}
		}
	}
	if n := d.c.Count(t, "portal_audit_log", "action = 'ACCESS_REFUSED' AND error_code = 'FORBIDDEN/PRIVATE_ONLY'", nil); n == 0 {
		t.Error("refusals leave lines")
	}
}

// stream opens an event stream and gives its connection's id.
func stream(t *testing.T, base string) (id string, lines *bufio.Scanner) {
	t.Helper()
	r, err := http.Get(base + "/api/realtime")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Body.Close() })
	lines = bufio.NewScanner(r.Body)
	for lines.Scan() {
		if id, ok := strings.CutPrefix(lines.Text(), "id:"); ok {
			return id, lines
		}
	}
	t.Fatal("no stream")
	return "", nil
}

func TestAnOwnersStreamIsPrivateToo(t *testing.T) {
	d := twoDoors(t)
	// As speaks to the handler itself, which is no private listener
	in := ask(t, d.private.URL, "POST", "/api/collections/_superusers/auth-with-password", "", map[string]string{"identity": testkit.OwnerEmail, "password": testkit.Password})
	var owner struct{ Token string }
	if err := json.Unmarshal([]byte(in.body), &owner); err != nil {
		t.Fatal(err)
	}
	subscribe := func(base, id string) got {
		return ask(t, base, "POST", "/api/realtime", owner.Token, map[string]any{"clientId": id, "subscriptions": []string{"clients/*"}})
	}
	open, _ := stream(t, d.public.URL)
	if g := subscribe(d.public.URL, open); g.reason() != "PRIVATE_ONLY" {
		t.Errorf("both public: %+v", g)
	}
	if g := subscribe(d.private.URL, open); g.reason() != "PRIVATE_ONLY" {
		t.Errorf("asked for privately, heard publicly: %+v", g)
	}
	own, _ := stream(t, d.private.URL)
	if g := subscribe(d.private.URL, own); g.status != 204 {
		t.Errorf("both private: %+v", g)
	}
}

func TestWithoutAPrivateListenerOwnersComeInAsBefore(t *testing.T) {
	c := testkit.New(t)
	if g := c.Do(t, "GET", "/api/collections/clients/records", c.As(t, testkit.OwnerEmail), nil); g.Status != 200 {
		t.Fatalf("%d %s", g.Status, g.Body)
	}
}

func TestTLS13AtLeast(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }))
	s.TLS = &tls.Config{MinVersion: tls.VersionTLS12} // as PocketBase has it
	s.Config.TLSConfig = s.TLS
	ops.Harden(s.Config)
	s.StartTLS()
	defer s.Close()
	for version, admitted := range map[uint16]bool{tls.VersionTLS10: false, tls.VersionTLS11: false, tls.VersionTLS12: false, tls.VersionTLS13: true} {
		client := s.Client()
		transport := client.Transport.(*http.Transport).Clone()
		transport.TLSClientConfig.MinVersion, transport.TLSClientConfig.MaxVersion = version, version
		r, err := (&http.Client{Transport: transport}).Get(s.URL)
		if err == nil {
			_ = r.Body.Close()
		}
		if (err == nil) != admitted {
			t.Errorf("%s: %v", tls.VersionName(version), err)
		}
	}
}

// paced serves a clinic on which slowness is a matter of a moment.
func paced(t *testing.T, body, answer time.Duration) (*testkit.Clinic, *httptest.Server) {
	t.Helper()
	c := testkit.WithPages(t, fstest.MapFS{"index.html": {Data: []byte("app")}, "assets/large.bin": {Data: make([]byte, 64<<20)}})
	ops.Pace(c.App, body, answer)
	server := httptest.NewUnstartedServer(c.Handler)
	server.Config.WriteTimeout, server.Config.ReadTimeout = 5*time.Minute, 5*time.Minute
	server.Start()
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	return c, server
}

// ends waits until the other side has closed.
func ends(t *testing.T, c net.Conn) []byte {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(30 * time.Second))
	raw, err := io.ReadAll(c)
	var late net.Error
	if errors.As(err, &late) && late.Timeout() {
		t.Fatal("the connection stays open")
	}
	return raw
}

func TestABodyMustArriveInTime(t *testing.T) {
	_, s := paced(t, 300*time.Millisecond, time.Minute)
	for _, path := range []string{kernel.Portal + "/auth/login", "/api/collections/portal_users/auth-with-password", "/api/collections/clients/records"} {
		c, err := net.Dial("tcp", s.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(c, "POST "+path+" HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"email\"")
		raw := string(ends(t, c))
		if strings.Contains(raw, " 200 ") || strings.Contains(raw, " 500 ") {
			t.Errorf("%s: %.300s", path, raw)
		}
		if strings.HasPrefix(path, kernel.Portal) && !strings.Contains(raw, "BODY_TOO_SLOW") {
			t.Errorf("%s: %.600s", path, raw)
		}
		_ = c.Close()
	}
	// a request without a body, and one whose body came, take as long as they like: a stream outlives the deadline
	id, lines := stream(t, s.URL)
	if id == "" {
		t.Fatal("no stream")
	}
	heard := make(chan bool, 1)
	go func() {
		for lines.Scan() {
		}
		heard <- true
	}()
	select {
	case <-heard:
		t.Error("the stream ended with the deadline of bodies")
	case <-time.After(900 * time.Millisecond):
	}
}

func TestAnAnswerThatNobodyReadsIsDropped(t *testing.T) {
	_, s := paced(t, time.Minute, 300*time.Millisecond)
	c, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, _ = io.WriteString(c, "GET /assets/large.bin HTTP/1.1\r\nHost: x\r\n\r\n")
	time.Sleep(1200 * time.Millisecond) // reads nothing
	if n := len(ends(t, c)); n >= 64<<20 {
		t.Errorf("all %d bytes were kept for somebody who did not read", n)
	}
	// who reads, however slowly, gets everything
	slow, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	_, _ = io.WriteString(slow, "GET /assets/large.bin HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	got, chunk := 0, make([]byte, 2<<20)
	for {
		n, err := io.ReadFull(slow, chunk)
		got += n
		if err != nil {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if got < 64<<20 {
		t.Errorf("a slow reader got %d bytes", got)
	}
	// and PocketBase's compression goes through it
	r, err := http.Get(s.URL + "/assets/large.bin")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if raw, err := io.ReadAll(r.Body); err != nil || len(raw) != 64<<20 || !r.Uncompressed {
		t.Errorf("%d %v compressed: %v", len(raw), err, r.Uncompressed)
	}
}
