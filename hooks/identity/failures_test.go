package identity

import (
	"fmt"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/kernel"
)

const wrong = "Wrong-Harbour-42"

// A failure leaves the window by itself, not with the first of its window.
func TestWindowsOfSignInSlide(t *testing.T) {
	c := newClinic(t)
	c.settings(m{"lockout_failures": 50, "limits": m{collections.LimitSignInAccount: m{"max": 50, "seconds": 60}}})
	for i := range 5 {
		c.want(c.login(ada, wrong), 401, "")
		if i == 2 {
			c.advance(10 * time.Minute)
		}
	}
	a := c.login(ada, password) // 3 at 0:00 and 2 at 0:10
	c.want(a, 429, "SIGN_IN_LIMIT")
	if n, _ := strconv.Atoi(a.Header.Get("Retry-After")); n < 290 || n > 300 {
		t.Error(a.Header)
	}
	c.advance(5*time.Minute + time.Second) // 0:15: three have left
	for range 3 {
		c.want(c.login(ada, wrong), 401, "")
	}
	c.restart()
	c.want(c.login(ada, password), 429, "SIGN_IN_LIMIT") // 2 at 0:10 and 3 at 0:15
	var raw string
	ok(t, c.app.ConcurrentDB().NewQuery("SELECT group_concat(json_array_length(instants)) FROM sign_in_failures WHERE key LIKE {:k} || '|%' AND key NOT LIKE '%|lock' AND key NOT LIKE '%|any'").
		Bind(m{"k": accountKey("portal_users", ada)}).Row(&raw))
	if raw != "5" {
		t.Error("instants kept:", raw)
	}
}

// What is left is told of the caller's own network only: what others did about the account would tell that somebody
// has one.
func TestSignInTellsWhatIsLeft(t *testing.T) {
	c := newClinic(t)
	for i := range 3 {
		h := c.login(ada, wrong, "address", "198.51.100.1").Header
		if h.Get("RateLimit-Limit") != "5" || h.Get("RateLimit-Remaining") != strconv.Itoa(4-i) || h.Get("RateLimit-Reset") == "" {
			t.Fatal(i, h)
		}
	}
	if h := c.login(ada, wrong, "address", "198.51.100.2").Header; h.Get("RateLimit-Remaining") != "4" {
		t.Error("another network is told of the first one's failures", h)
	}
	a := c.login(ada, password, "address", "198.51.100.1")
	c.want(a, 200, "")
	if a.Header.Get("RateLimit-Limit") != "5" || a.Header.Get("RateLimit-Remaining") == "" {
		t.Error("a success tells nothing", a.Header)
	}
	if h := c.login(ada, wrong, "address", "198.51.100.1").Header; h.Get("RateLimit-Remaining") != "4" {
		t.Error("the success did not clear", h)
	}
}

// One customer of an IPv6 provider is one address, however many they use.
func TestNetworksOfIPv6(t *testing.T) {
	c := newClinic(t)
	c.settings(m{"limits": m{collections.LimitSignInSpray: m{"max": 5, "seconds": 900}}})
	for i := range 5 {
		c.want(c.login(fmt.Sprintf("guess%d@mail.example", i), wrong, "address", fmt.Sprintf("[2001:db8:1:2:%x::1]", i)), 401, "")
	}
	c.want(c.login("more@mail.example", wrong, "address", "[2001:db8:1:2:ffff::1]"), 429, "SIGN_IN_LIMIT")
	c.want(c.login("more@mail.example", wrong, "address", "[2001:db8:1:3::1]"), 401, "")
}

// storm fills the clinic's count, five failures an address.
func (c *clinic) storm() {
	c.Helper()
	for i := 0; ; i++ {
		a := c.login(fmt.Sprintf("guess%d@mail.example", i), wrong, "address", fmt.Sprintf("203.0.113.%d", i/5))
		if a.Status == 429 {
			return
		}
		c.want(a, 401, "")
		if i > 300 {
			c.Fatal("no end to the storm")
		}
	}
}

