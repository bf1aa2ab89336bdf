package hooks_test

import (
	"anteroom/collections"
	"anteroom/hooks/kernel"
	"anteroom/hooks/testkit"
)

func peopleRules() []rule {
	return []rule{accessIsGiven(), portalsOwnFacts(), provenNumbers(), invitationsAreGiven(), agesLimitAccess(), accountsAreClosedByTheirPerson()}
}

func accessIsGiven() rule {
	const table, team = "client_access", "care_team"
	whole := map[string]any{"client": testkit.Bo, "portal_user": testkit.AdaLogin, "relationship": "partner", "scope": "all", "granted_by": "staff:" + testkit.Admin}
	asBo := map[string]any{"client": testkit.Bo, "portal_user": testkit.AdaLogin, "relationship": "self", "scope": "billing"}
	another, login := map[string]any{"client": testkit.Uma}, map[string]any{"portal_user": testkit.BoLogin}
	scope, forever, self := map[string]any{"scope": "all"}, map[string]any{"expires_at": ""}, map[string]any{"relationship": "self"}
	forged := map[string]any{"granted_by": "staff:" + testkit.Admin}
	joins := map[string]any{"client": testkit.Bo, "clinician": testkit.Ana, "role": "member"}
	desk, ana, givers := []string{testkit.DeskEmail}, []string{testkit.AnaEmail}, []string{testkit.DeskEmail, testkit.AdminEmail}
	nobody := []kernel.Actor{adaActor, boActor, guestActor, processor, billingActor}
	byDesk, byAna := []kernel.Actor{deskActor}, []kernel.Actor{anaActor}
	asGiven := func(list []try) []try {
		for i := range list {
			list[i].held = func(w *world) string { return w.cell(table, "granted_by", "{narrow}") }
		}
		return list
	}
	return rule{
		name: "Access to a client is given by who may, and says by whom",
		given: func(w *world) {
			w.id["narrow"] = w.Add(w.t, table, map[string]any{"client": testkit.Bo, "portal_user": testkit.AdaLogin, "relationship": "partner",
				"scope": "billing", "expires_at": slot}).Id
			if err := w.sql("UPDATE client_access SET granted_by = '' WHERE id = '{narrow}'"); err != nil {
				w.t.Fatal(err)
			}
			umas := w.Add(w.t, table, map[string]any{"client": testkit.Uma, "portal_user": testkit.AdaLogin, "relationship": "guardian", "scope": "all", "expires_at": slot})
			w.id["umas"] = umas.Id
		},
		doors: with(shut(table, "UPDATE client_access SET scope = 'all'"), map[door]cell{
			portalDoor: notADoor("routes give access to whoever proves an address or follows an invitation, and take neither login nor client from a body"),
			deskDoor:   notADoor("the desk's routes invite, and end access; none gives it or changes a care team"),
			staffDoor: among(posts(desk, table, whole, "400 scope:role"), posts(desk, table, asBo, "400 scope:role"), posts(ana, table, whole, "400 client:care_team"),
				posts([]string{testkit.BillingEmail}, table, whole, "400"), patches([]string{testkit.BillingEmail}, table, "{narrow}", scope, "404"),
				patches(desk, table, "{narrow}", scope, "400 scope:role"), patches(desk, table, "{narrow}", self, "400 scope:role"),
				patches(desk, table, "{umas}", forever, "400 scope:role"), patches(ana, table, "{narrow}", forever, "404"),
				patches(givers, table, "{narrow}", another, "400 client:fixed"), patches(givers, table, "{narrow}", login, "400 portal_user:fixed"),
				asGiven(patches(givers, table, "{narrow}", forged, "200")),
				posts(ana, team, joins, "400 client:care_team")),
			ownerDoor: among(patches(owner, table, "{narrow}", another, "400 client:fixed"), patches(owner, table, "{narrow}", login, "400 portal_user:fixed"),
				asGiven(patches(owner, table, "{narrow}", forged, "200"))),
			systemDoor: among(saves(system, table, "{narrow}", another, "client:fixed"), saves(system, table, "{narrow}", login, "portal_user:fixed"),
				asGiven(saves(system, table, "{narrow}", forged, "done"))),
			stampedDoor: among(creates(nobody, table, map[string]any{"client": testkit.Cleo, "portal_user": testkit.BoLogin, "relationship": "self", "scope": "all"}, "client:role"),
				saves(nobody, table, "{narrow}", scope, "client:role"), saves(nobody, table, "{narrow}", forever, "client:role"),
				saves(byDesk, table, "{narrow}", scope, "scope:role"), saves(byDesk, table, "{umas}", forever, "scope:role"),
				saves(byAna, table, "{narrow}", scope, "client:care_team"), creates(byAna, team, joins, "client:care_team")),
			unvalidateDoor: attempts(unvalidated(table, "{narrow}", scope, "scope:role", deskActor), unvalidated(table, "{narrow}", another, "client:fixed"),
				unvalidatedNew(team, joins, "client:care_team", anaActor)),
			sqlDoor: notADoor("nothing of ours writes these tables by SQL (TestNoCodeGoesAround)"),
		}),
	}
}

