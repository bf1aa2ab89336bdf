package identity

import (
	"strings"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
)

// What ours stand for is closed, for every collection, by name and by id, known address or not.
func TestReplacedEndpoints(t *testing.T) {
	c := newClinic(t)
	token := c.sdkToken(core.CollectionNameSuperusers, owner)
	own := c.in(ada).Tokens.AccessToken
	before := c.everything()
	for _, collection := range []string{"portal_users", "staff", "Portal_Users", c.find("staff", deeStaff).Collection().Id,
		collections.Owners, c.find(collections.Owners, ownerID).Collection().Id} {
		for _, x := range []struct {
			path string
			body m
		}{
			{"request-password-reset", m{"email": ada}}, {"confirm-password-reset", m{"token": "x", "password": "y", "passwordConfirm": "y"}},
			{"request-verification", m{"email": ada}}, {"confirm-verification", m{"token": "x"}},
			{"request-email-change", m{"newEmail": "x@mail.example"}}, {"confirm-email-change", m{"token": "x", "password": password}},
			{"request-otp", m{"email": ada}}, {"auth-with-otp", m{"otpId": "x", "password": "123456"}},
			{"auth-with-oauth2", m{"provider": "oidc", "code": "x", "redirectURL": "https://x.example"}},
			{"impersonate/" + adaLogin, m{"duration": 3600}}, {"impersonate/" + deeStaff, m{}}, {"impersonate/" + ownerID, m{"duration": 60}},
		} {
			for _, who := range []string{"", own, token} {
				a := c.do("POST", "/api/collections/"+collection+"/"+x.path, who, x.body)
				if a.Status != 403 || a.reason() != "SIGN_IN_METHOD_CLOSED" {
					t.Errorf("%s %s: %d %s", collection, x.path, a.Status, a.Body)
				}
			}
		}
	}
	if c.everything() != before {
		t.Error("something was touched")
	}
	c.want(c.do("GET", "/api/collections/portal_users/auth-methods", "", nil), 200, "")
}

// Behind the closed doors stands default deny: an answer with a token that nobody accounted for is not given.
func TestDefaultDeny(t *testing.T) {
	c := newClinic(t)
	for _, method := range []string{"-", "otp", "oauth2", "passkey"} {
		for _, path := range []string{"portal_users/" + adaLogin, "staff/" + deeStaff, collections.Owners + "/" + ownerID} {
			a := c.do("POST", "/api/test/answer/"+path+"/"+method, "", m{})
			if a.Status != 403 || a.reason() != "SIGN_IN_METHOD_CLOSED" || strings.Contains(a.Body, "eyJ") {
				t.Errorf("%q %s: %d %s", method, path, a.Status, a.Body)
			}
		}
	}
	if c.count("portal_sessions", "1 = 1") != 0 {
		t.Error("a session was opened")
	}
}

// PocketBase's own second factors, OAuth2 and alerts cannot be switched on.
func TestOtherSignInsStayOff(t *testing.T) {
	c := newClinic(t)
	for _, name := range []string{collections.PortalUsers, collections.Staff} {
		for what, on := range map[string]func(*core.Collection){
			"mfa":       func(x *core.Collection) { x.MFA.Enabled, x.OTP.Enabled = true, true },
			"otp":       func(x *core.Collection) { x.OTP.Enabled = true },
			"oauth2":    func(x *core.Collection) { x.OAuth2.Enabled = true },
			"authAlert": func(x *core.Collection) { x.AuthAlert.Enabled = true },
		} {
			col := must(c.app.FindCollectionByNameOrId(name))
			if col.MFA.Enabled || col.OTP.Enabled || col.OAuth2.Enabled || col.AuthAlert.Enabled {
				t.Fatal(name, what, "is on")
			}
			on(col)
			if err := c.app.Save(col); err == nil || !strings.Contains(err.Error(), what) {
				t.Error(name, what, err)
			}
		}
	}
	col := must(c.app.FindCollectionByNameOrId(collections.Owners)) // PocketBase makes it with alerts on: put right
	col.MFA.Enabled, col.OTP.Enabled, col.OAuth2.Enabled, col.AuthAlert.Enabled = true, true, true, true
	ok(t, c.app.Save(col))
	if col = must(c.app.FindCollectionByNameOrId(collections.Owners)); col.MFA.Enabled || col.OTP.Enabled || col.OAuth2.Enabled || col.AuthAlert.Enabled {
		t.Error("on for owners")
	}
}

