package scheduling

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pocketbase/dbx"
	validation "github.com/pocketbase/ozzo-validation/v4"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
	"anteroom/hooks/notices"
	"anteroom/hooks/outbox"
)

// Parties: several people who come together, booked as one or not at all. Each visit is an appointment of its own, with
// every rule of one; the party says who pays. Who is brought along without a record of their own is a guest on a visit of
// the payer's.

// bindParties binds the rules of parties and declares their routes.
func bindParties(app core.App) {
	app.OnRecordDelete(collections.GroupBookings).BindFunc(func(*core.RecordEvent) error {
		return validation.Errors{"status": problem("kept", "A party is cancelled, not deleted.")}
	})
	app.OnRecordCreate(collections.GroupBookings).BindFunc(refuseForgedParty)
	app.OnRecordUpdate(collections.GroupBookings).BindFunc(refuseForgedParty)
	app.OnRecordUpdateExecute(collections.Appointments).Bind(&hook.Handler[*core.RecordEvent]{Id: "party.visits", Priority: 150, Func: keepPartyUpToDate})

	const own, desk = kernel.Portal + "/group-bookings", kernel.Desk + "/group-bookings"
	kernel.Handle(app,
		kernel.Route{Method: http.MethodGet, Path: own, Access: kernel.ForClient, Area: kernel.AreaVisits, Do: listParties},
		kernel.Route{Method: http.MethodPost, Path: own, Access: kernel.ForClient, Area: kernel.AreaVisits, Key: kernel.KeyOptional,
			Limit: collections.LimitAppointmentsCreate, Do: bookParty},
		kernel.Route{Method: http.MethodGet, Path: own + "/{id}", Access: kernel.ForClient, Area: kernel.AreaVisits,
			Owns: collections.GroupBookings, Do: viewParty},
		kernel.Route{Method: http.MethodGet, Path: own + "/{id}/cancellation", Access: kernel.ForClient, Area: kernel.AreaVisits,
			Owns: collections.GroupBookings, Do: viewPartyCancellation},
		kernel.Route{Method: http.MethodPost, Path: own + "/{id}/cancel", Access: kernel.ForClient, Area: kernel.AreaVisits,
			Owns: collections.GroupBookings, Do: cancelParty},
		kernel.Route{Method: http.MethodPost, Path: desk, Access: kernel.Staff, Roles: deskRoles, Key: kernel.KeyOptional, Do: bookParty},
	)
}

// writtenKey marks a party that the portal writes itself: what it is follows from its visits.
const writtenKey = "@scheduling.party"

func refuseForgedParty(e *core.RecordEvent) error {
	if by := kernel.ActorOf(e.Record); by.Kind != kernel.KindSystem && e.Record.GetRaw(writtenKey) != true {
		return validation.Errors{"status": problem("read_only", "A party follows from its visits. Book or change those.")}
	}
	return e.Next()
}

// partyPlace says where in a party a visit stands, and whose it is. It rides on the record from the route to the rules;
// being a type of this package, no request can forge it.
type partyPlace struct {
	id       string
	position int
	guest    string // the name of somebody without a record
	follows  bool   // begins when the one before ends, wherever that falls on the grid
}

const partyKey = "@scheduling.partyPlace"

// joinParty writes what a visit has of its party.
func (s *save) joinParty() {
	place, ok := s.after.GetRaw(partyKey).(partyPlace)
	if !ok {
		return
	}
	s.after.Set("group_booking", place.id)
	s.after.Set("group_position", place.position)
	s.after.Set("guest", place.guest != "")
	s.after.Set("guest_name", place.guest)
}

type memberBody struct {
	ClientID       string `json:"clientId"`
	FirstName      string `json:"firstName"` // of a guest
	LastName       string `json:"lastName"`
	ServiceID      string `json:"serviceId"`
	PractitionerID string `json:"practitionerId"`
}

type partyBody struct {
	LocationID    string       `json:"locationId"`
	StartTime     string       `json:"startTime"` // an instant, or what the clocks of the place will show
	Mode          string       `json:"mode"`
	Members       []memberBody `json:"members"`
	PayerClientID string       `json:"payerClientId"`
}

