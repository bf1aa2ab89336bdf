package audit

import (
	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
)

// CountMarked counts what somebody saw or did under a broken glass: the lines about its client and by its clinician
// whose details name it (breakGlass), but for those of breaking and ending it.
func CountMarked(app core.App, breakGlass, client, staff string) (n int, err error) {
	err = app.ConcurrentDB().NewQuery(`SELECT count(*) FROM portal_audit_log WHERE client_id = {:c} AND actor_id = {:s}
		AND CASE details WHEN '' THEN FALSE ELSE json_extract(details, '$.breakGlass') = {:b} END AND action NOT IN ({:broken}, {:ended})`).
		Bind(dbx.Params{"c": client, "s": staff, "b": breakGlass, "broken": string(BreakGlass), "ended": string(EndBreakGlass)}).Row(&n)
	return n, err
}
