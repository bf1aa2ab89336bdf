// Anteroom in PocketBase's dashboard. This file runs before the dashboard's router starts, wrapped in a function of
// its own. Routes come first and nothing is awaited before them: later ones would be refused. The pages themselves are
// modules that load when they are opened. What it needs of the dashboard (app, t, store, watch) is named at the end.

const folder = app.pb.buildURL("/_/extensions/anteroom/");
const page = (file) => async (route) => (await import(folder + file)).default(route);

app.routes.superuserOnly("#/desk", page("desk.js"));
app.routes.superuserOnly("#/calendar", page("calendar.js"));
app.routes.superuserOnly("#/hours", page("hours.js"));
app.routes.superuserOnly("#/zone-changes", page("zonechanges.js"));
app.routes.superuserOnly("#/portal-accounts", page("accounts.js"));
app.routes.superuserOnly("#/files", page("files.js"));
app.routes.superuserOnly("#/break-glass", page("glass.js"));
app.routes.superuserOnly("#/audit-log", page("audit.js"));
app.routes.superuserOnly("#/your-sign-in", page("yours.js"));
app.routes.blank("#/new-password", page("password.js"));
app.routes.guestOnly("#/staff-login", page("signin.js"));
app.routes.guestOnly("#/owner-login", page("signin.js"));
app.routes.fallbackPath = "#/desk";

// ---- who is here

const OWNERS = "_superusers";
const isStaff = () => app.store.superuser?.collectionName == "staff";

// ---- looks

document.head.appendChild(t.link({ rel: "stylesheet", href: folder + "anteroom.css" }));
app.store.mainLogo = folder + "logo.svg";
app.store.headerLogo = folder + "logo_white.svg";
app.store.favicon = folder + "logo.svg";
app.store.creditLinks = [{ href: "/", icon: "ri-external-link-line", label: "Client portal" }];

