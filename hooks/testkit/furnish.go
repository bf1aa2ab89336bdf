package testkit

import (
	"github.com/pocketbase/pocketbase/core"
	"golang.org/x/crypto/bcrypt"
)

// furnish makes the template's people and things.
func furnish(app core.App) error {
	// The real cost would spend most of a test run on hashing; what is tested does not depend on it.
	for _, name := range []string{"portal_users", "staff", core.CollectionNameSuperusers} {
		c, err := app.FindCollectionByNameOrId(name)
		if err != nil {
			return err
		}
		c.Fields.GetByName(core.FieldNamePassword).(*core.PasswordField).Cost = bcrypt.MinCost
		if err := app.Save(c); err != nil {
			return err
		}
	}
	for _, r := range []struct {
		collection string
		values     map[string]any
	}{
		{"clinic_settings", map[string]any{"clinic_name": "Test Clinic", "time_zone": Zone, "languages": []string{"en", "es"}, "currency": "usd",
			"phone": "(303) 555-0100", "crisis_text": "Call or text 988.", "password_classes": true, "request_notice_hours": 24, "free_cancel_hours": 24}},
		{"locations", map[string]any{"id": Location, "name": "Main Street", "street": "1 Main Street", "city": "Boulder", "state": "CO",
			"zip_code": "80301", "time_zone": Zone, "is_active": true}},
		{core.CollectionNameSuperusers, map[string]any{"id": Owner, "email": OwnerEmail, "password": Password, "verified": true}},
		staffMember(AnaStaff, AnaEmail, "Ana", "Reyes", "clinician"),
		staffMember(DeskStaff, DeskEmail, "Dee", "Desk", "front_desk"),
		staffMember(Admin, AdminEmail, "Al", "Admin", "admin"),
		staffMember(Billing, BillingEmail, "Bea", "Billing", "billing"),
		{"clinicians", map[string]any{"id": Ana, "staff": AnaStaff, "first_name": "Ana", "last_name": "Reyes", "title": "Dr.",
			"is_accepting_new_patients": true, "locations": []string{Location}, "is_active": true}},
		{"clinicians", map[string]any{"id": Ben, "first_name": "Ben", "last_name": "Carter", "title": "LCSW",
			"is_accepting_new_patients": true, "locations": []string{Location}, "is_active": true}},
		{"services", map[string]any{"id": Therapy, "name": "Individual therapy", "duration": 50, "scheduled_duration": 50, "post_treatment_time": 10,
			"price_cents": 15000, "currency": "usd", "booking_mode": "request", "service_locations": []string{"in_office", "telehealth"},
			"clinicians": []string{Ana, Ben}, "is_active": true}},
		person(Ada, AdaEmail, "Ada", "Lovell", "1990-04-27"),
		person(Bo, BoEmail, "Bo", "Marsh", "1985-01-02"),
		person(Cleo, "", "Cleo", "Lovell", "2018-05-05"),
		person(Uma, UmaEmail, "Uma", "Dahl", "1977-07-07"),
		login(AdaLogin, AdaEmail, "Ada", "Lovell"),
		login(BoLogin, BoEmail, "Bo", "Marsh"),
		{"client_access", map[string]any{"client": Ada, "portal_user": AdaLogin, "relationship": "self", "scope": "all"}},
		{"client_access", map[string]any{"client": Cleo, "portal_user": AdaLogin, "relationship": "parent", "scope": "all"}},
		{"client_access", map[string]any{"client": Bo, "portal_user": BoLogin, "relationship": "self", "scope": "all"}},
		{"care_team", map[string]any{"client": Ada, "clinician": Ana, "role": "lead"}},
		{"care_team", map[string]any{"client": Bo, "clinician": Ben, "role": "lead"}},
	} {
		if _, err := add(app, r.collection, r.values); err != nil {
			return err
		}
	}
	return nil
}

type row = struct {
	collection string
	values     map[string]any
}

func staffMember(id, email, first, last, role string) row {
	return row{"staff", map[string]any{"id": id, "email": email, "password": Password, "verified": true,
		"first_name": first, "last_name": last, "role": role, "is_active": true}}
}

func person(id, email, first, last, born string) row {
	return row{"clients", map[string]any{"id": id, "email": email, "first_name": first, "last_name": last, "date_of_birth": born,
		"language": "en", "status": "active"}}
}

func login(id, email, first, last string) row {
	return row{"portal_users", map[string]any{"id": id, "email": email, "password": Password, "verified": true,
		"first_name": first, "last_name": last, "account_status": "active"}}
}
