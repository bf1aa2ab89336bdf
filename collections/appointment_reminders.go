package collections

import (
	"time"

	"github.com/pocketbase/pocketbase/core"
)

// AppointmentReminders is the name of the collection: what was sent, so that nobody is reminded twice. A row is one rung
// of the ladder, for a visit at its time, on one channel, to one recipient.
const AppointmentReminders = "appointment_reminders"

// Channels of a reminder.
const (
	ChannelEmail = "email"
	ChannelSMS   = "sms"
	ChannelInApp = "in_app"
)

// NewAppointmentReminder makes an unsaved row. recipient is a login, or empty for the number or address of the client's
// own record.
func NewAppointmentReminder(app core.App, a *Appointment, minutesBefore int, channel, recipient string, at time.Time) (*core.Record, error) {
	c, err := app.FindCachedCollectionByNameOrId(AppointmentReminders)
	if err != nil {
		return nil, err
	}
	r := core.NewRecord(c)
	r.Set("appointment", a.Id)
	r.Set("client", a.Client())
	r.Set("start_time", a.Start())
	r.Set("minutes_before", minutesBefore)
	r.Set("channel", channel)
	r.Set("recipient", recipient)
	r.Set("sent_at", at)
	return r, nil
}
