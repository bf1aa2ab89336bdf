package scheduling

import (
	"slices"
	"strings"

	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
)

// What rides on a record from a route to the rules beside its columns. No body of a request can set it: PocketBase loads
// only fields that exist.
const (
	acceptedFeeKey = "@scheduling.acceptedFee" // int: the cents a client said yes to
	chargeFeeKey   = "@scheduling.chargeFee"   // bool: the desk asks for the late fee
	reasonKey      = "@scheduling.reason"      // string: why it moves, for the history
)

// reason is why an appointment moves, for its history.
func (s *save) reason() string {
	why, _ := s.after.GetRaw(reasonKey).(string)
	if s.outside {
		return strings.TrimPrefix(why+"; outside working hours", "; ")
	}
	return why
}

// forgetRiders keeps the next save of the same record from what was said for this one.
func forgetRiders(r *core.Record) {
	for _, key := range []string{acceptedFeeKey, chargeFeeKey, reasonKey} {
		r.SetRaw(key, nil)
	}
}

// maxReason is how many characters a client or the desk has to say why.
const maxReason = 500

// refuseBeyondClients: a client withdraws, cancels, confirms, arrives, moves a visit of their own, or writes their note
// on it, one at a time, and changes nothing else of it. Guests change nothing.
func (s *save) refuseBeyondClients() error {
	theirs := map[string]bool{}
	switch from, to := s.before.Status(), s.after.Status(); {
	case s.actor.Kind != kernel.KindClient || s.actor.Client != s.before.Client():
	case from != to && clientMoves[to]:
		theirs["status"] = true
		theirs["cancellation_reason"] = to == collections.AppointmentCancelled
	case from == to && (s.changed("start_time") || s.changed("clinician")):
		theirs["start_time"], theirs["clinician"] = true, true
	case from == to:
		theirs["patient_notes"] = true
	}
	for _, f := range s.after.Collection().Fields {
		name := f.GetName()
		if same := !s.changed(name) && slices.Equal(s.before.GetStringSlice(name), s.after.GetStringSlice(name)); !same && !theirs[name] {
			s.refuse("status", "read_only", "A visit cannot be changed here.")
			return s.verdict()
		}
	}
	if len(theirs) == 0 {
		s.refuse("status", "read_only", "A visit cannot be changed here.")
	}
	return s.verdict()
}

// termsNow are the clinic's for this appointment as it is stored.
func (s *save) termsNow() (terms, visit, error) {
	v, err := visitOf(s.app, s.before)
	return termsOf(collections.Settings(s.app), v, s.now, s.actor), v, err
}

// visitOf gathers what the terms of an appointment depend on. A service or a clinician that is gone allows nothing more.
func visitOf(app core.App, a *collections.Appointment) (visit, error) {
	v := visit{status: a.Status(), place: a.Place(), start: a.Start(), end: a.End(), bookedAt: a.GetDateTime("booked_at").Time(), mode: collections.BookingOff}
	var err error
	if v.zone, err = collections.Zone(a.TimeZone()); err != nil {
		return v, err
	}
	service, err := collections.FindService(app, a.Service())
	if err != nil {
		return v, err
	}
	v.mode, v.feeCents = service.Mode(), service.GetInt("late_fee_cents")
	if a.Clinician() == "" {
		return v, nil
	}
	clinician, err := app.FindRecordById(collections.Clinicians, a.Clinician())
	if err != nil {
		return v, err
	}
	kept, err := enforced(app, clinician.Id)
	v.mode = modeWith(v.mode, collections.BookingMode(clinician.GetString("booking_mode")), kept)
	return v, err
}

// modeWith is what a client may do with a service and a clinician: the narrower of what both allow, and to ask at most
// while the clinic keeps no hours for the clinician.
func modeWith(service, clinician collections.BookingMode, enforced bool) collections.BookingMode {
	mode := narrower(service, clinician)
	if !enforced {
		mode = narrower(mode, collections.BookingRequest)
	}
	return mode
}

// refuseAskedFor: a client moves to another clinician only where they could book with them.
func (s *save) refuseAskedFor() (bool, error) {
	if s.actor.Kind != kernel.KindClient || !s.changed("clinician") {
		return false, nil
	}
	to, err := visitOf(s.app, s.after)
	if isNoRows(err) {
		return false, nil // the clinician is not there, which load says better
	}
	return to.mode != collections.BookingInstant, err
}

// holdToTerms refuses what the clinic's terms do not allow now, and writes what the change costs. changed are the fields
// of what was agreed.
func (s *save) holdToTerms(from, to collections.AppointmentStatus, changed []string) error {
	notes := s.actor.Kind == kernel.KindClient && s.changed("patient_notes")
	if from == to && len(changed) == 0 && !notes || s.followsClocks() {
		return nil
	}
	t, v, err := s.termsNow()
	if err != nil {
		return err
	}
	var reason string
	switch {
	case from != to:
		reason = map[collections.AppointmentStatus]string{collections.AppointmentCancelled: t.cancel, collections.AppointmentConfirmed: t.confirm,
			collections.AppointmentArrived: t.checkIn, collections.AppointmentNoShow: t.miss}[to]
	case notes:
		reason = t.notes
		if len([]rune(s.after.GetString("patient_notes"))) > maxReason {
			s.refuse("patient_notes", "length", "Write 500 characters at most.")
		}
	default:
		reason = t.move
		if ask, err := s.refuseAskedFor(); err != nil {
			return err
		} else if ask && reason == "" {
			reason = reasonAskToMove
		}
	}
	if reason != "" {
		return t.refusal(reason, v, to, collections.Settings(s.app))
	}
	if to == collections.AppointmentCancelled && from != to {
		s.refuseUnsaidReason(from)
	}
	if from == to && len(changed) == 0 || from != to && to != collections.AppointmentCancelled || len(s.problems) > 0 {
		return nil
	}
	return s.charge(t, v, to)
}

