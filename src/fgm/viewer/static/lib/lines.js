// Lines of samples. A line is one metric of one series during one life: {id, metric, unit, life, t, v}. t: ascending times (epoch
// ms); v: values, null if a sample is missing.

/** Maximum distance between two samples, in intervals, that is not a gap. */
export const GAP_INTERVALS = 2.5;
const KILL_MS = 5000; // maximum time between the last sample of a series and the event of its kill
const MIN_REGULAR = 3; // minimum number of equal distances between samples that show the interval of a line

/** The line of a series in an API response. The arrays t and v are never changed in place. */
export function lineFromSeries({ id, metric, unit, life, t_ms, value }) {
  return { id, metric, unit, life, t: t_ms, v: value };
}

const indexes = new WeakMap(); // lines of a metric → {byId: Map(id → lines), size}

/** The lines of a metric and of some series, in the order of the ids. `samples`: loaded samples, or null. */
export function linesOf(samples, metric, ids) {
  const lines = samples?.lines.get(metric);
  if (!lines) return [];
  if (indexes.get(lines)?.size !== lines.length) {
    const byId = new Map();
    for (const line of lines) byId.set(line.id, [...(byId.get(line.id) ?? []), line]);
    indexes.set(lines, { byId, size: lines.length });
  }
  return ids.flatMap((id) => indexes.get(lines).byId.get(id) ?? []);
}

/** Add newer samples to a line. They replace samples of the same time, but a null never replaces a value. */
export function mergeLine(line, newer) {
  if (newer.t.length === 0) return;
  // Usually only the last few samples overlap, so all before them are copied as a whole.
  let i = firstAtOrAfter(line.t, newer.t[0]), k = 0;
  const t = line.t.slice(0, i), v = line.v.slice(0, i);
  while (i < line.t.length || k < newer.t.length) {
    const old_ms = line.t[i] ?? Infinity, new_ms = newer.t[k] ?? Infinity;
    t.push(Math.min(old_ms, new_ms));
    if (old_ms < new_ms) v.push(line.v[i++]);
    else if (new_ms < old_ms) v.push(newer.v[k++]);
    else v.push(newer.v[k++] ?? line.v[i]), (i += 1);
  }
  line.t = t;
  line.v = v;
}

/** Drop the samples before `from_ms`. */
export function dropUntil(line, from_ms) {
  const i = firstAtOrAfter(line.t, from_ms);
  if (i > 0) {
    line.t = line.t.slice(i);
    line.v = line.v.slice(i);
  }
}

/** Drop the samples at and after `from_ms`. */
export function dropFrom(line, from_ms) {
  const i = firstAtOrAfter(line.t, from_ms);
  line.t = line.t.slice(0, i);
  line.v = line.v.slice(0, i);
}

/** The first, lowest, highest and last sample of each pixel column of an API series: {t_ms, value}. */
export function columnExtremes({ t_ms, value }, column_ms, origin_ms) {
  const column = (ms) => Math.floor((ms - origin_ms) / column_ms);
  const kept = [];
  for (let i = 0, end; i < t_ms.length; i = end) {
    end = i;
    const present = [];
    while (end < t_ms.length && column(t_ms[end]) === column(t_ms[i])) {
      if (value[end] !== null) present.push(end);
      end += 1;
    }
    const best = (isBetter) => present.reduce((a, k) => (isBetter(value[k], value[a]) ? k : a), present[0]);
    if (present.length > 0) kept.push(...new Set([present[0], best((a, b) => a < b), best((a, b) => a > b), present.at(-1)].sort((a, b) => a - b)));
  }
  return { t_ms: kept.map((i) => t_ms[i]), value: kept.map((i) => value[i]) };
}

/** The lowest and highest sample of each pixel column that has some: [{column, low, high}], in ascending order. */
export function columnsOf({ t, v }, column_ms, origin_ms) {
  const columns = [];
  let last = null;
  for (let i = 0; i < t.length; i += 1) {
    const value = v[i];
    if (value === null) continue;
    const column = Math.floor((t[i] - origin_ms) / column_ms);
    if (last?.column !== column) columns.push((last = { column, low: value, high: value }));
    else if (value < last.low) last.low = value;
    else if (value > last.high) last.high = value;
  }
  return columns;
}

