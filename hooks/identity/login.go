package identity

import (
	"maps"
	"slices"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
)

// LoginData is the answer to a sign-in (portal specification, with the session added).
type LoginData struct {
	User    User        `json:"user"`
	Tokens  Tokens      `json:"tokens"`
	Session SessionInfo `json:"session"`
}

// User is who is signed in. ClientID is the default client, empty for staff.
type User struct {
	ID         string `json:"id"`
	Email      string `json:"email"`
	FirstName  string `json:"firstName"`
	LastName   string `json:"lastName"`
	ClientID   string `json:"clientId"`
	MFAEnabled bool   `json:"mfaEnabled"`
}

// Tokens are PocketBase's access token and our refresh token. ExpiresIn is in seconds: an hour, or what is left of
// the session.
type Tokens struct {
	AccessToken  string `json:"accessToken"`
	RefreshToken string `json:"refreshToken"`
	ExpiresIn    int    `json:"expiresIn"`
}

// SessionInfo is how long a session lasts and for whom it may act. Instants are UTC.
type SessionInfo struct {
	ID                string    `json:"id"`
	IdleExpiresAt     time.Time `json:"idleExpiresAt"`
	AbsoluteExpiresAt time.Time `json:"absoluteExpiresAt"`
	Remembered        bool      `json:"remembered"`
	DefaultClientID   string    `json:"defaultClientId"`
	Clients           []ActsFor `json:"clients"`

	ProvenUntil time.Time `json:"provenUntil"` // what changes the account is open without another proof until then
	MustDo      []string  `json:"mustDo"`      // what has to be done before anything else
}

// ActsFor is a client whom a login may act for.
type ActsFor struct {
	ClientID     string     `json:"clientId"`
	FirstName    string     `json:"firstName"`
	LastName     string     `json:"lastName"`
	Relationship string     `json:"relationship"`
	Scope        string     `json:"scope"`
	ExpiresAt    *time.Time `json:"expiresAt,omitempty"`
	AvatarURL    string     `json:"avatarUrl,omitempty"` // where their picture is fetched with the token
}

// login takes a password, with or without the second factor, or the second factor of a proof that waits for it:
// a password, a mailed link, or a sign-in elsewhere.
func (d *door) login(c *kernel.Call) (*kernel.Reply, error) {
	var in struct {
		Email, Password string
		RememberDevice  bool
		factorCode
	}
	if err := c.Bind(&in); err != nil {
		return nil, err
	}
	bad := kernel.Invalid("", "Enter your email and your password.")
	if in.MFAToken == "" {
		requireText(bad, "email", in.Email, 255)
		requireText(bad, "password", in.Password, 4*longest)
	}
	if in.check(bad); bad.HasFields() {
		return nil, bad
	}
	var a *Attempt
	if in.MFAToken != "" {
		var err error
		if a, err = in.continued(c.App, ""); err != nil {
			return nil, err
		}
		a.Remember = a.Remember || in.RememberDevice
	} else {
		logins, err := c.App.FindCachedCollectionByNameOrId(collections.PortalUsers)
		if err != nil {
			return nil, err
		}
		p, err := d.provePassword(c.RequestEvent, logins, in.Email, in.Password)
		if err != nil {
			return nil, err
		}
		a = &Attempt{Account: p.account, Method: ByPassword, Second: in.second(), Remember: in.RememberDevice}
	}
	data, err := d.enter(c.RequestEvent, a)
	if err != nil {
		return nil, err
	}
	return kernel.OK(data), nil
}

func (d *door) logout(c *kernel.Call) (*kernel.Reply, error) {
	if err := d.sessions.revokeAs(c.App, c.Actor, audit.Logout, c.Actor.Session, collections.EndedLogout); err != nil {
		return nil, err
	}
	return kernel.OK(map[string]bool{"signedOut": true}).Say("You're signed out."), nil
}

// session tells about the caller's session. Asking is no activity.
func (d *door) session(c *kernel.Call) (*kernel.Reply, error) {
	info, err := d.describe(liveSession(c.RequestEvent), c.Auth)
	if err != nil {
		return nil, err
	}
	return kernel.OK(map[string]any{"user": userOf(c.Auth, info), "session": info}), nil
}

// extend is activity by intent, whatever headers it carries.
func (d *door) extend(c *kernel.Call) (*kernel.Reply, error) {
	x := liveSession(c.RequestEvent)
	d.sessions.touch(x)
	info, err := d.describe(x, c.Auth)
	if err != nil {
		return nil, err
	}
	return kernel.OK(info), nil
}

// refresh gives a new access token and a new refresh token for a live session. The old refresh token is spent: who
// shows it again ends the session for everybody who holds a token of it. It is no activity and moves no limit.
func (d *door) refresh(c *kernel.Call) (*kernel.Reply, error) {
	var in struct{ RefreshToken string }
	if err := c.Bind(&in); err != nil {
		return nil, err
	}
	old, ok := parseRefreshToken(in.RefreshToken)
	if !ok {
		return nil, sessionEnded()
	}
	row, err := c.App.FindFirstRecordByData(collections.PortalSessions, "refresh_family", old.familyHash())
	if err != nil {
		return nil, sessionEnded().Because(err)
	}
	account, err := c.App.FindRecordById(row.GetString("owner_collection"), row.GetString("owner"))
	if err != nil {
		return nil, sessionEnded().Because(err)
	}
	x := d.sessionFor(row.Id, account)
	if x == nil {
		return nil, sessionEnded()
	}
	fresh := newRefreshToken(old.family)
	rotated, err := rotate(c, account, x, old, fresh)
	if err != nil {
		return nil, err
	}
	if !rotated {
		return nil, d.refuseReuse(c, x)
	}
	token, life, err := accessToken(c.App, account, x)
	if err != nil {
		return nil, err
	}
	return kernel.OK(Tokens{token, fresh.String(), int(life / time.Second)}), nil
}

