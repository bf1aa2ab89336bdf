// What a line of the audit log says, in plain words. Lines name actions in capitals ("VIEW_APPOINTMENT"); whoever reads
// them is no programmer. What is not listed here is put into words by its parts.

// [heading, { action: what somebody did }]
const GROUPS = [
    ["Privacy", {
        BREAK_GLASS: "broke the glass",
        END_BREAK_GLASS: "ended a broken glass",
        LIST_BREAK_GLASS: "looked at the broken glass",
        FIND_CLIENTS: "looked for a client by name",
        SEARCH_AUDIT_LOG: "searched the audit log",
        VIEW_ACCESS_LOG: "looked who had seen the record",
        JOIN_CARE_TEAM: "joined the care team",
        VIEW_AUDIT_HEAD: "looked at the log's fingerprint",
        VERIFY_AUDIT_LOG: "checked the audit log",
        EXPORT_AUDIT: "copied the audit log",
        AUDIT_LOG_BROKEN: "found the audit log changed",
        OWNER_REQUEST: "made another request",
        STAFF_REQUEST: "made another request",
        CLIENT_REQUEST: "made another request",
        ACCESS_REFUSED: "was turned away",
    }],
    ["Signing in", {
        LOGIN: "signed in", LOGOUT: "signed out", REGISTER: "registered", VERIFY_EMAIL: "confirmed an email address", RESEND_VERIFICATION: "asked for the email code again",
        FORGOT_PASSWORD: "forgot the password", RESET_PASSWORD: "set a new password by email", CHANGE_PASSWORD: "changed the password", REFRESH_TOKEN: "stayed signed in",
        REFRESH_TOKEN_REUSED: "used a key that was already used", ACCOUNT_LOCKED: "was locked out after wrong passwords", ACCOUNT_UNLOCKED: "unlocked an account",
        VIEW_SESSION: "looked at the own session", LIST_SESSIONS: "looked where they are signed in", REVOKE_SESSION: "signed out elsewhere", REAUTHENTICATE: "proved who they are again",
        REMEMBER_DEVICE: "let a browser skip the second step", FORGET_DEVICE: "made a browser ask for the second step again", USE_RECOVERY_CODE: "used a recovery code",
        LINK_SIGN_IN: "linked another sign-in", UNLINK_SIGN_IN: "unlinked another sign-in", VIEW_MFA: "looked at their second steps", SET_UP_MFA: "began to set up a second step",
        ENABLE_MFA: "turned on a second step", DISABLE_MFA: "turned off a second step", RENEW_RECOVERY_CODES: "made new recovery codes", LIST_PASSKEYS: "looked at their passkeys",
        ADD_PASSKEY: "added a passkey", RENAME_PASSKEY: "renamed a passkey", REMOVE_PASSKEY: "removed a passkey", PASSKEY_CLONED: "showed a passkey that was copied",
        ASK_CHANGE_EMAIL: "asked to change the email address", CANCEL_CHANGE_EMAIL: "took back a change of email address", CHANGE_EMAIL: "changed the email address", CLOSE_ACCOUNT: "closed the account",
    }],
    ["Portal accounts", {
        INVITE: "invited somebody", RESEND_INVITATION: "sent an invitation again", REVOKE_INVITATION: "revoked an invitation", ACCEPT_INVITATION: "accepted an invitation",
        INVITATION_DATE_WRONG: "gave a wrong birth date for an invitation", LIST_INVITATIONS: "looked at the invitations", LIST_ACCESS: "looked who has access", END_ACCESS: "ended an access",
        LIST_PORTAL_USERS: "looked at the portal accounts", VIEW_ACCOUNT_HISTORY: "looked at the history of an account", SUSPEND_ACCOUNT: "suspended an account", RESUME_ACCOUNT: "resumed an account",
        FORCE_PASSWORD_CHANGE: "asked somebody for a new password", SIGN_OUT_EVERYWHERE: "signed somebody out everywhere", RESET_FACTORS: "reset second steps",
    }],
    ["Visits", {
        LIST_APPOINTMENTS: "looked at the list of visits", VIEW_APPOINTMENT: "viewed an appointment", CREATE_APPOINTMENT: "booked an appointment", REQUEST_APPOINTMENT: "asked for an appointment",
        CONFIRM_APPOINTMENT: "confirmed an appointment", DECLINE_APPOINTMENT: "declined an appointment", UPDATE_APPOINTMENT: "changed an appointment", CANCEL_APPOINTMENT: "cancelled an appointment",
        RESCHEDULE_APPOINTMENT: "moved an appointment to another time", CHECK_IN: "checked somebody in", ROOM_READY: "called somebody in", START_VISIT: "began a visit", COMPLETE_VISIT: "ended a visit",
        MARK_NO_SHOW: "noted that somebody did not come", VIEW_APPOINTMENT_HISTORY: "looked at the history of an appointment",
        LIST_WAITLIST: "looked at the waitlist", JOIN_WAITLIST: "put somebody on the waitlist", LEAVE_WAITLIST: "took somebody off the waitlist",
        EXPIRE_WAITLIST_ENTRY: "ended an entry of the waitlist", OFFER_WAITLIST_TIME: "offered a time to the waitlist", ACCEPT_WAITLIST_OFFER: "accepted an offered time",
        END_WAITLIST_OFFER: "ended an offer of the waitlist", LIST_GROUP_BOOKINGS: "looked at the list of parties", VIEW_GROUP_BOOKING: "viewed a party",
        BOOK_GROUP: "booked a party", UPDATE_GROUP_BOOKING: "changed a party", CANCEL_GROUP_BOOKING: "cancelled a party",
        LIST_REQUESTS: "looked at the requests", VIEW_DAY: "looked at the day", VIEW_CALENDAR: "looked at the calendar",
    }],
    ["Records and forms", {
        VIEW_CLIENT: "viewed the client's record", LIST_CLIENTS: "looked at the list of clients", UPDATE_CLIENT: "changed the client's record", CREATE_CLIENT: "created a client's record",
        VIEW_PROFILE: "viewed the profile", UPDATE_PROFILE: "changed the profile", VIEW_MEDICAL_HISTORY: "viewed the health history", VIEW_PHI: "viewed health information", UPDATE_PHI: "changed health information",
        VIEW_TREATMENT_NOTE: "viewed a treatment note", LIST_TREATMENT_NOTES: "looked at the treatment notes", CREATE_TREATMENT_NOTE: "wrote a treatment note", UPDATE_TREATMENT_NOTE: "changed a treatment note", SIGN_TREATMENT_NOTE: "signed a treatment note",
        LIST_FORMS: "looked at the list of forms", VIEW_FORM: "viewed a form", SAVE_FORM_DRAFT: "saved a form's draft", SUBMIT_FORM: "sent in a form", DOWNLOAD_FORM_PDF: "downloaded a form as PDF",
        ASSIGN_FORM: "assigned a form", VERIFY_PDF: "checked a PDF", SEND_PHONE_CODE: "asked for a code by text message", VERIFY_PHONE: "confirmed a phone number",
    }],
    ["Files and messages", {
        UPLOAD_FILE: "uploaded a file", LIST_FILES: "looked at the list of files", DOWNLOAD_FILE: "downloaded a file", RELEASE_FILE: "released a file", BLOCK_FILE: "blocked a file",
        REMOVE_FILE: "removed a file", FILE_BLOCKED: "the scanner blocked a file", FILE_CLEARED: "the scanner found nothing", REMOVE_PHOTO: "removed a picture",
        LIST_DOCUMENTS: "looked at the documents", VIEW_DOCUMENT: "viewed a document", DOWNLOAD_DOCUMENT: "downloaded a document", UPLOAD_PHOTO: "uploaded a picture", DOWNLOAD_PHOTO: "downloaded a picture",
        LIST_MESSAGES: "looked at the messages", VIEW_MESSAGE: "read a message", SEND_MESSAGE: "sent a message",
        LIST_CALENDAR_FEEDS: "looked at the calendar feeds", CREATE_CALENDAR_FEED: "made a calendar feed", REVOKE_CALENDAR_FEED: "ended a calendar feed", REMIND_APPOINTMENT: "sent a reminder of an appointment",
        VIEW_NOTIFICATION_PREFERENCES: "looked at how to be told of things", UPDATE_NOTIFICATION_PREFERENCES: "changed how to be told of things",
        LIST_NOTIFICATIONS: "looked at the notices", READ_NOTIFICATION: "read a notice", DISMISS_NOTIFICATION: "put a notice away", SUBSCRIBE: "opened a live list",
    }],
    ["The server", {
        VIEW_SETTINGS: "looked at the settings", CHANGE_SETTINGS: "changed the settings", SCHEMA_CHANGED: "changed the collections", LIST_BACKUPS: "looked at the backups", CREATE_BACKUP: "made a backup",
        DOWNLOAD_BACKUP: "downloaded a backup", DELETE_BACKUP: "deleted a backup", VIEW_SERVER_LOG: "looked at the server's log", LIST_CRONS: "looked at the timed tasks", RUN_CRON: "ran a timed task",
        TEST_STORAGE: "tried out the file store", SEND_TEST_MAIL: "sent a test mail", MAKE_CLIENT_SECRET: "made a secret for signing in with Apple", ISSUE_FILE_TOKEN: "got a key for protected files",
    }],
    ["Money", {
        LIST_INVOICES: "looked at the bills", VIEW_INVOICE: "viewed a bill", LIST_PAYMENTS: "looked at the payments", CREATE_PAYMENT: "began a payment", PAYMENT_SUCCEEDED: "a payment went through",
        PAYMENT_FAILED: "a payment failed", REFUND_PAYMENT: "refunded a payment", DOWNLOAD_RECEIPT: "downloaded a receipt", STRIPE_EVENT: "the payment service reported",
    }],
];

