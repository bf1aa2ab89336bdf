package scheduling

import (
	"time"

	"anteroom/collections"
)

// quietTime is a time of the clock in which nobody's telephone rings: from HH:mm until HH:mm, over midnight when it does
// not end after it begins. A zero value is no quiet time.
type quietTime struct {
	from, until string
	zone        *time.Location
}

// quietOf reads a login's quiet hours; none when they are not set, or cannot be read.
func quietOf(q *collections.QuietHours) quietTime {
	if q == nil {
		return quietTime{}
	}
	zone, err := collections.Zone(q.TimeZone)
	if err != nil {
		return quietTime{}
	}
	return quietTime{q.From, q.To, zone}
}

// around gives the quiet time that an instant lies in. The clocks decide: what begins in a skipped hour begins when that
// hour would have ended, and what ends at a time shown twice ends at the second.
func (q quietTime) around(at time.Time) (interval, bool) {
	if q.zone == nil || q.from == "" || q.until == "" || q.from == q.until {
		return interval{}, false
	}
	c := clockOf(q.zone, at.Unix(), at.Unix())
	today := floor(c.wall(at.Unix()), dayLong)
	for _, day := range []int64{today - dayLong, today} {
		if p, err := c.piece(day, q.from, q.until); err == nil && p.from <= at.Unix() && at.Unix() < p.until {
			return p, true
		}
	}
	return interval{}, false
}

// lastMoment is how long before a visit a shifted reminder must still arrive.
const lastMoment = time.Hour

// awake gives when what is due at an instant is sent to somebody with these quiet times: then, or at their end, or in the
// minute before they begin when their end leaves less than an hour before the visit.
func awake(due, start time.Time, quiet ...quietTime) time.Time {
	night, is := nightAround(due, quiet)
	if !is {
		return due
	}
	if end := time.Unix(night.until, 0).UTC(); start.Sub(end) >= lastMoment {
		return end
	}
	return time.Unix(night.from, 0).UTC().Add(-time.Minute)
}

// nightAround joins the quiet times around an instant that overlap or touch. Those that never leave a pause end
// somewhere, because a few days are looked at and no more.
func nightAround(at time.Time, quiet []quietTime) (night interval, is bool) {
	night = interval{at.Unix(), at.Unix()}
	for range 6 {
		was := night
		for _, q := range quiet {
			if p, in := q.around(time.Unix(night.until, 0)); in {
				night.until, is = p.until, true
				night.from = min(night.from, p.from)
			}
			if p, in := q.around(time.Unix(night.from-1, 0)); in && is {
				night.from = p.from
			}
		}
		if night == was {
			break
		}
	}
	return night, is
}

// isQuiet tells whether it is quiet at an instant by any of them.
func isQuiet(at time.Time, quiet ...quietTime) bool {
	for _, q := range quiet {
		if _, is := q.around(at); is {
			return true
		}
	}
	return false
}
