package identity_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/hooks/identity"
	"anteroom/hooks/kernel"
	"anteroom/hooks/outbox"
	"anteroom/hooks/testkit"
)

type m = map[string]any

const (
	deskInvitations = kernel.Desk + "/invitations"
	ownAccess       = kernel.Portal + "/profile/access"
	newPassword     = "Brave-Lantern-58"
	stranger        = "nia@mail.example" // nobody at the clinic
	adaBorn         = "1990-04-27"
	umaBorn         = "1977-07-07"
	cleoBorn        = "2018-05-05"
)

// newKit is a clinic that answers strangers without their pace.
func newKit(t *testing.T) *testkit.Clinic {
	t.Helper()
	c := testkit.New(t)
	identity.AnswerAtOnce(c.App)
	return c
}

func with(form m, changes ...string) m {
	out := m{}
	for k, v := range form {
		out[k] = v
	}
	for i := 0; i+1 < len(changes); i += 2 {
		out[changes[i]] = changes[i+1]
	}
	return out
}

// invited makes an invitation as the desk would and gives its id and the mailed token.
func invited(t *testing.T, c *testkit.Clinic, by string, form m) (id, token string) {
	t.Helper()
	r := c.Do(t, "POST", deskInvitations, c.As(t, by), form)
	if r.Status != http.StatusCreated {
		t.Fatalf("invite: %d %s", r.Status, r.Body)
	}
	var out struct {
		ID        string
		ExpiresAt time.Time
	}
	r.Data(t, &out)
	if want := kernel.Now(c.App).Add(72 * time.Hour); out.ExpiresAt.Sub(want).Abs() > time.Minute {
		t.Errorf("expires %s, want %s", out.ExpiresAt, want)
	}
	return out.ID, tokenIn(t, c, strings.ToLower(strings.TrimSpace(form["email"].(string))))
}

func mailsTo(t *testing.T, c *testkit.Clinic, to string) []outbox.Stored {
	t.Helper()
	settle(t, c)
	return c.Mails(t, to)
}

// settle lets the outbox finish, so that its work is not taken for a refused request's.
func settle(t *testing.T, c *testkit.Clinic) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); c.Count(t, "outbox", "status = 'waiting'", nil) > 0 && time.Now().Before(end); {
		c.Deliver()
		time.Sleep(time.Millisecond)
	}
}

// tokenIn is the token of the newest mail to an address that has one.
func tokenIn(t *testing.T, c *testkit.Clinic, to string) string {
	t.Helper()
	for _, mail := range mailsTo(t, c, to) {
		if _, rest, ok := strings.Cut(mail.Text, "/invitation?token="); ok {
			token, _, _ := strings.Cut(rest, "\n")
			return token
		}
	}
	t.Fatal("no link was mailed to", to)
	return ""
}

func use(t *testing.T, c *testkit.Clinic, what, token string, body m) *testkit.Response {
	t.Helper()
	return c.Do(t, "POST", kernel.Portal+"/auth/invitations/"+what, token, body)
}

func newcomerForm(token, born string) m {
	return m{"token": token, "dateOfBirth": born, "firstName": "Nia", "lastName": "Okoye", "password": newPassword}
}

func signInStatus(t *testing.T, c *testkit.Clinic, email, password string) int {
	t.Helper()
	return c.Do(t, "POST", kernel.Portal+"/auth/login", "", m{"email": email, "password": password}).Status
}

// refusedUntouched: a refusal leaves everything as it was.
func refusedUntouched(t *testing.T, c *testkit.Clinic, status int, reason string, do func() *testkit.Response) {
	t.Helper()
	settle(t, c)
	before := c.Snapshot(t)
	do().Refused(t, status, reason)
	if c.Snapshot(t) != before {
		t.Errorf("%s changed something", reason)
	}
}

