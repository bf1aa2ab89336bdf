package hooks_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/logger"
	"github.com/pocketbase/pocketbase/tools/subscriptions"

	"anteroom/hooks/kernel"
	"anteroom/hooks/testkit"
)

// PocketBase does things that a clinic must not do. Each was measured before this program was written and has a number;
// each is tried here against the real router, under that number.

type trap struct {
	name   string
	change func(cfg *kernel.Config)
	try    func(w *cut)
}

func TestTraps(t *testing.T) {
	for _, x := range slices.Concat(recordTraps, streamTraps, signInTraps, sessionTraps, serverTraps) {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			w := &cut{Clinic: testkit.With(t, x.change), t: t}
			w.server = httptest.NewServer(w.Handler)
			defer func() { w.server.CloseClientConnections(); w.server.Close() }()
			x.try(w)
		})
	}
}

// triedElsewhere are the numbers whose trap is a rule of its own, with the test that tries it.
var triedElsewhere = map[string]string{
	"PB02": "TestRulesOfCollections",             // who may list may view
	"PB03": "TestFiltersTellNothingOutOfReach",   // and TestSecretFieldsAreNoQuestion: no answer by filters
	"PB05": "TestRulesOfCollections",             // there are no views
	"PB06": "TestCliniciansSeeNothingOutOfReach", // what is expanded is asked too, and is on record
	"PB42": "TestTransactionsHoldNobodyUp",
	"PB43": "TestTransactionsHoldNobodyUp",
	"PB44": "TestRequestsInFlightFinish",
	"PB45": "TestJobsMayOverlap",
	"PB47": "TestHeadersOfEveryKindOfAnswer",
	"PB50": "TestRulesOfFields", // no relation to care takes rows along
}

// TestEveryTrapIsTried: each of the fifty has its try, here or elsewhere.
func TestEveryTrapIsTried(t *testing.T) {
	tried := map[string]bool{}
	for _, x := range slices.Concat(recordTraps, streamTraps, signInTraps, sessionTraps, serverTraps, netTraps) {
		for _, number := range regexp.MustCompile(`PB\d\d`).FindAllString(x.name, -1) {
			tried[number] = true
		}
	}
	tests := testsOfTheProgram(t)
	for number, name := range triedElsewhere {
		if !tests[name] {
			t.Errorf("%s: there is no %s", number, name)
		}
		tried[number] = true
	}
	for i := 1; i <= 50; i++ {
		if number := fmt.Sprintf("PB%02d", i); !tried[number] {
			t.Errorf("%s is tried nowhere", number)
		}
	}
}

type body = map[string]any

// ask sends a request; headers are name, value.
func (w *cut) ask(method, path, token string, in any, headers ...string) *testkit.Response {
	w.t.Helper()
	return w.Do(w.t, method, path, token, in, headers...)
}

func (w *cut) auth(path, token string, in body, headers ...string) *testkit.Response {
	w.t.Helper()
	return w.ask("POST", kernel.Portal+"/auth/"+path, token, in, headers...)
}

func (w *cut) want(r *testkit.Response, status int, reason string) {
	w.t.Helper()
	if reason == "" {
		if r.Status != status {
			w.t.Fatalf("got %d, want %d: %s", r.Status, status, r.Body)
		}
		return
	}
	r.Refused(w.t, status, reason)
}

// untouched runs what must change nothing.
func (w *cut) untouched(do func()) {
	w.t.Helper()
	before := w.Snapshot(w.t)
	do()
	if w.Snapshot(w.t) != before {
		w.t.Error("something changed")
	}
}

// rows counts what the LOGIN lines and the sessions say of an account.
func (w *cut) rows(id string) (sessions, logins int) {
	w.t.Helper()
	return w.Count(w.t, "portal_sessions", "owner = {:o}", dbx.Params{"o": id}),
		w.Count(w.t, "portal_audit_log", "action = 'LOGIN' AND result = 'ok' AND actor_id = {:o}", dbx.Params{"o": id})
}

// withTOTP gives Ada a second factor, a minute ago.
func (w *cut) withTOTP() (secret string) {
	w.t.Helper()
	w.other = w.Fresh(w.t, testkit.AdaEmail)
	secret = w.authenticator()
	w.Advance(time.Minute)
	return secret
}

// linkIn is the token of the newest link to a page that was mailed.
func (w *cut) linkIn(to, page string) string {
	w.t.Helper()
	for _, mail := range w.Mails(w.t, to) {
		if _, rest, found := strings.Cut(mail.Text, page+"?token="); found {
			token, _, _ := strings.Cut(rest, "\n")
			return strings.TrimSpace(token)
		}
	}
	w.t.Fatal("no link was mailed")
	return ""
}

var everyLogin = []struct{ collection, email, id string }{{"portal_users", testkit.AdaEmail, testkit.AdaLogin}, {"staff", testkit.DeskEmail, testkit.DeskStaff},
	{"_superusers", testkit.OwnerEmail, testkit.Owner}}

func pb(collection, path string) string { return "/api/collections/" + collection + "/" + path }

// contentOf is what an answer says, in one order and without the instants that a second changes.
func contentOf(w *cut, r *testkit.Response) string {
	w.t.Helper()
	var v any
	r.Into(w.t, &v)
	raw, err := json.Marshal(v)
	if err != nil {
		w.t.Fatal(err)
	}
	return instant.ReplaceAllString(string(raw), "")
}

var instant = regexp.MustCompile(`\d{4}-\d\d-\d\dT[\d:.]+Z`)

