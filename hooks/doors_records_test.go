package hooks_test

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/pocketbase/dbx"

	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
	"anteroom/hooks/phi"
	"anteroom/hooks/testkit"
)

func recordRules() []rule {
	return []rule{auditIsAppendOnly(), onlyCiphertext(), noForeignCiphertext(), notRewritten(), oneSettingsRow()}
}

func auditIsAppendOnly() rule {
	const table, refused = "portal_audit_log", "sql: the audit log is append-only"
	const columns = "at, actor_kind, actor_id, role, session_id, client_id, action, resource_type, resource_id, result, error_code, ip, agent, details"
	copied := func(verb, seq, prev, where string) string {
		return verb + " INTO portal_audit_log (seq, " + columns + ", prev, hash) SELECT " + seq + ", " + columns + ", " + prev + ", hash FROM portal_audit_log WHERE " + where
	}
	const last = "seq = (SELECT max(seq) FROM portal_audit_log)"
	return rule{
		name: "The audit log is only added to, line after line",
		given: func(w *world) {
			head, err := audit.Verify(w.t.Context(), w.App.ConcurrentDB().(*dbx.DB).DB())
			if err != nil || head.Seq < 5 {
				w.t.Fatal(head, err)
			}
			w.id["head"] = head.String()
		},
		// what was written when the attempts began still stands, and the chain holds to its end
		also: func(w *world) string {
			noted, err := audit.ParseHead(w.id["head"])
			if err == nil {
				_, err = audit.Verify(w.t.Context(), w.App.ConcurrentDB().(*dbx.DB).DB(), noted)
			}
			if err != nil {
				return err.Error()
			}
			return "whole"
		},
		doors: with(shut(table, "DELETE FROM portal_audit_log"), map[door]cell{
			portalDoor: notADoor("no route of clients names a line of it"),
			deskDoor:   notADoor("no route of the desk names a line of it"),
			staffDoor: among(posts(allStaff, table, map[string]any{"action": "LOGIN"}, "404"), patches(allStaff, table, "1", map[string]any{"action": "X"}, "404"),
				deletes(allStaff, table, "1", "404")),
			ownerDoor: among(posts(owner, table, map[string]any{"action": "LOGIN"}, "404"), patches(owner, table, "1", map[string]any{"action": "X"}, "404"),
				deletes(owner, table, "1", "404")),
			systemDoor: attempts(try{"the system looks for a collection to save in", "sql: no rows in result set", func(w *world) any {
				_, err := w.App.FindCollectionByNameOrId(table)
				return err
			}, nil}),
			stampedDoor:    notADoor("it is a table and no collection: there is no record to save"),
			unvalidateDoor: notADoor("it is a table and no collection: there is no record to save"),
			sqlDoor: attempts(runs("UPDATE portal_audit_log SET actor_id = '' WHERE seq = 1", refused), runs("DELETE FROM portal_audit_log", refused),
				runs("DELETE FROM portal_audit_log WHERE "+last, refused), runs("UPDATE OR REPLACE portal_audit_log SET seq = 1 WHERE "+last, refused),
				runs(copied("INSERT OR REPLACE", "1", "prev", "seq = 1"), refused), runs(copied("REPLACE", "seq", "prev", last), refused),
				runs(copied("INSERT", "seq + 2", "hash", last), refused), // a gap
				runs(copied("INSERT", "seq + 1", "prev", last), refused), // another line before it
				runs(copied("INSERT", "NULL", "zeroblob(32)", "seq = 1"), refused),
				runs(copied("INSERT OR IGNORE", "0", "zeroblob(32)", "seq = 1"), refused)),
		}),
	}
}

const secret = "Plain words about sleep."

// sealedFields lists the encrypted fields of every collection.
func sealedFields(w *world) map[string][]string {
	all, err := w.App.FindAllCollections()
	if err != nil {
		w.t.Fatal(err)
	}
	out := map[string][]string{}
	for _, c := range all {
		for _, f := range c.Fields {
			if f.Type() == phi.FieldTypeEncrypted {
				out[c.Name] = append(out[c.Name], f.GetName())
			}
		}
	}
	return out
}

