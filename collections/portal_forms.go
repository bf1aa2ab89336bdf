package collections

import (
	"slices"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"
)

// PortalForms is the name of the collection: a form that a client is asked to fill in.
const PortalForms = "portal_forms"

// FormStatus is where an assigned form stands.
type FormStatus string

const (
	FormPending    FormStatus = "pending"     // nobody has begun
	FormInProgress FormStatus = "in_progress" // there is a draft
	FormCompleted  FormStatus = "completed"   // signed; nothing changes any more
	FormWithdrawn  FormStatus = "withdrawn"   // the clinic took it back
)

// FormStatuses are those a client may ask for.
var FormStatuses = []FormStatus{FormPending, FormInProgress, FormCompleted}

var formMoves = map[FormStatus][]FormStatus{
	FormPending:    {FormInProgress, FormCompleted, FormWithdrawn},
	FormInProgress: {FormCompleted, FormWithdrawn},
}

// CanBecome tells whether the move is legal. Staying is not a move.
func (s FormStatus) CanBecome(next FormStatus) bool { return slices.Contains(formMoves[s], next) }

// Open tells whether the form can still be filled in.
func (s FormStatus) Open() bool { return s == FormPending || s == FormInProgress }

// PortalForm is one assignment of one version of a template to one client.
type PortalForm struct{ core.BaseRecordProxy }

// AsPortalForm wraps a record of the collection.
func AsPortalForm(r *core.Record) *PortalForm {
	f := &PortalForm{}
	f.SetProxyRecord(r)
	return f
}

// NewPortalForm makes an assignment that is pending.
func NewPortalForm(app core.App, client, template string) (*PortalForm, error) {
	c, err := app.FindCachedCollectionByNameOrId(PortalForms)
	if err != nil {
		return nil, err
	}
	f := AsPortalForm(core.NewRecord(c))
	f.Set("client", client)
	f.Set("template", template)
	f.SetStatus(FormPending)
	return f, nil
}

// FindPortalForm finds a form of a client that the client may see.
func FindPortalForm(app core.App, client, id string) (*PortalForm, error) {
	r, err := app.FindFirstRecordByFilter(PortalForms, "id = {:id} && client = {:client} && status != 'withdrawn'",
		dbx.Params{"id": id, "client": client})
	if err != nil {
		return nil, err
	}
	return AsPortalForm(r), nil
}

func (f *PortalForm) Client() string         { return f.GetString("client") }
func (f *PortalForm) Template() string       { return f.GetString("template") }
func (f *PortalForm) Clinician() string      { return f.GetString("clinician") }
func (f *PortalForm) SetClinician(id string) { f.Set("clinician", id) }
func (f *PortalForm) Status() FormStatus     { return FormStatus(f.GetString("status")) }
func (f *PortalForm) SetStatus(s FormStatus) { f.Set("status", string(s)) }
func (f *PortalForm) AssignedAt() time.Time  { return f.GetDateTime("assigned_at").Time() }
func (f *PortalForm) SetAssigned(at time.Time, by string) {
	f.Set("assigned_at", at)
	f.Set("assigned_by", by)
}
func (f *PortalForm) DueDate() string       { return f.GetString("due_date") } // YYYY-MM-DD
func (f *PortalForm) SetDueDate(day string) { f.Set("due_date", day) }
func (f *PortalForm) SetCompleted(at time.Time, via string) {
	f.SetStatus(FormCompleted)
	f.Set("completed_at", at)
	f.Set("completed_via", via)
}
func (f *PortalForm) DraftVersion() int            { return f.GetInt("draft_version") }
func (f *PortalForm) DraftSavedAt() time.Time      { return f.GetDateTime("draft_saved_at").Time() }
func (f *PortalForm) SetDraftSavedAt(at time.Time) { f.Set("draft_saved_at", at) }
func (f *PortalForm) SetProgress(answered, questions int) {
	f.Set("answered", answered)
	f.Set("questions", questions)
}

// draftedKey rides on the record: a draft that equals the stored one is a new version all the same.
const draftedKey = "@drafted"

// SetDraft replaces the draft. version must be one more than that of the draft it is based on.
func (f *PortalForm) SetDraft(responses []byte, version int) {
	f.Set("draft", types.JSONRaw(responses))
	f.Set("draft_version", version)
	f.SetRaw(draftedKey, true)
}

// NormalizeDraft rewrites the draft that was set in the form in which it is kept.
func (f *PortalForm) NormalizeDraft(responses []byte) { f.Set("draft", types.JSONRaw(responses)) }

// Drafted tells whether SetDraft was called since the record was loaded or saved.
func (f *PortalForm) Drafted() bool { return f.GetRaw(draftedKey) == true }

// DraftKept notes that the draft was saved.
func (f *PortalForm) DraftKept() { f.SetRaw(draftedKey, nil) }

// ClearDraft forgets the draft without a new version.
func (f *PortalForm) ClearDraft() { f.Set("draft", nil) }
