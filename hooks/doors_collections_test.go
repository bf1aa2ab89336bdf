package hooks_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/pocketbase/pocketbase/core"

	"anteroom/hooks/kernel"
	"anteroom/hooks/phi"
	"anteroom/hooks/testkit"
)

// Names of API rules, as the table below uses them, with their text and the roles they admit.
const (
	ownerOnly    = "owner"
	anyStaff     = "any staff"
	adminOnly    = "admin"
	deskRole     = "desk"
	clinical     = "clinical"
	moneyRule    = "billing"
	forMe        = "any staff, of their own rows"
	patients     = "any staff, clinicians within reach"
	visitors     = "any staff, clinicians within reach or of their own visits"
	visitLog     = "any staff, clinicians within reach or of their own visits' history"
	deskReach    = "desk, clinicians within reach"
	deskPatients = "desk, clinicians of clients within reach"
	payerReach   = "desk, clinicians of payers within reach"
	deskVisits   = "desk, clinicians within reach or of their own visits"
	careReach    = "clinical, clinicians within reach"
	deskAlone    = "front desk and admin"
	ownBreaks    = "desk, clinicians their own"
	glassRule    = "admin, and clinicians of their own"
	noteReader   = "a note's author, and clinicians within reach once it is signed"
	noteAuthor   = "a note's author"
	aboutMe      = "PocketBase's own: rows about the caller"
	active       = `@request.auth.collectionName = "staff" && @request.auth.is_active = true`
	adminRole    = `@request.auth.role = "admin"`
	frontRole    = `@request.auth.role = "front_desk"`
	doctorRole   = `@request.auth.role = "clinician"`
	moneyRole    = `@request.auth.role = "billing"`
)

const (
	ownVisit = "clinician.staff = @request.auth.id || "
	anyDesk  = active + " && (" + adminRole + " || " + frontRole + " || " + doctorRole + ")"
	anyCare  = active + " && (" + adminRole + " || " + doctorRole + ")"
)

// reached is the limit of clinicians: on the care team now, or the glass broken for now.
func reached(path string) string {
	is := func(table, field, condition string) string {
		return path + table + "_via_client." + field + " " + condition
	}
	team := is("care_team", "staff", "?= @request.auth.id") +
		" && (" + is("care_team", "from", `?= ""`) + " || " + is("care_team", "from", "?<= @now") + ")" +
		" && (" + is("care_team", "until", `?= ""`) + " || " + is("care_team", "until", "?> @now") + ")"
	glass := is("break_glass", "staff", "?= @request.auth.id") + " && " + is("break_glass", "ended_at", `?= ""`) + " && " + is("break_glass", "until", "?> @now")
	return `(@request.auth.role != "clinician" || (` + team + ") || (" + glass + "))"
}

var ruleTexts = map[string]string{
	anyStaff:     active,
	adminOnly:    active + " && " + adminRole,
	deskRole:     active + " && (" + adminRole + " || " + frontRole + " || " + doctorRole + ")",
	clinical:     active + " && (" + adminRole + " || " + doctorRole + ")",
	moneyRule:    active + " && (" + adminRole + " || " + moneyRole + " || " + frontRole + ")",
	forMe:        active + ` && (staff = "" || staff = @request.auth.id)`,
	patients:     active + " && " + reached(""),
	visitors:     active + " && (" + ownVisit + reached("client.") + ")",
	visitLog:     active + " && (appointment." + ownVisit + reached("client.") + ")",
	deskReach:    anyDesk + " && " + reached("client."),
	deskPatients: anyDesk + " && " + reached(""),
	payerReach:   anyDesk + " && " + reached("payer."),
	deskVisits:   anyDesk + " && (" + ownVisit + reached("client.") + ")",
	careReach:    anyCare + " && " + reached("client."),
	deskAlone:    active + " && (" + adminRole + " || " + frontRole + ")",
	ownBreaks:    anyDesk + " && (@request.auth.role != \"clinician\" || clinician.staff = @request.auth.id)",
	glassRule:    anyCare + " && (" + adminRole + " || staff = @request.auth.id)",
	noteReader:   anyCare + ` && (author = @request.auth.id || (` + doctorRole + ` && status = "signed" && kind != "psychotherapy" && ` + reached("client.") + "))",
	noteAuthor:   anyCare + " && author = @request.auth.id",
	aboutMe:      `@request.auth.id != '' && recordRef = @request.auth.id && collectionRef = @request.auth.collectionId`,
}

