package identity_test

import (
	"strings"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/hooks/identity"
	"anteroom/hooks/kernel"
	"anteroom/hooks/testkit"
)

const deskUsers = kernel.Desk + "/portal-users"

var why = m{"reason": "Called and asked; knitting needles."}

func act(t *testing.T, c *testkit.Clinic, by, what string, body m) *testkit.Response {
	t.Helper()
	return c.Do(t, "POST", deskUsers+"/"+testkit.AdaLogin+"/"+what, c.As(t, by), body)
}

func did(t *testing.T, c *testkit.Clinic, by, what string, body m, status string) {
	t.Helper()
	r := act(t, c, by, what, body)
	if r.Status != 200 {
		t.Fatalf("%s: %d %s", what, r.Status, r.Body)
	}
	var out struct{ ID, Status string }
	if r.Data(t, &out); out.ID != testkit.AdaLogin || out.Status != status {
		t.Errorf("%s: %+v, want %s", what, out, status)
	}
}

func setStatus(t *testing.T, c *testkit.Clinic, status string) {
	t.Helper()
	r := c.Find(t, "portal_users", testkit.AdaLogin)
	r.Set("account_status", status)
	if err := kernel.SaveAs(c.App, kernel.System(), r); err != nil {
		t.Fatal(err)
	}
}

// TestTheDeskMovesAccounts: each move ends or allows what it says, tells the person in her language, leaves a line, and
// the reason goes nowhere.
func TestTheDeskMovesAccounts(t *testing.T) {
	c := newKit(t)
	ada := c.Find(t, "portal_users", testkit.AdaLogin)
	ada.Set("language", "es")
	if err := c.App.Save(ada); err != nil {
		t.Fatal(err)
	}
	session := func() int {
		t.Helper()
		return c.Do(t, "GET", kernel.Portal+"/auth/session", c.As(t, testkit.AdaEmail), nil).Status
	}
	for n, x := range []struct {
		what, status, action, subject string
		ends                          bool // the sessions
	}{
		{"suspend", "suspended", "SUSPEND_ACCOUNT", "desactivada por ahora", true},
		{"resume", "active", "RESUME_ACCOUNT", "activa de nuevo", false},
		{"sign-out", "active", "SIGN_OUT_EVERYWHERE", "cerraron sus sesiones", true},
		{"unlock", "active", "ACCOUNT_UNLOCKED", "entrar de nuevo", false},
		{"force-password-change", "active", "FORCE_PASSWORD_CHANGE", "contraseña nueva", true},
	} {
		if x.ends {
			c.Fresh(t, testkit.AdaEmail)
			if session() != 200 {
				t.Fatal("no session to end")
			}
		}
		did(t, c, testkit.DeskEmail, x.what, why, x.status)
		if x.ends && session() != 401 {
			t.Errorf("%s leaves the session", x.what)
		}
		mails := mailsTo(t, c, testkit.AdaEmail)
		if len(mails) != n+1 || !strings.Contains(mails[0].Subject, x.subject) || strings.Contains(mails[0].Text, "knitting") {
			t.Fatalf("%s: %d mails, %q", x.what, len(mails), mails[0].Subject)
		}
		if got := c.Count(t, "portal_audit_log", "action = {:a} AND actor_id = {:d} AND resource_id = {:r}",
			dbx.Params{"a": x.action, "d": testkit.DeskStaff, "r": testkit.AdaLogin}); got != 1 {
			t.Errorf("%s: %d lines", x.what, got)
		}
	}
	if !c.Find(t, "portal_users", testkit.AdaLogin).GetBool("force_password_change") {
		t.Error("the password may stay")
	}
	if got := c.Count(t, "portal_audit_log", "details LIKE '%knitting%'", nil); got != 0 {
		t.Error("the reason stands in the audit log")
	}
}

