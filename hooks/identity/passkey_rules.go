package identity

import (
	"database/sql"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
)

// mostPasskeys is how many an account may have.
const mostPasskeys = 20

func bindPasskeys(d *door) {
	app := d.app
	app.OnRecordCreate(collections.PasskeyCredentials).BindFunc(refuseForeignPasskey)
	app.OnRecordUpdate(collections.PasskeyCredentials).BindFunc(refuseForeignPasskey)
	app.OnRecordDelete(collections.PasskeyCredentials).BindFunc(refuseForeignPasskey)
	app.OnRecordCreateExecute(collections.PasskeyCredentials).BindFunc(refuseOneTooMany)
	app.OnRecordCreateExecute(collections.PasskeyCredentials).BindFunc(d.changeOfPasskeys(noticePasskeyAdded))
	app.OnRecordDeleteExecute(collections.PasskeyCredentials).BindFunc(d.changeOfPasskeys(noticePasskeyRemoved))

	route := func(method, path string, access kernel.Access, do func(*kernel.Call) (*kernel.Reply, error)) kernel.Route {
		return kernel.Route{Method: method, Path: kernel.Portal + "/auth/passkeys" + path, Access: access, MaxBody: 16 << 10, Do: do}
	}
	begin := route("POST", "/authenticate/begin", kernel.Public, d.beginPasskey)
	begin.Limit = collections.LimitPublicForms
	rename, remove := route("PATCH", "/{id}", kernel.AnySignIn, renamePasskey), route("DELETE", "/{id}", kernel.AnySignIn, d.removePasskey)
	rename.Owns, remove.Owns = collections.PasskeyCredentials, collections.PasskeyCredentials
	kernel.Handle(app, begin,
		route("POST", "/authenticate/finish", kernel.Public, d.finishPasskey), // only failures count
		route("POST", "/register/begin", kernel.AnySignIn, d.beginRegistration),
		route("POST", "/register/finish", kernel.AnySignIn, d.finishRegistration),
		route("GET", "", kernel.AnySignIn, listPasskeys), rename, remove)
}

// frozenOfPasskey is what makes a passkey that one: another key is another passkey.
var frozenOfPasskey = []string{"owner_collection", "owner", "credential_id", "public_key", "aaguid", "device_type", "transports"}

// refuseForeignPasskey: a passkey is added, named and removed by its own account. The clinic may remove one, for somebody
// who has lost a device, and never add one: it would be a key to somebody's account.
func refuseForeignPasskey(e *core.RecordEvent) error {
	was, removes := e.Record, e.Type == core.ModelEventTypeDelete
	if !e.Record.IsNew() {
		var err error
		if was, err = e.App.FindRecordById(collections.PasskeyCredentials, e.Record.Id); err != nil {
			return err
		}
	}
	by := kernel.ActorOf(e.Record)
	byClinic := removes && by.IsStaff(kernel.RoleAdmin, kernel.RoleFrontDesk)
	if !isOwnOrSystem(by, was) && !byClinic {
		return kernel.Forbidden("FOREIGN_PASSKEY", "A passkey belongs to the person whose sign-in it is.")
	}
	if !e.Record.IsNew() && !removes && slices.ContainsFunc(frozenOfPasskey, func(f string) bool { return was.GetString(f) != e.Record.GetString(f) }) {
		return kernel.Conflict("PASSKEY_FIXED", "A passkey can be given another name, and nothing else.")
	}
	return e.Next()
}

func isOwnOrSystem(by kernel.Actor, r *core.Record) bool {
	return by.Kind == kernel.KindSystem || belongsTo(r, by)
}

// refuseOneTooMany counts inside the transaction, and tells of a passkey that is somebody's already. Whose it is stays
// untold.
func refuseOneTooMany(e *core.RecordEvent) error {
	return kernel.InTransaction(e, func(tx core.App) error {
		r := e.Record
		n, err := tx.CountRecords(collections.PasskeyCredentials, dbx.HashExp{"owner_collection": r.GetString("owner_collection"), "owner": r.GetString("owner")})
		if err != nil {
			return err
		}
		if n >= mostPasskeys {
			return tooManyPasskeys()
		}
		known, err := tx.CountRecords(collections.PasskeyCredentials, dbx.HashExp{"credential_id": r.GetString("credential_id")})
		if err != nil {
			return err
		}
		if known > 0 {
			return kernel.Conflict("PASSKEY_KNOWN", "This passkey is in use already.")
		}
		return e.Next()
	})
}

func tooManyPasskeys() *kernel.Error {
	return kernel.Conflict("PASSKEY_LIMIT", "You have as many passkeys as an account can hold. Remove one first.")
}

