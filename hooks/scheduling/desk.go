package scheduling

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
)

// deskClient is whom a visit is for, as the desk must know to tell people apart.
type deskClient struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	DateOfBirth string `json:"dateOfBirth"`
}

// deskRequest is a request as the desk reads it.
type deskRequest struct {
	Appointment
	Client          deskClient `json:"client"`
	ReasonForVisit  string     `json:"reasonForVisit"`
	Conflicts       []bool     `json:"conflicts"`       // per preference: it cannot be confirmed as it is
	ConflictReasons []conflict `json:"conflictReasons"` // per preference: why
}

type requestList struct {
	Requests   []deskRequest     `json:"requests"`
	Pagination kernel.Pagination `json:"pagination"`
}

// deskRow is what the desk's lists read beyond a row: the client, the reason (sealed), and the slot.
type deskRow struct {
	row
	clientFirst, clientLast, born, reason string
	holdStart, holdEnd                    string
	checkedIn                             string
}

const (
	deskColumns = rowColumns + `, coalesce(p.first_name, ''), coalesce(p.last_name, ''), coalesce(p.date_of_birth, ''), a.reason_for_visit,
	a.hold_start, a.hold_end, a.check_in_time`
	deskTables = rowTables + `LEFT JOIN clients p ON p.id = a.client `

	// "submitted_at > ''" holds for every request; it makes the walk of the index idx_appointments_requests a search
	waiting = `WHERE a.status = 'requested' AND a.submitted_at > ''`
	there   = ` AND a.location = ?1`
)

// mine limits a list to what a clinician reaches, and to what is asked of them by name (?4 is their login, ?5 now). The
// + leaves the choice of index to the rest of the query.
var mine = ` AND (EXISTS (SELECT 1 FROM clinicians k WHERE k.id = a.clinician AND k.staff = ?4) OR +a.client IN ` + kernel.ReachedClients("?4", "?5") + `)`

func requestQuery(where string) string {
	return `SELECT ` + deskColumns + deskTables + where + ` ORDER BY a.submitted_at, a.rowid LIMIT ?2 + 0 OFFSET ?3 + 0`
}

func requestCount(where string) string { return `SELECT count(*) FROM appointments a ` + where }

func dayQuery(limit string) string { return selectDay + limit + ` ORDER BY a.start_time, a.rowid` }

// limitOf is the condition of an actor's lists, and what it binds from ?4 on.
func limitOf(app core.App, by kernel.Actor) (condition string, args []any) {
	if !kernel.Limited(by) {
		return "", []any{"", ""}
	}
	return mine, []any{by.ID, kernel.Now(app).Format(timeForm)}
}

func (r *deskRow) targets() []any {
	return append(r.row.targets(), &r.clientFirst, &r.clientLast, &r.born, &r.reason, &r.holdStart, &r.holdEnd, &r.checkedIn)
}

func (r *deskRow) whom() deskClient {
	return deskClient{ID: r.client, Name: strings.TrimSpace(r.clientFirst + " " + r.clientLast), DateOfBirth: r.born}
}

// deskRows runs one of the desk's queries.
func deskRows(app core.App, query string, args ...any) ([]*deskRow, error) {
	var out []*deskRow
	var r deskRow
	err := eachRow(app, query, args, r.targets(), func() error {
		one := r
		out = append(out, &one)
		return nil
	})
	return out, err
}

// readOf is one audit line for each client whose visits are about to be shown, so that each can see who looked.
func readOf(c *kernel.Call, action audit.Action, rows []*deskRow) error {
	count := map[string]int{}
	for _, r := range rows {
		count[r.client]++
	}
	lines := make([]audit.Entry, 0, len(count)+1)
	for _, client := range slices.Sorted(maps.Keys(count)) {
		line := audit.EntryFor(c.Actor, action, audit.Appointment, "")
		line.Client, line.Details = client, audit.Details{"count": count[client]}
		lines = append(lines, line)
	}
	if len(lines) == 0 {
		lines = append(lines, audit.EntryFor(c.Actor, action, audit.Appointment, ""))
	}
	return audit.Read(c.App, lines...)
}

