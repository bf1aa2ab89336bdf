package privacy

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
	"anteroom/hooks/notices"
	"anteroom/hooks/outbox"
)

const (
	shortestReason, longestReason = 10, 1000
	longestGlass                  = 4 * time.Hour
	glassPage                     = "#/break-glass" // in the dashboard
)

// glassesADay is fixed: a clinic in which somebody needs more of them has its care teams wrong.
var glassesADay = collections.LimitRule{Max: 10, Seconds: 24 * 60 * 60}

func bindBreakGlass(app core.App) {
	app.OnRecordCreateExecute(collections.BreakGlass).BindFunc(judgeNewGlass)
	app.OnRecordUpdateExecute(collections.BreakGlass).BindFunc(judgeGlass)
	app.OnRecordDelete(collections.BreakGlass).BindFunc(func(*core.RecordEvent) error {
		return kernel.Conflict("KEPT", "A broken glass stays on record.")
	})
	app.OnRecordUpdateExecute(collections.Staff).BindFunc(endGlassesOfFormerClinician)
}

// judgeNewGlass: an active clinician, for themselves, for an active client they do not reach otherwise, with a reason,
// for at most four hours, at most ten times a day. The privacy officer hears of it in the same commit.
func judgeNewGlass(e *core.RecordEvent) error {
	return kernel.InTransaction(e, func(tx core.App) error {
		g, by, now := collections.AsBrokenGlass(e.Record), kernel.ActorOf(e.Record), kernel.Now(tx)
		who, err := clinicianStaff(tx, by, g.Staff())
		if err != nil {
			return err
		}
		g.Set("reason", strings.TrimSpace(g.Reason()))
		if err := refuseBadGlass(g, now); err != nil {
			return err
		}
		r, err := tx.FindRecordById(collections.Clients, g.Client())
		if err != nil {
			return err
		}
		if !collections.AsClient(r).Active() {
			return kernel.Conflict("CLIENT_INACTIVE", "This client's record is closed. Ask an administrator.")
		}
		reach, err := kernel.ReachOf(tx, kernel.Actor{Kind: kernel.KindStaff, ID: who.Id, Role: who.Role()}, g.Client())
		if err != nil {
			return err
		}
		if reach.OK() {
			return kernel.Conflict("ALREADY_REACHED", "You can open this client's record already.")
		}
		if err := kernel.LimitLasting(tx, nil, glassesADay, "break_glass", who.Id); err != nil {
			return err
		}
		audit.AsWith(g.Record, audit.BreakGlass, audit.Details{"minutes": int(g.Until().Sub(now).Round(time.Minute) / time.Minute), "breakGlass": g.Id})
		if err := e.Next(); err != nil {
			return err
		}
		return tellOfBrokenGlass(tx, g, who)
	})
}

// clinicianStaff is the clinician who breaks the glass: the one who asks.
func clinicianStaff(tx core.App, by kernel.Actor, staff string) (*collections.StaffMember, error) {
	refusal := kernel.Forbidden("ROLE", "A clinician opens a record in this way, for themselves.")
	if by.Kind != kernel.KindSystem && (by.Kind != kernel.KindStaff || by.ID != staff) {
		return nil, refusal
	}
	r, err := tx.FindRecordById(collections.Staff, staff)
	if err != nil {
		return nil, err
	}
	who := collections.AsStaff(r)
	if who.Role() != kernel.RoleClinician || !who.Active() {
		return nil, refusal
	}
	return who, nil
}

func refuseBadGlass(g *collections.BrokenGlass, now time.Time) error {
	bad := kernel.Invalid("", "Say why you need this record, and for how long.")
	if n := utf8.RuneCountInString(g.Reason()); n < shortestReason || n > longestReason {
		_ = bad.Field("reason", "length", "Write in 10 to 1,000 characters why you need this record now.")
	}
	if !g.Until().After(now) || g.Until().After(now.Add(longestGlass)) {
		_ = bad.Field("minutes", "range", "Choose from 1 minute to 4 hours.")
	}
	if g.Ended() {
		_ = bad.Field("endedAt", "read_only", "It ends later.")
	}
	if bad.HasFields() {
		return bad
	}
	return nil
}

