package forms

import (
	"bytes"
	"fmt"
	"image/png"
	"strings"
	"time"

	"codeberg.org/go-pdf/fpdf"

	"anteroom/hooks/pdfdoc"
)

// Document is everything that is printed of a signed form.
type Document struct {
	ID              string // form_submissions id
	Clinic          string
	Zone            *time.Location // the clinic's
	Title           string
	TemplateID      string
	TemplateVersion string
	Client          string
	DateOfBirth     string // YYYY-MM-DD
	Sheet           *Sheet
	Attestation     string
	Signer          string
	SignerRole      string     // relationship to the client: self, parent, guardian, partner
	Signature       *Signature // nil when the form asks for none
	SignedAt        time.Time
	RecordHash      string
}

// RenderPDF prints a signed form: what was asked, word for word, what was answered, and the evidence. The same
// document gives the same bytes, so that the hash of the stored file can be checked against a new rendering.
func RenderPDF(d Document) ([]byte, error) {
	// Twice: the foot of every page says how many there are.
	count, err := newPrinter(d, 0).print()
	if err != nil {
		return nil, err
	}
	p := newPrinter(d, count)
	if _, err := p.print(); err != nil {
		return nil, err
	}
	return pdfdoc.Bytes(p.pdf)
}

// Millimetres, and points for type.
const (
	pageMargin   = 20.0
	footHeight   = 22.0
	textSize     = 10.5
	smallSize    = 8.5
	footSize     = 7.0
	lineSpacing  = 1.35
	levelIndent  = 4.0
	signatureMax = 80.0 // width
	signatureTop = 26.0 // height
)

type printer struct {
	d     Document
	pdf   *fpdf.Fpdf
	pages int // 0 while counting
	width float64
	end   float64 // lowest line
	named bool    // a character was printed as its number
}

func newPrinter(d Document, pages int) *printer {
	pdf := pdfdoc.Blank(d.Title, "en", d.SignedAt)
	p := &printer{d: d, pdf: pdf, pages: pages}
	pdf.SetMargins(pageMargin, pageMargin, pageMargin)
	pdf.SetAutoPageBreak(false, 0)
	pdf.SetCellMargin(0)
	pdf.SetHeaderFunc(p.head)
	pdf.SetFooterFunc(p.foot)
	w, h := pdf.GetPageSize()
	p.width, p.end = w-2*pageMargin, h-footHeight-2
	return p
}

func (p *printer) print() (int, error) {
	p.pdf.AddPage()
	p.summary()
	p.items(p.d.Sheet.Questionnaire.Items, p.d.Sheet.root, 0)
	p.total()
	p.signature()
	p.evidence()
	if err := p.pdf.Error(); err != nil {
		return 0, fmt.Errorf("set the document: %w", err)
	}
	return p.pdf.PageCount(), nil
}

// head names the clinic, and from the second page on also the form and the client.
func (p *printer) head() {
	p.pdf.SetXY(pageMargin, 12)
	p.ink(110)
	p.pdf.SetFont(pdfdoc.Font, "B", 9)
	left := pdfdoc.Printable(p.d.Clinic)
	p.pdf.Cell(p.pdf.GetStringWidth(left)+2, 5, left)
	if p.pdf.PageNo() > 1 {
		p.pdf.SetFont(pdfdoc.Font, "", smallSize)
		line := fmt.Sprintf("%s, %s, born %s", pdfdoc.Printable(p.d.Title), pdfdoc.Printable(p.d.Client), dateInWords(p.d.DateOfBirth))
		room := p.width - (p.pdf.GetX() - pageMargin)
		p.pdf.CellFormat(room, 5, p.fit(line, room), "", 0, "R", false, 0, "")
	}
	p.rule(18)
	p.pdf.SetXY(pageMargin, 24)
}

// foot carries the hash, so that no page can be exchanged unnoticed.
func (p *printer) foot() {
	_, h := p.pdf.GetPageSize()
	y := h - footHeight + 4
	p.rule(y)
	p.ink(110)
	p.pdf.SetFont(pdfdoc.Font, "", footSize)
	p.pdf.SetXY(pageMargin, y+2)
	p.pdf.Cell(p.width, 3.5, "Document "+p.d.ID+", signed "+instantText(p.d.SignedAt))
	p.pdf.SetXY(pageMargin, y+5.5)
	p.pdf.Cell(p.width, 3.5, "Record SHA-256 "+p.d.RecordHash)
	p.pdf.SetXY(pageMargin, y+2)
	p.pdf.CellFormat(p.width, 3.5, fmt.Sprintf("Page %d of %d", p.pdf.PageNo(), p.pages), "", 0, "R", false, 0, "")
}

func (p *printer) summary() {
	p.text(p.d.Title, "B", 18, 20, 0)
	p.space(3)
	for _, row := range [][2]string{
		{"Client", p.d.Client},
		{"Date of birth", dateInWords(p.d.DateOfBirth)},
		{"Form version", p.d.TemplateVersion},
		{"Signed by", p.d.Signer + p.role()},
		{"Signed at", p.when()},
	} {
		p.pair(row[0], row[1])
	}
	p.space(4)
	if intro := p.d.Sheet.Questionnaire.Description; intro != "" {
		p.text(intro, "", textSize, 40, 0)
		p.space(3)
	}
}

