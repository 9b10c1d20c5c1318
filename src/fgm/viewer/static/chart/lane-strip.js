// The strip under a lane: how much of the time who is shown was held back. Amber hatch for throttling, violet for pressure;
// the height is the share, of whoever was held back most.

import { computed, effect } from "../vendor/signals.js";
import { hatch, themeTurn, token } from "../browser/theme.js";
import { html, useEffect, useRef } from "../browser/html.js";
import { peakIn, shareOf } from "../lib/lines.js";
import { end_ms, explained, plot, shown, view } from "../state/store.js";
import { dated } from "../lib/time-format.js";

const HIGH_PX = 12;
const LEAST_PX = { throttled: 4, PSI: 1 };
const LEAST_SHARE = 0.01; // below that a strip would be noise

/** The highest share of each pixel column of the view among some series: Float64Array of the plot's width, with 0 for none. */
function columnsOf(metric, ids, width) {
  const columns = new Float64Array(Math.max(0, width));
  const { from_ms, to_ms } = view.value;
  for (const line of explained.value?.lines.get(metric) ?? []) {
    if (ids.has(line.id)) shareOf(line, from_ms, to_ms, end_ms.value, explained.value.interval_ms, columns);
  }
  return columns;
}

export function Strip({ lane }) {
  const canvas = useRef(null);
  const { title, some, full } = lane.strip;
  useEffect(() => {
    let frame = 0;
    const drawn = computed(() => {
      const ids = new Set(shown.value.flatMap((entry) => entry.ids));
      const { width } = plot.value;
      return { width, some: columnsOf(some, ids, width), full: full && columnsOf(full, ids, width) };
    });
    const stop = effect(() => {
      themeTurn.value, drawn.value;
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(() => canvas.current && draw(canvas.current, title, drawn.peek()));
    });
    return () => (stop(), cancelAnimationFrame(frame));
  }, [title, some, full]);
  return html`<div class="ribbon"><div class="gutter" aria-hidden="true">${title}</div>
    <div class="box" role="img" aria-label=${inWords(title, some)}><canvas ref=${canvas}></canvas></div></div>`;
}

/** "throttled: at most 80 % at 17:51:09, api-gateway". */
function inWords(title, metric) {
  const ids = new Map(shown.value.flatMap((entry) => entry.ids.map((id) => [id, entry.series.name])));
  const lines = (explained.value?.lines.get(metric) ?? []).filter(({ id }) => ids.has(id));
  const peak = peakIn(lines, view.value.from_ms, end_ms.value);
  if (!(peak?.value > LEAST_SHARE)) return `${title}: none in view`;
  return `${title}: at most ${Math.round(100 * peak.value)} % at ${dated(peak.ms, view.value)}, ${ids.get(peak.line.id)}`;
}

function draw(canvas, title, { width, some, full }) {
  const ratio = devicePixelRatio;
  canvas.width = Math.round(width * ratio);
  canvas.height = HIGH_PX * ratio;
  const ctx = canvas.getContext("2d");
  ctx.scale(ratio, ratio);
  const bars = (columns, paint) => {
    for (let from = 0, x = 1; x <= width; x += 1) {
      if (x < width && columns[x] === columns[from]) continue;
      if (columns[from] > LEAST_SHARE) {
        const high = Math.max(LEAST_PX[title], Math.min(1, columns[from]) * HIGH_PX);
        paint(from, HIGH_PX - high, x - from, high);
      }
      from = x;
    }
  };
  if (title === "throttled") {
    bars(some, (x, y, wide, high) => {
      ctx.fillStyle = token("thr");
      ctx.globalAlpha = 0.28;
      ctx.fillRect(x, y, Math.max(2, wide), high);
      ctx.globalAlpha = 1;
      hatch(ctx, x, y, Math.max(2, wide), high, token("thr"), 1, { width: 1.5, alpha: 1 });
    });
    return;
  }
  for (const [columns, colour] of [[some, "psi2"], [full, "psi"]]) {
    ctx.fillStyle = token(colour);
    if (columns) bars(columns, (x, y, wide, high) => ctx.fillRect(x, y, wide, high));
  }
}
