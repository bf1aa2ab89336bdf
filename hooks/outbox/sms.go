package outbox

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/kernel"
	"anteroom/hooks/phi"
)

// Text is a text message: either Body, a notice without health facts, or Code, for which the sentence is ours.
type Text struct {
	Topic    string // e.g. phone_code: for the operator's list, not for the reader
	To       string // E.164, as kernel.PhoneNumber gives it
	Language string // "en" or "es", of the sentence around Code
	Body     string
	Code     string
	Proven   bool      // the account that asks has proven the number before: what others had sent there does not count
	Until    time.Time // it is not sent after this instant: a code that is dead only confuses. Zero: no end
	Cause    string    // unique per reason to write; a second row with the same cause is silently dropped
}

// parcel is what lies in the row. Client is set for notices: whether that client still wants and may get them is asked
// once more when it leaves.
type parcel struct {
	Text
	Client string
}

var e164 = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)

// SMS writes a text message into the outbox, in the caller's transaction. It is for codes to numbers that are being
// proven or were proven; a notice about a client goes by SMSTo.
func SMS(tx core.App, t Text) error { return putSMS(tx, parcel{Text: t}) }

func putSMS(tx core.App, p parcel) error {
	if !e164.MatchString(p.To) || (p.Body == "") == (p.Code == "") {
		return errors.New("outbox: a text message needs a number in E.164, and a body or a code")
	}
	return put(tx, kindSMS, p.Topic, p.To, p.Cause, p)
}

// SMSCode is SMS for a code that somebody asked for: 503 SMS_UNAVAILABLE when the clinic sends none, 429 when account
// (a login's id) had too many, or the number, or the whole clinic within a day: each message costs the clinic, and
// somebody may earn by it. A number that the account has proven is counted apart, or whoever knows it could use up what
// somebody needs to sign in. h gets the RateLimit headers of a refusal, if it is given. A code without an end is not sent
// after ten minutes.
func SMSCode(tx core.App, h http.Header, account string, t Text) error {
	if !CanSMS(tx) {
		return &kernel.Error{Status: http.StatusServiceUnavailable, Code: kernel.CodeUnavailable, Reason: "SMS_UNAVAILABLE",
			Message: "The clinic does not send text messages. Nothing was changed."}
	}
	s := collections.Settings(tx)
	each, clinic := s.Limit(collections.LimitSendSMS), "sms of the clinic"
	if t.Proven {
		clinic = "sms of the clinic to proven numbers"
	} else if err := kernel.LimitLasting(tx, h, each, "sms to a number", t.To); err != nil {
		return err
	}
	if err := kernel.LimitLasting(tx, h, each, "sms of a login", account); err != nil {
		return err
	}
	if err := kernel.LimitLasting(tx, h, s.Limit(collections.LimitClinicSMS), clinic, ""); err != nil {
		return err
	}
	if t.Until.IsZero() {
		t.Until = kernel.Now(tx).Add(10 * time.Minute)
	}
	return SMS(tx, t)
}

// SMSTo writes a notice to a client who wants text messages, to the number that was proven, in the caller's
// transaction; To of t is not looked at. It answers false when there is no such number or wish, or no way to send.
func SMSTo(tx core.App, client *collections.Client, t Text) (bool, error) {
	if t.To = reachedBySMS(client); t.To == "" || !CanSMS(tx) {
		return false, nil
	}
	return true, putSMS(tx, parcel{t, client.Id})
}

// ReachesBySMS tells whether SMSTo would write.
func ReachesBySMS(app core.App, client *collections.Client) bool {
	return reachedBySMS(client) != "" && CanSMS(app)
}

// reachedBySMS is the number for notices to a client, or "".
func reachedBySMS(c *collections.Client) string {
	if !c.PhoneVerified() || !c.GetBool("sms_opt_in") || !e164.MatchString(c.Phone()) {
		return ""
	}
	return c.Phone()
}

// CanSMS tells whether text messages leave, or can be read at /dev/sms.
func CanSMS(app core.App) bool {
	cfg := kernel.ConfigOf(app)
	return cfg.IsLocal() || cfg.TwilioAccountSID != ""
}

// carrier takes a text message to a phone. An error that is a final one is not tried again.
type carrier interface {
	send(ctx context.Context, to, body string) error
}

// final is a failure that trying again does not mend.
type final struct{ error }

// carrierFor picks who takes text messages: Twilio when it is configured. In demo and dev the row itself is the phone,
// kept encrypted and readable at /dev/sms.
func carrierFor(cfg kernel.Config) carrier {
	switch {
	case cfg.TwilioAccountSID != "":
		return newTwilio(cfg)
	case cfg.IsLocal():
		return drawer{}
	}
	return nobody{}
}

type drawer struct{}

func (drawer) send(context.Context, string, string) error { return nil }

type nobody struct{}

var errNoCarrier = errors.New("no text messages are configured: set TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN and TWILIO_FROM")

func (nobody) send(context.Context, string, string) error { return errNoCarrier }

// text hands one row to the carrier, unless its time has passed or its client is no longer to be reached there.
func (w *worker) text(ctx context.Context, app core.App, r *core.Record) error {
	var p parcel
	if err := phi.Unmarshal(r, "payload", &p); err != nil {
		return fmt.Errorf("open text message: %w", err)
	}
	if !p.Until.IsZero() && !kernel.Now(app).Before(p.Until) {
		return final{errors.New("too late to be sent")}
	}
	if p.Client != "" {
		c, err := app.FindRecordById(collections.Clients, p.Client)
		if err != nil {
			return err
		}
		if reachedBySMS(collections.AsClient(c)) != p.To {
			return final{errors.New("the client is no longer reached by text message there")}
		}
	}
	ctx, cancel := context.WithTimeout(ctx, oneDelivery)
	defer cancel()
	return w.carrier.send(ctx, p.To, wording(app, p.Text))
}

var codeSentences = map[string]string{
	"en": "%s: your code is %s. Don't share it with anyone.",
	"es": "%s: su código es %s. No lo comparta con nadie.",
}

// wording is what the phone shows. It begins with the clinic's name, so that a stranger's message is seen for what it is.
func wording(app core.App, t Text) string {
	clinic := strings.Join(strings.Fields(collections.Settings(app).ClinicName), " ")
	if t.Code == "" {
		return clinic + ": " + t.Body
	}
	sentence, ok := codeSentences[t.Language]
	if !ok {
		sentence = codeSentences["en"]
	}
	return fmt.Sprintf(sentence, clinic, t.Code)
}

// StoredText is a delivered text message as the development routes show it.
type StoredText struct {
	ID        string    `json:"id"`
	To        string    `json:"to"`
	Text      string    `json:"text"`
	CreatedAt time.Time `json:"createdAt"`
}

// Texts lists delivered text messages, newest first, to one number or to all.
func Texts(app core.App, to string, limit int) ([]StoredText, error) {
	filter, params := "kind = 'sms' && status = 'sent'", dbx.Params{}
	if to != "" {
		filter += " && recipient = {:to}"
		params["to"] = to
	}
	rows, err := app.FindRecordsByFilter(Collection, filter, "-created,-@rowid", limit, 0, params)
	if err != nil {
		return nil, err
	}
	out := make([]StoredText, 0, len(rows))
	for _, r := range rows {
		var p parcel
		if err := phi.Unmarshal(r, "payload", &p); err != nil {
			return nil, err
		}
		out = append(out, StoredText{ID: r.Id, To: p.To, Text: wording(app, p.Text), CreatedAt: r.GetDateTime("created").Time()})
	}
	return out, nil
}
