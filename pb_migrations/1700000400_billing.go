package pb_migrations

import "github.com/pocketbase/pocketbase/core"

// Billing: invoices in integer cents, payments that only a signed event of the processor settles, and the events
// themselves, each counted once.
func init() {
	core.AppMigrations.Register(func(app core.App) error {
		cols, err := find(app, "clients", "appointments", "services", "portal_users")
		if err != nil {
			return err
		}
		clients, appointments, services, users := cols[0], cols[1], cols[2], cols[3]

		i := base("invoices",
			mustTo("client", clients), &core.TextField{Name: "number", Required: true, Max: 40, Presentable: true},
			mustChoice("status", "draft", "open", "partially_paid", "paid", "void", "refunded"),
			day("issued_on"), day("due_on"), mustChoice("currency", "usd", "eur", "gbp", "cad", "aud", "mxn"),
			cents("subtotal_cents"), cents("discount_cents"), cents("tax_cents"), cents("total_cents"), cents("paid_cents"),
			cents("refunded_cents"), to("appointment", appointments), text("created_by", 40))
		if err := sealed(i, "notes", "text", "client", 2000); err != nil {
			return err
		}
		rules(i, rule(billingStaff), rule(billingStaff), rule(billingStaff))
		i.AddIndex("idx_invoices_number", true, "number", "")
		i.AddIndex("idx_invoices_client", false, "client, status, issued_on", "")
		if err := app.Save(i); err != nil {
			return err
		}

		// the description names a service: it is part of the record and encrypted like it
		it := base("invoice_items",
			mustTo("client", clients), mustTo("invoice", i), &core.NumberField{Name: "quantity", OnlyInt: true, Required: true},
			cents("unit_cents"), cents("total_cents"), to("service", services), to("appointment", appointments), whole("position"))
		if err := sealed(it, "description", "text", "client", 300); err != nil {
			return err
		}
		rules(it, rule(billingStaff), rule(billingStaff), rule(billingStaff))
		it.AddIndex("idx_invoice_items", false, "invoice, position", "")
		if err := app.Save(it); err != nil {
			return err
		}

		p := base("payments",
			mustTo("client", clients), mustTo("invoice", i), to("portal_user", users),
			mustChoice("processor", "stripe", "test", "none"), text("intent_id", 255),
			cents("amount_cents"), cents("refunded_cents"), mustChoice("currency", "usd", "eur", "gbp", "cad", "aud", "mxn"),
			mustChoice("status", "pending", "processing", "requires_action", "succeeded", "failed", "canceled", "refunded", "partially_refunded", "disputed"),
			choice("method_kind", "card", "bank", "cash", "credit", "external", "test"), text("method_brand", 30), text("method_last4", 4),
			text("failure_code", 60), instant("paid_at"), text("receipt_number", 40), text("idempotency_key", 64), whole("last_event_at"))
		rules(p, rule(billingStaff), nil, nil)
		p.AddIndex("idx_payments_intent", true, "intent_id", "intent_id != ''")
		p.AddIndex("idx_payments_client", false, "client, created", "")
		p.AddIndex("idx_payments_invoice", false, "invoice, status", "")
		// one live attempt for an invoice: paying twice finds the first
		p.AddIndex("idx_payments_live", true, "invoice", "status = 'pending' OR status = 'processing' OR status = 'requires_action'")
		p.AddIndex("idx_payments_receipt", true, "receipt_number", "receipt_number != ''")
		if err := app.Save(p); err != nil {
			return err
		}

		e := base("stripe_events",
			must(text("event_id", 255)), must(text("type", 100)), text("object_id", 255), yes("livemode"), text("api_version", 20),
			whole("event_created"), mustInstant("received_at"), choice("outcome", "applied", "ignored", "unmatched"))
		rules(e, rule(adminOnly), nil, nil)
		e.AddIndex("idx_stripe_events_id", true, "event_id", "")
		e.AddIndex("idx_stripe_events_object", false, "object_id, type", "")
		if err := app.Save(e); err != nil {
			return err
		}
		return run(app, moneyTriggers...)
	}, noDown, "1700000400_billing.go")
}

