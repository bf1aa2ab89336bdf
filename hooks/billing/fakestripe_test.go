package billing_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/webhook"

	"anteroom/hooks/kernel"
	"anteroom/hooks/testkit"
)

const (
	fakeKey    = "sk_test_fake"
	fakeSecret = "whsec_fake"
)

// fakeStripe is a small stateful imitation of Stripe, for what stripe-mock does not show: intents that remember
// their state, idempotency keys, lost answers, declines, and signed events. It is our own reading of Stripe's
// documents, not Stripe.
type fakeStripe struct {
	mu        sync.Mutex
	intents   map[string]*fakeIntent
	customers map[string]url.Values
	keys      map[string]kept
	requests  []string // every body that was sent, to look for what must not travel
	creates   int      // intents really made
	loseNext  int      // answers that get lost after the work was done
	down      bool
	events    int
}

type fakeIntent struct {
	ID, Status, Currency string
	Amount, Received     int
	Form                 url.Values
}

type kept struct {
	form   string
	status int
	body   []byte
}

func startFakeStripe(t *testing.T) (*fakeStripe, *httptest.Server) {
	f := &fakeStripe{intents: map[string]*fakeIntent{}, customers: map[string]url.Values{}, keys: map[string]kept{}}
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	return f, s
}

// withStripe is a clinic whose Stripe is the fake. It is no production one: there, mail waits for a mail server.
func withStripe(t *testing.T) (*testkit.Clinic, *fakeStripe) {
	f, s := startFakeStripe(t)
	return testkit.With(t, func(c *kernel.Config) { useStripe(c, s.URL) }), f
}

func useStripe(c *kernel.Config, address string) {
	c.StripeSecretKey, c.StripePublishableKey, c.StripeWebhookSecret, c.StripeAPIBase = fakeKey, "pk_test_fake", fakeSecret, address
}

