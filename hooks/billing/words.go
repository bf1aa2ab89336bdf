package billing

import (
	"database/sql"
	"errors"

	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/kernel"
	"anteroom/hooks/notices"
	"anteroom/hooks/outbox"
)

// Kinds of methods.
const (
	methodCard = "card"
	methodTest = "test"
)

// money writes cents as a person reads them.
var money = kernel.Money

// failureMessage says why a payment was not made, as far as its holder should know: a card reported as stolen is
// only "declined". Codes are Stripe's.
func failureMessage(code string) string {
	switch code {
	case "insufficient_funds", "card_velocity_exceeded", "withdrawal_count_limit_exceeded":
		return "There was not enough money available on this card. You have not been charged. Try another card or call your bank."
	case "expired_card", "invalid_expiry_month", "invalid_expiry_year":
		return "This card has expired, or its date was not right. You have not been charged. Check the date or try another card."
	case "incorrect_cvc", "invalid_cvc":
		return "The security code of this card was not right. You have not been charged. Check it and try again."
	case "incorrect_number", "invalid_number", "invalid_account":
		return "The number of this card was not right. You have not been charged. Check it and try again."
	case "incorrect_zip", "incorrect_address":
		return "The address did not match this card. You have not been charged. Check it and try again."
	case "authentication_required", "payment_intent_authentication_failure":
		return "Your bank could not check that it was you. You have not been charged. Try again or use another card."
	case "card_not_supported", "currency_not_supported", "service_not_allowed":
		return "This card cannot be used for this payment. You have not been charged. Try another card."
	case "processing_error", "issuer_not_available", "try_again_later", "reenter_transaction":
		return "The bank could not be reached. You have not been charged. Try again in a moment."
	}
	return "Your bank declined this card. You have not been charged. Try another card or call your bank."
}

const closedMessage = "This attempt was closed before it was paid. You have not been charged."

func invoiceLink(id string) string { return "/payments/invoices/" + id }

// tellPaid tells everybody who may see the bill, and writes to whoever paid. The mail names the amount and the
// clinic, never what was paid for.
func tellPaid(tx core.App, p *collections.Payment) error {
	amount := money(p.Amount(), p.Currency())
	err := notices.Tell(tx, p.Client(), kernel.AreaBilling, notices.Notice{Type: collections.NoticePaymentReceived,
		Title: "Payment received", Message: "We received " + amount + ". Your receipt is ready.",
		Spanish: notices.Words{Title: "Pago recibido", Message: "Recibimos " + amount + ". Su recibo está listo."},
		Link:    invoiceLink(p.Invoice()), Cause: "payment:" + p.Id + ":received"})
	if err != nil {
		return err
	}
	clinic := collections.Settings(tx).ClinicName
	return mailPayer(tx, p, "payment_received", "received", map[string]letter{
		"en": {"Your payment to " + clinic, "We received your payment of " + amount + ". Thank you.\n\nYour receipt is in the portal.", "See your receipt"},
		"es": {"Su pago a " + clinic, "Recibimos su pago de " + amount + ". Gracias.\n\nSu recibo está en el portal.", "Ver su recibo"},
	})
}

// tellFailed tells that a payment was declined. A person who tries three cards gets one mail.
func tellFailed(tx core.App, p *collections.Payment) error {
	amount := money(p.Amount(), p.Currency())
	err := notices.Tell(tx, p.Client(), kernel.AreaBilling, notices.Notice{Type: collections.NoticePaymentFailed,
		Title: "Payment not made", Message: "The payment of " + amount + " was not made. " + failureMessage(p.FailureCode()),
		Spanish: notices.Words{Title: "El pago no se realizó", Message: "El pago de " + amount + " no se realizó. No se le cobró nada. Pruebe con otra tarjeta o llame a su banco."},
		Link:    invoiceLink(p.Invoice()), Priority: collections.PriorityHigh, Cause: "payment:" + p.Id + ":failed"})
	if err != nil {
		return err
	}
	clinic := collections.Settings(tx).ClinicName
	return mailPayer(tx, p, "payment_failed", "failed", map[string]letter{
		"en": {"Your payment to " + clinic + " was not made", "The payment of " + amount + " was not made. You have not been charged.\n\nYou can try again in the portal.", "Try again"},
		"es": {"Su pago a " + clinic + " no se realizó", "El pago de " + amount + " no se realizó. No se le cobró nada.\n\nPuede intentarlo de nuevo en el portal.", "Intentar de nuevo"},
	})
}

type letter struct{ subject, text, label string }

func mailPayer(tx core.App, p *collections.Payment, topic, cause string, in map[string]letter) error {
	if p.PortalUser() == "" {
		return nil
	}
	user, err := tx.FindRecordById("portal_users", p.PortalUser())
	if errors.Is(err, sql.ErrNoRows) || err == nil && user.Email() == "" {
		return nil // the login is gone; that must not keep money from being recorded
	}
	if err != nil {
		return err
	}
	language := user.GetString("language")
	l, ok := in[language]
	if !ok {
		language, l = "en", in["en"]
	}
	return outbox.Mail(tx, outbox.Message{Topic: topic, To: user.Email(), Language: language, Subject: l.subject, Text: l.text,
		Link: invoiceLink(p.Invoice()), LinkLabel: l.label, Cause: "payment:" + p.Id + ":" + cause})
}

func tellIssued(tx core.App, i *collections.Invoice) error {
	return notices.Tell(tx, i.Client(), kernel.AreaBilling, notices.Notice{Type: collections.NoticeInvoiceIssued,
		Title: "New invoice", Message: "Invoice " + i.Number() + " for " + money(i.Total(), i.Currency()) + " is ready.",
		Spanish: notices.Words{Title: "Factura nueva", Message: "La factura " + i.Number() + " por " + money(i.Total(), i.Currency()) + " está lista."},
		Link:    invoiceLink(i.Id), Cause: "invoice:" + i.Id + ":issued"})
}
