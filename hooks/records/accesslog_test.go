package records_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
	"anteroom/hooks/records"
	"anteroom/hooks/testkit"
)

type accessPage struct {
	Entries    []records.AccessEntry `json:"entries"`
	Pagination kernel.Pagination     `json:"pagination"`
}

func accessLog(t *testing.T, c *testkit.Clinic, email, query string, headers ...string) accessPage {
	t.Helper()
	var p accessPage
	c.Do(t, "GET", kernel.Portal+"/profile/access-log"+query, c.As(t, email), nil, headers...).Data(t, &p)
	return p
}

func write(t *testing.T, c *testkit.Clinic, entries ...audit.Entry) {
	t.Helper()
	if err := audit.Read(c.App, entries...); err != nil {
		t.Fatal(err)
	}
}

func about(client, kind, id, role string, action audit.Action, resource string) audit.Entry {
	return audit.Entry{Actor: kernel.Actor{Kind: kind, ID: id, Role: role}, Client: client, Action: action, ResourceType: resource}
}

// Who looked at my record: staff by name and title, each time; oneself by day; others by name; the portal only where
// it changed something; refusals and other people's records never.
func TestWhoLookedAtMyRecord(t *testing.T) {
	c := testkit.New(t)
	ada := func(a audit.Action) audit.Entry {
		return about(testkit.Ada, kernel.KindClient, testkit.AdaLogin, "", a, audit.Appointment)
	}
	refused := about(testkit.Ada, kernel.KindStaff, testkit.Billing, kernel.RoleBilling, audit.ViewPHI, audit.Client)
	refused.Result = audit.ResultRefused
	glass := about(testkit.Ada, kernel.KindStaff, testkit.AnaStaff, kernel.RoleClinician, audit.ViewForm, audit.Form)
	glass.Details = audit.Details{"breakGlass": "glassglassglass"}
	for _, e := range []audit.Entry{
		ada(audit.ListAppointments), ada(audit.ListAppointments), ada(audit.CancelAppointment), ada(audit.CancelAppointment),
		about(testkit.Ada, kernel.KindStaff, testkit.AnaStaff, kernel.RoleClinician, audit.ViewAppointment, audit.Appointment),
		about(testkit.Ada, kernel.KindStaff, testkit.AnaStaff, kernel.RoleClinician, audit.ViewAppointment, audit.Appointment),
		glass, refused,
		about(testkit.Ada, kernel.KindOwner, "ownerownerowner", "", "VIEW_CLIENT", audit.Client),
		about(testkit.Ada, kernel.KindClient, testkit.BoLogin, "", audit.ViewProfile, audit.Client),
		about(testkit.Ada, kernel.KindStaff, "gonegonegonegon", kernel.RoleFrontDesk, audit.ViewDay, audit.Appointment),
		about(testkit.Ada, kernel.KindSystem, "", "", "CREATE_NOTIFICATION", audit.Notification),
		about(testkit.Ada, kernel.KindSystem, "", "", "VIEW_CLIENT", audit.Client),
		about(testkit.Ada, kernel.KindSystem, "", "", audit.UpdateAppointment, audit.Appointment),
		about(testkit.Ada, kernel.KindProcessor, "test", "", audit.PaymentSucceeded, audit.Payment),
		about(testkit.Bo, kernel.KindStaff, testkit.DeskStaff, kernel.RoleFrontDesk, audit.ViewPHI, audit.Client),
	} {
		write(t, c, e)
	}
	want := []string{
		"you you VIEW_ACCESS_LOG", "The payment service system PAYMENT_SUCCEEDED", "The portal system UPDATE_APPOINTMENT",
		"A former member of the staff front_desk VIEW_DAY", "Bo Marsh family VIEW_PROFILE for Ada Lovell", "Operator of the clinic's server owner VIEW_CLIENT",
		"Dr. Ana Reyes clinician VIEW_FORM glass", "Dr. Ana Reyes clinician VIEW_APPOINTMENT", "Dr. Ana Reyes clinician VIEW_APPOINTMENT",
		"you you CANCEL_APPOINTMENT", "you you CANCEL_APPOINTMENT", "you you LIST_APPOINTMENTS 2",
	}
	says := func(entries []records.AccessEntry) (out []string) {
		for _, e := range entries {
			s := e.Who + " " + e.Role + " " + e.Action
			if e.Count > 0 {
				s += fmt.Sprint(" ", e.Count)
			}
			if e.BreakGlass {
				s += " glass"
			}
			if e.OnBehalfOf != "" {
				s += " for " + e.OnBehalfOf
			}
			out = append(out, s)
		}
		return out
	}
	got := accessLog(t, c, testkit.AdaEmail, "")
	if g := says(got.Entries); !startsWith(g, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(g, "\n"), strings.Join(want, "\n"))
	}

	// page after page there is each entry once, although every page leaves a line
	var paged []string
	for page := 1; page == 1 || len(paged) < got.Pagination.Total; page++ {
		p := accessLog(t, c, testkit.AdaEmail, fmt.Sprintf("?limit=5&page=%d", page))
		if p.Pagination.Total != got.Pagination.Total || len(p.Entries) == 0 {
			t.Fatalf("page %d: %+v", page, p)
		}
		paged = append(paged, says(p.Entries)...)
	}
	if strings.Join(paged[1:], "\n") != strings.Join(says(got.Entries)[1:], "\n") {
		t.Errorf("by pages:\n%s", strings.Join(paged, "\n"))
	}

	// a day of the clinic, not of UTC: 22:30 and 23:30 in Boulder are one day, half past midnight is another
	kernel.SetNow(c.App, time.Date(2026, 12, 8, 5, 30, 0, 0, time.UTC))
	write(t, c, ada(audit.ListForms))
	c.Advance(time.Hour)
	write(t, c, ada(audit.ListForms))
	c.Advance(time.Hour)
	write(t, c, ada(audit.ListForms))
	c.Fresh(t, testkit.AdaEmail)
	if g := strings.Join(says(accessLog(t, c, testkit.AdaEmail, "").Entries), "\n"); !strings.Contains(g, "you you LIST_FORMS\nyou you LIST_FORMS 2") {
		t.Errorf("days:\n%s", g)
	}
}

