// A decision about what is on the page. The title asks, the body says what follows, the buttons name the acts. It is
// the browser's own modal dialog, which keeps the focus inside, closes on Escape and gives the focus back.

let count = 0;

export const titleId = () => "desk_dialog_" + ++count;

// act gets what was entered and returns nothing when it is done, or a sentence that says why it is not.
export function ask({ title, body = [], fields = [], yes, no, tone = "", act, onclose }) {
    const id = titleId();
    const state = store({ busy: false, problem: "" });
    const element = t.dialog({ className: "desk-dialog", "html-aria-labelledby": id, onclose: () => { element.remove(); onclose?.(); } },
        t.form({
            className: "desk-form",
            onsubmit: async (e) => {
                e.preventDefault();
                if (state.busy) return;
                state.busy = true;
                state.problem = "";
                const problem = await act(Object.fromEntries(new FormData(e.target)));
                state.busy = false;
                if (!problem) return element.close();
                state.problem = problem;
            },
        },
        t.h2({ id, className: "desk-dialog-title", tabIndex: -1 }, title),
        ...body.map((line) => t.p(null, line)),
        ...fields,
        () => (state.problem ? t.div({ className: "alert danger m-t-10", role: "alert" }, state.problem) : null),
        t.div({ className: "desk-dialog-acts" },
            t.button({ type: "submit", className: () => `btn ${tone} ${state.busy ? "loading" : ""}`, ariaDisabled: () => String(state.busy) }, t.span({ className: "txt" }, yes)),
            t.button({ type: "button", className: "btn secondary", onclick: () => element.close() }, t.span({ className: "txt" }, no)))));
    open(element);
    (element.querySelector("input:not([hidden]), textarea, select") || element.querySelector("h2")).focus();
}

// Shows details; it only closes.
export function show({ title, content, acts = [] }) {
    const id = titleId();
    const element = t.dialog({ className: "desk-dialog desk-panel", "html-aria-labelledby": id, onclose: () => element.remove(),
        onclick: (e) => e.target == element && element.close() },
    t.div({ className: "desk-panel-inside" },
        t.header(null, t.h2({ id, className: "desk-dialog-title", tabIndex: -1 }, title),
            t.button({ type: "button", className: "btn circle transparent secondary", ariaLabel: "Close", onclick: () => element.close() }, t.i({ className: "ri-close-line", ariaHidden: true }))),
        ...content,
        acts.length ? t.div({ className: "desk-dialog-acts" }, ...acts.map(([words, act]) => t.button({ type: "button", className: "btn secondary",
            onclick: () => { element.close(); act(); } }, t.span({ className: "txt" }, words)))) : null));
    open(element);
    element.querySelector("h2").focus();
}

export function open(element) {
    document.body.appendChild(element);
    element.showModal();
}

export function field(label, hint, input) {
    const id = input.id = "desk_field_" + ++count;
    return t.div({ className: "m-t-sm" },
        t.div({ className: "field" }, t.label({ htmlFor: id }, label), input),
        hint ? t.div({ className: "field-help" }, hint) : null);
}
