package ops

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"codeberg.org/go-pdf/fpdf"
	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
	"anteroom/hooks/pdfdoc"
	"anteroom/hooks/phi"
)

// Erasure says what the destruction of a client's data keys reaches, and what it leaves.
type Erasure struct {
	Client string
	At     time.Time // of the destruction; zero before it
	By     string    // the operator's account on this machine
	Clinic string
	Zone   *time.Location
	Gone   []phi.Held // becomes unreadable
	Stays  []Stay     // stays readable until the rows are removed
	Head   string     // of the audit log afterwards
}

// Stay is something readable about a client, and in how many rows.
type Stay struct {
	What string
	Rows int
}

// retentionEnd is the end of the day until which a client's record is kept: so many years after the last care, and for
// somebody who was a minor then, so many years after they come of age (state law; 45 CFR 164.316(b)(2) asks for six
// years of what documents compliance, and leaves the record's own retention to the states).
func retentionEnd(app core.App, client *collections.Client) (until, lastCare time.Time, err error) {
	s := collections.Settings(app)
	var last []string
	err = app.DB().NewQuery(`SELECT at FROM (
		SELECT max(end_time) AS at FROM appointments WHERE client = {:c} AND status NOT IN ('requested', 'declined', 'cancelled', 'no_show')
		UNION ALL SELECT max(submitted_at) FROM form_submissions WHERE client = {:c}
		UNION ALL SELECT max(max(issued_on, created)) FROM invoices WHERE client = {:c}
		UNION ALL SELECT max(noted_at) FROM treatment_notes WHERE client = {:c}
		UNION ALL SELECT created FROM clients WHERE id = {:c}) WHERE at <> '' ORDER BY at DESC LIMIT 1`).
		Bind(dbx.Params{"c": client.Id}).Column(&last)
	if err != nil {
		return until, lastCare, err
	}
	if len(last) == 0 {
		return until, lastCare, errors.New("it is not known when this client was last cared for")
	}
	if lastCare, err = instantOf(last[0]); err != nil {
		return until, lastCare, err
	}
	until = lastCare.In(s.Zone()).AddDate(s.RetentionYears, 0, 0)
	born, err := time.ParseInLocation(time.DateOnly, client.DateOfBirth(), s.Zone())
	if err != nil {
		return until, lastCare, fmt.Errorf("the client's birth date is not readable: %w", err)
	}
	if ofAge := born.AddDate(s.AdultAge, 0, 0); lastCare.Before(ofAge) {
		if grown := ofAge.AddDate(s.RetentionYears, 0, 0); grown.After(until) {
			until = grown
		}
	}
	y, m, d := until.Date()
	return time.Date(y, m, d+1, 0, 0, 0, 0, s.Zone()), lastCare, nil
}

