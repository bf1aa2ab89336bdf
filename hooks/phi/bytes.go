package phi

import (
	"encoding/base64"
	"errors"
)

// SealBytes seals plain for a subject (a client id or Clinic) and a place, any text that names where the value is
// kept (for example "outbox|<id>|payload"). The result is printable and opens only with the same subject and place.
// ErrErased when the subject's key was destroyed.
func (k *Keyring) SealBytes(subject, place string, plain []byte) (string, error) {
	key, err := k.forWriting(subject)
	if err != nil {
		return "", err
	}
	return key.sealText(plain, bind("bytes", place, key.id)), nil
}

// OpenBytes opens what SealBytes made: ErrDamaged, ErrErased, or an error about keys.db.
func (k *Keyring) OpenBytes(subject, place, sealed string) ([]byte, error) {
	keyID, body, ok := splitSealed(sealed)
	if !ok {
		return nil, ErrDamaged
	}
	key, err := k.known(keyID, subject)
	if err != nil {
		return nil, err
	}
	return key.openText(body, bind("bytes", place, key.id))
}

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
