package pb_migrations

import "github.com/pocketbase/pocketbase/core"

// Forms: versioned FHIR R4 Questionnaires, their assignment to a client, and what was signed. A submission is
// frozen: the trigger holds even where no hook is asked.
func init() {
	core.AppMigrations.Register(func(app core.App) error {
		cols, err := find(app, "clients", "appointments", "clinicians")
		if err != nil {
			return err
		}
		clients, appointments, clinicians := cols[0], cols[1], cols[2]

		t := base("form_templates",
			must(text("slug", 80)), &core.TextField{Name: "title", Required: true, Max: 200, Presentable: true}, text("description", 2000),
			mustChoice("form_type", "consent", "intake", "assessment", "other"), must(text("version", 40)),
			whole("estimated_minutes"), yes("signature_required"), text("attestation_text", 2000), yes("is_active"),
			text("language", 10), data("questionnaire", 1<<20), must(text("questionnaire_sha256", 64)))
		rules(t, rule(anyStaff), nil, nil)
		t.AddIndex("idx_form_templates_version", true, "slug, version", "")
		if err := app.Save(t); err != nil {
			return err
		}

		f := base("portal_forms",
			mustTo("client", clients), mustTo("template", t), to("appointment", appointments), to("clinician", clinicians),
			mustChoice("status", "pending", "in_progress", "completed", "withdrawn"),
			mustInstant("assigned_at"), text("assigned_by", 40), day("due_date"), instant("completed_at"),
			whole("draft_version"), instant("draft_saved_at"), whole("answered"), whole("questions"),
			yes("reminder_sent"), instant("reminder_sent_at"), choice("completed_via", "portal", "in_person"))
		if err := sealed(f, "draft", "json", "client", 512000); err != nil {
			return err
		}
		rules(f, rule(anyStaff), nil, nil)
		f.AddIndex("idx_portal_forms_client", false, "client, status, due_date", "")
		if err := app.Save(f); err != nil {
			return err
		}

		s := base("form_submissions",
			mustTo("client", clients), mustTo("form", f), mustTo("template", t), must(text("template_version", 40)),
			must(text("signed_by", 40)), must(text("signer_role", 20)), mustInstant("submitted_at"), text("signature_date_claimed", 40),
			yes("attestation"), text("attestation_text", 2000), text("signature_kind", 10), text("signature_sha256", 64),
			must(text("record_sha256", 64)), yes("scored"),
			text("ip_address", 64), text("user_agent", 255))
		for _, x := range []struct {
			name, kind string
			max        int
		}{{"responses", "json", 512000}, {"signature", "text", 1000000}, {"signer_name", "text", 300}, {"score", "text", 40}} {
			if err := sealed(s, x.name, x.kind, "client", x.max); err != nil {
				return err
			}
		}
		rules(s, rule(clinicalStaff), nil, nil)
		s.AddIndex("idx_form_submissions_form", true, "form", "") // signed once
		s.AddIndex("idx_form_submissions_client", false, "client, submitted_at", "")
		if err := app.Save(s); err != nil {
			return err
		}

		// The PDF is made after the signature is on record, so it has a row of its own: the submission never changes.
		p := base("form_pdfs",
			mustTo("client", clients), mustTo("submission", s), mustChoice("status", "rendering", "ready"),
			text("sha256", 64), whole("size"),
			&core.FileField{Name: "file", MaxSelect: 1, MaxSize: 20 << 20, Protected: true, Hidden: true})
		p.AddIndex("idx_form_pdfs_submission", true, "submission", "")
		if err := app.Save(p); err != nil {
			return err
		}
		return run(app,
			`CREATE TRIGGER form_submissions_frozen BEFORE UPDATE ON form_submissions BEGIN SELECT RAISE(ABORT, 'a signed form is frozen'); END`,
			`CREATE TRIGGER form_submissions_kept BEFORE DELETE ON form_submissions BEGIN SELECT RAISE(ABORT, 'a signed form is frozen'); END`,
			`CREATE TRIGGER form_pdfs_frozen BEFORE UPDATE ON form_pdfs WHEN OLD.status = 'ready' BEGIN SELECT RAISE(ABORT, 'the document of a signed form is frozen'); END`,
			`CREATE TRIGGER form_pdfs_kept BEFORE DELETE ON form_pdfs BEGIN SELECT RAISE(ABORT, 'the document of a signed form is frozen'); END`,
			`CREATE TRIGGER form_templates_kept BEFORE DELETE ON form_templates WHEN EXISTS (SELECT 1 FROM portal_forms WHERE template = OLD.id)
				BEGIN SELECT RAISE(ABORT, 'an assigned form template is frozen'); END`,
			`CREATE TRIGGER form_templates_frozen BEFORE UPDATE OF slug, version, questionnaire, questionnaire_sha256, attestation_text, signature_required ON form_templates
				WHEN (NEW.slug, NEW.version, NEW.questionnaire, NEW.questionnaire_sha256, NEW.attestation_text, NEW.signature_required)
				IS NOT (OLD.slug, OLD.version, OLD.questionnaire, OLD.questionnaire_sha256, OLD.attestation_text, OLD.signature_required)
				AND EXISTS (SELECT 1 FROM portal_forms WHERE template = OLD.id)
				BEGIN SELECT RAISE(ABORT, 'an assigned form template is frozen'); END`)
	}, noDown, "1700000300_forms.go")
}
