package forms

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
	"strings"
	"testing"

	"anteroom/hooks/kernel"
)

// drawn is a pad of the given size with a wavy line of ink.
func drawn(w, h int, paper, ink color.Color) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	draw.Draw(m, m.Bounds(), image.NewUniform(paper), image.Point{}, draw.Src)
	for x := w / 5; x < w*4/5; x++ {
		y := h/2 + (x%20 - 10)
		for _, d := range []int{0, 1, 2} {
			if y+d >= 0 && y+d < h {
				m.Set(x, y+d, ink)
			}
		}
	}
	return m
}

func pngOf(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func jpegOf(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func dataURL(mime string, file []byte) json.RawMessage {
	raw, _ := json.Marshal("data:" + mime + ";base64," + base64.StdEncoding.EncodeToString(file))
	return raw
}

func reasonOf(t testing.TB, err error) string {
	t.Helper()
	var refused *kernel.Error
	if err == nil {
		return ""
	}
	if !errors.As(err, &refused) || refused.Status != 400 || !strings.HasSuffix(refused.Message, ".") {
		t.Fatalf("not a refusal in words: %v", err)
	}
	return refused.Reason
}

// bigPNG claims a size in its header that its few bytes do not have.
func bigPNG(w, h uint32) []byte {
	b := append([]byte("\x89PNG\r\n\x1a\n"), 0, 0, 0, 13)
	header := append([]byte("IHDR"), make([]byte, 13)...)
	binary.BigEndian.PutUint32(header[4:], w)
	binary.BigEndian.PutUint32(header[8:], h)
	header[12], header[13] = 8, 6
	b = append(b, header...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(header))
}

func TestDrawnSignatures(t *testing.T) {
	dark := color.NRGBA{0x1d, 0x1a, 0x16, 255}
	pad := drawn(600, 176, color.Transparent, dark)
	dot := image.NewNRGBA(image.Rect(0, 0, 600, 176))
	draw.Draw(dot, image.Rect(100, 100, 110, 110), image.NewUniform(dark), image.Point{}, draw.Src)
	faint := drawn(600, 176, color.White, color.NRGBA{240, 240, 240, 255})
	unseen := drawn(600, 176, color.NRGBA{255, 255, 255, 0}, color.NRGBA{0, 0, 0, 0})
	noise := image.NewNRGBA(image.Rect(0, 0, 600, 400))
	random := rand.New(rand.NewPCG(1, 2))
	for i := range noise.Pix {
		noise.Pix[i] = uint8(random.UintN(256))
	}
	var asGIF bytes.Buffer
	if err := gif.Encode(&asGIF, pad, nil); err != nil {
		t.Fatal(err)
	}
	good := pngOf(t, pad)
	bare, _ := json.Marshal(base64.StdEncoding.EncodeToString(good))
	unpadded, _ := json.Marshal(base64.RawStdEncoding.EncodeToString(good))
	for name, c := range map[string]struct {
		raw    json.RawMessage
		reason string
	}{
		"PNG as data URL":                {dataURL("image/png", good), ""},
		"PNG as bare base64":             {bare, ""},
		"without padding":                {unpadded, ""},
		"JPEG":                           {dataURL("image/jpeg", jpegOf(t, drawn(600, 176, color.White, dark))), ""},
		"JPEG of a grey sheet":           {dataURL("image/jpeg", jpegOf(t, drawn(600, 176, color.Gray{190}, dark))), ""},
		"JPEG that says PNG":             {dataURL("image/png", jpegOf(t, drawn(600, 176, color.White, dark))), ""},
		"blue ink":                       {dataURL("image/png", pngOf(t, drawn(600, 176, color.White, color.NRGBA{20, 40, 160, 255}))), ""},
		"high-density pad":               {dataURL("image/png", pngOf(t, drawn(1800, 528, color.Transparent, dark))), ""},
		"16 bits a channel":              {dataURL("image/png", pngOf(t, deep(pad))), ""},
		"largest":                        {dataURL("image/png", pngOf(t, drawn(2000, 1000, color.White, dark))), ""},
		"transparent":                    {dataURL("image/png", pngOf(t, image.NewNRGBA(image.Rect(0, 0, 600, 176)))), reasonBlank},
		"one colour":                     {dataURL("image/png", pngOf(t, drawn(600, 176, dark, dark))), reasonBlank},
		"a single dot":                   {dataURL("image/png", pngOf(t, dot)), reasonBlank},
		"one pixel":                      {dataURL("image/png", pngOf(t, image.NewNRGBA(image.Rect(0, 0, 1, 1)))), reasonBlank},
		"too faint to read":              {dataURL("image/png", pngOf(t, faint)), reasonBlank},
		"ink nobody sees":                {dataURL("image/png", pngOf(t, unseen)), reasonBlank},
		"white on transparent":           {dataURL("image/png", pngOf(t, drawn(600, 176, color.Transparent, color.White))), reasonBlank},
		"empty":                          {json.RawMessage(`""`), reasonBlank},
		"nothing":                        {nil, reasonNotImage},
		"null":                           {json.RawMessage(`null`), reasonBlank},
		"a number":                       {json.RawMessage(`5`), reasonNotImage},
		"another object":                 {json.RawMessage(`{"drawn":"x"}`), reasonNotImage},
		"words":                          {json.RawMessage(`"Maya Okafor"`), reasonNotImage},
		"text in base64":                 {dataURL("image/png", []byte("this is no picture at all")), reasonNotImage},
		"SVG":                            {dataURL("image/svg+xml", []byte(`<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`)), reasonNotImage},
		"GIF":                            {dataURL("image/gif", asGIF.Bytes()), reasonNotImage},
		"GIF that says PNG":              {dataURL("image/png", asGIF.Bytes()), reasonNotImage},
		"cut short":                      {dataURL("image/png", good[:len(good)/2]), reasonNotImage},
		"only a header":                  {dataURL("image/png", bigPNG(600, 176)), reasonNotImage},
		"data URL without base64":        {json.RawMessage(`"data:image/png,abc"`), reasonNotImage},
		"10,000 pixels wide":             {dataURL("image/png", bigPNG(10_000, 100)), reasonTooLarge},
		"2,001 pixels wide":              {dataURL("image/png", pngOf(t, drawn(2001, 100, color.White, dark))), reasonTooLarge},
		"1,001 pixels high":              {dataURL("image/png", pngOf(t, drawn(300, 1001, color.White, dark))), reasonTooLarge},
		"900 million pixels in 33 bytes": {dataURL("image/png", bigPNG(30_000, 30_000)), reasonTooLarge},
		"more pixels than memory":        {dataURL("image/png", bigPNG(1<<31-1, 1<<31-1)), reasonNotImage},
		"more than 512 kB":               {dataURL("image/png", pngOf(t, noise)), reasonTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := ReadSignature(c.raw, "Maya Okafor")
			if got := reasonOf(t, err); got != c.reason {
				t.Fatalf("reason %q, want %q", got, c.reason)
			}
			if c.reason != "" {
				if s.PNG != nil || s.Typed != "" {
					t.Error("a refused signature came back")
				}
				return
			}
			if _, err := png.Decode(bytes.NewReader(s.PNG)); err != nil || len(s.Hash()) != 64 {
				t.Errorf("not a clean PNG: %v", err)
			}
		})
	}
}

func deep(m image.Image) image.Image {
	out := image.NewNRGBA64(m.Bounds())
	draw.Draw(out, out.Bounds(), m, image.Point{}, draw.Src)
	return out
}

func TestOnlyPixelsAreKept(t *testing.T) {
	file := pngOf(t, drawn(300, 100, color.Transparent, color.Black))
	// A text chunk before IEND, and an HTML page behind it.
	text := []byte("tEXtComment\x00secret place")
	chunk := binary.BigEndian.AppendUint32(nil, uint32(len(text)-4))
	chunk = append(chunk, text...)
	chunk = binary.BigEndian.AppendUint32(chunk, crc32.ChecksumIEEE(text))
	end := len(file) - 12
	tainted := append(append(append([]byte{}, file[:end]...), chunk...), file[end:]...)
	tainted = append(tainted, "<script>alert(1)</script>"...)
	s, err := ReadSignature(dataURL("image/png", tainted), "x")
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(s.PNG, []byte("secret")) || bytes.Contains(s.PNG, []byte("script")) {
		t.Error("more than pixels was kept")
	}
	clean, err := ReadSignature(dataURL("image/png", file), "x")
	if err != nil || clean.Hash() != s.Hash() {
		t.Error("the same pixels have another hash")
	}
}

func TestTypedSignatures(t *testing.T) {
	for _, c := range []struct{ typed, signer, reason string }{
		{"Maya Okafor", "Maya Okafor", ""},
		{"  maya \u00a0 OKAFOR ", "Maya Okafor", ""},
		{"Séan O’Brien", "SÉAN O'BRIEN", ""},
		{"Se\u0301an O'Brien", "Séan O'Brien", ""},
		{"STRASSE", "Straße", ""},
		{"Ｍａｙａ Okafor", "Maya Okafor", ""},
		{"Nguyễn Thị Ánh", "nguyễn thị ánh", ""},
		{"Anna‑Lena Vogt", "Anna-Lena Vogt", ""},
		{"Maya", "Maya Okafor", reasonOtherName},
		{"Sean O'Brien", "Séan O'Brien", reasonOtherName},
		{"Maya Okafor Jr", "Maya Okafor", reasonOtherName},
		{strings.Repeat("a ", 100_000), "Maya Okafor", reasonOtherName},
		{"", "Maya Okafor", reasonBlank},
		{" \t ", "", reasonBlank},
	} {
		raw, _ := json.Marshal(map[string]string{"typed": c.typed})
		s, err := ReadSignature(raw, c.signer)
		if got := reasonOf(t, err); got != c.reason {
			t.Errorf("%.30q for %q: %q, want %q", c.typed, c.signer, got, c.reason)
		}
		if c.reason == "" && (s.Typed == "" || s.PNG != nil) {
			t.Errorf("%q: %+v", c.typed, s)
		}
	}
}

func FuzzReadSignature(f *testing.F) {
	f.Add([]byte(`{"typed":"Maya"}`))
	f.Add([]byte(dataURL("image/png", pngOf(f, drawn(40, 30, color.White, color.Black)))))
	f.Fuzz(func(t *testing.T, raw []byte) {
		_, err := ReadSignature(raw, "Maya")
		reasonOf(t, err)
	})
}
