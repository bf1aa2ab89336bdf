package collections

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/teambition/rrule-go"
)

// Recurrence says on which days something of the clinic's calendar happens, and between which times of the clock. The
// days begin with FirstDay and go by Rule (RFC 5545, section 3.3.10, days only) until LastDay, without Exceptions and
// with ExtraDays. Without a rule it is every day from FirstDay to LastDay, or FirstDay alone.
//
// Days are calendar dates and times are what the clocks of the place show: there are no instants and no zones here.
type Recurrence struct {
	FirstDay, LastDay     string // YYYY-MM-DD; no LastDay: without end
	Rule                  string // FREQ=WEEKLY;BYDAY=MO,WE
	Exceptions, ExtraDays []string
	StartsAt, EndsAt      string // HH:mm; both empty: all day. An end that is not after the start is on the next day
}

// What a recurrence can be asked at most.
const (
	MaxDaysLooked = 800  // days of one question
	maxInterval   = 1000 // of a rule
	mustBeginIn   = 5    // years in which a rule names a day
	// A rule is followed from its first day: one in a mistyped century would cost every question a second.
	firstYear, lastYear = 1950, 2199
)

// ErrTooManyDays is the answer to a question about more than MaxDaysLooked days.
var ErrTooManyDays = errors.New("too many days to look at")

// The Gregorian calendar repeats after 400 years, weekdays included (146,097 days are 20,871 weeks). A rule is expanded
// in a late cycle, 200 to 600 years before the year 9999, where the library stops looking: so that a rule that never
// names a day is found out in some hundred years of looking and not in 8,000.
func lateCycle(firstDay time.Time) (years int) { return (9799 - firstDay.Year()) / 400 * 400 }

// Days gives the days from the first to the last, both included and as midnights in UTC, in order.
func (r Recurrence) Days(from, to time.Time) ([]time.Time, error) {
	if to.Before(from) {
		return nil, nil
	}
	if to.Sub(from) > MaxDaysLooked*24*time.Hour {
		return nil, ErrTooManyDays
	}
	first, err := time.Parse(time.DateOnly, r.FirstDay)
	if err != nil {
		return nil, fmt.Errorf("first day: %w", err)
	}
	last := to
	if r.LastDay != "" {
		day, err := time.Parse(time.DateOnly, r.LastDay)
		if err != nil {
			return nil, fmt.Errorf("last day: %w", err)
		}
		last = earlier(last, day)
	} else if r.Rule == "" {
		last = earlier(last, first)
	}
	var days []time.Time
	if r.Rule == "" {
		for day := later(from, first); !day.After(last); day = day.AddDate(0, 0, 1) {
			days = append(days, day)
		}
	} else if days, err = r.byRule(first, from, last); err != nil {
		return nil, err
	}
	days = slices.DeleteFunc(days, func(day time.Time) bool { return slices.Contains(r.Exceptions, day.Format(time.DateOnly)) })
	for _, extra := range r.ExtraDays {
		day, err := time.Parse(time.DateOnly, extra)
		if err != nil {
			return nil, fmt.Errorf("extra day: %w", err)
		}
		if !day.Before(from) && !day.After(to) && !slices.Contains(days, day) {
			days = append(days, day)
		}
	}
	slices.SortFunc(days, time.Time.Compare)
	return days, nil
}

// byRule expands the rule from its first day, because COUNT and INTERVAL count from there.
func (r Recurrence) byRule(first, from, last time.Time) ([]time.Time, error) {
	if last.Before(first) || last.Before(from) {
		return nil, nil
	}
	o, err := parseRule(r.Rule)
	if err != nil {
		return nil, err
	}
	late := lateCycle(first)
	o.Dtstart = first.AddDate(late, 0, 0)
	end := last.AddDate(late, 0, 0)
	if until := o.Until; until.IsZero() || until.AddDate(late, 0, 0).After(end) {
		o.Until = end
	} else {
		o.Until = until.AddDate(late, 0, 0)
	}
	rule, err := rrule.NewRRule(*o)
	if err != nil {
		return nil, err
	}
	var days []time.Time
	for next := rule.Iterator(); ; {
		at, ok := next()
		if !ok {
			return days, nil
		}
		if day := at.AddDate(-late, 0, 0); !day.Before(from) {
			days = append(days, day)
		}
	}
}

