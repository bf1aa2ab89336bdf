package hooks_test

import (
	"anteroom/hooks/kernel"
	"anteroom/hooks/testkit"
)

func privacyRules() []rule {
	return []rule{glassIsBroken(), notesAreTheirAuthors(), cliniciansStayWithinReach()}
}

// glassEnd is an hour after every clinic's clock starts.
const glassEnd = "2026-12-07 17:00:00.000Z"

// treated are: glass, broken by Ana for Uma; draft and note, Ana's about Ada; upload, of Ada.
func treated(w *world) {
	w.t.Helper()
	w.id["glass"] = w.Add(w.t, "break_glass", map[string]any{"client": testkit.Uma, "staff": testkit.AnaStaff, "reason": "Uma called in a crisis.", "until": glassEnd}).Id
	for key, status := range map[string]string{"draftNote": "draft", "note": "signed"} {
		w.id[key] = w.Add(w.t, "treatment_notes", map[string]any{"client": testkit.Ada, "clinician": testkit.Ana, "author": testkit.AnaStaff,
			"kind": "progress", "status": status, "title": "Session", "body": "She slept."}).Id
	}
	w.id["upload"] = picture(w.t, w.Clinic, testkit.Ada)
}

func glassIsBroken() rule {
	const table, kept = "break_glass", "sql: a broken glass stays as it was recorded"
	row := map[string]any{"client": testkit.Bo, "staff": testkit.AnaStaff, "reason": "Bo called in a crisis.", "until": glassEnd}
	with1 := func(name string, value any) map[string]any {
		out := map[string]any{}
		for k, v := range row {
			out[k] = v
		}
		out[name] = value
		return out
	}
	longer, other, unsaid := map[string]any{"until": slot}, map[string]any{"client": testkit.Bo}, map[string]any{"reason": "Nothing in particular."}
	others := []kernel.Actor{adaActor, guestActor, deskActor, billingActor, adminActor, ownerActor, processor}
	ana := []kernel.Actor{anaActor}
	const glass = kernel.Desk + "/break-glass"
	const bad = "400 VALIDATION_ERROR "
	return rule{
		name:  "A glass is broken by a clinician, with a reason, for a while, and stays on record",
		given: treated,
		doors: with(shut(table, "DELETE FROM break_glass"), map[door]cell{
			portalDoor: notADoor("no route of clients names a broken glass"),
			deskDoor: attempts(asks(testkit.AnaEmail, "POST", glass, map[string]any{"clientId": testkit.Bo, "reason": " too short ", "minutes": 10}, bad+"reason:length"),
				asks(testkit.AnaEmail, "POST", glass, map[string]any{"clientId": testkit.Bo, "reason": "Bo called in a crisis.", "minutes": 241}, bad+"minutes:range"),
				asks(testkit.AnaEmail, "POST", glass, map[string]any{"clientId": testkit.Bo, "reason": "Bo called in a crisis.", "minutes": 0}, bad+"minutes:range"),
				asks(testkit.AnaEmail, "POST", glass, map[string]any{"clientId": testkit.Ada, "reason": "I would like to look.", "minutes": 10}, "409 ALREADY_REACHED"),
				asks(testkit.DeskEmail, "POST", glass, map[string]any{"clientId": testkit.Bo, "reason": "Bo called in a crisis.", "minutes": 10}, "403 ROLE"),
				asks(testkit.OwnerEmail, "POST", glass, map[string]any{"clientId": testkit.Bo, "reason": "Bo called in a crisis.", "minutes": 10}, "403 ROLE"),
				asks(testkit.DeskEmail, "POST", glass+"/{glass}/end", map[string]any{}, "403 ROLE")),
			staffDoor: among(posts(allStaff, table, row, "403"), patches(allStaff, table, "{glass}", longer, "403"), deletes(allStaff, table, "{glass}", "403")),
			ownerDoor: among(posts(owner, table, row, "403"), patches(owner, table, "{glass}", longer, "409"), patches(owner, table, "{glass}", unsaid, "409"),
				deletes(owner, table, "{glass}", "409")),
			systemDoor: among(creates(system, table, with1("staff", testkit.DeskStaff), "ROLE"), creates(system, table, with1("until", slot), "VALIDATION_ERROR"),
				creates(system, table, with1("reason", "short"), "VALIDATION_ERROR"), creates(system, table, with1("client", testkit.Ada), "ALREADY_REACHED"),
				saves(system, table, "{glass}", longer, "KEPT"), saves(system, table, "{glass}", other, "KEPT"), erases(system, table, "{glass}", "KEPT")),
			stampedDoor: among(creates(others, table, row, "ROLE"), creates(ana, table, with1("staff", testkit.Admin), "ROLE"),
				saves(ana, table, "{glass}", longer, "KEPT"), saves([]kernel.Actor{deskActor, billingActor, adaActor}, table, "{glass}", map[string]any{"ended_at": glassEnd}, "ROLE"),
				erases(ana, table, "{glass}", "KEPT")),
			unvalidateDoor: attempts(unvalidatedNew(table, with1("until", slot), "VALIDATION_ERROR"), unvalidatedNew(table, row, "ROLE", adminActor),
				unvalidated(table, "{glass}", longer, "KEPT")),
			sqlDoor: attempts(runs("UPDATE break_glass SET until = '"+slot+"'", kept), runs("UPDATE break_glass SET staff = '"+testkit.Admin+"'", kept),
				runs("DELETE FROM break_glass", kept), inserts("INSERT OR REPLACE", table, "{glass}", map[string]string{"until": "'" + slot + "'"}, kept)),
		}),
	}
}

