package privacy

import (
	"errors"
	"slices"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/router"

	"anteroom/collections"
	"anteroom/hooks/kernel"
)

func bindReach(app core.App) {
	app.OnRecordCreateExecute().BindFunc(refuseBeyondCareTeam)
	app.OnRecordUpdateExecute().BindFunc(refuseBeyondCareTeam)
	app.OnRecordDeleteExecute().BindFunc(refuseBeyondCareTeam)
	// before the audit log's own hooks, so that nothing is noted as shown that is not
	app.OnRecordsListRequest().BindFunc(dropWhatIsOutOfReach)
	app.OnRecordViewRequest().BindFunc(hideWhatIsOutOfReach)
	app.OnRecordEnrich().BindFunc(stopWhatIsOutOfReach)
}

// clientOf tells whose record a row belongs to: the client itself, or the row's client; empty when nobody's.
func clientOf(r *core.Record) string {
	if r.Collection().Name == collections.Clients {
		return r.Id
	}
	if rel, ok := r.Collection().Fields.GetByName("client").(*core.RelationField); ok && !rel.IsMultiple() {
		return r.GetString("client")
	}
	return ""
}

// judgedElsewhere are rows about a client that a clinician's act writes before, or without, reaching the client: the
// glass that is about to be broken has its own rules, and history is the portal's note of an appointment that was
// judged itself (the record API writes none).
var judgedElsewhere = []string{collections.BreakGlass, collections.AppointmentHistory}

// refuseBeyondCareTeam: what a clinician writes is about a client they reach, before and after. Two things they do for
// others: take in a new client, whose lead they become, and act on a visit or request that names them.
func refuseBeyondCareTeam(e *core.RecordEvent) error {
	by := kernel.ActorOf(e.Record)
	if !kernel.Limited(by) || slices.Contains(judgedElsewhere, e.Record.Collection().Name) {
		return e.Next()
	}
	return kernel.InTransaction(e, func(tx core.App) error {
		before, err := asStored(tx, e.Record)
		if err != nil {
			return err
		}
		if e.Record.Collection().Name == collections.Appointments {
			if theirs, err := kernel.Treats(tx, by, before.GetString("clinician")); err != nil {
				return err
			} else if theirs && before.GetString("client") == e.Record.GetString("client") {
				return e.Next()
			}
		}
		concerned := []string{clientOf(before), clientOf(e.Record)}
		if e.Record.Collection().Name == collections.Clients && e.Record.IsNew() {
			concerned = nil
		}
		for _, client := range slices.Compact(concerned) {
			if client == "" {
				continue
			}
			reach, err := kernel.ReachOf(tx, by, client)
			if err != nil {
				return err
			}
			if !reach.OK() {
				return kernel.OutOfReach()
			}
		}
		return e.Next()
	})
}

// reader is a member of the staff before whom records are about to be shown. It remembers what it found out, because
// the rows of a list are often of one client.
type reader struct {
	app     core.App
	actor   kernel.Actor
	reached map[string]bool
}

// readerOf gives nothing for whom is no member of the staff: the owner sees everything, and nobody else comes here.
func readerOf(app core.App, auth *core.Record) *reader {
	if auth == nil || auth.Collection().Name != collections.Staff {
		return nil
	}
	s := collections.AsStaff(auth)
	return &reader{app, kernel.Actor{Kind: kernel.KindStaff, ID: s.Id, Role: s.Role()}, map[string]bool{}}
}

// sees decides over one row as kernel.ReachOf has it. The API rules said the same by the machine's clock.
func (r *reader) sees(row *core.Record) (bool, error) {
	name := row.Collection().Name
	if name == collections.TreatmentNotes && !r.mayReadNote(collections.AsTreatmentNote(row)) {
		return false, nil
	}
	client := clientOf(row)
	if client == "" || !kernel.Limited(r.actor) {
		return true, nil
	}
	if may, known := r.reached[client]; known && may {
		return true, nil
	}
	reach, err := kernel.ReachOf(r.app, r.actor, client)
	if err != nil {
		return false, err
	}
	if r.reached[client] = reach.OK(); reach.OK() {
		return true, nil
	}
	switch name { // what is theirs wherever its client is
	case collections.Appointments:
		return kernel.Treats(r.app, r.actor, row.GetString("clinician"))
	case collections.AppointmentHistory:
		visit, err := collections.FindAppointment(r.app, row.GetString("appointment"))
		if err != nil {
			return false, err
		}
		return kernel.Treats(r.app, r.actor, visit.Clinician())
	case collections.TreatmentNotes:
		return row.GetString("author") == r.actor.ID, nil
	case collections.BreakGlass:
		return row.GetString("staff") == r.actor.ID, nil
	}
	return false, nil
}

func dropWhatIsOutOfReach(e *core.RecordsListRequestEvent) error {
	who := readerOf(e.App, e.Auth)
	if who == nil {
		return e.Next()
	}
	kept := make([]*core.Record, 0, len(e.Records))
	for _, row := range e.Records {
		sees, err := who.sees(row)
		if err != nil {
			return err
		}
		if sees {
			kept = append(kept, row)
		}
	}
	if len(kept) < len(e.Records) {
		e.Records, e.Result.Items = kept, kept
	}
	return e.Next()
}

func hideWhatIsOutOfReach(e *core.RecordRequestEvent) error {
	if who := readerOf(e.App, e.Auth); who != nil {
		sees, err := who.sees(e.Record)
		if err != nil {
			return err
		}
		if !sees {
			return router.NewNotFoundError("", nil)
		}
	}
	return e.Next()
}

// errOutOfReach ends an expansion or a live event; nobody is told.
var errOutOfReach = errors.New("privacy: out of reach")

// stopWhatIsOutOfReach guards what comes without a request of its own: related records, which are then left out, and
// live events, which are then not sent. Notes are never shown beside other records: each reading is asked for.
func stopWhatIsOutOfReach(e *core.RecordEnrichEvent) error {
	context := e.RequestInfo.Context
	beside := context == core.RequestInfoContextExpand
	if !beside && context != core.RequestInfoContextRealtime {
		return e.Next()
	}
	who := readerOf(e.App, e.RequestInfo.Auth)
	if who == nil {
		return e.Next()
	}
	if beside && e.Record.Collection().Name == collections.TreatmentNotes {
		return errOutOfReach
	}
	sees, err := who.sees(e.Record)
	if err != nil {
		return err
	}
	if !sees {
		return errOutOfReach
	}
	return e.Next()
}
