package testkit

import (
	"fmt"
	"strings"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"
)

// databaseMutants lists the protections of the database that .ci/mutants takes away one at a time, as "kind name".
func databaseMutants(app core.App) ([]string, error) {
	var out []string
	err := app.ConcurrentDB().NewQuery(`SELECT 'trigger ' || name FROM sqlite_master WHERE type = 'trigger' AND name NOT LIKE 'sealed\_%' ESCAPE '\'
		UNION ALL SELECT 'index ' || name FROM sqlite_master WHERE type = 'index' AND sql LIKE 'CREATE UNIQUE%' AND tbl_name NOT LIKE '\_%' ESCAPE '\' ORDER BY 1`).Column(&out)
	if err != nil {
		return nil, err
	}
	// one encrypted column stands for all: their guards are made by one function
	out = append(out, "trigger "+guardOf(app))
	all, err := app.FindAllCollections()
	if err != nil {
		return nil, err
	}
	for _, c := range all {
		if c.System {
			continue
		}
		for _, what := range []string{"list", "view", "create", "update", "delete"} {
			out = append(out, "rule "+c.Name+"."+what)
		}
	}
	return out, nil
}

func guardOf(app core.App) string {
	var name string
	_ = app.ConcurrentDB().NewQuery(`SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'sealed\_%\_insert' ESCAPE '\' AND tbl_name = 'clients' ORDER BY 1 LIMIT 1`).Row(&name)
	return name
}

const anyStaff = `@request.auth.collectionName = "staff"`

// mutate takes one protection away from the template, so that every test of the run lives without it.
func mutate(app core.App, mutant string) error {
	kind, name, _ := strings.Cut(mutant, " ")
	switch kind {
	case "trigger", "index":
		_, err := app.NonconcurrentDB().NewQuery("DROP " + strings.ToUpper(kind) + " [[" + name + "]]").Execute()
		return err
	case "rule":
		collection, what, _ := strings.Cut(name, ".")
		c, err := app.FindCollectionByNameOrId(collection)
		if err != nil {
			return err
		}
		rule := map[string]**string{"list": &c.ListRule, "view": &c.ViewRule, "create": &c.CreateRule, "update": &c.UpdateRule, "delete": &c.DeleteRule}[what]
		if rule == nil {
			return fmt.Errorf("no rule is called %q", what)
		}
		*rule = types.Pointer(anyStaff)
		return app.Save(c)
	}
	return nil
}