// The clinic's own colour, already made dark enough for white text by the server.
fetch("/brand.css").then((r) => r.text()).then((css) => {
    const solid = css.match(/--accent-solid:\s*(#[0-9a-f]{6})/i)?.[1];
    if (solid) document.head.appendChild(t.style(null, `html { --accentColor: ${solid} !important; }`));
}).catch(() => {}); // the dashboard's own blue does as well

// ---- navigation

delete app.store.settingsNavGroups.Debug; // the SQL console is closed
const deskLink = { href: "#/desk", icon: "ri-calendar-todo-line", label: "Front desk" };
const calendarLink = { href: "#/calendar", icon: "ri-calendar-2-line", label: "Calendar", roles: ["admin", "front_desk", "clinician"] };
const hoursLink = { href: "#/hours", icon: "ri-time-line", label: "Hours", roles: ["admin", "front_desk", "clinician"] };
const zonesLink = { href: "#/zone-changes", icon: "ri-history-line", label: "Clocks changed", roles: ["admin", "front_desk"] };
const accountsLink = { href: "#/portal-accounts", icon: "ri-user-settings-line", label: "Portal accounts", roles: ["admin", "front_desk"] };
const filesLink = { href: "#/files", icon: "ri-file-shield-2-line", label: "Files", roles: ["admin", "front_desk", "clinician"] };
const glassLink = { href: "#/break-glass", icon: "ri-alarm-warning-line", label: "Break the glass", roles: ["admin", "clinician"] };
const auditLink = { href: "#/audit-log", icon: "ri-file-list-3-line", label: "Audit log", roles: ["admin"] };
const recordsLink = { href: "#/collections", icon: "ri-folder-user-line", label: "Records" };
const ours = [deskLink, calendarLink, zonesLink, hoursLink, accountsLink, filesLink, glassLink, auditLink];
const ownersLinks = [...ours, ...app.store.headerLinks];
const files = store({ waiting: 0 }); // files that wait for a decision
const zones = store({ changed: 0 }); // visits whose time the law has changed
watch(() => [app.store.superuser?.id, app.store.superuser?.role, files.waiting, zones.changed], () => {
    const links = isStaff() ? [...ours, recordsLink].filter((l) => !l.roles || l.roles.includes(app.store.superuser.role)) : ownersLinks;
    app.store.headerLinks = links.filter((l) => l != zonesLink || zones.changed).map((l) => (l == filesLink && files.waiting ? { ...l, label: `Files (${files.waiting})` } : l));
    document.documentElement.classList.toggle("desk-staff", isStaff());
});
import(folder + "files.js").then(({ keepCount, waiting }) => {
    keepCount();
    watch(() => (files.waiting = waiting.count));
});

import(folder + "zonechanges.js").then(({ keepCount, changed }) => {
    keepCount();
    watch(() => (zones.changed = changed.count));
});

// What is one's own stands under one's own name.
document.addEventListener("mount:loggedUserDropdown", (e) => {
    const own = e.detail.parentElement?.querySelector(".logged-user"); // in a small window it shows an arrow and no name
    own?.setAttribute("aria-label", `Your account, ${app.store.superuser?.email || ""}`);
    e.detail.prepend(t.a({ className: "dropdown-item", href: "#/your-sign-in", onclick: () => e.detail.hidePopover() },
        t.i({ className: "ri-shield-user-line", ariaHidden: true }), t.span({ className: "txt" }, "Your sign-in")));
});

// What the role may not do is not offered. The server decides anyway.
watch(() => [isStaff(), app.store.activeCollection?.createRule], () => {
    document.documentElement.classList.toggle("desk-no-create", isStaff() && app.store.activeCollection?.createRule !== "");
});

// ---- signing in and out

const DOOR = "anteroom.door"; // which sign-in page was used last on this computer
const door = () => (localStorage.getItem(DOOR) == OWNERS ? "#/owner-login" : "#/staff-login");

// The dashboard's own sign-in page knows no second step: ours stands for it, and so it does for the dashboard's mailed
// passwords. And the owner's pages have nothing for staff.
function rightPlace() {
    if (/^#\/(login|request-password-reset)/.test(location.hash)) location.replace(location.hash == "#/login?owner" ? "#/owner-login" : door());
    if (isStaff() && /^#\/(logs|settings)/.test(location.hash)) location.replace("#/desk");
    if (!app.pb.authStore.isValid && /^#\/(your-sign-in|new-password)/.test(location.hash)) location.replace(door());
}
window.addEventListener("hashchange", rightPlace);
rightPlace();
if ((!location.hash || location.hash == "#/") && !app.pb.authStore.isValid) location.replace(door());

// The dashboard keeps unsaved records and what was searched for in localStorage, in plain text and for ever: clients'
// names, and what is written about them. Here they last as long as the page and the sign-in, in its memory.
const SPOKEN = /^(draft_|pbRecordsSearchHistory_)/;
const memory = new Map();
const { getItem, setItem, removeItem } = Storage.prototype;
const isSpoken = (storage, key) => storage === localStorage && SPOKEN.test(key);
Storage.prototype.getItem = function (key) { return isSpoken(this, key) ? memory.get(key) ?? null : getItem.call(this, key); };
Storage.prototype.setItem = function (key, value) { isSpoken(this, key) ? memory.set(key, String(value)) : setItem.call(this, key, value); };
Storage.prototype.removeItem = function (key) { isSpoken(this, key) ? memory.delete(key) : removeItem.call(this, key); };
function forgetDrafts() {
    memory.clear();
    for (const key of Object.keys(localStorage)) if (SPOKEN.test(key)) removeItem.call(localStorage, key); // of an earlier version
}
forgetDrafts();

// A session may end before this file runs: PocketBase asks first when a page loads. That somebody was here is kept with
// the tab, so that the sign-in page can say why it is shown.
const HERE = "anteroom.here";
if (app.pb.authStore.isValid) sessionStorage.setItem(HERE, "1");
else if (sessionStorage.getItem(HERE)) sessionStorage.setItem("anteroom.signedout", "1");

app.pb.authStore.onChange((_, record) => {
    if (record) {
        localStorage.setItem(DOOR, record.collectionName);
        sessionStorage.setItem(HERE, "1");
        return;
    }
    sessionStorage.removeItem(HERE);
    forgetDrafts();
    app.toasts.removeAll?.(false); // they may name clients
    document.querySelectorAll("dialog[open]").forEach((d) => d.remove());
    location.hash = door();
});

// "Log out" of the dashboard only forgets the token: the session must end on the server too.
const forget = app.pb.authStore.clear.bind(app.pb.authStore);
app.pb.authStore.clear = () => {
    const { token } = app.pb.authStore;
    if (token) {
        fetch("/api/v1/portal/auth/logout", { method: "POST", headers: { Authorization: token }, keepalive: true }).catch(() => {});
    }
    app.pb.realtime.unsubscribe();
    forget();
};

// These say that a proof failed, not that the session is over.
const PROOFS = ["MFA_REQUIRED", "MFA_INVALID", "MFA_EXPIRED", "PASSKEY_INVALID", "INVALID_CREDENTIALS"];

// A session that ended elsewhere ends here. The SDK alone would try to listen again for ever.
let idle, glass;
const before = app.pb.afterSend;
app.pb.afterSend = (response, data, options) => {
    const reason = data?.error?.details?.reason;
    if (app.store.superuser) {
        // neither a column of lists nor part of their search and order, for staff as for owners: ciphertext has none
        if (response.url.includes("/api/collections?")) for (const c of data?.items || []) for (const f of c.fields || []) f.hidden ||= f.type == "encrypted";
        idle?.heard(response, options);
        glass?.heard(response);
        if (response.status == 401 && !response.url.includes("/auth-with-") && !PROOFS.includes(reason)) {
            sessionStorage.setItem("anteroom.signedout", "1"); // the sign-in page says why
            app.pb.cancelAllRequests();
            app.pb.realtime.unsubscribe();
            forget();
        }
        if (reason == "PASSWORD_CHANGE_REQUIRED") location.hash = "#/new-password";
    }
    return before ? before(response, data, options) : data;
};

// What changes an owner's account asks for a fresh proof, in the dashboard's own forms too.
const send = app.pb.send.bind(app.pb);
app.pb.send = (path, options) => (!options?.method || options.method == "GET" || path.startsWith("/api/v1/") ? send(path, options)
    : import(folder + "proof.js").then(({ withProof }) => withProof(() => send(path, options))));

import(folder + "idle.js").then((loaded) => {
    idle = loaded;
    idle.keepSession();
});
import(folder + "glass.js").then((loaded) => {
    glass = loaded;
    glass.keepBar();
});

// ---- records

// Lists show instants as raw UTC otherwise.
const rawDate = app.fieldTypes.date.view;
const shortDate = new Intl.DateTimeFormat("en-US", { month: "short", day: "numeric", year: "numeric", hour: "numeric", minute: "2-digit", timeZoneName: "short" });
app.fieldTypes.date.view = (props) => {
    if (!props.short) return rawDate(props);
    return t.span({ className: "txt-nowrap" }, () => {
        const at = new Date((props.record[props.field.name] || "").replace(" ", "T"));
        return isNaN(at) ? t.span({ className: "missing-value" }) : shortDate.format(at);
    });
};

// Encrypted fields are shown by a module. It is there before the first record is; if not, the field fills in.
let sealed;
const modules = store({ sealed: false });
import(folder + "sealed.js").then((loaded) => {
    sealed = loaded;
    sealed.bindPanels();
    modules.sealed = true;
});
app.fieldTypes.encrypted = {
    icon: "ri-shield-keyhole-line",
    label: "Encrypted",
    view: (props) => t.div({ className: "record-field-view" }, () => (modules.sealed ? sealed.view(props) : null)),
    input: (props) => t.div({ className: "record-field-input" }, () => (modules.sealed ? sealed.input(props) : null)),
    onrecordsave: (props) => sealed.save(props),
};

// ---- after an upgrade of PocketBase: say in the console what is missing, instead of failing half-way

const need = ["pb.send", "pb.authStore.onChange", "pb.realtime.unsubscribe", "routes.superuserOnly", "routes.guestOnly", "routes.blank", "store.headerLinks",
    "store.settingsNavGroups", "components.refreshButton", "components.credits", "modals.openRecordUpsert", "modals.openRecordPreview", "toasts.success", "toasts.error", "pb.realtime.subscribe", "pb.collection", "fieldTypes.date.view", "pb.filter"];
for (const name of need) {
    if (typeof name.split(".").reduce((o, part) => o?.[part], app) == "undefined") {
        console.error("Anteroom: the dashboard has changed, app." + name + " is missing");
    }
}
