// What survives a reload of the page: kept by the tab, and gone with it.

/** @import { Ui } from "./ui.js" */

/** @type {(keyof Ui)[]} */
const KEPT = ["view", "jobId", "filter", "draft", "range"];

/** @param {string} name @returns {Partial<Ui>} */
export function recall(name) {
  try {
    const found = JSON.parse(sessionStorage.getItem(name) ?? "{}");
    return Object.fromEntries(KEPT.filter((key) => key in found).map((key) => [key, found[key]]));
  } catch {
    return {}; // a page may be refused its storage
  }
}

/** @param {string} name @param {Ui} ui */
export function remember(name, ui) {
  try {
    sessionStorage.setItem(name, JSON.stringify(Object.fromEntries(KEPT.map((key) => [key, ui[key]]))));
  } catch {
    // as above
  }
}

/** A key for what is asked for: the same until it is answered, so that asking again after a lost answer does nothing twice. */
export class Keyring {
  #what = "";
  #key = "";

  /** @param {unknown} what @returns {{idempotencyKey: string}} */
  of(what) {
    const text = JSON.stringify(what);
    if (text !== this.#what) [this.#what, this.#key] = [text, fresh()];
    return { idempotencyKey: this.#key };
  }

  answered() {
    this.#what = "";
  }
}

/** An identifier that nobody else makes. @returns {string} */
export function fresh() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
