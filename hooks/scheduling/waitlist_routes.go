package scheduling

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/pocketbase/dbx"
	validation "github.com/pocketbase/ozzo-validation/v4"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
	"anteroom/hooks/realtime"
)

// bindWaitlistRoutes declares the routes of the waitlist, and lets an open page hear of an offer at once.
func bindWaitlistRoutes(app core.App) {
	realtime.Publish(app, realtime.Topic{Collection: collections.WaitlistEntries, Area: kernel.AreaVisits, Item: heardEntry, View: audit.ListWaitlist})
	const own, desk = kernel.Portal + "/waitlist", kernel.Desk + "/waitlist"
	kernel.Handle(app,
		kernel.Route{Method: http.MethodGet, Path: own, Access: kernel.ForClient, Area: kernel.AreaVisits, Do: listOwnEntries},
		kernel.Route{Method: http.MethodPost, Path: own, Access: kernel.ForClient, Area: kernel.AreaVisits, Key: kernel.KeyOptional,
			Limit: collections.LimitWaitlist, Do: joinWaitlist},
		kernel.Route{Method: http.MethodDelete, Path: own + "/{id}", Access: kernel.ForClient, Area: kernel.AreaVisits,
			Owns: collections.WaitlistEntries, Do: leaveWaitlist},
		kernel.Route{Method: http.MethodPost, Path: own + "/{id}/accept", Access: kernel.ForClient, Area: kernel.AreaVisits,
			Owns: collections.WaitlistEntries, Do: acceptOffer},
		kernel.Route{Method: http.MethodPost, Path: own + "/{id}/decline", Access: kernel.ForClient, Area: kernel.AreaVisits,
			Owns: collections.WaitlistEntries, Do: declineOffer},

		kernel.Route{Method: http.MethodGet, Path: desk, Access: kernel.Staff, Roles: deskRoles, Do: listWaitlist},
		kernel.Route{Method: http.MethodPost, Path: desk, Access: kernel.Staff, Roles: deskRoles, Key: kernel.KeyOptional, Do: joinWaitlist},
		kernel.Route{Method: http.MethodDelete, Path: desk + "/{id}", Access: kernel.Staff, Roles: deskRoles,
			Owns: collections.WaitlistEntries, Do: leaveWaitlist},
		kernel.Route{Method: http.MethodPost, Path: desk + "/{id}/offer", Access: kernel.Staff, Roles: deskRoles,
			Owns: collections.WaitlistEntries, Do: offerByHand},
	)
}

// WaitlistEntry is an entry as the API shows it. Days are 0, Sunday, to 6; none is any day.
type WaitlistEntry struct {
	ID              string `json:"id"`
	ClientID        string `json:"clientId"`
	ServiceID       string `json:"serviceId"`
	ClinicianID     string `json:"clinicianId,omitempty"`
	LocationID      string `json:"locationId,omitempty"`
	ServiceLocation string `json:"serviceLocation,omitempty"`
	Days            []int  `json:"days"`
	From            string `json:"from,omitempty"`
	To              string `json:"to,omitempty"`
	ExpiresOn       string `json:"expiresOn,omitempty"`
	Status          string `json:"status"`
	JoinedAt        string `json:"joinedAt"`
	Offer           *Offer `json:"offer,omitempty"`
}

// Offer is the time that is kept for an entry.
type Offer struct {
	Slot      Slot   `json:"slot"`
	ExpiresAt string `json:"expiresAt"`
}

// entryItem makes the API's item. An offer whose time is over is none, though its end is not written yet.
func entryItem(app core.App, w *collections.WaitlistEntry, lang string) (WaitlistEntry, error) {
	days, err := w.Days()
	if err != nil {
		return WaitlistEntry{}, err
	}
	item := WaitlistEntry{ID: w.Id, ClientID: w.Client(), ServiceID: w.Service(), ClinicianID: w.Clinician(), LocationID: w.Location(),
		ServiceLocation: w.Place().Wire(), Days: append([]int{}, days...), From: w.From(), To: w.Until(), ExpiresOn: w.ExpiresOn(),
		Status: string(w.Status()), JoinedAt: instant(w.GetString("joined_at"))}
	offer := w.Offer()
	if w.Status() != collections.WaitlistOffered {
		return item, nil
	}
	if !offer.Expires.After(kernel.Now(app)) {
		item.Status = string(collections.WaitlistWaiting)
		return item, nil
	}
	service, err := collections.FindService(app, w.Service())
	if err != nil {
		return item, err
	}
	location, err := collections.FindLocation(app, offer.Location)
	if err != nil {
		return item, err
	}
	slot, err := newSlot(app, wish{service: service, location: location, place: placeOfEntry(w, service), clinician: offer.Clinician}, lang,
		opening{start: offer.Start, clinicians: []string{offer.Clinician}})
	item.Offer = &Offer{Slot: slot, ExpiresAt: offer.Expires.Format(instantForm)}
	return item, err
}