func TestStaffInviteTheClientInPerson(t *testing.T) {
	c := newKit(t)
	id, token := invited(t, c, testkit.DeskEmail, m{"clientId": testkit.Uma, "email": " UMA@mail.example "})
	c.As(t, testkit.AdminEmail)
	mail := mailsTo(t, c, testkit.UmaEmail)[0]
	for _, word := range []string{"Uma", "Dahl", "1977", "Desk"} {
		if strings.Contains(mail.Text+mail.HTML+mail.Subject, word) {
			t.Error("the mail says", word)
		}
	}
	if !strings.Contains(mail.Subject, "Test Clinic") || !strings.Contains(mail.Text, "the clinic") {
		t.Errorf("%s\n%s", mail.Subject, mail.Text)
	}

	var shown m
	use(t, c, "open", "", m{"token": token}).Data(t, &shown)
	if shown["emailHint"] != "u•••@mail.example" || shown["hasLogin"] != false || shown["relationship"] != "self" || shown["scope"] != "all" {
		t.Errorf("%v", shown)
	}
	refusedUntouched(t, c, 400, "VALIDATION_ERROR", func() *testkit.Response {
		return use(t, c, "accept", "", with(newcomerForm(token, umaBorn), "password", "short"))
	})
	refusedUntouched(t, c, 400, "VALIDATION_ERROR", func() *testkit.Response {
		return use(t, c, "accept", "", with(newcomerForm(token, umaBorn), "dateOfBirth", "07/07/1977"))
	})
	r := use(t, c, "accept", "", newcomerForm(token, umaBorn))
	if r.Status != 201 {
		t.Fatal(r.Status, string(r.Body))
	}
	var made struct{ PortalUserID, Email string }
	r.Data(t, &made)
	login := c.Find(t, "portal_users", made.PortalUserID)
	if made.Email != testkit.UmaEmail || !login.Verified() || login.GetString("account_status") != "active" || login.GetString("first_name") != "Uma" {
		t.Errorf("%v", login.PublicExport())
	}
	if n := c.Count(t, "client_access", "client = {:c} AND portal_user = {:u} AND relationship = 'self' AND scope = 'all' AND expires_at = '' AND granted_by = {:g}",
		dbx.Params{"c": testkit.Uma, "u": login.Id, "g": "staff:" + testkit.DeskStaff}); n != 1 {
		t.Error("access rows:", n)
	}
	for _, action := range []string{"INVITE", "ACCEPT_INVITATION"} {
		if c.Count(t, "portal_audit_log", "action = {:a}", dbx.Params{"a": action}) == 0 {
			t.Error("no line", action)
		}
	}
	if got := signInStatus(t, c, testkit.UmaEmail, newPassword); got != 200 {
		t.Error("cannot sign in:", got)
	}
	refusedUntouched(t, c, 400, "LINK_INVALID", func() *testkit.Response { return use(t, c, "accept", "", newcomerForm(token, umaBorn)) })
	refusedUntouched(t, c, 409, "INVITATION_OVER", func() *testkit.Response {
		return c.Do(t, "POST", deskInvitations+"/"+id+"/resend", c.As(t, testkit.DeskEmail), nil)
	})
	refusedUntouched(t, c, 409, "HAS_ACCESS", func() *testkit.Response {
		return c.Do(t, "POST", deskInvitations, c.As(t, testkit.AdminEmail), m{"clientId": testkit.Uma, "email": testkit.UmaEmail})
	})
}

