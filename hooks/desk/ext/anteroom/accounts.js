// Portal accounts: who may sign in to the client portal, for whom, and what the desk does when something is wrong with
// that. The server says who may do what; the page offers no more, and says each refusal in words.

import { desk, post, remove, sentence } from "./api.js";
import { ask, field, show } from "./dialog.js";
import { button, choice } from "./proof.js";
import { ACCOUNT_ACTS, ACCOUNT_STATES, IDENTITY_CHECKS, RELATIONSHIPS, SCOPES, many, sayBirth, sayInstant, sayInstantsDay } from "./words.js";

const page = store({ users: null, total: 0, pages: 1, invitations: null, invited: 0, search: "", status: "", closed: "", problem: "", busy: false });

const role = () => (app.store.superuser?.collectionName == "staff" ? app.store.superuser.role : "admin"); // the owner may do all
const nameOf = (u) => [u.firstName, u.lastName].filter(Boolean).join(" ") || u.email;

// ---- asking

let turn = 0;

async function load() {
    const mine = ++turn;
    const query = { limit: 50 };
    if (page.search.trim()) query.search = page.search.trim();
    if (page.status) query.status = page.status;
    page.busy = true;
    try {
        const invitations = (status, limit) => desk("invitations", { query: { status, page: 1, limit } });
        const [accounts, open, expired] = await Promise.all([everyPage(query), invitations("open", 100), invitations("expired", 20)]);
        if (mine != turn) return;
        Object.assign(page, { ...accounts, invitations: [...open.invitations, ...expired.invitations], invited: open.pagination.total, problem: "", closed: "" });
    } catch (err) {
        if (mine != turn || err.isAbort || err.status == 401) return;
        if (err.status == 403) page.closed = sentence(err);
        else page.problem = sentence(err);
    } finally {
        if (mine == turn) page.busy = false;
    }
}

// everyPage asks for as many pages as are shown, so that a list that has grown does not shrink by a change.
async function everyPage(query) {
    let users = [], total = 0;
    for (let n = 1; n <= page.pages; n++) {
        const answer = await desk("portal-users", { query: { ...query, page: n } });
        users = users.concat(answer.users);
        total = answer.pagination.total;
    }
    return { users, total };
}

let typing;
function search(words) {
    page.search = words;
    page.pages = 1;
    clearTimeout(typing);
    typing = setTimeout(load, 300);
}

// act sends a decision, says what came of it, and asks again. It gives the sentence of a refusal.
async function act(send, done) {
    try {
        await send();
        app.toasts.success(done);
    } catch (err) {
        load(); // what is shown may be old
        return sentence(err);
    }
    await load();
}

// ---- deciding about an account

const reason = () => field("Reason", "It is kept with the account, for staff who help with sign-in.", t.textarea({ name: "reason", required: true, maxLength: 500, rows: 2 }));

const ACTS = {
    unlock: { words: "Unlock", title: (n) => `Unlock the account of ${n}?`, body: "The count of wrong passwords starts over, and the person can sign in right away.", yes: "Unlock", done: (n) => `${n} can sign in again.` },
    suspend: { words: "Suspend", title: (n) => `Suspend the account of ${n}?`, body: "The person is signed out everywhere and cannot sign in until you resume the account. The record and the visits stay as they are.", yes: "Suspend", tone: "danger", done: (n) => `The account of ${n} is suspended.` },
    resume: { words: "Resume", title: (n) => `Resume the account of ${n}?`, body: "The person can sign in again. If they had closed the account themselves, it has no access left: invite them again afterwards.", yes: "Resume", done: (n) => `The account of ${n} is active again.` },
    "force-password-change": { words: "Ask for a new password", title: (n) => `Ask ${n} for a new password?`, body: "The person is signed out everywhere. At the next sign-in they have to choose a new password before anything else.", yes: "Ask for a new password", done: (n) => `${n} has to choose a new password at the next sign-in.` },
    "sign-out": { words: "Sign out everywhere", title: (n) => `Sign out ${n} everywhere?`, body: "Every browser and phone has to sign in again.", yes: "Sign out everywhere", done: (n) => `${n} is signed out everywhere.` },
    "reset-factors": { words: "Reset second steps", title: (n) => `Reset the second steps of ${n}?`, body: "All second steps, passkeys, recovery codes and remembered browsers are removed, and the person is signed out everywhere. Make sure first who is asking: whoever talks you into this can take over the account.", yes: "Reset second steps", tone: "danger", done: (n) => `The second steps of ${n} are removed.`, identity: true },
};

