package forms

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ImportError lists everything that is wrong with a questionnaire, one sentence each.
type ImportError struct{ Problems []string }

func (e *ImportError) Error() string { return strings.Join(e.Problems, " ") }

// ParseQuestionnaire reads a FHIR R4 Questionnaire and holds it to HL7's invariants
// (https://hl7.org/fhir/R4/questionnaire.html, que-1 to que-13) as far as they decide what may be asked and
// answered. What cannot be honoured here (options from a remote value set, references to other resources) is
// refused rather than ignored; expressions that are not evaluated are named in Warnings. The error is an
// *ImportError.
func ParseQuestionnaire(raw []byte) (*Questionnaire, error) {
	doc, err := decodeObject(raw, maxQuestionnaireBytes)
	if err != nil {
		return nil, &ImportError{[]string{"This is not a questionnaire: " + err.Error() + "."}}
	}
	r := &importer{q: &Questionnaire{Raw: bytes.Clone(raw), byLink: map[string]*Item{}}, valueSets: map[string][]any{}}
	r.document(doc)
	if len(r.problems) > 0 {
		return nil, &ImportError{r.problems}
	}
	return r.q, nil
}

// decodeObject reads one JSON object. encoding/json would quietly repair broken UTF-8 and stop reading at the end
// of the object; both are refused, because what is kept must be what was sent.
func decodeObject(raw []byte, limit int) (map[string]any, error) {
	if len(raw) > limit {
		return nil, fmt.Errorf("it is larger than %d kB", limit>>10)
	}
	if !utf8.Valid(raw) {
		return nil, errors.New("it is not valid UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var doc map[string]any
	if err := dec.Decode(&doc); err != nil || doc == nil {
		return nil, errors.New("it is not a JSON object")
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errors.New("something follows the JSON object")
	}
	return doc, nil
}

// importer collects problems while it reads, so that an author sees all of them at once. It reads generic JSON
// rather than tagged structs: encoding/json matches keys without regard to case and browsers do not, and the
// server must never see another questionnaire than the page.
type importer struct {
	q         *Questionnaire
	source    []map[string]any // JSON of q.order, same positions
	valueSets map[string][]any // contained ones, by id
	options   int
	problems  []string
}

const wholeDocument = "The questionnaire"

func (r *importer) fail(format string, args ...any) {
	if len(r.problems) < maxProblems {
		r.problems = append(r.problems, fmt.Sprintf(format, args...))
	}
}

func (r *importer) warn(format string, args ...any) {
	if len(r.q.Warnings) < maxProblems {
		r.q.Warnings = append(r.q.Warnings, fmt.Sprintf(format, args...))
	}
}

func (r *importer) document(doc map[string]any) {
	if kind, _ := doc["resourceType"].(string); kind != "Questionnaire" {
		r.fail(`The resourceType must be "Questionnaire".`)
		return
	}
	switch status := r.text(doc, "status", wholeDocument, 20); status {
	case "draft", "active", "retired", "unknown":
	default:
		r.fail("The status %q is not one of draft, active, retired and unknown.", status)
	}
	r.q.Title = r.text(doc, "title", wholeDocument, 255)
	r.q.Name = r.text(doc, "name", wholeDocument, 255)
	r.q.Version = r.text(doc, "version", wholeDocument, 64)
	r.q.URL = r.text(doc, "url", wholeDocument, 1000)
	r.q.Description = r.text(doc, "description", wholeDocument, maxTextRunes)
	r.q.Language = r.text(doc, "language", wholeDocument, 35)
	if r.q.Title == "" {
		r.q.Title = r.q.Name
	}
	if r.q.Title == "" {
		r.fail("The questionnaire has neither a title nor a name.")
	}
	for _, c := range r.objects(doc, "contained", wholeDocument) {
		if id, ok := c["id"].(string); ok && c["resourceType"] == "ValueSet" {
			r.valueSets[id] = r.concepts(c)
		}
	}
	r.q.Items = r.items(doc, nil, wholeDocument, 1)
	if len(r.q.order) == 0 {
		r.fail("The questionnaire has no items.")
	}
	if len(r.problems) > 0 {
		return // conditions and calculations point at other items, which must be sound first
	}
	for i, it := range r.q.order {
		r.conditions(it, r.source[i])
		r.calculation(it, r.source[i], doc)
	}
	if len(r.problems) == 0 {
		r.refuseCircularConditions()
	}
}

func (r *importer) items(o map[string]any, parent *Item, where string, depth int) []*Item {
	var out []*Item
	for _, src := range r.objects(o, "item", where) {
		if depth > maxItemDepth {
			r.fail("%s is nested more than %d levels deep.", where, maxItemDepth)
			return out
		}
		if len(r.q.order) == maxItems {
			r.fail("The questionnaire has more than %d items.", maxItems)
			return out
		}
		out = append(out, r.item(src, parent, depth))
	}
	return out
}

func (r *importer) item(src map[string]any, parent *Item, depth int) *Item {
	it := &Item{parent: parent, position: len(r.q.order), maxDecimals: -1}
	r.q.order, r.source = append(r.q.order, it), append(r.source, src)
	it.LinkID = r.text(src, "linkId", fmt.Sprintf("Item %d", it.position+1), 255)
	where := "Item " + strconv.Quote(it.LinkID)
	switch {
	case it.LinkID == "":
		where = fmt.Sprintf("Item %d", it.position+1)
		r.fail("%s has no linkId.", where)
	case strings.TrimSpace(it.LinkID) != it.LinkID || strings.ContainsFunc(it.LinkID, unicode.IsControl):
		r.fail("%s: a linkId has no spaces at its ends and no control characters.", where)
	case r.q.byLink[it.LinkID] != nil:
		r.fail("%s: the linkId is used twice.", where)
	default:
		r.q.byLink[it.LinkID] = it
	}
	it.Type = r.text(src, "type", where, 40)
	may, known := takes[it.Type]
	if !known {
		r.fail("%s has the type %q, which cannot be asked here.", where, it.Type)
	}
	it.Text = r.text(src, "text", where, maxTextRunes)
	it.Prefix = r.text(src, "prefix", where, 100)
	it.Required, it.Repeats = r.flag(src, "required", where), r.flag(src, "repeats", where)
	it.ReadOnly, it.Hidden = r.flag(src, "readOnly", where), r.extensionFlag(src, extHidden, where)
	if it.Type == typeDisplay && (it.Required || it.Repeats || it.ReadOnly) {
		r.fail("%s: a display item cannot be required, repeated or read-only.", where)
	}
	if parent != nil {
		it.ReadOnly, it.Hidden = it.ReadOnly || parent.ReadOnly, it.Hidden || parent.Hidden
		it.repeatingGroup = parent.repeatingGroup
		if parent.Type == typeGroup && parent.Repeats {
			it.repeatingGroup = parent
		}
		// Answers are flat: a linkId has no place for "the answers below the second answer".
		if parent.Type != typeGroup && parent.Repeats && it.Type != typeDisplay {
			r.fail("%s lies below a question that may have several answers; put both in a repeating group instead.", where)
		}
	}
	it.Items = r.items(src, it, where, depth+1)
	if it.Type == typeGroup && len(it.Items) == 0 {
		r.fail("%s is a group without items.", where)
	}
	if it.Type == typeDisplay && len(it.Items) > 0 {
		r.fail("%s: a display item cannot contain items.", where)
	}
	if known {
		r.constraints(it, src, where, may.maxLength)
		r.answerOptions(it, src, where, may.options)
		r.initial(it, src, where)
	}
	return it
}

func (r *importer) constraints(it *Item, src map[string]any, where string, maxLength bool) {
	if n, ok := r.whole(src["maxLength"], "maxLength", where); ok {
		if !maxLength {
			r.fail("%s: a %s item cannot have a maxLength.", where, it.Type)
		}
		it.maxLength = n
	}
	for _, x := range r.objects(src, "extension", where) {
		switch x["url"] {
		case extMinLength:
			it.minLength, _ = r.whole(extensionValue(x), "minLength", where)
		case extMaxDecimals:
			if n, ok := r.whole(extensionValue(x), "maxDecimalPlaces", where); ok {
				it.maxDecimals = n
			}
		case extMinOccurs:
			it.minOccurs, _ = r.whole(extensionValue(x), "minOccurs", where)
		case extMaxOccurs:
			it.maxOccurs, _ = r.whole(extensionValue(x), "maxOccurs", where)
		case extMinValue, extMinQuantity:
			it.min = r.bound(it, x, where)
		case extMaxValue, extMaxQuantity:
			it.max = r.bound(it, x, where)
		case extUnit:
			it.unit = r.unit(x)
		case extRegex:
			pattern, _ := extensionValue(x).(string)
			re, err := regexp.Compile(`\A(?:` + pattern + `)\z`)
			if err != nil || pattern == "" {
				r.warn("%s: the pattern %q is not applied; it is not an RE2 expression.", where, shorten(pattern, 80))
				continue
			}
			it.pattern = re
		case extEnableExpr:
			it.unevaluated = true
			r.warn("%s: its enableWhenExpression is not evaluated. The question is always shown and never required.", where)
		}
	}
}

func (r *importer) bound(it *Item, x map[string]any, where string) any {
	v, problem := it.read(extensionValue(x))
	if problem != nil {
		r.fail("%s: its smallest or largest allowed value is not a %s.", where, it.Type)
		return nil
	}
	return v
}

// unit is the display of the unit a number is in. UCUM annotations such as {score} name no unit.
func (r *importer) unit(x map[string]any) string {
	c, _ := extensionValue(x).(map[string]any)
	for _, key := range []string{"display", "code"} {
		if s, _ := c[key].(string); s != "" && !strings.HasPrefix(s, "{") {
			return shorten(s, 40)
		}
	}
	return ""
}

func (r *importer) answerOptions(it *Item, src map[string]any, where string, allowed bool) {
	options := r.objects(src, "answerOption", where)
	set := r.text(src, "answerValueSet", where, 1000)
	if (len(options) > 0 || set != "") && !allowed {
		r.fail("%s: a %s item cannot have answer options.", where, it.Type)
		return
	}
	if len(options) > 0 && set != "" {
		r.fail("%s has both answer options and a value set; FHIR allows one of them.", where)
	}
	for _, o := range options {
		v := r.option(it, o, where)
		if v == nil {
			continue
		}
		opt := Option{Value: v, Score: optionScore(o), Exclusive: r.extensionFlag(o, extExclusive, where)}
		r.addOption(it, opt, where)
		if r.flag(o, "initialSelected", where) {
			it.Initial = append(it.Initial, v)
		}
	}
	if set != "" {
		concepts, ok := r.valueSets[strings.TrimPrefix(set, "#")]
		if !ok || !strings.HasPrefix(set, "#") {
			r.fail("%s takes its options from the value set %q, which is not contained in the questionnaire.", where, shorten(set, 120))
			return
		}
		for _, c := range concepts {
			r.addOption(it, Option{Value: c}, where)
		}
	}
	if (it.Type == typeChoice || it.Type == typeOpenChoice) && len(it.Options) == 0 {
		r.fail("%s is a %s item without options.", where, it.Type)
	}
}

func (r *importer) addOption(it *Item, opt Option, where string) {
	if r.options++; r.options > maxOptions*5 || len(it.Options) == maxOptions {
		if r.options <= maxOptions*5+1 {
			r.fail("%s has too many answer options.", where)
		}
		return
	}
	for _, other := range it.Options {
		if same(other.Value, opt.Value) {
			r.fail("%s offers the same option twice.", where)
			return
		}
	}
	it.Options = append(it.Options, opt)
}

// option reads one answerOption.value[x]: a coding or a plain value for choices, the item's own kind otherwise.
func (r *importer) option(it *Item, o map[string]any, where string) any {
	key, raw := only(o, "value")
	if raw == nil {
		r.fail("%s has an option without exactly one value.", where)
		return nil
	}
	v, problem := it.readKind(raw)
	if coding, ok := v.(Coding); problem != nil || v == nil || ok && coding.Code == "" && coding.Display == "" {
		r.fail("%s has an option (%s) that a %s item cannot offer.", where, key, it.Type)
		return nil
	}
	return v
}

// concepts lists what a contained value set offers: its expansion, else the concepts it enumerates.
func (r *importer) concepts(set map[string]any) []any {
	const where = "A contained value set"
	var out []any
	if expansion, ok := set["expansion"].(map[string]any); ok {
		for _, c := range r.objects(expansion, "contains", where) {
			out = append(out, Coding{stringOf(c["system"]), stringOf(c["code"]), stringOf(c["display"])})
		}
		return out
	}
	compose, _ := set["compose"].(map[string]any)
	for _, include := range r.objects(compose, "include", where) {
		for _, c := range r.objects(include, "concept", where) {
			out = append(out, Coding{stringOf(include["system"]), stringOf(c["code"]), stringOf(c["display"])})
		}
	}
	return out
}

func optionScore(o map[string]any) *float64 {
	holders := []map[string]any{o}
	if c, ok := o["valueCoding"].(map[string]any); ok {
		holders = append(holders, c)
	}
	for _, h := range holders {
		list, _ := h["extension"].([]any)
		for _, e := range list {
			x, _ := e.(map[string]any)
			if x["url"] != extOrdinal && x["url"] != extItemWeight {
				continue
			}
			if n, ok := x["valueDecimal"].(json.Number); ok {
				if f, err := n.Float64(); err == nil {
					return &f
				}
			}
		}
	}
	return nil
}

func (r *importer) initial(it *Item, src map[string]any, where string) {
	list := r.objects(src, "initial", where)
	if len(list) > 0 && it.asksNothing() {
		r.fail("%s: a %s item cannot have an initial value.", where, it.Type)
		return
	}
	if len(list) > 0 && len(it.Options) > 0 {
		r.fail("%s has options: mark the chosen one with initialSelected instead of giving an initial value.", where)
		return
	}
	for _, o := range list {
		_, raw := only(o, "value")
		v, problem := it.read(raw)
		if problem != nil || v == nil {
			r.fail("%s has an initial value that is no answer to it.", where)
			continue
		}
		it.Initial = append(it.Initial, v)
	}
	if len(it.Initial) > 1 && !it.Repeats {
		r.fail("%s has several initial values but may be answered only once.", where)
	}
}

func (r *importer) conditions(it *Item, src map[string]any) {
	where := "Item " + strconv.Quote(it.LinkID)
	list := r.objects(src, "enableWhen", where)
	if len(list) > maxConditions {
		r.fail("%s has more than %d conditions.", where, maxConditions)
		return
	}
	switch behavior := r.text(src, "enableBehavior", where, 20); behavior {
	case "any":
		it.anyCondition = true
	case "all":
	case "":
		if len(list) > 1 {
			r.fail(`%s has several conditions; say by enableBehavior whether "all" or "any" must hold.`, where)
		}
	default:
		r.fail("%s has the enableBehavior %q; FHIR allows all and any.", where, behavior)
	}
	for _, o := range list {
		c := condition{linkID: r.text(o, "question", where, 255), operator: r.text(o, "operator", where, 10)}
		c.question = r.q.byLink[c.linkID]
		if c.question == nil || c.question.asksNothing() {
			r.fail("%s depends on %q, which is not a question of this questionnaire.", where, c.linkID)
			continue
		}
		var ok bool
		if c.answer, ok = conditionAnswer(c, o); !ok {
			r.fail("%s: its condition on %q cannot be compared with that question's answers.", where, c.linkID)
			continue
		}
		it.conditions = append(it.conditions, c)
	}
}

// conditionAnswer reads enableWhen.answer[x] as an answer to the question it is compared with. Editors are
// careless about x (a date in answerInteger), so the question's type decides and not the key.
func conditionAnswer(c condition, o map[string]any) (any, bool) {
	_, raw := only(o, "answer")
	if c.operator == "exists" {
		b, ok := raw.(bool)
		return b, ok
	}
	v, problem := c.question.readKind(raw)
	if problem != nil || v == nil {
		return nil, false
	}
	switch c.operator {
	case "=", "!=":
		return v, true
	case ">", "<", ">=", "<=":
		_, ordered := compare(v, v)
		return v, ordered
	}
	return nil, false
}

// refuseCircularConditions: an item whose being asked depends on itself could be neither asked nor left out.
func (r *importer) refuseCircularConditions() {
	const visiting, done = 1, 2
	state := map[*Item]int{}
	var visit func(it *Item) bool
	visit = func(it *Item) bool {
		if it == nil || state[it] == done {
			return true
		}
		if state[it] == visiting {
			return false
		}
		state[it] = visiting
		sound := visit(it.parent)
		for _, c := range it.conditions {
			sound = sound && visit(c.question)
		}
		if it.derived != nil {
			for _, s := range it.derived.sources {
				sound = sound && visit(s)
			}
		}
		state[it] = done
		return sound
	}
	for _, it := range r.q.order {
		if !visit(it) {
			r.fail("Item %q depends on itself through its conditions.", it.LinkID)
			return
		}
	}
}

// Readers of single JSON members. Each says where and what, and returns a zero value so that reading goes on.

func (r *importer) text(o map[string]any, key, where string, limit int) string {
	v, present := o[key]
	if !present {
		return ""
	}
	s, ok := v.(string)
	switch {
	case !ok:
		r.fail("%s: %s must be text.", where, key)
		return ""
	case utf8.RuneCountInString(s) > limit:
		r.fail("%s: %s is longer than %d characters.", where, key, limit)
		return ""
	case strings.ContainsFunc(s, forbiddenRune):
		r.fail("%s: %s contains control characters.", where, key)
		return ""
	}
	return s
}

// flag reads a boolean. Some editors export "true" as text, which browsers take as true as well.
func (r *importer) flag(o map[string]any, key, where string) bool {
	switch v := o[key].(type) {
	case nil:
		return false
	case bool:
		return v
	case string:
		if v == "true" || v == "false" {
			return v == "true"
		}
	}
	r.fail("%s: %s must be true or false.", where, key)
	return false
}

func (r *importer) whole(v any, key, where string) (int, bool) {
	if v == nil {
		return 0, false
	}
	if n, ok := v.(json.Number); ok {
		if i, err := strconv.Atoi(n.String()); err == nil && i >= 0 && i <= 1<<30 {
			return i, true
		}
	}
	r.fail("%s: %s must be a whole number.", where, key)
	return 0, false
}

func (r *importer) objects(o map[string]any, key, where string) []map[string]any {
	v, present := o[key]
	if !present {
		return nil
	}
	list, ok := v.([]any)
	if !ok {
		r.fail("%s: %s must be a list.", where, key)
		return nil
	}
	out := make([]map[string]any, 0, len(list))
	for _, e := range list {
		m, ok := e.(map[string]any)
		if !ok {
			r.fail("%s: %s must hold objects.", where, key)
			return nil
		}
		out = append(out, m)
	}
	return out
}

func (r *importer) extensionFlag(o map[string]any, url, where string) bool {
	for _, x := range r.objects(o, "extension", where) {
		if x["url"] == url {
			return r.flag(x, "valueBoolean", where)
		}
	}
	return false
}

func extensionValue(x map[string]any) any {
	_, v := only(x, "value")
	return v
}

// only finds FHIR's choice element prefix[x]; nothing when there is none or more than one.
func only(o map[string]any, prefix string) (string, any) {
	found := ""
	for key := range o {
		if !strings.HasPrefix(key, prefix) {
			continue
		}
		if found != "" {
			return "", nil
		}
		found = key
	}
	return found, o[found]
}

func stringOf(v any) string {
	s, _ := v.(string)
	return s
}
