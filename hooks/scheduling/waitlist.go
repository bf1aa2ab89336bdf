package scheduling

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/pocketbase/dbx"
	validation "github.com/pocketbase/ozzo-validation/v4"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
)

// The waitlist: who may join it for what, and which moves an entry makes. What is offered to whom is in offers.go.

// waitsAtMost is how many live entries one client may have.
const waitsAtMost = 10

// bindWaitlist binds the rules that every door meets.
func bindWaitlist(app core.App) {
	app.OnRecordCreate(collections.WaitlistEntries).BindFunc(func(e *core.RecordEvent) error {
		w := collections.AsWaitlistEntry(e.Record)
		if err := judgeNewEntry(e.App, kernel.ActorOf(e.Record), w); err != nil {
			return err
		}
		return e.Next()
	})
	app.OnRecordDelete(collections.WaitlistEntries).BindFunc(func(*core.RecordEvent) error {
		return validation.Errors{"status": problem("kept", "An entry of the waitlist is withdrawn, not deleted.")}
	})
	// 98: around PocketBase's own write and the audit log's, as in bindTransaction
	app.OnRecordCreateExecute(collections.WaitlistEntries).Bind(&hook.Handler[*core.RecordEvent]{Id: "waitlist.join", Priority: 98, Func: refuseWaitingTwice})
	app.OnRecordUpdateExecute(collections.WaitlistEntries).Bind(&hook.Handler[*core.RecordEvent]{Id: "waitlist.move", Priority: 98, Func: moveEntry})
}

// mayWait tells whether the actor may put a client on the waitlist.
func mayWait(by kernel.Actor) bool {
	return by.Kind == kernel.KindClient || by.Kind == kernel.KindSystem || by.IsStaff(deskRoles...)
}

// mayMoveEntry tells whether the actor may move an entry from one status to another. Only the clinic offers, only the
// client accepts, and time passes by itself.
func mayMoveEntry(by kernel.Actor, from, to collections.WaitlistStatus) bool {
	system, desk, client := by.Kind == kernel.KindSystem, by.IsStaff(deskRoles...), by.Kind == kernel.KindClient
	if !from.MayBecome(to) {
		return false
	}
	switch to {
	case collections.WaitlistOffered:
		return system || desk
	case collections.WaitlistBooked:
		return client
	case collections.WaitlistWaiting, collections.WaitlistWithdrawn:
		return system || desk || client
	case collections.WaitlistExpired:
		return system
	}
	return false
}

// judgeNewEntry: somebody who may, for something the clinic gives, and for days and hours that exist.
func judgeNewEntry(app core.App, by kernel.Actor, w *collections.WaitlistEntry) error {
	if !mayWait(by) {
		return kernel.Forbidden("ROLE", "You cannot put anybody on the waitlist.")
	}
	problems := validation.Errors{}
	if w.Status() != collections.WaitlistWaiting || w.Offer() != (collections.WaitlistOffer{}) || w.Appointment() != "" || w.GetString("passed") != "" && w.GetString("passed") != "null" {
		problems["status"] = problem("status", "An entry begins by waiting.")
	}
	now := kernel.Now(app)
	if by.Kind != kernel.KindSystem || w.GetDateTime("joined_at").IsZero() {
		w.Set("joined_at", now)
		w.Set("requested_by", by.ID)
	}
	zone := collections.Settings(app).Zone()
	if err := judgeWish(app, w, &zone, problems); err != nil {
		return err
	}
	judgeHours(w, now.In(zone).Format(dayForm), problems)
	if len(problems) > 0 {
		return problems
	}
	audit.As(w.Record, audit.JoinWaitlist)
	return nil
}

