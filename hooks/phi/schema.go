package phi

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"anteroom/hooks/kernel"
)

// keysVersion is the version of keys.db's schema, kept in its user_version.
const keysVersion = 1

// Ids are random, not counted: a keys.db restored from an older copy must not give out an id that sealed values
// already name. WITHOUT ROWID keeps a row in one place, which secure_delete overwrites. A row stays when its key is
// destroyed or forgotten: it says why a value does not open.
//
// rotations has a row for each rotation of the data keys; the last one is unfinished when it was interrupted.
// file_swaps are sealed files that a rotation is replacing: of the two names the one that the row does not hold goes.
const keysSchema = `
CREATE TABLE data_keys (
	id        TEXT PRIMARY KEY,
	subject   TEXT NOT NULL,
	wrapped   BLOB,
	created   TEXT NOT NULL,
	retired   TEXT NOT NULL DEFAULT '',
	destroyed TEXT NOT NULL DEFAULT ''
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX data_keys_active ON data_keys(subject) WHERE retired = '';
CREATE INDEX data_keys_subject ON data_keys(subject);
CREATE TABLE IF NOT EXISTS proof (
	id      INTEGER PRIMARY KEY CHECK (id = 1),
	wrapped BLOB NOT NULL
) STRICT;
CREATE TABLE rotations (
	id       INTEGER PRIMARY KEY,
	started  TEXT NOT NULL,
	finished TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE TABLE file_swaps (
	collection TEXT NOT NULL,
	record     TEXT NOT NULL,
	field      TEXT NOT NULL,
	old        TEXT NOT NULL,
	new        TEXT NOT NULL,
	PRIMARY KEY (collection, record, field, new)
) STRICT, WITHOUT ROWID;
PRAGMA user_version = 1`

// prepare proves the clinic's key against the value that the first start left, and then brings the tables to the
// version of this program. It changes nothing when the key is another one.
func (k *Keyring) prepare() error {
	tx, err := k.db.Begin()
	if err != nil {
		return fmt.Errorf("%s cannot be opened: put its latest copy back: %w", k.path, err)
	}
	defer func() { _ = tx.Rollback() }() // after Commit this does nothing
	var version, keys, tables int
	err = tx.QueryRow("PRAGMA user_version").Scan(&version)
	if err == nil {
		err = tx.QueryRow("SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name IN ('data_keys', 'proof')").Scan(&tables)
	}
	if err != nil {
		return fmt.Errorf("%s cannot be read: put its latest copy back: %w", k.path, err)
	}
	switch {
	case version > keysVersion:
		return fmt.Errorf("%s was written by a newer Anteroom: use that one; nothing was changed", k.path)
	case tables > 0:
		if err := tx.QueryRow("SELECT count(*) FROM data_keys").Scan(&keys); err != nil {
			return fmt.Errorf("%s cannot be read: put its latest copy back: %w", k.path, err)
		}
		if err := k.prove(tx, keys); err != nil {
			return err
		}
	}
	if version < keysVersion {
		if err := migrateKeys(tx, tables > 0); err != nil {
			return fmt.Errorf("%s could not be brought to this version: %w", k.path, err)
		}
	}
	if _, err := tx.Exec("INSERT INTO proof(id, wrapped) VALUES (1, ?) ON CONFLICT(id) DO NOTHING", sealWith(k.kek, nil, bind("proof"))); err != nil {
		return err
	}
	return tx.Commit()
}

// prove refuses another clinic key than the one that keys.db was made with.
func (k *Keyring) prove(tx *sql.Tx, keys int) error {
	var wrapped []byte
	err := tx.QueryRow("SELECT wrapped FROM proof").Scan(&wrapped)
	switch {
	case isNoRows(err) && keys > 0:
		return fmt.Errorf("%s holds data keys but no proof of its clinic key: it is damaged, put its latest copy back", k.path)
	case isNoRows(err):
		return nil
	case err != nil:
		return err
	}
	if _, err := openWith(k.kek, wrapped, bind("proof")); err != nil {
		return wrongKey{k.path}
	}
	return nil
}

// Check tells whether keys.db can be read and opens with the clinic's key, for those who ask whether the server is well.
// It makes no key.
func (k *Keyring) Check(ctx context.Context) error {
	var wrapped []byte
	if err := k.db.QueryRowContext(ctx, "SELECT wrapped FROM proof").Scan(&wrapped); err != nil {
		return fmt.Errorf("%s cannot be read: %w", k.path, err)
	}
	k.mu.RLock()
	defer k.mu.RUnlock()
	if _, err := openWith(k.kek, wrapped, bind("proof")); err != nil {
		return wrongKey{k.path}
	}
	return nil
}

// CheckKeys tells whether the keys at path open with the clinic key, as Check does, and changes nothing.
func CheckKeys(ctx context.Context, path string, clinicKey []byte) error {
	kek, err := gcm(clinicKey)
	if err != nil {
		return err
	}
	db, err := kernel.OpenForReading(path)
	if err != nil {
		return err
	}
	k := &Keyring{path: path, db: db, kek: kek}
	return errors.Join(k.Check(ctx), db.Close())
}

// migrateKeys makes the tables, or takes the keys over from the first version, which had one key a subject.
func migrateKeys(tx *sql.Tx, before bool) error {
	if before {
		if _, err := tx.Exec("ALTER TABLE data_keys RENAME TO data_keys_before"); err != nil {
			return err
		}
	}
	if _, err := tx.Exec(keysSchema); err != nil || !before {
		return err
	}
	if _, err := tx.Exec(`INSERT INTO data_keys(id, subject, wrapped, created, destroyed)
		SELECT id, subject, wrapped, created, destroyed FROM data_keys_before`); err != nil {
		return err
	}
	_, err := tx.Exec("DROP TABLE data_keys_before")
	return err
}

// ErrWrongClinicKey: the clinic's key is not the one that keys.db was made with.
var ErrWrongClinicKey error = wrongKey{}

type wrongKey struct{ path string }

func (w wrongKey) Error() string {
	return "the clinic key is not the one that " + w.path + " was made with: give Anteroom the key that was used before (PHI_ENCRYPTION_KEY or the key file); nothing was changed"
}

func (w wrongKey) Is(target error) bool { _, ok := target.(wrongKey); return ok }
