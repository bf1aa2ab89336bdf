package phi

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/filesystem"
	"github.com/pocketbase/pocketbase/tools/security"
	"github.com/spf13/cast"
)

// Rotation of the data keys (NIST SP 800-57 part 1, section 5.3.6) while the clinic goes on working:
//
//  1. One transaction of keys.db gives every subject a new active key and retires the old one, which still opens.
//  2. Writes that chose an old key before that come to their end; an empty transaction of data.db then waits for the
//     transactions around them. From here on nothing more is stored under a retired key.
//  3. Cells and files under retired keys are sealed anew, a few at a time.
//  4. After a while in which requests with rows of before have ended, retired keys that nothing names any more are
//     forgotten: overwritten in keys.db.
//
// Which key a value is under is written in the value, so a rotation that was interrupted anywhere goes on from what
// there is.
const (
	resealAtOnce = 200             // values in one transaction: other writers come in between
	linger       = 5 * time.Second // how long a request may hold what it read before its value was sealed anew
)

// Progress is how far a rotation is.
type Progress struct{ Values, AllValues, Files, AllFiles int }

// Rotated is what a rotation did.
type Rotated struct {
	Resumed   bool // an interrupted rotation was finished; no new keys were made
	Subjects  int  // data keys that were replaced
	Values    int  // sealed anew
	Files     int  // sealed anew
	Forgotten int  // old keys
	Kept      int  // old keys that something still names, because it could not be opened
	// Unreadable are the places of what could not be opened and stays as it is: "collection.field of record".
	Unreadable []string
}

// ErrRotating: one rotation at a time.
var ErrRotating = errors.New("a rotation of the data keys is running already")

// RotateKeys replaces the data key of every subject, or finishes a rotation that was interrupted. report, which may be
// nil, is called after each batch. What it did is returned with an error too: it goes on from there.
func RotateKeys(ctx context.Context, app core.App, report func(Progress)) (Rotated, error) {
	return rotateKeys(ctx, app, linger, report)
}

func rotateKeys(ctx context.Context, app core.App, wait time.Duration, report func(Progress)) (Rotated, error) {
	ring, err := KeyringOf(app)
	if err != nil {
		return Rotated{}, err
	}
	if !ring.rotating.TryLock() {
		return Rotated{}, ErrRotating
	}
	defer ring.rotating.Unlock()
	if report == nil {
		report = func(Progress) {}
	}
	r := &rotation{ctx: ctx, app: app, ring: ring, report: report}
	return r.done, r.run(wait)
}

type rotation struct {
	ctx    context.Context
	app    core.App
	ring   *Keyring
	report func(Progress)

	retired map[string]string // key id to subject
	named   map[string]bool   // retired keys that a file still names
	at      Progress
	done    Rotated
}

func (r *rotation) run(wait time.Duration) (err error) {
	if r.done.Resumed, r.done.Subjects, err = r.ring.retireAll(); err != nil {
		return err
	}
	r.ring.writes.settle()
	if err := r.app.RunInTransaction(func(core.App) error { return nil }); err != nil {
		return err
	}
	if r.retired, err = r.ring.retiredKeys(); err != nil {
		return err
	}
	r.named = map[string]bool{}
	places, err := sealedColumns(r.app)
	if err != nil {
		return err
	}
	if err := r.count(places); err != nil {
		return err
	}
	for _, p := range places {
		if err := r.resealColumn(p); err != nil {
			return fmt.Errorf("%s.%s: %w", p.collection.Name, p.field.Name, err)
		}
	}
	for _, f := range registeredFiles(r.app) {
		if err := r.resealFiles(f); err != nil {
			return fmt.Errorf("%s.%s: %w", f.collection, f.field, err)
		}
	}
	r.report(r.at)
	select {
	case <-r.ctx.Done():
		return r.ctx.Err()
	case <-time.After(wait):
	}
	if err := r.finishSwaps(); err != nil {
		return err
	}
	return r.forget(places)
}

// sealedColumn is an encrypted field of a collection.
type sealedColumn struct {
	collection *core.Collection
	field      *EncryptedField
}

