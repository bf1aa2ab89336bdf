package collections

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/pocketbase/pocketbase/core"
)

// LimitRule is how many calls are allowed in how many seconds; Max 0 switches it off, where LimitBounds allows that.
type LimitRule struct {
	Max     int `json:"max"`
	Seconds int `json:"seconds"`
}

// Window is the length of the sliding window.
func (l LimitRule) Window() time.Duration { return time.Duration(l.Seconds) * time.Second }

// Names of limits, keys of clinic_settings.limits. The defaults are those of the two specifications.
const (
	LimitAppointmentsList   = "appointments_list"
	LimitAppointmentsCreate = "appointments_create"
	LimitAvailability       = "availability" // questions for free times: the dearest to answer
	LimitWaitlist           = "waitlist"     // wishes one login puts on the waitlist
	LimitRegister           = "register"
	LimitCalendarFeed       = "calendar_feed"   // readings of one private calendar feed
	LimitFindClients        = "clients_find"    // searches of the desk for a client by name
	LimitRequests           = "requests"        // everything a signed-in login asks
	LimitPhotos             = "photos"          // pictures one login sends
	LimitPayments           = "payments"        // attempts to pay: a thief tries one card after another
	LimitSendMail           = "send_mail"       // mails a stranger can cause: resend, forgot
	LimitSendSMS            = "sms_send"        // codes by text message: of one login, and to one number
	LimitClinicSMS          = "sms_clinic"      // codes by text message of the whole clinic: somebody earns by each
	LimitPublicForms        = "public"          // other requests without sign-in, per address
	LimitSignInAddress      = "sign_in_address" // failed sign-ins of one account from one address
	LimitSignInAccount      = "sign_in_account" // failed sign-ins of one account from anywhere
	LimitSignInSpray        = "sign_in_spray"   // failed sign-ins from one address, whatever the accounts
	LimitSignInClinic       = "sign_in_clinic"  // failed sign-ins of the whole clinic: then only known addresses may try
	LimitSecondFactor       = "second_factor"   // wrong second factors of one account; then they are locked as long
)

var defaultLimits = map[string]LimitRule{
	LimitAppointmentsList:   {30, 60},
	LimitAppointmentsCreate: {10, 3600},
	LimitAvailability:       {60, 60},
	LimitWaitlist:           {10, 3600},
	LimitRegister:           {3, 3600},
	LimitCalendarFeed:       {60, 3600},
	LimitFindClients:        {30, 60},
	LimitRequests:           {600, 60},
	LimitPhotos:             {20, 3600},
	LimitPayments:           {20, 3600},
	LimitSendMail:           {5, 900},
	LimitSendSMS:            {5, 3600},
	LimitClinicSMS:          {300, 86400},
	LimitPublicForms:        {120, 60},
	LimitSignInAddress:      {5, 900},
	LimitSignInAccount:      {5, 300},
	LimitSignInSpray:        {50, 900},
	LimitSignInClinic:       {300, 900},
	LimitSecondFactor:       {10, 900},
}

// LimitBounds are what a clinic may choose for a limit.
type LimitBounds struct {
	FromMax, ToMax         int
	FromSeconds, ToSeconds int
}

const day = 24 * 60 * 60

// protective are the limits that keep guessing and mailing to strangers down. No choice may switch one off, make it so
// wide that it protects nobody, or so narrow that a person who mistypes is shut out. No window is longer than a day,
// because what was counted is forgotten then.
var protective = map[string]LimitBounds{
	LimitRegister:      {1, 20, 900, day},
	LimitSendMail:      {2, 20, 300, day},
	LimitSignInAddress: {3, 20, 300, day},
	LimitSignInAccount: {3, 50, 60, day},
	LimitSignInSpray:   {5, 500, 300, day},
	LimitSignInClinic:  {50, 2000, 300, day},
	LimitSecondFactor:  {3, 20, 300, day},
}

// BoundsOfLimit gives the bounds of a limit. A limit that protects only the service may be switched off.
func BoundsOfLimit(name string) LimitBounds {
	if b, ok := protective[name]; ok {
		return b
	}
	return LimitBounds{0, 1_000_000, 1, 31 * day}
}

// Hold tells whether a rule is within the bounds. A limit that is off needs no seconds.
func (b LimitBounds) Hold(l LimitRule) bool {
	if l.Max == 0 && b.FromMax == 0 {
		return true
	}
	return l.Max >= b.FromMax && l.Max <= b.ToMax && l.Seconds >= b.FromSeconds && l.Seconds <= b.ToSeconds
}

