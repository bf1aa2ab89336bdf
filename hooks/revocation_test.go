package hooks_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"

	"anteroom/hooks/identity"
	"anteroom/hooks/kernel"
	"anteroom/hooks/testkit"
)

// revocation is one way in which the sign-ins of an account end. end acts; whose session ends is the one that was opened
// before, over a real connection.
type revocation struct {
	name string
	of   someone
	end  func(w *cut)
}

// someone is an account of one kind, with a page and a topic that only a live session of theirs opens.
type someone struct{ email, page, topic string }

var (
	aClient = someone{testkit.AdaEmail, kernel.Portal + "/appointments", "portal"}
	aStaff  = someone{testkit.DeskEmail, kernel.Desk + "/day", "appointments/*"}
	anOwner = someone{testkit.OwnerEmail, "/api/settings", "appointments/*"}
)

// cut is a clinic behind a real server, with the session that is to end (token) and another one of the same account.
type cut struct {
	*testkit.Clinic
	t            *testing.T
	server       *httptest.Server
	token, other string
	session      string
}

func (w *cut) post(path, token string, body any) *testkit.Response {
	w.t.Helper()
	return w.did(w.Do(w.t, "POST", kernel.Portal+path, token, body))
}

func (w *cut) did(r *testkit.Response) *testkit.Response {
	w.t.Helper()
	if r.Status >= 300 {
		w.t.Fatalf("%d %s", r.Status, r.Body)
	}
	return r
}

func (w *cut) desk(what string, more map[string]any) {
	w.t.Helper()
	body := map[string]any{"reason": "A call from the client."}
	for k, v := range more {
		body[k] = v
	}
	w.did(w.Do(w.t, "POST", kernel.Desk+"/portal-users/"+testkit.AdaLogin+"/"+what, w.As(w.t, testkit.DeskEmail), body))
}

func (w *cut) change(collection, id, field string, value any) {
	w.t.Helper()
	r := w.Find(w.t, collection, id)
	r.Set(field, value)
	if err := w.App.Save(r); err != nil {
		w.t.Fatal(err)
	}
}

// authenticator sets up a second factor in the other session.
func (w *cut) authenticator() (secret string) {
	w.t.Helper()
	var made struct{ Secret string }
	w.post("/auth/mfa/totp/setup", w.other, map[string]any{}).Data(w.t, &made)
	w.post("/auth/mfa/totp/enable", w.other, map[string]any{"code": w.code(made.Secret)})
	return made.Secret
}

func (w *cut) code(secret string) string {
	w.t.Helper()
	code, err := totp.GenerateCodeCustom(secret, kernel.Now(w.App), totp.ValidateOpts{Period: 30, Digits: otp.DigitsSix})
	if err != nil {
		w.t.Fatal(err)
	}
	return code
}

// codes gives the newest six digits that were mailed to each address.
func (w *cut) mailed(to string) string {
	w.t.Helper()
	w.Deliver()
	for _, m := range w.Mails(w.t, to) {
		for _, line := range strings.Split(m.Text, "\n") {
			if line = strings.TrimSpace(line); len(line) == 6 && strings.Trim(line, "0123456789") == "" {
				return line
			}
		}
	}
	w.t.Fatal("no code was mailed to " + to)
	return ""
}

var revocations = []revocation{
	{"signing out", aClient, func(w *cut) { w.post("/auth/logout", w.token, nil) }},
	{"signing that device out from another", aClient, func(w *cut) {
		w.did(w.Do(w.t, "DELETE", kernel.Portal+"/auth/sessions/"+w.session, w.other, nil))
	}},
	{"signing all others out", aClient, func(w *cut) { w.did(w.Do(w.t, "DELETE", kernel.Portal+"/auth/sessions/others", w.other, nil)) }},
	{"another password", aClient, func(w *cut) {
		w.post("/auth/change-password", w.other, map[string]any{"currentPassword": testkit.Password, "newPassword": "Another-Harbour-43"})
	}},
	{"a second factor is set up", aClient, func(w *cut) { w.authenticator() }},
	{"another address", aClient, func(w *cut) {
		w.post("/auth/change-email", w.other, map[string]any{"email": "ada.new@mail.example"})
		w.post("/auth/change-email/confirm", w.other, map[string]any{"code": w.mailed("ada.new@mail.example"), "oldCode": w.mailed(testkit.AdaEmail)})
	}},
	{"the account is closed by its person", aClient, func(w *cut) { w.post("/auth/close-account", w.other, map[string]any{"confirm": true}) }},
	{"the desk suspends", aClient, func(w *cut) { w.desk("suspend", nil) }},
	{"the desk signs out", aClient, func(w *cut) { w.desk("sign-out", nil) }},
	{"the desk asks for another password", aClient, func(w *cut) { w.desk("force-password-change", nil) }},
	{"the desk resets second factors", aClient, func(w *cut) { w.desk("reset-factors", map[string]any{"identityCheck": "in_person"}) }},
	{"the account is locked", aClient, func(w *cut) { w.change("portal_users", testkit.AdaLogin, "account_status", "locked") }},
	{"the idle limit", aClient, func(w *cut) { w.Advance(15*time.Minute + time.Second) }},
	{"the absolute limit", aClient, func(w *cut) { w.Advance(8*time.Hour + time.Second) }},
	{"another role", aStaff, func(w *cut) { w.change("staff", testkit.DeskStaff, "role", "billing") }},
	{"a member of staff leaves", aStaff, func(w *cut) { w.change("staff", testkit.DeskStaff, "is_active", false) }},
	{"staff sign out elsewhere", aStaff, func(w *cut) { w.did(w.Do(w.t, "DELETE", kernel.Portal+"/auth/sessions/others", w.other, nil)) }},
	{"the owner signs out", anOwner, func(w *cut) { w.post("/auth/logout", w.token, nil) }},
	{"the owner signs that device out from another", anOwner, func(w *cut) {
		w.did(w.Do(w.t, "DELETE", kernel.Portal+"/auth/sessions/"+w.session, w.other, nil))
	}},
	{"another password of the owner", anOwner, func(w *cut) {
		w.post("/auth/change-password", w.other, map[string]any{"currentPassword": testkit.Password, "newPassword": "Another-Harbour-43"})
	}},
	{"the owner sets up a second factor", anOwner, func(w *cut) { w.authenticator() }},
	{"the command line sets the owner's password", anOwner, func(w *cut) { w.change("_superusers", testkit.Owner, "password", "Another-Harbour-43") }},
	{"the owner's factors are reset on the machine", anOwner, func(w *cut) {
		reset := identity.OwnersCommand(w.App)
		reset.SetArgs([]string{"reset-factors", testkit.OwnerEmail})
		reset.SetOut(io.Discard)
		if err := reset.Execute(); err != nil {
			w.t.Fatal(err)
		}
	}},
	{"the owner at the idle limit", anOwner, func(w *cut) { w.Advance(15*time.Minute + time.Second) }},
	{"the owner at the absolute limit", anOwner, func(w *cut) { w.Advance(8*time.Hour + time.Second) }},
}

