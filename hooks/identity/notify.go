package identity

import (
	"fmt"

	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/outbox"
)

// notice is a change of what an account is signed in with. The person is told by mail of every one, because whoever
// took the account over would make it too.
type notice string

const (
	noticeFactorOn        notice = "factor_on"
	noticeFactorOff       notice = "factor_off"
	noticeRecoveryUsed    notice = "recovery_used"
	noticeRecoveryRenewed notice = "recovery_renewed"
	noticePasskeyAdded    notice = "passkey_added"
	noticePasskeyRemoved  notice = "passkey_removed"
	noticePasskeyCloned   notice = "passkey_cloned"
	noticeLinked          notice = "linked"
	noticeUnlinked        notice = "unlinked"
	noticeEmailChanged    notice = "email_changed"
	noticeClosed          notice = "closed"
	noticePasswordSet     notice = "password_set"
)

// noticeOf mails an account that something about its sign-in has changed, in the transaction of the change.
func noticeOf(tx core.App, account *core.Record, n notice) error {
	return noticeTo(tx, account, account.Email(), n)
}

// noticeTo is noticeOf to another address than the account's present one.
func noticeTo(tx core.App, account *core.Record, to string, n notice) error {
	w, s := wordsFor(account.GetString("language")), collections.Settings(tx)
	said := noticeWords[w.language][n]
	return outbox.Mail(tx, outbox.Message{Topic: "identity_notice", To: to, Language: w.language,
		Subject: fmt.Sprintf(said[0], s.ClinicName), Text: said[1]})
}

var noticeWords = map[string]map[notice][2]string{
	"en": {
		noticeFactorOn:        {"A second step was turned on for %s", "A second step for signing in was added to your account just now.\n\nIf it wasn't you, call us."},
		noticeFactorOff:       {"A second step was turned off for %s", "A second step for signing in was removed from your account just now.\n\nIf it wasn't you, call us."},
		noticeRecoveryUsed:    {"A recovery code was used for %s", "One of your recovery codes was used to sign in just now. It won't work again.\n\nIf it wasn't you, change your password and call us."},
		noticeRecoveryRenewed: {"New recovery codes for %s", "New recovery codes were made for your account just now. The old ones no longer work.\n\nIf it wasn't you, call us."},
		noticePasskeyAdded:    {"A passkey was added for %s", "A passkey was added to your account just now. Whoever has it can sign in.\n\nIf it wasn't you, call us."},
		noticePasskeyRemoved:  {"A passkey was removed for %s", "A passkey was removed from your account just now.\n\nIf it wasn't you, call us."},
		noticePasskeyCloned:   {"A sign-in to %s was stopped", "Somebody tried to sign in with one of your passkeys, and it looks as if it had been copied. We let nobody in.\n\nRemove that passkey from your account, add a new one, and call us."},
		noticeLinked:          {"Another way to sign in to %s", "Another account was connected to yours just now and can be used to sign in.\n\nIf it wasn't you, call us."},
		noticeUnlinked:        {"A way to sign in to %s was removed", "A connected account was removed from your sign-in just now.\n\nIf it wasn't you, call us."},
		noticeEmailChanged:    {"Your email for %s was changed", "The email address you sign in with was changed just now.\n\nIf it wasn't you, call us."},
		noticeClosed:          {"Your access to %s is closed", "Your online access was closed just now, as you asked. Your records stay with the clinic.\n\nIf it wasn't you, call us."},
		noticePasswordSet:     {"Your password for %s was set by the clinic", "Somebody at the clinic set a new password for your account just now, and you were signed out everywhere.\n\nIf you did not ask for it, call us."},
	},
	"es": {
		noticeFactorOn:        {"Se activó un segundo paso para %s", "Hace un instante se añadió a su cuenta un segundo paso para entrar.\n\nSi no fue usted, llámenos."},
		noticeFactorOff:       {"Se desactivó un segundo paso para %s", "Hace un instante se quitó de su cuenta un segundo paso para entrar.\n\nSi no fue usted, llámenos."},
		noticeRecoveryUsed:    {"Se usó un código de recuperación de %s", "Hace un instante se usó uno de sus códigos de recuperación para entrar. Ya no servirá más.\n\nSi no fue usted, cambie su contraseña y llámenos."},
		noticeRecoveryRenewed: {"Códigos de recuperación nuevos de %s", "Hace un instante se crearon códigos de recuperación nuevos para su cuenta. Los anteriores ya no sirven.\n\nSi no fue usted, llámenos."},
		noticePasskeyAdded:    {"Se añadió una llave de acceso para %s", "Hace un instante se añadió una llave de acceso a su cuenta. Quien la tenga podrá entrar.\n\nSi no fue usted, llámenos."},
		noticePasskeyRemoved:  {"Se quitó una llave de acceso de %s", "Hace un instante se quitó una llave de acceso de su cuenta.\n\nSi no fue usted, llámenos."},
		noticePasskeyCloned:   {"Se detuvo un intento de entrar en %s", "Alguien intentó entrar con una de sus llaves de acceso, y parece que la hubieran copiado. No dejamos entrar a nadie.\n\nQuite esa llave de su cuenta, añada una nueva y llámenos."},
		noticeLinked:          {"Otra forma de entrar en %s", "Hace un instante se conectó otra cuenta a la suya, con la que se puede entrar.\n\nSi no fue usted, llámenos."},
		noticeUnlinked:        {"Se quitó una forma de entrar en %s", "Hace un instante se quitó de su acceso una cuenta conectada.\n\nSi no fue usted, llámenos."},
		noticeEmailChanged:    {"Cambió su correo para %s", "Hace un instante cambió el correo con el que entra.\n\nSi no fue usted, llámenos."},
		noticeClosed:          {"Su acceso a %s está cerrado", "Hace un instante se cerró su acceso en línea, como usted pidió. Sus datos siguen en la clínica.\n\nSi no fue usted, llámenos."},
		noticePasswordSet:     {"La clínica cambió su contraseña de %s", "Hace un instante alguien de la clínica puso una contraseña nueva en su cuenta y se cerraron todas sus sesiones.\n\nSi no lo pidió, llámenos."},
	},
}