// heardEntry is what a listening page gets.
func heardEntry(app core.App, r *core.Record) (any, error) {
	lang, err := languageOfClient(app, r.GetString("client"))
	if err != nil {
		return nil, err
	}
	return entryItem(app, collections.AsWaitlistEntry(r), lang)
}

// answerEntry shows an entry as it is now.
func answerEntry(c *kernel.Call, id string) (WaitlistEntry, error) {
	w, err := collections.FindWaitlistEntry(c.App, id)
	if err != nil {
		return WaitlistEntry{}, err
	}
	return entryItem(c.App, w, languageOf(c.Request.Header.Get("Accept-Language")))
}

type ownEntries struct {
	Entries []WaitlistEntry `json:"entries"`
}

// listOwnEntries gives what a client waits for.
func listOwnEntries(c *kernel.Call) (*kernel.Reply, error) {
	rows := []*core.Record{}
	err := c.App.RecordQuery(collections.WaitlistEntries).AndWhere(dbx.HashExp{"client": c.Client(), "status": []any{"waiting", "offered"}}).
		OrderBy("joined_at", "rowid").All(&rows)
	if err != nil {
		return nil, err
	}
	out := ownEntries{Entries: []WaitlistEntry{}}
	for _, r := range rows {
		item, err := entryItem(c.App, collections.AsWaitlistEntry(r), languageOf(c.Request.Header.Get("Accept-Language")))
		if err != nil {
			return nil, err
		}
		out.Entries = append(out.Entries, item)
	}
	line := audit.EntryFor(c.Actor, audit.ListWaitlist, audit.Waitlist, "")
	line.Details = audit.Details{"count": len(rows)}
	if err := audit.Read(c.App, line); err != nil {
		return nil, err
	}
	return kernel.OK(out), nil
}

type waitBody struct {
	ClientID        string `json:"clientId"` // the desk's only
	ServiceID       string `json:"serviceId"`
	ClinicianID     string `json:"clinicianId"`
	LocationID      string `json:"locationId"`
	ServiceLocation string `json:"serviceLocation"`
	Days            []int  `json:"days"`
	From            string `json:"from"`
	To              string `json:"to"`
	ExpiresOn       string `json:"expiresOn"`
}

// joinWaitlist puts the client of the request, or at the desk any client, on the waitlist.
func joinWaitlist(c *kernel.Call) (*kernel.Reply, error) {
	var body waitBody
	if err := c.Bind(&body); err != nil {
		return nil, err
	}
	client := c.Client()
	if c.Actor.IsStaff() {
		client = body.ClientID
		if _, err := c.App.FindRecordById(collections.Clients, client); err != nil {
			return nil, kernel.Invalid("", "Choose whom it is for.").Field("clientId", "required", "Choose whom it is for.").Because(err)
		}
	}
	w, err := collections.NewWaitlistEntry(c.App, client, body.ServiceID)
	if err != nil {
		return nil, err
	}
	where, known := collections.PlaceFromWire(body.ServiceLocation)
	if body.ServiceLocation != "" && !known {
		return nil, kernel.Invalid("", "Choose in the office or by video.").Field("serviceLocation", "option", "Choose in the office or by video.")
	}
	for field, value := range map[string]any{"clinician": body.ClinicianID, "location": body.LocationID, "service_location": string(where), "days": body.Days,
		"from_time": body.From, "until_time": body.To, "expires_on": body.ExpiresOn} {
		w.Set(field, value)
	}
	if err := kernel.SaveAs(c.App, c.Actor, w.Record); err != nil {
		return nil, inTheWordsOfTheWaitlist(err)
	}
	item, err := answerEntry(c, w.Id)
	if err != nil {
		return nil, err
	}
	return kernel.Created(item), nil
}

