package audit

import (
	"maps"

	"github.com/pocketbase/pocketbase/core"

	"anteroom/hooks/kernel"
)

const breakGlassKey = "breakGlass"

// markBrokenGlass says in each line of a clinician who reaches the client by a broken glass alone which one it is. It is
// asked at the moment of writing and of nobody but clinicians, so that the reads of clients cost nothing more. Who lists
// what they broke has not looked at a record.
func markBrokenGlass(app core.App, entries []Entry) ([]Entry, error) {
	copied := false
	for i, e := range entries {
		if !kernel.Limited(e.Actor) || e.Client == "" || e.Details[breakGlassKey] != nil || e.Action == ListBreakGlass {
			continue
		}
		reach, err := kernel.ReachOf(app, e.Actor, e.Client)
		if err != nil {
			return nil, err
		}
		if reach.BreakGlass == "" {
			continue
		}
		if !copied { // the caller's entries and details stay theirs
			entries, copied = append([]Entry(nil), entries...), true
		}
		details := maps.Clone(e.Details)
		if details == nil {
			details = Details{}
		}
		details[breakGlassKey] = reach.BreakGlass
		entries[i].Details = details
	}
	return entries, nil
}

// countLines tells the requests behind the lines that they are written down.
func countLines(entries []Entry) {
	for _, e := range entries {
		e.Actor.Lines.Add(1)
	}
}
