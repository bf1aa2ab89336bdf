package scheduling_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"anteroom/hooks/scheduling"
	"anteroom/hooks/testkit"
)

// BenchmarkAvailability is a month of a clinic with 20 clinicians and 100,000 appointments, for whoever is free. It
// also reports the median and the 95th percentile, in microseconds.
func BenchmarkAvailability(b *testing.B) {
	c := newClinic(b)
	var ids []string
	for i := range 20 {
		id := fmt.Sprintf("clinician%06d", i)
		ids = append(ids, id)
		c.Add(b, "clinicians", map[string]any{"id": id, "first_name": "C", "last_name": fmt.Sprint(i), "is_active": true, "is_accepting_new_patients": true})
		c.Add(b, "shifts", map[string]any{"clinician": id, "location": testkit.Location, "first_day": "2026-01-01", "rrule": "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
			"starts_at": "08:00", "ends_at": "18:00", "is_active": true})
		c.Add(b, "breaks", map[string]any{"clinician": id, "first_day": "2026-01-01", "rrule": "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "starts_at": "12:00",
			"ends_at": "13:00", "is_active": true})
	}
	change(b, c, c.Find(b, "services", testkit.Therapy), map[string]any{"clinicians": ids})
	for _, statement := range []string{
		// four visits a day of each clinician, over three and a half years
		`INSERT INTO appointments (id, client, clinician, service, location, start_time, end_time, hold_start, hold_end, status, local_date)
			WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 99999)
			SELECT 'visit' || i, 'many' || i, printf('clinician%06d', i % 20), '` + testkit.Therapy + `', '` + testkit.Location + `',
				t, strftime('%Y-%m-%d %H:%M:%fZ', t, '+50 minutes'), t, strftime('%Y-%m-%d %H:%M:%fZ', t, '+60 minutes'), 'scheduled', substr(t, 1, 10)
			FROM (SELECT i, strftime('%Y-%m-%d %H:%M:%fZ', '2024-01-01', '+' || (i / 80) || ' days', '+' || (15 + (i / 20) % 4 * 2) || ' hours') AS t FROM n)`,
		`ANALYZE`,
	} {
		if _, err := c.App.NonconcurrentDB().NewQuery(statement).Execute(); err != nil {
			b.Fatal(err)
		}
	}
	w := scheduling.WishFor{Client: testkit.Ada, Service: testkit.Therapy, Location: testkit.Location, By: adaActor()}
	from := at("2027-01-01T07:00:00Z")
	var took []time.Duration
	b.ReportAllocs()
	for b.Loop() {
		day := rand.IntN(60)
		begun := time.Now()
		found, err := scheduling.Openings(c.App, w, from.AddDate(0, 0, day), from.AddDate(0, 0, day+31))
		if err != nil || len(found) < 100 {
			b.Fatal(err, len(found))
		}
		took = append(took, time.Since(begun))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*95/100].Microseconds()), "p95-µs")
}
