package scheduling

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"time"

	validation "github.com/pocketbase/ozzo-validation/v4"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/kernel"
)

// maxClientNotes is how many characters a client may write to a visit they book.
const maxClientNotes = 500

// fillBooking writes what follows from booking: when, through which door, and by which login.
func (s *save) fillBooking() {
	a := s.after
	if place, ok := a.GetRaw(seriesKey).(seriesPlace); ok {
		a.Set("series", place.id)
		a.Set("series_position", place.position)
	}
	s.joinParty()
	s.noteBooked()
	if s.actor.Kind != kernel.KindClient {
		return
	}
	a.Set("client_requested", true)
	a.Set("requested_via", "portal")
	a.Set("requested_by", s.actor.ID)
	a.Set("booking_type", s.bookingType())
	a.Set("any_clinician", a.Clinician() == "")
}

// noteBooked writes when the time was agreed, from which the days of grace count, and that it is being confirmed, which
// commits with the letters. An import says itself, and tells nobody.
func (s *save) noteBooked() {
	if s.actor.Kind != kernel.KindSystem {
		s.after.Set("confirmation_sent_at", s.now)
	}
	if s.actor.Kind != kernel.KindSystem || s.after.GetDateTime("booked_at").IsZero() {
		s.after.Set("booked_at", s.now)
	}
}

// refuseUnbookable: what a client may book without asking. The mode of the person is judged where the person is chosen.
func (s *save) refuseUnbookable() error {
	if s.actor.Kind != kernel.KindClient || len(s.problems) > 0 {
		return nil
	}
	if offered, err := s.acceptedOffer(s.app); err != nil || offered != nil {
		return err // the clinic chose to offer it
	}
	if s.service.Mode() != collections.BookingInstant {
		s.refuse("service", "service_not_bookable", "This service is not booked online. Ask for a time, or call us.")
	}
	if len([]rune(s.after.GetString("patient_notes"))) > maxClientNotes {
		s.refuse("patient_notes", "max_length", "Please say it in 500 characters or fewer.")
	}
	return s.refuseUnknownClient()
}

// refuseStranger: a login books for those it may act for in matters of visits, whichever door it came through.
func (s *save) refuseStranger() (bool, error) {
	if s.actor.Kind != kernel.KindClient {
		return false, nil
	}
	audience, err := kernel.Audience(s.app, s.after.Client(), kernel.AreaVisits)
	return !slices.ContainsFunc(audience, func(g kernel.Grant) bool { return g.User == s.actor.ID }), err
}

// bookBody is what a client sends to book. StartTime is an instant, or the day and time on the clocks of the place.
type bookBody struct {
	ServiceID       string      `json:"serviceId"`
	PractitionerID  string      `json:"practitionerId"` // "any" or nothing: whoever is free
	LocationID      string      `json:"locationId"`
	StartTime       string      `json:"startTime"`
	PatientNotes    string      `json:"patientNotes"`
	ServiceLocation string      `json:"serviceLocation"` // nothing: the one way it is given
	PaymentMethodID string      `json:"paymentMethodId"`
	Series          *seriesBody `json:"series"`
}

// deskBody is what the desk sends to write down what was agreed.
type deskBody struct {
	bookBody
	ClientID     string `json:"clientId"`
	RoomID       string `json:"roomId"`
	StaffNotes   string `json:"staffNotes"`
	Status       string `json:"status"` // scheduled, if nothing is said, or confirmed
	OutsideHours bool   `json:"outsideHours"`
}

// booked is the answer to both.
type booked struct {
	Appointment Appointment    `json:"appointment"`
	Deposit     *deposit       `json:"deposit,omitempty"`
	Series      *seriesOfVisit `json:"series,omitempty"`
}

type deposit struct {
	InvoiceID   string `json:"invoiceId"`
	AmountCents int    `json:"amountCents"`
}

// book answers POST appointments: a visit that is agreed at once. 404 SERVICE_NOT_FOUND; 409 SLOT_UNAVAILABLE with
// nextAvailable; the reasons of the API for a time that cannot be had.
func book(c *kernel.Call) (*kernel.Reply, error) {
	var body bookBody
	if err := c.Bind(&body); err != nil {
		return nil, err
	}
	if body.PaymentMethodID != "" {
		return nil, kernel.Invalid("", "This card is not kept here.").Field("paymentMethodId", "not_found", "This card is not kept here.")
	}
	o, err := body.order(c, c.Client())
	if err != nil {
		return nil, err
	}
	a := o.first
	a.SetStatus(collections.AppointmentScheduled)
	if err := o.save(c, body.Series); err != nil {
		return nil, o.inTheWordsOfTheBooking(c, err)
	}
	return o.answer(c, c.Client())
}