func TestWhatTheDeskMayNotDoToAccounts(t *testing.T) {
	c := newKit(t)
	for _, email := range []string{testkit.DeskEmail, testkit.AdminEmail} {
		c.As(t, email)
	}
	refuse := func(by, what string, body m, status int, reason string) {
		t.Helper()
		refusedUntouched(t, c, status, reason, func() *testkit.Response { return act(t, c, by, what, body) })
	}
	for _, what := range []string{"unlock", "suspend", "resume", "force-password-change", "sign-out", "reset-factors"} {
		refuse(testkit.DeskEmail, what, m{}, 400, "VALIDATION_ERROR")
		refuse(testkit.DeskEmail, what, m{"reason": strings.Repeat("x", 501), "identityCheck": "video"}, 400, "VALIDATION_ERROR")
		for _, id := range []string{testkit.DeskStaff, testkit.Admin, "nobodynobody000"} { // staff are out of reach
			refusedUntouched(t, c, 404, "NOT_FOUND", func() *testkit.Response {
				return c.Do(t, "POST", deskUsers+"/"+id+"/"+what, c.As(t, testkit.AdminEmail), m{"reason": "x", "identityCheck": "video"})
			})
		}
	}
	refuse(testkit.DeskEmail, "reset-factors", m{"reason": "x"}, 400, "VALIDATION_ERROR")
	refuse(testkit.DeskEmail, "reset-factors", m{"reason": "x", "identityCheck": "sounded_right"}, 400, "VALIDATION_ERROR")
	refuse(testkit.DeskEmail, "resume", why, 409, "ACCOUNT_STATUS")
	setStatus(t, c, "suspended")
	refuse(testkit.DeskEmail, "suspend", why, 409, "ACCOUNT_STATUS")
	refuse(testkit.DeskEmail, "force-password-change", why, 409, "ACCOUNT_STATUS")
	setStatus(t, c, "active")
	setStatus(t, c, "closed")
	refuse(testkit.DeskEmail, "resume", why, 403, "ROLE")
	refuse(testkit.DeskEmail, "suspend", why, 409, "ACCOUNT_STATUS")
	refuse(testkit.AdminEmail, "force-password-change", why, 409, "ACCOUNT_STATUS")
	did(t, c, testkit.AdminEmail, "resume", why, "active")
}

// TestOnlyThePersonClosesAnAccount, at any door, and only an administrator opens it again.
func TestOnlyThePersonClosesAnAccount(t *testing.T) {
	c := newKit(t)
	move := func(by kernel.Actor, to string) error {
		r := c.Find(t, "portal_users", testkit.AdaLogin)
		r.Set("account_status", to)
		return kernel.SaveAs(c.App, by, r)
	}
	ada := kernel.Actor{Kind: kernel.KindClient, ID: testkit.AdaLogin}
	bo := kernel.Actor{Kind: kernel.KindClient, ID: testkit.BoLogin}
	desk := kernel.Actor{Kind: kernel.KindStaff, ID: testkit.DeskStaff, Role: kernel.RoleFrontDesk}
	admin := kernel.Actor{Kind: kernel.KindStaff, ID: testkit.Admin, Role: kernel.RoleAdmin}
	owner := kernel.Actor{Kind: kernel.KindOwner, ID: "ownerowner00000"}
	for _, by := range []kernel.Actor{bo, desk, admin, owner, {Kind: kernel.KindGuest}} {
		if move(by, "closed") == nil {
			t.Errorf("%s %s closed it", by.Kind, by.Role)
		}
	}
	token := c.As(t, testkit.AdaEmail)
	if err := move(ada, "closed"); err != nil {
		t.Fatal(err)
	}
	if got := c.Do(t, "GET", kernel.Portal+"/auth/session", token, nil).Status; got != 401 {
		t.Error("the session lives:", got)
	}
	for _, by := range []kernel.Actor{ada, bo, desk, {Kind: kernel.KindGuest}} {
		if move(by, "active") == nil {
			t.Errorf("%s %s opened it", by.Kind, by.Role)
		}
	}
	if move(admin, "suspended") == nil {
		t.Error("closed became suspended")
	}
	if err := move(admin, "active"); err != nil {
		t.Error(err)
	}
}

// TestUnlockLetsTheVictimIn: the pause after wrong passwords ends, and so does the clinic's lock.
func TestUnlockLetsTheVictimIn(t *testing.T) {
	c := newKit(t)
	for range 5 {
		signInStatus(t, c, testkit.AdaEmail, "Wrong-Lantern-58")
	}
	paused := func() bool {
		t.Helper()
		var out struct {
			Users []struct {
				ID     string
				Paused bool
			}
		}
		c.Do(t, "GET", deskUsers+"?search=ADA+love", c.As(t, testkit.DeskEmail), nil).Data(t, &out)
		if len(out.Users) != 1 || out.Users[0].ID != testkit.AdaLogin {
			t.Fatalf("%+v", out)
		}
		return out.Users[0].Paused
	}
	if signInStatus(t, c, testkit.AdaEmail, testkit.Password) != 403 || !paused() {
		t.Fatal("not paused")
	}
	setStatus(t, c, "locked")
	did(t, c, testkit.DeskEmail, "unlock", why, "active")
	if signInStatus(t, c, testkit.AdaEmail, testkit.Password) != 200 || paused() {
		t.Error("still paused")
	}
}

