package audit

import (
	"errors"
	"strings"
	"testing"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/filesystem"

	"anteroom/hooks/kernel"
)

// Create, update and delete leave a line each: who, whose, what, and the names of changed fields; no value.
func TestWritesLeaveALine(t *testing.T) {
	app := newApp(t)
	anna := newClient(t, app, "Anna")
	first := lines(t, app)[len(lines(t, app))-1]
	equal(t, "unstamped actor", first.ActorKind, kernel.KindSystem)
	equal(t, "action", first.Action, "CREATE_CLIENT")
	equal(t, "client", first.Client, anna.Id)
	equal(t, "resource", first.ResourceType+" "+first.ResourceID, "CLIENT "+anna.Id)
	equal(t, "details", first.Details, "")

	update := newLines(t, app, func() {
		anna.Set("phone", "+15550100")
		anna.Set("medical_history", map[string]any{"allergies": "latex"})
		ok(t, kernel.SaveAs(app, desk, anna))
	})
	equal(t, "lines", len(update), 1)
	l := update[0]
	equal(t, "actor", strings.Join([]string{l.ActorKind, l.ActorID, l.Role, l.Session, l.IP, l.Agent}, " "),
		"staff staffstaffstaff front_desk sessionsession1 203.0.113.7 Browser/1.0")
	equal(t, "action", l.Action, "UPDATE_CLIENT")
	equal(t, "result", l.Result, "ok")
	equal(t, "details", l.Details, `{"changed":["phone","medical_history"]}`)

	// the same record again: only what differs from the row
	again := newLines(t, app, func() {
		anna.Set("phone", "+15550101")
		ok(t, app.Save(anna))
		ok(t, app.Save(anna))
	})
	equal(t, "second save", again[0].Details, `{"changed":["phone"]}`)
	equal(t, "save without a change", again[1].Details, `{"changed":[]}`)

	// named by the handler, once
	named := newLines(t, app, func() {
		As(anna, UpdateProfile)
		anna.Set("phone", "+15550102")
		ok(t, app.Save(anna))
		anna.Set("phone", "+15550103")
		ok(t, app.Save(anna))
	})
	equal(t, "names", actions(named), "UPDATE_PROFILE UPDATE_CLIENT")

	gone := newLines(t, app, func() { ok(t, kernel.DeleteAs(app, desk, anna)) })
	equal(t, "delete", actions(gone), "DELETE_CLIENT")
	equal(t, "delete", gone[0].ActorID+gone[0].Client, desk.ID+anna.Id)
	for _, l := range lines(t, app) {
		for _, word := range []string{"Anna", "latex", "555", "1980"} {
			if strings.Contains(l.Details, word) {
				t.Errorf("line %d holds a value: %s", l.Seq, l.Details)
			}
		}
	}
	verify(t, app)
}

func TestWhoseRecordItIs(t *testing.T) {
	app := newApp(t)
	anna, bob := newClient(t, app, "Anna"), newClient(t, app, "Bob")
	onBehalf := desk
	onBehalf.Client = "actingforactingf"
	clinician := create(t, app, "clinicians", map[string]any{"first_name": "Cleo", "last_name": "Care"})
	care := record(t, app, "care_team", map[string]any{"client": anna.Id, "clinician": clinician.Id, "role": "lead"})
	got := newLines(t, app, func() { ok(t, kernel.SaveAs(app, onBehalf, care)) })
	equal(t, "the row's client wins", got[0].Client, anna.Id)
	got = newLines(t, app, func() {
		care.Set("client", bob.Id)
		ok(t, kernel.SaveAs(app, desk, care))
	})
	equal(t, "moved to", got[0].Client, bob.Id)
	equal(t, "moved from", strings.Contains(got[0].Details, `"fromClient":"`+anna.Id+`"`), true)
	place := record(t, app, "locations", map[string]any{"name": "Main", "time_zone": "UTC"})
	got = newLines(t, app, func() { ok(t, kernel.SaveAs(app, onBehalf, place)) })
	equal(t, "a row of nobody", got[0].Client, onBehalf.Client)
}

