package pb_migrations

import (
	"slices"

	"github.com/pocketbase/pocketbase/core"
)

// Identity: second factors, passkeys, remembered devices, invitations, and the clinic's policies about them. What is
// used once or counted while somebody signs in is plain SQL: it is written beside the transaction that may fail.
func init() {
	core.AppMigrations.Register(func(app core.App) error {
		for _, up := range []func(core.App) error{identityPolicies, accountsWithFactors, factors, devices, invitations} {
			if err := up(app); err != nil {
				return err
			}
		}
		return nil
	}, noDown, "1700001000_identity.go")
}

func identityPolicies(app core.App) error {
	cols, err := find(app, "clinic_settings")
	if err != nil {
		return err
	}
	cols[0].Fields.Add(
		choice("mfa_clients", "off", "optional", "required"), choice("mfa_staff", "off", "optional", "required"),
		whole("adult_age"), whole("own_login_age"), whole("invitation_hours"))
	return app.Save(cols[0])
}

func accountsWithFactors(app core.App) error {
	cols, err := find(app, "portal_users", "staff", "portal_sessions", "account_tokens")
	if err != nil {
		return err
	}
	users, staff, sessions, tokens := cols[0], cols[1], cols[2], cols[3]

	status := users.Fields.GetByName("account_status").(*core.SelectField)
	status.Values = append(status.Values, "closed") // by its own person
	if err := app.Save(users); err != nil {
		return err
	}

	staff.Fields.RemoveByName("mfa_last_step") // a factor keeps its own
	staff.Fields.Add(yes("mfa_enabled"), instant("password_changed_at"), yes("force_password_change"), choice("language", "en", "es"))
	if err := app.Save(staff); err != nil {
		return err
	}

	// proven_at: when the person last proved who they are, in seconds since 1970; what changes an account asks for it.
	sessions.Fields.Add(whole("proven_at"), text("device", 15))
	if err := app.Save(sessions); err != nil {
		return err
	}

	// A token belongs to a portal user or to a member of staff, and may be a code alone. target is the address or
	// number that it proves; old_code_hash is the code that went to the address that is being given up.
	purpose := tokens.Fields.GetByName("purpose").(*core.SelectField)
	purpose.Values = append(purpose.Values, "sign_in", "change_email", "mfa_sms", "mfa_email", "phone")
	tokens.Fields.GetByName("portal_user").(*core.RelationField).Required = false
	link := tokens.Fields.GetByName("link_hash").(*core.TextField)
	link.Required = false
	tokens.Fields.Add(
		&core.RelationField{Name: "staff", CollectionId: staff.Id, MaxSelect: 1, CascadeDelete: true},
		hidden(text("target", 255)), hidden(text("old_code_hash", 64)))
	tokens.RemoveIndex("idx_account_tokens_link")
	tokens.AddIndex("idx_account_tokens_link", true, "link_hash", "link_hash != ''")
	tokens.AddIndex("idx_account_tokens_staff", false, "staff, purpose", "staff != ''")
	return app.Save(tokens)
}

// owned are the columns of what belongs to an account of either auth collection; owner is an id of owner_collection.
func owned(fields ...core.Field) []core.Field {
	return slices.Concat([]core.Field{mustChoice("owner_collection", "portal_users", "staff"), must(text("owner", 15))}, fields)
}

