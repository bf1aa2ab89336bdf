package scheduling

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
)

// calendarDays is the longest calendar that is shown at once: six weeks, which any month fits into.
const calendarDays = 42

// deskCalendar is what a place looks like for some days: who works when, what is booked, and how the clocks go. It is
// drawn from the instants and Clocks alone, so that a reader in another zone sees the place's own day.
type deskCalendar struct {
	TimeZone   string           `json:"timeZone"`
	From       string           `json:"from"` // both days are in
	To         string           `json:"to"`
	Now        string           `json:"now"` // of the clinic's clock
	Today      string           `json:"today"`
	LocationID string           `json:"locationId"`
	Locations  []calendarPlace  `json:"locations"`
	Days       []calendarDay    `json:"days"`
	Clinicians []calendarPerson `json:"clinicians"`
	Closures   []calendarSpan   `json:"closures"`
	Rooms      []calendarPlace  `json:"rooms"`

	Appointments []calendarVisit `json:"appointments"`
	Busy         []calendarSpan  `json:"busy"`   // of clients out of reach: that somebody is taken, and no more
	Offers       []calendarSpan  `json:"offers"` // times that the waitlist has offered and nobody has answered yet
}

type calendarPlace struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// calendarDay is a calendar day of the place. Clocks says what they show in its course: one piece on most days, more on
// a day on which they are changed. A piece shows Wall at At, and runs for Minutes. Again: these wall times were there
// before, the clocks were turned back.
type calendarDay struct {
	Date   string       `json:"date"`
	Clocks []clockPiece `json:"clocks"`
}

type clockPiece struct {
	At      string `json:"at"`
	Wall    string `json:"wall"`
	Minutes int    `json:"minutes"`
	Again   bool   `json:"again,omitempty"`
}

// calendarPerson is a clinician who works at the place.
type calendarPerson struct {
	ID      string         `json:"id"`
	Name    string         `json:"name"`
	Color   string         `json:"color,omitempty"` // "#rrggbb"
	Mine    bool           `json:"mine"`            // the reader's own diary
	Kept    bool           `json:"kept"`            // hours are entered, and kept; else the desk decides by what is booked
	Working []calendarSpan `json:"working"`
	Breaks  []calendarSpan `json:"breaks"`
}

// calendarSpan is a time in instants: working time, a break, a closure, a time that is taken.
type calendarSpan struct {
	ClinicianID string `json:"clinicianId,omitempty"`
	Start       string `json:"start"`
	End         string `json:"end"`
	Reason      string `json:"reason,omitempty"`
	Name        string `json:"name,omitempty"`
}

func spanFor(clinician string, start, end time.Time) calendarSpan {
	return calendarSpan{ClinicianID: clinician, Start: start.UTC().Format(instantForm), End: end.UTC().Format(instantForm)}
}

type calendarVisit struct {
	Appointment
	Client       deskClient `json:"client"`
	RoomID       string     `json:"roomId,omitempty"`
	EquipmentIDs []string   `json:"equipmentIds"`
	Version      string     `json:"version"` // what a move has to name, so that it is not made over somebody else's
}

// calendarRow is a visit as the calendar reads it, with whether the reader reaches its client.
type calendarRow struct {
	deskRow
	room, equipment string
	reached         bool
}

// calendarQuery reads the visits of a place that are on between two instants, and the requests that keep a time. No
// visit is longer than a day, so what is on starts after the day before. reached is what the reader may see.
func calendarQuery(reached, clinician string) string {
	return `SELECT ` + deskColumns + `, a.room, coalesce(a.equipment, ''), ` + reached + deskTables + `WHERE a.location = ?1||''
		AND a.start_time > strftime('%Y-%m-%d %H:%M:%fZ', ?2||'', '-1 day') AND a.start_time < ?3||'' AND a.end_time > ?2||''
		AND (a.status IN ('scheduled','confirmed','arrived','in_progress','completed','no_show') OR a.status = 'requested' AND a.holds_slot)` +
		clinician + ` ORDER BY a.start_time, a.rowid`
}

const ofClinician = ` AND +a.clinician = ?6||''`

// theirs is the condition "mine" as a value: what a clinician sees of a calendar, and not which of it is there.
var theirs = `(` + strings.TrimPrefix(mine, ` AND `) + `)`

// calendarWish is what a reader of the calendar asked for.
type calendarWish struct {
	place     *collections.Location
	zone      *time.Location
	from, to  time.Time // days
	clinician string
}

