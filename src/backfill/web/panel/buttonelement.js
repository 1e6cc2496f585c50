// <backfill-button>: one backfill in one button.

import { asProblem, FINAL } from "./client.js";
import { h } from "./dom.js";
import { namesIn } from "./fields.js";
import { Following } from "./following.js";
import { percent } from "./format.js";
import { done, progressBar } from "./jobview.js";
import { Keyring } from "./memory.js";
import { STRINGS } from "./strings.js";
import { button, problemBox } from "./ui.js";

/**
 * @import { BackfillProblem } from "./client.js"
 * @import { VElement } from "./dom.js"
 * @import { BackfillReport, BackfillStart } from "./types.js"
 */

/**
 * One button that starts one backfill and shows how far it is. Attributes: `src`, `start-date`, `end-date`, `districts`, `job-id`; property
 * `request` for everything else. Tells `backfill-started`, `backfill-progress` and `backfill-ended`, each with the report.
 */
export class BackfillButton extends Following {
  static observedAttributes = ["job-id"];

  /** What to start; members go before the attributes. @type {Partial<BackfillStart>} */
  request = {};
  #unwatch = () => {};
  #starting = false;
  /** @type {BackfillProblem | null} */
  #problem = null;
  /** @type {BackfillReport | null} */
  #last = null;

  connectedCallback() {
    super.connectedCallback();
    this.until(() => this.#unwatch());
    this.#watch();
  }

  attributeChangedCallback() {
    if (this.isConnected) this.#watch();
  }

  #watch() {
    this.#unwatch();
    this.#last = null;
    const id = this.getAttribute("job-id");
    this.#unwatch = id ? this.client.watch(id) : () => {};
    this.draw();
  }

  changed() {
    const report = this.#report;
    if (report && report !== this.#last) {
      const ended = FINAL.has(report.status) && !(this.#last && FINAL.has(this.#last.status));
      this.#last = report;
      this.tell("backfill-progress", report);
      if (ended) this.tell("backfill-ended", report);
    }
    this.draw();
  }

  /** @returns {BackfillReport | null} */
  get #report() {
    return this.client.state.watched[this.getAttribute("job-id") ?? ""]?.report ?? null;
  }

  #keys = new Keyring();

  async #start() {
    if (this.#starting) return;
    this.#starting = true;
    this.#problem = null;
    this.draw();
    const [startDate, endDate, districts] = ["start-date", "end-date", "districts"].map((name) => this.getAttribute(name) ?? "");
    const named = { ...(startDate && { startDate }), ...(endDate && { endDate }), ...(districts && { targetDistricts: namesIn(districts) }) };
    try {
      const request = /** @type {BackfillStart} */ ({ ...named, ...this.request });
      const report = await this.client.start(request, this.#keys.of(request));
      this.#keys.answered();
      this.setAttribute("job-id", report.backfillId);
      this.tell("backfill-started", report);
    } catch (error) {
      this.#problem = asProblem(error);
    }
    this.#starting = false;
    this.draw();
  }

  async #cancel() {
    try {
      await this.client.cancel(this.getAttribute("job-id") ?? "");
    } catch (error) {
      this.#problem = asProblem(error);
      this.draw();
    }
  }

  /** @returns {VElement[]} */
  view() {
    const report = this.#report;
    const runs = report !== null && !FINAL.has(report.status);
    const words = STRINGS.button;
    const text = report && STRINGS.status[report.status] + (runs ? ` · ${STRINGS.buttonRunning(percent(done(report.progress), report.progress.total))}` : "");
    return [
      h(
        "div",
        { class: "one" },
        h("button", { type: "button", class: "main", disabled: runs || this.#starting, onclick: () => void this.#start(), key: "start" }, this.#starting ? words.starting : h("slot", null, words.idle)),
        report && progressBar(report.progress),
        h("span", { role: "status", key: "status" }, text),
        runs && button(words.cancel, () => void this.#cancel(), { key: "cancel" }),
      ),
      ...(this.#problem ? [problemBox(this.#problem, null)] : []),
    ];
  }
}
