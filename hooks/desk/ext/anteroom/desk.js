// The Front desk: one day of visits, and the requests that wait for an answer. Everything shown comes from the desk's
// own routes; PocketBase's live events only say that it is time to ask again. All text is set as text, never as HTML.

import { desk as send, detailsOf, sentence as refusal } from "./api.js";
import { ask, field } from "./dialog.js";
import { loadNews, newsPanel } from "./news.js";
import { button, tick } from "./proof.js";
import { actsFor, born, chip, clinician, isOutside, newVisit, openVisit, place, when, whoOf } from "./visits.js";
import { loadWaitlist, waitlistPanel } from "./waiting.js";
import { instantOf, many, moveDay, sayAge, sayDay, sayMoney, sayShortDay, sayTime, sayZone, timeIn } from "./words.js";

const desk = store({
    date: "", // empty: today at the clinic
    location: "",
    places: [],
    day: null,
    requests: null,
    closed: "", // why this role has no front desk
    problem: "",
    live: false,
    asked: 0, // when it was last asked
    tick: 0, // moves "now" and ages along
    note: "", // what somebody else did meanwhile
});

// ---- asking

const sentence = (err) => (err.status ? refusal(err) : "We can't reach the server. What you see may be old.");

let turn = 0;

async function load(background) { // true: nobody asked
    const mine = ++turn;
    const query = {};
    if (desk.location) query.locationId = desk.location;
    const headers = background === true ? { "X-Background": "1" } : {}; // nobody asked: no sign of life
    try {
        const [day, requests] = await Promise.all([
            send("day", { query: desk.date ? { ...query, date: desk.date } : query, headers }),
            send("requests", { query: { ...query, status: "requested", limit: 100 }, headers }),
            loadWaitlist(desk.location, headers),
            loadNews(headers),
        ]);
        if (mine != turn) return;
        Object.assign(desk, { day, requests, problem: "", closed: "", asked: Date.now() });
        if (!desk.location) desk.places = day.locations; // with a location, the day names only that one
    } catch (err) {
        if (mine != turn || err.isAbort || err.status == 401) return;
        if (err.status == 403) desk.closed = sentence(err);
        else desk.problem = sentence(err);
    }
}

// ---- hearing

let pending, stops = [], clock;

// A confirmed visit comes as several changes at once: one question for all.
function changed() {
    clearTimeout(pending);
    pending = setTimeout(() => load(true), 200);
}

async function listen() {
    if (desk.closed) return;
    try {
        stops = await Promise.all([
            app.pb.realtime.subscribe("PB_CONNECT", () => {
                desk.live = true;
                if (desk.asked) changed(); // whatever happened while the line was down
            }),
            app.pb.collection("appointments").subscribe("*", changed),
            app.pb.collection("portal_forms").subscribe("*", changed),
            app.pb.collection("waitlist_entries").subscribe("*", changed),
            app.pb.collection("staff_notifications").subscribe("*", changed),
        ]);
        desk.live = true;
    } catch {
        desk.live = false;
    }
}

function mount() {
    load().then(listen);
    app.pb.realtime.onDisconnect = (topics) => {
        if (topics.length) desk.live = false;
    };
    clock = setInterval(() => {
        desk.tick = Date.now();
        if (!desk.live && !desk.closed) load(true);
    }, 30000);
    document.addEventListener("keydown", keys);
}

function unmount() {
    clearTimeout(pending);
    clearInterval(clock);
    document.removeEventListener("keydown", keys);
    stops.forEach((stop) => stop?.().catch(() => {}));
    stops = [];
    desk.live = false;
}

// J and K go down and up through visits and requests; Enter opens, because the stops are buttons.
function keys(e) {
    if (e.ctrlKey || e.metaKey || e.altKey || e.target.closest("input, textarea, select, dialog, [popover]")) return;
    const step = { j: 1, k: -1 }[e.key.toLowerCase()];
    if (!step) return;
    const all = [...document.querySelectorAll(".desk-stop")];
    const next = all[Math.min(all.length - 1, Math.max(0, all.indexOf(document.activeElement.closest?.(".desk-stop")) + step))];
    next?.focus();
    next?.scrollIntoView({ block: "nearest" });
    e.preventDefault();
}

