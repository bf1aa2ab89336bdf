package identity

import (
	"fmt"
	"net/http/httptest"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/router"
	"golang.org/x/crypto/bcrypt"

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

// BenchmarkRequestInStorm is a signed-in request while nobody signs in, while strangers guess as fast as they are
// answered, at the real price of a password, and while their guesses are refused unevaluated. Times are in
// milliseconds; guesses and evaluated are per second.
func BenchmarkRequestInStorm(b *testing.B) {
	for _, x := range []struct {
		name    string
		callers int
		clinic  int // its limit
	}{{"calm", 0, 2000}, {"guesses", 32, 2000}, {"refused", 4, 50}} {
		b.Run(x.name, func(b *testing.B) {
			c := newClinic(b)
			c.door.hashing = newHashQueue(max(1, runtime.GOMAXPROCS(0)/2))
			c.settings(m{"limits": m{collections.LimitSignInClinic: m{"max": x.clinic, "seconds": 900}, collections.LimitRequests: m{"max": 0}}})
			token := c.in(ada).Tokens.AccessToken
			users := must(c.app.FindCollectionByNameOrId(collections.PortalUsers))
			users.Fields.GetByName(core.FieldNamePassword).(*core.PasswordField).Cost = bcrypt.DefaultCost
			ok(b, c.app.Save(users))
			if x.clinic == 50 {
				c.storm()
			}
			var over atomic.Bool
			var guesses atomic.Int64
			var wg sync.WaitGroup
			for w := range x.callers {
				wg.Go(func() {
					for i := 0; !over.Load(); i++ {
						c.login(fmt.Sprintf("guess%d.%d@mail.example", w, i), wrong, "address", fmt.Sprintf("198.18.%d.%d", w, i%250))
						guesses.Add(1)
					}
				})
			}
			time.Sleep(100 * time.Millisecond) // until it blows
			guesses.Store(0)
			evaluated := c.door.hashing.compared.Load()
			var took distribution
			for b.Loop() {
				start := time.Now()
				if status := c.me(token); status != 200 {
					b.Fatal(status)
				}
				took = append(took, time.Since(start))
				time.Sleep(time.Millisecond) // people read
			}
			seconds := b.Elapsed().Seconds()
			b.ReportMetric(float64(guesses.Load())/seconds, "guesses/s")
			b.ReportMetric(float64(c.door.hashing.compared.Load()-evaluated)/seconds, "evaluated/s")
			over.Store(true)
			wg.Wait()
			slices.Sort(took)
			b.ReportMetric(took.quantile(0.5).Seconds()*1000, "median-ms")
			b.ReportMetric(took.quantile(0.95).Seconds()*1000, "p95-ms")
			b.ReportMetric(took.quantile(0.99).Seconds()*1000, "p99-ms")
		})
	}
}
