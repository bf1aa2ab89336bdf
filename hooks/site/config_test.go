package site_test

import (
	"testing"

	"anteroom/hooks/kernel"
	"anteroom/hooks/site"
	"anteroom/hooks/testkit"
)

func TestThePageLearnsWhetherTextMessagesAreSent(t *testing.T) {
	for name, x := range map[string]struct {
		mode    kernel.Mode
		account string
		want    bool
	}{
		"demo": {kernel.Demo, "", true}, "development": {kernel.Dev, "", true}, "production": {kernel.Production, "", false},
		"production with Twilio": {kernel.Production, "AC00112233445566778899aabbccddeeff", true},
	} {
		c := testkit.With(t, func(cfg *kernel.Config) { cfg.Mode, cfg.TwilioAccountSID = x.mode, x.account })
		var got site.Config
		c.Do(t, "GET", kernel.Portal+"/config", "", nil).Data(t, &got)
		if got.Features.SMS != x.want {
			t.Errorf("%s: %v", name, got.Features.SMS)
		}
	}
}