var recordTraps = []trap{
	{"PB01 nobody sets what a form does not ask for", nil, func(w *cut) {
		ada := w.As(w.t, testkit.AdaEmail)
		evil := body{"account_status": "active", "accountStatus": "active", "verified": true, "emailVisibility": true, "mfa_enabled": false, "id": "chosenbyclient0", "role": "admin",
			"pending_client": testkit.Bo, "force_password_change": false, "tokenKey": strings.Repeat("k", 40), "no_show_count": 0, "stripe_customer_id": "cus_1"}
		w.untouched(func() {
			w.want(w.ask("PATCH", pb("portal_users", "records/"+testkit.AdaLogin), ada, evil), 403, "RECORD_API_CLOSED")
			w.want(w.ask("PATCH", pb("clients", "records/"+testkit.Ada), ada, evil), 403, "RECORD_API_CLOSED")
			w.want(w.ask("POST", pb("portal_users", "records"), "", evil), 403, "")
		})
		form := body{"email": testkit.UmaEmail, "password": "Another-Harbour-43", "firstName": "Uma", "lastName": "Dahl", "dateOfBirth": "1977-07-07"}
		for k, v := range evil {
			form[k] = v
		}
		w.want(w.auth("register", "", form), 201, "")
		u, err := w.App.FindAuthRecordByEmail("portal_users", testkit.UmaEmail)
		if err != nil {
			w.t.Fatal(err)
		}
		if u.Verified() || u.GetString("account_status") != "pending_verification" || u.Id == "chosenbyclient0" || u.TokenKey() == evil["tokenKey"] || u.GetString("pending_client") != testkit.Uma || u.EmailVisibility() {
			w.t.Errorf("%+v", u.PublicExport())
		}
	}},
	{"PB04 nobody searches for other people", nil, func(w *cut) {
		ada, billing := w.As(w.t, testkit.AdaEmail), w.As(w.t, testkit.BillingEmail)
		for _, collection := range []string{"portal_users", "clients", "staff"} {
			for _, who := range []string{"", ada, billing} {
				if who == billing && collection != "portal_users" {
					continue // staff may list those
				}
				hit := w.ask("GET", pb(collection, "records?filter=(first_name~'a')"), who, nil)
				miss := w.ask("GET", pb(collection, "records?filter=(first_name='Nobodyatall')"), who, nil)
				if hit.Status != miss.Status || !bytes.Equal(hit.Body, miss.Body) {
					w.t.Errorf("%s: a filter tells who exists: %s and %s", collection, hit.Body, miss.Body)
				}
			}
		}
	}},
	{"PB07 what is asked for widens no answer", nil, func(w *cut) {
		const all = "?fields=*,tokenKey,password,mfa_phone,expand&expand=pending_client,client_access_via_portal_user.client"
		ada := w.As(w.t, testkit.AdaEmail)
		for _, path := range []string{"/profile", "/auth/session", "/auth/sessions"} {
			plain, asked := w.ask("GET", kernel.Portal+path, ada, nil), w.ask("GET", kernel.Portal+path+all, ada, nil)
			if asked.Status != 200 || contentOf(w, plain) != contentOf(w, asked) {
				w.t.Errorf("%s: %s and %s", path, plain.Body, asked.Body)
			}
		}
		for _, x := range everyLogin {
			in := w.did(w.ask("POST", pb(x.collection, "auth-with-password"+all), "", body{"identity": x.email, "password": testkit.Password}))
			account := w.Find(w.t, x.collection, x.id)
			for _, secret := range []string{account.TokenKey(), account.GetString("password:hash"), "mfa_phone", "last_login_ip", testkit.Ada} {
				if strings.Contains(string(in.Body), secret) {
					w.t.Errorf("%s: the answer holds %q", x.collection, secret)
				}
			}
		}
	}},
	{"PB15 no upload is served to who has its address", nil, func(w *cut) {
		for _, c := range everyCollection(w.t, w.Clinic) {
			for _, f := range c.Fields {
				if f, is := f.(*core.FileField); is && !f.Protected && c.Name+"."+f.Name != "clinic_settings.logo" {
					w.t.Errorf("%s.%s is public", c.Name, f.Name)
				}
			}
		}
	}},
	{"PB16 a token for files is of one session, and never a client's", nil, func(w *cut) {
		w.want(w.ask("POST", "/api/files/token", w.As(w.t, testkit.AdaEmail), nil), 403, "")
		w.want(w.ask("POST", "/api/files/token", "", nil), 401, "")
		token := w.As(w.t, testkit.DeskEmail)
		var files struct{ Token string }
		w.did(w.ask("POST", "/api/files/token", token, nil)).Into(w.t, &files)
		if claimed(files.Token) == "" || claimed(files.Token) != claimed(token) {
			w.t.Error("a token for files that no session ends")
		}
		visit := w.visitOf(testkit.Ada)
		got := w.did(w.ask("GET", kernel.Portal+"/appointments/"+visit.Id+"/ics", w.As(w.t, testkit.AdaEmail), nil))
		if cache := got.Header.Get("Cache-Control"); !strings.Contains(cache, "no-store") {
			w.t.Error("a download may be kept:", cache)
		}
	}},
}

// heard opens a stream as the SDK does and gives what was answered to its topics, and its lines.
func (w *cut) heard(token string, topics ...string) (status int, lines <-chan string) {
	w.t.Helper()
	res, err := w.server.Client().Get(w.server.URL + "/api/realtime")
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = res.Body.Close() })
	in, id := bufio.NewScanner(res.Body), ""
	for id == "" && in.Scan() {
		if rest, found := strings.CutPrefix(in.Text(), "id:"); found {
			id = strings.TrimSpace(rest)
		}
	}
	raw, _ := json.Marshal(body{"clientId": id, "subscriptions": topics})
	r, _ := http.NewRequest("POST", w.server.URL+"/api/realtime", bytes.NewReader(raw))
	r.Header.Set("Authorization", token)
	r.Header.Set("Content-Type", "application/json")
	answer, err := w.server.Client().Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	_ = answer.Body.Close()
	out := make(chan string, 1000)
	go func() {
		defer close(out)
		for in.Scan() {
			out <- in.Text()
		}
	}()
	return answer.StatusCode, out
}

