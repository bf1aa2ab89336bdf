package billing

import (
	"errors"
	"fmt"
	"io"

	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
	"anteroom/hooks/notices"
)

// webhook answers POST stripe/webhook. The signature over the raw body is the only proof of who sends, so nothing
// is read before it was checked. 200 {received: true} means: counted, now or before. Refusals: 400
// SIGNATURE_INVALID, TOO_OLD, API_VERSION_MISMATCH, WRONG_MODE, EVENT_UNREADABLE; 413; 503 PAYMENTS_OFF.
func (t *till) webhook(c *kernel.Call) (*kernel.Reply, error) {
	payload, err := io.ReadAll(c.Request.Body)
	if err != nil {
		return nil, err
	}
	if err := t.receive(c.App, payload, c.Request.Header.Get("Stripe-Signature"), c.Actor.IP); err != nil {
		return nil, err
	}
	return kernel.OK(map[string]bool{"received": true}), nil
}

// receive counts a signed event: the event, what it changes, and what is told of it commit together, or not at all.
func (t *till) receive(app core.App, payload []byte, header, ip string) error {
	if t.processor == nil {
		return paymentsOff()
	}
	ev, err := readEvent(payload, header, t.secret)
	if err == nil && ev.Live != t.live {
		return kernel.Invalid("WRONG_MODE", "This event and this clinic's key differ in mode: one is live, the other is for tests.")
	}
	switch {
	case errors.Is(err, errTooOld):
		return kernel.Invalid("TOO_OLD", "This event was signed more than five minutes ago.").Because(err)
	case errors.Is(err, errVersion):
		app.Logger().Error("a payment event was refused: make the webhook endpoint for the API version "+apiVersion, "error", err)
		return kernel.Invalid("API_VERSION_MISMATCH", "The webhook endpoint must be made for the API version "+apiVersion+".").Because(err)
	case errors.Is(err, errUnreadable):
		return kernel.Invalid("EVENT_UNREADABLE", "This event cannot be read.").Because(err)
	case err != nil:
		return kernel.Invalid("SIGNATURE_INVALID", "This event is not signed for this clinic.").Because(err)
	}
	if ev.At.Unix() <= 0 {
		ev.At = kernel.Now(app) // it does not say when
	}
	by := kernel.Actor{Kind: kernel.KindProcessor, ID: t.processor.name(), IP: ip}
	return app.RunInTransaction(func(tx core.App) error {
		if counted, err := collections.EventCounted(tx, ev.ID); err != nil || counted {
			return err
		}
		outcome, err := t.apply(tx, by, ev)
		if err != nil {
			return err
		}
		row, err := collections.NewStripeEvent(tx, ev.ID, ev.Type, ev.Object)
		if err != nil {
			return err
		}
		row.SetOrigin(ev.Live, ev.APIVersion, ev.At)
		row.SetReceived(kernel.Now(tx))
		row.SetOutcome(outcome)
		audit.As(row.ProxyRecord(), audit.StripeEvent)
		return kernel.SaveAs(tx, by, row.ProxyRecord())
	})
}

