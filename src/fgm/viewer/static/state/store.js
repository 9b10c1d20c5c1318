// The loaded data, and the view of it. The folder requests loads the data, view.js and lanes.js change the view, and components
// read both.

import { batch, computed, signal } from "../vendor/signals.js";
import { keepWhileSame } from "../lib/same-value.js";
import { ALL, widened } from "../lib/time-format.js";

/** The last response of /api/health, or null. */
export const health = signal(null);
/** The response of /api/instance, or null. */
export const instance = signal(null);
/** Containers, pods, cgroups and the node; null until the first response. */
export const allSeries = signal(null);
/** The metrics that have a value anywhere, most used first; null until the first response. */
export const allMetrics = signal(null);
/** Whether the last request for the viewer's health got a response. */
export const connected = signal(true);
/** The node's clock minus this browser's, ms. */
export const clockOffset_ms = signal(0);

/** The present on the node's clock, rounded down to the sampling interval. It advances with every poll. */
export const edge_ms = signal(Math.floor(Date.now() / 1000) * 1000);
/** The requested range: live with a length, {live: true, span_ms} (may be ALL), or fixed, {live: false, from_ms, to_ms}. */
export const range = signal({ live: true, span_ms: 60_000 });
/** Whether a person or a link has chosen the range. Until then, the range grows with the data. */
export const rangeChosen = signal(false);
/** The range that is shown until one is chosen; null until the first response. */
export const defaultRange = signal(null);
/** Ids of the series that a person or a link has chosen; null for the top six. */
export const picked = signal(null);
/** Ids of the busiest series, which are shown while none are chosen. */
export const topSix = signal([]);
/** The colour slots that a link sets: Map(id → slot). */
export const linkedSlots = signal(new Map());
/** Samples of the lanes' metrics: {lines: Map(metric → lines), interval_ms, areMinutes, column_ms, origin_ms}. */
export const laneSamples = signal(null);
/** Samples of the metrics that explain the lanes (limits, throttling, pressure), in the same form. */
export const explainingSamples = signal(null);
/** Samples of the throttling of the pods of the shown workloads, in the same form. */
export const podSamples = signal(null);
/** The means of the pixel columns of `laneSamples`, in the same form; of use only if column_ms is the same. */
export const meanSamples = signal(null);
/** Whether samples of the lanes' metrics are being loaded. */
export const loading = signal(false);
/** Whether samples of the explaining metrics are being loaded. */
export const loadingExplanations = signal(false);
/** Whether requests for `podSamples` are running. */
export const loadingPods = signal(false);
/** Whether requests for `meanSamples` are running. */
export const loadingMeans = signal(false);
/**
 * Why the viewer refused a request for the lanes (`lines`), the explaining metrics (`explained`), pods (`pods`) or means (`means`):
 * each a text or null.
 */
export const refusals = { lines: signal(null), explained: signal(null), pods: signal(null), means: signal(null) };
/**
 * CPU use in view, or null: {from_ms, to_ms, of: Map(id → {mean, peaks})}. peaks: the highest value in each part of the range,
 * null without one.
 */
export const cpuUse = signal(null);
/**
 * How nearly the rows add up to the node in view, or null: {cpu, memory}, the sum of all leaves as a share of the node's value,
 * each null if unknown.
 */
export const accounted = signal(null);
/** Events of the range that was requested last, newest first. */
export const events = signal([]);
const keepKills = keepWhileSame((list) => list.map(({ series, time_ms }) => [series, time_ms]));
/** The OOM kills among them, which are drawn on the lanes. */
export const kills = computed(() => keepKills(events.value.filter(({ kind }) => kind === "oom_kill")));
/** The text in the search box. */
export const search = signal("");
/** The instant under the pointer, or null. */
export const hover_ms = signal(null);
/** The instant that a click or a key pinned, or null. */
export const pinned_ms = signal(null);
/** Position of the lanes' plots inside the stack in CSS px. Everything with a time axis shares it. */
export const plot = signal({ left: 64, width: 0 });

/** Forget what was loaded, because another viewer or file is shown from now on. What a person has chosen stays. */
export function resetLoaded() {
  batch(() => {
    for (const loaded of [health, instance, allSeries, allMetrics, defaultRange, cpuUse, accounted, hover_ms]) loaded.value = null;
    topSix.value = [];
    events.value = [];
    connected.value = true;
    clockOffset_ms.value = 0;
  });
}

/** The sampling interval of the recording. */
export const interval_ms = computed(() => health.value?.interval_ms ?? 1000);
/** Whether the viewer has data. */
export const ready = computed(() => health.value?.state === "ready");

/** The range in view: {from_ms, to_ms}. */
export const view = computed(() => {
  const { live, span_ms, from_ms, to_ms } = range.value;
  return live ? { from_ms: edge_ms.value - (span_ms === ALL ? whole_ms.value : span_ms), to_ms: edge_ms.value } : { from_ms, to_ms };
});

/** Length of all data up to the present, rounded up in coarse steps so that pixel columns do not move. */
const whole_ms = computed(() => widened(edge_ms.value - (health.value?.oldest_ms ?? edge_ms.value)));

/** The end of the view, exclusive; a live view includes the newest sample. */
export const end_ms = computed(() => view.value.to_ms + (range.value.live ? interval_ms.value : 0));

/** Map(id → series). */
export const byId = computed(() => new Map((allSeries.value ?? []).map((series) => [series.id, series])));
/** The series of the whole node, or undefined. */
export const node = computed(() => (allSeries.value ?? []).find((series) => series.scope === "node"));
/** The id of the node's series, or undefined. */
export const nodeId = computed(() => node.value?.id);

/** The instant of the values in the cursor table: the pinned one, else the one under the pointer, else the newest with data. */
export const cursor_ms = computed(() => {
  const chosen_ms = pinned_ms.value ?? hover_ms.value;
  if (chosen_ms !== null) return chosen_ms;
  const { from_ms, to_ms } = view.value;
  const last_ms = lastSample_ms.value ?? health.value?.newest_ms ?? to_ms;
  return Math.max(from_ms, Math.min(last_ms, end_ms.value - interval_ms.value));
});

const lastSample_ms = computed(() => {
  let last_ms = null;
  for (const lines of laneSamples.value?.lines.values() ?? []) {
    for (const line of lines) if (line.t.length > 0 && line.t.at(-1) > (last_ms ?? 0)) last_ms = line.t.at(-1);
  }
  return last_ms;
});

/** Time of the newest sample that the page has loaded or the viewer has, or null. */
export const newest_ms = computed(() => Math.max(health.value?.newest_ms ?? 0, lastSample_ms.value ?? 0) || null);
