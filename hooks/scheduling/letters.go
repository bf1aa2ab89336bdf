package scheduling

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/kernel"
	"anteroom/hooks/notices"
	"anteroom/hooks/outbox"
)

// news is what a change means for the client.
type news string

const (
	noNews        news = ""
	newsRequested news = "requested"
	newsBooked    news = "confirmed"
	newsDeclined  news = "declined"
	newsChanged   news = "changed"
	newsCancelled news = "cancelled"
	newsWithdrawn news = "withdrawn" // a request, by the client
	newsArrived   news = "arrived"   // by phone: the desk hears it
	newsRoomReady news = "room_ready"
)

func (s *save) news() news {
	from, to := collections.AppointmentStatus(""), s.after.Status()
	if s.before != nil {
		from = s.before.Status()
	}
	switch {
	case s.before == nil && to == collections.AppointmentRequested:
		return newsRequested
	case !from.Booked() && to.Booked():
		return newsBooked
	case from != to && to == collections.AppointmentDeclined:
		return newsDeclined
	case from == collections.AppointmentRequested && to == collections.AppointmentCancelled && s.actor.Kind == kernel.KindClient:
		return newsWithdrawn
	case from != to && to == collections.AppointmentCancelled:
		return newsCancelled
	case from.Booked() && s.keep != "":
		return s.newsOfClocks()
	case from != to && to == collections.AppointmentArrived && s.actor.Kind == kernel.KindClient:
		return newsArrived
	case s.callsIn():
		return newsRoomReady
	case from.Booked() && to.Booked() && len(s.visitChanges()) > 0:
		return newsChanged
	}
	return noNews
}

// noticeOf is the kind of notification of each news.
var noticeOf = map[news]collections.NotificationType{
	newsRequested:  collections.NoticeAppointmentRequested,
	newsBooked:     collections.NoticeAppointmentConfirmed,
	newsDeclined:   collections.NoticeAppointmentDeclined,
	newsChanged:    collections.NoticeAppointmentChanged,
	newsCancelled:  collections.NoticeAppointmentCancelled,
	newsClockKept:  collections.NoticeAppointmentChanged,
	newsMomentKept: collections.NoticeAppointmentChanged,
	newsWithdrawn:  collections.NoticeAppointmentCancelled,
	newsRoomReady:  collections.NoticeRoomReady,
}

// deskHears are the news of a client's own doing, by the kind of notice that the desk gets.
var deskHears = map[news]string{newsRequested: string(collections.NoticeAppointmentRequested), newsChanged: "appointment_moved_by_client",
	newsCancelled: "appointment_cancelled_by_client", newsWithdrawn: "request_withdrawn", newsArrived: "client_arrived"}

// visitFacts is what letters may say of a visit.
type visitFacts struct {
	a                  *collections.Appointment
	lang               string
	zone               *time.Location
	now                time.Time
	service, clinician string
	place              string
	settings           *collections.ClinicSettings
	byClient           bool
	feeCents           int // that this change costs
}

// toldKey rides on a visit that is booked with others: whoever books them tells of all of them at once.
const toldKey = "@scheduling.told"

// writeLetters tells the client and the desk, in the transaction of the change. Imports tell nobody: what they
// bring is known.
func writeLetters(tx core.App, s *save) error {
	what := s.news()
	if what == noNews || s.actor.Kind == kernel.KindSystem || s.after.GetRaw(toldKey) == true {
		return nil
	}
	lang, err := languageOfClient(tx, s.after.Client())
	if err != nil {
		return err
	}
	f, err := factsOf(tx, s.after, s.now, lang)
	if err != nil {
		return err
	}
	f.byClient, f.feeCents = s.actor.Kind == kernel.KindClient, s.after.LateFeeCents()
	if s.before != nil {
		f.feeCents -= s.before.LateFeeCents()
	}
	cause := "appointment:" + s.after.Id + ":" + strconv.Itoa(s.after.CalendarSequence()) + ":" + string(what)
	if err := tellTheClinic(tx, s, what, cause); err != nil {
		return err
	}
	if what != newsRequested && what != newsArrived {
		if err := notices.Tell(tx, s.after.Client(), kernel.AreaVisits, f.notice(what, cause)); err != nil {
			return err
		}
	}
	if what == newsArrived || what == newsRoomReady {
		return nil // they are here
	}
	to, err := addresses(tx, s.after)
	if err != nil {
		return err
	}
	if to, err = whoWant(tx, to, noticeOf[what]); err != nil {
		return err
	}
	for _, address := range to {
		m := f.mail(tx, what)
		m.To, m.Cause = address.email, cause+":"+address.owner
		if err := outbox.Mail(tx, m); err != nil {
			return err
		}
	}
	return nil
}

