// The strip above everything: the node's CPU and memory and what happened, over the last day or whatever is in view, with
// a brush over the view that can be moved and drawn anew.

import { computed, effect, signal } from "./vendor/signals.js";
import * as api from "./api.js";
import { hairline, hatch, themeTurn, token } from "./colours.js";
import { html, useEffect, useRef } from "./html.js";
import { lineOf, mergeLine, silences } from "./samples.js";
import { edge_ms, end_ms, health, interval_ms, loading, newest_ms, node, offered, plot, view } from "./store.js";
import { timeMarks, widened, zone } from "./time.js";
import { zoom } from "./view.js";

const DAY_MS = 86_400_000;
const COLUMNS = 600;
const PART_MS = 700; // as for the lanes: others are answered in between
const LIVE_BEATS = 15; // between two looks at what is new
const RAW_TICKS = 3600;
const KINDS = ["oom_kill", "restart", "throttling_began", "throttling_ended", "gap"];
const MOST_EVENTS = 500;
const CPU = ["total_cpu_usage_millicores"], MEMORY = ["memory.current"];
const HANDLE_PX = 6;
const LEAST_PX = 4; // a shorter drag is a click

/** The range of the strip, in steps, so that it stands still: all data up to a day, and the view. */
const grid = computed(() => {
  const oldest = health.value?.oldest_ms ?? null, newest = newest_ms.value;
  if (oldest === null || newest === null) return null;
  const span_ms = widened(Math.min(DAY_MS, newest - oldest));
  const step = span_ms / 60;
  const to_ms = Math.ceil((Math.max(newest, edge_ms.value - newest < 60_000 ? edge_ms.value : newest, Math.min(end_ms.value, newest)) + 1) / step) * step;
  const from_ms = Math.min(to_ms - span_ms, Math.floor(Math.max(view.value.from_ms, oldest) / step) * step);
  return { from_ms, to_ms, column_ms: (to_ms - from_ms) / COLUMNS };
});
const gridKey = computed(() => grid.value && `${grid.value.from_ms} ${grid.value.to_ms}`);

/** {cpu, memory: line or null, events, until_ms} of a grid. */
const strip = signal({ key: null, cpu: null, memory: null, events: [], until_ms: 0 });

/** How much of the strip's data was lost to gaps: {missing_s, share complete}, null while it is not known. */
export const completeness = computed(() => {
  const { key, events, until_ms } = strip.value;
  if (key === null || events.length >= MOST_EVENTS || !grid.value) return null;
  const from_ms = Math.max(health.value.oldest_ms, grid.value.from_ms);
  let missing_ms = 0;
  for (const { kind, time_ms, before } of events) {
    if (kind === "gap" && before.tick_ms != null) missing_ms += Math.max(0, time_ms - Math.max(from_ms, before.tick_ms) - interval_ms.value);
  }
  const span_ms = until_ms - from_ms;
  return span_ms > 0 ? { missing_s: Math.round(missing_ms / 1000), complete: Math.max(0, 1 - missing_ms / span_ms), from_ms } : null;
});

let beats = 0;
let asking = false;

/** Ask for what the strip lacks, once a beat; the lanes go first. Throws Problem, Unreachable. */
export async function fillOverview() {
  beats += 1;
  const metrics = [CPU, MEMORY].map((names) => names.find((name) => offered.peek()?.some((one) => one.name === name)));
  if (asking || loading.peek() || !gridKey.peek() || !node.peek() || !metrics.some(Boolean)) return;
  const key = gridKey.peek(), { from_ms, to_ms, column_ms } = grid.peek();
  const had = strip.peek();
  const end = Math.min(to_ms, newest_ms.peek() + interval_ms.peek());
  const again = had.key === key;
  if (again && (end <= had.until_ms || beats % LIVE_BEATS > 0)) return;
  asking = true;
  try {
    const begin = again ? had.until_ms - 2 * column_ms : from_ms;
    const { events } = await api.events({ from_ms, to_ms: end, kinds: KINDS, limit: MOST_EVENTS });
    let next = { ...(again ? had : { key, cpu: null, memory: null }), events, until_ms: end };
    for (let until = end; until > begin;) {
      const points = (until - begin) / interval_ms.peek() > RAW_TICKS ? Math.max(10, Math.ceil((until - begin) / column_ms)) : undefined;
      const asked = { metrics: metrics.filter(Boolean), ids: [node.peek().id], from_ms: begin, to_ms: until, points, within_ms: points && PART_MS };
      const answer = await api.timeseries(asked);
      if (gridKey.peek() !== key && !again) return; // another strip is wanted by now
      const of = (metric, line) => answer.series.filter((one) => one.metric === metric).map(lineOf).reduce(merged, line);
      next = { ...next, cpu: of(metrics[0], next.cpu), memory: of(metrics[1], next.memory) };
      strip.value = next;
      until = answer.complete_from_ms > Math.ceil(begin) ? answer.complete_from_ms : begin;
      while (loading.peek()) await new Promise((done) => setTimeout(done, 100));
    }
  } finally {
    asking = false;
  }
}

