package billing_test

import (
	"context"
	"database/sql"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pocketbase/dbx"

	"anteroom/hooks/kernel"
	"anteroom/hooks/testkit"
)

// The cost of a payment does not follow the size of the tables: no query of the whole way walks one of ours.
func TestNoQueryWalksATableOfMoney(t *testing.T) {
	c := testkit.New(t)
	tok := c.As(t, testkit.AdaEmail)
	var mu sync.Mutex
	var queries []string
	for _, b := range []dbx.Builder{c.App.ConcurrentDB(), c.App.NonconcurrentDB()} {
		b.(*dbx.DB).QueryLogFunc = func(_ context.Context, _ time.Duration, query string, _ *sql.Rows, _ error) {
			mu.Lock()
			defer mu.Unlock()
			queries = append(queries, query)
		}
	}
	invoice := bill(t, c, testkit.Ada, 4500)
	in := began(t, begin(t, c, testkit.AdaEmail, map[string]any{"invoiceId": invoice}), http.StatusCreated)
	confirm(t, c, testkit.AdaEmail, in.PaymentID, "decline")
	in = began(t, begin(t, c, testkit.AdaEmail, map[string]any{"invoiceId": invoice}), http.StatusCreated)
	for _, outcome := range []string{"succeed", "dispute"} {
		confirm(t, c, testkit.AdaEmail, in.PaymentID, outcome)
	}
	for _, path := range []string{"/invoices", "/invoices?status=paid", "/invoices/" + invoice, "/payments/history", "/payments/" + in.PaymentID, "/payments/" + in.PaymentID + "/receipt"} {
		if r := c.Do(t, "GET", kernel.Portal+path, tok, nil); r.Status != http.StatusOK {
			t.Fatalf("%s: %d", path, r.Status)
		}
	}
	mu.Lock()
	seen := slices.Clone(queries)
	mu.Unlock()
	walks := regexp.MustCompile(`SCAN (invoices|invoice_items|payments|stripe_events)\b`)
	looked := 0
	for _, q := range seen {
		if !strings.HasPrefix(q, "SELECT") || !regexp.MustCompile(`invoice|payment|stripe`).MatchString(q) {
			continue
		}
		var plan []struct {
			Detail string `db:"detail"`
		}
		if err := c.App.ConcurrentDB().NewQuery("EXPLAIN QUERY PLAN " + q).All(&plan); err != nil {
			t.Fatalf("%v: %s", err, q)
		}
		looked++
		for _, step := range plan {
			// the last number of a year is the first entry of an index walked from its end
			if walks.MatchString(step.Detail) && !strings.Contains(q, "GLOB") {
				t.Errorf("%s: %s", step.Detail, q)
			}
		}
	}
	if looked < 30 {
		t.Errorf("only %d queries were looked at", looked)
	}
}
