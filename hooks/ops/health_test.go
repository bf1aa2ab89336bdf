package ops_test

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"anteroom/hooks/kernel"
	"anteroom/hooks/ops"
	"anteroom/hooks/outbox"
	"anteroom/hooks/testkit"
)

func ready(t *testing.T, c *testkit.Clinic) (int, readiness) {
	t.Helper()
	got := c.Do(t, "GET", "/readyz", "", nil)
	var r readiness
	got.Into(t, &r)
	return got.Status, r
}

func TestReadyLooksAtEverything(t *testing.T) {
	c := testkit.New(t)
	ops.CheckIntegrity(c.App)
	status, r := ready(t, c)
	if status != 200 || r.Status != "healthy" {
		t.Fatalf("%d %+v", status, r)
	}
	for _, name := range []string{"database", "integrity", "keys", "storage", "disk", "outbox"} {
		if !r.Checks[name] {
			t.Errorf("%s: %+v", name, r.Checks)
		}
	}
	if _, said := r.Checks["scanner"]; said {
		t.Error("a clinic without a scanner lacks nothing")
	}
	if got := c.Do(t, "GET", "/api/health", "", nil); got.Status != 200 {
		t.Errorf("%d %s", got.Status, got.Body)
	}
}

// corrupt overwrites one in so many pages of a database file, as a bad disk does.
func corrupt(t *testing.T, file string, oneIn int64) {
	t.Helper()
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	rubbish := make([]byte, 4096)
	for i := range rubbish {
		rubbish[i] = 0xA5
	}
	for page := min(8, fi.Size()/4096/2); (page+1)*4096 <= fi.Size(); page += oneIn {
		if _, err := f.WriteAt(rubbish, page*4096); err != nil {
			t.Fatal(err)
		}
	}
}

func TestADamagedDatabaseIsFound(t *testing.T) {
	for _, name := range []string{"data.db", "auxiliary.db"} {
		t.Run(name, func(t *testing.T) {
			c := testkit.New(t)
			if _, err := c.App.NonconcurrentDB().NewQuery("PRAGMA wal_checkpoint(TRUNCATE)").Execute(); err != nil {
				t.Fatal(err)
			}
			if _, err := c.App.AuxNonconcurrentDB().NewQuery("PRAGMA wal_checkpoint(TRUNCATE)").Execute(); err != nil {
				t.Fatal(err)
			}
			ops.CheckIntegrity(c.App)
			if status, r := ready(t, c); status != 200 || !r.Checks["integrity"] {
				t.Fatalf("before: %d %+v", status, r)
			}
			corrupt(t, filepath.Join(c.App.DataDir(), name), 3)
			ops.CheckIntegrity(c.App)
			status, r := ready(t, c)
			if status != 503 || r.Status != "unhealthy" || r.Checks["integrity"] {
				t.Errorf("%d %+v", status, r)
			}
			if got := c.Do(t, "GET", "/api/health", "", nil); got.Status != 503 || got.Header.Get("Retry-After") == "" {
				t.Errorf("PocketBase's health: %d %s", got.Status, got.Body)
			}
		})
	}
}

func TestAQueryThatMeetsDamageIsHeardAtOnce(t *testing.T) {
	c := testkit.New(t)
	if _, err := c.App.NonconcurrentDB().NewQuery("PRAGMA wal_checkpoint(TRUNCATE)").Execute(); err != nil {
		t.Fatal(err)
	}
	corrupt(t, filepath.Join(c.App.DataDir(), "data.db"), 1)
	met := false
	for _, table := range []string{"clients", "portal_audit_log", "appointments", "form_templates", "staff", "client_access", "portal_users"} {
		_, err := c.App.NonconcurrentDB().NewQuery("SELECT count(*), sum(length(quote(rowid))) FROM [[" + table + "]]").Execute()
		met = met || err != nil
	}
	if !met {
		t.Fatal("no query met the damage")
	}
	if status, r := ready(t, c); status != 503 || r.Checks["integrity"] {
		t.Errorf("%d %+v", status, r)
	}
}

