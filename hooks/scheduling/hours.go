package scheduling

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
)

// When somebody works: the union of their shifts at a place, within its opening hours, without breaks and closures. A
// shift's times are those of the place's clocks: what begins in a skipped hour begins when that hour would have ended,
// what begins at a time shown twice begins at the first, and what ends at one ends at the second.

// enforced tells whether working hours are kept for a clinician. While the clinic has entered none for them, the desk
// decides by its own calendar, and clients can ask but not book.
func enforced(app core.App, clinician string) (bool, error) {
	var kept bool
	err := app.DB().NewQuery(selectEnforced).Bind(dbx.Params{"clinician": clinician}).Row(&kept)
	return kept, err
}

const selectEnforced = `SELECT EXISTS (SELECT 1 FROM shifts WHERE clinician = {:clinician})`

const recurrenceColumns = `first_day, rrule, last_day, coalesce(exceptions, ''), coalesce(extra_days, ''), starts_at, ends_at`

// The condition on last_day spares the expansion of what is over; extra days may lie anywhere.
const (
	selectShifts = `SELECT clinician, ` + recurrenceColumns + ` FROM shifts
	WHERE clinician IN (SELECT value FROM json_each({:clinicians})) AND is_active = TRUE AND location = {:location}
	AND (json_array_length(service_locations) = 0 OR EXISTS (SELECT 1 FROM json_each(service_locations) p WHERE p.value = {:place}))
	AND (json_array_length(services) = 0 OR EXISTS (SELECT 1 FROM json_each(services) s WHERE s.value = {:service}))`

	selectBreaks = `SELECT clinician, ` + recurrenceColumns + ` FROM breaks
	WHERE clinician IN (SELECT value FROM json_each({:clinicians})) AND is_active = TRUE AND location IN ('', {:location})`

	selectClosures = `SELECT '', ` + recurrenceColumns + ` FROM closures WHERE is_active = TRUE AND location IN ('', {:location})`
)

// calendarOf reads shifts, breaks or closures and gives their times by clinician.
func calendarOf(app core.App, query string, params dbx.Params, c clock, from, to int64) (map[string][]interval, error) {
	rows, err := app.DB().NewQuery(query).Bind(params).Rows()
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[string][]interval{}
	for rows.Next() {
		var clinician, firstDay, rule, lastDay, exceptions, extraDays, startsAt, endsAt string
		if err := rows.Scan(&clinician, &firstDay, &rule, &lastDay, &exceptions, &extraDays, &startsAt, &endsAt); err != nil {
			return nil, err
		}
		r, err := collections.ParseRecurrence(firstDay, rule, lastDay, exceptions, extraDays, startsAt, endsAt)
		if err != nil {
			return nil, err
		}
		pieces, err := c.pieces(r, from, to)
		if err != nil {
			return nil, err
		}
		out[clinician] = append(out[clinician], pieces...)
	}
	return out, rows.Err()
}

// pieces gives what of a recurrence can touch a range of instants.
func (c clock) pieces(r collections.Recurrence, from, to int64) ([]interval, error) {
	first, last := c.days(from, to)
	days, err := r.Days(first, last)
	if err != nil {
		return nil, err
	}
	out := make([]interval, 0, len(days))
	for _, day := range days {
		p, err := c.piece(day.Unix(), r.StartsAt, r.EndsAt)
		if err != nil {
			return nil, err
		}
		if p.from < to && p.until > from {
			out = append(out, p)
		}
	}
	return out, nil
}

// days are the dates whose pieces can touch a range: a piece that began the day before may last until now.
func (c clock) days(from, to int64) (first, last time.Time) {
	return time.Unix(floor(c.wall(from), dayLong)-2*dayLong, 0).UTC(), time.Unix(floor(c.wall(to), dayLong)+dayLong, 0).UTC()
}

// piece puts times of the clock on a day, which is a wall time at midnight. No times are all of the day.
func (c clock) piece(day int64, startsAt, endsAt string) (interval, error) {
	if startsAt == "" && endsAt == "" {
		from, _ := c.shown(day)
		until, _ := c.shown(day + dayLong)
		return interval{from, until}, nil
	}
	start, err := minuteOf(startsAt)
	if err != nil {
		return interval{}, err
	}
	end, err := minuteOf(endsAt)
	if err != nil {
		return interval{}, err
	}
	if end <= start {
		end += dayLong / 60
	}
	from, _ := c.shown(day + 60*start)
	_, until := c.shown(day + 60*end)
	return interval{from, until}, nil
}

// minuteOf reads HH:mm, 24:00 included.
func minuteOf(wall string) (int64, error) {
	if wall == "24:00" {
		return dayLong / 60, nil
	}
	t, ok := parseWall(wall)
	if !ok {
		return 0, fmt.Errorf("%q is no time of the clock", wall)
	}
	return int64(t.Hour()*60 + t.Minute()), nil
}

// weekdays as opening hours name them, Sunday first like time.Weekday.
var weekdays = [...]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// openingHours are a location's: by weekday, pieces like "08:00-12:00". A weekday that is not named is closed. nil:
// the clinic named none, and the shifts alone decide.
type openingHours map[string][]string

func parseOpeningHours(column string) (openingHours, error) {
	if column == "" || column == "null" || column == "{}" {
		return nil, nil
	}
	var h openingHours
	err := json.Unmarshal([]byte(column), &h)
	return h, err
}

// open gives when a place is open in a range of instants.
func (c clock) open(h openingHours, from, to int64) (times, error) {
	var all []interval
	first, last := c.days(from, to)
	for day := first; !day.After(last); day = day.AddDate(0, 0, 1) {
		for _, piece := range h[weekdays[day.Weekday()]] {
			startsAt, endsAt, _ := strings.Cut(piece, "-")
			p, err := c.piece(day.Unix(), startsAt, endsAt)
			if err != nil {
				return nil, err
			}
			all = append(all, p)
		}
	}
	return union(all...), nil
}

// workingTimes gives when each of the clinicians can be booked for a wish, whatever is booked already. Unix seconds.
func workingTimes(app core.App, w wish, clinicians []string, c clock, from, to int64) (map[string]times, error) {
	params := dbx.Params{"clinicians": idsJSON(clinicians), "location": w.location.Id, "place": string(w.place), "service": w.service.Id}
	shifts, err := calendarOf(app, selectShifts, params, c, from, to)
	if err != nil {
		return nil, err
	}
	breaks, err := calendarOf(app, selectBreaks, params, c, from, to)
	if err != nil {
		return nil, err
	}
	closures, err := calendarOf(app, selectClosures, params, c, from, to)
	if err != nil {
		return nil, err
	}
	hours, err := parseOpeningHours(w.location.GetString("opening_hours"))
	if err != nil {
		return nil, err
	}
	closed := union(closures[""]...)
	var open times
	if hours != nil {
		if open, err = c.open(hours, from, to); err != nil {
			return nil, err
		}
	}
	out := map[string]times{}
	for _, id := range clinicians {
		working := union(shifts[id]...)
		if hours != nil {
			working = working.and(open)
		}
		out[id] = working.without(closed).without(union(breaks[id]...))
	}
	return out, nil
}

// idsJSON is a list of ids as json_each reads it.
func idsJSON(ids []string) string {
	var b strings.Builder
	b.WriteByte('[')
	for i, id := range ids {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.Quote(id))
	}
	b.WriteByte(']')
	return b.String()
}
