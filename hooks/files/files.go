// Package files owns what people send to the clinic: one way in (Accept), one way out (Serve), and what is found out in
// between. It owns the collection uploads and its sealed bytes, in the data directory or in S3, and where PocketBase
// looks for files; it reads clients, and takes a picture that was blocked off its client. It is a lower package: domains
// call it.
//
// What it promises:
//
//   - Nothing is kept as it was sent but PDFs. Pictures are drawn anew, so that places, cameras and whatever hung on
//     behind are gone; PDFs are looked through and refused when they hold programs or other files.
//   - A file's type is what its bytes are, never what its name or sender says.
//   - Nobody fetches a file before the scanner has found it clean, or, where there is no scanner, before the portal drew
//     it anew or somebody of the staff released it. A scanner that is down, slow or talks nonsense changes nothing: the
//     file waits.
//   - Bytes are sealed under the client's key and lie under a random name; the sender's name for them is sealed too.
//   - A row is there only when its bytes are, and bytes without a row are removed.
//
// What must never happen: a call to the scanner or to S3 in a transaction; a file field that takes bytes by another way;
// a byte served before its audit line; a plaintext of a file on a disk.
package files

import (
	"errors"
	"net/http"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"

	"anteroom/collections"
	"anteroom/hooks/kernel"
	"anteroom/hooks/outbox"
	"anteroom/hooks/phi"
)

// Purposes of a file, as uploads.purpose holds them.
const (
	PurposeAvatar   = "avatar"
	PurposeDocument = "document"
)

// Bind declares routes, rules and jobs.
func Bind(app core.App) {
	phi.SealedFiles(app, collections.Uploads, "file", Place)
	bindStorage(app)
	bindFields(app)
	bindRules(app)
	s := newScanner(app)
	app.OnTerminate().Bind(&hook.Handler[*core.TerminateEvent]{Id: "files.scanner", Func: func(e *core.TerminateEvent) error {
		s.stop()
		return e.Next()
	}})
	outbox.OnJob(app, jobScan, s.work)
	outbox.OnJob(app, jobRemove, removeBytes)
	app.Cron().MustAdd("anteroom_files_again", "23 * * * *", func() { logged(app, "ask again about files", orderAgain(app)) })
	app.Cron().MustAdd("anteroom_files_orphans", "41 3 * * *", func() { logged(app, "remove files without a row", removeOrphans(app)) })
	app.OnServe().BindFunc(func(se *core.ServeEvent) error {
		if err := orderAgain(se.App); err != nil {
			return err
		}
		return se.Next()
	})
	kernel.WrittenByPortalAlone(app, collections.Uploads)

	own := func(method string, limit string, most int64, do func(*kernel.Call) (*kernel.Reply, error)) kernel.Route {
		return kernel.Route{Method: method, Path: kernel.Portal + "/profile/avatar", Access: kernel.ForClient, Area: kernel.AreaRecord,
			Limit: limit, MaxBody: most, Do: do}
	}
	roles := []string{kernel.RoleAdmin, kernel.RoleClinician, kernel.RoleFrontDesk}
	desk := func(method, path, owns string, do func(*kernel.Call) (*kernel.Reply, error)) kernel.Route {
		return kernel.Route{Method: method, Path: kernel.Desk + "/uploads" + path, Access: kernel.Staff, Roles: roles, Owns: owns, Do: do}
	}
	kernel.Handle(app,
		own(http.MethodGet, "", 0, showAvatar),
		own(http.MethodPost, collections.LimitPhotos, maxAvatarBytes+formOverhead, sendAvatar),
		own(http.MethodDelete, "", 0, dropAvatar),
		desk(http.MethodGet, "", "", listUploads),
		desk(http.MethodGet, "/{id}/content", collections.Uploads, fetchUpload),
		desk(http.MethodPost, "/{id}/release", collections.Uploads, releaseUpload),
		desk(http.MethodPost, "/{id}/block", collections.Uploads, blockUpload),
	)
}

func logged(app core.App, what string, err error) {
	if err != nil {
		app.Logger().Error(what, "error", err)
	}
}

// Place binds sealed bytes to their row. Rotation of keys asks for it too.
func Place(r *core.Record) string { return collections.Uploads + "|" + r.Id + "|file" }

// fileKey is where the bytes lie in PocketBase's storage.
func fileKey(r *core.Record) string { return r.BaseFilesPath() + "/" + r.GetString("file") }

var errInTransaction = errors.New("files: the scanner and S3 are asked outside transactions")

func storageDown(cause error) *kernel.Error {
	return kernel.Unavailable("STORAGE_UNAVAILABLE", "The place where files are kept cannot be reached right now. Nothing was changed. Please try again in a moment.").Because(cause)
}
