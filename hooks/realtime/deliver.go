package realtime

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
)

const (
	created = "create"
	updated = "update"
	deleted = "delete"
)

// change is what a writer leaves behind: ids only.
type change struct {
	topic  Topic
	action string
	id     string
	client string
	user   string   // the topic's one portal user
	left   []string // clients to whom the row belonged before
	at     time.Time
}

// leftKey rides on the record from the write to the hook after its commit.
const leftKey = "@realtime.left"

// watch hears of a collection's changes. Everything but the look at the row's former client runs after the commit.
func (h *hub) watch(t Topic) {
	h.app.OnRecordUpdateExecute(t.Collection).Bind(&hook.Handler[*core.RecordEvent]{Id: "realtimeLeft." + t.Collection, Priority: 150, Func: func(e *core.RecordEvent) error {
		// Inside the write's transaction (150 is within the audit's wrap). The row is asked, not Record.Original:
		// that one stays as it was loaded, however often it is saved since.
		var was string
		err := e.App.DB().Select("client").From(t.Collection).Where(dbx.HashExp{"id": e.Record.Id}).Row(&was)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if err := e.Next(); err != nil {
			return err
		}
		if was != "" && was != e.Record.GetString("client") {
			left, _ := e.Record.GetRaw(leftKey).([]string)
			e.Record.SetRaw(leftKey, append(left, was))
		}
		return nil
	}})
	after := func(action string) func(*core.RecordEvent) error {
		return func(e *core.RecordEvent) error {
			h.note(t, action, e.Record)
			return e.Next()
		}
	}
	h.app.OnRecordAfterCreateSuccess(t.Collection).BindFunc(after(created))
	h.app.OnRecordAfterUpdateSuccess(t.Collection).BindFunc(after(updated))
	h.app.OnRecordAfterDeleteSuccess(t.Collection).BindFunc(after(deleted))
}

// watchAccess tells whose access it is that it changed: who may no longer hear of a client still hears that, so that
// an open page stops showing what it may not ask for any more. Nobody else is told, and nothing of the client is.
func (h *hub) watchAccess() {
	after := func(action string) func(*core.RecordEvent) error {
		return func(e *core.RecordEvent) error {
			h.tellAccess(action, e.Record)
			return e.Next()
		}
	}
	h.app.OnRecordAfterCreateSuccess(collections.ClientAccess).BindFunc(after(created))
	h.app.OnRecordAfterUpdateSuccess(collections.ClientAccess).BindFunc(after(updated))
	h.app.OnRecordAfterDeleteSuccess(collections.ClientAccess).BindFunc(after(deleted))
}

func (h *hub) tellAccess(action string, r *core.Record) {
	c := change{topic: Topic{Collection: collections.ClientAccess}, action: action, id: r.Id, client: r.GetString("client"), at: kernel.Now(h.app)}
	light, _ := h.listeners(c, map[string]bool{r.GetString("portal_user"): true})
	if len(light) == 0 {
		return
	}
	data, err := c.lightEvent(c.client)
	if err != nil {
		h.app.Logger().Error("realtime delivery", "collection", c.topic.Collection, "record", c.id, "error", err)
		return
	}
	push(light, data)
}

// lightEvent says that there was a change, and nothing of what it holds.
func (c change) lightEvent(client string) ([]byte, error) {
	return json.Marshal(map[string]any{"type": c.action, "collection": c.topic.Collection, "id": c.id, "clientId": client,
		"at": c.at.Format(time.RFC3339)})
}

// note runs in the writer's request, after its commit. It never waits.
func (h *hub) note(t Topic, action string, r *core.Record) {
	left, _ := r.GetRaw(leftKey).([]string)
	r.SetRaw(leftKey, nil)
	if h.listening.Load() == 0 {
		return
	}
	c := change{topic: t, action: action, id: r.Id, client: r.GetString("client"), left: left, at: kernel.Now(h.app)}
	if t.User != "" {
		c.user = r.GetString(t.User)
	}
	select {
	case h.changes <- c:
	default: // rather everybody fetches anew than anybody misses one
		select {
		case h.overflow <- struct{}{}:
		default:
		}
	}
}

func (h *hub) deliver() {
	defer h.running.Done()
	for {
		select {
		case <-h.stop:
			return
		case <-h.overflow:
			h.app.Logger().Error("realtime fell behind; portal connections were ended so that pages fetch anew")
			h.end(func(c *conn) bool { return c.topics != nil })
		case c := <-h.changes:
			if err := h.tell(c); err != nil {
				h.app.Logger().Error("realtime delivery", "collection", c.topic.Collection, "record", c.id, "error", err)
			}
		}
	}
}