// listRequests gives what waits for a decision, oldest first.
func listRequests(c *kernel.Call) (*kernel.Reply, error) {
	page, err := c.Page()
	if err != nil {
		return nil, err
	}
	params := c.Request.URL.Query()
	if s := params.Get("status"); s != "" && s != string(collections.AppointmentRequested) {
		return nil, kernel.Invalid("", "That list does not exist.").Field("status", "option", "Only requests that wait are listed here: requested.")
	}
	where, location := waiting, params.Get("locationId")
	if location != "" {
		where += there
	}
	limit, bound := limitOf(c.App, c.Actor)
	where += limit
	v, err := newDeskView(c)
	if err != nil {
		return nil, err
	}
	args := append([]any{location, page.Limit, page.Offset}, bound...)
	rows, err := deskRows(c.App, requestQuery(where), args...)
	if err != nil {
		return nil, err
	}
	var total int
	if err := oneRow(c.App, requestCount(where), args, &total); err != nil {
		return nil, err
	}
	list := requestList{Requests: make([]deskRequest, 0, len(rows)), Pagination: page.Of(total)}
	for _, r := range rows {
		item, err := v.deskRequest(r)
		if err != nil {
			return nil, err
		}
		list.Requests = append(list.Requests, item)
	}
	if err := readOf(c, audit.ListRequests, rows); err != nil {
		return nil, err
	}
	return kernel.Listed(list, page, total), nil
}

func (v *view) deskRequest(r *deskRow) (deskRequest, error) {
	due, err := formsDue(v.app, r.client)
	if err != nil {
		return deskRequest{}, err
	}
	item, err := v.item(&r.row, due[r.id])
	if err != nil {
		return deskRequest{}, err
	}
	reasons, err := v.conflicts(r, item.Requested.Preferences)
	flags := make([]bool, len(reasons))
	for i, why := range reasons {
		flags[i] = why != noConflict
	}
	return deskRequest{Appointment: item, Client: r.whom(), ReasonForVisit: v.open(&r.row, v.reasonID, r.reason), Conflicts: flags, ConflictReasons: reasons}, err
}

type confirmBody struct {
	Preference   int    `json:"preference"` // 1, 2 or 3
	StartTime    string `json:"startTime"`  // an instant, instead of a preference
	ClinicianID  string `json:"clinicianId"`
	RoomID       string `json:"roomId"`
	Note         string `json:"note"` // staff only
	OutsideHours bool   `json:"outsideHours"`
}

// when is the start that was chosen. The request's own zone reads its preferences.
func (b *confirmBody) when(a *collections.Appointment) (time.Time, error) {
	bad := kernel.Invalid("", "Choose one of the times the client asked for, or another time.")
	if (b.Preference == 0) == (b.StartTime == "") {
		return time.Time{}, bad.Field("preference", "required", "Choose one of the times the client asked for, or another time, not both.")
	}
	if b.StartTime != "" {
		at, err := time.Parse(time.RFC3339, b.StartTime)
		if err != nil {
			return at, bad.Field("startTime", "instant", "Enter an instant like 2026-12-03T21:30:00Z.")
		}
		return at.UTC(), nil
	}
	wanted, err := a.Preferences()
	if err != nil {
		return time.Time{}, err
	}
	if b.Preference < 1 || b.Preference > len(wanted) {
		return time.Time{}, bad.Field("preference", "range", "The client did not ask for that many times.")
	}
	zone, err := collections.Zone(a.TimeZone())
	if err != nil {
		return time.Time{}, err
	}
	return instantOf(wanted[b.Preference-1], zone)
}

func confirmRequest(c *kernel.Call) (*kernel.Reply, error) {
	var body confirmBody
	if err := c.Bind(&body); err != nil {
		return nil, err
	}
	return decide(c, func(a *collections.Appointment) error {
		start, err := body.when(a)
		if err != nil {
			return err
		}
		if a.HoldsSlot() && a.GetBool("any_clinician") && !start.Equal(a.Start()) {
			a.Set("clinician", "") // who was kept for the first preference is chosen anew for another time
		}
		a.SetStart(start)
		a.SetStatus(collections.AppointmentConfirmed)
		if body.OutsideHours {
			waiveHours(a)
		}
		if body.ClinicianID != "" {
			a.Set("clinician", body.ClinicianID)
		}
		if body.RoomID != "" {
			a.Set("room", body.RoomID)
		}
		if body.Note != "" {
			a.Set("staff_notes", strings.TrimSpace(a.GetString("staff_notes")+"\n"+body.Note))
		}
		return nil
	})
}

