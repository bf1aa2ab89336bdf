// Hours: when clinicians work, when they do not, and when the clinic is closed. A weekly pattern is a shift with a rule
// (RFC 5545): what is written here is what availability and the calendar read. Admins and the front desk change it;
// clinicians their own breaks; others read.

import { sentence } from "./api.js";
import { ask, field } from "./dialog.js";
import { button, choice } from "./proof.js";
import { clinicians, locations, select } from "./visits.js";
import { sayDay, sayTime } from "./words.js";

const page = store({ people: null, places: [], person: "", shifts: [], breaks: [], closures: [], problem: "", closed: "", past: false });

const role = () => (app.store.superuser?.collectionName == "staff" ? app.store.superuser.role : "admin");
const keepsHours = () => ["admin", "front_desk"].includes(role());
const mayBlock = () => keepsHours() || (role() == "clinician" && page.people?.find((p) => p.id == page.person)?.staff == app.store.superuser.id);

const DAYS = [["MO", "Monday"], ["TU", "Tuesday"], ["WE", "Wednesday"], ["TH", "Thursday"], ["FR", "Friday"], ["SA", "Saturday"], ["SU", "Sunday"]];
const PLACES = [["", "At the clinic and by video"], ["in_office", "At the clinic"], ["telehealth", "By video"]];

// ---- asking

const records = (name) => app.pb.collection(name);
const list = (name, options = {}) => records(name).getFullList({ requestKey: null, ...options });

async function load() {
    try {
        if (!page.people) {
            const [people, places] = await Promise.all([clinicians(), locations()]);
            const mine = people.find((p) => p.staff == app.store.superuser?.id);
            Object.assign(page, { people, places, person: (mine || people[0])?.id || "" });
        }
        const of = { filter: app.pb.filter("clinician = {:id}", { id: page.person }), sort: "first_day,starts_at" };
        const [shifts, breaks, closures] = await Promise.all([list("shifts", of), list("breaks", of), list("closures", { sort: "first_day" })]);
        Object.assign(page, { shifts, breaks, closures, problem: "" });
    } catch (err) {
        if (err.isAbort || err.status == 401) return;
        if (err.status == 403) page.closed = sentence(err);
        else page.problem = sentence(err);
    }
}

async function keep(done, write) {
    try {
        await write();
        app.toasts.success(done);
    } catch (err) {
        await load();
        return sentence(err);
    }
    await load();
}

// ---- words

const placeName = (id) => page.places.find((l) => l.id == id)?.name || "";
const rule = (r) => Object.fromEntries((r.rrule || "").split(";").filter(Boolean).map((part) => part.split("=")));
const isWeekly = (r) => { const { FREQ, BYDAY, INTERVAL, ...rest } = rule(r); return FREQ == "WEEKLY" && !!BYDAY && !(Number(INTERVAL) > 2) && !Object.keys(rest).length && /^[A-Z,]+$/.test(BYDAY); };
const daysOf = (r) => (rule(r).BYDAY || "").split(",").filter(Boolean);
const times = (r) => (r.starts_at || r.ends_at ? `${sayTime(r.starts_at)} to ${sayTime(r.ends_at)}` : "all day");

// When something recurs, in words; a rule of another kind is shown as it is written.
function recurs(r) {
    const bounds = [r.last_day ? `until ${sayDay(r.last_day)}` : ""].filter(Boolean);
    if (!r.rrule) return r.last_day && r.last_day != r.first_day ? `Every day from ${sayDay(r.first_day)} to ${sayDay(r.last_day)}` : sayDay(r.first_day);
    if (!isWeekly(r)) return [r.rrule, `from ${sayDay(r.first_day)}`, ...bounds].join(", ");
    const named = daysOf(r).map((d) => DAYS.find(([k]) => k == d)?.[1] || d).join(", ");
    return [`${rule(r).INTERVAL == "2" ? "Every other week" : "Every week"}: ${named}`, `from ${sayDay(r.first_day)}`, ...bounds].join(", ");
}

// Today, where the first place is, so far as a filter of what is over needs it.
const today = () => new Intl.DateTimeFormat("en-CA", { timeZone: page.places[0]?.time_zone || "UTC" }).format(new Date());
const isOver = (r) => (r.last_day ? r.last_day < today() : !r.rrule && r.first_day < today());

// ---- forms

function days(r) {
    const on = r ? daysOf(r) : ["MO", "TU", "WE", "TH", "FR"];
    return t.fieldset({ className: "desk-choice m-t-sm" }, t.legend(null, "Days"), t.div({ className: "cal-days" }, ...DAYS.map(([key, name], i) => {
        const id = `desk_day_${i}_${Math.random().toString(36).slice(2, 8)}`;
        return t.div({ className: "field" }, t.input({ id, type: "checkbox", name: "day_" + key, value: key, checked: on.includes(key) }), t.label({ htmlFor: id }, name));
    })));
}

