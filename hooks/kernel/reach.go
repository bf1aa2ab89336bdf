package kernel

import (
	"strings"

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

// ReachedClients is a subquery of the ids that a limited actor reaches, for SQL that is written out. staff and now are
// placeholders: the actor's id, and the instant in PocketBase's text form.
func ReachedClients(staff, now string) string {
	return strings.NewReplacer("§s", staff, "§n", now).Replace(
		`(SELECT client FROM care_team WHERE staff = §s AND ("from" = '' OR "from" <= §n) AND (until = '' OR until > §n)
	UNION SELECT client FROM break_glass WHERE staff = §s AND ended_at = '' AND until > §n)`)
}

// WithinReach is a condition on a column that holds a client's id, for the lists of the desk: the clients whose records
// the actor reaches. API rules say the same for the record API (pb_migrations/1700001100_privacy.go).
func WithinReach(app core.App, a Actor, column string) dbx.Expression {
	if !Limited(a) {
		return dbx.NewExp("1 = 1")
	}
	return dbx.NewExp(column+" IN "+ReachedClients("{:reachStaff}", "{:reachNow}"), dbx.Params{"reachStaff": a.ID, "reachNow": Now(app).Format(timeForm)})
}

// OutOfReach refuses a clinician who acts on the record of a client they do not reach: to them it is not there.
func OutOfReach() *Error {
	e := NotFound()
	e.Reason = "OUT_OF_REACH"
	return e
}

// RequireReach answers NotFound for a client whose record the actor does not reach.
func RequireReach(app core.App, a Actor, client string) error {
	reach, err := ReachOf(app, a, client)
	if err == nil && !reach.OK() {
		return NotFound()
	}
	return err
}

// Treats tells whether an actor is the member of staff behind a clinician's row: visits and requests that name that
// clinician are theirs, in and out of reach.
func Treats(app core.App, a Actor, clinician string) (bool, error) {
	if a.Kind != KindStaff || clinician == "" {
		return false, nil
	}
	var yes bool
	err := app.DB().NewQuery("SELECT EXISTS (SELECT 1 FROM clinicians WHERE id = {:c} AND staff = {:s})").
		Bind(dbx.Params{"c": clinician, "s": a.ID}).Row(&yes)
	return yes, err
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
