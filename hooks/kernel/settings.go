package kernel

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	validation "github.com/pocketbase/ozzo-validation/v4"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
)

func bindSettings(app core.App) {
	app.OnRecordCreate(collections.ClinicSettingsName).BindFunc(refuseBadSettings)
	app.OnRecordUpdate(collections.ClinicSettingsName).BindFunc(refuseBadSettings)
	forget := func(e *core.RecordEvent) error {
		collections.ForgetSettings(e.App)
		return e.Next()
	}
	app.OnRecordAfterCreateSuccess(collections.ClinicSettingsName).BindFunc(forget)
	app.OnRecordAfterUpdateSuccess(collections.ClinicSettingsName).BindFunc(forget)
	app.OnRecordAfterDeleteSuccess(collections.ClinicSettingsName).BindFunc(forget)
}

// settingRanges are what a clinic may choose. 0 means the default where low is above it. No choice may switch a
// protection off: a session ends within a day, a password has at least 8 characters, guessing is stopped (the limits
// that stop it have bounds of their own, in collections).
var settingRanges = map[string]struct{ low, high int }{
	"idle_minutes":             {5, 60},
	"absolute_hours":           {1, 24},
	"remember_days":            {1, 7},
	"lockout_failures":         {3, 100},
	"lockout_minutes":          {5, 24 * 60},
	"password_length":          {8, 64},
	"adult_age":                {14, 21},
	"own_login_age":            {6, 21},
	"invitation_hours":         {1, 24 * 14},
	"request_notice_hours":     {0, 24 * 30},
	"request_horizon_days":     {1, 730},
	"request_answer_hours":     {1, 24 * 14},
	"free_cancel_hours":        {0, 24 * 30},
	"retention_years":          {3, 100},
	"booking_notice_minutes":   {0, 30 * 24 * 60},
	"booking_horizon_days":     {1, 730},
	"slot_step_minutes":        {5, 240},
	"late_fee_cents":           {0, 1_000_000},
	"cancel_grace_minutes":     {0, 24 * 60},
	"check_in_minutes":         {0, 24 * 60},
	"telehealth_opens_minutes": {1, 24 * 60},
	"waitlist_offer_minutes":   {5, 7 * 24 * 60},
	"group_max":                {1, 20},
}

// refuseBadSettings: what the whole clinic runs on is checked before it is kept, whoever writes it.
func refuseBadSettings(e *core.RecordEvent) error {
	bad := validation.Errors{}
	r := e.Record
	for field, in := range settingRanges {
		if n := r.GetFloat(field); n != 0 && (n < float64(in.low) || n > float64(in.high)) {
			bad[field] = validation.NewError("validation_range", fmt.Sprintf("Choose a number from %d to %d.", in.low, in.high))
		}
	}
	if _, err := collections.Zone(r.GetString("time_zone")); err != nil {
		bad["time_zone"] = validation.NewError("validation_zone", "Choose an IANA time zone, such as America/Denver.")
	}
	if err := badLimits(r.GetString("limits")); err != nil {
		bad["limits"] = err
	}
	for _, field := range []string{"mfa_clients", "mfa_staff"} {
		if r.GetString(field) == string(collections.MFARequired) && !canMail(e.App) {
			bad[field] = validation.NewError("validation_mail",
				"Set SMTP_HOST and MAIL_FROM first: who has set up no second step is mailed a code, and nobody could sign in without it.")
		}
	}
	if len(bad) > 0 {
		return bad
	}
	return e.Next()
}

// badLimits says what is wrong with a text of limits, or nil: the first by name, so that who corrects one sees the next.
func badLimits(raw string) error {
	if raw == "" || raw == "null" {
		return nil
	}
	var limits map[string]collections.LimitRule
	if err := json.Unmarshal([]byte(raw), &limits); err != nil {
		return validation.NewError("validation_limits", `Write limits as {"name": {"max": 10, "seconds": 60}}, in whole numbers.`)
	}
	for _, name := range slices.Sorted(maps.Keys(limits)) {
		if !collections.IsLimit(name) {
			return validation.NewError("validation_limits", "One of these names is no limit. There are: "+strings.Join(collections.LimitNames(), ", ")+".")
		}
		if b := collections.BoundsOfLimit(name); !b.Hold(limits[name]) {
			return validation.NewError("validation_limits",
				fmt.Sprintf("For %s choose max from %d to %d, and seconds from %d to %d.", name, b.FromMax, b.ToMax, b.FromSeconds, b.ToSeconds))
		}
	}
	return nil
}

// canMail tells whether mails leave, or can be read at /dev/mail.
func canMail(app core.App) bool {
	cfg := ConfigOf(app)
	return cfg.IsLocal() || cfg.SMTPHost != ""
}
