// Converts lines to the data of uPlot. A line is interrupted at missing values (null or NaN), and at gaps: more than
// GAP_INTERVALS without a sample.

import { GAP_INTERVALS, lineInterval } from "./lines.js";

const MAX_STEPS_PER_SAMPLE = 40; // with more, a shared grid of times would be mostly empty

/**
 * Convert lines to {data, lone} for uPlot.
 *
 * data: [x in s, one column of values per line]. A value is null inside a gap, and undefined at an x that only other lines have.
 * lone: for each line, the indices of single samples between two gaps, which are drawn as dots.
 *
 * `column_ms`: width of a pixel column if the viewer reduced the samples to extremes, else 0. Samples of one column may be far
 * apart without a gap. They are moved to four fixed times in each column, so that many lines share few values of x.
 */
export function toChartData(lines, interval_ms, column_ms = 0, origin_ms = 0) {
  const usual = column_ms > 0 ? null : everySampleOnGrid(lines, interval_ms);
  if (usual !== null) return usual;
  const columnOf = (ms) => (column_ms > 0 ? Math.floor((ms - origin_ms) / column_ms) : NaN);
  const traces = lines.map((line) => traceOf(line, interval_ms, column_ms, origin_ms, columnOf));
  const { x, indexOf } = regularGrid(traces, column_ms > 0 ? column_ms / 4 : interval_ms) ?? irregularGrid(traces);
  const lone = [];
  const columns = traces.map(({ times, values, runs }) => {
    const column = new Array(x.length).fill(undefined);
    const loneIndices = [];
    times.forEach((ms, i) => (column[indexOf(ms)] = values[i]));
    runs.forEach((start, r) => {
      const previous = start === 0 ? -1 : indexOf(times[start - 1]);
      column.fill(null, previous + 1, indexOf(times[start]));
      if ((runs[r + 1] ?? times.length) - start === 1) loneIndices.push(indexOf(times[start]));
    });
    column.fill(null, times.length === 0 ? 0 : indexOf(times.at(-1)) + 1);
    lone.push(loneIndices);
    return column;
  });
  return { data: [x, ...columns], lone };
}

/** The chart data of lines whose samples are all on the steps of one grid; null if one is not, or if the grid would be mostly empty. */
function everySampleOnGrid(lines, interval_ms) {
  let first_ms = Infinity, last_ms = -Infinity, maxSamples = 0;
  for (const { t, v } of lines) {
    let samples = 0;
    for (let i = 0; i < t.length; i += 1) {
      if (!Number.isFinite(v[i])) continue;
      samples += 1;
      if (t[i] < first_ms) first_ms = t[i];
      if (t[i] > last_ms) last_ms = t[i];
    }
    maxSamples = Math.max(maxSamples, samples);
  }
  const size = first_ms > last_ms ? 0 : (last_ms - first_ms) / interval_ms + 1;
  if (!Number.isInteger(size) || size > MAX_STEPS_PER_SAMPLE * (maxSamples + 1)) return null;
  const columns = [], lone = [];
  for (const line of lines) {
    const column = new Array(size).fill(undefined), loneIndices = [];
    if (!fillColumn(column, loneIndices, line, first_ms, interval_ms)) return null;
    columns.push(column);
    lone.push(loneIndices);
  }
  return { data: [Array.from({ length: size }, (_, i) => (first_ms + i * interval_ms) / 1000), ...columns], lone };
}

/** Fill the column of a line on a grid, and the indices of its lone samples. Returns false if a sample is between two steps. */
function fillColumn(column, loneIndices, line, first_ms, interval_ms) {
  const { t, v } = line;
  const lineInterval_ms = lineInterval(line, interval_ms);
  const gap_ms = GAP_INTERVALS * lineInterval_ms;
  let last = -1, last_ms = -Infinity, run = 0, isInterrupted = false;
  for (let i = 0; i < t.length; i += 1) {
    if (!Number.isFinite(v[i])) {
      isInterrupted = lineInterval_ms === interval_ms;
      continue;
    }
    const index = (t[i] - first_ms) / interval_ms;
    if (!Number.isInteger(index)) return false;
    if (isInterrupted || t[i] - last_ms > gap_ms) {
      if (run === 1) loneIndices.push(last);
      column.fill(null, last + 1, index);
      run = 0;
    }
    column[index] = v[i];
    isInterrupted = false;
    run += 1;
    last = index;
    last_ms = t[i];
  }
  if (run === 1) loneIndices.push(last);
  column.fill(null, last + 1);
  return true;
}

