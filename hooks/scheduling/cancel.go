package scheduling

import (
	"errors"

	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
)

// ownVisit finds a visit of the client a request acts for; somebody else's is not there.
func ownVisit(app core.App, c *kernel.Call) (*collections.Appointment, error) {
	a, err := collections.FindAppointment(app, c.ID())
	if isNoRows(err) || err == nil && a.Client() != c.Client() {
		return nil, kernel.NotFound()
	}
	return a, err
}

// deskVisitOf finds a visit that a member of staff reaches.
func deskVisitOf(app core.App, c *kernel.Call) (*collections.Appointment, error) {
	a, err := collections.FindAppointment(app, c.ID())
	if isNoRows(err) {
		return nil, kernel.NotFound()
	}
	if err != nil {
		return nil, err
	}
	return a, requireReach(app, c.Actor, a)
}

// errNothingToDo ends a change that would change nothing.
var errNothingToDo = errors.New("nothing to do")

// change loads an appointment, lets the handler set what it was asked for, and saves it as the actor, in one transaction.
// It answers with the appointment as it is then.
func change(c *kernel.Call, find func(core.App, *kernel.Call) (*collections.Appointment, error), set func(core.App, *collections.Appointment) error) (*kernel.Reply, error) {
	var from, to collections.AppointmentStatus
	var wanted *collections.Appointment
	err := c.App.RunInTransaction(func(tx core.App) error {
		a, err := find(tx, c)
		if err != nil {
			return err
		}
		from = a.Status()
		if err := set(tx, a); err != nil {
			return err
		}
		to, wanted = a.Status(), a
		return kernel.SaveAs(tx, c.Actor, a.Record)
	})
	if errors.Is(err, errNothingToDo) {
		err = audit.Read(c.App, audit.EntryFor(c.Actor, audit.ViewAppointment, audit.Appointment, c.ID()))
	}
	if err != nil {
		return nil, inTheWordsOfTheVisit(c, err, from, to, wanted)
	}
	v, err := newView(c.App, languageOf(c.Request.Header.Get("Accept-Language")))
	if err != nil {
		return nil, err
	}
	v.desk = c.Actor.IsStaff()
	item, err := v.one(c.ID(), c.Client())
	if err != nil {
		return nil, err
	}
	return kernel.OK(item), nil
}

// moveTo sets another status; the one it has is no move.
func moveTo(a *collections.Appointment, to collections.AppointmentStatus) error {
	if a.Status() == to {
		return illegalMove(to, to)
	}
	a.SetStatus(to)
	return nil
}

type cancelBody struct {
	Reason         string `json:"reason"`         // 1 to 500 characters; of a request none is needed
	AcceptFeeCents int    `json:"acceptFeeCents"` // the fee that was shown and agreed to
}

// cancelOwn cancels a visit, or withdraws a request.
func cancelOwn(c *kernel.Call) (*kernel.Reply, error) {
	var body cancelBody
	if err := c.Bind(&body); err != nil {
		return nil, err
	}
	return change(c, ownVisit, func(_ core.App, a *collections.Appointment) error {
		a.Set("cancellation_reason", body.Reason)
		a.SetRaw(acceptedFeeKey, body.AcceptFeeCents)
		return moveTo(a, collections.AppointmentCancelled)
	})
}

type cancellation struct {
	Allowed    bool   `json:"allowed"`
	FeeCents   int    `json:"feeCents"`
	Reason     string `json:"reason,omitempty"` // why not
	Deadline   string `json:"deadline,omitempty"`
	GraceUntil string `json:"graceUntil,omitempty"`
	Phone      string `json:"phone,omitempty"` // whom to call when it is not allowed
}

// viewCancellation says what cancelling would mean now.
func viewCancellation(c *kernel.Call) (*kernel.Reply, error) {
	a, err := ownVisit(c.App, c)
	if err != nil {
		return nil, err
	}
	v, err := visitOf(c.App, a)
	if err != nil {
		return nil, err
	}
	settings := collections.Settings(c.App)
	t := termsOf(settings, v, kernel.Now(c.App), c.Actor)
	out := cancellation{Allowed: t.cancel == "", Reason: t.cancel, Deadline: instantOrNone(t.deadline), GraceUntil: instantOrNone(t.graceUntil)}
	if out.Allowed {
		out.FeeCents = t.feeCents
	} else {
		out.Phone = settings.Phone
	}
	if err := audit.Read(c.App, audit.EntryFor(c.Actor, audit.ViewAppointment, audit.Appointment, a.Id)); err != nil {
		return nil, err
	}
	return kernel.OK(out), nil
}
