// A visit at the desk: how it is called and shown, and what can be done with it. The pages that show visits share this.

import { desk, detailsOf, post, sentence } from "./api.js";
import { findClient } from "./client.js";
import { ask, field, show } from "./dialog.js";
import { choice, tick } from "./proof.js";
import { many, sayBirth, sayDay, sayInstantIn, sayMoney, sayTime, sayZone } from "./words.js";

export const STATES = {
    requested: ["ri-hourglass-line", "Waiting for an answer", "info"],
    scheduled: ["ri-calendar-line", "Booked", ""],
    confirmed: ["ri-checkbox-circle-line", "Confirmed", "success"],
    arrived: ["ri-user-location-line", "Here", "info"],
    in_progress: ["ri-door-open-line", "In the room", "info"],
    completed: ["ri-check-double-line", "Done", ""],
    cancelled: ["ri-forbid-line", "Cancelled", ""],
    declined: ["ri-forbid-line", "Declined", ""],
    no_show: ["ri-user-unfollow-line", "Did not come", "warning"],
};
const ROOM_READY = ["ri-door-line", "Room ready", "success"];

export const stateOf = (a) => (a.status == "arrived" && a.waitingRoomStatus == "room_ready" ? ROOM_READY : STATES[a.status] || ["ri-question-line", a.status, ""]);

export function chip(a) {
    const [icon, words, tone] = stateOf(a);
    return t.span({ className: "label desk-chip " + tone }, t.i({ className: icon, ariaHidden: true }), words);
}

// "Dr. Ana Reyes", but "Ben Carter, LCSW": a form of address stands before a name, credentials after it.
const ADDRESS = /^(dra?|mrs?|ms|mx|miss|prof|rev|sra?|srta)\.?$/i;
export function nameOf(c) {
    const name = [c.firstName, c.lastName].filter(Boolean).join(" ");
    return ADDRESS.test(c.title) ? `${c.title} ${name}` : [name, c.title].filter(Boolean).join(", ");
}
export const clinician = ({ clinician: c }) => (c?.lastName ? nameOf(c) : "anybody");
export const place = (visit) => (visit.serviceLocation == "TELEHEALTH" ? "by video" : `at ${visit.location?.name || "the clinic"}`);
export const born = (client) => (client.dateOfBirth ? "born " + sayBirth(client.dateOfBirth) : "");
export const when = (day, wall) => `${sayDay(day)}, ${sayTime(wall)}`;
export const whoOf = (a) => (a.guestName ? `${a.guestName}, guest of ${a.client.name}` : a.client.name);

export const isBooked = (a) => ["scheduled", "confirmed"].includes(a.status);
export const options = (list, chosen) => list.map(([value, words]) => t.option({ value, selected: value == chosen }, words));
export const select = (name, list, chosen, more = {}) => t.select({ name, className: "desk-input desk-wide", ...more }, ...options(list, chosen));

// ---- refusals

const HOURS = ["OUTSIDE_HOURS", "outside_hours"];
export const isOutside = (err) => HOURS.includes(detailsOf(err).reason) || Object.values(detailsOf(err).fields || {}).some((f) => HOURS.includes(f.code));

/** Why a time cannot be had, with the next one that can. */
export function refusal(err) {
    const { reason, nextAvailable } = detailsOf(err);
    if (reason == "STALE") return "Somebody changed this visit a moment ago. It is shown as it is now; look again before you move it.";
    const words = sentence(err);
    if (reason != "SLOT_UNAVAILABLE" || !nextAvailable) return words;
    const { localDate, localTime } = nextAvailable;
    return words.includes("next") ? words : `${words} The next free time is ${when(localDate, localTime)}.`;
}

// timed is a field for a day, one for a time, and, once the server has said that nobody works then, the choice to book
// anyway. Its send tries and says what came of it.
export function timed({ date = "", time = "", zone, waived = "Book outside working hours anyway" }) {
    const state = store({ outside: false });
    return {
        fields: [t.div({ className: "desk-pair" },
            field("Date", "", t.input({ type: "date", name: "date", required: true, value: date })),
            field("Time", "", t.input({ type: "time", name: "time", required: true, step: 300, value: time }))),
        t.div({ className: "field-help" }, `Times are ${sayZone(zone)}.`),
        () => (state.outside ? t.div({ rid: "outside" }, tick(waived, { name: "outsideHours" })) : null)],
        body: (entered) => ({ startTime: `${entered.date}T${entered.time}`, ...(entered.outsideHours ? { outsideHours: true } : {}) }),
        refused: (err) => {
            if (isOutside(err)) state.outside = true;
            return refusal(err);
        },
    };
}

