package realtime

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"
	_ "github.com/pocketbase/pocketbase/migrations"
	"github.com/pocketbase/pocketbase/tools/hook"
	"github.com/pocketbase/pocketbase/tools/subscriptions"

	"golang.org/x/crypto/bcrypt"

	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
	"anteroom/hooks/phi"

	_ "anteroom/pb_migrations"
)

// sessionTable stands for the identity domain: it knows which token belongs to which session, and ends sessions.
type sessionTable struct {
	mu    sync.Mutex
	byTok map[string]kernel.Caller
	dead  map[string]bool
	onEnd []func(sid, reason string)
}

func (s *sessionTable) Live(sid string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.dead[sid]
}

func (s *sessionTable) OnEnd(f func(sid, reason string)) { s.onEnd = append(s.onEnd, f) }

func (s *sessionTable) end(sid string) {
	s.mu.Lock()
	s.dead[sid] = true
	s.mu.Unlock()
	for _, f := range s.onEnd {
		f(sid, "logout")
	}
}

func (s *sessionTable) middleware(e *core.RequestEvent) error {
	s.mu.Lock()
	c, ok := s.byTok[e.Request.Header.Get("Authorization")]
	s.mu.Unlock()
	if ok {
		c.IP = e.RealIP()
		kernel.SetCaller(e, &c)
	}
	return e.Next()
}

// clinic is a real server with real people: anna cares for herself, mum and dad for the same child, payer only pays
// the child's bills, stranger is somebody else.
type clinic struct {
	testing.TB
	app      core.App
	hub      *hub
	sessions *sessionTable
	url      string
	who      map[string]person

	place, service string
}

type person struct{ token, session, user, client string }

func open(t testing.TB, tune func(*limits)) *clinic {
	t.Helper()
	app := core.NewBaseApp(core.BaseAppConfig{DataDir: t.TempDir(), DBConnect: kernel.DBConnect})
	ring, err := phi.OpenKeyring(filepath.Join(t.TempDir(), "keys.db"), bytes.Repeat([]byte{7}, 32))
	ok(t, err)
	c := &clinic{TB: t, app: app, hub: hubOf(app), who: map[string]person{},
		sessions: &sessionTable{byTok: map[string]kernel.Caller{}, dead: map[string]bool{}}}
	kernel.Bind(app, kernel.Config{Mode: kernel.Dev})
	phi.Bind(app, ring)
	audit.Bind(app)
	if tune != nil {
		tune(&c.hub.limits)
	}
	Publish(app, Topic{Collection: "appointments", Area: kernel.AreaVisits, View: audit.ViewAppointment, Item: c.visitItem})
	Bind(app, c.sessions)
	Publish(app, Topic{Collection: "invoices", Area: kernel.AreaBilling, View: audit.ViewInvoice, Item: billItem})
	Publish(app, Topic{Collection: "portal_notifications", Area: kernel.AreaAny, User: "portal_user", View: audit.ListNotifications, Item: noteItem})
	ok(t, app.Bootstrap())
	ok(t, app.RunAllMigrations())
	c.people()
	c.serve()
	return c
}

func (c *clinic) visitItem(_ core.App, r *core.Record) (any, error) {
	if r.GetString("booking_type") == "broken" {
		panic("a serializer with a fault")
	}
	return map[string]any{"id": r.Id, "clientId": r.GetString("client"), "status": r.GetString("status"), "notes": r.GetString("patient_notes")}, nil
}

func billItem(_ core.App, r *core.Record) (any, error) {
	return map[string]any{"id": r.Id, "clientId": r.GetString("client"), "number": r.GetString("number")}, nil
}

func noteItem(_ core.App, r *core.Record) (any, error) { return map[string]any{"id": r.Id}, nil }

func (c *clinic) serve() {
	ready := make(chan string, 1)
	c.app.OnServe().BindFunc(func(se *core.ServeEvent) error {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		se.Listener, se.InstallerFunc = l, nil
		se.Server.ConnState = func(socket net.Conn, state http.ConnState) {
			if state == http.StateNew { // a reader that does not read is found early
				_ = socket.(*net.TCPConn).SetWriteBuffer(4096)
			}
		}
		se.Router.Bind(&hook.Handler[*core.RequestEvent]{Id: "sessions", Priority: -1005, Func: c.sessions.middleware})
		err = se.Next()
		ready <- "http://" + l.Addr().String()
		return err
	})
	served := make(chan error, 1)
	go func() { served <- apis.Serve(c.app, apis.ServeConfig{HttpAddr: "127.0.0.1:0"}) }()
	select {
	case c.url = <-ready:
	case err := <-served:
		c.Fatal(err)
	case <-time.After(20 * time.Second):
		c.Fatal("the server did not start")
	}
	c.Cleanup(c.terminate)
}