function merged(line, newer) {
  if (line === null) return newer;
  const copy = { ...line };
  mergeLine(copy, newer);
  return copy;
}

export function Overview() {
  const canvas = useRef(null), brush = useRef(null);
  useEffect(() => {
    let frame = 0;
    const stop = effect(() => {
      themeTurn.value, strip.value, grid.value, plot.value;
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(() => canvas.current && grid.peek() && draw(canvas.current));
    });
    const moved = effect(() => {
      view.value, end_ms.value, grid.value, plot.value;
      place(brush.current, grid.value && positions(view.value.from_ms, end_ms.value));
    });
    const release = listen(canvas.current.parentElement, brush.current);
    return () => (stop(), moved(), release(), cancelAnimationFrame(frame));
  }, []);
  return html`<section class="overview" aria-label="Overview">
    <div class="gutter" aria-hidden="true">node<br />CPU —<br />mem ···</div>
    <div class="box" title=${`The node over ${grid.value ? "all there is, or its last day" : "time"}; times ${zone(edge_ms.value)}`}>
      <canvas ref=${canvas} role="img" aria-label="CPU and memory of the whole node, and the range in view"></canvas><div class="brush" ref=${brush}></div></div>
  </section>`;
}

/** Places of a range on the strip, css px: {left, width}. */
function positions(from_ms, to_ms) {
  const { from_ms: begin, to_ms: end } = grid.peek();
  const x = (ms) => ((ms - begin) / (end - begin)) * plot.peek().width;
  return { left: x(from_ms), width: x(to_ms) - x(from_ms) };
}

function place(brush, at) {
  if (!brush) return;
  brush.hidden = !at;
  if (!at) return;
  const width = Math.max(HANDLE_PX, at.width);
  brush.style.left = `${at.left - (width - at.width) / 2}px`;
  brush.style.width = `${width}px`;
}

function draw(canvas) {
  const ratio = devicePixelRatio, width = plot.peek().width, height = canvas.parentElement.clientHeight;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const ctx = canvas.getContext("2d");
  ctx.scale(ratio, ratio);
  const { from_ms, to_ms, column_ms } = grid.peek();
  const { cpu, memory, events } = strip.peek();
  const x = (ms) => ((ms - from_ms) / (to_ms - from_ms)) * width;
  const base = height - 14;
  const gap_ms = Math.max(2.5 * interval_ms.peek(), 1.5 * column_ms);
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

/** Drag the brush to move it, its ends to resize, elsewhere to draw it anew; a click puts it there. */
function listen(box, brush) {
  let drag = null;
  const local = (event) => event.clientX - box.getBoundingClientRect().left;
  const msAt = (x) => grid.peek().from_ms + (x / plot.peek().width) * (grid.peek().to_ms - grid.peek().from_ms);
  const dragged = (x) => {
    const by = x - drag.x, { left, right } = drag;
    if (drag.kind === "move") return [left + by, right + by];
    if (drag.kind === "left") return [Math.min(left + by, right), Math.max(left + by, right)];
    if (drag.kind === "right") return [Math.min(left, right + by), Math.max(left, right + by)];
    return [Math.min(drag.x, x), Math.max(drag.x, x)];
  };
  const handlers = {
    pointerdown(event) {
      if (event.button !== 0 || !grid.peek()) return;
      event.stopPropagation();
      const x = local(event);
      const { left, width } = positions(view.peek().from_ms, end_ms.peek());
      const right = left + width;
      const near = (edge) => Math.abs(x - edge) <= HANDLE_PX;
      const kind = near(left) && width > 3 * HANDLE_PX ? "left" : near(right) && width > 3 * HANDLE_PX ? "right" : x > left && x < right ? "move" : "new";
      drag = { x, kind, left, right };
      box.setPointerCapture(event.pointerId);
    },
    pointermove(event) {
      event.stopPropagation();
      if (!drag) return;
      const [left, right] = dragged(local(event));
      place(brush, { left, width: right - left });
    },
    pointerup(event) {
      if (!drag) return;
      const x = local(event), [left, right] = dragged(x);
      const { kind, x: began } = drag;
      drag = null;
      const half = (view.peek().to_ms - view.peek().from_ms) / 2;
      if (Math.abs(x - began) >= LEAST_PX) zoom(msAt(left), msAt(right));
      else if (kind === "new") zoom(msAt(x) - half, msAt(x) + half);
      else place(brush, positions(view.peek().from_ms, end_ms.peek()));
    },
    pointercancel() {
      drag = null;
      place(brush, positions(view.peek().from_ms, end_ms.peek()));
    },
    dblclick: (event) => event.stopPropagation(),
  };
  for (const [name, handler] of Object.entries(handlers)) box.addEventListener(name, handler);
  return () => Object.entries(handlers).forEach(([name, handler]) => box.removeEventListener(name, handler));
}
