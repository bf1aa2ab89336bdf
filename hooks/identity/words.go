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

// line is the subject and the text of a mail that needs no link.
type line struct{ subject, text string }

// accessWords are the mails about invitations, about who may act for whom, and about what the clinic did to an account.
// %s in a subject is the clinic's name. They name no client and hold no health facts.
type accessWords struct {
	language                               string
	inviteSubject, inviteText, inviteLabel string // %[1]s in the text is who invites, %[2]d are hours
	byClinic, byFamily                     string // who invites, when no name may stand there
	invited, given, ended, lost            line   // to those who act for a client already; lost is to whom the access was
	suspended, resumed, unlocked           line
	signedOut, mustChange, factorsReset    line
}

var accessLetters = map[string]accessWords{
	"en": {
		language:      "en",
		inviteSubject: "Your invitation to the portal of %s",
		inviteText: "You have been invited to the client portal by %[1]s.\n\n" +
			"Open the link and enter the birth date of the person it is about. It works once, for %[2]d hours. If it is too old, that page mails you a new one.\n\n" +
			"If you did not expect this, do nothing: without you nobody can use it.",
		inviteLabel: "Accept the invitation",
		byClinic:    "the clinic",
		byFamily:    "somebody close to you",
		invited: line{"Somebody was invited at %s", "Somebody was invited to see or do things in the portal for a person you act for. You find who it is in the portal, under the people with access.\n\n" +
			"If you did not expect this, call us."},
		given: line{"Access was given at %s", "Somebody may now see or do more in the portal for a person you act for. You find who it is in the portal, under the people with access.\n\n" +
			"If you did not expect this, call us."},
		ended: line{"Access was ended at %s", "Somebody may no longer act in the portal for a person you act for, or an invitation was withdrawn. You find who is left in the portal, under the people with access.\n\n" +
			"If you did not expect this, call us."},
		lost: line{"Your access at %s has changed", "You may no longer act in the portal for one of the people you acted for. Nothing else about your account has changed.\n\n" +
			"If you did not expect this, call us."},
		suspended: line{"Your account at %s is closed for now", "The clinic has closed your account for the time being, and you were signed out everywhere.\n\nCall us if you think it should be open."},
		resumed:   line{"Your account at %s is open again", "The clinic has opened your account again. You can sign in as before.\n\nIf you did not expect this, call us."},
		unlocked:  line{"You can sign in at %s again", "The clinic has lifted the pause on your account. You can sign in again.\n\nIf you did not ask for this, call us."},
		signedOut: line{"You were signed out at %s", "The clinic has signed you out on every device. You can sign in again as before.\n\nIf you did not expect this, call us."},
		mustChange: line{"Choose a new password for %s", "The clinic asks you to choose a new password. You were signed out everywhere; the next time you sign in, the portal asks you for another one.\n\n" +
			"If you did not expect this, call us."},
		factorsReset: line{"Your second step at %s was removed", "The clinic has removed everything that proves a second time who you are: authenticator, codes, passkeys and remembered devices. You were signed out everywhere. Sign in with your password and set up a second step again.\n\n" +
			"If you did not ask for this, call us at once."},
	},
	"es": {
		language:      "es",
		inviteSubject: "Su invitación al portal de %s",
		inviteText: "Ha recibido una invitación al portal de clientes de parte de %[1]s.\n\n" +
			"Abra el enlace y escriba la fecha de nacimiento de la persona de que se trata. Sirve una sola vez, durante %[2]d horas. Si ya es antiguo, esa página le envía otro.\n\n" +
			"Si no la esperaba, no haga nada: sin usted nadie puede usarla.",
		inviteLabel: "Aceptar la invitación",
		byClinic:    "la clínica",
		byFamily:    "una persona cercana a usted",
		invited: line{"Se invitó a alguien en %s", "Se invitó a alguien a ver o hacer cosas en el portal por una persona por la que usted actúa. En el portal, entre las personas con acceso, verá quién es.\n\n" +
			"Si no lo esperaba, llámenos."},
		given: line{"Se dio acceso en %s", "Alguien puede ahora ver o hacer más en el portal por una persona por la que usted actúa. En el portal, entre las personas con acceso, verá quién es.\n\n" +
			"Si no lo esperaba, llámenos."},
		ended: line{"Se retiró un acceso en %s", "Alguien ya no puede actuar en el portal por una persona por la que usted actúa, o se retiró una invitación. En el portal, entre las personas con acceso, verá quién queda.\n\n" +
			"Si no lo esperaba, llámenos."},
		lost: line{"Su acceso en %s ha cambiado", "Ya no puede actuar en el portal por una de las personas por las que actuaba. Nada más ha cambiado en su cuenta.\n\n" +
			"Si no lo esperaba, llámenos."},
		suspended: line{"Su cuenta en %s está cerrada por ahora", "La clínica ha cerrado su cuenta por el momento y se cerraron todas sus sesiones.\n\nLlámenos si cree que debería estar abierta."},
		resumed:   line{"Su cuenta en %s está abierta de nuevo", "La clínica ha vuelto a abrir su cuenta. Puede entrar como antes.\n\nSi no lo esperaba, llámenos."},
		unlocked:  line{"Ya puede entrar de nuevo en %s", "La clínica ha levantado la pausa de su cuenta. Ya puede entrar.\n\nSi no lo pidió, llámenos."},
		signedOut: line{"Se cerraron sus sesiones en %s", "La clínica cerró sus sesiones en todos los dispositivos. Puede entrar de nuevo como antes.\n\nSi no lo esperaba, llámenos."},
		mustChange: line{"Elija una contraseña nueva para %s", "La clínica le pide que elija una contraseña nueva. Se cerraron todas sus sesiones; la próxima vez que entre, el portal le pedirá otra.\n\n" +
			"Si no lo esperaba, llámenos."},
		factorsReset: line{"Se quitó su segundo paso en %s", "La clínica quitó todo lo que confirma por segunda vez quién es usted: autenticador, códigos, llaves de acceso y dispositivos recordados. Se cerraron todas sus sesiones. Entre con su contraseña y vuelva a activar un segundo paso.\n\n" +
			"Si no lo pidió, llámenos enseguida."},
	},
}

func accessWordsFor(language string) accessWords {
	if w, ok := accessLetters[language]; ok {
		return w
	}
	return accessLetters["en"]
}
