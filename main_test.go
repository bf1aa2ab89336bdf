package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"anteroom/hooks/demo"
	"anteroom/hooks/ops"
)

// command runs the program as a shell would and gives its exit code.
func command(t *testing.T, args ...string) int {
	t.Helper()
	old := os.Args
	defer func() { os.Args = old }()
	os.Args = append([]string{"anteroom"}, args...) // PocketBase reads --dir from there
	return run(args)
}

func setup(dir string) []string {
	return []string{"setup", "--dir", dir, "--clinic", "Test Clinic", "--zone", "America/Denver", "--location", "Main Street",
		"--street", "1 Main Street", "--city", "Boulder", "--state", "CO", "--zip", "80301",
		"--owner-email", "owner@clinic.example", "--staff-email", "front@clinic.example", "--staff-first-name", "Dee", "--staff-last-name", "Desk"}
}

func TestExitCodes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	if code := command(t, setup(dir)...); code != 0 {
		t.Fatalf("setup: %d", code)
	}
	if fi, err := os.Stat(filepath.Join(ops.KeysDir(dir), "clinic.key")); err != nil || fi.Mode().Perm() != 0o600 {
		t.Fatalf("the clinic's key: %v %v", fi, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "clinic.key")); err == nil {
		t.Fatal("the key lies with the data")
	}
	export := filepath.Join(t.TempDir(), "audit.jsonl")
	other := filepath.Join(t.TempDir(), "other")
	for _, c := range []struct {
		name string
		code int
		args []string
	}{
		{"a second setup", 1, setup(dir)},
		{"verify", 0, []string{"audit", "verify", "--dir", dir}},
		{"export", 0, []string{"audit", "export", export, "--dir", dir}},
		{"export to nowhere", 1, []string{"audit", "export", filepath.Join(dir, "no", "such", "dir"), "--dir", dir}},
		{"import what is not there", 1, []string{"forms", "import", "missing.json", "--dir", dir}},
		{"the demo on a real clinic", 1, []string{"serve", "--demo", "--dir", dir}},
		{"serve without a clinic", 1, []string{"serve", "--dir", other, "--http", "127.0.0.1:0"}},
		{"no such command", 2, []string{"sevre"}},
		{"no such flag", 2, []string{"serve", "--dmeo"}},
		{"too few arguments", 2, []string{"audit", "export", "--dir", dir}},
		{"too many arguments", 2, []string{"setup", "now"}},
		{"no such command of a group", 2, []string{"audit", "verfiy"}},
		{"no such command of PocketBase's", 2, []string{"superuser", "bogus"}},
		{"a group alone shows its help", 0, []string{"forms"}},
		{"the demo, said otherwise, on a real clinic", 1, []string{"serve", "--demo=true", "--dir", dir}},
		{"dev on a real clinic", 1, []string{"serve", "--dev", "--dir", dir}},
		{"help", 0, []string{"--help"}},
	} {
		if code := command(t, c.args...); code != c.code {
			t.Errorf("%s: exit %d, want %d", c.name, code, c.code)
		}
	}
	if raw, err := os.ReadFile(export); err != nil || !strings.Contains(string(raw), `"CREATE_`) {
		t.Errorf("the export holds what setup did: %v %.200s", err, raw)
	}
}

func TestASetupThatIsWrongLeavesNothing(t *testing.T) {
	for _, bad := range [][]string{{"--zone", "Mars/Olympus"}, {"--owner-email", "nobody"}, {"--staff-email", "also nobody"}, {"--zone", "Local"}} {
		dir := filepath.Join(t.TempDir(), "data")
		if code := command(t, append(setup(dir), bad...)...); code != 1 {
			t.Errorf("%v: exit %d", bad, code)
		}
		// the next try with the right words finds an empty clinic
		if code := command(t, setup(dir)...); code != 0 {
			t.Errorf("after %v: exit %d", bad, code)
		}
	}
}

func TestOneServerOnADirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	release, err := ops.Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	if code := command(t, setup(dir)...); code != 1 {
		t.Fatalf("a second process got in: exit %d", code)
	}
	release()
	if code := command(t, setup(dir)...); code != 0 {
		t.Fatalf("after the first ended: exit %d", code)
	}
	if release, err = ops.Lock(dir); err != nil {
		t.Fatal(err)
	}
	defer release()
	if code := command(t, "audit", "verify", "--dir", dir); code != 0 {
		t.Fatalf("reading beside a server: exit %d", code)
	}
}

func TestTheDemoKnowsItsOwnDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "demo")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "demo.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code := command(t, "serve", "--demo", "--dir", dir, "--http", "127.0.0.1:0"); code != 1 {
		t.Fatalf("a damaged demo.json: exit %d", code)
	}
	var d demo.Details
	raw, err := json.Marshal(d)
	if err != nil || !strings.Contains(string(raw), `"baseUrl"`) || !strings.Contains(string(raw), `"stripeWebhookSecret"`) {
		t.Fatalf("demo.json is a contract: %s %v", raw, err)
	}
}
