package collections

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
)

// Invoices is the name of the collection.
const Invoices = "invoices"

// InvoiceStatus is where an invoice stands. Drafts are the clinic's own; a client never sees one.
type InvoiceStatus string

const (
	InvoiceDraft         InvoiceStatus = "draft"
	InvoiceOpen          InvoiceStatus = "open"
	InvoicePartiallyPaid InvoiceStatus = "partially_paid"
	InvoicePaid          InvoiceStatus = "paid"
	InvoiceVoid          InvoiceStatus = "void"
	InvoiceRefunded      InvoiceStatus = "refunded"
)

// InvoiceStatuses are those a client may ask for.
var InvoiceStatuses = []InvoiceStatus{InvoiceOpen, InvoicePartiallyPaid, InvoicePaid, InvoiceVoid, InvoiceRefunded}

var invoiceMoves = map[InvoiceStatus][]InvoiceStatus{
	InvoiceDraft:         {InvoiceOpen, InvoiceVoid},
	InvoiceOpen:          {InvoicePartiallyPaid, InvoicePaid, InvoiceRefunded, InvoiceVoid},
	InvoicePartiallyPaid: {InvoicePaid, InvoiceRefunded},
	InvoicePaid:          {InvoiceRefunded},
}

// CanBecome tells whether the move is legal. Staying is not a move.
func (s InvoiceStatus) CanBecome(next InvoiceStatus) bool {
	return slices.Contains(invoiceMoves[s], next)
}

// Owed tells whether something may still be paid.
func (s InvoiceStatus) Owed() bool { return s == InvoiceOpen || s == InvoicePartiallyPaid }

// Settled tells whether only money can have brought an invoice here.
func (s InvoiceStatus) Settled() bool {
	return s == InvoicePartiallyPaid || s == InvoicePaid || s == InvoiceRefunded
}

// Currencies the clinic can charge in. Each has hundredths, so that cents mean cents.
var Currencies = []string{"usd", "eur", "gbp", "cad", "aud", "mxn"}

// MaxCents is the largest amount any column of money holds.
const MaxCents = 100_000_000_000

// Invoice is what a client owes the clinic, in integer cents of one currency.
type Invoice struct{ core.BaseRecordProxy }

// AsInvoice wraps a record of the collection.
func AsInvoice(r *core.Record) *Invoice {
	i := &Invoice{}
	i.SetProxyRecord(r)
	return i
}

// NewInvoice makes an empty draft.
func NewInvoice(app core.App) (*Invoice, error) {
	c, err := app.FindCachedCollectionByNameOrId(Invoices)
	if err != nil {
		return nil, err
	}
	i := AsInvoice(core.NewRecord(c))
	i.SetStatus(InvoiceDraft)
	return i, nil
}

func (i *Invoice) Client() string            { return i.GetString("client") }
func (i *Invoice) SetClient(id string)       { i.Set("client", id) }
func (i *Invoice) Number() string            { return i.GetString("number") }
func (i *Invoice) SetNumber(n string)        { i.Set("number", n) }
func (i *Invoice) Status() InvoiceStatus     { return InvoiceStatus(i.GetString("status")) }
func (i *Invoice) SetStatus(s InvoiceStatus) { i.Set("status", string(s)) }
func (i *Invoice) IssuedOn() string          { return i.GetString("issued_on") }
func (i *Invoice) SetIssuedOn(day string)    { i.Set("issued_on", day) }
func (i *Invoice) DueOn() string             { return i.GetString("due_on") }
func (i *Invoice) SetDueOn(day string)       { i.Set("due_on", day) }
func (i *Invoice) Currency() string          { return i.GetString("currency") }
func (i *Invoice) SetCurrency(c string)      { i.Set("currency", c) }
func (i *Invoice) Subtotal() int             { return i.GetInt("subtotal_cents") }
func (i *Invoice) SetSubtotal(cents int)     { i.Set("subtotal_cents", cents) }
func (i *Invoice) Discount() int             { return i.GetInt("discount_cents") }
func (i *Invoice) SetDiscount(cents int)     { i.Set("discount_cents", cents) }
func (i *Invoice) Tax() int                  { return i.GetInt("tax_cents") }
func (i *Invoice) SetTax(cents int)          { i.Set("tax_cents", cents) }
func (i *Invoice) Total() int                { return i.GetInt("total_cents") }
func (i *Invoice) SetTotal(cents int)        { i.Set("total_cents", cents) }
func (i *Invoice) Paid() int                 { return i.GetInt("paid_cents") }
func (i *Invoice) SetPaid(cents int)         { i.Set("paid_cents", cents) }
func (i *Invoice) Refunded() int             { return i.GetInt("refunded_cents") }
func (i *Invoice) SetRefunded(cents int)     { i.Set("refunded_cents", cents) }
func (i *Invoice) Appointment() string       { return i.GetString("appointment") }
func (i *Invoice) SetAppointment(id string)  { i.Set("appointment", id) }
func (i *Invoice) SetCreatedBy(actor string) { i.Set("created_by", actor) }

