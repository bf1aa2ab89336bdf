package scheduling

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/pocketbase/dbx"
	validation "github.com/pocketbase/ozzo-validation/v4"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/kernel"
)

// wish is a visit somebody wants, without its time.
type wish struct {
	client    string // "": nobody yet
	service   *collections.Service
	location  *collections.Location
	place     collections.ServicePlace
	clinician string        // "": anybody
	except    string        // the appointment that would move, or ""
	length    time.Duration // 0: the service's
	by        kernel.Actor  // staff: no notice, no horizon, no modes; still hours, breaks, overlaps
	entry     string        // the waitlist entry that is offered, whose own offer is no obstacle
	outside   bool          // staff only: outside working hours too
	follows   bool          // begins where a visit of the same party ends, wherever that falls on the grid
}

// opening is a start that could be booked now, and by whom it could be given (best first: fewest visits that day, then
// by name).
type opening struct {
	start      time.Time
	clinicians []string
}

// Slot is an opening as the API shows it. LocalDate, LocalTime and UTCOffset are what the clocks of the place show.
type Slot struct {
	StartTime       string   `json:"startTime"`
	EndTime         string   `json:"endTime"`
	LocalDate       string   `json:"localDate"`
	LocalTime       string   `json:"localTime"`
	UTCOffset       string   `json:"utcOffset"` // "-07:00"
	Display         string   `json:"display"`
	ClinicianID     string   `json:"clinicianId"` // "any" when Any
	LocationID      string   `json:"locationId"`
	ServiceLocation string   `json:"serviceLocation"`
	Any             bool     `json:"any,omitempty"`
	ClinicianIDs    []string `json:"clinicianIds,omitempty"`     // of Any: who is free, best first
	Again           string   `json:"again,omitempty"`            // first or second, where the clocks show this time twice
	FreeUntil       string   `json:"freeUntilDisplay,omitempty"` // until when it could be given back for nothing; absent once that has passed, or when it always can
}

// anybody is how the API names whoever is free.
const anybody = "any"

func (w *wish) visit() time.Duration {
	if w.length > 0 {
		return w.length
	}
	return w.service.Duration()
}

// hold is how long the visit keeps the clinician, in seconds.
func (w *wish) hold() int64 { return int64(w.service.Hold(w.visit()) / time.Second) }

func (w *wish) byStaff() bool { return w.by.IsStaff() || w.by.Kind == kernel.KindSystem }

// openings lists what could be booked for from <= start < to, in order.
func openings(app core.App, w wish, from, to time.Time) ([]opening, error) {
	if !from.Before(to) {
		return nil, nil
	}
	people, _, err := candidates(app, w)
	if err != nil {
		return nil, err
	}
	d := newDiary(app, w)
	people, within := d.inBounds(people, interval{from.Unix(), to.Unix()})
	if len(people) == 0 {
		return nil, nil
	}
	if err := d.read(app, people, within.from, within.until); err != nil {
		return nil, err
	}
	byStart := map[int64][]*candidate{}
	for _, p := range people {
		d.possible(p).and(times{d.bookable(p)}).onGrid(d.clock, d.step, p.stagger, func(start int64) {
			byStart[start] = append(byStart[start], p)
		})
	}
	out := make([]opening, 0, len(byStart))
	for _, start := range slices.Sorted(maps.Keys(byStart)) {
		out = append(out, opening{start: time.Unix(start, 0).UTC(), clinicians: d.bestFirst(byStart[start], start)})
	}
	return out, nil
}