// ends waits until a stream is closed and gives what it still said.
func (w *cut) ends(lines <-chan string) (said string) {
	w.t.Helper()
	late := time.After(2 * time.Second)
	for {
		select {
		case line, open := <-lines:
			if !open {
				return said
			}
			said += line + "\n"
		case <-late:
			w.t.Error("the stream is open after two seconds")
			return said
		}
	}
}

// visitOf makes a visit that overlaps with no other.
func (w *cut) visitOf(client string) *core.Record {
	w.t.Helper()
	nth := w.Count(w.t, "appointments", "", nil)
	return w.Add(w.t, "appointments", body{"client": client, "clinician": testkit.Ana, "service": testkit.Therapy, "location": testkit.Location,
		"start_time": testkit.Monday.Add(time.Duration(240+2*nth) * time.Hour), "status": "confirmed", "service_location": "in_office", "requested_via": "phone"})
}

var streamTraps = []trap{
	{"PB08 a stream does not outlive its session", nil, func(w *cut) {
		for _, x := range []struct{ email, topic string }{{testkit.AdaEmail, "appointments/*"}, {testkit.DeskEmail, "appointments/*"}} {
			for what, end := range map[string]func(token string){
				"signed out": func(token string) { w.want(w.auth("logout", token, body{}), 200, "") },
				"idle": func(token string) {
					for range 3 { // what the page and the stream do by themselves keeps nothing open
						w.Advance(5 * time.Minute)
						w.ask("GET", kernel.Portal+"/auth/session", token, nil)
						w.ask("GET", kernel.Portal+"/appointments", token, nil, "X-Background", "1")
						if x.email == testkit.DeskEmail {
							w.ask("POST", pb("staff", "auth-refresh"), token, nil)
						}
					}
				},
			} {
				token := w.Fresh(w.t, x.email)
				status, lines := w.heard(token, x.topic)
				if status != http.StatusNoContent {
					w.t.Fatal(status)
				}
				end(token)
				w.ends(lines)
				w.visitOf(testkit.Bo)
				if again, _ := w.heard(token, x.topic); again != http.StatusUnauthorized {
					w.t.Errorf("%s, %s: listens again: %d", x.email, what, again)
				}
				w.Advance(time.Hour)
			}
		}
	}},
	{"PB09 an account that plain SQL closes is closed, and what the model ends is ended everywhere", nil, func(w *cut) {
		ada, desk := w.As(w.t, testkit.AdaEmail), w.As(w.t, testkit.DeskEmail)
		for _, statement := range []string{"UPDATE portal_users SET account_status = 'locked' WHERE id = '" + testkit.AdaLogin + "'", "UPDATE staff SET is_active = FALSE WHERE id = '" + testkit.DeskStaff + "'"} {
			if _, err := w.App.NonconcurrentDB().NewQuery(statement).Execute(); err != nil {
				w.t.Fatal(err)
			}
		}
		w.want(w.ask("GET", kernel.Portal+"/appointments", ada, nil), 401, "SESSION_ENDED")
		w.want(w.ask("GET", kernel.Desk+"/day", desk, nil), 401, "SESSION_ENDED")
		if status, _ := w.heard(ada, "portal"); status != 401 {
			w.t.Error("a closed account listens:", status)
		}
		bo := w.As(w.t, testkit.BoEmail)
		_, lines := w.heard(bo, "portal")
		w.change("portal_users", testkit.BoLogin, "tokenKey", strings.Repeat("k", 40))
		w.ends(lines)
		w.want(w.ask("GET", kernel.Portal+"/appointments", bo, nil), 401, "SESSION_ENDED")
	}},
	{"PB10 a topic's name gives nobody anything", nil, func(w *cut) {
		ada := w.As(w.t, testkit.AdaEmail)
		for _, topic := range []string{"patient_" + testkit.Bo, "clients/*", "clients/" + testkit.Bo, "portal_users/*", "portal_sessions/*", "_superusers/*"} {
			if status, lines := w.heard("", topic); status != 401 {
				w.t.Errorf("a guest listens to %s: %d", topic, status)
			} else {
				w.ends(lines)
			}
			if status, _ := w.heard(ada, topic); status != 403 {
				w.t.Errorf("Ada listens to %s: %d", topic, status)
			}
		}
		visit := w.visitOf(testkit.Bo)
		status, lines := w.heard(ada, "appointments/*", "appointments/"+visit.Id, "portal")
		if status != http.StatusNoContent {
			w.t.Fatal(status)
		}
		visit.Set("staff_notes", "Bo's own matter")
		if err := w.App.Save(visit); err != nil {
			w.t.Fatal(err)
		}
		own := w.visitOf(testkit.Cleo)
		deadline := time.After(5 * time.Second)
		for heard := false; !heard; {
			select {
			case line := <-lines:
				if strings.Contains(line, visit.Id) || strings.Contains(line, testkit.Bo) {
					w.t.Error("Ada hears of Bo:", line)
				}
				heard = strings.Contains(line, own.Id)
			case <-deadline:
				w.t.Fatal("Ada does not hear of her child: the test proves nothing")
			}
		}
	}},
	{"PB11 a write does not wait for the portal's listeners", nil, func(w *cut) {
		ada := w.As(w.t, testkit.AdaEmail)
		for range 5 {
			if status, _ := w.heard(ada, "appointments/*"); status != http.StatusNoContent {
				w.t.Fatal(status)
			}
		}
		if n := w.App.SubscriptionsBroker().TotalClients(); n != 0 {
			w.t.Errorf("PocketBase's broker, which works inside the writer's request, knows %d of them", n)
		}
	}},
	{"PB12 a reader that does not read is dropped", nil, func(w *cut) {
		status, lines := w.heard(w.As(w.t, testkit.DeskEmail), "appointments/*")
		if status != http.StatusNoContent {
			w.t.Fatal(status)
		}
		_ = lines // 1000 lines are read, and no more
		sent := make(chan int)
		go func() {
			n := 0
			for ; n < 2000; n++ {
				for _, c := range w.App.SubscriptionsBroker().Clients() {
					c.Send(subscriptions.Message{Name: "appointments/*", Data: bytes.Repeat([]byte("x"), 60_000)})
				}
			}
			sent <- n
		}()
		select {
		case <-sent:
		case <-time.After(5 * time.Second):
			w.t.Fatal("a writer waits for a reader")
		}
		for end := time.Now().Add(10 * time.Second); w.App.SubscriptionsBroker().TotalClients() > 0; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				w.t.Fatal("the reader is still there")
			}
		}
	}},
	{"PB13 streams are counted, and a guest holds none", nil, func(w *cut) {
		status, lines := w.heard("", "portal")
		if status != 401 {
			w.t.Error(status)
		}
		w.ends(lines)
		ada := w.As(w.t, testkit.AdaEmail)
		for i := range 21 {
			status, _ := w.heard(ada, "portal")
			if want := map[bool]int{true: 429, false: 204}[i == 20]; status != want {
				w.t.Fatalf("stream %d: %d", i+1, status)
			}
		}
		if status, _ := w.heard(w.As(w.t, testkit.BoEmail), "portal"); status != 204 {
			w.t.Error("somebody else pays for it:", status)
		}
	}},
}

