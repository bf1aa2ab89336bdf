package oversight

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
)

type named struct {
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
}

type actor struct {
	Kind string `json:"kind"`
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
	Role string `json:"role,omitempty"`
}

type line struct {
	Seq          int64           `json:"seq"`
	At           string          `json:"at"`
	Actor        actor           `json:"actor"`
	OnBehalfOf   *named          `json:"onBehalfOf,omitempty"`
	Client       *named          `json:"client,omitempty"`
	Action       string          `json:"action"`
	ResourceType string          `json:"resourceType,omitempty"`
	ResourceID   string          `json:"resourceId,omitempty"`
	Result       string          `json:"result"`
	ErrorCode    string          `json:"errorCode,omitempty"`
	IP           string          `json:"ip,omitempty"`
	Device       string          `json:"device,omitempty"`
	Details      json.RawMessage `json:"details,omitempty"`
}

// found is a page of lines. next is what the following page asks for as before; absent: there is nothing more.
type found struct {
	Lines []line `json:"lines"`
	Next  int64  `json:"next,omitempty"`
}

func search(c *kernel.Call) (*kernel.Reply, error) {
	q, used, err := asked(c)
	if err != nil {
		return nil, err
	}
	entry := audit.EntryFor(c.Actor, audit.SearchAuditLog, audit.AuditLog, "")
	entry.Details = audit.Details{"filters": used} // their names: whom somebody looked for is a hint about that person
	if err := audit.Read(c.App, entry); err != nil {
		return nil, err
	}
	lines, next, err := audit.Search(c.App, q)
	if err != nil {
		return nil, err
	}
	out, err := withNames(c.App, lines)
	if err != nil {
		return nil, err
	}
	return kernel.OK(found{Lines: out, Next: next}), nil
}

const (
	linesByDefault = 50
	mostLines      = 200
)

// asked reads the filters, and says which were used. Days are days of the clinic, both included.
func asked(c *kernel.Call) (q audit.Query, used []string, err error) {
	values := c.Request.URL.Query()
	bad := kernel.Invalid("", "One of the filters cannot be used.")
	text := func(name string) string {
		s := values.Get(name)
		if len(s) > 100 {
			_ = bad.Field(name, "length", "At most 100 characters.")
		}
		if s != "" {
			used = append(used, name)
		}
		return s
	}
	day := func(name string, plus int) (t time.Time) {
		s := text(name)
		if s == "" {
			return t
		}
		t, err := time.ParseInLocation(time.DateOnly, s, collections.Settings(c.App).Zone())
		if err != nil {
			_ = bad.Field(name, "day", "Write a day as 2026-12-31.")
		}
		return t.AddDate(0, 0, plus)
	}
	number := func(name string, high int64) int64 {
		s := values.Get(name)
		if s == "" {
			return 0
		}
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil || n < 1 || n > high {
			_ = bad.Field(name, "range", "Must be a whole number from 1 to "+strconv.FormatInt(high, 10)+".")
		}
		return n
	}
	q = audit.Query{From: day("from", 0), Until: day("to", 1), Actor: text("actor"), Client: text("client"), Action: audit.Action(text("action")),
		Resource: text("resource"), ResourceID: text("resourceId"), Result: audit.Result(text("result")),
		Before: number("before", 1<<53), Limit: int(number("limit", mostLines))}
	if q.Limit == 0 {
		q.Limit = linesByDefault
	}
	if q.Result != "" && !slices.Contains([]audit.Result{audit.ResultOK, audit.ResultRefused, audit.ResultFailed}, q.Result) {
		_ = bad.Field("result", "choice", "One of ok, refused, failed.")
	}
	switch text("breakGlass") {
	case "", "false":
	case "true":
		q.BreakGlass = true
	default:
		_ = bad.Field("breakGlass", "choice", "true or false.")
	}
	if !q.From.IsZero() && !q.Until.IsZero() && !q.From.Before(q.Until) {
		_ = bad.Field("to", "order", "The last day is before the first.")
	}
	if bad.HasFields() {
		return q, nil, bad
	}
	if used == nil {
		used = []string{}
	}
	return q, used, nil
}

// withNames puts the names of now beside the ids of then. Who is gone has none.
func withNames(app core.App, lines []audit.Line) ([]line, error) {
	names := map[string]map[string]string{"staff": {}, "portal_users": {}, "clients": {}}
	self := map[string]bool{} // login and client
	collectionOf := map[string]string{kernel.KindStaff: "staff", kernel.KindClient: "portal_users"}
	for _, l := range lines {
		if in := collectionOf[l.ActorKind]; in != "" {
			names[in][l.ActorID] = ""
		}
		if l.Client != "" {
			names["clients"][l.Client] = ""
		}
	}
	for collection, ids := range names {
		if err := lookUp(app, collection, ids); err != nil {
			return nil, err
		}
	}
	var own []struct{ Login, Client string }
	err := app.ConcurrentDB().Select("portal_user AS login", "client").From("client_access").
		Where(dbx.HashExp{"relationship": collections.RelationshipSelf}).AndWhere(dbx.In("client", anys(names["clients"])...)).All(&own)
	if err != nil {
		return nil, err
	}
	for _, o := range own {
		self[o.Login+" "+o.Client] = true
	}
	out := make([]line, len(lines))
	for i, l := range lines {
		o := line{Seq: l.Seq, At: instant(l.At()), Action: l.Action, ResourceType: l.ResourceType, ResourceID: l.ResourceID, Result: l.Result,
			ErrorCode: l.ErrorCode, IP: l.IP, Device: device(l.Agent), Details: json.RawMessage(l.Details),
			Actor: actor{Kind: l.ActorKind, ID: l.ActorID, Role: l.Role, Name: names[collectionOf[l.ActorKind]][l.ActorID]}}
		if l.Client != "" {
			o.Client = &named{l.Client, names["clients"][l.Client]}
			if l.ActorKind == kernel.KindClient && !self[l.ActorID+" "+l.Client] {
				o.OnBehalfOf = o.Client
			}
		}
		out[i] = o
	}
	return out, nil
}

func lookUp(app core.App, collection string, ids map[string]string) error {
	if len(ids) == 0 {
		return nil
	}
	var rows []struct {
		ID    string `db:"id"`
		First string `db:"first_name"`
		Last  string `db:"last_name"`
	}
	err := app.ConcurrentDB().Select("id", "first_name", "last_name").From(collection).Where(dbx.In("id", anys(ids)...)).All(&rows)
	for _, r := range rows {
		ids[r.ID] = strings.TrimSpace(r.First + " " + r.Last)
	}
	return err
}

func anys(ids map[string]string) []any {
	out := make([]any, 0, len(ids))
	for id := range ids {
		out = append(out, id)
	}
	return out
}

func device(agent string) string {
	_, system, browser := kernel.Device(agent)
	if browser == "" || system == "" {
		return browser + system
	}
	return browser + " on " + system
}

func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}
