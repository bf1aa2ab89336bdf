package phi

import (
	"bytes"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestClinicKeyFromTheEnvironment(t *testing.T) {
	key := newKey()
	for name, text := range map[string]string{
		"hex":           hex.EncodeToString(key),
		"capitals":      strings.ToUpper(hex.EncodeToString(key)),
		"base64":        base64.StdEncoding.EncodeToString(key),
		"raw base64":    base64.RawStdEncoding.EncodeToString(key),
		"url base64":    base64.URLEncoding.EncodeToString(key),
		"with a line":   hex.EncodeToString(key) + "\n",
		"within spaces": "  " + base64.StdEncoding.EncodeToString(key) + " ",
	} {
		t.Run(name, func(t *testing.T) {
			got, err := LoadClinicKey(text, filepath.Join(t.TempDir(), "not-there"), false)
			ok(t, err)
			if !bytes.Equal(got, key) {
				t.Error("another key")
			}
		})
	}
	for name, text := range map[string]string{
		"too short":  hex.EncodeToString(key[:31]),
		"too long":   hex.EncodeToString(key) + "00",
		"a password": "correct horse battery staple and more",
		"not hex":    strings.Repeat("g", 64),
		"16 bytes":   base64.StdEncoding.EncodeToString(key[:16]),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := LoadClinicKey(text, "", true)
			contains(t, "refusal", err, "PHI_ENCRYPTION_KEY must be 64 hexadecimal characters")
			if strings.Contains(errText(err), text) {
				t.Error("the key is shown in the error")
			}
		})
	}
	_, err := LoadClinicKey(" \n", "", true)
	contains(t, "nothing at all", err, "no clinic key")
}

func TestClinicKeyFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "conf", "clinic.key")
	_, err := LoadClinicKey("", file, false)
	contains(t, "missing", err, "no clinic key: set PHI_ENCRYPTION_KEY, or put the key into "+file)
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Fatal("a key was made although it may not be")
	}

	key, err := LoadClinicKey("", file, true)
	ok(t, err)
	equal(t, "length", len(key), keySize)
	info, err := os.Stat(file)
	ok(t, err)
	equal(t, "mode", info.Mode().Perm(), os.FileMode(0o600))
	for _, mayCreate := range []bool{true, false} {
		again, err := LoadClinicKey("", file, mayCreate)
		ok(t, err)
		if !bytes.Equal(again, key) {
			t.Error("the second start has another key")
		}
	}

	ok(t, os.Chmod(file, 0o604))
	_, err = LoadClinicKey("", file, true)
	contains(t, "open to everybody", err, "chmod 600")
	ok(t, os.Chmod(file, 0o640)) // a group may read it: mounted secrets are like that
	_, err = LoadClinicKey("", file, false)
	ok(t, err)

	for _, text := range []string{"", "not a key", hex.EncodeToString(key[:20])} {
		ok(t, os.WriteFile(file, []byte(text), 0o600))
		_, err := LoadClinicKey("", file, true)
		contains(t, "malformed", err, "must hold 64 hexadecimal")
		equal(t, "file", string(must(os.ReadFile(file))), text)
	}
	_, err = LoadClinicKey("", t.TempDir(), true)
	if err == nil {
		t.Error("a directory was taken for a key file")
	}
}

// Of many starts at once, all get the same key.
func TestClinicKeyFileIsMadeOnce(t *testing.T) {
	file := filepath.Join(t.TempDir(), "clinic.key")
	var wg sync.WaitGroup
	var mu sync.Mutex
	keys := map[string]bool{}
	for range 20 {
		wg.Go(func() {
			key, err := LoadClinicKey("", file, true)
			if err != nil {
				return // met the file before it was written: refused, not replaced
			}
			mu.Lock()
			defer mu.Unlock()
			keys[string(key)] = true
		})
	}
	wg.Wait()
	equal(t, "keys", len(keys), 1)
}

func TestKeyringRefusesAnotherClinicKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.db")
	right, wrong := newKey(), newKey()
	ring, err := OpenKeyring(path, right)
	ok(t, err)
	sealed, err := ring.SealBytes("anna", "place", []byte("text"))
	ok(t, err)
	ok(t, ring.Close())
	ok(t, ring.Close()) // harmless
	before := must(os.ReadFile(path))

	_, err = OpenKeyring(path, wrong)
	contains(t, "wrong key", err, "the clinic key is not the one that "+path+" was made with")
	if !bytes.Equal(before, must(os.ReadFile(path))) {
		t.Error("a refused start changed keys.db")
	}
	_, err = OpenKeyring(path, right[:16])
	contains(t, "short key", err, "32 bytes")

	ring, err = OpenKeyring(path, right)
	ok(t, err)
	defer ring.Close()
	plain, err := ring.OpenBytes("anna", "place", sealed)
	ok(t, err)
	equal(t, "after reopening", string(plain), "text")
}

func TestKeyringOnDisk(t *testing.T) {
	ring := newRing(t)
	_, err := ring.SealBytes("anna", "place", []byte("text"))
	ok(t, err)
	for _, suffix := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(ring.path + suffix)
		ok(t, err)
		equal(t, "mode of keys.db"+suffix, info.Mode().Perm(), os.FileMode(0o600))
	}
	for pragma, want := range map[string]int{"synchronous": 2, "secure_delete": 1} {
		var got int
		ok(t, ring.db.QueryRow("PRAGMA "+pragma).Scan(&got))
		equal(t, pragma, got, want)
	}
}

func TestDamagedKeyring(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.db")
	ok(t, os.WriteFile(path, bytes.Repeat([]byte("not a database "), 400), 0o600))
	_, err := OpenKeyring(path, newKey())
	contains(t, "no database", err, "put its latest copy back")

	ring := newRing(t)
	sealed, err := ring.SealBytes("anna", "place", []byte("text"))
	ok(t, err)
	_, err = ring.db.Exec("UPDATE data_keys SET wrapped = zeroblob(60)")
	ok(t, err)
	ring.byID, ring.bySubject = map[string]*dataKey{}, map[string]*dataKey{}
	_, err = ring.OpenBytes("anna", "place", sealed)
	contains(t, "damaged data key", err, "is damaged")
	_, err = ring.SealBytes("anna", "place", nil)
	contains(t, "damaged data key is not replaced", err, "is damaged")
	ok(t, ring.Destroy("anna")) // it can still be destroyed
	if _, err = ring.OpenBytes("anna", "place", sealed); !errors.Is(err, ErrErased) {
		t.Errorf("destroyed: %v", err)
	}

	// a key row moved to another subject does not unwrap
	_, err = ring.SealBytes("bob", "place", nil)
	ok(t, err)
	_, err = ring.db.Exec("UPDATE data_keys SET subject = 'carol' WHERE subject = 'bob'")
	ok(t, err)
	_, err = ring.SealBytes("carol", "place", nil)
	contains(t, "moved key", err, "is damaged")

	// the proof gone: whether the clinic key is right cannot be known
	_, err = ring.db.Exec("DELETE FROM proof")
	ok(t, err)
	ok(t, ring.Close())
	_, err = OpenKeyring(ring.path, newKey())
	contains(t, "no proof", err, "no proof of its clinic key")
}

