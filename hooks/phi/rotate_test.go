package phi

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/filesystem"
)

func placeOfNote(r *core.Record) string { return "notes|" + r.Id + "|pdf" }

// newClinic is newApp with clients, notes that are frozen as signed documents are, and their sealed files.
func newClinic(t testing.TB, clients, notesEach int) (*core.BaseApp, *Keyring) {
	t.Helper()
	app, ring := newApp(t)
	SealedFiles(app, "notes", "pdf", placeOfNote)
	for i := range clients {
		c := create(t, app, "clients", map[string]any{"name": fmt.Sprint("client ", i), "medical_history": map[string]any{"n": i}})
		for j := range notesEach {
			n := core.NewRecord(must(app.FindCollectionByNameOrId("notes")))
			n.Load(map[string]any{"id": fmt.Sprintf("note%05d%06d", i, j), "client": c.Id, "body": fmt.Sprint("body ", i, " ", j), "memo": "of the clinic", "plain": "kept"})
			if j == 0 {
				n.Set("pdf", sealedText(ring, c.Id, placeOfNote(n), fmt.Sprint("document ", i)))
			}
			ok(t, app.Save(n))
		}
	}
	for _, q := range []string{
		"CREATE TRIGGER notes_frozen BEFORE UPDATE ON notes BEGIN SELECT RAISE(ABORT, 'frozen'); END",
		"CREATE TRIGGER notes_of_others BEFORE UPDATE OF plain, client ON notes WHEN NEW.client <> OLD.client BEGIN SELECT RAISE(ABORT, 'of others'); END",
		"CREATE TRIGGER clients_after AFTER UPDATE OF name, medical_history ON clients BEGIN UPDATE notes SET plain = 'noticed'; END",
	} {
		ok(t, exec(app, q, nil))
	}
	return app, ring
}

func triggersOf(t testing.TB, app core.App) string {
	t.Helper()
	var all []string
	ok(t, app.DB().NewQuery("SELECT name || sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name").Column(&all))
	return strings.Join(all, "\n")
}

// checkClinic says whether everything reads as it was written, under which keys it is, and that files are there once.
func checkClinic(t testing.TB, app core.App, clients, notesEach int) {
	t.Helper()
	records := must(app.FindAllRecords("notes"))
	equal(t, "notes", len(records), clients*notesEach)
	for _, n := range records {
		var i, j int
		_, err := fmt.Sscanf(n.Id, "note%05d%06d", &i, &j)
		ok(t, err)
		equal(t, "body", must(Text(n, "body")), fmt.Sprint("body ", i, " ", j))
		equal(t, "memo", must(Text(n, "memo")), "of the clinic")
		equal(t, "plain", n.GetString("plain"), "kept")
		if j == 0 {
			plain, err := OpenSealedFile(app, n.GetString("client"), placeOfNote(n), n.BaseFilesPath()+"/"+n.GetString("pdf"))
			ok(t, err)
			equal(t, "document", string(plain), fmt.Sprint("document ", i))
		}
	}
	for _, c := range must(app.FindAllRecords("clients")) {
		var h struct{ N int }
		ok(t, Unmarshal(c, "medical_history", &h))
		equal(t, "history", fmt.Sprint("client ", h.N), c.GetString("name"))
	}
}

func filesOnDisk(t testing.TB, app core.App) (names []string) {
	t.Helper()
	ok(t, filepath.WalkDir(filepath.Join(app.DataDir(), "storage"), func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !strings.HasSuffix(path, ".attrs") {
			names = append(names, filepath.Base(path))
		}
		return err
	}))
	return names
}

func keyRows(t testing.TB, ring *Keyring, condition string) (n int) {
	t.Helper()
	ok(t, ring.db.QueryRow("SELECT count(*) FROM data_keys WHERE "+condition).Scan(&n))
	return n
}

