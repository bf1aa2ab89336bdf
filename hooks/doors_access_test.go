package hooks_test

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/security"

	"anteroom/hooks/kernel"
	"anteroom/hooks/outbox"
	"anteroom/hooks/testkit"
)

func accessRules() []rule {
	return []rule{noSessionNoEntry(), clientsStayOut(), staffGiveNoRoles(), nobodyAsSomebodyElse(), schemaIsFixed(), bodiesAreShownToNobody(), ownBookkeeping()}
}

// answers sends requests with tokens and gives all that was said, each answer once.
func answers(w *world, tokens []string, requests ...[2]string) string {
	w.t.Helper()
	seen := map[string]bool{}
	for _, token := range tokens {
		for _, r := range requests {
			var body any
			if r[0] != "GET" {
				body = map[string]any{}
			}
			seen[said(w.Do(w.t, r[0], w.fill(r[1]), token, body))] = true
		}
	}
	return strings.Join(slices.Sorted(maps.Keys(seen)), ", ")
}

// routesFor are the declared routes that want somebody signed in of that kind.
func routesFor(w *world, access ...kernel.Access) (out [][2]string) {
	for _, r := range kernel.Routes(w.App) {
		if slices.Contains(access, r.Access) {
			out = append(out, [2]string{r.Method, strings.Replace(r.Path, "{id}", testkit.Ada, 1)})
		}
	}
	return out
}

// recordRequests are all that the record API offers, on every collection there is, PocketBase's own included.
func recordRequests(w *world) (out [][2]string) {
	all, err := w.App.FindAllCollections()
	if err != nil {
		w.t.Fatal(err)
	}
	for _, c := range all {
		var id string
		if err := w.App.ConcurrentDB().Select("id").From(c.Name).Limit(1).Row(&id); err != nil {
			id = testkit.Ada
		}
		path := records(c.Name)
		out = append(out, [2]string{"GET", path}, [2]string{"GET", path + "?filter=(id!='')&sort=-id&perPage=500&expand=client,portal_user,client_access_via_client"},
			[2]string{"GET", path + "/" + id}, [2]string{"GET", path + "/" + id + "?expand=client"},
			[2]string{"POST", path}, [2]string{"PATCH", path + "/" + id}, [2]string{"DELETE", path + "/" + id})
	}
	return out
}

// deadTokens makes tokens of a login that are signed as PocketBase's are, and stand for no live session of theirs.
func deadTokens(w *world, collection, email, otherEmail string) []string {
	w.t.Helper()
	var out struct{ Token string }
	w.Do(w.t, "POST", "/api/collections/"+collection+"/auth-with-password", "", map[string]string{"identity": email, "password": testkit.Password}).Into(w.t, &out)
	if r := w.Do(w.t, "POST", kernel.Portal+"/auth/logout", out.Token, nil); r.Status != 200 {
		w.t.Fatalf("%d %s", r.Status, r.Body)
	}
	account, err := w.App.FindAuthRecordByEmail(collection, email)
	if err != nil {
		w.t.Fatal(err)
	}
	var others string // a live session of somebody else
	err = w.App.ConcurrentDB().NewQuery("SELECT s.id FROM portal_sessions s JOIN " + collection + " o ON o.id = s.owner WHERE o.email = '" + otherEmail + "' AND s.revoked_at = 0").Row(&others)
	if err != nil {
		w.t.Fatal(err)
	}
	ended, err := w.App.FindFirstRecordByFilter("portal_sessions", "owner = '"+account.Id+"' && revoked_at != 0")
	if err != nil {
		w.t.Fatal(err)
	}
	w.id["ended"] = ended.Id
	plain, err1 := account.NewAuthToken()
	static, err2 := account.NewStaticAuthToken(time.Hour)
	file, err3 := account.NewFileToken()
	if err := errors.Join(err1, err2, err3); err != nil {
		w.t.Fatal(err)
	}
	tokens := []string{out.Token, plain, static, file}
	for _, sid := range []string{others, ended.Id, "nosuchsession00", ""} {
		tokens = append(tokens, tokenOf(w, account, sid))
	}
	return append(tokens, tokenOf(w, account, "x")+"x")
}

