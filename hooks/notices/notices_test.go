package notices_test

import (
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/kernel"
	"anteroom/hooks/notices"
	"anteroom/hooks/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func tell(t *testing.T, c *testkit.Clinic, client string, area kernel.Area, cause string) {
	t.Helper()
	err := c.App.RunInTransaction(func(tx core.App) error {
		return notices.Tell(tx, client, area, notices.Notice{Type: collections.NoticeFormAssigned, Title: "A form for you", Message: "Please fill it in.", Link: "/forms", Cause: cause})
	})
	if err != nil {
		t.Fatal(err)
	}
}

type listed struct {
	Notifications []notices.Item `json:"notifications"`
	UnreadCount   int            `json:"unreadCount"`
}

func list(t *testing.T, c *testkit.Clinic, email, query string) listed {
	t.Helper()
	var out listed
	c.Do(t, "GET", kernel.Portal+"/notifications"+query, c.As(t, email), nil).Data(t, &out)
	return out
}

func TestOnlyThoseWhoMayActForTheClientHear(t *testing.T) {
	c := testkit.New(t)
	grant, err := c.App.FindFirstRecordByFilter("client_access", "client = {:c}", dbx.Params{"c": testkit.Cleo})
	if err != nil {
		t.Fatal(err)
	}
	tell(t, c, testkit.Cleo, kernel.AreaVisits, "form:1")
	tell(t, c, testkit.Cleo, kernel.AreaVisits, "form:1") // told once
	if got := list(t, c, testkit.AdaEmail, ""); len(got.Notifications) != 1 || got.UnreadCount != 1 || got.Notifications[0].ClientID != testkit.Cleo {
		t.Fatalf("%+v", got)
	}
	if got := list(t, c, testkit.BoEmail, ""); len(got.Notifications) != 0 {
		t.Fatalf("a stranger hears: %+v", got)
	}
	grant.Set("scope", kernel.ScopeBilling)
	if err := c.App.Save(grant); err != nil {
		t.Fatal(err)
	}
	tell(t, c, testkit.Cleo, kernel.AreaVisits, "form:2")
	tell(t, c, testkit.Cleo, kernel.AreaBilling, "invoice:1")
	if n := c.Count(t, "portal_notifications", "client = {:c}", dbx.Params{"c": testkit.Cleo}); n != 2 {
		t.Fatalf("a billing login was told of a form: %d rows", n)
	}
	grant.Set("expires_at", testkit.Monday.Add(-time.Minute))
	if err := c.App.Save(grant); err != nil {
		t.Fatal(err)
	}
	if got := list(t, c, testkit.AdaEmail, ""); len(got.Notifications) != 0 || got.UnreadCount != 0 {
		t.Fatalf("access ended and took nothing with it: %+v", got)
	}
}

func TestReadAndDismiss(t *testing.T) {
	c := testkit.New(t)
	for _, cause := range []string{"a", "b", "c"} {
		tell(t, c, testkit.Ada, kernel.AreaVisits, cause)
	}
	ada := c.As(t, testkit.AdaEmail)
	first := list(t, c, testkit.AdaEmail, "").Notifications[0]
	var item notices.Item
	c.Do(t, "POST", kernel.Portal+"/notifications/"+first.ID+"/read", ada, nil).Data(t, &item)
	if !item.Read || item.ReadAt == nil {
		t.Fatalf("%+v", item)
	}
	if got := list(t, c, testkit.AdaEmail, "?unread=true"); len(got.Notifications) != 2 || got.UnreadCount != 2 {
		t.Fatalf("%+v", got)
	}
	c.Do(t, "POST", kernel.Portal+"/notifications/"+first.ID+"/dismiss", ada, nil).Data(t, &item)
	if got := list(t, c, testkit.AdaEmail, ""); len(got.Notifications) != 2 {
		t.Fatalf("%+v", got)
	}
	c.Do(t, "POST", kernel.Portal+"/notifications/read-all", ada, nil).Data(t, &struct{}{})
	if got := list(t, c, testkit.AdaEmail, ""); got.UnreadCount != 0 || len(got.Notifications) != 2 {
		t.Fatalf("%+v", got)
	}
}

func TestWhatWasToldIsNotRewritten(t *testing.T) {
	c := testkit.New(t)
	tell(t, c, testkit.Ada, kernel.AreaVisits, "x")
	before := c.Snapshot(t)
	for _, field := range []string{"title", "message", "link", "portal_user", "client", "notification_type"} {
		r, err := c.App.FindFirstRecordByFilter("portal_notifications", "cause = 'x'")
		if err != nil {
			t.Fatal(err)
		}
		value := map[string]string{"portal_user": testkit.BoLogin, "client": testkit.Bo}[field]
		if value == "" {
			value = "something else"
		}
		r.Set(field, value)
		if err := c.App.Save(r); err == nil {
			t.Errorf("%s was rewritten", field)
		}
	}
	if c.Snapshot(t) != before {
		t.Error("something changed")
	}
}
