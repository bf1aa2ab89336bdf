// Finding a client by name, e-mail, phone or birth date. The server shows no more of a client than one needs to tell two
// apart, and writes down that somebody looked.

import { desk, sentence } from "./api.js";
import { field } from "./dialog.js";
import { many } from "./words.js";

const WAIT = 300; // after the last letter

/** A search field and what it finds; row(client) shows one of { id, firstName, lastName, dateOfBirth, reach, until }. */
export function findClient({ label = "Find the client", hint = "Name, email, phone, or date of birth as 1990-04-27.", row }) {
    const state = store({ found: null, said: "", problem: "" });
    let waiting, asked = 0;

    async function find(words) {
        clearTimeout(waiting);
        const mine = ++asked;
        if (words.trim().length < 2) return Object.assign(state, { found: null, said: "", problem: "" });
        try {
            const { clients } = await desk("clients/find", { query: { q: words.trim().slice(0, 80) } });
            if (mine == asked) Object.assign(state, { found: clients, problem: "", said: clients.length ? many(clients.length, "client", "clients") + (clients.length == 10 ? ", the first ten. Type more of the name." : "") : "Nobody fits." });
        } catch (err) {
            if (mine == asked && !err.isAbort) Object.assign(state, { found: null, said: "", problem: sentence(err) });
        }
    }

    const input = t.input({ type: "search", autocomplete: "off", maxLength: 80,
        oninput: (e) => { clearTimeout(waiting); waiting = setTimeout(find, WAIT, e.target.value); },
        onkeydown: (e) => { if (e.key == "Enter") { e.preventDefault(); find(e.target.value); } } });
    return {
        again: () => find(input.value),
        element: t.div({ className: "desk-find desk-form" },
            field(label, hint, input),
            t.p({ className: "field-help", role: "status" }, () => state.said),
            () => (state.problem ? t.div({ rid: state.problem, className: "alert warning m-t-10", role: "alert" }, state.problem) : null),
            () => (state.found?.length ? t.ul({ rid: JSON.stringify(state.found), className: "desk-lines" }, ...state.found.map(row)) : null)),
    };
}
