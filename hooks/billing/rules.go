package billing

import (
	"math"
	"slices"
	"strings"
	"time"

	validation "github.com/pocketbase/ozzo-validation/v4"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/kernel"
	"anteroom/hooks/outbox"
)

// billingRoles are the members of staff who handle money.
var billingRoles = []string{kernel.RoleAdmin, kernel.RoleBilling, kernel.RoleFrontDesk}

// bindRules binds what holds for every door: endpoints, the record API, the dashboard, the command line.
func bindRules(app core.App, t *till) {
	app.OnRecordCreate(collections.Invoices).BindFunc(createInvoice)
	app.OnRecordUpdate(collections.Invoices).BindFunc(t.changeInvoice)
	app.OnRecordDelete(collections.Invoices).BindFunc(deleteInvoice)

	app.OnRecordCreate(collections.InvoiceItems).BindFunc(saveItem)
	app.OnRecordUpdate(collections.InvoiceItems).BindFunc(saveItem)
	app.OnRecordDelete(collections.InvoiceItems).BindFunc(deleteItem)

	app.OnRecordCreate(collections.Payments).BindFunc(t.createPayment)
	app.OnRecordUpdate(collections.Payments).BindFunc(changePayment)
	app.OnRecordDelete(collections.Payments).BindFunc(refuseDelete)

	app.OnRecordCreate(collections.StripeEvents).BindFunc(refuseForgedEvent)
	app.OnRecordUpdate(collections.StripeEvents).BindFunc(refuseForgedEvent)
	app.OnRecordDelete(collections.StripeEvents).BindFunc(refuseDelete)

	bindVisits(app)
}

func refuse(field, code, sentence string) error {
	return validation.Errors{field: validation.NewError("validation_"+code, sentence)}
}

func refuseDelete(*core.RecordEvent) error {
	return refuse("id", "kept", "Records of money are kept.")
}

// mayBill tells who writes invoices: staff who handle money, the system, and the processor's events.
func mayBill(a kernel.Actor) bool {
	return a.IsStaff(billingRoles...) || a.Kind == kernel.KindSystem || a.Kind == kernel.KindProcessor
}

func refuseOthers(a kernel.Actor) error {
	if !mayBill(a) {
		return refuse("client", "not_allowed", "Your role at the clinic does not include invoices.")
	}
	return nil
}

// createInvoice: every invoice begins as an empty, unpaid draft with a number of its own.
func createInvoice(e *core.RecordEvent) error {
	return kernel.InTransaction(e, func(tx core.App) error {
		i, actor := collections.AsInvoice(e.Record), kernel.ActorOf(e.Record)
		if err := refuseOthers(actor); err != nil {
			return err
		}
		if err := refuseTypedPurpose(nil, i, actor); err != nil {
			return err
		}
		if i.Status() != collections.InvoiceDraft {
			return refuse("status", "illegal_move", "An invoice begins as a draft. Add its lines, then open it.")
		}
		if i.Number() == "" {
			number, err := collections.NextInvoiceNumber(tx, kernel.Now(tx).In(collections.Settings(tx).Zone()).Year())
			if err != nil {
				return err
			}
			i.SetNumber(number)
		}
		if i.Currency() == "" {
			i.SetCurrency(collections.Settings(tx).Currency)
		}
		i.SetCreatedBy(actor.ID)
		i.SetPaid(0)
		i.SetRefunded(0)
		if err := addUp(i, nil); err != nil {
			return err
		}
		return e.Next()
	})
}

// addUp works out what an invoice comes to. While it is a draft, a discount may be larger than the lines written so
// far; opening it is refused then.
func addUp(i *collections.Invoice, items []*collections.InvoiceItem) error {
	sum := 0
	for _, item := range items {
		if sum += item.Total(); sum > collections.MaxCents {
			return refuse("total_cents", "max", "This invoice comes to more than can be charged.")
		}
	}
	total := max(0, sum-i.Discount()) + i.Tax()
	if i.Discount() < 0 || i.Tax() < 0 || i.Discount() > collections.MaxCents || i.Tax() > collections.MaxCents || total > collections.MaxCents {
		return refuse("total_cents", "range", "Discount, tax and total must be amounts from zero up to what can be charged.")
	}
	i.SetSubtotal(sum)
	i.SetTotal(total)
	return nil
}

