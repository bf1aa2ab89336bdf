package audit

import (
	"encoding/json"
	"errors"
	"strings"
	"unicode"

	"anteroom/hooks/kernel"
)

// Result is how it ended.
type Result string

const (
	ResultOK      Result = "ok"
	ResultRefused Result = "refused" // turned away: not allowed, not valid, not there
	ResultFailed  Result = "failed"  // allowed, but it did not work
)

// Details are facts about the act that hold no PHI: counts, ids, names of fields. At most 8 KiB as JSON.
type Details map[string]any

// Entry is one line to be written. The log adds its number, the time and the hashes.
type Entry struct {
	Actor        kernel.Actor
	Client       string // whose record it concerns; empty when nobody's
	Action       Action
	ResourceType string
	ResourceID   string // empty for lists
	Result       Result // empty means ResultOK
	ErrorCode    string // "FORBIDDEN", or with a reason "CONFLICT/SLOT_UNAVAILABLE"
	Details      Details
}

// EntryFor is the usual line: the actor's, about the client the actor acts for, with the result OK.
func EntryFor(actor kernel.Actor, action Action, resourceType, resourceID string) Entry {
	return Entry{Actor: actor, Client: actor.Client, Action: action, ResourceType: resourceType, ResourceID: resourceID}
}

// textColumns are the columns of a line between its number and its hashes, in the order in which they are hashed.
var textColumns = []string{"at", "actor_kind", "actor_id", "role", "session_id", "client_id", "action",
	"resource_type", "resource_id", "result", "error_code", "ip", "agent", "details"}

// timeForm is PocketBase's text form of an instant, in UTC.
const timeForm = "2006-01-02 15:04:05.000Z"

const maxDetails = 8 << 10

// texts is the line's content in the order of textColumns, all but the time, which is that of the commit.
func (e Entry) texts() ([]string, error) {
	if e.Action == "" || e.Actor.Kind == "" {
		return nil, errors.New("audit: a line needs an action and a kind of actor")
	}
	details := ""
	if len(e.Details) > 0 {
		raw, err := json.Marshal(e.Details)
		if err != nil {
			return nil, err
		}
		if details = string(raw); len(details) > maxDetails {
			return nil, errors.New("audit: details are too long")
		}
	}
	if e.Result == "" {
		e.Result = ResultOK
	}
	return []string{
		"", plain(e.Actor.Kind, 20), plain(e.Actor.ID, 64), plain(e.Actor.Role, 40), plain(e.Actor.Session, 64),
		plain(e.Client, 64), plain(string(e.Action), 100), plain(e.ResourceType, 100), plain(e.ResourceID, 100),
		string(e.Result), plain(e.ErrorCode, 100), plain(e.Actor.IP, 64), plain(e.Actor.Agent, 255), details,
	}, nil
}

func textsOf(entries []Entry) ([][]string, error) {
	lines := make([][]string, len(entries))
	for i, e := range entries {
		var err error
		if lines[i], err = e.texts(); err != nil {
			return nil, err
		}
	}
	return lines, nil
}

// plain makes a caller's text fit for a line: valid UTF-8, no control characters, at most limit bytes.
func plain(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || unicode.IsControl(r) {
			return '?'
		}
		return r
	}, s)
	if len(s) > limit {
		s = strings.ToValidUTF8(s[:limit], "")
	}
	return s
}
