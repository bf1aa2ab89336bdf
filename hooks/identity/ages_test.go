package identity_test

import (
	"errors"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/hooks/kernel"
	"anteroom/hooks/testkit"
)

var errUndo = errors.New("undo")

func setSettings(t *testing.T, c *testkit.Clinic, values m) {
	t.Helper()
	r, err := c.App.FindFirstRecordByFilter("clinic_settings", "id != ''")
	if err != nil {
		t.Fatal(err)
	}
	r.Load(values)
	if err := kernel.SaveAs(c.App, kernel.System(), r); err != nil {
		t.Fatal(err)
	}
}

func setBirth(t *testing.T, c *testkit.Clinic, client, born string) {
	t.Helper()
	r := c.Find(t, "clients", client)
	r.Set("date_of_birth", born)
	if err := kernel.SaveAs(c.App, kernel.System(), r); err != nil {
		t.Fatal(err)
	}
}

func endOf(t *testing.T, c *testkit.Clinic, client, login string) string {
	t.Helper()
	r, err := c.App.FindFirstRecordByFilter("client_access", "client = {:c} && portal_user = {:u}", dbx.Params{"c": client, "u": login})
	if err != nil {
		t.Fatal(err)
	}
	return r.GetString("expires_at")
}

// TestParentsActUntilTheDayOfAge: in the clinic's zone, to the minute.
func TestParentsActUntilTheDayOfAge(t *testing.T) {
	c := newKit(t)
	if got := endOf(t, c, testkit.Cleo, testkit.AdaLogin); got != "2036-05-05 06:00:00.000Z" {
		t.Fatal(got)
	}
	setBirth(t, c, testkit.Cleo, "2008-12-20") // turns 18 on 20 December 2026
	for _, x := range []struct {
		at   time.Time
		want int
	}{{time.Date(2026, 12, 20, 6, 59, 0, 0, time.UTC), 200}, {time.Date(2026, 12, 20, 7, 0, 0, 0, time.UTC), 404}} {
		c.Advance(x.at.Sub(kernel.Now(c.App)))
		if got := c.Do(t, "GET", kernel.Portal+"/profile", c.Fresh(t, testkit.AdaEmail), nil, "X-Client-Id", testkit.Cleo).Status; got != x.want {
			t.Errorf("at %s: %d", x.at, got)
		}
	}
}

// TestTheEndOfChildhoodFollows the birth date and the clinic's age; an earlier end stays, and what ended does not come back.
func TestTheEndOfChildhoodFollows(t *testing.T) {
	c := newKit(t)
	c.Add(t, "client_access", m{"client": testkit.Cleo, "portal_user": testkit.BoLogin, "relationship": "guardian", "scope": "all", "expires_at": testkit.Monday.AddDate(1, 0, 0)})
	ends := func(ada, bo string) {
		t.Helper()
		if a, b := endOf(t, c, testkit.Cleo, testkit.AdaLogin), endOf(t, c, testkit.Cleo, testkit.BoLogin); a != ada || b != bo {
			t.Errorf("Ada until %s, Bo until %s", a, b)
		}
	}
	const early = "2027-12-07 16:00:00.000Z"
	setBirth(t, c, testkit.Cleo, "2018-02-28")
	ends("2036-02-28 07:00:00.000Z", early)
	setBirth(t, c, testkit.Cleo, "2016-02-29")
	ends("2034-03-01 07:00:00.000Z", early)
	setSettings(t, c, m{"adult_age": 21})
	ends("2037-03-01 07:00:00.000Z", early)
	setSettings(t, c, m{"adult_age": 16, "time_zone": "UTC"})
	ends("2032-02-29 00:00:00.000Z", early)
	setBirth(t, c, testkit.Cleo, "2009-01-01") // of age already
	ends("2025-01-01 00:00:00.000Z", "2025-01-01 00:00:00.000Z")
	if got := c.Do(t, "GET", kernel.Portal+"/profile", c.As(t, testkit.AdaEmail), nil, "X-Client-Id", testkit.Cleo).Status; got != 404 {
		t.Error(got)
	}
	setBirth(t, c, testkit.Cleo, "2018-05-05")
	ends("2025-01-01 00:00:00.000Z", "2025-01-01 00:00:00.000Z")
}

