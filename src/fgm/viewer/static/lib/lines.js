// Lines and what they say: a line is one series in one life, with ascending times and null where a sample is missing.

/** A silence of more than so many intervals is a gap. */
export const GAP_INTERVALS = 2.5;

/** {t, v} of an API series: ascending times (ms), null where a value is missing. Neither is ever changed in place. */
export function lineOf({ id, metric, unit, life, t_ms, value }) {
  return { id, metric, unit, life, t: t_ms, v: value };
}

const byId = new WeakMap(); // lines of a metric → Map(id → lines)

/** The lines of some series in an answer: those of one series together, in the order of the ids. */
export function linesOf(answer, metric, ids) {
  const lines = answer?.lines.get(metric);
  if (!lines) return [];
  if (byId.get(lines)?.size !== lines.length) {
    const of = new Map();
    for (const line of lines) of.set(line.id, [...(of.get(line.id) ?? []), line]);
    byId.set(lines, { of, size: lines.length });
  }
  return ids.flatMap((id) => byId.get(lines).of.get(id) ?? []);
}

/** Append or overwrite `line` with a newer answer; a null never erases a value that is known. */
export function mergeLine(line, newer) {
  if (newer.t.length === 0) return;
  if (line.t.length === 0 || newer.t[0] > line.t.at(-1)) {
    line.t = line.t.concat(newer.t);
    line.v = line.v.concat(newer.v);
    return;
  }
  const t = [], v = [];
  let i = 0, k = 0;
  while (i < line.t.length || k < newer.t.length) {
    const old = line.t[i] ?? Infinity, fresh = newer.t[k] ?? Infinity;
    t.push(Math.min(old, fresh));
    if (old < fresh) v.push(line.v[i++]);
    else if (fresh < old) v.push(newer.v[k++]);
    else v.push(newer.v[k++] ?? line.v[i]), (i += 1);
  }
  line.t = t;
  line.v = v;
}

/** Forget samples before `from_ms`. */
export function trimLine(line, from_ms) {
  const at = firstAtOrAfter(line.t, from_ms);
  if (at > 0) {
    line.t = line.t.slice(at);
    line.v = line.v.slice(at);
  }
}

/** Forget samples from `from_ms` on. */
export function cutLine(line, from_ms) {
  const at = firstAtOrAfter(line.t, from_ms);
  line.t = line.t.slice(0, at);
  line.v = line.v.slice(0, at);
}

