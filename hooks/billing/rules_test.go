package billing_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/pocketbase/dbx"
	validation "github.com/pocketbase/ozzo-validation/v4"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/billing"
	"anteroom/hooks/kernel"
	"anteroom/hooks/testkit"
)

var (
	billingStaff = kernel.Actor{Kind: kernel.KindStaff, ID: testkit.Billing, Role: kernel.RoleBilling}
	owner        = kernel.Actor{Kind: kernel.KindOwner, ID: "owner"}
	ada          = kernel.Actor{Kind: kernel.KindClient, ID: testkit.AdaLogin, Client: testkit.Ada}
)

// wantRefused expects a field's refusal and that nothing in the database changed.
func wantRefused(t *testing.T, c *testkit.Clinic, before string, err error, code string) {
	t.Helper()
	var fields validation.Errors
	if !errors.As(err, &fields) {
		t.Fatalf("got %v, want a refusal %s", err, code)
	}
	for _, e := range fields {
		var v validation.Error
		if !errors.As(e, &v) || v.Code() != "validation_"+code {
			t.Errorf("refused with %v, want %s", fields, code)
		}
	}
	if c.Snapshot(t) != before {
		t.Error("a refused write changed something")
	}
}

// Nobody but the processor's event moves money, through any door: the hooks, the record API of staff and owner, SQL.
func TestOnlyTheProcessorSettles(t *testing.T) {
	c := testkit.New(t)
	invoice := bill(t, c, testkit.Ada, 4500)
	in := began(t, begin(t, c, testkit.AdaEmail, map[string]any{"invoiceId": invoice}), http.StatusCreated)
	for _, email := range []string{testkit.BillingEmail, testkit.AdminEmail, testkit.DeskEmail, testkit.AnaEmail, testkit.OwnerEmail, testkit.AdaEmail} {
		c.As(t, email)
	}
	before := c.Snapshot(t)

	for _, by := range []kernel.Actor{kernel.System(), ada, billingStaff, owner, {Kind: kernel.KindGuest}} {
		for _, status := range []collections.PaymentStatus{collections.PaymentSucceeded, collections.PaymentProcessing, collections.PaymentRefunded, collections.PaymentDisputed, collections.PaymentFailed} {
			p := paymentOf(t, c, in.PaymentID)
			p.SetStatus(status)
			wantRefused(t, c, before, kernel.SaveAs(c.App, by, p.ProxyRecord()), "not_by_hand")
		}
		for _, status := range []collections.InvoiceStatus{collections.InvoicePaid, collections.InvoicePartiallyPaid, collections.InvoiceRefunded} {
			i := invoiceOf(t, c, invoice)
			i.SetStatus(status)
			if err := kernel.SaveAs(c.App, by, i.ProxyRecord()); err == nil || c.Snapshot(t) != before {
				t.Errorf("%s made an invoice %s: %v", by.Kind, status, err)
			}
		}
		i := invoiceOf(t, c, invoice)
		i.SetPaid(4500)
		if err := kernel.SaveAs(c.App, by, i.ProxyRecord()); err == nil || c.Snapshot(t) != before {
			t.Errorf("%s set what was paid: %v", by.Kind, err)
		}
	}
	for _, email := range []string{testkit.BillingEmail, testkit.AdminEmail, testkit.DeskEmail, testkit.AnaEmail, testkit.OwnerEmail, testkit.AdaEmail, ""} {
		token := ""
		if email != "" {
			token = c.As(t, email)
		}
		for path, body := range map[string]map[string]any{
			"payments/records/" + in.PaymentID: {"status": "succeeded"},
			"invoices/records/" + invoice:      {"status": "paid", "paid_cents": 4500},
		} {
			if r := c.Do(t, "PATCH", "/api/collections/"+path, token, body); r.Status < 400 || c.Snapshot(t) != before {
				t.Errorf("%q changed %s: %d %s", email, path, r.Status, r.Body)
			}
		}
		for path, body := range map[string]map[string]any{
			"payments/records":      {"client": testkit.Ada, "invoice": invoice, "processor": "test", "amount_cents": 1, "currency": "usd", "status": "succeeded"},
			"stripe_events/records": {"event_id": "evt_mine", "type": "payment_intent.succeeded", "received_at": "2026-12-07 16:00:00.000Z"},
		} {
			if r := c.Do(t, "POST", "/api/collections/"+path, token, body); r.Status < 400 || c.Snapshot(t) != before {
				t.Errorf("%q wrote %s: %d %s", email, path, r.Status, r.Body)
			}
		}
		for _, path := range []string{"payments/records/" + in.PaymentID, "invoices/records/" + invoice} {
			if r := c.Do(t, "DELETE", "/api/collections/"+path, token, nil); r.Status < 400 || c.Snapshot(t) != before {
				t.Errorf("%q deleted %s: %d %s", email, path, r.Status, r.Body)
			}
		}
	}
	for _, by := range []kernel.Actor{owner, billingStaff, {Kind: kernel.KindClient, ID: testkit.BoLogin, Client: testkit.Bo}} {
		p := paymentOf(t, c, in.PaymentID)
		p.SetStatus(collections.PaymentCanceled)
		wantRefused(t, c, before, kernel.SaveAs(c.App, by, p.ProxyRecord()), "not_by_hand")
		p, err := collections.NewPayment(c.App, invoiceOf(t, c, invoice), 100)
		if err != nil {
			t.Fatal(err)
		}
		p.SetProcessor(collections.ProcessorTest)
		wantRefused(t, c, before, kernel.SaveAs(c.App, by, p.ProxyRecord()), "not_allowed")
	}
}

