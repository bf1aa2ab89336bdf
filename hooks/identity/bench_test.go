package identity

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/router"

	"anteroom/collections"
	"anteroom/hooks/kernel"
)

// BenchmarkSessionCheck is what the check adds to a request whose token PocketBase has loaded: of a portal user (who
// acts for clients), of staff, and of somebody whose session is over.
func BenchmarkSessionCheck(b *testing.B) {
	c := newClinic(b)
	for _, x := range []struct{ name, collection, id, token string }{
		{"client", collections.PortalUsers, adaLogin, c.in(ada).Tokens.AccessToken},
		{"staff", collections.Staff, deeStaff, c.sdkToken("staff", dee)},
	} {
		b.Run(x.name, func(b *testing.B) {
			r := httptest.NewRequest("GET", kernel.Portal+"/test/me", nil)
			r.Pattern = "GET " + kernel.Portal + "/test/me"
			r.Header.Set("Authorization", x.token)
			account := c.find(x.collection, x.id)
			b.ReportAllocs()
			for b.Loop() {
				e := &core.RequestEvent{App: c.app, Auth: account, Event: router.Event{Request: r, Response: httptest.NewRecorder()}}
				if err := c.door.checkSession(e); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkRequest is a whole signed-in request of a route that does nothing, beside the same route for a guest.
func BenchmarkRequest(b *testing.B) {
	c := newClinic(b)
	token := c.in(ada).Tokens.AccessToken
	for _, x := range []struct{ name, path, token string }{{"guest", "/test/public", ""}, {"client", "/test/me", token}} {
		b.Run(x.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if a := c.do("GET", kernel.Portal+x.path, x.token, nil); a.Status != 200 {
					b.Fatal(a.Status, a.Body)
				}
			}
		})
	}
}

// BenchmarkKeeper is one look at the limits of ten thousand sessions, and writing the activity of all of them.
func BenchmarkKeeper(b *testing.B) {
	c := newClinic(b)
	s := SessionsOf(c.app)
	now := kernel.Now(c.app)
	for range 10_000 {
		x := &session{id: core.GenerateDefaultRandomId(), collection: collections.PortalUsers, owner: adaLogin, absolute: now.Add(8 * time.Hour).Unix()}
		x.last.Store(now.Unix())
		s.mu.Lock()
		s.live[x.id] = x
		s.mu.Unlock()
	}
	b.Run("look", func(b *testing.B) {
		s.written = now
		for b.Loop() {
			if err := s.tidy(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("store", func(b *testing.B) {
		for b.Loop() {
			for _, x := range s.live {
				x.stored.Store(0)
			}
			if err := s.store(); err != nil {
				b.Fatal(err)
			}
		}
	})
}