func TestRotationSealsEverythingAnewAndForgetsTheOldKeys(t *testing.T) {
	app, ring := newClinic(t, 6, 70)
	var oldWrapped []byte
	ok(t, ring.db.QueryRow("SELECT wrapped FROM data_keys LIMIT 1").Scan(&oldWrapped))
	ok(t, ring.Destroy("erased"))
	triggers, files := triggersOf(t, app), filesOnDisk(t, app)
	stamps := func() (out []string) {
		ok(t, app.DB().NewQuery("SELECT id || name FROM clients ORDER BY id").Column(&out))
		return out
	}
	before := stamps()
	var steps []Progress
	done, err := rotateKeys(context.Background(), app, 0, func(p Progress) { steps = append(steps, p) })
	ok(t, err)

	equal(t, "subjects", done.Subjects, 7) // six clients and the clinic
	equal(t, "values", done.Values, 6+2*6*70)
	equal(t, "files", done.Files, 6)
	equal(t, "forgotten", done.Forgotten, 7)
	equal(t, "kept", done.Kept, 0)
	equal(t, "unreadable", len(done.Unreadable), 0)
	last := steps[len(steps)-1]
	equal(t, "progress", last, Progress{846, 846, 6, 6})
	checkClinic(t, app, 6, 70)
	equal(t, "triggers", triggersOf(t, app), triggers)
	equal(t, "other columns", slices.Equal(stamps(), before), true)
	equal(t, "old keys that open", keyRows(t, ring, "retired <> '' AND wrapped IS NOT NULL"), 0)
	equal(t, "active keys", keyRows(t, ring, "retired = '' AND wrapped IS NOT NULL"), 7)
	for _, suffix := range []string{"", "-wal"} {
		if bytes.Contains(must(os.ReadFile(ring.path+suffix)), oldWrapped) {
			t.Errorf("keys.db%s still holds an old key", suffix)
		}
	}
	now := filesOnDisk(t, app)
	equal(t, "files on disk", len(now), len(files))
	for _, name := range now {
		if slices.Contains(files, name) {
			t.Errorf("the old %s is still there", name)
		}
	}
	if err := exec(app, "UPDATE notes SET plain = 'changed'", nil); err == nil {
		t.Error("the frozen rows are not frozen any more")
	}

	state, err := StateOf(app)
	ok(t, err)
	equal(t, "state", [4]any{state.Clients, state.Erased, state.OldValues, state.Unfinished}, [4]any{6, 1, 0, false})
	again, err := rotateKeys(context.Background(), app, 0, nil)
	ok(t, err)
	equal(t, "the next rotation is a new one", [3]any{again.Resumed, again.Values, again.Files}, [3]any{false, 846, 6})
	checkClinic(t, app, 6, 70)
}

// Whatever ends a rotation, the next run finishes it, and everything opens in between.
func TestARotationThatWasInterruptedGoesOn(t *testing.T) {
	app, ring := newClinic(t, 3, 150)
	triggers := triggersOf(t, app)
	interrupted, total := 0, 0
	for {
		ctx, stop := context.WithCancel(context.Background())
		done, err := rotateKeys(ctx, app, 0, func(Progress) {
			if interrupted < 8 {
				stop()
			}
		})
		stop()
		total += done.Values
		checkClinic(t, app, 3, 150)
		equal(t, "triggers", triggersOf(t, app), triggers)
		equal(t, "resumed", done.Resumed, interrupted > 0)
		if err == nil {
			break
		}
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		state, err := StateOf(app)
		ok(t, err)
		equal(t, "unfinished", state.Unfinished, true)
		// the process that is started next knows only what is on the disk
		ring.mu.Lock()
		clear(ring.byID)
		clear(ring.bySubject)
		ring.mu.Unlock()
		interrupted++
	}
	equal(t, "interrupted", interrupted, 8) // after each batch, and before the old keys are forgotten
	equal(t, "values", total, 3+2*3*150)
	equal(t, "old keys that open", keyRows(t, ring, "retired <> '' AND wrapped IS NOT NULL"), 0)
	equal(t, "files", len(filesOnDisk(t, app)), 3)
	equal(t, "keys", keyRows(t, ring, "TRUE"), 8) // one rotation, however often it was begun
}

