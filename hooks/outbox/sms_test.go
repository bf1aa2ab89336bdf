package outbox_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/logger"

	"anteroom/collections"
	"anteroom/hooks/kernel"
	"anteroom/hooks/outbox"
	"anteroom/hooks/testkit"
)

const (
	account = "AC00112233445566778899aabbccddeeff"
	token   = "twilio-secret-token"
	from    = "+13035550100"
	adas    = "+13035550101"
)

// fakeTwilio answers as Twilio's Messages resource does: who is not known gets 401 with error 20003, what is no request
// of theirs 404 with 20404, and each next status that a test asks for, else 201.
type fakeTwilio struct {
	*httptest.Server
	mu    sync.Mutex
	next  []int
	hang  time.Duration
	taken []url.Values // what was accepted
	asked int
}

func newFakeTwilio(t *testing.T) *fakeTwilio {
	t.Helper()
	f := &fakeTwilio{}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

func (f *fakeTwilio) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked++
	refuse := func(status, code int, message string) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]any{"code": code, "message": message, "more_info": fmt.Sprint("https://www.twilio.com/docs/errors/", code), "status": status})
	}
	user, password, ok := r.BasicAuth()
	if !ok || user != account || password != token {
		refuse(401, 20003, "Authenticate")
		return
	}
	if r.Method != http.MethodPost || r.URL.Path != "/2010-04-01/Accounts/"+account+"/Messages.json" || r.URL.RawQuery != "" ||
		r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
		refuse(404, 20404, "The requested resource was not found")
		return
	}
	_ = r.ParseForm()
	to, body := r.PostForm.Get("To"), r.PostForm.Get("Body")
	switch {
	case to == "":
		refuse(400, 21604, "A 'To' phone number is required.")
	case r.PostForm.Get("From") == "" && r.PostForm.Get("MessagingServiceSid") == "":
		refuse(400, 21603, "A 'From' phone number is required.")
	case body == "" || len([]rune(body)) > 1600:
		refuse(400, 21617, "The message body does not fit")
	case f.hang > 0:
		f.mu.Unlock()
		select {
		case <-time.After(f.hang):
		case <-r.Context().Done():
		}
		f.mu.Lock()
	case len(f.next) > 0:
		status := f.next[0]
		f.next = f.next[1:]
		if status == http.StatusFound {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(status)
			return
		}
		refuse(status, 21211, "The 'To' number "+to+" is not valid: "+body)
	default:
		f.taken = append(f.taken, r.PostForm)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusCreated)
		_ = json.NewEncoder(w).Encode(map[string]any{"sid": "SM00112233445566778899aabbccddeeff", "status": "queued"})
	}
}

func (f *fakeTwilio) answers(statuses ...int) { f.mu.Lock(); f.next = statuses; f.mu.Unlock() }

func (f *fakeTwilio) requests() int { f.mu.Lock(); defer f.mu.Unlock(); return f.asked }

func (f *fakeTwilio) accepted() []url.Values { f.mu.Lock(); defer f.mu.Unlock(); return f.taken }

// withTwilio is a clinic in production whose text messages go to the fake.
func withTwilio(t *testing.T, f *fakeTwilio) *testkit.Clinic {
	t.Helper()
	return testkit.With(t, func(cfg *kernel.Config) {
		cfg.Mode = kernel.Production
		cfg.TwilioAccountSID, cfg.TwilioAuthToken, cfg.TwilioFrom, cfg.TwilioAPIBase = account, token, from, f.URL
	})
}

func text(cause string) outbox.Text {
	return outbox.Text{Topic: "phone_code", To: adas, Language: "en", Code: "123456", Cause: cause}
}

func write(t *testing.T, c *testkit.Clinic, x outbox.Text) {
	t.Helper()
	if err := c.App.RunInTransaction(func(tx core.App) error { return outbox.SMS(tx, x) }); err != nil {
		t.Fatal(err)
	}
}

