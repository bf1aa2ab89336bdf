package scheduling

import (
	"net/http"
	"time"

	ics "github.com/arran4/golang-ical"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
)

// calendarEvent is what a calendar learns of a visit: when and where, and how to come back to the portal. There is
// no field for the reason, and what and who are empty unless the clinic chose that mails name them.
type calendarEvent struct {
	id         string
	sequence   int
	start, end time.Time
	changed    time.Time
	cancelled  bool
	language   string
	clinic     string
	place      string
	details    string // service and clinician, only when the clinic names them in mails
	link       string // absolute
}

// calendarFile makes an iCalendar object (RFC 5545) of one event, or of each visit of a series. The UID is the same in every version and
// SEQUENCE counts them, so that a calendar replaces what it has. METHOD:PUBLISH, because nobody is asked to answer by
// mail. Instants are in UTC: a visit is at one moment, whatever zone the calendar shows.
func calendarFile(events ...calendarEvent) []byte {
	cal := ics.NewCalendarFor("Anteroom")
	cal.SetProductId("-//Anteroom//Appointments//EN")
	cal.SetMethod(ics.MethodPublish)
	for _, e := range events {
		addEvent(cal, e)
	}
	return []byte(cal.Serialize(ics.WithNewLineWindows)) // RFC 5545, 3.1: lines end with CRLF
}

func addEvent(cal *ics.Calendar, e calendarEvent) {
	v := cal.AddEvent(e.id + "@anteroom")
	v.SetDtStampTime(e.changed)
	v.SetModifiedAt(e.changed)
	v.SetSequence(e.sequence)
	v.SetStartAt(e.start)
	v.SetEndAt(e.end)
	v.SetClass(ics.ClassificationPrivate)
	v.SetSummary(inLanguage(e.language, "Appointment at ", "Cita en ") + e.clinic)
	v.SetLocation(e.place)
	description := e.details
	if e.link != "" {
		if description != "" {
			description += "\n"
		}
		description += e.link
		v.SetURL(e.link)
	}
	if description != "" {
		v.SetDescription(description)
	}
	v.SetStatus(ics.ObjectStatusConfirmed)
	if e.cancelled {
		v.SetStatus(ics.ObjectStatusCancelled)
	}
}

const (
	calendarType = "text/calendar; charset=utf-8; method=PUBLISH"
	calendarName = "appointment.ics"
)

// placeInWords is where to go: the place and its address, or that there is nowhere to go.
func placeInWords(lang string, where collections.ServicePlace, name string, address collections.Address) string {
	if where == collections.Telehealth {
		return inLanguage(lang, "Video visit", "Cita por video")
	}
	if line := address.Line(); line != "" {
		return name + ", " + line
	}
	return name
}

func inLanguage(lang, en, es string) string {
	if lang == spanish {
		return es
	}
	return en
}

// portalLink is the page of an appointment; empty when the clinic has not said where its portal is.
func portalLink(cfg kernel.Config, id string) string {
	if cfg.PublicURL == "" {
		return ""
	}
	return cfg.PublicURL + pageOf(id)
}

// pageOf is its path in the portal.
func pageOf(id string) string { return "/appointments/" + id }

// downloadCalendar gives the calendar file of a visit that is agreed, or was and is cancelled. What is only asked for
// holds no time, and belongs into nobody's calendar.
func downloadCalendar(c *kernel.Call) (*kernel.Reply, error) {
	v, err := newView(c.App, languageOf(c.Request.Header.Get("Accept-Language")))
	if err != nil {
		return nil, err
	}
	if _, err := v.read(c.ID(), c.Client()); err != nil {
		return nil, err
	}
	a, err := collections.FindAppointment(c.App, c.ID())
	if err != nil {
		return nil, err
	}
	status := a.Status()
	if status == collections.AppointmentRequested || status == collections.AppointmentDeclined ||
		status == collections.AppointmentCancelled && a.CalendarSequence() == 0 {
		return nil, kernel.Conflict("NOT_BOOKED", "This visit is not booked, so there is nothing to put into a calendar.")
	}
	facts, err := factsOf(c.App, a, v.now, v.lang)
	if err != nil {
		return nil, err
	}
	line := audit.EntryFor(c.Actor, audit.ViewAppointment, audit.Appointment, a.Id)
	line.Details = audit.Details{"as": "calendar"}
	if err := audit.Read(c.App, line); err != nil {
		return nil, err
	}
	file := calendarFile(facts.event(c.App))
	return kernel.Stream(func(e *core.RequestEvent) error {
		e.Response.Header().Set("Content-Disposition", `attachment; filename="`+calendarName+`"`)
		return e.Blob(http.StatusOK, calendarType, file)
	}), nil
}
