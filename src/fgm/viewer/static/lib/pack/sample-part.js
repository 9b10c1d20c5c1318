// Decodes the samples of a metric in a pack. docs/pack.md describes the part.

import { openedPart } from "./part-columns.js";
import { UnusablePack } from "./unusable-pack.js";

const NULL = -(2 ** 31);
const UNITS_PER_MS = 4096;
const MAX_SAMPLES = 2_500_000; // of a part: more than a viewer saves of a metric

function opened(content) {
  const part = openedPart(content);
  if (!Array.isArray(part.header?.series)) throw new UnusablePack("its header lists no series");
  const samples = part.header.series.reduce((sum, series) => sum + countOf(series ?? {}), 0);
  if (samples > MAX_SAMPLES) throw new UnusablePack("it has too many samples");
  return part;
}

function countOf({ count }) {
  if (!Number.isInteger(count) || count < 0 || count > MAX_SAMPLES) throw new UnusablePack("a number of samples is wrong");
  return count;
}

/** The entries of a list that are lists. */
const lists = (value) => (Array.isArray(value) ? value.filter(Array.isArray) : []);

/** The times in runs [first, step, count], ascending. */
function timesOf(runs, count) {
  const times = new Float64Array(count);
  let n = 0;
  for (const [first, step, length] of lists(runs)) {
    const isUsable = [first, step, length].every(Number.isSafeInteger) && length > 0 && n + length <= count && (step > 0 || length === 1);
    if (!isUsable || (n > 0 && first <= times[n - 1])) throw new UnusablePack("its times are not ascending");
    for (let i = 0; i < length; i += 1) times[n++] = first + step * i;
  }
  if (n !== count) throw new UnusablePack("its times do not fit its values");
  return times;
}

/** The time that passed before each sample: Map(id of a series → Int32Array in units of 1/4096 ms). Throws UnusablePack. */
export function decodePassed(content) {
  const { header, column } = opened(content);
  return new Map(header.series.map((series) => [series.id, column("i4", series.value?.at, countOf(series))]));
}

/** `count` values that are all null. Columns without values share them: a few bytes of a file can mean any number of them. */
function nulls(count) {
  if (noValues.length < count) noValues = new Float64Array(count).fill(NaN);
  return noValues.subarray(0, count);
}
let noValues = new Float64Array(0);

/** The values of a column: Float64Array, NaN for null. Encodings that are not known have no values. */
function valuesOf({ as, at, divisor, except }, count, column, passed) {
  if (as !== "f4" && as !== "f8" && as !== "rate") return nulls(count);
  const values = new Float64Array(count).fill(NaN);
  if (as === "f4" || as === "f8") {
    const stored = column(as, at, count); // with a loop: a function for each value takes ten times as long
    for (let i = 0; i < count; i += 1) if (stored[i] - stored[i] === 0) values[i] = stored[i]; // finite
    return values;
  }
  if (passed?.length !== count || !(divisor > 0)) throw new UnusablePack("the times of a rate are missing");
  const growths = column("i4", at, count);
  for (let i = 0; i < count; i += 1) {
    const value = growths[i] !== NULL && passed[i] > 0 ? (growths[i] * 1000) / (passed[i] / UNITS_PER_MS) / divisor : NaN;
    if (value - value === 0) values[i] = value; // finite
  }
  for (const [i, value] of lists(except)) if (i >= 0 && i < count) values[i] = Number.isFinite(value) ? value : NaN;
  return values;
}

/**
 * The samples of a metric: [{id, metric, unit, life, t: Float64Array, v: Float64Array}]. Series with the same times share one array
 * of them. `passed`: of decodePassed. Throws UnusablePack.
 */
export function decodeSamples(content, passed) {
  const { header, column } = opened(content);
  const times = new Map(); // runs as text → times
  return header.series.map((series) => {
    const { id, metric, unit, life, t_ms, value } = series, count = countOf(series);
    if (typeof id !== "string" || typeof value !== "object" || value === null) throw new UnusablePack("a series has no id or no values");
    const key = JSON.stringify(t_ms);
    if (!times.has(key) || times.get(key).length !== count) times.set(key, timesOf(t_ms, count));
    return { id, metric, unit, life, t: times.get(key), v: valuesOf(value, count, column, passed.get(id)) };
  });
}
