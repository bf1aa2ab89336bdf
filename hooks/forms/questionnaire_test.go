package forms

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func load(t testing.TB, file string) *Questionnaire {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", file))
	if errors.Is(err, fs.ErrNotExist) {
		raw, err = os.ReadFile(filepath.Join("builtin", file))
	}
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, string(raw))
}

func parse(t testing.TB, raw string) *Questionnaire {
	t.Helper()
	q, err := ParseQuestionnaire([]byte(raw))
	if err != nil {
		t.Fatalf("ParseQuestionnaire: %v", err)
	}
	return q
}

// form wraps items in the least that makes a questionnaire.
func form(items string) string {
	return `{"resourceType":"Questionnaire","status":"active","title":"T","item":[` + items + `]}`
}

const twoOptions = `"answerOption":[{"valueCoding":{"system":"s","code":"a","display":"A"}},{"valueCoding":{"system":"s","code":"b","display":"B"}}]`

func TestRealQuestionnairesLoad(t *testing.T) {
	for file, want := range map[string]struct {
		items    int
		total    string
		warnings int
	}{
		"phq-9.json":                {11, "/44261-6", 0},
		"consent-to-treatment.json": {24, "", 0},
		"enable-when.json":          {85, "", 1}, // one enableWhenExpression
		"nested-enable-when.json":   {7, "", 0},
		"hidden-item.json":          {8, "", 0},
		"answer-option-coding.json": {18, "", 0},
	} {
		t.Run(file, func(t *testing.T) {
			q := load(t, file)
			if len(q.order) != want.items {
				t.Errorf("items: %d, want %d", len(q.order), want.items)
			}
			total := ""
			if it := q.TotalItem(); it != nil {
				total = it.LinkID
			}
			if total != want.total {
				t.Errorf("total item: %q, want %q", total, want.total)
			}
			if len(q.Warnings) != want.warnings {
				t.Errorf("warnings: %q, want %d", q.Warnings, want.warnings)
			}
		})
	}
}

func TestPHQ9AsPublished(t *testing.T) {
	q := load(t, "phq-9.json")
	first := q.byLink["/44250-9"]
	if first.Text != "Little interest or pleasure in doing things?" || !first.Required || len(first.Options) != 4 {
		t.Fatalf("first question: %+v", first)
	}
	for i, o := range first.Options {
		if o.Score == nil || *o.Score != float64(i) {
			t.Errorf("option %d scores %v", i, o.Score)
		}
	}
	if n := len(q.TotalItem().derived.sources); n != 9 {
		t.Errorf("the total adds %d questions, want 9", n)
	}
}

func TestHiddenIsInherited(t *testing.T) {
	q := load(t, "hidden-item.json")
	for linkID, hidden := range map[string]bool{
		"CE-HIDDEN": true, "CE-VISIBLE": false, "ITEM-VISIBLE": false, "GROUP-VISIBLE": false,
		"GROUP-VISIBLE/CE-HIDDEN": true, "GROUP-HIDDEN": true, "GROUP-HIDDEN/CE-HIDDEN": true,
	} {
		if got := q.byLink[linkID].Hidden; got != hidden {
			t.Errorf("%s hidden: %v, want %v", linkID, got, hidden)
		}
	}
}

func TestPrefilled(t *testing.T) {
	q := load(t, "answer-option-coding.json")
	one := q.byLink["valueCoding.choice-group5-item1"].Initial
	several := q.byLink["valueCoding.choice-group5-item2"].Initial
	if len(one) != 1 || one[0].(Coding).Code != "c2" || len(several) != 2 {
		t.Fatalf("initialSelected: %v, %v", one, several)
	}
	got := q.Prefilled()
	if len(got) != 4 || got["valueCoding.choice-group5-item1"] != one[0] {
		t.Errorf("Prefilled: %v", got)
	}
	q = parse(t, form(`{"linkId":"a","type":"integer","initial":[{"valueInteger":7}]},
		{"linkId":"h","type":"string","initial":[{"valueString":"x"}],"extension":[{"url":"`+extHidden+`","valueBoolean":true}]}`))
	if got := q.Prefilled(); len(got) != 1 || got["a"] != 7.0 {
		t.Errorf("Prefilled: %v, want only a", got)
	}
}

