package kernel

import (
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/pocketbase/pocketbase/core"
)

// Mode is how the server was started.
type Mode string

const (
	Production Mode = "production"
	Dev        Mode = "dev"
	Demo       Mode = "demo"
)

// Config is everything the environment says, read once at start.
type Config struct {
	Mode      Mode
	Version   string
	PublicURL string // without a slash at the end; links in mails begin with it

	EncryptionKey string // PHI_ENCRYPTION_KEY
	KeyFile       string // ANTEROOM_KEY_FILE

	TrustedProxies []netip.Prefix

	PasskeyDomain string // WEBAUTHN_RP_ID; empty: the host of PublicURL

	StripeSecretKey      string
	StripePublishableKey string
	StripeWebhookSecret  string
	StripeAPIBase        string // another address of the Stripe API, for a test double

	OAuth []OAuthProvider // sign-in elsewhere, offered to portal users

	TwilioAccountSID string
	TwilioAuthToken  string
	TwilioFrom       string // a number in E.164, or the id of a messaging service (MG...)
	TwilioAPIBase    string // another address of the Twilio API, for a test double

	ClamdAddress string // CLAMD_ADDRESS: host:port, or the path of clamd's socket; empty: files are not scanned

	// S3 is where files lie instead of the data directory.
	S3 S3Config

	PrivateListen string // PRIVATE_LISTEN: a second listener; owners then sign in there alone

	AuditHeadEmail  string // AUDIT_HEAD_EMAIL: who is mailed the head of the audit log every day
	AuditHeadBucket string // AUDIT_HEAD_BUCKET: where it is put every day, at the place of S3

	MailFrom     string
	SMTPHost     string
	SMTPPort     int
	SMTPUser     string
	SMTPPassword string
	SMTPTLS      string // one of SMTPStartTLS, SMTPImplicitTLS, SMTPPlain
}

// S3Config is an S3 service. It is on when Bucket is set.
type S3Config struct {
	Bucket, Endpoint, Region, AccessKey, Secret string
	PathStyle                                   bool
}

// How mail travels to the server.
const (
	SMTPStartTLS    = "starttls" // the default: encrypted after the greeting, or not at all
	SMTPImplicitTLS = "tls"
	SMTPPlain       = "none" // only to this machine
)

// OAuthProvider is where somebody may sign in elsewhere, in PocketBase's terms: google, apple or oidc. The addresses are
// those of the provider and needed for oidc alone.
type OAuthProvider struct {
	Name, DisplayName, ClientID, ClientSecret string
	AuthURL, TokenURL, UserInfoURL            string
}

// Sender is the address that mails come from, and the organizer of visits in calendars.
func (c Config) Sender() string {
	if c.MailFrom == "" {
		return "portal@localhost.example"
	}
	return c.MailFrom
}

// IsLocal tells whether the development routes exist and local keys may be made.
func (c Config) IsLocal() bool { return c.Mode == Dev || c.Mode == Demo }

