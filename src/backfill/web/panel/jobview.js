// One job: how far it is, which of its units are done, what failed and why, and what protects the publisher. All of it from the report alone;
// the picture of days by districts is added when it has come.

import { FINAL } from "./client.js";
import { h } from "./dom.js";
import { count, duration, isolated, percent, ranges, size, when, word } from "./format.js";
import { STRINGS } from "./strings.js";
import { doubts } from "./startview.js";
import { badge, button, facts, folded, legend, table } from "./ui.js";

/**
 * @import { VElement } from "./dom.js"
 * @import { Grid } from "./grid.js"
 * @import { HeatMap } from "./heatmap.js"
 * @import { BackfillReport, DistrictError, ErrorGroup, FetchStatus, HostStatus, Progress } from "./types.js"
 * @import { Act, Ui } from "./ui.js"
 */

/** @typedef {"completed" | "skipped" | "unavailable" | "failed" | "pending"} UnitState */

/** @type {UnitState[]} */
const STATES = ["completed", "skipped", "unavailable", "failed", "pending"];

/** @param {BackfillReport} report @returns {string} Which districts it is for. */
export function scopeText(report) {
  return report.scope.districts === null ? STRINGS.allDistricts : STRINGS.districts(report.scope.districts.map(isolated));
}

/** @param {BackfillReport} report @param {Ui} ui @param {Act} act @returns {VElement} */
export function jobView(report, ui, act) {
  const words = STRINGS.facts;
  const { progress } = report;
  return h(
    "article",
    { key: report.backfillId, "aria-label": scopeText(report) },
    h("header", null, h("h2", null, scopeText(report), " ", badge(report.status)), actions(report, ui, act)),
    report.statusReason && h("p", { class: "note", key: "reason" }, report.statusReason),
    report.error && report.error !== report.statusReason && h("p", { class: "problem", key: "error" }, report.error),
    progressBar(progress),
    h("p", { class: "line", key: "line" }, progressLine(report, ui.eta)),
    legend(STRINGS.unit, STATES.map((state) => [state, progress[state]]), count),
    progress.current.length > 0 && h("p", { class: "muted", key: "current" }, STRINGS.inWork(ranges([...progress.current].sort()))),
    doubts(report.scope),
    map(report, ui, act),
    errors(report, ui, act),
    findings(report, ui, act),
    machine(report.performanceStatus),
    facts([
      [words.created, when(report.createdAt)],
      [words.started, report.startedAt && when(report.startedAt)],
      [words.completed, report.completedAt && when(report.completedAt)],
      [words.strategy, word(STRINGS.method, report.collectionStrategy.method)],
      [words.why, report.collectionStrategy.rationale],
      [words.snapshots, count(report.snapshotIds.length)],
      [words.partial, report.partialSnapshots.length > 0 && ranges([...report.partialSnapshots].sort())],
      [words.id, h("code", null, report.backfillId)],
    ]),
  );
}

/** @param {Progress} progress @returns {number} */
export function done(progress) {
  return progress.total - progress.pending;
}

/** @param {Progress} progress @returns {VElement} */
export function progressBar(progress) {
  const text = STRINGS.progressOf(count(done(progress)), count(progress.total), progress.isEstimate);
  return h(
    "div",
    { class: "bar", role: "progressbar", key: "bar", "aria-label": STRINGS.columns.progress, "aria-valuemin": 0, "aria-valuemax": progress.total, "aria-valuenow": done(progress), "aria-valuetext": text },
    STATES.map((state) => h("span", { key: state, class: state, vars: { "flex-grow": progress[state] } })),
  );
}

/** @param {BackfillReport} report @param {number | null} measured @returns {string} */
function progressLine(report, measured) {
  const { progress } = report;
  const parts = [percent(done(progress), progress.total), STRINGS.progressOf(count(done(progress)), count(progress.total), progress.isEstimate)];
  const eta = progress.etaSeconds ?? measured;
  if (report.status === "processing") parts.push(eta === null ? STRINGS.etaUnknown : STRINGS.eta(duration(eta)));
  if (report.completedAt !== null && report.startedAt !== null) parts.push(STRINGS.took(duration((Date.parse(report.completedAt) - Date.parse(report.startedAt)) / 1000)));
  return parts.join(" · ");
}

