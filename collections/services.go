package collections

import (
	"slices"
	"strings"
	"time"

	"github.com/pocketbase/pocketbase/core"
)

// Services is the name of the collection: what can be booked.
const Services = "services"

// BookingMode says what a client may do with a service in the portal.
type BookingMode string

const (
	BookingOff     BookingMode = "off"     // not shown
	BookingView    BookingMode = "view"    // shown, booked by phone
	BookingRequest BookingMode = "request" // the client asks, the clinic decides
	BookingInstant BookingMode = "instant" // the client books; asking is possible too
)

// Requestable tells whether a client may ask for it.
func (m BookingMode) Requestable() bool { return m == BookingRequest || m == BookingInstant }

// ServicePlace is where a visit happens.
type ServicePlace string

const (
	Telehealth ServicePlace = "telehealth"
	InOffice   ServicePlace = "in_office"
)

// Wire is the literal of the API: TELEHEALTH, IN_OFFICE.
func (p ServicePlace) Wire() string { return strings.ToUpper(string(p)) }

// PlaceFromWire reads the API's literal, exactly as it is written there.
func PlaceFromWire(s string) (ServicePlace, bool) {
	for _, p := range []ServicePlace{Telehealth, InOffice} {
		if s == p.Wire() {
			return p, true
		}
	}
	return "", false
}

// Service is one entry of the catalogue.
type Service struct{ core.BaseRecordProxy }

// AsService wraps a record of the collection.
func AsService(r *core.Record) *Service {
	s := &Service{}
	s.SetProxyRecord(r)
	return s
}

// FindService gives one by id.
func FindService(app core.App, id string) (*Service, error) {
	r, err := app.FindRecordById(Services, id)
	if err != nil {
		return nil, err
	}
	return AsService(r), nil
}

func (s *Service) Name() string          { return s.GetString("name") }
func (s *Service) IsActive() bool        { return s.GetBool("is_active") }
func (s *Service) Mode() BookingMode     { return BookingMode(s.GetString("booking_mode")) }
func (s *Service) DepositRequired() bool { return s.GetBool("deposit_required") }
func (s *Service) DepositCents() int     { return s.GetInt("deposit_cents") }

// Duration is the length of a visit as the client sees it.
func (s *Service) Duration() time.Duration { return s.minutes("duration") }

// Hold is how long a visit of that length keeps the clinician and the room: the longer of the visit and what the
// clinic schedules for the service, and the time after it.
func (s *Service) Hold(visit time.Duration) time.Duration {
	return max(visit, s.minutes("scheduled_duration")) + s.minutes("post_treatment_time")
}

func (s *Service) minutes(field string) time.Duration {
	return time.Duration(s.GetInt(field)) * time.Minute
}

// OfferedBy tells whether the clinician gives this service.
func (s *Service) OfferedBy(clinician string) bool {
	return slices.Contains(s.GetStringSlice("clinicians"), clinician)
}

// TakesPlace tells whether the service is given there.
func (s *Service) TakesPlace(p ServicePlace) bool {
	return slices.Contains(s.GetStringSlice("service_locations"), string(p))
}

// NeedsRoom tells whether a visit in the office takes a room of its own.
func (s *Service) NeedsRoom() bool { return s.GetBool("needs_room") }

// Rooms are the rooms it can be given in; none: any room of the place.
func (s *Service) Rooms() []string { return s.GetStringSlice("rooms") }

// SeriesMax is how many visits a client may book at once; less than two: one.
func (s *Service) SeriesMax() int { return s.GetInt("series_max") }

// Forms are the templates that a visit of this service asks for.
func (s *Service) Forms() []string { return s.GetStringSlice("forms") }
