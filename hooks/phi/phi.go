// Package phi keeps protected health information unreadable outside a running Anteroom.
//
// It owns the field type "encrypted", the data keys in keys.db, and the encryption of files and of single values.
// It may touch keys.db, the columns of its own field type and the triggers that guard them; it imports PocketBase
// and nothing of ours.
//
// One random data key belongs to each subject: a client, or the clinic itself for what belongs to no client. Data
// keys lie in keys.db, wrapped by the clinic's key, which is never stored beside them. Everything is AES-256-GCM,
// and what is sealed is bound to its place (collection, record, field; or the name the caller gives), so that a
// value moved to another row, field or file does not open. Destroying a client's data key makes every copy of that
// client's sealed values unreadable, in every backup of the database ever made: so keys.db must stay out of those
// backups (the caller puts it outside the directory that PocketBase zips) and only its latest copy may be kept.
//
// What must never happen:
//   - plaintext in an encrypted column, by any door, raw SQL included (two triggers per column refuse it);
//   - a data key made for a request that was not authorised (sealing happens right before the row is written);
//   - a caller handing in ciphertext;
//   - one unreadable value failing a list, or being overwritten by a form that could not show it;
//   - key material or plaintext in a log or an error.
//
// What encryption does not hide: that a value is there, its approximate length, and who it belongs to. Sealed
// columns cannot be searched or sorted: they compare as ciphertext, and in rules ":changed" is always true for them.
// PocketBase's expand carries the fields of the expanded record to whoever may view that record: collections should
// mark encrypted fields hidden and un-hide them per role in OnRecordEnrich.
package phi

import (
	"errors"
	"fmt"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"
)

// Clinic is the subject of values that belong to no client.
const Clinic = "clinic"

// Errors that opening a sealed value, cell or file can give. Anything else is an operator's problem with keys.db.
var (
	// ErrDamaged: the stored bytes were changed, or belong to another record, field, file or client.
	ErrDamaged = errors.New("the stored value is damaged or does not belong here")
	// ErrErased: the subject's data key was destroyed.
	ErrErased = errors.New("the data key of this subject was destroyed")
)

const storeKey = "anteroom/phi/keyring"

// errNoKeyring is a wiring fault: Bind was not called, or the keyring is closed.
var errNoKeyring = errors.New("phi: no keyring is open")

// Bind gives the app its keyring, guards its encrypted columns, and closes the keyring when the app ends. Call it
// before the app is bootstrapped.
func Bind(app core.App, ring *Keyring) {
	app.Store().Set(storeKey, ring)
	BindGuards(app)

	app.OnBootstrap().Bind(&hook.Handler[*core.BootstrapEvent]{
		Id: "phiKeysPresent",
		Func: func(e *core.BootstrapEvent) error {
			if err := e.Next(); err != nil {
				return err
			}
			return refuseLostKeys(e.App, ring)
		},
	})
	app.OnTerminate().Bind(&hook.Handler[*core.TerminateEvent]{
		Id: "phiCloseKeyring",
		Func: func(e *core.TerminateEvent) error {
			return errors.Join(e.Next(), ring.Close())
		},
		Priority: -100, // the outermost, so that it closes last
	})
}

// KeyringOf returns the keyring bound to the app (or to the app of this transaction).
func KeyringOf(app core.App) (*Keyring, error) {
	ring, ok := app.Store().Get(storeKey).(*Keyring)
	if !ok {
		return nil, errNoKeyring
	}
	return ring, nil
}

// refuseLostKeys stops a start with a fresh keys.db beside a database that holds sealed values. Going on would
// show every value as damaged and mint second keys for clients who have one in the keys.db that was lost.
func refuseLostKeys(app core.App, ring *Keyring) error {
	empty, err := ring.empty()
	if err != nil || !empty {
		return err
	}
	collections, err := app.FindAllCollections(core.CollectionTypeBase, core.CollectionTypeAuth)
	if err != nil {
		return err
	}
	for _, c := range collections {
		for _, f := range encryptedFields(c) {
			var one int
			err := app.ConcurrentDB().Select("(1)").From(c.Name).
				Where(dbx.NewExp("[[" + f.Name + "]] <> ''")).Limit(1).Row(&one)
			if err == nil {
				return fmt.Errorf("%s holds no data keys, but the database holds values sealed with some (%s.%s): put the latest copy of keys.db back, or start in an empty directory; nothing was changed", ring.path, c.Name, f.Name)
			}
			if !isNoRows(err) {
				return err
			}
		}
	}
	return nil
}

func encryptedFields(c *core.Collection) []*EncryptedField {
	var found []*EncryptedField
	for _, field := range c.Fields {
		if f, ok := field.(*EncryptedField); ok {
			found = append(found, f)
		}
	}
	return found
}
