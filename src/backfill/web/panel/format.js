// Numbers, times and days as people read them.

import { STRINGS } from "./strings.js";

/** @param {number} value @returns {string} */
export function count(value) {
  return value.toLocaleString(STRINGS.locale);
}

/** @param {number} part @param {number} whole @returns {string} A percentage that is 100 only when nothing is left. */
export function percent(part, whole) {
  return STRINGS.percent(String(whole === 0 ? 100 : Math.floor((part / whole) * 100)));
}

/** @param {number} seconds @returns {string} The two largest units of it. */
export function duration(seconds) {
  const { day, hour, minute, second } = STRINGS.time;
  /** @type {[number, string][]} */
  const units = [[86400, day], [3600, hour], [60, minute], [1, second]];
  let rest = Math.max(0, seconds < 10 ? Math.ceil(seconds) : Math.round(seconds));
  const parts = [];
  for (const [size, name] of units) {
    const whole = Math.floor(rest / size);
    if (whole > 0 && parts.length < 2) parts.push(STRINGS.quantity(count(whole), name));
    rest -= whole * size;
  }
  return parts.join(" ") || STRINGS.quantity(count(0), second);
}

/** @param {number} bytes @returns {string} */
export function size(bytes) {
  const power = bytes < 1000 ? 0 : Math.min(STRINGS.sizes.length - 1, Math.floor(Math.log10(bytes) / 3));
  const number = (bytes / 1000 ** power).toLocaleString(STRINGS.locale, { maximumFractionDigits: power ? 1 : 0 });
  return STRINGS.quantity(number, STRINGS.sizes[power]);
}

/** @param {string | null} moment @returns {string} */
export function when(moment) {
  return moment === null ? STRINGS.none : new Date(moment).toLocaleString(STRINGS.locale, { dateStyle: "medium", timeStyle: "short" });
}

/** @param {string} day @returns {number} Days since 1970. */
function ordinal(day) {
  return Date.parse(`${day}T00:00:00Z`) / 86_400_000;
}

/**
 * Days in a row are written as a range.
 * @param {readonly string[]} days Ascending.
 * @param {number} [most] So many ranges are written out.
 * @returns {string}
 */
export function ranges(days, most = 8) {
  /** @type {string[]} */
  const found = [];
  for (let from = 0; from < days.length; ) {
    let to = from;
    while (to + 1 < days.length && ordinal(days[to + 1]) === ordinal(days[to]) + 1) to += 1;
    found.push(to === from ? days[from] : STRINGS.range(days[from], days[to]));
    from = to + 1;
  }
  return found.length > most ? STRINGS.amongOthers(found.slice(0, most).join(", "), count(days.length)) : found.join(", ");
}

/**
 * @param {Record<string, string>} words
 * @param {string} key
 * @returns {string} The word, or the key itself where the panel knows none: the server may be newer than the panel.
 */
export function word(words, key) {
  return Object.hasOwn(words, key) ? words[key] : key;
}

/**
 * A text that was made elsewhere, to stand inside another: what it says of the direction of writing ends with it.
 * @param {string} text
 * @returns {string}
 */
export function isolated(text) {
  return /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/.test(text) ? `\u2068${text}\u2069` : text;
}
