package forms

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"anteroom/hooks/kernel"
)

// check gives the codes of what was refused ("" when nothing was) and the sheet.
func check(t testing.TB, q *Questionnaire, responses string, mode Mode) (*Sheet, map[string]string) {
	t.Helper()
	s, err := q.Check([]byte(responses), mode, nil)
	if err == nil {
		return s, map[string]string{}
	}
	var refused *kernel.Error
	if !errors.As(err, &refused) || refused.Code != kernel.CodeValidation {
		t.Fatalf("not a refusal: %v", err)
	}
	codes := map[string]string{}
	for linkID, f := range refused.Fields {
		codes[linkID] = f.Code
		if f.Message == "" || !strings.HasSuffix(f.Message, ".") {
			t.Errorf("%s: not a sentence: %q", linkID, f.Message)
		}
	}
	if len(codes) == 0 {
		codes[refused.Reason] = refused.Message
	}
	return nil, codes
}

func sameCodes(got, want map[string]string) bool { return fmt.Sprint(got) == fmt.Sprint(want) }

func stored(t testing.TB, s *Sheet) string {
	t.Helper()
	out, err := Canonical(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func extension(url, key, value string) string {
	return `"extension":[{"url":"` + url + `","` + key + `":` + value + `}]`
}

func TestOneAnswerOfEachKind(t *testing.T) {
	long := func(n int) string { return `"` + strings.Repeat("é", n) + `"` }
	for name, c := range map[string]struct {
		item   string // without linkId
		answer string
		code   string // "" is accepted
		keeps  string // canonical; "" means as sent
	}{
		"boolean":                {`"type":"boolean"`, `true`, "", ""},
		"boolean no":             {`"type":"boolean"`, `false`, "", ""},
		"boolean as text":        {`"type":"boolean"`, `"true"`, "type", ""},
		"boolean as number":      {`"type":"boolean"`, `1`, "type", ""},
		"decimal":                {`"type":"decimal"`, `2.50`, "", `2.5`},
		"decimal exponent":       {`"type":"decimal"`, `1e3`, "", `1000`},
		"decimal minus zero":     {`"type":"decimal"`, `-0.0`, "", `0`},
		"decimal as text":        {`"type":"decimal"`, `"2.5"`, "type", ""},
		"decimal NaN as text":    {`"type":"decimal"`, `"NaN"`, "type", ""},
		"decimal huge":           {`"type":"decimal"`, `1e14`, "range", ""},
		"decimal beyond float64": {`"type":"decimal"`, `1e999`, "range", ""},
		"decimal places":         {`"type":"decimal",` + extension(extMaxDecimals, "valueInteger", "2"), `1.25`, "", ""},
		"decimal places over":    {`"type":"decimal",` + extension(extMaxDecimals, "valueInteger", "2"), `1.255`, "range", ""},
		"decimal below min":      {`"type":"decimal",` + extension(extMinValue, "valueDecimal", "0.5"), `0.4`, "range", ""},
		"decimal at min":         {`"type":"decimal",` + extension(extMinValue, "valueDecimal", "0.5"), `0.5`, "", ""},
		"decimal above max":      {`"type":"decimal",` + extension(extMaxValue, "valueDecimal", "10"), `10.1`, "range", ""},
		"integer":                {`"type":"integer"`, `-12`, "", ""},
		"integer as 3.0":         {`"type":"integer"`, `3.0`, "", `3`},
		"integer fraction":       {`"type":"integer"`, `3.5`, "type", ""},
		"integer past 32 bits":   {`"type":"integer"`, `2147483648`, "range", ""},
		"integer object":         {`"type":"integer"`, `{"a":1}`, "type", ""},
		"date":                   {`"type":"date"`, `"2024-02-29"`, "", ""},
		"date, year only":        {`"type":"date"`, `"2024"`, "", ""},
		"date, year and month":   {`"type":"date"`, `"2024-02"`, "", ""},
		"date that is none":      {`"type":"date"`, `"2023-02-29"`, "type", ""},
		"date in words":          {`"type":"date"`, `"yesterday"`, "type", ""},
		"date the other way":     {`"type":"date"`, `"02/29/2024"`, "type", ""},
		"date too early":         {`"type":"date",` + extension(extMinValue, "valueDate", `"2020-01-01"`), `"2019-12-31"`, "range", ""},
		"date unclear of min":    {`"type":"date",` + extension(extMinValue, "valueDate", `"2020-06-01"`), `"2020"`, "range", ""},
		"dateTime":               {`"type":"dateTime"`, `"2024-02-29T09:30:00-07:00"`, "", ""},
		"dateTime Z":             {`"type":"dateTime"`, `"2024-02-29T09:30:00.125Z"`, "", ""},
		"dateTime day":           {`"type":"dateTime"`, `"2024-02-29"`, "", ""},
		"dateTime no zone":       {`"type":"dateTime"`, `"2024-02-29T09:30:00"`, "type", ""},
		"dateTime 25 h":          {`"type":"dateTime"`, `"2024-02-29T25:30:00Z"`, "type", ""},
		"time":                   {`"type":"time"`, `"09:30:00"`, "", ""},
		"time of a time field":   {`"type":"time"`, `"09:30"`, "", `"09:30:00"`},
		"time that is none":      {`"type":"time"`, `"09:60:00"`, "type", ""},
		"string":                 {`"type":"string"`, "\"O'Brien 😀 \u200fשלום\"", "", ""},
		"string as number":       {`"type":"string"`, `5`, "type", ""},
		"string with a bell":     {`"type":"string"`, `"a\u0007"`, "type", ""},
		"string with NUL":        {`"type":"string"`, `"a\u0000"`, "type", ""},
		"string half surrogate":  {`"type":"string"`, `"\ud800"`, "type", ""},
		"string that is HTML":    {`"type":"string"`, `"<script>alert(1)</script>"`, "", ""},
		"string at limit":        {`"type":"string","maxLength":5`, long(5), "", ""},
		"string over limit":      {`"type":"string","maxLength":5`, long(6), "max_length", ""},
		"string over our limit":  {`"type":"string"`, long(maxStringRunes + 1), "max_length", ""},
		"string too short":       {`"type":"string",` + extension(extMinLength, "valueInteger", "3"), `"ab"`, "range", ""},
		"string of a pattern":    {`"type":"string",` + extension(extRegex, "valueString", `"[0-9]{5}"`), `"80302"`, "", ""},
		"string off a pattern":   {`"type":"string",` + extension(extRegex, "valueString", `"[0-9]{5}"`), `"80302-1"`, "type", ""},
		"text with lines":        {`"type":"text"`, `"a\nb\tc"`, "", ""},
		"text over our limit":    {`"type":"text"`, long(maxLongRunes + 1), "max_length", ""},
		"url":                    {`"type":"url"`, `"https://a.example/x?y=1"`, "", ""},
		"url javascript":         {`"type":"url"`, `"javascript:alert(1)"`, "type", ""},
		"url data":               {`"type":"url"`, `"data:text/html,x"`, "type", ""},
		"url without host":       {`"type":"url"`, `"https://"`, "type", ""},
		"choice":                 {`"type":"choice",` + twoOptions, `{"system":"s","code":"a","display":"A"}`, "", `{"code":"a","display":"A","system":"s"}`},
		"choice by code":         {`"type":"choice",` + twoOptions, `{"code":"b"}`, "", `{"code":"b","display":"B","system":"s"}`},
		"choice in other words":  {`"type":"choice",` + twoOptions, `{"code":"b","display":"I refuse"}`, "", `{"code":"b","display":"B","system":"s"}`},
		"choice not offered":     {`"type":"choice",` + twoOptions, `{"code":"c"}`, "option", ""},
		"choice other system":    {`"type":"choice",` + twoOptions, `{"system":"t","code":"a"}`, "option", ""},
		"choice as text":         {`"type":"choice",` + twoOptions, `"a"`, "type", ""},
		"choice as boolean":      {`"type":"choice",` + twoOptions, `true`, "type", ""},
		"choice of texts":        {`"type":"choice","answerOption":[{"valueString":"x"},{"valueString":"y"}]`, `"y"`, "", ""},
		"choice of texts, other": {`"type":"choice","answerOption":[{"valueString":"x"},{"valueString":"y"}]`, `"z"`, "option", ""},
		"open-choice own words":  {`"type":"open-choice",` + twoOptions, `"something else"`, "", ""},
		"open-choice offered":    {`"type":"open-choice",` + twoOptions, `{"code":"a"}`, "", `{"code":"a","display":"A","system":"s"}`},
		"open-choice other code": {`"type":"open-choice",` + twoOptions, `{"code":"zz"}`, "option", ""},
		"integer of options":     {`"type":"integer","answerOption":[{"valueInteger":12},{"valueInteger":34}]`, `34`, "", ""},
		"integer not offered":    {`"type":"integer","answerOption":[{"valueInteger":12},{"valueInteger":34}]`, `35`, "option", ""},
		"quantity":               {`"type":"quantity"`, `{"value":72.5,"unit":"kg"}`, "", `{"unit":"kg","value":72.5}`},
		"quantity without unit":  {`"type":"quantity"`, `{"value":72.5}`, "type", ""},
		"quantity as number":     {`"type":"quantity"`, `72.5`, "type", ""},
		"quantity without value": {`"type":"quantity"`, `{"unit":"kg"}`, "type", ""},
		"quantity over max":      {`"type":"quantity",` + extension(extMaxQuantity, "valueQuantity", `{"value":300,"unit":"kg"}`), `{"value":301,"unit":"kg"}`, "range", ""},
		"quantity, other unit":   {`"type":"quantity",` + extension(extMaxQuantity, "valueQuantity", `{"value":300,"unit":"kg"}`), `{"value":1,"unit":"st"}`, "range", ""},
		"attachment, none mine":  {`"type":"attachment"`, `{"documentId":"abcdefghij12345"}`, "option", ""},
		"attachment malformed":   {`"type":"attachment"`, `{"documentId":"../x"}`, "type", ""},
		"attachment as base64":   {`"type":"attachment"`, `"aGk="`, "type", ""},
		"display":                {`"type":"display"`, `"x"`, "type", ""},
		"several for one":        {`"type":"string"`, `["x"]`, "type", ""},
		"deep":                   {`"type":"string"`, strings.Repeat(`[`, 5000) + strings.Repeat(`]`, 5000), "type", ""},
		"repeats":                {`"type":"string","repeats":true`, `["x","y"]`, "", ""},
		"repeats not a list":     {`"type":"string","repeats":true`, `"x"`, "type", ""},
		"repeats with one bad":   {`"type":"integer","repeats":true`, `[1,"x"]`, "type", ""},
		"repeats too often":      {`"type":"integer","repeats":true`, "[" + strings.TrimSuffix(strings.Repeat("1,", 101), ",") + "]", "range", ""},
		"repeats the same":       {`"type":"choice","repeats":true,` + twoOptions, `[{"code":"a"},{"code":"a"}]`, "option", ""},
		"repeats past maxOccurs": {`"type":"integer","repeats":true,` + extension(extMaxOccurs, "valueInteger", "2"), `[1,2,3]`, "range", ""},
		"exclusive alone": {`"type":"choice","repeats":true,"answerOption":[{"valueString":"x"},{"valueString":"none",` + extension(extExclusive, "valueBoolean", "true") + `}]`,
			`["none"]`, "", ""},
		"exclusive with others": {`"type":"choice","repeats":true,"answerOption":[{"valueString":"x"},{"valueString":"none",` + extension(extExclusive, "valueBoolean", "true") + `}]`,
			`["x","none"]`, "option", ""},
	} {
		t.Run(name, func(t *testing.T) {
			q := parse(t, form(`{"linkId":"q",`+c.item+`}`))
			for _, mode := range []Mode{Draft, Submit} {
				s, codes := check(t, q, `{"q":`+c.answer+`}`, mode)
				if c.code != "" {
					if !sameCodes(codes, map[string]string{"q": c.code}) {
						t.Errorf("mode %d: refused as %v, want %s", mode, codes, c.code)
					}
					continue
				}
				if s == nil {
					t.Fatalf("mode %d: refused as %v", mode, codes)
				}
				keeps := c.keeps
				if keeps == "" {
					keeps = c.answer
				}
				if got, want := stored(t, s), `{"q":`+keeps+`}`; got != want {
					t.Errorf("mode %d: keeps %s, want %s", mode, got, want)
				}
			}
		})
	}
}

func TestBlankIsNoAnswer(t *testing.T) {
	for kind, blanks := range map[string][]string{
		`"type":"string"`:                     {`null`, `""`, `"  \n"`},
		`"type":"integer"`:                    {`null`},
		`"type":"date"`:                       {`""`},
		`"type":"choice",` + twoOptions:       {`null`, `""`},
		`"type":"string","repeats":true`:      {`null`, `[]`, `["",null]`},
		`"type":"open-choice",` + twoOptions:  {`" "`},
		`"type":"quantity"`:                   {`null`},
		`"type":"attachment","repeats":false`: {`null`},
	} {
		q := parse(t, form(`{"linkId":"q","text":"Name it","required":true,`+kind+`}`))
		for _, blank := range blanks {
			s, codes := check(t, q, `{"q":`+blank+`}`, Draft)
			if s == nil || stored(t, s) != `{}` {
				t.Errorf("%s: draft of %s: %v", kind, blank, codes)
			}
			if _, codes := check(t, q, `{"q":`+blank+`}`, Submit); !sameCodes(codes, map[string]string{"q": "required"}) {
				t.Errorf("%s: submit of %s: %v", kind, blank, codes)
			}
		}
	}
}

func TestResponsesThatCannotBeRead(t *testing.T) {
	q := load(t, "phq-9.json")
	for name, raw := range map[string]string{
		"nothing":          ``,
		"null":             `null`,
		"a list":           `[]`,
		"text":             `"x"`,
		"NaN":              `{"/44261-6":NaN}`,
		"cut short":        `{"/44250-9":`,
		"a million levels": strings.Repeat(`{"a":`, 60_000),
		"not UTF-8":        "{\"/44250-9\":\"\xff\"}",
		"too large":        `{"a":"` + strings.Repeat("x", maxResponsesBytes) + `"}`,
		"two":              `{}{}`,
	} {
		_, codes := check(t, q, raw, Draft)
		if codes["RESPONSES_MALFORMED"] == "" {
			t.Errorf("%s: %v", name, codes)
		}
	}
}

func TestUnknownQuestions(t *testing.T) {
	q := load(t, "phq-9.json")
	_, codes := check(t, q, `{"/nope":1,"__proto__":{"a":1}}`, Draft)
	if !sameCodes(codes, map[string]string{"/nope": "unknown", "__proto__": "unknown"}) {
		t.Errorf("refused as %v", codes)
	}
	// What is said back stays small however much was sent.
	var many strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&many, `,"%0100d":1`, i)
	}
	_, codes = check(t, q, `{`+many.String()[1:]+`}`, Draft)
	if len(codes) != maxRefusals {
		t.Errorf("%d refusals are named, want %d", len(codes), maxRefusals)
	}
}