// ---- the states of a visit

async function act(a, path, body, done, reload) {
    try {
        const answer = await post(desk, `appointments/${a.id}/${path}`, body);
        app.toasts.success(done);
        await reload(answer);
    } catch (err) {
        await reload();
        return refusal(err);
    }
}

const at = (a, path, body, done, reload) => act(a, path, body, done, reload).then((problem) => problem && app.toasts.error(problem));

function noShow(a, reload) {
    ask({ title: `${whoOf(a)} did not come?`, body: ["The visit is closed as missed, and counted with the client. This cannot be undone."], yes: "Close as missed", no: "Not yet", tone: "danger",
        act: () => act(a, "move", { status: "no_show" }, "Closed as missed.", reload) });
}

function cancel(a, reload) {
    const fee = a.lateFeeCents || 0;
    ask({
        title: `Cancel ${whoOf(a)}'s visit on ${when(a.appointmentDate, a.localStart)}?`,
        body: ["The client gets an email. This cannot be undone.", ...(fee ? ["The free period has ended."] : [])],
        fields: [field("Reason", "Staff see it in the visit's history.", t.textarea({ name: "reason", required: true, maxLength: 500, rows: 2 })),
            ...(fee ? [choice("Late fee", "fee", [["", "No fee"], ["charge", `Charge the late fee of ${sayMoney(fee, a.currency)}`]], { value: "" })] : [])],
        yes: "Cancel the visit", no: "Keep it", tone: "danger",
        act: (entered) => (entered.reason.trim() ? act(a, "move", { status: "cancelled", reason: entered.reason.trim(), ...(entered.fee == "charge" ? { chargeFee: true } : {}) }, "Cancelled.", reload)
            : "Write a reason. Staff see it in the visit's history."),
    });
}

/** What can be done with a visit now: [words, act, tone]. The first is what usually comes next. */
export function actsFor(a, reload) {
    const to = (status, done) => () => at(a, "move", { status }, done, reload);
    const who = whoOf(a);
    const acts = [];
    if (a.status == "scheduled" || a.status == "confirmed") acts.push(["Check in", to("arrived", `${who} is checked in.`), "success"]);
    if (a.status == "scheduled") acts.push(["Confirm", to("confirmed", "Confirmed.")]);
    if (a.status == "arrived" && a.waitingRoomStatus != "room_ready") acts.push(["Room ready", () => at(a, "room-ready", {}, `${who} is told that the room is ready.`, reload), "success"]);
    if (a.status == "arrived") acts.push(["Start", to("in_progress", "The visit has begun."), a.waitingRoomStatus == "room_ready" ? "success" : ""]);
    if (a.status == "in_progress") acts.push(["Finish", to("completed", "The visit is done."), "success"]);
    if (isBooked(a) || a.status == "arrived") acts.push(["No show", () => noShow(a, reload)]);
    if (isBooked(a)) acts.push(["Cancel", () => cancel(a, reload)]);
    return acts;
}

const EVENTS = { requested: "Asked for", booked: "Booked", scheduled: "Booked", confirmed: "Confirmed", moved: "Moved", cancelled: "Cancelled", declined: "Declined", arrived: "Checked in", room_ready: "Room ready",
    in_progress: "Begun", started: "Begun", completed: "Finished", no_show: "Did not come" };