// LoadConfig reads the environment. It returns one error that lists everything wrong, so that an operator fixes a
// file once and not line by line.
func LoadConfig(getenv func(string) string, mode Mode) (Config, error) {
	var problems []error
	bad := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	c := Config{
		Mode:                 mode,
		PublicURL:            strings.TrimRight(getenv("PUBLIC_URL"), "/"),
		EncryptionKey:        getenv("PHI_ENCRYPTION_KEY"),
		KeyFile:              getenv("ANTEROOM_KEY_FILE"),
		StripeSecretKey:      getenv("STRIPE_SECRET_KEY"),
		StripePublishableKey: getenv("STRIPE_PUBLISHABLE_KEY"),
		StripeWebhookSecret:  getenv("STRIPE_WEBHOOK_SECRET"),
		StripeAPIBase:        getenv("STRIPE_API_BASE"),
		TwilioAccountSID:     getenv("TWILIO_ACCOUNT_SID"),
		TwilioAuthToken:      getenv("TWILIO_AUTH_TOKEN"),
		TwilioFrom:           getenv("TWILIO_FROM"),
		TwilioAPIBase:        strings.TrimRight(getenv("TWILIO_API_BASE"), "/"),
		ClamdAddress:         getenv("CLAMD_ADDRESS"),
		PrivateListen:        getenv("PRIVATE_LISTEN"),
		AuditHeadEmail:       getenv("AUDIT_HEAD_EMAIL"),
		AuditHeadBucket:      getenv("AUDIT_HEAD_BUCKET"),
		MailFrom:             getenv("MAIL_FROM"),
		SMTPHost:             getenv("SMTP_HOST"),
		SMTPPort:             587,
		SMTPUser:             getenv("SMTP_USER"),
		SMTPPassword:         getenv("SMTP_PASSWORD"),
	}
	if c.PublicURL != "" {
		u, err := url.Parse(c.PublicURL)
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.Path != "" {
			bad("PUBLIC_URL must be an address such as https://portal.clinic.example, without a path")
		} else if u.Scheme == "http" && mode == Production && !isLoopback(u.Hostname()) {
			bad("PUBLIC_URL must begin with https:// outside demo and dev")
		}
	}
	if c.PasskeyDomain = strings.ToLower(getenv("WEBAUTHN_RP_ID")); c.PasskeyDomain != "" {
		if err := checkPasskeyDomain(c.PasskeyDomain, c.PublicURL); err != nil {
			bad("WEBAUTHN_RP_ID %v", err)
		}
	}
	for _, s := range strings.FieldsFunc(getenv("TRUSTED_PROXIES"), func(r rune) bool { return r == ',' || r == ' ' }) {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			a, err2 := netip.ParseAddr(s)
			if err2 != nil {
				bad("TRUSTED_PROXIES: %q is neither an address nor a network such as 10.0.0.0/8", s)
				continue
			}
			p = netip.PrefixFrom(a, a.BitLen())
		}
		c.TrustedProxies = append(c.TrustedProxies, p)
	}
	if c.StripeSecretKey != "" {
		if !strings.HasPrefix(c.StripeSecretKey, "sk_") && !strings.HasPrefix(c.StripeSecretKey, "rk_") {
			bad("STRIPE_SECRET_KEY must begin with sk_ or rk_")
		}
		if c.StripeWebhookSecret == "" {
			bad("STRIPE_WEBHOOK_SECRET is missing: without it no payment can ever be confirmed")
		}
		if c.StripePublishableKey == "" {
			bad("STRIPE_PUBLISHABLE_KEY is missing: the payment page needs it")
		}
	} else if c.StripeWebhookSecret != "" || c.StripePublishableKey != "" {
		bad("STRIPE_SECRET_KEY is missing, but other STRIPE_ variables are set")
	}
	c.checkTwilio(bad)
	c.readS3(getenv, bad)
	c.checkNetwork(bad)
	if s := getenv("SMTP_PORT"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > 65535 {
			bad("SMTP_PORT must be a number from 1 to 65535")
		}
		c.SMTPPort = n
	}
	switch c.SMTPTLS = strings.ToLower(getenv("SMTP_TLS")); c.SMTPTLS {
	case "":
		c.SMTPTLS = SMTPStartTLS
	case SMTPStartTLS, SMTPImplicitTLS:
	case SMTPPlain:
		if !isLoopback(c.SMTPHost) {
			bad("SMTP_TLS may be none only for a mail server on this machine: mails hold sign-in codes")
		}
	default:
		bad("SMTP_TLS must be starttls, tls or none")
	}
	c.OAuth = oauthProviders(getenv, mode, bad)
	if c.SMTPHost != "" && c.MailFrom == "" {
		bad("MAIL_FROM is missing: mail sent through SMTP_HOST needs a sender")
	}
	return c, errors.Join(problems...)
}

func oauthProviders(getenv func(string) string, mode Mode, bad func(string, ...any)) (out []OAuthProvider) {
	for _, p := range []struct{ name, prefix, display string }{{"google", "GOOGLE", "Google"}, {"apple", "APPLE", "Apple"}, {"oidc", "OIDC", getenv("OIDC_NAME")}} {
		o := OAuthProvider{Name: p.name, DisplayName: p.display, ClientID: getenv(p.prefix + "_CLIENT_ID"), ClientSecret: getenv(p.prefix + "_CLIENT_SECRET")}
		if o.ClientID == "" && o.ClientSecret == "" {
			continue
		}
		if o.ClientID == "" || o.ClientSecret == "" {
			bad("%s_CLIENT_ID and %s_CLIENT_SECRET belong together: one of them is missing", p.prefix, p.prefix)
			continue
		}
		if p.name == "oidc" {
			if o.DisplayName == "" {
				bad("OIDC_NAME is missing: it is what the sign-in button says")
			}
			for variable, into := range map[string]*string{"OIDC_AUTH_URL": &o.AuthURL, "OIDC_TOKEN_URL": &o.TokenURL, "OIDC_USERINFO_URL": &o.UserInfoURL} {
				*into = getenv(variable)
				if u, err := url.Parse(*into); err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || mode == Production) {
					bad("%s must be an address of the provider that begins with https://", variable)
				}
			}
		}
		out = append(out, o)
	}
	return out
}