type declineBody struct {
	Reason          string `json:"reason"` // staff only
	MessageToClient string `json:"messageToClient"`
}

func declineRequest(c *kernel.Call) (*kernel.Reply, error) {
	var body declineBody
	if err := c.Bind(&body); err != nil {
		return nil, err
	}
	return decide(c, func(a *collections.Appointment) error {
		a.SetStatus(collections.AppointmentDeclined)
		a.Set("decline_reason", body.Reason)
		a.Set("message_to_client", body.MessageToClient)
		return nil
	})
}

// decide loads a request, lets the handler set its decision, and saves it, in one transaction: of two decisions at
// once the second finds the first.
func decide(c *kernel.Call, set func(*collections.Appointment) error) (*kernel.Reply, error) {
	var decided *collections.Appointment
	err := c.App.RunInTransaction(func(tx core.App) error {
		a, err := collections.FindAppointment(tx, c.ID())
		decided = a
		if err != nil {
			return err
		}
		if a.SubmittedAt().IsZero() {
			return kernel.NotFound() // a visit that nobody asked for
		}
		if err := requireReach(tx, c.Actor, a); err != nil {
			return err
		}
		if a.Status() != collections.AppointmentRequested {
			return alreadyDecided(tx, a)
		}
		if err := set(a); err != nil {
			return err
		}
		return kernel.SaveAs(tx, c.Actor, a.Record)
	})
	if err != nil {
		return nil, inTheWordsOfTheDesk(c, decided, err)
	}
	v, err := newDeskView(c)
	if err != nil {
		return nil, err
	}
	item, err := v.one(c.ID(), "")
	if err != nil {
		return nil, err
	}
	return kernel.OK(item), nil
}

// requireReach: a clinician decides what is asked of them by name, and what is asked by clients they reach.
func requireReach(tx core.App, by kernel.Actor, a *collections.Appointment) error {
	if theirs, err := kernel.Treats(tx, by, a.Clinician()); err != nil || theirs {
		return err
	}
	return kernel.RequireReach(tx, by, a.Client())
}

// alreadyDecided says who was first, so that the second clerk knows whom to ask.
func alreadyDecided(app core.App, a *collections.Appointment) error {
	at, by := a.DecidedAt(), a.DecidedBy()
	if a.Status() == collections.AppointmentCancelled && at.IsZero() {
		at, by = a.GetDateTime("cancelled_at").Time(), a.GetString("cancelled_by")
	}
	name, err := nameOfDecider(app, by)
	if err != nil {
		return err
	}
	return kernel.Conflict("ALREADY_DECIDED", "Somebody decided this request already.").
		With("status", string(a.Status())).With("decidedBy", name).With("decidedAt", at.Format(instantForm))
}

// nameOfDecider is a member of staff by name. The owner of the box has none, and a client may withdraw a request.
func nameOfDecider(app core.App, id string) (string, error) {
	staff, err := app.FindRecordById("staff", id)
	if err == nil {
		return strings.TrimSpace(staff.GetString("first_name") + " " + staff.GetString("last_name")), nil
	}
	if isNoRows(err) {
		if _, err = app.FindRecordById(core.CollectionNameSuperusers, id); err == nil {
			return "The owner", nil
		}
	}
	if isNoRows(err) {
		return "The client", nil
	}
	return "", err
}

// inTheWordsOfTheDesk makes a taken slot a conflict, and renames the fields to those that were sent.
func inTheWordsOfTheDesk(c *kernel.Call, a *collections.Appointment, err error) error {
	if _, taken := slotConflict(err); !taken {
		return unavailable(c, err, wish{}, time.Time{}, map[string]string{"clinician": "clinicianId", "room": "roomId", "declineReason": "reason",
			"time": "preference", "date": "preference", "staffNotes": "note"})
	}
	w, start, failed := wishOfRequest(c.App, a, c.Actor)
	if failed != nil {
		return failed
	}
	return unavailable(c, err, w, start, nil)
}

