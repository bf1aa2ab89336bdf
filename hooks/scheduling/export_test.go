package scheduling

import (
	"errors"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/kernel"
)

// Queries are every constant query of the package, by name, for the test of their plans.
func Queries() map[string]string {
	all := map[string]string{"one": selectOne, "forms due": selectFormsDue, "requests": requestQuery(waiting), "count of requests": requestCount(waiting),
		"requests of a place": requestQuery(waiting + there), "count of a place": requestCount(waiting + there), "day": dayQuery(""),
		"requests of a clinician": requestQuery(waiting + mine), "count of a clinician": requestCount(waiting + mine), "day of a clinician": dayQuery(mine), "balance": selectBalance,
		"to come": toComeQuery(""), "to come of a clinician": toComeQuery(mine), "these": selectThese}
	for name, q := range map[string]string{"calendar": calendarQuery("1", ""), "calendar of a clinician": calendarQuery(theirs, ofClinician)} {
		all[name] = q
	}
	for status, byDate := range queries {
		for dated, q := range byDate {
			suffix := ""
			if dated {
				suffix = " by date"
			}
			all["list "+status+suffix], all["total "+status+suffix] = q.page, q.total
		}
	}
	return all
}

// Named are the queries with named parameters.
func Named() map[string]string {
	return map[string]string{"free clinician": selectFree, "client busy": selectClientBusy, "known": selectKnown,
		"hours kept": selectEnforced, "shifts": selectShifts, "breaks": selectBreaks, "closures": selectClosures,
		"held": selectHeld, "held but one": selectHeld + exceptThis, "held rooms": selectHeldRooms, "held equipment": selectHeldEquipment,
		"held client": selectHeldClient, "asked": selectAsked, "promises": selectPromises, "offered": selectOffered, "capacity": selectCapacity,
		"coming": selectComing, "agreed": selectAgreed, "reminded": selectSent, "feed of a client": selectClientsFeed, "feed of a clinician": selectCliniciansFeed}
}

func hasField(err error, name string) bool {
	var e *kernel.Error
	if !errors.As(err, &e) {
		return false
	}
	_, ok := e.Fields[name]
	return ok
}

// HeardItem is what realtime sends.
var HeardItem = heardItem

// ListOf is the first page of a client's list.
func ListOf(app core.App, client string) ([]Appointment, int, error) {
	v, err := newView(app, english)
	if err != nil {
		return nil, 0, err
	}
	return v.list(queries[""][false], client, span{}, kernel.Page{Number: 1, Limit: 20})
}

// NameOf is a clinician in words.
var NameOf = nameOf

// TellOfClockChanges is what the server does when it starts.
var TellOfClockChanges = tellOfClockChanges

// Terms are what the policy says of an appointment as it is stored.
type Terms struct {
	Cancel, Move, Confirm, CheckIn, Notes string
	FeeCents                              int
}

// TermsOf asks the policy.
func TermsOf(app core.App, r *core.Record, by kernel.Actor) (Terms, error) {
	return TermsAt(app, r, by, kernel.Now(app))
}

// TermsAt asks the policy about another moment.
func TermsAt(app core.App, r *core.Record, by kernel.Actor, now time.Time) (Terms, error) {
	v, err := visitOf(app, collections.AsAppointment(r))
	t := termsOf(collections.Settings(app), v, now, by)
	return Terms{t.cancel, t.move, t.confirm, t.checkIn, t.notes, t.feeCents}, err
}

// AcceptFee notes that a client said yes to a fee, as the routes do.
func AcceptFee(r *core.Record, cents int) { r.SetRaw(acceptedFeeKey, cents) }

// DayBegins is the first moment of the day of an instant.
var DayBegins = dayBegins

// StartOf reads a start as it is sent.
var StartOf = startOf

// TendWaitlist is what the clock does each minute.
var TendWaitlist = tendWaitlist

// CalendarFileOf makes a calendar file of given facts.
func CalendarFileOf(id, clinic, place string, sequence int, start, end time.Time, cancelled bool) []byte {
	return calendarFile(calendarEvent{id: id, sequence: sequence, start: start.UTC(), end: end.UTC(), cancelled: cancelled, language: english,
		changed: time.Date(2026, 10, 20, 16, sequence, 0, 0, time.UTC), clinic: clinic, organizer: "portal@clinic.example", place: place,
		link: "https://portal.example/appointments/" + id})
}

// Remind is a tick of the ladder.
var Remind = remind

// Awake is awake with quiet times of one zone, given as from, until, from, until.
func Awake(due, start time.Time, zone *time.Location, walls ...string) time.Time {
	var quiet []quietTime
	for i := 0; i+1 < len(walls); i += 2 {
		quiet = append(quiet, quietTime{walls[i], walls[i+1], zone})
	}
	return awake(due, start, quiet...)
}
