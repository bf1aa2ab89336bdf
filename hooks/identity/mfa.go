package identity

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"image/png"
	"slices"
	"strings"
	"time"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"
	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
	"anteroom/hooks/outbox"
)

// What a person does with their own second factors. A factor counts once its owner has shown a code of it.

const (
	setupLasts      = 15 * time.Minute // an authenticator's secret that waits for its first code
	factorCodeLasts = 10 * time.Minute // a code that proves a number or address
	recoveryCodes   = 10
)

// FactorInfo is a second factor of the caller. Instants are UTC; Hint is where codes go, hidden in part.
type FactorInfo struct {
	Method     collections.FactorMethod `json:"method"`
	EnabledAt  time.Time                `json:"enabledAt"`
	LastUsedAt *time.Time               `json:"lastUsedAt,omitempty"`
	Hint       string                   `json:"hint,omitempty"`
}

// FactorsInfo is what the caller has set up, under the clinic's policy.
type FactorsInfo struct {
	Policy            collections.MFAPolicy `json:"policy"`
	Enabled           bool                  `json:"enabled"`
	Factors           []FactorInfo          `json:"factors"`
	RecoveryCodesLeft int                   `json:"recoveryCodesLeft"`
	Passkeys          int                   `json:"passkeys"`
}

func factorRoutes(d *door) []kernel.Route {
	route := func(method, path string, do func(*kernel.Call) (*kernel.Reply, error)) kernel.Route {
		return kernel.Route{Method: method, Path: kernel.Portal + "/auth/" + path, Access: kernel.AnySignIn, MaxBody: 16 << 10, Do: do}
	}
	return []kernel.Route{
		route("GET", "mfa", d.factors),
		route("POST", "mfa/totp/setup", d.setUpTOTP),
		route("POST", "mfa/totp/enable", d.enableTOTP),
		route("POST", "mfa/sms/setup", d.setUpSMS),
		route("POST", "mfa/sms/enable", d.enableSMS),
		route("POST", "mfa/email/setup", d.setUpEmail),
		route("POST", "mfa/email/enable", d.enableEmail),
		route("POST", "mfa/disable", d.disableFactor),
		route("POST", "mfa/recovery-codes", d.newRecoveryCodes),
	}
}

func (d *door) factors(c *kernel.Call) (*kernel.Reply, error) {
	enabled, err := enabledFactors(c.App, c.Auth)
	if err != nil {
		return nil, err
	}
	codes, err := collections.UnusedRecoveryCodes(c.App, c.Auth)
	if err != nil {
		return nil, err
	}
	keys, err := collections.PasskeysOf(c.App, c.Auth)
	if err != nil {
		return nil, err
	}
	if err := audit.Read(c.App, lineAbout(c, audit.ViewMFA)); err != nil {
		return nil, err
	}
	info := FactorsInfo{Policy: policyFor(c.App, c.Auth), Enabled: len(enabled) > 0, Factors: []FactorInfo{},
		RecoveryCodesLeft: len(codes), Passkeys: len(keys)}
	for _, f := range enabled {
		one := FactorInfo{Method: f.Method(), EnabledAt: f.EnabledAt().UTC(), LastUsedAt: orNever(f.LastUsed())}
		switch one.Method {
		case collections.MethodSMS:
			one.Hint = maskedPhone(f.Phone())
		case collections.MethodEmail:
			one.Hint = maskedEmail(c.Auth.Email())
		}
		info.Factors = append(info.Factors, one)
	}
	return kernel.OK(info), nil
}

func lineAbout(c *kernel.Call, action audit.Action) audit.Entry {
	return audit.EntryFor(c.Actor, action, audit.ResourceType(c.Auth.Collection().Name), c.Auth.Id)
}

func enabledFactors(app core.App, account *core.Record) ([]*collections.MFAFactor, error) {
	rows, err := collections.FactorsOf(app, account)
	return slices.DeleteFunc(rows, func(f *collections.MFAFactor) bool { return !f.Enabled() }), err
}

