package ops

import (
	"strings"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"

	"anteroom/hooks/kernel"
)

// bindPrivateListener keeps owners to the private listener where there is one. It runs right after the session check:
// by then PocketBase has read the token, and a refusal carries the headers and its line in the audit log.
func bindPrivateListener(app core.App) {
	if kernel.ConfigOf(app).PrivateListen == "" {
		return
	}
	app.OnServe().BindFunc(func(se *core.ServeEvent) error {
		se.Router.Bind(&hook.Handler[*core.RequestEvent]{Id: "ops.private", Priority: -1004, Func: keepOwnersPrivate})
		return se.Next()
	})
}

// keepOwnersPrivate turns an owner's token away, and whatever concerns owners' accounts, sign-in included.
func keepOwnersPrivate(e *core.RequestEvent) error {
	if !kernel.CameInPrivately(e.Request) && (e.HasSuperuserAuth() || concernsOwners(e) || hasOwnersFileToken(e)) {
		return kernel.Refuse(e, kernel.PrivateOnly())
	}
	return e.Next()
}

// concernsOwners: PocketBase finds a collection by its id as well as by its name, in any case.
func concernsOwners(e *core.RequestEvent) bool {
	name := e.Request.PathValue("collection")
	if name == "" || !strings.HasPrefix(e.Request.URL.Path, "/api/collections/") {
		return false
	}
	c, err := e.App.FindCachedCollectionByNameOrId(name)
	return err == nil && c.Name == core.CollectionNameSuperusers
}

// hasOwnersFileToken: files and backups are fetched with a token in the address, which PocketBase reads later.
func hasOwnersFileToken(e *core.RequestEvent) bool {
	token := e.Request.URL.Query().Get("token")
	if token == "" || !strings.HasPrefix(e.Request.URL.Path, "/api/files/") && !strings.HasPrefix(e.Request.URL.Path, "/api/backups/") {
		return false
	}
	account, err := e.App.FindAuthRecordByToken(token, core.TokenTypeFile)
	return err == nil && account.IsSuperuser()
}
