// Proof of who somebody is: the second step of a sign-in, and the question "is it still you?" before something that
// matters. Both show the same ways; the server says which, and judges what is shown.

import { clinic, post, portal, reasonOf, sentence } from "./api.js";
import { field, open, titleId } from "./dialog.js";
import { CODE_LABELS, METHODS, sayMethod, sayMinutes } from "./words.js";

// ---- passkeys: the browser does the work (W3C WebAuthn Level 3); here is only its JSON

// A passkey belongs to one domain and works nowhere else, not even at the same machine's other names.
export function passkeysWork() {
    const home = clinic.passkeyRpId, here = location.hostname;
    return !!home && (here == home || here.endsWith("." + home)) && !!window.PublicKeyCredential && window.isSecureContext;
}

const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
const withBytes = (list) => list?.map((one) => ({ ...one, id: bytes(one.id) }));

function requestOptions(json) {
    if (PublicKeyCredential.parseRequestOptionsFromJSON) return PublicKeyCredential.parseRequestOptionsFromJSON(json);
    return { ...json, challenge: bytes(json.challenge), allowCredentials: withBytes(json.allowCredentials) };
}

function creationOptions(json) {
    if (PublicKeyCredential.parseCreationOptionsFromJSON) return PublicKeyCredential.parseCreationOptionsFromJSON(json);
    return { ...json, challenge: bytes(json.challenge), user: { ...json.user, id: bytes(json.user.id) }, excludeCredentials: withBytes(json.excludeCredentials) };
}

function inJSON(credential) {
    if (credential.toJSON) return credential.toJSON();
    const { response: r } = credential;
    const response = { clientDataJSON: text(r.clientDataJSON) };
    for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
        if (r[name]) response[name] = text(r[name]);
    }
    if (r.getTransports) response.transports = r.getTransports();
    return { id: credential.id, rawId: text(credential.rawId), type: credential.type, response, clientExtensionResults: credential.getClientExtensionResults(),
        authenticatorAttachment: credential.authenticatorAttachment ?? undefined };
}

// Both give { challengeId, credential }, what every finishing route takes.
export async function askPasskey(body = {}) {
    const { challengeId, options } = await post(portal, "auth/passkeys/authenticate/begin", body);
    return { challengeId, credential: inJSON(await navigator.credentials.get({ publicKey: requestOptions(options.publicKey || options) })) };
}

export async function makePasskey() {
    const { challengeId, options } = await post(portal, "auth/passkeys/register/begin");
    return { challengeId, credential: inJSON(await navigator.credentials.create({ publicKey: creationOptions(options.publicKey || options) })) };
}

// What the browser itself says when nothing came of it is for developers.
const BROWSERS_WORDS = {
    NotAllowedError: "No passkey was used. Try again, or choose another way.",
    AbortError: "No passkey was used. Try again, or choose another way.",
    InvalidStateError: "This device already has a passkey for your account.",
    SecurityError: "Passkeys don't work at this address.",
    NotSupportedError: "This device can't make a passkey that works here.",
};
export function passkeySentence(err) {
    if (BROWSERS_WORDS[err?.name]) return BROWSERS_WORDS[err.name];
    if (typeof err?.status == "number") return sentence(err);
    console.error(err); // a mistake of ours, or a browser that is not like the others
    return "That does not work in this browser. Nothing was changed.";
}

// ---- small parts of forms

export const say = (state) => () => (state.problem ? t.div({ rid: state.problem, className: "alert danger m-t-10", role: "alert" }, state.problem) : null);

export const button = (words, onclick, tone = "secondary", more = {}) =>
    t.button({ type: "button", className: `btn ${tone}`, onclick, ...more }, t.span({ className: "txt" }, words));

let count = 0;

export function tick(words, props) {
    const id = "desk_tick_" + ++count;
    return t.div({ className: "field m-t-sm" }, t.input({ id, type: "checkbox", ...props }), t.label({ htmlFor: id }, words));
}

