package scheduling_test

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"anteroom/hooks/testkit"
)

// BenchmarkBookingUnderLoad has sixteen people at once who look at a week and then book a time of it, each another one:
// run it with -benchtime 500x. What one of them waits for is what the writer and all others cost.
func BenchmarkBookingUnderLoad(b *testing.B) {
	const atOnce, mostSlots = 16, 1800
	if b.N > mostSlots {
		b.Skip("there are 1800 times to book: run with -benchtime 500x")
	}
	c := openClinic(b)
	c.Limit(b, "requests", 1_000_000, 60)
	people := crowd(b, c, 100) // nobody is asked to be in two places
	looked, booked := make([]time.Duration, b.N), make([]time.Duration, b.N)
	var next atomic.Int64
	var working sync.WaitGroup
	b.ResetTimer()
	for range atOnce {
		working.Go(func() {
			for i := int(next.Add(1)) - 1; i < b.N; i = int(next.Add(1)) - 1 {
				day := at(weekday(i/18%100, 8))
				start := day.Add(time.Duration(i%9) * time.Hour).Format(time.RFC3339)
				who := people[(i/9*31+i%9)%len(people)].token
				from := time.Now()
				got := c.Do(b, http.MethodGet, visits+"/availability?serviceId="+testkit.Therapy+"&from="+day.Format(time.DateOnly), who, nil)
				looked[i] = time.Since(from)
				if got.Status != http.StatusOK {
					b.Errorf("%d %s", got.Status, got.Body)
				}
				from = time.Now()
				got = c.Do(b, http.MethodPost, visits, who, booking(start, map[string]any{"practitionerId": []string{testkit.Ana, testkit.Ben}[i/9%2]}))
				booked[i] = time.Since(from)
				if got.Status != http.StatusCreated {
					b.Errorf("%d %s", got.Status, got.Body)
				}
			}
		})
	}
	working.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "bookings/s")
	reportAs(b, "look-", looked)
	reportAs(b, "book-", booked)
}
