package scheduling_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	validation "github.com/pocketbase/ozzo-validation/v4"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/hooks/kernel"
	"anteroom/hooks/testkit"
)

// TestWhatTheCatalogueCannotHold is refused whoever writes it, and the sentence stands at its field.
func TestWhatTheCatalogueCannotHold(t *testing.T) {
	c := newClinic(t)
	pack := func(items any) map[string]any {
		return map[string]any{"name": "Five visits", "items": items, "price_cents": 70000, "is_active": true}
	}
	item := func(service string, n any) map[string]any { return map[string]any{"service": service, "quantity": n} }
	many := strings.Repeat("x", 61)
	before := settled(t, c)
	for _, x := range []struct {
		collection, id string
		values         map[string]any
		field          string
	}{
		{"services", testkit.Therapy, map[string]any{"scheduled_duration": 20}, "scheduled_duration"},
		{"services", testkit.Therapy, map[string]any{"series_max": 53}, "series_max"},
		{"services", testkit.Therapy, map[string]any{"required_capabilities": "EMDR"}, "required_capabilities"},
		{"services", testkit.Therapy, map[string]any{"required_equipment": []any{"lamp", 3}}, "required_equipment"},
		{"services", testkit.Therapy, map[string]any{"required_equipment": []string{" "}}, "required_equipment"},
		{"clinicians", testkit.Ana, map[string]any{"capabilities": map[string]any{"EMDR": true}}, "capabilities"},
		{"clinicians", testkit.Ana, map[string]any{"capabilities": []string{many}}, "capabilities"},
		{"clinicians", testkit.Ana, map[string]any{"stagger_booking_minutes": 60}, "stagger_booking_minutes"},
		{"rooms", "", map[string]any{"name": "Lamp", "location": testkit.Location, "kind": "room", "equipment_type": "lamp", "is_active": true}, "equipment_type"},
		{"packages", "", pack(nil), "items"},
		{"packages", "", pack("five"), "items"},
		{"packages", "", pack([]any{}), "items"},
		{"packages", "", pack([]any{item(testkit.Therapy, 0)}), "items"},
		{"packages", "", pack([]any{item(testkit.Therapy, 101)}), "items"},
		{"packages", "", pack([]any{item(testkit.Therapy, 1.5)}), "items"},
		{"packages", "", pack([]any{item("nosuchservice00", 1)}), "items"},
		{"packages", "", pack([]any{item(testkit.Therapy, 1), item(testkit.Therapy, 2)}), "items"},
	} {
		var r *core.Record
		if x.id != "" {
			r = c.Find(t, x.collection, x.id)
		} else {
			col, err := c.App.FindCollectionByNameOrId(x.collection)
			if err != nil {
				t.Fatal(err)
			}
			r = core.NewRecord(col)
		}
		for k, v := range x.values {
			r.Set(k, v)
		}
		var fields validation.Errors
		if err := kernel.SaveAs(c.App, kernel.System(), r); !errors.As(err, &fields) || fields[x.field] == nil {
			t.Errorf("%s %v: %v", x.collection, x.values, err)
		}
	}
	if settled(t, c) != before {
		t.Error("a refusal changed something")
	}
	change(t, c, c.Find(t, "services", testkit.Therapy), map[string]any{"scheduled_duration": 60, "series_max": 52, "required_equipment": []string{"lamp"}, "required_capabilities": []string{"EMDR"}})
	change(t, c, c.Find(t, "clinicians", testkit.Ana), map[string]any{"capabilities": []string{"EMDR"}, "stagger_booking_minutes": 59})
	c.Add(t, "rooms", map[string]any{"name": "Lamp 1", "location": testkit.Location, "kind": "equipment", "capacity": 1, "equipment_type": "lamp", "is_active": true})
}

