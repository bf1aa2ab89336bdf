package scheduling

import (
	"anteroom/collections"
	"anteroom/hooks/kernel"
)

// Who does what. collections says which moves are legal at all; these say who makes them. The flags of an
// appointment ask the same functions.

// mayBegin tells whether the actor may create an appointment that begins in this status. A client asks, and books what
// the clinic lets them. The clinic also writes down what was agreed at the desk. The system (imports) also brings visits of the past.
func mayBegin(a kernel.Actor, s collections.AppointmentStatus) bool {
	switch {
	case s == collections.AppointmentRequested:
		return a.Kind == kernel.KindClient || a.Kind == kernel.KindSystem || a.IsStaff(deskRoles...)
	case s == collections.AppointmentScheduled && a.Kind == kernel.KindClient:
		return true
	case s.Booked():
		return a.Kind == kernel.KindSystem || a.IsStaff(deskRoles...)
	case s.Ended():
		return a.Kind == kernel.KindSystem
	}
	return false
}

// clientMoves are what a client does with a visit of their own: withdraw or cancel, confirm, arrive. When, termsOf says.
var clientMoves = map[collections.AppointmentStatus]bool{collections.AppointmentCancelled: true, collections.AppointmentConfirmed: true,
	collections.AppointmentArrived: true}

// mayMove tells whether the actor may move an appointment from one status to another. To say yes to a request is the
// clinic's.
func mayMove(a kernel.Actor, from, to collections.AppointmentStatus) bool {
	if a.Kind == kernel.KindClient {
		return from.MayBecome(to) && clientMoves[to] && (from.Booked() || to == collections.AppointmentCancelled)
	}
	return from.MayBecome(to) && a.IsStaff(deskRoles...)
}

// mayChangeVisit tells whether the actor may change when, where, with whom and what, the status staying as it is. A
// request is not changed but decided, and what has begun or ended is a fact. A client changes when and with whom.
func mayChangeVisit(a kernel.Actor, s collections.AppointmentStatus) bool {
	return s.Booked() && (a.Kind == kernel.KindClient || a.IsStaff(deskRoles...))
}

// mayChangeRoom: a room can be found out late.
func mayChangeRoom(a kernel.Actor, s collections.AppointmentStatus) bool {
	return s.Holds() && a.IsStaff(deskRoles...)
}
