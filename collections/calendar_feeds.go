package collections

import (
	"database/sql"
	"errors"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
)

// CalendarFeeds is the name of the collection: private addresses from which calendar programs read.
const CalendarFeeds = "calendar_feeds"

// MaxCalendarFeeds is how many live feeds one login has of one client, and one clinician of their own visits.
const MaxCalendarFeeds = 5

// CalendarFeed is one of them: of a login about a client, or of a member of staff about their own visits. Only the hash
// of its secret is kept.
type CalendarFeed struct{ core.BaseRecordProxy }

// AsCalendarFeed wraps a record of the collection.
func AsCalendarFeed(r *core.Record) *CalendarFeed {
	f := &CalendarFeed{}
	f.SetProxyRecord(r)
	return f
}

func newCalendarFeed(app core.App, tokenHash string) (*CalendarFeed, error) {
	c, err := app.FindCachedCollectionByNameOrId(CalendarFeeds)
	if err != nil {
		return nil, err
	}
	r := core.NewRecord(c)
	r.Set("token_hash", tokenHash)
	return AsCalendarFeed(r), nil
}

// NewClientFeed makes an unsaved one of a login about a client.
func NewClientFeed(app core.App, client, login, tokenHash string) (*CalendarFeed, error) {
	f, err := newCalendarFeed(app, tokenHash)
	if err == nil {
		f.Set("client", client)
		f.Set("portal_user", login)
	}
	return f, err
}

// NewClinicianFeed makes an unsaved one of a member of staff about the visits they give.
func NewClinicianFeed(app core.App, clinician, staff, tokenHash string) (*CalendarFeed, error) {
	f, err := newCalendarFeed(app, tokenHash)
	if err == nil {
		f.Set("clinician", clinician)
		f.Set("staff", staff)
	}
	return f, err
}

func (f *CalendarFeed) Client() string      { return f.GetString("client") }
func (f *CalendarFeed) Login() string       { return f.GetString("portal_user") }
func (f *CalendarFeed) Clinician() string   { return f.GetString("clinician") }
func (f *CalendarFeed) Staff() string       { return f.GetString("staff") }
func (f *CalendarFeed) TokenHash() string   { return f.GetString("token_hash") }
func (f *CalendarFeed) Live() bool          { return f.GetDateTime("revoked_at").IsZero() }
func (f *CalendarFeed) LastUsed() time.Time { return f.GetDateTime("last_used").Time() } // zero: never

// Revoke ends it. by is a kind of actor and an id.
func (f *CalendarFeed) Revoke(at time.Time, by string) {
	f.Set("revoked_at", at)
	f.Set("revoked_by", by)
}

// CalendarFeedByHash finds one by the hash of its secret, a revoked one too, or nil.
func CalendarFeedByHash(app core.App, hash string) (*CalendarFeed, error) {
	r := &core.Record{}
	err := app.RecordQuery(CalendarFeeds).AndWhere(dbx.HashExp{"token_hash": hash}).Limit(1).One(r)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return AsCalendarFeed(r), nil
}

// LiveClientFeeds lists a login's about a client, oldest first.
func LiveClientFeeds(app core.App, client, login string) ([]*CalendarFeed, error) {
	return liveFeeds(app, dbx.HashExp{"portal_user": login, "client": client})
}

// LiveStaffFeeds lists those of a member of staff, oldest first.
func LiveStaffFeeds(app core.App, staff string) ([]*CalendarFeed, error) {
	return liveFeeds(app, dbx.HashExp{"staff": staff})
}

func liveFeeds(app core.App, whose dbx.HashExp) ([]*CalendarFeed, error) {
	rows := []*core.Record{}
	err := app.RecordQuery(CalendarFeeds).AndWhere(whose).AndWhere(dbx.HashExp{"revoked_at": ""}).OrderBy("created", "id").All(&rows)
	if err != nil {
		return nil, err
	}
	out := make([]*CalendarFeed, len(rows))
	for i, r := range rows {
		out[i] = AsCalendarFeed(r)
	}
	return out, nil
}
