package ops

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/mail"
	"strings"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/security"
	"github.com/spf13/cobra"

	"anteroom/collections"
	"anteroom/hooks/kernel"
)

// Clinic is what set-up asks for.
type Clinic struct {
	Name, TimeZone, Phone                  string
	LocationName, Street, City, State, Zip string
	OwnerEmail, OwnerPassword              string
	StaffEmail, StaffPassword              string
	StaffFirst, StaffLast                  string
}

// SetupCommand walks the owner through the first start: the clinic, its zone, its first place, the owner's and the
// first staff member's sign-in. What no flag gives is asked for; passwords are made and shown once.
//
// furnish writes what every clinic starts with, in the same transaction.
func SetupCommand(app core.App, furnish func(tx core.App) error) *cobra.Command {
	var c Clinic
	cmd := &cobra.Command{
		Use:   "setup",
		Short: "Set up a new clinic in the data directory",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if n, err := app.CountRecords("clinic_settings"); err != nil {
				return err
			} else if n > 0 {
				return errors.New("this data directory already holds a clinic; its settings are in the dashboard")
			}
			in := bufio.NewReader(cmd.InOrStdin())
			out := cmd.OutOrStdout()
			for _, q := range []struct {
				into     *string
				question string
			}{{&c.Name, "Name of the clinic"}, {&c.TimeZone, "Time zone, such as America/Denver"}, {&c.LocationName, "Name of the first location"}, {&c.Street, "Its street"}, {&c.City, "Its city"}, {&c.State, "Its state"}, {&c.Zip, "Its postal code"},
				{&c.OwnerEmail, "Owner's e-mail (operates the server)"}, {&c.StaffFirst, "First staff member's first name"},
				{&c.StaffLast, "Last name"}, {&c.StaffEmail, "Their e-mail"}} {
				if *q.into != "" {
					continue
				}
				fmt.Fprintf(out, "%s: ", q.question)
				line, err := in.ReadString('\n')
				if *q.into = strings.TrimSpace(line); *q.into == "" {
					if err != nil && !errors.Is(err, io.EOF) {
						return err
					}
					return fmt.Errorf("%s is needed", strings.ToLower(q.question[:1])+q.question[1:])
				}
			}
			c.OwnerPassword, c.StaffPassword = newPassword(), newPassword()
			if err := SetUp(app, c, furnish); err != nil {
				return err
			}
			fmt.Fprintf(out, "\n%s is ready. These passwords are shown this once:\n\n  Owner  %s  %s\n  Staff  %s  %s\n\n", c.Name, c.OwnerEmail, c.OwnerPassword, c.StaffEmail, c.StaffPassword)
			fmt.Fprintf(out, "Keep a copy of %s away from this machine: without its keys the records cannot be read.\nStart with: anteroom serve\nThen, in the dashboard, add services, clinicians and clients. Mail (SMTP_HOST) must be set before a client can register.\n", KeysDir(app.DataDir()))
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&c.Name, "clinic", "", "name of the clinic")
	f.StringVar(&c.TimeZone, "zone", "", "IANA time zone, such as America/Denver")
	f.StringVar(&c.Phone, "phone", "", "phone of the clinic")
	f.StringVar(&c.LocationName, "location", "", "name of the first location")
	f.StringVar(&c.Street, "street", "", "its street")
	f.StringVar(&c.City, "city", "", "its city")
	f.StringVar(&c.State, "state", "", "its state")
	f.StringVar(&c.Zip, "zip", "", "its postal code")
	f.StringVar(&c.OwnerEmail, "owner-email", "", "the owner's e-mail")
	f.StringVar(&c.StaffEmail, "staff-email", "", "the first staff member's e-mail")
	f.StringVar(&c.StaffFirst, "staff-first-name", "", "their first name")
	f.StringVar(&c.StaffLast, "staff-last-name", "", "their last name")
	return cmd
}

// SetUp writes a clinic's first rows, all or none.
func SetUp(app core.App, c Clinic, furnish func(tx core.App) error) error {
	if _, err := collections.Zone(c.TimeZone); err != nil {
		return fmt.Errorf("%q is not an IANA time zone such as America/Denver", c.TimeZone)
	}
	for _, e := range []string{c.OwnerEmail, c.StaffEmail} {
		if a, err := mail.ParseAddress(e); err != nil || a.Address != e {
			return fmt.Errorf("%q is not an e-mail address", e)
		}
	}
	return app.RunInTransaction(func(tx core.App) error {
		add := func(collection string, values map[string]any) error {
			col, err := tx.FindCachedCollectionByNameOrId(collection)
			if err != nil {
				return err
			}
			r := core.NewRecord(col)
			for k, v := range values {
				r.Set(k, v)
			}
			if err := kernel.SaveAs(tx, kernel.System(), r); err != nil {
				return fmt.Errorf("%s: %w", collection, err)
			}
			return nil
		}
		return errors.Join(
			add("clinic_settings", map[string]any{"clinic_name": c.Name, "time_zone": c.TimeZone, "phone": c.Phone,
				"languages": []string{"en", "es"}, "currency": "usd", "idle_minutes": 15, "absolute_hours": 8, "remember_days": 7,
				"lockout_failures": 5, "lockout_minutes": 15, "password_length": 12, "password_classes": true,
				"request_notice_hours": 24, "request_horizon_days": 180, "request_answer_hours": 24, "free_cancel_hours": 24,
				// the words for the United States; a clinic elsewhere puts its own numbers in the dashboard
				"crisis_text": "Messages are not watched around the clock. Call or text 988 for the Suicide & Crisis Lifeline, day or night. In danger? Call 911."}),
			add("locations", map[string]any{"name": c.LocationName, "phone": c.Phone, "street": c.Street, "city": c.City, "state": c.State,
				"zip_code": c.Zip, "time_zone": c.TimeZone, "is_active": true}),
			add(core.CollectionNameSuperusers, map[string]any{"email": c.OwnerEmail, "password": c.OwnerPassword, "verified": true}),
			add("staff", map[string]any{"email": c.StaffEmail, "password": c.StaffPassword, "verified": true,
				"first_name": c.StaffFirst, "last_name": c.StaffLast, "role": kernel.RoleAdmin, "is_active": true}),
			furnish(tx),
		)
	})
}

// newPassword makes 20 characters of four classes, about 115 bits.
func newPassword() string {
	for {
		p := security.RandomStringWithAlphabet(20, "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789-+=_")
		if strings.ContainsAny(p, "23456789") && strings.ContainsAny(p, "-+=_") && strings.ToLower(p) != p && strings.ToUpper(p) != p {
			return p
		}
	}
}
