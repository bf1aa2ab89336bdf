// What the desk has to hear of: what clients did by themselves, and what the clinic's own machinery says. The rows hold a
// code, a page and an id, and name nobody: who it is about is asked of the visit, as far as one may see it.

import { sentence } from "./api.js";
import { many, sayAge, sayDay, sayTime } from "./words.js";

const SHOWN = 6;

// icon, words with a name, words without; the rest is the visit's time.
const OF_VISITS = {
    client_arrived: ["ri-user-location-line", (who) => `${who} is here.`, "A client is here."],
    appointment_moved_by_client: ["ri-calendar-event-line", (who) => `${who} moved a visit.`, "A client moved a visit."],
    appointment_cancelled_by_client: ["ri-calendar-close-line", (who) => `${who} cancelled a visit.`, "A client cancelled a visit."],
    request_withdrawn: ["ri-arrow-go-back-line", (who) => `${who} withdrew a request.`, "A client withdrew a request."],
};
const OTHERS = {
    zone_changes: ["ri-history-line", "The rules of the clock have changed, and with them the time of visits."],
    form_completed: ["ri-file-text-line", "A client has filled in a form."],
    file_blocked: ["ri-file-damage-line", "A file was blocked."],
    login_email_changed: ["ri-mail-line", "A client signs in with a new email address."],
    account_closed: ["ri-user-unfollow-line", "A client has closed their portal account."],
    sign_in_storm: ["ri-alarm-warning-line", "Somebody tries many passwords."],
    break_glass: ["ri-alarm-warning-line", "Somebody broke the glass."],
    audit_log_broken: ["ri-alarm-warning-line", "The audit log does not hold together."],
    payment_mismatch: ["ri-bank-card-line", "A payment does not match its invoice."],
    payment_after_closing: ["ri-bank-card-line", "A payment came for a closed invoice."],
    payment_disputed: ["ri-bank-card-line", "A payment is disputed."],
    payment_to_give_back: ["ri-bank-card-line", "A client has paid too much."],
};

const news = store({ list: [], total: 0, problem: "" }); // { ids, kind, link, at, visit? }

// Everybody's, and one's own. A clinician is told apart what concerns them. Requests have a list of their own.
function mine() {
    const me = app.store.superuser, unread = "read = false && notification_type != 'appointment_requested'";
    if (me?.collectionName != "staff") return `${unread} && staff = ''`;
    return app.pb.filter(`${unread} && (staff = {:me}${me.role == "clinician" ? "" : " || staff = ''"})`, { me: me.id });
}

const all = (collection, options) => app.pb.collection(collection).getFullList({ requestKey: null, ...options });

/** Asks for what nobody has put away yet; `headers` say whether somebody asked. */
export async function loadNews(headers = {}) {
    try {
        const rows = await all("staff_notifications", { filter: mine(), sort: "-created", headers });
        const said = new Map(); // one cause may be told to everybody and to one person
        for (const r of rows) {
            const key = r.cause || r.id;
            if (said.has(key)) said.get(key).ids.push(r.id);
            else said.set(key, { ids: [r.id], kind: r.notification_type, link: r.link, about: r.resource_id, at: r.created });
        }
        const list = [...said.values()], first = list.slice(0, SHOWN);
        const about = first.filter((n) => OF_VISITS[n.kind] && n.about).map((n) => n.about);
        const visits = about.length ? await all("appointments", { filter: about.map((id) => app.pb.filter("id = {:id}", { id })).join(" || "), headers, expand: "client",
            fields: "id,local_date,local_start,expand.client.first_name,expand.client.last_name" }) : [];
        Object.assign(news, { list: first.map((n) => ({ ...n, visit: visits.find((v) => v.id == n.about) })), total: list.length, problem: "" });
    } catch (err) {
        if (err.isAbort || err.status == 401) return;
        Object.assign(news, { list: [], total: 0, problem: err.status == 403 ? "" : sentence(err) });
    }
}

function wordsOf({ kind, visit }) {
    if (!OF_VISITS[kind]) return OTHERS[kind] || ["ri-notification-3-line", "Something happened that you should see."];
    const [icon, named, nameless] = OF_VISITS[kind];
    const client = visit?.expand?.client;
    return [icon, client ? named(`${client.first_name} ${client.last_name}`) : nameless];
}

// What a visit's news is about: the time it has now, or had.
const whenOf = ({ kind, visit }) => (visit?.local_date ? `${kind == "appointment_moved_by_client" ? "Now " : ""}${sayDay(visit.local_date)}, ${sayTime(visit.local_start)}` : "");

async function putAway(ids, reload) {
    try {
        await Promise.all(ids.map((id) => app.pb.collection("staff_notifications").update(id, { read: true }, { requestKey: null })));
    } catch (err) {
        if (err.status != 404) app.toasts.error(sentence(err)); // a colleague was first
    }
    await reload();
}

/** The list. showDay(date) opens a day of the front desk, tick() moves the ages along. */
export function newsPanel({ reload, showDay, tick }) {
    const item = (n) => {
        const [icon, words] = wordsOf(n), when = whenOf(n);
        const open = () => (OF_VISITS[n.kind] && n.visit?.local_date ? showDay(n.visit.local_date) : (location.hash = n.link.replace(/^\/_\//, "")));
        const leads = !OF_VISITS[n.kind] || n.visit?.local_date;
        return t.li({ className: "desk-line desk-news" },
            t.div(null, t.i({ className: icon, ariaHidden: true }),
                leads ? t.button({ type: "button", className: "desk-name desk-stop", onclick: open }, words) : t.span(null, words),
                t.span({ className: "desk-sub" }, when ? `${when}. ` : "", () => { tick(); return `${sayAge(n.at)} ago`; })),
            t.button({ type: "button", className: "btn sm circle transparent", ariaLabel: `Put away: ${words}`, onclick: () => putAway(n.ids, reload) }, t.i({ className: "ri-close-line", ariaHidden: true })));
    };
    return () => {
        if (news.problem) return t.p({ rid: news.problem, role: "alert" }, news.problem);
        if (!news.list.length) return null;
        return t.section({ rid: JSON.stringify([news.list, news.total]), className: "m-b-base", ariaLabel: "News" },
            t.div({ className: "desk-line" }, t.h2({ className: "desk-heading" }, "News"),
                news.list.length > 1 ? t.button({ type: "button", className: "btn sm transparent", onclick: () => putAway(news.list.flatMap((n) => n.ids), reload) }, t.span({ className: "txt" }, "Put all away")) : null),
            t.ul({ className: "desk-lines", ariaLive: "polite" }, ...news.list.map(item)),
            news.total > news.list.length ? t.p({ className: "desk-quiet" }, `${many(news.total - news.list.length, "older one", "older ones")}, shown when these are put away.`) : null);
    };
}