func sealedColumns(app core.App) ([]sealedColumn, error) {
	collections, err := app.FindAllCollections(core.CollectionTypeBase, core.CollectionTypeAuth)
	if err != nil {
		return nil, err
	}
	var out []sealedColumn
	for _, c := range collections {
		for _, f := range encryptedFields(c) {
			out = append(out, sealedColumn{c, f})
		}
	}
	return out, nil
}

// valuesByKey counts a column's values by the key they name.
func valuesByKey(app core.App, p sealedColumn) (map[string]int, error) {
	var rows []struct {
		Key string `db:"key"`
		N   int    `db:"n"`
	}
	err := app.ConcurrentDB().NewQuery(fmt.Sprintf("SELECT substr([[%s]], %d, %d) AS [[key]], count(*) AS [[n]] FROM {{%s}} WHERE [[%[1]s]] <> '' GROUP BY 1",
		p.field.Name, len(sealedPrefix)+1, keyIDLength, p.collection.Name)).All(&rows)
	out := make(map[string]int, len(rows))
	for _, row := range rows {
		out[row.Key] = row.N
	}
	return out, err
}

func (r *rotation) count(places []sealedColumn) error {
	for _, p := range places {
		counts, err := valuesByKey(r.app, p)
		if err != nil {
			return err
		}
		for key, n := range counts {
			if _, ok := r.retired[key]; ok {
				r.at.AllValues += n
			}
		}
	}
	for _, f := range registeredFiles(r.app) {
		n, err := f.count(r.app)
		if err != nil {
			return err
		}
		r.at.AllFiles += n
	}
	return nil
}

// sealedRow is one value under a retired key.
type sealedRow struct {
	ID      string `db:"id"`
	Owner   string `db:"owner"`
	Content string `db:"content"`
}

// resealColumn walks a column by the record's id and seals anew what is under retired keys.
func (r *rotation) resealColumn(p sealedColumn) error {
	owner := "''"
	if p.field.Owner != "" {
		owner = "[[" + p.field.Owner + "]]"
	}
	query := fmt.Sprintf("SELECT [[id]], %[1]s AS [[owner]], [[%[2]s]] AS [[content]] FROM {{%[3]s}} WHERE [[id]] > {:after} AND [[%[2]s]] <> '' ORDER BY [[id]] LIMIT %[4]d",
		owner, p.field.Name, p.collection.Name, resealAtOnce)
	for after := ""; ; {
		if err := r.ctx.Err(); err != nil {
			return err
		}
		var rows []sealedRow
		if err := r.app.ConcurrentDB().NewQuery(query).Bind(dbx.Params{"after": after}).All(&rows); err != nil {
			return err
		}
		if len(rows) == 0 {
			return nil
		}
		after = rows[len(rows)-1].ID
		rows = slices.DeleteFunc(rows, func(row sealedRow) bool {
			keyID, _, ok := splitSealed(row.Content)
			_, retired := r.retired[keyID]
			return !ok || !retired
		})
		if err := r.resealRows(p, rows); err != nil {
			return err
		}
	}
}

func (r *rotation) resealRows(p sealedColumn, rows []sealedRow) error {
	anew := make(map[string]string, len(rows)) // the record's id to its new value
	for _, row := range rows {
		if p.field.Owner == "" {
			row.Owner = Clinic
		}
		sealed, err := r.resealCell(p, row)
		switch {
		case errors.Is(err, ErrDamaged):
			r.done.Unreadable = append(r.done.Unreadable, p.collection.Name+"."+p.field.Name+" of "+row.ID)
		case errors.Is(err, ErrErased): // meanwhile
		case err != nil:
			return err
		default:
			anew[row.ID] = sealed
		}
	}
	if len(anew) == 0 {
		return nil
	}
	var changed int
	err := withoutUpdateTriggers(r.app, p.collection.Name, p.field.Name, func(tx core.App) error {
		changed = 0
		for _, row := range rows {
			sealed, ok := anew[row.ID]
			if !ok {
				continue
			}
			// A value that somebody changed meanwhile is under the new key already.
			res, err := tx.NonconcurrentDB().Update(p.collection.Name, dbx.Params{p.field.Name: sealed},
				dbx.HashExp{"id": row.ID, p.field.Name: row.Content}).Execute()
			if err != nil {
				return err
			}
			n, err := res.RowsAffected()
			if err != nil {
				return err
			}
			changed += int(n)
		}
		return nil
	})
	if err != nil {
		return err
	}
	r.done.Values += changed
	r.at.Values += len(anew)
	r.report(r.at)
	return nil
}

