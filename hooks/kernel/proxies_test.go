package kernel

import (
	"net/http"
	"net/netip"
	"testing"
)

func TestOnlyTrustedProxiesAreBelieved(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	for _, c := range []struct {
		name, peer string
		forwarded  []string
		want       string
	}{
		{"a stranger's header", "203.0.113.9:5000", []string{"1.2.3.4"}, ""},
		{"a proxy's header", "10.0.0.2:5000", []string{"203.0.113.9"}, "203.0.113.9"},
		{"rightmost untrusted hop, not the first", "10.0.0.2:5000", []string{"6.6.6.6, 203.0.113.9, 10.1.1.1"}, "203.0.113.9"},
		{"several headers are one list", "10.0.0.2:5000", []string{"6.6.6.6", "203.0.113.9"}, "203.0.113.9"},
		{"garbage ends the walk", "10.0.0.2:5000", []string{"6.6.6.6, junk, 10.1.1.1"}, "10.1.1.1"},
		{"garbage alone", "10.0.0.2:5000", []string{"junk"}, ""},
		{"no header", "10.0.0.2:5000", nil, ""},
		{"IPv6 proxy", "[::1]:5000", []string{"2001:db8::7"}, "2001:db8::7"},
		{"mapped IPv4", "[::ffff:10.0.0.2]:5000", []string{"203.0.113.9"}, "203.0.113.9"},
	} {
		r := &http.Request{RemoteAddr: c.peer, Header: http.Header{}}
		for _, f := range c.forwarded {
			r.Header.Add(forwardedFor, f)
		}
		if got, ok := clientAddress(r, trusted); got != c.want || ok != (c.want != "") {
			t.Errorf("%s: got %q %v, want %q", c.name, got, ok, c.want)
		}
	}
}
