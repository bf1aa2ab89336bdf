package kernel_test

import (
	"errors"
	"strings"
	"testing"

	"anteroom/hooks/kernel"
	"anteroom/hooks/testkit"
)

func TestPhoneNumbers(t *testing.T) {
	c := testkit.New(t)
	for typed, want := range map[string]string{
		"(303) 555-0101": "+13035550101", " 303.555.0101 ": "+13035550101", "1 303 555 0101": "+13035550101", "+1 303 555 0101": "+13035550101",
		"３０３５５５０１０１": "+13035550101", "+44 7911 123456": "+447911123456", "0044 7911 123456": "", "+34 612 34 56 78": "+34612345678",
		"+52 33 2123 4567": "+523321234567",
		"":                 "", "   ": "", "abc": "", "911": "", "988": "", "555-0101": "", "+1 303 555 010": "", "+1 303 555 01011": "", "+999 12345678": "",
		"+1 900 555 1234": "", "+44 9012 345678": "", // premium rate
		"+44 7012 345678": "", // personal numbers, which cost like premium rate
		"1-800-356-9377":  "", // nobody reads there
		"303 555 0101 x5": "", "+13035550101;ext=5": "", "303-555-0101\x00": "",
		strings.Repeat("3", 5000): "", "<script>": "", "+13035550101,+13035550102": "",
	} {
		got, err := kernel.PhoneNumber(c.App, typed)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%.40q: %q, want %q (%v)", typed, got, want, err)
		}
		var refused *kernel.Error
		if err != nil && (!errors.As(err, &refused) || refused.Status != 400 || refused.Reason != "PHONE_INVALID" || refused.Message == "" || !refused.HasFields()) {
			t.Errorf("%.40q: %v", typed, err)
		}
		if err != nil && len(typed) > 5 && strings.Contains(err.Error(), strings.TrimSpace(typed)) {
			t.Errorf("%.40q is repeated: %v", typed, err)
		}
	}
}

// A number without a code is one of the clinic's country: its place's, else its currency's.
func TestPhoneNumbersOfTheClinicsCountry(t *testing.T) {
	c := testkit.New(t)
	set := func(collection, field, value string) {
		t.Helper()
		r, err := c.App.FindFirstRecordByFilter(collection, "id != ''")
		if err != nil {
			t.Fatal(err)
		}
		r.Set(field, value)
		if err := kernel.SaveAs(c.App, kernel.System(), r); err != nil {
			t.Fatal(err)
		}
	}
	for _, x := range []struct{ country, currency, typed, want string }{
		{"GB", "usd", "07911 123456", "+447911123456"},
		{"UK", "usd", "07911 123456", "+447911123456"},
		{"USA", "gbp", "(303) 555-0101", "+13035550101"},
		{"", "gbp", "07911 123456", "+447911123456"},
		{"", "eur", "(303) 555-0101", "+13035550101"},
		{"Freedonia", "mxn", "33 2123 4567", "+523321234567"},
	} {
		set("locations", "country", x.country)
		set("clinic_settings", "currency", x.currency)
		if got, err := kernel.PhoneNumber(c.App, x.typed); got != x.want {
			t.Errorf("%+v: %q %v", x, got, err)
		}
	}
}
