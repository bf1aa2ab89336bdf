package scheduling

import (
	"errors"
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
)

// bindRules binds what every door meets. The rules run before PocketBase's field validation, because they fill
// columns that it requires; each looks only at values it has checked itself.
func bindRules(app core.App) {
	app.OnRecordCreate(collections.Appointments).BindFunc(func(e *core.RecordEvent) error {
		s := newSave(e, nil)
		if err := s.checkNew(); err != nil {
			return err
		}
		return e.Next()
	})
	app.OnRecordUpdate(collections.Appointments).BindFunc(func(e *core.RecordEvent) error {
		// The row is asked, not Record.Original: that one stays as it was loaded, however often it is saved since.
		before, err := collections.FindAppointment(e.App, e.Record.Id)
		if err != nil {
			return err
		}
		s := newSave(e, before)
		if err := s.checkChange(); err != nil {
			return err
		}
		e.Record.SetRaw(beforeKey, before)
		return e.Next()
	})
	app.OnRecordDelete(collections.Appointments).BindFunc(refuseDeleting)
	app.OnRecordCreateRequest(collections.AppointmentHistory).BindFunc(refuseWritingHistory)
	app.OnRecordValidate(collections.Locations).BindFunc(refuseUnknownZone)
	app.OnRecordValidate(collections.Services).BindFunc(refuseEndlessService)
	bindHours(app)
}

// problem is what is wrong with a field: a code that the API shows without its prefix, and a sentence.
func problem(code, message string) validation.Error {
	return validation.NewError("validation_"+code, message)
}

func refuseDeleting(*core.RecordEvent) error {
	return validation.Errors{"status": problem("kept", "An appointment is cancelled, not deleted.")}
}

// refuseWritingHistory keeps the owner from writing rows that the portal did not see happen.
func refuseWritingHistory(*core.RecordRequestEvent) error {
	return validation.Errors{"at": problem("read_only", "History is written by the portal.")}
}

func refuseUnknownZone(e *core.RecordEvent) error {
	if err := e.Next(); err != nil {
		return err
	}
	if _, err := collections.AsLocation(e.Record).Zone(); err != nil {
		return validation.Errors{"time_zone": problem("time_zone", "Enter a time zone like America/Denver.")}
	}
	return nil
}

// longestHold is the bound by which the database finds overlaps in a short range of an index.
const longestHold = 24 * time.Hour

func refuseEndlessService(e *core.RecordEvent) error {
	if err := e.Next(); err != nil {
		return err
	}
	s := collections.AsService(e.Record)
	if s.Hold(s.Duration()) > longestHold {
		return validation.Errors{"post_treatment_time": problem("range", "A visit and the time after it can last 24 hours at most.")}
	}
	return nil
}

// save is one attempt to create or change an appointment: who asks, what is stored, what is to be.
type save struct {
	app      core.App
	actor    kernel.Actor
	now      time.Time
	before   *collections.Appointment // nil when it is new
	after    *collections.Appointment
	books    bool // a time becomes agreed that was not
	outside  bool // the desk books outside working hours on purpose
	keep     keep // what stays of a visit whose clocks were changed, when that is decided
	problems validation.Errors

	// what it refers to, after load
	service   *collections.Service
	location  *collections.Location
	clinician *core.Record // nil when none is named
}

func newSave(e *core.RecordEvent, before *collections.Appointment) *save {
	return &save{app: e.App, actor: kernel.ActorOf(e.Record), now: kernel.Now(e.App), before: before,
		after: collections.AsAppointment(e.Record), problems: validation.Errors{}, keep: takeKeep(e.Record)}
}

// refuse notes the first problem of a field.
func (s *save) refuse(field, code, message string) {
	if s.problems[field] == nil {
		s.problems[field] = problem(code, message)
	}
}

func (s *save) verdict() error {
	if len(s.problems) > 0 {
		return s.problems
	}
	return nil
}

func (s *save) changed(field string) bool {
	return s.before == nil || s.before.GetString(field) != s.after.GetString(field)
}