// While the whole clinic is guessed at, passwords count only from where an account is known; nothing else stops.
func TestStormAcrossTheClinic(t *testing.T) {
	c := newClinic(t)
	c.settings(m{"limits": m{collections.LimitSignInClinic: m{"max": 50, "seconds": 900}}})
	home, away := []string{"address", "198.51.100.1"}, []string{"address", "198.51.100.2"}
	s := data[LoginData](t, c.login(ada, password, home...))
	c.want(c.sdk("staff", dee, password, home...), 200, "")
	c.want(c.sdk(collections.Owners, owner, password, home...), 200, "")
	c.advance(29 * 24 * time.Hour)
	c.want(c.login(bo, password, away...), 200, "")
	compared := c.door.hashing.compared.Load()
	c.storm()
	if n := c.door.hashing.compared.Load() - compared; n != 50 {
		t.Fatal("evaluated in the storm:", n)
	}
	for _, email := range []string{ada, "nobody@mail.example", dee} { // known here or not at all: one answer
		a := c.login(email, password, away...)
		c.want(a, 429, "SIGN_IN_LIMIT")
		if a.Header.Get("Retry-After") == "" || a.Header.Get("RateLimit-Limit") != "50" || a.Header.Get("RateLimit-Remaining") != "0" {
			t.Error(a.Header)
		}
	}
	c.restart()
	c.want(c.login(ada, password, away...), 429, "SIGN_IN_LIMIT")
	c.want(c.sdk("staff", dee, password, away...), 429, "SIGN_IN_LIMIT")
	c.want(c.login(bo, password, home...), 429, "SIGN_IN_LIMIT")     // where somebody else is known
	c.want(c.login(ada, wrong, home...), 401, "INVALID_CREDENTIALS") // judged as ever
	c.want(c.login(ada, password, home...), 200, "")                 // known
	c.want(c.login(bo, password, away...), 200, "")                  // known
	c.want(c.sdk("staff", dee, password, home...), 200, "")          // known
	c.want(c.sdk(collections.Owners, owner, password, away...), 429, "SIGN_IN_LIMIT")
	c.want(c.sdk(collections.Owners, owner, password, home...), 200, "")      // somebody must look after the clinic
	c.want(c.refresh(s.Tokens.RefreshToken), 401, "")                         // sessions have their own limits
	c.want(c.do("POST", auth+"forgot-password", "", m{"email": bo}), 200, "") // mail goes on
	_, link := c.letter(bo)
	c.want(c.do("POST", auth+"reset-password", "", m{"token": link, "password": "Another-Harbour-43"}, home...), 200, "")
	told := func(want int) {
		t.Helper()
		if n := c.count("staff_notifications", "notification_type = 'sign_in_storm' AND staff = ''"); n != want {
			t.Error("the desk was told:", n)
		}
	}
	told(1)
	c.advance(16 * time.Minute)
	c.want(c.login(ada, password, away...), 200, "") // it is over
	c.storm()
	told(1) // once an hour
	c.advance(61 * time.Minute)
	c.storm()
	told(2)
	c.advance(30 * 24 * time.Hour)
	c.storm()
	c.want(c.login(ada, password, home...), 429, "SIGN_IN_LIMIT") // not known there any more
}

// Ten wrong second factors lock them, wherever they came from, and a right password lifts nothing.
func TestSecondFactorCounters(t *testing.T) {
	c := newClinic(t)
	account := c.find(collections.PortalUsers, adaLogin)
	guess := func(email, ip string) error {
		counters := secondFactorCounters(c.app, collections.PortalUsers, email, ip)
		if err := refuseGuessing(c.app, map[string][]string{}, counters); err != nil {
			return err
		}
		return countFailure(c.app, counters, kernel.Actor{Kind: kernel.KindGuest, IP: ip}, account)
	}
	refused := func(err error, want bool) {
		t.Helper()
		e := &kernel.Error{}
		if err != nil {
			e = kernel.AsError(err)
		}
		if got := e.Status == 429 && e.Reason == "MFA_LIMIT" && e.RetryAfter > 0; got != want {
			t.Fatalf("refused %v, want %v: %v", got, want, err)
		}
	}
	for i := range 10 {
		refused(guess(ada, fmt.Sprintf("198.51.100.%d", i)), false)
		if i == 5 { // a right password lifts nothing
			c.want(c.login(ada, wrong), 401, "")
			c.want(c.login(ada, password), 200, "")
			c.restart()
		}
	}
	refused(guess(ada, "203.0.113.7"), true) // from anywhere
	refused(guess("nobody@mail.example", "203.0.113.7"), false)
	c.want(c.login(ada, password), 200, "") // the password is not locked
	refused(guess(ada, "203.0.113.7"), true)
	if n := c.count("portal_audit_log", "action = 'ACCOUNT_LOCKED' AND resource_id = {:a} AND details LIKE '%second factor%'", adaLogin); n != 1 {
		t.Error("audit lines:", n)
	}
	c.advance(15*time.Minute - time.Second)
	refused(guess(ada, "203.0.113.7"), true)
	c.advance(2 * time.Second)
	for range 10 {
		refused(guess(ada, "203.0.113.7"), false)
	}
	refused(guess(ada, "203.0.113.7"), true)
	ok(t, clearSecondFactorFailures(c.app, collections.PortalUsers, ada))
	refused(guess(ada, "203.0.113.7"), false)
}