// TestWhoMayInviteWhom: who may give an access may invite to it, and the desk the client in person at the known address.
func TestWhoMayInviteWhom(t *testing.T) {
	c := newKit(t)
	for _, x := range []struct {
		by, client, email, relationship, scope string
		fields                                 string // empty: allowed
	}{
		{testkit.DeskEmail, testkit.Uma, stranger, "self", "all", "scope"},
		{testkit.DeskEmail, testkit.Uma, stranger, "partner", "all", "scope"},
		{testkit.DeskEmail, testkit.Uma, stranger, "partner", "billing", ""},
		{testkit.AnaEmail, testkit.Uma, stranger, "partner", "billing", "not found"}, // not on the team
		{testkit.AnaEmail, testkit.Ada, stranger, "self", "all", ""},
		{testkit.AdminEmail, testkit.Uma, stranger, "self", "all", ""},
		{testkit.AdminEmail, testkit.Cleo, stranger, "self", "all", "relationship"},  // too young
		{testkit.AdminEmail, testkit.Uma, stranger, "parent", "all", "relationship"}, // of age
		{testkit.AnaEmail, testkit.Ada, stranger, "guardian", "all", "relationship"}, // of age, and no administrator
		{testkit.AdminEmail, testkit.Ada, stranger, "guardian", "all", ""},
		{testkit.DeskEmail, testkit.Cleo, stranger, "parent", "appointments_forms", ""},
	} {
		form := m{"clientId": x.client, "email": x.email, "relationship": x.relationship, "scope": x.scope}
		c.As(t, x.by)
		settle(t, c)
		before := c.Snapshot(t)
		r := c.Do(t, "POST", deskInvitations, c.As(t, x.by), form)
		if x.fields == "" {
			if r.Status != 201 {
				t.Errorf("%v: %d %s", x, r.Status, r.Body)
			}
			continue
		}
		if x.fields == "not found" {
			r.Refused(t, 404, "NOT_FOUND")
		} else if f := r.Refused(t, 400, "VALIDATION_ERROR"); f.Details.Fields[x.fields].Message == "" {
			t.Errorf("%v: %s", x, r.Body)
		}
		if c.Snapshot(t) != before {
			t.Errorf("%v changed something", x)
		}
	}
	// who is registered does not move to another address by a change of the record
	bo := c.Find(t, "clients", testkit.Bo)
	bo.Set("email", stranger)
	if err := kernel.SaveAs(c.App, kernel.System(), bo); err != nil {
		t.Fatal(err)
	}
	refusedUntouched(t, c, 400, "VALIDATION_ERROR", func() *testkit.Response {
		return c.Do(t, "POST", deskInvitations, c.As(t, testkit.DeskEmail), m{"clientId": testkit.Bo, "email": stranger})
	})
	settle(t, c)
	for reason, form := range map[string]m{
		"nobody":        {"clientId": "nobodynobody000", "email": stranger},
		"no address":    {"clientId": testkit.Uma, "email": "x"},
		"no such scope": {"clientId": testkit.Uma, "email": stranger, "scope": "everything"},
		"past":          {"clientId": testkit.Uma, "email": stranger, "accessUntil": "2020-01-01T00:00:00Z"},
		"no time":       {"clientId": testkit.Uma, "email": stranger, "accessUntil": "soon"},
	} {
		before := c.Snapshot(t)
		if r := c.Do(t, "POST", deskInvitations, c.As(t, testkit.AdminEmail), form); r.Status != 400 && r.Status != 404 || c.Snapshot(t) != before {
			t.Errorf("%s: %d %s", reason, r.Status, r.Body)
		}
	}
}

// TestDeadInvitationsAnswerAlike: used, revoked, expired, superseded, unknown, killed.
func TestDeadInvitationsAnswerAlike(t *testing.T) {
	c := newKit(t)
	form := m{"clientId": testkit.Uma, "email": stranger, "relationship": "partner"}
	dead := map[string]string{"unknown": "nonsense"}
	id, token := invited(t, c, testkit.AdminEmail, form)
	if r := c.Do(t, "DELETE", deskInvitations+"/"+id, c.As(t, testkit.DeskEmail), nil); r.Status != 200 {
		t.Fatal(string(r.Body))
	}
	dead["revoked"] = token
	_, dead["superseded"] = invited(t, c, testkit.AdminEmail, form)
	id, dead["resent"] = invited(t, c, testkit.AdminEmail, form)
	if r := c.Do(t, "POST", deskInvitations+"/"+id+"/resend", c.As(t, testkit.DeskEmail), nil); r.Status != 200 {
		t.Fatal(string(r.Body))
	}
	live := tokenIn(t, c, stranger)
	use(t, c, "open", "", m{"token": live}).Data(t, &m{})
	_, dead["expired"] = invited(t, c, testkit.AdminEmail, m{"clientId": testkit.Bo, "email": stranger, "relationship": "partner"})
	c.Advance(72*time.Hour + time.Second)

	answers := map[string]bool{}
	for _, token := range dead {
		for _, path := range []string{"open", "accept"} {
			refusedUntouched(t, c, 400, "LINK_INVALID", func() *testkit.Response {
				r := use(t, c, path, "", newcomerForm(token, umaBorn))
				answers[string(r.Body)] = true
				return r
			})
		}
	}
	if len(answers) != 1 {
		t.Errorf("dead links answer in %d ways: %v", len(answers), answers)
	}
}

