package identity

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"anteroom/collections"
	"anteroom/hooks/kernel"
)

// umaForm is what Uma, whom the clinic knows, would enter. changes are name, value, name, value.
func umaForm(changes ...string) m {
	form := m{"email": "uma@mail.example", "password": password, "firstName": "Uma María", "lastName": "Dahl", "dateOfBirth": "1977-07-07", "phone": "555"}
	for i := 0; i+1 < len(changes); i += 2 {
		form[changes[i]] = changes[i+1]
	}
	return form
}

func (c *clinic) register(form m) answer {
	c.Helper()
	return c.do("POST", auth+"register", "", form)
}

func TestRegister(t *testing.T) {
	c := newClinic(t)
	a := c.register(umaForm())
	got := data[struct {
		PortalUserID, Email  string
		VerificationRequired bool
	}](t, a)
	if a.Status != 201 || got.Email != "uma@mail.example" || !got.VerificationRequired {
		t.Fatal(a.Status, a.Body)
	}
	u := collections.AsPortalUser(c.find("portal_users", got.PortalUserID))
	if u.Status() != collections.AccountPending || u.Verified() || u.PendingClient() != uma || u.FirstName() != "Uma María" || u.Language() != "es" {
		t.Errorf("%v", u.PublicExport())
	}
	if n := c.count("client_access", "portal_user = {:a}", u.Id); n != 0 {
		t.Error("may act before the address is proven")
	}
	if n := c.count("portal_audit_log", "action = 'REGISTER' AND resource_id = {:a}", u.Id); n != 1 {
		t.Error("audit lines:", n)
	}
	c.want(c.login("uma@mail.example", password), 403, "EMAIL_NOT_VERIFIED")
	mails := c.mail("uma@mail.example")
	if len(mails) != 1 || mails[0].Subject != "Confirme su correo para Juniper House" || !strings.Contains(mails[0].Text, "https://portal.example/verify-email?token=") {
		t.Fatalf("%+v", mails)
	}
	said := regexp.MustCompile(`token=[\w-]+`).ReplaceAllString(mails[0].Text+mails[0].HTML, "") // chance may write anything there
	for _, secret := range []string{"Uma", "Dahl", "1977"} {
		if strings.Contains(said, secret) {
			t.Error("the mail says", secret)
		}
	}
	before := c.everything()
	c.want(c.register(umaForm()), 409, "ALREADY_REGISTERED") // pressed twice
	if c.everything() != before || len(c.mail("uma@mail.example")) != 1 {
		t.Error("registering again changed something")
	}
}

// Names are compared as people write them.
func TestRegisterMatches(t *testing.T) {
	for _, changes := range [][]string{
		{"firstName", "UMA MARÍA"},
		{"firstName", "  uma   mari\u0301a "}, // i and a combining accent
		{"lastName", "\uff24ahl"},             // a full-width D
		{"email", " Uma@MAIL.example"},
		{"dateOfBirth", "1977-07-07T00:00:00.000Z"}, // the portal specification's form of a date
	} {
		c := newClinic(t)
		if a := c.register(umaForm(changes...)); a.Status != 201 {
			t.Errorf("%q: %d %s", changes, a.Status, a.Body)
		}
	}
}

// Whatever does not fit: one answer, and nothing is touched.
func TestRegisterMismatchesAreOneAnswer(t *testing.T) {
	c := newClinic(t)
	c.settings(m{"limits": m{collections.LimitRegister: m{"max": 20, "seconds": 900}}}) // wide: other tests ask about it
	inactive := c.find("clients", boClient)
	inactive.Set("status", collections.ClientInactive)
	ok(t, c.app.Save(inactive))
	ok(t, c.app.Delete(must(c.app.FindFirstRecordByFilter("client_access", "client = {:c}", m{"c": boClient}))))
	twin := m{"email": "twin@mail.example", "first_name": "Tim", "last_name": "Twice", "date_of_birth": "2000-02-29"}
	for range 2 { // two records of one person are a question for the clinic
		r := newRecord(c, "clients", twin)
		ok(t, c.app.Save(r))
	}
	before := c.everything()
	var first answer
	for i, form := range []m{
		umaForm("email", "nobody@mail.example"),
		umaForm("dateOfBirth", "1977-07-08"),
		umaForm("firstName", "Uma"),
		umaForm("lastName", "Dahlia"),
		umaForm("firstName", "Dahl", "lastName", "Uma María"),
		umaForm("email", ada),                                           // known, and somebody else
		umaForm("email", ada, "firstName", "Ada", "lastName", "Lovell"), // registered, wrong date
		umaForm("email", bo, "firstName", "Bo", "lastName", "Marsh", "dateOfBirth", "1985-01-02"),
		umaForm("email", "twin@mail.example", "firstName", "Tim", "lastName", "Twice", "dateOfBirth", "2000-02-29"),
		umaForm("email", dee, "firstName", "Dee", "lastName", "Desk"),
	} {
		a := c.register(form)
		c.want(a, 400, "IDENTITY_NOT_CONFIRMED")
		a.Header.Del("Ratelimit-Remaining") // counts the requests of the address, whatever they ask
		a.Header.Del("Ratelimit-Reset")
		if i == 0 {
			first = a
		}
		if a.Body != first.Body || !maps.EqualFunc(a.Header, first.Header, slices.Equal) {
			t.Errorf("%v:\n%s %v\n%s %v", form, a.Body, a.Header, first.Body, first.Header)
		}
	}
	if c.everything() != before {
		t.Error("something was touched")
	}
	if len(c.mail("")) != 0 {
		t.Error("a mail was sent")
	}
}

