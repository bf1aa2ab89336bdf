// Package oversight is how people look at the audit log: the staff's search, the check from the dashboard, and the daily
// head that goes where whoever changes the log does not reach. It owns audit_checked, and reads the log through
// hooks/audit alone; names are looked up when an answer is made and never kept.
//
// It stands on kernel, audit, outbox and notices, and no domain stands on it. What must never happen: a search that
// leaves no line; the words of a search in that line; a check that holds up the clinic; a head noted twice for a day.
package oversight

import (
	"encoding/hex"
	"net/http"

	"github.com/pocketbase/pocketbase/core"

	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
)

// Bind declares the routes and the daily head. Administrators, the owner and the clinic's privacy officer come in.
func Bind(app core.App) {
	check := &check{state: idle}
	route := func(method, path string, do func(*kernel.Call) (*kernel.Reply, error)) kernel.Route {
		return kernel.Route{Method: method, Path: kernel.Desk + path, Access: kernel.Staff, Roles: []string{kernel.RoleAdmin}, Officer: true, Do: do}
	}
	kernel.Handle(app,
		route(http.MethodGet, "/audit", search),
		route(http.MethodGet, "/audit/head", head),
		route(http.MethodPost, "/audit/verify", check.begin),
		route(http.MethodGet, "/audit/verify", check.progress),
	)
	bindHeads(app)
	app.OnTerminate().BindFunc(func(e *core.TerminateEvent) error {
		check.end()
		return e.Next()
	})
}

// headShown is the log's last line, and the last check that found it whole.
type headShown struct {
	Seq         int64  `json:"seq"`
	Hash        string `json:"hash"` // in hexadecimal; `anteroom audit verify --head` takes seq:hash
	At          string `json:"at,omitempty"`
	VerifiedAt  string `json:"verifiedAt,omitempty"`
	VerifiedSeq int64  `json:"verifiedSeq,omitempty"`
}

func head(c *kernel.Call) (*kernel.Reply, error) {
	if err := audit.Read(c.App, audit.EntryFor(c.Actor, audit.ViewAuditHead, audit.AuditLog, "")); err != nil {
		return nil, err
	}
	h, at, err := audit.LastHead(c.App)
	if err != nil {
		return nil, err
	}
	out := headShown{Seq: h.Seq, Hash: hex.EncodeToString(h.Hash[:]), At: instant(at)}
	last, err := lastCheck(c.App)
	if err != nil {
		return nil, err
	}
	if last != nil && last.BrokenAt == 0 {
		if checked, err := audit.ParseHead(last.Head); err == nil {
			out.VerifiedAt, out.VerifiedSeq = instant(last.at()), checked.Seq
		}
	}
	return kernel.OK(out), nil
}
