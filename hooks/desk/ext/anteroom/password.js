// Choosing another password: by one's own wish, or because the clinic asked for it before anything else.

import { post, portal, sentence } from "./api.js";
import { ask, field } from "./dialog.js";

const DONE = "Your password is changed. You are signed out everywhere else.";
const MISMATCH = "The two new passwords are not the same.";

// The old token ends with the old password; the answer carries the one to go on with.
async function change({ current, fresh, again }) {
    if (fresh != again) return MISMATCH;
    try {
        const { accessToken } = await post(portal, "auth/change-password", { currentPassword: current, newPassword: fresh });
        app.pb.authStore.save(accessToken, { ...app.pb.authStore.record, force_password_change: false });
    } catch (err) {
        return sentence(err);
    }
}

const fields = () => [
    t.input({ type: "text", hidden: true, autocomplete: "username", value: app.store.superuser?.email || "" }), // password managers look for it
    field("Current password", "", t.input({ type: "password", name: "current", required: true, autocomplete: "current-password" })),
    field("New password", "Length counts most: use a few words that only you would put together.", t.input({ type: "password", name: "fresh", required: true, autocomplete: "new-password" })),
    field("New password, once more", "", t.input({ type: "password", name: "again", required: true, autocomplete: "new-password" })),
];

export function changePassword(done) {
    ask({
        title: "Change your password", body: ["You stay signed in here and are signed out everywhere else."], fields: fields(), yes: "Change password", no: "Cancel",
        act: async (entered) => {
            const problem = await change(entered);
            if (!problem) { app.toasts.success(DONE); done?.(); }
            return problem;
        },
    });
}

// The page that stands before everything else while the clinic waits for another password.
export default function newPassword() {
    app.store.title = "Choose a new password";
    const state = store({ busy: false, problem: "" });
    setTimeout(() => app.toasts.removeAll?.(), 300); // what the dashboard asked for meanwhile was refused, and said so

    async function submit(e) {
        e.preventDefault();
        if (state.busy) return;
        Object.assign(state, { busy: true, problem: "" });
        state.problem = (await change(Object.fromEntries(new FormData(e.target)))) || "";
        state.busy = false;
        if (state.problem) return;
        app.toasts.success(DONE);
        location.hash = "#/desk";
    }

    return t.div({ className: "wrapper sm m-auto p-b-base" },
        t.header({ className: "txt-center m-b-base" },
            t.img({ className: "main-logo", src: () => app.store.mainLogo, alt: "" }),
            t.h1({ className: "desk-title m-t-10" }, "Choose a new password"),
            t.p({ className: "desk-quiet" }, "The clinic asked for it. Everything else opens after that.")),
        t.form({ className: "desk-form", onsubmit: submit },
            ...fields(),
            () => (state.problem ? t.div({ rid: state.problem, className: "alert danger m-t-10", role: "alert" }, state.problem) : null),
            t.button({ type: "submit", className: () => `btn lg block m-t-base ${state.busy ? "loading" : ""}`, ariaDisabled: () => String(state.busy) },
                t.span({ className: "txt" }, "Change password"))),
        t.div({ className: "txt-center m-t-base" },
            t.button({ type: "button", className: "link-hint", onclick: () => app.pb.authStore.clear() }, "Sign out")));
}