func (p *printer) role() string {
	switch p.d.SignerRole {
	case "", "self":
		return ""
	}
	return ", " + p.d.SignerRole + " of the client"
}

func (p *printer) when() string {
	return p.d.SignedAt.In(p.d.Zone).Format("January 2, 2006, 3:04:05 pm MST (UTC-07:00)")
}

// pair is a label with its value in a column of their own.
func (p *printer) pair(label, value string) {
	const column = 32.0
	p.font("", textSize, 40)
	lines := p.wrap(value, p.width-column)
	p.keep(float64(len(lines)) * p.line(textSize))
	p.font("", textSize, 110)
	p.pdf.SetX(pageMargin)
	p.pdf.Cell(column, p.line(textSize), label)
	p.font("", textSize, 40)
	for _, l := range lines {
		p.pdf.SetX(pageMargin + column)
		p.pdf.Cell(p.width-column, p.line(textSize), l)
		p.pdf.Ln(p.line(textSize))
	}
}

func (p *printer) items(items []*Item, in *scope, level int) {
	for _, it := range items {
		if it.Hidden || !p.d.Sheet.Enabled(it, in) {
			continue
		}
		switch it.Type {
		case typeDisplay:
			p.space(1)
			p.font("", textSize, 40)
			p.keep(float64(min(len(p.wrap(it.wording(), p.width-indent(level))), 4)) * p.line(textSize))
			p.text(it.wording(), "", textSize, 40, indent(level))
			p.space(1.5)
		case typeGroup:
			p.group(it, in, level)
		default:
			p.question(it, in, level)
			p.items(it.Items, in, level+1)
		}
	}
}

func (it *Item) wording() string { return strings.TrimSpace(it.Prefix + " " + it.Text) }

func indent(level int) float64 { return levelIndent * float64(min(level, 8)) }

func (p *printer) group(it *Item, in *scope, level int) {
	size := textSize + 2.5 - float64(min(level, 2))
	if it.wording() != "" {
		p.space(3)
		p.keep(p.line(size) + 3*p.line(textSize)) // a heading is not left alone at the foot
		p.text(it.wording(), "B", size, 20, indent(level))
		p.space(1)
	}
	if !it.Repeats {
		p.items(it.Items, in, level)
		return
	}
	if len(in.entries[it]) == 0 {
		p.text("No entries", "", textSize, 110, indent(level)+levelIndent)
	}
	for _, entry := range in.entries[it] {
		p.space(1)
		p.keep(4 * p.line(textSize))
		p.text(fmt.Sprintf("Entry %d", entry.number), "", textSize, 110, indent(level))
		p.items(it.Items, entry, level+1)
	}
}

func (p *printer) question(it *Item, in *scope, level int) {
	p.space(1.5)
	p.font("B", textSize, 20)
	asked := it.wording()
	if asked == "" {
		asked = it.LinkID
	}
	p.keep(float64(min(len(p.wrap(asked, p.width-indent(level))), 6)+1) * p.line(textSize))
	p.text(asked, "B", textSize, 20, indent(level))
	answers := p.d.Sheet.answersTo(it, in)
	if len(answers) == 0 {
		p.text("No answer", "", textSize, 110, indent(level)+levelIndent)
	}
	for _, a := range answers {
		said := words(it, a)
		if len(answers) > 1 {
			said = "• " + said
		}
		p.text(said, "", textSize, 40, indent(level)+levelIndent)
	}
	p.space(1.5)
}

// total prints the score of a form whose questions carry scores but which has no item that shows their sum.
func (p *printer) total() {
	if t := p.d.Sheet.Questionnaire.TotalItem(); t != nil && !t.Hidden {
		return
	}
	if score, ok := p.d.Sheet.Score(); ok {
		p.space(2)
		p.keep(3 * p.line(textSize))
		p.text("Score (sum of the answers' values)", "B", textSize, 20, 0)
		p.text(words(&Item{}, score), "", textSize, 40, levelIndent)
	}
}

func (p *printer) signature() {
	p.space(5)
	p.font("", textSize, 40)
	attested := p.wrap(p.d.Attestation, p.width)
	block := signatureTop + 6*p.line(textSize) + 12
	p.keep(block + float64(min(len(attested), 12))*p.line(textSize))
	p.text("Signature", "B", textSize+2.5, 20, 0)
	p.space(1)
	p.text(p.d.Attestation, "", textSize, 40, 0)
	p.space(3)
	p.keep(block - p.line(textSize))
	top := p.pdf.GetY()
	switch {
	case p.d.Signature == nil:
		p.text("Confirmed without a signature.", "", textSize, 110, 0)
		top = p.pdf.GetY() - signatureTop
	case p.d.Signature.PNG != nil:
		p.picture(p.d.Signature.PNG, top)
	default:
		p.pdf.SetXY(pageMargin, top+signatureTop-10)
		p.text(p.d.Signature.Typed, "", 18, 20, 0)
	}
	p.ruleTo(top+signatureTop+1, signatureMax+20)
	p.pdf.SetXY(pageMargin, top+signatureTop+2.5)
	p.text(p.d.Signer+p.role(), "B", textSize, 20, 0)
	if p.d.Signature != nil && p.d.Signature.PNG == nil {
		p.text("Signed by typing the name", "", smallSize, 110, 0)
	}
	p.text(p.when(), "", textSize, 40, 0)
	p.text(instantText(p.d.SignedAt)+" (UTC, time of the server)", "", smallSize, 110, 0)
}

