package hooks_test

import (
	"encoding/json"

	"anteroom/collections"
	"anteroom/hooks/forms"
	"anteroom/hooks/kernel"
	"anteroom/hooks/testkit"
)

const formsPath = kernel.Portal + "/forms"

// feelings is a whole PHQ-9.
func feelings() map[string]any {
	answers := map[string]any{}
	for _, question := range []string{"/44250-9", "/44255-8", "/44259-0", "/44254-1", "/44251-7", "/44258-2", "/44252-5", "/44253-3"} {
		answers[question] = map[string]string{"code": "LA6568-5"}
	}
	return answers
}

// signed makes a PHQ-9 that Ada has signed (form, submission, pdf), one that waits for her (open), the template of
// both, and one that nobody was asked in (spare).
func signed(w *world) {
	w.t.Helper()
	templates, err := forms.ImportBuiltIn(w.App)
	if err != nil {
		w.t.Fatal(err)
	}
	w.id["template"], w.id["spare"] = templates["phq-9"], templates["consent-to-treatment"]
	for _, key := range []string{"form", "open"} {
		w.id[key] = w.Add(w.t, "portal_forms", map[string]any{"client": testkit.Ada, "template": w.id["template"]}).Id
	}
	var sent struct{ SubmissionID string }
	w.api("POST", formsPath+"/{form}/submit", testkit.AdaEmail, map[string]any{"responses": feelings(), "attestation": true}).Data(w.t, &sent)
	w.id["submission"] = sent.SubmissionID
	w.settle() // the document is made
	pdf, err := collections.PDFOf(w.App, sent.SubmissionID)
	if err != nil || pdf.Status() != collections.PDFReady {
		w.t.Fatal("no document: ", err)
	}
	w.id["pdf"] = pdf.Id
}

// everybody are the actors that endpoints stamp.
var everybody = []kernel.Actor{adaActor, boActor, guestActor, deskActor, anaActor, adminActor, billingActor, ownerActor, processor}

func formRules() []rule {
	return []rule{signedIsFrozen(), signedOnce(), documentIsKept(), endsBySignature(), templateIsFrozen()}
}

func signedIsFrozen() rule {
	const table, frozen = "form_submissions", "sql: a signed form is frozen"
	other := map[string]any{"signed_by": testkit.BoLogin}
	answers := map[string]any{"responses": map[string]any{}}
	statement := "UPDATE form_submissions SET signed_by = '" + testkit.BoLogin + "' WHERE id = '{submission}'"
	return rule{
		name:  "A signed form is frozen",
		given: signed,
		doors: with(shut(table, statement), map[door]cell{
			portalDoor: attempts(try{"Ada saves a draft of what she signed", "409 ALREADY_SUBMITTED", func(w *world) any {
				return w.api("PATCH", formsPath+"/{form}", testkit.AdaEmail, map[string]any{"draftVersion": 0, "responses": map[string]any{}})
			}, nil}),
			deskDoor: notADoor("no route of the desk names a signed form: it only assigns"),
			staffDoor: among(patches(allStaff, table, "{submission}", other, "403"), patches(allStaff, table, "{submission}", answers, "403"),
				deletes(allStaff, table, "{submission}", "403")),
			ownerDoor: among(patches(owner, table, "{submission}", other, "400 id:kept"), patches(owner, table, "{submission}", answers, "400 id:kept"),
				deletes(owner, table, "{submission}", "400 id:kept")),
			systemDoor: among(saves(system, table, "{submission}", other, "id:kept"), saves(system, table, "{submission}", answers, "id:kept"),
				erases(system, table, "{submission}", "id:kept")),
			stampedDoor:    among(saves(everybody, table, "{submission}", other, "id:kept"), erases(everybody, table, "{submission}", "id:kept")),
			unvalidateDoor: attempts(unvalidated(table, "{submission}", other, "id:kept")),
			sqlDoor: attempts(runs(statement, frozen), runs("UPDATE form_submissions SET responses = ''", frozen),
				runs("UPDATE OR REPLACE form_submissions SET attestation = FALSE", frozen),
				runs("DELETE FROM form_submissions", frozen),
				inserts("INSERT OR REPLACE", table, "{submission}", map[string]string{"signed_by": "'" + testkit.BoLogin + "'"}, frozen),
				// a new row for the same form would push the signed one out
				inserts("INSERT OR REPLACE", table, "{submission}", map[string]string{"id": "'anothersigned00'"}, frozen)),
		}),
	}
}

