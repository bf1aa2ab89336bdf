package hooks_test

import (
	"anteroom/hooks/kernel"
	"anteroom/hooks/testkit"
)

func factorRules() []rule { return []rule{keysAreOnesOwn()} }

const umaLogin = "loginuma0000000"

var umaActor = kernel.Actor{Kind: kernel.KindClient, ID: umaLogin, Client: testkit.Uma}

// keys gives Uma a login with one row of everything that somebody signs in with beside a password.
func keys(w *world) {
	w.Add(w.t, "portal_users", map[string]any{"id": umaLogin, "email": testkit.UmaEmail, "password": testkit.Password, "verified": true, "account_status": "active"})
	own := func(collection string, more map[string]any) string {
		more["owner_collection"], more["owner"] = "portal_users", umaLogin
		return w.Add(w.t, collection, more).Id
	}
	w.id["factor"] = own("mfa_factors", map[string]any{"method": "totp", "secret": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "enabled_at": testkit.Monday, "last_step": 60000000})
	w.id["code"] = own("recovery_codes", map[string]any{"code_hash": "of a code"})
	w.id["device"] = own("remembered_devices", map[string]any{"token_hash": "of a cookie", "expires_at": slot})
	w.Deliver()
}

var (
	factorDoors = []struct{ table, key string }{{"mfa_factors", "{factor}"}, {"recovery_codes", "{code}"}, {"remembered_devices", "{device}"}}
	harmless    = map[string]map[string]any{"mfa_factors": {"last_used": slot}, "recovery_codes": {"used_at": slot}, "remembered_devices": {"last_used": slot}}
	bent        = map[string]map[string]any{"mfa_factors": {"secret": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}, "recovery_codes": {"code_hash": "mine"},
		"remembered_devices": {"expires_at": testkit.Monday.AddDate(9, 0, 0)}}
	forAda = map[string]map[string]any{"mfa_factors": {"method": "email", "enabled_at": slot}, "recovery_codes": {"code_hash": "known"},
		"remembered_devices": {"token_hash": "known", "expires_at": slot}}
)

func keysAreOnesOwn() rule {
	var staff, byOwner, bySystem, stamped, blind []try
	others := []kernel.Actor{adaActor, deskActor, anaActor, adminActor, billingActor, ownerActor, guestActor, processor,
		{Kind: kernel.KindStaff, ID: umaLogin, Role: kernel.RoleBilling}}
	cannotTake := []kernel.Actor{adaActor, anaActor, billingActor, guestActor, processor}
	for _, x := range factorDoors {
		whole := map[string]any{"owner_collection": "portal_users", "owner": umaLogin}
		for k, v := range forAda[x.table] {
			whole[k] = v
		}
		staff = append(staff, patches(allStaff, x.table, x.key, harmless[x.table], "403")...)
		staff = append(staff, posts(allStaff, x.table, whole, "403")...)
		byOwner = append(byOwner, patches(owner, x.table, x.key, harmless[x.table], "403 PORTAL_WRITES")...)
		byOwner = append(byOwner, posts(owner, x.table, whole, "403 PORTAL_WRITES")...)
		byOwner = append(byOwner, deletes(owner, x.table, x.key, "403 PORTAL_WRITES")...)
		stamped = append(stamped, creates(others, x.table, whole, "owner:role")...)
		stamped = append(stamped, saves(others, x.table, x.key, harmless[x.table], "owner:role")...)
		stamped = append(stamped, erases(cannotTake, x.table, x.key, "owner:role")...)
		fixed, moved := keysOf(bent[x.table])+":fixed", map[string]any{"owner": testkit.AdaLogin}
		stamped = append(stamped, saves([]kernel.Actor{umaActor, adminActor}, x.table, x.key, bent[x.table], fixed)...)
		stamped = append(stamped, saves([]kernel.Actor{adaActor, umaActor}, x.table, x.key, moved, "owner:fixed")...)
		bySystem = append(bySystem, saves(system, x.table, x.key, bent[x.table], fixed)...)
		bySystem = append(bySystem, saves(system, x.table, x.key, moved, "owner:fixed")...)
		blind = append(blind, unvalidated(x.table, x.key, bent[x.table], fixed), unvalidatedNew(x.table, whole, "owner:role", adaActor))
	}
	return rule{
		name:  "What somebody signs in with is set up by themselves",
		given: keys,
		doors: with(shut("mfa_factors", "DELETE FROM mfa_factors"), map[door]cell{
			portalDoor:     notADoor("the routes take neither an account nor a key of somebody else: what they find is the caller's"),
			deskDoor:       notADoor("the desk takes keys away and makes none, which is what the model lets it do"),
			staffDoor:      among(staff),
			ownerDoor:      among(byOwner),
			systemDoor:     among(bySystem),
			stampedDoor:    among(stamped),
			unvalidateDoor: among(blind),
			sqlDoor:        notADoor("plain SQL of ours notes uses alone (TestNoCodeGoesAround)"),
		}),
	}
}
