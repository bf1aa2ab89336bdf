package collections

import "github.com/pocketbase/pocketbase/core"

// Breaks is the name of the collection: when a clinician who would work cannot be booked. A lunch, a meeting, a leave.
const Breaks = "breaks"

// Break is one of them. Without times it is all of each day.
type Break struct{ core.BaseRecordProxy }

// AsBreak wraps a record of the collection.
func AsBreak(r *core.Record) *Break {
	b := &Break{}
	b.SetProxyRecord(r)
	return b
}

func (b *Break) Clinician() string { return b.GetString("clinician") }
func (b *Break) Location() string  { return b.GetString("location") } // empty: wherever they work

// Recurrence is on which days it is, from when to when.
func (b *Break) Recurrence() (Recurrence, error) { return recurrenceOf(b.Record) }
