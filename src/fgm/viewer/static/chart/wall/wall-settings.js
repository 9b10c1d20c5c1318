// The settings in the title of a wall: what a row is, the order of rows, and the scale of colours with its legend.

import { html } from "../../browser/html.js";
import { viewRange } from "../../lib/time-format.js";
import { formatNumber } from "../../lib/units.js";
import { colourScale, ORDERS, ROW_KINDS, rowKind, rowOrder, SCALES, setColourScale, setRowKind, setRowOrder, toggleWall } from "../../state/wall/walls.js";
import { otherRange, otherRefusal } from "../../state/compare/other-range.js";
import { flipWalls, showsOther } from "../../state/compare/other-walls.js";
import { lanes } from "../../state/lanes.js";

const textOf = (choices, name) => choices.find(([choice]) => choice === name)[1];

/** Whether the rows show the view or the other range. */
function Side({ isLoaded }) {
  const { from_ms, to_ms, shift_ms } = otherRange.value, isOther = showsOther.value;
  const there = shift_ms === 0 ? "the other container" : viewRange(from_ms, to_ms);
  return html`<button class=${`side ${isOther ? "on" : ""}`} title="What the rows show: the view, or the other range with the same rows and colours (B)" onClick=${flipWalls}>${isOther ? there : "in view"}${isOther && !isLoaded && otherRefusal.value === null && ": loading…"}</button>`;
}

/** Buttons that change the walls: each shows its setting, and a click changes it to the next one. */
export function WallSettings({ lane, wall, unit }) {
  const count = wall?.rows.length ?? 0;
  const highest = wall?.scale === "limit" ? "its limit" : wall?.top > 0 ? formatNumber(wall.top, unit) : "–";
  const isOther = wall && wall.scale !== colourScale.value;
  const scaleText = textOf(SCALES, wall?.scale ?? colourScale.value);
  return html`<span class="settings">
    ${otherRange.value && html`<${Side} isLoaded=${Boolean(wall?.other)} />`}
    <button class="link" title="What a row is: containers, pods or workloads (g)" onClick=${() => setRowKind()}>${count} ${textOf(ROW_KINDS, rowKind.value)}</button>
    <button class="link" title="The order of rows (r)" onClick=${() => setRowOrder()}>${textOf(ORDERS, rowOrder.value)}</button>
    <button class="link" title=${`What the darkest colour stands for (k)${isOther ? `. This lane has no values ${textOf(SCALES, colourScale.value)}` : ""}`} onClick=${() => setColourScale()}>${scaleText}</button>
    <span class="legend" title=${`The shade is the highest value in the time of a pixel, from 0 to ${highest}`}>0<i aria-hidden="true"></i>${highest}</span>
    <button class="link" title="Draw this lane as lines (v)" onClick=${() => toggleWall(lanes.peek().findIndex(({ key }) => key === lane.key))}>lines</button></span>`;
}