// TestSuspendedBeforeTheProofWaitsForItAgain: resuming does not open what was never proven.
func TestSuspendedBeforeTheProofWaitsForItAgain(t *testing.T) {
	c := newKit(t)
	form := m{"email": testkit.UmaEmail, "password": testkit.Password, "firstName": "Uma", "lastName": "Dahl", "dateOfBirth": umaBorn}
	var made struct{ PortalUserID string }
	c.Do(t, "POST", kernel.Portal+"/auth/register", "", form).Data(t, &made)
	verify := link(t, c)
	var out struct{ Status string }
	for _, x := range [][2]string{{"suspend", "suspended"}, {"resume", "pending_verification"}} {
		c.Do(t, "POST", deskUsers+"/"+made.PortalUserID+"/"+x[0], c.As(t, testkit.DeskEmail), why).Data(t, &out)
		if out.Status != x[1] {
			t.Fatal(x[0], out.Status)
		}
		if signInStatus(t, c, testkit.UmaEmail, testkit.Password) != 403 {
			t.Error("signed in")
		}
	}
	c.Do(t, "POST", kernel.Portal+"/auth/verify-email", "", m{"token": verify}).Data(t, &m{})
	if signInStatus(t, c, testkit.UmaEmail, testkit.Password) != 200 {
		t.Error("the proof opens nothing")
	}
}

// TestFactorsAreReset: everything that proves a second time goes, of this account only, and sessions end.
func TestFactorsAreReset(t *testing.T) {
	c := newKit(t)
	token := c.As(t, testkit.AdaEmail)
	c.As(t, testkit.DeskEmail)
	for _, owner := range []string{testkit.AdaLogin, testkit.BoLogin} {
		c.Add(t, "mfa_factors", m{"owner_collection": "portal_users", "owner": owner, "method": "totp", "secret": "JBSWY3DPEHPK3PXP", "enabled_at": testkit.Monday})
		c.Add(t, "recovery_codes", m{"owner_collection": "portal_users", "owner": owner, "code_hash": "h" + owner})
		c.Add(t, "recovery_codes", m{"owner_collection": "portal_users", "owner": owner, "code_hash": "u" + owner, "used_at": testkit.Monday})
		c.Add(t, "passkey_credentials", m{"owner_collection": "portal_users", "owner": owner, "name": "Phone", "credential_id": "c" + owner, "public_key": "k", "device_type": "single"})
		c.Add(t, "remembered_devices", m{"owner_collection": "portal_users", "owner": owner, "token_hash": "t" + owner, "expires_at": testkit.Monday.Add(time.Hour)})
	}
	if signInStatus(t, c, testkit.AdaEmail, testkit.Password) != 401 {
		t.Fatal("no second step is asked for")
	}
	ada := c.Find(t, "portal_users", testkit.AdaLogin)
	ada.Set("mfa_enabled", true)
	if err := c.App.Save(ada); err != nil {
		t.Fatal(err)
	}
	link := core.NewExternalAuth(c.App)
	link.SetCollectionRef(c.Find(t, "portal_users", testkit.AdaLogin).Collection().Id)
	link.SetRecordRef(testkit.AdaLogin)
	link.SetProvider("oidc")
	link.SetProviderId("whoever took the phone")
	if err := kernel.SaveAs(c.App, kernel.Actor{Kind: kernel.KindClient, ID: testkit.AdaLogin}, link.ProxyRecord()); err != nil {
		t.Fatal(err)
	}
	did(t, c, testkit.DeskEmail, "reset-factors", m{"reason": "New phone.", "identityCheck": "in_person"}, "active")
	if c.Count(t, "_externalAuths", "TRUE", nil) != 0 {
		t.Error("an account elsewhere still signs in")
	}
	for table, each := range map[string]int{"mfa_factors": 1, "recovery_codes": 2, "passkey_credentials": 1, "remembered_devices": 1} {
		if adas, bos := c.Count(t, table, "owner = {:o}", dbx.Params{"o": testkit.AdaLogin}), c.Count(t, table, "owner = {:o}", dbx.Params{"o": testkit.BoLogin}); adas != 0 || bos != each {
			t.Errorf("%s: %d of Ada's, %d of Bo's", table, adas, bos)
		}
	}
	if c.Find(t, "portal_users", testkit.AdaLogin).GetBool("mfa_enabled") {
		t.Error("a second step is still asked for")
	}
	if got := c.Do(t, "GET", kernel.Portal+"/auth/session", token, nil).Status; got != 401 {
		t.Error("the session lives:", got)
	}
	if c.Count(t, "portal_audit_log", `action = 'RESET_FACTORS' AND details = '{"identityCheck":"in_person"}'`, nil) != 1 || c.Count(t, "portal_audit_log", "details LIKE '%phone%'", nil) != 0 {
		t.Error("the line is not as it should be")
	}
	if signInStatus(t, c, testkit.AdaEmail, testkit.Password) != 200 {
		t.Error("a second step is still asked for")
	}
	told := 0
	for _, mail := range mailsTo(t, c, testkit.AdaEmail) {
		if strings.Contains(mail.Subject, "was removed") || strings.Contains(mail.Subject, "turned off") {
			told++
		}
	}
	if told != 1 {
		t.Errorf("%d mails tell that something was taken away, want one", told)
	}
}