// wishOfRequest is what a request asks for, to find when it could be had instead.
func wishOfRequest(app core.App, a *collections.Appointment, by kernel.Actor) (wish, time.Time, error) {
	w := wish{client: a.Client(), place: a.Place(), clinician: a.Clinician(), except: a.Id, by: by}
	var err error
	if w.service, err = collections.FindService(app, a.Service()); err != nil {
		return w, time.Time{}, err
	}
	w.location, err = collections.FindLocation(app, a.Location())
	return w, a.Start(), err
}

// deskVisit is a visit of one day as the desk reads it.
type deskVisit struct {
	Appointment
	Client       deskClient `json:"client"`
	FormsMissing int        `json:"formsMissing"`
	BalanceCents int        `json:"balanceCents"`
	Alerts       []string   `json:"alerts"`
	CheckedInAt  string     `json:"checkedInAt,omitempty"`
}

type deskDay struct {
	Date         string      `json:"date"`
	Locations    []Location  `json:"locations"`
	Appointments []deskVisit `json:"appointments"`
}

const (
	selectDay = `SELECT ` + deskColumns + deskTables + `WHERE a.location = ?1 AND a.start_time >= ?2 AND a.start_time < ?3 AND a.local_date = ?6
		AND a.status IN ('scheduled','confirmed','arrived','in_progress','completed','no_show')`
	selectBalance = `SELECT coalesce(sum(total_cents - paid_cents), 0) FROM invoices WHERE client = ?1 AND status IN ('open','partially_paid')`
)

// viewDay gives the visits of one calendar day, in one place or in all of them, each on its own clocks.
func viewDay(c *kernel.Call) (*kernel.Reply, error) {
	cat, err := catalogueOf(c.App)
	if err != nil {
		return nil, err
	}
	v, err := newDeskView(c)
	if err != nil {
		return nil, err
	}
	params := c.Request.URL.Query()
	places := cat.Locations
	if id := params.Get("locationId"); id != "" {
		places = slices.DeleteFunc(slices.Clone(places), func(l Location) bool { return l.ID != id })
		if len(places) == 0 {
			return nil, kernel.NotFound()
		}
	}
	date := params.Get("date")
	if date == "" {
		date = v.now.In(v.settings.Zone()).Format(dayForm)
	}
	day, ok := parseDay(date)
	if !ok {
		return nil, kernel.Invalid("", "That is not a date.").Field("date", "date", "Enter a date like 2026-12-03.")
	}
	limit, bound := limitOf(c.App, c.Actor)
	var rows []*deskRow
	for _, l := range places {
		// wider than any zone's distance from UTC; the day itself is compared as the place's own
		there, err := deskRows(c.App, dayQuery(limit), l.ID, day.AddDate(0, 0, -1).Format(timeForm), day.AddDate(0, 0, 2).Format(timeForm), bound[0], bound[1], date)
		if err != nil {
			return nil, err
		}
		rows = append(rows, there...)
	}
	slices.SortStableFunc(rows, func(a, b *deskRow) int { return strings.Compare(a.start+a.id, b.start+b.id) })
	out := deskDay{Date: date, Locations: places, Appointments: make([]deskVisit, 0, len(rows))}
	for _, r := range rows {
		visit, err := v.deskVisit(r)
		if err != nil {
			return nil, err
		}
		out.Appointments = append(out.Appointments, visit)
	}
	if err := readOf(c, audit.ViewDay, rows); err != nil {
		return nil, err
	}
	return kernel.OK(out), nil
}

func (v *view) deskVisit(r *deskRow) (deskVisit, error) {
	due, err := formsDue(v.app, r.client)
	if err != nil {
		return deskVisit{}, err
	}
	item, err := v.item(&r.row, due[r.id])
	if err != nil {
		return deskVisit{}, err
	}
	visit := deskVisit{Appointment: item, Client: r.whom(), FormsMissing: len(item.FormsDue), Alerts: []string{}, CheckedInAt: instant(r.checkedIn)}
	err = oneRow(v.app, selectBalance, []any{r.client}, &visit.BalanceCents)
	return visit, err
}