const SENTENCES = Object.assign({}, ...GROUPS.map(([, actions]) => actions));

const VERBS = { VIEW: "viewed", CREATE: "created", UPDATE: "changed", DELETE: "deleted", DOWNLOAD: "downloaded", UPLOAD: "uploaded", SEARCH: "searched", VERIFY: "checked",
    SEND: "sent", END: "ended", RELEASE: "released", BLOCK: "blocked", ADD: "added", REMOVE: "removed", ASSIGN: "assigned", SIGN: "signed", EXPORT: "exported", DESTROY: "destroyed", ROTATE: "renewed" };
const lower = (name) => name.toLowerCase().replaceAll("_", " ");
const article = (noun) => (/s$/.test(noun) ? noun : `${/^[aeiou]/.test(noun) ? "an" : "a"} ${noun}`);

/** "VIEW_APPOINTMENT" is "viewed an appointment". */
export function sayAction(action) {
    if (SENTENCES[action]) return SENTENCES[action];
    const [verb, ...rest] = action.split("_");
    const noun = lower(rest.join("_"));
    if (!noun) return lower(action);
    if (verb == "LIST") return `looked at the list of ${noun}`;
    return VERBS[verb] ? `${VERBS[verb]} ${article(noun)}` : lower(action);
}

export const ACTION_GROUPS = GROUPS.map(([heading, actions]) => [heading, Object.entries(actions)]);

