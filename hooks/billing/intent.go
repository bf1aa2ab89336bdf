package billing

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	validation "github.com/pocketbase/ozzo-validation/v4"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
)

// Intent is what the page needs to take a card.
type Intent struct {
	PaymentID       string `json:"paymentId"`
	Processor       string `json:"processor"`
	PaymentIntentID string `json:"paymentIntentId"`
	ClientSecret    string `json:"clientSecret"`
	AmountCents     int    `json:"amountCents"`
	Currency        string `json:"currency"`
	Status          string `json:"status"`
}

func paymentsOff() error {
	return kernel.Unavailable("PAYMENTS_OFF", "This clinic does not take payments online. Call us to pay.")
}

func unavailable(cause error) error {
	return kernel.Unavailable("PROCESSOR_UNAVAILABLE", "We can't reach the payment service right now. Nothing was charged by this. Please try again in a moment.").Because(cause)
}

func inProgress(p *collections.Payment) error {
	return kernel.Conflict("PAYMENT_IN_PROGRESS", "A payment of this invoice is being worked on. Wait for its result before you pay again.").
		With("paymentId", p.Id)
}

// startPayment answers POST payments/intent {invoiceId | invoiceIds, amountCents?}: 201 with a new intent, 200 with
// the live one. Refusals: 400 AMOUNT_INVALID, ONE_INVOICE_PER_PAYMENT, METHOD_NOT_OFFERED; 404; 409 ALREADY_PAID,
// INVOICE_CLOSED, PAYMENT_IN_PROGRESS; 503 PAYMENTS_OFF, PROCESSOR_UNAVAILABLE.
//
// While an attempt is live, a request without an amount, or with its amount, gets that attempt. Another amount
// closes it at the processor and begins a new one, unless the bank is already at work on it.
func (t *till) startPayment(c *kernel.Call) (*kernel.Reply, error) {
	if t.processor == nil {
		return nil, paymentsOff()
	}
	var in struct {
		InvoiceID       string          `json:"invoiceId"`
		InvoiceIDs      []string        `json:"invoiceIds"`
		AmountCents     json.RawMessage `json:"amountCents"`
		PaymentMethodID string          `json:"paymentMethodId"`
		SaveMethod      bool            `json:"saveMethod"`
	}
	if err := c.Bind(&in); err != nil {
		return nil, err
	}
	invoice, err := oneInvoice(in.InvoiceID, in.InvoiceIDs)
	if err != nil {
		return nil, err
	}
	if in.PaymentMethodID != "" || in.SaveMethod {
		return nil, kernel.Invalid("METHOD_NOT_OFFERED", "This clinic does not keep cards on file.")
	}
	amount, err := wholeCents(in.AmountCents)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request.Context()), oneAttempt)
	defer cancel()
	p, on, began, err := t.pay(ctx, c.App, c.Actor, invoice, amount)
	if err != nil {
		return nil, err
	}
	reply := kernel.OK(Intent{PaymentID: p.Id, Processor: p.Processor(), PaymentIntentID: on.ID, ClientSecret: on.ClientSecret,
		AmountCents: p.Amount(), Currency: p.Currency(), Status: on.Status})
	if began {
		reply.Status = 201
	}
	return reply, nil
}

// oneAttempt bounds everything the processor is asked for one request. A page that goes away does not end it: an
// intent half made would have to be found again.
const oneAttempt = 40 * time.Second

func oneInvoice(id string, ids []string) (string, error) {
	if id != "" {
		ids = append(ids, id)
	}
	if len(ids) == 0 {
		return "", kernel.Invalid("", "Say which invoice you want to pay.").Field("invoiceId", "required", "Say which invoice you want to pay.")
	}
	for _, other := range ids[1:] {
		if other != ids[0] {
			return "", kernel.Invalid("ONE_INVOICE_PER_PAYMENT", "Pay one invoice at a time.").
				Field("invoiceIds", "max_length", "Pay one invoice at a time.")
		}
	}
	return ids[0], nil
}

