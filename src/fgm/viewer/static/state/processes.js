// The processes that are shown: those of the open row of the cursor table, and those of the lanes "processes of …".

import { computed, signal } from "../vendor/signals.js";
import { cursor_ms } from "./store.js";
import { viewChanged } from "./view.js";

/** The id of the series whose processes are open in the cursor table, or null. */
export const openedId = signal(null);
/** The processes of the open row: {id, by, at_ms, answer} with the response of /api/processes, {id, by, refusal}, or null. */
export const processesAtCursor = signal(null);
/** The lines of the processes of a lane: Map(lane key → {from_ms, to_ms, lines: [{line, entry}]}). */
export const processLines = signal(new Map());

/** The name of the lane with the processes of a series. `by`: "cpu" or "memory". */
export const processLaneName = (id, by) => `processes:${by}:${id}`;

/** {id, by} of a lane with processes; null for other lanes. */
export function processLane(name) {
  const [, by, id] = name.match(/^processes:(cpu|memory):(.+)$/) ?? [];
  return id ? { id, by } : null;
}

/** What is requested for the open row: {id, at_ms}, or null. */
export const wantedAtCursor = computed(() => (openedId.value === null ? null : { id: openedId.value, at_ms: cursor_ms.value }));

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
