package pb_migrations

import "github.com/pocketbase/pocketbase/core"

// What the clinic did to a client's login, and why. Rows are only added. account is no relation: the row outlives it.
func init() {
	core.AppMigrations.Register(func(app core.App) error {
		h := base("account_history",
			must(text("account", 15)), must(text("action", 40)), mustChoice("actor_kind", "staff", "owner", "system"), text("actor", 15),
			choice("identity_check", "in_person", "video", "phone_callback"), mustInstant("at"))
		if err := sealed(h, "reason", "text", "", 2000); err != nil {
			return err
		}
		h.AddIndex("idx_account_history", false, "account, at", "")
		if err := app.Save(h); err != nil {
			return err
		}
		return run(app,
			`CREATE TRIGGER account_history_update BEFORE UPDATE ON account_history BEGIN SELECT RAISE(ABORT, 'the history of accounts is append-only'); END`,
			`CREATE TRIGGER account_history_delete BEFORE DELETE ON account_history BEGIN SELECT RAISE(ABORT, 'the history of accounts is append-only'); END`)
	}, noDown, "1700001020_account_history.go")
}
