package scheduling

import (
	"fmt"
	"strings"
	"time"

	"golang.org/x/text/language"
)

// Languages in which the portal speaks of times.
const (
	english = "en"
	spanish = "es"
)

var spoken = language.NewMatcher([]language.Tag{language.English, language.Spanish})

// languageOf chooses by Accept-Language (RFC 9110, 12.5.4): the first of our languages the reader likes, else English.
func languageOf(acceptLanguage string) string {
	if acceptLanguage == "" {
		return english
	}
	if _, i := language.MatchStrings(spoken, acceptLanguage); i == 1 {
		return spanish
	}
	return english
}

// orEnglish is a person's stored language, English when none is stored.
func orEnglish(lang string) string {
	if lang == spanish {
		return spanish
	}
	return english
}

var (
	spanishDays = [...]string{"domingo", "lunes", "martes", "miércoles", "jueves", "viernes", "sábado"}

	spanishMonths = [...]string{"enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto",
		"septiembre", "octubre", "noviembre", "diciembre"}
)

// dayInWords is "Thursday, December 3" or "jueves 3 de diciembre", with the year when it is not this one.
func dayInWords(lang string, t time.Time, thisYear int) string {
	if lang == spanish {
		s := fmt.Sprintf("%s %d de %s", spanishDays[t.Weekday()], t.Day(), spanishMonths[t.Month()-1])
		if t.Year() != thisYear {
			s += fmt.Sprintf(" de %d", t.Year())
		}
		return s
	}
	if t.Year() != thisYear {
		return t.Format("Monday, January 2, 2006")
	}
	return t.Format("Monday, January 2")
}

// halfOfDay is how a language writes am and pm.
func halfOfDay(lang string, t time.Time) string {
	half := t.Format("pm")
	if lang == spanish {
		return half[:1] + ". m."
	}
	return half
}

// whenInWords is one instant: "Thursday, December 3, 2:30 pm". t is in the zone to speak of.
func whenInWords(lang string, t time.Time, thisYear int) string {
	return dayInWords(lang, t, thisYear) + ", " + t.Format("3:04 ") + halfOfDay(lang, t)
}

// atInWords is one instant inside a sentence: "Thursday, December 3 at 2:30 pm", "el jueves 3 de diciembre a las 2:30 p. m.".
// t is in the zone to speak of.
func atInWords(lang string, t time.Time, thisYear int) string {
	clock := t.Format("3:04 ") + halfOfDay(lang, t)
	if lang != spanish {
		return dayInWords(lang, t, thisYear) + " at " + clock
	}
	article := " a las "
	if t.Hour()%12 == 1 {
		article = " a la "
	}
	return "el " + dayInWords(lang, t, thisYear) + article + clock
}

// spanInWords is a visit: "Thursday, December 3, 2:30 to 3:20 pm". Both instants are in the zone to speak of. The
// half of the day is said once when both share it.
func spanInWords(lang string, start, end time.Time, thisYear int) string {
	to := " to "
	if lang == spanish {
		to = " a "
	}
	var b strings.Builder
	b.WriteString(dayInWords(lang, start, thisYear))
	b.WriteString(", ")
	b.WriteString(start.Format("3:04"))
	if first := halfOfDay(lang, start); first != halfOfDay(lang, end) || end.Sub(start) >= 12*time.Hour {
		b.WriteString(" " + first)
	}
	b.WriteString(to)
	b.WriteString(end.Format("3:04 "))
	b.WriteString(halfOfDay(lang, end))
	return b.String()
}
