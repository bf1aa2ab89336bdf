// Your sign-in: what staff and owners do with their own password, second steps, passkeys and sessions. Each of
// these is asked for again after every change: the server may have ended more than was asked for.

import { portal, post, remove, sentence } from "./api.js";
import { ask, field, open, titleId } from "./dialog.js";
import { changePassword } from "./password.js";
import { button, makePasskey, passkeySentence, passkeysWork, prove, withProof } from "./proof.js";
import { METHODS, PLACES, many, sayDevice, sayInstant, sayInstantsDay, sayMinutes, sayWay } from "./words.js";

const yours = store({ factors: null, passkeys: null, sessions: null, problem: "" });

async function load() {
    yours.problem = "";
    try {
        const [factors, { passkeys }, sessions] = await Promise.all([portal("auth/mfa"), portal("auth/passkeys"), portal("auth/sessions")]);
        Object.assign(yours, { factors, passkeys, sessions });
    } catch (err) {
        if (!err.isAbort && err.status != 401) yours.problem = sentence(err);
    }
}

// act does something, says so and asks again. It gives the sentence of a refusal, for a dialog to show.
async function act(request, done) {
    try {
        const answer = await withProof(request);
        if (done) app.toasts.success(done);
        load();
        return { answer };
    } catch (err) {
        return { problem: passkeySentence(err) };
    }
}

// at once, without a dialog of its own
const now = (request, done) => act(request, done).then(({ problem, answer }) => {
    if (problem) app.toasts.error(problem);
    return answer;
});

// ---- second steps

function showCodes(codes) {
    const id = titleId();
    const state = store({ copied: "" });
    const copy = () => navigator.clipboard.writeText(codes.join("\n")).then(() => (state.copied = "Copied."), () => (state.copied = "Copying did not work. Write them down."));
    const element = t.dialog({ className: "desk-dialog", "html-aria-labelledby": id, onclose: () => element.remove(), oncancel: (e) => e.preventDefault() },
        t.h2({ id, className: "desk-dialog-title", tabIndex: -1 }, "Your recovery codes"),
        t.p(null, "Each works once in place of your second step, for example if you lose your phone. Print them or write them down. They are shown only now, and older ones no longer work."),
        t.ul({ className: "desk-codes" }, ...codes.map((code) => t.li(null, code))),
        t.p({ className: "desk-quiet", role: "status" }, () => state.copied),
        t.div({ className: "desk-dialog-acts" }, button("I have kept them", () => element.close(), ""), button("Copy", copy)));
    open(element);
    element.querySelector("h2").focus();
}

// The last thing of setting up: a code that proves that it works.
const enableWith = (method, done) => async ({ code }) => {
    const { problem, answer } = await act(() => post(portal, `auth/mfa/${method}/enable`, { code: code.replaceAll(" ", "") }), done);
    if (answer?.recoveryCodes) setTimeout(() => showCodes(answer.recoveryCodes), 0);
    return problem;
};

const codeField = (label) => field(label, "", t.input({ type: "text", name: "code", required: true, maxLength: 20, inputMode: "numeric", autocomplete: "one-time-code" }));

async function setUpTOTP() {
    const key = await now(() => post(portal, "auth/mfa/totp/setup"));
    if (!key) return;
    ask({
        title: "Set up an authenticator app",
        body: ["1. Open an authenticator app on your phone and scan this picture."],
        fields: [
            t.p({ className: "desk-qr" }, t.img({ src: key.qrPng, width: 200, height: 200, alt: "QR code of the key below" })),
            t.p(null, "Can't scan it? Enter this key in the app:", t.code({ className: "desk-key" }, key.secret.match(/.{1,4}/g).join(" "))),
            t.p(null, "2. Enter the six digits the app shows now."),
            codeField("Code from the app"),
        ],
        yes: "Turn it on", no: "Cancel", act: enableWith("totp", "The authenticator app is on."),
    });
}

async function setUpEmail() {
    const sent = await now(() => post(portal, "auth/mfa/email/setup"));
    if (!sent) return;
    ask({
        title: "Codes by email", body: [`We sent a code to ${app.store.superuser.email}. It works for ${sayMinutes(sent.expiresIn * 1000)}.`],
        fields: [codeField("Code from the email")], yes: "Turn it on", no: "Cancel", act: enableWith("email", "Email codes are on."),
    });
}