func signedOnce() rule {
	const table = "form_submissions"
	second := map[string]any{"client": testkit.Ada, "form": "{form}", "responses": feelings(), "attestation": true}
	submit := func(form string, headers ...string) func(w *world) any {
		return func(w *world) any {
			return w.api("POST", formsPath+"/"+form+"/submit", testkit.AdaEmail, map[string]any{"responses": feelings(), "attestation": true}, headers...)
		}
	}
	return rule{
		name:  "A form is signed once, by the person of a session",
		given: signed,
		doors: with(shut(table, "INSERT INTO form_submissions (id, client, form) VALUES ('x', '"+testkit.Ada+"', '{form}')"), map[door]cell{
			portalDoor: attempts(try{"Ada signs again", "409 ALREADY_SUBMITTED", submit("{form}"), nil},
				try{"Ada signs again under a key", "409 ALREADY_SUBMITTED", submit("{form}", "Idempotency-Key", "another"), nil},
				try{"Ada signs for Cleo what is hers", "404 NOT_FOUND", submit("{open}", "X-Client-Id", testkit.Cleo), nil}),
			deskDoor:  notADoor("no route of the desk signs: staff cannot sign for a client"),
			staffDoor: among(posts(allStaff, table, second, "403")),
			ownerDoor: among(posts(owner, table, second, "403"),
				posts(owner, table, map[string]any{"client": testkit.Ada, "form": "{open}", "responses": feelings(), "attestation": true}, "403")),
			systemDoor: among(creates(system, table, second, "NOT_THE_SIGNER")),
			stampedDoor: among(creates([]kernel.Actor{adaActor}, table, second, "ALREADY_SUBMITTED"),
				creates([]kernel.Actor{boActor, guestActor, deskActor, anaActor, adminActor, ownerActor, processor}, table, second, "NOT_THE_SIGNER")),
			unvalidateDoor: attempts(unvalidatedNew(table, second, "NOT_THE_SIGNER"), unvalidatedNew(table, second, "ALREADY_SUBMITTED", adaActor)),
			sqlDoor:        attempts(inserts("INSERT", table, "{submission}", map[string]string{"id": "'anothersigned00'"}, "sql: UNIQUE constraint failed: form_submissions.form")),
		}),
	}
}

func documentIsKept() rule {
	const table, frozen = "form_pdfs", "sql: the document of a signed form is frozen"
	other := map[string]any{"sha256": "0000"}
	statement := "UPDATE form_pdfs SET sha256 = '0000' WHERE id = '{pdf}'"
	return rule{
		name:  "The document of a signed form is kept as it was made",
		given: signed,
		doors: with(shut(table, statement), map[door]cell{
			portalDoor: notADoor("clients only download it: no route writes it"),
			deskDoor:   notADoor("no route of the desk names a document"),
			staffDoor:  among(patches(allStaff, table, "{pdf}", other, "403"), deletes(allStaff, table, "{pdf}", "403")),
			ownerDoor:  among(patches(owner, table, "{pdf}", other, "400 file:kept"), patches(owner, table, "{pdf}", map[string]any{"file": nil}, "400 file:kept"), deletes(owner, table, "{pdf}", "400 id:kept")),
			systemDoor: among(saves(system, table, "{pdf}", other, "file:kept"), erases(system, table, "{pdf}", "id:kept")),
			stampedDoor: among(saves([]kernel.Actor{adaActor, adminActor, ownerActor}, table, "{pdf}", other, "file:kept"),
				erases([]kernel.Actor{adaActor, adminActor, ownerActor}, table, "{pdf}", "id:kept")),
			unvalidateDoor: attempts(unvalidated(table, "{pdf}", other, "file:kept")),
			sqlDoor: attempts(runs(statement, frozen), runs("UPDATE form_pdfs SET status = 'rendering'", frozen), runs("DELETE FROM form_pdfs", frozen),
				inserts("INSERT OR REPLACE", table, "{pdf}", map[string]string{"sha256": "'0000'"}, frozen)),
		}),
	}
}

