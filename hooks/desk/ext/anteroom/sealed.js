// Encrypted fields in the dashboard: closed in lists, open in a record's own panel, and a plain word where a value cannot
// be opened. Which fields somebody sees and writes is in the collection as the server describes it: what the role may not
// see is not there, and what it may only read says readOnly.

const UNREADABLE = {
    damaged: ["Damaged", "What is stored here was changed or belongs to another record. It cannot be opened."],
    erased: ["Erased", "The key of this client was destroyed. Nobody can open this any more."],
    locked: ["Locked", "The server has no key for this at the moment. Ask whoever runs it; nothing is lost."],
};
const unreadable = (value) => UNREADABLE[value?.unreadable];
const isNothing = (value) => value == null || value === "";
const isJSON = (field) => field.kind == "json";
const isStaff = () => app.store.superuser?.collectionName == "staff";

const badge = ([word]) => t.span({ className: "label danger" }, t.i({ className: "ri-lock-line", ariaHidden: true }), word);
const label = (field, id) => t.label(id ? { htmlFor: id } : {}, t.i({ className: "ri-shield-keyhole-line", ariaHidden: true }), t.span({ className: "txt" }, field.name));
const pretty = (field, value) => (isJSON(field) ? JSON.stringify(value, null, 2) : String(value));

/** view shows a value: closed in a list, where it would lie open to whoever passes by. */
export function view(props) {
    const value = props.record[props.field.name], problem = unreadable(value);
    if (problem) return props.short ? badge(problem) : t.div(null, badge(problem), t.p({ className: "desk-quiet" }, problem[1]));
    if (isNothing(value)) return t.span({ className: "missing-value" });
    if (props.short) return t.span({ className: "desk-quiet txt-nowrap" }, t.i({ className: "ri-lock-line", ariaHidden: true }), " sealed");
    return t.div({ className: isJSON(props.field) ? "desk-json" : "desk-words" }, pretty(props.field, value));
}

let count = 0;

/** input is the field in a record's panel. */
export function input(props) {
    const { field } = props, id = "sealed_" + ++count;
    const problem = () => unreadable(props.record[field.name]);
    return t.div({ className: "desk-sealed" }, () => {
        if (problem()) return t.div({ rid: "unreadable" }, unreadableBox(props, problem()));
        if (field.readOnly) return t.div({ rid: "readonly" }, readOnlyBox(props, id));
        return t.div({ rid: "open" }, isJSON(field) ? jsonBox(props, id) : textBox(props, id));
    }, () => (field.help ? t.div({ className: "field-help" }, field.help) : null));
}

const unreadableBox = (props, problem) => t.div({ className: "field desk-closed" }, label(props.field),
    t.div({ className: "p-10" }, badge(problem), t.p(null, problem[1]),
        problem == UNREADABLE.damaged && !props.field.readOnly
            ? t.button({ type: "button", className: "btn sm secondary", onclick: () => (props.record[props.field.name] = isJSON(props.field) ? null : "") }, t.span({ className: "txt" }, "Write anew")) : null));

const readOnlyBox = (props, id) => [
    t.div({ className: "field desk-closed" }, label(props.field, id),
        t.textarea({ id, readOnly: true, rows: 3, "html-aria-describedby": id + "_why", value: () => (isNothing(props.record[props.field.name]) ? "" : pretty(props.field, props.record[props.field.name])) })),
    t.div({ id: id + "_why", className: "field-help" }, "You can read this, but not change it: it is somebody else's to write."),
];

const textBox = (props, id) => [
    t.div({ className: "field" }, label(props.field, id),
        t.textarea({ id, name: props.field.name, rows: props.field.max > 1000 ? 8 : 3, maxLength: props.field.max || 20000, required: () => props.field.required, autocomplete: "off", spellcheck: false,
            value: () => props.record[props.field.name] || "", oninput: (e) => (props.record[props.field.name] = e.target.value) })),
];

// Fields whose text is no JSON yet. It stays in the editor and never reaches the record, so that it cannot be saved.
const unfinished = new Set();
const keyOf = ({ record, field }) => `${record.id || ""}.${field.name}`;
const parsed = (text) => (text.trim() ? JSON.parse(text) : null);
const same = (a, b) => JSON.stringify(a ?? null) == JSON.stringify(b ?? null);

