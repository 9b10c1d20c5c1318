// The content of each lane: its lines, its peak, the height of its axis, and its unit.

import { computed } from "../vendor/signals.js";
import { GAP_INTERVALS, gapsOf, linesOf, peakOf } from "../lib/lines.js";
import { keepWhileSame } from "../lib/same-value.js";
import { unitFor } from "../lib/units.js";
import { laneMetrics, lanes } from "../state/lanes.js";
import { labelledLines } from "../state/labelled.js";
import { processLines } from "../state/processes.js";
import { shown } from "../state/shown.js";
import { laneSamples, meanSamples, edge_ms, end_ms, health, loading, nodeId, view } from "../state/store.js";
import { otherPeaks } from "./compare/other-lines.js";
import { highestNearLimit, laneLimits } from "./limits.js";
import { walls } from "./wall-rows.js";

const LATE_MS = 10_000; // maximum delay of samples
const TYPICAL_VALUES = { millicores: 100, bytes: 100 * 2 ** 20, "bytes/s": 100 * 2 ** 20 }; // decide the unit if all values are zero

/** The lines of each lane: Map(lane key → [{line, entry}]). The workload that was chosen first is last, to be drawn on top. */
export const laneLines = computed(() => {
  const entries = [...shown.value].sort((a, b) => (b.slot ?? Infinity) - (a.slot ?? Infinity));
  const withEntries = (metric) => entries.flatMap((entry) => linesOf(laneSamples.value, metric, entry.ids).map((line) => ({ line, entry })));
  const ofProcesses = lanes.value.filter(({ isProcesses }) => isProcesses).map(({ key }) => [key, processLines.value.get(key)?.lines ?? []]);
  const ofLabels = lanes.value.filter(({ isLabelled }) => isLabelled).map(({ key }) => [key, labelledLines.value.get(key)?.lines ?? []]);
  return new Map([...[...laneMetrics.value].map(([key, metric]) => [key, withEntries(metric)]), ...ofProcesses, ...ofLabels]);
});

/** The means of the pixel columns of lines: Map(line → line of means). It lacks those that are not loaded. */
export const laneMeans = computed(() => {
  const samples = laneSamples.value, means = meanSamples.value;
  if (!(samples?.column_ms > 0 && samples.column_ms === means?.column_ms)) return new Map();
  const nameOf = ({ metric, id, life }) => `${metric} ${id} ${life}`;
  const byName = new Map([...means.lines.values()].flat().map((line) => [nameOf(line), line]));
  return new Map([...samples.lines.values()].flat().map((line) => [line, byName.get(nameOf(line))]));
});

function peaksWithin(margin_ms) {
  const from_ms = view.value.from_ms - margin_ms, to_ms = end_ms.value + margin_ms;
  return new Map([...laneLines.value].map(([key, lines]) => [key, peakOf(lines.map(({ line }) => line), from_ms, to_ms)]));
}

/** The highest sample in view of each lane: Map(lane key → {value, ms, line}, or null). */
export const lanePeaks = computed(() => peaksWithin(0));

// Lines are drawn up to the next sample outside the view.
const drawnPeaks = computed(() => peaksWithin(3 * Math.max(laneSamples.value?.interval_ms ?? 0, laneSamples.value?.column_ms ?? 0)));

/** The highest value that the axis of each lane must include, in API units: Map(lane key → number). */
export const laneHeights = computed(() => {
  const { from_ms } = view.value;
  return new Map(lanes.value.map(({ key }) => {
    const top = Math.max(drawnPeaks.value.get(key)?.value ?? 0, otherPeaks.value.get(key) ?? 0);
    return [key, Math.max(top, highestNearLimit(laneLimits.value.get(key), top, from_ms, end_ms.value))];
  }));
});

/** The unit of each lane, shared by its axis, its title and its column of the cursor table: Map(lane key → unit). */
export const laneUnits = computed(() =>
  new Map(lanes.value.map(({ key, unit }) => [key, unitFor(unit, walls.value.get(key)?.peak?.value || lanePeaks.value.get(key)?.value || TYPICAL_VALUES[unit] || 0)])));

const keepGaps = keepWhileSame();

/** The ranges in view in which nothing was recorded on the whole node: [[from_ms, to_ms]]. */
export const nodeGaps = computed(() => keepGaps(findNodeGaps()));

function findNodeGaps() {
  if (!laneSamples.value) return [];
  // Any metric will do: while nothing is recorded, no metric has ticks.
  const line = [...laneSamples.value.lines.keys()].flatMap((metric) => linesOf(laneSamples.value, metric, [nodeId.value]))[0];
  const step_ms = Math.max(laneSamples.value.interval_ms, laneSamples.value.column_ms);
  // Before the oldest data and after the present, no data is missing.
  const from_ms = Math.max(view.value.from_ms, health.value?.oldest_ms ?? Infinity), to_ms = Math.min(view.value.to_ms, edge_ms.value - LATE_MS);
  const inside = line ? gapsOf(line, step_ms) : [];
  const first_ms = line?.t[0] ?? Infinity, last_ms = line?.t.at(-1) ?? -Infinity;
  const isLoaded = !loading.value; // else the rest may still arrive
  const before = isLoaded && first_ms - from_ms > GAP_INTERVALS * step_ms && from_ms < to_ms ? [[from_ms, Math.min(first_ms, to_ms)]] : [];
  const after = isLoaded && line && to_ms - last_ms > GAP_INTERVALS * step_ms && last_ms > from_ms ? [[last_ms, to_ms]] : [];
  return [...before, ...inside, ...after];
}
