package scheduling_test

import (
	"net/http"
	"strings"
	"testing"

	ics "github.com/arran4/golang-ical"
	"github.com/pocketbase/dbx"

	"anteroom/hooks/scheduling"
	"anteroom/hooks/testkit"
)

func TestLettersSpeakTheClientsLanguage(t *testing.T) {
	c := newClinic(t)
	change(t, c, c.Find(t, "clients", testkit.Ada), map[string]any{"language": "es"})
	first, second := ask(t, c, nil), ask(t, c, map[string]any{"preferredTime1": "13:00"})
	confirm(t, c, testkit.DeskEmail, first, map[string]any{"preference": 1})
	decline(t, c, testkit.DeskEmail, second, map[string]any{"reason": "x"})
	desk := c.As(t, testkit.DeskEmail)
	c.Do(t, http.MethodPatch, records+"/"+first, desk, map[string]any{"start_time": "2026-12-22 17:00:00.000Z"})
	c.Do(t, http.MethodPatch, records+"/"+first, desk, map[string]any{"status": "cancelled"})
	said := map[string]string{}
	for _, m := range c.Mails(t, testkit.AdaEmail) {
		said[m.Subject] = m.Text
	}
	for subject, want := range map[string]string{
		"Recibimos su solicitud":               "lunes 21 de diciembre, 10:00 a. m. (MST)",
		"Su cita en Test Clinic":               "Su cita: lunes 21 de diciembre, 10:00 a 10:50 a. m. (MST).",
		"La clínica respondió a su solicitud":  "Inicie sesión para leer la respuesta de la clínica.",
		"Su cita en Test Clinic cambió":        "Su cita ahora es: martes 22 de diciembre, 10:00 a 10:50 a. m. (MST).",
		"Su cita en Test Clinic fue cancelada": "Su cita fue cancelada: martes 22 de diciembre, 10:00 a 10:50 a. m. (MST).",
	} {
		if !strings.Contains(said[subject], want) {
			t.Errorf("%q says %q, want %q", subject, said[subject], want)
		}
	}
}

func TestWhoGetsTheMail(t *testing.T) {
	c := newClinic(t)
	c.Add(t, "portal_users", map[string]any{"id": "loginpartner000", "email": "partner@mail.example", "password": testkit.Password, "verified": true, "first_name": "Pat",
		"last_name": "Lovell", "account_status": "active"})
	for id, x := range map[string]struct {
		scope, status, expires string
		verified               bool
	}{
		"loginbilling000": {"billing", "active", "", true}, "loginsuspended0": {"all", "suspended", "", true},
		"loginexpired000": {"all", "active", "2026-12-01 00:00:00.000Z", true}, "loginunproven00": {"all", "active", "", false},
	} {
		c.Add(t, "portal_users", map[string]any{"id": id, "email": id + "@mail.example", "password": testkit.Password, "verified": x.verified, "first_name": "X",
			"last_name": "Y", "account_status": x.status})
		c.Add(t, "client_access", map[string]any{"client": testkit.Ada, "portal_user": id, "relationship": "partner", "scope": x.scope, "expires_at": x.expires})
	}
	c.Add(t, "client_access", map[string]any{"client": testkit.Ada, "portal_user": "loginpartner000", "relationship": "partner", "scope": "appointments_forms"})
	id := ask(t, c, nil)
	confirm(t, c, testkit.DeskEmail, id, map[string]any{"preference": 1})
	settled(t, c)
	for to, want := range map[string]int{testkit.AdaEmail: 2, "partner@mail.example": 2, "loginbilling000@mail.example": 0, "loginsuspended0@mail.example": 0, "loginexpired000@mail.example": 0, "loginunproven00@mail.example": 0} {
		if n := len(c.Mails(t, to)); n != want {
			t.Errorf("%s gets %d mails, want %d", to, n, want)
		}
	}

	// a client whom no login stands for hears at the address the clinic has
	umas := c.Do(t, http.MethodPost, records, c.As(t, testkit.DeskEmail), map[string]any{"client": testkit.Uma, "clinician": testkit.Ben, "service": testkit.Therapy,
		"location": testkit.Location, "status": "confirmed", "service_location": "in_office", "start_time": "2026-12-28 17:00:00.000Z", "requested_via": "phone"})
	if umas.Status != http.StatusOK {
		t.Fatalf("%d %s", umas.Status, umas.Body)
	}
	if n := len(c.Mails(t, testkit.UmaEmail)); n != 1 {
		t.Errorf("Uma gets %d mails, want 1", n)
	}
}

