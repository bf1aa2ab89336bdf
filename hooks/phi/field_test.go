package phi

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"
	"github.com/pocketbase/pocketbase/tools/types"
)

// The record API gives plaintext to whom the rules admit, through every way it answers, and the column holds none.
func TestRecordAPI(t *testing.T) {
	app, ring := newApp(t)
	app.Settings().Batch.Enabled = true
	ok(t, app.Save(app.Settings()))
	anna := create(t, app, "clients", map[string]any{"name": "Anna", "medical_history": map[string]any{"allergies": []string{"latex"}}})
	clinician, desk := tokenFor(t, app, "clinician"), tokenFor(t, app, "front_desk")
	base := serve(t, app)
	records := base + "/api/collections/notes/records"

	events := subscribe(t, base, clinician, "notes/*")
	var enriched []string
	app.OnRecordEnrich("notes").BindFunc(func(e *core.RecordEnrichEvent) error {
		enriched = append(enriched, e.Record.GetString("body"))
		return e.Next()
	})

	code, made := call(t, "POST", records, clinician, map[string]any{
		"client": anna.Id, "body": "sleeps badly", "answers": map[string]any{"q1": 3}, "memo": "clinic's own", "secret": "not settable"})
	equal(t, "create", code, 200)
	equal(t, "answer to create", made["body"], any("sleeps badly"))
	if _, shown := made["secret"]; shown {
		t.Error("a hidden field was shown")
	}
	id := made["id"].(string)
	ok(t, app.Save(with(find(t, app, "notes", id), "secret", "hidden"))) // PocketBase lets only superusers set hidden fields
	if e := <-events; !strings.Contains(e, "sleeps badly") || strings.Contains(e, "secret") {
		t.Errorf("realtime on create: %s", e)
	}
	for _, column := range []string{"body", "answers", "memo", "secret"} {
		s := stored(t, app, "notes", id, column)
		if keyID, body, sealed := splitSealed(s); !sealed || !isKeyID(keyID) || !isBase64(body) {
			t.Errorf("%s holds %q", column, s)
		}
	}
	equal(t, "Anna's keys", keysOf(t, ring, anna.Id), 1)
	equal(t, "the clinic's keys", keysOf(t, ring, Clinic), 1)

	if e := <-events; !strings.Contains(e, "sleeps badly") || strings.Contains(e, "secret") {
		t.Errorf("realtime on update: %s", e)
	}
	code, seen := call(t, "GET", records+"/"+id+"?expand=client", clinician, nil)
	equal(t, "view", code, 200)
	equal(t, "viewed text", seen["body"], any("sleeps badly"))
	equal(t, "viewed json", fmt.Sprint(seen["answers"]), "map[q1:3]")
	if !strings.Contains(fmt.Sprint(seen["expand"]), "latex") {
		t.Error("expand did not carry the client's field: the package comment says that it does")
	}
	_, hits := call(t, "GET", records+"?filter="+"body~'sleeps'", clinician, nil)
	equal(t, "hits of a filter on plaintext", hits["totalItems"], any(float64(0)))
	if len(enriched) == 0 || enriched[0] != "sleeps badly" {
		t.Errorf("OnRecordEnrich saw %q", enriched)
	}

	code, _ = call(t, "POST", base+"/api/batch", clinician, map[string]any{"requests": []any{
		map[string]any{"method": "POST", "url": "/api/collections/notes/records", "body": map[string]any{"client": anna.Id, "body": "batch 1"}},
		map[string]any{"method": "POST", "url": "/api/collections/notes/records", "body": map[string]any{"client": anna.Id, "body": "batch 2"}}}})
	equal(t, "batch", code, 200)
	_, list := call(t, "GET", records, clinician, nil)
	equal(t, "notes", list["totalItems"], any(float64(3)))

	// who may not, gets nothing and leaves nothing: no row and no key
	bob := create(t, app, "clients", map[string]any{"name": "Bob"})
	code, _ = call(t, "POST", records, desk, map[string]any{"client": bob.Id, "body": "not allowed"})
	equal(t, "create by the desk", code, 400)
	equal(t, "Bob's keys", keysOf(t, ring, bob.Id), 0)
	code, _ = call(t, "GET", records+"/"+id, desk, nil)
	equal(t, "view by the desk", code, 404)

	// un-hidden for a role
	app.OnRecordEnrich("notes").BindFunc(func(e *core.RecordEnrichEvent) error {
		e.Record.Unhide("secret")
		return e.Next()
	})
	_, seen = call(t, "GET", records+"/"+id, clinician, nil)
	equal(t, "un-hidden", seen["secret"], any("hidden"))
}

func subscribe(t *testing.T, base, token, topic string) <-chan string {
	t.Helper()
	res, err := http.Get(base + "/api/realtime")
	ok(t, err)
	t.Cleanup(func() { res.Body.Close() })
	events := make(chan string, 16)
	go func() {
		lines := bufio.NewScanner(res.Body)
		for lines.Scan() {
			if data, found := strings.CutPrefix(lines.Text(), "data:"); found {
				events <- data
			}
		}
	}()
	var hello struct {
		ClientID string `json:"clientId"`
	}
	ok(t, json.Unmarshal([]byte(<-events), &hello))
	code, _ := call(t, "POST", base+"/api/realtime", token, map[string]any{"clientId": hello.ClientID, "subscriptions": []string{topic}})
	equal(t, "subscribe", code, 204)
	return events
}

