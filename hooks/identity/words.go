package identity

import "anteroom/collections"

// letterWords are the mails about an account. They hold no health facts and name nobody.
type letterWords struct {
	language                               string
	verifySubject, verifyText, verifyLabel string
	resetSubject, resetText, resetLabel    string
	changedSubject, changedText            string
}

var letters = map[string]letterWords{
	"en": {
		language:      "en",
		verifySubject: "Confirm your email for %s",
		verifyText: "Somebody, most likely you, made an account with this address. To confirm that the address is yours, enter this code or use the link.\n\n" +
			"The code works for 30 minutes, the link for 24 hours. If it wasn't you, do not use them, and call us.",
		verifyLabel:  "Confirm my email",
		resetSubject: "Choose a new password for %s",
		resetText: "Somebody, most likely you, asked for a new password. The link works once, for 30 minutes.\n\n" +
			"If it wasn't you, do nothing: your password stays as it is.",
		resetLabel:     "Choose a new password",
		changedSubject: "Your password for %s was changed",
		changedText:    "Your password was changed just now, and you were signed out everywhere.\n\nIf it wasn't you, call us.",
	},
	"es": {
		language:      "es",
		verifySubject: "Confirme su correo para %s",
		verifyText: "Alguien, probablemente usted, creó una cuenta con esta dirección. Para confirmar que la dirección es suya, escriba este código o use el enlace.\n\n" +
			"El código sirve 30 minutos y el enlace, 24 horas. Si no fue usted, no los use y llámenos.",
		verifyLabel:  "Confirmar mi correo",
		resetSubject: "Elija una contraseña nueva para %s",
		resetText: "Alguien, probablemente usted, pidió una contraseña nueva. El enlace sirve una sola vez, durante 30 minutos.\n\n" +
			"Si no fue usted, no haga nada: su contraseña sigue igual.",
		resetLabel:     "Elegir una contraseña nueva",
		changedSubject: "Cambió su contraseña de %s",
		changedText:    "Su contraseña se cambió hace un instante y se cerraron todas sus sesiones.\n\nSi no fue usted, llámenos.",
	},
}

func wordsFor(u *collections.PortalUser) letterWords {
	if w, ok := letters[u.Language()]; ok {
		return w
	}
	return letters["en"]
}
