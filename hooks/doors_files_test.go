package hooks_test

import (
	"bytes"
	"image"
	"image/png"

	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/files"
	"anteroom/hooks/kernel"
	"anteroom/hooks/testkit"
)

func fileRules() []rule { return []rule{blockedStaysBlocked()} }

func blockedStaysBlocked() rule {
	const table, decided = "uploads", "ALREADY_DECIDED"
	clean := map[string]any{"scan": "clean"}
	route := func(email, what string) try {
		return try{email + " asks to " + what, "409 " + decided, func(w *world) any {
			return w.api("POST", kernel.Desk+"/uploads/{blocked}/"+what, email, map[string]any{"reason": "by mistake"})
		}, nil}
	}
	return rule{
		name: "A blocked file stays blocked",
		given: func(w *world) {
			var file bytes.Buffer
			if err := png.Encode(&file, image.NewGray(image.Rect(0, 0, 9, 9))); err != nil {
				w.t.Fatal(err)
			}
			u, err := files.Accept(w.App, kernel.System(), files.Offer{Client: testkit.Ada, Purpose: files.PurposeDocument, Name: "x.png", Reader: &file,
				Kinds: files.Images, MaxBytes: 1 << 20, With: func(core.App, *collections.Upload) error { return nil }})
			if err != nil {
				w.t.Fatal(err)
			}
			r := w.Find(w.t, table, u.Id)
			r.Set("scan", "blocked")
			if err := kernel.SaveAs(w.App, kernel.System(), r); err != nil {
				w.t.Fatal(err)
			}
			w.id["blocked"] = u.Id
			w.Deliver()
		},
		doors: with(shut(table, "UPDATE uploads SET scan = 'clean' WHERE id = '{blocked}'"), map[door]cell{
			portalDoor:     notADoor("no route of the portal names a file's state"),
			deskDoor:       attempts(route(testkit.DeskEmail, "release"), route(testkit.AdminEmail, "release"), route(testkit.AdminEmail, "block")),
			staffDoor:      among(patches(allStaff, table, "{blocked}", clean, "403")),
			ownerDoor:      among(patches(owner, table, "{blocked}", clean, "403 PORTAL_WRITES")),
			systemDoor:     among(saves(system, table, "{blocked}", clean, decided)),
			stampedDoor:    among(saves([]kernel.Actor{adaActor, adminActor, ownerActor}, table, "{blocked}", clean, decided)),
			unvalidateDoor: attempts(unvalidated(table, "{blocked}", clean, decided)),
			sqlDoor: attempts(runs("UPDATE uploads SET scan = 'clean' WHERE id = '{blocked}'", "sql: a blocked file stays blocked"),
				runs("UPDATE uploads SET released_at = '2026-12-07 16:00:00.000Z' WHERE id = '{blocked}'", "sql: a blocked file stays blocked")),
		}),
	}
}
