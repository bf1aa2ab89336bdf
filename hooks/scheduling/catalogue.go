package scheduling

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/kernel"
)

// Service is an entry of the public catalogue. Money is in cents, the duration in minutes.
type Service struct {
	ID               string   `json:"id"`
	Name             string   `json:"name"`
	Description      string   `json:"description,omitempty"`
	Category         string   `json:"category"`
	DurationMinutes  int      `json:"durationMinutes"`
	PriceCents       int      `json:"priceCents"`
	Currency         string   `json:"currency"`
	DepositRequired  bool     `json:"depositRequired"`
	DepositCents     int      `json:"depositCents,omitempty"`
	BookingMode      string   `json:"bookingMode"`
	ServiceLocations []string `json:"serviceLocations"`
	SeriesMax        int      `json:"seriesMax,omitempty"` // visits that can be booked in a row; absent: one at a time
	LateFeeCents     int      `json:"lateFeeCents,omitempty"`
}

// Provider is a clinician as the public sees one.
type Provider struct {
	ID                     string   `json:"id"`
	FirstName              string   `json:"firstName"`
	LastName               string   `json:"lastName"`
	Title                  string   `json:"title"`
	Discipline             string   `json:"discipline,omitempty"`
	Specializations        []string `json:"specializations"`
	Bio                    string   `json:"bio,omitempty"`
	IsAcceptingNewPatients bool     `json:"isAcceptingNewPatients"`
	ServiceIDs             []string `json:"serviceIds"`
	LocationIDs            []string `json:"locationIds"`
	BookingMode            string   `json:"bookingMode,omitempty"` // their own, where they allow less than the service
}

// Package is several visits sold together. The price is that of the whole, in cents; validDays count from the day it is bought.
type Package struct {
	ID          string        `json:"id"`
	Name        string        `json:"name"`
	Description string        `json:"description,omitempty"`
	Category    string        `json:"category"`
	Items       []PackageItem `json:"items"`
	PriceCents  int           `json:"priceCents"`
	Currency    string        `json:"currency"`
	ValidDays   int           `json:"validDays,omitempty"`
}

// PackageItem is how often one service is part of it.
type PackageItem struct {
	ServiceID string `json:"serviceId"`
	Name      string `json:"name"`
	Quantity  int    `json:"quantity"`
}

// Location is one of the clinic's places.
type Location struct {
	ID       string              `json:"id"`
	Name     string              `json:"name"`
	Address  collections.Address `json:"address"`
	TimeZone string              `json:"timeZone"`
	Phone    string              `json:"phone,omitempty"`
}

// catalogue is what the public sees: active entries only, and no service that the clinic switched off. It is never
// changed once it is made.
type catalogue struct {
	Services  []Service
	Providers []Provider
	Locations []Location
	Packages  []Package
}

// noSuchService is the id that no service has.
const noSuchService = "none"

// serviceNamed finds a service by id or by name, whatever its capitals. It is "" when none was named, and
// noSuchService when the clinic offers none of that name.
func (c *catalogue) serviceNamed(idOrName string) string {
	if idOrName = strings.TrimSpace(idOrName); idOrName == "" {
		return ""
	}
	for _, s := range c.Services {
		if s.ID == idOrName || strings.EqualFold(s.Name, idOrName) {
			return s.ID
		}
	}
	return noSuchService
}

const catalogueKey = "anteroom.catalogue"

// catalogueCache keeps the catalogue in memory until something in it changes. The lock is held while it is read, so
// that a change that commits meanwhile clears what was read too early.
type catalogueCache struct {
	mu   sync.Mutex
	kept *catalogue
}

func catalogueOf(app core.App) (*catalogue, error) {
	cache := app.Store().GetOrSet(catalogueKey, func() any { return &catalogueCache{} }).(*catalogueCache)
	cache.mu.Lock()
	defer cache.mu.Unlock()
	if cache.kept == nil {
		c, err := readCatalogue(app)
		if err != nil {
			return nil, err
		}
		cache.kept = c
	}
	return cache.kept, nil
}

