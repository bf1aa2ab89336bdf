// Package demo furnishes a clinic that never was, so that everything Anteroom can do can be seen and tried. It
// writes through the same rules as everybody else and only into a data directory of its own. What must never
// happen: demo people in a real clinic's directory.
package demo

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"
	"github.com/pocketbase/pocketbase/tools/security"

	"anteroom/hooks/kernel"
)

// DefaultDir is the demo's own data directory.
const DefaultDir = "anteroom_demo"

// Details is demo.json: everything a person or a tool needs to sign in. Its shape is a contract.
type Details struct {
	BaseURL             string   `json:"baseUrl"`
	Owner               Login    `json:"owner"`
	Staff               []Staff  `json:"staff"`
	Clients             []Client `json:"clients"`
	Unregistered        []Person `json:"unregistered"`
	Strangers           []Person `json:"strangers"`
	StripeWebhookSecret string   `json:"stripeWebhookSecret"`
	InternalAPIKey      string   `json:"internalApiKey"`
}

// Login is a pair that signs in.
type Login struct {
	Email    string `json:"email"`
	Password string `json:"password"`
}

// Staff is a member of the demo clinic.
type Staff struct {
	ID string `json:"id"`
	Login
	Role        string `json:"role"`
	ClinicianID string `json:"clinicianId,omitempty"`
}

// Person is somebody the clinic may or may not know. ClientID is empty for strangers.
type Person struct {
	ClientID    string `json:"clientId,omitempty"`
	Email       string `json:"email"`
	FirstName   string `json:"firstName"`
	LastName    string `json:"lastName"`
	DateOfBirth string `json:"dateOfBirth"`
}

// Client is a registered client.
type Client struct {
	PortalUserID string `json:"portalUserId"`
	ClientID     string `json:"clientId"`
	Login
	FirstName   string   `json:"firstName"`
	LastName    string   `json:"lastName"`
	DateOfBirth string   `json:"dateOfBirth"`
	ActsFor     []string `json:"actsFor"`
	Language    string   `json:"language,omitempty"` // "en" unless said
	MFA         *MFA     `json:"mfa,omitempty"`
}

// MFA is a client's authenticator: six digits every 30 seconds (RFC 6238), by the server's clock.
type MFA struct {
	TOTPSecret string `json:"totpSecret"` // base32
}

func file(app core.App) string { return filepath.Join(app.DataDir(), "demo.json") }

// Prepare makes sure that the directory is the demo's own, before anything is opened: new, or with a demo.json. It
// fills in what only the demo has, the secret of the built-in test processor.
func Prepare(app core.App, cfg *kernel.Config) error {
	d, err := read(app)
	switch {
	case err == nil:
	case errors.Is(err, os.ErrNotExist):
		if _, err := os.Stat(filepath.Join(app.DataDir(), "data.db")); err == nil {
			return fmt.Errorf("%s holds a clinic that is not the demo's: --demo will not touch it. Choose another --dir", app.DataDir())
		}
		d = invent()
		if err := d.write(app); err != nil {
			return err
		}
	default:
		return err
	}
	if cfg.StripeSecretKey == "" {
		cfg.StripeWebhookSecret = d.StripeWebhookSecret
	}
	return nil
}

// Bind furnishes the clinic before the server listens, once, and writes demo.json with the address it listens on.
func Bind(app core.App) {
	app.OnServe().Bind(&hook.Handler[*core.ServeEvent]{Id: "demo.furnish", Priority: 400, Func: func(se *core.ServeEvent) error {
		d, err := read(se.App)
		if err != nil {
			return err
		}
		n, err := se.App.CountRecords("clinic_settings")
		if err != nil {
			return err
		}
		if n == 0 {
			if err := se.App.RunInTransaction(func(tx core.App) error { return furnish(tx, d) }); err != nil {
				return fmt.Errorf("furnish the demo clinic: %w", err)
			}
			if err := payOldest(se.App, d); err != nil {
				return fmt.Errorf("furnish the demo clinic's payments: %w", err)
			}
			if err := hangPictures(se.App, d); err != nil {
				return fmt.Errorf("furnish the demo clinic's files: %w", err)
			}
		}
		d.BaseURL = kernel.ConfigOf(se.App).PublicURL
		if err := d.write(se.App); err != nil {
			return err
		}
		return se.Next()
	}})
}