func notesAreTheirAuthors() rule {
	const table, frozen = "treatment_notes", "sql: a signed note is frozen"
	row := map[string]any{"client": testkit.Ada, "kind": "progress", "status": "draft", "body": "x"}
	foreign := map[string]any{"client": testkit.Ada, "clinician": testkit.Ben, "author": testkit.AnaStaff, "kind": "progress", "status": "draft", "body": "x"}
	other, kind, empty := map[string]any{"client": testkit.Cleo}, map[string]any{"kind": "intake"}, map[string]any{"body": " ", "status": "signed"}
	amends := map[string]any{"amends": "{draftNote}"}
	nobody := []kernel.Actor{adaActor, guestActor, deskActor, billingActor, adminActor, ownerActor, processor}
	ana, anaEmail := []kernel.Actor{anaActor}, []string{testkit.AnaEmail}
	return rule{
		name:  "A treatment note is its author's, signed once, and then frozen",
		given: treated,
		doors: with(shut(table, "DELETE FROM treatment_notes"), map[door]cell{
			portalDoor: notADoor("no route of clients names a note"),
			deskDoor:   notADoor("no route of the desk names a note"),
			staffDoor: among(posts([]string{testkit.DeskEmail, testkit.BillingEmail}, table, row, "400"), posts([]string{testkit.AdminEmail}, table, row, "403"),
				patches([]string{testkit.DeskEmail, testkit.BillingEmail, testkit.AdminEmail}, table, "{draftNote}", kind, "404"),
				patches(anaEmail, table, "{note}", kind, "409"), patches(anaEmail, table, "{note}", map[string]any{"status": "draft"}, "409"),
				patches(anaEmail, table, "{draftNote}", empty, "400 body:required"), patches(anaEmail, table, "{draftNote}", amends, "400 amends:missing"),
				patches(anaEmail, table, "{draftNote}", map[string]any{"author": testkit.Admin}, "400 author:fixed"), deletes(allStaff, table, "{note}", "403")),
			ownerDoor: among(posts(owner, table, row, "403"), patches(owner, table, "{note}", kind, "409"), patches(owner, table, "{draftNote}", kind, "403"),
				deletes(owner, table, "{note}", "409"), deletes(owner, table, "{draftNote}", "403")),
			systemDoor: among(creates(system, table, foreign, "author:not_theirs"), saves(system, table, "{note}", kind, "NOTE_SIGNED"),
				saves(system, table, "{draftNote}", other, "client:fixed"), saves(system, table, "{draftNote}", amends, "amends:missing"), erases(system, table, "{note}", "NOTE_SIGNED")),
			stampedDoor: among(creates(nobody, table, row, "NOT_A_CLINICIAN"), saves(nobody, table, "{draftNote}", kind, "NOT_A_CLINICIAN"),
				saves(ana, table, "{note}", kind, "NOTE_SIGNED"), erases(nobody, table, "{draftNote}", "NOT_THE_AUTHOR")),
			unvalidateDoor: attempts(unvalidated(table, "{note}", kind, "NOTE_SIGNED"), unvalidated(table, "{draftNote}", empty, "body:required", anaActor)),
			sqlDoor: attempts(runs("UPDATE treatment_notes SET kind = 'intake' WHERE id = '{note}'", frozen), runs("DELETE FROM treatment_notes WHERE id = '{note}'", frozen),
				inserts("INSERT OR REPLACE", table, "{note}", map[string]string{"kind": "'intake'"}, frozen)),
		}),
	}
}

