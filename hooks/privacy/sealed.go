package privacy

import (
	"net/http"
	"slices"
	"strings"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"

	"anteroom/collections"
	"anteroom/hooks/kernel"
	"anteroom/hooks/phi"
)

// Encrypted fields in the record API. They are hidden, so PocketBase shows them to the owner alone and drops them from
// everybody else's bodies. collections.SealedReadBy and SealedWrittenBy say whom of the staff they are shown to and
// taken from; whether the row itself may be seen or written is decided before.

func bindSealedFields(app core.App) {
	app.OnRecordEnrich().BindFunc(showSealedFields)
	const afterTheStamp = -100
	app.OnRecordCreateRequest().Bind(&hook.Handler[*core.RecordRequestEvent]{Id: "privacy.sealed", Priority: afterTheStamp, Func: takeSealedFields})
	app.OnRecordUpdateRequest().Bind(&hook.Handler[*core.RecordRequestEvent]{Id: "privacy.sealed", Priority: afterTheStamp, Func: takeSealedFields})
}

// showSealedFields: live events are not audited as reads, so they carry no encrypted field, not even to the owner.
func showSealedFields(e *core.RecordEnrichEvent) error {
	auth := e.RequestInfo.Auth
	live := e.RequestInfo.Context == core.RequestInfoContextRealtime
	if live {
		for _, f := range e.Record.Collection().Fields {
			if f.Type() == phi.FieldTypeEncrypted {
				e.Record.Hide(f.GetName())
			}
		}
	}
	if !live && auth != nil && auth.Collection().Name == collections.Staff && auth.GetBool("is_active") {
		e.Record.Unhide(collections.SealedReadBy(e.Record.Collection().Name, auth.GetString("role"))...)
	}
	return e.Next()
}

// takeSealedFields puts what the role may write into the record, and refuses the rest, before anything is saved. The
// dashboard sends all the fields it shows: one that comes back as it is stored was not changed.
func takeSealedFields(e *core.RecordRequestEvent) error {
	if e.Auth == nil || e.Auth.Collection().Name != collections.Staff {
		return e.Next()
	}
	sent, err := bodyOf(e.RequestEvent)
	if err != nil {
		return err
	}
	name, role := e.Collection.Name, e.Auth.GetString("role")
	reads, writes := collections.SealedReadBy(name, role), collections.SealedWrittenBy(name, role)
	for _, f := range e.Collection.Fields {
		field, isSealed := f.(*phi.EncryptedField)
		if !isSealed {
			continue
		}
		value, given := sent[field.Name]
		switch {
		case !given:
		case slices.Contains(writes, field.Name):
			e.Record.Set(field.Name, value)
		case slices.Contains(reads, field.Name) && isUnchanged(e.Record, field.Name, value):
		default: // of what a role does not see, not even whether it is equal is told
			return kernel.Refuse(e.RequestEvent, kernel.Forbidden("FIELD_READ_ONLY", "Your role does not change this: "+field.Name+".").
				Field(field.Name, "read_only", "Your role does not change this."))
		}
	}
	return e.Next()
}

// isUnchanged tells whether setting a value would leave what is stored.
func isUnchanged(r *core.Record, field string, value any) bool {
	probe := r.Clone()
	probe.Set(field, value)
	if probe.GetRaw(field) == r.GetRaw(field) { // equal, or the marker of a value that cannot be opened
		return true
	}
	stored, err := phi.Text(r, field)
	if err != nil {
		return false
	}
	now, err := phi.Text(probe, field)
	return err == nil && now == stored
}

// bodyOf reads the request's body once more: PocketBase has dropped hidden fields from what it keeps of it. Texts of a
// form are taken as they were sent; PocketBase would read some of them as numbers.
func bodyOf(e *core.RequestEvent) (map[string]any, error) {
	sent := map[string]any{}
	if e.Request.ContentLength == 0 {
		return sent, nil
	}
	if err := e.BindBody(&sent); err != nil {
		return nil, err
	}
	form := e.Request.PostForm
	if e.Request.MultipartForm != nil {
		form = e.Request.MultipartForm.Value
	}
	if kind := e.Request.Header.Get("Content-Type"); !strings.HasPrefix(kind, "application/json") && e.Request.Method != http.MethodGet {
		for name, values := range form {
			if len(values) == 1 {
				sent[name] = values[0]
			}
		}
	}
	return sent, nil
}
