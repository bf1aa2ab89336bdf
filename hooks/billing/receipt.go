package billing

import (
	"strings"

	"codeberg.org/go-pdf/fpdf"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/pdfdoc"
)

// receiptOf prints the receipt of a settled payment. It says who paid how much to whom, when and how, and leaves
// out what was paid for: people hand receipts to employers and insurers. The same payment gives the same bytes.
func receiptOf(app core.App, p *collections.Payment) ([]byte, error) {
	r, err := app.FindRecordById(collections.Invoices, p.Invoice())
	if err != nil {
		return nil, err
	}
	client, err := app.FindRecordById("clients", p.Client())
	if err != nil {
		return nil, err
	}
	i, s := collections.AsInvoice(r), collections.Settings(app)
	zone := s.Zone()
	rows := [][2]string{
		{"Receipt", p.ReceiptNumber()},
		{"Invoice", i.Number()},
		{"Client", strings.TrimSpace(client.GetString("first_name") + " " + client.GetString("last_name"))},
		{"Paid on", p.PaidAt().In(zone).Format("Monday, January 2, 2006, 3:04 pm MST")},
		{"Paid with", methodInWords(p)},
		{"Processed by", map[string]string{collections.ProcessorStripe: "Stripe", collections.ProcessorTest: "Test processor"}[p.Processor()]},
		{"Amount paid", money(p.Amount(), p.Currency()) + " " + strings.ToUpper(p.Currency())},
	}
	if p.Refunded() > 0 {
		rows = append(rows, [2]string{"Given back", money(p.Refunded(), p.Currency()) + " " + strings.ToUpper(p.Currency())})
	}
	if p.Status() == collections.PaymentDisputed {
		rows = append(rows, [2]string{"Note", "This payment is disputed with the bank."})
	}

	pdf := pdfdoc.New("Receipt "+p.ReceiptNumber(), "en", p.PaidAt())
	if p.Processor() == collections.ProcessorTest {
		watermark(pdf, "TEST PAYMENT")
	}
	pdf.SetFont(pdfdoc.Font, "B", 18)
	pdf.MultiCell(0, 9, pdfdoc.Printable(s.ClinicName), "", "L", false)
	if s.Phone != "" {
		pdf.SetFont(pdfdoc.Font, "", 10.5)
		pdf.MultiCell(0, 6, pdfdoc.Printable(s.Phone), "", "L", false)
	}
	pdf.Ln(8)
	pdf.SetFont(pdfdoc.Font, "B", 14)
	pdf.MultiCell(0, 8, "Payment receipt", "", "L", false)
	pdf.Ln(3)
	for _, row := range rows {
		pdf.SetFont(pdfdoc.Font, "", 10.5)
		pdf.CellFormat(42, 8, row[0], "", 0, "L", false, 0, "")
		pdf.SetFont(pdfdoc.Font, "B", 10.5)
		pdf.MultiCell(0, 8, pdfdoc.Printable(row[1]), "", "L", false)
	}
	if p.Processor() == collections.ProcessorTest {
		pdf.Ln(6)
		pdf.SetFont(pdfdoc.Font, "", 10.5)
		pdf.MultiCell(0, 6, "Test payment: no real money moved.", "", "L", false)
	}
	return pdfdoc.Bytes(pdf)
}

func methodInWords(p *collections.Payment) string {
	switch {
	case p.MethodKind() == methodTest:
		return "Test payment"
	case p.MethodLast4() != "":
		brand := p.MethodBrand()
		if brand == "" {
			brand = "card"
		}
		return strings.ToUpper(brand[:1]) + brand[1:] + " ending in " + p.MethodLast4()
	}
	return "Card"
}

func watermark(pdf *fpdf.Fpdf, text string) {
	width, height := pdf.GetPageSize()
	x, y := pdf.GetXY()
	pdf.SetFont(pdfdoc.Font, "B", 60)
	pdf.SetTextColor(226, 230, 233)
	pdf.TransformBegin()
	pdf.TransformRotate(35, width/2, height/2)
	pdf.Text((width-pdf.GetStringWidth(text))/2, height/2, text)
	pdf.TransformEnd()
	pdf.SetTextColor(0, 0, 0)
	pdf.SetXY(x, y)
}
