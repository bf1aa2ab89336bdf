package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"anteroom/hooks/ops"
)

// asProgram makes the test's own binary be Anteroom, so that what is tried here is a process like any other: one that
// is told to stop, or killed.
const asProgram = "ANTEROOM_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		os.Exit(run(os.Args[1:]))
	}
	os.Exit(m.Run())
}

// anteroom prepares a command of its own process.
func anteroom(t testing.TB, dir string, env []string, args ...string) *exec.Cmd {
	t.Helper()
	c := exec.Command(os.Args[0], append(args, "--dir", dir)...)
	c.Env = append(append(os.Environ(), asProgram+"=yes"), env...)
	return c
}

// freePort is free at the moment; a server that finds it taken fails, and says so.
func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

type running struct {
	t       testing.TB
	dir     string
	address string
	process *exec.Cmd
	said    *bytes.Buffer
	ended   chan error
}

// clinic sets one up, in a directory that lies deeper than a socket's address may be long.
func clinic(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), strings.Repeat("a-long-way-down/", 8), "data")
	c := exec.Command(os.Args[0], setup(dir)...)
	c.Env = append(os.Environ(), asProgram+"=yes")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("set up: %v %s", err, out)
	}
	return dir
}

func start(t testing.TB, dir string, env ...string) *running {
	t.Helper()
	s := &running{t: t, dir: dir, address: freePort(t), said: &bytes.Buffer{}, ended: make(chan error, 1)}
	s.process = anteroom(t, dir, env, "serve", "--http", s.address)
	s.process.Stdout, s.process.Stderr = s.said, s.said
	if err := s.process.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { s.ended <- s.process.Wait() }()
	t.Cleanup(func() { _ = s.process.Process.Kill() })
	for until := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if r, err := http.Get("http://" + s.address + "/readyz"); err == nil {
			r.Body.Close()
			if r.StatusCode == 200 {
				return s
			}
		}
		select {
		case err := <-s.ended:
			t.Fatalf("the server ended: %v %s", err, s.said)
		default:
		}
		if time.Now().After(until) {
			t.Fatalf("the server did not start: %s", s.said)
		}
	}
}

// stop tells it to end and waits.
func (s *running) stop(how os.Signal) error {
	s.t.Helper()
	if err := s.process.Process.Signal(how); err != nil {
		s.t.Fatal(err)
	}
	select {
	case err := <-s.ended:
		return err
	case <-time.After(45 * time.Second):
		s.t.Fatal("the server did not end")
		return nil
	}
}

