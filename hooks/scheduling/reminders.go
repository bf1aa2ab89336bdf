package scheduling

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pocketbase/dbx"
	validation "github.com/pocketbase/ozzo-validation/v4"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
	"anteroom/hooks/notices"
	"anteroom/hooks/outbox"
)

// Reminders. Every minute the visits that the ladder of the clinic reaches are looked at. For each person and each way
// to reach them, the latest rung that is due is sent, if it was not: what a server that stood still missed is not made
// up for rung by rung. What a rung sends, and that it did, is one transaction, and a unique index has the last word when
// two servers think of it at once.

func bindReminders(app core.App) {
	kernel.WrittenByPortalAlone(app, collections.AppointmentReminders)
	app.OnRecordValidate(collections.ClinicSettingsName).BindFunc(refuseBadLadder)
	app.Cron().MustAdd("anteroom_remind", "* * * * *", func() {
		if err := remind(app); err != nil {
			app.Logger().Error("remind of visits", "error", err)
		}
	})
}

const selectComing = `SELECT id FROM appointments WHERE start_time > {:now} AND start_time <= {:until}
	AND +status IN ('scheduled','confirmed') ORDER BY start_time, id`

// remind sends what is due. A visit that cannot be reminded of keeps none of the others from it.
func remind(app core.App) error {
	ladder := collections.Settings(app).ReminderLadder
	longest := 0
	for _, r := range ladder {
		longest = max(longest, r.MinutesBefore)
	}
	if longest == 0 {
		return nil
	}
	now := kernel.Now(app)
	var coming []string
	// quiet hours send a rung earlier than it stands, by at most a day
	err := app.ConcurrentDB().NewQuery(selectComing).Bind(dbx.Params{"now": now.Format(timeForm),
		"until": now.Add(time.Duration(longest)*time.Minute + dayLong*time.Second).Format(timeForm)}).Column(&coming)
	if err != nil {
		return err
	}
	for _, id := range coming {
		if err := remindOf(app, id, ladder, now); err != nil {
			app.Logger().Error("remind of a visit", "appointment", id, "error", err)
		}
	}
	return nil
}

// recipient is one person on one channel.
type recipient struct {
	channel, login string // no login: the client's record
	email          string
	quiet          []quietTime
}

// remindOf sends what is due of one visit, each rung to each person in a transaction of its own.
func remindOf(app core.App, id string, ladder []collections.Rung, now time.Time) error {
	a, err := collections.FindAppointment(app, id)
	if err != nil {
		return err
	}
	agreed, err := agreedAt(app, a)
	if err != nil {
		return err
	}
	people, err := recipientsOf(app, a)
	if err != nil {
		return err
	}
	for _, p := range people {
		rung, due := dueRung(ladder, p, a.Start(), agreed, now)
		if !due {
			continue
		}
		if sent, err := wasSent(app, a, rung, p); err != nil || sent {
			if err != nil {
				return err
			}
			continue
		}
		if err := app.RunInTransaction(func(tx core.App) error { return send(tx, a, rung, p, now) }); err != nil {
			if sent, other := wasSent(app, a, rung, p); other == nil && sent {
				continue // another server was first
			}
			return err
		}
	}
	return nil
}

// dueRung finds the latest rung that has come for somebody. A visit that was agreed after a rung's time is not reminded
// of by it: whoever agreed to it has just heard of it. It is never quiet when it is sent.
func dueRung(ladder []collections.Rung, p recipient, start, agreed, now time.Time) (minutesBefore int, due bool) {
	var latest time.Time
	for _, r := range ladder {
		if !slices.Contains(r.Channels, p.channel) {
			continue
		}
		stands := start.Add(-time.Duration(r.MinutesBefore) * time.Minute)
		at := awake(stands, start, p.quiet...)
		if at.After(now) || at.Before(latest) || at.Equal(latest) && r.MinutesBefore > minutesBefore {
			continue
		}
		latest, minutesBefore = at, r.MinutesBefore
		due = agreed.Before(at) && agreed.Before(stands)
	}
	return minutesBefore, due && !isQuiet(now, p.quiet...)
}

// agreedAt is when the visit was booked for its time, or moved there.
func agreedAt(app core.App, a *collections.Appointment) (time.Time, error) {
	var at string
	err := app.ConcurrentDB().NewQuery(selectAgreed).Bind(dbx.Params{"id": a.Id, "start": a.Start().Format(timeForm)}).Row(&at)
	if err != nil || at == "" {
		return a.GetDateTime("created").Time(), err
	}
	return time.Parse(timeForm, at)
}

const selectAgreed = `SELECT coalesce(max(at), '') FROM appointment_history WHERE appointment = {:id} AND to_start = {:start}
	AND (from_status NOT IN ('scheduled','confirmed') OR from_start <> to_start)`

