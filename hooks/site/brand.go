package site

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Accent is the ramp of colours computed from the clinic's own colour for one theme, as #rrggbb.
type Accent struct {
	Wash, Tint, Tint2, Line            string
	Solid, SolidHover, SolidActive, On string
	Text, Focus                        string
}

// backgrounds are the app's neutral tokens that a colour must be readable on.
type backgrounds struct{ page, surface, sunken string }

var (
	lightOn = backgrounds{page: "#f5f7f9", surface: "#ffffff", sunken: "#eef0f3"}
	darkOn  = backgrounds{page: "#101419", surface: "#191e23", sunken: "#0b0f13"}
)

// neutralHue stands in for a grey clinic colour: it gets a slate accent.
const neutralHue = 248

// Accents computes the ramps of both themes so that every pair of text and background meets WCAG 2.2 AA whatever
// colour the clinic picked. It works in OKLCH, walks the lightness until the ratio holds, and measures what is
// shipped: the rounded hex. The generator of the design tokens is its oracle in the golden test.
func Accents(colour string) (light, dark Accent, err error) {
	l0, chroma, hue, err := toOKLCH(colour)
	if err != nil {
		return light, dark, err
	}
	if chroma < .02 {
		chroma, hue = .012, neutralHue
	}
	// yellows and limes turn to mud when darkened; bend them to bronze and leaf as they fall
	bend := func(l float64) float64 {
		t := clamp((.9-l)/.45, 0, 1)
		switch {
		case hue > 75 && hue <= 112:
			return hue - (hue-68)*t
		case hue > 112 && hue < 135:
			return hue + (140-hue)*t
		}
		return hue
	}
	at := func(l, most float64) string { return toHex(l, math.Min(chroma, most), bend(.5)) }
	light.Wash, light.Tint, light.Tint2, light.Line = at(.978, .007), at(.945, .017), at(.908, .03), at(.84, .055)
	bent := func(most float64) func(float64) string {
		return func(l float64) string { return toHex(l, math.Min(chroma, most), bend(l)) }
	}
	n := lightOn
	solid, sl := walk(clamp(l0, .30, .62), -.004, 4.6, bent(.135), "#ffffff", n.page, light.Tint)
	light.Solid, light.On = solid, "#ffffff"
	light.SolidHover = toHex(math.Max(sl-.05, .12), math.Min(chroma, .135), bend(sl))
	light.SolidActive = toHex(math.Max(sl-.09, .09), math.Min(chroma, .13), bend(sl))
	light.Text, _ = walk(sl, -.004, 4.8, bent(.12), n.surface, n.page, n.sunken, light.Wash, light.Tint, light.Tint2)
	light.Focus, _ = walk(math.Min(sl, .52), -.004, 4.5, bent(.15), n.surface, n.page, n.sunken, light.Tint, light.Tint2)

	plain := func(most float64) func(float64) string {
		return func(l float64) string { return toHex(l, math.Min(chroma, most), hue) }
	}
	dark.Wash, dark.Tint, dark.Tint2, dark.Line = plain(.018)(.225), plain(.032)(.275), plain(.045)(.325), plain(.06)(.42)
	dark.On = plain(.03)(.18)
	d := darkOn
	var dl float64
	dark.Solid, dl = walk(.75, .004, 4.8, plain(.078), d.page, d.surface, dark.On, dark.Tint)
	dark.SolidHover, dark.SolidActive = plain(.09)(math.Min(dl+.05, .95)), plain(.08)(math.Min(dl+.09, .96))
	dark.Text, _ = walk(.8, .004, 6, plain(.09), d.surface, d.page, dark.Tint, dark.Tint2)
	dark.Focus, _ = walk(.8, .004, 4.5, plain(.1), d.surface, d.page, dark.Tint, dark.Tint2)
	return light, dark, nil
}

// brandCSS is /brand.css: only --accent-* and --focus, so a clinic's colour can change nothing else.
func brandCSS(colour string) (string, error) {
	light, dark, err := Accents(colour)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString(":root,[data-theme=\"light\"]{" + light.properties() + "}\n")
	b.WriteString("[data-theme=\"dark\"]{" + dark.properties() + "}\n")
	b.WriteString("@media (prefers-color-scheme:dark){:root:not([data-theme=\"light\"]){" + dark.properties() + "}}\n")
	return b.String(), nil
}