const phq9Low = `"/44250-9":{"code":"LA6569-3"},"/44255-8":{"code":"LA6570-1"},"/44259-0":{"code":"LA6568-5"},"/44254-1":{"code":"LA6571-9"},
	"/44251-7":{"code":"LA6568-5"},"/44258-2":{"code":"LA6568-5"},"/44252-5":{"code":"LA6568-5"},"/44253-3":{"code":"LA6569-3"}`

func TestPHQ9(t *testing.T) {
	q := load(t, "phq-9.json")
	t.Run("missing answers are named, the optional ones are not", func(t *testing.T) {
		_, err := q.Check([]byte(`{"/44250-9":{"code":"LA6569-3"}}`), Submit, nil)
		var refused *kernel.Error
		if !errors.As(err, &refused) || len(refused.Fields) != 7 {
			t.Fatalf("refused: %v", err)
		}
		if f := refused.Fields["/44255-8"]; f.Code != "required" || f.Message != `Answer "Feeling down, depressed, or hopeless?".` {
			t.Errorf("says %+v", f)
		}
		if !strings.HasPrefix(refused.Message, `There are 7 things to fix. Answer "Feeling down`) {
			t.Errorf("says %q", refused.Message)
		}
	})
	t.Run("the server adds the total", func(t *testing.T) {
		s, codes := check(t, q, `{`+phq9Low+`}`, Submit)
		if s == nil {
			t.Fatal(codes)
		}
		if total, ok := s.Score(); !ok || total != 7 {
			t.Errorf("score %v, %v; want 7", total, ok)
		}
		if got := s.Responses()["/44261-6"]; got != 7.0 {
			t.Errorf("stored total %v, want 7", got)
		}
		if total, ok := Score(q, []byte(stored(t, s))); !ok || total != 7 {
			t.Errorf("score of what is stored: %v, %v", total, ok)
		}
	})
	t.Run("the optional ninth question counts", func(t *testing.T) {
		s, _ := check(t, q, `{`+phq9Low+`,"/44260-8":{"code":"LA6571-9"}}`, Submit)
		if total, _ := s.Score(); total != 10 {
			t.Errorf("score %v, want 10", total)
		}
	})
	t.Run("a total sent by the client must be the server's", func(t *testing.T) {
		if _, codes := check(t, q, `{`+phq9Low+`,"/44261-6":7}`, Submit); len(codes) > 0 {
			t.Errorf("the right total is refused: %v", codes)
		}
		for _, mode := range []Mode{Draft, Submit} {
			if _, codes := check(t, q, `{`+phq9Low+`,"/44261-6":0}`, mode); !sameCodes(codes, map[string]string{"/44261-6": "read_only"}) {
				t.Errorf("mode %d: %v", mode, codes)
			}
		}
	})
	t.Run("a draft keeps only what the person said", func(t *testing.T) {
		s, _ := check(t, q, `{"/44250-9":{"code":"LA6569-3"}}`, Draft)
		if got := stored(t, s); got != `{"/44250-9":{"code":"LA6569-3","display":"Several days","system":"http://loinc.org"}}` {
			t.Error(got)
		}
		if total, ok := s.Score(); !ok || total != 1 {
			t.Errorf("score so far %v, %v", total, ok)
		}
	})
	t.Run("no answer, no score", func(t *testing.T) {
		if total, ok := Score(q, []byte(`{}`)); ok {
			t.Errorf("score %v of an empty form", total)
		}
		if _, ok := Score(q, []byte(`{"/44250-9":5}`)); ok {
			t.Error("score of answers that do not fit")
		}
	})
}

