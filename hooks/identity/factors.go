package identity

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"
	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
)

// Second is a second factor that somebody shows.
type Second struct {
	Method  collections.FactorMethod // empty: six digits are a TOTP code, anything else a recovery code
	Code    string
	waiting *waiting // the proof that waits for it; nil when the code came along with the password
}

// ways is what may follow a first proof of one account.
type ways struct {
	needed   bool                       // nothing opens without one of them
	factors  []*collections.MFAFactor   // enabled
	methods  []collections.FactorMethod // what the person may choose from
	implicit bool                       // the clinic requires a second factor and nothing is set up: a mailed code it is
}

// waysAfter says what may follow a proof. A mailed link is no second factor of a mailed link. A passkey whose device
// has verified its user is two factors by itself (NIST SP 800-63B-4, section 3.1.7), so nothing needs to follow it.
func waysAfter(app core.App, first Method, account *core.Record) (ways, error) {
	var w ways
	var err error
	if w.factors, err = enabledFactors(app, account); err != nil {
		return w, err
	}
	if first == ByPasskey {
		return w, nil
	}
	w.implicit = len(w.factors) == 0 && policyFor(app, account) == collections.MFARequired
	w.needed = len(w.factors) > 0 || w.implicit
	if !w.needed {
		return w, nil
	}
	for _, f := range w.factors {
		w.methods = append(w.methods, f.Method())
	}
	if w.implicit {
		w.methods = append(w.methods, collections.MethodEmail)
	}
	if first == ByMailLink {
		w.methods = slices.DeleteFunc(w.methods, func(m collections.FactorMethod) bool { return m == collections.MethodEmail })
	}
	codes, err := collections.UnusedRecoveryCodes(app, account)
	if err != nil {
		return w, err
	}
	if len(codes) > 0 {
		w.methods = append(w.methods, collections.MethodRecovery)
	}
	keys, err := collections.PasskeysOf(app, account)
	if err != nil {
		return w, err
	}
	if len(keys) > 0 {
		w.methods = append(w.methods, collections.MethodPasskey)
	}
	return w, nil
}

// policyFor is what the clinic wants of this account. Factors that are set up count under every policy: to offer none
// any more must not open the accounts of those who have one.
func policyFor(app core.App, account *core.Record) collections.MFAPolicy {
	if account.Collection().Name == collections.PortalUsers {
		return collections.Settings(app).MFAClients
	}
	return collections.Settings(app).MFAStaff // the owner's too
}

// hints let the person recognise where a code goes, and nobody else learn where.
func (w ways) hints(account *core.Record) map[string]string {
	out := map[string]string{}
	for _, m := range w.methods {
		switch m {
		case collections.MethodEmail:
			out["email"] = maskedEmail(account.Email())
		case collections.MethodSMS:
			out["sms"] = maskedPhone(w.factor(m).Phone())
		}
	}
	return out
}

func (w ways) factor(m collections.FactorMethod) *collections.MFAFactor {
	for _, f := range w.factors {
		if f.Method() == m {
			return f
		}
	}
	return nil
}

func maskedEmail(email string) string {
	name, host, _ := strings.Cut(email, "@")
	if name == "" {
		return "•••"
	}
	return string([]rune(name)[:1]) + "•••@" + host
}

func maskedPhone(phone string) string {
	if len(phone) < 4 {
		return "••"
	}
	return "•• " + phone[len(phone)-2:]
}

// requireSecondFactor holds between every first proof and what it opens. It spends what it accepts in the
// transaction of what is opened: a code that opened nothing is not spent, and one that opened something never opens
// anything again.
func requireSecondFactor(tx core.App, a *Attempt, now *core.Record) error {
	w, err := waysAfter(tx, a.Method, now)
	if err != nil {
		return err
	}
	switch {
	case !w.needed && a.Second != nil && a.Second.waiting != nil:
		return a.Second.waiting.spend(tx) // what it waited for is gone; it still opens one thing once
	case !w.needed:
		return nil
	case a.Device != "" && a.Second == nil:
		known, err := useRememberedDevice(tx, a, now)
		if err != nil || known {
			return err
		}
	}
	if a.Second == nil {
		return factorMissing(w, now)
	}
	if a.Second.Method == "" {
		a.Second.Method = methodOfCode(a.Second.Code)
	}
	if !slices.Contains(w.methods, a.Second.Method) {
		return factorWrong()
	}
	return useFactor(tx, a, w, now)
}

// methodOfCode: what an authenticator shows has six digits, a recovery code has letters.
func methodOfCode(code string) collections.FactorMethod {
	if len(plainCode(code)) == 6 {
		return collections.MethodTOTP
	}
	return collections.MethodRecovery
}

