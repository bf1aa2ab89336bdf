package files

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
	"anteroom/hooks/phi"
)

// deskClient is whose file it is.
type deskClient struct {
	ID        string `json:"id"`
	FirstName string `json:"firstName"`
	LastName  string `json:"lastName"`
}

// deskUpload is a file as the desk reads it.
type deskUpload struct {
	ID         string     `json:"id"`
	Client     deskClient `json:"client"`
	Purpose    string     `json:"purpose"`
	Name       string     `json:"name"`
	MIME       string     `json:"mime"`
	Size       int        `json:"size"`
	UploadedAt time.Time  `json:"uploadedAt"`
	Scan       string     `json:"scan"`
	Finding    string     `json:"finding,omitempty"`
	ReleasedAt *time.Time `json:"releasedAt,omitempty"`
}

func deskUploadOf(app core.App, r *core.Record) (deskUpload, error) {
	u := collections.AsUpload(r)
	name, err := phi.Text(r, "name")
	if err != nil {
		name = "" // one value that cannot be read must not hide the others
	}
	c, err := app.FindRecordById(collections.Clients, u.Client())
	if err != nil {
		return deskUpload{}, err
	}
	client := collections.AsClient(c)
	return deskUpload{ID: u.Id, Client: deskClient{client.Id, client.FirstName(), client.LastName()}, Purpose: u.Purpose(), Name: name,
		MIME: u.MIME(), Size: u.Size(), UploadedAt: u.GetDateTime("created").Time(), Scan: string(u.Scan()), Finding: u.Finding(),
		ReleasedAt: instant(r, "released_at")}, nil
}

// listUploads gives the files of clients within reach that wait for something, or were blocked, the newest first.
func listUploads(c *kernel.Call) (*kernel.Reply, error) {
	page, err := c.Page()
	if err != nil {
		return nil, err
	}
	where := kernel.WithinReach(c.App, c.Actor, "client")
	states := []string{string(collections.ScanPending), string(collections.ScanNotScanned), string(collections.ScanBlocked)}
	switch scan := c.Request.URL.Query().Get("scan"); {
	case scan == "":
		where = dbx.And(where, dbx.NewExp("scan <> 'clean'"))
	case slices.Contains(states, scan):
		where = dbx.And(where, dbx.NewExp("scan <> 'clean'"), dbx.HashExp{"scan": scan})
	default:
		return nil, kernel.Invalid("", "That state does not exist.").Field("scan", "option", "Must be one of: "+strings.Join(states, ", ")+".")
	}
	var total int
	if err := c.App.ConcurrentDB().Select("count(*)").From(collections.Uploads).Where(where).Row(&total); err != nil {
		return nil, err
	}
	rows := []*core.Record{}
	err = c.App.RecordQuery(collections.Uploads).AndWhere(where).OrderBy("created DESC", "id").
		Limit(int64(page.Limit)).Offset(int64(page.Offset)).All(&rows)
	if err != nil {
		return nil, err
	}
	items, count := make([]deskUpload, len(rows)), map[string]int{}
	for i, r := range rows {
		if items[i], err = deskUploadOf(c.App, r); err != nil {
			return nil, err
		}
		count[items[i].Client.ID]++
	}
	var lines []audit.Entry // one for each client, so that each can see who looked
	for _, client := range slices.Sorted(maps.Keys(count)) {
		line := audit.EntryFor(c.Actor, audit.ListFiles, audit.File, "")
		line.Client, line.Details = client, audit.Details{"records": count[client]}
		lines = append(lines, line)
	}
	if len(lines) == 0 {
		lines = append(lines, audit.EntryFor(c.Actor, audit.ListFiles, audit.File, ""))
	}
	if err := audit.Read(c.App, lines...); err != nil {
		return nil, err
	}
	return kernel.Listed(map[string]any{"uploads": items, "pagination": page.Of(total)}, page, total), nil
}

// uploadWithinReach finds a file of a client whose record the caller reaches. Others do not exist for them.
func uploadWithinReach(app core.App, c *kernel.Call) (*core.Record, error) {
	r, err := app.FindRecordById(collections.Uploads, c.ID())
	if err != nil {
		return nil, err
	}
	return r, refuseOutOfReach(app, c.Actor, r.GetString("client"))
}

func fetchUpload(c *kernel.Call) (*kernel.Reply, error) {
	r, err := uploadWithinReach(c.App, c)
	if err != nil {
		return nil, err
	}
	return Serve(c, collections.AsUpload(r), audit.DownloadFile)
}

func releaseUpload(c *kernel.Call) (*kernel.Reply, error) {
	return decide(c, audit.ReleaseFile, func(r *core.Record) { r.Set("released_at", kernel.Now(c.App)) })
}

func blockUpload(c *kernel.Call) (*kernel.Reply, error) {
	return decide(c, audit.BlockFile, func(r *core.Record) { r.Set("scan", string(collections.ScanBlocked)) })
}

// decide keeps what somebody of the staff decided about a file, by whom and why.
func decide(c *kernel.Call, action audit.Action, change func(*core.Record)) (*kernel.Reply, error) {
	var in struct{ Reason string }
	if err := c.Bind(&in); err != nil {
		return nil, err
	}
	var decided *core.Record
	err := c.App.RunInTransaction(func(tx core.App) error {
		r, err := uploadWithinReach(tx, c)
		if err != nil {
			return err
		}
		before := collections.AsUpload(r)
		if action == audit.BlockFile && before.Scan() == collections.ScanBlocked ||
			action == audit.ReleaseFile && (before.Scan() != collections.ScanNotScanned || before.Released()) {
			return kernel.Conflict("ALREADY_DECIDED", "This file was decided on already, or is not for the staff to decide.").With("scan", string(before.Scan()))
		}
		r.Set("reason", strings.TrimSpace(in.Reason))
		r.Set("decided_by", by(c.Actor))
		r.Set("decided_at", kernel.Now(tx))
		change(r)
		audit.As(r, action)
		decided = r
		return kernel.SaveAs(tx, c.Actor, r)
	})
	if err != nil {
		return nil, err
	}
	item, err := deskUploadOf(c.App, decided)
	return kernel.OK(item), err
}
