// Values at the cursor, for all shown workloads and all lanes, ranked by the focused lane.

import { computed } from "../vendor/signals.js";
import { columnAt } from "../lib/wall/cells.js";
import { extremesIn, highestNear, linesOf, valueAt } from "../lib/lines.js";
import { otherRange } from "../state/compare/other-range.js";
import { focused, laneMetrics, lanes } from "../state/lanes.js";
import { podIds, shown } from "../state/shown.js";
import { laneSamples, byId, cursor_ms, explainingSamples, interval_ms, node, nodeId, podSamples, view } from "../state/store.js";
import { areLinesHidden, currentRow } from "../state/wall/walls.js";
import { otherValues } from "./compare/other-lines.js";
import { limitOwner, requestAt } from "./limits.js";
import { limitsOfRow, otherWallValues, walls, wallValues } from "./wall-rows.js";

const MAX_ROWS = 24; // further workloads are only counted
const MAX_ROWS_OF_WALL = 12; // of a wall, each move of the cursor may bring other rows, and to draw a row again takes time
const START_INTERVALS = 3; // range at the start of the view in which the first value is searched: a first rate comes later

/** The range that the cursor covers: {from_ms, to_ms, column_ms}. It is one pixel column of reduced samples, else one tick. */
export const cursorSpan = computed(() => {
  const { column_ms = 0, origin_ms = 0 } = laneSamples.value ?? {};
  const from_ms = column_ms > 0 ? origin_ms + Math.floor((cursor_ms.value - origin_ms) / column_ms) * column_ms : cursor_ms.value;
  return { from_ms, to_ms: from_ms + (column_ms || interval_ms.value), column_ms };
});

/** The highest value of these lines in [from_ms, to_ms), and the life of its line: {value, life}; null without a value. */
function highestOf(lines, from_ms, to_ms) {
  let highest = null;
  const { areMinutes = false, interval_ms: step_ms } = laneSamples.value ?? {};
  for (const line of lines) {
    const known = valueAt(line, from_ms, to_ms, interval_ms.value);
    const value = known === null && areMinutes ? highestNear(line, from_ms, to_ms, step_ms) : known;
    if (value !== null && (highest === null || value > highest.value)) highest = { value, life: line.life };
  }
  return highest;
}

/** The first value of these lines in [from_ms, to_ms): {value}; null without one. For reduced lines: the highest value. */
function firstOf(lines, from_ms, to_ms) {
  if (cursorSpan.value.column_ms > 0) return highestOf(lines, from_ms, to_ms);
  const samples = lines.map((line) => extremesIn(line, from_ms, to_ms)?.first).filter(Boolean);
  return samples.length > 0 ? samples.reduce((a, b) => (b.ms < a.ms ? b : a)) : null;
}

/** {values: Map(lane key → number or null), life} at the cursor, for the series with these ids. */
function valuesOf(ids) {
  const { from_ms, to_ms } = cursorSpan.value;
  const values = new Map();
  let life = null;
  for (const [key, metric] of laneMetrics.value) {
    const highest = highestOf(linesOf(laneSamples.value, metric, ids), from_ms, to_ms);
    values.set(key, highest?.value ?? null);
    life = highest?.life ?? life;
  }
  return { values, life };
}

/** The differences of a workload's values from those in the other range: Map(lane key → number or null). */
function differencesOf({ key, series }, values) {
  const { from_ms, to_ms, column_ms } = cursorSpan.value;
  if (column_ms > 0) return new Map(); // the highest value of a column cannot be compared with a mean
  const others = otherValues(key ?? series.id, from_ms, to_ms);
  return new Map([...others].map(([lane, value]) => [lane, value === null || values.get(lane) == null ? null : values.get(lane) - value]));
}

/** The same of a row of a wall. */
const differencesOnWalls = ({ key }, values) => new Map([...otherWallValues.value].map(([lane, ofRows]) => [lane, ofRows.has(key) && values.has(lane) ? values.get(lane) - ofRows.get(key) : null]));

/** The limit of a row of the focused wall at the cursor, if limits are loaded for its colours; else null. */
function limitOnWall(key) {
  const { limits } = walls.value.get(focused.value?.key) ?? {};
  const ofRow = limits ? limitsOfRow(limits, key) : null;
  return ofRow?.[Math.max(0, Math.min(ofRow.length - 1, columnAt(limits.grid, cursor_ms.value)))] ?? null;
}

/**
 * {changes, limit, owner, request, slowdown} at the cursor. changes: Map(lane key → change since the start of the view, or from the
 * other range, null if unknown). limit: limit on the focused lane, or null; owner: the group that has it. slowdown: {title, share of time}, or null.
 */