func TestScoreWithoutATotalItem(t *testing.T) {
	q := load(t, "answer-option-coding.json")
	s, codes := check(t, q, `{"valueCoding.choice-group3-item1":{"code":"c2"},"valueCoding.choice-group3-item2":[{"code":"c1"},{"code":"c3"}]}`, Submit)
	if s == nil {
		t.Fatal(codes)
	}
	if total, ok := s.Score(); !ok || total != 6 {
		t.Errorf("score %v, %v; want 2+1+3", total, ok)
	}
	// Weights by the newer extension, negative and fractional, under the coding.
	q = parse(t, form(`{"linkId":"a","type":"choice","answerOption":[{"valueCoding":{"code":"x","extension":[{"url":"`+extItemWeight+`","valueDecimal":-0.5}]}},{"valueCoding":{"code":"y"}}]},
		{"linkId":"t","type":"decimal",`+extension(extCalculated, "valueExpression", `{"expression":"%resource.item.answer.value.weight().sum()"}`)+`}`))
	s, _ = check(t, q, `{"a":{"code":"x"}}`, Submit)
	if got := stored(t, s); got != `{"a":{"code":"x"},"t":-0.5}` {
		t.Errorf("stored %s", got)
	}
	s, _ = check(t, q, `{"a":{"code":"y"}}`, Submit)
	if got := stored(t, s); got != `{"a":{"code":"y"}}` {
		t.Errorf("stored %s; an option without a score has none", got)
	}
}