func startsWith(got, want []string) bool {
	if len(got) < len(want) {
		return false
	}
	for i := range want {
		if got[i] != want[i] {
			return false
		}
	}
	return true
}

// A client reads their own log alone, a proxy that of the person they act for, and a login for the bills none.
func TestTheAccessLogIsTheClientsOwn(t *testing.T) {
	c := testkit.New(t)
	path := kernel.Portal + "/profile/access-log"
	write(t, c, about(testkit.Bo, kernel.KindStaff, testkit.DeskStaff, kernel.RoleFrontDesk, audit.ViewPHI, "SECRET"),
		about(testkit.Cleo, kernel.KindStaff, testkit.DeskStaff, kernel.RoleFrontDesk, audit.ViewPHI, audit.Client))
	c.Do(t, "GET", path, "", nil).Refused(t, http.StatusUnauthorized, "SIGN_IN_REQUIRED")
	c.Do(t, "GET", path, c.As(t, testkit.AdaEmail), nil, "X-Client-Id", testkit.Bo).Refused(t, http.StatusNotFound, "NOT_FOUND")
	if got := c.Do(t, "GET", path, c.As(t, testkit.AdaEmail), nil); strings.Contains(string(got.Body), "SECRET") {
		t.Errorf("%s", got.Body)
	}
	cleo := accessLog(t, c, testkit.AdaEmail, "", "X-Client-Id", testkit.Cleo)
	if e := cleo.Entries[0]; e.Role != "you" || e.OnBehalfOf != "Cleo Lovell" {
		t.Errorf("%+v", e)
	}
	c.Add(t, "client_access", map[string]any{"client": testkit.Ada, "portal_user": testkit.BoLogin, "relationship": "billing", "scope": "billing"})
	c.Do(t, "GET", path, c.As(t, testkit.BoEmail), nil, "X-Client-Id", testkit.Ada).Refused(t, http.StatusNotFound, "NOT_FOUND")
	c.Do(t, "GET", path+"?limit=0", c.As(t, testkit.AdaEmail), nil).Refused(t, http.StatusBadRequest, "")

	// no answer without its line
	broken := "CREATE TEMP TRIGGER broken BEFORE INSERT ON portal_audit_log BEGIN SELECT RAISE(ABORT, 'full'); END"
	token := c.As(t, testkit.AdaEmail)
	if _, err := c.App.NonconcurrentDB().NewQuery(broken).Execute(); err != nil {
		t.Fatal(err)
	}
	c.Do(t, "GET", path, token, nil).Refused(t, http.StatusServiceUnavailable, "AUDIT_UNAVAILABLE")
}
