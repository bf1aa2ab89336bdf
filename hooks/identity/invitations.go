package identity

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/pocketbase/ozzo-validation/v4/is"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
	"anteroom/hooks/outbox"
)

// An invitation is a mailed link that gives one address access to one client, once. Who opens it proves the mailbox by
// the link and the relation by the client's birth date.

const (
	invitationTries    = 5  // wrong birth dates, over all links of an invitation
	invitationSends    = 10 // mails of one invitation, the first included
	invitationRenewals = 5  // mails that its own dead links may ask for

	topicRenew = "identity_renew_invitation"
)

func bindInvitations(d *door) {
	app := d.app
	app.OnRecordCreateExecute(collections.Invitations).BindFunc(judgeNewInvitation)
	app.OnRecordUpdateExecute(collections.Invitations).BindFunc(judgeInvitation)
	outbox.OnJob(app, topicRenew, renewInvitation)

	const forms = collections.LimitPublicForms
	link := func(path string, access kernel.Access, do func(*kernel.Call) (*kernel.Reply, error)) kernel.Route {
		return kernel.Route{Method: http.MethodPost, Path: kernel.Portal + "/auth/invitations/" + path, Access: access, Limit: forms, MaxBody: 16 << 10, Do: d.evenly(do)}
	}
	desk := func(method, path string, do func(*kernel.Call) (*kernel.Reply, error)) kernel.Route {
		return kernel.Route{Method: method, Path: kernel.Desk + "/invitations" + path, Access: kernel.Staff, Roles: invitingRoles, Owns: collections.Invitations, MaxBody: 16 << 10, Do: do}
	}
	kernel.Handle(app,
		link("open", kernel.Public, openInvitation),
		link("accept", kernel.Public, d.acceptInvitation),
		link("join", kernel.SignedIn, joinByInvitation),
		link("renew", kernel.Public, askForInvitation),
		desk(http.MethodGet, "", listInvitations),
		desk(http.MethodPost, "", inviteFromDesk),
		desk(http.MethodPost, "/{id}/resend", resendInvitation),
		desk(http.MethodDelete, "/{id}", revokeInvitation),
	)
}

// offer is what an inviter says.
type offer struct {
	ClientID, Email, Relationship, Scope string
	Until                                string // when the access ends, RFC 3339; empty: never
	untilField                           string // its name in the request
}

func (o *offer) check(app core.App) (until time.Time, err error) {
	bad := kernel.Invalid("", "Some of what you entered needs another look.")
	o.Email = collections.NormalEmail(o.Email)
	if requireText(bad, "email", o.Email, 255); o.Email != "" && is.EmailFormat.Validate(o.Email) != nil {
		_ = bad.Field("email", "format", "Enter an email address, like name@example.com.")
	}
	relationships := []string{collections.RelationshipSelf, collections.RelationshipParent, collections.RelationshipGuardian, collections.RelationshipPartner, collections.RelationshipBilling}
	if !slices.Contains(relationships, o.Relationship) {
		_ = bad.Field("relationship", "option", "Choose one of: "+strings.Join(relationships, ", ")+".")
	}
	scopes := []string{kernel.ScopeAll, kernel.ScopeAppointmentsForms, kernel.ScopeBilling}
	if !slices.Contains(scopes, o.Scope) {
		_ = bad.Field("scope", "option", "Choose one of: "+strings.Join(scopes, ", ")+".")
	}
	if o.Until != "" {
		if until, err = time.Parse(time.RFC3339, o.Until); err != nil {
			_ = bad.Field(o.untilField, "format", "Enter an instant, like 2027-01-31T00:00:00Z.")
		} else if !until.After(kernel.Now(app)) || until.Year() > 9999 {
			_ = bad.Field(o.untilField, "past", "Choose a day from today on.")
		}
	}
	if bad.HasFields() {
		return until, bad
	}
	return until, nil
}

// Invite invites a client in person, as the desk's page does.
func Invite(app core.App, by kernel.Actor, client, email string) error {
	o := offer{ClientID: client, Email: email, Relationship: collections.RelationshipSelf, Scope: kernel.ScopeAll}
	_, err := o.invite(app, by)
	return err
}

