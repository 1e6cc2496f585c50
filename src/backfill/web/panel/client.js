// The interface as an object: what it knows of the jobs, who wants to be told, and everything that can be asked for.

import { STRINGS } from "./strings.js";
import { canShare, listen, listenTogether } from "./stream.js";

/**
 * @import { BackfillPlan, BackfillReport, BackfillStart, CoverageView, ErrorPage, GapRequest, JobEvent, JobPage, Problem, UnitsView } from "./types.js"
 * @import { Open, Told } from "./stream.js"
 * @typedef {"connecting" | "live" | "polling" | "offline"} Connection
 * @typedef {{report: BackfillReport | null, problem: BackfillProblem | null}} Watched
 * @typedef {object} ClientState
 * @property {Connection} connection
 * @property {readonly BackfillReport[] | null} jobs Newest first; `null` = not loaded yet.
 * @property {boolean} more Whether there are older ones.
 * @property {Readonly<Record<string, Watched>>} watched The jobs that somebody looks at, by identifier.
 * @property {BackfillProblem | null} problem Why the jobs could not be loaded last.
 * @typedef {object} ClientOptions
 * @property {string} [src] Where the interface is mounted; default: where this module came from.
 * @property {Record<string, string>} [headers] Sent with every request, for instance `Authorization`.
 * @property {typeof globalThis.fetch} [fetch] Carries requests out; default: the browser's.
 * @property {boolean} [share] Whether tabs that ask the same address may share its stream.
 * @property {boolean} [live] Whether to listen to the stream of events; without it asks from time to time.
 * @property {number} [pollSeconds] How long to wait before asking again at least.
 */

export const FINAL = new Set(["complete", "partial_success", "error", "cancelled"]);

const JOBS = " jobs"; // no identifier of a job has a space
const PAGE = 100; // the most that one answer lists
const EVERY = { live: 30_000, job: 10_000, jobs: 5_000 };
const CALM = 700; // so long at least between two looks at the same thing, however much happens

/** What a request could not be carried out for; `problem` is what the server said. */
export class BackfillProblem extends Error {
  /** @param {Partial<Problem> & {title: string, detail: string, remedy: string}} problem */
  constructor(problem) {
    super(`${problem.title}: ${problem.detail}`);
    this.name = "BackfillProblem";
    this.problem = problem;
    this.status = problem.status ?? 0;
    this.code = problem.code ?? "unreachable";
  }
}

/** @param {unknown} error @returns {BackfillProblem} */
export function asProblem(error) {
  return error instanceof BackfillProblem ? error : new BackfillProblem({ ...STRINGS.unreachable, detail: String(error) });
}

/** @param {string | undefined} key @returns {Record<string, string>} */
function keyed(key) {
  return key === undefined ? {} : { "Idempotency-Key": key };
}

export class BackfillClient {
  /** @type {Map<string, BackfillClient>} */
  static #known = new Map();

  /** The client for an address, one for each in a page. @param {string | null} [src] @returns {BackfillClient} */
  static at(src) {
    const where = resolved(src);
    const found = BackfillClient.#known.get(where) ?? new BackfillClient({ src: where });
    BackfillClient.#known.set(where, found);
    return found;
  }

  /** @param {ClientOptions} [options] */
  constructor({ src, headers = {}, fetch = (...all) => globalThis.fetch(...all), share = true, live = true, pollSeconds = 2 } = {}) {
    this.src = resolved(src);
    /** Sent with every request; may be changed at any time. @type {Record<string, string>} */
    this.headers = headers;
    this.limit = 20;
    /** @type {readonly string[]} Only jobs in these states are listed; none = all. */
    this.statuses = [];
    this.#fetch = fetch;
    this.#share = share;
    this.#live = live;
    this.#poll = pollSeconds * 1000;
  }

  #fetch;
  #share;
  #live;
  #poll;
  /** @type {ClientState} */
  #state = { connection: "connecting", jobs: null, more: false, watched: {}, problem: null };
  /** @type {Set<() => void>} */
  #listeners = new Set();
  /** @type {Set<(events: readonly JobEvent[] | null) => void>} */
  #hearers = new Set();
  /** @type {Map<string, number>} */
  #watchers = new Map();
  /** @type {Map<string, {at: number, timer: ReturnType<typeof setTimeout>}>} */
  #due = new Map();
  /** @type {Map<string, number>} */
  #looked = new Map();
  /** @type {Set<string>} */
  #busy = new Set();
  /** @type {AbortController | null} */
  #feed = null;
  #streams = false;
  #failures = 0;
  /** @type {Promise<Record<string, any>> | null} */
  #document = null;

