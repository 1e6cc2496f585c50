// How it looks: light and dark, with properties that a page may set on the element (--bf-accent, --bf-font, …).

// Blue and orange, which everybody can tell apart.
const COLOURS = {
  light: {
    text: "#1c2024", muted: "#5a6270", back: "#ffffff", raised: "#f5f6f8", line: "#d5d9df", edge: "#7a828e", accent: "#0a5bc4", on: "#ffffff", danger: "#b3261e", warn: "#fdf1d8", wrong: "#fdeceb", live: "#1a7f5a",
    completed: "#1f6cb0", full: "#1f6cb0", skipped: "#86b6e0", summary: "#86b6e0", partial: "#c99700", unavailable: "#b4b9c0", failed: "#d9480f", pending: "#e9ecf0", "never-tried": "#e9ecf0", damaged: "#8f2d8a",
  },
  dark: {
    text: "#e7eaee", muted: "#a3acb9", back: "#14171b", raised: "#1e2329", line: "#343b45", edge: "#838d9b", accent: "#7db3ff", on: "#0b1a2e", danger: "#ff9a91", warn: "#3a2f14", wrong: "#3d1f1e", live: "#3ccf95",
    completed: "#4f9be6", full: "#4f9be6", skipped: "#28527d", summary: "#28527d", partial: "#d6a800", unavailable: "#6b7480", failed: "#ff7f45", pending: "#2b313a", "never-tried": "#2b313a", damaged: "#d68ad2",
  },
};

/** @param {Record<string, string>} colours @returns {string} */
const declared = (colours) => Object.entries(colours).map(([name, colour]) => `--bf-${name}: ${colour};`).join(" ");