func endsBySignature() rule {
	const table = "portal_forms"
	done, again := map[string]any{"status": "completed"}, map[string]any{"status": "pending"}
	bos := map[string]any{"client": testkit.Bo}
	return rule{
		name:  "An assigned form ends by its signature, and stays ended",
		given: signed,
		doors: with(shut(table, "UPDATE portal_forms SET status = 'completed' WHERE id = '{open}'"), map[door]cell{
			portalDoor: attempts(try{"a draft that says it is completed", "200", func(w *world) any {
				return w.api("PATCH", formsPath+"/{open}", testkit.AdaEmail, map[string]any{"draftVersion": 0, "responses": map[string]any{}, "status": "completed"})
			}, func(w *world) string {
				if s := w.cell(table, "status", "{open}"); s == "completed" {
					return "it is " + s
				}
				return ""
			}}),
			deskDoor: notADoor("no route of the desk names an assigned form: it only assigns new ones"),
			staffDoor: among(patches(allStaff, table, "{open}", done, "403"), patches(allStaff, table, "{form}", again, "403"),
				deletes(allStaff, table, "{open}", "403")),
			ownerDoor: among(patches(owner, table, "{open}", done, "400 status:unsigned"), patches(owner, table, "{form}", again, "409"),
				patches(owner, table, "{open}", bos, "400 client:fixed"), deletes(owner, table, "{open}", "400 id:kept")),
			systemDoor: among(saves(system, table, "{open}", done, "status:unsigned"), saves(system, table, "{form}", again, "ALREADY_SUBMITTED"),
				saves(system, table, "{open}", bos, "client:fixed"), erases(system, table, "{open}", "id:kept")),
			stampedDoor: among(saves(everybody, table, "{open}", done, "status:unsigned"), saves(everybody, table, "{form}", again, "ALREADY_SUBMITTED"),
				erases(everybody, table, "{open}", "id:kept")),
			unvalidateDoor: attempts(unvalidated(table, "{open}", done, "status:unsigned"), unvalidated(table, "{form}", again, "ALREADY_SUBMITTED")),
			sqlDoor:        notADoor("the record is the submission, which the database does hold; nothing of ours writes this table by SQL (TestNoCodeGoesAround)"),
		}),
	}
}

func templateIsFrozen() rule {
	const table, frozen = "form_templates", "sql: an assigned form template is frozen"
	var parts []map[string]any
	for field, value := range map[string]any{"attestation_text": "I agree to anything.", "slug": "other", "version": "2", "signature_required": true,
		"questionnaire": json.RawMessage(`{"resourceType":"Questionnaire","title":"Another","status":"active","item":[{"linkId":"1","type":"boolean","text":"Another question"}]}`)} {
		parts = append(parts, map[string]any{field: value})
	}
	var byOwner, bySystem, byAdmin, blind []try
	for _, p := range parts {
		byOwner = append(byOwner, patches(owner, table, "{template}", p, "400 questionnaire:frozen")...)
		bySystem = append(bySystem, saves(system, table, "{template}", p, "questionnaire:frozen")...)
		byAdmin = append(byAdmin, saves([]kernel.Actor{adaActor, adminActor, ownerActor}, table, "{template}", p, "questionnaire:frozen")...)
		blind = append(blind, unvalidated(table, "{template}", p, "questionnaire:frozen"))
	}
	other := map[string]any{"attestation_text": "I agree to anything."}
	statement := "UPDATE form_templates SET attestation_text = 'I agree to anything.' WHERE id = '{template}'"
	return rule{
		name:  "A template that was assigned keeps its wording",
		given: signed,
		doors: with(shut(table, statement), map[door]cell{
			portalDoor: notADoor("no route of clients takes a template: they answer what was assigned"),
			deskDoor:   notADoor("the desk assigns a template by its id and sends no wording"),
			staffDoor:  among(posts(allStaff, table, other, "403"), patches(allStaff, table, "{template}", other, "403"), deletes(allStaff, table, "{template}", "403")),
			ownerDoor:  among(byOwner, deletes(owner, table, "{template}", "400")),
			systemDoor: among(bySystem, erases(system, table, "{template}", frozen), []try{{"import of the same form in other words", "done", func(w *world) any {
				r, err := forms.ImportQuestionnaire(w.App, []byte(w.cell(table, "questionnaire", "{template}")), forms.Import{Slug: "phq-9", Attestation: "Other words."})
				if err == nil && (!r.New || r.ID == w.id["template"]) {
					return "it is not a new version"
				}
				return err
			}, func(w *world) string {
				if w.cell(table, "attestation_text", "{template}") == "Other words." {
					return "the assigned version speaks in other words"
				}
				return ""
			}}}),
			stampedDoor:    among(byAdmin, erases([]kernel.Actor{adminActor, ownerActor}, table, "{template}", frozen)),
			unvalidateDoor: among(blind),
			sqlDoor: attempts(runs(statement, frozen), runs("DELETE FROM form_templates WHERE id = '{template}'", frozen),
				runs("UPDATE form_templates SET questionnaire = '{}' WHERE id = '{template}'", frozen),
				inserts("INSERT OR REPLACE", table, "{template}", map[string]string{"attestation_text": "''"}, frozen),
				// another version under the same slug and number would push it out
				runs("UPDATE OR REPLACE form_templates SET slug = 'phq-9', version = (SELECT version FROM form_templates WHERE id = '{template}') WHERE id = '{spare}'", frozen)),
		}),
	}
}
