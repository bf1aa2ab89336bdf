package ops

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"
	"github.com/pocketbase/pocketbase/tools/types"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"anteroom/hooks/kernel"
	"anteroom/hooks/outbox"
	"anteroom/hooks/phi"
)

// The states of the server (clinic backend specification, section 12). A degraded server serves.
const (
	healthy   = "healthy"
	degraded  = "degraded"
	unhealthy = "unhealthy"
)

// check is one thing that must be well. Its last answer is kept, so that strangers who ask often cost nothing.
type check struct {
	name  string
	keep  time.Duration
	grave bool // without it the server must not be used
	look  func(ctx context.Context, app core.App) error

	mu   sync.Mutex
	at   time.Time
	last error
}

func (c *check) ask(app core.App) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.at) < c.keep {
		return c.last
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	before := c.last
	c.at, c.last = time.Now(), c.look(ctx, app)
	if c.last != nil && (before == nil || before.Error() != c.last.Error()) {
		app.Logger().Error("not well", "check", c.name, "error", c.last)
	}
	return c.last
}

// health asks everything that must be well.
type health struct{ checks []*check }

func newHealth(cfg kernel.Config) *health {
	h := &health{checks: []*check{
		{name: "database", keep: time.Second, grave: true, look: writeAndRead},
		{name: "integrity", grave: true, look: func(_ context.Context, app core.App) error { return integrityOf(app).found() }},
		{name: "keys", keep: time.Minute, grave: true, look: openKeys},
		{name: "storage", keep: time.Minute, grave: true, look: storeProbe},
		{name: "disk", keep: 10 * time.Second, grave: true, look: enoughSpace},
		{name: "outbox", keep: 10 * time.Second, look: outboxMoves},
	}}
	if cfg.ClamdAddress != "" {
		h.checks = append(h.checks, &check{name: "scanner", keep: time.Minute, look: func(ctx context.Context, _ core.App) error {
			return pingScanner(ctx, cfg.ClamdAddress)
		}})
	}
	return h
}

func (h *health) look(app core.App) (state string, checks map[string]bool) {
	state, checks = healthy, map[string]bool{}
	for _, c := range h.checks {
		err := c.ask(app)
		checks[c.name] = err == nil
		switch {
		case err == nil:
		case c.grave:
			state = unhealthy
		case state == healthy:
			state = degraded
		}
	}
	if stopping, _ := app.Store().Get(drainingKey).(bool); stopping {
		state, checks["accepting"] = unhealthy, false
	}
	return state, checks
}

func bindHealth(app core.App) {
	h := newHealth(kernel.ConfigOf(app))
	app.OnServe().BindFunc(func(se *core.ServeEvent) error {
		se.Router.GET("/healthz", func(e *core.RequestEvent) error {
			e.Response.Header().Set("Cache-Control", "no-store")
			return e.JSON(http.StatusOK, map[string]string{"status": healthy})
		})
		se.Router.GET("/readyz", h.ready)
		se.Router.Bind(&hook.Handler[*core.RequestEvent]{Id: "ops.health", Func: h.tellTruth})
		return se.Next()
	})
	app.OnBootstrap().BindFunc(func(e *core.BootstrapEvent) error {
		if err := e.Next(); err != nil {
			return err
		}
		watchForDamage(e.App)
		return nil
	})
	app.Cron().MustAdd("anteroom_check_integrity", "11 */6 * * *", func() { checkIntegrityOf(context.Background(), app) })
}

// ready answers 200 only from a server that works (clinic backend specification, section 12: status, checks, timestamp).
func (h *health) ready(e *core.RequestEvent) error {
	state, checks := h.look(e.App)
	status := http.StatusOK
	if state == unhealthy {
		status = http.StatusServiceUnavailable
		e.Response.Header().Set("Retry-After", "5")
	}
	e.Response.Header().Set("Cache-Control", "no-store")
	return e.JSON(status, map[string]any{"status": state, "checks": checks, "timestamp": kernel.Now(e.App).Format(time.RFC3339)})
}

// tellTruth stands before PocketBase's own health, which says 200 on a read-only disk and on a corrupt database.
func (h *health) tellTruth(e *core.RequestEvent) error {
	if e.Request.Pattern == "GET /api/health" {
		if state, _ := h.look(e.App); state == unhealthy {
			e.Response.Header().Set("Retry-After", "5")
			return e.JSON(http.StatusServiceUnavailable, map[string]any{"code": http.StatusServiceUnavailable, "message": "API is not healthy.", "data": map[string]any{}})
		}
	}
	return e.Next()
}

