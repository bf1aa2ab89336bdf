package forms

import (
	"encoding/json"
	"fmt"
	"sort"
	"strconv"

	"anteroom/hooks/kernel"
)

// Limits of one set of responses. Together with the limits of a questionnaire they bound the work of one check.
const (
	maxResponsesBytes = 384 << 10
	maxAnswersPerItem = 100
	maxEntries        = 1000 // of all repeating groups together
	maxRefusals       = 200
)

// Mode tells what a check of responses is for.
type Mode int

const (
	// Draft allows blanks and drops answers to questions that are not asked at the moment.
	Draft Mode = iota
	// Submit requires every required question that is asked, and refuses answers to those that are not.
	Submit
)

// Responses is the API's shape of answers: linkId to Answer, to []Answer where the question repeats, or to
// []Responses where the group repeats.
type Responses map[string]any

// Sheet is a questionnaire with answers that were checked against it.
type Sheet struct {
	Questionnaire *Questionnaire

	root    *scope
	mode    Mode
	enabled map[place]bool
	refused map[string]kernel.FieldError
	entries int
	mayUse  func(documentID string) bool
}

// scope is one place where a linkId can be answered: the form itself or one entry of a repeating group.
type scope struct {
	group   *Item // nil for the form itself
	up      *scope
	number  int // of the entry, from 1
	answers map[*Item][]any
	entries map[*Item][]*scope
}

type place struct {
	item *Item
	in   *scope
}

// Check reads responses (JSON of the shape Responses) and holds every answer to its question. mayUse tells whether
// the person may attach a document; nil means that no document can be attached. A refusal is a *kernel.Error with
// one entry per linkId in Fields.
func (q *Questionnaire) Check(raw []byte, mode Mode, mayUse func(documentID string) bool) (*Sheet, error) {
	doc, err := decodeObject(raw, maxResponsesBytes)
	if err != nil {
		return nil, kernel.Invalid("RESPONSES_MALFORMED", "The answers cannot be read: "+err.Error()+".")
	}
	s := &Sheet{Questionnaire: q, mode: mode, enabled: map[place]bool{}, refused: map[string]kernel.FieldError{}, mayUse: mayUse}
	s.root = newScope(nil, nil, 0)
	s.read(doc, s.root)
	s.settle(q.Items, s.root)
	if len(s.refused) > 0 {
		return nil, s.refusal()
	}
	return s, nil
}

func newScope(group *Item, up *scope, number int) *scope {
	return &scope{group: group, up: up, number: number, answers: map[*Item][]any{}, entries: map[*Item][]*scope{}}
}

func (s *Sheet) refuse(linkID string, in *scope, p *kernel.FieldError) {
	if _, said := s.refused[linkID]; said || len(s.refused) == maxRefusals {
		return
	}
	if in.number > 0 {
		p.Message = fmt.Sprintf("Entry %d: %s", in.number, p.Message)
	}
	s.refused[linkID] = *p
}

func (s *Sheet) refusal() error {
	e := kernel.Invalid("", "")
	for linkID, f := range s.refused {
		_ = e.Field(linkID, f.Code, f.Message)
	}
	// The first in the order of the form speaks for all.
	e.Message = fmt.Sprintf("There are %d things to fix.", len(s.refused))
	if len(s.refused) == 1 {
		e.Message = "There is 1 thing to fix."
	}
	for _, it := range s.Questionnaire.order {
		if f, ok := s.refused[it.LinkID]; ok {
			e.Message += " " + f.Message
			return e
		}
	}
	for _, f := range s.refused {
		e.Message += " " + f.Message
		break
	}
	return e
}

