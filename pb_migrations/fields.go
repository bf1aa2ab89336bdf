// Package pb_migrations is the history of the schema. Each file is frozen once it has landed; a later change is a
// new file. The package imports PocketBase and nothing of ours, because collections/ and hooks/ will change and
// history must not. The field type "encrypted" is therefore written as JSON; its code is registered by hooks/phi.
//
// Rules of access: no rule of any collection admits portal_users. Clients read and write through /api/v1/portal.
// The rules below are for staff in the dashboard; nil means the owner (superuser) only.
package pb_migrations

import (
	"encoding/json"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"
)

const (
	// any active member of staff
	anyStaff = `@request.auth.collectionName = "staff" && @request.auth.is_active = true`
	// who runs the clinic
	adminOnly = anyStaff + ` && @request.auth.role = "admin"`
	// who books and checks in
	deskStaff = anyStaff + ` && (@request.auth.role = "admin" || @request.auth.role = "front_desk" || @request.auth.role = "clinician")`
	// who reads clinical answers
	clinicalStaff = anyStaff + ` && (@request.auth.role = "admin" || @request.auth.role = "clinician")`
	// who handles money
	billingStaff = anyStaff + ` && (@request.auth.role = "admin" || @request.auth.role = "billing" || @request.auth.role = "front_desk")`
)

func rule(s string) *string { return types.Pointer(s) }

// rules sets who of the staff may list and view, create, and update. Nothing is ever deleted through the record API.
func rules(c *core.Collection, read, create, update *string) {
	c.ListRule, c.ViewRule, c.CreateRule, c.UpdateRule, c.DeleteRule = read, read, create, update, nil
}

func text(name string, most int) *core.TextField { return &core.TextField{Name: name, Max: most} }

func must(f *core.TextField) *core.TextField { f.Required = true; return f }

func hidden(f *core.TextField) *core.TextField { f.Hidden = true; return f }

func choice(name string, values ...string) *core.SelectField {
	return &core.SelectField{Name: name, Values: values, MaxSelect: 1}
}

func mustChoice(name string, values ...string) *core.SelectField {
	return &core.SelectField{Name: name, Values: values, MaxSelect: 1, Required: true}
}

func whole(name string) *core.NumberField { return &core.NumberField{Name: name, OnlyInt: true} }

// cents is money: an integer that is never negative.
func cents(name string) *core.NumberField {
	return &core.NumberField{Name: name, OnlyInt: true, Min: types.Pointer(0.0), Max: types.Pointer(1e11)}
}

func yes(name string) *core.BoolField { return &core.BoolField{Name: name} }

// instant is UTC.
func instant(name string) *core.DateField { return &core.DateField{Name: name} }

func mustInstant(name string) *core.DateField { return &core.DateField{Name: name, Required: true} }

// day is a calendar date as text: PocketBase's dates shift a day west of UTC in the dashboard.
func day(name string) *core.TextField {
	return &core.TextField{Name: name, Max: 10, Pattern: `^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$`}
}

func data(name string, maxBytes int64) *core.JSONField {
	return &core.JSONField{Name: name, MaxSize: maxBytes}
}

func to(name string, c *core.Collection) *core.RelationField {
	return &core.RelationField{Name: name, CollectionId: c.Id, MaxSelect: 1}
}

func mustTo(name string, c *core.Collection) *core.RelationField {
	return &core.RelationField{Name: name, CollectionId: c.Id, MaxSelect: 1, Required: true}
}

func toMany(name string, c *core.Collection) *core.RelationField {
	return &core.RelationField{Name: name, CollectionId: c.Id, MaxSelect: 200}
}

// stamps are the row's own times.
func stamps(c *core.Collection) {
	c.Fields.Add(
		&core.AutodateField{Name: "created", OnCreate: true},
		&core.AutodateField{Name: "updated", OnCreate: true, OnUpdate: true},
	)
}

// sealed adds a field whose column holds only ciphertext under the data key of owner: the name of the relation to
// the client, "id" on clients themselves, "" for the clinic's own key. kind is "text" or "json".
func sealed(c *core.Collection, name, kind, owner string, most int) error {
	raw, err := json.Marshal([]map[string]any{{"type": "encrypted", "name": name, "kind": kind, "owner": owner, "max": most, "hidden": true}})
	if err != nil {
		return err
	}
	return c.Fields.AddMarshaledJSON(raw)
}

// base makes a collection with its fields and times, ready to be saved.
func base(name string, fields ...core.Field) *core.Collection {
	c := core.NewBaseCollection(name)
	c.Fields.Add(fields...)
	stamps(c)
	return c
}

func run(app core.App, statements ...string) error {
	for _, s := range statements {
		if _, err := app.NonconcurrentDB().NewQuery(s).Execute(); err != nil {
			return err
		}
	}
	return nil
}

// find gives collections by name, for relations to what earlier migrations made.
func find(app core.App, names ...string) ([]*core.Collection, error) {
	out := make([]*core.Collection, len(names))
	for i, n := range names {
		c, err := app.FindCollectionByNameOrId(n)
		if err != nil {
			return nil, err
		}
		out[i] = c
	}
	return out, nil
}

// noDown: data of patients is not dropped to go back a version; restore the backup made before the upgrade.
var noDown func(core.App) error