// judgeWish: the service is one of the clinic's and not switched off, and the clinician gives it, there. zone becomes
// that of the place, when one is named.
func judgeWish(app core.App, w *collections.WaitlistEntry, zone **time.Location, problems validation.Errors) error {
	service, err := collections.FindService(app, w.Service())
	if isNoRows(err) || err == nil && (!service.IsActive() || service.Mode() == collections.BookingOff) {
		problems["service"] = problem("service_not_found", "Choose one of the clinic's services.")
		return nil
	}
	if err != nil {
		return err
	}
	if p := w.Place(); p != "" && !service.TakesPlace(p) {
		problems["service_location"] = problem("not_offered", "This service is not given that way.")
	}
	if id := w.Location(); id != "" {
		location, err := collections.FindLocation(app, id)
		if err != nil && !isNoRows(err) {
			return err
		}
		if err != nil || !location.IsActive() {
			problems["location"] = problem("location_not_found", "Choose one of the clinic's places.")
		} else if *zone, err = location.Zone(); err != nil {
			return err
		}
	}
	id := w.Clinician()
	if id == "" {
		return nil
	}
	r, err := app.FindRecordById(collections.Clinicians, id)
	switch {
	case err != nil && !isNoRows(err):
		return err
	case err != nil || !r.GetBool("is_active"):
		problems["clinician"] = problem("clinician_not_found", "Choose one of the clinic's people.")
	case !service.OfferedBy(id):
		problems["clinician"] = problem("clinician_not_for_service", "This person does not give this service.")
	case w.Location() != "" && placeOfEntry(w, service) == collections.InOffice && !worksAt(r, w.Location()):
		problems["clinician"] = problem("clinician_not_at_location", "This person does not work at that place.")
	}
	return nil
}

// worksAt tells whether a clinician works at a place. Who names none works at all of them.
func worksAt(clinician *core.Record, location string) bool {
	places := clinician.GetStringSlice("locations")
	return len(places) == 0 || slices.Contains(places, location)
}

// judgeHours: weekdays from 0 to 6, each once and in order, a morning before its evening, and a last day that is not
// past.
func judgeHours(w *collections.WaitlistEntry, today string, problems validation.Errors) {
	days, err := w.Days()
	slices.Sort(days)
	days = slices.Compact(days)
	if err != nil || len(days) > 0 && (days[0] < 0 || days[len(days)-1] > 6) {
		problems["days"] = problem("range", "Days are numbers from 0, Sunday, to 6, Saturday.")
	} else {
		raw, _ := json.Marshal(append([]int{}, days...)) // numbers always become text
		w.Set("days", string(raw))
	}
	for _, f := range []string{"from_time", "until_time"} {
		if s := w.GetString(f); s != "" {
			if _, ok := parseWall(s); !ok {
				problems[f] = errNoWall
			}
		}
	}
	if w.From() != "" && w.Until() != "" && w.From() >= w.Until() && problems["from_time"] == nil && problems["until_time"] == nil {
		problems["until_time"] = problem("range", "The end must be after the beginning.")
	}
	if last := w.ExpiresOn(); last != "" {
		if _, ok := parseDay(last); !ok {
			problems["expires_on"] = errNoDay
		} else if last < today {
			problems["expires_on"] = problem("past", "This day has passed. Choose one that is still to come.")
		}
	}
}

const selectLiveEntries = `SELECT count(*), coalesce(sum(service = {:service} AND clinician = {:clinician}), 0) FROM waitlist_entries
	WHERE client = {:client} AND status IN ('waiting','offered')`

// refuseWaitingTwice: one live entry for the same wish, and not more than a person can mean. It is counted where the
// row is written, so that two at once do not both find room.
func refuseWaitingTwice(e *core.RecordEvent) error {
	return kernel.InTransaction(e, func(tx core.App) error {
		w := collections.AsWaitlistEntry(e.Record)
		var live, same int
		err := tx.DB().NewQuery(selectLiveEntries).Bind(dbx.Params{"client": w.Client(), "service": w.Service(), "clinician": w.Clinician()}).Row(&live, &same)
		switch {
		case err != nil:
			return err
		case same > 0:
			return kernel.Conflict("ALREADY_WAITING", "You are on the waitlist for this already.")
		case live >= waitsAtMost:
			return kernel.Conflict("TOO_MANY_ENTRIES", "You are on the waitlist ten times. Leave one of them first, or call us.")
		}
		return e.Next()
	})
}

