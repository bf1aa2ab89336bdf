package identity

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
)

// Sessions holds every live session in memory, so that a request costs no query: one process serves a clinic, and
// each row of portal_sessions is the durable copy. A session that is not here is over.
//
// Rows are loaded when the server starts, added after the commit that opened them, and removed after the commit that
// ended them, whichever door it came through. Plain SQL and a second process are not heard: what ends sessions goes
// through the model.
type Sessions struct {
	app core.App

	mu    sync.RWMutex
	live  map[string]*session
	onEnd []func(sid, reason string)

	keeping sync.Mutex
	written time.Time // when activity was last written
}

// session is a row in memory. Instants are seconds since 1970.
type session struct {
	id, collection, owner string
	defaultClient         string
	remembered            bool
	absolute              int64
	last                  atomic.Int64 // last activity
	stored                atomic.Int64 // last activity as the row has it
	proven                atomic.Int64 // when the person last proved who they are
}

const (
	keepEvery  = time.Second // limits are looked at this often, for connections that nobody asks about
	storeEvery = time.Minute
	atOnce     = 100 // sessions ended in one transaction
)

func newSessions(app core.App) *Sessions {
	return &Sessions{app: app, live: map[string]*session{}}
}

// OnEnd registers who must hear that a session has ended. Call it while binding. The function is called after the
// commit, possibly inside somebody's request: it must not wait.
func (s *Sessions) OnEnd(f func(sid, reason string)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onEnd = append(s.onEnd, f)
}

// Live tells whether a session may be used now. It has no side effects: it may be asked under any lock.
func (s *Sessions) Live(sid string) bool {
	x := s.get(sid)
	return x != nil && s.over(x) == ""
}

// Revoke ends a session; ending one that is over already does nothing. In a transaction it counts from the commit.
func (s *Sessions) Revoke(app core.App, sid, reason string) error {
	return s.revokeAs(app, kernel.System(), audit.RevokeSession, sid, reason)
}

// RevokeOwner ends every session of an account.
func (s *Sessions) RevokeOwner(app core.App, collection, owner, reason string) error {
	return s.revokeOwnerAs(app, kernel.System(), collection, owner, reason, "")
}

func (s *Sessions) revokeAs(app core.App, by kernel.Actor, name audit.Action, sid, reason string) error {
	return app.RunInTransaction(func(tx core.App) error {
		r, err := tx.FindRecordById(collections.PortalSessions, sid)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		return revokeRow(tx, by, name, r, reason)
	})
}

// revokeOwnerAs ends every session of an account but the one to keep, if any.
func (s *Sessions) revokeOwnerAs(app core.App, by kernel.Actor, collection, owner, reason, keep string) error {
	return app.RunInTransaction(func(tx core.App) error {
		rows, err := tx.FindAllRecords(collections.PortalSessions,
			dbx.HashExp{"owner_collection": collection, "owner": owner, "revoked_at": 0})
		if err != nil {
			return err
		}
		for _, r := range rows {
			if r.Id == keep {
				continue
			}
			if err := revokeRow(tx, by, audit.RevokeSession, r, reason); err != nil {
				return err
			}
		}
		return nil
	})
}

func revokeRow(tx core.App, by kernel.Actor, name audit.Action, r *core.Record, reason string) error {
	row := collections.AsPortalSession(r)
	if row.Revoked() {
		return nil
	}
	row.Revoke(kernel.Now(tx), reason)
	audit.As(r, name)
	return kernel.SaveAs(tx, by, r)
}

func (s *Sessions) get(sid string) *session {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.live[sid]
}

// over tells why a session may no longer be used, or "".
func (s *Sessions) over(x *session) string { return x.over(kernel.Now(s.app).Unix(), s.idle()) }

// idle is the clinic's idle limit in seconds.
func (s *Sessions) idle() int64 { return int64(collections.Settings(s.app).IdleMinutes) * 60 }

func (x *session) over(now, idle int64) string {
	switch {
	case now >= x.absolute:
		return collections.EndedAbsolute
	case now >= x.last.Load()+idle:
		return collections.EndedIdle
	}
	return ""
}

// touch notes activity.
func (s *Sessions) touch(x *session) {
	if now := kernel.Now(s.app).Unix(); now > x.last.Load() {
		x.last.Store(now)
	}
}

func sessionOf(row *collections.PortalSession) *session {
	x := &session{id: row.Id, collection: row.OwnerCollection(), owner: row.Owner(), defaultClient: row.DefaultClient(),
		remembered: row.Remembered(), absolute: row.AbsoluteUntil().Unix()}
	x.last.Store(row.LastActivity().Unix())
	x.stored.Store(row.LastActivity().Unix())
	x.proven.Store(row.ProvenAt().Unix())
	return x
}

func (s *Sessions) add(row *collections.PortalSession) {
	x := sessionOf(row)
	s.mu.Lock()
	s.live[x.id] = x
	s.mu.Unlock()
}

// end forgets a session and tells who listens, once.
func (s *Sessions) end(sid, reason string) {
	s.mu.Lock()
	_, known := s.live[sid]
	delete(s.live, sid)
	hear := slices.Clone(s.onEnd)
	s.mu.Unlock()
	if !known {
		return
	}
	for _, f := range hear {
		f(sid, reason)
	}
}

