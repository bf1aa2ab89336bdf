//go:build race

package scheduling_test

// The race detector makes SQLite ten times slower, and finds in a small crowd what it finds in a large one.
const crowdSize, crowdRounds = 30, 1
