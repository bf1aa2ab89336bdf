package pdfdoc

import (
	"testing"

	"golang.org/x/image/font/sfnt"
)

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"Séan O’Brien":               "Séan O’Brien",
		"Se\u0301an":                 "Séan",
		"Nguyễn Ελλάδα Жук":          "Nguyễn Ελλάδα Жук",
		"a\r\nb\tc\u00a0d":           "a\nb c d",
		"\u202egnp.exe\u200b\ufeff":  "gnp.exe",
		"bell\a nul\x00":             "bell nul",
		"中 😀":                        "[U+4E2D] [U+1F600]",
		"<b>text</b> {nb} \\ ( ) %s": "<b>text</b> {nb} \\ ( ) %s",
	} {
		if got := Printable(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestBothFacesHaveTheSameCharacters(t *testing.T) {
	regular, err := glyphs()
	if err != nil {
		t.Fatal(err)
	}
	bold, err := sfnt.Parse(boldFont)
	if err != nil {
		t.Fatal(err)
	}
	var buffer sfnt.Buffer
	for r := rune(' '); r < 0x10000; r++ {
		a, _ := regular.GlyphIndex(&buffer, r)
		b, _ := bold.GlyphIndex(&buffer, r)
		if a != 0 && b == 0 {
			t.Errorf("U+%04X is missing in bold", r)
		}
	}
}
