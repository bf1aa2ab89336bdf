package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/hooks/kernel"
)

// fill writes n lines in one transaction.
func fill(t testing.TB, app core.App, n int) {
	t.Helper()
	entries := make([]Entry, n)
	for i := range entries {
		entries[i] = EntryFor(desk, ViewAppointment, Appointment, fmt.Sprintf("appointment%04d", i))
		entries[i].Client = "client000000001"
		entries[i].Details = Details{"n": i}
	}
	ok(t, app.RunInTransaction(func(tx core.App) error { return Append(tx, entries...) }))
}

// Raw SQL, and with it whatever has the database in hand without dropping triggers first, can only append.
func TestTheTableIsAppendOnly(t *testing.T) {
	app := newApp(t)
	fill(t, app, 5)
	before := verify(t, app)
	columns := strings.Join(textColumns, ", ")
	from3 := " FROM portal_audit_log WHERE seq = 3"
	for name, query := range map[string]string{
		"update":             "UPDATE portal_audit_log SET actor_id = 'x' WHERE seq = 3",
		"update of nothing":  "UPDATE portal_audit_log SET actor_id = actor_id WHERE seq = 3",
		"update or replace":  "UPDATE OR REPLACE portal_audit_log SET seq = 2 WHERE seq = 3",
		"update or ignore":   "UPDATE OR IGNORE portal_audit_log SET actor_id = 'x' WHERE seq = 3",
		"delete":             "DELETE FROM portal_audit_log WHERE seq = 3",
		"delete the last":    "DELETE FROM portal_audit_log WHERE seq = (SELECT max(seq) FROM portal_audit_log)",
		"delete all":         "DELETE FROM portal_audit_log",
		"insert or replace":  "INSERT OR REPLACE INTO portal_audit_log SELECT *" + from3,
		"replace":            "REPLACE INTO portal_audit_log SELECT *" + from3,
		"insert or ignore":   "INSERT OR IGNORE INTO portal_audit_log (seq, " + columns + ", prev, hash) SELECT 9, " + columns + ", prev, hash" + from3,
		"upsert":             "INSERT INTO portal_audit_log SELECT *" + from3 + " ON CONFLICT(seq) DO UPDATE SET actor_id = 'x'",
		"a gap":              "INSERT INTO portal_audit_log (seq, " + columns + ", prev, hash) SELECT 999999, " + columns + ", prev, hash" + from3,
		"no number":          "INSERT INTO portal_audit_log (" + columns + ", prev, hash) SELECT " + columns + ", prev, hash" + from3,
		"number zero":        "INSERT INTO portal_audit_log (seq, " + columns + ", prev, hash) SELECT 0, " + columns + ", prev, hash" + from3,
		"beside the chain":   "INSERT INTO portal_audit_log (seq, " + columns + ", prev, hash) SELECT (SELECT max(seq) + 1 FROM portal_audit_log), " + columns + ", prev, hash" + from3,
		"through a transfer": "INSERT INTO portal_audit_log SELECT * FROM portal_audit_log",
	} {
		err := exec(app, query)
		if err == nil || !strings.Contains(err.Error(), "append-only") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, set := range map[string]string{
		"an unknown result": "'maybe' AS result", "a short hash": "x'00' AS hash", "details that are not JSON": "'{broken' AS details"} {
		column := set[strings.LastIndex(set, " ")+1:]
		list := strings.Replace(columns+", prev, hash", column, set, 1)
		list = strings.Replace(list, "prev, ", "(SELECT hash FROM portal_audit_log ORDER BY seq DESC LIMIT 1), ", 1)
		err := exec(app, "INSERT INTO portal_audit_log (seq, "+columns+", prev, hash) SELECT (SELECT max(seq) + 1 FROM portal_audit_log), "+list+from3)
		contains(t, name, err, "constraint failed")
	}
	equal(t, "head", verify(t, app), before)
}

// PocketBase's own doors do not reach the table.
func TestDoorsOfPocketBase(t *testing.T) {
	app := newApp(t)
	fill(t, app, 3)
	owner := record(t, app, core.CollectionNameSuperusers, nil)
	owner.SetEmail("owner@clinic.example")
	owner.SetPassword("correct horse battery")
	ok(t, app.Save(owner))
	token, base := must(owner.NewAuthToken()), serve(t, app)
	before := verify(t, app)
	code, _ := call(t, "POST", base+"/api/collections", token, map[string]any{"name": table, "type": "base"})
	equal(t, "a collection of that name", code, 400)
	code, _ = call(t, "DELETE", base+"/api/collections/"+table+"/truncate", token, nil)
	equal(t, "truncate", code, 404)
	code, _ = call(t, "POST", base+"/api/sql", token, map[string]any{"query": "DELETE FROM " + table})
	if code < 400 {
		t.Errorf("SQL console: %d", code)
	}
	var all []map[string]any
	for _, c := range must(app.FindAllCollections()) {
		var m map[string]any
		ok(t, json.Unmarshal(must(json.Marshal(c)), &m))
		all = append(all, m)
	}
	ok(t, app.ImportCollections(all, true))
	_, err := Verify(context.Background(), sqlDB(app), before)
	ok(t, err)
	equal(t, "lines kept", verify(t, app).Seq >= before.Seq, true)
}

// Whoever takes the triggers away first is found out, and the line is named.
func TestVerifyFindsTampering(t *testing.T) {
	app := newApp(t)
	fill(t, app, 10)
	for name, c := range map[string]struct{ query, says string }{
		"a line removed":    {"DELETE FROM portal_audit_log WHERE seq = 5", "line 5 is missing"},
		"the first removed": {"DELETE FROM portal_audit_log WHERE seq = 1", "line 1 is missing"},
		"lines swapped":     {"UPDATE portal_audit_log SET seq = 100 WHERE seq = 4; UPDATE portal_audit_log SET seq = 4 WHERE seq = 5; UPDATE portal_audit_log SET seq = 5 WHERE seq = 100", "line 4 does not match"},
		"a hash changed":    {"UPDATE portal_audit_log SET hash = zeroblob(32) WHERE seq = 6", "line 6 does not match"},
		"a prev changed":    {"UPDATE portal_audit_log SET prev = zeroblob(32) WHERE seq = 6", "line 6 does not match"},
		"text moved over":   {"UPDATE portal_audit_log SET actor_kind = actor_kind || substr(actor_id, 1, 1), actor_id = substr(actor_id, 2) WHERE seq = 7", "line 7 does not match"},
		"a line inserted":   {"UPDATE portal_audit_log SET seq = -seq WHERE seq > 7; INSERT INTO portal_audit_log SELECT 8, " + strings.Join(textColumns, ", ") + ", hash, hash FROM portal_audit_log WHERE seq = 7; UPDATE portal_audit_log SET seq = 1 - seq WHERE seq < 0", "line 8 does not match"},
	} {
		t.Run(name, func(t *testing.T) { tamper(t, app, c.query, c.says) })
	}
	for _, column := range textColumns {
		t.Run(column+" changed", func(t *testing.T) {
			value := "'x'"
			switch column {
			case "result":
				value = "'failed'"
			case "details":
				value = "'{}'"
			}
			tamper(t, app, "UPDATE portal_audit_log SET "+column+" = "+value+" WHERE seq = 5", "line 5 does not match")
		})
	}
}

var withoutTriggers = []string{"DROP TRIGGER portal_audit_log_append", "DROP TRIGGER portal_audit_log_update", "DROP TRIGGER portal_audit_log_delete"}

// tamper changes the table in a transaction that Verify reads and that is rolled back.
func tamper(t *testing.T, app core.App, query, says string) {
	t.Helper()
	tx, err := app.NonconcurrentDB().(*dbx.DB).DB().Begin()
	ok(t, err)
	defer func() { _ = tx.Rollback() }()
	for _, q := range append(slices.Clone(withoutTriggers), query) {
		_, err := tx.Exec(q)
		ok(t, err)
	}
	_, err = Verify(context.Background(), tx)
	contains(t, "verify", err, says)
	if !errors.Is(err, ErrBroken) {
		t.Errorf("%v is not ErrBroken", err)
	}
}

// A log cut off at its end is an intact, shorter chain; a head noted earlier finds it.
func TestNotedHeads(t *testing.T) {
	app := newApp(t)
	fill(t, app, 3)
	early := verify(t, app)
	fill(t, app, 3)
	late := verify(t, app)
	ctx, db := context.Background(), sqlDB(app)
	_, err := Verify(ctx, db, Head{}, early, late)
	ok(t, err)
	_, err = Verify(ctx, db, Head{Seq: early.Seq, Hash: late.Hash})
	contains(t, "another line", err, "is not the one that was noted")

	for _, q := range append(slices.Clone(withoutTriggers), fmt.Sprintf("DELETE FROM portal_audit_log WHERE seq > %d", late.Seq-2)) {
		ok(t, exec(app, q))
	}
	head, err := Verify(ctx, db, early)
	ok(t, err)
	equal(t, "shorter", head.Seq, late.Seq-2)
	_, err = Verify(ctx, db, early, late)
	contains(t, "cut off", err, fmt.Sprintf("line %d was noted", late.Seq))

	again, err := ParseHead(late.String())
	ok(t, err)
	equal(t, "parsed", again, late)
	for _, s := range []string{"", "5", "5:", "x:" + late.String()[2:], "-1:" + strings.Repeat("0", 64), "5:" + strings.Repeat("0", 63), "5:" + strings.Repeat("z", 64)} {
		if _, err := ParseHead(s); err == nil {
			t.Errorf("head %q was accepted", s)
		}
	}
}

func TestHashKeepsColumnsApart(t *testing.T) {
	a, b := make([]string, len(textColumns)), make([]string, len(textColumns))
	a[1], a[2] = "ab", "c"
	b[1], b[2] = "a", "bc"
	if (Head{}).next(a) == (Head{}).next(b) {
		t.Error("two lines have one hash")
	}
	if (Head{Seq: 1}).next(a).Hash == (Head{Seq: 2}).next(a).Hash {
		t.Error("the number is not hashed")
	}
}

// 200 writes and 200 reads at once, some of them from a second process: one intact chain, nothing lost.
func TestOneChainUnderParallelWritesAndReads(t *testing.T) {
	app := newApp(t)
	before := len(lines(t, app))
	other := must(kernel.DBConnect(filepath.Join(app.DataDir(), "data.db"))) // a command line beside the server
	defer other.Close()
	second := core.NewBaseApp(core.BaseAppConfig{DataDir: app.DataDir(), DBConnect: kernel.DBConnect})
	kernel.Bind(second, kernel.Config{})
	Bind(second)
	ok(t, second.Bootstrap())
	defer func() { _ = second.ResetBootstrapState() }()

	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			if err := app.Save(record(t, app, "locations", map[string]any{"name": fmt.Sprint(i), "time_zone": "UTC"})); err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() {
			if err := Read(app, EntryFor(desk, ViewAppointment, Appointment, fmt.Sprint(i))); err != nil {
				t.Error(err)
			}
		})
	}
	for i := range 20 {
		wg.Go(func() {
			if err := Read(second, EntryFor(desk, ViewAppointment, Appointment, fmt.Sprint("second ", i))); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	equal(t, "rows", count(t, app, "locations"), 200)
	equal(t, "lines", len(lines(t, app))-before, 420)
	seen := map[string]bool{}
	for _, l := range lines(t, app)[before:] {
		if seen[l.Action+l.ResourceID] {
			t.Errorf("twice: %s %s", l.Action, l.ResourceID)
		}
		seen[l.Action+l.ResourceID] = true
	}
	verify(t, app)
}

// A second process that writes between our transaction's read of the head and its line waits; neither fails.
func TestSecondProcessInTheMiddle(t *testing.T) {
	app := newApp(t)
	other := must(kernel.DBConnect(filepath.Join(app.DataDir(), "data.db")))
	defer other.Close()
	done := make(chan error, 1)
	ok(t, app.RunInTransaction(func(tx core.App) error {
		equal(t, "locations", count(t, tx, "locations"), 0)
		go func() {
			_, err := other.NewQuery("INSERT INTO locations (id, name, time_zone) VALUES ('otherotherother', 'x', 'UTC')").Execute()
			done <- err
		}()
		time.Sleep(100 * time.Millisecond) // long enough for the other to have met the lock
		return Append(tx, EntryFor(desk, ViewPHI, Client, "x"))
	}))
	ok(t, <-done)
	verify(t, app)
}

func TestExport(t *testing.T) {
	app := newApp(t)
	fill(t, app, 2)
	ok(t, Read(app, Entry{Actor: kernel.System(), Action: ViewPHI}))
	var out bytes.Buffer
	head, err := Export(context.Background(), sqlDB(app), &out)
	ok(t, err)
	equal(t, "head", head, verify(t, app))
	text := strings.Split(strings.TrimSpace(out.String()), "\n")
	equal(t, "lines", len(text), len(lines(t, app)))
	for i, s := range text {
		var l struct {
			Seq     int64           `json:"seq"`
			Action  string          `json:"action"`
			Details json.RawMessage `json:"details"`
			Hash    string          `json:"hash"`
			Prev    string          `json:"prev"`
		}
		ok(t, json.Unmarshal([]byte(s), &l))
		equal(t, "seq", l.Seq, int64(i+1))
		equal(t, "hash", len(l.Hash)+len(l.Prev), 128)
	}
	last, before := text[len(text)-1], text[len(text)-2]
	equal(t, "no details", strings.Contains(last, `"details":""`), true)
	equal(t, "details", strings.Contains(before, `"details":{"n":1}`), true)
	equal(t, "hash", strings.Contains(last, fmt.Sprintf(`"hash":"%x"`, head.Hash)), true)

	// a broken log is exported as it is
	for _, q := range append(slices.Clone(withoutTriggers), "DELETE FROM portal_audit_log WHERE seq = 1") {
		ok(t, exec(app, q))
	}
	out.Reset()
	_, err = Export(context.Background(), sqlDB(app), &out)
	ok(t, err)
	equal(t, "lines", strings.Count(out.String(), "\n"), len(text)-1)
	full := &fullDisk{}
	if _, err = Export(context.Background(), sqlDB(app), full); !errors.Is(err, errFull) {
		t.Errorf("full disk: %v", err)
	}
}

var errFull = errors.New("disk full")

type fullDisk struct{}

func (*fullDisk) Write([]byte) (int, error) { return 0, errFull }

func TestCommand(t *testing.T) {
	app := newApp(t)
	fill(t, app, 3)
	head := verify(t, app)
	run := func(args ...string) (string, error) {
		cmd := Command(app)
		var out bytes.Buffer
		cmd.SetOut(&out)
		cmd.SetErr(&out)
		cmd.SetArgs(args)
		err := cmd.Execute()
		return out.String(), err
	}
	out, err := run("verify")
	ok(t, err)
	equal(t, "verify", out, fmt.Sprintf("The audit log is intact: %d lines, head %s\n", head.Seq, head))
	_, err = run("verify", "--head", head.String())
	ok(t, err)
	_, err = run("verify", "--head", "nonsense")
	contains(t, "malformed head", err, "--head nonsense")
	_, err = run("verify", "--head", "999:"+strings.Repeat("0", 64))
	contains(t, "a head that is not there", err, "line 999 was noted")

	file := filepath.Join(t.TempDir(), "audit.jsonl")
	_, err = run("export", file)
	ok(t, err)
	info := must(os.Stat(file))
	equal(t, "mode", info.Mode().Perm(), os.FileMode(0o600))
	equal(t, "lines", strings.Count(string(must(os.ReadFile(file))), "\n"), int(head.Seq)+1) // and the line of the export
	_, err = run("export", file)
	contains(t, "an existing file", err, "exists")
	_, err = run("export")
	contains(t, "no file named", err, "arg")

	for _, q := range append(slices.Clone(withoutTriggers), "UPDATE portal_audit_log SET ip = '' WHERE seq = 2") {
		ok(t, exec(app, q))
	}
	_, err = run("verify")
	contains(t, "tampered", err, "line 2 does not match its hash")
	ok(t, exec(app, "DROP TABLE portal_audit_log"))
	_, err = run("verify")
	contains(t, "no log", err, "there is no audit log here")
	_, err = run("export", file+"2")
	contains(t, "no log", err, "there is no audit log here")
	if _, err := os.Stat(file + "2"); !os.IsNotExist(err) {
		t.Error("a refused export left a file")
	}
}

func BenchmarkVerify(b *testing.B) {
	app := newApp(b)
	const size = 100_000
	for range size / 10_000 {
		fill(b, app, 10_000)
	}
	b.ResetTimer()
	for b.Loop() {
		verify(b, app)
	}
	b.ReportMetric(float64(size)*float64(b.N)/b.Elapsed().Seconds(), "lines/s")
}

func BenchmarkAppend(b *testing.B) {
	app := newApp(b)
	for b.Loop() {
		fill(b, app, 100)
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/100, "us/line")
}
