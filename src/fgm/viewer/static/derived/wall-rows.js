// The content of each wall: its rows in their order, their shades, and the highest value.

import { computed } from "../vendor/signals.js";
import { rowPairs } from "../lib/compare/pairing.js";
import { columnAt, highestCell, sortedRows } from "../lib/wall/cells.js";
import { otherRange, pairedIds } from "../state/compare/other-range.js";
import { otherSeries, seriesInView } from "../state/compare/other-series.js";
import { otherCells } from "../state/compare/other-walls.js";
import { byId, cursor_ms, end_ms, view } from "../state/store.js";
import { wallCells } from "../state/wall/wall-data.js";
import { colourScale, rowOrder, wallLanes } from "../state/wall/walls.js";

const RESORTED = 0.1; // share of the columns that may be new before the rows of a live view are sorted again

const sorted = new Map(); // metric → {keys, order, grid, size}

/** The rows of cells in their order. While a live view moves, they keep their places for a while. */
function inOrder(metric, { rows, grid, idsKey, complete_from_ms }, order) {
  const last = sorted.get(metric);
  const moved = last ? Math.abs(grid.from_ms - last.grid.from_ms) / (grid.column_ms * grid.columns) : 1;
  const isSame = last && last.order === order && last.idsKey === idsKey && last.grid.column_ms === grid.column_ms && moved < RESORTED
    && last.complete_from_ms <= complete_from_ms;
  if (!isSame || [...rows.keys()].some((key) => !last.places.has(key))) {
    const keys = sortedRows([...rows.values()], order).map(({ key }) => key);
    sorted.set(metric, { order, idsKey, grid, complete_from_ms, places: new Set(keys) });
  }
  return [...sorted.get(metric).places].map((key) => rows.get(key)).filter(Boolean);
}

/**
 * The walls by lane: Map(lane key → {lane, cells, rows, marks, scale, limits, top, other}). cells: those of its metric; rows: in order, and
 * after them those that are in the other range only (isGone); marks: cells of the metric that explains it; top: the value of the last shade
 * (of each row: its limit), 0 without a value; other: {cells, rows, marks, limits, peak} of the other range with the same rows, or null.
 */
export const walls = computed(() => new Map(wallLanes.value.flatMap((lane) => {
  const cells = wallCells.value.get(lane.metric);
  if (!cells) return [];
  const inView = inOrder(lane.metric, cells, rowOrder.value), other = otherOf(lane, inView);
  const rows = other ? [...inView, ...other.rows.slice(inView.length).map((row) => ({ ...row, cells: new Float32Array(cells.grid.columns).fill(NaN), isGone: true }))] : inView;
  const limits = wallCells.value.get(lane.limit), ofNode = wallCells.value.get(`node ${lane.whole ?? lane.metric}`);
  const nodeTop = Math.max(0, ...[...(ofNode?.rows.values() ?? [])].map(({ max }) => max));
  const scale = colourScale.value === "limit" && lane.limit ? "limit" : colourScale.value === "node" && nodeTop > 0 ? "node" : "absolute";
  const peak = peakOfRows(inView, cells.grid), highest = Math.max(peak?.value ?? 0, other?.peak?.value ?? 0);
  return [[lane.key, { lane, cells, rows, peak, marks: wallCells.value.get(lane.strip?.some) ?? null, scale, limits: scale === "limit" ? limits : null, top: scale === "node" ? nodeTop : highest, other }]];
})));

/** What the other range has in the rows of a lane: {cells, rows, marks, limits}; null without it. Its rows have the keys of those in view. */
function otherOf(lane, inView) {
  const cells = otherRange.value === null ? undefined : otherCells.value.get(lane.metric);
  if (!cells) return null;
  const places = rowPairs(inView, cells.rows, byId.value, otherSeries.value, seriesInView.value, pairedIds.value);
  const placed = (all) => all && { ...all, rows: new Map([...places].map(([key, other]) => [key, all.rows.get(other)]).filter(([, row]) => row)) };
  const [values, marks, limits] = [lane.metric, lane.strip?.some, lane.limit].map((metric) => placed(otherCells.value.get(metric)) ?? null);
  const none = new Float32Array(cells.grid.columns).fill(NaN), facts = new Map(inView.map((row) => [row.key, row]));
  const rows = [...places.keys()].map((key) => {
    const row = values.rows.get(key);
    return { ...(facts.get(key) ?? row), cells: row?.cells ?? none, max_ms: row?.max_ms };
  });
  return { cells: values, rows, marks, limits, peak: peakOfRows(rows, cells.grid) };
}

/** The highest cell in view: {value, ms, row}; null without one. What is outside of all rows counts only if there is nothing else. */
function peakOfRows(all, grid) {
  const others = all.filter(({ scope }) => scope !== "outside"), rows = others.length > 0 ? others : all;
  const from = columnAt(grid, view.value.from_ms), to = columnAt(grid, end_ms.value - 1) + 1;
  let peak = null;
  for (const row of rows) {
    const highest = highestCell(row.cells, from, to);
    if (highest && highest.value > (peak?.value ?? -1)) peak = { ...highest, row };
  }
  if (!peak) return null;
  const ms = grid.from_ms + peak.column * grid.column_ms;
  const isExact = peak.row.max_ms >= ms && peak.row.max_ms < ms + grid.column_ms;
  return { value: peak.value, ms: isExact ? peak.row.max_ms : ms, row: peak.row };
}

/** The limits of a row in each column of their grid, from the nearest column that has one; null if it has none. */
export function limitsOfRow(limits, key) {
  const cells = limits?.rows.get(key)?.cells;
  if (!cells?.some((value) => value > 0)) return null;
  const filled = Float32Array.from(cells);
  for (let i = 1; i < filled.length; i += 1) if (!(filled[i] > 0)) filled[i] = filled[i - 1];
  for (let i = filled.length - 2; i >= 0; i -= 1) if (!(filled[i] > 0)) filled[i] = filled[i + 1];
  return filled;
}

function valuesAtCursor({ cells, rows }) {
  const at = columnAt(cells.grid, cursor_ms.value);
  return new Map(rows.map((row) => [row.key, row.cells[at]]).filter(([, value]) => value === value && value !== undefined));
}

/** The value of each row of each wall at the cursor: Map(lane key → Map(row key → value)). */
export const wallValues = computed(() => new Map([...walls.value].map(([key, wall]) => [key, valuesAtCursor(wall)])));
/** The same of the other range; without lanes for which it is not loaded. */
export const otherWallValues = computed(() => new Map([...walls.value].filter(([, { other }]) => other !== null).map(([key, { other }]) => [key, valuesAtCursor(other)])));
