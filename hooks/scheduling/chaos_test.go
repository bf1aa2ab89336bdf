//go:build chaos

package scheduling_test

import "testing"

// TestChaosTwoHundredBookAtOnce is TestTwoHundredBookAtOnce, a hundred rounds of each: make chaos.
func TestChaosTwoHundredBookAtOnce(t *testing.T) {
	races(t, 100, func(t *testing.T) *venue { return newVenue(t, crowdSize) })
}