// TestRevocationCutsEverything: whatever ends a session ends requests, the open stream and downloads within two
// seconds, and leaves other people's alone.
func TestRevocationCutsEverything(t *testing.T) {
	for _, x := range revocations {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			w := &cut{Clinic: testkit.New(t), t: t}
			email, page, file := x.of.email, x.of.page, ""
			if x.of == aClient {
				visit := w.Add(t, "appointments", map[string]any{"client": testkit.Ada, "clinician": testkit.Ana, "service": testkit.Therapy, "location": testkit.Location,
					"start_time": testkit.Monday.Add(10 * 24 * time.Hour), "status": "confirmed", "service_location": "in_office", "requested_via": "phone"})
				file = kernel.Portal + "/appointments/" + visit.Id + "/ics"
			}
			w.token, w.other = w.Fresh(t, email), w.Fresh(t, email)
			w.session = claimed(w.token)
			bystander := w.As(t, testkit.BoEmail)
			w.server = httptest.NewServer(w.Handler)
			defer func() { w.server.CloseClientConnections(); w.server.Close() }()
			stream, bystanders := w.listen(w.token, x.of.topic), w.listen(bystander, aClient.topic)
			for _, path := range []string{page, file} {
				if path != "" && w.get(path, w.token) != http.StatusOK {
					t.Fatal(path, w.get(path, w.token), "before anything ended")
				}
			}

			x.end(w)
			ended := time.Now()
			for _, path := range []string{page, file} {
				if path != "" && w.get(path, w.token) != http.StatusUnauthorized {
					t.Error(path, w.get(path, w.token))
				}
			}
			select {
			case <-stream:
			case <-time.After(2*time.Second - time.Since(ended)):
				t.Error("the stream is open after two seconds")
			}
			if strings.HasSuffix(x.name, "limit") {
				return
			}
			if got := w.get(kernel.Portal+"/appointments", bystander); got != http.StatusOK {
				t.Error("somebody else was signed out:", got)
			}
			select {
			case <-bystanders:
				t.Error("somebody else's stream was closed")
			default:
			}
		})
	}
}

func (w *cut) get(path, token string) int {
	w.t.Helper()
	r, err := http.NewRequest("GET", w.server.URL+path, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Authorization", token)
	res, err := w.server.Client().Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body)
	return res.StatusCode
}

// listen opens a stream as the SDK does; the channel closes with it.
func (w *cut) listen(token, topic string) <-chan struct{} {
	w.t.Helper()
	res, err := w.server.Client().Get(w.server.URL + "/api/realtime")
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = res.Body.Close() })
	lines, id := bufio.NewScanner(res.Body), ""
	for id == "" && lines.Scan() {
		id, _ = strings.CutPrefix(lines.Text(), "id:")
		if !strings.HasPrefix(lines.Text(), "id:") {
			id = ""
		}
	}
	body, _ := json.Marshal(map[string]any{"clientId": strings.TrimSpace(id), "subscriptions": []string{topic}})
	r, _ := http.NewRequest("POST", w.server.URL+"/api/realtime", bytes.NewReader(body))
	r.Header.Set("Authorization", token)
	r.Header.Set("Content-Type", "application/json")
	subscribed, err := w.server.Client().Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer subscribed.Body.Close()
	if subscribed.StatusCode != http.StatusNoContent {
		w.t.Fatal("subscribe:", subscribed.Status)
	}
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		for lines.Scan() { // what is heard does not matter, only that it ends
		}
	}()
	return closed
}
