package scheduling_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"anteroom/hooks/forms"
	"anteroom/hooks/kernel"
	"anteroom/hooks/testkit"
)

// aMonday is Monday, 21 December 2026, 10:00 in Boulder.
const aMonday = "2026-12-21T17:00:00Z"

type bookedVisit struct {
	Appointment struct {
		ID, Status, StartTime, SeriesID string
		Clinician                       struct{ ID string }
	}
	Deposit *struct {
		InvoiceID   string
		AmountCents int
	}
	Series *struct {
		ID           string
		Appointments []struct{ ID, StartTime, LocalStart, AppointmentDate, SeriesID string }
		Skipped      []string
	}
}

func books(t testing.TB, c *testkit.Clinic, changes map[string]any) (out bookedVisit) {
	t.Helper()
	got := c.Do(t, http.MethodPost, visits, c.As(t, testkit.AdaEmail), booking(aMonday, changes))
	if got.Status != http.StatusCreated {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	got.Data(t, &out)
	return out
}

func TestClientBooks(t *testing.T) {
	c := openClinic(t)
	out := books(t, c, map[string]any{"patientNotes": "I come by bike."})
	a := c.Find(t, "appointments", out.Appointment.ID)
	for field, want := range map[string]string{"status": "scheduled", "client": testkit.Ada, "clinician": testkit.Ana, "booking_type": "instant", "requested_via": "portal",
		"requested_by": testkit.AdaLogin, "created_by": testkit.AdaLogin, "lead_staff": testkit.AnaStaff, "local_start": "10:00", "patient_notes": "I come by bike."} {
		if got := a.GetString(field); got != want {
			t.Errorf("%s is %q, want %q", field, got, want)
		}
	}
	if a.GetDateTime("booked_at").IsZero() || a.GetDateTime("confirmation_sent_at").IsZero() || a.GetInt("deposit_cents") != 2500 {
		t.Error("it does not say when it was booked and confirmed, or its deposit")
	}
	if out.Deposit == nil || out.Deposit.AmountCents != 2500 {
		t.Fatalf("the answer's deposit: %+v", out.Deposit)
	}
	invoice := c.Find(t, "invoices", out.Deposit.InvoiceID)
	if invoice.GetString("status") != "open" || invoice.GetString("appointment") != a.Id || invoice.GetString("due_on") != "2026-12-07" {
		t.Errorf("the invoice: %v", invoice)
	}
	if mails := c.Mails(t, testkit.AdaEmail); len(mails) != 1 {
		t.Errorf("%d mails", len(mails))
	}
	if audited(t, c, "CREATE_APPOINTMENT", a.Id) != 1 {
		t.Error("no line in the log")
	}
	// the same key twice is one visit
	body := booking("2026-12-22T17:00:00Z", nil)
	first := c.Do(t, http.MethodPost, visits, c.As(t, testkit.AdaEmail), body, "Idempotency-Key", "k")
	second := c.Do(t, http.MethodPost, visits, c.As(t, testkit.AdaEmail), body, "Idempotency-Key", "k")
	if first.Status != 201 || second.Status != 201 || string(first.Body) != string(second.Body) {
		t.Errorf("%s\n%s", first.Body, second.Body)
	}
	local := books(t, c, map[string]any{"startTime": "2026-12-23T10:00"}) // on the clocks of the place
	if local.Appointment.StartTime != "2026-12-23T17:00:00Z" {
		t.Error(local.Appointment.StartTime)
	}
}

func TestWhatCannotBeBooked(t *testing.T) {
	c := openClinic(t)
	settings(t, c, map[string]any{"booking_notice_minutes": 120})
	ada := c.As(t, testkit.AdaEmail)
	onRequest := c.Add(t, "services", map[string]any{"name": "Assessment", "duration": 50, "booking_mode": "request", "service_locations": []string{"in_office"},
		"clinicians": []string{testkit.Ana}, "is_active": true}).Id
	stranger := c.Add(t, "clinicians", map[string]any{"first_name": "Cy", "last_name": "Moss", "is_accepting_new_patients": true, "is_active": true}).Id
	full := c.Add(t, "clinicians", map[string]any{"first_name": "Di", "last_name": "Noor", "is_active": true}).Id
	asking := c.Add(t, "clinicians", map[string]any{"first_name": "Ed", "last_name": "Orr", "is_accepting_new_patients": true, "is_active": true, "booking_mode": "request"}).Id
	unscheduled := c.Add(t, "clinicians", map[string]any{"first_name": "Flo", "last_name": "Pym", "is_accepting_new_patients": true, "is_active": true}).Id
	change(t, c, c.Find(t, "services", testkit.Therapy), map[string]any{"clinicians": []string{testkit.Ana, testkit.Ben, full, asking, unscheduled}})
	for _, who := range []string{full, asking} {
		c.Add(t, "shifts", map[string]any{"clinician": who, "location": testkit.Location, "first_day": "2026-01-01", "rrule": "FREQ=DAILY", "starts_at": "08:00", "ends_at": "18:00", "is_active": true})
	}
	before := settled(t, c)
	for name, x := range map[string]struct {
		changes map[string]any
		status  int
		reason  string
		field   string
	}{
		"nothing":             {map[string]any{"serviceId": nil, "startTime": nil}, 400, "", "serviceId"},
		"no such service":     {map[string]any{"serviceId": "none"}, 404, "SERVICE_NOT_FOUND", ""},
		"no such place":       {map[string]any{"locationId": "none"}, 400, "", "locationId"},
		"no time":             {map[string]any{"startTime": "soon"}, 400, "", "startTime"},
		"past":                {map[string]any{"startTime": "2026-12-01T17:00:00Z"}, 400, "PAST", "startTime"},
		"in an hour":          {map[string]any{"startTime": "2026-12-07T17:00:00Z"}, 400, "TOO_SOON", "startTime"},
		"in a year":           {map[string]any{"startTime": "2027-12-06T17:00:00Z"}, 400, "TOO_FAR", "startTime"},
		"at night":            {map[string]any{"startTime": "2026-12-21T05:00:00Z"}, 400, "OUTSIDE_HOURS", "startTime"},
		"on Sunday":           {map[string]any{"startTime": "2026-12-20T17:00:00Z"}, 400, "OUTSIDE_HOURS", "startTime"},
		"a time that is none": {map[string]any{"startTime": "2027-03-14T02:30"}, 400, "NONEXISTENT_TIME", "startTime"},
		"off the grid":        {map[string]any{"startTime": "2026-12-21T17:05:00Z"}, 409, "SLOT_UNAVAILABLE", ""},
		"not their service":   {map[string]any{"practitionerId": stranger}, 400, "CLINICIAN_NOT_FOR_SERVICE", "practitionerId"},
		"no such person":      {map[string]any{"practitionerId": "none"}, 400, "CLINICIAN_NOT_FOUND", "practitionerId"},
		"no new clients":      {map[string]any{"practitionerId": full}, 400, "CLINICIAN_NOT_ACCEPTING", "practitionerId"},
		"asks first":          {map[string]any{"practitionerId": asking}, 400, "SERVICE_NOT_BOOKABLE", "practitionerId"},
		"no hours":            {map[string]any{"practitionerId": unscheduled}, 400, "SERVICE_NOT_BOOKABLE", ""},
		"on request":          {map[string]any{"serviceId": onRequest}, 400, "SERVICE_NOT_BOOKABLE", "serviceId"},
		"way that is none":    {map[string]any{"serviceLocation": "BY_MAIL"}, 400, "", "serviceLocation"},
		"too many words":      {map[string]any{"patientNotes": strings.Repeat("é", 501)}, 400, "", "patientNotes"},
		"a card":              {map[string]any{"paymentMethodId": "pm_1"}, 400, "", "paymentMethodId"},
		"a long series":       {map[string]any{"series": map[string]any{"count": 7, "everyDays": 7}}, 400, "", "series.count"},
		"a dense series":      {map[string]any{"series": map[string]any{"count": 2, "everyDays": 1}}, 400, "", "series.everyDays"},
	} {
		t.Run(name, func(t *testing.T) {
			f := c.Do(t, http.MethodPost, visits, ada, booking(aMonday, x.changes)).Refused(t, x.status, x.reason)
			if _, named := f.Details.Fields[x.field]; x.field != "" && !named {
				t.Errorf("fields: %v", f.Details.Fields)
			}
		})
	}
	if settled(t, c) != before {
		t.Error("a refusal changed something")
	}
}

func TestSeriesIsBookedWhole(t *testing.T) {
	c := openClinic(t)
	out := books(t, c, map[string]any{"startTime": "2027-02-22T17:00:00Z", "series": map[string]any{"count": 4, "everyDays": 7}})
	if out.Series == nil || len(out.Series.Appointments) != 4 || len(out.Series.Skipped) != 0 {
		t.Fatalf("%+v", out.Series)
	}
	for i, a := range out.Series.Appointments {
		if a.LocalStart != "10:00" || a.SeriesID != out.Series.ID || c.Find(t, "appointments", a.ID).GetInt("series_position") != i+1 {
			t.Errorf("visit %d: %+v", i, a)
		}
	}
	if last := out.Series.Appointments[3].StartTime; last != "2027-03-15T16:00:00Z" { // the clocks went forward
		t.Errorf("the last begins at %s", last)
	}
	mails := c.Mails(t, testkit.AdaEmail)
	if len(mails) != 1 || strings.Count(mails[0].Text, "2027")+strings.Count(mails[0].Text, "10:00") < 4 {
		t.Errorf("%d mails: %+v", len(mails), mails)
	}

	// one day is taken: nothing, or all the others
	book(t, c, map[string]any{"client": testkit.Bo, "start_time": at("2027-01-11T17:00:00Z")})
	ada := c.As(t, testkit.AdaEmail)
	before := settled(t, c)
	wanted := booking("2027-01-04T17:00:00Z", map[string]any{"series": map[string]any{"count": 3, "everyDays": 7}})
	got := c.Do(t, http.MethodPost, visits, ada, wanted)
	got.Refused(t, 409, "SLOT_UNAVAILABLE")
	if !strings.Contains(string(got.Body), `"taken":["2027-01-11"]`) {
		t.Errorf("%s", got.Body)
	}
	if settled(t, c) != before {
		t.Error("part of a series stayed")
	}
	wanted["series"].(map[string]any)["skipTaken"] = true
	var some bookedVisit
	c.Do(t, http.MethodPost, visits, ada, wanted).Data(t, &some)
	if len(some.Series.Appointments) != 2 || !slices.Equal(some.Series.Skipped, []string{"2027-01-11"}) {
		t.Errorf("%+v", some.Series)
	}
}

func TestDeskBooks(t *testing.T) {
	c := openClinic(t)
	desk := c.As(t, testkit.DeskEmail)
	room := c.Add(t, "rooms", map[string]any{"name": "Blue", "location": testkit.Location, "kind": "room", "capacity": 1, "is_active": true}).Id
	lamp := c.Add(t, "rooms", map[string]any{"name": "Lamp", "location": testkit.Location, "kind": "equipment", "capacity": 1, "is_active": true}).Id
	change(t, c, c.Find(t, "services", testkit.Therapy), map[string]any{"needs_room": true, "required_equipment": []string{"lamp"}})
	var out bookedVisit
	c.Do(t, http.MethodPost, deskBooking, desk, booking(aMonday, map[string]any{"clientId": testkit.Bo, "status": "confirmed", "staffNotes": "By phone."})).Data(t, &out)
	a := c.Find(t, "appointments", out.Appointment.ID)
	if a.GetString("room") != room || !slices.Equal(a.GetStringSlice("equipment"), []string{lamp}) || a.GetString("status") != "confirmed" || out.Deposit != nil {
		t.Errorf("%v %+v", a, out)
	}
	night := booking("2026-12-22T05:00:00Z", map[string]any{"clientId": testkit.Bo})
	c.Do(t, http.MethodPost, deskBooking, desk, night).Refused(t, 400, "OUTSIDE_HOURS")
	night["outsideHours"] = true
	if got := c.Do(t, http.MethodPost, deskBooking, desk, night); got.Status != 201 {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	c.Do(t, http.MethodPost, deskBooking, desk, booking(aMonday, map[string]any{"clientId": testkit.Ada, "outsideHours": true})).Refused(t, 409, "SLOT_UNAVAILABLE")
	c.Do(t, http.MethodPost, deskBooking, desk, booking(aMonday, nil)).Refused(t, 400, "")
	c.Do(t, http.MethodPost, deskBooking, desk, booking(aMonday, map[string]any{"clientId": "none"})).Refused(t, 404, "")
	// by hand: a thing is no room, and a room no thing
	for field, value := range map[string]any{"room": lamp, "equipment": []string{room}} {
		if got := c.Do(t, http.MethodPatch, records+"/"+a.Id, desk, map[string]any{field: value}); got.Status != 400 {
			t.Errorf("%s: %d %s", field, got.Status, got.Body)
		}
	}
}

func TestRequestHoldsItsTime(t *testing.T) {
	c := openClinic(t)
	settings(t, c, map[string]any{"request_holds": true})
	got := c.Do(t, http.MethodPost, asking, c.As(t, testkit.AdaEmail), body(nil))
	if got.Status != 201 || !strings.Contains(string(got.Body), "We are holding Monday, December 21") {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	var asked struct{ RequestID string }
	got.Data(t, &asked)
	if mails := c.Mails(t, testkit.AdaEmail); len(mails) != 1 || !strings.Contains(mails[0].Text, "We are holding") {
		t.Errorf("%+v", mails)
	}
	bo, desk := c.As(t, testkit.BoEmail), c.As(t, testkit.DeskEmail)
	change(t, c, c.Find(t, "clinicians", testkit.Ana), map[string]any{"is_accepting_new_patients": true})
	before := settled(t, c)
	c.Do(t, http.MethodPost, visits, bo, booking(aMonday, nil)).Refused(t, 409, "SLOT_UNAVAILABLE")
	c.Do(t, http.MethodPost, asking, bo, body(nil)).Refused(t, 409, "SLOT_UNAVAILABLE")
	c.Do(t, http.MethodPost, deskBooking, desk, booking(aMonday, map[string]any{"clientId": testkit.Bo})).Refused(t, 409, "SLOT_UNAVAILABLE")
	if settled(t, c) != before {
		t.Error("a refusal changed something")
	}
	if got := c.Do(t, http.MethodPost, requests+"/"+asked.RequestID+"/decline", desk, map[string]any{"reason": "We are closed."}); got.Status != 200 {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	if got := c.Do(t, http.MethodPost, visits, bo, booking(aMonday, nil)); got.Status != 201 {
		t.Errorf("after the request was declined: %d %s", got.Status, got.Body)
	}
}

func TestMoneyFollowsVisits(t *testing.T) {
	c := openClinic(t)
	out := books(t, c, nil)
	cancel := func(id string, fee int) {
		t.Helper()
		settings(t, c, map[string]any{"late_fee_cents": fee})
		got := c.Do(t, http.MethodPost, deskBooking+"/"+id+"/move", c.As(t, testkit.DeskEmail), map[string]any{"status": "cancelled", "chargeFee": fee > 0})
		if got.Status != http.StatusOK {
			t.Fatalf("%d %s", got.Status, got.Body)
		}
	}
	cancel(out.Appointment.ID, 4000)
	if s := c.Find(t, "invoices", out.Deposit.InvoiceID).GetString("status"); s != "void" {
		t.Errorf("the deposit of a cancelled visit is %s", s)
	}
	fees := func() int {
		return c.Count(t, "invoices", "appointment = '"+out.Appointment.ID+"' AND purpose = 'late_fee' AND total_cents = 4000 AND status = 'open'", nil)
	}
	if fees() != 1 {
		t.Errorf("%d invoices for the fee", fees())
	}
	r := c.Find(t, "appointments", out.Appointment.ID)
	r.Set("staff_notes", "They called.")
	if err := kernel.SaveAs(c.App, deskActor(), r); err != nil || fees() != 1 {
		t.Errorf("saved again: %v, %d invoices", err, fees())
	}
	if n := c.Count(t, "invoices", "purpose = 'deposit'", nil); n != 1 {
		t.Errorf("%d deposits", n)
	}
	bill := c.Do(t, http.MethodPatch, "/api/collections/invoices/records/"+out.Deposit.InvoiceID, c.As(t, testkit.DeskEmail), map[string]any{"purpose": "late_fee"})
	if bill.Status != 400 {
		t.Errorf("staff wrote a purpose: %d", bill.Status)
	}
}

func TestFormsFollowVisits(t *testing.T) {
	c := openClinic(t)
	templates, err := forms.ImportBuiltIn(c.App)
	if err != nil {
		t.Fatal(err)
	}
	change(t, c, c.Find(t, "services", testkit.Therapy), map[string]any{"forms": []string{templates["phq-9"]}})
	asked := func() int { return c.Count(t, "portal_forms", "client = '"+testkit.Ada+"'", nil) }
	out := books(t, c, nil)
	f, err := c.App.FindFirstRecordByData("portal_forms", "appointment", out.Appointment.ID)
	if err != nil || f.GetString("due_date") != "2026-12-21" || f.GetString("status") != "pending" {
		t.Fatalf("%v %v", f, err)
	}
	books(t, c, map[string]any{"startTime": "2026-12-22T17:00:00Z"}) // the first is still to be sent
	if asked() != 1 {
		t.Errorf("%d forms", asked())
	}
	ask(t, c, map[string]any{"preferredDate1": "2026-12-29", "preferredDate2": nil, "preferredTime2": nil})
	if asked() != 1 {
		t.Error("a request asks for forms before it is decided")
	}
}

// TestPaidDepositIsNotedOnTheVisit: the payment's event, the invoice and the visit change together.
func TestPaidDepositIsNotedOnTheVisit(t *testing.T) {
	c := openClinic(t)
	out := books(t, c, nil)
	ada := c.As(t, testkit.AdaEmail)
	var intent struct{ PaymentID string }
	c.Do(t, http.MethodPost, kernel.Portal+"/payments/intent", ada, map[string]any{"invoiceId": out.Deposit.InvoiceID}, "Idempotency-Key", "pay").Data(t, &intent)
	if c.Find(t, "appointments", out.Appointment.ID).GetBool("deposit_paid") {
		t.Fatal("paid before it was")
	}
	if got := c.Do(t, http.MethodPost, kernel.Portal+"/payments/"+intent.PaymentID+"/test-confirm", ada, map[string]any{"outcome": "succeed"}); got.Status != http.StatusAccepted {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	for range 500 { // the processor's event comes on its own
		if c.Find(t, "invoices", out.Deposit.InvoiceID).GetString("status") == "paid" {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if s := c.Find(t, "invoices", out.Deposit.InvoiceID).GetString("status"); s != "paid" || !c.Find(t, "appointments", out.Appointment.ID).GetBool("deposit_paid") {
		t.Errorf("the invoice is %s and the visit does not know", s)
	}
}

// BenchmarkBooking books one free time after another, one request at a time; BenchmarkBookingLost asks for one that is
// taken, which costs the search for the next as well.
func BenchmarkBooking(b *testing.B) {
	c := openClinic(b)
	people := crowd(b, c, 20)
	i := 0
	took := make([]time.Duration, 0, b.N)
	for b.Loop() {
		start := at(weekday(i/18%100, 8)).Add(time.Duration(i%9) * time.Hour).Format(time.RFC3339)
		with := []string{testkit.Ana, testkit.Ben}[i/9%2]
		from := time.Now()
		got := c.Do(b, http.MethodPost, visits, people[i%20].token, booking(start, map[string]any{"practitionerId": with}))
		took = append(took, time.Since(from))
		if got.Status != http.StatusCreated {
			b.Fatalf("%d %s", got.Status, got.Body)
		}
		i++
	}
	report(b, took)
}

func BenchmarkBookingLost(b *testing.B) {
	c := openClinic(b)
	book(b, c, nil)
	bo := c.As(b, testkit.BoEmail)
	took := make([]time.Duration, 0, b.N)
	for b.Loop() {
		from := time.Now()
		got := c.Do(b, http.MethodPost, visits, bo, booking(aMonday, nil))
		took = append(took, time.Since(from))
		if got.Status != http.StatusConflict {
			b.Fatalf("%d %s", got.Status, got.Body)
		}
	}
	report(b, took)
}

func report(b *testing.B, took []time.Duration) { b.Helper(); reportAs(b, "", took) }

func reportAs(b *testing.B, what string, took []time.Duration) {
	b.Helper()
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, what+"p50-ms")
	b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, what+"p95-ms")
}