var signInTraps = []trap{
	{"PB19 a password whose second factor is missing opens nothing and is no LOGIN", nil, func(w *cut) {
		secret := w.withTOTP()
		sessions, logins := w.rows(testkit.AdaLogin)
		for _, try := range []func() *testkit.Response{
			func() *testkit.Response {
				return w.ask("POST", pb("portal_users", "auth-with-password"), "", body{"identity": testkit.AdaEmail, "password": testkit.Password})
			},
			func() *testkit.Response {
				return w.auth("login", "", body{"email": testkit.AdaEmail, "password": testkit.Password})
			},
		} {
			w.want(try(), 401, "MFA_REQUIRED")
			if s, l := w.rows(testkit.AdaLogin); s != sessions || l != logins {
				w.t.Fatal("it opened something, or says so")
			}
		}
		w.want(w.ask("POST", pb("portal_users", "auth-with-password"), "", body{"identity": testkit.AdaEmail, "password": testkit.Password, "mfaCode": w.code(secret)}), 200, "")
		if s, l := w.rows(testkit.AdaLogin); s != sessions+1 || l != logins+1 {
			w.t.Error("both factors:", s-sessions, l-logins)
		}
	}},
	{"PB20 no token comes without a method that is known", nil, func(w *cut) {
		for _, x := range everyLogin {
			account := w.Find(w.t, x.collection, x.id)
			bare, err := account.NewAuthToken()
			if err != nil {
				w.t.Fatal(err)
			}
			static, err := account.NewStaticAuthToken(time.Hour)
			if err != nil {
				w.t.Fatal(err)
			}
			for _, token := range []string{bare, static, ""} {
				if got := w.ask("POST", pb(x.collection, "auth-refresh"), token, nil); got.Status != 401 {
					w.t.Errorf("%s: %d %s", x.collection, got.Status, got.Body)
				}
			}
			if sessions, _ := w.rows(x.id); sessions != 0 {
				w.t.Error("a session was opened")
			}
			token := w.As(w.t, x.email)
			var renewed struct{ Token string }
			w.did(w.ask("POST", pb(x.collection, "auth-refresh"), token, nil)).Into(w.t, &renewed)
			if sessions, _ := w.rows(x.id); sessions != 1 || claimed(renewed.Token) != claimed(token) {
				w.t.Error("a refresh opened another session")
			}
		}
	}},
	{"PB21 second factors are our own: two weak proofs of PocketBase's make no strong one", nil, func(w *cut) {
		owner := w.As(w.t, testkit.OwnerEmail)
		for _, x := range everyLogin {
			for _, option := range []string{"mfa", "otp", "oauth2", "authAlert"} {
				w.want(w.ask("PATCH", "/api/collections/"+x.collection, owner, body{option: body{"enabled": true, "duration": 600, "length": 8}}), 400, "")
			}
			var offered struct{ MFA, OTP, OAuth2 struct{ Enabled bool } }
			w.did(w.ask("GET", pb(x.collection, "auth-methods"), "", nil)).Into(w.t, &offered)
			if offered.MFA.Enabled || offered.OTP.Enabled || offered.OAuth2.Enabled {
				w.t.Errorf("%+v", offered)
			}
		}
		// password and mail are two methods to PocketBase; here each of them waits for the factor that was set up
		secret := w.withTOTP()
		var waits struct {
			Error struct {
				Details struct{ MFAToken string }
			}
		}
		first := w.auth("login", "", body{"email": testkit.AdaEmail, "password": testkit.Password})
		first.Into(w.t, &waits)
		w.want(first, 401, "MFA_REQUIRED")
		w.want(w.auth("magic-link", "", body{"email": testkit.AdaEmail}), 200, "")
		link := w.linkIn(testkit.AdaEmail, "/sign-in/link")
		w.want(w.auth("magic-link/verify", "", body{"token": link, "mfaToken": waits.Error.Details.MFAToken}), 401, "MFA_REQUIRED")
		w.want(w.auth("login", "", body{"mfaToken": waits.Error.Details.MFAToken, "mfaCode": w.code(secret), "method": "totp"}), 200, "")
	}},
	{"PB22 asking for a mail tells nobody who exists, by answer or by work", nil, func(w *cut) {
		for _, email := range []string{testkit.AdaEmail, "nobody@mail.example"} {
			for _, x := range everyLogin {
				w.want(w.ask("POST", pb(x.collection, "request-otp"), "", body{"email": email}), 403, "SIGN_IN_METHOD_CLOSED")
			}
		}
		for _, path := range []string{"magic-link", "forgot-password"} {
			var answers []string
			for _, email := range []string{testkit.AdaEmail, "nobody@mail.example"} {
				jobs := w.Count(w.t, "outbox", "kind = 'job'", nil)
				got := w.did(w.auth(path, "", body{"email": email}))
				answers = append(answers, string(got.Body))
				if n := w.Count(w.t, "outbox", "kind = 'job'", nil) - jobs; n != 1 {
					w.t.Errorf("%s: %d jobs for %s", path, n, email)
				}
			}
			if answers[0] != answers[1] {
				w.t.Errorf("%s: %s and %s", path, answers[0], answers[1])
			}
		}
	}},
	{"PB23 nobody mutes another's codes in silence", nil, func(w *cut) {
		seen := map[string]bool{}
		for i := range 12 { // PocketBase would send none after the tenth and say nothing
			got := w.auth("magic-link", "", body{"email": testkit.AdaEmail})
			if got.Status == 429 {
				if i == 0 || got.Header.Get("Retry-After") == "" {
					w.t.Error("not even one mail, or not said for how long")
				}
				break
			}
			w.want(got, 200, "")
			link := w.linkIn(testkit.AdaEmail, "/sign-in/link")
			if seen[link] {
				w.t.Error("no new mail")
			}
			seen[link] = true
		}
		w.want(w.auth("magic-link/verify", "", body{"token": w.linkIn(testkit.AdaEmail, "/sign-in/link")}), 200, "")
		w.want(w.auth("login", "", body{"email": testkit.AdaEmail, "password": testkit.Password}), 200, "")
	}},
	{"PB24 wrong codes are counted with the code, from wherever they come", func(cfg *kernel.Config) {
		cfg.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	}, func(w *cut) {
		w.want(w.auth("magic-link", "", body{"email": testkit.AdaEmail}), 200, "")
		code := w.mailed(testkit.AdaEmail)
		wrong := "000000"
		if code == wrong {
			wrong = "000001"
		}
		for i := range 5 {
			w.want(w.auth("magic-link/verify", "", body{"email": testkit.AdaEmail, "code": wrong}, "X-Forwarded-For", fmt.Sprintf("198.51.%d.7", 100+i)), 400, "CODE_INVALID")
		}
		w.want(w.auth("magic-link/verify", "", body{"email": testkit.AdaEmail, "code": code}, "X-Forwarded-For", "203.0.113.9"), 400, "CODE_INVALID")
	}},
	{"PB25 a change of address tells nobody who exists", nil, func(w *cut) {
		w.want(w.ask("POST", pb("portal_users", "request-email-change"), w.As(w.t, testkit.AdaEmail), body{"newEmail": testkit.BoEmail}), 403, "SIGN_IN_METHOD_CLOSED")
		var answers []string
		for _, email := range []string{testkit.BoEmail, "free@mail.example"} {
			answers = append(answers, string(w.did(w.auth("change-email", w.As(w.t, testkit.AdaEmail), body{"email": email})).Body))
		}
		if answers[0] != answers[1] {
			w.t.Errorf("%s and %s", answers[0], answers[1])
		}
	}},
	{"PB26 a new password asks for the second factor, ends every session and opens none", nil, func(w *cut) {
		secret := w.withTOTP()
		w.want(w.ask("POST", pb("portal_users", "request-password-reset"), "", body{"email": testkit.AdaEmail}), 403, "SIGN_IN_METHOD_CLOSED")
		w.want(w.auth("forgot-password", "", body{"email": testkit.AdaEmail}), 200, "")
		link := w.linkIn(testkit.AdaEmail, "/reset-password")
		sessions, logins := w.rows(testkit.AdaLogin)
		form := body{"token": link, "password": "Another-Harbour-43"}
		w.want(w.auth("reset-password", "", form), 401, "MFA_REQUIRED")
		w.want(w.ask("GET", kernel.Portal+"/profile", w.other, nil), 200, "")
		form["mfaCode"] = w.code(secret)
		w.want(w.auth("reset-password", "", form), 200, "")
		w.want(w.ask("GET", kernel.Portal+"/profile", w.other, nil), 401, "SESSION_ENDED")
		if s, l := w.rows(testkit.AdaLogin); s != sessions || l != logins {
			w.t.Error("it opened a session, or says so")
		}
	}},
	{"PB27 an unknown address and a wrong password answer alike", nil, func(w *cut) {
		for _, send := range []func(email string) *testkit.Response{
			func(email string) *testkit.Response {
				return w.auth("login", "", body{"email": email, "password": "Wrong-Harbour-42"})
			},
			func(email string) *testkit.Response {
				return w.ask("POST", pb("portal_users", "auth-with-password"), "", body{"identity": email, "password": "Wrong-Harbour-42"})
			},
			func(email string) *testkit.Response {
				return w.ask("POST", pb("staff", "auth-with-password"), "", body{"identity": email, "password": "Wrong-Harbour-42"})
			},
		} {
			known, unknown := send(testkit.AdaEmail), send("nobody@mail.example")
			if known.Status != 401 || known.Status != unknown.Status || !bytes.Equal(known.Body, unknown.Body) {
				w.t.Errorf("%s and %s", known.Body, unknown.Body)
			}
		}
	}},
	{"PB28 guesses are limited as delivered, and a start forgets none", nil, func(w *cut) {
		for range 5 {
			w.want(w.auth("login", "", body{"email": testkit.AdaEmail, "password": "Wrong-Harbour-42"}), 401, "INVALID_CREDENTIALS")
		}
		w.want(w.auth("login", "", body{"email": testkit.AdaEmail, "password": testkit.Password}), 403, "ACCOUNT_LOCKED")
		if w.Count(w.t, "sign_in_failures", "", nil) == 0 {
			w.t.Error("the count is in memory alone")
		}
	}},
	{"PB29 a header names no address unless a proxy of ours sent it", nil, func(w *cut) {
		for i := range 5 {
			w.auth("login", "", body{"email": testkit.AdaEmail, "password": "Wrong-Harbour-42"}, "X-Forwarded-For", fmt.Sprintf("198.51.%d.7", i), "X-Real-IP", fmt.Sprintf("198.51.%d.7", i))
		}
		if n := w.Count(w.t, "portal_audit_log", "ip LIKE '198.51.%'", nil); n != 0 {
			w.t.Errorf("%d lines name an address that somebody made up", n)
		}
	}},
	{"PB30 limits hold for who is signed in as for a guest", nil, func(w *cut) {
		bo := w.As(w.t, testkit.BoEmail)
		for range 5 {
			w.want(w.auth("login", bo, body{"email": testkit.AdaEmail, "password": "Wrong-Harbour-42"}), 401, "INVALID_CREDENTIALS")
		}
		w.want(w.auth("login", bo, body{"email": testkit.AdaEmail, "password": testkit.Password}), 403, "ACCOUNT_LOCKED")
		w.want(w.ask("POST", pb("portal_users", "auth-with-password"), bo, body{"identity": testkit.AdaEmail, "password": testkit.Password}), 403, "ACCOUNT_LOCKED")
	}},
	{"PB31 PocketBase's limits pass owners by; ours hold for their accounts and their tokens", nil, func(w *cut) {
		owner := w.As(w.t, testkit.OwnerEmail)
		door := pb("_superusers", "auth-with-password")
		for i := range 5 {
			w.want(w.ask("POST", door, []string{"", owner}[i%2], body{"identity": testkit.OwnerEmail, "password": "Wrong-Harbour-42"}), 401, "INVALID_CREDENTIALS")
		}
		for _, token := range []string{"", owner} {
			w.want(w.ask("POST", door, token, body{"identity": testkit.OwnerEmail, "password": testkit.Password}), 403, "ACCOUNT_LOCKED")
		}
		w.want(w.auth("reauthenticate", owner, body{"password": testkit.Password}), 403, "ACCOUNT_LOCKED")
		if n := w.Count(w.t, "portal_audit_log", "action = 'ACCOUNT_LOCKED' AND resource_type = 'OWNER'", nil); n != 1 {
			w.t.Error("lines of the lock:", n)
		}
	}},
	{"PB38 a provider's word about an address opens and changes nothing", providerSays(testkit.AdaEmail), func(w *cut) {
		elsewhere := func(token string) *testkit.Response {
			return w.ask("POST", pb("portal_users", "auth-with-oauth2"), token, body{"provider": "oidc", "code": "x", "codeVerifier": "y", "redirectURL": "http://portal.example/api/oauth2-redirect",
				"createData": body{"account_status": "active", "verified": true, "password": "Another-Harbour-43"}})
		}
		w.change("portal_users", testkit.AdaLogin, "verified", false) // PocketBase would wipe its password and let them in
		w.untouched(func() { w.want(elsewhere(""), 403, "OAUTH_NOT_LINKED") })
		w.change("portal_users", testkit.AdaLogin, "verified", true)
		w.untouched(func() { w.want(elsewhere(""), 403, "OAUTH_NOT_LINKED") })
		ada := w.Fresh(w.t, testkit.AdaEmail)
		w.Advance(11 * time.Minute)
		w.untouched(func() { w.want(elsewhere(ada), 403, "REAUTHENTICATION_REQUIRED") })
		w.want(elsewhere(w.Fresh(w.t, testkit.AdaEmail)), 200, "")
		w.want(elsewhere(""), 200, "") // connected by its person, it signs in
	}},
}

