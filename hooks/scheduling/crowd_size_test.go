//go:build !race

package scheduling_test

// crowdSize is how many ask for one time at once, and crowdRounds how often they do.
const crowdSize, crowdRounds = 200, 5