// changeOfPasskeys is a change of credentials: every other session ends, every other device shows its second factor
// again, and the person is told, in the transaction of the change. What the clinic removes it tells in its own letter.
func (d *door) changeOfPasskeys(n notice) func(*core.RecordEvent) error {
	return func(e *core.RecordEvent) error {
		return kernel.InTransaction(e, func(tx core.App) error {
			if err := e.Next(); err != nil {
				return err
			}
			row, by := collections.AsPasskeyCredential(e.Record), kernel.ActorOf(e.Record)
			account, err := tx.FindRecordById(row.OwnerCollection(), row.Owner())
			if errors.Is(err, sql.ErrNoRows) {
				return nil // it went with its account
			}
			if err != nil {
				return err
			}
			keep := ""
			if belongsTo(e.Record, by) {
				keep = by.Session
			}
			err = d.endSignInsElsewhere(tx, by, account, collections.EndedCredentials, keep)
			if err != nil || !isOwnOrSystem(by, e.Record) {
				return err
			}
			return noticeOf(tx, account, n)
		})
	}
}

// Passkey is one of an account's passkeys, as its person sees it. Instants are UTC.
type Passkey struct {
	ID         string     `json:"id"`
	Name       string     `json:"name"`
	CreatedAt  time.Time  `json:"createdAt"`
	LastUsedAt *time.Time `json:"lastUsedAt,omitempty"`
	DeviceType string     `json:"deviceType"` // "single" or "synced"
	Transports []string   `json:"transports"`
}

func showPasskey(p *collections.PasskeyCredential) Passkey {
	out := Passkey{ID: p.Id, Name: p.Name(), CreatedAt: p.Created().Truncate(time.Second), DeviceType: p.DeviceType(), Transports: p.Transports()}
	if at := p.LastUsed(); !at.IsZero() {
		at = at.Truncate(time.Second)
		out.LastUsedAt = &at
	}
	return out
}

func listPasskeys(c *kernel.Call) (*kernel.Reply, error) {
	rows, err := collections.PasskeysOf(c.App, c.Auth)
	if err != nil {
		return nil, err
	}
	out := make([]Passkey, len(rows))
	for i, row := range rows {
		out[i] = showPasskey(row)
	}
	if err := audit.Read(c.App, audit.EntryFor(c.Actor, audit.ListPasskeys, audit.ResourceType(collections.PasskeyCredentials), "")); err != nil {
		return nil, err
	}
	return kernel.OK(map[string]any{"passkeys": out}), nil
}

func renamePasskey(c *kernel.Call) (*kernel.Reply, error) {
	row, err := ownPasskey(c)
	if err != nil {
		return nil, err
	}
	var in struct{ Name string }
	if err := c.Bind(&in); err != nil {
		return nil, err
	}
	name, err := passkeyName(in.Name)
	if err != nil {
		return nil, err
	}
	if name == "" {
		return nil, kernel.Invalid("", "Give it a name.").Field("name", "required", "This is needed.")
	}
	row.Set("name", name)
	audit.As(row.Record, audit.RenamePasskey)
	if err := kernel.SaveAs(c.App, c.Actor, row.Record); err != nil {
		return nil, err
	}
	return kernel.OK(showPasskey(row)), nil
}

func (d *door) removePasskey(c *kernel.Call) (*kernel.Reply, error) {
	row, err := ownPasskey(c)
	if err != nil {
		return nil, err
	}
	if err := d.refuseStaleProof(c); err != nil {
		return nil, err
	}
	audit.As(row.Record, audit.RemovePasskey)
	if err := kernel.DeleteAs(c.App, c.Actor, row.Record); err != nil {
		return nil, err
	}
	return kernel.OK(map[string]string{"id": row.Id}).Say("The passkey is removed. You are signed out everywhere else."), nil
}

// ownPasskey finds the passkey of the path; somebody else's is as absent as one that does not exist.
func ownPasskey(c *kernel.Call) (*collections.PasskeyCredential, error) {
	r, err := c.App.FindRecordById(collections.PasskeyCredentials, c.ID())
	if errors.Is(err, sql.ErrNoRows) {
		return nil, kernel.NotFound()
	}
	if err != nil {
		return nil, err
	}
	p := collections.AsPasskeyCredential(r)
	if p.Owner() != c.Auth.Id || p.OwnerCollection() != c.Auth.Collection().Name {
		return nil, kernel.NotFound()
	}
	return p, nil
}

// passkeyName is a name as its person typed it, on one line.
func passkeyName(typed string) (string, error) {
	name := strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, typed)), " ")
	if utf8.RuneCountInString(name) > 80 {
		return "", kernel.Invalid("", "Choose a shorter name.").Field("name", "max_length", "Use at most 80 characters.")
	}
	return name, nil
}

// nameByDevice is what a passkey is called until its person names it.
func nameByDevice(agent string) string {
	_, system, browser := kernel.Device(agent)
	switch {
	case system != "" && browser != "":
		return browser + ", " + system
	case system+browser != "":
		return system + browser
	}
	return "Passkey"
}
