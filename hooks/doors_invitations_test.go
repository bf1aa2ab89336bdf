package hooks_test

import (
	"anteroom/hooks/kernel"
	"anteroom/hooks/testkit"
)

const ourBad = "400 VALIDATION_ERROR "

// asks sends to a route of ours as somebody.
func asks(email, method, path string, body map[string]any, want string, headers ...string) try {
	return try{email + " asks " + method + " " + path, want, func(w *world) any { return w.api(method, path, email, body, headers...) }, nil}
}

func invitationsAreGiven() rule {
	const table, ways = "invitations", kernel.Desk + "/invitations"
	offer := map[string]any{"client": testkit.Bo, "email": "kin@mail.example", "relationship": "self", "scope": "all", "invited_by": "staff:" + testkit.Admin,
		"link_hash": "chosen", "expires_at": slot}
	form := map[string]any{"clientId": testkit.Bo, "email": "kin@mail.example", "relationship": "self", "scope": "all"}
	access := map[string]any{"email": "kin@mail.example", "relationship": "self", "scope": "all"}
	scope, longer, email := map[string]any{"scope": "all"}, map[string]any{"expires_at": "2030-01-01 00:00:00.000Z"}, map[string]any{"email": testkit.AdaEmail}
	mine := map[string]any{"link_hash": "chosen", "sent_count": 2}
	taken := map[string]any{"accepted_by": testkit.AdaLogin, "accepted_at": slot}
	revoked := map[string]any{"revoked_at": slot}
	tries := map[string]any{"tries": 3}
	nobody := []kernel.Actor{guestActor, processor, billingActor}
	clients := []kernel.Actor{adaActor, guestActor}
	return rule{
		name: "An invitation is made by who may give that access, and stays what it was made for",
		given: func(w *world) {
			w.id["invitation"] = w.Add(w.t, table, map[string]any{"client": testkit.Bo, "email": "friend@mail.example", "relationship": "billing",
				"scope": "billing", "invited_by": "system", "link_hash": "mailed", "expires_at": slot}).Id
			w.Add(w.t, "client_access", map[string]any{"client": testkit.Bo, "portal_user": testkit.AdaLogin, "relationship": "partner", "scope": "all"})
		},
		doors: with(shut(table, "UPDATE invitations SET scope = 'all'"), map[door]cell{
			portalDoor: attempts(asks(testkit.AdaEmail, "POST", kernel.Portal+"/profile/access", access, ourBad+"relationship:role"),
				asks(testkit.AdaEmail, "POST", kernel.Portal+"/profile/access", map[string]any{"email": "kin@mail.example", "relationship": "partner", "scope": "all"},
					ourBad+"clientId:role", "X-Client-Id", testkit.Bo),
				asks(testkit.AdaEmail, "DELETE", kernel.Portal+"/profile/access/{invitation}", nil, "403 NOT_YOURS_TO_END", "X-Client-Id", testkit.Bo),
				asks(testkit.AdaEmail, "POST", kernel.Portal+"/auth/invitations/join", map[string]any{"token": "mailed", "dateOfBirth": "1985-01-02"}, "400 LINK_INVALID")),
			deskDoor: attempts(asks(testkit.DeskEmail, "POST", ways, form, ourBad+"scope:role"), asks(testkit.AnaEmail, "POST", ways, form, "404 NOT_FOUND"),
				asks(testkit.BillingEmail, "POST", ways, form, "403 ROLE"), asks(testkit.BillingEmail, "POST", ways+"/{invitation}/resend", nil, "403 ROLE"),
				asks(testkit.BillingEmail, "DELETE", ways+"/{invitation}", nil, "403 ROLE")),
			staffDoor: among(posts(allStaff, table, offer, "403"), patches(allStaff, table, "{invitation}", scope, "403"), deletes(allStaff, table, "{invitation}", "403")),
			ownerDoor: among(posts(owner, table, offer, "403 PORTAL_WRITES"), patches(owner, table, "{invitation}", scope, "403 PORTAL_WRITES"),
				deletes(owner, table, "{invitation}", "403 PORTAL_WRITES")),
			systemDoor: among(saves(system, table, "{invitation}", scope, "scope:fixed"), saves(system, table, "{invitation}", email, "email:fixed"),
				saves(system, table, "{invitation}", longer, "expires_at:fixed"), saves(system, table, "{invitation}", tries, "tries:counted"),
				saves(system, table, "{invitation}", taken, "accepted_by:not_theirs")),
			stampedDoor: among(creates(nobody, table, offer, "client:role"), creates([]kernel.Actor{adaActor}, table, offer, "relationship:role"), creates([]kernel.Actor{deskActor}, table, offer, "scope:role"),
				creates([]kernel.Actor{anaActor}, table, offer, "client:care_team"), saves(clients, table, "{invitation}", mine, "link_hash:role"),
				saves(clients, table, "{invitation}", revoked, "revoked_at:role"), saves([]kernel.Actor{adaActor, boActor, adminActor}, table, "{invitation}", taken, "accepted_by:not_theirs")),
			unvalidateDoor: attempts(unvalidated(table, "{invitation}", scope, "scope:fixed"), unvalidated(table, "{invitation}", longer, "expires_at:fixed"),
				unvalidatedNew(table, offer, "scope:role", deskActor)),
			sqlDoor: notADoor("nothing of ours writes this table by SQL (TestNoCodeGoesAround)"),
		}),
	}
}

