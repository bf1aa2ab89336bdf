package kernel

import (
	"testing"
	"time"
)

func TestWindowSlides(t *testing.T) {
	l := &limiter{calls: map[string][]int64{}}
	start := time.Date(2026, 12, 7, 9, 0, 0, 0, time.UTC)
	take := func(after time.Duration) (int, time.Duration, bool) {
		return l.take("k", 3, time.Minute, start.Add(after))
	}
	for i, at := range []time.Duration{0, 10 * time.Second, 20 * time.Second} {
		if left, _, ok := take(at); !ok || left != 2-i {
			t.Fatalf("call %d: left %d ok %v", i, left, ok)
		}
	}
	if _, reset, ok := take(30 * time.Second); ok || reset != 30*time.Second {
		t.Fatalf("a fourth call within the minute: ok %v, reset %v", ok, reset)
	}
	// a refused call is not counted, so the window frees when the first falls out
	if left, _, ok := take(60*time.Second + time.Millisecond); !ok || left != 0 {
		t.Fatalf("after the first fell out: left %d ok %v", left, ok)
	}
	if _, _, ok := l.take("other", 3, time.Minute, start.Add(time.Second)); !ok {
		t.Fatal("another key is another count")
	}
}

func TestLimiterForgetsThoseWhoAreGone(t *testing.T) {
	l := &limiter{calls: map[string][]int64{}}
	start := time.Date(2026, 12, 7, 9, 0, 0, 0, time.UTC)
	for i := range 1000 {
		l.take(string(rune('a'+i)), 3, time.Minute, start)
	}
	l.take("late", 3, time.Minute, start.Add(48*time.Hour))
	if len(l.calls) != 1 {
		t.Fatalf("%d keys kept", len(l.calls))
	}
}

func TestNetwork(t *testing.T) {
	for address, want := range map[string]string{
		"198.51.100.7": "198.51.100.7", "::ffff:198.51.100.7": "198.51.100.7", "": "", "nonsense": "nonsense",
		"2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "2001:db8:1:2::9": "2001:db8:1:2::/64", "2001:db8:1:3::9": "2001:db8:1:3::/64", "fe80::1%eth0": "fe80::/64",
	} {
		if got := Network(address); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
}
