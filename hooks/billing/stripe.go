package billing

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/pocketbase/pocketbase/core"
	"github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/customer"
	"github.com/stripe/stripe-go/v76/paymentintent"
	"github.com/stripe/stripe-go/v76/webhook"

	"anteroom/collections"
)

// The version of Stripe's API that the library speaks. The webhook endpoint in Stripe's dashboard must be made for
// it: events of another version are refused.
const apiVersion = stripe.APIVersion

func isLiveKey(key string) bool {
	return strings.HasPrefix(key, "sk_live_") || strings.HasPrefix(key, "rk_live_")
}

// stripeProcessor takes cards through Stripe.
type stripeProcessor struct {
	intents   paymentintent.Client
	customers customer.Client
}

const (
	oneCall     = 12 * time.Second
	callRetries = 2 // of the library, with the same idempotency key
)

func newStripe(key, base string) *stripeProcessor {
	config := &stripe.BackendConfig{
		HTTPClient:        &http.Client{Timeout: oneCall},
		MaxNetworkRetries: stripe.Int64(callRetries),
		EnableTelemetry:   stripe.Bool(false),
		LeveledLogger:     &stripe.LeveledLogger{Level: stripe.LevelNull}, // failures are logged by whoever called
	}
	if base != "" {
		config.URL = stripe.String(base)
	}
	b := stripe.GetBackendWithConfig(stripe.APIBackend, config)
	return &stripeProcessor{intents: paymentintent.Client{B: b, Key: key}, customers: customer.Client{B: b, Key: key}}
}

func (s *stripeProcessor) name() string { return collections.ProcessorStripe }

// customer sends the client's id and nothing else: Stripe needs no name to take a card.
func (s *stripeProcessor) customer(ctx context.Context, client, key string) (string, error) {
	p := &stripe.CustomerParams{Metadata: map[string]string{"client": client}}
	p.Context = ctx
	p.SetIdempotencyKey(key)
	c, err := s.customers.New(p)
	if err != nil {
		return "", refusal(err)
	}
	return c.ID, nil
}

func (s *stripeProcessor) open(ctx context.Context, a attempt) (intent, error) {
	p := &stripe.PaymentIntentParams{
		Amount:             stripe.Int64(int64(a.Cents)),
		Currency:           stripe.String(a.Currency),
		Customer:           stripe.String(a.Customer),
		PaymentMethodTypes: stripe.StringSlice([]string{string(stripe.PaymentMethodTypeCard)}),
		Metadata:           map[string]string{"payment": a.Payment, "invoice": a.Invoice},
	}
	p.Context = ctx
	p.SetIdempotencyKey(a.Key)
	return intentOf(s.intents.New(p))
}

func (s *stripeProcessor) look(ctx context.Context, id string) (intent, error) {
	p := &stripe.PaymentIntentParams{}
	p.Context = ctx
	return missingIsCanceled(intentOf(s.intents.Get(id, p)))
}

// missingIsCanceled: an intent that this account does not have (the clinic changed from test keys to live ones) can
// take no money into it.
func missingIsCanceled(in intent, err error) (intent, error) {
	if errors.Is(err, errMissing) {
		return intent{Status: intentCanceled}, nil
	}
	return in, err
}

func (s *stripeProcessor) cancel(ctx context.Context, id string) (intent, error) {
	p := &stripe.PaymentIntentCancelParams{CancellationReason: stripe.String(string(stripe.PaymentIntentCancellationReasonAbandoned))}
	p.Context = ctx
	in, err := missingIsCanceled(intentOf(s.intents.Cancel(id, p)))
	if errors.Is(err, errState) {
		return s.look(ctx, id) // it was canceled before, or it is too late
	}
	return in, err
}

var (
	errState   = errors.New("the intent stands where this cannot be done")
	errMissing = errors.New("there is no such intent")
)

func intentOf(pi *stripe.PaymentIntent, err error) (intent, error) {
	if err != nil {
		return intent{}, refusal(err)
	}
	return intent{ID: pi.ID, ClientSecret: pi.ClientSecret, Status: string(pi.Status)}, nil
}

// refusal sorts Stripe's errors: what was refused for good, and what may be tried again with the same key. A wrong
// key of ours (401, 403) counts as the latter: once the operator mended it, the same attempt goes on.
func refusal(err error) error {
	var se *stripe.Error
	if !errors.As(err, &se) {
		return err
	}
	// Stripe's own text stays out of the log: it may hold the intent with its secret
	cause := fmt.Errorf("stripe: %s %s (status %d, parameter %q, request %s)", se.Type, se.Code, se.HTTPStatusCode, se.Param, se.RequestID)
	switch {
	case se.Code == stripe.ErrorCodePaymentIntentUnexpectedState:
		return fmt.Errorf("%w: %w", errState, cause)
	case se.Code == stripe.ErrorCodeAmountTooSmall || se.Code == stripe.ErrorCodeAmountTooLarge:
		return fmt.Errorf("%w: %w", errAmount, cause)
	case se.Code == stripe.ErrorCodeResourceMissing && se.Param == "customer":
		return fmt.Errorf("%w: %w", errNoCustomer, cause)
	case se.Code == stripe.ErrorCodeResourceMissing && se.Param == "intent":
		return fmt.Errorf("%w: %w", errMissing, cause)
	case se.HTTPStatusCode == http.StatusBadRequest || se.HTTPStatusCode == http.StatusPaymentRequired || se.HTTPStatusCode == http.StatusNotFound:
		return fmt.Errorf("%w: %w", errRefused, cause)
	}
	return cause
}

