package collections

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
)

// Payments is the name of the collection.
const Payments = "payments"

// PaymentStatus is where one attempt to pay stands.
type PaymentStatus string

const (
	PaymentPending           PaymentStatus = "pending"         // an intent exists; nobody has confirmed it
	PaymentProcessing        PaymentStatus = "processing"      // the bank is at work
	PaymentRequiresAction    PaymentStatus = "requires_action" // the bank asks the person something
	PaymentSucceeded         PaymentStatus = "succeeded"
	PaymentFailed            PaymentStatus = "failed"   // refused; the same intent may still be tried again
	PaymentCanceled          PaymentStatus = "canceled" // closed at the processor
	PaymentRefunded          PaymentStatus = "refunded"
	PaymentPartiallyRefunded PaymentStatus = "partially_refunded"
	PaymentDisputed          PaymentStatus = "disputed"
)

// Events arrive late and in any order, so steps may be skipped. None leads from settled money back to an open attempt.
var paymentMoves = map[PaymentStatus][]PaymentStatus{
	PaymentPending:           {PaymentProcessing, PaymentRequiresAction, PaymentFailed, PaymentCanceled},
	PaymentProcessing:        {PaymentRequiresAction, PaymentFailed, PaymentCanceled},
	PaymentRequiresAction:    {PaymentProcessing, PaymentFailed, PaymentCanceled},
	PaymentFailed:            {PaymentProcessing, PaymentRequiresAction, PaymentCanceled},
	PaymentSucceeded:         {PaymentPartiallyRefunded, PaymentRefunded, PaymentDisputed},
	PaymentPartiallyRefunded: {PaymentRefunded, PaymentDisputed},
	PaymentRefunded:          {PaymentDisputed},
	PaymentDisputed:          {PaymentSucceeded, PaymentPartiallyRefunded, PaymentRefunded},
}

// CanBecome tells whether the move is legal. Staying is not a move. Any attempt, a canceled one too, may turn out to
// have taken money, and money taken is recorded whatever became of it since.
func (s PaymentStatus) CanBecome(next PaymentStatus) bool {
	return slices.Contains(paymentMoves[s], next) || !s.Settled() && next.Settled()
}

// Live tells whether the attempt is under way. An invoice has one live attempt at most (unique index).
func (s PaymentStatus) Live() bool {
	return s == PaymentPending || s == PaymentProcessing || s == PaymentRequiresAction
}

// Settled tells whether money was taken, whatever became of it afterwards.
func (s PaymentStatus) Settled() bool {
	return s == PaymentSucceeded || s == PaymentPartiallyRefunded || s == PaymentRefunded || s == PaymentDisputed
}

// Processors.
const (
	ProcessorStripe = "stripe"
	ProcessorTest   = "test"
)

// Payment is one attempt to pay an invoice, and what became of it.
type Payment struct{ core.BaseRecordProxy }

// AsPayment wraps a record of the collection.
func AsPayment(r *core.Record) *Payment {
	p := &Payment{}
	p.SetProxyRecord(r)
	return p
}

// NewPayment makes a pending attempt to pay part of an invoice.
func NewPayment(app core.App, of *Invoice, cents int) (*Payment, error) {
	c, err := app.FindCachedCollectionByNameOrId(Payments)
	if err != nil {
		return nil, err
	}
	p := AsPayment(core.NewRecord(c))
	p.Set("invoice", of.Id)
	p.Set("client", of.Client())
	p.Set("currency", of.Currency())
	p.Set("amount_cents", cents)
	p.SetStatus(PaymentPending)
	return p, nil
}

func (p *Payment) Client() string             { return p.GetString("client") }
func (p *Payment) Invoice() string            { return p.GetString("invoice") }
func (p *Payment) PortalUser() string         { return p.GetString("portal_user") }
func (p *Payment) SetPortalUser(id string)    { p.Set("portal_user", id) }
func (p *Payment) Processor() string          { return p.GetString("processor") }
func (p *Payment) SetProcessor(name string)   { p.Set("processor", name) }
func (p *Payment) Intent() string             { return p.GetString("intent_id") }
func (p *Payment) SetIntent(id string)        { p.Set("intent_id", id) }
func (p *Payment) Amount() int                { return p.GetInt("amount_cents") }
func (p *Payment) Refunded() int              { return p.GetInt("refunded_cents") }
func (p *Payment) SetRefunded(cents int)      { p.Set("refunded_cents", cents) }
func (p *Payment) Currency() string           { return p.GetString("currency") }
func (p *Payment) Status() PaymentStatus      { return PaymentStatus(p.GetString("status")) }
func (p *Payment) SetStatus(s PaymentStatus)  { p.Set("status", string(s)) }
func (p *Payment) MethodKind() string         { return p.GetString("method_kind") }
func (p *Payment) MethodBrand() string        { return p.GetString("method_brand") }
func (p *Payment) MethodLast4() string        { return p.GetString("method_last4") }
func (p *Payment) FailureCode() string        { return p.GetString("failure_code") }
func (p *Payment) SetFailureCode(code string) { p.Set("failure_code", code) }
func (p *Payment) PaidAt() time.Time          { return p.GetDateTime("paid_at").Time() }
func (p *Payment) SetPaidAt(t time.Time)      { p.Set("paid_at", t) }
func (p *Payment) ReceiptNumber() string      { return p.GetString("receipt_number") }
func (p *Payment) SetReceiptNumber(n string)  { p.Set("receipt_number", n) }
func (p *Payment) IdempotencyKey() string     { return p.GetString("idempotency_key") }
func (p *Payment) SetIdempotencyKey(k string) { p.Set("idempotency_key", k) }
func (p *Payment) Created() time.Time         { return p.GetDateTime("created").Time() }

