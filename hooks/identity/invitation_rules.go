package identity

import (
	"database/sql"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
)

// Rules that every door passes: of invitations.

// invitingRoles may invite somebody; whom, refuseInviting says.
var invitingRoles = []string{kernel.RoleAdmin, kernel.RoleFrontDesk, kernel.RoleClinician}

// judgeNewInvitation decides who may invite whom, and writes what no inviter has a say in.
func judgeNewInvitation(e *core.RecordEvent) error {
	return kernel.InTransaction(e, func(tx core.App) error {
		i, by, now := collections.AsInvitation(e.Record), kernel.ActorOf(e.Record), kernel.Now(tx)
		i.Set("email", collections.NormalEmail(i.Email()))
		r, err := tx.FindRecordById(collections.Clients, i.Client())
		if err != nil {
			return err
		}
		client := collections.AsClient(r)
		if err := refuseInviting(tx, by, client, i); err != nil {
			return err
		}
		if err := refuseByAge(tx, by, client, i.Relationship()); err != nil {
			return err
		}
		if !client.Active() {
			return refused("client", "inactive", "This client's record is closed.")
		}
		endAtAdultAge(tx, client, i.Record, "access_until")
		if until := i.AccessUntil(); !until.IsZero() && !until.After(now) {
			return refused("access_until", "past", "Choose a day from today on.")
		}
		if err := refuseInvitingTwice(tx, i); err != nil {
			return err
		}
		i.Load(map[string]any{"invited_by": granter(by), "language": client.Language(), "sent_count": 1, "tries": 0,
			"accepted_at": "", "accepted_by": "", "revoked_at": "", "expires_at": invitationEnd(tx, now)})
		if err := e.Next(); err != nil || by.Kind != kernel.KindClient {
			return err
		}
		return tellOfInvitation(tx, i)
	})
}

func invitationEnd(tx core.App, now time.Time) time.Time {
	return now.Add(time.Duration(collections.Settings(tx).InvitationHours) * time.Hour)
}

// refuseInviting: who may give an access may invite to it. The front desk may also invite a client who is not
// registered, in person, at the address that the clinic has on record, because registration would give that address
// the same. A client who may invite does so for others only, and for no longer than their own access lasts.
func refuseInviting(tx core.App, by kernel.Actor, client *collections.Client, i *collections.Invitation) error {
	self := i.Relationship() == collections.RelationshipSelf
	switch {
	case by.Kind == kernel.KindClient:
		own, err := liveAccess(tx, client.Id, by.ID)
		if err != nil {
			return err
		}
		if self {
			return refused("relationship", "role", "Nobody else can be the client in person.")
		}
		if own == nil || !mayInvite(tx, own.Relationship(), own.Scope(), client) {
			return refused("client", "role", "You can't invite someone to this. Call us.")
		}
		if end := own.ExpiresAt(); !end.IsZero() && (i.AccessUntil().IsZero() || i.AccessUntil().After(end)) {
			i.Set("access_until", end)
		}
		return nil
	case by.IsStaff(kernel.RoleFrontDesk) && self && i.Email() == collections.NormalEmail(client.GetString("email")):
		registered, err := isRegistered(tx, client.Id)
		if err != nil || !registered {
			return err
		}
	}
	return refuseGranting(tx, by, core.NewRecord(i.Collection()), i.Record, true)
}

// mayInvite: the client in person, or the parent or guardian of a minor, with the whole record.
func mayInvite(app core.App, relationship, scope string, client *collections.Client) bool {
	return scope == kernel.ScopeAll && (relationship == collections.RelationshipSelf || isParental(relationship) && isMinor(app, client))
}

// refuseInvitingTwice: who has access needs no invitation, and of two invitations to one address the newer counts.
func refuseInvitingTwice(tx core.App, i *collections.Invitation) error {
	login, err := collections.LoginByEmail(tx, collections.PortalUsers, i.Email())
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if login != nil {
		has, err := liveAccess(tx, i.Client(), login.Id)
		if err != nil {
			return err
		}
		if has != nil {
			return kernel.Conflict("HAS_ACCESS", "The person with this address has access already. To give them different access, end it first.")
		}
	}
	waiting, err := collections.WaitingInvitations(tx, i.Client())
	if err != nil {
		return err
	}
	for _, older := range waiting {
		if older.Email() != i.Email() {
			continue
		}
		if err := withdraw(tx, kernel.System(), older); err != nil {
			return err
		}
	}
	return nil
}

