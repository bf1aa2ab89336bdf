package forms

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	validation "github.com/pocketbase/ozzo-validation/v4"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
)

// A template as it is stored: {name} in the attestation is the signer's name.
const defaultAttestation = "I am {name}. I have read this and agree to it. Signing here counts the same as signing on paper."

//go:embed builtin/*.json
var builtIn embed.FS

// builtInForms are the forms every clinic starts with.
var builtInForms = []struct {
	slug string
	Import
}{
	{"consent-to-treatment", Import{Type: collections.FormConsent, Signature: true}},
	{"phq-9", Import{Title: "How you've been feeling (PHQ-9)", Type: collections.FormAssessment,
		Attestation: "I am {name}. I have answered these questions myself, as well as I can."}},
}

// Import says how a questionnaire becomes a template. Everything but the questionnaire may be left empty.
type Import struct {
	Slug        string // what all versions share; made from the questionnaire's url, name or title
	Title       string // what clients read; the questionnaire's title
	Type        string // one of collections.FormTypes; assessment when there are scores, otherwise other
	Signature   bool   // the form cannot be sent without one
	Attestation string // may contain {name}
}

// Imported is the template that a questionnaire became.
type Imported struct {
	ID, Slug, Version string
	New               bool // false: this version was there already
	Warnings          []string
}

// ImportQuestionnaire keeps a questionnaire as the newest version of its slug and retires the versions before it.
// Templates are never changed here, assigned or not. The same questionnaire twice is one template. The error is an
// *ImportError when the questionnaire is not sound.
func ImportQuestionnaire(app core.App, raw []byte, how Import) (Imported, error) {
	q, err := ParseQuestionnaire(raw)
	if err != nil {
		return Imported{}, err
	}
	if how.Slug == "" {
		how.Slug = slugOf(q)
	}
	if !slugForm.MatchString(how.Slug) {
		return Imported{}, &ImportError{[]string{fmt.Sprintf("The slug %q must be 1 to 80 of a-z, 0-9 and hyphens.", shorten(how.Slug, 80))}}
	}
	hash, err := hashOf(json.RawMessage(raw))
	if err != nil {
		return Imported{}, &ImportError{[]string{"The questionnaire cannot be hashed: " + err.Error() + "."}}
	}
	out := Imported{Slug: how.Slug, Warnings: q.Warnings}
	err = app.RunInTransaction(func(tx core.App) error {
		versions, err := collections.FormTemplateVersions(tx, how.Slug)
		if err != nil {
			return err
		}
		for _, v := range versions {
			if v.Active() && v.Hash() == hash && v.NeedsSignature() == how.Signature && (how.Attestation == "" || how.Attestation == v.Attestation()) {
				out.ID, out.Version = v.Id, v.Version()
				return nil
			}
		}
		t, err := newTemplate(tx, q, how, versions)
		if err != nil {
			return err
		}
		for _, v := range versions {
			if v.Active() {
				v.SetActive(false)
				if err := tx.Save(v); err != nil {
					return err
				}
			}
		}
		if err := tx.Save(t); err != nil {
			return err
		}
		out.ID, out.Version, out.New = t.Id, t.Version(), true
		return nil
	})
	return out, err
}

func newTemplate(tx core.App, q *Questionnaire, how Import, before []*collections.FormTemplate) (*collections.FormTemplate, error) {
	t, err := collections.NewFormTemplate(tx)
	if err != nil {
		return nil, err
	}
	if how.Title == "" {
		how.Title = q.Title
	}
	if how.Attestation == "" {
		how.Attestation = defaultAttestation
	}
	if how.Type == "" {
		how.Type = collections.FormOther
		if len(q.scored()) > 0 {
			how.Type = collections.FormAssessment
		}
	}
	t.SetSlug(how.Slug)
	t.SetTitle(shorten(how.Title, 200))
	t.SetDescription(shorten(q.Description, 2000))
	t.SetFormType(how.Type)
	t.SetVersion(nextVersion(q.Version, before))
	t.SetMinutes(q.minutes())
	t.SetNeedsSignature(how.Signature)
	t.SetAttestation(how.Attestation)
	t.SetLanguage(shorten(q.Language, 10))
	t.SetQuestionnaire(q.Raw)
	t.SetActive(true)
	return t, nil
}

// nextVersion is the author's own, when it is not taken; otherwise the number of this version.
func nextVersion(own string, before []*collections.FormTemplate) string {
	taken := func(v string) bool {
		return slices.ContainsFunc(before, func(t *collections.FormTemplate) bool { return t.Version() == v })
	}
	if own = shorten(own, 40); own != "" && !taken(own) {
		return own
	}
	n := len(before) + 1
	for taken(strconv.Itoa(n)) {
		n++
	}
	return strconv.Itoa(n)
}