var rolesOf = map[string][]string{
	ownerOnly: {}, aboutMe: {},
	anyStaff:     allStaff,
	forMe:        allStaff,
	adminOnly:    {testkit.AdminEmail},
	deskRole:     {testkit.AdminEmail, testkit.DeskEmail, testkit.AnaEmail},
	clinical:     {testkit.AdminEmail, testkit.AnaEmail},
	patients:     allStaff,
	visitors:     allStaff,
	visitLog:     allStaff,
	deskReach:    {testkit.AdminEmail, testkit.DeskEmail, testkit.AnaEmail},
	deskPatients: {testkit.AdminEmail, testkit.DeskEmail, testkit.AnaEmail},
	payerReach:   {testkit.AdminEmail, testkit.DeskEmail, testkit.AnaEmail},
	deskVisits:   {testkit.AdminEmail, testkit.DeskEmail, testkit.AnaEmail},
	careReach:    {testkit.AdminEmail, testkit.AnaEmail},
	deskAlone:    {testkit.AdminEmail, testkit.DeskEmail},
	ownBreaks:    {testkit.AdminEmail, testkit.DeskEmail, testkit.AnaEmail},
	glassRule:    {testkit.AdminEmail, testkit.AnaEmail},
	noteReader:   {testkit.AnaEmail},
	noteAuthor:   {testkit.AnaEmail},
	moneyRule:    {testkit.AdminEmail, testkit.BillingEmail, testkit.DeskEmail},
}

