// The audit log: who did what to whose record, and who was turned away. The lines are the server's; names are looked up
// when they are shown. What is searched for stands in the address behind the "#", as ids, so that other pages can lead
// here; browsers send that part to nobody.

import { ACTION_GROUPS, KINDS, RESULTS, sayAction, sayActor, sayKind, sayRole } from "./actions.js";
import { clinic, desk, post, sentence } from "./api.js";
import { findClient } from "./client.js";
import { show } from "./dialog.js";
import { button } from "./proof.js";
import { many, sayBirth, sayDay, sayInstantIn, sayZone } from "./words.js";

const FILTERS = ["from", "to", "actor", "client", "action", "resource", "resourceId", "result", "breakGlass"];
const page = store({ filters: {}, lines: null, next: 0, busy: false, problem: "", closed: "", opened: {}, staff: [], head: null, check: null });
const names = store({}); // of people and clients seen so far, by id: the address holds ids only

const zone = () => clinic.timeZone || undefined;

// ---- asking

let turn = 0;

async function load(more) {
    const mine = ++turn;
    page.busy = true;
    if (!more) Object.assign(page, { lines: null, opened: {} });
    try {
        const answer = await desk("audit", { query: { ...Object.fromEntries(FILTERS.map((f) => [f, page.filters[f] || undefined])), before: more ? page.next : undefined } });
        if (mine != turn) return;
        for (const line of answer.lines) {
            for (const one of [line.actor, line.client, line.onBehalfOf]) if (one?.id && one.name) names[one.id] = one.name;
        }
        Object.assign(page, { lines: more ? page.lines.concat(answer.lines) : answer.lines, next: answer.next || 0, problem: "", closed: "" });
    } catch (err) {
        if (mine != turn || err.isAbort || err.status == 401) return;
        if (err.status == 403) page.closed = sentence(err);
        else page.problem = sentence(err);
    } finally {
        if (mine == turn) page.busy = false;
    }
}

/** Searches anew for what is set, and says so in the address. */
function search(filters) {
    const set = FILTERS.filter((f) => filters[f]).map((f) => [f, filters[f]]);
    page.filters = Object.fromEntries(set);
    const query = new URLSearchParams(set).toString();
    history.replaceState(history.state, "", "#/audit-log" + (query ? "?" + query : ""));
    load();
}
const only = (filter) => search({ ...page.filters, ...filter });

async function loadStaff() {
    const list = await app.pb.collection("staff").getFullList({ sort: "last_name,first_name", requestKey: null }).catch(() => []); // the list of people is a convenience
    page.staff = list.map((s) => ({ id: s.id, name: `${s.first_name} ${s.last_name}` }));
    for (const s of page.staff) names[s.id] = s.name;
}

// ---- checking the log

let polling;
const ASK_AGAIN = 1000;

async function watchCheck() {
    clearTimeout(polling);
    try {
        page.check = await desk("audit/verify", { headers: { "X-Background": "1" } });
        if (page.check.state == "running") polling = setTimeout(watchCheck, ASK_AGAIN);
        else page.head = await desk("audit/head");
    } catch (err) {
        if (!err.isAbort && err.status != 401) page.check = { state: "unknown", sentence: sentence(err) };
    }
}

async function check() {
    page.check = { state: "running", checked: 0, total: 0 };
    try {
        await post(desk, "audit/verify");
        await watchCheck();
    } catch (err) {
        page.check = { state: "unknown", sentence: sentence(err) };
    }
}

const number = new Intl.NumberFormat("en-US");

function checkState() {
    const { state, checked, total, brokenAt, sentence: words } = page.check || {};
    if (state == "running") {
        return t.div({ rid: "running" }, t.label({ htmlFor: "audit_progress" }, () => `Checking line ${number.format(page.check?.checked || 0)} of ${number.format(page.check?.total || 0)}.`),
            t.progress({ id: "audit_progress", max: () => page.check?.total || 1, value: () => page.check?.checked || 0 }));
    }
    const said = { intact: `All ${number.format(checked || total || 0)} lines are whole: none was changed, none is missing.`,
        broken: words || `Line ${number.format(brokenAt || 0)} does not match what was written. Keep the computer as it is and ask for help.`, unknown: words }[state];
    return said ? t.div({ rid: state + said, className: `alert ${state == "intact" ? "success" : "danger"}`, role: state == "intact" ? "status" : "alert" }, t.div({ className: "content" }, said)) : null;
}