// What may follow in a state; the server decides anyway.
function actsFor(u) {
    const open = ["suspend", "force-password-change", "sign-out", "reset-factors"];
    const acts = { active: open, pending_verification: ["suspend"], locked: ["unlock", "suspend", "reset-factors"], suspended: ["resume", "reset-factors"],
        closed: role() == "admin" ? ["resume"] : [] }[u.status] || [];
    return u.paused && !acts.includes("unlock") ? ["unlock", ...acts] : acts;
}

function decide(u, name) {
    const a = ACTS[name], who = nameOf(u);
    ask({
        title: a.title(who), body: [a.body, "We tell the person by email."], yes: a.yes, no: "Not now", tone: a.tone || "",
        fields: [a.identity ? choice("How did you make sure who is asking?", "identityCheck", Object.entries(IDENTITY_CHECKS)) : null, reason()].filter(Boolean),
        act: (entered) => act(() => post(desk, `portal-users/${u.id}/${name}`, entered), a.done(who)),
    });
}

function endAccess(u, access) {
    ask({
        title: `End the access of ${nameOf(u)} to ${access.name}?`,
        body: ["The person no longer sees this client in the portal. The account itself stays.", "We tell the person by email."], yes: "End access", no: "Not now", tone: "danger",
        fields: [reason()],
        act: (entered) => act(() => post(desk, `access/${access.accessId}/end`, entered), `${nameOf(u)} no longer has access to ${access.name}.`),
    });
}

const until = (at) => (at ? `until ${sayInstantsDay(at)}` : "");
const about = (x) => [RELATIONSHIPS[x.relationship], SCOPES[x.scope], until(x.expiresAt)].filter(Boolean).join(", ");

// What the clinic did to the account, and why; it comes a moment after the panel.
function history(u) {
    const state = store({ acts: null, problem: "" });
    desk(`portal-users/${u.id}/history`).then((answer) => (state.acts = answer.history)).catch((err) => (state.problem = sentence(err)));
    return [t.h3({ className: "desk-heading m-t-sm" }, "What the clinic did"),
        () => {
            if (state.problem) return t.p({ rid: "problem", role: "alert" }, state.problem);
            if (!state.acts) return skeleton(1);
            if (!state.acts.length) return t.p({ rid: "none", className: "desk-quiet" }, "Nothing so far.");
            return t.ul({ rid: "list", className: "desk-lines" }, ...state.acts.map((a) => t.li({ className: "desk-line" }, t.div(null,
                t.strong(null, ACCOUNT_ACTS[a.action] || a.action), t.span({ className: "desk-sub" }, [`by ${a.by || "the owner"}`, sayInstant(a.at), IDENTITY_CHECKS[a.identityCheck]].filter(Boolean).join(", ")),
                t.span({ className: "desk-words" }, a.reason)))));
        }];
}

function openAccount(u) {
    const panel = () => document.querySelector("dialog.desk-panel")?.close();
    show({
        title: nameOf(u),
        content: [
            t.dl({ className: "desk-facts" }, t.dt(null, "Email"), t.dd(null, u.email), t.dt(null, "State"), t.dd(null, ...chips(u)),
                t.dt(null, "Second step"), t.dd(null, u.mfaEnabled ? "On" : "Off"), t.dt(null, "Last sign-in"), t.dd(null, sayInstant(u.lastLogin) || "Never")),
            t.h3({ className: "desk-heading m-t-sm" }, "Access"),
            u.clients.length ? t.ul({ className: "desk-lines" }, ...u.clients.map((c) => t.li({ className: "desk-line" },
                t.div(null, t.strong(null, c.name), t.span({ className: "desk-sub" }, about(c))),
                button("End access", () => { panel(); endAccess(u, c); }, "sm secondary", { ariaLabel: `End access to ${c.name}` })))) : t.p({ className: "desk-quiet" }, "To no client."),
            ...history(u),
        ],
        acts: actsFor(u).reverse().map((name) => [ACTS[name].words, () => decide(u, name)]),
    });
}

// ---- inviting

