package identity

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncbor"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
	"github.com/go-webauthn/webauthn/webauthn"
	"github.com/google/uuid"
	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
)

// Passkeys (W3C WebAuthn Level 3). A passkey is found without a name (residentKey required), its device has verified
// its user (userVerification required), and it says nothing about the device (attestation none). The steps of sections
// 7.1 and 7.2 are the library's; ours are the challenges, whose key it is, and the counter.

// challengeLasts is how long a challenge waits for its answer. It is answered once.
const challengeLasts = 5 * time.Minute

// purposeSignIn is a challenge that anybody may ask for. One to register is bound to its session.
const purposeSignIn = "sign_in"

func purposeRegister(session string) string { return "register in " + session }

// challenge is a row of passkey_challenges. Instants are seconds since 1970.
type challenge struct {
	Purpose    string `db:"purpose"`
	Collection string `db:"owner_collection"`
	Owner      string `db:"owner"` // empty: whoever's passkey answers
	Data       string `db:"data"`  // pending as JSON
	ExpiresAt  int64  `db:"expires_at"`
	pending
}

// pending is what the answer must fit.
type pending struct {
	Session webauthn.SessionData `json:"session"`
	Waits   string               `json:"waits,omitempty"`   // hash of the token of the proof that waits for this passkey
	BoundTo string               `json:"boundTo,omitempty"` // what that proof may open
	wants
}

// passkeyAnswer is what a browser's authenticator says to a challenge.
type passkeyAnswer struct {
	ChallengeID string
	Credential  json.RawMessage
}

// keepChallenge writes a challenge and gives its id, which is as hard to guess as the challenge itself.
func keepChallenge(app core.App, c challenge) (id string, err error) {
	raw, err := json.Marshal(c.pending)
	if err != nil {
		return "", err
	}
	secret := make([]byte, 32)
	rand.Read(secret)
	id = base64.RawURLEncoding.EncodeToString(secret)
	_, err = app.NonconcurrentDB().NewQuery(`INSERT INTO passkey_challenges(id, purpose, owner_collection, owner, data, expires_at)
		VALUES ({:id}, {:p}, {:c}, {:o}, {:d}, {:e})`).
		Bind(dbx.Params{"id": id, "p": c.Purpose, "c": c.Collection, "o": c.Owner, "d": string(raw), "e": c.ExpiresAt}).Execute()
	return id, err
}

// takeChallenge uses a challenge up: the statement that reads it deletes it. What is dead, or was asked for something
// else, is refused like what never was.
func takeChallenge(app core.App, id, purpose string) (*challenge, error) {
	var c challenge
	err := app.NonconcurrentDB().NewQuery(`DELETE FROM passkey_challenges WHERE id = {:id} AND purpose = {:p}
		RETURNING purpose, owner_collection, owner, data, expires_at`).Bind(dbx.Params{"id": id, "p": purpose}).One(&c)
	if errors.Is(err, sql.ErrNoRows) || err == nil && kernel.Now(app).Unix() >= c.ExpiresAt {
		return nil, passkeyInvalid()
	}
	if err != nil {
		return nil, err
	}
	return &c, json.Unmarshal([]byte(c.Data), &c.pending)
}

// forgetChallenges removes those that nobody answered.
func forgetChallenges(tx core.App, now time.Time) error {
	_, err := tx.NonconcurrentDB().NewQuery("DELETE FROM passkey_challenges WHERE expires_at <= {:t}").
		Bind(dbx.Params{"t": now.Unix()}).Execute()
	return err
}

// relyingParty is the clinic as authenticators know it.
func relyingParty(app core.App) (*webauthn.WebAuthn, error) {
	rp := kernel.ConfigOf(app).RelyingParty()
	if rp.ID == "" {
		return nil, kernel.Unavailable("PASSKEYS_UNAVAILABLE", "Passkeys don't work at this address.")
	}
	return webauthn.New(&webauthn.Config{
		RPID: rp.ID, RPOrigins: []string{rp.Origin}, RPDisplayName: cmp.Or(collections.Settings(app).ClinicName, rp.ID),
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{ResidentKey: protocol.ResidentKeyRequirementRequired,
			RequireResidentKey: protocol.ResidentKeyRequired(), UserVerification: protocol.VerificationRequired},
		// how long the browser asks; the server's own clock is that of the challenge
		Timeouts: webauthn.TimeoutsConfig{Login: webauthn.TimeoutConfig{Timeout: challengeLasts}, Registration: webauthn.TimeoutConfig{Timeout: challengeLasts}},
		// password managers add outputs that nobody asked for; section 9 lets them be ignored
		ExtensionsUnsolicitedOutputPolicy: protocol.UnsolicitedOutputPolicyIgnore,
	})
}

