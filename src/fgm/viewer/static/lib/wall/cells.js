// The cells of a wall: the highest value of each row in each column of a grid. A column is a pixel, or one sample if there are fewer.
// Cells are NaN where nothing was recorded. The grid does not move under a live view: new columns are added to it.

/** The grid for a range in `width` pixels: {from_ms, column_ms, columns}. It begins at a whole multiple of a column. */
export function gridOf(from_ms, to_ms, width, interval_ms) {
  const column_ms = Math.max(interval_ms, Math.ceil((to_ms - from_ms) / Math.max(1, width)));
  const start_ms = Math.floor(from_ms / column_ms) * column_ms;
  return { from_ms: start_ms, column_ms, columns: Math.ceil((to_ms - start_ms) / column_ms) };
}

/** The end of a grid. */
export const gridEnd = ({ from_ms, column_ms, columns }) => from_ms + columns * column_ms;

/** The column of an instant; below 0 or beyond the last if it is outside of the grid. */
export const columnAt = ({ from_ms, column_ms }, ms) => Math.floor((ms - from_ms) / column_ms);

/** Whether the cells of one grid can be kept in another: columns of the same length, some of them in both. */
export const isContinued = (old, grid) => old.column_ms === grid.column_ms && old.from_ms <= grid.from_ms && gridEnd(old) > grid.from_ms;

/** The rows with their cells in another grid. Rows without any cell in it are dropped. */
export function movedRows(rows, old, grid) {
  if (old.from_ms === grid.from_ms && old.columns === grid.columns) return rows;
  const by = (grid.from_ms - old.from_ms) / old.column_ms;
  const moved = new Map();
  for (const [key, row] of rows) {
    const cells = new Float32Array(grid.columns).fill(NaN);
    const kept = row.cells.subarray(Math.max(0, by), Math.min(row.cells.length, by + grid.columns));
    cells.set(kept, Math.max(0, -by));
    if (kept.some((value) => value === value)) moved.set(key, { ...row, cells });
  }
  return moved;
}

/** The rows with those of a response added. Its cells replace earlier ones where they are known. `grid`: that of the rows. */
export function joinedRows(rows, grid, response) {
  const joined = new Map(rows);
  const start = Math.round((response.from_ms - grid.from_ms) / grid.column_ms) + response.first_column;
  for (const { values, ...facts } of response.rows) {
    const old = joined.get(facts.key);
    const cells = old?.cells ?? new Float32Array(grid.columns).fill(NaN);
    for (let i = 0; i < values.length; i += 1) {
      const at = start + i;
      // A column at the edge of two parts is in both responses.
      if (at >= 0 && at < cells.length && values[i] === values[i] && !(response.isOlder && cells[at] > values[i])) cells[at] = values[i];
    }
    joined.set(facts.key, { ...(old ?? facts), ...newerFacts(old, facts), cells });
  }
  return joined;
}

/** What a later or an earlier part of a row changes: its lives, and its highest value. */
function newerFacts(old, facts) {
  if (!old) return {};
  const isNewer = facts.first_seen_ms >= old.first_seen_ms && !old.ids.includes(facts.id);
  const highest = facts.max > old.max ? facts : old;
  return {
    ...(isNewer && { id: facts.id, pod_name: facts.pod_name, scope: facts.scope }),
    ids: [...new Set(isNewer ? [...facts.ids, ...old.ids] : [...old.ids, ...facts.ids])],
    first_seen_ms: Math.min(old.first_seen_ms, facts.first_seen_ms), max: highest.max, max_ms: highest.max_ms,
  };
}

/** The highest known value of cells in [from, to), and its column: {value, column}; null without one. */
export function highestCell(cells, from = 0, to = cells.length) {
  let value = -Infinity, column = -1;
  for (let i = Math.max(0, from); i < Math.min(to, cells.length); i += 1) if (cells[i] > value) [value, column] = [cells[i], i];
  return column < 0 ? null : { value, column };
}

/** The mean of cells, with 0 for those that are not known: what a row uses over the whole grid. */
export function useOf(cells) {
  let sum = 0;
  for (let i = 0; i < cells.length; i += 1) if (cells[i] > 0) sum += cells[i];
  return cells.length > 0 ? sum / cells.length : 0;
}

/** The rows as a list, in the order of a wall: by "use", "name" or "start" (the oldest first). */
export function sortedRows(rows, order) {
  const byName = (a, b) => a.name.localeCompare(b.name) || a.key.localeCompare(b.key);
  if (order === "name") return [...rows].sort(byName);
  if (order === "start") return [...rows].sort((a, b) => a.first_seen_ms - b.first_seen_ms || byName(a, b));
  const uses = new Map(rows.map((row) => [row, useOf(row.cells)]));
  return [...rows].sort((a, b) => uses.get(b) - uses.get(a) || byName(a, b));
}
