package collections

import (
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
)

// Invitations is the name of the collection.
const Invitations = "invitations"

// InvitationStatus is where an invitation stands. It is no column: time alone makes an open one expire.
type InvitationStatus string

const (
	InvitationOpen     InvitationStatus = "open"
	InvitationAccepted InvitationStatus = "accepted"
	InvitationExpired  InvitationStatus = "expired"
	InvitationRevoked  InvitationStatus = "revoked"
)

// Invitation is a mailed offer of access to one client, used once. Only the hash of its link is kept.
type Invitation struct{ core.BaseRecordProxy }

// AsInvitation wraps a record of the collection.
func AsInvitation(r *core.Record) *Invitation {
	i := &Invitation{}
	i.SetProxyRecord(r)
	return i
}

// NewInvitation makes an unsaved row of a client for an address in its normal form.
func NewInvitation(app core.App, client, email, relationship, scope string) (*Invitation, error) {
	c, err := app.FindCachedCollectionByNameOrId(Invitations)
	if err != nil {
		return nil, err
	}
	i := AsInvitation(core.NewRecord(c))
	i.Set("client", client)
	i.Set("email", email)
	i.Set("relationship", relationship)
	i.Set("scope", scope)
	return i, nil
}

func (i *Invitation) Client() string         { return i.GetString("client") }
func (i *Invitation) Email() string          { return i.GetString("email") }
func (i *Invitation) Relationship() string   { return i.GetString("relationship") }
func (i *Invitation) Scope() string          { return i.GetString("scope") }
func (i *Invitation) Language() string       { return i.GetString("language") }
func (i *Invitation) InvitedBy() string      { return i.GetString("invited_by") }            // kind:id
func (i *Invitation) AccessUntil() time.Time { return i.GetDateTime("access_until").Time() } // zero: never ends
func (i *Invitation) ExpiresAt() time.Time   { return i.GetDateTime("expires_at").Time() }
func (i *Invitation) SentCount() int         { return i.GetInt("sent_count") }
func (i *Invitation) Tries() int             { return i.GetInt("tries") } // wrong birth dates, over all its links
func (i *Invitation) Accepted() bool         { return !i.GetDateTime("accepted_at").IsZero() }
func (i *Invitation) Revoked() bool          { return !i.GetDateTime("revoked_at").IsZero() }
func (i *Invitation) Revoke(at time.Time)    { i.Set("revoked_at", at) }

// Accept notes the login that took it.
func (i *Invitation) Accept(login string, at time.Time) {
	i.Set("accepted_by", login)
	i.Set("accepted_at", at)
}

// Status tells where it stands at an instant.
func (i *Invitation) Status(now time.Time) InvitationStatus {
	switch {
	case i.Accepted():
		return InvitationAccepted
	case i.Revoked():
		return InvitationRevoked
	case !now.Before(i.ExpiresAt()):
		return InvitationExpired
	}
	return InvitationOpen
}

// InvitationByLink finds the invitation of a link. It answers sql.ErrNoRows when there is none.
func InvitationByLink(app core.App, linkHash string) (*Invitation, error) {
	r, err := app.FindFirstRecordByFilter(Invitations, "link_hash = {:h}", dbx.Params{"h": linkHash})
	if err != nil {
		return nil, err
	}
	return AsInvitation(r), nil
}

// WaitingInvitations lists a client's invitations that are neither accepted nor revoked, expired ones too, oldest first.
func WaitingInvitations(app core.App, client string) ([]*Invitation, error) {
	rows, err := app.FindRecordsByFilter(Invitations, "client = {:c} && accepted_at = '' && revoked_at = ''", "@rowid", 0, 0, dbx.Params{"c": client})
	if err != nil {
		return nil, err
	}
	out := make([]*Invitation, len(rows))
	for i, r := range rows {
		out[i] = AsInvitation(r)
	}
	return out, nil
}
