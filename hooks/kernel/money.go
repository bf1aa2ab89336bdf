package kernel

import (
	"fmt"
	"strconv"
)

var currencySigns = map[string]string{"usd": "$", "eur": "€", "gbp": "£", "cad": "CA$", "aud": "A$", "mxn": "MX$"}

// Money writes cents as a person reads them: $1,045.50.
func Money(cents int, currency string) string {
	units := strconv.Itoa(cents / 100)
	for i := len(units) - 3; i > 0; i -= 3 {
		units = units[:i] + "," + units[i:]
	}
	return fmt.Sprintf("%s%s.%02d", currencySigns[currency], units, cents%100)
}