/** @param {BackfillReport} report @param {Ui} ui @param {Act} act @returns {VElement} */
function actions(report, ui, act) {
  if (ui.confirming && !FINAL.has(report.status)) {
    return h(
      "div",
      { class: "actions", key: "confirm", role: "group", "aria-label": STRINGS.confirmCancel },
      h("span", null, STRINGS.confirmCancel),
      button(STRINGS.confirmYes, () => act.job("cancel"), { class: "danger" }),
      button(STRINGS.confirmNo, () => act.confirm(false), { class: "keep" }),
    );
  }
  const can = (/** @type {string} */ name) => ui.offered.has(`/backfills/{backfillId}/${name}`);
  const words = STRINGS.actions;
  return h(
    "div",
    { class: "actions", key: "actions" },
    report.status === "processing" && can("pause") && button(words.pause, () => act.job("pause"), { key: "pause" }),
    report.status === "paused" && can("resume") && button(words.resume, () => act.job("resume"), { key: "resume" }),
    FINAL.has(report.status) && report.progress.failed > 0 && button(words.retry, ui.beginning ? null : () => act.job("retry"), { key: "retry", class: "main" }),
    !FINAL.has(report.status) && button(words.cancel, () => act.confirm(true), { key: "cancel" }),
  );
}

/** @param {BackfillReport} report @param {Ui} ui @param {Act} act @returns {VElement} The picture, and the same as a table. */
function map(report, ui, act) {
  const { grid } = ui;
  const known = grid !== null && grid.districts.length > 0;
  return h(
    "section",
    { key: "map", "aria-label": STRINGS.mapTitle },
    h("h3", null, STRINGS.mapTitle),
    known ? mapPicture(grid, STRINGS.unit) : h("p", { class: "muted", key: "none" }, STRINGS.mapNone),
    grid !== null && grid.unlisted > 0 && h("p", { class: "muted", key: "unlisted" }, STRINGS.unlisted(grid.unlisted)),
    folded(STRINGS.districtTitle, "districts", ui, act, () => [known ? mapTable(grid, STRINGS.unit) : progressTable(report.progress)]),
  );
}

/** @param {Grid} grid @param {Record<string, string>} words @returns {VElement} */
export function mapPicture(grid, words) {
  const states = grid.states.map((state, at) => `${word(words, state)}: ${count(grid.counts[at])}`);
  const label = [STRINGS.mapSize(count(grid.days.length), count(grid.districts.length)), ...states, STRINGS.mapKeys].join(". ");
  return h("backfill-heat-map", { key: "picture", own: true, use: (/** @type {HeatMap} */ node) => node.show(grid, words, label) });
}

/** @param {Grid} grid @param {Record<string, string>} words @returns {VElement} What the picture shows, in words. */
export function mapTable(grid, words) {
  const failed = grid.states.indexOf("failed");
  const heads = { district: STRINGS.district, ...Object.fromEntries(grid.states.map((state) => [state, word(words, state)])), days: `${STRINGS.daysOf}: ${word(words, "failed")}` };
  const rows = grid.districts.map((name, at) => {
    const counts = grid.countsOf(at);
    return h("tr", { key: name }, h("th", { scope: "row" }, name), counts.map((value) => h("td", null, count(value))), h("td", null, counts[failed] ? ranges(grid.daysWith(at, "failed")) : STRINGS.none));
  });
  return table(heads, rows, STRINGS.mapTable);
}

/** @param {Progress} progress @returns {VElement} */
function progressTable(progress) {
  const rows = Object.entries(progress.districtProgress).map(([name, counts]) => h("tr", { key: name }, h("th", { scope: "row" }, name), STATES.map((state) => h("td", null, count(counts[state] ?? 0)))));
  return table({ district: STRINGS.district, ...Object.fromEntries(STATES.map((state) => [state, STRINGS.unit[state]])) }, rows, STRINGS.districtTitle);
}

/** @param {BackfillReport} report @param {Ui} ui @param {Act} act @returns {VElement} Failures by cause. */
function errors(report, ui, act) {
  const known = ui.errors ?? report.errors;
  return h(
    "section",
    { key: "errors", "aria-label": STRINGS.errorsTitle },
    h("h3", null, STRINGS.errorsTitle),
    report.errorSummary.length === 0 && h("p", { class: "muted" }, STRINGS.noErrors),
    report.errorSummary.map((group) => errorGroup(group, known, ui, act)),
    report.errorsTotal > known.length &&
      h("p", { key: "more" }, STRINGS.errorsShown(count(known.length), count(report.errorsTotal)), " ", button(STRINGS.moreErrors, act.allErrors)),
  );
}

