package files

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/filesystem"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
	"anteroom/hooks/outbox"
	"anteroom/hooks/phi"
)

const (
	jobScan   = "files.scan"
	jobRemove = "files.remove"
)

type fileJob struct {
	Upload string `json:"upload"`
}

// scanner has each waiting file looked at, by whoever asks first: the sender's request, or the outbox.
type scanner struct {
	app     core.App
	ctx     context.Context
	cancel  context.CancelFunc
	mu      sync.Mutex
	looking map[string]chan struct{}
	running sync.WaitGroup
	down    time.Time // until then nobody is asked again: a hanging daemon must not hold up the outbox
}

const (
	scannerKey = "anteroom.files.scanner"
	leaveAlone = 10 * time.Second
)

func newScanner(app core.App) *scanner {
	s := &scanner{app: app, looking: map[string]chan struct{}{}}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	app.Store().Set(scannerKey, s)
	return s
}

func scannerOf(app core.App) *scanner { return app.Store().Get(scannerKey).(*scanner) }

func (s *scanner) stop() {
	s.cancel()
	s.running.Wait()
}

// once looks at a file unless somebody does already, and waits a while for the result.
func (s *scanner) once(id string, wait time.Duration) {
	s.mu.Lock()
	done, busy := s.looking[id]
	if !busy && s.ctx.Err() == nil {
		done = make(chan struct{})
		s.looking[id] = done
		s.running.Go(func() {
			defer func() {
				s.mu.Lock()
				delete(s.looking, id)
				s.mu.Unlock()
				close(done)
			}()
			if err := s.look(id); err != nil {
				s.app.Logger().Warn("a file waits for the virus scanner", "upload", id, "error", err)
			}
		})
	}
	s.mu.Unlock()
	select {
	case <-done:
	case <-time.After(wait):
	case <-s.ctx.Done():
	}
}

// work is the outbox's job: an error asks for another try.
func (s *scanner) work(app core.App, payload []byte) error {
	var job fileJob
	if err := json.Unmarshal(payload, &job); err != nil {
		return err
	}
	s.once(job.Upload, clamdTotal)
	r, err := app.FindRecordById(collections.Uploads, job.Upload)
	if err != nil {
		return err
	}
	if collections.AsUpload(r).Scan() == collections.ScanPending {
		return errors.New("the virus scanner has not answered yet")
	}
	return nil
}

// look asks the scanner about one file and keeps what it says.
func (s *scanner) look(id string) error {
	r, err := s.app.FindRecordById(collections.Uploads, id)
	if err != nil {
		return err
	}
	u := collections.AsUpload(r)
	if u.Scan() != collections.ScanPending {
		return nil
	}
	address := kernel.ConfigOf(s.app).ClamdAddress
	if address == "" { // there was one when the file came
		return settle(s.app, id, scanWithout(u), "")
	}
	s.mu.Lock()
	down := kernel.Now(s.app).Before(s.down)
	s.mu.Unlock()
	if down {
		return errors.New("the virus scanner did not answer a moment ago")
	}
	content, err := phi.OpenStored(s.ctx, s.app, u.Client(), Place(r), fileKey(r))
	if err != nil {
		return err
	}
	defer func() { _ = content.Close() }()
	finding, err := clamd{address}.scan(s.ctx, content)
	if err != nil {
		s.mu.Lock()
		s.down = kernel.Now(s.app).Add(leaveAlone)
		s.mu.Unlock()
		return err
	}
	state := collections.ScanClean
	if finding != "" {
		state = collections.ScanBlocked
	}
	return settle(s.app, id, state, finding)
}

// scanWithout is where a file begins, or stands, when there is no scanner: pictures were drawn anew by the portal itself,
// of everything else nobody knows anything.
func scanWithout(u *collections.Upload) collections.Scan {
	if Kind(u.MIME()).image() {
		return collections.ScanClean
	}
	return collections.ScanNotScanned
}

