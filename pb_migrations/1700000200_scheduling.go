package pb_migrations

import (
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"
)

// Scheduling: what can be booked, where, and the appointments themselves. A request is an appointment in the state
// "requested": it holds no time until the clinic decides.
func init() {
	core.AppMigrations.Register(func(app core.App) error {
		for _, up := range []func(core.App) error{catalogue, appointments, slotTriggers, moveTriggers} {
			if err := up(app); err != nil {
				return err
			}
		}
		return nil
	}, noDown, "1700000200_scheduling.go")
}

func catalogue(app core.App) error {
	cols, err := find(app, "locations", "clinicians")
	if err != nil {
		return err
	}
	locations, clinicians := cols[0], cols[1]

	rooms := base("rooms", &core.TextField{Name: "name", Required: true, Max: 120, Presentable: true},
		mustTo("location", locations), mustChoice("kind", "room", "equipment"),
		&core.NumberField{Name: "capacity", OnlyInt: true, Min: types.Pointer(1.0), Max: types.Pointer(500.0)}, yes("is_active"))
	rules(rooms, rule(anyStaff), rule(adminOnly), rule(adminOnly))
	if err := app.Save(rooms); err != nil {
		return err
	}

	categories := base("service_categories", &core.TextField{Name: "name", Required: true, Max: 120, Presentable: true}, whole("position"))
	rules(categories, rule(anyStaff), rule(adminOnly), rule(adminOnly))
	if err := app.Save(categories); err != nil {
		return err
	}

	minutes := func(name string, required bool) *core.NumberField {
		f := &core.NumberField{Name: name, OnlyInt: true, Required: required, Min: types.Pointer(0.0), Max: types.Pointer(1440.0)}
		return f
	}
	s := base("services",
		&core.TextField{Name: "name", Required: true, Max: 120, Presentable: true}, text("description", 4000),
		to("category", categories), minutes("duration", true), minutes("scheduled_duration", false), minutes("post_treatment_time", false),
		cents("price_cents"), choice("currency", "usd", "eur", "gbp", "cad", "aud", "mxn"), yes("deposit_required"), cents("deposit_cents"),
		mustChoice("booking_mode", "off", "view", "request", "instant"),
		&core.SelectField{Name: "service_locations", Values: []string{"telehealth", "in_office"}, MaxSelect: 2, Required: true},
		data("required_capabilities", 4096), data("required_equipment", 4096), toMany("clinicians", clinicians), yes("is_active"))
	rules(s, rule(anyStaff), rule(adminOnly), rule(adminOnly))
	return app.Save(s)
}