// MFAPolicy is what the clinic wants of second factors.
type MFAPolicy string

const (
	MFAOff      MFAPolicy = "off"
	MFAOptional MFAPolicy = "optional"
	MFARequired MFAPolicy = "required" // who has set up nothing is mailed a code
)

// LateCancel is what the clinic does when a client cancels or moves after the free time.
type LateCancel string

const (
	LateRefuse LateCancel = "refuse" // call us
	LateFee    LateCancel = "fee"    // for the fee that is shown before
	LateFree   LateCancel = "free"
)

// Rung is one step of the ladder of reminders.
type Rung struct {
	MinutesBefore int      `json:"minutesBefore"`
	Channels      []string `json:"channels"` // email, sms, in_app
}

// defaultLadder reminds three days, one day and two hours before.
var defaultLadder = []Rung{{72 * 60, []string{"email", "in_app"}}, {24 * 60, []string{"email", "sms", "in_app"}}, {2 * 60, []string{"sms", "in_app"}}}

// ClinicSettings is the one row of clinic_settings: the clinic's name, zone and policies.
type ClinicSettings struct {
	ID          string
	ClinicName  string
	TimeZone    string
	Languages   []string
	AccentColor string
	Currency    string
	Phone       string
	CrisisText  string
	Logo        string // file name of the uploaded logo

	IdleMinutes      int
	AbsoluteHours    int
	RememberDays     int
	LockoutFailures  int
	LockoutMinutes   int
	PasswordLength   int
	PasswordClasses  bool
	MFAClients       MFAPolicy
	MFAStaff         MFAPolicy
	AdultAge         int // years; from then on nobody acts for a person as their parent
	OwnLoginAge      int // years; younger people are reached through a parent or guardian
	InvitationHours  int // how long an invitation may be used
	RequestHorizon   int // days ahead a client may ask for
	RequestNotice    int // hours before which a client must ask
	FreeCancelHours  int
	RequestAnswerIn  int // hours in which the clinic answers a request
	MailNamesDetails bool
	PrivacyOfficer   string // a member of staff; empty: every admin
	RetentionYears   int    // how long a record is kept after the last care

	BookingNotice   time.Duration // before which a client must book
	BookingHorizon  int           // days ahead a client may book
	SlotStep        time.Duration // between the starts that are offered, on the clocks of the place
	RequestHolds    bool          // a request keeps its first preference until it is decided
	LateCancel      LateCancel
	LateFeeCents    int           // of a service without its own
	CancelGrace     time.Duration // after booking, in which nothing is late
	CheckInOpens    time.Duration // before the visit; 0: on its day
	TelehealthOpens time.Duration // before the visit
	WaitlistOffer   time.Duration // how long an offered slot waits for its answer
	GroupMax        int           // people of a party; 1: no parties
	ReminderLadder  []Rung
	QuietFrom       string // HH:mm, clinic zone; empty: no quiet hours
	QuietUntil      string

	limits map[string]LimitRule
	zone   *time.Location
}

// IsLimit tells whether a limit of that name exists.
func IsLimit(name string) bool {
	_, ok := defaultLimits[name]
	return ok
}

// LimitNames lists the limits there are, in order.
func LimitNames() []string { return slices.Sorted(maps.Keys(defaultLimits)) }

// Limit gives the clinic's rule of that name, or the default, which also stands for a rule that was kept before there
// were bounds and is beyond them.
func (s *ClinicSettings) Limit(name string) LimitRule {
	if r, ok := s.limits[name]; ok && BoundsOfLimit(name).Hold(r) {
		return r
	}
	return defaultLimits[name]
}

// Zone is the clinic's IANA zone.
func (s *ClinicSettings) Zone() *time.Location { return s.zone }

// ClinicSettingsName is the name of the collection.
const ClinicSettingsName = "clinic_settings"

const settingsKey = "anteroom.settings"