// What was done with a visit; it comes a moment after the panel.
function history(a) {
    const state = store({ events: null, problem: "" });
    const said = (at) => sayInstantIn(a.timeZone, at);
    desk(`appointments/${a.id}/history`).then(({ events }) => (state.events = events)).catch((err) => (state.problem = sentence(err)));
    return [t.h3({ className: "desk-heading m-t-sm" }, "History"), () => {
        if (state.problem) return t.p({ rid: "problem", role: "alert" }, state.problem);
        if (!state.events) return t.p({ rid: "wait", className: "desk-quiet", ariaBusy: "true" }, "Loading…");
        return t.ul({ rid: "list", className: "desk-lines" }, ...state.events.map((e) => t.li({ className: "desk-line" }, t.div(null,
            t.strong(null, EVENTS[e.what] || e.what), t.span({ className: "desk-sub" }, [e.by && `by ${e.by}`, said(e.at)].filter(Boolean).join(", ")),
            e.what == "moved" && e.fromStart && e.toStart ? t.span({ className: "desk-sub" }, `from ${said(e.fromStart)} to ${said(e.toStart)}`) : null,
            e.reason ? t.span({ className: "desk-words" }, e.reason) : null))));
    }];
}

/** The panel of a visit. more are further acts. */
export function openVisit(a, reload, more = []) {
    const row = (name, value) => value && [t.dt(null, name), t.dd(null, value)];
    const list = [
        row("When", `${when(a.appointmentDate, a.localStart)} to ${sayTime(a.localEnd)}`), row("State", chip(a)),
        row("Client", [whoOf(a), born(a.client)].filter(Boolean).join(", ")), row("Service", a.appointmentType), row("With", clinician(a)),
        row("Where", a.serviceLocation == "TELEHEALTH" ? "By video" : a.location?.name),
        row("Video", a.telehealthLink && t.a({ href: a.telehealthLink, target: "_blank", rel: "noreferrer" }, "Open the video room")),
        a.formsMissing != null && row("Forms missing", a.formsMissing ? String(a.formsMissing) : "None"),
        a.balanceCents != null && row("Balance", sayMoney(a.balanceCents || 0, a.currency)), row("Alerts", (a.alerts || []).join(", ")), row("Client's note", a.notes),
        row("Deposit", a.depositCents && `${sayMoney(a.depositCents, a.currency)}, ${a.depositPaid ? "paid" : "not paid yet"}`),
    ];
    const records = app.store.collections.find((c) => c.name == "appointments");
    show({
        title: whoOf(a),
        content: [t.dl({ className: "desk-facts" }, ...list.filter(Boolean).flat()), ...history(a)],
        acts: [...(isBooked(a) ? [["Move", () => moveVisit(a, reload)]] : []), ...more, ...actsFor(a, reload),
            ...(records ? [["Open the record", () => app.modals.openRecordUpsert(records, a.id, { onsave: () => reload() })]] : [])],
    });
}

// ---- moving

/** Asks before a visit is moved as `change` says, and moves it. sayTo is the new time in words. */
export function confirmMove(a, change, { title, body = ["The client gets an email with the new time."], yes = "Move the visit", reload, onclose }) {
    const state = store({ outside: false });
    let done = false;
    ask({
        title, body, yes, no: "Leave it", tone: "",
        fields: [() => (state.outside ? t.div({ rid: "outside" }, tick("Book outside working hours anyway", { name: "outsideHours" })) : null)],
        act: async (entered) => {
            try {
                const moved = await post(desk, `appointments/${a.id}/reschedule`, { ...change, version: a.version || a.updatedAt, ...(entered.outsideHours ? { outsideHours: true } : {}) });
                done = true;
                app.toasts.success(`Moved to ${when(moved.appointmentDate, moved.localStart)}.`);
                await reload(moved);
            } catch (err) {
                if (isOutside(err)) state.outside = true;
                if (detailsOf(err).reason == "STALE") reload();
                return refusal(err);
            }
        },
        onclose: () => onclose?.(done),
    });
}

