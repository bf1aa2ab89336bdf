package scheduling

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/pocketbase/dbx"
	validation "github.com/pocketbase/ozzo-validation/v4"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"

	"anteroom/collections"
	"anteroom/hooks/kernel"
	"anteroom/hooks/notices"
	"anteroom/hooks/outbox"
)

// Offers: time that becomes free is offered to the waitlist, one after the other, each for a while. Whatever frees time
// leaves a job in its own transaction, so that none is forgotten by a crash, and the job asks the same question that
// every booking asks. A time that is offered is nobody else's until the offer ends (openings.go).

// freed is time that somebody on the waitlist may want. No clinician: anybody's; no location: anywhere's.
type freed struct {
	Clinician string    `json:"clinician,omitempty"`
	Location  string    `json:"location,omitempty"`
	From      time.Time `json:"from"`
	To        time.Time `json:"to"`
}

const jobMatch = "waitlist_match"

// bindOffers has the line move whenever time is freed or an offer ends.
func bindOffers(app core.App) {
	outbox.OnJob(app, jobMatch, func(app core.App, payload []byte) error {
		var f freed
		if err := json.Unmarshal(payload, &f); err != nil {
			return fmt.Errorf("read what was freed: %w", err)
		}
		return match(app, f)
	})
	app.Cron().MustAdd("anteroom_waitlist", "* * * * *", func() {
		if err := tendWaitlist(app); err != nil {
			app.Logger().Error("tend the waitlist", "error", err)
		}
	})
	// 150: within the transaction of the write
	app.OnRecordUpdateExecute(collections.Appointments).Bind(&hook.Handler[*core.RecordEvent]{Id: "waitlist.visits", Priority: 150, Func: offerWhatAVisitFrees})
	hours := func() *hook.Handler[*core.RecordEvent] { // one for each: binding wraps it
		return &hook.Handler[*core.RecordEvent]{Id: "waitlist.hours", Priority: 150, Func: offerWhatHoursFree}
	}
	app.OnRecordCreateExecute(collections.Shifts).Bind(hours())
	app.OnRecordUpdateExecute(collections.Shifts, collections.Breaks, collections.Closures).Bind(hours())
	app.OnRecordDeleteExecute(collections.Breaks, collections.Closures).Bind(hours())
}

// matchLater notes that time was freed, unless nobody waits.
func matchLater(tx core.App, f freed, cause string) error {
	if !f.To.After(kernel.Now(tx)) {
		return nil
	}
	line, err := inLine(tx, f)
	if err != nil || len(line) == 0 {
		return err
	}
	return outbox.Job(tx, jobMatch, cause, f)
}

// offerWhatAVisitFrees: a visit that is called off, declined or missed before it begins gives back what it held, and so
// does one that moves away.
func offerWhatAVisitFrees(e *core.RecordEvent) error {
	before, err := collections.FindAppointment(e.App, e.Record.Id)
	if err != nil {
		return err
	}
	if err := e.Next(); err != nil {
		return err
	}
	after := collections.AsAppointment(e.Record)
	held, holds := slotOf(before), slotOf(after)
	if !keepsTime(before) || keepsTime(after) && held.clinician == holds.clinician && !held.holdStart.Before(holds.holdStart) && !held.holdEnd.After(holds.holdEnd) {
		return nil
	}
	if after.Status().Ended() && !held.start.After(kernel.Now(e.App)) {
		return nil // it has begun
	}
	return matchLater(e.App, freed{Clinician: held.clinician, Location: held.location, From: held.holdStart, To: held.holdEnd},
		"waitlist:"+after.Id+":"+after.GetString("updated"))
}

// keepsTime tells whether an appointment keeps its clinician's time from others: as a visit, or as a request that holds.
func keepsTime(a *collections.Appointment) bool {
	return a.Clinician() != "" && (a.Status().Holds() || a.Status() == collections.AppointmentRequested && a.HoldsSlot())
}

