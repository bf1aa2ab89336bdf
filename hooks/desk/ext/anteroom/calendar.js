// The calendar: who works when at a place, and what is booked. The server says what the clocks there show; nothing is
// read off this computer's zone. A visit is moved by dragging it, or by the form that its panel opens: both ask first,
// and the server decides. All text is set as text.

import { desk as send, sentence } from "./api.js";
import { axisOf, dayOf, hoursOf, instant, instantAt, sayChange, sayShown, shownAt, skipped, stretch, wallOf } from "./clocks.js";
import { ask } from "./dialog.js";
import { button } from "./proof.js";
import { blockTime, born, chip, confirmMove, isBooked, newVisit, openVisit, stateOf, whoOf } from "./visits.js";
import { many, moveDay, sayDay, sayShortDay, sayTime, sayZone } from "./words.js";

const MINUTE = 60000;
const narrow = matchMedia("(max-width: 700px)");

const page = store({
    view: "day", // day: a column for each clinician; rooms: for each room; week: for each day of one clinician
    date: "", // empty: today at the place
    location: "",
    person: "",
    step: 15, // minutes
    whole: false, // the whole day, not only the hours that are worked
    data: null,
    closed: "",
    problem: "",
    live: false,
    asked: 0,
    tick: 0,
    list: narrow.matches,
    drag: null, // { visit, text }: what is dragged, and where to in words
});

// ---- asking

let turn = 0, busy = 0, late = false; // busy: something is dragged or asked; a reload waits until it is not

const mondayOf = (day) => moveDay(day, -((new Date(day + "T00:00:00Z").getUTCDay() + 6) % 7));

async function load(background) {
    if (busy) return (late = true);
    const mine = ++turn;
    const query = {};
    if (page.location) query.locationId = page.location;
    const start = page.view == "week" && page.date ? mondayOf(page.date) : page.date;
    if (start) Object.assign(query, { from: start, to: page.view == "week" ? moveDay(start, 6) : start });
    try {
        let data = await send("calendar", { query, headers: background ? { "X-Background": "1" } : {} });
        if (mine != turn) return;
        if (page.view == "week" && !page.date) { // which day today is, the place knows
            page.date = data.today;
            return load(background);
        }
        if (busy) return (late = true);
        last = document.activeElement?.closest?.("[data-visit]")?.dataset.visit || last;
        Object.assign(page, { data, location: data.locationId, problem: "", closed: "", asked: performance.now() });
        if (!data.clinicians.some((c) => c.id == page.person)) page.person = (data.clinicians.find((c) => c.mine) || data.clinicians[0])?.id || "";
        setTimeout(refocus, 0);
    } catch (err) {
        if (mine != turn || err.isAbort || err.status == 401) return;
        if (err.status == 403) page.closed = sentence(err);
        else page.problem = sentence(err);
    }
}

// The visit that somebody was at: what is drawn anew, or a closed dialog, would lose it.
let last = "";
function refocus() {
    if (last && document.activeElement == document.body && !document.querySelector("dialog[open]")) document.querySelector(`[data-visit="${CSS.escape(last)}"]`)?.focus({ preventScroll: true });
}
const closed = () => setTimeout(refocus, 50);

const reload = () => load();
function hold(by) {
    busy += by;
    if (!busy && late) {
        late = false;
        load(true);
    }
}

// ---- hearing

let pending, stops = [], clock;

function changed() {
    clearTimeout(pending);
    pending = setTimeout(() => load(true), 200);
}

async function listen() {
    if (page.closed) return;
    try {
        stops = await Promise.all([
            app.pb.realtime.subscribe("PB_CONNECT", () => { page.live = true; if (page.asked) changed(); }),
            app.pb.collection("appointments").subscribe("*", changed),
            app.pb.collection("breaks").subscribe("*", changed),
        ]);
        page.live = true;
    } catch {
        page.live = false;
    }
}

const narrows = () => (page.list = narrow.matches);

