package billing_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pocketbase/dbx"

	"anteroom/collections"
	"anteroom/hooks/billing"
	"anteroom/hooks/kernel"
	"anteroom/hooks/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

const (
	intents = kernel.Portal + "/payments/intent"
	secret  = "Couple counselling, first session"
)

// bill issues an invoice over so many cents and gives its id.
func bill(t testing.TB, c *testkit.Clinic, client string, cents int) string {
	t.Helper()
	i, err := billing.Issue(c.App, kernel.System(), billing.Bill{Client: client, Items: []billing.Line{{Description: secret, UnitCents: cents}}})
	if err != nil {
		t.Fatal(err)
	}
	return i.Id
}

var keys struct {
	sync.Mutex
	n int
}

// newKey is an Idempotency-Key that nobody has used.
func newKey() string {
	keys.Lock()
	defer keys.Unlock()
	keys.n++
	return fmt.Sprintf("key-%d", keys.n)
}

// begin posts payments/intent as a login; body has invoiceId and perhaps more.
func begin(t testing.TB, c *testkit.Clinic, login string, body map[string]any) *testkit.Response {
	t.Helper()
	return c.Do(t, "POST", intents, c.As(t, login), body, "Idempotency-Key", newKey())
}

// began expects an intent with a status of HTTP.
func began(t testing.TB, r *testkit.Response, status int) billing.Intent {
	t.Helper()
	if r.Status != status {
		t.Fatalf("got %d, want %d: %s", r.Status, status, r.Body)
	}
	var in billing.Intent
	r.Data(t, &in)
	return in
}

func invoiceOf(t testing.TB, c *testkit.Clinic, id string) *collections.Invoice {
	t.Helper()
	return collections.AsInvoice(c.Find(t, collections.Invoices, id))
}

func paymentOf(t testing.TB, c *testkit.Clinic, id string) *collections.Payment {
	t.Helper()
	return collections.AsPayment(c.Find(t, collections.Payments, id))
}

func confirm(t testing.TB, c *testkit.Clinic, login, payment, outcome string) *testkit.Response {
	t.Helper()
	return c.Do(t, "POST", kernel.Portal+"/payments/"+payment+"/test-confirm", c.As(t, login), map[string]string{"outcome": outcome})
}