func TestFiveWrongBirthDatesEndAnInvitation(t *testing.T) {
	c := newKit(t)
	id, token := invited(t, c, testkit.AdminEmail, m{"clientId": testkit.Uma, "email": stranger, "relationship": "partner"})
	for range 4 {
		use(t, c, "accept", "", newcomerForm(token, "1977-07-08")).Refused(t, 400, "IDENTITY_NOT_CONFIRMED")
	}
	// a new link does not give new tries
	if r := c.Do(t, "POST", deskInvitations+"/"+id+"/resend", c.As(t, testkit.DeskEmail), nil); r.Status != 200 {
		t.Fatal(string(r.Body))
	}
	token = tokenIn(t, c, stranger)
	use(t, c, "accept", "", newcomerForm(token, "1977-07-08")).Refused(t, 400, "IDENTITY_NOT_CONFIRMED")
	use(t, c, "accept", "", newcomerForm(token, umaBorn)).Refused(t, 400, "LINK_INVALID")
	if c.Count(t, "portal_users", "email = {:e}", dbx.Params{"e": stranger}) != 0 || c.Find(t, "invitations", id).GetString("revoked_at") == "" {
		t.Error("it lives")
	}
	mails := len(mailsTo(t, c, stranger))
	use(t, c, "renew", "", m{"token": token}).Data(t, &m{})
	if len(mailsTo(t, c, stranger)) != mails {
		t.Error("a killed invitation was mailed again")
	}
}

// TestDeadInvitationsAreRenewed at the invitation's own address, a few times, and for nobody else's token.
func TestDeadInvitationsAreRenewed(t *testing.T) {
	c := newKit(t)
	c.Limit(t, "send_mail", 20, 900)
	id, token := invited(t, c, testkit.AdminEmail, m{"clientId": testkit.Uma, "email": stranger, "relationship": "partner"})
	for n := 1; n <= 6; n++ {
		c.Advance(30 * 24 * time.Hour)
		use(t, c, "open", "", m{"token": token}).Refused(t, 400, "LINK_INVALID")
		use(t, c, "renew", "", m{"token": token}).Data(t, &m{})
		if got, want := len(mailsTo(t, c, stranger)), min(n, 5)+1; got != want {
			t.Fatalf("after %d: %d mails, want %d", n, got, want)
		}
		token = tokenIn(t, c, stranger)
	}
	before := c.Count(t, "outbox", "kind = 'mail'", nil)
	use(t, c, "renew", "", m{"token": "nonsense"}).Data(t, &m{})
	c.Deliver()
	if c.Count(t, "outbox", "kind = 'mail'", nil) != before {
		t.Error("a token of nobody's caused a mail")
	}
	// the desk may send four more
	for n := 7; n <= 10; n++ {
		if r := c.Do(t, "POST", deskInvitations+"/"+id+"/resend", c.Fresh(t, testkit.DeskEmail), nil); r.Status != 200 {
			t.Fatal(n, string(r.Body))
		}
	}
	refusedUntouched(t, c, 409, "SENT_TOO_OFTEN", func() *testkit.Response {
		return c.Do(t, "POST", deskInvitations+"/"+id+"/resend", c.As(t, testkit.DeskEmail), nil)
	})
	if r := use(t, c, "accept", "", newcomerForm(tokenIn(t, c, stranger), umaBorn)); r.Status != 201 {
		t.Error(r.Status, string(r.Body))
	}
}

