package collections

import (
	"time"

	"github.com/pocketbase/pocketbase/core"
)

// PasskeyCredentials is the name of the collection.
const PasskeyCredentials = "passkey_credentials"

// Whether a passkey stays on its device or is copied to others of the same person.
const (
	PasskeySingle = "single"
	PasskeySynced = "synced"
)

// PasskeyCredential is a public key whose private half a device of the account keeps (W3C WebAuthn Level 3).
type PasskeyCredential struct{ core.BaseRecordProxy }

// AsPasskeyCredential wraps a record of the collection.
func AsPasskeyCredential(r *core.Record) *PasskeyCredential {
	p := &PasskeyCredential{}
	p.SetProxyRecord(r)
	return p
}

// NewPasskeyCredential makes an unsaved row of an account.
func NewPasskeyCredential(app core.App, owner *core.Record) (*PasskeyCredential, error) {
	r, err := ownedRecord(app, PasskeyCredentials, owner)
	if err != nil {
		return nil, err
	}
	return AsPasskeyCredential(r), nil
}

func (p *PasskeyCredential) Name() string            { return p.GetString("name") }
func (p *PasskeyCredential) CredentialID() string    { return p.GetString("credential_id") } // base64url without padding
func (p *PasskeyCredential) OwnerCollection() string { return p.GetString("owner_collection") }
func (p *PasskeyCredential) Owner() string           { return p.GetString("owner") }
func (p *PasskeyCredential) LastUsed() time.Time     { return p.GetDateTime("last_used").Time() }
func (p *PasskeyCredential) Created() time.Time      { return p.GetDateTime("created").Time() }
func (p *PasskeyCredential) PublicKey() string       { return p.GetString("public_key") } // COSE_Key (RFC 9052), base64url without padding
func (p *PasskeyCredential) AAGUID() string          { return p.GetString("aaguid") }     // the authenticator's model, as it says; often all zero
func (p *PasskeyCredential) SignCount() int64        { return int64(p.GetInt("sign_count")) }
func (p *PasskeyCredential) DeviceType() string      { return p.GetString("device_type") } // PasskeySingle or PasskeySynced
func (p *PasskeyCredential) BackedUp() bool          { return p.GetBool("backed_up") }

// Transports are ways to reach the authenticator, as it told them.
func (p *PasskeyCredential) Transports() []string {
	out := []string{}
	_ = p.UnmarshalJSONField("transports", &out)
	return out
}

// PasskeysOf lists an account's passkeys, oldest first.
func PasskeysOf(app core.App, owner *core.Record) ([]*PasskeyCredential, error) {
	rows, err := OwnedRecords(app, PasskeyCredentials, owner)
	if err != nil {
		return nil, err
	}
	out := make([]*PasskeyCredential, len(rows))
	for i, r := range rows {
		out[i] = AsPasskeyCredential(r)
	}
	return out, nil
}
