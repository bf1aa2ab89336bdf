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