// writeAndRead: a write comes back.
func writeAndRead(ctx context.Context, app core.App) error {
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

// openKeys: keys.db can be read, and opens with the clinic's key.
func openKeys(ctx context.Context, app core.App) error {
	ring, err := phi.KeyringOf(app)
	if err != nil {
		return err
	}
	return ring.Check(ctx)
}

const probeFile = "readyz/probe"

// storeProbe writes a small file where uploads and documents lie, and reads it back.
func storeProbe(ctx context.Context, app core.App) error {
	files, err := app.NewFilesystem()
	if err != nil {
		return fmt.Errorf("open storage: %w", err)
	}
	defer func() { _ = files.Close() }()
	files.SetContext(ctx)
	wrote := []byte(time.Now().UTC().Format(time.RFC3339Nano))
	if err := files.Upload(wrote, probeFile); err != nil {
		return fmt.Errorf("write to storage: %w", err)
	}
	r, err := files.GetReader(probeFile)
	if err != nil {
		return fmt.Errorf("read from storage: %w", err)
	}
	var back bytes.Buffer
	_, err = back.ReadFrom(r)
	if err = errors.Join(err, r.Close()); err != nil {
		return fmt.Errorf("read from storage: %w", err)
	}
	if !bytes.Equal(back.Bytes(), wrote) {
		return errors.New("a file came back changed from storage")
	}
	return nil
}

// Below this a database soon cannot write, and a backup has no room.
const (
	leastFree        = 200 << 20
	leastFreePercent = 1
)

func enoughSpace(_ context.Context, app core.App) error {
	free, total, err := space(app.DataDir())
	if err != nil {
		return fmt.Errorf("ask for free space: %w", err)
	}
	return judgeSpace(free, total)
}

func judgeSpace(free, total uint64) error {
	if free < leastFree || free < total/100*leastFreePercent {
		return fmt.Errorf("only %d MB are free for the data directory", free>>20)
	}
	return nil
}

const outboxMayWait = 15 * time.Minute

// outboxMoves: what was due is not left lying.
func outboxMoves(ctx context.Context, app core.App) error {
	var oldest sql.NullString
	err := app.ConcurrentDB().NewQuery("SELECT min(next_at) FROM " + outbox.Collection + " WHERE status = 'waiting'").WithContext(ctx).Row(&oldest)
	if err != nil {
		return err
	}
	if oldest.String != "" && oldest.String < kernel.Now(app).Add(-outboxMayWait).Format(types.DefaultDateLayout) {
		return fmt.Errorf("mail or other work has been due since %s", oldest.String)
	}
	return nil
}

// pingScanner speaks clamd's protocol: zPING, answered by PONG (clamd(8)).
func pingScanner(ctx context.Context, address string) error {
	network := "tcp"
	if strings.HasPrefix(address, "/") {
		network = "unix"
	}
	c, err := (&net.Dialer{Timeout: 2 * time.Second}).DialContext(ctx, network, address)
	if err != nil {
		return fmt.Errorf("the scanner does not answer: %w", err)
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(2 * time.Second))
	if _, err := c.Write([]byte("zPING\x00")); err != nil {
		return fmt.Errorf("the scanner does not answer: %w", err)
	}
	answer, err := bufio.NewReader(c).ReadString(0)
	if strings.TrimRight(answer, "\x00") != "PONG" {
		return fmt.Errorf("the scanner answered something else: %w", errors.Join(err, errors.New("no PONG")))
	}
	return nil
}

// integrity remembers what SQLite says about the pages of the databases. It is looked at in the background, because it
// reads everything, and found at once when a query meets a damaged page.
type integrity struct {
	mu    sync.Mutex
	whole map[string]error // per database
	met   error            // by a query; only a look that finds everything well again takes it back
}

const integrityKey = "anteroom.integrity"

func integrityOf(app core.App) *integrity {
	return app.Store().GetOrSet(integrityKey, func() any { return &integrity{whole: map[string]error{}} }).(*integrity)
}

func (i *integrity) found() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	return errors.Join(i.met, i.whole["data.db"], i.whole["auxiliary.db"])
}

// checkIntegrityOf reads every page of both databases (PRAGMA quick_check, sqlite.org/pragma.html).
func checkIntegrityOf(ctx context.Context, app core.App) {
	i := integrityOf(app)
	i.mu.Lock()
	metBefore := i.met
	i.mu.Unlock()
	well := true
	for name, db := range map[string]dbx.Builder{"data.db": app.ConcurrentDB(), "auxiliary.db": app.AuxConcurrentDB()} {
		err := quickCheck(ctx, db)
		if ctx.Err() != nil {
			return // the server stops: that is nobody's damage
		}
		if err != nil {
			well, err = false, fmt.Errorf("%s is damaged: %w", name, err)
			app.Logger().Error("a database is damaged: stop the server and restore a backup", "database", name, "error", err)
		}
		i.mu.Lock()
		i.whole[name] = err
		i.mu.Unlock()
	}
	i.mu.Lock()
	if well && errors.Is(i.met, metBefore) {
		i.met = nil
	}
	i.mu.Unlock()
}

func quickCheck(ctx context.Context, db dbx.Builder) error {
	pool, ok := db.(*dbx.DB)
	if !ok {
		return errors.New("not a database")
	}
	rows, err := pool.DB().QueryContext(ctx, "PRAGMA quick_check(1)")
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var said string
		if err := rows.Scan(&said); err != nil {
			return err
		}
		if said != "ok" {
			return errors.New(said)
		}
	}
	return rows.Err()
}

// watchForDamage hears of every query that failed.
func watchForDamage(app core.App) {
	i := integrityOf(app)
	note := func(err error) {
		if err == nil || !isDamage(err) {
			return
		}
		i.mu.Lock()
		i.met = err
		i.mu.Unlock()
	}
	for _, b := range []dbx.Builder{app.ConcurrentDB(), app.NonconcurrentDB(), app.AuxConcurrentDB(), app.AuxNonconcurrentDB()} {
		db, ok := b.(*dbx.DB)
		if !ok {
			continue
		}
		queries, writes := db.QueryLogFunc, db.ExecLogFunc // of --dev
		db.QueryLogFunc = func(ctx context.Context, t time.Duration, text string, rows *sql.Rows, err error) {
			if queries != nil {
				queries(ctx, t, text, rows, err)
			}
			note(err)
		}
		db.ExecLogFunc = func(ctx context.Context, t time.Duration, text string, result sql.Result, err error) {
			if writes != nil {
				writes(ctx, t, text, result, err)
			}
			note(err)
		}
	}
}

func isDamage(err error) bool {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return false
	}
	primary := e.Code() & 0xff
	return primary == sqlite3.SQLITE_CORRUPT || primary == sqlite3.SQLITE_NOTADB
}
