package identity

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http/httptest"
	"testing"

	"anteroom/hooks/kernel"
)

// late is a body that comes after something else has happened.
type late struct {
	io.Reader
	before func()
}

func (l *late) Read(p []byte) (int, error) {
	if l.before != nil {
		l.before()
		l.before = nil
	}
	return l.Reader.Read(p)
}

// doLate is do with something that happens between the head of a request, by which it is let in, and its body.
func (c *clinic) doLate(method, path, token string, body m, between func()) answer {
	c.Helper()
	raw, err := json.Marshal(body)
	ok(c, err)
	r := httptest.NewRequest(method, path, &late{bytes.NewReader(raw), between})
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", token)
	r.ContentLength = int64(len(raw))
	w := httptest.NewRecorder()
	c.handler.ServeHTTP(w, r)
	return answer{w.Code, w.Header(), w.Body.String()}
}

// Whoever holds back the body of a request until the session has ended, changes nothing by it: a key that a thief adds
// so would outlive the new password that was to shut the thief out.
func TestBodiesThatComeLate(t *testing.T) {
	c, a := newClinic(t), newAuthenticator(t)
	thief := c.in(ada).Tokens.AccessToken
	begun := c.ask("/register/begin", thief, m{})
	key := a.create(begun)
	link := c.resetLink(ada)
	got := c.doLate("POST", passkeys+"/register/finish", thief, key, func() {
		c.want(c.post("reset-password", m{"token": link, "password": "Brave-Lantern-58"}), 200, "")
	})
	c.want(got, 401, "SESSION_ENDED")
	if n := c.count("passkey_credentials", "TRUE"); n != 0 {
		t.Error(n, "passkeys")
	}

	bos := c.in(bo).Tokens.AccessToken
	c.want(c.doLate("POST", kernel.Portal+"/profile/access", bos, m{"email": "nia@mail.example", "relationship": "partner", "scope": "all"}, func() {
		c.want(c.do("POST", auth+"logout", bos, nil), 200, "")
	}), 401, "SESSION_ENDED")
	if n := c.count("invitations", "TRUE"); n != 0 {
		t.Error(n, "invitations")
	}

	dees := c.sdkToken("staff", dee)
	c.want(c.doLate("PATCH", "/api/collections/clients/records/"+uma, dees, m{"email": "nia@mail.example"}, func() {
		c.want(c.do("POST", auth+"logout", dees, nil), 200, "")
	}), 401, "SESSION_ENDED")
	if c.find("clients", uma).GetString("email") != "uma@mail.example" {
		t.Error("a session that had ended changed a record")
	}
}