func TestPauseAndUnlock(t *testing.T) {
	c := newClinic(t)
	paused := func(email string) time.Duration {
		at := pausedUntil(c.app, collections.PortalUsers, email)
		if at.IsZero() {
			return 0
		}
		return at.Sub(kernel.Now(c.app)).Round(time.Minute)
	}
	if paused(ada) != 0 {
		t.Fatal("paused from the start")
	}
	for range 5 {
		c.want(c.login(ada, wrong), 401, "")
		c.want(c.login(bo, wrong), 401, "")
	}
	factors := secondFactorCounters(c.app, collections.PortalUsers, ada, "")
	for range 10 {
		ok(t, countFailure(c.app, factors, kernel.Actor{Kind: kernel.KindGuest}, nil))
	}
	if paused(ada) != 15*time.Minute || paused("ADA@mail.example ") != 15*time.Minute || paused("nobody@mail.example") != 0 {
		t.Fatal(paused(ada))
	}
	ok(t, c.app.RunInTransaction(func(tx core.App) error { return unlock(tx, collections.PortalUsers, " ADA@mail.example") }))
	if paused(ada) != 0 || paused(bo) != 15*time.Minute {
		t.Error(paused(ada), paused(bo))
	}
	ok(t, refuseGuessing(c.app, map[string][]string{}, secondFactorCounters(c.app, collections.PortalUsers, ada, "")))
	c.want(c.login(ada, password), 200, "")
	c.want(c.login(bo, password), 403, "ACCOUNT_LOCKED")
	c.advance(15*time.Minute + time.Second)
	if paused(bo) != 0 {
		t.Error("still paused")
	}
}

// However the form is sent and the collection is called, a paused account is paused; and the form arrives whole.
func TestGateReadsEveryForm(t *testing.T) {
	c := newClinic(t)
	send := func(path, kind, body string) answer {
		r := httptest.NewRequest("POST", "/api/collections/"+path+"/auth-with-password", strings.NewReader(body))
		r.Header.Set("Content-Type", kind)
		w := httptest.NewRecorder()
		c.handler.ServeHTTP(w, r)
		return answer{w.Code, w.Header(), w.Body.String()}
	}
	all := func(status int, reason string) {
		t.Helper()
		id := must(c.app.FindCollectionByNameOrId(collections.PortalUsers)).Id
		for _, path := range []string{collections.PortalUsers, id} {
			c.want(send(path, "application/json", `{"identity":"`+ada+`","password":"`+password+`"}  `), status, reason)
			c.want(send(path, "application/x-www-form-urlencoded", "identity=ADA%40mail.example&password="+password), status, reason)
			c.want(send(path, "multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"identity\"\r\n\r\n"+ada+
				"\r\n--x\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\n"+password+"\r\n--x--\r\n"), status, reason)
		}
	}
	all(200, "")
	for range 5 {
		c.want(c.login(ada, wrong), 401, "")
	}
	all(403, "ACCOUNT_LOCKED")
	for _, body := range []string{`{"identity":5}`, `{"identity"`, ``, `[]`} {
		if a := send(collections.PortalUsers, "application/json", body); a.Status != 400 {
			t.Error(body, a.Status, a.Body)
		}
	}
	if a := send("no_such", "application/json", `{}`); a.Status != 404 {
		t.Error(a.Status, a.Body)
	}
}

// Through the door: right passwords lift nothing, ten wrong codes lock, and a finished sign-in clears.
func TestWrongFactorsLockTheSecondFactor(t *testing.T) {
	c := newClinic(t)
	c.withTOTP(collections.PortalUsers, adaLogin)
	wrongCode := func(i int) answer {
		return c.do("POST", auth+"login", "", m{"email": ada, "password": password, "mfaCode": "recovery-guess"},
			"address", fmt.Sprintf("198.51.100.%d", i))
	}
	for i := range 9 {
		c.want(wrongCode(i), 401, "MFA_INVALID")
	}
	c.want(c.do("POST", auth+"login", "", m{"email": ada, "password": password, "mfaCode": c.code()}), 200, "")
	for i := range 10 {
		c.want(wrongCode(i), 401, "MFA_INVALID")
	}
	c.advance(time.Minute)
	a := c.do("POST", auth+"login", "", m{"email": ada, "password": password, "mfaCode": c.code()})
	c.want(a, 429, "MFA_LIMIT")
	if a.Header.Get("Retry-After") == "" || a.Header.Get("RateLimit-Remaining") != "0" {
		t.Error(a.Header)
	}
	c.want(c.login(ada, password), 401, "MFA_REQUIRED") // the password itself is not locked
	c.advance(15 * time.Minute)
	c.want(c.do("POST", auth+"login", "", m{"email": ada, "password": password, "mfaCode": c.code()}), 200, "")
}
