package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"anteroom/hooks/kernel"
)

// twilio sends through Twilio's REST API (Messages resource, version 2010-04-01). Twilio knows no key of idempotence:
// when its answer is lost on the way, the message is sent again.
type twilio struct {
	address              string
	account, token, from string
	client               *http.Client
}

const (
	twilioAPI  = "https://api.twilio.com"
	twilioStep = 10 * time.Second
)

func newTwilio(cfg kernel.Config) *twilio {
	base := twilioAPI
	if cfg.TwilioAPIBase != "" {
		base = cfg.TwilioAPIBase
	}
	return &twilio{
		address: base + "/2010-04-01/Accounts/" + url.PathEscape(cfg.TwilioAccountSID) + "/Messages.json",
		account: cfg.TwilioAccountSID, token: cfg.TwilioAuthToken, from: cfg.TwilioFrom,
		client: &http.Client{Timeout: twilioStep, CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse // a message is not carried to where somebody points
		}},
	}
}

// send gives a message to Twilio. What its errors say stands in the outbox row: a status and Twilio's own number of the
// error, never its sentence, which repeats the phone number.
func (t *twilio) send(ctx context.Context, to, body string) error {
	form := url.Values{"To": {to}, "Body": {body}}
	if strings.HasPrefix(t.from, "MG") {
		form.Set("MessagingServiceSid", t.from)
	} else {
		form.Set("From", t.from)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.address, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	req.SetBasicAuth(t.account, t.token)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	res, err := t.client.Do(req)
	if err != nil {
		var at *url.Error
		if errors.As(err, &at) {
			err = at.Err // without the address, which names the account
		}
		return fmt.Errorf("reach Twilio: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	raw, _ := io.ReadAll(io.LimitReader(res.Body, 64<<10)) // an answer cut short is still judged by its status
	if res.StatusCode >= 200 && res.StatusCode < 300 {
		return nil
	}
	var said struct{ Code int }
	_ = json.Unmarshal(raw, &said) // a proxy's page has no number
	refusal := fmt.Errorf("refused by Twilio with %d (error %d)", res.StatusCode, said.Code)
	if isFinal(res.StatusCode) {
		return final{refusal}
	}
	return refusal
}

// isFinal: Twilio will not take this message, whenever it comes. What concerns the account (credentials, rights) an
// operator can mend, and too much or too slow passes by itself.
func isFinal(status int) bool {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return false
	}
	return status >= 400 && status < 500
}