func calendarWishOf(c *kernel.Call, now time.Time) (calendarWish, error) {
	w := calendarWish{}
	params := c.Request.URL.Query()
	var err error
	if id := params.Get("locationId"); id != "" {
		w.place, err = collections.FindLocation(c.App, id)
		if isNoRows(err) {
			return w, kernel.NotFound()
		}
	} else {
		w.place, err = collections.MainLocation(c.App)
	}
	if err != nil {
		return w, err
	}
	if w.place == nil {
		return w, kernel.NotFound()
	}
	if w.zone, err = w.place.Zone(); err != nil {
		return w, err
	}
	bad := kernel.Invalid("", "That is not a date.")
	day := func(name string, otherwise time.Time) time.Time {
		text := params.Get(name)
		if text == "" {
			return otherwise
		}
		at, ok := parseDay(text)
		if !ok {
			bad = bad.Field(name, "date", "Enter a date like 2026-12-03.")
		}
		return at
	}
	today, _ := parseDay(now.In(w.zone).Format(dayForm))
	w.from = day("from", today)
	w.to = day("to", w.from)
	if bad.HasFields() {
		return w, bad
	}
	if w.to.Before(w.from) {
		return w, kernel.Invalid("", "The last day is before the first.").Field("to", "range", "Choose a day that is not before the first.")
	}
	if w.to.Sub(w.from) >= calendarDays*24*time.Hour {
		return w, kernel.Invalid("RANGE_TOO_LARGE", "That is too long. Ask for six weeks at the most.").Field("to", "range", "Choose a day within six weeks of the first.")
	}
	if w.to.After(now.AddDate(farthest, 0, 0)) {
		return w, kernel.Invalid("RANGE_TOO_LARGE", "That is too far ahead.").Field("to", "range", "Choose a day within the next 20 years.")
	}
	w.clinician = params.Get("clinicianId")
	return w, nil
}

// viewCalendar gives the calendar of one place.
func viewCalendar(c *kernel.Call) (*kernel.Reply, error) {
	v, err := newView(c.App, languageOf(c.Request.Header.Get("Accept-Language")))
	if err != nil {
		return nil, err
	}
	w, err := calendarWishOf(c, v.now)
	if err != nil {
		return nil, err
	}
	out := deskCalendar{TimeZone: w.place.TimeZone(), From: w.from.Format(dayForm), To: w.to.Format(dayForm), Now: v.now.UTC().Format(instantForm),
		Today: v.now.In(w.zone).Format(dayForm), LocationID: w.place.Id, Days: clockDays(w), Closures: []calendarSpan{},
		Appointments: []calendarVisit{}, Busy: []calendarSpan{}}
	start, end := beginningOf(w.from, w.zone), beginningOf(w.to.AddDate(0, 0, 1), w.zone)
	cat, err := catalogueOf(c.App)
	if err != nil {
		return nil, err
	}
	for _, l := range cat.Locations {
		out.Locations = append(out.Locations, calendarPlace{l.ID, l.Name})
	}
	if out.Rooms, err = roomsOf(c.App, w.place.Id); err != nil {
		return nil, err
	}
	if out.Clinicians, err = diarists(c, w); err != nil {
		return nil, err
	}
	if err := putHours(c.App, w, &out, start.Unix(), end.Unix()); err != nil {
		return nil, err
	}
	if out.Offers, err = offersAt(c.App, w, start, end, v.now); err != nil {
		return nil, err
	}
	rows, err := calendarRows(c, w, start, end)
	if err != nil {
		return nil, err
	}
	shown := make([]*deskRow, 0, len(rows))
	for _, r := range rows {
		if !r.reached {
			if span, ok := r.taken(); ok {
				out.Busy = append(out.Busy, span)
			}
			continue
		}
		visit, err := v.calendarVisit(r)
		if err != nil {
			return nil, err
		}
		out.Appointments, shown = append(out.Appointments, visit), append(shown, &r.deskRow)
	}
	if err := readOf(c, audit.ViewCalendar, shown); err != nil {
		return nil, err
	}
	return kernel.OK(out), nil
}

// calendarRows runs the calendar's query as the reader's reach and wish ask for.
func calendarRows(c *kernel.Call, w calendarWish, start, end time.Time) ([]*calendarRow, error) {
	reached, clinician := "1", ""
	if kernel.Limited(c.Actor) {
		reached = theirs
	}
	if w.clinician != "" {
		clinician = ofClinician
	}
	var out []*calendarRow
	var r calendarRow
	args := []any{w.place.Id, start.UTC().Format(timeForm), end.UTC().Format(timeForm), c.Actor.ID, kernel.Now(c.App).Format(timeForm), w.clinician}
	err := eachRow(c.App, calendarQuery(reached, clinician), args, append(r.targets(), &r.room, &r.equipment, &r.reached), func() error {
		one := r
		out = append(out, &one)
		return nil
	})
	return out, err
}

