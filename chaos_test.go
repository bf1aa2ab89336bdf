//go:build chaos

package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// These take a minute and all the sockets they can get: make chaos.

// asks measures a good client: the 95th percentile of so many requests, one after another.
func (s *running) asks(n int) (p95 time.Duration, failed int) {
	took := make([]time.Duration, 0, n)
	client := &http.Client{Timeout: 10 * time.Second}
	for range n {
		from := time.Now()
		r, err := client.Get("http://" + s.address + "/api/v1/portal/config")
		if err != nil || r.StatusCode != 200 {
			failed++
		}
		if err == nil {
			_, _ = io.Copy(io.Discard, r.Body)
			_ = r.Body.Close()
		}
		took = append(took, time.Since(from))
	}
	slices.Sort(took)
	return took[len(took)*95/100], failed
}

// TestChaosSlowLoris: 2,000 connections send a byte of a header now and then. Good clients are served, and the slow are
// cut off after the ten seconds that headers may take.
func TestChaosSlowLoris(t *testing.T) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Cur < 5000 {
		t.Skipf("only %d files may be open", limit.Cur)
	}
	s := start(t, clinic(t))
	before, _ := s.asks(300)
	const many = 2000
	var open, cut atomic.Int64
	var all sync.WaitGroup
	for range many {
		all.Go(func() {
			c, err := net.DialTimeout("tcp", s.address, 10*time.Second)
			if err != nil {
				return
			}
			defer c.Close()
			open.Add(1)
			if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "); err != nil {
				cut.Add(1)
				return
			}
			for range 10 {
				_ = c.SetReadDeadline(time.Now().Add(2 * time.Second))
				if _, err := c.Read(make([]byte, 512)); err != nil {
					if e, ok := err.(net.Error); ok && e.Timeout() {
						_, _ = c.Write([]byte("a"))
						continue
					}
				}
				cut.Add(1)
				return
			}
		})
	}
	time.Sleep(2 * time.Second)
	during, failed := s.asks(300)
	all.Wait()
	fmt.Printf("p95 of good requests: %v before, %v beside %d slow connections, of which %d were cut\n", before, during, open.Load(), cut.Load())
	if failed > 0 || cut.Load() < open.Load() || open.Load() < many*9/10 {
		t.Errorf("%d good requests failed, %d of %d slow connections were cut", failed, cut.Load(), open.Load())
	}
}

// TestChaosDrainUnderLoad: told to stop in the middle of traffic, the server answers every request that it took.
func TestChaosDrainUnderLoad(t *testing.T) {
	s := start(t, clinic(t))
	var answered, cutOff atomic.Int64
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			client := &http.Client{Timeout: 40 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
			for {
				r, err := client.Get("http://" + s.address + "/api/v1/portal/config")
				if err != nil {
					var refused *net.OpError
					if errors.As(err, &refused) && refused.Op == "dial" {
						return // nobody listens any more: as it should be
					}
					cutOff.Add(1)
					return
				}
				_, err = io.Copy(io.Discard, r.Body)
				_ = r.Body.Close()
				if err != nil || r.StatusCode >= 500 {
					cutOff.Add(1)
					return
				}
				answered.Add(1)
			}
		})
	}
	time.Sleep(2 * time.Second)
	if err := s.stop(os.Signal(syscall.SIGTERM)); err != nil {
		t.Errorf("%v %s", err, s.said)
	}
	all.Wait()
	fmt.Printf("%d requests were answered before the end, %d were cut off\n", answered.Load(), cutOff.Load())
	// a connection that the system had accepted, and the server not yet, may be reset: one for each client at most
	if answered.Load() == 0 || cutOff.Load() > 20 {
		t.Error("requests were lost")
	}
}