func (r *rotation) resealCell(p sealedColumn, row sealedRow) (string, error) {
	keyID, body, _ := splitSealed(row.Content)
	old, err := r.ring.known(keyID, row.Owner)
	if err != nil {
		return "", err
	}
	place := cellPlace(p.collection.Id, row.ID, p.field.Id)
	plain, err := old.openText(body, bind("field", place, old.id))
	if err != nil {
		return "", err
	}
	key, err := r.ring.forWriting(row.Owner)
	if err != nil {
		return "", err
	}
	return key.sealText(plain, bind("field", place, key.id)), nil
}

// updateTrigger takes a trigger that watches updates apart: the columns it watches, none for all of them.
var updateTrigger = regexp.MustCompile(`(?is)^\s*CREATE\s+TRIGGER\s+.*?\b(?:BEFORE|AFTER)\s+UPDATE(?:\s+OF\s+(.+?))?\s+ON\s`)

// withoutUpdateTriggers runs write in a transaction in which the table's own triggers on updates of the column are
// away. They freeze what a row says, and the same text under another key says the same. The guards against plaintext
// stay. The triggers are back before the transaction commits: nobody else sees the table without them, and a failure
// leaves them as they were.
func withoutUpdateTriggers(app core.App, table, column string, write func(tx core.App) error) error {
	return app.RunInTransaction(func(tx core.App) error {
		var triggers []struct {
			Name string `db:"name"`
			SQL  string `db:"sql"`
		}
		err := tx.NonconcurrentDB().Select("name", "sql").From("sqlite_master").
			Where(dbx.HashExp{"type": "trigger", "tbl_name": table}).
			AndWhere(dbx.NewExp("name NOT LIKE 'sealed\\_%' ESCAPE '\\'")).OrderBy("rowid").All(&triggers)
		if err != nil {
			return err
		}
		var away []string
		for _, t := range triggers {
			m := updateTrigger.FindStringSubmatch(t.SQL)
			if m == nil || m[1] != "" && !slices.Contains(strings.FieldsFunc(m[1], func(c rune) bool { return strings.ContainsRune(" \t\n,`\"[]", c) }), column) {
				continue
			}
			if _, err := tx.NonconcurrentDB().NewQuery("DROP TRIGGER {{" + t.Name + "}}").Execute(); err != nil {
				return err
			}
			away = append(away, t.SQL)
		}
		if err := write(tx); err != nil {
			return err
		}
		for _, text := range away {
			if _, err := tx.NonconcurrentDB().NewQuery(text).Execute(); err != nil {
				return err
			}
		}
		return nil
	})
}

// resealFiles walks a registered file field and seals anew what is under retired keys.
func (r *rotation) resealFiles(f sealedFile) error {
	storage, err := r.app.NewFilesystem()
	if err != nil {
		return err
	}
	defer storage.Close()
	for after := ""; ; {
		if err := r.ctx.Err(); err != nil {
			return err
		}
		records, err := f.after(r.app, after, 50)
		if err != nil || len(records) == 0 {
			return err
		}
		for _, record := range records {
			if err := r.resealFile(storage, f, record); err != nil {
				return err
			}
			r.at.Files++
		}
		after = records[len(records)-1].Id
		r.report(r.at)
	}
}

func (r *rotation) resealFile(storage *filesystem.System, f sealedFile, record *core.Record) error {
	name := record.GetString(f.field)
	keyID, err := keyOfFile(storage, record.BaseFilesPath()+"/"+name)
	_, retired := r.retired[keyID]
	switch {
	case errors.Is(err, filesystem.ErrNotFound), errors.Is(err, ErrDamaged):
		r.done.Unreadable = append(r.done.Unreadable, f.collection+"."+f.field+" of "+record.Id)
		return nil
	case err != nil || !retired:
		return err
	}
	err = r.swapFile(storage, f, record, name)
	switch {
	case errors.Is(err, ErrErased):
		return nil
	case errors.Is(err, ErrDamaged):
		r.named[keyID] = true
		r.done.Unreadable = append(r.done.Unreadable, f.collection+"."+f.field+" of "+record.Id)
		return nil
	}
	return err
}

