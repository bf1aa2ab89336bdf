package scheduling

import (
	"strconv"

	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/kernel"
	"anteroom/hooks/notices"
	"anteroom/hooks/outbox"
)

// seriesBody asks for follow-ups at the same time of day: Count visits in all, EveryDays apart.
type seriesBody struct {
	Count     int  `json:"count"`
	EveryDays int  `json:"everyDays"`
	SkipTaken bool `json:"skipTaken"` // leave out days that cannot be had, instead of booking none
}

// seriesOfVisit is what became of it. Skipped are the days that could not be had.
type seriesOfVisit struct {
	ID           string        `json:"id"`
	Appointments []Appointment `json:"appointments"`
	Skipped      []string      `json:"skipped"`

	ids []string
}

// seriesPlace says where in a series a visit stands. It rides on the record from bookSeries to the rules; being a type
// of this package, no request can forge it.
type seriesPlace struct {
	id       string
	position int
}

const seriesKey = "@scheduling.series"

// Bounds of a series. The desk may write down a year of weekly visits.
const (
	shortestStep, longestStep = 7, 90
	deskSeriesMax             = 52
)

// seriesTaken refuses a series some of whose days cannot be had.
type seriesTaken struct{ days []string }

func (e *seriesTaken) Error() string {
	return "Not all of these days are free. Nothing was booked. These are taken: " + spaced(e.days) + "."
}

// bookSeries books the first visit and its follow-ups at the same time of day, in one transaction: all of them, or, if
// taken days may be skipped, the first and whichever others are free. One letter tells of all.
func bookSeries(tx core.App, by kernel.Actor, o *order, b *seriesBody) (*seriesOfVisit, error) {
	if err := refuseBadSeries(by, o.service, b); err != nil {
		return nil, err
	}
	out := &seriesOfVisit{ID: core.GenerateDefaultRandomId(), Appointments: []Appointment{}, Skipped: []string{}}
	local := o.first.Start().In(o.zone)
	template := o.first.Clone()
	var visits []*collections.Appointment
	for n := range b.Count {
		day := local.AddDate(0, 0, n*b.EveryDays).Format(dayForm)
		a, start := o.first, o.first.Start()
		var err error
		if n > 0 {
			a = collections.AsAppointment(template.Clone())
			a.MarkAsNew()
			start, err = instantOf(collections.Preference{Date: day, Time: local.Format(wallForm)}, o.zone)
		}
		if err == nil {
			a.SetStart(start)
			a.SetRaw(seriesKey, seriesPlace{out.ID, len(visits) + 1})
			a.SetRaw(toldKey, true)
			err = kernel.SaveAs(tx, by, a.Record)
		}
		switch {
		case err == nil:
			visits, out.ids = append(visits, a), append(out.ids, a.Id)
		case !cannotBeHad(err) || n == 0 && b.SkipTaken:
			return nil, err
		default:
			out.Skipped = append(out.Skipped, day)
		}
	}
	if len(out.Skipped) > 0 && !b.SkipTaken {
		return nil, &seriesTaken{out.Skipped}
	}
	return out, writeSeriesLetter(tx, by, visits)
}

func refuseBadSeries(by kernel.Actor, service *collections.Service, b *seriesBody) error {
	most := service.SeriesMax()
	if by.IsStaff() {
		most = deskSeriesMax
	}
	bad := kernel.Invalid("", "These follow-ups cannot be booked.")
	switch {
	case most < 2:
		_ = bad.Field("series.count", "range", "This service is booked one visit at a time.")
	case b.Count < 2 || b.Count > most:
		_ = bad.Field("series.count", "range", "Choose from 2 to "+strconv.Itoa(most)+" visits.")
	}
	if b.EveryDays < shortestStep || b.EveryDays > longestStep {
		_ = bad.Field("series.everyDays", "range", "Choose from "+strconv.Itoa(shortestStep)+" to "+strconv.Itoa(longestStep)+" days between visits.")
	}
	if bad.HasFields() {
		return bad
	}
	return nil
}

// cannotBeHad tells whether one day of a series is refused for what that day is like, and not for what was asked.
func cannotBeHad(err error) bool {
	if _, taken := slotConflict(err); taken {
		return true
	}
	return codeOf(err, "start_time") == "outside_hours" || codeOf(err, "time") == "nonexistent_time"
}

// writeSeriesLetter tells of all visits of a series at once: one notice, and one mail with every visit in its words
// and in its calendar file.
func writeSeriesLetter(tx core.App, by kernel.Actor, visits []*collections.Appointment) error {
	if by.Kind == kernel.KindSystem {
		return nil
	}
	lang, err := languageOfClient(tx, visits[0].Client())
	if err != nil {
		return err
	}
	facts := make([]*visitFacts, len(visits))
	now := kernel.Now(tx)
	for i, a := range visits {
		if facts[i], err = factsOf(tx, a, now, lang); err != nil {
			return err
		}
	}
	first := facts[0]
	cause := "series:" + first.a.Series()
	n := first.notice(newsBooked, cause)
	m := first.mail(tx, newsBooked)
	also := "\n\n" + inLanguage(lang, "The visits after it:", "Las citas siguientes:")
	var events []calendarEvent
	for i, f := range facts {
		events = append(events, f.event(tx))
		if i > 0 {
			also += "\n" + f.when()
		}
	}
	if len(facts) > 1 {
		n.Message += also
		m.Text += also
	}
	m.Attachments = []outbox.Attachment{calendarAttachment(events...)}
	if err := notices.Tell(tx, first.a.Client(), kernel.AreaVisits, n); err != nil {
		return err
	}
	to, err := addresses(tx, first.a)
	if err != nil {
		return err
	}
	for _, address := range to {
		m.To, m.Cause = address.email, cause+":"+address.owner
		if err := outbox.Mail(tx, m); err != nil {
			return err
		}
	}
	return nil
}
