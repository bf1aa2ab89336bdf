package forms

import (
	"encoding/json"
	"math"
	"testing"
)

func TestCanonicalIsRFC8785(t *testing.T) {
	for in, want := range map[string]string{
		// The examples of RFC 8785 sections 3.2.2 and 3.2.3.
		`{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],"string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/","literals":[null,true,false]}`: `{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`,
		`{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One","\ud83d\ude00":"Emoji","\u0080":"Control","\u00f6":"Latin"}`:       "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u0080\":\"Control\",\"ö\":\"Latin\",\"€\":\"Euro Sign\",\"😀\":\"Emoji\",\"\ufb33\":\"Hebrew Letter Dalet With Dagesh\"}",
		`[-0, 1e21, 1e20, 1e-6, 1e-7, "\b\t\f\u2028<&>"]`: "[0,1e+21,100000000000000000000,0.000001,1e-7,\"\\b\\t\\f\u2028<&>\"]",
		` { "b" : [ ] , "a" : { } } `:                     `{"a":{},"b":[]}`,
	} {
		got, err := Canonical(json.RawMessage(in))
		if err != nil || string(got) != want {
			t.Errorf("%s\n got %s (%v)\nwant %s", in, got, err, want)
		}
	}
	for _, v := range []any{math.NaN(), math.Inf(1), make(chan int)} {
		if out, err := Canonical(v); err == nil {
			t.Errorf("%v became %s", v, out)
		}
	}
}