// inTheWordsOfTheWaitlist renames the fields to those that were sent.
func inTheWordsOfTheWaitlist(err error) error {
	refusal := kernel.AsError(err)
	if !refusal.HasFields() {
		return err
	}
	names := map[string]string{"service": "serviceId", "clinician": "clinicianId", "location": "locationId", "fromTime": "from", "untilTime": "to", "client": "clientId"}
	renamed := map[string]kernel.FieldError{}
	for field, problem := range refusal.Fields {
		renamed[cmp.Or(names[field], field)] = problem
	}
	refusal.Fields = renamed
	refusal.Reason = cmp.Or(refusal.Reason, reasonAmong(renamed))
	return refusal
}

type gone struct {
	ID string `json:"id"`
}

// leaveWaitlist withdraws an entry, by its client or at the desk. An offer that stood goes to the next in line.
func leaveWaitlist(c *kernel.Call) (*kernel.Reply, error) {
	err := c.App.RunInTransaction(func(tx core.App) error {
		w, err := collections.FindWaitlistEntry(tx, c.ID())
		if isNoRows(err) || err == nil && c.Actor.Kind == kernel.KindClient && w.Client() != c.Client() {
			return kernel.NotFound()
		}
		if err != nil {
			return err
		}
		if !w.Status().Live() {
			return kernel.Conflict("ENDED", "This entry of the waitlist has ended.")
		}
		w.SetStatus(collections.WaitlistWithdrawn)
		return kernel.SaveAs(tx, c.Actor, w.Record)
	})
	if err != nil {
		return nil, err
	}
	return kernel.OK(gone{c.ID()}), nil
}

type accepted struct {
	Appointment Appointment `json:"appointment"`
}

// acceptOffer books the time that is offered. 409 OFFER_EXPIRED when the answer comes late.
func acceptOffer(c *kernel.Call) (*kernel.Reply, error) {
	id, err := accept(c.App, c.Actor, c.ID())
	if err != nil {
		if taken, ok := slotConflict(err); ok {
			return nil, taken
		}
		return nil, inTheWordsOfTheWaitlist(err)
	}
	lang := languageOf(c.Request.Header.Get("Accept-Language"))
	v, err := newView(c.App, lang)
	if err != nil {
		return nil, err
	}
	item, err := v.one(id, c.Client())
	if err != nil {
		return nil, err
	}
	if err := audit.Read(c.App, audit.EntryFor(c.Actor, audit.ViewAppointment, audit.Appointment, id)); err != nil {
		return nil, err
	}
	return kernel.OK(accepted{item}).Say(inLanguage(lang, "You're booked for ", "Su cita: ") + item.Display + "."), nil
}

// declineOffer gives the time back; the entry goes on waiting.
func declineOffer(c *kernel.Call) (*kernel.Reply, error) {
	if err := decline(c.App, c.Actor, c.ID()); err != nil {
		return nil, err
	}
	item, err := answerEntry(c, c.ID())
	if err != nil {
		return nil, err
	}
	return kernel.OK(item), nil
}

type deskEntry struct {
	WaitlistEntry
	Client deskClient `json:"client"`
}

type deskEntries struct {
	Entries    []deskEntry       `json:"entries"`
	Pagination kernel.Pagination `json:"pagination"`
}

// listWaitlist gives the line, the longest waiting first. A clinician sees the clients they reach.
func listWaitlist(c *kernel.Call) (*kernel.Reply, error) {
	page, err := c.Page()
	if err != nil {
		return nil, err
	}
	where := dbx.And(dbx.NewExp("status IN ('waiting','offered')"), kernel.WithinReach(c.App, c.Actor, "client"))
	if at := c.Request.URL.Query().Get("locationId"); at != "" {
		where = dbx.And(where, dbx.NewExp("(location = '' OR location = {:at})", dbx.Params{"at": at}))
	}
	var total int
	if err := c.App.DB().Select("count(*)").From(collections.WaitlistEntries).Where(where).Row(&total); err != nil {
		return nil, err
	}
	rows := []*core.Record{}
	err = c.App.RecordQuery(collections.WaitlistEntries).AndWhere(where).OrderBy("joined_at", "rowid").
		Limit(int64(page.Limit)).Offset(int64(page.Offset)).All(&rows)
	if err != nil {
		return nil, err
	}
	out := deskEntries{Entries: []deskEntry{}, Pagination: page.Of(total)}
	count := map[string]int{}
	for _, r := range rows {
		item, err := entryItem(c.App, collections.AsWaitlistEntry(r), languageOf(c.Request.Header.Get("Accept-Language")))
		if err != nil {
			return nil, err
		}
		client, err := c.App.FindRecordById(collections.Clients, item.ClientID)
		if err != nil {
			return nil, err
		}
		who := collections.AsClient(client)
		out.Entries = append(out.Entries, deskEntry{item, deskClient{ID: who.Id, Name: strings.TrimSpace(who.FirstName() + " " + who.LastName()), DateOfBirth: who.DateOfBirth()}})
		count[who.Id]++
	}
	if err := audit.Read(c.App, linesOf(c.Actor, audit.ListWaitlist, audit.Waitlist, count)...); err != nil {
		return nil, err
	}
	return kernel.Listed(out, page, total), nil
}

