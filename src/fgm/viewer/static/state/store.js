// The page's state, once. Components read it, view.js and laneset.js change it, feed.js fills it from the server.

import { computed, effect, signal } from "../vendor/signals.js";
import { assignSlots, preferSlot } from "../browser/theme.js";
import { workload } from "../lib/series.js";
import { ALL, widened } from "../lib/time-format.js";

/** So many workloads are drawn at most; the viewer answers not many more series at once. */
export const MOST_SHOWN = 300;

export const health = signal(null);
export const instance = signal(null);
/** Containers, pods, cgroups and the node; null until the first answer. */
export const listed = signal(null);
/** The metrics that hold a value anywhere, most used first; null until the first answer. */
export const offered = signal(null);
/** False from the first request that nothing answered to the next that something did. */
export const connected = signal(true);
/** The node's clock minus this browser's, ms. */
export const clockOffset_ms = signal(0);

/** The server's present, floored to the sampling interval; moves every beat. */
export const edge_ms = signal(Math.floor(Date.now() / 1000) * 1000);
/** {live: true, span_ms}, where span_ms may be ALL, or {live: false, from_ms, to_ms}. */
export const range = signal({ live: true, span_ms: 60_000 });
/** False until a person or a link has chosen the range; till then it widens with the data there is. */
export const rangeChosen = signal(false);
/** Ids chosen by a person or a link, or null: the top six. */
export const picked = signal(null);
export const topSix = signal([]);
/** The colours that a link gave: Map(id → slot). */
export const givenSlots = signal(new Map());
/** The range of who has chosen none, or null while it is not known. */
export const usualRange = signal(null);
/** What is on the lanes: {lines: Map(metric → lines), interval_ms, column_ms, origin_ms}. */
export const answer = signal(null);
/** What explains them, in the same form: limits, throttling, pressure. */
export const explained = signal(null);
export const loading = signal(false);
/** Why the server refused a question: {lines, explained}, null where it did not. */
export const refusals = { lines: signal(null), explained: signal(null) };
/** The use of CPU in view: {from_ms, to_ms, of: Map(id → {mean, peaks: the highest of each of some parts, null: none})}, or null. */
export const uses = signal(null);
/** What happened in the range that was asked for last, newest first. */
export const events = signal([]);
export const search = signal("");
/** The instant under the pointer, and the one that a click pinned. */
export const hover_ms = signal(null);
export const pinned_ms = signal(null);
/** Where the lanes' plots lie inside the stack, css px; shared by everything that shows time. */
export const plot = signal({ left: 64, width: 0 });

export const interval_ms = computed(() => health.value?.interval_ms ?? 1000);
export const ready = computed(() => health.value?.state === "ready");

export const view = computed(() => {
  const { live, span_ms, from_ms, to_ms } = range.value;
  return live ? { from_ms: edge_ms.value - (span_ms === ALL ? whole_ms.value : span_ms), to_ms: edge_ms.value } : { from_ms, to_ms };
});

/** A length that holds all the data there is, up to the present; it grows in steps, so that pixel columns stand still. */
const whole_ms = computed(() => widened(edge_ms.value - (health.value?.oldest_ms ?? edge_ms.value)));

/** The end of what is in view, exclusive; a view that follows shows the newest sample at its very edge. */
export const end_ms = computed(() => view.value.to_ms + (range.value.live ? interval_ms.value : 0));

export const byId = computed(() => new Map((listed.value ?? []).map((series) => [series.id, series])));
export const node = computed(() => (listed.value ?? []).find((series) => series.scope === "node"));
export const nodeId = computed(() => node.value?.id);

/** Workloads on the lanes, in the order they were chosen: [{key, series, ids, slot}]; the node's slot is null. */
export const shown = computed(() => {
  const chosen = new Map();
  for (const id of picked.value ?? topSix.value) {
    const series = byId.value.get(id);
    if (series && !chosen.has(workload(series)) && chosen.size < MOST_SHOWN) chosen.set(workload(series), series);
  }
  for (const [key, series] of chosen) if (givenSlots.value.get(series.id) >= 0) preferSlot(key, givenSlots.value.get(series.id));
  const slots = assignSlots([...chosen].filter(([, series]) => series.scope !== "node").map(([key]) => key));
  const ids = new Map();
  for (const series of listed.value ?? []) {
    const key = workload(series);
    if (chosen.has(key)) ids.set(key, [...(ids.get(key) ?? []), series.id]);
  }
  const entries = [...chosen].map(([key, series]) => ({ key, series, ids: ids.get(key), slot: slots.get(key) ?? null }));
  // The list comes anew with every beat; lines are drawn anew only where it says something new of them.
  const said = entries.map(({ key, series, ids, slot }) => [key, ids.join(), slot, series.name, series.pod_name, series.namespace].join()).join("\n");
  if (said !== lastShown.said) lastShown = { said, entries };
  return lastShown.entries;
});
let lastShown = { said: null, entries: [] };

/** The instant whose values the ledger shows; in a live view without a pointer, the newest with data. */
export const cursor_ms = computed(() => {
  const at = pinned_ms.value ?? hover_ms.value;
  if (at !== null) return at;
  const { from_ms, to_ms } = view.value;
  const last = lastSample.value ?? health.value?.newest_ms ?? to_ms;
  return Math.max(from_ms, Math.min(last, end_ms.value - interval_ms.value));
});

// A pin outside the view would name an instant that nothing on the lanes shows.
effect(() => {
  const at = pinned_ms.value;
  if (at !== null && (at < view.value.from_ms || at >= end_ms.value)) pinned_ms.value = null;
});

const lastSample = computed(() => {
  let last = null;
  for (const lines of answer.value?.lines.values() ?? []) {
    for (const line of lines) if (line.t.length > 0 && line.t.at(-1) > (last ?? 0)) last = line.t.at(-1);
  }
  return last;
});

/** The newest sample that the page knows of, epoch ms or null. */
export const newest_ms = computed(() => Math.max(health.value?.newest_ms ?? 0, lastSample.value ?? 0) || null);