async function turnOff(method) {
    const answer = await prove({
        title: `Turn off: ${METHODS[method]}`, words: ["Enter your password, then a code from one of your second steps. You are signed out everywhere else."], yes: "Turn it off", passkeys: false,
        send: ({ password, mfaToken, mfaCode, method: codeMethod }) => post(portal, "auth/mfa/disable", { method, password, mfaToken, mfaCode, codeMethod }),
    });
    if (!answer) return;
    app.toasts.success(answer.enabled ? "It is off. Your other second step stays on." : "It is off. Only your password protects your sign-in now.");
    load();
}

async function newCodes() {
    ask({ title: "Make new recovery codes?", body: ["The codes you have now stop working, and you are signed out everywhere else."], yes: "Make new codes", no: "Keep them",
        act: async () => {
            const { problem, answer } = await act(() => post(portal, "auth/mfa/recovery-codes"));
            if (answer) setTimeout(() => showCodes(answer.recoveryCodes), 0);
            return problem;
        } });
}

const line = (key, what, about, ...acts) => t.li({ rid: key, className: "desk-line" },
    t.div(null, t.strong(null, what), about ? t.span({ className: "desk-sub" }, about) : null), t.div({ className: "desk-controls" }, ...acts.filter(Boolean)));
const small = (words, label, onclick, tone = "sm secondary") => button(words, onclick, tone, label ? { ariaLabel: label } : {});
const used = (one) => (one.lastUsedAt ? `last used ${sayInstant(one.lastUsedAt)}` : "not used yet");

function secondSteps() {
    const { policy, factors, enabled, recoveryCodesLeft } = yours.factors;
    const on = (method) => factors.some((f) => f.method == method);
    const state = enabled ? "On. After your password we ask for one of these." : policy == "required" ? "The clinic asks for a second step. Until you set one up, we email you a code each time."
        : "Off. With a second step, a stolen password alone opens nothing.";
    return t.section({ rid: "steps" + JSON.stringify(yours.factors), className: "desk-card", "html-aria-labelledby": "yours_steps" },
        t.h2({ id: "yours_steps", className: "desk-heading" }, "Second step"),
        t.p(null, policy == "off" && !enabled ? "The clinic does not use second steps." : state),
        t.ul({ className: "desk-lines" },
            ...factors.map((f) => line(f.method, METHODS[f.method], [f.hint, `on since ${sayInstantsDay(f.enabledAt)}`, used(f)].filter(Boolean).join(", "),
                small("Turn off", `Turn off: ${METHODS[f.method]}`, () => turnOff(f.method)))),
            enabled ? line("codes", "Recovery codes", `${many(recoveryCodesLeft, "code", "codes")} left`, small("Make new codes", "", newCodes)) : null),
        policy == "off" ? null : t.div({ className: "desk-acts" },
            on("totp") ? null : button("Set up an authenticator app", setUpTOTP, enabled ? "secondary" : ""),
            on("email") ? null : button("Use email codes", setUpEmail)));
}

// ---- passkeys

const passkeyName = (title, name, yes, send, done) => ask({ title, fields: [field("Name", "So that you recognize it, for example “My laptop”.", t.input({ type: "text", name: "name", required: true, maxLength: 100, value: name }))],
    yes, no: "Cancel", act: async (entered) => (await act(() => send(entered.name.trim()), done)).problem });

const addPasskey = () => passkeyName("Add a passkey", "", "Go on",
    async (name) => post(portal, "auth/passkeys/register/finish", { ...(await makePasskey()), name }), "The passkey is added.");

const renamePasskey = (key) => passkeyName("Rename the passkey", key.name, "Rename",
    (name) => portal("auth/passkeys/" + key.id, { method: "PATCH", body: { name } }), "Renamed.");

const removePasskey = (key) => ask({ title: `Remove the passkey “${key.name}”?`, body: ["You can't sign in with it any more, and you are signed out everywhere else. Your device may still show it until you delete it there."],
    yes: "Remove it", no: "Keep it", tone: "danger", act: async () => (await act(() => remove(portal, "auth/passkeys/" + key.id), "The passkey is removed.")).problem });

