package scheduling_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/pocketbase/dbx"
	validation "github.com/pocketbase/ozzo-validation/v4"

	"anteroom/collections"
	"anteroom/hooks/kernel"
	"anteroom/hooks/testkit"
)

func TestRequestIsWrittenDownWhole(t *testing.T) {
	c := newClinic(t)
	ada := c.As(t, testkit.AdaEmail)
	got := c.Do(t, http.MethodPost, asking, ada, body(nil))
	if got.Status != http.StatusCreated {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	var answer map[string]string
	got.Data(t, &answer)
	if answer["status"] != "PENDING" || answer["submittedAt"] != "2026-12-07T16:00:00Z" && !strings.HasPrefix(answer["submittedAt"], "2026-12-07T16:0") {
		t.Errorf("the answer is %v", answer)
	}
	a, err := collections.FindAppointment(c.App, answer["requestId"])
	if err != nil {
		t.Fatal(err)
	}
	for field, want := range map[string]string{"client": testkit.Ada, "clinician": testkit.Ana, "service": testkit.Therapy, "location": testkit.Location,
		"status": "requested", "service_location": "in_office", "start_time": "2026-12-21 17:00:00.000Z", "end_time": "2026-12-21 17:50:00.000Z",
		"hold_start": "2026-12-21 17:00:00.000Z", "hold_end": "2026-12-21 18:00:00.000Z", "duration": "50", "time_zone": testkit.Zone,
		"local_date": "2026-12-21", "local_start": "10:00", "lead_staff": testkit.AnaStaff, "requested_via": "portal", "client_requested": "true",
		"requested_by": testkit.AdaLogin, "created_by": testkit.AdaLogin, "any_clinician": "false", "decided_at": "", "decided_by": "",
		"reason_for_visit": "I sleep badly.", "patient_notes": "Mornings are best."} {
		if got := a.GetString(field); got != want {
			t.Errorf("%s is %q, want %q", field, got, want)
		}
	}
	if p, err := a.Preferences(); err != nil || len(p) != 2 || p[1] != (collections.Preference{Date: "2026-12-22", Time: "15:30"}) {
		t.Errorf("preferences are %v %v", p, err)
	}

	var sealed string
	if err := c.App.DB().NewQuery("SELECT reason_for_visit || patient_notes FROM appointments WHERE id = {:id}").Bind(dbx.Params{"id": a.Id}).Row(&sealed); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(sealed, "sleep") || strings.Contains(sealed, "Mornings") || !strings.HasPrefix(sealed, "e1.") {
		t.Errorf("the reason lies open in the database: %q", sealed)
	}
	history := dbx.Params{"id": a.Id, "login": testkit.AdaLogin}
	if n := c.Count(t, "appointment_history", "appointment = {:id} AND from_status = '' AND to_status = 'requested' AND actor_kind = 'client' AND actor = {:login}", history); n != 1 {
		t.Errorf("%d rows of history, want 1", n)
	}
	if n := audited(t, c, "REQUEST_APPOINTMENT", a.Id); n != 1 {
		t.Errorf("%d audit lines, want 1", n)
	}
	if n := c.Count(t, "staff_notifications", "resource_id = {:id} AND staff = '' AND notification_type = 'appointment_requested'", dbx.Params{"id": a.Id}); n != 1 {
		t.Errorf("%d notices at the desk, want 1", n)
	}

	mails := c.Mails(t, testkit.AdaEmail)
	if len(mails) != 1 {
		t.Fatalf("%d mails, want 1", len(mails))
	}
	m := mails[0]
	if m.Subject != "We received your request" || len(m.Attachments) != 0 {
		t.Errorf("the mail is %q with %d attachments", m.Subject, len(m.Attachments))
	}
	for _, want := range []string{"Monday, December 21, 10:00 am (MST)", "Tuesday, December 22, 3:30 pm (MST)", "Test Clinic",
		"This does not hold the times. We'll answer within one working day.", "http://portal.example/appointments/" + a.Id} {
		if !strings.Contains(m.Text, want) {
			t.Errorf("the mail does not say %q:\n%s", want, m.Text)
		}
	}
	refuseDetails(t, m.Subject+m.Text+m.HTML)
}

// refuseDetails: nothing clinical leaves by mail.
func refuseDetails(t testing.TB, text string) {
	t.Helper()
	for _, private := range []string{"sleep", "Mornings", "herapy", "Ana", "Reyes", "Ada", "Lovell"} {
		if strings.Contains(text, private) {
			t.Errorf("%q leaves the clinic:\n%s", private, text)
		}
	}
}

func TestRequestForAnyClinicianByName(t *testing.T) {
	c := newClinic(t)
	id := ask(t, c, map[string]any{"clinicianId": nil, "appointmentType": "individual THERAPY", "preferredDate2": nil, "preferredTime2": nil, "serviceLocation": "TELEHEALTH"})
	a := c.Find(t, "appointments", id)
	if a.GetString("clinician") != "" || !a.GetBool("any_clinician") || a.GetString("service") != testkit.Therapy {
		t.Errorf("clinician %q, any %v, service %q", a.GetString("clinician"), a.GetBool("any_clinician"), a.GetString("service"))
	}
	var item map[string]any
	c.Do(t, http.MethodGet, visits+"/"+id, c.As(t, testkit.AdaEmail), nil).Data(t, &item)
	if item["clinician"].(map[string]any)["id"] != "" || item["location"] != nil || item["serviceLocation"] != "TELEHEALTH" {
		t.Errorf("the item is %v", item)
	}
}

func TestRequestForAChild(t *testing.T) {
	c := newClinic(t)
	id := ask(t, c, map[string]any{"clinicianId": testkit.Ben}, "X-Client-Id", testkit.Cleo)
	a := c.Find(t, "appointments", id)
	if a.GetString("client") != testkit.Cleo || a.GetString("requested_by") != testkit.AdaLogin {
		t.Errorf("for %s by %s", a.GetString("client"), a.GetString("requested_by"))
	}
	if n := len(c.Mails(t, testkit.AdaEmail)); n != 1 {
		t.Errorf("the parent got %d mails, want 1", n)
	}
}

func TestRequestIsSentOnceUnderOneKey(t *testing.T) {
	c := newClinic(t)
	first := ask(t, c, nil, "Idempotency-Key", "again")
	if second := ask(t, c, nil, "Idempotency-Key", "again"); second != first {
		t.Errorf("the repeat made %s beside %s", second, first)
	}
	if n := c.Count(t, "appointments", "", nil); n != 1 {
		t.Errorf("%d appointments, want 1", n)
	}
	c.Do(t, http.MethodPost, asking, c.As(t, testkit.AdaEmail), body(map[string]any{"preferredTime1": "11:00"}), "Idempotency-Key", "again").
		Refused(t, http.StatusConflict, "IDEMPOTENCY_KEY_REUSED")
}

func TestRequestsAreLimited(t *testing.T) {
	c := testkit.New(t)
	settings(t, c, map[string]any{"limits": map[string]any{"appointments_create": map[string]int{"max": 2, "seconds": 3600}}})
	ask(t, c, nil)
	ask(t, c, map[string]any{"preferredTime1": "11:00"})
	got := c.Do(t, http.MethodPost, asking, c.As(t, testkit.AdaEmail), body(map[string]any{"preferredTime1": "12:00"}))
	got.Refused(t, http.StatusTooManyRequests, "RATE_LIMITED")
	if got.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
}

// refusal is one thing that must not be asked for.
type refusal struct {
	name, reason, field, code string
	change                    map[string]any
}

func refusals() []refusal {
	long := strings.Repeat("a", 2001)
	return []refusal{
		{"yesterday", "PAST", "preferredDate1", "past", map[string]any{"preferredDate1": "2026-12-06"}},
		{"in an hour", "TOO_SOON", "preferredDate1", "too_soon", map[string]any{"preferredDate1": "2026-12-07"}},
		{"a minute before the notice", "TOO_SOON", "preferredDate1", "too_soon", map[string]any{"preferredDate1": "2026-12-08", "preferredTime1": "08:59"}},
		{"in eight months", "TOO_FAR", "preferredDate1", "too_far", map[string]any{"preferredDate1": "2027-08-01"}},
		{"the second is past", "PAST", "preferredDate2", "past", map[string]any{"preferredDate2": "2026-12-01"}},
		{"February 30", "", "preferredDate1", "date", map[string]any{"preferredDate1": "2027-02-30"}},
		{"no date at all", "", "preferredDate1", "required", map[string]any{"preferredDate1": nil}},
		{"an instant", "", "preferredDate1", "date", map[string]any{"preferredDate1": "2026-12-21T10:00:00Z"}},
		{"an American date", "", "preferredDate1", "date", map[string]any{"preferredDate1": "12/21/2026"}},
		{"half past twenty-five", "", "preferredTime1", "time", map[string]any{"preferredTime1": "25:30"}},
		{"2:30 pm", "", "preferredTime1", "time", map[string]any{"preferredTime1": "2:30 pm"}},
		{"a date without a time", "", "preferredTime2", "required", map[string]any{"preferredTime2": nil}},
		{"a time without a date", "", "preferredDate3", "required", map[string]any{"preferredTime3": "09:00"}},
		{"clocks go forward", "NONEXISTENT_TIME", "preferredTime1", "nonexistent_time", map[string]any{"preferredDate1": "2027-03-14", "preferredTime1": "02:30"}},
		{"the third is skipped", "NONEXISTENT_TIME", "preferredTime3", "nonexistent_time", map[string]any{"preferredDate3": "2027-03-14", "preferredTime3": "02:30"}},
		{"twice the same", "", "preferredTime2", "repeated", map[string]any{"preferredDate2": "2026-12-21", "preferredTime2": "10:00"}},
		{"no such service", "SERVICE_NOT_FOUND", "appointmentType", "service_not_found", map[string]any{"appointmentType": "Astrology"}},
		{"no service", "", "appointmentType", "required", map[string]any{"appointmentType": nil}},
		{"no such clinician", "CLINICIAN_NOT_FOUND", "clinicianId", "clinician_not_found", map[string]any{"clinicianId": "nobodynobody000"}},
		{"no such place", "", "locationId", "location_not_found", map[string]any{"locationId": "nowherenowhere0"}},
		{"neither here nor by video", "", "serviceLocation", "required", map[string]any{"serviceLocation": "AT_HOME"}},
		{"lower case", "", "serviceLocation", "required", map[string]any{"serviceLocation": "in_office"}},
		{"no reason", "", "reasonForVisit", "required", map[string]any{"reasonForVisit": nil}},
		{"a blank reason", "", "reasonForVisit", "required", map[string]any{"reasonForVisit": " \n "}},
		{"a long reason", "", "reasonForVisit", "max_length", map[string]any{"reasonForVisit": long}},
		{"long notes", "", "notes", "max_length", map[string]any{"notes": long}},
		{"sealed text", "", "notes", "ciphertext", map[string]any{"notes": "e1.abcdefghijklmnop.AAAA"}},
	}
}

func TestRefusedRequestsTouchNothing(t *testing.T) {
	c := newClinic(t)
	ada := c.As(t, testkit.AdaEmail)
	before := settled(t, c)
	for _, r := range refusals() {
		t.Run(r.name, func(t *testing.T) {
			got := c.Do(t, http.MethodPost, asking, ada, body(r.change)).Refused(t, http.StatusBadRequest, r.reason)
			if got.Details.Fields[r.field].Code != r.code || got.Details.Fields[r.field].Message == "" {
				t.Errorf("fields are %+v, want %s of %s", got.Details.Fields, r.code, r.field)
			}
			if got.Details.Reason != r.reason {
				t.Errorf("the reason is %q, want %q", got.Details.Reason, r.reason)
			}
			if settled(t, c) != before {
				t.Error("the refused request changed something")
			}
		})
	}
}

// TestWhatARequestLacksIsSaidAtOnce: every missing field, as it is named in the request.
func TestWhatARequestLacksIsSaidAtOnce(t *testing.T) {
	c := newClinic(t)
	ada := c.As(t, testkit.AdaEmail)
	before := settled(t, c)
	all := []string{"appointmentType", "preferredDate1", "preferredTime1", "reasonForVisit", "serviceLocation"}
	for _, x := range []struct {
		body   map[string]any
		lacked []string
	}{
		{map[string]any{}, all},
		{map[string]any{"appointmentType": "  ", "reasonForVisit": "Sleep."}, []string{"appointmentType", "preferredDate1", "preferredTime1", "serviceLocation"}},
		{map[string]any{"appointmentType": testkit.Therapy, "preferredDate1": "2026-12-21"}, []string{"preferredTime1", "reasonForVisit", "serviceLocation"}},
	} {
		got := c.Do(t, http.MethodPost, asking, ada, x.body).Refused(t, http.StatusBadRequest, "")
		for _, field := range all {
			if missing := got.Details.Fields[field].Code == "required"; missing != slices.Contains(x.lacked, field) {
				t.Errorf("%v: %s is %+v", x.body, field, got.Details.Fields[field])
			}
		}
		if len(got.Details.Fields) != len(x.lacked) {
			t.Errorf("%v: %+v", x.body, got.Details.Fields)
		}
		if settled(t, c) != before {
			t.Errorf("%v changed something", x.body)
		}
	}
}

// TestAnswersArePromisedInWorkingDays, never by the hour of a night.
func TestAnswersArePromisedInWorkingDays(t *testing.T) {
	for hours, want := range map[int][2]string{1: {"within one working day.", "un plazo de un día hábil."}, 24: {"within one working day.", "un plazo de un día hábil."},
		25: {"within 2 working days.", "un plazo de 2 días hábiles."}, 72: {"within 3 working days.", "un plazo de 3 días hábiles."}} {
		c := newClinic(t)
		settings, err := c.App.FindFirstRecordByFilter("clinic_settings", "id != ''")
		if err != nil {
			t.Fatal(err)
		}
		settings.Set("request_answer_hours", hours)
		if err := c.App.Save(settings); err != nil {
			t.Fatal(err)
		}
		for i, lang := range []string{"en", "es"} {
			got := c.Do(t, http.MethodPost, asking, c.As(t, testkit.AdaEmail), body(nil), "Accept-Language", lang)
			var said struct{ Message string }
			got.Into(t, &said)
			if got.Status != http.StatusCreated || !strings.HasSuffix(said.Message, want[i]) {
				t.Errorf("%d hours, %s: %d %s", hours, lang, got.Status, got.Body)
			}
		}
	}
}

func TestRequestsAgainstTheCatalogue(t *testing.T) {
	for name, x := range map[string]struct {
		collection, id string
		change         map[string]any
		ask            map[string]any
		field, code    string
	}{
		"a service that is off":          {"services", testkit.Therapy, map[string]any{"booking_mode": "off"}, nil, "appointmentType", "service_not_found"},
		"a service that ended":           {"services", testkit.Therapy, map[string]any{"is_active": false}, nil, "appointmentType", "service_not_found"},
		"a service booked by phone":      {"services", testkit.Therapy, map[string]any{"booking_mode": "view"}, nil, "appointmentType", "service_not_bookable"},
		"a service not given by video":   {"services", testkit.Therapy, map[string]any{"service_locations": []string{"in_office"}}, map[string]any{"serviceLocation": "TELEHEALTH"}, "serviceLocation", "not_offered"},
		"a clinician who does not do it": {"services", testkit.Therapy, map[string]any{"clinicians": []string{testkit.Ben}}, nil, "clinicianId", "clinician_not_for_service"},
		"a clinician who left":           {"clinicians", testkit.Ana, map[string]any{"is_active": false}, nil, "clinicianId", "clinician_not_found"},
		"a clinician who is full":        {"clinicians", testkit.Ben, map[string]any{"is_accepting_new_patients": false}, map[string]any{"clinicianId": testkit.Ben}, "clinicianId", "clinician_not_accepting"},
		"a place that closed":            {"locations", testkit.Location, map[string]any{"is_active": false}, map[string]any{"locationId": testkit.Location}, "locationId", "location_not_found"},
		"the only place closed, unnamed": {"locations", testkit.Location, map[string]any{"is_active": false}, nil, "locationId", "location_not_found"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClinic(t)
			change(t, c, c.Find(t, x.collection, x.id), x.change)
			ada := c.As(t, testkit.AdaEmail)
			before := settled(t, c)
			got := c.Do(t, http.MethodPost, asking, ada, body(x.ask)).Refused(t, http.StatusBadRequest, "")
			if got.Details.Fields[x.field].Code != x.code {
				t.Errorf("fields are %+v, want %s of %s", got.Details.Fields, x.code, x.field)
			}
			if settled(t, c) != before {
				t.Error("the refused request changed something")
			}
		})
	}
}

