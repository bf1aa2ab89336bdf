package scheduling

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"anteroom/collections"
)

// The engine calculates with whole numbers over intervals. The reference below is slow and obvious: it walks real
// minutes, asks the wall clock of each, and tries every minute as a start. Both are given the same random clinic.

// yearly is a recurrence, and the same days said so simply that nobody can doubt them.
type yearly struct {
	collections.Recurrence
	on func(day time.Time) bool
}

// plan is what one clinician's calendar says: rules of days, and pieces that are taken.
type plan struct {
	name           string
	zone           *time.Location
	shifts, breaks []yearly
	closures       []yearly
	hours          openingHours
	taken          []interval // visits of the clinician, and what requests and offers keep
	client         []interval // visits of the client
	rooms          [][]interval
	capacity       []int
	visit, hold    int64 // seconds
	step, stagger  int64 // minutes
	from, to       time.Time
	needsRoom      bool
}

// offered asks the engine, in the way openings does.
func (p *plan) offered(t *testing.T) []int64 {
	t.Helper()
	from, to := p.from.Unix(), p.to.Unix()
	c := clockOf(p.zone, from, to+p.hold)
	all := func(rules []yearly) times {
		var out []interval
		for _, r := range rules {
			pieces, err := c.pieces(r.Recurrence, from, to+p.hold)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, pieces...)
		}
		return union(out...)
	}
	working := all(p.shifts)
	if p.hours != nil {
		open, err := c.open(p.hours, from, to+p.hold)
		if err != nil {
			t.Fatal(err)
		}
		working = working.and(open)
	}
	working = working.without(all(p.closures)).without(all(p.breaks))
	d := diary{clock: c, from: from, to: to, hold: p.hold, hours: map[string]times{"x": working}, held: map[string][]interval{"x": p.taken}}
	var blocked []interval
	blocked = append(blocked, union(slices.Clone(p.client)...).startsOverlapping(p.visit)...)
	if p.needsRoom {
		none := times{{from, to}}
		for i, held := range p.rooms {
			none = none.and(full(held, p.capacity[i]).startsOverlapping(p.hold))
		}
		blocked = append(blocked, none...)
	}
	d.blocked = union(blocked...)
	var out []int64
	d.possible(&candidate{id: "x", enforced: true}).and(times{{from, to}}).onGrid(c, p.step, p.stagger, func(at int64) { out = append(out, at) })
	return out
}

