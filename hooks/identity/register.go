package identity

import (
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/pocketbase/dbx"
	validation "github.com/pocketbase/ozzo-validation/v4"
	"github.com/pocketbase/ozzo-validation/v4/is"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
)

// registration is what somebody who wants a login says about themselves, as the portal specification names it.
type registration struct {
	Email, Password     string
	FirstName, LastName string
	DateOfBirth         string // YYYY-MM-DD; the day of an instant is accepted
	Phone               string // compared with nothing: the clinic's record keeps its own
}

// register makes a login for a client whom the clinic knows by address, birth date and both names. Whoever is not
// known by all four gets one answer, after the same work and the same time, whatever it was that did not fit. The
// login may do nothing until the address is proven.
//
// A second registration of a login that waits for its proof is a 409 like that of an open one. With the same password
// it is the same person pressing twice, and nothing changes. With another, one of the two may be a stranger, and nobody
// can tell which: both passwords are void, and a link goes to the address that sets a new one.
func (d *door) register(c *kernel.Call) (*kernel.Reply, error) {
	var in registration
	if err := c.Bind(&in); err != nil {
		return nil, err
	}
	if err := in.check(c.App); err != nil {
		return nil, err
	}
	if err := limitAttempts(c.App, c.Response.Header(), "register", in.Email, collections.Settings(c.App).Limit(collections.LimitRegister)); err != nil {
		return nil, err
	}
	col, err := c.App.FindCachedCollectionByNameOrId(collections.PortalUsers)
	if err != nil {
		return nil, err
	}
	back, err := d.turns.take(c.Request.Context(), keyOf("register", in.Email)) // of two at once, the second sees the first
	if err != nil {
		return nil, err
	}
	defer back()
	user := collections.AsPortalUser(core.NewRecord(col))
	if err := d.setPassword(c.Request.Context(), c.RealIP(), user.Record, in.Password); err != nil {
		return nil, err
	}
	_, pending, err := in.match(c.App)
	if err != nil {
		return nil, err
	}
	if pending != nil {
		same, err := d.hashing.fits(c.Request.Context(), c.RealIP(), col, pending.GetString(core.FieldNamePassword+":hash"), digest(in.Password))
		if err != nil {
			return nil, err
		}
		if same {
			return nil, alreadyRegistered()
		}
	}
	begun := false
	err = c.App.RunInTransaction(func(tx core.App) error {
		begun, err = in.open(tx, c.Actor, user)
		return err
	})
	if err != nil {
		return nil, err
	}
	if begun {
		return nil, alreadyRegistered()
	}
	return kernel.Created(map[string]any{"portalUserId": user.Id, "email": user.Email(), "verificationRequired": true}).
		Say("Check your email: we've sent you a code and a link."), nil
}

// check looks at the form alone, so that nothing it says depends on who is known. It puts the values into the form
// in which they are compared.
func (in *registration) check(app core.App) error {
	bad := kernel.Invalid("", "Some of what you entered needs another look.")
	in.Email = collections.NormalEmail(in.Email)
	in.FirstName, in.LastName = strings.TrimSpace(in.FirstName), strings.TrimSpace(in.LastName)
	if requireText(bad, "email", in.Email, 255); in.Email != "" && is.EmailFormat.Validate(in.Email) != nil {
		_ = bad.Field("email", "format", "Enter an email address, like name@example.com.")
	}
	requireText(bad, "firstName", in.FirstName, 400)
	requireText(bad, "lastName", in.LastName, 400)
	if len(in.Phone) > 40 {
		_ = bad.Field("phone", "max_length", "That is too long.")
	}
	if day, ok := birthDay(in.DateOfBirth, kernel.Now(app)); ok {
		in.DateOfBirth = day
	} else {
		_ = bad.Field("dateOfBirth", "format", "Enter your date of birth as year-month-day, for example 1990-04-27.")
	}
	if in.Password == "" {
		_ = bad.Field("password", "required", "This is needed.")
	} else if weak := weakness(collections.Settings(app), in.Password, wordsOf(in.Email, in.FirstName, in.LastName, in.DateOfBirth)); weak != nil {
		_ = sayWeak(bad, "password", weak)
	}
	if bad.HasFields() {
		return bad
	}
	return nil
}

