package oversight

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"

	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
	"anteroom/hooks/notices"
)

// States of a check.
const (
	idle    = "idle" // none yet, or the last one did not come to an end
	running = "running"
	intact  = "intact"
	broken  = "broken"
)

// check is the one that may run: it reads the whole log on one of the reading connections, and nobody waits for it.
type check struct {
	mu      sync.Mutex
	state   string
	cancel  context.CancelFunc
	done    sync.WaitGroup
	checked atomic.Int64
	total   int64
}

// checkShown is how far a check is, or what the last one found. brokenAt is the first line that is wrong.
type checkShown struct {
	State    string `json:"state"`
	Checked  int64  `json:"checked"`
	Total    int64  `json:"total"`
	Head     string `json:"head,omitempty"`
	At       string `json:"at,omitempty"`
	BrokenAt int64  `json:"brokenAt,omitempty"`
	Sentence string `json:"sentence,omitempty"`
}

// begin starts a check. Who asks while one runs gets that one's progress.
func (k *check) begin(c *kernel.Call) (*kernel.Reply, error) {
	if err := audit.Read(c.App, audit.EntryFor(c.Actor, audit.VerifyAuditLog, audit.AuditLog, "")); err != nil {
		return nil, err
	}
	head, _, err := audit.LastHead(c.App)
	if err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.state != running {
		ctx, cancel := context.WithCancel(context.Background())
		k.state, k.cancel, k.total = running, cancel, head.Seq
		k.checked.Store(0)
		app := c.App
		k.done.Go(func() { k.run(ctx, app) })
	}
	return kernel.Accepted(checkShown{State: running, Checked: k.checked.Load(), Total: k.total}), nil
}

func (k *check) progress(c *kernel.Call) (*kernel.Reply, error) {
	if err := audit.Read(c.App, audit.EntryFor(c.Actor, audit.ViewAuditHead, audit.AuditLog, "")); err != nil {
		return nil, err
	}
	k.mu.Lock()
	state, total := k.state, k.total
	k.mu.Unlock()
	if state == running {
		return kernel.OK(checkShown{State: running, Checked: k.checked.Load(), Total: total}), nil
	}
	last, err := lastCheck(c.App)
	if err != nil {
		return nil, err
	}
	if last == nil {
		return kernel.OK(checkShown{State: idle}), nil
	}
	out := checkShown{State: intact, Head: last.Head, At: instant(last.at()), BrokenAt: last.BrokenAt, Sentence: last.Sentence}
	if last.BrokenAt > 0 {
		out.State = broken
	}
	if h, err := audit.ParseHead(last.Head); err == nil {
		out.Checked, out.Total = h.Seq, h.Seq
	}
	return kernel.OK(out), nil
}

// end stops a check that runs, and waits for it: the database is about to be closed.
func (k *check) end() {
	k.mu.Lock()
	if k.cancel != nil {
		k.cancel()
	}
	k.mu.Unlock()
	k.done.Wait()
}

func (k *check) run(ctx context.Context, app core.App) {
	err := k.verify(ctx, app)
	if err != nil && ctx.Err() == nil {
		app.Logger().Error("the check of the audit log did not come to an end", "error", err)
	}
	k.mu.Lock()
	k.state = idle
	k.cancel()
	k.mu.Unlock()
}

func (k *check) verify(ctx context.Context, app core.App) error {
	pool, ok := app.ConcurrentDB().(*dbx.DB)
	if !ok {
		return errors.New("the database is not open")
	}
	noted, err := audit.NotedHeads(ctx, pool.DB())
	if err != nil && !errors.Is(err, audit.ErrBroken) {
		return err
	}
	head, err := audit.VerifyTelling(ctx, pool.DB(), k.checked.Store, noted...)
	var wrong *audit.Broken
	if err != nil && !errors.As(err, &wrong) {
		return err
	}
	return remember(app, head, wrong)
}

// remember keeps what a check found, and raises the alarm when the log was changed: a line, a notice for every
// administrator, and a sentence in the operator's log.
func remember(app core.App, head audit.Head, wrong *audit.Broken) error {
	found := kept{At: kernel.Now(app).Format(types.DefaultDateLayout), Head: head.String()}
	if wrong != nil {
		found.BrokenAt, found.Sentence = wrong.Line, "The audit log was changed: "+wrong.Sentence()+"."
		app.Logger().Error("the audit log was changed", "line", wrong.Line, "finding", wrong.Sentence())
	}
	return app.RunInTransaction(func(tx core.App) error {
		_, err := tx.NonconcurrentDB().NewQuery(`INSERT INTO audit_checked(id, at, head, broken_at, sentence) VALUES(1, {:at}, {:head}, {:broken}, {:sentence})
			ON CONFLICT(id) DO UPDATE SET at = excluded.at, head = excluded.head, broken_at = excluded.broken_at, sentence = excluded.sentence`).
			Bind(dbx.Params{"at": found.At, "head": found.Head, "broken": found.BrokenAt, "sentence": found.Sentence}).Execute()
		if err != nil || wrong == nil {
			return err
		}
		entry := audit.Entry{Actor: kernel.System(), Action: audit.AuditLogBroken, ResourceType: audit.AuditLog, Result: audit.ResultFailed,
			Details: audit.Details{"line": wrong.Line, "more": wrong.More}}
		if err := audit.Append(tx, entry); err != nil {
			return err
		}
		admins, err := tx.FindRecordsByFilter("staff", "role = {:role} && is_active = true", "", 0, 0, dbx.Params{"role": kernel.RoleAdmin})
		if err != nil {
			return err
		}
		for _, admin := range admins {
			if err := notices.TellStaff(tx, admin.Id, "audit_log_broken", "#/audit-log", "", "audit-broken:"+found.At); err != nil {
				return err
			}
		}
		return nil
	})
}

// kept is the row of the last check.
type kept struct {
	At       string `db:"at"`
	Head     string `db:"head"`
	BrokenAt int64  `db:"broken_at"`
	Sentence string `db:"sentence"`
}

func (k kept) at() time.Time {
	t, _ := time.Parse(types.DefaultDateLayout, k.At)
	return t
}

func lastCheck(app core.App) (*kept, error) {
	var k kept
	err := app.ConcurrentDB().NewQuery("SELECT at, head, broken_at, sentence FROM audit_checked WHERE id = 1").One(&k)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return &k, err
}