// invite makes an invitation and mails its link, in one commit.
func (o *offer) invite(app core.App, by kernel.Actor) (*collections.Invitation, error) {
	until, err := o.check(app)
	if err != nil {
		return nil, err
	}
	var i *collections.Invitation
	err = app.RunInTransaction(func(tx core.App) error {
		if i, err = collections.NewInvitation(tx, o.ClientID, o.Email, o.Relationship, o.Scope); err != nil {
			return err
		}
		if !until.IsZero() {
			i.Set("access_until", until)
		}
		link, hash := newLink()
		i.Id = core.GenerateDefaultRandomId()
		i.Load(map[string]any{"link_hash": hash, "invited_by": granter(by), "expires_at": invitationEnd(tx, kernel.Now(tx))}) // required; the rule writes them
		audit.As(i.Record, audit.Invite)
		if err := kernel.SaveAs(tx, by, i.Record); err != nil {
			return err
		}
		return mailInvitation(tx, i, link)
	})
	return i, o.asAsked(err)
}

// asAsked names the fields of a refusal as the request does.
func (o *offer) asAsked(err error) error {
	if err == nil {
		return nil
	}
	refusal := kernel.AsError(err)
	for ours, asked := range map[string]string{"client": "clientId", "accessUntil": o.untilField} {
		if f, ok := refusal.Fields[ours]; ok && asked != ours {
			delete(refusal.Fields, ours)
			refusal.Fields[asked] = f
		}
	}
	return refusal
}

// mailAgain gives an invitation a new link, which ends the old one, and mails it.
func mailAgain(tx core.App, by kernel.Actor, i *collections.Invitation) error {
	link, hash := newLink()
	i.Set("link_hash", hash)
	i.Set("sent_count", i.SentCount()+1)
	audit.As(i.Record, audit.ResendInvitation)
	if err := kernel.SaveAs(tx, by, i.Record); err != nil {
		return err
	}
	return mailInvitation(tx, i, link)
}

func mailInvitation(tx core.App, i *collections.Invitation, link string) error {
	w, s := accessWordsFor(i.Language()), collections.Settings(tx)
	who, err := inviterInWords(tx, i, w)
	if err != nil {
		return err
	}
	return outbox.Mail(tx, outbox.Message{Topic: "invitation", To: i.Email(), Language: w.language,
		Subject: fmt.Sprintf(w.inviteSubject, s.ClinicName), Text: fmt.Sprintf(w.inviteText, who, s.InvitationHours),
		Link: "/invitation?token=" + link, LinkLabel: w.inviteLabel, Cause: "invitation:" + i.Id + ":" + fmt.Sprint(i.SentCount())})
}

// inviterInWords is the clinic, or the first name of who invited. A first name is what that person typed, and this
// mail goes to somebody else: what does not look like a name is left out.
func inviterInWords(tx core.App, i *collections.Invitation, w accessWords) (string, error) {
	kind, id, _ := strings.Cut(i.InvitedBy(), ":")
	if kind != kernel.KindClient {
		return w.byClinic, nil
	}
	login, err := tx.FindRecordById(collections.PortalUsers, id)
	if err != nil {
		return "", err
	}
	first := strings.TrimSpace(collections.AsPortalUser(login).FirstName())
	isOdd := func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsMark(r) && !strings.ContainsRune(" -'’", r)
	}
	if first == "" || len(first) > 40 || strings.ContainsFunc(first, isOdd) {
		return w.byFamily, nil
	}
	return first, nil
}

// invitationOfLink finds the invitation that a link opens. Every other link has one answer.
func invitationOfLink(app core.App, link string) (*collections.Invitation, error) {
	i, err := collections.InvitationByLink(app, linkHash(link))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, deadLink()
	}
	if err != nil {
		return nil, err
	}
	stands, err := invitationStands(app, i)
	if err != nil {
		return nil, err
	}
	if !stands {
		return nil, deadLink()
	}
	return i, nil
}

