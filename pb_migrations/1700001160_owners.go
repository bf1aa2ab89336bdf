package pb_migrations

import (
	"github.com/pocketbase/pocketbase/core"
)

// Owners, PocketBase's superusers, sign in like staff: what belongs to an account may be theirs, and their accounts say
// what those of staff say. Tokens that PocketBase gave them before name no session; each owner is asked to sign in again.
func init() {
	core.AppMigrations.Register(func(app core.App) error {
		cols, err := find(app, core.CollectionNameSuperusers, "account_tokens")
		if err != nil {
			return err
		}
		owners, tokens := cols[0], cols[1]
		closeSignIn(owners)
		owners.Fields.Add(yes("mfa_enabled"), instant("password_changed_at"), yes("force_password_change"), choice("language", "en", "es"))
		if err := app.Save(owners); err != nil {
			return err
		}
		// sign-in looks for the normal form
		if err := run(app, `UPDATE OR IGNORE _superusers SET email = lower(trim(email))`); err != nil {
			return err
		}

		tokens.Fields.Add(&core.RelationField{Name: "superuser", CollectionId: owners.Id, MaxSelect: 1, CascadeDelete: true})
		tokens.AddIndex("idx_account_tokens_superuser", false, "superuser, purpose", "superuser != ''")
		if err := app.Save(tokens); err != nil {
			return err
		}
		for _, name := range []string{"portal_sessions", "mfa_factors", "recovery_codes", "passkey_credentials", "remembered_devices"} {
			c, err := app.FindCollectionByNameOrId(name)
			if err != nil {
				return err
			}
			of := c.Fields.GetByName("owner_collection").(*core.SelectField)
			of.Values = append(of.Values, core.CollectionNameSuperusers)
			if err := app.Save(c); err != nil {
				return err
			}
		}
		return nil
	}, noDown, "1700001160_owners.go")
}
