package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"
	"golang.org/x/crypto/bcrypt"

	"anteroom/hooks/kernel"
)

const password = "Bench-Harbour-42"

// build makes both data directories once: the same people and appointments in Anteroom's schema and in bare
// PocketBase's.
func build(root string) error {
	if _, err := os.Stat(filepath.Join(root, "clients.json")); err == nil {
		return nil
	}
	ids, err := buildAnteroom(root)
	if err != nil {
		return fmt.Errorf("anteroom's data: %w", err)
	}
	if err := buildBare(root, ids); err != nil {
		return fmt.Errorf("bare PocketBase's data: %w", err)
	}
	raw, err := json.Marshal(ids)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(root, "clients.json"), raw, 0o600)
}

func id(kind string, n int) string { return fmt.Sprintf("%s%0*d", kind, 15-len(kind), n) }

// visitTime spreads a client's visits over the past weeks so that no clinician is booked twice.
func visitTime(client, n int) time.Time {
	slot := (client/clinicians)*perClient + n // each clinician's visits, one after the other
	return time.Now().UTC().Truncate(time.Hour).AddDate(0, 0, -2).Add(-time.Duration(slot) * time.Hour)
}

func buildAnteroom(root string) ([]string, error) {
	app, err := openAnteroom(root)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"portal_users"} { // thousands of people are made here; hashing is not what is measured
		c, err := app.FindCollectionByNameOrId(name)
		if err != nil {
			return nil, err
		}
		c.Fields.GetByName(core.FieldNamePassword).(*core.PasswordField).Cost = bcrypt.MinCost
		if err := app.Save(c); err != nil {
			return nil, err
		}
	}
	ids := make([]string, clients)
	err = inBatches(app, clients, 1000, func(tx core.App, i int) error {
		if i == 0 {
			if err := commonRows(tx); err != nil {
				return err
			}
		}
		ids[i] = id("client", i)
		if err := put(tx, "clients", map[string]any{"id": ids[i], "email": email(i), "first_name": "Client", "last_name": fmt.Sprint("Number ", i),
			"date_of_birth": "1990-01-01", "language": "en", "status": "active"}); err != nil {
			return err
		}
		if i >= signedIn {
			return nil
		}
		return errors.Join(
			put(tx, "portal_users", map[string]any{"id": id("login", i), "email": email(i), "password": password, "verified": true, "account_status": "active"}),
			put(tx, "client_access", map[string]any{"client": ids[i], "portal_user": id("login", i), "relationship": "self", "scope": "all"}))
	})
	if err != nil {
		return nil, err
	}
	// The people who ask have real rows with encrypted notes; the rest of the table is there to be passed over.
	err = inBatches(app, signedIn*perClient, 500, func(tx core.App, i int) error {
		c, n := i/perClient, i%perClient
		return put(tx, "appointments", map[string]any{"client": ids[c], "clinician": id("clinician", c%clinicians), "service": id("service", 0),
			"location": id("location", 0), "start_time": visitTime(c, n), "status": "completed", "service_location": "in_office",
			"requested_via": "phone", "patient_notes": fmt.Sprintf("Note %d: please ring twice, the bell is quiet.", n)})
	})
	if err != nil {
		return nil, err
	}
	err = app.RunInTransaction(func(tx core.App) error {
		q := tx.NonconcurrentDB().NewQuery(`INSERT INTO appointments (id, client, clinician, service, location, start_time, end_time, hold_start, hold_end,
			duration, time_zone, local_date, local_start, status, service_location, requested_via, created, updated)
			VALUES ({:id},{:client},{:clinician},{:service},{:location},{:start},{:end},{:start},{:end},50,'America/Denver',{:day},{:wall},'completed','in_office','phone',{:start},{:start})`).Prepare()
		defer q.Close()
		for c := signedIn; c < clients; c++ {
			for n := range perClient {
				at := visitTime(c, n)
				_, err := q.Bind(dbx.Params{"id": id("v", c*perClient+n), "client": ids[c], "clinician": id("clinician", c%clinicians), "service": id("service", 0),
					"location": id("location", 0), "start": at.Format(types.DefaultDateLayout), "end": at.Add(50 * time.Minute).Format(types.DefaultDateLayout),
					"day": at.Format(time.DateOnly), "wall": at.Format("15:04")}).Execute()
				if err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if _, err := app.NonconcurrentDB().NewQuery("ANALYZE").Execute(); err != nil {
		return nil, err
	}
	return ids, app.OnTerminate().Trigger(&core.TerminateEvent{App: app}, func(e *core.TerminateEvent) error { return e.App.ResetBootstrapState() })
}

func email(i int) string { return fmt.Sprintf("c%d@bench.example", i) }

func commonRows(tx core.App) error {
	// the limiter stays in the path; only its number is out of reach
	err := put(tx, "clinic_settings", map[string]any{"clinic_name": "Bench", "time_zone": "America/Denver", "languages": []string{"en"}, "currency": "usd",
		"absolute_hours": 24, "idle_minutes": 60, "limits": map[string]any{"appointments_list": map[string]int{"max": 1000000, "seconds": 1}, "requests": map[string]int{"max": 1000000, "seconds": 1}}})
	err = errors.Join(err, put(tx, "locations", map[string]any{"id": id("location", 0), "name": "Main Street", "street": "1 Main Street", "city": "Boulder",
		"state": "CO", "zip_code": "80301", "time_zone": "America/Denver", "is_active": true}))
	var all []string
	for i := range clinicians {
		all = append(all, id("clinician", i))
		err = errors.Join(err, put(tx, "clinicians", map[string]any{"id": all[i], "first_name": "Clin", "last_name": fmt.Sprint("Ician ", i), "title": "Dr.",
			"is_accepting_new_patients": true, "is_active": true}))
	}
	return errors.Join(err, put(tx, "services", map[string]any{"id": id("service", 0), "name": "Individual therapy", "duration": 50, "price_cents": 15000,
		"currency": "usd", "booking_mode": "request", "service_locations": []string{"in_office"}, "clinicians": all, "is_active": true}))
}

func put(app core.App, collection string, values map[string]any) error {
	c, err := app.FindCachedCollectionByNameOrId(collection)
	if err != nil {
		return err
	}
	r := core.NewRecord(c)
	for k, v := range values {
		r.Set(k, v)
	}
	if err := kernel.SaveAs(app, kernel.System(), r); err != nil {
		return fmt.Errorf("%s: %w", collection, err)
	}
	return nil
}

func inBatches(app core.App, n, size int, do func(tx core.App, i int) error) error {
	for from := 0; from < n; from += size {
		err := app.RunInTransaction(func(tx core.App) error {
			for i := from; i < min(from+size, n); i++ {
				if err := do(tx, i); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// buildBare makes what a developer would make with PocketBase alone: an auth collection whose id is the client's, so
// that the rule client = @request.auth.id seeks an index, and relations to expand.
func buildBare(root string, ids []string) error {
	app, err := openBare(root)
	if err != nil {
		return err
	}
	if err := app.RunAllMigrations(); err != nil {
		return err
	}
	s := app.Settings()
	s.Logs.MaxDays = 0
	s.RateLimits.Enabled = false
	if err := app.Save(s); err != nil {
		return err
	}
	open := types.Pointer(`@request.auth.id != ""`)
	text := func(names ...string) (f []core.Field) {
		for _, n := range names {
			f = append(f, &core.TextField{Name: n})
		}
		return f
	}
	create := func(name string, fields ...core.Field) (*core.Collection, error) {
		c := core.NewBaseCollection(name)
		c.Fields.Add(fields...)
		c.ListRule, c.ViewRule = open, open
		return c, app.Save(c)
	}
	doctors, err := create("clinicians", text("first_name", "last_name", "title")...)
	if err != nil {
		return err
	}
	services, err := create("services", text("name", "description")...)
	if err != nil {
		return err
	}
	places, err := create("locations", text("name", "street", "city", "state", "zip_code")...)
	if err != nil {
		return err
	}
	people := core.NewAuthCollection("clients")
	people.AuthAlert.Enabled = false
	people.Fields.Add(text("first_name", "last_name")...)
	people.Fields.GetByName(core.FieldNamePassword).(*core.PasswordField).Cost = bcrypt.MinCost
	if err := app.Save(people); err != nil {
		return err
	}
	visits := core.NewBaseCollection("appointments")
	visits.Fields.Add(&core.RelationField{Name: "client", CollectionId: people.Id, MaxSelect: 1, Required: true},
		&core.RelationField{Name: "clinician", CollectionId: doctors.Id, MaxSelect: 1}, &core.RelationField{Name: "service", CollectionId: services.Id, MaxSelect: 1},
		&core.RelationField{Name: "location", CollectionId: places.Id, MaxSelect: 1}, &core.DateField{Name: "start_time"}, &core.DateField{Name: "end_time"},
		&core.TextField{Name: "status"}, &core.TextField{Name: "service_location"}, &core.TextField{Name: "patient_notes"},
		&core.AutodateField{Name: "created", OnCreate: true}, &core.AutodateField{Name: "updated", OnCreate: true, OnUpdate: true})
	visits.ListRule = types.Pointer("client = @request.auth.id")
	visits.ViewRule = visits.ListRule
	visits.AddIndex("idx_visits_client", false, "client, status, start_time", "")
	if err := app.Save(visits); err != nil {
		return err
	}
	err = inBatches(app, clinicians, clinicians, func(tx core.App, i int) error {
		return put(tx, "clinicians", map[string]any{"id": id("clinician", i), "first_name": "Clin", "last_name": fmt.Sprint("Ician ", i), "title": "Dr."})
	})
	err = errors.Join(err, put(app, "services", map[string]any{"id": id("service", 0), "name": "Individual therapy"}),
		put(app, "locations", map[string]any{"id": id("location", 0), "name": "Main Street", "street": "1 Main Street", "city": "Boulder", "state": "CO", "zip_code": "80301"}))
	if err != nil {
		return err
	}
	err = inBatches(app, clients, 1000, func(tx core.App, i int) error {
		return put(tx, "clients", map[string]any{"id": ids[i], "email": email(i), "password": password, "verified": true, "first_name": "Client", "last_name": fmt.Sprint(i)})
	})
	if err != nil {
		return err
	}
	err = inBatches(app, clients*perClient, 5000, func(tx core.App, i int) error {
		c, n := i/perClient, i%perClient
		at := visitTime(c, n)
		return put(tx, "appointments", map[string]any{"client": ids[c], "clinician": id("clinician", c%clinicians), "service": id("service", 0), "location": id("location", 0),
			"start_time": at, "end_time": at.Add(50 * time.Minute), "status": "completed", "service_location": "in_office",
			"patient_notes": fmt.Sprintf("Note %d: please ring twice, the bell is quiet.", n)})
	})
	if err != nil {
		return err
	}
	if _, err := app.NonconcurrentDB().NewQuery("ANALYZE").Execute(); err != nil {
		return err
	}
	return app.OnTerminate().Trigger(&core.TerminateEvent{App: app}, func(e *core.TerminateEvent) error { return e.App.ResetBootstrapState() })
}
