package hooks_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"anteroom/collections"
	"anteroom/hooks/billing"
	"anteroom/hooks/kernel"
	"anteroom/hooks/testkit"
)

const paymentsPath = kernel.Portal + "/payments"

// owed makes invoices of Ada's over 45 dollars each: open, with one attempt that was closed (closed) and one that is
// live (attempt); paid, by a payment and the event that settled it; and draft. openItem and draftItem are their lines.
func owed(w *world) {
	w.t.Helper()
	for _, key := range []string{"open", "paid"} {
		i, err := billing.Issue(w.App, billingActor, billing.Bill{Client: testkit.Ada, Items: []billing.Line{{Description: "Session", UnitCents: 4500}}})
		if err != nil {
			w.t.Fatal(err)
		}
		w.id[key] = i.Id
	}
	w.id["draft"] = w.Add(w.t, "invoices", map[string]any{"client": testkit.Ada, "status": "draft"}).Id
	w.id["draftItem"] = w.Add(w.t, "invoice_items", map[string]any{"invoice": w.id["draft"], "description": "Session", "quantity": 1, "unit_cents": 4500}).Id
	item, err := w.App.FindFirstRecordByData("invoice_items", "invoice", w.id["open"])
	if err != nil {
		w.t.Fatal(err)
	}
	w.id["openItem"] = item.Id
	for _, a := range []struct {
		key   string
		cents int
	}{{"closed", 100}, {"attempt", 4500}} {
		var began struct{ PaymentID string }
		w.api("POST", paymentsPath+"/intent", testkit.AdaEmail, map[string]any{"invoiceId": "{open}", "amountCents": a.cents},
			"Idempotency-Key", a.key).Data(w.t, &began)
		w.id[a.key] = began.PaymentID
	}
	p, err := billing.Pay(w.App, adaActor, w.id["paid"], 0, "succeed")
	if err != nil || p.Status() != collections.PaymentSucceeded {
		w.t.Fatal("not paid: ", err)
	}
	w.id["payment"] = p.Id
	event, err := w.App.FindFirstRecordByData("stripe_events", "object_id", p.Intent())
	if err != nil {
		w.t.Fatal(err)
	}
	w.id["event"], w.id["eventID"] = event.Id, event.GetString("event_id")
}

// delivers sends the webhook an event that says that a payment succeeded, signed with a secret at an instant.
func delivers(what, want, eventID, payment, secret string, age time.Duration) try {
	return try{what, want, func(w *world) any {
		p := w.Find(w.t, "payments", w.fill(payment))
		payload, err := json.Marshal(map[string]any{"id": w.fill(eventID), "object": "event", "api_version": w.cell("stripe_events", "api_version", "{event}"),
			"created": kernel.Now(w.App).Unix(), "livemode": false, "pending_webhooks": 1, "type": "payment_intent.succeeded",
			"data": map[string]any{"object": map[string]any{"id": p.GetString("intent_id"), "object": "payment_intent", "amount": p.GetInt("amount_cents"),
				"amount_received": p.GetInt("amount_cents"), "currency": p.GetString("currency"), "livemode": false, "status": "succeeded",
				"metadata": map[string]string{"payment": p.Id}}}})
		if err != nil {
			w.t.Fatal(err)
		}
		at := time.Now().Add(-age).Unix()
		mac := hmac.New(sha256.New, []byte(secret))
		fmt.Fprintf(mac, "%d.%s", at, payload)
		return w.Do(w.t, "POST", kernel.Portal+"/stripe/webhook", "", payload, "Stripe-Signature", fmt.Sprintf("t=%d,v1=%s", at, hex.EncodeToString(mac.Sum(nil))))
	}, nil}
}

var (
	whoBill = []string{testkit.BillingEmail, testkit.DeskEmail, testkit.AdminEmail}
	billers = []kernel.Actor{billingActor, deskActor, adminActor, ownerActor, processor}
	// everybody but the processor
	byHand = []kernel.Actor{adaActor, boActor, guestActor, deskActor, anaActor, adminActor, billingActor, ownerActor}
)

func moneyRules() []rule {
	return []rule{issuedStays(), neverPaidBeyond(), onlyTheProcessorSettles(), countsOnce(), oneLiveAttempt(), paymentStays()}
}

