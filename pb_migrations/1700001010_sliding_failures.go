package pb_migrations

import "github.com/pocketbase/pocketbase/core"

// Windows of failed sign-ins slide: a row keeps the instants of the failures that may still count, and no more of
// them than its limit. What was counted before stays counted, as of its first failure.
func init() {
	core.AppMigrations.Register(func(app core.App) error {
		// instants: JSON, milliseconds since 1970, like the other times, oldest first; last_at is the newest, for tidying up
		err := run(app,
			`CREATE TABLE sliding_failures (
				key          TEXT PRIMARY KEY,
				instants     TEXT NOT NULL CHECK (json_valid(instants)),
				last_at      INTEGER NOT NULL,
				locked_until INTEGER NOT NULL DEFAULT 0
			) STRICT, WITHOUT ROWID`,
			`INSERT INTO sliding_failures SELECT key, '[' || substr(replace(hex(zeroblob(failures)), '00', ',' || (first_at * 1000)), 2) || ']',
				first_at * 1000, locked_until * 1000 FROM sign_in_failures`,
			`DROP TABLE sign_in_failures`,
			`ALTER TABLE sliding_failures RENAME TO sign_in_failures`,
			`CREATE INDEX idx_sign_in_failures_last ON sign_in_failures(last_at)`)
		if err != nil {
			return err
		}
		// from where somebody signed in lately is asked while the whole clinic is being guessed at
		cols, err := find(app, "portal_sessions")
		if err != nil {
			return err
		}
		cols[0].AddIndex("idx_portal_sessions_known", false, "owner, ip_address, started_at", "")
		return app.Save(cols[0])
	}, noDown, "1700001010_sliding_failures.go")
}
