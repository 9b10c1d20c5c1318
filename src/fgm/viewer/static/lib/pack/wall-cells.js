// The cells of the rows of a wall, computed from samples as the viewer does: the highest value in each of equal parts of a range.

import { workloadName } from "../compare/pairing.js";
import { GAP_INTERVALS, lineInterval } from "../lines.js";
import { workload } from "../series.js";
import { firstAt } from "./reduction.js";

/** The key of a row: what the series in it have in common. `kind`: container, pod or workload. */
function rowKey(series, kind) {
  const { namespace, pod_name, container_name } = series;
  if (kind === "pod" && namespace && pod_name) return `${namespace}/${pod_name}`;
  if (kind === "workload" && namespace && pod_name) return `${namespace}/${workloadName(pod_name)}/${container_name ?? ""}`;
  return workload(series);
}

/** The cells of one line in [from_ms, until_ms), and its sum, count and highest value. */
function cellsOf({ t, v }, { from_ms, to_ms, columns }, until_ms) {
  const cells = new Float32Array(columns).fill(NaN), end = firstAt(t, until_ms);
  let sum = 0, count = 0, max = -Infinity, max_ms = 0, newest = -1;
  for (let i = firstAt(t, from_ms); i < end; i += 1) {
    const value = v[i];
    if (value !== value) continue;
    newest = Math.floor(((t[i] - from_ms) * columns) / (to_ms - from_ms));
    if (!(cells[newest] >= value)) cells[newest] = value;
    if (value > max) [max, max_ms] = [value, t[i]];
    sum += value;
    count += 1;
  }
  return { cells, sum, count, max, max_ms, newest };
}

const nulls = new WeakMap(); // values → line with null instead of NaN

function withNulls({ t, v }) {
  if (!nulls.has(v)) nulls.set(v, { t, v: v.length > 1 && v[0] === v[0] && v[1] === v[1] ? v : Array.from(v, (value) => (value === value ? value : null)) });
  return nulls.get(v);
}

/** Fill empty cells between two values that are at most `reach` columns apart with the earlier one. */
function hold(cells, reach) {
  if (reach < 2) return;
  for (let i = 1, last = cells[0] === cells[0] ? 0 : -1; i < cells.length; i += 1) {
    if (cells[i] !== cells[i]) continue;
    if (last >= 0 && i - last <= reach) cells.fill(cells[last], last, i);
    last = i;
  }
}

function joined(rows) {
  const [first, ...others] = rows.sort((a, b) => b.newest - a.newest);
  for (const other of others) {
    for (let i = 0; i < first.cells.length; i += 1) if (other.cells[i] === other.cells[i] && !(first.cells[i] >= other.cells[i])) first.cells[i] = other.cells[i];
    first.sum += other.sum;
    first.count += other.count;
    if (other.max > first.max) Object.assign(first, { max: other.max, max_ms: other.max_ms });
  }
  return first;
}

/**
 * The rows, the most used first, in the form of an answer of /api/wall. `lines`: [{series, t, v}]; `grid`: {from_ms, to_ms, columns};
 * `until_ms`: end of what is read.
 */
export function wallRows(lines, grid, until_ms, kind, interval_ms) {
  const length_ms = (grid.to_ms - grid.from_ms) / grid.columns;
  const groups = new Map(); // key of a row → its members
  for (const line of lines) {
    const member = { series: line.series, ...cellsOf(line, grid, until_ms) };
    if (member.count === 0) continue;
    hold(member.cells, Math.trunc((GAP_INTERVALS * lineInterval(withNulls(line), interval_ms)) / length_ms));
    const key = rowKey(line.series, kind);
    groups.set(key, [...(groups.get(key) ?? []), member]);
  }
  const ticks = Math.max(1, Math.floor((grid.to_ms - grid.from_ms) / interval_ms));
  const rows = [...groups].map(([key, members]) => rowOf(key, members, kind, ticks));
  return rows.sort((a, b) => b.use - a.use || (a.id < b.id ? -1 : 1));
}

function rowOf(key, members, kind, ticks) {
  const { cells, sum, count, max, max_ms } = joined(members);
  const all = members.map(({ series }) => series), [newest] = all;
  const isWorkload = kind === "workload" && newest.pod_name && newest.namespace;
  return {
    key, id: newest.id, ids: all.map(({ id }) => id), scope: newest.scope, name: newest.name, namespace: newest.namespace,
    workload: isWorkload ? workloadName(newest.pod_name) : null,
    pod_name: new Set(all.map(({ pod_name }) => pod_name)).size === 1 ? newest.pod_name : null,
    first_seen_ms: Math.min(...all.map(({ first_seen_ms }) => first_seen_ms)),
    samples: count, use: sum / ticks, max, max_ms, values: cells,
  };
}
