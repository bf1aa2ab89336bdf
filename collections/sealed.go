package collections

import "slices"

// Roles of staff, as staff.role holds them.
const (
	adminRole     = "admin"
	clinicianRole = "clinician"
	frontDeskRole = "front_desk"
	billingRole   = "billing"
)

// SealedAccess says which roles of the staff see an encrypted field in the record API, and which write it there. Who
// may see or write the row at all is decided before, by the collection's rules and the model hooks; owners see what is
// in no list too, and write it. docs/security.md repeats the table.
type SealedAccess struct{ Read, Write []string }

var (
	clinicalRoles = []string{adminRole, clinicianRole}
	deskRoles     = []string{adminRole, clinicianRole, frontDeskRole}
	moneyRoles    = []string{adminRole, frontDeskRole, billingRole}
)

// sealedFields names every encrypted field that somebody of the staff sees in the dashboard. What is not here (drafts of
// clients, mails, secrets, kept answers) is shown to no role.
var sealedFields = map[string]map[string]SealedAccess{
	"clients": {
		"medical_history": {clinicalRoles, clinicalRoles},
		"allergies":       {clinicalRoles, clinicalRoles},
	},
	"appointments": {
		"reason_for_visit":    {deskRoles, deskRoles},
		"patient_notes":       {deskRoles, nil}, // the client's own words
		"staff_notes":         {deskRoles, deskRoles},
		"decline_reason":      {deskRoles, nil},
		"message_to_client":   {deskRoles, nil},
		"cancellation_reason": {deskRoles, nil},
		"guest_name":          {deskRoles, nil}, // of a party, as it was booked
		"telehealth_link":     {deskRoles, deskRoles},
	},
	"appointment_history": {"reason": {deskRoles, nil}},
	"form_submissions": {
		"responses":   {clinicalRoles, nil},
		"score":       {clinicalRoles, nil},
		"signer_name": {clinicalRoles, nil},
	},
	"invoices":      {"notes": {moneyRoles, moneyRoles}},
	"invoice_items": {"description": {moneyRoles, moneyRoles}},
	TreatmentNotes: {
		"title": {clinicalRoles, clinicalRoles},
		"body":  {clinicalRoles, clinicalRoles},
	},
	BreakGlass: {"reason": {clinicalRoles, nil}},
	Uploads:    {"name": {deskRoles, nil}, "reason": {deskRoles, nil}},
}

// SealedReadBy lists the encrypted fields of a collection that a role sees, in order.
func SealedReadBy(collection, role string) []string {
	return sealedBy(collection, role, func(a SealedAccess) []string { return a.Read })
}

// SealedWrittenBy lists the encrypted fields of a collection that a role writes, in order.
func SealedWrittenBy(collection, role string) []string {
	return sealedBy(collection, role, func(a SealedAccess) []string { return a.Write })
}

func sealedBy(collection, role string, roles func(SealedAccess) []string) []string {
	var out []string
	for field, access := range sealedFields[collection] {
		if slices.Contains(roles(access), role) {
			out = append(out, field)
		}
	}
	slices.Sort(out)
	return out
}
