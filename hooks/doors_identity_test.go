package hooks_test

import (
	"anteroom/hooks/kernel"
	"anteroom/hooks/testkit"
)

func identityRules() []rule {
	return []rule{usedOnce(), accountHistory(), addressIsProven(), ownPasskeys()}
}

// proofs gives Ada one of everything that signs somebody in or lets them in, each used or counted already.
func proofs(w *world) {
	const used = "2026-12-01 10:00:00.000Z"
	mine := func(values map[string]any) map[string]any {
		values["owner_collection"], values["owner"] = "portal_users", testkit.AdaLogin
		return values
	}
	w.id["factor"] = w.Add(w.t, "mfa_factors", mine(map[string]any{"method": "totp", "secret": "JBSWY3DPEHPK3PXP", "last_step": 59888640})).Id
	w.id["recovery"] = w.Add(w.t, "recovery_codes", mine(map[string]any{"code_hash": "x", "used_at": used})).Id
	w.id["passkey"] = w.Add(w.t, "passkey_credentials", mine(map[string]any{"name": "Phone", "credential_id": "x", "public_key": "x", "sign_count": 7, "device_type": "single"})).Id
	w.id["device"] = w.Add(w.t, "remembered_devices", mine(map[string]any{"token_hash": "x", "expires_at": slot})).Id
	w.id["invitation"] = w.Add(w.t, "invitations", map[string]any{"client": testkit.Ada, "email": "kin@mail.example", "relationship": "partner", "scope": "billing",
		"invited_by": "system", "link_hash": "x", "expires_at": slot}).Id
	if err := w.sql("UPDATE invitations SET accepted_at = '" + used + "' WHERE id = '{invitation}'"); err != nil { // nobody is born accepted
		w.t.Fatal(err)
	}
	event := w.record("account_history", map[string]any{"account": testkit.AdaLogin, "action": "unlock", "reason": "Asked.", "actor_kind": "staff", "actor": testkit.DeskStaff, "at": used})
	if err := kernel.SaveAs(w.App, kernel.Actor{Kind: kernel.KindStaff, ID: testkit.DeskStaff, Role: kernel.RoleFrontDesk}, event); err != nil {
		w.t.Fatal(err)
	}
	w.id["event"] = event.Id
}

// accountHistory is added to by the portal, while staff act.
func accountHistory() rule {
	const table, refused = "account_history", "sql: the history of accounts is append-only"
	row := map[string]any{"account": testkit.AdaLogin, "action": "suspend", "reason": "Mine.", "actor_kind": "staff", "actor": testkit.Admin, "at": slot}
	change := map[string]any{"actor": testkit.Admin}
	desk := kernel.Actor{Kind: kernel.KindStaff, ID: testkit.DeskStaff, Role: kernel.RoleFrontDesk}
	others := []kernel.Actor{desk, {Kind: kernel.KindStaff, ID: testkit.Ana, Role: kernel.RoleClinician}, {Kind: kernel.KindClient, ID: testkit.AdaLogin}, kernel.System()}
	return rule{
		name:  "What the clinic did to a login is only added to, by who did it",
		given: proofs,
		doors: with(shut(table, "DELETE FROM account_history"), map[door]cell{
			portalDoor: notADoor("no route of clients names a row of it"),
			deskDoor:   notADoor("the desk's routes add what they do and take no row from a caller"),
			staffDoor:  among(posts(allStaff, table, row, "403"), patches(allStaff, table, "{event}", change, "403"), deletes(allStaff, table, "{event}", "403")),
			ownerDoor:  among(posts(owner, table, row, "403 PORTAL_WRITES"), patches(owner, table, "{event}", change, "403 PORTAL_WRITES"), deletes(owner, table, "{event}", "403 PORTAL_WRITES")),
			systemDoor: among(creates([]kernel.Actor{kernel.System()}, table, row, "actor:history"), saves([]kernel.Actor{kernel.System()}, table, "{event}", change, "actor:history"),
				erases([]kernel.Actor{kernel.System()}, table, "{event}", refused)),
			stampedDoor:    among(creates(others, table, row, "actor:history"), saves(others, table, "{event}", change, "actor:history"), erases(others, table, "{event}", refused)),
			unvalidateDoor: attempts(unvalidated(table, "{event}", change, "actor:history"), unvalidatedNew(table, row, "actor:history")),
			sqlDoor:        attempts(runs("UPDATE account_history SET action = 'x'", refused), runs("DELETE FROM account_history", refused)),
		}),
	}
}

func usedOnce() rule {
	const reason = "no route takes any of these values from a caller"
	again := []struct {
		table, key string
		values     map[string]any
		statement  string
		answer     string
	}{
		{"recovery_codes", "{recovery}", map[string]any{"used_at": ""}, "used_at = ''", "a recovery code is used once"},
		{"mfa_factors", "{factor}", map[string]any{"last_step": 1}, "last_step = 1", "a time step is used once"},
		{"passkey_credentials", "{passkey}", map[string]any{"sign_count": 1}, "sign_count = 1", "a passkey's counter never goes back"},
		{"invitations", "{invitation}", map[string]any{"accepted_at": ""}, "accepted_at = ''", "an invitation is accepted once"},
	}
	r := rule{name: "What proves somebody once never proves again", given: proofs}
	staff, ownerCell, system, stamped, unvalidatedCell, raw := cell{}, cell{}, cell{}, cell{}, cell{}, cell{}
	for _, a := range again {
		want := "sql: " + a.answer
		rule := want
		if a.table == "invitations" {
			rule = "accepted_at:fixed"
		}
		staff.tries = append(staff.tries, patches(allStaff, a.table, a.key, a.values, "403")...)
		ownerCell.tries = append(ownerCell.tries, patches(owner, a.table, a.key, a.values, "403 PORTAL_WRITES")...)
		system.tries = append(system.tries, saves([]kernel.Actor{kernel.System()}, a.table, a.key, a.values, rule)...)
		stamped.tries = append(stamped.tries, saves([]kernel.Actor{{Kind: kernel.KindClient, ID: testkit.AdaLogin}}, a.table, a.key, a.values, rule)...)
		unvalidatedCell.tries = append(unvalidatedCell.tries, unvalidated(a.table, a.key, a.values, rule))
		raw.tries = append(raw.tries, runs("UPDATE "+a.table+" SET "+a.statement+" WHERE id = '"+a.key+"'", want))
	}
	r.doors = with(shut("recovery_codes", "UPDATE recovery_codes SET used_at = ''"), map[door]cell{
		portalDoor: notADoor(reason), deskDoor: notADoor(reason), staffDoor: staff, ownerDoor: ownerCell, systemDoor: system,
		stampedDoor: stamped, unvalidateDoor: unvalidatedCell, sqlDoor: raw})
	return r
}
