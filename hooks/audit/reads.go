package audit

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/hooks/kernel"
)

// Read writes lines about what is about to be shown and returns when they are durable. On an error nothing may be
// shown: return it, it is a 503 for the person. Inside a transaction of data.db the lines join it.
func Read(app core.App, entries ...Entry) error {
	if len(entries) == 0 {
		return nil
	}
	var err error
	if inTransaction(app) {
		err = Append(app, entries...)
	} else {
		err = commitNow(app, entries...)
	}
	if err != nil {
		return kernel.Unavailable("AUDIT_UNAVAILABLE", "We can't show that right now. Please try again in a moment.").Because(err)
	}
	return nil
}

const (
	gather   = 2 * time.Millisecond // how long a busy log lets a batch grow
	patience = 5 * time.Second      // how long a batch waits for the writer and for its commit
	maxBatch = 512                  // lines of one commit, so that it does not hold the writer for long
)

func inTransaction(app core.App) bool {
	_, ok := app.NonconcurrentDB().(*dbx.Tx)
	return ok
}

const committerKey = "anteroom.audit.committer"

func bindCommitter(app core.App) {
	app.Store().Set(committerKey, &committer{app: app, patience: patience})
}

// commitNow writes lines in a commit of their own, whatever transaction app belongs to.
func commitNow(app core.App, entries ...Entry) error {
	c, ok := app.Store().Get(committerKey).(*committer)
	if !ok {
		return errors.New("audit: the app was not bound")
	}
	entries, err := markBrokenGlass(c.app, entries)
	if err != nil {
		return err
	}
	lines, err := textsOf(entries) // here, so that a faulty entry fails its own request only
	if err != nil {
		return err
	}
	if err := c.write(lines); err != nil {
		return err
	}
	countLines(entries)
	return nil
}

// committer lets requests that wait at the same moment share one commit, which is what costs: the disk's flush.
// There is no goroutine. The first request of a batch leads it: it waits for its turn and for the writer while
// others join, writes all lines, and wakes the others.
//
// It borrows PocketBase's own writing pool, one connection with a fair queue. A second connection would meet the
// first in SQLite's lock and starve it: 54 writes a second were measured against 573.
type committer struct {
	app      core.App // the app itself, not a transaction
	patience time.Duration

	mu   sync.Mutex
	open *batch // joins here; nil when the next request must lead

	turn         sync.Mutex // one batch commits at a time; guards what follows
	busy         bool       // the last commit had company
	db           *sql.DB    // the pool the statements belong to
	head, insert *sql.Stmt
}

type batch struct {
	lines [][]string
	done  chan struct{}
	err   error
}

func (c *committer) write(lines [][]string) error {
	c.mu.Lock()
	b := c.open
	leads := b == nil
	if leads {
		b = &batch{done: make(chan struct{}), err: errors.New("audit: the commit was abandoned")}
		c.open = b
	}
	b.lines = append(b.lines, lines...)
	if len(b.lines) >= maxBatch {
		c.open = nil
	}
	c.mu.Unlock()

	if !leads {
		<-b.done
		return b.err
	}
	defer close(b.done) // also when the commit panics: the others then see the error set above
	c.turn.Lock()
	defer c.turn.Unlock()
	if c.busy { // a lone reader never waits
		time.Sleep(gather)
	}
	b.err = c.commit(b)
	c.busy = len(b.lines) > len(lines)
	return b.err
}

func (c *committer) commit(b *batch) error {
	defer c.close(b) // when it failed before the writer was there
	if err := c.prepare(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), c.patience)
	defer cancel()
	tx, err := c.db.BeginTx(ctx, nil) // waits here for the writer; more lines join meanwhile
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after Commit this does nothing
	c.close(b)
	last, insert := tx.Stmt(c.head), tx.Stmt(c.insert)
	defer last.Close()
	defer insert.Close()
	head, err := scanHead(last.QueryRow().Scan)
	if err != nil {
		return err
	}
	values := make([]any, len(textColumns)+3)
	err = appendLines(head, b.lines, kernel.Now(c.app), func(seq int64, texts []string, prev, hash []byte) error {
		values[0] = seq
		for i, s := range texts {
			values[i+1] = s
		}
		values[len(texts)+1], values[len(texts)+2] = prev, hash
		_, err := insert.Exec(values...)
		return err
	})
	if err != nil {
		return err
	}
	return tx.Commit()
}

// close lets nobody join the batch any more.
func (c *committer) close(b *batch) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open == b {
		c.open = nil
	}
}

// prepare makes the statements for the app's current writing pool: PocketBase opens a new one after a restore.
func (c *committer) prepare() error {
	builder, ok := c.app.NonconcurrentDB().(*dbx.DB)
	if !ok {
		return errors.New("audit: the database is closed")
	}
	db := builder.DB()
	if c.db == db {
		return nil
	}
	c.db = nil
	head, err := db.Prepare(selectHead)
	if err != nil {
		return err
	}
	insert, err := db.Prepare(insertLine)
	if err != nil {
		_ = head.Close() //nolint:sqlclosecheck // when all is well it lives as long as the pool
		return err
	}
	c.db, c.head, c.insert = db, head, insert
	return nil
}
