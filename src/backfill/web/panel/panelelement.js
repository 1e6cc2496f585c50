// <backfill-panel>: the whole interface in one element.

import { asProblem, FINAL } from "./client.js";
import { h } from "./dom.js";
import { fieldsOf, namesIn, requestOf } from "./fields.js";
import { Following } from "./following.js";
import { percent } from "./format.js";
import { Grid } from "./grid.js";
import { done, jobView } from "./jobview.js";
import { coverageView, jobsView } from "./lists.js";
import { fresh, Keyring, recall, remember } from "./memory.js";
import { startView } from "./startview.js";
import { STRINGS } from "./strings.js";
import { button, emptyUi, problemBox } from "./ui.js";

/**
 * @import { VElement } from "./dom.js"
 * @import { BackfillReport, Frequency, JobEvent } from "./types.js"
 * @import { Act, Ui, View } from "./ui.js"
 */

const TYPING = 350; // milliseconds of quiet before a plan is asked for
const PICTURE_CALM = 2000; // between two loads of a whole picture

/** @type {View[]} */
const VIEWS = ["jobs", "start", "coverage"];

/** The whole interface: jobs, a form with a live plan, coverage. Attributes: `src`, `job-id`, `theme` (light or dark). */
export class BackfillPanel extends Following {
  static observedAttributes = ["job-id"];

  /** @type {Ui} */
  #ui = emptyUi();
  #unwatch = () => {};
  #key = fresh();
  #keys = new Keyring();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #typing;
  #planning = new AbortController();
  /** @type {{at: number, busy: boolean, again: boolean, done: number, timer: ReturnType<typeof setTimeout> | undefined}} */
  #load = { at: -PICTURE_CALM, busy: false, again: false, done: -1, timer: undefined };
  /** @type {JobEvent[]} */
  #late = [];
  /** @type {{at: number, done: number}[]} */
  #pace = [];
  /** @type {{status: string, quarter: number} | null} */
  #told = null;
  #focus = "";

