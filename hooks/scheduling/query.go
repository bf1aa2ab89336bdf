package scheduling

import (
	"errors"

	"github.com/pocketbase/pocketbase/core"

	"anteroom/hooks/kernel"
)

// The hot queries run as statements that the kernel prepares once and keeps. LIMIT is written as an expression,
// LIMIT ?1 + 0: SQLite plans a bare LIMIT ? for the value it is given, and would prepare the statement anew at every
// execution, which is half the cost of a list.

// eachRow runs a query, scans every row into targets and calls each.
func eachRow(app core.App, query string, args, targets []any, each func() error) (err error) {
	stmt, err := kernel.Prepared(app, query) //nolint:sqlclosecheck // the kernel keeps and closes it
	if err != nil {
		return err
	}
	rows, err := stmt.Query(args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return err
		}
		if err := each(); err != nil {
			return err
		}
	}
	return rows.Err()
}

// oneRow runs a query that answers one row, and scans it into targets. sql.ErrNoRows when there is none.
func oneRow(app core.App, query string, args []any, targets ...any) error {
	stmt, err := kernel.Prepared(app, query) //nolint:sqlclosecheck // the kernel keeps and closes it
	if err != nil {
		return err
	}
	return stmt.QueryRow(args...).Scan(targets...)
}
