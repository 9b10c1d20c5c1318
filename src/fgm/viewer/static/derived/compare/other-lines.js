// The lines of the other range on each lane, and their values at the cursor.

import { computed } from "../../vendor/signals.js";
import { highestIn, linesOf, peakOf, valueAt } from "../../lib/lines.js";
import { otherRange, otherSamples } from "../../state/compare/other-range.js";
import { otherIds } from "../../state/compare/other-series.js";
import { laneMetrics } from "../../state/lanes.js";
import { shown } from "../../state/shown.js";
import { interval_ms } from "../../state/store.js";

const NONE = new Map();

/** The lines of the other range: Map(lane key → [{line, entry}]), the workload that was chosen first last. Their times are those of then. */
export const otherLines = computed(() => {
  if (otherRange.value === null || otherSamples.value === null) return NONE;
  const entries = [...shown.value].sort((a, b) => (b.slot ?? Infinity) - (a.slot ?? Infinity));
  return new Map([...laneMetrics.value].map(([key, metric]) => [
    key, entries.flatMap((entry) => linesOf(otherSamples.value, metric, otherIds.value.get(entry.key) ?? []).map((line) => ({ line, entry }))),
  ]));
});

/** The highest value of the other range on each lane: Map(lane key → number). */
export const otherPeaks = computed(() => {
  if (otherRange.value === null) return NONE;
  const { from_ms, end_ms } = otherRange.value;
  return new Map([...otherLines.value].map(([key, lines]) => [key, peakOf(lines.map(({ line }) => line), from_ms, end_ms)?.value ?? 0]));
});

/**
 * The values of a workload in the other range, at the same distance from its begin as [from_ms, to_ms) is from that of the view:
 * Map(lane key → number or null). Of pixel columns, they are means.
 */
export function otherValues(key, from_ms, to_ms) {
  const { shift_ms } = otherRange.value;
  return new Map([...laneMetrics.value].map(([lane, metric]) => {
    const values = linesOf(otherSamples.value, metric, otherIds.value.get(key) ?? []).map((line) => valueOf(line, from_ms - shift_ms, to_ms - shift_ms));
    return [lane, values.reduce((highest, value) => (value === null || highest > value ? highest : value), null)];
  }));
}

const valueOf = (line, from_ms, to_ms) => (to_ms - from_ms > interval_ms.value ? highestIn(line, from_ms, to_ms) : valueAt(line, from_ms, to_ms, interval_ms.value));
