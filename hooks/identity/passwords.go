package identity

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/pocketbase/dbx"
	validation "github.com/pocketbase/ozzo-validation/v4"
	"github.com/pocketbase/pocketbase/core"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"anteroom/collections"
)

const (
	bcryptTakes = 71    // bytes that PocketBase lets bcrypt see
	longMark    = "$l$" // begins the stand-in of a longer password
	longest     = 256   // characters of any script
)

// digest is what bcrypt sees of a password, everywhere: its NFKC form (two keyboards may write one character in two
// ways; NIST SP 800-63B-4, 3.1.1.2), or the SHA-256 of that when it is too long for bcrypt. A typed password that
// begins like a stand-in is hashed as well, so that a stolen stand-in opens nothing.
func digest(password string) string {
	p := norm.NFKC.String(password)
	if len(p) <= bcryptTakes && !strings.HasPrefix(p, longMark) {
		return p
	}
	sum := sha256.Sum256([]byte("anteroom long password 1\x00" + p))
	return longMark + base64.RawStdEncoding.EncodeToString(sum[:])
}

// typedKey keeps the password as typed on the record until it is saved, for the policy to judge.
const typedKey = "@password"

// setPassword sets a password as typed, waiting its turn to hash. Requests use it, before any transaction: the writer
// must not wait for bcrypt. core.Record.SetPassword works too, without the queue.
func (d *door) setPassword(ctx context.Context, address string, r *core.Record, typed string) error {
	if err := d.hashing.do(ctx, address, func() { r.SetPassword(digest(typed)) }); err != nil {
		return err
	}
	r.SetRaw(typedKey, typed)
	return nil
}

// hashAsTyped makes every door hash the digest: what the dashboard or a command set is hashed once more when the
// digest differs from what was typed.
func hashAsTyped(r *core.Record) {
	plain := r.GetString(core.FieldNamePassword) // empty unless a new one was set
	if plain == "" {
		return
	}
	if typed, _ := r.GetRaw(typedKey).(string); typed != "" && digest(typed) == plain {
		return // set by setPassword, or saved a second time
	}
	r.SetRaw(typedKey, plain)
	if short := digest(plain); short != plain {
		r.SetPassword(short)
	}
}

// refuseWeakPassword judges a new password of a login, whoever sets it.
func refuseWeakPassword(app core.App, r *core.Record) error {
	if r.GetString(core.FieldNamePassword) == "" {
		return nil
	}
	typed, _ := r.GetRaw(typedKey).(string)
	words, err := personalWords(app, r)
	if err != nil {
		return err
	}
	if weak := weakness(collections.Settings(app), typed, words); weak != nil {
		return validation.Errors{core.FieldNamePassword: weak}
	}
	return nil
}

// personalWords are what others know of a person: they must not be in the password.
func personalWords(app core.App, r *core.Record) ([]string, error) {
	words := wordsOf(r.Email(), r.GetString("first_name"), r.GetString("last_name"), "")
	if r.Collection().Name != collections.PortalUsers {
		return words, nil
	}
	var born []string
	err := app.ConcurrentDB().NewQuery(`SELECT date_of_birth FROM clients WHERE id = {:pending} OR id IN
		(SELECT client FROM client_access WHERE portal_user = {:user} AND relationship = 'self')`).
		Bind(dbx.Params{"pending": collections.AsPortalUser(r).PendingClient(), "user": r.Id}).Column(&born)
	for _, b := range born {
		words = append(words, wordsOf("", "", "", b)...)
	}
	return words, err
}

func wordsOf(email, first, last, dateOfBirth string) []string {
	local, _, _ := strings.Cut(email, "@")
	words := []string{local, first, last}
	if year, _, ok := strings.Cut(dateOfBirth, "-"); ok {
		words = append(words, year)
	}
	return words
}

// weakness applies the clinic's policy: length, classes (portal specification), no common password, nothing personal. It
// answers nil for a password that may be used, else an error with one of the codes min_length, max_length, classes,
// common, personal.
func weakness(s *collections.ClinicSettings, typed string, words []string) error {
	p := norm.NFKC.String(typed)
	n := utf8.RuneCountInString(p)
	bad := func(code, message string) error { return validation.NewError("validation_"+code, message) }
	switch {
	case !utf8.ValidString(typed) || n > longest:
		return bad("max_length", fmt.Sprintf("Use at most %d characters.", longest))
	case n < s.PasswordLength:
		return bad("min_length", fmt.Sprintf("Use at least %d characters.", s.PasswordLength))
	case s.PasswordClasses && !hasFourClasses(p):
		return bad("classes", "Use capital letters, small letters, a number and a symbol.")
	case isCommon(p):
		return bad("common", "Many people use this password, so it is easy to guess. Choose another.")
	case holdsAny(p, words, 4) || holdsAny(p, []string{s.ClinicName}, 6):
		return bad("personal", "Leave out your name, your email, your year of birth and the clinic's name.")
	}
	return nil
}

// hasFourClasses: letters of a script without capitals count as both.
func hasFourClasses(p string) bool {
	var upper, lower, digit, symbol bool
	for _, r := range p {
		switch {
		case unicode.IsUpper(r) || unicode.IsTitle(r):
			upper = true
		case unicode.IsLower(r):
			lower = true
		case unicode.IsLetter(r):
			upper, lower = true, true
		case unicode.IsDigit(r):
			digit = true
		default:
			symbol = true
		}
	}
	return upper && lower && digit && symbol
}

//go:embed common_passwords.txt
var commonList string

var common = sync.OnceValue(func() map[string]bool {
	set := map[string]bool{}
	for line := range strings.Lines(commonList) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			set[line] = true
		}
	}
	return set
})

// unleet undoes the substitutions everybody tries first.
var unleet = strings.NewReplacer("@", "a", "4", "a", "3", "e", "1", "i", "!", "i", "0", "o", "$", "s", "5", "s", "7", "t")

// isCommon compares the whole password, case aside, with the list, and so does what is left of it without digits
// and symbols at both ends: "P@ssword2024!" is "password" to whoever guesses.
func isCommon(p string) bool {
	p = cases.Fold().String(p)
	edge := func(r rune) bool { return !unicode.IsLetter(r) }
	inner, start := strings.TrimFunc(p, edge), strings.TrimRightFunc(p, edge)
	set := common()
	return set[p] || set[inner] || set[unleet.Replace(inner)] || set[unleet.Replace(start)]
}

// holdsAny tells whether the password contains a word, or a part of one, of at least so many characters.
func holdsAny(p string, words []string, atLeast int) bool {
	p = cases.Fold().String(p)
	for _, w := range words {
		w = cases.Fold().String(norm.NFKC.String(w))
		parts := strings.FieldsFunc(w, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
		for _, part := range append(parts, w, strings.Join(parts, "")) {
			if utf8.RuneCountInString(part) >= atLeast && strings.Contains(p, part) {
				return true
			}
		}
	}
	return false
}