// apply does what an event says. Events repeat, come late and in any order, so each is read as a fact about the
// payment: whatever tells of a refund or a dispute also tells that money was taken.
func (t *till) apply(tx core.App, by kernel.Actor, ev event) (collections.Outcome, error) {
	if ev.Says.What == saysNothing {
		return collections.EventIgnored, nil
	}
	p, err := collections.FindPaymentByIntent(tx, t.processor.name(), ev.Says.Intent)
	if err != nil {
		return "", err
	}
	if p == nil {
		tx.Logger().Warn("a payment event fits no payment", "event", ev.ID, "type", ev.Type)
		return collections.EventUnmatched, nil
	}
	if err := fits(p, ev.Says); err != nil {
		tx.Logger().Error("a payment event was not applied: it differs from its payment", "event", ev.ID, "payment", p.Id, "error", err)
		return collections.EventUnmatched, tellDesk(tx, "payment_mismatch", p.Id)
	}
	switch ev.Says.What {
	case saysPaid:
		return t.applyMoney(tx, by, p, ev, func() {})
	case saysRefunded:
		return t.applyMoney(tx, by, p, ev, func() {
			p.SetRefunded(max(p.Refunded(), int(ev.Says.Refunded)))
			if p.Status() != collections.PaymentDisputed {
				p.SetStatus(p.StatusSettled())
			}
		})
	case saysDisputed:
		over, err := collections.EventSeen(tx, "charge.dispute.closed", ev.Object)
		if err != nil {
			return "", err
		}
		return t.applyMoney(tx, by, p, ev, func() {
			if !over {
				p.SetStatus(collections.PaymentDisputed)
			}
		})
	case saysDisputeOver:
		return t.applyMoney(tx, by, p, ev, func() {
			p.SetStatus(collections.PaymentDisputed)
			if ev.Says.Won {
				p.SetStatus(p.StatusSettled())
			}
		})
	case saysMethod:
		return t.applyMethod(tx, by, p, ev)
	}
	return t.applyProgress(tx, by, p, ev)
}

// fits compares the money of an event with the payment it names.
func fits(p *collections.Payment, s said) error {
	most := s.What == saysDisputed || s.What == saysDisputeOver // part of a payment can be disputed
	switch {
	case s.Currency != p.Currency():
		return fmt.Errorf("currency %q instead of %q", s.Currency, p.Currency())
	case s.Cents < 1, !most && s.Cents != int64(p.Amount()), most && s.Cents > int64(p.Amount()):
		return fmt.Errorf("%d cents instead of %d", s.Cents, p.Amount())
	case s.Refunded < 0 || s.Refunded > int64(p.Amount()):
		return fmt.Errorf("%d cents given back of %d", s.Refunded, p.Amount())
	}
	return nil
}

// applyMoney settles a payment if it is not settled yet, then does what else the event says of the money.
func (t *till) applyMoney(tx core.App, by kernel.Actor, p *collections.Payment, ev event, more func()) (collections.Outcome, error) {
	was, refunded := p.Status(), p.Refunded()
	if !was.Settled() {
		p.SetStatus(collections.PaymentSucceeded)
		p.SetPaidAt(ev.At)
		p.SetFailureCode("")
		number, err := collections.NextReceiptNumber(tx, ev.At.In(collections.Settings(tx).Zone()).Year())
		if err != nil {
			return "", err
		}
		p.SetReceiptNumber(number)
	}
	more()
	if p.Status() == was && p.Refunded() == refunded {
		return collections.EventIgnored, nil
	}
	p.SetMethod(ev.Says.Kind, ev.Says.Brand, ev.Says.Last4)
	if err := t.save(tx, by, p, ev, nameOfChange(was, p.Status())); err != nil {
		return "", err
	}
	if err := settleInvoice(tx, by, p.Invoice()); err != nil {
		return "", err
	}
	if !was.Settled() {
		if err := tellPaid(tx, p); err != nil {
			return "", err
		}
	}
	if was == collections.PaymentCanceled {
		if err := tellDesk(tx, "payment_after_closing", p.Id); err != nil {
			return "", err
		}
	}
	if p.Status() == collections.PaymentDisputed && was != p.Status() {
		return collections.EventApplied, tellDesk(tx, "payment_disputed", p.Id)
	}
	return collections.EventApplied, nil
}

func nameOfChange(was, is collections.PaymentStatus) audit.Action {
	switch {
	case !was.Settled():
		return audit.PaymentSucceeded
	case is == collections.PaymentRefunded || is == collections.PaymentPartiallyRefunded:
		return audit.RefundPayment
	}
	return "" // UPDATE_PAYMENT, as every other write
}

func (t *till) applyMethod(tx core.App, by kernel.Actor, p *collections.Payment, ev event) (collections.Outcome, error) {
	if p.MethodLast4() == ev.Says.Last4 {
		return collections.EventIgnored, nil
	}
	p.SetMethod(ev.Says.Kind, ev.Says.Brand, ev.Says.Last4)
	return collections.EventApplied, t.save(tx, by, p, ev, "")
}

