// Package outbox owns what leaves the clinic or is worked off later: mails, text messages and background jobs. A
// domain writes a row in the transaction of its cause, so neither can exist without the other; delivery happens
// after the commit, is retried with growing pauses, and survives a crash.
//
// It may touch only its own collection, and reads the clinic's settings, logo and places, and where a client is reached.
// What must never happen: a network call inside a
// transaction, a body in plaintext in the database, PHI in a subject or body, one cause delivered under two rows.
//
// Delivery is at least once: a crash between handing a mail to the server and marking its row sends it again, with
// the same Message-ID, so that mail programs show it once. A text message may then arrive twice.
package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"

	"anteroom/hooks/kernel"
	"anteroom/hooks/phi"
)

// Name of the collection.
const Collection = "outbox"

// Kinds of rows.
const (
	kindMail = "mail"
	kindSMS  = "sms"
	kindJob  = "job"
)

// Message is a mail. Text is plain; the branded HTML is made from it. Link leads into the portal and appears as a
// button in HTML and as an address in the text.
type Message struct {
	Topic       string // e.g. appointment_confirmed: for the operator's list, not for the reader
	To          string
	Language    string // "en" or "es"
	Subject     string
	Text        string // paragraphs separated by an empty line
	Link        string // absolute, or a path of the portal
	LinkLabel   string
	Code        string // a code to type, shown large
	Attachments []Attachment
	Cause       string // unique per reason to write; a second row with the same cause is silently dropped
}

// Attachment is a file of a mail.
type Attachment struct {
	FileName string `json:"fileName"`
	MimeType string `json:"mimeType"`
	Content  []byte `json:"content"`
}

// Mail writes a mail into the outbox, in the caller's transaction.
func Mail(tx core.App, m Message) error {
	if m.To == "" {
		return errors.New("outbox: a mail needs a recipient")
	}
	return put(tx, kindMail, m.Topic, m.To, m.Cause, m)
}

// Job writes background work into the outbox. The handler registered with OnJob gets payload as JSON.
func Job(tx core.App, topic, cause string, payload any) error {
	return put(tx, kindJob, topic, "", cause, payload)
}

func put(tx core.App, kind, topic, recipient, cause string, payload any) error {
	if cause != "" {
		var n int
		err := tx.DB().NewQuery("SELECT count(*) FROM outbox WHERE cause = {:c}").Bind(dbx.Params{"c": cause}).Row(&n)
		if err != nil {
			return err
		}
		if n > 0 {
			return nil
		}
	}
	col, err := tx.FindCachedCollectionByNameOrId(Collection)
	if err != nil {
		return err
	}
	raw, err := json.Marshal(payload)
	if err != nil {
		return err
	}
	r := core.NewRecord(col)
	r.Set("kind", kind)
	r.Set("topic", topic)
	r.Set("recipient", recipient)
	r.Set("cause", cause)
	r.Set("status", "waiting")
	r.Set("next_at", kernel.Now(tx))
	r.Set("payload", types.JSONRaw(raw))
	return tx.Save(r)
}

// JobFunc does the work of one row. It runs outside any transaction; an error means "try again later".
type JobFunc func(app core.App, payload []byte) error

const workerKey = "anteroom.outbox"

type worker struct {
	mu      sync.RWMutex
	jobs    map[string]JobFunc
	mails   lane
	texts   lane
	work    lane
	deliver func(context.Context, Mailing) error
	carrier carrier
}

// lane is one kind of rows and who works them off: a mail server that hangs must not keep a PDF from being made.
type lane struct {
	kind string
	busy sync.Mutex // one at a time: two that read the same rows would deliver them twice
	wake chan struct{}
}

func workerOf(app core.App) *worker {
	return app.Store().GetOrSet(workerKey, func() any {
		lane := func(kind string) lane { return lane{kind: kind, wake: make(chan struct{}, 1)} }
		return &worker{jobs: map[string]JobFunc{}, mails: lane(kindMail), texts: lane(kindSMS), work: lane(kindJob)}
	}).(*worker)
}

// lanes lists jobs first: they write mails.
func (w *worker) lanes() []*lane { return []*lane{&w.work, &w.mails, &w.texts} }

// OnJob registers the handler of a topic. Call it while binding.
func OnJob(app core.App, topic string, f JobFunc) {
	w := workerOf(app)
	w.mu.Lock()
	w.jobs[topic] = f
	w.mu.Unlock()
}

// showNoPayload: a mail may hold the code that signs somebody in. PocketBase shows hidden fields to owners, who could
// then be anybody.
func showNoPayload(e *core.RecordEnrichEvent) error {
	if err := e.Next(); err != nil {
		return err
	}
	e.Record.Hide("payload")
	return nil
}

// Warning is what the operator must hear at start: empty, or that no mail can leave.
func Warning(cfg kernel.Config) string {
	if cfg.SMTPHost != "" || cfg.IsLocal() {
		return ""
	}
	return "No mail server is configured (SMTP_HOST): nobody can register or reset a password. Mails wait until there is one."
}

