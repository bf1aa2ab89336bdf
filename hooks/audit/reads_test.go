package audit

import (
	"bufio"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/filesystem"

	"anteroom/hooks/kernel"
)

func TestReadIsDurableWhenItReturns(t *testing.T) {
	app := newApp(t)
	before := len(lines(t, app))
	entry := EntryFor(desk, ListAppointments, Appointment, "")
	entry.Client = "client000000001"
	entry.Details = Details{"records": 3}
	ok(t, Read(app, entry))
	ok(t, Read(app))
	got := lines(t, app)[before:]
	equal(t, "lines", len(got), 1)
	equal(t, "line", fmt.Sprint(got[0].ActorID, got[0].Client, got[0].Action, got[0].Details), fmt.Sprint(desk.ID, "client000000001", "LIST_APPOINTMENTS", `{"records":3}`))
	if _, err := time.Parse(timeForm, got[0].At); err != nil {
		t.Error(err)
	}
	kernel.Advance(app, 48*time.Hour)
	ok(t, Read(app, entry))
	if last := lines(t, app)[before+1]; last.At < got[0].At[:8] || last.At[:10] == got[0].At[:10] {
		t.Errorf("the clock was moved, the line says %s after %s", last.At, got[0].At)
	}
}

// In a transaction the line joins it: waiting for the writer would be waiting for oneself.
func TestReadJoinsAnOpenTransaction(t *testing.T) {
	app := newApp(t)
	before := len(lines(t, app))
	contains(t, "transaction", app.RunInTransaction(func(tx core.App) error {
		ok(t, Read(tx, EntryFor(desk, ViewPHI, Client, "given up")))
		return errors.New("given up")
	}), "given up")
	equal(t, "lines", len(lines(t, app)), before)
	ok(t, app.RunInTransaction(func(tx core.App) error { return Read(tx, EntryFor(desk, ViewPHI, Client, "kept")) }))
	equal(t, "lines", len(lines(t, app)), before+1)
	ok(t, app.AuxRunInTransaction(func(tx core.App) error { return Read(tx, EntryFor(desk, ViewPHI, Client, "aux")) }))
	equal(t, "lines", len(lines(t, app)), before+2)
	verify(t, app)
}

// Requests that wait while the writer is taken share one commit.
func TestReadsShareACommit(t *testing.T) {
	app := newApp(t)
	before := len(lines(t, app))
	c := app.Store().Get(committerKey).(*committer)
	var wg sync.WaitGroup
	ok(t, app.RunInTransaction(func(core.App) error { // holds the writer
		for i := range 50 {
			wg.Go(func() {
				if err := Read(app, EntryFor(desk, ViewPHI, Client, fmt.Sprint(i))); err != nil {
					t.Error(err)
				}
			})
		}
		for waiting := 0; waiting < 50; {
			c.mu.Lock()
			if c.open != nil {
				waiting = len(c.open.lines)
			}
			c.mu.Unlock()
			time.Sleep(time.Millisecond)
		}
		equal(t, "lines while the writer is taken", len(lines(t, app)), before)
		return nil
	}))
	wg.Wait()
	got := lines(t, app)[before:]
	equal(t, "lines", len(got), 50)
	for _, l := range got {
		equal(t, "time of the one commit", l.At, got[0].At)
	}
	equal(t, "busy", c.busy, true)
	ok(t, Read(app, EntryFor(desk, ViewPHI, Client, "alone")))
	equal(t, "busy", c.busy, false)
	verify(t, app)
}

// A batch that is full starts the next one.
func TestBatchesAreBounded(t *testing.T) {
	app := newApp(t)
	before := len(lines(t, app))
	var wg sync.WaitGroup
	ok(t, app.RunInTransaction(func(core.App) error {
		for range 2*maxBatch + 10 {
			wg.Go(func() {
				if err := Read(app, EntryFor(desk, ViewPHI, Client, "x")); err != nil {
					t.Error(err)
				}
			})
		}
		time.Sleep(20 * time.Millisecond)
		return nil
	}))
	wg.Wait()
	equal(t, "lines", len(lines(t, app))-before, 2*maxBatch+10)
	verify(t, app)
}