// expected walks the minutes.
func (p *plan) expected(t *testing.T) []int64 {
	t.Helper()
	const margin = 4 * 24 * 60
	first := p.from.Add(-margin * time.Minute).Truncate(time.Minute)
	n := int(p.to.Sub(first)/time.Minute) + margin + int(p.hold/60)
	walls := make([]string, n) // what the clocks show at each minute
	minuteOfDay := make([]int64, n)
	for i := range walls {
		local := first.Add(time.Duration(i) * time.Minute).In(p.zone)
		walls[i] = local.Format("2006-01-02 15:04")
		minuteOfDay[i] = int64(local.Hour()*60 + local.Minute())
	}
	shown := map[string][]int{}
	for i, w := range walls {
		shown[w] = append(shown[w], i)
	}
	// the minute at which the clocks show a wall time for the first and for the last time, or first show a later one
	when := func(wall string) (int, int) {
		if at := shown[wall]; len(at) > 0 {
			return at[0], at[len(at)-1]
		}
		for i, w := range walls {
			if w > wall {
				return i, i
			}
		}
		return n, n
	}
	mark := func(rules []yearly) []bool {
		out := make([]bool, n)
		for _, r := range rules {
			for day := first.AddDate(0, 0, -2).Truncate(24 * time.Hour); !day.After(p.to.AddDate(0, 0, 5)); day = day.AddDate(0, 0, 1) {
				if !r.on(day) || day.Format(time.DateOnly) < walls[0][:10] || day.Format(time.DateOnly) > p.to.AddDate(0, 0, 2).Format(time.DateOnly) {
					continue
				}
				date, next := day.Format("2006-01-02 "), day.AddDate(0, 0, 1).Format("2006-01-02 ")
				var a, b int
				if r.StartsAt == "" {
					a, _ = when(date + "00:00")
					b, _ = when(next + "00:00")
				} else {
					a, _ = when(date + r.StartsAt)
					switch {
					case r.EndsAt == "24:00":
						_, b = when(next + "00:00")
					case r.EndsAt <= r.StartsAt:
						_, b = when(next + r.EndsAt)
					default:
						_, b = when(date + r.EndsAt)
					}
				}
				for i := a; i < b && i < n; i++ {
					out[i] = true
				}
			}
		}
		return out
	}
	var opened []yearly
	for name, pieces := range p.hours {
		for _, piece := range pieces {
			a, b, _ := strings.Cut(piece, "-")
			opened = append(opened, yearly{collections.Recurrence{StartsAt: a, EndsAt: b}, func(day time.Time) bool {
				return strings.ToLower(day.Weekday().String()[:3]) == name
			}})
		}
	}
	shift, open, closed, pause := mark(p.shifts), mark(opened), mark(p.closures), mark(p.breaks)
	busy := func(held []interval, i, length int) int {
		most := 0
		for k := i; k < i+length; k++ {
			now := 0
			at := first.Add(time.Duration(k) * time.Minute).Unix()
			for _, h := range held {
				if h.from < at+60 && h.until > at {
					now++
				}
			}
			most = max(most, now)
		}
		return most
	}
	hold, visit := int(p.hold/60), int(p.visit/60)
	var out []int64
next:
	for i := range n - hold {
		at := first.Add(time.Duration(i) * time.Minute)
		if at.Before(p.from) || !at.Before(p.to) || ((minuteOfDay[i]-p.stagger)%p.step+p.step)%p.step != 0 {
			continue
		}
		for k := i; k < i+hold; k++ {
			if !shift[k] || closed[k] || pause[k] || p.hours != nil && !open[k] {
				continue next
			}
		}
		if busy(p.taken, i, hold) > 0 || busy(p.client, i, visit) > 0 {
			continue
		}
		if p.needsRoom {
			free := false
			for r, held := range p.rooms {
				free = free || busy(held, i, hold) < max(1, p.capacity[r])
			}
			if !free {
				continue
			}
		}
		out = append(out, at.Unix())
	}
	return out
}

// randomDays makes a recurrence around a day.
func randomDays(r *rand.Rand, around time.Time) yearly {
	first := around.AddDate(0, 0, -r.IntN(40)).Truncate(24 * time.Hour)
	out := yearly{Recurrence: collections.Recurrence{FirstDay: first.Format(time.DateOnly)}}
	since := func(day time.Time) int { return int(day.Sub(first) / (24 * time.Hour)) }
	switch r.IntN(5) {
	case 0: // every day until a last one
		last := around.AddDate(0, 0, r.IntN(6)-1).Truncate(24 * time.Hour)
		if last.Before(first) {
			last = first
		}
		out.LastDay = last.Format(time.DateOnly)
		out.on = func(day time.Time) bool { return !day.Before(first) && !day.After(last) }
	case 1: // every few days
		n := 1 + r.IntN(3)
		out.Rule = fmt.Sprintf("FREQ=DAILY;INTERVAL=%d", n)
		out.on = func(day time.Time) bool { return since(day) >= 0 && since(day)%n == 0 }
	case 2: // on a day of the month, a few times
		n, count := around.Day(), 1+r.IntN(4)
		out.Rule = fmt.Sprintf("FREQ=MONTHLY;BYMONTHDAY=%d;COUNT=%d", n, count)
		out.on = func(day time.Time) bool {
			seen := 0
			for d := first; !d.After(day); d = d.AddDate(0, 0, 1) {
				if d.Day() == n {
					seen++
				}
			}
			return since(day) >= 0 && day.Day() == n && seen <= count
		}
	default: // on weekdays, perhaps every other week
		names := []string{"SU", "MO", "TU", "WE", "TH", "FR", "SA"}
		chosen := map[time.Weekday]bool{}
		var list []string
		for i := range names {
			if r.IntN(5) < 4 {
				chosen[time.Weekday(i)] = true
				list = append(list, names[i])
			}
		}
		if len(list) == 0 {
			chosen[time.Sunday], list = true, []string{"SU"}
		}
		n := 1 + r.IntN(5)/4
		out.Rule = fmt.Sprintf("FREQ=WEEKLY;INTERVAL=%d;BYDAY=%s", n, strings.Join(list, ","))
		monday := first.AddDate(0, 0, -(int(first.Weekday())+6)%7)
		out.on = func(day time.Time) bool {
			return since(day) >= 0 && chosen[day.Weekday()] && int(day.Sub(monday)/(7*24*time.Hour))%n == 0
		}
	}
	if on := out.on; r.IntN(4) == 0 {
		without, with := around.AddDate(0, 0, r.IntN(3)).Format(time.DateOnly), around.AddDate(0, 0, r.IntN(5)-1).Format(time.DateOnly)
		out.Exceptions, out.ExtraDays = []string{without}, []string{with}
		out.on = func(day time.Time) bool {
			name := day.Format(time.DateOnly)
			return name == with || name != without && on(day)
		}
	}
	return out
}

