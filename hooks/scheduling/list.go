package scheduling

import (
	"time"

	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
)

// The lists of one client. Each is a pair of constant queries, so that both are prepared once and their plans can be
// tested: a page, and its total, which the index idx_appointments_client answers alone.
//
// The parameters are numbered and the same for all: ?1 client, ?2 now, ?3 and ?4 bounds of start_time, ?5 and ?6
// bounds of the local day (both inclusive), ?7 limit, ?8 offset. A query leaves alone what it does not need.
//
// ?1||” is ?1: once the tables are analysed, SQLite plans a bare parameter for the value it is given and prepares the
// statement anew at every other value, which costs as much as the query itself.
type listQuery struct{ page, total string }

const (
	notEnded = `a.status IN ('requested','scheduled','confirmed','arrived','in_progress')`
	ended    = `a.status IN ('completed','no_show')`
	within   = ` AND a.start_time >= ?3||'' AND a.start_time < ?4||'' AND a.local_date >= ?5||'' AND a.local_date <= ?6||''`
)

// conditions are what the values of status mean. No visit is longer than a day, so that what ends in the future
// starts after yesterday: that keeps the walk short.
var conditions = map[string]string{
	"":          ``,
	"upcoming":  ` AND ` + notEnded + ` AND a.end_time > ?2||'' AND a.start_time > strftime('%Y-%m-%d %H:%M:%fZ', ?2||'', '-1 day')`,
	"past":      ` AND (` + ended + ` OR ` + notEnded + ` AND a.end_time <= ?2||'')`,
	"cancelled": ` AND a.status IN ('cancelled','declined')`,
}

var queries = func() map[string]map[bool]listQuery {
	all := map[string]map[bool]listQuery{}
	for status, condition := range conditions {
		order := ` ORDER BY a.start_time DESC, a.rowid DESC`
		if status == "upcoming" {
			order = ` ORDER BY a.start_time, a.rowid`
		}
		all[status] = map[bool]listQuery{}
		for dated, bounds := range map[bool]string{false: "", true: within} {
			where := `WHERE a.client = ?1||''` + condition + bounds
			all[status][dated] = listQuery{
				page:  `SELECT ` + rowColumns + rowTables + where + order + ` LIMIT ?7 + 0 OFFSET ?8 + 0`,
				total: `SELECT count(*) FROM appointments a ` + where,
			}
		}
	}
	return all
}()

// span is which visits a list is about, by when they start.
type span struct {
	dated            bool
	from, to         string // instants: from is in, to is not
	fromDay, lastDay string // local days, both in
}

// spanOf reads startDate and endDate (or from and to): calendar days in the zone of each visit, or instants. The end
// day is included, an end instant is the last moment.
func spanOf(query func(string) string) (span, error) {
	s := span{from: "0000", to: "9999", fromDay: "0000", lastDay: "9999"}
	bad := kernel.Invalid("", "That is not a date.")
	read := func(name, alias string, set func(day, at time.Time)) {
		value := query(name)
		if value == "" {
			name, value = alias, query(alias)
		}
		if value == "" {
			return
		}
		s.dated = true
		if day, ok := parseDay(value); ok {
			set(day, time.Time{})
		} else if at, err := time.Parse(time.RFC3339, value); err == nil {
			set(time.Time{}, at.UTC())
		} else {
			bad = bad.Field(name, "date", "Enter a date like 2026-12-03, or an instant like 2026-12-03T17:00:00Z.")
		}
	}
	// A day is compared as the visit's own local day; the instants around it only keep the search short, and are
	// wider than any zone's distance from UTC.
	read("startDate", "from", func(day, at time.Time) {
		if at.IsZero() {
			s.fromDay, s.from = day.Format(dayForm), day.AddDate(0, 0, -1).Format(timeForm)
			return
		}
		s.from = at.Format(timeForm)
	})
	read("endDate", "to", func(day, at time.Time) {
		if at.IsZero() {
			s.lastDay, s.to = day.Format(dayForm), day.AddDate(0, 0, 2).Format(timeForm)
			return
		}
		s.to = at.Add(time.Millisecond).Format(timeForm)
	})
	if bad.HasFields() {
		return s, bad
	}
	return s, nil
}

type ownList struct {
	Appointments []Appointment     `json:"appointments"`
	Pagination   kernel.Pagination `json:"pagination"`
}

func listOwn(c *kernel.Call) (*kernel.Reply, error) {
	page, err := c.Page()
	if err != nil {
		return nil, err
	}
	params := c.Request.URL.Query()
	when, err := spanOf(params.Get)
	if err != nil {
		return nil, err
	}
	byDate, ok := queries[params.Get("status")]
	if !ok {
		return nil, kernel.Invalid("", "That list does not exist.").Field("status", "option", "Choose upcoming, past or cancelled.")
	}
	v, err := newView(c.App, languageOf(c.Request.Header.Get("Accept-Language")))
	if err != nil {
		return nil, err
	}
	items, total, err := v.list(byDate[when.dated], c.Client(), when, page)
	if err != nil {
		return nil, err
	}
	line := audit.EntryFor(c.Actor, audit.ListAppointments, audit.Appointment, "")
	line.Details = audit.Details{"count": len(items)}
	if err := audit.Read(c.App, line); err != nil {
		return nil, err
	}
	return kernel.Listed(ownList{items, page.Of(total)}, page, total), nil
}

func (v *view) list(q listQuery, client string, when span, page kernel.Page) (items []Appointment, total int, err error) {
	due, err := formsDue(v.app, client)
	if err != nil {
		return nil, 0, err
	}
	items = make([]Appointment, 0, page.Limit)
	args := []any{client, v.now.Format(timeForm), when.from, when.to, when.fromDay, when.lastDay}
	var r row
	err = eachRow(v.app, q.page, append(args, page.Limit, page.Offset), r.targets(), func() error {
		item, err := v.item(&r, due[r.id])
		items = append(items, item)
		return err
	})
	if err != nil {
		return nil, 0, err
	}
	if len(items) < page.Limit && (len(items) > 0 || page.Offset == 0) { // the last page tells the total itself
		return items, page.Offset + len(items), nil
	}
	err = oneRow(v.app, q.total, args, &total)
	return items, total, err
}

func viewOwn(c *kernel.Call) (*kernel.Reply, error) {
	v, err := newView(c.App, languageOf(c.Request.Header.Get("Accept-Language")))
	if err != nil {
		return nil, err
	}
	item, err := v.one(c.ID(), c.Client())
	if err != nil {
		return nil, err
	}
	if err := audit.Read(c.App, audit.EntryFor(c.Actor, audit.ViewAppointment, audit.Appointment, item.ID)); err != nil {
		return nil, err
	}
	return kernel.OK(item), nil
}
