package identity

import (
	"database/sql"
	"errors"
	"slices"
	"time"

	"github.com/pocketbase/dbx"
	validation "github.com/pocketbase/ozzo-validation/v4"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"

	"anteroom/collections"
	"anteroom/hooks/kernel"
	"anteroom/hooks/notices"
)

// Rules of the people behind the logins: clients, who may act for them, and who cares for them.

func bindPeopleRules(app core.App) {
	app.OnRecordCreate(collections.Clients).BindFunc(keepMatchKey)
	app.OnRecordUpdate(collections.Clients).BindFunc(keepMatchKey)
	app.OnRecordCreateExecute(collections.Clients).BindFunc(judgeClient)
	app.OnRecordUpdateExecute(collections.Clients).BindFunc(judgeClient)
	app.OnRecordCreateExecute(collections.ClientAccess).BindFunc(judgeGrant)
	app.OnRecordUpdateExecute(collections.ClientAccess).BindFunc(judgeGrant)
	app.OnRecordCreate(collections.CareTeam).BindFunc(copyClinicianStaff)
	app.OnRecordUpdate(collections.CareTeam).BindFunc(copyClinicianStaff)
	app.OnRecordCreateExecute(collections.CareTeam).BindFunc(refuseJoiningUnasked)
	app.OnRecordUpdateExecute(collections.CareTeam).BindFunc(refuseJoiningUnasked)
	app.OnRecordUpdateExecute(collections.Clinicians).BindFunc(followClinicianStaff)
}

func refused(field, code, sentence string) error {
	return validation.Errors{field: validation.NewError("validation_"+code, sentence)}
}

// asStored is the row as the database has it now, an empty one for a record that is new. Record.Original is that of
// the last load, not of the last save.
func asStored(tx core.App, r *core.Record) (*core.Record, error) {
	if r.IsNew() {
		return core.NewRecord(r.Collection()), nil
	}
	return tx.FindRecordById(r.Collection(), r.Id)
}

// keepMatchKey derives what registration compares, whoever writes the client.
func keepMatchKey(e *core.RecordEvent) error {
	c := collections.AsClient(e.Record)
	c.Set("match_key", collections.MatchKey(c.GetString("email"), c.DateOfBirth(), c.FirstName(), c.LastName()))
	return e.Next()
}

// judgeClient holds what a client's record may say, whoever writes it, and tells the client's logins when what the
// client is known by changes: a changed address or birth date is how somebody else would begin to register.
func judgeClient(e *core.RecordEvent) error {
	return kernel.InTransaction(e, func(tx core.App) error {
		before, err := asStored(tx, e.Record)
		if err != nil {
			return err
		}
		if err := refuseImpossibleBirth(tx, e.Record); err != nil {
			return err
		}
		if err := refuseWritingForThePortal(before, e.Record); err != nil {
			return err
		}
		forgetProofOfOtherNumber(before, e.Record)
		if e.Record.GetInt("no_show_count") < 0 {
			return refused("no_show_count", "negative", "Missed visits are counted from zero.")
		}
		knownBy := []string{"email", "first_name", "last_name", "date_of_birth"}
		renamed := !e.Record.IsNew() && slices.ContainsFunc(knownBy, func(f string) bool { return before.GetString(f) != e.Record.GetString(f) })
		if err := e.Next(); err != nil || !renamed {
			return err
		}
		return tellOfSecurity(tx, e.Record.Id, notices.Words{Title: "Your details were changed",
			Message: "The email address, name or birth date that the clinic has on record was changed. If you didn't expect this, call us."},
			notices.Words{Title: "Sus datos cambiaron",
				Message: "Cambió el correo, el nombre o la fecha de nacimiento que la clínica tiene registrados. Si no lo esperaba, llámenos."})
	})
}

// refuseImpossibleBirth wants a day that the calendar has, from 1900 to the clinic's today.
func refuseImpossibleBirth(tx core.App, r *core.Record) error {
	born := r.GetString("date_of_birth")
	today := kernel.Now(tx).In(collections.Settings(tx).Zone()).Format(time.DateOnly)
	if _, err := time.Parse(time.DateOnly, born); err != nil {
		return refused("date_of_birth", "no_such_day", "Enter a birth date that exists, as year, month and day.")
	}
	if born < "1900-01-01" || born > today { // of one length, so they compare as text
		return refused("date_of_birth", "range", "Enter a birth date from 1900 to today.")
	}
	return nil
}

// writtenByPortal are the facts of a client's record that the portal itself finds out.
var writtenByPortal = []string{"stripe_customer_id", "phone_verified", "no_show_count", "sms_consent_text", "sms_consent_at"}

