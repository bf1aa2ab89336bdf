package pb_migrations

import "github.com/pocketbase/pocketbase/core"

// Waitlist: one live entry for the same wish, and what an entry let pass, so that the next in line is asked instead.
func init() {
	core.AppMigrations.Register(func(app core.App) error {
		cols, err := find(app, "waitlist_entries")
		if err != nil {
			return err
		}
		w := cols[0]
		w.Fields.Add(data("passed", 8192)) // [{"start":instant,"end":instant},…]
		w.AddIndex("idx_waitlist_live", true, "client, service, clinician", "status = 'waiting' OR status = 'offered'")
		return app.Save(w)
	}, noDown, "1700001250_waits.go")
}
