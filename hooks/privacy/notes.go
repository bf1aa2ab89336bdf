package privacy

import (
	"database/sql"
	"errors"
	"slices"
	"strings"

	validation "github.com/pocketbase/ozzo-validation/v4"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
)

func bindNotes(app core.App) {
	app.OnRecordCreate(collections.TreatmentNotes).BindFunc(signAsAuthor) // before validation, which requires an author
	app.OnRecordCreateExecute(collections.TreatmentNotes).BindFunc(judgeNote)
	app.OnRecordUpdateExecute(collections.TreatmentNotes).BindFunc(judgeNote)
	app.OnRecordDeleteExecute(collections.TreatmentNotes).BindFunc(refuseDeletingSigned)
}

// writingRoles may be connected to a clinician.
var writingRoles = []string{kernel.RoleClinician, kernel.RoleAdmin}

func refused(field, code, sentence string) error {
	return validation.Errors{field: validation.NewError("validation_"+code, sentence)}
}

// mayReadNote: a draft, and a psychotherapy note for ever, is its author's; a signed note is also for the clinicians who
// reach the client by their care team or a broken glass (sees asks that). Administrators read no notes but their own.
func (r *reader) mayReadNote(n *collections.TreatmentNote) bool {
	if n.Author() == r.actor.ID {
		return slices.Contains(writingRoles, r.actor.Role)
	}
	return r.actor.Role == kernel.RoleClinician && n.Status() == collections.NoteSigned && n.Kind() != collections.NotePsychotherapy
}

// signAsAuthor: a person writes as themselves, whatever the body says.
func signAsAuthor(e *core.RecordEvent) error {
	n, by := collections.AsTreatmentNote(e.Record), kernel.ActorOf(e.Record)
	if by.Kind != kernel.KindSystem {
		own, err := writerOfNotes(e.App, by)
		if err != nil {
			return err
		}
		n.SetAuthor(by.ID)
		n.Set("clinician", own.Id)
	}
	if n.GetDateTime("noted_at").IsZero() {
		n.Set("noted_at", kernel.Now(e.App))
	}
	return e.Next()
}

// writerOfNotes is the clinician behind an actor. An administrator who treats is one too; the owner treats nobody.
func writerOfNotes(app core.App, by kernel.Actor) (*collections.Clinician, error) {
	if by.Kind == kernel.KindStaff && slices.Contains(writingRoles, by.Role) {
		if own, err := clinicianOf(app, by.ID); err != nil || own != nil {
			return own, err
		}
	}
	return nil, kernel.Forbidden("NOT_A_CLINICIAN", "Only clinicians write treatment notes.")
}

// judgeNote: written by its author alone, signed once, then frozen, corrected by another note that amends it.
func judgeNote(e *core.RecordEvent) error {
	return kernel.InTransaction(e, func(tx core.App) error {
		row, err := asStored(tx, e.Record)
		if err != nil {
			return err
		}
		was, n, by := collections.AsTreatmentNote(row), collections.AsTreatmentNote(e.Record), kernel.ActorOf(e.Record)
		if !e.Record.IsNew() {
			if err := refuseChangingNote(tx, by, was, n); err != nil {
				return err
			}
		} else if err := refuseForeignHand(tx, n); err != nil {
			return err
		}
		if err := refuseForeignVisit(tx, n); err != nil {
			return err
		}
		if err := refuseBadAmendment(tx, n); err != nil {
			return err
		}
		n.Set("signed_at", was.Get("signed_at")) // the portal notes it
		if signs := n.Status() == collections.NoteSigned && was.Status() != collections.NoteSigned; signs {
			if strings.TrimSpace(n.GetString("body")) == "" {
				return refused("body", "required", "A note needs its text before it is signed.")
			}
			n.Set("signed_at", kernel.Now(tx))
			audit.As(e.Record, audit.SignNote)
		}
		return e.Next()
	})
}

func refuseChangingNote(tx core.App, by kernel.Actor, was, n *collections.TreatmentNote) error {
	if was.Status() == collections.NoteSigned {
		return kernel.Conflict("NOTE_SIGNED", "A signed note stays as it is. Write another one that amends it.")
	}
	if by.Kind != kernel.KindSystem {
		if _, err := writerOfNotes(tx, by); err != nil {
			return err
		}
		if by.ID != was.Author() {
			return kernel.Forbidden("NOT_THE_AUTHOR", "A note is written by its author.")
		}
	}
	for _, f := range []string{"client", "author", "clinician"} {
		if was.GetString(f) != n.GetString(f) {
			return refused(f, "fixed", "A note stays with its client and its author.")
		}
	}
	return nil
}

// refuseForeignHand: author and clinician are one person.
func refuseForeignHand(tx core.App, n *collections.TreatmentNote) error {
	same, err := kernel.Treats(tx, kernel.Actor{Kind: kernel.KindStaff, ID: n.Author()}, n.Clinician())
	if err == nil && !same {
		err = refused("author", "not_theirs", "The author is the clinician's own login.")
	}
	return err
}

func refuseForeignVisit(tx core.App, n *collections.TreatmentNote) error {
	id := n.GetString("appointment")
	if id == "" {
		return nil
	}
	visit, err := collections.FindAppointment(tx, id)
	if errors.Is(err, sql.ErrNoRows) || err == nil && visit.Client() != n.Client() {
		return refused("appointment", "missing", "Choose a visit of this client.")
	}
	return err
}

// refuseBadAmendment: what is amended is a signed note of the same client, which the author may read.
func refuseBadAmendment(tx core.App, n *collections.TreatmentNote) error {
	if n.Amends() == "" {
		return nil
	}
	missing := refused("amends", "missing", "Choose a signed note of this client.")
	r, err := tx.FindRecordById(collections.TreatmentNotes, n.Amends())
	if errors.Is(err, sql.ErrNoRows) {
		return missing
	}
	if err != nil {
		return err
	}
	first := collections.AsTreatmentNote(r)
	if first.Id == n.Id || first.Client() != n.Client() || first.Status() != collections.NoteSigned ||
		first.Kind() == collections.NotePsychotherapy && first.Author() != n.Author() {
		return missing
	}
	return nil
}

func refuseDeletingSigned(e *core.RecordEvent) error {
	row, err := asStored(e.App, e.Record)
	if err != nil {
		return err
	}
	n, by := collections.AsTreatmentNote(row), kernel.ActorOf(e.Record)
	if n.Status() == collections.NoteSigned {
		return kernel.Conflict("NOTE_SIGNED", "A signed note is kept.")
	}
	if by.Kind != kernel.KindSystem && by.ID != n.Author() {
		return kernel.Forbidden("NOT_THE_AUTHOR", "A draft is removed by its author.")
	}
	return e.Next()
}
