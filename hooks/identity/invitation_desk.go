package identity

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
)

// Invitations as the desk lists, makes, sends again and revokes them.

// DeskInvitation is an invitation as the desk lists it.
type DeskInvitation struct {
	ID           string                       `json:"id"`
	ClientID     string                       `json:"clientId"`
	ClientName   string                       `json:"clientName"`
	Email        string                       `json:"email"`
	Relationship string                       `json:"relationship"`
	Scope        string                       `json:"scope"`
	Status       collections.InvitationStatus `json:"status"`
	SentCount    int                          `json:"sentCount"`
	ExpiresAt    time.Time                    `json:"expiresAt"`
	CreatedAt    time.Time                    `json:"createdAt"`
}

// ofStatus are the invitations of one status in SQL; the status of an open one depends on :now.
var ofStatus = map[collections.InvitationStatus]string{
	"":                             "TRUE",
	collections.InvitationOpen:     "accepted_at = '' AND revoked_at = '' AND expires_at > {:now}",
	collections.InvitationExpired:  "accepted_at = '' AND revoked_at = '' AND expires_at <= {:now}",
	collections.InvitationAccepted: "accepted_at <> ''",
	collections.InvitationRevoked:  "accepted_at = '' AND revoked_at <> ''",
}

func listInvitations(c *kernel.Call) (*kernel.Reply, error) {
	page, err := c.Page()
	if err != nil {
		return nil, err
	}
	where, known := ofStatus[collections.InvitationStatus(c.Request.URL.Query().Get("status"))]
	if !known {
		return nil, kernel.Invalid("", "That list does not exist.").Field("status", "option", "Choose open, accepted, expired or revoked.")
	}
	now := kernel.Now(c.App)
	match := dbx.And(dbx.NewExp(where, dbx.Params{"now": now.Format(types.DefaultDateLayout)}), kernel.WithinReach(c.App, c.Actor, "client"))
	var total int
	if err := c.App.ConcurrentDB().Select("count(*)").From(collections.Invitations).Where(match).Row(&total); err != nil {
		return nil, err
	}
	rows := []*core.Record{}
	if err := c.App.RecordQuery(collections.Invitations).AndWhere(match).OrderBy("created DESC", "id DESC").
		Limit(int64(page.Limit)).Offset(int64(page.Offset)).All(&rows); err != nil {
		return nil, err
	}
	out, clients := make([]DeskInvitation, 0, len(rows)), make([]string, 0, len(rows))
	for _, r := range rows {
		clients = append(clients, r.GetString("client"))
	}
	names, err := namesOfClients(c.App, clients)
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		i := collections.AsInvitation(r)
		out = append(out, DeskInvitation{ID: i.Id, ClientID: i.Client(), ClientName: names[i.Client()], Email: i.Email(), Relationship: i.Relationship(),
			Scope: i.Scope(), Status: i.Status(now), SentCount: i.SentCount(), ExpiresAt: i.ExpiresAt(), CreatedAt: i.GetDateTime("created").Time()})
	}
	if err := noteLooking(c, audit.ListInvitations, audit.Invitation, clients); err != nil {
		return nil, err
	}
	return kernel.Listed(map[string]any{"invitations": out, "pagination": page.Of(total)}, page, total), nil
}

// namesOfClients gives first and last name by id.
func namesOfClients(app core.App, ids []string) (map[string]string, error) {
	rows, err := app.FindRecordsByIds(collections.Clients, ids)
	if err != nil {
		return nil, err
	}
	names := make(map[string]string, len(rows))
	for _, r := range rows {
		client := collections.AsClient(r)
		names[r.Id] = strings.TrimSpace(client.FirstName() + " " + client.LastName())
	}
	return names, nil
}

// noteLooking writes one line for each client in a list that is about to be shown, so that each can see who looked.
func noteLooking(c *kernel.Call, action audit.Action, resource string, clients []string) error {
	clients = slices.Compact(slices.Sorted(slices.Values(clients)))
	if len(clients) == 0 {
		return audit.Read(c.App, audit.EntryFor(c.Actor, action, resource, ""))
	}
	lines := make([]audit.Entry, len(clients))
	for n, client := range clients {
		lines[n] = audit.EntryFor(c.Actor, action, resource, "")
		lines[n].Client = client
	}
	return audit.Read(c.App, lines...)
}

func inviteFromDesk(c *kernel.Call) (*kernel.Reply, error) {
	var in struct{ ClientID, Email, Relationship, Scope, AccessUntil string }
	if err := c.Bind(&in); err != nil {
		return nil, err
	}
	o := offer{ClientID: in.ClientID, Email: in.Email, Relationship: cmp.Or(in.Relationship, collections.RelationshipSelf),
		Scope: cmp.Or(in.Scope, kernel.ScopeAll), Until: in.AccessUntil, untilField: "accessUntil"}
	if _, err := o.check(c.App); err != nil {
		return nil, err
	}
	if _, err := c.App.FindRecordById(collections.Clients, in.ClientID); err != nil {
		return nil, err
	}
	if err := kernel.RequireReach(c.App, c.Actor, in.ClientID); err != nil {
		return nil, err
	}
	i, err := o.invite(c.App, c.Actor)
	if err != nil {
		return nil, err
	}
	return kernel.Created(map[string]any{"id": i.Id, "expiresAt": i.ExpiresAt()}), nil
}

// openToDesk finds an invitation that the desk may still do something with.
func openToDesk(tx core.App, by kernel.Actor, id string) (*collections.Invitation, error) {
	r, err := tx.FindRecordById(collections.Invitations, id)
	if err != nil {
		return nil, err
	}
	i := collections.AsInvitation(r)
	if err := kernel.RequireReach(tx, by, i.Client()); err != nil {
		return nil, err
	}
	if i.Accepted() || i.Revoked() {
		return nil, kernel.Conflict("INVITATION_OVER", "This invitation was already accepted or revoked. If it's still needed, send a new one.")
	}
	return i, nil
}

func resendInvitation(c *kernel.Call) (*kernel.Reply, error) {
	var i *collections.Invitation
	err := c.App.RunInTransaction(func(tx core.App) (err error) {
		if i, err = openToDesk(tx, c.Actor, c.ID()); err != nil {
			return err
		}
		if i.SentCount() >= invitationSends {
			return kernel.Conflict("SENT_TOO_OFTEN", "This invitation was sent too many times. Revoke it and send a new one.")
		}
		may, err := invitationMayBeMailed(tx, i)
		if err != nil {
			return err
		}
		if !may {
			return kernel.Conflict("INVITATION_OVER", "This invitation can no longer be used, because something about the client or the access has changed. If it's still needed, send a new one.")
		}
		return mailAgain(tx, c.Actor, i)
	})
	if err != nil {
		return nil, err
	}
	return kernel.OK(map[string]any{"id": i.Id, "expiresAt": i.ExpiresAt()}), nil
}

func revokeInvitation(c *kernel.Call) (*kernel.Reply, error) {
	err := c.App.RunInTransaction(func(tx core.App) error {
		i, err := openToDesk(tx, c.Actor, c.ID())
		if err != nil {
			return err
		}
		return withdraw(tx, c.Actor, i)
	})
	if err != nil {
		return nil, err
	}
	return kernel.OK(map[string]string{"id": c.ID()}), nil
}

func withdraw(tx core.App, by kernel.Actor, i *collections.Invitation) error {
	i.Revoke(kernel.Now(tx))
	audit.As(i.Record, audit.RevokeInvitation)
	return kernel.SaveAs(tx, by, i.Record)
}