func TestADatabaseThatTakesNoWrites(t *testing.T) {
	c := testkit.New(t)
	if _, err := c.App.NonconcurrentDB().NewQuery("PRAGMA query_only = ON").Execute(); err != nil {
		t.Fatal(err)
	}
	if status, r := ready(t, c); status != 503 || r.Checks["database"] || r.Status != "unhealthy" {
		t.Errorf("%d %+v", status, r)
	}
	if got := c.Do(t, "GET", "/api/health", "", nil); got.Status != 503 {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	// reading goes on
	if got := c.Do(t, "GET", kernel.Portal+"/config", "", nil); got.Status != 200 {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	if _, err := c.App.NonconcurrentDB().NewQuery("PRAGMA query_only = OFF").Execute(); err != nil {
		t.Fatal(err)
	}
}

func TestKeysThatAreGone(t *testing.T) {
	c := testkit.New(t)
	if err := c.Keyring.Close(); err != nil {
		t.Fatal(err)
	}
	if status, r := ready(t, c); status != 503 || r.Checks["keys"] {
		t.Errorf("%d %+v", status, r)
	}
}

func TestStorageThatTakesNothing(t *testing.T) {
	c := testkit.New(t)
	storage := filepath.Join(c.App.DataDir(), "storage")
	if err := os.RemoveAll(storage); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(storage, nil, 0o600); err != nil { // a file where the directory was
		t.Fatal(err)
	}
	if status, r := ready(t, c); status != 503 || r.Checks["storage"] {
		t.Errorf("%d %+v", status, r)
	}
}

func TestADiskThatFills(t *testing.T) {
	const mb, gb = 1 << 20, 1 << 30
	for _, x := range []struct {
		free, total uint64
		well        bool
	}{{199 * mb, 10 * gb, false}, {201 * mb, 10 * gb, true}, {900 * mb, 100 * gb, false}, {1100 * mb, 100 * gb, true}, {0, 0, false}} {
		if err := ops.JudgeSpace(x.free, x.total); (err == nil) != x.well {
			t.Errorf("%d of %d MB: %v", x.free/mb, x.total/mb, err)
		}
	}
}

func TestMailThatLiesAboutDegrades(t *testing.T) {
	c := testkit.New(t)
	if err := outbox.Mail(c.App, outbox.Message{Topic: "x", To: "a@mail.example", Subject: "Hello", Text: "Body"}); err != nil {
		t.Fatal(err)
	}
	c.Deliver()
	late := kernel.Now(c.App).Add(-16 * time.Minute).UTC().Format("2006-01-02 15:04:05.000Z")
	// of a kind that no worker takes, so that it stays
	if _, err := c.App.NonconcurrentDB().NewQuery("UPDATE outbox SET status = 'waiting', kind = 'pigeon', next_at = '" + late + "'").Execute(); err != nil {
		t.Fatal(err)
	}
	if status, r := ready(t, c); status != 200 || r.Status != "degraded" || r.Checks["outbox"] {
		t.Errorf("%d %+v", status, r)
	}
}

func TestTheScanner(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			asked := make([]byte, 6)
			if _, err := c.Read(asked); err == nil && string(asked) == "zPING\x00" {
				_, _ = c.Write([]byte("PONG\x00"))
			}
			_ = c.Close()
		}
	}()
	there := testkit.With(t, func(cfg *kernel.Config) { cfg.ClamdAddress = l.Addr().String() })
	if status, r := ready(t, there); status != 200 || r.Status != "healthy" || !r.Checks["scanner"] {
		t.Errorf("%d %+v", status, r)
	}
	gone := testkit.With(t, func(cfg *kernel.Config) { cfg.ClamdAddress = filepath.Join(t.TempDir(), "none") })
	if status, r := ready(t, gone); status != 200 || r.Status != "degraded" || r.Checks["scanner"] {
		t.Errorf("%d %+v", status, r)
	}
}

func TestAServerThatEndsIsNotReady(t *testing.T) {
	c := testkit.New(t)
	ops.Draining(c.App)
	if status, r := ready(t, c); status != http.StatusServiceUnavailable || r.Status != "unhealthy" {
		t.Errorf("%d %+v", status, r)
	}
}
