package collections

import "github.com/pocketbase/pocketbase/core"

// TreatmentNotes is the name of the collection.
const TreatmentNotes = "treatment_notes"

// NoteStatus is where a note is in its life: its author's draft, then signed and frozen.
type NoteStatus string

const (
	NoteDraft  NoteStatus = "draft"
	NoteSigned NoteStatus = "signed"
)

// NotePsychotherapy is the kind of note that stays its author's (45 CFR 164.501).
const NotePsychotherapy = "psychotherapy"

// TreatmentNote is what a clinician writes about care. Clients, the front desk and billing never see one.
type TreatmentNote struct{ core.BaseRecordProxy }

// AsTreatmentNote wraps a record of the collection.
func AsTreatmentNote(r *core.Record) *TreatmentNote {
	n := &TreatmentNote{}
	n.SetProxyRecord(r)
	return n
}

func (n *TreatmentNote) Client() string      { return n.GetString("client") }
func (n *TreatmentNote) Clinician() string   { return n.GetString("clinician") }
func (n *TreatmentNote) Author() string      { return n.GetString("author") } // the clinician's login
func (n *TreatmentNote) Kind() string        { return n.GetString("kind") }
func (n *TreatmentNote) Status() NoteStatus  { return NoteStatus(n.GetString("status")) }
func (n *TreatmentNote) Amends() string      { return n.GetString("amends") }
func (n *TreatmentNote) SetAuthor(id string) { n.Set("author", id) }
