package forms

import (
	"bytes"
	"image/color"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func denver(t testing.TB) *time.Location {
	t.Helper()
	z, err := time.LoadLocation("America/Denver")
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func signedPHQ9(t testing.TB) Document {
	t.Helper()
	q := load(t, "phq-9.json")
	s, codes := check(t, q, `{`+phq9Low+`,"/69722-7":{"code":"LA6573-5"}}`, Submit)
	if s == nil {
		t.Fatal(codes)
	}
	sig, err := ReadSignature(dataURL("image/png", pngOf(t, drawn(600, 176, color.Transparent, color.Black))), "x")
	if err != nil {
		t.Fatal(err)
	}
	return Document{
		ID: "sub000000000001", Clinic: "Juniper House Therapy", Zone: denver(t), Title: q.Title,
		TemplateID: "tpl000000000001", TemplateVersion: "2", Client: "Maya Okafor", DateOfBirth: "1990-04-27", Sheet: s,
		Attestation: "I am Maya Okafor. I have read this and agree to it. Signing here counts the same as signing on paper.",
		Signer:      "Maya Okafor", SignerRole: "self", Signature: &sig,
		SignedAt:   time.Date(2026, 12, 1, 17, 4, 5, 120e6, time.UTC),
		RecordHash: strings.Repeat("0123456789abcdef", 4),
	}
}

func render(t testing.TB, d Document) []byte {
	t.Helper()
	out, err := RenderPDF(d)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// readBack gives the document's words as a reader sees them, after qpdf found its structure sound.
func readBack(t testing.TB, pdf []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "form.pdf")
	if err := os.WriteFile(file, pdf, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("qpdf", "--check", file).CombinedOutput(); err != nil {
		t.Fatalf("qpdf --check: %v\n%s", err, out)
	}
	out, err := exec.Command("pdftotext", "-layout", file, "-").Output()
	if err != nil {
		t.Fatalf("pdftotext: %v", err)
	}
	if dir := os.Getenv("FORMS_PDF_DIR"); dir != "" { // to look at what was printed
		name := strings.NewReplacer("/", "_").Replace(t.Name()) + ".pdf"
		if err := os.WriteFile(filepath.Join(dir, name), pdf, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return string(out)
}

// flat undoes line breaks.
func flat(s string) string { return strings.Join(strings.Fields(s), " ") }

func TestDocumentShowsWhatWasAskedAndAnswered(t *testing.T) {
	d := signedPHQ9(t)
	got := flat(readBack(t, render(t, d)))
	for _, it := range d.Sheet.Questionnaire.order {
		if !strings.Contains(got, flat(it.Text)) {
			t.Errorf("the question %q is missing", it.Text)
		}
	}
	for _, want := range []string{
		"Juniper House Therapy", "PHQ-9 quick depression assessment panel", "Maya Okafor", "April 27, 1990",
		"Little interest or pleasure in doing things? Several days", "Feeling down, depressed, or hopeless? More than half the days",
		"hurting yourself in some way No answer", "item total score 7", "Somewhat difficult",
		"December 1, 2026, 10:04:05 am MST (UTC-07:00)", "2026-12-01T17:04:05.120Z (UTC",
		"Signing here counts the same", "Document sub000000000001", "tpl000000000001, version 2", "Page 1 of 2", "Page 2 of 2",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in %s", want, got)
		}
	}
	if n := strings.Count(got, "Record SHA-256 "+d.RecordHash); n != 2 {
		t.Errorf("the hash stands on %d pages, want each of 2", n)
	}
}

func TestDocumentIsTheSameEachTime(t *testing.T) {
	d := signedPHQ9(t)
	first := render(t, d)
	for range 3 {
		if !bytes.Equal(first, render(t, d)) {
			t.Fatal("two renderings differ")
		}
	}
	d.SignedAt = d.SignedAt.Add(time.Second)
	if bytes.Equal(first, render(t, d)) {
		t.Fatal("another time gives the same document")
	}
}

func TestOnlyWhatWasAskedIsPrinted(t *testing.T) {
	d := signedPHQ9(t)
	q := parse(t, `{"resourceType":"Questionnaire","status":"active","title":"History <b>bold</b> {nb}","item":[
		{"linkId":"smokes","text":"Do you smoke?","type":"boolean"},
		{"linkId":"packs","text":"How many packs?","type":"integer","enableWhen":[{"question":"smokes","operator":"=","answerBoolean":true}]},
		{"linkId":"h","text":"Internal code","type":"string","initial":[{"valueString":"secret"}],`+extension(extHidden, "valueBoolean", "true")+`},
		{"linkId":"says","prefix":"3.","text":"In your words <script>alert(1)</script>","type":"text"},
		{"linkId":"langs","text":"Languages","type":"string","repeats":true},
		{"linkId":"w","text":"Weight","type":"quantity"},{"linkId":"at","text":"Slept at","type":"time"},
		{"linkId":"on","text":"Since","type":"date"},
		{"linkId":"g","text":"Medicines","type":"group","repeats":true,"item":[{"linkId":"m","text":"Name","type":"string"},{"linkId":"d","text":"Dose","type":"decimal",`+extension(extUnit, "valueCoding", `{"display":"mg"}`)+`}]}]}`)
	s, codes := check(t, q, `{"smokes":false,"says":"<img src=x onerror=alert(1)> & {nb} \\d","langs":["English","Ελληνικά","Русский","Tiếng Việt"],"w":{"value":72.5,"unit":"kg"},
		"at":"23:05","on":"2024-02","g":[{"m":"Aspirin","d":0.5},{"m":"😀中 ok"}]}`, Submit)
	if s == nil {
		t.Fatal(codes)
	}
	d.Sheet, d.Title, d.Client, d.DateOfBirth = s, q.Title, "Nguyễn Thị Ánh", "1952-12-31"
	d.Signer, d.SignerRole, d.Signature = "Séan O’Brien", "parent", &Signature{Typed: "Séan O’Brien"}
	got := flat(readBack(t, render(t, d)))
	for _, want := range []string{
		"History <b>bold</b> {nb}", "Do you smoke? No", "3. In your words <script>alert(1)</script> <img src=x onerror=alert(1)> & {nb} \\d",
		"• English • Ελληνικά • Русский • Tiếng Việt", "72.5 kg", "11:05 pm", "February 2024", "Nguyễn Thị Ánh",
		"Medicines Entry 1 Name Aspirin Dose 0.5 mg Entry 2 Name [U+1F600][U+4E2D] ok Dose No answer",
		"Séan O’Brien, parent of the client", "Signed by typing the name", "shown by their Unicode numbers",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in\n%s", want, got)
		}
	}
	for _, not := range []string{"How many packs", "Internal code", "secret"} {
		if strings.Contains(got, not) {
			t.Errorf("%q is printed", not)
		}
	}
}

func TestLongAnswersRunOverPages(t *testing.T) {
	d := signedPHQ9(t)
	q := parse(t, form(`{"linkId":"a","text":"Tell us","type":"text"},{"linkId":"b","text":"A long word","type":"text"},{"linkId":"z","text":"The last","type":"string"}`))
	var story strings.Builder
	for i := range 1500 {
		story.WriteString("word" + strings.Repeat("y", i%7) + " ")
		if i%100 == 99 {
			story.WriteString("\n\n")
		}
	}
	said := strings.TrimSpace(story.String())
	word := strings.Repeat("W", 500)
	s, codes := check(t, q, `{"a":`+quote(said)+`,"b":"`+word+`","z":"end"}`, Submit)
	if s == nil {
		t.Fatal(codes)
	}
	d.Sheet = s
	pdf := render(t, d)
	text := readBack(t, pdf)
	if pages := strings.Count(text, "Record SHA-256"); pages < 3 || !strings.Contains(text, "Page 3 of ") {
		t.Errorf("%d pages", pages)
	}
	if n := strings.Count(flat(text), "word"); n != 1500+1 { // and the question
		t.Errorf("%d words are printed, want 1501", n)
	}
	if got := strings.Count(text, "W"); got != 500 {
		t.Errorf("%d letters of the long word are printed, want 500", got)
	}
	if !strings.Contains(flat(text), "The last end") {
		t.Error("what comes after is missing")
	}
	if !strings.Contains(text, "Maya Okafor, born April 27, 1990") {
		t.Error("later pages do not name the client")
	}
}

func TestDocumentWithoutSignature(t *testing.T) {
	d := signedPHQ9(t)
	d.Signature = nil
	if got := flat(readBack(t, render(t, d))); !strings.Contains(got, "Confirmed without a signature.") {
		t.Error(got)
	}
}

func TestDamagedSignatureIsAnError(t *testing.T) {
	d := signedPHQ9(t)
	d.Signature = &Signature{PNG: []byte("no picture")}
	if out, err := RenderPDF(d); err == nil || out != nil {
		t.Error("a document came out")
	}
}

func BenchmarkRenderPDF(b *testing.B) {
	d := signedPHQ9(b)
	for b.Loop() {
		render(b, d)
	}
}
