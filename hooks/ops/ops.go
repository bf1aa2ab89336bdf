// Package ops owns running the box: one server on a data directory and the commands beside it, its listeners and their
// end, what a request must be before anybody looks at it, whether the server is well, the operator's care for the keys,
// and the routes that exist only in demo and development. It may read everything a health check and a certificate need
// and write only its own heartbeat and probe, and the audit lines of commands.
//
// What must never happen: a development route in production, a healthy answer from a server that cannot write, a
// command of another user, an owner at the public door where there is a private one, a record erased before its time.
package ops

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/hooks/kernel"
)

// Bind serves the health routes and, in demo and dev, the development routes; and it holds what stands at every door
// of the server: where a request came in, where it comes from, what it is made of, and how slow it may be.
func Bind(app core.App) {
	bindPace(app)
	bindPrivateListener(app)
	bindOrigin(app)
	bindHealth(app)
	bindSettings(app)
	app.OnServe().BindFunc(func(se *core.ServeEvent) error {
		if kernel.ConfigOf(se.App).IsLocal() {
			bindDevelopment(se)
		}
		return se.Next()
	})
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
