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
		verifyText: "Someone set up access with this address and chose a password. Only if that was you, enter this code or use the link: whoever knows that password can then sign in.\n\n" +
			"The code works for 30 minutes, the link for 24 hours. If it wasn't you, don't use them, and call us.",
		verifyLabel:  "Confirm my email",
		resetSubject: "Choose a new password for %s",
		resetText: "Someone, most likely you, asked for a new password. The link works once, for 30 minutes.\n\n" +
			"If it wasn't you, do nothing: your password stays as it is.",
		resetLabel:  "Choose a new password",
		openSubject: "Choose your password for %s",
		openText: "Access was set up with this address, but you can't sign in yet. Use the link to choose your own password; after that you can sign in. It works once, for 30 minutes. A password chosen earlier does not work.\n\n" +
			"If you don't want access, do nothing. If you didn't ask for it, call us.",
		changedSubject:  "Your password for %s was changed",
		changedText:     "Your password was changed just now, and you were signed out everywhere.\n\nIf it wasn't you, call us.",
		changedHereText: "Your password was changed just now, and you were signed out everywhere else.\n\nIf it wasn't you, call us.",
		codeSubject:     "Your code for %s",
		codeText: "Enter this code on the page that asked for it. It works once, for a few minutes.\n\n" +
			"Nobody from the clinic will ever ask you for it. If you didn't ask for this code, change your password and call us: someone else may know it.",

		signInSubject: "Your link to sign in to %s",
		signInText: "Someone asked for a link to sign in with this address. We don't know who it was. If it was you, use the link or enter the code on the page where you asked for it. Only one of them works, once, for 15 minutes.\n\n" +
			"Never forward this email, and don't tell anyone the code: whoever has it may be able to sign in as you. If it wasn't you, do nothing.",
		signInLabel:     "Sign in",
		newEmailSubject: "Confirm your new email for %s",
		newEmailText: "Someone wants to sign in with this address from now on. If it's you, enter this code on the page that asked for it, together with the one we sent to your old address. It works once, for 30 minutes.\n\n" +
			"If it wasn't you, do nothing.",
		oldEmailSubject: "Do you want to change your email for %s?",
		oldEmailText: "Someone who is signed in to your account wants to sign in with another address from now on. Only if it's you, enter this code on the page that asked for it. It works once, for 30 minutes.\n\n" +
			"If it wasn't you, don't tell anyone the code, change your password and call us. Without the code, nothing changes.",
		takenSubject: "Someone wanted to use your email for %s",
		takenText: "Someone who is signed in to another account wanted to use this address for it. That isn't possible, because the address belongs to your account. Nothing has changed.\n\n" +
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
		openText: "Se activó un acceso con esta dirección, pero todavía no puede entrar. Use el enlace para elegir su propia contraseña; después podrá entrar. Sirve una sola vez, durante 30 minutos. Una contraseña elegida antes no sirve.\n\n" +
			"Si no quiere el acceso, no haga nada. Si no lo pidió, llámenos.",
		changedSubject:  "Se cambió su contraseña de %s",
		changedText:     "Su contraseña se cambió hace un instante y se cerraron todas sus sesiones.\n\nSi no fue usted, llámenos.",
		changedHereText: "Su contraseña se cambió hace un instante y se cerraron sus demás sesiones.\n\nSi no fue usted, llámenos.",
		codeSubject:     "Su código para %s",
		codeText: "Escriba este código en la página que lo pidió. Sirve una sola vez, durante unos minutos.\n\n" +
			"Nadie de la clínica se lo pedirá nunca. Si no pidió este código, cambie su contraseña y llámenos: es posible que alguien más la sepa.",

		signInSubject: "Su enlace para entrar a %s",
		signInText: "Alguien pidió un enlace para entrar con esta dirección. No sabemos quién fue. Si fue usted, use el enlace o escriba el código en la página donde lo pidió. Solo sirve uno de los dos, una vez, durante 15 minutos.\n\n" +
			"No reenvíe nunca este correo ni diga el código a nadie: quien lo tenga podría entrar como si fuera usted. Si no fue usted, no haga nada.",
		signInLabel:     "Entrar",
		newEmailSubject: "Confirme su correo nuevo para %s",
		newEmailText: "Alguien quiere entrar con esta dirección a partir de ahora. Si es usted, escriba este código en la página que lo pide, junto con el que enviamos a su dirección anterior. Sirve una sola vez, durante 30 minutos.\n\n" +
			"Si no fue usted, no haga nada.",
		oldEmailSubject: "¿Quiere cambiar su correo para %s?",
		oldEmailText: "Alguien que entró a su cuenta quiere entrar con otra dirección a partir de ahora. Solo si es usted, escriba este código en la página que lo pide. Sirve una sola vez, durante 30 minutos.\n\n" +
			"Si no fue usted, no diga el código a nadie, cambie su contraseña y llámenos. Sin el código no cambia nada.",
		takenSubject: "Alguien quiso usar su correo para %s",
		takenText: "Alguien que entró a otra cuenta quiso usar esta dirección para ella. No es posible, porque la dirección pertenece a la cuenta de usted. No cambió nada.\n\n" +
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
			"Open the link and enter the date of birth of the person whose care it is about. The link works once, for %[2]d hours. If it is too old, the page can send you a new one.\n\n" +
			"If you didn't expect this, do nothing. Without this link, nobody can use the invitation.",
		inviteLabel: "Accept the invitation",
		byClinic:    "the clinic",
		byFamily:    "someone close to you",
		invited: line{"Someone was invited at %s", "Someone was invited to see or do things in the portal for a person you act for. If you have full access, the portal shows you who it is, under “Family and access”.\n\n" +
			"If you didn't expect this, call us."},
		given: line{"Access was given at %s", "Someone can now see or do more in the portal for a person you act for. If you have full access, the portal shows you who it is, under “Family and access”.\n\n" +
			"If you didn't expect this, call us."},
		ended: line{"Access was ended at %s", "Someone can no longer act in the portal for a person you act for, or an invitation was taken back. If you have full access, the portal shows you who still has access, under “Family and access”.\n\n" +
			"If you didn't expect this, call us."},
		lost: line{"Your access at %s has changed", "You can no longer see or do anything in the portal for one of the people you had access to. Nothing else about your account has changed.\n\n" +
			"If you didn't expect this, call us."},
		suspended: line{"Your account at %s is switched off for now", "The clinic has switched off your account for now, and you were signed out everywhere.\n\nCall us if you think it should be on."},
		resumed:   line{"Your account at %s is on again", "The clinic has switched your account on again. Go to the sign-in page to use it.\n\nIf you didn't expect this, or if something is missing, call us."},
		unlocked:  line{"You can sign in at %s again", "The clinic has lifted the pause on your account. You can sign in again.\n\nIf you didn't ask for this, call us."},
		signedOut: line{"You were signed out at %s", "The clinic has signed you out on every device. You can sign in again.\n\nIf you didn't expect this, call us."},
		mustChange: line{"Choose a new password for %s", "The clinic asks you to choose a new password. You were signed out everywhere. The next time you sign in, the portal asks you to choose it.\n\n" +
			"If you didn't expect this, call us."},
		factorsReset: line{"Your second step at %s was removed", "The clinic has removed your second step, recovery codes, passkeys and remembered devices. You were signed out everywhere. Sign in with your password and set up a second step again.\n\n" +
			"If you didn't ask for this, call us right away."},
	},
	"es": {
		language:      "es",
		inviteSubject: "Su invitación al portal de %s",
		inviteText: "Recibió una invitación al portal de clientes de parte de %[1]s.\n\n" +
			"Abra el enlace y escriba la fecha de nacimiento de la persona de cuya atención se trata. El enlace sirve una sola vez, durante %[2]d horas. Si ya venció, la página puede enviarle otro.\n\n" +
			"Si no la esperaba, no haga nada. Sin este enlace, nadie puede usar la invitación.",
		inviteLabel: "Aceptar la invitación",
		byClinic:    "la clínica",
		byFamily:    "una persona cercana a usted",
		invited: line{"Se invitó a alguien en %s", "Se invitó a alguien a ver o hacer cosas en el portal por una persona por la que usted actúa. Si usted tiene acceso completo, el portal le muestra quién es, en “Familia y acceso”.\n\n" +
			"Si no lo esperaba, llámenos."},
		given: line{"Se dio acceso en %s", "Ahora alguien puede ver o hacer más en el portal por una persona por la que usted actúa. Si usted tiene acceso completo, el portal le muestra quién es, en “Familia y acceso”.\n\n" +
			"Si no lo esperaba, llámenos."},
		ended: line{"Se terminó un acceso en %s", "Alguien ya no puede actuar en el portal por una persona por la que usted actúa, o se retiró una invitación. Si usted tiene acceso completo, el portal le muestra quién conserva el acceso, en “Familia y acceso”.\n\n" +
			"Si no lo esperaba, llámenos."},
		lost: line{"Cambió su acceso en %s", "Ya no puede ver ni hacer nada en el portal por una de las personas a cuyo expediente tenía acceso. No cambió nada más en su cuenta.\n\n" +
			"Si no lo esperaba, llámenos."},
		suspended: line{"Su cuenta en %s está desactivada por ahora", "La clínica desactivó su cuenta por ahora y se cerraron todas sus sesiones.\n\nLlámenos si cree que debería estar activa."},
		resumed:   line{"Su cuenta en %s está activa de nuevo", "La clínica activó de nuevo su cuenta. Vaya a la página de acceso para usarla.\n\nSi no lo esperaba, o si le falta algo, llámenos."},
		unlocked:  line{"Ya puede entrar de nuevo a %s", "La clínica quitó la pausa de su cuenta. Ya puede entrar.\n\nSi no lo pidió, llámenos."},
		signedOut: line{"Se cerraron sus sesiones en %s", "La clínica cerró sus sesiones en todos los dispositivos. Puede entrar de nuevo.\n\nSi no lo esperaba, llámenos."},
		mustChange: line{"Elija una contraseña nueva para %s", "La clínica le pide que elija una contraseña nueva. Se cerraron todas sus sesiones. La próxima vez que entre, el portal le pedirá que la elija.\n\n" +
			"Si no lo esperaba, llámenos."},
		factorsReset: line{"Se quitó su segundo paso en %s", "La clínica quitó su segundo paso, sus códigos de recuperación, sus llaves de acceso y los dispositivos recordados. Se cerraron todas sus sesiones. Entre con su contraseña y vuelva a activar un segundo paso.\n\n" +
			"Si no lo pidió, llámenos enseguida."},
	},
}

func accessWordsFor(language string) accessWords {
	if w, ok := accessLetters[language]; ok {
		return w
	}
	return accessLetters["en"]
}