func (f *fakeStripe) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	raw, _ := io.ReadAll(r.Body)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests = append(f.requests, r.URL.String()+" "+string(raw))
	if f.down {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	if r.Header.Get("Authorization") != "Bearer "+fakeKey {
		f.fail(w, http.StatusUnauthorized, "", "")
		return
	}
	if v := r.Header.Get("Stripe-Version"); v != stripe.APIVersion {
		f.fail(w, http.StatusBadRequest, "version_"+v, "")
		return
	}
	form, _ := url.ParseQuery(string(raw))
	answer := httptest.NewRecorder()
	key := r.Header.Get("Idempotency-Key")
	if k, known := f.keys[key]; known && r.Method == http.MethodPost {
		if k.form != r.URL.Path+form.Encode() {
			f.failType(w, http.StatusBadRequest, "idempotency_error", "", "")
			return
		}
		answer.Code = k.status
		answer.Body.Write(k.body)
	} else {
		f.work(answer, r, form)
		if r.Method == http.MethodPost && key != "" {
			f.keys[key] = kept{r.URL.Path + form.Encode(), answer.Code, answer.Body.Bytes()}
		}
	}
	if f.loseNext > 0 {
		f.loseNext--
		c, _, _ := w.(http.Hijacker).Hijack()
		_ = c.Close()
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

func (f *fakeStripe) work(w http.ResponseWriter, r *http.Request, form url.Values) {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/") // v1 payment_intents ID action
	switch {
	case r.Method == http.MethodPost && r.URL.Path == "/v1/customers":
		id := fmt.Sprintf("cus_%d", len(f.customers)+1)
		f.customers[id] = form
		f.answer(w, map[string]any{"id": id, "object": "customer"})
	case r.Method == http.MethodPost && r.URL.Path == "/v1/payment_intents":
		amount, _ := strconv.Atoi(form.Get("amount"))
		if amount < 50 {
			f.fail(w, http.StatusBadRequest, "amount_too_small", "amount")
			return
		}
		if _, ok := f.customers[form.Get("customer")]; !ok {
			f.fail(w, http.StatusBadRequest, "resource_missing", "customer")
			return
		}
		f.creates++
		in := &fakeIntent{ID: fmt.Sprintf("pi_%d", f.creates), Status: "requires_payment_method", Currency: form.Get("currency"), Amount: amount, Form: form}
		f.intents[in.ID] = in
		f.answer(w, in.json())
	case len(parts) >= 3 && parts[1] == "payment_intents":
		in := f.intents[parts[2]]
		switch {
		case in == nil:
			f.fail(w, http.StatusNotFound, "resource_missing", "intent")
		case len(parts) == 3 && r.Method == http.MethodGet:
			f.answer(w, in.json())
		case len(parts) == 4 && parts[3] == "cancel" && (in.Status == "succeeded" || in.Status == "canceled" || in.Status == "processing"):
			f.fail(w, http.StatusBadRequest, "payment_intent_unexpected_state", "")
		case len(parts) == 4 && parts[3] == "cancel":
			in.Status = "canceled"
			f.answer(w, in.json())
		default:
			f.fail(w, http.StatusNotFound, "", "")
		}
	default:
		f.fail(w, http.StatusNotFound, "", "")
	}
}

func (f *fakeStripe) answer(w http.ResponseWriter, v any) {
	raw, _ := json.Marshal(v)
	_, _ = w.Write(raw)
}

func (f *fakeStripe) fail(w http.ResponseWriter, status int, code, param string) {
	f.failType(w, status, "invalid_request_error", code, param)
}

func (f *fakeStripe) failType(w http.ResponseWriter, status int, kind, code, param string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	f.answer(w, map[string]any{"error": map[string]string{"type": kind, "code": code, "param": param, "message": "refused by the fake"}})
}

func (in *fakeIntent) json() map[string]any {
	return map[string]any{"id": in.ID, "object": "payment_intent", "client_secret": in.ID + "_secret_x", "status": in.Status,
		"amount": in.Amount, "amount_received": in.Received, "currency": in.Currency, "livemode": false}
}

// confirm is what a card form does with an intent: it succeeds unless the intent is closed. It gives the event.
func (f *fakeStripe) confirm(t *testing.T, id, outcome string) []byte {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	in := f.intents[id]
	if in == nil || in.Status == "canceled" || in.Status == "succeeded" {
		t.Fatalf("an intent that is %+v cannot be confirmed", in)
	}
	kind := "payment_intent.succeeded"
	object := in.json
	extra := map[string]any{}
	switch outcome {
	case "succeed":
		in.Status, in.Received = "succeeded", in.Amount
	case "challenge":
		in.Status, kind = "requires_action", "payment_intent.requires_action"
	case "processing":
		in.Status, kind = "processing", "payment_intent.processing"
	default:
		in.Status, kind = "requires_payment_method", "payment_intent.payment_failed"
		extra["last_payment_error"] = map[string]any{"type": "card_error", "code": "card_declined", "decline_code": outcome,
			"payment_method": map[string]any{"id": "pm_1", "object": "payment_method", "type": "card", "card": map[string]any{"brand": "visa", "last4": "0002"}}}
	}
	v := object()
	for k, x := range extra {
		v[k] = x
	}
	return f.event(kind, v)
}

// charged is the money the fake has taken, by intent.
func (f *fakeStripe) charged() map[string]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := map[string]int{}
	for id, in := range f.intents {
		if in.Received > 0 {
			out[id] = in.Received
		}
	}
	return out
}

func (f *fakeStripe) event(kind string, object map[string]any) []byte {
	f.events++
	return eventJSON(fmt.Sprintf("evt_%d", f.events), kind, object, testkit.Monday.Add(time.Duration(f.events)*time.Second))
}

func eventJSON(id, kind string, object map[string]any, at time.Time) []byte {
	raw, err := json.Marshal(map[string]any{"id": id, "object": "event", "api_version": stripe.APIVersion, "created": at.Unix(),
		"livemode": false, "type": kind, "data": map[string]any{"object": object}})
	if err != nil {
		panic(err)
	}
	return raw
}

// sign is Stripe's signature over a payload.
func sign(payload []byte, secret string, at time.Time) string {
	return webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{Payload: payload, Secret: secret, Timestamp: at}).Header
}

const hook = kernel.Portal + "/stripe/webhook"

// deliver posts an event as Stripe does.
func deliver(t testing.TB, c *testkit.Clinic, payload []byte) *testkit.Response {
	t.Helper()
	return c.Do(t, "POST", hook, "", payload, "Stripe-Signature", sign(payload, kernel.ConfigOf(c.App).StripeWebhookSecret, time.Now()))
}
