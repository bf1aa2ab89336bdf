package collections_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"anteroom/collections"
)

func dayOf(t *testing.T, s string) time.Time {
	t.Helper()
	d, err := time.Parse(time.DateOnly, s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDaysOfARecurrence(t *testing.T) {
	for name, c := range map[string]struct {
		r        collections.Recurrence
		from, to string
		want     string
	}{
		"one day":                   {collections.Recurrence{FirstDay: "2026-12-03"}, "2026-12-01", "2026-12-31", "2026-12-03"},
		"every day until the last":  {collections.Recurrence{FirstDay: "2026-12-03", LastDay: "2026-12-05"}, "2026-12-04", "2026-12-31", "2026-12-04 2026-12-05"},
		"weekdays":                  {collections.Recurrence{FirstDay: "2026-11-01", Rule: "FREQ=WEEKLY;BYDAY=MO,WE"}, "2026-12-01", "2026-12-09", "2026-12-02 2026-12-07 2026-12-09"},
		"every other week":          {collections.Recurrence{FirstDay: "2026-11-30", Rule: "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO"}, "2026-12-01", "2026-12-31", "2026-12-14 2026-12-28"},
		"first Monday of the month": {collections.Recurrence{FirstDay: "2026-01-01", Rule: "FREQ=MONTHLY;BYDAY=1MO"}, "2026-12-01", "2027-01-31", "2026-12-07 2027-01-04"},
		"counted from the first":    {collections.Recurrence{FirstDay: "2026-12-01", Rule: "FREQ=DAILY;COUNT=3"}, "2026-12-02", "2026-12-31", "2026-12-02 2026-12-03"},
		"until, as a day":           {collections.Recurrence{FirstDay: "2026-12-01", Rule: "FREQ=DAILY;UNTIL=20261203"}, "2026-12-02", "2026-12-31", "2026-12-02 2026-12-03"},
		"until, as an instant":      {collections.Recurrence{FirstDay: "2026-12-01", Rule: "FREQ=DAILY;UNTIL=20261203T235959Z"}, "2026-12-02", "2026-12-31", "2026-12-02 2026-12-03"},
		"a rule with a last day":    {collections.Recurrence{FirstDay: "2026-12-01", Rule: "FREQ=DAILY", LastDay: "2026-12-03"}, "2026-12-02", "2026-12-31", "2026-12-02 2026-12-03"},
		"without and with": {collections.Recurrence{FirstDay: "2026-12-01", Rule: "FREQ=DAILY;COUNT=4", Exceptions: []string{"2026-12-02"},
			ExtraDays: []string{"2026-12-20", "2026-12-01"}}, "2026-12-01", "2026-12-31", "2026-12-01 2026-12-03 2026-12-04 2026-12-20"},
		"a century of leap days": {collections.Recurrence{FirstDay: "2028-02-29", Rule: "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29"}, "2095-01-01", "2096-12-31", "2096-02-29"},
		"no leap day in 2100":    {collections.Recurrence{FirstDay: "2028-02-29", Rule: "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29"}, "2099-06-01", "2101-06-01", ""},
		"the wrong way round":    {collections.Recurrence{FirstDay: "2026-12-01", Rule: "FREQ=DAILY"}, "2026-12-05", "2026-12-01", ""},
		"a hostile count":        {collections.Recurrence{FirstDay: "2026-12-01", Rule: "FREQ=DAILY;COUNT=1000000000"}, "2026-12-01", "2026-12-02", "2026-12-01 2026-12-02"},
		"the last cycle, 1999":   {collections.Recurrence{FirstDay: "1999-12-31", Rule: "FREQ=YEARLY;INTERVAL=4"}, "2027-01-01", "2027-12-31", "2027-12-31"},
	} {
		days, err := c.r.Days(dayOf(t, c.from), dayOf(t, c.to))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var got []string
		for _, d := range days {
			got = append(got, d.Format(time.DateOnly))
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %v, want %s", name, got, c.want)
		}
		if len(c.r.Check()) > 0 {
			t.Errorf("%s: refused: %v", name, c.r.Check())
		}
	}
	if _, err := (collections.Recurrence{FirstDay: "2026-12-01"}).Days(dayOf(t, "2026-01-01"), dayOf(t, "2029-01-01")); err == nil {
		t.Error("three years were looked at")
	}
}

// Rules that nobody can use are refused, and none of them keeps the clinic waiting.
func TestRulesThatAreRefused(t *testing.T) {
	for _, rule := range []string{"FREQ=HOURLY", "FREQ=MINUTELY", "FREQ=SECONDLY", "FREQ=DAILY;BYHOUR=9", "FREQ=DAILY;BYMINUTE=1", "FREQ=DAILY;BYSECOND=1",
		"FREQ=YEARLY;BYEASTER=1", "BYDAY=MO", "FREQ=SOMETIMES", "nonsense", "FREQ=DAILY;FREQ=WEEKLY", "FREQ=DAILY;COUNT=0", "FREQ=DAILY;COUNT=-1",
		"FREQ=DAILY;INTERVAL=0", "FREQ=DAILY;INTERVAL=1000000", "FREQ=DAILY;INTERVAL=9223372036854775807", "FREQ=DAILY;COUNT=2;UNTIL=20270101",
		"DTSTART:20261201T090000Z\nRRULE:FREQ=DAILY", "RRULE:FREQ=DAILY", "DTSTART;TZID=America/Denver:20261201T090000;FREQ=DAILY", "FREQ=DAILY;TZID=UTC",
		"FREQ=MONTHLY;BYDAY=53MO", "FREQ=MONTHLY;BYDAY=-53MO", "FREQ=YEARLY;BYMONTH=1;BYDAY=-6MO", "FREQ=YEARLY;BYDAY=54MO", "FREQ=WEEKLY;BYDAY=2MO",
		"FREQ=MONTHLY;BYMONTHDAY=32", "FREQ=YEARLY;BYMONTH=13", "FREQ=YEARLY;BYWEEKNO=54",
		// these name no day, ever
		"FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "FREQ=DAILY;BYSETPOS=2", "FREQ=MONTHLY;BYMONTHDAY=31;BYMONTH=4",
		"FREQ=DAILY;UNTIL=20200101", "FREQ=WEEKLY;BYDAY=MO;BYSETPOS=300"} {
		wrong := collections.Recurrence{FirstDay: "2026-12-01", Rule: rule}.Check()
		if wrong["rrule"] == "" {
			t.Errorf("%q was accepted", rule)
		}
	}
	for name, r := range map[string]collections.Recurrence{
		"first_day":  {FirstDay: "2026-02-30"},
		"last_day":   {FirstDay: "2026-12-02", LastDay: "2026-12-01"},
		"exceptions": {FirstDay: "2026-12-02", Exceptions: []string{"tomorrow"}},
		"extra_days": {FirstDay: "2026-12-02", ExtraDays: []string{"2026-13-01"}},
	} {
		if wrong := r.Check(); wrong[name] == "" || len(wrong) != 1 {
			t.Errorf("%s: %v", name, wrong)
		}
	}
}

// FuzzRules: whatever is written, a rule that is accepted is expanded without a fall, in order, and within its bounds.
func FuzzRules(f *testing.F) {
	for _, seed := range []string{"FREQ=WEEKLY;BYDAY=MO,WE;WKST=SU", "FREQ=YEARLY;BYWEEKNO=53,-1;BYDAY=SU", "FREQ=MONTHLY;BYDAY=-5FR;BYSETPOS=-1", "FREQ=YEARLY;BYYEARDAY=-366"} {
		f.Add(seed)
	}
	from, to := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2028, 12, 31, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, rule string) {
		r := collections.Recurrence{FirstDay: "2026-12-01", Rule: rule}
		if len(rule) > 500 || rule == "" || len(r.Check()) > 0 {
			return
		}
		days, err := r.Days(from, to)
		if err != nil || !slices.IsSortedFunc(days, time.Time.Compare) || len(days) > 731 || len(days) > 0 && (days[0].Before(from) || days[len(days)-1].After(to)) {
			t.Errorf("%q: %v %v", rule, days, err)
		}
	})
}