// A random nonce must never look like a change.
func TestUntouchedValueKeepsItsBytes(t *testing.T) {
	app, _ := newApp(t)
	anna := create(t, app, "clients", map[string]any{"name": "Anna"})
	token := tokenFor(t, app, "clinician")
	url := serve(t, app) + "/api/collections/notes/records/"
	note := create(t, app, "notes", map[string]any{"client": anna.Id, "body": "one", "answers": map[string]any{"a": 1, "b": "x"}})
	body, answers := stored(t, app, "notes", note.Id, "body"), stored(t, app, "notes", note.Id, "answers")
	ok(t, app.Save(note)) // the record that created it
	changed := 0
	app.OnRecordUpdate("notes").BindFunc(func(e *core.RecordEvent) error {
		if e.Record.GetString("body") != e.Record.Original().GetString("body") {
			changed++
		}
		return e.Next()
	})

	for _, patch := range []map[string]any{
		{"plain": "other field"},
		{"body": "one"},
		{"answers": json.RawMessage(`{"b":"x", "a":1}`)},
	} {
		code, _ := call(t, "PATCH", url+note.Id, token, patch)
		equal(t, "patch", code, 200)
	}
	again := find(t, app, "notes", note.Id)
	again.Set("plain", "x")
	ok(t, app.Save(again))
	ok(t, app.Save(again))
	equal(t, "body", stored(t, app, "notes", note.Id, "body"), body)
	equal(t, "answers", stored(t, app, "notes", note.Id, "answers"), answers)
	equal(t, "changes seen", changed, 0)

	again.Set("body", "two")
	ok(t, app.Save(again))
	second := stored(t, app, "notes", note.Id, "body")
	if second == body {
		t.Error("a new value was not stored")
	}
	equal(t, "changes seen", changed, 1)
	ok(t, app.Save(again))
	equal(t, "body after a second save", stored(t, app, "notes", note.Id, "body"), second)
	equal(t, "original", again.Original().GetString("body"), "one")
	equal(t, "fresh", again.Fresh().GetString("body"), "two")
	equal(t, "clone", again.Clone().GetString("body"), "two")
}

func TestCiphertextFromACallerIsRefused(t *testing.T) {
	app, _ := newApp(t)
	anna := create(t, app, "clients", map[string]any{"name": "Anna"})
	token := tokenFor(t, app, "clinician")
	url := serve(t, app) + "/api/collections/notes/records/"
	note := create(t, app, "notes", map[string]any{"client": anna.Id, "body": "mine"})
	sealed := stored(t, app, "notes", note.Id, "body")

	code, answer := call(t, "PATCH", url+note.Id, token, map[string]any{"body": sealed})
	equal(t, "text", code, 400)
	equal(t, "text", fieldCode(answer, "body"), "validation_ciphertext")
	code, answer = call(t, "PATCH", url+note.Id, token, map[string]any{"answers": sealed})
	equal(t, "json", code, 400)
	equal(t, "json", fieldCode(answer, "answers"), "validation_ciphertext")
	equal(t, "stored", stored(t, app, "notes", note.Id, "body"), sealed)
	if err := app.SaveNoValidate(with(note, "body", sealed)); err == nil {
		t.Error("stored without validation")
	}

	code, answer = call(t, "PATCH", url+note.Id, token, map[string]any{"body": "e1.some honest text"})
	equal(t, "honest text", code, 200)
	equal(t, "honest text", answer["body"], any("e1.some honest text"))
}

func with(r *core.Record, field string, value any) *core.Record {
	r.Set(field, value)
	return r
}

func TestValidation(t *testing.T) {
	app, _ := newApp(t)
	anna := create(t, app, "clients", map[string]any{"name": "Anna"})
	token := tokenFor(t, app, "clinician")
	url := serve(t, app) + "/api/collections/notes/records"
	for name, c := range map[string]struct {
		body        map[string]any
		field, code string
	}{
		"empty required":     {map[string]any{"body": ""}, "body", "validation_required"},
		"missing required":   {map[string]any{}, "body", "validation_required"},
		"101 characters":     {map[string]any{"body": strings.Repeat("é", 101)}, "body", "validation_max_length"},
		"201 bytes of json":  {map[string]any{"body": "x", "answers": strings.Repeat("a", 199)}, "answers", "validation_max_length"},
		"an object as text":  {map[string]any{"body": map[string]any{"a": 1}}, "body", "validation_invalid_field_value"},
		"a list as text":     {map[string]any{"body": []int{1}}, "body", "validation_invalid_field_value"},
		"no owner":           {map[string]any{"body": "x", "client": ""}, "client", "validation_required"},
		"an owner not there": {map[string]any{"body": "x", "client": "nobodynobodynob"}, "client", "validation_missing_rel_records"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, given := c.body["client"]; !given {
				c.body["client"] = anna.Id
			}
			code, answer := call(t, "POST", url, token, c.body)
			equal(t, "status", code, 400)
			equal(t, "code", fieldCode(answer, c.field), c.code)
			equal(t, "rows", must(app.CountRecords("notes")), 0)
		})
	}
	code, answer := call(t, "POST", url, token, map[string]any{"client": anna.Id, "body": strings.Repeat("é", 100), "answers": nil})
	equal(t, "100 characters", code, 200)
	equal(t, "empty json", answer["answers"], nil)

	// what only our own code can do
	note := core.NewRecord(must(app.FindCollectionByNameOrId("notes")))
	note.Load(map[string]any{"client": anna.Id, "body": "x", "answers": []byte("{broken")})
	contains(t, "broken json", app.Save(note), "valid json")
	contains(t, "broken json, not validated", app.SaveNoValidate(note), "valid json")
}