// changeInvoice: a draft adds up; an issued invoice keeps what it says, moves only as the table of moves allows,
// and only the processor's events say what was paid. The row is read again inside the transaction, because whoever
// saves may have loaded it before a payment arrived.
func (t *till) changeInvoice(e *core.RecordEvent) error {
	return kernel.InTransaction(e, func(tx core.App) error {
		i, actor := collections.AsInvoice(e.Record), kernel.ActorOf(e.Record)
		if err := refuseOthers(actor); err != nil {
			return err
		}
		row, err := tx.FindRecordById(collections.Invoices, i.Id)
		if err != nil {
			return err
		}
		was := collections.AsInvoice(row)
		processor := actor.Kind == kernel.KindProcessor
		if err := refuseTypedPurpose(was, i, actor); err != nil {
			return err
		}
		fixed := []string{"client", "number", "currency", "created_by"}
		if !processor {
			fixed = append(fixed, "paid_cents", "refunded_cents")
		}
		if was.Status() != collections.InvoiceDraft {
			fixed = append(fixed, "issued_on", "subtotal_cents", "discount_cents", "tax_cents", "total_cents", "appointment")
		}
		sentence := "This part of an invoice does not change."
		if was.Status() != collections.InvoiceDraft {
			sentence = issuedStays
		}
		if err := refuseChange(row, e.Record, fixed, sentence); err != nil {
			return err
		}
		if was.Status() == collections.InvoiceDraft {
			items, err := collections.ItemsOf(tx, i.Id)
			if err != nil {
				return err
			}
			if err := addUp(i, items[i.Id]); err != nil {
				return err
			}
			if i.Status() == collections.InvoiceOpen {
				if err := refuseHalfWritten(tx, i, items[i.Id]); err != nil {
					return err
				}
			}
		}
		if err := refuseBadDays(i); err != nil {
			return err
		}
		moved := i.Status() != was.Status()
		if moved && !was.Status().CanBecome(i.Status()) {
			return refuse("status", "illegal_move", "An invoice that is "+words(was.Status())+" cannot become "+words(i.Status())+".")
		}
		if moved && i.Status().Settled() && !processor {
			return refuse("status", "not_by_hand", "Only a payment makes an invoice paid.")
		}
		if err := e.Next(); err != nil {
			return err
		}
		switch {
		case moved && i.Status() == collections.InvoiceOpen:
			return tellIssued(tx, i)
		case moved && i.Status() == collections.InvoiceVoid:
			return closeAttempts(tx, i.Id)
		}
		return nil
	})
}

const issuedStays = "An issued invoice does not change. Withdraw it and write a new one."

func words(s collections.InvoiceStatus) string { return strings.ReplaceAll(string(s), "_", " ") }

// refuseChange compares fields of the stored row with what is to be saved.
func refuseChange(was, is *core.Record, fields []string, sentence string) error {
	for _, f := range fields {
		if was.GetString(f) != is.GetString(f) {
			return refuse(f, "fixed", sentence)
		}
	}
	return nil
}

// refuseHalfWritten: what a client gets to see is complete, and there is something to pay.
func refuseHalfWritten(tx core.App, i *collections.Invoice, items []*collections.InvoiceItem) error {
	switch {
	case len(items) == 0:
		return refuse("status", "no_items", "An invoice needs at least one line before it is opened.")
	case i.Discount() > i.Subtotal():
		return refuse("discount_cents", "range", "The discount is larger than what is charged.")
	case i.Total() == 0:
		return refuse("total_cents", "range", "This invoice comes to nothing. There is no need to send it.")
	}
	if i.IssuedOn() == "" {
		i.SetIssuedOn(kernel.Now(tx).In(collections.Settings(tx).Zone()).Format(time.DateOnly))
	}
	if i.DueOn() == "" {
		i.SetDueOn(i.IssuedOn())
	}
	return nil
}

func refuseBadDays(i *collections.Invoice) error {
	for field, day := range map[string]string{"issued_on": i.IssuedOn(), "due_on": i.DueOn()} {
		if _, err := time.Parse(time.DateOnly, day); day != "" && err != nil {
			return refuse(field, "date", "This is not a day of the calendar.")
		}
	}
	if i.IssuedOn() != "" && i.DueOn() != "" && i.DueOn() < i.IssuedOn() {
		return refuse("due_on", "range", "An invoice cannot be due before it is issued.")
	}
	return nil
}

