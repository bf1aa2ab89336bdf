package phi

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const keySize = 32

const keyShape = "64 hexadecimal characters, or the base64 of 32 bytes (for example from: openssl rand -hex 32)"

// LoadClinicKey returns the clinic's 32 byte key. env is the value of PHI_ENCRYPTION_KEY and wins when it is set;
// otherwise the key is read from file. Where neither exists and mayCreate holds (demo, development, set-up), a new
// random key is written to file, readable by its owner only. Errors are sentences for the operator and never show
// the key.
func LoadClinicKey(env string, file string, mayCreate bool) ([]byte, error) {
	if strings.TrimSpace(env) != "" {
		key, err := parseKey(env)
		if err != nil {
			return nil, fmt.Errorf("PHI_ENCRYPTION_KEY must be %s", keyShape)
		}
		return key, nil
	}
	if file == "" {
		return nil, fmt.Errorf("no clinic key: set PHI_ENCRYPTION_KEY to %s", keyShape)
	}
	key, err := readKeyFile(file)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	if !mayCreate {
		return nil, fmt.Errorf("no clinic key: set PHI_ENCRYPTION_KEY, or put the key into %s, as %s; keep a copy of it away from this machine", file, keyShape)
	}
	return createKeyFile(file)
}

func parseKey(s string) ([]byte, error) {
	s = strings.TrimSpace(s)
	if key, err := hex.DecodeString(s); err == nil && len(key) == keySize {
		return key, nil
	}
	s = strings.TrimRight(s, "=")
	for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		if key, err := enc.DecodeString(s); err == nil && len(key) == keySize {
			return key, nil
		}
	}
	return nil, errors.New("not a key")
}

func readKeyFile(file string) ([]byte, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	// Group access stays allowed: Kubernetes mounts secrets as root with a group.
	if info.Mode().Perm()&0o007 != 0 {
		return nil, fmt.Errorf("the key file %s is open to every user of this machine: chmod 600 it", file)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	key, err := parseKey(string(text))
	if err != nil {
		return nil, fmt.Errorf("the key file %s must hold %s", file, keyShape)
	}
	return key, nil
}

func createKeyFile(file string) ([]byte, error) {
	key := make([]byte, keySize)
	rand.Read(key)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return nil, err
	}
	// Exclusive: of two starts at once, the second must not replace the key that the first already uses.
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return readKeyFile(file)
	}
	if err != nil {
		return nil, err
	}
	_, err = f.WriteString(hex.EncodeToString(key) + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, fmt.Errorf("the key file %s could not be written: %w", file, err)
	}
	return key, nil
}
