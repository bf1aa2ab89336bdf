// Package notices owns what a login is told inside the portal, and what a member of staff is told at the desk.
// A domain calls Tell in the transaction of its cause; who hears it is decided here, by client_access and its
// scopes at that moment.
//
// It may touch portal_notifications and staff_notifications, and of portal_users what its person chose: how to hear of
// things, and in which language. What must never happen: a notice about a client to a
// login that may not act for them, the same cause told twice, a change of its text after it was told.
package notices

import (
	"cmp"
	"time"

	"github.com/pocketbase/dbx"
	validation "github.com/pocketbase/ozzo-validation/v4"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
	"anteroom/hooks/realtime"
)

// Notice is what is told.
type Notice struct {
	Type     collections.NotificationType
	Title    string
	Message  string
	Link     string // path in the portal
	Spanish  Words  // for logins that read Spanish; empty: the words above for everybody
	Priority string // empty: normal
	Cause    string // unique per reason; the same cause is told once
}

// Words are a notice's in one language.
type Words struct{ Title, Message string }

// wordsFor gives the notice in the language a login reads.
func (n Notice) wordsFor(login *core.Record) Words {
	if n.Spanish.Title != "" && login.GetString("language") == "es" {
		return n.Spanish
	}
	return Words{n.Title, n.Message}
}

// isWantedBy tells whether a login wants a notice of this type in the portal. What is urgent is told to everybody.
func (n Notice) isWantedBy(u *collections.PortalUser) bool {
	return n.Priority == collections.PriorityUrgent || u.NotificationPreferences().InApp(n.Type)
}

// Tell writes one notification for every login that may hear of this area of the client's record, and has not switched
// off its type.
func Tell(tx core.App, client string, area kernel.Area, n Notice) error {
	audience, err := kernel.Audience(tx, client, area)
	if err != nil {
		return err
	}
	col, err := tx.FindCachedCollectionByNameOrId(collections.Notifications)
	if err != nil {
		return err
	}
	for _, g := range audience {
		told, err := alreadyTold(tx, "portal_notifications", "portal_user", g.User, n.Cause)
		if err != nil {
			return err
		}
		if told {
			continue
		}
		login, err := tx.FindRecordById(collections.PortalUsers, g.User)
		if err != nil {
			return err
		}
		if !n.isWantedBy(collections.AsPortalUser(login)) {
			continue
		}
		words := n.wordsFor(login)
		r := core.NewRecord(col)
		r.Set("portal_user", g.User)
		r.Set("client", client)
		r.Set("notification_type", string(n.Type))
		r.Set("title", words.Title)
		r.Set("message", words.Message)
		r.Set("link", n.Link)
		r.Set("priority", cmp.Or(n.Priority, collections.PriorityNormal))
		r.Set("cause", n.Cause)
		if err := tx.Save(r); err != nil {
			return err
		}
	}
	return nil
}

// TellStaff notes something for one member of staff, or for everybody at the desk when staff is empty. The link is
// a place in the dashboard; no text travels, so nothing clinical lies in the row.
func TellStaff(tx core.App, staff, kind, link, resource, cause string) error {
	told, err := alreadyTold(tx, "staff_notifications", "staff", staff, cause)
	if err != nil || told {
		return err
	}
	col, err := tx.FindCachedCollectionByNameOrId("staff_notifications")
	if err != nil {
		return err
	}
	r := core.NewRecord(col)
	r.Set("staff", staff)
	r.Set("notification_type", kind)
	r.Set("link", link)
	r.Set("resource_id", resource)
	r.Set("cause", cause)
	return tx.Save(r)
}

func alreadyTold(tx core.App, table, column, who, cause string) (bool, error) {
	if cause == "" {
		return false, nil
	}
	var n int
	err := tx.DB().Select("count(*)").From(table).Where(dbx.HashExp{column: who, "cause": cause}).Row(&n)
	return n > 0, err
}

// Item is a notification as the API shows it.
type Item struct {
	ID        string     `json:"id"`
	Type      string     `json:"type"`
	Title     string     `json:"title"`
	Message   string     `json:"message"`
	Link      string     `json:"link"`
	Priority  string     `json:"priority"`
	Read      bool       `json:"read"`
	ReadAt    *time.Time `json:"readAt,omitempty"`
	Dismissed bool       `json:"dismissed"`
	ClientID  string     `json:"clientId"`
	CreatedAt time.Time  `json:"createdAt"`
	ExpiresAt *time.Time `json:"expiresAt,omitempty"`
}

// ItemOf makes the API's item of a record.
func ItemOf(r *core.Record) Item {
	return Item{ID: r.Id, Type: r.GetString("notification_type"), Title: r.GetString("title"), Message: r.GetString("message"),
		Link: r.GetString("link"), Priority: r.GetString("priority"), Read: r.GetBool("read"), ReadAt: at(r, "read_at"),
		Dismissed: r.GetBool("dismissed"), ClientID: r.GetString("client"),
		CreatedAt: r.GetDateTime("created").Time(), ExpiresAt: at(r, "expires_at")}
}

func at(r *core.Record, field string) *time.Time {
	d := r.GetDateTime(field)
	if d.IsZero() {
		return nil
	}
	t := d.Time()
	return &t
}

