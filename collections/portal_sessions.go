package collections

import (
	"time"

	"github.com/pocketbase/pocketbase/core"
)

// PortalSessions is the name of the collection.
const PortalSessions = "portal_sessions"

// Why a session ended, as stored in revoke_reason.
const (
	EndedIdle        = "idle"
	EndedAbsolute    = "absolute"
	EndedLogout      = "logout"
	EndedCredentials = "credentials" // password, address or token key changed
	EndedAccount     = "account"     // suspended, locked, deactivated, or another role
	EndedDeleted     = "deleted"     // the account or the row is gone
	EndedReuse       = "refresh_reused"
)

// PortalSession is one sign-in of a portal user or of staff. Instants are seconds since 1970.
type PortalSession struct{ core.BaseRecordProxy }

// AsPortalSession wraps a record of the collection.
func AsPortalSession(r *core.Record) *PortalSession {
	s := &PortalSession{}
	s.SetProxyRecord(r)
	return s
}

// NewPortalSession makes an empty row.
func NewPortalSession(app core.App) (*PortalSession, error) {
	c, err := app.FindCachedCollectionByNameOrId(PortalSessions)
	if err != nil {
		return nil, err
	}
	return AsPortalSession(core.NewRecord(c)), nil
}

func (s *PortalSession) OwnerCollection() string  { return s.GetString("owner_collection") }
func (s *PortalSession) Owner() string            { return s.GetString("owner") }
func (s *PortalSession) DefaultClient() string    { return s.GetString("default_client") }
func (s *PortalSession) Remembered() bool         { return s.GetBool("remembered") }
func (s *PortalSession) LastActivity() time.Time  { return s.second("last_activity") }
func (s *PortalSession) AbsoluteUntil() time.Time { return s.second("absolute_until") }
func (s *PortalSession) ProvenAt() time.Time      { return s.second("proven_at") }
func (s *PortalSession) Revoked() bool            { return s.GetInt("revoked_at") != 0 }
func (s *PortalSession) RevokeReason() string     { return s.GetString("revoke_reason") }

// Revoke ends the session. It is final: a second call changes nothing.
func (s *PortalSession) Revoke(at time.Time, reason string) {
	if !s.Revoked() {
		s.Set("revoked_at", at.Unix())
		s.Set("revoke_reason", reason)
	}
}

func (s *PortalSession) second(field string) time.Time {
	return time.Unix(int64(s.GetInt(field)), 0).UTC()
}