  connectedCallback() {
    const { client } = this;
    this.#ui = { ...emptyUi(), ...recall(this.#name), fields: this.#ui.fields, offered: this.#ui.offered };
    const given = this.getAttribute("job-id");
    if (given) Object.assign(this.#ui, { jobId: given, view: "jobs" });
    this.until(client.hear((events) => this.#hear(events)));
    super.connectedCallback();
    this.until(() => this.#unwatch());
    this.until(() => clearTimeout(this.#load.timer));
    this.until(() => clearTimeout(this.#typing));
    this.#watch();
    this.#applyFilter();
    void this.#learn();
  }

  /** @param {string} _name @param {string | null} before @param {string | null} after */
  attributeChangedCallback(_name, before, after) {
    if (this.isConnected && before !== after && after !== this.#ui.jobId) this.#act.open(after);
  }

  get #name() {
    return `backfill-panel ${this.client.src}`;
  }

  /** @param {Partial<Ui>} changes */
  #change(changes) {
    Object.assign(this.#ui, changes);
    remember(this.#name, this.#ui);
    this.draw();
  }

  /** Learn from the published document what there is to ask for. */
  async #learn() {
    try {
      const document = await this.client.document();
      this.#change({ formProblem: null, fields: fieldsOf(document), offered: new Set(Object.keys(document.paths)) });
      this.#plan(0);
    } catch (error) {
      this.#change({ formProblem: asProblem(error) });
      setTimeout(() => this.isConnected && this.#ui.fields === null && void this.#learn(), PICTURE_CALM);
    }
  }

  changed() {
    const report = this.#report;
    if (report) {
      this.#measure(report);
      this.#announce(report);
      const now = done(report.progress);
      if (now !== this.#load.done && (this.client.state.connection !== "live" || FINAL.has(report.status))) this.#loadGrid(now);
    }
    this.draw();
  }

  /** @returns {BackfillReport | null} */
  get #report() {
    return (this.#ui.jobId !== null && this.client.state.watched[this.#ui.jobId]?.report) || null;
  }

  #watch() {
    this.#unwatch();
    this.#unwatch = () => {};
    clearTimeout(this.#load.timer);
    this.#load = { at: -PICTURE_CALM, busy: false, again: false, done: -1, timer: undefined };
    this.#pace = [];
    this.#told = null;
    const id = this.#ui.jobId;
    if (id === null) return;
    this.#unwatch = this.client.watch(id);
    this.#loadGrid(-1);
  }

  /** Load the picture of the job: now, or when the last time is long enough ago. @param {number} known How much was done by the report. */
  #loadGrid(known) {
    const load = this.#load;
    const id = this.#ui.jobId;
    load.done = known;
    if (id === null || load.timer !== undefined) return;
    const wait = load.busy ? PICTURE_CALM : Math.max(0, load.at + PICTURE_CALM - performance.now());
    const fetchIt = async () => {
      load.timer = undefined;
      if (load.busy) return this.#loadGrid(load.done);
      Object.assign(load, { busy: true, at: performance.now() });
      this.#late = [];
      try {
        const grid = Grid.ofUnits(await this.client.units(id));
        for (const event of this.#late) grid.apply(event.change);
        grid.changed.clear();
        if (this.#ui.jobId === id) this.#change({ grid });
      } catch {
        // the report shows why, or comes without a picture: it is complete without one
      } finally {
        load.busy = false;
      }
    };
    if (wait === 0) void fetchIt();
    else load.timer = setTimeout(fetchIt, wait);
  }

  /** @param {readonly JobEvent[] | null} events */
  #hear(events) {
    const { grid, jobId } = this.#ui;
    if (jobId === null) return;
    if (events === null) return this.#loadGrid(-1);
    const mine = events.filter((event) => event.backfillId === jobId);
    if (this.#load.busy) this.#late.push(...mine);
    if (grid && !mine.every((event) => grid.apply(event.change))) this.#loadGrid(-1);
    if (grid?.changed.size) this.draw();
  }

  /** The time left at the pace of the last minute, where the server does not tell it. @param {BackfillReport} report */
  #measure(report) {
    const { progress } = report;
    const now = { at: performance.now() / 1000, done: progress.completed + progress.failed + progress.unavailable };
    if (report.status !== "processing") this.#pace = [];
    else if (this.#pace.at(-1)?.done !== now.done) this.#pace.push(now);
    while (this.#pace.length > 2 && now.at - this.#pace[0].at > 60) this.#pace.shift();
    const [first] = this.#pace;
    const speed = first && now.at > first.at ? (now.done - first.done) / (now.at - first.at) : 0;
    this.#ui.eta = speed > 0 ? progress.pending / speed : null;
  }

  /** Say what has changed, in words, where a screen reader hears it: not more often than is bearable. @param {BackfillReport} report */
  #announce(report) {
    const { progress, status } = report;
    const quarter = progress.total ? Math.floor((4 * done(progress)) / progress.total) : 0;
    const told = this.#told;
    this.#told = { status, quarter };
    if (told === null) return;
    if (told.status !== status) this.#ui.said = STRINGS.announce(STRINGS.status[status] ?? status);
    else if (told.quarter !== quarter) this.#ui.said = STRINGS.announceProgress(percent(done(progress), progress.total));
  }

  #applyFilter() {
    const all = /** @type {string[]} */ (Object.keys(STRINGS.status));
    this.client.statuses = this.#ui.filter === "" ? [] : all.filter((status) => FINAL.has(status) === (this.#ui.filter === "ended"));
    this.client.refresh();
  }

  /** Ask for the plan of what is typed, once it is quiet. @param {number} wait */
  #plan(wait) {
    clearTimeout(this.#typing);
    this.#planning.abort();
    const request = this.#ui.fields && requestOf(this.#ui.fields, this.#ui.draft);
    if (!request) return this.#change({ plan: null, working: "idle", formProblem: null });
    const planning = new AbortController();
    this.#planning = planning;
    this.#change({ working: "planning" });
    this.#typing = setTimeout(async () => {
      try {
        const plan = await this.client.plan(request, planning.signal);
        this.#key = fresh();
        if (!planning.signal.aborted) this.#change({ plan, formProblem: null, working: "idle" });
      } catch (error) {
        if (!planning.signal.aborted) this.#change({ plan: null, formProblem: asProblem(error), working: "idle" });
      }
    }, wait);
  }

  /** @param {() => Promise<BackfillReport>} action @returns {Promise<BackfillReport | null>} */
  async #try(action) {
    try {
      const report = await action();
      this.#change({ problem: null });
      return report;
    } catch (error) {
      this.#change({ problem: asProblem(error) });
      return null;
    }
  }

  /**
   * Have a new job begin, one at a time, and open it.
   * @param {unknown} what
   * @param {(options: {idempotencyKey: string}) => Promise<BackfillReport>} action
   */
  async #begin(what, action) {
    if (this.#ui.beginning) return;
    this.#change({ beginning: true });
    const report = await this.#try(() => action(this.#keys.of(what)));
    this.#change({ beginning: false });
    if (!report) return;
    this.#keys.answered();
    this.#act.open(report.backfillId);
  }

  async #start() {
    const { fields, draft, plan, working } = this.#ui;
    const request = fields && requestOf(fields, draft);
    if (!request || !plan || working !== "idle") return;
    this.#change({ working: "starting", stale: false });
    try {
      const report = await this.client.start({ ...request, planFingerprint: plan.fingerprint }, { idempotencyKey: this.#key });
      this.#key = fresh();
      this.#change({ working: "idle", formProblem: null });
      this.tell("backfill-started", report);
      this.#act.open(report.backfillId);
    } catch (error) {
      const problem = asProblem(error);
      const stale = problem.code === "plan-outdated";
      this.#change({ working: "idle", stale, formProblem: stale ? null : problem });
      if (stale) this.#plan(0);
    }
  }

  async #cover() {
    this.#change({ covering: true });
    try {
      const covered = this.#range;
      const cover = await this.client.coverage(covered);
      this.#change({ cover, covered, coverGrid: Grid.ofCoverage(cover), coverProblem: null });
    } catch (error) {
      this.#change({ coverProblem: asProblem(error) });
    }
    this.#change({ covering: false });
  }

  get #range() {
    const { start = "", end = "", districts = "", frequency = "" } = /** @type {Record<string, string>} */ (this.#ui.range);
    const names = namesIn(districts);
    return { start, end: end || start, ...(names.length ? { districts: names } : {}), ...(frequency ? { frequency: /** @type {Frequency} */ (frequency) } : {}) };
  }

  async #allErrors() {
    const id = this.#ui.jobId;
    const found = [];
    try {
      for (let more = true; id !== null && more; ) {
        const page = await this.client.errors(id, found.length);
        found.push(...page.items);
        more = page.next !== null;
      }
      if (this.#ui.jobId === id) this.#change({ errors: found });
    } catch (error) {
      this.#change({ problem: asProblem(error) });
    }
  }

  /** @type {Act} */
  #act = {
    go: (view) => {
      this.#change({ view, problem: null });
      if (view === "coverage" && this.#ui.cover === null && this.#ui.range.start) void this.#cover();
    },
    open: (id) => {
      this.#change({ view: "jobs", jobId: id, grid: null, errors: null, eta: null, confirming: false, problem: null, open: new Set() });
      this.#focus = id === null ? "#tab-jobs" : "#back";
      this.#watch();
    },
    filter: (filter) => {
      this.#change({ filter });
      this.#applyFilter();
    },
    older: () => {
      this.client.limit += 20;
      this.client.refresh();
    },
    fold: (part, open) => {
      if (open === this.#ui.open.has(part)) return;
      const parts = new Set(this.#ui.open);
      if (open) parts.add(part);
      else parts.delete(part);
      this.#change({ open: parts });
    },
    confirm: (confirming) => {
      this.#focus = confirming ? "button.keep" : "#back";
      this.#change({ confirming });
    },
    job: async (name) => {
      const id = this.#ui.jobId ?? "";
      if (name === "retry") return this.#begin(id, (options) => this.client.retry(id, options));
      await this.#try(() => this.client[name](id));
      this.#change({ confirming: false });
    },
    allErrors: () => void this.#allErrors(),
    draft: (name, value) => {
      this.#change({ draft: { ...this.#ui.draft, [name]: value }, stale: false });
      this.#plan(TYPING);
    },
    start: () => void this.#start(),
    range: (name, value) => this.#change({ range: { ...this.#ui.range, [name]: value } }),
    cover: () => void this.#cover(),
    fillGaps: async () => {
      const { covered } = this.#ui;
      if (covered) await this.#begin(covered, (options) => this.client.fillGaps(covered, options));
    },
    dismiss: () => this.#change({ problem: null }),
  };

  /** @returns {VElement[]} */
  view() {
    const ui = this.#ui;
    const { connection } = this.client.state;
    if (this.#focus) queueMicrotask(() => this.#moveFocus());
    return [
      h(
        "div",
        { class: "panel" },
        h("header", null, h("h1", null, STRINGS.title), h("span", { class: `connection ${connection}` }, STRINGS.connection[connection])),
        h("div", { role: "tablist", "aria-label": STRINGS.title, onkeydown: (/** @type {Event} */ event) => this.#turn(/** @type {KeyboardEvent} */ (event)) }, VIEWS.map((view) => this.#tab(view))),
        ui.problem && h("div", { key: "problem" }, problemBox(ui.problem, this.#act.dismiss)),
        h("div", { role: "tabpanel", id: "panel", "aria-labelledby": `tab-${ui.view}`, key: ui.view }, this.#page()),
        h("div", { class: "said", role: "status", key: "said" }, ui.said),
      ),
    ];
  }

  #moveFocus() {
    const found = this.shadowRoot?.querySelector(this.#focus);
    this.#focus = "";
    if (found instanceof HTMLElement && this.shadowRoot?.activeElement !== found) found.focus();
  }

  /** @returns {VElement | (VElement | null)[]} */
  #page() {
    const ui = this.#ui;
    const { state } = this.client;
    if (ui.view === "start") return startView(ui, this.#act);
    if (ui.view === "coverage") return coverageView(ui, this.#act);
    if (ui.jobId === null) return jobsView(state, ui, this.#act);
    const watched = state.watched[ui.jobId];
    return [
      button(STRINGS.back, () => this.#act.open(null), { id: "back", key: "back" }),
      watched?.problem ? h("div", { key: "gone" }, h("h2", null, STRINGS.goneTitle), problemBox(watched.problem, null)) : null,
      watched?.report ? jobView(watched.report, ui, this.#act) : watched?.problem ? null : h("p", { class: "muted", key: "loading" }, STRINGS.loading),
    ];
  }

  /** @param {View} view @returns {VElement} */
  #tab(view) {
    const selected = view === this.#ui.view;
    return button(STRINGS.views[view], () => this.#act.go(view), {
      key: view, id: `tab-${view}`, role: "tab", "aria-selected": String(selected), "aria-controls": selected ? "panel" : null, tabindex: selected ? 0 : -1,
    });
  }

  /** @param {KeyboardEvent} event */
  #turn(event) {
    const at = VIEWS.indexOf(this.#ui.view);
    /** @type {Record<string, number>} */
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: VIEWS.length - 1 };
    if (!(event.key in to)) return;
    event.preventDefault();
    const view = VIEWS[(to[event.key] + VIEWS.length) % VIEWS.length];
    this.#focus = `#tab-${view}`;
    this.#act.go(view);
  }
}
