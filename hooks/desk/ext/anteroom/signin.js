// The staff's sign-in page. The server decides everything; this page turns its reasons into sentences.

const SENTENCES = {
    INVALID_CREDENTIALS: "That email and password don't match. Check them and try again.",
    MFA_INVALID: "That code isn't right or is no longer valid. Enter the newest code.",
    EMAIL_NOT_VERIFIED: "Your email address is not confirmed yet. Ask an administrator for help.",
    ACCOUNT_CLOSED: "Your access is switched off. Ask an administrator for help.",
};

function sentence(err) {
    if (!err.status) return "We can't reach the server. Check the connection and try again.";
    const { details = {}, message } = err.response?.error || {};
    if (details.reason == "ACCOUNT_LOCKED" || err.status == 429) {
        const minutes = Math.max(1, Math.ceil((details.retryAfter || 60) / 60));
        return `Too many tries. For safety, sign-in is paused. Try again in ${minutes} minute${minutes > 1 ? "s" : ""}, or ask an administrator.`;
    }
    return SENTENCES[details.reason] || message || err.response?.message || "Something went wrong on our side. Try again in a moment.";
}

export default function signIn() {
    app.store.title = "Staff sign in";
    const form = store({ email: "", password: "", code: "", codeAsked: false, shown: false, busy: false, problem: "" });
    if (sessionStorage.getItem("anteroom.signedout")) form.problem = "You were signed out. Sign in again to go on.";

    const clinic = store({ name: "" });
    fetch("/api/v1/portal/config").then((r) => r.json()).then((answer) => (clinic.name = answer.data.clinicName)).catch(() => {}); // the page works without

    async function submit(e) {
        e.preventDefault();
        if (form.busy) return;
        form.busy = true;
        form.problem = "";
        sessionStorage.removeItem("anteroom.signedout");
        try {
            // in the body: other options of the SDK land in the address, and addresses are logged
            await app.pb.collection("staff").authWithPassword(form.email, form.password, {
                body: { identity: form.email, password: form.password, ...(form.codeAsked ? { mfaCode: form.code.replaceAll(" ", "") } : {}) },
                requestKey: null,
            });
            app.toasts.removeAll?.();
            location.hash = "#/desk";
        } catch (err) {
            if (err.response?.error?.details?.reason == "MFA_REQUIRED" && !form.codeAsked) {
                form.codeAsked = true;
                setTimeout(() => document.getElementById("staff_code")?.focus(), 0);
            } else {
                form.problem = sentence(err);
            }
        }
        form.busy = false;
    }

    return t.div({ pbEvent: "pageStaffLogin", className: "wrapper sm m-auto p-b-base" },
        t.header({ className: "txt-center m-b-base" },
            t.img({ className: "main-logo", src: () => app.store.mainLogo, alt: "" }),
            t.h1({ className: "desk-title m-t-10" }, "Staff sign in"),
            t.p({ className: "desk-quiet" }, () => clinic.name || "\u00a0")),
        t.form({ className: "grid desk-form", onsubmit: submit },
            () => (form.problem ? t.div({ className: "col-12" }, t.div({ className: "alert danger", role: "alert" }, form.problem)) : null),
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
            () => (form.codeAsked ? t.div({ rid: "code", className: "col-12" }, t.div({ className: "field" },
                t.label({ htmlFor: "staff_code" }, "Code from your app"),
                t.input({ id: "staff_code", type: "text", inputMode: "numeric", required: true, autocomplete: "one-time-code",
                    value: () => form.code, oninput: (e) => (form.code = e.target.value) }))) : null),
            t.div({ className: "col-12" },
                t.button({ type: "submit", className: () => `btn lg block ${form.busy ? "loading" : ""}`, ariaDisabled: () => String(form.busy) },
                    t.span({ className: "txt" }, "Sign in")))),
        t.div({ className: "txt-center m-t-base" },
            t.a({ href: "#/login?owner", className: "link-hint" }, "Owner sign in")));
}