func TestCommandsBesideAServer(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	dir := clinic(t)
	s := start(t, dir)
	here := t.TempDir()
	ask := func(in string, args ...string) (code int, out, errs string) {
		c := anteroom(t, dir, nil, args...)
		var o, e bytes.Buffer
		c.Dir, c.Stdin, c.Stdout, c.Stderr = here, strings.NewReader(in), &o, &e
		err := c.Run()
		var ended *exec.ExitError
		if err != nil && !errors.As(err, &ended) {
			t.Fatal(err)
		}
		return c.ProcessState.ExitCode(), o.String(), e.String()
	}
	questionnaire := `{"resourceType":"Questionnaire","status":"active","title":"Beside","name":"beside","item":[{"linkId":"1","text":"Well?","type":"boolean"}]}`
	if err := os.WriteFile(filepath.Join(here, "beside.json"), []byte(questionnaire), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, errs := ask("", "forms", "import", "beside.json", "--type", "other", "--slug", "beside"); code != 0 || !strings.Contains(out, "imported beside") {
		t.Fatalf("import: %d %q %q", code, out, errs)
	}
	if code, out, errs := ask("", "forms", "export", "beside", "out.json"); code != 0 {
		t.Fatalf("export: %d %q %q", code, out, errs)
	}
	if raw, err := os.ReadFile(filepath.Join(here, "out.json")); err != nil || !strings.Contains(string(raw), "Well?") {
		t.Fatalf("the file lies where the caller is: %v %s", err, raw)
	}
	if code, out, errs := ask("", "superuser", "create", "second@clinic.example", "Another-Harbour-43"); code != 0 || !strings.Contains(out, "second@clinic.example") {
		t.Fatalf("superuser: %d %q %q", code, out, errs)
	}
	if code, out, errs := ask("", "forms", "import", "missing.json"); code != 1 || out != "" || !strings.Contains(errs, "missing.json") {
		t.Fatalf("a refusal: %d %q %q", code, out, errs)
	}
	if code, _, errs := ask("", "forms", "import"); code != 2 || errs == "" {
		t.Fatalf("a mistake of usage: %d %q", code, errs)
	}
	for _, args := range [][]string{setup(dir), {"serve", "--http", "127.0.0.1:0"}} {
		if code, _, errs := ask("", args...); code != 1 || !strings.Contains(errs, "running") {
			t.Errorf("%s beside a server: %d %q", args[0], code, errs)
		}
	}
	if code, out, errs := ask("", "audit", "verify"); code != 0 || !strings.Contains(out, "intact") {
		t.Fatalf("verify: %d %q %q", code, out, errs)
	}
	if code, _, errs := ask("", "audit", "export", "audit.jsonl"); code != 0 {
		t.Fatalf("audit export: %d %q", code, errs)
	}
	if err := s.stop(syscall.SIGTERM); err != nil {
		t.Fatalf("%v %s", err, s.said)
	}
	if entries, err := os.ReadDir(filepath.Join(dir, ".command")); err != nil || len(entries) != 0 {
		t.Errorf("a stopped server leaves its socket: %v %v", entries, err)
	}
	// with the lock now; what was run is on the log, by name and without arguments
	if code, _, errs := ask("", "audit", "export", "after.jsonl"); code != 0 {
		t.Fatalf("audit export: %d %q", code, errs)
	}
	raw, err := os.ReadFile(filepath.Join(here, "after.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	ran := map[string]int{}
	for _, line := range bytes.Split(bytes.TrimSpace(raw), []byte("\n")) {
		var l struct {
			Action  string          `json:"action"`
			Result  string          `json:"result"`
			Details json.RawMessage `json:"details"`
		}
		if err := json.Unmarshal(line, &l); err != nil {
			t.Fatal(err)
		}
		if l.Action != "RUN_COMMAND" {
			continue
		}
		text := string(l.Details)
		if strings.Contains(text, "Harbour") || strings.Contains(text, "beside.json") || strings.Contains(text, "example") {
			t.Errorf("arguments on the log: %s", text)
		}
		for _, c := range []string{"setup", "forms import", "forms export", "superuser create", "audit export"} {
			if strings.Contains(text, `"`+c+`\"`) || strings.Contains(text, `"`+c+`"`) {
				ran[c+" "+l.Result]++
			}
		}
	}
	for what, n := range map[string]int{"setup ok": 1, "forms import ok": 1, "forms import failed": 1, "forms export ok": 1, "superuser create ok": 1, "audit export ok": 1} {
		if ran[what] != n {
			t.Errorf("%s: %d lines, want %d; all: %v", what, ran[what], n, ran)
		}
	}
}

func TestAKilledServerIsFollowedByAnother(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	dir := clinic(t)
	first := start(t, dir)
	_ = first.stop(syscall.SIGKILL)
	if _, err := os.Lstat(filepath.Join(dir, ".command", "socket")); err != nil {
		t.Fatalf("a killed server cannot have tidied up: %v", err)
	}
	if code := command(t, "audit", "export", filepath.Join(t.TempDir(), "a.jsonl"), "--dir", dir); code != 0 {
		t.Fatalf("a command with a dead socket about: %d", code)
	}
	second := start(t, dir)
	if out, err := anteroom(t, dir, nil, "audit", "export", filepath.Join(t.TempDir(), "b.jsonl")).CombinedOutput(); err != nil {
		t.Fatalf("through the new socket: %v %s", err, out)
	}
	for path, want := range map[string]os.FileMode{".command": 0o700 | os.ModeDir, ".command/socket": 0o600 | os.ModeSocket} {
		if fi, err := os.Lstat(filepath.Join(dir, path)); err != nil || fi.Mode() != want {
			t.Errorf("%s: %v %v", path, fi.Mode(), err)
		}
	}
	if err := second.stop(os.Interrupt); err != nil {
		t.Fatalf("%v %s", err, second.said)
	}
}

// slow is a request whose body comes in two halves: the server is working on it for as long as the test wants.
type slow struct {
	body *io.PipeWriter
	done chan string
}

func (s *running) slowRequest() slow {
	r, w := io.Pipe()
	done := make(chan string, 1)
	go func() {
		req, _ := http.NewRequest("POST", "http://"+s.address+"/api/v1/portal/auth/forgot-password", r)
		req.Header.Set("Content-Type", "application/json")
		got, err := http.DefaultClient.Do(req)
		if err != nil {
			done <- err.Error()
			return
		}
		defer got.Body.Close()
		raw, err := io.ReadAll(got.Body)
		done <- fmt.Sprint(got.StatusCode, " ", string(raw), err)
	}()
	_, _ = io.WriteString(w, `{"email":`)
	time.Sleep(300 * time.Millisecond) // it must be on its way to the handler; there is nothing to see of that from outside
	return slow{w, done}
}

func TestRequestsInFlightFinish(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	s := start(t, clinic(t))
	one := s.slowRequest()
	if err := s.process.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for { // nobody new comes in
		c, err := net.Dial("tcp", s.address)
		if err != nil {
			break
		}
		_ = c.Close()
		time.Sleep(10 * time.Millisecond)
	}
	time.Sleep(2 * time.Second) // longer than PocketBase would have waited
	_, _ = io.WriteString(one.body, `"nobody@mail.example"}`)
	_ = one.body.Close()
	if got := <-one.done; !strings.HasPrefix(got, "200 ") && !strings.HasPrefix(got, "202 ") {
		t.Errorf("the request in flight: %s", got)
	}
	select {
	case err := <-s.ended:
		if err != nil {
			t.Errorf("%v %s", err, s.said)
		}
	case <-time.After(20 * time.Second):
		t.Error("with nothing in flight the server goes on")
	}
}

func TestASecondSignalEndsAtOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	s := start(t, clinic(t))
	one := s.slowRequest()
	defer one.body.Close()
	if err := s.process.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for {
		c, err := net.Dial("tcp", s.address)
		if err != nil {
			break
		}
		_ = c.Close()
		time.Sleep(10 * time.Millisecond)
	}
	select {
	case err := <-s.ended:
		t.Fatalf("it ended with a request in flight: %v", err)
	default:
	}
	if err := s.stop(syscall.SIGTERM); err == nil {
		t.Error("an end by force is no success")
	}
}

func TestOnlyOurOwnOriginReads(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	s := start(t, clinic(t), "PUBLIC_URL=https://portal.clinic.example")
	for _, x := range []struct {
		method, origin string
		may            bool
	}{{"GET", "https://portal.clinic.example", true}, {"OPTIONS", "https://portal.clinic.example", true}, {"GET", "https://evil.example", false}, {"OPTIONS", "https://evil.example", false},
		{"GET", "null", false}, {"OPTIONS", "null", false}, {"GET", "http://" + s.address, false}, {"GET", "https://portal.clinic.example.evil.example", false}} {
		for _, path := range []string{"/api/v1/portal/config", "/api/collections/clients/records", "/api/health"} {
			r, err := http.NewRequest(x.method, "http://"+s.address+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Origin", x.origin)
			r.Header.Set("Access-Control-Request-Method", "PATCH")
			r.Header.Set("Access-Control-Request-Headers", "authorization")
			got, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			_ = got.Body.Close()
			allowed := got.Header.Get("Access-Control-Allow-Origin")
			if x.may != (allowed == x.origin) || allowed == "*" || got.Header.Get("Access-Control-Allow-Credentials") != "" {
				t.Errorf("%s %s from %s: %q", x.method, path, x.origin, allowed)
			}
		}
	}
}

// TestPrivateListen tries the real listeners: the flag that tells them apart is set where they are made.
func TestPrivateListen(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	private := freePort(t)
	dir := clinic(t)
	s := start(t, dir, "PRIVATE_LISTEN="+private)
	if out, err := anteroom(t, dir, nil, "superuser", "upsert", "owner@clinic.example", "Another-Harbour-43").CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	for address, want := range map[string]int{s.address: 403, private: 200} {
		got, err := http.Post("http://"+address+"/api/collections/_superusers/auth-with-password", "application/json", strings.NewReader(`{"identity":"owner@clinic.example","password":"Another-Harbour-43"}`))
		if err != nil {
			t.Fatal(err)
		}
		raw, _ := io.ReadAll(got.Body)
		_ = got.Body.Close()
		if got.StatusCode != want || strings.Contains(string(raw), "PRIVATE_ONLY") != (want == 403) {
			t.Errorf("%s: %d %s", address, got.StatusCode, raw)
		}
	}
	if err := s.stop(syscall.SIGTERM); err != nil {
		t.Fatalf("%v %s", err, s.said)
	}
	if out, err := anteroom(t, dir, []string{"PRIVATE_LISTEN=192.0.2.1:1"}, "serve", "--http", "127.0.0.1:0").CombinedOutput(); err == nil || !strings.Contains(string(out), "PRIVATE_LISTEN") {
		t.Errorf("an address that is not ours: %v %s", err, out)
	}
}

func TestInterruptingACommandOfAServer(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	began := make(chan struct{})
	stop, err := ops.AcceptCommands(dir, func(call ops.Invocation) int {
		close(began)
		<-call.Context.Done()
		fmt.Fprintln(call.Err, "broken off")
		return 1
	})
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-began; cancel() }()
	var out, errs bytes.Buffer
	code, err := ops.RunThere(ctx, dir, ops.Invocation{Args: []string{"x"}, In: strings.NewReader(""), Out: &out, Err: &errs})
	if err != nil || code != 1 || errs.String() != "broken off\n" {
		t.Fatalf("%d %v %q", code, err, errs.String())
	}
}
