package hooks_test

import (
	"fmt"

	"github.com/pocketbase/dbx"

	"anteroom/hooks/kernel"
	"anteroom/hooks/testkit"
)

func addressIsProven() rule {
	const table, key = "portal_users", testkit.AdaLogin
	mine := map[string]any{"email": "mine@mail.example"}
	others := []kernel.Actor{adaActor, boActor, guestActor, deskActor, anaActor, billingActor, processor}
	// let in, and both addresses are told
	told := func(list []try, from, to string) []try {
		for i := range list {
			list[i].held = func(w *world) string {
				n := w.Count(w.t, "outbox", "topic = 'identity_notice' AND recipient IN ({:from}, {:to})", dbx.Params{"from": from, "to": to})
				if email := w.cell(table, "email", key); n != 2 || email != to {
					return fmt.Sprintf("%d mails, and the address is %s", n, email)
				}
				if err := w.sql("DELETE FROM outbox"); err != nil { // the next attempt counts anew
					w.t.Fatal(err)
				}
				return ""
			}
		}
		return list
	}
	// the mark of a proof is worth something from the account's own person alone
	marked := map[string]any{"email": "mine@mail.example", "@provenEmail": "mine@mail.example"}
	moves := func(to string) map[string]any { return map[string]any{"email": to} }
	return rule{
		name: "A login's address changes by its proof or by who runs the clinic, and both addresses are told",
		doors: with(shut(table, "UPDATE portal_users SET email = 'mine@mail.example'"), map[door]cell{
			portalDoor: attempts(
				try{"Ada confirms what she never asked for", "400 CODE_INVALID", func(w *world) any {
					return w.api("POST", kernel.Portal+"/auth/change-email/confirm", testkit.AdaEmail, map[string]any{"code": "123456", "oldCode": "123456", "email": "mine@mail.example", "@provenEmail": "mine@mail.example"})
				}, nil},
				try{"a guest asks", "401 SIGN_IN_REQUIRED", func(w *world) any {
					return w.api("POST", kernel.Portal+"/auth/change-email", "", mine)
				}, nil}),
			deskDoor:       notADoor("no route of the desk changes an address"),
			staffDoor:      among(patches(allStaff, table, key, mine, "403")),
			ownerDoor:      among(told(patches(owner, table, key, moves("ada.two@mail.example"), "200"), testkit.AdaEmail, "ada.two@mail.example")),
			systemDoor:     among(told(saves(system, table, key, moves("ada.three@mail.example"), "done"), "ada.two@mail.example", "ada.three@mail.example")),
			stampedDoor:    among(saves(others, table, key, mine, "email:unproven"), saves(others[1:], table, key, marked, "email:unproven")),
			unvalidateDoor: attempts(unvalidated(table, key, mine, "email:unproven", adaActor), unvalidated(table, key, mine, "email:unproven", deskActor)),
			sqlDoor:        notADoor("nothing of ours writes this column by SQL (TestNoCodeGoesAround)"),
		}),
	}
}