// apiRules is who of the staff may list and view, create, and update, collection by collection. A migration that
// changes a rule, or adds a collection, is seen here.
var apiRules = map[string]struct{ read, create, update string }{
	"account_history":       {ownerOnly, ownerOnly, ownerOnly},
	"account_tokens":        {ownerOnly, ownerOnly, ownerOnly},
	"appointment_history":   {visitLog, ownerOnly, ownerOnly},
	"appointments":          {visitors, deskRole, deskVisits},
	"break_glass":           {glassRule, ownerOnly, ownerOnly},
	"breaks":                {anyStaff, ownBreaks, ownBreaks},
	"care_team":             {deskReach, deskRole, deskReach},
	"client_access":         {deskReach, deskRole, deskReach},
	"clients":               {patients, deskRole, deskPatients},
	"clinic_settings":       {anyStaff, ownerOnly, adminOnly},
	"clinicians":            {anyStaff, adminOnly, adminOnly},
	"closures":              {anyStaff, deskAlone, deskAlone},
	"form_pdfs":             {ownerOnly, ownerOnly, ownerOnly},
	"form_submissions":      {careReach, ownerOnly, ownerOnly},
	"form_templates":        {anyStaff, ownerOnly, ownerOnly},
	"group_bookings":        {payerReach, ownerOnly, ownerOnly},
	"idempotency_keys":      {ownerOnly, ownerOnly, ownerOnly},
	"invitations":           {deskReach, ownerOnly, ownerOnly},
	"invoice_items":         {moneyRule, moneyRule, moneyRule},
	"invoices":              {moneyRule, moneyRule, moneyRule},
	"mfa_factors":           {ownerOnly, ownerOnly, ownerOnly},
	"locations":             {anyStaff, adminOnly, adminOnly},
	"outbox":                {ownerOnly, ownerOnly, ownerOnly},
	"packages":              {anyStaff, adminOnly, adminOnly},
	"passkey_credentials":   {ownerOnly, ownerOnly, ownerOnly},
	"payments":              {moneyRule, ownerOnly, ownerOnly},
	"portal_forms":          {deskReach, ownerOnly, ownerOnly},
	"portal_notifications":  {ownerOnly, ownerOnly, ownerOnly},
	"portal_sessions":       {ownerOnly, ownerOnly, ownerOnly},
	"portal_users":          {deskAlone, ownerOnly, ownerOnly},
	"recovery_codes":        {ownerOnly, ownerOnly, ownerOnly},
	"remembered_devices":    {ownerOnly, ownerOnly, ownerOnly},
	"rooms":                 {anyStaff, adminOnly, adminOnly},
	"service_categories":    {anyStaff, adminOnly, adminOnly},
	"services":              {anyStaff, adminOnly, adminOnly},
	"shifts":                {anyStaff, deskAlone, deskAlone},
	"staff":                 {anyStaff, ownerOnly, ownerOnly},
	"staff_notifications":   {forMe, ownerOnly, forMe},
	"stripe_events":         {adminOnly, ownerOnly, ownerOnly},
	"treatment_notes":       {noteReader, clinical, noteAuthor},
	"uploads":               {deskReach, ownerOnly, ownerOnly},
	"appointment_reminders": {ownerOnly, ownerOnly, ownerOnly},
	"calendar_feeds":        {ownerOnly, ownerOnly, ownerOnly},

	core.CollectionNameSuperusers:    {ownerOnly, ownerOnly, ownerOnly},
	core.CollectionNameExternalAuths: {aboutMe, ownerOnly, ownerOnly},
	core.CollectionNameAuthOrigins:   {aboutMe, ownerOnly, ownerOnly},
	core.CollectionNameMFAs:          {aboutMe, ownerOnly, ownerOnly},
	core.CollectionNameOTPs:          {aboutMe, ownerOnly, ownerOnly},
	"waitlist_entries":               {deskReach, ownerOnly, ownerOnly},
}

func nameOfRule(text *string) string {
	if text == nil {
		return ownerOnly
	}
	for name, known := range ruleTexts {
		if *text == known {
			return name
		}
	}
	return "a rule without a name: " + *text
}

func everyCollection(t *testing.T, c *testkit.Clinic) []*core.Collection {
	t.Helper()
	all, err := c.App.FindAllCollections()
	if err != nil || len(all) < 30 {
		t.Fatal(len(all), err)
	}
	return all
}

func TestRulesOfCollections(t *testing.T) {
	c := testkit.New(t)
	for _, col := range everyCollection(t, c) {
		want, known := apiRules[col.Name]
		if !known {
			t.Errorf("%s is in no table of rules", col.Name)
			continue
		}
		for what, pair := range map[string][2]string{"read": {nameOfRule(col.ListRule), want.read}, "create": {nameOfRule(col.CreateRule), want.create},
			"update": {nameOfRule(col.UpdateRule), want.update}} {
			if pair[0] != pair[1] {
				t.Errorf("%s: %s is for %s, the table says %s", col.Name, what, pair[0], pair[1])
			}
		}
		if nameOfRule(col.ViewRule) != nameOfRule(col.ListRule) {
			t.Errorf("%s: who may view is not who may list", col.Name)
		}
		if col.IsView() {
			t.Errorf("%s is a view: it shows records past their rules and past the audit log", col.Name)
		}
		if nobody := col.DeleteRule == nil; nobody == (col.Name == core.CollectionNameExternalAuths || col.Name == core.CollectionNameAuthOrigins) {
			t.Errorf("%s: rule of deletion %q", col.Name, nameOfRule(col.DeleteRule))
		}
		if col.IsAuth() && (col.ManageRule != nil || col.AuthRule == nil || *col.AuthRule != "") {
			t.Errorf("%s: manage %v, auth %v", col.Name, col.ManageRule, col.AuthRule)
		}
	}
	if len(apiRules) != len(everyCollection(t, c)) {
		t.Error("the table of rules names collections that do not exist")
	}
	for name, text := range ruleTexts {
		if name != aboutMe && !strings.HasPrefix(text, active) {
			t.Errorf("%s admits others than active staff", name)
		}
	}
}

