package hooks_test

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/pocketbase/dbx"

	"anteroom/hooks/kernel"
	"anteroom/hooks/testkit"
)

// slot is Tuesday, 15 December 2026, 10:00 in Boulder.
const slot = "2026-12-15 17:00:00.000Z"

// visits are: taken, Ada with Ana at slot in a room for one; bos, Bo with Ben three hours later; adas, Ada with Ben
// two hours after that; gone, cancelled; and requests for slot: asked by Bo for Ana, askedByAda for Ben; refused,
// declined; kept, Uma's for Ben two days later, which holds its time. Ada's visit at slot uses the only lamp.
func visits(w *world) {
	w.t.Helper()
	w.Add(w.t, "care_team", map[string]any{"client": testkit.Bo, "clinician": testkit.Ana, "role": "member"}) // so that every role books for both
	add := func(key string, values map[string]any) {
		all := map[string]any{"service": testkit.Therapy, "location": testkit.Location, "service_location": "in_office", "requested_via": "phone"}
		for k, v := range values {
			all[k] = v
		}
		w.id[key] = w.Add(w.t, "appointments", all).Id
	}
	w.id["room"] = w.Add(w.t, "rooms", map[string]any{"name": "Small", "location": testkit.Location, "kind": "room", "capacity": 1, "is_active": true}).Id
	w.id["lamp"] = w.Add(w.t, "rooms", map[string]any{"name": "Lamp", "location": testkit.Location, "kind": "equipment", "capacity": 1, "is_active": true}).Id
	add("taken", map[string]any{"client": testkit.Ada, "clinician": testkit.Ana, "room": w.id["room"], "equipment": []string{w.id["lamp"]}, "status": "confirmed", "start_time": slot,
		"reason_for_visit": "Ada cannot sleep."})
	add("bos", map[string]any{"client": testkit.Bo, "clinician": testkit.Ben, "status": "confirmed", "start_time": "2026-12-15 20:00:00.000Z"})
	add("adas", map[string]any{"client": testkit.Ada, "clinician": testkit.Ben, "status": "confirmed", "start_time": "2026-12-15 22:00:00.000Z"})
	add("gone", map[string]any{"client": testkit.Ada, "clinician": testkit.Ben, "status": "confirmed", "start_time": "2026-12-16 17:00:00.000Z"})
	request := map[string]any{"status": "requested", "requested_via": "portal", "reason_for_visit": "I sleep badly.",
		"preferences": []map[string]string{{"date": "2026-12-15", "time": "10:00"}}}
	for key, who := range map[string][2]string{"asked": {testkit.Bo, testkit.Ana}, "askedByAda": {testkit.Ada, testkit.Ben}, "refused": {testkit.Bo, testkit.Ana}} {
		request["client"], request["clinician"] = who[0], who[1]
		add(key, request)
	}
	request["client"], request["clinician"], request["holds_slot"] = testkit.Uma, testkit.Ben, true
	request["preferences"] = []map[string]string{{"date": "2026-12-17", "time": "10:00"}}
	add("kept", request)
	for key, end := range map[string]map[string]any{"gone": {"status": "cancelled"}, "refused": {"status": "declined", "decline_reason": "Full."}} {
		if err := kernel.SaveAs(w.App, deskActor, w.changed("appointments", "{"+key+"}", end)); err != nil {
			w.t.Fatal(err)
		}
	}
	history, err := w.App.FindFirstRecordByData("appointment_history", "appointment", w.id["gone"])
	if err != nil {
		w.t.Fatal(err)
	}
	w.id["history"] = history.Id
}

// deskRoles are those who book.
var (
	whoBook  = []string{testkit.DeskEmail, testkit.AnaEmail, testkit.AdminEmail}
	bookers  = []kernel.Actor{deskActor, anaActor, adminActor, ownerActor}
	whoDoNot = []string{testkit.BillingEmail}
)

// asksFor is a request of Ada's that comes in as one, whatever else its body says: a request holds no time.
func asksFor(more map[string]any) try {
	var made string
	body := map[string]any{"appointmentType": testkit.Therapy, "clinicianId": testkit.Ana, "serviceLocation": "IN_OFFICE",
		"preferredDate1": "2026-12-15", "preferredTime1": "10:00", "reasonForVisit": "x"}
	for k, v := range more {
		body[k] = v
	}
	return try{"Ada asks for a time that is taken", "201", func(w *world) any {
		r := w.api("POST", kernel.Portal+"/appointments/request", testkit.AdaEmail, body)
		var data struct{ RequestID string }
		r.Data(w.t, &data)
		made = data.RequestID
		return r
	}, func(w *world) string {
		if a := w.Find(w.t, "appointments", made); a.GetString("status") != "requested" || a.GetString("client") != testkit.Ada {
			return "it came in as " + a.GetString("status") + " of " + a.GetString("client")
		}
		return ""
	}}
}

