package phi

import (
	"io"

	"github.com/pocketbase/dbx"
	validation "github.com/pocketbase/ozzo-validation/v4"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/filesystem"
	"github.com/pocketbase/pocketbase/tools/hook"
)

// ownerOfFiles is the relation that names the client whose key seals a registered file.
const ownerOfFiles = "client"

// sealedFile is a file field whose content is sealed.
type sealedFile struct {
	collection, field string
	place             func(*core.Record) string
}

const filesKey = "anteroom/phi/files"

// SealedFiles says that a single file field holds files sealed for the record's client, each bound to the place that
// place gives. Rotation, destruction and the counts of both find sealed files by this alone. Call it in Bind.
func SealedFiles(app core.App, collection, field string, place func(*core.Record) string) {
	f := sealedFile{collection, field, place}
	files, _ := app.Store().Get(filesKey).([]sealedFile)
	app.Store().Set(filesKey, append(files[:len(files):len(files)], f))
	app.OnRecordUpdate(collection).Bind(&hook.Handler[*core.RecordEvent]{Id: "phiFileName_" + field, Func: f.keepLatestName})
	app.OnRecordCreateExecute(collection).Bind(&hook.Handler[*core.RecordEvent]{Id: "phiFileKey_" + field, Func: f.refuseOldKey})
	app.OnRecordUpdateExecute(collection).Bind(&hook.Handler[*core.RecordEvent]{Id: "phiFileKey_" + field, Func: f.refuseOldKey})
}

func registeredFiles(app core.App) []sealedFile {
	files, _ := app.Store().Get(filesKey).([]sealedFile)
	return files
}

// keepLatestName lets a record that was read before a rotation gave its file another name be saved after it: PocketBase
// would refuse the name of before.
func (f sealedFile) keepLatestName(e *core.RecordEvent) error {
	if name, ok := e.Record.GetRaw(f.field).(string); ok && name != "" && name == e.Record.Original().GetString(f.field) {
		var latest string
		err := e.App.DB().Select(f.field).From(f.collection).Where(dbx.HashExp{"id": e.Record.Id}).Row(&latest)
		if err != nil && !isNoRows(err) {
			return err
		}
		if err == nil && latest != name {
			e.Record.SetRaw(f.field, latest)
		}
	}
	return e.Next()
}

// refuseOldKey keeps a file out that was sealed before a rotation replaced the key: the rotation has perhaps passed by
// here already and will forget that key. The file is sealed again and comes back.
func (f sealedFile) refuseOldKey(e *core.RecordEvent) error {
	ring, err := KeyringOf(e.App)
	if err != nil {
		return err
	}
	defer ring.writes.enter()()
	for _, file := range e.Record.GetUnsavedFiles(f.field) {
		keyID, err := keyOf(file.Reader.Open())
		if err != nil {
			return validation.Errors{f.field: validation.NewError("validation_not_sealed", "Only a sealed file can be stored here.")}
		}
		if key, err := ring.known(keyID, e.Record.GetString(ownerOfFiles)); err != nil || key.retired {
			return validation.Errors{f.field: validation.NewError("validation_key_replaced", "The clinic's keys were replaced at this moment. Please send the file again.")}
		}
	}
	return e.Next()
}

// keyOfFile reads which key a stored file names.
func keyOfFile(storage *filesystem.System, fileKey string) (string, error) {
	r, err := storage.GetReader(fileKey)
	if err != nil {
		return "", err
	}
	return keyOf(r, nil)
}

// keyOf reads which key a sealed file names: ErrDamaged when it is no sealed file.
func keyOf(r io.ReadCloser, err error) (string, error) {
	if err != nil {
		return "", err
	}
	defer r.Close()
	header := make([]byte, len(fileMagic)+keyIDLength)
	if _, err := io.ReadFull(r, header); err != nil {
		return "", damagedAtEnd(err)
	}
	id := string(header[len(fileMagic):])
	if string(header[:len(fileMagic)]) != fileMagic || !isKeyID(id) {
		return "", ErrDamaged
	}
	return id, nil
}

// count gives the number of records that hold a file.
func (f sealedFile) count(app core.App) (n int, err error) {
	err = app.ConcurrentDB().Select("count(*)").From(f.collection).Where(dbx.NewExp("[[" + f.field + "]] <> ''")).Row(&n)
	return n, err
}

// after gives the next records that hold a file, by id.
func (f sealedFile) after(app core.App, id string, most int64) (records []*core.Record, err error) {
	err = app.RecordQuery(f.collection).AndWhere(dbx.NewExp("[["+f.field+"]] <> '' AND [[id]] > {:after}", dbx.Params{"after": id})).
		OrderBy("id").Limit(most).All(&records)
	return records, err
}

// Held is what is sealed for a subject in one place.
type Held struct {
	Collection, Field string
	Values            int
	Files             bool // the values are files
}

// HeldFor counts what is sealed for a subject: cells by field, then registered files. Counting needs no key.
func HeldFor(app core.App, subject string) ([]Held, error) {
	places, err := sealedColumns(app)
	if err != nil {
		return nil, err
	}
	var out []Held
	add := func(h Held, owner string) error {
		err := app.ConcurrentDB().Select("count(*)").From(h.Collection).
			Where(dbx.NewExp("[["+h.Field+"]] <> '' AND [["+owner+"]] = {:s}", dbx.Params{"s": subject})).Row(&h.Values)
		if err == nil && h.Values > 0 {
			out = append(out, h)
		}
		return err
	}
	for _, p := range places {
		if p.field.Owner == "" {
			continue
		}
		if err := add(Held{Collection: p.collection.Name, Field: p.field.Name}, p.field.Owner); err != nil {
			return nil, err
		}
	}
	for _, f := range registeredFiles(app) {
		if err := add(Held{Collection: f.collection, Field: f.field, Files: true}, ownerOfFiles); err != nil {
			return nil, err
		}
	}
	return out, nil
}
