package scheduling

import (
	"strings"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
)

// visitEvent is something that happened to a visit.
type visitEvent struct {
	At        string `json:"at"`
	What      string `json:"what"` // requested, booked, confirmed, moved, or the status that began
	By        string `json:"by"`   // you, clinic, system, or a name
	FromStart string `json:"fromStart,omitempty"`
	ToStart   string `json:"toStart,omitempty"`

	AtDisplay   string `json:"atDisplay"` // the same three on the clocks of the place, in the reader's language
	FromDisplay string `json:"fromDisplay,omitempty"`
	ToDisplay   string `json:"toDisplay,omitempty"`

	Reason string `json:"reason,omitempty"`
}

type visitEvents struct {
	Events []visitEvent `json:"events"`
}

// historyOfOwn shows a client what happened to their visit. Of reasons they read their own.
func historyOfOwn(c *kernel.Call) (*kernel.Reply, error) {
	return history(c, ownVisit, func(app core.App, e *core.Record) (by, reason string, err error) {
		switch kind, id := e.GetString("actor_kind"), e.GetString("actor"); {
		case kind == kernel.KindClient && id == c.Actor.ID:
			return "you", e.GetString("reason"), nil
		case kind == kernel.KindClient:
			by, err = nameOfActor(app, kind, id)
			return by, "", err
		case kind == kernel.KindStaff || kind == kernel.KindOwner:
			return "clinic", "", nil
		}
		return "system", "", nil
	})
}

// historyAtDesk shows staff who did what, and why.
func historyAtDesk(c *kernel.Call) (*kernel.Reply, error) {
	return history(c, deskVisitOf, func(app core.App, e *core.Record) (by, reason string, err error) {
		by, err = nameOfActor(app, e.GetString("actor_kind"), e.GetString("actor"))
		return by, e.GetString("reason"), err
	})
}

func history(c *kernel.Call, find func(core.App, *kernel.Call) (*collections.Appointment, error),
	told func(core.App, *core.Record) (by, reason string, err error),
) (*kernel.Reply, error) {
	a, err := find(c.App, c)
	if err != nil {
		return nil, err
	}
	rows, err := c.App.FindRecordsByFilter(collections.AppointmentHistory, "appointment = {:a}", "at,@rowid", 0, 0, dbx.Params{"a": a.Id})
	if err != nil {
		return nil, err
	}
	zone, err := collections.Zone(a.TimeZone())
	if err != nil {
		return nil, err
	}
	lang, thisYear := languageOf(c.Request.Header.Get("Accept-Language")), kernel.Now(c.App).In(zone).Year()
	shown := func(at types.DateTime) string {
		if at.IsZero() {
			return ""
		}
		return whenInWords(lang, at.Time().In(zone), thisYear)
	}
	out := visitEvents{Events: make([]visitEvent, 0, len(rows))}
	for _, r := range rows {
		e := visitEvent{At: instant(r.GetString("at")), What: whatHappened(r), FromStart: instant(r.GetString("from_start")), ToStart: instant(r.GetString("to_start")),
			AtDisplay: shown(r.GetDateTime("at")), FromDisplay: shown(r.GetDateTime("from_start")), ToDisplay: shown(r.GetDateTime("to_start"))}
		if e.By, e.Reason, err = told(c.App, r); err != nil {
			return nil, err
		}
		out.Events = append(out.Events, e)
	}
	if err := audit.Read(c.App, audit.EntryFor(c.Actor, audit.ViewAppointmentHistory, audit.Appointment, a.Id)); err != nil {
		return nil, err
	}
	return kernel.OK(out), nil
}

// whatHappened names an event of the history.
func whatHappened(r *core.Record) string {
	from, to := collections.AppointmentStatus(r.GetString("from_status")), collections.AppointmentStatus(r.GetString("to_status"))
	switch {
	case from == to:
		return "moved"
	case to.Booked() && !from.Booked():
		return "booked"
	}
	return string(to)
}

// nameOfActor is who did something, by name where there is one.
func nameOfActor(app core.App, kind, id string) (string, error) {
	switch kind {
	case kernel.KindStaff, kernel.KindOwner:
		return nameOfDecider(app, id)
	case kernel.KindClient:
		login, err := app.FindRecordById(collections.PortalUsers, id)
		if isNoRows(err) {
			return "The client", nil
		}
		if err != nil {
			return "", err
		}
		return strings.TrimSpace(login.GetString("first_name") + " " + login.GetString("last_name")), nil
	}
	return "system", nil
}