// swapFile stores the file under the active key and a new name, and then puts that name into the row. Both names are
// noted in keys.db before: whichever the row does not hold in the end is deleted by finishSwaps.
func (r *rotation) swapFile(storage *filesystem.System, f sealedFile, record *core.Record, old string) error {
	dir, err := os.MkdirTemp("", "anteroom-reseal")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	temporary := filepath.Join(dir, "sealed") // ciphertext alone
	subject, place := record.GetString(ownerOfFiles), f.place(record)
	if err := r.resealInto(storage, record.BaseFilesPath()+"/"+old, subject, place, temporary); err != nil {
		return err
	}
	file, err := filesystem.NewFileFromPath(temporary)
	if err != nil {
		return err
	}
	next := anotherName(old)
	file.Name, file.OriginalName = next, next
	if err := r.ring.noteSwap(f, record.Id, old, next); err != nil {
		return err
	}
	if err := storage.UploadFile(file, record.BaseFilesPath()+"/"+next); err != nil {
		return err
	}
	return withoutUpdateTriggers(r.app, f.collection, f.field, func(tx core.App) error {
		res, err := tx.NonconcurrentDB().Update(f.collection, dbx.Params{f.field: next}, dbx.HashExp{"id": record.Id, f.field: old}).Execute()
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		r.done.Files += int(n)
		return err
	})
}

func (r *rotation) resealInto(storage *filesystem.System, fileKey, subject, place, temporary string) error {
	blob, err := storage.GetReader(fileKey)
	if err != nil {
		return err
	}
	defer blob.Close()
	out, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	plain, into := io.Pipe()
	opened := make(chan error, 1)
	go func() {
		err := r.ring.OpenFile(subject, place, blob, into)
		opened <- err
		_ = into.CloseWithError(err)
	}()
	err = r.ring.SealFile(subject, place, plain, out)
	_ = plain.CloseWithError(err)
	if openErr := <-opened; openErr != nil && !errors.Is(openErr, io.ErrClosedPipe) {
		err = openErr
	}
	return errors.Join(err, out.Close())
}

// anotherName gives a file name of the same kind with another random part.
func anotherName(name string) string {
	ext := filepath.Ext(name)
	base := strings.TrimSuffix(name, ext)
	if i := strings.LastIndexByte(base, '_'); i > 0 {
		base = base[:i]
	}
	return base + "_" + security.RandomStringWithAlphabet(10, "abcdefghijklmnopqrstuvwxyz0123456789") + ext
}

// finishSwaps deletes, of each pair of noted names, the file that the row does not hold.
func (r *rotation) finishSwaps() error {
	swaps, err := r.ring.swaps()
	if err != nil || len(swaps) == 0 {
		return err
	}
	storage, err := r.app.NewFilesystem()
	if err != nil {
		return err
	}
	defer storage.Close()
	for _, s := range swaps {
		c, err := r.app.FindCachedCollectionByNameOrId(s.collection)
		if err != nil {
			return err
		}
		var held string
		err = r.app.ConcurrentDB().Select(s.field).From(s.collection).Where(dbx.HashExp{"id": s.record}).Row(&held)
		if err != nil && !isNoRows(err) {
			return err
		}
		for _, name := range []string{s.old, s.new} {
			if name == held {
				continue
			}
			if err := storage.Delete(c.BaseFilesPath() + "/" + s.record + "/" + name); err != nil && !errors.Is(err, filesystem.ErrNotFound) {
				return err
			}
		}
		if err := r.ring.forgetSwap(s); err != nil {
			return err
		}
	}
	return nil
}