func issuedStays() rule {
	type change struct{ field, value, code string }
	changes := []change{{"discount_cents", "100", "fixed"}, {"tax_cents", "100", "fixed"}, {"total_cents", "1", "fixed"}, {"subtotal_cents", "1", "fixed"},
		{"client", testkit.Bo, "fixed"}, {"number", "INV-0000-000001", "fixed"}, {"currency", "eur", "fixed"}, {"issued_on", "2026-01-01", "fixed"},
		{"status", "draft", "illegal_move"}}
	var staff, byOwner, bySystem, stamped, statements []try
	for _, c := range changes {
		body, code := map[string]any{c.field: c.value}, c.field+":"+c.code
		staff = append(staff, patches(whoBill, "invoices", "{open}", body, "400 "+code)...)
		byOwner = append(byOwner, patches(owner, "invoices", "{open}", body, "400 "+code)...)
		bySystem = append(bySystem, saves(system, "invoices", "{open}", body, code)...)
		stamped = append(stamped, saves(billers, "invoices", "{open}", body, code)...)
		statements = append(statements, runs("UPDATE invoices SET "+c.field+" = '"+c.value+"' WHERE id = '{open}'", "sql: an issued invoice does not change"))
	}
	line := map[string]any{"invoice": "{open}", "client": testkit.Ada, "description": "More", "quantity": 1, "unit_cents": 100}
	cheaper, moved := map[string]any{"unit_cents": 1}, map[string]any{"invoice": "{open}"}
	none := []kernel.Actor{adaActor, guestActor, anaActor}
	return rule{
		name:  "An issued invoice stays as it was issued",
		given: owed,
		doors: with(shut("invoices", "UPDATE invoices SET total_cents = 1 WHERE id = '{open}'"), map[door]cell{
			portalDoor: notADoor("no route of clients writes an invoice: they only pay it"),
			deskDoor:   notADoor("the desk only issues new invoices: no route names an old one"),
			staffDoor: among(staff, posts(whoBill, "invoice_items", line, "400 invoice:fixed"), patches(whoBill, "invoice_items", "{openItem}", cheaper, "400 invoice:fixed"),
				patches(whoBill, "invoice_items", "{draftItem}", moved, "400 invoice:fixed"),
				deletes(allStaff, "invoices", "{open}", "403"), deletes(allStaff, "invoice_items", "{openItem}", "403"),
				patches([]string{testkit.AnaEmail}, "invoices", "{open}", map[string]any{"discount_cents": 100}, "404"),
				patches([]string{testkit.AnaEmail}, "invoice_items", "{openItem}", cheaper, "404"),
				posts([]string{testkit.AnaEmail}, "invoice_items", line, "400")),
			ownerDoor: among(byOwner, posts(owner, "invoice_items", line, "400 invoice:fixed"), patches(owner, "invoice_items", "{openItem}", cheaper, "400 invoice:fixed"),
				deletes(owner, "invoices", "{open}", "400 status:kept"), deletes(owner, "invoice_items", "{openItem}", "400 invoice:fixed")),
			systemDoor: among(bySystem, creates(system, "invoice_items", line, "invoice:fixed"), saves(system, "invoice_items", "{openItem}", cheaper, "invoice:fixed"),
				erases(system, "invoices", "{open}", "status:kept"), erases(system, "invoice_items", "{openItem}", "invoice:fixed")),
			stampedDoor: among(stamped, creates(billers, "invoice_items", line, "invoice:fixed"),
				saves(none, "invoices", "{open}", map[string]any{"discount_cents": 100}, "client:not_allowed"),
				saves(none, "invoice_items", "{openItem}", cheaper, "client:not_allowed"), creates(none, "invoice_items", line, "client:not_allowed"),
				erases(none, "invoices", "{open}", "client:not_allowed"), erases(billers, "invoices", "{open}", "status:kept")),
			unvalidateDoor: attempts(unvalidated("invoices", "{open}", map[string]any{"discount_cents": 100}, "discount_cents:fixed"),
				unvalidated("invoice_items", "{openItem}", cheaper, "invoice:fixed"), unvalidatedNew("invoice_items", line, "invoice:fixed")),
			sqlDoor: among(statements, []try{
				runs("DELETE FROM invoices WHERE id = '{open}'", "sql: an issued invoice is kept"),
				inserts("INSERT OR REPLACE", "invoices", "{open}", map[string]string{"total_cents": "1"}, "sql: an issued invoice is kept"),
				runs("UPDATE OR REPLACE invoices SET number = (SELECT number FROM invoices WHERE id = '{open}') WHERE id = '{draft}'", "sql: an issued invoice is kept"),
				runs("UPDATE invoice_items SET unit_cents = 1 WHERE id = '{openItem}'", "sql: an issued invoice does not change"),
				runs("UPDATE invoice_items SET invoice = '{open}' WHERE id = '{draftItem}'", "sql: an issued invoice does not change"),
				runs("DELETE FROM invoice_items WHERE id = '{openItem}'", "sql: an issued invoice does not change"),
				inserts("INSERT", "invoice_items", "{openItem}", map[string]string{"id": "'anotherline0000'"}, "sql: an issued invoice does not change"),
				inserts("INSERT OR REPLACE", "invoice_items", "{openItem}", map[string]string{"unit_cents": "1"}, "sql: an issued invoice does not change"),
			}),
		}),
	}
}

