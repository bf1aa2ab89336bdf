package oversight

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
	"anteroom/hooks/outbox"
)

// Once a day the head of the log is noted, printed for the operator, and, where the clinic wants it, mailed and put into
// a bucket. A log that is cut off or written anew afterwards, hashes and all, no longer agrees with what lies there.
//
// The day is that of UTC, so that its name sorts and never repeats. Every hour asks, and the first one of a day does it:
// a server that was off at midnight is not a day without a head. The row of the day is the lease: it is written in one
// transaction with the mail and the job, so that neither is sent twice or not at all.

const headJob = "audit_head"

func bindHeads(app core.App) {
	app.Cron().MustAdd("anteroom_note_audit_head", "10 * * * *", func() {
		if err := NoteToday(app, os.Stdout); err != nil {
			app.Logger().Error("note the head of the audit log", "error", err)
		}
	})
	cfg := kernel.ConfigOf(app)
	if cfg.AuditHeadBucket == "" {
		return
	}
	place := bucketFor(cfg.S3, cfg.AuditHeadBucket)
	outbox.OnJob(app, headJob, func(_ core.App, payload []byte) error { return putHead(place, payload) })
}

type dailyHead struct{ Day, Head string }

// NoteToday notes the head for the day, and tells out, unless that was done.
func NoteToday(app core.App, out io.Writer) error {
	cfg := kernel.ConfigOf(app)
	day := kernel.Now(app).Format(time.DateOnly)
	var head audit.Head
	var first bool
	err := app.RunInTransaction(func(tx core.App) (err error) {
		if head, first, err = audit.NoteHead(tx, day); err != nil || !first {
			return err
		}
		if cfg.AuditHeadBucket != "" {
			if err := outbox.Job(tx, headJob, "audit-head:bucket:"+day, dailyHead{day, head.String()}); err != nil {
				return err
			}
		}
		if cfg.AuditHeadEmail == "" {
			return nil
		}
		return outbox.Mail(tx, outbox.Message{Topic: headJob, To: cfg.AuditHeadEmail, Subject: "Head of the audit log, " + day,
			Text: "Keep this message. It proves later that nothing was cut off the audit log and that no line before it was changed.\n\n" +
				head.String() + "\n\nTo check, run on the server: anteroom audit verify --head " + head.String(),
			Cause: "audit-head:mail:" + day})
	})
	if err != nil || !first {
		return err
	}
	_, err = fmt.Fprintf(out, "audit head %s %s\n", day, head)
	return err
}

const putTimeout = 30 * time.Second

func putHead(place bucket, payload []byte) error {
	var h dailyHead
	if err := json.Unmarshal(payload, &h); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), putTimeout)
	defer cancel()
	return place.put(ctx, "audit-heads/"+h.Day+".txt", []byte(h.Head+"\n"))
}