// tell delivers one change. It reads the row now: if it belongs to somebody else meanwhile, or is gone, a later
// change in the queue says so.
func (h *hub) tell(c change) (err error) {
	defer func() {
		if p := recover(); p != nil { // an item that panics must not end the server
			err = fmt.Errorf("an item panicked with a %T", p) // not its text: that may quote the record
		}
	}()
	users, err := h.audience(c, c.client)
	if err != nil {
		return err
	}
	if err := h.tellFormer(c, users); err != nil {
		return err
	}
	return h.send(c, c.action, c.client, users, func() (any, error) {
		if c.action == deleted {
			return goneItem(c.id, c.client), nil
		}
		r, err := h.app.FindRecordById(c.topic.Collection, c.id)
		if errors.Is(err, sql.ErrNoRows) || err == nil && (r.GetString("client") != c.client || c.topic.User != "" && r.GetString(c.topic.User) != c.user) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		return c.topic.Item(h.app, r)
	})
}

// tellFormer tells those to whom the row belonged, and does no more, that it is gone.
func (h *hub) tellFormer(c change, still map[string]bool) error {
	for _, client := range c.left {
		users, err := h.audience(c, client)
		if err != nil {
			return err
		}
		for u := range users {
			if still[u] {
				delete(users, u)
			}
		}
		err = h.send(c, deleted, client, users, func() (any, error) { return goneItem(c.id, client), nil })
		if err != nil {
			return err
		}
	}
	return nil
}

// goneItem is all that is said of a row that is not there any more, or not theirs.
func goneItem(id, client string) any { return map[string]any{"id": id, "clientId": client} }

// audience asks client_access who may hear, now.
func (h *hub) audience(c change, client string) (map[string]bool, error) {
	grants, err := kernel.Audience(h.app, client, c.topic.Area)
	users := make(map[string]bool, len(grants))
	for _, g := range grants {
		if c.topic.User == "" || g.User == c.user {
			users[g.User] = true
		}
	}
	return users, err
}

// send makes the messages, each at most once, and only if somebody who may hear has asked for it.
func (h *hub) send(c change, action, client string, users map[string]bool, item func() (any, error)) error {
	light, full := h.listeners(c, users)
	if len(light) > 0 {
		c.action = action
		data, err := c.lightEvent(client)
		if err != nil {
			return err
		}
		push(light, data)
	}
	if len(full) == 0 {
		return nil
	}
	record, err := item()
	if err != nil || record == nil {
		return err
	}
	data, err := json.Marshal(map[string]any{"action": action, "record": record})
	if err != nil {
		return err
	}
	if action != deleted {
		if err := h.auditItem(c, client, full); err != nil {
			return err
		}
	}
	push(full, data)
	return nil
}

// listener is a connection, one of the names under which it hears a topic, and who it is.
type listener struct {
	conn  *conn
	name  string
	actor kernel.Actor
}

func push(to []listener, data []byte) {
	for _, l := range to {
		l.conn.push(message{l.name, data})
	}
}

// listeners finds the connections of these users that hear of the change: light wants to know that there is one,
// full wants the item.
func (h *hub) listeners(c change, users map[string]bool) (light, full []listener) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	for u := range users {
		for conn := range h.byOwner[kernel.KindClient+":"+u] {
			for _, name := range conn.topics[topicPortal] {
				light = append(light, listener{conn, name, conn.actor})
			}
			for _, topic := range []string{c.topic.Collection + "/*", c.topic.Collection + "/" + c.id} {
				for _, name := range conn.topics[topic] {
					full = append(full, listener{conn, name, conn.actor})
				}
			}
		}
	}
	return light, full
}

// auditItem writes a line for every session that is about to be shown the item; without the line it is not shown.
func (h *hub) auditItem(c change, client string, to []listener) error {
	var lines []audit.Entry
	seen := map[string]bool{}
	for _, l := range to {
		if seen[l.actor.Session] {
			continue
		}
		seen[l.actor.Session] = true
		l.actor.Client = client
		line := audit.EntryFor(l.actor, c.topic.View, audit.ResourceType(c.topic.Collection), c.id)
		line.Details = audit.Details{"door": "realtime"}
		lines = append(lines, line)
	}
	return audit.Read(h.app, lines...)
}
