package scheduling

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/collections/zones"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
	"anteroom/hooks/notices"
)

// A visit is agreed as a time on the clocks of a place, and kept as an instant. When a region changes its clocks after
// that, the two part: the portal notices, and staff say which of them was meant. It decides nothing itself, because a
// client who noted 2:30 and a client whose calendar holds the instant expect different things.

// keep is what stays of a visit whose clocks were changed. It is a type of this package, so that no request can say it.
type keep string

const (
	keepWall    keep = "wall"    // the time on the clock: the visit moves to another instant
	keepInstant keep = "instant" // the moment: the clocks show another time then
)

// keepKey carries the decision from the handler to the rules.
const keepKey = "@scheduling.keep"

// Wall is what the clocks of a place show at an instant.
type Wall struct {
	Date      string `json:"date"` // YYYY-MM-DD
	Time      string `json:"time"` // HH:mm
	UTCOffset int    `json:"utcOffset"`
}

func wallAt(t time.Time) Wall {
	_, offset := t.Zone()
	return Wall{t.Format(dayForm), t.Format(wallForm), offset / 60}
}

// ClockChange is a visit or request to come whose time on the clock is not what was agreed. It names no client.
type ClockChange struct {
	ID, Zone    string
	Agreed, Now Wall
}

// selectToCome is a search of idx_appointments_start. Who is here already needs no time.
const selectToCome = `SELECT a.id, a.start_time, a.time_zone, a.local_date, a.local_start FROM appointments a
	WHERE a.start_time > ?1||'' AND a.status IN ('requested','scheduled','confirmed')`

func toComeQuery(limit string) string {
	return selectToCome + limit + ` ORDER BY a.start_time, a.rowid`
}

// ClockChanges finds them in the clinic's database, soonest first, by the zone data in use.
func ClockChanges(ctx context.Context, db *sql.DB, now time.Time) ([]ClockChange, error) {
	return clockChanges(ctx, db, "", now.UTC().Format(timeForm))
}

func clockChanges(ctx context.Context, db *sql.DB, limit string, args ...any) (out []ClockChange, err error) {
	rows, err := db.QueryContext(ctx, toComeQuery(limit), args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var c ClockChange
		var at string
		if err := rows.Scan(&c.ID, &at, &c.Zone, &c.Agreed.Date, &c.Agreed.Time); err != nil {
			return nil, err
		}
		start, err := time.Parse(timeForm, at)
		if err != nil {
			return nil, err
		}
		if changed, err := c.compare(start); err != nil {
			return nil, err
		} else if changed {
			out = append(out, c)
		}
	}
	return out, rows.Err()
}

// compare fills in what the clocks show at start by today's data, and tells whether it is another time than agreed.
func (c *ClockChange) compare(start time.Time) (changed bool, err error) {
	zone, err := collections.Zone(c.Zone)
	if err != nil {
		return false, err
	}
	if c.Now = wallAt(start.In(zone)); c.Now.Date == c.Agreed.Date && c.Now.Time == c.Agreed.Time {
		return false, nil
	}
	agreed, err := time.Parse(dayForm+" "+wallForm, c.Agreed.Date+" "+c.Agreed.Time)
	c.Agreed.UTCOffset = int(agreed.Sub(start) / time.Minute)
	return true, err
}

func bindZoneLaw(app core.App) {
	app.OnServe().BindFunc(func(se *core.ServeEvent) error {
		if err := tellOfClockChanges(se.App); err != nil { // a server that serves is worth more than this word
			se.App.Logger().Error("could not look for visits whose clocks were changed", "error", err)
		}
		return se.Next()
	})
	const all = kernel.Desk + "/zone-changes"
	deciders := []string{kernel.RoleAdmin, kernel.RoleFrontDesk}
	kernel.Handle(app,
		kernel.Route{Method: http.MethodGet, Path: all, Access: kernel.Staff, Roles: deskRoles, Do: listClockChanges},
		kernel.Route{Method: http.MethodPost, Path: all, Access: kernel.Staff, Roles: deciders, Do: followManyClocks},
		kernel.Route{Method: http.MethodPost, Path: all + "/{id}", Access: kernel.Staff, Roles: deciders, Owns: collections.Appointments, Do: followClocks},
	)
}

// noticeZoneChanges is the kind of notice staff get, once for each version of the data.
const noticeZoneChanges = "zone_changes"

func tellOfClockChanges(app core.App) error {
	db, err := database(app)
	if err != nil {
		return err
	}
	changes, err := ClockChanges(context.Background(), db, kernel.Now(app))
	if err != nil || len(changes) == 0 {
		return err
	}
	return app.RunInTransaction(func(tx core.App) error {
		return notices.TellStaff(tx, "", noticeZoneChanges, zoneChangesPage, "", noticeZoneChanges+":"+zones.Version())
	})
}

func database(app core.App) (*sql.DB, error) {
	db, ok := app.ConcurrentDB().(*dbx.DB)
	if !ok {
		return nil, errors.New("the database is not open")
	}
	return db.DB(), nil
}

