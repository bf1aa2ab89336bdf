package collections

import (
	"time"

	"github.com/pocketbase/pocketbase/core"
)

// BreakGlass is the name of the collection.
const BreakGlass = "break_glass"

// BrokenGlass is a clinician's access to the record of a client of whose care team they are not: why, and until when.
type BrokenGlass struct{ core.BaseRecordProxy }

// AsBrokenGlass wraps a record of the collection.
func AsBrokenGlass(r *core.Record) *BrokenGlass {
	b := &BrokenGlass{}
	b.SetProxyRecord(r)
	return b
}

// NewBrokenGlass makes an unsaved row.
func NewBrokenGlass(app core.App, client, staff, reason string, until time.Time) (*BrokenGlass, error) {
	c, err := app.FindCachedCollectionByNameOrId(BreakGlass)
	if err != nil {
		return nil, err
	}
	b := AsBrokenGlass(core.NewRecord(c))
	b.Set("client", client)
	b.Set("staff", staff)
	b.Set("reason", reason)
	b.Set("until", until)
	return b, nil
}

func (b *BrokenGlass) Client() string   { return b.GetString("client") }
func (b *BrokenGlass) Staff() string    { return b.GetString("staff") }
func (b *BrokenGlass) Reason() string   { return b.GetString("reason") }
func (b *BrokenGlass) Until() time.Time { return b.GetDateTime("until").Time() }
func (b *BrokenGlass) Ended() bool      { return !b.GetDateTime("ended_at").IsZero() }
func (b *BrokenGlass) End(at time.Time) { b.Set("ended_at", at) }
