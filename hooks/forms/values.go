package forms

import (
	"encoding/json"
	"math"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"anteroom/hooks/kernel"
)

// Codes of a refused answer, as they travel in details.fields.
const (
	codeRequired  = "required"
	codeType      = "type"
	codeOption    = "option"
	codeRange     = "range"
	codeMaxLength = "max_length"
	codeUnknown   = "unknown"
	codeReadOnly  = "read_only"
	codeDisabled  = "disabled"
)

// Bounds of one answer where the questionnaire sets none. FHIR's integer has 32 bits; decimals stay where a
// float64 still tells cents apart.
const (
	maxDecimal     = 1e13
	maxStringRunes = 5_000
	maxLongRunes   = 20_000
	maxURLRunes    = 2_000
)

// The lexical forms of https://hl7.org/fhir/R4/datatypes.html. Dates and instants may be partial.
var (
	dateForm     = regexp.MustCompile(`^\d{4}(-\d{2}(-\d{2})?)?$`)
	dateTimeForm = regexp.MustCompile(`^\d{4}(-\d{2}(-\d{2}(T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2}))?)?)?$`)
	timeForm     = regexp.MustCompile(`^\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?$`)
	documentForm = regexp.MustCompile(`^[a-z0-9]{15}$`)
)

func problem(code, message string) *kernel.FieldError {
	return &kernel.FieldError{Code: code, Message: message}
}

// readKind turns a JSON value (decoded with UseNumber) into an answer of the item's type, without asking whether
// the item's limits and options allow it. A nil answer means "left blank".
func (it *Item) readKind(raw any) (any, *kernel.FieldError) {
	if raw == nil {
		return nil, nil
	}
	switch it.Type {
	case typeBoolean:
		if b, ok := raw.(bool); ok {
			return b, nil
		}
		return nil, problem(codeType, "Answer "+it.name()+" with yes or no.")
	case typeDecimal, typeInteger:
		return it.readNumber(raw)
	case typeQuantity:
		return it.readQuantity(raw)
	case typeChoice, typeOpenChoice:
		return it.readChoice(raw)
	case typeAttachment:
		m, _ := raw.(map[string]any)
		if id, ok := m["documentId"].(string); ok && documentForm.MatchString(id) {
			return Attachment{id}, nil
		}
		return nil, problem(codeType, "Attach a document to "+it.name()+".")
	}
	s, ok := raw.(string)
	if !ok {
		return nil, problem(codeType, "Answer "+it.name()+" with text.")
	}
	if strings.TrimSpace(s) == "" {
		return nil, nil
	}
	return it.readText(s)
}

func (it *Item) readText(s string) (any, *kernel.FieldError) {
	if strings.ContainsFunc(s, forbiddenRune) {
		return nil, problem(codeType, "The answer to "+it.name()+" contains characters that cannot be kept.")
	}
	limit := maxStringRunes
	switch it.Type {
	case typeText:
		limit = maxLongRunes
	case typeURL:
		limit = maxURLRunes
	}
	if it.maxLength > 0 {
		limit = min(limit, it.maxLength)
	}
	if utf8.RuneCountInString(s) > limit {
		return nil, problem(codeMaxLength, "The answer to "+it.name()+" is too long: at most "+strconv.Itoa(limit)+" characters.")
	}
	sound, hint := true, ""
	switch it.Type {
	case typeDate:
		sound, hint = isDate(s), "with a date, for example 2026-03-14"
	case typeDateTime:
		sound, hint = isDateTime(s), "with a date and time, for example 2026-03-14T09:30:00-07:00"
	case typeTime:
		sound, hint = isTime(s), "with a time, for example 09:30:00"
		if len(s) == len("15:04") {
			s += ":00" // what an HTML time field gives
		}
	case typeURL:
		sound, hint = isWebAddress(s), "with a web address that starts with https://"
	}
	if !sound {
		return nil, problem(codeType, "Answer "+it.name()+" "+hint+".")
	}
	return s, nil
}

