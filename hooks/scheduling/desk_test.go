package scheduling_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pocketbase/dbx"

	"anteroom/collections"
	"anteroom/hooks/kernel"
	"anteroom/hooks/scheduling"
	"anteroom/hooks/testkit"
)

func confirm(t testing.TB, c *testkit.Clinic, email, id string, body map[string]any) *testkit.Response {
	t.Helper()
	return c.Do(t, http.MethodPost, requests+"/"+id+"/confirm", c.As(t, email), body)
}

func decline(t testing.TB, c *testkit.Clinic, email, id string, body map[string]any) *testkit.Response {
	t.Helper()
	return c.Do(t, http.MethodPost, requests+"/"+id+"/decline", c.As(t, email), body)
}

func TestConfirmTellsEverybody(t *testing.T) {
	c := newClinic(t)
	c.Add(t, "rooms", map[string]any{"id": "roomroomroom000", "name": "Quiet room", "location": testkit.Location, "kind": "room", "capacity": 1, "is_active": true})
	id := ask(t, c, nil)
	got := confirm(t, c, testkit.DeskEmail, id, map[string]any{"preference": 2, "roomId": "roomroomroom000", "note": "Asked twice already."})
	if got.Status != http.StatusOK {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	var item scheduling.Appointment
	got.Data(t, &item)
	if item.Status != "confirmed" || item.StartTime != "2026-12-22T22:30:00Z" || item.LocalStart != "15:30" || item.Display != "Tuesday, December 22, 3:30 to 4:20 pm" {
		t.Errorf("%+v", item)
	}
	r := c.Find(t, "appointments", id)
	for field, want := range map[string]string{"decided_by": testkit.DeskStaff, "room": "roomroomroom000", "staff_notes": "Asked twice already.", "hold_start": "2026-12-22 22:30:00.000Z",
		"hold_end": "2026-12-22 23:30:00.000Z", "local_date": "2026-12-22", "clinician": testkit.Ana, "lead_staff": testkit.AnaStaff, "ics_sequence": "0"} {
		if got := r.GetString(field); got != want {
			t.Errorf("%s is %q, want %q", field, got, want)
		}
	}
	if n := audited(t, c, "CONFIRM_APPOINTMENT", id); n != 1 {
		t.Errorf("%d audit lines, want 1", n)
	}
	if n := c.Count(t, "appointment_history", "appointment = {:id} AND from_status = 'requested' AND to_status = 'confirmed' AND actor_kind = 'staff' AND actor = {:desk}",
		dbx.Params{"id": id, "desk": testkit.DeskStaff}); n != 1 {
		t.Errorf("%d rows of history, want 1", n)
	}
	var notices struct {
		Notifications []struct{ Type, Title, Message, Link string } `json:"notifications"`
	}
	c.Do(t, http.MethodGet, kernel.Portal+"/notifications", c.As(t, testkit.AdaEmail), nil).Data(t, &notices)
	if len(notices.Notifications) != 1 || notices.Notifications[0].Type != "appointment_confirmed" || notices.Notifications[0].Link != "/appointments/"+id ||
		notices.Notifications[0].Message != "Tuesday, December 22, 3:30 to 4:20 pm (MST). Individual therapy with Dr. Ana Reyes." {
		t.Errorf("notices are %+v", notices.Notifications)
	}
	mails := c.Mails(t, testkit.AdaEmail)
	i := slices.IndexFunc(mails, func(m mail) bool { return m.Subject == "Your appointment at Test Clinic" })
	if len(mails) != 2 || i < 0 {
		t.Fatalf("mails are %+v", mails)
	}
	m := mails[i]
	for _, want := range []string{"You're booked for Tuesday, December 22, 3:30 to 4:20 pm (MST).", "Main Street, 1 Main Street, Boulder, CO 80301", "http://portal.example/appointments/" + id} {
		if !strings.Contains(m.Text, want) {
			t.Errorf("the mail does not say %q:\n%s", want, m.Text)
		}
	}
	if len(m.Attachments) != 1 || m.Attachments[0].FileName != "appointment.ics" {
		t.Fatalf("attachments are %+v", m.Attachments)
	}
	refuseDetails(t, m.Subject+m.Text+m.HTML+string(m.Attachments[0].ContentBase64))
}

func TestConfirmAtAnotherTime(t *testing.T) {
	c := newClinic(t)
	id := ask(t, c, nil)
	got := confirm(t, c, testkit.AnaEmail, id, map[string]any{"startTime": "2026-12-23T09:15:00-07:00", "clinicianId": testkit.Ben})
	if got.Status != http.StatusOK {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	r := c.Find(t, "appointments", id)
	if r.GetString("start_time") != "2026-12-23 16:15:00.000Z" || r.GetString("clinician") != testkit.Ben || r.GetString("lead_staff") != "" || r.GetString("local_start") != "09:15" {
		t.Errorf("%s %s %s", r.GetString("start_time"), r.GetString("clinician"), r.GetString("local_start"))
	}
}

func TestDeclineKeepsTheReasonInside(t *testing.T) {
	c := newClinic(t)
	id := ask(t, c, nil)
	got := decline(t, c, testkit.AdminEmail, id, map[string]any{"reason": "Owes us three visits.", "messageToClient": "Please call us to find another time."})
	if got.Status != http.StatusOK {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	seen := c.Do(t, http.MethodGet, visits+"/"+id, c.As(t, testkit.AdaEmail), nil)
	var item scheduling.Appointment
	seen.Data(t, &item)
	if item.Status != "declined" || item.Requested == nil || item.Requested.DeclineReason != "Please call us to find another time." {
		t.Errorf("%+v", item.Requested)
	}
	mails := c.Mails(t, testkit.AdaEmail)
	i := slices.IndexFunc(mails, func(m mail) bool { return m.Subject == "The clinic answered your request" })
	if i < 0 || len(mails[i].Attachments) != 0 || !strings.Contains(mails[i].Text, "Sign in to read the clinic's answer.") {
		t.Fatalf("mails are %+v", mails)
	}
	for _, inside := range []string{"Owes", "call us to find another time"} {
		if strings.Contains(mails[i].Text+mails[i].HTML, inside) {
			t.Errorf("the mail says %q", inside)
		}
	}
	if strings.Contains(string(seen.Body), "Owes") {
		t.Error("the client reads the staff's reason")
	}
	if got := c.Find(t, "appointments", id).GetString("decline_reason"); got != "Owes us three visits." {
		t.Errorf("the reason is %q", got)
	}
	if n := audited(t, c, "DECLINE_APPOINTMENT", id); n != 1 {
		t.Errorf("%d audit lines, want 1", n)
	}
	if n := c.Count(t, "portal_notifications", "notification_type = 'appointment_declined' AND portal_user = {:u}", dbx.Params{"u": testkit.AdaLogin}); n != 1 {
		t.Errorf("%d notices, want 1", n)
	}
}

func TestRefusedDecisionsTouchNothing(t *testing.T) {
	c := newClinic(t)
	c.Add(t, "locations", map[string]any{"id": "locationother00", "name": "Elsewhere", "time_zone": testkit.Zone, "is_active": true})
	c.Add(t, "rooms", map[string]any{"id": "roomelsewhere00", "name": "Far room", "location": "locationother00", "kind": "room", "capacity": 1, "is_active": true})
	id := ask(t, c, nil)
	plain := book(t, c, map[string]any{"client": testkit.Bo, "clinician": testkit.Ben, "start_time": at("2026-12-24T17:00:00Z")}).Id
	everybodySignsIn(t, c)
	before := settled(t, c)
	long := strings.Repeat("x", 501)
	for name, x := range map[string]struct {
		act    func(testing.TB, *testkit.Clinic, string, string, map[string]any) *testkit.Response
		who    string
		id     string
		body   map[string]any
		status int
		reason string
		field  string
	}{
		"neither preference nor time": {confirm, testkit.DeskEmail, id, map[string]any{}, 400, "", "preference"},
		"both":                        {confirm, testkit.DeskEmail, id, map[string]any{"preference": 1, "startTime": "2026-12-23T16:00:00Z"}, 400, "", "preference"},
		"a third that was not asked":  {confirm, testkit.DeskEmail, id, map[string]any{"preference": 3}, 400, "", "preference"},
		"preference minus one":        {confirm, testkit.DeskEmail, id, map[string]any{"preference": -1}, 400, "", "preference"},
		"preference in words":         {confirm, testkit.DeskEmail, id, map[string]any{"preference": "first"}, 400, "MALFORMED", "preference"},
		"no instant":                  {confirm, testkit.DeskEmail, id, map[string]any{"startTime": "tomorrow"}, 400, "", "startTime"},
		"a wall time":                 {confirm, testkit.DeskEmail, id, map[string]any{"startTime": "2026-12-23T16:00:00"}, 400, "", "startTime"},
		"the past":                    {confirm, testkit.DeskEmail, id, map[string]any{"startTime": "2026-12-07T15:59:00Z"}, 400, "PAST", "startTime"},
		"half a minute":               {confirm, testkit.DeskEmail, id, map[string]any{"startTime": "2026-12-23T16:00:30Z"}, 400, "", "startTime"},
		"nobody's clinician":          {confirm, testkit.DeskEmail, id, map[string]any{"preference": 1, "clinicianId": "nobodynobody000"}, 400, "CLINICIAN_NOT_FOUND", "clinicianId"},
		"a room elsewhere":            {confirm, testkit.DeskEmail, id, map[string]any{"preference": 1, "roomId": "roomelsewhere00"}, 400, "", "roomId"},
		"a long note":                 {confirm, testkit.DeskEmail, id, map[string]any{"preference": 1, "note": strings.Repeat("x", 4001)}, 400, "", "note"},
		"no reason":                   {decline, testkit.DeskEmail, id, map[string]any{"messageToClient": "Sorry."}, 400, "", "reason"},
		"a blank reason":              {decline, testkit.DeskEmail, id, map[string]any{"reason": "  "}, 400, "", "reason"},
		"a long reason":               {decline, testkit.DeskEmail, id, map[string]any{"reason": long}, 400, "", "reason"},
		"a long message":              {decline, testkit.DeskEmail, id, map[string]any{"reason": "x", "messageToClient": long + long}, 400, "", "messageToClient"},
		"billing confirms":            {confirm, testkit.BillingEmail, id, map[string]any{"preference": 1}, 403, "ROLE", ""},
		"billing declines":            {decline, testkit.BillingEmail, id, map[string]any{"reason": "x"}, 403, "ROLE", ""},
		"a client confirms":           {confirm, testkit.AdaEmail, id, map[string]any{"preference": 1}, 403, "ROLE", ""},
		"a visit nobody asked for":    {confirm, testkit.DeskEmail, plain, map[string]any{"startTime": "2026-12-23T16:00:00Z"}, 404, "NOT_FOUND", ""},
		"no such request":             {decline, testkit.DeskEmail, "nothingnothing0", map[string]any{"reason": "x"}, 404, "NOT_FOUND", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := x.act(t, c, x.who, x.id, x.body).Refused(t, x.status, x.reason)
			if x.field != "" && got.Details.Fields[x.field].Message == "" {
				t.Errorf("fields are %+v, want %s", got.Details.Fields, x.field)
			}
			if settled(t, c) != before {
				t.Error("the refused decision changed something")
			}
		})
	}
}

func TestSecondDecisionIsToldOfTheFirst(t *testing.T) {
	c := newClinic(t)
	id := ask(t, c, nil)
	if got := confirm(t, c, testkit.DeskEmail, id, map[string]any{"preference": 1}); got.Status != http.StatusOK {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	everybodySignsIn(t, c)
	before := settled(t, c)
	for name, got := range map[string]*testkit.Response{
		"declined":  decline(t, c, testkit.AdminEmail, id, map[string]any{"reason": "x"}),
		"confirmed": confirm(t, c, testkit.AdminEmail, id, map[string]any{"preference": 2}),
	} {
		got.Refused(t, http.StatusConflict, "ALREADY_DECIDED")
		details := object(t, got.Body)["error"].(map[string]any)["details"].(map[string]any)
		if details["status"] != "confirmed" || details["decidedBy"] != "Dee Desk" || !strings.HasPrefix(details["decidedAt"].(string), "2026-12-07T16:0") {
			t.Errorf("%s: details are %v", name, details)
		}
	}
	got := c.Do(t, http.MethodPatch, records+"/"+id, c.As(t, testkit.AdminEmail), map[string]any{"status": "declined"})
	if got.Status != http.StatusBadRequest || !strings.Contains(string(got.Body), "validation_already_decided") {
		t.Errorf("record API: %d %s", got.Status, got.Body)
	}
	if settled(t, c) != before {
		t.Error("the second decision changed something")
	}
}

func TestConfirmATakenTime(t *testing.T) {
	c := newClinic(t)
	book(t, c, map[string]any{"client": testkit.Bo}) // Ana at the first preference
	id := ask(t, c, nil)
	everybodySignsIn(t, c)
	before := settled(t, c)
	confirm(t, c, testkit.DeskEmail, id, map[string]any{"preference": 1}).Refused(t, http.StatusConflict, "SLOT_UNAVAILABLE")
	if settled(t, c) != before {
		t.Error("the refused decision changed something")
	}
	if got := confirm(t, c, testkit.DeskEmail, id, map[string]any{"preference": 2}); got.Status != http.StatusOK {
		t.Errorf("the other time: %d %s", got.Status, got.Body)
	}
}

func TestAnyClinicianIsChosenFairly(t *testing.T) {
	c := newClinic(t)
	anybody := map[string]any{"clinicianId": nil}
	sees := func(id string) string { return c.Find(t, "appointments", id).GetString("clinician") }

	first := ask(t, c, anybody)
	if got := confirm(t, c, testkit.DeskEmail, first, map[string]any{"preference": 1}); got.Status != http.StatusOK {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	if sees(first) != testkit.Ben { // both are free and idle: Carter comes before Reyes
		t.Errorf("the first is seen by %s", sees(first))
	}
	if r := c.Find(t, "appointments", first); !r.GetBool("any_clinician") {
		t.Error("it is forgotten that the client left it open")
	}
	second := ask(t, c, map[string]any{"clinicianId": nil, "preferredTime1": "14:00"})
	confirm(t, c, testkit.DeskEmail, second, map[string]any{"preference": 1})
	if sees(second) != testkit.Ana { // Ben has one visit that day, Ana none
		t.Errorf("the second is seen by %s", sees(second))
	}
	if got := c.Find(t, "appointments", second).GetString("lead_staff"); got != testkit.AnaStaff {
		t.Errorf("in the diary of %q", got)
	}
	book(t, c, map[string]any{"client": testkit.Uma, "clinician": testkit.Ana, "start_time": at("2026-12-21T23:00:00Z")})
	book(t, c, map[string]any{"client": testkit.Bo, "clinician": testkit.Ben, "start_time": at("2026-12-21T23:00:00Z")})
	third := ask(t, c, map[string]any{"clinicianId": nil, "preferredTime1": "16:30"})
	before := settled(t, c)
	got := confirm(t, c, testkit.DeskEmail, third, map[string]any{"preference": 1}).Refused(t, http.StatusConflict, "SLOT_UNAVAILABLE")
	if got.Message != "Nobody who gives this service is free at that time." {
		t.Errorf("it says %q", got.Message)
	}
	if settled(t, c) != before {
		t.Error("the refused decision changed something")
	}

	change(t, c, c.Find(t, "clinicians", testkit.Ben), map[string]any{"is_accepting_new_patients": false})
	fourth := ask(t, c, map[string]any{"clinicianId": nil, "preferredDate1": "2027-01-04"}, "X-Client-Id", testkit.Cleo)
	confirm(t, c, testkit.DeskEmail, fourth, map[string]any{"preference": 1})
	if sees(fourth) != testkit.Ana { // Ben takes nobody new
		t.Errorf("a new client is given to %s", sees(fourth))
	}
}

// Two clerks at once: exactly one wins, and the other is told.
func TestParallelDecisionsHaveOneWinner(t *testing.T) {
	c := newClinic(t)
	id := ask(t, c, nil)
	everybodySignsIn(t, c)
	answers := inParallel(20, func(i int) *testkit.Response {
		if i%2 == 0 {
			return decline(t, c, testkit.AdminEmail, id, map[string]any{"reason": fmt.Sprint("clerk ", i)})
		}
		return confirm(t, c, testkit.DeskEmail, id, map[string]any{"preference": 1 + i%4/2})
	})
	won := 0
	for _, got := range answers {
		if got.Status == http.StatusOK {
			won++
			continue
		}
		got.Refused(t, http.StatusConflict, "ALREADY_DECIDED")
	}
	if won != 1 {
		t.Errorf("%d decisions won", won)
	}
	if n := c.Count(t, "appointment_history", "appointment = {:id} AND from_status = 'requested'", dbx.Params{"id": id}); n != 1 {
		t.Errorf("%d moves in the history, want 1", n)
	}
	if n := len(c.Mails(t, testkit.AdaEmail)); n != 2 {
		t.Errorf("%d mails, want the receipt and one answer", n)
	}
	if n := c.Count(t, "portal_notifications", "", nil); n != 1 {
		t.Errorf("%d notices, want 1", n)
	}
}

// The same through the dashboard's record API, which loads and saves without a transaction around both.
func TestParallelDecisionsThroughTheRecordAPI(t *testing.T) {
	c := newClinic(t)
	for round := range 5 {
		id := ask(t, c, map[string]any{"preferredTime1": fmt.Sprintf("%02d:00", 9+round*2)})
		everybodySignsIn(t, c)
		won := 0
		for _, got := range inParallel(20, func(i int) *testkit.Response {
			if i%2 == 0 {
				return c.Do(t, http.MethodPatch, records+"/"+id, c.As(t, testkit.AdminEmail), map[string]any{"status": "cancelled"})
			}
			return c.Do(t, http.MethodPatch, records+"/"+id, c.As(t, testkit.DeskEmail), map[string]any{"status": "confirmed", "clinician": []string{testkit.Ana, testkit.Ben}[i/2%2]})
		}) {
			if got.Status == http.StatusOK {
				won++
			}
		}
		decisions := c.Count(t, "appointment_history", "appointment = {:id} AND from_status = 'requested'", dbx.Params{"id": id})
		moves := c.Count(t, "appointment_history", "appointment = {:id} AND from_status <> ''", dbx.Params{"id": id})
		// a confirmed visit may then be cancelled or given to somebody else, by a clerk who loaded it as confirmed
		if decisions != 1 || moves > won || won < 1 {
			t.Errorf("%d won, %d decisions, %d moves", won, decisions, moves)
		}
	}
}

// 200 requests for one hour of one clinician: one is confirmed.
func TestParallelConfirmationsOfOneSlot(t *testing.T) {
	c := newClinic(t)
	ids := make([]string, 200)
	for i := range ids {
		client := c.Add(t, "clients", map[string]any{"first_name": "Many", "last_name": fmt.Sprint(i), "date_of_birth": "1990-01-01", "status": "active"}).Id
		a, err := collections.NewAppointment(c.App)
		if err != nil {
			t.Fatal(err)
		}
		for k, v := range map[string]any{"client": client, "clinician": testkit.Ana, "service": testkit.Therapy, "location": testkit.Location, "status": "requested",
			"service_location": "in_office", "reason_for_visit": "x", "preferences": []collections.Preference{{Date: "2026-12-21", Time: "10:00"}}} {
			a.Set(k, v)
		}
		if err := kernel.SaveAs(c.App, kernel.System(), a.Record); err != nil {
			t.Fatal(err)
		}
		ids[i] = a.Id
	}
	c.As(t, testkit.DeskEmail)
	answers := inParallel(len(ids), func(i int) *testkit.Response {
		return confirm(t, c, testkit.DeskEmail, ids[i], map[string]any{"preference": 1})
	})
	won := 0
	for _, got := range answers {
		if got.Status == http.StatusOK {
			won++
			continue
		}
		got.Refused(t, http.StatusConflict, "SLOT_UNAVAILABLE")
	}
	if n := c.Count(t, "appointments", "status = 'confirmed'", nil); won != 1 || n != 1 {
		t.Errorf("%d won, %d are confirmed", won, n)
	}
	if n := c.Count(t, "appointment_history", "to_status = 'confirmed'", nil); n != 1 {
		t.Errorf("%d moves in the history, want 1", n)
	}
}

// 20 requests that left open who sees them, two clinicians: two are confirmed, one each.
func TestParallelConfirmationsOfAnyClinician(t *testing.T) {
	c := newClinic(t)
	ids := make([]string, 20)
	for i := range ids {
		client := c.Add(t, "clients", map[string]any{"first_name": "Many", "last_name": fmt.Sprint(i), "date_of_birth": "1990-01-01", "status": "active"}).Id
		ids[i] = c.Add(t, "appointments", map[string]any{"client": client, "service": testkit.Therapy, "location": testkit.Location, "status": "requested",
			"service_location": "in_office", "reason_for_visit": "x", "preferences": []collections.Preference{{Date: "2026-12-21", Time: "10:00"}}}).Id
	}
	c.As(t, testkit.DeskEmail)
	won := 0
	for _, got := range inParallel(len(ids), func(i int) *testkit.Response {
		return confirm(t, c, testkit.DeskEmail, ids[i], map[string]any{"preference": 1})
	}) {
		if got.Status == http.StatusOK {
			won++
		}
	}
	if n := c.Count(t, "(SELECT DISTINCT clinician FROM appointments WHERE status = 'confirmed')", "", nil); won != 2 || n != 2 {
		t.Errorf("%d won, by %d clinicians", won, n)
	}
}

func inParallel(n int, f func(i int) *testkit.Response) []*testkit.Response {
	out := make([]*testkit.Response, n)
	start := make(chan struct{})
	var all sync.WaitGroup
	for i := range n {
		all.Add(1)
		go func() {
			defer all.Done()
			<-start
			out[i] = f(i)
		}()
	}
	close(start)
	all.Wait()
	return out
}

type deskRequests struct {
	Requests []struct {
		scheduling.Appointment
		Client          map[string]string `json:"client"`
		ReasonForVisit  string            `json:"reasonForVisit"`
		Conflicts       []bool            `json:"conflicts"`
		ConflictReasons []string          `json:"conflictReasons"`
	} `json:"requests"`
	Pagination kernel.Pagination `json:"pagination"`
}

func TestRequestsAtTheDesk(t *testing.T) {
	c := newClinic(t)
	book(t, c, map[string]any{"client": testkit.Bo}) // Ana, December 21 at 10:00
	book(t, c, map[string]any{"client": testkit.Cleo, "clinician": testkit.Ben, "start_time": at("2026-12-22T22:00:00Z")})
	first := ask(t, c, map[string]any{"preferredDate3": "2026-12-09", "preferredTime3": "11:00"})
	c.Advance(time.Minute)
	second := ask(t, c, map[string]any{"clinicianId": nil}, "X-Client-Id", testkit.Cleo)
	read := func(query string) deskRequests {
		t.Helper()
		var out deskRequests
		got := c.Do(t, http.MethodGet, requests+query, c.As(t, testkit.DeskEmail), nil)
		got.Data(t, &out)
		return out
	}
	got := read("")
	if len(got.Requests) != 2 || got.Requests[0].ID != first || got.Requests[1].ID != second || got.Pagination.Total != 2 {
		t.Fatalf("%+v", got)
	}
	r := got.Requests[0]
	if r.ReasonForVisit != "I sleep badly." || r.Notes != "Mornings are best." || r.Client["name"] != "Ada Lovell" || r.Client["dateOfBirth"] != "1990-04-27" || r.Client["id"] != testkit.Ada {
		t.Errorf("%+v", r)
	}
	if !slices.Equal(r.Conflicts, []bool{true, false, false}) {
		t.Errorf("conflicts are %v: Ana is taken at the first", r.Conflicts)
	}
	// anybody: Ben is free at the first; at the second Cleo herself is not
	if !slices.Equal(got.Requests[1].Conflicts, []bool{false, true}) {
		t.Errorf("conflicts of the child are %v", got.Requests[1].Conflicts)
	}
	for _, client := range []string{testkit.Ada, testkit.Cleo} {
		if n := c.Count(t, "portal_audit_log", "action = 'LIST_REQUESTS' AND client_id = {:c} AND actor_id = {:d}", dbx.Params{"c": client, "d": testkit.DeskStaff}); n != 1 {
			t.Errorf("%d audit lines about %s, want 1", n, client)
		}
	}
	if got := read("?limit=1&page=2"); len(got.Requests) != 1 || got.Requests[0].ID != second || got.Pagination.Total != 2 {
		t.Errorf("%+v", got)
	}
	if got := read("?status=requested&locationId=" + testkit.Location); len(got.Requests) != 2 || got.Pagination.Total != 2 {
		t.Errorf("%+v", got)
	}
	if got := read("?locationId=nowherenowhere0"); len(got.Requests) != 0 || got.Pagination.Total != 0 {
		t.Errorf("%+v", got)
	}
	c.Do(t, http.MethodGet, requests+"?status=declined", c.As(t, testkit.DeskEmail), nil).Refused(t, http.StatusBadRequest, "VALIDATION_ERROR")
	c.Do(t, http.MethodGet, requests, c.As(t, testkit.BillingEmail), nil).Refused(t, http.StatusForbidden, "ROLE")
	c.Do(t, http.MethodGet, requests, c.As(t, testkit.AdaEmail), nil).Refused(t, http.StatusForbidden, "ROLE")
}

func TestConflictsAgreeWithTheDecision(t *testing.T) {
	c := newClinic(t)
	book(t, c, map[string]any{"client": testkit.Bo})                                                                      // Ana at 10:00
	book(t, c, map[string]any{"client": testkit.Ada, "clinician": testkit.Ben, "start_time": at("2026-12-22T22:00:00Z")}) // Ada herself at 15:00
	ids := []string{ask(t, c, map[string]any{"preferredDate3": "2026-12-23", "preferredTime3": "09:00"}), ask(t, c, map[string]any{"clinicianId": nil})}
	var got deskRequests
	c.Do(t, http.MethodGet, requests, c.As(t, testkit.DeskEmail), nil).Data(t, &got)
	for i, id := range ids {
		for p, conflict := range got.Requests[i].Conflicts {
			answer := confirm(t, c, testkit.DeskEmail, id, map[string]any{"preference": p + 1})
			if conflict {
				answer.Refused(t, http.StatusConflict, "SLOT_UNAVAILABLE")
				continue
			}
			if answer.Status != http.StatusOK {
				t.Errorf("request %d, preference %d: no conflict was shown, and it is %d %s", i, p+1, answer.Status, answer.Body)
			}
			break
		}
	}
}

func TestConflictsSayWhy(t *testing.T) {
	c := newClinic(t)
	c.Add(t, "shifts", map[string]any{"clinician": testkit.Ana, "location": testkit.Location, "first_day": "2026-01-01", "rrule": "FREQ=DAILY", "starts_at": "08:00", "ends_at": "17:00", "is_active": true})
	id := ask(t, c, map[string]any{"preferredDate1": "2026-12-09", "preferredTime1": "10:00", "preferredDate2": "2026-12-21", "preferredTime2": "10:00",
		"preferredDate3": "2026-12-23", "preferredTime3": "20:00"})
	reasons := func(want ...string) {
		t.Helper()
		var got deskRequests
		c.Do(t, http.MethodGet, requests, c.As(t, testkit.DeskEmail), nil).Data(t, &got)
		flags := []bool{}
		for _, why := range want {
			flags = append(flags, why != "")
		}
		if !slices.Equal(got.Requests[0].ConflictReasons, want) || !slices.Equal(got.Requests[0].Conflicts, flags) {
			t.Errorf("%q, %v; want %q", got.Requests[0].ConflictReasons, got.Requests[0].Conflicts, want)
		}
	}
	reasons("", "", "outside_hours")
	book(t, c, map[string]any{"client": testkit.Bo}) // Ana, December 21 at 10:00
	reasons("", "taken", "outside_hours")
	late := book(t, c, map[string]any{"client": testkit.Bo, "start_time": at("2026-12-24T03:00:00Z")})
	reasons("", "taken", "taken") // outside her hours, and taken there
	c.Do(t, http.MethodPatch, records+"/"+late.Id, c.As(t, testkit.DeskEmail), map[string]any{"status": "cancelled"})
	c.Advance(3 * 24 * time.Hour)
	c.Fresh(t, testkit.DeskEmail)
	reasons("past", "taken", "outside_hours")

	before := settled(t, c)
	confirm(t, c, testkit.DeskEmail, id, map[string]any{"preference": 1, "outsideHours": true}).Refused(t, http.StatusBadRequest, "PAST")
	confirm(t, c, testkit.DeskEmail, id, map[string]any{"preference": 2, "outsideHours": true}).Refused(t, http.StatusConflict, "SLOT_UNAVAILABLE")
	confirm(t, c, testkit.DeskEmail, id, map[string]any{"preference": 3}).Refused(t, http.StatusBadRequest, "OUTSIDE_HOURS")
	if settled(t, c) != before {
		t.Error("a refused confirmation changed something")
	}
	if got := confirm(t, c, testkit.DeskEmail, id, map[string]any{"preference": 3, "outsideHours": true}); got.Status != http.StatusOK {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	var history struct {
		Events []map[string]string `json:"events"`
	}
	c.Do(t, http.MethodGet, deskVisits+"/"+id+"/history", c.As(t, testkit.DeskEmail), nil).Data(t, &history)
	if n := len(history.Events); n == 0 || history.Events[n-1]["reason"] != "outside working hours" {
		t.Errorf("its history does not say that it was outside working hours: %v", history.Events)
	}
}

func TestTheDay(t *testing.T) {
	c := newClinic(t)
	later := book(t, c, map[string]any{"start_time": at("2026-12-07T22:00:00Z")}).Id
	early := book(t, c, map[string]any{"client": testkit.Bo, "clinician": testkit.Ben, "status": "scheduled", "start_time": at("2026-12-07T17:00:00Z")}).Id
	night := book(t, c, map[string]any{"client": testkit.Uma, "start_time": at("2026-12-08T05:00:00Z")}).Id // 22:00 on Monday
	book(t, c, map[string]any{"client": testkit.Uma, "status": "cancelled", "start_time": at("2026-12-07T18:00:00Z")})
	tuesday := book(t, c, map[string]any{"client": testkit.Uma, "start_time": at("2026-12-08T17:00:00Z")}).Id
	ask(t, c, nil)
	invoice := c.Add(t, "invoices", map[string]any{"client": testkit.Ada, "number": "T-1", "status": "draft", "issued_on": "2026-12-01", "due_on": "2026-12-31", "currency": "usd"})
	c.Add(t, "invoice_items", map[string]any{"client": testkit.Ada, "invoice": invoice.Id, "description": "Session", "quantity": 1, "unit_cents": 4500, "total_cents": 4500, "position": 1})
	change(t, c, c.Find(t, "invoices", invoice.Id), map[string]any{"status": "open"})
	type day struct {
		Date         string `json:"date"`
		Locations    []any  `json:"locations"`
		Appointments []struct {
			ID           string            `json:"id"`
			Client       map[string]string `json:"client"`
			FormsMissing int               `json:"formsMissing"`
			BalanceCents int               `json:"balanceCents"`
			Alerts       []string          `json:"alerts"`
		} `json:"appointments"`
	}
	read := func(query string) day {
		t.Helper()
		var out day
		c.Do(t, http.MethodGet, kernel.Desk+"/day"+query, c.As(t, testkit.DeskEmail), nil).Data(t, &out)
		return out
	}
	ids := func(d day) []string {
		out := []string{}
		for _, a := range d.Appointments {
			out = append(out, a.ID)
		}
		return out
	}
	today := read("")
	if today.Date != "2026-12-07" || len(today.Locations) != 1 || !slices.Equal(ids(today), []string{early, later, night}) {
		t.Fatalf("%+v", today)
	}
	if today.Appointments[1].BalanceCents != 4500 || today.Appointments[0].BalanceCents != 0 || today.Appointments[0].Client["name"] != "Bo Marsh" || today.Appointments[0].Alerts == nil {
		t.Errorf("%+v", today.Appointments)
	}
	if got := read("?date=2026-12-08&locationId=" + testkit.Location); !slices.Equal(ids(got), []string{tuesday}) {
		t.Errorf("%+v", got)
	}
	if got := read("?date=2026-12-25"); len(got.Appointments) != 0 {
		t.Errorf("%+v", got)
	}
	if n := c.Count(t, "portal_audit_log", "action = 'VIEW_DAY' AND client_id = {:c}", dbx.Params{"c": testkit.Uma}); n != 2 {
		t.Errorf("%d audit lines about Uma, want 2", n)
	}
	desk := c.As(t, testkit.DeskEmail)
	c.Do(t, http.MethodGet, kernel.Desk+"/day?date=2026-02-30", desk, nil).Refused(t, http.StatusBadRequest, "VALIDATION_ERROR")
	c.Do(t, http.MethodGet, kernel.Desk+"/day?locationId=nowherenowhere0", desk, nil).Refused(t, http.StatusNotFound, "NOT_FOUND")
	c.Do(t, http.MethodGet, kernel.Desk+"/day", c.As(t, testkit.BillingEmail), nil).Refused(t, http.StatusForbidden, "ROLE")
}
