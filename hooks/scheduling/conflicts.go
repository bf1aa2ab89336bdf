package scheduling

import (
	"errors"
	"time"

	validation "github.com/pocketbase/ozzo-validation/v4"

	"anteroom/collections"
)

// conflict says why a time that a client asked for cannot be confirmed as it is.
type conflict string

const (
	noConflict      conflict = ""
	conflictPast    conflict = "past"
	conflictOutside conflict = "outside_hours" // nobody works then, or the clocks skip it; the desk may book it anyway
	conflictTaken   conflict = "taken"         // the client, whoever was asked for, or what the visit needs is not free
)

// conflicts asks of each preference what a confirmation would ask.
func (v *view) conflicts(r *deskRow, wanted []collections.Preference) ([]conflict, error) {
	out := make([]conflict, len(wanted))
	zone, err := collections.Zone(r.timeZone)
	if err != nil {
		return nil, err
	}
	holdStart, err1 := time.Parse(timeForm, r.holdStart)
	holdEnd, err2 := time.Parse(timeForm, r.holdEnd)
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	w := wish{client: r.client, place: collections.ServicePlace(r.where), clinician: r.clinician, except: r.id, by: askedOfTheClinic,
		length: time.Duration(r.duration) * time.Minute}
	if w.service, err = collections.FindService(v.app, r.service); err != nil {
		return nil, err
	}
	if w.location, err = collections.FindLocation(v.app, r.location); err != nil {
		return nil, err
	}
	for i, p := range wanted {
		at, err := instantOf(p, zone)
		if err != nil {
			out[i] = conflictOutside
			continue
		}
		t := slot{appointment: r.id, client: r.client, service: r.service, location: r.location, byVideo: w.place == collections.Telehealth,
			localDate: p.Date, start: at, end: at.Add(w.length), holdStart: at, holdEnd: at.Add(holdEnd.Sub(holdStart))}
		if out[i], err = v.conflict(w, t); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// conflict asks of one time: is it still to come, is the client free, and is the clinician, or anybody when it was left
// open? What nobody's hours allow is only outside hours when it could be booked without them.
func (v *view) conflict(w wish, t slot) (conflict, error) {
	if !t.start.After(v.now) {
		return conflictPast, nil
	}
	busy, err := clientIsBusy(v.app, t)
	if err != nil || busy {
		return conflictTaken, err
	}
	free, err := freeClinicians(v.app, t, w.clinician)
	if err != nil || len(free) == 0 {
		return conflictTaken, err
	}
	why := noConflict
	for {
		err := refuseUnopened(v.app, w, t.start)
		var refused validation.Errors
		switch {
		case err == nil:
			return why, nil
		case !errors.As(err, &refused):
			return noConflict, err
		case codeOf(err, "start_time") != "outside_hours" || w.outside:
			return conflictTaken, nil
		}
		why, w.outside = conflictOutside, true
	}
}