// quiet waits until the mails that payments caused have left, and gives the state of the database then.
func quiet(t testing.TB, c *testkit.Clinic) string {
	t.Helper()
	for range 500 {
		if c.Count(t, "outbox", "status = 'waiting'", nil) == 0 {
			return c.Snapshot(t)
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("the outbox does not empty")
	return ""
}

func wantInvoice(t testing.TB, c *testkit.Clinic, id string, status collections.InvoiceStatus, paid int) {
	t.Helper()
	if i := invoiceOf(t, c, id); i.Status() != status || i.Paid() != paid {
		t.Errorf("the invoice is %s with %d paid, want %s with %d", i.Status(), i.Paid(), status, paid)
	}
}

func wantPayment(t testing.TB, c *testkit.Clinic, id string, status collections.PaymentStatus) {
	t.Helper()
	if p := paymentOf(t, c, id); p.Status() != status {
		t.Errorf("the payment is %s, want %s", p.Status(), status)
	}
}

// The whole way in the demo: an intent, the pretended bank, the invoice, what is told, the receipt, and paying again.
func TestAnInvoiceIsPaidThroughTheTestProcessor(t *testing.T) {
	c := testkit.New(t)
	invoice := bill(t, c, testkit.Ada, 4500)
	first := began(t, begin(t, c, testkit.AdaEmail, map[string]any{"invoiceId": invoice}), http.StatusCreated)
	want := billing.Intent{PaymentID: first.PaymentID, Processor: "test", PaymentIntentID: "pi_test_" + first.PaymentID, ClientSecret: first.ClientSecret,
		AmountCents: 4500, Currency: "usd", Status: "requires_payment_method"}
	if first != want || !strings.HasPrefix(first.ClientSecret, first.PaymentIntentID+"_secret_") {
		t.Fatalf("intent %+v", first)
	}
	if again := began(t, begin(t, c, testkit.AdaEmail, map[string]any{"invoiceId": invoice}), http.StatusOK); again != first {
		t.Errorf("the second call gives %+v, the first gave %+v", again, first)
	}
	receipt := kernel.Portal + "/payments/" + first.PaymentID + "/receipt"
	c.Do(t, "GET", receipt, c.As(t, testkit.AdaEmail), nil).Refused(t, http.StatusConflict, "NOT_PAID")
	wantInvoice(t, c, invoice, collections.InvoiceOpen, 0)

	if r := confirm(t, c, testkit.AdaEmail, first.PaymentID, "succeed"); r.Status != http.StatusAccepted {
		t.Fatalf("%d %s", r.Status, r.Body)
	}
	wantPayment(t, c, first.PaymentID, collections.PaymentSucceeded)
	wantInvoice(t, c, invoice, collections.InvoicePaid, 4500)

	var shown billing.Payment
	c.Do(t, "GET", kernel.Portal+"/payments/"+first.PaymentID, c.As(t, testkit.AdaEmail), nil).Data(t, &shown)
	if shown.Status != "succeeded" || shown.Method.Kind != "test" || shown.PaidAt == nil || !shown.PaidAt.Equal(testkit.Monday) || shown.ReceiptURL != receipt {
		t.Errorf("payment %+v", shown)
	}
	begin(t, c, testkit.AdaEmail, map[string]any{"invoiceId": invoice}).Refused(t, http.StatusConflict, "ALREADY_PAID")

	// the bank repeats itself: counted once
	before := quiet(t, c)
	if r := confirm(t, c, testkit.AdaEmail, first.PaymentID, "succeed"); r.Status != http.StatusAccepted {
		t.Fatalf("%d %s", r.Status, r.Body)
	}
	if after := c.Snapshot(t); after != before {
		t.Error("a repeated event changed something")
	}
	confirm(t, c, testkit.AdaEmail, first.PaymentID, "decline").Refused(t, http.StatusConflict, "ALREADY_PAID")

	pdf := c.Do(t, "GET", receipt, c.As(t, testkit.AdaEmail), nil)
	if pdf.Status != http.StatusOK || pdf.Header.Get("Content-Type") != "application/pdf" || !strings.HasPrefix(string(pdf.Body), "%PDF-") {
		t.Fatalf("receipt: %d %s", pdf.Status, pdf.Header.Get("Content-Type"))
	}
	if again := c.Do(t, "GET", receipt, c.As(t, testkit.AdaEmail), nil); string(again.Body) != string(pdf.Body) {
		t.Error("the same receipt has other bytes the second time")
	}
	if got := pdf.Header.Get("Content-Disposition"); got != `attachment; filename="R-2026-000001.pdf"` {
		t.Error(got)
	}

	mails := c.Mails(t, testkit.AdaEmail)
	if len(mails) != 1 || !strings.Contains(mails[0].Text, "$45.00") || !strings.Contains(mails[0].Subject, "Test Clinic") {
		t.Fatalf("mails %+v", mails)
	}
	if all := mails[0].Subject + mails[0].Text + mails[0].HTML; strings.Contains(all, "counselling") || strings.Contains(all, "Lovell") {
		t.Error("the mail says more than the amount and the clinic")
	}
	if n := c.Count(t, "portal_notifications", "notification_type = 'payment_received' AND client = {:c}", dbx.Params{"c": testkit.Ada}); n != 1 {
		t.Errorf("%d notices", n)
	}
	for _, action := range []string{"CREATE_PAYMENT", "PAYMENT_SUCCEEDED", "STRIPE_EVENT", "UPDATE_INVOICE", "VIEW_PAYMENT", "DOWNLOAD_RECEIPT"} {
		if c.Count(t, "portal_audit_log", "action = {:a}", dbx.Params{"a": action}) == 0 {
			t.Errorf("no line says %s", action)
		}
	}
	if n := c.Count(t, "portal_audit_log", "action = 'PAYMENT_SUCCEEDED' AND actor_kind = 'processor' AND client_id = {:c}", dbx.Params{"c": testkit.Ada}); n != 1 {
		t.Errorf("%d lines say that the processor settled Ada's payment", n)
	}
}

func TestTheTestProcessorPretendsEveryOutcome(t *testing.T) {
	c := testkit.New(t)
	invoice := bill(t, c, testkit.Ada, 4500)
	one := began(t, begin(t, c, testkit.AdaEmail, map[string]any{"invoiceId": invoice}), http.StatusCreated)
	confirm(t, c, testkit.AdaEmail, one.PaymentID, "dispute").Refused(t, http.StatusConflict, "NOT_PAID")
	confirm(t, c, testkit.AdaEmail, one.PaymentID, "explode").Refused(t, http.StatusBadRequest, "OUTCOME_INVALID")
	confirm(t, c, testkit.BoEmail, one.PaymentID, "succeed").Refused(t, http.StatusNotFound, "NOT_FOUND")
	wantPayment(t, c, one.PaymentID, collections.PaymentPending)

	confirm(t, c, testkit.AdaEmail, one.PaymentID, "challenge")
	wantPayment(t, c, one.PaymentID, collections.PaymentRequiresAction)
	if again := began(t, begin(t, c, testkit.AdaEmail, map[string]any{"invoiceId": invoice}), http.StatusOK); again.Status != "requires_action" || again.PaymentID != one.PaymentID {
		t.Errorf("after a challenge: %+v", again)
	}
	confirm(t, c, testkit.AdaEmail, one.PaymentID, "decline")
	wantPayment(t, c, one.PaymentID, collections.PaymentFailed)
	wantInvoice(t, c, invoice, collections.InvoiceOpen, 0)
	var shown billing.Payment
	c.Do(t, "GET", kernel.Portal+"/payments/"+one.PaymentID, c.As(t, testkit.AdaEmail), nil).Data(t, &shown)
	if !strings.Contains(shown.FailureMessage, "You have not been charged") {
		t.Errorf("failure message %q", shown.FailureMessage)
	}
	if mails := c.Mails(t, testkit.AdaEmail); len(mails) != 1 || !strings.Contains(mails[0].Subject, "not made") {
		t.Errorf("mails %+v", mails)
	}

	two := began(t, begin(t, c, testkit.AdaEmail, map[string]any{"invoiceId": invoice}), http.StatusCreated)
	if two.PaymentID == one.PaymentID {
		t.Fatal("a declined attempt is over")
	}
	confirm(t, c, testkit.AdaEmail, one.PaymentID, "succeed").Refused(t, http.StatusConflict, "PAYMENT_CLOSED")
	confirm(t, c, testkit.AdaEmail, two.PaymentID, "succeed")
	confirm(t, c, testkit.AdaEmail, two.PaymentID, "dispute")
	wantPayment(t, c, two.PaymentID, collections.PaymentDisputed)
	wantInvoice(t, c, invoice, collections.InvoicePaid, 4500)
	if n := c.Count(t, "staff_notifications", "notification_type = 'payment_disputed' AND resource_id = {:p}", dbx.Params{"p": two.PaymentID}); n != 1 {
		t.Errorf("the desk was told %d times", n)
	}
}

func TestAmountsThatAreRefused(t *testing.T) {
	c := testkit.New(t)
	c.Limit(t, collections.LimitPayments, 1000, 60)
	invoice := bill(t, c, testkit.Ada, 4500)
	c.As(t, testkit.AdaEmail)
	before := c.Snapshot(t)
	for _, amount := range []string{`-1`, `-4500`, `0`, `45.5`, `45.0`, `4e2`, `"4500"`, `""`, `null`, `true`, `[4500]`, `{}`, `4501`, `99999999999999999999`, `1e400`} {
		r := c.Do(t, "POST", intents, c.As(t, testkit.AdaEmail), `{"invoiceId":"`+invoice+`","amountCents":`+amount+`}`, "Idempotency-Key", newKey())
		r.Refused(t, http.StatusBadRequest, "AMOUNT_INVALID")
	}
	for body, reason := range map[string]string{
		`{}`: "VALIDATION_ERROR", `{"invoiceIds":[]}`: "VALIDATION_ERROR", `{"invoiceIds":["a","b"]}`: "ONE_INVOICE_PER_PAYMENT",
		`{"invoiceId":7}`: "MALFORMED", `[]`: "MALFORMED", `{`: "MALFORMED",
		`{"invoiceId":"` + invoice + `","saveMethod":true}`: "METHOD_NOT_OFFERED",
	} {
		c.Do(t, "POST", intents, c.As(t, testkit.AdaEmail), body, "Idempotency-Key", newKey()).Refused(t, http.StatusBadRequest, reason)
	}
	c.Do(t, "POST", intents, c.As(t, testkit.AdaEmail), map[string]string{"invoiceId": invoice}).Refused(t, http.StatusBadRequest, "IDEMPOTENCY_KEY_REQUIRED")
	if after := c.Snapshot(t); after != before {
		t.Error("a refused amount left something behind")
	}
}

func TestInvoicesThatCannotBePaid(t *testing.T) {
	c := testkit.New(t)
	bos := bill(t, c, testkit.Bo, 4500)
	draft := c.Add(t, collections.Invoices, map[string]any{"client": testkit.Ada, "status": "draft"}).Id
	void := bill(t, c, testkit.Ada, 4500)
	i := invoiceOf(t, c, void)
	i.SetStatus(collections.InvoiceVoid)
	if err := kernel.SaveAs(c.App, kernel.System(), i.ProxyRecord()); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{bos, draft, "nothing00000000", "../payments", "' OR 1=1 --"} {
		begin(t, c, testkit.AdaEmail, map[string]any{"invoiceId": id}).Refused(t, http.StatusNotFound, "NOT_FOUND")
		begin(t, c, testkit.AdaEmail, map[string]any{"invoiceIds": []string{id}, "amountCents": 1}).Refused(t, http.StatusNotFound, "NOT_FOUND")
	}
	begin(t, c, testkit.AdaEmail, map[string]any{"invoiceId": void}).Refused(t, http.StatusConflict, "INVOICE_CLOSED")
	if n := c.Count(t, "payments", "", nil); n != 0 {
		t.Errorf("%d payments", n)
	}
}

// A part may be paid. Another amount closes the attempt that waits, and never one that the bank works on.
func TestPartOfAnInvoiceIsPaid(t *testing.T) {
	c, stripe := withStripe(t)
	invoice := bill(t, c, testkit.Ada, 10000)
	ask := func(cents int) *testkit.Response {
		return begin(t, c, testkit.AdaEmail, map[string]any{"invoiceId": invoice, "amountCents": cents})
	}
	part := began(t, ask(4000), http.StatusCreated)
	if whole := began(t, begin(t, c, testkit.AdaEmail, map[string]any{"invoiceId": invoice}), http.StatusOK); whole != part {
		t.Errorf("without an amount the live attempt is given, not %+v", whole)
	}
	other := began(t, ask(2500), http.StatusCreated)
	if other.PaymentIntentID == part.PaymentIntentID || other.AmountCents != 2500 {
		t.Fatalf("%+v", other)
	}
	wantPayment(t, c, part.PaymentID, collections.PaymentCanceled)
	if s := stripe.intents[part.PaymentIntentID].Status; s != "canceled" {
		t.Fatalf("the first intent is %s at the processor", s)
	}

	deliver(t, c, stripe.confirm(t, other.PaymentIntentID, "processing"))
	ask(3000).Refused(t, http.StatusConflict, "PAYMENT_IN_PROGRESS")
	if again := began(t, ask(2500), http.StatusOK); again.PaymentID != other.PaymentID || again.Status != "processing" {
		t.Errorf("%+v", again)
	}
	deliver(t, c, stripe.confirm(t, other.PaymentIntentID, "succeed"))
	wantInvoice(t, c, invoice, collections.InvoicePartiallyPaid, 2500)
	ask(7501).Refused(t, http.StatusBadRequest, "AMOUNT_INVALID")

	rest := began(t, begin(t, c, testkit.AdaEmail, map[string]any{"invoiceId": invoice}), http.StatusCreated)
	if rest.AmountCents != 7500 {
		t.Fatalf("the rest is %d", rest.AmountCents)
	}
	deliver(t, c, stripe.confirm(t, rest.PaymentIntentID, "succeed"))
	wantInvoice(t, c, invoice, collections.InvoicePaid, 10000)

	var list struct {
		Payments   []billing.Payment `json:"payments"`
		Pagination kernel.Pagination `json:"pagination"`
	}
	c.Do(t, "GET", kernel.Portal+"/payments/history", c.As(t, testkit.AdaEmail), nil).Data(t, &list)
	if len(list.Payments) != 2 || list.Pagination.Total != 2 || list.Payments[0].ID != rest.PaymentID {
		t.Errorf("history %+v", list)
	}
}

// A page left open with a declined card must not charge after another attempt has paid.
func TestADeclinedAttemptIsClosedBeforeTheNext(t *testing.T) {
	c, stripe := withStripe(t)
	invoice := bill(t, c, testkit.Ada, 4500)
	one := began(t, begin(t, c, testkit.AdaEmail, map[string]any{"invoiceId": invoice}), http.StatusCreated)
	deliver(t, c, stripe.confirm(t, one.PaymentIntentID, "insufficient_funds"))
	wantPayment(t, c, one.PaymentID, collections.PaymentFailed)
	if p := paymentOf(t, c, one.PaymentID); p.FailureCode() != "insufficient_funds" || p.MethodLast4() != "0002" || p.MethodBrand() != "visa" {
		t.Errorf("kept of the decline: %q %q %q", p.FailureCode(), p.MethodBrand(), p.MethodLast4())
	}
	var shown billing.Payment
	c.Do(t, "GET", kernel.Portal+"/payments/"+one.PaymentID, c.As(t, testkit.AdaEmail), nil).Data(t, &shown)
	if !strings.Contains(shown.FailureMessage, "not enough money") {
		t.Errorf("%q", shown.FailureMessage)
	}
	two := began(t, begin(t, c, testkit.AdaEmail, map[string]any{"invoiceId": invoice}), http.StatusCreated)
	if s := stripe.intents[one.PaymentIntentID].Status; s != "canceled" {
		t.Fatalf("the declined intent is %s: a page left open could still charge it", s)
	}
	deliver(t, c, stripe.confirm(t, two.PaymentIntentID, "succeed"))
	wantInvoice(t, c, invoice, collections.InvoicePaid, 4500)
	if got := stripe.charged(); len(got) != 1 || got[two.PaymentIntentID] != 4500 {
		t.Errorf("charged %v", got)
	}
}

// The person tried again with the declined intent, in the form that was open, and it went through meanwhile.
func TestADeclinedAttemptThatSucceedsAfterAll(t *testing.T) {
	c, stripe := withStripe(t)
	invoice := bill(t, c, testkit.Ada, 4500)
	one := began(t, begin(t, c, testkit.AdaEmail, map[string]any{"invoiceId": invoice}), http.StatusCreated)
	deliver(t, c, stripe.confirm(t, one.PaymentIntentID, "generic_decline"))
	late := stripe.confirm(t, one.PaymentIntentID, "succeed") // charged, and its event is still on the way
	begin(t, c, testkit.AdaEmail, map[string]any{"invoiceId": invoice}).Refused(t, http.StatusConflict, "PAYMENT_IN_PROGRESS")
	deliver(t, c, late)
	wantPayment(t, c, one.PaymentID, collections.PaymentSucceeded)
	wantInvoice(t, c, invoice, collections.InvoicePaid, 4500)
	if got := stripe.charged(); len(got) != 1 {
		t.Errorf("charged %v", got)
	}
}

func TestTwentyAtOnceBeginOnePayment(t *testing.T) {
	c, stripe := withStripe(t)
	invoice := bill(t, c, testkit.Ada, 4500)
	c.As(t, testkit.AdaEmail)
	got := make([]*testkit.Response, 20)
	var all sync.WaitGroup
	for n := range got {
		all.Add(1)
		go func() {
			defer all.Done()
			got[n] = begin(t, c, testkit.AdaEmail, map[string]any{"invoiceId": invoice})
		}()
	}
	all.Wait()
	created, ids := 0, map[string]bool{}
	for _, r := range got {
		if r.Status == http.StatusCreated {
			created++
		} else if r.Status != http.StatusOK {
			t.Fatalf("%d %s", r.Status, r.Body)
		}
		var in billing.Intent
		r.Data(t, &in)
		ids[in.PaymentIntentID] = true
	}
	if created != 1 || len(ids) != 1 || stripe.creates != 1 || len(stripe.customers) != 1 {
		t.Errorf("%d created, %d intents given, %d made, %d customers", created, len(ids), stripe.creates, len(stripe.customers))
	}
	if n := c.Count(t, "payments", "", nil); n != 1 {
		t.Errorf("%d rows", n)
	}
}

func TestTwentyIdenticalEventsPayOnce(t *testing.T) {
	c, stripe := withStripe(t)
	invoice := bill(t, c, testkit.Ada, 4500)
	in := began(t, begin(t, c, testkit.AdaEmail, map[string]any{"invoiceId": invoice}), http.StatusCreated)
	event := stripe.confirm(t, in.PaymentIntentID, "succeed")
	got := make([]int, 20)
	var all sync.WaitGroup
	for n := range got {
		all.Add(1)
		go func() {
			defer all.Done()
			got[n] = deliver(t, c, event).Status
		}()
	}
	all.Wait()
	for _, status := range got {
		if status != http.StatusOK {
			t.Errorf("answered %v", got)
			break
		}
	}
	wantInvoice(t, c, invoice, collections.InvoicePaid, 4500)
	if n := c.Count(t, "stripe_events", "outcome = 'applied'", nil); n != 1 {
		t.Errorf("%d events counted", n)
	}
	if n := len(c.Mails(t, testkit.AdaEmail)); n != 1 {
		t.Errorf("%d mails", n)
	}
}

// The same key replays the first answer; the key is a person's own.
func TestTheIdempotencyKeyReplays(t *testing.T) {
	c := testkit.New(t)
	invoice := bill(t, c, testkit.Ada, 4500)
	tok := c.As(t, testkit.AdaEmail)
	body := map[string]any{"invoiceId": invoice}
	first := c.Do(t, "POST", intents, tok, body, "Idempotency-Key", "same")
	again := c.Do(t, "POST", intents, tok, body, "Idempotency-Key", "same")
	if again.Status != http.StatusCreated || again.Header.Get("Idempotent-Replayed") != "true" || strings.TrimSpace(string(again.Body)) != strings.TrimSpace(string(first.Body)) {
		t.Errorf("%d %s", again.Status, again.Body)
	}
	c.Do(t, "POST", intents, tok, map[string]any{"invoiceId": invoice, "amountCents": 1}, "Idempotency-Key", "same").
		Refused(t, http.StatusConflict, "IDEMPOTENCY_KEY_REUSED")
}

// Stripe did the work and its answer got lost, or we died before we could note it.
func TestALostAnswerIsFoundAgain(t *testing.T) {
	c, stripe := withStripe(t)
	invoice := bill(t, c, testkit.Ada, 4500)
	customer := c.Find(t, "clients", testkit.Ada)
	customer.Set("stripe_customer_id", "cus_known")
	if err := kernel.SaveAs(c.App, kernel.System(), customer); err != nil {
		t.Fatal(err)
	}
	stripe.customers["cus_known"] = nil
	stripe.loseNext = 3 // the first try and the library's two more
	begin(t, c, testkit.AdaEmail, map[string]any{"invoiceId": invoice}).Refused(t, http.StatusServiceUnavailable, "PROCESSOR_UNAVAILABLE")
	if stripe.creates != 1 || c.Count(t, "payments", "status = 'pending' AND intent_id = ''", nil) != 1 {
		t.Fatalf("%d intents made", stripe.creates)
	}
	in := began(t, begin(t, c, testkit.AdaEmail, map[string]any{"invoiceId": invoice}), http.StatusOK)
	if stripe.creates != 1 || in.PaymentIntentID != "pi_1" || paymentOf(t, c, in.PaymentID).Intent() != "pi_1" {
		t.Errorf("%d intents made, got %+v", stripe.creates, in)
	}
}

func TestAProcessorThatIsDown(t *testing.T) {
	c, stripe := withStripe(t)
	invoice := bill(t, c, testkit.Ada, 4500)
	stripe.down = true
	begin(t, c, testkit.AdaEmail, map[string]any{"invoiceId": invoice}).Refused(t, http.StatusServiceUnavailable, "PROCESSOR_UNAVAILABLE")
	stripe.down = false
	in := began(t, begin(t, c, testkit.AdaEmail, map[string]any{"invoiceId": invoice}), http.StatusOK)
	deliver(t, c, stripe.confirm(t, in.PaymentIntentID, "succeed"))
	wantInvoice(t, c, invoice, collections.InvoicePaid, 4500)
}

// Stripe takes no forty cents. The attempt is closed, so that another amount can be paid.
func TestAnAmountTheProcessorRefuses(t *testing.T) {
	c, stripe := withStripe(t)
	invoice := bill(t, c, testkit.Ada, 4500)
	begin(t, c, testkit.AdaEmail, map[string]any{"invoiceId": invoice, "amountCents": 40}).Refused(t, http.StatusBadRequest, "AMOUNT_INVALID")
	in := began(t, begin(t, c, testkit.AdaEmail, map[string]any{"invoiceId": invoice}), http.StatusCreated)
	if in.AmountCents != 4500 || stripe.creates != 1 {
		t.Errorf("%+v", in)
	}
}

// The clinic tried with test keys and went live: the customer and the intents of before do not exist there.
func TestACustomerTheProcessorDoesNotKnow(t *testing.T) {
	c, stripe := withStripe(t)
	invoice := bill(t, c, testkit.Ada, 4500)
	r := c.Find(t, "clients", testkit.Ada)
	r.Set("stripe_customer_id", "cus_of_another_account")
	if err := kernel.SaveAs(c.App, kernel.System(), r); err != nil {
		t.Fatal(err)
	}
	in := began(t, begin(t, c, testkit.AdaEmail, map[string]any{"invoiceId": invoice}), http.StatusCreated)
	if id := c.Find(t, "clients", testkit.Ada).GetString("stripe_customer_id"); id != "cus_1" || stripe.intents[in.PaymentIntentID] == nil {
		t.Errorf("customer %q, intent %+v", id, in)
	}
	delete(stripe.intents, in.PaymentIntentID)
	next := began(t, begin(t, c, testkit.AdaEmail, map[string]any{"invoiceId": invoice}), http.StatusCreated)
	if next.PaymentID == in.PaymentID {
		t.Error("an intent that is gone was given again")
	}
	wantPayment(t, c, in.PaymentID, collections.PaymentCanceled)
}

func TestNothingPersonalReachesTheProcessor(t *testing.T) {
	c, stripe := withStripe(t)
	in := began(t, begin(t, c, testkit.AdaEmail, map[string]any{"invoiceId": bill(t, c, testkit.Ada, 4500)}), http.StatusCreated)
	sent := strings.Join(stripe.requests, "\n")
	for _, word := range []string{"Ada", "Lovell", "mail.example", "1990", "counselling", "INV-", "Clinic"} {
		if strings.Contains(sent, word) {
			t.Errorf("%q was sent: %s", word, sent)
		}
	}
	form := stripe.intents[in.PaymentIntentID].Form
	want := map[string]string{"amount": "4500", "currency": "usd", "customer": "cus_1", "payment_method_types[0]": "card",
		"metadata[payment]": in.PaymentID, "metadata[invoice]": paymentOf(t, c, in.PaymentID).Invoice()}
	if len(form) != len(want) {
		t.Errorf("sent %v", form)
	}
	for k, v := range want {
		if form.Get(k) != v {
			t.Errorf("%s = %q, want %q", k, form.Get(k), v)
		}
	}
}

// A withdrawn invoice closes its attempt at the processor, after the commit. Money that was quicker is recorded.
func TestAWithdrawnInvoiceClosesItsAttempt(t *testing.T) {
	withdraw := func(t *testing.T, c *testkit.Clinic, invoice string) {
		t.Helper()
		i := invoiceOf(t, c, invoice)
		i.SetStatus(collections.InvoiceVoid)
		if err := kernel.SaveAs(c.App, kernel.Actor{Kind: kernel.KindStaff, ID: testkit.Billing, Role: kernel.RoleBilling}, i.ProxyRecord()); err != nil {
			t.Fatal(err)
		}
		c.Deliver()
	}
	t.Run("in time", func(t *testing.T) {
		c, stripe := withStripe(t)
		invoice := bill(t, c, testkit.Ada, 4500)
		in := began(t, begin(t, c, testkit.AdaEmail, map[string]any{"invoiceId": invoice}), http.StatusCreated)
		withdraw(t, c, invoice)
		wantPayment(t, c, in.PaymentID, collections.PaymentCanceled)
		if s := stripe.intents[in.PaymentIntentID].Status; s != "canceled" {
			t.Errorf("the intent is %s", s)
		}
	})
	t.Run("too late", func(t *testing.T) {
		c, stripe := withStripe(t)
		invoice := bill(t, c, testkit.Ada, 4500)
		in := began(t, begin(t, c, testkit.AdaEmail, map[string]any{"invoiceId": invoice}), http.StatusCreated)
		late := stripe.confirm(t, in.PaymentIntentID, "succeed")
		withdraw(t, c, invoice)
		wantPayment(t, c, in.PaymentID, collections.PaymentPending)
		if r := deliver(t, c, late); r.Status != http.StatusOK {
			t.Fatalf("%d %s", r.Status, r.Body)
		}
		wantPayment(t, c, in.PaymentID, collections.PaymentSucceeded)
		wantInvoice(t, c, invoice, collections.InvoiceVoid, 4500)
		if n := c.Count(t, "staff_notifications", "notification_type = 'payment_to_give_back'", nil); n != 1 {
			t.Errorf("the desk was told %d times", n)
		}
	})
}

func TestPaymentsAreOffInProductionWithoutStripe(t *testing.T) {
	c := testkit.With(t, func(cfg *kernel.Config) { cfg.Mode, cfg.StripeWebhookSecret = kernel.Production, "" })
	if m := billing.Mode(c.App); m != billing.ModeOff {
		t.Fatal(m)
	}
	invoice := bill(t, c, testkit.Ada, 4500)
	begin(t, c, testkit.AdaEmail, map[string]any{"invoiceId": invoice}).Refused(t, http.StatusServiceUnavailable, "PAYMENTS_OFF")
	payload := eventJSON("evt_1", "payment_intent.succeeded", map[string]any{"id": "pi_1", "object": "payment_intent"}, time.Now())
	c.Do(t, "POST", hook, "", payload, "Stripe-Signature", sign(payload, "", time.Now())).Refused(t, http.StatusServiceUnavailable, "PAYMENTS_OFF")
	if n := c.Count(t, "payments", "", nil) + c.Count(t, "stripe_events", "", nil); n != 0 {
		t.Errorf("%d rows", n)
	}
}

func TestTheTestProcessorDoesNotExistBesideStripe(t *testing.T) {
	c, _ := withStripe(t)
	in := began(t, begin(t, c, testkit.AdaEmail, map[string]any{"invoiceId": bill(t, c, testkit.Ada, 4500)}), http.StatusCreated)
	confirm(t, c, testkit.AdaEmail, in.PaymentID, "succeed").Refused(t, http.StatusNotFound, "NOT_FOUND")
	wantPayment(t, c, in.PaymentID, collections.PaymentPending)
	if _, err := billing.Pay(c.App, kernel.Actor{Kind: kernel.KindSystem, Client: testkit.Ada}, paymentOf(t, c, in.PaymentID).Invoice(), 0, "succeed"); err == nil {
		t.Error("the demo's way to pay works beside Stripe")
	}
}

func TestInvoicesAreListed(t *testing.T) {
	c := testkit.New(t)
	open := bill(t, c, testkit.Ada, 4500)
	paid := bill(t, c, testkit.Ada, 2000)
	part := bill(t, c, testkit.Ada, 9000)
	bill(t, c, testkit.Bo, 777)
	c.Add(t, collections.Invoices, map[string]any{"client": testkit.Ada, "status": "draft"})
	by := kernel.Actor{Kind: kernel.KindClient, ID: testkit.AdaLogin, Client: testkit.Ada}
	for invoice, cents := range map[string]int{paid: 0, part: 1000} {
		if _, err := billing.Pay(c.App, by, invoice, cents, "succeed"); err != nil {
			t.Fatal(err)
		}
	}
	type list struct {
		Invoices     []billing.Invoice `json:"invoices"`
		BalanceCents int               `json:"balanceCents"`
		Pagination   kernel.Pagination `json:"pagination"`
	}
	get := func(query string) (l list) {
		t.Helper()
		c.Do(t, "GET", kernel.Portal+"/invoices"+query, c.As(t, testkit.AdaEmail), nil).Data(t, &l)
		return l
	}
	if l := get(""); len(l.Invoices) != 3 || l.BalanceCents != 12500 || l.Pagination.Total != 3 {
		t.Errorf("%d invoices, balance %d, %+v", len(l.Invoices), l.BalanceCents, l.Pagination)
	}
	if l := get("?status=partially_paid"); len(l.Invoices) != 1 || l.Invoices[0].ID != part || l.Invoices[0].BalanceCents != 8000 || l.BalanceCents != 12500 || len(l.Invoices[0].Payments) != 1 {
		t.Errorf("%+v", l)
	}
	if l := get("?limit=1&page=3"); len(l.Invoices) != 1 || l.Invoices[0].ID != open || l.Pagination.TotalPages != 3 {
		t.Errorf("%+v", l)
	}
	for _, q := range []string{"?status=draft", "?status=x", "?page=0", "?limit=101"} {
		c.Do(t, "GET", kernel.Portal+"/invoices"+q, c.As(t, testkit.AdaEmail), nil).Refused(t, http.StatusBadRequest, "VALIDATION_ERROR")
	}
	var one billing.Invoice
	c.Do(t, "GET", kernel.Portal+"/invoices/"+open, c.As(t, testkit.AdaEmail), nil).Data(t, &one)
	if one.IssuedOn != "2026-12-07" || one.DueOn != "2026-12-07" || one.Number != "INV-2026-000001" || len(one.Items) != 1 || one.Items[0].Description != secret || one.Payments == nil {
		t.Errorf("%+v", one)
	}
	c.Do(t, "GET", kernel.Portal+"/invoices/"+open, c.As(t, testkit.BoEmail), nil).Refused(t, http.StatusNotFound, "NOT_FOUND")

	var column string
	if err := c.App.DB().NewQuery("SELECT description FROM invoice_items LIMIT 1").Row(&column); err != nil || strings.Contains(column, "counselling") || column == "" {
		t.Errorf("the description lies in the database as %q (%v)", column, err)
	}
	raw, _ := json.Marshal(one)
	if strings.Contains(string(raw), "notes") {
		t.Error("the clinic's own notes are shown to the client")
	}
}

func TestTryingCardAfterCardIsStopped(t *testing.T) {
	c := testkit.New(t)
	invoice := bill(t, c, testkit.Ada, 4500)
	for range 20 {
		if got := begin(t, c, testkit.AdaEmail, map[string]any{"invoiceId": invoice}); got.Status >= 400 {
			t.Fatalf("%d %s", got.Status, got.Body)
		}
	}
	before := c.Snapshot(t)
	begin(t, c, testkit.AdaEmail, map[string]any{"invoiceId": invoice}).Refused(t, http.StatusTooManyRequests, "RATE_LIMITED")
	if c.Snapshot(t) != before {
		t.Error("a refused attempt changed something")
	}
}