// tokenOf is what only somebody who holds the database can make: a rightly signed token that names a session.
func tokenOf(w *world, account *core.Record, sid string) string {
	w.t.Helper()
	token, err := security.NewJWT(jwt.MapClaims{core.TokenClaimType: core.TokenTypeAuth, core.TokenClaimId: account.Id, "sid": sid,
		core.TokenClaimCollectionId: account.Collection().Id, core.TokenClaimRefreshable: true}, account.TokenKey()+account.Collection().AuthToken.Secret, time.Hour)
	if err != nil {
		w.t.Fatal(err)
	}
	return token
}

func noSessionNoEntry() rule {
	const table = "portal_sessions"
	var ofAda, ofDesk []string
	forged := map[string]any{"id": "forgedsession00", "owner_collection": "portal_users", "owner": testkit.AdaLogin, "method": "password",
		"started_at": 1796659200, "last_activity": 1796659200, "absolute_until": 1896659200}
	longer, again := map[string]any{"absolute_until": 1896659200}, map[string]any{"revoked_at": 0, "revoke_reason": ""}
	moved := map[string]any{"owner": testkit.BoLogin}
	const over = "401 SESSION_ENDED"
	return rule{
		name: "A token without a live session of its own opens nothing",
		given: func(w *world) {
			w.As(w.t, testkit.BoEmail)
			w.As(w.t, testkit.AdminEmail)
			ofDesk = deadTokens(w, "staff", testkit.DeskEmail, testkit.AdminEmail)
			ofAda = deadTokens(w, "portal_users", testkit.AdaEmail, testkit.BoEmail)
			w.As(w.t, testkit.AdaEmail)
			live, err := w.App.FindFirstRecordByFilter(table, "owner = '"+testkit.AdaLogin+"' && revoked_at = 0")
			if err != nil {
				w.t.Fatal(err)
			}
			w.id["live"] = live.Id
		},
		doors: with(shut(table, "UPDATE portal_sessions SET revoked_at = 0 WHERE id = '{ended}'"), map[door]cell{
			portalDoor: attempts(try{"every route of clients", over, func(w *world) any {
				return answers(w, ofAda, routesFor(w, kernel.SignedIn, kernel.ForClient, kernel.AnySignIn)...)
			}, nil}),
			deskDoor: attempts(try{"every route of the desk", over, func(w *world) any {
				return answers(w, ofDesk, routesFor(w, kernel.Staff, kernel.AnySignIn)...)
			}, nil}, try{"every route of the desk, with a client's", over, func(w *world) any { return answers(w, ofAda[:1], routesFor(w, kernel.Staff)...) }, nil}),
			staffDoor: attempts(try{"every request of the record API", over, func(w *world) any { return answers(w, ofDesk[:3], recordRequests(w)...) }, nil},
				try{"the rest of PocketBase", over, func(w *world) any {
					return answers(w, slices.Concat(ofDesk, ofAda), [2]string{"POST", "/api/collections/staff/auth-refresh"}, [2]string{"POST", "/api/collections/portal_users/auth-refresh"},
						[2]string{"POST", "/api/files/token"}, [2]string{"POST", "/api/realtime"}, [2]string{"GET", "/api/realtime"}, [2]string{"GET", "/api/collections"}, [2]string{"GET", "/api/settings"})
				}, nil}),
			ownerDoor: among(posts(owner, table, forged, "400 owner:session"), patches(owner, table, "{live}", longer, "400 absolute_until:session"),
				patches(owner, table, "{ended}", again, "400 revoked_at:session"), patches(owner, table, "{live}", moved, "400 owner:session")),
			systemDoor: among(creates(system, table, forged, "owner:session"), saves(system, table, "{live}", longer, "absolute_until:session"),
				saves(system, table, "{ended}", again, "revoked_at:session"), saves(system, table, "{live}", moved, "owner:session")),
			stampedDoor: among(creates(everybody, table, forged, "owner:session"), saves(everybody, table, "{ended}", again, "revoked_at:session"),
				saves([]kernel.Actor{adaActor, adminActor, ownerActor}, table, "{live}", longer, "absolute_until:session")),
			unvalidateDoor: attempts(unvalidatedNew(table, forged, "owner:session"), unvalidated(table, "{live}", longer, "absolute_until:session"),
				unvalidated(table, "{ended}", again, "revoked_at:session")),
			// memory knows what went through the model: a row from elsewhere is no session while the server runs, and
			// who can write rows and sign tokens holds the database with its keys
			sqlDoor: attempts(try{"a row that ended is opened again", over, func(w *world) any {
				if err := w.sql("UPDATE portal_sessions SET revoked_at = 0, revoke_reason = '' WHERE id = '{ended}'"); err != nil {
					return err
				}
				return answers(w, ofAda, [2]string{"GET", kernel.Portal + "/profile"})
			}, func(*world) string { return "" }}, try{"a row is made", over, func(w *world) any {
				if answer := inserts("INSERT", table, "{ended}", map[string]string{"id": "'writtensession0'", "refresh_family": "''"}, "").do(w); answer != nil && answer.(error) != nil {
					return answer
				}
				return answers(w, []string{tokenOf(w, w.Find(w.t, "portal_users", testkit.AdaLogin), "writtensession0")}, [2]string{"GET", kernel.Portal + "/profile"})
			}, func(*world) string { return "" }}),
		}),
	}
}