// confirms has each member of staff confirm a request at the desk; the answer's sentence is compared as well, because
// one code stands for clinician, room and client.
func confirms(emails []string, key string, body map[string]any, want string) (out []try) {
	for _, email := range emails {
		out = append(out, try{email + " confirms " + key, want, func(w *world) any {
			r := w.api("POST", kernel.Desk+"/requests/{"+key+"}/confirm", email, body)
			if r.Status != 409 {
				return r
			}
			var answer struct{ Message string }
			_ = json.Unmarshal(r.Body, &answer)
			return said(r) + ": " + answer.Message
		}, nil})
	}
	return out
}

// doubleBooking is one row: the same attempts for clinician, room and client. another is a visit that would clash once
// it began at slot with changes; request is one that would clash once confirmed with confirmation.
func doubleBooking(field, another string, changes, confirmation map[string]any, request, sentence string) rule {
	taken := field + ":slot_taken"
	moved := map[string]any{"start_time": slot}
	for k, v := range changes {
		moved[k] = v
	}
	client := testkit.Bo
	if field == "client" {
		client = testkit.Ada
	}
	clinician := testkit.Ben
	if field == "clinician" {
		clinician = testkit.Ana
	}
	created := map[string]any{"client": client, "clinician": clinician, "service": testkit.Therapy, "location": testkit.Location, "status": "scheduled",
		"service_location": "in_office", "requested_via": "phone", "start_time": slot}
	sets, columns := fmt.Sprintf("clinician = '%s', start_time = '%s', end_time = '2026-12-15 17:50:00.000Z', hold_start = '%[2]s', hold_end = '2026-12-15 18:00:00.000Z'",
		clinician, slot), map[string]string{"id": "'copycopycopy000'"}
	if field == "room" {
		created["room"] = "{room}"
		sets += ", room = '{room}'"
	}
	for _, s := range strings.Split(sets, ", ") {
		name, value, _ := strings.Cut(s, " = ")
		columns[name] = value
	}
	statement := "UPDATE appointments SET " + sets + " WHERE id = '" + another + "'"
	return rule{
		name:  map[string]string{"clinician": "A clinician has one visit at a time", "room": "A room holds no more visits than its capacity", "client": "A client has one visit at a time"}[field],
		given: visits,
		doors: with(shut("appointments", statement), map[door]cell{
			portalDoor: attempts(asksFor(map[string]any{"status": "confirmed", "roomId": "{room}"})),
			deskDoor:   among(confirms(whoBook, request, confirmation, "409 SLOT_UNAVAILABLE: "+sentence), confirms(whoDoNot, request, confirmation, "403 ROLE")),
			staffDoor: among(posts(whoBook, "appointments", created, "400 "+taken), patches(whoBook, "appointments", another, moved, "400 "+taken),
				posts(whoDoNot, "appointments", created, "400"), patches(whoDoNot, "appointments", another, moved, "404")),
			ownerDoor:  among(posts(owner, "appointments", created, "400 "+taken), patches(owner, "appointments", another, moved, "400 "+taken)),
			systemDoor: among(creates(system, "appointments", created, taken)),
			stampedDoor: among(creates(bookers, "appointments", created, taken), saves(bookers, "appointments", another, moved, taken),
				creates([]kernel.Actor{guestActor, billingActor}, "appointments", created, "status:status"),
				creates([]kernel.Actor{adaActor}, "appointments", created, map[bool]string{true: "service:service_not_bookable", false: "status:status"}[client == testkit.Ada])),
			unvalidateDoor: attempts(unvalidatedNew("appointments", created, taken), unvalidated("appointments", another, moved, taken, deskActor)),
			sqlDoor: attempts(runs(statement, "sql: slot: "+field),
				inserts("INSERT", "appointments", another, columns, "sql: slot: "+field),
				inserts("INSERT OR REPLACE", "appointments", another, columns, "sql: slot: "+field)),
		}),
	}
}

