package pb_migrations

import (
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"
)

// People: the clinic's settings and places, who is cared for, who cares, who signs in, and who may act for whom.
func init() {
	core.AppMigrations.Register(func(app core.App) error {
		for _, up := range []func(core.App) error{settingsAndPlaces, people, logins, access} {
			if err := up(app); err != nil {
				return err
			}
		}
		return nil
	}, noDown, "1700000100_people.go")
}

func settingsAndPlaces(app core.App) error {
	s := base("clinic_settings",
		must(text("clinic_name", 120)), must(text("time_zone", 60)),
		&core.SelectField{Name: "languages", Values: []string{"en", "es"}, MaxSelect: 2},
		&core.TextField{Name: "accent_color", Max: 7, Pattern: `^#[0-9a-fA-F]{6}$`},
		choice("currency", "usd", "eur", "gbp", "cad", "aud", "mxn"), text("phone", 40), text("crisis_text", 600),
		whole("idle_minutes"), whole("absolute_hours"), whole("remember_days"),
		whole("lockout_failures"), whole("lockout_minutes"), whole("password_length"), yes("password_classes"),
		whole("request_notice_hours"), whole("request_horizon_days"), whole("request_answer_hours"), whole("free_cancel_hours"),
		yes("mail_names_details"), data("limits", 8192),
		&core.FileField{Name: "logo", MaxSelect: 1, MaxSize: 1 << 20, MimeTypes: []string{"image/png"}},
	)
	rules(s, rule(anyStaff), nil, rule(adminOnly))
	if err := app.Save(s); err != nil {
		return err
	}
	// one clinic, one row: without it every policy would fall back to its default, and the server would not start
	if err := run(app, `CREATE TRIGGER clinic_settings_one BEFORE INSERT ON clinic_settings
		WHEN (SELECT count(*) FROM clinic_settings) > 0 BEGIN SELECT RAISE(ABORT, 'clinic_settings has one row'); END`,
		`CREATE TRIGGER clinic_settings_kept BEFORE DELETE ON clinic_settings BEGIN SELECT RAISE(ABORT, 'clinic_settings has one row'); END`); err != nil {
		return err
	}

	l := base("locations",
		&core.TextField{Name: "name", Required: true, Max: 120, Presentable: true}, text("phone", 40),
		text("street", 200), text("city", 100), text("state", 100), text("zip_code", 20), text("country", 60),
		must(text("time_zone", 60)), yes("is_active"))
	rules(l, rule(anyStaff), rule(adminOnly), rule(adminOnly))
	return app.Save(l)
}

func people(app core.App) error {
	cols, err := find(app, "locations")
	if err != nil {
		return err
	}
	locations := cols[0]

	staff := core.NewAuthCollection("staff")
	closeSignIn(staff)
	staff.Fields.Add(
		&core.TextField{Name: "first_name", Required: true, Max: 100, Presentable: true},
		&core.TextField{Name: "last_name", Required: true, Max: 100, Presentable: true},
		mustChoice("role", "admin", "clinician", "front_desk", "billing"),
		text("phone", 40), yes("is_active"),
		whole("mfa_last_step"))
	stamps(staff)
	rules(staff, rule(anyStaff), nil, nil)
	if err := app.Save(staff); err != nil {
		return err
	}

	clinicians := base("clinicians",
		to("staff", staff),
		&core.TextField{Name: "first_name", Required: true, Max: 100, Presentable: true},
		&core.TextField{Name: "last_name", Required: true, Max: 100, Presentable: true},
		text("title", 60), text("initials", 6), text("discipline", 120),
		data("specializations", 4096), data("certifications", 4096), text("bio", 4000),
		&core.TextField{Name: "calendar_color", Max: 7, Pattern: `^#[0-9a-fA-F]{6}$`},
		yes("is_accepting_new_patients"), whole("stagger_booking_minutes"), toMany("locations", locations), yes("is_active"))
	rules(clinicians, rule(anyStaff), rule(adminOnly), rule(adminOnly))
	clinicians.AddIndex("idx_clinicians_staff", true, "staff", "staff != ''")
	if err := app.Save(clinicians); err != nil {
		return err
	}

	clients := base("clients",
		&core.TextField{Name: "first_name", Required: true, Max: 100, Presentable: true},
		&core.TextField{Name: "last_name", Required: true, Max: 100, Presentable: true},
		text("preferred_name", 100), text("pronouns", 40),
		&core.EmailField{Name: "email"}, text("phone", 40), yes("phone_verified"),
		must(day("date_of_birth")), text("gender", 40), data("address", 4096), data("emergency_contact", 4096),
		yes("sms_opt_in"), text("sms_consent_text", 600), instant("sms_consent_at"), yes("marketing_opt_in"),
		to("preferred_location", locations), to("preferred_practitioner", clinicians),
		whole("no_show_count"), text("stripe_customer_id", 255),
		choice("language", "en", "es"), choice("status", "active", "inactive"),
		// what registration compares: written by a hook from the fields above, never by hand
		hidden(text("match_key", 64)))
	if err := sealed(clients, "medical_history", "json", "id", 60000); err != nil {
		return err
	}
	if err := sealed(clients, "allergies", "json", "id", 20000); err != nil {
		return err
	}
	rules(clients, rule(anyStaff), rule(deskStaff), rule(deskStaff))
	clients.AddIndex("idx_clients_match", false, "match_key", "match_key != ''")
	clients.AddIndex("idx_clients_email", false, "email", "")
	clients.AddIndex("idx_clients_name", false, "last_name, first_name", "")
	return app.Save(clients)
}

