// The sign-in pages of staff and owners: the password, a second step when there is one, or a passkey instead of both. The server
// decides everything; this page turns its reasons into sentences.

import { clinic, post, portal, reasonOf, sentence } from "./api.js";
import { askPasskey, factorStep, passkeySentence, passkeysWork } from "./proof.js";

const PAGES = {
    "#/staff-login": { collection: "staff", title: "Staff sign in", other: "#/owner-login", otherTitle: "Owner sign in" },
    "#/owner-login": { collection: "_superusers", title: "Owner sign in", other: "#/staff-login", otherTitle: "Work at the clinic? Sign in here" },
};

export default function signIn() {
    const { collection, title, other, otherTitle } = PAGES[location.hash] || PAGES["#/staff-login"];
    app.store.title = title;
    const form = store({ email: "", password: "", asked: null, shown: false, busy: false, problem: "" });
    if (sessionStorage.getItem("anteroom.signedout")) form.problem = "You were signed out. Sign in again to go on.";

    // enter takes an answer of ours; its token becomes the dashboard's own sign-in by asking for the person's record.
    async function enter({ tokens }) {
        await app.pb.collection(collection).authRefresh({ headers: { Authorization: tokens.accessToken }, requestKey: null });
        await welcome();
    }

    async function welcome() {
        sessionStorage.removeItem("anteroom.signedout");
        const { session } = await portal("auth/session").catch(() => ({ session: { mustDo: [] } })); // the next page asks again
        app.toasts.removeAll?.();
        location.hash = session.mustDo.includes("change_password") ? "#/new-password" : "#/desk";
    }

    async function attempt(act) {
        if (form.busy) return;
        Object.assign(form, { busy: true, problem: "" });
        try {
            await act();
        } catch (err) {
            if (reasonOf(err) == "MFA_REQUIRED") form.asked = err.response.error.details;
            else form.problem = passkeySentence(err);
        }
        form.busy = false;
    }

    const submit = (e) => {
        e.preventDefault();
        attempt(async () => {
            // in the body: other options of the SDK land in the address, and addresses are logged
            await app.pb.collection(collection).authWithPassword(form.email, form.password, { body: { identity: form.email, password: form.password }, requestKey: null });
            await welcome();
        });
    };

    const finishPasskey = async (shown) => enter(await post(portal, "auth/passkeys/authenticate/finish", shown));
    const finish = (shown) => (shown.challengeId ? finishPasskey(shown) : post(portal, "auth/login", shown).then(enter));

    function startAgain(problem) {
        Object.assign(form, { asked: null, password: "", problem });
        setTimeout(() => document.getElementById("staff_password")?.focus(), 0);
    }

    const problem = () => (form.problem ? t.div({ rid: form.problem, className: "col-12" }, t.div({ className: "alert danger", role: "alert" }, form.problem)) : null);

    const passwordStep = () => t.form({ rid: "password", className: "grid desk-form", onsubmit: submit },
        problem,
        t.div({ className: "col-12" }, t.div({ className: "field" },
            t.label({ htmlFor: "staff_email" }, "Email"),
            t.input({ id: "staff_email", type: "email", required: true, autofocus: true, autocomplete: "username",
                value: () => form.email, oninput: (e) => (form.email = e.target.value) }))),
        t.div({ className: "col-12" }, t.div({ className: "fields" },
            t.div({ className: "field" },
                t.label({ htmlFor: "staff_password" }, "Password"),
                t.input({ id: "staff_password", type: () => (form.shown ? "text" : "password"), required: true, autocomplete: "current-password",
                    value: () => form.password, oninput: (e) => (form.password = e.target.value) })),
            t.div({ className: "field addon" },
                t.button({ type: "button", className: "btn sm transparent secondary", ariaPressed: () => String(form.shown), onclick: () => (form.shown = !form.shown) },
                    t.span({ className: "txt" }, () => (form.shown ? "Hide" : "Show")))))),
        t.div({ className: "col-12" },
            t.button({ type: "submit", className: () => `btn lg block ${form.busy ? "loading" : ""}`, ariaDisabled: () => String(form.busy) },
                t.span({ className: "txt" }, "Sign in"))),
        () => (passkeysWork() ? t.div({ rid: "passkey", className: "col-12" },
            t.button({ type: "button", className: "btn lg block secondary", onclick: () => attempt(async () => finishPasskey(await askPasskey())) },
                t.i({ className: "ri-fingerprint-line", ariaHidden: true }), t.span({ className: "txt" }, "Use a passkey"))) : null));

    return t.div({ pbEvent: "pageStaffLogin", className: "wrapper sm m-auto p-b-base" },
        t.header({ className: "txt-center m-b-base" },
            t.img({ className: "main-logo", src: () => app.store.mainLogo, alt: "" }),
            t.h1({ className: "desk-title m-t-10" }, title),
            t.p({ className: "desk-quiet" }, () => clinic.name || "\u00a0")),
        () => (form.asked ? t.div({ rid: "factor" + form.asked.mfaToken }, factorStep({ asked: form.asked, finish, restart: startAgain, yes: "Sign in", remember: true })) : passwordStep()),
        t.div({ className: "txt-center m-t-base" },
            t.a({ href: other, className: "link-hint" }, otherTitle)));
}
