package forms

import (
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"github.com/pocketbase/dbx"
	validation "github.com/pocketbase/ozzo-validation/v4"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"

	"anteroom/collections"
	"anteroom/hooks/kernel"
	"anteroom/hooks/notices"
	"anteroom/hooks/phi"
)

// inTransaction runs a rule inside the transaction of the write, where no other writer can come between what it reads
// and what is written: priority 150 lies within the audit log's transaction at 100.
func inTransaction(rule func(*core.RecordEvent) error) *hook.Handler[*core.RecordEvent] {
	return &hook.Handler[*core.RecordEvent]{Priority: 150, Func: rule}
}

func bindAssignments(app core.App) {
	app.OnRecordCreate(collections.PortalForms).BindFunc(prepareAssignment)
	app.OnRecordCreateExecute(collections.PortalForms).Bind(inTransaction(announceAssignment))
	app.OnRecordUpdate(collections.PortalForms).BindFunc(checkDraft)
	app.OnRecordUpdateExecute(collections.PortalForms).Bind(inTransaction(holdAssignment))
	app.OnRecordDelete(collections.PortalForms).BindFunc(refuseDeletion("An assigned form is withdrawn, not deleted."))
}

func refuseDeletion(sentence string) func(*core.RecordEvent) error {
	return func(*core.RecordEvent) error {
		return validation.Errors{"id": validation.NewError("validation_kept", sentence)}
	}
}

func invalid(field, code, message string) error {
	return validation.Errors{field: validation.NewError("validation_"+code, message)}
}

// prepareAssignment: a form begins unanswered, in a version that the clinic still uses.
func prepareAssignment(e *core.RecordEvent) error {
	f := collections.AsPortalForm(e.Record)
	t, err := collections.FindFormTemplate(e.App, f.Template())
	if err != nil {
		return invalid("template", "unknown", "This form does not exist.")
	}
	if !t.Active() {
		return invalid("template", "retired", "This version of the form is no longer used.")
	}
	q, err := ParseQuestionnaire(t.Questionnaire())
	if err != nil {
		return err
	}
	now := kernel.Now(e.App)
	if _, err := time.Parse(time.DateOnly, f.DueDate()); f.DueDate() != "" && err != nil {
		return invalid("due_date", "date", "The due date is not a date.")
	}
	if at := f.AssignedAt(); at.IsZero() || at.After(now) {
		f.SetAssigned(now, kernel.ActorOf(e.Record).ID)
	}
	if err := concernAssigner(e.App, f, kernel.ActorOf(e.Record)); err != nil {
		return err
	}
	f.SetStatus(collections.FormPending)
	f.ClearDraft()
	f.Set("draft_version", 0)
	empty, err := q.Check([]byte("{}"), Draft, nil)
	if err != nil {
		return err
	}
	f.SetProgress(empty.Progress())
	return e.Next()
}

// concernAssigner: a clinician who asks for a form is the one told of its answers.
func concernAssigner(app core.App, f *collections.PortalForm, actor kernel.Actor) error {
	if f.Clinician() != "" || actor.Kind != kernel.KindStaff {
		return nil
	}
	r, err := app.FindFirstRecordByFilter(collections.Clinicians, "staff = {:s}", dbx.Params{"s": actor.ID})
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err == nil {
		f.SetClinician(r.Id)
	}
	return err
}

func announceAssignment(e *core.RecordEvent) error {
	if err := e.Next(); err != nil {
		return err
	}
	f := collections.AsPortalForm(e.Record)
	t, err := collections.FindFormTemplate(e.App, f.Template())
	if err != nil {
		return err
	}
	return notices.Tell(e.App, f.Client(), kernel.AreaVisits, notices.Notice{Type: collections.NoticeFormAssigned,
		Title: "A form for you", Message: t.Title(), Spanish: notices.Words{Title: "Un formulario para usted", Message: t.Title()}, Link: "/forms/" + f.Id, Cause: "form:" + f.Id + ":assigned"})
}

