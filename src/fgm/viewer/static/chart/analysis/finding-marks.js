// The marks of findings: numbers at their beginnings on the lanes, with a bar over their extent, and bars in the overview.

import { html } from "../../browser/html.js";
import { cssToken } from "../../browser/theme-colours.js";
import { laneFindings } from "../../derived/lane-findings.js";
import { withLocalTimes } from "../../lib/time-format.js";
import { findingsAnswer, isShown, showFinding } from "../../state/analysis/findings.js";
import { shown } from "../../state/shown.js";
import { plot, view } from "../../state/store.js";

const FLAG_PX = 16; // width of a number
const BAR_PX = 2, BAR_STEP_PX = 3, MAX_BARS = 4; // bars of findings at the same time are below each other
const MIN_OVERVIEW_PX = 3;

/** The marks in view with their positions in CSS px: [{finding, rank, x, bar: {left, width, row}}]. */
function placed(marks) {
  const { from_ms, to_ms } = view.value;
  const { width } = plot.value;
  const xOf = (ms) => Math.max(0, Math.min(width, ((ms - from_ms) / (to_ms - from_ms)) * width));
  const ends = new Array(MAX_BARS).fill(-Infinity);
  let next = 0;
  return marks.filter(({ finding }) => finding.to_ms >= from_ms && finding.from_ms < to_ms).map((mark) => {
    const left = xOf(mark.finding.from_ms), right = Math.max(left + BAR_PX, xOf(mark.finding.to_ms));
    const free = ends.findIndex((end) => end <= left), row = free < 0 ? MAX_BARS - 1 : free;
    ends[row] = right;
    const x = Math.min(Math.max(left, next), width - FLAG_PX);
    next = x + FLAG_PX + 1;
    return { ...mark, x, bar: { left, width: right - left, row } };
  });
}

function Mark({ mark: { finding, rank, x, bar } }) {
  const name = `Finding ${rank}: ${withLocalTimes(finding.text, finding.from_ms)}`;
  const isOnLanes = shown.value.some(({ ids }) => ids.includes(finding.id));
  const look = isShown(finding) ? "mark on" : isOnLanes ? "mark" : "mark away";
  return html`<i class=${look} style=${{ left: `${bar.left}px`, width: `${bar.width}px`, top: `${bar.row * BAR_STEP_PX}px` }}></i>
    <button tabindex="-1" class=${look} data-kind=${finding.kind} style=${{ left: `${x}px` }} title=${name} aria-label=${name} onClick=${() => showFinding(finding)}>${rank}</button>`;
}

/** The marks of the findings on a lane. */
export function FindingMarks({ lane }) {
  const marks = placed(laneFindings.value.get(lane.key) ?? []);
  return marks.length > 0 && html`<div class="marks">${marks.map((mark) => html`<${Mark} key=${mark.rank} mark=${mark} />`)}</div>`;
}

/** Draw the findings in the overview, above its base line. `x`: function from ms to the position. */
export function drawOverviewFindings(ctx, x, base) {
  for (const finding of (findingsAnswer.peek()?.findings ?? []).toReversed()) {
    const left = x(finding.from_ms), width = Math.max(MIN_OVERVIEW_PX, x(finding.to_ms) - left);
    ctx.fillStyle = cssToken(isShown(finding) ? "ink" : "mut");
    ctx.fillRect(left, base - 3, width, 3);
    ctx.fillRect(left, base - 9, 2, 9);
  }
}
