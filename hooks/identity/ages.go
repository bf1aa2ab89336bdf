package identity

import (
	"time"

	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/kernel"
)

// Rules of age. A parent or guardian acts for a minor until the day on which the clinic counts the client as an adult;
// below the clinic's age for an own login there is none. Days begin at midnight in the clinic's zone.

func bindAgeRules(app core.App) {
	app.OnRecordUpdateExecute(collections.Clients).BindFunc(followBirthDate)
	app.OnRecordUpdateExecute(collections.ClinicSettingsName).BindFunc(followAgeSetting)
}

// birthday is the beginning of the day on which somebody becomes so many years old. Who was born on 29 February has
// it on 1 March where the year has none. It is zero for a birth date that does not exist.
func birthday(born string, years int, zone *time.Location) time.Time {
	day, err := time.Parse(time.DateOnly, born)
	if err != nil {
		return time.Time{}
	}
	return time.Date(day.Year()+years, day.Month(), day.Day(), 0, 0, 0, 0, zone).UTC()
}

func adultOn(s *collections.ClinicSettings, born string) time.Time {
	return birthday(born, s.AdultAge, s.Zone())
}

func isMinor(app core.App, client *collections.Client) bool {
	return kernel.Now(app).Before(adultOn(collections.Settings(app), client.DateOfBirth()))
}

// mayHaveLogin tells whether a client is old enough for a login of their own.
func mayHaveLogin(app core.App, client *collections.Client) bool {
	s := collections.Settings(app)
	return !kernel.Now(app).Before(birthday(client.DateOfBirth(), s.OwnLoginAge, s.Zone()))
}

func isParental(relationship string) bool {
	return relationship == collections.RelationshipParent || relationship == collections.RelationshipGuardian
}

// refuseByAge: nobody is the parent of an adult here, and a guardian only when an administrator says so; a child has
// no login of its own.
func refuseByAge(tx core.App, by kernel.Actor, client *collections.Client, relationship string) error {
	minor := isMinor(tx, client)
	switch {
	case relationship == collections.RelationshipParent && !minor:
		return refused("relationship", "of_age", "This client is of age, and nobody acts for them as a parent.")
	case relationship == collections.RelationshipGuardian && !minor && by.Kind != kernel.KindSystem && !by.IsStaff(kernel.RoleAdmin):
		return refused("relationship", "guardian", "An administrator names the guardian of a client who is of age.")
	case relationship == collections.RelationshipSelf && !mayHaveLogin(tx, client):
		return refused("relationship", "too_young", "This client is too young for a login of their own. Invite a parent or guardian.")
	}
	return nil
}

func fitsAge(tx core.App, by kernel.Actor, client *collections.Client, relationship string) bool {
	return refuseByAge(tx, by, client, relationship) == nil
}

// endAtAdultAge caps a parent's or guardian's access to a minor.
func endAtAdultAge(tx core.App, client *collections.Client, r *core.Record, until string) {
	if !isParental(r.GetString("relationship")) || !isMinor(tx, client) {
		return
	}
	adult := adultOn(collections.Settings(tx), client.DateOfBirth())
	if end := r.GetDateTime(until).Time(); end.IsZero() || end.After(adult) {
		r.Set(until, adult)
	}
}

// followBirthDate lets the access of parents and guardians follow a birth date that was put right.
func followBirthDate(e *core.RecordEvent) error {
	return kernel.InTransaction(e, func(tx core.App) error {
		before, err := asStored(tx, e.Record)
		if err != nil {
			return err
		}
		if err := e.Next(); err != nil {
			return err
		}
		was, is := before.GetString("date_of_birth"), e.Record.GetString("date_of_birth")
		if was == is {
			return nil
		}
		s := collections.Settings(tx)
		return moveEndOfChildhood(tx, e.Record.Id, adultOn(s, was), adultOn(s, is))
	})
}

// followAgeSetting does the same for every client when the clinic's age or zone changes.
func followAgeSetting(e *core.RecordEvent) error {
	return kernel.InTransaction(e, func(tx core.App) error {
		was := collections.Settings(tx)
		if err := e.Next(); err != nil {
			return err
		}
		is := collections.Settings(tx) // in a transaction they are read from the row
		if was.AdultAge == is.AdultAge && was.TimeZone == is.TimeZone {
			return nil
		}
		var rows []struct {
			ID   string `db:"id"`
			Born string `db:"date_of_birth"`
		}
		err := tx.DB().NewQuery(`SELECT id, date_of_birth FROM clients WHERE id IN
			(SELECT client FROM client_access WHERE relationship IN ('parent', 'guardian'))`).All(&rows)
		if err != nil {
			return err
		}
		for _, r := range rows {
			if err := moveEndOfChildhood(tx, r.ID, adultOn(was, r.Born), adultOn(is, r.Born)); err != nil {
				return err
			}
		}
		return nil
	})
}

// moveEndOfChildhood moves the end of what parents and guardians may. Access that is to end earlier keeps its end, and
// what has ended does not come back. The guardian of somebody who was of age stays as the administrator named them.
func moveEndOfChildhood(tx core.App, client string, was, is time.Time) error {
	now := kernel.Now(tx)
	rows, err := collections.AccessTo(tx, client, now)
	if err != nil {
		return err
	}
	for _, a := range rows {
		end := a.ExpiresAt()
		ofAdult := a.Relationship() == collections.RelationshipGuardian && !now.Before(was)
		switch {
		case !isParental(a.Relationship()), ofAdult && !now.Before(is):
			continue
		case end.IsZero(), end.After(is), end.Equal(was) && !ofAdult:
			a.End(is)
		default:
			continue
		}
		if err := kernel.SaveAs(tx, kernel.System(), a.Record); err != nil {
			return err
		}
	}
	return nil
}
