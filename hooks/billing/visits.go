package billing

import (
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"

	"anteroom/collections"
	"anteroom/hooks/kernel"
)

// bindVisits has money follow visits: a deposit is asked for when a client books, a fee when a visit is left too late,
// and both in the transaction that writes the visit. Priority 150 lies within it.
func bindVisits(app core.App) {
	bill := &hook.Handler[*core.RecordEvent]{Id: "billing.visits", Priority: 150, Func: billVisit}
	app.OnRecordCreateExecute(collections.Appointments).Bind(bill)
	app.OnRecordUpdateExecute(collections.Appointments).Bind(bill)
	app.OnRecordUpdateExecute(collections.Invoices).Bind(&hook.Handler[*core.RecordEvent]{Id: "billing.deposits", Priority: 150, Func: tellVisitOfDeposit})
}

// billVisit keeps the invoices of a visit to what its row says. It looks at what was billed already, so it does
// nothing the second time, whatever is saved.
func billVisit(e *core.RecordEvent) error {
	if err := e.Next(); err != nil {
		return err
	}
	visit := collections.AsAppointment(e.Record)
	if visit.Status() == collections.AppointmentCancelled {
		if err := withdrawDeposit(e.App, visit); err != nil {
			return err
		}
	} else if visit.BookedInstantly() && visit.Status().Booked() && visit.DepositCents() > 0 && !visit.DepositPaid() {
		if err := askForDeposit(e.App, visit); err != nil {
			return err
		}
	}
	return billLateFee(e.App, visit)
}

func askForDeposit(tx core.App, visit *collections.Appointment) error {
	billed, err := collections.BilledForVisit(tx, visit.Id, collections.PurposeDeposit)
	if err != nil || len(billed) > 0 {
		return err
	}
	return billFor(tx, visit, collections.PurposeDeposit, visit.DepositCents(), "Deposit: ", "Depósito: ")
}

// withdrawDeposit: nobody owes a deposit for a visit that will not be. What was paid of it stays: the clinic decides.
func withdrawDeposit(tx core.App, visit *collections.Appointment) error {
	billed, err := collections.BilledForVisit(tx, visit.Id, collections.PurposeDeposit)
	if err != nil {
		return err
	}
	for _, i := range billed {
		if !i.Status().CanBecome(collections.InvoiceVoid) {
			continue
		}
		i.SetStatus(collections.InvoiceVoid)
		if err := kernel.SaveAs(tx, systemFor(visit.Client()), i.ProxyRecord()); err != nil {
			return err
		}
	}
	return nil
}

// billLateFee bills what the fee of a visit rose by. An invoice that the clinic withdrew counts as billed: it is not
// asked for again.
func billLateFee(tx core.App, visit *collections.Appointment) error {
	if visit.LateFeeCents() == 0 {
		return nil
	}
	billed, err := collections.BilledForVisit(tx, visit.Id, collections.PurposeLateFee)
	if err != nil {
		return err
	}
	rest := visit.LateFeeCents()
	for _, i := range billed {
		rest -= i.Total()
	}
	if rest <= 0 {
		return nil
	}
	return billFor(tx, visit, collections.PurposeLateFee, rest, "Late change: ", "Cambio fuera de plazo: ")
}

// billFor issues an invoice about a visit, due today. The line says what for in the client's language and names the
// service; it is encrypted as every line is.
func billFor(tx core.App, visit *collections.Appointment, purpose collections.InvoicePurpose, cents int, english, spanish string) error {
	service, err := collections.FindService(tx, visit.Service())
	if err != nil {
		return err
	}
	client, err := tx.FindRecordById(collections.Clients, visit.Client())
	if err != nil {
		return err
	}
	says := english
	if client.GetString("language") == "es" {
		says = spanish
	}
	_, err = Issue(tx, systemFor(visit.Client()), Bill{Client: visit.Client(), Appointment: visit.Id, Purpose: purpose, Currency: service.GetString("currency"),
		Items: []Line{{Description: says + service.Name(), UnitCents: cents, Service: service.Id, Appointment: visit.Id}}})
	return err
}

// systemFor is the portal itself, acting on a client's record.
func systemFor(client string) kernel.Actor {
	by := kernel.System()
	by.Client = client
	return by
}

// tellVisitOfDeposit notes on the visit that its deposit is paid, in the transaction that settles the invoice, and that
// it is not when all of it was given back.
func tellVisitOfDeposit(e *core.RecordEvent) error {
	if err := e.Next(); err != nil {
		return err
	}
	i := collections.AsInvoice(e.Record)
	if i.Purpose() != collections.PurposeDeposit || i.Status() != collections.InvoicePaid && i.Status() != collections.InvoiceRefunded {
		return nil
	}
	visit, err := collections.FindAppointment(e.App, i.Appointment())
	if err != nil {
		return err
	}
	paid := i.Status() == collections.InvoicePaid
	if visit.DepositPaid() == paid {
		return nil
	}
	visit.SetDepositPaid(paid)
	return kernel.SaveAs(e.App, systemFor(i.Client()), visit.ProxyRecord())
}

// refuseTypedPurpose: what an invoice of a visit is for follows from the visit.
func refuseTypedPurpose(was *collections.Invoice, is *collections.Invoice, by kernel.Actor) error {
	if by.Kind == kernel.KindSystem && was == nil {
		return nil
	}
	if was == nil && is.Purpose() == "" || was != nil && was.Purpose() == is.Purpose() {
		return nil
	}
	return refuse("purpose", "read_only", "The portal writes this itself.")
}