func (it *Item) readNumber(raw any) (any, *kernel.FieldError) {
	n, ok := raw.(json.Number)
	if !ok {
		return nil, problem(codeType, "Answer "+it.name()+" with a number.")
	}
	f, err := strconv.ParseFloat(n.String(), 64)
	if err != nil || math.Abs(f) > maxDecimal || it.Type == typeInteger && (f > math.MaxInt32 || f < math.MinInt32) {
		return nil, problem(codeRange, "The number given for "+it.name()+" is too large.")
	}
	if it.Type == typeInteger && f != math.Trunc(f) {
		return nil, problem(codeType, "Answer "+it.name()+" with a whole number.")
	}
	return f + 0, nil // + 0 turns -0 into 0: they must hash alike
}

func (it *Item) readQuantity(raw any) (any, *kernel.FieldError) {
	m, _ := raw.(map[string]any)
	unit, ok := m["unit"].(string)
	if !ok || utf8.RuneCountInString(unit) > 40 || strings.ContainsFunc(unit, forbiddenRune) {
		return nil, problem(codeType, "Answer "+it.name()+" with a number and a unit.")
	}
	f, p := it.readNumber(m["value"])
	if p != nil {
		return nil, p
	}
	return Quantity{f.(float64), unit}, nil
}

func (it *Item) readChoice(raw any) (any, *kernel.FieldError) {
	switch v := raw.(type) {
	case map[string]any:
		c := Coding{stringOf(v["system"]), stringOf(v["code"]), stringOf(v["display"])}
		if c.Code == "" && c.Display == "" || strings.ContainsFunc(c.Code+c.Display+c.System, forbiddenRune) {
			break
		}
		return c, nil
	case json.Number:
		return it.readNumber(v)
	case string:
		if strings.TrimSpace(v) == "" {
			return nil, nil
		}
		return it.readText(v)
	}
	return nil, problem(codeType, "Choose one of the answers offered for "+it.name()+".")
}

// read is readKind within the item's limits and options. A chosen coding comes back as the questionnaire words
// it: the code decides, and nobody can put other words under a code.
func (it *Item) read(raw any) (any, *kernel.FieldError) {
	v, p := it.readKind(raw)
	if p != nil || v == nil {
		return nil, p
	}
	if opt := it.option(v); opt != nil {
		return opt.Value, nil
	}
	if len(it.Options) > 0 {
		free, isText := v.(string)
		if it.Type != typeOpenChoice || !isText {
			if it.Type == typeChoice && !it.offersKindOf(v) {
				return nil, problem(codeType, "Choose one of the answers offered for "+it.name()+".")
			}
			return nil, problem(codeOption, "Choose one of the answers offered for "+it.name()+".")
		}
		return free, nil
	}
	return v, it.withinLimits(v)
}

func (it *Item) option(v any) *Option {
	for i := range it.Options {
		if same(it.Options[i].Value, v) {
			return &it.Options[i]
		}
	}
	return nil
}

func (it *Item) offersKindOf(v any) bool {
	for _, o := range it.Options {
		if _, ok := compareKinds(o.Value, v); ok {
			return true
		}
	}
	return false
}

func (it *Item) withinLimits(v any) *kernel.FieldError {
	if s, ok := v.(string); ok {
		if it.minLength > 0 && utf8.RuneCountInString(s) < it.minLength {
			return problem(codeRange, "The answer to "+it.name()+" is too short: at least "+strconv.Itoa(it.minLength)+" characters.")
		}
		if it.pattern != nil && !it.pattern.MatchString(s) {
			return problem(codeType, "The answer to "+it.name()+" does not have the expected form.")
		}
	}
	number, isNumber := v.(float64)
	if q, ok := v.(Quantity); ok {
		number, isNumber = q.Value, true
	}
	if isNumber && it.maxDecimals >= 0 && decimals(number) > it.maxDecimals {
		return problem(codeRange, "Answer "+it.name()+" with at most "+strconv.Itoa(it.maxDecimals)+" digits after the point.")
	}
	if it.min != nil {
		if c, ok := compare(v, it.min); !ok || c < 0 {
			return problem(codeRange, "The answer to "+it.name()+" must be at least "+words(it, it.min)+".")
		}
	}
	if it.max != nil {
		if c, ok := compare(v, it.max); !ok || c > 0 {
			return problem(codeRange, "The answer to "+it.name()+" must be at most "+words(it, it.max)+".")
		}
	}
	return nil
}