// pocketBaseForOwners are PocketBase's own requests about the server.
var pocketBaseForOwners = [][2]string{{"GET", "/api/collections"}, {"GET", "/api/collections/clients"}, {"POST", "/api/collections"}, {"PATCH", "/api/collections/clients"},
	{"DELETE", "/api/collections/rooms"}, {"PUT", "/api/collections/import"}, {"GET", "/api/collections/meta/scaffolds"}, {"GET", "/api/settings"},
	{"PATCH", "/api/settings"}, {"GET", "/api/logs"}, {"GET", "/api/logs/stats"}, {"GET", "/api/backups"}, {"POST", "/api/backups"}, {"GET", "/api/crons"},
	{"POST", "/api/crons/anteroom_forget_idempotency_keys"}}

func clientsStayOut() rule {
	// expands asks for what hangs on the account and expects none of it in the answer
	expands := func(what, path string, body map[string]any, email string) try {
		var got string
		return try{what, "200", func(w *world) any {
			r := w.api("POST", path+"?expand=pending_client,client_access_via_portal_user,client_access_via_portal_user.client,portal_notifications_via_portal_user", email, body)
			got = string(r.Body)
			return r
		}, func(*world) string {
			if !strings.Contains(got, testkit.AdaLogin) || strings.Contains(got, `"expand":{"`) || strings.Contains(got, testkit.Ada) {
				return got
			}
			return ""
		}}
	}
	asAda := func(w *world, requests ...[2]string) string {
		return answers(w, []string{w.As(w.t, testkit.AdaEmail)}, requests...)
	}
	return rule{
		name: "A client reaches no record API, no desk and no server",
		given: func(w *world) {
			visits(w)
			signed(w)
			owed(w)
			// rows that PocketBase's own rules would give her
			users := w.Find(w.t, "portal_users", testkit.AdaLogin).Collection().Id
			for _, statement := range []string{
				"INSERT INTO _externalAuths (id, collectionRef, recordRef, provider, providerId) VALUES ('externalofada00', '" + users + "', '" + testkit.AdaLogin + "', 'google', 'x')",
				"INSERT INTO _authOrigins (id, collectionRef, recordRef, fingerprint) VALUES ('originofada0000', '" + users + "', '" + testkit.AdaLogin + "', 'x')"} {
				if err := w.sql(statement); err != nil {
					w.t.Fatal(err)
				}
			}
		},
		doors: with(shut("clients", "SELECT * FROM clients"), map[door]cell{
			portalDoor: attempts(expands("Ada renews her token", "/api/collections/portal_users/auth-refresh", nil, testkit.AdaEmail),
				expands("Ada signs in", "/api/collections/portal_users/auth-with-password", map[string]any{"identity": testkit.AdaEmail, "password": testkit.Password}, "")),
			deskDoor: attempts(try{"Ada at every route of the desk", "403 ROLE", func(w *world) any { return asAda(w, routesFor(w, kernel.Staff)...) }, nil}),
			staffDoor: attempts(try{"Ada at every collection", "403 RECORD_API_CLOSED", func(w *world) any { return asAda(w, recordRequests(w)...) }, nil},
				try{"Ada asks for a token for files", "403 FORBIDDEN", func(w *world) any { return asAda(w, [2]string{"POST", "/api/files/token"}) }, nil},
				try{"Ada downloads a sealed document", "404", func(w *world) any {
					return asAda(w, [2]string{"GET", "/api/files/form_pdfs/{pdf}/" + w.Find(w.t, "form_pdfs", w.id["pdf"]).GetString("file")})
				}, nil}),
			ownerDoor:      attempts(try{"Ada at PocketBase's own routes", "403", func(w *world) any { return asAda(w, pocketBaseForOwners...) }, nil}),
			systemDoor:     notADoor("the rule is who may ask; a save has no request"),
			stampedDoor:    notADoor("what a client may change is decided by each record's own rules"),
			unvalidateDoor: notADoor("the rule is who may ask; a save has no request"),
			sqlDoor:        notADoor("no request of a client becomes a statement"),
		}),
	}
}