function headBox() {
    if (!page.head) return null;
    const { seq, hash, at, verifiedAt } = page.head, text = `${seq}:${hash}`;
    const copy = (e) => navigator.clipboard.writeText(text).then(() => app.toasts.success("Copied."), () => {
        getSelection().selectAllChildren(e.target.closest("section").querySelector("code"));
        app.toasts.error("Copying did not work. The text is selected: copy it from the page.");
    });
    return t.div({ rid: JSON.stringify(page.head) },
        t.p(null, `The newest line is number ${number.format(seq)}, from ${sayInstantIn(zone(), at)}. `, verifiedAt ? `Last checked ${sayInstantIn(zone(), verifiedAt)}.` : "Not checked yet.",
            " Its fingerprint stands for the whole log up to there: keep a copy outside this computer, and nobody can change or shorten the log unnoticed."),
        t.p({ className: "desk-controls" }, t.code({ className: "desk-hash" }, text), button("Copy", copy, "sm secondary", { ariaLabel: "Copy the fingerprint" })));
}

// ---- searching

const chosen = (id, fallback) => names[id] || fallback;

function chooseClient() {
    const close = () => document.querySelector("dialog.desk-panel")?.close();
    const { element } = findClient({ row: (c) => t.li({ className: "desk-line" },
        t.div(null, t.strong(null, `${c.firstName} ${c.lastName}`), t.span({ className: "desk-sub" }, "born " + sayBirth(c.dateOfBirth))),
        button("Choose", () => { names[c.id] = `${c.firstName} ${c.lastName}`; close(); only({ client: c.id }); }, "sm secondary", { ariaLabel: `Choose ${c.firstName} ${c.lastName}` })) });
    show({ title: "Whose record?", content: [element] });
    element.querySelector("input").focus();
}

const options = (list, name) => list.map(([value, words]) => t.option({ value, selected: () => (page.filters[name] || "") == value }, words));
const named = (label, input) => {
    const id = input.id = "audit_" + label.toLowerCase().replace(/\W+/g, "_");
    return t.div({ className: "desk-filter" }, t.label({ htmlFor: id }, label), input);
};

// Who or what is searched for and is not in a list, because another page led here, is added to it.
const added = (name, list, words) => (page.filters[name] && !list.includes(page.filters[name]) ? [t.option({ value: page.filters[name], selected: true }, words(page.filters[name]))] : []);
const actions = ACTION_GROUPS.flatMap(([, list]) => list.map(([action]) => action));

function searchForm() {
    const set = (name) => (e) => only({ [name]: e.target.value });
    const day = (label, name) => named(label, t.input({ type: "date", className: "desk-input", value: () => page.filters[name] || "", onchange: set(name) }));
    const select = (label, name, ...content) => named(label, t.select({ className: "desk-input", onchange: set(name) }, ...content));
    return t.form({ className: "desk-filters", role: "search", ariaLabel: "Search the log", onsubmit: (e) => e.preventDefault() },
        day("From", "from"), day("To", "to"),
        select("Person", "actor", () => [t.option({ value: "", selected: !page.filters.actor }, "Everybody"), ...options(page.staff.map((s) => [s.id, s.name]), "actor"),
            ...added("actor", page.staff.map((s) => s.id), (id) => chosen(id, "One person"))]),
        t.div({ className: "desk-filter" }, t.span({ id: "audit_whose" }, "Whose record"),
            t.span({ className: "desk-controls" },
                t.button({ type: "button", className: "desk-input desk-pick", "html-aria-describedby": "audit_whose", onclick: chooseClient }, () => (page.filters.client ? chosen(page.filters.client, "One client") : "Anybody's")),
                t.button({ type: "button", className: "btn sm circle transparent secondary", hidden: () => !page.filters.client, ariaLabel: "Anybody's record", onclick: () => only({ client: "" }) }, t.i({ className: "ri-close-line", ariaHidden: true })))),
        select("Action", "action", () => [t.option({ value: "", selected: !page.filters.action }, "Everything"), ...ACTION_GROUPS.map(([label, list]) => t.optgroup({ label }, ...options(list, "action"))), ...added("action", actions, sayAction)]),
        named("Kind of record", t.select({ className: "desk-input", onchange: (e) => only({ resource: e.target.value, resourceId: "" }) },
            () => [t.option({ value: "", selected: !page.filters.resource }, "All kinds"), ...options(Object.entries(KINDS), "resource"), ...added("resource", Object.keys(KINDS), sayKind)])),
        select("Result", "result", t.option({ value: "", selected: () => !page.filters.result }, "Done and refused"), ...options([["ok", "Done"], ["refused", "Refused"], ["failed", "Failed"]], "result")),
        t.div({ className: "field desk-tick" }, t.input({ id: "audit_glass", type: "checkbox", checked: () => !!page.filters.breakGlass, onchange: (e) => only({ breakGlass: e.target.checked ? "true" : "" }) }),
            t.label({ htmlFor: "audit_glass" }, "Only broken glass")),
        t.button({ type: "button", className: "btn sm secondary", hidden: () => !FILTERS.some((f) => page.filters[f]), onclick: () => search({}) }, t.span({ className: "txt" }, "Show everything")));
}

