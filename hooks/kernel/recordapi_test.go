package kernel_test

import (
	"net/url"
	"strings"
	"testing"

	"anteroom/hooks/testkit"
)

// What is never shown is not asked about either, however the question is put, by owners and by staff.
func TestSecretFieldsAreNoQuestion(t *testing.T) {
	c := testkit.New(t)
	owner, admin := c.As(t, testkit.OwnerEmail), c.As(t, testkit.AdminEmail)
	list := func(token, collection, key, value string) *testkit.Response {
		t.Helper()
		return c.Do(t, "GET", "/api/collections/"+collection+"/records?"+url.Values{key: {value}}.Encode(), token, nil)
	}
	before := c.Snapshot(t)
	for _, q := range [][3]string{
		{"portal_users", "filter", `password ~ "$2a$"`}, {"portal_users", "filter", `tokenKey > "m"`}, {"PORTAL_USERS", "filter", `(id != "" && (tokenKey:lower ~ "a"))`},
		{"portal_users", "filter", `id != "" // harmless` + "\n" + `|| tokenKey ~ "a"`}, {"portal_users", "filter", `"a" ?~ tokenKey`},
		{"portal_users", "filter", `strftime("%Y", tokenKey) = "2026"`}, {"clients", "filter", `geoDistance(1, 2, 3, match_key) > 1`},
		{"_superusers", "filter", `password != ""`}, {"_otps", "filter", `password != ""`}, {"mfa_factors", "filter", `secret ~ "A"`}, {"mfa_factors", "sort", "-secret"},
		{"recovery_codes", "filter", `code_hash ~ "0"`}, {"portal_sessions", "sort", "+refresh_hash"}, {"account_tokens", "sort", "id, -code_hash"},
		{"invitations", "filter", `link_hash ~ "0"`},
		{"client_access", "filter", `portal_user.tokenKey ~ "a"`}, {"client_access", "sort", "portal_user.password"}, {"clients", "filter", `client_access_via_client.portal_user.tokenKey ?~ "a"`},
		{"account_tokens", "filter", `superuser.tokenKey ~ "a"`},
		{"locations", "filter", `@collection.portal_users.tokenKey ?~ "a"`}, {"locations", "filter", `@collection.STAFF:x.password ?~ "a"`},
		{"locations", "filter", `@request.auth.tokenKey ~ "a"`}, {"locations", "filter", `@request.body.who.tokenKey ~ "a"`},
	} {
		if r := list(owner, q[0], q[1], q[2]); r.Status != 400 || !strings.Contains(string(r.Body), "SECRET_FIELD") {
			t.Errorf("%v: %d %s", q, r.Status, r.Body)
		}
	}
	sealed := 0
	all, err := c.App.FindAllCollections()
	if err != nil {
		t.Fatal(err)
	}
	for _, col := range all {
		for _, f := range col.Fields {
			if f.Type() != "encrypted" && f.Type() != "password" && !f.GetHidden() {
				continue
			}
			sealed++
			list(owner, col.Name, "filter", f.GetName()+` ~ "a"`).Refused(t, 400, "SECRET_FIELD")
			list(owner, col.Name, "sort", "-"+f.GetName()).Refused(t, 400, "SECRET_FIELD")
			if r := list(admin, col.Name, "filter", f.GetName()+` ~ "a"`); r.Status < 400 {
				t.Errorf("an administrator asks about %s.%s: %d", col.Name, f.GetName(), r.Status)
			}
		}
	}
	if sealed < 40 {
		t.Error("only", sealed, "secrets were asked about")
	}
	list(admin, "clients", "sort", "match_key").Refused(t, 400, "SECRET_FIELD")
	for _, two := range []string{"filter=id%21%3D%22%22&filter=tokenKey~%22a%22", "filter=tokenKey~%22a%22&filter=id%21%3D%22%22"} {
		c.Do(t, "GET", "/api/collections/portal_users/records?"+two, owner, nil).Refused(t, 400, "SECRET_FIELD")
	}

	for _, q := range [][3]string{
		{"clients", "filter", `last_name ~ "tokenKey" && email != "password = 1"`}, {"clients", "filter", "first_name:lower = 'ada'"}, {"clients", "sort", "-created,last_name"},
		{"client_access", "filter", `portal_user.email ~ "mail" && client.last_name != ""`}, {"clients", "filter", `client_access_via_client.portal_user.id ?!= ""`},
		{"clients", "sort", "@random"}, {"clients", "filter", `created < @now`}, {"staff", "filter", `role = "admin" || @collection.clients.status ?= "active"`},
		{"locations", "filter", `phone ~ "303"`}, {"portal_users", "filter", `email ~ "ada"`},
	} {
		if r := list(owner, q[0], q[1], q[2]); r.Status != 200 {
			t.Errorf("%v: %d %s", q, r.Status, r.Body)
		}
	}
	// nor does what is picked show one
	for _, collection := range []string{"portal_users", "staff", "_superusers"} {
		r := c.Do(t, "GET", "/api/collections/"+collection+"/records?fields=*,tokenKey,password:excerpt(200),tokenKey:excerpt(200)", owner, nil)
		if r.Status != 200 || strings.Contains(string(r.Body), "tokenKey") || strings.Contains(string(r.Body), `"password"`) {
			t.Errorf("%s: %d %s", collection, r.Status, r.Body)
		}
	}
	if c.Snapshot(t) != before {
		t.Error("asking changed something")
	}
}