// A failure while the triggers are away leaves them as they were, and nothing half done.
func TestTriggersComeBackAfterAFailure(t *testing.T) {
	app, _ := newClinic(t, 1, 2)
	triggers := triggersOf(t, app)
	boom := errors.New("boom")
	err := withoutUpdateTriggers(app, "notes", "body", func(tx core.App) error {
		ok(t, exec(tx, "UPDATE notes SET plain = 'lost'", nil)) // frozen for everybody else
		if inside := triggersOf(t, tx); strings.Contains(inside, "notes_frozen") || !strings.Contains(inside, "notes_of_others") || !strings.Contains(inside, "sealed_") {
			t.Errorf("inside the transaction there are:\n%s", inside)
		}
		if err := exec(tx, "UPDATE notes SET body = 'plaintext'", nil); err == nil {
			t.Error("the guards against plaintext are away too")
		}
		var n int // another connection
		ok(t, app.ConcurrentDB().NewQuery("SELECT count(*) FROM sqlite_master WHERE name = 'notes_frozen'").Row(&n))
		equal(t, "seen by others", n, 1)
		return boom
	})
	if !errors.Is(err, boom) {
		t.Fatal(err)
	}
	equal(t, "triggers", triggersOf(t, app), triggers)
	checkClinic(t, app, 1, 2)
	ok(t, withoutUpdateTriggers(app, "clients", "medical_history", func(tx core.App) error {
		if strings.Contains(triggersOf(t, tx), "clients_after") {
			t.Error("a trigger of this very column stayed")
		}
		return nil
	}))
	equal(t, "triggers", triggersOf(t, app), triggers)
}

// What cannot be opened stays as it is, is named, and keeps its key.
func TestRotationKeepsTheKeyOfWhatItCannotOpen(t *testing.T) {
	app, ring := newClinic(t, 2, 2)
	ok(t, exec(app, "DROP TRIGGER notes_frozen", nil))
	id := "note00000000000"
	damaged := stored(t, app, "notes", "note00000000001", "body") // another record's
	ok(t, exec(app, "UPDATE notes SET body = {:b} WHERE id = {:id}", dbx.Params{"b": damaged, "id": id}))
	done, err := rotateKeys(context.Background(), app, 0, nil)
	ok(t, err)
	equal(t, "unreadable", strings.Join(done.Unreadable, ","), "notes.body of "+id)
	equal(t, "kept", done.Kept, 1)
	equal(t, "forgotten", done.Forgotten, 2)
	equal(t, "the value", stored(t, app, "notes", id, "body"), damaged)
	equal(t, "old keys", keyRows(t, ring, "retired <> '' AND wrapped IS NOT NULL"), 1)
	again, err := rotateKeys(context.Background(), app, 0, nil) // it does not stand in the way of the next one
	ok(t, err)
	equal(t, "a new rotation", again.Resumed, false)
}

// Between storing the new file and naming it in the row, and after naming it: one of both is readable, and the other
// goes with the next run.
func TestFilesSurviveACrash(t *testing.T) {
	app, ring := newClinic(t, 1, 1)
	id := "note00000000000"
	blob := func(name string) { // as UploadFile leaves it
		n := find(t, app, "notes", id)
		storage := must(app.NewFilesystem())
		defer storage.Close()
		ok(t, storage.Upload([]byte("half"), n.BaseFilesPath()+"/"+name))
	}
	f := registeredFiles(app)[0]
	old := stored(t, app, "notes", id, "pdf")
	ok(t, ring.noteSwap(f, id, old, "doc_crashed.pdf"))
	blob("doc_crashed.pdf")
	blob("doc_before.pdf") // swapped, but not deleted
	ok(t, ring.noteSwap(f, id, "doc_before.pdf", old))
	checkClinic(t, app, 1, 1)
	done, err := rotateKeys(context.Background(), app, 0, nil)
	ok(t, err)
	equal(t, "files", done.Files, 1)
	checkClinic(t, app, 1, 1)
	equal(t, "on disk", strings.Join(filesOnDisk(t, app), " "), stored(t, app, "notes", id, "pdf"))
	swaps, err := ring.swaps()
	ok(t, err)
	equal(t, "noted", len(swaps), 0)
}