// offerWhatHoursFree: somebody works longer, a break or a closing is gone or elsewhere. When exactly, openings knows;
// the days of the row, before and after, bound where to look.
func offerWhatHoursFree(e *core.RecordEvent) error {
	stored, err := e.App.FindRecordById(e.Record.Collection(), e.Record.Id)
	if err != nil && !isNoRows(err) {
		return err
	}
	if err := e.Next(); err != nil {
		return err
	}
	now := kernel.Now(e.App)
	f := freed{Clinician: e.Record.GetString("clinician"), Location: e.Record.GetString("location"),
		From: now, To: now.AddDate(0, 0, collections.Settings(e.App).BookingHorizon)}
	first, last := rowDays(e.Record)
	if stored != nil {
		wasFirst, wasLast := rowDays(stored)
		first, last = min(first, wasFirst), max(last, wasLast)
		if stored.GetString("clinician") != f.Clinician {
			f.Clinician = ""
		}
		if stored.GetString("location") != f.Location {
			f.Location = ""
		}
	}
	// a day wider than any zone's distance from UTC
	if day, ok := parseDay(first); ok && day.AddDate(0, 0, -1).After(f.From) {
		f.From = day.AddDate(0, 0, -1)
	}
	if day, ok := parseDay(last); ok && day.AddDate(0, 0, 2).Before(f.To) {
		f.To = day.AddDate(0, 0, 2)
	}
	return matchLater(e.App, f, "waitlist:"+e.Record.Id+":"+e.Record.GetString("updated"))
}

const endless = "9999"

// rowDays bounds the days of a shift, a break or a closure.
func rowDays(r *core.Record) (first, last string) {
	first, last = r.GetString("first_day"), r.GetString("last_day")
	if extra := r.GetString("extra_days"); last == "" && (r.GetString("rrule") != "" || extra != "" && extra != "null" && extra != "[]") {
		last = endless
	}
	return first, max(first, last)
}

const selectInLine = `SELECT id FROM waitlist_entries WHERE status = 'waiting'
	AND ({:clinician} = '' OR clinician = '' OR clinician = {:clinician}) AND ({:location} = '' OR location = '' OR location = {:location})
	ORDER BY joined_at, rowid`

// inLine lists who waits for time like this, the longest waiting first.
func inLine(app core.App, f freed) ([]string, error) {
	var ids []string
	err := app.DB().NewQuery(selectInLine).Bind(dbx.Params{"clinician": f.Clinician, "location": f.Location}).Column(&ids)
	return ids, err
}

// match goes along the line and offers to each entry the first time of what was freed that suits it. What one was
// offered is not open any more when the next is looked at.
func match(app core.App, f freed) error {
	line, err := inLine(app, f)
	if err != nil {
		return err
	}
	var failed error // an entry that cannot be looked at keeps nobody behind it waiting
	for _, id := range line {
		if err := matchEntry(app, id, f); err != nil {
			failed = errors.Join(failed, fmt.Errorf("entry %s: %w", id, err))
		}
	}
	return failed
}

// matchStep is how much of a long range is looked at in one piece.
const matchStep = 7 * 24 * time.Hour

func matchEntry(app core.App, id string, f freed) error {
	w, err := collections.FindWaitlistEntry(app, id)
	if err != nil {
		return err
	}
	wishes, err := wishesOf(app, w, f)
	if err != nil {
		return err
	}
	for _, ask := range wishes {
		fits, err := newFit(app, w, ask, f)
		if err != nil {
			return err
		}
		for from := fits.from; from.Before(f.To); from = from.Add(matchStep) {
			found, err := openings(app, ask, from, minTime(from.Add(matchStep), f.To))
			if err != nil {
				return err
			}
			for _, o := range fits.best(found) {
				offered, err := offerTime(app, kernel.System(), id, ask, o.start, o.clinicians[0])
				if err != nil || offered {
					return err
				}
			}
		}
	}
	return nil
}

func minTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// wishesOf is what an entry wants of freed time: at the place it names, else at each of the clinic's where that is free,
// with the clinician whose time it is. The clinic offers it, so its notice and its ways of booking do not count.
func wishesOf(app core.App, w *collections.WaitlistEntry, f freed) ([]wish, error) {
	client, err := app.FindRecordById(collections.Clients, w.Client())
	if err != nil {
		return nil, err
	}
	service, err := collections.FindService(app, w.Service())
	if err != nil {
		return nil, err
	}
	if !service.IsActive() || service.Mode() == collections.BookingOff || !collections.AsClient(client).Active() {
		return nil, nil
	}
	cat, err := catalogueOf(app)
	if err != nil {
		return nil, err
	}
	var out []wish
	for _, l := range cat.Locations {
		if w.Location() != "" && w.Location() != l.ID || f.Location != "" && f.Location != l.ID {
			continue
		}
		location, err := collections.FindLocation(app, l.ID)
		if err != nil {
			return nil, err
		}
		ask := wish{client: w.Client(), service: service, location: location, place: placeOfEntry(w, service), clinician: w.Clinician(),
			by: askedOfTheClinic, entry: w.Id}
		if ask.clinician == "" {
			ask.clinician = f.Clinician
		}
		out = append(out, ask)
	}
	return out, nil
}

// fit is what of the openings suits an entry.
type fit struct {
	entry    *collections.WaitlistEntry
	ask      wish
	freed    freed
	zone     *time.Location
	days     []int
	passed   []collections.Passed
	now      time.Time
	limit    time.Duration
	from     time.Time
	enforced map[string]bool // clinicians whose hours are known
	accepts  map[string]bool // clinicians who would take this client
}

func newFit(app core.App, w *collections.WaitlistEntry, ask wish, f freed) (*fit, error) {
	now := kernel.Now(app)
	x := &fit{entry: w, ask: ask, freed: f, now: now, limit: collections.Settings(app).WaitlistOffer, enforced: map[string]bool{}, accepts: map[string]bool{}}
	var err error
	if x.zone, err = ask.location.Zone(); err != nil {
		return nil, err
	}
	if x.days, err = w.Days(); err != nil {
		return nil, err
	}
	if x.passed, err = w.Passed(); err != nil {
		return nil, err
	}
	// a visit that is longer than what was freed may begin before it
	x.from = f.From.Add(-ask.service.Hold(ask.visit()) + time.Second)
	if x.from.Before(now) {
		x.from = now
	}
	people, err := app.FindRecordsByIds(collections.Clinicians, ask.service.GetStringSlice("clinicians"))
	if err != nil {
		return nil, err
	}
	for _, p := range people {
		if x.enforced[p.Id], err = enforced(app, p.Id); err != nil {
			return nil, err
		}
		if x.accepts[p.Id], err = accepts(app, p, w.Client()); err != nil {
			return nil, err
		}
	}
	return x, nil
}

// accepts tells whether a clinician sees a client: because they take new ones, or know this one.
func accepts(app core.App, clinician *core.Record, client string) (known bool, err error) {
	if clinician.GetBool("is_accepting_new_patients") {
		return true, nil
	}
	err = app.DB().NewQuery(selectKnown).Bind(dbx.Params{"client": client, "clinician": clinician.Id, "now": kernel.Now(app).Format(timeForm)}).Row(&known)
	return known, err
}

// best lists the openings that suit, those that begin where the time was freed first, so that it is not cut into pieces.
func (x *fit) best(found []opening) []opening {
	var out []opening
	for _, o := range found {
		o.clinicians = slices.DeleteFunc(slices.Clone(o.clinicians), func(id string) bool { return !x.accepts[id] || !x.enforced[id] && !x.within(o.start) })
		if len(o.clinicians) > 0 && x.suits(o.start) {
			out = append(out, o)
		}
	}
	slices.SortStableFunc(out, func(a, b opening) int {
		early := func(o opening) int {
			if o.start.Before(x.freed.From) {
				return 1
			}
			return 0
		}
		return early(a) - early(b)
	})
	return out
}

