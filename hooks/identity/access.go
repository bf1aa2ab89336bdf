package identity

import (
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
	"anteroom/hooks/notices"
	"anteroom/hooks/outbox"
)

// The people who may act for a client, as the client's own logins and the desk see and end them. Access is given by
// accepting an invitation.

func bindAccess(d *door) {
	route := func(method, path, limit string, do func(*kernel.Call) (*kernel.Reply, error)) kernel.Route {
		return kernel.Route{Method: method, Path: kernel.Portal + "/profile/access" + path, Access: kernel.ForClient, Area: kernel.AreaAny,
			Owns: collections.ClientAccess, Limit: limit, MaxBody: 16 << 10, Do: do}
	}
	kernel.Handle(d.app,
		route(http.MethodGet, "", "", listPeople),
		route(http.MethodPost, "", collections.LimitSendMail, d.inviteToOwn),
		route(http.MethodDelete, "/{id}", "", endOwn),
		kernel.Route{Method: http.MethodPost, Path: kernel.Desk + "/access/{id}/end", Access: kernel.Staff, Roles: accountRoles,
			Owns: collections.ClientAccess, MaxBody: 16 << 10, Do: endFromDesk},
	)
}

// Person is somebody who may act for the client, or was invited to.
type Person struct {
	ID           string     `json:"id"` // of the access or of the invitation
	Name         string     `json:"name"`
	Email        string     `json:"email"`
	Relationship string     `json:"relationship"`
	Scope        string     `json:"scope"`
	ExpiresAt    *time.Time `json:"expiresAt,omitempty"` // of the access
	Status       string     `json:"status"`              // active, or invited
	You          bool       `json:"you"`
	CanEnd       bool       `json:"canEnd"`
}

// listPeople shows everybody to logins that reach the whole record, and others only themselves.
func listPeople(c *kernel.Call) (*kernel.Reply, error) {
	people := []Person{}
	rows, err := collections.AccessTo(c.App, c.Client(), kernel.Now(c.App))
	if err != nil {
		return nil, err
	}
	whole := c.Grant.Scope == kernel.ScopeAll
	for _, a := range rows {
		if !whole && a.User() != c.Actor.ID {
			continue
		}
		p, err := personOf(c, a)
		if err != nil {
			return nil, err
		}
		people = append(people, p)
	}
	if whole {
		invited, err := collections.WaitingInvitations(c.App, c.Client())
		if err != nil {
			return nil, err
		}
		for _, i := range invited {
			if i.Status(kernel.Now(c.App)) != collections.InvitationOpen {
				continue
			}
			p, err := invitedPerson(c, i)
			if err != nil {
				return nil, err
			}
			people = append(people, p)
		}
	}
	client, err := c.App.FindRecordById(collections.Clients, c.Client())
	if err != nil {
		return nil, err
	}
	if err := audit.Read(c.App, audit.EntryFor(c.Actor, audit.ListAccess, audit.ResourceType(collections.ClientAccess), "")); err != nil {
		return nil, err
	}
	return kernel.OK(map[string]any{"people": people,
		"mayInvite": mayInvite(c.App, c.Grant.Relationship, c.Grant.Scope, collections.AsClient(client))}), nil
}

func personOf(c *kernel.Call, a *collections.Access) (Person, error) {
	r, err := c.App.FindRecordById(collections.PortalUsers, a.User())
	if err != nil {
		return Person{}, err
	}
	may, err := mayEnd(c.App, c.Actor.ID, a)
	u := collections.AsPortalUser(r)
	return Person{ID: a.Id, Name: strings.TrimSpace(u.FirstName() + " " + u.LastName()), Email: u.Email(), Relationship: a.Relationship(), Scope: a.Scope(),
		ExpiresAt: orNever(a.ExpiresAt()), Status: "active", You: a.User() == c.Actor.ID, CanEnd: may}, err
}

func invitedPerson(c *kernel.Call, i *collections.Invitation) (Person, error) {
	may, err := mayRevoke(c.App, c.Actor, i)
	return Person{ID: i.Id, Email: i.Email(), Relationship: i.Relationship(), Scope: i.Scope(), ExpiresAt: orNever(i.AccessUntil()),
		Status: "invited", CanEnd: may}, err
}