// sayWeak puts what weakness found into a form's answer.
func sayWeak(bad *kernel.Error, field string, weak error) *kernel.Error {
	var v validation.Error
	errors.As(weak, &v)
	return bad.Field(field, strings.TrimPrefix(v.Code(), "validation_"), v.Error())
}

// birthDay reads a calendar date between 1900 and today.
func birthDay(s string, now time.Time) (string, bool) {
	if i := strings.IndexByte(s, 'T'); i == len(time.DateOnly) {
		s = s[:i]
	}
	day, err := time.Parse(time.DateOnly, s)
	return s, err == nil && day.Year() >= 1900 && !day.After(now.AddDate(0, 0, 1)) // east of here it is tomorrow already
}

// match asks the same three questions whatever the answer to the first: which client, who has the address, who acts
// for the client. It refuses unless exactly one client fits, is old enough and has no open login. pending is the login that waits for
// its proof at this address, or nil.
func (in *registration) match(app core.App) (client *collections.Client, pending *collections.PortalUser, err error) {
	matches, err := collections.ClientsByMatchKey(app, collections.MatchKey(in.Email, in.DateOfBirth, in.FirstName, in.LastName))
	if err != nil {
		return nil, nil, err
	}
	login, err := collections.LoginByEmail(app, collections.PortalUsers, in.Email)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, nil, err
	}
	id := ""
	if len(matches) == 1 && matches[0].Active() && mayHaveLogin(app, matches[0]) {
		client, id = matches[0], matches[0].Id
	}
	self, err := isRegistered(app, id)
	if err != nil {
		return nil, nil, err
	}
	if client == nil {
		return nil, nil, notConfirmed()
	}
	if login != nil {
		pending = collections.AsPortalUser(login)
	}
	if self || pending != nil && (pending.Status() != collections.AccountPending || pending.Verified()) {
		return nil, nil, alreadyRegistered()
	}
	return client, pending, nil
}

// isRegistered tells whether somebody acts, or acted, as this client in person.
func isRegistered(app core.App, client string) (is bool, err error) {
	err = app.ConcurrentDB().NewQuery("SELECT EXISTS (SELECT 1 FROM client_access WHERE client = {:c} AND relationship = 'self')").
		Bind(dbx.Params{"c": client}).Row(&is)
	return is, err
}

// open makes the login, asking once more inside the transaction, and mails the proof. It answers true when there was
// one that waits for its proof: that one's password is void now, and a link was mailed that sets a new one.
func (in *registration) open(tx core.App, by kernel.Actor, user *collections.PortalUser) (begun bool, err error) {
	client, pending, err := in.match(tx)
	if err != nil {
		return false, err
	}
	if pending != nil {
		user = pending
	}
	user.Load(map[string]any{"email": in.Email, "first_name": client.FirstName(), "last_name": client.LastName(),
		"language": client.Language(), "password_changed_at": kernel.Now(tx)})
	user.SetPendingClient(client.Id)
	if pending != nil {
		if err := voidPassword(tx, by, user); err != nil {
			return false, err
		}
		return true, mailReset(tx, user)
	}
	user.SetStatus(collections.AccountPending)
	audit.As(user.Record, audit.Register)
	if err := kernel.SaveAs(tx, by, user.Record); err != nil {
		return false, err
	}
	return false, sendVerification(tx, user)
}

func notConfirmed() *kernel.Error {
	return kernel.Invalid("IDENTITY_NOT_CONFIRMED", "We couldn't match that with our records. Check what you entered, or call us.")
}

func alreadyRegistered() *kernel.Error {
	return kernel.Conflict("ALREADY_REGISTERED", "This access is already set up, or waits to be confirmed. Look for our newest email, sign in, or choose a new password.")
}
