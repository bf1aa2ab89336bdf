// Files to decide: what clients gave the clinic and nobody may fetch yet. With a scanner its answer decides; without one,
// somebody of the staff does, with a reason. Bytes come only when the server gives them.

import { desk, post, sentence } from "./api.js";
import { ask, field } from "./dialog.js";
import { button } from "./proof.js";
import { many, sayInstant } from "./words.js";

const page = store({ scan: "not_scanned", uploads: null, total: 0, pages: 1, problem: "", closed: "" });
export const waiting = store({ count: 0 }); // for the navigation

const DECIDERS = ["admin", "front_desk", "clinician"];
const person = () => app.store.superuser;
const decides = () => person() && (person().collectionName != "staff" || DECIDERS.includes(person().role));

// ---- asking

const undecided = (u) => u.scan == "not_scanned" && !u.releasedAt;

/** Counts what waits for a decision. Nobody asked for it: no sign of life. */
export async function countFiles() {
    if (!decides()) return (waiting.count = 0);
    try {
        const { uploads } = await desk("uploads", { query: { scan: "not_scanned", limit: 100 }, headers: { "X-Background": "1" } });
        waiting.count = uploads.filter(undecided).length;
    } catch {
        // the page itself says what is wrong
    }
}

// It counts while somebody works, when they change the page, and not by itself: each count leaves a line in the audit log.
const COUNT_AGAIN = 5 * 60000;
let who, counted = 0;
export function keepCount() {
    const count = () => {
        if (!person()?.id || Date.now() - counted < COUNT_AGAIN) return;
        counted = Date.now();
        countFiles();
    };
    window.addEventListener("hashchange", count);
    watch(() => person()?.id, () => {
        if (who == person()?.id) return;
        who = person()?.id;
        waiting.count = counted = 0;
        count();
    });
}

let turn = 0;

async function load() {
    const mine = ++turn;
    try {
        let uploads = [], total = 0;
        for (let n = 1; n <= page.pages; n++) {
            const answer = await desk("uploads", { query: { page: n, limit: 50, ...(page.scan ? { scan: page.scan } : {}) } });
            uploads = uploads.concat(answer.uploads);
            total = answer.pagination.total;
        }
        if (mine == turn) Object.assign(page, { uploads, total, problem: "", closed: "" });
    } catch (err) {
        if (mine != turn || err.isAbort || err.status == 401) return;
        if (err.status == 403) page.closed = sentence(err);
        else page.problem = sentence(err);
    }
    countFiles();
}

// ---- deciding

const nameOf = (c) => [c.firstName, c.lastName].filter(Boolean).join(" ");
const titleOf = (u) => (typeof u.name == "string" && u.name ? u.name : "A file whose name cannot be read");

const DECISIONS = {
    release: { title: (u) => `Release “${titleOf(u)}”?`, body: ["No scanner has looked at this file: nobody knows whether it can harm a computer. Release it only if you expected it from this client.", "Then it can be opened and downloaded by staff and by the client."],
        yes: "Release it", no: "Not now", tone: "", done: "The file is released." },
    block: { title: (u) => `Block “${titleOf(u)}”?`, body: ["The file is deleted for good and nobody can open it. The client can send another one."], yes: "Block and delete it", no: "Keep it", tone: "danger", done: "The file is blocked." },
};

function decide(u, name) {
    const d = DECISIONS[name];
    ask({
        title: d.title(u), body: [`From ${nameOf(u.client)}, ${sayInstant(u.uploadedAt)}.`, ...d.body], yes: d.yes, no: d.no, tone: d.tone,
        fields: [field("Reason", "It is kept with the file, for staff.", t.textarea({ name: "reason", required: true, maxLength: 500, rows: 2 }))],
        act: async ({ reason }) => {
            if (!reason.trim()) return "Write a reason.";
            try {
                await post(desk, `uploads/${u.id}/${name}`, { reason: reason.trim() });
                app.toasts.success(d.done);
            } catch (err) {
                load(); // what is shown may be old
                return sentence(err);
            }
            await load();
        },
    });
}

/** Downloads the bytes with the session's token: a plain link would have none. */
async function download(u) {
    try {
        const answer = await fetch(`/api/v1/desk/uploads/${u.id}/content`, { headers: { Authorization: app.pb.authStore.token } });
        if (!answer.ok) throw Object.assign(new Error(), { status: answer.status, response: await answer.json().catch(() => ({})) });
        const url = URL.createObjectURL(await answer.blob());
        const link = t.a({ href: url, download: titleOf(u) });
        link.click();
        setTimeout(() => URL.revokeObjectURL(url), 60000);
    } catch (err) {
        app.toasts.error(sentence(err));
    }
}

// ---- the page