// algorithms that a new key may be of: what every authenticator of the last years has one of.
var algorithms = []protocol.CredentialParameter{
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgES256},
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgEdDSA},
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgRS256},
}

// holder is an account as the library knows one.
type holder struct {
	email  string
	handle []byte
	keys   []webauthn.Credential
}

func (h holder) WebAuthnID() []byte                         { return h.handle }
func (h holder) WebAuthnName() string                       { return h.email }
func (h holder) WebAuthnDisplayName() string                { return h.email }
func (h holder) WebAuthnCredentials() []webauthn.Credential { return h.keys }

func holderOf(account *core.Record, rows ...*collections.PasskeyCredential) (holder, error) {
	h := holder{email: account.Email(), handle: userHandle(account)}
	for _, row := range rows {
		key, err := keyOfRow(row)
		if err != nil {
			return h, err
		}
		h.keys = append(h.keys, key)
	}
	return h, nil
}

// userHandle is the account's name inside authenticators: always the same, and telling nobody anything.
func userHandle(account *core.Record) []byte {
	handle, _ := hex.DecodeString(hashOf("passkey holder", []byte(account.Collection().Name), []byte(account.Id)))
	return handle
}

func keyOfRow(row *collections.PasskeyCredential) (key webauthn.Credential, err error) {
	if key.ID, err = base64.RawURLEncoding.DecodeString(row.CredentialID()); err != nil {
		return key, err
	}
	if key.PublicKey, err = base64.RawURLEncoding.DecodeString(row.PublicKey()); err != nil {
		return key, err
	}
	for _, t := range row.Transports() {
		key.Transport = append(key.Transport, protocol.AuthenticatorTransport(t))
	}
	key.Authenticator.SignCount = uint32(row.SignCount())
	key.Flags.BackupEligible, key.Flags.BackupState = row.DeviceType() == collections.PasskeySynced, row.BackedUp()
	return key, nil
}

// nobodysKey is checked for a passkey that does not exist, so that its refusal takes as long as that of one that does.
var nobodysKey = sync.OnceValues(func() ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	point, err := key.PublicKey.Bytes() // 4, x, y
	if err != nil {
		return nil, err
	}
	return webauthncbor.Marshal(webauthncose.EC2PublicKeyData{
		PublicKeyData: webauthncose.PublicKeyData{KeyType: int64(webauthncose.EllipticKey), Algorithm: int64(webauthncose.AlgES256)},
		Curve:         int64(webauthncose.P256), XCoord: point[1:33], YCoord: point[33:]})
})

// beginPasskey gives a challenge for a sign-in: for whoever's passkey, or, with the token of a proof that waits for its
// second factor, for that account's.
func (d *door) beginPasskey(c *kernel.Call) (*kernel.Reply, error) {
	var in struct{ MFAToken string }
	if err := c.Bind(&in); err != nil {
		return nil, err
	}
	rp, err := relyingParty(c.App)
	if err != nil {
		return nil, err
	}
	ch := challenge{Purpose: purposeSignIn, ExpiresAt: kernel.Now(c.App).Add(challengeLasts).Unix()}
	var options []webauthn.LoginOption
	if in.MFAToken != "" {
		w, account, err := findWaiting(c.App, in.MFAToken)
		if err != nil {
			return nil, err
		}
		rows, err := collections.PasskeysOf(c.App, account)
		if err != nil {
			return nil, err
		}
		if len(rows) == 0 {
			return nil, kernel.Invalid("NO_PASSKEY", "This account has no passkey. Choose another way.")
		}
		h, err := holderOf(account, rows...)
		if err != nil {
			return nil, err
		}
		options = append(options, webauthn.WithAllowedCredentials(webauthn.Credentials(h.keys).CredentialDescriptors()))
		ch.Collection, ch.Owner, ch.ExpiresAt = w.Collection, w.Owner, min(ch.ExpiresAt, w.ExpiresAt)
		ch.Waits, ch.BoundTo, ch.wants = w.TokenHash, w.BoundTo, w.wants()
	}
	request, session, err := rp.BeginDiscoverableLogin(options...)
	if err != nil {
		return nil, err
	}
	session.AllowedCredentialIDs = nil // whose key it must be is checked by its owner
	ch.Session = *session
	id, err := keepChallenge(c.App, ch)
	if err != nil {
		return nil, err
	}
	return kernel.OK(map[string]any{"challengeId": id, "options": request.Response}), nil
}