// refuseUnsaidReason: a client who cancels a visit says why; a request may be withdrawn without a word, and the desk may
// have heard the reason on the phone.
func (s *save) refuseUnsaidReason(from collections.AppointmentStatus) {
	reason := strings.TrimSpace(s.after.GetString("cancellation_reason"))
	if n := len([]rune(reason)); n > maxReason || n == 0 && from.Booked() && s.actor.Kind == kernel.KindClient {
		s.refuse("cancellation_reason", "required", "Say why, in 1 to 500 characters.")
	}
	s.after.Set("cancellation_reason", reason)
}

// charge adds the fee of a cancellation or a move to those of the visit; billing asks for what they rose by. A client
// has seen it and said yes to that very amount; the desk charges it only when it says so.
func (s *save) charge(t terms, v visit, to collections.AppointmentStatus) error {
	fee := 0
	charges, _ := s.after.GetRaw(chargeFeeKey).(bool)
	switch accepted, _ := s.after.GetRaw(acceptedFeeKey).(int); {
	case s.actor.Kind == kernel.KindClient:
		fee = t.feeCents
		if fee > 0 && accepted != fee {
			return kernel.Conflict("FEE_NOT_ACCEPTED", "This costs "+kernel.Money(fee, collections.Settings(s.app).Currency)+
				" now, because it is late. Say yes to the fee, or keep the visit.").With("feeCents", fee)
		}
	case charges && to == collections.AppointmentCancelled:
		if v.status.Booked() {
			fee = lateFee(collections.Settings(s.app), v.feeCents)
		}
		if fee == 0 {
			s.refuse("late_fee_cents", "no_fee", "There is no late fee to charge.")
		}
	}
	s.after.Set("late_fee_cents", s.before.LateFeeCents()+fee)
	return nil
}

// refusal says why something cannot be done now, with what the person may do instead.
func (t terms) refusal(reason string, v visit, to collections.AppointmentStatus, s *collections.ClinicSettings) error {
	call := " Please call us."
	if s.Phone != "" {
		call = " Please call us at " + s.Phone + "."
	}
	switch reason {
	case reasonEnded:
		return kernel.Conflict(reasonEnded, "This visit has begun or is over."+call)
	case reasonTooLate:
		e := kernel.Conflict(reasonTooLate, "It is too late to change this visit here."+call).With("deadline", t.deadline.Format(instantForm))
		if s.Phone != "" {
			e = e.With("phone", s.Phone)
		}
		return e
	case reasonTooEarly:
		if to == collections.AppointmentNoShow {
			return kernel.Conflict(reasonTooEarly, "Nobody has missed a visit that has not begun.").With("opensAt", v.start.Format(instantForm))
		}
		return kernel.Conflict(reasonTooEarly, "It is too early to check in.").With("opensAt", t.opensAt.Format(instantForm))
	case reasonAskToMove:
		return kernel.Conflict(reasonAskToMove, "The clinic finds another time for this visit with you."+call)
	case reasonRequested:
		return kernel.Conflict(reasonRequested, "The clinic has not answered this request yet.")
	}
	return illegalMove(v.status, to)
}

func illegalMove(from, to collections.AppointmentStatus) *kernel.Error {
	return kernel.Conflict(reasonIllegal, "An appointment cannot go from "+string(from)+" to "+string(to)+".").With("from", string(from)).With("to", string(to))
}

// Waiting room: where somebody is who has come. It follows the status by itself.
const (
	waitingRoom = "waiting_room_status"
	roomReady   = "room_ready"
)

// callsIn tells whether this save is the desk saying that the room of somebody who waits is ready, the one word of the
// waiting room that people say.
func (s *save) callsIn() bool {
	return s.before != nil && s.actor.IsStaff(deskRoles...) && s.before.Status() == collections.AppointmentArrived && s.after.Status() == collections.AppointmentArrived &&
		s.changed(waitingRoom) && s.after.GetString(waitingRoom) == roomReady
}

// followWaitingRoom writes where the client is.
func (s *save) followWaitingRoom(from, to collections.AppointmentStatus) {
	if s.callsIn() {
		s.after.Set("room_ready_at", s.now)
		audit.As(s.after.Record, audit.RoomReady)
	}
	if from == to {
		return
	}
	switch to {
	case collections.AppointmentArrived, collections.AppointmentInProgress, collections.AppointmentCompleted, collections.AppointmentNoShow:
		s.after.Set(waitingRoom, string(to))
	default:
		s.after.Set(waitingRoom, "")
	}
}

// countNoShow adds a missed visit to the client's record. It is never taken back.
func countNoShow(tx core.App, s *save) error {
	if s.before == nil || s.before.Status() == s.after.Status() || s.after.Status() != collections.AppointmentNoShow {
		return nil
	}
	client, err := tx.FindRecordById("clients", s.after.Client())
	if err != nil {
		return err
	}
	client.Set("no_show_count", client.GetInt("no_show_count")+1)
	return kernel.SaveAs(tx, kernel.System(), client)
}
