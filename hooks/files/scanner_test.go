package files_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"io"
	"net"
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

// fakeClamd answers as it is told: what it read is in got.
type fakeClamd struct {
	listener net.Listener
	answer   atomic.Value // func(conn net.Conn, r *bufio.Reader)
	got      atomic.Value // []byte
}

func newFakeClamd(t *testing.T, answer func(net.Conn, *bufio.Reader)) *fakeClamd {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &fakeClamd{listener: l}
	f.answer.Store(answer)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				f.answer.Load().(func(net.Conn, *bufio.Reader))(conn, bufio.NewReader(conn))
			}()
		}
	}()
	return f
}

func (f *fakeClamd) address() string { return f.listener.Addr().String() }

// says reads the whole stream, as clamd does, and gives an answer.
func says(answer string) func(net.Conn, *bufio.Reader) {
	return func(conn net.Conn, r *bufio.Reader) {
		if _, err := stream(r); err == nil {
			_, _ = io.WriteString(conn, answer)
		}
	}
}

func stream(r *bufio.Reader) ([]byte, error) {
	if _, err := r.ReadString(0); err != nil {
		return nil, err
	}
	var all []byte
	for {
		var n uint32
		if err := binary.Read(r, binary.BigEndian, &n); err != nil || n == 0 {
			return all, err
		}
		piece := make([]byte, n)
		if _, err := io.ReadFull(r, piece); err != nil {
			return nil, err
		}
		all = append(all, piece...)
	}
}

func scanned(t *testing.T, address string) *testkit.Clinic {
	return testkit.With(t, func(c *kernel.Config) { c.ClamdAddress = address })
}

// TestAScannerThatDoesNotSaySoInSoManyWords keeps a file waiting, whatever is wrong with it, and the file is checked when
// the scanner is well again.
func TestAScannerThatDoesNotSaySoInSoManyWords(t *testing.T) {
	hang := make(chan struct{})
	t.Cleanup(func() { close(hang) })
	for name, answer := range map[string]func(net.Conn, *bufio.Reader){
		"closes at once":               func(net.Conn, *bufio.Reader) {},
		"answers before it has read":   func(c net.Conn, _ *bufio.Reader) { _, _ = io.WriteString(c, "stream: ") },
		"hangs":                        func(net.Conn, *bufio.Reader) { <-hang },
		"has a limit":                  says("INSTREAM size limit exceeded. ERROR\x00"),
		"answers nothing":              says(""),
		"answers half":                 says("stream: OK"),
		"answers something else":       says("HTTP/1.1 200 OK\r\n\r\n\x00"),
		"answers about something else": says("other: OK\x00"),
		"is fine and is not":           says("stream: OK but not quite\x00"),
		"finds nothing":                says("stream:  FOUND\x00"),
		"never ends":                   func(c net.Conn, r *bufio.Reader) { says(strings.Repeat("stream: OK ", 100_000)+"\x00")(c, r) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fake := newFakeClamd(t, answer)
			c := scanned(t, fake.address())
			u := mustAccept(t, c, "a.pdf", plainPDF("x"))
			if u.Scan() != collections.ScanPending {
				t.Fatal(u.Scan())
			}
			clerk := c.As(t, testkit.DeskEmail)
			c.Do(t, "GET", desk(u.Id, "content"), clerk, nil).Refused(t, 409, "NOT_RELEASED")
			c.Do(t, "POST", desk(u.Id, "release"), clerk, map[string]string{"reason": "in a hurry"}).Refused(t, 409, "ALREADY_DECIDED")

			if name == "hangs" {
				return // its recovery takes as long as one look may take
			}
			fake.answer.Store(says("stream: OK\x00"))
			eventually(t, c, func() bool { return c.Find(t, "uploads", u.Id).GetString("scan") == "clean" })
			c.Do(t, "GET", desk(u.Id, "content"), c.Fresh(t, testkit.DeskEmail), nil)
		})
	}
	t.Run("is not there", func(t *testing.T) {
		gone, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		address := gone.Addr().String()
		_ = gone.Close()
		c := scanned(t, address)
		token := c.As(t, testkit.BoEmail)
		var saved struct{ AvatarURL, Scan string }
		got := sendPicture(t, c, token, "me.jpg", jpegOf(30, 30))
		if got.Data(t, &saved); got.Status != 201 || saved.Scan != "pending" {
			t.Fatalf("%d %s", got.Status, got.Body)
		}
		c.Do(t, "GET", avatar, token, nil).Refused(t, 409, "NOT_RELEASED")
		var profile struct{ AvatarURL string }
		if c.Do(t, "GET", kernel.Portal+"/profile", token, nil).Data(t, &profile); profile.AvatarURL != "" {
			t.Error("a picture that waits is offered")
		}
	})
}

// eventually lets time pass in the clinic and works off the outbox, until it is so.
func eventually(t *testing.T, c *testkit.Clinic, so func() bool) {
	t.Helper()
	for range 100 {
		if so() {
			return
		}
		c.Advance(time.Hour)
		c.Deliver()
		time.Sleep(20 * time.Millisecond) // the server's own outbox may have taken the job
	}
	t.Fatal("it never came to be")
}