func neverPaidBeyond() rule {
	paid, more := map[string]any{"paid_cents": 4500}, map[string]any{"paid_cents": 4501}
	status := map[string]any{"status": "paid"}
	tooMuch := map[string]any{"client": testkit.Ada, "invoice": "{open}", "processor": "test", "amount_cents": 4501, "currency": "usd", "status": "pending"}
	nothing := map[string]any{"client": testkit.Ada, "invoice": "{open}", "processor": "test", "amount_cents": 0, "currency": "usd", "status": "pending"}
	born := map[string]any{"client": testkit.Ada, "status": "draft", "paid_cents": 4500, "total_cents": 4500}
	statement := "UPDATE invoices SET paid_cents = 4501 WHERE id = '{paid}'"
	beginsUnpaid := func(w *world) string {
		if n := w.Count(w.t, "invoices", "status = 'draft' AND paid_cents <> 0", nil); n > 0 {
			return fmt.Sprint(n, " drafts are paid")
		}
		return ""
	}
	pays := func(what, invoice string, cents int, want string) try {
		return try{what, want, func(w *world) any {
			return w.api("POST", paymentsPath+"/intent", testkit.AdaEmail, map[string]any{"invoiceId": invoice, "amountCents": cents}, "Idempotency-Key", what)
		}, nil}
	}
	return rule{
		name: "An invoice is paid by its payments, and never beyond its total",
		given: func(w *world) {
			owed(w)
			// money that came in late, by an attempt that was closed before: more was taken than the invoice comes to
			late := inserts("INSERT", "payments", "{payment}", map[string]string{"id": "'latelatelate000'", "intent_id": "'pi_late'", "receipt_number": "'R-late'"}, "")
			if answer := said(late.do(w)); answer != "done" {
				w.t.Fatal(answer)
			}
		},
		doors: with(shut("invoices", statement), map[door]cell{
			portalDoor: attempts(pays("Ada pays a cent more", "{open}", 4501, "400 AMOUNT_INVALID amountCents:range"),
				pays("Ada pays less than nothing", "{open}", -1, "400 AMOUNT_INVALID amountCents:range"),
				pays("Ada pays what is paid", "{paid}", 1, "409 ALREADY_PAID")),
			deskDoor: notADoor("the desk issues invoices unpaid and takes no money"),
			staffDoor: among(patches(whoBill, "invoices", "{open}", paid, "400 paid_cents:fixed"), patches(whoBill, "invoices", "{open}", status, "400 status:not_by_hand"),
				patches(whoBill, "invoices", "{paid}", map[string]any{"paid_cents": 0}, "400 paid_cents:fixed"), posts(allStaff, "payments", tooMuch, "403")),
			ownerDoor: among(patches(owner, "invoices", "{open}", paid, "400 paid_cents:fixed"), patches(owner, "invoices", "{open}", status, "400 status:not_by_hand"),
				posts(owner, "payments", tooMuch, "400 client:not_allowed"), []try{{"an invoice that begins paid", "200", func(w *world) any {
					return w.api("POST", records("invoices"), testkit.OwnerEmail, born)
				}, beginsUnpaid}}),
			systemDoor: among(saves(system, "invoices", "{open}", paid, "paid_cents:fixed"), saves(system, "invoices", "{open}", status, "status:not_by_hand"),
				creates(system, "payments", tooMuch, "amount_cents:range"), creates(system, "payments", nothing, "amount_cents:range")),
			stampedDoor: among(saves([]kernel.Actor{billingActor, deskActor, adminActor, ownerActor}, "invoices", "{open}", paid, "paid_cents:fixed"),
				saves([]kernel.Actor{adaActor, guestActor, anaActor}, "invoices", "{open}", paid, "client:not_allowed"),
				saves([]kernel.Actor{processor}, "invoices", "{open}", paid, "sql: an invoice is paid by its payments"),
				saves([]kernel.Actor{processor}, "invoices", "{open}", status, "sql: an invoice is paid by its payments"),
				saves([]kernel.Actor{processor}, "invoices", "{paid}", more, "sql: an invoice cannot be paid beyond its total"),
				creates([]kernel.Actor{adaActor}, "payments", tooMuch, "amount_cents:range"), creates([]kernel.Actor{adaActor}, "payments", nothing, "amount_cents:range"),
				creates([]kernel.Actor{billingActor, ownerActor, boActor}, "payments", tooMuch, "client:not_allowed")),
			unvalidateDoor: attempts(unvalidated("invoices", "{open}", paid, "paid_cents:fixed"), unvalidatedNew("payments", tooMuch, "amount_cents:range", adaActor)),
			sqlDoor: attempts(runs(statement, "sql: an invoice cannot be paid beyond its total"),
				runs("UPDATE invoices SET paid_cents = 1 WHERE id = '{open}'", "sql: an invoice is paid by its payments"),
				runs("UPDATE invoices SET status = 'paid' WHERE id = '{open}'", "sql: an invoice is paid by its payments"),
				inserts("INSERT", "invoices", "{paid}", map[string]string{"id": "'paidbirth000000'", "number": "'x'"}, "sql: an invoice begins unpaid"),
				inserts("INSERT OR REPLACE", "invoices", "{open}", map[string]string{"paid_cents": "4500"}, "sql: an invoice begins unpaid")),
		}),
	}
}

