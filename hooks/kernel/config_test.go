package kernel

import (
	"strings"
	"testing"
)

func env(m map[string]string) func(string) string { return func(k string) string { return m[k] } }

func TestConfigNamesEverythingWrongAtOnce(t *testing.T) {
	_, err := LoadConfig(env(map[string]string{
		"PUBLIC_URL": "http://portal.clinic.example", "TRUSTED_PROXIES": "10.0.0.0/8, nonsense", "STRIPE_SECRET_KEY": "pk_live_wrong",
		"SMTP_HOST": "mail.example", "SMTP_PORT": "99999", "SMTP_TLS": "maybe",
	}), Production)
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"PUBLIC_URL", "nonsense", "STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET", "STRIPE_PUBLISHABLE_KEY", "SMTP_PORT", "SMTP_TLS", "MAIL_FROM"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%s is not named in: %v", want, err)
		}
	}
	if strings.Contains(err.Error(), "pk_live_wrong") {
		t.Error("a secret is in the message")
	}
}

func TestConfigOfALaptopIsEmpty(t *testing.T) {
	c, err := LoadConfig(env(nil), Production)
	if err != nil || c.IsLocal() || c.SMTPPort != 587 {
		t.Fatalf("%+v %v", c, err)
	}
}

func TestConfigOfAClinic(t *testing.T) {
	c, err := LoadConfig(env(map[string]string{"PUBLIC_URL": "https://portal.clinic.example/", "TRUSTED_PROXIES": "127.0.0.1,10.0.0.0/8",
		"STRIPE_SECRET_KEY": "sk_live_x", "STRIPE_PUBLISHABLE_KEY": "pk_live_x", "STRIPE_WEBHOOK_SECRET": "whsec_x"}), Production)
	if err != nil || c.PublicURL != "https://portal.clinic.example" || len(c.TrustedProxies) != 2 {
		t.Fatalf("%+v %v", c, err)
	}
	for _, bad := range []string{"portal.clinic.example", "ftp://x.example", "https://x.example/portal", "::"} {
		if _, err := LoadConfig(env(map[string]string{"PUBLIC_URL": bad}), Production); err == nil {
			t.Errorf("PUBLIC_URL %q was accepted", bad)
		}
	}
}

func TestMailIsEncryptedUnlessItStaysHere(t *testing.T) {
	for host, ok := range map[string]bool{"127.0.0.1": true, "localhost": true, "mail.clinic.example": false} {
		c, err := LoadConfig(env(map[string]string{"SMTP_HOST": host, "MAIL_FROM": "portal@clinic.example", "SMTP_TLS": "none"}), Production)
		if (err == nil) != ok {
			t.Errorf("%s: %v", host, err)
		}
		if ok && c.SMTPTLS != SMTPPlain {
			t.Errorf("%s: %q", host, c.SMTPTLS)
		}
	}
	if c, err := LoadConfig(env(nil), Production); err != nil || c.SMTPTLS != SMTPStartTLS {
		t.Errorf("the default is %q: %v", c.SMTPTLS, err)
	}
}

