package collections

import (
	"time"

	"github.com/pocketbase/pocketbase/core"
)

// AppointmentHistory is the name of the collection: one row for each creation and move of an appointment. Rows are
// only ever added; the database refuses everything else.
const AppointmentHistory = "appointment_history"

// AppointmentEvent is one row of it.
type AppointmentEvent struct{ core.BaseRecordProxy }

// NewAppointmentEvent makes a row for what happened to an appointment. before is nil when it was created.
func NewAppointmentEvent(app core.App, before, after *Appointment, at time.Time) (*AppointmentEvent, error) {
	c, err := app.FindCachedCollectionByNameOrId(AppointmentHistory)
	if err != nil {
		return nil, err
	}
	h := &AppointmentEvent{}
	h.SetProxyRecord(core.NewRecord(c))
	h.Set("appointment", after.Id)
	h.Set("client", after.Client())
	if before != nil {
		h.Set("from_status", string(before.Status()))
		h.Set("from_start", before.Start())
		h.Set("from_clinician", before.Clinician())
	}
	h.Set("to_status", string(after.Status()))
	h.Set("to_start", after.Start())
	h.Set("to_clinician", after.Clinician())
	h.Set("at", at)
	return h, nil
}

// SetActor notes who did it: a kind of actor and an id, never a name.
func (h *AppointmentEvent) SetActor(kind, id string) {
	h.Set("actor_kind", kind)
	h.Set("actor", id)
}

// SetReason keeps why. It is encrypted.
func (h *AppointmentEvent) SetReason(reason string) { h.Set("reason", reason) }
