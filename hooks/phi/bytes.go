package phi

import (
	"encoding/base64"
	"errors"
)

// known finds a key that must be the subject's.
func (k *Keyring) known(keyID, subject string) (*dataKey, error) {
	key, err := k.forReading(keyID)
	if errors.Is(err, errUnknownKey) || err == nil && key.subject != subject {
		return nil, ErrDamaged
	}
	return key, err
}

func (d *dataKey) sealText(plain, bound []byte) string {
	return sealedPrefix + d.id + "." + base64.RawStdEncoding.EncodeToString(sealWith(d.values, plain, bound))
}

func (d *dataKey) openText(body string, bound []byte) ([]byte, error) {
	sealed, err := base64.RawStdEncoding.Strict().DecodeString(body)
	if err != nil {
		return nil, ErrDamaged
	}
	return openWith(d.values, sealed, bound)
}
