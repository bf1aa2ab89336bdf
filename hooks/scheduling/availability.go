package scheduling

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
)

// maxRange is how many days one question may be about.
const maxRange = 62

// Availability is what could be booked, day by day of the place. Every day of the range is there.
type Availability struct {
	ServiceID       string      `json:"serviceId"`
	DurationMinutes int         `json:"durationMinutes"`
	TimeZone        string      `json:"timeZone"`
	Days            []DaySlots  `json:"days"`
	NextAvailable   *Slot       `json:"nextAvailable,omitempty"` // the first of the range, else the first after it
	Clinicians      []Clinician `json:"clinicians"`              // who could give it
	BookingMode     string      `json:"bookingMode"`             // request: these times can be asked for; instant: booked
	Enforced        bool        `json:"enforced"`                // false: the clinic has entered no hours, so that nothing is offered

	Terms bookingTerms `json:"terms"`
}

// bookingTerms are what a client should know of a visit before it is theirs.
type bookingTerms struct {
	FreeCancelHours int    `json:"freeCancelHours"`        // before the start: until then it may be given back for nothing
	LateCancel      string `json:"lateCancel"`             // after that: refuse, fee or free
	LateFeeCents    int    `json:"lateFeeCents,omitempty"` // of fee
	GraceMinutes    int    `json:"graceMinutes"`           // after booking, in which nothing is late
	DepositCents    int    `json:"depositCents,omitempty"`
	SeriesMax       int    `json:"seriesMax,omitempty"` // visits that can be booked in a row; absent: one at a time
	RequestHolds    bool   `json:"requestHolds"`        // a time that is asked for is kept until the clinic answers
}

// termsBefore gives them for a service. A fee of nothing is none.
func termsBefore(s *collections.ClinicSettings, service *collections.Service) bookingTerms {
	t := bookingTerms{FreeCancelHours: s.FreeCancelHours, LateCancel: string(s.LateCancel), GraceMinutes: int(s.CancelGrace / time.Minute),
		SeriesMax: service.GetInt("series_max"), RequestHolds: s.RequestHolds}
	if service.DepositRequired() {
		t.DepositCents = service.DepositCents()
	}
	if s.LateCancel == collections.LateFee {
		if t.LateFeeCents = lateFee(s, service.GetInt("late_fee_cents")); t.LateFeeCents == 0 {
			t.LateCancel = string(collections.LateFree)
		}
	}
	return t
}

// DaySlots are the openings of one day.
type DaySlots struct {
	Date  string `json:"date"`
	Slots []Slot `json:"slots"`
}

// viewAvailability answers a client.
func viewAvailability(c *kernel.Call) (*kernel.Reply, error) {
	return availability(c, c.Client())
}

// viewDeskAvailability answers the desk, for a client when one is named.
func viewDeskAvailability(c *kernel.Call) (*kernel.Reply, error) {
	client := c.Request.URL.Query().Get("clientId")
	if client != "" {
		if err := kernel.RequireReach(c.App, c.Actor, client); err != nil {
			return nil, err
		}
		if _, err := c.App.FindRecordById("clients", client); err != nil {
			return nil, err
		}
	}
	return availability(c, client)
}

func availability(c *kernel.Call, client string) (*kernel.Reply, error) {
	w, err := wishOf(c, client)
	if err != nil {
		return nil, err
	}
	zone, err := w.location.Zone()
	if err != nil {
		return nil, kernel.Invalid("", "This place has no valid time zone.").Field("locationId", "time_zone", "This place has no valid time zone.")
	}
	first, last, err := daysOf(c.Request.URL.Query().Get, kernel.Now(c.App).In(zone))
	if err != nil {
		return nil, err
	}
	people, why, err := candidates(c.App, w)
	if err != nil {
		return nil, err
	}
	if len(people) == 0 && (w.clinician != "" || codeOf(why, "service") != "") {
		return nil, inTheWordsOfTheQuestion(why)
	}
	out, err := availabilityOf(c, w, people, zone, first, last)
	if err != nil {
		return nil, err
	}
	line := audit.EntryFor(c.Actor, audit.ListAvailability, audit.Appointment, w.except)
	line.Client, line.Details = client, audit.Details{"service": w.service.Id, "from": first.Format(dayForm), "to": last.Format(dayForm)}
	if err := audit.Read(c.App, line); err != nil {
		return nil, err
	}
	return kernel.OK(out), nil
}

func availabilityOf(c *kernel.Call, w wish, people []*candidate, zone *time.Location, first, last time.Time) (*Availability, error) {
	out := &Availability{ServiceID: w.service.Id, DurationMinutes: int(w.visit() / time.Minute), TimeZone: w.location.TimeZone(),
		Days: []DaySlots{}, Clinicians: []Clinician{}, BookingMode: string(collections.BookingRequest),
		Terms: termsBefore(collections.Settings(c.App), w.service)}
	for _, p := range people {
		out.Clinicians = append(out.Clinicians, Clinician{ID: p.id, FirstName: p.first, LastName: p.last, Title: p.title})
		out.Enforced = out.Enforced || p.enforced
		if p.mode == collections.BookingInstant || w.byStaff() {
			out.BookingMode = string(collections.BookingInstant)
		}
	}
	day, end := first.Unix(), last.Unix()+dayLong // wall times: midnights of the place
	clocks := clockOf(zone, day, end)
	from, _ := clocks.shown(day)
	to, _ := clocks.shown(end)
	found, err := openings(c.App, w, time.Unix(from, 0), time.Unix(to, 0))
	if err != nil {
		return nil, err
	}
	lang := languageOf(c.Request.Header.Get("Accept-Language"))
	show := newSlots(c.App, w, lang, zone, clocks)
	byDay := map[int64][]Slot{}
	for _, o := range found {
		on := floor(clocks.wall(o.start.Unix()), dayLong)
		byDay[on] = append(byDay[on], show.slot(o))
	}
	for ; day < end; day += dayLong {
		slots := byDay[day]
		if slots == nil {
			slots = []Slot{}
		}
		out.Days = append(out.Days, DaySlots{Date: time.Unix(day, 0).UTC().Format(dayForm), Slots: slots})
	}
	if len(found) > 0 {
		next := show.slot(found[0])
		out.NextAvailable = &next
		return out, nil
	}
	out.NextAvailable, err = nextOpening(c.App, w, lang, time.Unix(to-1, 0))
	return out, err
}

