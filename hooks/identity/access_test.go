package identity_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/hooks/kernel"
	"anteroom/hooks/testkit"
)

type person struct {
	ID, Name, Email, Relationship, Scope, Status string
	ExpiresAt                                    *time.Time
	You, CanEnd                                  bool
}

type people struct {
	People    []person
	MayInvite bool
}

func peopleOf(t *testing.T, c *testkit.Clinic, token, client string) (out people) {
	t.Helper()
	c.Do(t, "GET", ownAccess, token, nil, "X-Client-Id", client).Data(t, &out)
	return out
}

// befriend gives Bo access to a client by the system.
func befriend(t *testing.T, c *testkit.Clinic, client, relationship, scope string) string {
	t.Helper()
	return c.Add(t, "client_access", m{"client": client, "portal_user": testkit.BoLogin, "relationship": relationship, "scope": scope}).Id
}

func TestClientsInviteOthers(t *testing.T) {
	c := newKit(t)
	befriend(t, c, testkit.Ada, "partner", "appointments_forms")
	ada := c.As(t, testkit.AdaEmail)
	r := c.Do(t, "POST", ownAccess, ada, m{"email": stranger, "relationship": "partner", "scope": "all", "expiresAt": "2027-06-01T00:00:00Z"})
	if r.Status != 201 {
		t.Fatal(r.Status, string(r.Body))
	}
	var made person
	if r.Data(t, &made); made.Status != "invited" || made.You || !made.CanEnd || made.ExpiresAt == nil {
		t.Errorf("%+v", made)
	}
	mail := mailsTo(t, c, stranger)[0]
	if !strings.Contains(mail.Text, "by Ada.") || strings.Contains(mail.Text+mail.HTML, "Lovell") {
		t.Error(mail.Text)
	}
	for _, email := range []string{testkit.AdaEmail, testkit.BoEmail} {
		if got := mailsTo(t, c, email); len(got) != 1 || !strings.Contains(got[0].Subject, "invited") || strings.Contains(got[0].Text, "Ada") {
			t.Errorf("%s was mailed %+v", email, got)
		}
	}
	if n := c.Count(t, "portal_notifications", "client = {:c} AND notification_type = 'security_notice'", dbx.Params{"c": testkit.Ada}); n != 3 { // one when Bo came
		t.Error("notices:", n)
	}
	p := peopleOf(t, c, ada, testkit.Ada)
	if !p.MayInvite || len(p.People) != 3 || !p.People[0].You || p.People[0].CanEnd || !p.People[1].CanEnd || p.People[1].Name != "Bo Marsh" || p.People[2].ID != made.ID {
		t.Errorf("%+v", p)
	}
	// Bo reaches a part of the record only, and sees only himself
	if p := peopleOf(t, c, c.As(t, testkit.BoEmail), testkit.Ada); p.MayInvite || len(p.People) != 1 || !p.People[0].You || !p.People[0].CanEnd {
		t.Errorf("%+v", p)
	}
	if r := use(t, c, "accept", "", newcomerForm(tokenIn(t, c, stranger), adaBorn)); r.Status != 201 {
		t.Fatal(string(r.Body))
	}
	if n := c.Count(t, "client_access", "client = {:c} AND granted_by = {:g} AND expires_at LIKE '2027-06-01%'", dbx.Params{"c": testkit.Ada, "g": "client:" + testkit.AdaLogin}); n != 1 {
		t.Error("access rows:", n)
	}
	if got := mailsTo(t, c, testkit.AdaEmail); len(got) != 2 || !strings.Contains(got[0].Subject, "given") {
		t.Errorf("Ada was mailed %d times", len(got))
	}
	if got := mailsTo(t, c, stranger); len(got) != 1 {
		t.Error("the newcomer was told of their own access")
	}
}

