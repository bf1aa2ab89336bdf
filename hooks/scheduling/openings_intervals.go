package scheduling

import (
	"cmp"
	"slices"
)

// interval is a time from an instant until another, which is not in it. Unix seconds.
type interval struct{ from, until int64 }

// times are intervals in order, apart from each other. All functions here take and give such.
type times []interval

// union puts intervals of any order into one: those that overlap or touch become one.
func union(all ...interval) times {
	slices.SortFunc(all, func(a, b interval) int { return cmp.Compare(a.from, b.from) })
	var out times
	for _, i := range all {
		if i.from >= i.until {
			continue
		}
		if n := len(out); n > 0 && i.from <= out[n-1].until {
			out[n-1].until = max(out[n-1].until, i.until)
			continue
		}
		out = append(out, i)
	}
	return out
}

// and is what both have.
func (t times) and(other times) times {
	var out times
	for i, j := 0, 0; i < len(t) && j < len(other); {
		if from, until := max(t[i].from, other[j].from), min(t[i].until, other[j].until); from < until {
			out = append(out, interval{from, until})
		}
		if t[i].until < other[j].until {
			i++
		} else {
			j++
		}
	}
	return out
}

// without is what the other does not have.
func (t times) without(other times) times {
	var out times
	j := 0
	for _, i := range t {
		for j < len(other) && other[j].until <= i.from {
			j++
		}
		for k := j; k < len(other) && other[k].from < i.until; k++ {
			if i.from < other[k].from {
				out = append(out, interval{i.from, other[k].from})
			}
			i.from = max(i.from, other[k].until)
		}
		if i.from < i.until {
			out = append(out, i)
		}
	}
	return out
}

// has tells whether an instant is in one of them.
func (t times) has(at int64) bool {
	i, found := slices.BinarySearchFunc(t, at, func(i interval, at int64) int { return cmp.Compare(i.from, at) })
	return found || i > 0 && at < t[i-1].until
}

// startsWithin gives when something of that length can begin to end inside them.
func (t times) startsWithin(length int64) times {
	var out times
	for _, i := range t {
		if i.until-length >= i.from {
			out = append(out, interval{i.from, i.until - length + 1})
		}
	}
	return out
}

// startsOverlapping gives when something of that length would begin if it overlapped one of them.
func (t times) startsOverlapping(length int64) times {
	all := make([]interval, 0, len(t))
	for _, i := range t {
		all = append(all, interval{i.from - length + 1, i.until})
	}
	return union(all...)
}

// full gives when as many of the intervals as the capacity hold at once.
func full(all []interval, capacity int) times {
	if capacity <= 1 {
		return union(slices.Clone(all)...)
	}
	type edge struct {
		at   int64
		more int
	}
	edges := make([]edge, 0, 2*len(all))
	for _, i := range all {
		if i.from < i.until {
			edges = append(edges, edge{i.from, 1}, edge{i.until, -1})
		}
	}
	slices.SortFunc(edges, func(a, b edge) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.more, b.more)) })
	var out []interval
	held := 0
	for k, e := range edges {
		held += e.more
		if held >= capacity && k+1 < len(edges) {
			out = append(out, interval{e.at, edges[k+1].at})
		}
	}
	return union(out...)
}

// onGrid calls each start of the times whose wall minutes since midnight, less the stagger, are a multiple of the step
// (both in minutes). What the clocks show twice is there twice.
func (t times) onGrid(c clock, step, stagger int64, each func(start int64)) {
	for _, i := range t {
		for _, p := range c.periods {
			from, until := max(i.from, p.from), min(i.until, p.until)
			if from >= until {
				continue
			}
			day := floor(from+p.offset, dayLong)
			minute := (from + p.offset - day + 59) / 60
			for {
				if off := (minute - stagger) % step; off != 0 {
					minute += (step - off) % step
				}
				if minute >= dayLong/60 {
					day, minute = day+dayLong, 0
					if day-p.offset >= until {
						break
					}
					continue
				}
				at := day + minute*60 - p.offset
				if at >= until {
					break
				}
				each(at)
				minute++
			}
		}
	}
}

// floor is the greatest multiple of n that is not above v.
func floor(v, n int64) int64 { return v - ((v%n)+n)%n }