// applyProgress follows an attempt that is not settled. An event older than the last one applied is too late.
func (t *till) applyProgress(tx core.App, by kernel.Actor, p *collections.Payment, ev event) (collections.Outcome, error) {
	next := map[what]collections.PaymentStatus{
		saysProcessing: collections.PaymentProcessing,
		saysChallenge:  collections.PaymentRequiresAction,
		saysDeclined:   collections.PaymentFailed,
		saysCanceled:   collections.PaymentCanceled,
	}[ev.Says.What]
	again := next == collections.PaymentFailed && p.Status() == next // a second card was declined as well
	if !again && !p.Status().CanBecome(next) || ev.At.Before(p.LastEvent()) {
		return collections.EventIgnored, nil
	}
	if next.Live() && !p.Status().Live() {
		other, err := collections.FindLivePayment(tx, p.Invoice())
		if err != nil {
			return "", err
		}
		if other != nil { // its place was taken; if it succeeds all the same, the money is recorded
			return collections.EventIgnored, nil
		}
	}
	p.SetStatus(next)
	name := audit.Action("")
	if next == collections.PaymentFailed {
		p.SetFailureCode(codeOnly(ev.Says.Failure))
		p.SetMethod("", ev.Says.Brand, ev.Says.Last4)
		name = audit.PaymentFailed
	}
	if err := t.save(tx, by, p, ev, name); err != nil {
		return "", err
	}
	if next == collections.PaymentFailed {
		return collections.EventApplied, tellFailed(tx, p)
	}
	return collections.EventApplied, nil
}

func (t *till) save(tx core.App, by kernel.Actor, p *collections.Payment, ev event, name audit.Action) error {
	if ev.At.After(p.LastEvent()) {
		p.SetLastEvent(ev.At)
	}
	if name != "" {
		audit.As(p.ProxyRecord(), name)
	}
	by.Client = p.Client()
	return kernel.SaveAs(tx, by, p.ProxyRecord())
}

// codeOnly keeps a code and no other text.
func codeOnly(s string) string {
	if len(s) > 60 {
		return ""
	}
	for _, r := range s {
		if r != '_' && (r < 'a' || r > 'z') && (r < '0' || r > '9') {
			return ""
		}
	}
	return s
}

// settleInvoice puts an invoice to what its payments say. Money beyond the total cannot be booked on it: staff are
// told, because somebody has to give it back.
func settleInvoice(tx core.App, by kernel.Actor, id string) error {
	r, err := tx.FindRecordById(collections.Invoices, id)
	if err != nil {
		return err
	}
	i := collections.AsInvoice(r)
	taken, refunded, err := collections.Taken(tx, id)
	if err != nil {
		return err
	}
	if taken > i.Total() || i.Status() == collections.InvoiceVoid {
		if err := notices.TellStaff(tx, "", "payment_to_give_back", deskLink(collections.Invoices, id), id, fmt.Sprintf("invoice:%s:beyond:%d", id, taken)); err != nil {
			return err
		}
	}
	paid := min(taken, i.Total())
	refunded = min(refunded, paid)
	status := i.StatusAfter(paid, refunded)
	if paid == i.Paid() && refunded == i.Refunded() && status == i.Status() {
		return nil
	}
	i.SetPaid(paid)
	i.SetRefunded(refunded)
	i.SetStatus(status)
	by.Client = i.Client()
	return kernel.SaveAs(tx, by, r)
}

// tellDesk tells staff once of each kind of trouble with a payment.
func tellDesk(tx core.App, kind, payment string) error {
	return notices.TellStaff(tx, "", kind, deskLink(collections.Payments, payment), payment, kind+":"+payment)
}

// deskLink is a record in the dashboard.
func deskLink(collection, id string) string {
	return "/_/#/collections?collection=" + collection + "&recordId=" + id
}
