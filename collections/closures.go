package collections

import "github.com/pocketbase/pocketbase/core"

// Closures is the name of the collection: when nobody can be booked at a place, or anywhere.
const Closures = "closures"

// Closure is one of them. Without times it is all of each day.
type Closure struct{ core.BaseRecordProxy }

// AsClosure wraps a record of the collection.
func AsClosure(r *core.Record) *Closure {
	c := &Closure{}
	c.SetProxyRecord(r)
	return c
}

func (c *Closure) Name() string     { return c.GetString("name") }
func (c *Closure) Location() string { return c.GetString("location") } // empty: every one

// Recurrence is on which days it is, from when to when.
func (c *Closure) Recurrence() (Recurrence, error) { return recurrenceOf(c.Record) }
