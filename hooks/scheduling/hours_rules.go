package scheduling

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	validation "github.com/pocketbase/ozzo-validation/v4"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/kernel"
)

// bindHours binds the rules of working hours, after PocketBase's own validation of each field.
func bindHours(app core.App) {
	after := func(check func(e *core.RecordEvent) (validation.Errors, error)) func(*core.RecordEvent) error {
		return func(e *core.RecordEvent) error {
			if err := e.Next(); err != nil {
				return err
			}
			problems, err := check(e)
			if err != nil || len(problems) == 0 {
				return err
			}
			return problems
		}
	}
	app.OnRecordValidate(collections.Shifts, collections.Breaks, collections.Closures).BindFunc(after(refuseBadRecurrence))
	app.OnRecordValidate(collections.Shifts, collections.Breaks).BindFunc(after(refuseWorkElsewhere))
	app.OnRecordValidate(collections.Breaks).BindFunc(after(refuseBreakOfAnother))
	app.OnRecordValidate(collections.Locations).BindFunc(after(refuseBadOpeningHours))
}

// refuseBadRecurrence: days that exist, a rule that can be read and names days, and times that enclose something. A
// shift has both its times; a break or a closure may have none, and is then all day.
func refuseBadRecurrence(e *core.RecordEvent) (validation.Errors, error) {
	problems := validation.Errors{}
	get := e.Record.GetString
	r, err := collections.ParseRecurrence(get("first_day"), get("rrule"), get("last_day"), "", "", get("starts_at"), get("ends_at"))
	if err != nil {
		return nil, err
	}
	for field, into := range map[string]*[]string{"exceptions": &r.Exceptions, "extra_days": &r.ExtraDays} {
		if raw := get(field); raw != "" && json.Unmarshal([]byte(raw), into) != nil {
			problems[field] = problem("dates", `Enter a list of real dates, like ["2026-12-24", "2026-12-31"].`)
		}
	}
	codes := map[string]string{"first_day": "date", "last_day": "date", "exceptions": "dates", "extra_days": "dates", "rrule": "rrule"}
	for field, sentence := range r.Check() {
		problems[field] = problem(codes[field], sentence)
	}
	switch {
	case r.StartsAt == "" && r.EndsAt == "":
	case r.StartsAt == "":
		problems["starts_at"] = problem("required", "Enter both times, or neither for the whole day.")
	case r.EndsAt == "":
		problems["ends_at"] = problem("required", "Enter both times, or neither for the whole day.")
	case r.StartsAt == r.EndsAt:
		problems["ends_at"] = problem("times", "It ends when it starts. An end that is earlier than the start is on the next day.")
	}
	return problems, nil
}

// refuseWorkElsewhere: a clinician works, and pauses, at the places they are entered for.
func refuseWorkElsewhere(e *core.RecordEvent) (validation.Errors, error) {
	location := e.Record.GetString("location")
	if location == "" {
		return nil, nil
	}
	clinician, err := e.App.FindRecordById(collections.Clinicians, e.Record.GetString("clinician"))
	if err != nil {
		return nil, err
	}
	if places := clinician.GetStringSlice("locations"); len(places) > 0 && !slices.Contains(places, location) {
		return validation.Errors{"location": problem("clinician_not_at_location", "This person does not work at that place.")}, nil
	}
	return nil, nil
}

// refuseBreakOfAnother: a clinician writes breaks of their own. The API rule looks at the row as it was, this at what
// it would be.
func refuseBreakOfAnother(e *core.RecordEvent) (validation.Errors, error) {
	by := kernel.ActorOf(e.Record)
	if by.Kind != kernel.KindStaff || by.Role != kernel.RoleClinician {
		return nil, nil
	}
	theirs, err := kernel.Treats(e.App, by, e.Record.GetString("clinician"))
	if err == nil && !theirs {
		return validation.Errors{"clinician": problem("not_allowed", "You can enter breaks for yourself.")}, nil
	}
	return nil, err
}

const badOpeningHours = `Enter hours like {"mon": ["08:00-12:00", "13:00-18:00"], "sat": ["09:00-24:00"]}: sun to sat, each piece from a time until a later one, none over another.`

func refuseBadOpeningHours(e *core.RecordEvent) (validation.Errors, error) {
	bad := validation.Errors{"opening_hours": problem("opening_hours", badOpeningHours)}
	hours, err := parseOpeningHours(e.Record.GetString("opening_hours"))
	if err != nil {
		return bad, nil
	}
	for day, pieces := range hours {
		var all []interval
		for _, piece := range pieces {
			from, until, _ := strings.Cut(piece, "-")
			start, err1 := minuteOf(from)
			end, err2 := minuteOf(until)
			if err1 != nil || err2 != nil || start >= end {
				return bad, nil
			}
			all = append(all, interval{start, end})
		}
		var open int64
		for _, i := range union(slices.Clone(all)...) {
			open += i.until - i.from
		}
		for _, i := range all {
			open -= i.until - i.from
		}
		if open != 0 || !slices.Contains(weekdays[:], day) {
			return bad, nil
		}
	}
	return nil, nil
}

// outsideKey rides on a visit that a desk route books or moves outside working hours on purpose. The record API cannot
// set it: PocketBase loads only fields that exist.
const outsideKey = "@scheduling.outside"

// waivesHours tells whether the desk says on purpose that hours do not matter. What stays of a visit whose clock has
// changed is no new agreement, so hours have no say in it either.
func (s *save) waivesHours() bool { return s.actor.IsStaff() && (s.outside || s.keep != "") }

// refuseOutsideHours: a visit that is booked, moved or changed lies within the clinician's working hours, as they are
// in this transaction, and not in a time that a request or an offer keeps for somebody else. What was agreed and is not
// touched stays agreed. Imports bring what was.
func refuseOutsideHours(tx core.App, s *save) error {
	a := s.after
	if s.actor.Kind == kernel.KindSystem || s.actor.Kind == kernel.KindProcessor || !a.Status().Holds() {
		return nil
	}
	if s.before != nil && s.before.Status().Holds() && len(s.visitChanges()) == 0 {
		return nil
	}
	service, err := collections.FindService(tx, a.Service())
	if err != nil {
		return err
	}
	location, err := collections.FindLocation(tx, a.Location())
	if err != nil {
		return err
	}
	p := &candidate{id: a.Clinician()}
	if p.enforced, err = enforced(tx, p.id); err != nil {
		return err
	}
	w := wish{client: a.Client(), service: service, location: location, place: a.Place(), clinician: p.id, except: a.Id,
		length: a.Duration(), by: s.actor, outside: s.waivesHours()}
	at := a.Start().Truncate(time.Second).Unix()
	d := newDiary(tx, w)
	switch err := d.read(tx, []*candidate{p}, at, at+1); {
	case err != nil:
		return err
	case !d.working(p).startsWithin(d.hold).has(at):
		return validation.Errors{"start_time": problem("outside_hours", "This is outside the working hours of that day. Choose another time.")}
	case union(d.kept[p.id]...).startsOverlapping(d.hold).has(at):
		return validation.Errors{"start_time": problem(codeSlotTaken, "That time is kept for somebody who asked for it, or was offered it.")}
	}
	return nil
}
