package scheduling_test

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	ics "github.com/arran4/golang-ical"
	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/kernel"
	"anteroom/hooks/testkit"
)

const (
	feeds      = kernel.Portal + "/calendar/feeds"
	staffFeeds = kernel.Desk + "/calendar-feeds"
)

// newFeed makes a feed and gives its id, path and token.
func newFeed(t testing.TB, c *testkit.Clinic, path, email string, headers ...string) (id, address, token string) {
	t.Helper()
	var out struct{ ID, URL string }
	got := c.Do(t, http.MethodPost, path, c.As(t, email), map[string]any{}, headers...)
	if got.Status != http.StatusCreated {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	got.Data(t, &out)
	u, err := url.Parse(out.URL)
	if err != nil || !strings.HasPrefix(out.URL, "http://portal.example/") {
		t.Fatal(out.URL, err)
	}
	return out.ID, u.RequestURI(), u.Query().Get("token")
}

// reads is the calendar behind an address, asked for by nobody who is signed in.
func reads(t testing.TB, c *testkit.Clinic, address string, headers ...string) (*testkit.Response, map[string]*ics.VEvent) {
	t.Helper()
	got := c.Do(t, http.MethodGet, address, "", nil, headers...)
	if got.Status != http.StatusOK {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	cal, err := ics.ParseCalendar(bytes.NewReader(got.Body))
	if err != nil {
		t.Fatal(err)
	}
	events := map[string]*ics.VEvent{}
	for _, e := range cal.Events() {
		events[strings.TrimSuffix(e.Id(), "@anteroom")] = e
	}
	return got, events
}

func TestFeedOfAClient(t *testing.T) {
	c := newClinic(t)
	coming := book(t, c, nil).Id
	cancelled := book(t, c, map[string]any{"start_time": at("2026-12-22T17:00:00Z")}).Id
	r := c.Find(t, "appointments", cancelled)
	r.Set("status", "cancelled")
	if err := kernel.SaveAs(c.App, deskActor(), r); err != nil {
		t.Fatal(err)
	}
	recent := book(t, c, map[string]any{"start_time": at("2026-11-20T17:00:00Z"), "status": "completed"}).Id
	old := book(t, c, map[string]any{"start_time": at("2026-11-01T17:00:00Z"), "status": "completed"}).Id
	asked := ask(t, c, nil)
	bos := book(t, c, map[string]any{"client": testkit.Bo, "start_time": at("2026-12-23T17:00:00Z")}).Id
	cleos := book(t, c, map[string]any{"client": testkit.Cleo, "start_time": at("2026-12-24T17:00:00Z")}).Id

	id, address, token := newFeed(t, c, feeds, testkit.AdaEmail)
	if raw, err := base64.RawURLEncoding.DecodeString(token); err != nil || len(raw) != 32 {
		t.Fatalf("the secret is %d bytes", len(raw))
	}
	got, events := reads(t, c, address)
	if len(events) != 3 || events[coming] == nil || events[cancelled] == nil || events[recent] == nil {
		t.Errorf("%d events; old %v, asked for %v, of others %v", len(events), events[old] != nil, events[asked] != nil, events[bos] != nil || events[cleos] != nil)
	}
	if value(events[cancelled], ics.ComponentPropertyStatus) != "CANCELLED" || value(events[coming], ics.ComponentPropertyStatus) != "CONFIRMED" {
		t.Error("the states are wrong")
	}
	refuseDetails(t, string(got.Body))
	if strings.Contains(string(got.Body), "METHOD:") {
		t.Error("a feed is no message")
	}
	if h := got.Header; !strings.HasPrefix(h.Get("Cache-Control"), "private, max-age=") || h.Get("ETag") == "" || h.Get("Last-Modified") == "" || !strings.HasPrefix(h.Get("Content-Type"), "text/calendar") {
		t.Errorf("headers %v", h)
	}
	if again := c.Do(t, http.MethodGet, address, "", nil, "If-None-Match", got.Header.Get("ETag")); again.Status != http.StatusNotModified || len(again.Body) != 0 {
		t.Errorf("nothing has changed: %d %s", again.Status, again.Body)
	}
	lines := func() int {
		return c.Count(t, "portal_audit_log", "action = 'LIST_APPOINTMENTS' AND resource_id = {:id} AND client_id = {:c} AND actor_id = {:a} AND details = '{\"as\":\"feed\"}'",
			dbx.Params{"id": id, "c": testkit.Ada, "a": testkit.AdaLogin})
	}
	if lines() != 1 {
		t.Errorf("%d lines of two readings within an hour, want 1", lines())
	}
	c.Advance(61 * time.Minute)
	reads(t, c, address)
	if lines() != 2 {
		t.Errorf("%d lines after an hour, want 2", lines())
	}
	// the secret is nowhere: not in the database, the audit log, or the server's log
	for _, table := range []string{"calendar_feeds", "portal_audit_log", "outbox"} {
		rows := []dbx.NullStringMap{}
		if err := c.App.ConcurrentDB().NewQuery("SELECT * FROM " + table).All(&rows); err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			for column, v := range row {
				if strings.Contains(v.String, token) {
					t.Errorf("%s.%s holds the secret", table, column)
				}
			}
		}
	}
	logged := 0
	if err := c.App.AuxDB().NewQuery("SELECT count(*) FROM _logs WHERE data LIKE {:t} OR message LIKE {:t}").Bind(dbx.Params{"t": "%" + token + "%"}).Row(&logged); err != nil || logged != 0 {
		t.Errorf("%d lines of the server's log hold the secret: %v", logged, err)
	}
	// the details, when the clinic names them in mails
	settings(t, c, map[string]any{"mail_names_details": true})
	if now, _ := reads(t, c, address); !strings.Contains(string(now.Body), "Individual therapy") || now.Header.Get("ETag") == got.Header.Get("ETag") {
		t.Error("the clinic names details, the feed does not")
	}
	c.Fresh(t, testkit.AdaEmail)
	// who acts for a child has a feed of the child
	_, childs, _ := newFeed(t, c, feeds, testkit.AdaEmail, "X-Client-Id", testkit.Cleo)
	if _, events := reads(t, c, childs); len(events) != 1 || events[cleos] == nil {
		t.Errorf("the child's feed has %d", len(events))
	}
	var list struct {
		Feeds []struct{ ID, ClientID, CreatedAt, LastUsed string }
	}
	c.Do(t, http.MethodGet, feeds, c.Fresh(t, testkit.AdaEmail), nil).Data(t, &list)
	if len(list.Feeds) != 1 || list.Feeds[0].ID != id || list.Feeds[0].ClientID != testkit.Ada || list.Feeds[0].LastUsed == "" {
		t.Errorf("listed: %+v", list)
	}
}

func TestFeedOfAClinician(t *testing.T) {
	c := newClinic(t)
	settings(t, c, map[string]any{"mail_names_details": true})
	mine := book(t, c, nil).Id
	bens := book(t, c, map[string]any{"client": testkit.Bo, "clinician": testkit.Ben}).Id
	// a lunch across the end of summer time, and a leave elsewhere
	c.Add(t, "breaks", map[string]any{"clinician": testkit.Ana, "first_day": "2026-12-08", "last_day": "2026-12-09", "starts_at": "12:00", "ends_at": "13:00", "reason": "Divorce hearing", "is_active": true})
	c.Add(t, "breaks", map[string]any{"clinician": testkit.Ben, "first_day": "2026-12-10", "starts_at": "12:00", "ends_at": "13:00", "is_active": true})
	id, address, _ := newFeed(t, c, staffFeeds, testkit.AnaEmail)
	got, events := reads(t, c, address)
	if len(events) != 3 || events[mine] == nil || events[bens] != nil {
		t.Fatalf("%d events:\n%s", len(events), got.Body)
	}
	busy := 0
	for _, e := range events {
		if value(e, ics.ComponentPropertySummary) == "Busy" {
			if start, err := e.GetStartAt(); err != nil || start.UTC().Hour() != 19 {
				t.Errorf("a lunch at %v: %v", start, err)
			}
			busy++
		}
	}
	if busy != 2 {
		t.Errorf("%d breaks, want 2", busy)
	}
	text := strings.ReplaceAll(string(got.Body), "\r\n ", "")
	for _, private := range []string{"Ada", "Lovell", "Divorce", testkit.Ada} {
		if strings.Contains(text, private) {
			t.Errorf("it names %q", private)
		}
	}
	if !strings.Contains(text, "http://portal.example/_/#/desk") || !strings.Contains(text, "Individual therapy") {
		t.Errorf("no way to the dashboard, or no service:\n%s", text)
	}
	if n := c.Count(t, "portal_audit_log", "action = 'LIST_APPOINTMENTS' AND resource_id = {:id} AND actor_kind = 'staff' AND actor_id = {:a}", dbx.Params{"id": id, "a": testkit.AnaStaff}); n != 1 {
		t.Errorf("%d lines, want 1", n)
	}
	c.Do(t, http.MethodPost, staffFeeds, c.As(t, testkit.DeskEmail), map[string]any{}).Refused(t, http.StatusForbidden, "NOT_A_CLINICIAN")
	c.Do(t, http.MethodDelete, staffFeeds+"/"+id, c.As(t, testkit.AdminEmail), nil).Refused(t, http.StatusNotFound, "NOT_FOUND")
	if got := c.Do(t, http.MethodDelete, staffFeeds+"/"+id, c.As(t, testkit.AnaEmail), nil); got.Status != http.StatusOK {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	c.Do(t, http.MethodGet, address, "", nil).Refused(t, http.StatusNotFound, "NOT_FOUND")
}

// TestDeadFeeds: with whatever it rests on it is dead, and says nothing else than an address that never was.
func TestDeadFeeds(t *testing.T) {
	set := func(collection, id string, values map[string]any) func(*testing.T, *testkit.Clinic) {
		return func(t *testing.T, c *testkit.Clinic) { change(t, c, c.Find(t, collection, id), values) }
	}
	grant := func(values map[string]any) func(*testing.T, *testkit.Clinic) {
		return func(t *testing.T, c *testkit.Clinic) {
			r, err := c.App.FindFirstRecordByFilter("client_access", "client = {:c} && portal_user = {:u}", dbx.Params{"c": testkit.Ada, "u": testkit.AdaLogin})
			if err != nil {
				t.Fatal(err)
			}
			change(t, c, r, values)
		}
	}
	for name, v := range map[string]struct {
		clinicians bool
		kill       func(*testing.T, *testkit.Clinic)
		lives      bool
	}{
		"revoked": {kill: func(t *testing.T, c *testkit.Clinic) {
			r, err := c.App.FindFirstRecordByFilter("calendar_feeds", "id != ''")
			if err != nil {
				t.Fatal(err)
			}
			c.Do(t, http.MethodDelete, feeds+"/"+r.Id, c.As(t, testkit.BoEmail), nil).Refused(t, http.StatusNotFound, "NOT_FOUND")
			if got := c.Do(t, http.MethodDelete, feeds+"/"+r.Id, c.As(t, testkit.AdaEmail), nil); got.Status != http.StatusOK {
				t.Fatalf("%d %s", got.Status, got.Body)
			}
			c.Do(t, http.MethodDelete, feeds+"/"+r.Id, c.As(t, testkit.AdaEmail), nil).Refused(t, http.StatusNotFound, "NOT_FOUND")
		}},
		"access that ended":           {kill: grant(map[string]any{"expires_at": testkit.Monday})},
		"access to bills alone":       {kill: grant(map[string]any{"scope": "billing"})},
		"a login that is suspended":   {kill: set("portal_users", testkit.AdaLogin, map[string]any{"account_status": "suspended"})},
		"a login that is locked":      {kill: set("portal_users", testkit.AdaLogin, map[string]any{"account_status": "locked"})},
		"a login that is closed":      {kill: set("portal_users", testkit.AdaLogin, map[string]any{"account_status": "closed"})},
		"staff who left":              {clinicians: true, kill: set("staff", testkit.AnaStaff, map[string]any{"is_active": false})},
		"a clinician who gives none":  {clinicians: true, kill: set("clinicians", testkit.Ana, map[string]any{"is_active": false})},
		"a clinician of another name": {clinicians: true, kill: set("clinicians", testkit.Ana, map[string]any{"staff": testkit.Admin})},
		"a new password, which is none of its business": {lives: true, kill: func(t *testing.T, c *testkit.Clinic) {
			r := c.Find(t, "portal_users", testkit.AdaLogin)
			r.SetPassword("Another-Harbour-43")
			change(t, c, r, nil)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClinic(t)
			book(t, c, nil)
			path, email := feeds, testkit.AdaEmail
			if v.clinicians {
				path, email = staffFeeds, testkit.AnaEmail
			}
			_, address, _ := newFeed(t, c, path, email)
			reads(t, c, address)
			v.kill(t, c)
			got := c.Do(t, http.MethodGet, address, "", nil)
			if v.lives {
				if got.Status != http.StatusOK {
					t.Errorf("%d %s", got.Status, got.Body)
				}
				return
			}
			got.Refused(t, http.StatusNotFound, "NOT_FOUND")
			for _, token := range []string{"", "?token=x", "?token=" + strings.Repeat("A", 43), "?token=%00"} {
				never := c.Do(t, http.MethodGet, kernel.Portal+"/calendar.ics"+token, "", nil)
				if never.Status != got.Status || !bytes.Equal(never.Body, got.Body) {
					t.Errorf("a dead feed answers %s, one that never was %s", got.Body, never.Body)
				}
			}
		})
	}
}

func TestAtMostFiveFeeds(t *testing.T) {
	c := newClinic(t)
	ada := c.As(t, testkit.AdaEmail)
	var all sync.WaitGroup
	var mu sync.Mutex
	made, refused := 0, 0
	for range 12 {
		all.Go(func() {
			got := c.Do(t, http.MethodPost, feeds, ada, map[string]any{})
			mu.Lock()
			defer mu.Unlock()
			switch got.Status {
			case http.StatusCreated:
				made++
			case http.StatusConflict:
				refused++
			default:
				t.Errorf("%d %s", got.Status, got.Body)
			}
		})
	}
	all.Wait()
	if made != 5 || refused != 7 {
		t.Errorf("%d made, %d refused", made, refused)
	}
	c.Do(t, http.MethodPost, feeds, ada, map[string]any{}).Refused(t, http.StatusConflict, "TOO_MANY_FEEDS")
	newFeed(t, c, feeds, testkit.AdaEmail, "X-Client-Id", testkit.Cleo) // of another client
	r, err := c.App.FindFirstRecordByFilter("calendar_feeds", "client = {:c}", dbx.Params{"c": testkit.Ada})
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Do(t, http.MethodDelete, feeds+"/"+r.Id, ada, nil); got.Status != http.StatusOK {
		t.Fatal(got.Status)
	}
	newFeed(t, c, feeds, testkit.AdaEmail)
}

func TestFeedsAreLimited(t *testing.T) {
	c := newClinic(t)
	c.Limit(t, collections.LimitCalendarFeed, 3, 3600)
	_, address, _ := newFeed(t, c, feeds, testkit.AdaEmail)
	_, other, _ := newFeed(t, c, feeds, testkit.AdaEmail)
	for range 3 {
		reads(t, c, address)
	}
	c.Do(t, http.MethodGet, address, "", nil).Refused(t, http.StatusTooManyRequests, "RATE_LIMITED")
	reads(t, c, other)
	c.Limit(t, collections.LimitPublicForms, 1, 60)
	c.Advance(2 * time.Minute)
	reads(t, c, other)
	c.Do(t, http.MethodGet, kernel.Portal+"/calendar.ics?token=x", "", nil).Refused(t, http.StatusTooManyRequests, "RATE_LIMITED")
}

// TestFeedsStayWhatTheyAre, through the record API and the model.
func TestFeedsStayWhatTheyAre(t *testing.T) {
	c := newClinic(t)
	id, _, _ := newFeed(t, c, feeds, testkit.AdaEmail)
	everybodySignsIn(t, c)
	before := settled(t, c)
	for _, email := range []string{testkit.AdminEmail, testkit.OwnerEmail, testkit.AdaEmail} {
		for method, path := range map[string]string{http.MethodPatch: "/" + id, http.MethodPost: "", http.MethodDelete: "/" + id} {
			got := c.Do(t, method, "/api/collections/calendar_feeds/records"+path, c.As(t, email), map[string]any{"client": testkit.Bo})
			if got.Status < 400 || c.Snapshot(t) != before {
				t.Errorf("%s %s: %d %s", email, method, got.Status, got.Body)
			}
		}
	}
	f := c.Find(t, "calendar_feeds", id)
	for field, v := range map[string]any{"client": testkit.Bo, "portal_user": testkit.BoLogin, "token_hash": "x"} {
		r := c.Find(t, "calendar_feeds", id)
		r.Set(field, v)
		if err := kernel.SaveAs(c.App, kernel.System(), r); err == nil {
			t.Errorf("%s was changed", field)
		}
	}
	for name, values := range map[string]map[string]any{
		"of nobody":         {"token_hash": "a"},
		"of two at once":    {"token_hash": "b", "client": testkit.Ada, "portal_user": testkit.AdaLogin, "staff": testkit.AnaStaff, "clinician": testkit.Ana},
		"without a login":   {"token_hash": "c", "client": testkit.Ada},
		"of somebody else":  {"token_hash": "d", "client": testkit.Bo, "portal_user": testkit.BoLogin},
		"with a known hash": {"token_hash": f.GetString("token_hash"), "client": testkit.Ada, "portal_user": testkit.AdaLogin},
	} {
		r := core.NewRecord(f.Collection())
		for k, v := range values {
			r.Set(k, v)
		}
		if err := kernel.SaveAs(c.App, adaActor(), r); err == nil {
			t.Errorf("made: a feed %s", name)
		}
	}
}