// choice is a group of radio buttons: [value, words] each.
export function choice(legend, name, options, { value, onchange, required = true } = {}) {
    return t.fieldset({ className: "desk-choice m-t-sm" }, t.legend(null, legend), ...options.map(([option, words]) => {
        const id = "desk_choice_" + ++count;
        return t.div({ className: "field" }, t.input({ id, type: "radio", name, value: option, required, checked: option == value, onchange: () => onchange?.(option) }),
            t.label({ htmlFor: id }, words));
    }));
}

// ---- the second step

// asked is what the refusal says: mfaToken, methods, hints. finish gets what the person shows and throws the server's
// refusal. restart is called with the reason when nothing can come of it any more.
export function factorStep({ asked, finish, restart, yes, remember = false, passkeys = true }) {
    const methods = (asked.methods || []).filter((m) => METHODS[m] && (m != "passkey" || (passkeys && passkeysWork())));
    const state = store({ method: methods[0] || "", code: "", remember: false, busy: false, problem: "", sent: "", sentTo: "" });
    const hints = asked.hints || {};
    const isSent = () => ["sms", "email"].includes(state.method);
    const focusCode = () => setTimeout(() => element.querySelector("input.desk-code")?.focus(), 0);

    async function attempt(prove) {
        if (state.busy) return;
        Object.assign(state, { busy: true, problem: "" });
        try {
            const shown = await prove();
            await finish(remember ? { ...shown, rememberDevice: state.remember } : shown);
        } catch (err) {
            if (reasonOf(err) == "MFA_EXPIRED") return restart(sentence(err));
            state.problem = passkeySentence(err);
            state.code = "";
            focusCode();
        } finally {
            state.busy = false;
        }
    }

    async function sendCode() {
        if (state.busy) return;
        Object.assign(state, { busy: true, problem: "", sent: "" });
        try {
            const { expiresIn } = await post(portal, "auth/mfa/challenge", { mfaToken: asked.mfaToken, method: state.method });
            Object.assign(state, { sentTo: state.method, sent: `We sent a code. It works for ${sayMinutes(expiresIn * 1000)}.` });
            focusCode();
        } catch (err) {
            if (reasonOf(err) == "MFA_EXPIRED") return restart(sentence(err));
            state.problem = sentence(err);
        } finally {
            state.busy = false;
        }
    }

    const submit = () => attempt(state.method == "passkey" ? () => askPasskey({ mfaToken: asked.mfaToken })
        : async () => ({ mfaToken: asked.mfaToken, mfaCode: state.code.trim(), method: state.method }));

    function codeField(method) {
        const code = field(CODE_LABELS[method], method == "recovery" ? "Each code works once." : "", t.input({ type: "text", className: "desk-code", required: true, maxLength: 40,
            inputMode: method == "recovery" ? "text" : "numeric", autocomplete: method == "recovery" ? "off" : "one-time-code", spellcheck: false,
            "html-aria-invalid": () => String(!!state.problem), value: () => state.code, oninput: (e) => (state.code = e.target.value) }));
        return t.div({ rid: "code" + method }, code);
    }

    const element = t.form({ className: "desk-form", onsubmit: (e) => { e.preventDefault(); submit(); } },
        t.h2({ className: "desk-dialog-title", tabIndex: -1 }, "One more step"),
        methods.length ? null : t.p(null, "None of your second steps works on this device. Ask an administrator for help."),
        methods.length > 1 ? choice("Show that it's you by", "method", methods.map((m) => [m, sayMethod(m, hints[m])]),
            { value: state.method, onchange: (m) => Object.assign(state, { method: m, code: "", problem: "", sent: "" }) }) : null,
        methods.length == 1 ? t.p(null, sayMethod(methods[0], hints[methods[0]])) : null,
        () => (isSent() ? t.p({ rid: "send" + state.method + state.sentTo, className: "m-t-sm" },
            button(state.sentTo == state.method ? "Send another code" : "Send the code", sendCode)) : null),
        t.p({ className: "desk-quiet", role: "status" }, () => state.sent || ""),
        () => (state.method && state.method != "passkey" ? codeField(state.method) : null),
        say(state),
        remember && methods.length ? tick("Don't ask again on this computer for some days. Only on a computer that nobody else uses.", { onchange: (e) => (state.remember = e.target.checked) }) : null,
        t.div({ className: "desk-dialog-acts" },
            methods.length ? t.button({ type: "submit", className: () => `btn ${state.busy ? "loading" : ""}`, ariaDisabled: () => String(state.busy) },
                t.span({ className: "txt" }, () => (state.method == "passkey" ? "Use my passkey" : yes))) : null,
            button("Start again", () => restart(""))));
    setTimeout(() => (element.querySelector("input.desk-code") || element.querySelector("h2")).focus(), 0);
    return element;
}

