package identity

import (
	"strings"
	"testing"
)

const fresh = "Another-Harbour-43"

func (c *clinic) change(token, current, next string) answer {
	c.Helper()
	return c.do("POST", auth+"change-password", token, m{"currentPassword": current, "newPassword": next})
}

func TestChangePassword(t *testing.T) {
	c := newClinic(t)
	here, there := c.in(ada), c.in(ada)
	c.want(c.do("POST", auth+"forgot-password", "", m{"email": ada}), 200, "")
	_, link := c.letter(ada)
	got := data[ChangedPassword](t, c.change(here.Tokens.AccessToken, password, fresh))
	if !got.Changed || got.ExpiresIn < 3500 || got.ExpiresIn > 3600 {
		t.Errorf("%+v", got)
	}
	if c.me(got.AccessToken) != 200 || c.me(there.Tokens.AccessToken) != 401 || c.me(here.Tokens.AccessToken) != 401 {
		t.Error("this session goes on with the new token, and nothing else does")
	}
	if n := c.count("portal_sessions", "owner = {:a} AND revoked_at = 0 AND id = {:b}", adaLogin, here.Session.ID); n != 1 || c.count("portal_sessions", "owner = {:a} AND revoked_at = 0", adaLogin) != 1 {
		t.Error("sessions:", n)
	}
	c.want(c.refresh(there.Tokens.RefreshToken), 401, "SESSION_ENDED")
	c.want(c.refresh(here.Tokens.RefreshToken), 200, "")
	c.want(c.do("POST", auth+"reset-password", "", m{"token": link, "password": "Third-Harbour-44"}), 400, "LINK_INVALID")
	c.want(c.login(ada, password), 401, "INVALID_CREDENTIALS")
	c.want(c.login(ada, fresh), 200, "")
	mails := c.mail(ada)
	if mails[0].Subject != "Your password for Juniper House was changed" || strings.Contains(mails[0].Text, fresh) || strings.Contains(mails[0].Text, "token=") {
		t.Errorf("%+v", mails[0])
	}
	if n := c.count("portal_audit_log", "action = 'CHANGE_PASSWORD' AND resource_id = {:a} AND actor_id = {:a} AND error_code = ''", adaLogin); n != 1 {
		t.Error("audit lines:", n)
	}
}

func TestChangePasswordOfStaff(t *testing.T) {
	c := newClinic(t)
	here, there := c.sdkToken("staff", dee), c.sdkToken("staff", dee)
	got := data[ChangedPassword](t, c.change(here, password, fresh))
	if c.desk(got.AccessToken) != 200 || c.desk(here) != 401 || c.desk(there) != 401 {
		t.Error("this session goes on with the new token, and nothing else does")
	}
	if mails := c.mail(dee); len(mails) != 1 || mails[0].Subject != "Your password for Juniper House was changed" {
		t.Errorf("%+v", mails)
	}
	c.want(c.sdk("staff", dee, password), 401, "INVALID_CREDENTIALS")
	c.want(c.sdk("staff", dee, fresh), 200, "")
}

func TestChangePasswordRefusals(t *testing.T) {
	c := newClinic(t)
	s := c.in(ada)
	token := s.Tokens.AccessToken
	before := c.everything()
	c.want(c.change("", password, fresh), 401, "SIGN_IN_REQUIRED")
	c.want(c.change(token, "", fresh), 400, "VALIDATION_ERROR")
	c.want(c.change(token, password, ""), 400, "VALIDATION_ERROR")
	for next, code := range map[string]string{"short": "min_length", "quiet-harbour-43": "classes", "Lovell-Harbour-43": "personal", "Quiet-Harbour-1990": "personal", password: "same"} {
		if a := c.change(token, password, next); a.Status != 400 || !strings.Contains(a.Body, `"newPassword":{"code":"`+code) {
			t.Errorf("%s: %d %s", next, a.Status, a.Body)
		}
	}
	for range 5 { // a session left open is no place to guess the password
		a := c.change(token, "Wrong-Harbour-42", fresh)
		c.want(a, 400, "WRONG_PASSWORD")
		if !strings.Contains(a.Body, `"currentPassword":{"code":"wrong"`) {
			t.Error(a.Body)
		}
	}
	c.want(c.change(token, password, fresh), 403, "ACCOUNT_LOCKED")
	c.want(c.login(ada, password), 403, "ACCOUNT_LOCKED")
	if c.everything() != before || len(c.mail(ada)) != 0 {
		t.Error("a refused change changed something")
	}
	if n := c.count("portal_audit_log", "action = 'CHANGE_PASSWORD' AND resource_id = {:a} AND error_code LIKE '%WRONG_PASSWORD'", adaLogin); n != 5 {
		t.Error("audit lines:", n)
	}
}
