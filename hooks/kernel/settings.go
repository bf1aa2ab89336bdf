package kernel

import (
	"encoding/json"
	"fmt"
	"time"

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
// protection off: a session ends within a day, a password has at least 8 characters, guessing is stopped.
var settingRanges = map[string]struct{ low, high int }{
	"idle_minutes":         {5, 60},
	"absolute_hours":       {1, 24},
	"remember_days":        {1, 7},
	"lockout_failures":     {3, 100},
	"lockout_minutes":      {5, 24 * 60},
	"password_length":      {8, 64},
	"adult_age":            {14, 21},
	"own_login_age":        {6, 21},
	"invitation_hours":     {1, 24 * 14},
	"request_notice_hours": {0, 24 * 30},
	"request_horizon_days": {1, 730},
	"request_answer_hours": {1, 24 * 14},
	"free_cancel_hours":    {0, 24 * 30},
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
	if zone := r.GetString("time_zone"); zone == "" || zone == "Local" || !isZone(zone) {
		bad["time_zone"] = validation.NewError("validation_zone", "Choose an IANA time zone, such as America/Denver.")
	}
	if raw := r.GetString("limits"); raw != "" && raw != "null" {
		var limits map[string]collections.LimitRule
		if err := json.Unmarshal([]byte(raw), &limits); err != nil {
			bad["limits"] = validation.NewError("validation_limits", `Write limits as {"name": {"max": 10, "seconds": 60}}.`)
		}
		for name, l := range limits {
			if !collections.IsLimit(name) || l.Max < 0 || l.Max > 0 && l.Seconds < 1 {
				bad["limits"] = validation.NewError("validation_limits", name+" is no limit, or its numbers cannot be.")
			}
		}
	}
	if len(bad) > 0 {
		return bad
	}
	return e.Next()
}

func isZone(name string) bool {
	_, err := time.LoadLocation(name)
	return err == nil
}
