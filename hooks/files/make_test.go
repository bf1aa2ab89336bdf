package files_test

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"net/textproto"
	"strings"
	"testing"

	"mime/multipart"

	"anteroom/hooks/testkit"
)

// What follows makes the files that the tests send.

func canvas(w, h int) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			m.SetRGBA(x, y, color.RGBA{uint8(x), uint8(y), 90, 255})
		}
	}
	return m
}

func jpegOf(w, h int) []byte {
	var b bytes.Buffer
	_ = jpeg.Encode(&b, canvas(w, h), nil)
	return b.Bytes()
}

func pngOf(m image.Image) []byte {
	var b bytes.Buffer
	_ = png.Encode(&b, m)
	return b.Bytes()
}

func gifOf(w, h, frames int) []byte {
	g := &gif.GIF{}
	m := image.NewPaletted(image.Rect(0, 0, w, h), color.Palette{color.White, color.Black})
	for range frames {
		g.Image, g.Delay = append(g.Image, m), append(g.Delay, 1)
	}
	var b bytes.Buffer
	_ = gif.EncodeAll(&b, g)
	return b.Bytes()
}

// withEXIF puts an APP1 segment with an orientation and a GPS-like text behind the start of a JPEG.
func withEXIF(file []byte, orientation int, secret string) []byte {
	exif := []byte("Exif\x00\x00MM\x00\x2a\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00")
	exif = append(exif, byte(orientation), 0, 0, 0, 0, 0, 0)
	exif = append(exif, secret...)
	segment := binary.BigEndian.AppendUint16([]byte{0xff, 0xe1}, uint16(len(exif)+2))
	return bytes.Join([][]byte{file[:2], segment, exif, file[2:]}, nil)
}

func pngChunk(kind string, data []byte) []byte {
	out := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	out = append(append(out, kind...), data...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[4:]))
}

// pngClaiming is a PNG of that size and colour type whose pixels are zeros: a bomb when it is large.
func pngClaiming(w, h int, depth, colour byte, extra ...[]byte) []byte {
	head := binary.BigEndian.AppendUint32(nil, uint32(w))
	head = binary.BigEndian.AppendUint32(head, uint32(h))
	out := append([]byte("\x89PNG\r\n\x1a\n"), pngChunk("IHDR", append(head, depth, colour, 0, 0, 0))...)
	for _, e := range extra {
		out = append(out, e...)
	}
	return append(append(out, pngChunk("IDAT", deflated(min(32<<20, min(h, 400)*(1+min(w, 70_000)*int(depth)/2))))...), pngChunk("IEND", nil)...)
}

func deflated(zeros int) []byte {
	var b bytes.Buffer
	z, _ := zlib.NewWriterLevel(&b, zlib.BestSpeed)
	piece := make([]byte, 1<<20)
	for ; zeros > 0; zeros -= len(piece) {
		_, _ = z.Write(piece[:min(zeros, len(piece))])
	}
	_ = z.Close()
	return b.Bytes()
}

// pdfOf writes a PDF of objects, with a right table of them.
func pdfOf(trailer string, objects ...string) []byte {
	var b bytes.Buffer
	b.WriteString("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
	offsets := []int{}
	for i, o := range objects {
		offsets = append(offsets, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	at := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for _, o := range offsets {
		fmt.Fprintf(&b, "%010d 00000 n \n", o)
	}
	fmt.Fprintf(&b, "trailer\n<</Size %d/Root 1 0 R%s>>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, trailer, at)
	return b.Bytes()
}

const (
	catalog = "<</Type/Catalog/Pages 2 0 R>>"
	pages   = "<</Type/Pages/Kids[3 0 R]/Count 1>>"
	page    = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Contents 4 0 R>>"
)

func plainPDF(text string) []byte {
	content := "BT /F1 12 Tf (" + text + ") Tj ET"
	return pdfOf("", catalog, pages, page, fmt.Sprintf("<</Length %d>>\nstream\n%s\nendstream", len(content), content))
}

// pdfWithObjects hides objects in an object stream.
func pdfWithObjects(inner, dict string) []byte {
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	_, _ = z.Write([]byte("5 0 " + inner))
	_ = z.Close()
	return pdfOf("", catalog, pages, page, fmt.Sprintf("<<%s/Length %d>>\nstream\n%s\nendstream", dict, b.Len(), b.String()))
}

// eicar is the harmless file that every scanner finds, in two parts so that no scanner finds this source.
func eicar() string {
	return `X5O!P%@AP[4\PZX54(P^)7CC)7}$` + `EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*`
}

// form is a multipart body with one file.
func form(name string, content []byte) (body []byte, contentType string) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	h := textproto.MIMEHeader{}
	h.Set("Content-Disposition", `form-data; name="file"; filename="`+strings.ReplaceAll(name, `"`, `\"`)+`"`)
	h.Set("Content-Type", "image/jpeg") // whatever it is
	p, _ := w.CreatePart(h)
	_, _ = p.Write(content)
	_ = w.Close()
	return b.Bytes(), w.FormDataContentType()
}

func sendPicture(t testing.TB, c *testkit.Clinic, token, name string, content []byte, headers ...string) *testkit.Response {
	t.Helper()
	body, kind := form(name, content)
	return c.Do(t, "POST", avatar, token, body, append(headers, "Content-Type", kind)...)
}

const avatar = "/api/v1/portal/profile/avatar"