// Balance is what may still be paid, in cents: nothing once the invoice is void or refunded.
func (i *Invoice) Balance() int {
	if !i.Status().Owed() {
		return 0
	}
	return i.Total() - i.Paid()
}

// StatusAfter is where an invoice stands once this much of it was paid and given back.
func (i *Invoice) StatusAfter(paid, refunded int) InvoiceStatus {
	switch {
	case i.Status() == InvoiceVoid || i.Status() == InvoiceDraft || paid == 0:
		return i.Status()
	case refunded >= paid:
		return InvoiceRefunded
	case paid >= i.Total():
		return InvoicePaid
	}
	return InvoicePartiallyPaid
}

// FindInvoice finds an invoice of a client that the client may see.
func FindInvoice(app core.App, client, id string) (*Invoice, error) {
	r, err := app.FindFirstRecordByFilter(Invoices, "id = {:id} && client = {:client} && status != 'draft'",
		dbx.Params{"id": id, "client": client})
	if err != nil {
		return nil, err
	}
	return AsInvoice(r), nil
}

// NextInvoiceNumber is the number after the year's last one: INV-2026-000001. Call it in the transaction that uses
// it; the unique index has the last word.
func NextInvoiceNumber(tx core.App, year int) (string, error) {
	prefix := fmt.Sprintf("INV-%04d-", year)
	return nextNumber(tx, `SELECT number FROM invoices WHERE number GLOB {:form} ORDER BY number DESC LIMIT 1`, prefix)
}

// nextNumber adds one to the highest number of six digits behind a prefix.
func nextNumber(tx core.App, query, prefix string) (string, error) {
	var last string
	err := tx.DB().NewQuery(query).Bind(dbx.Params{"form": prefix + "[0-9][0-9][0-9][0-9][0-9][0-9]"}).Row(&last)
	if errors.Is(err, sql.ErrNoRows) {
		return prefix + "000001", nil
	}
	if err != nil {
		return "", err
	}
	var n int
	if _, err := fmt.Sscanf(last[len(prefix):], "%06d", &n); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s%06d", prefix, n+1), nil
}

// InvoicePurpose says why the portal itself wrote an invoice; empty: somebody of the clinic did.
type InvoicePurpose string

const (
	PurposeDeposit InvoicePurpose = "deposit"  // of a visit that a client booked
	PurposeLateFee InvoicePurpose = "late_fee" // for leaving or moving a visit too late
	PurposeGroup   InvoicePurpose = "group"    // of a party
)

func (i *Invoice) Purpose() InvoicePurpose     { return InvoicePurpose(i.GetString("purpose")) }
func (i *Invoice) SetPurpose(p InvoicePurpose) { i.Set("purpose", string(p)) }

// BilledForVisit lists the invoices of a visit for one purpose, whatever became of them.
func BilledForVisit(tx core.App, visit string, purpose InvoicePurpose) ([]*Invoice, error) {
	rows := []*core.Record{}
	err := tx.RecordQuery(Invoices).AndWhere(dbx.HashExp{"appointment": visit, "purpose": string(purpose)}).OrderBy("created", "id").All(&rows)
	if err != nil {
		return nil, err
	}
	out := make([]*Invoice, len(rows))
	for n, r := range rows {
		out[n] = AsInvoice(r)
	}
	return out, nil
}