// refuseWritingForThePortal: no person writes those facts, not even the owner. A record that was loaded before the
// portal wrote one does not take it back.
func refuseWritingForThePortal(before, r *core.Record) error {
	if by := kernel.ActorOf(r).Kind; by == kernel.KindSystem || by == kernel.KindProcessor {
		return nil
	}
	loaded := r.Original()
	for _, f := range writtenByPortal {
		if f == "phone_verified" && collections.AsClient(r).PhoneJustProven() {
			continue // the portal found it out in this very request
		}
		switch given := r.GetString(f); given {
		case before.GetString(f):
		case loaded.GetString(f):
			r.Set(f, before.Get(f))
		default:
			return refused(f, "portal_writes", "The portal writes this itself.")
		}
	}
	return nil
}

// forgetProofOfOtherNumber: text messages go to proven numbers only, so a number that changes is unproven, whoever
// changes it, until a code proves it too.
func forgetProofOfOtherNumber(before, r *core.Record) {
	if before.GetString("phone") != r.GetString("phone") && !collections.AsClient(r).PhoneJustProven() {
		r.Set("phone_verified", false)
	}
}

// judgeGrant decides who may let a login act for a client. The row stays about the two it joins, says by whom it
// reaches what it reaches, and the client's other logins hear of it. Narrowing and ending are open to all staff who may
// write here. Who follows an invitation gets what it says, and it is spent in the same commit.
func judgeGrant(e *core.RecordEvent) error {
	return kernel.InTransaction(e, func(tx core.App) error {
		r, by := e.Record, kernel.ActorOf(e.Record)
		before, err := asStored(tx, r)
		if err != nil {
			return err
		}
		if !r.IsNew() {
			for _, f := range []string{"client", "portal_user"} {
				if before.GetString(f) != r.GetString(f) {
					return refused(f, "fixed", "Access stays with its client and its login. End it and grant another.")
				}
			}
		}
		client, err := tx.FindRecordById(collections.Clients, r.GetString("client"))
		if err != nil {
			return err
		}
		invitation, err := invitationFor(tx, by, r)
		if err != nil {
			return err
		}
		endAtAdultAge(tx, collections.AsClient(client), r, "expires_at")
		wider := r.IsNew() || widens(before, r)
		if invitation == nil {
			err = refuseGranting(tx, by, before, r, wider)
		}
		if err != nil {
			return err
		}
		if wider || before.GetString("relationship") != r.GetString("relationship") {
			names := by
			if invitation != nil {
				if names, err = inviterOf(tx, invitation); err != nil {
					return err
				}
			}
			if err := refuseByAge(tx, names, collections.AsClient(client), r.GetString("relationship")); err != nil {
				return err
			}
		}
		r.Set("granted_by", before.GetString("granted_by"))
		if !wider {
			return e.Next()
		}
		r.Set("granted_by", granter(by))
		if invitation != nil {
			r.Set("granted_by", invitation.InvitedBy())
			if err := spendInvitation(tx, by, invitation); err != nil {
				return err
			}
		}
		// before the row is there, so that the login it is for is told only when it had access already
		err = tellOfSecurity(tx, r.GetString("client"), notices.Words{Title: "Access was given",
			Message: "Someone can now see or do more for this client in the portal. If you didn't expect this, call us."},
			notices.Words{Title: "Se dio acceso",
				Message: "Ahora alguien puede ver o hacer más por este cliente en el portal. Si no lo esperaba, llámenos."})
		if err != nil {
			return err
		}
		return e.Next()
	})
}

// widens tells whether a change lets a login reach more, longer, or as the client in person.
func widens(before, after *core.Record) bool {
	was, is := before.GetDateTime("expires_at"), after.GetDateTime("expires_at")
	longer := !was.IsZero() && (is.IsZero() || is.After(was))
	scope := after.GetString("scope")
	more := scope != before.GetString("scope") && before.GetString("scope") != kernel.ScopeAll
	inPerson := after.GetString("relationship") != before.GetString("relationship") && after.GetString("relationship") == collections.RelationshipSelf
	return longer || more || inPerson
}