// read takes the answers of one scope, each by itself: what depends on others is settled afterwards.
func (s *Sheet) read(doc map[string]any, in *scope) {
	for _, linkID := range sortedKeys(doc) {
		raw := doc[linkID]
		it := s.Questionnaire.byLink[linkID]
		switch {
		case it == nil:
			s.refuse(shorten(linkID, 255), in, problem(codeUnknown, "This form has no question "+strconv.Quote(shorten(linkID, 80))+"."))
		case it.repeatingGroup != in.group:
			s.refuse(linkID, in, problem(codeType, "The answer to "+it.name()+" is not in its place: answers of a repeating group belong in its entries."))
		case it.Type == typeGroup && it.Repeats:
			s.readEntries(it, raw, in)
		case it.asksNothing():
			if raw != nil {
				s.refuse(linkID, in, problem(codeType, it.name()+" is not a question."))
			}
		default:
			s.readAnswers(it, raw, in)
		}
	}
}

func (s *Sheet) readEntries(group *Item, raw any, in *scope) {
	if raw == nil {
		return
	}
	list, ok := raw.([]any)
	if !ok {
		s.refuse(group.LinkID, in, problem(codeType, "The entries of "+group.name()+" must be a list."))
		return
	}
	s.entries += len(list)
	if len(list) > maxAnswersPerItem || s.entries > maxEntries {
		s.refuse(group.LinkID, in, problem(codeRange, "There are too many entries in "+group.name()+"."))
		return
	}
	for _, e := range list {
		doc, ok := e.(map[string]any)
		if !ok {
			s.refuse(group.LinkID, in, problem(codeType, "Each entry of "+group.name()+" must be an object."))
			return
		}
		if len(doc) == 0 {
			continue
		}
		entry := newScope(group, in, len(in.entries[group])+1)
		in.entries[group] = append(in.entries[group], entry)
		s.read(doc, entry)
	}
}

func (s *Sheet) readAnswers(it *Item, raw any, in *scope) {
	list := []any{raw}
	if it.Repeats {
		var ok bool
		if list, ok = raw.([]any); !ok && raw != nil {
			s.refuse(it.LinkID, in, problem(codeType, "The answers to "+it.name()+" must be a list."))
			return
		}
	} else if _, several := raw.([]any); several {
		s.refuse(it.LinkID, in, problem(codeType, "Give one answer to "+it.name()+"."))
		return
	}
	if len(list) > maxAnswersPerItem {
		s.refuse(it.LinkID, in, problem(codeRange, "There are too many answers to "+it.name()+"."))
		return
	}
	var answers []any
	for _, r := range list {
		v, p := it.read(r)
		if p == nil {
			p = s.allowed(it, v, answers)
		}
		if p != nil {
			s.refuse(it.LinkID, in, p)
			return
		}
		if v != nil {
			answers = append(answers, v)
		}
	}
	if len(answers) > 0 {
		in.answers[it] = answers
	}
}

// allowed holds one more answer to those before it and to what the person may use.
func (s *Sheet) allowed(it *Item, v any, before []any) *kernel.FieldError {
	if d, ok := v.(Attachment); ok && (s.mayUse == nil || !s.mayUse(d.ID)) {
		return problem(codeOption, "The document attached to "+it.name()+" is not in your record.")
	}
	if it.maxOccurs > 0 && v != nil && len(before) == it.maxOccurs {
		return problem(codeRange, "Give at most "+strconv.Itoa(it.maxOccurs)+" answers to "+it.name()+".")
	}
	for _, b := range before {
		if len(it.Options) == 0 {
			break
		}
		if same(b, v) {
			return problem(codeOption, "An answer to "+it.name()+" is given twice.")
		}
		if x, y := it.option(b), it.option(v); x != nil && x.Exclusive || y != nil && y.Exclusive {
			return problem(codeOption, "One of the answers to "+it.name()+" cannot be combined with others.")
		}
	}
	return nil
}

// settle decides, in the order of the form, what is asked, fills in what the server answers itself, and requires
// what is missing.
func (s *Sheet) settle(items []*Item, in *scope) {
	for _, it := range items {
		if it.Type == typeDisplay {
			continue
		}
		if !s.Enabled(it, in) {
			s.discard(it, in)
			continue
		}
		switch {
		case it.Type == typeGroup && it.Repeats:
			for _, entry := range in.entries[it] {
				s.settle(it.Items, entry)
			}
		case it.serverOwned() && it.Type != typeGroup:
			s.answerForServer(it, in)
			s.settle(it.Items, in)
		default:
			s.settle(it.Items, in)
		}
		s.require(it, in)
	}
}