// Bind wakes the worker after each commit that wrote a row, and starts it with the server.
func Bind(app core.App) {
	w := workerOf(app)
	w.deliver, w.carrier = senderFor(kernel.ConfigOf(app)), carrierFor(kernel.ConfigOf(app))
	kernel.WrittenByPortalAlone(app, Collection) // who could change an address would read somebody's code
	app.OnRecordEnrich(Collection).BindFunc(showNoPayload)
	app.OnRecordAfterCreateSuccess(Collection).BindFunc(func(e *core.RecordEvent) error {
		for _, l := range w.lanes() {
			select {
			case l.wake <- struct{}{}:
			default:
			}
		}
		return e.Next()
	})
	app.OnServe().BindFunc(func(se *core.ServeEvent) error {
		ctx, cancel := context.WithCancel(context.Background())
		var running sync.WaitGroup
		se.App.OnTerminate().BindFunc(func(te *core.TerminateEvent) error {
			cancel()
			running.Wait() // what is half done is marked, so that it is not done twice
			return te.Next()
		})
		for _, l := range w.lanes() {
			running.Go(func() { w.run(ctx, app, l) })
		}
		return se.Next()
	})
}

const (
	atOnce      = 50              // rows worked off between two looks at the table
	maxAttempts = 12              // about two days of retries
	lookEvery   = 2 * time.Second // for rows whose time comes without a wake-up
	oneDelivery = time.Minute

	noSenderPause = 15 * time.Minute
)

func (w *worker) run(ctx context.Context, app core.App, l *lane) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		for ctx.Err() == nil && w.workOff(ctx, app, l) == atOnce {
		}
		select {
		case <-ctx.Done():
			return
		case <-l.wake:
		case <-tick.C:
		}
	}
}

// Drain works off what is due now and returns how many rows it took: for tests and commands that do not serve.
func Drain(ctx context.Context, app core.App) int {
	w, n := workerOf(app), 0
	for _, l := range w.lanes() {
		for k := atOnce; k == atOnce; n += k {
			k = w.workOff(ctx, app, l)
		}
	}
	return n
}

func (w *worker) workOff(ctx context.Context, app core.App, l *lane) int {
	l.busy.Lock()
	defer l.busy.Unlock()
	due, err := app.FindRecordsByFilter(Collection, "kind = {:kind} && status = 'waiting' && next_at <= {:now}", "next_at", atOnce, 0,
		dbx.Params{"kind": l.kind, "now": kernel.Now(app).Format(types.DefaultDateLayout)})
	if err != nil {
		app.Logger().Error("read outbox", "error", err)
		return 0
	}
	for _, r := range due {
		if ctx.Err() != nil {
			return 0
		}
		w.mark(app, r, w.attempt(ctx, app, r))
	}
	return len(due)
}

func (w *worker) attempt(ctx context.Context, app core.App, r *core.Record) (err error) {
	defer func() {
		if p := recover(); p != nil { // one bad row must not stop the clinic's mail
			err = fmt.Errorf("panic in %s: %T", r.GetString("topic"), p) // its text may hold what was worked on
		}
	}()
	switch r.GetString("kind") {
	case kindMail:
		var m Message
		if err := phi.Unmarshal(r, "payload", &m); err != nil {
			return fmt.Errorf("open mail: %w", err)
		}
		ctx, cancel := context.WithTimeout(ctx, oneDelivery)
		defer cancel()
		return w.deliver(ctx, compose(app, r.Id, m))
	case kindSMS:
		return w.text(ctx, app, r)
	case kindJob:
		w.mu.RLock()
		f := w.jobs[r.GetString("topic")]
		w.mu.RUnlock()
		if f == nil {
			return fmt.Errorf("nobody does jobs of topic %q", r.GetString("topic"))
		}
		payload, err := phi.Text(r, "payload")
		if err != nil {
			return fmt.Errorf("open job: %w", err)
		}
		return f(app, []byte(payload))
	}
	return fmt.Errorf("kind %q is not delivered", r.GetString("kind"))
}

// mark notes the outcome. The error's text stays in the row and out of the log: a mail server repeats the address it
// refuses, and who is a client of the clinic is nobody's business there.
func (w *worker) mark(app core.App, r *core.Record, failure error) {
	now := kernel.Now(app)
	n := r.GetInt("attempts") + 1
	r.Set("attempts", n)
	switch {
	case errors.Is(failure, errNoSender), errors.Is(failure, errNoCarrier): // not a failure of this row: it goes out when there is a way
		r.Set("attempts", 0)
		r.Set("next_at", now.Add(noSenderPause))
		r.Set("last_error", failure.Error())
	case failure == nil:
		r.Set("status", "sent")
		r.Set("sent_at", now)
		r.Set("last_error", "")
		if !kernel.ConfigOf(app).IsLocal() { // demo and dev show what was sent; nobody else needs a letter that has left
			r.Set("payload", nil)
		}
	case n >= maxAttempts, errors.As(failure, new(final)):
		r.Set("status", "failed")
		r.Set("last_error", cut(failure.Error(), 500))
		app.Logger().Error("outbox gave up; the row says why", "row", r.Id, "topic", r.GetString("topic"))
	default:
		pause := min(15*time.Second<<(n-1), 6*time.Hour)
		r.Set("next_at", now.Add(pause))
		r.Set("last_error", cut(failure.Error(), 500))
		app.Logger().Warn("outbox will try again; the row says why", "row", r.Id, "topic", r.GetString("topic"), "attempt", n)
	}
	if err := app.Save(r); err != nil {
		app.Logger().Error("mark outbox row", "row", r.Id, "error", err)
	}
}

func cut(s string, n int) string {
	if len(s) > n {
		return strings.ToValidUTF8(s[:n], "")
	}
	return s
}
