package ops_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"anteroom/hooks/kernel"
	"anteroom/hooks/ops"
	"anteroom/hooks/outbox"
	"anteroom/hooks/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

type readiness struct {
	Status    string          `json:"status"`
	Checks    map[string]bool `json:"checks"`
	Timestamp time.Time       `json:"timestamp"`
}

func TestReadyMeansThatAWriteComesBack(t *testing.T) {
	c := testkit.New(t)
	got := c.Do(t, "GET", "/readyz", "", nil)
	var r readiness
	got.Into(t, &r)
	if got.Status != http.StatusOK || r.Status != "healthy" || !r.Checks["database"] || r.Timestamp.IsZero() {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	if n := c.Count(t, "server_heartbeat", "", nil); n != 1 {
		t.Fatalf("%d heartbeats", n)
	}
	// a database that takes no writes: PocketBase's own health would still say 200
	if _, err := c.App.NonconcurrentDB().NewQuery("CREATE TRIGGER full BEFORE UPDATE ON server_heartbeat BEGIN SELECT RAISE(ABORT, 'disk full'); END").Execute(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(1100 * time.Millisecond) // a look is kept for a second
	got = c.Do(t, "GET", "/readyz", "", nil)
	got.Into(t, &r)
	if got.Status != http.StatusServiceUnavailable || r.Status != "unhealthy" || r.Checks["database"] || got.Header.Get("Retry-After") == "" {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	if strings.Contains(string(got.Body), "disk full") {
		t.Fatal("the cause is the operator's")
	}
	if alive := c.Do(t, "GET", "/healthz", "", nil); alive.Status != http.StatusOK {
		t.Fatalf("the process is alive all the same: %d", alive.Status)
	}
}

func TestDevelopmentRoutesExistOnlyInDemoAndDev(t *testing.T) {
	for _, mode := range []kernel.Mode{kernel.Production, kernel.Dev, kernel.Demo} {
		c := testkit.With(t, func(cfg *kernel.Config) { cfg.Mode = mode })
		for _, r := range [][2]string{{"GET", "/dev/mail"}, {"DELETE", "/dev/mail"}, {"GET", "/dev/sms"}, {"DELETE", "/dev/sms"}, {"POST", "/dev/clock"}} {
			got := c.Do(t, r[0], r[1], "", map[string]int{"advanceSeconds": 0})
			if exists := got.Status < 300; exists != (mode != kernel.Production) {
				t.Errorf("%s: %s %s answers %d", mode, r[0], r[1], got.Status)
			}
		}
	}
}

func TestTheMailboxThePhoneAndTheClock(t *testing.T) {
	c := testkit.New(t)
	for _, to := range []string{"a@mail.example", "b@mail.example"} {
		if err := outbox.Mail(c.App, outbox.Message{Topic: "x", To: to, Subject: "Hello <b>", Text: "Body"}); err != nil {
			t.Fatal(err)
		}
	}
	c.Deliver()
	var mails []outbox.Stored
	c.Do(t, "GET", "/dev/mail?to=b@mail.example", "", nil).Into(t, &mails)
	if len(mails) != 1 || mails[0].To != "b@mail.example" || mails[0].Headers["Auto-Submitted"] == "" {
		t.Fatalf("%+v", mails)
	}
	page := c.Do(t, "GET", "/dev/mail", "", nil, "Accept", "text/html")
	if page.Status != 200 || !strings.Contains(string(page.Body), "Hello &lt;b&gt;") {
		t.Fatalf("%d %s", page.Status, page.Body)
	}
	c.Do(t, "GET", "/dev/mail?limit=0", "", nil).Refused(t, 400, "VALIDATION_ERROR")
	if got := c.Do(t, "DELETE", "/dev/mail", "", nil); got.Status != http.StatusNoContent {
		t.Fatalf("%d", got.Status)
	}
	c.Do(t, "GET", "/dev/mail", "", nil).Into(t, &mails)
	if len(mails) != 0 {
		t.Fatal("not emptied")
	}

	for _, to := range []string{"+13035550101", "+13035550102"} {
		if err := outbox.SMS(c.App, outbox.Text{Topic: "x", To: to, Code: "123456"}); err != nil {
			t.Fatal(err)
		}
	}
	c.Deliver()
	for _, path := range []string{"/dev/sms?to=%2B13035550102", "/dev/sms?to=+13035550102"} { // as it should be, and as people type it
		var texts []outbox.StoredText
		c.Do(t, "GET", path, "", nil).Into(t, &texts)
		if len(texts) != 1 || texts[0].ID == "" || texts[0].To != "+13035550102" || !strings.Contains(texts[0].Text, "123456") || texts[0].CreatedAt.IsZero() {
			t.Fatalf("%s: %+v", path, texts)
		}
	}
	if got := c.Do(t, "DELETE", "/dev/sms", "", nil); got.Status != http.StatusNoContent {
		t.Fatalf("%d", got.Status)
	}
	if got := c.Do(t, "GET", "/dev/sms", "", nil); strings.TrimSpace(string(got.Body)) != "[]" {
		t.Fatalf("not emptied: %s", got.Body)
	}

	before := kernel.Now(c.App)
	var now struct{ Now time.Time }
	c.Do(t, "POST", "/dev/clock", "", map[string]int{"advanceSeconds": 3600}).Into(t, &now)
	if moved := now.Now.Sub(before); moved < 59*time.Minute || moved > 61*time.Minute {
		t.Fatalf("moved by %v", moved)
	}
	for _, bad := range []any{`{}`, `{"advanceSeconds":-1}`, `{"advanceSeconds":"x"}`, `{"advanceSeconds":99999999999}`, `[]`} {
		c.Do(t, "POST", "/dev/clock", "", bad).Refused(t, 400, "VALIDATION_ERROR")
	}
}

func TestTheKeysLieBesideTheData(t *testing.T) {
	for dir, want := range map[string]string{"pb_data": "pb_data.keys", "/data/clinic/": "/data/clinic.keys", "./x/../y": "y.keys"} {
		if got := ops.KeysDir(dir); got != want {
			t.Errorf("%s: %s, want %s", dir, got, want)
		}
	}
	t.Setenv("HOME", t.TempDir())
	if _, err := ops.OpenKeys(kernel.Config{Mode: kernel.Production}, t.TempDir()+"/data", false); err == nil {
		t.Fatal("production invented a key")
	}
}