// A multipart body carries JSON and markers as text.
func TestMultipart(t *testing.T) {
	app, _ := newApp(t)
	anna := create(t, app, "clients", map[string]any{"name": "Anna"})
	token := tokenFor(t, app, "clinician")
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for k, v := range map[string]string{"client": anna.Id, "body": "from a form", "answers": `{"q1":[1,2]}`} {
		ok(t, form.WriteField(k, v))
	}
	ok(t, form.Close())
	req := must(http.NewRequest("POST", serve(t, app)+"/api/collections/notes/records", &body))
	req.Header.Set("Content-Type", form.FormDataContentType())
	req.Header.Set("Authorization", token)
	code, made := send(t, req)
	equal(t, "create", code, 200)
	equal(t, "json", fmt.Sprint(made["answers"]), "map[q1:[1 2]]")
}

func TestPlaintextNeverReachesTheColumn(t *testing.T) {
	app, _ := newApp(t)
	anna := create(t, app, "clients", map[string]any{"name": "Anna"})
	note := create(t, app, "notes", map[string]any{"client": anna.Id, "body": "sealed"})
	before := stored(t, app, "notes", note.Id, "body")
	for _, text := range []string{"plain!", unsealed, "e1.", "e1.some.words", "e1.aaaaaaaaaaaaaaaa.the patient said that she does not sleep well at all",
		before[:20] + "." + strings.Repeat("x", 60) + " ", " " + before} {
		contains(t, "update to "+text, exec(app, "UPDATE notes SET body = {:v}", dbx.Params{"v": text}), "plaintext")
		contains(t, "insert of "+text, exec(app, "INSERT INTO notes (id, client, body) VALUES ('raw', {:c}, {:v})", dbx.Params{"c": anna.Id, "v": text}), "plaintext")
		contains(t, "replace by "+text, exec(app, "INSERT OR REPLACE INTO notes (id, client, body) VALUES ({:i}, {:c}, {:v})", dbx.Params{"i": note.Id, "c": anna.Id, "v": text}), "plaintext")
	}
	contains(t, "another field", exec(app, "UPDATE notes SET answers = 'plain'", nil), "plaintext")

	late := app.OnRecordUpdateExecute("notes").Bind(&hook.Handler[*core.RecordEvent]{Priority: 100, Func: func(e *core.RecordEvent) error {
		e.Record.Set("body", "set after sealing")
		return e.Next()
	}})
	contains(t, "a hook after sealing", app.Save(with(find(t, app, "notes", note.Id), "plain", "x")), "plaintext")
	app.OnRecordUpdateExecute("notes").Unbind(late)
	equal(t, "stored", stored(t, app, "notes", note.Id, "body"), before)

	// without validation and past the setter it is sealed all the same
	raw := core.NewRecord(note.Collection())
	raw.SetRaw("client", anna.Id)
	raw.SetRaw("body", "set raw")
	ok(t, app.SaveNoValidate(raw))
	equal(t, "set raw", find(t, app, "notes", raw.Id).GetString("body"), "set raw")
}