// closeAttempts has every attempt that could still take money for a withdrawn invoice closed at the processor.
func closeAttempts(tx core.App, invoice string) error {
	all, err := collections.PaymentsOf(tx, invoice)
	if err != nil {
		return err
	}
	for _, p := range all[invoice] {
		if p.Status().CanBecome(collections.PaymentCanceled) {
			if err := outbox.Job(tx, jobCloseAttempt, "payment:"+p.Id+":close", closeJob{Payment: p.Id}); err != nil {
				return err
			}
		}
	}
	return nil
}

func deleteInvoice(e *core.RecordEvent) error {
	if err := refuseOthers(kernel.ActorOf(e.Record)); err != nil {
		return err
	}
	if collections.AsInvoice(e.Record).Status() != collections.InvoiceDraft {
		return refuse("status", "kept", "An issued invoice is kept. Withdraw it instead.")
	}
	return e.Next()
}

const mostOfOne = 10_000 // pieces on one line

// saveItem: a line belongs to a draft of the same client, says what it is for, and comes to quantity times price.
func saveItem(e *core.RecordEvent) error {
	return kernel.InTransaction(e, func(tx core.App) error {
		item, actor := collections.AsInvoiceItem(e.Record), kernel.ActorOf(e.Record)
		invoice, err := draftOf(tx, item, actor)
		if err != nil {
			return err
		}
		if !e.Record.IsNew() {
			row, err := tx.FindRecordById(collections.InvoiceItems, item.Id)
			if err != nil {
				return err
			}
			if err := refuseChange(row, e.Record, []string{"invoice", "client"}, "A line stays on its invoice."); err != nil {
				return err
			}
		}
		if item.Client() == "" {
			item.SetClient(invoice.Client())
		}
		quantity, unit := e.Record.GetFloat("quantity"), e.Record.GetFloat("unit_cents")
		switch {
		case item.Client() != invoice.Client():
			return refuse("client", "fixed", "This line is another client's.")
		case strings.TrimSpace(item.Description()) == "":
			return refuse("description", "required", "Say what is charged for.")
		case quantity != math.Trunc(quantity) || quantity < 1 || quantity > mostOfOne:
			return refuse("quantity", "range", "The quantity must be a whole number from 1 to 10,000.")
		case unit != math.Trunc(unit) || unit < 0 || quantity*unit > collections.MaxCents:
			return refuse("unit_cents", "range", "The price must be in whole cents, from zero up to what can be charged.")
		}
		item.SetTotal(item.Quantity() * item.Unit())
		if id := item.Appointment(); id != "" {
			visit, err := tx.FindRecordById("appointments", id)
			if err != nil || visit.GetString("client") != invoice.Client() {
				return refuse("appointment", "unknown", "This client has no such visit.")
			}
		}
		if err := e.Next(); err != nil {
			return err
		}
		return kernel.SaveAs(tx, actor, invoice.ProxyRecord()) // adds up
	})
}

func deleteItem(e *core.RecordEvent) error {
	return kernel.InTransaction(e, func(tx core.App) error {
		actor := kernel.ActorOf(e.Record)
		invoice, err := draftOf(tx, collections.AsInvoiceItem(e.Record), actor)
		if err != nil {
			return err
		}
		if err := e.Next(); err != nil {
			return err
		}
		return kernel.SaveAs(tx, actor, invoice.ProxyRecord())
	})
}

func draftOf(tx core.App, item *collections.InvoiceItem, actor kernel.Actor) (*collections.Invoice, error) {
	if err := refuseOthers(actor); err != nil {
		return nil, err
	}
	r, err := tx.FindRecordById(collections.Invoices, item.Invoice())
	if err != nil {
		return nil, refuse("invoice", "unknown", "There is no such invoice.")
	}
	if i := collections.AsInvoice(r); i.Status() == collections.InvoiceDraft {
		return i, nil
	}
	return nil, refuse("invoice", "fixed", issuedStays)
}

