package kernel

import (
	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"
)

// Bind makes the kernel known to an app. It starts nothing.
func Bind(app core.App, cfg Config) {
	app.Store().Set(configKey, cfg)
	bindSettings(app)
	bindProxies(app, cfg.TrustedProxies)
	bindActorStamp(app)
	bindClientsStayOut(app)
	bindGrants(app)
	bindRoutes(app)
	bindSecretFields(app)
	bindStatements(app)
	bindNoRequestLog(app)
	WrittenByPortalAlone(app, "idempotency_keys")
	app.OnRecordEnrich("idempotency_keys").BindFunc(showNoAnswer)
	app.Cron().MustAdd("anteroom_forget_idempotency_keys", "7 * * * *", func() {
		if err := forgetKeys(app); err != nil {
			app.Logger().Error("forget idempotency keys", "error", err)
		}
	})
}

// bindNoRequestLog removes PocketBase's log of requests: it would keep addresses with query strings, and those
// name people. Errors still reach the log through the app's logger.
func bindNoRequestLog(app core.App) {
	app.OnServe().BindFunc(func(se *core.ServeEvent) error {
		se.Router.Unbind(apis.DefaultActivityLoggerMiddlewareId)
		return se.Next()
	})
}
