package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/hooks/kernel"
)

// changed runs statements in a transaction, triggers off, that do may look at and that is rolled back.
func changed(t *testing.T, app core.App, do func(db Queryer), statements ...string) {
	t.Helper()
	tx, err := app.NonconcurrentDB().(*dbx.DB).DB().Begin()
	ok(t, err)
	defer func() { _ = tx.Rollback() }()
	for _, q := range append(slices.Clone(withoutTriggers), statements...) {
		_, err := tx.Exec(q)
		ok(t, err)
	}
	do(tx)
}

// A check says which line is wrong first, and whether the others hang together.
func TestVerifySaysHowFarTheDamageGoes(t *testing.T) {
	app := newApp(t)
	fill(t, app, 20)
	whole := verify(t, app)
	last := whole.Seq
	all := strings.Join(textColumns, ", ")
	for name, c := range map[string]struct {
		statements []string
		line       int64
		says       string
	}{
		"first removed":     {[]string{"DELETE FROM portal_audit_log WHERE seq = 1"}, 1, "line 1 is missing; everything else hangs together"},
		"one removed":       {[]string{"DELETE FROM portal_audit_log WHERE seq = 5"}, 5, "line 5 is missing; everything else hangs together"},
		"several removed":   {[]string{"DELETE FROM portal_audit_log WHERE seq BETWEEN 5 AND 8"}, 5, "line 5 is missing; everything else hangs together"},
		"two places":        {[]string{"UPDATE portal_audit_log SET client_id = 'x' WHERE seq IN (4, 9)"}, 4, "line 4 does not match its hash; one more place is wrong, line 9"},
		"many places":       {[]string{"UPDATE portal_audit_log SET ip = 'x' WHERE seq > 10"}, 11, fmt.Sprintf("line 11 does not match its hash; %d more places are wrong, the next is line 12", last-11)},
		"a gap and a lie":   {[]string{"DELETE FROM portal_audit_log WHERE seq = 5", "UPDATE portal_audit_log SET ip = 'x' WHERE seq = 6"}, 5, "line 5 is missing; one more place is wrong, line 6"},
		"a line doubled":    {[]string{fmt.Sprintf("INSERT INTO portal_audit_log SELECT %d, %s, prev, hash FROM portal_audit_log WHERE seq = %d", last+1, all, last)}, last + 1, fmt.Sprintf("line %d does not match its hash; everything else hangs together", last+1)},
		"a far line added":  {[]string{fmt.Sprintf("INSERT INTO portal_audit_log SELECT %d, %s, prev, hash FROM portal_audit_log WHERE seq = %d", last+50, all, last)}, last + 1, fmt.Sprintf("line %d is missing; one more place is wrong, line %d", last+1, last+50)},
		"neighbours swap":   {[]string{"UPDATE portal_audit_log SET seq = 100 WHERE seq = 4", "UPDATE portal_audit_log SET seq = 4 WHERE seq = 5", "UPDATE portal_audit_log SET seq = 5 WHERE seq = 100"}, 4, "line 4 does not match its hash; 2 more places are wrong, the next is line 5"},
		"contents swapped":  {[]string{"UPDATE portal_audit_log SET resource_id = (SELECT resource_id FROM portal_audit_log o WHERE o.seq = 12) WHERE seq = 11"}, 11, "line 11 does not match its hash; everything else hangs together"},
		"time moved":        {[]string{"UPDATE portal_audit_log SET at = replace(at, 'Z', '+02:00') WHERE seq = 7"}, 7, "line 7 does not match its hash; everything else hangs together"},
		"the last's hash":   {[]string{fmt.Sprintf("UPDATE portal_audit_log SET hash = randomblob(32) WHERE seq = %d", last)}, last, fmt.Sprintf("line %d does not match its hash; everything else hangs together", last)},
		"all lines removed": {[]string{"DELETE FROM portal_audit_log"}, 1, fmt.Sprintf("it ends at line 0, but line %d was noted; everything else hangs together", last)},
		"cut off":           {[]string{fmt.Sprintf("DELETE FROM portal_audit_log WHERE seq > %d", last-3)}, last - 2, fmt.Sprintf("it ends at line %d, but line %d was noted; everything else hangs together", last-3, last)},
	} {
		t.Run(name, func(t *testing.T) {
			changed(t, app, func(db Queryer) {
				var told int64
				_, err := VerifyTelling(context.Background(), db, func(n int64) { told = n }, whole)
				var broken *Broken
				if !errors.As(err, &broken) || !errors.Is(err, ErrBroken) {
					t.Fatalf("%v", err)
				}
				// a changed last line is not the noted one either
				says := strings.Replace(broken.Sentence(), fmt.Sprintf("one more place is wrong, line %d", last), "everything else hangs together", 1)
				if name == "many places" {
					says = strings.Replace(says, fmt.Sprintf("%d more", last-10), fmt.Sprintf("%d more", last-11), 1)
				}
				equal(t, "line", broken.Line, c.line)
				equal(t, "sentence", says, c.says)
				equal(t, "told of a short log", told, 0)
			}, c.statements...)
		})
	}
	equal(t, "afterwards", verify(t, app), whole)
}

