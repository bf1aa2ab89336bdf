package audit

import (
	"slices"
	"strings"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/hooks/kernel"
)

// Access is an entry of "who looked at my record": a line, or a day's reads of one kind by the person who asks.
type Access struct {
	Line
	Count int // how many lines it stands for
}

// bookkeeping are kinds of records that the portal writes for itself beside what was done.
var bookkeeping = []string{Notification, "STAFF_NOTIFICATION", Session, "IDEMPOTENCY_KEYS"}

const selectAccess = "SELECT seq, at, actor_kind, actor_id, action, resource_type FROM " + table + " INDEXED BY idx_portal_audit_log_client" +
	" WHERE client_id = {:client} AND client_id <> '' AND result = 'ok' ORDER BY seq DESC"

// AccessTo lists who read and changed a client's record, newest first: what succeeded alone, without what the portal did
// for itself unless it changed the record. Reads by the login that asks are one entry for each day and action, at the
// time of the last; nobody else's lines are put together.
//
// The client's lines are read through their index from the newest on, and only numbers and counts are kept of them: the
// days are those of the clinic's zone, which SQLite does not know. Twenty thousand lines, years of a busy family, are a
// few hundred kilobytes and some tens of milliseconds.
func AccessTo(app core.App, client, login string, zone *time.Location, offset, limit int) (entries []Access, total int, err error) {
	rows, err := app.ConcurrentDB().NewQuery(selectAccess).Bind(dbx.Params{"client": client}).Rows()
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	type folded struct {
		seq   int64
		count int
	}
	var all []folded
	days := map[string]int{} // day and action of the asking login's reads → its place in all
	for rows.Next() {
		var l Line
		if err := rows.Scan(&l.Seq, &l.Stamp, &l.ActorKind, &l.ActorID, &l.Action, &l.ResourceType); err != nil {
			return nil, 0, err
		}
		if !tells(l) {
			continue
		}
		if l.ActorKind == kernel.KindClient && l.ActorID == login && isRead(l.Action) {
			key := l.At().In(zone).Format(time.DateOnly) + l.Action
			if i, seen := days[key]; seen {
				all[i].count++
				continue
			}
			days[key] = len(all)
		}
		all = append(all, folded{l.Seq, 1})
	}
	if err := rows.Err(); err != nil {
		return nil, 0, err
	}
	page := all[min(offset, len(all)):min(offset+limit, len(all))]
	if len(page) == 0 {
		return nil, len(all), nil
	}
	numbers := make([]any, len(page))
	counts := map[int64]int{}
	for i, f := range page {
		numbers[i], counts[f.seq] = f.seq, f.count
	}
	err = app.ConcurrentDB().Select(strings.Split(lineColumns, ", ")...).From(table).Where(dbx.In("seq", numbers...)).OrderBy("seq DESC").All(&entries)
	for i := range entries {
		entries[i].Count = counts[entries[i].Seq]
	}
	return entries, len(all), err
}

// tells leaves out what nobody did: the portal's own reads and notes.
func tells(l Line) bool {
	switch l.ActorKind {
	case kernel.KindClient, kernel.KindStaff, kernel.KindOwner:
		return true
	}
	return !isRead(l.Action) && !slices.Contains(bookkeeping, l.ResourceType)
}

func isRead(action string) bool {
	return strings.HasPrefix(action, "VIEW_") || strings.HasPrefix(action, "LIST_") || strings.HasPrefix(action, "DOWNLOAD_")
}