// orNever leaves an instant out of an answer that never was or never will be.
func orNever(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// inviteToOwn invites somebody to act for the client. The client's other logins hear of it.
func (d *door) inviteToOwn(c *kernel.Call) (*kernel.Reply, error) {
	if err := d.refuseStaleProof(c); err != nil {
		return nil, err
	}
	var in struct{ Email, Relationship, Scope, ExpiresAt string }
	if err := c.Bind(&in); err != nil {
		return nil, err
	}
	o := offer{ClientID: c.Client(), Email: in.Email, Relationship: in.Relationship, Scope: in.Scope, Until: in.ExpiresAt, untilField: "expiresAt"}
	i, err := o.invite(c.App, c.Actor)
	if err != nil {
		return nil, err
	}
	p, err := invitedPerson(c, i)
	if err != nil {
		return nil, err
	}
	return kernel.Created(p), nil
}

// tellOfInvitation lets every login of the client know that one of them invited somebody.
func tellOfInvitation(tx core.App, i *collections.Invitation) error {
	err := tellOfSecurity(tx, i.Client(), notices.Words{Title: "Someone was invited",
		Message: "Someone was invited to see or do things for this client in the portal. If you didn't expect this, call us."},
		notices.Words{Title: "Se invitó a alguien",
			Message: "Se invitó a alguien a ver o hacer cosas por este cliente en el portal. Si no lo esperaba, llámenos."})
	if err != nil {
		return err
	}
	return mailLogins(tx, i.Client(), "", func(w accessWords) line { return w.invited })
}

// endOwn ends an access or withdraws an invitation of the client.
func endOwn(c *kernel.Call) (*kernel.Reply, error) {
	err := c.App.RunInTransaction(func(tx core.App) error {
		access, err := tx.FindRecordById(collections.ClientAccess, c.ID())
		if err == nil {
			return endForOwn(tx, c, collections.AsAccess(access))
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		r, err := tx.FindRecordById(collections.Invitations, c.ID())
		if err != nil {
			return err
		}
		i := collections.AsInvitation(r)
		if i.Client() != c.Client() || i.Accepted() || i.Revoked() || c.Grant.Scope != kernel.ScopeAll {
			return kernel.NotFound()
		}
		may, err := mayRevoke(tx, c.Actor, i)
		if err != nil {
			return err
		}
		if !may {
			return notYoursToEnd()
		}
		if err := withdraw(tx, c.Actor, i); err != nil {
			return err
		}
		return tellOfEnding(tx, i.Client(), "")
	})
	if err != nil {
		return nil, err
	}
	return kernel.OK(map[string]string{"id": c.ID()}), nil
}

func endForOwn(tx core.App, c *kernel.Call, a *collections.Access) error {
	hidden := a.User() != c.Actor.ID && c.Grant.Scope != kernel.ScopeAll
	if a.Client() != c.Client() || !a.Counts(kernel.Now(tx)) || hidden {
		return kernel.NotFound()
	}
	may, err := mayEnd(tx, c.Actor.ID, a)
	if err != nil {
		return err
	}
	if !may {
		return notYoursToEnd()
	}
	return endAccess(tx, c.Actor, a)
}

func notYoursToEnd() *kernel.Error {
	return kernel.Forbidden("NOT_YOURS_TO_END", "Only the clinic can end this access. Call us.")
}

// mayEnd tells whether a login may end an access: its own to somebody else; what it gave; and, as the client in person,
// that of others. Access in person, and a parent's or guardian's to a minor, is ended by the clinic.
func mayEnd(app core.App, user string, a *collections.Access) (bool, error) {
	if a.Relationship() == collections.RelationshipSelf {
		return false, nil
	}
	if a.User() == user {
		return true, nil
	}
	own, err := liveAccess(app, a.Client(), user)
	if err != nil || own == nil || own.Scope() != kernel.ScopeAll {
		return false, err
	}
	if a.GrantedBy() == kernel.KindClient+":"+user {
		return true, nil
	}
	client, err := app.FindRecordById(collections.Clients, a.Client())
	if err != nil {
		return false, err
	}
	ofMinor := isParental(a.Relationship()) && isMinor(app, collections.AsClient(client))
	return own.Relationship() == collections.RelationshipSelf && !ofMinor, nil
}

// isEnding tells whether a change ends an access and does nothing else.
func isEnding(now time.Time, before, after *core.Record) bool {
	end := after.GetDateTime("expires_at").Time()
	return !before.IsNew() && before.GetString("scope") == after.GetString("scope") && before.GetString("relationship") == after.GetString("relationship") &&
		!end.IsZero() && !end.After(now)
}

// endAccess ends it now, everywhere, and tells who had it and who is left.
func endAccess(tx core.App, by kernel.Actor, a *collections.Access) error {
	a.End(kernel.Now(tx))
	audit.As(a.Record, audit.EndAccess)
	if err := kernel.SaveAs(tx, by, a.Record); err != nil {
		return err
	}
	if err := mailLogin(tx, a.User(), func(w accessWords) line { return w.lost }); err != nil {
		return err
	}
	return tellOfEnding(tx, a.Client(), a.User())
}

func tellOfEnding(tx core.App, client, except string) error {
	err := tellOfSecurity(tx, client, notices.Words{Title: "Access was ended",
		Message: "Someone can no longer see or do things for this client in the portal. If you didn't expect this, call us."},
		notices.Words{Title: "Se terminó un acceso",
			Message: "Alguien ya no puede ver ni hacer cosas por este cliente en el portal. Si no lo esperaba, llámenos."})
	if err != nil {
		return err
	}
	return mailLogins(tx, client, except, func(w accessWords) line { return w.ended })
}

// mailLogins mails everybody who acts for a client now, each in their language, but one.
func mailLogins(tx core.App, client, except string, pick func(accessWords) line) error {
	rows, err := collections.AccessTo(tx, client, kernel.Now(tx))
	if err != nil {
		return err
	}
	for _, a := range rows {
		if a.User() == except {
			continue
		}
		if err := mailLogin(tx, a.User(), pick); err != nil {
			return err
		}
	}
	return nil
}

func mailLogin(tx core.App, user string, pick func(accessWords) line) error {
	r, err := tx.FindRecordById(collections.PortalUsers, user)
	if err != nil {
		return err
	}
	u := collections.AsPortalUser(r)
	w := accessWordsFor(u.Language())
	l := pick(w)
	return outbox.Mail(tx, outbox.Message{Topic: "account_notice", To: u.Email(), Language: w.language,
		Subject: fmt.Sprintf(l.subject, collections.Settings(tx).ClinicName), Text: l.text})
}

func endFromDesk(c *kernel.Call) (*kernel.Reply, error) {
	in, err := readReason(c)
	if err != nil {
		return nil, err
	}
	err = c.App.RunInTransaction(func(tx core.App) error {
		r, err := tx.FindRecordById(collections.ClientAccess, c.ID())
		if err != nil {
			return err
		}
		a := collections.AsAccess(r)
		if !a.Counts(kernel.Now(tx)) {
			return kernel.Conflict("ACCESS_OVER", "This access has ended already.")
		}
		if err := keepReason(tx, c.Actor, r.GetString("portal_user"), "end_access", in); err != nil {
			return err
		}
		return endAccess(tx, c.Actor, a)
	})
	if err != nil {
		return nil, err
	}
	return kernel.OK(map[string]string{"id": c.ID()}), nil
}

// deskReason is why the desk does something to an account, and for factors how it made sure who asked.
type deskReason struct {
	Reason        string
	IdentityCheck string
}

// readReason asks for a reason. It is kept, encrypted, in the account's history: the audit log takes no free text.
func readReason(c *kernel.Call) (in deskReason, err error) {
	if err := c.Bind(&in); err != nil {
		return in, err
	}
	bad := kernel.Invalid("", "Say why.")
	in.Reason = strings.TrimSpace(in.Reason)
	if requireText(bad, "reason", in.Reason, 4*500); len([]rune(in.Reason)) > 500 {
		_ = bad.Field("reason", "max_length", "That is too long.")
	}
	if bad.HasFields() {
		return in, bad
	}
	return in, nil
}