// TestWhoHasALoginJoins: accept sends them to sign in, and join wants the invitation's own address and the birth date.
func TestWhoHasALoginJoins(t *testing.T) {
	c := newKit(t)
	_, token := invited(t, c, testkit.AdminEmail, m{"clientId": testkit.Uma, "email": testkit.BoEmail, "relationship": "partner", "scope": "billing", "accessUntil": "2027-01-31T00:00:00Z"})
	var shown struct{ HasLogin bool }
	use(t, c, "open", "", m{"token": token}).Data(t, &shown)
	if !shown.HasLogin {
		t.Error("Bo has a login")
	}
	refusedUntouched(t, c, 400, "HAS_LOGIN", func() *testkit.Response { return use(t, c, "accept", "", newcomerForm(token, umaBorn)) })
	join := m{"token": token, "dateOfBirth": umaBorn}
	use(t, c, "join", "", join).Refused(t, 401, "SIGN_IN_REQUIRED")
	ada, bo := c.As(t, testkit.AdaEmail), c.As(t, testkit.BoEmail)
	refusedUntouched(t, c, 403, "WRONG_ACCOUNT", func() *testkit.Response { return use(t, c, "join", ada, join) })
	use(t, c, "join", bo, with(join, "dateOfBirth", "1977-07-08")).Refused(t, 400, "IDENTITY_NOT_CONFIRMED")
	var out struct{ ClientID string }
	r := use(t, c, "join", bo, join)
	if r.Data(t, &out); r.Status != 201 || out.ClientID != testkit.Uma {
		t.Fatal(r.Status, string(r.Body))
	}
	if got := c.Do(t, "GET", kernel.Portal+"/invoices", bo, nil, "X-Client-Id", testkit.Uma).Status; got != 200 {
		t.Error("Bo does not reach the bills:", got)
	}
	if got := c.Do(t, "GET", kernel.Portal+"/profile", bo, nil, "X-Client-Id", testkit.Uma).Status; got != 404 {
		t.Error("Bo reaches more than bills:", got)
	}
	refusedUntouched(t, c, 400, "LINK_INVALID", func() *testkit.Response { return use(t, c, "join", bo, join) })
	c.Advance(60 * 24 * time.Hour)
	if got := c.Do(t, "GET", kernel.Portal+"/invoices", c.Fresh(t, testkit.BoEmail), nil, "X-Client-Id", testkit.Uma).Status; got != 404 {
		t.Error("the access outlived its end:", got)
	}
	c.Fresh(t, testkit.AdminEmail)
	// ended access is taken up again by another invitation
	_, token = invited(t, c, testkit.AdminEmail, m{"clientId": testkit.Uma, "email": testkit.BoEmail, "relationship": "partner", "scope": "all"})
	if r := use(t, c, "join", c.As(t, testkit.BoEmail), with(join, "token", token)); r.Status != 201 {
		t.Error(r.Status, string(r.Body))
	}
	if got := c.Do(t, "GET", kernel.Portal+"/profile", c.As(t, testkit.BoEmail), nil, "X-Client-Id", testkit.Uma).Status; got != 200 {
		t.Error("the second invitation gave nothing:", got)
	}
}