func (s *save) checkNew() error {
	status := s.after.Status()
	stranger, err := s.refuseStranger()
	if err != nil {
		return err
	}
	if stranger || !mayBegin(s.actor, status) {
		s.refuse("status", "status", "An appointment cannot begin like that.")
		return s.verdict()
	}
	s.books = status.Booked()
	s.refuseWhatThePortalRecords()
	if err := s.load(); err != nil {
		return err
	}
	if len(s.problems) > 0 {
		if status == collections.AppointmentRequested {
			s.refuseUnsaid() // all that is missing at once, not one thing after the other
		}
		return s.verdict()
	}
	if s.actor.Kind != kernel.KindSystem {
		s.after.Set("created_by", s.actor.ID)
	}
	if s.service.DepositRequired() && s.after.GetInt("deposit_cents") == 0 {
		s.after.Set("deposit_cents", s.service.DepositCents())
	}
	switch {
	case status == collections.AppointmentRequested:
		audit.As(s.after.Record, audit.RequestAppointment)
		s.fillRequest()
		s.refuseUnofferedVisit()
		if err := s.refuseUnaskable(); err != nil {
			return err
		}
	case s.books:
		s.fillBooking()
		s.refuseUnofferedVisit()
		s.refuseBookingThePast()
		if err := s.refuseUnbookable(); err != nil {
			return err
		}
	}
	s.derive()
	return s.verdict()
}

func (s *save) checkChange() error {
	if err := s.refuseStale(); err != nil {
		return err
	}
	if s.actor.Kind == kernel.KindClient || s.actor.Kind == kernel.KindGuest {
		if err := s.refuseBeyondClients(); err != nil {
			return err
		}
	}
	if s.changed("client") {
		s.refuse("client", "read_only", "A visit stays with its client.")
	}
	if s.changed("preferences") {
		s.refuse("preferences", "read_only", "What the client asked for stays as it was asked.")
	}
	s.refuseWhatThePortalRecords()
	from, to := s.before.Status(), s.after.Status()
	if from != to {
		s.refuseMove(from, to)
	}
	changed := s.visitChanges()
	s.books = from == collections.AppointmentRequested && to.Booked()
	if !s.books {
		s.refuseChangingVisit(changed)
	}
	if len(s.problems) > 0 {
		return s.verdict()
	}
	if err := s.holdToTerms(from, to, changed); err != nil {
		return err
	}
	if s.books || len(changed) > 0 || s.changed("room") || s.changedEquipment() {
		if err := s.load(); err != nil {
			return err
		}
		if len(s.problems) > 0 {
			return s.verdict()
		}
		s.refuseUnofferedVisit()
		if s.books || s.changed("start_time") {
			s.refuseBookingThePast()
		}
		s.derive()
	}
	s.noteMove(from, to, len(changed) > 0)
	s.followWaitingRoom(from, to)
	if from == collections.AppointmentRequested && to != from {
		s.after.Set("holds_slot", false)
	}
	if s.books || s.actor.IsStaff() && from.Booked() && s.changed("start_time") { // a time that the clinic chose begins its own grace
		s.noteBooked()
	}
	return s.verdict()
}

// refuseStale: PocketBase writes whole rows, so a save of what somebody else has changed since it was loaded would
// undo their change. The last word is had inside the transaction, by the same comparison.
func (s *save) refuseStale() error {
	if s.before.GetString("updated") == s.after.GetString("updated") {
		return nil
	}
	return stale(s.before, s.after)
}

func stale(stored, mine *collections.Appointment) error {
	if stored.Status() != collections.AppointmentRequested && mine.DecidedAt().IsZero() && !stored.SubmittedAt().IsZero() {
		return validation.Errors{"status": problem(codeAlreadyDecided, "Somebody decided this a moment ago.")}
	}
	return validation.Errors{"status": problem("stale", "Somebody changed this a moment ago. Load it again to see what it is now.")}
}

// Codes that the desk's routes answer with 409.
const (
	codeAlreadyDecided = "already_decided"
	codeSlotTaken      = "slot_taken"
)

