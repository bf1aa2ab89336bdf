package identity

import (
	"database/sql"
	"errors"
	"reflect"
	"slices"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
)

// Signing in elsewhere (OAuth 2, OpenID Connect) is a first proof like a password, for a login that was connected before, by
// its own person, in a session that had just proven itself. PocketBase talks to the provider; what it would do with
// the answer never happens: it would make accounts for strangers, find accounts by an address that the provider
// claims, and reset what it finds unverified (see apis/record_auth_with_oauth2.go there).

const oauthPath = "POST /api/collections/{collection}/auth-with-oauth2"

func bindOAuth(d *door) {
	app := d.app
	app.OnServe().BindFunc(func(se *core.ServeEvent) error {
		if err := d.offerProviders(); err != nil {
			return err
		}
		return se.Next()
	})
	app.OnRecordAuthWithOAuth2Request().Bind(&hook.Handler[*core.RecordAuthWithOAuth2RequestEvent]{
		Id: "identity.oauth", Priority: outermost, Func: d.authWithOAuth2})
	app.OnRecordCreate(core.CollectionNameExternalAuths).BindFunc(refuseForeignLink)
	app.OnRecordUpdate(core.CollectionNameExternalAuths).BindFunc(refuseForeignLink)
	kernel.WrittenByPortalAlone(app, core.CollectionNameExternalAuths)
	kernel.Handle(app,
		kernel.Route{Method: "GET", Path: kernel.Portal + "/auth/links", Access: kernel.SignedIn, Do: d.listLinks},
		kernel.Route{Method: "DELETE", Path: kernel.Portal + "/auth/links/{id}", Access: kernel.SignedIn, Owns: core.CollectionNameExternalAuths, Do: d.unlink},
	)
}

// offerProviders writes what the environment says into PocketBase's options of portal_users, when it says something else.
func (d *door) offerProviders() error {
	c, err := d.app.FindCollectionByNameOrId(collections.PortalUsers)
	if err != nil {
		return err
	}
	want := providersOf(kernel.ConfigOf(d.app))
	if reflect.DeepEqual(c.OAuth2, want) || !c.OAuth2.Enabled && !want.Enabled {
		return nil
	}
	c.OAuth2 = want
	return d.app.Save(c)
}

// providersOf maps no field: what a provider says about a person changes nothing here.
func providersOf(cfg kernel.Config) core.OAuth2Config {
	out := core.OAuth2Config{Enabled: len(cfg.OAuth) > 0}
	for _, p := range cfg.OAuth {
		out.Providers = append(out.Providers, core.OAuth2ProviderConfig{Name: p.Name, DisplayName: p.DisplayName, ClientId: p.ClientID,
			ClientSecret: p.ClientSecret, AuthURL: p.AuthURL, TokenURL: p.TokenURL, UserInfoURL: p.UserInfoURL})
	}
	return out
}

// linkKey marks an answer of PocketBase as a sign-in by a link that this gate has found.
const linkKey = "anteroom.link"

// authWithOAuth2 stands before what PocketBase does with a provider's answer, and in its place.
func (d *door) authWithOAuth2(e *core.RecordAuthWithOAuth2RequestEvent) error {
	refuse := func(refusal *kernel.Error) error {
		if err := d.noteStranger(e.RequestEvent); err != nil {
			return kernel.Refuse(e.RequestEvent, kernel.AsError(err))
		}
		return kernel.Refuse(e.RequestEvent, kernel.AsError(d.noteRefused(e.RequestEvent, audit.Login, e.Collection.Name, nil, refusal)))
	}
	if e.Collection.Name != collections.PortalUsers || e.OAuth2User.Id == "" {
		return refuse(closedWay())
	}
	link, err := linkOf(e.App, e.ProviderName, e.OAuth2User.Id)
	if err != nil {
		return kernel.Refuse(e.RequestEvent, kernel.AsError(err))
	}
	x := liveSession(e.RequestEvent)
	switch {
	case x != nil && x.collection != e.Collection.Name:
		return refuse(closedWay())
	case x != nil && link != nil && link.RecordRef() != x.owner:
		return refuse(kernel.Conflict("OAUTH_LINKED_ELSEWHERE", "That account is connected to another account here. Call us if this is a mistake."))
	case x != nil:
		if link == nil {
			if err := d.linkTo(e, x); err != nil {
				return kernel.Refuse(e.RequestEvent, kernel.AsError(err))
			}
		}
		e.Set(refreshKey, x) // the session goes on
		return apis.RecordAuthResponse(e.RequestEvent, e.Auth, core.MFAMethodOAuth2, map[string]any{"isNew": false})
	case link == nil:
		return refuse(kernel.Forbidden("OAUTH_NOT_LINKED",
			"That account isn't connected to your account here. Sign in another way first; then connect it under “Sign-in and security”."))
	}
	account, err := e.App.FindRecordById(collections.PortalUsers, link.RecordRef())
	if err != nil {
		return kernel.Refuse(e.RequestEvent, kernel.AsError(err))
	}
	e.Set(linkKey, link)
	return apis.RecordAuthResponse(e.RequestEvent, account, core.MFAMethodOAuth2, map[string]any{"isNew": false})
}