/** What is shown, in a sentence: also on paper, where the form is not. */
function summary() {
    if (!page.lines) return "\u00a0";
    const f = page.filters;
    const parts = [f.actor && `by ${chosen(f.actor, "one person")}`, f.client && `about ${chosen(f.client, "one client")}`, f.action && `“${sayAction(f.action)}”`, f.resource && `kind: ${sayKind(f.resource)}`, f.resourceId && "one record",
        f.result && RESULTS[f.result][1].toLowerCase(), f.breakGlass && "only under broken glass", f.from && `from ${sayDay(f.from)}`, f.to && `to ${sayDay(f.to)}`].filter(Boolean);
    const count = page.next && page.lines.length ? `The newest ${page.lines.length} lines` : page.lines.length ? many(page.lines.length, "line", "lines") : "No lines";
    return [count, ...parts].join(", ") + ".";
}

// ---- the lines

const cell = (name, ...content) => t.td({ "html-data-name": name }, ...content);
const chip = ([icon, words, tone]) => t.span({ className: "label desk-chip " + tone }, t.i({ className: icon, ariaHidden: true }), words);
const isGlass = (line) => !!line.details?.breakGlass;
const link = (words, onclick, label) => t.button({ type: "button", className: "desk-name", ariaLabel: label, onclick }, words);
const plain = (value) => (typeof value == "object" ? JSON.stringify(value) : String(value));

function lineRow(line) {
    const who = sayActor(line.actor), open = () => !!page.opened[line.seq], id = "audit_line_" + line.seq;
    const toggle = () => (page.opened[line.seq] = !page.opened[line.seq]);
    return [
        t.tr({ rid: "line" + line.seq, className: "desk-stop-line" + (isGlass(line) ? " desk-marked" : ""), onclick: (e) => e.target.closest("button, a") || toggle() },
            cell("When", t.span({ className: "desk-number" }, sayInstantIn(zone(), line.at, true))),
            cell("Who", line.actor.id ? link(who, () => only({ actor: line.actor.id }), `Only ${who}`) : t.strong(null, who),
                t.span({ className: "desk-sub" }, sayRole(line.actor), line.onBehalfOf ? `, for ${line.onBehalfOf.name || "somebody"}` : "")),
            cell("What", t.span(null, sayAction(line.action)), line.resourceType ? t.span({ className: "desk-sub" }, sayKind(line.resourceType)) : null),
            line.client ? cell("Whose record", link(line.client.name || "A client who is gone", () => only({ client: line.client.id }), `Only ${line.client.name || "this client"}`)) : t.td({ "html-data-name": "Whose record", className: "desk-none" }, t.span({ className: "desk-quiet" }, "Nobody's")),
            cell("Result", isGlass(line) ? chip(["ri-alarm-warning-line", "Broken glass", "warning"]) : null, line.result == "ok" ? t.span({ className: "desk-quiet" }, "Done") : chip(RESULTS[line.result] || ["ri-question-line", line.result, ""])),
            t.td({ className: "desk-more" }, t.button({ type: "button", className: "btn sm circle transparent secondary", ariaLabel: `Details of line ${line.seq}`, ariaExpanded: () => String(open()), "html-aria-controls": id, onclick: toggle },
                t.i({ className: () => (open() ? "ri-arrow-up-s-line" : "ri-arrow-down-s-line"), ariaHidden: true })))),
        t.tr({ rid: "more" + line.seq, id, className: "desk-detail", hidden: () => !open() }, t.td({ colSpan: 6 }, () => (open() ? details(line) : null))),
    ];
}

