package ops

import (
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"

	"anteroom/hooks/kernel"
)

// PocketBase keeps the passwords of mail and storage in its database, as plain text, where a backup holds them too.
// Ours come from the environment, and none is ever stored or shown.

func bindSettings(app core.App) {
	app.OnSettingsListRequest().BindFunc(func(e *core.SettingsListRequestEvent) error {
		forgetSecrets(e.Settings)
		return e.Next()
	})
	app.OnSettingsUpdateRequest().BindFunc(func(e *core.SettingsUpdateRequestEvent) error {
		wanted, now := e.NewSettings, e.App.Settings()
		elsewhere := wanted.S3.Enabled && (wanted.S3.Bucket != now.S3.Bucket || wanted.S3.Endpoint != now.S3.Endpoint || wanted.S3.Secret != now.S3.Secret)
		if elsewhere || wanted.SMTP.Enabled || wanted.Backups.Cron != "" || wanted.Backups.S3.Enabled {
			return kernel.Refuse(e.RequestEvent, kernel.Forbidden("FROM_ENVIRONMENT",
				"Mail and file storage are set up in the server's environment, so that no password lies in the database; backups are not made from here."))
		}
		return e.Next()
	})
	// whatever the door: what is written holds no secret. Memory keeps what the environment said, by the reload.
	strip := func(e *core.ModelEvent) error {
		if s, ok := e.Model.(*core.Settings); ok {
			forgetSecrets(s)
		}
		return e.Next()
	}
	app.OnModelCreateExecute("_params").Bind(&hook.Handler[*core.ModelEvent]{Id: "ops.noSecrets", Func: strip})
	app.OnModelUpdateExecute("_params").Bind(&hook.Handler[*core.ModelEvent]{Id: "ops.noSecrets", Func: strip})
}

// forgetSecrets leaves what PocketBase ships with: nothing is sent or stored through these settings.
func forgetSecrets(s *core.Settings) {
	s.SMTP = core.SMTPConfig{Port: 587, Host: "smtp.example.com"}
	s.S3 = core.S3Config{}
	s.Backups = core.BackupsConfig{CronMaxKeep: 3}
}