func (c *clinic) terminate() {
	_ = c.app.OnTerminate().Trigger(&core.TerminateEvent{App: c.app}, func(e *core.TerminateEvent) error { return e.App.ResetBootstrapState() })
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (c *clinic) record(collection string, values map[string]any) *core.Record {
	c.Helper()
	r := c.unsaved(collection, values)
	ok(c, c.app.Save(r))
	return r
}

func (c *clinic) unsaved(collection string, values map[string]any) *core.Record {
	c.Helper()
	col, err := c.app.FindCachedCollectionByNameOrId(collection)
	ok(c, err)
	if p, isAuth := col.Fields.GetByName("password").(*core.PasswordField); isAuth {
		p.Cost = bcrypt.MinCost // nobody types these passwords
	}
	r := core.NewRecord(col)
	r.Load(values)
	return r
}

func (c *clinic) people() {
	place := c.record("locations", map[string]any{"name": "Main", "time_zone": "America/Denver"})
	service := c.record("services", map[string]any{"name": "Therapy", "duration": 50, "booking_mode": "request", "service_locations": []string{"in_office"}})
	c.place, c.service = place.Id, service.Id

	clients := map[string]string{}
	for _, name := range []string{"anna", "child", "stranger"} {
		clients[name] = c.record("clients", map[string]any{"first_name": name, "last_name": "Test", "date_of_birth": "1990-01-01"}).Id
		c.who[name] = person{client: clients[name]}
	}
	for _, p := range []struct{ name, client, relationship, scope string }{
		{"anna", "anna", "self", "all"}, {"mum", "child", "parent", "all"}, {"dad", "child", "parent", "appointments_forms"},
		{"payer", "child", "billing", "billing"}, {"stranger", "stranger", "self", "all"},
	} {
		u := c.unsaved("portal_users", map[string]any{"email": p.name + "@mail.example", "account_status": "active"})
		u.SetPassword("correct horse 1X")
		ok(c, c.app.Save(u))
		c.record("client_access", map[string]any{"client": clients[p.client], "portal_user": u.Id, "relationship": p.relationship, "scope": p.scope})
		c.signIn(p.name, u, kernel.KindClient, clients[p.client])
	}
	staff := c.unsaved("staff", map[string]any{"email": "sam@clinic.example", "first_name": "Sam", "last_name": "Desk", "role": "front_desk", "is_active": true})
	staff.SetPassword("correct horse 1X")
	ok(c, c.app.Save(staff))
	c.signIn("staff", staff, kernel.KindStaff, "")
	owner := c.unsaved(core.CollectionNameSuperusers, map[string]any{"email": "owner@clinic.example"})
	owner.SetPassword("correct horse 1X")
	ok(c, c.app.Save(owner))
	c.signIn("owner", owner, kernel.KindOwner, "")
}

func (c *clinic) signIn(name string, r *core.Record, kind, client string) {
	token, err := r.NewAuthToken()
	ok(c, err)
	sid := "session-" + name
	c.who[name] = person{token: token, session: sid, user: r.Id, client: client}
	c.sessions.byTok[token] = kernel.Caller{Actor: kernel.Actor{Kind: kind, ID: r.Id, Role: r.GetString("role"), Session: sid}, DefaultClient: client}
}

// visit is an unsaved appointment; visits of one test are hours apart only by their holds, which a request has not.
func (c *clinic) visit(of string) *core.Record {
	return c.unsaved("appointments", map[string]any{"client": c.who[of].client, "service": c.service, "location": c.place,
		"start_time": "2030-01-02 17:00:00.000Z", "end_time": "2030-01-02 17:50:00.000Z", "duration": 50, "time_zone": "America/Denver",
		"status": "requested", "service_location": "in_office", "patient_notes": "for " + of})
}

func (c *clinic) save(r *core.Record) *core.Record {
	c.Helper()
	ok(c, c.app.Save(r))
	return r
}

// ---- an SSE reader, as a browser would have it

type event struct {
	ID, Name string
	Data     map[string]any
}

type stream struct {
	c      *clinic
	id     string
	events chan event
	body   io.Closer
}

func (c *clinic) connect() *stream {
	c.Helper()
	resp, err := http.Get(c.url + "/api/realtime")
	ok(c, err)
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" || resp.Header.Get("Cache-Control") != "no-store" {
		c.Fatal("no event stream: ", resp.Status, resp.Header)
	}
	s := &stream{c: c, events: make(chan event, 1000), body: resp.Body}
	c.Cleanup(func() { s.body.Close() })
	go func() {
		defer close(s.events)
		var ev event
		for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
			line := lines.Text()
			switch {
			case line == "" && ev.Name != "":
				s.events <- ev
				ev = event{}
			case strings.HasPrefix(line, "id:"):
				ev.ID = line[3:]
			case strings.HasPrefix(line, "event:"):
				ev.Name = line[6:]
			case strings.HasPrefix(line, "data:"):
				_ = json.Unmarshal([]byte(line[5:]), &ev.Data)
			}
		}
	}()
	first := s.next()
	if first.Name != "PB_CONNECT" || first.ID == "" || first.Data["clientId"] != first.ID {
		c.Fatalf("first event %+v", first)
	}
	s.id = first.ID
	return s
}

