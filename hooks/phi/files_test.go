package phi

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/filesystem"
)

func newTerminateEvent(app core.App) *core.TerminateEvent {
	e := &core.TerminateEvent{}
	e.App = app
	return e
}

func TestBytes(t *testing.T) {
	ring := newRing(t)
	sealed, err := ring.SealBytes("anna", "outbox|1", []byte("your code is 123456"))
	ok(t, err)
	if strings.Contains(sealed, "123456") {
		t.Error("plaintext")
	}
	plain, err := ring.OpenBytes("anna", "outbox|1", sealed)
	ok(t, err)
	equal(t, "opened", string(plain), "your code is 123456")
	again, err := ring.SealBytes("anna", "outbox|1", []byte("your code is 123456"))
	ok(t, err)
	if again == sealed {
		t.Error("sealing twice gives the same text")
	}
	bob, err := ring.SealBytes("bob", "outbox|1", []byte("x"))
	ok(t, err)
	for name, c := range map[string][3]string{
		"another place":   {"anna", "outbox|2", sealed},
		"another subject": {"bob", "outbox|1", sealed},
		"another's value": {"anna", "outbox|1", bob},
		"empty":           {"anna", "outbox|1", ""},
		"plaintext":       {"anna", "outbox|1", "your code is 123456"},
		"cut":             {"anna", "outbox|1", sealed[:len(sealed)-2]},
		"longer":          {"anna", "outbox|1", sealed + "AA"},
		"other alphabet":  {"anna", "outbox|1", sealed[:25] + "!" + sealed[26:]},
		"unknown key":     {"anna", "outbox|1", "e1.aaaaaaaaaaaaaaaa" + sealed[19:]},
	} {
		if _, err := ring.OpenBytes(c[0], c[1], c[2]); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	ok(t, ring.Destroy("anna"))
	if _, err := ring.OpenBytes("anna", "outbox|1", sealed); !errors.Is(err, ErrErased) {
		t.Errorf("destroyed: %v", err)
	}
	if _, err := ring.SealBytes("anna", "outbox|1", nil); !errors.Is(err, ErrErased) {
		t.Errorf("destroyed: %v", err)
	}
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

func sealFile(t testing.TB, ring *Keyring, subject, place string, data []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	ok(t, ring.SealFile(subject, place, bytes.NewReader(data), &out))
	return out.Bytes()
}

func openFile(ring *Keyring, subject, place string, sealed []byte) ([]byte, error) {
	var out bytes.Buffer
	err := ring.OpenFile(subject, place, bytes.NewReader(sealed), &out)
	return out.Bytes(), err
}

func TestFileSizes(t *testing.T) {
	ring := newRing(t)
	for _, size := range []int{0, 1, 15, chunkSize - 1, chunkSize, chunkSize + 1, 2 * chunkSize, 3*chunkSize + 12345} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			data := random(size)
			sealed := sealFile(t, ring, "anna", "pdf|1", data)
			chunks := max(1, (size+chunkSize-1)/chunkSize)
			equal(t, "sealed size", len(sealed), headerSize+size+chunks*gcmTagSize)
			if size > 15 && bytes.Contains(sealed, data[:16]) {
				t.Error("plaintext")
			}
			opened, err := openFile(ring, "anna", "pdf|1", sealed)
			ok(t, err)
			if !bytes.Equal(opened, data) {
				t.Error("other bytes")
			}
			// readers that give little at a time
			var out bytes.Buffer
			ok(t, ring.OpenFile("anna", "pdf|1", iotest.HalfReader(bytes.NewReader(sealed)), &out))
			if !bytes.Equal(out.Bytes(), data) {
				t.Error("other bytes from a slow reader")
			}
		})
	}
}