// Whatever stands in the way, the caller is told, and nobody waits for ever.
func TestReadFailsClosed(t *testing.T) {
	app := newApp(t)
	c := app.Store().Get(committerKey).(*committer)
	entry := EntryFor(desk, ViewPHI, Client, "x")
	before := len(lines(t, app))

	repair := breakLog(t, app)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			err := Read(app, entry)
			var refusal *kernel.Error
			if !errors.As(err, &refusal) || refusal.Status != http.StatusServiceUnavailable || refusal.Reason != "AUDIT_UNAVAILABLE" {
				t.Errorf("broken log: %v", err)
			}
		})
	}
	wg.Wait()
	repair()

	c.patience = 50 * time.Millisecond
	ok(t, app.RunInTransaction(func(core.App) error {
		if Read(app, entry) == nil {
			t.Error("read although the writer was taken")
		}
		return nil
	}))
	c.patience = patience
	equal(t, "lines", len(lines(t, app)), before)
	ok(t, Read(app, entry)) // and it works again
	equal(t, "lines", len(lines(t, app)), before+1)

	for name, faulty := range map[string]Entry{
		"no action":   {Actor: desk},
		"no actor":    {Action: ViewPHI},
		"too long":    {Actor: desk, Action: ViewPHI, Details: Details{"x": strings.Repeat("x", maxDetails)}},
		"not as JSON": {Actor: desk, Action: ViewPHI, Details: Details{"x": make(chan int)}},
	} {
		if Read(app, entry, faulty) == nil {
			t.Errorf("%s: written", name)
		}
	}
	equal(t, "lines", len(lines(t, app)), before+1)

	ok(t, app.Bootstrap()) // new connections, as after a restore
	ok(t, Read(app, entry))
	ok(t, app.ResetBootstrapState())
	if Read(app, entry) == nil {
		t.Error("read with the database closed")
	}
	app.Store().Remove(committerKey)
	if Read(app, entry) == nil {
		t.Error("read on an app that was not bound")
	}
}

func TestNothingIsLeftRunning(t *testing.T) {
	app := newApp(t)
	ok(t, Read(app, EntryFor(desk, ViewPHI, Client, "x"))) // PocketBase's connections are open now
	before := runtime.NumGoroutine()
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() { _ = Read(app, EntryFor(desk, ViewPHI, Client, "x")) })
	}
	wg.Wait()
	for range 100 { // a finished goroutine may take a moment to be gone
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
}

// What callers choose cannot break the line: control characters, broken UTF-8, length.
func TestTextsOfCallers(t *testing.T) {
	app := newApp(t)
	actor := desk
	actor.Agent = "Mozilla\x00\x1b[31m \xff\xfe " + strings.Repeat("é", 300)
	actor.IP = strings.Repeat("1", 500)
	ok(t, Read(app, Entry{Actor: actor, Action: ViewPHI, ResourceID: "a\nb\r"}))
	all := lines(t, app)
	l := all[len(all)-1]
	equal(t, "agent", l.Agent[:20], "Mozilla??[31m ?? éé"[:20])
	equal(t, "agent length", len(l.Agent) <= 255, true)
	equal(t, "agent is UTF-8", strings.ToValidUTF8(l.Agent, "!"), l.Agent)
	equal(t, "ip length", len(l.IP), 64)
	equal(t, "id", l.ResourceID, "a?b?")
	verify(t, app)
}

// The dashboard's reads: one line for each client and kind of record shown, relations included, none for the
// catalogue, and no answer without its lines.
func TestReadsThroughTheRecordAPI(t *testing.T) {
	app := newApp(t)
	token := staffToken(t, app, "admin")
	anna, bob := newClient(t, app, "Anna"), newClient(t, app, "Bob")
	clinician := create(t, app, "clinicians", map[string]any{"first_name": "Cleo", "last_name": "Care", "is_active": true})
	team := func(client *core.Record) *core.Record {
		r := record(t, app, "care_team", map[string]any{"client": client.Id, "clinician": clinician.Id, "role": "lead"})
		ok(t, app.Save(r))
		return r
	}
	ofAnna := team(anna)
	team(bob)
	create(t, app, "locations", map[string]any{"name": "Main", "time_zone": "UTC"})
	records := serve(t, app) + "/api/collections/"
	get := func(path string, want int) []row {
		t.Helper()
		return newLines(t, app, func() {
			code, _ := call(t, "GET", records+path, token, nil)
			equal(t, path, code, want)
		})
	}
	summary := func(rows []row) string {
		var out []string
		for _, r := range rows {
			who := map[string]string{anna.Id: "Anna", bob.Id: "Bob", "": "-"}[r.Client]
			out = append(out, r.Action+" "+who+" "+r.ActorID)
		}
		return strings.Join(out, "; ")
	}
	by := " " + desk.ID

	equal(t, "list", summary(get("clients/records?sort=first_name", 200)), "LIST_CLIENTS Anna"+by+"; LIST_CLIENTS Bob"+by)
	view := get("clients/records/"+anna.Id, 200)
	equal(t, "view", summary(view), "VIEW_CLIENT Anna"+by)
	equal(t, "view", view[0].ResourceID, anna.Id)
	equal(t, "list with a relation", summary(get("care_team/records?sort=created&expand=client", 200)),
		"LIST_CARE_TEAMS Anna"+by+"; VIEW_CLIENT Anna"+by+"; LIST_CARE_TEAMS Bob"+by+"; VIEW_CLIENT Bob"+by)
	equal(t, "back relations of a record that is nobody's", summary(get("clinicians/records/"+clinician.Id+"?expand=care_team_via_clinician.client", 200)),
		"VIEW_CARE_TEAM Anna"+by+"; VIEW_CLIENT Anna"+by+"; VIEW_CARE_TEAM Bob"+by+"; VIEW_CLIENT Bob"+by)
	equal(t, "catalogue", summary(get("locations/records", 200)), "STAFF_REQUEST -"+by)
	equal(t, "nothing found", summary(get("clients/records?filter=first_name='Zoe'", 200)), "STAFF_REQUEST -"+by)

	patched := newLines(t, app, func() {
		code, _ := call(t, "PATCH", records+"care_team/records/"+ofAnna.Id+"?expand=client", token, map[string]any{"role": "member"})
		equal(t, "patch", code, 200)
	})
	equal(t, "answer to a write", summary(patched), "UPDATE_CARE_TEAM Anna"+by+"; VIEW_CLIENT Anna"+by)

	repair := breakLog(t, app)
	code, answer := call(t, "GET", records+"clients/records", token, nil)
	equal(t, "list without a log", code, 503)
	if strings.Contains(fmt.Sprint(answer), "Anna") {
		t.Error("shown without a line")
	}
	code, _ = call(t, "GET", records+"clients/records/"+anna.Id, token, nil)
	equal(t, "view without a log", code, 503)
	repair()
	verify(t, app)
}