func amountInvalid(sentence string) *kernel.Error {
	return kernel.Invalid("AMOUNT_INVALID", sentence).Field("amountCents", "range", sentence)
}

// wholeCents reads an amount that was sent; 0 when none was. Only a whole number is one: not "45", 45.0 or 4.5e1,
// which would leave it to us to guess, and not null.
func wholeCents(raw json.RawMessage) (int, error) {
	if len(raw) == 0 {
		return 0, nil
	}
	n, err := strconv.ParseInt(string(raw), 10, 64)
	if err != nil || n < 1 || n > collections.MaxCents {
		return 0, amountInvalid("Enter an amount in whole cents, at least 1 and at most what you owe.")
	}
	return int(n), nil
}

// pay finds or begins the one live attempt to pay an invoice and gives the processor's intent for it. asked is the
// amount in cents; 0 means whatever is live, or else the balance.
func (t *till) pay(ctx context.Context, app core.App, actor kernel.Actor, invoice string, asked int) (*collections.Payment, intent, bool, error) {
	defer t.lock(invoice)()
	for range 4 { // each round but the last closes an attempt that stood in the way
		inv, err := collections.FindInvoice(app, actor.Client, invoice)
		if err != nil {
			return nil, intent{}, false, err
		}
		amount, err := amountOf(inv, asked)
		if err != nil {
			return nil, intent{}, false, err
		}
		p, err := collections.FindLivePayment(app, inv.Id)
		if err != nil {
			return nil, intent{}, false, err
		}
		began := p == nil
		if began {
			if err := t.retireFailed(ctx, app, actor, inv.Id); err != nil {
				return nil, intent{}, false, err
			}
			p, err = t.begin(app, actor, inv, amount)
			if isTaken(err) {
				continue // another process was quicker
			}
			if err != nil {
				return nil, intent{}, false, err
			}
		}
		on, err := t.intentFor(ctx, app, actor, p)
		switch {
		case errors.Is(err, errNoCustomer):
			continue // forgotten by now; the next attempt introduces the client anew
		case err != nil:
			return nil, intent{}, false, err
		case on.Status == intentCanceled: // at the processor, and we had not heard
			if err := closeAttempt(app, actor, p.Id, ""); err != nil {
				return nil, intent{}, false, err
			}
		case began || p.Amount() == amount || asked == 0 && p.Amount() <= inv.Balance():
			return p, on, began, nil
		case on.Status != intentNeedsMethod && on.Status != intentNeedsConfirmation:
			return nil, intent{}, false, inProgress(p)
		default:
			if err := t.withdraw(ctx, app, actor, p); err != nil {
				return nil, intent{}, false, err
			}
		}
	}
	return nil, intent{}, false, unavailable(fmt.Errorf("no attempt to pay invoice %s stayed open", invoice))
}

func amountOf(inv *collections.Invoice, asked int) (int, error) {
	if inv.Status() == collections.InvoicePaid {
		return 0, kernel.Conflict("ALREADY_PAID", "This invoice is already paid. You were not charged again.")
	}
	if !inv.Status().Owed() || inv.Balance() < 1 {
		return 0, kernel.Conflict("INVOICE_CLOSED", "There is nothing to pay on this invoice.")
	}
	if asked > inv.Balance() {
		return 0, amountInvalid("You owe " + money(inv.Balance(), inv.Currency()) + " on this invoice. Enter that or less.")
	}
	if asked == 0 {
		return inv.Balance(), nil
	}
	return asked, nil
}

// begin writes the row first: if we die before the processor answers, the row's key finds the intent again.
func (t *till) begin(app core.App, actor kernel.Actor, inv *collections.Invoice, cents int) (*collections.Payment, error) {
	p, err := collections.NewPayment(app, inv, cents)
	if err != nil {
		return nil, err
	}
	p.SetProcessor(t.processor.name())
	if actor.Kind == kernel.KindClient {
		p.SetPortalUser(actor.ID)
	}
	p.SetMethod(methodCard, "", "")
	if t.processor.name() == collections.ProcessorTest {
		p.SetMethod(methodTest, "", "")
	}
	audit.As(p.ProxyRecord(), audit.CreatePayment)
	return p, kernel.SaveAs(app, actor, p.ProxyRecord())
}