func schedulingRules() []rule {
	clinician := doubleBooking("clinician", "{bos}", map[string]any{"clinician": testkit.Ana}, map[string]any{"preference": 1}, "asked", "That time was just taken.")
	clinician.doors[sqlDoor] = among(clinician.doors[sqlDoor].tries, []try{
		runs("UPDATE appointments SET status = 'confirmed' WHERE id = '{asked}'", "sql: slot: clinician"),
		runs("UPDATE appointments SET clinician = '' WHERE id = '{bos}'", "sql: slot: clinician"),
		// what a request holds is taken for everybody else, and a request cannot hold what is taken
		runs("UPDATE appointments SET start_time = '2026-12-17 17:00:00.000Z', end_time = '2026-12-17 17:50:00.000Z', hold_start = '2026-12-17 17:00:00.000Z', hold_end = '2026-12-17 18:00:00.000Z' WHERE id = '{bos}'", "sql: slot: promised"),
		runs("UPDATE appointments SET holds_slot = TRUE WHERE id = '{asked}'", "sql: slot: clinician"),
		// a time in another form would sort past the comparison
		runs("UPDATE appointments SET hold_start = '2026-12-15T17:00:00Z' WHERE id = '{bos}'", "sql: slot: times"),
		runs("UPDATE appointments SET hold_end = '2026-12-17 17:00:00.000Z' WHERE id = '{bos}'", "sql: slot: times"),
	})
	room := doubleBooking("room", "{bos}", map[string]any{"room": "{room}"},
		map[string]any{"startTime": "2026-12-15T17:00:00Z", "clinicianId": testkit.Ben, "roomId": "{room}"}, "asked", "The room is taken at that time.")
	room.doors[sqlDoor] = among(room.doors[sqlDoor].tries, []try{ // a thing is held like a room
		runs("UPDATE appointments SET equipment = json_array('{lamp}'), start_time = '"+slot+"', end_time = '2026-12-15 17:50:00.000Z', hold_start = '"+slot+"', hold_end = '2026-12-15 18:00:00.000Z' WHERE id = '{bos}'", "sql: slot: equipment"),
	})
	client := doubleBooking("client", "{adas}", nil, map[string]any{"preference": 1}, "askedByAda", "The client has another visit at that time.")

	return []rule{clinician, room, client, moves(), keepsItsClient(), history()}
}

func moves() rule {
	type move struct{ key, to, code string }
	list := []move{{"{gone}", "confirmed", "illegal_move"}, {"{gone}", "requested", "illegal_move"}, {"{taken}", "completed", "illegal_move"},
		{"{taken}", "requested", "illegal_move"}, {"{asked}", "arrived", "illegal_move"}, {"{refused}", "confirmed", "already_decided"}}
	var staff, byOwner, bySystem, stamped, strangers, statements []try
	for _, m := range list {
		to := map[string]any{"status": m.to}
		staff = append(staff, among(patches(whoBook, "appointments", m.key, to, "400 status:"+m.code), patches(whoDoNot, "appointments", m.key, to, "404")).tries...)
		byOwner = append(byOwner, patches(owner, "appointments", m.key, to, "400 status:"+m.code)...)
		bySystem = append(bySystem, saves(system, "appointments", m.key, to, "status:"+m.code)...)
		stamped = append(stamped, saves(append(bookers, processor), "appointments", m.key, to, "status:"+m.code)...)
		strangers = append(strangers, saves([]kernel.Actor{guestActor}, "appointments", m.key, to, "status:read_only")...)
		ofAda := "status:read_only" // what is not hers, and what clients never do
		if m.key == "{gone}" && m.to == "confirmed" {
			ofAda = "status:illegal_move" // what they do, but not from there
		}
		strangers = append(strangers, saves([]kernel.Actor{adaActor}, "appointments", m.key, to, ofAda)...)
		statements = append(statements, runs("UPDATE appointments SET status = '"+m.to+"' WHERE id = '"+m.key+"'", "sql: appointment: move"))
	}
	legal := map[string]any{"status": "arrived"} // legal, but not for them
	strangers = append(strangers, saves([]kernel.Actor{billingActor, processor}, "appointments", "{taken}", legal, "status:not_allowed")...)
	bySystem = append(bySystem, saves(system, "appointments", "{taken}", legal, "status:not_allowed")...)
	statements = append(statements, inserts("INSERT OR REPLACE", "appointments", "{gone}", map[string]string{"status": "'confirmed'"}, "sql: appointment: replaced"))
	return rule{
		name:  "An appointment moves only as its life allows",
		given: visits,
		doors: with(shut("appointments", "UPDATE appointments SET status = 'confirmed' WHERE id = '{gone}'"), map[door]cell{
			portalDoor: attempts(asksFor(map[string]any{"status": "arrived"})),
			deskDoor: among(confirms(whoBook, "refused", map[string]any{"preference": 1}, "409 ALREADY_DECIDED: Somebody decided this request already."),
				confirms(whoBook, "gone", map[string]any{"preference": 1}, "404 NOT_FOUND"), // nobody asked for that one
				confirms(whoBook, "taken", map[string]any{"preference": 1}, "404 NOT_FOUND"), []try{
					{"decline of what was declined", "409 ALREADY_DECIDED", func(w *world) any {
						return w.api("POST", kernel.Desk+"/requests/{refused}/decline", testkit.DeskEmail, map[string]any{"reason": "Full."})
					}, nil}}),
			staffDoor:      among(staff),
			ownerDoor:      among(byOwner),
			systemDoor:     among(bySystem),
			stampedDoor:    among(stamped, strangers),
			unvalidateDoor: attempts(unvalidated("appointments", "{gone}", map[string]any{"status": "confirmed"}, "status:illegal_move", deskActor)),
			sqlDoor:        among(statements),
		}),
	}
}

