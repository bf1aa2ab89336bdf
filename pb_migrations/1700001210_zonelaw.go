package pb_migrations

import "github.com/pocketbase/pocketbase/core"

// Visits agreed earlier learn their distance from UTC: it is what lies between the clock time and the instant.
func init() {
	core.AppMigrations.Register(func(app core.App) error {
		return run(app, `UPDATE appointments SET utc_offset = round((julianday(local_date || ' ' || local_start) - julianday(start_time)) * 1440)
			WHERE local_date <> '' AND local_start <> '' AND start_time <> ''`)
	}, noDown, "1700001210_zonelaw.go")
}
