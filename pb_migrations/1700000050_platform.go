package pb_migrations

import (
	"database/sql"
	"errors"

	"github.com/pocketbase/pocketbase/core"
)

// PocketBase itself: what we do not use is off, and the collection it ships for "users" is not ours.
func init() {
	core.AppMigrations.Register(func(app core.App) error {
		s := app.Settings()
		s.Meta.AppName = "Anteroom"
		s.Meta.HideControls = true
		s.Batch.Enabled = false
		s.RateLimits.Enabled = false // ours count per person and per account
		// what the operator must know; requests are not logged at all (see the kernel), the audit log is their record
		s.Logs.MaxDays = 14
		s.Logs.MinLevel = 4
		s.Logs.LogIP = false
		if err := app.Save(s); err != nil {
			return err
		}
		// what /readyz writes and reads back
		if err := run(app, `CREATE TABLE server_heartbeat (id INTEGER PRIMARY KEY CHECK (id = 1), at TEXT NOT NULL) STRICT`); err != nil {
			return err
		}
		users, err := app.FindCollectionByNameOrId("users")
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		return app.Delete(users)
	}, noDown, "1700000050_platform.go")
}
