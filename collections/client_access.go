package collections

import (
	"database/sql"
	"errors"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
)

// ClientAccess is the name of the collection that joins logins and the clients they may act for. Requests ask it
// through kernel.Grants and kernel.Audience.
const ClientAccess = "client_access"

// Relationships of a login to a client.
const (
	RelationshipSelf     = "self"
	RelationshipParent   = "parent"
	RelationshipGuardian = "guardian"
	RelationshipPartner  = "partner"
	RelationshipBilling  = "billing"
)

// NewClientAccess makes an unsaved row that never expires.
func NewClientAccess(app core.App, client, user, relationship, scope string) (*core.Record, error) {
	c, err := app.FindCachedCollectionByNameOrId(ClientAccess)
	if err != nil {
		return nil, err
	}
	r := core.NewRecord(c)
	r.Set("client", client)
	r.Set("portal_user", user)
	r.Set("relationship", relationship)
	r.Set("scope", scope)
	return r, nil
}

// Access is one row: what a login may do for a client.
type Access struct{ core.BaseRecordProxy }

// AsAccess wraps a record of the collection.
func AsAccess(r *core.Record) *Access {
	a := &Access{}
	a.SetProxyRecord(r)
	return a
}

func (a *Access) Client() string       { return a.GetString("client") }
func (a *Access) User() string         { return a.GetString("portal_user") }
func (a *Access) Relationship() string { return a.GetString("relationship") }
func (a *Access) Scope() string        { return a.GetString("scope") }
func (a *Access) GrantedBy() string    { return a.GetString("granted_by") }          // kind:id, or the kind alone
func (a *Access) ExpiresAt() time.Time { return a.GetDateTime("expires_at").Time() } // zero: never
func (a *Access) End(at time.Time)     { a.Set("expires_at", at) }

// Counts tells whether the access has not ended.
func (a *Access) Counts(now time.Time) bool {
	return a.ExpiresAt().IsZero() || now.Before(a.ExpiresAt())
}

// AccessOf gives the row that joins a client and a login, an ended one too, or nil.
func AccessOf(app core.App, client, user string) (*Access, error) {
	r, err := app.FindFirstRecordByFilter(ClientAccess, "client = {:c} && portal_user = {:u}", dbx.Params{"c": client, "u": user})
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return AsAccess(r), nil
}

// AccessTo lists the rows of a client that count at an instant, oldest first.
func AccessTo(app core.App, client string, now time.Time) ([]*Access, error) {
	rows, err := app.FindRecordsByFilter(ClientAccess, "client = {:c}", "@rowid", 0, 0, dbx.Params{"c": client})
	if err != nil {
		return nil, err
	}
	out := make([]*Access, 0, len(rows))
	for _, r := range rows {
		if a := AsAccess(r); a.Counts(now) {
			out = append(out, a)
		}
	}
	return out, nil
}