// TestRulesAdmitTheirRoles asks as every role: those of a rule see the collection's rows, the others see none.
func TestRulesAdmitTheirRoles(t *testing.T) {
	w := newWorld(t, rule{given: func(w *world) { proofs(w); visits(w); signed(w); owed(w); treated(w) }})
	w.Add(t, "staff_notifications", map[string]any{"notification_type": "x", "link": "/_/"})
	w.Add(t, "service_categories", map[string]any{"name": "Talking"})
	w.Add(t, "packages", map[string]any{"name": "Six visits", "items": []map[string]any{{"service": testkit.Therapy, "quantity": 6}}, "price_cents": 60000, "currency": "usd"})
	w.Add(t, "shifts", map[string]any{"clinician": testkit.Ana, "location": testkit.Location, "first_day": "2026-12-01", "starts_at": "09:00", "ends_at": "17:00"})
	w.Add(t, "breaks", map[string]any{"clinician": testkit.Ana, "first_day": "2026-12-01"})
	w.Add(t, "closures", map[string]any{"name": "Holiday", "first_day": "2026-12-25"})
	w.Add(t, "waitlist_entries", map[string]any{"client": testkit.Ada, "service": testkit.Therapy, "status": "waiting"})
	w.Add(t, "group_bookings", map[string]any{"payer": testkit.Ada, "location": testkit.Location, "start_time": slot, "mode": "parallel", "status": "booked"})
	calendars(w)
	w.Add(t, "account_tokens", map[string]any{"portal_user": testkit.AdaLogin, "purpose": "verify_email", "link_hash": "x", "expires_at": slot})
	others := w.Add(t, "staff_notifications", map[string]any{"notification_type": "x", "link": "/_/", "staff": testkit.Admin, "cause": "mine"}).Id
	for name, rules := range apiRules {
		if rules.read == aboutMe {
			continue // empty as long as what fills them is off: see TestRulesOfSignIn
		}
		// a row within the reach of every role that the rule names: Ana treats Ada, and broke the glass for Uma
		col, err := w.App.FindCachedCollectionByNameOrId(name)
		if err != nil {
			t.Fatal(err)
		}
		of := "id"
		if col.Fields.GetByName("client") != nil {
			of = "client"
		}
		var id string
		err = w.App.ConcurrentDB().NewQuery("SELECT id FROM " + name + " ORDER BY " + of + " IN ('" + testkit.Ada + "', '" + testkit.Uma + "') DESC, id LIMIT 1").Row(&id)
		if err != nil {
			t.Errorf("there is no row of %s to be seen: %v", name, err)
		}
		for _, email := range append([]string{"", testkit.AdaEmail}, allStaff...) {
			list := w.api("GET", records(name), email, nil)
			view := w.api("GET", records(name)+"/"+id, email, nil)
			var seen struct{ TotalItems int }
			if list.Status == 200 {
				list.Into(t, &seen)
			}
			may := slices.Contains(rolesOf[rules.read], email)
			if (seen.TotalItems > 0) != may || (view.Status == 200) != may && name != "staff_notifications" {
				t.Errorf("%q at %s: sees %d, view %d, may see: %v", email, name, seen.TotalItems, view.Status, may)
			}
			// who may not write gets no further than the rule; who may is stopped by the record's own rules, if by any
			if !slices.Contains(rolesOf[rules.update], email) {
				if got := w.api("PATCH", records(name)+"/"+id, email, map[string]any{"id": "x"}); got.Status != 403 && got.Status != 404 {
					t.Errorf("%q changes %s: %d", email, name, got.Status)
				}
			}
			if got := w.api("DELETE", records(name)+"/"+id, email, nil); got.Status != 403 {
				t.Errorf("%q deletes from %s: %d", email, name, got.Status)
			}
		}
	}
	for _, email := range allStaff {
		if got := w.api("GET", records("staff_notifications")+"/"+others, email, nil); (got.Status == 200) != (email == testkit.AdminEmail) {
			t.Errorf("%s at somebody's notification: %d", email, got.Status)
		}
	}
}

