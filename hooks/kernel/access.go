package kernel

import (
	"sync"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
)

// Scopes of client_access: how much of a client's record a login may reach.
const (
	ScopeAll               = "all"
	ScopeAppointmentsForms = "appointments_forms"
	ScopeBilling           = "billing"
)

// Area is the part of a client's record that a route or an event belongs to.
type Area int

const (
	AreaAny     Area = iota // whatever the scope: notifications, who am I
	AreaVisits              // appointments and forms
	AreaBilling             // invoices, payments
	AreaRecord              // everything else: profile, messages, documents
)

// Grant is one row of client_access that counts now.
type Grant struct {
	Client       string `db:"client"`
	User         string `db:"portal_user"`
	Relationship string `db:"relationship"`
	Scope        string `db:"scope"`
	ExpiresAt    string `db:"expires_at"` // PocketBase's text form; empty: never
}

// Covers tells whether the grant reaches an area.
func (g Grant) Covers(a Area) bool {
	switch g.Scope {
	case ScopeAll:
		return true
	case ScopeAppointmentsForms:
		return a == AreaAny || a == AreaVisits
	case ScopeBilling:
		return a == AreaAny || a == AreaBilling
	}
	return false
}

// grantsFor keeps a login's grants for at most this long. Changes through any model door clear them at once; the
// bound is for what no hook hears (raw SQL).
const grantsFor = 2 * time.Second

const grantsKey = "anteroom.grants"

type grantCache struct {
	mu     sync.RWMutex
	byUser map[string]cachedGrants
}

type cachedGrants struct {
	grants []Grant
	at     time.Time
}

func grantsOf(app core.App) *grantCache {
	return app.Store().GetOrSet(grantsKey, func() any { return &grantCache{byUser: map[string]cachedGrants{}} }).(*grantCache)
}

const selectGrants = "SELECT client, portal_user, relationship, scope, expires_at FROM client_access WHERE "

// Grants lists whom a portal user may act for now, the default first: self before others, then oldest first.
func Grants(app core.App, portalUser string) ([]Grant, error) {
	cache := grantsOf(app)
	now := Now(app)
	cache.mu.RLock()
	hit, ok := cache.byUser[portalUser]
	cache.mu.RUnlock()
	if !ok || time.Since(hit.at) > grantsFor {
		hit = cachedGrants{at: time.Now()}
		err := app.ConcurrentDB().NewQuery(selectGrants + "portal_user = {:u} ORDER BY relationship <> 'self', created, id").
			Bind(dbx.Params{"u": portalUser}).All(&hit.grants)
		if err != nil {
			return nil, err
		}
		cache.mu.Lock()
		if len(cache.byUser) > 20000 { // a bound, not a policy: the next request fills it again
			clear(cache.byUser)
		}
		cache.byUser[portalUser] = hit
		cache.mu.Unlock()
	}
	out := make([]Grant, 0, len(hit.grants))
	stamp := now.Format(timeForm)
	for _, g := range hit.grants {
		if g.ExpiresAt == "" || g.ExpiresAt > stamp {
			out = append(out, g)
		}
	}
	return out, nil
}

// Audience lists the grants over one client that reach an area now: who may hear of a change. It asks the table,
// never a cache.
func Audience(app core.App, client string, area Area) ([]Grant, error) {
	var all []Grant
	err := app.ConcurrentDB().NewQuery(selectGrants + "client = {:c} AND (expires_at = '' OR expires_at > {:now})").
		Bind(dbx.Params{"c": client, "now": Now(app).Format(timeForm)}).All(&all)
	if err != nil {
		return nil, err
	}
	out := all[:0]
	for _, g := range all {
		if g.Covers(area) {
			out = append(out, g)
		}
	}
	return out, nil
}

// timeForm is PocketBase's text form of an instant; it sorts as time.
const timeForm = "2006-01-02 15:04:05.000Z"

func bindGrants(app core.App) {
	forget := func(e *core.RecordEvent) error {
		c := grantsOf(app)
		c.mu.Lock()
		delete(c.byUser, e.Record.GetString("portal_user"))
		delete(c.byUser, e.Record.Original().GetString("portal_user"))
		c.mu.Unlock()
		return e.Next()
	}
	app.OnRecordAfterCreateSuccess("client_access").BindFunc(forget)
	app.OnRecordAfterUpdateSuccess("client_access").BindFunc(forget)
	app.OnRecordAfterDeleteSuccess("client_access").BindFunc(forget)
}
