// Command bench measures the read that clients do most, "my appointments" (20 rows, signed in), three ways in one
// run on one machine, round by round in turn:
//
//   - anteroom: as shipped, with session check, grants, rate limit, decryption, totals and the durable audit line;
//   - bare: PocketBase's own record API on the same rows, with expand and the indexable rule client = @request.auth.id,
//     request logs off, PocketBase's default database settings;
//   - floor: net/http, database/sql and the same indexed query, with no sign-in and no audit.
//
// The server under test is a process of its own; the load comes from this one, over loopback. On two shared cores
// absolute numbers drift: quote the ratios. Figures: requests a second, p50 and p95 in milliseconds, and the
// server's CPU in microseconds a request (from /proc, where there is one).
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The clinic of the bench.
const (
	clients    = 5000
	perClient  = 20
	clinicians = 50
	signedIn   = 500
)

func main() {
	if len(os.Args) > 2 && os.Args[1] == "server" {
		fail(server(os.Args[2], os.Args[3], os.Args[4]))
		return
	}
	conns := flag.String("c", "16,64", "connections, one series each")
	rounds := flag.Int("rounds", 3, "rounds of each kind, in turn")
	length := flag.Duration("for", 2*time.Second, "length of a round")
	dir := flag.String("dir", "", "keep the bench's data here and use it again (default: a new temporary directory)")
	flag.Parse()

	root := *dir
	if root == "" {
		tmp, err := os.MkdirTemp("", "anteroom-bench")
		fail(err)
		defer os.RemoveAll(tmp)
		root = tmp
	}
	fmt.Printf("%d clients, %d appointments, %d signed in; building the data…\n", clients, clients*perClient, signedIn)
	fail(build(root))

	targets := map[string]*target{}
	for _, kind := range []string{"anteroom", "bare", "floor"} {
		t, err := start(kind, root)
		fail(err)
		defer t.stop()
		targets[kind] = t
	}
	for _, n := range strings.Split(*conns, ",") {
		c, err := strconv.Atoi(n)
		if err != nil || c < 1 || c > 512 {
			fail(fmt.Errorf("-c takes numbers from 1 to 512, not %q", n))
		}
		series(targets, c, *rounds, *length)
	}
}

// series runs the kinds in turn and prints medians and ratios.
func series(targets map[string]*target, conns, rounds int, length time.Duration) {
	results := map[string][]result{}
	for _, t := range targets { // warm: caches, prepared statements, sessions in memory
		t.load(conns, length/2)
	}
	for range rounds {
		for _, kind := range []string{"anteroom", "bare", "floor"} {
			results[kind] = append(results[kind], targets[kind].load(conns, length))
		}
	}
	fmt.Printf("\n%d connections, %d rounds of %v, medians\n%-10s %10s %8s %8s %10s %8s\n", conns, rounds, length, "", "req/s", "p50 ms", "p95 ms", "cpu us/req", "errors")
	med := map[string]result{}
	for _, kind := range []string{"anteroom", "bare", "floor"} {
		m := median(results[kind])
		med[kind] = m
		fmt.Printf("%-10s %10.0f %8.2f %8.2f %10.0f %8d\n", kind, m.rps, m.p50, m.p95, m.cpu, m.errors)
	}
	fmt.Printf("anteroom / bare %.2f    anteroom / floor %.2f\n", med["anteroom"].rps/med["bare"].rps, med["anteroom"].rps/med["floor"].rps)
	if pair := pairwise(results["anteroom"], results["bare"]); len(pair) > 0 {
		fmt.Printf("round by round against bare: %s\n", strings.Join(pair, " "))
	}
}

type result struct {
	rps, p50, p95, cpu float64
	errors             int
}

func median(rs []result) result {
	mid := func(of func(result) float64) float64 {
		v := make([]float64, len(rs))
		for i, r := range rs {
			v[i] = of(r)
		}
		slices.Sort(v)
		return v[len(v)/2]
	}
	out := result{rps: mid(func(r result) float64 { return r.rps }), p50: mid(func(r result) float64 { return r.p50 }),
		p95: mid(func(r result) float64 { return r.p95 }), cpu: mid(func(r result) float64 { return r.cpu })}
	for _, r := range rs {
		out.errors += r.errors
	}
	return out
}

func pairwise(a, b []result) []string {
	var out []string
	for i := range a {
		out = append(out, fmt.Sprintf("%.2f", a[i].rps/b[i].rps))
	}
	return out
}

// target is one server under test.
type target struct {
	kind, url string
	cmd       *exec.Cmd
	tokens    []string // anteroom, bare: who asks; floor: client ids
	http      *http.Client
}

