package kernel

import (
	"net/netip"
	"strconv"
	"sync"
	"time"

	"anteroom/collections"
)

const limiterKey = "anteroom.limiter"

// limiter is a sliding window in memory: it remembers the instants of the last calls of each key. It holds the
// limits that protect the service; those that protect an account (failed sign-ins) are counted in the database by
// the identity domain, because they must survive a restart.
type limiter struct {
	mu    sync.Mutex
	calls map[string][]int64 // unix milliseconds, oldest first
	swept int64
}

// limit counts a call to its route, and any call of a signed-in login to the bound on all of them: each leaves a line
// in a log that is never shortened.
func (c *Call) limit() error {
	if c.Actor.ID != "" {
		if err := c.count(collections.LimitRequests); err != nil {
			return err
		}
	}
	if c.Route.Limit == "" {
		return nil
	}
	return c.count(c.Route.Limit)
}

func (c *Call) count(name string) error {
	who := c.Actor.ID
	if who == "" {
		who = Network(c.RealIP())
	}
	return c.CountFor(name, who)
}

// CountFor counts a call for somebody, or something, that the handler has found out: 429 when there were too many.
func (c *Call) CountFor(name, who string) error {
	rule := collections.Settings(c.App).Limit(name)
	if rule.Max <= 0 {
		return nil
	}
	l := c.App.Store().GetOrSet(limiterKey, func() any { return &limiter{calls: map[string][]int64{}} }).(*limiter)
	left, reset, ok := l.take(name+"|"+who, rule.Max, rule.Window(), Now(c.App))
	h := c.Response.Header()
	h.Set("RateLimit-Limit", strconv.Itoa(rule.Max))
	h.Set("RateLimit-Remaining", strconv.Itoa(left))
	h.Set("RateLimit-Reset", strconv.Itoa(int(reset.Round(time.Second)/time.Second)))
	if !ok {
		return RateLimited("", reset)
	}
	return nil
}

// Network is what an address counts as: itself, or its /64 when it is IPv6, because whoever has one address there has
// 2^64 of them (RFC 6177). Text that is no address stays what it is.
func Network(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	if a = a.Unmap(); a.Is4() {
		return a.String()
	}
	return netip.PrefixFrom(a.WithZone(""), 64).Masked().String()
}

// take counts a call. It answers how many are left, when the oldest falls out of the window, and whether this one
// is within the limit; a refused call is not counted.
func (l *limiter) take(key string, most int, window time.Duration, now time.Time) (left int, reset time.Duration, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at, from := now.UnixMilli(), now.Add(-window).UnixMilli()
	if at-l.swept > time.Hour.Milliseconds() { // forget the keys of people who are gone
		for k, v := range l.calls {
			if len(v) == 0 || v[len(v)-1] < at-24*time.Hour.Milliseconds() {
				delete(l.calls, k)
			}
		}
		l.swept = at
	}
	calls := l.calls[key]
	for len(calls) > 0 && calls[0] <= from {
		calls = calls[1:]
	}
	if len(calls) >= most {
		l.calls[key] = calls
		return 0, time.Duration(calls[0]-from) * time.Millisecond, false
	}
	calls = append(calls, at)
	l.calls[key] = calls
	return most - len(calls), time.Duration(calls[0]-from) * time.Millisecond, true
}
