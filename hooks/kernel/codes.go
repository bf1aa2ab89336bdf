package kernel

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"math/big"
)

// NewCode makes six digits to type, such as a mail or a text message carries.
func NewCode() (string, error) {
	n, err := rand.Int(rand.Reader, big.NewInt(1_000_000))
	if err != nil {
		return "", err
	}
	digits := "00000" + n.String()
	return digits[len(digits)-6:], nil
}

// HashOf hashes secrets that are random enough to need no salt; the purpose keeps one from standing for another. A code
// is not: it is hashed with the row, and whatever else it is bound to.
func HashOf(purpose string, parts ...[]byte) string {
	h := sha256.New()
	h.Write([]byte("anteroom " + purpose + " 1"))
	for _, p := range parts {
		h.Write([]byte{0})
		h.Write(p)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// SameHash compares in constant time.
func SameHash(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
