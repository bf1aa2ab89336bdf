package billing

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/kernel"
)

// testProcessor pretends to be a bank in demo and dev. It keeps nothing: an intent is named after its payment, and
// stands as the payment does. What it "decides" reaches us only as a signed event, checked and counted like one of
// Stripe's, so that the demo runs the code that real money runs.
type testProcessor struct {
	app    core.App
	secret string
}

const testIntentPrefix = "pi_test_"

func (t *testProcessor) name() string { return collections.ProcessorTest }

func (t *testProcessor) customer(context.Context, string, string) (string, error) { return "", nil }

func (t *testProcessor) open(_ context.Context, a attempt) (intent, error) {
	return t.intent(a.Payment, intentNeedsMethod), nil
}

func (t *testProcessor) intent(payment, status string) intent {
	mac := hmac.New(sha256.New, []byte(t.secret))
	mac.Write([]byte(payment))
	id := testIntentPrefix + payment
	return intent{ID: id, ClientSecret: id + "_secret_" + hex.EncodeToString(mac.Sum(nil)[:12]), Status: status}
}

func (t *testProcessor) look(_ context.Context, id string) (intent, error) {
	p, err := collections.FindPaymentByIntent(t.app, t.name(), id)
	if err != nil {
		return intent{}, err
	}
	if p == nil {
		return intent{}, errRefused
	}
	status := intentNeedsMethod // pending, and failed: another card may be tried
	switch s := p.Status(); {
	case s.Settled():
		status = intentSucceeded
	case s == collections.PaymentCanceled:
		status = intentCanceled
	case s == collections.PaymentProcessing:
		status = intentProcessing
	case s == collections.PaymentRequiresAction:
		status = intentNeedsAction
	}
	return t.intent(p.Id, status), nil
}

func (t *testProcessor) cancel(ctx context.Context, id string) (intent, error) {
	in, err := t.look(ctx, id)
	if err == nil && in.Status != intentSucceeded {
		in.Status = intentCanceled // our row follows; nobody else can confirm it
	}
	return in, err
}

// Outcomes a person may choose for a pretended payment.
const (
	outcomeSucceed   = "succeed"
	outcomeDecline   = "decline"
	outcomeChallenge = "challenge"
	outcomeDispute   = "dispute"
)

// testConfirm stands in for the card form: POST payments/{id}/test-confirm {outcome} has the pretended bank decide,
// and answers 202 once its event was received. Without the test processor it does not exist.
func (t *till) testConfirm(c *kernel.Call) (*kernel.Reply, error) {
	bank, ok := t.processor.(*testProcessor)
	if !ok {
		return nil, kernel.NotFound()
	}
	p, err := collections.FindPayment(c.App, c.Client(), c.ID())
	if err != nil {
		return nil, err
	}
	var in struct {
		Outcome string `json:"outcome"`
	}
	if err := c.Bind(&in); err != nil {
		return nil, err
	}
	payload, err := bank.decide(p, in.Outcome, kernel.Now(c.App))
	if err != nil {
		return nil, err
	}
	if err := t.receiveOwn(c.App, payload, c.Actor.IP); err != nil {
		return nil, err
	}
	return kernel.Accepted(map[string]string{"paymentId": p.Id, "outcome": in.Outcome}), nil
}

// decide writes the event that Stripe would send. A second "succeed" is the first event once more, as Stripe repeats
// what it is not sure we heard.
func (t *testProcessor) decide(p *collections.Payment, outcome string, at time.Time) ([]byte, error) {
	settled := p.Status().Settled()
	switch outcome {
	case outcomeDispute:
		if !settled {
			return nil, kernel.Conflict("NOT_PAID", "Only a payment that was made can be disputed.")
		}
	case outcomeSucceed, outcomeDecline, outcomeChallenge:
		if settled && outcome != outcomeSucceed {
			return nil, kernel.Conflict("ALREADY_PAID", "This payment was made already.")
		}
		if p.Status() == collections.PaymentCanceled || p.Intent() == "" {
			return nil, kernel.Conflict("PAYMENT_CLOSED", "This payment was closed. Start again.")
		}
	default:
		return nil, kernel.Invalid("OUTCOME_INVALID", "Choose an outcome: succeed, decline, challenge or dispute.").
			Field("outcome", "option", "Must be succeed, decline, challenge or dispute.")
	}
	pi := map[string]any{"id": p.Intent(), "object": "payment_intent", "amount": p.Amount(), "amount_received": 0, "currency": p.Currency(),
		"livemode": false, "metadata": map[string]string{"payment": p.Id, "invoice": p.Invoice()}}
	id, kind, object := "evt_test_"+rand.Text(), "", pi
	switch outcome {
	case outcomeSucceed:
		id, kind = "evt_test_"+p.Id+"_succeeded", "payment_intent.succeeded"
		pi["status"], pi["amount_received"] = intentSucceeded, p.Amount()
	case outcomeDecline:
		kind = "payment_intent.payment_failed"
		pi["status"] = intentNeedsMethod
		pi["last_payment_error"] = map[string]string{"type": "card_error", "code": "card_declined", "decline_code": "generic_decline"}
	case outcomeChallenge:
		kind = "payment_intent.requires_action"
		pi["status"] = intentNeedsAction
	case outcomeDispute:
		id, kind = "evt_test_"+p.Id+"_disputed", "charge.dispute.created"
		object = map[string]any{"id": "dp_test_" + p.Id, "object": "dispute", "amount": p.Amount(), "currency": p.Currency(),
			"charge": "ch_test_" + p.Id, "payment_intent": p.Intent(), "status": "needs_response", "reason": "fraudulent"}
	}
	return json.Marshal(map[string]any{"id": id, "object": "event", "api_version": apiVersion, "created": at.Unix(), "livemode": false,
		"pending_webhooks": 1, "type": kind, "data": map[string]any{"object": object}})
}
