package kernel

import (
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
)

// Connections of data.db. PocketBase would open 120 with 32 MB of cache each; with the file mapped into memory a
// few serve better and cost a tenth.
const (
	MaxConnections = 12
	mmapBytes      = 1 << 30
	cacheKiB       = 8000
)

// DBConnect opens PocketBase's databases the way patient records need it: a commit is on the disk before it is
// acknowledged (PocketBase ships synchronous=NORMAL, which a power cut can undo), and a transaction takes the
// writer when it begins, so that read-then-write cannot fail half-way when a second process wrote. With
// recursive_triggers, a row that INSERT OR REPLACE would push out asks its delete trigger first: without it, what is
// frozen could be replaced. busy_timeout stays first: it must hold before the journal mode is set.
func DBConnect(path string) (*dbx.DB, error) {
	return dbx.Open("sqlite", fmt.Sprintf("%s?_txlock=immediate&_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)"+
		"&_pragma=journal_size_limit(200000000)&_pragma=synchronous(FULL)&_pragma=foreign_keys(ON)&_pragma=recursive_triggers(ON)"+
		"&_pragma=temp_store(MEMORY)&_pragma=cache_size(-%d)&_pragma=mmap_size(%d)", path, cacheKiB, mmapBytes))
}

// OpenForReading opens one of the program's databases without changing anything, beside a server or without one. Where no
// log lies beside the file, nobody has it open, and SQLite is told so: else it would begin one (sqlite.org/wal.html, 5).
func OpenForReading(path string) (*sql.DB, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	query := "mode=ro&_pragma=busy_timeout(10000)"
	if _, err := os.Stat(path + "-wal"); errors.Is(err, fs.ErrNotExist) {
		query += "&immutable=1"
	}
	return sql.Open("sqlite", (&url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: query}).String())
}

const stmtKey = "anteroom.stmt|"

// Prepared gives a statement that is prepared once on the reading connections, for the few queries that are hot.
// The text must be a constant of the program.
func Prepared(app core.App, query string) (*sql.Stmt, error) {
	key := stmtKey + query
	if s, ok := app.Store().Get(key).(*sql.Stmt); ok {
		return s, nil
	}
	db, ok := app.ConcurrentDB().(*dbx.DB)
	if !ok {
		return nil, errors.New("kernel.Prepared needs the app itself, not a transaction")
	}
	s, err := db.DB().Prepare(query)
	if err != nil {
		return nil, err
	}
	app.Store().Set(key, s)
	return s, nil
}

func bindStatements(app core.App) {
	app.OnTerminate().BindFunc(func(e *core.TerminateEvent) error {
		for key, v := range e.App.Store().GetAll() {
			if s, ok := v.(*sql.Stmt); ok {
				_ = s.Close()
				e.App.Store().Remove(key)
			}
		}
		return e.Next()
	})
}
