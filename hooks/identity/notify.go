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
		noticeFactorOn:        {"A second step was turned on at %s", "A second step for signing in was added to your account just now.\n\nIf it wasn't you, call us."},
		noticeFactorOff:       {"A second step was turned off at %s", "A second step for signing in was removed from your account just now.\n\nIf it wasn't you, call us."},
		noticeRecoveryUsed:    {"A recovery code was used at %s", "One of your recovery codes was used to sign in just now. It won't work again.\n\nIf it wasn't you, change your password and call us."},
		noticeRecoveryRenewed: {"New recovery codes at %s", "New recovery codes were made for your account just now. The old ones no longer work.\n\nIf it wasn't you, call us."},
		noticePasskeyAdded:    {"A passkey was added at %s", "A passkey was added to your account just now. Whoever has it can sign in.\n\nIf it wasn't you, call us."},
		noticePasskeyRemoved:  {"A passkey was removed at %s", "A passkey was removed from your account just now.\n\nIf it wasn't you, call us."},
		noticePasskeyCloned:   {"A sign-in to %s was stopped", "Someone tried to sign in with one of your passkeys, and it looks as if the passkey was copied. We didn't let them in.\n\nRemove that passkey from your account, add a new one, and call us."},
		noticeLinked:          {"A new way to sign in to %s was added", "Another account was connected to yours just now and can be used to sign in.\n\nIf it wasn't you, call us."},
		noticeUnlinked:        {"A way to sign in to %s was removed", "A connected account was disconnected from yours just now and can no longer be used to sign in.\n\nIf it wasn't you, call us."},
		noticeEmailChanged:    {"Your email for %s was changed", "The email address you sign in with was changed just now.\n\nIf it wasn't you, call us."},
		noticeClosed:          {"Your account at %s is closed", "Your account was closed just now, as you asked. Your record stays with the clinic.\n\nIf it wasn't you, call us."},
		noticePasswordSet:     {"The clinic set a new password for you at %s", "Someone at the clinic set a new password for your account just now, and you were signed out everywhere.\n\nIf you didn't ask for it, call us."},
	},
	"es": {
		noticeFactorOn:        {"Se activó un segundo paso en %s", "Hace un instante se agregó a su cuenta un segundo paso para entrar.\n\nSi no fue usted, llámenos."},
		noticeFactorOff:       {"Se desactivó un segundo paso en %s", "Hace un instante se quitó de su cuenta un segundo paso para entrar.\n\nSi no fue usted, llámenos."},
		noticeRecoveryUsed:    {"Se usó un código de recuperación en %s", "Hace un instante se usó uno de sus códigos de recuperación para entrar. Ese código ya no sirve.\n\nSi no fue usted, cambie su contraseña y llámenos."},
		noticeRecoveryRenewed: {"Códigos de recuperación nuevos en %s", "Hace un instante se crearon códigos de recuperación nuevos para su cuenta. Los anteriores ya no sirven.\n\nSi no fue usted, llámenos."},
		noticePasskeyAdded:    {"Se agregó una llave de acceso en %s", "Hace un instante se agregó una llave de acceso a su cuenta. Quien la tenga podrá entrar.\n\nSi no fue usted, llámenos."},
		noticePasskeyRemoved:  {"Se quitó una llave de acceso en %s", "Hace un instante se quitó una llave de acceso de su cuenta.\n\nSi no fue usted, llámenos."},
		noticePasskeyCloned:   {"Detuvimos un intento de entrar a %s", "Alguien intentó entrar con una de sus llaves de acceso, y parece que fue copiada. No lo dejamos entrar.\n\nQuite esa llave de acceso de su cuenta, agregue una nueva y llámenos."},
		noticeLinked:          {"Se agregó una forma de entrar a %s", "Hace un instante se conectó otra cuenta a la suya y sirve para entrar.\n\nSi no fue usted, llámenos."},
		noticeUnlinked:        {"Se quitó una forma de entrar a %s", "Hace un instante se desconectó de la suya otra cuenta, que ya no sirve para entrar.\n\nSi no fue usted, llámenos."},
		noticeEmailChanged:    {"Se cambió su correo para %s", "Hace un instante se cambió el correo con el que entra.\n\nSi no fue usted, llámenos."},
		noticeClosed:          {"Su cuenta en %s está cerrada", "Hace un instante se cerró su cuenta, como usted pidió. Su expediente se queda en la clínica.\n\nSi no fue usted, llámenos."},
		noticePasswordSet:     {"La clínica le puso una contraseña nueva en %s", "Hace un instante alguien de la clínica puso una contraseña nueva en su cuenta y se cerraron todas sus sesiones.\n\nSi no lo pidió, llámenos."},
	},
}