func TestExemptCollections(t *testing.T) {
	app := newApp(t)
	got := newLines(t, app, func() {
		ok(t, app.Save(record(t, app, "outbox", map[string]any{"kind": "mail", "topic": "t", "status": "waiting", "next_at": kernel.Now(app)})))
		ok(t, app.Save(record(t, app, "idempotency_keys", map[string]any{"owner": "o", "key": "k", "fingerprint": "f", "claimed_at": kernel.Now(app)})))
	})
	equal(t, "lines", len(got), 0)
	for _, name := range exempt { // a renamed collection must not silently leave or join the list
		if _, err := app.FindCollectionByNameOrId(name); err != nil {
			t.Errorf("exempt collection %s does not exist", name)
		}
	}
	for name := range resourceTypes {
		if _, err := app.FindCollectionByNameOrId(name); err != nil && name != "portal_documents" && name != "portal_messages" {
			t.Errorf("collection %s does not exist", name)
		}
	}
}

// A line that cannot be written undoes the change; a change that fails leaves no line.
func TestRowAndLineCommitTogether(t *testing.T) {
	app := newApp(t)
	r := create(t, app, "locations", map[string]any{"name": "One", "time_zone": "UTC"})
	before := len(lines(t, app))

	repair := breakLog(t, app)
	x := record(t, app, "locations", map[string]any{"name": "Two", "time_zone": "UTC"})
	contains(t, "create", app.Save(x), "the log is broken")
	equal(t, "rows", count(t, app, "locations"), 1)
	equal(t, "still new", x.IsNew(), true)
	r.Set("name", "Changed")
	contains(t, "update", app.Save(r), "the log is broken")
	equal(t, "name", must(app.FindRecordById("locations", r.Id)).GetString("name"), "One")
	contains(t, "delete", app.Delete(r), "the log is broken")
	equal(t, "rows", count(t, app, "locations"), 1)
	repair()
	equal(t, "lines", len(lines(t, app)), before)

	ok(t, exec(app, "CREATE TEMP TRIGGER broken_row BEFORE INSERT ON locations BEGIN SELECT RAISE(ABORT, 'the row is broken'); END"))
	contains(t, "row", app.Save(x), "the row is broken")
	ok(t, exec(app, "DROP TRIGGER broken_row"))
	equal(t, "lines", len(lines(t, app)), before)
	ok(t, app.Save(x)) // the same record, once it works
	equal(t, "lines", len(lines(t, app)), before+1)

	// a row that is gone is not updated, and nobody is told that it was
	ok(t, exec(app, "DELETE FROM locations WHERE id = '"+r.Id+"'"))
	if app.Save(r) == nil {
		t.Error("a row that is gone was updated")
	}
	equal(t, "lines", len(lines(t, app)), before+1)
	verify(t, app)
}

func TestOuterTransaction(t *testing.T) {
	app := newApp(t)
	before := len(lines(t, app))
	err := app.RunInTransaction(func(tx core.App) error {
		for _, name := range []string{"a", "b", "c"} {
			create(t, tx, "locations", map[string]any{"name": name, "time_zone": "UTC"})
		}
		return errors.New("given up")
	})
	contains(t, "outer", err, "given up")
	equal(t, "rows", count(t, app, "locations"), 0)
	equal(t, "lines", len(lines(t, app)), before)

	after := 0
	app.OnRecordAfterCreateSuccess("locations").BindFunc(func(e *core.RecordEvent) error {
		after++
		if e.App.IsTransactional() {
			t.Error("a hook after the commit sees the finished transaction")
		}
		return e.Next()
	})
	ok(t, app.RunInTransaction(func(tx core.App) error {
		create(t, tx, "locations", map[string]any{"name": "a", "time_zone": "UTC"})
		create(t, tx, "locations", map[string]any{"name": "b", "time_zone": "UTC"})
		return Append(tx, EntryFor(desk, ViewPHI, Client, "x"))
	}))
	create(t, app, "locations", map[string]any{"name": "c", "time_zone": "UTC"})
	equal(t, "after hooks", after, 3)
	equal(t, "lines", len(lines(t, app)), before+4)
	verify(t, app)

	contains(t, "Append outside a transaction", Append(app, EntryFor(desk, ViewPHI, Client, "x")), "needs a transaction")
	contains(t, "Append in one of auxiliary.db", app.AuxRunInTransaction(func(tx core.App) error {
		return Append(tx, EntryFor(desk, ViewPHI, Client, "x"))
	}), "needs a transaction of data.db")
}