// Bind declares the routes and the rules.
func Bind(app core.App) {
	app.OnRecordUpdate(collections.Notifications).BindFunc(refuseRewriting)
	realtime.Publish(app, realtime.Topic{Collection: collections.Notifications, Area: kernel.AreaAny, User: "portal_user", View: audit.ListNotifications,
		Item: func(_ core.App, r *core.Record) (any, error) { return ItemOf(r), nil }})
	const base = kernel.Portal + "/notifications"
	kernel.Handle(app,
		kernel.Route{Method: "GET", Path: base, Access: kernel.SignedIn, Do: list},
		kernel.Route{Method: "POST", Path: base + "/{id}/read", Access: kernel.SignedIn, Owns: collections.Notifications, Do: markRead},
		kernel.Route{Method: "POST", Path: base + "/{id}/dismiss", Access: kernel.SignedIn, Owns: collections.Notifications, Do: dismiss},
		kernel.Route{Method: "GET", Path: base + "/preferences", Access: kernel.SignedIn, Do: viewPreferences},
		kernel.Route{Method: "PATCH", Path: base + "/preferences", Access: kernel.SignedIn, MaxBody: 16 << 10, Do: changePreferences},
		kernel.Route{Method: "POST", Path: base + "/read-all", Access: kernel.SignedIn, Do: readAll},
	)
}

// refuseRewriting: once told, only whether it was read or dismissed may change.
func refuseRewriting(e *core.RecordEvent) error {
	was := e.Record.Original()
	for _, f := range []string{"portal_user", "client", "notification_type", "link", "priority", "cause", "title", "message"} {
		if was.GetString(f) != e.Record.GetString(f) {
			return validation.Errors{f: validation.NewError("validation_told", "A notification cannot be rewritten.")}
		}
	}
	return e.Next()
}

// visible limits a login's notifications to the clients it may act for now: access that ended takes its
// notifications with it.
func visible(c *kernel.Call) (dbx.Expression, error) {
	grants, err := kernel.Grants(c.App, c.Actor.ID)
	if err != nil {
		return nil, err
	}
	clients := make([]any, len(grants))
	for i, g := range grants {
		clients[i] = g.Client
	}
	return dbx.And(dbx.HashExp{"portal_user": c.Actor.ID, "dismissed": false}, dbx.In("client", clients...),
		dbx.Or(dbx.HashExp{"expires_at": ""}, dbx.NewExp("expires_at > {:now}", dbx.Params{"now": kernel.Now(c.App).Format(types.DefaultDateLayout)}))), nil
}

func list(c *kernel.Call) (*kernel.Reply, error) {
	p, err := c.Page()
	if err != nil {
		return nil, err
	}
	where, err := visible(c)
	if err != nil {
		return nil, err
	}
	var unread, total int
	err = c.App.ConcurrentDB().Select("count(*)", "coalesce(sum(read = FALSE), 0)").From(collections.Notifications).Where(where).Row(&total, &unread)
	if err != nil {
		return nil, err
	}
	if c.Request.URL.Query().Get("unread") == "true" {
		where = dbx.And(where, dbx.HashExp{"read": false})
		total = unread
	}
	rows := []*core.Record{}
	err = c.App.RecordQuery(collections.Notifications).AndWhere(where).
		OrderBy("created DESC", "id DESC").Limit(int64(p.Limit)).Offset(int64(p.Offset)).All(&rows)
	if err != nil {
		return nil, err
	}
	items := make([]Item, 0, len(rows))
	for _, r := range rows {
		items = append(items, ItemOf(r))
	}
	if err := audit.Read(c.App, audit.EntryFor(c.Actor, audit.ListNotifications, "NOTIFICATION", "")); err != nil {
		return nil, err
	}
	return kernel.Listed(map[string]any{"notifications": items, "unreadCount": unread, "pagination": p.Of(total)}, p, total), nil
}

// own finds a notification of the caller about a client the caller may still act for.
func own(c *kernel.Call, tx core.App) (*core.Record, error) {
	r, err := tx.FindRecordById(collections.Notifications, c.ID())
	if err != nil || r.GetString("portal_user") != c.Actor.ID {
		return nil, kernel.NotFound()
	}
	grants, err := kernel.Grants(c.App, c.Actor.ID)
	if err != nil {
		return nil, err
	}
	for _, g := range grants {
		if g.Client == r.GetString("client") {
			c.Actor.Client = g.Client
			return r, nil
		}
	}
	return nil, kernel.NotFound()
}

func markRead(c *kernel.Call) (*kernel.Reply, error) { return change(c, "read", "read_at") }

func dismiss(c *kernel.Call) (*kernel.Reply, error) { return change(c, "dismissed", "dismissed_at") }

func change(c *kernel.Call, flag, when string) (*kernel.Reply, error) {
	var out *core.Record
	err := c.App.RunInTransaction(func(tx core.App) error {
		r, err := own(c, tx)
		if err != nil {
			return err
		}
		out = r
		if r.GetBool(flag) {
			return nil
		}
		r.Set(flag, true)
		r.Set(when, kernel.Now(tx))
		return kernel.SaveAs(tx, c.Actor, r)
	})
	if err != nil {
		return nil, err
	}
	return kernel.OK(ItemOf(out)), nil
}

func readAll(c *kernel.Call) (*kernel.Reply, error) {
	err := c.App.RunInTransaction(func(tx core.App) error {
		rows, err := tx.FindRecordsByFilter(collections.Notifications, "portal_user = {:u} && read = false", "", 0, 0, dbx.Params{"u": c.Actor.ID})
		if err != nil {
			return err
		}
		for _, r := range rows {
			r.Set("read", true)
			r.Set("read_at", kernel.Now(tx))
			if err := kernel.SaveAs(tx, c.Actor, r); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return kernel.OK(map[string]int{"unreadCount": 0}), nil
}