// GroupBooking is a party as the API shows it to who pays.
type GroupBooking struct {
	ID            string        `json:"id"`
	Mode          string        `json:"mode"`
	Status        string        `json:"status"`
	StartTime     string        `json:"startTime"`
	Display       string        `json:"display"`
	TimeZone      string        `json:"timeZone"`
	PayerClientID string        `json:"payerClientId"`
	TotalCents    int           `json:"totalCents"`
	Currency      string        `json:"currency"`
	Appointments  []Appointment `json:"appointments"`
	Deposit       *deposit      `json:"deposit,omitempty"`
}

// party is one on its way.
type party struct {
	id       string
	by       kernel.Actor
	mode     collections.GroupMode
	location *collections.Location
	start    time.Time
	payer    string
	members  []*member
	wanted   []*member // the same as they were asked for
}

// member is one of its people.
type member struct {
	client, guest string
	service       *collections.Service
	clinician     string // "": whoever is free
	visit         *collections.Appointment
}

// bookParty books all visits of a party in one transaction, or none.
func bookParty(c *kernel.Call) (*kernel.Reply, error) {
	var body partyBody
	if err := c.Bind(&body); err != nil {
		return nil, err
	}
	p, err := newParty(c, body)
	if err != nil {
		return nil, err
	}
	if err := c.App.RunInTransaction(p.book); err != nil {
		if taken, ok := slotConflict(err); ok {
			next, err := p.next(c)
			if err != nil {
				return nil, err
			}
			if next != nil {
				taken = taken.With("nextAvailable", next)
			}
			return nil, taken
		}
		refusal := kernel.AsError(err)
		if !refusal.HasFields() {
			return nil, err
		}
		refusal.Reason = cmp.Or(refusal.Reason, reasonAmong(refusal.Fields))
		return nil, refusal
	}
	item, err := partyItem(c, p.id, p.payer)
	if err != nil {
		return nil, err
	}
	return kernel.Created(item), nil
}

// newParty reads what was sent. A client brings people they may act for in matters of visits, and guests by name.
func newParty(c *kernel.Call, body partyBody) (*party, error) {
	p := &party{id: core.GenerateDefaultRandomId(), by: c.Actor, mode: collections.GroupMode(body.Mode), payer: body.PayerClientID}
	bad := kernel.Invalid("", "Some of this is missing or cannot be read.")
	if p.mode != collections.Parallel && p.mode != collections.Sequence {
		_ = bad.Field("mode", "option", "Choose whether you come at the same time or one after the other.")
	}
	if most := collections.Settings(c.App).GroupMax; len(body.Members) < 2 || len(body.Members) > most {
		_ = bad.Field("members", "range", "A party is of 2 to "+strconv.Itoa(max(2, most))+" people.")
		return nil, bad
	}
	own, err := ownPeople(c)
	if err != nil {
		return nil, err
	}
	mine := func(client string) (bool, error) {
		if !c.Actor.IsStaff() {
			return own[client], nil
		}
		_, err := c.App.FindRecordById(collections.Clients, client)
		if err != nil {
			return false, nil //nolint:nilerr // nobody of that id
		}
		reach, err := kernel.ReachOf(c.App, c.Actor, client)
		return reach.OK(), err
	}
	if ok, err := mine(p.payer); err != nil {
		return nil, err
	} else if !ok {
		_ = bad.Field("payerClientId", "client_not_found", "Choose who pays.")
	}
	if p.location, err = collections.FindLocation(c.App, body.LocationID); err != nil {
		_ = bad.Field("locationId", "location_not_found", "Choose one of the clinic's places.")
	} else if zone, err := p.location.Zone(); err != nil {
		return nil, err
	} else if p.start, err = startOf(body.StartTime, zone); err != nil {
		for _, f := range kernel.AsError(err).Fields {
			_ = bad.Field("startTime", f.Code, f.Message)
		}
	}
	seen := map[string]bool{}
	for i, b := range body.Members {
		m := &member{client: b.ClientID, guest: strings.TrimSpace(b.FirstName + " " + b.LastName)}
		if b.PractitionerID != anybody {
			m.clinician = b.PractitionerID
		}
		at := "members." + strconv.Itoa(i)
		switch {
		case b.ClientID != "" && m.guest != "":
			_ = bad.Field(at+".clientId", "option", "Name somebody, or choose one of your people, not both.")
		case b.ClientID == "" && (strings.TrimSpace(b.FirstName) == "" || len([]rune(m.guest)) > maxGuestName):
			_ = bad.Field(at+".firstName", "required", "Say who comes, in 1 to 100 characters.")
		case b.ClientID != "":
			ok, err := mine(b.ClientID)
			if err != nil {
				return nil, err
			}
			if !ok || p.mode == collections.Parallel && seen[b.ClientID] {
				_ = bad.Field(at+".clientId", "client_not_found", "Choose one of your people, each once.")
			}
			seen[b.ClientID] = true
		default:
			m.client = p.payer
		}
		m.service, err = collections.FindService(c.App, b.ServiceID)
		if err != nil || !m.service.IsActive() || !m.service.TakesPlace(collections.InOffice) {
			_ = bad.Field(at+".serviceId", "service_not_found", "Choose one of the clinic's services that is given in the office.")
		}
		p.members = append(p.members, m)
	}
	if bad.HasFields() {
		bad.Reason = reasonAmong(bad.Fields)
		return nil, bad
	}
	p.wanted = copies(p.members)
	return p, nil
}

