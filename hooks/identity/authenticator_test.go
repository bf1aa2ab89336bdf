package identity

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"testing"

	"github.com/go-webauthn/webauthn/protocol/webauthncbor"
)

// authenticator is a browser and a device in one, in software: it answers challenges of the portal with ES256 keys
// (W3C WebAuthn Level 3, sections 6.1, 6.3.2 and 6.3.3). A test spoils what it likes.
type authenticator struct {
	testing.TB
	origin string
	keys   []*devicePasskey
	flags  byte // of the next answer
	format string
	count  uint32 // added before every answer; 0: a device that does not count

	spoilClient func(client m)          // client data, before it is hashed
	spoilAuth   func(data []byte)       // authenticator data, before it is signed
	spoilAnswer func(response, whole m) // what is sent
}

type devicePasskey struct {
	id, handle []byte
	rp         string
	key        *ecdsa.PrivateKey
	count      uint32
}

const (
	flagUP = 0x01
	flagUV = 0x04
	flagBE = 0x08
	flagBS = 0x10
	flagAT = 0x40
)

func newAuthenticator(t testing.TB) *authenticator {
	return &authenticator{TB: t, origin: "https://portal.example", flags: flagUP | flagUV | flagBE | flagBS, format: "none"}
}

type asked struct {
	ChallengeID string
	Options     struct {
		Challenge string
		RPID      string
		RP        struct{ ID, Name string }
		User      struct{ ID, Name, DisplayName string }

		AllowCredentials, ExcludeCredentials []struct{ ID, Type string }
		AuthenticatorSelection               struct{ ResidentKey, UserVerification string }
		UserVerification, Attestation        string
		PubKeyCredParams                     []struct{ Alg int }
		Timeout                              int
	}
}

func b64(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

func (a *authenticator) client(kind, challenge string) []byte {
	a.Helper()
	client := m{"type": kind, "challenge": challenge, "origin": a.origin, "crossOrigin": false}
	if a.spoilClient != nil {
		a.spoilClient(client)
	}
	raw, err := json.Marshal(client)
	ok(a, err)
	return raw
}

func (a *authenticator) data(k *devicePasskey, flags byte, more []byte) []byte {
	hash := sha256.Sum256([]byte(k.rp))
	k.count += a.count
	out := binary.BigEndian.AppendUint32(append(hash[:], flags), k.count)
	out = append(out, more...)
	if a.spoilAuth != nil {
		a.spoilAuth(out)
	}
	return out
}

func (a *authenticator) answer(challengeID string, k *devicePasskey, response m) m {
	whole := m{"id": b64(k.id), "rawId": b64(k.id), "type": "public-key", "response": response, "clientExtensionResults": m{}}
	if a.spoilAnswer != nil {
		a.spoilAnswer(response, whole)
	}
	return m{"challengeId": challengeID, "credential": whole}
}

// create makes a new passkey.
func (a *authenticator) create(ask asked) m {
	a.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ok(a, err)
	handle, err := base64.RawURLEncoding.DecodeString(ask.Options.User.ID)
	ok(a, err)
	k := &devicePasskey{id: make([]byte, 16), handle: handle, rp: ask.Options.RP.ID, key: key}
	rand.Read(k.id)
	a.keys = append(a.keys, k)
	return a.attest(ask, k)
}

// attest presents a passkey as if it were new.
func (a *authenticator) attest(ask asked, k *devicePasskey) m {
	a.Helper()
	point, err := k.key.PublicKey.Bytes()
	ok(a, err)
	public, err := webauthncbor.Marshal(map[int]any{1: 2, 3: -7, -1: 1, -2: point[1:33], -3: point[33:]})
	ok(a, err)
	attested := bytes.Join([][]byte{make([]byte, 16), binary.BigEndian.AppendUint16(nil, uint16(len(k.id))), k.id, public}, nil)
	client := a.client("webauthn.create", ask.Options.Challenge)
	data := a.data(k, a.flags|flagAT, attested)
	statement := map[string]any{}
	if a.format == "packed" {
		statement = map[string]any{"alg": -7, "sig": k.sign(a, data, client)}
	}
	object, err := webauthncbor.Marshal(map[string]any{"fmt": a.format, "attStmt": statement, "authData": data})
	ok(a, err)
	return a.answer(ask.ChallengeID, k, m{"clientDataJSON": b64(client), "attestationObject": b64(object), "transports": []string{"internal", "hybrid", "by pigeon"}})
}

func (k *devicePasskey) sign(t testing.TB, data, client []byte) []byte {
	t.Helper()
	hash := sha256.Sum256(client)
	digest := sha256.Sum256(append(bytes.Clone(data), hash[:]...))
	sig, err := ecdsa.SignASN1(rand.Reader, k.key, digest[:])
	ok(t, err)
	return sig
}

// get answers a challenge with a passkey.
func (a *authenticator) get(ask asked, k *devicePasskey) m {
	a.Helper()
	client := a.client("webauthn.get", ask.Options.Challenge)
	data := a.data(k, a.flags, nil)
	return a.answer(ask.ChallengeID, k, m{"clientDataJSON": b64(client), "authenticatorData": b64(data), "signature": b64(k.sign(a, data, client)), "userHandle": b64(k.handle)})
}

// NewAuthenticator, Create and Get are for the tests outside the package. ask is the data of a begun ceremony.
func NewAuthenticator(t testing.TB) *authenticator { return newAuthenticator(t) }

func (a *authenticator) Create(ask json.RawMessage) map[string]any {
	a.Helper()
	var in asked
	ok(a, json.Unmarshal(ask, &in))
	return a.create(in)
}

// Get answers with the first passkey that was made.
func (a *authenticator) Get(ask json.RawMessage) map[string]any {
	a.Helper()
	var in asked
	ok(a, json.Unmarshal(ask, &in))
	return a.get(in, a.keys[0])
}
