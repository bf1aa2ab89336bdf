package hooks_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/pocketbase/dbx"
	validation "github.com/pocketbase/ozzo-validation/v4"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/hooks/kernel"
	"anteroom/hooks/testkit"
)

// The doors test. A rule that holds at one door only is a habit: every rule below says of every door, one by one,
// what the door answers to who tries to break the rule, or why nobody can come that way. docs/doors.md lists the same
// rules with the layer that holds each.

// door is a way in which something can be read or changed.
type door string

const (
	portalDoor     door = "portal"                  // /api/v1/portal, as the client
	deskDoor       door = "desk"                    // /api/v1/desk, as staff
	staffDoor      door = "record API as staff"     // PocketBase's record API: the dashboard of staff
	ownerDoor      door = "record API as the owner" // the same as a superuser, for whom no API rule is asked
	batchDoor      door = "batch"                   // POST /api/batch
	systemDoor     door = "save by the system"      // app.Save without a stamp: command line, cron, outbox
	stampedDoor    door = "save by somebody"        // app.Save stamped with an actor: what every endpoint does
	unvalidateDoor door = "save without validation" // app.SaveNoValidate, which skips OnRecordValidate
	truncateDoor   door = "truncate"                // the dashboard's button
	consoleDoor    door = "SQL console"             // POST /api/sql
	sqlDoor        door = "raw SQL"                 // a statement on the writing connection
)

var allDoors = []door{portalDoor, deskDoor, staffDoor, ownerDoor, batchDoor, systemDoor, stampedDoor, unvalidateDoor,
	truncateDoor, consoleDoor, sqlDoor}

// rule is an invariant and what each door does about it.
type rule struct {
	name  string                // as docs/doors.md names it
	mode  kernel.Mode           // empty: dev, where most is open
	given func(w *world)        // what there is to harm
	also  func(w *world) string // what must not change either, beside what state looks at
	doors map[door]cell
}

// cell is what is known of one door: attempts with their answers, or why there is nothing to attempt.
type cell struct {
	notADoor string
	tries    []try
}

// try is one attempt. Its answer is compared as said writes it. Afterwards nothing has changed, unless held is given:
// then the door lets the attempt in, and held tells how the rule came to harm ("" when it did not).
type try struct {
	what, answer string
	do           func(w *world) any
	held         func(w *world) string
}

func notADoor(reason string) cell { return cell{notADoor: reason} }
func attempts(tries ...try) cell  { return cell{tries: tries} }
func among(list ...[]try) cell    { return cell{tries: slices.Concat(list...)} }

// with joins parts of a row.
func with(parts ...map[door]cell) map[door]cell {
	all := map[door]cell{}
	for _, p := range parts {
		maps.Copy(all, p)
	}
	return all
}

// shut are the doors that are closed to everybody, tried as the owner and as an administrator with what would harm
// this rule. The statement is also what the console is asked to run.
func shut(table, statement string) map[door]cell {
	closed := func(what string, send func(w *world, email string) any) cell {
		var c cell
		for _, email := range []string{testkit.OwnerEmail, testkit.AdminEmail} {
			c.tries = append(c.tries, try{email + " " + what, "403 CLOSED", func(w *world) any { return send(w, email) }, nil})
		}
		return c
	}
	return map[door]cell{
		batchDoor: closed("sends a batch", func(w *world, email string) any {
			return w.api("POST", "/api/batch", email, map[string]any{"requests": []any{
				map[string]any{"method": "DELETE", "url": "/api/collections/" + table + "/records/" + testkit.Ada}}})
		}),
		truncateDoor: closed("truncates", func(w *world, email string) any {
			return w.api("DELETE", "/api/collections/"+table+"/truncate", email, nil)
		}),
		consoleDoor: closed("runs it", func(w *world, email string) any {
			return w.api("POST", "/api/sql", email, map[string]any{"query": w.fill(statement)})
		}),
	}
}

// world is one clinic with what a rule is about.
type world struct {
	*testkit.Clinic
	t    *testing.T
	also func(w *world) string
	id   map[string]string // what given made, by a short name; {name} stands for it in paths, bodies and statements
}

func newWorld(t *testing.T, r rule) *world {
	t.Helper()
	w := &world{t: t, id: map[string]string{}, Clinic: testkit.With(t, func(c *kernel.Config) {
		if r.mode != "" {
			c.Mode = r.mode
		}
	})}
	// an owner who likes batches has switched them on: the door must be shut by us
	w.App.Settings().Batch.Enabled = true
	if err := w.App.Save(w.App.Settings()); err != nil {
		t.Fatal(err)
	}
	if r.given != nil {
		r.given(w)
	}
	for _, email := range []string{testkit.AdaEmail, testkit.BoEmail, testkit.AnaEmail, testkit.DeskEmail, testkit.AdminEmail,
		testkit.BillingEmail, testkit.OwnerEmail} {
		w.As(t, email)
	}
	w.settle()
	w.also = r.also
	return w
}