const maxGuestName = 100

// ownPeople are the clients whom the caller may act for in matters of visits.
func ownPeople(c *kernel.Call) (map[string]bool, error) {
	own := map[string]bool{}
	if c.Actor.Kind != kernel.KindClient {
		return own, nil
	}
	grants, err := kernel.Grants(c.App, c.Actor.ID)
	for _, g := range grants {
		own[g.Client] = own[g.Client] || g.Covers(kernel.AreaVisits)
	}
	return own, err
}

// book writes the visits, then the party, then tells of all at once.
func (p *party) book(tx core.App) error {
	if p.mode == collections.Parallel {
		if err := p.assign(tx); err != nil {
			return err
		}
	}
	start := p.start
	for i, m := range p.members {
		if i > 0 && p.mode == collections.Sequence {
			before := p.members[i-1].visit
			if start = before.End(); m.clinician == before.Clinician() {
				start = before.GetDateTime("hold_end").Time() // who needs time after a visit has it
			}
		}
		err := p.bookVisit(tx, i, start)
		if _, taken := slotConflict(err); taken && i > 0 && p.mode == collections.Sequence && m.clinician == "" {
			err = p.bookVisit(tx, i, p.members[i-1].visit.GetDateTime("hold_end").Time())
		}
		if err != nil {
			return err
		}
	}
	if err := p.write(tx); err != nil {
		return err
	}
	visits := make([]*collections.Appointment, len(p.members))
	for i, m := range p.members {
		visits[i] = m.visit
	}
	return tellOfParty(tx, p.by, p.payer, visits, newsBooked, "party:"+p.id)
}

func (p *party) bookVisit(tx core.App, i int, start time.Time) error {
	m := p.members[i]
	a, err := collections.NewAppointment(tx)
	if err != nil {
		return err
	}
	for field, value := range map[string]string{"client": m.client, "service": m.service.Id, "clinician": m.clinician, "location": p.location.Id,
		"service_location": string(collections.InOffice), "status": string(collections.AppointmentScheduled)} {
		a.Set(field, value)
	}
	a.SetStart(start)
	a.SetRaw(partyKey, partyPlace{id: p.id, position: i + 1, guest: m.guest, follows: i > 0 && p.mode == collections.Sequence})
	a.SetRaw(toldKey, true)
	m.visit = a
	return kernel.SaveAs(tx, p.actorFor(m.client), a.Record)
}

// actorFor is who books, acting for one of the people.
func (p *party) actorFor(client string) kernel.Actor {
	by := p.by
	by.Client = client
	return by
}

// wish is what one of them wants. A guest has no other visits that could be in the way.
func (p *party) wish(m *member) wish {
	w := wish{client: m.client, service: m.service, location: p.location, place: collections.InOffice, clinician: m.clinician, by: p.by}
	if m.guest != "" {
		w.client = ""
	}
	return w
}

// assign finds a clinician for each who left it open, all of them different: a matching, found by exchanging earlier
// choices where that helps. Who finds nobody keeps an open choice, and is refused where it is written.
func (p *party) assign(tx core.App) error {
	free := make([][]string, len(p.members))
	for i, m := range p.members {
		found, err := openings(tx, p.wish(m), p.start, p.start.Add(time.Second))
		if err != nil {
			return err
		}
		if m.clinician != "" {
			free[i] = []string{m.clinician}
		} else if len(found) > 0 {
			free[i] = found[0].clinicians
		}
	}
	takenBy := map[string]int{}
	var place func(i int, tried map[string]bool) bool
	place = func(i int, tried map[string]bool) bool {
		for _, who := range free[i] {
			if tried[who] {
				continue
			}
			tried[who] = true
			if other, taken := takenBy[who]; !taken || place(other, tried) {
				takenBy[who] = i
				return true
			}
		}
		return false
	}
	for i := range p.members {
		place(i, map[string]bool{})
	}
	for who, i := range takenBy {
		p.members[i].clinician = who
	}
	return nil
}