// tellTheClinic tells the desk what a client did, and whoever sees the client when a visit is meant. The rows name nobody.
func tellTheClinic(tx core.App, s *save, what news, cause string) error {
	kind := deskHears[what]
	if kind == "" || what != newsRequested && s.actor.Kind != kernel.KindClient {
		return nil
	}
	if err := notices.TellStaff(tx, "", kind, deskPage, s.after.Id, cause); err != nil {
		return err
	}
	if s.before == nil || s.before.Status() == collections.AppointmentRequested {
		return nil
	}
	leads := []string{s.after.GetString("lead_staff"), s.before.GetString("lead_staff")} // who has them now, and who had
	for i, lead := range leads {
		if lead == "" || i > 0 && lead == leads[0] {
			continue
		}
		if err := notices.TellStaff(tx, lead, kind, deskPage, s.after.Id, cause); err != nil {
			return err
		}
	}
	return nil
}

// Where staff find things in the dashboard.
const (
	deskPage        = "#/desk"         // the visits of a day, requests and the waitlist
	zoneChangesPage = "#/zone-changes" // visits whose clock has changed
)

// languageOfClient is the language the clinic writes to the client in.
func languageOfClient(app core.App, id string) (string, error) {
	client, err := app.FindRecordById("clients", id)
	if err != nil {
		return "", err
	}
	return orEnglish(client.GetString("language")), nil
}

func factsOf(tx core.App, a *collections.Appointment, now time.Time, lang string) (*visitFacts, error) {
	f := &visitFacts{a: a, now: now, lang: lang, settings: collections.Settings(tx)}
	var err error
	if f.zone, err = collections.Zone(a.TimeZone()); err != nil {
		return nil, err
	}
	service, err := collections.FindService(tx, a.Service())
	if err != nil {
		return nil, err
	}
	f.service = service.Name()
	location, err := collections.FindLocation(tx, a.Location())
	if err != nil {
		return nil, err
	}
	f.place = placeInWords(f.lang, a.Place(), location.Name(), location.Address())
	if a.Clinician() == "" {
		return f, nil
	}
	clinician, err := tx.FindRecordById("clinicians", a.Clinician())
	if err != nil {
		return nil, err
	}
	f.clinician = nameOf(clinician.GetString("title"), clinician.GetString("first_name"), clinician.GetString("last_name"))
	return f, nil
}

// formsOfAddress are the titles that stand before a name. Others are credentials, which follow it.
var formsOfAddress = map[string]bool{"dr": true, "dra": true, "mr": true, "mrs": true, "ms": true, "mx": true, "miss": true, "prof": true,
	"rev": true, "sr": true, "sra": true, "srta": true}

// nameOf is a clinician as one speaks of them: "Dr. Ana Reyes", but "Ben Carter, LCSW".
func nameOf(title, first, last string) string {
	name := strings.TrimSpace(first + " " + last)
	switch {
	case title == "":
		return name
	case formsOfAddress[strings.ToLower(strings.TrimSuffix(title, "."))]:
		return title + " " + name
	}
	return name + ", " + title
}

// when is the visit in words, with the zone's name, because a mail is read anywhere.
func (f *visitFacts) when() string {
	start := f.a.Start().In(f.zone)
	return spanInWords(f.lang, start, f.a.End().In(f.zone), f.now.In(f.zone).Year()) + " (" + start.Format("MST") + ")"
}

// notice is encrypted and read inside the portal: it may name what a mail may not.
func (f *visitFacts) notice(what news, cause string) notices.Notice {
	say := func(en, es string) string { return inLanguage(f.lang, en, es) }
	n := notices.Notice{Type: noticeOf[what], Link: pageOf(f.a.Id), Cause: cause}
	visit := f.when()
	if f.clinician != "" {
		visit += ". " + f.service + say(" with ", " con ") + f.clinician + "."
	}
	switch what {
	case newsBooked:
		n.Title, n.Message = say("You're booked", "Su cita está confirmada"), visit
	case newsDeclined:
		n.Title = say("The clinic answered your request", "La clínica respondió a su solicitud")
		n.Message = say("We can't offer the times you asked for. Open it to read our answer.",
			"No podemos ofrecerle las horas que pidió. Ábrala para leer nuestra respuesta.")
	case newsChanged:
		n.Title, n.Message = say("Your appointment has changed", "Su cita cambió"), visit
		n.Priority = collections.PriorityHigh
	case newsCancelled:
		n.Title, n.Message = say("Your appointment is cancelled", "Su cita fue cancelada"), visit
		n.Priority = collections.PriorityHigh
	case newsClockKept, newsMomentKept:
		n.Title, n.Message = say("The clocks were changed", "Cambiaron los relojes"), f.clocksInWords(what)
		n.Priority = collections.PriorityHigh
	case newsWithdrawn:
		n.Title, n.Message = say("Your request is withdrawn", "Su solicitud fue retirada"), visit
	case newsRoomReady:
		n.Title, n.Message = say("We are ready for you", "Estamos listos para recibirle"), say("Please come in.", "Pase, por favor.")
		if f.a.Place() == collections.Telehealth {
			n.Message = say("Open your visit to join.", "Abra su cita para entrar.")
		}
		n.Priority = collections.PriorityUrgent
	}
	return n
}