// taken is the time that a visit out of reach keeps. One that has ended keeps none.
func (r *calendarRow) taken() (calendarSpan, bool) {
	status := collections.AppointmentStatus(r.status)
	start, err1 := time.Parse(timeForm, r.start)
	end, err2 := time.Parse(timeForm, r.end)
	return spanFor(r.clinician, start, end), err1 == nil && err2 == nil && r.clinician != "" && (status.Holds() || status == collections.AppointmentRequested)
}

func (v *view) calendarVisit(r *calendarRow) (calendarVisit, error) {
	item, err := v.item(&r.row, nil)
	if err != nil {
		return calendarVisit{}, err
	}
	visit := calendarVisit{Appointment: item, Client: r.whom(), RoomID: r.room, EquipmentIDs: []string{}, Version: strings.Replace(r.updated, " ", "T", 1)}
	if r.equipment != "" {
		err = json.Unmarshal([]byte(r.equipment), &visit.EquipmentIDs)
	}
	return visit, err
}

// diarists are the clinicians with a column in the calendar of a place.
func diarists(c *kernel.Call, w calendarWish) ([]calendarPerson, error) {
	out := []calendarPerson{}
	all, err := c.App.FindRecordsByFilter(collections.Clinicians, "is_active = true", "last_name,first_name,id", 0, 0)
	for _, r := range all {
		k := collections.AsClinician(r)
		places := r.GetStringSlice("locations")
		if w.clinician != "" && w.clinician != k.Id || len(places) > 0 && !slices.Contains(places, w.place.Id) {
			continue
		}
		kept, err := enforced(c.App, k.Id)
		if err != nil {
			return nil, err
		}
		out = append(out, calendarPerson{ID: k.Id, Name: nameOf(k.Title(), k.FirstName(), k.LastName()), Color: r.GetString("calendar_color"),
			Mine: k.Staff() != "" && k.Staff() == c.Actor.ID, Kept: kept, Working: []calendarSpan{}, Breaks: []calendarSpan{}})
	}
	return out, err
}

func roomsOf(app core.App, location string) ([]calendarPlace, error) {
	out := []calendarPlace{}
	all, err := app.FindRecordsByFilter(collections.Rooms, "is_active = true && kind = 'room' && location = {:at}", "name,id", 0, 0, dbx.Params{"at": location})
	for _, r := range all {
		out = append(out, calendarPlace{r.Id, r.GetString("name")})
	}
	return out, err
}

// notOver is the condition on what recurs that it can reach into the days shown. Extra days may lie anywhere.
func notOver(w calendarWish) dbx.Expression {
	return dbx.And(dbx.HashExp{"is_active": true}, dbx.In("location", "", w.place.Id), dbx.NewExp(`(first_day <= {:last} AND (rrule <> '' OR first_day >= {:first} OR last_day >= {:first})
		OR json_array_length(coalesce(nullif(extra_days, ''), '[]')) > 0)`,
		dbx.Params{"first": w.from.AddDate(0, 0, -1).Format(dayForm), "last": w.to.Format(dayForm)}))
}

