package billing

import (
	"net/http"
	"slices"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
)

// Invoice is an invoice as the API shows it. Days are calendar dates, amounts integer cents.
type Invoice struct {
	ID            string    `json:"id"`
	Number        string    `json:"number"`
	Status        string    `json:"status"`
	IssuedOn      string    `json:"issuedOn"`
	DueOn         string    `json:"dueOn"`
	Currency      string    `json:"currency"`
	SubtotalCents int       `json:"subtotalCents"`
	DiscountCents int       `json:"discountCents"`
	TaxCents      int       `json:"taxCents"`
	TotalCents    int       `json:"totalCents"`
	PaidCents     int       `json:"paidCents"`
	BalanceCents  int       `json:"balanceCents"`
	Items         []Item    `json:"items"`
	Payments      []Payment `json:"payments"`
}

// Item is one line of an invoice.
type Item struct {
	ID            string `json:"id"`
	Description   string `json:"description"`
	Quantity      int    `json:"quantity"`
	UnitCents     int    `json:"unitCents"`
	TotalCents    int    `json:"totalCents"`
	ServiceID     string `json:"serviceId,omitempty"`
	AppointmentID string `json:"appointmentId,omitempty"`
}

// Payment is one attempt to pay, as the API shows it.
type Payment struct {
	ID             string     `json:"id"`
	InvoiceIDs     []string   `json:"invoiceIds"`
	AmountCents    int        `json:"amountCents"`
	RefundedCents  int        `json:"refundedCents"`
	Currency       string     `json:"currency"`
	Status         string     `json:"status"`
	Method         Method     `json:"method"`
	FailureMessage string     `json:"failureMessage,omitempty"`
	CreatedAt      time.Time  `json:"createdAt"`
	PaidAt         *time.Time `json:"paidAt,omitempty"`
	ReceiptURL     string     `json:"receiptUrl,omitempty"`
}

// Method is how it was paid. Last4 is all that is known of a card.
type Method struct {
	Kind  string `json:"kind"`
	Brand string `json:"brand,omitempty"`
	Last4 string `json:"last4,omitempty"`
}

func invoiceItem(i *collections.Invoice, items []*collections.InvoiceItem, payments []*collections.Payment) Invoice {
	out := Invoice{ID: i.Id, Number: i.Number(), Status: string(i.Status()), IssuedOn: i.IssuedOn(), DueOn: i.DueOn(),
		Currency: i.Currency(), SubtotalCents: i.Subtotal(), DiscountCents: i.Discount(), TaxCents: i.Tax(), TotalCents: i.Total(),
		PaidCents: i.Paid(), BalanceCents: i.Balance(), Items: make([]Item, 0, len(items)), Payments: make([]Payment, 0, len(payments))}
	for _, x := range items {
		out.Items = append(out.Items, Item{ID: x.Id, Description: x.Description(), Quantity: x.Quantity(), UnitCents: x.Unit(),
			TotalCents: x.Total(), ServiceID: x.Service(), AppointmentID: x.Appointment()})
	}
	for _, p := range payments {
		out.Payments = append(out.Payments, paymentItem(p))
	}
	return out
}

func paymentItem(p *collections.Payment) Payment {
	out := Payment{ID: p.Id, InvoiceIDs: []string{p.Invoice()}, AmountCents: p.Amount(), RefundedCents: p.Refunded(), Currency: p.Currency(),
		Status: string(p.Status()), Method: Method{Kind: p.MethodKind(), Brand: p.MethodBrand(), Last4: p.MethodLast4()}, CreatedAt: p.Created()}
	switch s := p.Status(); {
	case s == collections.PaymentFailed:
		out.FailureMessage = failureMessage(p.FailureCode())
	case s == collections.PaymentCanceled: // the API has no word for it; for the person it is a payment not made
		out.Status, out.FailureMessage = string(collections.PaymentFailed), closedMessage
	case s.Settled():
		at := p.PaidAt()
		out.PaidAt, out.ReceiptURL = &at, kernel.Portal+"/payments/"+p.Id+"/receipt"
	}
	return out
}

// withLines reads what belongs to invoices, in one query of each kind.
func withLines(app core.App, rows ...*core.Record) ([]Invoice, error) {
	ids := make([]string, len(rows))
	for n, r := range rows {
		ids[n] = r.Id
	}
	items, err := collections.ItemsOf(app, ids...)
	if err != nil {
		return nil, err
	}
	payments, err := collections.PaymentsOf(app, ids...)
	if err != nil {
		return nil, err
	}
	out := make([]Invoice, 0, len(rows))
	for _, r := range rows {
		out = append(out, invoiceItem(collections.AsInvoice(r), items[r.Id], payments[r.Id]))
	}
	return out, nil
}

