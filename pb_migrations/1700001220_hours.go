package pb_migrations

import "github.com/pocketbase/pocketbase/core"

// What the search for open times asks: closures and rooms of a place, and the times that requests keep.
func init() {
	core.AppMigrations.Register(func(app core.App) error {
		cols, err := find(app, "closures", "rooms")
		if err != nil {
			return err
		}
		closures, rooms := cols[0], cols[1]
		closures.AddIndex("idx_closures_location", false, "location, is_active", "")
		rooms.AddIndex("idx_rooms_location", false, "location, is_active", "")
		for _, c := range cols {
			if err := app.Save(c); err != nil {
				return err
			}
		}
		return run(app, `CREATE INDEX held_by_request ON appointments(clinician, hold_start, hold_end) WHERE status = 'requested' AND holds_slot = TRUE`)
	}, noDown, "1700001220_hours.go")
}
