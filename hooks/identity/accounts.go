package identity

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
	"anteroom/hooks/phi"
)

// What the desk sees of the logins of clients and does to them. Logins of staff are out of its reach: every route looks
// in portal_users alone. Whatever is done is told to the person by mail.

// accountRoles help clients with their logins.
var accountRoles = []string{kernel.RoleAdmin, kernel.RoleFrontDesk}

func bindAccounts(d *door) {
	route := func(method, path string, do func(*kernel.Call) (*kernel.Reply, error)) kernel.Route {
		return kernel.Route{Method: method, Path: kernel.Desk + "/portal-users" + path, Access: kernel.Staff, Roles: accountRoles,
			Owns: collections.PortalUsers, MaxBody: 16 << 10, Do: do}
	}
	d.app.OnRecordCreate(collections.AccountHistory).BindFunc(refuseWritingAccountHistory)
	d.app.OnRecordUpdate(collections.AccountHistory).BindFunc(refuseWritingAccountHistory)
	kernel.WrittenByPortalAlone(d.app, collections.AccountHistory)
	kernel.Handle(d.app,
		route(http.MethodGet, "", listAccounts),
		route(http.MethodGet, "/{id}/history", accountHistory),
		route(http.MethodPost, "/{id}/unlock", onAccount("unlock", unlockAccount)),
		route(http.MethodPost, "/{id}/suspend", onAccount("suspend", suspend)),
		route(http.MethodPost, "/{id}/resume", onAccount("resume", resume)),
		route(http.MethodPost, "/{id}/force-password-change", onAccount("force_password_change", d.forcePasswordChange)),
		route(http.MethodPost, "/{id}/sign-out", onAccount("sign_out", d.signOutEverywhere)),
		route(http.MethodPost, "/{id}/reset-factors", onAccount(actResetFactors, resetFactors)),
	)
}

// refuseClosingForOthers: only the person closes an account, and only an administrator opens it again.
func refuseClosingForOthers(from, to collections.AccountStatus, r *core.Record) error {
	by := kernel.ActorOf(r)
	switch {
	case from == to || by.Kind == kernel.KindSystem:
	case to == collections.AccountClosed && (by.Kind != kernel.KindClient || by.ID != r.Id):
		return refused("account_status", "own_person", "Only the person can close their account. Suspend it instead.")
	case from == collections.AccountClosed && !by.IsStaff(kernel.RoleAdmin):
		return refused("account_status", "role", "Only an administrator can resume an account that the person closed.")
	}
	return nil
}

// accountAct does something to an account, in a transaction, and names the mail that tells the person.
type accountAct func(tx core.App, by kernel.Actor, u *collections.PortalUser, in deskReason) (func(accessWords) line, error)

// onAccount does it, keeps who did it and why, and tells the person, in one commit.
func onAccount(what string, do accountAct) func(*kernel.Call) (*kernel.Reply, error) {
	return func(c *kernel.Call) (*kernel.Reply, error) {
		in, err := readReason(c)
		if err != nil {
			return nil, err
		}
		var u *collections.PortalUser
		err = c.App.RunInTransaction(func(tx core.App) error {
			r, err := tx.FindRecordById(collections.PortalUsers, c.ID())
			if err != nil {
				return err
			}
			u = collections.AsPortalUser(r)
			letter, err := do(tx, c.Actor, u, in)
			if err != nil {
				return err
			}
			if err := keepReason(tx, c.Actor, u.Id, what, in); err != nil {
				return err
			}
			return mailLogin(tx, u.Id, letter)
		})
		if err != nil {
			return nil, err
		}
		return kernel.OK(map[string]string{"id": u.Id, "status": string(u.Status())}), nil
	}
}

// moveAccount refuses what its state does not allow before the rule does, in words for the desk.
func moveAccount(tx core.App, by kernel.Actor, u *collections.PortalUser, to collections.AccountStatus, action audit.Action) error {
	if from := u.Status(); from == to || !from.MayBecome(to) {
		return kernel.Conflict("ACCOUNT_STATUS", "That can't be done while the account is "+strings.ReplaceAll(string(from), "_", " ")+".")
	}
	u.SetStatus(to)
	audit.As(u.Record, action)
	return kernel.SaveAs(tx, by, u.Record)
}