// ---- is it still you?

// prove asks for the password and, when the server wants it, a second step. send gets the body of each try and throws
// the refusal. It resolves to send's answer, or to undefined when the person gives up.
export function prove({ title, words, yes, send, passkeys = true }) {
    return new Promise((resolve) => {
        const id = titleId();
        const state = store({ asked: null, busy: false, problem: "" });
        let password = "", answer;

        const finish = async (body) => {
            answer = await send({ ...body, password: body.mfaToken || body.challengeId ? undefined : password });
            element.close();
        };

        async function attempt(give) {
            if (state.busy) return;
            Object.assign(state, { busy: true, problem: "" });
            try {
                await finish(await give());
            } catch (err) {
                if (reasonOf(err) == "MFA_REQUIRED") state.asked = err.response.error.details;
                else state.problem = passkeySentence(err);
            }
            state.busy = false;
        }

        const passwordStep = () => t.form({ rid: "password", className: "desk-form", onsubmit: (e) => { e.preventDefault(); attempt(async () => ({})); } },
            ...words.map((line) => t.p(null, line)),
            t.input({ type: "text", hidden: true, autocomplete: "username", value: app.store.superuser?.email || "" }), // password managers look for it
            field("Your password", "", t.input({ type: "password", className: "desk-code", required: true, autocomplete: "current-password", oninput: (e) => (password = e.target.value) })),
            say(state),
            t.div({ className: "desk-dialog-acts" },
                t.button({ type: "submit", className: () => `btn ${state.busy ? "loading" : ""}`, ariaDisabled: () => String(state.busy) }, t.span({ className: "txt" }, yes)),
                button("Cancel", () => element.close()),
                passkeys && passkeysWork() ? button("Use a passkey", () => attempt(askPasskey), "transparent secondary") : null));

        const element = t.dialog({ className: "desk-dialog", "html-aria-labelledby": id, onclose: () => { element.remove(); resolve(answer); } },
            t.h2({ id, className: "desk-dialog-title", tabIndex: -1 }, title),
            () => (state.asked ? t.div({ rid: "factor" }, factorStep({ asked: state.asked, yes, passkeys, finish,
                restart: (problem) => Object.assign(state, { asked: null, problem }) })) : passwordStep()));
        open(element);
        setTimeout(() => element.querySelector("input[type=password]")?.focus(), 0); // reactive parts come a moment later
    });
}

// withProof sends a request again after the person has shown once more who they are, if the server asks for that.
export async function withProof(request) {
    try {
        return await request();
    } catch (err) {
        if (reasonOf(err) != "REAUTHENTICATION_REQUIRED") throw err;
        const proof = await prove({ title: "Is it still you?", words: ["Before you go on, show once more that it's you."], yes: "Continue",
            send: (body) => post(portal, "auth/reauthenticate", body) });
        if (!proof) throw err;
        return request();
    }
}