// mail says date, time, clinic and place, and the way to the portal.
func (f *visitFacts) mail(tx core.App, what news) outbox.Message {
	say := func(en, es string) string { return inLanguage(f.lang, en, es) }
	clinic := f.settings.ClinicName
	m := outbox.Message{Topic: string(noticeOf[what]), Language: f.lang, Link: pageOf(f.a.Id), LinkLabel: say("See your appointment", "Ver su cita")}
	var text []string
	switch what {
	case newsRequested:
		m.Subject = say("We received your request", "Recibimos su solicitud")
		m.LinkLabel = say("See your request", "Ver su solicitud")
		text = []string{
			say("We received your request for an appointment at "+clinic+".", "Recibimos su solicitud de cita en "+clinic+"."),
			say("These are the times you asked for:", "Estas son las horas que pidió:") + "\n" + f.wishes(),
			promise(f.lang, f.settings, f.held()),
		}
	case newsBooked:
		m.Subject = say("Your appointment at "+clinic, "Su cita en "+clinic)
		text = []string{say("You're booked for "+f.when()+".", "Su cita: "+f.when()+"."), f.place, f.details(),
			say("The attached file adds it to your calendar.", "El archivo adjunto la agrega a su calendario.")}
	case newsDeclined:
		m.Subject = say("The clinic answered your request", "La clínica respondió a su solicitud")
		m.LinkLabel = say("Read the answer", "Leer la respuesta")
		text = []string{say(clinic+" answered your request for an appointment. Sign in to read the clinic's answer.",
			clinic+" respondió a su solicitud de cita. Inicie sesión para leer la respuesta de la clínica.")}
	case newsChanged:
		m.Subject = say("Your appointment at "+clinic+" has changed", "Su cita en "+clinic+" cambió")
		text = []string{say("Your appointment is now "+f.when()+".", "Su cita ahora es: "+f.when()+"."),
			f.who(say("It was changed in the portal.", "Se cambió en el portal."), say("The clinic changed it.", "La clínica la cambió.")),
			f.fee(say("A late change fee of ", "Por el cambio tardío se debe un cargo de ")), f.place, f.details(),
			say("The attached file changes it in your calendar.", "El archivo adjunto la cambia en su calendario.")}
	case newsCancelled:
		m.Subject = say("Your appointment at "+clinic+" is cancelled", "Su cita en "+clinic+" fue cancelada")
		text = []string{say("Your appointment is cancelled: "+f.when()+".", "Su cita fue cancelada: "+f.when()+"."),
			f.who(say("It was cancelled in the portal.", "Se canceló en el portal."), say("The clinic cancelled it.", "La clínica la canceló.")),
			f.fee(say("A late cancellation fee of ", "Por la cancelación tardía se debe un cargo de ")),
			say("Sign in, or call us, to find another time.", "Inicie sesión o llámenos para buscar otra hora.")}
	case newsClockKept, newsMomentKept:
		m.Subject = say("The clocks were changed: your appointment at "+clinic, "Cambiaron los relojes: su cita en "+clinic)
		text = []string{f.clocksInWords(what), f.place, f.details(),
			say("The attached file corrects it in your calendar.", "El archivo adjunto la corrige en su calendario.")}
	case newsWithdrawn:
		m.Subject = say("Your request is withdrawn", "Su solicitud fue retirada")
		text = []string{say("Your request for an appointment at "+clinic+" was withdrawn in the portal.", "Su solicitud de cita en "+clinic+" se retiró en el portal.")}
	}
	m.Text = paragraphs(text...)
	// a cancelled request was never in a calendar
	if what == newsBooked || what == newsChanged || what == newsClockKept || what == newsMomentKept || what == newsCancelled && f.a.CalendarSequence() > 0 {
		m.Attachments = []outbox.Attachment{calendarAttachment(f.event(tx))}
	}
	return m
}