func TestWhatTheDatabaseNeverTakes(t *testing.T) {
	c := testkit.New(t)
	paid, open := bill(t, c, testkit.Ada, 4500), bill(t, c, testkit.Ada, 4500)
	p, err := billing.Pay(c.App, ada, paid, 0, "succeed")
	if err != nil {
		t.Fatal(err)
	}
	before := quiet(t, c)
	for _, statement := range []string{
		"UPDATE invoices SET paid_cents = 4501 WHERE id = {:paid}",
		"UPDATE invoices SET paid_cents = 1 WHERE id = {:open}",
		"UPDATE invoices SET paid_cents = 4500, status = 'paid' WHERE id = {:open}",
		"UPDATE invoices SET status = 'paid' WHERE id = {:open}",
		"UPDATE invoices SET total_cents = 1 WHERE id = {:paid}",
		"UPDATE invoices SET total_cents = 1 WHERE id = {:open}",
		"UPDATE invoices SET status = 'draft' WHERE id = {:open}",
		"DELETE FROM invoices WHERE id = {:open}",
		"INSERT INTO invoices (id, client, number, status, currency, total_cents, paid_cents) VALUES ('x', 'y', 'z', 'open', 'usd', 5, 5)",
		"UPDATE invoice_items SET unit_cents = 1, total_cents = 1 WHERE invoice = {:open}",
		"DELETE FROM invoice_items WHERE invoice = {:open}",
		"INSERT INTO invoice_items (id, client, invoice, quantity, total_cents) VALUES ('x', 'y', {:open}, 1, 5)",
		"UPDATE payments SET amount_cents = 1 WHERE id = {:payment}",
		"UPDATE payments SET invoice = {:open} WHERE id = {:payment}",
		"UPDATE payments SET status = 'pending' WHERE id = {:payment}",
		"UPDATE payments SET refunded_cents = 4501 WHERE id = {:payment}",
		"UPDATE payments SET intent_id = 'pi_other' WHERE id = {:payment}",
		"DELETE FROM payments",
		"UPDATE stripe_events SET event_id = 'other'",
		"DELETE FROM stripe_events",
	} {
		_, err := c.App.NonconcurrentDB().NewQuery(statement).Bind(dbx.Params{"paid": paid, "open": open, "payment": p.Id}).Execute()
		if err == nil {
			t.Errorf("taken: %s", statement)
		}
	}
	if c.Snapshot(t) != before {
		t.Error("a refused statement changed something")
	}
	// the index: one live attempt
	one := began(t, begin(t, c, testkit.AdaEmail, map[string]any{"invoiceId": open}), http.StatusCreated)
	_, err = c.App.NonconcurrentDB().NewQuery(`INSERT INTO payments (id, client, invoice, processor, status, amount_cents, currency)
		SELECT 'second000000000', client, invoice, processor, status, amount_cents, currency FROM payments WHERE id = {:p}`).Bind(dbx.Params{"p": one.PaymentID}).Execute()
	if err == nil {
		t.Error("an invoice has two live attempts")
	}
}

