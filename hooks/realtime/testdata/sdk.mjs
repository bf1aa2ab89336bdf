// The stock PocketBase SDK against our hub. Prints one JSON line for everything that happens; the Go test acts and
// compares. Arguments: path of the SDK, address of the server, token, id of a visit.
const [sdk, address, token, visit] = process.argv.slice(2);
const say = (what, about = {}) => console.log(JSON.stringify({ what, ...about }));

// Node has no EventSource. This is the part of it that the SDK uses.
globalThis.EventSource = class {
    #abort = new AbortController();
    #listeners = {};
    constructor(url) {
        this.#read(url).then(() => this.onerror?.(new Error("ended")), (err) => this.#abort.signal.aborted || this.onerror?.(err));
    }
    addEventListener(name, listener) {
        (this.#listeners[name] ??= []).push(listener);
    }
    removeEventListener(name, listener) {
        this.#listeners[name] = this.#listeners[name]?.filter((l) => l != listener);
    }
    close() {
        this.#abort.abort();
    }
    async #read(url) {
        const response = await fetch(url, { headers: { Accept: "text/event-stream" }, signal: this.#abort.signal });
        let text = "";
        for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
            text += chunk;
            for (let end; (end = text.indexOf("\n\n")) >= 0; text = text.slice(end + 2)) {
                const field = {};
                for (const line of text.slice(0, end).split("\n")) {
                    field[line.slice(0, line.indexOf(":"))] = line.slice(line.indexOf(":") + 1);
                }
                const event = { type: field.event, data: field.data, lastEventId: field.id };
                this.#listeners[field.event]?.forEach((listener) => listener(event));
            }
        }
    }
};

const { default: PocketBase } = await import(sdk);
const pb = new PocketBase(address);
pb.autoCancellation(false);
pb.authStore.save(token, { id: "me", collectionName: "portal_users" });

// what every page of ours does: the SDK alone would try again for ever
pb.afterSend = (response, data) => {
    if (response.status == 401) {
        pb.realtime.unsubscribe();
        pb.authStore.clear();
        say("signed out", { reason: data?.error?.details?.reason });
    }
    return data;
};

await pb.realtime.subscribe("PB_CONNECT", () => say("connected"));
await pb.realtime.subscribe("portal", (e) => say("portal", e));
await pb.collection("appointments").subscribe("*", (e) => say("item", e), { fields: "id" });
await pb.collection("appointments").subscribe(visit, (e) => say("one", e));
try {
    await pb.collection("clients").subscribe("*", () => {});
} catch (err) {
    say("refused", { status: err.status, reason: err.response?.error?.details?.reason });
    await pb.collection("clients").unsubscribe("*");
}
say("ready");