// linkTo connects a provider's account with who is signed in.
func (d *door) linkTo(e *core.RecordAuthWithOAuth2RequestEvent, x *session) error {
	if err := d.staleProof(x); err != nil {
		return err
	}
	if duty := refuseBeforeDuty(e.RequestEvent); duty != nil {
		return duty
	}
	by := kernel.ActorFrom(e.RequestEvent)
	return e.App.RunInTransaction(func(tx core.App) error {
		account, err := stillSignedIn(tx, e.RequestEvent)
		if err != nil {
			return err
		}
		link := core.NewExternalAuth(tx)
		link.SetCollectionRef(account.Collection().Id)
		link.SetRecordRef(account.Id)
		link.SetProvider(e.ProviderName)
		link.SetProviderId(e.OAuth2User.Id)
		audit.As(link.ProxyRecord(), audit.LinkSignIn)
		if err := kernel.SaveAs(tx, by, link.ProxyRecord()); err != nil {
			return kernel.Conflict("OAUTH_LINKED_ELSEWHERE", "An account from there is connected already. Disconnect it first.").Because(err)
		}
		return d.changedWaysIn(tx, by, account, x.id, noticeLinked)
	})
}

// changedWaysIn is what follows every change of what somebody signs in with: the other sessions end, and the person is told.
func (d *door) changedWaysIn(tx core.App, by kernel.Actor, account *core.Record, keep string, n notice) error {
	if err := d.endSignInsElsewhere(tx, by, account, collections.EndedCredentials, keep); err != nil {
		return err
	}
	return noticeOf(tx, account, n)
}

func linkOf(app core.App, provider, id string) (*core.ExternalAuth, error) {
	c, err := app.FindCachedCollectionByNameOrId(collections.PortalUsers)
	if err != nil {
		return nil, err
	}
	link, err := app.FindFirstExternalAuthByExpr(dbx.HashExp{"collectionRef": c.Id, "provider": provider, "providerId": id})
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return link, err
}

// spendLink checks in the transaction of the sign-in that the link is still there.
func spendLink(id string) func(tx core.App, by kernel.Actor) error {
	return func(tx core.App, _ kernel.Actor) error {
		_, err := tx.FindRecordById(core.CollectionNameExternalAuths, id)
		if errors.Is(err, sql.ErrNoRows) {
			return closedWay()
		}
		return err
	}
}

// refuseForeignLink: a login is connected by its own person, and a link does not move.
func refuseForeignLink(e *core.RecordEvent) error {
	by := kernel.ActorOf(e.Record)
	if !e.Record.IsNew() || by.Kind != kernel.KindClient || by.ID != e.Record.GetString("recordRef") {
		return refused("recordRef", "link", "A sign-in elsewhere is connected by its own person, and stays as it is.")
	}
	return e.Next()
}

// Link is another account that signs somebody in.
type Link struct {
	Provider  string    `json:"provider"`
	Name      string    `json:"name"`
	CreatedAt time.Time `json:"createdAt"`
}

// ProviderOffer is a provider that could be connected.
type ProviderOffer struct {
	Provider string `json:"provider"`
	Name     string `json:"name"`
}

func (d *door) listLinks(c *kernel.Call) (*kernel.Reply, error) {
	links, err := c.App.FindAllExternalAuthsByRecord(c.Auth)
	if err != nil {
		return nil, err
	}
	out := struct {
		Links     []Link          `json:"links"`
		Available []ProviderOffer `json:"available"`
	}{[]Link{}, []ProviderOffer{}}
	offered := kernel.ConfigOf(c.App).OAuth
	for _, l := range links {
		name := l.Provider()
		if i := slices.IndexFunc(offered, func(p kernel.OAuthProvider) bool { return p.Name == l.Provider() }); i >= 0 {
			name = offered[i].DisplayName
		}
		out.Links = append(out.Links, Link{Provider: l.Provider(), Name: name, CreatedAt: l.Created().Time().Truncate(time.Second)})
	}
	for _, p := range offered {
		if !slices.ContainsFunc(out.Links, func(l Link) bool { return l.Provider == p.Name }) {
			out.Available = append(out.Available, ProviderOffer{p.Name, p.DisplayName})
		}
	}
	return kernel.OK(out), nil
}

// unlink ends a connection; {id} is the provider's name.
func (d *door) unlink(c *kernel.Call) (*kernel.Reply, error) {
	if err := d.refuseStaleProof(c); err != nil {
		return nil, err
	}
	provider := c.ID()
	err := c.App.RunInTransaction(func(tx core.App) error {
		link, err := tx.FindFirstExternalAuthByExpr(dbx.HashExp{"collectionRef": c.Auth.Collection().Id, "recordRef": c.Auth.Id, "provider": provider})
		if err != nil {
			return err // none: not found
		}
		audit.As(link.ProxyRecord(), audit.UnlinkSignIn)
		if err := kernel.DeleteAs(tx, c.Actor, link.ProxyRecord()); err != nil {
			return err
		}
		return d.changedWaysIn(tx, c.Actor, c.Auth, c.Actor.Session, noticeUnlinked)
	})
	if err != nil {
		return nil, err
	}
	return kernel.OK(map[string]string{"id": provider}), nil
}

// Each try makes our server ask the provider, so an address has few of them. Only what opened nothing is counted.

func oauthCounters(ip string) []counter {
	return []counter{{key: keyOf("oauth", kernel.Network(ip)), most: 20, window: 15 * time.Minute, own: true}}
}

func (d *door) noteStranger(e *core.RequestEvent) error {
	return countFailure(d.app, oauthCounters(e.RealIP()), kernel.ActorFrom(e), nil)
}

// limitOAuth asks before PocketBase asks the provider.
func (d *door) limitOAuth(e *core.RequestEvent) error {
	return refuseGuessing(d.app, e.Response.Header(), oauthCounters(e.RealIP()))
}
