// The panel in the cell of a notebook: there is no server, the kernel carries out what the panel asks for, and tells what happens by itself.

import { BackfillClient } from "./client.js";
import { fresh } from "./memory.js";
import { STRINGS } from "./strings.js";

/**
 * @import { JobEvent } from "./types.js"
 * @typedef {{kind: "answer", id: string, status: number, headers: Record<string, string>, body: string} | {kind: "events", events: JobEvent[]}} Message
 * @typedef {object} Model What a notebook hands to a widget: the state that the kernel shares, and messages to it and from it.
 * @property {(name: string) => any} get
 * @property {(name: string, callback: (message: any) => void) => void} on
 * @property {(name?: string, callback?: (message: any) => void) => void} off
 * @property {(content: object) => void} send
 */

const NO_BODY = new Set([204, 304]);

/** Carries out requests by messages to the kernel. The report that the kernel keeps in the model is never asked for: it is there while the kernel is busy, too. */
export class Kernel {
  #model;
  #page = fresh(); // the kernel's messages go to every page that shows the notebook
  #count = 0;
  #gone = false;
  /** @type {Map<string, {resolve: (response: Response) => void, reject: (error: Error) => void}>} */
  #waiting = new Map();
  /** @type {Set<ReadableStreamDefaultController<Uint8Array>>} */
  #streams = new Set();

  /** @param {Model} model */
  constructor(model) {
    this.#model = model;
    this.src = `kernel:${model.get("_place")}`;
    model.on("msg:custom", this.#hear);
    model.on("comm_live_update", this.#lose); // told when the kernel ends, or is started anew
  }

  close() {
    this.#model.off("msg:custom", this.#hear);
    this.#model.off("comm_live_update", this.#lose);
    this.#lose();
  }

  /** As the browser's `fetch`. @type {typeof globalThis.fetch} */
  fetch = async (input, { method = "GET", headers = {}, body, signal } = {}) => {
    const path = String(input).slice(this.src.length);
    if (this.#gone) throw new TypeError("the kernel has gone");
    if (path === "/events") return new Response(this.#events(signal));
    const report = method === "GET" && path === `/backfills/${this.#model.get("_job")}` && this.#model.get("_report");
    if (report) return new Response(report);
    const id = `${this.#page} ${++this.#count}`;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      signal?.addEventListener("abort", () => this.#waiting.delete(id) && reject(signal.reason), { once: true });
      this.#model.send({ kind: "ask", id, method, path, headers, body: body ?? "" });
    });
  };

  /** @param {AbortSignal | null | undefined} signal @returns {ReadableStream<Uint8Array>} What the kernel tells, as a server would. */
  #events(signal) {
    /** @type {ReadableStreamDefaultController<Uint8Array>} */
    let mine;
    /** @type {ReturnType<typeof setInterval>} */
    let alive;
    const end = () => {
      clearInterval(alive);
      this.#streams.delete(mine);
    };
    return new ReadableStream({
      start: (controller) => {
        mine = controller;
        this.#streams.add(mine);
        alive = setInterval(() => this.#write(mine, ": alive\n\n"), 15_000); // a kernel that has nothing to tell is there nevertheless
        signal?.addEventListener("abort", () => (end(), mine.error(signal.reason)), { once: true });
      },
      cancel: end,
    });
  }

  /** @param {ReadableStreamDefaultController<Uint8Array>} stream @param {string} text */
  #write(stream, text) {
    if (this.#streams.has(stream)) stream.enqueue(new TextEncoder().encode(text));
  }

  /** @param {Message} message */
  #hear = (message) => {
    if (message.kind === "events") {
      const text = message.events.map((event) => `id: ${event.seq}\ndata: ${JSON.stringify(event)}\n\n`).join("");
      for (const stream of this.#streams) this.#write(stream, text);
      return;
    }
    const { resolve } = this.#waiting.get(message.id) ?? {};
    this.#waiting.delete(message.id);
    resolve?.(new Response(NO_BODY.has(message.status) ? null : message.body, { status: message.status, headers: message.headers }));
  };

  #lose = () => {
    this.#gone = true;
    const error = new TypeError("the kernel has gone");
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
    for (const stream of [...this.#streams]) {
      this.#streams.delete(stream);
      stream.error(error);
    }
  };
}

/** What the notebook is handed: called once for each widget, which may be shown in several cells. */
export function cell() {
  Object.assign(STRINGS.unreachable, STRINGS.notebook.unreachable);
  Object.assign(STRINGS.connection, STRINGS.notebook.connection);
  /** @type {BackfillClient} */
  let client;
  return {
    /** @param {{model: Model}} given */
    initialize({ model }) {
      const kernel = new Kernel(model);
      client = new BackfillClient({ src: kernel.src, fetch: kernel.fetch, share: false });
      return () => kernel.close();
    },
    /** @param {{model: Model, el: HTMLElement}} given */
    render({ model, el }) {
      const panel = /** @type {HTMLElement & {client: BackfillClient}} */ (document.createElement("backfill-panel"));
      panel.client = client;
      if (model.get("_job")) panel.setAttribute("job-id", model.get("_job"));
      el.append(panel);
      const behind = new CSSStyleSheet();
      behind.replaceSync(`.backfill-behind-${model.get("_place")} { display: none }`); // the picture for where no panel is live
      document.adoptedStyleSheets = [...document.adoptedStyleSheets, behind];
      return () => {
        panel.remove();
        document.adoptedStyleSheets = document.adoptedStyleSheets.filter((sheet) => sheet !== behind);
      };
    },
  };
}