// parseRule reads a rule that is about days.
func parseRule(rule string) (*rrule.ROption, error) {
	if strings.ContainsAny(rule, "\r\n:") {
		return nil, errors.New("write the rule alone, like FREQ=WEEKLY;BYDAY=MO,WE: its first day and its times have fields of their own")
	}
	parts := map[string]string{}
	for _, part := range strings.Split(rule, ";") {
		name, value, found := strings.Cut(part, "=")
		if !found || value == "" || parts[name] != "" {
			return nil, errors.New("a rule is made of parts like FREQ=WEEKLY, each once, with semicolons between them")
		}
		parts[name] = value
	}
	for name := range parts {
		switch name {
		case "FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYDAY", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYMONTH", "BYSETPOS":
		default:
			return nil, fmt.Errorf("%s has no meaning here: a rule names days", name)
		}
	}
	o, err := rrule.StrToROption(rule)
	if err != nil {
		return nil, fmt.Errorf("this is no rule of RFC 5545: %w", err)
	}
	switch {
	case o.Freq > rrule.DAILY:
		return nil, errors.New("FREQ can be YEARLY, MONTHLY, WEEKLY or DAILY")
	case parts["COUNT"] != "" && parts["UNTIL"] != "":
		return nil, errors.New("use COUNT or UNTIL, not both")
	case parts["COUNT"] != "" && o.Count < 1, parts["INTERVAL"] != "" && o.Interval < 1:
		return nil, errors.New("COUNT and INTERVAL begin at 1")
	case o.Interval > maxInterval:
		return nil, fmt.Errorf("INTERVAL can be %d at most", maxInterval)
	}
	for _, day := range o.Byweekday {
		// RFC 5545: a number before the weekday means one of the month, or one of the year
		most := 0
		switch {
		case o.Freq == rrule.YEARLY && len(o.Bymonth) == 0 && len(o.Byweekno) == 0:
			most = 53
		case o.Freq == rrule.MONTHLY, o.Freq == rrule.YEARLY && len(o.Byweekno) == 0:
			most = 5
		}
		if n := day.N(); n > most || n < -most {
			return nil, errors.New("a month has at most five of each weekday, a year 53, and other rules count none")
		}
	}
	o.Until = o.Until.Truncate(24 * time.Hour)
	return o, nil
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// listOfDays reads a column of days. Empty and null are none.
func listOfDays(column string) ([]string, error) {
	if column == "" || column == "null" {
		return nil, nil
	}
	var days []string
	err := json.Unmarshal([]byte(column), &days)
	return days, err
}

// Check gives what is wrong with a recurrence, as sentences by column: nil when nothing is. Whether its times fit
// together is the concern of what recurs.
func (r Recurrence) Check() map[string]string {
	wrong := map[string]string{}
	first, err := time.Parse(time.DateOnly, r.FirstDay)
	if err != nil {
		wrong["first_day"] = "Enter a real date, like 2026-12-03."
	}
	if err == nil && (first.Year() < firstYear || first.Year() > lastYear) {
		wrong["first_day"] = fmt.Sprintf("Enter a day from %d to %d.", firstYear, lastYear)
	}
	if r.LastDay != "" {
		if last, err := time.Parse(time.DateOnly, r.LastDay); err != nil {
			wrong["last_day"] = "Enter a real date, like 2026-12-03."
		} else if last.Before(first) {
			wrong["last_day"] = "The last day is before the first."
		}
	}
	for column, days := range map[string][]string{"exceptions": r.Exceptions, "extra_days": r.ExtraDays} {
		for _, day := range days {
			if _, err := time.Parse(time.DateOnly, day); err != nil {
				wrong[column] = `Enter a list of real dates, like ["2026-12-24", "2026-12-31"].`
			}
		}
	}
	if r.Rule == "" || wrong["first_day"] != "" {
		return wrong
	}
	if err := r.checkRule(first); err != nil {
		wrong["rrule"] = "This rule cannot be used: " + err.Error() + "."
	}
	return wrong
}

// checkRule refuses what cannot be read, and what names no day within some years: to look for its next day would take
// longer than anybody waits for a page.
func (r Recurrence) checkRule(first time.Time) error {
	days, err := Recurrence{FirstDay: r.FirstDay, Rule: r.Rule}.byRule(first, first, first.AddDate(mustBeginIn, 0, 0))
	if err == nil && len(days) == 0 {
		err = fmt.Errorf("it names no day within %d years of the first day", mustBeginIn)
	}
	return err
}