// discard handles what was answered below an item that is not asked.
func (s *Sheet) discard(it *Item, in *scope) {
	if s.mode == Submit && !it.serverOwned() && (len(in.answers[it]) > 0 || len(in.entries[it]) > 0) {
		s.refuse(it.LinkID, in, problem(codeDisabled, it.name()+" is not asked with your other answers. Leave it blank."))
	}
	delete(in.answers, it)
	delete(in.entries, it)
	for _, child := range it.Items {
		if child.repeatingGroup == in.group { // those inside a repeating group went with its entries
			s.discard(child, in)
		}
	}
}

// answerForServer replaces whatever was sent for an item that only the server answers. Sending back what the
// server itself would say is no offence; anything else is.
func (s *Sheet) answerForServer(it *Item, in *scope) {
	own := it.Initial
	if it.derived != nil {
		own = s.derive(it, in)
	}
	sent := in.answers[it]
	judged := it.derived == nil || len(s.refused) == 0 // a sum over refused answers says nothing
	if len(sent) > 0 && judged && !sameAnswers(sent, own) {
		s.refuse(it.LinkID, in, problem(codeReadOnly, it.name()+" is filled in for you and cannot be changed."))
	}
	delete(in.answers, it)
	if len(own) > 0 && s.mode == Submit {
		in.answers[it] = own
	}
}

func sameAnswers(a, b []any) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !same(a[i], b[i]) {
			return false
		}
	}
	return true
}

func (s *Sheet) require(it *Item, in *scope) {
	if s.mode != Submit || it.serverOwned() || it.unevaluated {
		return
	}
	if it.parent != nil && !it.parent.asksNothing() && len(in.answers[it.parent]) == 0 {
		return // a follow-up to a question that was left blank
	}
	count := len(in.answers[it])
	switch {
	case it.Type == typeGroup && it.Repeats:
		count = len(in.entries[it])
	case it.Type == typeGroup:
		count = s.answered(it.Items, in)
	}
	if count == 0 && it.Required {
		message := "Answer " + it.name() + "."
		if it.Type == typeGroup {
			message = "Answer at least one question of " + it.name() + "."
		}
		s.refuse(it.LinkID, in, problem(codeRequired, message))
		return
	}
	if count < it.minOccurs && (count > 0 || it.Required) {
		s.refuse(it.LinkID, in, problem(codeRequired, "Give at least "+strconv.Itoa(it.minOccurs)+" answers to "+it.name()+"."))
	}
	if it.Type == typeGroup && it.Repeats && it.maxOccurs > 0 && count > it.maxOccurs {
		s.refuse(it.LinkID, in, problem(codeRange, "There can be at most "+strconv.Itoa(it.maxOccurs)+" entries in "+it.name()+"."))
	}
}

// answered counts the questions among items, and below them, that have an answer.
func (s *Sheet) answered(items []*Item, in *scope) int {
	n := 0
	for _, it := range items {
		if len(in.answers[it]) > 0 || len(in.entries[it]) > 0 {
			n++
		}
		if it.Type != typeGroup || !it.Repeats {
			n += s.answered(it.Items, in)
		}
	}
	return n
}

// Enabled tells whether the item is asked, given the other answers. What stands below an item that is not asked is
// not asked either, and the answer to a question that is not asked does not count.
func (s *Sheet) Enabled(it *Item, in *scope) bool {
	at := place{it, in}
	if known, ok := s.enabled[at]; ok {
		return known
	}
	on := true
	if p := it.parent; p != nil {
		around := in
		if p == in.group {
			around = in.up
		}
		on = s.Enabled(p, around)
	}
	if on && len(it.conditions) > 0 {
		on = !it.anyCondition
		for _, c := range it.conditions {
			if s.holds(c, it, in) == it.anyCondition {
				on = it.anyCondition
				break
			}
		}
	}
	s.enabled[at] = on
	return on
}

