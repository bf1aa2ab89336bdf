package hooks_test

import (
	"anteroom/hooks/kernel"
	"anteroom/hooks/testkit"
)

func identityRules() []rule { return []rule{usedOnce(), addressIsProven(), ownPasskeys()} }

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
