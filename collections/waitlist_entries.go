package collections

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/pocketbase/pocketbase/core"
)

// WaitlistEntries is the name of the collection: who would come if a time opened.
const WaitlistEntries = "waitlist_entries"

// WaitlistStatus is where an entry stands.
type WaitlistStatus string

const (
	WaitlistWaiting   WaitlistStatus = "waiting"
	WaitlistOffered   WaitlistStatus = "offered" // one time is kept for it until the offer ends
	WaitlistBooked    WaitlistStatus = "booked"
	WaitlistExpired   WaitlistStatus = "expired"
	WaitlistWithdrawn WaitlistStatus = "withdrawn"
)

// waitlistMoves lists what may follow a status.
var waitlistMoves = map[WaitlistStatus][]WaitlistStatus{
	WaitlistWaiting: {WaitlistOffered, WaitlistWithdrawn, WaitlistExpired},
	WaitlistOffered: {WaitlistBooked, WaitlistWaiting, WaitlistExpired, WaitlistWithdrawn},
}

// MayBecome tells whether the move is legal, whoever makes it.
func (s WaitlistStatus) MayBecome(next WaitlistStatus) bool {
	return slices.Contains(waitlistMoves[s], next)
}

// Live tells whether the entry still stands in the line.
func (s WaitlistStatus) Live() bool { return s == WaitlistWaiting || s == WaitlistOffered }

// WaitlistEntry is one wish for a time: a client, a service, and what would suit.
type WaitlistEntry struct{ core.BaseRecordProxy }

// AsWaitlistEntry wraps a record of the collection.
func AsWaitlistEntry(r *core.Record) *WaitlistEntry {
	w := &WaitlistEntry{}
	w.SetProxyRecord(r)
	return w
}

// NewWaitlistEntry makes an unsaved one that waits.
func NewWaitlistEntry(app core.App, client, service string) (*WaitlistEntry, error) {
	c, err := app.FindCachedCollectionByNameOrId(WaitlistEntries)
	if err != nil {
		return nil, err
	}
	w := AsWaitlistEntry(core.NewRecord(c))
	w.Set("client", client)
	w.Set("service", service)
	w.Set("status", string(WaitlistWaiting))
	return w, nil
}

// FindWaitlistEntry gives one by id.
func FindWaitlistEntry(app core.App, id string) (*WaitlistEntry, error) {
	r, err := app.FindRecordById(WaitlistEntries, id)
	if err != nil {
		return nil, err
	}
	return AsWaitlistEntry(r), nil
}

func (w *WaitlistEntry) Client() string         { return w.GetString("client") }
func (w *WaitlistEntry) Service() string        { return w.GetString("service") }
func (w *WaitlistEntry) Clinician() string      { return w.GetString("clinician") } // empty: anybody
func (w *WaitlistEntry) Location() string       { return w.GetString("location") }  // empty: anywhere
func (w *WaitlistEntry) Place() ServicePlace    { return ServicePlace(w.GetString("service_location")) }
func (w *WaitlistEntry) From() string           { return w.GetString("from_time") }  // HH:mm; empty: from the morning on
func (w *WaitlistEntry) Until() string          { return w.GetString("until_time") } // HH:mm; empty: until the evening
func (w *WaitlistEntry) ExpiresOn() string      { return w.GetString("expires_on") } // YYYY-MM-DD; empty: never
func (w *WaitlistEntry) Status() WaitlistStatus { return WaitlistStatus(w.GetString("status")) }
func (w *WaitlistEntry) Appointment() string    { return w.GetString("appointment") }

func (w *WaitlistEntry) SetStatus(s WaitlistStatus) { w.Set("status", string(s)) }

// Days are the weekdays that suit, 0 is Sunday. None: any day.
func (w *WaitlistEntry) Days() ([]int, error) {
	var days []int
	column := w.GetString("days")
	if column == "" || column == "null" {
		return nil, nil
	}
	err := json.Unmarshal([]byte(column), &days)
	return days, err
}

// WaitlistOffer is the time that is kept for an entry, until Expires.
type WaitlistOffer struct {
	Start, HoldEnd, Expires time.Time
	Clinician, Location     string
}

// Offer is the one that stands, or the zero value.
func (w *WaitlistEntry) Offer() WaitlistOffer {
	return WaitlistOffer{Start: w.GetDateTime("offered_start").Time(), HoldEnd: w.GetDateTime("offered_hold_end").Time(),
		Expires: w.GetDateTime("offer_expires_at").Time(), Clinician: w.GetString("offered_clinician"), Location: w.GetString("offered_location")}
}

// SetOffer keeps a time for the entry, or with the zero value none.
func (w *WaitlistEntry) SetOffer(o WaitlistOffer) {
	w.Set("offered_start", o.Start)
	w.Set("offered_hold_end", o.HoldEnd)
	w.Set("offer_expires_at", o.Expires)
	w.Set("offered_clinician", o.Clinician)
	w.Set("offered_location", o.Location)
}

// Passed is a time that was offered and not taken. It is not offered to the same entry again.
type Passed struct {
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
}

// Passed lists them, oldest first.
func (w *WaitlistEntry) Passed() ([]Passed, error) {
	var passed []Passed
	column := w.GetString("passed")
	if column == "" || column == "null" {
		return nil, nil
	}
	err := json.Unmarshal([]byte(column), &passed)
	return passed, err
}
