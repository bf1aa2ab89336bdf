package identity

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/security"

	"anteroom/hooks/kernel"
)

// claimSession names the session inside PocketBase's own tokens.
const claimSession = "sid"

// accessToken makes the token that core.Record.NewAuthToken would make, bound to a session: the same key and claims,
// so that PocketBase, its SDK and the dashboard accept it. It never outlives the session's absolute limit.
func accessToken(app core.App, r *core.Record, x *session) (token string, life time.Duration, err error) {
	c := r.Collection()
	return signed(app, r, x, core.TokenTypeAuth, c.AuthToken, jwt.MapClaims{core.TokenClaimRefreshable: true})
}

// fileToken is the same for PocketBase's protected files.
func fileToken(app core.App, r *core.Record, x *session) (string, error) {
	token, _, err := signed(app, r, x, core.TokenTypeFile, r.Collection().FileToken, jwt.MapClaims{})
	return token, err
}

func signed(app core.App, r *core.Record, x *session, kind string, cfg core.TokenConfig, claims jwt.MapClaims) (string, time.Duration, error) {
	if r.TokenKey() == "" || cfg.Secret == "" {
		return "", 0, core.ErrMissingSigningKey
	}
	claims[core.TokenClaimType] = kind
	claims[core.TokenClaimId] = r.Id
	claims[core.TokenClaimCollectionId] = r.Collection().Id
	claims[claimSession] = x.id
	life := min(cfg.DurationTime(), time.Duration(x.absolute-kernel.Now(app).Unix())*time.Second)
	token, err := security.NewJWT(claims, r.TokenKey()+cfg.Secret, life)
	return token, life, err
}

// bearer reads the header as PocketBase does.
func bearer(r *http.Request) string {
	t := r.Header.Get("Authorization")
	if len(t) > 7 && strings.EqualFold(t[:7], "Bearer ") {
		return t[7:]
	}
	return t
}

// claims are what we read of a token. They are worth nothing until PocketBase has verified the signature.
type claims struct {
	Session    string `json:"sid"`
	Collection string `json:"collectionId"`
	Expires    int64  `json:"exp"`
}

func claimsOf(token string) (c claims) {
	_, rest, _ := strings.Cut(token, ".")
	payload, _, _ := strings.Cut(rest, ".")
	if raw, err := base64.RawURLEncoding.DecodeString(payload); err == nil {
		_ = json.Unmarshal(raw, &c) // garbage names no session
	}
	return c
}

// A refresh token is 16 bytes that its family shares and 32 bytes that are new at each use. The row keeps a hash of
// the first and one of the whole. Who presents the right family with anything but the newest token holds a token
// that was used before, or stolen, however long ago: that is how every reuse is found.
const familyBytes, secretBytes = 16, 32

type refreshToken struct{ family, secret []byte }

func newRefreshToken(family []byte) refreshToken {
	t := refreshToken{family: family, secret: make([]byte, secretBytes)}
	if t.family == nil {
		t.family = make([]byte, familyBytes)
		rand.Read(t.family)
	}
	rand.Read(t.secret)
	return t
}

func parseRefreshToken(s string) (refreshToken, bool) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(raw) != familyBytes+secretBytes {
		return refreshToken{}, false
	}
	return refreshToken{family: raw[:familyBytes], secret: raw[familyBytes:]}, true
}

func (t refreshToken) String() string {
	return base64.RawURLEncoding.EncodeToString(append(t.family[:familyBytes:familyBytes], t.secret...))
}

func (t refreshToken) familyHash() string { return hashOf("refresh family", t.family) }
func (t refreshToken) hash() string       { return hashOf("refresh token", t.family, t.secret) }

// newLink makes the secret of a mailed link, 256 bits, and its hash.
func newLink() (link, hash string) {
	secret := make([]byte, 32)
	rand.Read(secret)
	link = base64.RawURLEncoding.EncodeToString(secret)
	return link, linkHash(link)
}

func linkHash(link string) string { return hashOf("link", []byte(link)) }

// newCode makes six digits.
func newCode() (string, error) {
	return kernel.NewCode()
}

// codeHash is salted with the row it belongs to. A million codes are soon tried by whoever holds the database, but
// that reader holds the secrets of all tokens too; what protects a code is half an hour and five tries.
func codeHash(row, code string) string { return hashOf("code", []byte(row), []byte(code)) }

// hashOf hashes secrets that are random enough to need no salt; the purpose keeps one from standing for another.
func hashOf(purpose string, parts ...[]byte) string { return kernel.HashOf(purpose, parts...) }

func sameHash(a, b string) bool { return kernel.SameHash(a, b) }
