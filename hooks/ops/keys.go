package ops

import (
	"path/filepath"

	"anteroom/hooks/kernel"
	"anteroom/hooks/phi"
)

// KeysDir is where the data keys and, without PHI_ENCRYPTION_KEY, the clinic's key lie: beside the data directory
// and never inside it, because whoever gets a backup of the data must not get the keys with it.
func KeysDir(dataDir string) string { return filepath.Clean(dataDir) + ".keys" }

// OpenKeys opens the keyring of a data directory. Only set-up, demo and dev may make a clinic key.
func OpenKeys(cfg kernel.Config, dataDir string, mayCreate bool) (*phi.Keyring, error) {
	file := cfg.KeyFile
	if file == "" {
		file = filepath.Join(KeysDir(dataDir), "clinic.key")
	}
	key, err := phi.LoadClinicKey(cfg.EncryptionKey, file, mayCreate || cfg.IsLocal())
	if err != nil {
		return nil, err
	}
	return phi.OpenKeyring(filepath.Join(KeysDir(dataDir), "keys.db"), key)
}