func TestAPaymentIsNeverOverMoreThanIsOwed(t *testing.T) {
	c := testkit.New(t)
	invoice, bos := bill(t, c, testkit.Ada, 4500), bill(t, c, testkit.Bo, 4500)
	before := c.Snapshot(t)
	for _, x := range []struct {
		invoice string
		set     map[string]any
		code    string
	}{
		{invoice, map[string]any{"amount_cents": 4501}, "range"},
		{invoice, map[string]any{"amount_cents": 0}, "range"},
		{invoice, map[string]any{"amount_cents": -1}, "range"},
		{invoice, map[string]any{"currency": "eur"}, "fixed"},
		{invoice, map[string]any{"status": "succeeded"}, "illegal_move"},
		{invoice, map[string]any{"receipt_number": "R-1"}, "illegal_move"},
		{invoice, map[string]any{"processor": "stripe"}, "unknown"},
		{invoice, map[string]any{"processor": "none"}, "unknown"},
		{invoice, map[string]any{"client": testkit.Bo}, "unknown"},
		{bos, map[string]any{"client": testkit.Ada}, "unknown"},
		{invoice, map[string]any{"invoice": "nothing00000000"}, "unknown"},
	} {
		p, err := collections.NewPayment(c.App, invoiceOf(t, c, x.invoice), 100)
		if err != nil {
			t.Fatal(err)
		}
		p.SetProcessor(collections.ProcessorTest)
		for k, v := range x.set {
			p.Set(k, v)
		}
		wantRefused(t, c, before, kernel.SaveAs(c.App, kernel.System(), p.ProxyRecord()), x.code)
	}
}

func newDraft(t *testing.T, c *testkit.Clinic) *collections.Invoice {
	t.Helper()
	return collections.AsInvoice(c.Add(t, collections.Invoices, map[string]any{"client": testkit.Ada, "status": "draft"}))
}

func line(t *testing.T, c *testkit.Clinic, of *collections.Invoice, quantity, unit any) *core.Record {
	t.Helper()
	i, err := collections.NewInvoiceItem(c.App, of)
	if err != nil {
		t.Fatal(err)
	}
	i.SetDescription(secret)
	i.Set("quantity", quantity)
	i.Set("unit_cents", unit)
	return i.ProxyRecord()
}