func onlyTheProcessorSettles() rule {
	var staff, byOwner, bySystem, stamped []try
	for _, s := range []string{"succeeded", "processing", "failed", "refunded"} {
		to := map[string]any{"status": s}
		staff = append(staff, patches(allStaff, "payments", "{attempt}", to, "403")...)
		byOwner = append(byOwner, patches(owner, "payments", "{attempt}", to, "400 status:not_by_hand")...)
		bySystem = append(bySystem, saves(system, "payments", "{attempt}", to, "status:not_by_hand")...)
		stamped = append(stamped, saves(byHand, "payments", "{attempt}", to, "status:not_by_hand")...)
	}
	born := map[string]any{"client": testkit.Ada, "invoice": "{open}", "processor": "test", "amount_cents": 4500, "currency": "usd", "status": "succeeded"}
	event := map[string]any{"event_id": "evt_mine", "type": "payment_intent.succeeded", "received_at": slot}
	return rule{
		name:  "Only a signed event of the processor settles a payment",
		given: owed,
		doors: with(shut("payments", "UPDATE payments SET status = 'succeeded' WHERE id = '{attempt}'"), map[door]cell{
			portalDoor: attempts(delivers("an event under another secret", "400 SIGNATURE_INVALID", "evt_forged", "{attempt}", "whsec_guessed", 0),
				delivers("an event under no secret", "400 SIGNATURE_INVALID", "evt_forged", "{attempt}", "", 0),
				delivers("an event that is old", "400 TOO_OLD", "evt_forged", "{attempt}", testkit.WebhookSecret, 10*time.Minute),
				try{"an event that is not signed", "400 SIGNATURE_INVALID", func(w *world) any {
					return w.api("POST", kernel.Portal+"/stripe/webhook", "", map[string]any{"id": "evt_forged", "type": "payment_intent.succeeded"})
				}, nil},
				try{"Bo confirms Ada's payment", "404 NOT_FOUND", func(w *world) any {
					return w.api("POST", paymentsPath+"/{attempt}/test-confirm", testkit.BoEmail, map[string]any{"outcome": "succeed"})
				}, nil}),
			deskDoor:   notADoor("no route of the desk names a payment"),
			staffDoor:  among(staff, posts(allStaff, "payments", born, "403"), posts(allStaff, "stripe_events", event, "403")),
			ownerDoor:  among(byOwner, posts(owner, "payments", born, "400 client:not_allowed"), posts(owner, "stripe_events", event, "400 event_id:not_by_hand")),
			systemDoor: among(bySystem, creates(system, "payments", born, "status:illegal_move"), creates(system, "stripe_events", event, "event_id:not_by_hand")),
			stampedDoor: among(stamped, creates([]kernel.Actor{adaActor}, "payments", born, "status:illegal_move"),
				creates(byHand[1:], "payments", born, "client:not_allowed"), creates(byHand, "stripe_events", event, "event_id:not_by_hand")),
			unvalidateDoor: attempts(unvalidated("payments", "{attempt}", map[string]any{"status": "succeeded"}, "status:not_by_hand"),
				unvalidatedNew("payments", born, "status:illegal_move"), unvalidatedNew("stripe_events", event, "event_id:not_by_hand")),
			sqlDoor: notADoor("a database cannot know who says so; nothing of ours writes payments by SQL or acts as the processor but the webhook (TestNoCodeGoesAround)"),
		}),
	}
}

