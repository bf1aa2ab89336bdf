package privacy

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
)

// FoundClient is a client as the search shows them: enough to tell people apart, whoever reaches the record.
type FoundClient struct {
	ID          string     `json:"id"`
	FirstName   string     `json:"firstName"`
	LastName    string     `json:"lastName"`
	DateOfBirth string     `json:"dateOfBirth"` // YYYY-MM-DD
	Reach       string     `json:"reach"`       // role, care_team, break_glass, none
	Until       *time.Time `json:"until,omitempty"`
}

const mostFound = 10

// findClients finds by a part of the name, or by a whole address, number or birth date: of a client out of reach a part
// of those would tell the rest.
func findClients(c *kernel.Call) (*kernel.Reply, error) {
	q := strings.Join(strings.Fields(c.Request.URL.Query().Get("q")), " ")
	if n := utf8.RuneCountInString(q); n < 2 || n > 80 {
		return nil, kernel.Invalid("", "Type at least two letters of a name.").Field("q", "length", "Type 2 to 80 characters.")
	}
	part := "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(q) + "%"
	rows := []*core.Record{}
	err := c.App.RecordQuery(collections.Clients).AndWhere(dbx.NewExp(`first_name || ' ' || last_name LIKE {:part} ESCAPE '\'
		OR last_name || ' ' || first_name LIKE {:part} ESCAPE '\' OR preferred_name LIKE {:part} ESCAPE '\'
		OR date_of_birth = {:q} OR lower(email) = {:email}
		OR {:digits} <> '' AND replace(replace(replace(replace(replace(replace(phone, ' ', ''), '-', ''), '(', ''), ')', ''), '.', ''), '+1', '') = {:digits}`,
		dbx.Params{"part": part, "q": q, "email": collections.NormalEmail(q), "digits": digitsOf(q)})).
		OrderBy("last_name", "first_name", "id").Limit(mostFound).All(&rows)
	if err != nil {
		return nil, err
	}
	found := make([]FoundClient, 0, len(rows))
	for _, r := range rows {
		one, err := foundClient(c, collections.AsClient(r))
		if err != nil {
			return nil, err
		}
		found = append(found, one)
	}
	line := audit.EntryFor(c.Actor, audit.FindClients, audit.Client, "")
	line.Details = audit.Details{"count": len(found)}
	if err := audit.Read(c.App, line); err != nil {
		return nil, err
	}
	return kernel.OK(map[string]any{"clients": found}), nil
}

// digitsOf gives the digits of what looks like a whole telephone number, without the country's 1, otherwise nothing.
func digitsOf(q string) string {
	digits := strings.Map(func(r rune) rune {
		if strings.ContainsRune(" -().", r) {
			return -1
		}
		return r
	}, strings.TrimPrefix(q, "+1"))
	if len(digits) < 7 || strings.Trim(digits, "+0123456789") != "" {
		return ""
	}
	return digits
}

func foundClient(c *kernel.Call, client *collections.Client) (FoundClient, error) {
	one := FoundClient{ID: client.Id, FirstName: client.FirstName(), LastName: client.LastName(), DateOfBirth: client.DateOfBirth(), Reach: "none"}
	reach, err := kernel.ReachOf(c.App, c.Actor, client.Id)
	if err != nil || !reach.OK() {
		return one, err
	}
	one.Reach = reach.By
	if reach.BreakGlass != "" {
		g, err := c.App.FindRecordById(collections.BreakGlass, reach.BreakGlass)
		if err != nil {
			return one, err
		}
		until := collections.AsBrokenGlass(g).Until()
		one.Until = &until
	}
	return one, nil
}

func breakGlass(c *kernel.Call) (*kernel.Reply, error) {
	var in struct {
		ClientID string
		Reason   string
		Minutes  int
	}
	if err := c.Bind(&in); err != nil {
		return nil, err
	}
	if !kernel.Limited(c.Actor) { // the owner passes every route's roles, and reaches every record
		return nil, kernel.Forbidden("ROLE", "A clinician opens a record in this way, for themselves.")
	}
	minutes := max(0, min(in.Minutes, 24*60)) // beyond the rule's range either way, and no overflow
	var g *collections.BrokenGlass
	err := c.App.RunInTransaction(func(tx core.App) (err error) {
		if _, err = tx.FindRecordById(collections.Clients, in.ClientID); err != nil {
			return err
		}
		until := kernel.Now(tx).Add(time.Duration(minutes) * time.Minute)
		if g, err = collections.NewBrokenGlass(tx, in.ClientID, c.Actor.ID, in.Reason, until); err != nil {
			return err
		}
		return kernel.SaveAs(tx, c.Actor, g.Record)
	})
	if err != nil {
		return nil, err
	}
	return kernel.Created(map[string]any{"id": g.Id, "clientId": g.Client(), "until": g.Until()}), nil
}

