// Sums of a metric of a row of a comparison over a range, for the ranking of changes; see query/comparing/change_sums.py.

/** Sums to which no value was added yet. */
export const emptySums = () => ({ count: 0, total: 0, squares: 0, low: Infinity, high: -Infinity });

/** Add the values of a line; null and NaN are left out. */
export function addValues(sums, values) {
  for (let i = 0; i < values.length; i += 1) {
    const value = values[i];
    if (value === null || value !== value) continue;
    sums.count += 1;
    sums.total += value;
    sums.squares += value * value;
    if (value < sums.low) sums.low = value;
    if (value > sums.high) sums.high = value;
  }
}
