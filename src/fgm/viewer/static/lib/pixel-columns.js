// The pixel columns of a line whose samples were reduced to the extremes of each.

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