func TestOneKeyForASubjectWhateverHappensAtOnce(t *testing.T) {
	ring := newRing(t)
	var wg sync.WaitGroup
	ids := make([]string, 200)
	for i := range ids {
		wg.Go(func() {
			key, err := ring.forWriting("anna")
			if err != nil {
				t.Error(err)
				return
			}
			ids[i] = key.id
			if _, err := ring.forReading(key.id); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, id := range ids {
		equal(t, "key id", id, ids[0])
	}
	equal(t, "keys", keysOf(t, ring, "anna"), 1)
	if other := must(ring.forWriting("bob")); other.id == ids[0] {
		t.Error("two subjects share a key id")
	}
	if _, err := ring.forWriting(""); err == nil {
		t.Error("a key for nobody")
	}
}

// After Destroy the wrapped key is nowhere in the files, and stays destroyed after a restart.
func TestDestroyedKeyLeavesTheDisk(t *testing.T) {
	ring := newRing(t)
	for _, s := range []string{"anna", "bob", "carol"} {
		_, err := ring.SealBytes(s, "place", []byte("x"))
		ok(t, err)
	}
	var wrapped, kept []byte
	ok(t, ring.db.QueryRow("SELECT wrapped FROM data_keys WHERE subject = 'bob'").Scan(&wrapped))
	ok(t, ring.db.QueryRow("SELECT wrapped FROM data_keys WHERE subject = 'anna'").Scan(&kept))
	onDisk := func(b []byte) bool {
		return bytes.Contains(must(os.ReadFile(ring.path)), b) || bytes.Contains(must(os.ReadFile(ring.path+"-wal")), b)
	}
	equal(t, "on disk before", onDisk(wrapped), true)
	ok(t, ring.Destroy("bob"))
	ok(t, ring.Destroy("bob")) // again
	ok(t, ring.Destroy("nobody yet"))
	equal(t, "on disk after", onDisk(wrapped), false)
	equal(t, "another's key", onDisk(kept), true)

	for _, subject := range []string{"bob", "nobody yet"} {
		if _, err := ring.forWriting(subject); !errors.Is(err, ErrErased) {
			t.Errorf("%s: %v", subject, err)
		}
	}
	key := must(ring.db.Prepare("SELECT destroyed FROM data_keys WHERE subject = 'bob'"))
	defer key.Close()
	var when string
	ok(t, key.QueryRow().Scan(&when))
	if when == "" {
		t.Error("when it was destroyed is not on record")
	}
}

// A reader of keys.db keeps the log from being emptied: that must be said, not passed over.
func TestDestroyTellsOfAReaderInTheWay(t *testing.T) {
	ring := newRing(t)
	_, err := ring.SealBytes("anna", "place", []byte("x"))
	ok(t, err)
	other, err := sql.Open("sqlite", ring.path)
	ok(t, err)
	defer other.Close()
	tx, err := other.Begin()
	ok(t, err)
	defer func() { _ = tx.Rollback() }()
	var n int
	ok(t, tx.QueryRow("SELECT count(*) FROM data_keys").Scan(&n))
	_, err = ring.db.Exec("PRAGMA busy_timeout = 50")
	ok(t, err)
	contains(t, "destroy", ring.Destroy("anna"), "another program reads")
	if _, err := ring.forWriting("anna"); !errors.Is(err, ErrErased) {
		t.Errorf("still: %v", err)
	}
	ok(t, tx.Rollback())
	ok(t, ring.Destroy("anna"))
}

// A fresh keys.db beside a database with sealed values means that the right one is lost.
func TestStartIsRefusedWhenKeysAreLost(t *testing.T) {
	app, ring := newApp(t)
	ok(t, app.Bootstrap()) // an empty keyring and an empty database are a first start
	create(t, app, "clients", map[string]any{"name": "Anna", "medical_history": "x"})
	ok(t, app.Bootstrap())
	ok(t, app.ResetBootstrapState())
	ok(t, ring.Close())

	fresh := newRing(t)
	Bind(app, fresh)
	err := app.Bootstrap()
	contains(t, "start", err, fresh.path+" holds no data keys")
	contains(t, "start", err, "clients.medical_history")
}

func TestBindClosesTheKeyringAtTheEnd(t *testing.T) {
	app, ring := newApp(t)
	if got := must(KeyringOf(app)); got != ring {
		t.Error("another keyring")
	}
	event := newTerminateEvent(app)
	ok(t, app.OnTerminate().Trigger(event))
	if _, err := ring.empty(); err == nil {
		t.Error("keys.db is still open")
	}
}