function details(line) {
    const row = (name, value) => (value ? [t.dt(null, name), t.dd(null, value)] : []);
    const record = line.resourceId && [t.span(null, `${sayKind(line.resourceType)} ${line.resourceId} `),
        button("Only this record", () => search({ resource: line.resourceType, resourceId: line.resourceId }), "sm secondary")];
    return t.dl({ className: "desk-facts" },
        ...row("Line", String(line.seq)), ...row("Action", line.action), ...row("Refused because", line.errorCode), ...row("Address", line.ip), ...row("Device", line.device),
        ...(record ? [t.dt(null, "Record"), t.dd(null, ...record)] : []),
        ...Object.entries(line.details || {}).flatMap(([name, value]) => row(name == "breakGlass" ? "Broken glass" : name, plain(value))));
}

const skeleton = () => t.div({ rid: "skeleton", className: "desk-skeleton", role: "img", ariaBusy: "true", ariaLabel: "Loading" }, ...Array.from({ length: 8 }, () => t.span({ className: "skeleton-loader" })));

function table() {
    if (!page.lines) return page.problem ? null : skeleton();
    if (!page.lines.length && page.next) return t.p({ rid: "further", className: "desk-empty" }, "Nothing like that among the newest lines. Show older ones to look further back.");
    if (!page.lines.length) return t.p({ rid: "none", className: "desk-empty" }, "Nothing like that is in the log. Try a longer time or fewer conditions.");
    return t.table({ rid: "table", className: "desk-table desk-log" }, t.caption({ className: "desk-hidden" }, "Lines of the audit log, newest first"),
        t.thead(null, t.tr(null, ...["When", "Who", "What", "Whose record", "Result"].map((h) => t.th({ scope: "col" }, h)), t.th({ scope: "col" }, t.span({ className: "desk-hidden" }, "Details")))),
        t.tbody(null, () => (page.lines || []).flatMap(lineRow)));
}

// ---- the page

export default function auditLog(route) {
    app.store.title = "Audit log";
    Object.assign(page, { lines: null, next: 0, problem: "", closed: "", opened: {}, head: null, check: null });
    const query = Object.fromEntries(Object.entries(route.query || {}).map(([name, value]) => [name, [value].flat()[0]]));
    const begin = () => {
        search(query);
        loadStaff();
        desk("audit/head").then((head) => (page.head = head)).catch(() => {}); // the search says what is wrong
        desk("audit/verify").then((state) => { if (state.state == "running") { page.check = state; watchCheck(); } }).catch(() => {});
    };
    return t.div({ pbEvent: "auditLog", className: "page desk", onmount: begin, onunmount: () => clearTimeout(polling) },
        t.div({ className: "page-content full-height" },
            t.header({ className: "page-header" }, t.h1({ className: "desk-title" }, "Audit log", t.span(null, () => clinic.name || "")),
                t.div({ className: "desk-bar", hidden: () => !!page.closed },
                    t.span({ className: "desk-live" }, ""),
                    button("Print", () => print(), "sm secondary"), app.components.refreshButton({ onclick: () => load() }))),
            () => {
                if (page.closed) return t.div({ rid: "closed", className: "desk-empty" }, t.p(null, "The audit log is not part of your role."));
                return t.div({ rid: "open" },
                    searchForm(),
                    () => (page.problem ? t.div({ rid: page.problem, className: "alert warning m-b-sm", role: "alert" }, t.div({ className: "content" }, page.problem), button("Try again", () => load(), "sm secondary")) : null),
                    t.p({ className: "desk-summary", role: "status" }, summary),
                    t.section({ ariaLabel: "Lines" }, table,
                        () => (page.lines && page.next ? t.p({ rid: "older", className: "m-t-sm desk-screen" }, t.button({ type: "button", className: () => `btn secondary ${page.busy ? "loading" : ""}`, onclick: () => page.busy || load(true) }, t.span({ className: "txt" }, "Show older"))) : null)),
                    t.section({ className: "desk-card desk-check desk-screen", "html-aria-labelledby": "audit_check" },
                        t.h2({ id: "audit_check", className: "desk-heading" }, "Is the log whole?"), headBox,
                        t.div({ className: "desk-acts" }, t.button({ type: "button", className: "btn secondary", ariaDisabled: () => String(page.check?.state == "running"), onclick: () => page.check?.state == "running" || check() }, t.span({ className: "txt" }, "Check the log"))),
                        checkState));
            },
            t.footer({ className: "page-footer" }, t.span(null, () => `Times are ${sayZone(zone())}.`), app.components.credits())));
}
