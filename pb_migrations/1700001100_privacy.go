package pb_migrations

import (
	"strings"

	"github.com/pocketbase/pocketbase/core"
)

// Privacy: clinicians reach the records of their care team's clients, others by breaking the glass; treatment notes;
// uploads and what was found out about them; the indexes that a search of the audit log seeks.
func init() {
	core.AppMigrations.Register(func(app core.App) error {
		for _, up := range []func(core.App) error{privacyPolicies, breakGlass, treatmentNotes, uploads, limitClinicians, auditIndexes} {
			if err := up(app); err != nil {
				return err
			}
		}
		return nil
	}, noDown, "1700001100_privacy.go")
}

// reached limits clinicians to clients whose care team they are on now, or whose record they broke the glass for.
// path leads from the row to its client: "client." or "" for clients themselves. Every comparison is of one joined row,
// because "?" operators of one path share their join.
func reached(path string) string {
	return strings.ReplaceAll(`(@request.auth.role != "clinician"`+
		` || (§care_team_via_client.staff ?= @request.auth.id`+
		` && (§care_team_via_client.from ?= "" || §care_team_via_client.from ?<= @now)`+
		` && (§care_team_via_client.until ?= "" || §care_team_via_client.until ?> @now))`+
		` || (§break_glass_via_client.staff ?= @request.auth.id && §break_glass_via_client.ended_at ?= "" && §break_glass_via_client.until ?> @now))`,
		"§", path)
}

func privacyPolicies(app core.App) error {
	cols, err := find(app, "clinic_settings", "staff")
	if err != nil {
		return err
	}
	// privacy_officer hears of every broken glass; empty: every admin does. retention_years is how long a record is kept
	// after the last care, 0 for the default.
	cols[0].Fields.Add(to("privacy_officer", cols[1]), whole("retention_years"))
	return app.Save(cols[0])
}

func breakGlass(app core.App) error {
	cols, err := find(app, "clients", "staff")
	if err != nil {
		return err
	}
	b := base("break_glass", mustTo("client", cols[0]), mustTo("staff", cols[1]), mustInstant("until"), instant("ended_at"))
	if err := sealed(b, "reason", "text", "client", 1000); err != nil {
		return err
	}
	rules(b, rule(anyStaff+` && (@request.auth.role = "admin" || staff = @request.auth.id)`), nil, nil)
	b.AddIndex("idx_break_glass_staff", false, "staff, client, until", "")
	b.AddIndex("idx_break_glass_client", false, "client", "")
	if err := app.Save(b); err != nil {
		return err
	}
	return run(app,
		`CREATE TRIGGER break_glass_frozen BEFORE UPDATE ON break_glass
			WHEN new.client <> old.client OR new.staff <> old.staff OR new.until > old.until OR new.reason <> old.reason
				OR old.ended_at <> '' AND new.ended_at <> old.ended_at
			BEGIN SELECT RAISE(ABORT, 'a broken glass stays as it was recorded'); END`,
		`CREATE TRIGGER break_glass_kept BEFORE DELETE ON break_glass BEGIN SELECT RAISE(ABORT, 'a broken glass stays as it was recorded'); END`)
}

func treatmentNotes(app core.App) error {
	cols, err := find(app, "clients", "clinicians", "staff", "appointments")
	if err != nil {
		return err
	}
	// author is the clinician's login, stored so that a rule compares a column. A note is its author's own until it is
	// signed; then it is frozen, and corrected by another note that amends it. Psychotherapy notes stay their author's
	// (45 CFR 164.501, 164.508(a)(2)).
	n := base("treatment_notes",
		mustTo("client", cols[0]), mustTo("clinician", cols[1]), mustTo("author", cols[2]), to("appointment", cols[3]),
		mustChoice("kind", "progress", "intake", "psychotherapy", "other"), mustChoice("status", "draft", "signed"),
		mustInstant("noted_at"), instant("signed_at"))
	for _, f := range []struct {
		name string
		max  int
	}{{"title", 200}, {"body", 50000}} {
		if err := sealed(n, f.name, "text", "client", f.max); err != nil {
			return err
		}
	}
	rules(n, rule(anyStaff+` && (author = @request.auth.id || (@request.auth.role = "clinician" && status = "signed" && kind != "psychotherapy" && `+reached("client.")+`))`),
		rule(clinicalStaff), rule(clinicalStaff+` && author = @request.auth.id`))
	n.AddIndex("idx_treatment_notes_client", false, "client, noted_at", "")
	n.AddIndex("idx_treatment_notes_author", false, "author, noted_at", "")
	if err := app.Save(n); err != nil {
		return err
	}
	n.Fields.Add(to("amends", n))
	if err := app.Save(n); err != nil {
		return err
	}
	return run(app,
		`CREATE TRIGGER treatment_notes_frozen BEFORE UPDATE ON treatment_notes WHEN old.status = 'signed'
			AND (new.client <> old.client OR new.clinician <> old.clinician OR new.author <> old.author OR new.kind <> old.kind
				OR new.status <> old.status OR new.signed_at <> old.signed_at OR new.noted_at <> old.noted_at OR new.amends <> old.amends
				OR new.appointment <> old.appointment OR new.title <> old.title OR new.body <> old.body)
			BEGIN SELECT RAISE(ABORT, 'a signed note is frozen'); END`,
		`CREATE TRIGGER treatment_notes_kept BEFORE DELETE ON treatment_notes WHEN old.status = 'signed'
			BEGIN SELECT RAISE(ABORT, 'a signed note is frozen'); END`)
}

