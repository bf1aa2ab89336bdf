//go:build chaos

package scheduling

import (
	"math/rand/v2"
	"testing"
	"time"

	"anteroom/collections"
	"anteroom/collections/zones"
)

// TestChaosOpeningsInEveryZone compares as TestOpeningsAgainstEveryMinute does, in every zone of the database.
func TestChaosOpeningsInEveryZone(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	cases, offered := 0, 0
	for _, name := range zones.Names() {
		zone, err := collections.Zone(name)
		if err != nil {
			t.Fatal(err)
		}
		changes := changesOf(zone)
		for range 2 + min(4, len(changes)) {
			offered += randomPlan(r, name, zone, changes).compare(t, seed)
			cases++
		}
	}
	t.Logf("%d zones, %d clinics, %d starts", len(zones.Names()), cases, offered)
}
