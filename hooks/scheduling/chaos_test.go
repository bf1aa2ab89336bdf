//go:build chaos

package scheduling_test

import "testing"

// TestChaosTwoHundredBookAtOnce is TestTwoHundredBookAtOnce, a hundred rounds of each: make chaos.
func TestChaosTwoHundredBookAtOnce(t *testing.T) { races(t, crowdSize, 100) }