func TestWhoMayNotInvite(t *testing.T) {
	c := newKit(t)
	befriend(t, c, testkit.Ada, "partner", "all")
	c.Limit(t, "send_mail", 20, 900)
	ada, bo := c.As(t, testkit.AdaEmail), c.As(t, testkit.BoEmail)
	form := m{"email": stranger, "relationship": "partner", "scope": "all"}
	for what, try := range map[string]struct {
		token, client string
		form          m
		field         string // where the page shows it
	}{
		"a partner":          {bo, testkit.Ada, form, "clientId"},
		"in person":          {ada, testkit.Ada, with(form, "relationship", "self"), "relationship"},
		"a parent of adults": {ada, testkit.Ada, with(form, "relationship", "parent"), "relationship"},
		"their guardian":     {ada, testkit.Ada, with(form, "relationship", "guardian"), "relationship"},
		"no such relation":   {ada, testkit.Ada, with(form, "relationship", "friend"), "relationship"},
		"no scope":           {ada, testkit.Ada, with(form, "scope", ""), "scope"},
		"over already":       {ada, testkit.Ada, with(form, "expiresAt", "2026-12-07T15:59:59Z"), "expiresAt"},
		"no address":         {ada, testkit.Ada, with(form, "email", "nia"), "email"},
	} {
		t.Log(what)
		refusedUntouched(t, c, 400, "VALIDATION_ERROR", func() *testkit.Response {
			r := c.Do(t, "POST", ownAccess, try.token, try.form, "X-Client-Id", try.client)
			if f := r.Refused(t, 400, "VALIDATION_ERROR"); f.Details.Fields[try.field].Message == "" {
				t.Errorf("%s is not said at %s: %s", what, try.field, r.Body)
			}
			return r
		})
	}
	refusedUntouched(t, c, 409, "HAS_ACCESS", func() *testkit.Response {
		return c.Do(t, "POST", ownAccess, ada, with(form, "email", testkit.BoEmail))
	})
}

// TestNobodyGivesLongerThanTheyHave: what a parent gives ends with the parent's own access, and an invitation dies with
// the right to make it.
func TestNobodyGivesLongerThanTheyHave(t *testing.T) {
	c := newKit(t)
	ada := c.As(t, testkit.AdaEmail)
	ofAge := time.Date(2036, 5, 5, 6, 0, 0, 0, time.UTC)
	r := c.Do(t, "POST", ownAccess, ada, m{"email": stranger, "relationship": "partner", "scope": "all"}, "X-Client-Id", testkit.Cleo)
	var made person
	if r.Data(t, &made); made.ExpiresAt == nil || !made.ExpiresAt.Equal(ofAge) {
		t.Fatal(string(r.Body))
	}
	token := tokenIn(t, c, stranger)
	parents, err := c.App.FindFirstRecordByFilter("client_access", "client = {:c}", dbx.Params{"c": testkit.Cleo})
	if err != nil {
		t.Fatal(err)
	}
	parents.Set("scope", "billing")
	if err := kernel.SaveAs(c.App, kernel.System(), parents); err != nil {
		t.Fatal(err)
	}
	refusedUntouched(t, c, 400, "LINK_INVALID", func() *testkit.Response { return use(t, c, "accept", "", newcomerForm(token, cleoBorn)) })
	parents.Set("scope", "all")
	if err := kernel.SaveAs(c.App, kernel.System(), parents); err != nil {
		t.Fatal(err)
	}
	if r := use(t, c, "accept", "", newcomerForm(token, cleoBorn)); r.Status != 201 {
		t.Fatal(string(r.Body))
	}
	if n := c.Count(t, "client_access", "client = {:c} AND relationship = 'partner' AND expires_at LIKE '2036-05-05 06:00%'", dbx.Params{"c": testkit.Cleo}); n != 1 {
		t.Error("it ends otherwise")
	}
}

