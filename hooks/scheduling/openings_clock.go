package scheduling

import "time"

// clock is what the clocks of a place do during one question: the periods between its changes, each with its distance
// from UTC. Instants are Unix seconds; a wall time is what Unix seconds would be if the clocks stood at UTC. So the
// engine calculates with whole numbers, and asks the zone's data once.
type clock struct{ periods []period }

type period struct{ from, until, offset int64 }

const dayLong = 24 * 60 * 60

// clockOf reads a zone's periods around a range of instants, three days wider at both ends: a wall time is at most a
// day from its instant.
func clockOf(zone *time.Location, from, to int64) clock {
	var c clock
	for at := time.Unix(from-3*dayLong, 0).In(zone); ; {
		start, end := at.ZoneBounds()
		_, offset := at.Zone()
		p := period{from: -1 << 62, until: 1 << 62, offset: int64(offset)}
		if !start.IsZero() {
			p.from = start.Unix()
		}
		if !end.IsZero() {
			p.until = end.Unix()
		}
		c.periods = append(c.periods, p)
		if p.until > to+3*dayLong {
			return c
		}
		at = end
	}
}

// wall gives what the clocks show at an instant.
func (c clock) wall(at int64) int64 {
	for _, p := range c.periods {
		if at < p.until {
			return at + p.offset
		}
	}
	return at + c.periods[len(c.periods)-1].offset
}

// shown gives the first and the last instant at which the clocks show a wall time. Where they skip it, both are the
// end of the gap.
func (c clock) shown(wall int64) (first, last int64) {
	found := false
	for _, p := range c.periods {
		switch at := wall - p.offset; {
		case at >= p.until:
			if !found {
				first, last = p.until, p.until // skipped, unless a later period shows it
			}
		case at >= p.from:
			if !found {
				first, found = at, true
			}
			last = at
		}
	}
	return first, last
}
