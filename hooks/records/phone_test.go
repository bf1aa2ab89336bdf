package records_test

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/tools/logger"

	"anteroom/collections"
	"anteroom/hooks/kernel"
	"anteroom/hooks/records"
	"anteroom/hooks/testkit"
)

const (
	sendCode = kernel.Portal + "/profile/phone/send-code"
	verify   = kernel.Portal + "/profile/phone/verify"

	adasPhone  = "+13035550101"
	otherPhone = "+13035550102"
)

var sixDigits = regexp.MustCompile(`\b\d{6}\b`)

// codeSent asks for a code and reads it off the phone.
func codeSent(t *testing.T, c *testkit.Clinic, token, phone string, headers ...string) string {
	t.Helper()
	got := c.Do(t, "POST", sendCode, token, map[string]string{"phone": phone}, headers...)
	var sent struct {
		Sent      bool
		ExpiresIn int
	}
	got.Data(t, &sent)
	if !sent.Sent || sent.ExpiresIn != 600 {
		t.Fatalf("%s", got.Body)
	}
	texts := c.Texts(t, phone)
	if len(texts) == 0 {
		t.Fatalf("nothing came to %s", phone)
	}
	if strings.Contains(string(got.Body), sixDigits.FindString(texts[0].Text)) {
		t.Fatalf("the code is in the answer: %s", got.Body)
	}
	return sixDigits.FindString(texts[0].Text)
}

func wrong(code string) string {
	return fmt.Sprintf("%06d", (len(code)+int(code[5]-'0')*7+int(code[0]-'0')*100001+1)%1_000_000)
}

func phoneOf(t *testing.T, c *testkit.Clinic, client string) string {
	t.Helper()
	r := c.Find(t, "clients", client)
	return fmt.Sprintf("%s %v", r.GetString("phone"), r.GetBool("phone_verified"))
}

func TestANumberIsProvenByItsCode(t *testing.T) {
	c := testkit.New(t)
	ada := c.As(t, testkit.AdaEmail)
	code := codeSent(t, c, ada, adasPhone)
	if got := phoneOf(t, c, testkit.Ada); got != " false" {
		t.Fatalf("asking for a code set %s", got)
	}
	var row struct {
		Code   string `db:"code_hash"`
		Target string `db:"target"`
	}
	if err := c.App.ConcurrentDB().NewQuery("SELECT code_hash, target FROM account_tokens WHERE purpose = 'phone'").One(&row); err != nil {
		t.Fatal(err)
	}
	if len(row.Code) != 64 || row.Target != adasPhone {
		t.Fatalf("%+v", row)
	}
	var proven struct {
		Phone         string
		PhoneVerified bool
	}
	c.Do(t, "POST", verify, ada, map[string]string{"code": code[:3] + " " + code[3:]}).Data(t, &proven)
	if proven.Phone != adasPhone || !proven.PhoneVerified || phoneOf(t, c, testkit.Ada) != adasPhone+" true" || phoneOf(t, c, testkit.Cleo) != " false" {
		t.Fatalf("%+v, %s", proven, phoneOf(t, c, testkit.Ada))
	}
	var p records.Profile
	c.Do(t, "GET", kernel.Portal+"/profile", ada, nil).Data(t, &p)
	if p.Phone != adasPhone || !p.PhoneVerified {
		t.Fatalf("%+v", p)
	}
	for action, actor := range map[string]string{"SEND_PHONE_CODE": testkit.AdaLogin, "VERIFY_PHONE": testkit.AdaLogin} {
		if n := c.Count(t, "portal_audit_log", "action = {:a} AND actor_id = {:u} AND client_id = {:c}", dbx.Params{"a": action, "u": actor, "c": testkit.Ada}); n != 1 {
			t.Errorf("%d lines of %s", n, action)
		}
	}
	before := c.Snapshot(t)
	c.Do(t, "POST", verify, ada, map[string]string{"code": code}).Refused(t, 400, "CODE_INVALID") // replayed
	if c.Snapshot(t) != before {
		t.Error("a used code changed something")
	}
}

// A parent proves the number of a child, and only the child's.
func TestTheNumberIsThatOfWhomOneActsFor(t *testing.T) {
	c := testkit.New(t)
	ada := c.As(t, testkit.AdaEmail)
	code := codeSent(t, c, ada, adasPhone, "X-Client-Id", testkit.Cleo)
	c.Do(t, "POST", verify, ada, map[string]string{"code": code}).Refused(t, 400, "CODE_INVALID") // for Ada herself
	if phoneOf(t, c, testkit.Ada) != " false" {
		t.Fatal("another client's code proved Ada's number")
	}
	c.Do(t, "POST", verify, ada, map[string]string{"code": code}, "X-Client-Id", testkit.Cleo).Data(t, &struct{}{})
	if got := phoneOf(t, c, testkit.Cleo); got != adasPhone+" true" {
		t.Fatal(got)
	}
}

