package phi

import (
	"bytes"
	"context"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/pocketbase/dbx"
	validation "github.com/pocketbase/ozzo-validation/v4"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"
	"github.com/spf13/cast"
)

// FieldTypeEncrypted is the type's name in a collection's JSON. Migrations, which import nothing of ours, write
//
//	{"type":"encrypted","name":"reason","kind":"text","owner":"client","max":2000,"hidden":true}
//
// with FieldsList.AddMarshaledJSON.
const FieldTypeEncrypted = "encrypted"

// PocketBase refuses to load a collection with an unknown field type, so the type is known before any app starts.
func init() {
	core.Fields[FieldTypeEncrypted] = func() core.Field { return &EncryptedField{} }
}

// EncryptedField is a PocketBase field whose column holds only "" or ciphertext.
//
//   - PrepareValue sees what the database holds and nothing else, because the field has a setter; the setter sees
//     what callers send. So ciphertext from a caller and ciphertext from the database never meet.
//   - Opening is lazy, in the getter. PrepareValue cannot open: the record's id and owner may not be loaded yet,
//     and its error would fail the whole list for one bad cell.
//   - Sealing happens in Intercept, after rules and validation, right before the row is written. Not in
//     DriverValue: PocketBase calls that with an unauthorised caller's body to evaluate create rules, and strangers
//     could have data keys minted.
//   - An untouched value is written back byte for byte, so a random nonce never looks like a change.
//
// Get returns a string or types.JSONRaw, and an Unreadable when the value cannot be opened. Text and Unmarshal
// return errors instead.
type EncryptedField struct {
	Name        string `form:"name" json:"name"`
	Id          string `form:"id" json:"id"`
	System      bool   `form:"system" json:"system"`
	Hidden      bool   `form:"hidden" json:"hidden"`
	Presentable bool   `form:"presentable" json:"presentable"` // must stay false
	Help        string `form:"help" json:"help"`
	Required    bool   `form:"required" json:"required"`
	// Max is the longest value: characters of text, bytes of JSON; 0 means 20,000.
	Max int `form:"max" json:"max"`
	// Kind is "text" or "json". It cannot change once the collection exists.
	Kind string `form:"kind" json:"kind"`
	// Owner names the field that holds the client whose key seals the value: a required single relation of this
	// collection, "id" where the record is the client, "" for the clinic's own key. It cannot change either,
	// except to follow a renamed relation.
	Owner string `form:"owner" json:"owner"`
}

var (
	_ core.Field                 = (*EncryptedField)(nil)
	_ core.DriverValuer          = (*EncryptedField)(nil)
	_ core.SetterFinder          = (*EncryptedField)(nil)
	_ core.GetterFinder          = (*EncryptedField)(nil)
	_ core.RecordInterceptor     = (*EncryptedField)(nil)
	_ core.MaxBodySizeCalculator = (*EncryptedField)(nil)
)

func (f *EncryptedField) Type() string     { return FieldTypeEncrypted }
func (f *EncryptedField) GetId() string    { return f.Id }
func (f *EncryptedField) SetId(v string)   { f.Id = v }
func (f *EncryptedField) GetName() string  { return f.Name }
func (f *EncryptedField) SetName(v string) { f.Name = v }
func (f *EncryptedField) GetSystem() bool  { return f.System }
func (f *EncryptedField) SetSystem(v bool) { f.System = v }
func (f *EncryptedField) GetHidden() bool  { return f.Hidden }
func (f *EncryptedField) SetHidden(v bool) { f.Hidden = v }

// ColumnType cannot carry a CHECK, because PocketBase adds columns under a temporary name: see BindGuards.
func (f *EncryptedField) ColumnType(core.App) string { return "TEXT DEFAULT '' NOT NULL" }

// CalculateMaxBodySize allows four bytes a character.
func (f *EncryptedField) CalculateMaxBodySize() int64 { return int64(f.max()) * 4 }

const (
	kindText = "text"
	kindJSON = "json"
)

func (f *EncryptedField) max() int {
	if f.Max > 0 {
		return f.Max
	}
	return 20_000
}