// closeSignIn leaves only what our own pipeline uses. PocketBase's second factors, one-time passwords, OAuth2 and
// login alerts stay off: they answer or mail inside the sign-in transaction, or tell strangers who exists.
func closeSignIn(c *core.Collection) {
	c.AuthToken.Duration = 3600
	c.AuthAlert.Enabled = false
	c.MFA.Enabled, c.OTP.Enabled, c.OAuth2.Enabled = false, false, false
	c.PasswordAuth.Enabled = true
	c.PasswordAuth.IdentityFields = []string{"email"}
	c.AuthRule = types.Pointer("")
	c.ManageRule = nil
}

func logins(app core.App) error {
	cols, err := find(app, "clients")
	if err != nil {
		return err
	}
	clients := cols[0]

	u := core.NewAuthCollection("portal_users")
	closeSignIn(u)
	u.Fields.Add(
		text("first_name", 100), text("last_name", 100),
		mustChoice("account_status", "pending_verification", "active", "suspended", "locked"),
		yes("mfa_enabled"), choice("mfa_method", "sms", "totp", "email"), hidden(text("mfa_phone", 40)),
		// the client a registration was matched with, until the address is proven; client_access takes over then
		to("pending_client", clients),
		instant("last_login"), hidden(text("last_login_ip", 64)), instant("password_changed_at"), yes("force_password_change"),
		data("preferences", 8192), data("notification_preferences", 8192), choice("language", "en", "es"))
	stamps(u)
	rules(u, rule(deskStaff), nil, nil)
	u.AddIndex("idx_portal_users_status", false, "account_status", "")
	if err := app.Save(u); err != nil {
		return err
	}

	// One row a sign-in, of either auth collection; owner is an id of owner_collection. The token itself is never
	// stored: it carries this row's id. A refresh token has a part that all of its family share and a part that is
	// new each time, so that every old one is recognised; only hashes are kept. Seconds since 1970, because limits
	// are compared and written by plain SQL.
	s := base("portal_sessions",
		mustChoice("owner_collection", "portal_users", "staff"), must(text("owner", 15)),
		text("method", 20), hidden(text("refresh_family", 64)), hidden(text("refresh_hash", 64)), whole("refresh_rotated_at"),
		text("ip_address", 64), text("user_agent", 255), text("device_type", 20), text("device_os", 50), text("browser", 50),
		yes("remembered"), whole("started_at"), whole("last_activity"), whole("absolute_until"),
		whole("revoked_at"), text("revoke_reason", 60), text("default_client", 15))
	s.AddIndex("idx_portal_sessions_owner", false, "owner_collection, owner, revoked_at", "")
	s.AddIndex("idx_portal_sessions_family", true, "refresh_family", "refresh_family != ''")
	s.AddIndex("idx_portal_sessions_live", false, "absolute_until", "revoked_at = 0") // what a start loads
	if err := app.Save(s); err != nil {
		return err
	}

	// Codes and links that prove an address: only their hashes, counted and used once.
	v := base("account_tokens",
		&core.RelationField{Name: "portal_user", CollectionId: u.Id, MaxSelect: 1, Required: true, CascadeDelete: true},
		mustChoice("purpose", "verify_email", "reset_password"),
		hidden(text("code_hash", 64)), hidden(must(text("link_hash", 64))), whole("attempts"),
		mustInstant("expires_at"), instant("used_at"))
	v.AddIndex("idx_account_tokens_user", false, "portal_user, purpose", "")
	v.AddIndex("idx_account_tokens_link", true, "link_hash", "")
	return app.Save(v)
}

func access(app core.App) error {
	cols, err := find(app, "clients", "portal_users", "clinicians", "staff")
	if err != nil {
		return err
	}
	clients, users, clinicians, staff := cols[0], cols[1], cols[2], cols[3]

	a := base("client_access",
		mustTo("client", clients), mustTo("portal_user", users),
		mustChoice("relationship", "self", "parent", "guardian", "partner", "billing"),
		mustChoice("scope", "all", "appointments_forms", "billing"), instant("expires_at"), text("granted_by", 40))
	rules(a, rule(deskStaff), rule(deskStaff), rule(deskStaff))
	a.AddIndex("idx_client_access_client", true, "client, portal_user", "")
	a.AddIndex("idx_client_access_user", false, "portal_user", "")
	if err := app.Save(a); err != nil {
		return err
	}

	// staff is copied from the clinician so that rules compare a stored column with @request.auth.id
	t := base("care_team",
		mustTo("client", clients), mustTo("clinician", clinicians), to("staff", staff),
		mustChoice("role", "lead", "member", "supervisor"), instant("from"), instant("until"))
	rules(t, rule(deskStaff), rule(deskStaff), rule(deskStaff))
	t.AddIndex("idx_care_team_client", true, "client, clinician", "")
	t.AddIndex("idx_care_team_staff", false, "staff, client", "")
	if err := app.Save(t); err != nil {
		return err
	}

	// Failed sign-ins by hash of what was typed, strangers included, and by address. Plain SQL: written outside the
	// sign-in transaction and never by hand.
	return run(app, `CREATE TABLE sign_in_failures (
		key          TEXT PRIMARY KEY,
		failures     INTEGER NOT NULL,
		first_at     INTEGER NOT NULL,
		locked_until INTEGER NOT NULL DEFAULT 0
	) STRICT, WITHOUT ROWID`)
}
