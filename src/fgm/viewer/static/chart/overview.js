// The overview: the whole node over the last day of data, with a brush over the range in view.

import { effect } from "../vendor/signals.js";
import { hairline, hatch, labelFont, sizedContext } from "../browser/canvas.js";
import { cancelDraw, drawInNextFrame } from "../browser/frame.js";
import { html, useEffect, useRef } from "../browser/html.js";
import { cssToken } from "../browser/theme-colours.js";
import { GAP_INTERVALS, gapsOf } from "../lib/lines.js";
import { utcOffset } from "../lib/time-format.js";
import { timeTicks } from "../lib/time-ticks.js";
import { findingsAnswer, shownFinding } from "../state/analysis/findings.js";
import { otherPack, otherRange } from "../state/compare/other-range.js";
import { dependsOn } from "../state/depends-on.js";
import { notes } from "../state/incident/notes.js";
import { overviewData, overviewRange } from "../state/overview-data.js";
import { edge_ms, interval_ms, plot } from "../state/store.js";
import { themeVersion } from "../state/theme.js";
import { drawOverviewFindings } from "./analysis/finding-marks.js";
import { drawOverviewNotes } from "./incident/note-marks.js";
import { startBrush } from "./overview-brush.js";

const EVENTS_PX = 8; // height of the row of events
const AXIS_PX = 14; // height of the row of times

/** The overview above the lanes. */
export function Overview() {
  const canvas = useRef(null), brush = useRef(null);
  useEffect(() => {
    const drawNow = () => canvas.current && overviewRange.peek() && draw(canvas.current);
    const stop = effect(() => {
      dependsOn(themeVersion, overviewData, overviewRange, plot, findingsAnswer, shownFinding, otherRange, otherPack, notes);
      drawInNextFrame(drawNow);
    });
    const stopBrush = startBrush(canvas.current.parentElement, brush.current);
    return () => (stop(), stopBrush(), cancelDraw(drawNow));
  }, []);
  return html`<section class="overview" aria-label="Overview">
    <div class="gutter" aria-hidden="true">node<br />CPU —<br />mem ···</div>
    <div class="box" title=${`CPU and memory of the node over the last day of data and the range in view. Times are ${utcOffset(edge_ms.value)}.`}>
      <canvas ref=${canvas} role="img" aria-label="CPU and memory of the whole node, and the range in view"></canvas><div class="brush" ref=${brush}></div></div>
  </section>`;
}

function draw(canvas) {
  const width = plot.peek().width, height = canvas.parentElement.clientHeight;
  const ctx = sizedContext(canvas, width, height);
  const { from_ms, to_ms, column_ms } = overviewRange.peek();
  const { cpu = null, memory = null, events = [] } = overviewData.peek() ?? {};
  const x = (ms) => ((ms - from_ms) / (to_ms - from_ms)) * width;
  const base = height - AXIS_PX;
  const gap_ms = Math.max(GAP_INTERVALS * interval_ms.peek(), 1.5 * column_ms);
  const gaps = cpu ? gapsOf(cpu, Math.max(interval_ms.peek(), column_ms)) : [];
  for (const [from, to] of gaps) hatch(ctx, x(from), 0, Math.max(1, x(to) - x(from)), base, cssToken("gap"));
  drawTrace(ctx, cpu, x, EVENTS_PX, base, gap_ms, { colour: cssToken("fnt"), fill: cssToken("line") });
  drawTrace(ctx, memory, x, EVENTS_PX, base, gap_ms, { colour: cssToken("mut"), dash: [1, 2] });
  hairline(ctx, 0, base, width, base, cssToken("line"));
  ctx.font = labelFont();
  ctx.fillStyle = cssToken("mut");
  for (const { ms, text } of timeTicks(from_ms, to_ms, width, 120).ticks) {
    hairline(ctx, x(ms), base, x(ms), height, cssToken("line"));
    if (x(ms) + 4 + ctx.measureText(text).width < width) ctx.fillText(text, x(ms) + 4, height - 3);
  }
  events.toReversed().forEach((event) => drawEvent(ctx, event, x));
  drawOverviewFindings(ctx, x, base);
  if (otherRange.peek() && otherPack.peek() === null) drawOtherRange(ctx, x(otherRange.peek().from_ms), x(otherRange.peek().to_ms), base);
  drawOverviewNotes(ctx, x, EVENTS_PX, base);
}

/** Draw a line of the node between the heights `top` and `base`, scaled to its own peak and interrupted at gaps. */
function drawTrace(ctx, line, x, top, base, gap_ms, { colour, fill, dash = [] }) {
  if (!line) return;
  const highest = Math.max(...line.v.map((value) => value ?? 0)) || 1;
  const y = (value) => base - (value / highest) * (base - top);
  const path = new Path2D(), area = new Path2D();
  let last_ms = null;
  const closeArea = () => last_ms !== null && (area.lineTo(x(last_ms), base), area.closePath());
  line.t.forEach((ms, i) => {
    const value = line.v[i];
    if (value === null) return;
    if (last_ms === null || ms - last_ms > gap_ms) {
      closeArea();
      path.moveTo(x(ms), y(value));
      area.moveTo(x(ms), base);
    } else path.lineTo(x(ms), y(value));
    area.lineTo(x(ms), y(value));
    last_ms = ms;
  });
  closeArea();
  ctx.lineWidth = 1;
  ctx.strokeStyle = colour;
  ctx.setLineDash(dash);
  if (fill) {
    ctx.fillStyle = fill;
    ctx.globalAlpha = 0.5;
    ctx.fill(area);
    ctx.globalAlpha = 1;
  }
  ctx.stroke(path);
  ctx.setLineDash([]);
}

/** Draw where the other range is: a pale area between two lines. */
function drawOtherRange(ctx, left, right, base) {
  ctx.fillStyle = cssToken("ink");
  ctx.globalAlpha = 0.12;
  ctx.fillRect(left, 0, right - left, base);
  ctx.globalAlpha = 1;
  for (const x of [left, right]) hairline(ctx, x, 0, x, base, cssToken("mut"));
}

/** Draw an event at the top edge: an OOM kill as a cross, other events as bars. */
function drawEvent(ctx, { kind, time_ms, before }, x) {
  const end = x(time_ms);
  if (kind === "oom_kill") {
    ctx.strokeStyle = cssToken("oom");
    ctx.lineWidth = 2;
    ctx.beginPath();
    for (const sign of [1, -1]) ctx.moveTo(end - 3, 4 - 3 * sign), ctx.lineTo(end + 3, 4 + 3 * sign);
    ctx.stroke();
    return;
  }
  const begin = kind.endsWith("_ended") ? x(before.began_ms ?? time_ms) : kind === "gap" ? x(before.tick_ms ?? time_ms) : end;
  ctx.fillStyle = cssToken(/_(began|ended)$/.test(kind) ? "thr" : kind === "gap" ? "gap" : "mut");
  ctx.fillRect(begin, 0, Math.max(kind === "restart" ? 1 : 2, end - begin), 4);
}