// providerSays is the configuration of a provider that knows one person, with an address of its choice.
func providerSays(email string) func(cfg *kernel.Config) {
	return func(cfg *kernel.Config) {
		srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Content-Type", "application/json")
			answer := body{"access_token": "t", "token_type": "Bearer", "expires_in": 60}
			if r.URL.Path == "/userinfo" {
				answer = body{"sub": "somebody", "email": email, "email_verified": true, "name": "Somebody Else"}
			}
			_ = json.NewEncoder(rw).Encode(answer)
		})) // lives as long as the test binary
		cfg.OAuth = []kernel.OAuthProvider{{Name: "oidc", DisplayName: "Town ID", ClientID: "anteroom", ClientSecret: "s", AuthURL: srv.URL + "/auth", TokenURL: srv.URL + "/token", UserInfoURL: srv.URL + "/userinfo"}}
	}
}

var sessionTraps = []trap{
	{"PB32 renewing a token moves no limit", nil, func(w *cut) {
		for _, x := range everyLogin {
			token, page := w.Fresh(w.t, x.email), kernel.Portal+"/auth/sessions"
			first := claimed(token)
			for at := time.Duration(0); at < 8*time.Hour; at += 10 * time.Minute {
				w.want(w.ask("GET", page, token, nil), 200, "")
				var renewed struct{ Token string }
				w.did(w.ask("POST", pb(x.collection, "auth-refresh"), token, nil)).Into(w.t, &renewed)
				if token = renewed.Token; claimed(token) != first {
					w.t.Fatal("another session")
				}
				w.Advance(10 * time.Minute)
			}
			w.want(w.ask("GET", page, token, nil), 401, "SESSION_ENDED")
			w.want(w.ask("POST", pb(x.collection, "auth-refresh"), token, nil), 401, "SESSION_ENDED")
		}
	}},
	{"PB33 whatever changes an account ends its sessions, but the one that did it", nil, func(w *cut) {
		// one clinic for each; that the streams end as well is TestRevocationCutsEverything
		goesOn := map[string]bool{"another password": true, "a second factor is set up": true, "signing all others out": true, "signing that device out from another": true,
			"the owner signs that device out from another": true, "another password of the owner": true, "the owner sets up a second factor": true}
		for _, x := range revocations {
			if strings.HasSuffix(x.name, "limit") {
				continue
			}
			one := &cut{Clinic: testkit.New(w.t), t: w.t}
			email, page := x.of.email, x.of.page
			one.token, one.other = one.Fresh(w.t, email), one.Fresh(w.t, email)
			one.session = claimed(one.token)
			one.want(one.ask("GET", page, one.token, nil), 200, "")
			x.end(one)
			if got := one.ask("GET", page, one.token, nil); got.Status != 401 {
				w.t.Errorf("%s: %d", x.name, got.Status)
			}
			if lives := one.Find(w.t, "portal_sessions", claimed(one.other)).GetInt("revoked_at") == 0; goesOn[x.name] && !lives {
				w.t.Errorf("%s: the session that did it has ended", x.name)
			}
		}
	}},
	{"PB34 nobody acts as somebody else", nil, func(w *cut) {
		for _, x := range everyLogin {
			for _, who := range []string{testkit.OwnerEmail, testkit.AdminEmail, testkit.AdaEmail, ""} {
				token := ""
				if who != "" {
					token = w.As(w.t, who)
				}
				sessions, _ := w.rows(x.id)
				got := w.ask("POST", pb(x.collection, "impersonate/"+x.id), token, body{"duration": 3600})
				if after, _ := w.rows(x.id); got.Status != 403 || strings.Contains(string(got.Body), "eyJ") || after != sessions {
					w.t.Errorf("%q as %s: %d %s", who, x.id, got.Status, got.Body)
				}
			}
		}
	}},
	{"PB37 signed in is not enough: clients and staff have doors of their own", nil, func(w *cut) {
		ada, desk := w.As(w.t, testkit.AdaEmail), w.As(w.t, testkit.DeskEmail)
		w.want(w.ask("GET", kernel.Desk+"/day", ada, nil), 403, "ROLE")
		w.want(w.ask("GET", kernel.Portal+"/profile", desk, nil), 401, "SIGN_IN_REQUIRED")
		for _, c := range everyCollection(w.t, w.Clinic) {
			for _, rule := range []*string{c.ListRule, c.ViewRule, c.CreateRule, c.UpdateRule, c.DeleteRule} {
				if rule == nil || strings.HasPrefix(*rule, active) || strings.HasPrefix(c.Name, "_") {
					continue
				}
				w.t.Errorf("%s: %q does not say whose sign-in", c.Name, *rule)
			}
		}
	}},
}

