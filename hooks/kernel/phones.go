package kernel

import (
	"strings"

	"github.com/nyaruka/phonenumbers"
	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"golang.org/x/text/language"

	"anteroom/collections"
)

// PhoneNumber reads a number as people type it and gives it in E.164 ("+13035550101"). A number without its country's
// code is one of the clinic's country. What no text message may go to is 400 PHONE_INVALID: numbers that cannot exist,
// extensions, and those that somebody earns by (premium rate, shared cost, personal numbers, pagers).
func PhoneNumber(app core.App, typed string) (e164 string, err error) {
	bad := Invalid("PHONE_INVALID", "That number can't receive text messages. Check it, and begin with + and the country code if it is from abroad.").
		Field("phone", "phone", "Enter a phone number that can receive text messages.")
	if typed = strings.TrimSpace(typed); typed == "" || len(typed) > 60 {
		return "", bad
	}
	n, err := phonenumbers.Parse(typed, homeRegion(app))
	if err != nil { // it may repeat what was typed
		return "", bad
	}
	if n.GetExtension() != "" || !phonenumbers.IsValidNumber(n) {
		return "", bad
	}
	switch phonenumbers.GetNumberType(n) {
	case phonenumbers.MOBILE, phonenumbers.FIXED_LINE, phonenumbers.FIXED_LINE_OR_MOBILE, phonenumbers.VOIP:
		return phonenumbers.Format(n, phonenumbers.E164), nil
	}
	return "", bad
}

// homeRegion is the country whose numbers are written without a code (ISO 3166-1): that of the clinic's first place,
// else that of its currency, else the United States.
func homeRegion(app core.App) string {
	places, err := app.FindRecordsByFilter(collections.Locations, "is_active = true && country != ''", "created", 1, 0, dbx.Params{})
	if err == nil && len(places) > 0 {
		if r, err := language.ParseRegion(strings.TrimSpace(places[0].GetString("country"))); err == nil && r.IsCountry() {
			return r.Canonicalize().String()
		}
	}
	if r := regionOfCurrency[strings.ToLower(collections.Settings(app).Currency)]; r != "" {
		return r
	}
	return "US"
}

// regionOfCurrency leaves out money that several countries share.
var regionOfCurrency = map[string]string{"usd": "US", "cad": "CA", "mxn": "MX", "gbp": "GB", "aud": "AU", "nzd": "NZ", "chf": "CH",
	"sek": "SE", "nok": "NO", "dkk": "DK", "pln": "PL", "czk": "CZ", "brl": "BR", "ars": "AR", "clp": "CL", "cop": "CO", "pen": "PE"}