// within: where the clinic keeps no hours, only what was agreed before is known to be a time at which somebody works.
func (x *fit) within(start time.Time) bool {
	return !start.Before(x.freed.From) && !start.Add(x.ask.service.Hold(x.ask.visit())).After(x.freed.To)
}

// suits: on a day and between the hours that were named, while there is time to answer, and not what the entry let pass
// already.
func (x *fit) suits(start time.Time) bool {
	if _, ok := answerBy(x.now, start, x.limit); !ok {
		return false
	}
	end := start.Add(x.ask.visit())
	from, until := start.In(x.zone), end.In(x.zone)
	day := from.Format(dayForm)
	switch {
	case len(x.days) > 0 && !slices.Contains(x.days, int(from.Weekday())),
		x.entry.From() != "" && from.Format(wallForm) < x.entry.From(),
		x.entry.Until() != "" && (until.Format(wallForm) > x.entry.Until() || until.Format(dayForm) != day),
		x.entry.ExpiresOn() != "" && day > x.entry.ExpiresOn():
		return false
	}
	held := start.Add(x.ask.service.Hold(x.ask.visit()))
	return !slices.ContainsFunc(x.passed, func(p collections.Passed) bool { return p.Start.Before(held) && p.End.After(start) })
}

// answerTime is how long somebody must have to answer an offer, and how long before the visit it ends.
const answerTime = 30 * time.Minute

// answerBy is when an offer ends: after the clinic's time, or half an hour before the visit. It is none when that leaves
// too little to answer.
func answerBy(now, start time.Time, limit time.Duration) (time.Time, bool) {
	until := minTime(now.Add(limit), start.Add(-answerTime))
	return until, !until.Before(now.Add(min(limit, answerTime)))
}

// offerTime keeps a time for an entry and tells its client, or finds that it is gone, or the entry does not wait any
// more. Who is first in the transaction has it.
func offerTime(app core.App, by kernel.Actor, id string, ask wish, start time.Time, clinician string) (offered bool, err error) {
	err = app.RunInTransaction(func(tx core.App) error {
		w, err := collections.FindWaitlistEntry(tx, id)
		if err != nil || w.Status() != collections.WaitlistWaiting {
			return err
		}
		ask.clinician = clinician
		err = refuseUnopened(tx, ask, start)
		var gone validation.Errors
		if errors.As(err, &gone) {
			return nil
		}
		if err != nil {
			return err
		}
		until, ok := answerBy(kernel.Now(tx), start, collections.Settings(tx).WaitlistOffer)
		if !ok {
			return nil
		}
		w.SetStatus(collections.WaitlistOffered)
		w.SetOffer(collections.WaitlistOffer{Start: start, HoldEnd: start.Add(ask.service.Hold(ask.visit())), Expires: until,
			Clinician: clinician, Location: ask.location.Id})
		offered = true
		return kernel.SaveAs(tx, by, w.Record)
	})
	return offered && err == nil, err
}

const selectOver = `SELECT id FROM waitlist_entries WHERE status = 'offered' AND offer_expires_at <= {:now}
	OR (status = 'waiting' OR status = 'offered') AND expires_on <> '' AND expires_on <= {:day} ORDER BY joined_at, rowid`

// tendWaitlist ends offers that nobody answered, whose time then goes to the next in line, and entries whose last day is
// over. It does so whenever it comes to it: what was missed while the server was down is done at the first minute.
func tendWaitlist(app core.App) error {
	now := kernel.Now(app)
	var ids []string
	err := app.DB().NewQuery(selectOver).Bind(dbx.Params{"now": now.Format(timeForm), "day": now.Add(14 * time.Hour).Format(dayForm)}).Column(&ids)
	if err != nil {
		return err
	}
	var failed error
	for _, id := range ids {
		if err := app.RunInTransaction(func(tx core.App) error { return endWhatIsOver(tx, id, now) }); err != nil {
			failed = errors.Join(failed, fmt.Errorf("entry %s: %w", id, err))
		}
	}
	return failed
}