// moveEntry lets an entry make a move that is legal, by somebody who may make it, and nothing else: what was wished
// stays as it was wished. A time that was offered and is free again is looked at anew, in the same commit.
func moveEntry(e *core.RecordEvent) error {
	return kernel.InTransaction(e, func(tx core.App) error {
		before, err := collections.FindWaitlistEntry(tx, e.Record.Id)
		if err != nil {
			return err
		}
		after, by, now := collections.AsWaitlistEntry(e.Record), kernel.ActorOf(e.Record), kernel.Now(tx)
		if err := judgeEntry(before, after, by, now); err != nil {
			return err
		}
		given := before.Offer()
		if before.Status() == collections.WaitlistOffered && after.Status() != collections.WaitlistBooked {
			if err := letPass(after, given); err != nil {
				return err
			}
		}
		if err := e.Next(); err != nil {
			return err
		}
		if after.Status() == collections.WaitlistOffered {
			return tellOfOffer(tx, after)
		}
		if before.Status() != collections.WaitlistOffered || after.Status() == collections.WaitlistBooked {
			return nil
		}
		return matchLater(tx, freed{Clinician: given.Clinician, Location: given.Location, From: given.Start, To: given.HoldEnd},
			"waitlist:"+after.Id+":"+given.Start.Format(timeForm)+":"+after.GetString("offers_made"))
	})
}

// wished are the columns that stay.
var wished = []string{"client", "service", "clinician", "location", "service_location", "days", "from_time", "until_time", "expires_on",
	"requested_by", "joined_at"}

// judgeEntry checks a move, and writes what follows from it.
func judgeEntry(before, after *collections.WaitlistEntry, by kernel.Actor, now time.Time) error {
	problems := validation.Errors{}
	for _, f := range wished {
		if before.GetString(f) != after.GetString(f) {
			problems[f] = problem("read_only", "What was wished stays as it is. Leave the waitlist and join it anew.")
		}
	}
	from, to := before.Status(), after.Status()
	if !mayMoveEntry(by, from, to) {
		problems["status"] = problem("illegal_move", "An entry of the waitlist cannot go from "+string(from)+" to "+string(to)+" like that.")
	}
	if len(problems) > 0 {
		return problems
	}
	offer := after.Offer()
	switch to {
	case collections.WaitlistOffered:
		if !offer.Start.After(now) || !offer.HoldEnd.After(offer.Start) || !offer.Expires.After(now) || offer.Expires.After(offer.Start) ||
			offer.Clinician == "" || offer.Location == "" {
			return validation.Errors{"offered_start": problem("times", "An offer is a time to come, with somebody, somewhere, and an end before it.")}
		}
		after.Set("offers_made", before.GetInt("offers_made")+1)
		audit.As(after.Record, audit.OfferWaitlist)
		return nil
	case collections.WaitlistBooked:
		if !before.Offer().Expires.After(now) {
			return offerExpired()
		}
		if after.Appointment() == "" {
			return validation.Errors{"appointment": problem("required", "Say which visit was booked.")}
		}
		audit.As(after.Record, audit.AcceptOffer)
	case collections.WaitlistWaiting:
		audit.As(after.Record, audit.EndOffer)
	case collections.WaitlistExpired:
		audit.As(after.Record, audit.ExpireWaitlist)
	case collections.WaitlistWithdrawn:
		audit.As(after.Record, audit.LeaveWaitlist)
	}
	if !to.Live() {
		after.Set("ended_at", now)
	}
	after.SetOffer(collections.WaitlistOffer{})
	return nil
}

func offerExpired() error {
	return kernel.Conflict("OFFER_EXPIRED", "This offer has ended. You stay on the waitlist, and we'll tell you when another time opens.")
}

// remembered is how many times that an entry let pass are kept.
const remembered = 20

// letPass remembers a time that was offered and not taken, so that the line moves on.
func letPass(w *collections.WaitlistEntry, o collections.WaitlistOffer) error {
	passed, err := w.Passed()
	if err != nil {
		return err
	}
	passed = append(passed, collections.Passed{Start: o.Start, End: o.HoldEnd})
	w.Set("passed", passed[max(0, len(passed)-remembered):])
	return nil
}

// placeOfEntry is where a visit of this entry would be: as wished, else in the office if the service is given there.
func placeOfEntry(w *collections.WaitlistEntry, service *collections.Service) collections.ServicePlace {
	switch {
	case w.Place() != "":
		return w.Place()
	case service.TakesPlace(collections.InOffice):
		return collections.InOffice
	}
	return collections.Telehealth
}