// recipientsOf lists who is reminded, and how: every login that may hear of visits and wants to, at its own quiet hours;
// the client's number, at those of the client's own login; and the client's address when no login stands for them. The
// portal itself makes no noise, and keeps to no quiet hours.
func recipientsOf(app core.App, a *collections.Appointment) ([]recipient, error) {
	settings := collections.Settings(app)
	clinics := quietTime{settings.QuietFrom, settings.QuietUntil, nil}
	var err error
	if clinics.zone, err = collections.Zone(a.TimeZone()); err != nil {
		return nil, err
	}
	var out []recipient
	audience, err := kernel.Audience(app, a.Client(), kernel.AreaVisits)
	if err != nil {
		return nil, err
	}
	sms := recipient{channel: collections.ChannelSMS, quiet: []quietTime{clinics}}
	sendsSMS, err := reachedBySMS(app, a.Client())
	if err != nil {
		return nil, err
	}
	inApp := false
	slices.SortStableFunc(audience, ownFirst)
	for i, g := range audience {
		chosen, err := notices.Choices(app, g.User)
		if err != nil {
			return nil, err
		}
		inApp = inApp || chosen.InApp(collections.NoticeAppointmentReminder)
		if i == 0 { // who decides over the client's number: their own login before others'
			sendsSMS = sendsSMS && chosen.BySMS(collections.NoticeAppointmentReminder)
			sms.quiet = append(sms.quiet, quietOf(chosen.QuietHours))
		}
	}
	if inApp {
		out = append(out, recipient{channel: collections.ChannelInApp})
	}
	if sendsSMS {
		out = append(out, sms)
	}
	mailed, err := addresses(app, a)
	if err != nil {
		return nil, err
	}
	if mailed, err = whoWant(app, mailed, collections.NoticeAppointmentReminder); err != nil {
		return nil, err
	}
	for _, m := range mailed {
		p := recipient{channel: collections.ChannelEmail, email: m.email, quiet: []quietTime{clinics}}
		if m.owner != clientsAddress {
			chosen, err := notices.Choices(app, m.owner)
			if err != nil {
				return nil, err
			}
			p.login = m.owner
			p.quiet = append(p.quiet, quietOf(chosen.QuietHours))
		}
		out = append(out, p)
	}
	return out, nil
}

// ownFirst puts the client's own login before those who act for them.
func ownFirst(x, y kernel.Grant) int {
	rank := func(g kernel.Grant) int {
		if g.Relationship == collections.RelationshipSelf {
			return 0
		}
		return 1
	}
	return cmp.Or(rank(x)-rank(y), strings.Compare(x.User, y.User))
}

func reachedBySMS(app core.App, client string) (bool, error) {
	r, err := app.FindRecordById(collections.Clients, client)
	if err != nil {
		return false, err
	}
	return outbox.ReachesBySMS(app, collections.AsClient(r)), nil
}

const selectSent = `SELECT EXISTS (SELECT 1 FROM appointment_reminders WHERE appointment = {:id} AND start_time = {:start}
	AND minutes_before = {:rung} AND channel = {:channel} AND recipient = {:who})`

func wasSent(app core.App, a *collections.Appointment, rung int, p recipient) (sent bool, err error) {
	err = app.DB().NewQuery(selectSent).Bind(dbx.Params{"id": a.Id, "start": a.Start().Format(timeForm), "rung": rung,
		"channel": p.channel, "who": p.login}).Row(&sent)
	return sent, err
}

// send reminds one person by one rung. Inside the transaction the visit is looked at again: it may have been moved,
// cancelled or begun since.
func send(tx core.App, seen *collections.Appointment, rung int, p recipient, now time.Time) error {
	a, err := collections.FindAppointment(tx, seen.Id)
	if err != nil {
		return err
	}
	if !a.Status().Booked() || !a.Start().Equal(seen.Start()) {
		return nil
	}
	if sent, err := wasSent(tx, a, rung, p); err != nil || sent {
		return err
	}
	row, err := collections.NewAppointmentReminder(tx, a, rung, p.channel, p.login, now)
	if err != nil {
		return err
	}
	audit.AsWith(row, audit.RemindAppointment, audit.Details{"channel": p.channel, "minutesBefore": rung, "appointment": a.Id})
	if err := kernel.SaveAs(tx, kernel.System(), row); err != nil {
		return err
	}
	lang, err := languageOfClient(tx, a.Client())
	if err != nil {
		return err
	}
	f, err := factsOf(tx, a, now, lang)
	if err != nil {
		return err
	}
	cause := fmt.Sprintf("reminder:%s:%d:%d:%s:%s", a.Id, a.Start().Unix(), rung, p.channel, p.login)
	switch p.channel {
	case collections.ChannelInApp:
		err = notices.Tell(tx, a.Client(), kernel.AreaVisits, f.reminderNotice(cause))
	case collections.ChannelEmail:
		m := f.reminderMail()
		m.To, m.Cause = p.email, cause
		err = outbox.Mail(tx, m)
	case collections.ChannelSMS:
		err = f.remindBySMS(tx, cause)
	}
	if err != nil {
		return err
	}
	_, err = tx.NonconcurrentDB().NewQuery("UPDATE appointments SET reminder_sent_at = {:now} WHERE id = {:id}").
		Bind(dbx.Params{"now": now.Format(timeForm), "id": a.Id}).Execute()
	return err
}