// A record that was read before a rotation and saved after it keeps its values and brings no old key back.
func TestARecordThatIsSavedAfterARotation(t *testing.T) {
	app, ring := newClinic(t, 1, 1)
	ok(t, exec(app, "DROP TRIGGER notes_frozen", nil))
	ok(t, exec(app, "DROP TRIGGER clients_after", nil))
	stale := find(t, app, "clients", must(app.FindFirstRecordByData("clients", "name", "client 0")).Id)
	opened := find(t, app, "clients", stale.Id)
	var h struct{ N int }
	ok(t, Unmarshal(opened, "medical_history", &h))
	note := find(t, app, "notes", "note00000000000")
	note.Set("body", "changed")
	_, err := rotateKeys(context.Background(), app, 0, nil)
	ok(t, err)

	for _, r := range []*core.Record{stale, opened} {
		r.Set("name", "renamed")
		ok(t, app.Save(r))
	}
	ok(t, Unmarshal(find(t, app, "clients", stale.Id), "medical_history", &h))
	ok(t, app.Save(note))
	equal(t, "changed", must(Text(find(t, app, "notes", note.Id), "body")), "changed")
	equal(t, "untouched", must(Text(find(t, app, "notes", note.Id), "memo")), "of the clinic")
	equal(t, "retired keys in use", must(StateOf(app)).OldValues, 0)

	note.Set("pdf", sealedText(ring, stale.Id, placeOfNote(note), "document 0"))
	ok(t, app.Save(note))
}

// Old rows of an older copy of the data: an operator's problem, not damage and not erasure.
func TestAValueOfAForgottenKey(t *testing.T) {
	app, _ := newClinic(t, 1, 1)
	ok(t, exec(app, "DROP TRIGGER notes_frozen", nil))
	id := "note00000000000"
	was := stored(t, app, "notes", id, "body")
	_, err := rotateKeys(context.Background(), app, 0, nil)
	ok(t, err)
	ok(t, exec(app, "UPDATE notes SET body = {:b}", dbx.Params{"b": was}))
	_, err = Text(find(t, app, "notes", id), "body")
	contains(t, "old value", err, "opens with the copy of keys.db of that time")
	equal(t, "shown", find(t, app, "notes", id).Get("body"), any(Unreadable{Locked}))
}

// Four goroutines write and read the same clients while the keys are replaced three times. Run it with -race.
func TestRotationUnderLoad(t *testing.T) {
	app, ring := newClinic(t, 4, 30)
	ok(t, exec(app, "DROP TRIGGER notes_frozen", nil))
	ok(t, exec(app, "DROP TRIGGER clients_after", nil))
	clients := must(app.FindAllRecords("clients"))
	var stop atomic.Bool
	var wg sync.WaitGroup
	var last [4]atomic.Int64
	for i, c := range clients {
		wg.Go(func() {
			for n := 0; !stop.Load(); n++ {
				r, err := app.FindRecordById("clients", c.Id)
				if err == nil {
					r.Set("medical_history", map[string]any{"n": n})
					err = app.Save(r)
				}
				if err != nil {
					t.Errorf("write: %v", err)
					return
				}
				last[i].Store(int64(n))
				note, err := app.FindRecordById("notes", fmt.Sprintf("note%05d%06d", i, n%30))
				if err != nil {
					t.Error(err)
					return
				}
				if body, err := Text(note, "body"); (err != nil && !errors.Is(err, errForgotten)) || err == nil && body == "" {
					t.Errorf("read: %q %v", body, err)
				}
				err = app.RunInTransaction(func(tx core.App) error { // what is untouched is written back by PocketBase
					inside, err := tx.FindRecordById("notes", note.Id)
					if err != nil {
						return err
					}
					return tx.Save(inside)
				})
				if err != nil {
					t.Errorf("write in a transaction: %v", err)
				}
			}
		})
	}
	for range 3 {
		if _, err := rotateKeys(context.Background(), app, 0, nil); err != nil {
			t.Error(err)
		}
	}
	stop.Store(true)
	wg.Wait()
	for i, c := range clients {
		var h struct{ N int64 }
		ok(t, Unmarshal(find(t, app, "clients", c.Id), "medical_history", &h))
		equal(t, "the last write", h.N, last[i].Load())
	}
	for _, n := range must(app.FindAllRecords("notes")) {
		if _, err := Text(n, "body"); err != nil {
			t.Errorf("%s: %v", n.Id, err)
		}
	}
	equal(t, "values under old keys", must(StateOf(app)).OldValues, 0)
	equal(t, "old keys that open", keyRows(t, ring, "retired <> '' AND wrapped IS NOT NULL"), 0)
}

func TestOneRotationAtATime(t *testing.T) {
	app, _ := newClinic(t, 1, 1)
	var second error
	_, err := rotateKeys(context.Background(), app, 0, func(Progress) {
		_, second = rotateKeys(context.Background(), app, 0, nil)
	})
	ok(t, err)
	if !errors.Is(second, ErrRotating) {
		t.Errorf("the second one: %v", second)
	}
}

