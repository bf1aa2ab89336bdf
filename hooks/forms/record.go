package forms

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"
)

// Evidence is what a signature stands for. Its canonical form is hashed when the form is signed; the hash is stored
// with the submission and printed on every page of the document. Field names and order of meaning are part of the
// record: changing them makes every earlier hash impossible to compute again.
type Evidence struct {
	Form            string          `json:"form"`     // portal_forms id
	Template        string          `json:"template"` // form_templates id
	TemplateVersion string          `json:"templateVersion"`
	TemplateHash    string          `json:"templateSha256"` // of the canonical questionnaire
	Client          string          `json:"client"`
	Responses       json.RawMessage `json:"responses"`
	Attestation     string          `json:"attestation"`
	Signer          string          `json:"signer"` // portal_users id
	SignerName      string          `json:"signerName"`
	SignerRole      string          `json:"signerRole"` // relationship to the client
	SignedAt        string          `json:"signedAt"`   // RFC 3339, UTC, milliseconds
	SignatureKind   string          `json:"signatureKind"`
	SignatureHash   string          `json:"signatureSha256"`
}

// signedAtForm keeps the instant's text the same however it was stored in between.
const signedAtForm = "2006-01-02T15:04:05.000Z"

func instantText(t time.Time) string { return t.UTC().Format(signedAtForm) }

// Hash is the SHA-256 of the canonical record, in hex.
func (e Evidence) Hash() (string, error) { return hashOf(e) }

func hashOf(v any) (string, error) {
	canonical, err := Canonical(v)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(canonical)
	return hex.EncodeToString(sum[:]), nil
}
