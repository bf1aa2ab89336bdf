package pb_migrations

import "github.com/pocketbase/pocketbase/core"

// Reach: treatment notes and broken glass are for those who treat and run the clinic now. Whoever left that role keeps
// neither, not even of their own. And the order in which the dashboard lists visits has an index.
func init() {
	core.AppMigrations.Register(func(app core.App) error {
		cols, err := find(app, "treatment_notes", "break_glass")
		if err != nil {
			return err
		}
		rules(cols[0], rule(clinicalStaff+` && (author = @request.auth.id || (@request.auth.role = "clinician" && status = "signed" && kind != "psychotherapy" && `+reached("client.")+`))`),
			rule(clinicalStaff), rule(clinicalStaff+` && author = @request.auth.id`))
		rules(cols[1], rule(clinicalStaff+` && (@request.auth.role = "admin" || staff = @request.auth.id)`), nil, nil)
		for _, c := range cols {
			if err := app.Save(c); err != nil {
				return err
			}
		}
		// lists of staff walk appointments in order and probe the care team row by row: without this index they would
		// first sort all of them, and tell their many joined rows apart
		cols, err = find(app, "appointments")
		if err != nil {
			return err
		}
		cols[0].AddIndex("idx_appointments_start", false, "start_time", "")
		return app.Save(cols[0])
	}, noDown, "1700001130_reach.go")
}
