package phi

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	_ "modernc.org/sqlite" // the driver PocketBase uses
)

// Keyring is keys.db: the random data keys of every subject, wrapped by the clinic's key. A subject has one active
// key, which seals, and retired ones, which only open what is not sealed anew yet (see RotateKeys). All methods may be
// called from many goroutines. One process at a time may hold it open for writing.
type Keyring struct {
	path string
	db   *sql.DB

	mu          sync.RWMutex
	kek         cipher.AEAD // the clinic's key
	fingerprint string      // of the clinic's key
	byID        map[string]*dataKey
	bySubject   map[string]*dataKey // active keys

	writes   writes
	rotating sync.Mutex
}

// dataKey is an unwrapped key, or the memory that there was one.
type dataKey struct {
	id, subject string
	raw         []byte      // nil once destroyed or forgotten
	values      cipher.AEAD // for cells; files derive a key of their own each
	retired     bool        // another one seals for the subject now
	destroyed   bool
}

// gone tells why a key without material does not open anything.
func (d *dataKey) gone() error {
	switch {
	case d.raw != nil:
		return nil
	case d.destroyed:
		return ErrErased
	}
	return errForgotten
}

// OpenKeyring opens path, and makes it when it is not there. It refuses a clinic key that is not the one path was
// made with, and changes nothing then.
func OpenKeyring(path string, clinicKey []byte) (*Keyring, error) {
	if len(clinicKey) != keySize {
		return nil, fmt.Errorf("the clinic key must be %d bytes long", keySize)
	}
	kek, err := gcm(clinicKey)
	if err != nil {
		return nil, err
	}
	if err := createPrivate(path); err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", path+"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=secure_delete(ON)&_txlock=immediate")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	k := &Keyring{path: path, db: db, kek: kek, fingerprint: Fingerprint(clinicKey), byID: map[string]*dataKey{}, bySubject: map[string]*dataKey{}}
	k.writes.begin()
	if err := k.prepare(); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	openKeyrings.add(k)
	return k, nil
}

// createPrivate makes an empty file that only its owner can read; SQLite gives its log the same mode.
func createPrivate(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// Close closes keys.db. Sealed values read as locked afterwards. Closing twice is harmless.
func (k *Keyring) Close() error {
	openKeyrings.remove(k)
	k.mu.Lock()
	defer k.mu.Unlock()
	clear(k.byID)
	clear(k.bySubject)
	return k.db.Close()
}

func (k *Keyring) empty() (bool, error) {
	var some bool
	err := k.db.QueryRow("SELECT EXISTS (SELECT 1 FROM data_keys)").Scan(&some)
	return !some, err
}

// forReading finds the key that a sealed value names. ErrErased when it was destroyed, errUnknownKey when this
// keyring never had it.
func (k *Keyring) forReading(id string) (*dataKey, error) {
	k.mu.RLock()
	key := k.byID[id]
	k.mu.RUnlock()
	if key == nil {
		k.mu.Lock()
		defer k.mu.Unlock()
		var err error
		if key, err = k.load("id = ?", id); err != nil {
			return nil, err
		}
	}
	return key, key.gone()
}

// forWriting finds the subject's active key and mints it at first use. The key is on disk before anything can be sealed
// with it; when the row is rolled back an unused key stays, which harms nobody. Call it only for an authorised
// write. ErrErased when the subject's key was destroyed: nothing new is ever stored for an erased client.
func (k *Keyring) forWriting(subject string) (*dataKey, error) {
	if subject == "" {
		return nil, errors.New("phi: no subject to seal for")
	}
	k.mu.RLock()
	key := k.bySubject[subject]
	k.mu.RUnlock()
	if key == nil {
		k.mu.Lock()
		defer k.mu.Unlock()
		var err error
		key, err = k.load("retired = '' AND subject = ?", subject)
		if errors.Is(err, errUnknownKey) {
			key, err = k.mint(subject)
		}
		if err != nil {
			return nil, err
		}
	}
	return key, key.gone()
}

// seals tells whether a sealed value is under a key that seals today.
func (k *Keyring) seals(sealed string) bool {
	keyID, _, ok := splitSealed(sealed)
	if !ok {
		return false
	}
	key, err := k.forReading(keyID)
	return err == nil && !key.retired
}

var (
	errUnknownKey = errors.New("phi: no such data key")
	// errForgotten is read from a copy of the data that is older than a rotation of keys. The copy of keys.db of that
	// time still opens it.
	errForgotten = errors.New("the value is sealed under a key that a rotation has replaced and forgotten: it comes from an older copy of the data and opens with the copy of keys.db of that time")
)

// load unwraps one row and remembers it. The caller holds k.mu.
func (k *Keyring) load(condition, arg string) (*dataKey, error) {
	key := &dataKey{}
	var wrapped []byte
	err := k.db.QueryRow("SELECT id, subject, wrapped, retired <> '', destroyed <> '' FROM data_keys WHERE "+condition, arg).
		Scan(&key.id, &key.subject, &wrapped, &key.retired, &key.destroyed)
	if isNoRows(err) {
		return nil, errUnknownKey
	}
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", k.path, err)
	}
	if wrapped != nil {
		raw, err := openWith(k.kek, wrapped, bind("data key", key.id, key.subject))
		if err != nil {
			return nil, fmt.Errorf("data key %s in %s is damaged", key.id, k.path)
		}
		if err := key.unwrap(raw); err != nil {
			return nil, err
		}
	}
	k.remember(key)
	return key, nil
}

