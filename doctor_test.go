package main

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"anteroom/collections/zones"
	"anteroom/hooks/kernel"
	"anteroom/hooks/ops"
)

// doctor runs the command and gives its exit code and what it printed.
func doctor(t *testing.T, dir string) (int, string) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	old := os.Stdout
	os.Stdout = w
	code := command(t, "doctor", "--dir", dir)
	os.Stdout = old
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	buf := make([]byte, 1<<16)
	for {
		n, err := r.Read(buf)
		out.Write(buf[:n])
		if err != nil {
			return code, out.String()
		}
	}
}

// footprint is every file below a folder, with what is in it.
func footprint(t *testing.T, dir string) string {
	t.Helper()
	var out strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			fmt.Fprintln(&out, path)
			return err
		}
		raw, err := os.ReadFile(path)
		fmt.Fprintf(&out, "%s %x\n", path, sha256.Sum256(raw))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// TestTheDoctor says what is well and what is not, and leaves every byte where it was.
func TestTheDoctor(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "data")

	before := footprint(t, root)
	if code, said := doctor(t, dir); code != 1 || said != "" {
		t.Errorf("without a clinic: %d %q", code, said)
	}
	if footprint(t, root) != before {
		t.Error("the doctor made something where nothing was")
	}

	if code := command(t, setup(dir)...); code != 0 {
		t.Fatalf("setup: %d", code)
	}
	before = footprint(t, root)
	code, said := doctor(t, dir)
	for _, line := range []string{"Anteroom " + buildVersion(), dir, "ok       zones      " + zones.Version() + ", " + zones.Source(), "data.db is whole", "auxiliary.db is whole",
		"ok       visits", "ok       keys", "warning  mail", "ok       disk"} {
		if !strings.Contains(said, line) {
			t.Errorf("it does not say %q", line)
		}
	}
	if zones.Older(zones.MachineVersion(), zones.Version()) && zones.MachineVersion() != "" && !strings.Contains(said, "older, "+zones.MachineVersion()+", and is not used") {
		t.Error("it does not say that this computer's zones are old")
	}
	if code != 0 || strings.Contains(said, "BROKEN") {
		t.Errorf("a clinic with warnings alone: %d\n%s", code, said)
	}

	// it may run beside a server
	release, err := ops.Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	if code, _ := doctor(t, dir); code != 0 {
		t.Errorf("beside a server: %d", code)
	}
	release()
	if now := footprint(t, root); strings.ReplaceAll(now, dir+"/.anteroom.lock", "") != strings.ReplaceAll(before, dir+"/.anteroom.lock", "") {
		t.Errorf("the doctor changed something:\n%s\n%s", before, now)
	}

	db, err := kernel.DBConnect(filepath.Join(dir, "data.db"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.NewQuery(`INSERT INTO appointments (id, client, status, start_time, time_zone, local_date, local_start)
		VALUES ('avisitto00come1', 'aclient00000000', 'requested', '2099-12-01 17:00:00.000Z', 'America/Denver', '2099-12-01', '11:00')`).Execute(); err != nil {
		t.Fatal(err)
	}
	if code, said := doctor(t, dir); code != 1 || !strings.Contains(said, "avisitto00come1  America/Denver  agreed 2099-12-01 11:00  now 2099-12-01 10:00") || strings.Contains(said, "aclient") {
		t.Errorf("a visit whose clocks were changed, with a server's log beside the file: %d\n%s", code, said)
	}
	if _, err := db.NewQuery("UPDATE appointments SET local_start = '10:00'").Execute(); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if code, said := doctor(t, dir); code != 0 {
		t.Errorf("after it was decided: %d\n%s", code, said)
	}

	key := filepath.Join(ops.KeysDir(dir), "clinic.key")
	if err := os.WriteFile(key, []byte(strings.Repeat("ab", 32)), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, said := doctor(t, dir); code != 1 || !strings.Contains(said, "BROKEN   keys") {
		t.Errorf("another clinic's key: %d\n%s", code, said)
	}
	if err := os.Truncate(filepath.Join(dir, "data.db"), 3*4096); err != nil {
		t.Fatal(err)
	}
	if code, said := doctor(t, dir); code != 1 || !strings.Contains(said, "BROKEN   database") {
		t.Errorf("a damaged database: %d\n%s", code, said)
	}
}
