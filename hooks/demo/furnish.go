package demo

import (
	"cmp"
	"fmt"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/billing"
	"anteroom/hooks/forms"
	"anteroom/hooks/identity"
	"anteroom/hooks/kernel"
)

const zone = "America/Denver"

// room is one furnishing: the transaction, the clinic's midnight, and what was made by name.
type room struct {
	tx    core.App
	today time.Time
	err   error
	ids   map[string]string
}

// add writes one record with every hook and rule, and remembers it by name. After a failure it does nothing, so the
// lists below stay lists.
func (f *room) add(collection, name string, values map[string]any) string {
	if f.err != nil {
		return ""
	}
	col, err := f.tx.FindCachedCollectionByNameOrId(collection)
	if err != nil {
		f.err = err
		return ""
	}
	r := core.NewRecord(col)
	for k, v := range values {
		r.Set(k, v)
	}
	if err := kernel.SaveAs(f.tx, kernel.System(), r); err != nil {
		f.err = fmt.Errorf("%s %s: %w", collection, name, err)
		return ""
	}
	if name != "" {
		f.ids[name] = r.Id
	}
	return r.Id
}

// at is a wall time on the working day that lies days from today (moved to Monday when it falls on a weekend).
func (f *room) at(days, hour, minute int) time.Time {
	d := f.today.AddDate(0, 0, days)
	for d.Weekday() == time.Saturday || d.Weekday() == time.Sunday {
		d = d.AddDate(0, 0, 1)
	}
	return time.Date(d.Year(), d.Month(), d.Day(), hour, minute, 0, 0, d.Location())
}

func (f *room) day(days int) string { return f.today.AddDate(0, 0, days).Format(time.DateOnly) }

func furnish(tx core.App, d Details) error {
	z, err := collections.Zone(zone)
	if err != nil {
		return err
	}
	now := kernel.Now(tx).In(z)
	f := &room{tx: tx, ids: map[string]string{}, today: time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, z)}
	f.clinic()
	f.people(d)
	f.visits(d)
	f.notes(d)
	f.paperwork(d)
	f.money(d)
	return f.err
}

func (f *room) clinic() {
	f.add("clinic_settings", "", map[string]any{"clinic_name": "Juniper House", "time_zone": zone, "languages": []string{"en", "es"},
		"accent_color": "#1c5f73", "currency": "usd", "phone": "(303) 555-0142",
		"idle_minutes": 15, "absolute_hours": 8, "remember_days": 7, "lockout_failures": 5, "lockout_minutes": 15,
		"password_length": 12, "password_classes": true, "request_notice_hours": 24, "request_horizon_days": 180,
		"request_answer_hours": 24, "free_cancel_hours": 24,
		"crisis_text": "Messages are not watched around the clock. Call or text 988 for the Suicide & Crisis Lifeline, day or night. In danger? Call 911."})
	f.add("locations", "boulder", map[string]any{"name": "Juniper House", "phone": "(303) 555-0142", "street": "214 Willow Street, Suite 3",
		"city": "Boulder", "state": "CO", "zip_code": "80302", "country": "US", "time_zone": zone, "is_active": true})
	for _, r := range []struct {
		name, kind string
		capacity   int
	}{{"Willow room", "room", 1}, {"Cedar room", "room", 1}, {"Group room", "room", 8}} {
		f.add("rooms", r.name, map[string]any{"name": r.name, "location": f.ids["boulder"], "kind": r.kind, "capacity": r.capacity, "is_active": true})
	}
	for i, c := range []string{"Therapy", "Wellness"} {
		f.add("service_categories", c, map[string]any{"name": c, "position": i + 1})
	}
}