// forbiddenRune: control characters other than tab and line ends, and the replacement character, which is what
// encoding/json makes of an unpaired surrogate.
func forbiddenRune(r rune) bool {
	return r == utf8.RuneError || unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t'
}

func decimals(f float64) int {
	_, fraction, _ := strings.Cut(strconv.FormatFloat(f, 'f', -1, 64), ".")
	return len(fraction)
}

func isDate(s string) bool {
	if !dateForm.MatchString(s) {
		return false
	}
	_, err := time.Parse("2006-01-02"[:len(s)], s)
	return err == nil
}

func isDateTime(s string) bool {
	if !dateTimeForm.MatchString(s) {
		return false
	}
	if len(s) <= len("2006-01-02") {
		return isDate(s)
	}
	_, err := time.Parse(time.RFC3339, s)
	return err == nil
}

func isTime(s string) bool {
	if !timeForm.MatchString(s) {
		return false
	}
	_, err := time.Parse("15:04:05", (s + ":00")[:len("15:04:05")])
	return err == nil
}

// isWebAddress keeps javascript: and the like out: staff will click on these.
func isWebAddress(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && !strings.ContainsFunc(s, unicode.IsSpace)
}

// same tells whether two answers are equal in FHIR's sense: codings by system (when both name one) and code,
// instants by the moment they mean.
func same(a, b any) bool {
	c, ok := compareKinds(a, b)
	return ok && c == 0
}

// compare orders two answers of one kind; not ok when they have no order (codings, booleans, dates of different
// precision that agree as far as they go, quantities in different units).
func compare(a, b any) (int, bool) {
	switch a.(type) {
	case float64, string, Quantity:
		c, ok := compareKinds(a, b)
		return c, ok && c != incomparable
	}
	return 0, false
}

const incomparable = 2

// compareKinds is not ok when the two are of different kinds, and incomparable (never 0) when they are of one
// kind and differ without an order.
func compareKinds(a, b any) (int, bool) {
	switch x := a.(type) {
	case bool:
		if y, ok := b.(bool); ok {
			return different(x == y), true
		}
	case float64:
		if y, ok := b.(float64); ok {
			return order(x, y), true
		}
	case Quantity:
		if y, ok := b.(Quantity); ok {
			if x.Unit != y.Unit {
				return incomparable, true
			}
			return order(x.Value, y.Value), true
		}
	case Coding:
		if y, ok := b.(Coding); ok {
			if x.Code == "" || y.Code == "" {
				return different(x.Code == y.Code && x.Display == y.Display), true
			}
			return different(x.Code == y.Code && (x.System == y.System || x.System == "" || y.System == "")), true
		}
	case Attachment:
		if y, ok := b.(Attachment); ok {
			return different(x == y), true
		}
	case string:
		if y, ok := b.(string); ok {
			return compareText(x, y), true
		}
	}
	return 0, false
}

func different(equal bool) int {
	if equal {
		return 0
	}
	return incomparable
}

func order(x, y float64) int {
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}

func compareText(x, y string) int {
	if isDateTime(x) && isDateTime(y) {
		return compareDates(x, y)
	}
	return strings.Compare(x, y)
}

// compareDates follows FHIRPath: dates of different precision are ordered as far as both go, and unordered when
// they agree that far (2022-09 is neither before nor after 2022-09-20).
func compareDates(x, y string) int {
	const day = len("2006-01-02")
	if len(x) > day && len(y) > day {
		a, _ := time.Parse(time.RFC3339, x)
		b, _ := time.Parse(time.RFC3339, y)
		return a.Compare(b)
	}
	if len(x) == len(y) {
		return strings.Compare(x, y)
	}
	n := min(len(x), len(y))
	if c := strings.Compare(x[:n], y[:n]); c != 0 {
		return c
	}
	return incomparable
}