// finishPasskey signs in by passkey.
func (d *door) finishPasskey(c *kernel.Call) (*kernel.Reply, error) {
	var in struct {
		passkeyAnswer
		RememberDevice bool
	}
	if err := c.Bind(&in); err != nil {
		return nil, err
	}
	a, err := d.provePasskey(c.RequestEvent, in.passkeyAnswer)
	if err != nil {
		return nil, err
	}
	a.Remember = a.Remember || in.RememberDevice
	data, err := d.enter(c.RequestEvent, a)
	if err != nil {
		return nil, err
	}
	return kernel.OK(data), nil
}

// provePasskey checks the answer to a challenge. A wrong one is counted about the address it comes from: nobody guesses
// a key, so no account is locked by it, and an account that wrong passwords have locked stays open to its passkeys.
func (d *door) provePasskey(e *core.RequestEvent, in passkeyAnswer) (*Attempt, error) {
	spray := collections.Settings(d.app).Limit(collections.LimitSignInSpray)
	counters := []counter{{key: keyOf("passkey", kernel.Network(e.RealIP())), most: spray.Max, window: spray.Window(), own: true}}
	if err := refuseGuessing(d.app, e.Response.Header(), counters); err != nil {
		return nil, err
	}
	p, err := d.checkPasskey(in)
	if err == nil && p.cloned {
		err = d.noteCloned(e, p)
	}
	if err == nil {
		return p.attempt(), nil
	}
	var refusal *kernel.Error
	if !errors.As(err, &refusal) || refusal.Status >= 500 {
		return nil, err
	}
	if err := countFailure(d.app, counters, kernel.ActorFrom(e), nil); err != nil {
		return nil, err
	}
	collection := collections.PortalUsers
	if p.account != nil {
		collection = p.account.Collection().Name
	}
	return nil, d.noteRefused(e, audit.Login, collection, p.account, refusal)
}

// proven is a passkey whose signature fits.
type proven struct {
	challenge *challenge
	account   *core.Record // nil: the passkey, or its account, does not exist
	row       *collections.PasskeyCredential
	key       *webauthn.Credential
	cloned    bool // its counter went back, or did not move
}

// checkPasskey follows section 7.2. Where the passkey is unknown it does the same, with nobody's key.
func (d *door) checkPasskey(in passkeyAnswer) (p proven, err error) {
	rp, err := relyingParty(d.app)
	if err != nil {
		return p, err
	}
	if p.challenge, err = takeChallenge(d.app, in.ChallengeID, purposeSignIn); err != nil {
		return p, err
	}
	answer, err := protocol.ParseCredentialRequestResponseBytes(in.Credential)
	if err != nil {
		return p, passkeyInvalid().Because(err)
	}
	h := holder{handle: answer.Response.UserHandle}
	if p.row, p.account, err = passkeyOf(d.app, answer.RawID, p.challenge); err != nil {
		return p, err
	}
	if p.account != nil {
		h, err = holderOf(p.account, p.row)
	} else {
		h.keys = []webauthn.Credential{{ID: answer.RawID}}
		h.keys[0].PublicKey, err = nobodysKey()
	}
	if err != nil {
		return p, err
	}
	if p.challenge.Owner == "" && len(answer.Response.UserHandle) == 0 {
		return p, passkeyInvalid() // nobody was named, neither by us nor by the authenticator
	}
	session := p.challenge.Session
	session.UserID = h.handle
	p.key, err = rp.ValidateLogin(h, session, answer)
	if err != nil || p.account == nil {
		return p, passkeyInvalid().Because(err)
	}
	p.cloned = p.key.Authenticator.CloneWarning
	return p, nil
}

