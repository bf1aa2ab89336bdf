package collections

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/pocketbase/pocketbase/core"
)

// Appointments is the name of the collection. A request is an appointment that the clinic has not decided yet.
const Appointments = "appointments"

// AppointmentStatus is where an appointment stands.
type AppointmentStatus string

const (
	AppointmentRequested  AppointmentStatus = "requested"
	AppointmentScheduled  AppointmentStatus = "scheduled"
	AppointmentConfirmed  AppointmentStatus = "confirmed"
	AppointmentArrived    AppointmentStatus = "arrived"
	AppointmentInProgress AppointmentStatus = "in_progress"
	AppointmentCompleted  AppointmentStatus = "completed"
	AppointmentCancelled  AppointmentStatus = "cancelled"
	AppointmentDeclined   AppointmentStatus = "declined"
	AppointmentNoShow     AppointmentStatus = "no_show"
)

// appointmentMoves lists what may follow a status. The database refuses every other move too (trigger
// appointments_moves), so a change here needs a migration.
var appointmentMoves = map[AppointmentStatus][]AppointmentStatus{
	AppointmentRequested:  {AppointmentScheduled, AppointmentConfirmed, AppointmentDeclined, AppointmentCancelled},
	AppointmentScheduled:  {AppointmentConfirmed, AppointmentArrived, AppointmentCancelled, AppointmentNoShow},
	AppointmentConfirmed:  {AppointmentArrived, AppointmentCancelled, AppointmentNoShow},
	AppointmentArrived:    {AppointmentInProgress, AppointmentNoShow},
	AppointmentInProgress: {AppointmentCompleted},
	AppointmentCompleted:  nil,
	AppointmentCancelled:  nil,
	AppointmentDeclined:   nil,
	AppointmentNoShow:     nil,
}

// AppointmentStatuses lists every status, in the order of a visit's life.
func AppointmentStatuses() []AppointmentStatus {
	return []AppointmentStatus{AppointmentRequested, AppointmentScheduled, AppointmentConfirmed, AppointmentArrived,
		AppointmentInProgress, AppointmentCompleted, AppointmentCancelled, AppointmentDeclined, AppointmentNoShow}
}

// MayBecome tells whether the move is legal, whoever makes it.
func (s AppointmentStatus) MayBecome(next AppointmentStatus) bool {
	return slices.Contains(appointmentMoves[s], next)
}

// Ended tells whether nothing can follow.
func (s AppointmentStatus) Ended() bool { return len(appointmentMoves[s]) == 0 }

// Booked tells whether the time is agreed and the visit has not begun: it can still be moved or cancelled.
func (s AppointmentStatus) Booked() bool {
	return s == AppointmentScheduled || s == AppointmentConfirmed
}

// Holds tells whether the status keeps the time of clinician, room and client from others.
func (s AppointmentStatus) Holds() bool {
	return s.Booked() || s == AppointmentArrived || s == AppointmentInProgress
}

// Preference is a time a client asked for, as the clock on the wall of the location shows it.
type Preference struct {
	Date string `json:"date"` // YYYY-MM-DD
	Time string `json:"time"` // HH:mm
}

// MaxPreferences is how many times one request may name.
const MaxPreferences = 3

// Appointment is a visit, or a request for one. Instants are UTC; TimeZone is the zone in which it was agreed.
type Appointment struct{ core.BaseRecordProxy }

// AsAppointment wraps a record of the collection.
func AsAppointment(r *core.Record) *Appointment {
	a := &Appointment{}
	a.SetProxyRecord(r)
	return a
}

// NewAppointment makes a blank one.
func NewAppointment(app core.App) (*Appointment, error) {
	c, err := app.FindCachedCollectionByNameOrId(Appointments)
	if err != nil {
		return nil, err
	}
	return AsAppointment(core.NewRecord(c)), nil
}

// FindAppointment gives one by id.
func FindAppointment(app core.App, id string) (*Appointment, error) {
	r, err := app.FindRecordById(Appointments, id)
	if err != nil {
		return nil, err
	}
	return AsAppointment(r), nil
}

func (a *Appointment) Client() string    { return a.GetString("client") }
func (a *Appointment) Clinician() string { return a.GetString("clinician") }
func (a *Appointment) Service() string   { return a.GetString("service") }
func (a *Appointment) Location() string  { return a.GetString("location") }
func (a *Appointment) Room() string      { return a.GetString("room") }

// Place is where it happens: in the office or by video.
func (a *Appointment) Place() ServicePlace { return ServicePlace(a.GetString("service_location")) }

func (a *Appointment) Status() AppointmentStatus     { return AppointmentStatus(a.GetString("status")) }
func (a *Appointment) SetStatus(s AppointmentStatus) { a.Set("status", string(s)) }

func (a *Appointment) Start() time.Time     { return a.GetDateTime("start_time").Time() }
func (a *Appointment) SetStart(t time.Time) { a.Set("start_time", t) }
func (a *Appointment) End() time.Time       { return a.GetDateTime("end_time").Time() }

// Duration is the visit's length, without the time the clinic needs around it.
func (a *Appointment) Duration() time.Duration {
	return time.Duration(a.GetInt("duration")) * time.Minute
}

func (a *Appointment) TimeZone() string       { return a.GetString("time_zone") }
func (a *Appointment) SubmittedAt() time.Time { return a.GetDateTime("submitted_at").Time() }
func (a *Appointment) DecidedAt() time.Time   { return a.GetDateTime("decided_at").Time() }
func (a *Appointment) DecidedBy() string      { return a.GetString("decided_by") }
func (a *Appointment) RequestedBy() string    { return a.GetString("requested_by") }
func (a *Appointment) CalendarSequence() int  { return a.GetInt("ics_sequence") }

// BookingTypeInstant is the booking_type of a visit that a client booked without being asked about it by the clinic.
const BookingTypeInstant = "instant"

func (a *Appointment) BookedInstantly() bool {
	return a.GetString("booking_type") == BookingTypeInstant
}
func (a *Appointment) DepositCents() int     { return a.GetInt("deposit_cents") }
func (a *Appointment) DepositPaid() bool     { return a.GetBool("deposit_paid") }
func (a *Appointment) SetDepositPaid(b bool) { a.Set("deposit_paid", b) }
func (a *Appointment) LateFeeCents() int     { return a.GetInt("late_fee_cents") }

// HoldsSlot tells whether a request keeps its time from others until it is decided.
func (a *Appointment) HoldsSlot() bool     { return a.GetBool("holds_slot") }
func (a *Appointment) Equipment() []string { return a.GetStringSlice("equipment") }
func (a *Appointment) Series() string      { return a.GetString("series") }

// Preferences are the times asked for, best first.
func (a *Appointment) Preferences() ([]Preference, error) {
	return ParsePreferences(a.GetString("preferences"))
}

func (a *Appointment) SetPreferences(p []Preference) { a.Set("preferences", p) }

// ParsePreferences reads the column. Empty and null are no preferences.
func ParsePreferences(column string) ([]Preference, error) {
	if column == "" || column == "null" {
		return nil, nil
	}
	var p []Preference
	err := json.Unmarshal([]byte(column), &p)
	return p, err
}