function detailsOf(entry, values) {
  const { ids } = entry;
  if (entry.isOnlyOnWall) return { changes: differencesOnWalls(entry, values), limit: limitOnWall(entry.key), owner: { kind: "own" }, request: null, slowdown: null }; // it has no samples
  const { from_ms, to_ms } = cursorSpan.value;
  const start_ms = view.value.from_ms;
  const changes = otherRange.value ? differencesOf(entry, values) : new Map();
  for (const [key, metric] of otherRange.value ? [] : laneMetrics.value) {
    const lines = linesOf(laneSamples.value, metric, ids);
    const first = firstOf(lines, start_ms, start_ms + Math.max(START_INTERVALS * interval_ms.value, to_ms - from_ms));
    changes.set(key, values.get(key) !== null && first ? values.get(key) - first.value : null);
  }
  const { limit, depth, strip } = focused.value ?? {};
  const explanation = (metric, samples = explainingSamples.value, of = ids) => (metric ? highestOf(linesOf(samples, metric, of), from_ms, to_ms)?.value ?? null : null);
  return {
    changes,
    limit: explanation(limit) ?? limitOnWall(entry.key),
    owner: limitOwner(entry, depth, from_ms, to_ms),
    request: requestAt(focused.value, entry),
    slowdown: strip ? slowdownOf(entry, strip, explanation) : null,
  };
}

/** {title, share, isOfPod} of a workload. It is throttled by the quota of its pod if that ran out in more periods than its own. */
function slowdownOf({ key }, { title, some, held }, explanation) {
  const isHeld = !held || explanation(held) !== 0; // before Linux 6.6 it is not known
  const own = explanation(some), ofPod = title === "throttled" && isHeld ? explanation(some, podSamples.value, podIds.value.get(key) ?? []) : null;
  return { title, share: Math.max(own ?? 0, ofPod ?? 0), isOfPod: ofPod !== null && ofPod > (own ?? 0) };
}

/**
 * The shown workloads except the node, and if the focused lane is a wall, all of its other rows, which have no slot. A row of a pod or
 * workload whose only containers are shown as lines would be the same once more.
 */
const candidates = computed(() => {
  const entries = shown.value.filter(({ slot }) => slot !== null), keys = new Set(entries.map(({ key }) => key));
  const withLines = new Set(areLinesHidden.value ? [] : entries.flatMap(({ ids }) => ids));
  const rows = walls.value.get(focused.value?.key)?.rows ?? [];
  const others = rows.filter(({ key, ids, isGone }) => !isGone && !keys.has(key) && !ids.every((id) => withLines.has(id))).map((row) => ({ key: row.key, ids: row.ids, slot: undefined, isOnlyOnWall: true, series: byId.value.get(row.id) ?? row }));
  return [...entries, ...others];
});

/** The values of a workload: those of a wall where a lane is one and has its row. */
function valuesWithWalls({ key: rowKey, ids, isOnlyOnWall }) {
  const { values, life } = isOnlyOnWall ? { values: new Map(), life: null } : valuesOf(ids);
  for (const [key, ofRows] of wallValues.value) if (ofRows.has(rowKey)) values.set(key, ofRows.get(rowKey));
  return { values, life };
}

/** One row for each candidate, sorted by its value on the focused lane, then on the others. */
const ranking = computed(() => {
  const keys = [focused.value?.key, ...lanes.value.map(({ key }) => key)];
  const rows = candidates.value.map((entry) => ({ entry, ...valuesWithWalls(entry) }));
  return rows.sort((a, b) => keys.reduce((order, key) => order || (b.values.get(key) ?? -1) - (a.values.get(key) ?? -1), 0));
});

/** Number of workloads shown or on the focused wall, with or without a value. */
export const cursorRowCount = computed(() => ranking.value.length);
/** The first rows of the ranking, and the current row of the walls before them if it is not among them. */
const firstRows = computed(() => {
  const first = ranking.value.slice(0, walls.value.has(focused.value?.key) ? MAX_ROWS_OF_WALL : MAX_ROWS);
  const current = currentRow.value !== null && walls.value.size > 0 && !first.some(({ entry }) => entry.key === currentRow.value)
    ? ranking.value.find(({ entry }) => entry.key === currentRow.value) : undefined;
  return current ? [current, ...first.slice(0, -1)] : first;
});

/** These rows with their details: [{entry, values, life, changes, limit, owner, request, slowdown}]. */
export const cursorRows = computed(() => firstRows.value.map((row) => ({ ...row, ...detailsOf(row.entry, row.values) })));

/** The row of the whole node, or null if there is no series of the node. */
export const nodeRow = computed(() => {
  if (!nodeId.value) return null;
  const row = valuesOf([nodeId.value]);
  return { ...row, ...detailsOf({ ids: [nodeId.value], series: node.value ?? { scope: "node" } }, row.values) };
});
