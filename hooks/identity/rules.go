package identity

import (
	"maps"
	"slices"

	validation "github.com/pocketbase/ozzo-validation/v4"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/kernel"
)

// Rules that every door passes: of accounts and of sessions' rows.

func bindAccountRules(d *door) {
	app := d.app
	for name := range kinds {
		app.OnRecordCreate(name).BindFunc(normalLogin)
		app.OnRecordUpdate(name).BindFunc(normalLogin)
		app.OnRecordValidate(name).BindFunc(judgeLogin)
		app.OnRecordUpdateExecute(name).BindFunc(d.judgeChange)
		app.OnRecordDeleteExecute(name).BindFunc(d.endSessionsOfDeleted)
		app.OnRecordAfterCreateSuccess(name).BindFunc(forgetTyped)
		app.OnRecordAfterUpdateSuccess(name).BindFunc(forgetTyped)
	}
	app.OnRecordCreateRequest(collections.Owners).BindFunc(d.refuseStaleOwner)
	app.OnRecordUpdateRequest(collections.Owners).BindFunc(d.refuseStaleOwner)
	app.OnRecordDeleteRequest(collections.Owners).BindFunc(d.refuseStaleOwner)
	app.OnRecordCreate(collections.PortalSessions).BindFunc(refuseForgedSession)
	app.OnRecordUpdate(collections.PortalSessions).BindFunc(refuseForgedSession)
	app.OnRecordEnrich(collections.AccountTokens, collections.MFAFactors, collections.RecoveryCodes, collections.RememberedDevices,
		collections.Invitations).BindFunc(showNoSecrets)
	// a link, a key or a device of one's own choice would be somebody's sign-in
	kernel.WrittenByPortalAlone(app, collections.AccountTokens, collections.MFAFactors, collections.RecoveryCodes,
		collections.PasskeyCredentials, collections.RememberedDevices, collections.Invitations)
}

// showNoSecrets: PocketBase shows hidden fields to owners. A code's hash gives the code away after a million tries, and
// an authenticator's secret is the authenticator.
func showNoSecrets(e *core.RecordEnrichEvent) error {
	if err := e.Next(); err != nil {
		return err
	}
	e.Record.Hide("code_hash", "old_code_hash", "link_hash", "token_hash", "secret")
	return nil
}

// refuseStaleOwner: who may do everything is made, changed and removed by an owner who has just shown who they are.
func (d *door) refuseStaleOwner(e *core.RecordRequestEvent) error {
	if err := d.staleProof(liveSession(e.RequestEvent)); err != nil {
		return kernel.Refuse(e.RequestEvent, kernel.AsError(err))
	}
	return e.Next()
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
	if !from.MayBecome(to) || from != to && to == collections.AccountPending && r.Verified() {
		return validation.Errors{"account_status": validation.NewError("validation_illegal_move",
			"An account that is "+string(from)+" cannot become "+string(to)+".")}
	}
	return refuseClosingForOthers(from, to, r)
}

// forgetTyped: once the hash is stored, nobody needs the password.
func forgetTyped(e *core.RecordEvent) error {
	e.Record.SetRaw(typedKey, nil)
	return e.Next()
}

// judgeChange refuses an illegal move of an account, and ends its sessions and remembered devices in the transaction of
// the change that makes them wrong. The row is read again, because Record.Original is that of the last load, not of the last save.
func (d *door) judgeChange(e *core.RecordEvent) error {
	return kernel.InTransaction(e, func(tx core.App) error {
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
		kept, _ := e.Record.GetRaw(keptKey).(string)
		return d.endSignInsElsewhere(tx, kernel.ActorOf(e.Record), e.Record, reason, kept)
	})
}

func (d *door) endSessionsOfDeleted(e *core.RecordEvent) error {
	return kernel.InTransaction(e, func(tx core.App) error {
		if err := e.Next(); err != nil {
			return err
		}
		by := kernel.ActorOf(e.Record)
		// what names its account by id alone goes with it
		if err := dropOwned(tx, by, e.Record, append(slices.Sorted(maps.Keys(changeable)), collections.PasskeyCredentials)...); err != nil {
			return err
		}
		return d.sessions.revokeOwnerAs(tx, by, e.Record.Collection().Name, e.Record.Id, collections.EndedDeleted, "")
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
