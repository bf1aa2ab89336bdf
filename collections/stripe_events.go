package collections

import (
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
)

// StripeEvents is the name of the collection.
const StripeEvents = "stripe_events"

// Outcome is what an event of the processor did here.
type Outcome string

const (
	EventApplied   Outcome = "applied"   // a payment changed
	EventIgnored   Outcome = "ignored"   // known, too late, or of no interest
	EventUnmatched Outcome = "unmatched" // it fits no payment of ours: the operator should look
)

// StripeEvent is one event of the processor. Its id is unique, which is why it counts once.
type StripeEvent struct{ core.BaseRecordProxy }

// NewStripeEvent makes the row of an event.
func NewStripeEvent(app core.App, id, kind, object string) (*StripeEvent, error) {
	c, err := app.FindCachedCollectionByNameOrId(StripeEvents)
	if err != nil {
		return nil, err
	}
	e := &StripeEvent{}
	e.SetProxyRecord(core.NewRecord(c))
	e.Set("event_id", id)
	e.Set("type", kind)
	e.Set("object_id", object)
	return e, nil
}

// SetOrigin notes what the event says of itself.
func (e *StripeEvent) SetOrigin(live bool, apiVersion string, created time.Time) {
	e.Set("livemode", live)
	e.Set("api_version", apiVersion)
	e.Set("event_created", created.Unix())
}

func (e *StripeEvent) SetReceived(t time.Time) { e.Set("received_at", t) }
func (e *StripeEvent) SetOutcome(o Outcome)    { e.Set("outcome", string(o)) }

// EventCounted tells whether an event was received before.
func EventCounted(app core.App, id string) (bool, error) {
	return exists(app, dbx.HashExp{"event_id": id})
}

// EventSeen tells whether an event of this type about this object was received before.
func EventSeen(app core.App, kind, object string) (bool, error) {
	return exists(app, dbx.HashExp{"type": kind, "object_id": object})
}

func exists(app core.App, where dbx.Expression) (bool, error) {
	var n int
	err := app.DB().Select("count(*)").From(StripeEvents).Where(where).Row(&n)
	return n > 0, err
}
