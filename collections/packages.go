package collections

import (
	"encoding/json"

	"github.com/pocketbase/pocketbase/core"
)

// Packages is the name of the collection: several visits sold together.
const Packages = "packages"

// PackageItem is how often one service is part of a package.
type PackageItem struct {
	Service  string `json:"service"`
	Quantity int    `json:"quantity"`
}

// Package is one of them.
type Package struct{ core.BaseRecordProxy }

// AsPackage wraps a record of the collection.
func AsPackage(r *core.Record) *Package {
	p := &Package{}
	p.SetProxyRecord(r)
	return p
}

// Items are what it holds, in the clinic's order.
func (p *Package) Items() ([]PackageItem, error) {
	var items []PackageItem
	raw := p.GetString("items")
	if raw == "" {
		return nil, nil
	}
	err := json.Unmarshal([]byte(raw), &items)
	return items, err
}
