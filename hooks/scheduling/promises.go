package scheduling

import (
	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/kernel"
)

// Where the clinic chose so, a request keeps its first preference: nobody else gets that time until the clinic has
// decided. The rules are those of taking a time (resources.go), and triggers hold them against every other door.

// promisesAtMost is how many times are kept for one client who asks by themselves. Else one who asks for every hour of a
// week would keep everybody from coming.
const promisesAtMost = 3

const selectPromises = `SELECT count(*) FROM appointments o WHERE o.client = {:client} AND o.status = 'requested' AND o.holds_slot = TRUE AND o.start_time > {:now}`

// limitPromises has what a client asks for beyond that be a request without a promise. It is counted where the row is
// written, so that two at once do not both find room.
func (s *save) limitPromises(tx core.App) error {
	if s.before != nil || s.actor.Kind != kernel.KindClient || !s.after.HoldsSlot() {
		return nil
	}
	var held int
	err := tx.DB().NewQuery(selectPromises).Bind(dbx.Params{"client": s.after.Client(), "now": s.now.Format(timeForm)}).Row(&held)
	if held >= promisesAtMost {
		s.after.Set("holds_slot", false)
	}
	return err
}

// heldInWords is the time that a request keeps, in words; "" when it keeps none.
func heldInWords(app core.App, a *collections.Appointment, lang string) (string, error) {
	if !a.HoldsSlot() {
		return "", nil
	}
	f, err := factsOf(app, a, kernel.Now(app), lang)
	if err != nil {
		return "", err
	}
	return f.when(), nil
}

// requestUnavailable adds to a refused request when its first preference could be had instead.
func requestUnavailable(c *kernel.Call, a *collections.Appointment, err error) error {
	if _, taken := slotConflict(err); !taken {
		return err
	}
	w, start, failed := wishOfRequest(c.App, a, c.Actor)
	if failed != nil {
		return failed
	}
	w.by = askedOfTheClinic
	return unavailable(c, err, w, start, nil)
}
