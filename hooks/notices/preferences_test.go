package notices_test

import (
	"net/http"
	"testing"

	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/kernel"
	"anteroom/hooks/notices"
	"anteroom/hooks/testkit"
)

const choices = kernel.Portal + "/notifications/preferences"

type chosen struct {
	collections.NotificationPreferences
	Language string `json:"language"`
}

func choose(t *testing.T, c *testkit.Clinic, body any) chosen {
	t.Helper()
	var out chosen
	c.Do(t, "PATCH", choices, c.As(t, testkit.AdaEmail), body).Data(t, &out)
	return out
}

func TestPreferencesMerge(t *testing.T) {
	c := testkit.New(t)
	var first chosen
	c.Do(t, "GET", choices, c.As(t, testkit.AdaEmail), nil).Data(t, &first)
	if !first.Channels.Email || !first.Channels.SMS || first.Channels.Push || first.Digest != "off" || first.Language != "en" || first.QuietHours != nil ||
		len(first.ByType) != len(collections.NotificationTypes()) || !first.ByType["appointment_reminder"].InApp {
		t.Fatalf("before anything is chosen: %+v", first)
	}
	choose(t, c, map[string]any{"byType": map[string]any{"appointment_reminder": map[string]bool{"sms": false}}})
	choose(t, c, map[string]any{"quietHours": map[string]string{"from": "21:30", "to": "07:00", "timeZone": "America/Denver"}, "language": "es"})
	got := choose(t, c, map[string]any{"quietHours": map[string]string{"to": "08:00"}, "channels": map[string]bool{"email": false}})
	if r := got.ByType["appointment_reminder"]; r.SMS || !r.Email || !r.InApp {
		t.Errorf("one choice took others with it: %+v", r)
	}
	if q := got.QuietHours; q == nil || q.From != "21:30" || q.To != "08:00" || q.TimeZone != "America/Denver" {
		t.Errorf("quiet hours %+v", q)
	}
	if got.Channels.Email || !got.Channels.SMS || got.Language != "es" || c.Find(t, "portal_users", testkit.AdaLogin).GetString("language") != "es" {
		t.Errorf("%+v", got)
	}
	if got := choose(t, c, `{"quietHours": null}`); got.QuietHours != nil || got.Channels.Email {
		t.Errorf("quiet hours stay, or the rest did not: %+v", got)
	}
	if n := c.Count(t, "portal_audit_log", "action = 'UPDATE_NOTIFICATION_PREFERENCES' AND actor_id = '"+testkit.AdaLogin+"'", nil); n != 4 {
		t.Errorf("%d lines, want 4", n)
	}
	if bo, err := notices.Choices(c.App, testkit.BoLogin); err != nil || !bo.Channels.Email {
		t.Errorf("another login's choices: %+v %v", bo, err)
	}
}

func TestPreferencesThatAreRefused(t *testing.T) {
	c := testkit.New(t)
	ada := c.As(t, testkit.AdaEmail)
	before := c.Snapshot(t)
	for name, v := range map[string]struct {
		body  string
		field string
	}{
		"an unknown type":              {`{"byType": {"gossip": {"email": true}}}`, "byType"},
		"an unknown way":               {`{"byType": {"new_message": {"pigeon": true}}}`, "byType.new_message"},
		"security without e-mail":      {`{"byType": {"security_notice": {"email": false}}}`, "byType.security_notice"},
		"security not in the portal":   {`{"byType": {"security_notice": {"inApp": false}}}`, "byType.security_notice"},
		"a digest that is not built":   {`{"digest": "daily"}`, "digest"},
		"push":                         {`{"channels": {"push": true}}`, "channels.push"},
		"push of one type":             {`{"byType": {"new_message": {"push": true}}}`, "byType.new_message.push"},
		"a time that is none":          {`{"quietHours": {"from": "25:00", "to": "07:00", "timeZone": "UTC"}}`, "quietHours.from"},
		"no zone":                      {`{"quietHours": {"from": "21:00", "to": "07:00"}}`, "quietHours.timeZone"},
		"the zone of the machine":      {`{"quietHours": {"from": "21:00", "to": "07:00", "timeZone": "Local"}}`, "quietHours.timeZone"},
		"quiet all day":                {`{"quietHours": {"from": "21:00", "to": "21:00", "timeZone": "UTC"}}`, "quietHours.to"},
		"a language nobody speaks":     {`{"language": "tlh"}`, "language"},
		"the wrong kind of value":      {`{"channels": {"email": "no"}}`, "channels"},
		"one of two that is not right": {`{"channels": {"email": false}, "digest": "daily"}`, "digest"},
	} {
		f := c.Do(t, "PATCH", choices, ada, v.body).Refused(t, http.StatusBadRequest, "")
		if f.Details.Fields[v.field].Message == "" {
			t.Errorf("%s: no sentence at %s: %+v", name, v.field, f.Details.Fields)
		}
		if c.Snapshot(t) != before {
			t.Errorf("%s changed something", name)
		}
	}
	c.Do(t, "GET", choices, "", nil).Refused(t, http.StatusUnauthorized, "SIGN_IN_REQUIRED")
	c.Do(t, "PATCH", choices, c.As(t, testkit.DeskEmail), `{}`).Refused(t, http.StatusUnauthorized, "SIGN_IN_REQUIRED")
}

// TestWhatIsSwitchedOffIsNotTold, except what must be.
func TestWhatIsSwitchedOffIsNotTold(t *testing.T) {
	c := testkit.New(t)
	choose(t, c, map[string]any{"channels": map[string]bool{"email": false}, "byType": map[string]any{"form_assigned": map[string]bool{"inApp": false}}})
	say := func(n notices.Notice) {
		t.Helper()
		n.Title, n.Message, n.Link = "T", "M", "/"
		if err := c.App.RunInTransaction(func(tx core.App) error { return notices.Tell(tx, testkit.Ada, kernel.AreaVisits, n) }); err != nil {
			t.Fatal(err)
		}
	}
	say(notices.Notice{Type: collections.NoticeFormAssigned, Cause: "off"})
	say(notices.Notice{Type: collections.NoticeFormCompleted, Cause: "on"})
	say(notices.Notice{Type: collections.NoticeSecurity, Cause: "security"})
	say(notices.Notice{Type: collections.NoticeFormAssigned, Cause: "urgent", Priority: collections.PriorityUrgent})
	seen := map[string]bool{}
	for _, n := range list(t, c, testkit.AdaEmail, "").Notifications {
		seen[c.Find(t, "portal_notifications", n.ID).GetString("cause")] = true
	}
	if seen["off"] || !seen["on"] || !seen["security"] || !seen["urgent"] {
		t.Errorf("told: %v", seen)
	}
	// whoever wrote the column past the route cannot switch it off either
	p := collections.ParseNotificationPreferences(`{"byType":{"security_notice":{"inApp":false,"email":false}},"channels":{"email":false}}`)
	if !p.InApp(collections.NoticeSecurity) || !p.ByEmail(collections.NoticeSecurity) || p.ByEmail(collections.NoticeNewMessage) {
		t.Errorf("%+v", p)
	}
	if p := collections.ParseNotificationPreferences(`{broken`); !p.ByEmail(collections.NoticeNewMessage) {
		t.Error("what cannot be read switches something off")
	}
}