// Invited is what the page of a link shows. It is for whoever has the mailbox, and names nobody.
type Invited struct {
	EmailHint    string    `json:"emailHint"`
	Relationship string    `json:"relationship"`
	Scope        string    `json:"scope"`
	ExpiresAt    time.Time `json:"expiresAt"`
	HasLogin     bool      `json:"hasLogin"`
}

func openInvitation(c *kernel.Call) (*kernel.Reply, error) {
	link, _, err := linkAndDate(c, false)
	if err != nil {
		return nil, err
	}
	i, err := invitationOfLink(c.App, link)
	if err != nil {
		return nil, err
	}
	login, err := loginThatCounts(c.App, i.Email())
	if err != nil {
		return nil, err
	}
	return kernel.OK(Invited{EmailHint: maskedEmail(i.Email()), Relationship: i.Relationship(), Scope: i.Scope(), ExpiresAt: i.ExpiresAt(), HasLogin: login != nil}), nil
}

// loginThatCounts finds the login of an address, or nil. A registration that was never proven is none: anybody could
// have made it.
func loginThatCounts(app core.App, email string) (*collections.PortalUser, error) {
	r, err := collections.LoginByEmail(app, collections.PortalUsers, email)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	u := collections.AsPortalUser(r)
	if u.Status() == collections.AccountPending && !u.Verified() {
		return nil, nil
	}
	return u, nil
}

// linkAndDate reads the two fields that every way of using a link has.
func linkAndDate(c *kernel.Call, withDate bool) (link, born string, err error) {
	var in struct{ Token, DateOfBirth string }
	if err := c.Bind(&in); err != nil {
		return "", "", err
	}
	bad := kernel.Invalid("", "Some of what you entered needs another look.")
	requireText(bad, "token", in.Token, 200)
	if withDate {
		born = readBirthDay(bad, in.DateOfBirth, kernel.Now(c.App))
	}
	if bad.HasFields() {
		return "", "", bad
	}
	return in.Token, born, nil
}

func readBirthDay(bad *kernel.Error, typed string, now time.Time) string {
	day, ok := birthDay(typed, now)
	if !ok {
		_ = bad.Field("dateOfBirth", "format", "Enter the date of birth as year-month-day, for example 1990-04-27.")
	}
	return day
}

// guessBirthDate tells whether the birth date is the client's. A wrong one is counted, and the caller must commit.
func guessBirthDate(tx core.App, by kernel.Actor, i *collections.Invitation, born string) (bool, error) {
	r, err := tx.FindRecordById(collections.Clients, i.Client())
	if err != nil {
		return false, err
	}
	if sameHash(collections.AsClient(r).DateOfBirth(), born) {
		return true, nil
	}
	i.Set("tries", i.Tries()+1)
	audit.As(i.Record, audit.GuessInvitation)
	return false, kernel.SaveAs(tx, by, i.Record)
}

// newcomer is who accepts an invitation without a login.
type newcomer struct {
	Token, DateOfBirth            string
	FirstName, LastName, Password string
}

func (in *newcomer) check(now time.Time) error {
	bad := kernel.Invalid("", "Some of what you entered needs another look.")
	in.FirstName, in.LastName = strings.TrimSpace(in.FirstName), strings.TrimSpace(in.LastName)
	requireText(bad, "token", in.Token, 200)
	in.DateOfBirth = readBirthDay(bad, in.DateOfBirth, now)
	for field, name := range map[string]string{"firstName": in.FirstName, "lastName": in.LastName} {
		if requireText(bad, field, name, 400); len([]rune(name)) > 100 {
			_ = bad.Field(field, "max_length", "That is too long.")
		}
	}
	if requireText(bad, "password", in.Password, 4*longest+1); bad.HasFields() {
		return bad
	}
	return nil
}