// sealedOnly tells where the words lie readable, or that a field which should give them back does not; without a
// field, none should.
func sealedOnly(field, key string) func(w *world) string {
	return func(w *world) string {
		for table, fields := range sealedFields(w) {
			for _, f := range fields {
				if n := w.Count(w.t, table, "instr("+f+", 'Plain words') > 0", nil); n > 0 {
					return table + "." + f + " holds plaintext"
				}
			}
		}
		if field == "" {
			return ""
		}
		if text, err := phi.Text(w.Find(w.t, "appointments", w.fill(key)), field); err != nil || !strings.Contains(text, secret) {
			return field + " does not come back: " + text
		}
		return ""
	}
}

// everySealedColumn answers with all that the database says when plaintext is written to each encrypted column: by
// UPDATE of all rows, and by INSERT of a copy of one.
func everySealedColumn(verb string) func(w *world) any {
	return func(w *world) any {
		answers := map[string]bool{}
		for table, fields := range sealedFields(w) {
			var row string // of those that no other rule would refuse to copy first
			err := w.App.ConcurrentDB().NewQuery(w.fill("SELECT id FROM " + table + " ORDER BY id IN ('{draft}', '{draftItem}', '{refused}', '{draftNote}') DESC LIMIT 1")).Row(&row)
			if err != nil {
				w.t.Fatal("no row of ", table, ": ", err)
			}
			for _, f := range fields {
				var answer any
				if verb == "UPDATE" {
					answer = w.sql("UPDATE " + table + " SET " + f + " = '" + secret + "' WHERE id = '" + row + "'")
				} else {
					answer = inserts(verb, table, row, map[string]string{"id": "'copycopycopy000'", f: "'" + secret + "'"}, "").do(w)
				}
				answers[said(answer)] = true
			}
		}
		return strings.Join(slices.Sorted(maps.Keys(answers)), ", ")
	}
}

func onlyCiphertext() rule {
	words := map[string]any{"staff_notes": secret}
	lets := func(list []try, field, key string) []try {
		for i := range list {
			list[i].held = sealedOnly(field, key)
		}
		return list
	}
	plaintext := "sql: plaintext in an encrypted column"
	return rule{
		name:  "An encrypted column holds only ciphertext",
		given: func(w *world) { proofs(w); visits(w); signed(w); owed(w); treated(w) },
		doors: with(shut("appointments", "UPDATE appointments SET staff_notes = 'Plain words.'"), map[door]cell{
			portalDoor: attempts(lets([]try{{"Ada says why she would like to come", "201", func(w *world) any {
				r := w.api("POST", kernel.Portal+"/appointments/request", testkit.AdaEmail, map[string]any{"appointmentType": testkit.Therapy, "serviceLocation": "IN_OFFICE",
					"preferredDate1": "2026-12-21", "preferredTime1": "10:00", "reasonForVisit": secret})
				var made struct{ RequestID string }
				r.Data(w.t, &made)
				w.id["made"] = made.RequestID
				return r
			}, nil}}, "reason_for_visit", "{made}")...),
			deskDoor: attempts(lets([]try{{"the desk notes something", "200", func(w *world) any {
				return w.api("POST", kernel.Desk+"/requests/{asked}/confirm", testkit.DeskEmail, map[string]any{"startTime": "2026-12-22T17:00:00Z", "note": secret})
			}, nil}}, "staff_notes", "{asked}")...),
			staffDoor:      attempts(lets(patches(whoBook, "appointments", "{taken}", words, "200"), "staff_notes", "{taken}")...),
			ownerDoor:      attempts(lets(patches(owner, "appointments", "{bos}", words, "200"), "staff_notes", "{bos}")...),
			systemDoor:     attempts(lets(saves(system, "appointments", "{adas}", words, "done"), "staff_notes", "{adas}")...),
			stampedDoor:    attempts(lets(saves(bookers, "appointments", "{gone}", words, "done"), "staff_notes", "{gone}")...),
			unvalidateDoor: attempts(lets([]try{unvalidated("appointments", "{askedByAda}", words, "done", deskActor)}, "staff_notes", "{askedByAda}")...),
			sqlDoor: attempts(try{"plaintext into each column, by INSERT", plaintext, everySealedColumn("INSERT"), nil},
				// where a row cannot change at all, that is what is said first
				try{"plaintext into each column, by UPDATE", plaintext + ", sql: the history of accounts is append-only", everySealedColumn("UPDATE"), nil},
				try{"plaintext into each column, by INSERT OR REPLACE", plaintext, everySealedColumn("INSERT OR REPLACE"), nil},
				runs("UPDATE appointments SET staff_notes = 'v1.' || substr(reason_for_visit, 4, 5) WHERE id = '{taken}'", plaintext)),
		}),
	}
}