// settle keeps a verdict about a file that still waits for one.
func settle(app core.App, id string, state collections.Scan, finding string) error {
	return app.RunInTransaction(func(tx core.App) error {
		r, err := tx.FindRecordById(collections.Uploads, id)
		if err != nil || collections.AsUpload(r).Scan() != collections.ScanPending {
			return err
		}
		r.Set("scan", string(state))
		r.Set("finding", printable(finding))
		switch state {
		case collections.ScanClean:
			r.Set("scanned_at", kernel.Now(tx))
			audit.As(r, audit.FileCleared)
		case collections.ScanBlocked:
			r.Set("scanned_at", kernel.Now(tx))
			audit.AsWith(r, audit.FileBlocked, audit.Details{"finding": printable(finding)})
		}
		return kernel.SaveAs(tx, kernel.System(), r)
	})
}

// printable makes a signature's name fit for a column and the dashboard.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > unicode.MaxASCII {
			return '?'
		}
		return r
	}, s)
	return s[:min(len(s), 200)]
}

// removeBytes is the job that deletes what a row no longer has: it waits until the storage can be reached.
func removeBytes(app core.App, payload []byte) error {
	var job fileJob
	if err := json.Unmarshal(payload, &job); err != nil {
		return err
	}
	r, err := app.FindRecordById(collections.Uploads, job.Upload)
	if err != nil || r.GetString("file") == "" {
		return err
	}
	if !collections.AsUpload(r).Removed() {
		return fmt.Errorf("file %s is not to be removed", r.Id)
	}
	storage, err := app.NewFilesystem()
	if err != nil {
		return err
	}
	defer func() { _ = storage.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), storing)
	defer cancel()
	storage.SetContext(ctx)
	if err := storage.Delete(fileKey(r)); err != nil && !errors.Is(err, filesystem.ErrNotFound) {
		return err
	}
	r.Set("file", "")
	audit.As(r, audit.RemoveFile)
	return kernel.SaveAs(app, kernel.System(), r)
}

// orderAgain writes jobs for files that still wait and have none any more: the outbox gives up after two days.
func orderAgain(app core.App) error {
	rows, err := app.FindRecordsByFilter(collections.Uploads, "(scan = 'pending' && removed_at = '') || (removed_at != '' && file != '')", "", 0, 0)
	if err != nil {
		return err
	}
	for _, r := range rows {
		topic := jobScan
		if collections.AsUpload(r).Removed() {
			topic = jobRemove
		}
		var waiting int
		err := app.ConcurrentDB().Select("count(*)").From(outbox.Collection).
			Where(dbx.HashExp{"topic": topic, "status": "waiting"}).AndWhere(dbx.Like("cause", topic+":"+r.Id).Match(false, true)).Row(&waiting)
		if err != nil {
			return err
		}
		if waiting > 0 {
			continue
		}
		cause := topic + ":" + r.Id + ":" + kernel.Now(app).Format(time.RFC3339)
		if err := outbox.Job(app, topic, cause, fileJob{r.Id}); err != nil {
			return err
		}
	}
	return nil
}

// removeOrphans deletes bytes that belong to no row: a process that ended between storing and committing leaves them.
// Younger ones may belong to a row that is being written.
func removeOrphans(app core.App) error {
	c, err := app.FindCachedCollectionByNameOrId(collections.Uploads)
	if err != nil {
		return err
	}
	storage, err := app.NewFilesystem()
	if err != nil {
		return err
	}
	defer func() { _ = storage.Close() }()
	stored, err := storage.List(c.BaseFilesPath() + "/")
	if err != nil {
		return err
	}
	old := kernel.Now(app).Add(-24 * time.Hour)
	var failures []error
	for _, o := range stored {
		if o.IsDir || o.ModTime.After(old) {
			continue
		}
		parts := strings.Split(o.Key, "/")
		if len(parts) != 3 {
			continue
		}
		var n int
		err := app.ConcurrentDB().Select("count(*)").From(collections.Uploads).Where(dbx.HashExp{"id": parts[1], "file": parts[2]}).Row(&n)
		if err == nil && n == 0 {
			err = storage.Delete(o.Key)
		}
		if err != nil && !errors.Is(err, filesystem.ErrNotFound) {
			failures = append(failures, err)
		}
	}
	return errors.Join(failures...)
}
