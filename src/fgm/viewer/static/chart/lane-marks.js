// Draws the marks over the lines of a lane: requests as dots, limits as steps, a cross at an OOM kill, a label at the start of a new life.

import { hairline, labelFont } from "../browser/canvas.js";
import { cssToken } from "../browser/theme-colours.js";
import { laneLimits, laneRequests, limitSteps } from "../derived/limits.js";
import { lastSampleBeforeKill } from "../lib/lines.js";
import { formatNumber } from "../lib/units.js";
import { kills } from "../state/store.js";

const MIN_LABEL_PX = 13; // minimum distance of the baselines of two labels
const CROSS_PX = 5; // half the width of a cross

/** Draw the marks of a lane on the canvas of its uPlot. `lines`: [{line, entry}]. The last argument is the range in view. */
export function drawMarks(u, lane, lines, unit, { from_ms, to_ms }) {
  const { ctx } = u;
  const { left, top, width, height } = u.bbox;
  const ratio = devicePixelRatio;
  const x = (ms) => u.valToPos(ms / 1000, "x", true), y = (value) => u.valToPos(value, "y", true);
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top - CROSS_PX * ratio, width, height + CROSS_PX * ratio);
  ctx.clip();
  ctx.font = labelFont(11 * ratio);
  ctx.textBaseline = "alphabetic";
  drawRequests(ctx, laneRequests.peek().get(lane.key) ?? [], u, y, unit);
  drawLimits(ctx, laneLimits.peek().get(lane.key) ?? [], u, { from_ms, to_ms }, x, y, unit);
  for (const { line } of lines) {
    if (line.life > 1 && line.t[0] >= from_ms && line.t[0] < to_ms) drawLifeLabel(ctx, line, x, y, left + width);
  }
  for (const event of kills.peek()) drawKill(ctx, event, lines, x, y);
  ctx.restore();
}

/** Draw requests as thin dotted lines. What is above them is used beyond what the node promised. */
function drawRequests(ctx, requests, u, y, unit) {
  const ratio = devicePixelRatio;
  const { left, top, width } = u.bbox;
  const names = new Map(); // value → names of the workloads
  for (const { entry, value } of requests) if (value <= u.scales.y.max) names.set(value, [...(names.get(value) ?? []), entry.series.name]);
  ctx.setLineDash([ratio, 4 * ratio]);
  for (const value of names.keys()) hairline(ctx, left, y(value), left + width, y(value), cssToken("mut"), ratio);
  ctx.setLineDash([]);
  let last = Infinity;
  for (const [value, of] of [...names].sort((a, b) => a[0] - b[0])) {
    const baseline = Math.max(top + 9 * ratio, y(value) - 4 * ratio);
    if (last - baseline < MIN_LABEL_PX * ratio) continue;
    last = baseline;
    write(ctx, label(ctx, `request ${formatNumber(value, unit)}`, of, width), left + 4 * ratio, baseline, "left", "mut");
  }
}

function drawLimits(ctx, limits, u, { from_ms, to_ms }, x, y, unit) {
  const ratio = devicePixelRatio;
  const { left, width } = u.bbox;
  const labels = new Map(); // kind and value at the right end of the view → names of the groups that have the limit
  for (const { entry, line, kind, owner } of limits) {
    ctx.setLineDash(kind === "limit" ? [6 * ratio, 3 * ratio] : [2 * ratio, 3 * ratio]);
    let previous = null;
    for (const step of limitSteps(line, from_ms, to_ms)) {
      if (step.value > u.scales.y.max) {
        previous = null;
        continue;
      }
      const a = Math.max(left, x(step.from_ms)), b = Math.min(left + width, x(step.to_ms));
      hairline(ctx, a, y(step.value), b, y(step.value), cssToken("ink"), ratio);
      if (previous?.to_ms === step.from_ms) hairline(ctx, a, y(previous.value), a, y(step.value), cssToken("ink"), ratio);
      previous = step;
    }
    const key = `${kind} ${previous?.value}`, name = owner.kind === "own" ? entry.series.name : owner.kind === "pod" ? `pod ${owner.name}` : owner.name;
    if (previous) labels.set(key, { kind, value: previous.value, names: [...(labels.get(key)?.names ?? []), name] });
  }
  ctx.setLineDash([]);
  const baselines = [];
  for (const { kind, value, names } of [...labels.values()].sort((a, b) => a.value - b.value)) {
    const baseline = Math.max(u.bbox.top + 9 * ratio, y(value) - 4 * ratio);
    if (baselines.some((other) => Math.abs(other - baseline) < MIN_LABEL_PX * ratio)) continue;
    baselines.push(baseline);
    write(ctx, label(ctx, `${kind} ${formatNumber(value, unit)}`, names, width), left + width - 4 * ratio, baseline, "right", "mut");
  }
}

function drawLifeLabel(ctx, line, x, y, right) {
  const i = line.v.findIndex((value) => value !== null);
  if (i < 0) return;
  const ratio = devicePixelRatio, text = `life ${line.life}`;
  const start = Math.min(x(line.t[i]) + 6 * ratio, right - ctx.measureText(text).width);
  write(ctx, text, start, y(line.v[i]) - 6 * ratio, "left", "ink");
}

function drawKill(ctx, event, lines, x, y) {
  const ratio = devicePixelRatio, size = CROSS_PX * ratio;
  for (const { line } of lines) {
    if (line.id !== event.series) continue;
    const i = lastSampleBeforeKill(line, event.time_ms);
    if (i < 0) continue;
    const centerX = x(line.t[i]), centerY = y(line.v[i]);
    ctx.strokeStyle = cssToken("oom");
    ctx.lineWidth = 2 * ratio;
    ctx.beginPath();
    for (const sign of [1, -1]) {
      ctx.moveTo(centerX - size, centerY - sign * size);
      ctx.lineTo(centerX + size, centerY + sign * size);
    }
    ctx.stroke();
  }
}

/** The text of a limit or request: with names if it takes less than half the width, so that those at both ends never meet. */
function label(ctx, text, names, width) {
  const full = `${text}  ${[...new Set(names)].join(", ")}`;
  return ctx.measureText(full).width < width / 2 ? full : text;
}

function write(ctx, text, x, y, align, colour) {
  ctx.textAlign = align;
  ctx.fillStyle = cssToken(colour);
  ctx.fillText(text, x, y); // no halo behind the text: an interrupted line would look like a gap
}
