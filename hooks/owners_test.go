package hooks_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/hooks/files"
	"anteroom/hooks/forms"
	"anteroom/hooks/kernel"
	"anteroom/hooks/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// belongings is one client's row in every collection whose ids travel in a path. A route over another collection
// fails the matrix until its row is made here.
func belongings(t *testing.T, c *testkit.Clinic, client, login string) map[string]string {
	t.Helper()
	templates, err := forms.ImportBuiltIn(c.App)
	if err != nil {
		t.Fatal(err)
	}
	start := testkit.Monday.Add(10 * 24 * time.Hour)
	if client == testkit.Bo {
		start = start.Add(2 * time.Hour)
	}
	own := map[string]string{}
	own["appointments"] = c.Add(t, "appointments", map[string]any{"client": client, "clinician": testkit.Ana, "service": testkit.Therapy,
		"location": testkit.Location, "start_time": start, "status": "confirmed", "service_location": "in_office", "requested_via": "phone",
		"reason_for_visit": "private reason of " + client}).Id
	own["waitlist_entries"] = c.Add(t, "waitlist_entries", map[string]any{"client": client, "service": testkit.Therapy, "status": "waiting"}).Id
	own["group_bookings"] = c.Add(t, "group_bookings", map[string]any{"payer": client, "location": testkit.Location, "start_time": start, "mode": "sequence",
		"status": "booked", "people": 1}).Id
	c.Add(t, "appointments", map[string]any{"client": client, "clinician": testkit.Ana, "service": testkit.Therapy, "location": testkit.Location,
		"start_time": start.Add(24 * time.Hour), "status": "confirmed", "service_location": "in_office", "requested_via": "phone", "group_booking": own["group_bookings"]})
	own["portal_forms"] = c.Add(t, "portal_forms", map[string]any{"client": client, "template": templates["phq-9"], "clinician": testkit.Ana,
		"status": "pending", "assigned_at": testkit.Monday}).Id
	own["invoices"] = c.Add(t, "invoices", map[string]any{"client": client, "number": "T-" + client, "status": "draft", "issued_on": "2026-12-01",
		"due_on": "2026-12-31", "currency": "usd"}).Id
	c.Add(t, "invoice_items", map[string]any{"client": client, "invoice": own["invoices"], "description": "Session of " + client, "quantity": 1,
		"unit_cents": 4500, "total_cents": 4500, "position": 1})
	inv := c.Find(t, "invoices", own["invoices"])
	inv.Set("status", "open")
	if err := kernel.SaveAs(c.App, kernel.System(), inv); err != nil {
		t.Fatal(err)
	}
	own["packages"] = c.Add(t, "packages", map[string]any{"name": "Five visits", "items": []map[string]any{{"service": testkit.Therapy, "quantity": 5}}, "is_active": true}).Id // the catalogue's
	own["payments"] = c.Add(t, "payments", map[string]any{"client": client, "invoice": own["invoices"], "portal_user": login, "processor": "test",
		"amount_cents": 4500, "currency": "usd", "status": "pending", "method_kind": "test", "intent_id": "pi_of_" + client}).Id
	own["portal_notifications"] = c.Add(t, "portal_notifications", map[string]any{"portal_user": login, "client": client,
		"notification_type": "form_assigned", "title": "For " + client, "message": "x", "link": "/forms", "priority": "normal"}).Id
	mine := map[string]any{"owner_collection": "portal_users", "owner": login}
	sign := func(collection string, values map[string]any) {
		maps.Copy(values, mine)
		own[collection] = c.Add(t, collection, values).Id
	}
	sign("passkey_credentials", map[string]any{"name": "Phone", "credential_id": base64.RawURLEncoding.EncodeToString([]byte("of " + login)), "public_key": base64.RawURLEncoding.EncodeToString([]byte("x")), "device_type": "single"})
	sign("remembered_devices", map[string]any{"token_hash": "of " + login, "expires_at": start})
	if own["portal_sessions"] = claimed(c.As(t, emailOf[login])); own["portal_sessions"] == "" {
		t.Fatal("a token without a session")
	}
	if login == testkit.BoLogin { // {id} is the provider's name
		link := core.NewExternalAuth(c.App)
		link.SetCollectionRef(c.Find(t, "portal_users", login).Collection().Id)
		link.SetRecordRef(login)
		link.SetProvider("oidc")
		link.SetProviderId("bo-elsewhere")
		if err := kernel.SaveAs(c.App, kernel.Actor{Kind: kernel.KindClient, ID: login}, link.ProxyRecord()); err != nil {
			t.Fatal(err)
		}
		own[core.CollectionNameExternalAuths] = "oidc"
	}
	access, err := c.App.FindFirstRecordByFilter("client_access", "client = {:c} && portal_user = {:u}", dbx.Params{"c": client, "u": login})
	if err != nil {
		t.Fatal(err)
	}
	own["client_access"], own["portal_users"] = access.Id, login
	if client == testkit.Bo { // Ana does not treat Uma
		own["break_glass"] = c.Add(t, "break_glass", map[string]any{"client": testkit.Uma, "staff": testkit.AnaStaff, "reason": "Uma called in a crisis.",
			"until": kernel.Now(c.App).Add(time.Hour)}).Id
	}
	own["uploads"] = picture(t, c, client)
	own["calendar_feeds"] = c.Add(t, "calendar_feeds", map[string]any{"client": client, "portal_user": login, "token_hash": "of " + login + client}).Id
	own["invitations"] = c.Add(t, "invitations", map[string]any{"client": client, "email": "friend.of." + client + "@mail.example", "relationship": "partner",
		"scope": "billing", "invited_by": "system", "link_hash": "of " + client, "expires_at": testkit.Monday.Add(time.Hour)}).Id
	return own
}