// unlockAccount ends the pause after wrong passwords, and the lock that the clinic set.
func unlockAccount(tx core.App, by kernel.Actor, u *collections.PortalUser, _ deskReason) (func(accessWords) line, error) {
	if err := unlock(tx, collections.PortalUsers, u.Email()); err != nil {
		return nil, err
	}
	letter := func(w accessWords) line { return w.unlocked }
	if u.Status() == collections.AccountLocked {
		return letter, moveAccount(tx, by, u, collections.AccountActive, audit.AccountUnlocked)
	}
	return letter, audit.Append(tx, audit.EntryFor(by, audit.AccountUnlocked, audit.PortalUser, u.Id))
}

func suspend(tx core.App, by kernel.Actor, u *collections.PortalUser, _ deskReason) (func(accessWords) line, error) {
	return func(w accessWords) line { return w.suspended }, moveAccount(tx, by, u, collections.AccountSuspended, audit.SuspendAccount)
}

// resume opens an account again. One whose address was never proven waits for its proof as before.
func resume(tx core.App, by kernel.Actor, u *collections.PortalUser, _ deskReason) (func(accessWords) line, error) {
	if u.Status() == collections.AccountClosed && !by.IsStaff(kernel.RoleAdmin) {
		return nil, kernel.Forbidden("ROLE", "Only an administrator can resume an account that the person closed.")
	}
	to := collections.AccountActive
	if !u.Verified() {
		to = collections.AccountPending
	}
	return func(w accessWords) line { return w.resumed }, moveAccount(tx, by, u, to, audit.ResumeAccount)
}

// forcePasswordChange ends the sessions; the next one can do nothing but choose another password.
func (d *door) forcePasswordChange(tx core.App, by kernel.Actor, u *collections.PortalUser, _ deskReason) (func(accessWords) line, error) {
	if !u.MaySignIn() { // before the address is proven the flag means that the password is void
		return nil, kernel.Conflict("ACCOUNT_STATUS", "You can ask for a new password only while the account is active.")
	}
	u.Set("force_password_change", true)
	audit.As(u.Record, audit.ForcePasswordChange)
	if err := kernel.SaveAs(tx, by, u.Record); err != nil {
		return nil, err
	}
	return func(w accessWords) line { return w.mustChange },
		d.sessions.revokeOwnerAs(tx, by, collections.PortalUsers, u.Id, collections.EndedCredentials, "")
}

func (d *door) signOutEverywhere(tx core.App, by kernel.Actor, u *collections.PortalUser, _ deskReason) (func(accessWords) line, error) {
	if err := audit.Append(tx, audit.EntryFor(by, audit.SignOutEverywhere, audit.PortalUser, u.Id)); err != nil {
		return nil, err
	}
	return func(w accessWords) line { return w.signedOut },
		d.sessions.revokeOwnerAs(tx, by, collections.PortalUsers, u.Id, collections.EndedAccount, "")
}

const actResetFactors = "reset_factors"

// keepReason notes who of the clinic did what to a login, and why.
func keepReason(tx core.App, by kernel.Actor, account, what string, in deskReason) error {
	h, err := collections.NewAccountEvent(tx, account, what, in.Reason, kernel.Now(tx))
	if err != nil {
		return err
	}
	h.Load(map[string]any{"actor_kind": by.Kind, "actor": by.ID})
	if what == actResetFactors { // nothing else asks for it
		h.Set("identity_check", in.IdentityCheck)
	}
	return kernel.SaveAs(tx, by, h.Record)
}

// refuseWritingAccountHistory: the portal writes it while staff who may do so act on a login.
func refuseWritingAccountHistory(e *core.RecordEvent) error {
	by := kernel.ActorOf(e.Record)
	if !e.Record.IsNew() || !by.IsStaff(accountRoles...) || e.Record.GetString("actor") != by.ID {
		return refused("actor", "history", "What was done is noted by the portal, and stays noted.")
	}
	return e.Next()
}

// mostHistory is how much of an account's history the desk is shown.
const mostHistory = 50

// AccountAct is one thing that the clinic did to a login.
type AccountAct struct {
	At            time.Time `json:"at"`
	Action        string    `json:"action"` // unlock, suspend, resume, force_password_change, sign_out, reset_factors, end_access
	Reason        string    `json:"reason"`
	IdentityCheck string    `json:"identityCheck,omitempty"`
	By            string    `json:"by"` // a name, or empty for the owner
}