function jsonBox(props, id) {
    const state = store({ problem: "" });
    const stored = () => (props.record[props.field.name] === "" ? null : props.record[props.field.name]);
    let text = "";
    const shown = () => {
        const value = stored();
        const kept = unfinished.has(keyOf(props)) || same(parsed(text), value); // what is being typed keeps its form
        return kept ? text : (text = value == null ? "" : JSON.stringify(value, null, 2));
    };
    const read = (typed) => {
        text = typed;
        try {
            const value = parsed(typed);
            unfinished.delete(keyOf(props));
            state.problem = "";
            if (!same(value, stored())) props.record[props.field.name] = value;
        } catch (err) {
            unfinished.add(keyOf(props));
            state.problem = "This is not valid JSON: " + err.message;
        }
    };
    return [
        t.div({ className: "field", onunmount: () => unfinished.delete(keyOf(props)) }, label(props.field, id),
            t.textarea({ id, name: props.field.name, className: "txt-code", rows: 8, spellcheck: false, autocomplete: "off", "html-aria-describedby": id + "_problem", ariaInvalid: () => String(!!state.problem),
                value: shown, oninput: (e) => read(e.target.value) })),
        t.div({ id: id + "_problem", className: "field-help desk-problem", role: "status" }, () => state.problem),
    ];
}

/** save keeps from the request what was not written here: read-only values, and values that nobody could read. */
export function save({ field, record, payload }) {
    if (field.readOnly || unreadable(record[field.name])) delete payload[field.name];
    if (unfinished.has(keyOf({ record, field }))) throw new Error(`${field.name} is not valid JSON. Nothing was saved.`);
}

// ---- records that stay as they are

// What nobody of one's role may change opens as a preview instead of a form. So does a signed note: it is frozen, and
// corrected by another note.
const isFrozen = (collection, record) => collection.name == "treatment_notes" && (record.status == "signed" || record.author != app.store.superuser?.id);

/** Opens records of staff in the panel that fits. */
export function bindPanels() {
    const open = app.modals.openRecordUpsert;
    app.modals.openRecordUpsert = async (collection, record = null, settings) => {
        const id = typeof record == "string" ? record : record?.id;
        if (!isStaff() || !collection) return open(collection, record, settings);
        if (!id) return open(collection, collection.name == "treatment_notes" ? { ...(await newNote()), ...record } : record, settings);
        if (collection.updateRule !== "") return app.modals.openRecordPreview({ id, collectionName: collection.name, collectionId: collection.id }, { onafterclose: settings?.onafterclose });
        if (collection.name != "treatment_notes") return open(collection, record, settings);
        const note = record.author ? record : await app.pb.collection(collection.name).getOne(id, { requestKey: null }).catch(app.checkApiError);
        if (!note) return;
        if (!isFrozen(collection, note)) return open(collection, note, settings);
        app.modals.openRecordPreview(note, { onafteropen: (el) => explain(el, collection, note), onafterclose: settings?.onafterclose });
    };
}

// A new note begins as its writer's draft of this moment.
async function newNote() {
    const me = app.store.superuser.id;
    const clinician = await app.pb.collection("clinicians").getFirstListItem(app.pb.filter("staff = {:me}", { me }), { requestKey: null }).catch(() => null);
    return { author: me, clinician: clinician?.id || "", status: "draft", kind: "progress", noted_at: new Date().toISOString().replace("T", " ") };
}

function explain(el, collection, note) {
    if (el.querySelector(".desk-frozen")) return;
    const amend = () => {
        app.modals.close(el, true);
        app.modals.openRecordUpsert(collection, { client: note.client, appointment: note.appointment, kind: note.kind, amends: note.id });
    };
    el.querySelector(".modal-content").prepend(t.div({ className: "alert info desk-frozen" },
        t.div({ className: "content" }, note.status == "signed" ? "This note is signed and stays as it is. To correct it, write another note that amends it." : "This is somebody else's draft."),
        note.status == "signed" && collection.createRule === "" ? t.button({ type: "button", className: "btn sm secondary", onclick: amend }, t.span({ className: "txt" }, "Write an amendment")) : null));
}
