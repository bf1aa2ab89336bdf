package identity

import (
	"fmt"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
	"anteroom/hooks/notices"
)

func bindClosing(d *door) {
	d.app.OnRecordUpdateExecute(collections.PortalUsers).BindFunc(followClosing)
	kernel.Handle(d.app, kernel.Route{Method: "POST", Path: kernel.Portal + "/auth/close-account", Access: kernel.SignedIn, MaxBody: 16 << 10, Do: d.closeAccount})
}

// closeAccount ends somebody's own online access. What the clinic keeps about them stays, and the clinic alone opens
// the account again: to everybody else it is registered, and closed.
func (d *door) closeAccount(c *kernel.Call) (*kernel.Reply, error) {
	if err := d.refuseStaleProof(c); err != nil {
		return nil, err
	}
	var in struct{ Confirm bool }
	if err := c.Bind(&in); err != nil {
		return nil, err
	}
	if !in.Confirm {
		return nil, kernel.Invalid("", "Confirm that you want to close your account.").Field("confirm", "required", "This is needed.")
	}
	err := c.App.RunInTransaction(func(tx core.App) error {
		now, err := stillSignedIn(tx, c.RequestEvent)
		if err != nil {
			return err
		}
		collections.AsPortalUser(now).SetStatus(collections.AccountClosed)
		audit.As(now, audit.CloseAccount)
		return kernel.SaveAs(tx, c.Actor, now)
	})
	if err != nil {
		return nil, err
	}
	return kernel.OK(map[string]bool{"closed": true}).Say("Your account is closed. Your record stays with the clinic."), nil
}

// followClosing ends with an account all that it could do, in the transaction that closes it. Its sessions end as those
// of every account that may no longer sign in.
func followClosing(e *core.RecordEvent) error {
	return kernel.InTransaction(e, func(tx core.App) error {
		before, err := tx.FindRecordById(e.Record.Collection(), e.Record.Id)
		if err != nil {
			return err
		}
		closed := func(r *core.Record) bool { return collections.AsPortalUser(r).Status() == collections.AccountClosed }
		if err := e.Next(); err != nil || closed(before) || !closed(e.Record) {
			return err
		}
		r, by := e.Record, kernel.ActorOf(e.Record)
		if err := closeAllTokens(tx, r.Id); err != nil {
			return err
		}
		if err := forgetDevices(tx, by, r, ""); err != nil {
			return err
		}
		if err := revokeInvitationsOf(tx, r.Id); err != nil {
			return err
		}
		if err := endAccessOf(tx, r.Id); err != nil {
			return err
		}
		if err := noticeOf(tx, r, noticeClosed); err != nil {
			return err
		}
		return notices.TellStaff(tx, "", "account_closed", staffPage(r), r.Id, fmt.Sprintf("closed:%s:%d", r.Id, kernel.Now(tx).Unix()))
	})
}

// revokeInvitationsOf: who has left lets nobody in. The portal does it, because they may have lost the right to.
func revokeInvitationsOf(tx core.App, login string) error {
	rows, err := tx.FindRecordsByFilter(collections.Invitations, "invited_by = {:by} && accepted_at = '' && revoked_at = ''", "@rowid", 0, 0,
		dbx.Params{"by": kernel.KindClient + ":" + login})
	if err != nil {
		return err
	}
	for _, r := range rows {
		if err := withdraw(tx, kernel.System(), collections.AsInvitation(r)); err != nil {
			return err
		}
	}
	return nil
}

// endAccessOf ends what a login could do for clients. The portal does it: nobody's own access is theirs to write. The
// rows stay, so that the client is still somebody who has registered.
func endAccessOf(tx core.App, login string) error {
	now := kernel.Now(tx)
	rows, err := tx.FindRecordsByFilter(collections.ClientAccess, "portal_user = {:u} && (expires_at = '' || expires_at > {:now})", "@rowid", 0, 0,
		dbx.Params{"u": login, "now": now.Format(types.DefaultDateLayout)})
	if err != nil {
		return err
	}
	for _, r := range rows {
		r.Set("expires_at", now)
		audit.As(r, audit.EndAccess)
		if err := kernel.SaveAs(tx, kernel.System(), r); err != nil {
			return err
		}
	}
	return nil
}
