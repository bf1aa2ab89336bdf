package identity

// letterWords are the mails about an account. They hold no health facts and name nobody.
type letterWords struct {
	language                               string
	verifySubject, verifyText, verifyLabel string
	resetSubject, resetText, resetLabel    string
	openSubject, openText                  string // the reset mail of a registration whose password is void
	changedSubject, changedText            string
	changedHereText                        string
	codeSubject, codeText                  string
	signInSubject, signInText, signInLabel string
	newEmailSubject, newEmailText          string // to the address that is to be the new one
	oldEmailSubject, oldEmailText          string // to the one that is given up
	takenSubject, takenText                string // to an address that is another login's already
}

var letters = map[string]letterWords{
	"en": {
		language:      "en",
		verifySubject: "Confirm your email for %s",
		verifyText: "Somebody set up access with this address and chose a password. Only if that was you, enter this code or use the link: whoever knows that password can then sign in.\n\n" +
			"The code works for 30 minutes, the link for 24 hours. If it wasn't you, do not use them, and call us.",
		verifyLabel:  "Confirm my email",
		resetSubject: "Choose a new password for %s",
		resetText: "Somebody, most likely you, asked for a new password. The link works once, for 30 minutes.\n\n" +
			"If it wasn't you, do nothing: your password stays as it is.",
		resetLabel:  "Choose a new password",
		openSubject: "Choose your password for %s",
		openText: "Access with this address has been set up, and it is not open yet. The link lets you choose your own password and opens the access. It works once, for 30 minutes. Passwords that were chosen before do not count.\n\n" +
			"If you don't want access, do nothing. If you did not ask for it, call us.",
		changedSubject:  "Your password for %s was changed",
		changedText:     "Your password was changed just now, and you were signed out everywhere.\n\nIf it wasn't you, call us.",
		changedHereText: "Your password was changed just now, and you were signed out everywhere else.\n\nIf it wasn't you, call us.",
		codeSubject:     "Your code for %s",
		codeText: "Enter this code on the page that asked for it. It works once, for a few minutes.\n\n" +
			"Nobody from the clinic will ever ask you for it. If you did not try to sign in, change your password and call us: somebody knows it.",

		signInSubject: "Your link to sign in to %s",
		signInText: "Somebody asked for a link to sign in with this address. We don't know who it was. If it was you, use the link, or enter the code on the page where you asked. Either works once, for 15 minutes.\n\n" +
			"Never forward this mail, and tell nobody the code: whoever has it can sign in as you. If it wasn't you, do nothing.",
		signInLabel:     "Sign in",
		newEmailSubject: "Confirm your new email for %s",
		newEmailText: "Somebody wants to sign in with this address from now on. If it is you, enter this code on the page where you asked, together with the one that went to your old address. It works once, for 30 minutes.\n\n" +
			"If it wasn't you, do nothing.",
		oldEmailSubject: "Is your email for %s to change?",
		oldEmailText: "Somebody who is signed in to your account wants to sign in with another address from now on. Only if it is you, enter this code on the page where you asked. It works once, for 30 minutes.\n\n" +
			"If it wasn't you, tell nobody the code, change your password and call us: without the code nothing changes.",
		takenSubject: "Somebody wanted to use your email for %s",
		takenText: "Somebody who is signed in to another account wanted to use this address for it. That is not possible, because it belongs to your account. Nothing has changed.\n\n" +
			"If it was you, sign in with this address, or call us.",
	},
	"es": {
		language:      "es",
		verifySubject: "Confirme su correo para %s",
		verifyText: "Alguien activó un acceso con esta dirección y eligió una contraseña. Solo si fue usted, escriba este código o use el enlace: quien sepa esa contraseña podrá entrar.\n\n" +
			"El código sirve 30 minutos y el enlace, 24 horas. Si no fue usted, no los use y llámenos.",
		verifyLabel:  "Confirmar mi correo",
		resetSubject: "Elija una contraseña nueva para %s",
		resetText: "Alguien, probablemente usted, pidió una contraseña nueva. El enlace sirve una sola vez, durante 30 minutos.\n\n" +
			"Si no fue usted, no haga nada: su contraseña sigue igual.",
		resetLabel:  "Elegir una contraseña nueva",
		openSubject: "Elija su contraseña para %s",
		openText: "Se ha activado un acceso con esta dirección, que todavía no está abierto. El enlace le permite elegir su propia contraseña y abre el acceso. Sirve una sola vez, durante 30 minutos. Las contraseñas elegidas antes no cuentan.\n\n" +
			"Si no quiere el acceso, no haga nada. Si no lo pidió, llámenos.",
		changedSubject:  "Cambió su contraseña de %s",
		changedText:     "Su contraseña se cambió hace un instante y se cerraron todas sus sesiones.\n\nSi no fue usted, llámenos.",
		changedHereText: "Su contraseña se cambió hace un instante y se cerraron sus demás sesiones.\n\nSi no fue usted, llámenos.",
		codeSubject:     "Su código para %s",
		codeText: "Escriba este código en la página que lo pidió. Sirve una sola vez, durante unos minutos.\n\n" +
			"Nadie de la clínica se lo pedirá nunca. Si no intentó entrar, cambie su contraseña y llámenos: alguien la conoce.",

		signInSubject: "Su enlace para entrar en %s",
		signInText: "Alguien pidió un enlace para entrar con esta dirección. No sabemos quién fue. Si fue usted, use el enlace o escriba el código en la página donde lo pidió. Ambos sirven una sola vez, durante 15 minutos.\n\n" +
			"No reenvíe nunca este correo ni diga a nadie el código: quien lo tenga podrá entrar como si fuera usted. Si no fue usted, no haga nada.",
		signInLabel:     "Entrar",
		newEmailSubject: "Confirme su correo nuevo para %s",
		newEmailText: "Alguien quiere entrar con esta dirección a partir de ahora. Si es usted, escriba este código en la página donde lo pidió, junto con el que enviamos a su dirección anterior. Sirve una sola vez, durante 30 minutos.\n\n" +
			"Si no fue usted, no haga nada.",
		oldEmailSubject: "¿Va a cambiar su correo para %s?",
		oldEmailText: "Alguien que ha entrado en su cuenta quiere usar otra dirección a partir de ahora. Solo si es usted, escriba este código en la página donde lo pidió. Sirve una sola vez, durante 30 minutos.\n\n" +
			"Si no fue usted, no diga el código a nadie, cambie su contraseña y llámenos: sin el código no cambia nada.",
		takenSubject: "Alguien quiso usar su correo para %s",
		takenText: "Alguien que ha entrado en otra cuenta quiso usar esta dirección para ella. No es posible, porque pertenece a su cuenta. Nada ha cambiado.\n\n" +
			"Si fue usted, entre con esta dirección o llámenos.",
	},
}

func wordsFor(language string) letterWords {
	if w, ok := letters[language]; ok {
		return w
	}
	return letters["en"]
}