// Who opens a live view is on record, with the collections and nothing else of what was sent.
func TestRealtimeSubscriptions(t *testing.T) {
	app := newApp(t)
	token := staffToken(t, app, "admin")
	base := serve(t, app)
	stream, err := http.Get(base + "/api/realtime")
	ok(t, err)
	defer stream.Body.Close()
	var hello string
	for events := bufio.NewScanner(stream.Body); hello == "" && events.Scan(); {
		hello, _ = strings.CutPrefix(events.Text(), "id:")
		if !strings.HasPrefix(events.Text(), "id:") {
			hello = ""
		}
	}
	subscribe := func(topics ...string) (code int, got []row) {
		got = newLines(t, app, func() {
			code, _ = call(t, "POST", base+"/api/realtime", token, map[string]any{"clientId": hello, "subscriptions": topics})
		})
		return code, got
	}
	code, got := subscribe("clients/*", "clients/clientclientcli?options={\"query\":{\"filter\":\"first_name='Anna'\"}}", "appointments?x=1", "@oauth2")
	equal(t, "status", code, 204)
	equal(t, "lines", actions(got), "SUBSCRIBE SUBSCRIBE")
	equal(t, "types", got[0].ResourceType+" "+got[1].ResourceType, "CLIENT APPOINTMENT")
	equal(t, "actor", got[0].ActorID, desk.ID)
	equal(t, "details", got[0].Details+got[0].ResourceID, "")
	repair := breakLog(t, app)
	code, _ = subscribe("clients/*")
	equal(t, "without a log", code, 503)
	repair()
}

func TestFileDownloads(t *testing.T) {
	app := newApp(t)
	anna := newClient(t, app, "Anna")
	c := core.NewBaseCollection("letters")
	c.Fields.Add(&core.FileField{Name: "file", MaxSelect: 1, MaxSize: 1000},
		&core.RelationField{Name: "client", CollectionId: anna.Collection().Id, MaxSelect: 1, Required: true})
	ok(t, app.Save(c))
	letter := create(t, app, "letters", map[string]any{"client": anna.Id, "file": must(filesystem.NewFileFromBytes([]byte("text"), "a.txt"))})
	url := serve(t, app) + "/api/files/letters/" + letter.Id + "/" + letter.GetString("file")
	got := newLines(t, app, func() {
		code, _ := call(t, "GET", url, "", nil)
		equal(t, "download", code, 200)
	})
	equal(t, "line", actions(got), "DOWNLOAD_LETTERS")
	equal(t, "client", got[0].Client, anna.Id)
	repair := breakLog(t, app)
	code, _ := call(t, "GET", url, "", nil)
	equal(t, "download without a log", code, 503)
	repair()
}

func BenchmarkRead(b *testing.B) {
	for _, parallel := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("%d at once", parallel), func(b *testing.B) {
			app := newApp(b)
			entry := EntryFor(desk, ListAppointments, Appointment, "")
			entry.Client = "client000000001"
			b.SetParallelism(max(1, parallel/runtime.GOMAXPROCS(0)))
			if parallel == 1 {
				for b.Loop() {
					ok(b, Read(app, entry))
				}
				return
			}
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := Read(app, entry); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}
