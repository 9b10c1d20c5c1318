// Who, at the cursor second: the values of every shown workload on every lane, ranked by the focused one.

import { computed } from "../vendor/signals.js";
import { focused, laneMetrics, lanes } from "../state/lanes.js";
import { extremes, linesOf, valueAt } from "../lib/lines.js";
import { answer, cursor_ms, explained, interval_ms, nodeId, shown, view } from "../state/store.js";

const ROWS = 24; // what a person compares; the rest is counted
const START_INTERVALS = 3; // a rate needs a sample before it

/** What the cursor stands for: one tick, or one pixel column where the server reduced: {from_ms, to_ms, column_ms}. */
export const instant = computed(() => {
  const at = cursor_ms.value;
  const { column_ms = 0, origin_ms = 0 } = answer.value ?? {};
  const from_ms = column_ms > 0 ? origin_ms + Math.floor((at - origin_ms) / column_ms) * column_ms : at;
  return { from_ms, to_ms: from_ms + (column_ms || interval_ms.value), column_ms };
});

/** The highest value of some lines in [from_ms, to_ms), with the life that it is of: {value, life}, null without. */
function highest(lines, from_ms, to_ms) {
  let found = null;
  for (const line of lines) {
    const value = valueAt(line, from_ms, to_ms, interval_ms.value);
    if (value !== null && (found === null || value > found.value)) found = { value, life: line.life };
  }
  return found;
}

/** The first value of some lines in [from_ms, to_ms): {value}, null without; of reduced ones the highest of that column. */
function earliest(lines, from_ms, to_ms) {
  if (instant.value.column_ms > 0) return highest(lines, from_ms, to_ms);
  const found = lines.map((line) => extremes(line, from_ms, to_ms)?.first).filter(Boolean);
  return found.length > 0 ? found.reduce((a, b) => (b.ms < a.ms ? b : a)) : null;
}

/** {values: Map(lane key → number, null: not there), life} of some series. */
function valuesOf(ids) {
  const { from_ms, to_ms } = instant.value;
  const values = new Map();
  let life = null;
  for (const [key, metric] of laneMetrics.value) {
    const now = highest(linesOf(answer.value, metric, ids), from_ms, to_ms);
    values.set(key, now?.value ?? null);
    life = now?.life ?? life;
  }
  return { values, life };
}

/** What else is told of them: {changes since the view's start: Map(lane key → number or null), limit, held}. */
function detailsOf(ids, values) {
  const { from_ms, to_ms } = instant.value;
  const start_ms = view.value.from_ms;
  const changes = new Map();
  for (const [key, metric] of laneMetrics.value) {
    const lines = linesOf(answer.value, metric, ids);
    const before = earliest(lines, start_ms, start_ms + Math.max(START_INTERVALS * interval_ms.value, to_ms - from_ms));
    changes.set(key, values.get(key) !== null && before ? values.get(key) - before.value : null);
  }
  const { limit, strip } = focused.value ?? {};
  const told = (metric) => (metric ? highest(linesOf(explained.value, metric, ids), from_ms, to_ms)?.value ?? null : null);
  return { changes, limit: told(limit), held: strip ? { title: strip.title, share: told(strip.some) } : null };
}

/** One row for each shown workload, by the focused lane's value, then the others'; the node is not among them. */
const ranking = computed(() => {
  const keys = [focused.value?.key, ...lanes.value.map(({ key }) => key)];
  const some = shown.value.filter((entry) => entry.slot !== null).map((entry) => ({ entry, ...valuesOf(entry.ids) }));
  const by = (a, b) => keys.reduce((order, key) => order || (b.values.get(key) ?? -1) - (a.values.get(key) ?? -1), 0);
  return some.sort(by);
});

/** How many workloads are shown with a value or without. */
export const rowCount = computed(() => ranking.value.length);
/** The first of them, with all that is told of each. */
export const rows = computed(() => ranking.value.slice(0, ROWS).map((row) => ({ ...row, ...detailsOf(row.entry.ids, row.values) })));

/** The whole node's row, or null. */
export const wholeNode = computed(() => {
  if (!nodeId.value) return null;
  const row = valuesOf([nodeId.value]);
  return { ...row, ...detailsOf([nodeId.value], row.values) };
});