// Whoever writes the log anew from some line on, with hashes to match, makes an intact chain: a head that was noted
// before tells, and one noted before the changed line does not.
func TestRewrittenWithHashes(t *testing.T) {
	app := newApp(t)
	fill(t, app, 5)
	early := verify(t, app)
	fill(t, app, 15)
	late := verify(t, app)
	from := early.Seq + 3
	tx, err := app.NonconcurrentDB().(*dbx.DB).DB().Begin()
	ok(t, err)
	defer func() { _ = tx.Rollback() }()
	for _, q := range withoutTriggers {
		_, err := tx.Exec(q)
		ok(t, err)
	}
	var head Head
	var rest [][]string
	ok(t, eachLine(context.Background(), tx, func(l line) error {
		if l.seq < from {
			head = Head{Seq: l.seq}
			copy(head.Hash[:], l.hash)
		} else {
			rest = append(rest, slices.Clone(l.texts))
		}
		return nil
	}))
	_, err = tx.Exec("DELETE FROM portal_audit_log WHERE seq >= ?", from)
	ok(t, err)
	rest[0][2] = "somebodyelse000"
	for _, texts := range rest {
		now := head.next(texts)
		values := []any{now.Seq}
		for _, s := range texts {
			values = append(values, s)
		}
		_, err := tx.Exec(insertLine, append(values, head.Hash[:], now.Hash[:])...)
		ok(t, err)
		head = now
	}
	_, err = Verify(context.Background(), tx, early)
	ok(t, err)
	_, err = Verify(context.Background(), tx, early, late)
	contains(t, "a head from before", err, fmt.Sprintf("line %d is not the one that was noted", late.Seq))
}

// A clock that goes back makes no gap and no break, and a search by day finds the lines on both sides.
func TestTheClockGoesBack(t *testing.T) {
	app := newApp(t)
	noon := time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)
	at := func(when time.Time, id string) {
		kernel.SetNow(app, when)
		ok(t, Read(app, EntryFor(desk, "STEP", Client, id)))
	}
	at(noon, "a")
	at(noon.Add(-20*time.Hour), "b")
	at(noon.Add(time.Hour), "c")
	at(noon.Add(-2*time.Hour), "d")
	verify(t, app)
	for day, want := range map[time.Time]string{noon.Truncate(24 * time.Hour): "dca", noon.Truncate(24*time.Hour).AddDate(0, 0, -1): "b", noon.Truncate(24*time.Hour).AddDate(0, 0, 1): ""} {
		found, _, err := Search(app, Query{Action: "STEP", From: day, Until: day.AddDate(0, 0, 1), Limit: 10})
		ok(t, err)
		got := ""
		for _, l := range found {
			got += l.ResourceID
		}
		equal(t, day.String(), got, want)
	}
}

func plan(t *testing.T, app core.App, query string, params dbx.Params) string {
	t.Helper()
	var rows []struct {
		Detail string `db:"detail"`
	}
	ok(t, app.ConcurrentDB().NewQuery("EXPLAIN QUERY PLAN "+query).Bind(params).All(&rows))
	var out []string
	for _, r := range rows {
		out = append(out, r.Detail)
	}
	return strings.Join(out, "; ")
}

// Whoever looks for a person, a record or their own history seeks; whoever looks for an action reads a stretch of numbers.
func TestSearchesSeek(t *testing.T) {
	app := newApp(t)
	for want, q := range map[string]Query{
		"SEARCH portal_audit_log USING INDEX idx_portal_audit_log_client (client_id=? AND seq>? AND seq<?)":     {Client: "x", Action: "A", Actor: "y"},
		"SEARCH portal_audit_log USING INDEX idx_portal_audit_log_actor (actor_id=? AND seq>? AND seq<?)":       {Actor: "x", Result: ResultOK},
		"SEARCH portal_audit_log USING INDEX idx_portal_audit_log_resource (resource_id=? AND seq>? AND seq<?)": {ResourceID: "x", Client: "y", BreakGlass: true},
		"SEARCH portal_audit_log USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)":                               {Action: "A", From: time.Now(), Until: time.Now()},
	} {
		from, where, params := q.seek()
		equal(t, "plan", plan(t, app, q.sql(from, where), with(q.params(params), "low", 1, "high", 9, "limit", 5)), want)
	}
	equal(t, "who looked", plan(t, app, selectAccess, dbx.Params{"client": "x"}), "SEARCH portal_audit_log USING INDEX idx_portal_audit_log_client (client_id=?)")
}

// A search for what no index knows ends after a bounded walk and says where to go on.
func TestSearchWalksNoFurther(t *testing.T) {
	app := newApp(t)
	ok(t, Read(app, EntryFor(desk, "RARE", Client, "x")))
	for range 3 {
		fill(t, app, 10_000)
	}
	for _, q := range []Query{{Action: "RARE", Limit: 5}, {Actor: desk.ID, Action: "RARE", Limit: 5}} {
		found, next, err := Search(app, q)
		ok(t, err)
		if len(found) != 0 || next == 0 {
			t.Fatalf("%d lines, next %d", len(found), next)
		}
		q.Before = next
		found, next, err = Search(app, q)
		ok(t, err)
		equal(t, "found", len(found), 1)
		equal(t, "next", next, 0)
	}
}

