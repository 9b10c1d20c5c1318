// The lanes with a line for each label of a series, such as "I/O by disk of payments".

import { computed, signal } from "../vendor/signals.js";

/** The metrics that have a value for each label: [{name, title, unit, label, …}]. */
export const allLabelled = signal([]);
/** The lines of the labels of a lane: Map(lane key → {lines: [{line, entry}], refusal}). */
export const labelledLines = signal(new Map());
/** The name of the metric that adds up what is read and written. */
export const IO_BY_DISK = "io_bytes_per_s";

const OF_NODE = /^(disk|filesystem)[._]/; // these are recorded of the node only

/** Whether only the node has values of a labelled metric. */
export const isOfNode = (metricName) => OF_NODE.test(metricName);

/** The name of the lane with the labels of a series. */
export const labelledLaneName = (metricName, id) => `labelled:${metricName}:${id}`;

/** {metric, id} of a lane with labels; null for other lanes. */
export function labelledLane(name) {
  const [, metric, id] = name.match(/^labelled:([^:]+):(.+)$/) ?? [];
  return id ? { metric, id } : null;
}

/** The labelled metrics by name. */
export const labelledByName = computed(() => new Map(allLabelled.value.map((metric) => [metric.name, metric])));