// next waits for the next event; the zero event says that the stream ended.
func (s *stream) next() event {
	s.c.Helper()
	select {
	case ev := <-s.events:
		return ev
	case <-time.After(10 * time.Second):
		s.c.Fatal("nothing came")
		return event{}
	}
}

func (s *stream) ended(within time.Duration) {
	s.c.Helper()
	deadline := time.After(within)
	for {
		select {
		case ev, open := <-s.events:
			if !open {
				return
			}
			s.c.Logf("before the end: %+v", ev)
		case <-deadline:
			s.c.Fatal("the stream is still open")
		}
	}
}

// subscribe posts as the SDK does and gives the status and the reason of a refusal.
func (c *clinic) subscribe(s *stream, token string, topics ...string) (int, string) {
	c.Helper()
	raw, _ := json.Marshal(map[string]any{"clientId": s.id, "subscriptions": topics})
	return c.post(token, raw)
}

func (c *clinic) post(token string, body []byte) (int, string) {
	c.Helper()
	req, _ := http.NewRequest(http.MethodPost, c.url+"/api/realtime", bytes.NewReader(body))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", token)
	resp, err := http.DefaultClient.Do(req)
	ok(c, err)
	defer resp.Body.Close()
	var answer struct {
		Error struct {
			Details struct {
				Reason string `json:"reason"`
			} `json:"details"`
		} `json:"error"`
	}
	_ = json.NewDecoder(resp.Body).Decode(&answer)
	return resp.StatusCode, answer.Error.Details.Reason
}

func (c *clinic) listen(name string, topics ...string) *stream {
	c.Helper()
	s := c.connect()
	if status, reason := c.subscribe(s, c.who[name].token, topics...); status != http.StatusNoContent {
		c.Fatal(name, " may not listen: ", status, reason)
	}
	return s
}

func (ev event) record() map[string]any { r, _ := ev.Data["record"].(map[string]any); return r }

// ---- who hears what

func TestOnlyThoseConcernedHear(t *testing.T) {
	c := open(t, nil)
	const withOptions = `appointments/*?options=%7B%22query%22%3A%7B%22fields%22%3A%22id%22%7D%7D`
	mum, dad := c.listen("mum", withOptions, "PB_CONNECT"), c.listen("dad", "appointments/*")
	stranger, payer := c.listen("stranger", "appointments/*", "portal"), c.listen("payer", "appointments/*", "invoices/*", "portal")

	visit := c.save(c.visit("child"))
	for who, s := range map[string]*stream{"mum": mum, "dad": dad} {
		ev := s.next()
		if ev.ID != s.id || ev.Data["action"] != "create" || ev.record()["id"] != visit.Id || ev.record()["notes"] != "for child" || len(ev.record()) != 4 {
			t.Errorf("%s heard %+v, not the endpoint's item", who, ev)
		}
	}
	visit.Set("status", "declined")
	c.save(visit)
	if ev := mum.next(); ev.Name != withOptions || ev.Data["action"] != "update" || ev.record()["status"] != "declined" {
		t.Errorf("mum heard %+v; an event is named as it was subscribed", ev)
	}

	// what follows is the first thing the others hear: deliveries keep their order
	own := c.save(c.visit("stranger"))
	if ev := stranger.next(); ev.Name != "appointments/*" && ev.Name != "portal" || ev.Data["clientId"] != nil && ev.Data["clientId"] != c.who["stranger"].client {
		t.Errorf("the stranger heard %+v", ev)
	} else if ev.Name == "portal" && (ev.Data["id"] != own.Id || ev.Data["type"] != "create" || ev.Data["collection"] != "appointments" || ev.Data["at"] == "") {
		t.Errorf("portal event %+v", ev)
	}
	bill := c.record("invoices", map[string]any{"client": c.who["child"].client, "number": "1", "status": "open", "currency": "usd"})
	for range 2 {
		if ev := payer.next(); ev.Name == "invoices/*" && ev.record()["id"] != bill.Id || ev.Name == "portal" && ev.Data["collection"] != "invoices" {
			t.Errorf("who only pays heard %+v", ev)
		}
	}
}

