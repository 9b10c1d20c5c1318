// Draws lines of a view that is reduced to pixel columns: each as a band from the lowest to the highest sample of each column, with
// the mean in it. Lines through all extremes would fill the same area, and hide each other.

import { lineStyle } from "../browser/line-styles.js";
import { GAP_INTERVALS, columnsOf } from "../lib/lines.js";

const OPACITY = 0.4, MAX_OPACITY = 0.22, MIN_OPACITY = 0.06; // of all bands together, and of one, so that those below are seen
const SPIKE_RATIO = 3, MIN_SPIKE_PX = 8; // a band that is so much higher than usual for its line is drawn solid

/**
 * Draw bands and means on the canvas of a uPlot. `lines`: [{line, entry, mean}], where `mean` is a line with the mean of each
 * column, or null. `grid`: {column_ms, origin_ms, interval_ms}.
 */
export function drawBands(u, lines, grid) {
  const { ctx } = u;
  const { left, top, width, height } = u.bbox;
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top - devicePixelRatio, width, height + 2 * devicePixelRatio);
  ctx.clip();
  const opacity = Math.max(MIN_OPACITY, Math.min(MAX_OPACITY, OPACITY / lines.length));
  for (const { line, entry } of lines) drawBand(u, line, lineStyle(entry.slot), opacity, grid);
  for (const { mean, entry } of lines) if (mean) drawMean(u, mean, lineStyle(entry.slot), grid);
  ctx.restore();
}

function drawBand(u, line, { colour }, opacity, { column_ms, origin_ms }) {
  const { ctx } = u;
  const x = (column) => Math.round(u.valToPos((origin_ms + column * column_ms) / 1000, "x", true));
  const y = (value) => u.valToPos(value, "y", true);
  const { min, max } = u.scales.x;
  const bars = [];
  for (const { column, low, high } of columnsOf(line, column_ms, origin_ms)) {
    const from_s = (origin_ms + column * column_ms) / 1000;
    if (from_s + column_ms / 1000 < min || from_s > max) continue;
    const at = x(column), y0 = y(high);
    bars.push({ at, width: Math.max(1, x(column + 1) - at), y0, height: Math.max(devicePixelRatio, y(low) - y0) });
  }
  const usual = bars.map((bar) => bar.height).sort((a, b) => a - b)[bars.length >> 1] ?? 0;
  const spike = Math.max(SPIKE_RATIO * usual, MIN_SPIKE_PX * devicePixelRatio);
  ctx.fillStyle = colour;
  for (const isSpike of [false, true]) {
    ctx.globalAlpha = isSpike ? 1 : opacity;
    ctx.beginPath();
    for (const bar of bars) if (bar.height > spike === isSpike) ctx.rect(bar.at, bar.y0, bar.width, bar.height);
    ctx.fill();
  }
  ctx.globalAlpha = 1;
}

function drawMean(u, { t, v }, { colour, dash = [], width }, { column_ms, interval_ms }) {
  const { ctx } = u;
  const ratio = devicePixelRatio;
  const gap_ms = GAP_INTERVALS * Math.max(column_ms, interval_ms);
  const half = (ratio * width) / 2;
  ctx.strokeStyle = colour;
  ctx.lineWidth = width * ratio;
  ctx.setLineDash(dash.map((length) => length * ratio));
  ctx.beginPath();
  t.forEach((ms, i) => {
    const x = u.valToPos(ms / 1000, "x", true), y = u.valToPos(v[i], "y", true);
    if (i > 0 && ms - t[i - 1] <= gap_ms) return ctx.lineTo(x, y);
    ctx.moveTo(x - half, y);
    ctx.lineTo(x + half, y); // a lone mean between two gaps is a dot
  });
  ctx.stroke();
  ctx.setLineDash([]);
}
