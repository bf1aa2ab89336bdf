package oversight_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pocketbase/dbx"

	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
	"anteroom/hooks/oversight"
	"anteroom/hooks/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

type line struct {
	Seq                                                             int64
	At                                                              time.Time
	Actor                                                           struct{ Kind, ID, Name, Role string }
	OnBehalfOf, Client                                              *struct{ ID, Name string }
	Action, ResourceType, ResourceID, Result, ErrorCode, IP, Device string
	Details                                                         map[string]any
}

type page struct {
	Lines []line
	Next  int64
}

func search(t *testing.T, c *testkit.Clinic, email, query string) page {
	t.Helper()
	var p page
	c.Do(t, "GET", kernel.Desk+"/audit?"+query, c.As(t, email), nil).Data(t, &p)
	return p
}

func actions(lines []line) string {
	var out []string
	for _, l := range lines {
		out = append(out, l.Action+" "+l.ResourceID)
	}
	return strings.Join(out, "; ")
}

func entry(kind, id, client string, action audit.Action, resource string) audit.Entry {
	return audit.Entry{Actor: kernel.Actor{Kind: kind, ID: id, IP: "203.0.113.9", Agent: "Mozilla/5.0 (Macintosh; Intel Mac OS X) Firefox/140.0"}, Client: client,
		Action: action, ResourceType: audit.Form, ResourceID: resource}
}

// Every filter finds its lines and no others, names are those of now, and what was searched for is not kept.
func TestSearch(t *testing.T) {
	c := testkit.New(t)
	refused := entry(kernel.KindStaff, testkit.DeskStaff, testkit.Bo, "TRY", "two")
	refused.Result, refused.ErrorCode = audit.ResultRefused, "FORBIDDEN"
	glass := entry(kernel.KindStaff, testkit.AnaStaff, testkit.Bo, "LOOK", "three")
	glass.Details = audit.Details{"breakGlass": "glassglassglass", "records": 4}
	ok(t, audit.Read(c.App, entry(kernel.KindClient, testkit.AdaLogin, testkit.Cleo, "LOOK", "one"), refused, glass))
	c.Advance(48 * time.Hour)
	ok(t, audit.Read(c.App, entry(kernel.KindClient, testkit.AdaLogin, testkit.Ada, "LATER", "four")))
	c.Fresh(t, testkit.AdminEmail)
	for query, want := range map[string]string{
		"resource=FORM&client=" + testkit.Bo:                           "LOOK three; TRY two",
		"client=" + testkit.Bo + "&actor=" + testkit.AnaStaff:          "LOOK three",
		"actor=" + testkit.AdaLogin:                                    "LATER four; LOOK one",
		"actor=" + testkit.AdaLogin + "&to=2026-12-07":                 "LOOK one",
		"actor=" + testkit.AdaLogin + "&from=2026-12-08":               "LATER four",
		"actor=" + testkit.AdaLogin + "&from=2026-12-09&to=2026-12-09": "LATER four",
		"resourceId=two": "TRY two",
		"resource=FORM&resourceId=two&result=refused": "TRY two",
		"resource=INVOICE&resourceId=two":             "",
		"action=LOOK":                                 "LOOK three; LOOK one",
		"action=LOOK&to=2026-12-06":                   "",
		"result=refused&actor=" + testkit.DeskStaff:   "TRY two",
		"breakGlass=true":                             "LOOK three",
		"client=nobody":                               "",
		"action=LOOK' OR 1=1 --":                      "",
	} {
		if got := search(t, c, testkit.AdminEmail, strings.ReplaceAll(query, " ", "%20")); actions(got.Lines) != want || got.Next != 0 {
			t.Errorf("%s: %q, next %d", query, actions(got.Lines), got.Next)
		}
	}
	l := search(t, c, testkit.AdminEmail, "resourceId=one").Lines[0]
	if l.Actor.Name != "Ada Lovell" || l.Client.Name != "Cleo Lovell" || l.OnBehalfOf == nil || l.OnBehalfOf.ID != testkit.Cleo || l.Device != "Firefox on macOS" || l.IP != "203.0.113.9" {
		t.Errorf("%+v", l)
	}
	l = search(t, c, testkit.AdminEmail, "resourceId=three").Lines[0]
	if l.Actor.Name != "Ana Reyes" || l.OnBehalfOf != nil || l.Details["records"] != 4.0 {
		t.Errorf("%+v", l)
	}
	if own := search(t, c, testkit.AdminEmail, "resourceId=four").Lines[0]; own.OnBehalfOf != nil {
		t.Errorf("%+v", own)
	}
	said := search(t, c, testkit.AdminEmail, "action=SEARCH_AUDIT_LOG&limit=3").Lines
	if len(said) != 3 || fmt.Sprint(said[1].Details["filters"]) != "[resourceId]" {
		t.Errorf("%+v", said)
	}
	for _, bad := range []string{"limit=201", "limit=x", "before=0", "from=yesterday", "to=2026-13-01", "from=2026-12-08&to=2026-12-01", "result=maybe", "breakGlass=perhaps", "actor=" + strings.Repeat("x", 101)} {
		c.Do(t, "GET", kernel.Desk+"/audit?"+bad, c.As(t, testkit.AdminEmail), nil).Refused(t, http.StatusBadRequest, "")
	}
}