var serverTraps = []trap{
	{"PB14 several requests in one are closed to everybody", nil, func(w *cut) {
		for _, token := range []string{"", w.As(w.t, testkit.AdaEmail), w.As(w.t, testkit.AdminEmail), w.As(w.t, testkit.OwnerEmail)} {
			w.untouched(func() {
				got := w.ask("POST", "/api/batch", token, body{"requests": []body{{"method": "PATCH", "url": pb("clients", "records/"+testkit.Ada), "body": body{"first_name": "X"}}}})
				if got.Status != 403 {
					w.t.Errorf("%d %s", got.Status, got.Body)
				}
			})
		}
	}},
	{"PB17 the log names nobody: no filter, no address, no password", nil, func(w *cut) {
		s := w.App.Settings()
		s.Logs.MinLevel = -4
		if err := w.App.Save(s); err != nil {
			w.t.Fatal(err)
		}
		secret := "Wrong-Harbour-42"
		for _, token := range []string{"", w.As(w.t, testkit.AdaEmail), w.As(w.t, testkit.DeskEmail)} {
			w.ask("GET", pb("clients", "records?filter=(email='"+testkit.AdaEmail+"')"), token, nil)
			w.ask("GET", pb("clients", "records?filter=(email=''"+testkit.AdaEmail+"')"), token, nil) // and one that is refused
			w.ask("GET", kernel.Portal+"/appointments?q="+testkit.AdaEmail, token, nil)
			w.ask("GET", "/api/files/form_pdfs/x/y?token="+token+"&q="+testkit.AdaEmail, "", nil)
		}
		w.ask("POST", pb("portal_users", "auth-with-password?email="+testkit.AdaEmail), "", body{"identity": testkit.AdaEmail, "password": secret})
		w.App.Logger().Error("the last entry")
		h, is := w.App.Logger().Handler().(*logger.BatchHandler)
		if !is {
			w.t.Fatal("the log is not PocketBase's")
		}
		if err := h.WriteAll(context.Background()); err != nil {
			w.t.Fatal(err)
		}
		var logs []string
		if err := w.App.AuxConcurrentDB().NewQuery("SELECT message || ' ' || data FROM _logs").Column(&logs); err != nil || len(logs) == 0 {
			w.t.Fatal(len(logs), err)
		}
		for _, line := range logs {
			for _, never := range []string{testkit.AdaEmail, "ada%40", "192.0.2.1", secret, w.As(w.t, testkit.DeskEmail), w.As(w.t, testkit.AdaEmail)} {
				if strings.Contains(line, never) {
					w.t.Errorf("the log holds %q: %s", never, line)
				}
			}
		}
	}},
	{"PB35 what is the owner's is the owner's alone, and what leaves no trace is nobody's", func(cfg *kernel.Config) { cfg.Mode = kernel.Production }, func(w *cut) {
		ada, admin, owner := w.As(w.t, testkit.AdaEmail), w.As(w.t, testkit.AdminEmail), w.As(w.t, testkit.OwnerEmail)
		for _, r := range [][2]string{{"POST", "/api/sql"}, {"GET", "/api/backups"}, {"POST", "/api/backups"}, {"PATCH", "/api/settings"}, {"GET", "/api/logs"}, {"PATCH", "/api/collections/clients"},
			{"PUT", "/api/collections/import"}, {"DELETE", "/api/collections/clients/truncate"}, {"POST", "/api/backups/x/restore"}} {
			for who, token := range map[string]string{"a guest": "", "Ada": ada, "an administrator": admin} {
				if got := w.ask(r[0], r[1], token, body{}); got.Status != 401 && got.Status != 403 {
					w.t.Errorf("%s at %s %s: %d %s", who, r[0], r[1], got.Status, got.Body)
				}
			}
		}
		w.untouched(func() {
			w.want(w.ask("POST", "/api/sql", owner, body{"query": "UPDATE clients SET first_name = 'X'"}), 403, "CLOSED")
			w.want(w.ask("DELETE", "/api/collections/clients/truncate", owner, nil), 403, "CLOSED")
			w.want(w.ask("POST", "/api/backups/x/restore", owner, nil), 403, "CLOSED")
			w.want(w.ask("PATCH", "/api/collections/clients", owner, body{"listRule": ""}), 403, "SCHEMA_FIXED")
			w.want(w.ask("PUT", "/api/collections/import", owner, body{"collections": []body{{"name": "mine", "type": "base"}}}), 403, "SCHEMA_FIXED")
		})
		bare, err := w.Find(w.t, "_superusers", testkit.Owner).NewStaticAuthToken(24 * time.Hour) // as the installer makes one
		if err != nil {
			w.t.Fatal(err)
		}
		pages := []string{"/api/backups", "/api/settings", "/api/logs", "/api/collections", pb("clients", "records"), kernel.Desk + "/day"}
		for _, page := range pages {
			w.want(w.ask("GET", page, owner, nil), 200, "")
			w.want(w.ask("GET", page, bare, nil), 401, "SESSION_ENDED")
		}
		w.Advance(15*time.Minute + time.Second) // an unattended screen
		for _, page := range pages {
			w.want(w.ask("GET", page, owner, nil), 401, "SESSION_ENDED")
		}
	}},
	{"PB36 what the owner reads is on record with the session, and what is secret is no question", nil, func(w *cut) {
		owner := w.As(w.t, testkit.OwnerEmail)
		w.want(w.ask("GET", pb("clients", "records/"+testkit.Ada), owner, nil), 200, "")
		if n := w.Count(w.t, "portal_audit_log", "action = 'VIEW_CLIENT' AND actor_kind = 'owner' AND actor_id = {:o} AND session_id = {:s} AND client_id = {:c}",
			dbx.Params{"o": testkit.Owner, "s": claimed(owner), "c": testkit.Ada}); n != 1 {
			w.t.Error("lines of what was read:", n)
		}
		for _, question := range []string{"filter=tokenKey%20~%20%22a%22", "sort=-password", "filter=@collection.staff.tokenKey%20?~%20%22a%22"} {
			w.want(w.ask("GET", pb("portal_users", "records?"+question), owner, nil), 400, "SECRET_FIELD")
		}
	}},
	{"PB39 a form of another page writes nothing", nil, func(w *cut) {
		w.untouched(func() {
			got := w.ask("POST", kernel.Portal+"/auth/login", "", "email="+testkit.AdaEmail+"&password="+testkit.Password, "Content-Type", "application/x-www-form-urlencoded", "Origin", "https://evil.example")
			if got.Status < 400 || strings.Contains(string(got.Body), "eyJ") {
				w.t.Errorf("%d %s", got.Status, got.Body)
			}
		})
	}},
	{"PB48 without an owner nobody becomes one over the network", nil, func(w *cut) {
		owners, err := w.App.FindAllRecords(core.CollectionNameSuperusers)
		if err != nil {
			w.t.Fatal(err)
		}
		var made atomic.Int32
		w.App.OnRecordAfterCreateSuccess(core.CollectionNameSuperusers).BindFunc(func(e *core.RecordEvent) error { made.Add(1); return e.Next() })
		if _, err := w.App.NonconcurrentDB().NewQuery("DELETE FROM _superusers").Execute(); err != nil || len(owners) != 1 {
			w.t.Fatal(len(owners), err)
		}
		for _, token := range []string{"", w.As(w.t, testkit.AdaEmail), w.As(w.t, testkit.AdminEmail)} {
			got := w.ask("POST", pb(core.CollectionNameSuperusers, "records"), token, body{"email": "mine@mail.example", "password": "Another-Harbour-43", "passwordConfirm": "Another-Harbour-43"})
			if got.Status != 403 {
				w.t.Errorf("%d %s", got.Status, got.Body)
			}
		}
		if n := w.Count(w.t, "_superusers", "", nil); n != 0 || made.Load() != 0 {
			w.t.Errorf("%d owners", n)
		}
	}},
}
