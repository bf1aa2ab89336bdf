// Package scheduling owns appointments: the catalogue of what can be booked, requests and the clinic's decisions,
// the lists a client and the desk read, and the calendar file.
//
// It may touch appointments, appointment_history, appointment_reminders and calendar_feeds. It reads services, locations, rooms and clinicians, the
// clients' names and language for letters, and, to count what is missing at a visit, portal_forms and invoices.
//
// What it promises, and through which layer:
//
//   - Which moves an appointment may make, who makes them, what may be asked for and what may be booked: model hooks
//     (rules.go), so that the portal, the desk, the dashboard and the command line meet the same refusals.
//   - One winner for a slot and for a decision: the decision is taken in one transaction that holds the writer
//     (transaction.go), and triggers of the database refuse what a hook was not asked about.
//   - A change, its history row, the notices and the mails commit together (transaction.go, letters.go).
//   - Every flag of an appointment (canCancel and the like) is the answer of the function that enforces the same
//     rule, so that it never promises what the portal would refuse.
//
// What must never happen: a staff note in a client's answer; the reason, the service or the clinician in a mail or a
// calendar file (unless the clinic asked for the last two); a time that the clocks of the place never show.
package scheduling

import (
	"net/http"

	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
	"anteroom/hooks/realtime"
)

// deskRoles read and decide requests.
var deskRoles = []string{kernel.RoleAdmin, kernel.RoleFrontDesk, kernel.RoleClinician}

// Bind binds the rules and declares the routes.
func Bind(app core.App) {
	bindRules(app)
	bindTransaction(app)
	bindCatalogue(app)
	bindCatalogueRules(app)
	bindZoneLaw(app)
	bindWaitlist(app)
	bindOffers(app)
	bindWaitlistRoutes(app)
	bindParties(app)
	bindReminders(app)
	bindFeeds(app)
	bindCalendar(app)
	realtime.Publish(app, realtime.Topic{Collection: collections.Appointments, Area: kernel.AreaVisits, Item: heardItem, View: audit.ViewAppointment})

	const visits, one = kernel.Portal + "/appointments", kernel.Portal + "/appointments/{id}"
	const requests, deskOne = kernel.Desk + "/requests", kernel.Desk + "/appointments/{id}"
	kernel.Handle(app,
		kernel.Route{Method: http.MethodGet, Path: visits, Access: kernel.ForClient, Area: kernel.AreaVisits,
			Limit: collections.LimitAppointmentsList, Do: listOwn},
		kernel.Route{Method: http.MethodPost, Path: visits, Access: kernel.ForClient, Area: kernel.AreaVisits,
			Limit: collections.LimitAppointmentsCreate, Key: kernel.KeyOptional, Do: book},
		kernel.Route{Method: http.MethodGet, Path: visits + "/availability", Access: kernel.ForClient, Area: kernel.AreaVisits,
			Limit: collections.LimitAvailability, Do: viewAvailability},
		kernel.Route{Method: http.MethodPost, Path: visits + "/request", Access: kernel.ForClient, Area: kernel.AreaVisits,
			Limit: collections.LimitAppointmentsCreate, Key: kernel.KeyOptional, Do: request},
		kernel.Route{Method: http.MethodGet, Path: one, Access: kernel.ForClient, Area: kernel.AreaVisits,
			Owns: collections.Appointments, Do: viewOwn},
		kernel.Route{Method: http.MethodGet, Path: one + "/ics", Access: kernel.ForClient, Area: kernel.AreaVisits,
			Owns: collections.Appointments, Do: downloadCalendar},
		kernel.Route{Method: http.MethodPatch, Path: one, Access: kernel.ForClient, Area: kernel.AreaVisits,
			Owns: collections.Appointments, Do: editNotes},
		kernel.Route{Method: http.MethodDelete, Path: one, Access: kernel.ForClient, Area: kernel.AreaVisits,
			Owns: collections.Appointments, Do: cancelOwn},
		kernel.Route{Method: http.MethodGet, Path: one + "/cancellation", Access: kernel.ForClient, Area: kernel.AreaVisits,
			Owns: collections.Appointments, Do: viewCancellation},
		kernel.Route{Method: http.MethodPost, Path: one + "/cancel", Access: kernel.ForClient, Area: kernel.AreaVisits,
			Owns: collections.Appointments, Do: cancelOwn},
		kernel.Route{Method: http.MethodPost, Path: one + "/reschedule", Access: kernel.ForClient, Area: kernel.AreaVisits, Limit: collections.LimitAppointmentsCreate,
			Owns: collections.Appointments, Do: rescheduleOwn},
		kernel.Route{Method: http.MethodPost, Path: one + "/confirm", Access: kernel.ForClient, Area: kernel.AreaVisits,
			Owns: collections.Appointments, Do: confirmOwn},
		kernel.Route{Method: http.MethodPost, Path: one + "/check-in", Access: kernel.ForClient, Area: kernel.AreaVisits,
			Owns: collections.Appointments, Do: checkIn},
		kernel.Route{Method: http.MethodGet, Path: one + "/history", Access: kernel.ForClient, Area: kernel.AreaVisits,
			Owns: collections.Appointments, Do: historyOfOwn},

		kernel.Route{Method: http.MethodPost, Path: deskOne + "/move", Access: kernel.Staff, Roles: deskRoles,
			Owns: collections.Appointments, Do: moveAtDesk},
		kernel.Route{Method: http.MethodPost, Path: deskOne + "/room-ready", Access: kernel.Staff, Roles: deskRoles,
			Owns: collections.Appointments, Do: callIn},
		kernel.Route{Method: http.MethodPost, Path: deskOne + "/reschedule", Access: kernel.Staff, Roles: deskRoles,
			Owns: collections.Appointments, Do: rescheduleAtDesk},
		kernel.Route{Method: http.MethodGet, Path: deskOne + "/history", Access: kernel.Staff, Roles: deskRoles,
			Owns: collections.Appointments, Do: historyAtDesk},

		kernel.Route{Method: http.MethodGet, Path: requests, Access: kernel.Staff, Roles: deskRoles, Do: listRequests},
		kernel.Route{Method: http.MethodPost, Path: requests + "/{id}/confirm", Access: kernel.Staff, Roles: deskRoles,
			Owns: collections.Appointments, Do: confirmRequest},
		kernel.Route{Method: http.MethodPost, Path: requests + "/{id}/decline", Access: kernel.Staff, Roles: deskRoles,
			Owns: collections.Appointments, Do: declineRequest},
		kernel.Route{Method: http.MethodPost, Path: kernel.Desk + "/appointments", Access: kernel.Staff, Roles: deskRoles,
			Key: kernel.KeyOptional, Do: bookForClient},
		kernel.Route{Method: http.MethodGet, Path: kernel.Desk + "/availability", Access: kernel.Staff, Roles: deskRoles, Do: viewDeskAvailability},
		kernel.Route{Method: http.MethodGet, Path: kernel.Desk + "/day", Access: kernel.Staff, Roles: deskRoles, Do: viewDay},
	)
}
