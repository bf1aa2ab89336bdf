package files

import (
	"database/sql"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/pocketbase/dbx"
	validation "github.com/pocketbase/ozzo-validation/v4"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/filesystem"
	"github.com/pocketbase/pocketbase/tools/hook"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
	"anteroom/hooks/notices"
	"anteroom/hooks/outbox"
	"anteroom/hooks/phi"
)

const (
	withKey   = "@with"
	maxReason = 500
)

func bindRules(app core.App) {
	app.OnRecordCreate(collections.Uploads).BindFunc(begin)
	// around the storing of the bytes (99) and outside the transaction (100)
	app.OnRecordCreateExecute(collections.Uploads).Bind(&hook.Handler[*core.RecordEvent]{Id: "files.storing", Priority: 98, Func: noteStoring})
	app.OnRecordCreateExecute(collections.Uploads).Bind(&hook.Handler[*core.RecordEvent]{Id: "files.stored", Priority: 150, Func: announce})
	app.OnRecordUpdate(collections.Uploads).BindFunc(judgeUpload)
	app.OnRecordUpdateExecute(collections.Uploads).Bind(&hook.Handler[*core.RecordEvent]{Id: "files.decided", Priority: 150, Func: follow})
	app.OnRecordCreate(collections.Clients).BindFunc(refuseForeignPicture)
	app.OnRecordUpdate(collections.Clients).BindFunc(refuseForeignPicture)
	app.OnRecordDelete(collections.Uploads).BindFunc(func(*core.RecordEvent) error {
		return validation.Errors{"id": validation.NewError("validation_kept", "What became of a file stays on record.")}
	})
}

// begin decides where a file begins, whoever saves it: its state is nobody's to claim.
func begin(e *core.RecordEvent) error {
	u := collections.AsUpload(e.Record)
	file, ok := e.Record.GetRaw("file").(*filesystem.File)
	if !ok || !phi.IsSealed(file) {
		return validation.Errors{"file": validation.NewError("validation_sealed", "Files come in sealed, or not at all.")}
	}
	if err := refuseOutOfReach(e.App, kernel.ActorOf(e.Record), u.Client()); err != nil {
		return err
	}
	state := scanWithout(u)
	if kernel.ConfigOf(e.App).ClamdAddress != "" {
		state = collections.ScanPending
	}
	u.Set("scan", string(state))
	for _, field := range []string{"finding", "scanned_at", "decided_by", "decided_at", "released_at", "removed_at", "reason"} {
		u.Set(field, "")
	}
	return e.Next()
}

// noteStoring lets Accept tell a storage that cannot be reached from a row that cannot be written.
func noteStoring(e *core.RecordEvent) error {
	e.Record.SetRaw(storingKey, true)
	return e.Next()
}

// announce asks for the scan, and saves what the file is for, in the transaction of the row.
func announce(e *core.RecordEvent) error {
	e.Record.SetRaw(storingKey, false)
	return kernel.InTransaction(e, func(tx core.App) error {
		if err := e.Next(); err != nil {
			return err
		}
		u := collections.AsUpload(e.Record)
		if with, _ := e.Record.GetRaw(withKey).(func(core.App, *collections.Upload) error); with != nil {
			if err := with(tx, u); err != nil {
				return err
			}
		}
		if u.Scan() != collections.ScanPending {
			return nil
		}
		return outbox.Job(tx, jobScan, jobScan+":"+u.Id, fileJob{u.Id})
	})
}

// fixed are fields that say what a file is; only what is known of it changes.
var fixed = []string{"client", "purpose", "uploaded_by", "mime", "size", "width", "height", "name"}

// scanMoves are the legal moves; that a blocked file stays blocked is held by a trigger too.
var scanMoves = map[collections.Scan][]collections.Scan{
	collections.ScanPending:    {collections.ScanClean, collections.ScanNotScanned, collections.ScanBlocked},
	collections.ScanNotScanned: {collections.ScanBlocked},
	collections.ScanClean:      {collections.ScanBlocked},
}

// judgeUpload: the scanner alone finds a file clean; staff block any, and release what nobody scanned, with a reason; bytes
// are never replaced.
func judgeUpload(e *core.RecordEvent) error {
	r, err := e.App.FindRecordById(collections.Uploads, e.Record.Id)
	if err != nil {
		return err
	}
	was, is, actor := collections.AsUpload(r), collections.AsUpload(e.Record), kernel.ActorOf(e.Record)
	for _, field := range fixed {
		if was.GetString(field) != is.GetString(field) {
			return refusedAt(field, "kept", "What was sent cannot be changed.")
		}
	}
	if name := is.GetString("file"); name != was.GetString("file") && (name != "" || !was.Removed()) {
		return refusedAt("file", "kept", "The bytes of a file cannot be replaced.")
	}
	if was.Removed() && was.GetString("removed_at") != is.GetString("removed_at") {
		return refusedAt("removed_at", "kept", "A file that was removed does not come back.")
	}
	if err := refuseOutOfReach(e.App, actor, was.Client()); err != nil {
		return err
	}
	moved, released := was.Scan() != is.Scan(), was.GetString("released_at") != is.GetString("released_at")
	switch {
	case moved && !slices.Contains(scanMoves[was.Scan()], is.Scan()):
		return kernel.Conflict("ALREADY_DECIDED", "This file was decided on already.")
	case moved && is.Scan() != collections.ScanBlocked && actor.Kind != kernel.KindSystem:
		return kernel.Forbidden("SCANNER_DECIDES", "Only the virus scanner finds a file clean.")
	case released && (was.Scan() != collections.ScanNotScanned || moved || was.Released() || was.Removed()):
		return kernel.Conflict("ALREADY_DECIDED", "Only a file that nobody scanned is released, once.")
	}
	if decides := released || moved && is.Scan() == collections.ScanBlocked; decides && actor.Kind != kernel.KindSystem {
		if err := refuseUndecided(actor, e.Record); err != nil {
			return err
		}
	} else if released {
		return kernel.Forbidden("STAFF_DECIDE", "Somebody of the staff releases a file.")
	}
	if moved && is.Scan() == collections.ScanBlocked && !was.Removed() {
		is.Set("removed_at", kernel.Now(e.App))
	}
	return e.Next()
}