// bind keeps memory and rows together.
func (s *Sessions) bind() {
	// After the commit, before anybody else's hook: memory must follow even when theirs fails.
	after := func(f func(row *collections.PortalSession)) *hook.Handler[*core.RecordEvent] {
		return &hook.Handler[*core.RecordEvent]{Id: "identity.sessions", Priority: -100, Func: func(e *core.RecordEvent) error {
			f(collections.AsPortalSession(e.Record))
			return e.Next()
		}}
	}
	app := s.app
	app.OnRecordAfterCreateSuccess(collections.PortalSessions).Bind(after(func(row *collections.PortalSession) {
		if !row.Revoked() {
			s.add(row)
		}
	}))
	app.OnRecordAfterUpdateSuccess(collections.PortalSessions).Bind(after(func(row *collections.PortalSession) {
		if row.Revoked() {
			s.end(row.Id, row.RevokeReason())
		}
	}))
	app.OnRecordAfterDeleteSuccess(collections.PortalSessions).Bind(after(func(row *collections.PortalSession) {
		s.end(row.Id, collections.EndedDeleted)
	}))
	app.OnServe().BindFunc(func(se *core.ServeEvent) error {
		if err := s.load(); err != nil {
			return err
		}
		ctx, stop := context.WithCancel(context.Background())
		done := make(chan struct{})
		app.OnTerminate().BindFunc(func(te *core.TerminateEvent) error {
			stop()
			<-done
			if err := s.store(); err != nil {
				app.Logger().Error("store activity of sessions", "error", err)
			}
			return te.Next()
		})
		go func() {
			defer close(done)
			s.keep(ctx)
		}()
		return se.Next()
	})
}

// load takes over what lived when the server stopped.
func (s *Sessions) load() error {
	rows := []*core.Record{}
	err := s.app.RecordQuery(collections.PortalSessions).AndWhere(dbx.NewExp("revoked_at = 0 AND absolute_until > {:now}",
		dbx.Params{"now": kernel.Now(s.app).Unix()})).All(&rows)
	if err != nil {
		return err
	}
	for _, r := range rows {
		s.add(collections.AsPortalSession(r))
	}
	return nil
}

// keep ends sessions whose limits have passed and stores activity. Looking at 10,000 sessions takes a millisecond.
func (s *Sessions) keep(ctx context.Context) {
	tick := time.NewTicker(keepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := s.tidy(); err != nil {
				s.app.Logger().Error("keep sessions", "error", err)
			}
		}
	}
}

func (s *Sessions) tidy() error {
	s.keeping.Lock()
	defer s.keeping.Unlock()
	var passed []*session
	now, idle := kernel.Now(s.app), s.idle()
	s.mu.RLock()
	for _, x := range s.live {
		if x.over(now.Unix(), idle) != "" {
			passed = append(passed, x)
		}
	}
	s.mu.RUnlock()
	for some := range slices.Chunk(passed, atOnce) {
		if err := s.expire(some); err != nil {
			return err
		}
	}
	if since := now.Sub(s.written); since >= storeEvery || since < 0 { // the clock may be moved back
		s.written = now
		return s.store()
	}
	return nil
}

func (s *Sessions) expire(passed []*session) error {
	gone := []string{}
	err := s.app.RunInTransaction(func(tx core.App) error {
		for _, x := range passed {
			r, err := tx.FindRecordById(collections.PortalSessions, x.id)
			if errors.Is(err, sql.ErrNoRows) { // removed by plain SQL
				gone = append(gone, x.id)
				continue
			}
			if err != nil {
				return err
			}
			reason := s.over(x)
			if reason == "" { // the clinic has just lengthened its limits
				continue
			}
			row := collections.AsPortalSession(r)
			row.Set("last_activity", x.last.Load())
			if row.Revoked() { // by plain SQL
				gone = append(gone, x.id)
				continue
			}
			if err := revokeRow(tx, kernel.System(), audit.RevokeSession, r, reason); err != nil {
				return err
			}
		}
		return nil
	})
	for _, sid := range gone {
		s.end(sid, collections.EndedDeleted)
	}
	return err
}

// store writes activity that the rows do not have yet, in one transaction and by plain SQL: it is bookkeeping, and
// app.Save would wake every hook and the audit log.
func (s *Sessions) store() error {
	type change struct {
		x  *session
		at int64
	}
	var changes []change
	s.mu.RLock()
	for _, x := range s.live {
		if at := x.last.Load(); at != x.stored.Load() {
			changes = append(changes, change{x, at})
		}
	}
	s.mu.RUnlock()
	if len(changes) == 0 {
		return nil
	}
	err := s.app.RunInTransaction(func(tx core.App) error {
		q := tx.NonconcurrentDB().NewQuery("UPDATE portal_sessions SET last_activity = {:at} WHERE id = {:id} AND revoked_at = 0").Prepare()
		defer func() { _ = q.Close() }()
		for _, c := range changes {
			if _, err := q.Bind(dbx.Params{"at": c.at, "id": c.x.id}).Execute(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, c := range changes {
		c.x.stored.Store(c.at)
	}
	return nil
}