func TestTamperedFiles(t *testing.T) {
	ring := newRing(t)
	data := random(3*chunkSize + 100)
	sealed := sealFile(t, ring, "anna", "pdf|1", data)
	other := sealFile(t, ring, "anna", "pdf|1", random(3*chunkSize+100))
	const step = chunkSize + gcmTagSize
	chunk := func(b []byte, i int) []byte {
		return b[headerSize+i*step : min(headerSize+(i+1)*step, len(b))]
	}
	head := sealed[:headerSize]
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	flip := func(at int) []byte {
		b := bytes.Clone(sealed)
		b[at] ^= 1
		return b
	}
	for name, b := range map[string][]byte{
		"nothing":                {},
		"half a header":          sealed[:20],
		"header only":            head,
		"another format":         join([]byte("%PDF-1.7 "), sealed[9:]),
		"another version":        flip(4),
		"salt changed":           flip(30),
		"first chunk changed":    flip(headerSize + 5),
		"last byte changed":      flip(len(sealed) - 1),
		"last chunk cut off":     sealed[:headerSize+3*step],
		"cut within a chunk":     sealed[:headerSize+2*step+77],
		"last byte cut off":      sealed[:len(sealed)-1],
		"a byte added":           join(sealed, []byte{0}),
		"a chunk added":          join(sealed, chunk(sealed, 3)),
		"chunks swapped":         join(head, chunk(sealed, 1), chunk(sealed, 0), chunk(sealed, 2), chunk(sealed, 3)),
		"a chunk repeated":       join(head, chunk(sealed, 0), chunk(sealed, 0), chunk(sealed, 1), chunk(sealed, 2), chunk(sealed, 3)),
		"a chunk left out":       join(head, chunk(sealed, 0), chunk(sealed, 2), chunk(sealed, 3)),
		"a chunk of another":     join(head, chunk(other, 0), chunk(sealed, 1), chunk(sealed, 2), chunk(sealed, 3)),
		"the header of another":  join(other[:headerSize], sealed[headerSize:]),
		"first chunk, then last": join(head, chunk(sealed, 0), chunk(sealed, 3)),
	} {
		if _, err := openFile(ring, "anna", "pdf|1", b); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := openFile(ring, "anna", "pdf|2", sealed); !errors.Is(err, ErrDamaged) {
		t.Errorf("another place: %v", err)
	}
	if _, err := openFile(ring, "bob", "pdf|1", sealed); !errors.Is(err, ErrDamaged) {
		t.Errorf("another subject: %v", err)
	}
	ok(t, ring.Destroy("anna"))
	if _, err := openFile(ring, "anna", "pdf|1", sealed); !errors.Is(err, ErrErased) {
		t.Errorf("destroyed: %v", err)
	}
}

// A file that could only be half read or half written is never taken for a whole one.
func TestFileReadAndWriteErrors(t *testing.T) {
	ring := newRing(t)
	broken := errors.New("the disk is gone")
	for _, size := range []int{0, 100, chunkSize, chunkSize + 5} {
		r := io.MultiReader(bytes.NewReader(random(size)), iotest.ErrReader(broken))
		if err := ring.SealFile("anna", "p", r, io.Discard); !errors.Is(err, broken) {
			t.Errorf("sealing after %d bytes: %v", size, err)
		}
		sealed := sealFile(t, ring, "anna", "p", random(size))
		r = io.MultiReader(bytes.NewReader(sealed), iotest.ErrReader(broken))
		if err := ring.OpenFile("anna", "p", r, io.Discard); !errors.Is(err, broken) {
			t.Errorf("opening after %d bytes: %v", size, err)
		}
	}
	if err := ring.SealFile("anna", "p", bytes.NewReader(random(10)), full{}); !errors.Is(err, errFull) {
		t.Errorf("sealing to a full disk: %v", err)
	}
	if err := ring.OpenFile("anna", "p", bytes.NewReader(sealFile(t, ring, "anna", "p", random(10))), full{}); !errors.Is(err, errFull) {
		t.Errorf("opening to a full disk: %v", err)
	}
}

var errFull = errors.New("disk full")

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }

// A sealed file as a PocketBase file field stores it.
func TestSealedFileField(t *testing.T) {
	app, ring := newApp(t)
	anna := create(t, app, "clients", map[string]any{"name": "Anna"})
	pdf := append([]byte("%PDF-1.7 signed by Anna "), random(100_000)...)
	file := NewSealedFile(ring, anna.Id, "form|1", &filesystem.BytesReader{Bytes: pdf}, int64(len(pdf)))
	note := create(t, app, "notes", map[string]any{"client": anna.Id, "body": "x", "pdf": file})
	key := note.BaseFilesPath() + "/" + note.GetString("pdf")

	opened, err := OpenSealedFile(app, anna.Id, "form|1", key)
	ok(t, err)
	if !bytes.Equal(opened, pdf) {
		t.Error("other bytes")
	}
	if _, err := OpenSealedFile(app, anna.Id, "form|2", key); !errors.Is(err, ErrDamaged) {
		t.Errorf("another place: %v", err)
	}
	if _, err := OpenSealedFile(app, anna.Id, "form|1", key+"x"); err == nil {
		t.Error("a file that is not there was opened")
	}
	found := 0
	ok(t, filepath.WalkDir(app.DataDir(), func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && strings.Contains(path, "storage") {
			found++
			if bytes.Contains(must(os.ReadFile(path)), []byte("signed by Anna")) {
				t.Errorf("plaintext in %s", path)
			}
		}
		return err
	}))
	if found == 0 {
		t.Error("no stored file was looked at")
	}
}

func FuzzOpenFile(f *testing.F) {
	ring := newRing(f)
	f.Add(sealFile(f, ring, "anna", "p", []byte("text")))
	good := sealFile(f, ring, "anna", "p", []byte("text"))
	for _, b := range [][]byte{nil, []byte(fileMagic), []byte(fileMagic + "aaaaaaaaaaaaaaaa"), good[:headerSize], good[:len(good)-1], append(slices.Clone(good), 0)} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if id, err := keyOf(io.NopCloser(bytes.NewReader(b)), nil); err == nil && !isKeyID(id) || err != nil && !errors.Is(err, ErrDamaged) {
			t.Errorf("header of %x: %q %v", b, id, err)
		}
		if plain, err := openFile(ring, "anna", "p", b); err == nil && string(plain) != "text" {
			t.Errorf("opened %q", plain)
		}
	})
}

func FuzzOpenBytes(f *testing.F) {
	ring := newRing(f)
	sealed, err := ring.SealBytes("anna", "p", []byte("text"))
	ok(f, err)
	f.Add(sealed)
	f.Add("e1.")
	f.Fuzz(func(t *testing.T, s string) {
		if plain, err := ring.OpenBytes("anna", "p", s); err == nil && string(plain) != "text" {
			t.Errorf("opened %q", plain)
		}
	})
}

func BenchmarkFile(b *testing.B) {
	ring := newRing(b)
	data := random(1 << 20)
	sealed := sealFile(b, ring, "anna", "p", data)
	b.Run("seal 1 MiB", func(b *testing.B) {
		b.SetBytes(1 << 20)
		for b.Loop() {
			ok(b, ring.SealFile("anna", "p", bytes.NewReader(data), io.Discard))
		}
	})
	b.Run("open 1 MiB", func(b *testing.B) {
		b.SetBytes(1 << 20)
		for b.Loop() {
			ok(b, ring.OpenFile("anna", "p", bytes.NewReader(sealed), io.Discard))
		}
	})
}