// invoiceForRealtime gives what GET invoices/{id} shows; nothing for a draft.
func invoiceForRealtime(app core.App, r *core.Record) (any, error) {
	if collections.AsInvoice(r).Status() == collections.InvoiceDraft {
		return nil, nil
	}
	all, err := withLines(app, r)
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

func paymentForRealtime(_ core.App, r *core.Record) (any, error) {
	return paymentItem(collections.AsPayment(r)), nil
}

// listInvoices answers GET invoices?status&page&limit, newest first. balanceCents is all that the client owes,
// whichever part of the list is shown.
func listInvoices(c *kernel.Call) (*kernel.Reply, error) {
	page, err := c.Page()
	if err != nil {
		return nil, err
	}
	where := dbx.And(dbx.HashExp{"client": c.Client()}, dbx.Not(dbx.HashExp{"status": string(collections.InvoiceDraft)}))
	if s := c.Request.URL.Query().Get("status"); s != "" {
		if !slices.Contains(collections.InvoiceStatuses, collections.InvoiceStatus(s)) {
			return nil, kernel.Invalid("", "There is no such status of an invoice.").
				Field("status", "option", "Must be open, partially_paid, paid, void or refunded.")
		}
		where = dbx.And(where, dbx.HashExp{"status": s})
	}
	var total, balance int
	if err := c.App.ConcurrentDB().Select("count(*)").From(collections.Invoices).Where(where).Row(&total); err != nil {
		return nil, err
	}
	err = c.App.ConcurrentDB().NewQuery(`SELECT coalesce(sum(total_cents - paid_cents), 0) FROM invoices
		WHERE client = {:client} AND status IN ('open', 'partially_paid')`).Bind(dbx.Params{"client": c.Client()}).Row(&balance)
	if err != nil {
		return nil, err
	}
	var rows []*core.Record
	err = c.App.RecordQuery(collections.Invoices).AndWhere(where).OrderBy("issued_on DESC", "number DESC").
		Limit(int64(page.Limit)).Offset(int64(page.Offset)).All(&rows)
	if err != nil {
		return nil, err
	}
	invoices, err := withLines(c.App, rows...)
	if err != nil {
		return nil, err
	}
	if err := audit.Read(c.App, audit.EntryFor(c.Actor, audit.ListInvoices, audit.Invoice, "")); err != nil {
		return nil, err
	}
	return kernel.Listed(map[string]any{"invoices": invoices, "balanceCents": balance, "pagination": page.Of(total)}, page, total), nil
}

func viewInvoice(c *kernel.Call) (*kernel.Reply, error) {
	i, err := collections.FindInvoice(c.App, c.Client(), c.ID())
	if err != nil {
		return nil, err
	}
	all, err := withLines(c.App, i.ProxyRecord())
	if err != nil {
		return nil, err
	}
	if err := audit.Read(c.App, audit.EntryFor(c.Actor, audit.ViewInvoice, audit.Invoice, i.Id)); err != nil {
		return nil, err
	}
	return kernel.OK(all[0]), nil
}

// listPayments answers GET payments/history?page&limit, newest first, without attempts that were closed before
// anybody paid.
func listPayments(c *kernel.Call) (*kernel.Reply, error) {
	page, err := c.Page()
	if err != nil {
		return nil, err
	}
	where := dbx.And(dbx.HashExp{"client": c.Client()}, dbx.Not(dbx.HashExp{"status": string(collections.PaymentCanceled)}))
	var total int
	if err := c.App.ConcurrentDB().Select("count(*)").From(collections.Payments).Where(where).Row(&total); err != nil {
		return nil, err
	}
	var rows []*core.Record
	err = c.App.RecordQuery(collections.Payments).AndWhere(where).OrderBy("created DESC", "id DESC").
		Limit(int64(page.Limit)).Offset(int64(page.Offset)).All(&rows)
	if err != nil {
		return nil, err
	}
	payments := make([]Payment, 0, len(rows))
	for _, r := range rows {
		payments = append(payments, paymentItem(collections.AsPayment(r)))
	}
	if err := audit.Read(c.App, audit.EntryFor(c.Actor, audit.ListPayments, audit.Payment, "")); err != nil {
		return nil, err
	}
	return kernel.Listed(map[string]any{"payments": payments, "pagination": page.Of(total)}, page, total), nil
}

const actionViewPayment audit.Action = "VIEW_PAYMENT"

func viewPayment(c *kernel.Call) (*kernel.Reply, error) {
	p, err := collections.FindPayment(c.App, c.Client(), c.ID())
	if err != nil {
		return nil, err
	}
	if err := audit.Read(c.App, audit.EntryFor(c.Actor, actionViewPayment, audit.Payment, p.Id)); err != nil {
		return nil, err
	}
	return kernel.OK(paymentItem(p)), nil
}

// downloadReceipt answers GET payments/{id}/receipt with a PDF; 409 NOT_PAID before money was taken.
func downloadReceipt(c *kernel.Call) (*kernel.Reply, error) {
	p, err := collections.FindPayment(c.App, c.Client(), c.ID())
	if err != nil {
		return nil, err
	}
	if !p.Status().Settled() {
		return nil, kernel.Conflict("NOT_PAID", "There is a receipt once this payment is made.")
	}
	pdf, err := receiptOf(c.App, p)
	if err != nil {
		return nil, err
	}
	if err := audit.Read(c.App, audit.EntryFor(c.Actor, audit.DownloadReceipt, audit.Payment, p.Id)); err != nil {
		return nil, err
	}
	return kernel.Stream(func(e *core.RequestEvent) error {
		e.Response.Header().Set("Content-Disposition", `attachment; filename="`+p.ReceiptNumber()+`.pdf"`)
		return e.Blob(http.StatusOK, "application/pdf", pdf)
	}), nil
}