func TestAnInvoiceIsTheSumOfItsLines(t *testing.T) {
	c := testkit.New(t)
	draft := newDraft(t, c)
	want := func(subtotal, total int) {
		t.Helper()
		if i := invoiceOf(t, c, draft.Id); i.Subtotal() != subtotal || i.Total() != total {
			t.Errorf("it comes to %d and %d, want %d and %d", i.Subtotal(), i.Total(), subtotal, total)
		}
	}
	first := line(t, c, draft, 3, 1500)
	first.Set("total_cents", 1) // what was sent for a sum does not count
	for _, r := range []*core.Record{first, line(t, c, draft, 1, 250)} {
		if err := kernel.SaveAs(c.App, billingStaff, r); err != nil {
			t.Fatal(err)
		}
	}
	want(4750, 4750)
	i := invoiceOf(t, c, draft.Id)
	i.SetDiscount(750)
	i.SetTax(100)
	i.SetTotal(9)
	if err := kernel.SaveAs(c.App, billingStaff, i.ProxyRecord()); err != nil {
		t.Fatal(err)
	}
	want(4750, 4100)
	r := c.Find(t, collections.InvoiceItems, first.Id)
	r.Set("quantity", 1)
	if err := kernel.SaveAs(c.App, billingStaff, r); err != nil {
		t.Fatal(err)
	}
	want(1750, 1100)
	if err := kernel.DeleteAs(c.App, owner, c.Find(t, collections.InvoiceItems, first.Id)); err != nil {
		t.Fatal(err)
	}
	want(250, 100)

	before := c.Snapshot(t)
	i = invoiceOf(t, c, draft.Id)
	i.SetStatus(collections.InvoiceOpen)
	wantRefused(t, c, before, kernel.SaveAs(c.App, billingStaff, i.ProxyRecord()), "range") // discount beyond the lines
	for _, x := range []struct {
		quantity, unit any
		code           string
	}{
		{0, 100, "range"}, {-1, 100, "range"}, {1.5, 100, "range"}, {10001, 1, "range"}, {1e18, 1, "range"},
		{1, -100, "range"}, {1, 0.5, "range"}, {1, collections.MaxCents + 1, "range"}, {10000, collections.MaxCents, "range"}, {1, 1e300, "range"},
	} {
		wantRefused(t, c, before, kernel.SaveAs(c.App, billingStaff, line(t, c, draft, x.quantity, x.unit)), x.code)
	}
	for field, x := range map[string]struct {
		value any
		code  string
	}{"description": {"  ", "required"}, "client": {testkit.Bo, "fixed"}, "invoice": {"nothing00000000", "unknown"}, "appointment": {"nothing00000000", "unknown"}} {
		r := line(t, c, draft, 1, 100)
		r.Set(field, x.value)
		wantRefused(t, c, before, kernel.SaveAs(c.App, billingStaff, r), x.code)
	}
	for _, by := range []kernel.Actor{ada, {Kind: kernel.KindGuest}, {Kind: kernel.KindStaff, ID: testkit.AnaStaff, Role: kernel.RoleClinician}} {
		wantRefused(t, c, before, kernel.SaveAs(c.App, by, line(t, c, draft, 1, 100)), "not_allowed")
		wantRefused(t, c, before, kernel.SaveAs(c.App, by, invoiceOf(t, c, draft.Id).ProxyRecord()), "not_allowed")
		wantRefused(t, c, before, kernel.DeleteAs(c.App, by, invoiceOf(t, c, draft.Id).ProxyRecord()), "not_allowed")
	}
	full := line(t, c, draft, 1, collections.MaxCents)
	wantRefused(t, c, before, kernel.SaveAs(c.App, billingStaff, full), "max") // with the line that is there
}

