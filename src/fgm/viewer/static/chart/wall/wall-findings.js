// The marks of findings on a wall: a frame around what stood out in its row, with its number.

import { html } from "../../browser/html.js";
import { laneFindings } from "../../derived/lane-findings.js";
import { withLocalTimes } from "../../lib/time-format.js";
import { isShown, showFinding } from "../../state/analysis/findings.js";
import { plot, view } from "../../state/store.js";

const FLAG_PX = 16; // width of a number
const MIN_FRAME_PX = 4;

/** The marks of the findings of a lane in the rows of its wall. */
export function WallFindings({ lane, wall }) {
  const { from_ms, to_ms } = view.value, { left, width } = plot.value;
  const xOf = (ms) => Math.max(0, Math.min(width, ((ms - from_ms) / (to_ms - from_ms)) * width));
  const rowOf = new Map(wall.rows.flatMap(({ ids }, i) => ids.map((id) => [id, i])));
  const marks = (laneFindings.value.get(lane.key) ?? []).filter(({ finding }) => rowOf.has(finding.id) && finding.to_ms >= from_ms && finding.from_ms < to_ms);
  return marks.map(({ finding, rank }) => {
    const begin = xOf(finding.from_ms), end = Math.max(begin + MIN_FRAME_PX, xOf(finding.to_ms));
    const middle = `${(100 * (rowOf.get(finding.id) + 0.5)) / wall.rows.length}%`;
    const name = `Finding ${rank}: ${withLocalTimes(finding.text, finding.from_ms)}`, look = isShown(finding) ? "on" : "";
    return html`<i key=${`frame ${rank}`} class=${`frame ${look}`} style=${{ left: `${left + begin}px`, width: `${end - begin}px`, top: middle, height: `max(6px, ${100 / wall.rows.length}%)` }}></i>
      <button key=${rank} tabindex="-1" class=${`flag-of-row ${look}`} data-kind=${finding.kind} title=${name} aria-label=${name}
        style=${{ left: `${left + (begin > FLAG_PX ? begin - FLAG_PX : Math.min(end, width - FLAG_PX))}px`, top: middle }} onClick=${() => showFinding(finding)}>${rank}</button>`;
  });
}
