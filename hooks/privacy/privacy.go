// Package privacy owns who of the staff reaches which client's record, and what of it they see. Clinicians reach the
// clients of their care team, and, for a while and on record, those for whom they broke the glass (45 CFR
// 164.502(b), 164.312(a)(2)(ii)); everybody else is limited by role. It owns treatment notes as well, because who may
// see them is all there is to them.
//
// It writes break_glass, care_team (who begins to treat joins the team) and treatment_notes' own facts (author, when
// signed), and tells the privacy officer of each broken glass. It reads clients, clinicians, staff and appointments.
//
// The same limit stands three times. API rules narrow what PocketBase's record API finds, by the machine's clock. The
// hooks here ask kernel.ReachOf again, by the clinic's clock, before anything is shown or sent. And every write of a
// row that is about a client asks it once more, in the transaction of the write, whatever the door.
//
// What must never happen: a clinician who comes into a care team by their own hand; a broken glass without its reason,
// its line and its notice; a note that says somebody else wrote it; a psychotherapy note before other eyes than its
// author's; the name or a value of a client in a mail.
package privacy

import (
	"net/http"

	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/kernel"
)

// Bind binds the rules and declares the routes.
func Bind(app core.App) {
	bindReach(app)
	bindSealedFields(app)
	bindCareTeam(app)
	bindBreakGlass(app)
	bindNotes(app)

	const glass = kernel.Desk + "/break-glass"
	readers := []string{kernel.RoleAdmin, kernel.RoleClinician}
	kernel.Handle(app,
		kernel.Route{Method: http.MethodGet, Path: kernel.Desk + "/clients/find", Access: kernel.Staff,
			Roles: []string{kernel.RoleAdmin, kernel.RoleClinician, kernel.RoleFrontDesk}, Limit: collections.LimitFindClients, Do: findClients},
		kernel.Route{Method: http.MethodGet, Path: glass, Access: kernel.Staff, Roles: readers, Do: listBrokenGlass},
		kernel.Route{Method: http.MethodPost, Path: glass, Access: kernel.Staff, Roles: []string{kernel.RoleClinician}, MaxBody: 16 << 10, Do: breakGlass},
		kernel.Route{Method: http.MethodPost, Path: glass + "/{id}/end", Access: kernel.Staff, Roles: readers, Owns: collections.BreakGlass, MaxBody: 1 << 10, Do: endBreakGlass},
	)
}

// asStored is the row as the database has it now, an empty one for a record that is new. Record.Original is that of
// the last load, not of the last save.
func asStored(tx core.App, r *core.Record) (*core.Record, error) {
	if r.IsNew() {
		return core.NewRecord(r.Collection()), nil
	}
	return tx.FindRecordById(r.Collection(), r.Id)
}
