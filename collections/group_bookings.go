package collections

import (
	"time"

	"github.com/pocketbase/pocketbase/core"
)

// GroupBookings is the name of the collection: visits of several people that were booked as one.
const GroupBookings = "group_bookings"

// GroupMode is how the visits of a party lie to each other.
type GroupMode string

const (
	Parallel GroupMode = "parallel" // all begin at once
	Sequence GroupMode = "sequence" // each begins when the one before ends
)

// States of a party.
const (
	GroupBooked    = "booked"
	GroupCancelled = "cancelled" // none of its visits is left
)

// GroupBooking is a party: who pays, where, when it begins. Its visits are appointments that carry its id.
type GroupBooking struct{ core.BaseRecordProxy }

// AsGroupBooking wraps a record of the collection.
func AsGroupBooking(r *core.Record) *GroupBooking {
	g := &GroupBooking{}
	g.SetProxyRecord(r)
	return g
}

// NewGroupBooking makes an unsaved one.
func NewGroupBooking(app core.App) (*GroupBooking, error) {
	c, err := app.FindCachedCollectionByNameOrId(GroupBookings)
	if err != nil {
		return nil, err
	}
	return AsGroupBooking(core.NewRecord(c)), nil
}

// FindGroupBooking gives one by id.
func FindGroupBooking(app core.App, id string) (*GroupBooking, error) {
	r, err := app.FindRecordById(GroupBookings, id)
	if err != nil {
		return nil, err
	}
	return AsGroupBooking(r), nil
}

func (g *GroupBooking) Payer() string    { return g.GetString("payer") }
func (g *GroupBooking) Location() string { return g.GetString("location") }
func (g *GroupBooking) Mode() GroupMode  { return GroupMode(g.GetString("mode")) }
func (g *GroupBooking) Status() string   { return g.GetString("status") }
func (g *GroupBooking) Start() time.Time { return g.GetDateTime("start_time").Time() }
func (g *GroupBooking) TotalCents() int  { return g.GetInt("total_cents") }
func (g *GroupBooking) Currency() string { return g.GetString("currency") }
