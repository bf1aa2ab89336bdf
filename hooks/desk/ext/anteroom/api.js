// Asking the server, and its refusals in words. What the server says is meant to be read; only where a page knows more
// than the server does it say something else.

import { sayMinutes } from "./words.js";

const send = (root) => (path, options = {}) => app.pb.send(root + path, { requestKey: null, ...options }).then((answer) => answer?.data);

export const desk = send("/api/v1/desk/");
export const portal = send("/api/v1/portal/");
export const post = (ask, path, body = {}, options = {}) => ask(path, { method: "POST", body, ...options });
export const remove = (ask, path) => ask(path, { method: "DELETE" });

// What everybody may know about the clinic; pages work without.
export const clinic = store({ name: "", passkeyRpId: "", timeZone: "" });
fetch("/api/v1/portal/config").then((r) => r.json())
    .then(({ data }) => Object.assign(clinic, { name: data.clinicName, timeZone: data.timeZone, passkeyRpId: data.features.passkeys ? data.passkeyRpId : "" })).catch(() => {});

export const detailsOf = (err) => err?.response?.error?.details || {};
export const reasonOf = (err) => detailsOf(err).reason || "";

const SENTENCES = {
    INVALID_CREDENTIALS: "That email and password don't match. Check them and try again.",
    MFA_INVALID: "That code isn't right or is no longer valid. Enter the newest code.",
    MFA_EXPIRED: "That took too long. Start again.",
    PASSKEY_INVALID: "That passkey did not work. Try again, or choose another way.",
    EMAIL_NOT_VERIFIED: "Your email address is not confirmed yet. Ask an administrator for help.",
    ACCOUNT_SUSPENDED: "Your account is switched off. Ask an administrator for help.",
    REAUTHENTICATION_REQUIRED: "Nothing was changed, because you didn't confirm that it's you.",
};

// sentence says why something was refused, with what the server says about single fields.
export function sentence(err) {
    if (!err?.status) return "We can't reach the server. Check the connection and try again.";
    const { reason, retryAfter, fields } = detailsOf(err);
    const { message } = err.response?.error || {};
    if (reason == "ACCOUNT_LOCKED" || err.status == 429) return `That was a lot of tries in a short time. Try again in ${sayMinutes((retryAfter || 60) * 1000)}.`;
    if (SENTENCES[reason]) return SENTENCES[reason];
    const about = Object.values(fields || {}).map((f) => f.message);
    const words = [...new Set([message || err.response?.message, ...about])].filter(Boolean).join(" ");
    return words || "Something went wrong on our side. Nothing was changed. Try again in a moment.";
}
