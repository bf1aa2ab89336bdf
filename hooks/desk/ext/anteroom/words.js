// How the desk says dates, times and money. Times of a visit arrive as wall time of its place and are only put into
// words; nothing here moves them into the zone of this computer.

const date = (day) => {
    const [y, m, d] = day.split("-").map(Number);
    return new Date(Date.UTC(y, m - 1, d));
};
const format = (options) => {
    const f = new Intl.DateTimeFormat("en-US", { timeZone: "UTC", ...options });
    return (day) => (day ? f.format(date(day)) : "");
};

const longDay = format({ weekday: "long", month: "long", day: "numeric" });
const withYear = format({ weekday: "long", month: "long", day: "numeric", year: "numeric" });
export const sayDay = (day) => (day?.slice(0, 4) == String(new Date().getFullYear()) ? longDay(day) : withYear(day));
export const sayShortDay = format({ weekday: "short", month: "short", day: "numeric" });
export const sayBirth = format({ month: "short", day: "numeric", year: "numeric" });

// "14:05" is "2:05 pm".
export function sayTime(wall) {
    if (!wall) return "";
    const [h, m] = wall.split(":");
    return `${h % 12 || 12}:${m} ${h < 12 ? "am" : "pm"}`;
}

export const moveDay = (day, by) => new Date(date(day).getTime() + by * 86400000).toISOString().slice(0, 10);

export function sayMoney(cents, currency = "usd") {
    return new Intl.NumberFormat("en-US", { style: "currency", currency: currency.toUpperCase() }).format(cents / 100);
}

// How long ago, in one unit.
export function sayAge(instant) {
    const minutes = Math.max(0, Math.round((Date.now() - new Date(instant)) / 60000));
    if (minutes < 1) return "a moment";
    if (minutes < 60) return `${minutes} min`;
    if (minutes < 48 * 60) return `${Math.round(minutes / 60)} h`;
    return `${Math.round(minutes / 1440)} days`;
}

export const many = (n, one, more) => `${n} ${n == 1 ? one : more}`;

// Wall time of an instant in a zone, as numbers of a UTC date.
function wallIn(zone, ms) {
    const parts = {};
    const f = new Intl.DateTimeFormat("en-US", { timeZone: zone, hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric" });
    for (const p of f.formatToParts(ms)) parts[p.type] = Number(p.value);
    return Date.UTC(parts.year, parts.month - 1, parts.day, parts.hour, parts.minute, parts.second);
}

export const timeIn = (zone, ms = Date.now()) => sayTime(new Date(wallIn(zone, ms)).toISOString().slice(11, 16));

// The instant of a wall time in a zone, as RFC 3339 UTC. A time that the clocks skip on that day has none: null. Of a
// time that comes twice, the first.
export function instantOf(day, wall, zone) {
    const [h, m] = wall.split(":").map(Number);
    const wanted = date(day).getTime() + (h * 60 + m) * 60000;
    const around = [wanted - 86400000, wanted + 86400000].map((ms) => wanted - (wallIn(zone, ms) - ms)); // with the offset of the day before and after
    const found = around.filter((ms) => wallIn(zone, ms) == wanted).sort((a, b) => a - b);
    return found.length ? new Date(found[0]).toISOString().replace(".000Z", "Z") : null;
}

export function sayZone(zone) {
    const name = new Intl.DateTimeFormat("en-US", { timeZone: zone, timeZoneName: "longGeneric" }).formatToParts().find((p) => p.type == "timeZoneName");
    return name?.value || zone;
}

// ---- instants and lengths of time, in the zone of this computer: about sign-ins and accounts, not about visits

const moment = new Intl.DateTimeFormat("en-US", { month: "short", day: "numeric", year: "numeric", hour: "numeric", minute: "2-digit" });
export const sayInstant = (instant) => (instant ? moment.format(new Date(instant)) : "");

// An instant in a zone of its own, to the second when it is evidence.
export const sayInstantIn = (timeZone, instant, exact) => new Intl.DateTimeFormat("en-US", { timeZone, month: "short", day: "numeric", year: "numeric", hour: "numeric", minute: "2-digit", second: exact ? "2-digit" : undefined }).format(new Date(instant));

const dayOnly = new Intl.DateTimeFormat("en-US", { month: "short", day: "numeric", year: "numeric" });
export const sayInstantsDay = (instant) => (instant ? dayOnly.format(new Date(instant)) : "");

export const sayMinutes = (ms) => many(Math.max(1, Math.ceil(ms / 60000)), "minute", "minutes");

// ---- second factors

export const METHODS = { totp: "Authenticator app", sms: "Text message", email: "Email code", recovery: "Recovery code", passkey: "Passkey" };

// "Text message to •• 34"
export const sayMethod = (method, hint) => METHODS[method] + (hint ? ` to ${hint}` : "");

export const CODE_LABELS = { totp: "Code from your app", sms: "Code from the text message", email: "Code from the email", recovery: "One of your recovery codes" };

// ---- sessions

const DEVICES = { desktop: "Computer", mobile: "Phone", phone: "Phone", tablet: "Tablet" };
export const sayDevice = (s) => [s.browser, s.os && `on ${s.os}`].filter(Boolean).join(" ") || DEVICES[s.device] || "Unknown device";
export const PLACES = { this_network: "This network", other_network: "Another network" };
const WAYS = { password: "password", passkey: "passkey", mail_link: "email link", oauth2: "another service" };
export const sayWay = (method) => WAYS[method] || "";

// ---- portal accounts

// icon, words, tone of a chip
export const ACCOUNT_STATES = {
    active: ["ri-checkbox-circle-line", "Active", "success"],
    pending_verification: ["ri-mail-unread-line", "Email not confirmed", "info"],
    paused: ["ri-time-line", "Paused after wrong passwords", "warning"],
    locked: ["ri-lock-line", "Locked", "danger"],
    suspended: ["ri-pause-circle-line", "Suspended", "warning"],
    closed: ["ri-forbid-line", "Closed by the person", ""],
};

export const RELATIONSHIPS = { self: "The client in person", parent: "Parent", guardian: "Legal guardian", partner: "Partner or relative", billing: "Pays the bills" };
export const SCOPES = { all: "Everything", appointments_forms: "Visits and forms", billing: "Bills only" };
export const IDENTITY_CHECKS = { in_person: "In person, with a photo ID", video: "By video, with a photo ID", phone_callback: "I called back the number in the record" };
export const ACCOUNT_ACTS = { unlock: "Unlocked", suspend: "Suspended", resume: "Resumed", force_password_change: "Asked for a new password", sign_out: "Signed out everywhere",
    reset_factors: "Second steps reset", end_access: "Access ended" };
