package kernel

import "github.com/pocketbase/pocketbase/core"

// InTransaction runs the rest of a write, and whatever belongs to it, in one transaction: f gets the transaction, and
// e.App is it until f is done, so that e.Next() writes there too. It is put back afterwards, because hooks after the
// commit must not see a finished transaction. A transaction that is already open is joined.
func InTransaction(e *core.RecordEvent, f func(tx core.App) error) error {
	outer := e.App
	defer func() { e.App = outer }()
	return outer.RunInTransaction(func(tx core.App) error {
		e.App = tx
		return f(tx)
	})
}