// ---- deciding

const ORDINALS = ["1st", "2nd", "3rd"];

// decide sends a decision and turns a refusal into a sentence. Who came too late is told who was first.
async function decide(request, path, body, done, onOutside) {
    try {
        const visit = await send(`requests/${request.id}/${path}`, { method: "POST", body });
        app.toasts.success(done(visit));
        desk.note = "";
    } catch (err) {
        const { reason, status, decidedBy, nextAvailable } = detailsOf(err);
        if (reason == "SLOT_UNAVAILABLE") {
            load();
            return nextAvailable ? `That time was just taken. The next one is ${when(nextAvailable.localDate, nextAvailable.localTime)}.` : "That time is taken. Choose another one.";
        }
        if (isOutside(err)) onOutside?.();
        if (reason != "ALREADY_DECIDED" && err.status != 404) return sentence(err);
        const did = { declined: "declined", cancelled: "cancelled" }[status] || "confirmed";
        desk.note = `${request.client.name}: ${err.status == 404 ? "this request is no longer here." : `${decidedBy || "Somebody else"} ${did} this a moment ago.`}`;
    }
    await load();
}

// Nobody works at that time: whoever books it anyway says so.
function waiver(known = false) {
    const state = store({ outside: known });
    return {
        element: () => (state.outside ? t.div({ rid: "outside" }, tick("Book outside working hours anyway", { name: "outsideHours" })) : null),
        ask: () => (state.outside = true),
        of: (entered) => (entered.outsideHours ? { outsideHours: true } : {}),
    };
}

function confirmWish(request, n) {
    const wish = request.requested.preferences[n];
    const outside = waiver(request.conflictReasons[n] == "outside_hours");
    ask({
        title: `Confirm ${when(wish.date, wish.time)} for ${request.client.name}?`,
        body: [`${request.appointmentType}, ${place(request)}. The client gets an email with the date and place.`],
        fields: [outside.element],
        yes: "Confirm this time", no: "Not yet", tone: "success",
        act: (entered) => decide(request, "confirm", { preference: n + 1, ...outside.of(entered) }, () => `Confirmed for ${when(wish.date, wish.time)}.`, outside.ask),
    });
}

function offerAnother(request) {
    const first = request.requested.preferences[0], outside = waiver();
    ask({
        title: `Another time for ${request.client.name}`,
        body: ["This books the time you choose. The client gets an email with the date and place."],
        fields: [t.div({ className: "desk-pair" },
            field("Date", "", t.input({ type: "date", name: "date", required: true, value: first?.date || "" })),
            field("Time", "", t.input({ type: "time", name: "time", required: true, step: 300, value: first?.time || "" }))),
        t.div({ className: "field-help" }, `Times are ${sayZone(request.timeZone)}.`), outside.element],
        yes: "Book this time", no: "Not yet", tone: "success",
        act: ({ date, time, ...entered }) => {
            const startTime = instantOf(date, time, request.timeZone);
            if (!startTime) return "The clocks go forward on that day, so that time does not exist. Choose another one.";
            return decide(request, "confirm", { startTime, ...outside.of(entered) }, () => `Booked for ${when(date, time)}.`, outside.ask);
        },
    });
}

function decline(request) {
    ask({
        title: `Decline the request of ${request.client.name}?`,
        body: ["The client is told that the clinic cannot offer these times."],
        fields: [
            field("Reason", "Only staff see this.", t.textarea({ name: "reason", required: true, maxLength: 500, rows: 3 })),
            field("Message to the client (optional)", "The client reads this in the portal.", t.textarea({ name: "messageToClient", maxLength: 500, rows: 3 })),
        ],
        yes: "Decline request", no: "Keep it waiting", tone: "danger",
        act: ({ reason, messageToClient }) => {
            if (!reason.trim()) return "Write a reason. Only staff see it.";
            const body = { reason: reason.trim() };
            if (messageToClient.trim()) body.messageToClient = messageToClient.trim();
            return decide(request, "decline", body, () => "Request declined.");
        },
    });
}

// ---- words

const OVER = ["cancelled", "declined", "no_show"];