func (f *room) people(d Details) {
	f.add(core.CollectionNameSuperusers, "", map[string]any{"email": d.Owner.Email, "password": d.Owner.Password, "verified": true})
	names := map[string][2]string{kernel.RoleFrontDesk: {"Sam", "Ortiz"}, kernel.RoleClinician: {"Ana", "Reyes"},
		kernel.RoleAdmin: {"Ruth", "Adeyemi"}, kernel.RoleBilling: {"Priya", "Nair"}}
	for _, s := range d.Staff {
		f.add("staff", s.Role, map[string]any{"id": s.ID, "email": s.Email, "password": s.Password, "verified": true,
			"first_name": names[s.Role][0], "last_name": names[s.Role][1], "role": s.Role, "is_active": true})
		if s.ClinicianID == "" {
			continue
		}
		f.add("clinicians", "ana", map[string]any{"id": s.ClinicianID, "staff": s.ID, "first_name": "Ana", "last_name": "Reyes", "title": "Dr.",
			"initials": "AR", "discipline": "Psychologist", "specializations": []string{"Anxiety", "Depression", "Sleep"},
			"certifications": []string{"PhD", "Licensed psychologist, Colorado"}, "calendar_color": "#1c5f73", "is_active": true,
			"bio":                       "I work with adults on anxiety, low mood and sleep, mostly with cognitive behavioural therapy.",
			"is_accepting_new_patients": true, "locations": []string{f.ids["boulder"]}})
	}
	f.add("clinicians", "ben", map[string]any{"first_name": "Ben", "last_name": "Carter", "title": "LCSW", "initials": "BC", "discipline": "Clinical social worker",
		"specializations": []string{"Couples", "Families", "Adolescents"}, "certifications": []string{"LCSW"}, "calendar_color": "#8a3b6b",
		"bio": "I see couples, families and teenagers.", "is_accepting_new_patients": true, "locations": []string{f.ids["boulder"]}, "is_active": true})
	both := []string{f.ids["ana"], f.ids["ben"]}
	for _, s := range []struct {
		name, category, about, mode string
		minutes, after, cents       int
		where                       []string
		by                          []string
	}{
		{"Individual therapy", "Therapy", "A fifty minute session, in person or by video.", "request", 50, 10, 15000, []string{"in_office", "telehealth"}, both},
		{"Initial consultation", "Therapy", "A first conversation to see what you need and who fits.", "request", 30, 10, 9000, []string{"in_office", "telehealth"}, both},
		{"Couples therapy", "Therapy", "Seventy-five minutes for two.", "request", 75, 15, 21000, []string{"in_office"}, []string{f.ids["ben"]}},
		{"Guided relaxation", "Wellness", "A quiet half hour with breathing and body work.", "instant", 30, 0, 6000, []string{"in_office"}, both},
	} {
		f.add("services", s.name, map[string]any{"name": s.name, "description": s.about, "category": f.ids[s.category], "duration": s.minutes,
			"scheduled_duration": s.minutes, "post_treatment_time": s.after, "price_cents": s.cents, "currency": "usd", "booking_mode": s.mode,
			"service_locations": s.where, "clinicians": s.by, "is_active": true})
	}

	address := map[string]string{"street": "77 Alder Road", "city": "Boulder", "state": "CO", "zipCode": "80304", "country": "US"}
	client := func(id, email, first, last, born, language string) {
		f.add("clients", first, map[string]any{"id": id, "first_name": first, "last_name": last, "email": email, "date_of_birth": born,
			"phone": "(303) 555-0100", "address": address, "language": language, "status": "active", "preferred_location": f.ids["boulder"],
			"preferred_practitioner": f.ids["ana"], "emergency_contact": map[string]string{"name": "Chidi Okafor", "relationship": "Brother", "phone": "(303) 555-0177"}})
		f.add("care_team", "", map[string]any{"client": id, "clinician": f.ids["ana"], "role": "lead", "from": f.at(-120, 9, 0).UTC()})
	}
	access := func(client, user, relationship string) {
		f.add("client_access", "", map[string]any{"client": client, "portal_user": user, "relationship": relationship, "scope": "all"})
	}
	for _, c := range d.Clients {
		language := cmp.Or(c.Language, "en")
		client(c.ClientID, c.Email, c.FirstName, c.LastName, c.DateOfBirth, language)
		f.add("portal_users", "", map[string]any{"id": c.PortalUserID, "email": c.Email, "password": c.Password, "verified": true,
			"first_name": c.FirstName, "last_name": c.LastName, "account_status": "active", "language": language, "password_changed_at": f.at(-90, 12, 0).UTC()})
		if c.MFA != nil {
			f.add("mfa_factors", "", map[string]any{"owner_collection": "portal_users", "owner": c.PortalUserID, "method": "totp",
				"secret": c.MFA.TOTPSecret, "enabled_at": f.at(-60, 12, 0).UTC()})
		}
		access(c.ClientID, c.PortalUserID, "self")
		for _, child := range c.ActsFor {
			client(child, "", "Leo", c.LastName, f.today.AddDate(-9, -3, 0).Format(time.DateOnly), language)
			access(child, c.PortalUserID, "parent")
		}
	}
	for _, p := range d.Unregistered {
		client(p.ClientID, p.Email, p.FirstName, p.LastName, p.DateOfBirth, "en")
	}
	if invited := d.Unregistered[2]; f.err == nil {
		f.err = identity.Invite(f.tx, kernel.Actor{Kind: kernel.KindStaff, ID: d.Staff[0].ID, Role: d.Staff[0].Role}, invited.ClientID, invited.Email)
	}
}