func accountHistory(c *kernel.Call) (*kernel.Reply, error) {
	if _, err := c.App.FindRecordById(collections.PortalUsers, c.ID()); err != nil {
		return nil, err
	}
	rows, err := collections.AccountEvents(c.App, c.ID(), mostHistory)
	if err != nil {
		return nil, err
	}
	out := make([]AccountAct, len(rows))
	for i, r := range rows {
		reason, err := phi.Text(r, "reason")
		if err != nil {
			return nil, err
		}
		out[i] = AccountAct{At: r.GetDateTime("at").Time().Truncate(time.Second), Action: r.GetString("action"), Reason: reason, IdentityCheck: r.GetString("identity_check")}
		if who, err := c.App.FindRecordById(collections.Staff, r.GetString("actor")); err == nil {
			out[i].By = collections.AsStaff(who).FirstName() + " " + collections.AsStaff(who).LastName()
		}
	}
	if err := audit.Read(c.App, audit.EntryFor(c.Actor, audit.ViewAccountHistory, audit.PortalUser, c.ID())); err != nil {
		return nil, err
	}
	return kernel.OK(map[string]any{"history": out}), nil
}

// identityChecks are the ways in which the desk makes sure who asks for another second factor.
var identityChecks = []string{"in_person", "video", "phone_callback"}

// factorTables hold what proves a second time who somebody is, or spares them the proof.
var factorTables = []string{collections.MFAFactors, collections.RecoveryCodes, collections.PasskeyCredentials, collections.RememberedDevices}

// resetFactors removes them all, and connections elsewhere: whoever stole a device may have made one. The account's token key is renewed, so that sessions and half-made sign-ins end.
func resetFactors(tx core.App, by kernel.Actor, u *collections.PortalUser, in deskReason) (func(accessWords) line, error) {
	if !slices.Contains(identityChecks, in.IdentityCheck) {
		return nil, kernel.Invalid("", "Say how you made sure who is asking.").
			Field("identityCheck", "option", "Choose one of: "+strings.Join(identityChecks, ", ")+".")
	}
	for _, table := range factorTables {
		rows, err := tx.FindAllRecords(table, dbx.HashExp{"owner_collection": collections.PortalUsers, "owner": u.Id})
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			if err := kernel.DeleteAs(tx, by, r); err != nil {
				return nil, err
			}
		}
	}
	links, err := tx.FindAllExternalAuthsByRecord(u.Record)
	if err != nil {
		return nil, err
	}
	for _, link := range links {
		audit.As(link.ProxyRecord(), audit.UnlinkSignIn)
		if err := kernel.DeleteAs(tx, by, link.ProxyRecord()); err != nil {
			return nil, err
		}
	}
	entry := audit.EntryFor(by, audit.ResetFactors, audit.PortalUser, u.Id)
	entry.Details = audit.Details{"identityCheck": in.IdentityCheck}
	if err := audit.Append(tx, entry); err != nil {
		return nil, err
	}
	u.Load(map[string]any{"mfa_enabled": false, "mfa_method": "", "mfa_phone": ""})
	u.RefreshTokenKey()
	return func(w accessWords) line { return w.factorsReset }, kernel.SaveAs(tx, by, u.Record)
}

// DeskAccount is a login as the desk lists it.
type DeskAccount struct {
	ID         string                    `json:"id"`
	Email      string                    `json:"email"`
	FirstName  string                    `json:"firstName"`
	LastName   string                    `json:"lastName"`
	Status     collections.AccountStatus `json:"status"`
	MFAEnabled bool                      `json:"mfaEnabled"`
	LastLogin  *time.Time                `json:"lastLogin,omitempty"`
	Paused     bool                      `json:"paused"` // after wrong passwords, for a while
	Clients    []DeskAccess              `json:"clients"`
}

// DeskAccess is one client whom the login acts for now.
type DeskAccess struct {
	AccessID     string     `json:"accessId"`
	ClientID     string     `json:"clientId"`
	Name         string     `json:"name"`
	Relationship string     `json:"relationship"`
	Scope        string     `json:"scope"`
	ExpiresAt    *time.Time `json:"expiresAt,omitempty"`
}

