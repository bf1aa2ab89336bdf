package identity

import (
	"database/sql"
	"errors"
	"fmt"

	"github.com/pocketbase/pocketbase/cmd"
	"github.com/pocketbase/pocketbase/core"
	"github.com/spf13/cobra"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
)

// OwnersCommand is PocketBase's command for owners' accounts, with our way back in for one who has lost a second factor.
// Its one-time passwords are left out: they would sign in past everything.
func OwnersCommand(app core.App) *cobra.Command {
	c := cmd.NewSuperuserCommand(app)
	c.Short = "Manage the owners' accounts"
	for _, sub := range c.Commands() {
		if sub.Name() == "otp" {
			c.RemoveCommand(sub)
		}
	}
	c.AddCommand(&cobra.Command{
		Use:     "reset-factors EMAIL",
		Example: "superuser reset-factors owner@clinic.example",
		Short:   "Removes an owner's second factors, passkeys and lock after wrong guesses, and ends their sessions",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			email := collections.NormalEmail(args[0])
			if err := resetOwnersFactors(app, email); err != nil {
				return err
			}
			_, err := fmt.Fprintf(c.OutOrStdout(), "%s has no second factor now and is signed out everywhere. The password stays as it is.\n", email)
			return err
		},
	})
	return c
}

// resetOwnersFactors is for who operates the machine: nobody at the clinic stands above an owner. The owner is told by mail.
func resetOwnersFactors(app core.App, email string) error {
	return app.RunInTransaction(func(tx core.App) error {
		account, err := collections.LoginByEmail(tx, collections.Owners, email)
		if errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("there is no owner with the e-mail %q", email)
		}
		if err != nil {
			return err
		}
		if err := dropOwned(tx, kernel.System(), account, factorTables...); err != nil {
			return err
		}
		if err := audit.Append(tx, audit.EntryFor(kernel.System(), audit.ResetFactors, audit.ResourceType(collections.Owners), account.Id)); err != nil {
			return err
		}
		if account, err = tx.FindRecordById(account.Collection(), account.Id); err != nil { // its factors have changed it
			return err
		}
		account.RefreshTokenKey()
		if err := kernel.SaveAs(tx, kernel.System(), account); err != nil {
			return err
		}
		return unlock(tx, collections.Owners, email)
	})
}
