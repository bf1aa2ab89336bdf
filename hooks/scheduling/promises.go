package scheduling

import (
	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/kernel"
)

// Where the clinic chose so, a request keeps its first preference: nobody else gets that time until the clinic has
// decided. The rules are those of taking a time (resources.go), and triggers hold them against every other door.

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
