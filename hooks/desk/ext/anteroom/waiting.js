// The waitlist at the front desk: who waits for what, which offers stand and how long, and a time offered by hand.

import { desk, post, remove, sentence } from "./api.js";
import { ask, field } from "./dialog.js";
import { button } from "./proof.js";
import { clinicians, pickClient, select, services, timed, when } from "./visits.js";
import { many, sayAge, sayTime } from "./words.js";

const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const AVAILABLE = [["", "Any day"], ...DAYS.map((d, i) => [String(i), d])];

export const waitlist = store({ entries: null, services: {}, clinicians: {}, problem: "" }); // entries name their service and clinician by id

async function learnNames(entries) {
    if (entries.every((e) => waitlist.services[e.serviceId] && (!e.clinicianId || waitlist.clinicians[e.clinicianId]))) return;
    const [kinds, people] = await Promise.all([services(), clinicians()]);
    Object.assign(waitlist, { services: Object.fromEntries(kinds.map((s) => [s.id, s.name])), clinicians: Object.fromEntries(people.map((p) => [p.id, p.name])) });
}

/** Asks for the waitlist of a place; `headers` say whether somebody asked. */
export async function loadWaitlist(locationId, headers = {}) {
    try {
        const { entries } = await desk("waitlist", { query: locationId ? { locationId, limit: 100 } : { limit: 100 }, headers });
        await learnNames(entries);
        Object.assign(waitlist, { entries, problem: "" });
    } catch (err) {
        if (err.isAbort || err.status == 401) return;
        Object.assign(waitlist, { entries: waitlist.entries || [], problem: sentence(err) });
    }
}

const wishes = (e) => [e.days?.length ? e.days.map((d) => DAYS[d].slice(0, 3)).join(", ") : "any day", e.from && e.to ? `${sayTime(e.from)} to ${sayTime(e.to)}` : e.from ? `from ${sayTime(e.from)}` : e.to ? `until ${sayTime(e.to)}` : ""].filter(Boolean).join(", ");

function left(at) {
    const minutes = Math.max(0, Math.ceil((Date.parse(at) - Date.now()) / 60000));
    return minutes < 60 ? many(minutes, "minute", "minutes") : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

async function act(send, done, reload) {
    try {
        await send();
        app.toasts.success(done);
    } catch (err) {
        reload();
        return sentence(err);
    }
    await reload();
}

function offer(e, reload, zone) {
    const at = timed({ zone });
    clinicians().then((people) => ask({
        title: `Offer ${e.client.name} a time`, body: ["The client is told, and the time is kept for them until they answer or the offer ends."],
        fields: [field("With", "", select("practitionerId", [["", "Whoever is free"], ...people.map((p) => [p.id, p.name])], e.clinicianId || "")), at.fields[0], at.fields[1]],
        yes: "Offer this time", no: "Not now",
        act: async (entered) => {
            const body = at.body(entered);
            delete body.outsideHours;
            if (entered.practitionerId) body.practitionerId = entered.practitionerId;
            try {
                await post(desk, `waitlist/${e.id}/offer`, body);
            } catch (err) {
                return at.refused(err);
            }
            app.toasts.success(`Offered to ${e.client.name}.`);
            await reload();
        },
    })).catch((err) => app.toasts.error(sentence(err)));
}

const withdraw = (e, reload) => ask({ title: `Take ${e.client.name} off the waitlist?`, body: [e.offer ? "The offer that stands ends, and the time goes to the next in line." : "They keep no place in line."], yes: "Take off the waitlist", no: "Keep waiting", tone: "danger",
    act: () => act(() => remove(desk, `waitlist/${e.id}`), `${e.client.name} is off the waitlist.`, reload) });

async function join(reload, locationId) {
    let people, kinds;
    try {
        [people, kinds] = await Promise.all([clinicians(), services()]);
    } catch (err) {
        return app.toasts.error(sentence(err));
    }
    const client = pickClient();
    ask({
        title: "Put a client on the waitlist", body: [],
        fields: [client.element, field("Service", "", select("serviceId", kinds.map((s) => [s.id, s.name]), "")),
            t.div({ className: "desk-pair" }, field("With", "", select("clinicianId", [["", "Anybody"], ...people.map((p) => [p.id, p.name])], "")), field("Day", "", select("day", AVAILABLE, ""))),
            t.div({ className: "desk-pair" }, field("Not before (optional)", "", t.input({ type: "time", name: "from", step: 300 })), field("Until (optional)", "", t.input({ type: "time", name: "to", step: 300 }))),
            field("Last day (optional)", "Afterwards they are no longer asked.", t.input({ type: "date", name: "expiresOn" }))],
        yes: "Put on the waitlist", no: "Not now",
        act: async (e) => {
            if (!client.id()) return "Find the client first, then choose them from the list.";
            const body = { clientId: client.id(), serviceId: e.serviceId, days: e.day ? [Number(e.day)] : [] };
            for (const name of ["clinicianId", "from", "to", "expiresOn"]) if (e[name]) body[name] = e[name];
            if (locationId) body.locationId = locationId;
            return act(() => post(desk, "waitlist", body), `${client.name()} is on the waitlist.`, reload);
        },
    });
}

/** The panel. zone() is that of the place shown, tick() moves the time left along. */
export function waitlistPanel({ reload, zone, location, tick }) {
    return t.section({ className: "m-t-base", ariaLabel: "Waitlist" },
        t.div({ className: "desk-line" }, t.h2({ className: "desk-heading" }, "Waitlist"), button("Add a client", () => join(reload, location()), "sm secondary", { ariaLabel: "Put a client on the waitlist" })),
        () => {
            if (waitlist.problem) return t.p({ rid: waitlist.problem, role: "alert" }, waitlist.problem);
            if (!waitlist.entries) return t.div({ rid: "wait", className: "desk-skeleton", ariaBusy: "true", ariaLabel: "Loading" }, t.span({ className: "skeleton-loader" }));
            if (!waitlist.entries.length) return t.p({ rid: "none", className: "desk-quiet" }, "Nobody is waiting.");
            return t.ul({ rid: JSON.stringify(waitlist.entries), className: "desk-requests" }, ...waitlist.entries.map((e) => t.li({ className: "desk-request" },
                t.h3(null, e.client.name), t.p(null, `${waitlist.services[e.serviceId] || "A visit"} with ${waitlist.clinicians[e.clinicianId] || "anybody"}, ${wishes(e)}`),
                () => {
                    tick();
                    return e.offer ? t.p({ rid: "offer" + left(e.offer.expiresAt) }, t.span({ className: "label desk-chip info" }, t.i({ className: "ri-timer-line", ariaHidden: true }), "Offered"), `${when(e.offer.slot.localDate, e.offer.slot.localTime)}. ${left(e.offer.expiresAt)} left to answer.`) : null;
                },
                t.div({ className: "desk-acts" },
                    e.offer ? null : button("Offer a time", () => offer(e, reload, zone()), "sm secondary", { ariaLabel: `Offer ${e.client.name} a time` }),
                    button("Take off", () => withdraw(e, reload), "sm transparent desk-decline", { ariaLabel: `Take ${e.client.name} off the waitlist` }),
                    e.joinedAt ? t.span({ className: "desk-quiet desk-age" }, () => { tick(); return `waits ${sayAge(e.joinedAt)}`; }) : null))));
        });
}