function mount() {
    load().then(listen);
    app.pb.realtime.onDisconnect = (topics) => { if (topics.length) page.live = false; };
    clock = setInterval(() => {
        page.tick++;
        if (!page.live && !page.closed) load(true);
    }, 30000);
    narrow.addEventListener("change", narrows);
    document.addEventListener("keydown", keys);
    document.addEventListener("close", closed, true);
}

function unmount() {
    clearTimeout(pending);
    clearInterval(clock);
    narrow.removeEventListener("change", narrows);
    document.removeEventListener("keydown", keys);
    document.removeEventListener("close", closed, true);
    stops.forEach((stop) => stop?.().catch(() => {}));
    stops = [];
    page.live = false;
}

// The clinic's now: the server's when it was asked, and what has passed since.
const now = () => Date.parse(page.data.now) + (performance.now() - page.asked);

// ---- what is shown

const NAMELESS = "#6b7785";
const colorOf = (id) => {
    const color = page.data.clinicians.find((c) => c.id == id)?.color;
    return /^#[0-9a-f]{6}$/i.test(color || "") ? color : NAMELESS;
};
const inWeek = () => page.view == "week";
const days = () => page.data.days.map(dayOf);

/** The columns of the grid: { id, title, day, clinician?, room?, person? }. */
function columns() {
    const all = days(), { clinicians, rooms, appointments } = page.data;
    if (inWeek()) {
        const person = clinicians.find((c) => c.id == page.person);
        return all.map((day) => ({ id: day.date, title: sayShortDay(day.date), day, clinician: page.person, person }));
    }
    const day = all[0];
    if (page.view == "rooms") {
        return [...rooms.map((r) => ({ id: r.id, title: r.name, day, room: r.id })), { id: "none", title: "No room", day, room: "" }];
    }
    // who is here today, and the others after them; a column for visits that nobody has yet
    const people = clinicians.map((person) => ({ id: person.id, title: person.name, day, clinician: person.id, person }));
    const stray = appointments.some((a) => !clinicians.some((c) => c.id == a.clinician.id));
    return stray ? [...people, { id: "none", title: "Others", day, clinician: "" }] : people;
}

const ids = () => page.data.clinicians.map((c) => c.id);
function isIn(column, a) {
    if (column.room != null) return (page.data.rooms.some((r) => r.id == a.roomId) ? a.roomId : "") == column.room;
    return column.clinician ? a.clinician.id == column.clinician : !ids().includes(a.clinician.id);
}

// The hours that are worked or booked, with one around them; nine to five when there are none.
function windowOf(cols) {
    if (page.whole) return [0, 1440];
    let first = 9 * 60, last = 17 * 60;
    const see = (day, start, end) => {
        if (!(start < day.to && end > day.from)) return;
        const a = shownAt(day, Math.max(start, day.from)), b = shownAt(day, Math.min(end, day.to) - MINUTE);
        first = Math.min(first, a.wall, b.wall);
        last = Math.max(last, a.wall + 1, b.wall + 1);
    };
    for (const { day, person } of cols) {
        for (const s of person?.working || []) see(day, Date.parse(s.start), Date.parse(s.end));
        for (const a of page.data.appointments) see(day, Date.parse(a.startTime), Date.parse(a.endTime));
    }
    return [Math.max(0, Math.floor(first / 60) * 60 - (first % 60 ? 0 : 60)), Math.min(1440, Math.ceil(last / 60) * 60 + (last % 60 ? 0 : 60))];
}

/** Puts what overlaps side by side: each gets a lane, and how many there are. */
function lanes(items) {
    let group = [], until = -1;
    const close = () => group.forEach((i) => (i.of = Math.max(...group.map((g) => g.lane)) + 1));
    for (const item of items.sort((a, b) => a.at[0] - b.at[0] || a.at[1] - b.at[1])) {
        if (item.at[0] >= until) {
            close();
            group = [];
        }
        const taken = group.filter((g) => g.at[1] > item.at[0]).map((g) => g.lane);
        item.lane = 0;
        while (taken.includes(item.lane)) item.lane++;
        group.push(item);
        until = Math.max(until, item.at[1]);
    }
    close();
    return items;
}

