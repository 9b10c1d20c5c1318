// Draws a wall: for each row a band of pixels, whose shade is the highest value in the time of the pixel, with marks in the row.

import { hatch, labelFont } from "../../browser/canvas.js";
import { lineStyle } from "../../browser/line-styles.js";
import { cssToken } from "../../browser/theme-colours.js";
import { limitsOfRow } from "../../derived/wall-rows.js";
import { nodeGaps } from "../../derived/lane-lines.js";
import { columnAt } from "../../lib/wall/cells.js";
import { pixelOfColour, rampOf, shadeOf } from "../../lib/wall/ramp.js";
import { end_ms, kills, view } from "../../state/store.js";

/** The colours of the ramp, from the lowest, as CSS tokens. */
export const RAMP_TOKENS = ["w0", "w1", "w2", "w3", "w4"];
const MIN_MARK_SHARE = 0.1; // a smaller share of throttled time, or of time under pressure, is not marked
const MARK_OF_ROW = 1 / 3; // height of a mark, as a share of the row
const SPACED_PX = 6; // rows of this height or more are separated by a line
const LABEL_PX = 12; // minimum distance of two labels
const MIN_GAP_PX = 6; // minimum width of a hatched gap
const CROSS_PX = 4; // half the width of the cross of an OOM kill

/** The edges of rows in whole pixels: row i is from edge i to edge i + 1. */
export const rowEdges = (count, height) => Int32Array.from({ length: count + 1 }, (_, i) => Math.round((i * height) / count));

/**
 * Draw a wall. `left`, `width`, `height`: of the plot in CSS px; the labels are left of it. `lines`: the workloads that are shown as
 * lines on other lanes. Gaps and kills are known of the view, not of the other range (`isOther`).
 */
export function drawWall(canvas, wall, { left, width, height }, lines) {
  const ratio = devicePixelRatio;
  const size = [Math.round((left + width) * ratio), Math.round(height * ratio)];
  [canvas.width, canvas.height] = size;
  const ctx = canvas.getContext("2d");
  const plot = { left: Math.round(left * ratio), width: size[0] - Math.round(left * ratio), height: size[1] };
  if (plot.width <= 0 || plot.height <= 0 || wall.rows.length === 0) return;
  const edges = rowEdges(wall.rows.length, plot.height);
  ctx.putImageData(pixelsOf(wall, plot, edges, ratio), plot.left, 0);
  if (!wall.isOther) {
    drawGaps(ctx, plot, ratio);
    drawKills(ctx, wall, plot, edges, ratio);
  }
  drawLabels(ctx, wall, plot, edges, ratio, lines);
}

/** The column of the grid that each pixel shows; -1 after the end of the view. */
function columnsOfPixels(grid, width) {
  const { from_ms, to_ms } = view.peek();
  const scale = (to_ms - from_ms) / width;
  return Int32Array.from({ length: width }, (_, x) => {
    const ms = from_ms + (x + 0.5) * scale;
    return ms < end_ms.peek() ? columnAt(grid, ms) : -1;
  });
}

function pixelsOf(wall, plot, edges, ratio) {
  const image = new ImageData(plot.width, plot.height);
  const pixels = new Uint32Array(image.data.buffer);
  const ramp = rampOf(RAMP_TOKENS.map(cssToken));
  const markColour = pixelOfColour(cssToken(wall.lane.strip?.title === "throttled" ? "thr" : "psi"));
  const at = columnsOfPixels(wall.cells.grid, plot.width);
  const limitsAt = wall.limits && columnsOfPixels(wall.limits.grid, plot.width);
  const marksAt = wall.marks && columnsOfPixels(wall.marks.grid, plot.width);
  const plain = pixelOfColour(cssToken("fnt")); // of the line in a row that has no limit to be a share of
  const band = new Uint32Array(plot.width), marked = new Uint32Array(plot.width);
  wall.rows.forEach((row, i) => {
    const top = edges[i], end = edges[i + 1] - (edges[i + 1] - edges[i] >= SPACED_PX * ratio ? Math.round(ratio) : 0);
    const ofRow = wall.scale === "limit" ? limitsOfRow(wall.limits, row.key) : null;
    const isUnlimited = wall.scale === "limit" && ofRow === null;
    fillBand(band, row, ofRow, wall, at, limitsAt, ramp);
    if (isUnlimited) band.forEach((pixel, x) => (band[x] = pixel && plain));
    const marks = wall.marks?.rows.get(row.key)?.cells;
    const hasMarks = marks !== undefined && fillMarks(marked, band, marks, marksAt, markColour, isUnlimited);
    const markTop = hasMarks ? end - Math.max(1, Math.round((end - top) * MARK_OF_ROW)) : end;
    const middle = (top + end) >> 1;
    for (let y = top; y < end; y += 1) if (!isUnlimited || y === middle || y >= markTop) pixels.set(y >= markTop ? marked : band, y * plot.width);
  });
  return image;
}