// rotate puts the fresh token in the old one's place. One statement decides: of two who show the same token, one is
// first. It is bookkeeping by plain SQL, with its line in the same commit.
func rotate(c *kernel.Call, account *core.Record, x *session, old, fresh refreshToken) (done bool, err error) {
	err = c.App.RunInTransaction(func(tx core.App) error {
		res, err := tx.NonconcurrentDB().NewQuery(`UPDATE portal_sessions SET refresh_hash = {:new}, refresh_rotated_at = {:now}
			WHERE id = {:id} AND refresh_hash = {:old} AND revoked_at = 0`).
			Bind(dbx.Params{"new": fresh.hash(), "old": old.hash(), "now": kernel.Now(tx).Unix(), "id": x.id}).Execute()
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		if err != nil || n == 0 {
			return err
		}
		done = true
		who := (&Attempt{IP: c.Actor.IP, Agent: c.Actor.Agent}).actor(account)
		who.Session = x.id
		return audit.Append(tx, audit.EntryFor(who, audit.RefreshToken, audit.Session, x.id))
	})
	return done && err == nil, err
}

func (d *door) refuseReuse(c *kernel.Call, x *session) error {
	if err := d.sessions.revokeAs(c.App, c.Actor, audit.ReuseOfToken, x.id, collections.EndedReuse); err != nil {
		return err
	}
	return kernel.Unauthorized("REFRESH_REUSED", "For your safety we signed you out, because your sign-in was used in two places at once. Sign in again.")
}

// describe tells about a session that lives, and its account.
func (d *door) describe(x *session, account *core.Record) (SessionInfo, error) {
	info := SessionInfo{ID: x.id, Remembered: x.remembered, Clients: []ActsFor{},
		IdleExpiresAt:     time.Unix(min(x.last.Load()+d.sessions.idle(), x.absolute), 0).UTC(),
		AbsoluteExpiresAt: time.Unix(x.absolute, 0).UTC(),
		ProvenUntil:       time.Unix(x.proven.Load(), 0).Add(proofLasts).UTC(), MustDo: duties(account)}
	if x.collection != collections.PortalUsers {
		return info, nil
	}
	grants, err := kernel.Grants(d.app, x.owner)
	if err != nil || len(grants) == 0 {
		return info, err
	}
	if info.DefaultClientID, err = defaultClient(d.app, x); err != nil {
		return info, err
	}
	ids := make([]string, len(grants))
	for i, g := range grants {
		ids[i] = g.Client
	}
	rows, err := d.app.FindRecordsByIds(collections.Clients, ids)
	if err != nil {
		return info, err
	}
	clients := make(map[string]*collections.Client, len(rows))
	for _, r := range rows {
		clients[r.Id] = collections.AsClient(r)
	}
	pictures, err := d.picturesOf(rows)
	if err != nil {
		return info, err
	}
	for _, g := range grants {
		client := clients[g.Client]
		if client == nil {
			continue
		}
		one := ActsFor{ClientID: g.Client, FirstName: client.FirstName(), LastName: client.LastName(), Relationship: g.Relationship, Scope: g.Scope}
		if until, err := types.ParseDateTime(g.ExpiresAt); err == nil && !until.IsZero() {
			at := until.Time().Truncate(time.Second)
			one.ExpiresAt = &at
		}
		if g.Scope == kernel.ScopeAll { // the picture is of the record
			one.AvatarURL = pictures[g.Client]
		}
		info.Clients = append(info.Clients, one)
	}
	return info, nil
}

// picturesOf gives the addresses of the clients' pictures that may be seen, by client.
func (d *door) picturesOf(clients []*core.Record) (map[string]string, error) {
	owners := map[string]string{}
	for _, r := range clients {
		if id := r.GetString("avatar"); id != "" {
			owners[id] = r.Id
		}
	}
	if len(owners) == 0 {
		return nil, nil
	}
	uploads, err := d.app.FindRecordsByIds(collections.Uploads, slices.Collect(maps.Keys(owners)))
	pictures := map[string]string{}
	for _, u := range uploads {
		if collections.AsUpload(u).MayBeFetched() {
			pictures[owners[u.Id]] = kernel.Portal + "/profile/avatar?v=" + u.Id
		}
	}
	return pictures, err
}

func userOf(account *core.Record, info SessionInfo) User {
	return User{ID: account.Id, Email: account.Email(), FirstName: account.GetString("first_name"),
		LastName: account.GetString("last_name"), ClientID: info.DefaultClientID, MFAEnabled: account.GetBool("mfa_enabled")}
}

// requireText asks for a text of at most so many bytes.
func requireText(bad *kernel.Error, field, value string, most int) {
	switch {
	case value == "":
		_ = bad.Field(field, "required", "This is needed.")
	case len(value) > most:
		_ = bad.Field(field, "max_length", "That is too long.")
	}
}