// refuseGranting: administrators, the owner and the portal grant anything; clinicians for the clients they care for;
// the front desk what visits or bills need. Whole access, and access as the client in person, opens the record and
// signs for the client, which is more than the front desk itself may do. Nobody signed in as a client gives access,
// but for the one case of their own registration; what clients may end, mayEnd says.
func refuseGranting(tx core.App, by kernel.Actor, before, r *core.Record, wider bool) error {
	whole := r.GetString("scope") == kernel.ScopeAll || r.GetString("relationship") == collections.RelationshipSelf
	switch {
	case by.Kind == kernel.KindSystem, by.IsStaff(kernel.RoleAdmin):
		return nil
	case by.IsStaff(kernel.RoleFrontDesk):
		if wider && whole {
			return refused("scope", "role", "An administrator, or a clinician of this client, gives whole access.")
		}
		return nil
	case by.IsStaff(kernel.RoleClinician):
		on, err := onCareTeam(tx, by, r.GetString("client"))
		if err == nil && !on {
			err = refused("client", "care_team", "You give access only for clients whose care team you are on.")
		}
		return err
	case by.Kind == kernel.KindClient && r.IsNew():
		proven, err := provesItsAddress(tx, by, r)
		if err != nil || proven {
			return err
		}
	case by.Kind == kernel.KindClient && isEnding(kernel.Now(tx), before, r):
		may, err := mayEnd(tx, by.ID, collections.AsAccess(before))
		if err != nil || may {
			return err
		}
	}
	return refused("client", "role", "Your role does not include giving access.")
}

// provesItsAddress: the login of a registration gets the client that the registration was matched with.
func provesItsAddress(tx core.App, by kernel.Actor, r *core.Record) (bool, error) {
	login, err := tx.FindRecordById(collections.PortalUsers, r.GetString("portal_user"))
	if err != nil {
		return false, err
	}
	u := collections.AsPortalUser(login)
	return by.ID == u.Id && u.Status() == collections.AccountPending && u.PendingClient() == r.GetString("client") &&
		r.GetString("relationship") == collections.RelationshipSelf, nil
}

func onCareTeam(tx core.App, by kernel.Actor, client string) (bool, error) {
	var n int
	err := tx.DB().Select("count(*)").From(collections.CareTeam).Where(dbx.And(dbx.HashExp{"client": client, "staff": by.ID},
		dbx.NewExp("[[from]] <= {:now} AND (until = '' OR until > {:now})", dbx.Params{"now": kernel.Now(tx).Format(types.DefaultDateLayout)}))).Row(&n)
	return n > 0, err
}

// granter is how granted_by names an actor: kind and id.
func granter(by kernel.Actor) string {
	if by.ID == "" {
		return by.Kind
	}
	return by.Kind + ":" + by.ID
}

func tellOfSecurity(tx core.App, client string, english, spanish notices.Words) error {
	return notices.Tell(tx, client, kernel.AreaAny, notices.Notice{Type: collections.NoticeSecurity, Priority: collections.PriorityHigh,
		Title: english.Title, Message: english.Message, Spanish: spanish, Link: "/notifications"})
}

// refuseJoiningUnasked: clinicians change the teams they are on, and join another only when the desk puts them there.
// Being on a team opens answers and lets one give access.
func refuseJoiningUnasked(e *core.RecordEvent) error {
	by := kernel.ActorOf(e.Record)
	if by.Kind != kernel.KindStaff || by.Role != kernel.RoleClinician {
		return e.Next()
	}
	return kernel.InTransaction(e, func(tx core.App) error {
		before, err := asStored(tx, e.Record)
		if err != nil {
			return err
		}
		for _, client := range []string{before.GetString("client"), e.Record.GetString("client")} {
			if client == "" {
				continue
			}
			on, err := onCareTeam(tx, by, client)
			if err != nil {
				return err
			}
			if !on {
				return refused("client", "care_team", "The front desk or an administrator puts clinicians on a care team.")
			}
		}
		return e.Next()
	})
}

// copyClinicianStaff keeps care_team.staff what it says: the login of its clinician.
func copyClinicianStaff(e *core.RecordEvent) error {
	m := collections.AsCareTeamMember(e.Record)
	if m.Clinician() != "" {
		clinician, err := e.App.FindRecordById(collections.Clinicians, m.Clinician())
		if errors.Is(err, sql.ErrNoRows) {
			return validation.Errors{"clinician": validation.NewError("validation_missing", "That clinician is not known.")}
		}
		if err != nil {
			return err
		}
		m.SetStaff(collections.AsClinician(clinician).Staff())
	}
	return e.Next()
}

// followClinicianStaff: a clinician who gets or loses a login takes the memberships along.
func followClinicianStaff(e *core.RecordEvent) error {
	return kernel.InTransaction(e, func(tx core.App) error {
		if err := e.Next(); err != nil {
			return err
		}
		staff := collections.AsClinician(e.Record).Staff()
		team, err := collections.CareTeamOfClinician(tx, e.Record.Id)
		if err != nil {
			return err
		}
		for _, m := range team {
			if m.Staff() == staff {
				continue
			}
			if err := kernel.SaveAs(tx, kernel.ActorOf(e.Record), m.Record); err != nil { // copyClinicianStaff sets it
				return err
			}
		}
		return nil
	})
}
