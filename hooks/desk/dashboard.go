// Package desk owns the staff's workplace: PocketBase's dashboard opened to members of staff, who are no superusers,
// with our Front desk in it (ext/anteroom), and closed where it would go around the rules or the audit log.
//
// It reads collections and settings and writes nothing. What staff may see and do is decided elsewhere, by the
// collections' API rules, the model hooks and the desk's routes; this package only answers what the dashboard asks
// for when it starts, with no more than those rules admit.
//
// What must never happen: a hidden field, or an encrypted one that their role does not read, named to staff; a
// superuser's endpoint answered to them, a text of a client set as HTML, a change of the schema in a running clinic, a read or write that leaves no audit line.
package desk

import (
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"
	"github.com/pocketbase/pocketbase/tools/search"

	"anteroom/collections"
	"anteroom/hooks/kernel"
)

//go:embed all:ext/anteroom
var extension embed.FS

// dashboardPolicy admits our own origin only. Inline style is what PocketBase's pages are made of.
const dashboardPolicy = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; " +
	"object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"

// BindDashboard opens the dashboard to staff, adds the extension, and closes the ways around, for the owner too. If an
// upgrade of PocketBase changes what its pages ask for, staff see an empty page and no more than before.
func BindDashboard(app core.App) {
	app.OnServe().BindFunc(func(se *core.ServeEvent) error {
		files, err := fs.Sub(extension, "ext/anteroom")
		if err != nil {
			return err
		}
		se.UIExtensions = append(se.UIExtensions, core.UIExtension{Name: "anteroom", FS: files})
		se.Router.Bind(&hook.Handler[*core.RequestEvent]{Id: "desk.pages", Priority: -50, Func: pageHeaders})
		// after the session check, before PocketBase asks for a superuser
		se.Router.Bind(&hook.Handler[*core.RequestEvent]{Id: "desk.closed", Priority: -50, Func: refuseWaysAround})
		se.Router.Bind(&hook.Handler[*core.RequestEvent]{Id: "desk.bootstrap", Priority: -40, Func: answerBootstrap})
		return se.Next()
	})
	app.OnCollectionCreateRequest().BindFunc(refuseSchemaEdit)
	app.OnCollectionUpdateRequest().BindFunc(refuseSchemaEdit)
	app.OnCollectionDeleteRequest().BindFunc(refuseSchemaEdit)
	app.OnCollectionsImportRequest().BindFunc(func(e *core.CollectionsImportRequestEvent) error {
		if refusal := schemaIsFixed(e.App); refusal != nil {
			return kernel.Refuse(e.RequestEvent, refusal)
		}
		return e.Next()
	})
}

// pageHeaders: PocketBase lets browsers keep extensions for two weeks under the same name, so that they would go on
// running an old one after an upgrade.
func pageHeaders(e *core.RequestEvent) error {
	if path := e.Request.URL.Path; strings.HasPrefix(path, "/_/") {
		e.Response.Header().Set("Content-Security-Policy", dashboardPolicy)
		if strings.HasPrefix(path, "/_/extensions") {
			e.Response.Header().Set("Cache-Control", "no-cache")
		}
	}
	return e.Next()
}

// waysAround are doors of PocketBase that no rule, hook or audit line watches. They are closed for everybody, with
// what is said instead.
var waysAround = map[string]string{
	"POST /api/sql": "The SQL console is closed: what it reads and changes would leave no line in the audit log.",
	"POST /api/collections/meta/dry-run-view":             "Trying out queries is closed: what they read would leave no line in the audit log.",
	"DELETE /api/collections/{collection}/truncate":       "A collection cannot be emptied: records of care are kept.",
	"POST /api/collections/{collection}/impersonate/{id}": "Nobody acts as somebody else here: the audit log names who did what.",
	"POST /api/backups":                                   "Backups are not made here: the clinic would stand still meanwhile, and the copy would lie beside what it copies.",
	"POST /api/backups/upload":                            "A backup cannot be put in from here: it would replace the records and their audit log.",
	"POST /api/backups/{key}/restore":                     "A backup cannot be restored from here: it would replace the records and their audit log.",
	"POST /api/batch":                                     "Batch requests are closed. Send one request at a time.",
}

func refuseWaysAround(e *core.RequestEvent) error {
	if sentence, closed := waysAround[e.Request.Pattern]; closed {
		return kernel.Refuse(e, kernel.Forbidden("CLOSED", sentence))
	}
	return e.Next()
}

func refuseSchemaEdit(e *core.CollectionRequestEvent) error {
	if refusal := schemaIsFixed(e.App); refusal != nil {
		return kernel.Refuse(e.RequestEvent, refusal)
	}
	return e.Next()
}

// schemaIsFixed: collections change by migrations, which are reviewed and the same everywhere. Who develops may try.
func schemaIsFixed(app core.App) *kernel.Error {
	if kernel.ConfigOf(app).Mode == kernel.Dev {
		return nil
	}
	return kernel.Forbidden("SCHEMA_FIXED", "Collections are changed by an update of Anteroom, not in the dashboard.")
}