// passkeyOf finds a passkey and its account; neither, when the challenge was made for another account. What it looks up
// is the same for a passkey that does not exist.
func passkeyOf(app core.App, id []byte, ch *challenge) (row *collections.PasskeyCredential, account *core.Record, err error) {
	r, err := app.FindFirstRecordByData(collections.PasskeyCredentials, "credential_id", base64.RawURLEncoding.EncodeToString(id))
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, nil, err
	}
	collection, owner := collections.PortalUsers, "nobodynobody000"
	if err == nil {
		found := collections.AsPasskeyCredential(r)
		if ch.Owner == "" || ch.Owner == found.Owner() && ch.Collection == found.OwnerCollection() {
			row, collection, owner = found, found.OwnerCollection(), found.Owner()
		}
	}
	account, err = app.FindRecordById(collection, owner)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil, nil
	}
	return row, account, err
}

// attempt is the proof, which moves the counter in the transaction of what it opens.
func (p proven) attempt() *Attempt {
	a := &Attempt{Account: p.account, Method: ByPasskey, Remember: p.challenge.Remember}
	a.Spend = func(tx core.App, _ kernel.Actor) error {
		if err := notePasskeyUse(tx, p.row.Id, p.key); err != nil || p.challenge.Waits == "" {
			return err
		}
		if p.challenge.BoundTo != a.BoundTo {
			return waitedTooLong()
		}
		return (&waiting{TokenHash: p.challenge.Waits}).spend(tx)
	}
	return a
}

// notePasskeyUse is bookkeeping beside the sign-in's own line: plain SQL. One statement decides between two who come at
// once, and finds a passkey that was removed meanwhile gone.
func notePasskeyUse(tx core.App, id string, key *webauthn.Credential) error {
	res, err := tx.NonconcurrentDB().NewQuery(`UPDATE passkey_credentials SET sign_count = {:n}, backed_up = {:b}, last_used = {:at}
		WHERE id = {:id} AND (sign_count < {:n} OR sign_count = 0 AND {:n} = 0)`).
		Bind(dbx.Params{"n": key.Authenticator.SignCount, "b": key.Flags.BackupState, "at": kernel.Now(tx).Format(types.DefaultDateLayout), "id": id}).Execute()
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 1 {
		return err
	}
	return passkeyInvalid()
}

// noteCloned tells the clinic and the person of a passkey that counts as if there were two of it (section 6.1.1), and
// refuses it.
func (d *door) noteCloned(e *core.RequestEvent, p proven) error {
	err := d.app.RunInTransaction(func(tx core.App) error {
		if err := audit.Append(tx, audit.EntryFor(kernel.ActorFrom(e), audit.PasskeyCloned, audit.ResourceType(collections.PasskeyCredentials), p.row.Id)); err != nil {
			return err
		}
		return noticeOf(tx, p.account, noticePasskeyCloned)
	})
	if err != nil {
		return err
	}
	return passkeyInvalid()
}

// beginRegistration gives a challenge for a new passkey of who is signed in.
func (d *door) beginRegistration(c *kernel.Call) (*kernel.Reply, error) {
	if err := d.refuseStaleProof(c); err != nil {
		return nil, err
	}
	rp, err := relyingParty(c.App)
	if err != nil {
		return nil, err
	}
	rows, err := collections.PasskeysOf(c.App, c.Auth)
	if err != nil {
		return nil, err
	}
	if len(rows) >= mostPasskeys {
		return nil, tooManyPasskeys()
	}
	h, err := holderOf(c.Auth, rows...)
	if err != nil {
		return nil, err
	}
	creation, session, err := rp.BeginRegistration(h, webauthn.WithCredentialParameters(algorithms),
		webauthn.WithExclusions(webauthn.Credentials(h.keys).CredentialDescriptors()))
	if err != nil {
		return nil, err
	}
	id, err := keepChallenge(c.App, challenge{Purpose: purposeRegister(c.Actor.Session), Collection: c.Auth.Collection().Name, Owner: c.Auth.Id,
		ExpiresAt: kernel.Now(c.App).Add(challengeLasts).Unix(), pending: pending{Session: *session}})
	if err != nil {
		return nil, err
	}
	return kernel.OK(map[string]any{"challengeId": id, "options": creation.Response}), nil
}

