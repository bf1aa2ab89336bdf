package scheduling_test

import (
	"testing"
	"time"

	"anteroom/hooks/kernel"
	"anteroom/hooks/scheduling"
	"anteroom/hooks/testkit"
)

func TestSmokeOpenings(t *testing.T) {
	c := testkit.New(t)
	c.Add(t, "shifts", map[string]any{"clinician": testkit.Ana, "location": testkit.Location, "first_day": "2026-01-01", "rrule": "FREQ=WEEKLY;BYDAY=MO,TU",
		"starts_at": "09:00", "ends_at": "12:00", "is_active": true})
	w := scheduling.WishFor{Client: testkit.Ada, Service: testkit.Therapy, Location: testkit.Location, By: adaActor()}
	now := kernel.Now(c.App)
	got, err := scheduling.Openings(c.App, w, now, now.AddDate(0, 0, 14))
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range got {
		t.Log(o.Start.In(time.UTC), o.Clinicians)
		if err := scheduling.RefuseUnopened(c.App, w, o.Start); err != nil {
			t.Error(err)
		}
	}
	t.Log(scheduling.RefuseUnopened(c.App, w, got[0].Start.Add(time.Minute)))
	t.Log(scheduling.RefuseUnopened(c.App, w, got[0].Start.Add(6*time.Hour)))
	s2, err := scheduling.NextOpening(c.App, w, "en", got[len(got)-1].Start)
	t.Logf("%+v %v", s2, err)
}