// answerBootstrap gives staff what the dashboard asks for when it starts and PocketBase gives superusers only.
func answerBootstrap(e *core.RequestEvent) error {
	if e.Request.Method != http.MethodGet || kernel.ActorFrom(e).Kind != kernel.KindStaff {
		return e.Next()
	}
	switch e.Request.Pattern {
	case "GET /api/settings":
		// hideControls would make every edit need an unlocking click; what it hides, the extension hides for staff
		return e.JSON(http.StatusOK, map[string]any{"meta": map[string]any{"appName": collections.Settings(e.App).ClinicName, "hideControls": false}})
	case "GET /api/collections":
		items, err := collectionsFor(e)
		if err != nil {
			return kernel.Refuse(e, kernel.Internal(err))
		}
		// perPage is more than there are: the SDK asks for another page as long as one comes back full
		return e.JSON(http.StatusOK, map[string]any{"page": 1, "perPage": 1000, "totalItems": len(items), "totalPages": 1, "items": items})
	case "GET /api/collections/meta/scaffolds":
		return e.JSON(http.StatusOK, map[string]any{})
	case "GET /api/collections/meta/oauth2-providers":
		return e.JSON(http.StatusOK, []any{})
	}
	return e.Next()
}

// collectionsFor lists the collections whose list rule admits the caller, without their hidden fields.
func collectionsFor(e *core.RequestEvent) ([]map[string]any, error) {
	info, err := e.RequestInfo()
	if err != nil {
		return nil, err
	}
	all, err := e.App.FindAllCollections()
	if err != nil {
		return nil, err
	}
	items := []map[string]any{}
	for _, c := range all {
		lists, err := admits(e.App, c, info, c.ListRule)
		if err != nil {
			return nil, err
		}
		if !lists {
			continue
		}
		item, err := shape(c, kernel.ActorFrom(e).Role)
		if err != nil {
			return nil, err
		}
		// An empty rule means "yes" and null "no" to the dashboard; the rules themselves are nobody's business.
		for name, rule := range map[string]*string{"listRule": c.ListRule, "viewRule": c.ViewRule, "createRule": c.CreateRule,
			"updateRule": c.UpdateRule, "deleteRule": c.DeleteRule} {
			yes, err := admits(e.App, c, info, rule)
			if err != nil {
				return nil, err
			}
			if item[name] = nil; yes {
				item[name] = ""
			}
		}
		items = append(items, item)
	}
	return items, nil
}

// aboutTheRow is a comparison in a rule that begins with a column: what it says depends on the row.
var aboutTheRow = regexp.MustCompile(`(^|[\s(])[a-z_][\w.]* \??(?:!=|<=|>=|=|<|>) (?:"[^"]*"|@[\w.]+)`)

// admits tells whether a rule could let the caller through for some record: only what it says about the caller
// decides. It is asked with its conditions on the row taken as true, for a row of nothing but NULLs. PocketBase's own
// collections keep theirs, which are about nobody here.
func admits(app core.App, c *core.Collection, info *core.RequestInfo, rule *string) (bool, error) {
	if rule == nil || *rule == "" {
		return rule != nil, nil
	}
	resolver := core.NewRecordFieldResolver(app, c, info, true)
	text := *rule
	if !c.System {
		text = aboutTheRow.ReplaceAllString(text, "${1}1 = 1")
	}
	expr, err := search.FilterData(text).BuildExpr(resolver)
	if err != nil {
		return false, err
	}
	query := app.ConcurrentDB().Select("(1)").From("sqlite_schema").LeftJoin(c.Name, dbx.NewExp("1 = 0"))
	if err := resolver.UpdateQuery(query); err != nil {
		return false, err
	}
	var one int
	err = query.Where(expr).Limit(1).Row(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// shape is what the dashboard needs to show a collection's records to a role: its fields, among the encrypted ones
// those that the role reads.
func shape(c *core.Collection, role string) (map[string]any, error) {
	raw, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	var full struct {
		Fields []map[string]any `json:"fields"`
	}
	if err := json.Unmarshal(raw, &full); err != nil {
		return nil, err
	}
	fields := []map[string]any{}
	reads, writes := collections.SealedReadBy(c.Name, role), collections.SealedWrittenBy(c.Name, role)
	for _, f := range full.Fields {
		name, _ := f["name"].(string)
		if slices.Contains(reads, name) {
			f["hidden"] = false
			if !slices.Contains(writes, name) {
				f["readOnly"] = true
			}
		}
		if f["hidden"] != true {
			fields = append(fields, f)
		}
	}
	item := map[string]any{"id": c.Id, "name": c.Name, "type": c.Type, "system": c.System, "fields": fields, "indexes": []any{},
		"created": c.Created, "updated": c.Updated}
	if c.IsAuth() {
		item["passwordAuth"] = map[string]any{"enabled": true, "identityFields": []string{core.FieldNameEmail}}
		item["oauth2"] = map[string]any{"enabled": false, "providers": []any{}}
		item["mfa"], item["otp"] = map[string]any{"enabled": false}, map[string]any{"enabled": false}
	}
	return item, nil
}