// write keeps the party itself, after its visits: their deposits are asked for when it is written.
func (p *party) write(tx core.App) error {
	g, err := collections.NewGroupBooking(tx)
	if err != nil {
		return err
	}
	g.Id = p.id
	total := 0
	for _, m := range p.members {
		total += m.service.GetInt("price_cents")
	}
	for field, value := range map[string]any{"payer": p.payer, "location": p.location.Id, "start_time": p.start, "mode": string(p.mode),
		"status": collections.GroupBooked, "people": len(p.members), "total_cents": total, "currency": cmp.Or(p.members[0].service.GetString("currency"), collections.Settings(tx).Currency),
		"created_by": p.by.ID} {
		g.Set(field, value)
	}
	if p.by.Kind == kernel.KindClient {
		g.Set("requested_by", p.by.ID)
	}
	g.SetRaw(writtenKey, true)
	audit.AsWith(g.Record, audit.BookGroup, audit.Details{"people": len(p.members)})
	return kernel.SaveAs(tx, p.actorFor(p.payer), g.Record)
}

// keepPartyUpToDate follows a visit of a party that is called off: the total is that of who still comes, and a party of
// which nobody is left is cancelled.
func keepPartyUpToDate(e *core.RecordEvent) error {
	if err := e.Next(); err != nil {
		return err
	}
	a := collections.AsAppointment(e.Record)
	if a.Group() == "" || a.Status() != collections.AppointmentCancelled {
		return nil
	}
	g, err := collections.FindGroupBooking(e.App, a.Group())
	if err != nil {
		return err
	}
	visits, err := visitsOfParty(e.App, g.Id)
	if err != nil {
		return err
	}
	total, people := 0, 0
	for _, v := range visits {
		if v.Status() == collections.AppointmentCancelled {
			continue
		}
		service, err := collections.FindService(e.App, v.Service())
		if err != nil {
			return err
		}
		total, people = total+service.GetInt("price_cents"), people+1
	}
	by := kernel.ActorOf(e.Record)
	by.Client = g.Payer()
	g.Set("total_cents", total)
	g.Set("people", people)
	if people == 0 {
		g.Set("status", collections.GroupCancelled)
		g.Set("cancelled_at", kernel.Now(e.App))
		g.Set("cancelled_by", by.ID)
		audit.As(g.Record, audit.CancelGroup)
	}
	g.SetRaw(writtenKey, true)
	return kernel.SaveAs(e.App, by, g.Record)
}

// visitsOfParty lists them in their order.
func visitsOfParty(app core.App, id string) ([]*collections.Appointment, error) {
	rows := []*core.Record{}
	err := app.RecordQuery(collections.Appointments).AndWhere(dbx.HashExp{"group_booking": id}).OrderBy("group_position").All(&rows)
	out := make([]*collections.Appointment, len(rows))
	for i, r := range rows {
		out[i] = collections.AsAppointment(r)
	}
	return out, err
}

// ownParty finds a party that the client of the request pays for; another's is not there.
func ownParty(app core.App, c *kernel.Call) (*collections.GroupBooking, error) {
	g, err := collections.FindGroupBooking(app, c.ID())
	if isNoRows(err) || err == nil && g.Payer() != c.Client() {
		return nil, kernel.NotFound()
	}
	return g, err
}

