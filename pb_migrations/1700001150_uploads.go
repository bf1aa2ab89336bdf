package pb_migrations

import "github.com/pocketbase/pocketbase/core"

// Why somebody of the staff released or blocked a file, and that a blocked file stays blocked.
func init() {
	core.AppMigrations.Register(func(app core.App) error {
		cols, err := find(app, "uploads")
		if err != nil {
			return err
		}
		if err := sealed(cols[0], "reason", "text", "client", 500); err != nil {
			return err
		}
		if err := app.Save(cols[0]); err != nil {
			return err
		}
		return run(app, `CREATE TRIGGER uploads_blocked BEFORE UPDATE ON uploads
			WHEN old.scan = 'blocked' AND (new.scan <> 'blocked' OR new.released_at <> old.released_at OR new.removed_at <> old.removed_at)
			BEGIN SELECT RAISE(ABORT, 'a blocked file stays blocked'); END`)
	}, noDown, "1700001150_uploads.go")
}
