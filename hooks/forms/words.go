package forms

import (
	"strconv"
	"strings"
	"time"
)

// words is an answer as a person would read it aloud, in English.
func words(it *Item, v any) string {
	switch x := v.(type) {
	case bool:
		if x {
			return "Yes"
		}
		return "No"
	case float64:
		s := strconv.FormatFloat(x, 'f', -1, 64)
		if it.unit != "" {
			s += " " + it.unit
		}
		return s
	case Quantity:
		return strings.TrimSpace(strconv.FormatFloat(x.Value, 'f', -1, 64) + " " + x.Unit)
	case Coding:
		if x.Display != "" {
			return x.Display
		}
		return x.Code
	case Attachment:
		return "Attached document " + x.ID
	case string:
		switch it.Type {
		case typeDate, typeDateTime:
			return dateInWords(x)
		case typeTime:
			return timeInWords(x)
		}
		return x
	}
	return ""
}

func dateInWords(s string) string {
	for _, f := range []struct{ form, words string }{
		{"2006", "2006"}, {"2006-01", "January 2006"}, {"2006-01-02", "January 2, 2006"},
	} {
		if t, err := time.Parse(f.form, s); err == nil {
			return t.Format(f.words)
		}
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t.Format("January 2, 2006, 3:04:05 pm (UTC-07:00)")
	}
	return s
}

func timeInWords(s string) string {
	t, err := time.Parse("15:04:05", s)
	if err != nil {
		return s
	}
	if t.Second() == 0 && t.Nanosecond() == 0 {
		return t.Format("3:04 pm")
	}
	return t.Format("3:04:05 pm")
}