var (
	slugForm   = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	notForSlug = regexp.MustCompile(`[^a-z0-9]+`)
)

func slugOf(q *Questionnaire) string {
	for _, from := range []string{q.URL[strings.LastIndex(q.URL, "/")+1:], q.Name, q.Title} {
		slug := strings.Trim(notForSlug.ReplaceAllString(strings.ToLower(from), "-"), "-")
		if slug != "" {
			return strings.Trim(slug[:min(len(slug), 80)], "-")
		}
	}
	return ""
}

// minutes estimates how long a form takes: 200 words a minute to read, eight seconds to answer, at least one.
func (q *Questionnaire) minutes() int {
	seconds := 0
	for _, it := range q.order {
		if it.Hidden {
			continue
		}
		seconds += len(strings.Fields(it.Text)) * 60 / 200
		if !it.asksNothing() && !it.serverOwned() {
			seconds += 8
		}
	}
	return max(1, (seconds+59)/60)
}

// ImportBuiltIn makes sure that the clinic has the forms that come with the program, and gives their ids by slug. It
// may run at every start.
func ImportBuiltIn(app core.App) (map[string]string, error) {
	ids := map[string]string{}
	for _, b := range builtInForms {
		raw, err := builtIn.ReadFile("builtin/" + b.slug + ".json")
		if err != nil {
			return nil, err
		}
		b.Slug = b.slug
		done, err := ImportQuestionnaire(app, raw, b.Import)
		if err != nil {
			return nil, fmt.Errorf("built-in form %s: %w", b.slug, err)
		}
		ids[b.slug] = done.ID
	}
	return ids, nil
}

// ExportQuestionnaire gives a template's questionnaire as it was imported. which is a template's id, or a slug for its
// latest version.
func ExportQuestionnaire(app core.App, which string) ([]byte, error) {
	t, err := collections.FindFormTemplate(app, which)
	if err != nil {
		versions, err := collections.FormTemplateVersions(app, which)
		if err != nil {
			return nil, err
		}
		if len(versions) == 0 {
			return nil, fmt.Errorf("there is no form template %q", which)
		}
		t = versions[0]
	}
	var out bytes.Buffer
	if err := json.Indent(&out, t.Questionnaire(), "", "  "); err != nil {
		return nil, err
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}

func bindTemplates(app core.App) {
	app.OnRecordCreate(collections.FormTemplates).BindFunc(hashTemplate)
	app.OnRecordUpdate(collections.FormTemplates).BindFunc(hashTemplate)
	app.OnRecordUpdateExecute(collections.FormTemplates).Bind(inTransaction(freezeAssignedTemplate))
}

// hashTemplate refuses a questionnaire that is not sound, and notes the hash of one that is.
func hashTemplate(e *core.RecordEvent) error {
	t := collections.AsFormTemplate(e.Record)
	bad := func(field, message string) error {
		return validation.Errors{field: validation.NewError("validation_"+field, message)}
	}
	q, err := ParseQuestionnaire(t.Questionnaire())
	var refused *ImportError
	if errors.As(err, &refused) {
		return bad("questionnaire", shorten(refused.Error(), 1000))
	}
	if !slugForm.MatchString(t.Slug()) {
		return bad("slug", "A slug is made of a-z, 0-9 and hyphens.")
	}
	if !utf8.ValidString(t.Attestation()) || strings.ContainsFunc(t.Attestation(), forbiddenRune) {
		return bad("attestation_text", "The attestation contains characters that cannot be printed.")
	}
	hash, err := hashOf(q.Raw)
	if err != nil {
		return bad("questionnaire", "The questionnaire cannot be hashed.")
	}
	t.SetHash(hash)
	return e.Next()
}

// freezeAssignedTemplate: somebody was asked in these words. Only what decides about new assignments may change; the
// trigger holds the same for raw SQL.
func freezeAssignedTemplate(e *core.RecordEvent) error {
	was, err := collections.FindFormTemplate(e.App, e.Record.Id)
	if err != nil {
		return err
	}
	now := collections.AsFormTemplate(e.Record)
	same := was.Slug() == now.Slug() && was.Version() == now.Version() && was.Hash() == now.Hash() &&
		was.Attestation() == now.Attestation() && was.NeedsSignature() == now.NeedsSignature() &&
		bytes.Equal(was.Questionnaire(), now.Questionnaire())
	if !same {
		assigned, err := collections.FormTemplateAssigned(e.App, was.Id)
		if err != nil {
			return err
		}
		if assigned {
			return validation.Errors{"questionnaire": validation.NewError("validation_frozen",
				"This version has been assigned and cannot change. Import the new wording as a new version.")}
		}
	}
	return e.Next()
}