/** Index of the first time at or after `ms`. */
function firstAtOrAfter(t, ms) {
  let low = 0, high = t.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (t[middle] < ms) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The highest value in [from_ms, to_ms); null without samples. For the value of one tick, pass a range of one interval. */
export function highestIn(line, from_ms, to_ms) {
  let highest = null;
  for (let i = firstAtOrAfter(line.t, from_ms); i < line.t.length && line.t[i] < to_ms; i += 1) {
    const value = line.v[i];
    if (value !== null && (highest === null || value > highest)) highest = value;
  }
  return highest;
}

/** The first, lowest, highest and last sample in [from_ms, to_ms), each {value, ms}; null without samples. */
export function extremesIn(line, from_ms, to_ms) {
  let extremes = null;
  for (let i = firstAtOrAfter(line.t, from_ms); i < line.t.length && line.t[i] < to_ms; i += 1) {
    if (line.v[i] === null) continue;
    const sample = { value: line.v[i], ms: line.t[i] };
    extremes ??= { first: sample, lowest: sample, highest: sample, last: sample };
    if (sample.value < extremes.lowest.value) extremes.lowest = sample;
    if (sample.value > extremes.highest.value) extremes.highest = sample;
    extremes.last = sample;
  }
  return extremes;
}

/**
 * Raise each pixel column of [from_ms, to_ms) to the highest value of a line in it, up to `end_ms`. A value covers the interval
 * before its sample.
 */
export function raiseColumns(line, from_ms, to_ms, end_ms, interval_ms, columns) {
  const scale = columns.length / (to_ms - from_ms);
  for (let i = firstAtOrAfter(line.t, from_ms); i < line.t.length && line.t[i] < end_ms; i += 1) {
    const value = line.v[i];
    if (value === null || value === 0) continue;
    const until = Math.min(columns.length - 1, Math.floor((line.t[i] - from_ms) * scale));
    const since = Math.max(0, Math.floor((line.t[i] - interval_ms - from_ms) * scale) + 1);
    for (let x = Math.min(since, until); x <= until; x += 1) if (value > columns[x]) columns[x] = value;
  }
}

/** The highest value in [from_ms, to_ms); null without one. For a metric that is sampled less often: the last value before. */
export function valueAt(line, from_ms, to_ms, interval_ms) {
  const value = highestIn(line, from_ms, to_ms);
  const lineInterval_ms = value === null && to_ms - from_ms <= interval_ms ? lineInterval(line, interval_ms) : interval_ms;
  if (lineInterval_ms === interval_ms) return value;
  for (let i = firstAtOrAfter(line.t, from_ms) - 1; i >= 0 && from_ms - line.t[i] <= GAP_INTERVALS * lineInterval_ms; i -= 1) {
    if (line.v[i] !== null) return line.v[i];
  }
  return null;
}

/**
 * The highest value just before and just after [from_ms, to_ms), if there are both. Of minutes, only the lowest and highest samples
 * are known, and a pixel column between two minutes may have none of them.
 */
export function highestNear(line, from_ms, to_ms, step_ms) {
  const before = highestIn(line, from_ms - step_ms, from_ms), after = highestIn(line, to_ms, to_ms + step_ms);
  return before === null || after === null ? null : Math.max(before, after);
}

/** Index of a series' last sample before a kill that was recorded at `ms`; -1 if there is none shortly before. */
export function lastSampleBeforeKill({ t, v }, ms) {
  const last = t.findLastIndex((time_ms, i) => time_ms <= ms && v[i] !== null);
  return last >= 0 && ms - t[last] <= KILL_MS ? last : -1;
}

/** The highest sample of several lines in [from_ms, to_ms): {value, ms, line}; null without samples. */
export function peakOf(lines, from_ms, to_ms) {
  let peak = null;
  for (const line of lines) {
    for (let i = firstAtOrAfter(line.t, from_ms); i < line.t.length && line.t[i] < to_ms; i += 1) {
      const value = line.v[i];
      if (value !== null && (peak === null || value > peak.value)) peak = { value, ms: line.t[i], line };
    }
  }
  return peak;
}

const lineIntervals = new WeakMap(); // values → ms

/**
 * The interval between the samples of a line. It is `interval_ms`, or a longer one if the metric is sampled less often and has
 * nulls in between. A longer interval is recognized only if several samples have the same distance.
 */
export function lineInterval(line, interval_ms) {
  if (startsWithin(line, interval_ms)) return interval_ms; // as nearly all do: nothing is more often than that
  if (!lineIntervals.has(line.v)) lineIntervals.set(line.v, commonDistance(line));
  return Math.max(interval_ms, lineIntervals.get(line.v));
}

/** Whether the first two samples, both with a value, are at most one interval apart. */
const startsWithin = ({ t, v }, interval_ms) => t.length > 1 && v[0] !== null && v[1] !== null && t[1] - t[0] <= interval_ms;

function commonDistance(line) {
  let shortest = Infinity, regular = 0, distances = 0;
  eachDistance(line, (ms) => (shortest = Math.min(shortest, ms)));
  eachDistance(line, (ms) => {
    distances += 1;
    if (ms < 1.5 * shortest) regular += 1;
  });
  return regular >= MIN_REGULAR && regular > distances / 2 ? shortest : 0;
}

/** Call `take` with each distance between two samples that have a value, ms. */
function eachDistance({ t, v }, take) {
  let last_ms = null;
  for (let i = 0; i < t.length; i += 1) {
    if (v[i] === null) continue;
    if (last_ms !== null) take(t[i] - last_ms);
    last_ms = t[i];
  }
}

/** The gaps of a line that should have a sample in every interval, such as the node's: [[from_ms, to_ms]]. */
export function gapsOf(line, interval_ms) {
  const gaps = [];
  for (let i = 1; i < line.t.length; i += 1) {
    if (line.t[i] - line.t[i - 1] > GAP_INTERVALS * interval_ms) gaps.push([line.t[i - 1], line.t[i]]);
  }
  return gaps;
}
