package zones

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// TestTheClocksOfToday: hours that depend on what regions decided lately. Data of 2025 answers 09:00, 10:00 and 18:00.
func TestTheClocksOfToday(t *testing.T) {
	at := time.Date(2026, 12, 1, 17, 0, 0, 0, time.UTC)
	for name, want := range map[string]string{
		"America/Vancouver": "10:00", "America/Edmonton": "11:00", "Africa/Casablanca": "17:00",
		"America/Denver": "10:00", "Asia/Kathmandu": "22:45", "Australia/Lord_Howe": "04:00", "UTC": "17:00",
	} {
		z, err := open().load(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := at.In(z).Format("15:04"); got != want {
			t.Errorf("%s shows %s, want %s", name, got, want)
		}
	}
}

// TestTheHourThatIsSkippedAndTheOneShownTwice: New York, in 2027.
func TestTheHourThatIsSkippedAndTheOneShownTwice(t *testing.T) {
	z, err := Load("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	count := func(want string, from time.Time) (n int) {
		for at := from; at.Before(from.Add(36 * time.Hour)); at = at.Add(time.Minute) {
			if at.In(z).Format("2006-01-02 15:04") == want {
				n++
			}
		}
		return n
	}
	if n := count("2027-03-14 02:30", time.Date(2027, 3, 14, 0, 0, 0, 0, time.UTC)); n != 0 {
		t.Errorf("02:30 is shown %d times where the clocks skip it", n)
	}
	if n := count("2027-11-07 01:30", time.Date(2027, 11, 7, 0, 0, 0, 0, time.UTC)); n != 2 {
		t.Errorf("01:30 is shown %d times where the clocks are turned back", n)
	}
}

func TestNames(t *testing.T) {
	names := Names()
	if len(names) < 580 || !slices.IsSorted(names) {
		t.Errorf("%d zones", len(names))
	}
	for _, name := range names {
		z, err := Load(name)
		if err != nil || z.String() != name {
			t.Errorf("%s: %v %v", name, z, err)
		}
	}
	for _, old := range []string{"US/Eastern", "Asia/Calcutta", "America/Buenos_Aires"} {
		if !slices.Contains(names, old) {
			t.Errorf("%s is missing", old)
		}
	}
	for _, bad := range []string{"", "Local", "local", "../etc/passwd", "/etc/passwd", "/usr/share/zoneinfo/UTC", "America/../UTC", "VERSION",
		"+VERSION", "america/denver", "America", "America/", "posix/UTC", "right/UTC", "localtime", "Factory", "tzdata.zi", "Mars/Olympus", "UTC\x00"} {
		if z, err := Load(bad); err == nil {
			t.Errorf("%q is a zone: %v", bad, z)
		}
	}
}

func TestOlder(t *testing.T) {
	inOrder := []string{"", "2024", "2024b", "2025a", "2025b", "2025z", "2025za", "2026a", "2026b", "2026f"}
	for i, a := range inOrder {
		for j, b := range inOrder {
			if Older(a, b) != (i < j) {
				t.Errorf("Older(%q, %q) is %v", a, b, i >= j)
			}
		}
	}
	for _, unreadable := range []string{"unknown", "2026F", "2099f-dirty", "99999"} {
		if Older("2026f", unreadable) {
			t.Errorf("%s is newer than 2026f", unreadable)
		}
	}
}

// machine makes a computer's database in which Vancouver keeps the hour of Tokyo.
func machine(t *testing.T, file, content string) string {
	t.Helper()
	dir := t.TempDir()
	tokyo, err := fs.ReadFile(open().files["Asia/Tokyo"], "Asia/Tokyo")
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		file: []byte(content), "America/Vancouver": tokyo, "posix/America/Vancouver": tokyo, "right/America/Vancouver": tokyo,
		"Moon/Tranquility": tokyo, "localtime": tokyo, "zone.tab": []byte("no zone"), "America/Denver": []byte("TZif, damaged"),
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestTheNewerDataIsUsed: the computer's only when it says that it is newer.
func TestTheNewerDataIsUsed(t *testing.T) {
	at := time.Date(2026, 12, 1, 17, 0, 0, 0, time.UTC)
	ours := open().version
	for _, c := range []struct{ file, content, machine, source, hour string }{
		{"tzdata.zi", "# version 2099a\nR A ...", "2099a", ThisComputer, "02:00"},
		{"+VERSION", "2099a\n", "2099a", ThisComputer, "02:00"},
		{"tzdata.zi", "# version " + ours + "\n", ours, BuiltIn, "10:00"},
		{"tzdata.zi", "# version 2025b\n", "2025b", BuiltIn, "10:00"},
		{"tzdata.zi", "# version unknown-dirty\n", "", BuiltIn, "10:00"},
		{"tzdata.zi", "", "", BuiltIn, "10:00"},
		{"nothing", "", "", BuiltIn, "10:00"},
	} {
		d := open(filepath.Join(t.TempDir(), "none"), machine(t, c.file, c.content))
		want := ours
		if c.source == ThisComputer {
			want = c.machine
		}
		z, err := d.load("America/Vancouver")
		if err != nil {
			t.Fatal(err)
		}
		if got := at.In(z).Format("15:04"); got != c.hour || d.source != c.source || d.version != want || d.machine != c.machine {
			t.Errorf("%s %q: %s, %s, version %s, the machine's %q", c.file, c.content, got, d.source, d.version, d.machine)
		}
		_, moon := d.load("Moon/Tranquility")
		if (moon == nil) != (c.source == ThisComputer) {
			t.Errorf("%q: a zone that only the computer knows: %v", c.content, moon)
		}
		for _, bad := range []string{"posix/America/Vancouver", "right/America/Vancouver", "localtime", "zone.tab"} {
			if _, err := d.load(bad); err == nil {
				t.Errorf("%q: %s is a zone", c.content, bad)
			}
		}
		for name, want := range map[string]string{"Europe/Paris": "18:00", "America/Denver": "10:00"} {
			if z, err := d.load(name); err != nil || at.In(z).Format("15:04") != want {
				t.Errorf("%s, which the computer lacks or has damaged, is ours: %v", name, err)
			}
		}
	}
}