// settle lets the outbox finish what it has to do, so that its work is not taken for an attempt's.
func (w *world) settle() {
	w.t.Helper()
	for was := ""; was != w.state(); {
		was = w.state()
		w.Deliver()
	}
}

// state is everything that a refused attempt must leave alone. Sessions are compared without their activity.
func (w *world) state() string {
	w.t.Helper()
	var sessions []string
	err := w.App.ConcurrentDB().NewQuery("SELECT id || owner || absolute_until || revoked_at || refresh_hash FROM portal_sessions ORDER BY id").Column(&sessions)
	if err != nil {
		w.t.Fatal(err)
	}
	state := w.Snapshot(w.t) + strings.Join(sessions, "\n")
	if w.also != nil {
		state += w.also(w)
	}
	return state
}

// written counts the rows that were ever written, audit lines taken off. While it stands still nothing has changed but
// the audit log, and a look at the whole state is spared: most attempts end long before the database.
func (w *world) written() (n int) {
	w.t.Helper()
	err := w.App.NonconcurrentDB().NewQuery("SELECT total_changes() - (SELECT max(seq) FROM portal_audit_log)").Row(&n)
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

var placeholder = regexp.MustCompile(`\{(\w+)\}`)

// fill writes the ids of what given made into a text.
func (w *world) fill(s string) string {
	return placeholder.ReplaceAllStringFunc(s, func(m string) string {
		id, ok := w.id[m[1:len(m)-1]]
		if !ok {
			w.t.Fatalf("nothing is called %s in %q", m, s)
		}
		return id
	})
}

func (w *world) filled(values map[string]any) map[string]any {
	out := maps.Clone(values)
	for k, v := range out {
		if s, ok := v.(string); ok {
			out[k] = w.fill(s)
		}
	}
	return out
}

func (w *world) api(method, path, email string, body any, headers ...string) *testkit.Response {
	w.t.Helper()
	token := ""
	if email != "" {
		token = w.As(w.t, email)
	}
	if m, ok := body.(map[string]any); ok {
		body = w.filled(m)
	}
	return w.Do(w.t, method, w.fill(path), token, body, headers...)
}

func (w *world) sql(statement string) error {
	_, err := w.App.NonconcurrentDB().NewQuery(w.fill(statement)).Execute()
	return err
}

// cell is the content of a column as it lies on the disk.
func (w *world) cell(table, column, key string) string {
	w.t.Helper()
	var s string
	if err := w.App.ConcurrentDB().Select(column).From(table).Where(dbx.HashExp{"id": w.fill(key)}).Row(&s); err != nil {
		w.t.Fatal(err)
	}
	return s
}

func (w *world) record(collection string, values map[string]any) *core.Record {
	w.t.Helper()
	col, err := w.App.FindCachedCollectionByNameOrId(collection)
	if err != nil {
		w.t.Fatal(err)
	}
	r := core.NewRecord(col)
	r.Load(w.filled(values))
	return r
}

func (w *world) changed(collection, key string, values map[string]any) *core.Record {
	w.t.Helper()
	r := w.Find(w.t, collection, w.fill(key))
	r.Load(w.filled(values))
	return r
}

// The attempts that most cells are made of. want is the answer.

func records(collection string) string { return "/api/collections/" + collection + "/records" }

// posts, patches and deletes go through the record API; key names the row.
func posts(emails []string, collection string, body map[string]any, want string) (out []try) {
	for _, email := range emails {
		out = append(out, try{email + " creates in " + collection, want, func(w *world) any {
			return w.api("POST", records(collection), email, body)
		}, nil})
	}
	return out
}

func patches(emails []string, collection, key string, body map[string]any, want string) (out []try) {
	for _, email := range emails {
		out = append(out, try{fmt.Sprintf("%s changes %s of %s", email, keysOf(body), collection), want, func(w *world) any {
			return w.api("PATCH", records(collection)+"/"+key, email, body)
		}, nil})
	}
	return out
}

func deletes(emails []string, collection, key, want string) (out []try) {
	for _, email := range emails {
		out = append(out, try{email + " deletes from " + collection, want, func(w *world) any {
			return w.api("DELETE", records(collection)+"/"+key, email, nil)
		}, nil})
	}
	return out
}

// creates, saves and erases go through the model, stamped with each of the actors.
func creates(actors []kernel.Actor, collection string, values map[string]any, want string) (out []try) {
	for _, a := range actors {
		out = append(out, try{whois(a) + " creates in " + collection, want, func(w *world) any {
			return kernel.SaveAs(w.App, a, w.record(collection, values))
		}, nil})
	}
	return out
}

func saves(actors []kernel.Actor, collection, key string, values map[string]any, want string) (out []try) {
	for _, a := range actors {
		out = append(out, try{fmt.Sprintf("%s changes %s of %s", whois(a), keysOf(values), collection), want, func(w *world) any {
			return kernel.SaveAs(w.App, a, w.changed(collection, key, values))
		}, nil})
	}
	return out
}

func erases(actors []kernel.Actor, collection, key, want string) (out []try) {
	for _, a := range actors {
		out = append(out, try{whois(a) + " deletes from " + collection, want, func(w *world) any {
			return kernel.DeleteAs(w.App, a, w.Find(w.t, collection, w.fill(key)))
		}, nil})
	}
	return out
}

// unvalidated changes and unvalidatedNew creates, as the most trusted actor there is: the system, unless by is given.
func unvalidated(collection, key string, values map[string]any, want string, by ...kernel.Actor) try {
	return try{fmt.Sprintf("unvalidated change of %s of %s", keysOf(values), collection), want, func(w *world) any {
		r := w.changed(collection, key, values)
		for _, a := range by {
			kernel.Stamp(r, a)
		}
		return w.App.SaveNoValidate(r)
	}, nil}
}

func unvalidatedNew(collection string, values map[string]any, want string, by ...kernel.Actor) try {
	return try{"unvalidated creation in " + collection, want, func(w *world) any {
		r := w.record(collection, values)
		for _, a := range by {
			kernel.Stamp(r, a)
		}
		return w.App.SaveNoValidate(r)
	}, nil}
}

func runs(statement, want string) try {
	return try{statement, want, func(w *world) any { return w.sql(statement) }, nil}
}

// inserts copies a row under changed columns (SQL expressions). verb is INSERT or INSERT OR REPLACE.
func inserts(verb, table, key string, changes map[string]string, want string) try {
	return try{fmt.Sprintf("%s INTO %s a copy with other %s", verb, table, keysOf(changes)), want, func(w *world) any {
		var columns []string
		if err := w.App.ConcurrentDB().NewQuery("SELECT name FROM pragma_table_info({:t})").Bind(dbx.Params{"t": table}).Column(&columns); err != nil {
			w.t.Fatal(err)
		}
		values := slices.Clone(columns)
		for i, c := range columns {
			columns[i], values[i] = "`"+c+"`", "`"+c+"`"
			if x, ok := changes[c]; ok {
				values[i] = x
			}
		}
		return w.sql(verb + " INTO " + table + " (" + strings.Join(columns, ", ") + ") SELECT " + strings.Join(values, ", ") +
			" FROM " + table + " WHERE id = '" + key + "'")
	}, nil}
}

func keysOf[V any](m map[string]V) string { return strings.Join(slices.Sorted(maps.Keys(m)), ", ") }

func whois(a kernel.Actor) string { return strings.TrimSpace(a.Kind + " " + a.Role) }

// Actors as the doors stamp them.
var (
	adaActor     = kernel.Actor{Kind: kernel.KindClient, ID: testkit.AdaLogin, Client: testkit.Ada}
	boActor      = kernel.Actor{Kind: kernel.KindClient, ID: testkit.BoLogin, Client: testkit.Bo}
	deskActor    = kernel.Actor{Kind: kernel.KindStaff, ID: testkit.DeskStaff, Role: kernel.RoleFrontDesk}
	anaActor     = kernel.Actor{Kind: kernel.KindStaff, ID: testkit.AnaStaff, Role: kernel.RoleClinician}
	adminActor   = kernel.Actor{Kind: kernel.KindStaff, ID: testkit.Admin, Role: kernel.RoleAdmin}
	billingActor = kernel.Actor{Kind: kernel.KindStaff, ID: testkit.Billing, Role: kernel.RoleBilling}
	ownerActor   = kernel.Actor{Kind: kernel.KindOwner, ID: "ownerowner00000"}
	guestActor   = kernel.Actor{Kind: kernel.KindGuest}
	processor    = kernel.Actor{Kind: kernel.KindProcessor, ID: "test"}

	system   = []kernel.Actor{kernel.System()}
	allStaff = []string{testkit.DeskEmail, testkit.AnaEmail, testkit.AdminEmail, testkit.BillingEmail}
	owner    = []string{testkit.OwnerEmail}
)

// said writes an answer down: the status and what stands in it of codes, or an error's own codes. A refusal of the
// database begins with "sql: ".
func said(answer any) string {
	switch v := answer.(type) {
	case nil:
		return "done"
	case string:
		return v
	case error:
		return saidByModel(v)
	case *testkit.Response:
		return saidByServer(v)
	}
	return fmt.Sprintf("an answer of type %T", answer)
}

var refusedBySQL = regexp.MustCompile(`constraint failed: (.*) \(\d+\)`)

func saidByModel(err error) string {
	var ours *kernel.Error
	if errors.As(err, &ours) {
		if ours.Reason != "" {
			return ours.Reason
		}
		return ours.Code
	}
	var fields validation.Errors
	if errors.As(err, &fields) {
		var parts []string
		for name, e := range fields {
			var v validation.Error
			if !errors.As(e, &v) {
				return err.Error()
			}
			parts = append(parts, name+":"+strings.TrimPrefix(v.Code(), "validation_"))
		}
		sort.Strings(parts)
		return strings.Join(parts, " ")
	}
	if m := refusedBySQL.FindStringSubmatch(err.Error()); m != nil {
		return "sql: " + m[1]
	}
	return err.Error()
}

func saidByServer(r *testkit.Response) string {
	type field struct{ Code string }
	var body struct {
		Data  map[string]json.RawMessage // PocketBase: fields by name
		Error struct {                   // ours
			Code    string
			Details struct {
				Reason string
				Fields map[string]field
			}
		}
	}
	out := []string{fmt.Sprint(r.Status)}
	if r.Status < 400 || json.Unmarshal(r.Body, &body) != nil {
		return out[0]
	}
	if code := body.Error.Details.Reason; code != "" {
		out = append(out, code)
	} else if body.Error.Code != "" {
		out = append(out, body.Error.Code)
	}
	fields := body.Error.Details.Fields
	if fields == nil {
		fields = map[string]field{}
	}
	for name, raw := range body.Data {
		var f field
		if json.Unmarshal(raw, &f) == nil {
			fields[name] = f
		}
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		out = append(out, name+":"+strings.TrimPrefix(fields[name].Code, "validation_"))
	}
	return strings.Join(out, " ")
}

// allRules is the table.
func allRules() []rule {
	return slices.Concat(schedulingRules(), formRules(), moneyRules(), recordRules(), accessRules(), peopleRules(), privacyRules(), identityRules(), factorRules(), fileRules())
}

func TestDoors(t *testing.T) {
	for _, r := range allRules() {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, r)
			before, count := w.state(), w.written()
			for _, d := range allDoors {
				for _, a := range r.doors[d].tries {
					t.Run(string(d)+": "+a.what, func(t *testing.T) {
						w.t = t
						if got := said(a.do(w)); got != a.answer {
							t.Errorf("answered %q, want %q", got, a.answer)
						}
						if a.held != nil {
							if harm := a.held(w); harm != "" {
								t.Error("the rule is broken:", harm)
							}
							w.settle()
							before, count = w.state(), w.written()
							return
						}
						if w.written() == count {
							return
						}
						after := w.state()
						if after != before {
							t.Errorf("something changed:\n%s", difference(before, after))
						}
						before, count = after, w.written()
					})
				}
			}
		})
	}
}

