package kernel

import (
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"
)

// Kinds of actor, as the audit log writes them.
const (
	KindClient    = "client"    // a portal user
	KindStaff     = "staff"     // a member of the staff collection
	KindOwner     = "owner"     // a PocketBase superuser
	KindGuest     = "guest"     // a request that proved nothing
	KindSystem    = "system"    // command line, cron, start-up, outbox
	KindProcessor = "processor" // the payment processor's signed webhook
)

// Roles of staff.
const (
	RoleAdmin     = "admin"
	RoleClinician = "clinician"
	RoleFrontDesk = "front_desk"
	RoleBilling   = "billing"
)

// Actor says who does something and on whose behalf. It holds ids only, never names.
type Actor struct {
	Kind    string
	ID      string // portal user, staff or superuser id; empty for guest and system
	Role    string // staff role
	Session string // portal_sessions id
	Client  string // the client the request acts for
	IP      string
	Agent   string
}

// System is the actor of work nobody asked for at this moment.
func System() Actor { return Actor{Kind: KindSystem} }

// IsStaff tells whether the clinic itself acts: a staff member in one of the roles (any role when none is
// given), or the owner.
func (a Actor) IsStaff(roles ...string) bool {
	switch a.Kind {
	case KindOwner:
		return true
	case KindStaff:
		if len(roles) == 0 {
			return true
		}
		for _, r := range roles {
			if a.Role == r {
				return true
			}
		}
	}
	return false
}

// actorKey rides on the record. A request body cannot set it: PocketBase loads only fields that exist.
const actorKey = "@actor"

// Stamp notes on the record who is about to change it, for the model hooks to read.
func Stamp(r *core.Record, a Actor) { r.SetRaw(actorKey, a) }

// ActorOf reads the stamp. A record without one is changed by the system itself.
func ActorOf(r *core.Record) Actor {
	if a, ok := r.GetRaw(actorKey).(Actor); ok {
		return a
	}
	return System()
}

// SaveAs stamps and saves, with every hook and validation.
func SaveAs(app core.App, a Actor, r *core.Record) error {
	Stamp(r, a)
	return app.Save(r)
}

// DeleteAs stamps and deletes.
func DeleteAs(app core.App, a Actor, r *core.Record) error {
	Stamp(r, a)
	return app.Delete(r)
}

const callerKey = "anteroom.caller"

// Caller is what the session middleware knows of a signed-in request.
type Caller struct {
	Actor
	DefaultClient string // portal users: whom a request without X-Client-Id acts for

	// Over tells why the session no longer counts, or nil. A body may take minutes to arrive.
	Over func() *Error
}

// refuseOver asks once more, when the body is there, whether the caller is still signed in: who was signed out while
// sending it changes nothing any more.
func refuseOver(e *core.RequestEvent) *Error {
	if c, _ := e.Get(callerKey).(*Caller); c != nil && c.Over != nil {
		return c.Over()
	}
	return nil
}

// SetCaller is called by the session middleware, and by nothing else.
func SetCaller(e *core.RequestEvent, c *Caller) { e.Set(callerKey, c) }

// ActorFrom tells who sends a request: the session's caller, or a guest. A token without a session is nobody's, the
// owner's too.
func ActorFrom(e *core.RequestEvent) Actor {
	if c, _ := e.Get(callerKey).(*Caller); c != nil {
		return c.Actor
	}
	return Actor{Kind: KindGuest, IP: e.RealIP(), Agent: agent(e)}
}

func agent(e *core.RequestEvent) string {
	ua := e.Request.UserAgent()
	if len(ua) > 255 {
		ua = ua[:255]
	}
	return ua
}

// bindActorStamp stamps every write that comes through PocketBase's record API: the dashboard of staff and owner.
func bindActorStamp(app core.App) {
	stamp := func(e *core.RecordRequestEvent) error {
		if over := refuseOver(e.RequestEvent); over != nil {
			return Refuse(e.RequestEvent, over)
		}
		Stamp(e.Record, ActorFrom(e.RequestEvent))
		return e.Next()
	}
	const first = -200 // before any domain's request hook, so that all of them see the stamp
	app.OnRecordCreateRequest().Bind(&hook.Handler[*core.RecordRequestEvent]{Id: "kernel.stamp", Priority: first, Func: stamp})
	app.OnRecordUpdateRequest().Bind(&hook.Handler[*core.RecordRequestEvent]{Id: "kernel.stamp", Priority: first, Func: stamp})
	app.OnRecordDeleteRequest().Bind(&hook.Handler[*core.RecordRequestEvent]{Id: "kernel.stamp", Priority: first, Func: stamp})
}
