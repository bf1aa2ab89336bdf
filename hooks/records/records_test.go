package records_test

import (
	"strings"
	"testing"

	"anteroom/hooks/kernel"
	"anteroom/hooks/records"
	"anteroom/hooks/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func TestTheProfileOfWhomOneActsFor(t *testing.T) {
	c := testkit.New(t)
	ada := c.As(t, testkit.AdaEmail)
	r := c.Find(t, "clients", testkit.Cleo)
	r.Set("emergency_contact", map[string]string{"name": "Ada Lovell", "relationship": "Mother", "phone": "(303) 555-0111"})
	r.Set("medical_history", map[string]any{"notes": "never in a profile"})
	r.Set("stripe_customer_id", "cus_secret")
	if err := c.App.Save(r); err != nil {
		t.Fatal(err)
	}
	for client, want := range map[string]string{"": "Ada", testkit.Ada: "Ada", testkit.Cleo: "Cleo"} {
		var p records.Profile
		got := c.Do(t, "GET", kernel.Portal+"/profile", ada, nil, "X-Client-Id", client)
		got.Data(t, &p)
		if p.FirstName != want || p.Version == "" || p.TimeZone != testkit.Zone {
			t.Errorf("for %q: %s", client, got.Body)
		}
		if n := c.Count(t, "portal_audit_log", "action = 'VIEW_PROFILE' AND resource_id = '"+p.ClientID+"'", nil); n == 0 {
			t.Errorf("reading %s left no line", want)
		}
		for _, secret := range []string{"never in a profile", "cus_secret", "match"} {
			if strings.Contains(string(got.Body), secret) {
				t.Errorf("the clinic's own reached the client: %s", secret)
			}
		}
	}
}
