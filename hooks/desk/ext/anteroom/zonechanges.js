// Clocks changed: visits that were agreed under rules of the clock which are no longer those of the place. Somebody has
// to say for each what stays: what the clock shows, or the moment. Nothing is moved by itself.

import { desk, post, sentence } from "./api.js";
import { ask } from "./dialog.js";
import { button } from "./proof.js";
import { born, when, whoOf } from "./visits.js";
import { many } from "./words.js";

export const changed = store({ count: 0 });

const page = store({ list: null, total: 0, data: null, closed: "", problem: "", chosen: [] });
const mayAsk = () => app.store.superuser?.collectionName != "staff" || ["admin", "front_desk"].includes(app.store.superuser.role);

const COUNT_AGAIN = 10 * 60000;
let counted = 0, who;

/** Counts what waits, so that the navigation can name the page while there is something. */
export function keepCount() {
    const count = async () => {
        if (!app.store.superuser?.id || !mayAsk() || Date.now() - counted < COUNT_AGAIN) return;
        counted = Date.now();
        try {
            const answer = await desk("zone-changes", { headers: { "X-Background": "1" } });
            changed.count = answer.total ?? answer.appointments.length;
        } catch {
            // the page itself says what is wrong
        }
    };
    window.addEventListener("hashchange", count);
    watch(() => app.store.superuser?.id, () => {
        if (who == app.store.superuser?.id) return;
        who = app.store.superuser?.id;
        changed.count = counted = 0;
        count();
    });
}

async function load() {
    try {
        const answer = await desk("zone-changes");
        const ids = answer.appointments.map((a) => a.id);
        Object.assign(page, { list: answer.appointments, total: answer.total ?? ids.length, data: answer.zoneData, closed: "", problem: "", chosen: page.chosen.filter((id) => ids.includes(id)) });
        changed.count = page.total;
    } catch (err) {
        if (err.isAbort || err.status == 401) return;
        if (err.status == 403) page.closed = sentence(err);
        else page.problem = sentence(err);
    }
}

const KEEPS = {
    wall: { words: "Keep the time on the clock", body: "The visits stay at the time that was agreed, as the clock shows it. Their moment changes, so whoever is elsewhere, or waits by video from another zone, meets at a different time there.", done: "the time on the clock stays" },
    instant: { words: "Keep the moment", body: "The visits stay at the same moment. The clock at the clinic shows another time for them than was agreed, so clients who come by the clock have to know it.", done: "the moment stays" },
};

function decide(keep) {
    const { words, body, done } = KEEPS[keep], ids = page.chosen;
    ask({
        title: `${words} for ${many(ids.length, "visit", "visits")}?`,
        body: [body, "Each of these clients gets an email with the time as the clock now shows it, and a new calendar entry."], yes: words, no: "Not yet",
        act: async () => {
            try {
                const answer = await post(desk, "zone-changes", { keep, ids });
                await load();
                const names = answer.refused.map((r) => `${page.list.find((a) => a.id == r.id)?.client.name || "A visit"}: ${r.message || r.reason}`);
                if (answer.done.length) app.toasts.success(`Decided for ${many(answer.done.length, "visit", "visits")}: ${done}.`);
                page.problem = names.length ? `Not decided. ${names.join(" ")}` : "";
            } catch (err) {
                return sentence(err);
            }
        },
    });
}

function table() {
    if (!page.list) return t.div({ rid: "wait", className: "desk-skeleton", ariaBusy: "true", ariaLabel: "Loading" }, t.span({ className: "skeleton-loader" }), t.span({ className: "skeleton-loader" }));
    if (!page.list.length) return t.p({ rid: "none", className: "desk-empty" }, "Every visit is at the time that was agreed. Nothing to decide.");
    const cell = (name, ...content) => t.td({ "html-data-name": name }, ...content);
    const box = (words, props) => t.input({ type: "checkbox", className: "cal-box", ariaLabel: words, ...props });
    return t.table({ rid: JSON.stringify(page.list), className: "desk-table cal-plain" },
        t.caption({ className: "desk-hidden" }, "Visits whose clock has changed"),
        t.thead(null, t.tr(null, t.th({ scope: "col" }, box("Choose all", { checked: () => page.chosen.length == page.list.length, onchange: (e) => (page.chosen = e.target.checked ? page.list.map((a) => a.id) : []) })),
            ...["Client", "Service", "Agreed", "The clock shows now"].map((h) => t.th({ scope: "col" }, h)))),
        t.tbody(null, ...page.list.map((a) => t.tr(null,
            cell("Choose", box(`Choose ${whoOf(a)}, ${when(a.agreed.date, a.agreed.time)}`, { checked: () => page.chosen.includes(a.id),
                onchange: (e) => (page.chosen = e.target.checked ? [...page.chosen, a.id] : page.chosen.filter((id) => id != a.id)) })),
            cell("Client", t.strong(null, whoOf(a)), t.span({ className: "desk-sub" }, born(a.client))), cell("Service", a.appointmentType),
            cell("Agreed", when(a.agreed.date, a.agreed.time)), cell("The clock shows now", t.strong(null, when(a.now.date, a.now.time)))))));
}

export default function zoneChanges() {
    app.store.title = "Clocks changed";
    return t.div({ pbEvent: "zoneChanges", className: "page desk", onmount: () => load() },
        t.div({ className: "page-content full-height" },
            t.header({ className: "page-header" }, t.h1({ className: "desk-title" }, "Clocks changed")),
            () => (page.closed ? t.p({ className: "desk-empty" }, "Only administrators and the front desk decide this.") : null),
            () => (page.problem ? t.div({ rid: page.problem, className: "alert warning m-b-sm", role: "alert" }, t.div({ className: "content" }, page.problem), button("Try again", () => { page.problem = ""; load(); }, "sm secondary")) : null),
            () => (page.closed ? null : t.div({ rid: "open" },
                () => (page.list?.length ? t.div({ rid: "words" + page.total, className: "desk-card" },
                    t.p(null, `The rules of the clock where the clinic is have changed since ${page.total == 1 ? "this visit was" : `these ${page.total} visits were`} agreed: the same moment now has another time on the clock.`),
                    t.p(null, "For each visit, say what stays. People who come to the clinic usually go by the clock. A call with somebody in another country usually keeps its moment."),
                    page.total > page.list.length ? t.p(null, `The soonest ${page.list.length} of ${page.total} are shown.`) : null,
                    page.data ? t.p({ className: "desk-quiet" }, `Time zone data ${page.data.version}, ${page.data.source}.`) : null) : null),
                () => (page.list?.length ? t.div({ rid: "acts" + page.chosen.length, className: "desk-filters" },
                    t.span(null, page.chosen.length ? `${many(page.chosen.length, "visit", "visits")} chosen.` : "Choose visits below."),
                    ...(page.chosen.length ? [button(KEEPS.wall.words, () => decide("wall"), "sm"), button(KEEPS.instant.words, () => decide("instant"), "sm secondary")] : [])) : null),
                table)),
            t.footer({ className: "page-footer" }, app.components.credits())));
}
