package outbox_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/filesystem"

	"anteroom/hooks/kernel"
	"anteroom/hooks/outbox"
	"anteroom/hooks/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func message(cause string) outbox.Message {
	return outbox.Message{Topic: "verify_email", To: "x@mail.example", Subject: "Your code", Text: "Type this code.", Code: "123 456",
		Link: "/verify-email", LinkLabel: "Open the portal", Cause: cause}
}

func TestAMailExistsOnlyWithItsCause(t *testing.T) {
	c := testkit.New(t)
	err := c.App.RunInTransaction(func(tx core.App) error {
		if err := outbox.Mail(tx, message("undone")); err != nil {
			t.Fatal(err)
		}
		return errors.New("the cause fails")
	})
	if err == nil || c.Count(t, "outbox", "cause = 'undone'", nil) != 0 {
		t.Fatal("a mail was kept although its cause was undone")
	}
	for range 3 {
		if err := outbox.Mail(c.App, message("once")); err != nil {
			t.Fatal(err)
		}
	}
	if n := c.Count(t, "outbox", "cause = 'once'", nil); n != 1 {
		t.Fatalf("%d rows for one cause", n)
	}
}

func TestBodiesAreEncrypted(t *testing.T) {
	c := testkit.New(t)
	if err := outbox.Mail(c.App, message("sealed")); err != nil {
		t.Fatal(err)
	}
	var raw string
	if err := c.App.ConcurrentDB().NewQuery("SELECT payload FROM outbox WHERE cause = 'sealed'").Row(&raw); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(raw, "e1.") || strings.Contains(raw, "123 456") {
		t.Fatalf("the body lies in the database as %q", raw)
	}
	got := c.Mails(t, "x@mail.example")
	if len(got) != 1 || !strings.Contains(got[0].Text, "123 456") || !strings.Contains(got[0].Text, "http://portal.example/verify-email") ||
		!strings.Contains(got[0].HTML, "Test Clinic") || strings.Contains(got[0].HTML, "<script") {
		t.Fatalf("%+v", got)
	}
}

func TestTextOfAMailStaysText(t *testing.T) {
	c := testkit.New(t)
	m := message("html")
	m.Text = "Hello <img src=x onerror=alert(1)>\n\nSecond & last"
	if err := outbox.Mail(c.App, m); err != nil {
		t.Fatal(err)
	}
	got := c.Mails(t, m.To)[0]
	if strings.Contains(got.HTML, "<img") || !strings.Contains(got.HTML, "&lt;img") || !strings.Contains(got.Text, "<img") {
		t.Fatal(got.HTML)
	}
}

func TestJobsAreRetriedWithGrowingPausesAndThenGivenUp(t *testing.T) {
	c := testkit.New(t)
	tries := 0
	outbox.OnJob(c.App, "test.flaky", func(core.App, []byte) error { tries++; return errors.New("not yet") })
	if err := outbox.Job(c.App, "test.flaky", "flaky", nil); err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	outbox.Drain(ctx, c.App)
	outbox.Drain(ctx, c.App)
	if tries != 1 {
		t.Fatalf("tried %d times without a pause", tries)
	}
	for range 20 {
		c.Advance(7 * time.Hour)
		outbox.Drain(ctx, c.App)
	}
	row, err := c.App.FindFirstRecordByFilter("outbox", "cause = 'flaky'")
	if err != nil {
		t.Fatal(err)
	}
	if row.GetString("status") != "failed" || tries != row.GetInt("attempts") || tries > 15 {
		t.Fatalf("%s after %d tries", row.GetString("status"), tries)
	}
}

func TestOneBadRowDoesNotStopTheRest(t *testing.T) {
	c := testkit.New(t)
	done := false
	outbox.OnJob(c.App, "test.panics", func(core.App, []byte) error { panic("no") })
	outbox.OnJob(c.App, "test.works", func(_ core.App, p []byte) error { done = string(p) == `{"n":1}`; return nil })
	for _, topic := range []string{"test.panics", "test.nobody", "test.works"} {
		if err := outbox.Job(c.App, topic, topic, map[string]int{"n": 1}); err != nil {
			t.Fatal(err)
		}
	}
	outbox.Drain(context.Background(), c.App)
	if !done || c.Count(t, "outbox", "status = 'waiting' AND attempts = 1 AND kind = 'job'", nil) != 2 {
		t.Fatal("a bad row stopped the others, or was lost")
	}
}

func TestTheWorkerWakesAfterTheCommit(t *testing.T) {
	c := testkit.New(t)
	done := make(chan struct{})
	outbox.OnJob(c.App, "test.wake", func(core.App, []byte) error { close(done); return nil })
	if err := outbox.Job(c.App, "test.wake", "", nil); err != nil {
		t.Fatal(err)
	}
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("nobody woke")
	}
}