// One cell that does not belong where it lies is shown as damaged; everything around it is unaffected.
func TestMovedAndTamperedCells(t *testing.T) {
	app, _ := newApp(t)
	anna := create(t, app, "clients", map[string]any{"name": "Anna"})
	bob := create(t, app, "clients", map[string]any{"name": "Bob"})
	token := tokenFor(t, app, "clinician")
	records := serve(t, app) + "/api/collections/notes/records"
	good := create(t, app, "notes", map[string]any{"client": anna.Id, "body": "good", "answers": []int{1}})
	damaged := Unreadable{Damaged}

	for name, c := range map[string]struct{ query, field string }{
		"another row's":    {"UPDATE notes SET body = (SELECT body FROM notes WHERE id = {:good}) WHERE id = {:id}", "body"},
		"another field's":  {"UPDATE notes SET answers = body WHERE id = {:id}", "answers"},
		"a byte changed":   {"UPDATE notes SET body = substr(body, 1, 30) || CASE substr(body, 31, 1) WHEN 'A' THEN 'B' ELSE 'A' END || substr(body, 32) WHERE id = {:id}", "body"},
		"an unknown key":   {"UPDATE notes SET body = 'e1.aaaaaaaaaaaaaaaa' || substr(body, 20) WHERE id = {:id}", "body"},
		"cut short":        {"UPDATE notes SET body = substr(body, 1, length(body) - 1) WHERE id = {:id}", "body"},
		"another client's": {"UPDATE notes SET client = {:bob} WHERE id = {:id}", "body"},
		"nobody's":         {"UPDATE notes SET client = '' WHERE id = {:id}", "body"},
	} {
		t.Run(name, func(t *testing.T) {
			note := create(t, app, "notes", map[string]any{"client": anna.Id, "body": "text", "answers": []int{2}, "memo": "still here"})
			ok(t, exec(app, c.query, dbx.Params{"id": note.Id, "good": good.Id, "bob": bob.Id}))
			loaded := find(t, app, "notes", note.Id)
			equal(t, "value", loaded.Get(c.field), any(damaged))
			if _, err := Text(loaded, c.field); !errors.Is(err, ErrDamaged) {
				t.Errorf("Text: %v", err)
			}
			equal(t, "another field of the row", loaded.GetString("memo"), "still here")
			code, list := call(t, "GET", records+"?sort=-id&perPage=50", token, nil)
			equal(t, "list", code, 200)
			for _, item := range list["items"].([]any) {
				row := item.(map[string]any)
				if row["id"] == note.Id {
					equal(t, "in a list", fmt.Sprint(row[c.field]), "map[unreadable:damaged]")
				}
				if row["id"] == good.Id {
					equal(t, "the row beside it", row["body"], any("good"))
				}
			}
			// other fields can be edited, and the bytes stay for whoever repairs them
			before := stored(t, app, "notes", note.Id, c.field)
			if name != "nobody's" {
				code, _ = call(t, "PATCH", records+"/"+note.Id, token, map[string]any{"plain": "edited"})
				equal(t, "edit", code, 200)
			}
			equal(t, "bytes", stored(t, app, "notes", note.Id, c.field), before)
		})
	}

	t.Run("raw SQL cannot be laundered through a move", func(t *testing.T) {
		carol := create(t, app, "clients", map[string]any{"name": "Carol"})
		note := create(t, app, "notes", map[string]any{"client": anna.Id, "body": "Anna's"})
		ok(t, exec(app, "UPDATE notes SET client = {:bob} WHERE id = {:id}", dbx.Params{"id": note.Id, "bob": bob.Id}))
		code, answer := call(t, "PATCH", records+"/"+note.Id, token, map[string]any{"client": carol.Id})
		equal(t, "move", code, 400)
		equal(t, "move", fieldCode(answer, "body"), "validation_unreadable")
		equal(t, "client", find(t, app, "notes", note.Id).GetString("client"), bob.Id)
		code, answer = call(t, "PATCH", records+"/"+note.Id, token, map[string]any{"client": anna.Id})
		equal(t, "back to its owner", code, 200)
		equal(t, "back to its owner", answer["body"], any("Anna's"))
	})

	t.Run("a cell carried to another record in memory", func(t *testing.T) {
		a, b := find(t, app, "notes", good.Id), create(t, app, "notes", map[string]any{"client": anna.Id, "body": "b"})
		equal(t, "opened at home", a.GetString("body"), "good")
		b = find(t, app, "notes", b.Id)
		b.SetRaw("body", a.GetRaw("body"))
		equal(t, "carried", b.Get("body"), any(damaged))
		fresh := core.NewRecord(a.Collection())
		fresh.Set("client", anna.Id)
		fresh.SetRaw("body", a.GetRaw("body"))
		contains(t, "into a new record", app.Save(fresh), "unreadable")
	})
}

// A row that the API moves to another client is sealed anew under that client's key.
func TestMoveToAnotherClient(t *testing.T) {
	app, ring := newApp(t)
	anna := create(t, app, "clients", map[string]any{"name": "Anna"})
	bob := create(t, app, "clients", map[string]any{"name": "Bob"})
	token := tokenFor(t, app, "clinician")
	note := create(t, app, "notes", map[string]any{"client": anna.Id, "body": "moves", "answers": map[string]any{"a": 1}, "memo": "clinic's"})
	memo := stored(t, app, "notes", note.Id, "memo")
	code, answer := call(t, "PATCH", serve(t, app)+"/api/collections/notes/records/"+note.Id, token, map[string]any{"client": bob.Id})
	equal(t, "move", code, 200)
	equal(t, "text", answer["body"], any("moves"))
	equal(t, "json", fmt.Sprint(answer["answers"]), "map[a:1]")
	equal(t, "the clinic's value", stored(t, app, "notes", note.Id, "memo"), memo)
	keyID, _, _ := splitSealed(stored(t, app, "notes", note.Id, "body"))
	equal(t, "whose key", must(ring.forReading(keyID)).subject, bob.Id)

	// the record that created it, moved and saved again by our own code
	note.Set("client", bob.Id)
	equal(t, "while moving", note.GetString("body"), "moves")
	ok(t, app.Save(note))
	note.Set("client", anna.Id)
	ok(t, app.Save(note))
	equal(t, "there and back", find(t, app, "notes", note.Id).GetString("body"), "moves")
}

