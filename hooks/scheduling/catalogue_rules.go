package scheduling

import (
	"encoding/json"
	"strings"

	"github.com/pocketbase/dbx"
	validation "github.com/pocketbase/ozzo-validation/v4"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
)

// bindCatalogueRules binds what an entry of the catalogue must be, after PocketBase's own validation of each field.
func bindCatalogueRules(app core.App) {
	app.OnRecordValidate(collections.Services).BindFunc(refuseImpossibleService)
	app.OnRecordValidate(collections.Clinicians).BindFunc(refuseImpossibleClinician)
	app.OnRecordValidate(collections.Rooms).BindFunc(refuseImpossibleRoom)
	app.OnRecordValidate(collections.Packages).BindFunc(refuseImpossiblePackage)
}

const (
	maxSeries   = 52 // follow-ups booked together: a year of weeks
	maxWords    = 20
	maxWord     = 60
	maxItems    = 20
	maxQuantity = 100
)

// refuseUnreadWords: a field of the dashboard is free JSON, but what is no list of words would ask for nothing.
func refuseUnreadWords(r *core.Record, field string, bad validation.Errors) {
	raw := r.GetString(field)
	if raw == "" || raw == "null" {
		return
	}
	var words []string
	if err := json.Unmarshal([]byte(raw), &words); err != nil || len(words) > maxWords {
		bad[field] = problem("words", `Write a list of up to 20 words, like ["EMDR", "Children"].`)
		return
	}
	for _, w := range words {
		if strings.TrimSpace(w) == "" || len([]rune(w)) > maxWord {
			bad[field] = problem("words", "Each word has 1 to 60 characters.")
		}
	}
}

func unlessNone(bad validation.Errors) error {
	if len(bad) == 0 {
		return nil
	}
	return bad
}

func refuseImpossibleService(e *core.RecordEvent) error {
	if err := e.Next(); err != nil {
		return err
	}
	r, bad := e.Record, validation.Errors{}
	if given := r.GetInt("scheduled_duration"); given != 0 && given < r.GetInt("duration") {
		bad["scheduled_duration"] = problem("range", "What the clinic schedules cannot be shorter than the visit. Leave it empty to schedule the visit alone.")
	}
	if r.GetInt("series_max") > maxSeries {
		bad["series_max"] = problem("range", "Choose a number from 0 to 52.")
	}
	for _, field := range []string{"required_capabilities", "required_equipment"} {
		refuseUnreadWords(r, field, bad)
	}
	return unlessNone(bad)
}

func refuseImpossibleClinician(e *core.RecordEvent) error {
	if err := e.Next(); err != nil {
		return err
	}
	bad := validation.Errors{}
	refuseUnreadWords(e.Record, "capabilities", bad)
	if e.Record.GetInt("stagger_booking_minutes") > 59 {
		bad["stagger_booking_minutes"] = problem("range", "Choose a number from 0 to 59.")
	}
	return unlessNone(bad)
}

func refuseImpossibleRoom(e *core.RecordEvent) error {
	if err := e.Next(); err != nil {
		return err
	}
	if e.Record.GetString("kind") != "equipment" && e.Record.GetString("equipment_type") != "" {
		return validation.Errors{"equipment_type": problem("kind", "Only equipment has a type. A room is found by its name.")}
	}
	return nil
}

// refuseImpossiblePackage: a package holds services of the clinic, each once, 1 to 100 times.
func refuseImpossiblePackage(e *core.RecordEvent) error {
	if err := e.Next(); err != nil {
		return err
	}
	bad := func(sentence string) error { return validation.Errors{"items": problem("items", sentence)} }
	items, err := collections.AsPackage(e.Record).Items()
	if err != nil || len(items) == 0 || len(items) > maxItems {
		return bad(`Write 1 to 20 items, like [{"service": "the service's id", "quantity": 5}].`)
	}
	ids := map[string]bool{}
	var named []any
	for _, item := range items {
		if item.Quantity < 1 || item.Quantity > maxQuantity {
			return bad("The quantity of each item is a number from 1 to 100.")
		}
		if !ids[item.Service] {
			named = append(named, item.Service)
		}
		ids[item.Service] = true
	}
	if len(ids) < len(items) {
		return bad("Name each service once, with its quantity.")
	}
	var known int
	if err := e.App.DB().Select("count(*)").From(collections.Services).Where(dbx.In("id", named...)).Row(&known); err != nil {
		return err
	}
	if known < len(ids) {
		return bad("One of these is not a service of the clinic.")
	}
	return nil
}
