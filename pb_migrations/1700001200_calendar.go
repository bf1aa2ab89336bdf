package pb_migrations

import (
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"
)

// The clinic's calendar: when it works, what a visit needs, waitlist, parties, feeds, and what was reminded.
func init() {
	core.AppMigrations.Register(func(app core.App) error {
		for _, up := range []func(core.App) error{bookingPolicies, capacity, workingHours, visitNeeds, waitlist, parties, feedsAndReminders, heldEquipment} {
			if err := up(app); err != nil {
				return err
			}
		}
		return nil
	}, noDown, "1700001200_calendar.go")
}

// wall is what a clock shows, as text: HH:mm.
func wall(name string) *core.TextField {
	return &core.TextField{Name: name, Max: 5, Pattern: `^([01]\d|2[0-3]):[0-5]\d$`}
}

// who keeps the clinic's hours
const hoursStaff = anyStaff + ` && (@request.auth.role = "admin" || @request.auth.role = "front_desk")`

func bookingPolicies(app core.App) error {
	cols, err := find(app, "clinic_settings")
	if err != nil {
		return err
	}
	s := cols[0]
	s.Fields.Add(
		whole("booking_notice_minutes"), whole("booking_horizon_days"), whole("slot_step_minutes"), // 0: no notice, the default, the default
		yes("request_holds"), // a request keeps its first preference from others until it is decided
		choice("late_cancel", "refuse", "fee", "free"), cents("late_fee_cents"), whole("cancel_grace_minutes"),
		whole("check_in_minutes"), whole("telehealth_opens_minutes"), // 0: all of the day; the default
		whole("waitlist_offer_minutes"), whole("group_max"),
		data("reminder_ladder", 4096), wall("quiet_from"), wall("quiet_until"))
	return app.Save(s)
}

// capacity: what a visit can need beside a clinician, and what clinicians and rooms can do.
func capacity(app core.App) error {
	cols, err := find(app, "locations", "rooms", "clinicians", "services", "form_templates", "service_categories")
	if err != nil {
		return err
	}
	locations, rooms, clinicians, services, templates, categories := cols[0], cols[1], cols[2], cols[3], cols[4], cols[5]
	locations.Fields.Add(data("opening_hours", 2048)) // {"mon":["08:00-12:00","13:00-18:00"],…}; nothing: the shifts alone decide
	rooms.Fields.Add(text("equipment_type", 60))      // what a service asks for in required_equipment; empty: the name
	clinicians.Fields.Add(data("capabilities", 4096), choice("booking_mode", "off", "view", "request", "instant"))
	services.Fields.Add(yes("needs_room"), toMany("rooms", rooms), whole("slot_step_minutes"), whole("series_max"), toMany("forms", templates),
		cents("late_fee_cents"))
	for _, c := range []*core.Collection{locations, rooms, clinicians, services} {
		if err := app.Save(c); err != nil {
			return err
		}
	}
	p := base("packages", &core.TextField{Name: "name", Required: true, Max: 120, Presentable: true}, text("description", 4000),
		to("category", categories), data("items", 8192), // [{"service":id,"quantity":n},…]
		cents("price_cents"), choice("currency", "usd", "eur", "gbp", "cad", "aud", "mxn"), whole("valid_days"), whole("position"), yes("is_active"))
	rules(p, rule(anyStaff), rule(adminOnly), rule(adminOnly))
	return app.Save(p)
}

// workingHours: shifts are when somebody works, breaks and closures when nobody can be booked. All three recur alike:
// from first_day, by an RFC 5545 rule, until last_day, without the days in exceptions and with those in extra_days. No
// rule: every day from first_day to last_day, or first_day alone. Times are those of the location's clocks; an end that
// is not after the start is on the next day.
func workingHours(app core.App) error {
	cols, err := find(app, "locations", "clinicians", "services")
	if err != nil {
		return err
	}
	locations, clinicians, services := cols[0], cols[1], cols[2]
	recurs := func(c *core.Collection) {
		c.Fields.Add(must(day("first_day")), text("rrule", 500), day("last_day"), data("exceptions", 8192), data("extra_days", 8192),
			wall("starts_at"), wall("ends_at"), yes("is_active"))
	}

	s := base("shifts", mustTo("clinician", clinicians), mustTo("location", locations))
	recurs(s)
	s.Fields.Add(&core.SelectField{Name: "service_locations", Values: []string{"telehealth", "in_office"}, MaxSelect: 2}, toMany("services", services))
	s.Fields.GetByName("starts_at").(*core.TextField).Required = true
	s.Fields.GetByName("ends_at").(*core.TextField).Required = true
	rules(s, rule(anyStaff), rule(hoursStaff), rule(hoursStaff))
	s.AddIndex("idx_shifts_clinician", false, "clinician, is_active", "")
	if err := app.Save(s); err != nil {
		return err
	}

	// no times: the whole day
	b := base("breaks", mustTo("clinician", clinicians), to("location", locations), text("reason", 200))
	recurs(b)
	own := deskStaff + ` && (@request.auth.role != "clinician" || clinician.staff = @request.auth.id)`
	rules(b, rule(anyStaff), rule(own), rule(own))
	b.AddIndex("idx_breaks_clinician", false, "clinician, is_active", "")
	if err := app.Save(b); err != nil {
		return err
	}

	// no location: every one
	c := base("closures", &core.TextField{Name: "name", Required: true, Max: 120, Presentable: true}, to("location", locations))
	recurs(c)
	rules(c, rule(anyStaff), rule(hoursStaff), rule(hoursStaff))
	return app.Save(c)
}