const SCALE = 1.1; // pixels to a minute
const span = ([top, bottom]) => `top: ${top * SCALE}px; height: ${(bottom - top) * SCALE}px;`;
const times = (day, start, end) => `${sayShown(day, start)} to ${day.to > end ? sayShown(day, end) : "midnight"}`;

function grid() {
    const cols = columns();
    const axis = axisOf(cols.map((c) => c.day), ...windowOf(cols));
    shown = { cols, axis };
    if (!cols.length) return t.p({ className: "desk-empty" }, "Nobody works at this place yet. Enter clinicians under Records.");
    return t.div({ className: "cal-scroll", tabIndex: 0, ariaLabel: "Calendar" },
        t.div({ className: "cal-grid", style: `--cal-columns: ${cols.length}` },
            t.div({ className: "cal-corner" }, sayZone(page.data.timeZone)),
            ...cols.map((c) => t.div({ className: "cal-head" + (c.day.date == page.data.today ? " cal-today" : "") }, t.h2(null, c.title), inWeek() && sayChange(c.day) ? t.span({ className: "desk-sub" }, sayChange(c.day)) : null)),
            t.div({ className: "cal-hours", style: `height: ${axis.length * SCALE}px`, ariaHidden: "true" },
                ...hoursOf(axis).map((h) => t.span({ style: `top: ${h.at * SCALE}px` }, sayTime(wallOf(h.wall)).replace(":00", ""), h.again ? t.small(null, "again") : null))),
            ...cols.map((c) => column(c, axis))));
}

let shown = { cols: [], axis: null };

function column(c, axis) {
    const { data } = page;
    const part = (s) => stretch(axis, c.day, Date.parse(s.start), Date.parse(s.end));
    const block = (className, s, words) => {
        const at = part(s);
        return at && t.div({ className, style: span(at) }, words ? t.span(null, words) : null);
    };
    const working = c.person?.kept ? c.person.working : null; // where no hours are entered, all of the day is open
    const items = lanes(data.appointments.filter((a) => isIn(c, a)).map((a) => ({ a, at: part({ start: a.startTime, end: a.endTime }) })).filter((i) => i.at));
    return t.section({ className: "cal-column" + (working ? "" : " cal-open"), ariaLabel: `${c.title}${inWeek() ? "" : ", " + sayDay(c.day.date)}`, "html-data-column": c.id,
        style: `height: ${axis.length * SCALE}px; --cal-hour: ${60 * SCALE}px`, onclick: (e) => free(e, c) },
    ...(working || []).map((s) => block("cal-working", s)),
    ...skipped(axis, c.day).map((at) => t.div({ className: "cal-hatch", style: span(at) }, t.span(null, "The clocks skip this time"))),
    ...data.closures.map((s) => block("cal-hatch", s, s.name)),
    ...(c.person?.breaks || []).map((s) => block("cal-hatch", s, s.reason || "Blocked")),
    ...data.busy.filter((s) => c.clinician && s.clinicianId == c.clinician).map((s) => block("cal-busy", s, "Taken")),
    ...data.offers.filter((s) => c.clinician && s.clinicianId == c.clinician).map((s) => block("cal-busy cal-offer", s, "Offered to the waitlist")),
    () => {
        page.tick;
        const at = data.today == c.day.date && now() >= c.day.from && now() < c.day.to && stretch(axis, c.day, now(), now() + MINUTE);
        return at ? t.div({ rid: "now" + at[0], className: "cal-now", style: `top: ${at[0] * SCALE}px`, ariaHidden: "true" }) : null;
    },
    ...items.map((i) => visit(i, c)));
}

