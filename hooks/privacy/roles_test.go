package privacy_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/kernel"
	"anteroom/hooks/testkit"
)

var (
	rolesInOrder = []string{kernel.RoleAdmin, kernel.RoleClinician, kernel.RoleFrontDesk, kernel.RoleBilling}
	ofRoles      = regexp.MustCompile(`is_active = true && \(?((?:@request\.auth\.role = "\w+"(?: \|\| )?)+)`)
)

func admits(rule *string, role string) bool {
	if rule == nil {
		return false
	}
	found := ofRoles.FindStringSubmatch(*rule)
	return found == nil || strings.Contains(found[1], `"`+role+`"`)
}

// duties says in words what the rules of a collection leave a role.
func duties(c *core.Collection, role string) string {
	if !admits(c.ListRule, role) {
		return "–"
	}
	var words []string
	switch rule := *c.ListRule; {
	case c.Name == collections.TreatmentNotes && role == kernel.RoleClinician:
		words = append(words, "sees their own, and signed ones within reach")
	case c.Name == collections.TreatmentNotes, c.Name == collections.BreakGlass && role == kernel.RoleClinician:
		words = append(words, "sees their own")
	case strings.Contains(rule, `staff = ""`):
		words = append(words, "sees their own and everybody's")
	case role == kernel.RoleClinician && strings.Contains(rule, "clinician.staff = "):
		words = append(words, "sees within reach, and their own visits")
	case role == kernel.RoleClinician && strings.Contains(rule, "care_team_via_client"):
		words = append(words, "sees within reach")
	default:
		words = append(words, "sees")
	}
	if admits(c.CreateRule, role) {
		words = append(words, "adds")
	}
	if admits(c.UpdateRule, role) {
		words = append(words, "changes")
	}
	return strings.Join(words, ", ")
}

func row(name string, of func(role string) string) string {
	cells := []string{name}
	for _, role := range rolesInOrder {
		cells = append(cells, of(role))
	}
	return "| " + strings.Join(cells, " | ") + " |\n"
}

// TestTheTableOfRoles: the page says of every collection and every encrypted field what the code does.
func TestTheTableOfRoles(t *testing.T) {
	c := testkit.New(t)
	all, err := c.App.FindAllCollections()
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(all, func(a, b *core.Collection) int { return strings.Compare(a.Name, b.Name) })
	var tables, fields strings.Builder
	for _, col := range all {
		if col.ListRule == nil || col.System {
			continue
		}
		tables.WriteString(row("`"+col.Name+"`", func(role string) string { return duties(col, role) }))
		for _, f := range col.Fields {
			if f.Type() != "encrypted" {
				continue
			}
			fields.WriteString(row("`"+col.Name+"."+f.GetName()+"`", func(role string) string {
				switch {
				case slices.Contains(collections.SealedWrittenBy(col.Name, role), f.GetName()):
					return "reads, writes"
				case slices.Contains(collections.SealedReadBy(col.Name, role), f.GetName()):
					return "reads"
				}
				return "–"
			}))
		}
	}
	raw, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{tables.String(), fields.String()} {
		if !strings.Contains(string(raw), table) {
			t.Errorf("%s does not have this table:\n%s", page, table)
		}
	}
}

// page is where the tables stand.
const page = "../../docs/security.md"
