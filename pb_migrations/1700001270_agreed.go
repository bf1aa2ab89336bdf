package pb_migrations

import (
	"strings"

	"github.com/pocketbase/pocketbase/core"
)

// What was agreed stays agreed: a room or a thing that serves fewer visits than it did keeps those it has. The triggers
// that refuse a time look at a row that is changed only when it takes something it had not: else nobody could confirm,
// arrive, or write a note on such a visit.
func init() {
	core.AppMigrations.Register(func(app core.App) error {
		const stays = `OLD.status = NEW.status AND OLD.holds_slot IS NEW.holds_slot OR OLD.` + holds + ` AND ` + newHolds
		const takes = `NOT ((` + stays + `) AND OLD.client = NEW.client AND OLD.clinician = NEW.clinician AND OLD.room = NEW.room AND OLD.equipment IS NEW.equipment
	AND OLD.guest IS NEW.guest AND OLD.start_time = NEW.start_time AND OLD.end_time = NEW.end_time AND OLD.hold_start = NEW.hold_start AND OLD.hold_end = NEW.hold_end)`
		for _, name := range []string{"slot_update", "slot_promised_update"} {
			var source string
			if err := app.NonconcurrentDB().NewQuery(`SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name = '` + name + `'`).Row(&source); err != nil {
				return err
			}
			when, body, _ := strings.Cut(source, " BEGIN")
			head, condition, _ := strings.Cut(when, " WHEN ")
			if err := run(app, `DROP TRIGGER `+name, head+" WHEN ("+condition+") AND "+takes+" BEGIN"+body); err != nil {
				return err
			}
		}
		return movesFirst(app)
	}, noDown, "1700001270_agreed.go")
}