func bindCatalogue(app core.App) {
	forget := func(e *core.RecordEvent) error {
		cache := app.Store().GetOrSet(catalogueKey, func() any { return &catalogueCache{} }).(*catalogueCache)
		cache.mu.Lock()
		cache.kept = nil
		cache.mu.Unlock()
		return e.Next()
	}
	shown := []string{collections.Services, collections.Packages, "service_categories", "clinicians", collections.Locations, "clinic_settings"}
	app.OnRecordAfterCreateSuccess(shown...).BindFunc(forget)
	app.OnRecordAfterUpdateSuccess(shown...).BindFunc(forget)
	app.OnRecordAfterDeleteSuccess(shown...).BindFunc(forget)

	routesFor(app, "services", collections.Services, func(c *catalogue) []Service { return c.Services }, func(s Service) string { return s.ID })
	routesFor(app, "providers", "clinicians", func(c *catalogue) []Provider { return c.Providers }, func(p Provider) string { return p.ID })
	routesFor(app, "locations", collections.Locations, func(c *catalogue) []Location { return c.Locations }, func(l Location) string { return l.ID })
	routesFor(app, "packages", collections.Packages, func(c *catalogue) []Package { return c.Packages }, func(p Package) string { return p.ID })
}

// routesFor declares the list and the single entry of one part of the catalogue. It is public: the page shows it
// before anybody signs in.
func routesFor[T any](app core.App, name, owns string, part func(*catalogue) []T, id func(T) string) {
	list := func(c *kernel.Call) (*kernel.Reply, error) {
		cat, err := catalogueOf(c.App)
		if err != nil {
			return nil, err
		}
		return kernel.OK(map[string][]T{name: part(cat)}), nil
	}
	one := func(c *kernel.Call) (*kernel.Reply, error) {
		cat, err := catalogueOf(c.App)
		if err != nil {
			return nil, err
		}
		for _, entry := range part(cat) {
			if id(entry) == c.ID() {
				return kernel.OK(entry), nil
			}
		}
		return nil, kernel.NotFound()
	}
	path := kernel.Portal + "/" + name
	kernel.Handle(app,
		kernel.Route{Method: http.MethodGet, Path: path, Access: kernel.Public, Do: list},
		kernel.Route{Method: http.MethodGet, Path: path + "/{id}", Access: kernel.Public, Owns: owns, Do: one})
}