func TestConfigOfTextMessages(t *testing.T) {
	good := map[string]string{"TWILIO_ACCOUNT_SID": "AC00112233445566778899aabbccddeeff", "TWILIO_AUTH_TOKEN": "very-secret", "TWILIO_FROM": "+13035550100"}
	if c, err := LoadConfig(env(good), Production); err != nil || c.TwilioFrom != "+13035550100" {
		t.Fatalf("%+v %v", c, err)
	}
	for name, change := range map[string]map[string]string{
		"TWILIO_ACCOUNT_SID is missing": {"TWILIO_ACCOUNT_SID": ""},
		"TWILIO_AUTH_TOKEN is missing":  {"TWILIO_AUTH_TOKEN": ""},
		"TWILIO_FROM is missing":        {"TWILIO_FROM": ""},
		"TWILIO_ACCOUNT_SID must":       {"TWILIO_ACCOUNT_SID": "SK00112233445566778899aabbccddeeff"},
		"TWILIO_FROM must":              {"TWILIO_FROM": "(303) 555-0100"},
		"TWILIO_API_BASE must":          {"TWILIO_API_BASE": "http://twilio.example"},
	} {
		e := map[string]string{}
		for _, m := range []map[string]string{good, change} {
			for k, v := range m {
				e[k] = v
			}
		}
		_, err := LoadConfig(env(e), Production)
		if err == nil || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "very-secret") || strings.Contains(err.Error(), "(303)") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for base, ok := range map[string]bool{"http://127.0.0.1:9": true, "https://twilio.example/": true} {
		good["TWILIO_API_BASE"] = base
		if c, err := LoadConfig(env(good), Production); (err == nil) != ok || strings.HasSuffix(c.TwilioAPIBase, "/") {
			t.Errorf("%s: %v", base, err)
		}
	}
	if _, err := LoadConfig(env(map[string]string{"TWILIO_API_BASE": "https://twilio.example"}), Production); err == nil {
		t.Error("an address without an account was accepted")
	}
}

func TestPasskeyDomain(t *testing.T) {
	for _, x := range []struct {
		domain, url string
		ok          bool
	}{
		{"portal.clinic.example", "https://portal.clinic.example", true},
		{"Clinic.Example", "https://portal.clinic.example", true},
		{"clinic.example", "https://a.portal.clinic.example", true},
		{"localhost", "http://localhost:8090", true},
		{"clinic.example", "", false},
		{"example", "https://portal.clinic.example", false},
		{"co.uk", "https://clinic.co.uk", false},
		{"linic.example", "https://portal.clinic.example", false},
		{"other.example", "https://portal.clinic.example", false},
		{"www.portal.clinic.example", "https://portal.clinic.example", false},
		{"https://clinic.example", "https://clinic.example", false},
		{"clinic.example:443", "https://clinic.example", false},
		{"clinic.example/portal", "https://clinic.example", false},
		{"clinic.example.", "https://clinic.example", false},
		{"10.0.0.1", "https://10.0.0.1", false},
		{"0.0.1", "https://10.0.0.1", false},
		{"::1", "https://[::1]", false},
	} {
		c, err := LoadConfig(env(map[string]string{"WEBAUTHN_RP_ID": x.domain, "PUBLIC_URL": x.url}), Production)
		if (err == nil) != x.ok || err != nil && !strings.Contains(err.Error(), "WEBAUTHN_RP_ID") {
			t.Errorf("%s at %s: %v", x.domain, x.url, err)
		}
		if x.ok && c.RelyingParty().ID != strings.ToLower(x.domain) {
			t.Errorf("%s at %s became %+v", x.domain, x.url, c.RelyingParty())
		}
	}
}

func TestWherePasskeysWork(t *testing.T) {
	for _, x := range []struct {
		mode            Mode
		url, id, origin string
	}{
		{Production, "https://portal.clinic.example", "portal.clinic.example", "https://portal.clinic.example"},
		{Production, "https://Portal.Clinic.example:8443", "portal.clinic.example", "https://portal.clinic.example:8443"},
		{Production, "http://localhost:8090", "localhost", "http://localhost:8090"},
		{Production, "http://127.0.0.1:8090", "", ""},
		{Production, "https://192.0.2.7", "", ""},
		{Production, "", "", ""},
		{Demo, "http://127.0.0.1:8090", "localhost", "http://localhost:8090"},
		{Dev, "http://[::1]", "localhost", "http://localhost"},
		{Demo, "http://192.0.2.7:8090", "", ""},
		{Dev, "http://portal.example", "", ""},
		{Dev, "https://portal.example", "portal.example", "https://portal.example"},
	} {
		got := Config{Mode: x.mode, PublicURL: x.url}.RelyingParty()
		if got.ID != x.id || got.Origin != x.origin {
			t.Errorf("%s at %q: %+v", x.mode, x.url, got)
		}
	}
}