/** Fill the band of a row: a shade for each pixel, or nothing where nothing was recorded. */
function fillBand(band, { cells }, ofRow, { top }, at, limitsAt, ramp) {
  for (let x = 0; x < band.length; x += 1) {
    const value = cells[at[x]];
    if (value !== value || value === undefined) band[x] = 0;
    else band[x] = ramp[ofRow ? shadeOf(value, ofRow[limitsAt[x]], true) : shadeOf(value, top, false)];
  }
}

/** Fill the lower part of a row: its band, with the colour of the trouble where it had some. Returns whether it had any. */
function fillMarks(marked, band, marks, at, colour, isUnlimited) {
  let isMarked = false;
  for (let x = 0; x < band.length; x += 1) {
    const has = marks[at[x]] >= MIN_MARK_SHARE;
    marked[x] = has ? colour : isUnlimited ? 0 : band[x];
    isMarked ||= has;
  }
  return isMarked;
}

const xOf = (ms, plot) => plot.left + ((ms - view.peek().from_ms) / (view.peek().to_ms - view.peek().from_ms)) * plot.width;

function drawGaps(ctx, plot, ratio) {
  for (const [from_ms, to_ms] of nodeGaps.peek()) {
    const a = Math.max(plot.left, xOf(from_ms, plot)), b = Math.min(plot.left + plot.width, xOf(to_ms, plot));
    const width = Math.max(b - a, MIN_GAP_PX * ratio);
    if (b >= plot.left && a <= plot.left + plot.width) hatch(ctx, (a + b - width) / 2, 0, width, plot.height, cssToken("gap"), ratio);
  }
}

/** Draw a cross at each OOM kill, with an outline in the colour of the page, so that it stands out from any shade. */
function drawKills(ctx, wall, plot, edges, ratio) {
  const rowOf = new Map(wall.rows.flatMap(({ ids }, i) => ids.map((id) => [id, i])));
  const size = CROSS_PX * ratio;
  for (const { series, time_ms } of kills.peek()) {
    const i = rowOf.get(series), x = xOf(time_ms, plot);
    if (i === undefined || x < plot.left || x > plot.left + plot.width) continue;
    const y = Math.max(size, Math.min(plot.height - size, (edges[i] + edges[i + 1]) / 2));
    for (const [colour, width] of [["bg", 5], ["oom", 2]]) {
      ctx.strokeStyle = cssToken(colour);
      ctx.lineWidth = width * ratio;
      ctx.beginPath();
      for (const sign of [1, -1]) ctx.moveTo(x - size, y - sign * size), ctx.lineTo(x + size, y + sign * size);
      ctx.stroke();
    }
  }
}

/**
 * Draw the names of rows left of the plot, and the line styles of those that are shown as lines. If there is no room for all names,
 * those of the first rows, and of rows that are shown as lines, are drawn.
 */
function drawLabels(ctx, wall, plot, edges, ratio, lines) {
  const slots = new Map(lines.filter(({ slot }) => slot !== null).map(({ key, slot }) => [key, slot]));
  const counts = new Map();
  for (const { name } of wall.rows) counts.set(name, (counts.get(name) ?? 0) + 1);
  ctx.font = labelFont(11 * ratio);
  ctx.textBaseline = "middle";
  ctx.textAlign = "right";
  const middles = [];
  const labelled = wall.rows.map((row, i) => ({ row, i, slot: slots.get(row.key) }));
  for (const { row, i, slot } of labelled.sort((a, b) => (b.slot !== undefined) - (a.slot !== undefined) || a.i - b.i)) {
    const middle = (edges[i] + edges[i + 1]) / 2;
    if (slot !== undefined) {
      ctx.fillStyle = lineStyle(slot).colour;
      ctx.fillRect(plot.left - 5 * ratio, Math.min(edges[i], Math.round(middle - ratio)), 3 * ratio, Math.max(2 * ratio, edges[i + 1] - edges[i] - ratio));
    }
    const y = Math.max(6 * ratio, Math.min(plot.height - 6 * ratio, middle));
    if (middles.some((other) => Math.abs(other - y) < LABEL_PX * ratio)) continue;
    middles.push(y);
    ctx.fillStyle = cssToken(slot === undefined ? "mut" : "ink");
    ctx.fillText(shortened(ctx, counts.get(row.name) > 1 && row.pod_name ? row.pod_name : nameOfRow(row), plot.left - 10 * ratio), plot.left - 8 * ratio, y);
  }
}

/** The name of a row on a wall: that of its workload, or of its container or pod. */
export const nameOfRow = ({ name, workload }) => (!workload || workload === name ? name : `${workload}/${name}`);

/** The text, cut at its end if it is wider than `width`. */
function shortened(ctx, text, width) {
  if (ctx.measureText(text).width <= width) return text;
  let letters = text.length - 1;
  while (letters > 1 && ctx.measureText(`${text.slice(0, letters)}…`).width > width) letters -= 1;
  return `${text.slice(0, letters)}…`;
}
