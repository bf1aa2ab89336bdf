package kernel

import (
	"cmp"
	"errors"
	"net/netip"
	"net/url"
	"regexp"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// RelyingParty is what a passkey is bound to (W3C WebAuthn Level 3, sections 4 and 5.1.2): a domain, and the origin
// whose pages may ask for it. ID is empty where passkeys cannot work: browsers take neither an IP address nor a page without TLS,
// this machine excepted.
type RelyingParty struct {
	ID     string
	Origin string // the one page address: scheme, host and port
}

// RelyingParty is the domain of WEBAUTHN_RP_ID or the host of PublicURL. In demo and dev, a server at a loopback address
// is also known as localhost, and passkeys work there.
func (c Config) RelyingParty() RelyingParty {
	u, err := url.Parse(c.PublicURL)
	if err != nil {
		return RelyingParty{}
	}
	host, port := strings.ToLower(u.Hostname()), u.Port()
	if c.IsLocal() && u.Scheme == "http" && isLoopback(host) {
		host = "localhost"
	}
	secure := u.Scheme == "https" || host == "localhost" || strings.HasSuffix(host, ".localhost")
	if !secure || !isDomain(host) {
		return RelyingParty{}
	}
	origin := u.Scheme + "://" + host
	if port != "" {
		origin += ":" + port
	}
	return RelyingParty{ID: cmp.Or(c.PasskeyDomain, host), Origin: origin}
}

var domainName = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

func isDomain(s string) bool {
	_, err := netip.ParseAddr(s)
	return err != nil && len(s) <= 253 && domainName.MatchString(s)
}

// checkPasskeyDomain judges WEBAUTHN_RP_ID. A passkey works on every host under its domain, so the domain must be the
// clinic's own: the host of PUBLIC_URL, or one above it that somebody can register.
func checkPasskeyDomain(domain, publicURL string) error {
	if !isDomain(domain) {
		return errors.New("must be a domain such as clinic.example: no scheme, port, path or IP address")
	}
	u, err := url.Parse(publicURL)
	if err != nil || u.Host == "" {
		return errors.New("needs PUBLIC_URL beside it")
	}
	host := strings.ToLower(u.Hostname())
	if domain == host {
		return nil
	}
	own, err := publicsuffix.EffectiveTLDPlusOne(host)
	if err != nil || !strings.HasSuffix(host, "."+domain) || domain != own && !strings.HasSuffix(domain, "."+own) {
		return errors.New("must be the host of PUBLIC_URL, or a registered domain above it")
	}
	return nil
}
