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

// A first proof that waits for its second factor opens one thing once, whatever becomes of the factor meanwhile, and
// dies with the way in that it came by.
func TestWaitingProofsEndWithWhatTheyRestOn(t *testing.T) {
	c := newClinic(t)
	token := c.in(ada).Tokens.AccessToken
	_, codes := c.enableTOTP(token)
	waiting := mfaToken(t, c.login(ada, password))
	c.want(c.do("POST", auth+"mfa/disable", token, m{"method": "totp", "password": password, "mfaCode": codes[0]}), 200, "")
	c.want(c.withCode(waiting, "000000", "totp"), 401, "MFA_EXPIRED")

	c.settings(m{"mfa_clients": "required"})
	waiting = mfaToken(t, c.login(ada, password))
	c.settings(m{"mfa_clients": "optional"}) // nothing is needed any more
	c.want(c.withCode(waiting, "000000", "totp"), 200, "")
	c.want(c.withCode(waiting, "000000", "totp"), 401, "MFA_EXPIRED")

	c, p := withProvider(t)
	c.withTOTP("portal_users", adaLogin)
	in := data[LoginData](t, c.do("POST", auth+"login", "", m{"email": ada, "password": password, "mfaCode": c.code()}))
	c.want(c.elsewhere(in.Tokens.AccessToken, p.code("x", ada), nil), 200, "")
	waiting = mfaToken(t, c.elsewhere("", p.code("x", ada), nil))
	c.want(c.do("DELETE", auth+"links/oidc", in.Tokens.AccessToken, nil), 200, "")
	c.want(c.withCode(waiting, c.later(), "totp"), 401, "MFA_EXPIRED")
}

// Who knew a password before the clinic required a second factor, and had their browser remembered then, is asked for
// the factor now. A browser that has shown one stays remembered.
func TestRememberedBeforeAFactorWasRequired(t *testing.T) {
	c := newClinic(t)
	remembered := func(email, code string) string {
		a := c.do("POST", auth+"login", "", m{"email": email, "password": password, "mfaCode": code, "rememberDevice": true})
		c.want(a, 200, "")
		return a.cookie(t, "__Host-anteroom_device")
	}
	adas := remembered(ada, "")
	c.withTOTP("portal_users", boLogin)
	bos := remembered(bo, c.code())
	c.settings(m{"mfa_staff": "required"})
	c.want(c.login(ada, password, "Cookie", adas), 200, "")
	c.settings(m{"mfa_clients": "required"})
	c.want(c.login(ada, password, "Cookie", adas), 401, "MFA_REQUIRED")
	c.want(c.login(bo, password, "Cookie", bos), 200, "")
}
