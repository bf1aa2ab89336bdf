package hooks_test

import (
	"anteroom/hooks/kernel"
	"anteroom/hooks/testkit"
)

// A passkey of another's choice would be a key to the account.
func ownPasskeys() rule {
	const table = "passkey_credentials"
	adas := func(id string) map[string]any {
		return map[string]any{"owner_collection": "portal_users", "owner": testkit.AdaLogin, "name": "Mine now", "credential_id": id, "public_key": "y", "device_type": "single"}
	}
	moved, name, key := map[string]any{"owner": testkit.BoLogin}, map[string]any{"name": "Mine now"}, map[string]any{"public_key": "y"}
	ada := kernel.Actor{Kind: kernel.KindClient, ID: testkit.AdaLogin}
	namesake := kernel.Actor{Kind: kernel.KindStaff, ID: testkit.AdaLogin, Role: kernel.RoleAdmin} // another collection's account with her id
	others := []kernel.Actor{boActor, deskActor, anaActor, adminActor, billingActor, ownerActor, guestActor, processor, namesake}
	strangers := []kernel.Actor{boActor, anaActor, billingActor, guestActor, processor}
	const path = kernel.Portal + "/auth/passkeys/{passkey}"
	portal := func(method, email, want string) try {
		return try{email + " sends " + method, want, func(w *world) any { return w.api(method, path, email, name) }, nil}
	}
	return rule{
		name:  "A passkey is added, named and removed by its own account, and is nobody else's",
		given: proofs,
		doors: with(shut(table, "UPDATE passkey_credentials SET owner = '"+testkit.BoLogin+"'"), map[door]cell{
			portalDoor: attempts(portal("PATCH", testkit.BoEmail, "404 NOT_FOUND"), portal("DELETE", testkit.BoEmail, "404 NOT_FOUND"),
				portal("PATCH", testkit.AdminEmail, "404 NOT_FOUND"), portal("DELETE", testkit.AdminEmail, "404 NOT_FOUND")),
			deskDoor: notADoor("the desk takes all of somebody's factors away at once and adds none"),
			staffDoor: among(posts(allStaff, table, adas("new"), "403"), patches(allStaff, table, "{passkey}", name, "403"),
				deletes(allStaff, table, "{passkey}", "403")),
			ownerDoor: among(posts(owner, table, adas("new"), "403 PORTAL_WRITES"), patches(owner, table, "{passkey}", name, "403 PORTAL_WRITES"),
				deletes(owner, table, "{passkey}", "403 PORTAL_WRITES")),
			systemDoor: among(creates(system, table, adas("x"), "PASSKEY_KNOWN"), saves(system, table, "{passkey}", moved, "PASSKEY_FIXED"),
				saves(system, table, "{passkey}", key, "PASSKEY_FIXED")),
			stampedDoor: among(creates(others, table, adas("new"), "FOREIGN_PASSKEY"), saves(others, table, "{passkey}", name, "FOREIGN_PASSKEY"),
				saves(others, table, "{passkey}", moved, "FOREIGN_PASSKEY"), erases(strangers, table, "{passkey}", "FOREIGN_PASSKEY"),
				creates([]kernel.Actor{ada}, table, adas("x"), "PASSKEY_KNOWN"), saves([]kernel.Actor{ada}, table, "{passkey}", key, "PASSKEY_FIXED")),
			unvalidateDoor: attempts(unvalidated(table, "{passkey}", name, "FOREIGN_PASSKEY", boActor), unvalidated(table, "{passkey}", moved, "PASSKEY_FIXED"),
				unvalidatedNew(table, adas("new"), "FOREIGN_PASSKEY", adminActor), unvalidatedNew(table, adas("x"), "PASSKEY_KNOWN")),
			sqlDoor: attempts(inserts("INSERT", table, "{passkey}", map[string]string{"id": "'copycopycopy000'"}, "sql: UNIQUE constraint failed: passkey_credentials.credential_id")),
		}),
	}
}
