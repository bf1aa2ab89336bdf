package kernel

import (
	"sync/atomic"
	"time"

	"github.com/pocketbase/pocketbase/core"
)

const clockKey = "anteroom.clock"

// clock is the machine's time plus an offset that tests and /dev/clock move. One per app, because tests run several.
type clock struct{ offset atomic.Int64 }

func clockOf(app core.App) *clock {
	return app.Store().GetOrSet(clockKey, func() any { return &clock{} }).(*clock)
}

// Now is the only clock of the domains: UTC, millisecond precision as PocketBase stores it.
func Now(app core.App) time.Time {
	return time.Now().Add(time.Duration(clockOf(app).offset.Load())).UTC().Truncate(time.Millisecond)
}

// Advance moves the clock. Only tests and the development routes call it.
func Advance(app core.App, d time.Duration) { clockOf(app).offset.Add(int64(d)) }

// SetNow puts the clock to an instant. Only tests call it.
func SetNow(app core.App, t time.Time) { clockOf(app).offset.Store(int64(time.Until(t))) }