/** @param {ErrorGroup} group @param {readonly DistrictError[]} known @param {Ui} ui @param {Act} act @returns {VElement} */
function errorGroup(group, known, ui, act) {
  const title = `${STRINGS.group(count(group.count), isolated(group.kind))} · ${word(STRINGS.stage, group.stage)} · ${group.isRetryable ? STRINGS.mayRetry : STRINGS.mayNotRetry}`;
  const words = STRINGS.errorColumns;
  return folded(title, `errors ${group.stage} ${group.kind} ${group.isRetryable}`, ui, act, () => {
    const mine = known.filter((error) => error.stage === group.stage && error.kind === group.kind && error.isRetryable === group.isRetryable);
    const rows = mine.map((error) => h("tr", null, h("th", { scope: "row" }, error.districtId ?? STRINGS.noDay), h("td", { class: "day" }, error.day), h("td", null, count(error.attempts)), h("td", { class: "text" }, error.message)));
    return [
      h("p", { key: "advice" }, group.isRetryable ? STRINGS.advice.retry : word(STRINGS.advice, group.stage)),
      h("p", { key: "example" }, h("q", null, isolated(group.example))),
      rows.length ? table({ district: words.district, day: words.day, attempts: words.attempts, message: words.message }, rows, title) : null,
    ];
  });
}

/** @param {BackfillReport} report @param {Ui} ui @param {Act} act @returns {VElement | null} */
function findings(report, ui, act) {
  if (report.findings.length === 0) return null;
  const line = (/** @type {BackfillReport["findings"][number]} */ found) => h("li", null, [found.day, found.district && isolated(found.district)].filter(Boolean).join(" · "), found.day || found.district ? ": " : "", found.message);
  return folded(`${STRINGS.findingsTitle}: ${count(report.findings.length)}`, "findings", ui, act, () => [h("ul", null, report.findings.map(line))]);
}

/** @param {FetchStatus | null} status @returns {VElement} */
function machine(status) {
  const words = STRINGS.machine;
  const title = h("h3", null, STRINGS.machineTitle);
  if (status === null) return h("section", { key: "machine", "aria-label": STRINGS.machineTitle }, title, h("p", { class: "muted" }, STRINGS.machineNone));
  const saved = status.reused + status.shared;
  return h(
    "section",
    { key: "machine", "aria-label": STRINGS.machineTitle },
    title,
    facts([
      [words.requests, count(status.requests)],
      [words.retries, count(status.retries)],
      [words.reused, count(status.reused)],
      [words.shared, count(status.shared)],
      [words.received, size(status.bytesReceived)],
      [words.rate, status.rate === null ? STRINGS.noLimit : STRINGS.perSecond(count(status.rate))],
    ]),
    saved > 0 && h("p", { class: "muted" }, STRINGS.cacheShare(percent(saved, saved + status.requests - status.retries))),
    status.hosts.length > 0 && table(STRINGS.hostColumns, status.hosts.map(host), STRINGS.hostsTitle, "hosts"),
  );
}

/** @param {HostStatus} found @returns {string} */
function limit({ rate, slowdown }) {
  if (rate === null) return STRINGS.noLimit;
  const allowed = STRINGS.perSecond(count(rate));
  return slowdown > 1 ? STRINGS.ofLimit(STRINGS.perSecond(count(Math.round((10 * rate) / slowdown) / 10)), allowed) : allowed;
}

/** @param {HostStatus} found @returns {VElement} */
function host(found) {
  return h(
    "tr",
    { key: found.host },
    h("th", { scope: "row" }, found.host),
    h("td", null, STRINGS.ofLimit(count(found.inFlight), count(found.concurrency))),
    h("td", null, count(found.waiting)),
    h("td", null, limit(found)),
    h("td", null, h("span", { class: `breaker ${found.breaker}` }, word(STRINGS.breaker, found.breaker))),
    h("td", null, found.parkedSeconds > 0 ? duration(found.parkedSeconds) : STRINGS.none),
  );
}