// Unreadable is what Get returns for a value that cannot be opened. Its JSON, {"unreadable":"damaged"}, shows in
// answers in place of the value; sent back by a form it leaves the stored value alone.
type Unreadable struct {
	Reason string `json:"unreadable"`
}

// Reasons of Unreadable.
const (
	Damaged = "damaged" // changed, or moved here from elsewhere
	Erased  = "erased"  // the owner's data key was destroyed
	Locked  = "locked"  // keys.db is missing or unreadable: the operator's problem, the value is still there
)

func (u Unreadable) String() string { return "[" + u.Reason + "]" }

func unreadable(err error) Unreadable {
	switch {
	case errors.Is(err, ErrErased):
		return Unreadable{Erased}
	case errors.Is(err, ErrDamaged):
		return Unreadable{Damaged}
	}
	return Unreadable{Locked}
}

// isMarker recognises an Unreadable that comes back from a form, as JSON or as multipart text.
func isMarker(raw any) bool {
	var reason any
	switch v := raw.(type) {
	case Unreadable:
		return true
	case map[string]any:
		if len(v) == 1 {
			reason = v["unreadable"]
		}
	case string:
		var u struct {
			Reason string `json:"unreadable"`
		}
		if strings.HasPrefix(v, `{"unreadable":`) && json.Unmarshal([]byte(v), &u) == nil {
			reason = u.Reason
		}
	}
	return reason == Damaged || reason == Erased || reason == Locked
}

// Text returns the plaintext of an encrypted text field. The error is ErrDamaged, ErrErased, or about keys.db.
func Text(r *core.Record, field string) (string, error) {
	f, ok := r.Collection().Fields.GetByName(field).(*EncryptedField)
	if !ok {
		return "", errors.New("phi: " + r.Collection().Name + "." + field + " is not an encrypted field")
	}
	return f.open(r)
}

// Unmarshal reads an encrypted JSON field into out, and leaves out alone when the field is empty.
func Unmarshal(r *core.Record, field string, out any) error {
	plain, err := Text(r, field)
	if err != nil || plain == "" {
		return err
	}
	return json.Unmarshal([]byte(plain), out)
}

// OpenCell opens the content of an encrypted column that a plain query read, for hot lists that make no records.
// The ids name the place; owner is the client (or Clinic) whose key it must be under. All of them come from the same
// row and the collection's definition. An empty cell is an empty text. The errors are those of Text.
func OpenCell(collectionID, recordID, fieldID, owner, content string) (string, error) {
	if content == "" {
		return "", nil
	}
	keyID, body, ok := splitSealed(content)
	if !ok {
		return "", ErrDamaged
	}
	key, err := openKeyrings.find(keyID)
	if err != nil {
		return "", err
	}
	if key.subject != owner {
		return "", ErrDamaged
	}
	plain, err := key.openText(body, bind("field", cellPlace(collectionID, recordID, fieldID), key.id))
	return string(plain), err
}

// cell is the raw record value of an encrypted field. Original, Fresh and Clone share it, so it is opened once.
type cell struct {
	sealed string // the column's content; "" when the plaintext is not sealed yet
	given  bool   // the plaintext was given by our process and not read from a row
	fault  error  // why a given value cannot be stored
	raw    any    // what was given, when it is at fault

	mu      sync.Mutex
	plain   string
	known   bool   // plain is the value, proven for place and subject
	place   string // what it was sealed or opened as
	subject string // whom it belonged to then
}

// isEmpty tells of an unsealed cell that there is nothing to seal or to refuse.
func (c *cell) isEmpty() bool { return c.plain == "" && c.fault == nil }

// PrepareValue wraps what the database holds.
func (f *EncryptedField) PrepareValue(_ *core.Record, raw any) (any, error) {
	if s := cast.ToString(raw); s != "" {
		return &cell{sealed: s}, nil
	}
	return nil, nil
}

func (f *EncryptedField) cell(r *core.Record) *cell {
	switch v := r.GetRaw(f.Name).(type) {
	case *cell:
		return v
	case nil:
		return &cell{given: true}
	default: // set by SetRaw, past the setter
		return f.given(v)
	}
}

