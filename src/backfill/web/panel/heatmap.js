// The picture of a grid: a canvas with one pixel for each cell, drawn large by the browser, so that an update costs a few pixels only.

import { NONE } from "./grid.js";
import { word } from "./format.js";
import { STRINGS } from "./strings.js";

/** @import { Grid } from "./grid.js" */

/** Cells of at least so many pixels have lines between them. */
const LINED = 6;

/** The edge of a cell in pixels, from the space that there is. @param {number} space @param {number} cells @param {number} least @returns {number} */
function edge(space, cells, least) {
  const fits = space / Math.max(1, cells);
  return Math.max(least, Math.min(18, fits < LINED ? fits : Math.floor(fits)));
}

/** Base of the elements here: a stand-in where there is no page, so that the module can be loaded anywhere. */
export const Base = globalThis.HTMLElement ?? class {};

export class HeatMap extends Base {
  /** @type {Grid | null} */
  #grid = null;
  /** @type {Record<string, string>} */
  #words = {};
  #frame = 0;
  /** @type {{day: number, district: number} | null} */
  #cursor = null;
  #canvas = document.createElement("canvas");
  #cross = document.createElement("div");
  #lines = document.createElement("div");
  #months = document.createElement("div");
  #names = document.createElement("div");
  #plane = document.createElement("div");
  #scroll = document.createElement("div");
  #said = document.createElement("output");
  #colours = window.matchMedia("(prefers-color-scheme: dark)");
  #repaint = () => this.#draw(true);
  #resized = new ResizeObserver(() => this.#draw(true));