const CSS = `
:host { ${declared(COLOURS.light)} color-scheme: light; }
@media (prefers-color-scheme: dark) { :host { ${declared(COLOURS.dark)} color-scheme: dark; } }
:host([theme="light"]) { ${declared(COLOURS.light)} color-scheme: light; }
:host([theme="dark"]) { ${declared(COLOURS.dark)} color-scheme: dark; }
:host { display: block; font: 15px/1.5 var(--bf-font, system-ui, sans-serif); color: var(--bf-text); background: var(--bf-back); }
:host([hidden]), [hidden] { display: none !important; }
*, ::before, ::after { box-sizing: border-box; }
h1, h2, h3, p, ul, dl, dd { margin: 0; }
h1 { font-size: 1.25rem; } h2 { font-size: 1.15rem; min-width: 0; display: flex; gap: .6rem; align-items: center; flex-wrap: wrap; } h3 { font-size: 1rem; margin-bottom: .4rem; }
.panel { container-type: inline-size; overflow-wrap: anywhere; padding: 1rem; max-width: 75rem; margin: 0 auto; display: grid; gap: 1rem; grid-template-columns: minmax(0, 1fr); }
.panel > header, article > header { display: flex; justify-content: space-between; align-items: center; gap: .75rem; flex-wrap: wrap; }
article, section, [role="tabpanel"], [role="tabpanel"] > div, .plan, .plan > div { display: grid; gap: .8rem; grid-template-columns: minmax(0, 1fr); align-content: start; }
article { gap: 1.1rem; }
.connection { font-size: .85rem; color: var(--bf-muted); display: inline-flex; gap: .4rem; align-items: center; }
.connection::before { content: ""; width: .6rem; height: .6rem; border-radius: 50%; background: var(--bf-unavailable); }
.connection.live::before { background: var(--bf-live); } .connection.offline::before { background: var(--bf-failed); }
[role="tablist"] { display: flex; gap: .25rem; border-bottom: 1px solid var(--bf-line); flex-wrap: wrap; }
[role="tab"] { border: 0; border-bottom: 3px solid transparent; border-radius: 0; background: none; padding: .45rem .8rem; }
[role="tab"][aria-selected="true"] { border-bottom-color: var(--bf-accent); font-weight: 600; }
button, input, select { font: inherit; color: inherit; }
button { border: 1px solid var(--bf-edge); background: var(--bf-back); border-radius: .4rem; padding: .3rem .8rem; cursor: pointer; justify-self: start; }
button:hover:not(:disabled) { background: var(--bf-raised); }
button.main { background: var(--bf-accent); border-color: var(--bf-accent); color: var(--bf-on); font-weight: 600; }
button.main:hover:not(:disabled) { background: var(--bf-accent); filter: brightness(1.1); }
button.danger { border-color: var(--bf-danger); color: var(--bf-danger); }
button:disabled { background: var(--bf-raised); border-color: var(--bf-line); color: var(--bf-muted); cursor: default; font-weight: 400; }
button.link { border: 0; background: none; padding: 0; color: var(--bf-accent); text-decoration: underline; text-align: start; }
:focus-visible { outline: 3px solid var(--bf-accent); outline-offset: 2px; }
input:not([type="checkbox"]), select { border: 1px solid var(--bf-edge); background: var(--bf-back); border-radius: .4rem; padding: .3rem .5rem; width: 100%; }
input[type="checkbox"] { width: 1.1rem; height: 1.1rem; accent-color: var(--bf-accent); margin: .2rem 0 0; }
[aria-invalid="true"] { border-color: var(--bf-danger) !important; }
.small, .hint { font-size: .82rem; } .muted, .hint { color: var(--bf-muted); } .line { font-weight: 600; } .wrong { color: var(--bf-danger); font-size: .9rem; }
.note, .problem { padding: .6rem .8rem; border-radius: .4rem; border-inline-start: 4px solid var(--bf-unavailable); background: var(--bf-warn); display: grid; gap: .3rem; overflow-wrap: anywhere; }
.problem { border-color: var(--bf-failed); background: var(--bf-wrong); }
.problem ul, .note ul { padding-inline-start: 1.2rem; }
.tools select { width: auto; }
.actions { display: flex; gap: .5rem; align-items: center; flex-wrap: wrap; }
.badge, .breaker { font-size: .82rem; font-weight: 600; padding: .1rem .55rem; border-radius: 1rem; border: 1px solid var(--bf-edge); white-space: nowrap; }
.breaker { white-space: normal; display: inline-block; }
.badge.processing { border-color: var(--bf-accent); color: var(--bf-accent); } .badge.complete { border-color: var(--bf-completed); }
.badge.error, .badge.partial_success { border-color: var(--bf-failed); } .breaker.open, .breaker.half-open { border-color: var(--bf-failed); border-radius: .4rem; } .breaker.closed { border: 0; font-weight: 400; padding: 0; }
.bar { display: flex; height: .7rem; border-radius: .35rem; overflow: hidden; background: var(--bf-pending); min-width: 8rem; }
.bar span { flex: 0 1 0; } .bar .pending { background: none; }
${["completed", "skipped", "unavailable", "failed", "full", "summary", "partial", "never-tried", "damaged", "pending"].map((state) => `.bar .${state}, .swatch.${state} { background: var(--bf-${state}); }`).join("\n")}
.bar .pending { background: none; }
.legend { list-style: none; padding: 0; display: flex; gap: .3rem 1.1rem; flex-wrap: wrap; font-size: .9rem; }
.swatch { display: inline-block; width: .85rem; height: .85rem; border-radius: .2rem; margin-inline-end: .4rem; vertical-align: -.08rem; border: 1px solid var(--bf-edge); }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)); gap: .5rem 1.2rem; }
dl div { min-width: 0; } dt { font-size: .82rem; color: var(--bf-muted); } dd { overflow-wrap: anywhere; }
.wide { overflow-x: auto; max-height: 26rem; border: 1px solid var(--bf-line); border-radius: .4rem; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
th, td { text-align: start; padding: .4rem .7rem; border-bottom: 1px solid var(--bf-line); vertical-align: top; font-weight: 400; overflow-wrap: break-word; min-width: 3.5rem; }
thead th { position: sticky; top: 0; background: var(--bf-raised); font-weight: 600; overflow-wrap: normal; z-index: 1; }
tbody tr:last-child > * { border-bottom: 0; }
td.progress { min-width: 14rem; } tbody th { min-width: 7rem; overflow-wrap: anywhere; } .hosts tbody th { min-width: min(20rem, 60vw); } .hosts :is(td, thead th), td.day { white-space: nowrap; } td.text { min-width: 14rem; overflow-wrap: anywhere; }
.cards { max-height: none; }
@container (max-width: 38rem) {
  .cards thead { position: absolute; clip-path: inset(50%); } .cards tbody tr { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: .2rem .8rem; padding: .6rem .7rem; border-bottom: 1px solid var(--bf-line); }
  .cards tbody tr:last-child { border-bottom: 0; } .cards tbody :is(th, td) { display: block; padding: 0; border: 0; min-width: 0; } .cards td:is(.progress, :last-child) { grid-column: 1 / -1; } .cards td:last-child { color: var(--bf-muted); font-size: .82rem; }
}
details > summary { cursor: pointer; padding: .15rem 0; color: var(--bf-accent); overflow-wrap: anywhere; } details[open] > summary { margin-bottom: .4rem; } details > p { margin-bottom: .4rem; }
.start { display: grid; gap: 1.5rem; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr) !important; }
@container (max-width: 46rem) { .start { grid-template-columns: minmax(0, 1fr) !important; } }
form { display: grid; gap: .8rem; align-content: start; } form details { display: block; } form details[open] > .field { margin-bottom: .8rem; }
form.range { grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); align-items: end; } .range :is(input, select, button) { height: 2.3rem; }
.field { display: grid; gap: .15rem; } .field label { font-weight: 600; } .field.flag { grid-template-columns: auto 1fr; column-gap: .5rem; } .flag .hint, .flag .wrong { grid-column: 2; }
.plan { background: var(--bf-raised); border-radius: .5rem; padding: 1rem; align-self: start; position: sticky; top: .5rem; }
backfill-heat-map { display: block; min-width: 0; }
.scroll { overflow: auto; max-height: 32rem; border: 1px solid var(--bf-line); border-radius: .4rem; padding: .2rem .4rem .4rem 0; }
.plane { position: relative; width: calc(var(--label) + var(--width)); height: calc(1.5rem + var(--height)); font-size: 11px; line-height: 1; color: var(--bf-muted); }
.plane canvas, .lines { position: absolute; left: var(--label); top: 1.5rem; width: var(--width); height: var(--height); image-rendering: pixelated; }
.lines { pointer-events: none; background: repeating-linear-gradient(to right, transparent 0 calc(var(--across) - 1px), var(--bf-back) 0 var(--across)), repeating-linear-gradient(to bottom, transparent 0 calc(var(--down) - 1px), var(--bf-back) 0 var(--down)); }
.cross { position: absolute; display: none; left: calc(var(--label) + var(--x, 0) * var(--across)); top: calc(1.5rem + var(--y, 0) * var(--down)); width: var(--across); height: var(--down); outline: 2px solid var(--bf-text); pointer-events: none; }
.cross.on { display: block; }
.months, .names { position: absolute; } .months { left: var(--label); top: .3rem; } .names { left: 0; top: 1.5rem; width: calc(var(--label) - 6px); }
.months span { position: absolute; white-space: nowrap; } .names span { position: absolute; right: 0; }
output { display: block; min-height: 1.5em; font-size: .9rem; }
.said { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.one { display: inline-flex; gap: .5rem; align-items: center; flex-wrap: wrap; }
@media (prefers-reduced-motion: no-preference) { .bar span { transition: flex-grow .3s; } }
@media (forced-colors: active) { .swatch, .bar span, canvas { forced-color-adjust: none; } }
`;

/** @type {CSSStyleSheet | null} */
let sheet = null;

/** The style, once for all elements: a sheet of the page's own, which content security policies allow. @returns {CSSStyleSheet} */
export function style() {
  if (sheet === null) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(CSS);
  }
  return sheet;
}
