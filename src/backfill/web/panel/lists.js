// The list of jobs, and the coverage.

import { h } from "./dom.js";
import { count, percent, when, word } from "./format.js";
import { done, mapPicture, mapTable, progressBar, scopeText } from "./jobview.js";
import { STRINGS } from "./strings.js";
import { badge, button, folded, legend, problemBox, table } from "./ui.js";

/**
 * @import { ClientState } from "./client.js"
 * @import { VElement } from "./dom.js"
 * @import { BackfillReport } from "./types.js"
 * @import { Act, Ui } from "./ui.js"
 */

/** @param {ClientState} state @param {Ui} ui @param {Act} act @returns {VElement} */
export function jobsView(state, ui, act) {
  const filters = { "": STRINGS.filterAll, active: STRINGS.filterActive, ended: STRINGS.filterEnded };
  const onchange = (/** @type {Event} */ event) => act.filter(/** @type {Ui["filter"]} */ (/** @type {HTMLSelectElement} */ (event.target).value));
  return h(
    "div",
    { key: "jobs" },
    h("p", { class: "tools" }, h("label", null, `${STRINGS.filterLabel} `, h("select", { value: ui.filter, onchange }, Object.entries(filters).map(([value, text]) => h("option", { value }, text))))),
    state.problem && problemBox(state.problem, null),
    state.jobs === null ? !state.problem && h("p", { class: "muted" }, STRINGS.loading) : jobTable(state.jobs, act),
    state.more && button(STRINGS.older, act.older, { key: "older" }),
  );
}

/** @param {readonly BackfillReport[]} jobs @param {Act} act @returns {VElement} */
function jobTable(jobs, act) {
  if (jobs.length === 0) return h("p", { key: "none" }, STRINGS.noJobs, " ", button(STRINGS.startFirst, () => act.go("start")));
  const rows = jobs.map((report) => {
    const { progress } = report;
    const label = STRINGS.open(scopeText(report), when(report.createdAt));
    return h(
      "tr",
      { key: report.backfillId },
      h("th", { scope: "row" }, button(scopeText(report), () => act.open(report.backfillId), { class: "link", "aria-label": label })),
      h("td", null, badge(report.status)),
      h("td", { class: "progress" }, progressBar(progress), h("span", { class: "small" }, `${percent(done(progress), progress.total)} · ${STRINGS.progressOf(count(done(progress)), count(progress.total), progress.isEstimate)}`)),
      h("td", null, when(report.createdAt)),
    );
  });
  return table(STRINGS.columns, rows, STRINGS.views.jobs, "cards");
}

/** @param {Ui} ui @param {Act} act @returns {VElement} */
export function coverageView(ui, act) {
  const field = (/** @type {string} */ name, /** @type {string} */ label, /** @type {string} */ type) => {
    const oninput = (/** @type {Event} */ event) => act.range(name, /** @type {HTMLInputElement} */ (event.target).value);
    return h("div", { class: "field", key: name }, h("label", { for: `range-${name}` }, label), h("input", { id: `range-${name}`, type, value: String(ui.range[name] ?? ""), oninput }));
  };
  const which = ui.fields?.find((known) => known.name === "frequency");
  const oninput = (/** @type {Event} */ event) => act.range("frequency", /** @type {HTMLSelectElement} */ (event.target).value);
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    act.cover();
  };
  return h(
    "div",
    { key: "coverage" },
    h("h2", null, STRINGS.coverageTitle),
    h(
      "form",
      { class: "range", onsubmit: submit, novalidate: true, "aria-label": STRINGS.views.coverage },
      field("start", STRINGS.field.startDate, "date"),
      field("end", STRINGS.field.endDate, "date"),
      field("districts", STRINGS.field.targetDistricts, "text"),
      which &&
        h(
          "div",
          { class: "field", key: "frequency" },
          h("label", { for: "range-frequency" }, STRINGS.field.frequency),
          h("select", { id: "range-frequency", value: String(ui.range.frequency ?? which.initial), oninput }, which.choices.map((choice) => h("option", { value: choice }, word(STRINGS.choice, choice)))),
        ),
      button(STRINGS.coverageShow, () => undefined, { type: "submit", class: "main", key: "show" }),
    ),
    ui.coverProblem && problemBox(ui.coverProblem, null),
    covered(ui, act),
  );
}

/** @param {Ui} ui @param {Act} act @returns {VElement} */
function covered(ui, act) {
  const { cover, coverGrid: grid } = ui;
  if (cover === null || grid === null) return h("p", { class: "muted", key: "none" }, ui.covering ? STRINGS.loading : STRINGS.coverageFirst);
  if (grid.districts.length === 0) return h("p", { class: "muted", key: "empty" }, STRINGS.coverageEmpty);
  const gaps = (cover.counts.failed ?? 0) + (cover.counts["never-tried"] ?? 0) + (cover.counts.partial ?? 0);
  return h(
    "section",
    { key: "covered", "aria-label": STRINGS.coverageTitle, "aria-busy": String(ui.covering) },
    legend(STRINGS.cell, grid.states.map((state, at) => [state, grid.counts[at]]), count),
    mapPicture(grid, STRINGS.cell),
    ui.offered.has("/gaps") && h("p", { key: "gaps" }, gaps ? button(STRINGS.fillGaps(count(gaps)), ui.beginning ? null : act.fillGaps, { class: "main" }) : STRINGS.noGaps),
    folded(STRINGS.mapTable, "covered", ui, act, () => [mapTable(grid, STRINGS.cell)]),
  );
}
