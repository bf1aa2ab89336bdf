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

// Rules that every door passes: of what an account signs in with beside its password.

// changeable names what may change in a row, for each collection of what is an account's; passkeys have rules of their
// own. Everything else stays as it was made.
var changeable = map[string][]string{
	collections.MFAFactors:        {"enabled_at", "last_used", "last_step"},
	collections.RecoveryCodes:     {"used_at"},
	collections.RememberedDevices: {"last_used", "revoked_at"},
}

// final are instants that are set once. Of the use of a recovery code the database itself says so.
var final = []string{"enabled_at", "revoked_at"}

func bindFactorRules(d *door) {
	app := d.app
	for name := range changeable {
		app.OnRecordCreate(name).BindFunc(refuseOtherHands)
		app.OnRecordUpdate(name).BindFunc(refuseOtherHands)
		app.OnRecordDelete(name).BindFunc(refuseOtherHands)
	}
	app.OnRecordDeleteExecute(collections.MFAFactors).BindFunc(refuseRemovingRequired)
	app.OnRecordCreateExecute(collections.MFAFactors).BindFunc(d.followFactors)
	app.OnRecordUpdateExecute(collections.MFAFactors).BindFunc(d.followFactors)
	app.OnRecordDeleteExecute(collections.MFAFactors).BindFunc(d.followFactors)
	app.OnRecordUpdateExecute(collections.ClinicSettingsName).BindFunc(followPolicy)
}

// refuseOtherHands: an account's keys are made and changed by the account itself, or by the system. The clinic's
// administrators and front desk may only take them away.
func refuseOtherHands(e *core.RecordEvent) error {
	r, by, ends := e.Record, kernel.ActorOf(e.Record), e.Type == core.ModelEventTypeDelete
	if e.Type == core.ModelEventTypeUpdate {
		was, err := e.App.FindRecordById(r.Collection(), r.Id)
		if err != nil {
			return err
		}
		if field := fixedField(was, r); field != "" {
			return validation.Errors{field: validation.NewError("validation_fixed", "This stays as it was made.")}
		}
		ends = was.GetString("revoked_at") == "" && r.GetString("revoked_at") != ""
	}
	if by.Kind == kernel.KindSystem || belongsTo(r, by) || ends && by.IsStaff(kernel.RoleAdmin, kernel.RoleFrontDesk) {
		return e.Next()
	}
	return validation.Errors{"owner": validation.NewError("validation_role", "Only the person can change how they sign in.")}
}

// fixedField names what was changed and must not, or "".
func fixedField(was, r *core.Record) string {
	may := changeable[r.Collection().Name]
	for _, f := range r.Collection().Fields {
		name := f.GetName()
		_, auto := f.(*core.AutodateField)
		if auto || was.GetString(name) == r.GetString(name) {
			continue
		}
		if !slices.Contains(may, name) || slices.Contains(final, name) && was.GetString(name) != "" {
			return name
		}
	}
	return ""
}

// kinds are those of the accounts of each auth collection.
var kinds = map[string]string{collections.PortalUsers: kernel.KindClient, collections.Staff: kernel.KindStaff, collections.Owners: kernel.KindOwner}

func belongsTo(r *core.Record, by kernel.Actor) bool {
	return by.ID != "" && by.ID == r.GetString("owner") && kinds[r.GetString("owner_collection")] == by.Kind
}

// ownerOf finds the account that a row belongs to, or nil when it is gone.
func ownerOf(app core.App, r *core.Record) (*core.Record, error) {
	account, err := app.FindRecordById(r.GetString("owner_collection"), r.GetString("owner"))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return account, err
}

// refuseRemovingRequired: where the clinic requires a second factor, nobody removes their own last one. What the clinic
// itself takes away it may take.
func refuseRemovingRequired(e *core.RecordEvent) error {
	return kernel.InTransaction(e, func(tx core.App) error {
		account, err := ownerOf(tx, e.Record)
		if err != nil {
			return err
		}
		if account == nil || !belongsTo(e.Record, kernel.ActorOf(e.Record)) || !maySignIn(account) || policyFor(tx, account) != collections.MFARequired {
			return e.Next()
		}
		enabled, err := enabledFactors(tx, account)
		if err != nil {
			return err
		}
		if len(enabled) == 1 && enabled[0].Id == e.Record.Id {
			return kernel.Conflict("MFA_REQUIRED_BY_CLINIC", "The clinic asks for a second step. Set up another way before you turn this one off.")
		}
		return e.Next()
	})
}

// followFactors is what an account's factors entail, in the commit that changes them: the account says that it has
// some, recovery codes go with the last one, other sessions and remembered devices end, and the person is told. A set-up
// that is not finished entails nothing.
func (d *door) followFactors(e *core.RecordEvent) error {
	return kernel.InTransaction(e, func(tx core.App) error {
		account, err := ownerOf(tx, e.Record)
		if err != nil {
			return err
		}
		if account == nil {
			return e.Next()
		}
		before, err := enabledFactors(tx, account)
		if err != nil {
			return err
		}
		if err := e.Next(); err != nil {
			return err
		}
		now, err := enabledFactors(tx, account)
		if err != nil || len(now) == len(before) {
			return err
		}
		by, said := kernel.ActorOf(e.Record), noticeFactorOn
		if len(now) < len(before) {
			said = noticeFactorOff
		}
		if err := markFactors(tx, by, account, now); err != nil {
			return err
		}
		if len(now) == 0 {
			if err := dropRecoveryCodes(tx, by, account); err != nil {
				return err
			}
		}
		err = d.endSignInsElsewhere(tx, by, account, collections.EndedCredentials, by.Session)
		if err != nil || !isOwnOrSystem(by, e.Record) { // what the clinic takes away it tells in its own letter
			return err
		}
		return noticeOf(tx, account, said)
	})
}

// markFactors writes on the account what the specifications want to read there: whether it has a factor, and its oldest.
func markFactors(tx core.App, by kernel.Actor, account *core.Record, enabled []*collections.MFAFactor) error {
	method := ""
	if len(enabled) > 0 {
		method = string(enabled[0].Method())
	}
	account.Set("mfa_enabled", method != "")
	account.SetIfFieldExists("mfa_method", method)
	return kernel.SaveAs(tx, by, account)
}

// endSignInsElsewhere ends every session of an account but the one to keep, and forgets every remembered device but that
// session's own, and every proof that waits for its second factor.
func (d *door) endSignInsElsewhere(tx core.App, by kernel.Actor, account *core.Record, reason, keep string) error {
	device := ""
	if keep != "" {
		row, err := tx.FindRecordById(collections.PortalSessions, keep)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if err == nil {
			device = row.GetString("device")
		}
	}
	if err := d.sessions.revokeOwnerAs(tx, by, account.Collection().Name, account.Id, reason, keep); err != nil {
		return err
	}
	if err := endWaiting(tx, account); err != nil {
		return err
	}
	return forgetDevices(tx, by, account, device)
}

func dropRecoveryCodes(tx core.App, by kernel.Actor, account *core.Record) error {
	return dropOwned(tx, by, account, collections.RecoveryCodes)
}

// dropOwned deletes an account's rows of some of the collections above.
func dropOwned(tx core.App, by kernel.Actor, account *core.Record, names ...string) error {
	for _, name := range names {
		rows, err := collections.OwnedRecords(tx, name, account)
		if err != nil {
			return err
		}
		for _, r := range rows {
			if err := kernel.DeleteAs(tx, by, r); err != nil {
				return err
			}
		}
	}
	return nil
}