func (a Accent) properties() string {
	return fmt.Sprintf("--accent-wash:%s;--accent-tint:%s;--accent-tint-2:%s;--accent-line:%s;--accent-solid:%s;"+
		"--accent-solid-hover:%s;--accent-solid-active:%s;--accent-on:%s;--accent-text:%s;--focus:%s",
		a.Wash, a.Tint, a.Tint2, a.Line, a.Solid, a.SolidHover, a.SolidActive, a.On, a.Text, a.Focus)
}

// walk moves the lightness until the colour reaches the contrast against every background.
func walk(from, step, contrast float64, colour func(l float64) string, on ...string) (string, float64) {
	for l := from; l > .05 && l < .99; l += step {
		h := colour(l)
		enough := true
		for _, bg := range on {
			enough = enough && Contrast(h, bg) >= contrast
		}
		if enough {
			return h, l
		}
	}
	if step < 0 {
		return "#000000", 0
	}
	return "#ffffff", 1
}

// Contrast is the ratio of WCAG 2.2, from 1 to 21.
func Contrast(a, b string) float64 {
	x, y := luminance(a), luminance(b)
	return (math.Max(x, y) + .05) / (math.Min(x, y) + .05)
}

func luminance(hex string) float64 {
	c, err := parseHex(hex)
	if err != nil {
		return 0
	}
	return .2126*linear(c[0]) + .7152*linear(c[1]) + .0722*linear(c[2])
}

func parseHex(s string) (c [3]float64, err error) {
	if len(s) != 7 || s[0] != '#' {
		return c, fmt.Errorf("%q is not a colour such as #1c5f73", s)
	}
	for i := range c {
		v, err := strconv.ParseUint(s[1+2*i:3+2*i], 16, 8)
		if err != nil {
			return c, fmt.Errorf("%q is not a colour such as #1c5f73", s)
		}
		c[i] = float64(v) / 255
	}
	return c, nil
}

func linear(u float64) float64 {
	if u <= 0.04045 {
		return u / 12.92
	}
	return math.Pow((u+0.055)/1.055, 2.4)
}

func gamma(u float64) float64 {
	if u <= 0.0031308 {
		return 12.92 * u
	}
	return 1.055*math.Pow(u, 1/2.4) - 0.055
}

func clamp(x, low, high float64) float64 { return math.Min(high, math.Max(low, x)) }

// toOKLCH converts by B. Ottosson's matrices (2020).
func toOKLCH(hex string) (l, c, h float64, err error) {
	v, err := parseHex(hex)
	if err != nil {
		return 0, 0, 0, err
	}
	r, g, b := linear(v[0]), linear(v[1]), linear(v[2])
	x := math.Cbrt(.4122214708*r + .5363325363*g + .0514459929*b)
	y := math.Cbrt(.2119034982*r + .6806995451*g + .1073969566*b)
	z := math.Cbrt(.0883024619*r + .2817188376*g + .6299787005*b)
	l = .2104542553*x + .793617785*y - .0040720468*z
	a := 1.9779984951*x - 2.428592205*y + .4505937099*z
	bb := .0259040371*x + .7827717662*y - .808675766*z
	return l, math.Hypot(a, bb), math.Mod(math.Atan2(bb, a)*180/math.Pi+360, 360), nil
}

// toHex reduces the chroma until the colour lies inside sRGB, then rounds.
func toHex(l, c, h float64) string {
	for k := c; k >= 0; k -= 0.002 {
		if v := toLinear(l, k, h); inGamut(v) {
			return format(v)
		}
	}
	return format(toLinear(l, 0, h))
}

func toLinear(l, c, h float64) [3]float64 {
	a, b := c*math.Cos(h*math.Pi/180), c*math.Sin(h*math.Pi/180)
	x, y, z := cube(l+0.3963377774*a+0.2158037573*b), cube(l-0.1055613458*a-0.0638541728*b), cube(l-0.0894841775*a-1.291485548*b)
	return [3]float64{4.0767416621*x - 3.3077115913*y + 0.2309699292*z,
		-1.2684380046*x + 2.6097574011*y - 0.3413193965*z,
		-0.0041960863*x - 0.7034186147*y + 1.707614701*z}
}

func cube(x float64) float64 { return x * x * x }

func inGamut(v [3]float64) bool {
	for _, x := range v {
		if x < -0.0005 || x > 1.0005 {
			return false
		}
	}
	return true
}

func format(v [3]float64) string {
	n := func(x float64) int { return int(math.Floor(clamp(gamma(clamp(x, 0, 1)), 0, 1)*255 + .5)) }
	return fmt.Sprintf("#%02x%02x%02x", n(v[0]), n(v[1]), n(v[2]))
}
