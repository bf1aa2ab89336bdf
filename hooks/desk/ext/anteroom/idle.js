// Keeps the session of staff or owner alive while somebody works, warns before it ends, and renews its token. The server enforces
// both limits; this only makes them humane.

import { portal, post } from "./api.js";
import { open, titleId } from "./dialog.js";
import { button } from "./proof.js";
import { sayMinutes } from "./words.js";

const MINUTE = 60000;
const LOOK = 30 * 1000; // timers sleep with the computer: look often enough to notice having slept
const WARN = 2 * MINUTE; // before the end, for limits of the usual length
const SIGN_OF_LIFE = 2 * MINUTE; // typing starts the idle limit anew, at most this often
const RENEW = 30 * MINUTE; // before the token's end

let idleAt = 0, endAt = 0; // by this computer's clock
let idleLength = 15 * MINUTE;
let lastCounted = 0; // when the server last saw a sign of life
let lastSeen = 0; // when somebody was here
let timer, warning;
let accepted = 0; // the end that somebody has been told of and does not mind

const somebody = () => !!app.store.superuser; // staff or owner
const quietly = { headers: { "X-Background": "1" } }; // nobody asked: no sign of life

// The answer's own date makes limits independent of this computer's clock, which is often minutes off.
let serversNow = Date.now;
export function heard(response, options) {
    const date = Date.parse(response.headers.get("Date"));
    if (date) {
        const skew = date - Date.now();
        serversNow = () => Date.now() + (Math.abs(skew) < 2000 ? 0 : skew);
    }
    if (!options?.headers?.["X-Background"]) lastCounted = Date.now();
}

function learn({ idleExpiresAt, absoluteExpiresAt }, fresh) {
    const skew = serversNow() - Date.now();
    idleAt = Date.parse(idleExpiresAt) - skew;
    endAt = Date.parse(absoluteExpiresAt) - skew;
    if (fresh && idleAt < endAt) idleLength = idleAt - Date.now();
}

const part = (most) => Math.min(most, idleLength / 5); // of a limit that is short
const left = () => Math.min(idleAt, endAt) - Date.now();

// ask asks how long the session has; a session that is over answers 401, and the page is cleared by that.
const ask = () => portal("auth/session", quietly).then(({ session }) => learn(session));
const extend = () => post(portal, "auth/session/extend").then((session) => learn(session, true));

// Typing is work too: who fills in a long record for a quarter of an hour must not be signed out when saving it. Once
// the warning stands, only its button counts: somebody else may have sat down.
function alive() {
    lastSeen = Date.now();
    if (!somebody() || warning || lastSeen - lastCounted < part(SIGN_OF_LIFE)) return;
    lastCounted = lastSeen;
    extend().catch(() => {});
}

function expiryOf(token) {
    try {
        return JSON.parse(atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/"))).exp * 1000 - (serversNow() - Date.now());
    } catch {
        return 0;
    }
}

// A token lives for an hour, a session for a working day. Who is away needs no new one.
async function renew() {
    const end = expiryOf(app.pb.authStore.token);
    if (Date.now() - lastSeen > SIGN_OF_LIFE || end - Date.now() > RENEW || end > endAt - MINUTE) return;
    await app.pb.collection(app.store.superuser.collectionName).authRefresh({ ...quietly, requestKey: null });
}

async function look() {
    clearTimeout(timer);
    timer = setTimeout(look, LOOK);
    if (!somebody()) return warning?.close();
    try {
        if (left() <= part(WARN) && !warning) await ask(); // another tab may have moved the limit: ask before disturbing
        await renew();
    } catch {
        // out of reach: what is known counts
    }
    if (!somebody()) return warning?.close();
    if (!endAt) return; // nothing is known yet: the next look asks again
    if (left() <= 0) return over();
    if (left() > part(WARN)) return warning?.close();
    if (!warning && accepted != endAt) warn();
    warning?.tell();
    clearTimeout(timer);
    timer = setTimeout(look, Math.min(1000, left()));
}

async function over() {
    await ask().catch(() => {}); // not if another tab has gone on
    if (!somebody() || left() > 0) return;
    sessionStorage.setItem("anteroom.signedout", "1"); // the sign-in page says why
    warning?.close();
    app.pb.authStore.clear();
}

// The moments worth saying aloud: each minute, then 30 and 10 seconds.
const spoken = (ms) => (ms > MINUTE ? sayMinutes(ms) : ms > 30000 ? "1 minute" : ms > 10000 ? "30 seconds" : "10 seconds");

function warn() {
    const id = titleId();
    const forGood = endAt <= idleAt; // the end of the working day, which nothing moves
    const state = store({ left: spoken(left()), problem: "" });
    const stay = () => extend().then(look).catch(() => (state.problem = "We can't reach the server. Try again."));
    warning = t.dialog({ className: "desk-dialog", role: "alertdialog", "html-aria-labelledby": id, "html-aria-describedby": id + "_words",
        oncancel: (e) => { e.preventDefault(); if (!forGood) stay(); },
        onclose: () => { warning.remove(); warning = null; } },
    t.h2({ id, className: "desk-dialog-title", tabIndex: -1 }, forGood ? "Your sign-in ends soon" : "Are you still there?"),
    t.p({ id: id + "_words", role: "status" }, () => forGood ? `You have been signed in for a long time. In ${state.left} you will have to sign in again. Save what you are writing.`
        : `To protect clients' privacy we'll sign you out in ${state.left}.`),
    () => (state.problem ? t.div({ className: "alert danger m-t-10", role: "alert" }, state.problem) : null),
    t.div({ className: "desk-dialog-acts" },
        forGood ? button("Keep working until then", () => { accepted = endAt; warning.close(); }, "") : button("Stay signed in", stay, ""),
        button("Sign out now", () => app.pb.authStore.clear())));
    warning.tell = () => (state.left = spoken(left()));
    open(warning);
    warning.querySelector("button").focus();
}

export function keepSession() {
    for (const kind of ["keydown", "pointerdown"]) document.addEventListener(kind, alive, { capture: true, passive: true });
    document.addEventListener("visibilitychange", () => document.hidden || look());
    let who;
    watch(() => app.store.superuser?.id, () => {
        if (who == app.store.superuser?.id) return;
        who = app.store.superuser?.id;
        idleAt = endAt = 0; // nothing is known of another person's session
        look();
    });
}