func staffGiveNoRoles() rule {
	admin, password := map[string]any{"role": "admin"}, map[string]any{"password": "Another-Harbour-43", "passwordConfirm": "Another-Harbour-43", "oldPassword": testkit.Password}
	newcomer := map[string]any{"email": "new@clinic.example", "password": testkit.Password, "passwordConfirm": testkit.Password, "first_name": "N", "last_name": "N", "role": "admin", "is_active": true}
	client := map[string]any{"email": "new@mail.example", "password": testkit.Password, "passwordConfirm": testkit.Password, "account_status": "active"}
	const reason = "the rule is who may ask, held by the collections' API rules; no route of ours writes staff"
	return rule{
		name: "Staff give nobody a role, a password or a sign-in",
		doors: with(shut("staff", "UPDATE staff SET role = 'admin'"), map[door]cell{
			portalDoor: notADoor("no route of clients names a member of staff"),
			deskDoor:   notADoor("no route of the desk names a member of staff, and none sets a login's password or role"),
			staffDoor: among(patches(allStaff, "staff", testkit.DeskStaff, admin, "403"), patches(allStaff, "staff", testkit.Billing, admin, "403"),
				patches(allStaff, "staff", testkit.DeskStaff, password, "403"), patches(allStaff, "staff", testkit.Admin, password, "403"),
				patches(allStaff, "staff", testkit.Admin, map[string]any{"is_active": false}, "403"), patches(allStaff, "staff", testkit.Admin, map[string]any{"email": "mine@clinic.example"}, "403"),
				posts(allStaff, "staff", newcomer, "403"), deletes(allStaff, "staff", testkit.Admin, "403"),
				patches(allStaff, "portal_users", testkit.AdaLogin, password, "403"), patches(allStaff, "portal_users", testkit.AdaLogin, map[string]any{"email": "mine@mail.example"}, "403"),
				patches(allStaff, "portal_users", testkit.AdaLogin, map[string]any{"account_status": "suspended"}, "403"),
				posts(allStaff, "portal_users", client, "403"), deletes(allStaff, "portal_users", testkit.AdaLogin, "403"),
				posts(allStaff, "_superusers", client, "403"), posts(allStaff, "portal_sessions", map[string]any{"owner": testkit.Admin}, "403"),
				posts(allStaff, "account_tokens", map[string]any{"portal_user": testkit.AdaLogin}, "403")),
			ownerDoor:      notADoor("the owner makes and ends the sign-ins of staff: that is the owner's work, and it is on record"),
			systemDoor:     notADoor(reason),
			stampedDoor:    notADoor(reason),
			unvalidateDoor: notADoor(reason),
			sqlDoor:        notADoor("nothing of ours writes these columns by SQL (TestNoCodeGoesAround)"),
		}),
	}
}

