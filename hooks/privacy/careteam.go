package privacy

import (
	"database/sql"
	"errors"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
)

// Who treats is on the care team. The desk and colleagues put clinicians there (hooks/identity); two events do it by
// themselves: a visit that is agreed, and a client that a clinician takes in.

func bindCareTeam(app core.App) {
	app.OnRecordCreateExecute(collections.Appointments).BindFunc(joinByVisit)
	app.OnRecordUpdateExecute(collections.Appointments).BindFunc(joinByVisit)
	app.OnRecordCreateExecute(collections.Clients).BindFunc(leadNewClient)
}

// joinByVisit puts the clinician of a visit on the client's team when the visit is agreed, or goes to another
// clinician.
func joinByVisit(e *core.RecordEvent) error {
	return kernel.InTransaction(e, func(tx core.App) error {
		row, err := asStored(tx, e.Record)
		if err != nil {
			return err
		}
		was, by := collections.AsAppointment(row), kernel.ActorOf(e.Record)
		mayJoin, err := mayBring(tx, by, was, e.Record)
		if err != nil {
			return err
		}
		if err := e.Next(); err != nil {
			return err
		}
		a := collections.AsAppointment(e.Record) // chosen by now, if the client left it open
		if !mayJoin || !a.Status().Booked() || a.Clinician() == "" || was.Status().Booked() && was.Clinician() == a.Clinician() {
			return nil
		}
		return putOnCareTeam(tx, a.Client(), a.Clinician(), "member", audit.Details{"appointment": a.Id})
	})
}

// mayBring: nobody books themselves into a team. A clinician who does not belong to it brings somebody in only by
// answering a request that names them and that the client, or the desk, wrote; what they agree under a broken glass stays a visit.
func mayBring(tx core.App, by kernel.Actor, was *collections.Appointment, r *core.Record) (bool, error) {
	reach, err := kernel.ReachOf(tx, by, r.GetString("client"))
	if err != nil || reach.By == kernel.ReachByRole || reach.By == kernel.ReachByCareTeam {
		return err == nil, err
	}
	asked := was.Status() == collections.AppointmentRequested && !was.SubmittedAt().IsZero()
	if !asked {
		return false, nil
	}
	if byColleague, err := writtenByClinician(tx, was); err != nil || byColleague {
		return false, err
	}
	return kernel.Treats(tx, by, was.Clinician())
}

// writtenByClinician: a request that a clinician wrote down, for themselves or for another one, is nobody's asking.
func writtenByClinician(tx core.App, a *collections.Appointment) (bool, error) {
	if a.GetBool("client_requested") || a.GetString("created_by") == "" {
		return false, nil
	}
	r, err := tx.FindRecordById(collections.Staff, a.GetString("created_by"))
	if errors.Is(err, sql.ErrNoRows) { // the owner
		return false, nil
	}
	return err == nil && collections.AsStaff(r).Role() == kernel.RoleClinician, err
}

// leadNewClient: whom a clinician takes in, they lead. Without it they would lose sight of the record they just made.
func leadNewClient(e *core.RecordEvent) error {
	by := kernel.ActorOf(e.Record)
	if !kernel.Limited(by) {
		return e.Next()
	}
	return kernel.InTransaction(e, func(tx core.App) error {
		own, err := clinicianOf(tx, by.ID)
		if err != nil {
			return err
		}
		if own == nil {
			return kernel.Forbidden("NOT_A_CLINICIAN", "Your login is not connected to a clinician yet, so the new client would have nobody. Ask an administrator.")
		}
		if err := e.Next(); err != nil {
			return err
		}
		return putOnCareTeam(tx, e.Record.Id, own.Id, "lead", nil)
	})
}

// clinicianOf is the clinician behind a login, or nil.
func clinicianOf(tx core.App, staff string) (*collections.Clinician, error) {
	rows, err := tx.FindRecordsByFilter(collections.Clinicians, "staff = {:s}", "created,id", 1, 0, dbx.Params{"s": staff})
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return collections.AsClinician(rows[0]), nil
}

// putOnCareTeam makes sure that a clinician is on a client's team from now on. A row that ended is opened again: there
// is one for each pair.
func putOnCareTeam(tx core.App, client, clinician, role string, why audit.Details) error {
	now := kernel.Now(tx)
	row, err := memberOf(tx, client, clinician)
	if err != nil {
		return err
	}
	from, until := row.GetDateTime("from").Time(), row.GetDateTime("until").Time()
	if !row.IsNew() && !from.After(now) && (until.IsZero() || until.After(now)) {
		return nil
	}
	if row.IsNew() { // created says since when
		row.Load(map[string]any{"client": client, "clinician": clinician, "role": role})
	}
	if from.After(now) {
		row.Set("from", time.Time{})
	}
	if !until.After(now) {
		row.Set("until", time.Time{})
	}
	audit.AsWith(row, audit.JoinCareTeam, why)
	return kernel.SaveAs(tx, kernel.System(), row)
}

func memberOf(tx core.App, client, clinician string) (*core.Record, error) {
	rows, err := tx.FindRecordsByFilter(collections.CareTeam, "client = {:c} && clinician = {:k}", "", 1, 0, dbx.Params{"c": client, "k": clinician})
	if err != nil {
		return nil, err
	}
	if len(rows) > 0 {
		return rows[0], nil
	}
	col, err := tx.FindCachedCollectionByNameOrId(collections.CareTeam)
	if err != nil {
		return nil, err
	}
	return core.NewRecord(col), nil
}