// instantOf reads a column that holds an instant or a day.
func instantOf(s string) (time.Time, error) {
	for _, form := range []string{"2006-01-02 15:04:05.999Z07:00", time.DateOnly} {
		if t, err := time.Parse(form, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no instant", s)
}

// refuseErasure: a client's keys are destroyed when nothing is open with them any more and the retention of their record
// has ended. The sentence names what is in the way.
func refuseErasure(app core.App, client *collections.Client) error {
	now := kernel.Now(app)
	s := collections.Settings(app)
	stamp := now.Format("2006-01-02 15:04:05.000Z")
	for _, open := range []struct{ query, sentence string }{
		{`SELECT count(*) FROM appointments WHERE client = {:c} AND (status = 'requested' OR status IN ('scheduled', 'confirmed', 'arrived', 'in_progress') AND end_time > {:now})`,
			"%d appointments or requests of this client are still to come: cancel them first"},
		{`SELECT count(*) FROM invoices WHERE client = {:c} AND status IN ('open', 'partially_paid')`,
			"%d invoices of this client are not paid: settle or void them first"},
		{`SELECT count(*) FROM client_access WHERE client = {:c} AND (expires_at = '' OR expires_at > {:now})`,
			"%d logins can still act for this client: end their access first"},
	} {
		var n int
		if err := app.DB().NewQuery(open.query).Bind(dbx.Params{"c": client.Id, "now": stamp}).Row(&n); err != nil {
			return err
		}
		if n > 0 {
			return fmt.Errorf(open.sentence, n)
		}
	}
	until, lastCare, err := retentionEnd(app, client)
	if err != nil {
		return err
	}
	if now.Before(until) {
		return fmt.Errorf("this client's record must be kept until %s: the last care was on %s, and the clinic keeps records %d years (from the age of %d for those who were minors then)",
			until.AddDate(0, 0, -1).Format("January 2, 2006"), lastCare.In(s.Zone()).Format("January 2, 2006"), s.RetentionYears, s.AdultAge)
	}
	return nil
}

// planErasure finds the client and says what a destruction reaches. done tells that the keys are destroyed already.
func planErasure(app core.App, id string) (e Erasure, client *collections.Client, done bool, err error) {
	r, err := app.FindRecordById(collections.Clients, id)
	if err != nil {
		return e, nil, false, fmt.Errorf("there is no client with the id %q", id)
	}
	client = collections.AsClient(r)
	ring, err := phi.KeyringOf(app)
	if err != nil {
		return e, nil, false, err
	}
	s := collections.Settings(app)
	e = Erasure{Client: id, By: operator(), Clinic: s.ClinicName, Zone: s.Zone()}
	if e.At, done, err = ring.Destroyed(id); err != nil {
		return e, nil, false, err
	}
	if e.Gone, err = phi.HeldFor(app, id); err != nil {
		return e, nil, false, err
	}
	e.Stays, err = staysReadable(app, id)
	return e, client, done, err
}

func operator() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "uid " + strconv.Itoa(os.Getuid())
}

func staysReadable(app core.App, client string) ([]Stay, error) {
	var out []Stay
	for _, q := range []struct{ what, query string }{
		{"Name, birth date, and e-mail, phone and address where given", `SELECT count(*) FROM clients WHERE id = {:c}`},
		{"Appointments: times, clinician, service, state", `SELECT count(*) FROM appointments WHERE client = {:c}`},
		{"Invoices: numbers, amounts, dates", `SELECT count(*) FROM invoices WHERE client = {:c}`},
		{"Payments: amounts, dates, last digits of cards", `SELECT count(*) FROM payments WHERE client = {:c}`},
		{"Forms: which, and when they were signed", `SELECT count(*) FROM portal_forms WHERE client = {:c}`},
		{"Treatment notes: kind, author, times", `SELECT count(*) FROM treatment_notes WHERE client = {:c}`},
		{"Files: type, size, times", `SELECT count(*) FROM uploads WHERE client = {:c}`},
		{"Logins that acted for the client", `SELECT count(*) FROM client_access WHERE client = {:c}`},
		{"Lines of the audit log: who did what when", `SELECT count(*) FROM portal_audit_log WHERE client_id = {:c}`},
	} {
		s := Stay{What: q.what}
		if err := app.ConcurrentDB().NewQuery(q.query).Bind(dbx.Params{"c": client}).Row(&s.Rows); err != nil {
			return nil, err
		}
		if s.Rows > 0 {
			out = append(out, s)
		}
	}
	return out, nil
}

// EraseClient destroys a client's data keys for good. The intent is on the audit log before anything happens, and the
// rule is asked again while the writer is held, so that nothing is booked in between. Interrupted, it is finished by
// running it again; for a client whose keys are destroyed already it only writes the line that is missing.
func EraseClient(app core.App, id string) (Erasure, error) {
	e, client, done, err := planErasure(app, id)
	if err != nil {
		return e, err
	}
	line := func(state string) audit.Entry {
		values, files := e.totals()
		return audit.Entry{Actor: kernel.System(), Client: id, Action: audit.DestroyKey, ResourceType: audit.Key, ResourceID: id,
			Details: audit.Details{"state": state, "operator": e.By, "values": values, "files": files}}
	}
	if !done {
		err := app.RunInTransaction(func(tx core.App) error {
			if err := refuseErasure(tx, client); err != nil {
				return err
			}
			return audit.Append(tx, line("begun"))
		})
		if err != nil {
			return e, err
		}
	}
	ring, err := phi.KeyringOf(app)
	if err != nil {
		return e, err
	}
	err = app.RunInTransaction(func(tx core.App) error {
		if !done {
			if err := refuseErasure(tx, client); err != nil {
				return err
			}
		}
		if err := ring.Destroy(id); err != nil { // again, too: a reader of keys.db may have kept its log from being emptied
			return err
		}
		var lines int
		err := tx.DB().NewQuery(`SELECT count(*) FROM portal_audit_log WHERE resource_id = {:c} AND action = {:a} AND json_extract(details, '$.state') = 'done'`).
			Bind(dbx.Params{"c": id, "a": string(audit.DestroyKey)}).Row(&lines)
		if err != nil || lines > 0 {
			return err
		}
		return audit.Append(tx, line("done"))
	})
	if err != nil {
		return e, err
	}
	if e.At, _, err = ring.Destroyed(id); err != nil {
		return e, err
	}
	var head struct {
		Seq  int64  `db:"seq"`
		Hash []byte `db:"hash"`
	}
	if err := app.ConcurrentDB().NewQuery("SELECT seq, hash FROM portal_audit_log ORDER BY seq DESC LIMIT 1").One(&head); err != nil {
		return e, err
	}
	e.Head = strconv.FormatInt(head.Seq, 10) + ":" + hex.EncodeToString(head.Hash)
	return e, nil
}

func (e Erasure) totals() (values, files int) {
	for _, h := range e.Gone {
		if h.Files {
			files += h.Values
		} else {
			values += h.Values
		}
	}
	return values, files
}

// lines are what the certificate and the terminal say, label and text.
func (e Erasure) lines() (gone, stays [][2]string) {
	for _, h := range e.Gone {
		what := "values"
		if h.Files {
			what = "files"
		}
		gone = append(gone, [2]string{h.Collection + "." + h.Field, fmt.Sprintf("%d %s", h.Values, what)})
	}
	for _, s := range e.Stays {
		stays = append(stays, [2]string{s.What, fmt.Sprintf("%d rows", s.Rows)})
	}
	return gone, stays
}

// Reach of a destruction, the same for every client.
var (
	reached = "Every copy of the data (data.db and the stored files, on this machine, in backups, wherever they are) of any age: " +
		"what is listed above does not open in any of them without the destroyed keys."
	notReached = "Copies of keys.db that are older than this instant still hold the keys. They must be deleted by the clinic's own rule " +
		"for such copies; until then, whoever has one, the clinic's key and a copy of the data can read the values. What the portal mailed " +
		"or sent by text message, and what was printed or exported, lies outside its reach. Mails and answers that the portal keeps for " +
		"sending again are sealed under the clinic's key and not under the client's."
)

// certificate prints the erasure. It names the client by id alone.
func certificate(e Erasure) ([]byte, error) {
	pdf := pdfdoc.New("Certificate of destruction "+e.Client, "en", e.At)
	heading := func(s string) {
		pdf.Ln(3)
		pdf.SetFont(pdfdoc.Font, "B", 12)
		pdf.MultiCell(0, 8, s, "", "L", false)
	}
	body := func(s string) {
		pdf.SetFont(pdfdoc.Font, "", 10)
		pdf.MultiCell(0, 5.5, pdfdoc.Printable(s), "", "L", false)
	}
	pdf.SetFont(pdfdoc.Font, "B", 18)
	pdf.MultiCell(0, 9, pdfdoc.Printable(e.Clinic), "", "L", false)
	pdf.SetFont(pdfdoc.Font, "B", 14)
	pdf.MultiCell(0, 9, "Certificate of destruction of a client's data keys", "", "L", false)
	pdf.Ln(2)
	table(pdf, 42, [][2]string{
		{"Client", e.Client},
		{"Destroyed", e.At.In(e.Zone).Format("January 2, 2006, 3:04:05 pm MST") + " (" + e.At.UTC().Format(time.RFC3339) + ")"},
		{"Carried out by", e.By + " (account on the server)"},
		{"Audit log's head", e.Head},
	})
	gone, stays := e.lines()
	heading("Became unreadable")
	if len(gone) == 0 {
		body("Nothing was stored under this client's keys.")
	}
	table(pdf, 90, gone)
	heading("Stays readable until its rows are removed")
	table(pdf, 130, stays)
	heading("Reaches")
	body(reached)
	heading("Does not reach")
	body(notReached)
	return pdfdoc.Bytes(pdf)
}

func table(pdf *fpdf.Fpdf, width float64, rows [][2]string) {
	for _, row := range rows {
		pdf.SetFont(pdfdoc.Font, "", 10)
		pdf.CellFormat(width, 6, pdfdoc.Printable(row[0]), "", 0, "L", false, 0, "")
		pdf.SetFont(pdfdoc.Font, "B", 10)
		pdf.MultiCell(0, 6, pdfdoc.Printable(row[1]), "", "L", false)
	}
}

// newFile is a file that appears whole under its name, or not at all, and never in place of another.
type newFile struct {
	*os.File
	path string
}

func createNewFile(path string) (*newFile, error) {
	if _, err := os.Lstat(path); err == nil {
		return nil, fmt.Errorf("%s is there already: give the name of a new file", path)
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+strings.TrimPrefix(filepath.Base(path), ".")+".*") // 0600
	if err != nil {
		return nil, err
	}
	return &newFile{f, path}, nil
}

// keep writes the content and gives the file its name.
func (f *newFile) keep(content []byte) error {
	_, err := f.Write(content)
	if err = errors.Join(err, f.Sync()); err != nil {
		return err
	}
	return os.Link(f.Name(), f.path)
}

func (f *newFile) discard() { _ = errors.Join(f.Close(), os.Remove(f.Name())) }
