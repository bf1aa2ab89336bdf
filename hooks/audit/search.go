package audit

import (
	"database/sql"
	"errors"
	"math"
	"sort"
	"strings"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
)

// Line is one line as it is read back. Details is JSON or empty.
type Line struct {
	Seq          int64  `db:"seq"`
	Stamp        string `db:"at"`
	ActorKind    string `db:"actor_kind"`
	ActorID      string `db:"actor_id"`
	Role         string `db:"role"`
	Client       string `db:"client_id"`
	Action       string `db:"action"`
	ResourceType string `db:"resource_type"`
	ResourceID   string `db:"resource_id"`
	Result       string `db:"result"`
	ErrorCode    string `db:"error_code"`
	IP           string `db:"ip"`
	Agent        string `db:"agent"`
	Details      string `db:"details"`
}

// At is the line's instant, zero when it does not read as one.
func (l Line) At() time.Time {
	t, _ := time.Parse(timeForm, l.Stamp)
	return t
}

const lineColumns = "seq, at, actor_kind, actor_id, role, client_id, action, resource_type, resource_id, result, error_code, ip, agent, details"

// Query is what to look for. Empty fields ask for nothing; From counts in, Until out.
type Query struct {
	From, Until                         time.Time
	Actor, Client, Resource, ResourceID string
	Action                              Action
	Result                              Result
	BreakGlass                          bool
	Before                              int64 // lines with smaller numbers alone; 0: from the end
	Limit                               int
}

// walk is how many lines one search looks at. Who looks for what no index knows (an action, a result) gets what lies
// within, and where to go on.
const walk = 20_000

// clockSlack is by how much the machine's clock may have been set back without a search by day missing a line. A line's
// time rises with its number but for that, so the ends of the time asked for are found by halving the numbers, this much
// further out, and the times of the lines between decide.
const clockSlack = 24 * time.Hour

// Search finds lines, newest first. next is where the following search goes on (as Before), 0 when there is nothing more.
// A page may hold fewer lines than asked for, or none, with a next: then it was the walk that ended.
func Search(app core.App, q Query) (lines []Line, next int64, err error) {
	low, high, err := numbersOf(app, q)
	if err != nil || low >= high {
		return nil, 0, err
	}
	from, where, params := q.seek()
	params["high"] = high
	floor := max(low, high-walk)
	if strings.HasPrefix(from, "INDEXED") {
		floor = low
		err = app.ConcurrentDB().NewQuery("SELECT seq FROM " + table + " " + from + " WHERE " + where + " AND seq < {:high} ORDER BY seq DESC LIMIT 1 OFFSET {:walk}").
			Bind(with(params, "walk", walk-1)).Row(&floor)
		if errors.Is(err, sql.ErrNoRows) {
			err = nil
		}
		if err != nil {
			return nil, 0, err
		}
		floor = max(floor, low)
	}
	err = app.ConcurrentDB().NewQuery(q.sql(from, where)).Bind(with(q.params(params), "low", floor, "limit", q.Limit+1)).All(&lines)
	if err != nil {
		return nil, 0, err
	}
	switch {
	case len(lines) > q.Limit:
		lines = lines[:q.Limit]
		return lines, lines[q.Limit-1].Seq, nil
	case floor > low:
		return lines, floor, nil
	}
	return lines, 0, nil
}

// seek names the index that leads to the lines: the record, else the client, else the actor; without any, the numbers.
func (q Query) seek() (from, where string, params dbx.Params) {
	for _, by := range []struct{ value, column, index string }{
		{q.ResourceID, "resource_id", "idx_portal_audit_log_resource"},
		{q.Client, "client_id", "idx_portal_audit_log_client"},
		{q.Actor, "actor_id", "idx_portal_audit_log_actor"},
	} {
		if by.value != "" {
			return "INDEXED BY " + by.index, by.column + " = {:seek} AND " + by.column + " <> ''", dbx.Params{"seek": by.value}
		}
	}
	return "NOT INDEXED", "seq > 0", dbx.Params{}
}

func (q Query) sql(from, where string) string {
	s := "SELECT " + lineColumns + " FROM " + table + " " + from + " WHERE " + where + " AND seq < {:high} AND seq >= {:low}"
	for _, f := range []struct {
		asked bool
		cond  string
	}{
		{q.ResourceID != "" && q.Client != "", "client_id = {:client}"},
		{q.Actor != "" && (q.ResourceID != "" || q.Client != ""), "actor_id = {:actor}"},
		{q.Action != "", "action = {:action}"},
		{q.Resource != "", "resource_type = {:resource}"},
		{q.Result != "", "result = {:result}"},
		{!q.From.IsZero(), "at >= {:from}"},
		{!q.Until.IsZero(), "at < {:until}"},
		{q.BreakGlass, "details <> '' AND json_extract(details, '$.breakGlass') IS NOT NULL"},
	} {
		if f.asked {
			s += " AND " + f.cond
		}
	}
	return s + " ORDER BY seq DESC LIMIT {:limit}"
}

func (q Query) params(seek dbx.Params) dbx.Params {
	return with(seek, "client", q.Client, "actor", q.Actor, "action", string(q.Action), "resource", q.Resource, "result", string(q.Result),
		"from", q.From.UTC().Format(timeForm), "until", q.Until.UTC().Format(timeForm))
}

func with(params dbx.Params, pairs ...any) dbx.Params {
	out := dbx.Params{}
	for k, v := range params {
		out[k] = v
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		out[pairs[i].(string)] = pairs[i+1]
	}
	return out
}

// numbersOf gives the numbers that can hold what is asked for: low counts in, high out.
func numbersOf(app core.App, q Query) (low, high int64, err error) {
	var last int64
	if err = app.ConcurrentDB().NewQuery("SELECT coalesce(max(seq), 0) FROM " + table).Row(&last); err != nil {
		return 0, 0, err
	}
	low, high = 1, last+1
	if q.Before > 0 {
		high = min(high, q.Before)
	}
	// the first number whose line's time is not before t
	first := func(t time.Time) int64 {
		stamp := t.UTC().Format(timeForm)
		return int64(sort.Search(int(min(last, math.MaxInt)), func(i int) bool {
			if err != nil {
				return true
			}
			var at string
			err = app.ConcurrentDB().NewQuery("SELECT at FROM " + table + " WHERE seq > {:i} ORDER BY seq LIMIT 1").Bind(dbx.Params{"i": i}).Row(&at)
			return err == nil && at >= stamp
		})) + 1
	}
	if !q.From.IsZero() {
		low = max(low, first(q.From.Add(-clockSlack)))
	}
	if !q.Until.IsZero() && err == nil {
		high = min(high, first(q.Until.Add(clockSlack)))
	}
	return low, high, err
}

// LastHead is the log's head now, and when its line was written.
func LastHead(app core.App) (Head, time.Time, error) {
	var row struct {
		Seq  int64  `db:"seq"`
		At   string `db:"at"`
		Hash []byte `db:"hash"`
	}
	err := app.DB().NewQuery("SELECT seq, at, hash FROM " + table + " ORDER BY seq DESC LIMIT 1").One(&row)
	if errors.Is(err, sql.ErrNoRows) {
		return Head{}, time.Time{}, nil
	}
	h := Head{Seq: row.Seq}
	copy(h.Hash[:], row.Hash)
	return h, Line{Stamp: row.At}.At(), err
}
