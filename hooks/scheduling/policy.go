package scheduling

import (
	"time"

	"anteroom/collections"
	"anteroom/hooks/kernel"
)

// visit is what the terms of an appointment depend on.
type visit struct {
	status   collections.AppointmentStatus
	place    collections.ServicePlace
	start    time.Time
	end      time.Time
	bookedAt time.Time // zero: not known
	zone     *time.Location
	mode     collections.BookingMode // the narrower of its service's and its clinician's
	feeCents int                     // of its service; 0: the clinic's
}

// Reasons why something cannot be done now. They are the API's details.reason.
const (
	reasonIllegal   = "ILLEGAL_MOVE" // not from this status, or not by this person
	reasonEnded     = "ENDED"        // begun, or over
	reasonTooLate   = "TOO_LATE"
	reasonTooEarly  = "TOO_EARLY"
	reasonAskToMove = "ASK_TO_MOVE"
	reasonRequested = "REQUESTED" // a request holds no agreed time that could move
)

// terms is what somebody may do with an appointment at one moment. A reason is empty where it may be done.
type terms struct {
	cancel, move, confirm, checkIn, miss, notes string

	feeCents   int       // what a cancellation or a move by a client costs now, where they may be done
	feeAfter   int       // what it costs once it is late; zero where it is free, or not allowed, then
	deadline   time.Time // last moment at which both are free; zero where nothing is agreed that could be called off
	graceUntil time.Time // until then nothing is late; zero when that has passed
	opensAt    time.Time // the first moment of checking in by phone
	link       bool      // the way into a video visit is open
}

// termsOf is the clinic's policy: what the actor may do with the visit now, at what fee, until when, and why not. The
// flags that a page shows and the rules that every save meets are its answers, so that neither promises what the other
// refuses. Times are compared as instants: a deadline of 24 hours is 24 hours, also over a night in which the clocks are
// turned.
//
// The clinic itself is bound by the life of an appointment alone, and by that nobody has missed what has not begun.
func termsOf(s *collections.ClinicSettings, v visit, now time.Time, by kernel.Actor) terms {
	t := terms{opensAt: checkInOpens(s, v), link: v.place == collections.Telehealth && v.status.Holds() &&
		!now.Before(v.start.Add(-s.TelehealthOpens)) && now.Before(v.end)}
	may := func(to collections.AppointmentStatus) string {
		if !mayMove(by, v.status, to) {
			return reasonIllegal
		}
		return ""
	}
	t.cancel, t.confirm, t.checkIn, t.miss = may(collections.AppointmentCancelled), may(collections.AppointmentConfirmed),
		may(collections.AppointmentArrived), may(collections.AppointmentNoShow)
	if !mayChangeVisit(by, v.status) {
		t.move = reasonIllegal
		if v.status == collections.AppointmentRequested {
			t.move = reasonRequested
		}
	}
	if t.miss == "" && now.Before(v.start) {
		t.miss = reasonTooEarly
	}
	begun := !now.Before(v.start)
	if v.status.Booked() {
		t.deadline = freeUntil(s, v.start)
		if grace := v.bookedAt.Add(s.CancelGrace); !v.bookedAt.IsZero() && now.Before(grace) {
			t.graceUntil = grace
		}
	}
	if by.IsStaff() {
		return t
	}

	if t.notes = reasonIllegal; by.Kind == kernel.KindClient && (v.status == collections.AppointmentRequested || v.status.Booked() && !begun) {
		t.notes = ""
	}
	if v.status.Booked() {
		t.refuseOnceBegun(begun, !now.Before(v.end))
		t.refuseOpening(now)
		if v.mode != collections.BookingInstant && t.move == "" {
			t.move = reasonAskToMove
		}
		if s.LateCancel == collections.LateFee && !begun {
			t.feeAfter = lateFee(s, v.feeCents)
		}
		if now.After(t.deadline) && t.graceUntil.IsZero() {
			t.takeLate(s, v)
		}
	}
	if t.cancel != "" && t.move != "" {
		t.feeCents = 0
	}
	return t
}

// freeUntil is the last moment at which a visit that begins at start may be given back for nothing.
func freeUntil(s *collections.ClinicSettings, start time.Time) time.Time {
	return start.Add(-time.Duration(s.FreeCancelHours) * time.Hour)
}

// freeNowUntil is the last moment at which a change costs nothing: the deadline, or the end of the grace after it.
func (t *terms) freeNowUntil() time.Time {
	if t.graceUntil.After(t.deadline) {
		return t.graceUntil
	}
	return t.deadline
}

// refuseOnceBegun: what has begun is not called off any more, though somebody who is late may still arrive.
func (t *terms) refuseOnceBegun(begun, over bool) {
	for _, reason := range []*string{&t.cancel, &t.move, &t.confirm} {
		if begun && *reason == "" {
			*reason = reasonEnded
		}
	}
	if over && t.checkIn == "" {
		t.checkIn = reasonEnded
	}
}

func (t *terms) refuseOpening(now time.Time) {
	if t.checkIn == "" && now.Before(t.opensAt) {
		t.checkIn = reasonTooEarly
	}
}

// takeLate applies what the clinic does when a client cancels or moves after the free time.
func (t *terms) takeLate(s *collections.ClinicSettings, v visit) {
	switch s.LateCancel {
	case collections.LateFree:
	case collections.LateFee:
		t.feeCents = lateFee(s, v.feeCents)
	default:
		for _, reason := range []*string{&t.cancel, &t.move} {
			if *reason == "" {
				*reason = reasonTooLate
			}
		}
	}
}

// lateFee is the service's, or else the clinic's, in cents.
func lateFee(s *collections.ClinicSettings, ofService int) int {
	if ofService > 0 {
		return ofService
	}
	return s.LateFeeCents
}

// checkInOpens is when a client may first say that they are there: that long before the visit, or from the first moment of
// its day on the clocks of the place.
func checkInOpens(s *collections.ClinicSettings, v visit) time.Time {
	if s.CheckInOpens > 0 {
		return v.start.Add(-s.CheckInOpens)
	}
	return dayBegins(v.start, v.zone)
}

// dayBegins is the first moment at which the clocks of a zone show the day of an instant. Where they are turned at
// midnight, that is the turn.
func dayBegins(at time.Time, zone *time.Location) time.Time {
	day := at.In(zone).Format(dayForm)
	if first, err := instantOf(collections.Preference{Date: day, Time: "00:00"}, zone); err == nil {
		return first
	}
	turn, _ := at.In(zone).ZoneBounds()
	return turn.UTC()
}
