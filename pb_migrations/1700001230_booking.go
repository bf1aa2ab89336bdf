package pb_migrations

import "github.com/pocketbase/pocketbase/core"

// Booking: what an invoice of a visit is for, and a request that keeps its time.
func init() {
	core.AppMigrations.Register(func(app core.App) error {
		for _, up := range []func(core.App) error{purposes, promisedTimes} {
			if err := up(app); err != nil {
				return err
			}
		}
		return nil
	}, noDown, "1700001230_booking.go")
}

// purposes: a visit has one invoice for its deposit, however often it is saved. The bare word says that nobody wrote
// why, which is every invoice that staff write.
func purposes(app core.App) error {
	cols, err := find(app, "invoices")
	if err != nil {
		return err
	}
	i := cols[0]
	i.Fields.Add(choice("purpose", "deposit", "late_fee", "group"))
	i.AddIndex("idx_invoices_deposit", true, "appointment", "purpose = 'deposit'")
	i.AddIndex("idx_invoices_appointment", false, "appointment, purpose", "appointment <> ''")
	return app.Save(i)
}

// promisedTimes is the database's own refusal to give away what a request holds: a clinician's time that a client asked
// for, where the clinic chose that requests hold their first preference. The client whom it was promised can have it.
func promisedTimes(app core.App) error {
	const promised = `o.status = 'requested' AND o.holds_slot = TRUE AND o.client <> NEW.client`
	const newPromise = `NEW.status = 'requested' AND NEW.holds_slot = TRUE`
	overlap := func(which string) string {
		return `EXISTS (SELECT 1 FROM appointments o WHERE o.clinician = NEW.clinician AND ` + which + ` AND o.id <> NEW.id
		AND o.hold_start < NEW.hold_end AND o.hold_start > ` + dayBefore + ` AND o.hold_end > NEW.hold_start)`
	}
	trigger := func(name, when string) string {
		return `CREATE TRIGGER ` + name + ` BEFORE ` + when + ` ON appointments WHEN (` + newHolds + `) OR (` + newPromise + `) BEGIN
	SELECT RAISE(ABORT, 'slot: promised') WHERE ` + overlap(promised) + `;
	SELECT RAISE(ABORT, 'slot: clinician') WHERE NEW.status = 'requested' AND (NEW.clinician = '' OR ` + overlap("o."+holds) + `);
	END`
	}
	return run(app,
		`CREATE INDEX promised_clinician ON appointments(clinician, hold_start, hold_end) WHERE status = 'requested' AND holds_slot = TRUE`,
		trigger("slot_promised_insert", "INSERT"),
		trigger("slot_promised_update", "UPDATE OF clinician, hold_start, hold_end, status, holds_slot"))
}
