package audit

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"sync"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"

	"anteroom/hooks/kernel"
)

// Changes of the server itself: PocketBase's settings and the collections. They commit with their line; PocketBase keeps
// its answer back until then.

func bindServerChanges(app core.App) {
	app.OnSettingsUpdateRequest().Bind(&hook.Handler[*core.SettingsUpdateRequestEvent]{Id: "auditSettings", Priority: 99,
		Func: func(e *core.SettingsUpdateRequestEvent) error {
			changed := differing(e.App, e.OldSettings, e.NewSettings) // names, never values: some are passwords
			return withLine(e.RequestEvent, e.Next, func() Entry {
				return Entry{Action: ChangeSettings, ResourceType: "SETTINGS", Details: Details{"changed": changed}}
			})
		}})
	change := func(action Action) *hook.Handler[*core.CollectionRequestEvent] {
		return &hook.Handler[*core.CollectionRequestEvent]{Id: "auditCollections", Priority: 99, Func: func(e *core.CollectionRequestEvent) error {
			return withLine(e.RequestEvent, e.Next, func() Entry {
				return Entry{Action: action, ResourceType: "COLLECTION", ResourceID: e.Collection.Name}
			})
		}}
	}
	app.OnCollectionCreateRequest().Bind(change("CREATE_COLLECTION"))
	app.OnCollectionUpdateRequest().Bind(change("UPDATE_COLLECTION"))
	app.OnCollectionDeleteRequest().Bind(change("DELETE_COLLECTION"))
	app.OnCollectionsImportRequest().Bind(&hook.Handler[*core.CollectionsImportRequestEvent]{Id: "auditCollections", Priority: 99,
		Func: func(e *core.CollectionsImportRequestEvent) error {
			return withLine(e.RequestEvent, e.Next, func() Entry {
				return Entry{Action: "IMPORT_COLLECTIONS", ResourceType: "COLLECTION", Details: Details{"records": len(e.CollectionsData)}}
			})
		}})
}

func withLine(e *core.RequestEvent, next func() error, entry func() Entry) error {
	outer := e.App
	defer func() { e.App = outer }() // hooks around this one must not see a finished transaction
	return outer.RunInTransaction(func(tx core.App) error {
		e.App = tx
		if err := next(); err != nil {
			return err
		}
		line := entry()
		line.Actor = kernel.ActorFrom(e)
		return Append(tx, line)
	})
}

// differing names the settings that are not the same, as "smtp.host". With PocketBase's own encryption of settings only
// those that it shows are compared.
func differing(app core.App, before, after *core.Settings) []string {
	a, b := flat(app, before), flat(app, after)
	changed := []string{}
	for key := range a {
		if !reflect.DeepEqual(a[key], b[key]) {
			changed = append(changed, key)
		}
	}
	for key := range b {
		if _, there := a[key]; !there {
			changed = append(changed, key)
		}
	}
	slices.Sort(changed)
	return changed
}

func flat(app core.App, s *core.Settings) map[string]any {
	groups := map[string]any{}
	stored, err := s.DBExport(app)
	if err == nil {
		raw, _ := stored["value"].([]byte)
		err = json.Unmarshal(raw, &groups)
	}
	if err != nil {
		if raw, err := s.MarshalJSON(); err == nil {
			_ = json.Unmarshal(raw, &groups)
		}
	}
	out := map[string]any{}
	for group, v := range groups {
		fields, ok := v.(map[string]any)
		if !ok {
			out[group] = v
		}
		for name, value := range fields {
			out[group+"."+name] = value
		}
	}
	return out
}

// Migrate runs migrations and leaves one line that says what they changed: the names of the migrations and of the
// collections. A directory that is begun now has no log before, and its line says so by its number.
func Migrate(app core.App, migrate func() error) error {
	var mu sync.Mutex
	touched := map[string]bool{}
	note := &hook.Handler[*core.CollectionEvent]{Id: "auditMigrations", Func: func(e *core.CollectionEvent) error {
		mu.Lock()
		touched[e.Collection.Name] = true
		mu.Unlock()
		return e.Next()
	}}
	for _, h := range []*hook.TaggedHook[*core.CollectionEvent]{app.OnCollectionAfterCreateSuccess(), app.OnCollectionAfterUpdateSuccess(), app.OnCollectionAfterDeleteSuccess()} {
		h.Bind(note)
		defer h.Unbind(note.Id)
	}
	before, err := migrations(app)
	if err != nil {
		return err
	}
	if err := migrate(); err != nil {
		return err
	}
	after, err := migrations(app)
	if err != nil {
		return err
	}
	ran := after[min(len(before), len(after)):]
	if len(ran) == 0 {
		return nil
	}
	details := Details{"migrations": ran, "collections": slices.Sorted(maps.Keys(touched))}
	if raw, _ := json.Marshal(details); len(raw) > maxDetails {
		details = Details{"migrations": len(ran), "collections": len(touched)}
	}
	return commitNow(app, Entry{Actor: kernel.System(), Action: SchemaChanged, ResourceType: "COLLECTION", Details: details})
}

func migrations(app core.App) (files []string, err error) {
	if !app.HasTable(core.DefaultMigrationsTable) {
		return nil, nil
	}
	err = app.ConcurrentDB().Select("file").From(core.DefaultMigrationsTable).
		Where(dbx.Not(dbx.HashExp{"file": ""})).OrderBy("applied", "file").Column(&files)
	return files, err
}
