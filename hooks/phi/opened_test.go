package phi

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/pocketbase/pocketbase/tools/filesystem"
)

const sealedStep = chunkSize + gcmTagSize

func TestReadingFromTheMiddle(t *testing.T) {
	ring := newRing(t)
	for _, size := range []int{0, 1, chunkSize - 1, chunkSize, chunkSize + 1, 3*chunkSize + 12345} {
		data := random(size)
		sealed := sealFile(t, ring, "anna", "p", data)
		o, err := ring.OpenAt("anna", "p", bytes.NewReader(sealed))
		ok(t, err)
		equal(t, "size", int(o.Size()), size)
		whole, err := io.ReadAll(o)
		ok(t, err)
		if !bytes.Equal(whole, data) {
			t.Fatalf("%d: other bytes", size)
		}
		for _, from := range []int{0, 1, chunkSize - 1, chunkSize, chunkSize + 7, 2*chunkSize + 9, size - 1, size} {
			if from < 0 || from > size {
				continue
			}
			n := min(100, size-from)
			_, err := o.Seek(int64(from), io.SeekStart)
			ok(t, err)
			part := make([]byte, n)
			_, err = io.ReadFull(o, part)
			ok(t, err)
			if !bytes.Equal(part, data[from:from+n]) {
				t.Errorf("%d from %d: other bytes", size, from)
			}
		}
		if _, err := o.Seek(-1, io.SeekStart); err == nil {
			t.Error("before the start")
		}
	}
}

