package files_test

import (
	"bytes"
	"errors"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"anteroom/collections"
	"anteroom/hooks/kernel"
	"anteroom/hooks/testkit"
)

// startS3 runs versitygw, a real S3 server on a directory, and a proxy before it that can be broken. It gives the
// directory in which the bucket lies.
func startS3(t *testing.T) (endpoint, bucket string, down *atomic.Bool) {
	t.Helper()
	program := os.Getenv("VERSITYGW")
	if program == "" {
		program, _ = exec.LookPath("versitygw")
	}
	if program == "" {
		program, _ = filepath.Abs("../../.bin/versitygw")
	}
	if _, err := os.Stat(program); err != nil {
		t.Fatal("versitygw is missing. Install it with: go install github.com/versity/versitygw/cmd/versitygw@v1.8.0 (or name it in VERSITYGW)")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	root := t.TempDir()
	bucket = filepath.Join(root, "clinic")
	if err := os.Mkdir(bucket, 0o755); err != nil {
		t.Fatal(err)
	}
	server := exec.Command(program, "-p", address, "-a", "KEY", "-s", "SECRETSECRET", "-q", "posix", root)
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "AWS_") { // a CA file of the machine's own confuses it
			server.Env = append(server.Env, v)
		}
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Process.Kill(); _ = server.Wait() })
	up := false
	for range 600 {
		if conn, err := net.Dial("tcp", address); err == nil {
			_ = conn.Close()
			up = true
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if !up {
		t.Fatal("versitygw did not begin to listen within 30 seconds")
	}
	down = &atomic.Bool{}
	through := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: "http", Host: address})
		r.Out.Host = r.In.Host // it is signed
	}}
	proxy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	front := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if down.Load() {
			panic(http.ErrAbortHandler)
		}
		through.ServeHTTP(w, r)
	})}
	go func() { _ = front.Serve(proxy) }()
	t.Cleanup(func() { _ = front.Close() })
	return "http://" + proxy.Addr().String(), bucket, down
}

// inBucket lists what lies in the bucket, and fails when any of it holds one of the texts.
func inBucket(t *testing.T, bucket string, never ...string) (found []string) {
	t.Helper()
	err := filepath.WalkDir(bucket, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.Contains(path, ".sgwtmp") {
			return err
		}
		raw, err := os.ReadFile(path)
		for _, text := range never {
			if bytes.Contains(raw, []byte(text)) || strings.Contains(path, text) {
				t.Errorf("%q lies in %s", text, path)
			}
		}
		found = append(found, path)
		return err
	})
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return found
}

// TestFilesInS3 lie there sealed, are read from the middle, and are deleted; what S3 cannot do now it does later, and
// nothing is promised before.
func TestFilesInS3(t *testing.T) {
	endpoint, bucket, down := startS3(t)
	c := testkit.With(t, func(cfg *kernel.Config) {
		cfg.S3 = kernel.S3Config{Bucket: "clinic", Endpoint: endpoint, Region: "us-east-1", AccessKey: "KEY", Secret: "SECRETSECRET", PathStyle: true}
	})
	clerk := c.As(t, testkit.DeskEmail)
	pdf := plainPDF(strings.Repeat("a private word ", 40_000)) // several chunks
	u := mustAccept(t, c, "private.pdf", pdf)
	if found := inBucket(t, bucket, "private", "%PDF"); len(found) != 1 || len(stored(t, c)) != 0 {
		t.Fatal(found, stored(t, c))
	}
	c.Do(t, "POST", desk(u.Id, "release"), clerk, map[string]string{"reason": "x"})
	for _, r := range [][]string{{"", string(pdf)}, {"bytes=0-4", "%PDF-"}, {"bytes=-6", "%%EOF\n"}, {"bytes=65530-65550", string(pdf[65530:65551])}, {"bytes=200000-", string(pdf[200000:])}} {
		var h []string
		if r[0] != "" {
			h = []string{"Range", r[0]}
		}
		if got := c.Do(t, "GET", desk(u.Id, "content"), clerk, nil, h...); string(got.Body) != r[1] {
			t.Errorf("%q: %d, %d bytes, want %d", r[0], got.Status, len(got.Body), len(r[1]))
		}
	}
	setLogo(t, c, pngOf(canvas(30, 30)))
	if found := inBucket(t, bucket); len(found) != 2 {
		t.Errorf("%v", found)
	}

	// the owner sees nothing of it in the settings, changes nothing of it there, and the database holds nothing of it
	owner := c.As(t, testkit.OwnerEmail)
	for _, got := range []*testkit.Response{c.Do(t, "GET", "/api/settings", owner, nil),
		c.Do(t, "PATCH", "/api/settings", owner, map[string]any{"s3": map[string]any{"enabled": false, "bucket": "mine"}, "meta": map[string]any{"appName": "Juniper"}})} {
		if got.Status != 200 || bytes.Contains(got.Body, []byte(endpoint)) || bytes.Contains(got.Body, []byte("KEY")) || bytes.Contains(got.Body, []byte("SECRETSECRET")) {
			t.Errorf("%d %s", got.Status, got.Body)
		}
	}
	if n := c.Count(t, "_params", "value LIKE '%SECRETSECRET%' OR value LIKE '%"+endpoint+"%' OR value LIKE '%mine%'", nil); n != 0 {
		t.Error("the database holds where the files lie")
	}
	if s := c.App.Settings().S3; !s.Enabled || s.Bucket != "clinic" || c.App.Settings().Meta.AppName != "Juniper" {
		t.Errorf("%+v", s)
	}

	// S3 is gone
	down.Store(true)
	before := c.Count(t, "uploads", "", nil)
	got := sendPicture(t, c, c.As(t, testkit.BoEmail), "a.jpg", jpegOf(30, 30))
	if got.Refused(t, 503, "STORAGE_UNAVAILABLE"); got.Header.Get("Retry-After") == "" {
		t.Error("nobody says when to come back")
	}
	got = c.Do(t, "GET", desk(u.Id, "content"), clerk, nil)
	if got.Refused(t, 503, "STORAGE_UNAVAILABLE"); got.Header.Get("Retry-After") == "" {
		t.Error("nobody says when to come back")
	}
	if c.Count(t, "uploads", "", nil) != before || c.Find(t, "clients", testkit.Bo).GetString("avatar") != "" {
		t.Error("a row without bytes")
	}
	c.Do(t, "POST", desk(u.Id, "block"), clerk, map[string]string{"reason": "x"}).Data(t, &struct{}{})
	c.Deliver()
	if collections.AsUpload(c.Find(t, "uploads", u.Id)).MayBeFetched() || len(inBucket(t, bucket)) != 2 {
		t.Error("blocked, but not quite; or deleted by a storage that is not there")
	}
	down.Store(false)
	eventually(t, c, func() bool { return len(inBucket(t, bucket)) == 1 })
	if c.Find(t, "uploads", u.Id).GetString("file") != "" {
		t.Error("the row still names bytes")
	}
}
