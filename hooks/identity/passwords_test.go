package identity

import (
	"errors"
	"strings"
	"testing"

	validation "github.com/pocketbase/ozzo-validation/v4"

	"anteroom/collections"
)

func TestWeakness(t *testing.T) {
	s := &collections.ClinicSettings{PasswordLength: 12, PasswordClasses: true, ClinicName: "Juniper House"}
	words := wordsOf("uma.dahl@mail.example", "Uma María", "O'Brien-Dahl", "1977-07-07")
	for pass, want := range map[string]string{
		"Quiet-Harbour-42":               "",
		"correct horse 1X":               "", // a space is a symbol
		"Ünïcödé-çhárs-7":                "",
		"密码很长而且没有大小写的字7!":                "", // letters without case count as both
		strings.Repeat("Жж1!", 16):       "", // 64 characters, 96 bytes
		strings.Repeat("😀Aa1", 64):       "", // 256 characters
		strings.Repeat("Aa1!", 64) + "x": "max_length",
		"Aa1!\xff\xfe-harbour":           "max_length", // not text
		"Short-1a":                       "min_length",
		"":                               "min_length",
		"quiet-harbour-42":               "classes",
		"QUIET-HARBOUR-42":               "classes",
		"Quiet-Harbour-xx":               "classes",
		"QuietHarbour42":                 "classes",
		"Password1234!":                  "common",
		"P@ssword2024!":                  "common",
		"$unShine2024!":                  "common",
		"!!Basketball99":                 "common",
		"Juniper-Lane-42":                "personal",
		"Juniperhouse-42!":               "personal",
		"Harbour-o'brien-42A":            "personal",
		"My-Dahl-Harbour-42":             "personal",
		"MARÍA-harbour-42":               "personal",
		"Harbour-View-1977":              "personal",
		"Uma.Dahl-Quiet-42":              "personal",
		"Lighthouse-Quay-42":             "", // "house" alone is a common word
		"Humanity-Harbour-42":            "", // "uma" is too short to mean her
	} {
		got := ""
		if err := weakness(s, pass, words); err != nil {
			var v validation.Error
			if !errors.As(err, &v) || v.Error() == "" {
				t.Fatal(err)
			}
			got = strings.TrimPrefix(v.Code(), "validation_")
		}
		if got != want {
			t.Errorf("%q: %q, want %q", pass, got, want)
		}
	}
	s.PasswordLength, s.PasswordClasses = 15, false
	if weakness(s, "quiet harbour lights", nil) != nil || weakness(s, "quiet harbour", nil) == nil {
		t.Error("a policy without classes asks for length alone")
	}
	if n := len(common()); n < 10_000 {
		t.Error("the list has", n)
	}
}

func TestDigest(t *testing.T) {
	long := strings.Repeat("Жж1!", 16)
	if digest("Quiet-Harbour-42") != "Quiet-Harbour-42" {
		t.Error("a short password must stay as it is")
	}
	if d := digest(long); len(d) > bcryptTakes || d == digest(long+"x") || d != digest(long) {
		t.Error(d)
	}
	if digest(digest(long)) == digest(long) {
		t.Error("the stand-in signs in")
	}
	if digest("cafe\u0301-Harbour-42") != digest("café-Harbour-42") {
		t.Error("two keyboards, two passwords")
	}
}

// A long password of any script works the same, whichever door set it and whichever asks for it.
func TestLongPasswordThroughEveryDoor(t *testing.T) {
	long := strings.Repeat("Жж1!", 16) // 96 bytes
	for name, set := range map[string]func(c *clinic){
		"reset": func(c *clinic) {
			c.want(c.do("POST", auth+"forgot-password", "", m{"email": ada}), 200, "")
			_, link := c.letter(ada)
			c.want(c.do("POST", auth+"reset-password", "", m{"token": link, "password": long}), 200, "")
		},
		"the owner, in the dashboard": func(c *clinic) {
			token := c.sdkToken("_superusers", owner)
			c.want(c.do("PATCH", "/api/collections/portal_users/records/"+adaLogin, token, m{"password": long, "passwordConfirm": long}), 200, "")
		},
		"a command": func(c *clinic) {
			u := c.find("portal_users", adaLogin)
			u.SetPassword(long)
			ok(c, c.app.Save(u))
			u.Set("language", "es")
			ok(c, c.app.Save(u)) // saving again must not hash again
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClinic(t)
			set(c)
			c.want(c.login(ada, long), 200, "")
			c.want(c.sdk("portal_users", ada, long), 200, "")
			for _, wrong := range []string{long + "x", long[:71], digest(long)} {
				c.want(c.login(ada, wrong), 401, "INVALID_CREDENTIALS")
			}
		})
	}
}

// The policy holds at every door, and a refused password changes nothing.
func TestPolicyAtEveryDoor(t *testing.T) {
	c := newClinic(t)
	token := c.sdkToken("_superusers", owner)
	before := c.everything()
	for _, pass := range []string{"short", "Password1234!", "Lovell-Harbour-42", "Harbour-View-1990"} {
		c.want(c.do("PATCH", "/api/collections/portal_users/records/"+adaLogin, token, m{"password": pass, "passwordConfirm": pass}), 400, "")
		u := c.find("portal_users", adaLogin)
		u.SetPassword(pass)
		if c.app.Save(u) == nil {
			t.Errorf("%s was saved", pass)
		}
	}
	c.want(c.do("PATCH", "/api/collections/staff/records/"+deeStaff, token, m{"password": "Password1234!", "passwordConfirm": "Password1234!"}), 400, "")
	if c.everything() != before {
		t.Error("something changed")
	}
}