// isTaken recognises the unique index on live attempts.
func isTaken(err error) bool {
	var fields validation.Errors
	if !errors.As(err, &fields) {
		return false
	}
	var v validation.Error
	return errors.As(fields["invoice"], &v) && v.Code() == "validation_not_unique"
}

// intentFor gives the processor's intent of a live attempt, and makes it when it is missing.
func (t *till) intentFor(ctx context.Context, app core.App, actor kernel.Actor, p *collections.Payment) (intent, error) {
	if p.Processor() != t.processor.name() {
		return intent{Status: intentCanceled}, nil // begun under a processor that was switched off since
	}
	if p.Intent() != "" {
		on, err := t.processor.look(ctx, p.Intent())
		if err != nil {
			return intent{}, unavailable(err)
		}
		return on, nil
	}
	payer, err := t.customerFor(ctx, app, p)
	var on intent
	if err == nil {
		on, err = t.processor.open(ctx, attempt{Payment: p.Id, Invoice: p.Invoice(), Customer: payer, Cents: p.Amount(),
			Currency: p.Currency(), Key: p.IdempotencyKey()})
	}
	switch {
	case errors.Is(err, errNoCustomer):
		return intent{}, errors.Join(err, closeAttempt(app, actor, p.Id, "customer_unknown"), setCustomer(app, p.Client(), payer, ""))
	case errors.Is(err, errAmount):
		if e := closeAttempt(app, actor, p.Id, "amount_refused"); e != nil {
			return intent{}, e
		}
		return intent{}, amountInvalid("Cards cannot be charged this amount. Pay another amount, or call us.").Because(err)
	case errors.Is(err, errRefused):
		// nobody has the intent's secret, if there is one: leaving it behind is safe, and the next try starts afresh
		if e := closeAttempt(app, actor, p.Id, "refused"); e != nil {
			return intent{}, e
		}
		return intent{}, unavailable(err)
	case err != nil:
		return intent{}, unavailable(err)
	}
	return on, t.noteIntent(app, actor, p, on)
}

// noteIntent keeps the intent's id before anybody gets its secret, so that no event can arrive for an intent that
// we do not know.
func (t *till) noteIntent(app core.App, actor kernel.Actor, p *collections.Payment, on intent) error {
	return app.RunInTransaction(func(tx core.App) error {
		r, err := tx.FindRecordById(collections.Payments, p.Id)
		if err != nil {
			return err
		}
		p.SetProxyRecord(r)
		if p.Intent() == on.ID {
			return nil
		}
		p.SetIntent(on.ID)
		return kernel.SaveAs(tx, actor, r)
	})
}

// customerFor gives the processor's id of the client, introduced when it is first needed.
func (t *till) customerFor(ctx context.Context, app core.App, p *collections.Payment) (string, error) {
	r, err := app.FindRecordById("clients", p.Client())
	if err != nil {
		return "", err
	}
	if known := r.GetString("stripe_customer_id"); known != "" && t.processor.name() == collections.ProcessorStripe {
		return known, nil
	}
	id, err := t.processor.customer(ctx, p.Client(), p.IdempotencyKey()+"-customer")
	if err != nil || id == "" {
		return "", err
	}
	return id, setCustomer(app, p.Client(), "", id)
}

// setCustomer replaces one customer id of a client by another, unless somebody else already did. Nobody asked for
// this change of the client's record: the system makes it.
func setCustomer(app core.App, client, from, to string) error {
	return app.RunInTransaction(func(tx core.App) error {
		r, err := tx.FindRecordById("clients", client)
		if err != nil || r.GetString("stripe_customer_id") != from {
			return err
		}
		r.Set("stripe_customer_id", to)
		return kernel.SaveAs(tx, kernel.System(), r)
	})
}

