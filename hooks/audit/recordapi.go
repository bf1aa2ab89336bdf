package audit

import (
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"
	"github.com/pocketbase/pocketbase/tools/router"

	"anteroom/hooks/kernel"
)

// Reads through PocketBase's own record API: the dashboard of staff and owner.
//
// One line is written for each client and kind of record that is shown. Expanded relations are loaded between the
// request hook and the answer, and no hook lies there but OnRecordEnrich: PocketBase nests it over all records of
// an answer and loads the relations innermost. So when the first record's hook comes back from Next, everything
// that will be shown is known, and an error still stops the answer.

// reading is one request whose answer is about to show records.
type reading struct {
	event    *core.RequestEvent
	verb     string // LIST or VIEW
	records  []*core.Record
	expanded bool // only relations are new to the caller: the record itself was just written
}

func bindRecordAPI(app core.App) {
	var open sync.Map // *core.RequestInfo -> *reading

	during := func(r *reading, next func() error) error {
		info, err := r.event.RequestInfo()
		if err != nil {
			return err
		}
		if len(r.records) > 0 {
			open.Store(info, r)
			defer open.Delete(info)
		}
		return next()
	}
	// priority 99: after whatever else our hooks decide about the records
	app.OnRecordsListRequest().Bind(&hook.Handler[*core.RecordsListRequestEvent]{Id: "auditReads", Priority: 99,
		Func: func(e *core.RecordsListRequestEvent) error {
			return during(&reading{event: e.RequestEvent, verb: "LIST", records: e.Records}, e.Next)
		}})
	app.OnRecordViewRequest().Bind(&hook.Handler[*core.RecordRequestEvent]{Id: "auditReads", Priority: 99,
		Func: func(e *core.RecordRequestEvent) error {
			return during(&reading{event: e.RequestEvent, verb: "VIEW", records: []*core.Record{e.Record}}, e.Next)
		}})
	written := func(e *core.RecordRequestEvent) error {
		return during(&reading{event: e.RequestEvent, verb: "VIEW", records: []*core.Record{e.Record}, expanded: true}, e.Next)
	}
	app.OnRecordCreateRequest().Bind(&hook.Handler[*core.RecordRequestEvent]{Id: "auditReads", Priority: 99, Func: written})
	app.OnRecordUpdateRequest().Bind(&hook.Handler[*core.RecordRequestEvent]{Id: "auditReads", Priority: 99, Func: written})

	app.OnRecordEnrich().Bind(&hook.Handler[*core.RecordEnrichEvent]{Id: "auditReads", Func: func(e *core.RecordEnrichEvent) error {
		if err := e.Next(); err != nil {
			return err
		}
		v, ok := open.Load(e.RequestInfo)
		if !ok || v.(*reading).records[0] != e.Record {
			return nil
		}
		return readOrStop(e.App, v.(*reading).entries()...)
	}})

	app.OnRealtimeSubscribeRequest().Bind(&hook.Handler[*core.RealtimeSubscribeRequestEvent]{Id: "auditReads", Priority: 99, Func: lineForSubscription})

	app.OnFileDownloadRequest().Bind(&hook.Handler[*core.FileDownloadRequestEvent]{Id: "auditReads", Priority: 99,
		Func: func(e *core.FileDownloadRequestEvent) error {
			if isPersonal(e.Record) {
				resource := ResourceType(e.Record.Collection().Name)
				entry := EntryFor(whoDownloads(e.RequestEvent), Action("DOWNLOAD_"+resource), resource, e.Record.Id)
				entry.Client = clientOf(e.Record)
				if err := readOrStop(e.App, entry); err != nil {
					return err
				}
			}
			return e.Next()
		}})
}

// lineForSubscription notes who watches what. Events come by themselves afterwards, to several people at once, and
// no person asks for each: the line is about the opened view. Only staff and owner get here; clients have a hub of
// their own, which writes a line for each record it sends.
func lineForSubscription(e *core.RealtimeSubscribeRequestEvent) error {
	var entries []Entry
	for _, topic := range e.Subscriptions {
		name := topic
		if i := strings.IndexAny(topic, "/?"); i >= 0 { // what follows may hold anything: an id, a filter, headers
			name = topic[:i]
		}
		c, err := e.App.FindCachedCollectionByNameOrId(name)
		if err != nil {
			continue // not a topic about records
		}
		entry := EntryFor(kernel.ActorFrom(e.RequestEvent), Subscribe, ResourceType(c.Name), "")
		if !slices.ContainsFunc(entries, func(o Entry) bool { return o.ResourceType == entry.ResourceType }) {
			entries = append(entries, entry)
		}
	}
	if err := readOrStop(e.App, entries...); err != nil {
		return err
	}
	return e.Next()
}

// readOrStop is Read with an error in PocketBase's words: its handlers pass on no other error's status, and do not
// log it.
func readOrStop(app core.App, entries ...Entry) error {
	err := Read(app, entries...)
	if err == nil {
		return nil
	}
	app.Logger().Error("a read could not be written to the audit log, nothing was shown", "error", err)
	return router.NewApiError(http.StatusServiceUnavailable, "The audit log cannot be written; nothing can be shown.", nil)
}

// isPersonal tells whether a record says something about a client: it is one, belongs to one, or is a login.
func isPersonal(r *core.Record) bool {
	return clientOf(r) != "" || r.Collection().Name == "portal_users"
}

// entries makes one line for each client and collection, in the order in which they are shown.
func (r *reading) entries() []Entry {
	type key struct{ client, collection string }
	var keys []key
	shown := map[key][]string{}
	seen := map[*core.Record]bool{}
	var collect func(records []*core.Record, self bool)
	collect = func(records []*core.Record, self bool) {
		for _, rec := range records {
			if seen[rec] {
				continue
			}
			seen[rec] = true
			if self && isPersonal(rec) {
				k := key{clientOf(rec), rec.Collection().Name}
				if shown[k] == nil {
					keys = append(keys, k)
				}
				if !slices.Contains(shown[k], rec.Id) {
					shown[k] = append(shown[k], rec.Id)
				}
			}
			for name := range rec.Expand() {
				collect(rec.ExpandedAll(name), true)
			}
		}
	}
	collect(r.records, !r.expanded)

	actor := kernel.ActorFrom(r.event)
	main := r.records[0].Collection().Name
	entries := make([]Entry, 0, len(keys))
	for _, k := range keys {
		resource := ResourceType(k.collection)
		entry := EntryFor(actor, Action("VIEW_"+resource), resource, "")
		if r.verb == "LIST" && k.collection == main {
			entry.Action = Action("LIST_" + plural(resource))
		}
		entry.Client = k.client
		if ids := shown[k]; len(ids) == 1 {
			entry.ResourceID = ids[0]
		} else {
			entry.Details = Details{"records": len(ids)}
		}
		entries = append(entries, entry)
	}
	return entries
}

func plural(resource string) string {
	switch {
	case strings.HasSuffix(resource, "S"):
		return resource
	case strings.HasSuffix(resource, "Y"):
		return strings.TrimSuffix(resource, "Y") + "IES"
	}
	return resource + "S"
}