// refuseUnopened tells why a time cannot be booked: nil, or validation.Errors. app may be a transaction.
func refuseUnopened(app core.App, w wish, start time.Time) error {
	refuse := func(field, code, message string) error { return validation.Errors{field: problem(code, message)} }
	if !w.service.IsActive() {
		return refuse("service", "service_not_found", "The clinic does not offer this service any more.")
	}
	if !w.location.IsActive() {
		return refuse("location", "location_not_found", "The clinic does not use this place any more.")
	}
	if !start.After(kernel.Now(app)) {
		return refuse("start_time", "past", "This time has passed. Choose one that is still to come.")
	}
	people, why, err := candidates(app, w)
	if err != nil {
		return err
	}
	if len(people) == 0 {
		return why
	}
	at := start.Unix()
	d := newDiary(app, w)
	soon := slices.ContainsFunc(people, func(p *candidate) bool { return at < d.bounds(p).from })
	people, _ = d.inBounds(people, interval{at, at + 1})
	if len(people) > 0 {
		if err := d.read(app, people, at, at+1); err != nil {
			return err
		}
	}
	var taken, closed, kept bool
	for _, p := range people {
		kept = kept || p.enforced
		if !d.working(p).startsWithin(d.hold).has(at) {
			closed = true
			continue
		}
		if d.possible(p).has(at) && (w.byStaff() || w.follows || d.isOnGrid(p, at)) {
			return nil
		}
		taken = true
	}
	switch {
	case taken:
		return slotTaken()
	case closed && !kept:
		return refuse("service", "service_not_bookable", "This cannot be booked here yet. Ask for a time, and the clinic answers.")
	case closed:
		return refuse("start_time", "outside_hours", "Nobody works then who could see you. Choose another time.")
	case soon:
		return refuse("start_time", "too_soon", "This is too soon. Choose a later time, or call us.")
	default:
		return refuse("start_time", "too_far", "This is too far ahead. Choose an earlier time.")
	}
}

func slotTaken() error {
	return validation.Errors{"start_time": problem(codeSlotTaken, "That time was just taken.")}
}

// nextOpening is the first start after an instant that can be booked, as the API shows it; nil when there is none
// within the clinic's horizon.
func nextOpening(app core.App, w wish, lang string, after time.Time) (*Slot, error) {
	const step = 28 * 24 * time.Hour
	end := kernel.Now(app).AddDate(0, 0, min(collections.Settings(app).BookingHorizon, 730)+1)
	for from := after.Add(time.Second); from.Before(end); from = from.Add(step) {
		found, err := openings(app, w, from, from.Add(step))
		if err != nil {
			return nil, err
		}
		if len(found) > 0 {
			s, err := newSlot(app, w, lang, found[0])
			return &s, err
		}
	}
	return nil, nil
}

func newSlot(app core.App, w wish, lang string, o opening) (Slot, error) {
	zone, err := w.location.Zone()
	if err != nil {
		return Slot{}, err
	}
	return newSlots(app, w, lang, zone, clockOf(zone, o.start.Unix(), o.start.Unix())).slot(o), nil
}

// slots shows the openings of one wish.
type slots struct {
	w        wish
	lang     string
	zone     *time.Location
	clock    clock
	now      time.Time
	settings *collections.ClinicSettings
}

func newSlots(app core.App, w wish, lang string, zone *time.Location, c clock) *slots {
	return &slots{w: w, lang: lang, zone: zone, clock: c, now: kernel.Now(app).In(zone), settings: collections.Settings(app)}
}

func (s *slots) slot(o opening) Slot {
	start, end := o.start.In(s.zone), o.start.Add(s.w.visit()).In(s.zone)
	out := Slot{StartTime: o.start.Format(instantForm), EndTime: end.UTC().Format(instantForm), LocalDate: start.Format(dayForm),
		LocalTime: start.Format(wallForm), UTCOffset: start.Format("-07:00"), Display: spanInWords(s.lang, start, end, s.now.Year()),
		ClinicianID: s.w.clinician, LocationID: s.w.location.Id, ServiceLocation: s.w.place.Wire()}
	if s.w.clinician == "" {
		out.Any, out.ClinicianID, out.ClinicianIDs = true, anybody, o.clinicians
	}
	if free := freeUntil(s.settings, o.start); s.settings.LateCancel != collections.LateFree && free.After(s.now) {
		out.FreeUntil = atInWords(s.lang, free.In(s.zone), s.now.Year())
	}
	if first, last := s.clock.shown(s.clock.wall(o.start.Unix())); first != last {
		out.Again = "first"
		if o.start.Unix() == last {
			out.Again = "second"
		}
	}
	return out
}

