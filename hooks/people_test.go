package hooks_test

import (
	"strings"
	"testing"
	"time"

	"github.com/pocketbase/dbx"

	"anteroom/hooks/kernel"
	"anteroom/hooks/testkit"
)

// TestAccessIsGivenByRole: what each role may give, who is noted for it, and who hears of it.
func TestAccessIsGivenByRole(t *testing.T) {
	c := testkit.New(t)
	const path = "/api/collections/client_access/records"
	told := func(login string) int {
		return c.Count(t, "portal_notifications", "portal_user = {:u} AND notification_type = 'security_notice'", dbx.Params{"u": login})
	}
	mails := c.Count(t, "outbox", "", nil)
	for i, x := range []struct {
		email, client, scope, by string
	}{
		{testkit.DeskEmail, testkit.Ada, "billing", "staff:" + testkit.DeskStaff},
		{testkit.DeskEmail, testkit.Ada, "appointments_forms", "staff:" + testkit.DeskStaff},
		{testkit.AnaEmail, testkit.Ada, "all", "staff:" + testkit.AnaStaff},
		{testkit.AdminEmail, testkit.Ada, "all", "staff:" + testkit.Admin},
		{testkit.OwnerEmail, testkit.Ada, "all", "owner:"},
	} {
		login := "partner" + strings.Repeat(string(rune('a'+i)), 8)
		c.Add(t, "portal_users", map[string]any{"id": login, "email": login + "@mail.example", "password": testkit.Password, "verified": true,
			"account_status": "active"})
		before := told(testkit.AdaLogin)
		got := c.Do(t, "POST", path, c.As(t, x.email), map[string]any{"client": x.client, "portal_user": login, "relationship": "partner",
			"scope": x.scope, "granted_by": "staff:forged"})
		if got.Status != 200 {
			t.Fatalf("%s gives %s: %d %s", x.email, x.scope, got.Status, got.Body)
		}
		var made struct {
			ID        string `json:"id"`
			GrantedBy string `json:"granted_by"`
		}
		got.Into(t, &made)
		if !strings.HasPrefix(made.GrantedBy, x.by) {
			t.Errorf("%s: granted by %q", x.email, made.GrantedBy)
		}
		if told(testkit.AdaLogin) != before+1 || told(login) != 0 {
			t.Errorf("%s gives %s: Ada was told %d times, the newcomer %d", x.email, x.scope, told(testkit.AdaLogin)-before, told(login))
		}
		// the front desk takes back what anybody gave, and that is no news of the kind that worries
		got = c.Do(t, "PATCH", path+"/"+made.ID, c.As(t, testkit.DeskEmail), map[string]any{"expires_at": testkit.Monday.Add(-time.Hour)})
		if got.Status != 200 || told(testkit.AdaLogin) != before+1 {
			t.Errorf("the desk ends it: %d %s", got.Status, got.Body)
		}
		if by := c.Find(t, "client_access", made.ID).GetString("granted_by"); by != made.GrantedBy {
			t.Errorf("ending it made %q of %q", by, made.GrantedBy)
		}
	}
	row, err := c.App.FindFirstRecordByFilter("client_access", "client = {:c} && portal_user = 'partneraaaaaaaa'", dbx.Params{"c": testkit.Ada})
	if err != nil {
		t.Fatal(err)
	}
	before := told(testkit.AdaLogin)
	got := c.Do(t, "PATCH", path+"/"+row.Id, c.As(t, testkit.AdminEmail), map[string]any{"scope": "all", "expires_at": ""})
	if got.Status != 200 || told(testkit.AdaLogin) != before+1 {
		t.Errorf("an administrator widens it: %d %s, told %d", got.Status, got.Body, told(testkit.AdaLogin)-before)
	}
	if by := c.Find(t, "client_access", row.Id).GetString("granted_by"); by != "staff:"+testkit.Admin {
		t.Errorf("widened by %q", by)
	}
	if c.Count(t, "outbox", "", nil) != mails {
		t.Error("something was mailed")
	}
}

