// The data of the overview: the node's CPU, memory and events, over the last day of data and the view.

import { computed, signal } from "../vendor/signals.js";
import { keepWhileSame } from "../lib/same-value.js";
import { widened } from "../lib/time-format.js";
import { health, interval_ms, newest_ms, view } from "./store.js";

const DAY_MS = 86_400_000;
const COLUMNS = 600;

const keepRange = keepWhileSame();
/** Maximum number of events in the overview. */
export const MAX_OVERVIEW_EVENTS = 500;

/**
 * The range of the overview: {from_ms, to_ms, column_ms}, or null without data. It covers up to a day of data, and the view. It
 * changes in coarse steps, so that its pixel columns do not move and only new samples need to be requested.
 */
export const overviewRange = computed(() => keepRange(rangeOfOverview()));

function rangeOfOverview() {
  const oldest_ms = health.value?.oldest_ms ?? null;
  if (oldest_ms === null || newest_ms.value === null) return null;
  const span_ms = widened(Math.min(DAY_MS, newest_ms.value - oldest_ms));
  const step_ms = span_ms / 60;
  const to_ms = Math.ceil((newest_ms.value + 1) / step_ms) * step_ms;
  const from_ms = Math.min(to_ms - span_ms, Math.floor(Math.max(view.value.from_ms, oldest_ms) / step_ms) * step_ms);
  return { from_ms, to_ms, column_ms: (to_ms - from_ms) / COLUMNS };
}

/** The data loaded so far: {from_ms, until_ms, cpu: line or null, memory: line or null, events, column_ms}; null at first. */
export const overviewData = signal(null);

/** How much of the overview's range was recorded: {missing_s, complete: a share, from_ms}; null while unknown. */
export const completeness = computed(() => {
  if (overviewData.value === null || overviewData.value.events.length >= MAX_OVERVIEW_EVENTS || !overviewRange.value) return null;
  const { events, until_ms } = overviewData.value;
  const from_ms = Math.max(health.value.oldest_ms, overviewRange.value.from_ms);
  let missing_ms = 0;
  for (const { kind, time_ms, before } of events) {
    if (kind === "gap" && before.tick_ms != null) missing_ms += Math.max(0, time_ms - Math.max(from_ms, before.tick_ms) - interval_ms.value);
  }
  const span_ms = until_ms - from_ms;
  return span_ms > 0 ? { missing_s: Math.round(missing_ms / 1000), complete: Math.max(0, 1 - missing_ms / span_ms), from_ms } : null;
});