const STATES = {
    not_scanned: ["ri-question-line", "Not scanned", "warning"],
    pending: ["ri-hourglass-line", "Waiting for the scanner", "info"],
    blocked: ["ri-forbid-line", "Blocked", "danger"],
    clean: ["ri-shield-check-line", "Nothing found", "success"],
    released: ["ri-check-double-line", "Released", "success"],
};
const stateOf = (u) => (u.scan == "not_scanned" && u.releasedAt ? "released" : u.scan);
const allowed = (u) => ["clean", "released"].includes(stateOf(u));
const PURPOSES = { avatar: "Profile picture", document: "Document", photo: "Photo", message: "Sent with a message", form: "Part of a form" };
const KINDS = { "application/pdf": "PDF", "image/jpeg": "JPEG picture", "image/png": "PNG picture", "image/webp": "WebP picture", "image/gif": "GIF picture" };
const saySize = (bytes) => (bytes < 1000 ? `${bytes} bytes` : bytes < 1e6 ? `${Math.round(bytes / 1000)} KB` : `${(bytes / 1e6).toFixed(1)} MB`);

const cell = (name, ...content) => t.td({ "html-data-name": name }, ...content);

function fileRow(u) {
    const [icon, words, tone] = STATES[stateOf(u)] || ["ri-question-line", u.scan, ""];
    const about = (act) => ({ ariaLabel: `${act} ${titleOf(u)} of ${nameOf(u.client)}` });
    return t.tr({ rid: JSON.stringify(u) },
        cell("File", t.strong({ className: "desk-break" }, titleOf(u)), t.span({ className: "desk-sub" }, `${KINDS[u.mime] || u.mime}, ${saySize(u.size)}`)),
        cell("Client", nameOf(u.client)),
        cell("Given", t.span(null, sayInstant(u.uploadedAt)), t.span({ className: "desk-sub" }, PURPOSES[u.purpose] || u.purpose)),
        cell("State", t.span({ className: "label desk-chip " + tone }, t.i({ className: icon, ariaHidden: true }), words), u.finding ? t.span({ className: "desk-sub" }, u.finding) : null),
        t.td({ className: "desk-row-acts" }, t.div({ className: "desk-controls" },
            allowed(u) ? button("Open", () => download(u), "sm secondary", about("Open")) : null,
            undecided(u) ? button("Release", () => decide(u, "release"), "sm secondary", about("Release")) : null,
            u.scan != "blocked" ? button("Block", () => decide(u, "block"), "sm transparent desk-decline", about("Block")) : null)));
}

const EMPTY = { not_scanned: "No file waits for a decision.", pending: "No file waits for the scanner.", blocked: "No file is blocked.", "": "There are no files to decide about." };

function table() {
    if (!page.uploads) return page.problem ? null : t.div({ rid: "skeleton", className: "desk-skeleton", role: "img", ariaBusy: "true", ariaLabel: "Loading" }, ...Array.from({ length: 4 }, () => t.span({ className: "skeleton-loader" })));
    if (!page.uploads.length) return t.div({ rid: "none", className: "desk-empty" }, t.img({ src: () => app.store.mainLogo, alt: "" }), t.p(null, EMPTY[page.scan]));
    return t.table({ rid: "table", className: "desk-table desk-files" }, t.caption({ className: "desk-hidden" }, "Files"),
        t.thead(null, t.tr(null, ...["File", "Client", "Given", "State"].map((h) => t.th({ scope: "col" }, h)), t.th({ scope: "col" }, t.span({ className: "desk-hidden" }, "Decide")))),
        t.tbody(null, () => (page.uploads || []).map(fileRow)));
}

export default function filesToDecide() {
    app.store.title = "Files to decide";
    Object.assign(page, { scan: "not_scanned", uploads: null, total: 0, pages: 1, problem: "", closed: "" });
    return t.div({ pbEvent: "filesToDecide", className: "page desk", onmount: () => { load(); } },
        t.div({ className: "page-content full-height" },
            t.header({ className: "page-header" }, t.h1({ className: "desk-title" }, "Files to decide"),
                t.div({ className: "desk-bar", hidden: () => !!page.closed },
                    t.div({ className: "desk-controls" }, t.select({ className: "desk-input", ariaLabel: "State", onchange: (e) => { Object.assign(page, { scan: e.target.value, pages: 1, uploads: null }); load(); } },
                        ...[["not_scanned", "Not scanned"], ["pending", "Waiting for the scanner"], ["blocked", "Blocked"], ["", "All of these"]].map(([value, words]) => t.option({ value, selected: value == page.scan }, words)))),
                    t.span({ className: "desk-live" }, ""), app.components.refreshButton({ onclick: () => load() }))),
            () => {
                if (page.closed) return t.div({ rid: "closed", className: "desk-empty" }, t.p(null, "Files are not part of your role."));
                return t.div({ rid: "open" },
                    () => (page.problem ? t.div({ rid: page.problem, className: "alert warning m-b-sm", role: "alert" }, t.div({ className: "content" }, page.problem), button("Try again", load, "sm secondary")) : null),
                    t.p({ className: "desk-summary", role: "status" }, () => (page.uploads ? `${many(page.total, "file", "files")}. What is not scanned or blocked stays closed to everybody, the client too.` : "\u00a0")),
                    t.section({ ariaLabel: "Files" }, table,
                        () => (page.uploads && page.uploads.length < page.total ? t.p({ rid: "more", className: "m-t-sm" }, button("Show more", () => { page.pages++; load(); })) : null)));
            },
            t.footer({ className: "page-footer" }, app.components.credits())));
}
