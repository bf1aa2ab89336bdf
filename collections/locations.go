package collections

import (
	"strings"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections/zones"
)

// Locations is the name of the collection: the clinic's places.
const Locations = "locations"

// Location is one place. Times of visits are agreed in its zone, by video too.
type Location struct{ core.BaseRecordProxy }

// AsLocation wraps a record of the collection.
func AsLocation(r *core.Record) *Location {
	l := &Location{}
	l.SetProxyRecord(r)
	return l
}

// FindLocation gives one by id.
func FindLocation(app core.App, id string) (*Location, error) {
	r, err := app.FindRecordById(Locations, id)
	if err != nil {
		return nil, err
	}
	return AsLocation(r), nil
}

// MainLocation gives the clinic's first open place, or nil.
func MainLocation(app core.App) (*Location, error) {
	rows, err := app.FindRecordsByFilter(Locations, "is_active = true", "created", 1, 0)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return AsLocation(rows[0]), nil
}

func (l *Location) Phone() string    { return l.GetString("phone") }
func (l *Location) Name() string     { return l.GetString("name") }
func (l *Location) IsActive() bool   { return l.GetBool("is_active") }
func (l *Location) TimeZone() string { return l.GetString("time_zone") }

// Zone is its IANA zone.
func (l *Location) Zone() (*time.Location, error) { return Zone(l.TimeZone()) }

func (l *Location) Address() Address {
	return Address{Street: l.GetString("street"), City: l.GetString("city"), State: l.GetString("state"),
		ZipCode: l.GetString("zip_code"), Country: l.GetString("country")}
}

// Address is a postal address.
type Address struct {
	Street  string `json:"street"`
	City    string `json:"city"`
	State   string `json:"state"`
	ZipCode string `json:"zipCode"`
	Country string `json:"country,omitempty"`
}

// Line is the address as one writes it in a line: "12 Elm St, Boulder, CO 80302".
func (a Address) Line() string {
	var parts []string
	for _, p := range []string{a.Street, a.City, strings.TrimSpace(a.State + " " + a.ZipCode), a.Country} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	return strings.Join(parts, ", ")
}

// Zone gives an IANA zone by name. "" and "Local", which Go would accept, are no zones of a clinic.
func Zone(name string) (*time.Location, error) { return zones.Load(name) }