type zoneData struct {
	Version string `json:"version"`
	Source  string `json:"source"`
	Machine string `json:"machine,omitempty"` // the version of this computer's data
}

type changedVisit struct {
	Appointment
	Client deskClient `json:"client"`
	Agreed Wall       `json:"agreed"`
	Now    Wall       `json:"now"`
}

type zoneChanges struct {
	ZoneData     zoneData       `json:"zoneData"`
	Total        int            `json:"total"`
	Appointments []changedVisit `json:"appointments"` // the soonest
}

// maxClockChanges is how many are shown, and decided, at once. A whole province can change its clocks.
const maxClockChanges = 200

// selectThese reads appointments by their ids, a JSON list.
const selectThese = `SELECT ` + deskColumns + deskTables + `WHERE a.id IN (SELECT value FROM json_each(?1)) ORDER BY a.start_time, a.rowid`

// listClockChanges gives those that wait for a decision; clinicians see their own.
func listClockChanges(c *kernel.Call) (*kernel.Reply, error) {
	v, err := newView(c.App, languageOf(c.Request.Header.Get("Accept-Language")))
	if err != nil {
		return nil, err
	}
	db, err := database(c.App)
	if err != nil {
		return nil, err
	}
	limit, bound := limitOf(c.App, c.Actor)
	changes, err := clockChanges(c.Request.Context(), db, limit, append([]any{v.now.Format(timeForm), "", ""}, bound...)...)
	if err != nil {
		return nil, err
	}
	out := zoneChanges{ZoneData: zoneData{zones.Version(), zones.Source(), zones.MachineVersion()}, Total: len(changes), Appointments: []changedVisit{}}
	changes = changes[:min(len(changes), maxClockChanges)]
	byID := map[string]ClockChange{}
	ids := make([]string, len(changes))
	for i, change := range changes {
		ids[i], byID[change.ID] = change.ID, change
	}
	list, err := json.Marshal(ids)
	if err != nil {
		return nil, err
	}
	rows, err := deskRows(c.App, selectThese, string(list))
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		due, err := formsDue(c.App, r.client)
		if err != nil {
			return nil, err
		}
		item, err := v.item(&r.row, due[r.id])
		if err != nil {
			return nil, err
		}
		out.Appointments = append(out.Appointments, changedVisit{item, r.whom(), byID[r.id].Agreed, byID[r.id].Now})
	}
	if err := readOf(c, audit.ListZoneChanges, rows); err != nil {
		return nil, err
	}
	return kernel.OK(out), nil
}

type followBody struct {
	Keep keep     `json:"keep"`
	IDs  []string `json:"ids"`
}

func (b *followBody) refuseUnknownKeep() error {
	if b.Keep != keepWall && b.Keep != keepInstant {
		return kernel.Invalid("", "Say what stays.").Field("keep", "option", "Choose wall, the time on the clock, or instant, the moment.")
	}
	return nil
}

func followClocks(c *kernel.Call) (*kernel.Reply, error) {
	var body followBody
	if err := c.Bind(&body); err != nil {
		return nil, err
	}
	if err := body.refuseUnknownKeep(); err != nil {
		return nil, err
	}
	if err := decideClockChange(c, c.ID(), body.Keep); err != nil {
		return nil, err
	}
	v, err := newView(c.App, languageOf(c.Request.Header.Get("Accept-Language")))
	if err != nil {
		return nil, err
	}
	item, err := v.one(c.ID(), "")
	if err != nil {
		return nil, err
	}
	return kernel.OK(item), nil
}

