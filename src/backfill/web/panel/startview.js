// The form for a new backfill, with the plan of what it will do.

import { h } from "./dom.js";
import { count, duration, isolated, ranges, word } from "./format.js";
import { STRINGS } from "./strings.js";
import { button, facts, folded, problemBox } from "./ui.js";

/**
 * @import { VElement } from "./dom.js"
 * @import { Field } from "./fields.js"
 * @import { BackfillPlan, BackfillScope } from "./types.js"
 * @import { Act, Ui } from "./ui.js"
 */

const FIRST = ["startDate", "endDate", "targetDistricts"];

/** @param {Ui} ui @param {Act} act @returns {VElement} */
export function startView(ui, act) {
  if (ui.fields === null) return ui.formProblem ? problemBox(ui.formProblem, null) : h("p", { class: "muted" }, STRINGS.loading);
  const controls = ui.fields.map((field) => ({ field, control: control(field, ui, act) }));
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    act.start();
  };
  return h(
    "div",
    { class: "start", key: "start" },
    h(
      "form",
      { onsubmit: submit, novalidate: true, "aria-label": STRINGS.startTitle },
      h("h2", null, STRINGS.startTitle),
      controls.filter(({ field }) => FIRST.includes(field.name)).map(({ control }) => control),
      folded(STRINGS.more, "options", ui, act, () => controls.filter(({ field }) => !FIRST.includes(field.name)).map(({ control }) => control)),
      button(ui.working === "starting" ? STRINGS.starting : STRINGS.startButton, ui.plan && ui.working !== "starting" ? () => undefined : null, { type: "submit", class: "main", key: "go" }),
    ),
    h("section", { class: "plan", "aria-label": STRINGS.planTitle, "aria-busy": String(ui.working === "planning"), key: "plan" }, h("h2", null, STRINGS.planTitle), planned(ui)),
  );
}

/** @param {Ui} ui @returns {(VElement | null)[]} */
function planned(ui) {
  return [
    ui.stale ? h("p", { class: "note", role: "alert", key: "stale" }, STRINGS.planStale) : null,
    ui.formProblem ? problemBox(ui.formProblem, null) : null,
    ui.plan ? planView(ui.plan) : h("p", { key: "none", class: "muted" }, ui.working === "planning" ? STRINGS.planning : ui.formProblem ? STRINGS.fixFirst : STRINGS.planNeedsDates),
  ];
}

/** @param {BackfillPlan} plan @returns {VElement} */
export function planView(plan) {
  const gaps = plan.days.filter((day) => day.gap !== null);
  const units = plan.days.reduce((sum, day) => sum + (day.districts?.length ?? 1), 0);
  const existing = plan.days.reduce((sum, day) => sum + day.existing.length, 0);
  const missing = plan.days.some((day) => day.gap === null && (day.districts === null || day.existing.length < day.districts.length));
  const requests = Object.entries(plan.requests).map(([report, number]) => `${report}: ${number === null ? STRINGS.unknown : count(number)}`);
  const words = STRINGS.plan;
  return h(
    "div",
    { key: "plan" },
    missing ? null : h("p", { class: "note" }, STRINGS.planNothing),
    facts([
      [words.days, count(plan.days.length)],
      [words.gaps, gaps.length > 0 && h("span", null, `${count(gaps.length)}: `, gapText(gaps))],
      [words.units, plan.exact ? count(units) : STRINGS.atLeast(count(units))],
      [words.existing, count(existing)],
      [words.requests, requests.join("; ") || STRINGS.unknown],
      [words.time, plan.secondsAtRate === null ? STRINGS.unknown : duration(plan.secondsAtRate)],
      [words.strategy, word(STRINGS.method, plan.strategy.method)],
      [words.why, plan.strategy.rationale],
    ]),
    plan.exact ? null : h("p", { class: "muted" }, STRINGS.planInexact),
    doubts(plan.scope),
  );
}

/** @param {readonly {day: string, gap: string | null}[]} gaps @returns {string} */
function gapText(gaps) {
  /** @type {Map<string, string[]>} */
  const kinds = new Map();
  for (const { day, gap } of gaps) kinds.set(gap ?? "", [...(kinds.get(gap ?? "") ?? []), day]);
  return [...kinds].map(([kind, days]) => `${ranges(days.sort())} (${word(STRINGS.gap, kind)})`).join("; ");
}

/** Targets that were left out, or that nothing confirms. @param {BackfillScope} scope @returns {VElement[]} */
export function doubts(scope) {
  /** @type {[string, BackfillScope["excluded"]][]} */
  const lists = [[STRINGS.excludedTitle, scope.excluded], [STRINGS.doubtfulTitle, scope.doubtful]];
  return lists.filter(([, doubts]) => doubts.length).map(([title, doubts]) =>
    h("div", { class: "note", key: title }, h("strong", null, title), h("ul", null, doubts.map((doubt) => h("li", null, h("b", null, isolated(doubt.text)), `: ${isolated(doubt.why)}. `, STRINGS.didYouMean(doubt.suggestions.map(isolated)))))),
  );
}

/** @param {Field} field @param {Ui} ui @param {Act} act @returns {VElement} */
function control(field, ui, act) {
  const { name } = field;
  const wrong = ui.formProblem?.problem.errors?.filter((error) => error.pointer === `#/${name}` || error.pointer.startsWith(`#/${name}/`)) ?? [];
  const hint = /** @type {Record<string, string>} */ (STRINGS.hint)[name] ?? field.description;
  const label = word(STRINGS.field, name);
  const shared = {
    id: `field-${name}`,
    name,
    "aria-describedby": `hint-${name}${wrong.length ? ` wrong-${name}` : ""}`,
    "aria-invalid": wrong.length ? "true" : null,
    required: field.required,
  };
  const says = [
    h("p", { class: "hint", id: `hint-${name}`, key: "hint" }, hint),
    wrong.length ? h("p", { class: "wrong", id: `wrong-${name}`, key: "wrong" }, wrong.map((error) => `${error.detail}; ${error.remedy}`).join(". ")) : null,
  ];
  if (field.kind === "flag") {
    const onchange = (/** @type {Event} */ event) => act.draft(name, /** @type {HTMLInputElement} */ (event.target).checked);
    const checked = ui.draft[name] ?? field.initial ?? false;
    return h("div", { class: "field flag", key: name }, h("input", { ...shared, type: "checkbox", checked, onchange }), h("label", { for: shared.id }, label), says);
  }
  const value = ui.draft[name] ?? (field.kind === "choice" || field.kind === "number" ? (field.initial ?? "") : "");
  const oninput = (/** @type {Event} */ event) => act.draft(name, /** @type {HTMLInputElement} */ (event.target).value);
  const input = field.kind === "choice"
    ? h("select", { ...shared, value: String(value), oninput }, field.choices.map((choice) => h("option", { value: choice }, word(STRINGS.choice, choice))))
    : h("input", { ...shared, ...typeOf(field), value: String(value), oninput });
  return h("div", { class: "field", key: name }, h("label", { for: shared.id }, label), input, says);
}

/** @param {Field} field @returns {Record<string, unknown>} */
function typeOf(field) {
  if (field.kind === "day") return { type: "date" };
  if (field.kind === "number") return { type: "number", min: field.least, max: field.most, step: field.whole ? 1 : "any" };
  return { type: "text", autocomplete: "off", spellcheck: "false" };
}
