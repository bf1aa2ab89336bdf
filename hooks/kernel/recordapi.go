package kernel

import (
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/ganigeorgiev/fexpr"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"
	"github.com/pocketbase/pocketbase/tools/search"
)

// bindClientsStayOut closes PocketBase's record API to portal users, whatever the rules of a collection say. Ours
// admit none of them; those of PocketBase's own collections (_externalAuths and others) admit every account to the
// rows about itself, and cannot be changed.
func bindClientsStayOut(app core.App) {
	app.OnServe().BindFunc(func(se *core.ServeEvent) error {
		// after the session check, which knows the caller
		se.Router.Bind(&hook.Handler[*core.RequestEvent]{Id: "kernel.clientsStayOut", Priority: -60, Func: refuseClientsAtRecords})
		return se.Next()
	})
}

func refuseClientsAtRecords(e *core.RequestEvent) error {
	if strings.Contains(e.Request.Pattern, " /api/collections/{collection}/records") && ActorFrom(e).Kind == KindClient {
		return Refuse(e, Forbidden("RECORD_API_CLOSED", "What is yours is read and written in the portal."))
	}
	return e.Next()
}

// WrittenByPortalAlone closes the record API's writes of collections that no person writes, not even the owner: what
// they changed would stand there as if the portal had done it.
func WrittenByPortalAlone(app core.App, collections ...string) {
	refuse := func(e *core.RecordRequestEvent) error {
		return Refuse(e.RequestEvent, Forbidden("PORTAL_WRITES", "The portal writes this itself."))
	}
	app.OnRecordCreateRequest(collections...).BindFunc(refuse)
	app.OnRecordUpdateRequest(collections...).BindFunc(refuse)
	app.OnRecordDeleteRequest(collections...).BindFunc(refuse)
}

// bindSecretFields keeps secrets out of questions. What is never shown must not be asked about either: a filter or a
// sort order over a hash, a key or a sealed column tells it bit by bit, and PocketBase lets owners name every field.
func bindSecretFields(app core.App) {
	app.OnServe().BindFunc(func(se *core.ServeEvent) error {
		se.Router.Bind(&hook.Handler[*core.RequestEvent]{Id: "kernel.secretFields", Priority: -59, Func: refuseProbing})
		return se.Next()
	})
	app.OnRealtimeSubscribeRequest().BindFunc(func(e *core.RealtimeSubscribeRequestEvent) error {
		for _, topic := range e.Subscriptions {
			if refusal := refuseProbingTopic(e.App, ActorFrom(e.RequestEvent), topic); refusal != nil {
				return Refuse(e.RequestEvent, refusal)
			}
		}
		return e.Next()
	})
}

func refuseProbing(e *core.RequestEvent) error {
	if !strings.HasPrefix(e.Request.Pattern, "GET /api/collections/{collection}/records") {
		return e.Next()
	}
	c, err := e.App.FindCachedCollectionByNameOrId(e.Request.PathValue("collection"))
	if err != nil {
		return e.Next() // PocketBase says that there is none
	}
	q := e.Request.URL.Query()
	if refusal := refuseSecrets(e.App, ActorFrom(e), c, q[search.FilterQueryParam], q[search.SortQueryParam]); refusal != nil {
		return Refuse(e, refusal)
	}
	return e.Next()
}

// refuseProbingTopic reads a topic's options as PocketBase does: "clients/*?options={"query":{"filter":"…"}}". Related
// records do not come with live events: nobody would note that they were shown.
func refuseProbingTopic(app core.App, by Actor, topic string) *Error {
	at, err := url.Parse(topic)
	if err != nil {
		return nil //nolint:nilerr // PocketBase reads no options from it either
	}
	name, _, _ := strings.Cut(at.Path, "/")
	c, err := app.FindCachedCollectionByNameOrId(name)
	if err != nil {
		return nil //nolint:nilerr // not a topic about records
	}
	var options struct {
		Query map[string]any `json:"query"`
	}
	_ = json.Unmarshal([]byte(at.Query().Get("options")), &options) // PocketBase uses what it can read, too
	if _, expands := options.Query["expand"]; expands {
		return Invalid("LIVE_EXPAND", "Related records can't be listened to along with others.")
	}
	filter, _ := options.Query[search.FilterQueryParam].(string)
	sort, _ := options.Query[search.SortQueryParam].(string)
	return refuseSecrets(app, by, c, []string{filter}, []string{sort})
}

