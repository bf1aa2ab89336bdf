package scheduling

import (
	"errors"

	"github.com/pocketbase/pocketbase/core"

	"anteroom/hooks/kernel"
)

// Queries are every constant query of the package, by name, for the test of their plans.
func Queries() map[string]string {
	all := map[string]string{"one": selectOne, "forms due": selectFormsDue, "requests": requestQuery(waiting), "count of requests": requestCount(waiting),
		"requests of a place": requestQuery(waiting + there), "count of a place": requestCount(waiting + there), "day": dayQuery(""),
		"requests of a clinician": requestQuery(waiting + mine), "count of a clinician": requestCount(waiting + mine), "day of a clinician": dayQuery(mine), "balance": selectBalance}
	for name, q := range map[string]string{"calendar": calendarQuery("1", ""), "calendar of a clinician": calendarQuery(theirs, ofClinician)} {
		all[name] = q
	}
	for status, byDate := range queries {
		for dated, q := range byDate {
			suffix := ""
			if dated {
				suffix = " by date"
			}
			all["list "+status+suffix], all["total "+status+suffix] = q.page, q.total
		}
	}
	return all
}

// Named are the queries with named parameters.
func Named() map[string]string {
	return map[string]string{"free clinician": selectFree, "client busy": selectClientBusy, "known": selectKnown}
}

func hasField(err error, name string) bool {
	var e *kernel.Error
	if !errors.As(err, &e) {
		return false
	}
	_, ok := e.Fields[name]
	return ok
}

// HeardItem is what realtime sends.
var HeardItem = heardItem

// ListOf is the first page of a client's list.
func ListOf(app core.App, client string) ([]Appointment, int, error) {
	v, err := newView(app, english)
	if err != nil {
		return nil, 0, err
	}
	return v.list(queries[""][false], client, span{}, kernel.Page{Number: 1, Limit: 20})
}

// NameOf is a clinician in words.
var NameOf = nameOf
