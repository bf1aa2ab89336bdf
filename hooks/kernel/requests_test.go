package kernel_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pocketbase/pocketbase/tools/router"

	"anteroom/collections"
	"anteroom/hooks/kernel"
	"anteroom/hooks/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func request() map[string]any {
	return map[string]any{"appointmentType": testkit.Therapy, "clinicianId": testkit.Ana, "preferredDate1": "2026-12-21", "preferredTime1": "10:00",
		"serviceLocation": "IN_OFFICE", "reasonForVisit": "I sleep badly."}
}

const ask = kernel.Portal + "/appointments/request"

func TestAnIdempotencyKeyActsOnce(t *testing.T) {
	c := testkit.New(t)
	ada := c.As(t, testkit.AdaEmail)
	first := c.Do(t, "POST", ask, ada, request(), "Idempotency-Key", "one")
	again := c.Do(t, "POST", ask, ada, request(), "Idempotency-Key", "one")
	if first.Status != 201 || again.Status != 201 || string(first.Body) != string(again.Body) || again.Header.Get("Idempotent-Replayed") != "true" {
		t.Fatalf("%d %s\n%d %s", first.Status, first.Body, again.Status, again.Body)
	}
	if n := c.Count(t, "appointments", "status = 'requested'", nil); n != 1 {
		t.Fatalf("%d requests", n)
	}
	other := request()
	other["preferredTime1"] = "11:00"
	c.Do(t, "POST", ask, ada, other, "Idempotency-Key", "one").Refused(t, http.StatusConflict, "IDEMPOTENCY_KEY_REUSED")
	// another login's key of the same name is another key
	if got := c.Do(t, "POST", ask, c.As(t, testkit.BoEmail), request(), "Idempotency-Key", "one"); got.Status != 201 {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	// for another person of the same login it is another request
	c.Do(t, "POST", ask, ada, request(), "Idempotency-Key", "one", "X-Client-Id", testkit.Cleo).Refused(t, http.StatusConflict, "IDEMPOTENCY_KEY_REUSED")
	c.Advance(25 * time.Hour)
	if got := c.Do(t, "POST", ask, c.Fresh(t, testkit.AdaEmail), other, "Idempotency-Key", "one"); got.Status != 201 || got.Header.Get("Idempotent-Replayed") != "" {
		t.Fatalf("a day later the key is new: %d %s", got.Status, got.Body)
	}
}

func TestARefusedRequestMayBeCorrectedUnderItsKey(t *testing.T) {
	c := testkit.New(t)
	ada := c.As(t, testkit.AdaEmail)
	bad := request()
	bad["preferredDate1"] = "2020-01-01"
	if got := c.Do(t, "POST", ask, ada, bad, "Idempotency-Key", "fix"); got.Status != 400 {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	if got := c.Do(t, "POST", ask, ada, request(), "Idempotency-Key", "fix"); got.Status != 201 {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	c.Do(t, "POST", ask, ada, request(), "Idempotency-Key", strings.Repeat("x", 256)).Refused(t, 400, "IDEMPOTENCY_KEY_INVALID")
}

func TestTwentyAtOnceWithOneKey(t *testing.T) {
	c := testkit.New(t)
	ada := c.As(t, testkit.AdaEmail)
	var wg sync.WaitGroup
	var mu sync.Mutex
	statuses := map[int]int{}
	for range 20 {
		wg.Go(func() {
			got := c.Do(t, "POST", ask, ada, request(), "Idempotency-Key", "rush")
			mu.Lock()
			statuses[got.Status]++
			mu.Unlock()
		})
	}
	wg.Wait()
	if n := c.Count(t, "appointments", "status = 'requested'", nil); n != 1 || statuses[201]+statuses[409]+statuses[429] != 20 {
		t.Fatalf("%d requests from %v", n, statuses)
	}
}

func TestBodiesThatAreRefused(t *testing.T) {
	c := testkit.New(t)
	ada := c.As(t, testkit.AdaEmail)
	before := c.Snapshot(t)
	for name, x := range map[string]struct {
		body    any
		headers []string
		status  int
		reason  string
	}{
		"a form post":       {"reasonForVisit=x", []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, "UNSUPPORTED_MEDIA_TYPE"},
		"text":              {"hello", []string{"Content-Type", "text/plain"}, 415, "UNSUPPORTED_MEDIA_TYPE"},
		"no JSON":           {`{"reasonForVisit": `, nil, 400, "MALFORMED"},
		"two values":        {`{} {}`, nil, 400, "MALFORMED"},
		"the wrong kind":    {`{"reasonForVisit": 7}`, nil, 400, "MALFORMED"},
		"an array":          {`[]`, nil, 400, "MALFORMED"},
		"a hundred MB":      {strings.Repeat(" ", 100<<20) + "{}", nil, 413, "BODY_TOO_LARGE"},
		"a million levels":  {strings.Repeat(`[`, 500_000) + strings.Repeat(`]`, 500_000), nil, 400, "MALFORMED"},
		"levels in a field": {`{"reasonForVisit":` + strings.Repeat(`{"a":`, 100_000) + `1` + strings.Repeat(`}`, 100_000) + `}`, nil, 400, "MALFORMED"},
	} {
		start := time.Now()
		c.Do(t, "POST", ask, ada, x.body, x.headers...).Refused(t, x.status, x.reason)
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("%s took %v", name, took)
		}
	}
	if after := c.Snapshot(t); after != before {
		t.Error("a refused body changed something")
	}
}

// TestAFieldOfTheWrongKindIsNamedAsSent: also one of an embedded struct, and one in a list.
func TestAFieldOfTheWrongKindIsNamedAsSent(t *testing.T) {
	c := testkit.New(t)
	for body, field := range map[string]string{
		`{"email":7,"password":"x"}`:                                "email",
		`{"email":"ada@x.example","password":"x","mfaCode":123456}`: "mfaCode",
		`{"mfaToken":[],"mfaCode":"1"}`:                             "mfaToken",
		`{"rememberDevice":"yes"}`:                                  "rememberDevice",
	} {
		refused := c.Do(t, "POST", kernel.Portal+"/auth/login", "", body).Refused(t, 400, "MALFORMED")
		if _, named := refused.Details.Fields[field]; !named || len(refused.Details.Fields) != 1 {
			t.Errorf("%s: %v", body, refused.Details)
		}
	}
}

func TestAWholeWorldOfUnknownPaths(t *testing.T) {
	c := testkit.New(t)
	for _, path := range []string{"/api/v1/portal", "/api/v1/portal/nothing", "/api/v1/desk/nothing", "/api/v1/portal/appointments/a/b/c", "/api/v1/other"} {
		for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
			c.Do(t, method, path, c.As(t, testkit.AdaEmail), nil).Refused(t, http.StatusNotFound, "NOT_FOUND")
		}
	}
}

func TestLimitsAnswerWithWhenToComeBack(t *testing.T) {
	c := testkit.New(t)
	ada := c.As(t, testkit.AdaEmail)
	for i := range 30 {
		got := c.Do(t, "GET", kernel.Portal+"/appointments", ada, nil)
		if got.Status != 200 || got.Header.Get("RateLimit-Limit") != "30" {
			t.Fatalf("call %d: %d %v", i, got.Status, got.Header)
		}
	}
	got := c.Do(t, "GET", kernel.Portal+"/appointments", ada, nil)
	got.Refused(t, http.StatusTooManyRequests, "RATE_LIMITED")
	if got.Header.Get("Retry-After") == "" || got.Header.Get("RateLimit-Remaining") != "0" {
		t.Fatalf("%v", got.Header)
	}
	if other := c.Do(t, "GET", kernel.Portal+"/appointments", c.As(t, testkit.BoEmail), nil); other.Status != 200 {
		t.Fatal("one login's calls are counted to another")
	}
	c.Advance(61 * time.Second)
	if again := c.Do(t, "GET", kernel.Portal+"/appointments", ada, nil); again.Status != 200 {
		t.Fatalf("a minute later: %d", again.Status)
	}
}

func TestALoginCannotAskForEver(t *testing.T) {
	c := testkit.New(t)
	c.Limit(t, collections.LimitRequests, 5, 60)
	ada := c.As(t, testkit.AdaEmail)
	for i := range 5 {
		if got := c.Do(t, "GET", kernel.Portal+"/profile", ada, nil); got.Status != http.StatusOK {
			t.Fatalf("call %d: %d", i, got.Status)
		}
	}
	lines := c.Count(t, "portal_audit_log", "action = 'VIEW_PROFILE'", nil)
	c.Do(t, "GET", kernel.Portal+"/forms", ada, nil).Refused(t, http.StatusTooManyRequests, "RATE_LIMITED")
	if c.Count(t, "portal_audit_log", "action = 'VIEW_PROFILE'", nil) != lines {
		t.Error("a refused call was counted as a read")
	}
	if got := c.Do(t, "GET", kernel.Portal+"/profile", c.As(t, testkit.BoEmail), nil); got.Status != http.StatusOK {
		t.Fatalf("another login: %d", got.Status)
	}
}

func TestPagesOfAListAreChecked(t *testing.T) {
	c := testkit.New(t)
	ada := c.As(t, testkit.AdaEmail)
	for _, q := range []string{"limit=0", "limit=101", "limit=x", "page=0", "page=-1", "offset=-1", "limit=1e3"} {
		c.Do(t, "GET", kernel.Portal+"/notifications?"+q, ada, nil).Refused(t, http.StatusBadRequest, "VALIDATION_ERROR")
	}
}

func TestSettingsThatWouldBreakTheClinicAreRefused(t *testing.T) {
	c := testkit.New(t)
	r, err := c.App.FindFirstRecordByFilter("clinic_settings", "id != ''")
	if err != nil {
		t.Fatal(err)
	}
	c.As(t, testkit.OwnerEmail)
	c.As(t, testkit.AdminEmail)
	before := c.Snapshot(t)
	for field, bad := range map[string][]any{
		"time_zone":        {"", "Mars/Base", "Local"},
		"idle_minutes":     {1, 9999999},
		"absolute_hours":   {48},
		"password_length":  {1, 7},
		"lockout_failures": {1},
		"lockout_minutes":  {1},
		"limits": {"nonsense", []int{1}, map[string]any{"no_such": map[string]int{"max": 1, "seconds": 1}}, map[string]any{"payments": map[string]int{"max": -1, "seconds": 1}}, map[string]any{"payments": map[string]int{"max": 5}},
			// what keeps guessing down is neither off nor as good as off
			limit("register", 0, 3600), limit("send_mail", 0, 0), limit("sign_in_address", 0, 900), limit("sign_in_account", 0, 300),
			limit("sign_in_spray", 0, 900), limit("sign_in_clinic", 0, 900), limit("second_factor", 0, 900),
			limit("register", 1000, 3600), limit("sign_in_address", 5, 1), limit("sign_in_account", 1_000_000, 300),
			limit("sign_in_clinic", 300, 10_000_000), limit("second_factor", 1, 900), limit("sign_in_spray", 50, -900),
			map[string]any{"sign_in_clinic": nil}, map[string]any{"sign_in_clinic": map[string]float64{"max": 300.5, "seconds": 900}},
			map[string]any{"sign_in_clinic": map[string]string{"max": "300", "seconds": "900"}}},
	} {
		for _, value := range bad {
			// the dashboard's door: the owner, and an admin of the clinic
			for _, who := range []string{testkit.OwnerEmail, testkit.AdminEmail} {
				got := c.Do(t, "PATCH", "/api/collections/clinic_settings/records/"+r.Id, c.As(t, who), map[string]any{field: value})
				if got.Status != http.StatusBadRequest || !strings.Contains(string(got.Body), field) {
					t.Errorf("%s = %v by %s: %d %s", field, value, who, got.Status, got.Body)
				}
			}
		}
	}
	if c.Snapshot(t) != before {
		t.Error("a refused setting was kept")
	}
	got := c.Do(t, "PATCH", "/api/collections/clinic_settings/records/"+r.Id, c.As(t, testkit.AdminEmail), map[string]any{"limits": limit("sign_in_clinic", 0, 900)})
	if !strings.Contains(string(got.Body), "For sign_in_clinic choose max from 50 to 2000, and seconds from 300 to 86400.") {
		t.Errorf("what may be chosen is not said: %s", got.Body)
	}
	good := map[string]any{"idle_minutes": 20, "time_zone": "Europe/Madrid", "limits": map[string]any{"appointments_list": map[string]int{"max": 0}}}
	if got := c.Do(t, "PATCH", "/api/collections/clinic_settings/records/"+r.Id, c.As(t, testkit.AdminEmail), good); got.Status != http.StatusOK {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
}

func limit(name string, most, seconds int) map[string]any {
	return map[string]any{name: map[string]int{"max": most, "seconds": seconds}}
}

// A rule that was kept before there were bounds does not switch a protection off.
func TestALimitBeyondItsBoundsIsTheDefault(t *testing.T) {
	c := testkit.New(t)
	_, err := c.App.NonconcurrentDB().NewQuery(`UPDATE clinic_settings SET limits = '{"sign_in_clinic": {"max": 0}, "payments": {"max": 7, "seconds": 60}}'`).Execute()
	if err != nil {
		t.Fatal(err)
	}
	collections.ForgetSettings(c.App)
	s := collections.Settings(c.App)
	if got := s.Limit(collections.LimitSignInClinic); got != (collections.LimitRule{Max: 300, Seconds: 900}) {
		t.Error(got)
	}
	if got := s.Limit(collections.LimitPayments); got.Max != 7 {
		t.Error(got)
	}
}

func TestTheDashboardIsToldWhyARuleRefuses(t *testing.T) {
	err := kernel.Conflict("ALREADY_SUBMITTED", "This form was already sent.")
	var api *router.ApiError
	if !errors.As(fmt.Errorf("save: %w", err), &api) || api.Status != http.StatusConflict || !strings.Contains(api.Message, "already sent") {
		t.Fatalf("%+v", api)
	}
}