function invite() {
    const state = store({ found: null, words: "", said: "" });
    let clients = [], waiting, asked = 0;

    async function find(words) {
        const mine = ++asked;
        const parts = words.trim().split(/\s+/).filter(Boolean).slice(0, 4);
        if (words.trim().length < 2) return Object.assign(state, { found: null, said: "" });
        try {
            const filter = parts.map((part) => app.pb.filter("(first_name ~ {:part} || last_name ~ {:part} || preferred_name ~ {:part})", { part })).join(" && ");
            const list = await app.pb.collection("clients").getList(1, 6, { filter, sort: "last_name,first_name", requestKey: null });
            if (mine != asked) return;
            clients = list.items;
            Object.assign(state, { found: clients.map((c) => c.id), said: list.totalItems > 6 ? `The first 6 of ${list.totalItems}. Type more of the name.` : many(list.totalItems, "client", "clients") });
        } catch (err) {
            if (mine == asked) Object.assign(state, { found: [], said: sentence(err) });
        }
    }

    const email = t.input({ type: "email", name: "email", required: true, maxLength: 255, autocomplete: "off" });
    let wrote = false;
    email.addEventListener("input", () => (wrote = true));
    let chosen;
    const suggest = () => {
        const relationship = document.querySelector('.desk-dialog select[name="relationship"]').value;
        if (!wrote) email.value = relationship == "self" && chosen ? chosen.email : "";
        scope.disabled = relationship == "self";
        if (relationship == "self") scope.value = "all";
        if (relationship == "billing") scope.value = "billing";
    };
    const results = () => state.found?.length ? t.div({ rid: state.found.join() }, choice("Client", "clientId",
        clients.map((c) => [c.id, `${c.first_name} ${c.last_name}, born ${sayBirth(c.date_of_birth)}`]),
        { required: false, onchange: (id) => { chosen = clients.find((c) => c.id == id); suggest(); } })) : null;
    const options = (words) => Object.entries(words).map(([value, label]) => t.option({ value }, label));
    const scope = t.select({ name: "scope", className: "desk-input desk-wide", disabled: true }, ...options(SCOPES));

    ask({
        title: "Invite somebody to the portal",
        body: ["The person gets an email with a link that works once. To use it they enter the client's date of birth."],
        fields: [
            field("Find the client", "", t.input({ type: "search", autocomplete: "off", oninput: (e) => { clearTimeout(waiting); waiting = setTimeout(find, 250, e.target.value); },
                onkeydown: (e) => { if (e.key == "Enter") { e.preventDefault(); clearTimeout(waiting); find(e.target.value); } } })),
            t.p({ className: "field-help", role: "status" }, () => state.said),
            results,
            field("Who is invited?", "", t.select({ name: "relationship", className: "desk-input desk-wide", onchange: suggest }, ...options(RELATIONSHIPS))),
            field("What can they see and do?", role() == "front_desk" ? "For somebody else, an administrator or a clinician of this client has to give “Everything”." : "", scope),
            field("Their email", "For the client in person, the one in the record.", email),
            field("Last day", "Leave it empty for no end date.", t.input({ type: "date", name: "until", min: new Date(Date.now() + 86400000).toISOString().slice(0, 10) })),
        ],
        yes: "Send the invitation", no: "Cancel",
        act: ({ clientId, relationship, scope = "all", email, until: day }) => {
            if (!clientId) return "Find the client first, then choose them from the list.";
            const body = { clientId, relationship, scope, email: email.trim() };
            if (day) body.accessUntil = new Date(day + "T23:59:59").toISOString().replace(".000Z", "Z");
            return act(() => post(desk, "invitations", body), `The invitation is on its way to ${body.email}.`);
        },
    });
}

const resend = async (i) => {
    const problem = await act(() => post(desk, `invitations/${i.id}/resend`), `A new link is on its way to ${i.email}. The old one no longer works.`);
    if (problem) app.toasts.error(problem);
};
const revoke = (i) => ask({ title: `Revoke the invitation to ${i.email}?`, body: [`It was for ${i.clientName}. Its link stops working.`], yes: "Revoke", no: "Keep it", tone: "danger",
    act: () => act(() => remove(desk, "invitations/" + i.id), "The invitation is revoked.") });

// ---- the page

function chips(u) {
    const chip = ([icon, words, tone]) => t.span({ className: "label desk-chip " + tone }, t.i({ className: icon, ariaHidden: true }), words);
    return [chip(ACCOUNT_STATES[u.status] || ["ri-question-line", u.status, ""]), u.paused ? chip(ACCOUNT_STATES.paused) : null].filter(Boolean);
}

const cell = (name, ...content) => t.td({ "html-data-name": name }, ...content);
const head = (...names) => t.thead(null, t.tr(null, ...names.map((h) => t.th({ scope: "col" }, h))));

function accountRow(u) {
    return t.tr({ rid: JSON.stringify(u), onclick: (e) => e.target.closest("button, a") || openAccount(u) },
        cell("Person", t.button({ type: "button", className: "desk-name", onclick: () => openAccount(u) }, nameOf(u)), t.span({ className: "desk-sub" }, u.email)),
        cell("State", ...chips(u)),
        cell("Access to", ...(u.clients.length ? u.clients.map((c) => t.span({ className: "desk-access" }, c.name, t.span({ className: "desk-sub" }, about(c)))) : [t.span({ className: "desk-quiet" }, "None")])),
        cell("Second step", u.mfaEnabled ? "On" : "Off"),
        cell("Last sign-in", sayInstant(u.lastLogin) || t.span({ className: "desk-quiet" }, "Never")));
}