// TestWhatTheScannerFinds is removed, told to the desk, and stays blocked.
func TestWhatTheScannerFinds(t *testing.T) {
	fake := newFakeClamd(t, says("stream: Win.Test.\u202eEICAR FOUND\x00"))
	c := scanned(t, fake.address())
	token := c.As(t, testkit.BoEmail)
	sendPicture(t, c, token, "me.jpg", jpegOf(30, 30)).Refused(t, 400, "FILE_INFECTED")
	_, err := accept(c, "a.pdf", plainPDF("x"))
	if err == nil || kernel.AsError(err).Reason != "FILE_INFECTED" {
		t.Fatal(err)
	}
	c.Deliver()
	eventually(t, c, func() bool { return len(stored(t, c)) == 0 })
	rows, err := c.App.FindAllRecords("uploads")
	if err != nil || len(rows) != 2 {
		t.Fatal(len(rows), err)
	}
	for _, r := range rows {
		if r.GetString("scan") != "blocked" || r.GetString("finding") != "Win.Test.?EICAR" || r.GetString("file") != "" || r.GetDateTime("removed_at").IsZero() {
			t.Errorf("%v", r.PublicExport())
		}
		for _, state := range []string{"clean", "not_scanned", "pending"} {
			r.Set("scan", state)
			if err := c.App.Save(r); err == nil {
				t.Errorf("a blocked file became %s", state)
			}
			if _, err := c.App.NonconcurrentDB().NewQuery("UPDATE uploads SET scan = '" + state + "' WHERE id = '" + r.Id + "'").Execute(); err == nil {
				t.Errorf("a blocked file became %s by plain SQL", state)
			}
		}
	}
	if c.Find(t, "clients", testkit.Bo).GetString("avatar") != "" {
		t.Error("a blocked picture is still the client's")
	}
	if n := c.Count(t, "staff_notifications", "notification_type = 'file_blocked' AND staff <> ''", nil); n != 4 { // two files, admin and front desk
		t.Errorf("%d were told", n)
	}
	if n := lines(t, c, "FILE_BLOCKED"); n != 2 {
		t.Errorf("%d lines", n)
	}
}

// TestWhatIsScannedIsWhatIsServed byte for byte.
func TestWhatIsScannedIsWhatIsServed(t *testing.T) {
	fake := newFakeClamd(t, nil)
	fake.answer.Store(func(conn net.Conn, r *bufio.Reader) {
		all, _ := stream(r)
		fake.got.Store(all)
		_, _ = io.WriteString(conn, "stream: OK\x00")
	})
	c := scanned(t, fake.address())
	pdf := plainPDF(strings.Repeat("words ", 40_000))
	u := mustAccept(t, c, "a.pdf", pdf)
	if u.Scan() != collections.ScanClean || !bytes.Equal(fake.got.Load().([]byte), pdf) || !bytes.Equal(content(t, c, u), pdf) {
		t.Fatal(u.Scan())
	}
	if n := lines(t, c, "FILE_CLEARED"); n != 1 {
		t.Errorf("%d lines", n)
	}
}

// TestRealClamd runs ClamAV's own daemon with a signature of its test file.
func TestRealClamd(t *testing.T) {
	program, err := exec.LookPath("clamd")
	if err != nil {
		if program = "/usr/sbin/clamd"; exec.Command(program, "--version").Run() != nil {
			t.Fatal("clamd is missing. Install it: apt-get install clamav-daemon (Debian)")
		}
	}
	dir, err := os.MkdirTemp("", "clamd") //nolint:usetesting // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	for name, text := range map[string]string{
		"db/own.ndb": "Portal.Test.EICAR:0:*:" + hex.EncodeToString([]byte("EICAR-STANDARD-"+"ANTIVIRUS-TEST-FILE")) + "\n",
		"db/own.hdb": "44d88612fea8a8f36de82e1278abb02f:68:Portal.Test.Hash\n",
		"clamd.conf": "DatabaseDirectory " + dir + "/db\nLocalSocket " + dir + "/s\nForeground yes\nUser root\nSelfCheck 0\nLogFile " + dir + "/log\n" +
			"StreamMaxLength 1M\nTemporaryDirectory " + dir + "\n",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if os.Getuid() != 0 {
			text = strings.Replace(text, "User root\n", "", 1)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	daemon := exec.Command(program, "-c", filepath.Join(dir, "clamd.conf"))
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = daemon.Process.Kill(); _ = daemon.Wait() })
	socket := filepath.Join(dir, "s")
	for range 600 {
		if conn, err := net.Dial("unix", socket); err == nil {
			_ = conn.Close()
			break
		}
		time.Sleep(50 * time.Millisecond)
	}

	c := scanned(t, socket)
	if u := mustAccept(t, c, "fine.pdf", plainPDF("fine")); u.Scan() != collections.ScanClean {
		t.Error(u.Scan())
	}
	if u := mustAccept(t, c, "me.jpg", append(jpegOf(50, 50), eicar()...)); u.Scan() != collections.ScanClean {
		t.Error("drawn anew, and still infected")
	}
	if _, err := accept(c, "bad.pdf", plainPDF(eicar())); err == nil || kernel.AsError(err).Reason != "FILE_INFECTED" {
		t.Errorf("the test file passed: %v", err)
	}
	if u := mustAccept(t, c, "large.pdf", plainPDF(strings.Repeat("x", 2<<20))); u.Scan() != collections.ScanPending {
		t.Errorf("beyond the daemon's limit: %s", u.Scan())
	}
	c.Deliver()
	if n := c.Count(t, "uploads", "finding = 'Portal.Test.EICAR.UNOFFICIAL'", nil); n != 1 {
		t.Errorf("%d findings", n)
	}
}
