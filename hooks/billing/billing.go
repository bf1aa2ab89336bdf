// Package billing owns what a client owes and pays: invoices and their lines, payments, and the events of the
// payment processor.
//
// What it promises, and through which layer:
//
//   - Money is an integer of cents. An invoice comes to the sum of its lines, less its discount, plus its tax, worked
//     out by a model hook; once issued it does not change (hook and triggers).
//   - An amount comes from the invoice. A person may ask to pay less, never more (hook on payments).
//   - Paying twice charges once: an invoice has one live attempt (unique index), an attempt has one intent at the
//     processor (its own idempotency key), and an attempt is closed at the processor before another begins.
//   - Only a signed event of the processor moves a payment to succeeded, whoever asks (hook on payments). The event,
//     the payment, the invoice, the notices and the audit lines commit together, and an event counts once (unique
//     index on its id).
//   - Nothing is paid beyond its total (trigger).
//
// It may touch invoices, invoice_items, payments, stripe_events and clients.stripe_customer_id. Stripe is imported
// by stripe.go alone. What must never happen: a call to the processor inside a transaction; a name, an address or
// a service in anything sent to the processor; a card number anywhere.
package billing

import (
	"crypto/rand"
	"hash/maphash"
	"net/http"
	"sync"

	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
	"anteroom/hooks/outbox"
	"anteroom/hooks/realtime"
)

// How payments are taken, as GET config tells the page.
const (
	ModeStripe = "stripe"
	ModeTest   = "test"
	ModeOff    = "off"
)

// Mode tells how this app takes payments. The test processor exists in demo and dev only.
func Mode(app core.App) string {
	cfg := kernel.ConfigOf(app)
	switch {
	case cfg.StripeSecretKey != "":
		return ModeStripe
	case cfg.IsLocal():
		return ModeTest
	}
	return ModeOff
}

// till is where payments are made: the processor and what its events are checked with.
type till struct {
	processor processor // nil: payments are off
	secret    string    // of the webhook; never empty while there is a processor
	live      bool      // events of real money are expected

	// One attempt at a time for an invoice. The unique index would hold without it; waiting spares the processor
	// a create and a cancel for each of two that arrive together. Two invoices may share a lock.
	locks [64]sync.Mutex
	seed  maphash.Seed
}

func openTill(app core.App) *till {
	cfg := kernel.ConfigOf(app)
	t := &till{secret: cfg.StripeWebhookSecret, seed: maphash.MakeSeed()}
	switch Mode(app) {
	case ModeStripe:
		t.live = isLiveKey(cfg.StripeSecretKey)
		if t.secret != "" { // an empty secret would verify what anybody signs
			t.processor = newStripe(cfg.StripeSecretKey, cfg.StripeAPIBase)
		}
	case ModeTest:
		if t.secret == "" {
			t.secret = "whsec_" + rand.Text()
		}
		t.processor = &testProcessor{app: app, secret: t.secret}
	}
	return t
}

func (t *till) lock(invoice string) (unlock func()) {
	m := &t.locks[maphash.String(t.seed, invoice)%uint64(len(t.locks))]
	m.Lock()
	return m.Unlock
}

const tillKey = "anteroom.billing"

func tillOf(app core.App) *till { return app.Store().Get(tillKey).(*till) }

// Bind binds the rules, the routes and the background work.
func Bind(app core.App) {
	t := openTill(app)
	app.Store().Set(tillKey, t)
	bindRules(app, t)
	outbox.OnJob(app, jobCloseAttempt, t.closeAttemptJob)

	realtime.Publish(app, realtime.Topic{Collection: collections.Invoices, Area: kernel.AreaBilling, Item: invoiceForRealtime, View: audit.ViewInvoice})
	realtime.Publish(app, realtime.Topic{Collection: collections.Payments, Area: kernel.AreaBilling, Item: paymentForRealtime, View: actionViewPayment})

	const invoices, payments = kernel.Portal + "/invoices", kernel.Portal + "/payments"
	client := func(method, path, owns string, do func(*kernel.Call) (*kernel.Reply, error)) kernel.Route {
		return kernel.Route{Method: method, Path: path, Access: kernel.ForClient, Area: kernel.AreaBilling, Owns: owns, Do: do}
	}
	start := client(http.MethodPost, payments+"/intent", "", t.startPayment)
	start.Key = kernel.KeyRequired
	start.Limit = collections.LimitPayments
	confirm := client(http.MethodPost, payments+"/{id}/test-confirm", collections.Payments, t.testConfirm)
	confirm.Key = kernel.KeyOptional
	kernel.Handle(app,
		client(http.MethodGet, invoices, "", listInvoices),
		client(http.MethodGet, invoices+"/{id}", collections.Invoices, viewInvoice),
		client(http.MethodGet, payments+"/history", "", listPayments),
		client(http.MethodGet, payments+"/{id}", collections.Payments, viewPayment),
		client(http.MethodGet, payments+"/{id}/receipt", collections.Payments, downloadReceipt),
		start, confirm,
		kernel.Route{Method: http.MethodPost, Path: kernel.Portal + "/stripe/webhook", Access: kernel.Public,
			MaxBody: 256 << 10, Do: t.webhook},
		kernel.Route{Method: http.MethodPost, Path: kernel.Desk + "/invoices", Access: kernel.Staff, Roles: billingRoles,
			Key: kernel.KeyOptional, Do: issueInvoice},
	)
}