func keepsItsClient() rule {
	bo := map[string]any{"client": testkit.Bo}
	statement := "UPDATE appointments SET client = '" + testkit.Bo + "' WHERE id = '{taken}'"
	return rule{
		name:  "A visit keeps its client",
		given: visits,
		doors: with(shut("appointments", statement), map[door]cell{
			portalDoor: attempts(asksFor(map[string]any{"client": testkit.Bo, "clientId": testkit.Bo})),
			deskDoor: attempts(try{"a confirmation that names another client", "409 SLOT_UNAVAILABLE", func(w *world) any {
				return w.api("POST", kernel.Desk+"/requests/{asked}/confirm", testkit.DeskEmail, map[string]any{"preference": 1, "client": testkit.Ada, "clientId": testkit.Ada})
			}, nil}),
			staffDoor:      among(patches(whoBook, "appointments", "{taken}", bo, "400 client:read_only"), patches(whoDoNot, "appointments", "{taken}", bo, "404")),
			ownerDoor:      among(patches(owner, "appointments", "{taken}", bo, "400 client:read_only")),
			systemDoor:     among(saves(system, "appointments", "{taken}", bo, "client:read_only")),
			stampedDoor:    among(saves(bookers, "appointments", "{taken}", bo, "client:read_only"), saves([]kernel.Actor{adaActor, boActor}, "appointments", "{taken}", bo, "status:read_only")),
			unvalidateDoor: attempts(unvalidated("appointments", "{taken}", bo, "client:read_only")),
			sqlDoor: attempts(runs(statement, "sql: appointment: client"),
				runs("UPDATE OR REPLACE appointments SET id = '{taken}' WHERE id = '{bos}'", "sql: appointment: client"),
				inserts("INSERT OR REPLACE", "appointments", "{gone}", map[string]string{"client": "'" + testkit.Bo + "'"}, "sql: appointment: replaced")),
		}),
	}
}

func history() rule {
	row := map[string]any{"appointment": "{taken}", "client": testkit.Ada, "to_status": "cancelled", "actor_kind": "client", "actor": testkit.AdaLogin, "at": slot}
	other := map[string]any{"to_status": "no_show"}
	frozen := "sql: history is append-only"
	statement := "UPDATE appointment_history SET to_status = 'no_show' WHERE id = '{history}'"
	return rule{
		name:  "An appointment's history is only added to, by the portal itself",
		given: visits,
		doors: with(shut("appointment_history", statement), map[door]cell{
			portalDoor: notADoor("no route of clients takes or names a row of it"),
			deskDoor:   notADoor("no route of the desk takes or names a row of it"),
			staffDoor: among(posts(allStaff, "appointment_history", row, "403"), patches(allStaff, "appointment_history", "{history}", other, "403"),
				deletes(allStaff, "appointment_history", "{history}", "403")),
			ownerDoor: among(posts(owner, "appointment_history", row, "400 at:read_only"), patches(owner, "appointment_history", "{history}", other, "400"),
				deletes(owner, "appointment_history", "{history}", "400")),
			systemDoor:     among(saves(system, "appointment_history", "{history}", other, frozen), erases(system, "appointment_history", "{history}", frozen)),
			stampedDoor:    among(saves([]kernel.Actor{adaActor, adminActor, ownerActor}, "appointment_history", "{history}", other, frozen), erases([]kernel.Actor{ownerActor}, "appointment_history", "{history}", frozen)),
			unvalidateDoor: attempts(unvalidated("appointment_history", "{history}", other, frozen)),
			sqlDoor: attempts(runs(statement, frozen), runs("DELETE FROM appointment_history", frozen),
				inserts("INSERT OR REPLACE", "appointment_history", "{history}", map[string]string{"to_status": "'no_show'"}, frozen)),
		}),
	}
}

// calendars gives Ada a feed, and a visit of hers a reminder that was sent.
func calendars(w *world) {
	w.t.Helper()
	w.Add(w.t, "calendar_feeds", map[string]any{"client": testkit.Ada, "portal_user": testkit.AdaLogin, "token_hash": "of a feed"})
	visit, err := w.App.FindFirstRecordByFilter("appointments", "client = {:c}", dbx.Params{"c": testkit.Ada})
	if err != nil {
		w.t.Fatal(err)
	}
	w.Add(w.t, "appointment_reminders", map[string]any{"appointment": visit.Id, "client": testkit.Ada, "start_time": visit.GetDateTime("start_time"),
		"minutes_before": 60, "channel": "email", "sent_at": testkit.Monday})
}
