// Breaking the glass: a clinician opens the record of a client of whose care team they are not, for a while and with a
// reason. Who may, what follows and who is told is the server's; this page says it before the button, and a bar on every
// page says that it goes on.

import { desk, post, sentence } from "./api.js";
import { findClient } from "./client.js";
import { ask, field } from "./dialog.js";
import { button, choice } from "./proof.js";
import { many, sayAge, sayBirth, sayInstant, sayMinutes } from "./words.js";

const SHORTEST = 10, LONGEST = 1000; // characters of a reason
const LENGTHS = [["30", "30 minutes"], ["60", "1 hour"], ["240", "4 hours"]];

const person = () => app.store.superuser;
const isClinician = () => person()?.collectionName == "staff" && person().role == "clinician";
const nameOf = (c) => [c.firstName, c.lastName].filter(Boolean).join(" ");

function openRecord(id) {
    const clients = app.store.collections.find((c) => c.name == "clients");
    if (clients) return app.modals.openRecordUpsert(clients, id); // else Records was not opened yet: it loads what is needed
    location.hash = `#/collections?collection=clients&record=${id}`;
}

// ---- the bar

const bar = store({ open: [], tick: 0 });
let skew = 0; // the server's clock against this computer's
let ticking;

const left = (glass) => Date.parse(glass.until) - Date.now() - skew;
const quietly = { headers: { "X-Background": "1" } };

// It asks when a page opens and when something changes, and counts down by itself: each question is a look at the record
// of a client, and leaves a line in the audit log.
export async function refreshBar() {
    if (!isClinician()) return (bar.open = []);
    try {
        const { items } = await desk("break-glass", { query: { open: true, limit: 20 }, ...quietly });
        bar.open = items.filter((g) => !g.endedAt && left(g) > 0);
    } catch {
        // out of reach: what is known counts, and its time runs out here too
    }
}

async function endNow(glass, then) {
    try {
        await post(desk, `break-glass/${glass.id}/end`);
        app.toasts.success(`The record of ${nameOf(glass.client)} is closed to you again.`);
    } catch (err) {
        app.toasts.error(sentence(err));
    }
    await refreshBar();
    then?.();
}

function tick() {
    bar.tick = Date.now();
    const over = bar.open.filter((g) => left(g) <= 0);
    if (!over.length) return;
    for (const g of over) app.toasts.info(`Your time with the record of ${nameOf(g.client)} is over.`);
    bar.open = bar.open.filter((g) => left(g) > 0);
}

const barRow = (glass) => t.li({ rid: glass.id },
    t.i({ className: "ri-alarm-warning-line", ariaHidden: true }),
    t.span({ className: "desk-glass-words" }, "Glass broken: ", t.button({ type: "button", className: "desk-name", onclick: () => openRecord(glass.client.id) }, nameOf(glass.client)),
        t.span(null, () => { bar.tick; return `, ${sayMinutes(left(glass))} left. Every look is recorded.`; })),
    t.button({ type: "button", className: "btn sm secondary", ariaLabel: `End now: ${nameOf(glass.client)}`, onclick: () => endNow(glass, () => changed()) }, t.span({ className: "txt" }, "End now")));

/** Keeps the bar on every page for whoever has broken a glass. heard(response) keeps it in step with the server's clock. */
export function keepBar() {
    const element = t.aside({ className: "desk-glass", ariaLabel: "Broken glass", hidden: () => !bar.open.length }, t.ul(null, () => bar.open.map(barRow)));
    document.body.prepend(element);
    watch(() => bar.open.length, (n) => document.documentElement.style.setProperty("--deskGlass", `${n * 44}px`));
    let who;
    watch(() => person()?.id, () => {
        if (who == person()?.id) return;
        who = person()?.id;
        clearInterval(ticking);
        bar.open = [];
        if (!isClinician()) return;
        refreshBar();
        ticking = setInterval(tick, 5000);
    });
    document.addEventListener("visibilitychange", () => document.hidden || tick());
}
export function heard(response) {
    const date = Date.parse(response.headers.get("Date"));
    if (date) skew = Math.abs(date - Date.now()) < 2000 ? 0 : date - Date.now();
}