// TestClientsHearWhenTheirDetailsChange in their language, in words that name nothing.
func TestClientsHearWhenTheirDetailsChange(t *testing.T) {
	for _, lang := range []string{"en", "es"} {
		c := testkit.New(t)
		login := c.Find(t, "portal_users", testkit.AdaLogin)
		login.Set("language", lang)
		if err := c.App.Save(login); err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, x := range []struct {
			field, value string
			heard        bool
		}{
			{"email", "other@mail.example", true}, {"first_name", "Adele", true}, {"last_name", "Other", true}, {"date_of_birth", "1990-04-28", true},
			{"email", "other@mail.example", false}, {"preferred_name", "Addie", false}, {"phone", "(303) 555-0101", false},
		} {
			got := c.Do(t, "PATCH", "/api/collections/clients/records/"+testkit.Ada, c.As(t, testkit.DeskEmail), map[string]any{x.field: x.value})
			if got.Status != 200 {
				t.Fatalf("%d %s", got.Status, got.Body)
			}
			if x.heard {
				n++
			}
			rows, err := c.App.FindRecordsByFilter("portal_notifications", "notification_type = 'security_notice'", "", 0, 0)
			if err != nil || len(rows) != n {
				t.Fatalf("%s: %d notices, want %d (%v)", x.field, len(rows), n, err)
			}
			for _, r := range rows {
				words := r.GetString("title") + r.GetString("message")
				if strings.Contains(words, "cambi") != (lang == "es") || strings.Contains(words, x.value) || strings.Contains(words, "Ada") ||
					r.GetString("portal_user") != testkit.AdaLogin {
					t.Errorf("%s: %s", lang, words)
				}
			}
		}
		if c.Count(t, "outbox", "", nil) != 0 {
			t.Error("something was mailed")
		}
	}
}

// TestThePortalWritesWhatItFindsOut: the system's writes hold, and a record loaded before them does not undo them.
func TestThePortalWritesWhatItFindsOut(t *testing.T) {
	c := testkit.New(t)
	stale := c.Find(t, "clients", testkit.Ada)
	r := c.Find(t, "clients", testkit.Ada)
	r.Set("stripe_customer_id", "cus_1")
	r.Set("no_show_count", 2)
	r.Set("phone_verified", true)
	if err := kernel.SaveAs(c.App, kernel.System(), r); err != nil {
		t.Fatal(err)
	}
	stale.Set("pronouns", "she/her")
	if err := kernel.SaveAs(c.App, deskActor, stale); err != nil {
		t.Fatal(err)
	}
	now := c.Find(t, "clients", testkit.Ada)
	if now.GetString("stripe_customer_id") != "cus_1" || now.GetInt("no_show_count") != 2 || !now.GetBool("phone_verified") || now.GetString("pronouns") != "she/her" {
		t.Error("a record loaded before took back what the portal wrote")
	}
	for _, day := range []string{"1900-01-01", testkit.Monday.Format(time.DateOnly), "2000-02-29"} {
		now.Set("date_of_birth", day)
		if err := kernel.SaveAs(c.App, adminActor, now); err != nil {
			t.Errorf("%s: %v", day, err)
		}
	}
}

// TestCareTeamsAreSetByTheDesk: a clinician changes the team they are on, and the desk anybody's.
func TestCareTeamsAreSetByTheDesk(t *testing.T) {
	c := testkit.New(t)
	const path = "/api/collections/care_team/records"
	put := func(email, client, clinician string) int {
		return c.Do(t, "POST", path, c.As(t, email), map[string]any{"client": client, "clinician": clinician, "role": "member"}).Status
	}
	if got := put(testkit.AnaEmail, testkit.Ada, testkit.Ben); got != 200 {
		t.Errorf("Ana adds Ben to her client's team: %d", got)
	}
	if got := put(testkit.AnaEmail, testkit.Cleo, testkit.Ana); got != 400 {
		t.Errorf("Ana joins a team on her own: %d", got)
	}
	if got := put(testkit.DeskEmail, testkit.Cleo, testkit.Ana); got != 200 {
		t.Errorf("the desk puts Ana there: %d", got)
	}
}