func countsOnce() rule {
	again := map[string]any{"event_id": "{eventID}", "type": "payment_intent.succeeded", "received_at": slot}
	other := map[string]any{"event_id": "evt_other"}
	const table, once = "stripe_events", "sql: an event is counted once"
	return rule{
		name:  "An event of the processor counts once",
		given: owed,
		doors: with(shut(table, "DELETE FROM stripe_events"), map[door]cell{
			// the sender is told that it was received, or it would send for days; nothing changes
			portalDoor: attempts(delivers("the same event once more", "200", "{eventID}", "{payment}", testkit.WebhookSecret, 0),
				delivers("the same event with another payment in it", "200", "{eventID}", "{attempt}", testkit.WebhookSecret, 0),
				try{"the test processor repeats itself", "202", func(w *world) any {
					return w.api("POST", paymentsPath+"/{payment}/test-confirm", testkit.AdaEmail, map[string]any{"outcome": "succeed"})
				}, nil}),
			deskDoor: notADoor("no route of the desk takes an event"),
			staffDoor: among(posts(allStaff, table, again, "403"), patches(allStaff, table, "{event}", other, "403"),
				deletes(allStaff, table, "{event}", "403")),
			ownerDoor: among(posts(owner, table, again, "400 event_id:not_by_hand"), patches(owner, table, "{event}", other, "400 event_id:not_by_hand"),
				deletes(owner, table, "{event}", "400 id:kept")),
			systemDoor: among(saves(system, table, "{event}", other, "event_id:not_by_hand"), erases(system, table, "{event}", "id:kept")),
			stampedDoor: among(creates([]kernel.Actor{processor}, table, again, "event_id:not_unique"), saves(append(byHand, processor), table, "{event}", other, "event_id:not_by_hand"),
				erases(append(byHand, processor), table, "{event}", "id:kept")),
			unvalidateDoor: attempts(unvalidatedNew(table, again, "event_id:not_unique", processor), unvalidated(table, "{event}", other, "event_id:not_by_hand", processor)),
			sqlDoor: attempts(inserts("INSERT", table, "{event}", map[string]string{"id": "'anotherevent000'"}, "sql: UNIQUE constraint failed: stripe_events.event_id"),
				inserts("INSERT OR REPLACE", table, "{event}", map[string]string{"id": "'anotherevent000'"}, once),
				runs("UPDATE stripe_events SET event_id = 'evt_other'", once), runs("DELETE FROM stripe_events", once)),
		}),
	}
}

func oneLiveAttempt() rule {
	second := map[string]any{"client": testkit.Ada, "invoice": "{open}", "processor": "test", "amount_cents": 100, "currency": "usd", "status": "pending"}
	const taken = "sql: UNIQUE constraint failed: payments.invoice"
	return rule{
		name:  "An invoice has one live attempt to pay it",
		given: owed,
		doors: with(shut("payments", "UPDATE payments SET status = 'pending' WHERE id = '{closed}'"), map[door]cell{
			portalDoor: attempts(try{"Ada begins to pay again", "200", func(w *world) any {
				return w.api("POST", paymentsPath+"/intent", testkit.AdaEmail, map[string]any{"invoiceId": "{open}"}, "Idempotency-Key", "again")
			}, func(w *world) string {
				if n := w.Count(w.t, "payments", "invoice = '"+w.id["open"]+"'", nil); n != 2 {
					return fmt.Sprint(n, " attempts")
				}
				return ""
			}}),
			deskDoor:       notADoor("no route of the desk begins a payment"),
			staffDoor:      among(posts(allStaff, "payments", second, "403"), patches(allStaff, "payments", "{closed}", map[string]any{"status": "pending"}, "403")),
			ownerDoor:      among(posts(owner, "payments", second, "400 client:not_allowed"), patches(owner, "payments", "{closed}", map[string]any{"status": "pending"}, "400 status:not_by_hand")),
			systemDoor:     among(creates(system, "payments", second, "invoice:not_unique"), saves(system, "payments", "{closed}", map[string]any{"status": "pending"}, "status:illegal_move")),
			stampedDoor:    among(creates([]kernel.Actor{adaActor}, "payments", second, "invoice:not_unique"), creates(byHand[1:], "payments", second, "client:not_allowed")),
			unvalidateDoor: attempts(unvalidatedNew("payments", second, "invoice:not_unique"), unvalidatedNew("payments", second, "invoice:not_unique", adaActor)),
			sqlDoor: attempts(inserts("INSERT", "payments", "{attempt}", map[string]string{"id": "'anotherattempt0'", "intent_id": "''"}, taken),
				runs("UPDATE payments SET status = 'pending' WHERE id = '{closed}'", taken),
				inserts("INSERT OR REPLACE", "payments", "{attempt}", map[string]string{"id": "'anotherattempt0'", "intent_id": "''"}, "sql: a payment is kept"),
				runs("UPDATE OR REPLACE payments SET status = 'pending' WHERE id = '{closed}'", "sql: a payment is kept")),
		}),
	}
}

