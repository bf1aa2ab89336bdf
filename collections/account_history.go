package collections

import (
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
)

// AccountHistory is the name of the collection: one row for everything that the clinic did to a client's login. Rows are
// only ever added; the database refuses everything else.
const AccountHistory = "account_history"

// AccountEvent is one row of it. Its reason is encrypted.
type AccountEvent struct{ core.BaseRecordProxy }

// NewAccountEvent makes an unsaved row.
func NewAccountEvent(app core.App, account, action, reason string, at time.Time) (*AccountEvent, error) {
	c, err := app.FindCachedCollectionByNameOrId(AccountHistory)
	if err != nil {
		return nil, err
	}
	h := &AccountEvent{}
	h.SetProxyRecord(core.NewRecord(c))
	h.Load(map[string]any{"account": account, "action": action, "reason": reason, "at": at})
	return h, nil
}

// AccountEvents lists what was done to a login, newest first, at most so many.
func AccountEvents(app core.App, account string, most int64) ([]*core.Record, error) {
	rows := []*core.Record{}
	err := app.RecordQuery(AccountHistory).AndWhere(dbx.HashExp{"account": account}).OrderBy("at DESC", "rowid DESC").Limit(most).All(&rows)
	return rows, err
}
