package pb_migrations

import "github.com/pocketbase/pocketbase/core"

// The audit log. Not a collection: the record API, truncate, the schema editor and imports do not reach it.
// Lines are added one after the other and never changed:
//   - the update and delete triggers refuse what they say;
//   - the insert trigger makes that true: INSERT OR REPLACE deletes a line without asking a delete trigger. It also
//     asks that each line names the hash of the one before.
//
// The only index beside the key is the one that "who looked at my record" needs: every read of the clinic writes here.
func init() {
	core.AppMigrations.Register(func(app core.App) error {
		return run(app,
			`CREATE TABLE portal_audit_log (
				seq           INTEGER PRIMARY KEY,
				at            TEXT NOT NULL,
				actor_kind    TEXT NOT NULL,
				actor_id      TEXT NOT NULL,
				role          TEXT NOT NULL,
				session_id    TEXT NOT NULL,
				client_id     TEXT NOT NULL,
				action        TEXT NOT NULL,
				resource_type TEXT NOT NULL,
				resource_id   TEXT NOT NULL,
				result        TEXT NOT NULL CHECK (result IN ('ok', 'refused', 'failed')),
				error_code    TEXT NOT NULL,
				ip            TEXT NOT NULL,
				agent         TEXT NOT NULL,
				details       TEXT NOT NULL CHECK (details = '' OR json_valid(details)),
				prev          BLOB NOT NULL CHECK (length(prev) = 32),
				hash          BLOB NOT NULL CHECK (length(hash) = 32)
			) STRICT`,
			`CREATE INDEX idx_portal_audit_log_client ON portal_audit_log(client_id, seq) WHERE client_id <> ''`,
			`CREATE TRIGGER portal_audit_log_append BEFORE INSERT ON portal_audit_log
				WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM portal_audit_log)
				OR NEW.prev IS NOT coalesce((SELECT hash FROM portal_audit_log ORDER BY seq DESC LIMIT 1), zeroblob(32))
				BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END`,
			`CREATE TRIGGER portal_audit_log_update BEFORE UPDATE ON portal_audit_log
				BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END`,
			`CREATE TRIGGER portal_audit_log_delete BEFORE DELETE ON portal_audit_log
				BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END`)
	}, noDown, "1700000900_audit.go")
}