// smtpServer takes mail the way a real server does (RFC 5321), for one connection after another.
func smtpServer(t *testing.T) (port int, received func() []string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	var mu sync.Mutex
	var mails []string
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			in := bufio.NewReader(conn)
			say := func(s string) { _, _ = conn.Write([]byte(s + "\r\n")) }
			say("220 test")
			for {
				line, err := in.ReadString('\n')
				if err != nil {
					break
				}
				switch word := strings.ToUpper(strings.Fields(line + " x")[0]); word {
				case "EHLO", "HELO":
					say("250 test")
				case "DATA":
					say("354 go on")
					var body strings.Builder
					for {
						l, err := in.ReadString('\n')
						if err != nil || l == ".\r\n" {
							break
						}
						body.WriteString(l)
					}
					mu.Lock()
					mails = append(mails, body.String())
					mu.Unlock()
					say("250 taken")
				case "QUIT":
					say("221 bye")
				default:
					say("250 ok")
				}
			}
			_ = conn.Close()
		}
	}()
	return l.Addr().(*net.TCPAddr).Port, func() []string { mu.Lock(); defer mu.Unlock(); return mails }
}

func TestMailLeavesBySMTP(t *testing.T) {
	port, received := smtpServer(t)
	c := testkit.With(t, func(cfg *kernel.Config) {
		cfg.SMTPHost, cfg.SMTPPort, cfg.SMTPTLS, cfg.MailFrom = "127.0.0.1", port, kernel.SMTPPlain, "portal@clinic.example"
	})
	m := message("by smtp")
	m.Attachments = []outbox.Attachment{{FileName: "visit.ics", MimeType: "text/calendar", Content: []byte("BEGIN:VCALENDAR")}}
	if err := outbox.Mail(c.App, m); err != nil {
		t.Fatal(err)
	}
	c.Deliver()
	deadline := time.Now().Add(10 * time.Second)
	for len(received()) == 0 && time.Now().Before(deadline) {
		time.Sleep(20 * time.Millisecond)
	}
	got := received()
	if len(got) != 1 || !strings.Contains(got[0], "portal@clinic.example") || !strings.Contains(got[0], "visit.ics") || !strings.Contains(got[0], "text/calendar") || !strings.Contains(got[0], "Auto-Submitted: auto-generated") {
		t.Fatalf("%d mails: %s", len(got), strings.Join(got, "\n"))
	}
}

func TestAnUnreachableServerKeepsTheMail(t *testing.T) {
	c := testkit.With(t, func(cfg *kernel.Config) {
		cfg.SMTPHost, cfg.SMTPPort, cfg.MailFrom = "127.0.0.1", 1, "portal@clinic.example"
	})
	if err := outbox.Mail(c.App, message("kept")); err != nil {
		t.Fatal(err)
	}
	c.Deliver()
	deadline := time.Now().Add(10 * time.Second)
	for c.Count(t, "outbox", "cause = 'kept' AND attempts > 0", nil) == 0 && time.Now().Before(deadline) {
		time.Sleep(20 * time.Millisecond)
	}
	row, err := c.App.FindFirstRecordByFilter("outbox", "cause = {:c}", dbx.Params{"c": "kept"})
	if err != nil {
		t.Fatal(err)
	}
	if row.GetString("status") != "waiting" || row.GetString("last_error") == "" || strings.Contains(row.GetString("last_error"), "123 456") {
		t.Fatalf("%s %q", row.GetString("status"), row.GetString("last_error"))
	}
}

// untilTried waits for the worker's first attempt at a row.
func untilTried(t *testing.T, c *testkit.Clinic, cause string) *core.Record {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		r, err := c.App.FindFirstRecordByFilter("outbox", "cause = {:c} && last_error != ''", dbx.Params{"c": cause})
		if err == nil {
			return r
		}
	}
	t.Fatalf("%s was never tried", cause)
	return nil
}

func TestAServerWithoutEncryptionGetsNoMail(t *testing.T) {
	port, received := smtpServer(t)
	c := testkit.With(t, func(cfg *kernel.Config) {
		cfg.SMTPHost, cfg.SMTPPort, cfg.SMTPTLS, cfg.MailFrom = "127.0.0.1", port, kernel.SMTPStartTLS, "portal@clinic.example"
	})
	if err := outbox.Mail(c.App, message("in the clear")); err != nil {
		t.Fatal(err)
	}
	if r := untilTried(t, c, "in the clear"); r.GetString("status") != "waiting" || len(received()) != 0 {
		t.Fatalf("%s, %d mails in the clear", r.GetString("status"), len(received()))
	}
}