func TestPhoneCodesThatAreRefused(t *testing.T) {
	for name, try := range map[string]func(t *testing.T, c *testkit.Clinic, ada, code string) *testkit.Response{
		"wrong": func(t *testing.T, c *testkit.Clinic, ada, code string) *testkit.Response {
			return c.Do(t, "POST", verify, ada, map[string]string{"code": wrong(code)})
		},
		"somebody else's": func(t *testing.T, c *testkit.Clinic, _, code string) *testkit.Response {
			codeSent(t, c, c.As(t, testkit.BoEmail), otherPhone)
			return c.Do(t, "POST", verify, c.As(t, testkit.BoEmail), map[string]string{"code": code})
		},
		"of a number that was changed for another": func(t *testing.T, c *testkit.Clinic, ada, code string) *testkit.Response {
			if codeSent(t, c, ada, otherPhone) == code {
				t.Skip("one in a million")
			}
			return c.Do(t, "POST", verify, ada, map[string]string{"code": code})
		},
		"late": func(t *testing.T, c *testkit.Clinic, ada, code string) *testkit.Response {
			c.Advance(10*time.Minute + time.Second)
			return c.Do(t, "POST", verify, ada, map[string]string{"code": code})
		},
		"longer": func(t *testing.T, c *testkit.Clinic, ada, code string) *testkit.Response {
			return c.Do(t, "POST", verify, ada, map[string]string{"code": code + "0"})
		},
		"its hash": func(t *testing.T, c *testkit.Clinic, ada, _ string) *testkit.Response {
			return c.Do(t, "POST", verify, ada, map[string]string{"code": cellOfToken(t, c)})
		},
		"of another": func(t *testing.T, c *testkit.Clinic, _, code string) *testkit.Response {
			return c.Do(t, "POST", verify, c.As(t, testkit.BoEmail), map[string]string{"code": code})
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := testkit.New(t)
			ada := c.As(t, testkit.AdaEmail)
			code := codeSent(t, c, ada, adasPhone)
			try(t, c, ada, code).Refused(t, 400, "CODE_INVALID")
			for _, client := range []string{testkit.Ada, testkit.Bo, testkit.Cleo} {
				if got := phoneOf(t, c, client); got != " false" {
					t.Errorf("%s has %s", client, got)
				}
			}
			if n := c.Count(t, "portal_audit_log", "action = 'VERIFY_PHONE'", nil); n != 0 {
				t.Errorf("%d lines say that a number was proven", n)
			}
		})
	}
}

func cellOfToken(t *testing.T, c *testkit.Clinic) (hash string) {
	t.Helper()
	if err := c.App.ConcurrentDB().NewQuery("SELECT code_hash FROM account_tokens WHERE purpose = 'phone'").Row(&hash); err != nil {
		t.Fatal(err)
	}
	return hash
}

// Five tries a code, however many come at once; then even the right one is refused.
func TestPhoneCodeTries(t *testing.T) {
	c := testkit.New(t)
	ada := c.As(t, testkit.AdaEmail)
	code := codeSent(t, c, ada, adasPhone)
	var all sync.WaitGroup
	for range 12 {
		all.Go(func() {
			if got := c.Do(t, "POST", verify, ada, map[string]string{"code": wrong(code)}); got.Status != 400 {
				t.Errorf("%d %s", got.Status, got.Body)
			}
		})
	}
	all.Wait()
	if n := c.Count(t, "account_tokens", "purpose = 'phone' AND attempts = 5", nil); n != 1 {
		t.Fatal("the tries were not counted to five")
	}
	c.Do(t, "POST", verify, ada, map[string]string{"code": code}).Refused(t, 400, "CODE_INVALID")
	if phoneOf(t, c, testkit.Ada) != " false" {
		t.Fatal("proven after five wrong tries")
	}
	c.Do(t, "POST", verify, ada, map[string]string{"code": codeSent(t, c, ada, adasPhone)}).Data(t, &struct{}{}) // a new code is a new chance
}

