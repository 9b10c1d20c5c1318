// What is on each lane: its lines, how high they go, and the unit that its axis, title and ledger column share.

import { computed } from "../vendor/signals.js";
import { laneMetrics, lanes } from "../state/lanes.js";
import { laneLimits, limitNear } from "./limits.js";
import { GAP_INTERVALS, linesOf, peakIn, silences } from "../lib/lines.js";
import { answer, edge_ms, end_ms, health, loading, nodeId, shown, view } from "../state/store.js";
import { unitFor } from "../lib/units.js";

const LATE_MS = 10_000; // the newest samples may yet come
const USUAL_TOPS = { millicores: 100, bytes: 100 * 2 ** 20, "bytes/s": 100 * 2 ** 20 }; // decides the unit where all is zero

/** The lines of every lane, the first chosen last so that it lies on top: Map(lane key → [{line, entry}]). */
export const laneLines = computed(() => {
  const entries = [...shown.value].sort((a, b) => (b.slot ?? Infinity) - (a.slot ?? Infinity));
  const of = (metric) => entries.flatMap((entry) => linesOf(answer.value, metric, entry.ids).map((line) => ({ line, entry })));
  return new Map([...laneMetrics.value].map(([key, metric]) => [key, of(metric)]));
});

/** The highest sample on every lane, in view and a little around it: Map(lane key → {value, ms, line} or null). */
const peaksWithin = (around_ms) => {
  const from_ms = view.value.from_ms - around_ms, to_ms = end_ms.value + around_ms;
  const peak = (lines) => peakIn(lines.map(({ line }) => line), from_ms, to_ms);
  return new Map([...laneLines.value].map(([key, lines]) => [key, peak(lines)]));
};
export const lanePeaks = computed(() => peaksWithin(0));

/** What the axes must hold: a line that leaves the view goes on to a sample outside it. */
const laneTops = computed(() => peaksWithin(3 * Math.max(answer.value?.interval_ms ?? 0, answer.value?.column_ms ?? 0)));

/** How high every axis goes, in API units: a limit that is near is on it. */
export const laneHeights = computed(() => {
  const { from_ms } = view.value;
  const height = ({ key }) => {
    const top = laneTops.value.get(key)?.value ?? 0;
    return [key, Math.max(top, limitNear(laneLimits.value.get(key), top, from_ms, end_ms.value))];
  };
  return new Map(lanes.value.map(height));
});

/** The unit of every lane, which its axis, title and ledger column share. */
export const laneUnits = computed(() => {
  const unitOf = ({ key, unit }) => [key, unitFor(unit, lanePeaks.value.get(key)?.value || USUAL_TOPS[unit] || 0)];
  return new Map(lanes.value.map(unitOf));
});

/** When the whole node was not measured: [[from_ms, to_ms]]; the same until something else is so. */
export const nodeSilences = computed(() => JSON.parse(told.value));
const told = computed(() => JSON.stringify(silencesNow()));

function silencesNow() {
  // Any metric does: whatever was not measured then has no tick in any.
  const line = [...(answer.value?.lines.keys() ?? [])].flatMap((metric) => linesOf(answer.value, metric, [nodeId.value]))[0];
  if (!answer.value) return [];
  const apart_ms = Math.max(answer.value.interval_ms, answer.value.column_ms);
  const { oldest_ms } = health.value ?? {};
  // What lies before all data, and after now, is not missing.
  const from_ms = Math.max(view.value.from_ms, oldest_ms ?? Infinity), to_ms = Math.min(view.value.to_ms, edge_ms.value - LATE_MS);
  const inside = line ? silences(line, apart_ms) : [];
  const first = line?.t[0] ?? Infinity, last = line?.t.at(-1) ?? -Infinity;
  const isLoaded = !loading.value; // else the rest may be on its way
  const before = isLoaded && first - from_ms > GAP_INTERVALS * apart_ms && from_ms < to_ms ? [[from_ms, Math.min(first, to_ms)]] : [];
  const after = isLoaded && line && to_ms - last > GAP_INTERVALS * apart_ms && last > from_ms ? [[last, to_ms]] : [];
  return [...before, ...inside, ...after];
}