func rowOf(t *testing.T, c *testkit.Clinic, cause string) *core.Record {
	t.Helper()
	r, err := c.App.FindFirstRecordByFilter("outbox", "cause = {:c}", dbx.Params{"c": cause})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestTextsLeaveByTwilio(t *testing.T) {
	f := newFakeTwilio(t)
	c := withTwilio(t, f)
	if !outbox.CanSMS(c.App) {
		t.Fatal("a clinic with Twilio sends no text messages")
	}
	write(t, c, text("code"))
	var raw string
	if err := c.App.ConcurrentDB().NewQuery("SELECT payload FROM outbox WHERE cause = 'code'").Row(&raw); err != nil || !strings.HasPrefix(raw, "e1.") {
		t.Fatalf("the body lies in the database as %q: %v", raw, err)
	}
	c.Deliver()
	got := f.accepted()
	want := url.Values{"To": {adas}, "From": {from}, "Body": {"Test Clinic: your code is 123456. Don't share it with anyone."}}
	if len(got) != 1 || got[0].Encode() != want.Encode() {
		t.Fatalf("%v", got)
	}
	if r := rowOf(t, c, "code"); r.GetString("status") != "sent" || r.GetString("kind") != "sms" || r.GetDateTime("sent_at").IsZero() {
		t.Fatal(r.GetString("status"))
	}
	if err := c.App.ConcurrentDB().NewQuery("SELECT payload FROM outbox WHERE cause = 'code'").Row(&raw); err != nil || raw != "" {
		t.Fatalf("what has left lies in the database as %q: %v", raw, err)
	}
	c.Deliver()
	if len(f.accepted()) != 1 {
		t.Fatal("sent twice")
	}
}

func TestAMessagingServiceSends(t *testing.T) {
	f := newFakeTwilio(t)
	const service = "MG00112233445566778899aabbccddeeff"
	c := testkit.With(t, func(cfg *kernel.Config) {
		cfg.TwilioAccountSID, cfg.TwilioAuthToken, cfg.TwilioFrom, cfg.TwilioAPIBase = account, token, service, f.URL
	})
	write(t, c, text("by service"))
	c.Deliver()
	if got := f.accepted(); len(got) != 1 || got[0].Get("MessagingServiceSid") != service || got[0].Has("From") {
		t.Fatalf("%v", got)
	}
}

// What Twilio will never take is given up at once; everything else is tried again. Neither number nor body nor token
// reaches the log, whatever Twilio says.
func TestRefusalsOfTwilio(t *testing.T) {
	for status, final := range map[int]bool{400: true, 404: true, 410: true, 401: false, 403: false, 408: false, 429: false, 500: false, 503: false, 302: false} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			f := newFakeTwilio(t)
			f.answers(status)
			c := withTwilio(t, f)
			write(t, c, text("refused"))
			c.Deliver()
			c.Deliver() // the worker itself may be at it
			r := rowOf(t, c, "refused")
			want := "waiting"
			if final {
				want = "failed"
			}
			if r.GetString("status") != want || r.GetInt("attempts") != 1 || !strings.Contains(r.GetString("last_error"), fmt.Sprint(status)) {
				t.Fatalf("%s after %d: %s", r.GetString("status"), r.GetInt("attempts"), r.GetString("last_error"))
			}
			silent(t, c, r.GetString("last_error"))
			c.Advance(time.Minute)
			c.Deliver()
			if got := len(f.accepted()); (got == 1) == final || f.requests() > 2 {
				t.Fatalf("%d accepted of %d", got, f.requests())
			}
		})
	}
}

// silent fails when a log, or what else is given, says what nobody but the receiver may know.
func silent(t *testing.T, c *testkit.Clinic, more string) {
	t.Helper()
	if err := c.App.Logger().Handler().(*logger.BatchHandler).WriteAll(context.Background()); err != nil {
		t.Fatal(err)
	}
	var lines []string
	if err := c.App.AuxDB().NewQuery("SELECT message || data FROM _logs").Column(&lines); err != nil {
		t.Fatal(err)
	}
	all := strings.Join(lines, "\n")
	if !strings.Contains(all, "outbox") {
		t.Fatalf("the log does not tell of the failure: %s", all)
	}
	for _, secret := range []string{"3035550101", "123456", token, account} {
		if strings.Contains(all+more, secret) {
			t.Errorf("%s is in a log or an error", secret)
		}
	}
}

func TestWrongCredentialsAreMended(t *testing.T) {
	f := newFakeTwilio(t)
	c := testkit.With(t, func(cfg *kernel.Config) {
		cfg.Mode = kernel.Production
		cfg.TwilioAccountSID, cfg.TwilioAuthToken, cfg.TwilioFrom, cfg.TwilioAPIBase = account, "stale", from, f.URL
	})
	write(t, c, text("stale"))
	c.Deliver()
	if r := rowOf(t, c, "stale"); r.GetString("status") != "waiting" || r.GetString("last_error") != "refused by Twilio with 401 (error 20003)" || len(f.accepted()) != 0 {
		t.Fatalf("%s %s", r.GetString("status"), r.GetString("last_error"))
	}
}

func TestATwilioThatHangsOrIsAwayIsTriedAgain(t *testing.T) {
	f := newFakeTwilio(t)
	f.hang = 20 * time.Second
	c := withTwilio(t, f)
	outbox.OnJob(c.App, "test.job", func(core.App, []byte) error { return nil })
	write(t, c, text("hangs"))
	for f.requests() == 0 {
		time.Sleep(10 * time.Millisecond)
	}
	// the worker is in Twilio's hands now, and everything else goes on
	if err := outbox.Job(c.App, "test.job", "beside", nil); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); rowOf(t, c, "beside").GetString("status") != "sent"; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("a hanging Twilio kept a job from being done")
		}
	}
	r := untilTried(t, c, "hangs")
	if r.GetString("status") != "waiting" || !strings.Contains(r.GetString("last_error"), "reach Twilio") || len(f.accepted()) != 0 {
		t.Fatalf("%s %s", r.GetString("status"), r.GetString("last_error"))
	}
	silent(t, c, r.GetString("last_error"))

	f.Close() // now nobody listens
	write(t, c, text("away"))
	c.Deliver()
	r = untilTried(t, c, "away")
	if r.GetString("status") != "waiting" {
		t.Fatal(r.GetString("status"))
	}
	silent(t, c, r.GetString("last_error"))
}