const chosen = (entered) => DAYS.map(([key]) => key).filter((key) => entered["day_" + key]);
const weekly = (entered) => `FREQ=WEEKLY;${entered.interval == "2" ? "INTERVAL=2;" : ""}BYDAY=${chosen(entered).join(",")}`;

const dates = (r, last = "Empty for no end.") => t.div({ className: "desk-pair" },
    field("First day", "", t.input({ type: "date", name: "first_day", required: true, value: r?.first_day || today() })),
    field("Last day", last, t.input({ type: "date", name: "last_day", value: r?.last_day || "" })));
const hours = (r, from = "09:00", until = "17:00", required = true) => t.div({ className: "desk-pair" },
    field("From", "", t.input({ type: "time", name: "starts_at", required, step: 300, value: r ? r.starts_at : from })),
    field("Until", "", t.input({ type: "time", name: "ends_at", required, step: 300, value: r ? r.ends_at : until })));

function bad({ first_day, last_day }) {
    return last_day && last_day < first_day ? "The last day is before the first." : "";
}

function shift(r) {
    ask({
        title: r ? "Change these hours" : "Add working hours", body: ["Visits that are booked already stay, whatever the hours become."],
        fields: [days(r), hours(r),
            t.div({ className: "desk-pair" },
                field("Where", "", select("location", page.places.map((l) => [l.id, l.name]), r?.location)),
                field("Kind of visit", "", select("kind", PLACES, r?.service_locations?.length == 1 ? r.service_locations[0] : ""))),
            field("How often", "", select("interval", [["1", "Every week"], ["2", "Every other week"]], rule(r || {}).INTERVAL || "1")),
            dates(r)],
        yes: r ? "Change the hours" : "Add the hours", no: "Not now",
        act: (e) => {
            if (!chosen(e).length) return "Choose at least one day.";
            if (bad(e)) return bad(e);
            const values = { clinician: page.person, location: e.location, rrule: weekly(e), starts_at: e.starts_at, ends_at: e.ends_at, first_day: e.first_day, last_day: e.last_day,
                service_locations: e.kind ? [e.kind] : [], is_active: true };
            return keep("The hours are kept.", () => (r ? records("shifts").update(r.id, values, { requestKey: null }) : records("shifts").create(values, { requestKey: null })));
        },
    });
}

function pause(r) {
    const state = store({ every: r ? (r.rrule ? "weekly" : "once") : "once" });
    ask({
        title: r ? "Change this break" : "Add a break or time off", body: ["Nobody can be booked then. Leave the times empty for whole days."],
        fields: [choice("When", "every", [["once", "On one day, or from one day to another"], ["weekly", "Every week"]], { value: state.every, onchange: (v) => (state.every = v) }),
            () => (state.every == "weekly" ? t.div({ rid: "days" }, days(r?.rrule ? r : null)) : null),
            hours(r, "12:00", "13:00", false), dates(r, "For one day, leave it empty."),
            field("What for (optional)", "Staff see it. No names of clients.", t.input({ type: "text", name: "reason", maxLength: 200, value: r?.reason || "" }))],
        yes: r ? "Change the break" : "Add the break", no: "Not now",
        act: (e) => {
            if (bad(e)) return bad(e);
            if (!e.starts_at != !e.ends_at) return "Enter both times, or none for whole days.";
            if (e.every == "weekly" && !chosen(e).length) return "Choose at least one day.";
            const values = { clinician: page.person, rrule: e.every == "weekly" ? weekly(e) : "", starts_at: e.starts_at, ends_at: e.ends_at, first_day: e.first_day, last_day: e.last_day, reason: e.reason.trim(), is_active: true };
            return keep("The break is kept.", () => (r ? records("breaks").update(r.id, values, { requestKey: null }) : records("breaks").create(values, { requestKey: null })));
        },
    });
}

function closure(r) {
    ask({
        title: r ? "Change this closure" : "Close the clinic", body: ["Nobody can be booked then. Leave the times empty for whole days."],
        fields: [field("Name", "Staff see it in the calendar: a holiday, a staff day.", t.input({ type: "text", name: "name", required: true, maxLength: 120, value: r?.name || "" })),
            dates(r, "For one day, leave it empty."), hours(r, "", "", false),
            field("Where", "", select("location", [["", "Every location"], ...page.places.map((l) => [l.id, l.name])], r?.location || ""))],
        yes: r ? "Change the closure" : "Close the clinic then", no: "Not now",
        act: (e) => {
            if (bad(e)) return bad(e);
            if (!e.starts_at != !e.ends_at) return "Enter both times, or none for whole days.";
            const values = { name: e.name.trim(), location: e.location, first_day: e.first_day, last_day: e.last_day, starts_at: e.starts_at, ends_at: e.ends_at, is_active: true, ...(r ? {} : { rrule: "" }) };
            return keep("The closure is kept.", () => (r ? records("closures").update(r.id, values, { requestKey: null }) : records("closures").create(values, { requestKey: null })));
        },
    });
}