func (k *Keyring) remember(key *dataKey) {
	k.byID[key.id] = key
	if !key.retired {
		k.bySubject[key.subject] = key
	}
}

// mint makes a subject's first key. The caller holds k.mu.
func (k *Keyring) mint(subject string) (*dataKey, error) {
	key, err := k.insertKey(k.db, subject)
	if err != nil {
		return nil, fmt.Errorf("%s cannot take a new data key: %w", k.path, err)
	}
	k.remember(key)
	return key, nil
}

// insertKey writes a new active key. The caller holds k.mu.
func (k *Keyring) insertKey(db interface {
	Exec(string, ...any) (sql.Result, error)
}, subject string) (*dataKey, error) {
	raw := make([]byte, keySize)
	rand.Read(raw)
	key := &dataKey{id: newKeyID(), subject: subject}
	if err := key.unwrap(raw); err != nil {
		return nil, err
	}
	_, err := db.Exec("INSERT INTO data_keys(id, subject, wrapped, created) VALUES (?, ?, ?, ?)",
		key.id, subject, sealWith(k.kek, raw, bind("data key", key.id, subject)), stamp())
	return key, err
}

func stamp() string { return time.Now().UTC().Format(time.RFC3339) }

// Destroy erases a subject for good: all its keys are overwritten in keys.db (secure_delete) and the log behind it is
// emptied. A subject that never had a key cannot get one afterwards either. Destroying again harms nothing.
func (k *Keyring) Destroy(subject string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	tx, err := k.db.Begin()
	if err != nil {
		return fmt.Errorf("%s cannot be written: %w", k.path, err)
	}
	defer func() { _ = tx.Rollback() }() // after Commit this does nothing
	now := stamp()
	_, err = tx.Exec(`UPDATE data_keys SET wrapped = NULL, destroyed = CASE destroyed WHEN '' THEN ? ELSE destroyed END WHERE subject = ?`, now, subject)
	if err == nil {
		_, err = tx.Exec(`INSERT INTO data_keys(id, subject, wrapped, created, destroyed) SELECT ?, ?, NULL, ?, ?
			WHERE NOT EXISTS (SELECT 1 FROM data_keys WHERE subject = ? AND retired = '')`, newKeyID(), subject, now, now, subject)
	}
	if err == nil {
		err = tx.Commit()
	}
	if err != nil {
		return fmt.Errorf("%s cannot be written: %w", k.path, err)
	}
	for id, key := range k.byID {
		if key.subject == subject {
			delete(k.byID, id)
		}
	}
	delete(k.bySubject, subject)
	return k.emptyLog("the data key is destroyed, but another program reads %s and its log still holds the old page: close that program and destroy the key again")
}

// Destroyed tells when the subject's keys were destroyed, and whether they were.
func (k *Keyring) Destroyed(subject string) (at time.Time, yes bool, err error) {
	var text string
	err = k.db.QueryRow("SELECT destroyed FROM data_keys WHERE subject = ? AND retired = ''", subject).Scan(&text)
	if isNoRows(err) || err == nil && text == "" {
		return at, false, nil
	}
	if err == nil {
		at, err = time.Parse(time.RFC3339, text)
	}
	return at, err == nil, err
}