func TestPhoneRequestsThatAreRefused(t *testing.T) {
	c := testkit.New(t)
	ada := c.As(t, testkit.AdaEmail)
	before := c.Snapshot(t)
	for _, phone := range []any{"", "abc", "911", "+1 900 555 1234", "555-0101", strings.Repeat("1", 3000)} {
		if f := c.Do(t, "POST", sendCode, ada, map[string]any{"phone": phone}).Refused(t, 400, "PHONE_INVALID"); f.Details.Fields["phone"].Message == "" {
			t.Errorf("%v: no field is named", phone)
		}
	}
	c.Do(t, "POST", sendCode, ada, map[string]any{"phone": 13035550101}).Refused(t, 400, "MALFORMED")
	c.Do(t, "POST", sendCode, ada, nil).Refused(t, 400, "PHONE_INVALID")
	c.Do(t, "POST", verify, ada, map[string]any{"code": " "}).Refused(t, 400, "VALIDATION_ERROR")
	c.Do(t, "POST", verify, ada, map[string]any{"code": "123456"}).Refused(t, 400, "CODE_INVALID")
	for _, path := range []string{sendCode, verify} {
		body := map[string]any{"phone": adasPhone, "code": "123456"}
		c.Do(t, "POST", path, "", body).Refused(t, 401, "SIGN_IN_REQUIRED")
		c.Do(t, "POST", path, c.As(t, testkit.DeskEmail), body).Refused(t, 401, "SIGN_IN_REQUIRED")
		c.Do(t, "POST", path, ada, body, "X-Client-Id", testkit.Bo).Refused(t, 404, "NOT_FOUND")
	}
	if after := c.Snapshot(t); after != before {
		t.Fatal("a refused request changed something")
	}
}

func TestAClinicWithoutTextMessagesSaysSo(t *testing.T) {
	c := testkit.With(t, func(cfg *kernel.Config) { cfg.Mode = kernel.Production })
	ada := c.As(t, testkit.AdaEmail)
	before := c.Snapshot(t)
	c.Do(t, "POST", sendCode, ada, map[string]string{"phone": adasPhone}).Refused(t, http.StatusServiceUnavailable, "SMS_UNAVAILABLE")
	if c.Snapshot(t) != before {
		t.Fatal("a code was made that nobody can get")
	}
}

func TestPhoneCodesAreLimited(t *testing.T) {
	c := testkit.New(t)
	ada, bo := c.As(t, testkit.AdaEmail), c.As(t, testkit.BoEmail)
	ask := func(token, phone string) *testkit.Response {
		return c.Do(t, "POST", sendCode, token, map[string]string{"phone": phone})
	}
	refused := func(token, phone string) {
		t.Helper()
		c.Deliver()
		before := c.Snapshot(t)
		got := ask(token, phone)
		got.Refused(t, http.StatusTooManyRequests, "RATE_LIMITED")
		if got.Header.Get("Retry-After") == "" || got.Header.Get("RateLimit-Remaining") != "0" {
			t.Errorf("%v", got.Header)
		}
		if c.Snapshot(t) != before {
			t.Error("a refused request changed something")
		}
	}
	for i := range 5 {
		ask(ada, fmt.Sprintf("+1303555010%d", i%2)).Data(t, &struct{}{})
	}
	refused(ada, "+13035550109") // of a login, whatever the number
	ask(bo, "+13035550100").Data(t, &struct{}{})
	ask(bo, "+13035550100").Data(t, &struct{}{})
	refused(bo, "+13035550100") // to a number, whoever asks: three were Ada's
	if n := c.Count(t, "sign_in_failures", "json_array_length(instants) > 0", nil); n != 5 {
		t.Fatalf("%d counters in the database, which is what a restart leaves", n)
	}
	if n := c.Count(t, "sign_in_failures", "key LIKE '%303555%' OR key LIKE '%login%'", nil); n != 0 {
		t.Fatal("a number stands in a counter")
	}
	c.Advance(time.Hour + time.Second)
	ada, bo = c.Fresh(t, testkit.AdaEmail), c.Fresh(t, testkit.BoEmail)
	ask(ada, "+13035550100").Data(t, &struct{}{})

	c.Limit(t, collections.LimitClinicSMS, 9, 86400) // eight were sent in all
	ask(bo, "+13035550105").Data(t, &struct{}{})
	refused(bo, "+13035550106")
	c.Advance(24 * time.Hour)
	ask(c.Fresh(t, testkit.BoEmail), "+13035550106").Data(t, &struct{}{})
}