// readS3 wants the bucket, its place and both keys, or none of them.
func (c *Config) readS3(getenv func(string) string, bad func(string, ...any)) {
	c.S3 = S3Config{Bucket: getenv("S3_BUCKET"), Endpoint: strings.TrimRight(getenv("S3_ENDPOINT"), "/"), Region: getenv("S3_REGION"),
		AccessKey: getenv("S3_ACCESS_KEY_ID"), Secret: getenv("S3_SECRET_ACCESS_KEY")}
	if s := getenv("S3_PATH_STYLE"); s != "" {
		var err error
		if c.S3.PathStyle, err = strconv.ParseBool(s); err != nil {
			bad("S3_PATH_STYLE must be true or false")
		}
	}
	if c.S3 == (S3Config{}) {
		if c.AuditHeadBucket != "" {
			bad("AUDIT_HEAD_BUCKET needs S3_ENDPOINT, S3_REGION and the S3 keys")
		}
		return
	}
	bucket := c.S3.Bucket
	if bucket == "" {
		bucket = c.AuditHeadBucket // the head may go to S3 while files stay here
	}
	for _, v := range [][2]string{{"S3_BUCKET", bucket}, {"S3_ENDPOINT", c.S3.Endpoint}, {"S3_REGION", c.S3.Region},
		{"S3_ACCESS_KEY_ID", c.S3.AccessKey}, {"S3_SECRET_ACCESS_KEY", c.S3.Secret}} {
		if v[1] == "" {
			bad("%s is missing: files in S3 need S3_BUCKET, S3_ENDPOINT, S3_REGION, S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY", v[0])
		}
	}
	if c.S3.Endpoint != "" {
		u, err := url.Parse(c.S3.Endpoint)
		if err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())) {
			bad("S3_ENDPOINT must begin with https://, or be an address of this machine")
		}
	}
}

// checkNetwork checks addresses that only one variable names.
func (c Config) checkNetwork(bad func(string, ...any)) {
	if c.ClamdAddress != "" && !strings.HasPrefix(c.ClamdAddress, "/") {
		if host, _, err := net.SplitHostPort(c.ClamdAddress); err != nil || host == "" {
			bad("CLAMD_ADDRESS must be host:port, or the path of clamd's socket")
		}
	}
	if c.PrivateListen != "" {
		if _, _, err := net.SplitHostPort(c.PrivateListen); err != nil {
			bad("PRIVATE_LISTEN must be an address such as 127.0.0.1:8091")
		}
	}
	if c.AuditHeadEmail != "" {
		if a, err := mail.ParseAddress(c.AuditHeadEmail); err != nil || a.Address != c.AuditHeadEmail {
			bad("AUDIT_HEAD_EMAIL must be an e-mail address")
		}
	}
}

// checkTwilio wants all three variables or none, each of the kind that Twilio gives out.
func (c Config) checkTwilio(bad func(format string, args ...any)) {
	if c.TwilioAccountSID+c.TwilioAuthToken+c.TwilioFrom+c.TwilioAPIBase == "" {
		return
	}
	for _, v := range [][2]string{{"TWILIO_ACCOUNT_SID", c.TwilioAccountSID}, {"TWILIO_AUTH_TOKEN", c.TwilioAuthToken}, {"TWILIO_FROM", c.TwilioFrom}} {
		if v[1] == "" {
			bad("%s is missing: text messages need TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN and TWILIO_FROM", v[0])
		}
	}
	if c.TwilioAccountSID != "" && !twilioAccount.MatchString(c.TwilioAccountSID) {
		bad("TWILIO_ACCOUNT_SID must be AC and 32 hexadecimal characters")
	}
	if c.TwilioFrom != "" && !twilioSender.MatchString(c.TwilioFrom) {
		bad("TWILIO_FROM must be a number such as +13035550100, or the id of a messaging service (MG...)")
	}
	if c.TwilioAPIBase != "" {
		u, err := url.Parse(c.TwilioAPIBase)
		if err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())) {
			bad("TWILIO_API_BASE must begin with https://, or be an address of this machine")
		}
	}
}

var (
	twilioAccount = regexp.MustCompile(`^AC[0-9a-fA-F]{32}$`)
	twilioSender  = regexp.MustCompile(`^(\+[1-9][0-9]{6,14}|MG[0-9a-fA-F]{32})$`)
)

func isLoopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}

const configKey = "anteroom.config"

// ConfigOf gives the configuration the app was registered with.
func ConfigOf(app core.App) Config {
	c, _ := app.Store().Get(configKey).(Config)
	return c
}

// SetPublicURL fills in where the server can be reached when the environment did not say; the serve command knows
// the address it listens on.
func SetPublicURL(app core.App, url string) {
	c := ConfigOf(app)
	if c.PublicURL == "" {
		c.PublicURL = strings.TrimRight(url, "/")
		app.Store().Set(configKey, c)
	}
}