func nobodyAsSomebodyElse() rule {
	var closed []try
	for _, collection := range []string{"portal_users", "staff"} {
		for _, path := range []string{"impersonate/" + testkit.AdaLogin, "impersonate/" + testkit.DeskStaff, "auth-with-otp", "request-otp", "auth-with-oauth2", "request-password-reset",
			"confirm-password-reset", "request-verification", "confirm-verification", "request-email-change", "confirm-email-change"} {
			for _, email := range []string{testkit.OwnerEmail, ""} {
				closed = append(closed, try{strings.TrimSpace(email + " " + collection + " " + path), "403 SIGN_IN_METHOD_CLOSED", func(w *world) any {
					return w.api("POST", "/api/collections/"+collection+"/"+path, email, map[string]any{"email": testkit.AdaEmail, "duration": 3600})
				}, nil})
			}
		}
	}
	var ownersID string
	refreshes := func(email, collection, want string) try {
		return try{email + " renews a token of " + collection, want, func(w *world) any {
			return w.api("POST", "/api/collections/"+collection+"/auth-refresh", email, nil)
		}, nil}
	}
	// with its key and the collection's secret one could sign tokens
	shows := func(path string) try {
		var got string
		return try{"the owner looks for what tokens are signed with in " + path, "200", func(w *world) any {
			r := w.api("GET", path, testkit.OwnerEmail, nil)
			got = string(r.Body)
			return r
		}, func(w *world) string {
			account := w.Find(w.t, "portal_users", testkit.AdaLogin)
			for _, s := range []string{account.TokenKey(), account.GetString("password:hash"), account.Collection().AuthToken.Secret, account.Collection().FileToken.Secret} {
				if s == "" || strings.Contains(got, s) {
					return "shown"
				}
			}
			return ""
		}}
	}
	return rule{
		name: "Nobody signs in as somebody else",
		given: func(w *world) {
			o, err := w.App.FindAuthRecordByEmail(core.CollectionNameSuperusers, testkit.OwnerEmail)
			if err != nil {
				w.t.Fatal(err)
			}
			ownersID = o.Id
		},
		doors: with(shut("portal_sessions", "SELECT tokenKey FROM portal_users"), map[door]cell{
			portalDoor: attempts(refreshes(testkit.AdaEmail, "staff", "403"), refreshes(testkit.AdaEmail, "_superusers", "403"),
				try{"Ada signs in as staff", "401 INVALID_CREDENTIALS", func(w *world) any {
					return w.api("POST", "/api/collections/staff/auth-with-password", "", map[string]any{"identity": testkit.AdaEmail, "password": testkit.Password})
				}, nil}),
			deskDoor: notADoor("no route of the desk gives a token"),
			staffDoor: attempts(refreshes(testkit.AdminEmail, "portal_users", "403"), refreshes(testkit.AdminEmail, "_superusers", "403"),
				try{"an administrator impersonates a client", "403 SIGN_IN_METHOD_CLOSED", func(w *world) any {
					return w.api("POST", "/api/collections/portal_users/impersonate/"+testkit.AdaLogin, testkit.AdminEmail, map[string]any{})
				}, nil}),
			ownerDoor: among(closed, []try{refreshes(testkit.OwnerEmail, "portal_users", "403"), refreshes(testkit.OwnerEmail, "staff", "403"),
				{"the owner makes a token for longer", "403 SIGN_IN_METHOD_CLOSED", func(w *world) any {
					return w.api("POST", "/api/collections/_superusers/impersonate/"+ownersID, testkit.OwnerEmail, map[string]any{"duration": 1e9})
				}, nil},
				shows("/api/collections"), shows("/api/collections/portal_users"), shows("/api/settings"), shows(records("portal_users") + "/" + testkit.AdaLogin),
				shows(records("portal_users") + "?fields=*,tokenKey,password"), shows(records("portal_sessions"))}),
			systemDoor:     notADoor("a token is signed at sign-in and nowhere else; a save signs none"),
			stampedDoor:    notADoor("a token is signed at sign-in and nowhere else; a save signs none"),
			unvalidateDoor: notADoor("a token is signed at sign-in and nowhere else; a save signs none"),
			sqlDoor:        notADoor("who reads the database reads what its tokens are signed with: its file belongs to the owner of the box"),
		}),
	}
}