func TestFailedCreateCanBeSavedUnderAnotherId(t *testing.T) {
	app, _ := newApp(t)
	anna := create(t, app, "clients", map[string]any{"name": "Anna"})
	fail := true
	app.OnRecordCreateExecute("notes").Bind(&hook.Handler[*core.RecordEvent]{Priority: 100, Func: func(e *core.RecordEvent) error {
		if fail {
			return errors.New("not now")
		}
		return e.Next()
	}})
	note := core.NewRecord(must(app.FindCollectionByNameOrId("notes")))
	note.Load(map[string]any{"client": anna.Id, "body": "kept", "id": "firstfirstfirst"})
	contains(t, "first", app.Save(note), "not now")
	fail = false
	note.Set("id", "secondsecondsec")
	ok(t, app.Save(note))
	equal(t, "stored", find(t, app, "notes", "secondsecondsec").GetString("body"), "kept")
}

// A form that could not show a value sends the marker back.
func TestMarkerLeavesTheValueAlone(t *testing.T) {
	app, _ := newApp(t)
	anna := create(t, app, "clients", map[string]any{"name": "Anna"})
	token := tokenFor(t, app, "clinician")
	url := serve(t, app) + "/api/collections/notes/records/"
	note := create(t, app, "notes", map[string]any{"client": anna.Id, "body": "text", "answers": []int{1}})
	ok(t, exec(app, "UPDATE notes SET body = substr(body, 1, length(body) - 1), answers = body WHERE id = {:id}", dbx.Params{"id": note.Id}))
	body, answers := stored(t, app, "notes", note.Id, "body"), stored(t, app, "notes", note.Id, "answers")

	code, answer := call(t, "PATCH", url+note.Id, token, map[string]any{"plain": "x",
		"body": map[string]any{"unreadable": "damaged"}, "answers": `{"unreadable":"damaged"}`})
	equal(t, "save", code, 200)
	equal(t, "shown", fmt.Sprint(answer["body"]), "map[unreadable:damaged]")
	equal(t, "body", stored(t, app, "notes", note.Id, "body"), body)
	equal(t, "answers", stored(t, app, "notes", note.Id, "answers"), answers)
	equal(t, "as text", find(t, app, "notes", note.Id).GetString("body"), "[damaged]")

	// loading a record's own data back, or scanning it, does not store the marker either
	loaded := find(t, app, "notes", note.Id)
	loaded.Load(loaded.FieldsData())
	ok(t, app.Save(loaded))
	equal(t, "body", stored(t, app, "notes", note.Id, "body"), body)
	ok(t, loaded.PostScan())
	contains(t, "after PostScan", app.SaveNoValidate(loaded), "Invalid field value")
	equal(t, "body", stored(t, app, "notes", note.Id, "body"), body)

	// other objects of that shape are values
	code, answer = call(t, "PATCH", url+note.Id, token, map[string]any{"body": "written anew", "answers": map[string]any{"unreadable": "handwriting"}})
	equal(t, "rewrite", code, 200)
	equal(t, "text", answer["body"], any("written anew"))
	equal(t, "json", fmt.Sprint(answer["answers"]), "map[unreadable:handwriting]")
}

func TestErasedClient(t *testing.T) {
	app, ring := newApp(t)
	anna := create(t, app, "clients", map[string]any{"name": "Anna", "medical_history": map[string]any{"a": 1}})
	bob := create(t, app, "clients", map[string]any{"name": "Bob", "medical_history": map[string]any{"b": 2}})
	note := create(t, app, "notes", map[string]any{"client": bob.Id, "body": "Bob's", "memo": "clinic's"})
	opened := find(t, app, "notes", note.Id)
	equal(t, "before", opened.GetString("body"), "Bob's")
	ok(t, ring.Destroy(bob.Id))

	erased := Unreadable{Erased}
	equal(t, "a value opened before", opened.Get("body"), any(erased))
	equal(t, "text", find(t, app, "notes", note.Id).Get("body"), any(erased))
	equal(t, "json", find(t, app, "clients", bob.Id).Get("medical_history"), any(erased))
	equal(t, "the clinic's own", find(t, app, "notes", note.Id).GetString("memo"), "clinic's")
	equal(t, "Anna's", find(t, app, "clients", anna.Id).GetString("medical_history"), `{"a":1}`)
	if _, err := Text(opened, "body"); !errors.Is(err, ErrErased) {
		t.Errorf("Text: %v", err)
	}

	loaded := find(t, app, "notes", note.Id)
	loaded.Set("plain", "still editable")
	ok(t, app.Save(loaded))
	loaded.Set("body", "new")
	contains(t, "write", app.Save(loaded), "erased")
	fresh := core.NewRecord(loaded.Collection())
	fresh.Load(map[string]any{"client": bob.Id, "body": "new"})
	contains(t, "new row", app.Save(fresh), "erased")
	loaded = find(t, app, "notes", note.Id)
	loaded.Set("client", anna.Id)
	contains(t, "move of an erased value", app.Save(loaded), "unreadable")
}

func TestLockedWithoutKeyring(t *testing.T) {
	app, ring := newApp(t)
	anna := create(t, app, "clients", map[string]any{"name": "Anna", "medical_history": "x"})
	ok(t, ring.Close())
	equal(t, "value", find(t, app, "clients", anna.Id).Get("medical_history"), any(Unreadable{Locked}))
	loaded := find(t, app, "clients", anna.Id)
	loaded.Set("name", "Anna B")
	ok(t, app.Save(loaded))
	loaded.Set("medical_history", "y")
	if app.Save(loaded) == nil {
		t.Error("stored without a keyring")
	}
	app.Store().Remove(storeKey)
	contains(t, "unbound", app.Save(loaded), "no keyring")
}

