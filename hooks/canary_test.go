package hooks_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"anteroom/hooks/phi"
	"anteroom/hooks/testkit"
)

// sealedWhat says what an encrypted field holds, for the table in docs/security.md.
var sealedWhat = map[string]string{
	"account_history.reason":           "why the clinic changed a sign-in",
	"appointment_history.reason":       "why a visit was moved or ended",
	"appointments.cancellation_reason": "why a visit was cancelled",
	"appointments.decline_reason":      "why the clinic declined, for staff",
	"appointments.message_to_client":   "what the clinic wrote about a visit",
	"appointments.patient_notes":       "what the client wrote about a visit",
	"appointments.reason_for_visit":    "why the client comes",
	"appointments.staff_notes":         "what staff noted about a visit",
	"appointments.telehealth_link":     "the address of a visit by video",
	"break_glass.reason":               "why somebody broke the glass",
	"clients.allergies":                "allergies",
	"clients.medical_history":          "conditions, medicines, operations",
	"form_submissions.responses":       "answers of a signed form",
	"form_submissions.score":           "its score",
	"form_submissions.signature":       "the signature, as text or picture",
	"form_submissions.signer_name":     "the name that was signed with",
	"idempotency_keys.response":        "a kept answer, for a day",
	"invoice_items.description":        "what is charged for",
	"invoices.notes":                   "notes on a bill",
	"mfa_factors.secret":               "the secret of an authenticator app",
	"outbox.payload":                   "mails and messages until they have left",
	"portal_forms.draft":               "answers that are not signed yet",
	"portal_notifications.message":     "what a client is told",
	"portal_notifications.title":       "its title",
	"treatment_notes.body":             "what a clinician noted about care",
	"treatment_notes.title":            "its title",
	"uploads.name":                     "what the sender called a file",
}

// TestInventoryOfEncryptedFields: docs/security.md names every encrypted field there is, with whose key it is under.
func TestInventoryOfEncryptedFields(t *testing.T) {
	c := testkit.New(t)
	var want []string
	for _, col := range everyCollection(t, c) {
		for _, f := range col.Fields {
			sealed, ok := f.(*phi.EncryptedField)
			if !ok {
				continue
			}
			name := col.Name + "." + sealed.Name
			if sealedWhat[name] == "" {
				t.Errorf("%s is in no inventory", name)
			}
			key := "the client's"
			if sealed.Owner == "" {
				key = "the clinic's"
			}
			want = append(want, "| `"+name+"` | "+sealedWhat[name]+" | "+key+" |")
			if !sealed.Hidden {
				t.Errorf("%s is not hidden", name)
			}
		}
	}
	slices.Sort(want)
	text, err := os.ReadFile("../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	got := regexp.MustCompile("(?m)^\\| `\\w+\\.\\w+` \\| .* \\| the (?:client|clinic)'s \\|$").FindAllString(string(text), -1)
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("docs/security.md lists\n%s\nand the schema holds\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if len(want) != len(sealedWhat) {
		t.Error("the inventory names fields that do not exist")
	}
}