// who says who changed the visit, in the words for either.
func (f *visitFacts) who(client, clinic string) string {
	if f.byClient {
		return client
	}
	return clinic
}

// fee says what a late change costs, when it does. An amount is no fact of health.
func (f *visitFacts) fee(words string) string {
	if f.feeCents == 0 {
		return ""
	}
	return words + kernel.Money(f.feeCents, f.settings.Currency) + inLanguage(f.lang, " is due.", ".")
}

// details are said in mails and calendars only when the clinic chose so.
func (f *visitFacts) details() string {
	if !f.settings.MailNamesDetails || f.clinician == "" {
		return ""
	}
	return f.service + inLanguage(f.lang, " with ", " con ") + f.clinician
}

func (f *visitFacts) event(app core.App) calendarEvent {
	return calendarEvent{id: f.a.Id, sequence: f.a.CalendarSequence(), start: f.a.Start(), end: f.a.End(),
		changed: f.a.GetDateTime("updated").Time(), cancelled: f.a.Status() == collections.AppointmentCancelled,
		language: f.lang, clinic: f.settings.ClinicName, place: f.place, details: f.details(),
		organizer: kernel.ConfigOf(app).Sender(), link: portalLink(kernel.ConfigOf(app), f.a.Id)}
}

// held is the time that a request keeps, in words; "" when it keeps none.
func (f *visitFacts) held() string {
	if !f.a.HoldsSlot() {
		return ""
	}
	return f.when()
}

// wishes lists the preferences, one a line.
func (f *visitFacts) wishes() string {
	wanted, _ := f.a.Preferences() // the rules have read them
	var lines []string
	for _, p := range wanted {
		if t, err := instantOf(p, f.zone); err == nil {
			lines = append(lines, whenInWords(f.lang, t.In(f.zone), f.now.In(f.zone).Year())+" ("+t.In(f.zone).Format("MST")+")")
		}
	}
	return strings.Join(lines, "\n")
}

// address is where one mail goes; owner keeps its cause apart from the others'.
type address struct{ email, owner string }

// clientsAddress is the owner of the address in the client's own record.
const clientsAddress = "client"

// addresses are those of the logins that may hear of visits, the one that asked first. A client whom no login
// stands for hears at the address the clinic has.
func addresses(tx core.App, a *collections.Appointment) ([]address, error) {
	audience, err := kernel.Audience(tx, a.Client(), kernel.AreaVisits)
	if err != nil {
		return nil, err
	}
	users := make([]any, len(audience))
	for i, g := range audience {
		users[i] = g.User
	}
	var rows []struct {
		ID    string `db:"id"`
		Email string `db:"email"`
	}
	// an unproven address may be a stranger's; a suspended login hears nothing
	err = tx.DB().Select("id", "email").From("portal_users").
		Where(dbx.And(dbx.In("id", users...), dbx.HashExp{"verified": true}, dbx.NotIn("account_status", "suspended", "pending_verification"))).
		OrderBy("id").All(&rows)
	if err != nil {
		return nil, err
	}
	out := make([]address, 0, len(rows)+1)
	for _, r := range rows {
		if r.Email != "" {
			out = append(out, address{r.Email, r.ID})
		}
	}
	if i := slices.IndexFunc(out, func(x address) bool { return x.owner == a.RequestedBy() }); i > 0 {
		out[0], out[i] = out[i], out[0]
	}
	if len(out) > 0 {
		return out, nil
	}
	var email string
	err = tx.DB().Select("email").From("clients").Where(dbx.HashExp{"id": a.Client()}).Row(&email)
	if err != nil || email == "" {
		return nil, err
	}
	return []address{{email, clientsAddress}}, nil
}

// whoWant leaves out the logins that have switched off mails of a type.
func whoWant(tx core.App, all []address, about collections.NotificationType) ([]address, error) {
	var out []address
	for _, a := range all {
		if a.owner != clientsAddress {
			chosen, err := notices.Choices(tx, a.owner)
			if err != nil {
				return nil, err
			}
			if !chosen.ByEmail(about) {
				continue
			}
		}
		out = append(out, a)
	}
	return out, nil
}

// paragraphs joins what is said, an empty line between.
func paragraphs(text ...string) string {
	return strings.Join(slices.DeleteFunc(text, func(s string) bool { return s == "" }), "\n\n")
}
