// The strip above everything: the whole node over the last day, with a brush over the range in view.

import { effect } from "../vendor/signals.js";
import { startBrush } from "./overview-brush.js";
import { hairline, hatch, themeTurn, token } from "../browser/theme.js";
import { html, useEffect, useRef } from "../browser/html.js";
import { grid, nodeHistory } from "../server/node-history.js";
import { GAP_INTERVALS, silences } from "../lib/lines.js";
import { edge_ms, interval_ms, plot } from "../state/store.js";
import { timeMarks, zone } from "../lib/time-format.js";

export function Overview() {
  const canvas = useRef(null), brush = useRef(null);
  useEffect(() => {
    let frame = 0;
    const stop = effect(() => {
      themeTurn.value, nodeHistory.value, grid.value, plot.value;
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(() => canvas.current && grid.peek() && draw(canvas.current));
    });
    const release = startBrush(canvas.current.parentElement, brush.current);
    return () => (stop(), release(), cancelAnimationFrame(frame));
  }, []);
  return html`<section class="overview" aria-label="Overview">
    <div class="gutter" aria-hidden="true">node<br />CPU —<br />mem ···</div>
    <div class="box" title=${`The node over ${grid.value ? "all there is, or its last day" : "time"}; times ${zone(edge_ms.value)}`}>
      <canvas ref=${canvas} role="img" aria-label="CPU and memory of the whole node, and the range in view"></canvas><div class="brush" ref=${brush}></div></div>
  </section>`;
}

function draw(canvas) {
  const ratio = devicePixelRatio, width = plot.peek().width, height = canvas.parentElement.clientHeight;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const ctx = canvas.getContext("2d");
  ctx.scale(ratio, ratio);
  const { from_ms, to_ms, column_ms } = grid.peek();
  const { cpu = null, memory = null, events = [] } = nodeHistory.peek() ?? {};
  const x = (ms) => ((ms - from_ms) / (to_ms - from_ms)) * width;
  const base = height - 14;
  const gap_ms = Math.max(GAP_INTERVALS * interval_ms.peek(), 1.5 * column_ms);
  for (const [from, to] of cpu ? silences(cpu, Math.max(interval_ms.peek(), column_ms)) : []) hatch(ctx, x(from), 0, Math.max(1, x(to) - x(from)), base, token("gap"));
  trace(ctx, cpu, x, 8, base, gap_ms, { colour: token("fnt"), fill: token("line") });
  trace(ctx, memory, x, 8, base, gap_ms, { colour: token("mut"), dash: [1, 2] });
  hairline(ctx, 0, base, width, base, token("line"));
  ctx.font = `11px ${getComputedStyle(document.body).fontFamily}`;
  ctx.fillStyle = token("mut");
  for (const { ms, text } of timeMarks(from_ms, to_ms, width, 120).marks) {
    hairline(ctx, x(ms), base, x(ms), height, token("line"));
    if (x(ms) + 4 + ctx.measureText(text).width < width) ctx.fillText(text, x(ms) + 4, height - 3);
  }
  events.toReversed().forEach((event) => drawEvent(ctx, event, x));
}

function trace(ctx, line, x, top, base, gap_ms, { colour, fill, dash = [] }) {
  if (!line) return;
  const highest = Math.max(...line.v.map((value) => value ?? 0)) || 1;
  const y = (value) => base - (value / highest) * (base - top);
  const path = new Path2D(), area = new Path2D();
  let last = null;
  const land = () => last !== null && (area.lineTo(x(last), base), area.closePath());
  line.t.forEach((ms, i) => {
    const value = line.v[i];
    if (value === null) return;
    if (last === null || ms - last > gap_ms) {
      land();
      path.moveTo(x(ms), y(value));
      area.moveTo(x(ms), base);
    } else path.lineTo(x(ms), y(value));
    area.lineTo(x(ms), y(value));
    last = ms;
  });
  land();
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

/** A tick at the top edge; a kill is a cross, as everywhere. */
function drawEvent(ctx, { kind, time_ms, before }, x) {
  const at = x(time_ms);
  if (kind === "oom_kill") {
    ctx.strokeStyle = token("oom");
    ctx.lineWidth = 2;
    ctx.beginPath();
    for (const turn of [1, -1]) ctx.moveTo(at - 3, 4 - 3 * turn), ctx.lineTo(at + 3, 4 + 3 * turn);
    ctx.stroke();
    return;
  }
  const from = kind === "throttling_ended" ? x(before.began_ms ?? time_ms) : kind === "gap" ? x(before.tick_ms ?? time_ms) : at;
  ctx.fillStyle = token(kind.startsWith("throttling") ? "thr" : kind === "gap" ? "gap" : "mut");
  ctx.fillRect(from, 0, Math.max(kind === "restart" ? 1 : 2, at - from), 4);
}