// TestAnInvitationTakesOverAWaitingRegistration: whoever registered at that address never proved it.
func TestAnInvitationTakesOverAWaitingRegistration(t *testing.T) {
	c := newKit(t)
	form := m{"email": testkit.UmaEmail, "password": testkit.Password, "firstName": "Uma", "lastName": "Dahl", "dateOfBirth": umaBorn}
	if r := c.Do(t, "POST", kernel.Portal+"/auth/register", "", form); r.Status != 201 {
		t.Fatal(string(r.Body))
	}
	verify := link(t, c)
	_, token := invited(t, c, testkit.DeskEmail, m{"clientId": testkit.Uma, "email": testkit.UmaEmail})
	if r := use(t, c, "accept", "", newcomerForm(token, umaBorn)); r.Status != 201 {
		t.Fatal(string(r.Body))
	}
	if signInStatus(t, c, testkit.UmaEmail, testkit.Password) != 401 || signInStatus(t, c, testkit.UmaEmail, newPassword) != 200 {
		t.Error("the password of the registration counts")
	}
	c.Do(t, "POST", kernel.Portal+"/auth/verify-email", "", m{"token": verify}).Refused(t, 400, "CODE_INVALID")
	if n := c.Count(t, "portal_users", "email = {:e}", dbx.Params{"e": testkit.UmaEmail}); n != 1 {
		t.Error("logins:", n)
	}
	// what it was matched with comes along when the invitation is about somebody else
	c = newKit(t)
	c.Do(t, "POST", kernel.Portal+"/auth/register", "", form)
	_, token = invited(t, c, testkit.AdminEmail, m{"clientId": testkit.Cleo, "email": testkit.UmaEmail, "relationship": "guardian"})
	if r := use(t, c, "accept", "", newcomerForm(token, cleoBorn)); r.Status != 201 {
		t.Fatal(string(r.Body))
	}
	if n := c.Count(t, "client_access a JOIN portal_users u ON u.id = a.portal_user", "u.email = {:e}", dbx.Params{"e": testkit.UmaEmail}); n != 2 {
		t.Error("access rows:", n)
	}
}

// TestOneInvitationForTwoAtOnce: of two who use the same link at the same time, one gets in.
func TestOneInvitationForTwoAtOnce(t *testing.T) {
	c := newKit(t)
	_, token := invited(t, c, testkit.AdminEmail, m{"clientId": testkit.Uma, "email": stranger, "relationship": "partner"})
	var wg sync.WaitGroup
	statuses := make([]int, 2)
	for n, password := range []string{newPassword, "Other-Lantern-59"} {
		wg.Add(1)
		go func() {
			defer wg.Done()
			raw, _ := json.Marshal(with(newcomerForm(token, umaBorn), "password", password))
			statuses[n] = c.Do(t, "POST", kernel.Portal+"/auth/invitations/accept", "", raw).Status
		}()
	}
	wg.Wait()
	slices.Sort(statuses)
	if !slices.Equal(statuses, []int{201, 400}) {
		t.Error(statuses)
	}
	if n := c.Count(t, "portal_users", "email = {:e}", dbx.Params{"e": stranger}); n != 1 {
		t.Error("logins:", n)
	}
	if n := c.Count(t, "client_access", "client = {:c}", dbx.Params{"c": testkit.Uma}); n != 1 {
		t.Error("access rows:", n)
	}
}

func TestDeskListsInvitations(t *testing.T) {
	c := newKit(t)
	id, _ := invited(t, c, testkit.DeskEmail, m{"clientId": testkit.Uma, "email": testkit.UmaEmail})
	_, token := invited(t, c, testkit.AdminEmail, m{"clientId": testkit.Uma, "email": stranger, "relationship": "billing", "scope": "billing"})
	use(t, c, "accept", "", newcomerForm(token, umaBorn))
	type list struct {
		Invitations []struct{ ID, ClientName, Email, Status string }
		Pagination  kernel.Pagination
	}
	get := func(query string) (out list) {
		t.Helper()
		c.Do(t, "GET", deskInvitations+query, c.Fresh(t, testkit.DeskEmail), nil).Data(t, &out)
		return out
	}
	if l := get(""); l.Pagination.Total != 2 || len(l.Invitations) != 2 || l.Invitations[0].ClientName != "Uma Dahl" {
		t.Errorf("%+v", l)
	}
	if l := get("?status=open"); l.Pagination.Total != 1 || l.Invitations[0].ID != id || l.Invitations[0].Status != "open" {
		t.Errorf("%+v", l)
	}
	if l := get("?status=accepted&limit=1"); l.Pagination.Total != 1 || l.Invitations[0].Email != stranger {
		t.Errorf("%+v", l)
	}
	c.Advance(80 * time.Hour)
	if l := get("?status=expired"); l.Pagination.Total != 1 || l.Invitations[0].Status != "expired" {
		t.Errorf("%+v", l)
	}
	if l := get("?status=revoked"); l.Pagination.Total != 0 {
		t.Errorf("%+v", l)
	}
	c.Do(t, "GET", deskInvitations+"?status=lost", c.As(t, testkit.DeskEmail), nil).Refused(t, 400, "VALIDATION_ERROR")
	if c.Count(t, "portal_audit_log", "action = 'LIST_INVITATIONS' AND client_id = {:c}", dbx.Params{"c": testkit.Uma}) == 0 {
		t.Error("looking left no line")
	}
}