// TestPackagesArePublic: those whose services are all offered, as they are called now.
func TestPackagesArePublic(t *testing.T) {
	c := newClinic(t)
	get := func(path string, status int) string {
		t.Helper()
		got := c.Do(t, http.MethodGet, kernel.Portal+path, "", nil)
		if got.Status != status {
			t.Errorf("%s: %d", path, got.Status)
		}
		return string(got.Body)
	}
	if got := get("/packages", 200); !strings.Contains(got, `"packages":[]`) {
		t.Error(got)
	}
	five := c.Add(t, "packages", map[string]any{"name": "Five visits", "items": []map[string]any{{"service": testkit.Therapy, "quantity": 5}}, "price_cents": 70000, "valid_days": 180, "is_active": true}).Id
	ended := c.Add(t, "packages", map[string]any{"name": "Ended", "items": []map[string]any{{"service": testkit.Therapy, "quantity": 2}}, "is_active": false}).Id
	if got := get("/packages", 200); !strings.Contains(got, `"items":[{"serviceId":"`+testkit.Therapy+`","name":"Individual therapy","quantity":5}]`) || strings.Contains(got, "Ended") {
		t.Error(got)
	}
	if got := get("/packages/"+five, 200); !strings.Contains(got, `"priceCents":70000`) || !strings.Contains(got, `"currency":"usd"`) || !strings.Contains(got, `"validDays":180`) {
		t.Error(got)
	}
	get("/packages/"+ended, 404)
	change(t, c, c.Find(t, "services", testkit.Therapy), map[string]any{"series_max": 8, "late_fee_cents": 5000})
	change(t, c, c.Find(t, "clinicians", testkit.Ana), map[string]any{"booking_mode": "off"})
	if got := get("/services/"+testkit.Therapy, 200); !strings.Contains(got, `"seriesMax":8`) || !strings.Contains(got, `"lateFeeCents":5000`) {
		t.Error(got)
	}
	if got := get("/providers/"+testkit.Ana, 200); !strings.Contains(got, `"bookingMode":"off"`) {
		t.Error(got)
	}
	change(t, c, c.Find(t, "services", testkit.Therapy), map[string]any{"booking_mode": "off"})
	get("/packages/"+five, 404)
}

// TestRemindersAndQuietHours that a clinic cannot choose.
func TestRemindersAndQuietHours(t *testing.T) {
	c := newClinic(t)
	rung := func(minutes any, channels ...string) map[string]any {
		return map[string]any{"minutesBefore": minutes, "channels": channels}
	}
	seven := []any{}
	for i := range 7 {
		seven = append(seven, rung(60*(i+1), "email"))
	}
	r, err := c.App.FindFirstRecordByFilter("clinic_settings", "id != ''")
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		field  string
		values map[string]any
	}{
		{"reminder_ladder", map[string]any{"reminder_ladder": "daily"}},
		{"reminder_ladder", map[string]any{"reminder_ladder": seven}},
		{"reminder_ladder", map[string]any{"reminder_ladder": []any{rung(14, "email")}}},
		{"reminder_ladder", map[string]any{"reminder_ladder": []any{rung(20161, "email")}}},
		{"reminder_ladder", map[string]any{"reminder_ladder": []any{rung(60.5, "email")}}},
		{"reminder_ladder", map[string]any{"reminder_ladder": []any{rung(60)}}},
		{"reminder_ladder", map[string]any{"reminder_ladder": []any{rung(60, "pigeon")}}},
		{"reminder_ladder", map[string]any{"reminder_ladder": []any{rung(60, "email", "email")}}},
		{"reminder_ladder", map[string]any{"reminder_ladder": []any{rung(60, "email"), rung(60, "sms")}}},
		{"quiet_until", map[string]any{"quiet_from": "21:00"}},
		{"quiet_until", map[string]any{"quiet_until": "08:00"}},
		{"quiet_until", map[string]any{"quiet_from": "21:00", "quiet_until": "21:00"}},
		{"late_fee_cents", map[string]any{"late_cancel": "fee", "late_fee_cents": 0}},
	} {
		r := r.Fresh()
		for k, v := range x.values {
			r.Set(k, v)
		}
		var fields validation.Errors
		if err := kernel.SaveAs(c.App, kernel.System(), r); !errors.As(err, &fields) || fields[x.field] == nil {
			t.Errorf("%v: %v", x.values, err)
		}
	}
	settings(t, c, map[string]any{"reminder_ladder": []any{rung(15, "email", "sms", "in_app"), rung(20160, "sms")}, "quiet_from": "21:00", "quiet_until": "08:00",
		"late_cancel": "fee", "late_fee_cents": 7500})
	settings(t, c, map[string]any{"reminder_ladder": []any{}, "quiet_from": "", "quiet_until": "", "late_cancel": "free", "late_fee_cents": 0})
}