func randomWall(r *rand.Rand, near int) string {
	m := r.IntN(24 * 60)
	if r.IntN(2) == 0 { // near the hours at which clocks change
		m = (near + r.IntN(240) - 120 + 24*60) % (24 * 60)
	}
	if r.IntN(3) > 0 {
		m -= m % 15
	}
	return fmt.Sprintf("%02d:%02d", m/60, m%60)
}

// changesOf are the instants between 2026 and 2035 at which the clocks of a zone change.
func changesOf(zone *time.Location) []time.Time {
	var out []time.Time
	for at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC); ; {
		_, end := at.In(zone).ZoneBounds()
		if end.IsZero() || end.Year() > 2035 {
			return out
		}
		out, at = append(out, end), end
	}
}

func randomPlan(r *rand.Rand, name string, zone *time.Location, changes []time.Time) *plan {
	p := &plan{name: name, zone: zone}
	around := time.Date(2026+r.IntN(10), time.Month(1+r.IntN(12)), 1+r.IntN(28), r.IntN(24), r.IntN(60), 0, 0, time.UTC)
	near := r.IntN(24 * 60)
	if len(changes) > 0 && r.IntN(5) > 0 {
		change := changes[r.IntN(len(changes))].UTC()
		around = change.Add(-time.Duration(r.IntN(40*60)) * time.Minute)
		local := change.In(zone)
		near = local.Hour()*60 + local.Minute()
	}
	p.from = around
	p.to = around.Add(time.Duration(60+r.IntN(60*60)) * time.Minute)
	p.visit = int64(60 * (5 + 5*r.IntN(24)))
	p.hold = p.visit + int64(60*5*r.IntN(5))
	p.step = []int64{5, 10, 15, 20, 30, 45, 50, 60, 7}[r.IntN(9)]
	p.stagger = []int64{0, 0, 0, 5, 10, 25, 70}[r.IntN(7)]
	timed := func() yearly {
		out := randomDays(r, around)
		for out.StartsAt == out.EndsAt {
			out.StartsAt, out.EndsAt = randomWall(r, near), randomWall(r, near)
		}
		return out
	}
	for range 1 + r.IntN(3) {
		p.shifts = append(p.shifts, timed())
	}
	for range r.IntN(3) {
		p.breaks = append(p.breaks, timed())
	}
	if r.IntN(3) == 0 {
		all := randomDays(r, around)
		if r.IntN(2) == 0 {
			all = timed()
		}
		p.closures = append(p.closures, all)
	}
	if r.IntN(3) == 0 {
		p.hours = openingHours{}
		for _, day := range weekdays {
			if r.IntN(6) > 0 {
				from := r.IntN(20 * 60)
				until := from + 15 + r.IntN(24*60-from-15)
				p.hours[day] = []string{fmt.Sprintf("%02d:%02d-%02d:%02d", from/60, from%60, until/60, until%60)}
			}
		}
		if r.IntN(2) == 0 {
			p.hours["sun"] = []string{"00:00-24:00"}
		}
	}
	visits := func(n int) (out []interval) {
		for range r.IntN(n) {
			at := p.from.Add(time.Duration(r.IntN(int(p.to.Sub(p.from)/time.Minute)+240)-120) * time.Minute).Truncate(time.Minute).Unix()
			out = append(out, interval{at, at + int64(60*(1+r.IntN(120)))})
		}
		return out
	}
	p.taken, p.client = visits(8), visits(3)
	if p.needsRoom = r.IntN(3) == 0; p.needsRoom {
		for range r.IntN(3) {
			p.rooms, p.capacity = append(p.rooms, visits(20)), append(p.capacity, 1+r.IntN(3))
		}
	}
	return p
}

