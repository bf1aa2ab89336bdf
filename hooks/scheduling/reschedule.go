package scheduling

import (
	"cmp"
	"strings"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/kernel"
)

type notesBody struct {
	PatientNotes *string `json:"patientNotes"` // up to 500 characters
}

// editNotes changes the client's own note on a visit that is still to come.
func editNotes(c *kernel.Call) (*kernel.Reply, error) {
	var body notesBody
	if err := c.Bind(&body); err != nil {
		return nil, err
	}
	return change(c, ownVisit, func(_ core.App, a *collections.Appointment) error {
		if body.PatientNotes == nil || *body.PatientNotes == a.GetString("patient_notes") {
			return errNothingToDo
		}
		a.Set("patient_notes", *body.PatientNotes)
		return nil
	})
}

type rescheduleBody struct {
	StartTime      string `json:"startTime"` // an instant, or what the clocks of the place will show
	PractitionerID string `json:"practitionerId"`
	Reason         string `json:"reason"`
	AcceptFeeCents int    `json:"acceptFeeCents"`
}

// rescheduleOwn moves a visit to another time, with the same clinician or another who gives the service.
func rescheduleOwn(c *kernel.Call) (*kernel.Reply, error) {
	var body rescheduleBody
	if err := c.Bind(&body); err != nil {
		return nil, err
	}
	return change(c, ownVisit, func(_ core.App, a *collections.Appointment) error {
		if err := refuseLongReason(body.Reason); err != nil {
			return err
		}
		start, err := startAt(body.StartTime, a.TimeZone())
		if err != nil {
			return err
		}
		if start.Equal(a.Start()) && cmp.Or(body.PractitionerID, a.Clinician()) == a.Clinician() {
			return errNothingToDo
		}
		a.SetStart(start)
		a.Set("clinician", cmp.Or(body.PractitionerID, a.Clinician()))
		a.SetRaw(reasonKey, body.Reason)
		a.SetRaw(acceptedFeeKey, body.AcceptFeeCents)
		return nil
	})
}

// deskRescheduleBody: what is not sent stays.
type deskRescheduleBody struct {
	StartTime      string  `json:"startTime"`
	PractitionerID string  `json:"practitionerId"`
	RoomID         *string `json:"roomId"` // empty: no room
	LocationID     string  `json:"locationId"`
	Duration       int     `json:"duration"` // minutes
	Reason         string  `json:"reason"`
	OutsideHours   bool    `json:"outsideHours"`
	Version        string  `json:"version"` // updatedAt as it was last seen
}

// rescheduleAtDesk moves a visit in the clinic's calendar.
func rescheduleAtDesk(c *kernel.Call) (*kernel.Reply, error) {
	var body deskRescheduleBody
	if err := c.Bind(&body); err != nil {
		return nil, err
	}
	return change(c, deskVisitOf, func(tx core.App, a *collections.Appointment) error {
		if err := refuseLongReason(body.Reason); err != nil {
			return err
		}
		if body.Version != "" && !isVersion(a, body.Version) {
			return kernel.Conflict("STALE", "Somebody changed this a moment ago. Load it again to see what it is now.")
		}
		zone := a.TimeZone()
		if body.LocationID != "" && body.LocationID != a.Location() {
			location, err := collections.FindLocation(tx, body.LocationID)
			if isNoRows(err) {
				return kernel.Invalid("", "Choose one of the clinic's places.").Field("locationId", "location_not_found", "Choose one of the clinic's places.")
			}
			if err != nil {
				return err
			}
			zone = location.TimeZone()
			a.Set("location", body.LocationID)
			a.Set("room", "") // it is somewhere else
		}
		if body.StartTime != "" {
			start, err := startAt(body.StartTime, zone)
			if err != nil {
				return err
			}
			a.SetStart(start)
		}
		if body.PractitionerID != "" {
			a.Set("clinician", body.PractitionerID)
		}
		if body.RoomID != nil {
			a.Set("room", *body.RoomID)
		}
		if body.Duration != 0 {
			a.Set("duration", body.Duration)
		}
		a.SetRaw(reasonKey, body.Reason)
		if body.OutsideHours {
			waiveHours(a)
		}
		return nil
	})
}

// isVersion compares what somebody saw last with what is stored. The API shows whole seconds; a calendar that was given
// the whole text may send that.
func isVersion(a *collections.Appointment, seen string) bool {
	stored := a.GetString("updated")
	return seen == stored || seen == instant(stored) || seen == strings.Replace(stored, " ", "T", 1)
}

func startAt(text, zoneName string) (time.Time, error) {
	zone, err := collections.Zone(zoneName)
	if err != nil {
		return time.Time{}, err
	}
	return startOf(text, zone)
}

func refuseLongReason(reason string) error {
	if len([]rune(reason)) > maxReason {
		return kernel.Invalid("", "Say why in 500 characters at most.").Field("reason", "length", "Say why in 500 characters at most.")
	}
	return nil
}

// inTheWordsOfTheVisit makes conflicts of what somebody else decided or took, and renames the fields to those that were
// sent.
func inTheWordsOfTheVisit(c *kernel.Call, err error, from, to collections.AppointmentStatus, wanted *collections.Appointment) error {
	switch codeOf(err, "status") {
	case "illegal_move", "not_allowed", "read_only":
		if from != to {
			return illegalMove(from, to).Because(err)
		}
	case "stale":
		return kernel.Conflict("STALE", kernel.AsError(err).Message).Because(err)
	}
	if early := kernel.AsError(err); early.Reason == reasonTooEarly && wanted != nil {
		return showOpening(c, early, wanted)
	}
	if _, taken := slotConflict(err); !taken {
		return unavailable(c, err, wish{}, time.Time{}, map[string]string{"clinician": "practitionerId", "room": "roomId", "location": "locationId",
			"cancellationReason": "reason", "lateFeeCents": "chargeFee"})
	}
	w, start, failed := wishOfRequest(c.App, wanted, c.Actor)
	if failed != nil {
		return failed
	}
	w.length = wanted.Duration()
	return unavailable(c, err, w, start, nil)
}

// showOpening adds when it may be done on the clocks of the place, in the reader's language.
func showOpening(c *kernel.Call, early *kernel.Error, a *collections.Appointment) error {
	text, _ := early.Details["opensAt"].(string)
	at, err := time.Parse(instantForm, text)
	if err != nil {
		return err
	}
	zone, err := collections.Zone(a.TimeZone())
	if err != nil {
		return err
	}
	return early.With("opensAtDisplay", atInWords(languageOf(c.Request.Header.Get("Accept-Language")), at.In(zone), kernel.Now(c.App).In(zone).Year()))
}