func (p *printer) picture(file []byte, top float64) {
	config, err := png.DecodeConfig(bytes.NewReader(file))
	if err != nil {
		p.pdf.SetError(fmt.Errorf("the stored signature: %w", err))
		return
	}
	w := signatureMax
	h := w * float64(config.Height) / float64(config.Width)
	if h > signatureTop {
		w, h = w*signatureTop/h, signatureTop
	}
	options := fpdf.ImageOptions{ImageType: "PNG"}
	p.pdf.RegisterImageOptionsReader("signature", options, bytes.NewReader(file))
	p.pdf.ImageOptions("signature", pageMargin, top+signatureTop-h, w, h, false, options, 0, "")
}

func (p *printer) evidence() {
	p.space(6)
	p.keep(9 * p.line(smallSize))
	p.rule(p.pdf.GetY())
	p.space(3)
	p.text("About this document", "B", smallSize, 20, 0)
	p.text("Document "+p.d.ID+". Form template "+p.d.TemplateID+", version "+p.d.TemplateVersion+".", "", smallSize, 80, 0)
	p.text("The record SHA-256 at the foot of each page is computed over the form version, the answers, the attestation, "+
		"the signer, the time and the signature. It was stored when the form was signed. If any of them changed, it would differ.",
		"", smallSize, 80, 0)
	if p.named {
		p.text("Characters that this typeface cannot print are shown by their Unicode numbers. The stored answers keep them "+
			"as they were written.", "", smallSize, 80, 0)
	}
}

// text sets wrapped lines over as many pages as they need.
func (p *printer) text(s, style string, size float64, grey int, left float64) {
	p.font(style, size, grey)
	for _, l := range p.wrap(s, p.width-left) {
		if p.pdf.GetY()+p.line(size) > p.end {
			p.pdf.AddPage()
			p.font(style, size, grey)
		}
		p.pdf.SetX(pageMargin + left)
		p.pdf.Cell(p.width-left, p.line(size), l)
		p.pdf.Ln(p.line(size))
	}
}

// wrap breaks text at spaces for the current font, and inside a word that is wider than the line.
func (p *printer) wrap(s string, width float64) []string {
	var lines []string
	s = strings.TrimSpace(pdfdoc.Printable(s))
	p.named = p.named || strings.Contains(s, "[U+")
	for _, paragraph := range strings.Split(s, "\n") {
		line, used := "", 0.0
		for _, word := range strings.Split(paragraph, " ") {
			space := p.pdf.GetStringWidth(" ")
			w := p.pdf.GetStringWidth(word)
			if line != "" && used+space+w > width {
				lines, line, used = append(lines, line), "", 0
			}
			for w > width {
				head := p.fit(word, width)
				lines, word = append(lines, head), word[len(head):]
				w = p.pdf.GetStringWidth(word)
			}
			if line != "" {
				line, used = line+" ", used+space
			}
			line, used = line+word, used+w
		}
		lines = append(lines, line)
	}
	return lines
}

// fit is as much of the beginning of s as the width takes, at least one character.
func (p *printer) fit(s string, width float64) string {
	used := 0.0
	for i, r := range s {
		used += p.pdf.GetStringWidth(string(r))
		if used > width && i > 0 {
			return s[:i]
		}
	}
	return s
}

func (p *printer) font(style string, size float64, grey int) {
	p.pdf.SetFont(pdfdoc.Font, style, size)
	p.ink(grey)
}

func (p *printer) ink(grey int) { p.pdf.SetTextColor(grey, grey, grey) }

func (p *printer) line(size float64) float64 { return p.pdf.PointConvert(size) * lineSpacing }

func (p *printer) space(mm float64) { p.pdf.SetY(p.pdf.GetY() + mm) }

// keep starts a new page when less than mm is left on this one.
func (p *printer) keep(mm float64) {
	if p.pdf.GetY()+mm > p.end && p.pdf.GetY() > 30 {
		p.pdf.AddPage()
	}
}

func (p *printer) rule(y float64) { p.ruleTo(y, p.width) }

func (p *printer) ruleTo(y, length float64) {
	p.pdf.SetDrawColor(190, 190, 190)
	p.pdf.SetLineWidth(0.2)
	p.pdf.Line(pageMargin, y, pageMargin+length, y)
}