// retireFailed closes, at the processor, the attempts of an invoice that were declined. A page left open could
// otherwise confirm one of them after the invoice was paid by another.
func (t *till) retireFailed(ctx context.Context, app core.App, actor kernel.Actor, invoice string) error {
	all, err := collections.PaymentsOf(app, invoice)
	if err != nil {
		return err
	}
	for _, p := range all[invoice] {
		if p.Status() == collections.PaymentFailed && p.Intent() != "" && p.Processor() == t.processor.name() {
			if err := t.withdraw(ctx, app, actor, p); err != nil {
				return err
			}
		}
	}
	return nil
}

// withdraw closes an attempt at the processor and then here.
func (t *till) withdraw(ctx context.Context, app core.App, actor kernel.Actor, p *collections.Payment) error {
	if p.Intent() != "" && p.Processor() == t.processor.name() {
		on, err := t.processor.cancel(ctx, p.Intent())
		if err != nil {
			return unavailable(err)
		}
		if on.Status != intentCanceled {
			return inProgress(p)
		}
	}
	return closeAttempt(app, actor, p.Id, "")
}

// closeAttempt marks an attempt as closed, unless an event moved it on meanwhile.
func closeAttempt(app core.App, actor kernel.Actor, id, why string) error {
	return app.RunInTransaction(func(tx core.App) error {
		r, err := tx.FindRecordById(collections.Payments, id)
		if err != nil {
			return err
		}
		p := collections.AsPayment(r)
		if !p.Status().CanBecome(collections.PaymentCanceled) {
			return nil
		}
		p.SetStatus(collections.PaymentCanceled)
		if why != "" {
			p.SetFailureCode(why)
		}
		return kernel.SaveAs(tx, actor, r)
	})
}

// jobCloseAttempt closes an attempt at the processor after its invoice was withdrawn.
const jobCloseAttempt = "close_payment"

type closeJob struct {
	Payment string `json:"payment"`
}

func (t *till) closeAttemptJob(app core.App, payload []byte) error {
	var job closeJob
	if err := json.Unmarshal(payload, &job); err != nil {
		return err
	}
	r, err := app.FindRecordById(collections.Payments, job.Payment)
	if err != nil {
		return err
	}
	p := collections.AsPayment(r)
	defer t.lock(p.Invoice())()
	if t.processor == nil {
		return errors.New("payments are off: an attempt at the processor cannot be closed")
	}
	ctx, cancel := context.WithTimeout(context.Background(), oneAttempt)
	defer cancel()
	err = t.withdraw(ctx, app, kernel.System(), p)
	var late *kernel.Error
	if errors.As(err, &late) && late.Reason == "PAYMENT_IN_PROGRESS" {
		return nil // it was paid: the event records it, and staff are told
	}
	return err
}

// Pay pays an invoice through the test processor, for the furnishing of a demo: outcome is succeed, decline,
// challenge or dispute, cents 0 means the balance. It takes the same way as a person: an attempt, then a signed event.
func Pay(app core.App, actor kernel.Actor, invoice string, cents int, outcome string) (*collections.Payment, error) {
	t := tillOf(app)
	bank, ok := t.processor.(*testProcessor)
	if !ok {
		return nil, paymentsOff()
	}
	p, _, _, err := t.pay(context.Background(), app, actor, invoice, cents)
	if err != nil {
		return nil, err
	}
	payload, err := bank.decide(p, outcome, kernel.Now(app))
	if err != nil {
		return nil, err
	}
	if err := t.receiveOwn(app, payload, actor.IP); err != nil {
		return nil, err
	}
	r, err := app.FindRecordById(collections.Payments, p.Id)
	if err != nil {
		return nil, err
	}
	return collections.AsPayment(r), nil
}