func TestOnlyCommittedIsHeardAndInOrder(t *testing.T) {
	c := open(t, nil)
	anna := c.listen("anna", "appointments/*", "portal")
	failed := errors.New("changed my mind")
	err := c.app.RunInTransaction(func(tx core.App) error {
		if err := tx.Save(c.visit("anna")); err != nil {
			return err
		}
		return failed
	})
	if !errors.Is(err, failed) {
		t.Fatal(err)
	}
	first, second := c.visit("anna"), c.visit("anna")
	ok(t, c.app.RunInTransaction(func(tx core.App) error { return errors.Join(tx.Save(first), tx.Save(second)) }))
	for _, want := range []string{first.Id, first.Id, second.Id, second.Id} {
		ev := anna.next()
		if id := cmpOr(ev.record()["id"], ev.Data["id"]); id != want {
			t.Fatalf("heard %+v, want %s", ev, want)
		}
	}
}

func cmpOr(a, b any) any {
	if a != nil {
		return a
	}
	return b
}

// Both saves of one transaction are told, and both show the row as it is now, as the endpoint would.
func TestItemIsReadAtDelivery(t *testing.T) {
	c := open(t, nil)
	visit := c.save(c.visit("anna"))
	anna := c.listen("anna", "appointments/"+visit.Id)
	ok(t, c.app.RunInTransaction(func(tx core.App) error {
		visit.Set("status", "declined")
		visit.Set("patient_notes", "first")
		if err := tx.Save(visit); err != nil {
			return err
		}
		visit.Set("patient_notes", "last")
		return tx.Save(visit)
	}))
	for range 2 {
		if ev := anna.next(); ev.record()["notes"] != "last" {
			t.Errorf("heard %+v", ev)
		}
	}
	ok(t, c.app.Delete(visit))
	if ev := anna.next(); ev.Data["action"] != "delete" || ev.record()["id"] != visit.Id || len(ev.record()) != 2 {
		t.Errorf("a delete shows more than its id: %+v", ev)
	}
}

func TestRowThatChangesClientIsGoneForTheOldOne(t *testing.T) {
	c := open(t, nil)
	bill := c.record("invoices", map[string]any{"client": c.who["child"].client, "number": "1", "status": "draft", "currency": "usd"})
	mum, stranger := c.listen("mum", "invoices/*"), c.listen("stranger", "invoices/*", "portal")
	bill.Set("client", c.who["stranger"].client)
	c.save(bill)
	if ev := mum.next(); ev.Data["action"] != "delete" || len(ev.record()) != 2 || ev.record()["clientId"] != c.who["child"].client {
		t.Errorf("mum heard %+v", ev)
	}
	for range 2 {
		if ev := stranger.next(); ev.Data["action"] != "update" && ev.Data["type"] != "update" {
			t.Errorf("the new one heard %+v", ev)
		}
	}
	// the same record value saved on: it is loaded once, and its original state never moves
	bill.Set("client", c.who["child"].client)
	bill.Set("number", "2")
	c.save(bill)
	if ev := mum.next(); ev.Data["action"] != "update" || ev.record()["number"] != "2" {
		t.Errorf("mum heard %+v", ev)
	}
	for range 2 {
		if ev := stranger.next(); ev.Data["action"] != "delete" && ev.Data["type"] != "delete" || ev.Data["record"] != nil && len(ev.record()) != 2 {
			t.Errorf("the former one heard %+v", ev)
		}
	}
}