func paymentStays() rule {
	type change struct{ field, value string }
	changes := []change{{"amount_cents", "1"}, {"invoice", "{paid}"}, {"client", testkit.Bo}, {"currency", "eur"}, {"processor", "none"}}
	var staff, byOwner, bySystem, stamped, statements []try
	for _, c := range changes {
		body := map[string]any{c.field: c.value}
		staff = append(staff, patches(allStaff, "payments", "{attempt}", body, "403")...)
		byOwner = append(byOwner, patches(owner, "payments", "{attempt}", body, "400 status:not_by_hand")...)
		bySystem = append(bySystem, saves(system, "payments", "{attempt}", body, c.field+":fixed")...)
		stamped = append(stamped, saves([]kernel.Actor{processor}, "payments", "{attempt}", body, c.field+":fixed")...)
		stamped = append(stamped, saves([]kernel.Actor{adminActor, billingActor, ownerActor, boActor}, "payments", "{attempt}", body, "status:not_by_hand")...)
		statements = append(statements, runs("UPDATE payments SET "+c.field+" = '"+c.value+"' WHERE id = '{attempt}'", "sql: what a payment is about does not change"))
	}
	back := map[string]any{"status": "pending"}
	return rule{
		name:  "A payment stays what it was begun for, and money taken stays taken",
		given: owed,
		doors: with(shut("payments", "DELETE FROM payments"), map[door]cell{
			portalDoor: notADoor("no route of clients changes a payment but by the processor's events"),
			deskDoor:   notADoor("no route of the desk names a payment"),
			staffDoor:  among(staff, deletes(allStaff, "payments", "{attempt}", "403")),
			ownerDoor:  among(byOwner, patches(owner, "payments", "{payment}", back, "400 status:not_by_hand"), deletes(owner, "payments", "{attempt}", "400 id:kept")),
			systemDoor: among(bySystem, saves(system, "payments", "{payment}", back, "status:illegal_move"), erases(system, "payments", "{attempt}", "id:kept")),
			stampedDoor: among(stamped, saves([]kernel.Actor{processor}, "payments", "{payment}", back, "status:illegal_move"),
				saves([]kernel.Actor{processor}, "payments", "{payment}", map[string]any{"refunded_cents": 4501}, "sql: no more is given back than was taken"),
				erases(append(byHand, processor), "payments", "{payment}", "id:kept")),
			unvalidateDoor: attempts(unvalidated("payments", "{attempt}", map[string]any{"amount_cents": 1}, "amount_cents:fixed"), unvalidated("payments", "{payment}", back, "status:illegal_move", processor)),
			sqlDoor: among(statements, []try{
				runs("UPDATE payments SET intent_id = 'pi_other' WHERE id = '{payment}'", "sql: what a payment is about does not change"),
				runs("UPDATE payments SET receipt_number = 'R-0' WHERE id = '{payment}'", "sql: what a payment is about does not change"),
				runs("UPDATE payments SET status = 'pending' WHERE id = '{payment}'", "sql: money taken stays taken"),
				runs("UPDATE payments SET refunded_cents = 4501 WHERE id = '{payment}'", "sql: no more is given back than was taken"),
				runs("DELETE FROM payments", "sql: a payment is kept"),
				inserts("INSERT OR REPLACE", "payments", "{payment}", map[string]string{"amount_cents": "1"}, "sql: a payment is kept"),
			}),
		}),
	}
}