func TestCopiedAnswers(t *testing.T) {
	q := load(t, "hidden-item.json")
	s, codes := check(t, q, `{"ITEM-VISIBLE":4.5}`, Submit)
	if s == nil {
		t.Fatal(codes)
	}
	if got := stored(t, s); got != `{"CE-HIDDEN":4.5,"CE-VISIBLE":4.5,"GROUP-HIDDEN/CE-HIDDEN":4.5,"GROUP-VISIBLE/CE-HIDDEN":4.5,"GROUP-VISIBLE/CE-VISIBLE":4.5,"ITEM-VISIBLE":4.5}` {
		t.Error(got)
	}
	if _, codes := check(t, q, `{"ITEM-VISIBLE":4.5,"GROUP-HIDDEN/CE-HIDDEN":9}`, Submit); !sameCodes(codes, map[string]string{"GROUP-HIDDEN/CE-HIDDEN": "read_only"}) {
		t.Error(codes)
	}
}

func TestReadOnlyAndHidden(t *testing.T) {
	q := parse(t, form(`{"linkId":"fixed","type":"string","readOnly":true,"required":true,"initial":[{"valueString":"ours"}]},
		{"linkId":"empty","type":"string","readOnly":true,"required":true},
		{"linkId":"hid","type":"group",`+extension(extHidden, "valueBoolean", "true")+`,"item":[{"linkId":"h","type":"integer","required":true}]},
		{"linkId":"a","type":"string"}`))
	s, codes := check(t, q, `{"a":"x"}`, Submit)
	if s == nil || stored(t, s) != `{"a":"x","fixed":"ours"}` {
		t.Errorf("%v %v", s, codes)
	}
	if _, codes := check(t, q, `{"a":"x","fixed":"ours"}`, Submit); len(codes) > 0 {
		t.Errorf("sending back what the server said: %v", codes)
	}
	_, codes = check(t, q, `{"fixed":"mine","empty":"x","h":1}`, Submit)
	if !sameCodes(codes, map[string]string{"fixed": "read_only", "empty": "read_only", "h": "read_only"}) {
		t.Errorf("refused as %v", codes)
	}
}