func TestNotificationIsHeardByItsOwnUserOnly(t *testing.T) {
	c := open(t, nil)
	mum, dad := c.listen("mum", "portal_notifications/*", "portal"), c.listen("dad", "portal_notifications/*", "portal")
	note := func(to string) string {
		return c.record("portal_notifications", map[string]any{"portal_user": c.who[to].user, "client": c.who["child"].client,
			"notification_type": "form_assigned", "link": "/forms", "priority": "normal", "title": "For " + to}).Id
	}
	forMum, forDad := note("mum"), note("dad")
	for range 2 {
		if ev := mum.next(); cmpOr(ev.record()["id"], ev.Data["id"]) != forMum {
			t.Errorf("mum heard %+v", ev)
		}
		if ev := dad.next(); cmpOr(ev.record()["id"], ev.Data["id"]) != forDad {
			t.Errorf("dad heard %+v", ev)
		}
	}
}

// Access is asked at delivery: what was granted when the page subscribed does not count.
func TestAccessThatEndedHearsNothing(t *testing.T) {
	c := open(t, nil)
	mum, dad := c.listen("mum", "portal"), c.listen("dad", "portal")
	grants, err := c.app.FindAllRecords("client_access")
	ok(t, err)
	for _, g := range grants {
		if g.GetString("portal_user") == c.who["dad"].user {
			g.Set("expires_at", kernel.Now(c.app).Add(-time.Second))
			ok(t, c.app.Save(g))
			// his page must know that it may not show the child any more; the others learn nothing of it
			if ev := dad.next(); ev.Data["collection"] != "client_access" || ev.Data["id"] != g.Id || len(ev.Data) != 5 {
				t.Errorf("of the end of his access dad heard %+v", ev)
			}
		}
	}
	c.save(c.visit("child"))
	if ev := mum.next(); ev.Data["collection"] != "appointments" {
		t.Errorf("mum heard %+v", ev)
	}
	c.record("client_access", map[string]any{"client": c.who["anna"].client, "portal_user": c.who["dad"].user, "relationship": "partner", "scope": "all"})
	dad.next() // his new access
	visit := c.save(c.visit("anna"))
	if ev := dad.next(); ev.Data["id"] != visit.Id {
		t.Errorf("after access to the child had ended, dad heard %+v", ev)
	}
}

// ---- audit

func (c *clinic) lines(action audit.Action) (sessions []string) {
	c.Helper()
	ok(c, c.app.ConcurrentDB().NewQuery("SELECT session_id FROM portal_audit_log WHERE action = {:a} ORDER BY seq").
		Bind(map[string]any{"a": string(action)}).Column(&sessions))
	return sessions
}

func TestItemIsAuditedBeforeItIsShown(t *testing.T) {
	c := open(t, nil)
	light, full := c.listen("dad", "portal"), c.listen("mum", "appointments/*", "appointments/*?options={}")
	c.save(c.visit("child"))
	light.next()
	full.next()
	full.next()
	if got := c.lines(audit.ViewAppointment); len(got) != 1 || got[0] != c.who["mum"].session {
		t.Fatalf("lines of being shown the item: %q", got)
	}
	_, err := c.app.NonconcurrentDB().NewQuery(`CREATE TRIGGER no_lines BEFORE INSERT ON portal_audit_log
		WHEN NEW.action = 'VIEW_APPOINTMENT' BEGIN SELECT RAISE(ABORT, 'the disk is full'); END`).Execute()
	ok(t, err)
	c.save(c.visit("child"))
	light.next()
	after := c.listen("anna", "portal")
	c.save(c.visit("anna"))
	after.next() // deliveries keep their order: the one before is done
	_, err = c.app.NonconcurrentDB().NewQuery("DROP TRIGGER no_lines").Execute()
	ok(t, err)
	seen := c.save(c.visit("child"))
	if ev := full.next(); ev.record()["id"] != seen.Id {
		t.Errorf("an item without a line was shown: %+v", ev)
	}
}

func TestFaultInOneItemHarmsNothingElse(t *testing.T) {
	c := open(t, nil)
	anna := c.listen("anna", "appointments/*")
	broken := c.visit("anna")
	broken.Set("booking_type", "broken")
	c.save(broken)
	good := c.save(c.visit("anna"))
	if ev := anna.next(); ev.record()["id"] != good.Id {
		t.Errorf("heard %+v", ev)
	}
}

// ---- who may listen

