// The strip below a lane: the share of time in which the shown containers were throttled (amber), also by the quotas of their pods,
// or under pressure (violet). The height of the strip is the highest share of any container.

import { computed, effect } from "../vendor/signals.js";
import { hatch, sizedContext } from "../browser/canvas.js";
import { cancelDraw, drawInNextFrame } from "../browser/frame.js";
import { html, useEffect, useRef } from "../browser/html.js";
import { cssToken } from "../browser/theme-colours.js";
import { peakOf, raiseColumns } from "../lib/lines.js";
import { clockIn } from "../lib/time-format.js";
import { dependsOn } from "../state/depends-on.js";
import { podIds, shown } from "../state/shown.js";
import { end_ms, explainingSamples, plot, podSamples, view } from "../state/store.js";
import { themeVersion } from "../state/theme.js";

const HEIGHT_PX = 12;
const MIN_BAR_PX = { throttled: 4, PSI: 1 };
const MIN_SHARE = 0.01; // a smaller share is not drawn

/** The series on a strip: Map(id → name). */
function seriesOn(title) {
  const pods = title === "throttled" ? shown.value.flatMap(({ key, series }) => podIds.value.get(key).map((id) => [id, `pod ${series.pod_name ?? series.name}`])) : [];
  return new Map([...pods, ...shown.value.flatMap(({ ids, series }) => ids.map((id) => [id, series.name]))]);
}

/** The highest share of these series in each pixel column of the view: Float64Array with one value per column. */
function columnsOf(metric, ids, width) {
  const columns = new Float64Array(Math.max(0, width));
  const { from_ms, to_ms } = view.value;
  for (const samples of [explainingSamples.value, podSamples.value]) {
    for (const line of samples?.lines.get(metric) ?? []) if (ids.has(line.id)) raiseColumns(line, from_ms, to_ms, end_ms.value, samples.interval_ms, columns);
  }
  return columns;
}

/** The strip of a lane. The lane must have one (`lane.strip`). */
export function LaneStrip({ lane }) {
  const canvas = useRef(null);
  const { title, some, full } = lane.strip;
  useEffect(() => {
    const columns = computed(() => {
      const ids = seriesOn(title);
      const { width } = plot.value;
      return { width, some: columnsOf(some, ids, width), full: full && columnsOf(full, ids, width) };
    });
    const drawNow = () => canvas.current && draw(canvas.current, title, columns.peek());
    const stop = effect(() => {
      dependsOn(themeVersion, columns);
      drawInNextFrame(drawNow);
    });
    return () => (stop(), cancelDraw(drawNow));
  }, [title, some, full]);
  return html`<div class="ribbon"><div class="gutter" aria-hidden="true">${title}</div>
    <div class="box" role="img" aria-label=${description(title, some)}><canvas ref=${canvas}></canvas></div></div>`;
}

/** The text for screen readers: "throttled: max 80 % at 17:51:09, api-gateway". */
function description(title, metric) {
  const names = seriesOn(title);
  const lines = [explainingSamples.value, podSamples.value].flatMap((samples) => samples?.lines.get(metric) ?? []).filter(({ id }) => names.has(id));
  const peak = peakOf(lines, view.value.from_ms, end_ms.value);
  if (!(peak?.value > MIN_SHARE)) return `${title}: none in view`;
  return `${title}: max ${Math.round(100 * peak.value)} % at ${clockIn(peak.ms, view.value)}, ${names.get(peak.line.id)}`;
}

function draw(canvas, title, { width, some, full }) {
  const ctx = sizedContext(canvas, width, HEIGHT_PX);
  const bars = (columns, paint) => {
    for (let from = 0, x = 1; x <= width; x += 1) {
      if (x < width && columns[x] === columns[from]) continue;
      if (columns[from] > MIN_SHARE) {
        const barHeight = Math.max(MIN_BAR_PX[title], Math.min(1, columns[from]) * HEIGHT_PX);
        paint(from, HEIGHT_PX - barHeight, x - from, barHeight);
      }
      from = x;
    }
  };
  if (title === "throttled") {
    bars(some, (x, y, barWidth, barHeight) => {
      ctx.fillStyle = cssToken("thr");
      ctx.globalAlpha = 0.28;
      ctx.fillRect(x, y, Math.max(2, barWidth), barHeight);
      ctx.globalAlpha = 1;
      hatch(ctx, x, y, Math.max(2, barWidth), barHeight, cssToken("thr"), 1, { width: 1.5, alpha: 1 });
    });
    return;
  }
  for (const [columns, colour] of [[some, "psi2"], [full, "psi"]]) {
    ctx.fillStyle = cssToken(colour);
    if (columns) bars(columns, (x, y, barWidth, barHeight) => ctx.fillRect(x, y, barWidth, barHeight));
  }
}