// bookForClient answers POST desk/appointments.
func bookForClient(c *kernel.Call) (*kernel.Reply, error) {
	var body deskBody
	if err := c.Bind(&body); err != nil {
		return nil, err
	}
	if body.ClientID == "" {
		return nil, kernel.Invalid("", "Choose whom the visit is for.").Field("clientId", "required", "Choose whom the visit is for.")
	}
	if _, err := c.App.FindRecordById(collections.Clients, body.ClientID); err != nil {
		return nil, kernel.NotFound().Because(err)
	}
	if err := kernel.RequireReach(c.App, c.Actor, body.ClientID); err != nil {
		return nil, err
	}
	status := collections.AppointmentStatus(cmp.Or(body.Status, string(collections.AppointmentScheduled)))
	if !status.Booked() {
		return nil, kernel.Invalid("", "A visit begins as scheduled or confirmed.").Field("status", "option", "A visit begins as scheduled or confirmed.")
	}
	o, err := body.order(c, body.ClientID)
	if err != nil {
		return nil, err
	}
	a := o.first
	a.SetStatus(status)
	a.Set("room", body.RoomID)
	a.Set("staff_notes", body.StaffNotes)
	if body.OutsideHours {
		waiveHours(a)
	}
	if err := o.save(c, body.Series); err != nil {
		return nil, o.inTheWordsOfTheBooking(c, err)
	}
	return o.answer(c, "")
}

// order is a booking on its way: the first visit, and those that follow it.
type order struct {
	first    *collections.Appointment
	zone     *time.Location
	service  *collections.Service
	location *collections.Location
	follow   *seriesOfVisit
}

// order makes the visit that was asked for, not yet saved. Only what cannot be put into a record is refused here.
func (b *bookBody) order(c *kernel.Call, client string) (*order, error) {
	o := &order{}
	problems := kernel.Invalid("", "Some of this is missing or cannot be read.")
	if b.ServiceID == "" {
		_ = problems.Field("serviceId", "required", "Choose what you would like to come for.")
	} else if s, err := collections.FindService(c.App, b.ServiceID); err == nil && s.IsActive() && (s.Mode() != collections.BookingOff || c.Actor.IsStaff()) {
		o.service = s
	} else if err != nil && !isNoRows(err) {
		return nil, err
	} else {
		missing := kernel.NotFound()
		missing.Reason, missing.Message = "SERVICE_NOT_FOUND", "The clinic does not offer this service."
		return nil, missing
	}
	location, err := collections.FindLocation(c.App, b.LocationID)
	if err != nil && !isNoRows(err) {
		return nil, err
	}
	if err != nil {
		_ = problems.Field("locationId", "location_not_found", "Choose one of the clinic's places.")
	} else if o.zone, err = location.Zone(); err != nil {
		return nil, err
	} else {
		o.location = location
	}
	var start time.Time
	if o.zone != nil {
		var wrong error
		if start, wrong = startOf(b.StartTime, o.zone); wrong != nil {
			code := codeOf(wrong, "start_time")
			_ = problems.Field("startTime", code, kernel.AsError(wrong).Message)
			problems.Reason = reasonAmong(map[string]kernel.FieldError{"startTime": {Code: code}})
		}
	}
	if problems.HasFields() {
		return nil, problems
	}
	if o.first, err = collections.NewAppointment(c.App); err != nil {
		return nil, err
	}
	a := o.first
	a.Set("client", client)
	a.Set("service", o.service.Id)
	a.Set("location", o.location.Id)
	a.SetStart(start)
	if b.PractitionerID != anybody {
		a.Set("clinician", b.PractitionerID)
	}
	a.Set("patient_notes", b.PatientNotes)
	if where, ok := collections.PlaceFromWire(b.ServiceLocation); ok {
		a.Set("service_location", string(where))
	} else if where, err := placeOf("", o.service); b.ServiceLocation == "" && err == nil {
		a.Set("service_location", string(where)) // as availability takes it
	}
	return o, nil
}

// save books the visit, and with it those that follow, or none.
func (o *order) save(c *kernel.Call, follow *seriesBody) error {
	if follow == nil {
		return kernel.SaveAs(c.App, c.Actor, o.first.Record)
	}
	return c.App.RunInTransaction(func(tx core.App) error {
		var err error
		o.follow, err = bookSeries(tx, c.Actor, o, follow)
		return err
	})
}

