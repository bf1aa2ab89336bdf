// Package hooks is the table of contents of what may happen in Anteroom: Register binds every domain to an app and
// starts nothing. The program and every test call it, so that both run the same rules.
//
// Domains do not import each other. They react to each other's records through PocketBase's hooks, and stand on
// the lower packages: kernel, audit, outbox, phi, notices, files, realtime.
package hooks

import (
	"io/fs"

	"github.com/pocketbase/pocketbase/core"

	"anteroom/hooks/audit"
	"anteroom/hooks/billing"
	"anteroom/hooks/desk"
	"anteroom/hooks/files"
	"anteroom/hooks/forms"
	"anteroom/hooks/identity"
	"anteroom/hooks/kernel"
	"anteroom/hooks/notices"
	"anteroom/hooks/ops"
	"anteroom/hooks/outbox"
	"anteroom/hooks/oversight"
	"anteroom/hooks/phi"
	"anteroom/hooks/privacy"
	"anteroom/hooks/realtime"
	"anteroom/hooks/records"
	"anteroom/hooks/scheduling"
	"anteroom/hooks/site"
)

// Options is what an app needs beside its data directory.
type Options struct {
	Config  kernel.Config
	Keyring *phi.Keyring
	Public  fs.FS // the built web app; nil serves no pages
}

// Register binds everything, the lower packages first. It must run before the app is bootstrapped.
func Register(app core.App, o Options) {
	kernel.Bind(app, o.Config)
	phi.Bind(app, o.Keyring)
	audit.Bind(app)
	outbox.Bind(app)
	notices.Bind(app)
	oversight.Bind(app)
	files.Bind(app)

	identity.Bind(app)
	privacy.Bind(app)
	realtime.Bind(app, identity.SessionsOf(app))
	records.Bind(app)
	scheduling.Bind(app)
	forms.Bind(app)
	billing.Bind(app)
	desk.BindDashboard(app)

	ops.Bind(app)
	site.Bind(app, o.Public, billing.Mode(app))
}