// signature is the Stripe-Signature header of a payload.
func signature(payload []byte, secret string, at time.Time) string {
	return fmt.Sprintf("t=%d,v1=%s", at.Unix(), hex.EncodeToString(webhook.ComputeSignature(at, payload, secret)))
}

// receiveOwn signs an event of the test processor and receives it as one of Stripe's. A signature's age is measured
// with the machine's clock, so it is signed with that one.
func (t *till) receiveOwn(app core.App, payload []byte, ip string) error {
	at := time.Now() //nolint:forbidigo // see above
	return t.receive(app, payload, signature(payload, t.secret, at), ip)
}

// readEvent checks a payload's signature and reads what it says. The signature's age is measured with the
// machine's clock: the sender's clock does not move with ours.
func readEvent(payload []byte, header, secret string) (event, error) {
	switch err := webhook.ValidatePayload(payload, header, secret); {
	case errors.Is(err, webhook.ErrTooOld):
		// the library looks at the age before the signature: say "too old" only to whoever knows the secret
		if webhook.ValidatePayloadIgnoringTolerance(payload, header, secret) != nil {
			return event{}, errSignature
		}
		return event{}, errTooOld
	case err != nil:
		return event{}, errSignature
	}
	var e stripe.Event
	if err := json.Unmarshal(payload, &e); err != nil || e.ID == "" || len(e.ID) > 255 || len(e.Type) > 100 || e.Data == nil {
		return event{}, errUnreadable
	}
	if e.APIVersion != apiVersion {
		return event{}, fmt.Errorf("%w: %q, and Anteroom speaks %q", errVersion, e.APIVersion, apiVersion)
	}
	ev := event{ID: e.ID, Type: string(e.Type), APIVersion: e.APIVersion, Live: e.Livemode, At: time.Unix(e.Created, 0).UTC()}
	var err error
	switch e.Type {
	case stripe.EventTypePaymentIntentSucceeded:
		err = ev.readIntent(e.Data.Raw, saysPaid)
	case stripe.EventTypePaymentIntentProcessing:
		err = ev.readIntent(e.Data.Raw, saysProcessing)
	case stripe.EventTypePaymentIntentRequiresAction:
		err = ev.readIntent(e.Data.Raw, saysChallenge)
	case stripe.EventTypePaymentIntentPaymentFailed:
		err = ev.readIntent(e.Data.Raw, saysDeclined)
	case stripe.EventTypePaymentIntentCanceled:
		err = ev.readIntent(e.Data.Raw, saysCanceled)
	case stripe.EventTypeChargeSucceeded:
		err = ev.readCharge(e.Data.Raw, saysMethod)
	case stripe.EventTypeChargeRefunded:
		err = ev.readCharge(e.Data.Raw, saysRefunded)
	case stripe.EventTypeChargeDisputeCreated:
		err = ev.readDispute(e.Data.Raw, saysDisputed)
	case stripe.EventTypeChargeDisputeClosed:
		err = ev.readDispute(e.Data.Raw, saysDisputeOver)
	}
	if err != nil || len(ev.Object) > 255 {
		return event{}, errors.Join(errUnreadable, err)
	}
	return ev, nil
}

func (ev *event) readIntent(raw []byte, w what) error {
	var pi stripe.PaymentIntent
	if err := json.Unmarshal(raw, &pi); err != nil {
		return err
	}
	ev.Object = pi.ID
	ev.Says = said{What: w, Intent: pi.ID, Cents: pi.Amount, Currency: string(pi.Currency)}
	if w == saysPaid && pi.AmountReceived != 0 && pi.AmountReceived != pi.Amount {
		ev.Says.Cents = pi.AmountReceived // less than was asked for: it will fit no payment of ours
	}
	if e := pi.LastPaymentError; e != nil && w == saysDeclined {
		ev.Says.Failure = string(e.Code)
		if e.DeclineCode != "" {
			ev.Says.Failure = string(e.DeclineCode)
		}
		if m := e.PaymentMethod; m != nil && m.Card != nil {
			ev.Says.Brand, ev.Says.Last4 = string(m.Card.Brand), m.Card.Last4
		}
	}
	return nil
}

func (ev *event) readCharge(raw []byte, w what) error {
	var c stripe.Charge
	if err := json.Unmarshal(raw, &c); err != nil {
		return err
	}
	ev.Object = c.ID
	ev.Says = said{What: w, Cents: c.Amount, Currency: string(c.Currency), Refunded: c.AmountRefunded}
	if c.PaymentIntent != nil {
		ev.Says.Intent = c.PaymentIntent.ID
	}
	if d := c.PaymentMethodDetails; d != nil && d.Card != nil {
		ev.Says.Kind, ev.Says.Brand, ev.Says.Last4 = methodCard, string(d.Card.Brand), d.Card.Last4
	}
	return nil
}

func (ev *event) readDispute(raw []byte, w what) error {
	var d stripe.Dispute
	if err := json.Unmarshal(raw, &d); err != nil {
		return err
	}
	ev.Object = d.ID
	ev.Says = said{What: w, Cents: d.Amount, Currency: string(d.Currency),
		Won: d.Status == stripe.DisputeStatusWon || d.Status == stripe.DisputeStatusWarningClosed}
	if d.PaymentIntent != nil {
		ev.Says.Intent = d.PaymentIntent.ID
	}
	return nil
}