const visits = () => (desk.day?.appointments || []).filter((a) => a.status != "requested");
const isToday = () => !desk.date;
const zone = () => (desk.places.find((l) => l.id == desk.location) || desk.places[0])?.timeZone || Intl.DateTimeFormat().resolvedOptions().timeZone;

function summary() {
    const coming = visits().filter((a) => !OVER.includes(a.status));
    const here = coming.filter((a) => ["arrived", "in_progress"].includes(a.status)).length;
    const forms = coming.reduce((n, a) => n + (a.formsMissing || 0), 0);
    const waiting = desk.requests.pagination?.total ?? desk.requests.requests.length;
    const oldest = desk.requests.requests.map((r) => r.requested?.submittedAt).filter(Boolean).sort()[0];
    return [coming.length ? many(coming.length, "visit", "visits") : "No visits", isToday() && coming.length > 0 && `${here} here`, forms && `${many(forms, "form", "forms")} missing`,
        waiting ? `${many(waiting, "request", "requests")} waiting${oldest ? ` (oldest ${sayAge(oldest)})` : ""}` : "no requests waiting"].filter(Boolean).join(" · ");
}

// ---- the day

function dayTable() {
    if (!desk.day) return skeleton(6);
    const rows = visits();
    if (!rows.length) {
        return t.div({ rid: "empty", className: "desk-empty" }, t.img({ src: () => app.store.mainLogo, alt: "" }),
            t.p(null, () => (isToday() ? "Nobody is booked here today." : "Nobody is booked here on this day.")));
    }
    return t.table({ rid: "table", className: "desk-table" },
        t.caption({ className: "desk-hidden" }, "Visits of the day"),
        t.thead(null, t.tr(null, ...["Time", "Client", "With", "State", "Waiting", "Forms missing", "Balance", "Alert", "Next"].map((h) => t.th({ scope: "col" }, h)))),
        t.tbody(null, dayRows));
}

function dayRows() {
    desk.tick;
    const rows = visits(), now = Date.now();
    const upcoming = rows.findIndex((a) => Date.parse(a.endTime) > now);
    const line = isToday() && rows.length ? (upcoming < 0 ? rows.length : upcoming) : -1;
    const out = [];
    rows.forEach((a, i) => {
        if (i == line) out.push(nowLine(rows[0].timeZone));
        out.push(visitRow(a, isToday() && i < line));
    });
    if (line == rows.length) out.push(nowLine(rows[0].timeZone));
    return out;
}

const nowLine = (zone) => t.tr({ rid: "now" + timeIn(zone), className: "desk-now" }, t.td({ colSpan: 9 }, t.span(null, "Now, " + timeIn(zone))));

function visitRow(a, past) {
    const cell = (name, ...content) => t.td({ "html-data-name": name }, ...content);
    const none = (name) => t.td({ "html-data-name": name, className: "desk-none" }, t.span({ className: "desk-quiet" }, "None"));
    return t.tr({ rid: JSON.stringify(a) + past, className: (past ? "desk-past " : "") + (OVER.includes(a.status) ? "desk-over" : ""),
        onclick: (e) => e.target.closest("button, a") || openVisit(a, load) },
    cell("Time", t.strong(null, sayTime(a.localStart)), t.span({ className: "desk-sub" }, `to ${sayTime(a.localEnd)}`)),
    cell("Client", t.button({ type: "button", className: "desk-name desk-stop", onclick: () => openVisit(a, load) }, whoOf(a)),
        t.span({ className: "desk-sub" }, [born(a.client), a.client.pronouns].filter(Boolean).join(", "))),
    cell("With", t.span(null, clinician(a)), t.span({ className: "desk-sub" }, a.serviceLocation == "TELEHEALTH" ? video(a) : a.location?.name || "")),
    cell("State", chip(a)),
    a.status == "arrived" && a.checkedInAt ? cell("Waiting", t.span({ className: "desk-number" }, () => { desk.tick; return sayAge(a.checkedInAt); })) : t.td({ "html-data-name": "Waiting", className: "desk-none" }),
    a.formsMissing ? cell("Forms missing", t.span({ className: "label desk-chip warning" }, t.i({ className: "ri-file-warning-line", ariaHidden: true }), String(a.formsMissing))) : none("Forms missing"),
    a.balanceCents ? cell("Balance", t.span({ className: "desk-number" }, sayMoney(a.balanceCents, a.currency))) : none("Balance"),
    a.alerts?.length ? cell("Alert", ...a.alerts.map((words) => t.span({ className: "label desk-chip danger" }, t.i({ className: "ri-alert-line", ariaHidden: true }), words))) : none("Alert"),
    cell("Next", next(a)));
}