func appointments(app core.App) error {
	cols, err := find(app, "clients", "clinicians", "services", "locations", "rooms", "staff")
	if err != nil {
		return err
	}
	clients, clinicians, services, locations, rooms, staff := cols[0], cols[1], cols[2], cols[3], cols[4], cols[5]

	a := base("appointments",
		mustTo("client", clients), to("clinician", clinicians), mustTo("service", services), mustTo("location", locations), to("room", rooms),
		to("lead_staff", staff), // the clinician's login, stored so that "my diary" seeks an index
		mustInstant("start_time"), mustInstant("end_time"), instant("hold_start"), instant("hold_end"),
		&core.NumberField{Name: "duration", OnlyInt: true, Required: true, Min: types.Pointer(1.0), Max: types.Pointer(1440.0)},
		must(text("time_zone", 60)), day("local_date"), text("local_start", 5),
		mustChoice("status", "requested", "scheduled", "confirmed", "arrived", "in_progress", "completed", "cancelled", "declined", "no_show"),
		mustChoice("service_location", "telehealth", "in_office"),
		text("booking_type", 40), choice("requested_via", "portal", "phone", "in_person"), yes("client_requested"),
		data("preferences", 2000), instant("submitted_at"), yes("any_clinician"),
		text("waiting_room_status", 40), instant("arrival_time"), instant("check_in_time"),
		instant("confirmation_sent_at"), instant("sms_confirmed_at"), instant("reminder_sent_at"),
		yes("deposit_paid"), cents("deposit_cents"), text("stripe_payment_intent_id", 255),
		text("group_booking", 15), whole("group_position"),
		instant("decided_at"), text("decided_by", 40), instant("cancelled_at"), text("cancelled_by", 40), text("created_by", 40),
		whole("ics_sequence"), text("requested_by", 15)) // requested_by: the portal user
	for _, f := range []struct {
		name string
		max  int
	}{{"reason_for_visit", 2000}, {"patient_notes", 2000}, {"staff_notes", 4000}, {"decline_reason", 1000}, {"message_to_client", 1000},
		{"cancellation_reason", 1000}, {"telehealth_link", 1000}} {
		if err := sealed(a, f.name, "text", "client", f.max); err != nil {
			return err
		}
	}
	rules(a, rule(anyStaff), rule(deskStaff), rule(deskStaff))
	a.AddIndex("idx_appointments_client", false, "client, status, start_time, end_time", "") // the end lets totals be counted from the index alone
	a.AddIndex("idx_appointments_client_start", false, "client, start_time", "")
	a.AddIndex("idx_appointments_clinician", false, "clinician, start_time", "")
	a.AddIndex("idx_appointments_lead", false, "lead_staff, start_time", "")
	a.AddIndex("idx_appointments_day", false, "location, start_time", "")
	a.AddIndex("idx_appointments_requests", false, "submitted_at", "status = 'requested'")
	if err := app.Save(a); err != nil {
		return err
	}

	h := base("appointment_history",
		mustTo("appointment", a), mustTo("client", clients), text("from_status", 20), mustChoice("to_status",
			"requested", "scheduled", "confirmed", "arrived", "in_progress", "completed", "cancelled", "declined", "no_show"),
		instant("from_start"), instant("to_start"), text("actor_kind", 20), text("actor", 40), mustInstant("at"))
	if err := sealed(h, "reason", "text", "client", 1000); err != nil {
		return err
	}
	rules(h, rule(anyStaff), nil, nil)
	h.AddIndex("idx_appointment_history", false, "appointment, at", "")
	if err := app.Save(h); err != nil {
		return err
	}
	return run(app,
		`CREATE TRIGGER appointment_history_update BEFORE UPDATE ON appointment_history BEGIN SELECT RAISE(ABORT, 'history is append-only'); END`,
		`CREATE TRIGGER appointment_history_delete BEFORE DELETE ON appointment_history BEGIN SELECT RAISE(ABORT, 'history is append-only'); END`)
}

// The database's own refusal of a double booking. It holds for every door, raw SQL included. Clinician and room
// are held from hold_start to hold_end (the visit and the service's after-time), the client for the visit itself.
// No hold is longer than 24 hours: that bound turns the overlap into a short range of an index. Times must be
// PocketBase's text form, which sorts as time.
const (
	holds     = `status IN ('scheduled','confirmed','arrived','in_progress')`
	newHolds  = `NEW.status IN ('scheduled','confirmed','arrived','in_progress')`
	dayBefore = `strftime('%Y-%m-%d %H:%M:%fZ', NEW.hold_start, '-1 day')`
)

func overlaps(col, from, to string) string {
	return `EXISTS (SELECT 1 FROM appointments o WHERE o.` + col + ` = NEW.` + col + ` AND o.` + holds + ` AND o.id <> NEW.id
		AND o.hold_start < NEW.hold_end AND o.hold_start > ` + dayBefore + ` AND o.` + to + ` > NEW.` + from + ` AND o.` + from + ` < NEW.` + to + `)`
}