func schemaIsFixed() rule {
	requests := []struct {
		method, path string
		body         map[string]any
	}{
		{"POST", "/api/collections", map[string]any{"name": "peek", "type": "view", "viewQuery": "SELECT id, first_name FROM clients", "listRule": ""}},
		{"PATCH", "/api/collections/clients", map[string]any{"listRule": "", "viewRule": ""}},
		{"PATCH", "/api/collections/portal_users", map[string]any{"otp": map[string]any{"enabled": true, "duration": 60, "length": 6}}},
		{"DELETE", "/api/collections/rooms", nil},
		{"PUT", "/api/collections/import", map[string]any{"collections": []any{map[string]any{"name": "peek", "type": "base"}}, "deleteMissing": false}},
	}
	tries := func(want string, emails ...string) (out []try) {
		for _, email := range emails {
			for _, r := range requests {
				out = append(out, try{email + " " + r.method + " " + r.path, want, func(w *world) any { return w.api(r.method, r.path, email, r.body) }, nil})
			}
		}
		return out
	}
	const reason = "migrations change the schema by saving collections: that is the way"
	return rule{
		name: "Collections change by an update of the program only",
		mode: kernel.Production,
		doors: with(shut("clients", "ALTER TABLE clients ADD COLUMN x"), map[door]cell{
			portalDoor: attempts(tries("403", testkit.AdaEmail)...),
			deskDoor:   notADoor("no route of the desk names a collection"),
			staffDoor:  attempts(tries("403", allStaff...)...),
			ownerDoor: attempts(append(tries("403 SCHEMA_FIXED", testkit.OwnerEmail), try{"the owner tries a query of a view", "403 CLOSED", func(w *world) any {
				return w.api("POST", "/api/collections/meta/dry-run-view", testkit.OwnerEmail, map[string]any{"query": "SELECT id FROM clients"})
			}, nil})...),
			systemDoor:     notADoor(reason),
			stampedDoor:    notADoor(reason),
			unvalidateDoor: notADoor(reason),
			sqlDoor:        notADoor("nothing of ours but migrations changes tables, and the console is shut"),
		}),
	}
}