function passkeys() {
    return t.section({ rid: "keys" + JSON.stringify(yours.passkeys), className: "desk-card", "html-aria-labelledby": "yours_keys" },
        t.h2({ id: "yours_keys", className: "desk-heading" }, "Passkeys"),
        t.p(null, "A passkey signs you in with your fingerprint, face or screen lock, without a password or code."),
        yours.passkeys.length ? t.ul({ className: "desk-lines" }, ...yours.passkeys.map((key) => line(key.id, key.name,
            [`added ${sayInstantsDay(key.createdAt)}`, used(key), key.deviceType == "synced" ? "can be on several of your devices" : "on one device"].join(", "),
            small("Rename", `Rename the passkey ${key.name}`, () => renamePasskey(key)),
            small("Remove", `Remove the passkey ${key.name}`, () => removePasskey(key))))) : t.p({ className: "desk-quiet" }, "You have none."),
        passkeysWork() ? t.div({ className: "desk-acts" }, button("Add a passkey", addPasskey))
            : t.p({ className: "desk-quiet" }, "You can't add a passkey in this browser or at this address."));
}

// ---- sessions

const signOut = (s) => now(() => remove(portal, "auth/sessions/" + s.id), "Signed out there.");
const signOutOthers = () => ask({ title: "Sign out everywhere else?", body: ["Every other browser has to sign in again, with the second step."], yes: "Sign out everywhere else", no: "Not now",
    act: async () => (await act(() => remove(portal, "auth/sessions/others"), "You are signed out everywhere else.")).problem });
const forget = (d) => now(() => remove(portal, "auth/devices/" + d.id), "We'll ask for the second step there again.");

function sessions() {
    const { sessions: list, devices } = yours.sessions;
    return t.section({ rid: "sessions" + JSON.stringify(yours.sessions), className: "desk-card", "html-aria-labelledby": "yours_sessions" },
        t.h2({ id: "yours_sessions", className: "desk-heading" }, "Where you are signed in"),
        t.ul({ className: "desk-lines" }, ...list.map((s) => line(s.id, sayDevice(s) + (s.current ? " (this one)" : ""),
            [PLACES[s.place], s.ipAddress, sayWay(s.method) && `by ${sayWay(s.method)}`, `active ${sayInstant(s.lastActivity)}`].filter(Boolean).join(", "),
            s.current ? null : small("Sign out", `Sign out ${sayDevice(s)}, active ${sayInstant(s.lastActivity)}`, () => signOut(s))))),
        list.length > 1 ? t.div({ className: "desk-acts" }, button("Sign out everywhere else", signOutOthers)) : null,
        devices.length ? [t.h3({ className: "desk-heading m-t-sm" }, "Browsers that need no second step"),
            t.ul({ className: "desk-lines" }, ...devices.map((d) => line(d.id, sayDevice(d) + (d.current ? " (this one)" : ""), `until ${sayInstantsDay(d.expiresAt)}`,
                small("Ask there again", `Ask for the second step again: ${sayDevice(d)}, until ${sayInstantsDay(d.expiresAt)}`, () => forget(d)))))] : null);
}

// ---- the page

export default function yourSignIn() {
    app.store.title = "Your sign-in";
    Object.assign(yours, { factors: null, passkeys: null, sessions: null, problem: "" });
    return t.div({ pbEvent: "yourSignIn", className: "page desk", onmount: () => { load(); } },
        t.div({ className: "page-content full-height" },
            t.header({ className: "page-header" }, t.h1({ className: "desk-title" }, "Your sign-in", t.span(null, () => app.store.superuser?.email))),
            () => (yours.problem ? t.div({ rid: yours.problem, className: "alert warning m-b-sm", role: "alert" }, t.div({ className: "content" }, yours.problem), button("Try again", load, "sm secondary")) : null),
            t.div({ className: "desk-cards" },
                t.section({ className: "desk-card", "html-aria-labelledby": "yours_password" },
                    t.h2({ id: "yours_password", className: "desk-heading" }, "Password"),
                    t.p(null, "Change it if someone else may know it."),
                    t.div({ className: "desk-acts" }, button("Change password", () => changePassword(load)))),
                () => {
                    if (yours.factors) return [secondSteps(), passkeys(), sessions()];
                    return yours.problem ? null : t.div({ rid: "skeleton", className: "desk-skeleton", ariaBusy: "true", ariaLabel: "Loading", role: "img" }, t.span({ className: "skeleton-loader" }), t.span({ className: "skeleton-loader" }));
                }),
            t.footer({ className: "page-footer" }, app.components.credits())));
}