// TestNothingUnauthenticIsGiven: what was tampered with gives an error before any byte that was not sealed there, and what
// was cut short does not open at all.
func TestNothingUnauthenticIsGiven(t *testing.T) {
	ring := newRing(t)
	data := random(3*chunkSize + 100)
	sealed := sealFile(t, ring, "anna", "p", data)
	other := sealFile(t, ring, "anna", "p", random(3*chunkSize+100))
	chunk := func(b []byte, i int) []byte {
		return b[headerSize+i*sealedStep : min(headerSize+(i+1)*sealedStep, len(b))]
	}
	head := sealed[:headerSize]
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	flip := func(at int) []byte {
		b := bytes.Clone(sealed)
		b[at] ^= 1
		return b
	}
	for name, c := range map[string]struct {
		sealed []byte
		opens  bool // the damage lies before the last chunk
	}{
		"nothing":               {nil, false},
		"header only":           {head, false},
		"salt changed":          {flip(30), false},
		"last chunk cut off":    {sealed[:headerSize+3*sealedStep], false},
		"last byte cut off":     {sealed[:len(sealed)-1], false},
		"cut to a tag":          {sealed[:headerSize+3*sealedStep+gcmTagSize], false},
		"a byte added":          {join(sealed, []byte{0}), false},
		"the header of another": {join(other[:headerSize], sealed[headerSize:]), false},
		"a chunk left out":      {join(head, chunk(sealed, 0), chunk(sealed, 2), chunk(sealed, 3)), false},
		"first chunk changed":   {flip(headerSize + 5), true},
		"chunks swapped":        {join(head, chunk(sealed, 1), chunk(sealed, 0), chunk(sealed, 2), chunk(sealed, 3)), true},
		"a chunk of another":    {join(head, chunk(other, 0), chunk(sealed, 1), chunk(sealed, 2), chunk(sealed, 3)), true},
	} {
		o, err := ring.OpenAt("anna", "p", bytes.NewReader(c.sealed))
		if !c.opens {
			if !errors.Is(err, ErrDamaged) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := io.ReadAll(o)
		if !errors.Is(err, ErrDamaged) || !bytes.HasPrefix(data, got) || len(got) >= chunkSize {
			t.Errorf("%s: %d bytes and %v", name, len(got), err)
		}
	}
	for _, who := range [][2]string{{"anna", "q"}, {"bob", "p"}} {
		if _, err := ring.OpenAt(who[0], who[1], bytes.NewReader(sealed)); !errors.Is(err, ErrDamaged) {
			t.Errorf("%v: %v", who, err)
		}
	}
}

// TestRanges holds what http.ServeContent does with an opened file against what it does with the plaintext.
func TestRanges(t *testing.T) {
	ring := newRing(t)
	data := random(2*chunkSize + 500)
	sealed := sealFile(t, ring, "anna", "p", data)
	serve := func(content io.ReadSeeker, headers ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", "/", nil)
		for i := 0; i+1 < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		w := httptest.NewRecorder()
		w.Header().Set("ETag", `"one"`)
		w.Header().Set("Content-Type", "application/pdf")
		http.ServeContent(w, r, "", time.Time{}, content)
		return w
	}
	body := func(w *httptest.ResponseRecorder) string {
		kind, params, _ := mime.ParseMediaType(w.Header().Get("Content-Type"))
		if kind != "multipart/byteranges" {
			return w.Header().Get("Content-Range") + "|" + w.Body.String()
		}
		out, parts := "", multipart.NewReader(w.Body, params["boundary"]) // which is random
		for {
			p, err := parts.NextPart()
			if err != nil {
				return out
			}
			raw, _ := io.ReadAll(p)
			out += p.Header.Get("Content-Range") + "|" + string(raw)
		}
	}
	for i, h := range [][]string{{}, {"Range", "bytes=0-0"}, {"Range", "bytes=-200"}, {"Range", "bytes=65530-65545"}, {"Range", "bytes=131000-"},
		{"Range", "bytes=1-2,70000-70009,-5"}, {"Range", "bytes=999999-"}, {"Range", "lines=1-2"},
		{"Range", "bytes=10-20", "If-Range", `"one"`}, {"Range", "bytes=10-20", "If-Range", `"two"`}, {"If-None-Match", `"one"`}} {
		o, err := ring.OpenAt("anna", "p", bytes.NewReader(sealed))
		ok(t, err)
		got, want := serve(o, h...), serve(bytes.NewReader(data), h...)
		if got.Code != want.Code || body(got) != body(want) {
			t.Errorf("%d %v: %d, want %d", i, h, got.Code, want.Code)
		}
	}
}

// TestSealingWhileStored: PocketBase looks at the first bytes, goes back to the start and reads again, in pieces of its
// own. A second reading is sealed under another salt.
func TestSealingWhileStored(t *testing.T) {
	ring := newRing(t)
	for _, size := range []int{0, 10, chunkSize, 2*chunkSize + 77} {
		data := random(size)
		f := NewSealedFile(ring, "anna", "p", &filesystem.BytesReader{Bytes: data}, int64(size))
		if !IsSealed(f) || len(f.Name) < 20 || f.Name != f.OriginalName {
			t.Fatalf("%+v", f)
		}
		r, err := f.Reader.Open()
		ok(t, err)
		first := make([]byte, 40)
		_, err = io.ReadFull(r, first)
		ok(t, err)
		if _, err := r.Seek(5, io.SeekStart); err == nil {
			t.Error("a jump into what is being sealed")
		}
		_, err = r.Seek(0, io.SeekStart)
		ok(t, err)
		sealed, err := io.ReadAll(r)
		ok(t, err)
		equal(t, "size", len(sealed), int(f.Size))
		if bytes.HasPrefix(sealed, first) {
			t.Error("the same salt twice")
		}
		opened, err := openFile(ring, "anna", "p", sealed)
		ok(t, err)
		if !bytes.Equal(opened, data) {
			t.Error("other bytes")
		}
	}
	ok(t, ring.Destroy("anna"))
	if _, err := NewSealedFile(ring, "anna", "p", &filesystem.BytesReader{Bytes: random(5)}, 5).Reader.Open(); !errors.Is(err, ErrErased) {
		t.Error(err)
	}
}