func uploads(app core.App) error {
	cols, err := find(app, "clients")
	if err != nil {
		return err
	}
	// One row a file that somebody gave us about a client, whatever it is for. The blob is sealed and its name random;
	// name is what its owner called it. scan says whether it may be fetched: clean and released files alone.
	u := base("uploads",
		mustTo("client", cols[0]), must(text("purpose", 30)), must(text("uploaded_by", 40)), // kind:id
		must(text("mime", 100)), whole("size"), whole("width"), whole("height"),
		&core.FileField{Name: "file", MaxSelect: 1, MaxSize: 30 << 20, Protected: true, Hidden: true},
		mustChoice("scan", "pending", "clean", "not_scanned", "blocked"), text("finding", 200), instant("scanned_at"),
		text("decided_by", 40), instant("decided_at"), instant("released_at"), instant("removed_at"))
	if err := sealed(u, "name", "text", "client", 255); err != nil {
		return err
	}
	rules(u, rule(deskStaff+" && "+reached("client.")), nil, nil)
	u.AddIndex("idx_uploads_client", false, "client, created", "")
	u.AddIndex("idx_uploads_scan", false, "scan, created", "scan <> 'clean'")
	if err := app.Save(u); err != nil {
		return err
	}
	cols[0].Fields.Add(to("avatar", u))
	return app.Save(cols[0])
}

// limitClinicians narrows the rules of everything that is about a client.
func limitClinicians(app core.App) error {
	own := `clinician.staff = @request.auth.id || `
	for _, c := range []struct {
		name                 string
		read, create, update string
	}{
		{"clients", anyStaff + " && " + reached(""), deskStaff, deskStaff + " && " + reached("")},
		{"appointments", anyStaff + " && (" + own + reached("client.") + ")", deskStaff, deskStaff + " && (" + own + reached("client.") + ")"},
		{"appointment_history", anyStaff + " && (appointment." + own + reached("client.") + ")", "", ""},
		{"portal_forms", deskStaff + " && " + reached("client."), "", ""},
		{"form_submissions", clinicalStaff + " && " + reached("client."), "", ""},
		{"care_team", deskStaff + " && " + reached("client."), deskStaff, deskStaff + " && " + reached("client.")},
		{"client_access", deskStaff + " && " + reached("client."), deskStaff, deskStaff + " && " + reached("client.")},
		{"invitations", deskStaff + " && " + reached("client."), "", ""},
		{"portal_users", anyStaff + ` && (@request.auth.role = "admin" || @request.auth.role = "front_desk")`, "", ""},
	} {
		cols, err := find(app, c.name)
		if err != nil {
			return err
		}
		optional := func(s string) *string {
			if s == "" {
				return nil
			}
			return rule(s)
		}
		rules(cols[0], rule(c.read), optional(c.create), optional(c.update))
		if err := app.Save(cols[0]); err != nil {
			return err
		}
	}
	return nil
}

// auditIndexes: staff search the log by person and by record; "who looked at my record" has its index already.
func auditIndexes(app core.App) error {
	return run(app,
		`CREATE INDEX idx_portal_audit_log_actor ON portal_audit_log(actor_id, seq) WHERE actor_id <> ''`,
		`CREATE INDEX idx_portal_audit_log_resource ON portal_audit_log(resource_id, seq) WHERE resource_id <> ''`)
}