// TestDoorsAreAllDecided: who adds a rule decides every door, in words or by attempts.
func TestDoorsAreAllDecided(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range allRules() {
		if seen[r.name] || r.name == "" {
			t.Errorf("the name %q is taken or empty", r.name)
		}
		seen[r.name] = true
		tried := 0
		for _, d := range allDoors {
			c, decided := r.doors[d]
			tried += len(c.tries)
			if !decided || (c.notADoor == "") == (len(c.tries) == 0) {
				t.Errorf("%s: %s is neither tried nor explained, or both", r.name, d)
			}
			if c.notADoor != "" && len(strings.Fields(c.notADoor)) < 4 {
				t.Errorf("%s: %q does not explain why %s is no door", r.name, c.notADoor, d)
			}
		}
		if tried < 4 || len(r.doors) != len(allDoors) {
			t.Errorf("%s: %d attempts, %d doors", r.name, tried, len(r.doors))
		}
	}
}

// TestDoorsTryEveryTrigger: what the database refuses is shown to be refused. Each trigger has one sentence, and some
// attempt of the table is answered with it.
func TestDoorsTryEveryTrigger(t *testing.T) {
	c := testkit.New(t)
	var sources []struct{ Name, SQL string }
	if err := c.App.ConcurrentDB().Select("name", "sql").From("sqlite_master").Where(dbx.HashExp{"type": "trigger"}).All(&sources); err != nil {
		t.Fatal(err)
	}
	answers := map[string]bool{}
	for _, r := range allRules() {
		for _, cell := range r.doors {
			for _, a := range cell.tries {
				answers[a.answer] = true
			}
		}
	}
	sentence := regexp.MustCompile(`RAISE\(ABORT, '((?:[^']|'')+)'\)`)
	for _, s := range sources {
		for _, m := range sentence.FindAllStringSubmatch(s.SQL, -1) {
			if !answers["sql: "+strings.ReplaceAll(m[1], "''", "'")] {
				t.Errorf("no attempt is answered by trigger %s with %q", s.Name, m[1])
			}
		}
	}
	if len(sources) < 30 {
		t.Errorf("only %d triggers found", len(sources))
	}
}