// admit asks, inside a transaction, whether the link, the absence of a login and the birth date fit. refusal is
// committed with a counted try.
func (in *newcomer) admit(tx core.App, by kernel.Actor) (i *collections.Invitation, refusal error, err error) {
	if i, err = invitationOfLink(tx, in.Token); err != nil {
		return nil, nil, err
	}
	login, err := loginThatCounts(tx, i.Email())
	if err != nil {
		return nil, nil, err
	}
	if login != nil {
		return nil, nil, kernel.Invalid("HAS_LOGIN", "You already have an account with this address. Sign in, then open the link again.")
	}
	right, err := guessBirthDate(tx, by, i, in.DateOfBirth)
	if err != nil {
		return nil, nil, err
	}
	if !right {
		return nil, notConfirmed(), nil
	}
	return i, nil, nil
}

// acceptInvitation makes the login of somebody who has none, open at once: the link proves the address. The link and
// the birth date are judged before the password is hashed, and once more in the transaction that spends the link.
func (d *door) acceptInvitation(c *kernel.Call) (*kernel.Reply, error) {
	var in newcomer
	if err := c.Bind(&in); err != nil {
		return nil, err
	}
	if err := in.check(kernel.Now(c.App)); err != nil {
		return nil, err
	}
	var i *collections.Invitation
	var refusal error
	err := c.App.RunInTransaction(func(tx core.App) (err error) {
		i, refusal, err = in.admit(tx, c.Actor)
		return err
	})
	if err = errors.Join(err, refusal); err != nil {
		return nil, err
	}
	words := wordsOf(i.Email(), in.FirstName, in.LastName, "")
	if i.Relationship() == collections.RelationshipSelf {
		words = wordsOf(i.Email(), in.FirstName, in.LastName, in.DateOfBirth)
	}
	if weak := weakness(collections.Settings(c.App), in.Password, words); weak != nil {
		return nil, sayWeak(kernel.Invalid("", "Choose another password."), "password", weak)
	}
	col, err := c.App.FindCachedCollectionByNameOrId(collections.PortalUsers)
	if err != nil {
		return nil, err
	}
	hashed := core.NewRecord(col)
	if err := d.setPassword(c.Request.Context(), c.RealIP(), hashed, in.Password); err != nil {
		return nil, err
	}
	var user *collections.PortalUser
	err = c.App.RunInTransaction(func(tx core.App) error {
		i, refusal, err = in.admit(tx, c.Actor) // once more: two may use the link at the same time
		if err != nil || refusal != nil {
			return err
		}
		user, err = in.enter(tx, c.Actor, i, hashed)
		return err
	})
	if err = errors.Join(err, refusal); err != nil {
		return nil, err
	}
	d.forgetFailures(proof{collection: collections.PortalUsers, email: user.Email()})
	return kernel.Created(map[string]string{"portalUserId": user.Id, "email": user.Email()}).Say("Your account is open. Sign in with your email and password."), nil
}

// enter opens the login and gives it what the invitation says. A registration that waits at this address is taken over,
// with whatever it was matched with: the link proves what that one waited for, and its password is gone.
func (in *newcomer) enter(tx core.App, by kernel.Actor, i *collections.Invitation, hashed *core.Record) (*collections.PortalUser, error) {
	r, err := collections.LoginByEmail(tx, collections.PortalUsers, i.Email())
	if errors.Is(err, sql.ErrNoRows) {
		r, err = core.NewRecord(hashed.Collection()), nil
		r.Id = core.GenerateDefaultRandomId()
	}
	if err != nil {
		return nil, err
	}
	client, err := tx.FindRecordById(collections.Clients, i.Client())
	if err != nil {
		return nil, err
	}
	user := collections.AsPortalUser(r)
	user.Load(map[string]any{"email": i.Email(), "first_name": in.FirstName, "last_name": in.LastName, "language": i.Language()})
	if i.Relationship() == collections.RelationshipSelf {
		user.Load(map[string]any{"first_name": client.GetString("first_name"), "last_name": client.GetString("last_name")})
	}
	by.Kind, by.ID = kernel.KindClient, user.Id
	if waiting := user.PendingClient(); waiting != "" && waiting != i.Client() {
		if _, err := openAccount(tx, &by, user); err != nil {
			return nil, err
		}
	}
	by.Client = i.Client()
	user.SetVerified(true)
	user.SetStatus(collections.AccountActive)
	user.SetPendingClient("")
	audit.As(user.Record, audit.AcceptInvitation)
	if err := changePassword(tx, by, user.Record, hashed, in.Password); err != nil {
		return nil, err
	}
	for _, purpose := range []collections.TokenPurpose{collections.TokenVerifyEmail, collections.TokenResetPassword} {
		if err := closeTokens(tx, user, purpose); err != nil {
			return nil, err
		}
	}
	return user, takeAccess(tx, by, i)
}

