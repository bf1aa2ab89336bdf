package ops

import (
	"context"
	"net/http"
	"time"

	"github.com/pocketbase/pocketbase/core"
)

// Pace changes how slow clients may be, before the first request.
func Pace(app core.App, body, answer time.Duration) {
	*paceOf(app) = pace{body: body, answer: answer}
}

// CheckIntegrity looks now.
func CheckIntegrity(app core.App) { checkIntegrityOf(context.Background(), app) }

// Harden sets the limits of a listening server.
func Harden(s *http.Server) { harden(s) }

// JudgeSpace decides about a disk.
func JudgeSpace(free, total uint64) error { return judgeSpace(free, total) }

// Draining says that the server is about to end.
func Draining(app core.App) { app.Store().Set(drainingKey, true) }