// Pages follow each other without a gap or a double, whatever is written meanwhile.
func TestSearchByPages(t *testing.T) {
	c := testkit.New(t)
	for i := range 25 {
		ok(t, audit.Read(c.App, entry(kernel.KindClient, testkit.AdaLogin, testkit.Ada, "PAGED", fmt.Sprint(i))))
	}
	for _, filter := range []string{"client=" + testkit.Ada + "&action=PAGED", "action=PAGED", "actor=" + testkit.AdaLogin + "&action=PAGED"} {
		var all []string
		before, pages := "", 0
		for {
			p := search(t, c, testkit.AdminEmail, filter+"&limit=10"+before)
			for _, l := range p.Lines {
				all = append(all, l.ResourceID)
			}
			pages++
			if p.Next == 0 {
				break
			}
			before = fmt.Sprint("&before=", p.Next)
		}
		if len(all) != 25 || all[0] != "24" || all[24] != "0" || pages != 3 {
			t.Errorf("%s: %d pages, %v", filter, pages, all)
		}
	}
}

// Administrators, the owner and the privacy officer; nobody else, and who is refused leaves a line.
func TestWhoMaySearch(t *testing.T) {
	c := testkit.New(t)
	routes := [][2]string{{"GET", "/audit"}, {"GET", "/audit/head"}, {"GET", "/audit/verify"}, {"POST", "/audit/verify"}}
	for _, r := range routes {
		for _, email := range []string{testkit.AnaEmail, testkit.DeskEmail, testkit.BillingEmail, testkit.AdaEmail} {
			c.Do(t, r[0], kernel.Desk+r[1], c.As(t, email), nil).Refused(t, http.StatusForbidden, "ROLE")
		}
		c.Do(t, r[0], kernel.Desk+r[1], "", nil).Refused(t, http.StatusUnauthorized, "SIGN_IN_REQUIRED")
		for _, email := range []string{testkit.AdminEmail, testkit.OwnerEmail} {
			if got := c.Do(t, r[0], kernel.Desk+r[1], c.As(t, email), nil); got.Status >= 300 {
				t.Errorf("%s %s: %d", email, r[1], got.Status)
			}
		}
	}
	settings, err := c.App.FindFirstRecordByFilter("clinic_settings", "id != ''")
	ok(t, err)
	settings.Set("privacy_officer", testkit.DeskStaff)
	ok(t, kernel.SaveAs(c.App, kernel.System(), settings))
	search(t, c, testkit.DeskEmail, "")
	c.Do(t, "GET", kernel.Desk+"/audit", c.As(t, testkit.BillingEmail), nil).Refused(t, http.StatusForbidden, "ROLE")
}

type checked struct {
	State, Head, Sentence    string
	Checked, Total, BrokenAt int64
}

