package hooks_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/hooks/kernel"
	"anteroom/hooks/testkit"
)

// bodies are what routes need to say yes; what is not here is asked with what their ids give.
var bodies = map[string]map[string]any{
	"PATCH /api/v1/portal/forms/{id}":                {"responses": map[string]any{}, "draftVersion": 0},
	"POST /api/v1/portal/appointments/request":       {"appointmentType": testkit.Therapy, "serviceLocation": "IN_OFFICE", "reasonForVisit": "x", "preferredDate1": "2026-12-21", "preferredTime1": "10:00"},
	"POST /api/v1/portal/waitlist":                   {"serviceId": testkit.Therapy, "clinicianId": testkit.Ben},
	"POST /api/v1/desk/waitlist":                     {"clientId": testkit.Ada, "serviceId": testkit.Therapy, "clinicianId": testkit.Ben},
	"POST /api/v1/desk/waitlist/{id}/offer":          {"startTime": "2026-12-21T10:00", "practitionerId": testkit.Ana},
	"POST /api/v1/portal/group-bookings/{id}/cancel": {"reason": "Ill."},
	"POST /api/v1/desk/group-bookings": {"locationId": testkit.Location, "startTime": "2026-12-21T10:00", "mode": "parallel", "payerClientId": testkit.Ada,
		"members": []map[string]any{{"clientId": testkit.Ada, "serviceId": testkit.Therapy}, {"firstName": "Zoe", "serviceId": testkit.Therapy}}},
	"POST /api/v1/portal/appointments":                  {"serviceId": testkit.Therapy, "locationId": testkit.Location, "serviceLocation": "IN_OFFICE", "startTime": "2026-12-21T17:00:00Z"},
	"POST /api/v1/desk/appointments":                    {"serviceId": testkit.Therapy, "locationId": testkit.Location, "serviceLocation": "IN_OFFICE", "startTime": "2026-12-21T17:00:00Z"},
	"PATCH /api/v1/portal/appointments/{id}":            {"patientNotes": "I come by bus."},
	"DELETE /api/v1/portal/appointments/{id}":           {"reason": "I am ill."},
	"POST /api/v1/portal/appointments/{id}/cancel":      {"reason": "I am ill."},
	"POST /api/v1/portal/appointments/{id}/reschedule":  {"startTime": "2026-12-21T10:00"},
	"POST /api/v1/desk/appointments/{id}/move":          {"status": "cancelled", "reason": "Ana is ill."},
	"POST /api/v1/desk/appointments/{id}/reschedule":    {"startTime": "2026-12-21T10:00", "reason": "Ana is away."},
	"POST /api/v1/desk/requests/{id}/confirm":           {"preference": 1},
	"POST /api/v1/desk/requests/{id}/decline":           {"reason": "Full."},
	"POST /api/v1/desk/invoices":                        {"clientId": testkit.Ada, "items": []map[string]any{{"description": "Session", "quantity": 1, "unitCents": 100}}, "dueOn": "2026-12-31"},
	"POST /api/v1/desk/invitations":                     {"clientId": testkit.Ada, "email": "kim@mail.example", "relationship": "partner", "scope": "billing"},
	"POST /api/v1/portal/profile/access":                {"email": "kim@mail.example", "relationship": "partner", "scope": "billing"},
	"POST /api/v1/portal/auth/register":                 {"email": testkit.UmaEmail, "password": "Another-Harbour-43", "firstName": "Uma", "lastName": "Dahl", "dateOfBirth": "1977-07-07"},
	"POST /api/v1/portal/auth/forgot-password":          {"email": testkit.AdaEmail},
	"POST /api/v1/portal/auth/magic-link":               {"email": testkit.AdaEmail},
	"POST /api/v1/portal/auth/resend-verification":      {"email": testkit.AdaEmail},
	"POST /api/v1/portal/auth/login":                    {"email": testkit.AdaEmail, "password": testkit.Password},
	"POST /api/v1/portal/auth/change-password":          {"currentPassword": testkit.Password, "newPassword": "Another-Harbour-43"},
	"POST /api/v1/portal/auth/change-email":             {"email": "new@mail.example"},
	"POST /api/v1/portal/auth/reauthenticate":           {"password": testkit.Password},
	"PATCH /api/v1/portal/auth/passkeys/{id}":           {"name": "Laptop"},
	"POST /api/v1/desk/portal-users/{id}/suspend":       {"reason": "Asked by phone."},
	"POST /api/v1/desk/portal-users/{id}/sign-out":      {"reason": "Asked by phone."},
	"POST /api/v1/desk/portal-users/{id}/reset-factors": {"reason": "Asked by phone.", "identityCheck": "in_person"},
	"POST /api/v1/desk/access/{id}/end":                 {"reason": "Asked by phone."},
}

