package collections

import (
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
)

// Names of the collections of second factors.
const (
	MFAFactors    = "mfa_factors"
	RecoveryCodes = "recovery_codes"
)

// Codes that prove a number or address before it becomes a factor.
const (
	TokenFactorSMS   TokenPurpose = "mfa_sms"
	TokenFactorEmail TokenPurpose = "mfa_email"
)

// FactorMethod is a way to prove a second time who one is. MethodRecovery and MethodPasskey have no row of mfa_factors.
type FactorMethod string

const (
	MethodTOTP     FactorMethod = "totp"
	MethodSMS      FactorMethod = "sms"
	MethodEmail    FactorMethod = "email"
	MethodRecovery FactorMethod = "recovery"
	MethodPasskey  FactorMethod = "passkey"
)

// MFAFactor is one method of one account. It counts once it is enabled.
type MFAFactor struct{ core.BaseRecordProxy }

// AsMFAFactor wraps a record of the collection.
func AsMFAFactor(r *core.Record) *MFAFactor {
	f := &MFAFactor{}
	f.SetProxyRecord(r)
	return f
}

// NewMFAFactor makes an unsaved row that is not enabled.
func NewMFAFactor(app core.App, owner *core.Record, m FactorMethod) (*MFAFactor, error) {
	r, err := ownedRecord(app, MFAFactors, owner)
	if err != nil {
		return nil, err
	}
	r.Set("method", string(m))
	return AsMFAFactor(r), nil
}

func (f *MFAFactor) Method() FactorMethod   { return FactorMethod(f.GetString("method")) }
func (f *MFAFactor) Enabled() bool          { return !f.GetDateTime("enabled_at").IsZero() }
func (f *MFAFactor) EnabledAt() time.Time   { return f.GetDateTime("enabled_at").Time() }
func (f *MFAFactor) LastUsed() time.Time    { return f.GetDateTime("last_used").Time() }
func (f *MFAFactor) LastStep() int64        { return int64(f.GetInt("last_step")) }
func (f *MFAFactor) Phone() string          { return f.GetString("phone") }
func (f *MFAFactor) Secret() string         { return f.GetString("secret") } // base32, opened when it is read
func (f *MFAFactor) Owner() string          { return f.GetString("owner") }
func (f *MFAFactor) Made() time.Time        { return f.GetDateTime("created").Time() }
func (f *MFAFactor) Use(at time.Time)       { f.Set("last_used", at) }
func (f *MFAFactor) SetLastStep(step int64) { f.Set("last_step", step) }

// FactorsOf lists an account's rows, those that are not enabled included, oldest first.
func FactorsOf(app core.App, owner *core.Record) ([]*MFAFactor, error) {
	rows, err := OwnedRecords(app, MFAFactors, owner)
	if err != nil {
		return nil, err
	}
	out := make([]*MFAFactor, len(rows))
	for i, r := range rows {
		out[i] = AsMFAFactor(r)
	}
	return out, nil
}

// UnusedRecoveryCodes lists an account's recovery codes that can still be used.
func UnusedRecoveryCodes(app core.App, owner *core.Record) ([]*core.Record, error) {
	rows, err := OwnedRecords(app, RecoveryCodes, owner)
	if err != nil {
		return nil, err
	}
	out := rows[:0]
	for _, r := range rows {
		if r.GetDateTime("used_at").IsZero() {
			out = append(out, r)
		}
	}
	return out, nil
}

// NewRecoveryCode makes an unsaved row.
func NewRecoveryCode(app core.App, owner *core.Record, hash string) (*core.Record, error) {
	r, err := ownedRecord(app, RecoveryCodes, owner)
	if err != nil {
		return nil, err
	}
	r.Set("code_hash", hash)
	return r, nil
}

// ownedRecord makes an unsaved row that belongs to an account of either auth collection.
func ownedRecord(app core.App, name string, owner *core.Record) (*core.Record, error) {
	c, err := app.FindCachedCollectionByNameOrId(name)
	if err != nil {
		return nil, err
	}
	r := core.NewRecord(c)
	r.Set("owner_collection", owner.Collection().Name)
	r.Set("owner", owner.Id)
	return r, nil
}

// OwnedRecords lists an account's rows of a collection, oldest first.
func OwnedRecords(app core.App, name string, owner *core.Record) ([]*core.Record, error) {
	rows := []*core.Record{}
	err := app.RecordQuery(name).AndWhere(dbx.HashExp{"owner_collection": owner.Collection().Name, "owner": owner.Id}).OrderBy("created", "id").All(&rows)
	return rows, err
}