// What usually comes next, in one press; the rest is in the panel.
function next(a) {
    const [first] = actsFor(a, load).filter(([words]) => !["No show", "Cancel"].includes(words));
    return first && isToday() ? button(first[0], first[1], `sm ${first[2] || "secondary"}`, { ariaLabel: `${first[0]}: ${whoOf(a)}` }) : null;
}

const video = (a) => (a.telehealthLink ? t.a({ href: a.telehealthLink, target: "_blank", rel: "noreferrer" }, "Open the video room") : "Video");

// ---- requests

function requestList() {
    if (!desk.requests) return skeleton(2);
    const list = desk.requests.requests;
    if (!list.length) return t.p({ rid: "none", className: "desk-quiet" }, "No requests are waiting.");
    return t.ul({ rid: "list", className: "desk-requests" }, () => desk.requests.requests.map(requestCard));
}

// Why a wish cannot be confirmed as it is.
const CONFLICTS = { past: "Past", outside_hours: "Outside hours", taken: "Taken" };

function requestCard(r) {
    const wishes = r.requested?.preferences || [];
    const best = wishes.findIndex((_, i) => !r.conflicts[i]);
    return t.li({ rid: JSON.stringify(r), className: "desk-request" },
        t.h3(null, t.button({ type: "button", className: "desk-name desk-stop", onclick: () => (best < 0 ? offerAnother(r) : confirmWish(r, best)) }, r.client.name),
            t.span({ className: "desk-sub" }, born(r.client))),
        t.p(null, `${r.appointmentType} with ${clinician(r)}, ${place(r)}`),
        ...[["Reason", r.reasonForVisit], ["Note", r.notes]].map(([name, words]) => (words ? t.p({ className: "desk-words" }, t.strong(null, name), words) : null)),
        t.ol({ className: "desk-wishes" }, ...wishes.map((w, i) => t.li(null,
            t.span({ className: "desk-wish" }, `${sayShortDay(w.date)}, ${sayTime(w.time)}`,
                r.conflicts[i] ? t.span({ className: "desk-conflict" }, t.i({ className: "ri-error-warning-line", ariaHidden: true }), CONFLICTS[r.conflictReasons[i]]) : null),
            r.conflicts[i] && r.conflictReasons[i] != "outside_hours" ? null
                : t.button({ type: "button", className: `btn sm ${i == best ? "success" : "secondary"}`,
                    ariaLabel: `Confirm ${ORDINALS[i]}: ${when(w.date, w.time)} for ${r.client.name}`, onclick: () => confirmWish(r, i) },
                t.span({ className: "txt" }, `Confirm ${ORDINALS[i]}`))))),
        t.div({ className: "desk-acts" },
            t.button({ type: "button", className: "btn sm secondary", ariaLabel: `Offer another time to ${r.client.name}`, onclick: () => offerAnother(r) }, t.span({ className: "txt" }, "Offer another")),
            t.button({ type: "button", className: "btn sm transparent desk-decline", ariaLabel: `Decline the request of ${r.client.name}`, onclick: () => decline(r) }, t.span({ className: "txt" }, "Decline")),
            t.span({ className: "desk-quiet desk-age" }, () => { desk.tick; return `asked ${sayAge(r.requested?.submittedAt)} ago`; })));
}

const skeleton = (n) => t.div({ rid: "skeleton" + n, className: "desk-skeleton", ariaBusy: "true", ariaLabel: "Loading" }, ...Array.from({ length: n }, () => t.span({ className: "skeleton-loader" })));

// ---- the page

function showDay(date) {
    desk.date = date;
    desk.day = null;
    load();
}

function go(by) {
    desk.date = by == 0 ? "" : moveDay(desk.day?.date || new Date().toISOString().slice(0, 10), by);
    desk.day = null;
    load();
}

