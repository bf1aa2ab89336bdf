// Package ops owns running the box: one server on a data directory, whether it is well, the operator's care for the
// keys, and the routes that exist only in demo and development. It may read everything a health check and a certificate
// need and write only its own heartbeat and the audit lines of what it does to keys. What must never happen: a
// development route in production, a healthy answer from a server that cannot write, a record erased before its time.
package ops

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"
	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/hooks/kernel"
)

// Bind serves the health routes and, in demo and dev, the development routes.
func Bind(app core.App) {
	h := &health{}
	app.OnServe().BindFunc(func(se *core.ServeEvent) error {
		se.Router.GET("/healthz", func(e *core.RequestEvent) error {
			e.Response.Header().Set("Cache-Control", "no-store")
			return e.JSON(http.StatusOK, map[string]string{"status": "healthy"})
		})
		se.Router.GET("/readyz", h.ready)
		if kernel.ConfigOf(se.App).IsLocal() {
			bindDevelopment(se)
		}
		return se.Next()
	})
}

// health remembers its last look for a second, so that a stranger asking often costs one write a second.
type health struct {
	mu   sync.Mutex
	at   time.Time
	last error
}

const lookFor = time.Second

// ready answers 200 only when the database takes a write and gives it back (clinic backend specification, section 12:
// status, checks, timestamp). PocketBase's own /api/health says 200 on a read-only disk.
func (h *health) ready(e *core.RequestEvent) error {
	h.mu.Lock()
	if time.Since(h.at) > lookFor {
		h.at, h.last = time.Now(), writeAndRead(e.Request.Context(), e.App)
	}
	err := h.last
	h.mu.Unlock()
	status, word, db := http.StatusOK, "healthy", true
	if err != nil {
		e.App.Logger().Error("not ready", "error", err)
		status, word, db = http.StatusServiceUnavailable, "unhealthy", false
		e.Response.Header().Set("Retry-After", "5")
	}
	e.Response.Header().Set("Cache-Control", "no-store")
	return e.JSON(status, map[string]any{"status": word, "checks": map[string]any{"database": db}, "timestamp": kernel.Now(e.App).Format(time.RFC3339)})
}

func writeAndRead(ctx context.Context, app core.App) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	stamp := time.Now().UTC().Format(time.RFC3339Nano)
	_, err := app.NonconcurrentDB().NewQuery("INSERT INTO server_heartbeat(id, at) VALUES(1, {:t}) ON CONFLICT(id) DO UPDATE SET at = {:t}").
		Bind(dbx.Params{"t": stamp}).WithContext(ctx).Execute()
	if err != nil {
		return fmt.Errorf("write heartbeat: %w", err)
	}
	var back string
	if err := app.ConcurrentDB().NewQuery("SELECT at FROM server_heartbeat WHERE id = 1").WithContext(ctx).Row(&back); err != nil {
		return fmt.Errorf("read heartbeat: %w", err)
	}
	if back < stamp {
		return errors.New("the heartbeat did not come back")
	}
	return nil
}

// ErrRunning is returned by Lock when another process holds the data directory.
var ErrRunning = errors.New("another Anteroom is running on this data directory: stop it first, or choose another with --dir")

// Lock takes the data directory for one process. The lock goes with the process, however it ends.
func Lock(dir string) (release func(), err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("data directory %s: %w", dir, err)
	}
	l := flock.New(filepath.Join(dir, ".anteroom.lock"))
	ok, err := l.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock data directory %s: %w", dir, err)
	}
	if !ok {
		return nil, ErrRunning
	}
	return func() { _ = l.Unlock() }, nil
}

// developed marks a directory that was begun with --dev.
const developed = ".development"

// ClaimForDevelopment refuses --dev on a directory that holds a clinic set up for real: its development routes show
// sign-in codes and move the clock, and its test processor marks invoices as paid.
func ClaimForDevelopment(dir string) error {
	mark := filepath.Join(dir, developed)
	if _, err := os.Stat(mark); err == nil {
		return nil
	}
	if _, err := os.Stat(filepath.Join(dir, "data.db")); err == nil {
		return fmt.Errorf("%s holds a clinic that was set up for real: --dev would show its mail and pretend its payments. Choose another --dir", dir)
	}
	return os.WriteFile(mark, nil, 0o600)
}
