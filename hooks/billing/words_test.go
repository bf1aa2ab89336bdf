package billing

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestMoney(t *testing.T) {
	for want, x := range map[string]struct {
		cents    int
		currency string
	}{
		"$0.01": {1, "usd"}, "$45.00": {4500, "usd"}, "$999.99": {99999, "usd"}, "$1,045.50": {104550, "usd"},
		"€1,000,000.05": {100000005, "eur"}, "MX$0.00": {0, "mxn"}, "CA$100,000.00": {10000000, "cad"},
	} {
		if got := money(x.cents, x.currency); got != want {
			t.Errorf("%d %s reads %s, want %s", x.cents, x.currency, got, want)
		}
	}
}

// A holder is told what helps, and never that a card was reported as stolen.
func TestFailureMessages(t *testing.T) {
	plain := failureMessage("")
	for _, code := range []string{"lost_card", "stolen_card", "fraudulent", "pickup_card", "generic_decline", "do_not_honor", "not_a_code"} {
		if failureMessage(code) != plain {
			t.Errorf("%s is told: %s", code, failureMessage(code))
		}
	}
	for _, code := range []string{"insufficient_funds", "expired_card", "incorrect_cvc", "incorrect_number", "incorrect_zip", "authentication_required", "card_not_supported", "processing_error"} {
		m := failureMessage(code)
		if m == plain || !strings.Contains(m, "You have not been charged.") || strings.Contains(m, code) {
			t.Errorf("%s: %s", code, m)
		}
	}
}

func TestOnlyCodesAreKept(t *testing.T) {
	for in, want := range map[string]string{"card_declined": "card_declined", "3ds_failed": "3ds_failed", "": "",
		"Ada Lovell": "", "<script>": "", strings.Repeat("a", 61): ""} {
		if got := codeOnly(in); got != want {
			t.Errorf("%q is kept as %q", in, got)
		}
	}
}

func FuzzWholeCents(f *testing.F) {
	for _, s := range []string{"1", "0", "-1", "1.0", "1e3", `"1"`, "null", "99999999999999999999", "+1", " 1", "01", "0x10", "1_000"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := wholeCents(json.RawMessage(s))
		if err != nil || s == "" {
			return
		}
		if n < 1 || strings.ContainsAny(s, ".eE\"xX") {
			t.Errorf("%q is taken as %d cents", s, n)
		}
	})
}

func FuzzReadEvent(f *testing.F) {
	f.Add([]byte(`{"id":"evt_1","api_version":"2023-10-16","type":"payment_intent.succeeded","data":{"object":{"id":"pi_1","amount":1}}}`))
	f.Add([]byte(`{"id":"evt_1","api_version":"2023-10-16","type":"charge.dispute.created","data":{"object":"dp_1"}}`))
	f.Add([]byte(`{"id":"evt_1","api_version":"2023-10-16","type":"charge.refunded","data":{"object":null}}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		ev, err := readEvent(payload, signature(payload, "whsec_fuzz", time.Now()), "whsec_fuzz")
		if err == nil && (ev.ID == "" || ev.APIVersion != apiVersion) {
			t.Errorf("taken: %+v", ev)
		}
		if _, err := readEvent(payload, signature(payload, "whsec_other", time.Now()), "whsec_fuzz"); err == nil {
			t.Error("a forged payload was taken")
		}
	})
}