// candidate is somebody who could give a visit.
type candidate struct {
	id, first, last, title string
	stagger                int64
	mode                   collections.BookingMode // the narrower of the service's and the clinician's
	enforced               bool
}

// candidates gives who could give the visit at all, by name, or why nobody can.
func candidates(app core.App, w wish) (people []*candidate, why error, err error) {
	rows, err := app.FindRecordsByIds(collections.Clinicians, w.service.GetStringSlice("clinicians"))
	if err != nil {
		return nil, nil, err
	}
	why = validation.Errors{"clinician": problem("clinician_not_for_service", "This person does not give this service.")}
	if !w.byStaff() && !w.service.Mode().Requestable() {
		return nil, validation.Errors{"service": problem("service_not_bookable", "Call us to book this service.")}, nil
	}
	for _, r := range rows {
		if w.clinician != "" && w.clinician != r.Id {
			continue
		}
		code, message, err := refuseGiving(app, w, r)
		if err != nil {
			return nil, nil, err
		}
		if code != "" {
			why = validation.Errors{"clinician": problem(code, message)}
			continue
		}
		p := &candidate{id: r.Id, first: r.GetString("first_name"), last: r.GetString("last_name"), title: r.GetString("title"),
			stagger: int64(r.GetInt("stagger_booking_minutes")), mode: narrower(w.service.Mode(), collections.BookingMode(r.GetString("booking_mode")))}
		if p.enforced, err = enforced(app, r.Id); err != nil {
			return nil, nil, err
		}
		people = append(people, p)
	}
	if instant := func(p *candidate) bool { return p.mode == collections.BookingInstant }; !w.byStaff() && slices.ContainsFunc(people, instant) {
		// whoever leaves it open can book at once: with those who let them
		people = slices.DeleteFunc(people, func(p *candidate) bool { return !instant(p) })
	}
	slices.SortFunc(people, byName)
	return people, why, nil
}

func byName(a, b *candidate) int {
	return cmp.Or(cmp.Compare(a.last, b.last), cmp.Compare(a.first, b.first), cmp.Compare(a.id, b.id))
}

// refuseGiving says why this clinician does not give this visit; "" when they do.
func refuseGiving(app core.App, w wish, r *core.Record) (code, message string, err error) {
	if !r.GetBool("is_active") {
		return "clinician_not_for_service", "This person does not give this service.", nil
	}
	if places := r.GetStringSlice("locations"); w.place == collections.InOffice && len(places) > 0 && !slices.Contains(places, w.location.Id) {
		return "clinician_not_at_location", "This person does not work at that place.", nil
	}
	if !hasAll(wordsOf(r.GetString("capabilities")), wordsOf(w.service.GetString("required_capabilities"))) {
		return "clinician_not_for_service", "This person does not give this service.", nil
	}
	if w.byStaff() {
		return "", "", nil
	}
	if !narrower(w.service.Mode(), collections.BookingMode(r.GetString("booking_mode"))).Requestable() {
		return "service_not_bookable", "Call us to book with this person.", nil
	}
	if r.GetBool("is_accepting_new_patients") {
		return "", "", nil
	}
	var known bool
	err = app.DB().NewQuery(selectKnown).Bind(dbx.Params{"client": w.client, "clinician": r.Id, "now": kernel.Now(app).Format(timeForm)}).Row(&known)
	if err == nil && !known {
		return "clinician_not_accepting", "This person takes no new clients at the moment.", nil
	}
	return "", "", err
}