// ---- the page

const page = store({ items: null, total: 0, pages: 1, openOnly: false, problem: "", closed: "" });
let turn = 0;
let finder;

async function load() {
    const mine = ++turn;
    try {
        let items = [], total = 0;
        for (let n = 1; n <= page.pages; n++) {
            const answer = await desk("break-glass", { query: { page: n, limit: 20, ...(page.openOnly ? { open: true } : {}) } });
            items = items.concat(answer.items);
            total = answer.pagination.total;
        }
        if (mine == turn) Object.assign(page, { items, total, problem: "", closed: "" });
    } catch (err) {
        if (mine != turn || err.isAbort || err.status == 401) return;
        if (err.status == 403) page.closed = sentence(err);
        else page.problem = sentence(err);
    }
}

// What happened in the bar shows on the page, if it is there.
const changed = () => document.querySelector("[data-pb=breakGlass]") && (load(), finder?.again());

function breakGlass(client) {
    const state = store({ length: 0 });
    const reason = t.textarea({ name: "reason", required: true, minLength: SHORTEST, maxLength: LONGEST, rows: 4, oninput: (e) => (state.length = e.target.value.trim().length) });
    ask({
        title: `Open the record of ${nameOf(client)}?`,
        body: ["You are not on this client's care team. The privacy officer is told now that you open this record, with your name and your reason. Every look is recorded until it closes, and the client can ask who looked."],
        fields: [
            field("Why do you need it?", "Say what care it is for. The privacy officer reads this.", reason),
            t.p({ className: "field-help", role: "status" }, () => (state.length < SHORTEST ? `At least ${SHORTEST} characters.` : `${state.length} of ${LONGEST} characters.`)),
            choice("For how long?", "minutes", LENGTHS, { value: "30" }),
        ],
        yes: "Break the glass", no: "Leave it closed", tone: "danger",
        act: async ({ reason, minutes }) => {
            if (reason.trim().length < SHORTEST) return `Write at least ${SHORTEST} characters: the privacy officer has to understand it.`;
            try {
                await post(desk, "break-glass", { clientId: client.id, reason: reason.trim(), minutes: Number(minutes) });
                app.toasts.success(`The record of ${nameOf(client)} is open to you.`);
            } catch (err) {
                return sentence(err);
            }
            await Promise.all([refreshBar(), load(), finder?.again()]);
        },
    });
}

const REACH = {
    role: ["ri-check-line", "Open to your role", ""],
    care_team: ["ri-team-line", "On your care team", "success"],
    break_glass: ["ri-alarm-warning-line", "Glass broken", "warning"],
    none: ["ri-lock-line", "Not on your care team", ""],
};
const chip = ([icon, words, tone]) => t.span({ className: "label desk-chip " + tone }, t.i({ className: icon, ariaHidden: true }), words);

const foundRow = (c) => t.li({ className: "desk-line" },
    t.div(null, t.strong(null, nameOf(c)), t.span({ className: "desk-sub" }, "born " + sayBirth(c.dateOfBirth)), chip(REACH[c.reach] || REACH.none)),
    c.reach == "none" ? button("Break the glass", () => breakGlass(c), "sm", { ariaLabel: `Break the glass: ${nameOf(c)}` })
        : button("Open the record", () => openRecord(c.id), "sm secondary", { ariaLabel: `Open the record of ${nameOf(c)}` }));

const isOpen = (g) => !g.endedAt && left(g) > 0;
const day = (ms) => new Date(ms).toISOString().slice(0, 10);

function looksLink(g) {
    // a day more at either end: days are the clinic's there, and instants are UTC here
    const query = new URLSearchParams({ actor: g.staff.id, client: g.client.id, breakGlass: "true", from: day(Date.parse(g.since) - 86400000), to: day(Date.parse(g.until) + 86400000) });
    return t.a({ href: "#/audit-log?" + query, ariaLabel: `See what ${g.staff.name} looked at in the record of ${nameOf(g.client)}` }, many(g.looks, "look", "looks"));
}

