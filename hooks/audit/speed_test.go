package audit

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"sort"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"anteroom/hooks/kernel"
)

// BenchmarkReadsOnAgainstOff asks the same route with and without its line, in turns, and reports how many requests a
// second there are with lines for each one without: medians of five rounds.
func BenchmarkReadsOnAgainstOff(b *testing.B) {
	for _, parallel := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("%d at once", parallel), func(b *testing.B) {
			app := newApp(b)
			client := newClient(b, app, "Anna")
			route := func(name string, line bool) kernel.Route {
				return kernel.Route{Method: "GET", Path: kernel.Portal + name, Access: kernel.Public, Do: func(c *kernel.Call) (*kernel.Reply, error) {
					r, err := c.App.FindRecordById("clients", client.Id)
					if err != nil {
						return nil, err
					}
					if line {
						e := EntryFor(desk, ViewProfile, Client, r.Id)
						e.Client = r.Id
						if err := Read(c.App, e); err != nil {
							return nil, err
						}
					}
					return kernel.OK(r), nil
				}}
			}
			kernel.Handle(app, route("/on", true), route("/off", false))
			base := serve(b, app) + kernel.Portal
			web := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: parallel}}
			rate := func(path string) float64 {
				var n atomic.Int64
				var wg sync.WaitGroup
				began := time.Now()
				for range parallel {
					wg.Go(func() {
						for time.Since(began) < time.Second {
							res, err := web.Get(base + path)
							if err != nil || res.StatusCode != 200 {
								b.Error(err)
								return
							}
							_ = res.Body.Close()
							n.Add(1)
						}
					})
				}
				wg.Wait()
				return float64(n.Load()) / time.Since(began).Seconds()
			}
			var ratios, ons []float64
			for range 5 {
				off, on := rate("/off"), rate("/on")
				ratios, ons = append(ratios, on/off), append(ons, on)
			}
			sort.Float64s(ratios)
			sort.Float64s(ons)
			b.ReportMetric(ratios[2], "on/off")
			b.ReportMetric(ons[2], "on/s")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkMillion is a log of a million lines: 500 clients, 30 members of staff, 20,000 records.
func BenchmarkMillion(b *testing.B) {
	const size, step = 1_000_000, 20_000
	for _, indexes := range []bool{true, false} {
		b.Run(fmt.Sprintf("search indexes %v", indexes), func(b *testing.B) {
			app := newApp(b)
			if !indexes {
				ok(b, exec(app, "DROP INDEX idx_portal_audit_log_actor"))
				ok(b, exec(app, "DROP INDEX idx_portal_audit_log_resource"))
			}
			began := time.Now()
			for from := 0; from < size; from += step {
				entries := make([]Entry, step)
				for i := range entries {
					n := (from + i) * 7919 % size
					a := desk
					a.ID = fmt.Sprintf("staff%010d", n%30)
					entries[i] = Entry{Actor: a, Client: fmt.Sprintf("client%09d", n%500), Action: ViewAppointment, ResourceType: Appointment, ResourceID: fmt.Sprintf("record%09d", n%20_000)}
				}
				ok(b, app.RunInTransaction(func(tx core.App) error { return Append(tx, entries...) }))
			}
			b.ReportMetric(size/time.Since(began).Seconds(), "lines/s-written")
			b.ReportMetric(0, "ns/op")
			if !indexes {
				return
			}
			timed := func(name string, do func() error) {
				began := time.Now()
				const times = 20
				for range times {
					ok(b, do())
				}
				b.ReportMetric(float64(time.Since(began).Microseconds())/1000/times, name)
			}
			query := func(q Query) func() error {
				q.Limit = 50
				return func() error { _, _, err := Search(app, q); return err }
			}
			timed("ms-client", query(Query{Client: "client000000077"}))
			timed("ms-actor", query(Query{Actor: "staff0000000007"}))
			timed("ms-record", query(Query{ResourceID: "record000000777"}))
			timed("ms-actor-and-client", query(Query{Actor: "staff0000000007", Client: "client000000077"}))
			timed("ms-no-such-action", query(Query{Action: "NONE"}))
			timed("ms-actor-no-such-action", query(Query{Actor: "staff0000000007", Action: "NONE"}))
			timed("ms-day", query(Query{From: time.Now().AddDate(0, 0, -1), Until: time.Now().AddDate(0, 0, 1)}))
			timed("ms-who-looked-2000-lines", func() error {
				_, _, err := AccessTo(app, "client000000077", "nobody", time.UTC, 0, 20)
				return err
			})
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			began = time.Now()
			_, err := Verify(context.Background(), sqlDB(app))
			ok(b, err)
			b.ReportMetric(time.Since(began).Seconds(), "s-verify")
			runtime.ReadMemStats(&after)
			b.ReportMetric(float64(after.HeapSys-min(before.HeapSys, after.HeapSys))/1e6, "MB-heap-grown")
		})
	}
}