func (f *visitFacts) reminderNotice(cause string) notices.Notice {
	say := func(en, es string) string { return inLanguage(f.lang, en, es) }
	return notices.Notice{Type: collections.NoticeAppointmentReminder, Link: f.confirmPage(), Cause: cause,
		Title:   say("Your appointment is coming up", "Su cita se acerca"),
		Message: f.when() + ". " + f.service + say(" with ", " con ") + f.clinician + "."}
}

// asksToConfirm: whoever confirmed is not asked once more.
func (f *visitFacts) asksToConfirm() bool { return f.a.Status() == collections.AppointmentScheduled }

// confirmPage is the visit's page, with its question open while it is one.
func (f *visitFacts) confirmPage() string {
	if f.asksToConfirm() {
		return pageOf(f.a.Id) + "?confirm=1"
	}
	return pageOf(f.a.Id)
}

// reminderMail says date, time, clinic and place, as every mail about a visit.
func (f *visitFacts) reminderMail() outbox.Message {
	say := func(en, es string) string { return inLanguage(f.lang, en, es) }
	clinic := f.settings.ClinicName
	text := []string{say("This is a reminder of your appointment at "+clinic+": "+f.when()+".", "Le recordamos su cita en "+clinic+": "+f.when()+"."),
		f.place, f.details()}
	label := say("See your appointment", "Ver su cita")
	if f.asksToConfirm() {
		label = say("Confirm your appointment", "Confirmar su cita")
		text = append(text, say("Please confirm that you are coming.", "Por favor confirme que vendrá."))
	}
	text = append(text, say("If you can't come, please sign in or call us.", "Si no puede venir, inicie sesión o llámenos."))
	return outbox.Message{Topic: string(collections.NoticeAppointmentReminder), Language: f.lang,
		Subject: say("Reminder: your appointment at "+clinic, "Recordatorio: su cita en "+clinic),
		Text:    strings.Join(slices.DeleteFunc(text, func(s string) bool { return s == "" }), "\n\n"),
		Link:    f.confirmPage(), LinkLabel: label}
}

// remindBySMS says clinic, date and time: never what for, and never with whom. It is not sent once the visit has begun,
// and to nobody who does not want text messages or whose number is not proven.
func (f *visitFacts) remindBySMS(tx core.App, cause string) error {
	r, err := tx.FindRecordById(collections.Clients, f.a.Client())
	if err != nil {
		return err
	}
	start := f.a.Start().In(f.zone)
	body := f.settings.ClinicName + inLanguage(f.lang, ": your appointment is ", ": su cita es ") +
		whenInWords(f.lang, start, f.now.In(f.zone).Year()) + " (" + start.Format("MST") + ")."
	if url := kernel.ConfigOf(tx).PublicURL; url != "" {
		body += " " + url + f.confirmPage()
	}
	_, err = outbox.SMSTo(tx, collections.AsClient(r), outbox.Text{Topic: string(collections.NoticeAppointmentReminder), Language: f.lang, Body: body,
		Until: f.a.Start(), Cause: cause})
	return err
}

// refuseBadLadder: what cannot be followed is not kept.
func refuseBadLadder(e *core.RecordEvent) error {
	if err := e.Next(); err != nil {
		return err
	}
	raw := e.Record.GetString("reminder_ladder")
	if raw == "" || raw == "null" {
		return nil
	}
	var ladder []collections.Rung
	if err := json.Unmarshal([]byte(raw), &ladder); err != nil {
		return validation.Errors{"reminder_ladder": problem("ladder", `Write reminders as [{"minutesBefore": 1440, "channels": ["email", "sms", "in_app"]}].`)}
	}
	if wrong := wrongWith(ladder); wrong != "" {
		return validation.Errors{"reminder_ladder": problem("ladder", wrong)}
	}
	return nil
}

// wrongWith is what is wrong with a ladder, or "".
func wrongWith(ladder []collections.Rung) string {
	if len(ladder) > maxRungs {
		return "Choose at most " + strconv.Itoa(maxRungs) + " reminders."
	}
	seen := map[int]bool{}
	for _, r := range ladder {
		switch {
		case r.MinutesBefore < 5 || r.MinutesBefore > longestRung:
			return "Remind from 5 minutes to 30 days before the visit."
		case seen[r.MinutesBefore]:
			return "Name each time before the visit once."
		case len(r.Channels) == 0:
			return "Choose email, sms or in_app for each reminder."
		}
		for _, c := range r.Channels {
			if c != collections.ChannelEmail && c != collections.ChannelSMS && c != collections.ChannelInApp {
				return "Choose email, sms or in_app for each reminder."
			}
		}
		seen[r.MinutesBefore] = true
	}
	return ""
}

const (
	maxRungs    = 10
	longestRung = 30 * 24 * 60 // minutes
)