/** The form that does by keyboard whatever dragging does. */
export async function moveVisit(a, reload) {
    const people = await clinicians();
    const rooms = a.location ? await roomsAt(a.location.id) : [];
    const at = timed({ date: a.appointmentDate, time: a.localStart, zone: a.timeZone });
    ask({
        title: `Move ${whoOf(a)}'s visit`, body: [`It is on ${when(a.appointmentDate, a.localStart)}. The client gets an email when the time changes.`],
        fields: [at.fields[0], at.fields[1],
            t.div({ className: "desk-pair" },
                field("With", "", select("practitionerId", people.map((p) => [p.id, p.name]), a.clinician.id)),
                field("Minutes", "", t.input({ type: "number", name: "duration", required: true, min: 5, max: 1440, step: 5, value: String(a.duration) }))),
            ...(rooms.length ? [field("Room", "", select("roomId", [["", "As it is"], ...rooms.map((r) => [r.id, r.name])], ""))] : []),
            field("Reason (optional)", "Staff see it in the visit's history.", t.input({ type: "text", name: "reason", maxLength: 500 })), at.fields[2]],
        yes: "Move the visit", no: "Leave it",
        act: async (entered) => {
            const change = { version: a.version || a.updatedAt };
            if (entered.date != a.appointmentDate || entered.time != a.localStart) change.startTime = `${entered.date}T${entered.time}`;
            if (entered.practitionerId != a.clinician.id) change.practitionerId = entered.practitionerId;
            if (Number(entered.duration) != a.duration) change.duration = Number(entered.duration);
            if (entered.roomId) change.roomId = entered.roomId;
            if (Object.keys(change).length == 1) return "Nothing is different yet. Choose another time, clinician, room or length.";
            if (entered.reason.trim()) change.reason = entered.reason.trim();
            if (entered.outsideHours) change.outsideHours = true;
            try {
                const moved = await post(desk, `appointments/${a.id}/reschedule`, change);
                app.toasts.success(`Moved to ${when(moved.appointmentDate, moved.localStart)}.`);
                await reload(moved);
            } catch (err) {
                if (detailsOf(err).reason == "STALE") reload();
                return at.refused(err);
            }
        },
    });
}

// ---- the clinic's people, places and services, as the record API gives them

const all = (collection, options) => app.pb.collection(collection).getFullList({ requestKey: null, ...options });

export const clinicians = async () => (await all("clinicians", { filter: "is_active = true", sort: "last_name,first_name" }))
    .map((c) => ({ id: c.id, name: nameOf({ firstName: c.first_name, lastName: c.last_name, title: c.title }), staff: c.staff, locations: c.locations }));
export const roomsAt = (location) => all("rooms", { filter: app.pb.filter("is_active = true && kind = 'room' && location = {:location}", { location }), sort: "name" });
export const services = () => all("services", { filter: "is_active = true", sort: "name" });
export const locations = () => all("locations", { filter: "is_active = true", sort: "created" });

// ---- a new visit

/** A client to be found and chosen, as a field of a form. */
export function pickClient() {
    const state = store({ chosen: null });
    const find = findClient({ label: "Find the client", row: (c) => t.li({ className: "desk-line" },
        t.div(null, t.strong(null, `${c.firstName} ${c.lastName}`), t.span({ className: "desk-sub" }, born(c))),
        t.button({ type: "button", className: "btn sm secondary", ariaLabel: `Choose ${c.firstName} ${c.lastName}, ${born(c)}`, onclick: () => (state.chosen = c) }, t.span({ className: "txt" }, "Choose"))) });
    return {
        id: () => state.chosen?.id || "",
        name: () => (state.chosen ? `${state.chosen.firstName} ${state.chosen.lastName}` : ""),
        element: t.div(null, () => (state.chosen
            ? t.p({ rid: state.chosen.id, className: "desk-line" }, t.span(null, t.strong(null, `${state.chosen.firstName} ${state.chosen.lastName}`), `, ${born(state.chosen)}`),
                t.button({ type: "button", className: "btn sm secondary", onclick: () => (state.chosen = null) }, t.span({ className: "txt" }, "Somebody else")))
            : t.div({ rid: "find" }, find.element))),
    };
}