func TestRegisterFieldErrors(t *testing.T) {
	c := newClinic(t)
	before := c.everything()
	for _, x := range []struct {
		form        m
		field, code string
	}{
		{umaForm("email", ""), "email", "required"},
		{umaForm("email", "uma at mail"), "email", "format"},
		{umaForm("firstName", "  "), "firstName", "required"},
		{umaForm("lastName", ""), "lastName", "required"},
		{umaForm("dateOfBirth", ""), "dateOfBirth", "format"},
		{umaForm("dateOfBirth", "07/07/1977"), "dateOfBirth", "format"},
		{umaForm("dateOfBirth", "1977-02-30"), "dateOfBirth", "format"},
		{umaForm("dateOfBirth", "2199-01-01"), "dateOfBirth", "format"},
		{umaForm("password", ""), "password", "required"},
		{umaForm("password", "Ab-1"), "password", "min_length"},
		{umaForm("password", "quiet-harbour-42"), "password", "classes"},
		{umaForm("password", "P@ssword2024!"), "password", "common"},
		{umaForm("password", "Quiet-María-4242"), "password", "personal"},
		{umaForm("password", "Quiet-Harbour-1977"), "password", "personal"},
	} {
		a := c.register(x.form)
		var out struct {
			Error struct {
				Code    string
				Details struct {
					Fields map[string]kernel.FieldError
				}
			}
		}
		a.into(t, &out)
		f := out.Error.Details.Fields
		if a.Status != 400 || out.Error.Code != "VALIDATION_ERROR" || len(f) != 1 || f[x.field].Code != x.code || f[x.field].Message == "" {
			t.Errorf("%s %s: %d %s", x.field, x.code, a.Status, a.Body)
		}
	}
	c.want(c.do("POST", auth+"register", "", m{}), 400, "VALIDATION_ERROR")
	if c.everything() != before || c.count("sign_in_failures", "1 = 1") != 0 {
		t.Error("something was touched")
	}
}

// Three attempts an hour about one address, whoever it belongs to; it survives a restart.
func TestRegisterLimit(t *testing.T) {
	c := newClinic(t)
	for _, email := range []string{"uma@mail.example", "nobody@mail.example"} {
		for range 3 {
			c.want(c.register(umaForm("email", email, "dateOfBirth", "1977-07-08")), 400, "IDENTITY_NOT_CONFIRMED")
		}
		a := c.register(umaForm("email", strings.ToUpper(email)))
		c.want(a, 429, "RATE_LIMITED")
		h := a.Header
		if n, err := strconv.Atoi(h.Get("Retry-After")); err != nil || n > 3600 || n < 3500 || h.Get("RateLimit-Reset") != h.Get("Retry-After") ||
			h.Get("RateLimit-Limit") != "3" || h.Get("RateLimit-Remaining") != "0" {
			t.Error(h)
		}
	}
	c.restart()
	c.want(c.register(umaForm()), 429, "RATE_LIMITED")
	c.advance(time.Hour + time.Second)
	c.want(c.register(umaForm()), 201, "")
}

// A client who has a login under another address does not get a second one.
func TestRegisterWhoHasALogin(t *testing.T) {
	c := newClinic(t)
	r := c.find("clients", adaClient)
	r.Set("email", "ada.new@mail.example")
	ok(t, c.app.Save(r))
	c.want(c.register(m{"email": "ada.new@mail.example", "password": password, "firstName": "Ada", "lastName": "Lovell", "dateOfBirth": "1990-04-27"}), 409, "ALREADY_REGISTERED")
}

func TestRegisterTwiceAtOnce(t *testing.T) {
	c := newClinic(t)
	var wg sync.WaitGroup
	results := make(chan int, 3)
	for range 3 {
		wg.Go(func() { results <- c.register(umaForm()).Status })
	}
	wg.Wait()
	close(results)
	count := map[int]int{}
	for s := range results {
		count[s]++
	}
	if count[201] != 1 || count[409] != 2 || len(c.mail("uma@mail.example")) != 1 {
		t.Error(count)
	}
}

// No answer leaves before the pace has passed, whatever it is.
func TestAnswersLeaveEvenly(t *testing.T) {
	c := newClinic(t)
	c.door.pace = 60 * time.Millisecond
	for _, form := range []m{umaForm("email", "nobody@mail.example"), umaForm("dateOfBirth", "1977-07-08"), umaForm(), umaForm("password", "short")} {
		start := time.Now()
		c.register(form)
		if took := time.Since(start); took < c.door.pace {
			t.Errorf("%v: answered after %v", form["email"], took)
		}
	}
}

func TestMatchKeyFollowsTheClient(t *testing.T) {
	c := newClinic(t)
	r := c.find("clients", uma)
	was := r.GetString("match_key")
	if was == "" || was != collections.MatchKey("UMA@mail.example", "1977-07-07", "uma maría", "DAHL") {
		t.Fatal(was)
	}
	r.Set("match_key", "by hand")
	ok(t, c.app.Save(r))
	if c.find("clients", uma).GetString("match_key") != was {
		t.Error("set by hand")
	}
	r.Set("last_name", "Dahl-Larsen")
	ok(t, c.app.Save(r))
	if got := c.find("clients", uma).GetString("match_key"); got == was || got == "" {
		t.Error("did not follow")
	}
	if c.find("clients", cleo).GetString("match_key") != "" {
		t.Error("a client without an address can be matched")
	}
	if collections.MatchKey("a@b.example", "2000-01-01", "ab", "c") == collections.MatchKey("a@b.example", "2000-01-01", "a", "bc") {
		t.Error("names run into each other")
	}
}