func endBreakGlass(c *kernel.Call) (*kernel.Reply, error) {
	var g *collections.BrokenGlass
	err := c.App.RunInTransaction(func(tx core.App) error {
		r, err := tx.FindRecordById(collections.BreakGlass, c.ID())
		if err != nil {
			return err
		}
		if g = collections.AsBrokenGlass(r); kernel.Limited(c.Actor) && g.Staff() != c.Actor.ID {
			return kernel.NotFound()
		}
		g.End(kernel.Now(tx))
		return kernel.SaveAs(tx, c.Actor, r)
	})
	if err != nil {
		return nil, err
	}
	return kernel.OK(map[string]any{"id": g.Id, "endedAt": g.GetDateTime("ended_at").Time()}), nil
}

// BrokenGlass is one as the desk lists it.
type BrokenGlass struct {
	ID      string       `json:"id"`
	Client  personByName `json:"client"`
	Staff   staffByName  `json:"staff"`
	Reason  string       `json:"reason"`
	Since   time.Time    `json:"since"`
	Until   time.Time    `json:"until"`
	EndedAt *time.Time   `json:"endedAt,omitempty"`
	Looks   int          `json:"looks"` // lines of the audit log that name it
}

type personByName struct {
	ID        string `json:"id"`
	FirstName string `json:"firstName"`
	LastName  string `json:"lastName"`
}

type staffByName struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// listBrokenGlass gives the newest first: administrators all, clinicians their own.
func listBrokenGlass(c *kernel.Call) (*kernel.Reply, error) {
	page, err := c.Page()
	if err != nil {
		return nil, err
	}
	where := dbx.HashExp{}
	if kernel.Limited(c.Actor) {
		where["staff"] = c.Actor.ID
	}
	match := dbx.And(where, dbx.NewExp("1 = 1"))
	if c.Request.URL.Query().Get("open") == "true" {
		match = dbx.And(where, dbx.NewExp("ended_at = '' AND until > {:now}", dbx.Params{"now": kernel.Now(c.App).Format(types.DefaultDateLayout)}))
	}
	var total int
	if err := c.App.ConcurrentDB().Select("count(*)").From(collections.BreakGlass).Where(match).Row(&total); err != nil {
		return nil, err
	}
	rows := []*core.Record{}
	if err := c.App.RecordQuery(collections.BreakGlass).AndWhere(match).OrderBy("created DESC", "id DESC").
		Limit(int64(page.Limit)).Offset(int64(page.Offset)).All(&rows); err != nil {
		return nil, err
	}
	items, err := brokenGlasses(c.App, rows)
	if err != nil {
		return nil, err
	}
	if err := noteLooking(c, items); err != nil {
		return nil, err
	}
	return kernel.Listed(map[string]any{"items": items, "pagination": page.Of(total)}, page, total), nil
}

func brokenGlasses(app core.App, rows []*core.Record) ([]BrokenGlass, error) {
	clients, err := byID(app, collections.Clients, rows, "client")
	if err != nil {
		return nil, err
	}
	staff, err := byID(app, collections.Staff, rows, "staff")
	if err != nil {
		return nil, err
	}
	items := make([]BrokenGlass, 0, len(rows))
	for _, r := range rows {
		g := collections.AsBrokenGlass(r)
		client, who := collections.AsClient(clients[g.Client()]), collections.AsStaff(staff[g.Staff()])
		looks, err := audit.CountMarked(app, g.Id, g.Client(), g.Staff())
		if err != nil {
			return nil, err
		}
		item := BrokenGlass{ID: g.Id, Client: personByName{client.Id, client.FirstName(), client.LastName()},
			Staff: staffByName{who.Id, strings.TrimSpace(who.FirstName() + " " + who.LastName())}, Reason: g.Reason(),
			Since: g.GetDateTime("created").Time(), Until: g.Until(), Looks: looks}
		if g.Ended() {
			at := g.GetDateTime("ended_at").Time()
			item.EndedAt = &at
		}
		items = append(items, item)
	}
	return items, nil
}

// byID loads what a field of the rows points at. Both relations are required, so none is missing.
func byID(app core.App, collection string, rows []*core.Record, field string) (map[string]*core.Record, error) {
	ids := make([]string, len(rows))
	for i, r := range rows {
		ids[i] = r.GetString(field)
	}
	found, err := app.FindRecordsByIds(collection, slices.Compact(slices.Sorted(slices.Values(ids))))
	if err != nil {
		return nil, err
	}
	out := make(map[string]*core.Record, len(found))
	for _, r := range found {
		out[r.Id] = r
	}
	return out, nil
}

// noteLooking writes one line for each client in the list, so that each can see who looked.
func noteLooking(c *kernel.Call, items []BrokenGlass) error {
	var lines []audit.Entry
	for _, item := range items {
		if slices.ContainsFunc(lines, func(l audit.Entry) bool { return l.Client == item.Client.ID }) {
			continue
		}
		line := audit.EntryFor(c.Actor, audit.ListBreakGlass, audit.ResourceType(collections.BreakGlass), "")
		line.Client = item.Client.ID
		lines = append(lines, line)
	}
	if len(lines) == 0 {
		lines = append(lines, audit.EntryFor(c.Actor, audit.ListBreakGlass, audit.ResourceType(collections.BreakGlass), ""))
	}
	return audit.Read(c.App, lines...)
}