func endWhatIsOver(tx core.App, id string, now time.Time) error {
	w, err := collections.FindWaitlistEntry(tx, id)
	if err != nil {
		return err
	}
	zone, err := zoneOfEntry(tx, w)
	if err != nil {
		return err
	}
	late := w.Status() == collections.WaitlistOffered && !w.Offer().Expires.After(now)
	switch {
	case w.Status().Live() && w.ExpiresOn() != "" && w.ExpiresOn() < now.In(zone).Format(dayForm):
		w.SetStatus(collections.WaitlistExpired)
	case late:
		w.SetStatus(collections.WaitlistWaiting)
	default:
		return nil
	}
	return kernel.SaveAs(tx, kernel.System(), w.Record)
}

// zoneOfEntry is that of the place that was named, or the clinic's.
func zoneOfEntry(app core.App, w *collections.WaitlistEntry) (*time.Location, error) {
	if w.Location() == "" {
		return collections.Settings(app).Zone(), nil
	}
	location, err := collections.FindLocation(app, w.Location())
	if err != nil {
		return nil, err
	}
	return location.Zone()
}

// bookingType is how a visit that a client books came about.
func (s *save) bookingType() string {
	if id, _ := s.after.GetRaw(entryKey).(string); id != "" {
		return collections.BookingTypeWaitlist
	}
	if s.after.Group() != "" {
		return collections.BookingTypeGroup
	}
	return collections.BookingTypeInstant
}

// acceptedOffer is the entry whose offer this booking takes, as it is stored, or nil. What was offered is a time, a
// clinician, a service and a place, and nothing else.
func (s *save) acceptedOffer(app core.App) (*collections.WaitlistEntry, error) {
	id, _ := s.after.GetRaw(entryKey).(string)
	if id == "" {
		return nil, nil
	}
	w, err := collections.FindWaitlistEntry(app, id)
	if err != nil {
		return nil, err
	}
	offer := w.Offer()
	if w.Status() != collections.WaitlistOffered || !offer.Expires.After(s.now) || w.Client() != s.after.Client() || w.Service() != s.after.Service() ||
		!offer.Start.Equal(s.after.Start()) || offer.Clinician != s.after.Clinician() || offer.Location != s.after.Location() {
		return nil, offerExpired()
	}
	return w, nil
}

// accept books the time that is kept for an entry. Of two answers at once the second finds the visit of the first.
func accept(app core.App, by kernel.Actor, id string) (appointment string, err error) {
	err = app.RunInTransaction(func(tx core.App) error {
		w, err := collections.FindWaitlistEntry(tx, id)
		if isNoRows(err) || err == nil && w.Client() != by.Client {
			return kernel.NotFound()
		}
		if err != nil {
			return err
		}
		if w.Status() == collections.WaitlistBooked {
			appointment = w.Appointment()
			return nil
		}
		offer := w.Offer()
		if w.Status() != collections.WaitlistOffered || !offer.Expires.After(kernel.Now(tx)) {
			return offerExpired()
		}
		service, err := collections.FindService(tx, w.Service())
		if err != nil {
			return err
		}
		a, err := collections.NewAppointment(tx)
		if err != nil {
			return err
		}
		for field, value := range map[string]string{"client": w.Client(), "service": w.Service(), "clinician": offer.Clinician, "location": offer.Location,
			"service_location": string(placeOfEntry(w, service))} {
			a.Set(field, value)
		}
		a.SetStart(offer.Start)
		a.SetStatus(collections.AppointmentScheduled)
		a.SetRaw(entryKey, w.Id)
		if err := kernel.SaveAs(tx, by, a.Record); err != nil {
			return err
		}
		appointment = a.Id
		w.Set("appointment", a.Id)
		w.SetStatus(collections.WaitlistBooked)
		return kernel.SaveAs(tx, by, w.Record)
	})
	return appointment, err
}

