package collections

import (
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
)

// AccountTokens is the name of the collection.
const AccountTokens = "account_tokens"

// TokenPurpose is what a token proves or allows.
type TokenPurpose string

const (
	TokenVerifyEmail   TokenPurpose = "verify_email"
	TokenResetPassword TokenPurpose = "reset_password"
	TokenPhone         TokenPurpose = "phone" // target is the number, in E.164
	TokenSignIn        TokenPurpose = "sign_in"
	TokenChangeEmail   TokenPurpose = "change_email" // target is the new address
)

// AccountToken is a code or link that was mailed: only hashes of both, used once.
type AccountToken struct{ core.BaseRecordProxy }

// AsAccountToken wraps a record of the collection.
func AsAccountToken(r *core.Record) *AccountToken {
	t := &AccountToken{}
	t.SetProxyRecord(r)
	return t
}

// tokenOwner names the relation to the account, for each auth collection.
var tokenOwner = map[string]string{PortalUsers: "portal_user", Staff: "staff", Owners: "superuser"}

// NewAccountToken makes an unused row for an account.
func NewAccountToken(app core.App, owner *core.Record, purpose TokenPurpose, expires time.Time) (*AccountToken, error) {
	c, err := app.FindCachedCollectionByNameOrId(AccountTokens)
	if err != nil {
		return nil, err
	}
	t := AsAccountToken(core.NewRecord(c))
	t.Set(tokenOwner[owner.Collection().Name], owner.Id)
	t.Set("purpose", string(purpose))
	t.Set("expires_at", expires)
	return t, nil
}

func (t *AccountToken) User() string          { return t.GetString("portal_user") }
func (t *AccountToken) Target() string        { return t.GetString("target") } // the address or number it proves
func (t *AccountToken) OldCodeHash() string   { return t.GetString("old_code_hash") }
func (t *AccountToken) CodeHash() string      { return t.GetString("code_hash") }
func (t *AccountToken) Attempts() int         { return t.GetInt("attempts") }
func (t *AccountToken) ExpiresAt() time.Time  { return t.GetDateTime("expires_at").Time() }
func (t *AccountToken) Used() bool            { return !t.GetDateTime("used_at").IsZero() }
func (t *AccountToken) MarkUsed(at time.Time) { t.Set("used_at", at) }

// AccountTokenByLink finds the token of a link. It answers sql.ErrNoRows when there is none.
func AccountTokenByLink(app core.App, purpose TokenPurpose, linkHash string) (*AccountToken, error) {
	r, err := app.FindFirstRecordByFilter(AccountTokens, "link_hash = {:h} && purpose = {:p}",
		dbx.Params{"h": linkHash, "p": string(purpose)})
	if err != nil {
		return nil, err
	}
	return AsAccountToken(r), nil
}

// TriedCodes counts the wrong codes of an account over all its tokens of one purpose, closed ones too.
func TriedCodes(app core.App, user string, purpose TokenPurpose) (n int, err error) {
	err = app.RecordQuery(AccountTokens).Select("coalesce(sum(attempts), 0)").
		AndWhere(dbx.HashExp{"purpose": string(purpose)}).AndWhere(dbx.Or(dbx.HashExp{"portal_user": user}, dbx.HashExp{"staff": user}, dbx.HashExp{"superuser": user})).Row(&n)
	return n, err
}

// AllOpenAccountTokens lists an account's unused tokens, whatever they are for.
func AllOpenAccountTokens(app core.App, account string) ([]*AccountToken, error) {
	rows, err := app.FindRecordsByFilter(AccountTokens, "(portal_user = {:u} || staff = {:u} || superuser = {:u}) && used_at = ''", "@rowid", 0, 0, dbx.Params{"u": account})
	if err != nil {
		return nil, err
	}
	out := make([]*AccountToken, len(rows))
	for i, r := range rows {
		out[i] = AsAccountToken(r)
	}
	return out, nil
}

// OpenAccountTokens lists an account's unused tokens of one purpose, newest first.
func OpenAccountTokens(app core.App, user string, purpose TokenPurpose) ([]*AccountToken, error) {
	rows, err := app.FindRecordsByFilter(AccountTokens, "(portal_user = {:u} || staff = {:u} || superuser = {:u}) && purpose = {:p} && used_at = ''", "-@rowid", 0, 0,
		dbx.Params{"u": user, "p": string(purpose)})
	if err != nil {
		return nil, err
	}
	out := make([]*AccountToken, len(rows))
	for i, r := range rows {
		out[i] = AsAccountToken(r)
	}
	return out, nil
}
