package collections

import "github.com/pocketbase/pocketbase/core"

// Shifts is the name of the collection: when and where a clinician works. Clients are offered times inside them.
const Shifts = "shifts"

// Shift is one of them, on the clocks of its location.
type Shift struct{ core.BaseRecordProxy }

// AsShift wraps a record of the collection.
func AsShift(r *core.Record) *Shift {
	s := &Shift{}
	s.SetProxyRecord(r)
	return s
}

func (s *Shift) Clinician() string { return s.GetString("clinician") }
func (s *Shift) Location() string  { return s.GetString("location") }

// Recurrence is on which days it is, from when to when.
func (s *Shift) Recurrence() (Recurrence, error) { return recurrenceOf(s.Record) }

// recurrenceOf reads the columns that shifts, breaks and closures share.
func recurrenceOf(r *core.Record) (Recurrence, error) {
	return ParseRecurrence(r.GetString("first_day"), r.GetString("rrule"), r.GetString("last_day"), r.GetString("exceptions"),
		r.GetString("extra_days"), r.GetString("starts_at"), r.GetString("ends_at"))
}

// ParseRecurrence makes one of the columns that shifts, breaks and closures share, as the database gives them.
func ParseRecurrence(firstDay, rule, lastDay, exceptions, extraDays, startsAt, endsAt string) (Recurrence, error) {
	out := Recurrence{FirstDay: firstDay, Rule: rule, LastDay: lastDay, StartsAt: startsAt, EndsAt: endsAt}
	var err error
	if out.Exceptions, err = listOfDays(exceptions); err != nil {
		return out, err
	}
	out.ExtraDays, err = listOfDays(extraDays)
	return out, err
}