// decline gives an offered time back at once; the entry stays in the line for another.
func decline(app core.App, by kernel.Actor, id string) error {
	return app.RunInTransaction(func(tx core.App) error {
		w, err := collections.FindWaitlistEntry(tx, id)
		if isNoRows(err) || err == nil && by.Kind == kernel.KindClient && w.Client() != by.Client {
			return kernel.NotFound()
		}
		if err != nil {
			return err
		}
		if w.Status() != collections.WaitlistOffered {
			return offerExpired()
		}
		w.SetStatus(collections.WaitlistWaiting)
		return kernel.SaveAs(tx, by, w.Record)
	})
}

// tellOfOffer tells the client of a time that is kept for them: in the portal with what it is for, by mail and, where
// they agreed, by text message with no more than when, where and until when.
func tellOfOffer(tx core.App, w *collections.WaitlistEntry) error {
	r, err := tx.FindRecordById(collections.Clients, w.Client())
	if err != nil {
		return err
	}
	lang := orEnglish(r.GetString("language"))
	a, err := collections.NewAppointment(tx) // not saved: it lends its words
	if err != nil {
		return err
	}
	offer := w.Offer()
	service, err := collections.FindService(tx, w.Service())
	if err != nil {
		return err
	}
	location, err := collections.FindLocation(tx, offer.Location)
	if err != nil {
		return err
	}
	for field, value := range map[string]any{"client": w.Client(), "service": w.Service(), "clinician": offer.Clinician, "location": offer.Location, "time_zone": location.TimeZone(),
		"service_location": string(placeOfEntry(w, service)), "start_time": offer.Start, "end_time": offer.Start.Add(service.Duration()), "requested_by": w.GetString("requested_by")} {
		a.Set(field, value)
	}
	f, err := factsOf(tx, a, kernel.Now(tx), lang)
	if err != nil {
		return err
	}
	say := func(en, es string) string { return inLanguage(lang, en, es) }
	until := offer.Expires.In(f.zone)
	by := whenInWords(lang, until, f.now.In(f.zone).Year()) + " (" + until.Format("MST") + ")"
	cause := "waitlist:" + w.Id + ":" + offer.Start.Format(timeForm) + ":" + w.GetString("offers_made")
	ends := say("We keep it for you until "+by+".", "Se la guardamos hasta el "+by+".")
	title := say("A time has opened", "Hay una hora disponible")
	err = notices.Tell(tx, w.Client(), kernel.AreaVisits, notices.Notice{Type: collections.NoticeWaitlistOffer, Title: title, Priority: collections.PriorityHigh,
		Link: waitlistPage, Cause: cause, Message: f.when() + ". " + f.service + say(" with ", " con ") + f.clinician + ". " + ends})
	if err != nil {
		return err
	}
	to, err := addresses(tx, a)
	if err != nil {
		return err
	}
	for _, address := range to {
		m := outbox.Message{Topic: string(collections.NoticeWaitlistOffer), To: address.email, Language: lang, Subject: title, Link: waitlistPage,
			LinkLabel: say("Answer the offer", "Responder"), Cause: cause + ":" + address.owner,
			Text: paragraphs(say("A time has opened at "+f.settings.ClinicName+": "+f.when()+".", "Hay una hora disponible en "+f.settings.ClinicName+": "+f.when()+"."),
				f.place, f.details(), ends, say("If you do not answer, it goes to the next person.", "Si no responde, pasará a otra persona."))}
		if err := outbox.Mail(tx, m); err != nil {
			return err
		}
	}
	_, err = outbox.SMSTo(tx, collections.AsClient(r), outbox.Text{Topic: string(collections.NoticeWaitlistOffer), Language: lang, Until: offer.Expires, Cause: cause + ":sms",
		Body: f.settings.ClinicName + ": " + say("a time has opened, ", "hay una hora disponible, ") + f.when() + ". " + say("Answer in the portal by ", "Responda en el portal antes del ") + by + "."})
	return err
}

// waitlistPage is where offers are answered.
const waitlistPage = "/appointments/waitlist"