// LastEvent is when the processor said the last thing that was applied; the zero second before the first.
func (p *Payment) LastEvent() time.Time     { return time.Unix(int64(p.GetInt("last_event_at")), 0) }
func (p *Payment) SetLastEvent(t time.Time) { p.Set("last_event_at", t.Unix()) }

// SetMethod notes how it was paid; empty values leave what is known.
func (p *Payment) SetMethod(kind, brand, last4 string) {
	for field, v := range map[string]string{"method_kind": kind, "method_brand": brand, "method_last4": last4} {
		if v != "" {
			p.Set(field, v)
		}
	}
}

// StatusSettled is the settled status that the amount given back says.
func (p *Payment) StatusSettled() PaymentStatus {
	switch {
	case p.Refunded() == 0:
		return PaymentSucceeded
	case p.Refunded() < p.Amount():
		return PaymentPartiallyRefunded
	}
	return PaymentRefunded
}

// FindPayment finds a payment of a client.
func FindPayment(app core.App, client, id string) (*Payment, error) {
	r, err := app.FindFirstRecordByFilter(Payments, "id = {:id} && client = {:client}", dbx.Params{"id": id, "client": client})
	if err != nil {
		return nil, err
	}
	return AsPayment(r), nil
}

// FindPaymentByIntent finds the attempt a processor's intent belongs to; nil when there is none.
func FindPaymentByIntent(app core.App, processor, intent string) (*Payment, error) {
	r := &core.Record{}
	// the first condition is the one of the partial index, which is not used without it
	err := app.RecordQuery(Payments).AndWhere(dbx.NewExp("intent_id != '' AND intent_id = {:intent}", dbx.Params{"intent": intent})).
		AndWhere(dbx.HashExp{"processor": processor}).Limit(1).One(r)
	return onePayment(r, err)
}

// FindLivePayment finds the one attempt under way to pay an invoice; nil when there is none.
func FindLivePayment(app core.App, invoice string) (*Payment, error) {
	return onePayment(app.FindFirstRecordByFilter(Payments,
		"invoice = {:invoice} && (status = 'pending' || status = 'processing' || status = 'requires_action')",
		dbx.Params{"invoice": invoice}))
}

func onePayment(r *core.Record, err error) (*Payment, error) {
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return AsPayment(r), nil
}

// PaymentsOf lists the attempts to pay invoices, by invoice and newest first. Attempts that were closed before
// anybody paid are left out: they tell nobody anything.
func PaymentsOf(app core.App, invoices ...string) (map[string][]*Payment, error) {
	var rows []*core.Record
	err := app.RecordQuery(Payments).AndWhere(dbx.HashExp{"invoice": anySlice(invoices)}).
		AndWhere(dbx.Not(dbx.HashExp{"status": string(PaymentCanceled)})).OrderBy("created DESC", "id DESC").All(&rows)
	if err != nil {
		return nil, err
	}
	out := make(map[string][]*Payment, len(invoices))
	for _, r := range rows {
		p := AsPayment(r)
		out[p.Invoice()] = append(out[p.Invoice()], p)
	}
	return out, nil
}

// Taken is the money that was taken for an invoice and what was given back of it, in cents.
func Taken(app core.App, invoice string) (paid, refunded int, err error) {
	err = app.DB().NewQuery(`SELECT coalesce(sum(amount_cents), 0), coalesce(sum(refunded_cents), 0) FROM payments
		WHERE invoice = {:invoice} AND status IN ('succeeded', 'partially_refunded', 'refunded', 'disputed')`).
		Bind(dbx.Params{"invoice": invoice}).Row(&paid, &refunded)
	return paid, refunded, err
}

// NextReceiptNumber is the number after the year's last one: R-2026-000001. Call it in the transaction that uses
// it; the unique index has the last word.
func NextReceiptNumber(tx core.App, year int) (string, error) {
	prefix := fmt.Sprintf("R-%04d-", year)
	return nextNumber(tx, `SELECT receipt_number FROM payments WHERE receipt_number != '' AND receipt_number GLOB {:form} ORDER BY receipt_number DESC LIMIT 1`, prefix)
}
