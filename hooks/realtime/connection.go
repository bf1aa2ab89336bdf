package realtime

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/security"
	"github.com/pocketbase/pocketbase/tools/subscriptions"

	"anteroom/hooks/kernel"
)

// conn is one event stream.
type conn struct {
	id, address string
	private     bool // it came through the private listener
	mailbox     chan message
	gone        chan struct{} // closed when the stream must end
	goneOnce    sync.Once

	socketMu sync.Mutex
	socket   *http.ResponseController // nil once the handler has returned: the socket may then serve another request

	// guarded by hub.mu
	bound  bool                // a POST was accepted
	actor  kernel.Actor        // who listens; nobody until then
	topics map[string][]string // of portal users: topic -> the names under which it was subscribed
	broker *brokerClient       // of those handed to PocketBase
}

// message is shared by all who get it; only the stream adds what differs.
type message struct {
	event string
	data  []byte
}

// brokerClient is what PocketBase's broker sees of a connection that was handed over.
type brokerClient struct {
	*subscriptions.DefaultClient
	conn *conn
}

func (b *brokerClient) Id() string { return b.conn.id }

// Send never blocks, unlike PocketBase's own, which parks one goroutine for every message to a stuck reader.
func (b *brokerClient) Send(m subscriptions.Message) { b.conn.push(message{m.Name, m.Data}) }

// ownerKey names a login, whichever collection it is of; empty for a guest.
func ownerKey(a kernel.Actor) string {
	if a.ID == "" {
		return ""
	}
	return a.Kind + ":" + a.ID
}

type connIndex map[string]map[*conn]struct{}

func (x connIndex) add(key string, c *conn) {
	if x[key] == nil {
		x[key] = map[*conn]struct{}{}
	}
	x[key][c] = struct{}{}
}

func (x connIndex) remove(key string, c *conn) {
	delete(x[key], c)
	if len(x[key]) == 0 {
		delete(x, key)
	}
}

func (h *hub) connect(e *core.RequestEvent) error {
	c := &conn{id: security.RandomString(40), address: e.RealIP(), private: kernel.CameInPrivately(e.Request), mailbox: make(chan message, h.limits.mailbox),
		gone: make(chan struct{}), socket: http.NewResponseController(e.Response)}
	if refusal := h.add(c); refusal != nil {
		return kernel.Refuse(e, refusal)
	}
	defer h.remove(c)

	header := e.Response.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Accel-Buffering", "no")
	h.stream(e, c)
	return nil
}

// add admits a connection within the limits.
func (h *hub) add(c *conn) *kernel.Error {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.closed:
		return kernel.Unavailable("STOPPING", "The server is about to restart. Try again in a moment.")
	case len(h.conns) >= h.limits.total:
		return kernel.Unavailable("TOO_MANY_CONNECTIONS", "Too many pages are open at this moment. Try again in a little while.")
	case h.perAddress[c.address] >= h.limits.perAddress:
		return kernel.RateLimited("TOO_MANY_CONNECTIONS", 30*time.Second)
	}
	h.conns[c.id] = c
	h.perAddress[c.address]++
	h.running.Add(1)
	return nil
}

func (h *hub) remove(c *conn) {
	defer h.running.Done()
	c.socketMu.Lock()
	c.socket = nil
	c.socketMu.Unlock()

	h.mu.Lock()
	delete(h.conns, c.id)
	if h.perAddress[c.address]--; h.perAddress[c.address] <= 0 {
		delete(h.perAddress, c.address)
	}
	h.byOwner.remove(ownerKey(c.actor), c)
	h.bySession.remove(c.actor.Session, c)
	if c.topics != nil {
		h.listening.Add(-1)
	}
	handedOver := c.broker != nil
	h.mu.Unlock()
	if handedOver {
		h.app.SubscriptionsBroker().Unregister(c.id)
	}
}

// stream writes until the connection ends, for whatever reason. Every write sets its own deadline, which replaces
// the server's: that one would cut the stream after five minutes.
func (h *hub) stream(e *core.RequestEvent, c *conn) {
	socket := c.socket
	write := func(m message) bool {
		_ = socket.SetWriteDeadline(time.Now().Add(h.limits.write))
		for {
			if err := writeEvent(e.Response, c.id, m); err != nil {
				return false
			}
			select { // whatever waits goes out in the same flush
			case m = <-c.mailbox:
			default:
				return socket.Flush() == nil
			}
		}
	}
	if !write(message{"PB_CONNECT", []byte(`{"clientId":"` + c.id + `"}`)}) {
		return
	}
	bind := time.NewTimer(h.limits.bind)
	defer bind.Stop()
	life := time.NewTimer(h.limits.life + rand.N(h.limits.life/3+1))
	defer life.Stop()
	beat := time.NewTicker(h.limits.heartbeat)
	defer beat.Stop()
	for {
		select {
		case <-c.gone: // asked for first: a connection that was ended gets nothing more
			return
		default:
		}
		select {
		case m := <-c.mailbox:
			if !write(m) {
				return
			}
		case <-beat.C: // finds dead peers and keeps proxies awake
			_ = socket.SetWriteDeadline(time.Now().Add(h.limits.write))
			if _, err := io.WriteString(e.Response, ":\n\n"); err != nil || socket.Flush() != nil {
				return
			}
		case <-bind.C:
			h.mu.RLock()
			bound := c.bound
			h.mu.RUnlock()
			if !bound {
				return
			}
		case <-life.C:
			return
		case <-c.gone:
			return
		case <-e.Request.Context().Done():
			return
		}
	}
}

// writeEvent writes one server-sent event. Names hold no line break (subscribe refuses them) and data is JSON,
// which has none.
func writeEvent(w io.Writer, id string, m message) error {
	_, err := fmt.Fprintf(w, "id:%s\nevent:%s\ndata:%s\n\n", id, m.event, m.data)
	return err
}

// push never waits. A full mailbox means a reader that does not read: it is dropped, the SDK connects again by
// itself, and the page fetches anew.
func (c *conn) push(m message) {
	select {
	case c.mailbox <- m:
	default:
		c.end()
	}
}

// end ends the connection from outside; a write that is stuck in the socket is broken off.
func (c *conn) end() {
	c.goneOnce.Do(func() { close(c.gone) })
	c.socketMu.Lock()
	defer c.socketMu.Unlock()
	if c.socket != nil {
		_ = c.socket.SetWriteDeadline(time.Now())
	}
}

func (h *hub) end(which func(*conn) bool) {
	h.mu.RLock()
	var list []*conn
	for _, c := range h.conns {
		if which(c) {
			list = append(list, c)
		}
	}
	h.mu.RUnlock()
	for _, c := range list {
		c.end()
	}
}

func (h *hub) endSession(sid string) {
	h.mu.RLock()
	list := make([]*conn, 0, len(h.bySession[sid]))
	for c := range h.bySession[sid] {
		list = append(list, c)
	}
	h.mu.RUnlock()
	for _, c := range list {
		c.end()
	}
}
