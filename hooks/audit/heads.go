package audit

import (
	"context"
	"errors"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/hooks/kernel"
)

// NoteHead keeps the head of the log for a day, in the caller's transaction. Who comes second for a day gets false:
// whatever is done with the day's head is done once.
func NoteHead(tx core.App, day string) (Head, bool, error) {
	head, _, err := LastHead(tx)
	if err != nil || head.Seq == 0 {
		return head, false, err
	}
	result, err := tx.NonconcurrentDB().NewQuery("INSERT INTO audit_heads(day, at, head) VALUES({:day}, {:at}, {:head}) ON CONFLICT(day) DO NOTHING").
		Bind(dbx.Params{"day": day, "at": kernel.Now(tx).Format(timeForm), "head": head.String()}).Execute()
	if err != nil {
		return head, false, err
	}
	n, err := result.RowsAffected()
	return head, n == 1, err
}

// NotedHeads are those that were kept day by day. A log that was cut off, or written anew with hashes to match, does not
// agree with them, unless they were changed too: the copies that were mailed or put away elsewhere tell then.
func NotedHeads(ctx context.Context, db Queryer) (heads []Head, err error) {
	rows, err := db.QueryContext(ctx, "SELECT head FROM audit_heads ORDER BY day")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Err(), rows.Close()) }()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		head, err := ParseHead(text)
		if err != nil {
			return nil, errors.Join(errors.New("audit_heads holds what is no head"), ErrBroken)
		}
		heads = append(heads, head)
	}
	return heads, nil
}
