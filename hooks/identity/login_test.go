package identity

import (
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/kernel"
)

func TestLoginAnswer(t *testing.T) {
	c := newClinic(t)
	a := c.do("POST", auth+"login", "", m{"email": "  ADA@mail.example ", "password": password, "rememberDevice": true},
		"User-Agent", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile/15E148 Safari/604.1")
	got := data[LoginData](t, a)
	now := kernel.Now(c.app)
	if got.User != (User{ID: adaLogin, Email: ada, FirstName: "Ada", LastName: "Lovell", ClientID: adaClient}) {
		t.Errorf("%+v", got.User)
	}
	if got.Tokens.ExpiresIn != 3600 || len(got.Tokens.RefreshToken) != 64 {
		t.Errorf("%+v", got.Tokens)
	}
	s := got.Session
	if d := s.IdleExpiresAt.Sub(now); d > 15*time.Minute || d < 15*time.Minute-2*time.Second {
		t.Error("idle", d)
	}
	if d := s.AbsoluteExpiresAt.Sub(now); d > 8*time.Hour || d < 8*time.Hour-2*time.Second {
		t.Error("absolute", d)
	}
	if len(s.Clients) == 2 && s.Clients[1].ExpiresAt != nil && s.Clients[1].ExpiresAt.Equal(time.Date(2036, 5, 5, 6, 0, 0, 0, time.UTC)) {
		s.Clients[1].ExpiresAt = nil // Cleo is of age then, in Denver
	} else {
		t.Errorf("a parent's access ends otherwise: %+v", s.Clients)
	}
	if !s.Remembered || s.DefaultClientID != adaClient || len(s.Clients) != 2 ||
		s.Clients[0] != (ActsFor{ClientID: adaClient, FirstName: "Ada", LastName: "Lovell", Relationship: "self", Scope: "all"}) ||
		s.Clients[1] != (ActsFor{ClientID: cleo, FirstName: "Cleo", LastName: "Lovell", Relationship: "parent", Scope: "appointments_forms"}) {
		t.Errorf("%+v", s)
	}
	if !strings.Contains(a.Body, `"absoluteExpiresAt":"20`) || strings.Contains(a.Body, "Expires.") || a.Header.Get("Cache-Control") != "no-store" {
		t.Error(a.Body, a.Header)
	}
	row := c.find("portal_sessions", s.ID)
	for field, want := range map[string]string{"owner_collection": "portal_users", "owner": adaLogin, "method": "password", "device_type": "mobile",
		"device_os": "iOS", "browser": "Safari", "default_client": adaClient, "ip_address": "192.0.2.1"} {
		if row.GetString(field) != want {
			t.Errorf("%s = %q", field, row.GetString(field))
		}
	}
	if strings.Contains(row.GetString("refresh_hash")+row.GetString("refresh_family"), got.Tokens.RefreshToken[:10]) {
		t.Error("the refresh token is stored")
	}
	if u := c.find("portal_users", adaLogin); u.GetString("last_login_ip") != "192.0.2.1" || u.GetDateTime("last_login").Time().Sub(now).Abs() > 2*time.Second {
		t.Error("last login", u.GetString("last_login"))
	}
	if n := c.count("portal_audit_log", "action = 'LOGIN' AND result = 'ok' AND actor_kind = 'client' AND actor_id = {:a} AND session_id = {:b} AND resource_id = {:b}", adaLogin, s.ID); n != 1 {
		t.Error("audit lines:", n)
	}
	session := data[struct {
		User    User
		Session SessionInfo
	}](t, c.do("GET", auth+"session", got.Tokens.AccessToken, nil))
	if session.User != got.User || session.Session.ID != s.ID {
		t.Errorf("%+v", session)
	}
}

func TestStaffSession(t *testing.T) {
	c := newClinic(t)
	token := c.sdkToken("staff", dee)
	info := data[SessionInfo](t, c.do("POST", auth+"session/extend", token, m{}))
	if info.ID == "" || info.DefaultClientID != "" || info.Clients == nil || len(info.Clients) != 0 {
		t.Errorf("%+v", info)
	}
	c.want(c.do("POST", auth+"logout", token, m{}), 200, "")
	if c.desk(token) != 401 || c.count("portal_audit_log", "action = 'LOGOUT' AND actor_kind = 'staff' AND actor_id = {:a}", deeStaff) != 1 {
		t.Error("signed in still, or no line")
	}
}

// What is wrong with a sign-in shows only to who has the password.
func TestLoginRefusals(t *testing.T) {
	set := func(collection, id string, values m) func(c *clinic) {
		return func(c *clinic) {
			r := c.find(collection, id)
			r.Load(values)
			ok(c, c.app.Save(r))
		}
	}
	for _, x := range []struct {
		name    string
		prepare func(c *clinic)
		status  int
		reason  string
	}{
		{"unverified", set("portal_users", adaLogin, m{"verified": false}), 403, "EMAIL_NOT_VERIFIED"},
		{"suspended", set("portal_users", adaLogin, m{"account_status": "suspended"}), 403, "ACCOUNT_SUSPENDED"},
		{"locked by the clinic", set("portal_users", adaLogin, m{"account_status": "locked"}), 403, "ACCOUNT_LOCKED"},
	} {
		t.Run(x.name, func(t *testing.T) {
			c := newClinic(t)
			x.prepare(c)
			for _, send := range []func(pass string) answer{
				func(pass string) answer { return c.login(ada, pass) },
				func(pass string) answer { return c.sdk("portal_users", ada, pass) },
			} {
				c.want(send(password), x.status, x.reason)
				c.want(send("Wrong-Harbour-42"), 401, "INVALID_CREDENTIALS")
			}
			if n := c.count("portal_sessions", "1 = 1"); n != 0 {
				t.Error("a session was opened")
			}
			if n := c.count("portal_audit_log", "action = 'LOGIN' AND result = 'refused' AND resource_id = {:a} AND error_code = {:b}", adaLogin, "FORBIDDEN/"+x.reason); n != 2 {
				t.Error("audit lines:", n)
			}
		})
	}
	t.Run("staff, not active", func(t *testing.T) {
		c := newClinic(t)
		set("staff", deeStaff, m{"is_active": false})(c)
		c.want(c.sdk("staff", dee, password), 403, "ACCOUNT_SUSPENDED")
		c.want(c.sdk("staff", dee, "Wrong-Harbour-42"), 401, "INVALID_CREDENTIALS")
	})
	t.Run("malformed", func(t *testing.T) {
		c := newClinic(t)
		for _, body := range []any{m{}, m{"email": ada}, m{"password": password}, m{"email": "", "password": ""},
			m{"email": strings.Repeat("a", 300), "password": password}, m{"email": ada, "password": strings.Repeat("a", 5000)}} {
			c.want(c.do("POST", auth+"login", "", body), 400, "VALIDATION_ERROR")
		}
		c.want(c.do("POST", auth+"login", "", m{"email": []int{1}, "password": password}), 400, "MALFORMED")
		c.want(c.do("POST", auth+"login", "", m{"email": ada, "password": strings.Repeat("a", 20<<10)}), 413, "BODY_TOO_LARGE")
		if n := c.count("sign_in_failures", "1 = 1"); n != 0 {
			t.Error("counted as guesses")
		}
	})
	t.Run("a client is not staff, and the other way round", func(t *testing.T) {
		c := newClinic(t)
		c.want(c.sdk("staff", ada, password), 401, "INVALID_CREDENTIALS")
		c.want(c.login(dee, password), 401, "INVALID_CREDENTIALS")
	})
}

var seconds = regexp.MustCompile(`"retryAfter":\d+`)

// Nobody learns from an answer whether an address is known: not from the first wrong guess, and not from the lock.
func TestUnknownAndWrongLookAlike(t *testing.T) {
	c := newClinic(t)
	for _, send := range []func(email string) answer{
		func(email string) answer { return c.login(email, "Wrong-Harbour-42") },
		func(email string) answer { return c.sdk("portal_users", email, "Wrong-Harbour-42") },
		func(email string) answer { return c.sdk("staff", email, "Wrong-Harbour-42") },
		func(email string) answer { return c.sdk(core.CollectionNameSuperusers, email, "Wrong-Harbour-42") },
	} {
		for range 7 {
			for _, email := range []string{ada, dee, owner} {
				a, b := send(email), send("nobody-"+email)
				a.Body, b.Body = seconds.ReplaceAllString(a.Body, ""), seconds.ReplaceAllString(b.Body, "") // each has its own lock
				if a.Status != b.Status || a.Body != b.Body {
					t.Fatalf("%s:\n%d %s\n%d %s", email, a.Status, a.Body, b.Status, b.Body)
				}
			}
		}
	}
	if n := c.count("portal_audit_log", "details LIKE '%example%' OR resource_id LIKE '%@%' OR error_code LIKE '%@%'"); n != 0 {
		t.Error("an address stands in the log")
	}
}

func TestLockout(t *testing.T) {
	c := newClinic(t)
	for i := range 5 {
		c.want(c.login(ada, "Wrong-Harbour-42"), 401, "INVALID_CREDENTIALS")
		if i == 2 {
			c.restart() // what was counted survives
		}
	}
	a := c.login(ada, password)
	c.want(a, 403, "ACCOUNT_LOCKED")
	var out struct {
		Error struct{ Details struct{ RetryAfter int } }
	}
	a.into(t, &out)
	if n := out.Error.Details.RetryAfter; n > 15*60 || n < 14*60 || a.Header.Get("Retry-After") != strconv.Itoa(n) {
		t.Errorf("retry after %d, %s", n, a.Header.Get("Retry-After"))
	}
	c.want(c.sdk("portal_users", ada, password), 403, "ACCOUNT_LOCKED") // one count for both doors
	c.want(c.login("ADA@Mail.example", password, "address", "198.51.100.7"), 403, "ACCOUNT_LOCKED")
	c.want(c.login(bo, password), 200, "") // the address is not locked
	if n := c.count("portal_audit_log", "action = 'ACCOUNT_LOCKED' AND resource_id = {:a}", adaLogin); n != 1 {
		t.Error("audit lines:", n)
	}
	if n := c.count("portal_audit_log", "action = 'LOGIN' AND result = 'refused' AND actor_kind = 'guest' AND resource_id = {:a} AND error_code = 'UNAUTHORIZED/INVALID_CREDENTIALS'", adaLogin); n != 5 {
		t.Error("audit lines:", n)
	}
	c.restart()
	c.want(c.login(ada, password), 403, "ACCOUNT_LOCKED")
	c.advance(15*time.Minute + time.Second)
	c.want(c.login(ada, "Wrong-Harbour-42"), 401, "INVALID_CREDENTIALS") // a new window
	c.want(c.login(ada, password), 200, "")
	if n := c.count("sign_in_failures", "key LIKE {:a} || '|%'", accountKey("portal_users", ada)); n != 0 {
		t.Error("the right person did not clear the count")
	}
	for range 4 {
		c.want(c.login(ada, "Wrong-Harbour-42"), 401, "INVALID_CREDENTIALS")
	}
	c.advance(16 * time.Minute)
	for range 4 { // old failures do not count
		c.want(c.login(ada, "Wrong-Harbour-42"), 401, "INVALID_CREDENTIALS")
	}
	c.want(c.login(ada, password), 200, "")
}

// With a higher lock, the limits of the specifications show: per account and address, and per account.
func TestSignInLimits(t *testing.T) {
	c := newClinic(t)
	c.settings(m{"lockout_failures": 50, "limits": m{collections.LimitSignInAccount: m{"max": 7, "seconds": 300}}})
	wrong := func(address string) answer { return c.login(ada, "Wrong-Harbour-42", "address", address) }
	for range 5 {
		c.want(wrong("198.51.100.1"), 401, "INVALID_CREDENTIALS")
	}
	a := wrong("198.51.100.1")
	c.want(a, 429, "SIGN_IN_LIMIT")
	if a.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	c.want(wrong("198.51.100.2"), 401, "INVALID_CREDENTIALS") // another address may still try
	c.want(wrong("198.51.100.2"), 401, "INVALID_CREDENTIALS")
	c.want(wrong("198.51.100.3"), 429, "SIGN_IN_LIMIT") // seven from anywhere
	c.advance(5*time.Minute + time.Second)
	c.want(wrong("198.51.100.1"), 429, "SIGN_IN_LIMIT") // the pair waits a quarter of an hour
	c.want(c.login(ada, password, "address", "198.51.100.3"), 200, "")
	c.want(c.login(ada, password, "address", "198.51.100.1"), 200, "") // the right person cleared both
}

// Guesses that arrive together are judged one after the other: none escapes the count.
func TestParallelGuesses(t *testing.T) {
	c := newClinic(t)
	var wg sync.WaitGroup
	results := make(chan int, 40)
	for i := range 40 {
		wg.Go(func() {
			if i%2 == 0 {
				results <- c.login(ada, "Wrong-Harbour-42").Status
				return
			}
			results <- c.sdk("portal_users", ada, "Wrong-Harbour-42").Status
		})
	}
	wg.Wait()
	close(results)
	count := map[int]int{}
	for s := range results {
		count[s]++
	}
	if count[401] != 5 || count[403] != 35 {
		t.Error(count)
	}
	if n := c.count("portal_audit_log", "action = 'LOGIN' AND error_code = 'UNAUTHORIZED/INVALID_CREDENTIALS'"); n != 5 {
		t.Error("evaluated:", n)
	}
	if len(c.door.turns.held) != 0 {
		t.Error("turns leak")
	}
}

// The right password many times at once is no guess.
func TestParallelRightPasswords(t *testing.T) {
	c := newClinic(t)
	var wg sync.WaitGroup
	for range 12 {
		wg.Go(func() {
			if a := c.login(ada, password); a.Status != 200 {
				t.Error(a.Status, a.Body)
			}
		})
	}
	wg.Wait()
}

// A password that changes while it is being checked opens nothing.
func TestOutdatedProof(t *testing.T) {
	c := newClinic(t)
	before := c.find("portal_users", adaLogin)
	changed := c.find("portal_users", adaLogin)
	changed.SetPassword("Another-Harbour-43")
	ok(t, c.app.Save(changed))
	err := c.app.RunInTransaction(func(tx core.App) error {
		_, err := SignIn(tx, &Attempt{Account: before, Method: ByPassword})
		return err
	})
	if e := kernel.AsError(err); e.Reason != "INVALID_CREDENTIALS" {
		t.Fatal(err)
	}
	err = c.app.RunInTransaction(func(tx core.App) error {
		_, err := SignIn(tx, &Attempt{Account: changed, Method: "smoke signal"})
		return err
	})
	if e := kernel.AsError(err); e.Reason != "SIGN_IN_METHOD_CLOSED" {
		t.Fatal(err)
	}
	if c.count("portal_sessions", "1 = 1") != 0 {
		t.Fatal("a session was opened")
	}
}

func TestHashQueue(t *testing.T) {
	q := newHashQueue(1)
	hold, held := make(chan struct{}), make(chan struct{})
	go func() { _ = q.do(t.Context(), "first", func() { close(held); <-hold }) }()
	<-held
	var wg sync.WaitGroup
	var mu sync.Mutex
	full := 0
	send := func(address string, wanted, turnedAway int) {
		for range wanted {
			wg.Go(func() {
				if err := q.do(t.Context(), address, func() {}); err != nil {
					mu.Lock()
					defer mu.Unlock()
					if e := kernel.AsError(err); e.Status != 503 || e.RetryAfter == 0 {
						t.Error(err)
					}
					full++
				}
			})
		}
		for { // until all have a place or have been turned away
			mu.Lock()
			n := full
			mu.Unlock()
			q.mu.Lock()
			inLine := q.from[address]
			q.mu.Unlock()
			if n == turnedAway && inLine == wanted-10 {
				return
			}
			time.Sleep(time.Millisecond)
		}
	}
	for i, address := range []string{"a", "b", "c", "d"} { // one address has a quarter of the places
		send(address, maxFromAddress+10, 10*(i+1))
	}
	if err := q.do(t.Context(), "e", func() {}); err == nil { // and all places are taken
		t.Error("there is no end to the queue")
	}
	close(hold)
	wg.Wait()
	if full != 40 || q.waiting != 0 || len(q.from) != 0 {
		t.Error(full, q.waiting, q.from)
	}
}

// One password tried on many accounts ends at the address's own limit, which a sign-in does not lift.
func TestSpraying(t *testing.T) {
	c := newClinic(t)
	c.settings(m{"limits": m{collections.LimitSignInSpray: m{"max": 6, "seconds": 900}}})
	for i := range 6 {
		if i == 3 {
			c.want(c.login(ada, password), 200, "")
		}
		c.want(c.login("guess"+strconv.Itoa(i)+"@mail.example", password), 401, "INVALID_CREDENTIALS")
	}
	a := c.login(ada, password)
	c.want(a, 429, "SIGN_IN_LIMIT")
	if a.Header.Get("RateLimit-Limit") != "6" || a.Header.Get("Retry-After") == "" {
		t.Error(a.Header)
	}
	c.want(c.sdk("staff", dee, password), 429, "SIGN_IN_LIMIT")
	c.want(c.login(ada, password, "address", "198.51.100.7"), 200, "") // her own account is not locked
	c.advance(15*time.Minute + time.Second)
	c.want(c.login(ada, password), 200, "")
}

func TestDevice(t *testing.T) {
	for agent, want := range map[string][3]string{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/142.0 Safari/537.36 Edg/142.0":        {"desktop", "Windows", "Edge"},
		"Mozilla/5.0 (Linux; Android 16; Pixel 9) AppleWebKit/537.36 Chrome/142.0 Mobile Safari/537.36":            {"mobile", "Android", "Chrome"},
		"Mozilla/5.0 (Linux; Android 15; SM-X910) AppleWebKit/537.36 SamsungBrowser/28.0 Chrome/130 Safari/537.36": {"tablet", "Android", "Samsung Internet"},
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 15.1; rv:145.0) Gecko/20100101 Firefox/145.0":                      {"desktop", "macOS", "Firefox"},
		"curl/8.5": {"", "", ""},
	} {
		kind, system, browser := kernel.Device(agent)
		if got := [3]string{kind, system, browser}; got != want {
			t.Errorf("%s: %v", agent, got)
		}
	}
}