func refuseSecrets(app core.App, by Actor, c *core.Collection, filters, sorts []string) *Error {
	var paths []string
	for _, filter := range filters {
		if parsed, err := fexpr.Parse(filter); err == nil { // what does not parse here does not parse in PocketBase
			paths = appendPaths(paths, parsed)
		}
	}
	for _, sort := range sorts {
		for _, f := range search.ParseSortFromString(sort) {
			paths = append(paths, f.Name)
		}
	}
	for _, path := range paths {
		// PocketBase compares all the rows that point here, also those that the rule of their collection hides from the
		// caller: what is out of reach could be asked about letter by letter. It does so for everybody but the owner.
		if by.Kind != KindOwner && goesBack(path) {
			return Invalid("BACK_RELATION", "A list can't be searched or sorted by what other records say about its own.")
		}
		secret, err := namesSecret(app, c, path)
		if err != nil {
			return Internal(err)
		}
		if secret {
			return Invalid("SECRET_FIELD", "A list can't be searched or sorted by a field that is kept secret.")
		}
	}
	return nil
}

// appendPaths collects the fields that a parsed filter names, those in functions too. Texts name none.
func appendPaths(paths []string, groups []fexpr.ExprGroup) []string {
	var collect func(t fexpr.Token)
	collect = func(t fexpr.Token) {
		switch t.Type {
		case fexpr.TokenIdentifier:
			paths = append(paths, t.Literal)
		case fexpr.TokenFunction:
			args, _ := t.Meta.([]fexpr.Token)
			for _, arg := range args {
				collect(arg)
			}
		}
	}
	for _, g := range groups {
		switch item := g.Item.(type) {
		case fexpr.Expr:
			collect(item.Left)
			collect(item.Right)
		case fexpr.ExprGroup:
			paths = appendPaths(paths, []fexpr.ExprGroup{item})
		case []fexpr.ExprGroup:
			paths = appendPaths(paths, item)
		}
	}
	return paths
}

var backRelation = regexp.MustCompile(`^(\w+)_via_(\w+)$`)

// goesBack tells whether a path leads from a row to the rows that point at it.
func goesBack(path string) bool {
	return slices.ContainsFunc(strings.Split(path, "."), func(prop string) bool {
		name, _, _ := strings.Cut(prop, ":")
		return backRelation.MatchString(name)
	})
}

// namesSecret follows a path of the filter language ("client.email:lower", "client_access_via_client.portal_user.id",
// "@collection.staff:x.tokenKey") from field to field. Where the way is lost ("@request.…", a field that is not there),
// every name that is a secret anywhere counts as one.
func namesSecret(app core.App, c *core.Collection, path string) (bool, error) {
	props := strings.Split(path, ".")
	switch {
	case props[0] == "@collection" && len(props) > 1:
		name, _, _ := strings.Cut(props[1], ":")
		c, _ = app.FindCachedCollectionByNameOrId(name)
		props = props[2:]
	case strings.HasPrefix(props[0], "@"):
		c, props = nil, props[1:]
	}
	for i, prop := range props {
		name, _, _ := strings.Cut(prop, ":")
		var f core.Field
		if c != nil {
			f = c.Fields.GetByName(name)
		}
		if f == nil {
			via := backRelation.FindStringSubmatch(name)
			if c == nil || via == nil {
				return anySecret(app, props[i:])
			}
			c, _ = app.FindCachedCollectionByNameOrId(via[1])
			continue
		}
		if isSecret(f) {
			return true, nil
		}
		switch to, _ := f.(*core.RelationField); {
		case to != nil:
			c, _ = app.FindCachedCollectionByNameOrId(to.CollectionId)
		case f.Type() == core.FieldTypeJSON:
			return false, nil // what follows is inside its value
		default:
			c = nil
		}
	}
	return false, nil
}

// anySecret tells whether one of the names is that of a secret of any collection.
func anySecret(app core.App, props []string) (bool, error) {
	all, err := app.FindAllCollections()
	if err != nil {
		return false, err
	}
	for _, prop := range props {
		name, _, _ := strings.Cut(prop, ":")
		for _, c := range all {
			if f := c.Fields.GetByName(name); f != nil && isSecret(f) {
				return true, nil
			}
		}
	}
	return false, nil
}

// isSecret: passwords, token keys and the hashes of codes and links are hidden; sealed fields keep their type even where
// somebody may read them.
func isSecret(f core.Field) bool {
	return f.GetHidden() || f.Type() == core.FieldTypePassword || f.Type() == "encrypted"
}