const nameOf = (a) => `${whoOf(a)}, ${sayDay(a.appointmentDate)}, ${sayTime(a.localStart)} to ${sayTime(a.localEnd)}, ${a.appointmentType}, ${stateOf(a)[1]}`;

function visit({ a, at, lane, of }, c) {
    const over = ["completed", "no_show"].includes(a.status);
    const [top, bottom] = at;
    return t.div({ role: "button", tabIndex: 0, "html-data-visit": a.id, ariaLabel: nameOf(a),
        className: `cal-visit desk-stop${over ? " cal-over" : ""}${a.status == "requested" ? " cal-request" : ""}${bottom - top < 35 ? " cal-short" : ""}${isBooked(a) ? " cal-moves" : ""}`,
        style: `${span(at)} left: calc(${(lane / of) * 100}% + 2px); width: calc(${100 / of}% - 4px); --cal-color: ${colorOf(a.clinician.id)}`,
        onpointerdown: (e) => begin(e, a, c), onclick: (e) => { e.stopPropagation(); if (!moved) open(a); },
        onkeydown: (e) => { if (e.key == "Enter" || e.key == " ") { e.preventDefault(); open(a); } } },
    t.strong(null, t.i({ className: stateOf(a)[0], ariaHidden: true }), whoOf(a)),
    t.span(null, `${sayTime(a.localStart)} to ${sayTime(a.localEnd)}`),
    t.span(null, [a.appointmentType, a.serviceLocation == "TELEHEALTH" && "video"].filter(Boolean).join(", ")),
    isBooked(a) ? t.span({ className: "cal-grip", "html-data-grip": "1", ariaHidden: "true" }) : null);
}

function open(a) {
    last = a.id;
    if (a.status == "requested") return (location.hash = "#/desk");
    openVisit(a, reload);
}

// ---- free time

function free(e, c) {
    if (moved || e.target.closest("[data-visit]") || page.list) return;
    const box = e.currentTarget.getBoundingClientRect();
    const at = instantAt(shown.axis, c.day, (e.clientY - box.top) / SCALE - page.step / 2, page.step);
    if (at == null) return app.toasts.error("The clocks skip this time on that day.");
    const time = wallOf(shownAt(c.day, at).wall), until = wallOf(Math.min(shownAt(c.day, at).wall + 60, 1439));
    const from = { date: c.day.date, time, until, clinicianId: c.clinician, locationId: page.data.locationId, zone: page.data.timeZone };
    const choices = [["New visit", () => newVisit(from, reload)], ["Block this time", () => blockTime(from, reload)]];
    ask({ title: `${sayDay(c.day.date)}, ${sayShown(c.day, at)}`, body: [c.person ? `With ${c.person.name}.` : ""].filter(Boolean), yes: choices[0][0], no: "Close",
        fields: [button(choices[1][0], (ev) => { ev.target.closest("dialog").close(); choices[1][1](); })],
        act: async () => { setTimeout(choices[0][1], 0); } });
}

const start = () => ({ date: page.data?.days[0]?.date == page.data?.today || !page.data ? page.data?.today || "" : page.data.days[0].date, time: "09:00", until: "10:00", clinicianId: inWeek() ? page.person : "",
    locationId: page.data?.locationId, zone: page.data?.timeZone });

// ---- dragging

let moved = false; // a click that ends a drag opens nothing