// judgeInvitation: an invitation stays what it was made for. It is accepted by the login of its address, revoked by who
// may, or mailed again with a new link, which ends the old one. Wrong birth dates are only ever added, and the last
// one that is allowed ends it. What is accepted or revoked stays so.
func judgeInvitation(e *core.RecordEvent) error {
	return kernel.InTransaction(e, func(tx core.App) error {
		i, by, now := collections.AsInvitation(e.Record), kernel.ActorOf(e.Record), kernel.Now(tx)
		stored, err := asStored(tx, e.Record)
		if err != nil {
			return err
		}
		was := collections.AsInvitation(stored)
		differs := func(f string) bool { return was.GetString(f) != i.GetString(f) }
		fixed := []string{"client", "email", "relationship", "scope", "access_until", "language", "invited_by"}
		if was.Accepted() || was.Revoked() {
			fixed = append(fixed, "link_hash", "expires_at", "sent_count", "tries", "accepted_at", "accepted_by", "revoked_at")
		}
		if n := slices.IndexFunc(fixed, differs); n >= 0 {
			return refused(fixed[n], "fixed", "An invitation can't be changed. Revoke it and send a new one.")
		}
		switch {
		case differs("link_hash"):
			may, err := servesInvitation(tx, by, was)
			if err != nil {
				return err
			}
			if !may {
				return refused("link_hash", "role", "Your role does not include sending this invitation.")
			}
			if i.SentCount() != was.SentCount()+1 || i.SentCount() > invitationSends {
				return refused("sent_count", "range", "This invitation was sent too many times. Send a new one.")
			}
			i.Set("expires_at", invitationEnd(tx, now))
		case differs("sent_count"), differs("expires_at"):
			return refused("expires_at", "fixed", "An invitation lasts longer only with a new link.")
		}
		if n := i.Tries() - was.Tries(); n != 0 && n != 1 {
			return refused("tries", "counted", "Wrong tries are counted one by one.")
		}
		if i.Tries() >= invitationTries {
			i.Revoke(now)
		} else if differs("revoked_at") {
			may, err := mayRevoke(tx, by, was)
			if err != nil {
				return err
			}
			if !may {
				return refused("revoked_at", "role", "You cannot revoke this invitation.")
			}
		}
		if differs("accepted_at") || differs("accepted_by") {
			if err := refuseAccepting(tx, by, was, i); err != nil {
				return err
			}
		}
		return e.Next()
	})
}

// refuseAccepting: the login of the address takes an open invitation, for itself.
func refuseAccepting(tx core.App, by kernel.Actor, was, i *collections.Invitation) error {
	taker := i.GetString("accepted_by")
	login, err := tx.FindRecordById(collections.PortalUsers, taker)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if login == nil || by.Kind != kernel.KindClient || by.ID != taker || login.Email() != was.Email() || !i.Accepted() ||
		was.Status(kernel.Now(tx)) != collections.InvitationOpen {
		return refused("accepted_by", "not_theirs", "An invitation is accepted by whoever has its address.")
	}
	return nil
}

// servesInvitation: the desk sends and revokes any invitation, a clinician those for the clients they care for.
func servesInvitation(app core.App, by kernel.Actor, i *collections.Invitation) (bool, error) {
	if by.Kind == kernel.KindStaff && by.Role == kernel.RoleClinician {
		return onCareTeam(app, by, i.Client())
	}
	return by.Kind == kernel.KindSystem || by.IsStaff(invitingRoles...), nil
}

// mayRevoke: who serves it at the clinic, who invited, and the client in person.
func mayRevoke(app core.App, by kernel.Actor, i *collections.Invitation) (bool, error) {
	if serves, err := servesInvitation(app, by, i); err != nil || serves {
		return serves, err
	}
	if by.Kind != kernel.KindClient {
		return false, nil
	}
	own, err := liveAccess(app, i.Client(), by.ID)
	return own != nil && own.Scope() == kernel.ScopeAll && (own.Relationship() == collections.RelationshipSelf || i.InvitedBy() == granter(by)), err
}

