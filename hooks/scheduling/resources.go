package scheduling

import (
	"errors"
	"slices"

	"github.com/pocketbase/dbx"
	validation "github.com/pocketbase/ozzo-validation/v4"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/kernel"
)

// What a visit takes beside its time is decided here, inside the write transaction: who, in which room, with which
// things. Two decisions at once cannot choose the same.

// takeResources refuses a time that is not open, and chooses what was left open of it. Imports are not held to hours:
// they bring what was agreed elsewhere, and the database still refuses what overlaps.
func takeResources(tx core.App, s *save) error {
	if err := s.limitPromises(tx); err != nil {
		return err
	}
	if !s.takesTime() {
		return nil
	}
	if err := s.load(); err != nil {
		return err
	}
	if len(s.problems) > 0 {
		return s.verdict()
	}
	if err := chooseClinician(tx, s); err != nil {
		return err
	}
	if s.after.Status() == collections.AppointmentRequested {
		return nil // a promise is one person's time; rooms and things are found when it is decided
	}
	if err := chooseRoom(tx, s); err != nil {
		return err
	}
	return chooseEquipment(tx, s)
}

// takesTime tells whether this save takes a time that was not this visit's: a visit becomes booked, a booked one
// changes, or a request begins that keeps its time.
func (s *save) takesTime() bool {
	to := s.after.Status()
	switch {
	case to.Holds() && (s.before == nil || !s.before.Status().Holds()):
		return true
	case to.Holds():
		return len(s.visitChanges()) > 0
	}
	return to == collections.AppointmentRequested && s.after.HoldsSlot() && s.before == nil
}

// wish is what this save wants, for the rules of openings.
func (s *save) wish() wish {
	w := wish{client: s.after.Client(), service: s.service, location: s.location, place: s.after.Place(), clinician: s.after.Clinician(),
		except: s.after.Id, length: s.visitLength(), by: s.actor, outside: s.waivesHours()}
	w.entry, _ = s.after.GetRaw(entryKey).(string)
	if s.after.Guest() {
		w.client = "" // whoever brings them may be elsewhere at that time
	}
	if place, ok := s.after.GetRaw(partyKey).(partyPlace); ok && place.follows {
		w.follows = true
	}
	if s.after.Status() == collections.AppointmentRequested || w.entry != "" {
		w.by = askedOfTheClinic // a request's notice and horizon are its own, and the clinic decides it; what it offers it has decided
	}
	return w
}

// entryKey carries the waitlist entry whose offer this visit takes up, so that the offer is no obstacle to itself.
const entryKey = "@scheduling.entry"

// askedOfTheClinic judges a time as the clinic would: any minute of its hours, as soon or as late as it likes.
var askedOfTheClinic = kernel.Actor{Kind: kernel.KindOwner}

// chooseClinician refuses a time that is not open for who was named, or decides who sees a client who left it open: of
// those who give the service there and are free, the one with the fewest visits that day, then by name.
func chooseClinician(tx core.App, s *save) error {
	a := s.after
	if a.Clinician() != "" {
		return s.refuseClosed(tx)
	}
	free, err := freeClinicians(tx, slotOf(a), "")
	if err != nil {
		return err
	}
	for _, c := range free {
		a.Set("clinician", c.ID)
		a.Set("lead_staff", c.Staff)
		a.Set("any_clinician", true)
		err := s.refuseClosed(tx)
		if err == nil {
			return nil
		}
		var refused validation.Errors
		if !errors.As(err, &refused) {
			return err
		}
	}
	a.Set("clinician", "")
	if err := s.refuseClosed(tx); err != nil && codeOf(err, "start_time") != codeSlotTaken {
		return err
	}
	return validation.Errors{"clinician": problem(codeSlotTaken, "Nobody who gives this service is free at that time.")}
}

// refuseClosed asks whether the time is open. That it is taken is said of who or what takes it.
func (s *save) refuseClosed(tx core.App) error {
	if s.actor.Kind == kernel.KindSystem {
		return nil
	}
	if s.actor.IsStaff() && !s.after.Start().After(s.now) && s.after.Clinician() != "" {
		return refuseOutsideHours(tx, s) // who is here already may still be written down; the database refuses what overlaps
	}
	if err := s.refuseOnlyAskable(tx); err != nil {
		return err
	}
	err := refuseUnopened(tx, s.wish(), s.after.Start())
	if codeOf(err, "start_time") != codeSlotTaken {
		return err
	}
	t := slotOf(s.after)
	if t.clinician != "" {
		free, failed := freeClinicians(tx, t, t.clinician)
		if failed != nil {
			return failed
		}
		if len(free) == 0 {
			return validation.Errors{"clinician": problem(codeSlotTaken, "That time was just taken.")}
		}
	}
	busy, failed := clientIsBusy(tx, t)
	if failed != nil {
		return failed
	}
	if busy {
		return validation.Errors{"client": problem(codeSlotTaken, "The client has another visit at that time.")}
	}
	if s.after.Status().Holds() {
		if err := chooseRoom(tx, s); err != nil {
			return err
		}
		if err := chooseEquipment(tx, s); err != nil {
			return err
		}
	}
	return err
}