func TestClinicianWhoIsFullSeesTheirOwnClients(t *testing.T) {
	c := newClinic(t)
	change(t, c, c.Find(t, "clinicians", testkit.Ana), map[string]any{"is_accepting_new_patients": false})
	ask(t, c, nil) // Ada is on Ana's care team
	change(t, c, c.Find(t, "clinicians", testkit.Ben), map[string]any{"is_accepting_new_patients": false})
	got := c.Do(t, http.MethodPost, asking, c.As(t, testkit.AdaEmail), body(map[string]any{"clinicianId": testkit.Ben}))
	got.Refused(t, http.StatusBadRequest, "CLINICIAN_NOT_ACCEPTING")
	book(t, c, map[string]any{"clinician": testkit.Ben, "status": "completed", "start_time": at("2026-11-02T17:00:00Z")})
	ask(t, c, map[string]any{"clinicianId": testkit.Ben}) // who has been there is known
}

func TestRequestInAnotherZone(t *testing.T) {
	c := newClinic(t)
	settings(t, c, map[string]any{"request_horizon_days": 400})
	c.Add(t, "locations", map[string]any{"id": "locationnewyork", "name": "Fifth Avenue", "time_zone": "America/New_York", "is_active": true})
	change(t, c, c.Find(t, "clinicians", testkit.Ana), map[string]any{"locations": []string{testkit.Location, "locationnewyork"}})
	for name, x := range map[string]struct{ day, wall, want string }{
		"winter":           {"2026-12-21", "10:00", "2026-12-21 15:00:00.000Z"},
		"the hour between": {"2027-03-14", "03:00", "2027-03-14 07:00:00.000Z"},
		"shown twice":      {"2027-11-07", "01:30", "2027-11-07 05:30:00.000Z"},
	} {
		id := ask(t, c, map[string]any{"locationId": "locationnewyork", "preferredDate1": x.day, "preferredTime1": x.wall})
		a := c.Find(t, "appointments", id)
		if a.GetString("start_time") != x.want || a.GetString("time_zone") != "America/New_York" || a.GetString("local_start") != x.wall || a.GetString("local_date") != x.day {
			t.Errorf("%s: %s in %s is %s at %s", name, a.GetString("start_time"), a.GetString("time_zone"), a.GetString("local_date"), a.GetString("local_start"))
		}
	}
	before := settled(t, c)
	got := c.Do(t, http.MethodPost, asking, c.As(t, testkit.AdaEmail), body(map[string]any{"locationId": "locationnewyork", "preferredDate1": "2027-03-14", "preferredTime1": "02:30"}))
	got.Refused(t, http.StatusBadRequest, "NONEXISTENT_TIME")
	// the same wall time exists in Arizona
	if settled(t, c) != before {
		t.Error("the refused request changed something")
	}
}

