package forms

import (
	"regexp"
	"strconv"
	"strings"
)

// derivation is an answer that the server works out from others.
type derivation struct {
	sources []*Item
	copy    bool // the answer of the one source; otherwise the sum of the sources' scores
}

// The FHIRPath of calculatedExpression is not evaluated in general. These three shapes, compared with white space
// removed, are what form editors write for a total and for a copied answer.
var (
	copyOfAnswer  = regexp.MustCompile(`^%(?:resource|context)(?:\.item|\.descendants\(\))+\.where\(linkId='([^']+)'\)\.answer\.value$`)
	sumOfOrdinals = regexp.MustCompile(`^(?:%(?:resource|context))?\.?(?:item|descendants\(\)|repeat\(item\))(?:\.item)*\.answer\.value\.(?:ordinal|weight)\(\)\.sum\(\)$`)
	optionScoreOf = regexp.MustCompile(`^%questionnaire(?:\.item|\.descendants\(\))+\.where\(linkId='([^']+)'\)\.answerOption` +
		`\.where\(valueCoding\.code=%resource(?:\.item|\.descendants\(\))+\.where\(linkId='([^']+)'\)\.answer\.valueCoding\.code\)` +
		`\.extension\.where\(url=(?:%scoreExt|'[^']+')\)\.valueDecimal$`)
	unlessNothing = regexp.MustCompile(`^iif\(%\w+,(.*),\{\}\)$`)
	termOfSum     = regexp.MustCompile(`^iif\(%(\w+)\.exists\(\),%(\w+),0\)$`)
)

// calculation recognises an item the server answers itself.
func (r *importer) calculation(it *Item, src, doc map[string]any) {
	where := "Item " + strconv.Quote(it.LinkID)
	expression := expressionOf(src, extCalculated)
	if expression == "" {
		return
	}
	if it.asksNothing() || it.repeatingGroup != nil {
		r.warn("%s: its calculation is not carried out.", where)
		return
	}
	if m := copyOfAnswer.FindStringSubmatch(expression); m != nil {
		if from := r.q.byLink[m[1]]; from != nil && from != it && !from.asksNothing() && from.repeatingGroup == nil && from.Type == it.Type {
			it.derived = &derivation{sources: []*Item{from}, copy: true}
			return
		}
	}
	if it.Type == typeDecimal || it.Type == typeInteger {
		if sumOfOrdinals.MatchString(expression) {
			it.derived = &derivation{sources: r.q.scored()}
			return
		}
		if sources := r.sumOfVariables(expression, src, doc); sources != nil {
			it.derived = &derivation{sources: sources}
			return
		}
	}
	r.warn("%s: its calculation is not one this server carries out; it is asked like any other question.", where)
}

// sumOfVariables recognises "add up the scores of these questions": each term is a variable that looks up the score
// of the chosen option of one question.
func (r *importer) sumOfVariables(expression string, src, doc map[string]any) []*Item {
	scores := map[string]*Item{}
	for _, holder := range []map[string]any{doc, src} {
		list, _ := holder["extension"].([]any)
		for _, e := range list {
			x, _ := e.(map[string]any)
			if x["url"] != extVariable && x["url"] != extVariableOfSDC {
				continue
			}
			v, _ := x["valueExpression"].(map[string]any)
			m := optionScoreOf.FindStringSubmatch(squeeze(stringOf(v["expression"])))
			if m != nil && m[1] == m[2] && r.q.byLink[m[1]] != nil {
				scores[stringOf(v["name"])] = r.q.byLink[m[1]]
			}
		}
	}
	if m := unlessNothing.FindStringSubmatch(expression); m != nil {
		expression = m[1]
	}
	var sources []*Item
	for _, term := range strings.Split(expression, "+") {
		m := termOfSum.FindStringSubmatch(term)
		if m == nil || m[1] != m[2] || scores[m[1]] == nil {
			return nil
		}
		sources = append(sources, scores[m[1]])
	}
	return sources
}

func expressionOf(src map[string]any, url string) string {
	list, _ := src["extension"].([]any)
	for _, e := range list {
		if x, _ := e.(map[string]any); x["url"] == url {
			v, _ := x["valueExpression"].(map[string]any)
			return squeeze(stringOf(v["expression"]))
		}
	}
	return ""
}

// squeeze removes white space outside of quotes.
func squeeze(expression string) string {
	parts := strings.Split(expression, "'")
	for i := 0; i < len(parts); i += 2 {
		parts[i] = strings.Join(strings.Fields(parts[i]), "")
	}
	return strings.Join(parts, "'")
}

// scored lists the questions whose options carry scores (ordinalValue or itemWeight).
func (q *Questionnaire) scored() []*Item {
	var out []*Item
	for _, it := range q.order {
		for _, o := range it.Options {
			if o.Score != nil {
				out = append(out, it)
				break
			}
		}
	}
	return out
}

// TotalItem is the item that holds the form's total score; nil when it has none.
func (q *Questionnaire) TotalItem() *Item {
	for _, it := range q.order {
		if it.derived != nil && !it.derived.copy {
			return it
		}
	}
	return nil
}

func (s *Sheet) derive(it *Item, in *scope) []any {
	if it.derived.copy {
		return s.answersTo(it.derived.sources[0], in)
	}
	if total, ok := s.sum(it.derived.sources); ok {
		return []any{total}
	}
	return nil
}

// sum adds the scores of the chosen options. It is not ok when nothing that carries a score was chosen: an empty
// form has no score, which is not the same as a score of zero.
func (s *Sheet) sum(items []*Item) (total float64, ok bool) {
	for _, it := range items {
		for _, p := range s.placesOf(it) {
			for _, a := range s.answersTo(it, p) {
				if o := it.option(a); o != nil && o.Score != nil {
					total, ok = total+*o.Score, true
				}
			}
		}
	}
	return total, ok
}

// placesOf lists where an item can be answered: the form itself, or every entry of the repeating groups around it.
func (s *Sheet) placesOf(it *Item) []*scope {
	places := []*scope{s.root}
	for _, g := range it.repeatingChain() {
		var inner []*scope
		for _, p := range places {
			inner = append(inner, p.entries[g]...)
		}
		places = inner
	}
	return places
}

// Score is the form's total: its own total item where it has one, otherwise the sum over every question that is
// asked and carries scores. Not ok when no scored question was answered.
func (s *Sheet) Score() (total float64, ok bool) {
	items := s.Questionnaire.scored()
	if t := s.Questionnaire.TotalItem(); t != nil {
		items = t.derived.sources
	}
	return s.sum(items)
}

// Score checks stored responses against the questionnaire they answered and gives their total.
func Score(q *Questionnaire, responses []byte) (total float64, ok bool) {
	s, err := q.Check(responses, Draft, func(string) bool { return true })
	if err != nil {
		return 0, false
	}
	return s.Score()
}