func TestTheCodeSpeaksThePersonsLanguage(t *testing.T) {
	c := testkit.New(t)
	ada := c.As(t, testkit.AdaEmail)
	for i, x := range []struct{ login, client, want string }{
		{"", "en", "Test Clinic: your code is 123456. Don't share it with anyone."},
		{"", "es", "Test Clinic: su código es 123456. No lo comparta con nadie."},
		{"en", "es", "Test Clinic: your code is 123456. Don't share it with anyone."},
		{"es", "en", "Test Clinic: su código es 123456. No lo comparta con nadie."},
	} {
		for collection, row := range map[string][2]string{"portal_users": {testkit.AdaLogin, x.login}, "clients": {testkit.Ada, x.client}} {
			r := c.Find(t, collection, row[0])
			r.Set("language", row[1])
			if err := kernel.SaveAs(c.App, kernel.System(), r); err != nil {
				t.Fatal(err)
			}
		}
		number := fmt.Sprintf("+1303555012%d", i)
		codeSent(t, c, ada, number)
		if got := sixDigits.ReplaceAllString(c.Texts(t, number)[0].Text, "123456"); got != x.want {
			t.Errorf("%+v: %s", x, got)
		}
	}
}

// The only door that proves a number is its code; the next change makes it unproven.
func TestOnlyTheProofProvesANumber(t *testing.T) {
	c := testkit.New(t)
	ada := c.As(t, testkit.AdaEmail)
	c.Do(t, "POST", verify, ada, map[string]string{"code": codeSent(t, c, ada, adasPhone)}).Data(t, &struct{}{})
	desk := c.As(t, testkit.DeskEmail)
	change := func(body map[string]any) {
		t.Helper()
		if got := c.Do(t, "PATCH", "/api/collections/clients/records/"+testkit.Ada, desk, body); got.Status != 200 {
			t.Fatalf("%d %s", got.Status, got.Body)
		}
	}
	change(map[string]any{"gender": "x", "phone": adasPhone})
	if got := phoneOf(t, c, testkit.Ada); got != adasPhone+" true" {
		t.Fatalf("another change made it %s", got)
	}
	change(map[string]any{"phone": otherPhone, "phone_verified": true, "@provenPhone": otherPhone})
	if got := phoneOf(t, c, testkit.Ada); got != otherPhone+" false" {
		t.Fatalf("the desk wrote %s", got)
	}
	r := c.Find(t, "clients", testkit.Ada)
	collections.AsClient(r).ProvePhone(otherPhone)
	for _, number := range []string{otherPhone, "+13035550103"} { // the proof is of one number, whatever becomes of the record
		r.Set("phone", number)
		r.Set("phone_verified", true)
		if err := kernel.SaveAs(c.App, kernel.System(), r); err != nil {
			t.Fatal(err)
		}
	}
	if got := phoneOf(t, c, testkit.Ada); got != "+13035550103 false" {
		t.Fatalf("one proof proved %s", got)
	}
	change(map[string]any{"phone": adasPhone})
	if got := phoneOf(t, c, testkit.Ada); got != adasPhone+" false" {
		t.Fatalf("back again, it is %s", got)
	}
}

func TestNoLogKnowsNumbersOrCodes(t *testing.T) {
	c := testkit.New(t)
	ada := c.As(t, testkit.AdaEmail)
	code := codeSent(t, c, ada, adasPhone)
	bad := wrong(code)
	c.Do(t, "POST", verify, ada, map[string]string{"code": bad}).Refused(t, 400, "CODE_INVALID")
	c.Do(t, "POST", verify, ada, map[string]string{"code": code}).Data(t, &struct{}{})
	c.Do(t, "POST", sendCode, ada, map[string]string{"phone": "+1 900 555 1234"}).Refused(t, 400, "PHONE_INVALID")
	c.App.Logger().Error("a line that must be there")
	if err := c.App.Logger().Handler().(*logger.BatchHandler).WriteAll(context.Background()); err != nil {
		t.Fatal(err)
	}
	var lines, audit []string
	if err := c.App.AuxDB().NewQuery("SELECT message || data FROM _logs").Column(&lines); err != nil {
		t.Fatal(err)
	}
	if err := c.App.ConcurrentDB().NewQuery("SELECT action || resource_type || coalesce(details, '') FROM portal_audit_log").Column(&audit); err != nil {
		t.Fatal(err)
	}
	all := strings.Join(lines, "\n") + strings.Join(audit, "\n")
	if !strings.Contains(all, "must be there") || !strings.Contains(all, "VERIFY_PHONE") {
		t.Fatal("the logs were not read")
	}
	for _, secret := range []string{code, bad, "3035550101", "900 555", "9005551234"} {
		if strings.Contains(all, secret) {
			t.Errorf("%s is in a log", secret)
		}
	}
}