func TestAnIssuedInvoiceDoesNotChange(t *testing.T) {
	c := testkit.New(t)
	invoice := bill(t, c, testkit.Ada, 4500)
	item := c.Count(t, "invoice_items", "", nil)
	if item != 1 {
		t.Fatal(item)
	}
	lines, err := collections.ItemsOf(c.App, invoice)
	if err != nil {
		t.Fatal(err)
	}
	before := c.Snapshot(t)
	for field, value := range map[string]any{"client": testkit.Bo, "number": "INV-1", "currency": "eur", "total_cents": 1, "subtotal_cents": 1,
		"discount_cents": 1, "tax_cents": 1, "issued_on": "2026-01-01", "paid_cents": 1, "refunded_cents": 1} {
		for _, by := range []kernel.Actor{billingStaff, owner, kernel.System()} {
			r := c.Find(t, collections.Invoices, invoice)
			r.Set(field, value)
			wantRefused(t, c, before, kernel.SaveAs(c.App, by, r), "fixed")
		}
	}
	for _, day := range []string{"2026-02-30", "2026-12-06", "soon"} {
		r := c.Find(t, collections.Invoices, invoice)
		r.Set("due_on", day)
		if err := kernel.SaveAs(c.App, billingStaff, r); err == nil || c.Snapshot(t) != before {
			t.Errorf("due on %s: %v", day, err)
		}
	}
	r := invoiceOf(t, c, invoice)
	r.SetStatus(collections.InvoiceDraft)
	wantRefused(t, c, before, kernel.SaveAs(c.App, owner, r.ProxyRecord()), "illegal_move")
	wantRefused(t, c, before, kernel.SaveAs(c.App, owner, line(t, c, r, 1, 100)), "fixed")
	wantRefused(t, c, before, kernel.DeleteAs(c.App, owner, lines[invoice][0].ProxyRecord()), "fixed")
	wantRefused(t, c, before, kernel.DeleteAs(c.App, owner, c.Find(t, collections.Invoices, invoice)), "kept")
	item0 := lines[invoice][0].ProxyRecord()
	item0.Set("description", "something else")
	wantRefused(t, c, before, kernel.SaveAs(c.App, owner, item0), "fixed")

	// a later day to pay by, and withdrawing it, are the clinic's to decide
	r = invoiceOf(t, c, invoice)
	r.SetDueOn("2027-01-31")
	if err := kernel.SaveAs(c.App, billingStaff, r.ProxyRecord()); err != nil {
		t.Fatal(err)
	}
	r.SetStatus(collections.InvoiceVoid)
	if err := kernel.SaveAs(c.App, billingStaff, r.ProxyRecord()); err != nil {
		t.Fatal(err)
	}
	before = c.Snapshot(t)
	r.SetStatus(collections.InvoiceOpen)
	wantRefused(t, c, before, kernel.SaveAs(c.App, owner, r.ProxyRecord()), "illegal_move")
}

func TestAnInvoiceBeginsAsADraft(t *testing.T) {
	c := testkit.New(t)
	before := c.Snapshot(t)
	for _, status := range []collections.InvoiceStatus{collections.InvoiceOpen, collections.InvoicePaid, collections.InvoiceVoid} {
		i, err := collections.NewInvoice(c.App)
		if err != nil {
			t.Fatal(err)
		}
		i.SetClient(testkit.Ada)
		i.SetStatus(status)
		wantRefused(t, c, before, kernel.SaveAs(c.App, owner, i.ProxyRecord()), "illegal_move")
	}
	draft := newDraft(t, c)
	if draft.Number() != "INV-2026-000001" || draft.Currency() != "usd" || draft.Total() != 0 {
		t.Errorf("%s %s %d", draft.Number(), draft.Currency(), draft.Total())
	}
	before = c.Snapshot(t)
	draft.SetStatus(collections.InvoiceOpen)
	wantRefused(t, c, before, kernel.SaveAs(c.App, billingStaff, draft.ProxyRecord()), "no_items")
	free := newDraft(t, c)
	if err := kernel.SaveAs(c.App, billingStaff, line(t, c, free, 1, 0)); err != nil {
		t.Fatal(err)
	}
	before = c.Snapshot(t)
	i := invoiceOf(t, c, free.Id)
	i.SetStatus(collections.InvoiceOpen)
	wantRefused(t, c, before, kernel.SaveAs(c.App, billingStaff, i.ProxyRecord()), "range")
	if free.Number() != "INV-2026-000002" {
		t.Error(free.Number())
	}
}

// A clerk's form was loaded before the client paid.
func TestAStaleFormDoesNotUnpay(t *testing.T) {
	c := testkit.New(t)
	invoice := bill(t, c, testkit.Ada, 4500)
	stale := c.Find(t, collections.Invoices, invoice)
	if _, err := billing.Pay(c.App, ada, invoice, 0, "succeed"); err != nil {
		t.Fatal(err)
	}
	before := quiet(t, c)
	stale.Set("due_on", "2027-01-31")
	if err := kernel.SaveAs(c.App, billingStaff, stale); err == nil || c.Snapshot(t) != before {
		t.Errorf("the stale form was saved: %v", err)
	}
}

