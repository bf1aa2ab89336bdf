package pb_migrations

import "github.com/pocketbase/pocketbase/core"

// Several people can hear of one visit, each at their own hours: a reminder is remembered for each of them, by the login,
// or none for the number and the address of the client's record.
func init() {
	core.AppMigrations.Register(func(app core.App) error {
		cols, err := find(app, "appointment_reminders")
		if err != nil {
			return err
		}
		r := cols[0]
		r.Fields.Add(text("recipient", 15))
		r.RemoveIndex("idx_appointment_reminders_once")
		r.AddIndex("idx_appointment_reminders_once", true, "appointment, start_time, minutes_before, channel, recipient", "")
		return app.Save(r)
	}, noDown, "1700001260_reminders.go")
}