// invitationFor finds the open invitation that a login follows when it gives itself exactly what that says.
func invitationFor(tx core.App, by kernel.Actor, r *core.Record) (*collections.Invitation, error) {
	a := collections.AsAccess(r)
	if by.Kind != kernel.KindClient || by.ID == "" || by.ID != a.User() {
		return nil, nil
	}
	login, err := tx.FindRecordById(collections.PortalUsers, by.ID)
	if err != nil {
		return nil, err
	}
	if !collections.AsPortalUser(login).MaySignIn() {
		return nil, nil
	}
	waiting, err := collections.WaitingInvitations(tx, a.Client())
	if err != nil {
		return nil, err
	}
	for _, i := range waiting {
		fits := i.Email() == login.Email() && i.Relationship() == a.Relationship() && i.Scope() == a.Scope() && i.AccessUntil().Equal(a.ExpiresAt())
		if !fits {
			continue
		}
		if stands, err := invitationStands(tx, i); err != nil || stands {
			return i, err
		}
	}
	return nil, nil
}

// spendInvitation marks it used, in the commit of the access that it gives.
func spendInvitation(tx core.App, by kernel.Actor, i *collections.Invitation) error {
	i.Accept(by.ID, kernel.Now(tx))
	audit.As(i.Record, audit.AcceptInvitation)
	return kernel.SaveAs(tx, by, i.Record)
}

// invitationStands tells whether an invitation may be used now: open, what it gives not over, its client still the
// clinic's and of an age that fits, and a client who invited still somebody who may.
func invitationStands(app core.App, i *collections.Invitation) (bool, error) {
	now := kernel.Now(app)
	if i.Status(now) != collections.InvitationOpen {
		return false, nil
	}
	return invitationMayBeMailed(app, i)
}

func invitationMayBeMailed(app core.App, i *collections.Invitation) (bool, error) {
	if until := i.AccessUntil(); !until.IsZero() && !until.After(kernel.Now(app)) {
		return false, nil
	}
	r, err := app.FindRecordById(collections.Clients, i.Client())
	if err != nil {
		return false, err
	}
	client := collections.AsClient(r)
	inviter, err := inviterOf(app, i)
	if err != nil {
		return false, err
	}
	if !client.Active() || !fitsAge(app, inviter, client, i.Relationship()) {
		return false, nil
	}
	if inviter.Kind != kernel.KindClient {
		return true, nil
	}
	own, err := liveAccess(app, client.Id, inviter.ID)
	if err != nil || own == nil {
		return false, err
	}
	return mayInvite(app, own.Relationship(), own.Scope(), client) && !outlasts(i.AccessUntil(), own.ExpiresAt()), nil
}

// outlasts tells whether one end comes after the other. The zero instant is no end.
func outlasts(until, other time.Time) bool {
	return !other.IsZero() && (until.IsZero() || until.After(other))
}

// inviterOf is who invited, with the role that they have today.
func inviterOf(app core.App, i *collections.Invitation) (kernel.Actor, error) {
	kind, id, _ := strings.Cut(i.InvitedBy(), ":")
	by := kernel.Actor{Kind: kind, ID: id}
	if kind != kernel.KindStaff {
		return by, nil
	}
	r, err := app.FindRecordById(collections.Staff, id)
	if errors.Is(err, sql.ErrNoRows) {
		return by, nil
	}
	if err != nil {
		return by, err
	}
	if s := collections.AsStaff(r); s.Active() {
		by.Role = s.Role()
	}
	return by, nil
}

// liveAccess is the row by which a login acts for a client now, or nil. It asks the table, in the transaction.
func liveAccess(app core.App, client, user string) (*collections.Access, error) {
	a, err := collections.AccessOf(app, client, user)
	if err != nil || a == nil || !a.Counts(kernel.Now(app)) {
		return nil, err
	}
	return a, nil
}