func TestFileTokens(t *testing.T) {
	c := newClinic(t)
	col := must(c.app.FindCollectionByNameOrId("locations")) // staff may view it
	col.Fields.Add(&core.FileField{Name: "paper", MaxSelect: 1, Protected: true})
	ok(t, c.app.Save(col))
	r := newRecord(c, "locations", m{"name": "Main", "time_zone": "UTC"})
	ok(t, c.app.Save(r))
	// a row that names a file is enough: what is asked is whether PocketBase would serve it
	_, err := c.app.NonconcurrentDB().NewQuery("UPDATE locations SET paper = 'a.txt' WHERE id = {:id}").Bind(dbx.Params{"id": r.Id}).Execute()
	ok(t, err)
	fsys := must(c.app.NewFilesystem())
	ok(t, fsys.Upload([]byte("on paper"), r.BaseFilesPath()+"/a.txt"))
	ok(t, fsys.Close())
	get := func(token string) int {
		return c.do("GET", "/api/files/locations/"+r.Id+"/a.txt?token="+token, "", nil).Status
	}

	access := c.sdkToken("staff", dee)
	a := c.do("POST", "/api/files/token", access, nil)
	c.want(a, 200, "")
	var out struct{ Token string }
	a.into(t, &out)
	if claimsOf(out.Token).Session == "" || get(out.Token) != 200 {
		t.Fatal("staff cannot read files", get(out.Token))
	}
	bare := must(c.find("staff", deeStaff).NewFileToken())
	stranger, err := fileToken(c.app, c.find("staff", deeStaff), &session{id: "none00000000000", absolute: time.Now().Add(time.Hour).Unix() * 2})
	ok(t, err)
	for what, token := range map[string]string{"none": "", "without a session": bare, "an unknown session": stranger, "an access token": access} {
		if s := get(token); s != 404 {
			t.Errorf("%s: %d", what, s)
		}
	}
	c.want(c.do("POST", "/api/files/token", c.in(ada).Tokens.AccessToken, nil), 403, "FORBIDDEN")
	c.want(c.do("POST", "/api/files/token", "", nil), 401, "")
	c.want(c.do("POST", auth+"logout", access, m{}), 200, "")
	if s := get(out.Token); s != 404 {
		t.Errorf("the link outlives the session: %d", s)
	}
	ownerToken := c.sdkToken(core.CollectionNameSuperusers, owner)
	a = c.do("POST", "/api/files/token", ownerToken, nil)
	c.want(a, 200, "")
	a.into(t, &out)
	if s := get(out.Token); s != 200 {
		t.Errorf("the owner: %d", s)
	}
	// a backup is given to an owner's file token, past every hook
	backups := must(c.app.NewBackupsFilesystem())
	ok(t, backups.Upload([]byte("everything"), "all.zip"))
	ok(t, backups.Close())
	backup := func(token string) int { return c.do("GET", "/api/backups/all.zip?token="+token, "", nil).Status }
	if s := backup(out.Token); s != 200 {
		t.Errorf("the owner's backup: %d", s)
	}
	for what, token := range map[string]string{"none": "", "without a session": must(c.find(collections.Owners, ownerID).NewFileToken())} {
		if get(token) != 404 || backup(token) != 401 {
			t.Errorf("%s opens the owner's files: %d %d", what, get(token), backup(token))
		}
	}
	c.want(c.do("POST", auth+"logout", ownerToken, m{}), 200, "")
	if get(out.Token) != 404 || backup(out.Token) != 401 {
		t.Error("the owner's links outlive the session", get(out.Token), backup(out.Token))
	}
}

// Account states move along the table, at every door.
func TestAccountMoves(t *testing.T) {
	c := newClinic(t)
	token := c.sdkToken(core.CollectionNameSuperusers, owner)
	path := "/api/collections/portal_users/records/" + adaLogin
	c.want(c.do("PATCH", path, token, m{"account_status": "pending_verification"}), 400, "")
	c.want(c.do("PATCH", path, token, m{"account_status": "suspended"}), 200, "")
	c.want(c.do("PATCH", path, token, m{"account_status": "active"}), 200, "")
	u := c.find("portal_users", adaLogin)
	for _, step := range []struct {
		to   collections.AccountStatus
		fine bool
	}{{collections.AccountLocked, true}, {collections.AccountPending, false}, {collections.AccountActive, true}, {collections.AccountActive, true}} {
		collections.AsPortalUser(u).SetStatus(step.to)
		if err := c.app.Save(u); (err == nil) != step.fine {
			t.Errorf("%s: %v", step.to, err)
		}
	}
}

// care_team.staff says whose login the clinician has, however either row is written.
func TestCareTeamFollowsTheClinician(t *testing.T) {
	c := newClinic(t)
	doctor := newRecord(c, "clinicians", m{"first_name": "Ana", "last_name": "Reyes", "staff": deeStaff, "is_active": true})
	ok(t, c.app.Save(doctor))
	member := newRecord(c, "care_team", m{"client": adaClient, "clinician": doctor.Id, "role": "lead", "staff": ""})
	ok(t, c.app.Save(member))
	staff := func() string { return c.find("care_team", member.Id).GetString("staff") }
	if staff() != deeStaff {
		t.Error(staff())
	}
	doctor.Set("staff", "")
	ok(t, c.app.Save(doctor))
	if staff() != "" {
		t.Error("a login that the clinician lost still belongs to the team")
	}
	member = c.find("care_team", member.Id)
	member.Set("staff", deeStaff) // by hand
	ok(t, c.app.Save(member))
	if staff() != "" {
		t.Error("set by hand")
	}
	if c.app.Save(newRecord(c, "care_team", m{"client": boClient, "clinician": "nobody000000000", "role": "lead"})) == nil {
		t.Error("an unknown clinician")
	}
}