func readCatalogue(app core.App) (*catalogue, error) {
	active := dbx.HashExp{"is_active": true}
	services, err := app.FindAllRecords(collections.Services, active, dbx.Not(dbx.HashExp{"booking_mode": string(collections.BookingOff)}))
	if err != nil {
		return nil, err
	}
	clinicians, err := app.FindAllRecords("clinicians", active)
	if err != nil {
		return nil, err
	}
	locations, err := app.FindAllRecords(collections.Locations, active)
	if err != nil {
		return nil, err
	}
	categories, err := app.FindAllRecords("service_categories")
	if err != nil {
		return nil, err
	}
	packages, err := app.FindAllRecords(collections.Packages, active)
	if err != nil {
		return nil, err
	}
	category := map[string]*core.Record{}
	for _, r := range categories {
		category[r.Id] = r
	}
	position := func(r *core.Record) int {
		if c := category[r.GetString("category")]; c != nil {
			return c.GetInt("position")
		}
		return 1 << 30 // without a category, at the end
	}
	slices.SortFunc(services, func(a, b *core.Record) int {
		return cmp.Or(cmp.Compare(position(a), position(b)), cmp.Compare(a.GetString("name"), b.GetString("name")), cmp.Compare(a.Id, b.Id))
	})
	slices.SortFunc(clinicians, func(a, b *core.Record) int {
		return cmp.Or(cmp.Compare(a.GetString("last_name"), b.GetString("last_name")),
			cmp.Compare(a.GetString("first_name"), b.GetString("first_name")), cmp.Compare(a.Id, b.Id))
	})
	slices.SortFunc(locations, func(a, b *core.Record) int {
		return cmp.Or(a.GetDateTime("created").Compare(b.GetDateTime("created")), cmp.Compare(a.Id, b.Id))
	})

	c := &catalogue{Services: []Service{}, Providers: []Provider{}, Locations: []Location{}, Packages: []Package{}}
	currency := collections.Settings(app).Currency
	for _, r := range services {
		s := Service{ID: r.Id, Name: r.GetString("name"), Description: r.GetString("description"), DurationMinutes: r.GetInt("duration"),
			PriceCents: r.GetInt("price_cents"), Currency: cmp.Or(r.GetString("currency"), currency),
			DepositRequired: r.GetBool("deposit_required"), DepositCents: r.GetInt("deposit_cents"), BookingMode: r.GetString("booking_mode"),
			ServiceLocations: []string{}, SeriesMax: r.GetInt("series_max"), LateFeeCents: r.GetInt("late_fee_cents")}
		if group := category[r.GetString("category")]; group != nil {
			s.Category = group.GetString("name")
		}
		for _, where := range r.GetStringSlice("service_locations") {
			s.ServiceLocations = append(s.ServiceLocations, collections.ServicePlace(where).Wire())
		}
		c.Services = append(c.Services, s)
	}
	for _, r := range locations {
		l := collections.AsLocation(r)
		c.Locations = append(c.Locations, Location{ID: r.Id, Name: l.Name(), Address: l.Address(), TimeZone: l.TimeZone(), Phone: r.GetString("phone")})
	}
	for _, r := range clinicians {
		p := Provider{ID: r.Id, FirstName: r.GetString("first_name"), LastName: r.GetString("last_name"), Title: r.GetString("title"),
			Discipline: r.GetString("discipline"), Specializations: []string{}, Bio: r.GetString("bio"),
			IsAcceptingNewPatients: r.GetBool("is_accepting_new_patients"), ServiceIDs: []string{}, LocationIDs: []string{},
			BookingMode: r.GetString("booking_mode")}
		if raw := r.GetString("specializations"); raw != "" {
			if err := json.Unmarshal([]byte(raw), &p.Specializations); err != nil || p.Specializations == nil {
				p.Specializations = []string{} // a free JSON field of the dashboard: what is no list of words is not shown
			}
		}
		for _, s := range services {
			if collections.AsService(s).OfferedBy(r.Id) {
				p.ServiceIDs = append(p.ServiceIDs, s.Id)
			}
		}
		works := r.GetStringSlice("locations")
		for _, l := range c.Locations {
			if len(works) == 0 || slices.Contains(works, l.ID) {
				p.LocationIDs = append(p.LocationIDs, l.ID)
			}
		}
		c.Providers = append(c.Providers, p)
	}
	return c, c.fillPackages(packages, category, currency)
}

// fillPackages shows the packages whose services are all shown: what holds something the clinic no longer offers is not
// sold.
func (c *catalogue) fillPackages(records []*core.Record, category map[string]*core.Record, currency string) error {
	names := map[string]string{}
	for _, s := range c.Services {
		names[s.ID] = s.Name
	}
	slices.SortFunc(records, func(a, b *core.Record) int {
		return cmp.Or(cmp.Compare(a.GetInt("position"), b.GetInt("position")), cmp.Compare(a.GetString("name"), b.GetString("name")), cmp.Compare(a.Id, b.Id))
	})
	for _, r := range records {
		items, err := collections.AsPackage(r).Items()
		if err != nil {
			return err
		}
		p := Package{ID: r.Id, Name: r.GetString("name"), Description: r.GetString("description"), Items: []PackageItem{},
			PriceCents: r.GetInt("price_cents"), Currency: cmp.Or(r.GetString("currency"), currency), ValidDays: r.GetInt("valid_days")}
		if group := category[r.GetString("category")]; group != nil {
			p.Category = group.GetString("name")
		}
		for _, item := range items {
			if name := names[item.Service]; name != "" {
				p.Items = append(p.Items, PackageItem{ServiceID: item.Service, Name: name, Quantity: item.Quantity})
			}
		}
		if len(p.Items) == len(items) {
			c.Packages = append(c.Packages, p)
		}
	}
	return nil
}
