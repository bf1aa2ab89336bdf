package pb_migrations

import "github.com/pocketbase/pocketbase/core"

// Notices: what a login is told in the portal, what leaves the clinic (outbox), and kept answers of idempotent
// requests. Bodies are encrypted: a mail may hold a sign-in code, an answer may hold a record.
func init() {
	core.AppMigrations.Register(func(app core.App) error {
		cols, err := find(app, "clients", "portal_users", "staff")
		if err != nil {
			return err
		}
		clients, users, staff := cols[0], cols[1], cols[2]

		n := base("portal_notifications",
			mustTo("portal_user", users), mustTo("client", clients), must(text("notification_type", 50)),
			must(text("link", 500)), mustChoice("priority", "low", "normal", "high", "urgent"),
			yes("read"), instant("read_at"), yes("dismissed"), instant("dismissed_at"), instant("expires_at"),
			text("cause", 120))
		for _, x := range []struct {
			name string
			max  int
		}{{"title", 255}, {"message", 1000}} {
			if err := sealed(n, x.name, "text", "client", x.max); err != nil {
				return err
			}
		}
		n.AddIndex("idx_portal_notifications_user", false, "portal_user, dismissed, read, created", "")
		n.AddIndex("idx_portal_notifications_cause", true, "portal_user, cause", "cause != ''") // told once
		if err := app.Save(n); err != nil {
			return err
		}

		s := base("staff_notifications",
			to("staff", staff), must(text("notification_type", 50)), must(text("link", 500)), text("resource_id", 15),
			yes("read"), instant("read_at"), text("cause", 120))
		// a row without a staff member is for everybody at the desk
		mine := anyStaff + ` && (staff = "" || staff = @request.auth.id)`
		rules(s, rule(mine), nil, rule(mine))
		s.AddIndex("idx_staff_notifications", false, "staff, read, created", "")
		s.AddIndex("idx_staff_notifications_cause", true, "staff, cause", "cause != ''")
		if err := app.Save(s); err != nil {
			return err
		}

		o := base("outbox",
			mustChoice("kind", "mail", "sms", "job"), must(text("topic", 60)), text("recipient", 255),
			mustChoice("status", "waiting", "sent", "failed"), whole("attempts"), mustInstant("next_at"), instant("sent_at"),
			text("last_error", 500), text("cause", 160))
		if err := sealed(o, "payload", "json", "", 2000000); err != nil {
			return err
		}
		o.AddIndex("idx_outbox_due", false, "next_at", "status = 'waiting'")
		o.AddIndex("idx_outbox_cause", true, "cause", "cause != ''") // one message for one cause
		o.AddIndex("idx_outbox_recipient", false, "kind, recipient, created", "")
		if err := app.Save(o); err != nil {
			return err
		}

		k := base("idempotency_keys",
			must(text("owner", 60)), must(text("key", 64)), must(text("fingerprint", 64)), whole("status"), mustInstant("claimed_at"))
		if err := sealed(k, "response", "text", "", 1000000); err != nil {
			return err
		}
		k.AddIndex("idx_idempotency_keys", true, "owner, key", "")
		k.AddIndex("idx_idempotency_keys_age", false, "claimed_at", "")
		return app.Save(k)
	}, noDown, "1700000500_notices.go")
}