// given makes a cell out of a caller's value.
func (f *EncryptedField) given(raw any) *cell {
	c := &cell{given: true}
	var err error
	if f.Kind == kindJSON {
		// PocketBase's own normalisation, so that a multipart body reads like a JSON one
		var j types.JSONRaw
		if v, prepErr := (&core.JSONField{}).PrepareValue(nil, raw); prepErr == nil {
			j, _ = v.(types.JSONRaw)
		} else {
			err = prepErr
		}
		if s := strings.TrimSpace(string(j)); s != "null" && s != `""` {
			c.plain = s
		}
	} else {
		c.plain, err = cast.ToStringE(raw)
	}
	if err != nil || isMarker(raw) {
		c.fault = core.ErrInvalidFieldValue
	}
	text := strings.Trim(strings.TrimSpace(c.plain), `"`)
	if keyID, body, ok := splitSealed(text); ok && isKeyID(keyID) && isBase64(body) {
		c.fault = validation.NewError("validation_ciphertext", "Encrypted text cannot be stored as a value.")
	}
	if c.fault != nil {
		c.raw = raw
	}
	return c
}

func isKeyID(s string) bool {
	_, err := keyIDText.DecodeString(s)
	return err == nil
}

func isBase64(s string) bool {
	return strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_=") == ""
}

func (f *EncryptedField) place(r *core.Record) string {
	return cellPlace(r.Collection().Id, r.Id, f.Id)
}

// cellPlace is what a value is bound to. The field's id, not its name: a rename must not orphan every value.
func cellPlace(collectionID, recordID, fieldID string) string {
	return collectionID + "|" + recordID + "|" + fieldID
}

func (f *EncryptedField) subject(r *core.Record) string {
	switch f.Owner {
	case "":
		return Clinic
	case core.FieldNameId:
		return r.Id
	default:
		return cast.ToString(r.GetRaw(f.Owner))
	}
}