func noForeignCiphertext() rule {
	stolen := map[string]any{"staff_notes": "{cipher}"}
	const refused = "staff_notes:ciphertext"
	return rule{
		name: "Ciphertext is taken from no caller, and opens only where it was sealed",
		given: func(w *world) {
			visits(w)
			signed(w)
			w.id["cipher"] = w.cell("appointments", "reason_for_visit", "{taken}")
		},
		doors: with(shut("appointments", "UPDATE appointments SET staff_notes = reason_for_visit"), map[door]cell{
			portalDoor: attempts(try{"as a reason", "400 VALIDATION_ERROR reasonForVisit:ciphertext", func(w *world) any {
				return w.api("POST", kernel.Portal+"/appointments/request", testkit.AdaEmail, map[string]any{"appointmentType": testkit.Therapy, "serviceLocation": "IN_OFFICE",
					"preferredDate1": "2026-12-21", "preferredTime1": "10:00", "reasonForVisit": "{cipher}"})
			}, nil}, try{"as answers", "400 RESPONSES_MALFORMED", func(w *world) any {
				return w.api("PATCH", formsPath+"/{open}", testkit.AdaEmail, map[string]any{"draftVersion": 0, "responses": "{cipher}"})
			}, nil}),
			deskDoor: attempts(try{"as a note", "400 VALIDATION_ERROR note:ciphertext", func(w *world) any {
				return w.api("POST", kernel.Desk+"/requests/{asked}/confirm", testkit.DeskEmail, map[string]any{"startTime": "2026-12-22T17:00:00Z", "note": "{cipher}"})
			}, nil}, try{"as a reason to decline", "400 VALIDATION_ERROR reason:ciphertext", func(w *world) any {
				return w.api("POST", kernel.Desk+"/requests/{asked}/decline", testkit.DeskEmail, map[string]any{"reason": "{cipher}"})
			}, nil}, try{"as an invoice's note", "400 VALIDATION_ERROR notes:ciphertext", func(w *world) any {
				return w.api("POST", kernel.Desk+"/invoices", testkit.BillingEmail, map[string]any{"clientId": testkit.Ada, "notes": "{cipher}",
					"items": []any{map[string]any{"description": "Session", "unitCents": 100}}})
			}, nil}),
			staffDoor: among(patches(whoBook, "appointments", "{taken}", stolen, "400 "+refused),
				patches([]string{testkit.AnaEmail, testkit.AdminEmail}, "clients", testkit.Ada, map[string]any{"allergies": "{cipher}"}, "400 allergies:ciphertext"),
				patches([]string{testkit.DeskEmail}, "clients", testkit.Ada, map[string]any{"allergies": "{cipher}"}, "403 FIELD_READ_ONLY allergies:read_only")),
			ownerDoor:      among(patches(owner, "appointments", "{taken}", stolen, "400 "+refused), patches(owner, "appointments", "{bos}", stolen, "400 "+refused)),
			systemDoor:     among(saves(system, "appointments", "{taken}", stolen, refused)),
			stampedDoor:    among(saves(bookers, "appointments", "{bos}", stolen, refused)),
			unvalidateDoor: attempts(unvalidated("appointments", "{taken}", stolen, refused)),
			sqlDoor: attempts(try{"into another field, and into another client's row", "done", func(w *world) any {
				return errors.Join(w.sql("UPDATE appointments SET staff_notes = '{cipher}' WHERE id = '{taken}'"),
					w.sql("UPDATE appointments SET reason_for_visit = '{cipher}' WHERE id = '{bos}'"))
			}, func(w *world) string {
				for key, field := range map[string]string{"{taken}": "staff_notes", "{bos}": "reason_for_visit"} {
					if text, err := phi.Text(w.Find(w.t, "appointments", w.fill(key)), field); !errors.Is(err, phi.ErrDamaged) {
						return field + " opens: " + text
					}
				}
				return ""
			}}),
		}),
	}
}

