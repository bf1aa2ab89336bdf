package forms

import (
	"net/http"

	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
	"anteroom/hooks/outbox"
	"anteroom/hooks/realtime"
)

// assigners are the roles that may ask a client to fill in a form.
var assigners = []string{kernel.RoleAdmin, kernel.RoleClinician, kernel.RoleFrontDesk}

// Bind binds the rules and declares the routes.
func Bind(app core.App) {
	bindTemplates(app)
	bindAssignments(app)
	bindFollowing(app)
	bindSigning(app)
	bindDocuments(app)
	outbox.OnJob(app, jobDocument, makeDocument)
	realtime.Publish(app, realtime.Topic{Collection: collections.PortalForms, Area: kernel.AreaVisits, Item: heardItem, View: audit.ViewForm})

	const all, one = kernel.Portal + "/forms", kernel.Portal + "/forms/{id}"
	kernel.Handle(app,
		kernel.Route{Method: http.MethodGet, Path: all, Access: kernel.ForClient, Area: kernel.AreaVisits, Do: list},
		kernel.Route{Method: http.MethodGet, Path: one, Access: kernel.ForClient, Area: kernel.AreaVisits, Owns: collections.PortalForms, Do: view},
		kernel.Route{Method: http.MethodPatch, Path: one, Access: kernel.ForClient, Area: kernel.AreaVisits, Owns: collections.PortalForms, Do: saveDraft},
		kernel.Route{Method: http.MethodPost, Path: one + "/submit", Access: kernel.ForClient, Area: kernel.AreaVisits, Owns: collections.PortalForms,
			Key: kernel.KeyOptional, Do: submit},
		kernel.Route{Method: http.MethodGet, Path: one + "/pdf", Access: kernel.ForClient, Area: kernel.AreaVisits, Owns: collections.PortalForms, Do: download},
		kernel.Route{Method: http.MethodPost, Path: kernel.Desk + "/forms/assign", Access: kernel.Staff, Roles: assigners, Key: kernel.KeyOptional, Do: assign},
	)
}