// portalRecords are the columns that follow from others or note who did what when. Nobody types them.
var portalRecords = []string{"hold_start", "hold_end", "time_zone", "local_date", "local_start", "utc_offset", "lead_staff",
	"submitted_at", "any_clinician", "client_requested", "requested_by", "created_by", "decided_at", "decided_by", "cancelled_at",
	"cancelled_by", "ics_sequence", "confirmation_sent_at", "sms_confirmed_at", "reminder_sent_at", "arrival_time", "check_in_time",
	"deposit_paid", "stripe_payment_intent_id", "group_booking", "group_position", "guest", "guest_name",
	"booked_at", "deposit_cents", "holds_slot", "late_fee_cents", "room_ready_at", "series", "series_position", waitingRoom}

func (s *save) refuseWhatThePortalRecords() {
	if s.actor.Kind == kernel.KindSystem || s.actor.Kind == kernel.KindProcessor {
		return
	}
	was := core.NewRecord(s.after.Collection())
	if s.before != nil {
		was = s.before.Record
	}
	for _, field := range portalRecords {
		if was.GetString(field) != s.after.GetString(field) && (field != waitingRoom || !s.callsIn()) {
			s.refuse(field, "read_only", "The portal writes this itself.")
		}
	}
	const kind = "booking_type" // the desk has words of its own for it; "instant" is what a client did
	if is := s.after.GetString(kind); is != was.GetString(kind) && (is == collections.BookingTypeInstant || was.GetString(kind) == collections.BookingTypeInstant) {
		s.refuse(kind, "read_only", "The portal writes this itself.")
	}
}

func (s *save) refuseMove(from, to collections.AppointmentStatus) {
	switch {
	case mayMove(s.actor, from, to):
	case from.MayBecome(to):
		s.refuse("status", "not_allowed", "You cannot make this move.")
	case !s.before.SubmittedAt().IsZero() && collections.AppointmentRequested.MayBecome(to):
		s.refuse("status", codeAlreadyDecided, "This request was decided already.")
	default:
		s.refuse("status", "illegal_move", "An appointment cannot go from "+string(from)+" to "+string(to)+".")
	}
	if to == collections.AppointmentDeclined {
		if reason := strings.TrimSpace(s.after.GetString("decline_reason")); reason == "" || len([]rune(reason)) > maxDeclineReason {
			s.refuse("decline_reason", "required", "Say why, in 1 to 500 characters. Only staff read it.")
		}
	}
}

const maxDeclineReason = 500

// visitChanges names the changed fields of what was agreed with the client. The room is the clinic's affair.
func (s *save) visitChanges() []string {
	var out []string
	for _, f := range []string{"start_time", "end_time", "duration", "service", "clinician", "location", "service_location"} {
		if s.changed(f) {
			out = append(out, f)
		}
	}
	if s.keep == keepInstant {
		out = append(out, "local_start") // what the clock shows is agreed anew
	}
	return out
}

func (s *save) refuseChangingVisit(changed []string) {
	status := s.before.Status()
	if s.changed("room") && !mayChangeRoom(s.actor, status) {
		changed = append(changed, "room")
	} else if s.changedEquipment() && !mayChangeRoom(s.actor, status) {
		changed = append(changed, "equipment")
	} else if mayChangeVisit(s.actor, status) || s.followsClocks() {
		return
	}
	for _, f := range changed {
		s.refuse(f, "read_only", "This can't be changed while the appointment is "+string(status)+".")
	}
}

// load finds what the appointment refers to. What is missing is a problem of its field, and then nothing else can
// be judged.
func (s *save) load() error {
	missing := func(err error, field, code, message string) error {
		if err == nil || !isNoRows(err) {
			return err
		}
		s.refuse(field, code, message)
		return nil
	}
	var err error
	s.service, err = collections.FindService(s.app, s.after.Service())
	if s.after.Service() == "" {
		s.refuse("service", "required", "Choose what you would like to come for.")
	}
	if err := missing(err, "service", "service_not_found", "Choose one of the clinic's services."); err != nil {
		return err
	}
	s.location, err = collections.FindLocation(s.app, s.after.Location())
	if err := missing(err, "location", "location_not_found", "Choose one of the clinic's places."); err != nil {
		return err
	}
	if id := s.after.Clinician(); id != "" {
		s.clinician, err = s.app.FindRecordById("clinicians", id)
		if err := missing(err, "clinician", "clinician_not_found", "Choose one of the clinic's people."); err != nil {
			return err
		}
	}
	if id := s.after.Room(); id != "" && s.changed("room") {
		room, err := collections.FindRoom(s.app, id)
		if err != nil && !isNoRows(err) {
			return err
		}
		if err != nil || !room.IsActive() || room.IsEquipment() || room.Location() != s.after.Location() {
			s.refuse("room", "room_not_found", "Choose a room of that place.")
		}
	}
	return s.refuseForeignEquipment()
}