// judgeGlass: a broken glass ends, by its clinician or an administrator, and changes in no other way.
func judgeGlass(e *core.RecordEvent) error {
	return kernel.InTransaction(e, func(tx core.App) error {
		row, err := asStored(tx, e.Record)
		if err != nil {
			return err
		}
		was, g, by, now := collections.AsBrokenGlass(row), collections.AsBrokenGlass(e.Record), kernel.ActorOf(e.Record), kernel.Now(tx)
		if was.Client() != g.Client() || was.Staff() != g.Staff() || was.Reason() != g.Reason() || !was.Until().Equal(g.Until()) {
			return kernel.Conflict("KEPT", "A broken glass stays on record.")
		}
		if was.GetString("ended_at") == g.GetString("ended_at") {
			return e.Next()
		}
		if was.Ended() || !was.Until().After(now) {
			return kernel.Conflict("BREAK_GLASS_OVER", "This access is over already.")
		}
		if own := by.Kind == kernel.KindStaff && by.ID == was.Staff(); !own && by.Kind != kernel.KindSystem && !by.IsStaff(kernel.RoleAdmin) {
			return kernel.Forbidden("ROLE", "The clinician or an administrator ends this access.")
		}
		g.End(now)
		audit.AsWith(g.Record, audit.EndBreakGlass, audit.Details{"breakGlass": g.Id})
		return e.Next()
	})
}

// endGlassesOfFormerClinician: who is suspended, or becomes something else at the clinic, does not find an open record
// when they come back.
func endGlassesOfFormerClinician(e *core.RecordEvent) error {
	who := collections.AsStaff(e.Record)
	if who.Active() && who.Role() == kernel.RoleClinician {
		return e.Next()
	}
	return kernel.InTransaction(e, func(tx core.App) error {
		if err := e.Next(); err != nil {
			return err
		}
		now := kernel.Now(tx)
		open, err := tx.FindAllRecords(collections.BreakGlass, dbx.HashExp{"staff": who.Id, "ended_at": ""},
			dbx.NewExp("until > {:now}", dbx.Params{"now": now.Format(types.DefaultDateLayout)}))
		if err != nil {
			return err
		}
		for _, r := range open {
			collections.AsBrokenGlass(r).End(now)
			if err := kernel.SaveAs(tx, kernel.System(), r); err != nil {
				return err
			}
		}
		return nil
	})
}

// tellOfBrokenGlass: the privacy officer looks at each one. The mail names the clinician and nobody else.
func tellOfBrokenGlass(tx core.App, g *collections.BrokenGlass, who *collections.StaffMember) error {
	officers, err := privacyOfficers(tx, who.Id)
	if err != nil {
		return err
	}
	cause := "break_glass:" + g.Id
	if len(officers) == 0 { // then everybody at the desk
		return notices.TellStaff(tx, "", "break_glass", glassPage, g.Id, cause)
	}
	name := strings.TrimSpace(who.FirstName() + " " + who.LastName())
	for _, o := range officers {
		if err := notices.TellStaff(tx, o.Id, "break_glass", glassPage, g.Id, cause); err != nil {
			return err
		}
		err := outbox.Mail(tx, outbox.Message{Topic: "break_glass", To: o.GetString("email"), Language: "en", Cause: cause + ":" + o.Id,
			Subject: "A record was opened outside the care team",
			Text: name + " opened the record of a client whose care team they are not on, and wrote down why.\n\n" +
				"Please look at the reason, and at what was done, in the dashboard.",
			Link: "/_/" + glassPage, LinkLabel: "Look at it"})
		if err != nil {
			return err
		}
	}
	return nil
}

// privacyOfficers are the active members of staff to be told: the one in the settings, otherwise every administrator.
// Nobody watches themselves.
func privacyOfficers(tx core.App, except string) ([]*core.Record, error) {
	others := dbx.Not(dbx.HashExp{"id": except})
	if officer := collections.Settings(tx).PrivacyOfficer; officer != "" {
		named, err := tx.FindAllRecords(collections.Staff, dbx.HashExp{"id": officer, "is_active": true}, others)
		if err != nil || len(named) > 0 {
			return named, err
		}
	}
	return tx.FindAllRecords(collections.Staff, dbx.HashExp{"role": kernel.RoleAdmin, "is_active": true}, others)
}