// holds evaluates one enableWhen by http://hl7.org/fhir/questionnaire-enable-operator: "!=" is true when no answer
// equals the given one, so also when there is none; the others need one answer that fits.
func (s *Sheet) holds(c condition, it *Item, in *scope) bool {
	answers := s.nearest(c.question, it, in)
	if c.operator == "exists" {
		return (len(answers) > 0) == c.answer.(bool)
	}
	equal, fits := false, false
	for _, a := range answers {
		equal = equal || same(a, c.answer)
		if n, ok := compare(a, c.answer); ok {
			switch c.operator {
			case ">":
				fits = fits || n > 0
			case "<":
				fits = fits || n < 0
			case ">=":
				fits = fits || n >= 0
			case "<=":
				fits = fits || n <= 0
			}
		}
	}
	switch c.operator {
	case "=":
		return equal
	case "!=":
		return !equal
	}
	return fits
}

// nearest finds the answers a condition of it means when its question stands in a repeating group: FHIR looks along
// the ancestors first, then before the item, then after it (Questionnaire.item.enableWhen.question).
func (s *Sheet) nearest(question, it *Item, in *scope) []any {
	chain := question.repeatingChain()
	depth := func(g *Item) int {
		for i, c := range chain {
			if c == g {
				return i + 1
			}
		}
		return 0
	}
	for in.group != nil && depth(in.group) == 0 {
		in = in.up
	}
	for _, g := range chain[depth(in.group):] {
		entries := in.entries[g]
		if len(entries) == 0 {
			return nil
		}
		in = entries[0]
		if g.position < it.position {
			in = entries[len(entries)-1]
		}
	}
	return s.answersTo(question, in)
}

// answersTo is what counts as answered in a scope, the server's own answers included.
func (s *Sheet) answersTo(it *Item, in *scope) []any {
	switch {
	case !s.Enabled(it, in):
		return nil
	case it.derived != nil:
		return s.derive(it, in)
	case it.serverOwned():
		return it.Initial
	}
	return in.answers[it]
}

// Responses gives the checked answers in the API's shape. After Submit they hold the server's own answers too; in a
// Draft only what the person said.
func (s *Sheet) Responses() Responses { return s.root.responses() }

func (in *scope) responses() Responses {
	out := Responses{}
	for it, list := range in.answers {
		if it.Repeats {
			out[it.LinkID] = list
		} else {
			out[it.LinkID] = list[0]
		}
	}
	for it, entries := range in.entries {
		list := []Responses{}
		for _, e := range entries {
			if r := e.responses(); len(r) > 0 {
				list = append(list, r)
			}
		}
		if len(list) > 0 {
			out[it.LinkID] = list
		}
	}
	return out
}

// Progress counts the questions that are asked with the answers so far, and those of them that have one. What the
// server answers is no question.
func (s *Sheet) Progress() (answered, asked int) {
	for _, it := range s.Questionnaire.order {
		if it.asksNothing() || it.serverOwned() {
			continue
		}
		on, done := false, false
		for _, p := range s.placesOf(it) {
			on = on || s.Enabled(it, p)
			done = done || len(s.answersTo(it, p)) > 0
		}
		if on {
			asked++
		}
		if done {
			answered++
		}
	}
	return answered, asked
}

// MarshalJSON makes a sheet storable as its responses.
func (s *Sheet) MarshalJSON() ([]byte, error) { return json.Marshal(s.Responses()) }

// Prefilled is the draft an untouched form starts with: the questionnaire's initial values.
func (q *Questionnaire) Prefilled() Responses {
	out := Responses{}
	for _, it := range q.order {
		if len(it.Initial) == 0 || it.repeatingGroup != nil || it.Hidden {
			continue
		}
		if it.Repeats {
			out[it.LinkID] = it.Initial
		} else {
			out[it.LinkID] = it.Initial[0]
		}
	}
	return out
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