// fillRequest writes what follows from asking: who asked and when, and the first preference as the time until the
// clinic decides.
func (s *save) fillRequest() {
	a := s.after
	if s.actor.Kind == kernel.KindClient {
		a.Set("client_requested", true)
		a.Set("requested_via", "portal")
		a.Set("requested_by", s.actor.ID)
	}
	a.Set("any_clinician", a.Clinician() == "")
	if s.actor.Kind != kernel.KindSystem { // an import says itself
		a.Set("holds_slot", collections.Settings(s.app).RequestHolds)
	}
	if a.SubmittedAt().IsZero() || s.actor.Kind != kernel.KindSystem {
		a.Set("submitted_at", s.now)
	}
	s.refuseUnsaid()
	if first, ok := s.checkPreferences(); ok {
		if given := a.Start(); !given.IsZero() && !given.Equal(first) {
			s.refuse("start_time", "read_only", "Until the clinic decides, the time is the first preference.")
		}
		a.SetStart(first)
	}
}

// refuseUnsaid: what a request cannot do without.
func (s *save) refuseUnsaid() {
	if strings.TrimSpace(s.after.GetString("reason_for_visit")) == "" {
		s.refuse("reason_for_visit", "required", "Say in a few words why you would like to come.")
	}
	if s.after.Place() == "" {
		s.refuse("service_location", "required", "Choose in the office or by video.")
	}
	wanted, err := s.after.Preferences()
	if err != nil || len(wanted) == 0 {
		s.refuse("preferences", "required", "Name one to three times that suit you.")
		return
	}
	unsaid := validation.Errors{}
	for i, p := range wanted {
		if _, err := instantOf(p, time.UTC); err != nil { // whatever the place: is there a day and a time at all?
			unsaid[strconv.Itoa(i)] = err
		}
	}
	if len(unsaid) > 0 {
		s.problems["preferences"] = unsaid
	}
}

// checkPreferences: one to three different times that the clocks of the place will show, not past, and for those
// who are not the clinic itself within its notice and horizon.
func (s *save) checkPreferences() (first time.Time, ok bool) {
	wanted, err := s.after.Preferences()
	if err != nil || len(wanted) == 0 || len(wanted) > collections.MaxPreferences {
		s.refuse("preferences", "required", "Name one to three times that suit you.")
		return first, false
	}
	zone, err := s.location.Zone()
	if err != nil {
		s.refuse("location", "time_zone", "This place has no valid time zone.")
		return first, false
	}
	wrong := validation.Errors{}
	seen := map[time.Time]bool{}
	for i, p := range wanted {
		at, err := instantOf(p, zone)
		if err == nil {
			err = s.refuseTime(at)
		}
		if err == nil && seen[at] {
			err = validation.Errors{"time": problem("repeated", "You named this time already. Choose another.")}
		}
		if err != nil {
			wrong[strconv.Itoa(i)] = err
			continue
		}
		seen[at] = true
		if i == 0 {
			first = at
		}
	}
	if len(wrong) > 0 {
		s.problems["preferences"] = wrong
		return first, false
	}
	return first, true
}