// TestInvitationsStayWhatTheyAre, whoever writes them past the routes.
func TestInvitationsStayWhatTheyAre(t *testing.T) {
	c := newKit(t)
	id, token := invited(t, c, testkit.AdminEmail, m{"clientId": testkit.Uma, "email": stranger, "relationship": "billing", "scope": "billing"})
	desk := kernel.Actor{Kind: kernel.KindStaff, ID: testkit.DeskStaff, Role: kernel.RoleFrontDesk}
	ada := kernel.Actor{Kind: kernel.KindClient, ID: testkit.AdaLogin, Client: testkit.Ada}
	guest := kernel.Actor{Kind: kernel.KindGuest}
	for _, by := range []kernel.Actor{kernel.System(), desk, ada, guest} {
		for field, value := range map[string]any{"scope": "all", "email": testkit.AdaEmail, "client": testkit.Bo, "relationship": "self", "access_until": testkit.Monday.AddDate(1, 0, 0),
			"expires_at": testkit.Monday.AddDate(1, 0, 0), "sent_count": 0, "tries": 3} {
			r := c.Find(t, "invitations", id)
			r.Set(field, value)
			if kernel.SaveAs(c.App, by, r) == nil {
				t.Errorf("%s changed %s", by.Kind, field)
			}
		}
	}
	for name, change := range map[string]func(r *core.Record){
		"a link of one's own": func(r *core.Record) { r.Set("link_hash", "mine"); r.Set("sent_count", 2) },
		"taking it":           func(r *core.Record) { r.Set("accepted_by", testkit.AdaLogin); r.Set("accepted_at", testkit.Monday) },
		"revoking it":         func(r *core.Record) { r.Set("revoked_at", testkit.Monday) },
	} {
		for _, by := range []kernel.Actor{ada, guest} {
			r := c.Find(t, "invitations", id)
			change(r)
			if kernel.SaveAs(c.App, by, r) == nil {
				t.Errorf("%s: %s", by.Kind, name)
			}
		}
	}
	if r := use(t, c, "accept", "", newcomerForm(token, umaBorn)); r.Status != 201 {
		t.Fatal(string(r.Body))
	}
	// what was accepted once gives nothing again, not even to who accepted it
	access, err := c.App.FindFirstRecordByFilter("client_access", "client = {:c}", dbx.Params{"c": testkit.Uma})
	if err != nil {
		t.Fatal(err)
	}
	nia := kernel.Actor{Kind: kernel.KindClient, ID: access.GetString("portal_user"), Client: testkit.Uma}
	access.Set("scope", "all")
	if kernel.SaveAs(c.App, nia, access) == nil {
		t.Error("an accepted invitation widened")
	}
}

// TestInvitationsAnswerAtOnePace: no time tells what was wrong with a link, or that nothing was.
func TestInvitationsAnswerAtOnePace(t *testing.T) {
	c := testkit.New(t)
	_, token := invited(t, c, testkit.AdminEmail, m{"clientId": testkit.Uma, "email": stranger, "relationship": "partner"})
	for _, path := range []string{"open", "accept", "renew"} {
		for _, link := range []string{"nonsense", token} {
			start := time.Now()
			use(t, c, path, "", newcomerForm(link, "1977-07-08"))
			if took := time.Since(start); took < identity.PaceOf(c.App) {
				t.Errorf("%s answered after %s", path, took)
			}
		}
	}
}

