package pb_migrations

import "github.com/pocketbase/pocketbase/core"

// What is remembered of the audit log beside it: one head a day, which is mailed and put away elsewhere too, and the last
// check. Both help whoever checks; the proof is the copy outside of this machine.
func init() {
	core.AppMigrations.Register(func(app core.App) error {
		return run(app,
			`CREATE TABLE audit_heads (day TEXT PRIMARY KEY, at TEXT NOT NULL, head TEXT NOT NULL) STRICT`,
			`CREATE TABLE audit_checked (id INTEGER PRIMARY KEY CHECK (id = 1), at TEXT NOT NULL, head TEXT NOT NULL,
				broken_at INTEGER NOT NULL, sentence TEXT NOT NULL) STRICT`)
	}, noDown, "1700001140_audit_heads.go")
}