// forget overwrites the retired keys that nothing names any more and ends the rotation.
func (r *rotation) forget(places []sealedColumn) error {
	for _, p := range places {
		counts, err := valuesByKey(r.app, p)
		if err != nil {
			return err
		}
		for key := range counts {
			r.named[key] = true
		}
	}
	var gone []string
	for id := range r.retired {
		if r.named[id] {
			r.done.Kept++
		} else {
			gone = append(gone, id)
		}
	}
	r.done.Forgotten = len(gone)
	return r.ring.endRotation(gone)
}

// retireAll gives every living subject a new active key, in one transaction, unless a rotation is unfinished.
func (k *Keyring) retireAll() (resumed bool, subjects int, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	tx, err := k.db.Begin()
	if err != nil {
		return false, 0, fmt.Errorf("%s cannot be written: %w", k.path, err)
	}
	defer func() { _ = tx.Rollback() }() // after Commit this does nothing
	if err := tx.QueryRow("SELECT EXISTS (SELECT 1 FROM rotations WHERE finished = '')").Scan(&resumed); err != nil || resumed {
		return resumed, 0, err
	}
	rows, err := tx.Query("SELECT subject FROM data_keys WHERE retired = '' AND destroyed = ''")
	if err != nil {
		return false, 0, err
	}
	all, err := texts(rows)
	if err != nil {
		return false, 0, err
	}
	now := stamp()
	if _, err := tx.Exec("UPDATE data_keys SET retired = ? WHERE retired = '' AND destroyed = ''", now); err != nil {
		return false, 0, err
	}
	for _, subject := range all {
		if _, err := k.insertKey(tx, subject); err != nil {
			return false, 0, err
		}
	}
	if _, err := tx.Exec("INSERT INTO rotations(started) VALUES (?)", now); err != nil {
		return false, 0, err
	}
	if err := tx.Commit(); err != nil {
		return false, 0, err
	}
	clear(k.byID)
	clear(k.bySubject)
	return false, len(all), nil
}

func texts(rows *sql.Rows) (out []string, err error) {
	defer rows.Close()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, rows.Err()
}

// retiredKeys are the old keys that still open something, with their subjects.
func (k *Keyring) retiredKeys() (map[string]string, error) {
	rows, err := k.db.Query("SELECT id, subject FROM data_keys WHERE retired <> '' AND wrapped IS NOT NULL")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[string]string{}
	for rows.Next() {
		var id, subject string
		if err := rows.Scan(&id, &subject); err != nil {
			return nil, err
		}
		out[id] = subject
	}
	return out, rows.Err()
}

// endRotation overwrites old keys for good, and marks the rotation finished.
func (k *Keyring) endRotation(gone []string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	tx, err := k.db.Begin()
	if err != nil {
		return fmt.Errorf("%s cannot be written: %w", k.path, err)
	}
	defer func() { _ = tx.Rollback() }() // after Commit this does nothing
	for _, id := range gone {
		if _, err := tx.Exec("UPDATE data_keys SET wrapped = NULL WHERE id = ? AND retired <> ''", id); err != nil {
			return err
		}
	}
	if _, err := tx.Exec("UPDATE rotations SET finished = ? WHERE finished = ''", stamp()); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	for _, id := range gone {
		delete(k.byID, id)
	}
	return k.emptyLog("the old keys are overwritten, but another program reads %s and its log still holds them: close that program; the next write empties the log")
}

type fileSwap struct{ collection, record, field, old, new string }

func (k *Keyring) noteSwap(f sealedFile, record, old, next string) error {
	_, err := k.db.Exec("INSERT INTO file_swaps(collection, record, field, old, new) VALUES (?, ?, ?, ?, ?)", f.collection, record, f.field, old, next)
	return err
}

func (k *Keyring) swaps() (out []fileSwap, err error) {
	rows, err := k.db.Query("SELECT collection, record, field, old, new FROM file_swaps")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var s fileSwap
		if err := rows.Scan(&s.collection, &s.record, &s.field, &s.old, &s.new); err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, rows.Err()
}

func (k *Keyring) forgetSwap(s fileSwap) error {
	_, err := k.db.Exec("DELETE FROM file_swaps WHERE collection = ? AND record = ? AND field = ? AND new = ?", s.collection, s.record, s.field, s.new)
	return err
}

