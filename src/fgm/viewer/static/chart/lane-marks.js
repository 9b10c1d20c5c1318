// What is drawn over the lines of a lane: limits as steps, where a container was killed, where a new life began.

import { hairline, token } from "../browser/theme.js";
import { laneLimits, steps } from "../derived/limits.js";
import { lastOfKilled } from "../lib/lines.js";
import { events } from "../state/store.js";
import { number } from "../lib/units.js";

const LABEL_PX = 13; // between the baselines of two labels
const CROSS_PX = 5;

/** Draw all of it for a lane whose axis is in `unit`. `lines`: [{line, entry}], `range`: {from_ms, to_ms} in view. */
export function drawMarks(u, lane, lines, unit, { from_ms, to_ms }) {
  const { ctx } = u;
  const { left, top, width, height } = u.bbox;
  const ratio = devicePixelRatio;
  const x = (ms) => u.valToPos(ms / 1000, "x", true), y = (value) => u.valToPos(value, "y", true);
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top - CROSS_PX * ratio, width, height + CROSS_PX * ratio);
  ctx.clip();
  ctx.font = `${11 * ratio}px ${getComputedStyle(document.body).fontFamily}`;
  ctx.textBaseline = "alphabetic";
  drawLimits(ctx, laneLimits.peek().get(lane.key) ?? [], u, { from_ms, to_ms }, x, y, unit);
  for (const { line } of lines) {
    if (line.life > 1 && line.t[0] >= from_ms && line.t[0] < to_ms) drawLife(ctx, line, x, y, left + width);
  }
  for (const event of events.peek()) {
    if (event.kind === "oom_kill") drawKill(ctx, event, lines, x, y);
  }
  ctx.restore();
}

function drawLimits(ctx, limits, u, { from_ms, to_ms }, x, y, unit) {
  const ratio = devicePixelRatio;
  const { left, width } = u.bbox;
  const named = new Map(); // value at the right end → names
  ctx.setLineDash([6 * ratio, 3 * ratio]);
  for (const { entry, line } of limits) {
    let before = null;
    for (const step of steps(line, from_ms, to_ms)) {
      if (step.value > u.scales.y.max) {
        before = null;
        continue;
      }
      const a = Math.max(left, x(step.from_ms)), b = Math.min(left + width, x(step.to_ms));
      hairline(ctx, a, y(step.value), b, y(step.value), token("ink"), ratio);
      if (before?.to_ms === step.from_ms) hairline(ctx, a, y(before.value), a, y(step.value), token("ink"), ratio);
      before = step;
    }
    if (before) named.set(before.value, [...(named.get(before.value) ?? []), entry.series.name]);
  }
  ctx.setLineDash([]);
  const taken = [];
  for (const [value, names] of [...named].sort((a, b) => a[0] - b[0])) {
    const at = Math.max(u.bbox.top + 9 * ratio, y(value) - 4 * ratio);
    if (taken.some((other) => Math.abs(other - at) < LABEL_PX * ratio)) continue;
    taken.push(at);
    write(ctx, `limit ${number(value, unit)}  ${[...new Set(names)].join(", ")}`, left + width - 4 * ratio, at, "right", "mut");
  }
}

function drawLife(ctx, line, x, y, right) {
  const i = line.v.findIndex((value) => value !== null);
  if (i < 0) return;
  const ratio = devicePixelRatio, text = `life ${line.life}`;
  const at = Math.min(x(line.t[i]) + 6 * ratio, right - ctx.measureText(text).width);
  write(ctx, text, at, y(line.v[i]) - 6 * ratio, "left", "ink");
}

function drawKill(ctx, event, lines, x, y) {
  const ratio = devicePixelRatio, size = CROSS_PX * ratio;
  for (const { line } of lines) {
    if (line.id !== event.series) continue;
    const i = lastOfKilled(line, event.time_ms);
    if (i < 0) continue;
    const at = x(line.t[i]), up = y(line.v[i]);
    ctx.strokeStyle = token("oom");
    ctx.lineWidth = 2 * ratio;
    ctx.beginPath();
    for (const turn of [1, -1]) {
      ctx.moveTo(at - size, up - turn * size);
      ctx.lineTo(at + size, up + turn * size);
    }
    ctx.stroke();
  }
}

function write(ctx, text, x, y, align, colour) {
  ctx.textAlign = align;
  ctx.fillStyle = token(colour);
  ctx.fillText(text, x, y); // without a halo: a break in a line means a gap
}