func agesLimitAccess() rule {
	const table = "client_access"
	parent := map[string]any{"client": testkit.Uma, "portal_user": testkit.BoLogin, "relationship": "parent", "scope": "all"}
	guardian := map[string]any{"client": testkit.Ada, "portal_user": testkit.BoLogin, "relationship": "guardian", "scope": "all"}
	child := map[string]any{"client": testkit.Cleo, "portal_user": testkit.BoLogin, "relationship": "self", "scope": "all"}
	forever := map[string]any{"expires_at": ""}
	admin := []string{testkit.AdminEmail}
	capped := func(list []try) []try {
		for i := range list {
			list[i].held = func(w *world) string {
				if end := w.cell(table, "expires_at", "{cleos}"); end != "2036-05-05 06:00:00.000Z" {
					return "a parent's access ends " + end
				}
				return ""
			}
		}
		return list
	}
	return rule{
		name: "A parent's access ends when the client is of age, and children have no login of their own",
		given: func(w *world) {
			cleos, err := w.App.FindFirstRecordByFilter(table, "client = '"+testkit.Cleo+"'")
			if err != nil {
				w.t.Fatal(err)
			}
			w.id["cleos"] = cleos.Id
		},
		doors: with(shut(table, "UPDATE client_access SET expires_at = ''"), map[door]cell{
			portalDoor: attempts(asks(testkit.AdaEmail, "POST", kernel.Portal+"/profile/access", map[string]any{"email": "kin@mail.example", "relationship": "parent", "scope": "all"},
				ourBad+"relationship:of_age")),
			deskDoor: attempts(asks(testkit.AdminEmail, "POST", kernel.Desk+"/invitations", map[string]any{"clientId": testkit.Uma, "email": "kin@mail.example", "relationship": "parent"},
				ourBad+"relationship:of_age"),
				asks(testkit.AdminEmail, "POST", kernel.Desk+"/invitations", map[string]any{"clientId": testkit.Cleo, "email": "kin@mail.example"}, ourBad+"relationship:too_young")),
			staffDoor: among(posts(admin, table, parent, "400 relationship:of_age"), posts([]string{testkit.AnaEmail}, table, guardian, "400 relationship:guardian"),
				posts(admin, table, child, "400 relationship:too_young"), capped(patches(admin, table, "{cleos}", forever, "200"))),
			ownerDoor: among(posts(owner, table, parent, "400 relationship:of_age"), posts(owner, table, child, "400 relationship:too_young"),
				capped(patches(owner, table, "{cleos}", forever, "200"))),
			systemDoor: among(creates(system, table, parent, "relationship:of_age"), creates(system, table, child, "relationship:too_young"),
				capped(saves(system, table, "{cleos}", forever, "done"))),
			stampedDoor: among(creates([]kernel.Actor{adminActor, ownerActor}, table, parent, "relationship:of_age"), creates([]kernel.Actor{anaActor}, table, guardian, "relationship:guardian"),
				capped(saves([]kernel.Actor{adminActor}, table, "{cleos}", forever, "done"))),
			unvalidateDoor: attempts(unvalidatedNew(table, parent, "relationship:of_age"), unvalidatedNew(table, child, "relationship:too_young")),
			sqlDoor:        notADoor("nothing of ours writes this table by SQL (TestNoCodeGoesAround)"),
		}),
	}
}

func accountsAreClosedByTheirPerson() rule {
	const table, reason = "portal_users", "the portal closes no account of its own accord"
	closed, active := map[string]any{"account_status": "closed"}, map[string]any{"account_status": "active"}
	others := []kernel.Actor{boActor, deskActor, anaActor, adminActor, ownerActor, guestActor}
	noAdmin := []kernel.Actor{adaActor, boActor, deskActor, anaActor, billingActor, guestActor}
	return rule{
		name: "An account is closed by its person, and opened again by an administrator",
		given: func(w *world) {
			w.id["closed"] = w.Add(w.t, table, map[string]any{"email": "gone@mail.example", "password": testkit.Password, "verified": true, "account_status": "closed"}).Id
		},
		doors: with(shut(table, "UPDATE portal_users SET account_status = 'closed'"), map[door]cell{
			portalDoor:     notADoor("a route of clients closes the caller's own account and takes no id"),
			deskDoor:       attempts(asks(testkit.DeskEmail, "POST", kernel.Desk+"/portal-users/{closed}/resume", map[string]any{"reason": "x"}, "403 ROLE")),
			staffDoor:      among(patches(allStaff, table, testkit.AdaLogin, closed, "403"), patches(allStaff, table, "{closed}", active, "403")),
			ownerDoor:      among(patches(owner, table, testkit.AdaLogin, closed, "400 account_status:own_person")),
			systemDoor:     notADoor(reason),
			stampedDoor:    among(saves(others, table, testkit.AdaLogin, closed, "account_status:own_person"), saves(noAdmin, table, "{closed}", active, "account_status:role")),
			unvalidateDoor: attempts(unvalidated(table, testkit.AdaLogin, closed, "account_status:own_person", adminActor), unvalidated(table, "{closed}", active, "account_status:role", deskActor)),
			sqlDoor:        notADoor("nothing of ours writes this column by SQL (TestNoCodeGoesAround)"),
		}),
	}
}