func TestRefusals(t *testing.T) {
	c := open(t, nil)
	anna := c.who["anna"].token
	for _, topic := range []string{"clients/*", "portal_users/*", "portal_sessions/*", "_superusers/*", "appointments", "appointments/", "appointments/a/b",
		"appointments/*/..", "Appointments/*", "appointments/../clients/*", "@oauth2", "", "*", "appointments/" + strings.Repeat("a", 41)} {
		s := c.listen("anna", "portal")
		if status, reason := c.subscribe(s, anna, "portal", topic); status != http.StatusForbidden || reason != "TOPIC" {
			if topic == "@oauth2" && status == http.StatusForbidden {
				continue
			}
			t.Errorf("%q: %d %s", topic, status, reason)
		}
		s.body.Close()
	}
	for _, topic := range []string{"portal\nevent:forged", "portal\r\ndata:{}", "appointments/*?options=\r", "portal\x00", "portal?" + strings.Repeat("x", maxName)} {
		for _, who := range []string{"anna", "staff", "owner"} {
			s := c.connect()
			if status, reason := c.subscribe(s, c.who[who].token, topic); status != http.StatusBadRequest || reason != "TOPIC_MALFORMED" {
				t.Errorf("%s %q: %d %s", who, topic, status, reason)
			}
			s.body.Close()
		}
	}
	s := c.connect()
	if status, reason := c.subscribe(s, anna, make([]string, maxTopics+1)...); status != http.StatusBadRequest || reason != "TOO_MANY_TOPICS" {
		t.Errorf("too many: %d %s", status, reason)
	}
	if status, _ := c.post(anna, []byte(`{"clientId":"`+strings.Repeat("x", maxRequest)+`"}`)); status != http.StatusRequestEntityTooLarge {
		t.Errorf("too large: %d", status)
	}
	if status, _ := c.post(anna, []byte(`{"clientId":`)); status != http.StatusBadRequest {
		t.Errorf("malformed: %d", status)
	}
	if status, reason := c.subscribe(&stream{id: "unknown"}, anna, "portal"); status != http.StatusNotFound || reason != "UNKNOWN_CONNECTION" {
		t.Errorf("unknown connection: %d %s", status, reason)
	}
	if n := c.hub.listening.Load(); n < 0 {
		t.Errorf("%d listening", n)
	}
	resp, err := http.Head(c.url + "/api/realtime")
	ok(t, err)
	if resp.Body.Close(); resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("HEAD: %s", resp.Status)
	}
}

func TestGuestHearsOnlyTheAnswerOfAProvider(t *testing.T) {
	c := open(t, nil)
	for _, topics := range [][]string{{"portal"}, {"appointments/*"}, {"@oauth2", "appointments/*"}, {"PB_CONNECT"}, {}} {
		s := c.connect()
		if status, reason := c.subscribe(s, "", topics...); status != http.StatusUnauthorized || reason != "SIGN_IN_REQUIRED" {
			t.Errorf("%q: %d %s", topics, status, reason)
		}
		s.ended(5 * time.Second)
	}
	s := c.connect()
	if status, _ := c.subscribe(s, "", "@oauth2"); status != http.StatusNoContent {
		t.Fatal("@oauth2: ", status)
	}
	client, err := c.app.SubscriptionsBroker().ClientById(s.id)
	ok(t, err)
	client.Send(subscriptions.Message{Name: "@oauth2", Data: []byte(`{"code":"1"}`)})
	if ev := s.next(); ev.Name != "@oauth2" || ev.Data["code"] != "1" {
		t.Errorf("heard %+v", ev)
	}
	s.body.Close()
	c.eventually("the broker forgets the connection", func() bool { return c.app.SubscriptionsBroker().TotalClients() == 0 })
}

func TestOneIdentityPerConnection(t *testing.T) {
	c := open(t, nil)
	for _, first := range []string{"anna", "staff", "owner"} {
		for _, second := range []string{"mum", "staff", "owner", ""} {
			if first == second {
				continue
			}
			s := c.listen(first, "PB_CONNECT")
			status, _ := c.subscribe(s, c.who[second].token, "portal")
			if second == "" && status != http.StatusUnauthorized || second != "" && status != http.StatusForbidden {
				t.Errorf("%s then %q: %d", first, second, status)
			}
			s.body.Close()
		}
	}
}

// ---- staff and owner: PocketBase's own events through our socket