// putHours puts in when everybody works, and what keeps them from it: Unix seconds from and until.
func putHours(app core.App, w calendarWish, out *deskCalendar, from, until int64) error {
	c := clockOf(w.zone, from, until)
	shifts, err1 := app.FindAllRecords("shifts", notOver(w))
	breaks, err2 := app.FindAllRecords("breaks", notOver(w))
	closures, err3 := app.FindAllRecords("closures", notOver(w))
	hours, err4 := parseOpeningHours(w.place.GetString("opening_hours"))
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return err
	}
	// each gives the pieces of what recurs that are on between from and until
	each := func(all []*core.Record, recurrence func(*core.Record) (collections.Recurrence, error), put func(*core.Record, interval)) error {
		for _, r := range all {
			rule, err := recurrence(r)
			if err != nil {
				return err
			}
			pieces, err := c.pieces(rule, from, until)
			if err != nil {
				return err
			}
			for _, p := range pieces {
				put(r, p)
			}
		}
		return nil
	}
	var closed []interval
	working := map[string][]interval{}
	people := map[string]*calendarPerson{}
	for i := range out.Clinicians {
		people[out.Clinicians[i].ID] = &out.Clinicians[i]
	}
	err := errors.Join(
		each(closures, func(r *core.Record) (collections.Recurrence, error) { return collections.AsClosure(r).Recurrence() }, func(r *core.Record, p interval) {
			span := p.span()
			span.Name = r.GetString("name")
			closed, out.Closures = append(closed, p), append(out.Closures, span)
		}),
		each(breaks, func(r *core.Record) (collections.Recurrence, error) { return collections.AsBreak(r).Recurrence() }, func(r *core.Record, p interval) {
			if person := people[r.GetString("clinician")]; person != nil {
				span := p.span()
				span.Reason = r.GetString("reason")
				person.Breaks = append(person.Breaks, span)
			}
		}),
		each(shifts, func(r *core.Record) (collections.Recurrence, error) { return collections.AsShift(r).Recurrence() }, func(r *core.Record, p interval) {
			working[r.GetString("clinician")] = append(working[r.GetString("clinician")], p)
		}))
	if err != nil {
		return err
	}
	open, err := c.open(hours, from, until)
	if err != nil {
		return err
	}
	for id, person := range people {
		times := union(working[id]...)
		if hours != nil {
			times = times.and(open)
		}
		for _, p := range times.without(union(closed...)) {
			person.Working = append(person.Working, p.span())
		}
	}
	return nil
}

func (i interval) span() calendarSpan {
	return spanFor("", time.Unix(i.from, 0), time.Unix(i.until, 0))
}

// offersAt are the times that the waitlist offers somebody at the moment.
func offersAt(app core.App, w calendarWish, start, end, now time.Time) ([]calendarSpan, error) {
	out := []calendarSpan{}
	all, err := app.FindAllRecords("waitlist_entries", dbx.HashExp{"status": "offered", "offered_location": w.place.Id},
		dbx.NewExp("offered_start < {:end} AND offered_hold_end > {:start} AND offer_expires_at > {:now}",
			dbx.Params{"start": start.UTC().Format(timeForm), "end": end.UTC().Format(timeForm), "now": now.UTC().Format(timeForm)}))
	for _, r := range all {
		out = append(out, spanFor(r.GetString("offered_clinician"), r.GetDateTime("offered_start").Time(), r.GetDateTime("offered_hold_end").Time()))
	}
	return out, err
}

// beginningOf is the first instant of a calendar day in a zone: midnight, the first of two, or where the clocks skip it
// the moment at which they do.
func beginningOf(day time.Time, zone *time.Location) time.Time {
	if t, err := instantOf(collections.Preference{Date: day.Format(dayForm), Time: "00:00"}, zone); err == nil {
		return t.In(zone)
	}
	changed, _ := time.Date(day.Year(), day.Month(), day.Day(), 12, 0, 0, 0, zone).ZoneBounds()
	return changed.In(zone)
}

// clockDays says how the clocks go on each day that was asked for.
func clockDays(w calendarWish) []calendarDay {
	var out []calendarDay
	for day := w.from; !day.After(w.to); day = day.AddDate(0, 0, 1) {
		out = append(out, calendarDay{Date: day.Format(dayForm), Clocks: clocksOf(beginningOf(day, w.zone), beginningOf(day.AddDate(0, 0, 1), w.zone))})
	}
	return out
}

// clocksOf cuts the time from start to end where the clocks of its zone are changed.
func clocksOf(start, end time.Time) []clockPiece {
	var out []clockPiece
	latest := -1 // the last wall minute that was shown
	for at := start; at.Before(end); {
		next := end
		if _, change := at.ZoneBounds(); !change.IsZero() && change.Before(end) {
			next = change
		}
		wall := at.Hour()*60 + at.Minute()
		minutes := int(next.Sub(at) / time.Minute)
		again := 0
		if wall < latest { // turned back: what was shown before is shown again first
			again = min(latest-wall, minutes)
			out = append(out, clockPiece{At: at.UTC().Format(instantForm), Wall: at.Format(wallForm), Minutes: again, Again: true})
		}
		if rest := minutes - again; rest > 0 {
			from := at.Add(time.Duration(again) * time.Minute)
			out = append(out, clockPiece{At: from.UTC().Format(instantForm), Wall: from.Format(wallForm), Minutes: rest})
		}
		latest, at = wall+minutes, next
	}
	return out
}

// bindCalendar declares the desk's calendar.
func bindCalendar(app core.App) {
	kernel.Handle(app, kernel.Route{Method: http.MethodGet, Path: kernel.Desk + "/calendar", Access: kernel.Staff, Roles: deskRoles, Do: viewCalendar})
}
