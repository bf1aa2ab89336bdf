// Package records owns what the clinic knows of a client outside visits, forms and money: today the profile, and the
// proof of its phone number, and who looked at the record. It reads clients, logins and settings, and writes a client's number once a code has proven
// it (clients.phone, phone_verified), and those codes (account_tokens of purpose phone). What must never happen: a field of
// the clinic's own (notes, flags, the Stripe customer) in a client's answer; a number or a code in a log.
package records

import (
	"encoding/json"
	"net/http"

	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/files"
	"anteroom/hooks/kernel"
)

// Bind declares the routes.
func Bind(app core.App) {
	route := func(method, path string, do func(*kernel.Call) (*kernel.Reply, error)) kernel.Route {
		return kernel.Route{Method: method, Path: kernel.Portal + path, Access: kernel.ForClient, Area: kernel.AreaRecord, Do: do}
	}
	kernel.Handle(app,
		route(http.MethodGet, "/profile", profile),
		route(http.MethodGet, "/profile/access-log", accessLog),
		route(http.MethodPost, "/profile/phone/send-code", sendPhoneCode),
		route(http.MethodPost, "/profile/phone/verify", verifyPhone),
	)
}

// Profile is the client's own view of their details. Version is what an update must name, so that two editors do
// not overwrite each other.
type Profile struct {
	ClientID                string          `json:"clientId"`
	FirstName               string          `json:"firstName"`
	LastName                string          `json:"lastName"`
	Email                   string          `json:"email"`
	DateOfBirth             string          `json:"dateOfBirth"`
	PreferredName           string          `json:"preferredName,omitempty"`
	Pronouns                string          `json:"pronouns,omitempty"`
	Gender                  string          `json:"gender,omitempty"`
	Phone                   string          `json:"phone,omitempty"`
	PhoneVerified           bool            `json:"phoneVerified"`
	Address                 json.RawMessage `json:"address,omitempty"`
	EmergencyContact        json.RawMessage `json:"emergencyContact,omitempty"`
	PreferredLocationID     string          `json:"preferredLocationId,omitempty"`
	PreferredPractitionerID string          `json:"preferredPractitionerId,omitempty"`
	SMSOptIn                bool            `json:"smsOptIn"`
	MarketingOptIn          bool            `json:"marketingOptIn"`
	Language                string          `json:"language"`
	TimeZone                string          `json:"timeZone"`
	AvatarURL               string          `json:"avatarUrl,omitempty"`
	CreditBalanceCents      int             `json:"creditBalanceCents"`
	Version                 string          `json:"version"`
}

func profile(c *kernel.Call) (*kernel.Reply, error) {
	r, err := c.App.FindRecordById("clients", c.Client())
	if err != nil {
		return nil, err
	}
	if err := audit.Read(c.App, audit.EntryFor(c.Actor, audit.ViewProfile, audit.Client, r.Id)); err != nil {
		return nil, err
	}
	lang := r.GetString("language")
	if lang == "" {
		lang = "en"
	}
	return kernel.OK(Profile{
		ClientID: r.Id, FirstName: r.GetString("first_name"), LastName: r.GetString("last_name"), Email: r.GetString("email"),
		DateOfBirth: r.GetString("date_of_birth"), PreferredName: r.GetString("preferred_name"), Pronouns: r.GetString("pronouns"),
		Gender: r.GetString("gender"), Phone: r.GetString("phone"), PhoneVerified: r.GetBool("phone_verified"),
		Address: object(r, "address"), EmergencyContact: object(r, "emergency_contact"),
		PreferredLocationID: r.GetString("preferred_location"), PreferredPractitionerID: r.GetString("preferred_practitioner"),
		SMSOptIn: r.GetBool("sms_opt_in"), MarketingOptIn: r.GetBool("marketing_opt_in"), Language: lang,
		TimeZone: collections.Settings(c.App).TimeZone, AvatarURL: files.AvatarURL(c.App, r), Version: r.GetDateTime("updated").String(),
	}), nil
}

// object gives a JSON field, or nothing when it holds none.
func object(r *core.Record, field string) json.RawMessage {
	s := r.GetString(field)
	if s == "" || s == "null" || s == "{}" {
		return nil
	}
	return json.RawMessage(s)
}