// TestGuardiansOfAdults are named by an administrator, and keep the end that was chosen.
func TestGuardiansOfAdults(t *testing.T) {
	c := newKit(t)
	row := m{"client": testkit.Ada, "portal_user": testkit.BoLogin, "relationship": "guardian", "scope": "all"}
	const path = "/api/collections/client_access/records"
	for _, email := range []string{testkit.AnaEmail, testkit.AdminEmail} {
		if got := c.Do(t, "POST", path, c.As(t, email), with(row, "relationship", "parent")); got.Status != 400 {
			t.Errorf("%s makes a parent: %d", email, got.Status)
		}
	}
	if got := c.Do(t, "POST", path, c.As(t, testkit.AnaEmail), row); got.Status != 400 {
		t.Error("a clinician names a guardian:", got.Status)
	}
	if got := c.Do(t, "POST", path, c.As(t, testkit.AdminEmail), row); got.Status != 200 {
		t.Fatal(string(got.Body))
	}
	if got := endOf(t, c, testkit.Ada, testkit.BoLogin); got != "" {
		t.Error("ends", got)
	}
	setBirth(t, c, testkit.Ada, "1991-04-27")
	setSettings(t, c, m{"adult_age": 21})
	if got := endOf(t, c, testkit.Ada, testkit.BoLogin); got != "" {
		t.Error("ends", got)
	}
	// another relation does not become a parent's by a change
	r, err := c.App.FindFirstRecordByFilter("client_access", "client = {:c} && portal_user = {:u}", dbx.Params{"c": testkit.Ada, "u": testkit.BoLogin})
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Do(t, "PATCH", path+"/"+r.Id, c.As(t, testkit.AdminEmail), m{"relationship": "parent"}); got.Status != 400 {
		t.Error("the guardian became a parent:", got.Status)
	}
}

// TestChildrenHaveNoLoginOfTheirOwn, and registration says of them what it says of strangers.
func TestChildrenHaveNoLoginOfTheirOwn(t *testing.T) {
	c := newKit(t)
	form := m{"email": testkit.UmaEmail, "password": testkit.Password, "firstName": "Uma", "lastName": "Dahl", "dateOfBirth": "2013-12-08"}
	setBirth(t, c, testkit.Uma, "2013-12-08") // 13 tomorrow
	var young, unknown *testkit.Response
	refusedUntouched(t, c, 400, "IDENTITY_NOT_CONFIRMED", func() *testkit.Response {
		young = c.Do(t, "POST", kernel.Portal+"/auth/register", "", form)
		return young
	})
	unknown = c.Do(t, "POST", kernel.Portal+"/auth/register", "", with(form, "email", stranger))
	if string(young.Body) != string(unknown.Body) || young.Status != unknown.Status {
		t.Errorf("%s\n%s", young.Body, unknown.Body)
	}
	err := c.App.RunInTransaction(func(tx core.App) error {
		col, err := tx.FindCachedCollectionByNameOrId("client_access")
		if err != nil {
			return err
		}
		r := core.NewRecord(col)
		r.Load(m{"client": testkit.Uma, "portal_user": testkit.BoLogin, "relationship": "self", "scope": "all"})
		return kernel.SaveAs(tx, kernel.System(), r)
	})
	if err == nil {
		t.Error("a child acts in person")
	}
	c.Advance(24 * time.Hour)
	if r := c.Do(t, "POST", kernel.Portal+"/auth/register", "", form); r.Status != 201 {
		t.Error("on the birthday:", string(r.Body))
	}
}