type followRefusal struct {
	ID      string `json:"id"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

type followed struct {
	Done    []string        `json:"done"`
	Refused []followRefusal `json:"refused"`
}

// followManyClocks decides many alike. Each is decided or refused on its own: one that collides keeps no other.
func followManyClocks(c *kernel.Call) (*kernel.Reply, error) {
	var body followBody
	if err := c.Bind(&body); err != nil {
		return nil, err
	}
	if err := body.refuseUnknownKeep(); err != nil {
		return nil, err
	}
	if len(body.IDs) == 0 || len(body.IDs) > maxClockChanges {
		return nil, kernel.Invalid("", "Choose up to 200 visits.").Field("ids", "range", "Choose 1 to 200 visits.")
	}
	ids, err := outOfEachOthersWay(c.App, body.IDs)
	if err != nil {
		return nil, err
	}
	out := followed{Done: []string{}, Refused: []followRefusal{}}
	for _, id := range ids {
		err := decideClockChange(c, id, body.Keep)
		if err == nil {
			out.Done = append(out.Done, id)
			continue
		}
		why := kernel.AsError(err)
		if why.Status >= http.StatusInternalServerError {
			return nil, err
		}
		reason := why.Reason
		if reason == "" {
			reason = why.Code
		}
		out.Refused = append(out.Refused, followRefusal{id, reason, why.Message})
	}
	return kernel.OK(out), nil
}

// outOfEachOthersWay orders visits so that those that all move by an hour do not meet on the way: of those that move
// later the last goes first, of those that move earlier the first. Each comes once; what is unknown goes to the end.
func outOfEachOthersWay(app core.App, ids []string) ([]string, error) {
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	db, err := database(app)
	if err != nil {
		return nil, err
	}
	changes, err := ClockChanges(context.Background(), db, kernel.Now(app))
	if err != nil {
		return nil, err
	}
	var earlier, later []string
	for _, c := range changes {
		i, wanted := slices.BinarySearch(ids, c.ID)
		if !wanted {
			continue
		}
		ids = slices.Delete(ids, i, i+1)
		if c.Now.Date+c.Now.Time < c.Agreed.Date+c.Agreed.Time {
			later = append(later, c.ID)
		} else {
			earlier = append(earlier, c.ID)
		}
	}
	slices.Reverse(later)
	return slices.Concat(earlier, later, ids), nil
}

// decideClockChange loads a visit whose clocks were changed, says what is to stay, and saves it through the rules.
func decideClockChange(c *kernel.Call, id string, what keep) error {
	var a *collections.Appointment
	err := c.App.RunInTransaction(func(tx core.App) (err error) {
		a, err = collections.FindAppointment(tx, id)
		if err != nil {
			return err
		}
		change := ClockChange{Zone: a.TimeZone(), Agreed: Wall{Date: a.GetString("local_date"), Time: a.GetString("local_start")}}
		open := a.Start().After(kernel.Now(tx)) && (a.Status().Booked() || a.Status() == collections.AppointmentRequested)
		if open {
			open, err = change.compare(a.Start())
		}
		if err != nil {
			return err
		}
		switch {
		case !open:
			return kernel.Conflict("NOTHING_CHANGED", "The clocks show the time that was agreed for this visit. There is nothing to decide.")
		case what == keepInstant && a.Status() == collections.AppointmentRequested:
			return kernel.Conflict("ASKED_BY_THE_CLOCK", "The client asked for a time on the clock. Keep the clock time, or answer the request.")
		case what == keepWall:
			zone, err := collections.Zone(change.Zone)
			if err != nil {
				return err
			}
			start, err := instantOf(collections.Preference{Date: change.Agreed.Date, Time: change.Agreed.Time}, zone)
			if err != nil {
				return kernel.Conflict("NONEXISTENT_TIME", "By today's rules the clocks skip "+change.Agreed.Time+
					" that day. Keep the moment, or move the visit.").Because(err)
			}
			a.SetStart(start)
		}
		a.SetRaw(keepKey, what)
		return kernel.SaveAs(tx, c.Actor, a.Record)
	})
	if err != nil && a != nil {
		return inTheWordsOfTheDesk(c, a, err)
	}
	return err
}

// takeKeep reads the decision that rides on a record, if there is one.
func takeKeep(r *core.Record) keep {
	k, _ := r.GetRaw(keepKey).(keep)
	return k
}

// followsClocks tells whether a request may change though it is undecided: so that its instant is that of the clock
// time the client asked for.
func (s *save) followsClocks() bool {
	return s.keep == keepWall && s.before.Status() == collections.AppointmentRequested && s.actor.IsStaff(deskRoles...)
}

// rewritesWall tells whether the clock time follows from the instant in this save. It does when the time or the place is
// new or staff decided so, and in no other: whoever changes something else must not hide that the clocks were changed.
func (s *save) rewritesWall() bool {
	return s.before == nil || s.changed("start_time") || s.changed("location") || s.changed("time_zone") || s.keep != ""
}

// News of a decision. The client is told in both cases: on the same clock time other zones' clocks and calendars show
// another one, and at the same moment the clinic's do.
const (
	newsClockKept  news = "clock_kept"
	newsMomentKept news = "moment_kept"
)

// newsOfClocks is what a decision means for the client.
func (s *save) newsOfClocks() news {
	if s.keep == keepWall {
		return newsClockKept
	}
	return newsMomentKept
}

// clocksInWords says what happened and what the visit's time is now.
func (f *visitFacts) clocksInWords(what news) string {
	say := func(en, es string) string { return inLanguage(f.lang, en, es) }
	if what == newsClockKept {
		return say("The region has changed its clocks. The time on the clinic's clock stays as agreed: "+f.when()+
			". On clocks of another zone, and in a calendar that noted it earlier, it can be another hour than before.",
			"La región cambió sus relojes. La hora en el reloj de la clínica sigue siendo la acordada: "+f.when()+
				". En relojes de otra zona, y en un calendario que la anotó antes, puede ser otra hora.")
	}
	return say("The region has changed its clocks. Your appointment is at the same moment as before, and the clinic's clock now shows another time for it: "+f.when()+".",
		"La región cambió sus relojes. Su cita es en el mismo momento que antes, y el reloj de la clínica ahora muestra otra hora: "+f.when()+".")
}

// reasonOfClocks is what the history keeps of a decision, for staff.
func (s *save) reasonOfClocks() string {
	if s.keep == keepWall {
		return "The region changed its clocks; the clock time was kept."
	}
	return "The region changed its clocks; the moment was kept."
}
