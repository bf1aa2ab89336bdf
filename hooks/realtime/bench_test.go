package realtime

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/pocketbase/pocketbase/core"

	"anteroom/hooks/kernel"
)

// What one saved appointment costs its writer while so many portal users listen, each of them to their own client.
// Only one of them is concerned; the benchmark also waits until that one has heard.
func BenchmarkSave(b *testing.B) {
	for _, n := range []int{0, 1000} {
		b.Run(fmt.Sprintf("listening=%d", n), func(b *testing.B) {
			c := open(b, func(l *limits) { l.perAddress = 5000 })
			c.crowd(n)
			visit := c.save(c.visit("stranger"))
			for i := 0; b.Loop(); i++ {
				visit.Set("staff_notes", fmt.Sprint(i))
				ok(b, c.app.Save(visit))
			}
		})
	}
	b.Run("heard/listening=1000", func(b *testing.B) {
		c := open(b, func(l *limits) { l.perAddress = 5000 })
		c.crowd(1000)
		visit := c.save(c.visit("stranger"))
		s := c.listen("stranger", "appointments/*")
		for i := 0; b.Loop(); i++ {
			visit.Set("staff_notes", fmt.Sprint(i))
			ok(b, c.app.Save(visit))
			s.next()
		}
	})
}

// crowd connects n portal users, each with a client of their own, and reads what they are sent.
func (c *clinic) crowd(n int) {
	c.Helper()
	tokens := make([]string, n)
	ok(c, c.app.RunInTransaction(func(tx core.App) error {
		for i := range tokens {
			client := c.unsaved("clients", map[string]any{"first_name": "N", "last_name": fmt.Sprint(i), "date_of_birth": "1990-01-01"})
			u := c.unsaved("portal_users", map[string]any{"email": fmt.Sprintf("crowd%d@mail.example", i), "account_status": "active"})
			u.SetRandomPassword()
			for _, r := range []*core.Record{client, u} {
				if err := tx.Save(r); err != nil {
					return err
				}
			}
			access := c.unsaved("client_access", map[string]any{"client": client.Id, "portal_user": u.Id, "relationship": "self", "scope": "all"})
			if err := tx.Save(access); err != nil {
				return err
			}
			c.signIn(u.Id, u, kernel.KindClient, client.Id)
			tokens[i] = c.who[u.Id].token
		}
		return nil
	}))
	host := strings.TrimPrefix(c.url, "http://")
	for _, token := range tokens {
		socket, err := net.Dial("tcp", host)
		ok(c, err)
		c.Cleanup(func() { socket.Close() })
		fmt.Fprintf(socket, "GET /api/realtime HTTP/1.1\r\nHost: %s\r\n\r\n", host)
		s := &stream{c: c}
		r := bufio.NewReaderSize(socket, 1024)
		for s.id == "" {
			line, err := r.ReadString('\n')
			ok(c, err)
			if id, found := strings.CutPrefix(line, "id:"); found {
				s.id = strings.TrimSpace(id)
			}
		}
		if status, reason := c.subscribe(s, token, "portal", "appointments/*"); status != http.StatusNoContent {
			c.Fatal(status, reason)
		}
		go func() {
			for {
				if _, err := r.ReadString('\n'); err != nil {
					return
				}
			}
		}()
	}
}
