// Package pdfdoc makes empty documents that Anteroom prints into: Letter size, with embedded fonts and fixed dates, so
// that the same content gives the same bytes. It owns the fonts and touches nothing else.
package pdfdoc

import (
	"bytes"
	_ "embed"
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode"

	"codeberg.org/go-pdf/fpdf"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/text/unicode/norm"
)

// Liberation Sans 2.1.5 (SIL OFL 1.1, fonts/OFL.txt): Latin, Greek, Cyrillic and Vietnamese. A document carries
// only the glyphs it uses.
var (
	//go:embed fonts/LiberationSans-Regular.ttf
	regularFont []byte
	//go:embed fonts/LiberationSans-Bold.ttf
	boldFont []byte
)

// Font is the family's name in a document; its styles are "" and "B".
const Font = "sans"

// New makes a document dated at an instant, with one page.
func New(title, language string, at time.Time) *fpdf.Fpdf {
	pdf := Blank(title, language, at)
	pdf.SetMargins(22, 22, 22)
	pdf.SetAutoPageBreak(true, 22)
	pdf.AddPage()
	return pdf
}

// Blank makes a document dated at an instant, without a page: for printers that set their own.
func Blank(title, language string, at time.Time) *fpdf.Fpdf {
	pdf := fpdf.New("P", "mm", "Letter", "")
	pdf.SetCatalogSort(true)
	pdf.SetCreationDate(at.UTC())
	pdf.SetModificationDate(at.UTC())
	pdf.SetProducer("Anteroom", true)
	pdf.SetTitle(Printable(title), true)
	pdf.SetLang(language)
	pdf.AddUTF8FontFromBytes(Font, "", regularFont)
	pdf.AddUTF8FontFromBytes(Font, "B", boldFont)
	return pdf
}

// Bytes finishes a document.
func Bytes(pdf *fpdf.Fpdf) ([]byte, error) {
	var out bytes.Buffer
	if err := pdf.Output(&out); err != nil {
		return nil, fmt.Errorf("write the document: %w", err)
	}
	return out.Bytes(), nil
}

var glyphs = sync.OnceValues(func() (*sfnt.Font, error) { return sfnt.Parse(regularFont) })

// Printable composes accents and names the characters that the typeface does not have by their Unicode numbers,
// [U+4E2D], instead of dropping them. Controls of direction and joining are invisible and could reorder a line: they
// go. The printer's width table ends with the basic plane, so characters beyond it are named too.
func Printable(s string) string {
	s = norm.NFC.String(strings.ReplaceAll(s, "\r\n", "\n"))
	face, err := glyphs()
	if err != nil {
		panic(err) // the embedded font; every test would fail
	}
	var out strings.Builder
	var buffer sfnt.Buffer
	for _, r := range s {
		switch {
		case r == '\n':
			out.WriteRune(r)
		case r == '\t' || r == '\u00a0':
			out.WriteByte(' ')
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Variation_Selector, r):
		default:
			index, err := face.GlyphIndex(&buffer, r)
			if err != nil || index == 0 || r > 0xffff {
				fmt.Fprintf(&out, "[U+%04X]", r)
				continue
			}
			out.WriteRune(r)
		}
	}
	return out.String()
}