// The guardian of somebody who is of age is whom an administrator invites, as long as that one is an administrator; an
// invitation to the guardian of a child ends when the birth date turns out to be an adult's.
func TestInvitedGuardianOfAnAdult(t *testing.T) {
	c := newKit(t)
	uma := m{"clientId": testkit.Uma, "email": stranger, "relationship": "guardian"}
	_, token := invited(t, c, testkit.AdminEmail, uma)
	admin := c.Find(t, "staff", testkit.Admin)
	admin.Set("role", "front_desk")
	if err := c.App.Save(admin); err != nil {
		t.Fatal(err)
	}
	use(t, c, "open", "", m{"token": token}).Refused(t, 400, "LINK_INVALID")
	admin.Set("role", "admin")
	if err := c.App.Save(admin); err != nil {
		t.Fatal(err)
	}
	if r := use(t, c, "accept", "", newcomerForm(token, umaBorn)); r.Status != 201 {
		t.Fatal(string(r.Body))
	}
	if n := c.Count(t, "client_access", "client = {:c} AND relationship = 'guardian' AND expires_at = ''", dbx.Params{"c": testkit.Uma}); n != 1 {
		t.Error("access rows:", n)
	}

	c = newKit(t)
	_, token = invited(t, c, testkit.DeskEmail, m{"clientId": testkit.Cleo, "email": stranger, "relationship": "guardian", "scope": "appointments_forms"})
	cleo := c.Find(t, "clients", testkit.Cleo)
	cleo.Set("date_of_birth", "1998-05-05")
	if err := c.App.Save(cleo); err != nil {
		t.Fatal(err)
	}
	use(t, c, "accept", "", newcomerForm(token, "1998-05-05")).Refused(t, 400, "LINK_INVALID")
}

// A clinician sends and revokes what is for the clients they care for, and nothing else.
func TestCliniciansServeTheirOwnInvitations(t *testing.T) {
	c := newKit(t)
	id, _ := invited(t, c, testkit.AdminEmail, m{"clientId": testkit.Uma, "email": stranger, "relationship": "partner", "scope": "billing"})
	if c.Count(t, "care_team", "client = {:c} AND staff = {:s}", dbx.Params{"c": testkit.Uma, "s": testkit.AnaStaff}) != 0 {
		t.Fatal("Ana cares for Uma, so this proves nothing")
	}
	ana := c.As(t, testkit.AnaEmail)
	c.Deliver()
	before := c.Snapshot(t)
	c.Do(t, "POST", deskInvitations+"/"+id+"/resend", ana, nil).Refused(t, 404, "NOT_FOUND")
	c.Do(t, "DELETE", deskInvitations+"/"+id, ana, nil).Refused(t, 404, "NOT_FOUND")
	if c.Snapshot(t) != before {
		t.Error("a refused request changed something")
	}
	c.Add(t, "care_team", map[string]any{"client": testkit.Uma, "clinician": testkit.Ana, "role": "lead", "from": testkit.Monday.Add(-time.Hour)})
	if r := c.Do(t, "DELETE", deskInvitations+"/"+id, ana, nil); r.Status != 200 {
		t.Error(string(r.Body))
	}
}

// What somebody gives ends with what they have, also when theirs is shortened later.
func TestInvitationsDoNotOutlastTheirInviter(t *testing.T) {
	c := newKit(t)
	ada := c.As(t, testkit.AdaEmail)
	if r := c.Do(t, "POST", kernel.Portal+"/profile/access", ada, m{"email": stranger, "relationship": "partner", "scope": "billing"}); r.Status != 201 {
		t.Fatal(string(r.Body))
	}
	token := tokenIn(t, c, stranger)
	own, err := c.App.FindFirstRecordByFilter("client_access", "client = '"+testkit.Ada+"' && portal_user = '"+testkit.AdaLogin+"'")
	if err != nil {
		t.Fatal(err)
	}
	own.Set("expires_at", testkit.Monday.Add(24*time.Hour))
	if err := kernel.SaveAs(c.App, kernel.System(), own); err != nil {
		t.Fatal(err)
	}
	use(t, c, "open", "", m{"token": token}).Refused(t, 400, "LINK_INVALID")
}