func bodiesAreShownToNobody() rule {
	const code = "Your code is 112233."
	shows := func(emails []string, table, want string) (out []try) {
		for _, email := range emails {
			var got string
			out = append(out, try{email + " reads " + table, want, func(w *world) any {
				r := w.api("GET", records(table)+"?fields=*,payload,response", email, nil)
				got = string(r.Body)
				return r
			}, func(w *world) string {
				var list struct{ TotalItems int }
				if json.Unmarshal([]byte(got), &list); strings.HasPrefix(want, "200") && list.TotalItems == 0 {
					return "there is nothing to be shown"
				}
				for _, s := range []string{"112233", "clientSecret", `"payload"`, `"response"`} {
					if strings.Contains(got, s) {
						return s + " is shown"
					}
				}
				return ""
			}})
		}
		return out
	}
	const reason = "the rule is what an answer shows; a save shows nothing"
	return rule{
		name: "Bodies of mails and kept answers are shown to nobody",
		given: func(w *world) {
			owed(w) // under Idempotency-Keys
			err := w.App.RunInTransaction(func(tx core.App) error {
				return outbox.Mail(tx, outbox.Message{Topic: "verify", To: testkit.AdaEmail, Subject: "Your code", Text: code, Cause: "a code"})
			})
			if err != nil {
				w.t.Fatal(err)
			}
		},
		doors: with(shut("outbox", "SELECT payload FROM outbox"), map[door]cell{
			portalDoor:     notADoor("no route of clients lists mails; /dev/mail exists in demo and development only"),
			deskDoor:       notADoor("no route of the desk lists mails or kept answers"),
			staffDoor:      among(shows(allStaff, "outbox", "403"), shows(allStaff, "idempotency_keys", "403")),
			ownerDoor:      among(shows(owner, "outbox", "200"), shows(owner, "idempotency_keys", "200")),
			systemDoor:     notADoor(reason),
			stampedDoor:    notADoor(reason),
			unvalidateDoor: notADoor(reason),
			sqlDoor:        notADoor("the columns hold ciphertext: see the rule about encrypted columns"),
		}),
	}
}

func ownBookkeeping() rule {
	// a code of one's own choice for somebody else's account, or somebody's code to an address of one's own
	rows := []struct {
		table         string
		made, changed map[string]any
	}{
		{"outbox", map[string]any{"kind": "mail", "topic": "x", "status": "waiting", "next_at": slot, "recipient": testkit.BoEmail, "payload": map[string]any{"to": testkit.BoEmail}},
			map[string]any{"payload": map[string]any{"to": testkit.BoEmail}}},
		{"idempotency_keys", map[string]any{"owner": "client:" + testkit.AdaLogin, "key": "x", "fingerprint": "x", "status": 200, "claimed_at": slot, "response": "{}"},
			map[string]any{"response": "{}"}},
		{"account_tokens", map[string]any{"portal_user": testkit.AdaLogin, "purpose": "reset_password", "link_hash": "chosen", "expires_at": slot},
			map[string]any{"link_hash": "chosen"}},
	}
	var staff, byOwner []try
	for _, r := range rows {
		key := "{" + r.table + "}"
		staff = append(staff, among(posts(allStaff, r.table, r.made, "403"), patches(allStaff, r.table, key, r.changed, "403"), deletes(allStaff, r.table, key, "403")).tries...)
		byOwner = append(byOwner, among(posts(owner, r.table, r.made, "403 PORTAL_WRITES"), patches(owner, r.table, key, r.changed, "403 PORTAL_WRITES"),
			deletes(owner, r.table, key, "403 PORTAL_WRITES")).tries...)
	}
	const itself = "the portal itself writes them by saving, and no endpoint takes them from a person"
	return rule{
		name: "Mails, kept answers and mailed codes are written by the portal alone",
		given: func(w *world) {
			owed(w)
			w.Add(w.t, "account_tokens", map[string]any{"portal_user": testkit.AdaLogin, "purpose": "reset_password", "link_hash": "mailed", "expires_at": slot})
			for _, r := range rows {
				one, err := w.App.FindFirstRecordByFilter(r.table, "id != ''")
				if err != nil {
					w.t.Fatal(r.table, err)
				}
				w.id[r.table] = one.Id
			}
		},
		doors: with(shut("outbox", "DELETE FROM outbox"), map[door]cell{
			portalDoor:     notADoor("no route of clients takes or names such a row"),
			deskDoor:       notADoor("no route of the desk takes or names such a row"),
			staffDoor:      among(staff),
			ownerDoor:      among(byOwner),
			systemDoor:     notADoor(itself),
			stampedDoor:    notADoor(itself),
			unvalidateDoor: notADoor(itself),
			sqlDoor:        notADoor("what the program deletes by SQL is old: the list is in TestNoCodeGoesAround"),
		}),
	}
}