// emptyLog takes what was overwritten out of the write-ahead log too. sentence, with the path, says what it means when
// another program is in the way.
func (k *Keyring) emptyLog(sentence string) error {
	var busy, pages, done int
	if err := k.db.QueryRow("PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &pages, &done); err != nil {
		return err
	}
	if busy != 0 {
		return fmt.Errorf(sentence, k.path)
	}
	return nil
}

// keyrings are all that are open in this process. A record's getter receives neither app nor context, and
// PocketBase gives a field no way to learn the app it was loaded for, so reading finds the keyring by the key id
// that the sealed value carries: ids are random, and only the keyring that minted one knows it. Writing always
// uses the keyring of the app that writes. A server holds one keyring; tests hold one per app. Copies of one
// keys.db open side by side (fixtures) serve each other's reads, so a test that destroys keys makes its own.
type keyrings struct {
	mu   sync.RWMutex
	open []*Keyring
}

var openKeyrings keyrings

func (s *keyrings) add(k *Keyring) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = append(s.open, k)
}

func (s *keyrings) remove(k *Keyring) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = slices.DeleteFunc(s.open, func(o *Keyring) bool { return o == k })
}

// find returns the key with this id. An id that no keyring ever gave out is damage.
func (s *keyrings) find(id string) (*dataKey, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if len(s.open) == 0 {
		return nil, errNoKeyring
	}
	result := ErrDamaged
	for _, k := range slices.Backward(s.open) {
		key, err := k.forReading(id)
		if err == nil {
			return key, nil
		}
		if !errors.Is(err, errUnknownKey) {
			result = err
		}
	}
	return nil, result
}

const keyIDBytes = 10

// keyIDText gives 16 characters of [a-z2-7].
var keyIDText = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

var keyIDLength = keyIDText.EncodedLen(keyIDBytes)

func newKeyID() string {
	id := make([]byte, keyIDBytes)
	rand.Read(id)
	return keyIDText.EncodeToString(id)
}

// unwrap takes the raw key and derives from it what seals values.
func (d *dataKey) unwrap(raw []byte) error {
	derived, err := hkdf.Key(sha256.New, raw, nil, "anteroom v1 values", keySize)
	if err != nil {
		return err
	}
	d.raw = raw
	d.values, err = gcm(derived)
	return err
}

// Sizes of AES-GCM, NIST SP 800-38D.
const (
	gcmNonceSize = 12
	gcmTagSize   = 16
)

func gcm(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// sealWith returns nonce and ciphertext in one.
func sealWith(aead cipher.AEAD, plain, bound []byte) []byte {
	nonce := make([]byte, gcmNonceSize, gcmNonceSize+len(plain)+gcmTagSize)
	rand.Read(nonce)
	return aead.Seal(nonce, nonce, plain, bound)
}

// openWith undoes sealWith, or returns ErrDamaged.
func openWith(aead cipher.AEAD, sealed, bound []byte) ([]byte, error) {
	if len(sealed) < gcmNonceSize {
		return nil, ErrDamaged
	}
	plain, err := aead.Open(nil, sealed[:gcmNonceSize], sealed[gcmNonceSize:], bound)
	if err != nil {
		return nil, ErrDamaged
	}
	return plain, nil
}

// bind makes associated data out of parts; lengths keep ("ab", "c") and ("a", "bc") apart.
func bind(parts ...string) []byte {
	n := 0
	for _, p := range parts {
		n += 4 + len(p)
	}
	b := make([]byte, 0, n)
	for _, p := range parts {
		b = binary.BigEndian.AppendUint32(b, uint32(len(p)))
		b = append(b, p...)
	}
	return b
}

func isNoRows(err error) bool { return errors.Is(err, sql.ErrNoRows) }

// sealedPrefix marks the first, and so far only, form of a sealed value: "e1.<key id>.<base64 of nonce, ciphertext>".
const sealedPrefix = "e1."

// splitSealed takes a sealed value apart. By hand: a regular expression here costs ten times the decryption.
func splitSealed(s string) (keyID, body string, ok bool) {
	rest, ok := strings.CutPrefix(s, sealedPrefix)
	if !ok || len(rest) <= keyIDLength || rest[keyIDLength] != '.' {
		return "", "", false
	}
	return rest[:keyIDLength], rest[keyIDLength+1:], true
}