func TestImportsTellNobody(t *testing.T) {
	c := newClinic(t)
	id := book(t, c, nil).Id
	book(t, c, map[string]any{"status": "completed", "start_time": at("2026-11-02T17:00:00Z")})
	if n := c.Count(t, "outbox", "", nil) + c.Count(t, "portal_notifications", "", nil) + c.Count(t, "staff_notifications", "", nil); n != 0 {
		t.Errorf("%d letters of what is known", n)
	}
	if n := c.Count(t, "appointment_history", "appointment = {:id} AND actor_kind = 'system'", dbx.Params{"id": id}); n != 1 {
		t.Errorf("%d rows of history, want 1", n)
	}
}

// What cannot be told is not done: the decision, its history and its letters are one transaction.
func TestDecisionFailsWithItsLetters(t *testing.T) {
	c := newClinic(t)
	id := ask(t, c, nil)
	everybodySignsIn(t, c)
	settled(t, c)
	if _, err := c.App.DB().NewQuery("CREATE TRIGGER no_mail BEFORE INSERT ON outbox BEGIN SELECT RAISE(ABORT, 'the disk is full'); END").Execute(); err != nil {
		t.Fatal(err)
	}
	before := settled(t, c)
	confirm(t, c, testkit.DeskEmail, id, map[string]any{"preference": 1}).Refused(t, http.StatusInternalServerError, "INTERNAL_ERROR")
	if settled(t, c) != before {
		t.Error("half a decision was kept")
	}
	if n := audited(t, c, "CONFIRM_APPOINTMENT", id); n != 0 {
		t.Errorf("%d audit lines of what did not happen", n)
	}
}

// TestCredentialsFollowTheName, and a form of address stands before it.
func TestCredentialsFollowTheName(t *testing.T) {
	for title, want := range map[string]string{"Dr.": "Dr. Ana Reyes", "Dra.": "Dra. Ana Reyes", "Prof": "Prof Ana Reyes", "Mrs.": "Mrs. Ana Reyes",
		"LCSW": "Ana Reyes, LCSW", "Ph.D.": "Ana Reyes, Ph.D.", "": "Ana Reyes"} {
		if got := scheduling.NameOf(title, "Ana", "Reyes"); got != want {
			t.Errorf("%q: %s, want %s", title, got, want)
		}
	}
	c := newClinic(t)
	settings, err := c.App.FindFirstRecordByFilter("clinic_settings", "id != ''")
	if err != nil {
		t.Fatal(err)
	}
	settings.Set("mail_names_details", true)
	if err := c.App.Save(settings); err != nil {
		t.Fatal(err)
	}
	confirm(t, c, testkit.DeskEmail, ask(t, c, map[string]any{"clinicianId": testkit.Ben}), map[string]any{"preference": 1})
	settled(t, c)
	booked := c.Mails(t, testkit.AdaEmail)[0]
	if !strings.Contains(booked.Text, "Individual therapy with Ben Carter, LCSW") {
		t.Error(booked.Text)
	}
	if d := value(event(t, booked.Attachments[0].ContentBase64), ics.ComponentPropertyDescription); !strings.Contains(d, "with Ben Carter, LCSW") {
		t.Error(d)
	}
}