func TestContainedValueSets(t *testing.T) {
	q := parse(t, `{"resourceType":"Questionnaire","status":"active","title":"T","contained":[
		{"resourceType":"ValueSet","id":"yn","compose":{"include":[{"system":"s","concept":[{"code":"y","display":"Yes"},{"code":"n","display":"No"}]}]}},
		{"resourceType":"ValueSet","id":"ex","expansion":{"contains":[{"system":"s","code":"z","display":"Zed"}]}}],
		"item":[{"linkId":"1","type":"choice","answerValueSet":"#yn"},{"linkId":"2","type":"choice","answerValueSet":"#ex"}]}`)
	if got := q.byLink["1"].Options; len(got) != 2 || got[1].Value != (Coding{"s", "n", "No"}) {
		t.Errorf("options: %v", got)
	}
	if got := q.byLink["2"].Options; len(got) != 1 || got[0].Value != (Coding{"s", "z", "Zed"}) {
		t.Errorf("options: %v", got)
	}
}

func TestBrokenQuestionnairesAreRefusedInWords(t *testing.T) {
	deep := strings.Repeat(`{"linkId":"x","type":"group","item":[`, 21) + `{"linkId":"y","type":"string"}` + strings.Repeat(`]}`, 21)
	for i := range 21 {
		deep = strings.Replace(deep, `"x"`, fmt.Sprintf(`"x%d"`, i), 1)
	}
	many := strings.TrimSuffix(strings.Repeat(`{"linkId":"%d","type":"string"},`, maxItems+1), ",")
	numbers := make([]any, maxItems+1)
	for i := range numbers {
		numbers[i] = i
	}
	for name, c := range map[string]struct{ raw, says string }{
		"empty":                   {``, "not a JSON object"},
		"a list":                  {`[]`, "not a JSON object"},
		"null":                    {`null`, "not a JSON object"},
		"two documents":           {form(`{"linkId":"a","type":"string"}`) + `{}`, "follows the JSON object"},
		"not UTF-8":               {form("{\"linkId\":\"\xff\",\"type\":\"string\"}"), "not valid UTF-8"},
		"too large":               {`{"a":"` + strings.Repeat("x", maxQuestionnaireBytes) + `"}`, "larger than 1024 kB"},
		"a million levels":        {strings.Repeat(`{"item":[`, 100_000), "not a JSON object"},
		"another resource":        {`{"resourceType":"Patient"}`, `resourceType must be "Questionnaire"`},
		"no status":               {`{"resourceType":"Questionnaire","title":"T","item":[{"linkId":"a","type":"string"}]}`, "status"},
		"no title":                {`{"resourceType":"Questionnaire","status":"draft","item":[{"linkId":"a","type":"string"}]}`, "neither a title nor a name"},
		"no items":                {form(``), "has no items"},
		"items not a list":        {`{"resourceType":"Questionnaire","status":"draft","title":"T","item":{}}`, "item must be a list"},
		"duplicate linkId":        {form(`{"linkId":"a","type":"string"},{"linkId":"a","type":"string"}`), `Item "a": the linkId is used twice.`},
		"duplicate, nested":       {form(`{"linkId":"a","type":"group","item":[{"linkId":"a","type":"string"}]}`), "used twice"},
		"no linkId":               {form(`{"type":"string"}`), "Item 1 has no linkId."},
		"linkId with control":     {form(`{"linkId":"a\u0001","type":"string"}`), "control characters"},
		"linkId with edge space":  {form(`{"linkId":" a","type":"string"}`), "no spaces at its ends"},
		"unknown type":            {form(`{"linkId":"a","type":"colour"}`), `type "colour", which cannot be asked`},
		"reference":               {form(`{"linkId":"a","type":"reference"}`), "cannot be asked"},
		"no type":                 {form(`{"linkId":"a"}`), "cannot be asked"},
		"choice without options":  {form(`{"linkId":"a","type":"choice"}`), "choice item without options"},
		"open without options":    {form(`{"linkId":"a","type":"open-choice"}`), "without options"},
		"options of a boolean":    {form(`{"linkId":"a","type":"boolean",` + twoOptions + `}`), "cannot have answer options"},
		"the same option twice":   {form(`{"linkId":"a","type":"choice","answerOption":[{"valueCoding":{"code":"a"}},{"valueCoding":{"code":"a","display":"A"}}]}`), "offers the same option twice"},
		"an empty option":         {form(`{"linkId":"a","type":"choice","answerOption":[{"valueCoding":{}}]}`), "cannot offer"},
		"an option with no value": {form(`{"linkId":"a","type":"choice","answerOption":[{}]}`), "without exactly one value"},
		"an option with two":      {form(`{"linkId":"a","type":"choice","answerOption":[{"valueString":"x","valueInteger":1}]}`), "without exactly one value"},
		"a wrong kind of option":  {form(`{"linkId":"a","type":"integer","answerOption":[{"valueString":"x"}]}`), "cannot offer"},
		"a remote value set":      {form(`{"linkId":"a","type":"choice","answerValueSet":"http://x/vs"}`), "not contained"},
		"a missing value set":     {form(`{"linkId":"a","type":"choice","answerValueSet":"#nope"}`), "not contained"},
		"an empty group":          {form(`{"linkId":"a","type":"group"}`), "group without items"},
		"display with items":      {form(`{"linkId":"a","type":"display","item":[{"linkId":"b","type":"string"}]}`), "cannot contain items"},
		"required display":        {form(`{"linkId":"a","type":"display","required":true}`), "display item cannot be required"},
		"required as a number":    {form(`{"linkId":"a","type":"string","required":1}`), "must be true or false"},
		"maxLength of a date":     {form(`{"linkId":"a","type":"date","maxLength":3}`), "cannot have a maxLength"},
		"maxLength as a fraction": {form(`{"linkId":"a","type":"string","maxLength":2.5}`), "must be a whole number"},
		"initial of a group":      {form(`{"linkId":"a","type":"group","initial":[{"valueString":"x"}],"item":[{"linkId":"b","type":"string"}]}`), "cannot have an initial value"},
		"initial beside options":  {form(`{"linkId":"a","type":"choice",` + twoOptions + `,"initial":[{"valueString":"x"}]}`), "initialSelected"},
		"initial of another kind": {form(`{"linkId":"a","type":"integer","initial":[{"valueString":"x"}]}`), "initial value that is no answer"},
		"two initial values":      {form(`{"linkId":"a","type":"integer","initial":[{"valueInteger":1},{"valueInteger":2}]}`), "may be answered only once"},
		"min of another kind":     {form(`{"linkId":"a","type":"date","extension":[{"url":"` + extMinValue + `","valueDate":"tomorrow"}]}`), "smallest or largest"},
		"condition on nothing":    {form(`{"linkId":"a","type":"string","enableWhen":[{"question":"zz","operator":"exists","answerBoolean":true}]}`), "not a question"},
		"condition on a group":    {form(`{"linkId":"g","type":"group","item":[{"linkId":"b","type":"string"}]},{"linkId":"a","type":"string","enableWhen":[{"question":"g","operator":"exists","answerBoolean":true}]}`), "not a question"},
		"unknown operator":        {form(`{"linkId":"b","type":"string"},{"linkId":"a","type":"string","enableWhen":[{"question":"b","operator":"~","answerString":"x"}]}`), "cannot be compared"},
		"ordering of codes":       {form(`{"linkId":"b","type":"choice",` + twoOptions + `},{"linkId":"a","type":"string","enableWhen":[{"question":"b","operator":">","answerCoding":{"code":"a"}}]}`), "cannot be compared"},
		"exists with a text":      {form(`{"linkId":"b","type":"string"},{"linkId":"a","type":"string","enableWhen":[{"question":"b","operator":"exists","answerString":"true"}]}`), "cannot be compared"},
		"two conditions, no word": {form(`{"linkId":"b","type":"string"},{"linkId":"a","type":"string","enableWhen":[{"question":"b","operator":"=","answerString":"x"},{"question":"b","operator":"=","answerString":"y"}]}`), "enableBehavior"},
		"unknown behaviour":       {form(`{"linkId":"b","type":"string"},{"linkId":"a","type":"string","enableBehavior":"most","enableWhen":[{"question":"b","operator":"=","answerString":"x"}]}`), "enableBehavior"},
		"depends on itself":       {form(`{"linkId":"a","type":"string","enableWhen":[{"question":"a","operator":"exists","answerBoolean":true}]}`), "depends on itself"},
		"depends in a circle": {form(`{"linkId":"a","type":"string","enableWhen":[{"question":"b","operator":"exists","answerBoolean":true}]},
			{"linkId":"b","type":"string","enableWhen":[{"question":"a","operator":"exists","answerBoolean":true}]}`), "depends on itself"},
		"group on its own child": {form(`{"linkId":"g","type":"group","enableWhen":[{"question":"c","operator":"exists","answerBoolean":true}],"item":[{"linkId":"c","type":"string"}]}`), "depends on itself"},
		"below a repeat":         {form(`{"linkId":"a","type":"string","repeats":true,"item":[{"linkId":"b","type":"string"}]}`), "put both in a repeating group"},
		"nested too deep":        {form(deep), "more than 20 levels"},
		"too many items":         {form(fmt.Sprintf(many, numbers...)), "more than 1000 items"},
		"text too long":          {form(`{"linkId":"a","type":"string","text":"` + strings.Repeat("x", maxTextRunes+1) + `"}`), "longer than 20000"},
		"text with a bell":       {form(`{"linkId":"a","type":"string","text":"\u0007"}`), "control characters"},
		"the case of a key":      {form(`{"LINKID":"a","type":"string"}`), "has no linkId"},
	} {
		t.Run(name, func(t *testing.T) {
			q, err := ParseQuestionnaire([]byte(c.raw))
			var refused *ImportError
			if q != nil || !errors.As(err, &refused) {
				t.Fatalf("got %v, %v; want an ImportError", q, err)
			}
			if !slices.ContainsFunc(refused.Problems, func(p string) bool { return strings.Contains(p, c.says) }) {
				t.Errorf("says %q; want %q", refused.Problems, c.says)
			}
			for _, p := range refused.Problems {
				if !strings.HasSuffix(p, ".") || len(p) > 600 {
					t.Errorf("not a plain sentence: %q", p)
				}
			}
		})
	}
}