func useFactor(tx core.App, a *Attempt, w ways, now *core.Record) error {
	code := plainCode(a.Second.Code)
	var err error
	switch a.Second.Method {
	case collections.MethodTOTP:
		err = useTimeStep(tx, w.factor(collections.MethodTOTP), code)
	case collections.MethodSMS, collections.MethodEmail:
		err = useSentCode(tx, a, w, code)
	case collections.MethodRecovery:
		err = useRecoveryCode(tx, a, now, code)
	default: // a passkey comes through its own door, as a proof that needs no other
		err = factorWrong()
	}
	if err == nil && a.Second.waiting != nil {
		err = a.Second.waiting.spend(tx)
	}
	return err
}

// plainCode drops what people put between characters.
func plainCode(code string) string {
	return strings.ToUpper(strings.Map(func(r rune) rune {
		if strings.ContainsRune(" -\t\u00a0", r) {
			return -1
		}
		return r
	}, code))
}

// stepLength is that of every authenticator app (RFC 6238, section 5.2); a code counts from one step before to one
// step after.
const stepLength = 30

// useTimeStep accepts a TOTP code of a step that was never used: neither a step nor an older one counts again, so a
// code that was seen over a shoulder is worth nothing (RFC 6238, section 5.2).
func useTimeStep(tx core.App, f *collections.MFAFactor, code string) error {
	step, ok, err := stepOf(f.Secret(), code, kernel.Now(tx), f.LastStep())
	if err != nil {
		return err
	}
	if !ok {
		return factorWrong()
	}
	f.SetLastStep(step)
	return noteUse(tx, f)
}

// stepOf finds the step that a code belongs to, newer than the last one used.
func stepOf(secret, code string, now time.Time, last int64) (step int64, ok bool, err error) {
	if secret == "" || len(code) != 6 {
		return 0, false, nil
	}
	middle := now.Unix() / stepLength
	for s := middle - 1; s <= middle+1; s++ {
		want, err := hotp.GenerateCodeCustom(secret, uint64(s), hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
		if err != nil {
			return 0, false, err
		}
		if s > last && sameHash(want, code) {
			return s, true, nil
		}
	}
	return 0, false, nil
}

// useSentCode accepts the code that was sent for this proof, and for no other.
func useSentCode(tx core.App, a *Attempt, w ways, code string) error {
	at := a.Second.waiting
	if at == nil || at.CodeMethod != string(a.Second.Method) || !sameHash(at.CodeHash, codeHash(at.TokenHash, code)) {
		return factorWrong()
	}
	if f := w.factor(a.Second.Method); f != nil {
		return noteUse(tx, f)
	}
	return nil
}

// useRecoveryCode spends one of the ten.
func useRecoveryCode(tx core.App, a *Attempt, now *core.Record, code string) error {
	hash := recoveryHash(now, code)
	codes, err := collections.UnusedRecoveryCodes(tx, now)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(codes, func(r *core.Record) bool { return sameHash(r.GetString("code_hash"), hash) })
	if i < 0 {
		return factorWrong()
	}
	codes[i].Set("used_at", kernel.Now(tx))
	audit.As(codes[i], audit.UseRecoveryCode)
	if err := kernel.SaveAs(tx, a.actor(now), codes[i]); err != nil {
		return err
	}
	return noticeOf(tx, now, noticeRecoveryUsed)
}

// recoveryHash is salted with its account, so that two accounts' codes never compare. Letters that look like digits
// are those digits (Crockford's base 32).
func recoveryHash(account *core.Record, code string) string {
	plain := strings.NewReplacer("O", "0", "I", "1", "L", "1").Replace(plainCode(code))
	return hashOf("recovery code", []byte(account.Collection().Name), []byte(account.Id), []byte(plain))
}

// noteUse is bookkeeping beside the sign-in's own line: plain SQL.
func noteUse(tx core.App, f *collections.MFAFactor) error {
	_, err := tx.NonconcurrentDB().NewQuery("UPDATE mfa_factors SET last_used = {:at}, last_step = {:step} WHERE id = {:id}").
		Bind(dbx.Params{"at": kernel.Now(tx).Format(types.DefaultDateLayout), "step": f.LastStep(), "id": f.Id}).Execute()
	return err
}

func factorMissing(w ways, account *core.Record) *kernel.Error {
	e := kernel.Unauthorized(reasonFactorMissing, "One more step: show that it's you.")
	if len(w.methods) == 0 {
		e.Message = "Your account needs a second step that does not work with an email link. Sign in with your password."
	}
	return e.With("methods", w.methods).With("hints", w.hints(account))
}

func factorWrong() *kernel.Error {
	return kernel.Unauthorized(reasonFactorWrong, "That code isn't right or is no longer valid. Enter the newest code.")
}

const (
	reasonFactorMissing = "MFA_REQUIRED"
	reasonFactorWrong   = "MFA_INVALID"
)

func hasReason(err error, reason string) bool {
	var refusal *kernel.Error
	return errors.As(err, &refusal) && refusal.Reason == reason
}