func TestSchemaEdits(t *testing.T) {
	app, _ := newApp(t)
	anna := create(t, app, "clients", map[string]any{"name": "Anna"})
	note := create(t, app, "notes", map[string]any{"client": anna.Id, "body": "kept", "answers": []int{1}})
	super := core.NewRecord(must(app.FindCollectionByNameOrId(core.CollectionNameSuperusers)))
	super.SetEmail("owner@clinic.example")
	super.SetPassword("correct horse battery")
	ok(t, app.Save(super))
	owner, base := must(super.NewAuthToken()), serve(t, app)

	// renaming field, collection and owner; adding a field
	notes := must(app.FindCollectionByNameOrId("notes"))
	notes.Name = "treatment_notes"
	notes.Fields.GetByName("body").SetName("text")
	notes.Fields.GetByName("client").SetName("person")
	for _, f := range encryptedFields(notes) {
		if f.Owner == "client" {
			f.Owner = "person"
		}
	}
	notes.Fields.Add(&EncryptedField{Name: "late", Kind: "text", Owner: "person"})
	ok(t, app.Save(notes))
	equal(t, "after renaming", find(t, app, "treatment_notes", note.Id).GetString("text"), "kept")
	contains(t, "guard of a renamed column", exec(app, "UPDATE treatment_notes SET text = 'plain'", nil), "plaintext")
	contains(t, "guard of a new column", exec(app, "UPDATE treatment_notes SET late = 'plain'", nil), "plaintext")

	// dropping a field, which its triggers would forbid
	notes.Fields.RemoveByName("late")
	ok(t, app.Save(notes))
	contains(t, "other guards", exec(app, "UPDATE treatment_notes SET text = 'plain'", nil), "plaintext")

	// swapping two names
	swapped := must(app.FindCollectionByNameOrId("treatment_notes"))
	swapped.Fields.GetByName("memo").SetName("other")
	swapped.Fields.GetByName("secret").SetName("memo")
	swapped.Fields.GetByName("other").SetName("secret")
	ok(t, app.Save(swapped))
	equal(t, "after swapping", find(t, app, "treatment_notes", note.Id).GetString("text"), "kept")

	// export, import, duplicate
	var all []map[string]any
	for _, c := range must(app.FindAllCollections()) {
		var m map[string]any
		ok(t, json.Unmarshal(must(json.Marshal(c)), &m))
		all = append(all, m)
	}
	ok(t, app.ImportCollections(all, true))
	_, exported := call(t, "GET", base+"/api/collections/treatment_notes", owner, nil)
	delete(exported, "id")
	exported["name"] = "copy_notes"
	for _, f := range exported["fields"].([]any) {
		delete(f.(map[string]any), "id")
	}
	code, _ := call(t, "POST", base+"/api/collections", owner, exported)
	equal(t, "duplicate", code, 200)
	for _, name := range []string{"treatment_notes", "copy_notes"} {
		equal(t, name, must(app.FindCollectionByNameOrId(name)).Fields.GetByName("text").Type(), FieldTypeEncrypted)
	}
	contains(t, "guard of the copy", exec(app, "INSERT INTO copy_notes (id, text) VALUES ('x', 'plain')", nil), "plaintext")

	// a view over it shows nothing
	view := core.NewViewCollection("view_notes")
	view.ViewQuery = "SELECT id, person, text FROM treatment_notes"
	ok(t, app.Save(view))
	equal(t, "through a view", find(t, app, "view_notes", note.Id).Get("text"), any(Unreadable{Damaged}))

	// a failed edit leaves the guards
	app.OnCollectionUpdateExecute("treatment_notes").Bind(&hook.Handler[*core.CollectionEvent]{Priority: 98, Func: func(e *core.CollectionEvent) error {
		return errors.New("not now")
	}})
	failing := must(app.FindCollectionByNameOrId("treatment_notes"))
	failing.Fields.Add(&core.TextField{Name: "more"})
	contains(t, "failed edit", app.Save(failing), "not now")
	contains(t, "guard after a failed edit", exec(app, "UPDATE treatment_notes SET text = 'plain'", nil), "plaintext")
}