// refuseUndecided: who releases or blocks is of the staff and says why.
func refuseUndecided(actor kernel.Actor, r *core.Record) error {
	if !actor.IsStaff(kernel.RoleAdmin, kernel.RoleClinician, kernel.RoleFrontDesk) {
		return kernel.Forbidden("ROLE", "Your role at the clinic does not include this.")
	}
	reason, err := phi.Text(r, "reason")
	if err != nil {
		return err
	}
	if n := len([]rune(strings.TrimSpace(reason))); n < 1 || n > maxReason {
		return kernel.Invalid("", "Say why, in at most 500 characters.").Field("reason", "required", "Say why, in at most 500 characters.")
	}
	return nil
}

func refuseOutOfReach(app core.App, actor kernel.Actor, client string) error {
	reach, err := kernel.ReachOf(app, actor, client)
	if err == nil && !reach.OK() {
		return kernel.NotFound()
	}
	return err
}

func refusedAt(field, code, message string) error {
	return validation.Errors{field: validation.NewError("validation_"+code, message)}
}

// follow does what a decision leads to, in its transaction: bytes that are to go are ordered away, and what the scanner
// found is told.
func follow(e *core.RecordEvent) error {
	return kernel.InTransaction(e, func(tx core.App) error {
		r, err := tx.FindRecordById(collections.Uploads, e.Record.Id)
		if err != nil {
			return err
		}
		was, is := collections.AsUpload(r), collections.AsUpload(e.Record)
		if err := e.Next(); err != nil {
			return err
		}
		if is.Removed() && !was.Removed() {
			if err := outbox.Job(tx, jobRemove, jobRemove+":"+is.Id, fileJob{is.Id}); err != nil {
				return err
			}
		}
		if was.Scan() == is.Scan() || is.Scan() != collections.ScanBlocked {
			return nil
		}
		if err := takeOffClient(tx, kernel.ActorOf(e.Record), is); err != nil {
			return err
		}
		if is.Finding() == "" {
			return nil
		}
		return tellDesk(tx, is)
	})
}

// refuseForeignPicture: a client's picture is a picture of their own, whoever puts it there. Another client's file would
// be shown to this one, and taken away with their next picture.
func refuseForeignPicture(e *core.RecordEvent) error {
	id := e.Record.GetString("avatar")
	if id == "" || id == e.Record.Original().GetString("avatar") {
		return e.Next()
	}
	r, err := e.App.FindRecordById(collections.Uploads, id)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if err != nil || r.GetString("client") != e.Record.Id || r.GetString("purpose") != PurposeAvatar {
		return refusedAt("avatar", "not_theirs", "A picture is sent by the client, or by who acts for them.")
	}
	return e.Next()
}

// takeOffClient: a blocked picture is nobody's any more.
func takeOffClient(tx core.App, actor kernel.Actor, u *collections.Upload) error {
	r, err := tx.FindRecordById(collections.Clients, u.Client())
	if err != nil || r.GetString("avatar") != u.Id {
		return err
	}
	r.Set("avatar", "")
	audit.As(r, audit.RemovePhoto)
	return kernel.SaveAs(tx, actor, r)
}

// tellDesk notes for everybody at the desk and the admins what the scanner found.
func tellDesk(tx core.App, u *collections.Upload) error {
	staff, err := tx.FindAllRecords("staff", dbx.HashExp{"is_active": true}, dbx.In("role", kernel.RoleAdmin, kernel.RoleFrontDesk))
	if err != nil {
		return err
	}
	for _, s := range staff {
		if err := notices.TellStaff(tx, s.Id, "file_blocked", "/_/#/collections?collection="+collections.Uploads+"&recordId="+u.Id, u.Id, "file_blocked:"+u.Id); err != nil {
			return err
		}
	}
	return nil
}

// remove takes a file away: its row stays, its bytes go once the storage can be reached.
func remove(tx core.App, actor kernel.Actor, id string, action audit.Action) error {
	r, err := tx.FindRecordById(collections.Uploads, id)
	if err != nil || collections.AsUpload(r).Removed() {
		return err
	}
	r.Set("removed_at", kernel.Now(tx))
	audit.As(r, action)
	return kernel.SaveAs(tx, actor, r)
}

func instant(r *core.Record, field string) *time.Time {
	d := r.GetDateTime(field)
	if d.IsZero() {
		return nil
	}
	t := d.Time()
	return &t
}
