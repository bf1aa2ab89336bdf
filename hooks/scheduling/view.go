package scheduling

import (
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/kernel"
	"anteroom/hooks/phi"
)

// Appointment is an appointment as the API shows it. Days and wall times are those of TimeZone, instants are UTC.
type Appointment struct {
	ID                   string    `json:"id"`
	AppointmentDate      string    `json:"appointmentDate"`
	StartTime            string    `json:"startTime"`
	EndTime              string    `json:"endTime"`
	Duration             int       `json:"duration"` // minutes
	AppointmentType      string    `json:"appointmentType"`
	ServiceLocation      string    `json:"serviceLocation"`
	Clinician            Clinician `json:"clinician"`
	Status               string    `json:"status"`
	Notes                string    `json:"notes,omitempty"` // the client's own
	TelehealthLink       string    `json:"telehealthLink,omitempty"`
	CanCancel            bool      `json:"canCancel"`
	CancellationDeadline string    `json:"cancellationDeadline,omitempty"`

	CancellationDeadlineDisplay string `json:"cancellationDeadlineDisplay,omitempty"` // or of graceUntil, when that is later

	TimeZone       string     `json:"timeZone"`
	LocalStart     string     `json:"localStart"`
	LocalEnd       string     `json:"localEnd"`
	Display        string     `json:"display"`
	ServiceID      string     `json:"serviceId"`
	Location       *Place     `json:"location,omitempty"` // not by video
	ClientID       string     `json:"clientId"`
	CanReschedule  bool       `json:"canReschedule"`
	CanCheckIn     bool       `json:"canCheckIn"`
	DepositCents   int        `json:"depositCents,omitempty"`
	DepositPaid    bool       `json:"depositPaid"`
	FormsDue       []string   `json:"formsDue"`
	GroupBookingID string     `json:"groupBookingId,omitempty"`
	Requested      *Requested `json:"requested,omitempty"`

	CanConfirm        bool   `json:"canConfirm"`
	LateFeeCents      int    `json:"lateFeeCents,omitempty"` // what a cancellation or a move costs now
	FeeAfterDeadline  int    `json:"feeAfterDeadlineCents,omitempty"`
	GraceUntil        string `json:"graceUntil,omitempty"`
	WaitingRoomStatus string `json:"waitingRoomStatus,omitempty"`
	SeriesID          string `json:"seriesId,omitempty"`
	GuestName         string `json:"guestName,omitempty"` // of a party: who comes, when it is not the client

	UpdatedAt string `json:"updatedAt"`
}

// Clinician is who sees the client. All empty while the client left it open and the clinic has not decided.
type Clinician struct {
	ID        string `json:"id"`
	FirstName string `json:"firstName"`
	LastName  string `json:"lastName"`
	Title     string `json:"title"`
}

// Place is where a visit in the office is.
type Place struct {
	ID      string              `json:"id"`
	Name    string              `json:"name"`
	Address collections.Address `json:"address"`
}

// Requested is what the client asked for. DeclineReason is the clinic's message to the client, never the reason that
// staff keep.
type Requested struct {
	Preferences   []collections.Preference `json:"preferences"`
	SubmittedAt   string                   `json:"submittedAt"`
	DeclineReason string                   `json:"declineReason,omitempty"`
}

// row is what one query reads of an appointment. Encrypted cells are still sealed.
type row struct {
	id, client, clinician, service, location         string
	start, end, timeZone, localDate, localStart      string
	duration, deposit                                int
	status, where                                    string
	depositPaid                                      bool
	group, preferences, submitted, updated           string
	notes, message, link, guestName                  string // sealed
	booked, waiting, series, mode, clinicianMode     string
	serviceFee                                       int
	enforced                                         bool
	firstName, lastName, title, serviceName          string
	placeName, street, city, state, zipCode, country string
}

// rowColumns and rowTables are what every list and view of appointments reads; scan takes them in this order. They
// are LEFT JOINs so that the planner keeps appointments outermost, on the index that the condition asks for.
const (
	rowColumns = `a.id, a.client, a.clinician, a.service, a.location,
	a.start_time, a.end_time, a.time_zone, a.local_date, a.local_start,
	a.duration, a.deposit_cents, a.status, a.service_location, a.deposit_paid,
	a.group_booking, coalesce(a.preferences, ''), a.submitted_at, a.updated, a.patient_notes, a.message_to_client, a.telehealth_link, a.guest_name,
	a.booked_at, a.waiting_room_status, a.series, coalesce(s.booking_mode, ''), coalesce(c.booking_mode, ''), coalesce(s.late_fee_cents, 0),
	EXISTS (SELECT 1 FROM shifts w WHERE w.clinician = a.clinician),
	coalesce(c.first_name, ''), coalesce(c.last_name, ''), coalesce(c.title, ''), coalesce(s.name, ''),
	coalesce(l.name, ''), coalesce(l.street, ''), coalesce(l.city, ''), coalesce(l.state, ''), coalesce(l.zip_code, ''), coalesce(l.country, '')`

	rowTables = ` FROM appointments a LEFT JOIN clinicians c ON c.id = a.clinician LEFT JOIN services s ON s.id = a.service
	LEFT JOIN locations l ON l.id = a.location `
)

