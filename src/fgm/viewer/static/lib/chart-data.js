// Lines as uPlot draws them: broken where samples are missing and never bridged. Null and NaN are missing, and so is a
// silence of more than 2.5 intervals.

import { GAP_INTERVALS, rhythmOf } from "./lines.js";

/**
 * Lines as uPlot wants them: one x (s) for all, per line values with null inside gaps and undefined where only
 * other lines have a sample, and the indices of lone samples, which need a dot.
 *
 * `column_ms` is the width of a pixel column where the server reduced (M4), else 0: inside a column, distances
 * between its first, lowest, highest and last sample say nothing about gaps, and every line is drawn at the same
 * four places, so that many lines share few x.
 */
export function toChart(lines, interval_ms, column_ms = 0, origin_ms = 0) {
  const column = (ms) => (column_ms > 0 ? Math.floor((ms - origin_ms) / column_ms) : NaN);
  const known = lines.map((line) => {
    const { t, v } = line;
    const rhythm_ms = column_ms > 0 ? interval_ms : rhythmOf(line, interval_ms);
    const gap_ms = GAP_INTERVALS * rhythm_ms;
    const at = [], value = [], runs = [];
    let broken = false;
    for (let i = 0; i < t.length; i += 1) {
      if (!Number.isFinite(v[i])) {
        broken = rhythm_ms === interval_ms;
        continue;
      }
      const last = at.at(-1);
      const near = last !== undefined && (t[i] - last <= gap_ms || (column_ms > 0 && column(t[i]) === column(last)));
      if (broken || !near) runs.push(at.length);
      broken = false;
      at.push(t[i]);
      value.push(v[i]);
    }
    return { at: column_ms > 0 ? inQuarters(at, column, column_ms, origin_ms) : at, value, runs };
  });
  const { x, indexOf } = gridOf(known, column_ms > 0 ? column_ms / 4 : interval_ms) ?? unevenly(known);
  const lone = [];
  const columns = known.map(({ at, value, runs }) => {
    const column = new Array(x.length).fill(undefined);
    const dots = [];
    at.forEach((ms, i) => (column[indexOf(ms)] = value[i]));
    runs.forEach((start, r) => {
      const from = start === 0 ? -1 : indexOf(at[start - 1]);
      column.fill(null, from + 1, indexOf(at[start]));
      if ((runs[r + 1] ?? at.length) - start === 1) dots.push(indexOf(at[start]));
    });
    column.fill(null, at.length === 0 ? 0 : indexOf(at.at(-1)) + 1);
    lone.push(dots);
    return column;
  });
  return { data: [x, ...columns], lone };
}

/** An x at every step from the first to the last sample, as long as all samples lie on steps; else null. */
function gridOf(known, step_ms) {
  let first = Infinity, last = -Infinity, most = 0;
  for (const { at } of known) {
    if (at.length > 0) (first = Math.min(first, at[0])), (last = Math.max(last, at.at(-1)));
    most = Math.max(most, at.length);
  }
  const size = first > last ? 0 : Math.round((last - first) / step_ms) + 1;
  if (size > SPARSE * (most + 1)) return null;
  const indexOf = (ms) => Math.round((ms - first) / step_ms);
  const isOn = (ms) => Math.abs((ms - first) / step_ms - indexOf(ms)) < 1e-3;
  if (!known.every(({ at }) => at.every(isOn))) return null;
  return { x: Array.from({ length: size }, (_, i) => (first + i * step_ms) / 1000), indexOf };
}
const SPARSE = 40; // so many steps a sample are too many

/** An x for every sample, wherever it lies. */
function unevenly(known) {
  const times = new Set();
  for (const { at, runs } of known) {
    for (const ms of at) times.add(ms);
    // A gap that no other line has a sample in needs one x of its own to be broken at.
    for (const start of runs) if (start > 0) times.add((at[start - 1] + at[start]) / 2);
  }
  const all = Float64Array.from(times).sort();
  const index = new Map();
  all.forEach((ms, i) => index.set(ms, i));
  return { x: Array.from(all, (ms) => ms / 1000), indexOf: (ms) => index.get(ms) };
}

function inQuarters(at, column, column_ms, origin_ms) {
  const places = [];
  for (let i = 0, end; i < at.length; i = end) {
    end = i + 1;
    while (end < at.length && column(at[end]) === column(at[i])) end += 1;
    const many = end - i;
    for (let k = 0; k < many; k += 1) {
      const place = k > 0 && k === many - 1 ? Math.max(3, k) : k;
      places.push(origin_ms + (column(at[i]) + (place + 0.5) / Math.max(4, many)) * column_ms);
    }
  }
  return places;
}