func notRewritten() rule {
	const table = "portal_notifications"
	parts := []map[string]any{{"title": "Another"}, {"message": "Another"}, {"link": "/payments"}, {"client": testkit.Bo}, {"portal_user": testkit.BoLogin},
		{"priority": "urgent"}, {"notification_type": "security_notice"}, {"cause": "another"}}
	var staff, byOwner, bySystem, stamped, blind []try
	for _, p := range parts {
		told := keysOf(p) + ":told"
		staff = append(staff, patches(allStaff, table, "{told}", p, "403")...)
		byOwner = append(byOwner, patches(owner, table, "{told}", p, "400 "+told)...)
		bySystem = append(bySystem, saves(system, table, "{told}", p, told)...)
		stamped = append(stamped, saves([]kernel.Actor{adaActor, adminActor, ownerActor}, table, "{told}", p, told)...)
		blind = append(blind, unvalidated(table, "{told}", p, told))
	}
	return rule{
		name: "What a client was told is not rewritten",
		given: func(w *world) {
			w.id["told"] = w.Add(w.t, table, map[string]any{"portal_user": testkit.AdaLogin, "client": testkit.Ada, "notification_type": "form_assigned",
				"title": "A form for you", "message": "Please.", "link": "/forms", "priority": "normal", "cause": "form:1"}).Id
		},
		doors: with(shut(table, "UPDATE portal_notifications SET link = '/payments'"), map[door]cell{
			portalDoor: attempts(try{"Ada reads it and sends another text along", "200", func(w *world) any {
				return w.api("POST", kernel.Portal+"/notifications/{told}/read", testkit.AdaEmail, map[string]any{"title": "Another", "message": "Another", "link": "/payments"})
			}, func(w *world) string {
				r := w.Find(w.t, table, w.id["told"])
				if r.GetString("title") != "A form for you" || r.GetString("link") != "/forms" || !r.GetBool("read") {
					return r.GetString("title") + " " + r.GetString("link")
				}
				return ""
			}}),
			deskDoor:       notADoor("no route of the desk names a client's notification"),
			staffDoor:      among(staff),
			ownerDoor:      among(byOwner),
			systemDoor:     among(bySystem),
			stampedDoor:    among(stamped),
			unvalidateDoor: among(blind),
			sqlDoor:        notADoor("the database does not hold it; nothing of ours writes the table by SQL (TestNoCodeGoesAround), and its words are sealed"),
		}),
	}
}

func oneSettingsRow() rule {
	const table, one = "clinic_settings", "sql: clinic_settings has one row"
	second := map[string]any{"clinic_name": "Another", "time_zone": "UTC"}
	return rule{
		name: "The clinic's settings are one row",
		given: func(w *world) {
			r, err := w.App.FindFirstRecordByFilter(table, "id != ''")
			if err != nil {
				w.t.Fatal(err)
			}
			w.id["settings"] = r.Id
		},
		doors: with(shut(table, "DELETE FROM clinic_settings"), map[door]cell{
			portalDoor:     notADoor("no route of clients writes settings: one shows a part of them"),
			deskDoor:       notADoor("no route of the desk writes settings"),
			staffDoor:      among(posts(allStaff, table, second, "403"), deletes(allStaff, table, "{settings}", "403")),
			ownerDoor:      among(posts(owner, table, second, "400"), deletes(owner, table, "{settings}", "400")),
			systemDoor:     among(creates(system, table, second, one), erases(system, table, "{settings}", one)),
			stampedDoor:    among(creates([]kernel.Actor{adaActor, adminActor, ownerActor}, table, second, one), erases([]kernel.Actor{adminActor, ownerActor}, table, "{settings}", one)),
			unvalidateDoor: attempts(unvalidatedNew(table, second, one)),
			sqlDoor: attempts(inserts("INSERT", table, "{settings}", map[string]string{"id": "'anothersetting0'"}, one),
				inserts("INSERT OR REPLACE", table, "{settings}", map[string]string{"clinic_name": "'Another'"}, one), runs("DELETE FROM clinic_settings", one)),
		}),
	}
}