func (s *save) refuseTime(at time.Time) error {
	if !at.After(s.now) {
		return validation.Errors{"date": problem("past", "This time has passed. Choose one that is still to come.")}
	}
	if s.actor.IsStaff() {
		return nil
	}
	policy := collections.Settings(s.app)
	if at.Before(s.now.Add(time.Duration(policy.RequestNotice) * time.Hour)) {
		return validation.Errors{"date": problem("too_soon", "This is too soon. Please choose a time at least "+
			strconv.Itoa(policy.RequestNotice)+" hours from now, or call us.")}
	}
	if at.After(s.now.AddDate(0, 0, policy.RequestHorizon)) {
		return validation.Errors{"date": problem("too_far", "This is too far ahead. Please choose a time within "+
			strconv.Itoa(policy.RequestHorizon)+" days.")}
	}
	return nil
}

// refuseUnofferedVisit: the clinic gives this service, there, by this person. What was agreed and is not touched
// stays agreed, even when the catalogue has changed since.
func (s *save) refuseUnofferedVisit() {
	if s.changed("service") && !s.service.IsActive() {
		s.refuse("service", "service_not_found", "The clinic does not offer this service any more.")
	}
	if s.changed("location") && !s.location.IsActive() {
		s.refuse("location", "location_not_found", "The clinic does not use this place any more.")
	}
	switch place := s.after.Place(); {
	case place == "":
		s.refuse("service_location", "required", "Choose in the office or by video.")
	case (s.changed("service") || s.changed("service_location")) && !s.service.TakesPlace(place):
		s.refuse("service_location", "not_offered", "This service is not given that way.")
	}
	if s.clinician == nil {
		return
	}
	if (s.books || s.changed("clinician")) && !s.clinician.GetBool("is_active") {
		s.refuse("clinician", "clinician_not_found", "Choose one of the clinic's people.")
	}
	if (s.books || s.changed("clinician") || s.changed("service")) && !s.service.OfferedBy(s.clinician.Id) {
		s.refuse("clinician", "clinician_not_for_service", "This person does not give this service.")
	}
	places := s.clinician.GetStringSlice("locations")
	if s.after.Place() == collections.InOffice && len(places) > 0 && !slices.Contains(places, s.location.Id) {
		s.refuse("clinician", "clinician_not_at_location", "This person does not work at that place.")
	}
}

// refuseUnaskable: what a person may not ask for though the clinic gives it. The desk may.
func (s *save) refuseUnaskable() error {
	if s.actor.IsStaff() || len(s.problems) > 0 {
		return nil
	}
	if !s.service.Mode().Requestable() {
		s.refuse("service", "service_not_bookable", "Call us to book this service.")
	}
	return s.refuseUnknownClient()
}

// refuseUnknownClient: who takes no new clients is asked for by those they know.
func (s *save) refuseUnknownClient() error {
	if s.clinician == nil || s.clinician.GetBool("is_accepting_new_patients") {
		return nil
	}
	var known bool
	err := s.app.DB().NewQuery(selectKnown).Bind(dbx.Params{"client": s.after.Client(), "clinician": s.clinician.Id,
		"now": s.now.Format(timeForm)}).Row(&known)
	if err == nil && !known {
		s.refuse("clinician", "clinician_not_accepting", "This person takes no new clients at the moment.")
	}
	return err
}

// selectKnown tells whether a client is a clinician's already: on the care team, or with a visit that was agreed. The
// plus keeps the planner on the client's few visits instead of the clinician's many.
const selectKnown = `SELECT EXISTS (SELECT 1 FROM care_team t WHERE t.client = {:client} AND t.clinician = {:clinician}
		AND t.[[from]] <= {:now} AND (t.until = '' OR t.until > {:now}))
	OR EXISTS (SELECT 1 FROM appointments a WHERE a.client = {:client} AND +a.clinician = {:clinician}
		AND a.status IN ('scheduled','confirmed','arrived','in_progress','completed'))`

// refuseBookingThePast: a new agreement is about the future. Somebody who is here now may still be written down.
// Imports bring what was.
func (s *save) refuseBookingThePast() {
	start := s.after.Start()
	if start.IsZero() {
		s.refuse("start_time", "required", "Choose a time.")
		return
	}
	if start.Second() != 0 || start.Nanosecond() != 0 {
		s.refuse("start_time", "whole_minute", "A visit begins on a whole minute.")
	}
	limit := start
	if s.before == nil {
		limit = start.Add(s.visitLength())
	}
	if s.actor.Kind != kernel.KindSystem && !limit.After(s.now) {
		s.refuse("start_time", "past", "This time has passed. Choose one that is still to come.")
	}
}