// Settings that would make stored values unreadable, or show them, are refused.
func TestSettingsAreChecked(t *testing.T) {
	app, _ := newApp(t)
	notes := func() *core.Collection { return must(app.FindCollectionByNameOrId("notes")) }
	for name, edit := range map[string]func(*core.Collection, *EncryptedField){
		"kind changes":             func(_ *core.Collection, f *EncryptedField) { f.Kind = kindJSON },
		"owner becomes the clinic": func(_ *core.Collection, f *EncryptedField) { f.Owner = "" },
		"owner becomes the record": func(_ *core.Collection, f *EncryptedField) { f.Owner = "id" },
		"owner is not there":       func(_ *core.Collection, f *EncryptedField) { f.Owner = "nobody" },
		"owner is no relation":     func(_ *core.Collection, f *EncryptedField) { f.Owner = "plain" },
		"presentable":              func(_ *core.Collection, f *EncryptedField) { f.Presentable = true },
		"negative length":          func(_ *core.Collection, f *EncryptedField) { f.Max = -1 },
		"owner is dropped":         func(c *core.Collection, _ *EncryptedField) { c.Fields.RemoveByName("client") },
		"owner may be missing": func(c *core.Collection, _ *EncryptedField) {
			c.Fields.GetByName("client").(*core.RelationField).Required = false
		},
		"owner may be several clients": func(c *core.Collection, _ *EncryptedField) {
			c.Fields.GetByName("client").(*core.RelationField).MaxSelect = 2
		},
		"a new field of unknown kind": func(c *core.Collection, _ *EncryptedField) {
			c.Fields.Add(&EncryptedField{Name: "fresh", Kind: "number"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := notes()
			edit(c, c.Fields.GetByName("body").(*EncryptedField))
			if app.Save(c) == nil {
				t.Error("accepted")
			}
		})
	}
	c := notes()
	f := c.Fields.GetByName("body").(*EncryptedField)
	f.Max, f.Required, f.Hidden, f.Help = 50, false, true, "How it went."
	ok(t, app.Save(c))
	equal(t, "body limit", f.CalculateMaxBodySize(), 200)
	equal(t, "default body limit", (&EncryptedField{}).CalculateMaxBodySize(), 80_000)
}

func TestTextAndUnmarshal(t *testing.T) {
	app, _ := newApp(t)
	anna := create(t, app, "clients", map[string]any{"name": "Anna", "medical_history": map[string]any{"n": 1}})
	r := find(t, app, "clients", anna.Id)
	var out struct{ N int }
	ok(t, Unmarshal(r, "medical_history", &out))
	equal(t, "n", out.N, 1)
	equal(t, "type", fmt.Sprintf("%T", r.Get("medical_history")), fmt.Sprintf("%T", types.JSONRaw{}))
	if _, err := Text(r, "name"); err == nil {
		t.Error("Text read a field that is not encrypted")
	}
	if _, err := Text(r, "nothing"); err == nil {
		t.Error("Text read a field that is not there")
	}
	empty := create(t, app, "clients", map[string]any{"name": "Bob"})
	ok(t, Unmarshal(find(t, app, "clients", empty.Id), "medical_history", &out))
	equal(t, "an empty field leaves the target alone", out.N, 1)
	equal(t, "column", stored(t, app, "clients", empty.Id, "medical_history"), "")

	// a number stays as it is written
	r.Set("medical_history", json.RawMessage(`{"dose":1.10}`))
	ok(t, app.Save(r))
	r.Set("medical_history", json.RawMessage(`{"dose":1.1}`))
	ok(t, app.Save(r))
	equal(t, "dose", find(t, app, "clients", anna.Id).GetString("medical_history"), `{"dose":1.1}`)

	// emptying
	r.Set("medical_history", nil)
	ok(t, app.Save(r))
	equal(t, "emptied", stored(t, app, "clients", anna.Id, "medical_history"), "")
}

// What a plain query read opens like a record's value, and only with everything that it is bound to.
func TestOpenCell(t *testing.T) {
	app, ring := newApp(t)
	anna := create(t, app, "clients", map[string]any{"name": "Anna"})
	note := create(t, app, "notes", map[string]any{"client": anna.Id, "body": "text", "memo": "clinic's"})
	col := note.Collection()
	field := func(name string) string { return col.Fields.GetByName(name).GetId() }
	body := stored(t, app, "notes", note.Id, "body")

	plain, err := OpenCell(col.Id, note.Id, field("body"), anna.Id, body)
	ok(t, err)
	equal(t, "text", plain, "text")
	plain, err = OpenCell(col.Id, note.Id, field("memo"), Clinic, stored(t, app, "notes", note.Id, "memo"))
	ok(t, err)
	equal(t, "the clinic's", plain, "clinic's")
	plain, err = OpenCell(col.Id, note.Id, field("answers"), anna.Id, "")
	ok(t, err)
	equal(t, "empty", plain, "")
	for name, c := range map[string][5]string{
		"another collection": {"x", note.Id, field("body"), anna.Id, body},
		"another record":     {col.Id, "x", field("body"), anna.Id, body},
		"another field":      {col.Id, note.Id, field("answers"), anna.Id, body},
		"another owner":      {col.Id, note.Id, field("body"), Clinic, body},
		"plaintext":          {col.Id, note.Id, field("body"), anna.Id, "text"},
	} {
		if _, err := OpenCell(c[0], c[1], c[2], c[3], c[4]); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	ok(t, ring.Destroy(anna.Id))
	if _, err := OpenCell(col.Id, note.Id, field("body"), anna.Id, body); !errors.Is(err, ErrErased) {
		t.Errorf("destroyed: %v", err)
	}
}

// Several apps in one process, as in tests: each writes with its own keyring and reads what it wrote.
func TestTwoAppsInOneProcess(t *testing.T) {
	one, ringOne := newApp(t)
	two, ringTwo := newApp(t)
	a := create(t, one, "clients", map[string]any{"id": "samesamesamesam", "name": "A", "medical_history": "one"})
	b := create(t, two, "clients", map[string]any{"id": "samesamesamesam", "name": "B", "medical_history": "two"})
	equal(t, "one", find(t, one, "clients", a.Id).GetString("medical_history"), `"one"`)
	equal(t, "two", find(t, two, "clients", b.Id).GetString("medical_history"), `"two"`)
	ok(t, ringOne.Destroy(a.Id))
	equal(t, "one", find(t, one, "clients", a.Id).Get("medical_history"), any(Unreadable{Erased}))
	equal(t, "two", find(t, two, "clients", b.Id).GetString("medical_history"), `"two"`)
	ok(t, ringTwo.Close())
	equal(t, "two", find(t, two, "clients", b.Id).Get("medical_history"), any(Unreadable{Damaged}))
}

func TestTransactionRollsBackToTheOldValue(t *testing.T) {
	app, _ := newApp(t)
	anna := create(t, app, "clients", map[string]any{"name": "Anna", "medical_history": "old"})
	err := app.RunInTransaction(func(tx core.App) error {
		r := find(t, tx, "clients", anna.Id)
		r.Set("medical_history", "new")
		ok(t, tx.Save(r))
		equal(t, "inside", find(t, tx, "clients", anna.Id).GetString("medical_history"), `"new"`)
		return errors.New("given up")
	})
	contains(t, "transaction", err, "given up")
	equal(t, "after", find(t, app, "clients", anna.Id).GetString("medical_history"), `"old"`)
}

func BenchmarkOpen(b *testing.B) {
	app, _ := newApp(b)
	text := strings.Repeat("Sleeps better. ", 6)
	anna := create(b, app, "clients", map[string]any{"name": "Anna"})
	for range 1000 {
		create(b, app, "notes", map[string]any{"client": anna.Id, "body": text, "plain": text})
	}
	for _, field := range []string{"plain", "body"} {
		b.Run("load 1000 rows and read "+field, func(b *testing.B) {
			for b.Loop() {
				for _, r := range must(app.FindRecordsByFilter("notes", "", "", 0, 0)) {
					if r.GetString(field) != text {
						b.Fatal("wrong text")
					}
				}
			}
		})
	}
	b.Run("one cell", func(b *testing.B) {
		rows := must(app.FindRecordsByFilter("notes", "", "", 0, 0))
		f := rows[0].Collection().Fields.GetByName("body").(*EncryptedField)
		sealed := f.cell(rows[0]).sealed
		for b.Loop() {
			rows[0].SetRaw("body", &cell{sealed: sealed})
			if rows[0].GetString("body") != text {
				b.Fatal("wrong text")
			}
		}
	})
}

func BenchmarkCell(b *testing.B) {
	ring := newRing(b)
	key := must(ring.forWriting("anna"))
	text := []byte(strings.Repeat("Sleeps better. ", 6))
	bound := bind("field", "collection|record|field", key.id)
	_, body, _ := splitSealed(key.sealText(text, bound))
	b.Run("seal", func(b *testing.B) {
		for b.Loop() {
			key.sealText(text, bound)
		}
	})
	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			if _, err := key.openText(body, bound); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkAgainstPlain runs the same work on an encrypted and on a plain column by turns, and reports how many times
// as long the encrypted one takes.
func BenchmarkAgainstPlain(b *testing.B) {
	app, _ := newApp(b)
	text := strings.Repeat("Sleeps better. ", 6)
	anna := create(b, app, "clients", map[string]any{"name": "Anna"})
	for _, name := range []string{"sealed_notes", "plain_notes"} {
		c := core.NewBaseCollection(name)
		c.Fields.Add(&core.RelationField{Name: "client", CollectionId: must(app.FindCollectionByNameOrId("clients")).Id, MaxSelect: 1, Required: true})
		if name == "plain_notes" {
			c.Fields.Add(&core.TextField{Name: "body"})
		} else {
			ok(b, c.Fields.AddMarshaledJSON([]byte(`{"type":"encrypted","name":"body","kind":"text","owner":"client"}`)))
		}
		ok(b, app.Save(c))
		for range 1000 {
			create(b, app, name, map[string]any{"client": anna.Id, "body": text})
		}
	}
	compare := func(name string, do func(collection string)) {
		b.Run(name, func(b *testing.B) {
			var took [2]time.Duration
			for b.Loop() {
				for i, collection := range []string{"plain_notes", "sealed_notes"} {
					begun := time.Now()
					do(collection)
					took[i] += time.Since(begun)
				}
			}
			b.ReportMetric(float64(took[1])/float64(took[0]), "times-plain")
		})
	}
	compare("list 100", func(collection string) {
		for _, r := range must(app.FindRecordsByFilter(collection, "", "", 100, 0)) {
			if r.GetString("body") != text {
				b.Fatal("wrong text")
			}
		}
	})
	compare("create", func(collection string) {
		create(b, app, collection, map[string]any{"client": anna.Id, "body": text})
	})
}

// BenchmarkRotation replaces the keys of ten clients and seals their thousand values anew.
func BenchmarkRotation(b *testing.B) {
	app, _ := newClinic(b, 10, 50)
	for b.Loop() {
		done, err := rotateKeys(b.Context(), app, 0, nil)
		ok(b, err)
		equal(b, "values", done.Values, 1010)
	}
}
