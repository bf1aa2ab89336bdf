// Package audit keeps the log of who did what, on whose behalf, with which record, and with what result. It owns
// the table portal_audit_log (made by a migration; not a collection) and nothing else; it imports the kernel only.
//
// What it promises, and through which layer:
//
//   - A change of a record and its line commit together, whichever door the change came through: a model hook wraps
//     every write of every collection that is not on the exempt list. When the line cannot be written the change is
//     undone.
//   - What was read is on the disk before the answer leaves: Read waits for it, and the handler that gets an error
//     must not answer. Lists, views, expanded relations and downloads of PocketBase's own API leave their lines
//     through request hooks; a realtime subscription of staff leaves one when it is opened.
//   - Whoever is signed in leaves a line with every request: what no hook and no handler wrote down is written before the
//     first byte of the answer (everydoor.go). Changes of settings and collections commit with theirs (serveracts.go).
//   - A line of a clinician who broke the glass for that client says so, whoever wrote it (brokenglass.go).
//   - Refusals of our own routes leave a line, told by the kernel. One address or person that keeps being refused is
//     counted instead of filling the disk: see refused.go.
//   - Lines cannot be changed, removed, replaced or inserted between: three triggers. Whoever takes the triggers
//     away first is found by Verify, because each line's hash covers the line before.
//
// Lines hold ids, never names, and details hold names of fields, never their values.
//
// What must never happen: PHI in a line; an answer with PHI after an error of Read; a line in a transaction of its
// own while the caller's transaction holds the writer (it would wait for itself: Read joins an open transaction).
package audit

import (
	"github.com/pocketbase/pocketbase/core"

	"anteroom/hooks/kernel"
)

// Bind makes the audit log listen. It starts nothing: there is no goroutine to stop.
func Bind(app core.App) {
	bindCommitter(app)
	bindWrites(app)
	bindRecordAPI(app)
	bindOtherRefusals(app)
	bindEveryDoor(app)
	bindServerChanges(app)
	kernel.OnRefused(app, observeRefusal)
}