func (p *plan) String() string {
	return fmt.Sprintf("%s from %s to %s, visit %d, hold %d, step %d, stagger %d\nshifts %+v\nbreaks %+v\nclosures %+v\nhours %v\ntaken %v\nclient %v\nrooms %v %v",
		p.name, p.from.Format(time.RFC3339), p.to.Format(time.RFC3339), p.visit/60, p.hold/60, p.step, p.stagger, p.shifts, p.breaks, p.closures,
		p.hours, p.taken, p.client, p.rooms, p.capacity)
}

// compare fails with the first start that one of the two offers and the other does not.
func (p *plan) compare(t *testing.T, seed uint64) (offered int) {
	t.Helper()
	got, want := p.offered(t), p.expected(t)
	if slices.Equal(got, want) {
		return len(got)
	}
	show := func(list, other []int64) (out []string) {
		for _, at := range list {
			if !slices.Contains(other, at) && len(out) < 5 {
				out = append(out, time.Unix(at, 0).In(p.zone).Format(time.RFC3339))
			}
		}
		return out
	}
	t.Fatalf("seed %d: the engine offers %d starts, the minutes say %d; too many: %v, missing: %v\n%s", seed, len(got), len(want), show(got, want), show(want, got), p)
	return 0
}

// TestOpeningsAgainstEveryMinute draws clinics in zones of the whole world, mostly around a change of their clocks.
func TestOpeningsAgainstEveryMinute(t *testing.T) {
	const cases = 150
	zones := zoneNames(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	offered, changed := 0, 0
	for range cases {
		name := zones[r.IntN(len(zones))]
		zone, err := collections.Zone(name)
		if err != nil {
			t.Fatal(err)
		}
		changes := changesOf(zone)
		if len(changes) == 0 && r.IntN(4) > 0 {
			continue // most draws are about clocks that change
		}
		changed += min(1, len(changes))
		offered += randomPlan(r, name, zone, changes).compare(t, seed)
	}
	if offered < cases || changed == 0 {
		t.Errorf("only %d starts were offered, in %d zones whose clocks change: the draw is too poor", offered, changed)
	}
}

// zoneNames lists zones by the text form of the zone database.
func zoneNames(t *testing.T) []string {
	t.Helper()
	raw, err := os.ReadFile("/usr/share/zoneinfo/tzdata.zi")
	if err != nil {
		t.Skip("this machine has no list of zones: ", err)
	}
	var names []string
	for _, line := range strings.Split(string(raw), "\n") {
		f := strings.Fields(line)
		if len(f) > 1 && f[0] == "Z" {
			names = append(names, f[1])
		}
		if len(f) > 2 && f[0] == "L" {
			names = append(names, f[2])
		}
	}
	slices.Sort(names)
	return names
}