func TestStaffAndOwnerHearPocketBase(t *testing.T) {
	c := open(t, nil)
	staff, owner := c.listen("staff", "appointments/*", "portal_sessions/*"), c.listen("owner", "appointments/*")
	visit := c.save(c.visit("stranger"))
	ev := staff.next()
	if ev.ID != staff.id || ev.Name != "appointments/*" || ev.Data["action"] != "create" || ev.record()["id"] != visit.Id || ev.record()["collectionName"] != "appointments" {
		t.Errorf("staff heard %+v", ev)
	}
	if notes, shown := ev.record()["patient_notes"]; shown {
		t.Errorf("staff were shown a hidden field: %v", notes)
	}
	if ev := owner.next(); ev.record()["id"] != visit.Id {
		t.Errorf("the owner heard %+v", ev)
	}
	c.sessions.end(c.who["staff"].session)
	staff.ended(2 * time.Second)
	c.eventually("the broker forgets the connection", func() bool { return c.app.SubscriptionsBroker().TotalClients() == 1 })
	if n := c.hub.listening.Load(); n != 0 {
		t.Errorf("%d portal connections counted, none is open", n)
	}
}

// ---- ends

func TestConnectionDiesWithItsSession(t *testing.T) {
	c := open(t, nil)
	mum, dad := c.listen("mum", "portal"), c.listen("dad", "portal")
	c.sessions.end(c.who["mum"].session)
	mum.ended(2 * time.Second)
	again := c.connect()
	if status, reason := c.subscribe(again, c.who["mum"].token, "portal"); status != http.StatusUnauthorized || reason != "SESSION_ENDED" {
		t.Errorf("a dead session listens: %d %s", status, reason)
	}
	again.ended(2 * time.Second)
	c.save(c.visit("child"))
	dad.next()
}

func TestConnectionsAreBounded(t *testing.T) {
	c := open(t, func(l *limits) { l.perOwner, l.perAddress, l.bind = 2, 4, 300*time.Millisecond })
	one, two, three := c.listen("anna", "portal"), c.listen("anna", "portal"), c.connect()
	if status, reason := c.subscribe(three, c.who["anna"].token, "portal"); status != http.StatusTooManyRequests || reason != "TOO_MANY_CONNECTIONS" {
		t.Errorf("a third of one login: %d %s", status, reason)
	}
	three.ended(5 * time.Second) // nobody bound it
	c.listen("mum", "portal")
	c.listen("dad", "portal")
	resp, err := http.Get(c.url + "/api/realtime")
	ok(t, err)
	if resp.Body.Close(); resp.StatusCode != http.StatusTooManyRequests || resp.Header.Get("Retry-After") == "" {
		t.Errorf("a fifth of one address: %s", resp.Status)
	}
	one.body.Close()
	c.eventually("a closed connection frees its place", func() bool {
		c.hub.mu.RLock()
		defer c.hub.mu.RUnlock()
		return len(c.hub.conns) == 3 && len(c.hub.byOwner["client:"+c.who["anna"].user]) == 1
	})
	c.save(c.visit("anna"))
	two.next()
}

func TestConnectionHasALife(t *testing.T) {
	c := open(t, func(l *limits) { l.life, l.heartbeat = 300*time.Millisecond, 50*time.Millisecond })
	c.listen("anna", "portal").ended(5 * time.Second)
}

func TestSlowReaderIsDroppedAndOthersGetTheirs(t *testing.T) {
	c := open(t, func(l *limits) { l.write = 500 * time.Millisecond })
	dad := c.listen("dad", "portal")
	for _, who := range []string{"mum", "staff"} {
		host := strings.TrimPrefix(c.url, "http://")
		socket, err := net.Dial("tcp", host)
		ok(t, err)
		t.Cleanup(func() { socket.Close() })
		ok(t, socket.(*net.TCPConn).SetReadBuffer(2048))
		fmt.Fprintf(socket, "GET /api/realtime HTTP/1.1\r\nHost: %s\r\n\r\n", host)
		slow := &stream{c: c}
		for r := bufio.NewReaderSize(socket, 512); slow.id == ""; {
			line, err := r.ReadString('\n')
			ok(t, err)
			if id, found := strings.CutPrefix(line, "id:"); found {
				slow.id = strings.TrimSpace(id)
			}
		}
		if status, reason := c.subscribe(slow, c.who[who].token, "appointments/*"); status != http.StatusNoContent {
			t.Fatal(status, reason)
		}
	}
	visit := c.visit("child")
	visit.Set("patient_notes", strings.Repeat("x", 2000))
	visit.Set("preferences", `["`+strings.Repeat("x", 1900)+`"]`)
	c.save(visit)
	saved := 1
	for deadline := time.Now().Add(30 * time.Second); c.connections() > 1; saved++ {
		if time.Now().After(deadline) {
			t.Fatalf("%d connections after %d saves", c.connections(), saved)
		}
		c.save(visit)
	}
	for range saved {
		if ev := dad.next(); ev.Data["id"] != visit.Id {
			t.Fatalf("dad heard %+v", ev)
		}
	}
}

