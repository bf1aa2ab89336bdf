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

// registration is what somebody who wants a login says about themselves (specification A).
type registration struct {
	Email, Password     string
	FirstName, LastName string
	DateOfBirth         string // YYYY-MM-DD; the day of an instant is accepted
	Phone               string // compared with nothing: the clinic's record keeps its own
}

// register makes a login for a client whom the clinic knows by address, birth date and both names. Whoever is not
// known by all four gets one answer, after the same work and the same time, whatever it was that did not fit. The
// login may do nothing until the address is proven.
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
	user := collections.AsPortalUser(core.NewRecord(col))
	if err := d.setPassword(c.Request.Context(), user.Record, in.Password); err != nil {
		return nil, err
	}
	client, taken, err := in.match(c.App)
	switch {
	case err != nil:
		return nil, err
	case client == nil:
		return nil, notConfirmed()
	case taken:
		return nil, alreadyRegistered()
	}
	err = c.App.RunInTransaction(func(tx core.App) error { return in.open(tx, c.Actor, user) })
	if err != nil {
		return nil, err
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
		var v validation.Error
		errors.As(weak, &v)
		_ = bad.Field("password", strings.TrimPrefix(v.Code(), "validation_"), v.Error())
	}
	if bad.HasFields() {
		return bad
	}
	return nil
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
// for the client. client is nil unless exactly one fits.
func (in *registration) match(app core.App) (client *collections.Client, taken bool, err error) {
	matches, err := collections.ClientsByMatchKey(app, collections.MatchKey(in.Email, in.DateOfBirth, in.FirstName, in.LastName))
	if err != nil {
		return nil, false, err
	}
	login, err := collections.LoginByEmail(app, collections.PortalUsers, in.Email)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, false, err
	}
	id := ""
	if len(matches) == 1 && matches[0].Active() {
		client, id = matches[0], matches[0].Id
	}
	var self bool
	err = app.ConcurrentDB().NewQuery("SELECT EXISTS (SELECT 1 FROM client_access WHERE client = {:c} AND relationship = 'self')").
		Bind(dbx.Params{"c": id}).Row(&self)
	if err != nil {
		return nil, false, err
	}
	return client, self || login != nil && !abandoned(app, login), nil
}

// abandoned is a registration that nobody confirmed while its link lived. It does not block the address: somebody
// else may have made it, who cannot read its mail.
func abandoned(app core.App, login *core.Record) bool {
	return collections.AsPortalUser(login).Status() == collections.AccountPending && !login.Verified() &&
		kernel.Now(app).After(login.GetDateTime("password_changed_at").Time().Add(linkLife))
}

// open makes the login, asking once more inside the transaction, and mails the proof.
func (in *registration) open(tx core.App, by kernel.Actor, user *collections.PortalUser) error {
	client, taken, err := in.match(tx)
	if err != nil {
		return err
	}
	if client == nil {
		return notConfirmed()
	}
	if taken {
		return alreadyRegistered()
	}
	old, err := collections.LoginByEmail(tx, collections.PortalUsers, in.Email)
	if err == nil { // abandoned, or match would have said taken
		err = kernel.DeleteAs(tx, by, old)
	}
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	user.Load(map[string]any{"email": in.Email, "first_name": client.FirstName(), "last_name": client.LastName(),
		"language": client.Language(), "password_changed_at": kernel.Now(tx)})
	user.SetStatus(collections.AccountPending)
	user.SetPendingClient(client.Id)
	audit.As(user.Record, audit.Register)
	if err := kernel.SaveAs(tx, by, user.Record); err != nil {
		return err
	}
	return sendVerification(tx, user)
}

func notConfirmed() *kernel.Error {
	return kernel.Invalid("IDENTITY_NOT_CONFIRMED", "We couldn't match that with our records. Check what you entered, or call us.")
}

func alreadyRegistered() *kernel.Error {
	return kernel.Conflict("ALREADY_REGISTERED", "You already have an account. Sign in, or choose a new password.")
}