func TestAccessIsEnded(t *testing.T) {
	c := newKit(t)
	ada, bo := c.As(t, testkit.AdaEmail), c.As(t, testkit.BoEmail)
	friends := befriend(t, c, testkit.Ada, "partner", "all")
	reach := func() int {
		return c.Do(t, "GET", kernel.Portal+"/profile", bo, nil, "X-Client-Id", testkit.Ada).Status
	}
	if reach() != 200 {
		t.Fatal("Bo has no access")
	}
	own := peopleOf(t, c, ada, testkit.Ada).People[0].ID
	refusedUntouched(t, c, 403, "NOT_YOURS_TO_END", func() *testkit.Response { return c.Do(t, "DELETE", ownAccess+"/"+own, ada, nil) })
	refusedUntouched(t, c, 403, "NOT_YOURS_TO_END", func() *testkit.Response {
		return c.Do(t, "DELETE", ownAccess+"/"+own, bo, nil, "X-Client-Id", testkit.Ada)
	})
	refusedUntouched(t, c, 404, "NOT_FOUND", func() *testkit.Response { return c.Do(t, "DELETE", ownAccess+"/"+friends, bo, nil) }) // as Bo himself
	if r := c.Do(t, "DELETE", ownAccess+"/"+friends, ada, nil); r.Status != 200 {
		t.Fatal(string(r.Body))
	}
	if reach() != 404 {
		t.Error("Bo still reaches Ada's record")
	}
	if got := mailsTo(t, c, testkit.BoEmail); len(got) != 1 || !strings.Contains(got[0].Subject, "has changed") {
		t.Errorf("Bo was mailed %+v", got)
	}
	if got := mailsTo(t, c, testkit.AdaEmail); len(got) != 1 || !strings.Contains(got[0].Subject, "ended") {
		t.Errorf("Ada was mailed %+v", got)
	}
	if c.Count(t, "portal_audit_log", "action = 'END_ACCESS' AND resource_id = {:id} AND client_id = {:c}", dbx.Params{"id": friends, "c": testkit.Ada}) != 1 {
		t.Error("no line")
	}
	refusedUntouched(t, c, 404, "NOT_FOUND", func() *testkit.Response { return c.Do(t, "DELETE", ownAccess+"/"+friends, ada, nil) })

	// an invitation is withdrawn by the same route
	var made person
	c.Do(t, "POST", ownAccess, ada, m{"email": stranger, "relationship": "partner", "scope": "all"}).Data(t, &made)
	if r := c.Do(t, "DELETE", ownAccess+"/"+made.ID, ada, nil); r.Status != 200 {
		t.Fatal(string(r.Body))
	}
	use(t, c, "open", "", m{"token": tokenIn(t, c, stranger)}).Refused(t, 400, "LINK_INVALID")

	// somebody who acts for another leaves
	befriended := befriend(t, c, testkit.Uma, "billing", "billing")
	if r := c.Do(t, "DELETE", ownAccess+"/"+befriended, bo, nil, "X-Client-Id", testkit.Uma); r.Status != 200 {
		t.Error(string(r.Body))
	}
}