func (r *row) targets() []any {
	return []any{&r.id, &r.client, &r.clinician, &r.service, &r.location,
		&r.start, &r.end, &r.timeZone, &r.localDate, &r.localStart,
		&r.duration, &r.deposit, &r.status, &r.where, &r.depositPaid,
		&r.group, &r.preferences, &r.submitted, &r.updated, &r.notes, &r.message, &r.link, &r.guestName,
		&r.booked, &r.waiting, &r.series, &r.mode, &r.clinicianMode, &r.serviceFee, &r.enforced,
		&r.firstName, &r.lastName, &r.title, &r.serviceName,
		&r.placeName, &r.street, &r.city, &r.state, &r.zipCode, &r.country}
}

// view turns rows into items for one reader at one moment.
type view struct {
	app      core.App
	now      time.Time
	lang     string
	settings *collections.ClinicSettings
	desk     bool // the clinic itself reads: the way into a video visit is always shown

	collection                                    string // id of appointments, part of where a sealed cell belongs
	notesID, messageID, linkID, reasonID, guestID string
}

func newView(app core.App, lang string) (*view, error) {
	c, err := app.FindCachedCollectionByNameOrId(collections.Appointments)
	if err != nil {
		return nil, err
	}
	v := &view{app: app, now: kernel.Now(app), lang: lang, settings: collections.Settings(app), collection: c.Id}
	for name, id := range map[string]*string{"patient_notes": &v.notesID, "message_to_client": &v.messageID, "telehealth_link": &v.linkID,
		"reason_for_visit": &v.reasonID, "guest_name": &v.guestID} {
		f := c.Fields.GetByName(name)
		if f == nil {
			return nil, errors.New("appointments has no field " + name)
		}
		*id = f.GetId()
	}
	return v, nil
}

// newDeskView is newView for somebody of the clinic.
func newDeskView(c *kernel.Call) (*view, error) {
	v, err := newView(c.App, languageOf(c.Request.Header.Get("Accept-Language")))
	if err == nil {
		v.desk = true
	}
	return v, err
}

// item makes the API's item. The flags are for a client, whoever reads it.
func (v *view) item(r *row, formsDue []string) (Appointment, error) {
	start, err := time.Parse(timeForm, r.start)
	if err != nil {
		return Appointment{}, err
	}
	end, err := time.Parse(timeForm, r.end)
	if err != nil {
		return Appointment{}, err
	}
	zone, err := collections.Zone(r.timeZone)
	if err != nil {
		return Appointment{}, err
	}
	localStart, localEnd := start.In(zone), end.In(zone)
	status, where := collections.AppointmentStatus(r.status), collections.ServicePlace(r.where)
	booked, err := timeOrNone(r.booked)
	if err != nil {
		return Appointment{}, err
	}
	may := termsOf(v.settings, visit{status: status, place: where, start: start, end: end, bookedAt: booked, zone: zone, feeCents: r.serviceFee,
		mode: modeWith(collections.BookingMode(r.mode), collections.BookingMode(r.clinicianMode), r.enforced)}, v.now, kernel.Actor{Kind: kernel.KindClient})
	if formsDue == nil {
		formsDue = []string{}
	}
	a := Appointment{
		ID: r.id, AppointmentDate: r.localDate, StartTime: start.Format(instantForm), EndTime: end.Format(instantForm),
		Duration: r.duration, AppointmentType: r.serviceName, ServiceLocation: where.Wire(),
		Clinician: Clinician{ID: r.clinician, FirstName: r.firstName, LastName: r.lastName, Title: r.title},
		Status:    r.status, Notes: v.open(r, v.notesID, r.notes),
		CanCancel: may.cancel == "", CanConfirm: may.confirm == "", LateFeeCents: may.feeCents, FeeAfterDeadline: may.feeAfter, WaitingRoomStatus: r.waiting,
		SeriesID: r.series, GuestName: v.open(r, v.guestID, r.guestName),

		TimeZone: r.timeZone, LocalStart: r.localStart, LocalEnd: localEnd.Format(wallForm),
		Display: spanInWords(v.lang, localStart, localEnd, v.now.In(zone).Year()), ServiceID: r.service, ClientID: r.client,
		CanReschedule: may.move == "", CanCheckIn: may.checkIn == "",
		DepositCents: r.deposit, DepositPaid: r.depositPaid, FormsDue: formsDue, GroupBookingID: r.group, UpdatedAt: instant(r.updated),
	}
	a.CancellationDeadline, a.GraceUntil = instantOrNone(may.deadline), instantOrNone(may.graceUntil)
	if !may.deadline.IsZero() {
		a.CancellationDeadlineDisplay = atInWords(v.lang, may.freeNowUntil().In(zone), v.now.In(zone).Year())
	}
	if where == collections.InOffice {
		a.Location = &Place{ID: r.location, Name: r.placeName, Address: collections.Address{Street: r.street, City: r.city,
			State: r.state, ZipCode: r.zipCode, Country: r.country}}
	} else if may.link || v.desk {
		a.TelehealthLink = v.open(r, v.linkID, r.link)
	}
	if r.submitted != "" {
		wanted, err := collections.ParsePreferences(r.preferences)
		if err != nil {
			return a, err
		}
		a.Requested = &Requested{Preferences: append([]collections.Preference{}, wanted...), SubmittedAt: instant(r.submitted)}
		if status == collections.AppointmentDeclined {
			a.Requested.DeclineReason = v.open(r, v.messageID, r.message)
		}
	}
	return a, nil
}

