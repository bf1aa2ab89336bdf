package billing_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"anteroom/collections"
	"anteroom/hooks/kernel"
	"anteroom/hooks/testkit"
)

func intentObject(id string, cents int, currency string) map[string]any {
	return map[string]any{"id": id, "object": "payment_intent", "amount": cents, "amount_received": cents, "currency": currency, "status": "succeeded"}
}

// waiting is a clinic with one attempt of 4500 cents under way at the fake Stripe.
func waiting(t *testing.T) (*testkit.Clinic, *fakeStripe, *collections.Payment) {
	t.Helper()
	c, stripe := withStripe(t)
	in := began(t, begin(t, c, testkit.AdaEmail, map[string]any{"invoiceId": bill(t, c, testkit.Ada, 4500)}), http.StatusCreated)
	return c, stripe, paymentOf(t, c, in.PaymentID)
}

func TestForgedAndOldEventsAreRefused(t *testing.T) {
	c, _, p := waiting(t)
	good := eventJSON("evt_good", "payment_intent.succeeded", intentObject(p.Intent(), 4500, "usd"), testkit.Monday)
	now := time.Now()
	before := c.Snapshot(t)
	for name, x := range map[string]struct {
		payload []byte
		header  string
		reason  string
	}{
		"no signature":              {good, "", "SIGNATURE_INVALID"},
		"garbage":                   {good, "garbage", "SIGNATURE_INVALID"},
		"no time":                   {good, strings.SplitN(sign(good, fakeSecret, now), ",", 2)[1], "SIGNATURE_INVALID"},
		"another secret":            {good, sign(good, "whsec_other", now), "SIGNATURE_INVALID"},
		"an empty secret":           {good, sign(good, "", now), "SIGNATURE_INVALID"},
		"another scheme":            {good, strings.Replace(sign(good, fakeSecret, now), "v1=", "v0=", 1), "SIGNATURE_INVALID"},
		"changed after signing":     {bytes.Replace(good, []byte("4500"), []byte("4501"), 1), sign(good, fakeSecret, now), "SIGNATURE_INVALID"},
		"written anew":              {append(good, ' '), sign(good, fakeSecret, now), "SIGNATURE_INVALID"},
		"five minutes old":          {good, sign(good, fakeSecret, now.Add(-301*time.Second)), "TOO_OLD"},
		"old and forged":            {good, sign(good, "whsec_other", now.Add(-time.Hour)), "SIGNATURE_INVALID"},
		"made young again":          {good, strings.Replace(sign(good, fakeSecret, now.Add(-time.Hour)), fmt.Sprint(now.Add(-time.Hour).Unix()), fmt.Sprint(now.Unix()), 1), "SIGNATURE_INVALID"},
		"another version":           {bytes.Replace(good, []byte("2023-10-16"), []byte("2024-06-20"), 1), "", "API_VERSION_MISMATCH"},
		"no version":                {bytes.Replace(good, []byte("2023-10-16"), nil, 1), "", "API_VERSION_MISMATCH"},
		"real money to a test key":  {bytes.Replace(good, []byte(`"livemode":false`), []byte(`"livemode":true`), 1), "", "WRONG_MODE"},
		"no JSON":                   {[]byte("hello"), "", "EVENT_UNREADABLE"},
		"no event":                  {[]byte(`{}`), "", "EVENT_UNREADABLE"},
		"an array":                  {[]byte(`[]`), "", "EVENT_UNREADABLE"},
		"no object":                 {bytes.Replace(good, []byte(`"data"`), []byte(`"date"`), 1), "", "EVENT_UNREADABLE"},
		"an object of a wrong kind": {eventJSON("evt_x", "payment_intent.succeeded", map[string]any{"id": "pi_1", "amount": "much"}, testkit.Monday), "", "EVENT_UNREADABLE"},
		"an endless id":             {eventJSON(strings.Repeat("e", 256), "payment_intent.succeeded", intentObject(p.Intent(), 4500, "usd"), testkit.Monday), "", "EVENT_UNREADABLE"},
		"nothing":                   {nil, "", "EVENT_UNREADABLE"},
	} {
		header := x.header
		if header == "" && name != "no signature" {
			header = sign(x.payload, fakeSecret, now)
		}
		t.Run(name, func(t *testing.T) {
			c.Do(t, "POST", hook, "", x.payload, "Stripe-Signature", header).Refused(t, http.StatusBadRequest, x.reason)
			if after := c.Snapshot(t); after != before {
				t.Error("a refused event left something behind")
			}
		})
	}
	huge := append(bytes.Clone(good[:len(good)-1]), []byte(`,"x":"`+strings.Repeat("x", 300<<10)+`"}`)...)
	c.Do(t, "POST", hook, "", huge, "Stripe-Signature", sign(huge, fakeSecret, now)).Refused(t, http.StatusRequestEntityTooLarge, "BODY_TOO_LARGE")
	wantPayment(t, c, p.Id, collections.PaymentPending)

	// the secret is being changed at Stripe: two signatures, one is ours
	both := sign(good, "whsec_next", now) + ",v1=" + strings.SplitN(sign(good, fakeSecret, now), "v1=", 2)[1]
	if r := c.Do(t, "POST", hook, "", good, "Stripe-Signature", both); r.Status != http.StatusOK {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	wantPayment(t, c, p.Id, collections.PaymentSucceeded)
	// and once more, hours later, signed anew
	c.Advance(3 * time.Hour)
	before = quiet(t, c)
	if r := deliver(t, c, good); r.Status != http.StatusOK || c.Snapshot(t) != before {
		t.Errorf("a repeated event: %d %s", r.Status, r.Body)
	}
}

// Events that are genuine and do not fit: counted, not applied, and the clinic is told where it must look.
func TestEventsThatFitNoPayment(t *testing.T) {
	c, _, p := waiting(t)
	for id, x := range map[string]struct {
		kind    string
		object  map[string]any
		outcome string
	}{
		"evt_unknown":   {"payment_intent.succeeded", intentObject("pi_of_somebody", 4500, "usd"), "unmatched"},
		"evt_noname":    {"payment_intent.succeeded", intentObject("", 4500, "usd"), "unmatched"},
		"evt_less":      {"payment_intent.succeeded", intentObject(p.Intent(), 4499, "usd"), "unmatched"},
		"evt_more":      {"payment_intent.succeeded", intentObject(p.Intent(), 450000, "usd"), "unmatched"},
		"evt_negative":  {"payment_intent.succeeded", intentObject(p.Intent(), -4500, "usd"), "unmatched"},
		"evt_pesos":     {"payment_intent.succeeded", intentObject(p.Intent(), 4500, "mxn"), "unmatched"},
		"evt_shorted":   {"payment_intent.succeeded", map[string]any{"id": p.Intent(), "amount": 4500, "amount_received": 100, "currency": "usd"}, "unmatched"},
		"evt_backmore":  {"charge.refunded", map[string]any{"id": "ch_1", "payment_intent": p.Intent(), "amount": 4500, "amount_refunded": 9000, "currency": "usd"}, "unmatched"},
		"evt_customer":  {"customer.created", map[string]any{"id": "cus_1"}, "ignored"},
		"evt_created":   {"payment_intent.created", intentObject(p.Intent(), 4500, "usd"), "ignored"},
		"evt_otherword": {"payment_intent.partially_funded", intentObject(p.Intent(), 4500, "usd"), "ignored"},
	} {
		if r := deliver(t, c, eventJSON(id, x.kind, x.object, testkit.Monday)); r.Status != http.StatusOK {
			t.Fatalf("%s: %d %s", id, r.Status, r.Body)
		}
		if n := c.Count(t, "stripe_events", "event_id = {:e} AND outcome = {:o}", map[string]any{"e": id, "o": x.outcome}); n != 1 {
			t.Errorf("%s is not noted as %s", id, x.outcome)
		}
	}
	wantPayment(t, c, p.Id, collections.PaymentPending)
	wantInvoice(t, c, p.Invoice(), collections.InvoiceOpen, 0)
	if n := c.Count(t, "staff_notifications", "notification_type = 'payment_mismatch' AND resource_id = {:p}", map[string]any{"p": p.Id}); n != 1 {
		t.Errorf("the desk was told %d times", n)
	}
}

// Whatever order the events of one payment arrive in, it ends in the same place.
func TestEventsInEveryOrder(t *testing.T) {
	type said struct {
		id, kind string
		object   func(intent string) map[string]any
		after    time.Duration
	}
	all := []said{
		{"challenged", "payment_intent.requires_action", func(pi string) map[string]any { return intentObject(pi, 4500, "usd") }, 1 * time.Second},
		{"declined", "payment_intent.payment_failed", func(pi string) map[string]any { return intentObject(pi, 4500, "usd") }, 2 * time.Second},
		{"paid", "payment_intent.succeeded", func(pi string) map[string]any { return intentObject(pi, 4500, "usd") }, 3 * time.Second},
		{"refunded", "charge.refunded", func(pi string) map[string]any {
			return map[string]any{"id": "ch_1", "payment_intent": pi, "amount": 4500, "amount_refunded": 1000, "currency": "usd",
				"payment_method_details": map[string]any{"type": "card", "card": map[string]any{"brand": "visa", "last4": "4242"}}}
		}, 4 * time.Second},
		{"disputed", "charge.dispute.created", func(pi string) map[string]any {
			return map[string]any{"id": "dp_1", "charge": "ch_1", "payment_intent": pi, "amount": 3500, "currency": "usd", "status": "needs_response"}
		}, 5 * time.Second},
	}
	orders := permutations(len(all))
	if testing.Short() {
		orders = orders[:10]
	}
	c, _ := withStripe(t)
	c.Limit(t, collections.LimitPayments, 1000, 60)
	c.As(t, testkit.AdaEmail)
	for n, order := range orders {
		in := began(t, begin(t, c, testkit.AdaEmail, map[string]any{"invoiceId": bill(t, c, testkit.Ada, 4500)}), http.StatusCreated)
		for _, k := range order {
			x := all[k]
			if r := deliver(t, c, eventJSON(fmt.Sprintf("evt_%d_%s", n, x.id), x.kind, x.object(in.PaymentIntentID), testkit.Monday.Add(x.after))); r.Status != http.StatusOK {
				t.Fatalf("order %v, %s: %d %s", order, x.id, r.Status, r.Body)
			}
		}
		p := paymentOf(t, c, in.PaymentID)
		if p.Status() != collections.PaymentDisputed || p.Refunded() != 1000 || p.ReceiptNumber() == "" || p.FailureCode() != "" {
			t.Fatalf("order %v ends %s, %d given back, receipt %q, failure %q", order, p.Status(), p.Refunded(), p.ReceiptNumber(), p.FailureCode())
		}
		wantInvoice(t, c, p.Invoice(), collections.InvoicePaid, 4500)
		if i := invoiceOf(t, c, p.Invoice()); i.Refunded() != 1000 {
			t.Fatalf("order %v: the invoice has %d given back", order, i.Refunded())
		}
	}
}

func permutations(n int) [][]int {
	if n == 0 {
		return [][]int{{}}
	}
	var out [][]int
	for _, p := range permutations(n - 1) {
		for at := 0; at <= len(p); at++ {
			out = append(out, append(append(append([]int{}, p[:at]...), n-1), p[at:]...))
		}
	}
	return out
}

func TestLateWordsDoNotMoveAnAttemptBack(t *testing.T) {
	c, _, p := waiting(t)
	tell := func(id, kind string, at time.Duration) {
		t.Helper()
		if r := deliver(t, c, eventJSON(id, kind, intentObject(p.Intent(), 4500, "usd"), testkit.Monday.Add(at))); r.Status != http.StatusOK {
			t.Fatalf("%d %s", r.Status, r.Body)
		}
	}
	tell("evt_1", "payment_intent.requires_action", 10*time.Second)
	tell("evt_2", "payment_intent.payment_failed", 5*time.Second) // before the challenge, delivered after it
	wantPayment(t, c, p.Id, collections.PaymentRequiresAction)
	tell("evt_3", "payment_intent.canceled", 20*time.Second)
	wantPayment(t, c, p.Id, collections.PaymentCanceled)
	tell("evt_4", "payment_intent.processing", 30*time.Second)
	wantPayment(t, c, p.Id, collections.PaymentCanceled)

	// closed here, charged there all the same: money taken is recorded, and somebody is told
	tell("evt_5", "payment_intent.succeeded", 40*time.Second)
	wantPayment(t, c, p.Id, collections.PaymentSucceeded)
	wantInvoice(t, c, p.Invoice(), collections.InvoicePaid, 4500)
	if n := c.Count(t, "staff_notifications", "notification_type = 'payment_after_closing'", nil); n != 1 {
		t.Errorf("the desk was told %d times", n)
	}
}

func TestRefundsAndDisputesAreFollowed(t *testing.T) {
	c, stripe, p := waiting(t)
	deliver(t, c, stripe.confirm(t, p.Intent(), "succeed"))
	n := 0
	tell := func(kind string, object map[string]any) {
		t.Helper()
		n++
		object["payment_intent"], object["currency"] = p.Intent(), "usd"
		if r := deliver(t, c, eventJSON(fmt.Sprintf("evt_money_%d", n), kind, object, testkit.Monday.Add(time.Hour))); r.Status != http.StatusOK {
			t.Fatalf("%d %s", r.Status, r.Body)
		}
	}
	charge := func(back int) map[string]any {
		return map[string]any{"id": "ch_1", "amount": 4500, "amount_refunded": back}
	}
	tell("charge.succeeded", map[string]any{"id": "ch_1", "amount": 4500,
		"payment_method_details": map[string]any{"type": "card", "card": map[string]any{"brand": "visa", "last4": "4242"}}})
	if got := paymentOf(t, c, p.Id); got.MethodLast4() != "4242" || got.MethodBrand() != "visa" {
		t.Errorf("method %q %q", got.MethodBrand(), got.MethodLast4())
	}
	tell("charge.refunded", charge(2000))
	wantPayment(t, c, p.Id, collections.PaymentPartiallyRefunded)
	tell("charge.refunded", charge(1000)) // an older word
	if got := paymentOf(t, c, p.Id); got.Refunded() != 2000 {
		t.Errorf("given back: %d", got.Refunded())
	}
	wantInvoice(t, c, p.Invoice(), collections.InvoicePaid, 4500)
	tell("charge.dispute.created", map[string]any{"id": "dp_1", "amount": 2500, "status": "needs_response"})
	wantPayment(t, c, p.Id, collections.PaymentDisputed)
	tell("charge.dispute.closed", map[string]any{"id": "dp_1", "amount": 2500, "status": "won"})
	wantPayment(t, c, p.Id, collections.PaymentPartiallyRefunded)
	tell("charge.dispute.created", map[string]any{"id": "dp_1", "amount": 2500, "status": "needs_response"}) // once more, late
	wantPayment(t, c, p.Id, collections.PaymentPartiallyRefunded)
	tell("charge.dispute.closed", map[string]any{"id": "dp_2", "amount": 2500, "status": "lost"})
	wantPayment(t, c, p.Id, collections.PaymentDisputed)
	tell("charge.refunded", charge(4500))
	wantInvoice(t, c, p.Invoice(), collections.InvoiceRefunded, 4500)

	if r := c.Do(t, "GET", kernel.Portal+"/payments/"+p.Id+"/receipt", c.As(t, testkit.AdaEmail), nil); r.Status != http.StatusOK {
		t.Errorf("the receipt of money that was given back: %d", r.Status)
	}
}