// TestMinorsDoNotEndTheirParents: for that they call the clinic. A parent ends what the parent gave.
func TestMinorsDoNotEndTheirParents(t *testing.T) {
	c := newKit(t)
	teen := c.Add(t, "clients", m{"first_name": "Tia", "last_name": "Marsh", "date_of_birth": "2011-01-01", "status": "active"}).Id
	c.Add(t, "portal_users", m{"id": "logintia0000000", "email": "tia@mail.example", "password": testkit.Password, "verified": true, "account_status": "active"})
	c.Add(t, "client_access", m{"client": teen, "portal_user": "logintia0000000", "relationship": "self", "scope": "all"})
	parents := befriend(t, c, teen, "parent", "all")
	tia, bo := c.As(t, "tia@mail.example"), c.As(t, testkit.BoEmail)
	refusedUntouched(t, c, 403, "NOT_YOURS_TO_END", func() *testkit.Response { return c.Do(t, "DELETE", ownAccess+"/"+parents, tia, nil) })
	sitters := c.Add(t, "client_access", m{"client": teen, "portal_user": testkit.AdaLogin, "relationship": "partner", "scope": "appointments_forms"})
	refusedUntouched(t, c, 403, "NOT_YOURS_TO_END", func() *testkit.Response {
		return c.Do(t, "DELETE", ownAccess+"/"+sitters.Id, bo, nil, "X-Client-Id", teen)
	})
	if r := c.Do(t, "DELETE", ownAccess+"/"+sitters.Id, tia, nil); r.Status != 200 {
		t.Error(string(r.Body))
	}
	c.Do(t, "POST", ownAccess, bo, m{"email": stranger, "relationship": "partner", "scope": "all"}, "X-Client-Id", teen).Data(t, &person{})
	use(t, c, "accept", "", newcomerForm(tokenIn(t, c, stranger), "2011-01-01"))
	for _, p := range peopleOf(t, c, bo, teen).People {
		if p.Email != stranger {
			continue
		}
		if r := c.Do(t, "DELETE", ownAccess+"/"+p.ID, bo, nil, "X-Client-Id", teen); !p.CanEnd || r.Status != 200 {
			t.Errorf("%+v: %s", p, r.Body)
		}
		return
	}
	t.Error("the newcomer is not listed")
}

// TestClientsWriteNoAccessPastTheRoutes: the model lets a client's login end what it may end, and nothing else.
func TestClientsWriteNoAccessPastTheRoutes(t *testing.T) {
	c := newKit(t)
	friends := befriend(t, c, testkit.Ada, "partner", "billing")
	ada := kernel.Actor{Kind: kernel.KindClient, ID: testkit.AdaLogin, Client: testkit.Ada}
	bo := kernel.Actor{Kind: kernel.KindClient, ID: testkit.BoLogin, Client: testkit.Ada}
	past, future := testkit.Monday.Add(-time.Minute), testkit.Monday.AddDate(0, 1, 0)
	for what, try := range map[string]struct {
		by      kernel.Actor
		changes m
		fine    bool
	}{
		"widen one's own":       {bo, m{"scope": "all"}, false},
		"be the client":         {bo, m{"relationship": "self"}, false},
		"end later":             {ada, m{"expires_at": future}, false},
		"widen a friend's":      {ada, m{"scope": "all"}, false},
		"end and widen":         {ada, m{"expires_at": past, "scope": "all"}, false},
		"end as another client": {kernel.Actor{Kind: kernel.KindClient, ID: "loginnobody0000", Client: testkit.Ada}, m{"expires_at": past}, false},
		"end":                   {ada, m{"expires_at": past}, true},
	} {
		r := c.Find(t, "client_access", friends)
		r.Load(try.changes)
		err := c.App.RunInTransaction(func(tx core.App) error {
			if err := kernel.SaveAs(tx, try.by, r); err != nil {
				return err
			}
			return errUndo
		})
		if errors.Is(err, errUndo) != try.fine {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestDeskEndsAccess(t *testing.T) {
	c := newKit(t)
	friends := befriend(t, c, testkit.Ada, "partner", "all")
	path := kernel.Desk + "/access/" + friends + "/end"
	desk := c.As(t, testkit.DeskEmail)
	refusedUntouched(t, c, 400, "VALIDATION_ERROR", func() *testkit.Response { return c.Do(t, "POST", path, desk, m{"reason": " "}) })
	if r := c.Do(t, "POST", path, desk, m{"reason": "Asked at the counter."}); r.Status != 200 {
		t.Fatal(string(r.Body))
	}
	if got := mailsTo(t, c, testkit.BoEmail); len(got) != 1 || strings.Contains(got[0].Text, "counter") {
		t.Errorf("%+v", got)
	}
	refusedUntouched(t, c, 409, "ACCESS_OVER", func() *testkit.Response { return c.Do(t, "POST", path, desk, m{"reason": "Again."}) })
	if n := c.Count(t, "portal_audit_log", "details LIKE '%counter%'", nil); n != 0 {
		t.Error("the reason stands in the audit log")
	}
}
