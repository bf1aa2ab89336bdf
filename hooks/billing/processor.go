package billing

import (
	"context"
	"errors"
	"time"
)

// processor takes the money. Both implementations speak Stripe's words, because the page does.
type processor interface {
	// name is what payments.processor holds.
	name() string
	// customer makes the processor's record of a payer and returns its id; "" when it keeps none. The same key
	// gives the same customer.
	customer(ctx context.Context, client, key string) (string, error)
	// open makes an intent. The same attempt.Key gives the same intent.
	open(ctx context.Context, a attempt) (intent, error)
	// look tells how an intent stands.
	look(ctx context.Context, id string) (intent, error)
	// cancel closes an intent for good and tells how it stands then: not canceled when it was too late.
	cancel(ctx context.Context, id string) (intent, error)
}

// attempt is what the processor is told of a payment: ids and money, nothing else.
type attempt struct {
	Payment, Invoice string
	Customer         string
	Cents            int
	Currency         string
	Key              string
}

// intent is the processor's side of a payment.
type intent struct {
	ID           string
	ClientSecret string
	Status       string // Stripe's word
}

// Statuses of an intent, in Stripe's words.
const (
	intentNeedsMethod       = "requires_payment_method"
	intentNeedsConfirmation = "requires_confirmation"
	intentNeedsAction       = "requires_action"
	intentProcessing        = "processing"
	intentSucceeded         = "succeeded"
	intentCanceled          = "canceled"
)

// What a processor may answer for good. Any other error means: nobody knows, try again with the same key.
var (
	errAmount     = errors.New("the processor does not take this amount")
	errNoCustomer = errors.New("the processor does not know this customer")
	errRefused    = errors.New("the processor refuses this request")
)

// What can be wrong with an event.
var (
	errSignature  = errors.New("not signed with our secret")
	errTooOld     = errors.New("signed too long ago")
	errVersion    = errors.New("rendered for another version of the API")
	errUnreadable = errors.New("not an event that can be read")
)

// event is one signed message of the processor.
type event struct {
	ID         string
	Type       string
	Object     string // id of the intent, charge or dispute it tells of
	APIVersion string
	Live       bool
	At         time.Time
	Says       said
}

// said is what an event tells about a payment.
type said struct {
	What     what
	Intent   string
	Cents    int64 // amount of the payment; of a dispute: at most that
	Currency string
	Refunded int64  // all that was given back so far
	Failure  string // code of a decline
	Won      bool   // a closed dispute was decided for the clinic

	Kind, Brand, Last4 string // of the method, where the event knows it
}

// what is the kind of thing an event tells.
type what int

const (
	saysNothing what = iota // of no interest here
	saysMethod
	saysProcessing
	saysChallenge
	saysDeclined
	saysCanceled
	saysPaid
	saysRefunded
	saysDisputed
	saysDisputeOver
)