// narrower gives the mode that allows less. A clinician without one of their own has the service's.
func narrower(service, clinician collections.BookingMode) collections.BookingMode {
	order := []collections.BookingMode{collections.BookingOff, collections.BookingView, collections.BookingRequest, collections.BookingInstant}
	if clinician == "" || slices.Index(order, service) <= slices.Index(order, clinician) {
		return service
	}
	return clinician
}

// wordsOf reads a column that is a list of words. What is none, as a free field of the dashboard can hold, has no words.
func wordsOf(column string) []string {
	var words []string
	_ = json.Unmarshal([]byte(column), &words)
	for i, word := range words {
		words[i] = strings.ToLower(strings.TrimSpace(word))
	}
	return words
}

func hasAll(has, wanted []string) bool {
	for _, word := range wanted {
		if !slices.Contains(has, word) {
			return false
		}
	}
	return true
}

// diary is what the calendar says about a wish in a range of instants.
type diary struct {
	w        wish
	clock    clock
	from, to int64
	hold     int64
	step     int64 // minutes of the grid
	now      int64
	settings *collections.ClinicSettings
	hours    map[string]times
	held     map[string][]interval // by clinician: visits
	kept     map[string][]interval // by clinician: times that requests and offers keep
	blocked  times                 // starts that client, rooms or equipment do not allow, whoever gives the visit
}

// newDiary is one that has not been read yet: it knows the bounds of the clinic.
func newDiary(app core.App, w wish) *diary {
	d := &diary{w: w, hold: w.hold(), now: kernel.Now(app).Unix(), settings: collections.Settings(app)}
	d.step = int64(w.service.GetInt("slot_step_minutes"))
	if d.step <= 0 {
		d.step = max(1, int64(d.settings.SlotStep/time.Minute))
	}
	return d
}

// inBounds gives who can be asked for anything of a range at all, and what of it. What is out of bounds is not read:
// rules of shifts that are followed until the year 9000 take their time, and a booking holds the writer meanwhile.
func (d *diary) inBounds(people []*candidate, asked interval) (some []*candidate, within interval) {
	var all []interval
	for _, p := range people {
		if bounds := (times{asked}).and(times{d.bounds(p)}); len(bounds) > 0 {
			some, all = append(some, p), append(all, bounds...)
		}
	}
	if len(all) > 0 {
		widest := union(all...)
		within = interval{widest[0].from, widest[len(widest)-1].until}
	}
	return some, within
}

// read reads the calendar of people for a range of instants.
func (d *diary) read(app core.App, people []*candidate, from, to int64) error {
	zone, err := d.w.location.Zone()
	if err != nil {
		return validation.Errors{"location": problem("time_zone", "This place has no valid time zone.")}
	}
	d.from, d.to, d.clock = from, to, clockOf(zone, from, to+d.hold)
	ids := make([]string, len(people))
	for i, p := range people {
		ids[i] = p.id
	}
	if d.hours, err = workingTimes(app, d.w, ids, d.clock, from, to+d.hold); err != nil {
		return err
	}
	return d.readHolds(app, ids)
}

// working is when a person can be booked, whatever is booked already.
func (d *diary) working(p *candidate) times {
	if d.w.byStaff() && (d.w.outside || !p.enforced) {
		return times{{d.from, d.to + d.hold}}
	}
	return d.hours[p.id]
}

// possible is when the visit could begin with a person.
func (d *diary) possible(p *candidate) times {
	taken := union(slices.Concat(d.held[p.id], d.kept[p.id])...)
	return d.working(p).startsWithin(d.hold).without(taken.startsOverlapping(d.hold)).without(d.blocked)
}

// farthest is how many years ahead the clinic itself can book. What lies behind is a mistyped year.
const farthest = 20

// bounds are the clinic's notice and horizon.
func (d *diary) bounds(p *candidate) interval {
	now := time.Unix(d.now, 0).UTC()
	if d.w.byStaff() {
		return interval{d.now + 1, now.AddDate(farthest, 0, 0).Unix()}
	}
	notice, horizon := d.settings.BookingNotice, d.settings.BookingHorizon
	if p.mode == collections.BookingRequest {
		notice, horizon = time.Duration(d.settings.RequestNotice)*time.Hour, d.settings.RequestHorizon
	}
	return interval{max(d.now+1, now.Add(notice).Unix()), now.AddDate(0, 0, horizon).Unix() + 1}
}