// picture gives a client a picture of themselves.
func picture(t *testing.T, c *testkit.Clinic, client string) string {
	t.Helper()
	var file bytes.Buffer
	if err := png.Encode(&file, image.NewGray(image.Rect(0, 0, 9, 9))); err != nil {
		t.Fatal(err)
	}
	u, err := files.Accept(c.App, kernel.System(), files.Offer{Client: client, Purpose: files.PurposeAvatar, Name: "me.png", Reader: &file,
		Kinds: files.Images, MaxBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	r := c.Find(t, "clients", client)
	r.Set("avatar", u.Id)
	if err := kernel.SaveAs(c.App, kernel.System(), r); err != nil {
		t.Fatal(err)
	}
	return u.Id
}

var emailOf = map[string]string{testkit.AdaLogin: testkit.AdaEmail, testkit.BoLogin: testkit.BoEmail}

// claimed is the session that a token names.
func claimed(token string) string {
	var claims struct{ Sid string }
	parts := strings.Split(token, ".")
	raw, err := base64.RawURLEncoding.DecodeString(parts[len(parts)/2])
	if err == nil {
		_ = json.Unmarshal(raw, &claims)
	}
	return claims.Sid
}

// questions are what routes need in their address to say yes.
var questions = map[string]string{"/api/v1/portal/appointments/availability": "?serviceId=" + testkit.Therapy,
	"/api/v1/desk/availability": "?serviceId=" + testkit.Therapy}

// Catalogue ids belong to nobody: they are public.
var catalogue = map[string]bool{"services": true, "clinicians": true, "locations": true, "packages": true}

// TestNobodyReachesAnotherClientsRow is generated from the router. For every route: a guest and somebody else's
// client get nothing and change nothing; the owner gets an answer, so that the refusals are not an accident.
func TestNobodyReachesAnotherClientsRow(t *testing.T) {
	c := testkit.New(t)
	bos := belongings(t, c, testkit.Bo, testkit.BoLogin)
	belongings(t, c, testkit.Ada, testkit.AdaLogin)
	ada, bo := c.As(t, testkit.AdaEmail), c.As(t, testkit.BoEmail)
	roles := map[string]string{kernel.RoleAdmin: testkit.AdminEmail, kernel.RoleClinician: testkit.AnaEmail,
		kernel.RoleFrontDesk: testkit.DeskEmail, kernel.RoleBilling: testkit.BillingEmail}
	for _, email := range roles {
		c.As(t, email)
	}
	turnedAway := 0
	before := c.Snapshot(t)
	untouched := func(t *testing.T, what string) {
		t.Helper()
		if after := c.Snapshot(t); after != before {
			t.Fatalf("%s changed something:\n%s", what, difference(before, after))
		}
	}

	for _, r := range kernel.Routes(c.App) {
		t.Run(r.Method+" "+r.Path, func(t *testing.T) {
			hasID := strings.Contains(r.Path, "{id}")
			if strings.Contains(r.Path, "{") && !hasID {
				t.Fatal("a path parameter that the matrix does not know")
			}
			if hasID && r.Owns == "" {
				t.Fatal("the route does not say whose id it takes")
			}
			path, body := r.Path, any(nil)
			if r.Method != http.MethodGet {
				body = map[string]any{"invoiceId": bos["invoices"], "responses": map[string]any{}, "draftVersion": 0, "attestation": true,
					"outcome": "succeed", "appointmentType": testkit.Therapy, "serviceLocation": "IN_OFFICE", "reasonForVisit": "x",
					"preferredDate1": "2026-12-21", "preferredTime1": "10:00", "preference": 1, "reason": "x"}
			}
			key := []string{"Idempotency-Key", "matrix-" + r.Path}
			if hasID && !catalogue[r.Owns] {
				id := bos[r.Owns]
				if id == "" {
					t.Fatalf("make a row of %s in belongings", r.Owns)
				}
				path = strings.Replace(path, "{id}", id, 1)
			}
			switch r.Access {
			case kernel.Public:
				if hasID && !catalogue[r.Owns] {
					t.Fatal("a public route takes the id of something that belongs to a client")
				}
			case kernel.Staff:
				c.Do(t, r.Method, path, "", body, key...).Refused(t, http.StatusUnauthorized, "SIGN_IN_REQUIRED")
				untouched(t, "guest")
				c.Do(t, r.Method, path, ada, body, key...).Refused(t, http.StatusForbidden, "ROLE")
				untouched(t, "client")
				for role, email := range roles {
					if len(r.Roles) > 0 && !slices.Contains(r.Roles, role) {
						c.Do(t, r.Method, path, c.As(t, email), body, key...).Refused(t, http.StatusForbidden, "ROLE")
						untouched(t, role)
						turnedAway++
					}
				}
			case kernel.AnySignIn:
				c.Do(t, r.Method, path, "", body).Refused(t, http.StatusUnauthorized, "")
				untouched(t, "guest")
				if hasID {
					for _, who := range []string{ada, c.As(t, testkit.AnaEmail)} {
						c.Do(t, r.Method, path, who, body, key...).Refused(t, http.StatusNotFound, "NOT_FOUND")
						untouched(t, "another account")
					}
				}
			case kernel.SignedIn, kernel.ForClient:
				c.Do(t, r.Method, path, "", body, key...).Refused(t, http.StatusUnauthorized, "")
				untouched(t, "guest")
				if hasID {
					c.Do(t, r.Method, path, ada, body, key...).Refused(t, http.StatusNotFound, "NOT_FOUND")
					untouched(t, "another client")
				}
				if r.Access == kernel.ForClient {
					c.Do(t, r.Method, path, ada, body, append(key, "X-Client-Id", testkit.Bo)...).Refused(t, http.StatusNotFound, "NOT_FOUND")
					c.Do(t, r.Method, path, ada, body, append(key, "X-Client-Id", "nobodynobody000")...).Refused(t, http.StatusNotFound, "NOT_FOUND")
					if r.Method == http.MethodGet {
						c.Do(t, r.Method, path+"?clientId="+testkit.Bo, ada, nil).Refused(t, http.StatusNotFound, "NOT_FOUND")
					}
					untouched(t, "acting for a stranger")
				}
				if r.Method == http.MethodGet {
					if got := c.Do(t, r.Method, path+questions[r.Path], bo, nil); got.Status == http.StatusNotFound || got.Status >= 500 {
						t.Fatalf("the owner gets %d, so the refusals above prove nothing: %s", got.Status, got.Body)
					}
				}
			}
		})
	}
	if turnedAway < 4 {
		t.Errorf("only %d calls by staff of another role", turnedAway)
	}
}

// TestForeignIdsInBodies: an id in a body is as foreign as one in a path.
func TestForeignIdsInBodies(t *testing.T) {
	c := testkit.New(t)
	bos := belongings(t, c, testkit.Bo, testkit.BoLogin)
	ada := c.As(t, testkit.AdaEmail)
	before := c.Snapshot(t)
	for name, call := range map[string]func() *testkit.Response{
		"pay somebody else's invoice": func() *testkit.Response {
			return c.Do(t, "POST", kernel.Portal+"/payments/intent", ada, map[string]any{"invoiceId": bos["invoices"]}, "Idempotency-Key", "k1")
		},
		"pay it among others": func() *testkit.Response {
			return c.Do(t, "POST", kernel.Portal+"/payments/intent", ada, map[string]any{"invoiceIds": []string{bos["invoices"]}}, "Idempotency-Key", "k2")
		},
	} {
		call().Refused(t, http.StatusNotFound, "NOT_FOUND")
		if after := c.Snapshot(t); after != before {
			t.Errorf("%s changed something:\n%s", name, difference(before, after))
		}
	}
}

// TestScopesLimitEveryRoute: a login with a narrow scope reaches only its area, and nothing after the grant ends.
func TestScopesLimitEveryRoute(t *testing.T) {
	c := testkit.New(t)
	own := belongings(t, c, testkit.Cleo, testkit.AdaLogin)
	ada := c.As(t, testkit.AdaEmail)
	grant := func(scope string, until time.Time) {
		t.Helper()
		r, err := c.App.FindFirstRecordByFilter("client_access", "client = {:c} && portal_user = {:u}", dbx.Params{"c": testkit.Cleo, "u": testkit.AdaLogin})
		if err != nil {
			t.Fatal(err)
		}
		r.Set("scope", scope)
		r.Set("expires_at", "")
		if !until.IsZero() {
			r.Set("expires_at", until)
		}
		if err := kernel.SaveAs(c.App, kernel.System(), r); err != nil {
			t.Fatal(err)
		}
	}
	reaches := map[string]map[kernel.Area]bool{
		kernel.ScopeAll:               {kernel.AreaAny: true, kernel.AreaVisits: true, kernel.AreaBilling: true, kernel.AreaRecord: true},
		kernel.ScopeAppointmentsForms: {kernel.AreaAny: true, kernel.AreaVisits: true},
		kernel.ScopeBilling:           {kernel.AreaAny: true, kernel.AreaBilling: true},
		"expired":                     {},
	}
	for scope, areas := range reaches {
		if scope == "expired" {
			grant(kernel.ScopeAll, testkit.Monday.Add(-time.Hour))
		} else {
			grant(scope, time.Time{})
		}
		for _, r := range kernel.Routes(c.App) {
			if r.Access != kernel.ForClient || r.Method != http.MethodGet {
				continue
			}
			path := strings.Replace(r.Path, "{id}", own[r.Owns], 1)
			got := c.Do(t, r.Method, path+questions[r.Path], ada, nil, "X-Client-Id", testkit.Cleo)
			if allowed := got.Status != http.StatusNotFound; allowed != areas[r.Area] {
				t.Errorf("scope %s on %s: %d, want reachable = %v", scope, r.Path, got.Status, areas[r.Area])
			}
		}
	}
}

func difference(a, b string) string {
	la, lb := strings.Split(a, "\n"), strings.Split(b, "\n")
	var out []string
	for i := range min(len(la), len(lb)) {
		if la[i] != lb[i] {
			out = append(out, fmt.Sprintf("- %s\n+ %s", la[i], lb[i]))
		}
	}
	return strings.Join(out, "\n")
}
