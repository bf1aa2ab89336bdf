package files

import (
	"net/http"
	"slices"
	"strings"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"

	"anteroom/collections"
	"anteroom/hooks/kernel"
)

// bindStorage tells PocketBase where files lie: in the bucket that the environment names, or in the data directory. It is
// told in memory alone. What the environment says is not edited in the dashboard, not shown there, and never written to
// the database with its secret.
func bindStorage(app core.App) {
	from := kernel.ConfigOf(app).S3
	place := core.S3Config{Enabled: from.Bucket != "", Bucket: from.Bucket, Endpoint: from.Endpoint, Region: from.Region,
		AccessKey: from.AccessKey, Secret: from.Secret, ForcePathStyle: from.PathStyle}
	app.OnBootstrap().BindFunc(func(e *core.BootstrapEvent) error {
		if err := e.Next(); err != nil {
			return err
		}
		e.App.Settings().S3 = place
		return nil
	})
	app.OnSettingsReload().BindFunc(func(e *core.SettingsReloadEvent) error {
		if err := e.Next(); err != nil {
			return err
		}
		e.App.Settings().S3 = place
		return nil
	})
	// around the statement alone: PocketBase reads the settings again after the commit
	strip := func(e *core.ModelEvent) error {
		s, ok := e.Model.(*core.Settings)
		if !ok {
			return e.Next()
		}
		had := s.S3
		s.S3 = core.S3Config{}
		defer func() { s.S3 = had }()
		return e.Next()
	}
	app.OnModelCreateExecute("_params").BindFunc(strip)
	app.OnModelUpdateExecute("_params").BindFunc(strip)
	app.OnSettingsListRequest().BindFunc(func(e *core.SettingsListRequestEvent) error {
		e.Settings.S3 = core.S3Config{}
		return e.Next()
	})
	app.OnSettingsUpdateRequest().Bind(&hook.Handler[*core.SettingsUpdateRequestEvent]{Id: "files.settings", Priority: 99, Func: saveSettings})
	app.OnServe().BindFunc(func(se *core.ServeEvent) error {
		// after the session check, which knows the caller
		se.Router.Bind(&hook.Handler[*core.RequestEvent]{Id: "files.closed", Priority: -45, Func: refuseWaysToFiles})
		return se.Next()
	})
}

// saveSettings is what PocketBase does, but that its answer does not say where the files lie.
func saveSettings(e *core.SettingsUpdateRequestEvent) error {
	e.NewSettings.S3 = core.S3Config{} // whatever was sent
	if err := e.App.Save(e.NewSettings); err != nil {
		return e.BadRequestError("The settings could not be saved.", err)
	}
	shown, err := e.App.Settings().Clone()
	if err != nil {
		return e.InternalServerError("", err)
	}
	shown.S3 = core.S3Config{}
	return e.JSON(http.StatusOK, shown)
}

// sealedFiles are collections whose bytes only their own routes open. PocketBase would hand out what is sealed, under an
// address that works for three minutes without a session.
var sealedFiles = []string{collections.Uploads, collections.FormPDFs}

// refuseWaysToFiles closes PocketBase's own route to sealed files, for everybody.
func refuseWaysToFiles(e *core.RequestEvent) error {
	switch {
	case strings.HasPrefix(e.Request.Pattern, "GET /api/files/"):
		c, err := e.App.FindCachedCollectionByNameOrId(e.Request.PathValue("collection"))
		if err != nil || slices.Contains(sealedFiles, c.Name) {
			return e.NotFoundError("", nil)
		}
	case e.Request.Pattern == "POST /api/settings/test/s3":
		return kernel.Refuse(e, kernel.Forbidden("CLOSED", "Where files lie is set by the environment."))
	}
	return e.Next()
}