// daysOf reads from and to: today and the six days after it, when nothing is said.
func daysOf(query func(string) string, today time.Time) (first, last time.Time, err error) {
	bad := kernel.Invalid("", "Choose days like 2026-12-03.")
	read := func(name string, otherwise time.Time) time.Time {
		value := query(name)
		if value == "" {
			return otherwise
		}
		day, ok := parseDay(value)
		if !ok {
			_ = bad.Field(name, "date", "Enter a date like 2026-12-03.")
		}
		return day
	}
	first = read("from", time.Date(today.Year(), today.Month(), today.Day(), 0, 0, 0, 0, time.UTC))
	last = read("to", first.AddDate(0, 0, 6))
	switch {
	case bad.HasFields():
	case last.Before(first):
		_ = bad.Field("to", "range", "The last day is before the first.")
	case last.Sub(first) >= maxRange*24*time.Hour:
		const tooLong = "Ask for 62 days at most."
		bad = kernel.Invalid("RANGE_TOO_LARGE", tooLong).Field("to", "range", tooLong)
	}
	if bad.HasFields() {
		return first, last, bad
	}
	return first, last, nil
}

// wishOf reads what is wanted. What is not said is chosen as a client would: the place they come to, in the office
// where the service is given there, and whoever is free.
func wishOf(c *kernel.Call, client string) (w wish, err error) {
	query := c.Request.URL.Query().Get
	w = wish{client: client, clinician: query("clinicianId"), by: c.Actor}
	if w.clinician == anybody {
		w.clinician = ""
	}
	w.service, err = collections.FindService(c.App, query("serviceId"))
	if isNoRows(err) || err == nil && !w.service.IsActive() {
		return w, noSuch("SERVICE_NOT_FOUND", "The clinic does not offer this service.")
	}
	if err != nil {
		return w, err
	}
	if w.place, err = placeOf(query("serviceLocation"), w.service); err != nil {
		return w, err
	}
	if w.location, err = locationOf(c, client, w.clinician); err != nil {
		return w, err
	}
	if w.except = query("except"); w.except == "" {
		return w, nil
	}
	a, err := collections.FindAppointment(c.App, w.except)
	if err == nil && a.Client() != client {
		err = kernel.NotFound()
	}
	if err == nil && a.Service() == w.service.Id {
		w.length = a.Duration()
	}
	return w, err
}

func noSuch(reason, message string) *kernel.Error {
	e := kernel.NotFound()
	e.Reason, e.Message = reason, message
	return e
}

func placeOf(literal string, s *collections.Service) (collections.ServicePlace, error) {
	place, known := collections.PlaceFromWire(literal)
	if literal == "" {
		place, known = collections.InOffice, true
		if !s.TakesPlace(place) {
			place = collections.Telehealth
		}
	}
	if !known || !s.TakesPlace(place) {
		return "", kernel.Invalid("", "This service is not given that way.").Field("serviceLocation", "not_offered", "This service is not given that way.")
	}
	return place, nil
}

// locationOf is the place that is named, else the client's usual one, else the clinic's first.
func locationOf(c *kernel.Call, client, clinician string) (*collections.Location, error) {
	id := c.Request.URL.Query().Get("locationId")
	if id == "" {
		cat, err := catalogueOf(c.App)
		if err != nil {
			return nil, err
		}
		if client != "" {
			if id, err = usualLocationOf(c.App, client, cat, clinician); err != nil {
				return nil, err
			}
		} else if len(cat.Locations) > 0 {
			id = cat.Locations[0].ID
		}
	}
	l, err := collections.FindLocation(c.App, id)
	if isNoRows(err) || err == nil && !l.IsActive() {
		return nil, kernel.Invalid("", "Choose one of the clinic's places.").Field("locationId", "location_not_found", "Choose one of the clinic's places.")
	}
	return l, err
}

// inTheWordsOfTheQuestion renames the fields of a refusal to those of a query, and says the reason too.
func inTheWordsOfTheQuestion(err error) error {
	refusal := kernel.AsError(err)
	names := map[string]string{"service": "serviceId", "clinician": "clinicianId", "location": "locationId"}
	renamed := map[string]kernel.FieldError{}
	for _, field := range slices.Sorted(maps.Keys(refusal.Fields)) {
		renamed[cmp.Or(names[field], field)] = refusal.Fields[field]
	}
	refusal.Fields, refusal.Reason = renamed, reasonAmong(renamed)
	return refusal
}