// TestNoBodySetsWhatItsRouteDoesNotAskFor sends to every route that changes something, beside what it asks for, every
// column of every collection under both of its names. None of those values may be found in any record afterwards,
// encrypted fields opened (OWASP API3:2023, mass assignment).
func TestNoBodySetsWhatItsRouteDoesNotAskFor(t *testing.T) {
	said := 0
	first := newStage(t, everyAsker[1])
	columns := map[string]bool{}
	for _, col := range everyCollection(t, first.Clinic) {
		for _, f := range col.Fields {
			columns[f.GetName()], columns[camel(f.GetName())] = true, true
		}
	}
	for _, r := range kernel.Routes(first.App) {
		if r.Method == http.MethodGet {
			continue
		}
		name := r.Method + " " + r.Path
		v := everyAsker[1] // Ada about herself
		if r.Access == kernel.Staff {
			v = everyAsker[8] // an admin, about Bo
		}
		s := newStage(t, v)
		body := map[string]any{"clientId": v.about, "invoiceId": s.ids["invoices"]}
		maps.Copy(body, bodies[name])
		asked := askedFor(t, name)
		evil := map[string]string{}
		for column := range columns {
			if _, given := body[column]; !given && !asked[strings.ToLower(column)] {
				evil[column] = fmt.Sprintf("planted%dx", len(evil))
				body[column] = evil[column]
			}
		}
		token := ""
		if v.email != "" && r.Access != kernel.Public {
			token = s.As(t, v.email)
		}
		path := s.addresses(endpoint{r.Method, r.Path}, r.Owns)[0]
		got := s.Do(t, r.Method, path, token, body, "Idempotency-Key", "planted")
		if got.Status < 300 {
			said++
		}
		if everything := s.opened(t); strings.Contains(everything, "planted") {
			for column, value := range evil {
				if strings.Contains(everything, value) {
					t.Errorf("%s (%d) stored %q, which it does not ask for", name, got.Status, column)
				}
			}
		}
		if strings.Contains(string(got.Body), "planted") {
			t.Errorf("%s gives back what it was not asked for: %s", name, got.Body)
		}
	}
	if said < 18 {
		t.Errorf("only %d routes said yes, so the others prove little", said)
	}
}

func camel(snake string) string {
	parts := strings.Split(snake, "_")
	for i, p := range parts[1:] {
		if p != "" {
			parts[i+1] = strings.ToUpper(p[:1]) + p[1:]
		}
	}
	return strings.Join(parts, "")
}

// askedFor are the properties of a route's body in docs/openapi.yaml, in lower case: Go matches names in any case.
func askedFor(t *testing.T, route string) map[string]bool {
	t.Helper()
	doc, err := testkit.Contract()
	if err != nil {
		t.Fatal(err)
	}
	method, path, _ := strings.Cut(route, " ")
	item := doc.Paths.Value(path)
	if item == nil || item.GetOperation(method) == nil {
		t.Fatalf("%s is not in docs/openapi.yaml", route)
	}
	out := map[string]bool{}
	var add func(s *openapi3.SchemaRef)
	add = func(s *openapi3.SchemaRef) {
		if s == nil || s.Value == nil {
			return
		}
		for name := range s.Value.Properties {
			out[strings.ToLower(name)] = true
		}
		for _, list := range [][]*openapi3.SchemaRef{s.Value.AllOf, s.Value.AnyOf, s.Value.OneOf} {
			for _, other := range list {
				add(other)
			}
		}
	}
	if b := item.GetOperation(method).RequestBody; b != nil && b.Value != nil {
		for _, media := range b.Value.Content {
			add(media.Schema)
		}
	}
	return out
}

// opened is every record of every collection as JSON, hidden and encrypted fields too, but for the answers and mails
// that are kept sealed: they repeat what was said.
func (s *stage) opened(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	for _, col := range everyCollection(t, s.Clinic) {
		if col.Name == "outbox" || col.Name == "idempotency_keys" {
			continue
		}
		records := []*core.Record{}
		if err := s.App.RecordQuery(col).All(&records); err != nil {
			t.Fatal(err)
		}
		for _, r := range records {
			values := map[string]any{}
			for _, f := range col.Fields {
				values[f.GetName()] = r.Get(f.GetName())
			}
			raw, err := json.Marshal(values)
			if err != nil {
				t.Fatal(err)
			}
			b.Write(raw)
		}
	}
	return b.String()
}
