// What a panel keeps besides what the server says: where its user is, and what was typed. And the parts that several views are made of.

import { h } from "./dom.js";
import { word } from "./format.js";
import { STRINGS } from "./strings.js";

/**
 * @import { BackfillProblem } from "./client.js"
 * @import { VElement } from "./dom.js"
 * @import { Field } from "./fields.js"
 * @import { Grid } from "./grid.js"
 * @import { BackfillPlan, CoverageView, DistrictError, GapRequest } from "./types.js"
 * @typedef {"jobs" | "start" | "coverage"} View
 * @typedef {Record<string, string | boolean>} Draft What is in a form: texts as they were typed, and marks.
 * @typedef {object} Ui
 * @property {View} view
 * @property {string | null} jobId The job that is shown.
 * @property {boolean} confirming Whether it is being asked if the job is to be cancelled.
 * @property {"" | "active" | "ended"} filter
 * @property {ReadonlySet<string>} open The parts that are folded out.
 * @property {Grid | null} grid The units of the job that is shown.
 * @property {readonly DistrictError[] | null} errors All failures of the job that is shown, once loaded.
 * @property {number | null} eta Seconds left, measured here, where the server cannot say.
 * @property {readonly Field[] | null} fields What a request may say; `null` = not loaded yet.
 * @property {ReadonlySet<string>} offered The paths that the service offers.
 * @property {Draft} draft
 * @property {BackfillPlan | null} plan
 * @property {"idle" | "planning" | "starting"} working
 * @property {BackfillProblem | null} formProblem
 * @property {boolean} stale Whether the plan had changed when it was to be started.
 * @property {Draft} range What is in the form of the coverage.
 * @property {CoverageView | null} cover
 * @property {GapRequest | null} covered What `cover` is the answer to, whatever has been typed since.
 * @property {Grid | null} coverGrid
 * @property {boolean} covering
 * @property {BackfillProblem | null} coverProblem
 * @property {boolean} beginning Whether a job is being asked for, to retry or to fill gaps: a second click must not ask for another.
 * @property {BackfillProblem | null} problem What went wrong with the last action.
 * @property {string} said What a screen reader is told.
 * @typedef {object} Act What a view's controls do.
 * @property {(view: View) => void} go
 * @property {(id: string | null) => void} open
 * @property {(filter: Ui["filter"]) => void} filter
 * @property {() => void} older
 * @property {(part: string, open: boolean) => void} fold
 * @property {(confirming: boolean) => void} confirm
 * @property {(name: "cancel" | "pause" | "resume" | "retry") => void} job
 * @property {() => void} allErrors
 * @property {(name: string, value: string | boolean) => void} draft
 * @property {() => void} start
 * @property {(name: string, value: string) => void} range
 * @property {() => void} cover
 * @property {() => void} fillGaps
 * @property {() => void} dismiss
 */

/** @returns {Ui} */
export function emptyUi() {
  return {
    view: "jobs", jobId: null, confirming: false, filter: "", open: new Set(), grid: null, errors: null, eta: null,
    fields: null, offered: new Set(), draft: {}, plan: null, working: "idle", formProblem: null, stale: false,
    range: {}, cover: null, covered: null, coverGrid: null, covering: false, coverProblem: null, beginning: false, problem: null, said: "",
  };
}

/** @param {string} label @param {(() => void) | null} onclick `null` = it cannot be pressed now. @param {Record<string, unknown>} [more] @returns {VElement} */
export function button(label, onclick, more = {}) {
  return h("button", { type: "button", disabled: onclick === null, onclick: onclick ?? (() => undefined), ...more }, label);
}

/** @param {BackfillProblem} found @param {(() => void) | null} dismiss @returns {VElement} What went wrong, and what to do about it. */
export function problemBox(found, dismiss) {
  const { title, detail, remedy, errors, requestId } = found.problem;
  return h(
    "div",
    { class: "problem", role: "alert" },
    h("p", null, h("strong", null, title), ": ", detail),
    errors?.length ? h("ul", null, errors.map((wrong) => h("li", null, placeOf(wrong.pointer), ": ", wrong.detail, "; ", wrong.remedy))) : remedy && h("p", null, remedy),
    requestId && h("p", { class: "small" }, STRINGS.requestId(requestId)),
    dismiss && button(STRINGS.dismiss, dismiss),
  );
}

/** @param {string} pointer @returns {VElement | string} The field that it leads to, as the form calls it. */
function placeOf(pointer) {
  const name = pointer.split("/")[1] ?? "";
  return Object.hasOwn(STRINGS.field, name) ? word(STRINGS.field, name) : h("code", null, pointer);
}

/** @param {string} status @returns {VElement} */
export function badge(status) {
  return h("span", { class: `badge ${status}` }, word(STRINGS.status, status));
}

/** @param {[string, VElement | string | null | undefined | false][]} facts Those without a value are left out. @returns {VElement} */
export function facts(facts) {
  return h("dl", null, facts.filter(([, value]) => value).map(([name, value]) => h("div", { key: name }, h("dt", null, name), h("dd", null, value))));
}

/** @param {string} title @param {string} part @param {Ui} ui @param {Act} act @param {() => (VElement | null | "")[]} content Made when it is folded out. */
export function folded(title, part, ui, act, content) {
  const open = ui.open.has(part);
  const ontoggle = (/** @type {Event} */ event) => act.fold(part, /** @type {HTMLDetailsElement} */ (event.currentTarget).open);
  return h("details", { key: part, open, ontoggle }, h("summary", null, title), open ? content() : null);
}

/** @param {Record<string, string>} words @param {[string, number][]} counts @param {(value: number) => string} written @returns {VElement} */
export function legend(words, counts, written) {
  return h(
    "ul",
    { class: "legend" },
    counts.map(([state, value]) => h("li", { key: state }, h("span", { class: `swatch ${state}`, "aria-hidden": "true" }), `${word(words, state)}: `, h("b", null, written(value)))),
  );
}

/** @param {Record<string, string | null>} heads By key; `null` = for screen readers only. @param {VElement[]} rows @param {string} label @param {"" | "cards" | "hosts"} [style] `cards` = where there is little room, each row is a card. @returns {VElement} */
export function table(heads, rows, label, style = "") {
  const head = Object.entries(heads).map(([name, text]) => h("th", { scope: "col", key: name }, text));
  return h("div", { class: `wide ${style}`, tabindex: 0, role: "region", "aria-label": label }, h("table", null, h("thead", null, h("tr", null, head)), h("tbody", null, rows)));
}
