// Package zones owns what the clocks of the world show: the IANA time zone database, in the version that is built in, or
// the machine's when that is newer. A portal whose data is old puts visits an hour away from where a region has moved its
// clocks since, so neither an image without zones nor a machine that nobody updates may decide.
//
// It reads the machine's database once, at the first question, and writes nothing. What must never happen: a zone that
// has no name (the "Local" of Go is the machine's, and no clinic's), or a file outside the database.
package zones

import (
	"archive/zip"
	"bytes"
	_ "embed"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// zonesZip is made by "make zones": compiled zones (RFC 9636, slim) and VERSION.
//
//go:embed zones.zip
var zonesZip []byte

// Where data comes from, as people read it.
const (
	BuiltIn      = "built in"
	ThisComputer = "this computer"
)

// places are where systems keep their database.
var places = []string{"/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/usr/share/lib/zoneinfo", "/etc/zoneinfo"}

var current = sync.OnceValue(func() *database { return open(places...) })

// Load gives a zone by its IANA name, or an old name of it, from memory when it was asked for before.
func Load(name string) (*time.Location, error) { return current().load(name) }

// Version is that of the data in use, such as "2026f".
func Version() string { return current().version }

// Source tells whose data is in use: BuiltIn or ThisComputer.
func Source() string { return current().source }

// MachineVersion is the version of this computer's data; "" when it has none, or none that says its version.
func MachineVersion() string { return current().machine }

// Names lists every zone, in order.
func Names() []string { return slices.Sorted(maps.Keys(current().files)) }

// Older tells whether version a of the database came before b. A version is a year and letters: after "2025z" comes
// "2025za". What is no version is older than every version.
func Older(a, b string) bool {
	x, y := versionForm.FindStringSubmatch(a), versionForm.FindStringSubmatch(b)
	switch {
	case y == nil:
		return false
	case x == nil:
		return true
	case x[1] != y[1]:
		return x[1] < y[1]
	case len(x[2]) != len(y[2]):
		return len(x[2]) < len(y[2])
	}
	return x[2] < y[2]
}

var versionForm = regexp.MustCompile(`^(\d{4})([a-z]{0,2})$`)

// database is the data in use. Its files are fixed when it is opened.
type database struct {
	version, source, machine string
	files                    map[string]fs.FS // by zone: the machine's, or ours where it lacks one
	loaded                   sync.Map         // name to *time.Location
}

// open takes the data that is built in, and over it the machine's when that is newer.
func open(places ...string) *database {
	ours, err := zip.NewReader(bytes.NewReader(zonesZip), int64(len(zonesZip)))
	if err != nil {
		panic("the zone data that is built in is damaged: " + err.Error())
	}
	version, err := fs.ReadFile(ours, "VERSION")
	if err != nil {
		panic("the zone data that is built in is damaged: " + err.Error())
	}
	d := &database{version: string(version), source: BuiltIn, files: map[string]fs.FS{}}
	for _, f := range ours.File {
		if f.Name != "VERSION" {
			d.files[f.Name] = ours
		}
	}
	for _, place := range places {
		machine := os.DirFS(place)
		if d.machine = versionOf(machine); d.machine == "" {
			continue
		}
		if Older(d.version, d.machine) {
			d.version, d.source = d.machine, ThisComputer
			for _, name := range zonesIn(machine) {
				d.files[name] = machine
			}
		}
		break
	}
	return d
}

// versionOf reads the version a database says it has; "" when it says none that can be compared.
func versionOf(dir fs.FS) string {
	if raw, err := fs.ReadFile(dir, "+VERSION"); err == nil {
		if v := strings.TrimSpace(string(raw)); versionForm.MatchString(v) {
			return v
		}
	}
	f, err := dir.Open("tzdata.zi")
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }()
	head := make([]byte, 64)
	n, _ := f.Read(head)
	line, _, _ := strings.Cut(string(head[:n]), "\n")
	if v, ok := strings.CutPrefix(strings.TrimSpace(line), "# version "); ok && versionForm.MatchString(v) {
		return v
	}
	return ""
}

// zonesIn lists the zones of a folder. Its parts "posix" and "right" repeat them, the latter with leap seconds; what
// cannot be read as a zone is none.
func zonesIn(dir fs.FS) (names []string) {
	_ = fs.WalkDir(dir, ".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return nil //nolint:nilerr // ours stands in for it
		case d.IsDir() && (path == "posix" || path == "right"):
			return fs.SkipDir
		case d.IsDir(), path == "localtime", path == "posixrules", path == "Factory":
			return nil
		}
		content, err := fs.ReadFile(dir, path)
		if err != nil {
			return nil //nolint:nilerr // as above
		}
		if _, err := time.LoadLocationFromTZData(path, content); err == nil {
			names = append(names, path)
		}
		return nil
	})
	return names
}

func (d *database) load(name string) (*time.Location, error) {
	if z, ok := d.loaded.Load(name); ok {
		return z.(*time.Location), nil
	}
	from, ok := d.files[name]
	if !ok {
		return nil, fmt.Errorf("%q is not the name of a time zone", name)
	}
	content, err := fs.ReadFile(from, name)
	if err != nil {
		return nil, err
	}
	z, err := time.LoadLocationFromTZData(name, content)
	if err != nil {
		return nil, err
	}
	d.loaded.Store(name, z)
	return z, nil
}