func TestErasedClientsGetNoNewKey(t *testing.T) {
	app, ring := newClinic(t, 2, 2)
	gone := must(app.FindFirstRecordByData("clients", "name", "client 1")).Id
	ok(t, ring.Destroy(gone))
	done, err := rotateKeys(context.Background(), app, 0, nil)
	ok(t, err)
	equal(t, "subjects", done.Subjects, 2) // the other client and the clinic
	equal(t, "keys", keysOf(t, ring, gone), 1)
	equal(t, "shown", find(t, app, "notes", "note00001000000").Get("body"), any(Unreadable{Erased}))
	_, yes, err := ring.Destroyed(gone)
	ok(t, err)
	equal(t, "destroyed", yes, true)
}

// A destruction takes the retired keys along, also in the middle of a rotation.
func TestDestructionTakesAllKeysOfASubject(t *testing.T) {
	app, ring := newClinic(t, 1, 250)
	gone := must(app.FindFirstRecordByData("clients", "name", "client 0")).Id
	ctx, stop := context.WithCancel(context.Background())
	_, err := rotateKeys(ctx, app, 0, func(p Progress) {
		if p.Values > 1 {
			stop()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	equal(t, "keys before", keysOf(t, ring, gone), 2)
	ok(t, ring.Destroy(gone))
	equal(t, "keys that open", keyRows(t, ring, "subject = '"+gone+"' AND wrapped IS NOT NULL"), 0)
	for _, n := range must(app.FindAllRecords("notes")) {
		equal(t, "shown", n.Get("body"), any(Unreadable{Erased}))
	}
	done, err := rotateKeys(context.Background(), app, 0, nil)
	ok(t, err)
	equal(t, "resumed", done.Resumed, true)
	equal(t, "unreadable", len(done.Unreadable), 0)
}

const firstSchema = `
CREATE TABLE IF NOT EXISTS data_keys (
	id        TEXT PRIMARY KEY,
	subject   TEXT NOT NULL UNIQUE,
	wrapped   BLOB,
	created   TEXT NOT NULL,
	destroyed TEXT NOT NULL DEFAULT ''
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS proof (
	id      INTEGER PRIMARY KEY CHECK (id = 1),
	wrapped BLOB NOT NULL
) STRICT`

func TestKeysOfTheFirstSchemaGoOn(t *testing.T) {
	path, clinicKey, raw := filepath.Join(t.TempDir(), "keys.db"), newKey(), newKey()
	kek := must(gcm(clinicKey))
	db := must(sql.Open("sqlite", path+"?_pragma=journal_mode(WAL)"))
	for _, q := range []struct {
		text string
		args []any
	}{
		{firstSchema, nil},
		{"INSERT INTO proof(id, wrapped) VALUES (1, ?)", []any{sealWith(kek, nil, bind("proof"))}},
		{"INSERT INTO data_keys(id, subject, wrapped, created) VALUES ('aaaaaaaaaaaaaaaa', 'anna', ?, '2026-01-02T03:04:05Z')", []any{sealWith(kek, raw, bind("data key", "aaaaaaaaaaaaaaaa", "anna"))}},
		{"INSERT INTO data_keys(id, subject, wrapped, created, destroyed) VALUES ('bbbbbbbbbbbbbbbb', 'bob', NULL, '2026-01-02T03:04:05Z', '2026-02-02T03:04:05Z')", nil},
	} {
		_, err := db.Exec(q.text, q.args...)
		ok(t, err)
	}
	ok(t, db.Close())
	key := &dataKey{id: "aaaaaaaaaaaaaaaa", subject: "anna"}
	ok(t, key.unwrap(raw))
	sealed := key.sealText([]byte("old"), bind("bytes", "place", key.id))

	before := must(os.ReadFile(path))
	_, err := OpenKeyring(path, newKey())
	if !errors.Is(err, ErrWrongClinicKey) {
		t.Errorf("another key: %v", err)
	}
	if !bytes.Equal(before, must(os.ReadFile(path))) {
		t.Error("a refused start changed keys.db")
	}
	for range 2 {
		ring, err := OpenKeyring(path, clinicKey)
		ok(t, err)
		plain, err := ring.OpenBytes("anna", "place", sealed)
		ok(t, err)
		equal(t, "old value", string(plain), "old")
		equal(t, "key that seals", must(ring.forWriting("anna")).id, key.id)
		if _, err := ring.forWriting("bob"); !errors.Is(err, ErrErased) {
			t.Errorf("the erased client: %v", err)
		}
		at, yes, err := ring.Destroyed("bob")
		ok(t, err)
		equal(t, "erased", yes && at.Year() == 2026 && at.Month() == 2, true)
		_, err = ring.SealBytes("carol", "place", nil)
		ok(t, err)
		ok(t, ring.Close())
	}
	db = must(sql.Open("sqlite", path))
	_, err = db.Exec("PRAGMA user_version = 99")
	ok(t, errors.Join(err, db.Close()))
	_, err = OpenKeyring(path, clinicKey)
	contains(t, "a newer file", err, "newer Anteroom")
}

func TestNewClinicKey(t *testing.T) {
	path, first, second := filepath.Join(t.TempDir(), "keys.db"), newKey(), newKey()
	ring, err := OpenKeyring(path, first)
	ok(t, err)
	sealed, err := ring.SealBytes("anna", "place", []byte("text"))
	ok(t, err)
	_, err = ring.SealBytes("bob", "place", []byte("text"))
	ok(t, err)

	// a key that does not open stops it, and nothing changed
	var kept []byte
	ok(t, ring.db.QueryRow("SELECT wrapped FROM data_keys WHERE subject = 'bob'").Scan(&kept))
	_, err = ring.db.Exec("UPDATE data_keys SET wrapped = zeroblob(60) WHERE subject = 'bob'")
	ok(t, err)
	contains(t, "a damaged key", ring.RotateClinicKey(second), "nothing was changed")
	_, err = ring.db.Exec("UPDATE data_keys SET wrapped = ? WHERE subject = 'bob'", kept)
	ok(t, err)
	contains(t, "a short key", ring.RotateClinicKey(second[:8]), "32 bytes")

	fingerprint := ring.Fingerprint()
	ok(t, ring.RotateClinicKey(second))
	if ring.Fingerprint() == fingerprint || ring.Fingerprint() != Fingerprint(second) {
		t.Error("the fingerprint")
	}
	// the open keyring goes on, with keys it had in memory and keys it loads or makes now
	ring.mu.Lock()
	clear(ring.byID)
	clear(ring.bySubject)
	ring.mu.Unlock()
	for _, s := range []string{"anna", "carol"} {
		_, err = ring.SealBytes(s, "place", []byte("text"))
		ok(t, err)
	}
	ok(t, ring.Close())
	if _, err = OpenKeyring(path, first); !errors.Is(err, ErrWrongClinicKey) {
		t.Errorf("the old key still opens it: %v", err)
	}
	ring, err = OpenKeyring(path, second)
	ok(t, err)
	defer ring.Close()
	plain, err := ring.OpenBytes("anna", "place", sealed)
	ok(t, err)
	equal(t, "old value", string(plain), "text")
	for _, b := range [][]byte{must(os.ReadFile(path)), must(os.ReadFile(path + "-wal"))} {
		if bytes.Contains(b, kept) {
			t.Error("what the old key opens is still on the disk")
		}
	}
}

func FuzzSplitSealed(f *testing.F) {
	for _, s := range []string{"", "e1.", "e1.aaaaaaaaaaaaaaaa.", "e1.aaaaaaaaaaaaaaaa.AAAA", "e1.aaaaaaaaaaaaaaa.AAAA", "e2.aaaaaaaaaaaaaaaa.AAAA", "e1.\xff\xfe"} {
		f.Add(s)
	}
	ring := newRing(f)
	f.Fuzz(func(t *testing.T, s string) {
		keyID, body, ok := splitSealed(s)
		if ok && (sealedPrefix+keyID+"."+body != s || len(keyID) != keyIDLength) {
			t.Errorf("%q: %q %q", s, keyID, body)
		}
		if _, err := ring.OpenBytes("anna", "place", s); !errors.Is(err, ErrDamaged) {
			t.Errorf("%q opens: %v", s, err)
		}
	})
}

// sealedText is a small file.
func sealedText(ring *Keyring, subject, place, text string) *filesystem.File {
	return NewSealedFile(ring, subject, place, &filesystem.BytesReader{Bytes: []byte(text)}, int64(len(text)))
}