func TestDeskListsAccounts(t *testing.T) {
	c := newKit(t)
	desk := c.As(t, testkit.DeskEmail)
	type account struct {
		ID, Email, Status string
		Clients           []struct{ AccessID, ClientID, Name, Relationship string }
	}
	get := func(query string) (out struct {
		Users      []account
		Pagination kernel.Pagination
	}) {
		t.Helper()
		c.Do(t, "GET", deskUsers+query, desk, nil).Data(t, &out)
		return out
	}
	if l := get(""); l.Pagination.Total != 2 || len(l.Users) != 2 || len(l.Users[0].Clients) != 2 || l.Users[0].Clients[1].Name != "Cleo Lovell" || l.Users[1].Email != testkit.BoEmail {
		t.Errorf("%+v", l)
	}
	if l := get("?status=suspended"); l.Pagination.Total != 0 || l.Users == nil {
		t.Errorf("%+v", l)
	}
	if l := get("?search=bo%40mail&status=active"); len(l.Users) != 1 || l.Users[0].ID != testkit.BoLogin {
		t.Errorf("%+v", l)
	}
	for _, odd := range []string{"?search=%25", "?search=%27%20OR%201", "?search=_o"} {
		if l := get(odd); l.Pagination.Total != 0 {
			t.Errorf("%s finds %+v", odd, l)
		}
	}
	c.Do(t, "GET", deskUsers+"?status=odd", desk, nil).Refused(t, 400, "VALIDATION_ERROR")
	if c.Count(t, "portal_audit_log", "action = 'LIST_PORTAL_USERS' AND client_id = {:c}", dbx.Params{"c": testkit.Cleo}) == 0 {
		t.Error("looking left no line")
	}
}

// What the clinic does to a login is kept with its reason, sealed, and read by those who help with logins.
func TestAccountHistoryKeepsReasons(t *testing.T) {
	c := newKit(t)
	did(t, c, testkit.DeskEmail, "suspend", m{"reason": "The phone was stolen."}, "suspended")
	did(t, c, testkit.AdminEmail, "resume", m{"reason": "She came in."}, "active")
	path := kernel.Desk + "/portal-users/" + testkit.AdaLogin + "/history"
	var out struct{ History []identity.AccountAct }
	c.Do(t, "GET", path, c.As(t, testkit.DeskEmail), nil).Data(t, &out)
	if len(out.History) != 2 || out.History[0].Action != "resume" || out.History[0].Reason != "She came in." || out.History[1].Reason != "The phone was stolen." || out.History[1].By == "" {
		t.Errorf("%+v", out.History)
	}
	if c.Count(t, "account_history", "reason LIKE '%phone%'", nil) != 0 || c.Count(t, "portal_audit_log", "details LIKE '%stolen%'", nil) != 0 {
		t.Error("a reason lies readable")
	}
	c.Do(t, "GET", path, c.As(t, testkit.BillingEmail), nil).Refused(t, 403, "ROLE")
	c.Do(t, "GET", kernel.Desk+"/portal-users/"+testkit.DeskStaff+"/history", c.As(t, testkit.DeskEmail), nil).Refused(t, 404, "NOT_FOUND")
	c.Deliver()
	before := c.Snapshot(t)
	c.Do(t, "POST", kernel.Desk+"/portal-users/"+testkit.AdaLogin+"/suspend", c.As(t, testkit.DeskEmail), m{"reason": " "}).Refused(t, 400, "")
	c.Do(t, "POST", kernel.Desk+"/portal-users/"+testkit.AdaLogin+"/resume", c.As(t, testkit.DeskEmail), m{"reason": "Nothing to resume."}).Refused(t, 409, "ACCOUNT_STATUS")
	if c.Snapshot(t) != before {
		t.Error("a refused act left something")
	}
}
