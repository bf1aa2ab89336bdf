package identity

import (
	"database/sql"
	"errors"
	"slices"

	validation "github.com/pocketbase/ozzo-validation/v4"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/kernel"
)

// Rules that every door passes: of logins, of sessions' rows, and of the people behind them.

func bindAccountRules(d *door) {
	app := d.app
	for _, name := range []string{collections.PortalUsers, collections.Staff} {
		app.OnRecordCreate(name).BindFunc(normalLogin)
		app.OnRecordUpdate(name).BindFunc(normalLogin)
		app.OnRecordValidate(name).BindFunc(judgeLogin)
		app.OnRecordUpdateExecute(name).BindFunc(d.judgeChange)
		app.OnRecordDeleteExecute(name).BindFunc(d.endSessionsOfDeleted)
		app.OnRecordAfterCreateSuccess(name).BindFunc(forgetTyped)
		app.OnRecordAfterUpdateSuccess(name).BindFunc(forgetTyped)
	}
	app.OnRecordCreate(collections.PortalSessions).BindFunc(refuseForgedSession)
	app.OnRecordUpdate(collections.PortalSessions).BindFunc(refuseForgedSession)
	kernel.WrittenByPortalAlone(app, collections.AccountTokens) // a link of one's own choice would be somebody's password
}

func normalLogin(e *core.RecordEvent) error {
	e.Record.SetEmail(collections.NormalEmail(e.Record.Email()))
	hashAsTyped(e.Record)
	return e.Next()
}

func judgeLogin(e *core.RecordEvent) error {
	if err := e.Next(); err != nil {
		return err
	}
	return refuseWeakPassword(e.App, e.Record)
}

func refuseIllegalMove(before, r *core.Record) error {
	if r.Collection().Name != collections.PortalUsers {
		return nil
	}
	from, to := collections.AsPortalUser(before).Status(), collections.AsPortalUser(r).Status()
	if !from.MayBecome(to) {
		return validation.Errors{"account_status": validation.NewError("validation_illegal_move",
			"An account that is "+string(from)+" cannot become "+string(to)+".")}
	}
	return nil
}

// forgetTyped: once the hash is stored, nobody needs the password.
func forgetTyped(e *core.RecordEvent) error {
	e.Record.SetRaw(typedKey, nil)
	return e.Next()
}

// judgeChange refuses an illegal move of an account, and ends its sessions in the transaction of the change that
// makes them wrong. The row is read again, because Record.Original is that of the last load, not of the last save.
func (d *door) judgeChange(e *core.RecordEvent) error {
	return inTransaction(e, func(tx core.App) error {
		before, err := tx.FindRecordById(e.Record.Collection(), e.Record.Id)
		if err != nil {
			return err
		}
		if err := refuseIllegalMove(before, e.Record); err != nil {
			return err
		}
		if err := e.Next(); err != nil {
			return err
		}
		var reason string
		switch {
		case before.TokenKey() != e.Record.TokenKey(): // PocketBase renews it with the password and the address
			reason = collections.EndedCredentials
		case maySignIn(before) && !maySignIn(e.Record), before.GetString("role") != e.Record.GetString("role"):
			reason = collections.EndedAccount
		default:
			return nil
		}
		return d.sessions.revokeOwnerAs(tx, kernel.ActorOf(e.Record), e.Record.Collection().Name, e.Record.Id, reason)
	})
}

func (d *door) endSessionsOfDeleted(e *core.RecordEvent) error {
	return inTransaction(e, func(tx core.App) error {
		if err := e.Next(); err != nil {
			return err
		}
		return d.sessions.revokeOwnerAs(tx, kernel.ActorOf(e.Record), e.Record.Collection().Name, e.Record.Id, collections.EndedDeleted)
	})
}

// inTransaction runs the rest of a write inside one transaction.
func inTransaction(e *core.RecordEvent, f func(tx core.App) error) error {
	outer := e.App
	defer func() { e.App = outer }() // hooks after the commit must not see a finished transaction
	return outer.RunInTransaction(func(tx core.App) error {
		e.App = tx
		return f(tx)
	})
}

// refuseForgedSession: a row is made by the account it belongs to, when it signs in; afterwards it can only be
// ended, and an ended one stays as it is.
func refuseForgedSession(e *core.RecordEvent) error {
	r := e.Record
	refuse := func(field string) error {
		return validation.Errors{field: validation.NewError("validation_session", "A session is opened by signing in, and can only be ended.")}
	}
	if r.IsNew() {
		by := kernel.ActorOf(r)
		if by.ID == "" || by.ID != r.GetString("owner") || by.Session != r.Id {
			return refuse("owner")
		}
		return e.Next()
	}
	was, err := e.App.FindRecordById(collections.PortalSessions, r.Id)
	if err != nil {
		return err
	}
	frozen := []string{"owner_collection", "owner", "method", "refresh_family", "started_at", "absolute_until", "remembered"}
	if collections.AsPortalSession(was).Revoked() {
		frozen = append(frozen, "revoked_at", "revoke_reason")
	}
	if i := slices.IndexFunc(frozen, func(f string) bool { return was.GetString(f) != r.GetString(f) }); i >= 0 {
		return refuse(frozen[i])
	}
	return e.Next()
}

func bindPeopleRules(app core.App) {
	app.OnRecordCreate(collections.Clients).BindFunc(keepMatchKey)
	app.OnRecordUpdate(collections.Clients).BindFunc(keepMatchKey)
	app.OnRecordCreate(collections.CareTeam).BindFunc(copyClinicianStaff)
	app.OnRecordUpdate(collections.CareTeam).BindFunc(copyClinicianStaff)
	app.OnRecordUpdateExecute(collections.Clinicians).BindFunc(followClinicianStaff)
}

// keepMatchKey derives what registration compares, whoever writes the client.
func keepMatchKey(e *core.RecordEvent) error {
	c := collections.AsClient(e.Record)
	c.Set("match_key", collections.MatchKey(c.GetString("email"), c.DateOfBirth(), c.FirstName(), c.LastName()))
	return e.Next()
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
	return inTransaction(e, func(tx core.App) error {
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
