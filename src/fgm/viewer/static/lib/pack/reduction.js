// Reduces samples to pixel columns as the viewer does: to their extremes (M4) or to their means. Values are NaN where nothing was recorded.

/** Index of the first time at or after `ms`. */
export function firstAt(t, ms) {
  let low = 0, high = t.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (t[middle] < ms) low = middle + 1;
    else high = middle;
  }
  return low;
}

const columnOf = (ms, from_ms, to_ms, columns) => Math.floor(((ms - from_ms) * columns) / (to_ms - from_ms));

/**
 * The indices of the samples in [from_ms, to_ms) that pixel columns need: of each the first, the first lowest, the last highest and
 * the last value; of a column that has only nulls, the first of these.
 */
export function extremes(t, v, from_ms, to_ms, columns) {
  const kept = [], end = firstAt(t, to_ms);
  for (let i = firstAt(t, from_ms); i < end;) {
    const column = columnOf(t[i], from_ms, to_ms, columns);
    const start = i;
    let first = -1, last = -1, lowest = -1, highest = -1;
    for (; i < end && columnOf(t[i], from_ms, to_ms, columns) === column; i += 1) {
      const value = v[i];
      if (value !== value) continue;
      if (first < 0) first = lowest = highest = i;
      if (value < v[lowest]) lowest = i;
      if (value >= v[highest]) highest = i;
      last = i;
    }
    if (first < 0) kept.push(start);
    else for (const index of [first, Math.min(lowest, highest), Math.max(lowest, highest), last]) if (kept.at(-1) !== index) kept.push(index);
  }
  return kept;
}

/** The mean of each pixel column that has values: {t_ms, value}, at the middle of the column. */
export function means(t, v, from_ms, to_ms, columns) {
  const sums = new Float64Array(columns), counts = new Float64Array(columns), end = firstAt(t, to_ms);
  for (let i = firstAt(t, from_ms); i < end; i += 1) {
    if (v[i] !== v[i]) continue;
    const column = columnOf(t[i], from_ms, to_ms, columns);
    sums[column] += v[i];
    counts[column] += 1;
  }
  const length_ms = (to_ms - from_ms) / columns, t_ms = [], value = [];
  for (let column = 0; column < columns; column += 1) {
    if (counts[column] === 0) continue;
    t_ms.push(from_ms + Math.trunc((column + 0.5) * length_ms));
    value.push(sums[column] / counts[column]);
  }
  return { t_ms, value };
}

/**
 * What a line adds up to in [from_ms, to_ms): {count, sum, mean, max, max_ms, last_ms, peaks}. peaks: the highest value in each of
 * `parts` equal parts, null without one. null if there are no values.
 */
export function totalOf({ t, v }, from_ms, to_ms, parts) {
  const peaks = new Array(parts).fill(null), part_ms = (to_ms - from_ms) / parts, end = firstAt(t, to_ms);
  let count = 0, sum = 0, max = -Infinity, max_ms = 0, last_ms = 0;
  for (let i = firstAt(t, from_ms); i < end; i += 1) {
    const value = v[i];
    if (value !== value) continue;
    count += 1;
    sum += value;
    if (value > max) [max, max_ms] = [value, t[i]];
    last_ms = t[i];
    if (parts === 0) continue;
    const part = Math.min(parts - 1, Math.floor((t[i] - from_ms) / part_ms));
    if (peaks[part] === null || value > peaks[part]) peaks[part] = value; // null >= 0 is true
  }
  return count > 0 ? { count, sum, mean: sum / count, max, max_ms, last_ms, peaks } : null;
}