// partyItem makes the API's item. Of people for whom the reader may not act any more, no visit is shown.
func partyItem(c *kernel.Call, id, payer string) (GroupBooking, error) {
	g, err := collections.FindGroupBooking(c.App, id)
	if err != nil {
		return GroupBooking{}, err
	}
	location, err := collections.FindLocation(c.App, g.Location())
	if err != nil {
		return GroupBooking{}, err
	}
	zone, err := location.Zone()
	if err != nil {
		return GroupBooking{}, err
	}
	v, err := newView(c.App, languageOf(c.Request.Header.Get("Accept-Language")))
	if err != nil {
		return GroupBooking{}, err
	}
	out := GroupBooking{ID: g.Id, Mode: string(g.Mode()), Status: g.Status(), StartTime: g.Start().Format(instantForm), TimeZone: location.TimeZone(),
		Display: whenInWords(v.lang, g.Start().In(zone), v.now.In(zone).Year()), PayerClientID: payer, TotalCents: g.TotalCents(), Currency: g.Currency(),
		Appointments: []Appointment{}}
	own, err := ownPeople(c)
	if err != nil {
		return out, err
	}
	visits, err := visitsOfParty(c.App, id)
	if err != nil {
		return out, err
	}
	for i, a := range visits {
		if i == 0 {
			asked, err := collections.BilledForVisit(c.App, a.Id, collections.PurposeGroup)
			if err != nil {
				return out, err
			}
			for _, invoice := range asked {
				if invoice.Status() != collections.InvoiceVoid {
					out.Deposit = &deposit{InvoiceID: invoice.Id, AmountCents: invoice.Total()}
				}
			}
		}
		if !c.Actor.IsStaff() && !own[a.Client()] {
			continue
		}
		item, err := v.one(a.Id, "")
		if err != nil {
			return out, err
		}
		out.Appointments = append(out.Appointments, item)
	}
	return out, nil
}

type parties struct {
	GroupBookings []GroupBooking `json:"groupBookings"`
}

// listParties gives the parties that the client pays for, the latest first.
func listParties(c *kernel.Call) (*kernel.Reply, error) {
	var ids []string
	err := c.App.DB().Select("id").From(collections.GroupBookings).Where(dbx.HashExp{"payer": c.Client()}).OrderBy("start_time DESC").Limit(100).Column(&ids)
	if err != nil {
		return nil, err
	}
	out := parties{GroupBookings: []GroupBooking{}}
	for _, id := range ids {
		item, err := partyItem(c, id, c.Client())
		if err != nil {
			return nil, err
		}
		out.GroupBookings = append(out.GroupBookings, item)
	}
	return kernel.OK(out), auditParties(c, audit.ListGroupBookings, "", out.GroupBookings...)
}

// auditParties notes the reading for everybody whose visits are shown.
func auditParties(c *kernel.Call, action audit.Action, id string, shown ...GroupBooking) error {
	count := map[string]int{c.Client(): 0}
	for _, g := range shown {
		for _, a := range g.Appointments {
			count[a.ClientID]++
		}
	}
	lines := linesOf(c.Actor, action, audit.GroupBooking, count)
	for i := range lines {
		lines[i].ResourceID = id
	}
	return audit.Read(c.App, lines...)
}

func viewParty(c *kernel.Call) (*kernel.Reply, error) {
	if _, err := ownParty(c.App, c); err != nil {
		return nil, err
	}
	item, err := partyItem(c, c.ID(), c.Client())
	if err != nil {
		return nil, err
	}
	return kernel.OK(item), auditParties(c, audit.ViewGroupBooking, c.ID(), item)
}

// cancelParty calls off every visit of a party that can still be called off, on the terms of each. The fee that is agreed
// to is that of all of them together.
func cancelParty(c *kernel.Call) (*kernel.Reply, error) {
	var body cancelBody
	if err := c.Bind(&body); err != nil {
		return nil, err
	}
	own, err := ownPeople(c)
	if err != nil {
		return nil, err
	}
	err = c.App.RunInTransaction(func(tx core.App) error {
		g, err := ownParty(tx, c)
		if err != nil {
			return err
		}
		return cancelVisits(tx, c.Actor, own, g, body)
	})
	if err != nil {
		return nil, inTheWordsOfTheVisit(c, err, "", "", nil)
	}
	item, err := partyItem(c, c.ID(), c.Client())
	if err != nil {
		return nil, err
	}
	return kernel.OK(item), nil
}

// partyTerms is what calling off a party would mean now: of every visit that can still be called off, its fee.
type partyTerms struct {
	visits  []*collections.Appointment // that can be called off
	fees    map[string]int             // by visit, in cents
	total   int
	refused string    // why none can be; empty when one can
	why     error     // the same, as the refusal
	free    time.Time // the earliest of their deadlines
}