  /** What is known; a new object after each change, and the same one until then. @returns {ClientState} */
  get state() {
    return this.#state;
  }

  /** The state, as a function: what `useSyncExternalStore` of React takes. @returns {ClientState} */
  getState = () => this.#state;

  /**
   * Be told of every change of `state`. The first subscriber starts the connection, the last one to go ends it.
   * @param {() => void} listener
   * @returns {() => void} Call it to be told no more.
   */
  subscribe = (listener) => {
    this.#listeners.add(listener);
    if (this.#listeners.size === 1) this.#connect();
    return () => {
      if (this.#listeners.delete(listener) && this.#listeners.size === 0) this.#disconnect();
    };
  };

  /**
   * Be told of events as they come, with `null` where some may have been missed.
   * @param {(events: readonly JobEvent[] | null) => void} hearer
   * @returns {() => void}
   */
  hear(hearer) {
    this.#hearers.add(hearer);
    return () => void this.#hearers.delete(hearer);
  }

  /**
   * Keep the report of a job up to date in `state.watched`, until what is returned is called.
   * @param {string} id
   * @returns {() => void}
   */
  watch(id) {
    this.#watchers.set(id, (this.#watchers.get(id) ?? 0) + 1);
    if (this.#listeners.size) this.#at(id, 0);
    return () => {
      const left = (this.#watchers.get(id) ?? 1) - 1;
      if (left > 0) return void this.#watchers.set(id, left);
      this.#watchers.delete(id);
      const { [id]: _gone, ...watched } = this.#state.watched;
      this.#set({ watched });
    };
  }

  /** Look again, now. */
  refresh() {
    for (const name of [JOBS, ...this.#watchers.keys()]) this.#at(name, 0);
  }

  /**
   * Start a backfill.
   * @param {BackfillStart} request
   * @param {{idempotencyKey?: string}} [options] The same key again gets the first job.
   * @returns {Promise<BackfillReport>}
   */
  start(request, { idempotencyKey } = {}) {
    return this.#act("/backfills", request, keyed(idempotencyKey));
  }

  /** @param {string} id @returns {Promise<BackfillReport>} */
  cancel = (id) => this.#act(`/backfills/${encodeURIComponent(id)}/cancel`);

  /** @param {string} id @returns {Promise<BackfillReport>} */
  pause = (id) => this.#act(`/backfills/${encodeURIComponent(id)}/pause`);

  /** @param {string} id @returns {Promise<BackfillReport>} */
  resume = (id) => this.#act(`/backfills/${encodeURIComponent(id)}/resume`);

  /** Start a job with only what failed. @param {string} id @param {{idempotencyKey?: string}} [options] @returns {Promise<BackfillReport>} */
  retry = (id, { idempotencyKey } = {}) => this.#act(`/backfills/${encodeURIComponent(id)}/retry`, undefined, keyed(idempotencyKey));

  /** Start a job that collects what is missing. @param {GapRequest} range @param {{idempotencyKey?: string}} [options] @returns {Promise<BackfillReport>} */
  fillGaps = (range, { idempotencyKey } = {}) => this.#act("/gaps", range, keyed(idempotencyKey));

  /** @param {BackfillStart} request @param {AbortSignal} [signal] @returns {Promise<BackfillPlan>} */
  plan = (request, signal) => this.ask("POST", "/plans", { body: request, signal });

  /** @param {string} id @returns {Promise<UnitsView>} */
  units = (id) => this.ask("GET", `/backfills/${encodeURIComponent(id)}/units`);

  /** @param {string} id @param {number} [after] @param {number} [limit] @returns {Promise<ErrorPage>} */
  errors = (id, after = 0, limit = 1000) => this.ask("GET", `/backfills/${encodeURIComponent(id)}/errors?after=${after}&limit=${limit}`);

  /** @param {GapRequest} range @returns {Promise<CoverageView>} */
  coverage({ start, end, districts, frequency }) {
    const query = new URLSearchParams({ start, end, ...(frequency ? { frequency } : {}) });
    for (const district of districts ?? []) query.append("district", district);
    return this.ask("GET", `/coverage?${query}`);
  }

  /** The published document: what the service offers, and which options a request has. @returns {Promise<Record<string, any>>} */
  document() {
    this.#document ??= this.ask("GET", "/openapi.json").catch((error) => {
      this.#document = null;
      throw error;
    });
    return this.#document;
  }

  /**
   * Carry out any request.
   * @param {string} method @param {string} path @param {{body?: unknown, headers?: Record<string, string>, signal?: AbortSignal}} [options]
   * @returns {Promise<any>} The answer's body.
   * @throws {BackfillProblem} It was not carried out.
   */
  async ask(method, path, { body, headers, signal } = {}) {
    const response = await this.#send(method, path, { body, headers, signal });
    return response.json();
  }

  /** @param {string} method @param {string} path @param {{body?: unknown, headers?: Record<string, string>, signal?: AbortSignal}} options */
  async #send(method, path, { body, headers = {}, signal }) {
    /** @type {Record<string, string>} */
    const json = body === undefined ? {} : { "Content-Type": "application/json" };
    /** @type {RequestInit} */
    const init = { method, headers: { ...this.headers, ...json, ...headers }, body: body === undefined ? undefined : JSON.stringify(body), signal };
    const response = await this.#fetch(this.src + path, init).catch((error) => {
      if (signal?.aborted) throw error;
      throw new BackfillProblem(STRINGS.unreachable);
    });
    if (response.ok) return response;
    const problem = await response.json().catch(() => ({}));
    throw new BackfillProblem({ status: response.status, title: STRINGS.unreachable.title, detail: `HTTP ${response.status}`, remedy: "", ...problem });
  }

  /** @param {string} path @param {unknown} [body] @param {Record<string, string>} [headers] @returns {Promise<BackfillReport>} */
  async #act(path, body, headers) {
    /** @type {BackfillReport} */
    const report = await this.ask("POST", path, { body, headers });
    this.#put(report);
    this.#at(JOBS, 0);
    if (this.#watchers.has(report.backfillId)) this.#at(report.backfillId, CALM);
    return report;
  }

  #connect() {
    globalThis.document?.addEventListener("visibilitychange", this.#seen);
    this.refresh();
    this.#listen();
  }

  #disconnect() {
    globalThis.document?.removeEventListener("visibilitychange", this.#seen);
    for (const { timer } of this.#due.values()) clearTimeout(timer);
    this.#due.clear();
    this.#feed?.abort();
    this.#feed = null;
    this.#streams = false;
  }

  #listen() {
    if (!this.#live || this.#feed) return;
    const feed = new AbortController();
    this.#feed = feed;
    /** @type {Open} */
    const open = (last, signal) => this.#send("GET", "/events", { signal, headers: last === null ? {} : { "Last-Event-ID": String(last) } });
    const tell = (/** @type {Told} */ told) => void (feed.signal.aborted || this.#told(told));
    if (this.#mayShare) listenTogether(`backfill ${this.src}`, open, tell, feed.signal);
    else void listen(open, tell, feed.signal);
  }

  /** Who signs in by a header may be somebody else in the next tab. */
  get #mayShare() {
    return this.#share && canShare() && Object.keys(this.headers).length === 0;
  }

  /** A tab that nobody sees asks for nothing, and holds no stream of its own. */
  #seen = () => {
    if (document.hidden) {
      if (this.#mayShare) return;
      this.#feed?.abort();
      this.#feed = null;
      this.#streams = false;
    } else {
      this.#listen();
      this.refresh();
    }
  };

  /** @param {Told} told */
  #told(told) {
    if (told.kind === "events") {
      for (const hearer of this.#hearers) hearer(told.events);
      const ids = new Set(told.events.map((event) => event.backfillId));
      for (const id of ids) if (this.#watchers.has(id)) this.#at(id, CALM);
      this.#at(JOBS, told.events.some((event) => event.change.kind === "status-changed") ? CALM : 2 * CALM);
      return;
    }
    this.#streams = told.kind === "up";
    if (this.#streams) {
      this.refresh(); // something may have happened before the stream began
      for (const hearer of this.#hearers) hearer(null);
    } else for (const name of [JOBS, ...this.#watchers.keys()]) this.#at(name, CALM); // now it has to be asked
    this.#set({});
  }

  /** Look at something after so many milliseconds at the latest, and not sooner than `CALM` after the last look. @param {string} name @param {number} wait */
  #at(name, wait) {
    if (this.#listeners.size === 0 || (name !== JOBS && !this.#watchers.has(name))) return;
    const at = Math.max(performance.now() + wait, wait ? (this.#looked.get(name) ?? -CALM) + CALM : 0);
    const due = this.#due.get(name);
    if (due && due.at <= at) return;
    if (due) clearTimeout(due.timer);
    this.#due.set(name, { at, timer: setTimeout(() => void this.#look(name), at - performance.now()) });
  }

  /** @param {string} name */
  async #look(name) {
    this.#due.delete(name);
    if (globalThis.document?.hidden) return; // looked at again when somebody looks here again
    if (this.#busy.has(name)) return this.#at(name, CALM);
    this.#busy.add(name);
    this.#looked.set(name, performance.now());
    let next = 0;
    try {
      next = name === JOBS ? await this.#lookAtJobs() : await this.#lookAtJob(name);
      this.#failures = 0;
    } catch (error) {
      next = this.#fail(name, error);
    } finally {
      this.#busy.delete(name);
    }
    this.#set({});
    if (next) this.#at(name, next);
  }

  async #lookAtJobs() {
    /** @type {Map<string, BackfillReport>} */
    const jobs = new Map();
    let more = true;
    for (let last = ""; more && jobs.size < this.limit; last = [...jobs.keys()].at(-1) ?? "") {
      const query = new URLSearchParams({ limit: String(Math.min(PAGE, this.limit - jobs.size)), ...(last ? { after: last } : {}) });
      for (const status of this.statuses) query.append("status", status);
      /** @type {JobPage} */
      const page = await this.ask("GET", `/backfills?${query}`);
      for (const job of page.items) jobs.set(job.backfillId, job);
      more = page.next !== null;
    }
    this.#set({ jobs: [...jobs.values()], more, problem: null });
    return this.#streams ? EVERY.live : EVERY.jobs;
  }

  /** @param {string} id */
  async #lookAtJob(id) {
    const response = await this.#send("GET", `/backfills/${encodeURIComponent(id)}`, {});
    /** @type {BackfillReport} */
    const report = await response.json();
    this.#put(report);
    if (FINAL.has(report.status)) return 0;
    const asked = Number(response.headers.get("Retry-After") ?? 0) * 1000;
    return this.#streams ? EVERY.job : Math.min(Math.max(this.#poll, asked), EVERY.job);
  }

  /** @param {string} name @param {unknown} error @returns {number} */
  #fail(name, error) {
    const problem = asProblem(error);
    const passes = problem.status === 0 || problem.status >= 500 || problem.status === 429;
    if (passes) this.#failures += 1;
    if (name === JOBS) this.#set({ problem });
    else if (!passes && this.#watchers.has(name)) this.#set({ watched: { ...this.#state.watched, [name]: { report: null, problem } } });
    return passes || name === JOBS ? Math.min(1000 * 2 ** Math.min(this.#failures, 4), EVERY.job) : 0;
  }

  /** @param {BackfillReport} report */
  #put(report) {
    const { jobs, watched } = this.#state;
    const id = report.backfillId;
    this.#set({
      jobs: jobs && jobs.map((job) => (job.backfillId === id ? report : job)),
      watched: this.#watchers.has(id) ? { ...watched, [id]: { report, problem: null } } : watched,
    });
  }

  /** @param {Partial<ClientState>} changes */
  #set(changes) {
    const before = this.#state;
    const after = { ...before, ...changes };
    const known = after.jobs !== null || Object.keys(after.watched).length > 0 || after.problem !== null;
    after.connection = this.#failures ? "offline" : this.#streams ? "live" : known ? "polling" : "connecting";
    const keys = /** @type {(keyof ClientState)[]} */ (Object.keys(after));
    if (keys.every((key) => before[key] === after[key])) return;
    this.#state = Object.freeze(after);
    for (const listener of [...this.#listeners]) listener();
  }
}

/** @param {string | null | undefined} src @returns {string} The address without a slash at its end. */
function resolved(src) {
  const here = globalThis.document?.baseURI ?? "http://localhost/";
  const home = /^https?:/.test(import.meta.url) ? new URL(".", import.meta.url) : here;
  return String(src === null || src === undefined ? home : new URL(src || ".", here)).replace(/\/+$/, "");
}
