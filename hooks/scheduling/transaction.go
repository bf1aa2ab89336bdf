package scheduling

import (
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/pocketbase/dbx"
	validation "github.com/pocketbase/ozzo-validation/v4"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"

	"anteroom/collections"
	"anteroom/hooks/kernel"
)

// beforeKey carries the stored row from the rules to the write.
const beforeKey = "@scheduling.before"

// bindTransaction wraps each write of an appointment. Priority 98 is outside PocketBase's own handler at 99 and the
// audit log's at 100: what they do, and what this adds, is one transaction.
func bindTransaction(app core.App) {
	h := &hook.Handler[*core.RecordEvent]{Id: "scheduling.write", Priority: 98, Func: writeWithEffects}
	app.OnRecordCreateExecute(collections.Appointments).Bind(h)
	app.OnRecordUpdateExecute(collections.Appointments).Bind(h)
}

// writeWithEffects writes an appointment, its history row, its notices and its mails, or nothing. The transaction
// holds the writer from its first moment, so what is looked at here cannot change before it is written.
func writeWithEffects(e *core.RecordEvent) error {
	before, _ := e.Record.GetRaw(beforeKey).(*collections.Appointment)
	e.Record.SetRaw(beforeKey, nil)
	defer forgetRiders(e.Record)
	return kernel.InTransaction(e, func(tx core.App) error {
		s := newSave(e, before)
		if err := refuseLosingTheRace(tx, s); err != nil {
			return err
		}
		if err := takeResources(tx, s); err != nil {
			return err
		}
		if err := e.Next(); err != nil {
			return sayWhatTheDatabaseRefused(err)
		}
		if err := writeHistory(tx, s); err != nil {
			return err
		}
		if err := countNoShow(tx, s); err != nil {
			return err
		}
		return writeLetters(tx, s)
	})
}

// refuseLosingTheRace: the rules looked at the row before this transaction had the writer. If somebody wrote it
// since, this save knows an appointment that is no more.
func refuseLosingTheRace(tx core.App, s *save) error {
	if s.before == nil {
		return nil
	}
	stored, err := collections.FindAppointment(tx, s.after.Id)
	if err != nil {
		return err
	}
	if stored.GetString("updated") != s.before.GetString("updated") {
		return stale(stored, s.before)
	}
	return nil
}

// slot is a time that an appointment would hold.
type slot struct {
	appointment, client, service, location string
	clinician                              string // "": anybody
	byVideo                                bool
	localDate                              string
	start, end, holdStart, holdEnd         time.Time
}

func slotOf(a *collections.Appointment) slot {
	return slot{appointment: a.Id, client: a.Client(), service: a.Service(), location: a.Location(),
		clinician: a.Clinician(), byVideo: a.Place() == collections.Telehealth, localDate: a.GetString("local_date"), start: a.Start(), end: a.End(),
		holdStart: a.GetDateTime("hold_start").Time(), holdEnd: a.GetDateTime("hold_end").Time()}
}

// holds is the condition of the partial indexes held_clinician and held_client, word for word.
const holds = `status IN ('scheduled','confirmed','arrived','in_progress')`

// selectFree finds who could take a slot. Named by {:only}, it answers whether that person is free; else it lists them
// in the order of chooseClinician, those whom a new client may see.
const selectFree = `SELECT c.id, c.staff FROM clinicians c
	WHERE c.id IN (SELECT j.value FROM services s, json_each(s.clinicians) j WHERE s.id = {:service})
	AND c.is_active = TRUE AND ({:only} = '' OR c.id = {:only})
	AND ({:video} OR json_array_length(c.locations) = 0 OR EXISTS (SELECT 1 FROM json_each(c.locations) l WHERE l.value = {:location}))
	AND ({:only} <> '' OR c.is_accepting_new_patients = TRUE
		OR EXISTS (SELECT 1 FROM care_team t WHERE t.client = {:client} AND t.clinician = c.id AND t.[[from]] <= {:now} AND (t.until = '' OR t.until > {:now}))
		OR EXISTS (SELECT 1 FROM appointments k WHERE k.client = {:client} AND +k.clinician = c.id AND k.status IN ('scheduled','confirmed','arrived','in_progress','completed')))
	AND NOT EXISTS (SELECT 1 FROM appointments o WHERE o.clinician = c.id AND o.` + holds + ` AND o.id <> {:id}
		AND o.hold_start < {:hold_end} AND o.hold_start > {:day_before} AND o.hold_end > {:hold_start})
	AND NOT EXISTS (SELECT 1 FROM appointments o WHERE o.clinician = c.id AND o.status = 'requested' AND o.holds_slot = TRUE AND o.id <> {:id} AND o.client <> {:client}
		AND o.hold_start < {:hold_end} AND o.hold_start > {:day_before} AND o.hold_end > {:hold_start})
	ORDER BY (SELECT count(*) FROM appointments d WHERE d.clinician = c.id AND d.` + holds + `
			AND d.hold_start > {:day_before} AND d.hold_start < {:day_after} AND d.local_date = {:day}),
		c.last_name, c.first_name, c.id`