// checkDraft holds the answers of a changed draft to their questions. It runs before the write takes the writer.
func checkDraft(e *core.RecordEvent) error {
	f := collections.AsPortalForm(e.Record)
	if collections.AsPortalForm(e.Record.Original()).Status() == collections.FormCompleted {
		return alreadySubmitted()
	}
	draft, err := given(e.Record, "draft")
	if err != nil {
		return err
	}
	before, err := phi.Text(e.Record.Original(), "draft")
	if err != nil {
		return erased(err)
	}
	if draft == before || draft == "" {
		return e.Next()
	}
	t, err := collections.FindFormTemplate(e.App, f.Template())
	if err != nil {
		return err
	}
	q, err := ParseQuestionnaire(t.Questionnaire())
	if err != nil {
		return err
	}
	sheet, err := q.Check([]byte(draft), Draft, nil)
	if err != nil {
		return err
	}
	kept, err := json.Marshal(sheet)
	if err != nil {
		return err
	}
	f.NormalizeDraft(kept)
	f.SetDraftSavedAt(kernel.Now(e.App))
	f.SetProgress(sheet.Progress())
	if f.Status() == collections.FormPending {
		f.SetStatus(collections.FormInProgress)
	}
	return e.Next()
}

// holdAssignment compares with the row as it is in this transaction: whose form it is never changes, statuses move
// only forward, a draft is based on the one that is stored, and completed is only what was signed.
func holdAssignment(e *core.RecordEvent) error {
	r, err := e.App.FindRecordById(collections.PortalForms, e.Record.Id)
	if err != nil {
		return err
	}
	was, now := collections.AsPortalForm(r), collections.AsPortalForm(e.Record)
	if was.Client() != now.Client() || was.Template() != now.Template() {
		return invalid("client", "fixed", "A form stays with the client and the version it was assigned with.")
	}
	if was.Status() == collections.FormCompleted {
		return alreadySubmitted()
	}
	if was.Status() == collections.FormWithdrawn {
		return kernel.Conflict("FORM_WITHDRAWN", "The clinic has taken this form back.")
	}
	if from, to := was.Status(), now.Status(); from != to && !from.CanBecome(to) {
		return kernel.Conflict("ILLEGAL_MOVE", "A form cannot become that.").With("from", from).With("to", to)
	}
	if now.Status() == collections.FormCompleted {
		if err := requireSubmission(e.App, now.Id); err != nil {
			return err
		}
		return e.Next()
	}
	if err := refuseStaleDraft(was, now); err != nil {
		return err
	}
	if err := e.Next(); err != nil {
		return err
	}
	now.DraftKept()
	return nil
}

func requireSubmission(tx core.App, form string) error {
	n, err := tx.CountRecords(collections.FormSubmissions, dbx.HashExp{"form": form})
	if err == nil && n == 0 {
		err = invalid("status", "unsigned", "A form is completed by signing it.")
	}
	return err
}

// refuseStaleDraft: two tabs, one form. Whoever saves second is shown what the first one saved. A write that leaves
// the draft alone must still come from the latest one, because it writes the whole row.
func refuseStaleDraft(was, now *collections.PortalForm) error {
	next := was.DraftVersion()
	if now.Drafted() || draftText(was) != draftText(now) {
		next++
	}
	if now.DraftVersion() == next {
		return nil
	}
	stored, err := phi.Text(was.Record, "draft")
	if err != nil {
		return erased(err)
	}
	if stored == "" {
		stored = "{}"
	}
	return kernel.Conflict("DRAFT_CONFLICT", "This form was changed in another window.").
		With("responses", json.RawMessage(stored)).With("draftVersion", was.DraftVersion())
}

// draftText is the draft as it stands; what cannot be opened equals itself.
func draftText(f *collections.PortalForm) string {
	text, err := phi.Text(f.Record, "draft")
	if err != nil {
		return err.Error()
	}
	return text
}

func alreadySubmitted() *kernel.Error {
	return kernel.Conflict("ALREADY_SUBMITTED", "This form has already been sent.")
}
