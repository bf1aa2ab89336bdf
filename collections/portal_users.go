package collections

import (
	"slices"
	"strings"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"golang.org/x/text/unicode/norm"
)

// PortalUsers is the name of the collection.
const PortalUsers = "portal_users"

// AccountStatus is where a login stands.
type AccountStatus string

const (
	AccountPending   AccountStatus = "pending_verification" // the address is not proven yet
	AccountActive    AccountStatus = "active"
	AccountSuspended AccountStatus = "suspended" // by the clinic, for a while
	AccountLocked    AccountStatus = "locked"    // by the clinic, after something happened
	AccountClosed    AccountStatus = "closed"    // by its own person; an administrator opens it again
)

var accountMoves = map[AccountStatus][]AccountStatus{
	AccountPending:   {AccountActive, AccountSuspended},
	AccountActive:    {AccountSuspended, AccountLocked, AccountClosed},
	AccountSuspended: {AccountActive, AccountLocked, AccountPending}, // pending again when the address was never proven
	AccountLocked:    {AccountActive, AccountSuspended},
	AccountClosed:    {AccountActive},
}

// MayBecome tells whether a move is legal. Staying is no move.
func (s AccountStatus) MayBecome(next AccountStatus) bool {
	return s == next || slices.Contains(accountMoves[s], next)
}

// PortalUser is a login: a client, or somebody who acts for clients.
type PortalUser struct{ core.BaseRecordProxy }

// AsPortalUser wraps a record of the collection.
func AsPortalUser(r *core.Record) *PortalUser {
	u := &PortalUser{}
	u.SetProxyRecord(r)
	return u
}

func (u *PortalUser) FirstName() string         { return u.GetString("first_name") }
func (u *PortalUser) LastName() string          { return u.GetString("last_name") }
func (u *PortalUser) Language() string          { return u.GetString("language") }
func (u *PortalUser) Status() AccountStatus     { return AccountStatus(u.GetString("account_status")) }
func (u *PortalUser) SetStatus(s AccountStatus) { u.Set("account_status", string(s)) }
func (u *PortalUser) MFAEnabled() bool          { return u.GetBool("mfa_enabled") }

// MaySignIn tells whether the account is open: the address proven, and the clinic has not closed it.
func (u *PortalUser) MaySignIn() bool { return u.Verified() && u.Status() == AccountActive }

// PasswordVoid tells that the address is not proven and the password does not count: more than one registration was
// made, or a new password asked for. Only a link that sets a new one opens such an account.
func (u *PortalUser) PasswordVoid() bool {
	return u.Status() == AccountPending && !u.Verified() && u.GetBool("force_password_change")
}

// PendingClient is the client that the registration was matched with; empty once the address is proven.
func (u *PortalUser) PendingClient() string      { return u.GetString("pending_client") }
func (u *PortalUser) SetPendingClient(id string) { u.Set("pending_client", id) }

// NormalEmail is the one form in which addresses are stored, looked up and counted.
func NormalEmail(s string) string {
	return strings.ToLower(norm.NFKC.String(strings.TrimSpace(s)))
}

// LoginByEmail finds a login of an auth collection. The address is given in its normal form. It answers
// sql.ErrNoRows when there is none.
func LoginByEmail(app core.App, collection, email string) (*core.Record, error) {
	r := &core.Record{}
	err := app.RecordQuery(collection).AndWhere(dbx.HashExp{"email": email}).Limit(1).One(r)
	if err != nil {
		return nil, err
	}
	return r, nil
}
