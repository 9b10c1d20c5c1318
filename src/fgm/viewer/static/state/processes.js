// The processes that are shown: those of the open row of the cursor table, and those of the lanes "processes of …".

import { computed, signal } from "../vendor/signals.js";
import { wasSeenSince, workload } from "../lib/series.js";
import { allSeries, byId, cursor_ms } from "./store.js";
import { viewChanged } from "./view.js";

/** The id of the series whose processes are open in the cursor table, or null. */
export const openedId = signal(null);
/** The processes of the open row: {id, by, at_ms, answer} with the response of /api/processes, {id, by, refusal}, or null. */
export const processesAtCursor = signal(null);
/** The lines of the processes of a lane: Map(lane key → {lines: [{line, entry}], refusal}). */
export const processLines = signal(new Map());

/** The name of the lane with the processes of a series. `by`: "cpu" or "memory". */
export const processLaneName = (id, by) => `processes:${by}:${id}`;

/** {id, by} of a lane with processes; null for other lanes. */
export function processLane(name) {
  const [, by, id] = name.match(/^processes:(cpu|memory):(.+)$/) ?? [];
  return id ? { id, by } : null;
}

/** The ids of the lives of a series' workload that were seen in [from_ms, to_ms], oldest first; its own id if there is none. */
export function livesWithin(id, from_ms, to_ms) {
  const series = byId.value.get(id);
  if (!series) return [id];
  const key = workload(series);
  const lives = (allSeries.value ?? []).filter((other) => workload(other) === key && other.first_seen_ms <= to_ms && wasSeenSince(other, from_ms));
  return lives.length > 0 ? lives.sort((a, b) => a.first_seen_ms - b.first_seen_ms).map((other) => other.id) : [id];
}

const AFTER_END_MS = 5000; // so that the last processes of a container that was killed are shown at its kill

/** What is requested for the open row: {id of the life at the cursor, at_ms}, or null. */
export const wantedAtCursor = computed(() => {
  if (openedId.value === null) return null;
  const at_ms = cursor_ms.value;
  return { id: livesWithin(openedId.value, at_ms - AFTER_END_MS, at_ms).at(-1), at_ms };
});

/** Open the processes of a series in the cursor table. */
export function openProcesses(id) {
  openedId.value = id;
  viewChanged("replace");
}

/** Close the processes of the cursor table. */
export function closeProcesses() {
  openedId.value = null;
  viewChanged("replace");
}
