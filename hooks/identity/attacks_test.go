package identity

import (
	"testing"
	"time"

	"anteroom/collections"
)

const adasPhone = "+13035550101"

func (c *clinic) withSMS(token string) {
	c.Helper()
	c.want(c.do("POST", auth+"mfa/sms/setup", token, m{"phone": adasPhone}), 200, "")
	c.want(c.do("POST", auth+"mfa/sms/enable", token, m{"code": c.codeFor(adaLogin, collections.TokenFactorSMS)}), 200, "")
}

// Somebody who has text messages sent to Ada's number, or uses up the clinic's, does not keep her from signing in.
func TestOthersDoNotUseUpSecondFactors(t *testing.T) {
	c := newClinic(t)
	c.withSMS(c.in(ada).Tokens.AccessToken)
	c.advance(2 * time.Hour)
	bos := c.in(bo).Tokens.AccessToken
	for range 5 {
		c.want(c.do("POST", auth+"mfa/sms/setup", bos, m{"phone": adasPhone}), 200, "")
	}
	c.settings(m{"limits": m{collections.LimitClinicSMS: m{"max": 6, "seconds": 86400}}})
	c.want(c.do("POST", auth+"mfa/challenge", "", m{"mfaToken": mfaToken(t, c.login(ada, password)), "method": "sms"}), 200, "")
	for range 4 {
		c.want(c.do("POST", auth+"mfa/challenge", "", m{"mfaToken": mfaToken(t, c.login(ada, password)), "method": "sms"}), 200, "")
	}
	c.want(c.do("POST", auth+"mfa/challenge", "", m{"mfaToken": mfaToken(t, c.login(ada, password)), "method": "sms"}), 429, "") // her own
}