func TestAMailServerThatHangsStopsNothingElse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") // takes the connection and never says a word
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	c := testkit.With(t, func(cfg *kernel.Config) {
		cfg.SMTPHost, cfg.SMTPPort, cfg.SMTPTLS, cfg.MailFrom = "127.0.0.1", l.Addr().(*net.TCPAddr).Port, kernel.SMTPPlain, "portal@clinic.example"
	})
	done := make(chan struct{})
	outbox.OnJob(c.App, "test.job", func(core.App, []byte) error { close(done); return nil })
	if err := outbox.Mail(c.App, message("hangs")); err != nil {
		t.Fatal(err)
	}
	time.Sleep(100 * time.Millisecond) // the mail's worker is in the server's hands now
	if err := outbox.Job(c.App, "test.job", "", nil); err != nil {
		t.Fatal(err)
	}
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("a hanging mail server kept a job from being done")
	}
	// the clinic's end, in the test's clean-up, must not hang either: it breaks the connection off
}

func TestAClinicWithoutAMailServerKeepsItsMail(t *testing.T) {
	c := testkit.With(t, func(cfg *kernel.Config) { cfg.Mode = kernel.Production })
	if err := outbox.Mail(c.App, message("nowhere to go")); err != nil {
		t.Fatal(err)
	}
	r := untilTried(t, c, "nowhere to go")
	if r.GetString("status") != "waiting" || r.GetInt("attempts") != 0 || !r.GetDateTime("sent_at").IsZero() {
		t.Fatalf("%s after %d attempts", r.GetString("status"), r.GetInt("attempts"))
	}
	if outbox.Warning(kernel.Config{Mode: kernel.Production}) == "" || outbox.Warning(kernel.Config{Mode: kernel.Demo}) != "" {
		t.Fatal("the operator is not told, or told in a demo")
	}
}

// Every mail answers whether it is really the clinic that writes, in both languages, with and without a logo.
func TestEveryMailSaysWhoWrites(t *testing.T) {
	dot, err := base64.StdEncoding.DecodeString("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
	if err != nil {
		t.Fatal(err)
	}
	port, received := smtpServer(t)
	c := testkit.With(t, func(cfg *kernel.Config) {
		cfg.PublicURL, cfg.SMTPHost, cfg.SMTPPort, cfg.SMTPTLS, cfg.MailFrom = "https://portal.clinic.example", "127.0.0.1", port, kernel.SMTPPlain, "portal@clinic.example"
	})
	said := map[string][]string{
		"en": {"Links in this email lead to portal.clinic.example and nowhere else.", "We never ask for your password or a code by email or phone.", "If you did not expect it, call us."},
		"es": {"Los enlaces de este correo llevan a portal.clinic.example y a ningún otro lugar.", "Nunca le pediremos su contraseña ni un código por correo o por teléfono.", "Si no lo esperaba, llámenos."},
	}
	for _, withLogo := range []bool{false, true} {
		if withLogo {
			logo, err := filesystem.NewFileFromBytes(dot, "logo.png")
			if err != nil {
				t.Fatal(err)
			}
			r, err := c.App.FindFirstRecordByFilter("clinic_settings", "id != ''")
			if err != nil {
				t.Fatal(err)
			}
			r.Set("logo", logo)
			if err := kernel.SaveAs(c.App, kernel.System(), r); err != nil {
				t.Fatal(err)
			}
		}
		for lang, words := range said {
			m := message("")
			m.To, m.Language = fmt.Sprintf("%s-%v@mail.example", lang, withLogo), lang
			if err := outbox.Mail(c.App, m); err != nil {
				t.Fatal(err)
			}
			mails := c.Mails(t, m.To)
			for deadline := time.Now().Add(10 * time.Second); len(mails) == 0 && time.Now().Before(deadline); mails = c.Mails(t, m.To) {
				time.Sleep(20 * time.Millisecond)
			}
			if len(mails) != 1 {
				t.Fatalf("%d mails to %s", len(mails), m.To)
			}
			for _, line := range append(words, "Test Clinic", "1 Main Street, Boulder, CO 80301", "(303) 555-0100") {
				if !strings.Contains(mails[0].Text, line) || !strings.Contains(mails[0].HTML, line) {
					t.Errorf("%s does not say %q in text and HTML", lang, line)
				}
			}
			if got := strings.Contains(mails[0].HTML, `<img src="data:image/png;base64,iVBOR`); got != withLogo {
				t.Errorf("the mailbox shows a logo: %v", got)
			}
			if strings.Contains(mails[0].HTML, `src="http`) {
				t.Error("the mail loads something from elsewhere")
			}
		}
	}
	var logos int
	for _, raw := range received() {
		if strings.Contains(strings.ToLower(raw), "content-id: <clinic-logo>") {
			logos++
			if !strings.Contains(strings.ReplaceAll(raw, "=\r\n", ""), "cid:clinic-logo") {
				t.Error("the logo is not shown")
			}
		}
	}
	if logos != 2 || len(received()) != 4 {
		t.Fatalf("%d of %d mails carry the logo", logos, len(received()))
	}
}