// termsOfParty leaves alone what belongs to people for whom the caller may not act any more; kernel.NotFound when that
// is everything.
func termsOfParty(app core.App, by kernel.Actor, own map[string]bool, g *collections.GroupBooking) (*partyTerms, error) {
	visits, err := visitsOfParty(app, g.Id)
	if err != nil {
		return nil, err
	}
	visits = slices.DeleteFunc(visits, func(a *collections.Appointment) bool { return !own[a.Client()] })
	if len(visits) == 0 {
		return nil, kernel.NotFound()
	}
	settings, now := collections.Settings(app), kernel.Now(app)
	out := &partyTerms{fees: map[string]int{}}
	for _, a := range visits {
		v, err := visitOf(app, a)
		if err != nil {
			return nil, err
		}
		acting := by
		acting.Client = a.Client()
		t := termsOf(settings, v, now, acting)
		if t.cancel != "" {
			out.refused = cmp.Or(out.refused, t.cancel)
			out.why = cmp.Or(out.why, t.refusal(t.cancel, v, collections.AppointmentCancelled, settings))
			continue
		}
		if out.free.IsZero() || t.freeNowUntil().Before(out.free) {
			out.free = t.freeNowUntil()
		}
		out.visits, out.fees[a.Id], out.total = append(out.visits, a), t.feeCents, out.total+t.feeCents
	}
	if len(out.visits) > 0 {
		out.refused, out.why = "", nil
	}
	return out, nil
}

// viewPartyCancellation says what cancelling everybody's visit would mean now.
func viewPartyCancellation(c *kernel.Call) (*kernel.Reply, error) {
	g, err := ownParty(c.App, c)
	if err != nil {
		return nil, err
	}
	own, err := ownPeople(c)
	if err != nil {
		return nil, err
	}
	t, err := termsOfParty(c.App, c.Actor, own, g)
	if err != nil {
		return nil, err
	}
	out := cancellation{Allowed: t.refused == "", FeeCents: t.total, Reason: t.refused, Deadline: instantOrNone(t.free)}
	if !out.Allowed {
		out.Phone = collections.Settings(c.App).Phone
	}
	return kernel.OK(out), audit.Read(c.App, audit.EntryFor(c.Actor, audit.ViewGroupBooking, audit.GroupBooking, g.Id))
}

func cancelVisits(tx core.App, by kernel.Actor, own map[string]bool, g *collections.GroupBooking, body cancelBody) error {
	t, err := termsOfParty(tx, by, own, g)
	if err != nil {
		return err
	}
	if t.refused != "" {
		return t.why
	}
	if t.total > 0 && body.AcceptFeeCents != t.total {
		return kernel.Conflict("FEE_NOT_ACCEPTED", "This costs "+kernel.Money(t.total, g.Currency())+
			" now, because it is late. Say yes to the fee, or keep the visits.").With("feeCents", t.total)
	}
	for _, a := range t.visits {
		acting := by
		acting.Client = a.Client()
		a.Set("cancellation_reason", body.Reason)
		a.SetRaw(acceptedFeeKey, t.fees[a.Id])
		a.SetRaw(toldKey, true)
		a.SetStatus(collections.AppointmentCancelled)
		if err := kernel.SaveAs(tx, acting, a.Record); err != nil {
			return err
		}
	}
	return tellOfParty(tx, by, g.Payer(), t.visits, newsCancelled, "party:"+g.Id+":cancelled:"+kernel.Now(tx).Format(timeForm))
}

// partyLetter is one mail about the visits of those people whom an address may hear of.
type partyLetter struct {
	to       address
	language string
	about    []string // clients
	cause    string
}

// tellOfParty tells of a party what each may know: in the portal, of each person at their own record; by mail, once to
// each address, of all whom it may hear of. That somebody pays does not let everybody who acts for them know who came
// along.
func tellOfParty(tx core.App, by kernel.Actor, payer string, visits []*collections.Appointment, what news, cause string) error {
	if by.Kind == kernel.KindSystem {
		return nil
	}
	var letters []*partyLetter
	for _, client := range peopleOf(payer, visits) {
		theirs := ofClients(visits, client)
		lang, err := languageOfClient(tx, client)
		if err != nil {
			return err
		}
		w, err := wordsOfParty(tx, lang, theirs, what)
		if err != nil {
			return err
		}
		cause := cause + ":" + client
		if err := notices.Tell(tx, client, kernel.AreaVisits, w.notice(what, cause)); err != nil {
			return err
		}
		to, err := addresses(tx, theirs[0])
		if err != nil {
			return err
		}
		if to, err = whoWant(tx, to, noticeOf[what]); err != nil {
			return err
		}
		for _, a := range to {
			if i := slices.IndexFunc(letters, func(l *partyLetter) bool { return l.to.email == a.email }); i >= 0 {
				letters[i].about = append(letters[i].about, client)
				continue
			}
			letters = append(letters, &partyLetter{a, lang, []string{client}, cause + ":" + a.owner})
		}
	}
	for _, l := range letters {
		w, err := wordsOfParty(tx, l.language, ofClients(visits, l.about...), what)
		if err != nil {
			return err
		}
		m := w.mail(tx, what)
		m.To, m.Cause = l.to.email, l.cause
		if err := outbox.Mail(tx, m); err != nil {
			return err
		}
	}
	return nil
}

