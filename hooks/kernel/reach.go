package kernel

import (
	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
)

// Reach is how somebody comes to a client's record. The zero value is: not at all.
type Reach struct {
	By         string // one of ReachByRole, ReachByCareTeam, ReachByBreakGlass
	BreakGlass string // the row of break_glass
}

// OK tells whether the record is reached.
func (r Reach) OK() bool { return r.By != "" }

// Ways to reach a record.
const (
	ReachByRole       = "role"        // everybody but clinicians is limited by role and route alone
	ReachByCareTeam   = "care_team"   // a clinician of the client's team, now
	ReachByBreakGlass = "break_glass" // a clinician who said why, for a while
)

// Limited tells whether an actor reaches only some clients' records.
func Limited(a Actor) bool { return a.Kind == KindStaff && a.Role == RoleClinician }

const reachedClients = `(SELECT client FROM care_team WHERE staff = {:reachStaff} AND ([[from]] = '' OR [[from]] <= {:reachNow}) AND (until = '' OR until > {:reachNow})
	UNION SELECT client FROM break_glass WHERE staff = {:reachStaff} AND ended_at = '' AND until > {:reachNow})`

// WithinReach is a condition on a column that holds a client's id, for the lists of the desk: the clients whose records
// the actor reaches. API rules say the same for the record API (pb_migrations/1700001100_privacy.go).
func WithinReach(app core.App, a Actor, column string) dbx.Expression {
	if !Limited(a) {
		return dbx.NewExp("1 = 1")
	}
	return dbx.NewExp(column+" IN "+reachedClients, dbx.Params{"reachStaff": a.ID, "reachNow": Now(app).Format(timeForm)})
}

// ReachOf tells how an actor reaches a client's record, by the tables as they are at this moment. It may be asked in a
// transaction.
func ReachOf(app core.App, a Actor, client string) (Reach, error) {
	if !Limited(a) {
		return Reach{By: ReachByRole}, nil
	}
	if client == "" {
		return Reach{}, nil
	}
	db := app.ConcurrentDB()
	if app.IsTransactional() {
		db = app.NonconcurrentDB()
	}
	var found []string
	err := db.NewQuery(`SELECT '' FROM care_team WHERE staff = {:s} AND client = {:c} AND ([[from]] = '' OR [[from]] <= {:now}) AND (until = '' OR until > {:now})
		UNION ALL SELECT id FROM break_glass WHERE staff = {:s} AND client = {:c} AND ended_at = '' AND until > {:now} ORDER BY 1`).
		Bind(dbx.Params{"s": a.ID, "c": client, "now": Now(app).Format(timeForm)}).Column(&found)
	switch {
	case err != nil || len(found) == 0:
		return Reach{}, err
	case found[0] == "":
		return Reach{By: ReachByCareTeam}, nil
	}
	return Reach{By: ReachByBreakGlass, BreakGlass: found[len(found)-1]}, nil
}