// linesOf is one line for each client whose rows are about to be shown, or one when there are none.
func linesOf(by kernel.Actor, action audit.Action, resource string, count map[string]int) []audit.Entry {
	var lines []audit.Entry
	for client, n := range count {
		line := audit.EntryFor(by, action, resource, "")
		line.Client, line.Details = client, audit.Details{"count": n}
		lines = append(lines, line)
	}
	if len(lines) == 0 {
		lines = append(lines, audit.EntryFor(by, action, resource, ""))
	}
	slices.SortFunc(lines, func(a, b audit.Entry) int { return cmp.Compare(a.Client, b.Client) })
	return lines
}

type handBody struct {
	StartTime      string `json:"startTime"` // an instant, or what the clocks of the place will show
	PractitionerID string `json:"practitionerId"`
}

// offerByHand keeps a time that the desk chose for an entry. Who is in line before it is the desk's affair.
func offerByHand(c *kernel.Call) (*kernel.Reply, error) {
	var body handBody
	if err := c.Bind(&body); err != nil {
		return nil, err
	}
	w, err := collections.FindWaitlistEntry(c.App, c.ID())
	if isNoRows(err) {
		return nil, kernel.NotFound()
	}
	if err != nil {
		return nil, err
	}
	if err := kernel.RequireReach(c.App, c.Actor, w.Client()); err != nil {
		return nil, err
	}
	if w.Status() != collections.WaitlistWaiting {
		return nil, kernel.Conflict("NOT_WAITING", "This entry does not wait: an offer stands, or it has ended.")
	}
	start, ask, err := handed(c.App, w, body)
	if err != nil {
		return nil, err
	}
	if _, ok := answerBy(kernel.Now(c.App), start, collections.Settings(c.App).WaitlistOffer); !ok {
		return nil, kernel.Conflict("TOO_LATE_TO_OFFER", "There is too little time left to answer. Call the client instead.")
	}
	if err := refuseUnopened(c.App, ask, start); err != nil {
		return nil, unavailable(c, err, ask, start, map[string]string{"clinician": "practitionerId", "service": "serviceId", "location": "locationId"})
	}
	people := []string{ask.clinician}
	if ask.clinician == "" {
		people = ask.service.GetStringSlice("clinicians")
	}
	for _, who := range people {
		offered, err := offerTime(c.App, c.Actor, w.Id, ask, start, who)
		if err != nil {
			return nil, err
		}
		if offered {
			item, err := answerEntry(c, w.Id)
			if err != nil {
				return nil, err
			}
			return kernel.OK(item), nil
		}
	}
	return nil, kernel.Conflict("SLOT_UNAVAILABLE", "That time was just taken.")
}

// handed reads the time that the desk chose, on the clocks of the entry's place or of the first that the clinic has.
func handed(app core.App, w *collections.WaitlistEntry, body handBody) (start time.Time, ask wish, err error) {
	wishes, err := wishesOf(app, w, freed{Clinician: body.PractitionerID})
	if err != nil {
		return start, ask, err
	}
	if len(wishes) == 0 {
		return start, ask, kernel.Conflict("SERVICE_NOT_FOUND", "The clinic does not offer this any more.")
	}
	ask = wishes[0]
	if body.PractitionerID != "" {
		ask.clinician = body.PractitionerID
	}
	zone, err := ask.location.Zone()
	if err != nil {
		return start, ask, err
	}
	if start, err = startOf(body.StartTime, zone); err != nil {
		return start, ask, err
	}
	for _, other := range wishes[1:] { // the clinic's other places, when this one is not open then
		err := refuseUnopened(app, ask, start)
		var closed validation.Errors
		if err == nil || !errors.As(err, &closed) {
			return start, ask, err
		}
		other.clinician = ask.clinician
		if refuseUnopened(app, other, start) == nil {
			return start, other, nil
		}
	}
	return start, ask, nil
}