/** {times, values, runs}: the samples of a line without missing values, and the indices at which uninterrupted runs begin. */
function traceOf(line, interval_ms, column_ms, origin_ms, columnOf) {
  const { t, v } = line;
  const lineInterval_ms = column_ms > 0 ? interval_ms : lineInterval(line, interval_ms);
  const gap_ms = GAP_INTERVALS * lineInterval_ms;
  const times = [], values = [], runs = [];
  let isInterrupted = false;
  for (let i = 0; i < t.length; i += 1) {
    if (!Number.isFinite(v[i])) {
      isInterrupted = lineInterval_ms === interval_ms;
      continue;
    }
    const last_ms = times.at(-1);
    const isNear = last_ms !== undefined && (t[i] - last_ms <= gap_ms || (column_ms > 0 && columnOf(t[i]) === columnOf(last_ms)));
    if (isInterrupted || !isNear) runs.push(times.length);
    isInterrupted = false;
    times.push(t[i]);
    values.push(v[i]);
  }
  return { times: column_ms > 0 ? inQuarters(times, columnOf, column_ms, origin_ms) : times, values, runs };
}

/** {x, indexOf} with an x at every step from the first to the last sample; null if a sample is off the steps, or few have one. */
function regularGrid(traces, step_ms) {
  let first_ms = Infinity, last_ms = -Infinity, maxSamples = 0;
  for (const { times } of traces) {
    if (times.length > 0) (first_ms = Math.min(first_ms, times[0])), (last_ms = Math.max(last_ms, times.at(-1)));
    maxSamples = Math.max(maxSamples, times.length);
  }
  const size = first_ms > last_ms ? 0 : Math.round((last_ms - first_ms) / step_ms) + 1;
  if (size > MAX_STEPS_PER_SAMPLE * (maxSamples + 1)) return null;
  const indexOf = (ms) => Math.round((ms - first_ms) / step_ms);
  const isOnStep = (ms) => Math.abs((ms - first_ms) / step_ms - indexOf(ms)) < 1e-3;
  if (!traces.every(({ times }) => times.every(isOnStep))) return null;
  return { x: Array.from({ length: size }, (_, i) => (first_ms + i * step_ms) / 1000), indexOf };
}

/** {x, indexOf} with an x at the time of each sample. */
function irregularGrid(traces) {
  const times = new Set();
  for (const trace of traces) {
    for (const ms of trace.times) times.add(ms);
    // A gap in which no other line has a sample needs an x of its own for the null that interrupts the line.
    for (const start of trace.runs) if (start > 0) times.add((trace.times[start - 1] + trace.times[start]) / 2);
  }
  const sorted = Float64Array.from(times).sort();
  const index = new Map();
  sorted.forEach((ms, i) => index.set(ms, i));
  return { x: Array.from(sorted, (ms) => ms / 1000), indexOf: (ms) => index.get(ms) };
}

/** The times, moved to the centres of the quarters of their pixel columns. The last of several samples is in the last quarter. */
function inQuarters(times, columnOf, column_ms, origin_ms) {
  const moved = [];
  for (let i = 0, end; i < times.length; i = end) {
    end = i + 1;
    while (end < times.length && columnOf(times[end]) === columnOf(times[i])) end += 1;
    const count = end - i;
    for (let k = 0; k < count; k += 1) {
      const quarter = k > 0 && k === count - 1 ? Math.max(3, k) : k;
      moved.push(origin_ms + (columnOf(times[i]) + (quarter + 0.5) / Math.max(4, count)) * column_ms);
    }
  }
  return moved;
}
