package billing_test

import (
	"go/build"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"anteroom/collections"
	"anteroom/hooks/kernel"
	"anteroom/hooks/testkit"
)

// startStripeMock runs Stripe's own stripe-mock, which checks every request against Stripe's published description
// of its API and remembers nothing. It gives the address.
func startStripeMock(t *testing.T) string {
	t.Helper()
	program := os.Getenv("STRIPE_MOCK")
	if program == "" {
		program, _ = exec.LookPath("stripe-mock")
	}
	if program == "" {
		program = filepath.Join(build.Default.GOPATH, "bin", "stripe-mock")
	}
	if _, err := os.Stat(program); err != nil {
		t.Fatal("stripe-mock is missing. Install it with: go install github.com/stripe/stripe-mock@v0.203.0 (or name it in STRIPE_MOCK)")
	}
	// without -https-addr it listens on every interface as well
	plain, tls := freePort(t), freePort(t)
	cmd := exec.Command(program, "-http-addr", plain, "-https-addr", tls)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for range 300 {
		if conn, err := net.DialTimeout("tcp", plain, time.Second); err == nil {
			_ = conn.Close()
			return "http://" + plain
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatal("stripe-mock did not begin to listen within 30 seconds")
	return ""
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// What we send is what Stripe's description allows: a customer, an intent, a look at it, closing it.
func TestRequestsFitStripesDescription(t *testing.T) {
	address := startStripeMock(t)
	c := testkit.With(t, func(cfg *kernel.Config) {
		useStripe(cfg, address)
		cfg.StripeSecretKey = "sk_test_123"
	})
	invoice := bill(t, c, testkit.Ada, 4500)
	one := began(t, begin(t, c, testkit.AdaEmail, map[string]any{"invoiceId": invoice}), http.StatusCreated)
	if one.ClientSecret == "" || one.PaymentIntentID == "" || one.AmountCents != 4500 {
		t.Fatalf("%+v", one)
	}
	if id := c.Find(t, "clients", testkit.Ada).GetString("stripe_customer_id"); id == "" {
		t.Error("the customer was not kept")
	}
	if again := began(t, begin(t, c, testkit.AdaEmail, map[string]any{"invoiceId": invoice}), http.StatusOK); again.PaymentID != one.PaymentID {
		t.Errorf("%+v", again)
	}
	// The mock accepts the request to close the intent, and answers as if it were open: it remembers nothing. So we
	// are told that it was too late, and not that the request was wrong.
	begin(t, c, testkit.AdaEmail, map[string]any{"invoiceId": invoice, "amountCents": 1000}).Refused(t, http.StatusConflict, "PAYMENT_IN_PROGRESS")
	if r := deliver(t, c, eventJSON("evt_mock", "payment_intent.succeeded", intentObject(one.PaymentIntentID, 4500, "usd"), testkit.Monday)); r.Status != http.StatusOK {
		t.Fatalf("%d %s", r.Status, r.Body)
	}
	wantInvoice(t, c, invoice, collections.InvoicePaid, 4500)
	// and the mock does check: what Stripe's description does not know is refused
	resp, err := http.DefaultClient.Do(mockRequest(t, address))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusBadRequest {
		t.Errorf("stripe-mock takes an intent without an amount: %d", resp.StatusCode)
	}
}

func mockRequest(t *testing.T, address string) *http.Request {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, address+"/v1/payment_intents", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer sk_test_123")
	return r
}