function accountTable() {
    if (!page.users) return skeleton(5);
    if (!page.users.length) return t.p({ rid: "none", className: "desk-empty" }, page.search.trim() || page.status ? "Nobody fits. Try fewer letters, or another state." : "Nobody has an account yet. Invite a client.");
    return t.table({ rid: "table", className: "desk-table" }, t.caption({ className: "desk-hidden" }, "Portal accounts"),
        head("Person", "State", "Access to", "Second step", "Last sign-in"), t.tbody(null, () => page.users.map(accountRow)));
}

function invitationList() {
    if (!page.invitations) return skeleton(2);
    if (!page.invitations.length) return t.p({ rid: "none", className: "desk-quiet" }, "No invitations are waiting for an answer.");
    return t.ul({ rid: "list", className: "desk-lines" }, () => page.invitations.map((i) => t.li({ rid: JSON.stringify(i), className: "desk-line" },
        t.div(null, t.strong(null, i.email), t.span({ className: "desk-sub" }, `for ${i.clientName}: ${about({ ...i, expiresAt: "" })}`),
            t.span({ className: "desk-sub" }, `${i.sentCount > 1 ? `sent ${i.sentCount} times, ` : ""}${i.status == "expired" ? "expired" : "open until"} ${sayInstant(i.expiresAt)}`)),
        t.div({ className: "desk-controls" }, button("Send again", () => resend(i), "sm secondary", { ariaLabel: `Send the invitation to ${i.email} again` }),
            button("Revoke", () => revoke(i), "sm transparent desk-decline", { ariaLabel: `Revoke the invitation of ${i.email}` })))));
}

const skeleton = (n) => t.div({ rid: "skeleton" + n, className: "desk-skeleton", role: "img", ariaBusy: "true", ariaLabel: "Loading" }, ...Array.from({ length: n }, () => t.span({ className: "skeleton-loader" })));

export default function portalAccounts() {
    app.store.title = "Portal accounts";
    Object.assign(page, { users: null, invitations: null, pages: 1, search: "", status: "", closed: "", problem: "" });
    return t.div({ pbEvent: "portalAccounts", className: "page desk", onmount: () => { load(); }, onunmount: () => clearTimeout(typing) },
        t.div({ className: "page-content full-height" },
            t.header({ className: "page-header" }, t.h1({ className: "desk-title" }, "Portal accounts"),
                t.div({ className: "desk-bar", hidden: () => !!page.closed },
                    t.div({ className: "desk-controls" },
                        t.input({ type: "search", className: "desk-input", ariaLabel: "Search by name or email", placeholder: "Name or email", value: () => page.search, oninput: (e) => search(e.target.value) }),
                        t.select({ className: "desk-input", ariaLabel: "State", onchange: (e) => { Object.assign(page, { status: e.target.value, pages: 1 }); load(); } },
                            t.option({ value: "" }, "All states"), ...Object.entries(ACCOUNT_STATES).filter(([s]) => s != "paused").map(([s, [, words]]) => t.option({ value: s }, words)))),
                    button("Invite somebody", invite, "sm"),
                    app.components.refreshButton({ onclick: () => load() }))),
            () => {
                if (page.closed) return t.div({ rid: "closed", className: "desk-empty" }, t.p(null, "Portal accounts are not part of your role."));
                return t.div({ rid: "open" },
                    () => (page.problem ? t.div({ rid: page.problem, className: "alert warning m-b-sm", role: "alert" }, t.div({ className: "content" }, page.problem), button("Try again", load, "sm secondary")) : null),
                    t.p({ className: "desk-summary", role: "status" }, () => (page.users ? many(page.total, "account", "accounts") + ` · ${many(page.invited, "open invitation", "open invitations")}` : "\u00a0")),
                    t.div({ className: "desk-columns" },
                        t.section({ ariaLabel: "Accounts" }, accountTable,
                            () => (page.users && page.users.length < page.total ? t.p({ className: "m-t-sm" }, button("Show more", () => { page.pages++; load(); })) : null)),
                        t.aside({ className: "desk-side", ariaLabel: "Open invitations" }, t.h2({ className: "desk-heading" }, "Open invitations"), invitationList)));
            },
            t.footer({ className: "page-footer" }, app.components.credits())));
}
