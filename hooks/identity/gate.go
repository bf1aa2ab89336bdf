package identity

import (
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"
	"github.com/pocketbase/pocketbase/tools/router"

	"anteroom/collections"
	"anteroom/hooks/kernel"
)

const passwordDoor = "POST /api/collections/{collection}/auth-with-password"

// bindPausedGate turns guesses beyond the limits away from PocketBase's password door before PocketBase looks the account
// up. A refused guess costs a stranger nothing and may be repeated without end, so the 30 microseconds that finding
// somebody takes would tell, in the end, who has an account. Inside, provePassword asks once more, in the account's turn.
func bindPausedGate(d *door) {
	d.app.OnServe().BindFunc(func(se *core.ServeEvent) error {
		se.Router.Bind(&hook.Handler[*core.RequestEvent]{Id: "identity.paused", Priority: outermost, Func: d.refusePaused})
		return se.Next()
	})
}

func (d *door) refusePaused(e *core.RequestEvent) error {
	if e.Request.Pattern != passwordDoor {
		return e.Next()
	}
	c, err := e.App.FindCachedCollectionByNameOrId(e.Request.PathValue("collection"))
	if err != nil {
		return e.Next() // PocketBase says what is wrong, with the form too
	}
	var in struct {
		Identity string `json:"identity" form:"identity"`
	}
	err = e.BindBody(&in)
	if body, ok := e.Request.Body.(router.Rereader); ok {
		body.Reread() // PocketBase reads it too
	}
	if err != nil {
		return e.Next()
	}
	counters := countersOf(d.app, c.Name, collections.NormalEmail(in.Identity), e.RealIP())
	if err := refuseGuessing(d.app, e.Response.Header(), counters); err != nil {
		return kernel.Refuse(e, kernel.AsError(err))
	}
	return e.Next()
}
