package scheduling_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/hooks/kernel"
	"anteroom/hooks/outbox"
	"anteroom/hooks/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

const (
	visits   = kernel.Portal + "/appointments"
	asking   = visits + "/request"
	requests = kernel.Desk + "/requests"
	records  = "/api/collections/appointments/records"
)

// newClinic is a furnished clinic whose limits do not get in the way of tables of refusals.
func newClinic(t testing.TB) *testkit.Clinic {
	t.Helper()
	c := testkit.New(t)
	settings(t, c, map[string]any{"limits": map[string]any{"appointments_create": map[string]int{"max": 100000, "seconds": 1},
		"appointments_list": map[string]int{"max": 1000000, "seconds": 1}, "waitlist": map[string]int{"max": 100000, "seconds": 1}, "availability": map[string]int{"max": 100000, "seconds": 1}}})
	return c
}

// settings changes the clinic's one row.
func settings(t testing.TB, c *testkit.Clinic, values map[string]any) {
	t.Helper()
	r, err := c.App.FindFirstRecordByFilter("clinic_settings", "id != ''")
	if err != nil {
		t.Fatal(err)
	}
	change(t, c, r, values)
}

func change(t testing.TB, c *testkit.Clinic, r *core.Record, values map[string]any) {
	t.Helper()
	for k, v := range values {
		r.Set(k, v)
	}
	if err := kernel.SaveAs(c.App, kernel.System(), r); err != nil {
		t.Fatal(err)
	}
}

// body is a request that is in order: two Mondays hence at 10:00 in Boulder, and an alternative.
func body(changes map[string]any) map[string]any {
	b := map[string]any{"appointmentType": testkit.Therapy, "clinicianId": testkit.Ana, "serviceLocation": "IN_OFFICE",
		"preferredDate1": "2026-12-21", "preferredTime1": "10:00", "preferredDate2": "2026-12-22", "preferredTime2": "15:30",
		"reasonForVisit": "I sleep badly.", "notes": "Mornings are best."}
	for k, v := range changes {
		if v == nil {
			delete(b, k)
		} else {
			b[k] = v
		}
	}
	return b
}

// ask sends a request as Ada and gives its id.
func ask(t testing.TB, c *testkit.Clinic, changes map[string]any, headers ...string) string {
	t.Helper()
	got := c.Do(t, http.MethodPost, asking, c.As(t, testkit.AdaEmail), body(changes), headers...)
	if got.Status != http.StatusCreated {
		t.Fatalf("the request was refused: %d %s", got.Status, got.Body)
	}
	var out struct {
		RequestID string `json:"requestId"`
	}
	got.Data(t, &out)
	return out.RequestID
}

// book writes an agreed visit as the system.
func book(t testing.TB, c *testkit.Clinic, changes map[string]any) *core.Record {
	t.Helper()
	values := map[string]any{"client": testkit.Ada, "clinician": testkit.Ana, "service": testkit.Therapy, "location": testkit.Location,
		"status": "confirmed", "service_location": "in_office", "requested_via": "phone", "start_time": at("2026-12-21T17:00:00Z")}
	for k, v := range changes {
		values[k] = v
	}
	return c.Add(t, "appointments", values)
}

func at(s string) time.Time {
	v, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return v
}

// actors by the door they would come through.
func deskActor() kernel.Actor {
	return kernel.Actor{Kind: kernel.KindStaff, ID: testkit.DeskStaff, Role: kernel.RoleFrontDesk}
}

func adaActor() kernel.Actor {
	return kernel.Actor{Kind: kernel.KindClient, ID: testkit.AdaLogin, Client: testkit.Ada}
}

// audited counts lines of an action about a record.
func audited(t testing.TB, c *testkit.Clinic, action, id string) int {
	t.Helper()
	return c.Count(t, "portal_audit_log", "action = {:a} AND resource_id = {:id} AND result = 'ok'", dbx.Params{"a": action, "id": id})
}

func object(t testing.TB, raw []byte) map[string]any {
	t.Helper()
	out := map[string]any{}
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatalf("%v in %s", err, raw)
	}
	return out
}

// settled is a snapshot taken when nothing waits to be delivered: the outbox works on its own.
func settled(t testing.TB, c *testkit.Clinic) string {
	t.Helper()
	for range 200 {
		if c.Count(t, "outbox", "status = 'waiting'", nil) == 0 {
			return c.Snapshot(t)
		}
		c.Deliver()
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal("the outbox does not empty")
	return ""
}

func newRequest(path, token string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Header.Set("Authorization", token)
	return r
}

// serve is Do without the reading and checking of the answer, for benchmarks.
func serve(c *testkit.Clinic, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	c.Handler.ServeHTTP(w, r)
	return w
}

type mail = outbox.Stored

// everybodySignsIn now, because signing in changes the account and a snapshot would see it.
func everybodySignsIn(t testing.TB, c *testkit.Clinic) {
	t.Helper()
	for _, email := range []string{testkit.AdaEmail, testkit.BoEmail, testkit.AnaEmail, testkit.DeskEmail, testkit.AdminEmail, testkit.BillingEmail, testkit.OwnerEmail} {
		c.As(t, email)
	}
}
