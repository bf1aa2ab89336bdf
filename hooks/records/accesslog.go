package records

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
)

// AccessEntry is one entry of "who looked at my record". Count is there when it stands for several reads of one day,
// which only the reader's own are put together to.
type AccessEntry struct {
	At           string `json:"at"`
	Who          string `json:"who"`
	Role         string `json:"role"`
	Action       string `json:"action"`
	ResourceType string `json:"resourceType"`
	OnBehalfOf   string `json:"onBehalfOf,omitempty"`
	BreakGlass   bool   `json:"breakGlass,omitempty"`
	Count        int    `json:"count,omitempty"`
}

// Who an entry names when it is nobody of the clinic or the family.
const (
	whoYou    = "you"
	whoOwner  = "Operator of the clinic's server"
	whoPortal = "The portal"
	whoPaid   = "The payment service"
	whoStaff  = "A former member of the staff"
	whoFamily = "Somebody whose account was removed"
)

// accessLog writes its own line first: a page then holds it, and the following pages, read on the same day, do not move.
func accessLog(c *kernel.Call) (*kernel.Reply, error) {
	page, err := c.Page()
	if err != nil {
		return nil, err
	}
	if err := audit.Read(c.App, audit.EntryFor(c.Actor, audit.ViewAccessLog, audit.AuditLog, "")); err != nil {
		return nil, err
	}
	found, total, err := audit.AccessTo(c.App, c.Client(), c.Actor.ID, collections.Settings(c.App).Zone(), page.Offset, page.Limit)
	if err != nil {
		return nil, err
	}
	who, err := namesFor(c.App, c.Client(), found)
	if err != nil {
		return nil, err
	}
	entries := make([]AccessEntry, len(found))
	for i, a := range found {
		e := AccessEntry{At: a.At().Format(time.RFC3339Nano), Action: a.Action, ResourceType: a.ResourceType, BreakGlass: underBrokenGlass(a.Details)}
		if a.Count > 1 {
			e.Count = a.Count
		}
		who.put(&e, a.Line, c.Actor.ID)
		entries[i] = e
	}
	return kernel.Listed(map[string]any{"entries": entries, "pagination": page.Of(total)}, page, total), nil
}

// people are the names behind the lines of one client, as they are now: the log itself holds ids.
type people struct {
	client string            // whose record it is
	self   map[string]bool   // the client's own logins
	names  map[string]string // by kind:id
}

func namesFor(app core.App, client string, lines []audit.Access) (*people, error) {
	p := &people{self: map[string]bool{}, names: map[string]string{}}
	ids := map[string][]any{}
	for _, l := range lines {
		ids[l.ActorKind] = append(ids[l.ActorKind], l.ActorID)
	}
	var rows []struct {
		ID    string `db:"id"`
		First string `db:"first_name"`
		Last  string `db:"last_name"`
		Title string `db:"title"`
	}
	name := func(kind string) {
		for _, r := range rows {
			p.names[kind+":"+r.ID] = titled(r.Title, strings.TrimSpace(r.First+" "+r.Last))
		}
		rows = nil
	}
	err := app.ConcurrentDB().NewQuery("SELECT first_name, last_name FROM clients WHERE id = {:id}").Bind(dbx.Params{"id": client}).All(&rows)
	if err != nil {
		return nil, err
	}
	name("self")
	p.client = p.names["self:"]
	db := app.ConcurrentDB()
	if err := db.Select("id", "first_name", "last_name").From("portal_users").Where(dbx.In("id", ids[kernel.KindClient]...)).All(&rows); err != nil {
		return nil, err
	}
	name(kernel.KindClient)
	err = db.Select("staff.id", "staff.first_name", "staff.last_name", "coalesce(max(clinicians.title), '') AS title").From("staff").
		LeftJoin("clinicians", dbx.NewExp("clinicians.staff = staff.id")).Where(dbx.In("staff.id", ids[kernel.KindStaff]...)).GroupBy("staff.id").All(&rows)
	if err != nil {
		return nil, err
	}
	name(kernel.KindStaff)
	var own []string
	err = db.Select("portal_user").From("client_access").Where(dbx.HashExp{"client": client, "relationship": collections.RelationshipSelf}).Column(&own)
	for _, login := range own {
		p.self[login] = true
	}
	return p, err
}

// titled puts "Dr." before a name and "LCSW" behind it.
func titled(title, name string) string {
	switch {
	case title == "" || name == "":
		return name
	case strings.HasSuffix(title, "."):
		return title + " " + name
	}
	return name + ", " + title
}

func (p *people) put(e *AccessEntry, l audit.Line, reader string) {
	known := p.names[l.ActorKind+":"+l.ActorID]
	switch l.ActorKind {
	case kernel.KindClient:
		e.Who, e.Role = known, "family"
		if l.ActorID == reader {
			e.Who, e.Role = whoYou, "you"
		} else if known == "" {
			e.Who = whoFamily
		}
		if !p.self[l.ActorID] {
			e.OnBehalfOf = p.client
		}
	case kernel.KindStaff:
		e.Who, e.Role = known, l.Role
		if known == "" {
			e.Who = whoStaff
		}
	case kernel.KindOwner:
		e.Who, e.Role = whoOwner, "owner"
	case kernel.KindProcessor:
		e.Who, e.Role = whoPaid, "system"
	default:
		e.Who, e.Role = whoPortal, "system"
	}
}

func underBrokenGlass(details string) bool {
	var d struct {
		BreakGlass string `json:"breakGlass"`
	}
	return details != "" && json.Unmarshal([]byte(details), &d) == nil && d.BreakGlass != ""
}