func factors(app core.App) error {
	// One row a method. A factor counts from enabled_at on. last_step is the last time step of a TOTP code that was used.
	f := base("mfa_factors", owned(mustChoice("method", "totp", "sms", "email"), hidden(text("phone", 40)),
		instant("enabled_at"), instant("last_used"), whole("last_step"))...)
	if err := sealed(f, "secret", "text", "", 200); err != nil {
		return err
	}
	f.AddIndex("idx_mfa_factors_owner", true, "owner_collection, owner, method", "")
	if err := app.Save(f); err != nil {
		return err
	}

	r := base("recovery_codes", owned(hidden(must(text("code_hash", 64))), instant("used_at"))...)
	r.AddIndex("idx_recovery_codes_owner", true, "owner_collection, owner, code_hash", "")
	if err := app.Save(r); err != nil {
		return err
	}

	p := base("passkey_credentials", owned(must(text("name", 80)), must(text("credential_id", 1400)), hidden(must(text("public_key", 4000))),
		whole("sign_count"), text("aaguid", 36), mustChoice("device_type", "single", "synced"), yes("backed_up"),
		data("transports", 400), instant("last_used"))...)
	p.AddIndex("idx_passkey_credentials_credential", true, "credential_id", "")
	p.AddIndex("idx_passkey_credentials_owner", false, "owner_collection, owner", "")
	if err := app.Save(p); err != nil {
		return err
	}

	return run(app,
		// a used recovery code stays used, whoever asks
		`CREATE TRIGGER recovery_codes_once BEFORE UPDATE ON recovery_codes WHEN old.used_at <> '' AND new.used_at <> old.used_at
			BEGIN SELECT RAISE(ABORT, 'a recovery code is used once'); END`,
		// a time step of a factor is used once, so none may come back
		`CREATE TRIGGER mfa_factors_step BEFORE UPDATE ON mfa_factors WHEN new.secret = old.secret AND new.last_step < old.last_step
			BEGIN SELECT RAISE(ABORT, 'a time step is used once'); END`,
		// a counter that goes back is a copied key
		`CREATE TRIGGER passkey_credentials_count BEFORE UPDATE ON passkey_credentials WHEN new.sign_count < old.sign_count
			BEGIN SELECT RAISE(ABORT, 'a passkey''s counter never goes back'); END`,
		// A proof that waits for its second factor. token_hash is of the mfaToken, stamp of the account as it was when the
		// proof was made, bound_to what alone it may open; wants is JSON. Seconds since 1970.
		`CREATE TABLE sign_in_attempts (
			token_hash TEXT PRIMARY KEY, owner_collection TEXT NOT NULL, owner TEXT NOT NULL, stamp TEXT NOT NULL,
			method TEXT NOT NULL, bound_to TEXT NOT NULL DEFAULT '', wants TEXT NOT NULL DEFAULT '{}',
			code_method TEXT NOT NULL DEFAULT '', code_hash TEXT NOT NULL DEFAULT '', codes_sent INTEGER NOT NULL DEFAULT 0,
			tries INTEGER NOT NULL DEFAULT 0, expires_at INTEGER NOT NULL, used_at INTEGER NOT NULL DEFAULT 0
		) STRICT, WITHOUT ROWID`,
		`CREATE INDEX idx_sign_in_attempts_expires ON sign_in_attempts(expires_at)`,
		// A WebAuthn challenge, deleted when it is used. owner is empty while nobody is known.
		`CREATE TABLE passkey_challenges (
			id TEXT PRIMARY KEY, purpose TEXT NOT NULL, owner_collection TEXT NOT NULL DEFAULT '', owner TEXT NOT NULL DEFAULT '',
			data TEXT NOT NULL, expires_at INTEGER NOT NULL
		) STRICT, WITHOUT ROWID`,
		`CREATE INDEX idx_passkey_challenges_expires ON passkey_challenges(expires_at)`)
}

func devices(app core.App) error {
	// A device that need not show the second factor again until expires_at. Only the hash of its cookie is kept.
	d := base("remembered_devices", owned(hidden(must(text("token_hash", 64))),
		text("device_type", 20), text("device_os", 50), text("browser", 50), instant("last_used"), mustInstant("expires_at"), instant("revoked_at"))...)
	d.AddIndex("idx_remembered_devices_token", true, "token_hash", "")
	d.AddIndex("idx_remembered_devices_owner", false, "owner_collection, owner", "")
	return app.Save(d)
}

func invitations(app core.App) error {
	cols, err := find(app, "clients", "portal_users")
	if err != nil {
		return err
	}
	// access_until is when the access that it gives ends, empty: never. invited_by is kind:id.
	i := base("invitations",
		mustTo("client", cols[0]), &core.EmailField{Name: "email", Required: true},
		mustChoice("relationship", "self", "parent", "guardian", "partner", "billing"),
		mustChoice("scope", "all", "appointments_forms", "billing"), instant("access_until"),
		choice("language", "en", "es"), must(text("invited_by", 40)), hidden(must(text("link_hash", 64))),
		mustInstant("expires_at"), whole("sent_count"), whole("tries"),
		instant("accepted_at"), to("accepted_by", cols[1]), instant("revoked_at"))
	rules(i, rule(deskStaff), nil, nil)
	i.AddIndex("idx_invitations_link", true, "link_hash", "")
	i.AddIndex("idx_invitations_client", false, "client, created", "")
	if err := app.Save(i); err != nil {
		return err
	}
	return run(app, `CREATE TRIGGER invitations_once BEFORE UPDATE ON invitations
		WHEN old.accepted_at <> '' AND (new.accepted_at <> old.accepted_at OR new.link_hash <> old.link_hash OR new.expires_at <> old.expires_at)
		BEGIN SELECT RAISE(ABORT, 'an invitation is accepted once'); END`)
}
