package forms

import (
	"database/sql"
	"errors"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/kernel"
)

// bindFollowing has the forms of a service follow its visits, in the transaction that books them.
func bindFollowing(app core.App) {
	app.OnRecordCreateExecute(collections.Appointments).Bind(inTransaction(assignFormsOfVisit))
	app.OnRecordUpdateExecute(collections.Appointments).Bind(inTransaction(assignFormsOfVisit))
}

// assignFormsOfVisit asks for the service's forms when a visit becomes booked, through whatever door. A visit that was
// brought in after it was over asks for nothing.
func assignFormsOfVisit(e *core.RecordEvent) error {
	visit := collections.AsAppointment(e.Record)
	var was collections.AppointmentStatus
	if !e.Record.IsNew() {
		err := e.App.DB().Select("status").From(collections.Appointments).Where(dbx.HashExp{"id": visit.Id}).Row(&was)
		if err != nil {
			return err
		}
	}
	if err := e.Next(); err != nil {
		return err
	}
	if was.Booked() || !visit.Status().Booked() || !visit.Start().After(kernel.Now(e.App)) {
		return nil
	}
	service, err := collections.FindService(e.App, visit.Service())
	if err != nil {
		return err
	}
	for _, template := range service.Forms() {
		if err := assignFormOfVisit(e.App, visit, template); err != nil {
			return err
		}
	}
	return nil
}

func assignFormOfVisit(tx core.App, visit *collections.Appointment, named string) error {
	t, err := versionInUse(tx, named)
	if err != nil || t == nil {
		return err
	}
	due, err := formAskedFor(tx, visit, t)
	if err != nil || due {
		return err
	}
	f, err := collections.NewPortalForm(tx, visit.Client(), t.Id)
	if err != nil {
		return err
	}
	f.Set("appointment", visit.Id)
	f.SetClinician(visit.Clinician())
	f.SetDueDate(visit.GetString("local_date"))
	by := kernel.System()
	by.Client = visit.Client()
	return kernel.SaveAs(tx, by, f.ProxyRecord())
}

// versionInUse is the version of a form that is assigned today: the one a service names, or what has taken its place.
// None: the clinic no longer uses the form, which keeps nobody from booking.
func versionInUse(tx core.App, named string) (*collections.FormTemplate, error) {
	t, err := collections.FindFormTemplate(tx, named)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil || t.Active() {
		return t, err
	}
	versions, err := collections.FormTemplateVersions(tx, t.Slug())
	if err != nil {
		return nil, err
	}
	for _, v := range versions {
		if v.Active() {
			return v, nil
		}
	}
	return nil, nil
}

const selectAskedFor = `SELECT EXISTS (SELECT 1 FROM portal_forms f JOIN form_templates t ON t.id = f.template
	WHERE f.client = {:client} AND t.slug = {:slug} AND (f.appointment = {:visit} OR f.status IN ('pending','in_progress')))`

// formAskedFor tells whether the client was asked for this form already: for this visit, or for another and has yet to
// send it. Another version of it is the same form.
func formAskedFor(tx core.App, visit *collections.Appointment, t *collections.FormTemplate) (bool, error) {
	var asked bool
	err := tx.DB().NewQuery(selectAskedFor).Bind(dbx.Params{"client": visit.Client(), "slug": t.Slug(), "visit": visit.Id}).Row(&asked)
	return asked, err
}