// bookable is the range that was asked for, within the bounds.
func (d *diary) bookable(p *candidate) interval {
	b := d.bounds(p)
	return interval{max(d.from, b.from), min(d.to, b.until)}
}

func (d *diary) isOnGrid(p *candidate, at int64) (on bool) {
	times{{at, at + 1}}.onGrid(d.clock, d.step, p.stagger, func(int64) { on = true })
	return on
}

// bestFirst orders who is free: the fewest visits that day, then by name.
func (d *diary) bestFirst(free []*candidate, start int64) []string {
	day := floor(d.clock.wall(start), dayLong)
	visits := func(p *candidate) (n int) {
		for _, i := range d.held[p.id] {
			if floor(d.clock.wall(i.from), dayLong) == day {
				n++
			}
		}
		return n
	}
	slices.SortStableFunc(free, func(a, b *candidate) int { return cmp.Compare(visits(a), visits(b)) })
	out := make([]string, len(free))
	for i, p := range free {
		out[i] = p.id
	}
	return out
}

// What keeps time. {:from} and {:to} bound when a hold begins; none is longer than a day.
const (
	inRange = ` > {:from} AND o.hold_start < {:to}`

	selectHeld = `SELECT o.clinician, o.hold_start, o.hold_end FROM appointments o
	WHERE o.clinician IN (SELECT value FROM json_each({:clinicians})) AND o.` + holds + ` AND o.hold_start` + inRange

	selectHeldRooms = `SELECT o.room, o.hold_start, o.hold_end FROM appointments o
	WHERE o.room IN (SELECT value FROM json_each({:rooms})) AND o.` + holds + ` AND o.hold_start` + inRange

	selectHeldEquipment = `SELECT j.value, o.hold_start, o.hold_end FROM appointments o, json_each(o.equipment) j
	WHERE o.` + holds + ` AND o.equipment <> '[]' AND o.hold_start` + inRange

	selectHeldClient = `SELECT o.client, o.start_time, o.end_time FROM appointments o
	WHERE o.client = {:client} AND o.` + holds + ` AND +o.guest = FALSE AND o.hold_start` + inRange

	selectAsked = `SELECT o.clinician, o.hold_start, o.hold_end FROM appointments o
	WHERE o.clinician IN (SELECT value FROM json_each({:clinicians})) AND o.status = 'requested' AND o.holds_slot = TRUE
	AND o.client <> {:client} AND o.hold_start` + inRange

	selectOffered = `SELECT o.offered_clinician, o.offered_start, o.offered_hold_end FROM waitlist_entries o
	WHERE o.offered_clinician IN (SELECT value FROM json_each({:clinicians})) AND o.status = 'offered' AND o.offer_expires_at > {:now}
	AND o.offered_start > {:from} AND o.offered_start < {:to}
	AND o.id <> {:entry} AND ({:entry} <> '' OR o.client <> {:client})`

	exceptThis = ` AND o.id <> {:except}`

	selectCapacity = `SELECT id, kind, name, equipment_type, max(1, capacity) FROM rooms WHERE location = {:location} AND is_active = TRUE`
)