func visitNeeds(app core.App) error {
	cols, err := find(app, "appointments", "rooms", "appointment_history")
	if err != nil {
		return err
	}
	a, rooms, h := cols[0], cols[1], cols[2]
	a.Fields.Add(toMany("equipment", rooms),
		yes("holds_slot"),                            // a request that keeps its time
		whole("utc_offset"),                          // minutes: which of two when the clocks show an hour twice
		text("series", 15), whole("series_position"), // follow-ups booked together
		yes("guest"), // of a party, without a record of their own: the client is who brought them
		cents("late_fee_cents"), instant("booked_at"), instant("room_ready_at"))
	if err := sealed(a, "guest_name", "text", "client", 200); err != nil {
		return err
	}
	a.AddIndex("idx_appointments_series", false, "series", "series <> ''")
	a.AddIndex("idx_appointments_group", false, "group_booking", "group_booking <> ''")
	if err := app.Save(a); err != nil {
		return err
	}
	h.Fields.Add(text("from_clinician", 15), text("to_clinician", 15))
	return app.Save(h)
}

func waitlist(app core.App) error {
	cols, err := find(app, "clients", "services", "clinicians", "locations", "appointments")
	if err != nil {
		return err
	}
	clients, services, clinicians, locations, appointments := cols[0], cols[1], cols[2], cols[3], cols[4]
	w := base("waitlist_entries",
		mustTo("client", clients), mustTo("service", services), to("clinician", clinicians), to("location", locations),
		choice("service_location", "telehealth", "in_office"), data("days", 64), wall("from_time"), wall("until_time"), day("expires_on"),
		mustChoice("status", "waiting", "offered", "booked", "expired", "withdrawn"), text("requested_by", 15), mustInstant("joined_at"),
		// the offer that stands: who else wants that time waits until it ends
		instant("offered_start"), instant("offered_hold_end"), to("offered_clinician", clinicians), to("offered_location", locations),
		instant("offer_expires_at"), whole("offers_made"), to("appointment", appointments), instant("ended_at"))
	rules(w, rule(deskStaff+" && "+reached("client.")), nil, nil)
	w.AddIndex("idx_waitlist_client", false, "client, status", "")
	w.AddIndex("idx_waitlist_line", false, "service, joined_at", "status = 'waiting'")
	w.AddIndex("idx_waitlist_offers", false, "offered_clinician, offered_start", "status = 'offered'")
	return app.Save(w)
}

func parties(app core.App) error {
	cols, err := find(app, "clients", "locations")
	if err != nil {
		return err
	}
	g := base("group_bookings",
		mustTo("payer", cols[0]), mustTo("location", cols[1]), mustInstant("start_time"), mustChoice("mode", "parallel", "sequence"),
		mustChoice("status", "booked", "cancelled"), whole("people"), cents("total_cents"), choice("currency", "usd", "eur", "gbp", "cad", "aud", "mxn"),
		text("requested_by", 15), text("created_by", 40), instant("cancelled_at"), text("cancelled_by", 40))
	rules(g, rule(deskStaff+" && "+reached("payer.")), nil, nil)
	g.AddIndex("idx_group_bookings_payer", false, "payer, start_time", "")
	return app.Save(g)
}