// limited are the collections of which a clinician sees only what is about clients within reach.
var limited = []string{"appointment_history", "appointments", "care_team", "client_access", "clients", "form_submissions", "group_bookings", "invitations",
	"portal_forms", "treatment_notes", "uploads", "waitlist_entries"}

// TestCliniciansSeeNothingOutOfReach: a clinician who treats nobody is shown nothing, in lists, by id, expanded or
// filtered for.
func TestCliniciansSeeNothingOutOfReach(t *testing.T) {
	w := newWorld(t, rule{given: func(w *world) { proofs(w); visits(w); signed(w); treated(w) }})
	w.Add(t, "waitlist_entries", map[string]any{"client": testkit.Ada, "service": testkit.Therapy, "status": "waiting"})
	w.Add(t, "group_bookings", map[string]any{"payer": testkit.Ada, "location": testkit.Location, "start_time": slot, "mode": "parallel", "status": "booked"})
	const stranger = "zoe@clinic.example"
	w.Add(t, "staff", map[string]any{"id": "staffzoe0000000", "email": stranger, "password": testkit.Password, "verified": true,
		"first_name": "Zoe", "last_name": "New", "role": "clinician", "is_active": true})
	w.Add(t, "clinicians", map[string]any{"staff": "staffzoe0000000", "first_name": "Zoe", "last_name": "New", "is_active": true})
	for name, rules := range apiRules {
		if narrowed := strings.Contains(ruleTexts[rules.read], "care_team_via_client"); narrowed != slices.Contains(limited, name) {
			t.Errorf("%s: limited by care team: %v", name, narrowed)
		}
	}
	for _, name := range limited {
		var ids []string
		if err := w.App.ConcurrentDB().Select("id").From(name).Column(&ids); err != nil || len(ids) == 0 {
			t.Fatal(name, err)
		}
		for _, query := range []string{"", "?expand=client,appointment,clinician", "?filter=id!=%27%27", "?sort=-id&skipTotal=true"} {
			var seen struct{ Items []any }
			if w.api("GET", records(name)+query, stranger, nil).Into(t, &seen); len(seen.Items) != 0 {
				t.Errorf("a clinician who treats nobody sees %d of %s with %q", len(seen.Items), name, query)
			}
		}
		for _, id := range ids {
			if got := w.api("GET", records(name)+"/"+id, stranger, nil); got.Status != 404 {
				t.Errorf("a clinician who treats nobody sees one of %s: %d", name, got.Status)
			}
		}
	}
}

// cascades are the relations whose rows go with what they point at: what has no meaning alone.
var cascades = []string{"account_tokens.portal_user", "account_tokens.staff", "account_tokens.superuser"}