// finishRegistration adds a passkey. That the proof was fresh is known from the challenge, which this session got.
func (d *door) finishRegistration(c *kernel.Call) (*kernel.Reply, error) {
	var in struct {
		passkeyAnswer
		Name string
	}
	if err := c.Bind(&in); err != nil {
		return nil, err
	}
	name, err := passkeyName(in.Name)
	if err != nil {
		return nil, err
	}
	rp, err := relyingParty(c.App)
	if err != nil {
		return nil, err
	}
	ch, err := takeChallenge(c.App, in.ChallengeID, purposeRegister(c.Actor.Session))
	if err != nil {
		return nil, notAdded(err)
	}
	key, err := checkRegistration(rp, c.Auth, ch, in.Credential)
	if err != nil {
		return nil, notAdded(err)
	}
	row, err := collections.NewPasskeyCredential(c.App, c.Auth)
	if err != nil {
		return nil, err
	}
	row.Load(map[string]any{"name": cmp.Or(name, nameByDevice(c.Request.UserAgent())), "credential_id": base64.RawURLEncoding.EncodeToString(key.ID),
		"public_key": base64.RawURLEncoding.EncodeToString(key.PublicKey), "sign_count": int64(key.Authenticator.SignCount),
		"aaguid": modelOf(key), "device_type": deviceType(key), "backed_up": key.Flags.BackupState, "transports": transportsOf(key)})
	audit.As(row.Record, audit.AddPasskey)
	err = c.App.RunInTransaction(func(tx core.App) error {
		if _, err := stillSignedIn(tx, c.RequestEvent); err != nil {
			return err
		}
		return kernel.SaveAs(tx, c.Actor, row.Record)
	})
	if err != nil {
		return nil, err
	}
	return kernel.Created(showPasskey(row)).Say("Your passkey is ready."), nil
}

// checkRegistration follows section 7.1. Attestations that were not asked for are not read.
func checkRegistration(rp *webauthn.WebAuthn, account *core.Record, ch *challenge, raw []byte) (*webauthn.Credential, error) {
	answer, err := protocol.ParseCredentialCreationResponseBytes(raw)
	if err != nil {
		return nil, passkeyInvalid().Because(err)
	}
	switch protocol.AttestationFormat(answer.Response.AttestationObject.Format) {
	case protocol.AttestationFormatNone, protocol.AttestationFormatPacked: // packed: signed by the new key itself
	default:
		return nil, passkeyInvalid()
	}
	h, err := holderOf(account)
	if err != nil {
		return nil, err
	}
	key, err := rp.CreateCredential(h, ch.Session, answer)
	if err != nil || len(key.ID) > longestCredentialID {
		return nil, passkeyInvalid().Because(err)
	}
	return key, nil
}

// longestCredentialID in bytes (section 7.1, step 25).
const longestCredentialID = 1023

// modelOf is the AAGUID as it is usually written.
func modelOf(key *webauthn.Credential) string {
	id, err := uuid.FromBytes(key.Authenticator.AAGUID)
	if err != nil {
		return ""
	}
	return id.String()
}

func deviceType(key *webauthn.Credential) string {
	if key.Flags.BackupEligible {
		return collections.PasskeySynced
	}
	return collections.PasskeySingle
}

// transportsOf keeps those of section 5.8.4 and drops what else was said.
func transportsOf(key *webauthn.Credential) []string {
	out := []string{}
	for _, t := range key.Transport {
		switch t {
		case protocol.USB, protocol.NFC, protocol.BLE, protocol.SmartCard, protocol.Hybrid, protocol.Internal:
			out = append(out, string(t))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func passkeyInvalid() *kernel.Error {
	return kernel.Unauthorized("PASSKEY_INVALID", "That passkey didn't work. Try again, or choose another way.")
}

// notAdded says of a new passkey what passkeyInvalid says of one that should sign in: here the caller is signed in.
func notAdded(err error) error {
	if !hasReason(err, "PASSKEY_INVALID") {
		return err
	}
	return kernel.Invalid("PASSKEY_INVALID", "That passkey could not be added. Try again.").Because(err)
}