function removal(name, r, what) {
    ask({ title: `Remove ${what}?`, body: [`${recurs(r)}, ${times(r)}.`, "Visits that are booked already stay."], yes: "Remove", no: "Keep it", tone: "danger",
        act: () => keep("Removed.", () => records(name).delete(r.id, { requestKey: null })) });
}

// ---- the page

function acts(may, change, remove, words) {
    return may ? t.div({ className: "desk-controls" }, change ? button("Change", change, "sm secondary", { ariaLabel: `Change ${words}` }) : null, button("Remove", remove, "sm transparent secondary", { ariaLabel: `Remove ${words}` })) : null;
}

function shiftTable() {
    const shown = page.shifts.filter((r) => page.past || !isOver(r));
    if (!shown.length) return t.p({ rid: "none", className: "desk-quiet" }, "No working hours are entered. Until there are some, clients can ask this clinician for a time, and not book one.");
    const cell = (name, ...content) => t.td({ "html-data-name": name }, ...content);
    return t.table({ rid: JSON.stringify([shown, page.places.length]), className: "desk-table cal-plain" }, t.caption({ className: "desk-hidden" }, "Working hours"),
        t.thead(null, t.tr(null, ...["Days", "From", "Until", "Where", "Kind of visit", "First day", "Last day", ""].map((h) => (h ? t.th({ scope: "col" }, h) : t.td(null))))),
        t.tbody(null, ...shown.map((r) => t.tr({ className: r.is_active ? "" : "desk-past" },
            cell("Days", isWeekly(r) ? daysOf(r).map((d) => DAYS.find(([k]) => k == d)?.[1].slice(0, 3)).join(", ") + (rule(r).INTERVAL == "2" ? ", every other week" : "") : r.rrule || "Every day"), cell("From", sayTime(r.starts_at)), cell("Until", sayTime(r.ends_at)),
            cell("Where", placeName(r.location)), cell("Kind of visit", PLACES.find(([k]) => k == (r.service_locations?.length == 1 ? r.service_locations[0] : ""))[1] + (r.services?.length ? ", some services" : "")),
            cell("First day", sayDay(r.first_day)), cell("Last day", r.last_day ? sayDay(r.last_day) : "No end"),
            cell("", acts(keepsHours(), isWeekly(r) ? () => shift(r) : null, () => removal("shifts", r, "these hours"), `the hours of ${recurs(r)}`))))));
}

function lines(name, all, may, change, what, label) {
    const shown = all.filter((r) => page.past || !isOver(r));
    if (!shown.length) return t.p({ rid: "none", className: "desk-quiet" }, "None.");
    return t.ul({ rid: JSON.stringify(shown), className: "desk-lines" }, ...shown.map((r) => t.li({ className: "desk-line" },
        t.div(null, t.strong(null, label(r)), t.span({ className: "desk-sub" }, [recurs(r), times(r), name == "closures" ? placeName(r.location) || "every location" : ""].filter(Boolean).join(", "))),
        acts(may, !r.rrule || (name == "breaks" && isWeekly(r)) ? () => change(r) : null, () => removal(name, r, what), `${label(r)}, ${recurs(r)}`))));
}

export default function hoursPage() {
    app.store.title = "Hours";
    const section = (title, may, add, words, body) => t.section({ className: "desk-card" }, t.div({ className: "desk-line" }, t.h2({ className: "desk-heading" }, title), () => (may() ? button(words, add, "sm secondary") : null)), body);
    return t.div({ pbEvent: "hours", className: "page desk", onmount: () => load() },
        t.div({ className: "page-content full-height" },
            t.header({ className: "page-header" }, t.h1({ className: "desk-title" }, "Hours"),
                t.div({ className: "desk-bar" },
                    () => (page.people?.length ? t.select({ rid: page.person + page.people.length, className: "desk-input", ariaLabel: "Clinician", onchange: (e) => { page.person = e.target.value; load(); } },
                        ...page.people.map((p) => t.option({ value: p.id, selected: p.id == page.person }, p.name))) : null),
                    () => button(page.past ? "Without what is over" : "Also what is over", () => (page.past = !page.past), "sm transparent secondary"))),
            () => (page.closed ? t.p({ className: "desk-empty" }, "Hours are not part of your role.") : null),
            () => (page.problem ? t.div({ rid: page.problem, className: "alert warning m-b-sm", role: "alert" }, t.div({ className: "content" }, page.problem), button("Try again", () => load(), "sm secondary")) : null),
            () => (page.closed || !page.people ? null : t.div({ rid: "open", className: "cal-hourly" },
                section("Working hours", keepsHours, () => shift(), "Add hours", shiftTable),
                section("Breaks and time off", mayBlock, () => pause(), "Add a break", () => lines("breaks", page.breaks, mayBlock(), pause, "this break", (r) => r.reason || "Break")),
                section("The clinic is closed", keepsHours, () => closure(), "Add a closure", () => lines("closures", page.closures, keepsHours(), closure, "this closure", (r) => r.name)))),
            t.footer({ className: "page-footer" }, t.span({ className: "desk-keys" }, "Times are those of the clock at each location"), app.components.credits())));
}
