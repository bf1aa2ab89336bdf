package scheduling

import (
	"slices"

	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/kernel"
)

// confirmOwn is a client saying that they will come.
func confirmOwn(c *kernel.Call) (*kernel.Reply, error) {
	return change(c, ownVisit, func(_ core.App, a *collections.Appointment) error { return moveTo(a, collections.AppointmentConfirmed) })
}

// checkIn is a client saying that they are here.
func checkIn(c *kernel.Call) (*kernel.Reply, error) {
	return change(c, ownVisit, func(_ core.App, a *collections.Appointment) error { return moveTo(a, collections.AppointmentArrived) })
}

type moveBody struct {
	Status    string `json:"status"`
	Reason    string `json:"reason"`    // up to 500 characters
	ChargeFee bool   `json:"chargeFee"` // of a cancellation: the late fee is due
}

// deskMoves are the moves of a visit at the desk. Requests are decided where they are listed.
var deskMoves = []collections.AppointmentStatus{collections.AppointmentConfirmed, collections.AppointmentArrived, collections.AppointmentInProgress,
	collections.AppointmentCompleted, collections.AppointmentNoShow, collections.AppointmentCancelled}

// moveAtDesk moves a visit along its life.
func moveAtDesk(c *kernel.Call) (*kernel.Reply, error) {
	var body moveBody
	if err := c.Bind(&body); err != nil {
		return nil, err
	}
	to := collections.AppointmentStatus(body.Status)
	return change(c, deskVisitOf, func(_ core.App, a *collections.Appointment) error {
		if !slices.Contains(deskMoves, to) {
			return kernel.Invalid("", "That is no move of a visit.").Field("status", "option",
				"Choose confirmed, arrived, in_progress, completed, no_show or cancelled.")
		}
		if body.ChargeFee && to != collections.AppointmentCancelled {
			return kernel.Invalid("", "There is no late fee to charge.").Field("chargeFee", "no_fee", "Only a cancellation can cost a late fee.")
		}
		if err := refuseLongReason(body.Reason); err != nil {
			return err
		}
		if a.Status() == collections.AppointmentRequested && to != collections.AppointmentCancelled {
			return illegalMove(a.Status(), to)
		}
		if to == collections.AppointmentCancelled {
			a.Set("cancellation_reason", body.Reason)
		} else {
			a.SetRaw(reasonKey, body.Reason)
		}
		a.SetRaw(chargeFeeKey, body.ChargeFee)
		return moveTo(a, to)
	})
}

// callIn tells a client who waits that the room is ready. Saying it twice tells it once.
func callIn(c *kernel.Call) (*kernel.Reply, error) {
	return change(c, deskVisitOf, func(_ core.App, a *collections.Appointment) error {
		if a.Status() != collections.AppointmentArrived {
			return kernel.Conflict(reasonIllegal, "Only somebody who has arrived can be called in.").With("from", string(a.Status())).With("to", roomReady)
		}
		if a.GetString(waitingRoom) == roomReady {
			return errNothingToDo
		}
		a.Set(waitingRoom, roomReady)
		return nil
	})
}