func (c *clinic) connections() int {
	c.hub.mu.RLock()
	defer c.hub.mu.RUnlock()
	return len(c.hub.conns)
}

// A change that does not fit into the queue is never lost in silence: pages are made to fetch anew.
func TestOverflowEndsThePortalConnections(t *testing.T) {
	c := open(t, nil)
	anna, staff := c.listen("anna", "portal"), c.listen("staff", "appointments/*")
	visit := c.visit("stranger")
	visit.Id = "visit0000000001"
	block := make(chan struct{})
	c.hub.changes <- change{topic: Topic{Collection: "appointments", Item: func(core.App, *core.Record) (any, error) { <-block; return nil, nil }}}
	topic := Topic{Collection: "appointments", Area: kernel.AreaVisits}
	for range cap(c.hub.changes) * 4 {
		c.hub.note(topic, created, visit)
	}
	close(block)
	anna.ended(20 * time.Second)
	c.save(c.visit("stranger"))
	staff.next()
}

func TestStopLeavesNothingBehind(t *testing.T) {
	c := open(t, nil)
	streams := []*stream{c.listen("anna", "portal"), c.listen("staff", "appointments/*"), c.connect()}
	c.terminate()
	for _, s := range streams {
		s.ended(2 * time.Second)
	}
	c.eventually("no goroutine of ours is left", func() bool {
		all := make([]byte, 1<<20)
		all = all[:runtime.Stack(all, true)]
		return !bytes.Contains(all, []byte("realtime.(*hub).deliver")) && !bytes.Contains(all, []byte("realtime.(*hub).stream"))
	})
}

func (c *clinic) eventually(what string, is func() bool) {
	c.Helper()
	for deadline := time.Now().Add(5 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			c.Fatal("not true in time: " + what)
		}
	}
}

// A subscription's options put the same questions as a list does, and are refused the same.
func TestSecretFieldsAreNoTopic(t *testing.T) {
	c := open(t, nil)
	topic := func(collection, what, value string) string {
		options, err := json.Marshal(map[string]any{"query": map[string]any{what: value}, "headers": "none"})
		ok(c, err)
		return collection + "?" + url.Values{"options": {string(options)}}.Encode()
	}
	back := topic("clinicians/*", "filter", `appointments_via_clinician.client.first_name != "Uma"`)
	if status, reason := c.subscribe(c.connect(), c.who["staff"].token, back); status != 400 || reason != "BACK_RELATION" {
		t.Errorf("%d %s", status, reason)
	}
	for _, who := range []string{"staff", "owner"} {
		for _, asked := range []string{topic("staff/*", "filter", `tokenKey ~ "a"`), topic("STAFF", "filter", `password ~ "$2a"`), topic("staff/*", "filter", `tokenKey ~ "a"`) + "#x",
			topic("appointments/*", "filter", `patient_notes ~ "a"`), topic("appointments/*", "filter", `@collection.staff.tokenKey ~ "a"`), topic("staff/*", "sort", "tokenKey"),
			"staff/*?options=" + url.QueryEscape(`{"query":5,"query":{"filter":"tokenKey > 1"}}`)} {
			s := c.connect()
			if status, reason := c.subscribe(s, c.who[who].token, asked); status != 400 || reason != "SECRET_FIELD" {
				t.Errorf("%s: %s: %d %s", who, asked, status, reason)
			}
		}
		if status, reason := c.subscribe(c.connect(), c.who[who].token, topic("appointments/*", "expand", "client")); status != 400 || reason != "LIVE_EXPAND" {
			t.Errorf("%s hears of clients beside their visits: %d %s", who, status, reason)
		}
		s := c.connect()
		if status, reason := c.subscribe(s, c.who[who].token, topic("appointments/*", "filter", `status = "tokenKey"`), "appointments/*"); status != 204 {
			t.Errorf("%s: %d %s", who, status, reason)
		}
	}
}