func TestADeadCodeIsNotSent(t *testing.T) {
	f := newFakeTwilio(t)
	f.answers(503)
	c := withTwilio(t, f)
	x := text("late")
	x.Until = kernel.Now(c.App).Add(10 * time.Minute)
	write(t, c, x)
	c.Deliver()
	c.Advance(10 * time.Minute)
	c.Deliver()
	if r := rowOf(t, c, "late"); r.GetString("status") != "failed" || len(f.accepted()) != 0 {
		t.Fatalf("%s, %d sent", r.GetString("status"), len(f.accepted()))
	}
}

func TestAClinicWithoutTwilioSendsNoTexts(t *testing.T) {
	c := testkit.With(t, func(cfg *kernel.Config) { cfg.Mode = kernel.Production })
	if outbox.CanSMS(c.App) {
		t.Fatal("it says that it can")
	}
	write(t, c, text("nowhere")) // by code that did not ask: it waits, and is no failure
	c.Deliver()
	if r := rowOf(t, c, "nowhere"); r.GetString("status") != "waiting" || r.GetInt("attempts") != 0 {
		t.Fatalf("%s after %d", r.GetString("status"), r.GetInt("attempts"))
	}
}

func TestTextsThatAreRefused(t *testing.T) {
	c := testkit.New(t)
	for name, x := range map[string]outbox.Text{
		"no number":         {Topic: "x", Code: "123456"},
		"a number as typed": {Topic: "x", To: "(303) 555-0101", Code: "123456"},
		"two numbers":       {Topic: "x", To: adas + "," + adas, Code: "123456"},
		"nothing to say":    {Topic: "x", To: adas},
		"both":              {Topic: "x", To: adas, Code: "123456", Body: "See you tomorrow."},
	} {
		if err := outbox.SMS(c.App, x); err == nil {
			t.Errorf("%s: taken", name)
		} else if strings.Contains(err.Error(), "555") {
			t.Errorf("%s: the error repeats it: %v", name, err)
		}
	}
	if n := c.Count(t, "outbox", "kind = 'sms'", nil); n != 0 {
		t.Fatalf("%d rows", n)
	}
}

// Proven and wanted, when it is written and when it leaves.
func TestNoticesGoToProvenNumbersOnly(t *testing.T) {
	f := newFakeTwilio(t)
	c := withTwilio(t, f)
	ada := func(change func(*collections.Client)) *collections.Client {
		t.Helper()
		r := collections.AsClient(c.Find(t, "clients", testkit.Ada))
		change(r)
		if err := kernel.SaveAs(c.App, kernel.System(), r.Record); err != nil {
			t.Fatal(err)
		}
		return r
	}
	notice := func(to *collections.Client, cause string) bool {
		t.Helper()
		sent := false
		err := c.App.RunInTransaction(func(tx core.App) (err error) {
			sent, err = outbox.SMSTo(tx, to, outbox.Text{Topic: "notice", To: "+13035550199", Body: "There is news for you in the portal.", Cause: cause})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return sent
	}
	if notice(ada(func(a *collections.Client) { a.Set("phone", adas); a.Set("sms_opt_in", true) }), "unproven") {
		t.Error("to a number that nobody proved")
	}
	if notice(ada(func(a *collections.Client) { a.ProvePhone(adas); a.Set("sms_opt_in", false) }), "unwanted") {
		t.Error("to somebody who wants none")
	}
	wants := ada(func(a *collections.Client) { a.Set("sms_opt_in", true) })
	if !notice(wants, "wanted") {
		t.Fatal("not to a proven number that wants it")
	}
	c.Deliver()
	if got := f.accepted(); len(got) != 1 || got[0].Get("To") != adas || got[0].Get("Body") != "Test Clinic: There is news for you in the portal." {
		t.Fatalf("%v", got)
	}
	for cause, change := range map[string]func(*collections.Client){
		"changed since":  func(a *collections.Client) { a.Set("phone", "+13035550102") },
		"unwanted since": func(a *collections.Client) { a.Set("sms_opt_in", false) },
	} {
		a := ada(func(a *collections.Client) { a.ProvePhone(adas); a.Set("sms_opt_in", true) })
		f.answers(503) // it waits
		notice(a, cause)
		c.Deliver()
		ada(change)
		c.Advance(time.Hour)
		c.Deliver()
		if r := rowOf(t, c, cause); r.GetString("status") != "failed" || len(f.accepted()) != 1 {
			t.Errorf("%s: %s, %d sent", cause, r.GetString("status"), len(f.accepted()))
		}
	}
}