// freeOne is somebody who could take a slot, and their login.
type freeOne struct {
	ID    string `db:"id"`
	Staff string `db:"staff"`
}

// freeClinicians lists who could take a slot as far as other visits and promises go, the first choice first.
func freeClinicians(app core.App, t slot, only string) (free []freeOne, err error) {
	p := t.params()
	p["only"], p["video"], p["client"], p["day"] = only, t.byVideo, t.client, t.localDate
	p["now"], p["day_after"] = kernel.Now(app).Format(timeForm), t.holdStart.Add(longestHold).Format(timeForm)
	err = app.DB().NewQuery(selectFree).Bind(p).All(&free)
	return free, err
}

const selectClientBusy = `SELECT EXISTS (SELECT 1 FROM appointments o WHERE o.client = {:client} AND o.` + holds + ` AND o.id <> {:id}
	AND o.hold_start < {:hold_end} AND o.hold_start > {:day_before} AND o.end_time > {:start} AND o.start_time < {:end})`

// clientIsBusy tells whether the client has another visit then. Visits of one client may follow each other without
// the time the clinic needs between them.
func clientIsBusy(app core.App, t slot) (bool, error) {
	var busy bool
	err := app.DB().NewQuery(selectClientBusy).Bind(dbx.Params{"client": t.client, "id": t.appointment,
		"hold_end": t.holdEnd.Format(timeForm), "day_before": t.holdStart.Add(-longestHold).Format(timeForm),
		"start": t.start.Format(timeForm), "end": t.end.Format(timeForm)}).Row(&busy)
	return busy, err
}

// sayWhatTheDatabaseRefused turns the triggers' refusals into the field and the sentence a person can use.
func sayWhatTheDatabaseRefused(err error) error {
	text := err.Error()
	for _, r := range []struct {
		trigger, field, code, message string
	}{
		{"slot: clinician", "clinician", codeSlotTaken, "That time was just taken."},
		{"slot: room", "room", codeSlotTaken, "The room is taken at that time."},
		{"slot: equipment", "equipment", codeSlotTaken, "What this visit needs is in use at that time."},
		{"slot: promised", "clinician", codeSlotTaken, "That time is being kept for somebody who asked for it."},
		{"slot: client", "client", codeSlotTaken, "The client has another visit at that time."},
		{"slot: times", "start_time", "times", "The times of this visit do not fit together."},
		{"appointment: move", "status", "illegal_move", "An appointment cannot make this move."},
	} {
		if strings.Contains(text, r.trigger) {
			return validation.Errors{r.field: problem(r.code, r.message)}
		}
	}
	return err
}

// writeHistory keeps one row for each creation, move and change of time or clinician.
func writeHistory(tx core.App, s *save) error {
	if s.before != nil && s.before.Status() == s.after.Status() && s.before.Start().Equal(s.after.Start()) && !s.changed("clinician") {
		return nil
	}
	h, err := collections.NewAppointmentEvent(tx, s.before, s.after, s.now)
	if err != nil {
		return err
	}
	h.SetActor(s.actor.Kind, s.actor.ID)
	if why := reasonOf(s.after); why != "" {
		h.SetReason(why)
	}
	switch s.after.Status() {
	case collections.AppointmentDeclined:
		h.SetReason(s.after.GetString("decline_reason"))
	case collections.AppointmentCancelled:
		h.SetReason(s.after.GetString("cancellation_reason"))
	}
	return kernel.SaveAs(tx, s.actor, h.Record)
}

func isNoRows(err error) bool { return errors.Is(err, sql.ErrNoRows) }