func feedsAndReminders(app core.App) error {
	cols, err := find(app, "clients", "portal_users", "staff", "clinicians", "appointments")
	if err != nil {
		return err
	}
	clients, users, staff, clinicians, appointments := cols[0], cols[1], cols[2], cols[3], cols[4]

	// A private address that a calendar program reads. Only the hash of its secret is kept.
	f := base("calendar_feeds", to("client", clients), to("portal_user", users), to("clinician", clinicians), to("staff", staff),
		hidden(must(text("token_hash", 64))), instant("last_used"), instant("revoked_at"), text("revoked_by", 40))
	rules(f, nil, nil, nil)
	f.AddIndex("idx_calendar_feeds_token", true, "token_hash", "")
	f.AddIndex("idx_calendar_feeds_user", false, "portal_user, client", "")
	f.AddIndex("idx_calendar_feeds_staff", false, "staff", "")
	if err := app.Save(f); err != nil {
		return err
	}

	// One row a rung of the ladder, of a visit at its time, on one channel, to one person: the index lets nobody be
	// reminded twice.
	r := base("appointment_reminders", mustTo("appointment", appointments), mustTo("client", clients), mustInstant("start_time"),
		&core.NumberField{Name: "minutes_before", OnlyInt: true, Required: true, Min: types.Pointer(1.0)}, mustChoice("channel", "email", "sms", "in_app"),
		mustInstant("sent_at"))
	rules(r, nil, nil, nil)
	r.AddIndex("idx_appointment_reminders_once", true, "appointment, start_time, minutes_before, channel", "")
	r.AddIndex("idx_appointment_reminders_client", false, "client", "")
	return app.Save(r)
}

// heldEquipment renews the refusal of double bookings: equipment is held like a room, and a guest of a party does not
// keep the client who brought them from a visit of their own.
func heldEquipment(app core.App) error {
	const units = `EXISTS (SELECT 1 FROM json_each(o.equipment) j WHERE j.value = q.value)`
	const equipmentTaken = `EXISTS (
	SELECT 1 FROM json_each(NEW.equipment) q, (
		SELECT NEW.hold_start AS at
		UNION SELECT o.hold_start FROM appointments o WHERE o.` + holds + ` AND o.equipment <> '[]' AND o.id <> NEW.id
			AND o.hold_start > NEW.hold_start AND o.hold_start < NEW.hold_end
	) p
	WHERE (SELECT count(*) FROM appointments o WHERE o.` + holds + ` AND o.equipment <> '[]' AND o.id <> NEW.id
		AND o.hold_start <= p.at AND o.hold_start > ` + dayBefore + ` AND o.hold_end > p.at AND ` + units + `)
		>= (SELECT max(1, capacity) FROM rooms WHERE id = q.value))`
	clientTaken := `NEW.guest = FALSE AND EXISTS (SELECT 1 FROM appointments o WHERE o.client = NEW.client AND o.` + holds + ` AND o.id <> NEW.id AND +o.guest = FALSE
		AND o.hold_start < NEW.hold_end AND o.hold_start > ` + dayBefore + ` AND o.end_time > NEW.start_time AND o.start_time < NEW.end_time)`
	trigger := func(name, when string) string {
		return `CREATE TRIGGER ` + name + ` BEFORE ` + when + ` ON appointments WHEN ` + newHolds + ` BEGIN
	SELECT RAISE(ABORT, 'slot: times') WHERE NEW.start_time >= NEW.end_time OR NEW.hold_start > NEW.start_time OR NEW.hold_end < NEW.end_time
		OR NEW.hold_start NOT GLOB '????-??-?? ??:??:??.???Z' OR NEW.hold_end NOT GLOB '????-??-?? ??:??:??.???Z'
		OR NEW.start_time NOT GLOB '????-??-?? ??:??:??.???Z' OR NEW.end_time NOT GLOB '????-??-?? ??:??:??.???Z'
		OR NEW.hold_end > strftime('%Y-%m-%d %H:%M:%fZ', NEW.hold_start, '+1 day');
	SELECT RAISE(ABORT, 'slot: clinician') WHERE NEW.clinician = '' OR ` + overlaps("clinician", "hold_start", "hold_end") + `;
	SELECT RAISE(ABORT, 'slot: room') WHERE NEW.room <> '' AND ` + roomFull + `;
	SELECT RAISE(ABORT, 'slot: equipment') WHERE NEW.equipment <> '[]' AND ` + equipmentTaken + `;
	SELECT RAISE(ABORT, 'slot: client') WHERE ` + clientTaken + `;
	END`
	}
	return run(app,
		`CREATE INDEX held_equipment ON appointments(hold_start, hold_end) WHERE `+holds+` AND equipment <> '[]'`,
		`DROP TRIGGER slot_insert`, `DROP TRIGGER slot_update`,
		trigger("slot_insert", "INSERT"),
		trigger("slot_update", "UPDATE OF client, clinician, room, equipment, guest, start_time, end_time, hold_start, hold_end, status"))
}
