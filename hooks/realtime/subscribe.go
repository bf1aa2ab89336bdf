package realtime

import (
	"io"
	"net/http"
	"regexp"
	"strings"

	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/subscriptions"

	"anteroom/hooks/kernel"
)

// Bounds of one POST. A browser tab subscribes to a handful.
const (
	maxTopics  = 100
	maxName    = 2500 // PocketBase's own bound: a name may carry options
	maxRequest = 256 << 10
)

const (
	topicPortal  = "portal"     // every event of the portal user, without content
	topicOAuth2  = "@oauth2"    // the SDK waits on it for a provider's answer, before anybody is signed in
	topicConnect = "PB_CONNECT" // only the SDK uses it, but it sends it along with the others
)

type subscription struct {
	ClientID      string   `json:"clientId" form:"clientId"` // the connection's id, in the SDK's words
	Subscriptions []string `json:"subscriptions" form:"subscriptions"`
}

// subscribe answers POST /api/realtime: it binds the identity of a connection and replaces its topics.
func (h *hub) subscribe(e *core.RequestEvent) error {
	s, refusal := readSubscription(e)
	if refusal != nil {
		return kernel.Refuse(e, refusal)
	}
	h.mu.RLock()
	c := h.conns[s.ClientID]
	h.mu.RUnlock()
	if c == nil || c.address != e.RealIP() {
		return kernel.Refuse(e, unknownConnection())
	}
	actor := kernel.ActorFrom(e)
	if actor.Kind == kernel.KindOwner && !c.private && kernel.ConfigOf(e.App).PrivateListen != "" {
		return kernel.Refuse(e, kernel.PrivateOnly()) // what an owner hears leaves where the stream was opened
	}
	switch {
	case len(s.Subscriptions) == 1 && s.Subscriptions[0] == topicOAuth2, actor.IsStaff():
		return h.handOver(e, c, actor)
	case actor.Kind == kernel.KindClient && actor.Session != "":
		return h.listen(e, c, actor, s.Subscriptions)
	}
	c.end() // a guest has nothing to hear and holds no socket
	return kernel.Refuse(e, kernel.Unauthorized("SIGN_IN_REQUIRED", "Sign in to go on."))
}

func readSubscription(e *core.RequestEvent) (s subscription, refusal *kernel.Error) {
	body := e.Request.Body
	e.Request.Body = http.MaxBytesReader(e.Response, body, maxRequest)
	err := e.BindBody(&s)
	if err == nil {
		_, err = io.Copy(io.Discard, e.Request.Body) // to its end, where PocketBase's reader rewinds itself
	}
	e.Request.Body = body
	if err != nil {
		refusal = kernel.AsError(err)
		if refusal.Status != http.StatusRequestEntityTooLarge {
			refusal = kernel.Invalid("MALFORMED", "We could not read what was sent.").Because(err)
		}
		return s, refusal
	}
	if len(s.Subscriptions) > maxTopics {
		return s, kernel.Invalid("TOO_MANY_TOPICS", "That is too much to listen to at once.")
	}
	for _, name := range s.Subscriptions {
		// the name comes back as an event's name: a line break would let it write events of its own
		if len(name) > maxName || strings.ContainsAny(name, "\r\n\x00") {
			return s, kernel.Invalid("TOPIC_MALFORMED", "That cannot be listened to.")
		}
	}
	return s, nil
}

func unknownConnection() *kernel.Error {
	refusal := kernel.NotFound()
	refusal.Reason = "UNKNOWN_CONNECTION"
	return refusal
}

func otherIdentity() *kernel.Error {
	return kernel.Forbidden("OTHER_IDENTITY", "This connection belongs to another sign-in.")
}