func cliniciansStayWithinReach() rule {
	ana, anaEmail := []kernel.Actor{anaActor}, []string{testkit.AnaEmail}
	born, visit := map[string]any{"first_name": "Other"}, map[string]any{"client": testkit.Cleo, "clinician": testkit.Ana, "service": testkit.Therapy,
		"location": testkit.Location, "start_time": slot, "status": "confirmed", "service_location": "in_office", "requested_via": "phone"}
	joins := map[string]any{"client": testkit.Cleo, "clinician": testkit.Ana, "role": "member"}
	note := map[string]any{"client": testkit.Cleo, "kind": "progress", "status": "draft", "body": "x"}
	form := map[string]any{"client": testkit.Cleo, "template": "{template}", "status": "pending"}
	return rule{
		name:  "A clinician acts only on the records they reach",
		given: func(w *world) { signed(w) },
		doors: with(shut("clients", "UPDATE clients SET first_name = 'Other'"), map[door]cell{
			portalDoor: notADoor("clinicians come to the portal of clients as nobody"),
			deskDoor: attempts(asks(testkit.AnaEmail, "POST", kernel.Desk+"/forms/assign", map[string]any{"clientId": testkit.Cleo, "templateId": "{template}"}, "404 NOT_FOUND"),
				asks(testkit.AnaEmail, "POST", kernel.Desk+"/invitations", map[string]any{"clientId": testkit.Cleo, "email": "kin@mail.example"}, "404 NOT_FOUND")),
			staffDoor: among(patches(anaEmail, "clients", testkit.Cleo, born, "404"), posts(anaEmail, "appointments", visit, "404"),
				posts(anaEmail, "care_team", joins, "400 client:care_team"), posts(anaEmail, "treatment_notes", note, "404")),
			ownerDoor:  notADoor("the owner is no clinician and reaches every record"),
			systemDoor: notADoor("the system is no clinician and reaches every record"),
			stampedDoor: among(saves(ana, "clients", testkit.Cleo, born, "OUT_OF_REACH"), creates(ana, "appointments", visit, "OUT_OF_REACH"),
				creates(ana, "care_team", joins, "client:care_team"), creates(ana, "treatment_notes", note, "OUT_OF_REACH"), creates(ana, "portal_forms", form, "OUT_OF_REACH")),
			unvalidateDoor: attempts(unvalidated("clients", testkit.Cleo, born, "OUT_OF_REACH", anaActor), unvalidatedNew("appointments", visit, "OUT_OF_REACH", anaActor)),
			sqlDoor:        notADoor("a statement has no actor; nothing of ours writes these tables by SQL"),
		}),
	}
}