func (f *room) visits(d Details) {
	visit := func(client, clinician, service, status, where string, start time.Time) string {
		return f.add("appointments", "", map[string]any{"client": client, "clinician": f.ids[clinician], "service": f.ids[service],
			"location": f.ids["boulder"], "start_time": start.UTC(), "status": status, "service_location": where, "requested_via": "phone"})
	}
	hour := 9
	for _, c := range d.Clients {
		for week := 6; week >= 1; week-- {
			visit(c.ClientID, "ana", "Individual therapy", "completed", "in_office", f.at(-7*week, hour, 0))
		}
		visit(c.ClientID, "ana", "Individual therapy", "confirmed", "in_office", f.at(11, hour, 30))
		visit(c.ClientID, "ben", "Initial consultation", "scheduled", "telehealth", f.at(18, hour, 0))
		for _, child := range c.ActsFor {
			visit(child, "ben", "Initial consultation", "confirmed", "in_office", f.at(5, 15, 0))
		}
		hour++
	}
	// the desk opens to a day with somebody on it
	visit(d.Unregistered[0].ClientID, "ben", "Initial consultation", "confirmed", "in_office", f.today.Add(10*time.Hour))
	visit(d.Unregistered[1].ClientID, "ben", "Individual therapy", "confirmed", "telehealth", f.today.Add(13*time.Hour))

	first := f.at(6, 15, 0)
	f.add("appointments", "", map[string]any{"client": d.Clients[1].ClientID, "clinician": f.ids["ana"], "service": f.ids["Individual therapy"],
		"location": f.ids["boulder"], "start_time": first.UTC(), "status": "requested", "service_location": "in_office",
		"requested_via": "portal", "client_requested": true, "requested_by": d.Clients[1].PortalUserID, "submitted_at": kernel.Now(f.tx),
		"preferences": []map[string]string{{"date": first.Format(time.DateOnly), "time": "15:00"},
			{"date": f.at(7, 9, 0).Format(time.DateOnly), "time": "09:00"}},
		"reason_for_visit": "I would like to talk about sleep.", "patient_notes": "Afternoons are best."})
}

// notes are what Ana wrote after sessions: one still open, one signed, and one that stays hers.
func (f *room) notes(d Details) {
	for _, n := range []struct {
		client, kind, status string
		at                   time.Time
		title, body          string
	}{
		{d.Clients[0].ClientID, "progress", "signed", f.at(-14, 10, 0), "Session, sleep diary", "Brought the sleep diary. Falls asleep within half an hour on four nights of seven. Agreed on a fixed time to get up."},
		{d.Clients[0].ClientID, "psychotherapy", "signed", f.at(-14, 10, 15), "For myself", "Speaks of the move more freely than in autumn. Come back to it when she brings it up."},
		{d.Clients[1].ClientID, "progress", "draft", f.at(-7, 11, 0), "Session, plan for the week", "Two walks planned. To finish after the next call."},
	} {
		f.add("treatment_notes", "", map[string]any{"client": n.client, "clinician": f.ids["ana"], "author": f.ids[kernel.RoleClinician],
			"kind": n.kind, "status": n.status, "noted_at": n.at.UTC(), "title": n.title, "body": n.body})
	}
}

func (f *room) paperwork(d Details) {
	if f.err != nil {
		return
	}
	templates, err := forms.ImportBuiltIn(f.tx)
	if err != nil {
		f.err = err
		return
	}
	assign := func(client, slug string, due int) {
		f.add("portal_forms", "", map[string]any{"client": client, "template": templates[slug], "clinician": f.ids["ana"], "status": "pending",
			"assigned_at": f.at(-2, 9, 0).UTC(), "due_date": f.day(due)})
	}
	for _, p := range d.Unregistered {
		assign(p.ClientID, "consent-to-treatment", 3)
		assign(p.ClientID, "phq-9", 9)
	}
	for i, c := range d.Clients {
		assign(c.ClientID, "consent-to-treatment", 1+i)
		assign(c.ClientID, "phq-9", 9)
		for _, child := range c.ActsFor {
			assign(child, "consent-to-treatment", 4)
		}
	}
}

func (f *room) money(d Details) {
	issue := func(client string, issued, due int, what string, cents int) {
		if f.err != nil {
			return
		}
		_, f.err = billing.Issue(f.tx, kernel.System(), billing.Bill{Client: client, IssuedOn: f.day(issued), DueOn: f.day(due),
			Items: []billing.Line{{Description: what, UnitCents: cents, Service: f.ids["Individual therapy"]}}})
	}
	session := func(days int) string { return f.at(days, 9, 0).Format("January 2") }
	for i, c := range d.Clients {
		issue(c.ClientID, -45, -15, "Individual therapy, "+session(-42), 15000) // paid below
		issue(c.ClientID, -17, 19, "Co-payment, session on "+session(-14), 4500)
		if i > 0 {
			issue(c.ClientID, -3, 27, "Individual therapy, "+session(-7), 15000)
		}
	}
	for _, p := range d.Unregistered {
		issue(p.ClientID, -1, 29, "Initial consultation", 9000)
	}
}

// payOldest settles each client's oldest invoice the way a person would, so that there is a history and a receipt.
// It runs after the furnishing is committed, because paying asks the processor.
func payOldest(app core.App, d Details) error {
	if billing.Mode(app) != billing.ModeTest {
		return nil // with real keys in the environment not even a demo charges anybody
	}
	for _, c := range d.Clients {
		oldest, err := app.FindRecordsByFilter("invoices", "client = {:c} && status = 'open'", "issued_on", 1, 0, dbx.Params{"c": c.ClientID})
		if err != nil || len(oldest) == 0 {
			return err
		}
		who := kernel.Actor{Kind: kernel.KindClient, ID: c.PortalUserID, Client: c.ClientID}
		if _, err := billing.Pay(app, who, oldest[0].Id, 0, "succeed"); err != nil {
			return err
		}
	}
	return nil
}