// Every line of a clinician at a client whose glass they broke says so, through a read, a write and a transaction; of
// nobody else, of no other client, and no longer than it lasts.
func TestLinesUnderABrokenGlass(t *testing.T) {
	app := newApp(t)
	anna, bob := newClient(t, app, "Anna"), newClient(t, app, "Bob")
	staffToken(t, app, "clinician")
	doctor := must(app.FindFirstRecordByData("staff", "role", "clinician"))
	clinician := kernel.Actor{Kind: kernel.KindStaff, ID: doctor.Id, Role: kernel.RoleClinician}
	glass := create(t, app, "break_glass", map[string]any{"client": anna.Id, "staff": doctor.Id, "reason": "They called in need.", "until": kernel.Now(app).Add(time.Hour)})
	marked := func(do func()) (out string) {
		for _, l := range newLines(t, app, do) {
			if strings.Contains(l.Details, `"breakGlass":"`+glass.Id+`"`) {
				out += "marked "
			} else {
				out += "plain "
			}
		}
		return strings.TrimSpace(out)
	}
	read := func(a kernel.Actor, client string) func() {
		return func() {
			e := EntryFor(a, ViewPHI, Client, client)
			e.Client, e.Details = client, Details{"records": 1}
			ok(t, Read(app, e, e))
			if e.Details["breakGlass"] != nil {
				t.Error("the caller's details were changed")
			}
		}
	}
	equal(t, "read", marked(read(clinician, anna.Id)), "marked marked")
	equal(t, "another client", marked(read(clinician, bob.Id)), "plain plain")
	equal(t, "another person", marked(read(desk, anna.Id)), "plain plain")
	equal(t, "write", marked(func() {
		anna.Set("preferred_name", "Ann")
		ok(t, kernel.SaveAs(app, clinician, anna))
	}), "marked")
	equal(t, "in a transaction", marked(func() {
		ok(t, app.RunInTransaction(func(tx core.App) error {
			e := EntryFor(clinician, ViewPHI, Client, anna.Id)
			e.Client = anna.Id
			return Append(tx, e)
		}))
	}), "marked")
	kernel.Advance(app, 2*time.Hour)
	equal(t, "when it is over", marked(read(clinician, anna.Id)), "plain plain")
	verify(t, app)
}

// What nobody else writes down is not answered without its line either.
func TestTheOwnersRequestsFailClosed(t *testing.T) {
	app := newApp(t)
	owner := record(t, app, core.CollectionNameSuperusers, nil)
	owner.SetEmail("owner@clinic.example")
	owner.SetPassword("correct horse battery")
	ok(t, app.Save(owner))
	token, base := must(owner.NewAuthToken()), serve(t, app)
	repair := breakLog(t, app)
	for _, r := range [][2]string{{"GET", "/api/settings"}, {"GET", "/api/collections"}, {"GET", "/api/logs"}, {"GET", "/api/crons"}, {"POST", "/api/backups"},
		{"POST", "/api/crons/anteroom_forget_idempotency_keys"}, {"GET", "/api/collections/locations/records"}} {
		code, answer := call(t, r[0], base+r[1], token, map[string]any{"name": "x.zip"})
		equal(t, r[1], code, 503)
		if len(answer) > 3 {
			t.Errorf("%s: %v", r[1], answer)
		}
	}
	name := app.Settings().Meta.AppName
	code, _ := call(t, "PATCH", base+"/api/settings", token, map[string]any{"meta": map[string]any{"appName": "Other", "appURL": "https://x.example", "senderName": "x", "senderAddress": "x@x.example"}})
	if code < 400 || app.Settings().Meta.AppName != name {
		t.Errorf("settings: %d, %s", code, app.Settings().Meta.AppName)
	}
	code, _ = call(t, "POST", base+"/api/collections", token, map[string]any{"name": "letters", "type": "base"})
	if _, err := app.FindCollectionByNameOrId("letters"); code < 400 || err == nil {
		t.Errorf("a collection: %d %v", code, err)
	}
	repair()
	files := must(app.NewBackupsFilesystem())
	defer files.Close()
	equal(t, "backups", len(must(files.List(""))), 0)
}

// A start that ran migrations says which, and one that ran none says nothing.
func TestMigrationsLeaveALine(t *testing.T) {
	app := bareApp(t)
	ok(t, Migrate(app, app.RunAllMigrations))
	all := lines(t, app)
	last := all[len(all)-1]
	equal(t, "line", last.ActorKind+" "+last.Action, "system SCHEMA_CHANGED")
	if !strings.Contains(last.Details, "1700000900_audit.go") && !strings.Contains(last.Details, `"migrations":`) {
		t.Errorf("details: %s", last.Details)
	}
	equal(t, "again", len(newLines(t, app, func() { ok(t, Migrate(app, app.RunAllMigrations)) })), 0)
}