// peopleOf lists whose visits they are, who pays first.
func peopleOf(payer string, visits []*collections.Appointment) []string {
	var out []string
	for _, a := range visits {
		if !slices.Contains(out, a.Client()) {
			out = append(out, a.Client())
		}
	}
	slices.SortStableFunc(out, func(a, b string) int {
		switch {
		case a == b:
			return 0
		case a == payer:
			return -1
		case b == payer:
			return 1
		}
		return 0
	})
	return out
}

func ofClients(visits []*collections.Appointment, clients ...string) []*collections.Appointment {
	return slices.DeleteFunc(slices.Clone(visits), func(a *collections.Appointment) bool { return !slices.Contains(clients, a.Client()) })
}

// partyWords are the words about some visits of a party.
type partyWords struct {
	facts []*visitFacts
	lines string
}

func wordsOfParty(tx core.App, lang string, visits []*collections.Appointment, what news) (*partyWords, error) {
	w := &partyWords{}
	now := kernel.Now(tx)
	var lines []string
	for _, a := range visits {
		f, err := factsOf(tx, a, now, lang)
		if err != nil {
			return nil, err
		}
		line := f.when()
		if d := f.details(); d != "" {
			line += ", " + d
		}
		w.facts, lines = append(w.facts, f), append(lines, line)
	}
	head := inLanguage(lang, "You're booked, "+strconv.Itoa(len(visits))+" visits:", "Sus citas, "+strconv.Itoa(len(visits))+" en total:")
	if what == newsCancelled {
		head = inLanguage(lang, "These visits are cancelled:", "Estas citas fueron canceladas:")
	}
	w.lines = head + "\n" + strings.Join(lines, "\n")
	return w, nil
}

// notice is that of a visit, where there is one alone.
func (w *partyWords) notice(what news, cause string) notices.Notice {
	first := w.facts[0]
	if len(w.facts) == 1 {
		return first.notice(what, cause)
	}
	title := inLanguage(first.lang, "You're booked together", "Sus citas están confirmadas")
	if what == newsCancelled {
		title = inLanguage(first.lang, "Your appointments are cancelled", "Sus citas fueron canceladas")
	}
	return notices.Notice{Type: noticeOf[what], Title: title, Message: w.lines, Link: visitsPage, Cause: cause}
}

// mail is that of a visit, where there is one alone.
func (w *partyWords) mail(tx core.App, what news) outbox.Message {
	first := w.facts[0]
	if len(w.facts) == 1 {
		return first.mail(tx, what)
	}
	say := func(en, es string) string { return inLanguage(first.lang, en, es) }
	clinic := first.settings.ClinicName
	subject, file := say("Your appointments at "+clinic, "Sus citas en "+clinic), say("The attached file adds them to your calendar.", "El archivo adjunto las agrega a su calendario.")
	if what == newsCancelled {
		subject = say("Your appointments at "+clinic+" are cancelled", "Sus citas en "+clinic+" fueron canceladas")
		file = say("The attached file takes them out of your calendar.", "El archivo adjunto las quita de su calendario.")
	}
	var events []calendarEvent
	for _, f := range w.facts {
		events = append(events, f.event(tx))
	}
	return outbox.Message{Topic: string(noticeOf[what]), Language: first.lang, Subject: subject, Text: paragraphs(w.lines, first.place, file),
		Link: visitsPage, LinkLabel: say("See your appointments", "Ver sus citas"), Attachments: []outbox.Attachment{calendarAttachment(events...)}}
}

// visitsPage lists the visits of whoever reads. Only who pays may open the party itself, and letters go to others too.
const visitsPage = "/appointments"