func portalsOwnFacts() rule {
	const table = "clients"
	facts := []map[string]any{{"stripe_customer_id": "cus_other"}, {"phone_verified": true}, {"no_show_count": 3}, {"sms_consent_text": "Yes."},
		{"sms_consent_at": slot}, {"no_show_count": -1}}
	births := map[string]string{"1990-02-30": "no_such_day", "1899-12-31": "range", "2026-12-08": "range", "2190-01-01": "range"}
	whoWrites := []string{testkit.DeskEmail, testkit.AnaEmail, testkit.AdminEmail}
	actors := []kernel.Actor{deskActor, anaActor, adminActor, ownerActor, billingActor, adaActor, guestActor}
	newcomer := func(more map[string]any) map[string]any {
		all := map[string]any{"first_name": "New", "last_name": "Comer", "date_of_birth": "1990-01-01", "status": "active"}
		for k, v := range more {
			all[k] = v
		}
		return all
	}
	var staff, byOwner, bySystem, stamped, blind []try
	for _, f := range facts {
		code := keysOf(f) + ":portal_writes"
		staff = append(staff, patches(whoWrites, table, testkit.Ada, f, "400 "+code)...)
		staff = append(staff, posts(whoWrites, table, newcomer(f), "400 "+code)...)
		byOwner = append(byOwner, patches(owner, table, testkit.Ada, f, "400 "+code)...)
		byOwner = append(byOwner, posts(owner, table, newcomer(f), "400 "+code)...)
		stamped = append(stamped, saves(actors, table, testkit.Ada, f, code)...)
		blind = append(blind, unvalidated(table, testkit.Ada, f, code, adminActor))
	}
	for born, problem := range births {
		day, code := map[string]any{"date_of_birth": born}, "date_of_birth:"+problem
		staff = append(staff, patches(whoWrites, table, testkit.Ada, day, "400 "+code)...)
		byOwner = append(byOwner, posts(owner, table, newcomer(day), "400 "+code)...)
		bySystem = append(bySystem, saves(system, table, testkit.Ada, day, code)...)
		bySystem = append(bySystem, creates(system, table, newcomer(day), code)...)
		stamped = append(stamped, saves([]kernel.Actor{adminActor, processor}, table, testkit.Ada, day, code)...)
		blind = append(blind, unvalidated(table, testkit.Ada, day, code))
	}
	below := map[string]any{"no_show_count": -1}
	bySystem = append(bySystem, saves(append(system, processor), table, testkit.Ada, below, "no_show_count:negative")...)
	return rule{
		name: "A client was born on a day that exists, and what the portal finds out nobody writes",
		doors: with(shut(table, "UPDATE clients SET no_show_count = -1"), map[door]cell{
			portalDoor:     notADoor("the one route that writes a client's record takes a number that a code has proven: see that rule"),
			deskDoor:       notADoor("no route of the desk writes a client's record"),
			staffDoor:      among(staff),
			ownerDoor:      among(byOwner),
			systemDoor:     among(bySystem),
			stampedDoor:    among(stamped),
			unvalidateDoor: among(append(blind, unvalidated(table, testkit.Ada, below, "no_show_count:negative"))),
			sqlDoor:        notADoor("nothing of ours writes these columns by SQL (TestNoCodeGoesAround)"),
		}),
	}
}