// Settings gives the clinic's settings, from memory until the row changes. Before the row exists it gives the
// defaults, so that the first start can ask for them.
func Settings(app core.App) *ClinicSettings {
	if s, ok := app.Store().Get(settingsKey).(*ClinicSettings); ok && !app.IsTransactional() {
		return s
	}
	s := &ClinicSettings{ClinicName: "Anteroom", TimeZone: "UTC", Languages: []string{"en", "es"}, Currency: "usd",
		IdleMinutes: 15, AbsoluteHours: 8, RememberDays: 7, LockoutFailures: 5, LockoutMinutes: 15, PasswordLength: 12,
		MFAClients: MFAOptional, MFAStaff: MFAOptional, AdultAge: 18, OwnLoginAge: 13, InvitationHours: 72,
		PasswordClasses: true, RequestHorizon: 180, RequestNotice: 24, FreeCancelHours: 24, RequestAnswerIn: 24,
		RetentionYears: 7, zone: time.UTC,
		BookingNotice: 2 * time.Hour, BookingHorizon: 180, SlotStep: 15 * time.Minute, LateCancel: LateRefuse, TelehealthOpens: 15 * time.Minute,
		WaitlistOffer: 2 * time.Hour, GroupMax: 8, ReminderLadder: defaultLadder}
	r, err := app.FindFirstRecordByFilter("clinic_settings", "id != ''")
	if err != nil {
		return s
	}
	s.load(r)
	if !app.IsTransactional() {
		app.Store().Set(settingsKey, s)
	}
	return s
}

func (s *ClinicSettings) load(r *core.Record) {
	s.ID = r.Id
	text := func(name string, into *string) {
		if v := r.GetString(name); v != "" {
			*into = v
		}
	}
	number := func(name string, into *int) {
		if v := r.GetInt(name); v > 0 {
			*into = v
		}
	}
	text("clinic_name", &s.ClinicName)
	text("time_zone", &s.TimeZone)
	text("accent_color", &s.AccentColor)
	text("currency", &s.Currency)
	text("phone", &s.Phone)
	text("crisis_text", &s.CrisisText)
	text("logo", &s.Logo)
	number("idle_minutes", &s.IdleMinutes)
	number("absolute_hours", &s.AbsoluteHours)
	number("remember_days", &s.RememberDays)
	number("lockout_failures", &s.LockoutFailures)
	number("lockout_minutes", &s.LockoutMinutes)
	number("password_length", &s.PasswordLength)
	text("mfa_clients", (*string)(&s.MFAClients))
	text("mfa_staff", (*string)(&s.MFAStaff))
	number("adult_age", &s.AdultAge)
	number("own_login_age", &s.OwnLoginAge)
	number("invitation_hours", &s.InvitationHours)
	number("request_horizon_days", &s.RequestHorizon)
	s.RequestNotice = r.GetInt("request_notice_hours")
	s.FreeCancelHours = r.GetInt("free_cancel_hours")
	number("request_answer_hours", &s.RequestAnswerIn)
	number("retention_years", &s.RetentionYears)
	text("privacy_officer", &s.PrivacyOfficer)
	s.PasswordClasses = r.GetBool("password_classes")
	s.MailNamesDetails = r.GetBool("mail_names_details")
	if l := r.GetStringSlice("languages"); len(l) > 0 {
		s.Languages = l
	}
	minutes := func(name string, into *time.Duration) {
		if v := r.GetInt(name); v > 0 {
			*into = time.Duration(v) * time.Minute
		}
	}
	s.BookingNotice = time.Duration(r.GetInt("booking_notice_minutes")) * time.Minute
	number("booking_horizon_days", &s.BookingHorizon)
	minutes("slot_step_minutes", &s.SlotStep)
	s.RequestHolds = r.GetBool("request_holds")
	text("late_cancel", (*string)(&s.LateCancel))
	s.LateFeeCents = r.GetInt("late_fee_cents")
	minutes("cancel_grace_minutes", &s.CancelGrace)
	minutes("check_in_minutes", &s.CheckInOpens)
	minutes("telehealth_opens_minutes", &s.TelehealthOpens)
	minutes("waitlist_offer_minutes", &s.WaitlistOffer)
	number("group_max", &s.GroupMax)
	text("quiet_from", &s.QuietFrom)
	text("quiet_until", &s.QuietUntil)
	var ladder []Rung
	if err := json.Unmarshal([]byte(r.GetString("reminder_ladder")), &ladder); err == nil && ladder != nil {
		s.ReminderLadder = ladder // an empty one is a choice: no reminders
	}
	_ = json.Unmarshal([]byte(r.GetString("limits")), &s.limits) // the kernel's refuseBadSettings keeps malformed ones out
	if z, err := Zone(s.TimeZone); err == nil {
		s.zone = z
	}
}

// ForgetSettings drops the cached row; the next look reads it again.
func ForgetSettings(app core.App) { app.Store().Remove(settingsKey) }
