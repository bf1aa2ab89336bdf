package billing

import (
	"errors"
	"strconv"

	validation "github.com/pocketbase/ozzo-validation/v4"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
)

// Bill is what an invoice is to say. Amounts are integer cents in the clinic's currency.
type Bill struct {
	Client        string `json:"clientId"`
	DueOn         string `json:"dueOn"` // YYYY-MM-DD; empty: the day it is issued
	IssuedOn      string `json:"-"`     // empty: today in the clinic's zone
	Currency      string `json:"-"`     // empty: the clinic's
	Items         []Line `json:"items"` // at least one
	DiscountCents int    `json:"discountCents"`
	TaxCents      int    `json:"taxCents"`
	Appointment   string `json:"appointmentId"`
	Notes         string `json:"notes"` // the clinic's own

	Purpose collections.InvoicePurpose `json:"-"` // of what the portal itself writes
}

// Line is one line of a bill.
type Line struct {
	Description string `json:"description"`
	Quantity    int    `json:"quantity"` // 0: one
	UnitCents   int    `json:"unitCents"`
	Service     string `json:"serviceId"`
	Appointment string `json:"appointmentId"`
}

// Issue writes an invoice and opens it, in one transaction. The rules are those of every other door: this only loads,
// sets and saves.
func Issue(app core.App, by kernel.Actor, b Bill) (*collections.Invoice, error) {
	var i *collections.Invoice
	err := app.RunInTransaction(func(tx core.App) error {
		var err error
		if i, err = collections.NewInvoice(tx); err != nil {
			return err
		}
		i.SetClient(b.Client)
		i.SetIssuedOn(b.IssuedOn)
		i.SetDueOn(b.DueOn)
		i.SetCurrency(b.Currency)
		i.SetDiscount(b.DiscountCents)
		i.SetTax(b.TaxCents)
		i.SetAppointment(b.Appointment)
		i.Set("notes", b.Notes)
		i.SetPurpose(b.Purpose)
		if err := kernel.SaveAs(tx, by, i.ProxyRecord()); err != nil {
			return err
		}
		for n, l := range b.Items {
			if err := addLine(tx, by, i, n, l); err != nil {
				var fields validation.Errors
				if errors.As(err, &fields) {
					return validation.Errors{"items": validation.Errors{strconv.Itoa(n): fields}}
				}
				return err
			}
		}
		r, err := tx.FindRecordById(collections.Invoices, i.Id) // with its sum
		if err != nil {
			return err
		}
		i = collections.AsInvoice(r)
		i.SetStatus(collections.InvoiceOpen)
		return kernel.SaveAs(tx, by, r)
	})
	if err != nil {
		return nil, err
	}
	return i, nil
}

func addLine(tx core.App, by kernel.Actor, i *collections.Invoice, n int, l Line) error {
	item, err := collections.NewInvoiceItem(tx, i)
	if err != nil {
		return err
	}
	item.SetPosition(n + 1)
	item.SetDescription(l.Description)
	item.SetQuantity(l.Quantity)
	if l.Quantity == 0 {
		item.SetQuantity(1)
	}
	item.SetUnit(l.UnitCents)
	item.SetService(l.Service)
	item.SetAppointment(l.Appointment)
	return kernel.SaveAs(tx, by, item.ProxyRecord())
}

const mostLines = 200

// issueInvoice answers POST desk/invoices {clientId, items, dueOn, discountCents?, taxCents?, notes?} with 201 and
// the invoice.
func issueInvoice(c *kernel.Call) (*kernel.Reply, error) {
	var b Bill
	if err := c.Bind(&b); err != nil {
		return nil, err
	}
	if len(b.Items) > mostLines {
		return nil, kernel.Invalid("", "That is too much for one invoice.").Field("items", "max_length", "An invoice has at most 200 lines.")
	}
	if _, err := c.App.FindRecordById("clients", b.Client); err != nil {
		return nil, kernel.NotFound().Because(err)
	}
	by := c.Actor
	by.Client = b.Client
	i, err := Issue(c.App, by, b)
	if err != nil {
		return nil, err
	}
	all, err := withLines(c.App, i.ProxyRecord())
	if err != nil {
		return nil, err
	}
	if err := audit.Read(c.App, audit.EntryFor(by, audit.ViewInvoice, audit.Invoice, i.Id)); err != nil {
		return nil, err
	}
	return kernel.Created(all[0]), nil
}