function begin(e, a, c) {
    if (!isBooked(a) || e.button || e.pointerType == "touch") return; // fingers scroll; the form moves a visit too
    const element = e.currentTarget, sizing = !!e.target.closest("[data-grip]");
    const origin = { x: e.clientX, y: e.clientY }, grab = e.clientY - element.getBoundingClientRect().top;
    const length = Date.parse(a.endTime) - Date.parse(a.startTime);
    let ghost, to = null;
    moved = false;
    last = a.id;

    function move(ev) {
        if (!ghost) {
            if (Math.hypot(ev.clientX - origin.x, ev.clientY - origin.y) < 5) return;
            moved = true;
            hold(1);
            ghost = t.div({ className: "cal-visit cal-ghost", style: `--cal-color: ${colorOf(a.clinician.id)}` });
            element.classList.add("cal-lifted");
        }
        const box = sizing ? element.closest("[data-column]") : columnAt(ev.clientX);
        if (!box) return;
        const col = shown.cols.find((k) => k.id == box.dataset.column);
        const height = (ev.clientY - box.getBoundingClientRect().top) / SCALE;
        const step = ev.altKey ? 5 : page.step;
        if (sizing) {
            const end = instantAt(shown.axis, col.day, height, step);
            const least = Date.parse(a.startTime) + 5 * MINUTE;
            to = end == null ? null : { col, start: Date.parse(a.startTime), end: Math.max(end, least) };
        } else {
            const at = instantAt(shown.axis, col.day, height - grab / SCALE, step);
            to = at == null ? null : { col, start: at, end: at + length };
        }
        const part = to && stretch(shown.axis, col.day, to.start, to.end);
        ghost.hidden = !part;
        if (!part) return;
        ghost.style.cssText = `${span(part)} left: 2px; width: calc(100% - 4px); --cal-color: ${colorOf(a.clinician.id)}`;
        ghost.textContent = sizing ? `${many((to.end - to.start) / MINUTE, "minute", "minutes")}, until ${sayShown(col.day, to.end)}` : `${whoOf(a)}, ${sayDay(col.day.date)}, ${times(col.day, to.start, to.end)}`;
        if (ghost.parentNode != box) box.appendChild(ghost);
    }

    function stop(ev) {
        removeEventListener("pointermove", move);
        removeEventListener("pointerup", stop);
        removeEventListener("pointercancel", stop);
        removeEventListener("keydown", escape, true);
        if (!ghost) return;
        ghost.remove();
        element.classList.remove("cal-lifted");
        const settle = () => setTimeout(() => (moved = false), 0);
        if (ev.type == "keydown") addEventListener("pointerup", settle, { once: true }); // the button is still down
        else settle();
        if (ev.type != "pointerup" || !to || !drop(a, c, to, sizing)) hold(-1);
    }
    const escape = (ev) => { if (ev.key == "Escape") { ev.preventDefault(); ev.stopPropagation(); stop(ev); } };
    addEventListener("pointermove", move);
    addEventListener("pointerup", stop);
    addEventListener("pointercancel", stop);
    addEventListener("keydown", escape, true);
}

const columnAt = (x) => [...document.querySelectorAll("[data-column]")].find((c) => {
    const box = c.getBoundingClientRect();
    return x >= box.left && x < box.right;
});

// drop asks whether what was dragged shall be so. It tells whether there is something to ask; the page is held until then.
function drop(a, from, to, sizing) {
    const change = {};
    const who = whoOf(a), day = to.col.day;
    const changes = [];
    if (to.start != Date.parse(a.startTime)) {
        change.startTime = instant(to.start);
        changes.push(`to ${sayDay(day.date)}, ${sayShown(day, to.start)}`);
    }
    if (sizing && to.end != Date.parse(a.endTime)) change.duration = (to.end - to.start) / MINUTE;
    if (to.col.clinician && to.col.clinician != a.clinician.id) {
        change.practitionerId = to.col.clinician;
        changes.push(`to ${to.col.title}`);
    }
    if (to.col.room != null && to.col.id != from.id) {
        change.roomId = to.col.room;
        changes.push(to.col.room ? `to ${to.col.title}` : "out of its room");
    }
    if (!Object.keys(change).length) return false;
    const title = change.duration ? `Make ${who}'s visit ${many(change.duration, "minute", "minutes")} long?` : `Move ${who}'s visit ${changes.join(", ")}?`;
    const told = change.startTime || change.practitionerId || change.duration;
    const release = { done: false };
    confirmMove(a, change, {
        title, body: [told ? "The client gets an email." : "The client is not told: only the room changes."], yes: change.duration ? "Change the length" : "Move the visit",
        reload: async () => { late = true; }, // once the question is closed
        onclose: () => { if (!release.done) { release.done = true; hold(-1); } },
    });
    return true;
}