type uniqueIndex struct {
	Table   string `db:"tbl_name"`
	Name    string `db:"name"`
	SQL     string `db:"sql"`
	columns []string
}

// uniqueIndexes are those that migrations of ours made.
func uniqueIndexes(t *testing.T, c *testkit.Clinic) []uniqueIndex {
	t.Helper()
	var all []uniqueIndex
	err := c.App.ConcurrentDB().NewQuery("SELECT tbl_name, name, sql FROM sqlite_master WHERE type = 'index' AND name GLOB 'idx_[a-z]*' " +
		"AND upper(sql) LIKE 'CREATE UNIQUE%' AND substr(tbl_name, 1, 1) <> '_' ORDER BY name").All(&all)
	if err != nil {
		t.Fatal(err)
	}
	out := all[:0]
	for _, x := range all {
		if err := c.App.ConcurrentDB().NewQuery("SELECT name FROM pragma_index_info({:i})").Bind(dbx.Params{"i": x.Name}).Column(&x.columns); err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(x.columns, "tokenKey") && !slices.Contains(x.columns, "email") { // PocketBase's own
			out = append(out, x)
		}
	}
	return out
}

// TestDoorsTryEveryUniqueIndex copies a row of each table that has one: the copy is refused for that index's columns,
// the others being made different.
func TestDoorsTryEveryUniqueIndex(t *testing.T) {
	w := newWorld(t, rule{given: func(w *world) {
		visits(w)
		signed(w)
		owed(w)
		proofs(w)
		w.Add(t, "account_tokens", map[string]any{"portal_user": testkit.AdaLogin, "purpose": "verify_email", "link_hash": "x", "expires_at": slot})
		w.Add(t, "invoices", map[string]any{"client": testkit.Ada, "status": "draft", "appointment": w.id["adas"], "purpose": "deposit"})
		w.Add(t, "waitlist_entries", map[string]any{"client": testkit.Ada, "service": testkit.Therapy, "status": "waiting"})
		w.Add(t, "staff_notifications", map[string]any{"notification_type": "x", "link": "/_/", "cause": "a cause"})
		calendars(w)
		if r := w.api("POST", kernel.Portal+"/auth/login", "", map[string]any{"email": testkit.AdaEmail, "password": testkit.Password}); r.Status != 200 {
			t.Fatal(string(r.Body))
		}
	}})
	all := uniqueIndexes(t, w.Clinic)
	if len(all) < 15 {
		t.Fatalf("only %d unique indexes", len(all))
	}
	before := w.state()
	for _, x := range all {
		_, where, partial := strings.Cut(x.SQL, " WHERE ")
		if !partial {
			where = "TRUE"
		}
		var id string
		query := "SELECT id FROM " + x.Table + " WHERE " + where + w.fill(" ORDER BY id IN ('{open}', '{attempt}') DESC LIMIT 1")
		if err := w.App.ConcurrentDB().NewQuery(query).Row(&id); err != nil {
			t.Errorf("%s: no row to copy: %v", x.Name, err)
			continue
		}
		changes, same := map[string]string{"id": "'copycopycopy000'"}, []string{}
		for _, other := range all {
			for _, column := range other.columns {
				if other.Table == x.Table && !slices.Contains(x.columns, column) {
					changes[column] = "'other'"
				}
			}
		}
		for _, column := range x.columns {
			same = append(same, x.Table+"."+column)
		}
		if got, want := said(inserts("INSERT", x.Table, id, changes, "").do(w)), "sql: UNIQUE constraint failed: "+strings.Join(same, ", "); got != want {
			t.Errorf("%s: %s, want %s", x.Name, got, want)
		}
	}
	if w.state() != before {
		t.Error("something changed")
	}
}