/** The form of a new visit. from: { date, time, clinicianId, locationId, zone }. */
export async function newVisit(from, reload) {
    let people, offered, places;
    try {
        [people, offered, places] = await Promise.all([clinicians(), services(), locations()]);
    } catch (err) {
        return app.toasts.error(sentence(err));
    }
    const client = pickClient();
    const spot = places.find((l) => l.id == from.locationId) || places[0];
    const at = timed({ date: from.date, time: from.time, zone: from.zone || spot.time_zone });
    const chosen = store({ service: offered[0]?.id || "" });
    const where = () => {
        const service = offered.find((s) => s.id == chosen.service);
        const kinds = [["IN_OFFICE", "in_office", "At the clinic"], ["TELEHEALTH", "telehealth", "By video"]].filter(([, kind]) => service?.service_locations?.includes(kind));
        return t.div({ rid: chosen.service }, field("Where", "", select("serviceLocation", kinds.map(([value, , words]) => [value, words]), kinds[0]?.[0])));
    };
    const who = () => {
        const fits = people.filter((p) => !offered.find((s) => s.id == chosen.service)?.clinicians?.length || offered.find((s) => s.id == chosen.service).clinicians.includes(p.id));
        return t.div({ rid: "who" + chosen.service }, field("With", "", select("practitionerId", [["", "Whoever is free"], ...fits.map((p) => [p.id, p.name])], from.clinicianId || "")));
    };
    ask({
        title: "New visit", body: [],
        fields: [client.element,
            field("Service", "", select("serviceId", offered.map((s) => [s.id, `${s.name}, ${many(s.duration, "minute", "minutes")}`]), chosen.service, { onchange: (e) => (chosen.service = e.target.value) })),
            who, where,
            ...(places.length > 1 ? [field("Location", "", select("locationId", places.map((l) => [l.id, l.name]), spot.id))] : []),
            at.fields[0], at.fields[1],
            choice("State", "status", [["scheduled", "Booked"], ["confirmed", "Confirmed by the client"]], { value: "scheduled" }),
            field("Note for staff (optional)", "", t.input({ type: "text", name: "staffNotes", maxLength: 500 })), at.fields[2]],
        yes: "Book the visit", no: "Not now",
        act: async (entered) => {
            if (!client.id()) return "Find the client first, then choose them from the list.";
            const body = { clientId: client.id(), serviceId: entered.serviceId, locationId: entered.locationId || spot.id, serviceLocation: entered.serviceLocation, status: entered.status, ...at.body(entered) };
            if (entered.practitionerId) body.practitionerId = entered.practitionerId;
            if (entered.staffNotes.trim()) body.staffNotes = entered.staffNotes.trim();
            try {
                const { appointment } = await post(desk, "appointments", body);
                app.toasts.success(`Booked: ${client.name()}, ${when(appointment.appointmentDate, appointment.localStart)}.`);
                await reload(appointment);
            } catch (err) {
                return at.refused(err);
            }
        },
    });
}

/** The form that keeps a time free of visits, as a break in the clinician's hours. */
export async function blockTime(from, reload) {
    const me = app.store.superuser;
    let people;
    try {
        people = await clinicians();
    } catch (err) {
        return app.toasts.error(sentence(err));
    }
    if (me?.collectionName == "staff" && me.role == "clinician") people = people.filter((p) => p.staff == me.id);
    if (!people.length) return app.toasts.error("Only your own time can be blocked, and you have no calendar.");
    ask({
        title: "Block this time", body: ["Nobody can be booked then. Visits that are there already stay."],
        fields: [field("For", "", select("clinician", people.map((p) => [p.id, p.name]), from.clinicianId)),
            field("Date", "", t.input({ type: "date", name: "first_day", required: true, value: from.date })),
            t.div({ className: "desk-pair" },
                field("From", "", t.input({ type: "time", name: "starts_at", required: true, step: 300, value: from.time || "12:00" })),
                field("Until", "", t.input({ type: "time", name: "ends_at", required: true, step: 300, value: from.until || "13:00" }))),
            field("What for (optional)", "Staff see it. No names of clients.", t.input({ type: "text", name: "reason", maxLength: 200 }))],
        yes: "Block this time", no: "Not now",
        act: async (entered) => {
            if (entered.ends_at <= entered.starts_at) return "The end has to be after the start.";
            try {
                await app.pb.collection("breaks").create({ ...entered, reason: entered.reason.trim(), is_active: true }, { requestKey: null });
                app.toasts.success(`Blocked: ${when(entered.first_day, entered.starts_at)} to ${sayTime(entered.ends_at)}.`);
                await reload();
            } catch (err) {
                return sentence(err);
            }
        },
    });
}
