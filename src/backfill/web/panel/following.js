// What the elements have in common.

import { BackfillClient } from "./client.js";
import { patch } from "./dom.js";
import { Base } from "./heatmap.js";
import { style } from "./style.js";

/**
 * @import { VElement } from "./dom.js"
 * @import { BackfillReport } from "./types.js"
 */

/** What every element does: hold a client, follow it, and draw with the next frame. */
export class Following extends Base {
  /** @type {BackfillClient | null} */
  #client = null;
  #frame = 0;
  /** @type {(() => void)[]} */
  #ends = [];

  /** The client that it uses; default: the one for the address in the attribute `src`. @returns {BackfillClient} */
  get client() {
    return (this.#client ??= BackfillClient.at(this.getAttribute("src")));
  }

  set client(client) {
    if (client === this.#client) return;
    this.#client = client;
    if (this.isConnected) {
      this.disconnectedCallback();
      this.connectedCallback();
    }
  }

  connectedCallback() {
    if (Object.hasOwn(this, "client")) {
      const { client } = this; // set before the module had come
      Reflect.deleteProperty(this, "client");
      this.#client = client;
    }
    const root = this.shadowRoot ?? this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [style()];
    this.until(this.client.subscribe(() => this.changed()));
    this.draw();
  }

  disconnectedCallback() {
    for (const end of this.#ends.splice(0)) end();
  }

  /** @param {() => void} end Called when the element leaves the page. */
  until(end) {
    this.#ends.push(end);
  }

  changed() {
    this.draw();
  }

  /** Draw with the next frame. */
  draw() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      if (this.isConnected && this.shadowRoot) patch(this.shadowRoot, this.view());
    });
  }

  /** Tell the page. @param {string} name @param {BackfillReport} detail */
  tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
  }

  /** @returns {VElement[]} */
  view() {
    return [];
  }
}