  connectedCallback() {
    if (!this.#scroll.isConnected) this.#build();
    this.#colours.addEventListener("change", this.#repaint);
    this.#resized.observe(this);
  }

  disconnectedCallback() {
    this.#colours.removeEventListener("change", this.#repaint);
    this.#resized.disconnect();
  }

  /**
   * Show a grid, or what changed in it. Drawn with the next frame, however often it is called.
   * @param {Grid} grid
   * @param {Record<string, string>} words The states in words.
   * @param {string} label What it is, for who cannot see it.
   */
  show(grid, words, label) {
    const isNew = grid !== this.#grid;
    this.#grid = grid;
    this.#words = words;
    this.#scroll.setAttribute("aria-label", label);
    if (isNew) this.#cursor = null;
    if (isNew) this.#draw(true);
    else if (grid.changed.size && !this.#frame) this.#frame = requestAnimationFrame(() => this.#draw(false));
  }

  #build() {
    this.#scroll.className = "scroll";
    this.#scroll.tabIndex = 0;
    this.#scroll.setAttribute("role", "application");
    this.#scroll.setAttribute("aria-roledescription", STRINGS.mapTitle);
    this.#plane.className = "plane";
    this.#lines.className = "lines";
    this.#cross.className = "cross";
    this.#months.className = "months";
    this.#names.className = "names";
    for (const part of [this.#canvas, this.#lines, this.#cross, this.#months, this.#names]) part.setAttribute("aria-hidden", "true");
    this.#plane.append(this.#months, this.#names, this.#canvas, this.#lines, this.#cross);
    this.#scroll.append(this.#plane);
    this.append(this.#scroll, this.#said);
    this.#scroll.addEventListener("keydown", (event) => this.#move(event));
    this.#scroll.addEventListener("focus", () => this.#cursor ?? this.#point(0, 0));
    this.#canvas.addEventListener("pointermove", (event) => this.#hover(event));
  }

  /** @param {boolean} whole Draw everything, and not only what changed. */
  #draw(whole) {
    this.#frame = 0;
    const grid = this.#grid;
    if (grid === null || !this.isConnected) return;
    const [width, height] = [grid.days.length, grid.districts.length];
    if (whole) this.#lay(grid, width, height);
    const context = this.#canvas.getContext("2d");
    if (context === null || !width || !height) return;
    const palette = this.#palette(grid);
    if (whole) {
      const image = context.createImageData(width, height);
      const pixels = new Uint32Array(image.data.buffer);
      for (let day = 0, cell = 0; day < width; day += 1) for (let row = 0; row < height; row += 1, cell += 1) pixels[row * width + day] = palette[grid.code(cell)];
      context.putImageData(image, 0, 0);
    } else {
      const image = context.createImageData(1, 1);
      const pixel = new Uint32Array(image.data.buffer);
      for (const cell of grid.changed) {
        pixel[0] = palette[grid.code(cell)];
        context.putImageData(image, Math.floor(cell / height), cell % height);
      }
    }
    grid.changed.clear();
    if (this.#cursor) this.#point(this.#cursor.day, this.#cursor.district);
  }

  /** Colours as the canvas wants them, by state. @param {Grid} grid @returns {Uint32Array} */
  #palette(grid) {
    const style = getComputedStyle(this);
    const found = new Uint32Array(NONE + 1);
    grid.states.forEach((state, at) => (found[at] = packed(style.getPropertyValue(`--bf-${state}`))));
    return found;
  }

  /** @param {Grid} grid @param {number} width @param {number} height */
  #lay(grid, width, height) {
    const label = Math.max(1, ...grid.districts.map((name) => name.length)) * 7 + 10;
    const across = edge(this.clientWidth - label - 20, width, 2);
    const down = edge(420, height, 3);
    Object.assign(this.#canvas, { width, height });
    for (const [name, value] of Object.entries({ across, down, label, width: across * width, height: down * height })) this.#plane.style.setProperty(`--${name}`, `${value}px`);
    this.#lines.hidden = across < LINED || down < LINED;
    const every = Math.ceil(12 / down);
    this.#names.replaceChildren(...grid.districts.flatMap((name, at) => (at % every ? [] : [placed(name, "top", at * down)])));
    let free = 0;
    this.#months.replaceChildren(
      ...grid.days.flatMap((day, at) => {
        if ((at && day.slice(0, 7) === grid.days[at - 1].slice(0, 7)) || at * across < free) return [];
        free = at * across + 58;
        return [placed(day.slice(0, 7), "left", at * across)];
      }),
    );
  }

  /** @param {PointerEvent} event */
  #hover(event) {
    const box = this.#canvas.getBoundingClientRect();
    const [x, y] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    if (this.#grid && x >= 0 && y >= 0 && x < 1 && y < 1) this.#point(Math.floor(x * this.#grid.days.length), Math.floor(y * this.#grid.districts.length));
  }

  /** @param {KeyboardEvent} event */
  #move(event) {
    const grid = this.#grid;
    /** @type {Record<string, [number, number]>} */
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1], PageUp: [-7, 0], PageDown: [7, 0], Home: [-1e6, 0], End: [1e6, 0] };
    const step = steps[event.key];
    if (grid === null || step === undefined || !grid.districts.length) return;
    event.preventDefault();
    const { day, district } = this.#cursor ?? { day: 0, district: 0 };
    const clamp = (/** @type {number} */ value, /** @type {number} */ size) => Math.max(0, Math.min(size - 1, value));
    this.#point(clamp(day + step[0], grid.days.length), clamp(district + step[1], grid.districts.length));
    this.#cross.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  /** Say what is in a cell, and mark it. @param {number} day @param {number} district */
  #point(day, district) {
    const grid = this.#grid;
    if (grid === null || day >= grid.days.length || district >= grid.districts.length) return;
    this.#cursor = { day, district };
    this.#cross.style.setProperty("--x", String(day));
    this.#cross.style.setProperty("--y", String(district));
    this.#cross.classList.add("on");
    const state = grid.at(day, district);
    const said = STRINGS.mapCell(grid.days[day], grid.districts[district], state === null ? STRINGS.noUnit : word(this.#words, state));
    if (this.#said.textContent !== said) this.#said.textContent = said;
  }
}

/** @param {string} text @param {"top" | "left"} side @param {number} at @returns {HTMLSpanElement} */
function placed(text, side, at) {
  const span = document.createElement("span");
  span.textContent = text;
  span.style[side] = `${at}px`;
  return span;
}

/** A colour of the form #rrggbb as a pixel. @param {string} colour @returns {number} */
function packed(colour) {
  const value = Number.parseInt(colour.trim().slice(1), 16) || 0;
  return ((255 << 24) | ((value & 255) << 16) | (value & 0xff00) | (value >> 16)) >>> 0;
}