func TestRulesOfFields(t *testing.T) {
	c := testkit.New(t)
	hidden := map[string][]string{"clients": {"match_key"}, "portal_users": {"mfa_phone", "last_login_ip"}, "portal_sessions": {"refresh_family", "refresh_hash"},
		"account_tokens": {"code_hash", "link_hash", "old_code_hash", "target"}, "form_pdfs": {"file"}, "uploads": {"file"}, "mfa_factors": {"phone"},
		"recovery_codes": {"code_hash"}, "passkey_credentials": {"public_key"}, "remembered_devices": {"token_hash"}, "invitations": {"link_hash"},
		"calendar_feeds": {"token_hash"}}
	var cascading []string
	sealed := 0
	for _, col := range everyCollection(t, c) {
		for _, f := range col.Fields {
			name := col.Name + "." + f.GetName()
			switch f := f.(type) {
			case *core.RelationField:
				if f.CascadeDelete {
					cascading = append(cascading, name)
				}
			case *phi.EncryptedField:
				sealed++
				if !f.Hidden || f.Presentable {
					t.Errorf("%s would be shown to whoever may view its record", name)
				}
				client, _ := col.Fields.GetByName("client").(*core.RelationField)
				if own := f.Owner == "client" && client != nil && client.Required || f.Owner == core.FieldNameId && col.Name == "clients"; !own && (f.Owner != "" || client != nil) {
					t.Errorf("%s is sealed under the key of %q", name, f.Owner)
				}
			case *core.FileField:
				if !f.Protected && name != "clinic_settings.logo" {
					t.Errorf("%s is served to everybody", name)
				}
			case *core.PasswordField:
				if !f.Hidden {
					t.Errorf("%s is shown", name)
				}
			}
			if slices.Contains(hidden[col.Name], f.GetName()) && !f.GetHidden() {
				t.Errorf("%s is shown", name)
			}
		}
		for _, name := range hidden[col.Name] {
			if col.Fields.GetByName(name) == nil {
				t.Errorf("%s has no %s", col.Name, name)
			}
		}
	}
	if !slices.Equal(cascading, cascades) {
		t.Errorf("rows that go with others: %v, want %v", cascading, cascades)
	}
	if sealed < 15 {
		t.Errorf("only %d encrypted fields", sealed)
	}
}

func TestRulesOfSignIn(t *testing.T) {
	c := testkit.New(t)
	owner := c.As(t, testkit.OwnerEmail)
	for _, name := range []string{"portal_users", "staff"} {
		col, err := c.App.FindCollectionByNameOrId(name)
		if err != nil {
			t.Fatal(err)
		}
		if col.MFA.Enabled || col.OTP.Enabled || col.OAuth2.Enabled || col.AuthAlert.Enabled || !col.PasswordAuth.Enabled ||
			!slices.Equal(col.PasswordAuth.IdentityFields, []string{"email"}) || col.AuthToken.Duration != 3600 {
			t.Errorf("%s: %+v", name, col)
		}
		before := c.Snapshot(t)
		for option, value := range map[string]any{"mfa": map[string]any{"enabled": true, "duration": 600}, "otp": map[string]any{"enabled": true, "duration": 600, "length": 8},
			"oauth2": map[string]any{"enabled": true}, "authAlert": map[string]any{"enabled": true, "emailTemplate": map[string]any{"subject": "x", "body": "x"}}} {
			if got := c.Do(t, "PATCH", "/api/collections/"+name, owner, map[string]any{option: value}); got.Status != 400 {
				t.Errorf("%s of %s is switched on in development: %d", option, name, got.Status)
			}
		}
		if c.Snapshot(t) != before {
			t.Error("something changed")
		}
	}
}

// TestRulesOfTheServer: what PocketBase ships switched on, and is off here.
func TestRulesOfTheServer(t *testing.T) {
	c := testkit.With(t, func(cfg *kernel.Config) { cfg.Mode = kernel.Production })
	s := c.App.Settings()
	if s.Batch.Enabled || s.RateLimits.Enabled || s.Logs.LogIP || s.Logs.LogAuthId || s.Logs.MinLevel < 4 || !s.Meta.HideControls {
		t.Errorf("%+v", s)
	}
	if _, err := c.App.FindCollectionByNameOrId("users"); err == nil {
		t.Error("the collection that PocketBase ships for users is still there")
	}
	tables := slices.Sorted(maps.Keys(apiRules))
	for _, r := range tables {
		if got := c.Do(t, "GET", records(r), "", nil); got.Status == 200 {
			var list struct{ TotalItems int }
			if got.Into(t, &list); list.TotalItems > 0 {
				t.Errorf("a guest sees %d of %s", list.TotalItems, r)
			}
		}
	}
}