// The rules stand in the model: a record that no endpoint made meets them too, whoever saves it.
func TestRequestRulesHoldForEverySave(t *testing.T) {
	c := newClinic(t)
	good := func() *collections.Appointment {
		a, err := collections.NewAppointment(c.App)
		if err != nil {
			t.Fatal(err)
		}
		for k, v := range map[string]any{"client": testkit.Ada, "clinician": testkit.Ana, "service": testkit.Therapy, "location": testkit.Location,
			"status": "requested", "service_location": "in_office", "reason_for_visit": "x",
			"preferences": []collections.Preference{{Date: "2026-12-21", Time: "10:00"}}} {
			a.Set(k, v)
		}
		return a
	}
	for _, actor := range []kernel.Actor{kernel.System(), adaActor(), deskActor()} {
		if err := kernel.SaveAs(c.App, actor, good().Record); err != nil {
			t.Fatalf("%s: a good request is refused: %v", actor.Kind, err)
		}
	}
	before := settled(t, c)
	prefers := func(p ...collections.Preference) map[string]any { return map[string]any{"preferences": p} }
	for name, x := range map[string]struct {
		change map[string]any
		field  string
		desk   bool // the clinic itself may
	}{
		"past":                {prefers(collections.Preference{Date: "2026-12-06", Time: "10:00"}), "preferences", false},
		"too soon":            {prefers(collections.Preference{Date: "2026-12-07", Time: "12:00"}), "preferences", true},
		"too far":             {prefers(collections.Preference{Date: "2027-08-01", Time: "12:00"}), "preferences", true},
		"skipped":             {prefers(collections.Preference{Date: "2027-03-14", Time: "02:30"}), "preferences", false},
		"none":                {prefers(), "preferences", false},
		"four":                {prefers([]collections.Preference{{Date: "2026-12-21", Time: "10:00"}, {Date: "2026-12-21", Time: "11:00"}, {Date: "2026-12-21", Time: "12:00"}, {Date: "2026-12-21", Time: "13:00"}}...), "preferences", false},
		"not a list":          {map[string]any{"preferences": "tomorrow"}, "preferences", false},
		"another start":       {map[string]any{"start_time": "2026-12-25 10:00:00.000Z"}, "start_time", false},
		"no reason":           {map[string]any{"reason_for_visit": ""}, "reason_for_visit", false},
		"unknown service":     {map[string]any{"service": "nosuchservice00"}, "service", false},
		"unknown place":       {map[string]any{"location": "nosuchplace0000"}, "location", false},
		"unknown clinician":   {map[string]any{"clinician": "nosuchperson000"}, "clinician", false},
		"begins as completed": {map[string]any{"status": "in_progress"}, "status", false},
	} {
		for _, actor := range []kernel.Actor{kernel.System(), adaActor(), deskActor()} {
			a := good()
			for k, v := range x.change {
				a.Set(k, v)
			}
			err := kernel.SaveAs(c.App, actor, a.Record)
			if x.desk && actor.IsStaff() {
				if err != nil {
					t.Errorf("%s: the desk is refused: %v", name, err)
				}
				before = settled(t, c)
				continue
			}
			var fields validation.Errors
			if !errors.As(err, &fields) || fields[x.field] == nil {
				t.Errorf("%s by %s: got %v, want a problem of %s", name, actor.Kind, err, x.field)
			}
			if settled(t, c) != before {
				t.Fatalf("%s by %s changed something", name, actor.Kind)
			}
		}
	}
}
