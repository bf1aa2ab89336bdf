package audit

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"

	"anteroom/hooks/kernel"
)

// exempt collections are bookkeeping: what caused the row is on record, and nobody reads a person's life from it.
var exempt = []string{
	"outbox",           // a message leaves because of a change that has its line
	"idempotency_keys", // remembers an answer to a request that has its line
	core.CollectionNameAuthOrigins,
	core.CollectionNameMFAs,
	core.CollectionNameOTPs,
}

const nameKey = "@audit"

// As names the next write of this record: SUBMIT_FORM instead of UPDATE_FORM. The name is used once.
func As(r *core.Record, action Action) { AsWith(r, action, nil) }

// AsWith is As with facts that the line keeps; of an update, the names of the changed fields join them.
func AsWith(r *core.Record, action Action, facts Details) { r.SetRaw(nameKey, named{action, facts}) }

// named is what the next write of a record is called.
type named struct {
	action Action
	facts  Details
}

// bindWrites puts each record write and its line into one transaction. Priority 100 is inside PocketBase's own
// handlers at 99: files are uploaded and encrypted fields sealed before the one writer is taken.
func bindWrites(app core.App) {
	bind := func(h *hook.TaggedHook[*core.RecordEvent], operation string) {
		h.Bind(&hook.Handler[*core.RecordEvent]{Id: "auditWrites", Priority: 100, Func: func(e *core.RecordEvent) error {
			if slices.Contains(exempt, e.Record.Collection().Name) {
				return e.Next()
			}
			return writeWithLine(e, operation)
		}})
	}
	bind(app.OnRecordCreateExecute(), "CREATE")
	bind(app.OnRecordUpdateExecute(), "UPDATE")
	bind(app.OnRecordDeleteExecute(), "DELETE")
}

func writeWithLine(e *core.RecordEvent, operation string) error {
	return kernel.InTransaction(e, func(tx core.App) error {
		entry := entryForWrite(e.Record, operation)
		if operation == "UPDATE" {
			details, err := changes(tx, e.Record)
			if err != nil {
				return err
			}
			maps.Copy(details, entry.Details)
			entry.Details = details
		}
		if err := e.Next(); err != nil {
			return err
		}
		entry.ResourceID = e.Record.Id
		if err := Append(tx, entry); err != nil && !beforeTheLog(tx, err) {
			return err
		}
		e.Record.SetRaw(nameKey, nil)
		return nil
	})
}

func entryForWrite(r *core.Record, operation string) Entry {
	resource := ResourceType(r.Collection().Name)
	entry := EntryFor(kernel.ActorOf(r), Action(operation+"_"+resource), resource, r.Id)
	if as, ok := r.GetRaw(nameKey).(named); ok {
		entry.Action, entry.Details = as.action, as.facts
	}
	if client := clientOf(r); client != "" {
		entry.Client = client
	}
	return entry
}

// clientOf tells whose record it is: the row's client, or the client itself.
func clientOf(r *core.Record) string {
	if r.Collection().Name == "clients" {
		return r.Id
	}
	if rel, ok := r.Collection().Fields.GetByName("client").(*core.RelationField); ok && !rel.IsMultiple() {
		return r.GetString("client")
	}
	return ""
}

// changes names the fields that differ from the row as it is now, never their values. The row is read again inside
// the transaction: Record.Original is stale after a second save. A row that is gone fails the update.
func changes(tx core.App, r *core.Record) (Details, error) {
	before, err := tx.FindRecordById(r.Collection(), r.Id)
	if err != nil {
		return nil, err
	}
	old, err := before.DBExport(tx)
	if err != nil {
		return nil, err
	}
	now, err := r.DBExport(tx)
	if err != nil {
		return nil, err
	}
	changed := []string{}
	for _, f := range r.Collection().Fields {
		if _, auto := f.(*core.AutodateField); !auto && !same(old[f.GetName()], now[f.GetName()]) {
			changed = append(changed, f.GetName())
		}
	}
	details := Details{"changed": changed}
	if from := clientOf(before); from != clientOf(r) {
		details["fromClient"] = from
	}
	return details, nil
}

func same(a, b any) bool {
	if x, ok := a.(string); ok {
		y, ok := b.(string)
		return ok && x == y
	}
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

const migration = "1700000900_audit.go"

// beforeTheLog recognises writes of a directory whose migrations have not made the log yet (PocketBase's superuser
// command on a fresh directory). Once the migration has run, a missing table fails every write.
func beforeTheLog(tx core.App, err error) bool {
	if !strings.Contains(err.Error(), "no such table: "+table) {
		return false
	}
	var one int
	migrated := tx.NonconcurrentDB().Select("(1)").From(core.DefaultMigrationsTable).
		Where(dbx.HashExp{"file": migration}).Row(&one)
	return errors.Is(migrated, sql.ErrNoRows)
}