// createPayment: whoever pays begins an attempt, over no more than what is owed, in the invoice's currency. Staff
// begin none: they cannot charge a client's card.
func (t *till) createPayment(e *core.RecordEvent) error {
	return kernel.InTransaction(e, func(tx core.App) error {
		p, actor := collections.AsPayment(e.Record), kernel.ActorOf(e.Record)
		if actor.Kind != kernel.KindSystem && (actor.Kind != kernel.KindClient || actor.Client != p.Client()) {
			return refuse("client", "not_allowed", "A payment is begun by the person who pays.")
		}
		if t.processor == nil || p.Processor() != t.processor.name() {
			return refuse("processor", "unknown", "Payments are not taken this way here.")
		}
		if p.Status() != collections.PaymentPending || p.Refunded() != 0 || p.ReceiptNumber() != "" || !p.PaidAt().IsZero() {
			return refuse("status", "illegal_move", "A payment begins as pending.")
		}
		r, err := tx.FindRecordById(collections.Invoices, p.Invoice())
		if err != nil {
			return refuse("invoice", "unknown", "There is no such invoice.")
		}
		i := collections.AsInvoice(r)
		switch {
		case i.Client() != p.Client():
			return refuse("invoice", "unknown", "There is no such invoice.")
		case i.Currency() != p.Currency():
			return refuse("currency", "fixed", "A payment is made in the currency of its invoice.")
		case p.Amount() < 1 || p.Amount() > i.Balance():
			return refuse("amount_cents", "range", "A payment is at least one cent and at most what is owed.")
		}
		if p.Id == "" {
			p.Id = core.GenerateDefaultRandomId()
		}
		p.SetIdempotencyKey("anteroom-" + p.Id)
		return e.Next()
	})
}

// openToAll are the fields of a payment that need no event of the processor to change: the intent's id, once, and
// that an attempt was closed before money moved.
var openToAll = []string{"intent_id", "status", "failure_code", "updated"}

// changePayment: only the processor's signed event says that money moved. Whoever pays may close an attempt; staff
// change nothing by hand.
func changePayment(e *core.RecordEvent) error {
	return kernel.InTransaction(e, func(tx core.App) error {
		p, actor := collections.AsPayment(e.Record), kernel.ActorOf(e.Record)
		row, err := tx.FindRecordById(collections.Payments, p.Id)
		if err != nil {
			return err
		}
		was := collections.AsPayment(row)
		processor := actor.Kind == kernel.KindProcessor
		if !processor && actor.Kind != kernel.KindSystem && (actor.Kind != kernel.KindClient || actor.Client != was.Client()) {
			return refuse("status", "not_by_hand", "A payment changes by what the processor says, never by hand.")
		}
		if p.PortalUser() == "" {
			row.Set("portal_user", "") // the login was deleted; what it paid stays
		}
		fixed := []string{"client", "invoice", "portal_user", "processor", "amount_cents", "currency", "idempotency_key"}
		if !processor {
			fixed = fixed[:0]
			for _, f := range e.Record.Collection().Fields.FieldNames() {
				if !slices.Contains(openToAll, f) {
					fixed = append(fixed, f)
				}
			}
		}
		if err := refuseChange(row, e.Record, fixed, "A payment changes by what the processor says, never by hand."); err != nil {
			return err
		}
		if was.Intent() != p.Intent() && (was.Intent() != "" || was.Status() != collections.PaymentPending) {
			return refuse("intent_id", "fixed", "A payment keeps its intent.")
		}
		if was.Status() != p.Status() {
			if !was.Status().CanBecome(p.Status()) {
				return refuse("status", "illegal_move", "A payment that is "+string(was.Status())+" cannot become "+string(p.Status())+".")
			}
			if !processor && p.Status() != collections.PaymentCanceled {
				return refuse("status", "not_by_hand", "A payment changes by what the processor says, never by hand.")
			}
		}
		return e.Next()
	})
}

// refuseForgedEvent: what the processor said is written by the webhook and by nobody else.
func refuseForgedEvent(e *core.RecordEvent) error {
	if kernel.ActorOf(e.Record).Kind != kernel.KindProcessor || !e.Record.IsNew() {
		return refuse("event_id", "not_by_hand", "Events come from the processor.")
	}
	return e.Next()
}