// Rows that go with another have their line, and a file that was uploaded for nothing is removed again.
func TestCascadesAndFiles(t *testing.T) {
	app := newApp(t)
	parents := core.NewBaseCollection("parents")
	ok(t, app.Save(parents))
	children := core.NewBaseCollection("children")
	children.Fields.Add(&core.RelationField{Name: "parent", CollectionId: parents.Id, MaxSelect: 1, CascadeDelete: true},
		&core.FileField{Name: "file", MaxSelect: 1, MaxSize: 1000})
	ok(t, app.Save(children))

	parent := create(t, app, "parents", nil)
	create(t, app, "children", map[string]any{"parent": parent.Id})
	create(t, app, "children", map[string]any{"parent": parent.Id})
	got := newLines(t, app, func() { ok(t, app.Delete(parent)) })
	equal(t, "lines", actions(got), "DELETE_PARENTS DELETE_CHILDREN DELETE_CHILDREN")

	file := must(filesystem.NewFileFromBytes([]byte("text"), "a.txt"))
	repair := breakLog(t, app)
	child := record(t, app, "children", map[string]any{"file": file})
	contains(t, "create", app.Save(child), "the log is broken")
	repair()
	storage := must(app.NewFilesystem())
	defer storage.Close()
	left := must(storage.List(children.BaseFilesPath()))
	equal(t, "files left", len(left), 0)
}

func TestBatch(t *testing.T) {
	app := newApp(t)
	app.Settings().Batch.Enabled = true
	ok(t, app.Save(app.Settings()))
	token := staffToken(t, app, "admin")
	base := serve(t, app)
	locations, before := count(t, app, "locations"), len(lines(t, app))
	batch := func(second map[string]any) int {
		request := func(body map[string]any) map[string]any {
			return map[string]any{"method": "POST", "url": "/api/collections/locations/records", "body": body}
		}
		code, _ := call(t, "POST", base+"/api/batch", token, map[string]any{"requests": []any{
			request(map[string]any{"name": "one", "time_zone": "UTC"}), request(second)}})
		return code
	}
	equal(t, "failing batch", batch(map[string]any{"name": ""}), 400)
	equal(t, "rows", count(t, app, "locations"), locations)
	equal(t, "lines", len(lines(t, app)), before+1) // the refusal
	equal(t, "batch", batch(map[string]any{"name": "two", "time_zone": "UTC"}), 200)
	equal(t, "rows", count(t, app, "locations"), locations+2)
	equal(t, "lines", len(lines(t, app)), before+3) // and the two
	verify(t, app)
}

// Before the migrations there is no log to write to. Afterwards a log that is gone stops every write.
func TestMissingLog(t *testing.T) {
	app := bareApp(t)
	owner := record(t, app, core.CollectionNameSuperusers, nil)
	owner.SetEmail("owner@clinic.example")
	owner.SetPassword("correct horse battery")
	ok(t, app.Save(owner))
	ok(t, app.RunAllMigrations())
	equal(t, "update", actions(newLines(t, app, func() {
		owner.SetPassword("another horse battery")
		ok(t, app.Save(owner))
	})), "UPDATE_OWNER")

	ok(t, exec(app, "DROP TABLE portal_audit_log"))
	location := record(t, app, "locations", map[string]any{"name": "One", "time_zone": "UTC"})
	contains(t, "write", app.Save(location), "no such table")
	equal(t, "rows", count(t, app, "locations"), 0)
	if Read(app, EntryFor(desk, ViewPHI, Client, "x")) == nil {
		t.Error("read without a log")
	}
}
