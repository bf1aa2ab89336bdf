package scheduling_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"anteroom/hooks/kernel"
	"anteroom/hooks/scheduling"
	"anteroom/hooks/testkit"
)

func TestCatalogueIsPublicAndWhatTheClinicShows(t *testing.T) {
	c := newClinic(t)
	c.Add(t, "services", map[string]any{"id": "serviceoff00000", "name": "Secret", "duration": 30, "booking_mode": "off", "service_locations": []string{"in_office"},
		"clinicians": []string{testkit.Ana}, "is_active": true})
	c.Add(t, "services", map[string]any{"id": "serviceended000", "name": "Ended", "duration": 30, "booking_mode": "request", "service_locations": []string{"in_office"}, "is_active": false})
	c.Add(t, "clinicians", map[string]any{"id": "clinicianleft00", "first_name": "Gone", "last_name": "Away", "is_active": false})
	var got struct {
		Services  []scheduling.Service
		Providers []scheduling.Provider
		Locations []scheduling.Location
	}
	for _, part := range []string{"services", "providers", "locations"} {
		c.Do(t, http.MethodGet, kernel.Portal+"/"+part, "", nil).Data(t, &got)
	}
	if len(got.Services) != 1 || got.Services[0].ID != testkit.Therapy || !slices.Equal(got.Services[0].ServiceLocations, []string{"IN_OFFICE", "TELEHEALTH"}) || got.Services[0].PriceCents != 15000 {
		t.Errorf("services are %+v", got.Services)
	}
	if len(got.Providers) != 2 || got.Providers[0].ID != testkit.Ben || !slices.Equal(got.Providers[1].ServiceIDs, []string{testkit.Therapy}) || !slices.Equal(got.Providers[1].LocationIDs, []string{testkit.Location}) {
		t.Errorf("providers are %+v", got.Providers)
	}
	if len(got.Locations) != 1 || got.Locations[0].Address.City != "Boulder" || got.Locations[0].TimeZone != testkit.Zone {
		t.Errorf("locations are %+v", got.Locations)
	}
	for path, status := range map[string]int{"services/" + testkit.Therapy: 200, "services/serviceoff00000": 404, "services/serviceended000": 404, "providers/" + testkit.Ana: 200,
		"providers/clinicianleft00": 404, "locations/" + testkit.Location: 200, "locations/nowhere": 404} {
		if got := c.Do(t, http.MethodGet, kernel.Portal+"/"+path, "", nil); got.Status != status {
			t.Errorf("%s: %d, want %d", path, got.Status, status)
		}
	}
}

// The catalogue is kept in memory; every change of what it shows is seen at once.
func TestCatalogueFollowsChanges(t *testing.T) {
	c := newClinic(t)
	read := func() string {
		all := ""
		for _, part := range []string{"services", "providers", "locations"} {
			all += string(c.Do(t, http.MethodGet, kernel.Portal+"/"+part, "", nil).Body)
		}
		return all
	}
	read()
	category := c.Add(t, "service_categories", map[string]any{"name": "Talking", "position": 1})
	for _, x := range []struct {
		collection, id string
		change         map[string]any
		want           string
	}{
		{"services", testkit.Therapy, map[string]any{"category": category.Id}, "Talking"},
		{"service_categories", category.Id, map[string]any{"name": "Listening"}, "Listening"},
		{"services", testkit.Therapy, map[string]any{"name": "Couples therapy"}, "Couples therapy"},
		{"clinicians", testkit.Ana, map[string]any{"bio": "I listen."}, "I listen."},
		{"clinicians", testkit.Ana, map[string]any{"specializations": []string{"Sleep"}}, "Sleep"},
		{"locations", testkit.Location, map[string]any{"phone": "(303) 555-0199"}, "(303) 555-0199"},
	} {
		change(t, c, c.Find(t, x.collection, x.id), x.change)
		if !strings.Contains(read(), x.want) {
			t.Errorf("%s: %q is not shown", x.collection, x.want)
		}
	}
	change(t, c, c.Find(t, "services", testkit.Therapy), map[string]any{"booking_mode": "off"})
	if strings.Contains(read(), testkit.Therapy) {
		t.Error("a service that was switched off is still shown")
	}
}
