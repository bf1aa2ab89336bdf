package collections

import (
	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
)

// InvoiceItems is the name of the collection.
const InvoiceItems = "invoice_items"

// InvoiceItem is one line of an invoice. Its description names a service and is encrypted.
type InvoiceItem struct{ core.BaseRecordProxy }

// AsInvoiceItem wraps a record of the collection.
func AsInvoiceItem(r *core.Record) *InvoiceItem {
	i := &InvoiceItem{}
	i.SetProxyRecord(r)
	return i
}

// NewInvoiceItem makes an empty line of an invoice.
func NewInvoiceItem(app core.App, of *Invoice) (*InvoiceItem, error) {
	c, err := app.FindCachedCollectionByNameOrId(InvoiceItems)
	if err != nil {
		return nil, err
	}
	i := AsInvoiceItem(core.NewRecord(c))
	i.Set("invoice", of.Id)
	i.Set("client", of.Client())
	return i, nil
}

func (i *InvoiceItem) Invoice() string          { return i.GetString("invoice") }
func (i *InvoiceItem) Client() string           { return i.GetString("client") }
func (i *InvoiceItem) SetClient(id string)      { i.Set("client", id) }
func (i *InvoiceItem) Description() string      { return i.GetString("description") }
func (i *InvoiceItem) SetDescription(s string)  { i.Set("description", s) }
func (i *InvoiceItem) Quantity() int            { return i.GetInt("quantity") }
func (i *InvoiceItem) SetQuantity(n int)        { i.Set("quantity", n) }
func (i *InvoiceItem) Unit() int                { return i.GetInt("unit_cents") }
func (i *InvoiceItem) SetUnit(cents int)        { i.Set("unit_cents", cents) }
func (i *InvoiceItem) Total() int               { return i.GetInt("total_cents") }
func (i *InvoiceItem) SetTotal(cents int)       { i.Set("total_cents", cents) }
func (i *InvoiceItem) Service() string          { return i.GetString("service") }
func (i *InvoiceItem) SetService(id string)     { i.Set("service", id) }
func (i *InvoiceItem) Appointment() string      { return i.GetString("appointment") }
func (i *InvoiceItem) SetAppointment(id string) { i.Set("appointment", id) }
func (i *InvoiceItem) Position() int            { return i.GetInt("position") }
func (i *InvoiceItem) SetPosition(n int)        { i.Set("position", n) }

// ItemsOf lists the lines of invoices, by invoice and in their order.
func ItemsOf(app core.App, invoices ...string) (map[string][]*InvoiceItem, error) {
	var rows []*core.Record
	err := app.RecordQuery(InvoiceItems).AndWhere(dbx.HashExp{"invoice": anySlice(invoices)}).OrderBy("invoice", "position", "created", "id").All(&rows)
	if err != nil {
		return nil, err
	}
	out := make(map[string][]*InvoiceItem, len(invoices))
	for _, r := range rows {
		i := AsInvoiceItem(r)
		out[i.Invoice()] = append(out[i.Invoice()], i)
	}
	return out, nil
}

func anySlice(ids []string) []any {
	out := make([]any, len(ids))
	for i, id := range ids {
		out[i] = id
	}
	return out
}