// takeAccess gives the actor's login what the invitation says, and tells the client's other logins.
func takeAccess(tx core.App, by kernel.Actor, i *collections.Invitation) error {
	old, err := collections.AccessOf(tx, i.Client(), by.ID)
	if err != nil {
		return err
	}
	var r *core.Record
	if old != nil { // ended before
		r = old.Record
		r.Set("relationship", i.Relationship())
		r.Set("scope", i.Scope())
	} else if r, err = collections.NewClientAccess(tx, i.Client(), by.ID, i.Relationship(), i.Scope()); err != nil {
		return err
	}
	r.Set("expires_at", i.GetDateTime("access_until"))
	if err := mailLogins(tx, i.Client(), by.ID, func(w accessWords) line { return w.given }); err != nil {
		return err
	}
	return kernel.SaveAs(tx, by, r)
}

// joinByInvitation adds the access to the login that is signed in.
func joinByInvitation(c *kernel.Call) (*kernel.Reply, error) {
	link, born, err := linkAndDate(c, true)
	if err != nil {
		return nil, err
	}
	var refusal error
	client := ""
	err = c.App.RunInTransaction(func(tx core.App) error {
		i, err := invitationOfLink(tx, link)
		if err != nil {
			return err
		}
		login, err := tx.FindRecordById(collections.PortalUsers, c.Actor.ID)
		if err != nil {
			return err
		}
		if login.Email() != i.Email() {
			return kernel.Forbidden("WRONG_ACCOUNT", "This invitation is for a different address. Sign out, then open the link again.")
		}
		right, err := guessBirthDate(tx, c.Actor, i, born)
		if err != nil {
			return err
		}
		if !right {
			refusal = notConfirmed()
			return nil
		}
		by := c.Actor
		by.Client, client = i.Client(), i.Client()
		has, err := liveAccess(tx, client, by.ID)
		if err != nil {
			return err
		}
		if has != nil {
			return kernel.Conflict("HAS_ACCESS", "You have access already.")
		}
		return takeAccess(tx, by, i)
	})
	if err = errors.Join(err, refusal); err != nil {
		return nil, err
	}
	return kernel.Created(map[string]string{"clientId": client}), nil
}

type renewal struct {
	Hash string `json:"hash"` // of the dead link
}

// askForInvitation queues the question whether a dead link may be mailed anew, so that its answer tells nothing.
func askForInvitation(c *kernel.Call) (*kernel.Reply, error) {
	link, _, err := linkAndDate(c, false)
	if err != nil {
		return nil, err
	}
	hash := linkHash(link)
	if err := limitAttempts(c.App, c.Response.Header(), topicRenew, hash, collections.Settings(c.App).Limit(collections.LimitSendMail)); err != nil {
		return nil, err
	}
	if err := outbox.Job(c.App, topicRenew, "", renewal{hash}); err != nil {
		return nil, err
	}
	return kernel.OK(map[string]bool{"sent": true}), nil
}

// renewInvitation mails a fresh link to the invitation's own address, unless it is over. Rows are never removed, so a
// link is known however old it is.
func renewInvitation(app core.App, payload []byte) error {
	var in renewal
	if err := json.Unmarshal(payload, &in); err != nil {
		return err
	}
	return app.RunInTransaction(func(tx core.App) error {
		i, err := collections.InvitationByLink(tx, in.Hash)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil || i.Accepted() || i.Revoked() || i.SentCount() > invitationRenewals {
			return err
		}
		if stands, err := invitationMayBeMailed(tx, i); err != nil || !stands {
			return err
		}
		return mailAgain(tx, kernel.System(), i)
	})
}
