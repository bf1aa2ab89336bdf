package forms

import (
	"encoding/json"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Limits of a questionnaire at import. They bound what one template can cost each time it is read.
const (
	maxQuestionnaireBytes = 1 << 20
	maxItems              = 1000
	maxItemDepth          = 20
	maxOptions            = 1000
	maxConditions         = 50
	maxTextRunes          = 20_000
	maxProblems           = 50
)

// Extensions of FHIR R4 and SDC that change what an answer may be. All others are kept in Raw and ignored here.
const (
	extHidden        = "http://hl7.org/fhir/StructureDefinition/questionnaire-hidden"
	extMinValue      = "http://hl7.org/fhir/StructureDefinition/minValue"
	extMaxValue      = "http://hl7.org/fhir/StructureDefinition/maxValue"
	extMinQuantity   = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-minQuantity"
	extMaxQuantity   = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-maxQuantity"
	extMinLength     = "http://hl7.org/fhir/StructureDefinition/minLength"
	extMaxDecimals   = "http://hl7.org/fhir/StructureDefinition/maxDecimalPlaces"
	extRegex         = "http://hl7.org/fhir/StructureDefinition/regex"
	extMinOccurs     = "http://hl7.org/fhir/StructureDefinition/questionnaire-minOccurs"
	extMaxOccurs     = "http://hl7.org/fhir/StructureDefinition/questionnaire-maxOccurs"
	extExclusive     = "http://hl7.org/fhir/StructureDefinition/questionnaire-optionExclusive"
	extUnit          = "http://hl7.org/fhir/StructureDefinition/questionnaire-unit"
	extOrdinal       = "http://hl7.org/fhir/StructureDefinition/ordinalValue"
	extItemWeight    = "http://hl7.org/fhir/StructureDefinition/itemWeight"
	extEnableExpr    = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-enableWhenExpression"
	extCalculated    = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-calculatedExpression"
	extVariable      = "http://hl7.org/fhir/StructureDefinition/variable"
	extVariableOfSDC = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-variable"
)

// Item types of http://hl7.org/fhir/R4/valueset-item-type.html that a person can be asked. "reference" points at
// other FHIR resources, which the portal does not hold, and "question" is abstract.
const (
	typeGroup      = "group"
	typeDisplay    = "display"
	typeBoolean    = "boolean"
	typeDecimal    = "decimal"
	typeInteger    = "integer"
	typeDate       = "date"
	typeDateTime   = "dateTime"
	typeTime       = "time"
	typeString     = "string"
	typeText       = "text"
	typeURL        = "url"
	typeChoice     = "choice"
	typeOpenChoice = "open-choice"
	typeAttachment = "attachment"
	typeQuantity   = "quantity"
)

// takes tells which parts of an item the FHIR invariants que-5 and que-10 allow for its type.
var takes = map[string]struct{ options, maxLength bool }{
	typeGroup: {}, typeDisplay: {}, typeAttachment: {},
	typeBoolean:  {maxLength: true},
	typeDecimal:  {options: true, maxLength: true},
	typeInteger:  {options: true, maxLength: true},
	typeDate:     {options: true},
	typeDateTime: {options: true},
	typeTime:     {options: true},
	typeString:   {options: true, maxLength: true},
	typeText:     {maxLength: true},
	typeURL:      {maxLength: true},
	typeChoice:   {options: true}, typeOpenChoice: {options: true, maxLength: true},
	typeQuantity: {options: true},
}

// Questionnaire is one version of a FHIR R4 Questionnaire, read and found sound.
type Questionnaire struct {
	Title, Name, Version, URL, Description, Language string

	Items []*Item
	// Warnings are sentences about parts that are valid FHIR and have no effect here.
	Warnings []string
	// Raw is the document as imported: what the page renders and what an export gives back.
	Raw json.RawMessage

	byLink map[string]*Item
	order  []*Item // document order
}

// Item is one question, group or display text.
type Item struct {
	LinkID, Text, Prefix, Type string

	Required, Repeats bool
	// ReadOnly and Hidden are inherited: a group's hold for everything in it.
	ReadOnly, Hidden bool

	Options []Option
	Initial []any
	Items   []*Item

	minLength, maxLength   int // runes; 0 is none
	maxDecimals            int // -1 is none
	minOccurs, maxOccurs   int // 0 is none
	min, max               any
	pattern                *regexp.Regexp
	unit                   string
	conditions             []condition
	anyCondition           bool
	unevaluated            bool // enabled by an expression that is not evaluated
	derived                *derivation
	parent, repeatingGroup *Item // repeatingGroup is the nearest ancestor that repeats
	position               int
}

// Option is one answerOption; Value is what an answer must equal.
type Option struct {
	Value     any
	Score     *float64
	Exclusive bool // may not be chosen beside others
}

type condition struct {
	question *Item
	linkID   string
	operator string
	answer   any
}

// Answers of the kinds that are not a bool, float64 or string.
type (
	Coding struct {
		System  string `json:"system,omitempty"`
		Code    string `json:"code"`
		Display string `json:"display,omitempty"`
	}
	Quantity struct {
		Value float64 `json:"value"`
		Unit  string  `json:"unit"`
	}
	Attachment struct {
		ID string `json:"documentId"`
	}
)

// serverOwned items are answered by the server (an initial value or a calculation), never by the person.
func (it *Item) serverOwned() bool { return it.ReadOnly || it.Hidden || it.derived != nil }

func (it *Item) asksNothing() bool { return it.Type == typeGroup || it.Type == typeDisplay }

// repeatingChain is the repeating groups around the item, outermost first.
func (it *Item) repeatingChain() []*Item {
	var chain []*Item
	for g := it.repeatingGroup; g != nil; g = g.repeatingGroup {
		chain = append([]*Item{g}, chain...)
	}
	return chain
}

// name is how a sentence speaks of the item: its wording, or its linkId when it has none.
func (it *Item) name() string {
	words := strings.Join(strings.Fields(it.Text), " ")
	if words == "" {
		words = it.LinkID
	}
	return `"` + shorten(words, 80) + `"`
}

func shorten(s string, runes int) string {
	if utf8.RuneCountInString(s) <= runes {
		return s
	}
	return string([]rune(s)[:runes-1]) + "…"
}