function glassRow(g) {
    const when = isOpen(g) ? `open until ${sayInstant(g.until)}` : g.endedAt ? `ended ${sayInstant(g.endedAt)}` : `ran out ${sayInstant(g.until)}`;
    return t.li({ rid: JSON.stringify(g) + isOpen(g), className: "desk-line" },
        t.div(null,
            t.strong(null, isClinician() ? nameOf(g.client) : `${g.staff.name} opened the record of ${nameOf(g.client)}`), t.span({ className: "desk-chips" }, isOpen(g) ? chip(["ri-alarm-warning-line", "Open now", "warning"]) : null),
            t.span({ className: "desk-sub" }, `${sayInstant(g.since)} (${sayAge(g.since)} ago), ${when}, `, isClinician() ? many(g.looks, "look", "looks") : looksLink(g)),
            t.span({ className: "desk-words" }, reasonOf(g))),
        isOpen(g) ? button(isClinician() ? "End now" : "End it", () => endNow(g, load), "sm secondary", { ariaLabel: `End: ${nameOf(g.client)}` }) : null);
}
const reasonOf = (g) => (typeof g.reason == "string" ? g.reason : "The reason cannot be read.");

function list() {
    if (!page.items) return page.problem ? null : t.div({ rid: "skeleton", className: "desk-skeleton", role: "img", ariaBusy: "true", ariaLabel: "Loading" }, ...Array.from({ length: 3 }, () => t.span({ className: "skeleton-loader" })));
    if (!page.items.length) return t.p({ rid: "none", className: "desk-quiet" }, page.openOnly ? "No record is open this way now." : isClinician() ? "You have never broken the glass." : "Nobody has broken the glass.");
    return t.ul({ rid: "list", className: "desk-lines" }, () => { bar.tick; return (page.items || []).map(glassRow); });
}

export default function brokenGlass() {
    app.store.title = "Break the glass";
    Object.assign(page, { items: null, pages: 1, openOnly: false, problem: "", closed: "" });
    finder = isClinician() ? findClient({ row: foundRow }) : null;
    return t.div({ pbEvent: "breakGlass", className: "page desk", onmount: () => { load(); } },
        t.div({ className: "page-content full-height" },
            t.header({ className: "page-header" }, t.h1({ className: "desk-title" }, isClinician() ? "Another client's record" : "Broken glass"),
                t.div({ className: "desk-bar", hidden: () => !!page.closed }, t.span({ className: "desk-live" }, ""), app.components.refreshButton({ onclick: () => load() }))),
            () => {
                if (page.closed) return t.div({ rid: "closed", className: "desk-empty" }, t.p(null, "Breaking the glass is not part of your role."));
                return t.div({ rid: "open", className: "desk-cards" },
                    () => (page.problem ? t.div({ rid: page.problem, className: "alert warning", role: "alert" }, t.div({ className: "content" }, page.problem), button("Try again", load, "sm secondary")) : null),
                    finder ? t.section({ className: "desk-card", ariaLabel: "Find a client" },
                        t.p({ className: "desk-summary" }, "You see the records of clients on whose care team you are. When care needs another one, find the client here and break the glass: say why, and the record opens for a while."),
                        finder.element) : t.p({ className: "desk-summary" }, "Clinicians see the records of their own clients. When care needs another one they break the glass: they say why, and you see it here."),
                    t.section({ className: "desk-card", "html-aria-labelledby": "glass_list" },
                        t.div({ className: "desk-line" }, t.h2({ id: "glass_list", className: "desk-heading" }, finder ? "When you broke the glass" : "Who broke the glass"),
                            t.div({ className: "field desk-tick" }, t.input({ id: "glass_open", type: "checkbox", checked: () => page.openOnly, onchange: (e) => { Object.assign(page, { openOnly: e.target.checked, pages: 1, items: null }); load(); } }),
                                t.label({ htmlFor: "glass_open" }, "Only those open now"))),
                        list,
                        () => (page.items && page.items.length < page.total ? t.p({ rid: "more", className: "m-t-sm" }, button("Show more", () => { page.pages++; load(); })) : null)));
            },
            t.footer({ className: "page-footer" }, app.components.credits())));
}