// listen makes a portal user's connection hear its topics.
func (h *hub) listen(e *core.RequestEvent, c *conn, actor kernel.Actor, names []string) error {
	topics := make(map[string][]string, len(names))
	for _, name := range names {
		topic, _, _ := strings.Cut(name, "?")
		if !h.mayHear(topic) {
			return kernel.Refuse(e, kernel.Forbidden("TOPIC", "That cannot be listened to."))
		}
		topics[topic] = append(topics[topic], name)
	}
	if refusal := h.takeAsListener(c, actor, topics); refusal != nil {
		return kernel.Refuse(e, refusal)
	}
	if !h.alive(c, actor) {
		return kernel.Refuse(e, sessionEnded())
	}
	return e.NoContent(http.StatusNoContent)
}

// handOver lets PocketBase's broker know the connection, under the same id, and lets PocketBase answer: its rules
// and hooks apply, the socket stays ours.
func (h *hub) handOver(e *core.RequestEvent, c *conn, actor kernel.Actor) error {
	if refusal := h.takeForBroker(c, actor); refusal != nil {
		return kernel.Refuse(e, refusal)
	}
	if !h.alive(c, actor) {
		return kernel.Refuse(e, sessionEnded())
	}
	return e.Next()
}

func (h *hub) takeAsListener(c *conn, actor kernel.Actor, topics map[string][]string) *kernel.Error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if c.broker != nil {
		return otherIdentity()
	}
	if refusal := h.take(c, actor); refusal != nil {
		return refusal
	}
	if c.topics == nil {
		h.listening.Add(1)
	}
	c.topics = topics
	return nil
}

func (h *hub) takeForBroker(c *conn, actor kernel.Actor) *kernel.Error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if c.topics != nil {
		return otherIdentity()
	}
	if refusal := h.take(c, actor); refusal != nil {
		return refusal
	}
	if c.broker == nil {
		c.broker = &brokerClient{DefaultClient: subscriptions.NewDefaultClient(), conn: c}
		c.broker.Set(apis.RealtimeClientIPKey, c.address)
		h.app.SubscriptionsBroker().Register(c.broker)
	}
	return nil
}

// take gives the connection its identity, once. A guest may still become somebody. The caller holds h.mu.
func (h *hub) take(c *conn, actor kernel.Actor) *kernel.Error {
	known, wanted := ownerKey(c.actor), ownerKey(actor)
	switch {
	case h.conns[c.id] != c: // ended meanwhile; what is indexed now would never be taken out again
		return unknownConnection()
	case known != "" && (known != wanted || c.actor.Session != actor.Session):
		return otherIdentity()
	case known == "" && wanted != "" && len(h.byOwner[wanted]) >= h.limits.perOwner:
		return kernel.RateLimited("TOO_MANY_CONNECTIONS", h.limits.bind)
	}
	c.bound, c.actor = true, actor
	if wanted != "" {
		h.byOwner.add(wanted, c)
	}
	if actor.Session != "" {
		h.bySession.add(actor.Session, c)
	}
	return nil
}

// alive looks at the session once more. It may have ended between the middleware's look and the index, and then
// nobody else would end the connection.
func (h *hub) alive(c *conn, actor kernel.Actor) bool {
	if actor.Session == "" || h.sessions.Live(actor.Session) {
		return true
	}
	c.end()
	return false
}

func sessionEnded() *kernel.Error {
	return kernel.Unauthorized("SESSION_ENDED", "You were signed out. Sign in again to go on.")
}

var topicForm = regexp.MustCompile(`^([a-z_]+)/(?:\*|[a-zA-Z0-9]{1,40})$`)

// mayHear tells whether portal users may name the topic at all. Naming somebody else's row is allowed and silent:
// an answer would tell that it exists.
func (h *hub) mayHear(topic string) bool {
	if topic == topicPortal || topic == topicConnect {
		return true
	}
	m := topicForm.FindStringSubmatch(topic)
	if m == nil {
		return false
	}
	h.mu.RLock()
	defer h.mu.RUnlock()
	_, published := h.topics[m[1]]
	return published
}