func TestAllProblemsAreNamedAtOnce(t *testing.T) {
	_, err := ParseQuestionnaire([]byte(form(`{"linkId":"a","type":"nope"},{"linkId":"b","type":"choice"},{"linkId":"b","type":"string"}`)))
	var refused *ImportError
	if !errors.As(err, &refused) || len(refused.Problems) != 3 {
		t.Fatalf("problems: %v", err)
	}
}

func TestPartsWithoutEffectAreNamed(t *testing.T) {
	q := parse(t, form(`{"linkId":"a","type":"string","extension":[{"url":"`+extRegex+`","valueString":"(?=x)"}]},
		{"linkId":"b","type":"decimal","extension":[{"url":"`+extCalculated+`","valueExpression":{"language":"text/fhirpath","expression":"today()"}}]}`))
	if len(q.Warnings) != 2 {
		t.Errorf("warnings: %q", q.Warnings)
	}
	if q.byLink["b"].serverOwned() {
		t.Error("a calculation that is not carried out must leave the question to the person")
	}
}

func FuzzParseQuestionnaire(f *testing.F) {
	for _, file := range []string{"enable-when.json", "hidden-item.json"} {
		raw, err := os.ReadFile(filepath.Join("testdata", file))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Add([]byte(form(`{"linkId":"g","type":"group","repeats":true,"item":[{"linkId":"a","type":"quantity"}]}`)))
	f.Fuzz(func(t *testing.T, raw []byte) {
		q, err := ParseQuestionnaire(raw)
		if (q == nil) == (err == nil) {
			t.Fatal("neither a questionnaire nor a refusal")
		}
		if q == nil {
			return
		}
		if _, err := q.Check([]byte(`{}`), Draft, nil); err != nil {
			t.Fatalf("an empty draft is refused: %v", err)
		}
	})
}