// ---- keyboard: the arrows go from visit to visit, up and down in a column, left and right to the next one

function keys(e) {
    if (e.ctrlKey || e.metaKey || e.altKey || e.target.closest("input, textarea, select, dialog, [popover]")) return;
    const here = document.activeElement?.closest?.("[data-visit]");
    const step = { ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1], j: [1, 0], k: [-1, 0] }[e.key];
    if (!step || (!here && e.key.startsWith("Arrow"))) return;
    const all = [...document.querySelectorAll("[data-visit]")];
    if (!all.length) return;
    e.preventDefault();
    if (!here) return all[0].focus();
    const [down, right] = step;
    const cols = [...document.querySelectorAll("[data-column]")];
    let next;
    if (down) {
        const mine = here.closest("[data-column]");
        const list = (mine ? [...mine.querySelectorAll("[data-visit]")] : all).sort((a, b) => a.offsetTop - b.offsetTop);
        next = list[list.indexOf(here) + down];
    } else {
        for (let i = cols.indexOf(here.closest("[data-column]")) + right; cols[i] && !next; i += right) {
            next = [...cols[i].querySelectorAll("[data-visit]")].sort((a, b) => Math.abs(a.offsetTop - here.offsetTop) - Math.abs(b.offsetTop - here.offsetTop))[0];
        }
    }
    next?.focus();
    next?.scrollIntoView({ block: "nearest", inline: "nearest" });
}

// ---- the list, for small windows and for paper

function agenda() {
    const listed = (day) => page.data.appointments.filter((a) => a.appointmentDate == day.date && (!inWeek() || a.clinician.id == page.person));
    return t.div({ className: "cal-agenda" }, ...days().map((day) => t.section(null,
        t.h2({ className: "desk-heading" }, sayDay(day.date)),
        sayChange(day) ? t.p({ className: "desk-quiet" }, sayChange(day)) : null,
        listed(day).length ? t.ul({ className: "desk-lines" }, ...listed(day).map((a) => t.li({ className: "desk-line" },
            t.div(null, t.button({ type: "button", className: "desk-name", "html-data-visit": a.id, ariaLabel: nameOf(a), onclick: () => open(a) }, `${sayTime(a.localStart)} ${whoOf(a)}`),
                t.span({ className: "desk-sub" }, [born(a.client), a.appointmentType, page.data.clinicians.find((c) => c.id == a.clinician.id)?.name, a.serviceLocation == "TELEHEALTH" ? "video" : page.data.rooms.find((r) => r.id == a.roomId)?.name].filter(Boolean).join(", "))),
            chip(a)))) : t.p({ className: "desk-quiet" }, "No visits."))));
}

// ---- the page

function go(by) {
    if (!by) page.date = page.data?.today || "";
    else page.date = moveDay(page.date || page.data?.today, by * (inWeek() ? 7 : 1));
    load();
}

const step = (by, icon, words) => t.button({ type: "button", className: "btn sm circle transparent secondary", ariaLabel: words, onclick: () => go(by) }, t.i({ className: icon, ariaHidden: true }));
const pick = (label, list, value, onchange) => t.select({ className: "desk-input", ariaLabel: label, onchange: (e) => onchange(e.target.value) }, ...list.map(([v, words]) => t.option({ value: v, selected: v == value }, words)));

