package ops

import (
	"errors"
	"path/filepath"

	"anteroom/hooks/kernel"
	"anteroom/hooks/phi"
)

// KeysDir is where the data keys and, without PHI_ENCRYPTION_KEY, the clinic's key lie: beside the data directory
// and never inside it, because whoever gets a backup of the data must not get the keys with it.
func KeysDir(dataDir string) string { return filepath.Clean(dataDir) + ".keys" }

// OpenKeys opens the keyring of a data directory. Only set-up, demo and dev may make a clinic key. When a rotation of
// the clinic's key ended between keys.db and the default key file, it is finished here.
func OpenKeys(cfg kernel.Config, dataDir string, mayCreate bool) (*phi.Keyring, error) {
	file := cfg.KeyFile
	if file == "" {
		file = defaultKeyFile(dataDir)
	}
	key, err := phi.LoadClinicKey(cfg.EncryptionKey, file, mayCreate || cfg.IsLocal())
	if err != nil {
		return nil, err
	}
	path := filepath.Join(KeysDir(dataDir), "keys.db")
	ring, err := phi.OpenKeyring(path, key)
	if !errors.Is(err, phi.ErrWrongClinicKey) || cfg.EncryptionKey != "" || cfg.KeyFile != "" {
		return ring, err
	}
	pending, pendingErr := phi.LoadClinicKey("", pendingKeyFile(dataDir), false)
	if pendingErr != nil {
		return nil, err
	}
	ring, pendingErr = phi.OpenKeyring(path, pending)
	if pendingErr != nil {
		return nil, err
	}
	if _, err := takePendingKey(dataDir); err != nil {
		return nil, errors.Join(err, ring.Close())
	}
	return ring, nil
}