// RotateClinicKey wraps every data key and the proof anew, in one transaction of keys.db: either the old clinic key
// opens it or the new one does. The open keyring goes on with the new one.
func (k *Keyring) RotateClinicKey(clinicKey []byte) error {
	if len(clinicKey) != keySize {
		return fmt.Errorf("the clinic key must be %d bytes long", keySize)
	}
	next, err := gcm(clinicKey)
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	tx, err := k.db.Begin()
	if err != nil {
		return fmt.Errorf("%s cannot be written: %w", k.path, err)
	}
	defer func() { _ = tx.Rollback() }() // after Commit this does nothing
	rows, err := tx.Query("SELECT id FROM data_keys WHERE wrapped IS NOT NULL")
	if err != nil {
		return err
	}
	ids, err := texts(rows)
	if err != nil {
		return err
	}
	for _, id := range ids {
		var subject string
		var wrapped []byte
		if err := tx.QueryRow("SELECT subject, wrapped FROM data_keys WHERE id = ?", id).Scan(&subject, &wrapped); err != nil {
			return err
		}
		bound := bind("data key", id, subject)
		raw, err := openWith(k.kek, wrapped, bound)
		if err != nil {
			return fmt.Errorf("data key %s in %s is damaged: put its latest copy back first; nothing was changed", id, k.path)
		}
		if _, err := tx.Exec("UPDATE data_keys SET wrapped = ? WHERE id = ?", sealWith(next, raw, bound), id); err != nil {
			return err
		}
	}
	if _, err := tx.Exec("UPDATE proof SET wrapped = ?", sealWith(next, nil, bind("proof"))); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	k.kek, k.fingerprint = next, Fingerprint(clinicKey)
	return k.emptyLog("the new key is in force, but another program reads %s and its log still holds what the old key opens: close that program; the next write empties the log")
}

// Fingerprint names a clinic key without telling anything about it: the first 16 hexadecimal characters of an HKDF
// under a label of its own (RFC 5869).
func Fingerprint(clinicKey []byte) string {
	sum, err := hkdf.Key(sha256.New, clinicKey, nil, "anteroom v1 fingerprint", 8)
	if err != nil {
		return ""
	}
	return hex.EncodeToString(sum)
}

// State is what may be told about the keys.
type State struct {
	Fingerprint  string // of the clinic's key
	Clients      int    // with a living data key
	Erased       int    // clients whose keys were destroyed
	OldKeys      int    // retired keys that still open something
	OldValues    int    // values under retired keys
	LastRotation time.Time
	Unfinished   bool // the last rotation was interrupted
}

// StateOf counts.
func StateOf(app core.App) (State, error) {
	ring, err := KeyringOf(app)
	if err != nil {
		return State{}, err
	}
	s := State{Fingerprint: ring.Fingerprint()}
	err = ring.db.QueryRow(`SELECT count(*) FILTER (WHERE retired = '' AND destroyed = '' AND subject <> ?1), count(*) FILTER (WHERE retired = '' AND destroyed <> '')
		FROM data_keys`, Clinic).Scan(&s.Clients, &s.Erased)
	if err != nil {
		return s, err
	}
	var started, finished string
	err = ring.db.QueryRow("SELECT started, finished FROM rotations ORDER BY id DESC LIMIT 1").Scan(&started, &finished)
	if err == nil {
		s.Unfinished = finished == ""
		s.LastRotation = cast.ToTime(started)
	} else if !isNoRows(err) {
		return s, err
	}
	retired, err := ring.retiredKeys()
	if err != nil {
		return s, err
	}
	s.OldKeys = len(retired)
	places, err := sealedColumns(app)
	if err != nil {
		return s, err
	}
	for _, p := range places {
		counts, err := valuesByKey(app, p)
		if err != nil {
			return s, err
		}
		for id, n := range counts {
			if _, ok := retired[id]; ok {
				s.OldValues += n
			}
		}
	}
	return s, nil
}

// Fingerprint is that of the clinic key in use.
func (k *Keyring) Fingerprint() string {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.fingerprint
}