var accountStatuses = []collections.AccountStatus{collections.AccountPending, collections.AccountActive, collections.AccountSuspended,
	collections.AccountLocked, collections.AccountClosed}

// accountsWanted reads search (in the address and both names) and status.
func accountsWanted(c *kernel.Call) (dbx.Expression, error) {
	q := c.Request.URL.Query()
	search, status := strings.TrimSpace(q.Get("search")), collections.AccountStatus(q.Get("status"))
	bad := kernel.Invalid("", "That list does not exist.")
	if len(search) > 200 {
		_ = bad.Field("search", "max_length", "That is too long.")
	}
	if status != "" && !slices.Contains(accountStatuses, status) {
		_ = bad.Field("status", "option", "Choose one of: "+strings.Trim(fmt.Sprint(accountStatuses), "[]")+".")
	}
	if bad.HasFields() {
		return nil, bad
	}
	all := []dbx.Expression{dbx.NewExp("TRUE")}
	for _, word := range strings.Fields(search) {
		all = append(all, dbx.Or(dbx.Like("email", word), dbx.Like("first_name", word), dbx.Like("last_name", word)))
	}
	if status != "" {
		all = append(all, dbx.HashExp{"account_status": string(status)})
	}
	return dbx.And(all...), nil
}

func listAccounts(c *kernel.Call) (*kernel.Reply, error) {
	page, err := c.Page()
	if err != nil {
		return nil, err
	}
	where, err := accountsWanted(c)
	if err != nil {
		return nil, err
	}
	var total int
	if err := c.App.ConcurrentDB().Select("count(*)").From(collections.PortalUsers).Where(where).Row(&total); err != nil {
		return nil, err
	}
	rows := []*core.Record{}
	if err := c.App.RecordQuery(collections.PortalUsers).AndWhere(where).OrderBy("last_name", "first_name", "id").
		Limit(int64(page.Limit)).Offset(int64(page.Offset)).All(&rows); err != nil {
		return nil, err
	}
	acts, clients, err := accessOfLogins(c.App, rows)
	if err != nil {
		return nil, err
	}
	out := make([]DeskAccount, 0, len(rows))
	for _, r := range rows {
		u := collections.AsPortalUser(r)
		a := DeskAccount{ID: u.Id, Email: u.Email(), FirstName: u.FirstName(), LastName: u.LastName(), Status: u.Status(), MFAEnabled: u.MFAEnabled(),
			LastLogin: orNever(u.GetDateTime("last_login").Time()), Paused: pausedUntil(c.App, collections.PortalUsers, u.Email()).After(kernel.Now(c.App)), Clients: acts[u.Id]}
		if a.Clients == nil {
			a.Clients = []DeskAccess{}
		}
		out = append(out, a)
	}
	if err := noteLooking(c, audit.ListAccounts, audit.PortalUser, clients); err != nil {
		return nil, err
	}
	return kernel.Listed(map[string]any{"users": out, "pagination": page.Of(total)}, page, total), nil
}

// accessOfLogins gives by login whom it acts for now, and the ids of all those clients.
func accessOfLogins(app core.App, logins []*core.Record) (map[string][]DeskAccess, []string, error) {
	ids := make([]any, len(logins))
	for n, r := range logins {
		ids[n] = r.Id
	}
	rows := []*core.Record{}
	if err := app.RecordQuery(collections.ClientAccess).AndWhere(dbx.In("portal_user", ids...)).OrderBy("created", "id").All(&rows); err != nil {
		return nil, nil, err
	}
	var clients []string
	for _, r := range rows {
		clients = append(clients, r.GetString("client"))
	}
	names, err := namesOfClients(app, clients)
	if err != nil {
		return nil, nil, err
	}
	acts, shown := map[string][]DeskAccess{}, []string{}
	for _, r := range rows {
		a := collections.AsAccess(r)
		if !a.Counts(kernel.Now(app)) {
			continue
		}
		shown = append(shown, a.Client())
		acts[a.User()] = append(acts[a.User()], DeskAccess{AccessID: a.Id, ClientID: a.Client(), Name: names[a.Client()], Relationship: a.Relationship(),
			Scope: a.Scope(), ExpiresAt: orNever(a.ExpiresAt())})
	}
	return acts, shown, nil
}