// Kinds of record, as the log writes them.
export const KINDS = { APPOINTMENT: "Appointment", APPOINTMENT_HISTORY: "History of an appointment", CLIENT: "Client", CLIENT_ACCESS: "Access to a client", CARE_TEAM: "Care team", BREAK_GLASS: "Broken glass",
    TREATMENT_NOTES: "Treatment note", UPLOADS: "File", FORM: "Form", FORM_SUBMISSION: "Answers to a form", FORM_PDF: "Form as PDF", INVITATION: "Invitation", INVOICE: "Bill", PAYMENT: "Payment",
    DOCUMENT: "Document", MESSAGE: "Message", NOTIFICATION: "Notice", PORTAL_USER: "Portal account", SESSION: "Session", STAFF: "Staff", AUDIT_LOG: "Audit log" };
export const sayKind = (type) => KINDS[type] || (type ? lower(type)[0].toUpperCase() + lower(type).slice(1) : "");

export const ROLES = { admin: "administrator", clinician: "clinician", front_desk: "front desk", billing: "billing" };
const ACTORS = { client: "portal account", staff: "staff", owner: "owner", guest: "nobody signed in", system: "the portal itself", processor: "payment service" };
export const sayRole = (actor) => ROLES[actor.role] || ACTORS[actor.kind] || actor.kind;

/** Who it was; people that are gone and those who have no name are called by what they are. */
export function sayActor(actor) {
    if (actor.name) return actor.name;
    return { guest: "Somebody not signed in", system: "The portal", owner: "The owner", processor: "Payment service" }[actor.kind] || "Somebody who is no longer here";
}

// icon, words, tone of a chip
export const RESULTS = { ok: ["ri-check-line", "Done", ""], refused: ["ri-forbid-line", "Refused", "danger"], failed: ["ri-error-warning-line", "Failed", "warning"] };