func TestDeskIssuesAnInvoice(t *testing.T) {
	c := testkit.New(t)
	path := kernel.Desk + "/invoices"
	body := map[string]any{"clientId": testkit.Ada, "dueOn": "2026-12-31", "discountCents": 500,
		"items": []map[string]any{{"description": secret, "quantity": 2, "unitCents": 2500, "serviceId": testkit.Therapy}, {"description": "Copy of records", "unitCents": 300}}}
	for email, status := range map[string]int{"": 401, testkit.AdaEmail: 403, testkit.AnaEmail: 403} {
		token := ""
		if email != "" {
			token = c.As(t, email)
		}
		c.Do(t, "POST", path, token, body).Refused(t, status, "")
	}
	c.As(t, testkit.BillingEmail)
	before := c.Snapshot(t)
	for want, x := range map[string]map[string]any{
		"items.1.unitCents":   {"clientId": testkit.Ada, "items": []map[string]any{{"description": "a", "unitCents": 1}, {"description": "b", "unitCents": -1}}},
		"items.0.description": {"clientId": testkit.Ada, "items": []map[string]any{{"unitCents": 1}}},
		"items.0.quantity":    {"clientId": testkit.Ada, "items": []map[string]any{{"description": "a", "quantity": -2, "unitCents": 1}}},
		"status":              {"clientId": testkit.Ada, "items": []map[string]any{}},
		"discountCents":       {"clientId": testkit.Ada, "discountCents": 2, "items": []map[string]any{{"description": "a", "unitCents": 1}}},
		"dueOn":               {"clientId": testkit.Ada, "dueOn": "2026-12-01", "items": []map[string]any{{"description": "a", "unitCents": 1}}},
	} {
		got := c.Do(t, "POST", path, c.As(t, testkit.BillingEmail), x).Refused(t, http.StatusBadRequest, "")
		if _, ok := got.Details.Fields[want]; !ok || c.Snapshot(t) != before {
			t.Errorf("%s: refused with %+v", want, got)
		}
	}
	c.Do(t, "POST", path, c.As(t, testkit.BillingEmail), map[string]any{"clientId": "nothing00000000"}).Refused(t, http.StatusNotFound, "")

	r := c.Do(t, "POST", path, c.As(t, testkit.BillingEmail), body)
	if r.Status != http.StatusCreated {
		t.Fatalf("%d %s", r.Status, r.Body)
	}
	var i billing.Invoice
	r.Data(t, &i)
	if i.Status != "open" || i.SubtotalCents != 5300 || i.TotalCents != 4800 || i.BalanceCents != 4800 || i.DueOn != "2026-12-31" || i.IssuedOn != "2026-12-07" ||
		len(i.Items) != 2 || i.Items[0].Description != secret || i.Items[0].TotalCents != 5000 || i.Items[1].Quantity != 1 {
		t.Errorf("%+v", i)
	}
	if n := c.Count(t, "portal_notifications", "notification_type = 'invoice_issued' AND portal_user = {:u}", dbx.Params{"u": testkit.AdaLogin}); n != 1 {
		t.Errorf("Ada was told %d times", n)
	}

	// in the dashboard, those who handle money read what is charged for; a clinician reads no invoices
	for email, want := range map[string]bool{testkit.BillingEmail: true, testkit.DeskEmail: true, testkit.AnaEmail: false} {
		got := c.Do(t, "GET", "/api/collections/invoice_items/records", c.As(t, email), nil)
		if has := strings.Contains(string(got.Body), secret); has != want {
			t.Errorf("%s reads the description: %v, %d %s", email, has, got.Status, got.Body)
		}
	}
}