// A room takes as many at once as its capacity. The peak within the new visit is reached at its own start or at
// the start of one that begins inside it, so only those instants are counted.
const roomFull = `EXISTS (
	SELECT 1 FROM (
		SELECT NEW.hold_start AS at
		UNION SELECT o.hold_start FROM appointments o WHERE o.room = NEW.room AND o.` + holds + ` AND o.id <> NEW.id
			AND o.hold_start > NEW.hold_start AND o.hold_start < NEW.hold_end
	) p
	WHERE (SELECT count(*) FROM appointments o WHERE o.room = NEW.room AND o.` + holds + ` AND o.id <> NEW.id
		AND o.hold_start <= p.at AND o.hold_start > ` + dayBefore + ` AND o.hold_end > p.at)
		>= (SELECT max(1, capacity) FROM rooms WHERE id = NEW.room))`

func slotTrigger(name, when string) string {
	return `CREATE TRIGGER ` + name + ` BEFORE ` + when + ` ON appointments WHEN ` + newHolds + ` BEGIN
	SELECT RAISE(ABORT, 'slot: times') WHERE NEW.start_time >= NEW.end_time OR NEW.hold_start > NEW.start_time OR NEW.hold_end < NEW.end_time
		OR NEW.hold_start NOT GLOB '????-??-?? ??:??:??.???Z' OR NEW.hold_end NOT GLOB '????-??-?? ??:??:??.???Z'
		OR NEW.start_time NOT GLOB '????-??-?? ??:??:??.???Z' OR NEW.end_time NOT GLOB '????-??-?? ??:??:??.???Z'
		OR NEW.hold_end > strftime('%Y-%m-%d %H:%M:%fZ', NEW.hold_start, '+1 day');
	SELECT RAISE(ABORT, 'slot: clinician') WHERE NEW.clinician = '' OR ` + overlaps("clinician", "hold_start", "hold_end") + `;
	SELECT RAISE(ABORT, 'slot: room') WHERE NEW.room <> '' AND ` + roomFull + `;
	SELECT RAISE(ABORT, 'slot: client') WHERE ` + overlaps("client", "start_time", "end_time") + `;
	END`
}

func slotTriggers(app core.App) error {
	return run(app,
		// plain SQL and not the collection's own indexes, so that a schema edit leaves them alone
		`CREATE INDEX held_clinician ON appointments(clinician, hold_start, hold_end) WHERE `+holds,
		`CREATE INDEX held_room ON appointments(room, hold_start, hold_end) WHERE `+holds,
		`CREATE INDEX held_client ON appointments(client, hold_start, start_time, end_time) WHERE `+holds,
		slotTrigger("slot_insert", "INSERT"),
		slotTrigger("slot_update", "UPDATE OF client, clinician, room, start_time, end_time, hold_start, hold_end, status"))
}

// The database's own refusal of an impossible life: a visit that ended does not begin again, and a decided request
// is not decided twice. The list is that of collections/appointments.go; a test compares them. And a visit is one
// client's, whatever is sealed in it under that client's key; replacing the row would be a way around both.
func moveTriggers(app core.App) error {
	return run(app, `CREATE TRIGGER appointments_client BEFORE UPDATE OF client, id ON appointments WHEN NEW.client <> OLD.client OR NEW.id <> OLD.id
		BEGIN SELECT RAISE(ABORT, 'appointment: client'); END`,
		`CREATE TRIGGER appointments_replaced BEFORE INSERT ON appointments WHEN EXISTS (SELECT 1 FROM appointments WHERE id = NEW.id)
		BEGIN SELECT RAISE(ABORT, 'appointment: replaced'); END`,
		`CREATE TRIGGER appointments_moves BEFORE UPDATE OF status ON appointments WHEN NEW.status <> OLD.status
		AND (OLD.status, NEW.status) NOT IN (VALUES
			('requested','scheduled'), ('requested','confirmed'), ('requested','declined'), ('requested','cancelled'),
			('scheduled','confirmed'), ('scheduled','arrived'), ('scheduled','cancelled'), ('scheduled','no_show'),
			('confirmed','arrived'), ('confirmed','cancelled'), ('confirmed','no_show'),
			('arrived','in_progress'), ('arrived','no_show'), ('in_progress','completed'))
		BEGIN SELECT RAISE(ABORT, 'appointment: move'); END`)
}