func provenNumbers() rule {
	const table, proven = "clients", "+13035550101"
	prove := func(w *world) {
		r := w.Find(w.t, table, testkit.Ada)
		collections.AsClient(r).ProvePhone(proven)
		if err := kernel.SaveAs(w.App, adaActor, r); err != nil {
			w.t.Fatal(err)
		}
	}
	// let in, and unproven: then the number is proven again, so that the next attempt has something to harm
	lets := func(list ...[]try) []try {
		all := among(list...).tries
		for i := range all {
			all[i].held = func(w *world) string {
				r := w.Find(w.t, table, testkit.Ada)
				defer prove(w)
				if r.GetString("phone") == proven || r.GetBool("phone_verified") {
					return r.GetString("phone") + " counts as proven"
				}
				return ""
			}
		}
		return all
	}
	other, both, none := map[string]any{"phone": "+13035550199"}, map[string]any{"phone": "+13035550199", "phone_verified": true}, map[string]any{"phone": ""}
	sameInOtherWords := map[string]any{"phone": "(303) 555-0101"}
	whoWrites := []string{testkit.DeskEmail, testkit.AnaEmail, testkit.AdminEmail}
	actors := []kernel.Actor{deskActor, adminActor, ownerActor, adaActor, processor}
	return rule{
		name:  "A number counts as proven while it is the one that a code proved",
		given: prove,
		doors: with(shut(table, "UPDATE clients SET phone = '+13035550199'"), map[door]cell{
			portalDoor: attempts(try{"Ada types a code that nobody sent", "400 CODE_INVALID code:code", func(w *world) any {
				return w.api("POST", kernel.Portal+"/profile/phone/verify", testkit.AdaEmail, map[string]any{"code": "123456", "phone": "+13035550199"})
			}, nil}, try{"Ada proves a number that earns", "400 PHONE_INVALID phone:phone", func(w *world) any {
				return w.api("POST", kernel.Portal+"/profile/phone/send-code", testkit.AdaEmail, map[string]any{"phone": "+1 900 555 1234"})
			}, nil}),
			deskDoor: notADoor("no route of the desk writes a client's record"),
			staffDoor: among(lets(patches(whoWrites, table, testkit.Ada, other, "200"), patches(whoWrites, table, testkit.Ada, both, "200"),
				patches(whoWrites, table, testkit.Ada, sameInOtherWords, "200"))),
			ownerDoor:      among(lets(patches(owner, table, testkit.Ada, other, "200"), patches(owner, table, testkit.Ada, both, "200"))),
			systemDoor:     among(lets(saves(system, table, testkit.Ada, other, "done"), saves(system, table, testkit.Ada, both, "done"), saves(system, table, testkit.Ada, none, "done"))),
			stampedDoor:    among(lets(saves(actors, table, testkit.Ada, other, "done"), saves(actors, table, testkit.Ada, both, "done"))),
			unvalidateDoor: among(lets([]try{unvalidated(table, testkit.Ada, both, "done"), unvalidated(table, testkit.Ada, other, "done", adminActor)})),
			sqlDoor:        notADoor("nothing of ours writes these columns by SQL (TestNoCodeGoesAround)"),
		}),
	}
}
