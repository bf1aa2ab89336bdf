package billing

import (
	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/kernel"
)

// One person pays for a party: the deposits of its visits are one invoice to them, in the transaction that writes the
// party.

// billParty keeps that invoice to who still comes. When somebody drops out, what is still owed is withdrawn and asked for
// anew; what was paid stays, and the clinic decides.
func billParty(e *core.RecordEvent) error {
	if err := e.Next(); err != nil {
		return err
	}
	party := collections.AsGroupBooking(e.Record)
	if party.GetString("requested_by") == "" {
		return nil // the desk asks for what it wants
	}
	visits, err := visitsOf(e.App, party.Id)
	if err != nil || len(visits) == 0 {
		return err
	}
	billed, err := collections.BilledForVisit(e.App, visits[0].Id, collections.PurposeGroup)
	if err != nil {
		return err
	}
	lines, due, err := depositsOf(e.App, party, visits)
	if err != nil {
		return err
	}
	for _, i := range billed {
		switch {
		case i.Status() == collections.InvoiceVoid:
			continue
		case !i.Status().CanBecome(collections.InvoiceVoid) || i.Total() == due:
			return nil
		}
		i.SetStatus(collections.InvoiceVoid)
		if err := kernel.SaveAs(e.App, systemFor(party.Payer()), i.ProxyRecord()); err != nil {
			return err
		}
	}
	if due == 0 {
		return nil
	}
	_, err = Issue(e.App, systemFor(party.Payer()), Bill{Client: party.Payer(), Appointment: visits[0].Id, Purpose: collections.PurposeGroup,
		Currency: party.Currency(), Items: lines})
	return err
}

// visitsOf lists the visits of a party in their order.
func visitsOf(tx core.App, party string) ([]*collections.Appointment, error) {
	rows := []*core.Record{}
	err := tx.RecordQuery(collections.Appointments).AndWhere(dbx.HashExp{"group_booking": party}).OrderBy("group_position").All(&rows)
	out := make([]*collections.Appointment, len(rows))
	for i, r := range rows {
		out[i] = collections.AsAppointment(r)
	}
	return out, err
}

// depositsOf is a line for each visit that asks for a deposit and is still to be. Who comes is not named: the line is the
// payer's to read, and says what for.
func depositsOf(tx core.App, party *collections.GroupBooking, visits []*collections.Appointment) (lines []Line, cents int, err error) {
	client, err := tx.FindRecordById(collections.Clients, party.Payer())
	if err != nil {
		return nil, 0, err
	}
	says := "Deposit: "
	if client.GetString("language") == "es" {
		says = "Depósito: "
	}
	for _, v := range visits {
		if !v.Status().Booked() || v.DepositCents() == 0 {
			continue
		}
		service, err := collections.FindService(tx, v.Service())
		if err != nil {
			return nil, 0, err
		}
		lines = append(lines, Line{Description: says + service.Name(), UnitCents: v.DepositCents(), Service: service.Id})
		cents += v.DepositCents()
	}
	return lines, cents, nil
}

// payerOf is who pays for a visit: its client, or the payer of its party.
func payerOf(tx core.App, visit *collections.Appointment) (string, error) {
	if visit.Group() == "" {
		return visit.Client(), nil
	}
	party, err := collections.FindGroupBooking(tx, visit.Group())
	if err != nil {
		return "", err
	}
	return party.Payer(), nil
}

// tellVisitsOfDeposit notes on every visit of a party whether its deposit is paid.
func tellVisitsOfDeposit(tx core.App, i *collections.Invoice) error {
	first, err := collections.FindAppointment(tx, i.Appointment())
	if err != nil {
		return err
	}
	visits, err := visitsOf(tx, first.Group())
	if err != nil {
		return err
	}
	paid := i.Status() == collections.InvoicePaid
	for _, v := range visits {
		if v.DepositCents() == 0 || v.DepositPaid() == paid || paid && v.Status() == collections.AppointmentCancelled {
			continue
		}
		v.SetDepositPaid(paid)
		if err := kernel.SaveAs(tx, systemFor(v.Client()), v.ProxyRecord()); err != nil {
			return err
		}
	}
	return nil
}