// open opens a sealed cell. One that does not open is left out, and the operator is told: the visit must stay
// visible. What was erased on purpose is no news.
func (v *view) open(r *row, fieldID, cell string) string {
	text, err := phi.OpenCell(v.collection, r.id, fieldID, r.client, cell)
	if err != nil && !errors.Is(err, phi.ErrErased) {
		v.app.Logger().Error("an encrypted value of an appointment does not open", "appointment", r.id, "field", fieldID, "error", err)
	}
	return text
}

// instant turns PocketBase's text of an instant into the API's, both UTC.
func instant(stored string) string {
	if len(stored) < len("2006-01-02 15:04:05") {
		return ""
	}
	return strings.Replace(stored[:19], " ", "T", 1) + "Z"
}

// timeOrNone reads a column that may be empty.
func timeOrNone(stored string) (time.Time, error) {
	if stored == "" {
		return time.Time{}, nil
	}
	return time.Parse(timeForm, stored)
}

func instantOrNone(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(instantForm)
}

const selectOne = `SELECT ` + rowColumns + rowTables + `WHERE a.id = ?`

// read gives one appointment; kernel.NotFound when there is none, or it is another client's. client is empty for
// readers of the clinic.
func (v *view) read(id, client string) (*row, error) {
	r := &row{}
	err := oneRow(v.app, selectOne, []any{id}, r.targets()...)
	if errors.Is(err, sql.ErrNoRows) || err == nil && client != "" && r.client != client {
		return nil, kernel.NotFound()
	}
	return r, err
}

// one gives the item of an appointment, as read does.
func (v *view) one(id, client string) (Appointment, error) {
	r, err := v.read(id, client)
	if err != nil {
		return Appointment{}, err
	}
	due, err := formsDue(v.app, r.client)
	if err != nil {
		return Appointment{}, err
	}
	return v.item(r, due[r.id])
}

const selectFormsDue = `SELECT appointment, id FROM portal_forms
	WHERE client = ? AND status IN ('pending','in_progress') AND appointment <> '' ORDER BY due_date, id`

// formsDue lists the forms that a client has yet to send, by appointment.
func formsDue(app core.App, client string) (map[string][]string, error) {
	due := map[string][]string{}
	var appointment, form string
	err := eachRow(app, selectFormsDue, []any{client}, []any{&appointment, &form}, func() error {
		due[appointment] = append(due[appointment], form)
		return nil
	})
	return due, err
}

// heardItem is what a listening page gets, the same as it would fetch. It is made once for all who listen, so it
// speaks the client's language.
func heardItem(app core.App, r *core.Record) (any, error) {
	lang, err := languageOfClient(app, r.GetString("client"))
	if err != nil {
		return nil, err
	}
	v, err := newView(app, lang)
	if err != nil {
		return nil, err
	}
	return v.one(r.Id, r.GetString("client"))
}