func start(kind, root string) (*target, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	t := &target{kind: kind, url: "http://" + addr, cmd: exec.Command(self, "server", kind, root, addr),
		http: &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 512, MaxConnsPerHost: 0}}}
	t.cmd.Stderr = os.Stderr
	if err := t.cmd.Start(); err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(30 * time.Second); ; {
		r, err := t.http.Get(t.url + "/bench-ready")
		if err == nil {
			_ = r.Body.Close()
			break
		}
		if time.Now().After(deadline) {
			t.stop()
			return nil, fmt.Errorf("%s did not start: %w", kind, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
	return t, t.signIn(root)
}

func (t *target) stop() {
	_ = t.cmd.Process.Signal(os.Interrupt)
	done := make(chan struct{})
	go func() { _ = t.cmd.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		_ = t.cmd.Process.Kill()
	}
}

// signIn gets a real token for each person through the server's own sign-in.
func (t *target) signIn(root string) error {
	raw, err := os.ReadFile(filepath.Join(root, "clients.json"))
	if err != nil {
		return err
	}
	var ids []string
	if err := json.Unmarshal(raw, &ids); err != nil {
		return err
	}
	if t.kind == "floor" {
		t.tokens = ids[:signedIn]
		return nil
	}
	for i, id := range ids[:signedIn] {
		collection := map[string]string{"anteroom": "portal_users", "bare": "clients"}[t.kind]
		body := fmt.Sprintf(`{"identity":"c%d@bench.example","password":%q}`, i, password)
		r, err := t.http.Post(t.url+"/api/collections/"+collection+"/auth-with-password", "application/json", strings.NewReader(body))
		if err != nil {
			return err
		}
		var out struct {
			Token string `json:"token"`
		}
		err = json.NewDecoder(r.Body).Decode(&out)
		_ = r.Body.Close()
		if err != nil {
			return fmt.Errorf("%s: sign in %s: %w", t.kind, id, err)
		}
		if out.Token == "" {
			return fmt.Errorf("%s: sign in %s: %d", t.kind, id, r.StatusCode)
		}
		t.tokens = append(t.tokens, out.Token)
	}
	return nil
}

func (t *target) request(who string) (*http.Request, error) {
	switch t.kind {
	case "anteroom":
		r, err := http.NewRequest("GET", t.url+"/api/v1/portal/appointments?status=past", nil)
		if err == nil {
			r.Header.Set("Authorization", who)
		}
		return r, err
	case "bare":
		r, err := http.NewRequest("GET", t.url+"/api/collections/appointments/records?perPage=20&sort=-start_time&expand=clinician,service,location&filter=(status='completed')", nil)
		if err == nil {
			r.Header.Set("Authorization", who)
		}
		return r, err
	}
	return http.NewRequest("GET", t.url+"/appointments?client="+who, nil)
}

// load keeps conns connections busy for a while, each asking as random people.
func (t *target) load(conns int, length time.Duration) result {
	var mu sync.Mutex
	var all []float64
	errors := 0
	cpu := t.cpu()
	begin := time.Now()
	var wg sync.WaitGroup
	for range conns {
		wg.Go(func() {
			var mine []float64
			bad := 0
			for time.Since(begin) < length {
				req, err := t.request(t.tokens[rand.IntN(len(t.tokens))])
				fail(err)
				at := time.Now()
				r, err := t.http.Do(req)
				if err != nil {
					bad++
					continue
				}
				n, _ := io.Copy(io.Discard, r.Body)
				_ = r.Body.Close()
				if r.StatusCode != http.StatusOK || n < 3000 {
					bad++
					continue
				}
				mine = append(mine, float64(time.Since(at).Microseconds())/1000)
			}
			mu.Lock()
			all = append(all, mine...)
			errors += bad
			mu.Unlock()
		})
	}
	wg.Wait()
	took := time.Since(begin).Seconds()
	if len(all) == 0 {
		return result{errors: errors}
	}
	slices.Sort(all)
	at := func(q float64) float64 { return all[int(q*float64(len(all)-1))] }
	return result{rps: float64(len(all)) / took, p50: at(.5), p95: at(.95), cpu: (t.cpu() - cpu) / float64(len(all)), errors: errors}
}

// cpu is the server's user and system time in microseconds, from /proc; 0 elsewhere.
func (t *target) cpu() float64 {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", t.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	f := strings.Fields(string(raw[strings.LastIndexByte(string(raw), ')')+1:]))
	user, _ := strconv.ParseFloat(f[11], 64)
	system, _ := strconv.ParseFloat(f[12], 64)
	return (user + system) * 10000 // a tick is 10 ms
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}
