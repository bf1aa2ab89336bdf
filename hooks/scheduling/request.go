package scheduling

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/pocketbase/dbx"

	"anteroom/collections"
	"anteroom/hooks/kernel"
)

// requestBody is what a client sends to ask for a visit. Dates are calendar days, times are those of the location's
// clocks. LocationID may be left out where the clinic has one place for the client.
type requestBody struct {
	ClinicianID     string `json:"clinicianId"`
	AppointmentType string `json:"appointmentType"` // id or name of a service
	PreferredDate1  string `json:"preferredDate1"`
	PreferredTime1  string `json:"preferredTime1"`
	PreferredDate2  string `json:"preferredDate2"`
	PreferredTime2  string `json:"preferredTime2"`
	PreferredDate3  string `json:"preferredDate3"`
	PreferredTime3  string `json:"preferredTime3"`
	ServiceLocation string `json:"serviceLocation"` // TELEHEALTH or IN_OFFICE
	LocationID      string `json:"locationId"`
	Notes           string `json:"notes"`
	ReasonForVisit  string `json:"reasonForVisit"`
}

// preferences are the pairs that were filled in, and which of the three each one is.
func (b *requestBody) preferences() (wanted []collections.Preference, numbers []int) {
	for i, p := range []collections.Preference{{Date: b.PreferredDate1, Time: b.PreferredTime1},
		{Date: b.PreferredDate2, Time: b.PreferredTime2}, {Date: b.PreferredDate3, Time: b.PreferredTime3}} {
		if i == 0 || p.Date != "" || p.Time != "" {
			wanted, numbers = append(wanted, p), append(numbers, i+1)
		}
	}
	return wanted, numbers
}

type requestAnswer struct {
	RequestID   string `json:"requestId"`
	Status      string `json:"status"`
	SubmittedAt string `json:"submittedAt"`
}

func request(c *kernel.Call) (*kernel.Reply, error) {
	var body requestBody
	if err := c.Bind(&body); err != nil {
		return nil, err
	}
	a, err := collections.NewAppointment(c.App)
	if err != nil {
		return nil, err
	}
	a.SetStatus(collections.AppointmentRequested)
	a.Set("client", c.Client())
	a.Set("clinician", body.ClinicianID)
	a.Set("reason_for_visit", body.ReasonForVisit)
	a.Set("patient_notes", body.Notes)
	if where, ok := collections.PlaceFromWire(body.ServiceLocation); ok {
		a.Set("service_location", string(where))
	}
	wanted, numbers := body.preferences()
	a.SetPreferences(wanted)
	cat, err := catalogueOf(c.App)
	if err != nil {
		return nil, err
	}
	a.Set("service", cat.serviceNamed(body.AppointmentType))
	location := body.LocationID
	if location == "" {
		if location, err = usualLocation(c, cat, body.ClinicianID); err != nil {
			return nil, err
		}
	}
	a.Set("location", location)
	if err := kernel.SaveAs(c.App, c.Actor, a.Record); err != nil {
		return nil, requestUnavailable(c, a, inTheWordsOfTheRequest(err, numbers))
	}
	lang := languageOf(c.Request.Header.Get("Accept-Language"))
	held, err := heldInWords(c.App, a, lang)
	if err != nil {
		return nil, err
	}
	return kernel.Created(requestAnswer{RequestID: a.Id, Status: "PENDING", SubmittedAt: a.SubmittedAt().Format(instantForm)}).
		Say(inLanguage(lang, "Request sent. ", "Solicitud enviada. ") + promise(lang, collections.Settings(c.App), held)), nil
}

// promise is what a client may expect of a request. The clinic counts its answer in working days: a request of a
// Saturday night is not answered at that hour of Sunday. held is the time that is kept until then, in words.
func promise(lang string, s *collections.ClinicSettings, held string) string {
	days := (s.RequestAnswerIn + 23) / 24
	if held != "" {
		until := inLanguage(lang, "one working day", "un día hábil")
		if days > 1 {
			until = strconv.Itoa(days) + inLanguage(lang, " working days", " días hábiles")
		}
		return inLanguage(lang, "We are holding "+held+" until we answer, within "+until+".",
			"Le reservamos "+held+" hasta que respondamos, en un plazo de "+until+".")
	}
	if days <= 1 {
		return inLanguage(lang, "This does not hold the times. We'll answer within one working day.",
			"Esto no reserva las horas. Responderemos en un plazo de un día hábil.")
	}
	return inLanguage(lang, "This does not hold the times. We'll answer within "+strconv.Itoa(days)+" working days.",
		"Esto no reserva las horas. Responderemos en un plazo de "+strconv.Itoa(days)+" días hábiles.")
}

// usualLocation is where a client who names no place is meant to come: the place they prefer, else the first of the
// clinic's where the clinician they ask for works.
func usualLocation(c *kernel.Call, cat *catalogue, clinician string) (string, error) {
	var preferred string
	err := c.App.DB().Select("preferred_location").From("clients").Where(dbx.HashExp{"id": c.Client()}).Row(&preferred)
	if err != nil {
		return "", err
	}
	var open []string
	for _, l := range cat.Locations {
		open = append(open, l.ID)
	}
	for _, p := range cat.Providers {
		if p.ID == clinician {
			open = p.LocationIDs
		}
	}
	if slices.Contains(open, preferred) || len(open) == 0 {
		return preferred, nil // or nowhere, which the rules refuse
	}
	return open[0], nil
}

// reasons are the codes that travel as details.reason too, the most telling first.
var reasons = []string{"service_not_found", "service_not_bookable", "clinician_not_found", "clinician_not_for_service",
	"clinician_not_at_location", "clinician_not_accepting", "nonexistent_time", "past", "too_soon", "too_far"}

// inTheWordsOfTheRequest renames the fields of the record to those that were sent: "preferences.1.time" is
// preferredTime2 when the second pair that was filled in is the second, and the service was sent as
// appointmentType.
func inTheWordsOfTheRequest(err error, numbers []int) error {
	refusal := kernel.AsError(err)
	if !refusal.HasFields() {
		return err
	}
	names := map[string]string{"service": "appointmentType", "clinician": "clinicianId", "location": "locationId",
		"patientNotes": "notes", "preferences": "preferredDate1", "startTime": "preferredTime1"}
	for i, n := range numbers {
		from, number := "preferences."+strconv.Itoa(i), strconv.Itoa(n)
		names[from+".date"], names[from+".time"] = "preferredDate"+number, "preferredTime"+number
	}
	renamed := map[string]kernel.FieldError{}
	for field, problem := range refusal.Fields {
		renamed[cmp.Or(names[field], field)] = problem
	}
	refusal.Fields = renamed
	refusal.Reason = reasonAmong(refusal.Fields)
	return refusal
}

func reasonAmong(fields map[string]kernel.FieldError) string {
	for _, reason := range reasons {
		for _, f := range slices.Sorted(maps.Keys(fields)) {
			if fields[f].Code == reason {
				return strings.ToUpper(reason)
			}
		}
	}
	return ""
}