// setUpTOTP makes a secret for an authenticator app (RFC 6238). It takes the place of one that waits for its first code.
func (d *door) setUpTOTP(c *kernel.Call) (*kernel.Reply, error) {
	if err := d.refuseSettingUp(c); err != nil {
		return nil, err
	}
	key, err := totp.Generate(totp.GenerateOpts{Issuer: issuer(c.App), AccountName: c.Auth.Email(), SecretSize: 20, Period: stepLength,
		Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
	if err != nil {
		return nil, err
	}
	picture, err := dataURL(key)
	if err != nil {
		return nil, err
	}
	err = c.App.RunInTransaction(func(tx core.App) error {
		account, err := stillSignedIn(tx, c.RequestEvent)
		if err != nil {
			return err
		}
		if err := makeRoom(tx, c.Actor, account, collections.MethodTOTP); err != nil {
			return err
		}
		f, err := newFactor(tx, account, collections.MethodTOTP)
		if err != nil {
			return err
		}
		f.Set("secret", key.Secret())
		audit.As(f.ProxyRecord(), audit.SetUpMFA)
		return kernel.SaveAs(tx, c.Actor, f.ProxyRecord())
	})
	if err != nil {
		return nil, err
	}
	return kernel.OK(map[string]string{"secret": key.Secret(), "otpauthUrl": key.URL(), "qrPng": picture}), nil
}

// issuer names the clinic in an authenticator app; a colon would end the name (Key URI Format).
func issuer(app core.App) string {
	name := strings.TrimSpace(strings.ReplaceAll(collections.Settings(app).ClinicName, ":", " "))
	if name == "" {
		return "Anteroom"
	}
	return name
}

func dataURL(key *otp.Key) (string, error) {
	picture, err := key.Image(240, 240)
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	if err := png.Encode(&b, picture); err != nil {
		return "", err
	}
	return "data:image/png;base64," + base64.StdEncoding.EncodeToString(b.Bytes()), nil
}

// enableTOTP lets an authenticator count once it has shown a code. That code's step is used up by it.
func (d *door) enableTOTP(c *kernel.Call) (*kernel.Reply, error) {
	return d.enable(c, func(tx core.App, account *core.Record, code string) (*collections.MFAFactor, error) {
		rows, err := collections.FactorsOf(tx, account)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(rows, func(f *collections.MFAFactor) bool { return f.Method() == collections.MethodTOTP })
		if i < 0 || rows[i].Enabled() || !kernel.Now(tx).Before(rows[i].Made().Add(setupLasts)) {
			return nil, nil
		}
		step, right, err := stepOf(rows[i].Secret(), code, kernel.Now(tx), 0)
		if err != nil || !right {
			return nil, err
		}
		rows[i].SetLastStep(step)
		return rows[i], nil
	})
}

func (d *door) setUpSMS(c *kernel.Call) (*kernel.Reply, error) {
	var in struct{ Phone string }
	if err := c.Bind(&in); err != nil {
		return nil, err
	}
	if err := d.refuseSettingUp(c); err != nil {
		return nil, err
	}
	if !outbox.CanSMS(c.App) {
		return nil, kernel.Unavailable("SMS_UNAVAILABLE", "The clinic does not send text messages. Choose another second step.")
	}
	bad := kernel.Invalid("", "Enter your mobile number.")
	if requireText(bad, "phone", in.Phone, 60); bad.HasFields() {
		return nil, bad
	}
	number, err := kernel.PhoneNumber(c.App, in.Phone)
	if err != nil {
		return nil, err
	}
	return d.sendSetupCode(c, collections.MethodSMS, number)
}

func (d *door) setUpEmail(c *kernel.Call) (*kernel.Reply, error) {
	if err := d.refuseSettingUp(c); err != nil {
		return nil, err
	}
	return d.sendSetupCode(c, collections.MethodEmail, c.Auth.Email())
}

var purposeOf = map[collections.FactorMethod]collections.TokenPurpose{
	collections.MethodSMS: collections.TokenFactorSMS, collections.MethodEmail: collections.TokenFactorEmail}

// sendSetupCode sends a code to the number or address that is to become a factor. It replaces the code before.
func (d *door) sendSetupCode(c *kernel.Call, m collections.FactorMethod, to string) (*kernel.Reply, error) {
	// the same count as for codes at sign-in: it is the same mailbox or phone that fills up
	err := limitAttempts(c.App, c.Response.Header(), "factor code", c.Auth.Id, collections.Settings(c.App).Limit(collections.LimitSendMail))
	if err != nil {
		return nil, err
	}
	code, err := newCode()
	if err != nil {
		return nil, err
	}
	err = c.App.RunInTransaction(func(tx core.App) error {
		account, err := stillSignedIn(tx, c.RequestEvent)
		if err != nil {
			return err
		}
		if err := makeRoom(tx, c.Actor, account, m); err != nil {
			return err
		}
		if err := closeSetupCodes(tx, c.Actor, account, m); err != nil {
			return err
		}
		t, err := collections.NewAccountToken(tx, account, purposeOf[m], kernel.Now(tx).Add(factorCodeLasts))
		if err != nil {
			return err
		}
		t.Id = core.GenerateDefaultRandomId()
		t.Set("code_hash", codeHash(t.Id, code))
		t.Set("target", to)
		audit.As(t.ProxyRecord(), audit.SetUpMFA)
		if err := kernel.SaveAs(tx, c.Actor, t.ProxyRecord()); err != nil {
			return err
		}
		return sendCode(tx, account, m, to, code, false)
	})
	if err != nil {
		return nil, err
	}
	return kernel.OK(map[string]any{"sent": true, "expiresIn": int(factorCodeLasts / time.Second)}), nil
}

func closeSetupCodes(tx core.App, by kernel.Actor, account *core.Record, m collections.FactorMethod) error {
	open, err := collections.OpenAccountTokens(tx, account.Id, purposeOf[m])
	if err != nil {
		return err
	}
	for _, t := range open {
		t.MarkUsed(kernel.Now(tx))
		if err := kernel.SaveAs(tx, by, t.ProxyRecord()); err != nil {
			return err
		}
	}
	return nil
}

func (d *door) enableSMS(c *kernel.Call) (*kernel.Reply, error) {
	return d.enable(c, func(tx core.App, account *core.Record, code string) (*collections.MFAFactor, error) {
		number, err := provenBy(tx, c.Actor, account, collections.MethodSMS, code)
		if err != nil || number == "" {
			return nil, err
		}
		f, err := newFactor(tx, account, collections.MethodSMS)
		if err != nil {
			return nil, err
		}
		f.Set("phone", number)
		return f, nil
	})
}

func (d *door) enableEmail(c *kernel.Call) (*kernel.Reply, error) {
	return d.enable(c, func(tx core.App, account *core.Record, code string) (*collections.MFAFactor, error) {
		address, err := provenBy(tx, c.Actor, account, collections.MethodEmail, code)
		if err != nil || address == "" || address != account.Email() {
			return nil, err
		}
		return newFactor(tx, account, collections.MethodEmail)
	})
}

// provenBy gives the number or address that a code proves, or "". A wrong code counts as a try; the caller commits it.
func provenBy(tx core.App, by kernel.Actor, account *core.Record, m collections.FactorMethod, code string) (string, error) {
	open, err := collections.OpenAccountTokens(tx, account.Id, purposeOf[m])
	if err != nil || len(open) == 0 {
		return "", err
	}
	t := open[0]
	tried, err := collections.TriedCodes(tx, account.Id, purposeOf[m])
	if err != nil || t.Attempts() >= codeTries || tried >= codeTriesInAll || !kernel.Now(tx).Before(t.ExpiresAt()) {
		return "", err
	}
	if !sameHash(t.CodeHash(), codeHash(t.Id, code)) {
		t.Set("attempts", t.Attempts()+1)
		return "", kernel.SaveAs(tx, by, t.ProxyRecord())
	}
	return t.Target(), closeSetupCodes(tx, by, account, m)
}

// enable makes a factor count once its code was shown: proven gives the factor, or nil for a code that proves nothing.
// With the first factor come the recovery codes, shown this once.
func (d *door) enable(c *kernel.Call, proven func(tx core.App, account *core.Record, code string) (*collections.MFAFactor, error)) (*kernel.Reply, error) {
	var in struct{ Code string }
	if err := c.Bind(&in); err != nil {
		return nil, err
	}
	bad := kernel.Invalid("", "Enter the code.")
	if requireText(bad, "code", in.Code, 20); bad.HasFields() {
		return nil, bad
	}
	if err := refuseFactorsOff(c); err != nil {
		return nil, err
	}
	enabled, codes := false, []string(nil)
	err := c.App.RunInTransaction(func(tx core.App) error {
		account, err := stillSignedIn(tx, c.RequestEvent)
		if err != nil {
			return err
		}
		f, err := proven(tx, account, plainCode(in.Code))
		if err != nil || f == nil {
			return err // nothing fits; a counted try is kept
		}
		others, err := enabledFactors(tx, account)
		if err != nil {
			return err
		}
		f.Set("enabled_at", kernel.Now(tx))
		audit.As(f.ProxyRecord(), audit.EnableMFA)
		if err := kernel.SaveAs(tx, c.Actor, f.ProxyRecord()); err != nil {
			return err
		}
		enabled = true
		if len(others) == 0 {
			codes, err = makeRecoveryCodes(tx, c.Actor, account)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if !enabled {
		return nil, kernel.Invalid("CODE_INVALID", "That code isn't right or is no longer valid. Use the newest one, or start again.")
	}
	answer := map[string]any{"enabled": true}
	if codes != nil {
		answer["recoveryCodes"] = codes
	}
	return kernel.OK(answer).Say("The second step is on. You are signed out everywhere else."), nil
}

// disableFactor removes a factor of the caller, who shows the password and any factor that is enabled: one code with the
// password, or the code that was sent for the mfaToken of a first answer, in the way that codeMethod names.
func (d *door) disableFactor(c *kernel.Call) (*kernel.Reply, error) {
	var in struct {
		Method, Password              string
		MFAToken, MFACode, CodeMethod string
	}
	if err := c.Bind(&in); err != nil {
		return nil, err
	}
	code := factorCode{MFAToken: in.MFAToken, MFACode: in.MFACode, Method: in.CodeMethod}
	bad := kernel.Invalid("", "Enter your password and a code.")
	if in.MFAToken == "" {
		requireText(bad, "password", in.Password, 4*longest)
	}
	method := collections.FactorMethod(in.Method)
	if method != collections.MethodTOTP && purposeOf[method] == "" {
		_ = bad.Field("method", "option", "Choose one of the ways that are set up.")
	}
	if code.check(bad); bad.HasFields() {
		return nil, bad
	}
	a, err := d.proveOwner(c, in.Password, code, "disable:"+c.Actor.Session)
	if err != nil {
		return nil, err
	}
	left := 0
	err = d.pass(c.RequestEvent, a, func() error {
		return c.App.RunInTransaction(func(tx core.App) error {
			account, err := stillSignedIn(tx, c.RequestEvent)
			if err != nil {
				return err
			}
			if err := refuseOutdatedProof(tx, a, account); err != nil {
				return err
			}
			enabled, err := enabledFactors(tx, account)
			if err != nil {
				return err
			}
			i := slices.IndexFunc(enabled, func(f *collections.MFAFactor) bool { return f.Method() == method })
			if i < 0 {
				return kernel.Conflict("MFA_NOT_ENABLED", "This is off already.")
			}
			if err := requireSecondFactor(tx, a, account); err != nil {
				return err
			}
			left = len(enabled) - 1
			audit.As(enabled[i].ProxyRecord(), audit.DisableMFA)
			return kernel.DeleteAs(tx, c.Actor, enabled[i].ProxyRecord())
		})
	})
	if err != nil {
		return nil, err
	}
	return kernel.OK(map[string]bool{"enabled": left > 0}).Say("The second step is off. You are signed out everywhere else."), nil
}

// proveOwner gives the attempt of who is signed in: their password with a code, or a proof of theirs that waited.
func (d *door) proveOwner(c *kernel.Call, password string, code factorCode, bound string) (*Attempt, error) {
	var a *Attempt
	var err error
	if code.MFAToken != "" {
		a, err = code.continued(c.App, bound)
	} else if a, err = d.proveOwnPassword(c, password); err == nil {
		a.Second = code.second()
	}
	if err != nil {
		return nil, err
	}
	if a.Account.Id != c.Auth.Id || a.Account.Collection().Name != c.Auth.Collection().Name {
		return nil, kernel.Forbidden("WRONG_ACCOUNT", "That belongs to another account.")
	}
	a.BoundTo, a.IP, a.Agent = bound, c.RealIP(), c.Request.UserAgent()
	return a, nil
}

func (d *door) newRecoveryCodes(c *kernel.Call) (*kernel.Reply, error) {
	if err := d.refuseStaleProof(c); err != nil {
		return nil, err
	}
	var codes []string
	err := c.App.RunInTransaction(func(tx core.App) error {
		account, err := stillSignedIn(tx, c.RequestEvent)
		if err != nil {
			return err
		}
		codes, err = d.renewRecoveryCodes(tx, c.Actor, account)
		return err
	})
	if err != nil {
		return nil, err
	}
	return kernel.OK(map[string]any{"recoveryCodes": codes}).Say("The old codes no longer work. You are signed out everywhere else."), nil
}

// renewRecoveryCodes replaces an account's codes. They follow a factor: alone they would be a second factor of their own.
func (d *door) renewRecoveryCodes(tx core.App, by kernel.Actor, account *core.Record) ([]string, error) {
	enabled, err := enabledFactors(tx, account)
	if err != nil {
		return nil, err
	}
	if len(enabled) == 0 {
		return nil, kernel.Conflict("MFA_NOT_ENABLED", "Set up a second step first.")
	}
	codes, err := makeRecoveryCodes(tx, by, account)
	if err != nil {
		return nil, err
	}
	if err := d.endSignInsElsewhere(tx, by, account, collections.EndedCredentials, by.Session); err != nil {
		return nil, err
	}
	return codes, noticeOf(tx, account, noticeRecoveryRenewed)
}

// makeRecoveryCodes gives ten fresh codes, the only ones that count from now on. They exist in clear only here.
func makeRecoveryCodes(tx core.App, by kernel.Actor, account *core.Record) ([]string, error) {
	if err := dropRecoveryCodes(tx, by, account); err != nil {
		return nil, err
	}
	codes := make([]string, recoveryCodes)
	for i := range codes {
		codes[i] = newRecoveryCode()
		r, err := collections.NewRecoveryCode(tx, account, recoveryHash(account, codes[i]))
		if err != nil {
			return nil, err
		}
		if err := kernel.SaveAs(tx, by, r); err != nil {
			return nil, err
		}
	}
	return codes, audit.Append(tx, audit.EntryFor(by, audit.RenewRecoveryCodes, audit.ResourceType(account.Collection().Name), account.Id))
}

// newRecoveryCode makes 60 random bits in the alphabet of Crockford's base 32, in groups of four.
func newRecoveryCode() string {
	const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	raw := make([]byte, 12)
	rand.Read(raw)
	var b strings.Builder
	for i, x := range raw {
		if i > 0 && i%4 == 0 {
			b.WriteByte('-')
		}
		b.WriteByte(alphabet[x&31])
	}
	return b.String()
}

// newFactor makes an unsaved row. Its age counts while it waits to be enabled.
func newFactor(tx core.App, account *core.Record, m collections.FactorMethod) (*collections.MFAFactor, error) {
	f, err := collections.NewMFAFactor(tx, account, m)
	if err != nil {
		return nil, err
	}
	return f, dateByClock(tx, f.ProxyRecord())
}

// dateByClock dates a new row by the clinic's clock; PocketBase would take the machine's.
func dateByClock(app core.App, r *core.Record) error {
	made, err := types.ParseDateTime(kernel.Now(app))
	if err == nil {
		r.SetRaw("created", made)
	}
	return err
}

// makeRoom takes away a set-up that was not finished, and refuses one of a method that is on.
func makeRoom(tx core.App, by kernel.Actor, account *core.Record, m collections.FactorMethod) error {
	rows, err := collections.FactorsOf(tx, account)
	if err != nil {
		return err
	}
	for _, f := range rows {
		if f.Method() != m {
			continue
		}
		if f.Enabled() {
			return kernel.Conflict("MFA_ENABLED_ALREADY", "This is on already.")
		}
		if err := kernel.DeleteAs(tx, by, f.ProxyRecord()); err != nil {
			return err
		}
	}
	return nil
}

func (d *door) refuseSettingUp(c *kernel.Call) error {
	if err := refuseFactorsOff(c); err != nil {
		return err
	}
	return d.refuseStaleProof(c)
}

func refuseFactorsOff(c *kernel.Call) error {
	if policyFor(c.App, c.Auth) == collections.MFAOff {
		return kernel.Forbidden("MFA_OFF", "The clinic has switched second steps off.")
	}
	return nil
}

// attemptAtReset is the mailed link's proof of its account, with the second factor that came along: a code, a code for
// a link that waited for it, or a passkey.
func (d *door) attemptAtReset(c *kernel.Call, link string, code factorCode, key passkeyAnswer) (*Attempt, error) {
	_, u, err := resetToken(c.App, link)
	if err != nil {
		return nil, err
	}
	bound := "reset:" + linkHash(link)
	a := &Attempt{Account: u.Record, Method: ByMailLink, Second: code.second()}
	switch {
	case key.ChallengeID != "":
		a, err = d.provePasskey(c.RequestEvent, key)
	case code.MFAToken != "":
		a, err = code.continued(c.App, bound)
	}
	if err != nil {
		return nil, err
	}
	if a.Account.Id != u.Id || a.Account.Collection().Name != u.Collection().Name {
		return nil, kernel.Forbidden("WRONG_ACCOUNT", "That belongs to another account.")
	}
	a.BoundTo, a.IP, a.Agent = bound, c.RealIP(), c.Request.UserAgent()
	return a, nil
}

// requireOwnFactor asks for a factor that the account itself has set up. The code by mail that a clinic requires of
// everybody else would go to the mailbox that the link came from: it would prove nothing more, and no link could set a
// password any more.
func requireOwnFactor(tx core.App, a *Attempt, now *core.Record) error {
	enabled, err := enabledFactors(tx, now)
	if err != nil || len(enabled) == 0 {
		return err
	}
	if err := refuseOutdatedProof(tx, a, now); err != nil {
		return err
	}
	if err := requireSecondFactor(tx, a, now); err != nil {
		return err
	}
	return spendProof(tx, a, now)
}
