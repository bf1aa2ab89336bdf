package notices

import (
	"bytes"
	"encoding/json"
	"slices"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
)

// preferences are a login's choices as the API shows them.
type preferences struct {
	collections.NotificationPreferences
	Language string `json:"language"`
}

func preferencesOf(login *core.Record) preferences {
	u := collections.AsPortalUser(login)
	p := preferences{u.NotificationPreferences(), u.Language()}
	if p.Language == "" {
		p.Language = "en"
	}
	return p
}

// Choices gives how a login wants to hear of things.
func Choices(app core.App, login string) (collections.NotificationPreferences, error) {
	r, err := app.FindRecordById(collections.PortalUsers, login)
	if err != nil {
		return collections.NotificationPreferences{}, err
	}
	return collections.AsPortalUser(r).NotificationPreferences(), nil
}

func viewPreferences(c *kernel.Call) (*kernel.Reply, error) {
	login, err := c.App.FindRecordById(collections.PortalUsers, c.Actor.ID)
	if err != nil {
		return nil, err
	}
	if err := audit.Read(c.App, audit.EntryFor(c.Actor, audit.ViewNoticeChoices, audit.PortalUser, c.Actor.ID)); err != nil {
		return nil, err
	}
	return kernel.OK(preferencesOf(login)), nil
}

// changePreferences merges what is sent into what was chosen (RFC 7396): a field that is not sent stays, quietHours of
// null end them.
func changePreferences(c *kernel.Call) (*kernel.Reply, error) {
	var sent map[string]json.RawMessage
	if err := c.Bind(&sent); err != nil {
		return nil, err
	}
	var login *core.Record
	err := c.App.RunInTransaction(func(tx core.App) error {
		var err error
		if login, err = tx.FindRecordById(collections.PortalUsers, c.Actor.ID); err != nil {
			return err
		}
		chosen := preferencesOf(login)
		if err := merge(&chosen, sent); err != nil {
			return err
		}
		login.Set("notification_preferences", chosen.NotificationPreferences)
		login.Set("language", chosen.Language)
		audit.As(login, audit.UpdateNoticeChoices)
		return kernel.SaveAs(tx, c.Actor, login)
	})
	if err != nil {
		return nil, err
	}
	return kernel.OK(preferencesOf(login)), nil
}

// merge writes into p what was sent, or says all that is wrong with it.
func merge(p *preferences, sent map[string]json.RawMessage) error {
	bad := kernel.Invalid("", "Some of these choices cannot be kept.")
	read := func(field string, into any) bool {
		raw, given := sent[field]
		if !given {
			return false
		}
		d := json.NewDecoder(bytes.NewReader(raw))
		d.DisallowUnknownFields()
		if err := d.Decode(into); err != nil {
			_ = bad.Field(field, "type", "This has the wrong kind of value.")
			return false
		}
		return true
	}
	const noPush = "The portal sends nothing to devices yet."
	if read("channels", &p.Channels) && p.Channels.Push {
		_ = bad.Field("channels.push", "not_offered", noPush)
	}
	byType := map[collections.NotificationType]json.RawMessage{}
	read("byType", &byType)
	for t, raw := range byType {
		field := "byType." + string(t)
		if !slices.Contains(collections.NotificationTypes(), t) {
			_ = bad.Field("byType", "unknown_type", "One of these is no type of notification.")
			continue
		}
		one := p.ByType[t]
		d := json.NewDecoder(bytes.NewReader(raw))
		d.DisallowUnknownFields()
		switch err := d.Decode(&one); {
		case err != nil:
			_ = bad.Field(field, "type", "This has the wrong kind of value.")
		case one.Push:
			_ = bad.Field(field+".push", "not_offered", noPush)
		case t.MustBeTold() && (!one.InApp || !one.Email):
			_ = bad.Field(field, "must_be_told", "What happens to your account is always told here and by e-mail.")
		default:
			p.ByType[t] = one
		}
	}
	if string(bytes.TrimSpace(sent["quietHours"])) == "null" {
		p.QuietHours = nil
	} else {
		quiet := collections.QuietHours{}
		if p.QuietHours != nil {
			quiet = *p.QuietHours
		}
		if read("quietHours", &quiet) {
			refuseBadQuietHours(bad, quiet)
			p.QuietHours = &quiet
		}
	}
	if read("digest", &p.Digest) && p.Digest != collections.DigestOff {
		_ = bad.Field("digest", "not_offered", "The portal does not gather notifications into one a day. Choose off.")
	}
	if read("language", &p.Language) && p.Language != "en" && p.Language != "es" {
		_ = bad.Field("language", "language", "Choose en or es.")
	}
	if bad.HasFields() {
		return bad
	}
	return nil
}

func refuseBadQuietHours(bad *kernel.Error, q collections.QuietHours) {
	for field, wall := range map[string]string{"quietHours.from": q.From, "quietHours.to": q.To} {
		if _, err := time.Parse("15:04", wall); err != nil || len(wall) != len("15:04") {
			_ = bad.Field(field, "time", "Enter a time from 00:00 to 23:59, like 21:30.")
		}
	}
	if q.From == q.To {
		_ = bad.Field("quietHours.to", "range", "Quiet hours end at another time than they begin.")
	}
	if _, err := collections.Zone(q.TimeZone); err != nil {
		_ = bad.Field("quietHours.timeZone", "time_zone", "Choose an IANA time zone, such as America/Denver.")
	}
}
