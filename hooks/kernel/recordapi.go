package kernel

import (
	"strings"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"
)

// bindClientsStayOut closes PocketBase's record API to portal users, whatever the rules of a collection say. Ours
// admit none of them; those of PocketBase's own collections (_externalAuths and others) admit every account to the
// rows about itself, and cannot be changed.
func bindClientsStayOut(app core.App) {
	app.OnServe().BindFunc(func(se *core.ServeEvent) error {
		// after the session check, which knows the caller
		se.Router.Bind(&hook.Handler[*core.RequestEvent]{Id: "kernel.clientsStayOut", Priority: -60, Func: refuseClientsAtRecords})
		return se.Next()
	})
}

func refuseClientsAtRecords(e *core.RequestEvent) error {
	if strings.Contains(e.Request.Pattern, " /api/collections/{collection}/records") && ActorFrom(e).Kind == KindClient {
		return Refuse(e, Forbidden("RECORD_API_CLOSED", "What is yours is read and written in the portal."))
	}
	return e.Next()
}

// WrittenByPortalAlone closes the record API's writes of collections that no person writes, not even the owner: what
// they changed would stand there as if the portal had done it.
func WrittenByPortalAlone(app core.App, collections ...string) {
	refuse := func(e *core.RecordRequestEvent) error {
		return Refuse(e.RequestEvent, Forbidden("PORTAL_WRITES", "The portal writes this itself."))
	}
	app.OnRecordCreateRequest(collections...).BindFunc(refuse)
	app.OnRecordUpdateRequest(collections...).BindFunc(refuse)
	app.OnRecordDeleteRequest(collections...).BindFunc(refuse)
}