// wish is what the order wants, to find when it could be had instead.
func (o *order) wish(by kernel.Actor) wish {
	return wish{client: o.first.Client(), service: o.service, location: o.location, place: o.first.Place(),
		clinician: o.first.Clinician(), by: by}
}

// answer shows what was booked. client is empty for readers of the clinic.
func (o *order) answer(c *kernel.Call, client string) (*kernel.Reply, error) {
	lang := languageOf(c.Request.Header.Get("Accept-Language"))
	v, err := newView(c.App, lang)
	if err != nil {
		return nil, err
	}
	var out booked
	if out.Appointment, err = v.one(o.first.Id, client); err != nil {
		return nil, err
	}
	asked, err := collections.BilledForVisit(c.App, o.first.Id, collections.PurposeDeposit)
	if err != nil {
		return nil, err
	}
	for _, i := range asked {
		out.Deposit = &deposit{InvoiceID: i.Id, AmountCents: i.Total()}
	}
	if out.Series = o.follow; out.Series != nil {
		for _, id := range out.Series.ids {
			item, err := v.one(id, client)
			if err != nil {
				return nil, err
			}
			out.Series.Appointments = append(out.Series.Appointments, item)
		}
	}
	return kernel.Created(out).Say(inLanguage(lang, "You're booked for ", "Su cita: ") + out.Appointment.Display + "."), nil
}

// inTheWordsOfTheBooking names fields as they were sent, and makes a taken time a conflict with the next that is free.
func (o *order) inTheWordsOfTheBooking(c *kernel.Call, err error) error {
	return unavailable(c, err, o.wish(c.Actor), o.first.Start(), map[string]string{"service": "serviceId", "clinician": "practitionerId", "location": "locationId",
		"room": "roomId", "client": "clientId"})
}

// takenFields are those by which a save says that its time is gone, the most telling first.
var takenFields = []string{"start_time", "clinician", "client", "room", "equipment"}

// unavailable makes a taken time 409 SLOT_UNAVAILABLE with details.nextAvailable, wherever it was asked for, and gives
// other fields the names of the request.
func unavailable(c *kernel.Call, err error, w wish, start time.Time, names map[string]string) error {
	if taken, ok := slotConflict(err); ok {
		if c.Actor.Kind == kernel.KindClient && codeOf(err, "client") == codeSlotTaken {
			taken.Message = "There is another visit at that time already."
		}
		next, failed := nextOpening(c.App, w, languageOf(c.Request.Header.Get("Accept-Language")), start)
		if failed != nil {
			return failed
		}
		if next != nil {
			return taken.With("nextAvailable", next)
		}
		return taken
	}
	refusal := kernel.AsError(err)
	if !refusal.HasFields() {
		return err
	}
	renamed := map[string]kernel.FieldError{}
	for field, problem := range refusal.Fields {
		renamed[cmp.Or(names[field], field)] = problem
	}
	refusal.Fields = renamed
	refusal.Reason = cmp.Or(refusal.Reason, reasonAmong(refusal.Fields))
	return refusal
}

// slotConflict tells whether a save was refused because its time is gone, and makes the conflict.
func slotConflict(err error) (*kernel.Error, bool) {
	var lost *seriesTaken
	if errors.As(err, &lost) {
		return kernel.Conflict("SLOT_UNAVAILABLE", lost.Error()).With("taken", lost.days), true
	}
	for _, field := range takenFields {
		if codeOf(err, field) == codeSlotTaken {
			return kernel.Conflict("SLOT_UNAVAILABLE", kernel.AsError(err).Message).Because(err), true
		}
	}
	return nil, false
}

// refuseOnlyAskable: a client books with a person whose mode allows it too, whatever the service's.
func (s *save) refuseOnlyAskable(tx core.App) error {
	if s.actor.Kind != kernel.KindClient || !s.after.Status().Booked() || s.after.Clinician() == "" || s.after.GetRaw(entryKey) != nil {
		return nil
	}
	clinician, err := tx.FindRecordById(collections.Clinicians, s.after.Clinician())
	if err != nil {
		return err
	}
	if narrower(s.service.Mode(), collections.BookingMode(clinician.GetString("booking_mode"))) != collections.BookingInstant {
		return validation.Errors{"clinician": problem("service_not_bookable", "Visits with this person are not booked online. Ask for a time, or call us.")}
	}
	return nil
}

// waiveHours notes that the clinic agreed to see somebody outside its hours.
func waiveHours(a *collections.Appointment) { a.SetRaw(outsideKey, true) }

// spaced is a list of days in words of the API.
func spaced(days []string) string { return strings.Join(days, ", ") }
