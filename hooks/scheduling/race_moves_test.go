package scheduling_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"anteroom/hooks/kernel"
	"anteroom/hooks/testkit"
)

// agreed gives everybody a visit with Ana, two hours after each other and apart from the days that are fought over.
func agreed(t testing.TB, c *testkit.Clinic, people []person) []string {
	t.Helper()
	ids := make([]string, len(people))
	for i, p := range people {
		start := time.Date(2027, 2, 1+i/10, 15+i%10, 0, 0, 0, time.UTC)
		ids[i] = book(t, c, map[string]any{"client": p.client, "start_time": start}).Id
	}
	return ids
}

// TestTwoHundredMoveAtOnce: of everybody who moves their visit to one time, in the portal and, each second one, by the
// desk that drags it there, one gets it. Everybody else keeps the time they had, and nobody hears of a move that was not.
func TestTwoHundredMoveAtOnce(t *testing.T) {
	c := openClinic(t)
	settings(t, c, map[string]any{"booking_horizon_days": 365})
	people, desk := crowd(t, c, crowdSize), c.As(t, testkit.DeskEmail)
	ids := agreed(t, c, people)
	for round := range crowdRounds {
		start := weekday(round, 9)
		moved := c.Count(t, "appointment_history", "from_start <> '' AND from_start <> to_start", nil)
		told := c.Count(t, "outbox", "topic = 'appointment_changed'", nil)
		o := together(t, crowdSize, func(i int) *testkit.Response {
			if i%2 == 0 {
				return c.Do(t, http.MethodPost, visits+"/"+ids[i]+"/reschedule", people[i].token, map[string]any{"startTime": start})
			}
			return c.Do(t, http.MethodPost, deskVisits+"/"+ids[i]+"/reschedule", desk, map[string]any{"startTime": start})
		})
		if o.won != 1 || o.lost != crowdSize-1 {
			t.Fatalf("round %d: %d won and %d lost", round, o.won, o.lost)
		}
		there := c.Count(t, "appointments", fmt.Sprintf("start_time = '%s' AND status = 'confirmed'", at(start).Format("2006-01-02 15:04:05.000Z")), nil)
		moved = c.Count(t, "appointment_history", "from_start <> '' AND from_start <> to_start", nil) - moved
		told = c.Count(t, "outbox", "topic = 'appointment_changed'", nil) - told
		if there != 1 || moved != 1 || told != 1 {
			t.Fatalf("round %d: %d visits there, %d moves, %d letters", round, there, moved, told)
		}
	}
	if n := c.Count(t, "appointments", "status = 'confirmed'", nil); n != crowdSize {
		t.Errorf("%d visits of %d are left", n, crowdSize)
	}
}

// TestTwoHundredTakeWhatIsCancelled: a visit is called off while everybody books its time, and the line of the waitlist
// moves. Whoever it is, a client or the entry that it is offered to, one has the time in the end.
func TestTwoHundredTakeWhatIsCancelled(t *testing.T) {
	c := openClinic(t)
	people := crowd(t, c, crowdSize)
	ada := c.As(t, testkit.AdaEmail)
	for round := range crowdRounds {
		start := weekday(round, 9)
		e := join(t, c, testkit.BoEmail, nil)
		visit := book(t, c, map[string]any{"start_time": at(start)}).Id
		before := traces(t, c)[0]
		o := together(t, crowdSize, func(i int) *testkit.Response {
			if i == 0 {
				got := c.Do(t, http.MethodDelete, visits+"/"+visit, ada, map[string]any{"reason": "I am ill."})
				c.Deliver()
				return got
			}
			return c.Do(t, http.MethodPost, visits, people[i].token, booking(start, nil))
		})
		c.Deliver()
		took := o.won - 1 // the cancellation went well too
		offer := entry(t, c, e.ID).Offer()
		offered := 0
		if offer.Start.Equal(at(start)) && offer.Clinician == testkit.Ana {
			offered = 1
		}
		if took+offered != 1 || o.won+o.lost != crowdSize {
			t.Fatalf("round %d: %d booked and %d offered, %d lost", round, took, offered, o.lost)
		}
		if n := traces(t, c)[0] - before; n != took-1 { // one is gone, and the winner's is there
			t.Fatalf("round %d: %d more visits", round, n)
		}
		if got := c.Do(t, http.MethodDelete, kernel.Portal+"/waitlist/"+e.ID, c.As(t, testkit.BoEmail), nil); got.Status != http.StatusOK {
			t.Fatalf("%d %s", got.Status, got.Body)
		}
	}
}