// What the database itself refuses, whichever door a statement came through.
var moneyTriggers = []string{
	`CREATE TRIGGER invoices_born BEFORE INSERT ON invoices WHEN NEW.paid_cents <> 0 OR NEW.refunded_cents <> 0
		BEGIN SELECT RAISE(ABORT, 'an invoice begins unpaid'); END`,
	`CREATE TRIGGER invoices_paid_within BEFORE UPDATE OF paid_cents, total_cents ON invoices WHEN NEW.paid_cents > NEW.total_cents
		BEGIN SELECT RAISE(ABORT, 'an invoice cannot be paid beyond its total'); END`,
	`CREATE TRIGGER invoices_paid_proven BEFORE UPDATE OF paid_cents ON invoices WHEN NEW.paid_cents > OLD.paid_cents AND NEW.paid_cents >
		(SELECT coalesce(sum(amount_cents), 0) FROM payments WHERE invoice = NEW.id AND status IN ('succeeded', 'partially_refunded', 'refunded', 'disputed'))
		BEGIN SELECT RAISE(ABORT, 'an invoice is paid by its payments'); END`,
	`CREATE TRIGGER invoices_paid_status BEFORE UPDATE OF status ON invoices WHEN NEW.status = 'paid' AND NEW.paid_cents < NEW.total_cents
		BEGIN SELECT RAISE(ABORT, 'an invoice is paid by its payments'); END`,
	`CREATE TRIGGER invoices_frozen BEFORE UPDATE ON invoices WHEN OLD.status <> 'draft' AND (NEW.client <> OLD.client OR NEW.number <> OLD.number
		OR NEW.currency <> OLD.currency OR NEW.subtotal_cents <> OLD.subtotal_cents OR NEW.discount_cents <> OLD.discount_cents
		OR NEW.tax_cents <> OLD.tax_cents OR NEW.total_cents <> OLD.total_cents OR NEW.issued_on <> OLD.issued_on OR NEW.status = 'draft')
		BEGIN SELECT RAISE(ABORT, 'an issued invoice does not change'); END`,
	`CREATE TRIGGER invoices_kept BEFORE DELETE ON invoices WHEN OLD.status <> 'draft'
		BEGIN SELECT RAISE(ABORT, 'an issued invoice is kept'); END`,

	`CREATE TRIGGER invoice_items_frozen_insert BEFORE INSERT ON invoice_items WHEN (SELECT status FROM invoices WHERE id = NEW.invoice) IS NOT 'draft'
		BEGIN SELECT RAISE(ABORT, 'an issued invoice does not change'); END`,
	`CREATE TRIGGER invoice_items_frozen_update BEFORE UPDATE OF client, invoice, quantity, unit_cents, total_cents ON invoice_items
		WHEN (SELECT status FROM invoices WHERE id = OLD.invoice) IS NOT 'draft' OR NEW.invoice <> OLD.invoice
		BEGIN SELECT RAISE(ABORT, 'an issued invoice does not change'); END`,
	`CREATE TRIGGER invoice_items_frozen_delete BEFORE DELETE ON invoice_items WHEN (SELECT status FROM invoices WHERE id = OLD.invoice) IS NOT 'draft'
		BEGIN SELECT RAISE(ABORT, 'an issued invoice does not change'); END`,

	`CREATE TRIGGER payments_frozen BEFORE UPDATE ON payments WHEN NEW.client <> OLD.client OR NEW.invoice <> OLD.invoice
		OR NEW.processor <> OLD.processor OR NEW.amount_cents <> OLD.amount_cents OR NEW.currency <> OLD.currency
		OR (OLD.intent_id <> '' AND NEW.intent_id <> OLD.intent_id) OR (OLD.receipt_number <> '' AND NEW.receipt_number <> OLD.receipt_number)
		BEGIN SELECT RAISE(ABORT, 'what a payment is about does not change'); END`,
	`CREATE TRIGGER payments_settled BEFORE UPDATE OF status ON payments
		WHEN OLD.status IN ('succeeded', 'partially_refunded', 'refunded', 'disputed') AND NEW.status NOT IN ('succeeded', 'partially_refunded', 'refunded', 'disputed')
		BEGIN SELECT RAISE(ABORT, 'money taken stays taken'); END`,
	`CREATE TRIGGER payments_refunded_within BEFORE UPDATE OF refunded_cents ON payments WHEN NEW.refunded_cents > NEW.amount_cents
		BEGIN SELECT RAISE(ABORT, 'no more is given back than was taken'); END`,
	`CREATE TRIGGER payments_kept BEFORE DELETE ON payments BEGIN SELECT RAISE(ABORT, 'a payment is kept'); END`,

	`CREATE TRIGGER stripe_events_update BEFORE UPDATE OF event_id ON stripe_events BEGIN SELECT RAISE(ABORT, 'an event is counted once'); END`,
	`CREATE TRIGGER stripe_events_delete BEFORE DELETE ON stripe_events BEGIN SELECT RAISE(ABORT, 'an event is counted once'); END`,
}
