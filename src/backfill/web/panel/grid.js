// A table of days by districts, a byte for each cell: what the heat map draws and its textual equivalent counts.

/**
 * @import { CoverageView, JobEvent, UnitsView } from "./types.js"
 */

/** Marks a cell that is no unit of the job. */
export const NONE = 255;

export class Grid {
  /**
   * @param {readonly string[]} days Ascending.
   * @param {readonly string[]} districts
   * @param {readonly string[]} states
   * @param {readonly (readonly number[])[]} rows For each day the positions of its districts' states; -1 = none.
   * @param {readonly (number | null)[]} wholes For each day that is not listed yet the position of its state.
   */
  constructor(days, districts, states, rows, wholes) {
    this.days = days;
    this.districts = districts;
    this.states = states;
    this.wholes = [...wholes];
    this.cells = new Uint8Array(days.length * districts.length);
    rows.forEach((row, at) => row.forEach((state, place) => (this.cells[at * districts.length + place] = state < 0 ? NONE : state)));
    this.counts = new Uint32Array(states.length);
    for (const state of [...this.cells, ...this.wholes]) if (state !== null && state !== NONE) this.counts[state] += 1;
    this.changed = new Set(/** @type {number[]} */ ([]));
    /** @type {Map<string, number>} */
    this.dayAt = new Map(days.map((day, at) => [day, at]));
    /** @type {Map<string, number>} */
    this.districtAt = new Map(districts.map((district, at) => [district, at]));
  }

  /** @param {UnitsView} view @returns {Grid} */
  static ofUnits(view) {
    return new Grid(view.rows.map((row) => row.day), view.districts, view.states, view.rows.map((row) => row.cells), view.rows.map((row) => row.whole));
  }

  /** @param {CoverageView} view @returns {Grid} */
  static ofCoverage(view) {
    return new Grid(view.rows.map((row) => row.day), view.districts, view.states, view.rows.map((row) => row.cells), view.rows.map(() => null));
  }

  /** How many days are not listed yet. @returns {number} */
  get unlisted() {
    return this.wholes.filter((state) => state === 0).length;
  }

  /** @param {number} cell @returns {number} The position of a cell's state, or of its day's while that is not listed; `NONE` = no unit. */
  code(cell) {
    const state = this.cells[cell];
    return state === NONE ? (this.wholes[Math.floor(cell / this.districts.length)] ?? NONE) : state;
  }

  /** @param {number} day @param {number} district @returns {string | null} The state of a cell; `null` = no unit. */
  at(day, district) {
    const state = this.code(day * this.districts.length + district);
    return state === NONE ? null : this.states[state];
  }

  /**
   * Let an event of the job happen. What changed is noted in `changed`, for who draws.
   * @param {JobEvent["change"]} change
   * @returns {boolean} Whether the table could show it; `false` = load the table anew.
   */
  apply(change) {
    switch (change.kind) {
      case "units-settled":
        return Object.entries(change.states).every(([district, state]) => this.#set(change.day, district, state));
      case "unit-failed":
        return this.#set(change.error.day, change.error.districtId ?? "*", "failed");
      case "day-listed":
        if (this.wholes[this.dayAt.get(change.day) ?? -1] === null) return true; // it was listed before: told twice
        if (!change.districts.every((district) => this.districtAt.has(district))) return false;
        this.#set(change.day, "*", null);
        return change.districts.every((district) => this.#set(change.day, district, "pending"));
      default:
        return true;
    }
  }

  /** @param {string} day @param {string} district @param {string | null} state @returns {boolean} */
  #set(day, district, state) {
    const row = this.dayAt.get(day);
    const value = state === null ? null : this.states.indexOf(state);
    if (row === undefined || value === -1) return false;
    if (district === "*") {
      this.#count(this.wholes[row], value);
      this.wholes[row] = value;
      for (let place = 0; place < this.districts.length; place += 1) this.changed.add(row * this.districts.length + place);
      return true;
    }
    const place = this.districtAt.get(district);
    if (place === undefined || value === null) return false;
    const cell = row * this.districts.length + place;
    const before = this.cells[cell];
    if (before === value) return true;
    this.#count(before, value);
    this.cells[cell] = value;
    this.changed.add(cell);
    return true;
  }

  /** @param {number | null} before @param {number | null} after */
  #count(before, after) {
    if (before !== null && before !== NONE) this.counts[before] -= 1;
    if (after !== null) this.counts[after] += 1;
  }

  /**
   * Count the cells of a district.
   * @param {number} district
   * @returns {number[]} By state, in the order of `states`.
   */
  countsOf(district) {
    const found = this.states.map(() => 0);
    for (let cell = district; cell < this.cells.length; cell += this.districts.length) if (this.cells[cell] !== NONE) found[this.cells[cell]] += 1;
    return found;
  }

  /** @param {number} district @param {string} state @returns {string[]} The days on which the district is in the state. */
  daysWith(district, state) {
    const wanted = this.states.indexOf(state);
    return this.days.filter((_, day) => this.cells[day * this.districts.length + district] === wanted);
  }
}