func verified(t *testing.T, c *testkit.Clinic) (k checked) {
	t.Helper()
	c.Do(t, "POST", kernel.Desk+"/audit/verify", c.As(t, testkit.AdminEmail), map[string]any{}).Data(t, &k)
	for range 500 {
		if c.Do(t, "GET", kernel.Desk+"/audit/verify", c.As(t, testkit.AdminEmail), nil).Data(t, &k); k.State != "running" {
			return k
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("the check does not end")
	return k
}

// A check runs by itself, remembers what it found, and raises the alarm when the log was changed.
func TestCheckFromTheDashboard(t *testing.T) {
	c := testkit.New(t)
	var k checked
	c.Do(t, "GET", kernel.Desk+"/audit/verify", c.As(t, testkit.AdminEmail), nil).Data(t, &k)
	if k.State != "idle" {
		t.Errorf("%+v", k)
	}
	if k = verified(t, c); k.State != "intact" || k.Checked == 0 || k.Head == "" {
		t.Errorf("%+v", k)
	}
	var h struct {
		Seq, VerifiedSeq int64
		Hash, VerifiedAt string
	}
	c.Do(t, "GET", kernel.Desk+"/audit/head", c.As(t, testkit.AdminEmail), nil).Data(t, &h)
	if _, err := audit.ParseHead(fmt.Sprintf("%d:%s", h.Seq, h.Hash)); err != nil || h.VerifiedSeq != k.Checked || h.VerifiedAt == "" || h.Seq <= h.VerifiedSeq {
		t.Errorf("%+v %v", h, err)
	}
	for _, q := range []string{"DROP TRIGGER portal_audit_log_update", "UPDATE portal_audit_log SET ip = 'x' WHERE seq IN (5, 9)"} {
		_, err := c.App.NonconcurrentDB().NewQuery(q).Execute()
		ok(t, err)
	}
	if k = verified(t, c); k.State != "broken" || k.BrokenAt != 5 || !strings.Contains(k.Sentence, "line 5 does not match its hash; one more place is wrong, line 9") {
		t.Errorf("%+v", k)
	}
	if n := c.Count(t, "staff_notifications", "notification_type = 'audit_log_broken' AND staff = {:a}", dbx.Params{"a": testkit.Admin}); n != 1 {
		t.Errorf("%d notices", n)
	}
	if n := c.Count(t, "staff_notifications", "notification_type = 'audit_log_broken' AND staff <> {:a}", dbx.Params{"a": testkit.Admin}); n != 0 {
		t.Errorf("%d notices for others", n)
	}
	if n := c.Count(t, "portal_audit_log", "action = 'AUDIT_LOG_BROKEN'", nil); n != 1 {
		t.Errorf("%d lines", n)
	}
}

// The head of a day is noted once, however often and by however many it is asked for, and a log that was rewritten with
// fresh hashes no longer agrees with it.
func TestHeadOfTheDay(t *testing.T) {
	c := testkit.With(t, func(cfg *kernel.Config) { cfg.AuditHeadEmail = "keeper@elsewhere.example" })
	var out bytes.Buffer
	for range 3 {
		ok(t, oversight.NoteToday(c.App, &out))
	}
	var noted string
	ok(t, c.App.ConcurrentDB().NewQuery("SELECT head FROM audit_heads WHERE day = '2026-12-07'").Row(&noted))
	if want := "audit head 2026-12-07 " + noted + "\n"; out.String() != want {
		t.Errorf("%q", out.String())
	}
	if mails := c.Mails(t, "keeper@elsewhere.example"); len(mails) != 1 || !strings.Contains(mails[0].Text, noted) {
		t.Errorf("%d mails", len(mails))
	}
	c.Advance(24 * time.Hour)
	ok(t, oversight.NoteToday(c.App, &out))
	if n := c.Count(t, "audit_heads", "", nil); n != 2 {
		t.Errorf("%d heads", n)
	}
	c.Fresh(t, testkit.AdminEmail)
	if k := verified(t, c); k.State != "intact" {
		t.Errorf("%+v", k)
	}
	_, err := c.App.NonconcurrentDB().NewQuery("UPDATE audit_heads SET head = '3:" + strings.Repeat("ab", 32) + "' WHERE day = '2026-12-07'").Execute()
	ok(t, err)
	if k := verified(t, c); k.State != "broken" || k.BrokenAt != 3 {
		t.Errorf("%+v", k)
	}
}

// A real S3 server (VERSITYGW, see the Makefile) gets the head, and a job that found it closed tries again.
func TestHeadGoesToTheBucket(t *testing.T) {
	gateway := os.Getenv("VERSITYGW")
	if gateway == "" {
		gateway = filepath.Join("..", "..", ".bin", "versitygw")
	}
	if _, err := os.Stat(gateway); err != nil {
		t.Fatal("versitygw is missing: make test installs it")
	}
	t.Setenv("AWS_CA_BUNDLE", "")
	root := t.TempDir()
	ok(t, os.Mkdir(filepath.Join(root, "heads"), 0o700))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	ok(t, err)
	address := listener.Addr().String()
	ok(t, listener.Close())

	c := testkit.With(t, func(cfg *kernel.Config) {
		cfg.S3 = kernel.S3Config{Bucket: "files", Endpoint: "http://" + address, Region: "us-east-1", AccessKey: "keykeykey", Secret: "secretsecret", PathStyle: true}
		cfg.AuditHeadBucket = "heads"
	})
	ok(t, oversight.NoteToday(c.App, io.Discard))
	c.Deliver() // nobody listens
	waiting := func() int {
		return c.Count(t, "outbox", "topic = 'audit_head' AND status = 'waiting' AND attempts = 1", nil)
	}
	if waiting() != 1 {
		t.Fatal("the job did not stay")
	}

	cmd := exec.Command(gateway, "--access", "keykeykey", "--secret", "secretsecret", "--port", address, "--quiet", "posix", "--sidecar", t.TempDir(), root)
	cmd.Env = append(os.Environ(), "AWS_CA_BUNDLE=")
	ok(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	for range 200 {
		if conn, err := net.Dial("tcp", address); err == nil {
			_ = conn.Close()
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	c.Advance(time.Hour)
	c.Deliver()
	raw, err := os.ReadFile(filepath.Join(root, "heads", "audit-heads", "2026-12-07.txt"))
	ok(t, err)
	var noted string
	ok(t, c.App.ConcurrentDB().NewQuery("SELECT head FROM audit_heads").Row(&noted))
	if string(raw) != noted+"\n" {
		t.Errorf("%q, noted %q", raw, noted)
	}
	head, err := audit.ParseHead(strings.TrimSpace(string(raw)))
	ok(t, err)
	_, err = audit.Verify(context.Background(), c.App.ConcurrentDB().(*dbx.DB).DB(), head)
	ok(t, err)
}