const (
	// taken is the condition that a unit (a room, or a thing) holds as many visits as it can at some moment of a hold. The
	// peak is reached at the hold's own start or at the start of one that begins inside it.
	takenHead = `EXISTS (SELECT 1 FROM (
		SELECT {:hold_start} AS at
		UNION SELECT o.hold_start FROM appointments o WHERE o.` + holds + ` AND o.id <> {:id} AND `
	takenMiddle = ` AND o.hold_start > {:hold_start} AND o.hold_start < {:hold_end}) p
		WHERE (SELECT count(*) FROM appointments o WHERE o.` + holds + ` AND o.id <> {:id} AND `
	takenTail = ` AND o.hold_start <= p.at AND o.hold_start > {:day_before} AND o.hold_end > p.at) >= max(1, r.capacity))`

	inRoom    = `o.room = r.id`
	withThing = `o.equipment <> '[]' AND EXISTS (SELECT 1 FROM json_each(o.equipment) j WHERE j.value = r.id)`

	// selectFreeRooms lists the rooms of a place that are free for a hold, and suit the service.
	selectFreeRooms = `SELECT r.id FROM rooms r WHERE r.location = {:location} AND r.kind = 'room' AND r.is_active = TRUE
	AND ((SELECT json_array_length(s.rooms) FROM services s WHERE s.id = {:service}) = 0
		OR r.id IN (SELECT j.value FROM services s, json_each(s.rooms) j WHERE s.id = {:service}))
	AND NOT ` + takenHead + inRoom + takenMiddle + inRoom + takenTail + ` ORDER BY r.name, r.id`

	// selectFreeEquipment lists the things of a place that are free for a hold.
	selectFreeEquipment = `SELECT r.id, r.equipment_type AS type, r.name FROM rooms r
	WHERE r.location = {:location} AND r.kind = 'equipment' AND r.is_active = TRUE
	AND NOT ` + takenHead + withThing + takenMiddle + withThing + takenTail + ` ORDER BY r.name, r.id`
)

func (t slot) params() dbx.Params {
	return dbx.Params{"id": t.appointment, "service": t.service, "location": t.location,
		"hold_start": t.holdStart.Format(timeForm), "hold_end": t.holdEnd.Format(timeForm),
		"day_before": t.holdStart.Add(-longestHold).Format(timeForm)}
}

// chooseRoom finds the room of a visit that needs one: the room it has, when that is still free and suits, else the
// first by name. A room that somebody named is not exchanged; the database refuses it when it is full.
func chooseRoom(tx core.App, s *save) error {
	a := s.after
	named := a.Room() != "" && s.changed("room")
	if s.changed("location") && !named {
		a.Set("room", "") // the room of another place
	}
	if !s.service.NeedsRoom() || a.Place() != collections.InOffice {
		return nil
	}
	if named {
		if rooms := s.service.Rooms(); len(rooms) > 0 && !slices.Contains(rooms, a.Room()) {
			return validation.Errors{"room": problem("room_not_suitable", "This service is not given in that room.")}
		}
		return nil
	}
	var free []string
	if err := tx.DB().NewQuery(selectFreeRooms).Bind(slotOf(a).params()).Column(&free); err != nil {
		return err
	}
	switch {
	case len(free) == 0:
		return validation.Errors{"room": problem(codeSlotTaken, "No room for this service is free at that time.")}
	case !slices.Contains(free, a.Room()):
		a.Set("room", free[0])
	}
	return nil
}

// thing is a unit of equipment.
type thing struct {
	ID   string `db:"id"`
	Type string `db:"type"`
	Name string `db:"name"`
}

// is tells whether a unit is what a service asks for.
func (t thing) is(wanted string) bool {
	return isWord(t.Type, wanted) || isWord(t.Name, wanted)
}

// chooseEquipment finds one unit of each thing that the service asks for: the units the visit has, while they are free,
// and those that somebody named, then the first by name.
func chooseEquipment(tx core.App, s *save) error {
	a := s.after
	wanted := wordsOf(s.service.GetString("required_equipment"))
	kept := a.Equipment()
	named := s.changedEquipment()
	if len(wanted) == 0 && (named || len(kept) == 0) {
		return nil
	}
	var free []thing
	if err := tx.DB().NewQuery(selectFreeEquipment).Bind(slotOf(a).params()).All(&free); err != nil {
		return err
	}
	if !named {
		kept = slices.DeleteFunc(kept, func(id string) bool {
			return !slices.ContainsFunc(free, func(t thing) bool { return t.ID == id })
		})
	}
	used := map[string]bool{}
	for _, w := range wanted {
		unit := slices.IndexFunc(free, func(t thing) bool { return t.is(w) && !used[t.ID] && slices.Contains(kept, t.ID) })
		if unit < 0 {
			unit = slices.IndexFunc(free, func(t thing) bool { return t.is(w) && !used[t.ID] })
		}
		if unit < 0 {
			return validation.Errors{"equipment": problem(codeSlotTaken, "What this visit needs is in use at that time.")}
		}
		used[free[unit].ID] = true
		if !slices.Contains(kept, free[unit].ID) {
			kept = append(kept, free[unit].ID)
		}
	}
	a.Set("equipment", kept)
	return nil
}

// changedEquipment: a list has no text that could be compared.
func (s *save) changedEquipment() bool {
	var was []string
	if s.before != nil {
		was = s.before.Equipment()
	}
	return !slices.Equal(was, s.after.Equipment())
}

// refuseForeignEquipment: what somebody names is a thing of that place which is in use. refuseForeignRoom says the same
// of rooms.
func (s *save) refuseForeignEquipment() error {
	if !s.changedEquipment() {
		return nil
	}
	for _, id := range s.after.Equipment() {
		unit, err := collections.FindRoom(s.app, id)
		if err != nil && !isNoRows(err) {
			return err
		}
		if err != nil || !unit.IsEquipment() || !unit.IsActive() || unit.Location() != s.after.Location() {
			s.refuse("equipment", "equipment_not_found", "Choose equipment of that place.")
		}
	}
	return nil
}
