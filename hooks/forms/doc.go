// Package forms owns what a client fills in and signs: questionnaires and their versions, assignments, drafts,
// signed submissions and their documents.
//
// It may touch form_templates, portal_forms, form_submissions and form_pdfs. It reads clients, clinicians, staff and
// the care team, to print names and to tell who is concerned.
//
// What it promises, and through which layer:
//
//   - A template is a sound FHIR R4 Questionnaire, and one that was ever assigned never changes: model hook
//     (templates.go) and trigger. What changes is a new version.
//   - A draft holds only answers that fit their questions, and nobody's typing is overwritten from another tab: model
//     hook (assignments.go), which compares versions inside the transaction of the write.
//   - What is signed is complete, attested, signed by the person of the session, stamped with the server's time and
//     hashed; it is signed once and frozen: model hook (signing.go), unique index and triggers.
//   - Signature, completed assignment, notices and the order to print the document commit together; the document is
//     made after that by a job that survives a crash (document.go).
//
// The engine (import.go, values.go, answers.go, score.go, signature.go, pdf.go) knows no database. Its rules are
// HL7's.
//
// What must never happen: an answer, a title or a signature in a mail, a log or a file name; a submission without
// the check of every answer; a signature taken for somebody other than the caller.
package forms