// open returns the plaintext.
func (f *EncryptedField) open(r *core.Record) (string, error) {
	c := f.cell(r)
	if c.sealed == "" {
		return c.plain, c.fault
	}
	keyID, body, ok := splitSealed(c.sealed)
	if !ok {
		return "", ErrDamaged
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	// The key is looked up even when the value was opened before: it may have been destroyed since.
	key, err := openKeyrings.find(keyID)
	if errors.Is(err, errForgotten) && c.known && c.place == f.place(r) {
		return c.plain, nil // opened before its key was replaced
	}
	if err != nil {
		c.plain, c.known = "", false
		return "", err
	}
	if !f.belongs(c, key, r) {
		return "", ErrDamaged
	}
	place := f.place(r)
	if c.known {
		if c.place != place && !c.given {
			return "", ErrDamaged // carried to another record in memory
		}
		return c.plain, nil
	}
	plain, err := key.openText(body, bind("field", place, key.id))
	if err != nil {
		return "", err
	}
	c.plain, c.known, c.place, c.subject = string(plain), true, place, key.subject
	return c.plain, nil
}

// belongs tells whether the record may use this key. Normally the key is its owner's. While code moves the record
// to another client, the value is still under the key of the client it was loaded or sealed with. A row that raw
// SQL pointed at another client has neither, and stays closed.
func (f *EncryptedField) belongs(c *cell, key *dataKey, r *core.Record) bool {
	return key.subject == f.subject(r) || key.subject == c.subject ||
		!r.IsNew() && key.subject == f.subject(r.Original())
}

// FindGetter opens the value when it is asked for.
func (f *EncryptedField) FindGetter(key string) core.GetterFunc {
	if key != f.Name {
		return nil
	}
	return func(r *core.Record) any {
		if c := f.cell(r); c.fault != nil {
			return c.raw // PocketBase reads it back before validation refuses it
		}
		plain, err := f.open(r)
		switch {
		case err != nil:
			return unreadable(err)
		case f.Kind == kindJSON && plain == "":
			return types.JSONRaw("null")
		case f.Kind == kindJSON:
			return types.JSONRaw(plain)
		}
		return plain
	}
}

// FindSetter takes a caller's value. An equal value leaves the stored bytes as they are.
func (f *EncryptedField) FindSetter(key string) core.SetterFunc {
	if key != f.Name {
		return nil
	}
	return func(r *core.Record, raw any) {
		if isMarker(raw) {
			return
		}
		next := f.given(raw)
		if now := f.cell(r); now.sealed != "" && next.fault == nil {
			if plain, err := f.open(r); err == nil && f.same(plain, next.plain) {
				return
			}
		}
		r.SetRaw(f.Name, next)
	}
}

func (f *EncryptedField) same(a, b string) bool {
	if a == b || f.Kind != kindJSON {
		return a == b
	}
	var x, y any
	return decodeJSON(a, &x) == nil && decodeJSON(b, &y) == nil && reflect.DeepEqual(x, y)
}

// decodeJSON keeps numbers as they are written: 1.10 and 1.1 are different answers.
func decodeJSON(s string, out any) error {
	d := json.NewDecoder(bytes.NewReader([]byte(s)))
	d.UseNumber()
	return d.Decode(out)
}

// ValidateValue checks a value that was given; a stored one stays as it is, readable or not.
func (f *EncryptedField) ValidateValue(_ context.Context, _ core.App, r *core.Record) error {
	c := f.cell(r)
	switch {
	case c.sealed != "":
		return nil
	case c.fault != nil:
		return c.fault
	case f.Required && f.isEmpty(c.plain):
		return validation.ErrRequired
	case f.Kind == kindText && utf8.RuneCountInString(c.plain) > f.max(),
		f.Kind == kindJSON && len(c.plain) > f.max():
		return validation.NewError("validation_max_length", "Must be no more than {{.max}} character(s).").
			SetParams(map[string]any{"max": f.max()})
	case f.Kind == kindJSON && c.plain != "" && !json.Valid([]byte(c.plain)):
		return validation.NewError("validation_invalid_json", "Must be a valid json value")
	}
	return nil
}

func (f *EncryptedField) isEmpty(plain string) bool {
	return plain == "" || f.Kind == kindJSON && (plain == "{}" || plain == "[]")
}

// Intercept seals right before the row is written: priority 99, outside the transaction that the audit log opens
// at 100, so that minting a key does not hold data.db's writer.
func (f *EncryptedField) Intercept(_ context.Context, app core.App, r *core.Record, action string, next func() error) error {
	if action != core.InterceptorActionCreateExecute && action != core.InterceptorActionUpdateExecute {
		return next()
	}
	ring, err := KeyringOf(app)
	if err != nil {
		return err
	}
	defer ring.writes.enter()()
	if err := f.seal(app, ring, r); err != nil {
		return err
	}
	return next()
}

func (f *EncryptedField) seal(app core.App, ring *Keyring, r *core.Record) error {
	c := f.cell(r)
	if c.sealed != "" && !f.moved(c, r) {
		if ring.seals(c.sealed) {
			return nil
		}
		if !c.given {
			var err error
			if c, err = f.latest(app, r); err != nil || ring.seals(c.sealed) || c.sealed == "" {
				return err
			}
			if _, err := f.open(r); err != nil {
				return nil //nolint:nilerr // damaged, or of no use any more: it stays as it is
			}
		}
	}
	plain, err := f.open(r)
	switch {
	case c.fault != nil:
		return validation.Errors{f.Name: c.fault}
	case err != nil:
		return validation.Errors{f.Name: validation.NewError("validation_unreadable", "The stored value is unreadable and cannot be moved to another record or client.")}
	case plain == "":
		r.SetRaw(f.Name, nil)
		return nil
	case f.Kind == kindJSON && !json.Valid([]byte(plain)): // an invalid value would fail the JSON of whole lists
		return validation.Errors{f.Name: validation.NewError("validation_invalid_json", "Must be a valid json value")}
	}
	subject := f.subject(r)
	if subject == "" {
		return validation.Errors{f.Owner: validation.ErrRequired}
	}
	key, err := ring.forWriting(subject)
	if errors.Is(err, ErrErased) {
		return validation.Errors{f.Name: validation.NewError("validation_erased", "This client's records were erased; nothing new can be stored.")}
	}
	if err != nil {
		return err
	}
	place := f.place(r)
	r.SetRaw(f.Name, &cell{
		sealed: key.sealText([]byte(plain), bind("field", place, key.id)),
		given:  true, plain: plain, known: true, place: place, subject: subject,
	})
	return nil
}

// latest puts into the record what its column holds now. PocketBase writes back every column; a value that nobody
// changed may have been sealed under a key that is retired since.
func (f *EncryptedField) latest(app core.App, r *core.Record) (*cell, error) {
	var content string
	err := app.DB().Select(f.Name).From(r.Collection().Name).Where(dbx.HashExp{"id": r.Id}).Row(&content)
	if isNoRows(err) {
		return f.cell(r), nil
	}
	c := &cell{sealed: content}
	if err == nil {
		r.SetRaw(f.Name, c)
	}
	return c, err
}

// moved tells whether a sealed value must be sealed again, because the record changed its id or its owner.
func (f *EncryptedField) moved(c *cell, r *core.Record) bool {
	if c.given {
		return c.place != f.place(r) || c.subject != f.subject(r)
	}
	if r.IsNew() {
		return true // read from another row; opening it fails
	}
	return f.Owner != "" && f.Owner != core.FieldNameId && f.subject(r) != f.subject(r.Original())
}

// unsealed is what a value that never passed Intercept exports. The guards refuse it, so a path around the hooks
// fails instead of storing plaintext; PocketBase's probe of a create rule only selects it.
const unsealed = "unsealed"

// DriverValue exports what the column is to hold.
func (f *EncryptedField) DriverValue(r *core.Record) (driver.Value, error) {
	c := f.cell(r)
	if c.sealed == "" && !c.isEmpty() {
		return unsealed, nil
	}
	return c.sealed, nil
}

// ValidateSettings refuses what would make stored values unreadable or show them where nobody expects it.
func (f *EncryptedField) ValidateSettings(_ context.Context, app core.App, c *core.Collection) error {
	return validation.ValidateStruct(f,
		validation.Field(&f.Id, validation.By(core.DefaultFieldIdValidationRule)),
		validation.Field(&f.Name, validation.By(core.DefaultFieldNameValidationRule)),
		validation.Field(&f.Help, validation.By(core.DefaultFieldHelpValidationRule)),
		validation.Field(&f.Max, validation.Min(0)),
		validation.Field(&f.Presentable, validation.Empty), // it would put PHI into the labels of relations
		validation.Field(&f.Kind, validation.Required, validation.In(kindText, kindJSON), validation.By(func(any) error {
			if old, _ := f.before(app, c); old != nil && old.Kind != f.Kind {
				return errFixed
			}
			return nil
		})),
		validation.Field(&f.Owner, validation.By(func(any) error {
			if !f.ownerExists(c) {
				return validation.NewError("validation_owner", "Must name a required single relation of this collection.")
			}
			if old, was := f.before(app, c); old != nil && ownerFieldID(was, old.Owner) != ownerFieldID(c, f.Owner) {
				return errFixed
			}
			return nil
		})),
	)
}

var errFixed = validation.NewError("validation_sealed", "Cannot change: stored values would become unreadable. Add a new field instead.")

// before returns the field as it is stored, or nil when it is new.
func (f *EncryptedField) before(app core.App, c *core.Collection) (*EncryptedField, *core.Collection) {
	if c.IsNew() {
		return nil, nil
	}
	was, err := app.FindCollectionByNameOrId(c.Id)
	if err != nil {
		return nil, nil
	}
	old, _ := was.Fields.GetById(f.Id).(*EncryptedField)
	return old, was
}

func (f *EncryptedField) ownerExists(c *core.Collection) bool {
	if slices.Contains([]string{"", core.FieldNameId}, f.Owner) {
		return true
	}
	rel, ok := c.Fields.GetByName(f.Owner).(*core.RelationField)
	return ok && !rel.IsMultiple() && rel.Required
}

func ownerFieldID(c *core.Collection, owner string) string {
	if field := c.Fields.GetByName(owner); field != nil {
		return field.GetId()
	}
	return ""
}
