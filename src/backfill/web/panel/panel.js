// The module that a page imports: the two elements, and what they are made of for pages that want to make something else of it.

import { BackfillButton } from "./buttonelement.js";
import { BackfillClient, BackfillProblem } from "./client.js";
import { HeatMap } from "./heatmap.js";
import { BackfillPanel } from "./panelelement.js";
import { STRINGS } from "./strings.js";

export { BackfillButton, BackfillClient, BackfillPanel, BackfillProblem, STRINGS };

/** @type {[string, CustomElementConstructor][]} */
const ELEMENTS = [["backfill-heat-map", HeatMap], ["backfill-panel", BackfillPanel], ["backfill-button", BackfillButton]];

if (globalThis.customElements) {
  for (const [name, element] of ELEMENTS) if (!customElements.get(name)) customElements.define(name, element); // a notebook loads it more than once
}