/** The first, lowest, highest and last of each pixel column of an API series: {t_ms, value}. */
export function extremesOf({ t_ms, value }, column_ms, origin_ms) {
  const column = (ms) => Math.floor((ms - origin_ms) / column_ms);
  const kept = [];
  for (let i = 0, end; i < t_ms.length; i = end) {
    end = i;
    const known = [];
    while (end < t_ms.length && column(t_ms[end]) === column(t_ms[i])) {
      if (value[end] !== null) known.push(end);
      end += 1;
    }
    const by = (better) => known.reduce((best, k) => (better(value[k], value[best]) ? k : best), known[0]);
    if (known.length > 0) kept.push(...new Set([known[0], by((a, b) => a < b), by((a, b) => a > b), known.at(-1)].sort((a, b) => a - b)));
  }
  return { t_ms: kept.map((i) => t_ms[i]), value: kept.map((i) => value[i]) };
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

/** The largest value in [from_ms, to_ms), null when there is none. One tick when to = from + interval. */
export function valueIn(line, from_ms, to_ms) {
  let best = null;
  for (let i = firstAtOrAfter(line.t, from_ms); i < line.t.length && line.t[i] < to_ms; i += 1) {
    const value = line.v[i];
    if (value !== null && (best === null || value > best)) best = value;
  }
  return best;
}

/** The first, lowest, highest and last sample in [from_ms, to_ms), each {value, ms}; null without samples. */
export function extremes(line, from_ms, to_ms) {
  let found = null;
  for (let i = firstAtOrAfter(line.t, from_ms); i < line.t.length && line.t[i] < to_ms; i += 1) {
    if (line.v[i] === null) continue;
    const one = { value: line.v[i], ms: line.t[i] };
    found ??= { first: one, lowest: one, highest: one, last: one };
    if (one.value < found.lowest.value) found.lowest = one;
    if (one.value > found.highest.value) found.highest = one;
    found.last = one;
  }
  return found;
}

/**
 * Raise `columns`, the pixel columns of [from_ms, to_ms), to the values of a line, each of which stands for the interval
 * before it.
 */
export function shareOf(line, from_ms, to_ms, end_ms, interval_ms, columns) {
  const scale = columns.length / (to_ms - from_ms);
  for (let i = firstAtOrAfter(line.t, from_ms); i < line.t.length && line.t[i] < end_ms; i += 1) {
    const value = line.v[i];
    if (value === null || value === 0) continue;
    const until = Math.min(columns.length - 1, Math.floor((line.t[i] - from_ms) * scale));
    const since = Math.max(0, Math.floor((line.t[i] - interval_ms - from_ms) * scale) + 1);
    for (let x = Math.min(since, until); x <= until; x += 1) if (value > columns[x]) columns[x] = value;
  }
}

/** The value of a line at an instant: of what is measured more rarely, the last one before. */
export function valueAt(line, from_ms, to_ms, interval_ms) {
  const value = valueIn(line, from_ms, to_ms);
  const rhythm_ms = value === null && to_ms - from_ms <= interval_ms ? rhythmOf(line, interval_ms) : interval_ms;
  if (rhythm_ms === interval_ms) return value;
  for (let i = firstAtOrAfter(line.t, from_ms) - 1; i >= 0 && from_ms - line.t[i] <= GAP_INTERVALS * rhythm_ms; i -= 1) {
    if (line.v[i] !== null) return line.v[i];
  }
  return null;
}

const KILL_MS = 5000; // a kill is noticed so long after the last sample at most

/** The place of the last sample that a killed series had, at `ms` or shortly before; -1 where there is none. */
export function lastOfKilled({ t, v }, ms) {
  const i = t.findLastIndex((at, k) => at <= ms && v[k] !== null);
  return i >= 0 && ms - t[i] <= KILL_MS ? i : -1;
}

/** {value, ms} of the largest sample of several lines in [from_ms, to_ms), with its line; null without samples. */
export function peakIn(lines, from_ms, to_ms) {
  let best = null;
  for (const line of lines) {
    for (let i = firstAtOrAfter(line.t, from_ms); i < line.t.length && line.t[i] < to_ms; i += 1) {
      const value = line.v[i];
      if (value !== null && (best === null || value > best.value)) best = { value, ms: line.t[i], line };
    }
  }
  return best;
}

/**
 * How far apart the samples of a line are: mostly `interval_ms`; what is measured more rarely, at a rhythm of its own, has
 * nulls between. Two samples alone are no rhythm.
 */
export function rhythmOf(line, interval_ms) {
  if (!rhythms.has(line.v)) rhythms.set(line.v, slowRhythm(line));
  return Math.max(interval_ms, rhythms.get(line.v));
}
const rhythms = new WeakMap(); // values → ms
const LEAST_BEATS = 3;

function slowRhythm({ t, v }) {
  const apart = [];
  let last = null;
  for (let i = 0; i < t.length; i += 1) {
    if (v[i] === null) continue;
    if (last !== null) apart.push(t[i] - last);
    last = t[i];
  }
  const least = apart.reduce((a, b) => Math.min(a, b), Infinity);
  const even = apart.filter((ms) => ms < 1.5 * least).length;
  return even >= LEAST_BEATS && even > apart.length / 2 ? least : 0;
}

/** Stretches in which a line that should always be there (the node's) has no tick at all: [[from_ms, to_ms]]. */
export function silences(line, interval_ms) {
  const out = [];
  for (let i = 1; i < line.t.length; i += 1) {
    if (line.t[i] - line.t[i - 1] > GAP_INTERVALS * interval_ms) out.push([line.t[i - 1], line.t[i]]);
  }
  return out;
}