func TestEnableWhenOperators(t *testing.T) {
	q := load(t, "enable-when.json")
	for answer, want := range map[string]string{
		`{}`:                                 "Q1-not-exists Q1-not-true Q2-not-exists Q3-not-exists Q4-not-exists Q5-not-exists Q6-not-exists Q7-not-exists Q7-notequals Q8-not-exists Q9-not-exists Q9-noteq-B Q9a-not-exists Q9a-noteq-B Q9b-not-exists Q9b-noteq-B Q9c-not-exists Q9c-noteq-B Q9d-not-exists Q9d-noteq-B Q10-ewe",
		`{"Q1":true}`:                        "Q1-exists Q1-true",
		`{"Q1":false}`:                       "Q1-exists Q1-false Q1-not-true",
		`{"Q2":5.6}`:                         "Q2-exists Q2-equal Q2-ge",
		`{"Q2":4.8}`:                         "Q2-exists Q2-ge",
		`{"Q2":4.7}`:                         "Q2-exists",
		`{"Q3":5}`:                           "Q3-exists Q3-equal Q3-ge",
		`{"Q3":3}`:                           "Q3-exists",
		`{"Q4":"2020-05-01"}`:                "Q4-exists Q4-equal Q4-ge",
		`{"Q4":"2020-04-30"}`:                "Q4-exists",
		`{"Q4":"2020-05"}`:                   "Q4-exists", // neither before nor after a day in that month
		`{"Q4":"2021"}`:                      "Q4-exists Q4-ge",
		`{"Q7":"test"}`:                      "Q7-exists Q7-equals Q7-gt Q7-ge Q7-ge2 Q7-le2",
		`{"Q7":"tes"}`:                       "Q7-exists Q7-notequals Q7-ge2 Q7-le Q7-le2",
		`{"Q8":[{"code":"B"}]}`:              "Q8-exists Q8-eq-B",
		`{"Q8":[{"code":"C"},{"code":"B"}]}`: "Q8-exists Q8-eq-B Q8-eq-B-and-C",
		`{"Q8":[{"code":"A"}]}`:              "Q8-exists",
		`{"Q9":{"code":"B"}}`:                "Q9-exists Q9-eq-B",
		`{"Q9":{"code":"A"}}`:                "Q9-exists Q9-noteq-B",
		`{"Q9a":"B"}`:                        "Q9a-exists Q9a-eq-B",
		`{"Q9b":34}`:                         "Q9b-exists Q9b-eq-B",
		`{"Q9b":12}`:                         "Q9b-exists Q9b-noteq-B",
		`{"Q9c":"2022-09"}`:                  "Q9c-exists Q9c-eq-B",
		`{"Q9c":"2022-09-20"}`:               "Q9c-exists Q9c-noteq-B",
		`{"Q9d":"13:30:00"}`:                 "Q9d-exists Q9d-eq-B",
		`{"Q9d":"10:30"}`:                    "Q9d-exists Q9d-noteq-B",
	} {
		s, codes := check(t, q, answer, Submit)
		if s == nil {
			t.Errorf("%s: %v", answer, codes)
			continue
		}
		asked := map[string]bool{}
		for linkID := range s.Responses() {
			asked[linkID[:2]] = true
		}
		var got []string
		for _, it := range q.order {
			conditional := len(it.conditions) > 0 || it.unevaluated
			// Only the group of the question that was answered is of interest, but for the empty form.
			group := strings.SplitN(it.LinkID, "-", 2)[0]
			answered := len(s.root.answers[q.byLink[group]]) > 0
			if conditional && s.Enabled(it, s.root) && (answer == `{}` || answered) {
				got = append(got, it.LinkID)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s asks\n %s, want\n %s", answer, strings.Join(got, " "), want)
		}
	}
}

func TestNestedConditions(t *testing.T) {
	q := load(t, "nested-enable-when.json")
	// d1 is asked when c1 is not A; but only inside g1, which is asked when p1 is YES.
	_, codes := check(t, q, `{"p1":{"code":"NO"},"d1":"x"}`, Submit)
	if !sameCodes(codes, map[string]string{"d1": "disabled"}) {
		t.Errorf("below a group that is not asked: %v", codes)
	}
	s, codes := check(t, q, `{"p1":{"code":"NO"},"d1":"x","c1":{"code":"B"}}`, Draft)
	if s == nil || stored(t, s) != `{"p1":{"code":"NO","display":"No"}}` {
		t.Errorf("a draft drops what is not asked: %v %v", s, codes)
	}
	s, codes = check(t, q, `{"p1":{"code":"YES"},"d1":"x","c1":{"code":"B"},"dd1":"y"}`, Submit)
	if s == nil || len(s.Responses()) != 4 {
		t.Errorf("all asked: %v", codes)
	}
	if _, codes = check(t, q, `{"p1":{"code":"YES"},"d1":"x","c1":{"code":"A"}}`, Submit); !sameCodes(codes, map[string]string{"d1": "disabled"}) {
		t.Errorf("c1 is A: %v", codes)
	}
}

func TestAnswersThatAreNotAskedDoNotCount(t *testing.T) {
	// c depends on b, b on a: when a is no, what was said to b does not keep c alive.
	q := parse(t, form(`{"linkId":"a","type":"boolean"},
		{"linkId":"b","type":"boolean","enableWhen":[{"question":"a","operator":"=","answerBoolean":true}]},
		{"linkId":"c","type":"string","required":true,"enableWhen":[{"question":"b","operator":"=","answerBoolean":true}]}`))
	s, _ := check(t, q, `{"a":false,"b":true,"c":"x"}`, Draft)
	if got := stored(t, s); got != `{"a":false}` {
		t.Error(got)
	}
	if _, codes := check(t, q, `{"a":true,"b":true}`, Submit); !sameCodes(codes, map[string]string{"c": "required"}) {
		t.Error(codes)
	}
	if _, codes := check(t, q, `{"a":true,"b":false}`, Submit); len(codes) > 0 {
		t.Errorf("a required question that is not asked is not required: %v", codes)
	}
}

const medications = `{"linkId":"takes","type":"boolean"},
	{"linkId":"med","text":"Medicines","type":"group","repeats":true,"enableWhen":[{"question":"takes","operator":"=","answerBoolean":true}],"item":[
		{"linkId":"name","text":"Name","type":"string","required":true},
		{"linkId":"more","type":"boolean"},
		{"linkId":"why","type":"string","required":true,"enableWhen":[{"question":"more","operator":"=","answerBoolean":true}]},
		{"linkId":"dose","type":"group","repeats":true,"item":[{"linkId":"mg","type":"integer"}]}]},
	{"linkId":"after","type":"string","enableWhen":[{"question":"more","operator":"=","answerBoolean":true}]}`

func TestRepeatingGroups(t *testing.T) {
	q := parse(t, form(medications))
	good := `{"after":"z","med":[{"name":"A"},{"dose":[{"mg":5},{"mg":10}],"more":true,"name":"B","why":"c"}],"takes":true}`
	s, codes := check(t, q, good, Submit)
	if s == nil || stored(t, s) != good {
		t.Fatalf("%v %v", s, codes)
	}
	for name, c := range map[string]struct {
		responses string
		want      map[string]string
	}{
		"required in each entry":           {`{"takes":true,"med":[{"name":"A"},{"more":false}]}`, map[string]string{"name": "required"}},
		"a condition looks into its entry": {`{"takes":true,"med":[{"name":"A","more":true,"why":"x"},{"name":"B","why":"x"}]}`, map[string]string{"why": "disabled"}},
		"the last entry before it counts":  {`{"takes":true,"after":"z","med":[{"name":"A","more":true,"why":"x"},{"name":"B"}]}`, map[string]string{"after": "disabled"}},
		"not a list":                       {`{"takes":true,"med":{"name":"A"}}`, map[string]string{"med": "type"}},
		"not objects":                      {`{"takes":true,"med":["A"]}`, map[string]string{"med": "type"}},
		"flat by mistake":                  {`{"takes":true,"name":"A"}`, map[string]string{"name": "type"}},
		"outer in an entry":                {`{"takes":true,"med":[{"name":"A","takes":true}]}`, map[string]string{"takes": "type"}},
		"unknown in an entry":              {`{"takes":true,"med":[{"name":"A","x":1}]}`, map[string]string{"x": "unknown"}},
		"not asked":                        {`{"takes":false,"med":[{"name":"A"}]}`, map[string]string{"med": "disabled"}},
		"too many entries":                 {`{"takes":true,"med":[` + strings.TrimSuffix(strings.Repeat(`{"name":"A"},`, 101), ",") + `]}`, map[string]string{"med": "range"}},
	} {
		if _, codes := check(t, q, c.responses, Submit); !sameCodes(codes, c.want) {
			t.Errorf("%s: %v, want %v", name, codes, c.want)
		}
	}
	_, err := q.Check([]byte(`{"takes":true,"med":[{"name":"A"},{"more":false}]}`), Submit, nil)
	var refused *kernel.Error
	if errors.As(err, &refused); refused.Fields["name"].Message != `Entry 2: Answer "Name".` {
		t.Errorf("says %q", refused.Fields["name"].Message)
	}
}

func TestProgressCountsWhatIsAsked(t *testing.T) {
	q := parse(t, form(medications))
	for responses, want := range map[string][2]int{
		`{}`:              {0, 1},
		`{"takes":false}`: {1, 1},
		`{"takes":true}`:  {1, 1},
		`{"takes":true,"med":[{"name":"A"},{"name":"B","more":true}]}`: {3, 5}, // takes, name, more; why, after
	} {
		s, codes := check(t, q, responses, Draft)
		if s == nil {
			t.Fatal(codes)
		}
		if answered, asked := s.Progress(); answered != want[0] || asked != want[1] {
			t.Errorf("%s: %d of %d, want %v", responses, answered, asked, want)
		}
	}
}

func TestRequiredGroups(t *testing.T) {
	q := parse(t, form(`{"linkId":"g","text":"Contact","type":"group","required":true,"item":[{"linkId":"a","type":"string"},{"linkId":"sub","type":"group","item":[{"linkId":"b","type":"string"}]}]},
		{"linkId":"r","type":"group","repeats":true,"required":true,"item":[{"linkId":"c","type":"string"}]}`))
	if _, codes := check(t, q, `{}`, Submit); !sameCodes(codes, map[string]string{"g": "required", "r": "required"}) {
		t.Error(codes)
	}
	if _, codes := check(t, q, `{"b":"x","r":[{"c":"y"}]}`, Submit); len(codes) > 0 {
		t.Error(codes)
	}
}

func TestFollowUpQuestions(t *testing.T) {
	q := parse(t, form(`{"linkId":"a","type":"boolean","item":[{"linkId":"b","type":"string","required":true},{"linkId":"d","type":"display","text":"help"}]}`))
	if _, codes := check(t, q, `{}`, Submit); len(codes) > 0 {
		t.Errorf("below a question that was left blank: %v", codes)
	}
	if _, codes := check(t, q, `{"a":true}`, Submit); !sameCodes(codes, map[string]string{"b": "required"}) {
		t.Error(codes)
	}
}

func TestMinOccurs(t *testing.T) {
	q := parse(t, form(`{"linkId":"a","type":"string","repeats":true,`+extension(extMinOccurs, "valueInteger", "2")+`}`))
	for responses, want := range map[string]map[string]string{
		`{}`:              {},
		`{"a":["x"]}`:     {"a": "required"},
		`{"a":["x","y"]}`: {},
	} {
		if _, codes := check(t, q, responses, Submit); !sameCodes(codes, want) {
			t.Errorf("%s: %v", responses, codes)
		}
		if _, codes := check(t, q, responses, Draft); len(codes) > 0 {
			t.Errorf("draft %s: %v", responses, codes)
		}
	}
}

func TestOnlyOnesOwnDocuments(t *testing.T) {
	q := parse(t, form(`{"linkId":"a","type":"attachment"}`))
	mine := func(id string) bool { return id == "abcdefghij12345" }
	if _, err := q.Check([]byte(`{"a":{"documentId":"abcdefghij12345"}}`), Submit, mine); err != nil {
		t.Error(err)
	}
	if _, err := q.Check([]byte(`{"a":{"documentId":"abcdefghij99999"}}`), Submit, mine); err == nil {
		t.Error("somebody else's document was accepted")
	}
}

func FuzzCheck(f *testing.F) {
	questionnaires := []*Questionnaire{load(f, "phq-9.json"), load(f, "enable-when.json"), parse(f, form(medications))}
	f.Add([]byte(`{` + phq9Low + `}`))
	f.Add([]byte(`{"takes":true,"med":[{"name":"A","dose":[{"mg":1e400}]}]}`))
	f.Add([]byte(`{"Q8":[{"code":"B"}],"Q4":"2020","Q6":"10:30"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, q := range questionnaires {
			for _, mode := range []Mode{Draft, Submit} {
				s, err := q.Check(raw, mode, nil)
				if err != nil {
					var refused *kernel.Error
					if !errors.As(err, &refused) || refused.Status != 400 {
						t.Fatalf("not a refusal: %v", err)
					}
					continue
				}
				// What is kept must be accepted again, unchanged.
				kept, err := json.Marshal(s)
				if err != nil {
					t.Fatal(err)
				}
				again, err := q.Check(kept, mode, nil)
				if err != nil {
					t.Fatalf("%s is refused afterwards: %v", kept, err)
				}
				if stored(t, again) != stored(t, s) {
					t.Fatalf("%s became %s", stored(t, s), stored(t, again))
				}
			}
		}
	})
}

func BenchmarkCheckPHQ9(b *testing.B) {
	q := load(b, "phq-9.json")
	raw := []byte(`{` + phq9Low + `}`)
	for b.Loop() {
		if _, err := q.Check(raw, Submit, nil); err != nil {
			b.Fatal(err)
		}
	}
}

func quote(s string) string {
	raw, _ := json.Marshal(s)
	return string(raw)
}