function controls() {
    return t.div({ className: "desk-controls" },
        step(-1, "ri-arrow-left-s-line", "Earlier"),
        t.input({ type: "date", className: "desk-input", ariaLabel: "Day", value: () => page.date || page.data?.today || "", onchange: (e) => { if (e.target.value) { page.date = e.target.value; load(); } } }),
        step(1, "ri-arrow-right-s-line", "Later"),
        button("Today", () => go(0), "sm secondary"),
        () => t.span({ rid: "view" + page.view, className: "desk-controls" }, pick("Show", [["day", "Day by clinician"], ["rooms", "Day by room"], ["week", "Week"]], page.view, (v) => { page.view = v; load(); })),
        () => (inWeek() && page.data ? t.span({ rid: "person" + page.person + page.data.clinicians.length }, pick("Clinician", page.data.clinicians.map((c) => [c.id, c.name]), page.person, (v) => (page.person = v))) : null),
        () => (page.data?.locations.length > 1 ? t.span({ rid: "place" + page.data.locationId }, pick("Location", page.data.locations.map((l) => [l.id, l.name]), page.data.locationId, (v) => { page.location = v; load(); })) : null),
        t.span({ className: "desk-controls cal-wide" }, pick("Dragging goes by", [["15", "Drag by 15 min"], ["5", "Drag by 5 min"]], String(page.step), (v) => (page.step = Number(v))),
            pick("Hours", [["", "Working hours"], ["1", "Whole day"]], page.whole ? "1" : "", (v) => (page.whole = !!v))));
}

function refreshState() {
    page.tick;
    if (!page.asked || !page.data) return "";
    const today = days().find((d) => d.date == page.data.today);
    const at = today && shownAt(today, Math.floor(now() / MINUTE) * MINUTE);
    return page.live && !page.problem ? `Live${at ? ", " + sayTime(wallOf(at.wall)) : ""}` : "Not live. Trying again.";
}

function title() {
    if (!page.data) return "";
    const { from, to } = page.data;
    return from == to ? `${from == page.data.today ? "Today, " : ""}${sayDay(from)}` : `${sayShortDay(from)} to ${sayShortDay(to)}`;
}

export default function calendar() {
    app.store.title = "Calendar";
    return t.div({ pbEvent: "calendar", className: "page desk cal", onmount: mount, onunmount: unmount },
        t.div({ className: "page-content full-height" },
            t.header({ className: "page-header" },
                t.h1({ className: "desk-title" }, "Calendar", t.span(null, title)),
                t.div({ className: "desk-bar", hidden: () => !!page.closed }, controls(),
                    t.div({ className: "desk-controls" }, button("New visit", () => newVisit(start(), reload), "sm"), button("Block time", () => blockTime(start(), reload), "sm secondary"), button("Print", () => print(), "sm transparent secondary")),
                    t.span({ className: () => "desk-live " + (page.live && !page.problem ? "on" : "") }, t.i({ className: () => (page.live ? "ri-signal-tower-line" : "ri-wifi-off-line"), ariaHidden: true }), refreshState),
                    app.components.refreshButton({ onclick: () => load() }))),
            () => (page.closed ? t.div({ className: "desk-empty" }, t.p(null, "The calendar is not part of your role.")) : null),
            () => (page.problem ? t.div({ className: "alert warning m-b-sm", role: "alert" }, t.div({ className: "content" }, page.problem), button("Try again", () => load(), "sm secondary")) : null),
            () => (page.data && !inWeek() && sayChange(dayOf(page.data.days[0])) ? t.p({ className: "desk-summary" }, sayChange(dayOf(page.data.days[0]))) : null),
            () => {
                if (page.closed) return null;
                if (!page.data) return t.div({ rid: "wait", className: "desk-skeleton", ariaBusy: "true", ariaLabel: "Loading" }, ...Array.from({ length: 6 }, () => t.span({ className: "skeleton-loader" })));
                const { now: _, ...data } = page.data; // an answer that says nothing new draws nothing anew
                return t.div({ rid: JSON.stringify([data, page.view, page.person, page.whole, page.list]) }, page.list ? agenda() : [grid(), t.div({ className: "cal-paper" }, agenda())]);
            },
            t.footer({ className: "page-footer" }, t.span({ className: "desk-keys" }, "Arrows move, Enter opens, Alt while dragging goes by 5 minutes"), app.components.credits())));
}