// readHolds reads what keeps time, a day wider at both ends: the visits of the day are counted too.
func (d *diary) readHolds(app core.App, clinicians []string) error {
	form := func(at int64) string { return time.Unix(at, 0).UTC().Format(timeForm) }
	params := dbx.Params{"clinicians": idsJSON(clinicians), "client": d.w.client, "except": d.w.except, "entry": d.w.entry,
		"now": form(d.now), "from": form(d.from - 2*dayLong), "to": form(d.to + d.hold + dayLong)}
	read := func(query string, more dbx.Params) (map[string][]interval, error) {
		if d.w.except != "" && strings.Contains(query, "FROM appointments") {
			query += exceptThis // only then: the indexes alone answer the rest
		}
		all := maps.Clone(params)
		maps.Copy(all, more)
		return heldTimes(app, query, all)
	}
	var err error
	if d.held, err = read(selectHeld, nil); err != nil {
		return err
	}
	if d.kept, err = read(selectAsked, nil); err != nil {
		return err
	}
	offered, err := read(selectOffered, nil)
	if err != nil {
		return err
	}
	for id, more := range offered {
		d.kept[id] = append(d.kept[id], more...)
	}
	var blocked []interval
	if d.w.client != "" {
		own, err := read(selectHeldClient, nil)
		if err != nil {
			return err
		}
		blocked = append(blocked, union(own[d.w.client]...).startsOverlapping(int64(d.w.visit()/time.Second))...)
	}
	needs, err := needsOf(app, d.w)
	if err != nil {
		return err
	}
	if len(needs) > 0 {
		var units []string
		for _, n := range needs {
			for _, u := range n {
				units = append(units, u.id)
			}
		}
		inUse, err := read(selectHeldRooms, dbx.Params{"rooms": idsJSON(units)})
		if err != nil {
			return err
		}
		lent, err := read(selectHeldEquipment, nil)
		if err != nil {
			return err
		}
		for id, more := range lent {
			inUse[id] = append(inUse[id], more...)
		}
		for _, n := range needs {
			none := times{{d.from, d.to}} // starts at which no unit is free
			for _, u := range n {
				none = none.and(full(inUse[u.id], u.capacity).startsOverlapping(d.hold))
			}
			blocked = append(blocked, none...)
		}
	}
	d.blocked = union(blocked...)
	return nil
}

// unit is a room, or a piece of equipment.
type unit struct {
	id       string
	capacity int
}

// needsOf gives what a visit needs beside a clinician: for each need, the units of which one must be free.
func needsOf(app core.App, w wish) ([][]unit, error) {
	equipment := wordsOf(w.service.GetString("required_equipment"))
	room := w.service.GetBool("needs_room") && w.place == collections.InOffice
	if !room && len(equipment) == 0 {
		return nil, nil
	}
	rows, err := app.DB().NewQuery(selectCapacity).Bind(dbx.Params{"location": w.location.Id}).Rows()
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	suitable := w.service.GetStringSlice("rooms")
	needs := make([][]unit, len(equipment))
	var rooms []unit
	for rows.Next() {
		var kind, name, sort string
		var u unit
		if err := rows.Scan(&u.id, &kind, &name, &sort, &u.capacity); err != nil {
			return nil, err
		}
		if kind == "room" && (len(suitable) == 0 || slices.Contains(suitable, u.id)) {
			rooms = append(rooms, u)
		}
		for i, wanted := range equipment {
			if kind == "equipment" && (isWord(sort, wanted) || isWord(name, wanted)) {
				needs[i] = append(needs[i], u)
			}
		}
	}
	if room {
		needs = slices.Concat(needs, [][]unit{rooms})
	}
	return needs, rows.Err()
}

func isWord(text, word string) bool { return strings.EqualFold(strings.TrimSpace(text), word) }

// heldTimes reads intervals by whose they are.
func heldTimes(app core.App, query string, params dbx.Params) (map[string][]interval, error) {
	rows, err := app.DB().NewQuery(query).Bind(params).Rows()
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[string][]interval{}
	for rows.Next() {
		var whose, from, until string
		if err := rows.Scan(&whose, &from, &until); err != nil {
			return nil, err
		}
		start, err := time.Parse(timeForm, from)
		if err != nil {
			return nil, err
		}
		end, err := time.Parse(timeForm, until)
		if err != nil {
			return nil, err
		}
		out[whose] = append(out[whose], interval{start.Unix(), end.Unix()})
	}
	return out, rows.Err()
}
