package scheduling

import (
	"time"

	validation "github.com/pocketbase/ozzo-validation/v4"

	"anteroom/collections"
)

const (
	dayForm  = time.DateOnly // "2006-01-02"
	wallForm = "15:04"
	// timeForm is PocketBase's text form of an instant; it sorts as time.
	timeForm = "2006-01-02 15:04:05.000Z"
	// instantForm is the API's: RFC 3339 in UTC, whole seconds.
	instantForm = "2006-01-02T15:04:05Z"
)

// What can be wrong with a day and a time.
var (
	errNoDayNamed  = validation.NewError("validation_required", "Choose a day.")
	errNoTimeNamed = validation.NewError("validation_required", "Choose a time.")
	errNoDay       = validation.NewError("validation_date", "Enter a real date, like 2026-12-03.")
	errNoWall      = validation.NewError("validation_time", "Enter a time from 00:00 to 23:59, like 14:30.")
	errNoStart     = validation.NewError("validation_instant", "Enter a time like 2026-12-03T14:30, or an instant like 2026-12-03T21:30:00Z.")
	errNonexistent = validation.NewError("validation_nonexistent_time", "The clocks go forward that day and skip this time. Choose another.")
)

// parseDay reads a calendar date. February 30 is none.
func parseDay(s string) (time.Time, bool) {
	t, err := time.Parse(dayForm, s)
	return t, err == nil
}

// parseWall reads the time a clock shows. Both digits of the hour are asked for, which time.Parse does not.
func parseWall(s string) (time.Time, bool) {
	t, err := time.Parse(wallForm, s)
	return t, err == nil && len(s) == len(wallForm)
}

// instantOf finds when the clocks of a zone show a day and time. Where they are turned back and show it twice, it is
// the first of the two; where they are turned forward and never show it, it is errNonexistent. time.Date alone
// promises neither.
func instantOf(p collections.Preference, zone *time.Location) (time.Time, error) {
	problems := validation.Errors{}
	day, ok := parseDay(p.Date)
	if p.Date == "" {
		problems["date"] = errNoDayNamed
	} else if !ok {
		problems["date"] = errNoDay
	}
	wall, ok := parseWall(p.Time)
	if p.Time == "" {
		problems["time"] = errNoTimeNamed
	} else if !ok {
		problems["time"] = errNoWall
	}
	if len(problems) > 0 {
		return time.Time{}, problems
	}
	asUTC := time.Date(day.Year(), day.Month(), day.Day(), wall.Hour(), wall.Minute(), 0, 0, time.UTC)
	var found time.Time
	for _, near := range []time.Duration{-24 * time.Hour, 24 * time.Hour} { // the offsets before and after a change
		_, offset := asUTC.Add(near).In(zone).Zone()
		t := asUTC.Add(-time.Duration(offset) * time.Second)
		if shows(t.In(zone), p) && (found.IsZero() || t.Before(found)) {
			found = t
		}
	}
	if found.IsZero() {
		return found, validation.Errors{"time": errNonexistent}
	}
	return found, nil
}

func shows(t time.Time, p collections.Preference) bool {
	return t.Format(dayForm) == p.Date && t.Format(wallForm) == p.Time
}

// localForm is a day and the time on a clock, as a page may send them.
const localForm = "2006-01-02T15:04"

// startOf reads a start as it is sent: an instant (RFC 3339), or what the clocks of the place will show, like
// 2026-12-03T14:30. Where they show it twice it is the first.
func startOf(text string, zone *time.Location) (time.Time, error) {
	if text == "" {
		return time.Time{}, validation.Errors{"start_time": errNoTimeNamed}
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at.UTC(), nil
	}
	wall, err := time.Parse(localForm, text)
	if err != nil || len(text) != len(localForm) {
		return time.Time{}, validation.Errors{"start_time": errNoStart}
	}
	at, err := instantOf(collections.Preference{Date: wall.Format(dayForm), Time: wall.Format(wallForm)}, zone)
	if err != nil {
		return time.Time{}, validation.Errors{"start_time": errNonexistent}
	}
	return at, nil
}
