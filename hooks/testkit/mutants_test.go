package testkit

import "testing"

// TestMutantsOfTheDatabase names what .ci/mutants can take away, and proves that taking away works.
func TestMutantsOfTheDatabase(t *testing.T) {
	c := New(t)
	list, err := databaseMutants(c.App)
	if err != nil {
		t.Fatal(err)
	}
	if len(list) < 150 {
		t.Fatalf("only %d", len(list))
	}
	for _, m := range list {
		t.Log("mutant " + m)
	}
	for _, m := range []string{"trigger slot_insert", "index idx_payments_live", "rule clients.list"} {
		if err := mutate(c.App, m); err != nil {
			t.Errorf("%s: %v", m, err)
		}
	}
	if got := c.Do(t, "GET", "/api/collections/clients/records", c.As(t, BillingEmail), nil); got.Status != 200 {
		t.Errorf("%d %s", got.Status, got.Body)
	}
}