func (s *save) visitLength() time.Duration {
	if d := s.after.Duration(); d > 0 {
		return d
	}
	return s.service.Duration()
}

// derive writes the columns that follow from start, length, service, place and clinician.
func (s *save) derive() {
	a, start := s.after, s.after.Start()
	if len(s.problems) > 0 || start.IsZero() {
		return // PocketBase asks for a missing start itself
	}
	if s.before != nil && s.changed("service") && !s.changed("duration") {
		a.Set("duration", 0) // another service has its own length
	}
	length := s.visitLength()
	end := start.Add(length)
	if given := a.End(); !given.IsZero() && !given.Equal(end) && (s.before == nil || s.changed("end_time")) {
		s.refuse("end_time", "end_time", "The end follows from the start and the duration.")
		return
	}
	hold := s.service.Hold(length)
	if length <= 0 || hold > longestHold {
		s.refuse("duration", "range", "A visit and the time after it can last 24 hours at most.")
		return
	}
	if s.before == nil || s.changed("location") { // else the zone in which it was agreed stays
		a.Set("time_zone", s.location.TimeZone())
	}
	zone, err := collections.Zone(a.TimeZone())
	if err != nil {
		s.refuse("location", "time_zone", "This place has no valid time zone.")
		return
	}
	a.Set("duration", int(length/time.Minute))
	a.Set("end_time", end)
	a.Set("hold_start", start)
	a.Set("hold_end", start.Add(hold))
	if s.rewritesWall() {
		wall := wallAt(start.In(zone))
		a.Set("local_date", wall.Date)
		a.Set("local_start", wall.Time)
		a.Set("utc_offset", wall.UTCOffset)
	}
	a.Set("lead_staff", "")
	if s.clinician != nil {
		a.Set("lead_staff", s.clinician.GetString("staff"))
	}
}

// noteMove writes who moved it when, and counts what calendars must learn.
func (s *save) noteMove(from, to collections.AppointmentStatus, visitChanged bool) {
	a := s.after
	if from == collections.AppointmentRequested && (to.Booked() || to == collections.AppointmentDeclined) {
		a.Set("decided_at", s.now)
		a.Set("decided_by", s.actor.ID)
		audit.As(a.Record, audit.ConfirmAppointment)
		if to == collections.AppointmentDeclined {
			audit.As(a.Record, audit.DeclineAppointment)
		}
	}
	if from != to && to == collections.AppointmentCancelled {
		a.Set("cancelled_at", s.now)
		a.Set("cancelled_by", s.actor.ID)
		audit.As(a.Record, audit.CancelAppointment)
	}
	if from != to && to == collections.AppointmentArrived {
		a.Set("arrival_time", s.now)
		a.Set("check_in_time", s.now)
	}
	if name := nameOfMove[to]; from != to && name != "" && from != collections.AppointmentRequested {
		audit.As(a.Record, name)
	}
	if from == to && (s.changed("start_time") || s.changed("clinician")) {
		audit.As(a.Record, audit.RescheduleAppointment)
	}
	if from.Booked() && (visitChanged || to == collections.AppointmentCancelled) {
		a.Set("ics_sequence", a.CalendarSequence()+1)
	}
}

// nameOfMove is what the audit log calls a move of a visit.
var nameOfMove = map[collections.AppointmentStatus]audit.Action{collections.AppointmentConfirmed: audit.ConfirmAppointment,
	collections.AppointmentArrived: audit.CheckIn, collections.AppointmentInProgress: audit.StartVisit,
	collections.AppointmentCompleted: audit.CompleteVisit, collections.AppointmentNoShow: audit.MarkNoShow}

// codeOf finds a problem of a field in what a save came back with; "" when that is not why it failed.
func codeOf(err error, field string) string {
	var fields validation.Errors
	var v validation.Error
	if errors.As(err, &fields) && errors.As(fields[field], &v) {
		return strings.TrimPrefix(v.Code(), "validation_")
	}
	return ""
}