const step = (by, icon, words) => t.button({ type: "button", className: "btn sm circle transparent secondary", ariaLabel: words, onclick: () => go(by) }, t.i({ className: icon, ariaHidden: true }));

function controls() {
    return t.div({ className: "desk-controls" },
        step(-1, "ri-arrow-left-s-line", "The day before"),
        t.input({ type: "date", className: "desk-input", ariaLabel: "Day", value: () => desk.day?.date || desk.date,
            onchange: (e) => { if (e.target.value) { desk.date = e.target.value; desk.day = null; load(); } } }),
        step(1, "ri-arrow-right-s-line", "The day after"),
        t.button({ type: "button", className: "btn sm secondary", hidden: isToday, onclick: () => go(0) }, t.span({ className: "txt" }, "Today")),
        () => (desk.places.length > 1
            ? t.select({ rid: desk.places.map((l) => l.id).join(), className: "desk-input", ariaLabel: "Location", onchange: (e) => { desk.location = e.target.value; load(); } },
                t.option({ value: "" }, "All locations"), ...desk.places.map((l) => t.option({ value: l.id, selected: l.id == desk.location }, l.name)))
            : null));
}

const isLive = () => desk.live && !desk.problem;

function refreshState() {
    desk.tick;
    if (!desk.asked) return "";
    const at = timeIn(zone(), desk.asked);
    return isLive() ? `Live, ${at}` : `Not live since ${at}. Trying again.`;
}

export default function frontDesk() {
    app.store.title = "Front desk";
    return t.div({ pbEvent: "frontDesk", className: "page desk", onmount: mount, onunmount: unmount },
        t.div({ className: "page-content full-height" },
            t.header({ className: "page-header" },
                t.h1({ className: "desk-title" }, "Front desk", t.span(null, () => (desk.day ? (isToday() ? "Today, " : "") + sayDay(desk.day.date) : ""))),
                t.div({ className: "desk-bar", hidden: () => !!desk.closed },
                    controls(),
                    button("New visit", () => newVisit({ date: desk.day?.date, time: "09:00", locationId: desk.location, zone: zone() }, load), "sm"),
                    t.span({ className: () => "desk-live " + (isLive() ? "on" : "") }, t.i({ className: () => (isLive() ? "ri-signal-tower-line" : "ri-wifi-off-line"), ariaHidden: true }), refreshState),
                    app.components.refreshButton({ onclick: () => load() }))),
            () => {
                if (desk.closed) {
                    return t.div({ className: "desk-empty" }, t.p(null, "The front desk is not part of your role."),
                        t.p(null, "Your work is under ", t.a({ href: "#/collections" }, "Records"), "."));
                }
                return t.div({ rid: "open" },
                    () => (desk.problem ? t.div({ className: "alert warning m-b-sm", role: "alert" }, t.div({ className: "content" }, desk.problem),
                        t.button({ type: "button", className: "btn sm secondary", onclick: () => load() }, t.span({ className: "txt" }, "Try again"))) : null),
                    t.p({ className: "desk-summary", role: "status" }, () => { desk.tick; return desk.day && desk.requests ? summary() : "\u00a0"; }),
                    t.div({ className: "desk-columns" },
                        t.section({ className: "desk-day", ariaLabel: "Visits" }, dayTable),
                        t.aside({ className: "desk-side", ariaLabel: "News, requests and waitlist" },
                            newsPanel({ reload: load, tick: () => desk.tick, showDay }),
                            t.h2({ className: "desk-heading" }, "Requests"),
                            () => (desk.note ? t.div({ className: "alert info m-b-sm", role: "status" }, t.div({ className: "content" }, desk.note),
                                t.button({ type: "button", className: "btn sm circle transparent", ariaLabel: "Close", onclick: () => (desk.note = "") }, t.i({ className: "ri-close-line", ariaHidden: true }))) : null),
                            requestList,
                            waitlistPanel({ reload: load, zone, location: () => desk.location, tick: () => desk.tick }))));
            },
            t.footer({ className: "page-footer" }, t.span({ className: "desk-keys" }, "J and K move, Enter opens"),
                () => (desk.day && timeIn(zone()) != timeIn(undefined) ? t.span(null, `Times are ${sayZone(zone())}.`) : null), app.components.credits())));
}