func read(app core.App) (Details, error) {
	var d Details
	raw, err := os.ReadFile(file(app))
	if err != nil {
		return d, err
	}
	if err := json.Unmarshal(raw, &d); err != nil {
		return d, fmt.Errorf("%s is damaged: remove the directory and start again: %w", file(app), err)
	}
	return d, nil
}

// write replaces the file in one step, readable by its owner only.
func (d Details) write(app core.App) error {
	raw, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(app.DataDir(), 0o700); err != nil {
		return err
	}
	tmp := file(app) + ".new"
	if err := os.WriteFile(tmp, append(raw, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, file(app))
}

// Welcome prints how to sign in.
func Welcome(app core.App, w io.Writer) {
	d, err := read(app)
	if err != nil {
		return
	}
	fmt.Fprintf(w, "\nThis is a demo: nobody in it exists, no mail leaves this machine, no money moves.\n\n")
	for _, c := range d.Clients {
		more := ""
		if c.MFA != nil {
			more = "  with a second step: totpSecret in demo.json goes into any authenticator"
		}
		fmt.Fprintf(w, "  client      %-28s %s%s\n", c.Email, c.Password, more)
	}
	for _, s := range d.Staff {
		fmt.Fprintf(w, "  %-11s %-28s %s\n", s.Role, s.Email, s.Password)
	}
	fmt.Fprintf(w, "  owner       %-28s %s\n\nStaff sign in at %s/_/#/staff-login. To register as a new client, use %s %s, born %s, %s.\n",
		d.Owner.Email, d.Owner.Password, kernel.ConfigOf(app).PublicURL,
		d.Unregistered[0].FirstName, d.Unregistered[0].LastName, d.Unregistered[0].DateOfBirth, d.Unregistered[0].Email)
	if cfg := kernel.ConfigOf(app); cfg.RelyingParty().ID != "" && cfg.RelyingParty().Origin != cfg.PublicURL {
		fmt.Fprintf(w, "To try passkeys, open %s: browsers keep none for an IP address.\n", cfg.RelyingParty().Origin)
	}
}

// invent chooses ids and passwords before anything is written, so that a crash while furnishing leaves a directory
// that is still known as the demo's.
func invent() Details {
	id := func() string {
		return security.RandomStringWithAlphabet(core.DefaultIdLength, core.DefaultIdAlphabet)
	}
	password := func() string {
		return "Demo-" + security.RandomStringWithAlphabet(10, "abcdefghijkmnpqrstuvwxyz") + "7"
	}
	login := func(email string) Login { return Login{email, password()} }
	return Details{
		Owner: login("owner@juniper.example"),
		Staff: []Staff{
			{ID: id(), Login: login("sam@juniper.example"), Role: kernel.RoleFrontDesk},
			{ID: id(), Login: login("ana@juniper.example"), Role: kernel.RoleClinician, ClinicianID: id()},
			{ID: id(), Login: login("ruth@juniper.example"), Role: kernel.RoleAdmin},
			{ID: id(), Login: login("priya@juniper.example"), Role: kernel.RoleBilling},
		},
		Clients: []Client{
			{PortalUserID: id(), ClientID: id(), Login: login("maya@mail.example"), FirstName: "Maya", LastName: "Okafor", DateOfBirth: "1990-04-27", ActsFor: []string{}},
			{PortalUserID: id(), ClientID: id(), Login: login("daniel@mail.example"), FirstName: "Daniel", LastName: "Kim", DateOfBirth: "1984-11-03", ActsFor: []string{}},
			{PortalUserID: id(), ClientID: id(), Login: login("jordan@mail.example"), FirstName: "Jordan", LastName: "Ellis", DateOfBirth: "1979-02-14", ActsFor: []string{id()}},
			{PortalUserID: id(), ClientID: id(), Login: login("tomas@mail.example"), FirstName: "Tomás", LastName: "Rivera", DateOfBirth: "1968-09-30", ActsFor: []string{},
				Language: "es", MFA: &MFA{TOTPSecret: security.RandomStringWithAlphabet(32, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")}},
		},
		Unregistered: []Person{
			{id(), "grace@mail.example", "Grace", "Liu", "1995-08-19"},
			{id(), "omar@mail.example", "Omar", "Haddad", "1988-01-30"},
			{id(), "elena@mail.example", "Elena", "Petrova", "1972-06-05"},
		},
		Strangers: []Person{
			{"", "nobody@mail.example", "Noah", "Body", "1991-09-09"},
			{"", "someone@mail.example", "Sonia", "One", "1986-12-12"},
		},
		StripeWebhookSecret: "whsec_" + security.RandomString(32),
	}
}
